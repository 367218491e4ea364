/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trainables of the fault tests, whose next number depends on all before it: `steps` in
 * class form, and with -DFUNCTION_FORM `walks` in function form. In `acknowledged` each report
 * is written down after its answer; in lockstep it is stored then. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    const pbx_session *session;
    const char *acknowledged, *data;
    int64_t steps, done, pause_ms, kilobytes;
    double x, value;
};

static const pbx_option options[] = {
    PBX_OPT_INT("steps", "how long a trial is", "1.0", 1, 1000000, "6"),
    PBX_OPT_INT("pause_ms", "how long a step takes", "1.0", 0, 10000, "2"),
    PBX_OPT_INT("kilobytes", "of a checkpoint", "1.0", 0, 1000000, "8"),
    PBX_OPT_BOOL("fails", "each trial's first attempt that gets to step 4 fails there", "1.0",
                 "false"),
    PBX_OPT_BOOL("forks", "it leaves a child that ignores signals", "1.0", "false"),
    PBX_OPT_STRING("acknowledged", "a directory", "1.0", "\"\""),
    PBX_OPT_STRING("data", "whose bytes count too, a name", "1.0", "\"\""),
};

static const pbx_trial *
trial_of(const pbx_instance *self)
{
    return self->session->info(self->base.host)->trial;
}

static pbx_status
fail_errno(pbx_error *error, const char *path)
{
    return pbx_fail(error, PBX_EIO, NULL, "%s: %s", path, strerror(errno));
}

/* Interruptions and short counts are no errors. */
static int
write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, bytes, n);
        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0) {
            bytes += written;
            n -= (size_t)written;
        }
    }
    return 0;
}

/* Whole, and on the disk, or an error. */
static pbx_status
put(const char *path, int flags, const char *bytes, size_t n, pbx_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);
    if (fd < 0 || write_all(fd, bytes, n) != 0 || fsync(fd) != 0) {
        pbx_status status = fail_errno(error, path);
        if (fd >= 0)
            close(fd);
        return status;
    }
    close(fd);
    return PBX_OK;
}

static pbx_status
acknowledge(pbx_instance *self, pbx_error *error)
{
    char path[4096], line[64];
    if (self->acknowledged[0] == '\0')
        return PBX_OK;
    snprintf(path, sizeof path, "%s/%llu.%ld", self->acknowledged,
             (unsigned long long)trial_of(self)->trial, (long)getpid());
    int n = snprintf(line, sizeof line, "%lld %a\n", (long long)self->done, self->value);
    return put(path, O_APPEND, line, (size_t)n, error);
}

/* ---- A checkpoint: the state, and some of all that a directory may hold ---- */

static pbx_status
save(pbx_instance *self, const char *dir, pbx_error *error)
{
    char path[4096], text[64];
    char *filling = (char *)calloc((size_t)self->kilobytes + 1, 1024);
    pbx_status status = filling != NULL ? PBX_OK : pbx_fail_memory(error);
    int n = snprintf(text, sizeof text, "%lld %a\n", (long long)self->done, self->value);
    snprintf(path, sizeof path, "%s/state", dir);
    if (status == PBX_OK)
        status = put(path, O_TRUNC, text, (size_t)n, error);
    snprintf(path, sizeof path, "%s/inner", dir);
    if (status == PBX_OK && mkdir(path, 0750) != 0)
        status = fail_errno(error, path);
    snprintf(path, sizeof path, "%s/inner/weights", dir);
    for (size_t i = 0; filling != NULL && i < (size_t)self->kilobytes * 512; i++)
        filling[i] = (char)(i * 31 + (size_t)self->done);
    if (status == PBX_OK)
        status = put(path, O_TRUNC, filling, (size_t)self->kilobytes * 1024, error);
    snprintf(path, sizeof path, "%s/newest", dir);
    if (status == PBX_OK && symlink("inner/weights", path) != 0)
        status = fail_errno(error, path);
    free(filling);
    return status;
}

static pbx_status
load(pbx_instance *self, const char *dir, pbx_error *error)
{
    char path[4096];
    long long done = 0;
    snprintf(path, sizeof path, "%s/state", dir);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fail_errno(error, path);
    int n = fscanf(file, "%lld %la", &done, &self->value);
    fclose(file);
    self->done = done;
    return n == 2 ? PBX_OK : pbx_fail(error, PBX_EIO, NULL, "%s: no state", path);
}

/* ---- A trial ---- */

/* A child of the trial's own that has left its session and heeds no signal. */
static void
leave_child(void)
{
    struct timespec second = {1, 0};
    if (fork() != 0)
        return;
    setsid();
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    for (int fd = 0; fd < 1024; fd++)
        close(fd);
    for (int i = 0; i < 600; i++)
        nanosleep(&second, NULL);
    _exit(0);
}

