/* SPDX-License-Identifier: MIT */
/* search/anneal: simulated annealing. Each trial is a step away from the current point. A
 * better one takes its place, and so does a worse one, but the later the more rarely. */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    double *current; /* a point, n is 0 before there is one */
    size_t n;
    double loss;   /* there */
    uint64_t told; /* trials that ended */
};

static const pbx_option options[] = {
    PBX_OPT_REAL("step", "how far a step goes, as a part of each range", "1.0", 0, 1, "0.2"),
    PBX_OPT_REAL_ABOVE("temperature", "a rise of the loss that is taken at first", "1.0", 0, "1"),
};

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    const pbx_space *space = self->base.problem->space;
    double step = pbx_real(self->base.host, self->base.options, "step");
    pbx_rng rng = pbx_rng_at(self->base.host, suggestion->ask, 0);
    (void)error;
    for (uint32_t i = 0; i < space->n_dims; i++) {
        double from = self->n > 0 ? self->current[i] : NAN;
        double near = pbx_rng_near(&rng, space->dims[i], from, step);
        suggestion->x[i] = pbx_active(space->dims[i], suggestion->x) ? near : NAN;
    }
    return PBX_OK;
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    pbx_rng rng = pbx_rng_of_trial(self->base.host, outcome->trial);
    double heat = pbx_real(self->base.host, self->base.options, "temperature");
    double loss = pbx_final_loss(outcome);
    double chance = exp((self->loss - loss) / (heat * pow(0.95, (double)self->told++)));
    if (!isfinite(loss) || (self->n > 0 && pbx_rng_uniform(&rng) >= chance))
        return PBX_OK;
    self->loss = loss;
    return pbx_copy_reals(self, &self->current, &self->n, outcome->x, outcome->n_dims, error);
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_array(blob, &self->current, &self->n);
    pbx_blob_real(blob, &self->loss);
    pbx_blob_u64(blob, &self->told);
}

PEGBOX_SEARCH("anneal", "1.0", "Simulated annealing: a step from the current point", "MIT", options,
              PBX_CAP_NEEDS_METRIC | PBX_CAP_CATEGORY | PBX_CAP_CONDITIONAL | PBX_CAP_QUANTUM |
                  PBX_CAP_UNBOUNDED,
              1, NULL, state, .setup = pbx_keep_problem, .suggest = suggest, .tell = tell);
