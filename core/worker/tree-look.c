/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A look at a file or directory tree that others may be writing: whether it has changed since the
 * last, and how young its newest part is. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/process-private.h"

#define MAX_DEPTH 256 /* each has a descriptor open */
#define NS_PER_S  G_GINT64_CONSTANT(1000000000)

static guint64
mix(guint64 hash, gconstpointer bytes, gsize n)
{
    const guint8 *at = bytes;
    for (gsize i = 0; i < n; i++)
        hash = (hash ^ at[i]) * G_GUINT64_CONSTANT(0x100000001b3);
    return hash;
}

/* In any order: the sum of all entries is the same. */
static void
take(PbxTreeLook *look, guint64 hash, const char *name, const struct stat *facts)
{
    gint64 changed_ns = (gint64)facts->st_ctim.tv_sec * NS_PER_S + facts->st_ctim.tv_nsec;
    gint64 numbers[] = {(gint64)facts->st_ino,  (gint64)facts->st_mode,
                        (gint64)facts->st_size, (gint64)facts->st_mtim.tv_sec,
                        facts->st_mtim.tv_nsec, changed_ns};
    hash = mix(hash, name, strlen(name) + 1);
    look->sum += mix(hash, numbers, sizeof numbers);
    look->n++;
    look->newest_ns = MAX(look->newest_ns, changed_ns);
}

static gboolean look_inside(PbxTreeLook *look, int fd, guint64 hash, guint depth);

static gboolean
look_at(PbxTreeLook *look, int parent, const char *name, guint64 hash, guint depth)
{
    struct stat facts;
    if (fstatat(parent, name, &facts, AT_SYMLINK_NOFOLLOW) != 0)
        return FALSE;
    take(look, hash, name, &facts);
    if (!S_ISDIR(facts.st_mode))
        return TRUE;
    if (depth == MAX_DEPTH) {
        errno = ELOOP;
        return FALSE;
    }
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 && look_inside(look, fd, mix(hash, name, strlen(name) + 1), depth + 1);
}

/* Closes fd. */
static gboolean
look_inside(PbxTreeLook *look, int fd, guint64 hash, guint depth)
{
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return FALSE;
    }
    gboolean good = TRUE;
    const struct dirent *entry;
    while (good && (entry = readdir(dir)) != NULL)
        if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
            good = look_at(look, fd, entry->d_name, hash, depth);
    int code = errno;
    closedir(dir);
    errno = code;
    return good;
}

gboolean
tree_look(const char *path, PbxTreeLook *look)
{
    *look = (PbxTreeLook){.newest_ns = 0};
    return look_at(look, AT_FDCWD, path, G_GUINT64_CONSTANT(0xcbf29ce484222325), 0);
}

gboolean
tree_look_is_same(const PbxTreeLook *a, const PbxTreeLook *b)
{
    return a->n == b->n && a->sum == b->sum;
}

/* A change within the same tick of the file system's clock would not show. */
gboolean
tree_look_is_young(const PbxTreeLook *look)
{
    gint64 age_ns = g_get_real_time() * 1000 - look->newest_ns;
    gint64 tick_ns = look->newest_ns % NS_PER_S == 0 ? 2 * NS_PER_S : NS_PER_S / 50;
    return age_ns > -NS_PER_S && age_ns < tick_ns;
}
