/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/gp: from a place to a better one nearby. Numbers move along the slope, whole values and
 * choices one after the other, by turns, until nothing gets better.
 */
#include <nlopt.h>

#include "model.h"

#define MAX_ROUNDS      100
#define MAX_EVALUATIONS 200
#define LEAST_GAIN      1e-4
/* Of so many values at most each is tried; more are climbed along the slope first. */
#define FEW_VALUES 16

/* ---- Along the slope ---- */

typedef struct {
    gp_landscape *landscape;
    nlopt_opt optimizer;
    size_t n;
    uint32_t *dims;   /* [n] that move */
    double *u;        /* [n_dims] where it is */
    double *gradient; /* [n_dims] */
    double *lengths;  /* [n] of their scales */
    double *best;     /* [n_dims] */
    double best_value;
} Slope;

/* A parameter that is a number of many values, and active there. */
static int
is_smooth(const pbx_instance *self, const double *x, size_t dim)
{
    const gp_axis *axis = &self->axes[dim];
    return !axis->is_category && !isnan(x[dim]) &&
           (axis->n_values == 0 || axis->n_values > FEW_VALUES);
}

static double
evaluate(unsigned n, const double *z, double *gradient, void *user)
{
    Slope *slope = user;
    double value;
    for (unsigned i = 0; i < n; i++)
        slope->u[slope->dims[i]] = pbx_clamp(z[i] * slope->lengths[i], 0, 1);
    value = gp_landscape_at(slope->landscape, slope->u, gradient ? slope->gradient : NULL);
    for (unsigned i = 0; i < n && gradient; i++)
        gradient[i] = slope->gradient[slope->dims[i]] * slope->lengths[i];
    if (value > slope->best_value) {
        slope->best_value = value;
        memcpy(slope->best, slope->u, slope->landscape->self->n_dims * sizeof(double));
    }
    if (slope->landscape->cancelled)
        nlopt_force_stop(slope->optimizer);
    return value;
}

/* Into slope->best, from slope->u. */
static void
follow(Slope *slope, double *z, double *low, double *high)
{
    slope->optimizer = nlopt_create(NLOPT_LD_LBFGS, (unsigned)slope->n);
    if (!slope->optimizer)
        return;
    for (size_t i = 0; i < slope->n; i++) {
        low[i] = 0;
        high[i] = 1 / slope->lengths[i];
        z[i] = slope->u[slope->dims[i]] / slope->lengths[i];
    }
    nlopt_set_max_objective(slope->optimizer, evaluate, slope);
    nlopt_set_lower_bounds(slope->optimizer, low);
    nlopt_set_upper_bounds(slope->optimizer, high);
    nlopt_set_ftol_abs(slope->optimizer, LEAST_GAIN / 10);
    nlopt_set_maxeval(slope->optimizer, MAX_EVALUATIONS);
    double reached;
    nlopt_optimize(slope->optimizer, z, &reached);
    nlopt_destroy(slope->optimizer);
}

/* The value of the better place, which whole values are in the middle of again. */
static double
climb_slope(gp_landscape *landscape, double *u, double value)
{
    pbx_instance *self = landscape->self;
    const size_t n_dims = self->n_dims;
    gp_memory memory = {self, NULL};
    double *numbers = gp_reals(&memory, 8 * n_dims);
    Slope slope = {.landscape = landscape, .best_value = value};
    double *x, *z;
    if (!numbers)
        return value;
    slope.u = numbers;
    slope.gradient = numbers + n_dims;
    slope.lengths = numbers + 2 * n_dims;
    slope.best = numbers + 3 * n_dims;
    x = numbers + 4 * n_dims;
    z = numbers + 5 * n_dims;
    slope.dims = (uint32_t *)(void *)gp_reals(&memory, n_dims);
    memcpy(slope.u, u, n_dims * sizeof(double));
    memcpy(slope.best, u, n_dims * sizeof(double));
    gp_settle(self->space, slope.u, x);
    for (size_t i = 0; slope.dims && i < n_dims; i++)
        if (is_smooth(self, x, i)) {
            slope.lengths[slope.n] = 1 / sqrt(self->fits[0].weights[i]);
            slope.dims[slope.n++] = (uint32_t)i;
        }
    if (slope.n > 0) {
        double settled;
        follow(&slope, z, z + n_dims, z + 2 * n_dims);
        gp_settle(self->space, slope.best, x);
        settled = gp_landscape_at(landscape, slope.best, NULL);
        if (settled > value) {
            memcpy(u, slope.best, n_dims * sizeof(double));
            value = settled;
        }
    }
    gp_memory_free(&memory);
    return value;
}

