/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/tpe: the Parzen estimator, a mixture of one kernel an observation and one for the prior
 * (Bergstra et al. 2011, section 4.2; Watanabe 2023, sections 3.2 and 3.3). The kernel of a number
 * is a normal one cut to the parameter's bounds, and scaled to have the mass 1 there; where
 * values are whole, it is the mass of the interval that a value owns. Places are on the scale of
 * pbx_scale, in the logarithm where the parameter is drawn so.
 */
#include "tpe.h"

#define HALF_LOG_2_PI 0.9189385332046727 /* ln(2 pi) / 2 */
#define ROOT_HALF     0.7071067811865476

/* ---- Parameters ---- */

tpe_axis
tpe_axis_of(const pbx_dim *dim)
{
    tpe_axis axis;
    memset(&axis, 0, sizeof axis);
    axis.dim = dim;
    axis.scale = pbx_scale_of(dim);
    if (dim->type == PBX_DIM_NORMAL) {
        axis.kind = dim->quantum > 0 ? TPE_CELLS : TPE_PLAIN;
        axis.width = 1;
        return axis;
    }
    axis.width = axis.scale.b - axis.scale.a;
    axis.center = axis.scale.a + axis.width / 2;
    axis.kind = dim->type == PBX_DIM_CATEGORY ? TPE_CATEGORY
                : axis.scale.quantum > 0      ? TPE_CELLS
                                              : TPE_PLAIN;
    if (axis.kind != TPE_CATEGORY && !(axis.width > 0 && isfinite(axis.width)))
        axis.kind = TPE_UNFIT;
    return axis;
}

double
tpe_axis_place(const tpe_axis *axis, double value)
{
    if (axis->kind == TPE_CATEGORY || isnan(value))
        return value;
    return pbx_clamp(pbx_scale_at(&axis->scale, value), axis->scale.a, axis->scale.b);
}

/* ---- One kernel ---- */

/* erf(z / sqrt(2)), which is 1 from there on. */
static double
error_function(double z)
{
    return z > 8.5 ? 1 : erf(z * ROOT_HALF);
}

/* The mass of a normal kernel within the parameter's bounds. Its mean is within them, so that
 * both terms are positive, and the sum is exact. */
static double
mass_within(const tpe_axis *axis, double mean, double sigma)
{
    if (axis->dim->type == PBX_DIM_NORMAL)
        return 1;
    return 0.5 * (error_function((mean - axis->scale.a) / sigma) +
                  error_function((axis->scale.b - mean) / sigma));
}

/* ln(Phi(to) - Phi(from)), from < to. */
static double
log_between(double from, double to)
{
    double width = to - from, middle = from + width / 2, edge;
    if (middle > 0) {
        double turned = -from;
        from = -to;
        to = turned;
        middle = -middle;
    }
    edge = -to;
    /* The tail beyond the nearer end; what is here is nothing beside the prior's kernel. */
    if (edge > 10)
        return -edge * edge / 2 - HALF_LOG_2_PI - log(edge + 1 / width);
    return log(0.5 * (erfc(-to * ROOT_HALF) - erfc(-from * ROOT_HALF)));
}

/* What a kernel's logarithm has beside its weight and the square. */
static double
constant_of(const tpe_axis *axis, double mean, double sigma, tpe_memo *memo)
{
    double constant, factor;
    if (memo && memo->sigma == sigma)
        return memo->constant;
    factor = mass_within(axis, mean, sigma);
    constant = axis->kind == TPE_PLAIN ? -log(factor * sigma) - HALF_LOG_2_PI : -log(factor);
    if (memo) {
        memo->sigma = sigma;
        memo->constant = constant;
    }
    return constant;
}

/* ---- Rules ---- */

size_t
tpe_split(const tpe_rules *rules, uint64_t n)
{
    double part = rules->gamma * (rules->square_root ? sqrt((double)n) : (double)n);
    /* 0.1 times 30 is more than 3. */
    size_t below = (size_t)ceil(part - 1e-9 * part);
    return rules->max_below > 0 && below > rules->max_below ? rules->max_below : below;
}

double
tpe_age_weight(size_t i, size_t n)
{
    size_t old = n > 25 ? n - 25 : 0;
    if (i >= old)
        return 1;
    if (old == 1)
        return 1. / (double)n;
    return 1. / (double)n + (double)i * (1 - 1. / (double)n) / (double)(old - 1);
}

