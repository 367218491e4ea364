/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starts a program as posix_spawn does, without copying memory, but with two things
 * that posix_spawn cannot do: the program dies with the thread that started it, and a
 * failure says at which step.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec-private.h"

/* Shared with the child until it execs: vfork's memory is one. */
typedef struct outcome {
    volatile int stage, code;
} outcome;

static void
child_fail(outcome *shared, int stage)
{
    shared->code = errno;
    shared->stage = stage;
    _exit(127);
}

static void
reset_signals(const int *handled)
{
    sigset_t none;
    struct sigaction plain;
    memset(&plain, 0, sizeof plain);
    plain.sa_handler = SIG_DFL;
    for (size_t i = 0; handled[i] != 0; i++)
        sigaction(handled[i], &plain, NULL);
    /* Only now: a handler must not run in here, on the parent's memory. */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Only system calls from here on: the parent's thread waits, its memory is ours. */
static void
child(const spawn_request *request, pid_t parent, outcome *shared)
{
    int out = request->out;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        _exit(127); /* it died before it could take us along */
    if (request->stays)
        setpgid(0, 0);
    else
        setsid();
    /* All signals are blocked here, SIGTTOU too. */
    if (request->foreground)
        tcsetpgrp(request->in, getpid());
    if (request->terminal != NULL) {
        /* A session's leader without a terminal: the first that it opens becomes it. */
        out = open(request->terminal, O_RDWR | O_CLOEXEC);
        if (out < 0)
            child_fail(shared, SPAWN_TERMINAL);
    }
    dup2(request->in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(request->err, STDERR_FILENO);
    if (chdir(request->cwd) != 0)
        child_fail(shared, SPAWN_CHDIR);
    reset_signals(request->handled);
    execve(request->path, (char *const *)request->argv, (char *const *)request->env);
    child_fail(shared, SPAWN_EXEC);
}

/* vfork's rule: whoever calls it must not return while the child lives. */
static pid_t __attribute__((noinline))
vfork_child(const spawn_request *request, pid_t parent, outcome *shared)
{
    pid_t pid = vfork();
    if (pid == 0)
        child(request, parent, shared);
    return pid;
}

/* A script without "#!" is the shell's, as for execvp. */
static pid_t
spawn_script(const spawn_request *request, int *stage)
{
    size_t n = 0;
    while (request->argv[n] != NULL)
        n++;
    const char **argv = calloc(n + 2, sizeof *argv);
    if (argv == NULL) {
        errno = ENOMEM;
        return -1;
    }
    argv[0] = "/bin/sh";
    argv[1] = request->path;
    for (size_t i = 1; i < n; i++)
        argv[i + 1] = request->argv[i];
    spawn_request shell = *request;
    shell.path = "/bin/sh";
    shell.argv = argv;
    pid_t pid = spawn_program(&shell, stage);
    int code = errno;
    free(argv);
    errno = code;
    return pid;
}

pid_t
spawn_program(const spawn_request *request, int *stage)
{
    sigset_t all, old;
    outcome shared = {.stage = -1};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid_t pid = vfork_child(request, getpid(), &shared);
    int code = errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (pid > 0 && shared.stage < 0)
        return pid;
    *stage = SPAWN_FORK;
    if (pid > 0) {
        /* It has ended without becoming the program. */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        *stage = shared.stage;
        code = shared.code;
    }
    if (*stage == SPAWN_EXEC && code == ENOEXEC && strcmp(request->path, "/bin/sh") != 0)
        return spawn_script(request, stage);
    errno = code;
    return -1;
}

void
spawn_list_handled(int handled[65])
{
    size_t n = 0;
    for (int number = 1; number < NSIG && n < 64; number++) {
        struct sigaction action;
        if (number == SIGKILL || number == SIGSTOP || sigaction(number, NULL, &action) != 0)
            continue;
        if (number == SIGPIPE || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN))
            handled[n++] = number;
    }
    handled[n] = 0;
}
