/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stopper/timeout: ends the experiment after some seconds, those before a resume
 * included. The time that counts is the experiment's clock, so `pegbox simulate` obeys it.
 */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    int64_t limit_ns;
    int64_t used_ns;  /* before this process */
    int64_t start_ns; /* of this process, on the clock */
    int64_t last_ns;  /* the last event on the clock: what a blob takes as the end */
    char reason[64];
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    double seconds = pbx_real(host, options, "timeout");
    char text[32];
    (void)error;
    self->limit_ns = (int64_t)(pbx_clamp(seconds, 0, 9e9) * 1e9);
    self->start_ns = self->last_ns = host->now_ns(host);
    snprintf(self->reason, sizeof(self->reason), "%s s have passed",
             pbx_format_real(seconds, text));
    return PBX_OK;
}

/* Nothing stops here: the clock is read where state may change, so that a blob is of the
 * calls before it and of nothing else. */
static pbx_status
result(pbx_instance *self, const pbx_result *r, pbx_verdict *verdict, pbx_error *error)
{
    (void)r, (void)verdict, (void)error;
    self->last_ns = self->base.host->now_ns(self->base.host);
    return PBX_OK;
}

static pbx_status
end(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    (void)outcome, (void)error;
    self->last_ns = self->base.host->now_ns(self->base.host);
    return PBX_OK;
}

static pbx_status
all(pbx_instance *self, pbx_verdict *verdict, pbx_error *error)
{
    int64_t end_ns = self->start_ns + self->limit_ns - self->used_ns;
    (void)error;
    if (self->base.host->now_ns(self->base.host) >= end_ns) {
        verdict->stop = 1;
        verdict->reason = self->reason;
    } else {
        verdict->again_ns = end_ns;
    }
    return PBX_OK;
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    int64_t used_ns = self->used_ns + self->last_ns - self->start_ns;
    pbx_blob_i64(blob, &used_ns);
    if (pbx_blob_loading(blob))
        self->used_ns = used_ns;
}

static const pbx_option options[] = {
    PBX_OPT(PBX_OPTION_REAL, PBX_OPTION_REQUIRED | PBX_OPTION_MIN_OPEN, "timeout",
            "seconds that the experiment may take, in all", "1.0", 0, INFINITY, NULL, NULL),
};

PEGBOX_STOPPER("timeout", "1.0", "Ends the experiment after some time", "LGPL-2.1-or-later",
               options, 0, 1, init, state, .result = result, .end = end, .all = all);
