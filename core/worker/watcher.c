/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread that ends a worker whose driver has vanished, or that is told SIGTERM,
 * whatever its main thread does: first everything that it started, then itself. It also
 * looks at the memory of a run that has a limit.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "worker/process-private.h"

#define BEAT_US (10 * G_USEC_PER_SEC)

static int term_event = -1, wake_event = -1;

static void
put_event(int event)
{
    uint64_t one = 1;
    (void)!write(event, &one, sizeof one);
}

/* A handler and no mask: what trainables start must not inherit a blocked signal. */
static void
on_term(int number)
{
    int code = errno;
    (void)number;
    put_event(term_event);
    errno = code;
}

void
watcher_wake(void)
{
    put_event(wake_event);
}

/* Does what is due; milliseconds until the next. */
static int
keep_times(PbxChannel *channel, gint64 *beat_us)
{
    gint64 look_us = memory_look(channel);
    gint64 now = g_get_monotonic_time();
    if (*beat_us <= now) {
        channel_try(channel, message_new("beat"));
        *beat_us = now + BEAT_US;
    }
    return (int)(MAX(MIN(look_us, *beat_us) - now, 0) / 1000 + 1);
}

static gpointer
watch(gpointer data)
{
    PbxChannel *channel = data;
    gint64 beat_us = g_get_monotonic_time() + BEAT_US;
    struct pollfd fds[3] = {{.fd = channel->fd, .events = POLLRDHUP},
                            {.fd = term_event, .events = POLLIN},
                            {.fd = wake_event, .events = POLLIN}};
    do {
        int n = poll(fds, G_N_ELEMENTS(fds), keep_times(channel, &beat_us));
        uint64_t count;
        if (n > 0 && fds[2].revents != 0)
            (void)!read(wake_event, &count, sizeof count);
        if (n <= 0)
            fds[0].revents = fds[1].revents = 0;
    } while (fds[0].revents == 0 && fds[1].revents == 0);
    orphans_kill();
    program_socket_remove_files();
    _exit(fds[1].revents != 0 ? 128 + SIGTERM : 0);
}

gboolean
watcher_start(PbxChannel *channel, GError **error)
{
    term_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    wake_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (term_event < 0 || wake_event < 0) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "eventfd: %s",
                    g_strerror(errno));
        return FALSE;
    }
    struct sigaction action = {.sa_handler = on_term, .sa_flags = SA_RESTART};
    sigaction(SIGTERM, &action, NULL);
    /* Never joined: it ends with the process. */
    GThread *thread = g_thread_try_new("watcher", watch, channel, error);
    if (thread == NULL)
        return FALSE;
    g_thread_unref(thread);
    return TRUE;
}
