/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An archive while it is read: its bytes are summed on their way, then go through zstd where
 * they look like it, then through tar. Two of libarchive's readers, so that how much tar takes
 * for one header can be counted: names and maps of holes may claim any length.
 */
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <string.h>
#include <unistd.h>

#include "archiver/archiver.h"

#define PIECE (256u * 1024)
/* One header with all that belongs to it, the map of holes too; the longest that we write is
 * 3 MiB. */
#define MAX_HEADER (4u * 1024 * 1024)

struct PbxSource {
    char *name, *sha256;
    int fd;
    struct archive *zstd; /* NULL: it is not compressed */
    struct archive *tar;
    struct archive_entry *entry; /* the reader's */
    guint64 max_bytes;
    gboolean strict;
    gboolean ended;  /* tar was told that there is no more */
    gsize taken;     /* by tar in this call */
    GError *failure; /* why a read failed, where libarchive does not know */
    struct sha256_ctx sum;
    PbxArchiveFacts facts;
    char piece[PIECE];
};

/* ---- Bytes ---- */

/* Whether it is the archive that is at fault, or else the process and its host. */
static gboolean
fail_read(const PbxSource *source, int number, GError **error)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EISDIR:
    case EIO:
        return checkpoint_fail(error, CHECKPOINT_ERROR_DAMAGED, "%s: %s", source->name,
                               g_strerror(number));
    default:
        return checkpoint_fail_errno(error, number, source->name);
    }
}

static la_ssize_t
read_piece(PbxSource *source)
{
    ssize_t n;
    do
        n = read(source->fd, source->piece, PIECE);
    while (n < 0 && errno == EINTR);
    if (n < 0 && source->failure == NULL)
        fail_read(source, errno, &source->failure);
    if (n > 0) {
        sha256_update(&source->sum, (size_t)n, (const uint8_t *)source->piece);
        source->facts.bytes += (guint64)n;
    }
    return n;
}

static la_ssize_t
on_read_file(struct archive *reader, void *data, const void **bytes)
{
    PbxSource *source = data;
    const la_ssize_t n = read_piece(source);
    *bytes = source->piece;
    if (n < 0)
        archive_set_error(reader, EIO, "it cannot be read");
    return n;
}

static gboolean
fail_zstd(PbxSource *source, GError **error)
{
    if (source->failure != NULL) {
        g_propagate_error(error, g_steal_pointer(&source->failure));
        return FALSE;
    }
    const char *says = archive_error_string(source->zstd);
    return checkpoint_fail(error, CHECKPOINT_ERROR_DAMAGED, "%s: damaged: %s", source->name,
                           says != NULL ? says : "no zstd");
}

/* 0: the end; -1: source->failure. */
static la_ssize_t
read_uncompressed(PbxSource *source, const void **bytes)
{
    if (source->zstd == NULL) {
        *bytes = source->piece;
        return read_piece(source);
    }
    for (;;) {
        size_t length = 0;
        la_int64_t offset;
        const int status = archive_read_data_block(source->zstd, bytes, &length, &offset);
        if (status == ARCHIVE_EOF)
            return 0;
        if (status != ARCHIVE_OK) {
            g_autoptr(GError) error = NULL;
            fail_zstd(source, &error);
            source->failure = g_steal_pointer(&error);
            return -1;
        }
        if (length > 0)
            return (la_ssize_t)length;
    }
}

static la_ssize_t
on_read_tar(struct archive *reader, void *data, const void **bytes)
{
    PbxSource *source = data;
    la_ssize_t n = -1;
    if (source->taken > MAX_HEADER)
        checkpoint_fail(&source->failure, CHECKPOINT_ERROR_REFUSED,
                        "%s: a header of more than %u MiB", source->name, MAX_HEADER >> 20);
    else
        n = read_uncompressed(source, bytes);
    if (n < 0)
        archive_set_error(reader, EIO, "it cannot be read");
    else
        source->taken += (gsize)n;
    source->ended = source->ended || n == 0;
    return n;
}

/* ---- Opening ---- */

static gboolean
fail_tar(PbxSource *source, GError **error)
{
    if (source->failure != NULL) {
        g_propagate_error(error, g_steal_pointer(&source->failure));
        return FALSE;
    }
    const char *says = archive_error_string(source->tar);
    return checkpoint_fail(error, CHECKPOINT_ERROR_DAMAGED, "%s: damaged, or no archive: %s",
                           source->name, says != NULL ? says : "it makes no sense");
}

