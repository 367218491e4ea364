/* SPDX-License-Identifier: MIT */
/* stopper/patience: ends a trial whose loss has not become smaller for some results. */
#include <pegbox/helpers.h>

/* What is kept of a trial. */
typedef struct {
    double best;             /* the smallest loss */
    uint64_t count, best_at; /* results so far, and how many there were at the best */
} Trial;

struct pbx_instance {
    pbx_base base;
};

static const pbx_option options[] = {
    PBX_OPT_INT("results", "how many may come without a better one", "1.0", 1, INFINITY, "5"),
    PBX_OPT_REAL("min_delta", "by how much a better one is better", "1.0", 0, INFINITY, "0"),
};

static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    double loss = pbx_loss(r->losses[0]), delta = pbx_real(host, self->base.options, "min_delta");
    uint64_t patience = (uint64_t)pbx_integer(host, self->base.options, "results");
    Trial *trial = (Trial *)pbx_of_trial(self, r->trial, sizeof(Trial));
    if (!trial)
        return pbx_fail_memory(error);
    trial->count++;
    if (trial->count == 1 || loss < trial->best - delta) {
        trial->best = loss;
        trial->best_at = trial->count;
    }
    verdict->stop = trial->count - trial->best_at >= patience;
    verdict->reason = verdict->stop ? "it has not become better for too long" : NULL;
    return PBX_OK;
}

static void
trial_state(pbx_blob *blob, void *item)
{
    Trial *trial = (Trial *)item;
    pbx_blob_real(blob, &trial->best);
    pbx_blob_u64(blob, &trial->count);
    pbx_blob_u64(blob, &trial->best_at);
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    (void)self;
    pbx_blob_trials(blob, sizeof(Trial), trial_state);
}

PEGBOX_STOPPER("patience", "1.0", "Ends a trial that has stopped getting better", "MIT", options,
               PBX_CAP_NEEDS_METRIC, 1, NULL, state, .result = result, .end = pbx_forget_trial);
