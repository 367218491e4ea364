/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trainable in function form that does nothing but report one metric. */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    const pbx_session *session;
    int64_t reports;
};
static const pbx_option options[] = {
    PBX_OPT_INT("reports", "how many a trial makes", "1.0", 1, 1000000000, "1000")};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *values, pbx_error *error)
{
    const void *session = NULL;
    pbx_status status = pbx_need(host, PBX_SESSION_ID, &session, error);
    self->session = (const pbx_session *)session;
    self->reports = pbx_integer(host, values, "reports");
    return status;
}

static pbx_status
run(pbx_instance *self, pbx_error *error)
{
    static const char *const names[] = {"loss"};
    for (int64_t i = 1; i <= self->reports; i++) {
        pbx_answer answer = {sizeof(answer), 0, 0, 0};
        double loss = 1.0 / (double)i;
        pbx_status status =
            self->session->report(self->base.host, names, &loss, 1, NULL, 0, &answer, error);
        if (status != PBX_OK)
            return status;
        if (answer.stop)
            return PBX_ECANCELLED;
    }
    return PBX_OK;
}

PEGBOX_TRAINABLE("flood", "1.0", "Reports as fast as it can", "MIT", options,
                 PBX_TRAINABLE_MANY_RUNS, init, .run = run);
