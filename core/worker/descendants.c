/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The processes below this one, as /proc shows them. */
#include <stdio.h>
#include <stdlib.h>

#include "worker/process-private.h"

#define MAX_DEPTH 64

typedef struct {
    void (*func)(pid_t pid, gpointer user);
    gpointer user;
} Visit;

static void visit_children(const char *process, guint depth, const Visit *visit);

static void
visit_children_of_thread(const char *process, const char *thread, guint depth, const Visit *visit)
{
    char path[128], pid[16];
    g_snprintf(path, sizeof path, "/proc/%s/task/%s/children", process, thread);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    while (fscanf(file, "%15s", pid) == 1) {
        /* Its children first: they are found through it only while it lives. */
        if (depth < MAX_DEPTH)
            visit_children(pid, depth + 1, visit);
        visit->func((pid_t)g_ascii_strtoll(pid, NULL, 10), visit->user);
    }
    fclose(file);
}

static void
visit_children(const char *process, guint depth, const Visit *visit)
{
    char path[64];
    g_snprintf(path, sizeof path, "/proc/%s/task", process);
    GDir *dir = g_dir_open(path, 0, NULL);
    if (dir == NULL)
        return;
    const char *thread;
    while ((thread = g_dir_read_name(dir)) != NULL)
        visit_children_of_thread(process, thread, depth, visit);
    g_dir_close(dir);
}

void
descendants_each(void (*func)(pid_t pid, gpointer user), gpointer user)
{
    const Visit visit = {.func = func, .user = user};
    visit_children("self", 0, &visit);
}
