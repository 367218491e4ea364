/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/gp: where points lie in the model. Of the plugin, and of its module. */
#include "gp.h"

static double
inactive_place(const pbx_dim *dim)
{
    return dim->type == PBX_DIM_CATEGORY ? (double)dim->n_choices : 0.5;
}

void
gp_place(const pbx_space *space, const double *x, double *u)
{
    for (uint32_t i = 0; i < space->n_dims; i++) {
        const pbx_dim *dim = space->dims[i];
        if (isnan(x[i]))
            u[i] = inactive_place(dim);
        else
            u[i] = dim->type == PBX_DIM_CATEGORY ? x[i] : pbx_to_unit(dim, x[i]);
    }
}

void
gp_settle(const pbx_space *space, double *u, double *x)
{
    for (uint32_t i = 0; i < space->n_dims; i++) {
        const pbx_dim *dim = space->dims[i];
        if (!pbx_active(dim, x)) {
            x[i] = (double)NAN;
            u[i] = inactive_place(dim);
        } else if (dim->type == PBX_DIM_CATEGORY) {
            x[i] = u[i] = pbx_clamp(floor(u[i]), 0, (double)dim->n_choices - 1);
        } else {
            x[i] = pbx_from_unit(dim, u[i]);
            if (dim->type == PBX_DIM_INT || dim->quantum > 0)
                u[i] = pbx_to_unit(dim, x[i]);
        }
    }
}