static pbx_status
add_data(pbx_instance *self, pbx_error *error)
{
    size_t n = 0;
    const unsigned char *bytes =
        (const unsigned char *)self->session->data(self->base.host, self->data, &n);
    if (bytes == NULL || n == 0)
        return pbx_fail(error, PBX_EINVAL, "data", "%s is not there", self->data);
    for (size_t i = 0; i < n; i++)
        self->x += bytes[i] * 1e-6 * (double)(i % 7 + 1);
    return PBX_OK;
}

static pbx_status
begin(pbx_instance *self, pbx_error *error)
{
    const pbx_json *config = trial_of(self)->config;
    self->x = pbx_real(self->base.host, config, "x");
    self->done = 0;
    self->value = 1;
    if (isnan(self->x))
        return pbx_fail(error, PBX_EINVAL, "config.x", "must be a number");
    if (pbx_boolean(self->base.host, self->base.options, "forks"))
        leave_child();
    return self->data[0] != '\0' ? add_data(self, error) : PBX_OK;
}

static pbx_status
fail_once(const pbx_instance *self, pbx_error *error)
{
    char path[4096];
    if (self->done != 4 || !pbx_boolean(self->base.host, self->base.options, "fails"))
        return PBX_OK;
    snprintf(path, sizeof path, "%s/failed", trial_of(self)->dir);
    if (access(path, F_OK) == 0)
        return PBX_OK;
    pbx_status status = put(path, 0, "", 0, error);
    return status != PBX_OK ? status : pbx_fail(error, PBX_EIO, NULL, "fails once");
}

static pbx_status
next(pbx_instance *self, pbx_answer *answer, pbx_error *error)
{
    static const char *const names[] = {"loss"};
    struct timespec pause = {self->pause_ms / 1000, self->pause_ms % 1000 * 1000000};
    pbx_status status = fail_once(self, error);
    if (status != PBX_OK)
        return status;
    nanosleep(&pause, NULL);
    self->done++;
    self->value = self->value * 0.75 + fabs(self->x - 0.3) / (double)self->done;
    status = self->session->report(self->base.host, names, &self->value, 1, NULL, 0, answer, error);
    /* What is told to stop may have been dropped: it is past the result that ended the trial. */
    return status == PBX_OK && !answer->stop ? acknowledge(self, error) : status;
}

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *values, pbx_error *error)
{
    const void *session = NULL;
    pbx_status status = pbx_need(host, PBX_SESSION_ID, &session, error);
    self->session = (const pbx_session *)session;
    self->steps = pbx_integer(host, values, "steps");
    self->pause_ms = pbx_integer(host, values, "pause_ms");
    self->kilobytes = pbx_integer(host, values, "kilobytes");
    self->acknowledged = pbx_string(host, values, "acknowledged");
    self->data = pbx_string(host, values, "data");
    return status;
}

#ifdef FUNCTION_FORM
static pbx_status
run(pbx_instance *self, pbx_error *error)
{
    const char *restored = self->session->info(self->base.host)->restored, *dir;
    pbx_status status = begin(self, error);
    if (status == PBX_OK && restored != NULL)
        status = load(self, restored, error);
    while (status == PBX_OK && self->done < self->steps) {
        pbx_answer answer = {sizeof(answer), 0, 0, 0};
        status = next(self, &answer, error);
        if (status == PBX_OK && answer.save) {
            dir = self->session->checkpoint_begin(self->base.host, self->done, error);
            status = dir != NULL ? save(self, dir, error) : PBX_EIO;
            if (dir != NULL)
                self->session->checkpoint_end(self->base.host, status == PBX_OK, error);
        }
        if (status == PBX_OK && answer.stop)
            return PBX_ECANCELLED;
    }
    return status;
}

PEGBOX_TRAINABLE("walks", "1.0", "Steps, in function form", "LGPL-2.1-or-later", options,
                 PBX_TRAINABLE_MANY_RUNS | PBX_TRAINABLE_CHECKPOINTS, init, .run = run);
#else
static pbx_status
step(pbx_instance *self, pbx_error *error)
{
    pbx_answer answer = {sizeof(answer), 0, 0, 0};
    pbx_status status = next(self, &answer, error);
    if (status != PBX_OK)
        return status;
    return self->done < self->steps ? PBX_OK : PBX_DONE;
}

PEGBOX_TRAINABLE("steps", "1.0", "Steps, in class form", "LGPL-2.1-or-later", options,
                 PBX_TRAINABLE_RESETS | PBX_TRAINABLE_CHECKPOINTS, init, .setup = begin,
                 .step = step, .reset = begin, .checkpoint_save = save, .checkpoint_load = load);
#endif
