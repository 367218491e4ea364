/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * checkpoint.path: what is saved for a program that knows nothing of pegbox. A file or directory
 * of its own that is copied while it runs, once it stands still, and again when it has ended.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "worker/process-private.h"

/* Most programs report, and save then. */
#define FIRST_US (100 * 1000)
/* From one try to the next; after a long copy that came to nothing, longer. */
#define PAUSE_US    (100 * 1000)
#define PAUSE_TIMES 10
/* Where the driver waits for it. */
#define PATIENCE_US (10 * G_USEC_PER_SEC)

typedef enum { COPY_MADE, COPY_MISSING, COPY_MOVING, COPY_FAILED } Copy;

struct PbxKeptPath {
    const char *path; /* relative to the trial's directory */
    const char *dir;
    char *whole, *parent, *base;
    int epoll_fd, timer_fd; /* readable when poll has something to do */
    gint64 due_us;          /* monotonic, when to try next; 0: nothing is due */
    gint64 asked_us;        /* since when the driver waits; 0: it does not */
    gint64 pause_us;
    gboolean has_last; /* an archive of this run, as the path was then */
    PbxTreeLook last;
    guint64 last_n;
};

/* ---- The path ---- */

static gboolean
set_error(GError **error, const char *path, const char *what)
{
    g_set_error(error, PBX_CHECKPOINT_ERROR, CHECKPOINT_ERROR_REFUSED, "checkpoint.path: %s %s",
                path, what);
    return FALSE;
}

/* Whatever a template made of it: it stays within the trial's directory. */
static gboolean
check_text(const char *path, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    if (path[0] == '/')
        return set_error(error, path, "is to be relative to the trial's directory");
    for (gsize i = 0; parts[i] != NULL; i++)
        if (parts[i][0] == '\0' || g_str_equal(parts[i], ".") || g_str_equal(parts[i], ".."))
            return set_error(error, path[0] != '\0' ? path : "\"\"",
                             "is no plain name below the trial's directory");
    return parts[0] != NULL || set_error(error, "\"\"", "names nothing");
}

/* No link on the way leads elsewhere. Missing directories are fine. */
static gboolean
check_way(const PbxKeptPath *kept, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(kept->path, "/", -1);
    g_autoptr(GString) way = g_string_new(kept->dir);
    struct stat facts;
    for (gsize i = 0; parts[i] != NULL; i++) {
        g_string_append_printf(way, "/%s", parts[i]);
        if (lstat(way->str, &facts) != 0)
            return TRUE;
        if (S_ISLNK(facts.st_mode))
            return set_error(error, kept->path,
                             "leads through a symbolic link; name what it points to");
        if (parts[i + 1] != NULL && !S_ISDIR(facts.st_mode))
            return set_error(error, kept->path, "leads through a file");
    }
    return TRUE;
}

static gboolean
open_descriptors(PbxKeptPath *kept, int channel_fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    kept->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    kept->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return kept->epoll_fd >= 0 && kept->timer_fd >= 0 &&
           epoll_ctl(kept->epoll_fd, EPOLL_CTL_ADD, channel_fd, &event) == 0 &&
           epoll_ctl(kept->epoll_fd, EPOLL_CTL_ADD, kept->timer_fd, &event) == 0;
}

PbxKeptPath *
kept_path_new(const char *dir, const char *path, int channel_fd, GError **error)
{
    if (!check_text(path, error))
        return NULL;
    PbxKeptPath *kept = g_new0(PbxKeptPath, 1);
    kept->path = path;
    kept->dir = dir;
    kept->whole = g_build_filename(dir, path, NULL);
    kept->parent = g_path_get_dirname(kept->whole);
    kept->base = g_path_get_basename(kept->whole);
    kept->epoll_fd = kept->timer_fd = -1;
    if (open_descriptors(kept, channel_fd))
        return kept;
    g_set_error(error, PBX_WORKER_ERROR, WORKER_ERROR_HOST, "checkpoint.path cannot be watched: %s",
                g_strerror(errno));
    kept_path_free(kept);
    return NULL;
}

