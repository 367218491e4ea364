/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An experiment deleted, with all that is in its directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "experiment/runner-private.h"

/* These go last: a deletion that was cut short can be told to go on. */
#define STORE "experiment.db"
#define LOCK  "experiment.lock"

/* Symbolic links are removed, never followed. keep_lock: it is held for the one that follows. */
static gboolean
delete_inside(const char *path, gboolean keep_lock)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return FALSE;
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return FALSE;
    }
    gboolean good = TRUE;
    const struct dirent *entry;
    while (good && (entry = readdir(dir)) != NULL) {
        const char *inner = entry->d_name;
        if (!g_str_equal(inner, ".") && !g_str_equal(inner, "..") && !g_str_equal(inner, STORE) &&
            !g_str_equal(inner, LOCK))
            good = checkpoint_remove_at(fd, inner);
    }
    good = good && checkpoint_remove_at(fd, STORE) && (keep_lock || checkpoint_remove_at(fd, LOCK));
    const int saved = errno;
    closedir(dir);
    errno = saved;
    return good;
}

static gboolean
refuse_link(const char *dir, GError **error)
{
    if (!g_file_test(dir, G_FILE_TEST_IS_SYMLINK))
        return TRUE;
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                "%s is a symbolic link: name the directory that it points to", dir);
    return FALSE;
}

static void
set_broken(GError **error, const char *dir)
{
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                "%s cannot be deleted whole: %s", dir, g_strerror(errno));
}

gboolean
experiment_remove(const char *dir, GError **error)
{
    PbxLock *lock = refuse_link(dir, error) ? lock_take(dir, error) : NULL;
    if (lock == NULL)
        return FALSE;
    const gboolean good = delete_inside(dir, FALSE) && unlinkat(AT_FDCWD, dir, AT_REMOVEDIR) == 0;
    if (!good)
        set_broken(error, dir);
    lock_release(lock);
    return good;
}

PbxLock *
remove_for_another(const char *dir, GError **error)
{
    PbxLock *lock = refuse_link(dir, error) ? lock_take(dir, error) : NULL;
    g_autofree char *store = g_build_filename(dir, STORE, NULL);
    if (lock == NULL || !g_file_test(store, G_FILE_TEST_EXISTS) || delete_inside(dir, TRUE))
        return lock;
    set_broken(error, dir);
    lock_release(lock);
    return NULL;
}
