/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* experiment.lock: who drives. On one host the kernel's lock decides. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiment/runner-private.h"

struct PbxLock {
    int fd;
};

PbxLock *
lock_take(const char *dir, GError **error)
{
    g_autofree char *path = g_build_filename(dir, "experiment.lock", NULL);
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN, "%s: %s", path,
                    g_strerror(errno));
        return NULL;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        char who[256] = "";
        ssize_t n = read(fd, who, sizeof who - 1);
        who[n > 0 ? n : 0] = '\0';
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "%s has a driver already: %s", dir, g_strstrip(who));
        close(fd);
        return NULL;
    }
    g_autofree char *who = g_strdup_printf("%s %d\n", g_get_host_name(), (int)getpid());
    if (ftruncate(fd, 0) != 0 || write(fd, who, strlen(who)) != (ssize_t)strlen(who)) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN, "%s: %s", path,
                    g_strerror(errno));
        close(fd);
        return NULL;
    }
    PbxLock *lock = g_new(PbxLock, 1);
    lock->fd = fd;
    return lock;
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
    (void)ftruncate(lock->fd, 0);
    close(lock->fd);
    g_free(lock);
}
