/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/gp: what the model is told, on its own scale. */
#include "model.h"

static double
value_of(const gp_row *row, size_t output)
{
    return output == 0 ? row->loss : row->violations[output - 1];
}

/* By the largest, so that no sum is more than a double holds. */
static void
divide(double *y, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fabs(y[i]) > largest ? fabs(y[i]) : largest;
    for (size_t i = 0; i < n && largest > 0; i++)
        y[i] /= largest;
}

static int
compare(const void *a, const void *b)
{
    const double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

/*
 * The logarithm of how far each is from the least, beside how far the middle one is: near the least
 * all stays as it was, and what is far away comes near. Where half of them are the least nothing is
 * done. Returns the logarithm of the product of all derivatives.
 */
static double
warp(double *y, size_t n, double *sorted)
{
    double least, spread, sum = 0;
    if (n == 0)
        return 0;
    memcpy(sorted, y, n * sizeof(double));
    qsort(sorted, n, sizeof(double), compare);
    least = sorted[0];
    spread = sorted[n / 2] - least;
    if (!(spread > 1e-200))
        return 0;
    for (size_t i = 0; i < n; i++) {
        sum -= log(spread + y[i] - least);
        y[i] = log1p((y[i] - least) / spread);
    }
    return sum;
}

/* Mean 0 and deviation 1, in place. Returns the deviation. */
static double
standardise(double *y, size_t n, double *zero)
{
    double mean = 0, squares = 0, sd;
    for (size_t i = 0; i < n; i++)
        mean += y[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (y[i] - mean) * (y[i] - mean) / (double)n;
    sd = sqrt(squares);
    /* All alike, but for rounding. */
    if (!(sd > 1e-14 * fabs(mean)))
        sd = 1;
    for (size_t i = 0; i < n; i++)
        y[i] = (y[i] - mean) / sd;
    *zero = -mean / sd;
    return sd;
}

int
gp_observe(const pbx_instance *self, gp_memory *memory, size_t n_rows, size_t output, int warped,
           gp_observations *observations)
{
    const gp_rows *ended = &self->trials.ended;
    double worst = -(double)INFINITY;
    const double **u = (const double **)(void *)gp_reals(memory, n_rows);
    double *y = gp_reals(memory, n_rows), *sorted = gp_reals(memory, n_rows);
    size_t n = 0;
    if (!u || !y || !sorted)
        return 0;
    for (size_t i = 0; i < n_rows; i++) {
        const double value = value_of(ended->items[i], output);
        if (ended->items[i]->kind != GP_COUNTS || isnan(value))
            continue;
        u[n] = ended->items[i]->u;
        y[n++] = value;
        if (isfinite(value) && value > worst)
            worst = value;
    }
    /* No number of a constraint: it is not kept. */
    if (!isfinite(worst) || (output > 0 && worst <= 0))
        worst = 1;
    for (size_t i = 0; i < n; i++)
        y[i] = isfinite(y[i]) ? y[i] : worst;
    divide(y, n);
    observations->log_derivatives = warped ? warp(y, n, sorted) : 0;
    observations->log_derivatives -= (double)n * log(standardise(y, n, &observations->zero));
    for (size_t i = 0; i < n && output == 0; i++)
        y[i] = -y[i];
    observations->n = n;
    observations->u = u;
    observations->y = y;
    return 1;
}
