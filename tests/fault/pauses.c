/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scheduler of the fault tests: pauses each trial whenever its iteration is a multiple of
 * `every`. One that is new goes first, so that all are PAUSED half-way; with -DOLDEST_FIRST the
 * oldest one does, and few are PAUSED at a time. */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    int64_t every;
    uint64_t n_paused;
};

static const pbx_option options[] = {
    PBX_OPT_INT("every", "iterations from pause to pause", "1.0", 1, 1000000, "2")};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *values, pbx_error *error)
{
    (void)error;
    self->every = pbx_integer(host, values, "every");
    return PBX_OK;
}

static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_decision *decision, pbx_error *error)
{
    (void)error;
    if (r->iteration % self->every != 0)
        return PBX_OK;
    decision->action = PBX_ACTION_PAUSE;
    self->n_paused++;
    return PBX_OK;
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_u64(blob, &self->n_paused);
}

#ifdef OLDEST_FIRST
#define NAME   "pauses-few"
#define CHOOSE choose
static pbx_status
choose(pbx_instance *self, pbx_choice *choice, pbx_error *error)
{
    (void)self;
    (void)error;
    for (uint32_t i = 0; i < choice->n; i++)
        if (i == 0 || choice->trials[i] < choice->pick)
            choice->pick = choice->trials[i];
    return choice->n > 0 ? PBX_OK : PBX_AGAIN;
}
#else
#define NAME   "pauses"
#define CHOOSE NULL
#endif

PEGBOX_SCHEDULER(NAME, "1.0", "Pauses trials now and then", "LGPL-2.1-or-later", options,
                 PBX_CAP_PAUSES, 1, init, state, .result = result, .choose = CHOOSE);
