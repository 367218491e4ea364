/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox logs: what a trial printed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pegbox/types.h>

#include "commands/look-private.h"

#define CHUNK     65536
#define PERIOD_US 100000

/* One file, read as it grows. */
typedef struct {
    const char *path;
    int fd; /* -1: not there yet */
    off_t at;
} Tail;

static gsize
escape_length(const char *at, gsize left)
{
    gsize n = 2;
    if (left < 3 || at[0] != '\033' || at[1] != '[')
        return 0;
    while (n < left && strchr("0123456789;", at[n]) != NULL && at[n] != '\0')
        n++;
    return n < left && at[n] == 'm' ? n + 1 : 0;
}

/* Colours and progress bars are welcome on a terminal, what steers it is not. */
static void
put_for_terminal(const char *bytes, gsize n)
{
    for (gsize i = 0; i < n; i++) {
        const guchar c = (guchar)bytes[i];
        const gsize escape = escape_length(bytes + i, n - i);
        if (escape > 0) {
            fwrite(bytes + i, 1, escape, stdout);
            i += escape - 1;
        } else if ((c < 0x20 && strchr("\n\r\t\b", c) == NULL) || c == 0x7f || c == 0) {
            printf("\\x%02x", c);
        } else {
            putchar(c);
        }
    }
}

static void
put_output(const char *bytes, gsize n)
{
    if (isatty(STDOUT_FILENO))
        put_for_terminal(bytes, n);
    else
        fwrite(bytes, 1, n, stdout);
}

/* Prints what has come. FALSE: told. */
static gboolean
drain(Tail *tail)
{
    static char chunk[CHUNK];
    if (tail->fd < 0)
        tail->fd = open(tail->path, O_RDONLY | O_CLOEXEC);
    if (tail->fd < 0 && errno == ENOENT)
        return TRUE;
    struct stat info;
    if (tail->fd >= 0 && fstat(tail->fd, &info) == 0 && info.st_size < tail->at)
        tail->at = 0; /* begun anew */
    ssize_t n = -1;
    while (tail->fd >= 0 && (n = pread(tail->fd, chunk, sizeof chunk, tail->at)) > 0) {
        put_output(chunk, (gsize)n);
        tail->at += n;
    }
    if (n >= 0)
        return TRUE;
    command_error("%s: %s", tail->path, g_strerror(errno));
    return FALSE;
}

/* Whether nothing more will come. */
static gboolean
has_ended(PbxLook *look, guint64 number)
{
    g_autoptr(PbxTrialRow) trial = store_trial(look->store, number, NULL);
    g_autofree char *status = look_status(look);
    return trial == NULL || trial->state >= PBX_STATE_TERMINATED ||
           g_strcmp0(status, "running") != 0;
}

static int
print_logs(PbxLook *look, const PbxTrialRow *trial, Tail *tails, guint n, gboolean follow)
{
    gboolean ended = !follow, ok = TRUE;
    while (ok) {
        ended = ended || has_ended(look, trial->number);
        for (guint i = 0; i < n && ok; i++)
            ok = drain(&tails[i]);
        fflush(stdout);
        if (ended)
            break;
        g_usleep(PERIOD_US);
    }
    return ok ? EXIT_DONE : EXIT_BROKEN;
}

static int
show(PbxLook *look, const PbxTrialRow *trial, gboolean only_stderr, gboolean follow)
{
    g_autofree char *out = NULL, *err = NULL;
    g_autoptr(GError) error = NULL;
    if (!look_log_files(look, trial, &out, &err, &error)) {
        command_error("log_to_file: %s", error->message);
        return EXIT_BROKEN;
    }
    if (out == NULL) {
        command_error("%s has no output in files: its log_to_file is false", look->name);
        return EXIT_USAGE;
    }
    Tail tails[2];
    guint n = 0;
    if (!only_stderr)
        tails[n++] = (Tail){.path = out, .fd = -1};
    if (only_stderr || !g_str_equal(out, err))
        tails[n++] = (Tail){.path = err, .fd = -1};
    int status = print_logs(look, trial, tails, n, follow);
    gboolean any = FALSE;
    for (guint i = 0; i < n; i++) {
        any = any || tails[i].fd >= 0;
        if (tails[i].fd >= 0)
            close(tails[i].fd);
    }
    if (!any && look->spec != NULL && json_lookup(look->spec, "trainable") == NULL) {
        command_error("%s has no trainable: its trials were asked for, and run elsewhere",
                      look->name);
        status = EXIT_USAGE;
    }
    return status;
}

int
command_logs(int argc, char **argv)
{
    gboolean follow = FALSE, only_stderr = FALSE;
    const GOptionEntry entries[] = {
        {"follow", 'f', 0, G_OPTION_ARG_NONE, &follow, "Go on until the trial ends", NULL},
        {"stderr", 0, 0, G_OPTION_ARG_NONE, &only_stderr, "Only its standard error", NULL},
        {NULL},
    };
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "[EXP] TRIAL",
                       "Prints a trial's standard output, then its standard error.", &status))
        return status;
    const char *exp = NULL, *name = NULL;
    g_auto(PbxLook) look = {0};
    if (!command_exp_and_trial(argc, argv, &exp, &name) || !look_open(&look, exp, &status))
        return status;
    g_autoptr(PbxTrialRow) trial = look_trial(&look, name, &status);
    return trial != NULL ? show(&look, trial, only_stderr, follow) : status;
}
