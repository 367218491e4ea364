/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes to lines. A line ends at LF or CR; progress bars use CR alone. */
#include <string.h>

#include "exec-private.h"

/* How much of a line that \r has parted is put together again. */
#define WHOLE_MAX 65536

static int
add(lines *self, const char *bytes, size_t n)
{
    if (self->cut)
        return 0;
    size_t room = LINE_MAX_BYTES - self->part.n;
    if (n > room) {
        self->cut = 1;
        n = room;
    }
    return text_append(&self->part, bytes, n);
}

/* Hands the part on as a line; an empty one behind a CR is the LF of a CR LF. */
static void
end_line(lines *self, char by)
{
    if (self->joined != NULL && by == '\r' && self->whole.n + self->part.n < WHOLE_MAX)
        (void)(text_append(&self->whole, self->part.bytes, self->part.n) == 0 &&
               text_append(&self->whole, " ", 1));
    if (self->joined != NULL && by == '\n' && self->whole.n > 0) {
        if (self->part.n > 0 && self->part.n < WHOLE_MAX &&
            text_append(&self->whole, self->part.bytes, self->part.n) == 0)
            self->joined(self->ctx, self->whole.bytes, self->whole.n, 0);
        self->whole.n = 0;
    }
    if (!(by == '\n' && self->after_cr && self->part.n == 0)) {
        size_t n = text_clean(self->part.bytes, self->part.n);
        self->func(self->ctx, self->part.bytes, n, self->cut);
    }
    self->part.n = 0;
    self->cut = 0;
    self->after_cr = by == '\r';
}

static const char *
find_end(const char *bytes, size_t n)
{
    const char *lf = memchr(bytes, '\n', n);
    const char *cr = memchr(bytes, '\r', lf != NULL ? (size_t)(lf - bytes) : n);
    return cr != NULL ? cr : lf;
}

int
lines_put(lines *self, const char *bytes, size_t n)
{
    /* Never NULL from here on, so that an empty line is a text too. */
    if (text_append(&self->part, "", 0) != 0)
        return -1;
    while (n > 0) {
        const char *end = find_end(bytes, n);
        size_t length = end != NULL ? (size_t)(end - bytes) : n;
        if (add(self, bytes, length) != 0)
            return -1;
        if (end == NULL)
            return 0;
        end_line(self, *end);
        bytes += length + 1;
        n -= length + 1;
    }
    return 0;
}

void
lines_end(lines *self)
{
    if (self->part.n > 0)
        end_line(self, '\n');
}

void
lines_clear(lines *self)
{
    text_clear(&self->part);
    text_clear(&self->whole);
}
