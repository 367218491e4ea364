/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ends all descendants of a process that is a child subreaper: whatever its
 * children leave behind becomes its own child, so killing and reaping children
 * until there are none reaches every one.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/process-private.h"

#define PATIENCE_US (10 * G_USEC_PER_SEC)
#define MAX_DEPTH   64

/* TRUE: this process has no child left. */
static gboolean
reap(void)
{
    pid_t pid;
    do
        pid = waitpid(-1, NULL, WNOHANG | __WALL);
    while (pid > 0 || (pid < 0 && errno == EINTR));
    return pid < 0;
}

static void kill_children(const char *process, guint depth);

static void
kill_children_of_thread(const char *process, const char *thread, guint depth)
{
    char path[128], pid[16];
    g_snprintf(path, sizeof path, "/proc/%s/task/%s/children", process, thread);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    while (fscanf(file, "%15s", pid) == 1) {
        /* Its children first: they are found through it only while it lives. */
        if (depth < MAX_DEPTH)
            kill_children(pid, depth + 1);
        kill((pid_t)g_ascii_strtoll(pid, NULL, 10), SIGKILL);
    }
    fclose(file);
}

static void
kill_children(const char *process, guint depth)
{
    char path[64];
    g_snprintf(path, sizeof path, "/proc/%s/task", process);
    GDir *dir = g_dir_open(path, 0, NULL);
    if (dir == NULL)
        return;
    const char *thread;
    while ((thread = g_dir_read_name(dir)) != NULL)
        kill_children_of_thread(process, thread, depth);
    g_dir_close(dir);
}

gboolean
orphans_kill(void)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    for (gulong pause_us = 200; !reap(); pause_us = MIN(pause_us * 2, 20000)) {
        if (g_get_monotonic_time() > end)
            return FALSE;
        kill_children("self", 0);
        g_usleep(pause_us);
    }
    return TRUE;
}