void
tpe_bandwidths(const tpe_axis *axis, const tpe_rules *rules, size_t n_columns, const double *sorted,
               size_t n, double *sigma)
{
    const double kernels = (double)n + 1;
    const double least =
        rules->magic_clip ? axis->width / (kernels + 1 < 100 ? kernels + 1 : 100) : 1e-12;
    const double scott = 0.2 * pow((double)n, -1. / ((double)n_columns + 4)) * axis->width;
    const int with_prior = rules->bandwidth == TPE_NEIGHBOURS_AND_PRIOR;
    const int many = n + (size_t)with_prior >= 2;
    const double none = axis->dim->type == PBX_DIM_NORMAL ? NAN : 0; /* NaN: nothing is there */
    double left = axis->scale.a + none;
    for (size_t i = 0; i < n; i++) {
        double here = sorted[i], right = i + 1 < n ? sorted[i + 1] : axis->scale.b + none;
        int first = i == 0, last = i + 1 == n;
        double to_left, to_right;
        /* The prior comes behind those that are where it is. */
        if (with_prior && axis->center < here && (first || axis->center >= left)) {
            left = axis->center;
            first = 0;
        }
        if (with_prior && axis->center >= here && (last || axis->center < right)) {
            right = axis->center;
            last = 0;
        }
        to_left = here - left;
        to_right = right - here;
        if (!rules->endpoints && many && first)
            to_left = to_right;
        if (!rules->endpoints && many && last)
            to_right = to_left;
        sigma[i] = fmax(to_left, to_right); /* the other one where one is NaN */
        if (rules->bandwidth == TPE_SCOTT)
            sigma[i] = scott;
        if (!(sigma[i] < axis->width))
            sigma[i] = axis->width;
        if (sigma[i] < least)
            sigma[i] = least;
        left = here;
    }
}

/* ---- The mixture ---- */

static void *
grow(pbx_instance *self, void *memory, size_t n, size_t size)
{
    return pbx_realloc(self, memory, n * size);
}

static int
grow_column(pbx_instance *self, tpe_column *column, size_t n)
{
    double *mean = grow(self, column->mean, n, sizeof(double));
    double *sigma = mean ? grow(self, column->sigma, n, sizeof(double)) : NULL;
    uint32_t *alike = sigma ? grow(self, column->alike, n, sizeof(uint32_t)) : NULL;
    tpe_kernel *kernels = alike ? grow(self, column->kernels, n, sizeof(tpe_kernel)) : NULL;
    column->mean = mean ? mean : column->mean;
    column->sigma = sigma ? sigma : column->sigma;
    column->alike = alike ? alike : column->alike;
    column->kernels = kernels ? kernels : column->kernels;
    return kernels != NULL;
}

static int
grow_rows(pbx_instance *self, tpe_mixture *mixture, size_t n)
{
    double **arrays[] = {&mixture->weight, &mixture->log_weight, &mixture->base,
                         &mixture->sum,    &mixture->width,      &mixture->sorted};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++) {
        double *longer = grow(self, *arrays[i], n, sizeof(double));
        if (!longer)
            return 0;
        *arrays[i] = longer;
    }
    return 1;
}

static int
grow_columns(pbx_instance *self, tpe_mixture *mixture, size_t n_columns)
{
    tpe_column *columns = grow(self, mixture->columns, n_columns, sizeof(tpe_column));
    double *place = columns ? grow(self, mixture->place, n_columns, sizeof(double)) : NULL;
    mixture->columns = columns ? columns : mixture->columns;
    mixture->place = place ? place : mixture->place;
    if (!place)
        return 0;
    for (; mixture->n_allocated < n_columns; mixture->n_allocated++)
        if (!grow_column(self, &columns[mixture->n_allocated], mixture->capacity))
            return 0;
    return 1;
}

static int
reserve(pbx_instance *self, tpe_mixture *mixture, size_t n_columns, size_t n)
{
    size_t capacity = mixture->capacity;
    while (capacity < n + TPE_PAD)
        capacity = capacity ? 2 * capacity : 64;
    if (capacity > mixture->capacity) {
        for (size_t i = 0; i < mixture->n_allocated; i++)
            if (!grow_column(self, &mixture->columns[i], capacity))
                return 0;
        if (!grow_rows(self, mixture, capacity))
            return 0;
        mixture->capacity = capacity;
        mixture->n = 0;
    }
    if (n_columns > mixture->n_allocated && !grow_columns(self, mixture, n_columns))
        return 0;
    if (mixture->n_packed < 2 * capacity * n_columns) {
        double *packed = grow(self, mixture->packed, 2 * capacity * n_columns, sizeof(double));
        if (!packed)
            return 0;
        mixture->packed = packed;
        mixture->n_packed = 2 * capacity * n_columns;
    }
    return 1;
}

