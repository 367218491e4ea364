/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* experiment.lock: who writes. On one host the kernel's lock decides. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "request/request-private.h"

#define WAIT_US     (20 * 1000)
#define PATIENCE_US (10 * G_USEC_PER_SEC) /* with those who write without a driver */
#define GLIMPSE_US  (200 * 1000)          /* as long as anybody needs to look at a lock */

struct PbxLock {
    int fd;
    gboolean shared;
};

static int
open_lock(const char *dir, int flags, GError **error)
{
    g_autofree char *path = g_build_filename(dir, "experiment.lock", NULL);
    int fd = open(path, flags | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0666);
    if (fd < 0)
        g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_IO, "%s: %s", path, g_strerror(errno));
    return fd;
}

/* Who the file names: a driver, or nobody where it is held shared. (transfer full) */
static char *
read_holder(int fd)
{
    char who[256] = "";
    ssize_t n = pread(fd, who, sizeof who - 1, 0);
    who[n > 0 ? n : 0] = '\0';
    return g_strdup(g_strstrip(who));
}

static void
set_driven(GError **error, const char *dir, int fd)
{
    g_autofree char *holder = read_holder(fd);
    char *pid = strrchr(holder, ' ');
    if (pid == NULL) {
        g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_DRIVEN,
                    "%s is being run already; `pegbox stop` ends that", dir);
        return;
    }
    *pid++ = '\0';
    g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_DRIVEN,
                "%s is being run already, by process %s on %s; `pegbox stop` ends that", dir, pid,
                holder);
}

/* Whether only those hold it who write without a driver. */
static gboolean
is_shared(int fd)
{
    return flock(fd, LOCK_SH | LOCK_NB) == 0 && flock(fd, LOCK_UN) == 0;
}

static gboolean
lock_file(int fd, int how, const char *dir, GError **error)
{
    const gint64 began = g_get_monotonic_time();
    while (flock(fd, how | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_IO, "%s/experiment.lock: %s", dir,
                        g_strerror(errno));
            return FALSE;
        }
        const gint64 patience = is_shared(fd) ? PATIENCE_US : GLIMPSE_US;
        if (g_get_monotonic_time() - began > patience) {
            set_driven(error, dir, fd);
            return FALSE;
        }
        g_usleep(WAIT_US);
    }
    return TRUE;
}

/* Whoever deletes an experiment holds its lock; one who waited for that has a lock of nothing. */
static gboolean
is_there(int fd, const char *dir, GError **error)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_IO, "%s/experiment.lock: %s", dir,
                    g_strerror(errno));
    else if (info.st_nlink == 0)
        g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_IO, "%s was deleted meanwhile", dir);
    else
        return TRUE;
    return FALSE;
}

static PbxLock *
take(const char *dir, gboolean shared, GError **error)
{
    int fd = open_lock(dir, O_RDWR | O_CREAT, error);
    if (fd < 0)
        return NULL;
    gboolean good =
        lock_file(fd, shared ? LOCK_SH : LOCK_EX, dir, error) && is_there(fd, dir, error);
    g_autofree char *who = g_strdup_printf("%s %d\n", g_get_host_name(), (int)getpid());
    const gsize length = strlen(who);
    if (good && !shared &&
        (ftruncate(fd, 0) != 0 || pwrite(fd, who, length, 0) != (ssize_t)length)) {
        g_set_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_IO, "%s/experiment.lock: %s", dir,
                    g_strerror(errno));
        good = FALSE;
    }
    if (!good) {
        close(fd);
        return NULL;
    }
    PbxLock *lock = g_new(PbxLock, 1);
    *lock = (PbxLock){fd, shared};
    return lock;
}

PbxLock *
lock_take(const char *dir, GError **error)
{
    return take(dir, FALSE, error);
}

PbxLock *
lock_share(const char *dir, GError **error)
{
    return take(dir, TRUE, error);
}

char *
lock_driver(const char *dir)
{
    int fd = open_lock(dir, O_RDONLY, NULL);
    if (fd < 0)
        return NULL;
    char *holder = NULL;
    const gint64 began = g_get_monotonic_time();
    while (flock(fd, LOCK_SH | LOCK_NB) != 0 && (errno == EWOULDBLOCK || errno == EINTR)) {
        g_free(holder);
        holder = read_holder(fd);
        /* One that has just begun has its name in it in a moment. */
        if (holder[0] != '\0' || g_get_monotonic_time() - began > GLIMPSE_US)
            break;
        g_clear_pointer(&holder, g_free);
        g_usleep(1000);
    }
    close(fd);
    return holder;
}

gboolean
lock_was_released(const char *dir)
{
    int fd = open_lock(dir, O_RDONLY, NULL);
    if (fd < 0)
        return FALSE;
    g_autofree char *holder = read_holder(fd);
    close(fd);
    return holder[0] == '\0';
}

void
lock_touch(PbxLock *lock)
{
    /* Other hosts see by the mtime that the driver lives; a failure costs no more. */
    (void)futimens(lock->fd, NULL);
}

void
lock_release(PbxLock *lock)
{
    if (lock == NULL)
        return;
    if (!lock->shared)
        (void)ftruncate(lock->fd, 0);
    close(lock->fd);
    g_free(lock);
}
