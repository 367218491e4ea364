/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An experiment deleted, with all that is in its directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiment/runner-private.h"

/* These go last: a deletion that was cut short can be told to go on. */
#define STORE "experiment.db"
#define LOCK  "experiment.lock"

typedef enum {
    ANY_TREE,
    EXPERIMENT,
    EXPERIMENT_BUT_LOCK, /* which is held for the one that follows */
} PbxTree;

static gboolean delete_inside(int parent, const char *name, PbxTree tree);

/* Symbolic links are removed, never followed. */
static gboolean
delete_entry(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return TRUE;
    if (errno != EISDIR && errno != EPERM)
        return FALSE;
    return delete_inside(parent, name, ANY_TREE) && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

static gboolean
delete_inside(int parent, const char *name, PbxTree tree)
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
        const gboolean last = g_str_equal(inner, STORE) || g_str_equal(inner, LOCK);
        if (!g_str_equal(inner, ".") && !g_str_equal(inner, "..") && (tree == ANY_TREE || !last))
            good = delete_entry(fd, inner);
    }
    good = good && (tree == ANY_TREE || delete_entry(fd, STORE)) &&
           (tree != EXPERIMENT || delete_entry(fd, LOCK));
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
    const gboolean good =
        delete_inside(AT_FDCWD, dir, EXPERIMENT) && unlinkat(AT_FDCWD, dir, AT_REMOVEDIR) == 0;
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
    if (lock == NULL || !g_file_test(store, G_FILE_TEST_EXISTS) ||
        delete_inside(AT_FDCWD, dir, EXPERIMENT_BUT_LOCK))
        return lock;
    set_broken(error, dir);
    lock_release(lock);
    return NULL;
}
