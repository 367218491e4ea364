/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An archive under another name, in another directory. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/shared.h"

#define PIECE (1024 * 1024)

/* A symbolic link is not taken for what it leads to: that may be anybody's. */
static gboolean
link_it(const char *archive, int parent, const char *base)
{
    struct stat info;
    return lstat(archive, &info) == 0 && S_ISREG(info.st_mode) &&
           linkat(AT_FDCWD, archive, parent, base, 0) == 0;
}

static gboolean
write_all(int out, const char *bytes, gsize n)
{
    while (n > 0) {
        const ssize_t written = write(out, bytes, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return FALSE;
        bytes += written;
        n -= (gsize)written;
    }
    return TRUE;
}

/* The kernel may share the blocks, or need not move them through here; what it leaves is copied. */
static gboolean
copy_bytes(int in, int out)
{
    g_autofree char *buffer = g_malloc(PIECE);
    while (copy_file_range(in, NULL, out, NULL, (gsize)PIECE * 1024, 0) > 0)
        ;
    for (;;) {
        const ssize_t n = read(in, buffer, PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        if (!write_all(out, buffer, (gsize)n))
            return FALSE;
    }
}

static gboolean
copy_it(int in, int parent, const char *base)
{
    g_autofree char *temporary = NULL;
    const int out = temporary_make_file(parent, base, &temporary);
    if (out < 0)
        return FALSE;
    const gboolean good =
        copy_bytes(in, out) && fsync(out) == 0 && temporary_take_name(parent, temporary, base);
    const int saved = errno;
    if (!good)
        unlinkat(parent, temporary, 0);
    close(out);
    errno = saved;
    return good;
}

gboolean
checkpoint_copy(const char *archive, const char *to, gboolean link, GError **error)
{
    g_autofree char *base = NULL;
    const int in = open(archive, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return checkpoint_fail_errno(error, errno, archive);
    const int parent = temporary_open_parent(to, &base, error);
    if (parent < 0) {
        close(in);
        return FALSE;
    }
    const gboolean good =
        ((link && link_it(archive, parent, base) && fsync(in) == 0) || copy_it(in, parent, base)) &&
        fsync(parent) == 0;
    const int saved = errno;
    close(parent);
    close(in);
    return good || checkpoint_fail_errno(error, saved, to);
}
