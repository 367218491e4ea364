/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PED-ANOVA, on a grid of cells for each dim. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <pegbox/helpers/space.h>

#include "analysis/importance.h"

#define MAX_CELLS    50
#define MIN_TOP      2
#define PRIOR_WEIGHT 1.0
#define SCOTT        1.059
/* 90 % of such a kernel lie in its own cell. */
#define MIN_SIGMA (0.5 / 1.64)
#define TINY      1e-12

/* ---- The best ---- */

static int
by_value(gconstpointer a, gconstpointer b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The largest loss that is among the best. */
static double
cut(const PbxSamples *samples, double quantile)
{
    g_autofree double *sorted = g_memdup2(samples->losses, samples->n * sizeof *sorted);
    qsort(sorted, samples->n, sizeof *sorted, by_value);
    const double share = ceil(quantile * samples->n);
    const guint n = CLAMP((guint)share, MIN(MIN_TOP, samples->n), samples->n);
    return sorted[n - 1];
}

static guint
count_top(const PbxSamples *samples, double most)
{
    guint n = 0;
    for (guint i = 0; i < samples->n; i++)
        n += samples->losses[i] <= most;
    return n;
}

guint
ped_anova_n_top(const PbxSamples *samples, double quantile)
{
    return samples->n > 0 ? count_top(samples, cut(samples, quantile)) : 0;
}

/* ---- Cells ---- */

static guint
n_cells(const pbx_dim *dim)
{
    const double quantum = dim->quantum > 0 ? dim->quantum : dim->type == PBX_DIM_INT ? 1 : 0;
    if (dim->type == PBX_DIM_CATEGORY)
        return dim->n_choices;
    if (dim->type == PBX_DIM_NORMAL || quantum <= 0)
        return MAX_CELLS;
    double values = round((dim->high - dim->low) / quantum) + 1;
    if (dim->flags & PBX_DIM_LOG)
        values = ceil(log2(values)) + 1;
    return (guint)CLAMP(values, 2, MAX_CELLS);
}

/* The cell whose point is the nearest. */
static guint
cell_of(const pbx_dim *dim, guint n, double x)
{
    double at;
    if (dim->type == PBX_DIM_CATEGORY)
        return (guint)CLAMP(x, 0, n - 1);
    if (dim->type == PBX_DIM_NORMAL)
        at = pbx_normal_cdf((x - dim->mean) / dim->sd);
    else if (dim->flags & PBX_DIM_LOG)
        at = log(x / dim->low) / log(dim->high / dim->low);
    else
        at = (x - dim->low) / (dim->high - dim->low);
    return isfinite(at) ? (guint)CLAMP(ceil(at * (n - 1) - 0.5), 0, n - 1) : 0;
}

/* counts[cells] of those samples that have the dim and a loss up to `most`; how many. */
static guint
count(const PbxSamples *samples, guint dim, guint cells, double most, double *counts)
{
    guint n = 0;
    memset(counts, 0, cells * sizeof *counts);
    for (guint i = 0; i < samples->n; i++) {
        const double x = samples->x[(gsize)i * samples->n_dims + dim];
        if (isnan(x) || samples->losses[i] > most)
            continue;
        counts[cell_of(samples->dims[dim], cells, x)]++;
        n++;
    }
    return n;
}

/* ---- Densities ---- */

/* The first cell in which more than (or, with `reached`, as many as) so many are behind. */
static guint
quartile(const double *counts, guint cells, guint rank, gboolean reached)
{
    double sum = 0;
    guint last = 0;
    for (guint i = 0; i < cells; i++) {
        if (counts[i] <= 0)
            continue;
        sum += counts[i];
        last = i;
        if (sum > rank || (reached && sum >= rank))
            return i;
    }
    return last;
}

/* Scott's bandwidth, in cells. */
static double
bandwidth(const double *counts, guint cells, guint n)
{
    double mean = 0, squares = 0;
    for (guint i = 0; i < cells; i++)
        mean += counts[i] * i / n;
    for (guint i = 0; i < cells; i++)
        squares += counts[i] * (i - mean) * (i - mean);
    const double deviation = sqrt(squares / MAX(1, n - 1));
    const double range = (double)quartile(counts, cells, n * 3 / 4, FALSE) -
                         (double)quartile(counts, cells, n / 4, TRUE);
    return MAX(SCOTT * MIN(range / 1.34, deviation) * pow(n, -0.2), MIN_SIGMA);
}

/* Adds a normal kernel's masses in the cells, cut to the grid. */
static void
add_kernel(double *density, guint cells, double mu, double sigma, double weight)
{
    const double all =
        pbx_normal_cdf((cells - 0.5 - mu) / sigma) - pbx_normal_cdf((-0.5 - mu) / sigma);
    double below = pbx_normal_cdf((-0.5 - mu) / sigma);
    for (guint i = 0; i < cells; i++) {
        const double up_to = pbx_normal_cdf((i + 0.5 - mu) / sigma);
        density[i] += weight * (up_to - below) / all;
        below = up_to;
    }
}

static void
add_numbers(double *density, const double *counts, guint cells, guint n)
{
    const double sigma = n > 0 ? bandwidth(counts, cells, n) : 0;
    for (guint i = 0; i < cells; i++) {
        if (counts[i] > 0)
            add_kernel(density, cells, i, sigma, counts[i]);
    }
    add_kernel(density, cells, (cells - 1) / 2.0, cells, PRIOR_WEIGHT);
}

/* As TPE's: a kernel for each value, smoothed by the prior. (Optuna has one for each choice that
 * occurs, which smooths many values as though they were few.) */
static void
add_choices(double *density, const double *counts, guint cells, guint n)
{
    const double smooth = PRIOR_WEIGHT / (n + 1), sum = 1 + smooth * cells;
    for (guint i = 0; i < cells; i++) {
        if (counts[i] <= 0)
            continue;
        for (guint j = 0; j < cells; j++)
            density[j] += counts[i] * (smooth + (i == j)) / sum;
    }
    for (guint j = 0; j < cells; j++)
        density[j] += PRIOR_WEIGHT / cells;
}

/* density[cells] of n values, each above 0; it sums to 1. */
static void
estimate(const pbx_dim *dim, const double *counts, guint cells, guint n, double *density)
{
    memset(density, 0, cells * sizeof *density);
    if (dim->type == PBX_DIM_CATEGORY)
        add_choices(density, counts, cells, n);
    else
        add_numbers(density, counts, cells, n);
    for (guint i = 0; i < cells; i++)
        density[i] = density[i] / (n + PRIOR_WEIGHT) + TINY;
}

/* ---- Importance ---- */

static double
assess(const PbxSamples *samples, guint dim, double most, guint n_top)
{
    const guint cells = n_cells(samples->dims[dim]);
    g_autofree double *counts = g_new(double, cells);
    g_autofree double *top = g_new(double, cells);
    g_autofree double *all = g_new(double, cells);
    const guint in_top = count(samples, dim, cells, most, counts);
    estimate(samples->dims[dim], counts, cells, in_top, top);
    const guint in_all = count(samples, dim, cells, INFINITY, counts);
    estimate(samples->dims[dim], counts, cells, in_all, all);
    if (in_top < MIN_TOP)
        return 0;
    double divergence = 0;
    for (guint i = 0; i < cells; i++)
        divergence += all[i] * (top[i] / all[i] - 1) * (top[i] / all[i] - 1);
    const double a = (double)in_top / n_top, b = (double)in_all / samples->n;
    return a * a / b * divergence;
}

void
importance_ped_anova(const PbxSamples *samples, double quantile, double *importance)
{
    const double most = samples->n > 0 ? cut(samples, quantile) : 0;
    const guint n_top = count_top(samples, most);
    double sum = 0;
    for (guint i = 0; i < samples->n_dims; i++) {
        importance[i] = n_top > 0 && n_top < samples->n ? assess(samples, i, most, n_top) : 0;
        sum += importance[i];
    }
    for (guint i = 0; i < samples->n_dims && sum > 0; i++)
        importance[i] /= sum;
}
