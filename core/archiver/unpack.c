/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unpacking, into a temporary directory that gets its name at the end. Every path is gone down step
 * by step, through true directories only, and nothing is ever replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archiver/archiver.h"

typedef struct {
    PbxSource *source;
    const char *dir; /* as it is told */
    int root;
    char *above; /* the directory that `parent` is, "" the root; NULL: none is open */
    int parent;
    GPtrArray *later; /* PbxLater*: what is told of directories */
} PbxPlacer;

/* A directory gets its permissions and mtime when all is in it. */
typedef struct {
    char *path;
    mode_t mode;
    struct timespec mtime;
} PbxLater;

static void
later_free(gpointer data)
{
    PbxLater *later = data;
    g_free(later->path);
    g_free(later);
}

static gboolean
fail_place(PbxPlacer *placer, int number, const char *path, GError **error)
{
    if (number == EEXIST)
        return source_refuse(placer->source, "something else has its name", error);
    if (number == ELOOP || number == ENOTDIR)
        return source_refuse(placer->source, "it would be written through a link or a file", error);
    g_autofree char *place = g_build_filename(placer->dir, path, NULL);
    return checkpoint_fail_errno(error, number, place);
}

/* ---- Directories ---- */

/* The directory at a clean path, made where it is not there. -1 with errno. */
static int
open_down(int root, const char *path, gboolean make)
{
    int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    for (char **part = parts; fd >= 0 && *part != NULL; part++) {
        if (**part == '\0')
            continue;
        if (make && mkdirat(fd, *part, 0777) != 0 && errno != EEXIST) {
            close(fd);
            return -1;
        }
        const int next = openat(fd, *part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        const int saved = errno;
        close(fd);
        errno = saved;
        fd = next;
    }
    return fd;
}

/* Opens the directory that a clean path is in; *base is the rest. */
static gboolean
enter_parent(PbxPlacer *placer, const char *path, const char **base, GError **error)
{
    const char *slash = strrchr(path, '/');
    g_autofree char *above = slash != NULL ? g_strndup(path, (gsize)(slash - path)) : g_strdup("");
    *base = slash != NULL ? slash + 1 : path;
    if (placer->above != NULL && g_str_equal(placer->above, above))
        return TRUE;
    const int fd = open_down(placer->root, above, TRUE);
    if (fd < 0)
        return fail_place(placer, errno, path, error);
    if (placer->parent >= 0)
        close(placer->parent);
    placer->parent = fd;
    g_free(placer->above);
    placer->above = g_steal_pointer(&above);
    return TRUE;
}

static struct timespec
mtime_of(struct archive_entry *entry)
{
    struct timespec time = {.tv_nsec = UTIME_OMIT};
    if (archive_entry_mtime_is_set(entry)) {
        time.tv_sec = archive_entry_mtime(entry);
        time.tv_nsec = CLAMP(archive_entry_mtime_nsec(entry), 0, 999999999);
    }
    return time;
}

static gboolean
place_directory(PbxPlacer *placer, struct archive_entry *entry, const char *path, const char *base,
                GError **error)
{
    if (mkdirat(placer->parent, base, 0700) != 0) {
        /* One that was made for what is in it may be told of later. */
        struct stat info;
        if (errno != EEXIST || fstatat(placer->parent, base, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISDIR(info.st_mode))
            return fail_place(placer, errno, path, error);
    }
    PbxLater *later = g_new0(PbxLater, 1);
    later->path = g_strdup(path);
    later->mode = archive_entry_perm(entry) & MODE_MASK;
    later->mtime = mtime_of(entry);
    g_ptr_array_add(placer->later, later);
    return TRUE;
}

/* What is deeper comes first. */
static int
compare_later(gconstpointer a, gconstpointer b)
{
    return strcmp((*(PbxLater *const *)b)->path, (*(PbxLater *const *)a)->path);
}

static gboolean
set_attributes(int fd, mode_t mode, struct timespec mtime)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, mtime};
    struct stat info;
    /* A directory may have a group's bit from the one that it is in. */
    return fstat(fd, &info) == 0 &&
           fchmod(fd, mode | (S_ISDIR(info.st_mode) ? info.st_mode & S_ISGID : 0)) == 0 &&
           futimens(fd, times) == 0;
}

