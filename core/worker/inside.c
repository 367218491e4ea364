/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --local: a worker that is a thread of the driver, for debuggers. */
#include "worker/process-private.h"

static gpointer
work(gpointer data)
{
    PbxWorker *worker = data;
    g_autoptr(GError) error = NULL;
    /* What went wrong before the channel closes has been said over it. */
    (void)worker_work(worker, &error);
    worker_clear(worker);
    channel_close(&worker->channel);
    g_free(worker);
    return NULL;
}

GThread *
worker_start_inside(int fd, GError **error)
{
    PbxWorker *worker = g_new0(PbxWorker, 1);
    worker->inside = TRUE;
    channel_init(&worker->channel, fd);
    GThread *thread = g_thread_try_new("trainable", work, worker, error);
    if (thread == NULL) {
        channel_close(&worker->channel);
        g_free(worker);
    }
    return thread;
}
