/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program's stdout or stderr: raw into its file, as lines to the reader or the console. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exec-private.h"

/* A run without a report says where one would have been. */
static int
wants_hints(const stream *of)
{
    const reader *reader = &of->owner->reader;
    return reader->n_metrics > 0 && reader->n_reports == 0 && of->owner->protocol_reports == 0;
}

static void
to_console(const stream *from, char *line, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (line[i] == '\0')
            line[i] = ' ';
    from->owner->self->session->line(from->owner->self->host, from->is_stderr, line);
}

static void
on_line(void *ctx, char *line, size_t n, int cut)
{
    stream *from = ctx;
    run *owner = from->owner;
    if (from->is_source && owner->protocol_reports == 0)
        reader_line(&owner->reader, line, n, cut);
    else if (!from->is_source && wants_hints(from) &&
             reader_would_match(&owner->reader, line, n, cut))
        owner->other_matches |= from->is_stderr ? SOURCE_STDERR : SOURCE_STDOUT;
    if (from->path == NULL && !from->shown)
        to_console(from, line, n);
}

static void
on_joined(void *ctx, char *line, size_t n, int cut)
{
    stream *from = ctx;
    if (wants_hints(from) && reader_would_match(&from->owner->reader, line, n, cut))
        from->owner->joined_matches = 1;
}

void
stream_init(stream *to, run *owner, int fd, int is_stderr)
{
    unsigned own = is_stderr ? SOURCE_STDERR : SOURCE_STDOUT;
    to->owner = owner;
    to->fd = fd;
    to->file_fd = -1;
    to->path = is_stderr ? owner->info->err : owner->info->out;
    to->is_stderr = is_stderr;
    to->shown = owner->has_terminal;
    to->is_source = (owner->self->options.source & own) != 0;
    to->lines.func = on_line;
    to->lines.joined = to->is_source && owner->reader.n_metrics > 0 ? on_joined : NULL;
    to->lines.ctx = to;
}

static void
fail_write(stream *to)
{
    const int code = errno;
    char message[600];
    snprintf(message, sizeof message, "cannot write the program's output to %.400s: %s", to->path,
             strerror(code));
    reader_fail(&to->owner->reader, files_status(code), message);
}

/* Opened at the first byte: a program that prints nothing makes no file. */
static void
to_file(stream *to, const char *bytes, size_t n)
{
    if (to->file_fd < 0)
        to->file_fd = files_open(to->path, O_APPEND);
    if (to->file_fd < 0) {
        fail_write(to);
        return;
    }
    while (n > 0) {
        ssize_t written = write(to->file_fd, bytes, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            fail_write(to);
            return;
        }
        bytes += written;
        n -= (size_t)written;
    }
}

static void
keep_tail(stream *of, const char *bytes, size_t n)
{
    if (n >= sizeof of->tail) {
        memcpy(of->tail, bytes + n - sizeof of->tail, sizeof of->tail);
        of->n_tail = sizeof of->tail;
        return;
    }
    size_t keep = sizeof of->tail - n;
    if (of->n_tail > keep) {
        memmove(of->tail, of->tail + of->n_tail - keep, keep);
        of->n_tail = keep;
    }
    memcpy(of->tail + of->n_tail, bytes, n);
    of->n_tail += n;
}

void
stream_read(stream *from)
{
    char *buffer = from->owner->self->buffer;
    ssize_t n = read(from->fd, buffer, READ_SIZE);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) { /* a terminal ends with EIO */
        stream_end(from);
        return;
    }
    if (from->shown)
        terminal_show(from->is_stderr ? STDERR_FILENO : STDOUT_FILENO, buffer, (size_t)n);
    if (from->path != NULL)
        to_file(from, buffer, (size_t)n);
    if (from->is_stderr)
        keep_tail(from, buffer, (size_t)n);
    if ((from->path == NULL || from->is_source || wants_hints(from)) &&
        lines_put(&from->lines, buffer, (size_t)n) != 0)
        reader_fail(&from->owner->reader, PBX_ENOMEM, "no memory for a line of output");
}

void
stream_end(stream *from)
{
    if (from->fd >= 0)
        close(from->fd);
    from->fd = -1;
    if (from->file_fd >= 0)
        close(from->file_fd);
    from->file_fd = -1;
    lines_end(&from->lines);
    lines_clear(&from->lines);
}
