/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ends all descendants of a process that is a child subreaper: whatever its
 * children leave behind becomes its own child, so killing and reaping children
 * until there are none reaches every one.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/process-private.h"

#define PATIENCE_US (10 * G_USEC_PER_SEC)

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

static void
kill_one(pid_t pid, gpointer user)
{
    (void)user;
    kill(pid, SIGKILL);
}

gboolean
orphans_kill(void)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    for (gulong pause_us = 200; !reap(); pause_us = MIN(pause_us * 2, 20000)) {
        if (g_get_monotonic_time() > end)
            return FALSE;
        descendants_each(kill_one, NULL);
        g_usleep(pause_us);
    }
    return TRUE;
}
