/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread that ends a worker whose driver has vanished, or that is told SIGTERM,
 * whatever its main thread does: first everything that it started, then itself.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "worker/process-private.h"

#define BEAT_MS 10000

static int term_event = -1;

/* A handler and no mask: what trainables start must not inherit a blocked signal. */
static void
on_term(int number)
{
    int code = errno;
    uint64_t one = 1;
    (void)number;
    (void)!write(term_event, &one, sizeof one);
    errno = code;
}

static gpointer
watch(gpointer data)
{
    PbxChannel *channel = data;
    struct pollfd fds[2] = {{.fd = channel->fd, .events = POLLRDHUP},
                            {.fd = term_event, .events = POLLIN}};
    for (;;) {
        int n = poll(fds, G_N_ELEMENTS(fds), BEAT_MS);
        if (n == 0)
            channel_beat(channel);
        else if (n > 0)
            break;
    }
    orphans_kill();
    program_socket_remove_files();
    _exit(fds[1].revents != 0 ? 128 + SIGTERM : 0);
}

gboolean
watcher_start(PbxChannel *channel, GError **error)
{
    term_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (term_event < 0) {
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