static gboolean
open_file(PbxSource *source, GError **error)
{
    /* O_NONBLOCK: a FIFO is opened at once, and then refused. */
    source->fd = open(source->name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat info;
    if (source->fd < 0 || fstat(source->fd, &info) != 0)
        return fail_read(source, errno, error);
    if (!S_ISREG(info.st_mode))
        return checkpoint_fail(error, CHECKPOINT_ERROR_DAMAGED, "%s: no regular file",
                               source->name);
    (void)posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return TRUE;
}

static gboolean
open_zstd(PbxSource *source, GError **error)
{
    static const guchar magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    guchar begin[sizeof magic];
    if (pread(source->fd, begin, sizeof begin, 0) != sizeof begin ||
        memcmp(begin, magic, sizeof magic) != 0)
        return TRUE;
    source->zstd = archive_read_new();
    struct archive_entry *entry;
    /* Its memory is bounded: zstd refuses windows of more than 128 MiB. */
    return (archive_read_support_filter_zstd(source->zstd) == ARCHIVE_OK &&
            archive_read_support_format_raw(source->zstd) == ARCHIVE_OK &&
            archive_read_open(source->zstd, source, NULL, on_read_file, NULL) == ARCHIVE_OK &&
            archive_read_next_header(source->zstd, &entry) == ARCHIVE_OK) ||
           fail_zstd(source, error);
}

static gboolean
open_tar(PbxSource *source, GError **error)
{
    source->tar = archive_read_new();
    return (archive_read_support_format_tar(source->tar) == ARCHIVE_OK &&
            archive_read_open(source->tar, source, NULL, on_read_tar, NULL) == ARCHIVE_OK) ||
           fail_tar(source, error);
}

PbxSource *
source_new(const char *archive, const char *sha256, guint64 max_bytes, gboolean strict,
           GError **error)
{
    g_autoptr(PbxSource) source = g_new0(PbxSource, 1);
    g_autoptr(GError) own = NULL;
    source->name = g_strdup(archive);
    source->sha256 = g_strdup(sha256);
    source->fd = -1;
    source->max_bytes = max_bytes > 0 ? max_bytes : CHECKPOINT_MAX_BYTES;
    source->strict = strict;
    sha256_init(&source->sum);
    if (open_file(source, &own) && open_zstd(source, &own) && open_tar(source, &own))
        return g_steal_pointer(&source);
    source_explain(source, &own);
    g_propagate_error(error, g_steal_pointer(&own));
    return NULL;
}

/* ---- Members ---- */

gboolean
source_refuse(PbxSource *source, const char *what, GError **error)
{
    const char *path = archive_entry_pathname(source->entry);
    return checkpoint_fail(error, CHECKPOINT_ERROR_REFUSED, "%s: %.300s: %s", source->name,
                           path != NULL ? path : "a member", what);
}

/* Why it is refused; NULL: it is not. */
static const char *
member_problem(struct archive_entry *entry)
{
    const char *path = archive_entry_pathname(entry);
    const char *first = archive_entry_hardlink(entry);
    const char *problem = path_problem(path);
    if (problem != NULL)
        return problem;
    if (first != NULL)
        return path_problem(first) != NULL ? "it is a hard link that leads out of the directory"
                                           : NULL;
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return archive_entry_size(entry) < 0 ? "its size is below 0" : NULL;
    case AE_IFDIR:
        return NULL;
    case AE_IFLNK: {
        const char *target = archive_entry_symlink(entry);
        return path_link_problem(path, target != NULL ? target : "");
    }
    case AE_IFCHR:
    case AE_IFBLK:
        return "it is a device";
    case AE_IFIFO:
        return "it is a FIFO";
    default:
        return "it is neither a file nor a directory nor a link";
    }
}

static gboolean
count_member(PbxSource *source, GError **error)
{
    struct archive_entry *entry = source->entry;
    if (++source->facts.n_members > CHECKPOINT_MAX_MEMBERS)
        return source_refuse(source, "there are too many members before it", error);
    if (archive_entry_hardlink(entry) != NULL || archive_entry_filetype(entry) != AE_IFREG)
        return TRUE;
    const guint64 size = (guint64)MAX(archive_entry_size(entry), 0);
    if (size > source->max_bytes - MIN(source->facts.unpacked_bytes, source->max_bytes)) {
        g_autofree char *what = g_strdup_printf("with it, more than the limit of %" G_GUINT64_FORMAT
                                                " bytes would be unpacked",
                                                source->max_bytes);
        return source_refuse(source, what, error);
    }
    source->facts.unpacked_bytes += size;
    return TRUE;
}

