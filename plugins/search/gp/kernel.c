/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/gp: the kernel, Matern's of smoothness 5/2 with a length scale for each parameter. A
 * choice is as far from any other as a number from the one a whole range away.
 */
#include "model.h"

int
gp_points_make(const pbx_instance *self, gp_memory *memory, const double *weights, double scale,
               const double *const *u, size_t n, gp_points *points)
{
    points->self = self;
    points->weights = weights;
    points->scale = scale;
    points->n = n;
    points->stride = gp_stride(n);
    points->root = gp_reals(memory, self->n_dims);
    points->z = gp_reals(memory, self->n_dims * points->stride);
    if (!points->root || !points->z)
        return 0;
    for (size_t j = 0; j < self->n_dims; j++) {
        const double factor = self->axes[j].is_category ? 1 : sqrt(weights[j]);
        points->root[j] = factor;
        for (size_t i = 0; i < n; i++)
            points->z[j * points->stride + i] = factor * u[i][j];
    }
    return 1;
}

double
gp_matern(double scale, double r2, double *slope)
{
    const double r = sqrt(5 * r2), decay = scale * exp(-r);
    if (slope)
        *slope = -5.0 / 6 * decay * (1 + r);
    return decay * (1 + r + 5.0 / 3 * r2);
}

void
gp_kernel(const gp_points *points, const double *u, double *k, double *slope)
{
    const size_t n = points->n;
    for (size_t i = 0; i < n; i++)
        k[i] = 0;
    for (size_t j = 0; j < points->self->n_dims; j++) {
        const double *z = points->z + j * points->stride;
        const double at = points->root[j] * u[j], weight = points->weights[j];
        if (points->self->axes[j].is_category)
            for (size_t i = 0; i < n; i++)
                k[i] += z[i] == at ? 0 : weight;
        else
            for (size_t i = 0; i < n; i++)
                k[i] += (z[i] - at) * (z[i] - at);
    }
    for (size_t i = 0; i < n; i++)
        k[i] = gp_matern(points->scale, k[i], slope ? &slope[i] : NULL);
}
