/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One thread waits for all workers by their pidfds, and posts how each ended. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "local-private.h"

#define ORPHAN_PAUSE_MS 20
#define ORPHAN_TRIES    250

static int64_t
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
wake(pbx_instance *self)
{
    uint64_t one = 1;
    (void)!write(self->wake_fd, &one, sizeof one);
}

static worker *
worker_find(pbx_instance *self, const char *name)
{
    for (worker *at = self->workers; at != NULL; at = at->next)
        if (strcmp(at->name, name) == 0)
            return at;
    return NULL;
}

void
worker_free(worker *gone)
{
    if (gone->pidfd >= 0)
        close(gone->pidfd);
    free(gone->name);
    free(gone);
}

/* ---- The driver's side ---- */

static void
post_started(pbx_instance *self, const worker *started)
{
    char host[256] = "localhost", handle[16], location[300];
    (void)gethostname(host, sizeof host - 1);
    snprintf(handle, sizeof handle, "%d", (int)started->pid);
    snprintf(location, sizeof location, "%s:%d", host, (int)started->pid);
    pbx_post post = {.struct_size = sizeof post,
                     .type = PBX_POST_STARTED,
                     .name = started->name,
                     .handle = handle,
                     .location = location};
    self->events->post(self->host, &post);
}

static int
start(worker *added, const pbx_launch *launch)
{
    added->grace_s = launch->grace_s;
    added->name = strdup(launch->name);
    if (added->name == NULL)
        return ENOMEM;
    int code = spawn_worker(launch, &added->pid);
    if (code != 0)
        return code;
    added->pidfd = pidfd_open(added->pid, 0);
    if (added->pidfd >= 0)
        return 0;
    code = errno;
    kill(added->pid, SIGKILL);
    waitpid(added->pid, NULL, 0);
    return code;
}

int
reaper_launch(pbx_instance *self, const pbx_launch *launch)
{
    int code = 0;
    /* Held while it starts: the thread must neither take it for an orphan nor post its
     * end before its start. */
    pthread_mutex_lock(&self->lock);
    if (worker_find(self, launch->name) == NULL) {
        worker *added = calloc(1, sizeof *added);
        code = ENOMEM;
        if (added != NULL) {
            added->pidfd = -1;
            code = start(added, launch);
        }
        if (code == 0) {
            added->next = self->workers;
            self->workers = added;
            post_started(self, added);
        } else if (added != NULL) {
            worker_free(added);
        }
    }
    pthread_mutex_unlock(&self->lock);
    wake(self);
    return code;
}

void
reaper_end(pbx_instance *self, const char *name, uint32_t how)
{
    pthread_mutex_lock(&self->lock);
    worker *ended = worker_find(self, name);
    if (ended != NULL && how == PBX_STOP_KILL) {
        pidfd_send_signal(ended->pidfd, SIGKILL, NULL, 0);
    } else if (ended != NULL && ended->kill_at_ns == 0) {
        pidfd_send_signal(ended->pidfd, SIGTERM, NULL, 0);
        ended->kill_at_ns = now_ns() + (int64_t)(ended->grace_s * 1e9);
        wake(self);
    }
    pthread_mutex_unlock(&self->lock);
}

/* ---- The thread ---- */

static void
post_exited(pbx_instance *self, const worker *gone, const siginfo_t *how)
{
    pbx_post post = {.struct_size = sizeof post, .type = PBX_POST_EXITED, .name = gone->name};
    char why[80];
    if (how->si_code == CLD_EXITED) {
        post.code = how->si_status;
        snprintf(why, sizeof why, "exited with status %d", how->si_status);
    } else {
        post.code = -1;
        post.signal = how->si_status;
        snprintf(why, sizeof why, "was killed by signal %d (%s)", how->si_status,
                 strsignal(how->si_status));
    }
    post.why = why;
    self->events->post(self->host, &post);
}

/* Takes one worker that has ended out of the list. NULL: none (left). */
static worker *
take_ended(pbx_instance *self, siginfo_t *how)
{
    worker *found = NULL;
    pthread_mutex_lock(&self->lock);
    for (worker **at = &self->workers; *at != NULL; at = &(*at)->next) {
        memset(how, 0, sizeof *how);
        if (waitid(P_PIDFD, (id_t)(*at)->pidfd, how, WEXITED | WNOHANG) != 0 || how->si_pid == 0)
            continue;
        found = *at;
        *at = found->next;
        break;
    }
    pthread_mutex_unlock(&self->lock);
    return found;
}