static gboolean
finish_directories(PbxPlacer *placer, GError **error)
{
    g_ptr_array_sort(placer->later, compare_later);
    for (guint i = 0; i < placer->later->len; i++) {
        const PbxLater *later = placer->later->pdata[i];
        const int fd = open_down(placer->root, later->path, FALSE);
        const gboolean good = fd >= 0 && set_attributes(fd, later->mode, later->mtime);
        const int number = errno;
        if (fd >= 0)
            close(fd);
        if (!good)
            return fail_place(placer, number, later->path, error);
    }
    return TRUE;
}

/* ---- Files and links ---- */

static gboolean
write_at(int fd, const char *bytes, gsize length, guint64 offset)
{
    while (length > 0) {
        const ssize_t n = pwrite(fd, bytes, length, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FALSE;
        bytes += n;
        length -= (gsize)n;
        offset += (guint64)n;
    }
    return TRUE;
}

static gboolean
write_file(PbxPlacer *placer, struct archive_entry *entry, int fd, const char *path, GError **error)
{
    const void *bytes;
    gsize length;
    guint64 offset;
    do {
        if (!source_data(placer->source, &bytes, &length, &offset, error))
            return FALSE;
        if (!write_at(fd, bytes, length, offset))
            return fail_place(placer, errno, path, error);
    } while (length > 0);
    /* What no data was given for is a hole. */
    if (ftruncate(fd, archive_entry_size(entry)) != 0 ||
        !set_attributes(fd, archive_entry_perm(entry) & MODE_MASK, mtime_of(entry)))
        return fail_place(placer, errno, path, error);
    return TRUE;
}

static gboolean
place_file(PbxPlacer *placer, struct archive_entry *entry, const char *path, const char *base,
           GError **error)
{
    const int fd =
        openat(placer->parent, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_place(placer, errno, path, error);
    gboolean good = write_file(placer, entry, fd, path, error);
    if (close(fd) != 0 && good)
        good = fail_place(placer, errno, path, error);
    return good;
}

static gboolean
place_symlink(PbxPlacer *placer, struct archive_entry *entry, const char *path, const char *base,
              GError **error)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, mtime_of(entry)};
    return (symlinkat(archive_entry_symlink(entry), placer->parent, base) == 0 &&
            utimensat(placer->parent, base, times, AT_SYMLINK_NOFOLLOW) == 0) ||
           fail_place(placer, errno, path, error);
}

/* To a file that was unpacked before, of which it is another name. */
static gboolean
place_hard_link(PbxPlacer *placer, struct archive_entry *entry, const char *path, const char *base,
                GError **error)
{
    g_autofree char *first = path_clean(archive_entry_hardlink(entry));
    const char *slash = strrchr(first, '/');
    g_autofree char *above =
        slash != NULL ? g_strndup(first, (gsize)(slash - first)) : g_strdup("");
    const char *name = slash != NULL ? slash + 1 : first;
    const int from = open_down(placer->root, above, FALSE);
    struct stat info;
    const gboolean found =
        from >= 0 && fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode);
    gboolean good = TRUE;
    if (!found)
        good = source_refuse(placer->source, "it is a hard link to no file of the archive", error);
    else if (linkat(from, name, placer->parent, base, 0) != 0)
        good = fail_place(placer, errno, path, error);
    if (from >= 0)
        close(from);
    return good;
}

static gboolean
place_member(PbxPlacer *placer, struct archive_entry *entry, GError **error)
{
    g_autofree char *path = path_clean(archive_entry_pathname(entry));
    const gboolean is_dir =
        archive_entry_hardlink(entry) == NULL && archive_entry_filetype(entry) == AE_IFDIR;
    const char *base;
    if (path[0] == '\0') /* "./": what other programs tell of the directory itself */
        return is_dir || source_refuse(placer->source, "it has no name", error);
    if (!enter_parent(placer, path, &base, error))
        return FALSE;
    if (archive_entry_hardlink(entry) != NULL)
        return place_hard_link(placer, entry, path, base, error);
    switch (archive_entry_filetype(entry)) {
    case AE_IFDIR:
        return place_directory(placer, entry, path, base, error);
    case AE_IFLNK:
        return place_symlink(placer, entry, path, base, error);
    default:
        return place_file(placer, entry, path, base, error);
    }
}

