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

static pbx_status
fit(pbx_instance *self, pbx_error *error)
{
    pbx_status status = PBX_OK;
    set_threads();
    for (size_t i = 0; i < 1 + self->n_constraints && status == PBX_OK; i++) {
        gp_memory memory = {self, NULL};
        gp_observations observations;
        /* Whether a constraint is kept has no noise that is known of. */
        const double noise = i == 0 ? self->rules.noise : (double)NAN;
        if (gp_observe(self, &memory, self->trials.n_fit, i, &observations))
            status = gp_fit_make(self, &observations, noise, &self->fits[i], error);
        else
            status = pbx_fail_memory(error);
        gp_memory_free(&memory);
    }
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
