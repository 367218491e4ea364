/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file as source: read while it grows, and to its end when the program has ended. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec-private.h"

static void
on_line(void *ctx, char *line, size_t n, int cut)
{
    run *owner = ctx;
    if (owner->protocol_reports == 0)
        reader_line(&owner->reader, line, n, cut);
}

void
follow_init(follow *to, run *owner, const char *path)
{
    struct stat facts;
    to->fd = -1;
    if (path == NULL)
        return;
    /* Relative to where the program runs, as the program itself sees it. */
    if (path[0] != '/' && asprintf(&to->owned_path, "%s/%s", owner->info->cwd, path) >= 0)
        path = to->owned_path;
    to->path = path;
    to->lines.func = on_line;
    to->lines.ctx = owner;
    /* What an earlier run wrote is not read again. */
    if (stat(path, &facts) == 0) {
        to->existed = 1;
        to->old_size = facts.st_size;
        to->old_inode = facts.st_ino;
    }
}

static void
open_file(follow *of)
{
    struct stat facts;
    of->fd = open(of->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (of->fd < 0 || fstat(of->fd, &facts) != 0)
        return;
    int same = of->existed && facts.st_ino == of->old_inode && facts.st_size >= of->old_size;
    of->at = same ? of->old_size : 0;
}

void
follow_read(follow *from, run *owner)
{
    struct stat facts;
    char *buffer = owner->self->buffer;
    ssize_t n;
    if (from->path == NULL)
        return;
    if (from->fd < 0)
        open_file(from);
    if (from->fd < 0)
        return;
    /* Shorter than what was read: it was begun anew. */
    if (fstat(from->fd, &facts) == 0 && facts.st_size < from->at)
        from->at = 0;
    while ((n = pread(from->fd, buffer, READ_SIZE, from->at)) > 0) {
        from->at += n;
        if (lines_put(&from->lines, buffer, (size_t)n) != 0) {
            reader_fail(&owner->reader, PBX_ENOMEM, "no memory for a line of output");
            return;
        }
    }
}

void
follow_end(follow *from, run *owner)
{
    follow_read(from, owner);
    if (from->fd >= 0)
        close(from->fd);
    from->fd = -1;
    lines_end(&from->lines);
    lines_clear(&from->lines);
    free(from->owned_path);
    from->owned_path = NULL;
}
