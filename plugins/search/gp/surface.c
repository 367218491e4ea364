/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/gp: what a fitted model says of places: mean and deviation. */
#include "model.h"

static void
fill(double *matrix, void *user)
{
    const gp_surface *surface = user;
    const gp_points *points = &surface->points;
    const size_t stride = points->stride, n_dims = points->self->n_dims;
    for (size_t k = 0; k < points->n; k++) {
        double *column = matrix + k * stride;
        for (size_t i = k; i < points->n; i++)
            column[i] = 0;
        for (size_t j = 0; j < n_dims; j++) {
            const double *z = points->z + j * stride;
            if (points->self->axes[j].is_category)
                for (size_t i = k; i < points->n; i++)
                    column[i] += z[i] == z[k] ? 0 : points->weights[j];
            else
                for (size_t i = k; i < points->n; i++)
                    column[i] += (z[i] - z[k]) * (z[i] - z[k]);
        }
        for (size_t i = k; i < points->n; i++)
            column[i] = gp_matern(points->scale, column[i], NULL);
        column[k] += surface->noise;
    }
}

int
gp_surface_make(const pbx_instance *self, gp_memory *memory, const gp_fit *fit,
                const gp_observations *observations, const gp_rows *open, const double *lie,
                gp_surface *surface)
{
    const size_t n_observed = observations->n, n = n_observed + open->n, stride = gp_stride(n);
    const size_t n_known = lie ? n : n_observed;
    const double **u = (const double **)(void *)gp_reals(memory, n);
    surface->n_observed = n_observed;
    surface->noise = fit->noise;
    surface->factor = gp_reals(memory, n * stride);
    surface->alpha = gp_reals(memory, stride);
    surface->k = gp_reals(memory, stride);
    surface->slope = gp_reals(memory, stride);
    surface->v = gp_reals(memory, stride);
    if (!u || !surface->factor || !surface->alpha || !surface->k || !surface->slope || !surface->v)
        return 0;
    for (size_t i = 0; i < n; i++)
        u[i] = i < n_observed ? observations->u[i] : open->items[i - n_observed]->u;
    if (!gp_points_make(self, memory, fit->weights, fit->scale, u, n, &surface->points) ||
        !gp_factor(surface->factor, n, stride, fit->scale, fill, surface))
        return 0;
    /* Where an open one gives what the mean is there, the mean stays as it is. */
    for (size_t i = 0; i < n_known; i++)
        surface->alpha[i] = i < n_observed ? observations->y[i] : *lie;
    gp_solve(surface->factor, n_known, stride, surface->alpha, 1);
    gp_solve_back(surface->factor, n_known, stride, surface->alpha);
    return 1;
}

static double
deviation(double variance)
{
    return sqrt((variance > 0 ? variance : 0) + 1e-12);
}

void
gp_surface_at(gp_surface *surface, const double *u, double *mean, double *sd, double *d_mean,
              double *d_sd)
{
    const gp_points *points = &surface->points;
    const size_t n = points->n, stride = points->stride, n_dims = points->self->n_dims;
    double *v = surface->v, sum = 0, variance = points->scale;
    gp_kernel(points, u, surface->k, d_mean ? surface->slope : NULL);
    for (size_t i = 0; i < n; i++) {
        sum += surface->alpha[i] * surface->k[i];
        v[i] = surface->k[i];
    }
    gp_solve(surface->factor, n, stride, v, 1);
    for (size_t i = 0; i < n; i++)
        variance -= v[i] * v[i];
    *mean = sum;
    *sd = deviation(variance);
    if (!d_mean)
        return;
    gp_solve_back(surface->factor, n, stride, v);
    for (size_t j = 0; j < n_dims; j++) {
        const double *z = points->z + j * stride;
        const double at = points->root[j] * u[j];
        double of_mean = 0, of_variance = 0;
        if (!points->self->axes[j].is_category)
            for (size_t i = 0; i < n; i++) {
                const double step = surface->slope[i] * (at - z[i]);
                of_mean += surface->alpha[i] * step;
                of_variance += v[i] * step;
            }
        d_mean[j] = 2 * points->root[j] * of_mean;
        d_sd[j] = variance > 0 ? -2 * points->root[j] * of_variance / *sd : 0;
    }
}

void
gp_surface_many(const gp_surface *surface, const double *u, size_t n, double *block, double *mean,
                double *sd)
{
    const gp_points *points = &surface->points;
    const size_t stride = points->stride, n_dims = points->self->n_dims;
    for (size_t c = 0; c < n; c++) {
        double *k = block + c * stride, sum = 0;
        gp_kernel(points, u + c * n_dims, k, NULL);
        for (size_t i = 0; i < points->n; i++)
            sum += surface->alpha[i] * k[i];
        mean[c] = sum;
    }
    gp_solve(surface->factor, points->n, stride, block, n);
    for (size_t c = 0; c < n; c++) {
        const double *v = block + c * stride;
        double variance = points->scale;
        for (size_t i = 0; i < points->n; i++)
            variance -= v[i] * v[i];
        sd[c] = deviation(variance);
    }
}
