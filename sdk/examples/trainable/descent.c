/* SPDX-License-Identifier: MIT */
/* A trainable in function form, one whole trial a call: gradient descent with momentum down
 * Rosenbrock's valley, tuned by config.rate and config.momentum. */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    const pbx_session *session;
    int64_t steps;
};
static const pbx_option options[] = {
    PBX_OPT_INT("steps", "how long a trial is", "1.0", 1, 1000000, "50")};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *values, pbx_error *error)
{
    const void *session = NULL;
    pbx_status status = pbx_need(host, PBX_SESSION_ID, &session, error);
    self->session = (const pbx_session *)session;
    self->steps = pbx_integer(host, values, "steps");
    return status;
}

static pbx_status
run(pbx_instance *self, pbx_error *error)
{
    static const char *const names[] = {"loss"};
    const pbx_host *host = self->base.host;
    const pbx_json *config = self->session->info(host)->trial->config;
    double rate = pbx_real(host, config, "rate"), momentum = pbx_real(host, config, "momentum");
    double x = -1.2, y = 1, vx = 0, vy = 0;
    if (isnan(rate) || isnan(momentum))
        return pbx_fail(error, PBX_EINVAL, "config", "rate and momentum must be numbers");
    for (int64_t step = 0; step < self->steps; step++) {
        pbx_answer answer = {sizeof(answer), 0, 0, 0};
        double loss, bend = y - x * x;
        vx = momentum * vx - rate * (-400 * x * bend - 2 * (1 - x));
        vy = momentum * vy - rate * 200 * bend;
        x += vx;
        y += vy;
        loss = (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x);
        pbx_status status = self->session->report(host, names, &loss, 1, NULL, 0, &answer, error);
        if (status != PBX_OK)
            return status;
        if (answer.stop)
            return PBX_ECANCELLED;
    }
    return PBX_OK;
}

PEGBOX_TRAINABLE("descent", "1.0", "Gradient descent down Rosenbrock's valley", "MIT", options,
                 PBX_TRAINABLE_MANY_RUNS, init, .run = run);
