/* SPDX-License-Identifier: MIT */
/*
 * pegbox/helpers/space.h: dimensions of the search space, and their maps to numbers and back:
 * to the unit interval, where a number drawn evenly from [0, 1) becomes a value drawn as the
 * dimension's operator says; and to the scale on which a model of the values is made.
 */
#ifndef PEGBOX_HELPERS_SPACE_H
#define PEGBOX_HELPERS_SPACE_H

#include <math.h>
#include <pegbox/types.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether the dimension plays a part at x: its category's branch is taken. */
static inline int
pbx_active(const pbx_dim *dim, const double *x)
{
    return dim->parent < 0 || x[dim->parent] == (double)dim->parent_choice;
}

/* The largest number below 1. */
#define PBX_BELOW_ONE 0.99999999999999988898

static inline double
pbx_clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

/* Phi(z), the standard normal distribution. */
static inline double
pbx_normal_cdf(double z)
{
    return 0.5 * erfc(-z * 0.7071067811865476);
}

/* Its inverse, for 0 < p < 1: Newton's steps on log Phi, which is concave, so that they
 * converge from any start. */
static inline double
pbx_normal_inverse(double p)
{
    double target, z;
    if (p > 0.5)
        return -pbx_normal_inverse(1 - p);
    target = log(p);
    z = target < -5 ? -sqrt(-2 * (target + 0.9189385332046727))
                    : -0.5513288954217921 * log(expm1(-target));
    for (int i = 0; i < 50; i++) {
        double mass = pbx_normal_cdf(z);
        double density = 0.3989422804014327 * exp(-0.5 * z * z);
        double step = (log(mass) - target) * mass / density;
        z -= step;
        if (fabs(step) <= 1e-15 * fabs(z))
            break;
    }
    return z;
}

/* A dimension on a scale on which it is even: bounds a and b, in the logarithm with LOG.
 * Values with a quantum, and integers, own the interval around them, so that the
 * outermost are as likely as the others; an integer without a quantum in the logarithm
 * owns [v, v + 1), as $lograndint is defined, and so does a category's index. A normal
 * one has its distance from the mean in standard deviations, without bounds. */
typedef struct pbx_scale {
    const pbx_dim *dim;
    double a, b;
    double quantum; /* 0: continuous */
    double shift;   /* of a whole value to the middle of its interval */
} pbx_scale;

static inline pbx_scale
pbx_scale_of(const pbx_dim *dim)
{
    pbx_scale scale;
    int floors = dim->type == PBX_DIM_INT && dim->quantum <= 0 && (dim->flags & PBX_DIM_LOG);
    scale.dim = dim;
    scale.quantum = dim->quantum > 0 ? dim->quantum : dim->type == PBX_DIM_INT ? 1 : 0;
    scale.shift = floors ? 0.5 : 0;
    scale.a = dim->low - (floors ? 0 : scale.quantum / 2);
    scale.b = dim->high + (floors ? 1 : scale.quantum / 2);
    if (dim->type == PBX_DIM_CATEGORY) {
        scale.quantum = 1;
        scale.shift = 0.5;
        scale.a = 0;
        scale.b = dim->n_choices;
    } else if (dim->type == PBX_DIM_NORMAL) {
        scale.a = -(double)INFINITY;
        scale.b = (double)INFINITY;
    } else if (dim->flags & PBX_DIM_LOG) {
        scale.a = log(scale.a);
        scale.b = log(scale.b);
    }
    return scale;
}

/* Where on the scale the value lies, in the middle of its interval but for the logarithm's
 * bend; NaN is NaN. */
static inline double
pbx_scale_at(const pbx_scale *scale, double x)
{
    const pbx_dim *dim = scale->dim;
    if (dim->type == PBX_DIM_NORMAL)
        return (x - dim->mean) / dim->sd;
    x += scale->shift;
    if (!(dim->flags & PBX_DIM_LOG) || isnan(x))
        return x;
    return x > 0 ? log(x) : scale->a;
}

/* The interval of the scale that the value owns; both are its place where it is continuous. */
static inline void
pbx_scale_cell(const pbx_scale *scale, double x, double *from, double *to)
{
    double half = scale->quantum / 2;
    *from = pbx_scale_at(scale, x - half);
    *to = pbx_scale_at(scale, x + half);
}

/* The multiple of q nearest to the value (ties to even), exactly as pegbox has it in a config, so
 * that equal points compare equal: 0.15 for q = 0.05, and not 3 * 0.05, which is larger by a bit.
 */
