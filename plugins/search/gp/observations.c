/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/gp: what the model is told, on its own scale. */
#include "model.h"

static double
value_of(const gp_row *row, size_t output)
{
    return output == 0 ? row->loss : row->violations[output - 1];
}

/* Mean 0 and deviation 1, in place. The numbers are first divided by the largest, so that no sum
 * is more than a double holds. */
static void
standardise(double *y, size_t n, double *zero)
{
    double largest = 0, mean = 0, squares = 0, sd;
    for (size_t i = 0; i < n; i++)
        largest = fabs(y[i]) > largest ? fabs(y[i]) : largest;
    for (size_t i = 0; i < n && largest > 0; i++)
        mean += (y[i] /= largest) / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (y[i] - mean) * (y[i] - mean) / (double)n;
    sd = sqrt(squares);
    /* All alike, but for rounding. */
    if (!(sd > 1e-14 * fabs(mean)))
        sd = 1;
    for (size_t i = 0; i < n; i++)
        y[i] = (y[i] - mean) / sd;
    *zero = -mean / sd;
}

int
gp_observe(const pbx_instance *self, gp_memory *memory, size_t n_rows, size_t output,
           gp_observations *observations)
{
    const gp_rows *ended = &self->trials.ended;
    double worst = -(double)INFINITY;
    const double **u = (const double **)(void *)gp_reals(memory, n_rows);
    double *y = gp_reals(memory, n_rows);
    size_t n = 0;
    if (!u || !y)
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
    standardise(y, n, &observations->zero);
    for (size_t i = 0; i < n && output == 0; i++)
        y[i] = -y[i];
    observations->n = n;
    observations->u = u;
    observations->y = y;
    return 1;
}
