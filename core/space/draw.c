/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Points: made valid, drawn, and counted through a grid. */
#include <math.h>
#include <pegbox/helpers/space.h>

#include "space/space-private.h"

/* Changes below this, relative to the value or its step, are rounding noise. */
#define NOISE 1e-9

/* ---- Making valid ---- */

static double
clamp(const pbx_dim *dim, double value)
{
    if (value < dim->low)
        return dim->low;
    if (dim->type == PBX_DIM_REAL && dim->quantum == 0)
        return value < dim->high ? value : nextafter(dim->high, dim->low);
    return value > dim->high ? dim->high : value;
}

static double
snap_number(const pbx_dim *dim, double value)
{
    if (dim->quantum > 0) {
        double multiple = pbx_quantise(clamp(dim, value), dim->quantum);
        /* The bounds are as they were written: 3 * 0.3 is less than 0.9. */
        if (fabs(multiple - dim->high) < dim->quantum / 2)
            return dim->high;
        return fabs(multiple - dim->low) < dim->quantum / 2 ? dim->low : multiple;
    }
    if (dim->type == PBX_DIM_INT)
        return clamp(dim, rint(value) + 0.0);
    return clamp(dim, value);
}

static gboolean
is_noise(const pbx_dim *dim, double before, double after)
{
    double scale = dim->quantum > 0 ? dim->quantum : dim->type == PBX_DIM_INT ? 1 : 0;
    scale = fmax(scale, fmax(fabs(before), fabs(after)));
    return before == after || (isfinite(before) && fabs(before - after) <= NOISE * scale);
}

static gboolean
check_value(const pbx_dim *dim, double value, GError **error)
{
    if (isnan(value)) {
        g_set_error(error, PBX_SPACE_ERROR, SPACE_ERROR_POINT, "%s has no value", dim->name);
        return FALSE;
    }
    gboolean bad_index = dim->type == PBX_DIM_CATEGORY &&
                         !(value >= 0 && value < dim->n_choices && value == rint(value));
    if (bad_index || (dim->type == PBX_DIM_NORMAL && isinf(value))) {
        g_set_error(error, PBX_SPACE_ERROR, SPACE_ERROR_POINT,
                    bad_index ? "%s: %g is no index of a choice" : "%s: %g is not finite",
                    dim->name, value);
        return FALSE;
    }
    return TRUE;
}

gboolean
space_snap(const PbxSpace *space, double *x, gboolean *altered, GError **error)
{
    gboolean changed = FALSE;
    for (guint i = 0; i < space->dims->len; i++) {
        const pbx_dim *dim = &space_dim(space, i)->abi;
        if (!space_active(space, x, i)) {
            x[i] = NAN;
            continue;
        }
        if (!check_value(dim, x[i], error))
            return FALSE;
        if (dim->type == PBX_DIM_CATEGORY)
            continue;
        double value = snap_number(dim, x[i]);
        changed = changed || !is_noise(dim, x[i], value);
        x[i] = value;
    }
    if (altered != NULL)
        *altered = changed;
    return TRUE;
}

/* ---- Drawing ---- */

/* Uniform in [low, high), also where high - low overflows. */
static double
draw_between(double low, double high, PbxRandom *random)
{
    double u = random_uniform(random);
    double width = high - low;
    return isfinite(width) ? low + u * width : low * (1 - u) + high * u;
}

static double
draw_log(double low, double high, PbxRandom *random)
{
    return exp(draw_between(log(low), log(high), random));
}

/* Of steps from low to high all are alike; under a logarithm each has its cell's mass. */
static double
draw_quantised(const pbx_dim *dim, PbxRandom *random)
{
    double q = dim->quantum;
    if ((dim->flags & PBX_DIM_LOG) != 0)
        return draw_log(dim->low - q / 2, dim->high + q / 2, random);
    guint64 steps = (guint64)rint((dim->high - dim->low) / q);
    return (rint(dim->low / q) + (double)random_below(random, steps + 1)) * q;
}

static double
draw_integer(const pbx_dim *dim, PbxRandom *random)
{
    if ((dim->flags & PBX_DIM_LOG) != 0)
        return floor(draw_log(dim->low, dim->high + 1, random));
    return dim->low + (double)random_below(random, (guint64)(dim->high - dim->low) + 1);
}