gboolean
source_next(PbxSource *source, struct archive_entry **entry, GError **error)
{
    *entry = NULL;
    source->taken = 0;
    source->entry = NULL;
    if (!archiver_go_on(error))
        return FALSE;
    const int status = archive_read_next_header(source->tar, &source->entry);
    if (status == ARCHIVE_EOF && source->failure == NULL) {
        /* Where tar saw the mark of the end it asked for no more. */
        return !source->ended || checkpoint_fail(error, CHECKPOINT_ERROR_DAMAGED,
                                                 "%s: damaged: its end is missing", source->name);
    }
    /* A warning is about something that would be lost. */
    if (status != ARCHIVE_OK && (source->strict || status != ARCHIVE_WARN))
        return fail_tar(source, error);
    if (archive_entry_pathname(source->entry) == NULL)
        return checkpoint_fail(error, CHECKPOINT_ERROR_DAMAGED, "%s: a member without a name",
                               source->name);
    const char *problem = source->strict ? member_problem(source->entry) : NULL;
    if (problem != NULL)
        return source_refuse(source, problem, error);
    if (!count_member(source, error))
        return FALSE;
    *entry = source->entry;
    return TRUE;
}

gboolean
source_data(PbxSource *source, const void **bytes, gsize *length, guint64 *offset, GError **error)
{
    la_int64_t at = 0;
    size_t got = 0;
    source->taken = 0;
    if (!archiver_go_on(error))
        return FALSE;
    const int status = archive_read_data_block(source->tar, bytes, &got, &at);
    if (status == ARCHIVE_EOF) {
        *length = 0;
        return TRUE;
    }
    if (status != ARCHIVE_OK)
        return fail_tar(source, error);
    const la_int64_t size = archive_entry_size(source->entry);
    if (at < 0 || size < 0 || at > size || got > (guint64)(size - at))
        return checkpoint_fail(error, CHECKPOINT_ERROR_DAMAGED,
                               "%s: damaged: a file in it is longer than it says", source->name);
    *length = got;
    *offset = (guint64)at;
    return TRUE;
}

/* ---- The end ---- */

static void
put_sum(PbxSource *source)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    if (source->facts.sha256[0] != '\0') /* nettle would begin another */
        return;
    sha256_digest(&source->sum, sizeof digest, digest);
    for (gsize i = 0; i < sizeof digest; i++)
        g_snprintf(source->facts.sha256 + 2 * i, 3, "%02x", digest[i]);
}

static gboolean
has_sum(PbxSource *source)
{
    return source->sha256 == NULL || g_ascii_strcasecmp(source->sha256, source->facts.sha256) == 0;
}

static gboolean
fail_sum(PbxSource *source, GError **error)
{
    return checkpoint_fail(error, CHECKPOINT_ERROR_DAMAGED,
                           "%s: damaged: its SHA-256 is %s, not %s", source->name,
                           source->facts.sha256, source->sha256);
}

gboolean
source_finish(PbxSource *source, PbxArchiveFacts *facts, GError **error)
{
    const void *bytes;
    la_ssize_t n;
    while ((n = read_uncompressed(source, &bytes)) > 0) {
        if (!archiver_go_on(error))
            return FALSE;
    }
    while (n == 0 && (n = read_piece(source)) > 0)
        n = 0;
    if (n < 0) {
        g_propagate_error(error, g_steal_pointer(&source->failure));
        return FALSE;
    }
    put_sum(source);
    if (!has_sum(source))
        return fail_sum(source, error);
    if (facts != NULL)
        *facts = source->facts;
    return TRUE;
}

void
source_explain(PbxSource *source, GError **error)
{
    if (source->sha256 == NULL ||
        (!g_error_matches(*error, PBX_CHECKPOINT_ERROR, CHECKPOINT_ERROR_DAMAGED) &&
         !g_error_matches(*error, PBX_CHECKPOINT_ERROR, CHECKPOINT_ERROR_REFUSED)))
        return;
    la_ssize_t n;
    while ((n = read_piece(source)) > 0)
        continue;
    put_sum(source);
    if (n < 0 || has_sum(source))
        return;
    g_clear_error(error);
    fail_sum(source, error);
}

void
source_free(PbxSource *source)
{
    if (source == NULL)
        return;
    if (source->tar != NULL)
        archive_read_free(source->tar);
    if (source->zstd != NULL)
        archive_read_free(source->zstd);
    if (source->fd >= 0)
        close(source->fd);
    g_clear_error(&source->failure);
    g_free(source->name);
    g_free(source->sha256);
    g_free(source);
}