/* The weights of n observations and the prior. */
static void
weigh(tpe_mixture *mixture, const tpe_rules *rules, size_t n)
{
    double all = 0;
    mixture->n = n + 1;
    for (size_t i = 0; i < n; i++)
        all += mixture->weight[i] = tpe_age_weight(i, n);
    mixture->weight[n] = n > 0 ? rules->prior_weight : 1;
    all += mixture->weight[n];
    for (size_t i = 0; i <= n; i++) {
        mixture->weight[i] /= all;
        mixture->log_weight[i] = i > 0 && mixture->weight[i] == mixture->weight[i - 1]
                                     ? mixture->log_weight[i - 1]
                                     : log(mixture->weight[i]);
    }
}

pbx_status
tpe_mixture_begin(pbx_instance *self, tpe_mixture *mixture, const tpe_rules *rules,
                  size_t n_columns, size_t n, pbx_error *error)
{
    if (!reserve(self, mixture, n_columns, n + 1))
        return pbx_fail_memory(error);
    mixture->n_columns = n_columns;
    mixture->n_plain = 0;
    if (mixture->n != n + 1)
        weigh(mixture, rules, n);
    memcpy(mixture->base, mixture->log_weight, (n + 1) * sizeof(double));
    for (size_t i = n + 1; i < n + 1 + TPE_PAD; i++)
        mixture->base[i] = -(double)INFINITY;
    return PBX_OK;
}

/* Watanabe 2023, equation 10: a part of the prior's weight on each choice, 1 more on the observed
 * one. */
static void
fill_category(tpe_mixture *mixture, const tpe_rules *rules, tpe_column *column,
              const double *places)
{
    double part = rules->prior_weight / (double)mixture->n;
    double choices = column->axis->dim->n_choices;
    for (size_t i = 0; i + 1 < mixture->n; i++)
        column->mean[i] = places[i];
    column->hit = log((part + 1) / (1 + choices * part));
    column->miss = log(part / (1 + choices * part));
    column->prior = -log(choices);
    column->spread = choices * part / (1 + choices * part);
}

/* A plain column's means and widths, with the zeros that are behind the last. */
static void
pack(tpe_mixture *mixture, const tpe_column *column)
{
    const size_t stride = 2 * TPE_PAD * mixture->n_columns, last = mixture->n - 1;
    double *group = mixture->packed + 2 * TPE_PAD * mixture->n_plain++;
    for (size_t k = 0; k <= last; k += TPE_PAD, group += stride)
        for (size_t i = 0; i < TPE_PAD; i++) {
            group[i] = k + i <= last ? column->mean[k + i] : 0;
            group[TPE_PAD + i] = k + i <= last ? ROOT_HALF / column->sigma[k + i] : 0;
        }
}

/* Kernels that are the same lie side by side in the order of their places. */
static void
gather(const tpe_mixture *mixture, tpe_column *column, const uint32_t *order)
{
    tpe_kernel *kernel = column->kernels;
    double log_sigma = 0;
    column->n_alike = 0;
    for (size_t k = 0; k < mixture->n; k++) {
        const size_t at = k + 1 < mixture->n ? order[k] : k;
        const double mean = mixture->sorted[k], sigma = mixture->width[k];
        if (k == 0 || sigma != mixture->width[k - 1])
            log_sigma = log(sigma);
        if (k == 0 || sigma != mixture->width[k - 1] || mean != mixture->sorted[k - 1]) {
            kernel = &column->kernels[column->n_alike++];
            kernel->mean = mean;
            kernel->inverse = 1 / sigma;
            kernel->log_sigma = log_sigma;
        }
        column->alike[at] = (uint32_t)(column->n_alike - 1);
    }
}

void
tpe_mixture_fill(tpe_mixture *mixture, const tpe_rules *rules, size_t i, const tpe_axis *axis,
                 const double *places, const uint32_t *order, tpe_memo *memo, const uint32_t *slots)
{
    tpe_column *column = &mixture->columns[i];
    const size_t n = mixture->n - 1;
    column->axis = axis;
    if (axis->kind == TPE_CATEGORY) {
        fill_category(mixture, rules, column, places);
        return;
    }
    for (size_t k = 0; k < n; k++)
        mixture->sorted[k] = places[order[k]];
    tpe_bandwidths(axis, rules, mixture->n_columns, mixture->sorted, n, mixture->width);
    mixture->sorted[n] = axis->center;
    mixture->width[n] = axis->width;
    for (size_t k = 0; k <= n; k++) {
        const size_t at = k < n ? order[k] : n;
        const double mean = mixture->sorted[k], sigma = mixture->width[k];
        column->mean[at] = mean;
        column->sigma[at] = sigma;
        mixture->base[at] +=
            constant_of(axis, mean, sigma, memo && k < n ? &memo[slots[at]] : NULL);
    }
    if (axis->kind == TPE_PLAIN)
        pack(mixture, column);
    else
        gather(mixture, column, order);
}

