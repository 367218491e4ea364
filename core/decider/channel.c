/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames between the driver and a child with deciders: u32 length of what follows, u32 type,
 * bytes. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "decider/decider-private.h"

#define HEAD      (2 * sizeof(guint32))
#define FRAME_MAX (1u << 30)
#define ROOM      65536

GByteArray *
frame_begin(PbxFrameType type)
{
    GByteArray *frame = g_byte_array_sized_new(1024);
    pack_32(frame, 0);
    pack_32(frame, type);
    return frame;
}

void
frame_end(GByteArray *frame)
{
    const guint32 length = frame->len - (guint32)sizeof(guint32);
    memcpy(frame->data, &length, sizeof length);
}

void
frames_open(PbxFrames *frames, int fd)
{
    *frames = (PbxFrames){.fd = fd, .bytes = g_malloc(ROOM), .size = ROOM};
}

void
frames_close(PbxFrames *frames)
{
    if (frames->fd >= 0)
        close(frames->fd);
    g_clear_pointer(&frames->bytes, g_free);
    frames->fd = -1;
    frames->used = frames->taken = 0;
}

static gboolean
wait_to_send(int fd, gint wait_ms)
{
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    const gint64 until = g_get_monotonic_time() + (gint64)wait_ms * 1000;
    for (;;) {
        const int n = poll(&one, 1, wait_ms);
        if (n >= 0 || errno != EINTR)
            return n > 0;
        if (wait_ms >= 0)
            wait_ms = (gint)(MAX(until - g_get_monotonic_time(), 0) / 1000);
    }
}

gboolean
frames_send(PbxFrames *frames, const GByteArray *frame, gint wait_ms)
{
    gsize sent = 0;
    while (sent < frame->len) {
        const ssize_t n =
            send(frames->fd, frame->data + sent, frame->len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0)
            sent += (gsize)n;
        else if (errno == EAGAIN && !wait_to_send(frames->fd, wait_ms))
            return FALSE;
        else if (errno != EAGAIN && errno != EINTR)
            return FALSE;
    }
    return TRUE;
}

/* Whether a whole frame is there; broken: it lies about its length. */
static PbxChannelRead
look(const PbxFrames *frames, guint32 *length)
{
    if (frames->used < HEAD)
        return CHANNEL_NOTHING;
    memcpy(length, frames->bytes, sizeof *length);
    if (*length < sizeof(guint32) || *length > FRAME_MAX)
        return CHANNEL_BROKEN;
    return frames->used >= sizeof *length + *length ? CHANNEL_FRAME : CHANNEL_NOTHING;
}

/* Room for a whole frame, or for the beginning of one. */
static gboolean
make_room(PbxFrames *frames, guint32 length)
{
    const gsize wanted = MAX(sizeof length + length, ROOM);
    if (wanted <= frames->size)
        return TRUE;
    guint8 *bytes = g_try_realloc(frames->bytes, wanted);
    if (bytes == NULL)
        return FALSE;
    frames->bytes = bytes;
    frames->size = wanted;
    return TRUE;
}

PbxChannelRead
frames_read(PbxFrames *frames, gboolean wait, PbxFrameType *type, PbxUnpack *in)
{
    guint32 length = 0, kind;
    memmove(frames->bytes, frames->bytes + frames->taken, frames->used - frames->taken);
    frames->used -= frames->taken;
    frames->taken = 0;
    PbxChannelRead read;
    while ((read = look(frames, &length)) == CHANNEL_NOTHING) {
        if (!make_room(frames, length))
            return CHANNEL_BROKEN;
        const ssize_t n = recv(frames->fd, frames->bytes + frames->used,
                               frames->size - frames->used, wait ? 0 : MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return CHANNEL_NOTHING;
        if (n == 0 || (n < 0 && errno != EINTR))
            return CHANNEL_CLOSED;
        frames->used += n > 0 ? (gsize)n : 0;
    }
    if (read != CHANNEL_FRAME)
        return read;
    frames->taken = sizeof length + length;
    memcpy(&kind, frames->bytes + sizeof length, sizeof kind);
    *type = kind;
    in->at = frames->bytes + HEAD;
    in->end = frames->bytes + frames->taken;
    in->broken = FALSE;
    return CHANNEL_FRAME;
}
