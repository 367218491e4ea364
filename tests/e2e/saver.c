/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trainable in class form that saves: it counts, and writes down what is done to it, a line each:
 * TRIAL WHAT COUNT PID. */
#define _POSIX_C_SOURCE 200809L
#include <pegbox/helpers.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct pbx_instance {
    pbx_base base;
    const pbx_session *session;
    int64_t count;
    int set_up;
};
static const pbx_option options[] = {
    PBX_OPT_STRING("log", "what it writes", "1.0", "\"/dev/null\""),
    PBX_OPT_INT("steps", "how long a trial is", "1.0", 1, INFINITY, "5"),
    PBX_OPT_INT("dies_at", "the process ends at this count", "1.0", 0, INFINITY, "0"),
    PBX_OPT_INT("deaths", "so often", "1.0", 0, INFINITY, "1"),
    PBX_OPT_INT("saves_none_at", "saving fails at this count", "1.0", 0, INFINITY, "0"),
    PBX_OPT_INT("loads_none_at", "loading it fails", "1.0", 0, INFINITY, "0"),
    PBX_OPT_INT("waits_at", "until the file `go` is there", "1.0", 0, INFINITY, "0"),
    PBX_OPT_STRING("go", "that file", "1.0", "\"/\""),
    PBX_OPT_INT("bytes", "of what it saves", "1.0", 0, INFINITY, "0"),
};

static int64_t
option(const pbx_instance *self, const char *name)
{
    return pbx_integer(self->base.host, self->base.options, name);
}

static uint64_t
trial(const pbx_instance *self)
{
    return self->session->info(self->base.host)->trial->trial;
}

static void
note(const pbx_instance *self, const char *what)
{
    char line[128];
    int fd = open(pbx_string(self->base.host, self->base.options, "log"),
                  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    int n = snprintf(line, sizeof line, "%llu %s %lld %d\n", (unsigned long long)trial(self), what,
                     (long long)self->count, (int)getpid());
    if (fd < 0 || write(fd, line, (size_t)n) != n)
        abort();
    close(fd);
}

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *values, pbx_error *error)
{
    const void *session = NULL;
    pbx_status status = pbx_need(host, PBX_SESSION_ID, &session, error);
    (void)values;
    self->session = (const pbx_session *)session;
    return status;
}

static pbx_status
setup(pbx_instance *self, pbx_error *error)
{
    (void)error;
    self->count = 0;
    note(self, "setup");
    return PBX_OK;
}

static pbx_status
reset(pbx_instance *self, pbx_error *error)
{
    (void)error;
    self->count = 0;
    note(self, "reset");
    return PBX_OK;
}

/* Dies as often as it should: files beside the log count. */
static void
maybe_die(const pbx_instance *self)
{
    char path[4096];
    for (int64_t i = 0; i < option(self, "deaths"); i++) {
        snprintf(path, sizeof path, "%s.died-%llu-%lld",
                 pbx_string(self->base.host, self->base.options, "log"),
                 (unsigned long long)trial(self), (long long)i);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0)
            continue;
        note(self, "dies");
        _exit(7);
    }
}

static pbx_status
step(pbx_instance *self, pbx_error *error)
{
    static const double scores[] = {.5, .7, .6, .4, .8};
    static const char *const names[] = {"loss", "acc", "count"};
    const pbx_host *host = self->base.host;
    pbx_answer answer = {sizeof(answer), 0, 0, 0};
    double values[3];
    /* What it was restored from may have been the end. */
    if (self->count >= option(self, "steps"))
        return PBX_DONE;
    if (option(self, "dies_at") == self->count + 1)
        maybe_die(self);
    self->count++;
    while (option(self, "waits_at") == self->count &&
           access(pbx_string(host, self->base.options, "go"), F_OK) != 0)
        poll(NULL, 0, 10);
    values[0] = 1.0 / (double)self->count;
    values[1] = scores[(self->count - 1) % 5];
    values[2] = (double)self->count;
    note(self, "step");
    pbx_status status = self->session->report(host, names, values, 3, NULL, 0, &answer, error);
    if (status != PBX_OK)
        return status;
    if (answer.stop)
        return PBX_ECANCELLED;
    return self->count >= option(self, "steps") ? PBX_DONE : PBX_OK;
}

static FILE *
open_state(const char *dir, const char *mode)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/count", dir);
    return fopen(path, mode);
}

static pbx_status
save(pbx_instance *self, const char *dir, pbx_error *error)
{
    FILE *file;
    note(self, "save");
    if (option(self, "saves_none_at") == self->count)
        return pbx_fail(error, PBX_EIO, NULL, "will not save");
    file = open_state(dir, "w");
    if (file == NULL)
        return pbx_fail(error, PBX_EIO, NULL, "cannot save");
    fprintf(file, "%lld\n", (long long)self->count);
    for (int64_t i = 0; i < option(self, "bytes"); i++)
        putc('x', file);
    return fclose(file) == 0 ? PBX_OK : pbx_fail(error, PBX_EIO, NULL, "cannot save");
}

static pbx_status
load(pbx_instance *self, const char *dir, pbx_error *error)
{
    long long count = 0;
    FILE *file = open_state(dir, "r");
    int n = file != NULL ? fscanf(file, "%lld", &count) : 0;
    if (file != NULL)
        fclose(file);
    if (n != 1 || (option(self, "loads_none_at") == count && count != 0))
        return pbx_fail(error, PBX_EIO, NULL, "will not load");
    self->count = count;
    note(self, "load");
    return PBX_OK;
}

PEGBOX_TRAINABLE("saver", "1.0", "Counts, and saves", "LGPL-2.1-or-later", options,
                 PBX_TRAINABLE_CHECKPOINTS | PBX_TRAINABLE_RESETS, init, .setup = setup,
                 .step = step, .reset = reset, .checkpoint_save = save, .checkpoint_load = load);
