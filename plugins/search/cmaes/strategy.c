/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/cmaes: the strategy itself: draws from a normal distribution, and moves it by how the
 * draws are ranked. Equations are those of [1], README.md.
 */
#include "cmaes.h"

/* ---- Constants ---- */

/* The weights and what follows from them; negative ones too where the covariance is full. */
static void
weigh(cmaes_strategy *s)
{
    const double n = (double)s->n;
    double plus = 0, minus = 0, plus_squares = 0, minus_squares = 0, alpha;
    for (size_t i = 0; i < s->lambda; i++) {
        const double from = s->separable ? (double)s->mu + 1 : ((double)s->lambda + 1) / 2;
        s->weight[i] = log(from) - log((double)i + 1);
        if (s->separable && i >= s->mu)
            s->weight[i] = 0;
        if (i < s->mu) {
            plus_squares += s->weight[i] * s->weight[i];
            plus += s->weight[i];
        } else {
            minus_squares += s->weight[i] * s->weight[i];
            minus -= s->weight[i];
        }
    }
    s->mueff = plus * plus / plus_squares;
    s->c_1 = 2 / ((n + 1.3) * (n + 1.3) + s->mueff);
    s->c_mu = 2 * (s->mueff - 2 + 1 / s->mueff) / ((n + 2) * (n + 2) + s->mueff);
    if (s->separable)
        s->c_mu =
            (n + 2) / 3 *
            (2 / (s->mueff * (n + sqrt(2)) * (n + sqrt(2))) +
             (1 - 1 / s->mueff) * fmin(1, (2 * s->mueff - 1) / ((n + 2) * (n + 2) + s->mueff)));
    s->c_mu = fmin(1 - s->c_1 - 1e-8, s->c_mu);
    alpha = 1 + 2 * (minus_squares > 0 ? minus * minus / minus_squares : 0) / (s->mueff + 2);
    if (s->c_mu > 0)
        alpha = fmin(alpha, fmin(1 + s->c_1 / s->c_mu, (1 - s->c_1 - s->c_mu) / (n * s->c_mu)));
    for (size_t i = 0; i < s->lambda; i++) {
        if (s->weight[i] >= 0)
            s->weight[i] /= plus;
        else
            s->weight[i] *= alpha / minus;
    }
}

static void
set_constants(cmaes_strategy *s)
{
    const double n = (double)s->n;
    weigh(s);
    s->c_sigma = (s->mueff + 2) / (n + s->mueff + (s->separable ? 3 : 5));
    s->d_sigma = 1 + 2 * fmax(0, sqrt((s->mueff - 1) / (n + 1)) - 1) + s->c_sigma;
    s->c_c = s->separable ? 4 / (n + 4) : (4 + s->mueff / n) / (n + 4 + 2 * s->mueff / n);
    s->chi = sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
    /* Then the vectors cost no more than the rest does. */
    s->lazy = s->separable ? 1 : (size_t)fmax(1, 1 / (10 * n * (s->c_1 + s->c_mu)));
}

pbx_status
cmaes_strategy_make(pbx_instance *self, cmaes_strategy *s, size_t n, size_t lambda, int separable,
                    pbx_error *error)
{
    double **vectors[] = {&s->mean,   &s->p_sigma, &s->p_c,     &s->length,
                          &s->spread, &s->normal,  &s->rotated, &s->step};
    double **matrices[] = {&s->covariance, &s->vectors, &s->matrix};
    int failed = 0;
    pbx_free(self, s->weight);
    s->weight = pbx_alloc_array(self, lambda, sizeof(double));
    if (s->n_allocated != n + 1) {
        for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
            pbx_free(self, *vectors[i]);
            *vectors[i] = pbx_alloc_array(self, n, sizeof(double));
            failed |= !*vectors[i];
        }
        for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
            pbx_free(self, *matrices[i]);
            *matrices[i] = pbx_alloc_array(self, separable ? n : n * n, sizeof(double));
            failed |= !*matrices[i];
        }
        pbx_free(self, s->work);
        s->work = pbx_alloc_array(self, 3 * n, sizeof(double));
    }
    if (!s->weight || !s->work || failed)
        return pbx_fail_memory(error);
    s->n_allocated = n + 1;
    s->n = n;
    s->lambda = lambda;
    s->mu = lambda / 2;
    s->separable = separable;
    set_constants(s);
    return PBX_OK;
}

