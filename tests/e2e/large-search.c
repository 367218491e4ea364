/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A search whose state is large, and whose points depend on every call that it has had: what is
 * lost or done twice shows in each config that follows. */
#include <pegbox/helpers.h>

#define PADDING (100 * 1024 / 8)

struct pbx_instance {
    pbx_base base;
    uint64_t n_dims;
    uint64_t hash, calls;
    int64_t last_ns;
};

static void
mix(pbx_instance *self, uint64_t value)
{
    self->hash = (self->hash ^ value) * 1099511628211u;
    self->hash ^= self->hash >> 29;
}

static void
mix_real(pbx_instance *self, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    mix(self, bits);
}

/* The clock never goes back, whoever drives. */
static pbx_status
look_at_clock(pbx_instance *self, pbx_error *error)
{
    int64_t now = self->base.host->now_ns(self->base.host);
    if (now < self->last_ns)
        return pbx_fail(error, PBX_EIO, NULL, "the clock went back");
    self->last_ns = now;
    self->calls++;
    return PBX_OK;
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    (void)error;
    self->n_dims = problem->space->n_dims;
    return PBX_OK;
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *s, pbx_error *error)
{
    mix(self, s->ask);
    for (uint64_t i = 0; i < self->n_dims; i++) {
        mix(self, i);
        s->x[i] = (double)((self->hash >> 12) % 8) / 8 + 0.0625;
    }
    s->origin = self->hash;
    return look_at_clock(self, error);
}

static pbx_status
adopt(pbx_instance *self, const pbx_suggestion *s, pbx_error *error)
{
    mix(self, s->flags);
    mix_real(self, s->x[0]);
    return look_at_clock(self, error);
}

static pbx_status
report(pbx_instance *self, const pbx_result *r, pbx_error *error)
{
    mix(self, r->trial);
    mix(self, (uint64_t)r->iteration);
    mix(self, r->flags);
    mix_real(self, r->losses[0]);
    for (int i = 0; i < 5; i++)
        mix(self, r->counts[i]);
    return look_at_clock(self, error);
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *o, pbx_error *error)
{
    mix(self, o->trial);
    mix(self, o->end);
    mix(self, o->flags);
    mix_real(self, o->x[0]);
    if (o->last != NULL)
        mix_real(self, o->last->losses[0]);
    return look_at_clock(self, error);
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    uint64_t padding = 0;
    pbx_blob_u64(blob, &self->hash);
    pbx_blob_u64(blob, &self->calls);
    pbx_blob_i64(blob, &self->last_ns);
    for (int i = 0; i < PADDING; i++)
        pbx_blob_u64(blob, &padding);
}

PEGBOX_SEARCH("large-search", "1.0", "Proposes what depends on all that it was told", "MIT",
              PEGBOX_NO_OPTIONS, PBX_CAP_NEEDS_METRIC, 1, NULL, state, .setup = setup,
              .suggest = suggest, .adopt = adopt, .report = report, .tell = tell);
