/* SPDX-License-Identifier: MIT */
/* A trainable in function form, one whole trial a call: gradient descent with momentum down
 * Rosenbrock's valley, tuned by config.rate and config.momentum. It makes a checkpoint when it is
 * asked to, and begins where the one that it is given ends. */
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

/* Where it is, and how fast. */
struct point {
    int64_t step;
    double x, y, vx, vy;
};

static pbx_status
transfer(struct point *at, const char *dir, int writes, pbx_error *error)
{
    char path[4096];
    size_t n = 0;
    FILE *file;
    snprintf(path, sizeof(path), "%s/point", dir);
    file = fopen(path, writes ? "wb" : "rb");
    if (file != NULL)
        n = writes ? fwrite(at, sizeof(*at), 1, file) : fread(at, sizeof(*at), 1, file);
    if ((file != NULL && fclose(file) != 0) || n != 1)
        return pbx_fail(error, PBX_EIO, "point", writes ? "cannot be written" : "cannot be read");
    return PBX_OK;
}

static pbx_status
make_checkpoint(const pbx_instance *self, struct point *at, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    const char *dir = self->session->checkpoint_begin(host, at->step, error);
    if (dir == NULL)
        return PBX_EIO;
    pbx_status status = transfer(at, dir, 1, error);
    /* One that could not be packed, on a full disk say, is told in the log, and costs no more. */
    if (self->session->checkpoint_end(host, status == PBX_OK, error) == PBX_ECANCELLED)
        return PBX_ECANCELLED;
    return status;
}

static pbx_status
run(pbx_instance *self, pbx_error *error)
{
    static const char *const names[] = {"loss"};
    const pbx_host *host = self->base.host;
    const pbx_session_info *info = self->session->info(host);
    double rate = pbx_real(host, info->trial->config, "rate");
    double momentum = pbx_real(host, info->trial->config, "momentum");
    struct point at = {0, -1.2, 1, 0, 0};
    pbx_status status = PBX_OK;
    if (isnan(rate) || isnan(momentum))
        return pbx_fail(error, PBX_EINVAL, "config", "rate and momentum must be numbers");
    if (info->restored != NULL)
        status = transfer(&at, info->restored, 0, error);
    while (status == PBX_OK && at.step < self->steps) {
        pbx_answer answer = {sizeof(answer), 0, 0, 0};
        double loss, bend = at.y - at.x * at.x;
        at.vx = momentum * at.vx - rate * (-400 * at.x * bend - 2 * (1 - at.x));
        at.vy = momentum * at.vy - rate * 200 * bend;
        at.x += at.vx;
        at.y += at.vy;
        at.step++;
        bend = at.y - at.x * at.x;
        loss = (1 - at.x) * (1 - at.x) + 100 * bend * bend;
        status = self->session->report(host, names, &loss, 1, NULL, 0, &answer, error);
        if (status == PBX_OK && answer.save)
            status = make_checkpoint(self, &at, error);
        if (status == PBX_OK && answer.stop)
            return PBX_ECANCELLED;
    }
    return status;
}

PEGBOX_TRAINABLE("descent", "1.0", "Gradient descent down Rosenbrock's valley", "MIT", options,
                 PBX_TRAINABLE_MANY_RUNS | PBX_TRAINABLE_CHECKPOINTS, init, .run = run);