/* ---- The whole ---- */

static gboolean
place_all(PbxPlacer *placer, GError **error)
{
    struct archive_entry *entry;
    const void *bytes;
    gsize length;
    guint64 offset;
    for (;;) {
        if (!source_next(placer->source, &entry, error))
            return FALSE;
        if (entry == NULL)
            break;
        if (!place_member(placer, entry, error) ||
            !source_data(placer->source, &bytes, &length, &offset, error))
            return FALSE;
        if (length > 0)
            return source_refuse(placer->source, "there is data where none can be", error);
    }
    return source_finish(placer->source, NULL, error) && finish_directories(placer, error);
}

static gboolean
unpack_into(PbxSource *source, const char *dir, int root, GError **error)
{
    g_autoptr(GPtrArray) later = g_ptr_array_new_with_free_func(later_free);
    PbxPlacer placer = {.source = source, .dir = dir, .root = root, .parent = -1, .later = later};
    const gboolean good = place_all(&placer, error);
    if (placer.parent >= 0)
        close(placer.parent);
    g_free(placer.above);
    return good;
}

/* An empty directory is taken, with its permissions; *mode then. */
static gboolean
check_target(int parent, const char *base, const char *dir, mode_t *mode, GError **error)
{
    struct stat info, here;
    if (fstatat(parent, base, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || checkpoint_fail_errno(error, errno, dir);
    if (!S_ISDIR(info.st_mode))
        return checkpoint_fail(error, CHECKPOINT_ERROR_EXISTS, "%s: is no directory", dir);
    if (stat(".", &here) == 0 && here.st_dev == info.st_dev && here.st_ino == info.st_ino)
        return checkpoint_fail(error, CHECKPOINT_ERROR_EXISTS,
                               "%s: is the current directory, which cannot be replaced: name one "
                               "that is not there yet",
                               dir);
    g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
    if (open != NULL && g_dir_read_name(open) != NULL)
        return checkpoint_fail(error, CHECKPOINT_ERROR_EXISTS, "%s: is not empty", dir);
    *mode = info.st_mode & 07777;
    return TRUE;
}

static gboolean
unpack_beside(PbxSource *source, const char *dir, int parent, const char *base, GError **error)
{
    mode_t mode = (mode_t)-1;
    g_autofree char *temporary = NULL;
    if (!check_target(parent, base, dir, &mode, error))
        return FALSE;
    if (!temporary_make_dir(parent, base, 0777, &temporary))
        return checkpoint_fail_errno(error, errno, dir);
    const int root = openat(parent, temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    gboolean good = root >= 0 || checkpoint_fail_errno(error, errno, dir);
    good = good && unpack_into(source, dir, root, error);
    if (good && ((mode != (mode_t)-1 && fchmod(root, mode) != 0) ||
                 renameat(parent, temporary, parent, base) != 0))
        good = checkpoint_fail_errno(error, errno, dir);
    if (root >= 0)
        close(root);
    if (!good)
        checkpoint_remove_at(parent, temporary);
    return good;
}

gboolean
archiver_unpack(const char *archive, const char *dir, const char *sha256, guint64 max_bytes,
                GError **error)
{
    g_autofree char *base = NULL;
    g_autoptr(GError) own = NULL;
    const PbxLocale locale = archiver_locale_enter("C.UTF-8");
    g_autoptr(PbxSource) source = source_new(archive, sha256, max_bytes, TRUE, &own);
    const int parent = source != NULL ? temporary_open_parent(dir, &base, &own) : -1;
    const gboolean good = parent >= 0 && unpack_beside(source, dir, parent, base, &own);
    if (parent >= 0)
        close(parent);
    if (!good && source != NULL)
        source_explain(source, &own);
    archiver_locale_leave(locale);
    if (!good)
        g_propagate_error(error, g_steal_pointer(&own));
    return good;
}