void
kept_path_free(PbxKeptPath *kept)
{
    if (kept == NULL)
        return;
    if (kept->epoll_fd >= 0)
        close(kept->epoll_fd);
    if (kept->timer_fd >= 0)
        close(kept->timer_fd);
    g_free(kept->whole);
    g_free(kept->parent);
    g_free(kept->base);
    g_free(kept);
}

int
kept_path_fd(const PbxKeptPath *kept)
{
    return kept->epoll_fd;
}

/* ---- Putting it back ---- */

/* The one thing in a directory, whatever its name. (transfer full) NULL: there are none or more. */
static char *
only_entry(const char *dir)
{
    g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
    const char *name = open != NULL ? g_dir_read_name(open) : NULL;
    g_autofree char *first = g_strdup(name);
    if (name == NULL || g_dir_read_name(open) != NULL)
        return NULL;
    return g_build_filename(dir, first, NULL);
}

gboolean
kept_path_clear(const PbxKeptPath *kept, GError **error)
{
    return check_way(kept, error) && checkpoint_remove(kept->whole, error);
}

gboolean
kept_path_place(const PbxKeptPath *kept, const char *unpacked, GError **error)
{
    /* Ours has the one file or directory in it; what a user packed may have its parts. */
    g_autofree char *only = only_entry(unpacked);
    if (!kept_path_clear(kept, error))
        return FALSE;
    if (g_mkdir_with_parents(kept->parent, 0777) == 0 &&
        rename(only != NULL ? only : unpacked, kept->whole) == 0)
        return TRUE;
    g_set_error(error, PBX_WORKER_ERROR, WORKER_ERROR_HOST, "cannot put back %s: %s", kept->whole,
                g_strerror(errno));
    return FALSE;
}

const char *
kept_path_whole(const PbxKeptPath *kept)
{
    return kept->whole;
}

/* ---- Copies ---- */