/* ---- Draws ---- */

/* Box and Muller, 1958. */
static double
draw_normal(tpe_normals *normals)
{
    double radius, angle;
    normals->has_spare = !normals->has_spare;
    if (!normals->has_spare)
        return normals->spare;
    radius = sqrt(-2 * log(1 - pbx_rng_uniform(normals->rng)));
    angle = 6.283185307179586 * pbx_rng_uniform(normals->rng);
    normals->spare = radius * sin(angle);
    return radius * cos(angle);
}

/* A kernel's place, by drawing until it is within the bounds: more than a third of all draws are,
 * since the mean is and no kernel is wider than they are apart. */
static double
draw_place(const tpe_axis *axis, double mean, double sigma, tpe_normals *normals)
{
    double place;
    do
        place = mean + sigma * draw_normal(normals);
    while (place < axis->scale.a || place > axis->scale.b);
    return place;
}

static double
draw_value(const tpe_column *column, size_t kernel, int is_prior, tpe_normals *normals)
{
    const tpe_axis *axis = column->axis;
    if (axis->kind != TPE_CATEGORY)
        return pbx_scale_value(
            &axis->scale, draw_place(axis, column->mean[kernel], column->sigma[kernel], normals));
    if (is_prior || pbx_rng_uniform(normals->rng) < column->spread)
        return (double)pbx_rng_below(normals->rng, axis->dim->n_choices);
    return column->mean[kernel];
}

void
tpe_mixture_draw(const tpe_mixture *mixture, tpe_normals *normals, double *values)
{
    double left = pbx_rng_uniform(normals->rng);
    size_t kernel = 0;
    while (kernel + 1 < mixture->n && left >= mixture->weight[kernel])
        left -= mixture->weight[kernel++];
    for (size_t i = 0; i < mixture->n_columns; i++)
        values[i] = draw_value(&mixture->columns[i], kernel, kernel + 1 == mixture->n, normals);
}

/* ---- Density ---- */

/* The logarithm of a kernel's mass between two places; log_width is that of their distance. */
static double
log_cell(const tpe_kernel *kernel, double from, double to, double log_width)
{
    const double width = (to - from) * kernel->inverse;
    const double middle = ((from + to) / 2 - kernel->mean) * kernel->inverse;
    double more;
    if (width >= 0.05 || width * fabs(middle) >= 0.1)
        return log_between((from - kernel->mean) * kernel->inverse,
                           (to - kernel->mean) * kernel->inverse);
    /* The first two terms of the series of the normal density around the middle. */
    more = width * width * (middle * middle - 1) / 24;
    return log_width - kernel->log_sigma - middle * middle / 2 - HALF_LOG_2_PI + more -
           more * more / 2;
}

static void
add_cells(const tpe_mixture *mixture, tpe_column *column, double value)
{
    double from, to, log_width;
    pbx_scale_cell(&column->axis->scale, value, &from, &to);
    log_width = log(to - from);
    for (size_t i = 0; i < column->n_alike; i++)
        column->kernels[i].term = log_cell(&column->kernels[i], from, to, log_width);
    for (size_t i = 0; i < mixture->n; i++)
        mixture->sum[i] += column->kernels[column->alike[i]].term;
}

static void
add_category(const tpe_mixture *mixture, const tpe_column *column, double value)
{
    const size_t prior = mixture->n - 1;
    for (size_t i = 0; i < prior; i++)
        mixture->sum[i] += column->mean[i] == value ? column->hit : column->miss;
    mixture->sum[prior] += column->prior;
}

double
tpe_mixture_log(tpe_mixture *mixture, const double *values)
{
    const size_t padded = (mixture->n + TPE_PAD - 1) / TPE_PAD * TPE_PAD;
    size_t n_plain = 0;
    for (size_t i = 0; i < mixture->n_columns; i++)
        if (mixture->columns[i].axis->kind == TPE_PLAIN)
            mixture->place[n_plain++] = tpe_axis_place(mixture->columns[i].axis, values[i]);
    tpe_subtract_squares(mixture->sum, mixture->base, mixture->packed, mixture->n_columns,
                         mixture->place, n_plain, padded);
    for (size_t i = 0; i < mixture->n_columns; i++) {
        tpe_column *column = &mixture->columns[i];
        if (column->axis->kind == TPE_CATEGORY)
            add_category(mixture, column, values[i]);
        else if (column->axis->kind == TPE_CELLS)
            add_cells(mixture, column, values[i]);
    }
    return tpe_log_sum(mixture->sum, padded);
}
