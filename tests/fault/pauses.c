/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scheduler of the fault tests: pauses each trial whenever its iteration is a multiple of
 * `every`; the oldest one that waits goes on. */
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

PEGBOX_SCHEDULER("pauses", "1.0", "Pauses trials now and then", "LGPL-2.1-or-later", options,
                 PBX_CAP_PAUSES, 1, init, state, .result = result);
