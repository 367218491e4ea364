/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An experiment deleted, with all that is in its directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiment/runner-private.h"

/* These go last: a deletion that was cut short can be told to go on. */
static const char *const kept_to_the_end[] = {"experiment.db", "experiment.lock", NULL};

static gboolean delete_inside(int parent, const char *name, const char *const *keep);

/* Symbolic links are removed, never followed. */
static gboolean
delete_entry(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return TRUE;
    if (errno != EISDIR && errno != EPERM)
        return FALSE;
    return delete_inside(parent, name, NULL) && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

static gboolean
delete_inside(int parent, const char *name, const char *const *keep)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
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
        if (!g_str_equal(inner, ".") && !g_str_equal(inner, "..") &&
            (keep == NULL || !g_strv_contains(keep, inner)))
            good = delete_entry(fd, inner);
    }
    for (; good && keep != NULL && *keep != NULL; keep++)
        good = delete_entry(fd, *keep);
    const int saved = errno;
    closedir(dir);
    errno = saved;
    return good;
}

gboolean
experiment_remove(const char *dir, GError **error)
{
    if (g_file_test(dir, G_FILE_TEST_IS_SYMLINK)) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "%s is a symbolic link: name the directory that it points to", dir);
        return FALSE;
    }
    PbxLock *lock = lock_take(dir, error);
    if (lock == NULL)
        return FALSE;
    const gboolean good =
        delete_inside(AT_FDCWD, dir, kept_to_the_end) && unlinkat(AT_FDCWD, dir, AT_REMOVEDIR) == 0;
    if (!good)
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                    "%s cannot be deleted whole: %s", dir, g_strerror(errno));
    lock_release(lock);
    return good;
}
