/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packing: what is recorded of a member is its path, type, permissions, mtime, data and where
 * a link leads; nothing of who owns it or on which file system it lies.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "archiver/archiver.h"

#define PIECE            (1024u * 1024)
#define MAX_THREAD_LEVEL 8

typedef struct {
    const char *dir;
    PbxOutput *output;
    struct archive *writer;
    struct archive_entry *entry;
    GHashTable *links; /* PbxInode -> the path of the first of its links (char *) */
    char *piece;       /* PIECE bytes */
    PbxArchiveFacts facts;
    gboolean given_up; /* what comes is written nowhere */
} PbxPacker;

typedef struct {
    guint64 device, inode;
} PbxInode;

static guint
hash_inode(gconstpointer key)
{
    const PbxInode *inode = key;
    return g_int64_hash(&inode->inode) ^ g_int64_hash(&inode->device);
}

static gboolean
same_inode(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(PbxInode)) == 0;
}

static gboolean
fail_leaf(PbxPacker *packer, const PbxLeaf *leaf, int code, const char *what, GError **error)
{
    return checkpoint_fail(error, code, "%s/%s: %s", packer->dir, leaf->path, what);
}

static gboolean
fail_leaf_errno(PbxPacker *packer, const PbxLeaf *leaf, int number, GError **error)
{
    if (number == ENOENT)
        return fail_leaf(packer, leaf, CHECKPOINT_ERROR_CHANGED, "was removed while it was packed",
                         error);
    return fail_leaf(packer, leaf, CHECKPOINT_ERROR_IO, g_strerror(number), error);
}

/* libarchive's, when it or what it writes to has failed. */
static gboolean
fail_writer(PbxPacker *packer, GError **error)
{
    const char *says = archive_error_string(packer->writer);
    const int number = archive_errno(packer->writer);
    return checkpoint_fail(error, CHECKPOINT_ERROR_IO, "%s: %s", output_name(packer->output),
                           says != NULL ? says : g_strerror(number != 0 ? number : EIO));
}

/* ---- What libarchive gives us to write ---- */

static la_ssize_t
on_write(struct archive *writer, void *data, const void *bytes, size_t length)
{
    PbxPacker *packer = data;
    if (packer->given_up || output_write(packer->output, bytes, length))
        return (la_ssize_t)length;
    archive_set_error(writer, errno, "%s", g_strerror(errno));
    return -1;
}

static gboolean
open_writer(PbxPacker *packer, int level, GError **error)
{
    struct archive *writer = packer->writer;
    g_autofree char *text = g_strdup_printf("%d", level);
    if (level < 0 || level > CHECKPOINT_MAX_ZSTD_LEVEL)
        return checkpoint_fail(error, CHECKPOINT_ERROR_REFUSED,
                               "zstd's level is between 1 and %d (0: no compression), not %d",
                               CHECKPOINT_MAX_ZSTD_LEVEL, level);
    if (archive_write_set_format_pax(writer) != ARCHIVE_OK ||
        archive_write_set_bytes_per_block(writer, 0) != ARCHIVE_OK)
        return fail_writer(packer, error);
    /* ARCHIVE_WARN: it would start a program. */
    if (level > 0 &&
        (archive_write_add_filter_zstd(writer) != ARCHIVE_OK ||
         archive_write_set_filter_option(writer, "zstd", "compression-level", text) != ARCHIVE_OK))
        return checkpoint_fail(error, CHECKPOINT_ERROR_IO, "this libarchive is built without zstd");
    /* In a thread of its own zstd copies less, and takes four fifths of the time for 40 MiB of
     * memory; on higher levels it would take hundreds. */
    if (level > 0 && level <= MAX_THREAD_LEVEL)
        (void)archive_write_set_filter_option(writer, "zstd", "threads", "1");
    return archive_write_open(writer, packer, NULL, on_write, NULL) == ARCHIVE_OK ||
           fail_writer(packer, error);
}

/* ---- Members ---- */