static inline double
pbx_quantise(double value, double q)
{
    double steps = rint(value / q);
    double inverse = rint(1 / q);
    if (q < 1 && fabs(q * inverse - 1) < 1e-14)
        return steps / inverse + 0.0;
    return steps * q + 0.0; /* + 0.0: no negative zero */
}

/* The value at a place on the scale: never outside the dimension, below an open upper
 * bound, a multiple of its quantum; a category's index. */
static inline double
pbx_scale_value(const pbx_scale *scale, double place)
{
    const pbx_dim *dim = scale->dim;
    double x = place;
    if (dim->type == PBX_DIM_NORMAL) {
        x = dim->mean + dim->sd * place;
        return dim->quantum > 0 ? pbx_quantise(x, dim->quantum) : x;
    }
    if (dim->type == PBX_DIM_CATEGORY)
        return pbx_clamp(floor(x), 0, (double)dim->n_choices - 1);
    if (dim->flags & PBX_DIM_LOG)
        x = exp(x);
    if (scale->quantum <= 0)
        return pbx_clamp(x, dim->low, nextafter(dim->high, dim->low));
    if (scale->shift > 0)
        x = floor(x);
    else /* halves go up: of two values each has half of the even places */
        x = pbx_quantise(floor(x / scale->quantum + 0.5) * scale->quantum, scale->quantum);
    /* The bounds are as they were written: 3 * 0.3 is less than 0.9. */
    if (x > dim->high - scale->quantum / 2)
        return dim->high;
    return x < dim->low + scale->quantum / 2 ? dim->low : x;
}

/* The value at u of [0, 1]: where u is even there, the value is as its operator says. */
static inline double
pbx_from_unit(const pbx_dim *dim, double u)
{
    pbx_scale scale = pbx_scale_of(dim);
    if (dim->type == PBX_DIM_NORMAL) {
        u = pbx_clamp(u, 5.5511151231257827e-17, PBX_BELOW_ONE);
        return pbx_scale_value(&scale, pbx_normal_inverse(u));
    }
    u = pbx_clamp(u, 0, PBX_BELOW_ONE);
    /* By halves: low and high may be farther apart than the largest number. */
    return pbx_scale_value(&scale, 2 * (scale.a / 2 + u * (scale.b / 2 - scale.a / 2)));
}

/* Where in [0, 1] the value lies, the middle of its interval where it has one: then
 * pbx_from_unit gives it back. An inactive one (NaN) is NaN. */
static inline double
pbx_to_unit(const pbx_dim *dim, double x)
{
    pbx_scale scale = pbx_scale_of(dim);
    double place = pbx_scale_at(&scale, x);
    if (isnan(x))
        return x;
    if (dim->type == PBX_DIM_NORMAL)
        return pbx_normal_cdf(place);
    if (!(scale.b > scale.a))
        return 0;
    return pbx_clamp((place / 2 - scale.a / 2) / (scale.b / 2 - scale.a / 2), 0, 1);
}

/*
 * The point at u of the unit cube, which has one coordinate a dimension of the whole tree:
 * NaN for those that are inactive there. x may be u. Each u gives a point of the space, an
 * even u one that is drawn as the space says.
 */
static inline void
pbx_from_cube(const pbx_space *space, const double *u, double *x)
{
    for (uint32_t i = 0; i < space->n_dims; i++) {
        double value = pbx_from_unit(space->dims[i], u[i]);
        x[i] = pbx_active(space->dims[i], x) ? value : (double)NAN;
    }
}

/* Where in the unit cube the point lies; NaN where it is inactive. u may be x. */
static inline void
pbx_to_cube(const pbx_space *space, const double *x, double *u)
{
    for (uint32_t i = 0; i < space->n_dims; i++)
        u[i] = pbx_to_unit(space->dims[i], x[i]);
}

static inline int
pbx_compare_names(const void *a, const void *b)
{
    const pbx_dim *const *one = *(const pbx_dim *const *const *)a;
    const pbx_dim *const *other = *(const pbx_dim *const *const *)b;
    return strcmp((*one)->name, (*other)->name);
}

/* The dimensions by name, whose order in the experiment file then does not matter: list[k] -
 * space->dims is the index of the k-th. The list has n_dims places. */
static inline void
pbx_sort_names(const pbx_space *space, const pbx_dim *const **list)
{
    for (uint32_t i = 0; i < space->n_dims; i++)
        list[i] = &space->dims[i];
    if (space->n_dims > 0)
        qsort(list, space->n_dims, sizeof(*list), pbx_compare_names);
}

#ifdef __cplusplus
}
#endif
#endif
