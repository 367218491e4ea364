/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of executor/local share. */
#ifndef LOCAL_PRIVATE_H
#define LOCAL_PRIVATE_H

#include <pthread.h>
#include <sys/types.h>

#include <pegbox/draft/executor.h>

/* A worker that runs. */
typedef struct worker {
    struct worker *next;
    char *name;
    pid_t pid;
    int pidfd;
    double grace_s;
    int64_t kill_at_ns; /* SIGKILL then; 0: not asked to end */
} worker;

struct pbx_instance {
    const pbx_host *host;
    const pbx_events *events;
    pthread_t thread;
    pthread_mutex_t lock; /* of workers and quit */
    worker *workers;
    int wake_fd; /* eventfd: the list, or a worker's time, has changed */
    int quit;
    int shares_session; /* a worker was started with PBX_LAUNCH_TERMINAL */
};

/* ---- spawn.c ---- */

/* 0, or an errno. */
int spawn_worker(const pbx_launch *launch, pid_t *pid);

/* ---- reaper.c: the thread that waits for workers ---- */

int reaper_start(pbx_instance *self);
void reaper_stop(pbx_instance *self);
/* Starts a worker, posts STARTED, and waits for it from now on; nothing where one of that
 * name runs. 0, or an errno. */
int reaper_launch(pbx_instance *self, const pbx_launch *launch);
/* Asks a worker to end; nothing where it has. */
void reaper_end(pbx_instance *self, const char *name, uint32_t how);
void worker_free(worker *gone);

/* ---- orphans.c ---- */

/* Ends what workers that are gone left to this process. shared: in its own session too, if the
 * process group is another. Nonzero: some are not gone yet. */
int orphans_end(const pid_t *alive, size_t n_alive, int shared);

#endif