static void
set_due(PbxKeptPath *kept, gint64 due_us)
{
    struct itimerspec when = {{0, 0}, {due_us / G_USEC_PER_SEC, due_us % G_USEC_PER_SEC * 1000}};
    kept->due_us = due_us;
    timerfd_settime(kept->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void
kept_path_due(PbxKeptPath *kept, gboolean asked)
{
    gint64 now = g_get_monotonic_time();
    if (asked && kept->asked_us == 0)
        kept->asked_us = now;
    if (asked)
        set_due(kept, now);
    else if (kept->due_us == 0)
        set_due(kept, now + FIRST_US);
}

/* What it looks like now. COPY_MADE: so that it can be copied. */
static Copy
look(const PbxKeptPath *kept, PbxTreeLook *found, GError **error)
{
    if (!check_way(kept, error))
        return COPY_FAILED;
    if (tree_look(kept->whole, found))
        return COPY_MADE;
    if (errno == ENOENT)
        return g_file_test(kept->whole, G_FILE_TEST_EXISTS) ? COPY_MOVING : COPY_MISSING;
    g_set_error(error, PBX_WORKER_ERROR, WORKER_ERROR_HOST, "cannot look at %s: %s", kept->whole,
                g_strerror(errno));
    return COPY_FAILED;
}

/* The archive counts only where nothing moved while it was written. */
static Copy
pack(PbxWorker *worker, PbxKeptPath *kept, const PbxTreeLook *before, GError **error)
{
    const char *const members[] = {kept->base, NULL};
    PbxSave save = save_now(worker->run, -1);
    PbxArchived archived = {.name = NULL};
    PbxTreeLook after;
    g_autoptr(GError) failure = NULL;
    gboolean good = saving_pack(worker, &save, kept->parent, members, &archived, &failure);
    g_autofree char *name = archived.name;
    gboolean moved = !tree_look(kept->whole, &after) || !tree_look_is_same(before, &after);
    if (good && !moved) {
        saving_made(worker, &save, &archived);
        kept->has_last = TRUE;
        kept->last = after;
        kept->last_n = save.n;
        return COPY_MADE;
    }
    if (good) {
        g_autofree char *archive = g_build_filename(worker->run->abi_trial.dir, name, NULL);
        unlink(archive);
    }
    if (moved)
        return COPY_MOVING;
    g_propagate_error(error, g_steal_pointer(&failure));
    return COPY_FAILED;
}

static Copy
copy(PbxWorker *worker, PbxKeptPath *kept, gboolean ended, GError **error)
{
    PbxTreeLook before;
    if (!session_settle(worker, error))
        return COPY_FAILED;
    Copy found = look(kept, &before, error);
    if (found != COPY_MADE)
        return found;
    if (kept->has_last && kept->last_n == worker->run->ahead.n &&
        tree_look_is_same(&kept->last, &before)) {
        saving_is_made(worker);
        return COPY_MADE;
    }
    if (!ended && tree_look_is_young(&before))
        return COPY_MOVING;
    saving_begun(worker);
    gint64 begun_us = g_get_monotonic_time();
    Copy made = pack(worker, kept, &before, error);
    gint64 took_us = g_get_monotonic_time() - begun_us;
    kept->pause_us = made == COPY_MOVING ? PAUSE_TIMES * took_us : 0;
    if (worker->program == NULL)
        counts_skip(&worker->run->counts, took_us * 1000);
    saving_over(worker);
    return made;
}

static void
give_up(PbxWorker *worker, PbxKeptPath *kept, const char *why)
{
    kept->asked_us = 0;
    set_due(kept, 0);
    if (why != NULL)
        saving_failed(worker, why);
}

void
kept_path_step(PbxWorker *worker)
{
    PbxKeptPath *kept = worker->run->kept;
    gint64 now = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    if (kept->due_us == 0 || now < kept->due_us)
        return;
    /* Its end is near: it will be copied then. */
    if (worker->run->stop || worker->run->stopping) {
        set_due(kept, 0);
        return;
    }
    Copy made = copy(worker, kept, FALSE, &error);
    if (made == COPY_MOVING &&
        (kept->asked_us == 0 || g_get_monotonic_time() - kept->asked_us < PATIENCE_US)) {
        set_due(kept, g_get_monotonic_time() + MAX(PAUSE_US, kept->pause_us));
    } else if (made == COPY_MOVING) {
        text = g_strdup_printf("%s did not stand still for long enough to be copied", kept->path);
        give_up(worker, kept, text);
    } else if (made == COPY_FAILED) {
        give_up(worker, kept, error->message);
    } else {
        /* A program may make it later than its first results. */
        if (made == COPY_MISSING) {
            text = g_strdup_printf("nothing stands at %s yet", kept->whole);
            saving_asked_failed(worker, text);
            worker->run->saving.wanted = FALSE;
        }
        give_up(worker, kept, NULL);
    }
}

gboolean
kept_path_settle(PbxWorker *worker, GError **error)
{
    const PbxRun *run = worker->run;
    while (run->kept != NULL && run->kept->asked_us != 0 && !run->stop && !run->stopping) {
        struct pollfd wait = {.fd = run->kept->epoll_fd, .events = POLLIN};
        channel_flush(&worker->channel);
        poll(&wait, 1, -1);
        if (!session_listen(worker, FALSE, error))
            return FALSE;
        kept_path_step(worker);
    }
    return TRUE;
}

void
kept_path_end(PbxWorker *worker)
{
    PbxKeptPath *kept = worker->run->kept;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    switch (copy(worker, kept, TRUE, &error)) {
    case COPY_MADE:
        return;
    case COPY_MISSING:
        text = g_strdup_printf("checkpoint.path: nothing stands at %s at the end", kept->path);
        break;
    case COPY_MOVING:
        text = g_strdup_printf("checkpoint.path: %s is written to after the end", kept->path);
        break;
    case COPY_FAILED:
        text = g_strdup(error->message);
        break;
    }
    saving_failed(worker, text);
}
