/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `limits.memory`: how much the processes of the run under way have resident, looked at
 * now and then by the watcher's thread, which tells the driver of one that has too much.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/process-private.h"

#define PERIOD_US (G_USEC_PER_SEC / 4)
#define SHARE     20 /* looking takes at most one part in so many of the time */

static struct {
    GMutex lock;
    guint64 trial, limit; /* limit 0: nothing is watched */
    guint attempt;
    gboolean with_self;
    gint64 next_us;
} watched;

/* ---- What processes have ---- */

/* The start of a file of /proc; FALSE: it cannot be read. */
static gboolean
read_proc(pid_t pid, const char *name, char *text, gsize size)
{
    char path[64];
    g_snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[MAX(n, 0)] = '\0';
    return n > 0;
}

static guint64
resident(pid_t pid)
{
    char text[128];
    if (!read_proc(pid, "statm", text, sizeof text))
        return 0;
    const char *pages = strchr(text, ' ');
    return pages != NULL ? strtoull(pages, NULL, 10) * (guint64)sysconf(_SC_PAGESIZE) : 0;
}

/* The same, but of what it shares with others only its part. It costs more to find out. */
static guint64
proportional(pid_t pid)
{
    static const char key[] = "\nPss:";
    char text[1024];
    const char *found =
        read_proc(pid, "smaps_rollup", text, sizeof text) ? strstr(text, key) : NULL;
    return found != NULL ? strtoull(found + strlen(key), NULL, 10) * 1024 : resident(pid);
}

static void
add_resident(pid_t pid, gpointer sum)
{
    *(guint64 *)sum += resident(pid);
}

static void
add_proportional(pid_t pid, gpointer sum)
{
    *(guint64 *)sum += proportional(pid);
}

guint64
memory_used(gboolean with_self, guint64 limit)
{
    guint64 sum = with_self ? resident(getpid()) : 0;
    descendants_each(add_resident, &sum);
    if (sum <= limit)
        return sum;
    /* Forks of one process share most of it: a page counts once, however many have it. */
    sum = with_self ? proportional(getpid()) : 0;
    descendants_each(add_proportional, &sum);
    return sum;
}

/* ---- The run under way ---- */

void
memory_watch(const PbxRun *run, guint64 limit, gboolean with_self)
{
    g_mutex_lock(&watched.lock);
    watched.limit = limit;
    watched.trial = run->trial;
    watched.attempt = run->attempt;
    watched.with_self = with_self;
    watched.next_us = g_get_monotonic_time() + PERIOD_US;
    g_mutex_unlock(&watched.lock);
}

void
memory_unwatch(void)
{
    g_mutex_lock(&watched.lock);
    watched.limit = 0;
    g_mutex_unlock(&watched.lock);
}

gint64
memory_look(PbxChannel *channel)
{
    g_mutex_lock(&watched.lock);
    gint64 began = g_get_monotonic_time();
    if (watched.limit > 0 && watched.next_us <= began) {
        guint64 used = memory_used(watched.with_self, watched.limit);
        if (used > watched.limit) {
            GString *message = message_new("memory");
            message_int(message, "trial", (gint64)watched.trial);
            message_int(message, "attempt", watched.attempt);
            message_int(message, "used", (gint64)used);
            channel_try(channel, message);
        }
        gint64 now = g_get_monotonic_time();
        watched.next_us = now + MAX(PERIOD_US, SHARE * (now - began));
    }
    gint64 next = watched.limit > 0 ? watched.next_us : G_MAXINT64;
    g_mutex_unlock(&watched.lock);
    return next;
}