/* ---- The covariance's eigenvectors ---- */

static void
decompose(cmaes_strategy *s)
{
    double most = 0;
    if (s->separable) {
        memcpy(s->length, s->covariance, s->n * sizeof(double));
    } else {
        memcpy(s->matrix, s->covariance, s->n * s->n * sizeof(double));
        if (!cmaes_eigen(s->matrix, s->n, s->length, s->vectors, s->work))
            s->broken = 1;
    }
    for (size_t i = 0; i < s->n; i++) {
        most = fmax(most, s->length[i]);
        s->broken |= !isfinite(s->length[i]);
    }
    /* Rounding may have made one negative: by then the condition ends the run. */
    for (size_t i = 0; i < s->n; i++)
        s->length[i] = sqrt(fmax(s->length[i], 1e-20 * most));
    s->broken |= !(most > 0);
}

void
cmaes_start(cmaes_strategy *s, const double *mean, double sigma, const double *covariance)
{
    s->generation = 0;
    s->sigma = sigma;
    s->broken = 0;
    memset(s->covariance, 0, (s->separable ? s->n : s->n * s->n) * sizeof(double));
    for (size_t i = 0; i < s->n; i++) {
        s->mean[i] = mean[i];
        s->p_sigma[i] = s->p_c[i] = 0;
        s->spread[i] = 1;
        if (s->separable)
            s->covariance[i] = covariance ? covariance[i * s->n + i] : 1;
        for (size_t k = 0; !s->separable && k < s->n; k++)
            s->covariance[i * s->n + k] = covariance ? covariance[i * s->n + k] : i == k;
    }
    if (s->n > 0)
        decompose(s);
}

/* ---- Points ---- */

void
cmaes_draw(cmaes_strategy *s, pbx_rng *rng, double *place)
{
    for (size_t i = 0; i < s->n; i++) {
        s->normal[i] = s->length[i] * pbx_rng_normal(rng);
        s->rotated[i] = s->separable ? s->normal[i] : 0;
    }
    for (size_t i = 0; !s->separable && i < s->n; i++)
        for (size_t k = 0; k < s->n; k++)
            s->rotated[k] += s->vectors[i * s->n + k] * s->normal[i];
    for (size_t i = 0; i < s->n; i++)
        place[i] = s->mean[i] + s->sigma * s->rotated[i];
}

void
cmaes_whiten(cmaes_strategy *s, const double *y, double *white)
{
    for (size_t i = 0; i < s->n; i++)
        white[i] = s->separable ? y[i] / s->length[i] : 0;
    for (size_t i = 0; !s->separable && i < s->n; i++) {
        const double *vector = s->vectors + i * s->n;
        double along = 0;
        for (size_t k = 0; k < s->n; k++)
            along += vector[k] * y[k];
        along /= s->length[i];
        for (size_t k = 0; k < s->n; k++)
            white[k] += along * vector[k];
    }
}

static double
norm_of(const double *values, size_t n)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += values[i] * values[i];
    return sqrt(squares);
}

void
cmaes_clip(cmaes_strategy *s, double *place)
{
    const double n = (double)s->n, most = sqrt(n) + 2 * n / (n + 2); /* [5], table 1 */
    double norm;
    for (size_t i = 0; i < s->n; i++)
        s->step[i] = (place[i] - s->mean[i]) / s->sigma;
    cmaes_whiten(s, s->step, s->rotated);
    norm = norm_of(s->rotated, s->n);
    if (norm <= most)
        return;
    for (size_t i = 0; i < s->n; i++)
        place[i] = s->mean[i] + s->sigma * s->step[i] * (most / norm);
}

/* ---- The update ---- */