static gboolean
put_header(PbxPacker *packer, const PbxLeaf *leaf, GError **error)
{
    struct archive_entry *entry = packer->entry;
    archive_entry_set_pathname(entry, leaf->path);
    archive_entry_set_perm(entry, leaf->info.st_mode & MODE_MASK);
    archive_entry_set_mtime(entry, leaf->info.st_mtim.tv_sec, leaf->info.st_mtim.tv_nsec);
    const int status = archive_write_header(packer->writer, entry);
    /* A name with other bytes than ASCII goes in as it is, with a note of that and a warning. */
    const gboolean good = status == ARCHIVE_OK || status == ARCHIVE_WARN;
    archive_entry_clear(entry);
    if (++packer->facts.n_members > CHECKPOINT_MAX_MEMBERS)
        return fail_leaf(packer, leaf, CHECKPOINT_ERROR_REFUSED, "too many files for one archive",
                         error);
    return good || fail_writer(packer, error);
}

static gboolean
put_directory(PbxPacker *packer, const PbxLeaf *leaf, GError **error)
{
    archive_entry_set_filetype(packer->entry, AE_IFDIR);
    return put_header(packer, leaf, error);
}

static gboolean
put_symlink(PbxPacker *packer, const PbxLeaf *leaf, GError **error)
{
    char target[4097];
    const ssize_t n = readlinkat(leaf->parent, leaf->name, target, sizeof target - 1);
    if (n < 0)
        return fail_leaf_errno(packer, leaf, errno, error);
    target[n] = '\0';
    const char *problem = path_link_problem(leaf->path, target);
    if (problem != NULL)
        return fail_leaf(packer, leaf, CHECKPOINT_ERROR_REFUSED, problem, error);
    archive_entry_set_filetype(packer->entry, AE_IFLNK);
    archive_entry_set_symlink(packer->entry, target);
    return put_header(packer, leaf, error);
}

/* Whether another name of this file is in the archive already: then a link is all. */
static gboolean
put_hard_link(PbxPacker *packer, const PbxLeaf *leaf, gboolean *done, GError **error)
{
    *done = FALSE;
    if (leaf->info.st_nlink < 2)
        return TRUE;
    const PbxInode inode = {leaf->info.st_dev, leaf->info.st_ino};
    const char *first = g_hash_table_lookup(packer->links, &inode);
    if (first == NULL) {
        g_hash_table_insert(packer->links, g_memdup2(&inode, sizeof inode), g_strdup(leaf->path));
        return TRUE;
    }
    *done = TRUE;
    archive_entry_set_filetype(packer->entry, AE_IFREG);
    archive_entry_set_hardlink(packer->entry, first);
    archive_entry_set_size(packer->entry, 0);
    return put_header(packer, leaf, error);
}

/* ---- Files ---- */

static gboolean
same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           S_ISREG(b->st_mode) && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static gboolean
fail_changed(PbxPacker *packer, const PbxLeaf *leaf, GError **error)
{
    return fail_leaf(packer, leaf, CHECKPOINT_ERROR_CHANGED, "changed while it was packed", error);
}

/* Of a hole nothing is read, and libarchive looks at no byte of what it is given for it. */
static gboolean
put_range(PbxPacker *packer, const PbxLeaf *leaf, int fd, guint64 from, guint64 to, gboolean hole,
          GError **error)
{
    while (from < to) {
        gsize wanted = (gsize)MIN(PIECE, to - from);
        ssize_t got = hole ? (ssize_t)wanted : pread(fd, packer->piece, wanted, (off_t)from);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_leaf_errno(packer, leaf, errno, error);
        if (got == 0)
            return fail_changed(packer, leaf, error);
        if (!archiver_go_on(error))
            return FALSE;
        if (archive_write_data(packer->writer, packer->piece, (size_t)got) != got)
            return fail_writer(packer, error);
        from += (guint64)got;
    }
    return TRUE;
}

static gboolean
put_data(PbxPacker *packer, const PbxLeaf *leaf, int fd, const GArray *extents, GError **error)
{
    const guint64 size = (guint64)leaf->info.st_size;
    guint64 at = 0;
    for (guint i = 0; i < extents->len; i++) {
        const PbxExtent *extent = &g_array_index(extents, PbxExtent, i);
        if (!put_range(packer, leaf, fd, at, extent->offset, TRUE, error) ||
            !put_range(packer, leaf, fd, extent->offset, extent->offset + extent->length, FALSE,
                       error))
            return FALSE;
        at = extent->offset + extent->length;
    }
    return put_range(packer, leaf, fd, at, size, extents->len > 0, error);
}

