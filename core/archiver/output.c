/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An archive while it is written: summed on its way, on the disk before it has its name. */
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archiver/archiver.h"

#define PIECE     (512u * 1024)
#define PIECES    4u
#define WRITEBACK (8u * 1024 * 1024)

typedef struct {
    char *bytes; /* PIECE bytes */
    gsize length;
} PbxPiece;

/*
 * Of an archive of more than one piece a thread sums and writes the pieces while the next ones
 * are packed. `lock` is for what both use.
 */
struct PbxOutput {
    char *archive, *base, *temporary;
    int parent, fd;
    struct stat info;
    struct sha256_ctx sum;
    guint64 bytes, begun; /* written; of those, given to the disk */
    PbxPiece pieces[PIECES];
    guint filling; /* the piece that is being filled */
    GThread *thread;
    GMutex lock;
    GCond turned;
    guint full; /* pieces that wait to be written, those before `filling` */
    gboolean closing;
    int number; /* errno of the write that failed; 0: none has */
};

PbxOutput *
output_new(const char *archive, GError **error)
{
    g_autoptr(PbxOutput) output = g_new0(PbxOutput, 1);
    output->fd = -1;
    sha256_init(&output->sum);
    g_mutex_init(&output->lock);
    g_cond_init(&output->turned);
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

/* An errno; 0: well. */
static int
write_piece(PbxOutput *output, const PbxPiece *piece)
{
    const char *bytes = piece->bytes;
    gsize length = piece->length;
    sha256_update(&output->sum, length, (const uint8_t *)bytes);
    while (length > 0) {
        ssize_t n = write(output->fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
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
    return 0;
}

/* ---- The thread ---- */

static gpointer
write_pieces(gpointer data)
{
    PbxOutput *output = data;
    guint next = 0;
    g_mutex_lock(&output->lock);
    for (;;) {
        while (output->full == 0 && !output->closing)
            g_cond_wait(&output->turned, &output->lock);
        if (output->full == 0)
            break;
        const gboolean lost = output->number != 0;
        g_mutex_unlock(&output->lock);
        const int number = lost ? 0 : write_piece(output, &output->pieces[next]);
        next = (next + 1) % PIECES;
        g_mutex_lock(&output->lock);
        output->full--;
        output->number = number != 0 ? number : output->number;
        g_cond_signal(&output->turned);
    }
    g_mutex_unlock(&output->lock);
    return NULL;
}

/* Signals are for the threads that are there already. Without a thread it goes as well. */
static void
start_thread(PbxOutput *output)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    output->thread = g_thread_try_new("pegbox-archive", write_pieces, output, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void
end_thread(PbxOutput *output)
{
    if (output->thread == NULL)
        return;
    g_mutex_lock(&output->lock);
    output->closing = TRUE;
    g_cond_signal(&output->turned);
    g_mutex_unlock(&output->lock);
    g_thread_join(g_steal_pointer(&output->thread));
}

/* The piece that is filled goes its way, and the next is there to be filled. */
static int
pass_on(PbxOutput *output)
{
    if (output->thread == NULL)
        start_thread(output);
    int number;
    if (output->thread == NULL) {
        number = write_piece(output, &output->pieces[output->filling]);
    } else {
        g_mutex_lock(&output->lock);
        output->full++;
        g_cond_signal(&output->turned);
        while (output->full == PIECES)
            g_cond_wait(&output->turned, &output->lock);
        number = output->number;
        g_mutex_unlock(&output->lock);
        output->filling = (output->filling + 1) % PIECES;
    }
    output->pieces[output->filling].length = 0;
    return number;
}

gboolean
output_write(PbxOutput *output, const void *bytes, gsize length)
{
    const char *from = bytes;
    while (length > 0) {
        PbxPiece *piece = &output->pieces[output->filling];
        if (piece->bytes == NULL)
            piece->bytes = g_malloc(PIECE);
        const gsize n = MIN(length, PIECE - piece->length);
        memcpy(piece->bytes + piece->length, from, n);
        piece->length += n;
        from += n;
        length -= n;
        const int number = piece->length == PIECE ? pass_on(output) : 0;
        if (number != 0) {
            errno = number;
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
flush(PbxOutput *output)
{
    end_thread(output);
    if (output->number == 0)
        output->number = write_piece(output, &output->pieces[output->filling]);
    errno = output->number;
    return output->number == 0;
}

/* ---- The name ---- */

gboolean
output_finish(PbxOutput *output, PbxArchiveFacts *facts, GError **error)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    if (!flush(output) || fsync(output->fd) != 0 ||
        !temporary_take_name(output->parent, output->temporary, output->base))
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
    end_thread(output);
    if (output->temporary != NULL)
        unlinkat(output->parent, output->temporary, 0);
    if (output->fd >= 0)
        close(output->fd);
    if (output->parent >= 0)
        close(output->parent);
    for (guint i = 0; i < PIECES; i++)
        g_free(output->pieces[i].bytes);
    g_mutex_clear(&output->lock);
    g_cond_clear(&output->turned);
    g_free(output->archive);
    g_free(output->base);
    g_free(output->temporary);
    g_free(output);
}
