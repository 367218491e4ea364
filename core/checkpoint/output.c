/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An archive while it is written: summed on its way, on the disk before it has its name. */
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint-private.h"

#define GATHER    (256u * 1024)
#define WRITEBACK (8u * 1024 * 1024)

struct PbxOutput {
    char *archive, *base, *temporary;
    int parent, fd;
    struct stat info;
    struct sha256_ctx sum;
    guint64 bytes, begun; /* written; of those, given to the disk */
    gsize gathered;
    char gather[GATHER]; /* small pieces go together */
};

PbxOutput *
output_new(const char *archive, GError **error)
{
    g_autoptr(PbxOutput) output = g_new0(PbxOutput, 1);
    output->fd = -1;
    output->archive = g_strdup(archive);
    output->parent = temporary_open_parent(archive, &output->base, error);
    if (output->parent < 0)
        return NULL;
    /* Said before the work is done; who comes meanwhile is noticed at the end. */
    struct stat there;
    if (fstatat(output->parent, output->base, &there, AT_SYMLINK_NOFOLLOW) == 0) {
        checkpoint_fail_errno(error, EEXIST, archive);
        return NULL;
    }
    output->fd = temporary_make_file(output->parent, output->base, &output->temporary);
    if (output->fd < 0 || fstat(output->fd, &output->info) != 0) {
        checkpoint_fail_errno(error, errno, archive);
        return NULL;
    }
    sha256_init(&output->sum);
    return g_steal_pointer(&output);
}

const char *
output_name(const PbxOutput *output)
{
    return output->archive;
}

gboolean
output_is(const PbxOutput *output, const struct stat *info)
{
    return info->st_dev == output->info.st_dev && info->st_ino == output->info.st_ino;
}

static gboolean
write_out(PbxOutput *output, const char *bytes, gsize length)
{
    sha256_update(&output->sum, length, (const uint8_t *)bytes);
    while (length > 0) {
        ssize_t n = write(output->fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FALSE;
        bytes += n;
        length -= (gsize)n;
        output->bytes += (guint64)n;
    }
    /* The disk works while we do: the fsync at the end then has little left to wait for. */
    if (output->bytes - output->begun >= WRITEBACK) {
        (void)sync_file_range(output->fd, (off_t)output->begun,
                              (off_t)(output->bytes - output->begun), SYNC_FILE_RANGE_WRITE);
        output->begun = output->bytes;
    }
    return TRUE;
}

static gboolean
flush(PbxOutput *output)
{
    const gsize length = output->gathered;
    output->gathered = 0;
    return write_out(output, output->gather, length);
}

gboolean
output_write(PbxOutput *output, const void *bytes, gsize length)
{
    if (length > GATHER - output->gathered && !flush(output))
        return FALSE;
    if (length >= GATHER / 2)
        return flush(output) && write_out(output, bytes, length);
    memcpy(output->gather + output->gathered, bytes, length);
    output->gathered += length;
    return TRUE;
}

/* A rename that replaces nothing, where the file system has one; a link is the next best. */
static gboolean
take_name(PbxOutput *output)
{
    const int dir = output->parent;
    if (renameat2(dir, output->temporary, dir, output->base, RENAME_NOREPLACE) == 0)
        return TRUE;
    if (errno != EINVAL && errno != ENOSYS)
        return FALSE;
    if (linkat(dir, output->temporary, dir, output->base, 0) == 0) {
        unlinkat(dir, output->temporary, 0);
        return TRUE;
    }
    struct stat there;
    if (errno == EEXIST)
        return FALSE;
    if (fstatat(dir, output->base, &there, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return FALSE;
    }
    return renameat(dir, output->temporary, dir, output->base) == 0;
}

gboolean
output_finish(PbxOutput *output, PbxArchiveFacts *facts, GError **error)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    if (!flush(output) || fsync(output->fd) != 0 || !take_name(output))
        return checkpoint_fail_errno(error, errno, output->archive);
    g_clear_pointer(&output->temporary, g_free);
    if (fsync(output->parent) != 0)
        return checkpoint_fail_errno(error, errno, output->archive);
    facts->bytes = output->bytes;
    sha256_digest(&output->sum, sizeof digest, digest);
    for (gsize i = 0; i < sizeof digest; i++)
        g_snprintf(facts->sha256 + 2 * i, 3, "%02x", digest[i]);
    return TRUE;
}

void
output_free(PbxOutput *output)
{
    if (output == NULL)
        return;
    if (output->temporary != NULL)
        unlinkat(output->parent, output->temporary, 0);
    if (output->fd >= 0)
        close(output->fd);
    if (output->parent >= 0)
        close(output->parent);
    g_free(output->archive);
    g_free(output->base);
    g_free(output->temporary);
    g_free(output);
}