static gboolean
put_open_file(PbxPacker *packer, const PbxLeaf *leaf, int fd, GError **error)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return fail_leaf_errno(packer, leaf, errno, error);
    if (!same_file(&leaf->info, &info))
        return fail_changed(packer, leaf, error);
    packer->facts.unpacked_bytes += (guint64)info.st_size;
    if (packer->facts.unpacked_bytes > CHECKPOINT_MAX_BYTES)
        return fail_leaf(packer, leaf, CHECKPOINT_ERROR_REFUSED, "too much data for one archive",
                         error);
    g_autoptr(GArray) extents = holes_find(fd, (guint64)info.st_size);
    if (extents == NULL && errno != 0)
        return fail_leaf_errno(packer, leaf, errno, error);
    if (extents == NULL)
        return fail_changed(packer, leaf, error);
    archive_entry_set_filetype(packer->entry, AE_IFREG);
    archive_entry_set_size(packer->entry, info.st_size);
    for (guint i = 0; i < extents->len; i++) {
        const PbxExtent *extent = &g_array_index(extents, PbxExtent, i);
        archive_entry_sparse_add_entry(packer->entry, (la_int64_t)extent->offset,
                                       (la_int64_t)extent->length);
    }
    if (!put_header(packer, leaf, error) || !put_data(packer, leaf, fd, extents, error))
        return FALSE;
    return (fstat(fd, &info) == 0 && same_file(&leaf->info, &info)) ||
           fail_changed(packer, leaf, error);
}

static gboolean
put_file(PbxPacker *packer, const PbxLeaf *leaf, GError **error)
{
    gboolean done;
    if (!put_hard_link(packer, leaf, &done, error))
        return FALSE;
    if (done)
        return TRUE;
    /* O_NONBLOCK: should it have become a FIFO. */
    int fd =
        openat(leaf->parent, leaf->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return fail_leaf_errno(packer, leaf, errno, error);
    const gboolean good = put_open_file(packer, leaf, fd, error);
    close(fd);
    return good;
}

static gboolean
put_leaf(const PbxLeaf *leaf, gpointer data, GError **error)
{
    PbxPacker *packer = data;
    if (output_is(packer->output, &leaf->info))
        return TRUE; /* it is packed into a directory of its own */
    switch (leaf->info.st_mode & S_IFMT) {
    case S_IFDIR:
        return put_directory(packer, leaf, error);
    case S_IFLNK:
        return put_symlink(packer, leaf, error);
    case S_IFREG:
        return put_file(packer, leaf, error);
    default:
        return fail_leaf(packer, leaf, CHECKPOINT_ERROR_REFUSED,
                         "neither a file nor a directory nor a symbolic link: it cannot be in a "
                         "checkpoint",
                         error);
    }
}

/* ---- The whole ---- */

static gboolean
pack_all(PbxPacker *packer, const char *const *members, int level, GError **error)
{
    return open_writer(packer, level, error) &&
           tree_walk(packer->dir, members, put_leaf, packer, error) &&
           (archive_write_close(packer->writer) == ARCHIVE_OK || fail_writer(packer, error)) &&
           output_finish(packer->output, &packer->facts, error);
}

/* What was cut short is not brought to an end, but closed: libarchive lets go of all it has only
 * so.
 */
static void
give_up(PbxPacker *packer)
{
    packer->given_up = TRUE;
    archive_write_fail(packer->writer);
    archive_write_close(packer->writer);
}

gboolean
archiver_pack(const char *dir, const char *const *members, const char *archive,
              const PbxPackOptions *options, PbxArchiveFacts *facts, GError **error)
{
    g_autoptr(PbxOutput) output = output_new(archive, error);
    if (output == NULL)
        return FALSE;
    const PbxLocale locale = archiver_locale_enter("C");
    g_autofree char *piece = g_malloc(PIECE);
    g_autoptr(GHashTable) links = g_hash_table_new_full(hash_inode, same_inode, g_free, g_free);
    PbxPacker packer = {
        .dir = dir,
        .output = output,
        .writer = archive_write_new(),
        .entry = archive_entry_new(),
        .links = links,
        .piece = piece,
    };
    const gboolean good =
        pack_all(&packer, members, options != NULL ? options->zstd_level : 0, error);
    if (good && facts != NULL)
        *facts = packer.facts;
    if (!good)
        give_up(&packer);
    archive_entry_free(packer.entry);
    archive_write_free(packer.writer);
    archiver_locale_leave(locale);
    return good;
}
