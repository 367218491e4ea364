/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/cmaes: what a normal distribution cannot be of: categories, and parameters within
 * branches. Each is drawn alone, like those of the good trials and unlike those of the others: a
 * small tree-structured Parzen estimator, of the best trials and the newest.
 */
#include "cmaes.h"

enum { N_STARTUP = 10, N_GOOD = 25, N_NEW = 100, N_ROWS = N_GOOD + N_NEW };

/* In a row before the values: the loss and the trial, -1 of a foreign one. */
#define HEAD ((size_t)2)

pbx_status
cmaes_inner_make(pbx_instance *self, pbx_error *error)
{
    const pbx_space *space = self->problem->space;
    cmaes_inner *inner = &self->inner;
    inner->n = 0;
    pbx_free(self, inner->dims);
    inner->dims = pbx_alloc_array(self, space->n_dims, sizeof(uint32_t));
    if (!inner->dims)
        return pbx_fail_memory(error);
    for (uint32_t i = 0; i < space->n_dims; i++)
        if (space->dims[i]->type == PBX_DIM_CATEGORY || space->dims[i]->parent >= 0)
            inner->dims[inner->n++] = i;
    if (inner->rows)
        return PBX_OK;
    inner->rows = pbx_alloc_array(self, (N_ROWS + 1) * (inner->n + HEAD), sizeof(double));
    inner->order = pbx_alloc_array(self, N_ROWS + 1, sizeof(size_t));
    inner->good = pbx_alloc_array(self, N_ROWS + 1, sizeof(double));
    inner->bad = pbx_alloc_array(self, N_ROWS + 1, sizeof(double));
    inner->width = pbx_alloc_array(self, 2 * (N_ROWS + 1), sizeof(double));
    return inner->rows && inner->order && inner->good && inner->bad && inner->width
               ? PBX_OK
               : pbx_fail_memory(error);
}

/* ---- Trials ---- */

static double *
row_of(const cmaes_inner *inner, size_t i)
{
    return inner->rows + i * (inner->n + HEAD);
}

/* From the best to the worst; equal ones as they came. */
static void
rank(cmaes_inner *inner)
{
    for (size_t i = 0; i < inner->n_rows; i++) {
        size_t at = i;
        while (at > 0 && row_of(inner, inner->order[at - 1])[0] > row_of(inner, i)[0]) {
            inner->order[at] = inner->order[at - 1];
            at--;
        }
        inner->order[at] = i;
    }
}

static void
drop(cmaes_inner *inner, size_t i)
{
    inner->n_rows--;
    memmove(row_of(inner, i), row_of(inner, i + 1),
            (inner->n_rows - i) * (inner->n + HEAD) * sizeof(double));
}

void
cmaes_inner_tell(pbx_instance *self, uint64_t trial, double loss, const double *x)
{
    cmaes_inner *inner = &self->inner;
    double *row = row_of(inner, inner->n_rows);
    size_t oldest = 0;
    if (inner->n == 0)
        return;
    row[0] = loss;
    row[1] = trial == PBX_NONE ? -1 : (double)trial;
    for (size_t i = 0; i < inner->n; i++)
        row[i + HEAD] = x[inner->dims[i]];
    inner->n_rows++;
    inner->told++;
    if (inner->n_rows <= N_ROWS)
        return;
    rank(inner);
    for (size_t i = 0; i < N_GOOD; i++) /* the oldest that is none of the best */
        for (size_t k = 0; k < N_GOOD; k++)
            oldest += inner->order[k] == oldest;
    drop(inner, oldest);
}

int
cmaes_inner_forget(pbx_instance *self, uint64_t trial)
{
    cmaes_inner *inner = &self->inner;
    for (size_t i = inner->n_rows; i-- > 0;) {
        if (row_of(inner, i)[1] != (double)trial)
            continue;
        drop(inner, i);
        inner->told--;
        return 1;
    }
    return inner->n == 0;
}

/* Values of one parameter on both sides. */
static void
split(cmaes_inner *inner, size_t dim, size_t *n_good, size_t *n_bad)
{
    const size_t part = (size_t)ceil(0.1 * (double)inner->told);
    const size_t most = part < N_GOOD ? part : N_GOOD;
    *n_good = *n_bad = 0;
    for (size_t k = 0; k < inner->n_rows; k++) {
        const double *row = row_of(inner, inner->order[k]);
        if (isnan(row[dim + HEAD]))
            continue;
        if (k < most && isfinite(row[0]))
            inner->good[(*n_good)++] = row[dim + HEAD];
        else
            inner->bad[(*n_bad)++] = row[dim + HEAD];
    }
}

/* ---- Categories ---- */

/* A kernel has this for its own choice, and the rest evenly for all. */
static double
own_part(size_t n, uint32_t n_choices)
{
    return 1 / (1 + (double)n_choices / ((double)n + 1));
}

static double
chance(const double *values, size_t n, uint32_t n_choices, double choice)
{
    const double own = own_part(n, n_choices);
    size_t same = 0;
    for (size_t i = 0; i < n; i++)
        same += values[i] == choice;
    return (own * (double)same + (1 + (1 - own) * (double)n) / n_choices) / ((double)n + 1);
}

