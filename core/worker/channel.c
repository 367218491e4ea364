/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The worker's end of its channel to the driver. Read by the main thread, written from any:
 * what is queued is sent in its order, by one thread at a time. A thread of the channel's own
 * sends what the others leave, so that none need wait for a driver that is busy.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/process-private.h"

#define READ_SIZE (16 * 1024)
/* What is gathered is sent once it is as long, whatever its time. */
#define LOT_SIZE (32 * 1024)
/* More is not queued: the caller waits for it to go. */
#define QUEUE_MAX (1024 * 1024)

void
channel_init(PbxChannel *channel, int fd)
{
    *channel = (PbxChannel){
        .fd = fd, .in = g_byte_array_new(), .out = g_byte_array_new(), .sent = g_byte_array_new()};
    g_mutex_init(&channel->lock);
    g_cond_init(&channel->due);
    g_cond_init(&channel->idle);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

gboolean
channel_is_gone(PbxChannel *channel)
{
    return g_atomic_int_get(&channel->gone) != 0;
}

static void
set_gone(PbxChannel *channel)
{
    g_atomic_int_set(&channel->gone, 1);
}

void
channel_close(PbxChannel *channel)
{
    g_mutex_lock(&channel->lock);
    channel->closing = TRUE;
    g_cond_signal(&channel->due);
    g_mutex_unlock(&channel->lock);
    if (channel->sender != NULL)
        g_thread_join(channel->sender);
    close(channel->fd);
    g_byte_array_unref(channel->in);
    g_byte_array_unref(channel->out);
    g_byte_array_unref(channel->sent);
    g_cond_clear(&channel->due);
    g_cond_clear(&channel->idle);
    g_mutex_clear(&channel->lock);
}

void
channel_queue(PbxChannel *channel, GString *message)
{
    g_mutex_lock(&channel->lock);
    message_put(channel->out, message);
    g_mutex_unlock(&channel->lock);
}

/* ---- Sending; all with the lock ---- */

/* How much went; what does not go at once is left with MSG_DONTWAIT. */
static gsize
send_bytes(PbxChannel *channel, const GByteArray *bytes, int flags)
{
    gsize sent = 0;
    while (sent < bytes->len && !channel_is_gone(channel)) {
        ssize_t n = send(channel->fd, bytes->data + sent, bytes->len - sent, MSG_NOSIGNAL | flags);
        if (n >= 0)
            sent += (gsize)n;
        else if (errno == EAGAIN && flags != 0)
            break;
        else if (errno != EINTR)
            set_gone(channel);
    }
    return sent;
}

/* Sends all, and waits for it, without the lock: others may queue more meanwhile. */
static void
send_all(PbxChannel *channel)
{
    while (channel->sending)
        g_cond_wait(&channel->idle, &channel->lock);
    channel->send_at_us = 0;
    if (channel->out->len == 0)
        return;
    GByteArray *bytes = channel->out;
    channel->out = channel->sent;
    channel->sent = bytes;
    channel->sending = TRUE;
    g_mutex_unlock(&channel->lock);
    send_bytes(channel, bytes, 0);
    g_byte_array_set_size(bytes, 0);
    g_mutex_lock(&channel->lock);
    channel->sending = FALSE;
    g_cond_broadcast(&channel->idle);
}

static gpointer
send_what_is_due(gpointer data)
{
    PbxChannel *channel = data;
    g_mutex_lock(&channel->lock);
    while (!channel->closing) {
        gint64 at = channel->send_at_us;
        if (at == 0)
            g_cond_wait(&channel->due, &channel->lock);
        else if (at > g_get_monotonic_time())
            g_cond_wait_until(&channel->due, &channel->lock, at);
        else
            send_all(channel);
    }
    g_mutex_unlock(&channel->lock);
    return NULL;
}

static void
set_due(PbxChannel *channel, gint64 at_us)
{
    /* A worker that is a process never closes: it ends with that. */
    if (channel->sender == NULL)
        channel->sender = g_thread_try_new("sender", send_what_is_due, channel, NULL);
    if (channel->sender == NULL) {
        send_all(channel);
        return;
    }
    channel->send_at_us = at_us;
    g_cond_signal(&channel->due);
}

/* Sends what the socket takes; the thread has the rest. */
static void
send_now(PbxChannel *channel, gint64 now_us)
{
    gsize sent = channel->sending ? 0 : send_bytes(channel, channel->out, MSG_DONTWAIT);
    if (sent == channel->out->len || channel_is_gone(channel)) {
        g_byte_array_set_size(channel->out, 0);
        channel->send_at_us = 0;
        return;
    }
    if (sent > 0)
        g_byte_array_remove_range(channel->out, 0, (guint)sent);
    set_due(channel, now_us);
}

void
channel_flush(PbxChannel *channel)
{
    g_mutex_lock(&channel->lock);
    send_all(channel);
    g_mutex_unlock(&channel->lock);
}

void
channel_send_within(PbxChannel *channel, gint64 us)
{
    gint64 now = g_get_monotonic_time();
    g_mutex_lock(&channel->lock);
    if (channel->out->len > QUEUE_MAX)
        send_all(channel);
    else if (us == 0 || channel->out->len >= LOT_SIZE ||
             (channel->send_at_us != 0 && channel->send_at_us <= now))
        send_now(channel, now);
    else if (channel->send_at_us == 0 && channel->out->len > 0)
        set_due(channel, now + us);
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
    gboolean alone = !channel->sending && channel->out->len == 0;
    message_put(channel->out, message);
    if (alone) {
        /* So small that a stream socket takes all of it or nothing. */
        send_bytes(channel, channel->out, MSG_DONTWAIT);
        g_byte_array_set_size(channel->out, 0);
    } else if (channel->send_at_us == 0) {
        set_due(channel, g_get_monotonic_time());
    }
    g_mutex_unlock(&channel->lock);
}

/* ---- Receiving ---- */

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
        int received = channel_is_gone(channel) ? -1 : receive(channel, wait);
        if (received == 0)
            return 0;
        if (received < 0) {
            set_gone(channel);
            g_set_error_literal(error, PBX_WORKER_ERROR, WORKER_ERROR_GONE, "the driver is gone");
            return -1;
        }
    }
}
