/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver is a subreaper: what a dead worker leaves behind becomes its child, and ends. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "experiment/runner-private.h"

static gboolean
is_worker(PbxRunner *runner, int pid)
{
    gboolean found = FALSE;
    GHashTableIter iter;
    gpointer value;
    g_mutex_lock(&runner->post_lock);
    g_hash_table_iter_init(&iter, runner->pids);
    while (!found && g_hash_table_iter_next(&iter, NULL, &value))
        found = GPOINTER_TO_INT(value) == pid;
    g_mutex_unlock(&runner->post_lock);
    return found;
}

/* Kills and reaps children that are no worker; whether there was one. */
static gboolean
end_once(PbxRunner *runner)
{
    g_autofree char *path = g_strdup_printf("/proc/self/task/%d/children", (int)getpid());
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return FALSE;
    gboolean any = FALSE;
    g_auto(GStrv) pids = g_strsplit_set(text, " \n", -1);
    for (char **item = pids; *item != NULL; item++) {
        int pid = (int)g_ascii_strtoll(*item, NULL, 10);
        if (pid <= 0 || is_worker(runner, pid))
            continue;
        kill(pid, SIGKILL);
        any = waitpid(pid, NULL, 0) == pid || any;
    }
    return any;
}

void
orphans_end(PbxRunner *runner)
{
    /* Killing one may hand its own children up: go on until none is left. */
    while (end_once(runner))
        continue;
}