/* SIGKILL for those whose time is up; milliseconds to the next one, -1: none. */
static int
kill_late(pbx_instance *self)
{
    int64_t now = now_ns(), next = INT64_MAX;
    pthread_mutex_lock(&self->lock);
    for (worker *at = self->workers; at != NULL; at = at->next) {
        if (at->kill_at_ns == 0)
            continue;
        if (at->kill_at_ns <= now) {
            pidfd_send_signal(at->pidfd, SIGKILL, NULL, 0);
            at->kill_at_ns = INT64_MAX;
        }
        next = at->kill_at_ns < next ? at->kill_at_ns : next;
    }
    pthread_mutex_unlock(&self->lock);
    if (next == INT64_MAX)
        return -1;
    int64_t wait_ms = (next - now) / 1000000 + 1;
    return wait_ms > 60000 ? 60000 : (int)wait_ms;
}

/* What poll waits for: the eventfd, then all workers. NULL: no memory. */
static struct pollfd *
list_fds(pbx_instance *self, nfds_t *n)
{
    pthread_mutex_lock(&self->lock);
    nfds_t count = 1;
    for (worker *at = self->workers; at != NULL; at = at->next)
        count++;
    struct pollfd *fds = calloc(count, sizeof *fds);
    if (fds != NULL) {
        fds[0] = (struct pollfd){.fd = self->wake_fd, .events = POLLIN};
        nfds_t i = 1;
        for (worker *at = self->workers; at != NULL; at = at->next)
            fds[i++] = (struct pollfd){.fd = at->pidfd, .events = POLLIN};
    }
    pthread_mutex_unlock(&self->lock);
    *n = count;
    return fds;
}

/* Nonzero: some orphan is not gone yet. */
static int
end_orphans(pbx_instance *self)
{
    pthread_mutex_lock(&self->lock);
    size_t n = 0;
    for (worker *at = self->workers; at != NULL; at = at->next)
        n++;
    pid_t *alive = calloc(n + 1, sizeof *alive);
    if (alive == NULL) {
        pthread_mutex_unlock(&self->lock);
        return 1;
    }
    n = 0;
    for (worker *at = self->workers; at != NULL; at = at->next)
        alive[n++] = at->pid;
    /* With the lock: a worker that was just started must be in the list. */
    int left = orphans_end(alive, n, self->shares_session);
    pthread_mutex_unlock(&self->lock);
    free(alive);
    return left;
}

static int
must_quit(pbx_instance *self)
{
    pthread_mutex_lock(&self->lock);
    int quit = self->quit;
    pthread_mutex_unlock(&self->lock);
    return quit;
}

static void *
reap(void *data)
{
    pbx_instance *self = data;
    int orphans = 0;
    while (!must_quit(self)) {
        int timeout = kill_late(self);
        nfds_t n;
        struct pollfd *fds = list_fds(self, &n);
        if (orphans && (timeout < 0 || timeout > ORPHAN_PAUSE_MS))
            timeout = ORPHAN_PAUSE_MS;
        if (fds != NULL && poll(fds, n, timeout) > 0 && (fds[0].revents & POLLIN) != 0) {
            uint64_t count;
            (void)!read(self->wake_fd, &count, sizeof count);
        }
        free(fds);
        siginfo_t how;
        worker *gone;
        while ((gone = take_ended(self, &how)) != NULL) {
            /* Before it is told: when a trial has ended, nothing of it is left. */
            orphans = end_orphans(self);
            post_exited(self, gone, &how);
            worker_free(gone);
        }
        if (orphans)
            orphans = end_orphans(self);
    }
    return NULL;
}

int
reaper_start(pbx_instance *self)
{
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->wake_fd < 0)
        return errno;
    pthread_mutex_init(&self->lock, NULL);
    /* Signals are for the driver's main thread. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int code = pthread_create(&self->thread, NULL, reap, self);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (code != 0) {
        pthread_mutex_destroy(&self->lock);
        close(self->wake_fd);
    }
    return code;
}

void
reaper_stop(pbx_instance *self)
{
    pthread_mutex_lock(&self->lock);
    self->quit = 1;
    pthread_mutex_unlock(&self->lock);
    wake(self);
    pthread_join(self->thread, NULL);
    for (worker *at = self->workers; at != NULL; at = at->next) {
        pidfd_send_signal(at->pidfd, SIGKILL, NULL, 0);
        waitid(P_PIDFD, (id_t)at->pidfd, &(siginfo_t){.si_pid = 0}, WEXITED);
    }
    for (int i = 0; i < ORPHAN_TRIES && orphans_end(NULL, 0, self->shares_session); i++)
        nanosleep(&(struct timespec){.tv_nsec = ORPHAN_PAUSE_MS * 1000000}, NULL);
    close(self->wake_fd);
    pthread_mutex_destroy(&self->lock);
}