/* The weight of the i-th place for the covariance; y is its step. */
static double
covariance_weight(cmaes_strategy *s, size_t i, const double *y)
{
    double norm;
    if (s->weight[i] >= 0)
        return s->weight[i];
    cmaes_whiten(s, y, s->rotated);
    norm = norm_of(s->rotated, s->n);
    return s->weight[i] * (double)s->n / (norm * norm + 1e-8);
}

static void
add_square(cmaes_strategy *s, const double *y, double factor)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->separable)
            s->covariance[i] += factor * y[i] * y[i];
        else
            for (size_t k = 0; k < s->n; k++)
                s->covariance[i * s->n + k] += factor * (y[i] * y[k]);
    }
}

/* Equations 43 to 47, with the mean as it was. */
static void
adapt_covariance(cmaes_strategy *s, const double *const *places, const double *mean, double sigma,
                 int h)
{
    double sum = 0, keep;
    for (size_t i = 0; i < s->lambda; i++)
        sum += s->weight[i];
    keep = 1 + s->c_1 * (1 - h) * s->c_c * (2 - s->c_c) - s->c_1 - s->c_mu * sum;
    for (size_t i = 0; i < (s->separable ? s->n : s->n * s->n); i++)
        s->covariance[i] *= keep;
    add_square(s, s->p_c, s->c_1);
    for (size_t i = 0; i < s->lambda; i++) {
        if (s->weight[i] == 0)
            continue;
        for (size_t k = 0; k < s->n; k++)
            s->step[k] = (places[i][k] - mean[k]) / sigma;
        add_square(s, s->step, s->c_mu * covariance_weight(s, i, s->step));
    }
}

void
cmaes_update(cmaes_strategy *s, const double *const *places)
{
    const double n = (double)s->n, sigma = s->sigma, c = s->c_sigma;
    double *mean = s->work, *moved = s->normal, norm, age;
    int h;
    s->generation++;
    for (size_t k = 0; k < s->n; k++) {
        mean[k] = s->mean[k];
        moved[k] = 0;
        for (size_t i = 0; i < s->mu; i++)
            moved[k] += s->weight[i] * ((places[i][k] - mean[k]) / sigma);
        s->mean[k] = mean[k] + sigma * moved[k];
    }
    cmaes_whiten(s, moved, s->rotated);
    for (size_t k = 0; k < s->n; k++)
        s->p_sigma[k] = (1 - c) * s->p_sigma[k] + sqrt(c * (2 - c) * s->mueff) * s->rotated[k];
    norm = norm_of(s->p_sigma, s->n);
    age = 1 - pow(1 - c, 2 * ((double)s->generation + 1));
    h = norm / sqrt(age) < (1.4 + 2 / (n + 1)) * s->chi;
    for (size_t k = 0; k < s->n; k++)
        s->p_c[k] =
            (1 - s->c_c) * s->p_c[k] + h * sqrt(s->c_c * (2 - s->c_c) * s->mueff) * moved[k];
    adapt_covariance(s, places, mean, sigma, h);
    s->sigma = sigma * exp(c / s->d_sigma * (norm / s->chi - 1));
    s->broken |= !isfinite(s->sigma) || !(s->sigma > 0);
    if (s->generation % s->lazy == 0)
        decompose(s);
}

/* ---- State ---- */

void
cmaes_strategy_state(cmaes_strategy *s, pbx_blob *blob)
{
    double *vectors[] = {s->mean, s->p_sigma, s->p_c, s->length, s->spread};
    uint32_t broken = (uint32_t)s->broken;
    pbx_blob_u64(blob, &s->generation);
    pbx_blob_real(blob, &s->sigma);
    pbx_blob_u32(blob, &broken);
    s->broken = broken != 0;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        pbx_blob_reals(blob, vectors[i], s->n);
    pbx_blob_reals(blob, s->covariance, s->separable ? s->n : s->n * s->n);
    if (!s->separable)
        pbx_blob_reals(blob, s->vectors, s->n * s->n);
}
