/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stopper/timeout: ends the experiment after some seconds, those before a resume
 * included. The time that counts is the experiment's clock, so `pegbox simulate` obeys it.
 */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    int64_t limit_ns;
    int64_t used_ns; /* up to last_ns */
    int64_t last_ns; /* the last event, on the clock */
    char reason[64];
};

static int64_t
now(const pbx_instance *self)
{
    return self->base.host->now_ns(self->base.host);
}

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    double seconds = pbx_real(host, options, "timeout");
    char text[32];
    (void)error;
    self->limit_ns = (int64_t)(pbx_clamp(seconds, 0, 9e9) * 1e9);
    self->last_ns = now(self);
    snprintf(self->reason, sizeof(self->reason), "%s s have passed",
             pbx_format_real(seconds, text));
    return PBX_OK;
}

/* Only where state may change, so that a blob is of the calls before it and of nothing else. */
static void
count(pbx_instance *self)
{
    const int64_t now_ns = now(self);
    self->used_ns += now_ns - self->last_ns;
    self->last_ns = now_ns;
}

/* Nothing stops here. */
static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *error)
{
    (void)r, (void)verdict, (void)error;
    count(self);
    return PBX_OK;
}

static pbx_status
end(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    (void)outcome, (void)error;
    count(self);
    return PBX_OK;
}

static pbx_status
all(pbx_instance *self, pbx_verdict *verdict, pbx_error *error)
{
    int64_t end_ns = self->last_ns + self->limit_ns - self->used_ns;
    (void)error;
    if (now(self) >= end_ns) {
        verdict->stop = 1;
        verdict->reason = self->reason;
    } else {
        verdict->again_ns = end_ns;
    }
    return PBX_OK;
}

/* The clock goes on where it was when the last process ended: what that one did after its last
 * event counts too. Without a driver each process has a clock of its own. */
static void
state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_i64(blob, &self->used_ns);
    pbx_blob_i64(blob, &self->last_ns);
    if (pbx_blob_loading(blob) && self->last_ns > now(self))
        self->last_ns = now(self);
}

static const pbx_option options[] = {
    PBX_OPT(PBX_OPTION_REAL, PBX_OPTION_REQUIRED | PBX_OPTION_MIN_OPEN, "timeout",
            "seconds that the experiment may take, in all", "1.0", 0, INFINITY, NULL, NULL),
};

PEGBOX_STOPPER("timeout", "1.0", "Ends the experiment after some time", "LGPL-2.1-or-later",
               options, 0, 2, init, state, .result = result, .end = end, .all = all);