static double
draw_choice(cmaes_inner *inner, size_t n_good, size_t n_bad, uint32_t n_choices, int n_candidates,
            pbx_rng *rng)
{
    double chosen = 0, best = -1;
    for (int i = 0; i < n_candidates; i++) {
        const size_t kernel = (size_t)pbx_rng_below(rng, n_good + 1);
        const double u = pbx_rng_uniform(rng), anywhere = (double)pbx_rng_below(rng, n_choices);
        const double choice =
            kernel < n_good && u < own_part(n_good, n_choices) ? inner->good[kernel] : anywhere;
        const double ratio = chance(inner->good, n_good, n_choices, choice) /
                             chance(inner->bad, n_bad, n_choices, choice);
        if (ratio > best) {
            best = ratio;
            chosen = choice;
        }
    }
    return chosen;
}

/* ---- Numbers ---- */

static int
compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The places of the values, sorted, and the prior's at the end; as wide as their neighbours are
 * far. */
static void
spread_out(const pbx_dim *dim, double *values, size_t n, double *width)
{
    const double least = 1 / fmin(100, (double)n + 2);
    for (size_t i = 0; i < n; i++)
        values[i] = pbx_to_unit(dim, values[i]);
    qsort(values, n, sizeof(double), compare);
    for (size_t i = 0; i < n; i++) {
        const double left = i > 0 ? values[i] - values[i - 1] : n > 1 ? 0 : 1;
        const double right = i + 1 < n ? values[i + 1] - values[i] : n > 1 ? 0 : 1;
        width[i] = pbx_clamp(fmax(left, right), least, 1);
    }
    values[n] = 0.5;
    width[n] = 1;
}

static double
density(const double *values, const double *width, size_t n, double u)
{
    double sum = 0;
    for (size_t i = 0; i <= n; i++) {
        const double z = (u - values[i]) / width[i];
        const double mass =
            pbx_normal_cdf((1 - values[i]) / width[i]) - pbx_normal_cdf((0 - values[i]) / width[i]);
        sum += exp(-z * z / 2) / (width[i] * mass);
    }
    return sum / ((double)n + 1);
}

static double
draw_number(cmaes_inner *inner, size_t n_good, size_t n_bad, const pbx_dim *dim, int n_candidates,
            pbx_rng *rng)
{
    double *wide = inner->width, *wide_bad = inner->width + N_ROWS + 1;
    double chosen = 0.5, best = -1;
    spread_out(dim, inner->good, n_good, wide);
    spread_out(dim, inner->bad, n_bad, wide_bad);
    for (int i = 0; i < n_candidates; i++) {
        const size_t k = (size_t)pbx_rng_below(rng, n_good + 1);
        const double low = pbx_normal_cdf((0 - inner->good[k]) / wide[k]);
        const double high = pbx_normal_cdf((1 - inner->good[k]) / wide[k]);
        const double p = low + pbx_rng_uniform(rng) * (high - low);
        const double z = pbx_normal_inverse(pbx_clamp(p, 1e-300, PBX_BELOW_ONE));
        const double u = pbx_clamp(inner->good[k] + wide[k] * z, 0, 1);
        const double ratio =
            density(inner->good, wide, n_good, u) / density(inner->bad, wide_bad, n_bad, u);
        if (ratio > best) {
            best = ratio;
            chosen = u;
        }
    }
    return pbx_from_unit(dim, chosen);
}

void
cmaes_inner_draw(pbx_instance *self, pbx_rng *rng, int n_candidates, double *x)
{
    cmaes_inner *inner = &self->inner;
    const int at_random = n_candidates == 0 || inner->told < N_STARTUP;
    if (!at_random)
        rank(inner);
    for (size_t i = 0; i < inner->n; i++) {
        const pbx_dim *dim = self->problem->space->dims[inner->dims[i]];
        double *value = &x[inner->dims[i]];
        size_t n_good, n_bad;
        if (!pbx_active(dim, x)) {
            *value = (double)NAN;
            continue;
        }
        if (at_random) {
            *value = pbx_from_unit(dim, pbx_rng_uniform(rng));
            continue;
        }
        split(inner, i, &n_good, &n_bad);
        *value = dim->type == PBX_DIM_CATEGORY
                     ? draw_choice(inner, n_good, n_bad, dim->n_choices, n_candidates, rng)
                     : draw_number(inner, n_good, n_bad, dim, n_candidates, rng);
    }
}

void
cmaes_inner_state(pbx_instance *self, pbx_blob *blob)
{
    cmaes_inner *inner = &self->inner;
    pbx_blob_u64(blob, &inner->told);
    pbx_blob_count(blob, &inner->n_rows, 8 * (inner->n + HEAD));
    if (inner->n_rows > N_ROWS) {
        pbx_blob_fail(blob, PBX_EINVAL);
        inner->n_rows = 0;
    }
    pbx_blob_reals(blob, inner->rows, inner->n_rows * (inner->n + HEAD));
    for (size_t i = 0; i < inner->n_rows; i++)
        if (isnan(inner->rows[i * (inner->n + HEAD)]))
            pbx_blob_fail(blob, PBX_EINVAL);
}
