/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is not whole yet lies beside its final name, under one that begins with a dot. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/shared.h"

#define TRIES 1000

int
temporary_open_parent(const char *path, char **base, GError **error)
{
    g_autofree char *whole = g_canonicalize_filename(path, NULL);
    g_autofree char *folder = g_path_get_dirname(whole);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        checkpoint_fail_errno(error, errno, folder);
    else
        *base = g_path_get_basename(whole);
    return fd;
}

/* ".NAME.XXXXXX", or of a name that begins with a dot NAME.XXXXXX. (transfer full) */
static char *
temporary_name(const char *base)
{
    static const char letters[] = TEMPORARY_LETTERS;
    char end[TEMPORARY_LENGTH + 1] = "";
    for (guint i = 0; i < TEMPORARY_LENGTH; i++)
        end[i] = letters[g_random_int_range(0, sizeof letters - 1)];
    /* A file's name has at most 255 bytes. */
    return g_strdup_printf("%s%.240s.%s", base[0] == '.' ? "" : ".", base, end);
}

int
temporary_make_file(int parent, const char *base, char **name)
{
    for (guint i = 0; i < TRIES; i++) {
        g_autofree char *one = temporary_name(base);
        int fd = openat(parent, one, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd >= 0)
            *name = g_steal_pointer(&one);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

gboolean
temporary_make_dir(int parent, const char *base, mode_t mode, char **name)
{
    for (guint i = 0; i < TRIES; i++) {
        g_autofree char *one = temporary_name(base);
        const gboolean good = mkdirat(parent, one, mode) == 0;
        if (good)
            *name = g_steal_pointer(&one);
        if (good || errno != EEXIST)
            return good;
    }
    return FALSE;
}

gboolean
temporary_take_name(int parent, const char *name, const char *base)
{
    if (renameat2(parent, name, parent, base, RENAME_NOREPLACE) == 0)
        return TRUE;
    if (errno != EINVAL && errno != ENOSYS)
        return FALSE;
    if (linkat(parent, name, parent, base, 0) == 0) {
        unlinkat(parent, name, 0);
        return TRUE;
    }
    struct stat there;
    if (errno == EEXIST)
        return FALSE;
    if (fstatat(parent, base, &there, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return FALSE;
    }
    return renameat(parent, name, parent, base) == 0;
}