double
space_draw(const PbxSpace *space, guint dim, PbxRandom *random)
{
    const pbx_dim *self = &space_dim(space, dim)->abi;
    double value;
    if (self->type == PBX_DIM_CATEGORY)
        return (double)random_below(random, self->n_choices);
    if (self->type == PBX_DIM_NORMAL)
        value = self->mean + self->sd * random_normal(random);
    else if (self->quantum > 0)
        value = draw_quantised(self, random);
    else if (self->type == PBX_DIM_INT)
        value = draw_integer(self, random);
    else if ((self->flags & PBX_DIM_LOG) != 0)
        value = draw_log(self->low, self->high, random);
    else
        value = draw_between(self->low, self->high, random);
    return snap_number(self, value);
}

/* ---- The grid ---- */

static guint64
multiply(guint64 a, guint64 b)
{
    guint64 product;
    return g_uint64_checked_mul(&product, a, b) ? product : G_MAXUINT64;
}

static guint64
add(guint64 a, guint64 b)
{
    guint64 sum;
    return g_uint64_checked_add(&sum, a, b) ? sum : G_MAXUINT64;
}

static gboolean
is_grid(const SpaceDim *dim)
{
    return (dim->abi.flags & PBX_DIM_GRID) != 0;
}

/* GRID dims in the order of their paths; an outer one before those in it. */
static void
collect_grids(PbxSpace *space, const SpaceNode *node)
{
    if (node->kind == SPACE_CATEGORY && is_grid(space_dim(space, node->index)))
        space->grids[space->n_grids++] = node->index;
    for (guint i = 0; node->children != NULL && i < node->children->len; i++)
        collect_grids(space, space_child(node, node->sorted != NULL ? node->sorted[i] : i));
}

void
space_grid_prepare(PbxSpace *space)
{
    space->grids = g_new0(guint, space->dims->len + 1);
    collect_grids(space, space->root);
    space->grid_size = 1;
    for (guint i = 0; i < space->dims->len; i++) {
        SpaceDim *dim = space_dim(space, i);
        if (!is_grid(dim))
            continue;
        dim->leaves = g_new(guint64, dim->abi.n_choices);
        for (guint choice = 0; choice < dim->abi.n_choices; choice++)
            dim->leaves[choice] = 1;
        if (dim->abi.parent >= 0)
            dim->grid_depth = space_dim(space, (guint)dim->abi.parent)->grid_depth + 1;
    }
    for (guint i = space->dims->len; i-- > 0;) { /* children first */
        SpaceDim *dim = space_dim(space, i);
        if (!is_grid(dim))
            continue;
        for (guint choice = 0; choice < dim->abi.n_choices; choice++)
            dim->grid_size = add(dim->grid_size, dim->leaves[choice]);
        guint64 *outer =
            dim->abi.parent < 0
                ? &space->grid_size
                : &space_dim(space, (guint)dim->abi.parent)->leaves[dim->abi.parent_choice];
        *outer = multiply(*outer, dim->grid_size);
    }
}

/*
 * Takes the choices of one level's active dims from `number`: as in Tune all
 * points of the level below come before the next of this one, the first dim
 * varies fastest. What is left of the number counts the level below.
 */
static guint64
decode_level(const PbxSpace *space, const guint *dims, guint n, guint64 number, double *x)
{
    guint64 points = 1; /* below the choices that are made */
    for (guint i = n; i-- > 0;) {
        const SpaceDim *dim = space_dim(space, dims[i]);
        guint64 faster = points;
        for (guint j = 0; j < i; j++)
            faster = multiply(faster, space_dim(space, dims[j])->grid_size);
        guint choice = 0;
        for (; choice + 1 < dim->abi.n_choices; choice++) {
            guint64 span = multiply(faster, dim->leaves[choice]);
            if (number < span)
                break;
            number -= span;
        }
        points = multiply(points, dim->leaves[choice]);
        x[dims[i]] = choice;
    }
    return number;
}

static void
decode_grid(const PbxSpace *space, guint64 number, double *x)
{
    if (space->n_grids == 0)
        return;
    g_autofree guint *level = g_new(guint, space->n_grids);
    number %= space->grid_size;
    for (guint depth = 0;; depth++) {
        guint n = 0;
        for (guint i = 0; i < space->n_grids; i++) {
            guint dim = space->grids[i];
            if (space_dim(space, dim)->grid_depth == depth && space_active(space, x, dim))
                level[n++] = dim;
        }
        if (n == 0)
            return;
        number = decode_level(space, level, n, number, x);
    }
}

void
space_draw_point(const PbxSpace *space, PbxRandom *random, guint64 grid, double *x)
{
    for (guint i = 0; i < space->dims->len; i++)
        x[i] = NAN;
    decode_grid(space, grid, x);
    for (guint i = 0; i < space->dims->len; i++)
        if (!is_grid(space_dim(space, i)) && space_active(space, x, i))
            x[i] = space_draw(space, i, random);
}
