/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A scheduler whose state is large, and whose decisions depend on every call that it has had. */
#include <pegbox/helpers.h>

#define PADDING (100 * 1024 / 8)

struct pbx_instance {
    pbx_base base;
    uint64_t hash;
};

static void
mix(pbx_instance *self, uint64_t value)
{
    self->hash = (self->hash ^ value) * 1099511628211u;
    self->hash ^= self->hash >> 29;
}

static pbx_status
add(pbx_instance *self, uint64_t trial, const double *x, const pbx_json *config,
    const pbx_json *resources, pbx_error *error)
{
    (void)x, (void)error;
    mix(self, trial);
    mix(self, self->base.host->json_length(config));
    mix(self, self->base.host->json_length(resources));
    return PBX_OK;
}

static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_decision *decision, pbx_error *error)
{
    (void)error;
    mix(self, r->trial);
    mix(self, (uint64_t)r->iteration);
    decision->rung = (uint32_t)(self->hash >> 20) % 7;
    decision->action = self->hash >> 40 & 7 ? PBX_ACTION_CONTINUE : PBX_ACTION_STOP;
    return PBX_OK;
}

static pbx_status
end(pbx_instance *self, const pbx_outcome *o, pbx_error *error)
{
    (void)error;
    mix(self, o->trial);
    mix(self, o->end);
    if (o->last != NULL)
        mix(self, (uint64_t)o->last->iteration);
    return PBX_OK;
}

static pbx_status
choose(pbx_instance *self, pbx_choice *choice, pbx_error *error)
{
    (void)self, (void)error;
    if (choice->n == 0)
        return PBX_AGAIN;
    choice->pick = choice->trials[0]; /* one that was interrupted is picked once more */
    return PBX_OK;
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    uint64_t padding = 0;
    pbx_blob_u64(blob, &self->hash);
    for (int i = 0; i < PADDING; i++)
        pbx_blob_u64(blob, &padding);
}

PEGBOX_SCHEDULER("large-scheduler", "1.0", "Decides by all that it was told", "MIT",
                 PEGBOX_NO_OPTIONS, PBX_CAP_NEEDS_METRIC, 1, NULL, state, .add = add,
                 .result = result, .end = end, .choose = choose);