/* ---- One after the other ---- */

typedef struct {
    gp_landscape *landscape;
    double *u, *value;
    double *other, *x; /* [n_dims] scratch */
    size_t dim;
} Step;

static double
place_of(const gp_axis *axis, double index)
{
    const double step = axis->dim->quantum > 0 ? axis->dim->quantum : 1;
    if (axis->is_category)
        return index;
    return pbx_to_unit(axis->dim,
                       pbx_clamp(axis->dim->low + index * step, axis->dim->low, axis->dim->high));
}

/* Whether the place with that value is better: then it is taken. */
static int
try_value(Step *step, double index)
{
    pbx_instance *self = step->landscape->self;
    double value;
    if (step->landscape->cancelled)
        return 0;
    memcpy(step->other, step->u, self->n_dims * sizeof(double));
    step->other[step->dim] = place_of(&self->axes[step->dim], index);
    gp_settle(self->space, step->other, step->x);
    value = gp_landscape_at(step->landscape, step->other, NULL);
    if (!(value > *step->value))
        return 0;
    memcpy(step->u, step->other, self->n_dims * sizeof(double));
    *step->value = value;
    return 1;
}

/* By ever longer steps up and down, and again from where that led. */
static void
try_along(Step *step, const gp_axis *axis, double value)
{
    const double quantum = axis->dim->quantum > 0 ? axis->dim->quantum : 1;
    double index = rint((value - axis->dim->low) / quantum);
    int moved = 1;
    for (int round = 0; moved && round < 64; round++) {
        moved = 0;
        for (double length = 1; !moved && length < axis->n_values; length *= 2)
            for (int side = -1; !moved && side <= 1; side += 2) {
                const double other = index + side * length;
                if (other < 0 || other >= axis->n_values)
                    continue;
                moved = try_value(step, other);
                index = moved ? other : index;
            }
    }
}

static void
climb_values(gp_landscape *landscape, double *u, double *value)
{
    pbx_instance *self = landscape->self;
    gp_memory memory = {self, NULL};
    Step step = {.landscape = landscape, .u = u, .value = value};
    step.other = gp_reals(&memory, self->n_dims);
    step.x = gp_reals(&memory, self->n_dims);
    for (size_t i = 0; step.other && step.x && i < self->n_dims; i++) {
        const gp_axis *axis = &self->axes[i];
        if (axis->n_values == 0)
            continue;
        memcpy(step.other, u, self->n_dims * sizeof(double));
        gp_settle(self->space, step.other, step.x);
        if (isnan(step.x[i]))
            continue;
        step.dim = i;
        if (axis->is_category || axis->n_values <= FEW_VALUES) {
            const double here = step.other[i];
            for (double index = 0; index < axis->n_values; index++)
                if (place_of(axis, index) != here)
                    try_value(&step, index);
        } else {
            try_along(&step, axis, step.x[i]);
        }
    }
    gp_memory_free(&memory);
}

double
gp_climb(gp_landscape *landscape, double *u, double value)
{
    const pbx_instance *self = landscape->self;
    size_t n_values = 0;
    for (size_t i = 0; i < self->n_dims; i++)
        n_values += self->axes[i].n_values > 0;
    for (int round = 0; round < MAX_ROUNDS && !landscape->cancelled; round++) {
        const double before = value;
        value = climb_slope(landscape, u, value);
        if (n_values == 0)
            break;
        climb_values(landscape, u, &value);
        if (!(value > before + LEAST_GAIN))
            break;
    }
    return value;
}
