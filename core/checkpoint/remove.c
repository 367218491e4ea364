/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Deleting what was unpacked, which may hold directories that cannot be written. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/shared.h"

static gboolean
remove_inside(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0)
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return FALSE;
    struct stat info;
    if (fstat(fd, &info) == 0 && (info.st_mode & 0700) != 0700)
        (void)fchmod(fd, 0700); /* what follows tells if that was needed */
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return FALSE;
    }
    gboolean good = TRUE;
    const struct dirent *entry;
    while (good && (entry = readdir(dir)) != NULL) {
        if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
            good = checkpoint_remove_at(fd, entry->d_name);
    }
    const int saved = errno;
    closedir(dir);
    errno = saved;
    return good;
}

gboolean
checkpoint_remove_at(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return TRUE;
    if (errno != EISDIR && errno != EPERM)
        return FALSE;
    return remove_inside(parent, name) && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

gboolean
checkpoint_remove(const char *path, GError **error)
{
    return checkpoint_remove_at(AT_FDCWD, path) || checkpoint_fail_errno(error, errno, path);
}

/* ---- What pegbox makes, by its name ---- */

/* Past "_NUMBER"; NULL: there is none. */
static const char *
skip_number(const char *at, gsize least)
{
    if (at == NULL || *at != '_')
        return NULL;
    const gsize n = strspn(at + 1, "0123456789");
    return n >= least ? at + 1 + n : NULL;
}

/* Past checkpoint_000010.tar, checkpoint_000010_2.tar.zst; restore.tar, restore_2.tar. NULL: it is
 * something else. */
static const char *
skip_archive(const char *name)
{
    static const char checkpoint[] = "checkpoint", restore[] = "restore";
    const char *at = NULL;
    if (g_str_has_prefix(name, checkpoint))
        at = skip_number(name + strlen(checkpoint), 6);
    else if (g_str_has_prefix(name, restore))
        at = name + strlen(restore);
    const char *second = skip_number(at, 1);
    at = second != NULL ? second : at;
    if (at == NULL || !g_str_has_prefix(at, ".tar"))
        return NULL;
    at += strlen(".tar");
    return g_str_has_prefix(at, ".zst") ? at + strlen(".zst") : at;
}

gboolean
checkpoint_is_archive(const char *name)
{
    const char *end = g_str_has_prefix(name, "checkpoint_") ? skip_archive(name) : NULL;
    return end != NULL && *end == '\0';
}

gboolean
checkpoint_is_leftover(const char *name)
{
    if (g_str_has_prefix(name, CHECKPOINT_SAVE_PREFIX) ||
        g_str_has_prefix(name, CHECKPOINT_RESTORED_PREFIX))
        return TRUE;
    const char *end = name[0] == '.' ? skip_archive(name + 1) : NULL;
    return end != NULL && end[0] == '.' && strspn(end + 1, TEMPORARY_LETTERS) == TEMPORARY_LENGTH &&
           end[1 + TEMPORARY_LENGTH] == '\0';
}

guint
checkpoint_remove_leftovers(const char *dir)
{
    guint n = 0;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
    for (const char *name; open != NULL && (name = g_dir_read_name(open)) != NULL;) {
        if (checkpoint_is_leftover(name))
            g_ptr_array_add(names, g_build_filename(dir, name, NULL));
    }
    for (guint i = 0; i < names->len; i++)
        n += checkpoint_remove_at(AT_FDCWD, names->pdata[i]) ? 1 : 0;
    return n;
}
