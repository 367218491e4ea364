/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trainable in class form whose state is a number: how many steps it has made. It saves and
 * loads it, and dies, refuses or dawdles where its options say so. */
#include <pegbox/helpers.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>

struct pbx_instance {
    pbx_base base;
    const pbx_session *session;
    int64_t steps, die_at, refuse, fail_save_at, die_in_save;
    double save_s;
    int refused;
    long count;
};
static const pbx_option options[] = {
    PBX_OPT_INT("steps", "how long a trial is", "1.0", 1, 1000000, "5"),
    PBX_OPT_INT("die_at", "after this step it is killed, once", "1.0", -1, 1000000, "-1"),
    PBX_OPT_INT("refuse", "it does not load this count", "1.0", -1, 1000000, "-1"),
    PBX_OPT_INT("fail_save_at", "it does not save this count", "1.0", -1, 1000000, "-1"),
    PBX_OPT_INT("die_in_save", "it is killed while it saves this count", "1.0", -1, 1000000, "-1"),
    PBX_OPT_REAL("save_s", "how long it takes to save", "1.0", 0, 60, "0"),
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *values, pbx_error *error)
{
    const void *session = NULL;
    pbx_status status = pbx_need(host, PBX_SESSION_ID, &session, error);
    self->session = (const pbx_session *)session;
    self->steps = pbx_integer(host, values, "steps");
    self->die_at = pbx_integer(host, values, "die_at");
    self->refuse = pbx_integer(host, values, "refuse");
    self->fail_save_at = pbx_integer(host, values, "fail_save_at");
    self->die_in_save = pbx_integer(host, values, "die_in_save");
    self->save_s = pbx_real(host, values, "save_s");
    return status;
}

/* In the trial's directory, or another. */
static FILE *
file_at(const pbx_instance *self, const char *dir, const char *name, const char *mode)
{
    char path[4096];
    if (dir == NULL)
        dir = self->session->info(self->base.host)->trial->dir;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return fopen(path, mode);
}

static pbx_status
setup(pbx_instance *self, pbx_error *error)
{
    (void)error;
    printf("setup\n");
    self->count = 0;
    return PBX_OK;
}

static pbx_status
reset(pbx_instance *self, pbx_error *error)
{
    (void)error;
    printf("reset\n");
    self->count = 0;
    return PBX_OK;
}

static void
die_once(const pbx_instance *self)
{
    FILE *mark = file_at(self, NULL, "died", "r");
    if (mark == NULL) {
        mark = file_at(self, NULL, "died", "w");
        fflush(stdout);
        raise(SIGKILL);
    }
    fclose(mark);
}

static pbx_status
step(pbx_instance *self, pbx_error *error)
{
    static const char *const names[] = {"loss"};
    pbx_answer answer = {sizeof(answer), 0, 0, 0};
    if (self->count == self->die_at)
        die_once(self);
    double loss = (double)++self->count;
    pbx_status status =
        self->session->report(self->base.host, names, &loss, 1, NULL, 0, &answer, error);
    if (status != PBX_OK)
        return status;
    return self->count < self->steps ? PBX_OK : PBX_DONE;
}

static pbx_status
save(pbx_instance *self, const char *dir, pbx_error *error)
{
    FILE *file = file_at(self, dir, "count", "w");
    poll(NULL, 0, (int)(self->save_s * 1000));
    if (file == NULL || self->count == self->fail_save_at) {
        if (file != NULL)
            fclose(file);
        return pbx_fail(error, PBX_EIO, "count", "two lines:\nof an error");
    }
    fprintf(file, "%ld\n", self->count);
    fclose(file);
    if (self->count == self->die_in_save)
        raise(SIGKILL);
    return PBX_OK;
}

static pbx_status
load(pbx_instance *self, const char *dir, pbx_error *error)
{
    FILE *file = file_at(self, dir, "count", "r");
    if (self->refused)
        return pbx_fail(error, PBX_ESTATE, NULL, "this instance has refused a checkpoint");
    if (file == NULL || fscanf(file, "%ld", &self->count) != 1)
        return pbx_fail(error, PBX_EIO, "count", "cannot be read");
    fclose(file);
    printf("load %ld\n", self->count);
    if (self->count == self->refuse) {
        self->refused = 1;
        return pbx_fail(error, PBX_EINVAL, "count", "is not to its taste");
    }
    return PBX_OK;
}

PEGBOX_TRAINABLE("counts", "1.0", "Counts its steps", "LGPL-2.1-or-later", options,
                 PBX_TRAINABLE_CHECKPOINTS | PBX_TRAINABLE_RESETS, init, .setup = setup,
                 .step = step, .checkpoint_save = save, .checkpoint_load = load, .reset = reset);
