/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker's end of its channel to the driver: blocking, written from any thread. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "worker/process-private.h"

#define READ_SIZE (16 * 1024)

void
channel_init(PbxChannel *channel, int fd)
{
    *channel = (PbxChannel){.fd = fd, .in = g_byte_array_new(), .out = g_byte_array_new()};
    g_mutex_init(&channel->lock);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

void
channel_queue(PbxChannel *channel, GString *message)
{
    g_mutex_lock(&channel->lock);
    message_put(channel->out, message);
    g_mutex_unlock(&channel->lock);
}

void
channel_flush(PbxChannel *channel)
{
    g_mutex_lock(&channel->lock);
    gsize sent = 0;
    while (sent < channel->out->len && !channel->gone) {
        ssize_t n =
            send(channel->fd, channel->out->data + sent, channel->out->len - sent, MSG_NOSIGNAL);
        if (n >= 0)
            sent += (gsize)n;
        else if (errno != EINTR)
            channel->gone = TRUE;
    }
    g_byte_array_set_size(channel->out, 0);
    g_mutex_unlock(&channel->lock);
}

void
channel_try(PbxChannel *channel, GString *message)
{
    /* Whoever holds the lock is sending: that is as good as a beat. */
    if (!g_mutex_trylock(&channel->lock)) {
        g_string_free(message, TRUE);
        return;
    }
    gboolean alone = channel->out->len == 0;
    message_put(channel->out, message);
    if (alone) {
        /* So small that a stream socket takes all of it or nothing. */
        (void)!send(channel->fd, channel->out->data, channel->out->len,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
        g_byte_array_set_size(channel->out, 0);
    }
    g_mutex_unlock(&channel->lock);
}

/* 1: bytes came; 0: none now; -1: the end. */
static int
receive(PbxChannel *channel, gboolean wait)
{
    g_byte_array_remove_range(channel->in, 0, (guint)channel->in_at);
    channel->in_at = 0;
    guint old = channel->in->len;
    g_byte_array_set_size(channel->in, old + READ_SIZE);
    ssize_t n;
    do
        n = recv(channel->fd, channel->in->data + old, READ_SIZE, wait ? 0 : MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    int code = errno;
    g_byte_array_set_size(channel->in, old + (n > 0 ? (guint)n : 0));
    if (n > 0)
        return 1;
    return n < 0 && code == EAGAIN ? 0 : -1;
}

int
channel_read(PbxChannel *channel, gboolean wait, JsonObject **message, GError **error)
{
    for (;;) {
        int taken = frame_next(channel->in, &channel->in_at, message, error);
        if (taken != 0)
            return taken;
        if (wait)
            channel_flush(channel);
        int received = channel->gone ? -1 : receive(channel, wait);
        if (received == 0)
            return 0;
        if (received < 0) {
            channel->gone = TRUE;
            g_set_error_literal(error, PBX_WORKER_ERROR, WORKER_ERROR_GONE, "the driver is gone");
            return -1;
        }
    }
}
