/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The run's log: one line each, from any thread, told by the loop's. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "experiment/runner-private.h"

typedef struct {
    PbxRunner *runner;
    int level;
    char *text;
} PbxLogLine;

const char *
runner_level_name(int level)
{
    return level >= PBX_LOG_ERROR     ? "error"
           : level >= PBX_LOG_WARNING ? "warning"
           : level >= PBX_LOG_INFO    ? "info"
                                      : "debug";
}

static gboolean
tell(gpointer data)
{
    PbxLogLine *line = data;
    if (line->runner->reporter != NULL)
        reporter_message(line->runner->reporter, line->level, line->text);
    else
        g_printerr("pegbox: %s: %s\n", runner_level_name(line->level), line->text);
    return G_SOURCE_REMOVE;
}

/* By --verbose. */
static int
least_level(const PbxRunner *runner)
{
    const int verbose = runner->spec->verbose;
    return verbose >= 3 ? PBX_LOG_DEBUG : verbose == 2 ? PBX_LOG_INFO : PBX_LOG_WARNING;
}

static void
line_free(gpointer data)
{
    PbxLogLine *line = data;
    g_free(line->text);
    g_free(line);
}

void
runner_invoke(PbxRunner *runner, GSourceFunc func, gpointer data, GDestroyNotify free_data)
{
    if (runner->thread == g_thread_self()) {
        func(data);
        if (free_data != NULL)
            free_data(data);
        return;
    }
    /* Not g_main_context_invoke: between two iterations that calls here and now. */
    g_autoptr(GSource) source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, func, data, free_data);
    g_source_attach(source, runner->context);
}

void
runner_log(const char *slot, int level, const char *message, gpointer user)
{
    PbxRunner *runner = user;
    if (level < least_level(runner))
        return;
    PbxLogLine *line = g_new(PbxLogLine, 1);
    *line = (PbxLogLine){
        .runner = runner, .level = level, .text = g_strdup_printf("%s: %s", slot, message)};
    runner_invoke(runner, tell, line, line_free);
}

static void
append_to(const char *path, const char *message)
{
    g_autofree char *line = g_strdup_printf("pegbox: %s\n", message);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0)
        return;
    /* The console has the line as well: a full disk costs no more than this copy. */
    (void)!write(fd, line, strlen(line));
    close(fd);
}

void
runner_log_trial(PbxRunner *runner, const PbxTrial *trial, int level, const char *message)
{
    if (trial == NULL) {
        runner_log("trainable", level, message, runner);
        return;
    }
    if (trial->err != NULL && level >= PBX_LOG_INFO)
        append_to(trial->err, message);
    g_autofree char *line = g_strdup_printf("trial %s: %s", trial->row.name, message);
    runner_log("trainable", level, line, runner);
}
