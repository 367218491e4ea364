/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a file is nothing but zeros. Found by what is read, not by what the file system stores, so
 * that a copy packs the same. A run of zero blocks counts from a length on that a probe every so
 * often cannot miss: a file without holes costs one page read in sixteen.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "archiver/archiver.h"

#define BLOCK        4096u
#define LEAST_HOLE   (64u * 1024)
#define MOST_EXTENTS 65536u
#define AHEAD        (8u * 1024 * 1024)

typedef struct {
    int fd;
    guint64 size, asked;
    gboolean failed;
    int number; /* errno then; 0: the file has shrunk */
    char block[BLOCK];
} PbxProbe;

static gboolean
all_zero(const char *bytes, gsize n)
{
    return n == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0);
}

/* Whether the block at `at` (the last one may be shorter) is zeros. */
static gboolean
zero_at(PbxProbe *probe, guint64 at)
{
    const gsize wanted = (gsize)MIN(BLOCK, probe->size - at);
    if (at + AHEAD / 2 > probe->asked && probe->asked < probe->size) {
        /* Probes look random: the kernel would not read ahead by itself. */
        (void)posix_fadvise(probe->fd, (off_t)MAX(at, probe->asked), AHEAD, POSIX_FADV_WILLNEED);
        probe->asked = MAX(at, probe->asked) + AHEAD;
    }
    ssize_t got;
    do
        got = pread(probe->fd, probe->block, wanted, (off_t)at);
    while (got < 0 && errno == EINTR);
    if (got < 0 || (gsize)got < wanted) {
        probe->number = got < 0 ? errno : 0;
        probe->failed = TRUE;
        return FALSE;
    }
    return all_zero(probe->block, wanted);
}

/* What the file system knows to be a hole need not be read; that it knows of none says nothing. */
static guint64
skip_known(PbxProbe *probe, guint64 at)
{
    const off_t data = lseek(probe->fd, (off_t)at, SEEK_DATA);
    if (data < 0)
        return errno == ENXIO ? probe->size : at;
    return CLAMP((guint64)data - (guint64)data % BLOCK, at, probe->size);
}

/* The end of the zeros that go on at `at`. */
static guint64
zeros_end(PbxProbe *probe, guint64 at)
{
    for (guint n = 0; at < probe->size; n++) {
        if (n % 64 == 0)
            at = skip_known(probe, at);
        if (at >= probe->size || !zero_at(probe, at))
            break;
        at = MIN(at + BLOCK, probe->size);
    }
    return at;
}

/* In a huge file only longer holes count: the map of them stays short. */
static guint64
least_hole(guint64 size)
{
    guint64 least = LEAST_HOLE;
    while (size / least > MOST_EXTENTS)
        least *= 2;
    return least;
}

static void
add_extent(GArray *extents, guint64 from, guint64 to)
{
    const PbxExtent extent = {from, to - from};
    if (to > from)
        g_array_append_val(extents, extent);
}

GArray *
holes_find(int fd, guint64 size)
{
    g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(PbxExtent));
    PbxProbe probe = {.fd = fd, .size = size};
    const guint64 least = least_hole(size);
    guint64 data = 0; /* where the extent that is open began */
    guint64 at = 0;   /* no hole begins before */
    gboolean found = FALSE;
    while (size - at >= least && !probe.failed) {
        /* The last block of the shortest hole that begins at `at`. */
        const guint64 last = at + least - BLOCK;
        if (!zero_at(&probe, last)) {
            at = last + BLOCK;
            continue;
        }
        guint64 begin = last;
        while (begin > at && zero_at(&probe, begin - BLOCK))
            begin -= BLOCK;
        const guint64 end = zeros_end(&probe, last + BLOCK);
        if (end - begin >= least) {
            add_extent(extents, data, begin);
            data = end;
            found = TRUE;
        }
        at = MIN(end + BLOCK, size);
    }
    if (probe.failed) {
        errno = probe.number;
        return NULL;
    }
    if (found) {
        add_extent(extents, data, size);
        /* A file that ends with a hole needs its end told. */
        if (data == size) {
            const PbxExtent end = {size, 0};
            g_array_append_val(extents, end);
        }
    }
    return g_steal_pointer(&extents);
}
