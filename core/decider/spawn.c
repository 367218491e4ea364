/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The child process that deciders live in: started, and what became of it. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "decider/decider-private.h"
#include "places/places.h"

#define LEAVE_US    (2 * G_USEC_PER_SEC) /* how long one may take to its end */
#define STEP_US     200
#define STEP_MAX_US 20000

/* It has the driver's session and group, and so what is typed there or sent to all: that is the
 * driver's affair. It ends when its channel does, or its driver. */
static void
hold_signals(posix_spawnattr_t *attributes)
{
    static const int held[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1};
    static const int usual[] = {SIGPIPE, SIGCHLD, SIGTSTP, SIGTTOU, SIGTTIN};
    sigset_t mask, defaults;
    sigemptyset(&mask);
    sigemptyset(&defaults);
    for (gsize i = 0; i < G_N_ELEMENTS(held); i++)
        sigaddset(&mask, held[i]);
    for (gsize i = 0; i < G_N_ELEMENTS(usual); i++)
        sigaddset(&defaults, usual[i]);
    posix_spawnattr_setsigmask(attributes, &mask);
    posix_spawnattr_setsigdefault(attributes, &defaults);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

int
child_spawn(const char *slot, pid_t *pid)
{
    int ends[2];
    extern char **environ;
    char *argv[] = {places_get()->worker, (char *)DECIDER_CHILD_WORD, (char *)slot, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, ends[1], DECIDER_CHILD_FD);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", 0, 0);
    posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    hold_signals(&attributes);
    const int number = posix_spawn(pid, places_get()->worker, &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    close(ends[1]);
    if (number == 0)
        return ends[0];
    close(ends[0]);
    *pid = 0;
    errno = number;
    return -1;
}

/* Whether it has ended. */
static gboolean
reap(pid_t pid, int options, int *status)
{
    pid_t reaped;
    do
        reaped = waitpid(pid, status, options);
    while (reaped < 0 && errno == EINTR);
    return reaped != 0;
}

void
child_end(pid_t pid, gboolean at_once)
{
    int status;
    const gint64 until = g_get_monotonic_time() + (at_once ? 0 : LEAVE_US);
    for (gulong step = STEP_US; !reap(pid, WNOHANG, &status); step = MIN(step * 2, STEP_MAX_US)) {
        if (g_get_monotonic_time() >= until) {
            kill(pid, SIGKILL);
            (void)reap(pid, 0, &status);
            return;
        }
        g_usleep(step);
    }
}

char *
child_fate(pid_t pid)
{
    int status = 0;
    const gint64 until = g_get_monotonic_time() + LEAVE_US;
    /* It has closed its channel: that it still lives is odd, and not waited for. */
    while (!reap(pid, WNOHANG, &status)) {
        if (g_get_monotonic_time() >= until) {
            child_end(pid, TRUE);
            return g_strdup("has closed its channel");
        }
        g_usleep(STEP_US);
    }
    if (WIFSIGNALED(status))
        return g_strdup_printf("was killed by signal %d (%s)", WTERMSIG(status),
                               strsignal(WTERMSIG(status)));
    return g_strdup_printf("ended with status %d", WEXITSTATUS(status));
}
