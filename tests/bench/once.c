/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cheapest trial there can be: one report of one number. For tests/bench/bench_size.py. */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    const pbx_session *session;
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *values, pbx_error *error)
{
    const void *session = NULL;
    (void)values;
    pbx_status status = pbx_need(host, PBX_SESSION_ID, &session, error);
    self->session = (const pbx_session *)session;
    return status;
}

static pbx_status
run(pbx_instance *self, pbx_error *error)
{
    static const char *const names[] = {"loss"};
    const pbx_host *host = self->base.host;
    double x = pbx_real(host, self->session->info(host)->trial->config, "x");
    double loss = (x - 0.3) * (x - 0.3);
    pbx_answer answer = {sizeof(answer), 0, 0, 0};
    return self->session->report(host, names, &loss, 1, NULL, 0, &answer, error);
}

PEGBOX_TRAINABLE("once", "1.0", "Reports one number", "LGPL-2.1-or-later", NULL,
                 PBX_TRAINABLE_MANY_RUNS, init, .run = run);
