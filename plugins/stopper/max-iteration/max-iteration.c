/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stopper/max-iteration: ends a trial after so many results. */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    uint64_t max_iter;
    char reason[64];
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    (void)error;
    self->max_iter = (uint64_t)pbx_integer(host, options, "max_iter");
    snprintf(self->reason, sizeof(self->reason), "%llu results",
             (unsigned long long)self->max_iter);
    return PBX_OK;
}

static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *error)
{
    /* results of this trial that it was shown */
    uint64_t *count = (uint64_t *)pbx_of_trial(self, r->trial, sizeof(uint64_t));
    if (count == NULL)
        return pbx_fail_memory(error);
    if (++*count >= self->max_iter) {
        verdict->stop = 1;
        verdict->reason = self->reason;
    }
    return PBX_OK;
}

static void
count_state(pbx_blob *blob, void *item)
{
    pbx_blob_u64(blob, (uint64_t *)item);
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    (void)self;
    pbx_blob_trials(blob, sizeof(uint64_t), count_state);
}

static const pbx_option options[] = {
    PBX_OPT(PBX_OPTION_INT, PBX_OPTION_REQUIRED, "max_iter", "results after which a trial ends",
            "1.0", 1, INFINITY, NULL, NULL),
};

PEGBOX_STOPPER("max-iteration", "1.0", "Ends a trial after so many results", "LGPL-2.1-or-later",
               options, 0, 1, init, state, .result = result, .end = pbx_forget_trial);
