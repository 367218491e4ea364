/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/gp: what the module offers to the plugin. */
#include "model.h"

#if defined(__GNUC__)
/* Where LAPACK is OpenBLAS: the matrices are small, and a search is one thread. */
extern void openblas_set_num_threads(int n) __attribute__((weak));
#endif

static void
set_threads(void)
{
#if defined(__GNUC__)
    if (openblas_set_num_threads)
        openblas_set_num_threads(1);
#endif
}

/* Of one output: of the loss, or of a constraint. */
static pbx_status
fit_one(pbx_instance *self, size_t output, int warped, gp_fit *into, double *value,
        pbx_error *error)
{
    gp_memory memory = {self, NULL};
    gp_observations observations;
    /* Of the noise of constraints nobody told anything. */
    const double noise = output == 0 ? self->rules.noise : (double)NAN;
    pbx_status status;
    into->warped = warped;
    if (gp_observe(self, &memory, self->trials.n_fit, output, warped, &observations)) {
        status = gp_fit_make(self, &observations, noise, into, value, error);
        *value += observations.log_derivatives;
    } else {
        status = pbx_fail_memory(error);
    }
    gp_memory_free(&memory);
    return status;
}

/* Losses as they are, or their logarithms: as what they are likelier. */
static pbx_status
fit_loss(pbx_instance *self, pbx_error *error)
{
    gp_memory memory = {self, NULL};
    gp_fit other = {.weights = gp_reals(&memory, self->n_dims)}, *own = &self->fits[0];
    double value = 0, value_of_other = 0;
    pbx_status status = other.weights ? PBX_OK : pbx_fail_memory(error);
    if (status == PBX_OK)
        status = fit_one(self, 0, 0, own, &value, error);
    if (status == PBX_OK && self->rules.warp)
        status = fit_one(self, 0, 1, &other, &value_of_other, error);
    if (status == PBX_OK && self->rules.warp && value_of_other > value) {
        memcpy(own->weights, other.weights, self->n_dims * sizeof(double));
        other.weights = own->weights;
        *own = other;
    }
    gp_memory_free(&memory);
    return status;
}

static pbx_status
fit(pbx_instance *self, pbx_error *error)
{
    pbx_status status;
    double unused = 0;
    set_threads();
    status = fit_loss(self, error);
    for (size_t i = 1; i < 1 + self->n_constraints && status == PBX_OK; i++)
        status = fit_one(self, i, 0, &self->fits[i], &unused, error);
    return status;
}

static pbx_status
propose(pbx_instance *self, uint64_t ask, double *u, int *known, pbx_error *error)
{
    set_threads();
    return gp_propose(self, ask, u, known, error);
}

extern PEGBOX_EXPORT const gp_model_calls gp_model;
const gp_model_calls gp_model = {GP_MODEL_VERSION, (uint32_t)sizeof(struct pbx_instance), fit,
                                 propose};
