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
    to->existed = stat(path, &to->old) == 0;
}

/* From where to read: the end of what an earlier run wrote, if this is still that file. */
static void
begin_file(follow *of, const struct stat *facts)
{
    int same = of->existed && facts->st_ino == of->old.st_ino && facts->st_dev == of->old.st_dev &&
               facts->st_size >= of->old.st_size;
    of->at = same ? of->old.st_size : 0;
    of->inode = facts->st_ino;
    of->device = facts->st_dev;
}

/* A file that was put in this one's place, by a rename: its turn once this one is read. */
static int
is_replaced(const follow *of)
{
    struct stat facts;
    return stat(of->path, &facts) == 0 && (facts.st_ino != of->inode || facts.st_dev != of->device);
}

static void
close_file(follow *of)
{
    if (of->fd >= 0)
        close(of->fd);
    of->fd = -1;
}

static int
open_file(follow *of)
{
    struct stat facts;
    of->fd = open(of->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (of->fd >= 0 && fstat(of->fd, &facts) == 0)
        begin_file(of, &facts);
    else
        close_file(of);
    return of->fd >= 0;
}

static void
read_file(follow *from, run *owner)
{
    struct stat facts;
    char *buffer = owner->self->buffer;
    ssize_t n;
    /* Shorter than what was read: it was begun anew. */
    if (fstat(from->fd, &facts) == 0 && facts.st_size < from->at)
        from->at = 0;
    while ((n = pread(from->fd, buffer, READ_SIZE, from->at)) > 0) {
        from->at += n;
        from->n_read += (uint64_t)n;
        if (lines_put(&from->lines, buffer, (size_t)n) != 0) {
            reader_fail(&owner->reader, PBX_ENOMEM, "no memory for a line of output");
            return;
        }
    }
}

void
follow_read(follow *from, run *owner)
{
    if (from->path == NULL || (from->fd < 0 && !open_file(from)))
        return;
    read_file(from, owner);
    if (is_replaced(from)) {
        close_file(from);
        lines_end(&from->lines);
        if (open_file(from))
            read_file(from, owner);
    }
}

/* At the end an old file is as long as before, and yet it was written to: the run wrote
 * the same again, as a second attempt may. */
static int
is_same_again(const follow *of)
{
    struct stat facts;
    return of->existed && of->n_read == 0 && of->fd >= 0 && fstat(of->fd, &facts) == 0 &&
           facts.st_size == of->at &&
           (facts.st_mtim.tv_sec != of->old.st_mtim.tv_sec ||
            facts.st_mtim.tv_nsec != of->old.st_mtim.tv_nsec);
}

void
follow_end(follow *from, run *owner)
{
    follow_read(from, owner);
    if (is_same_again(from)) {
        from->at = 0;
        read_file(from, owner);
    }
    close_file(from);
    lines_end(&from->lines);
    lines_clear(&from->lines);
}

void
follow_clear(follow *gone)
{
    free(gone->owned_path);
    gone->owned_path = NULL;
    gone->path = NULL;
}
