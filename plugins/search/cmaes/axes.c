/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/cmaes: parameters and their coordinates. */
#include "cmaes.h"

/* Standard deviations in the width of one without bounds. */
#define DEVIATIONS 6

cmaes_axis
cmaes_axis_of(const pbx_dim *dim, uint32_t at)
{
    cmaes_axis axis;
    axis.dim = dim;
    axis.at = at;
    axis.scale = pbx_scale_of(dim);
    axis.whole = dim->quantum > 0 || dim->type == PBX_DIM_INT;
    return axis;
}

int
cmaes_axis_bounded(const cmaes_axis *axis)
{
    return axis->dim->type != PBX_DIM_NORMAL;
}

double
cmaes_axis_value(const cmaes_axis *axis, double place)
{
    if (cmaes_axis_bounded(axis))
        return pbx_from_unit(axis->dim, place);
    return pbx_scale_value(&axis->scale, DEVIATIONS * (place - 0.5));
}

static double
place_of(const cmaes_axis *axis, double on_scale)
{
    const pbx_scale *scale = &axis->scale;
    if (!cmaes_axis_bounded(axis))
        return 0.5 + on_scale / DEVIATIONS;
    return (on_scale / 2 - scale->a / 2) / (scale->b / 2 - scale->a / 2);
}

double
cmaes_axis_place(const cmaes_axis *axis, double value)
{
    if (cmaes_axis_bounded(axis))
        return pbx_to_unit(axis->dim, value);
    return place_of(axis, pbx_scale_at(&axis->scale, value));
}

void
cmaes_axis_cell(const cmaes_axis *axis, double place, double *low, double *high)
{
    const pbx_scale *scale = &axis->scale;
    const double value = cmaes_axis_value(axis, place), half = scale->quantum / 2;
    double from = value, to = value;
    if (cmaes_axis_bounded(axis))
        pbx_scale_cell(scale, value, &from, &to);
    else {
        from = (value - half - axis->dim->mean) / axis->dim->sd;
        to = (value + half - axis->dim->mean) / axis->dim->sd;
    }
    *low = *high = (double)NAN;
    if (!cmaes_axis_bounded(axis) || value > axis->dim->low + half)
        *low = place_of(axis, from);
    if (!cmaes_axis_bounded(axis) || value < axis->dim->high - half)
        *high = place_of(axis, to);
}
