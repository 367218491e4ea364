/* SPDX-License-Identifier: MIT */
/* A trainable in class form, one iteration a call: logistic regression on points in the plane,
 * learned by stochastic gradient descent; tuned by config.rate and config.l2. The host calls
 * reset for the next trial, so that the points are made once a process; it saves what was learned
 * when it likes, and loads it into a trial that was just set up, or reset. */
#include <pegbox/helpers.h>

enum { POINTS = 400 };
struct pbx_instance {
    pbx_base base;
    const pbx_session *session;
    int64_t epochs, epoch;
    double x[POINTS], y[POINTS], weights[3], rate, l2;
};
static const pbx_option options[] = {
    PBX_OPT_INT("epochs", "how long a trial is", "1.0", 1, 1000000, "20")};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *values, pbx_error *error)
{
    const void *session = NULL;
    pbx_status status = pbx_need(host, PBX_SESSION_ID, &session, error);
    self->session = (const pbx_session *)session;
    self->epochs = pbx_integer(host, values, "epochs");
    return status;
}

/* Also what setup does at last: a new config, learned from the start. */
static pbx_status
reset(pbx_instance *self, pbx_error *error)
{
    const pbx_json *config = self->session->info(self->base.host)->trial->config;
    self->rate = pbx_real(self->base.host, config, "rate");
    self->l2 = pbx_real(self->base.host, config, "l2");
    self->epoch = 0;
    memset(self->weights, 0, sizeof(self->weights));
    if (isnan(self->rate) || isnan(self->l2))
        return pbx_fail(error, PBX_EINVAL, "config", "rate and l2 must be numbers");
    return PBX_OK;
}

static pbx_status
setup(pbx_instance *self, pbx_error *error)
{
    pbx_rng rng = pbx_rng_at(self->base.host, 0, 0);
    for (int i = 0; i < POINTS; i++) {
        self->x[i] = pbx_rng_normal(&rng) + i % 2;
        self->y[i] = pbx_rng_normal(&rng) - i % 2;
    }
    return reset(self, error);
}

static pbx_status
step(pbx_instance *self, pbx_error *error)
{
    static const char *const names[] = {"loss", "accuracy"};
    double values[2] = {0, 0}, *w = self->weights;
    pbx_answer answer = {sizeof(answer), 0, 0, 0};
    for (int i = 0; i < POINTS; i++) {
        double score = w[0] + w[1] * self->x[i] + w[2] * self->y[i];
        double miss = i % 2 - 1 / (1 + exp(-score));
        values[0] += log1p(exp(i % 2 ? -score : score)) / POINTS;
        values[1] += (score > 0) == (i % 2 == 1) ? 1.0 / POINTS : 0;
        w[0] += self->rate * (miss - self->l2 * w[0]);
        w[1] += self->rate * (miss * self->x[i] - self->l2 * w[1]);
        w[2] += self->rate * (miss * self->y[i] - self->l2 * w[2]);
    }
    pbx_status status =
        self->session->report(self->base.host, names, values, 2, NULL, 0, &answer, error);
    if (status != PBX_OK)
        return status;
    return ++self->epoch < self->epochs ? PBX_OK : PBX_DONE;
}

/* Writes, or reads, what is learned: `epoch` and the weights. */
static pbx_status
transfer(pbx_instance *self, const char *dir, int writes, pbx_error *error)
{
    char path[4096];
    size_t n = 0;
    FILE *file;
    snprintf(path, sizeof(path), "%s/learned", dir);
    file = fopen(path, writes ? "wb" : "rb");
    if (file != NULL && writes)
        n = fwrite(&self->epoch, sizeof(self->epoch), 1, file) +
            fwrite(self->weights, sizeof(self->weights), 1, file);
    else if (file != NULL)
        n = fread(&self->epoch, sizeof(self->epoch), 1, file) +
            fread(self->weights, sizeof(self->weights), 1, file);
    if ((file != NULL && fclose(file) != 0) || n != 2)
        return pbx_fail(error, PBX_EIO, "learned", writes ? "cannot be written" : "cannot be read");
    return PBX_OK;
}

static pbx_status
save(pbx_instance *self, const char *dir, pbx_error *error)
{
    return transfer(self, dir, 1, error);
}

static pbx_status
load(pbx_instance *self, const char *dir, pbx_error *error)
{
    return transfer(self, dir, 0, error);
}

PEGBOX_TRAINABLE("logistic", "1.0", "Logistic regression on points in the plane", "MIT", options,
                 PBX_TRAINABLE_RESETS | PBX_TRAINABLE_CHECKPOINTS, init, .setup = setup,
                 .step = step, .checkpoint_save = save, .checkpoint_load = load, .reset = reset);
