/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is preloaded under valgrind, for what it does not know:
 * - pidfds before 3.21: the same from a pipe and a thread for each. The pipe's write end closes
 *   when the child has ended;
 * - that vfork and posix_spawn return once the child has become its program: before, it may not
 *   lead the group yet that is signalled. Valgrind makes a fork of both;
 * - that a posix_spawn tells of a program that is not there;
 * - code that PCRE2 makes as it runs, which reads past the end of a subject within a word: without
 *   it, PCRE2 interprets its patterns.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 4096

static pid_t pids[MOST]; /* by descriptor */

typedef struct {
    pid_t pid;
    int fd;
} Waiter;

static void *
wait_for(void *data)
{
    Waiter waiter = *(Waiter *)data;
    siginfo_t how;
    free(data);
    while (waitid(P_PID, (id_t)waiter.pid, &how, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
    /* Nobody may listen any more. */
    ssize_t written = write(waiter.fd, "", 1);
    (void)written;
    close(waiter.fd);
    return NULL;
}

int
pidfd_open(pid_t pid, unsigned flags)
{
    int ends[2];
    pthread_t thread;
    sigset_t all, before;
    (void)flags;
    Waiter *waiter = malloc(sizeof *waiter);
    if (waiter == NULL || pipe2(ends, O_CLOEXEC) != 0 || ends[0] >= MOST)
        abort();
    *waiter = (Waiter){pid, ends[1]};
    pids[ends[0]] = pid;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, wait_for, waiter) != 0)
        abort();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_detach(thread);
    return ends[0];
}

int
pidfd_send_signal(int fd, int number, siginfo_t *info, unsigned flags)
{
    (void)info;
    (void)flags;
    return kill(pids[fd], number);
}

int
waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    static int (*real)(idtype_t, id_t, siginfo_t *, int);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "waitid");
    return type == P_PIDFD ? real(P_PID, (id_t)pids[id], info, options)
                           : real(type, id, info, options);
}

/* A pipe that closes in the child when that becomes its program, or ends. */
static void
watch_exec(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) != 0)
        abort();
}

static void
wait_for_exec(const int ends[2])
{
    char byte;
    int before = errno;
    close(ends[1]);
    while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
        ;
    close(ends[0]);
    errno = before;
}

pid_t
vfork(void)
{
    int ends[2];
    watch_exec(ends);
    pid_t pid = fork();
    if (pid != 0)
        wait_for_exec(ends);
    return pid;
}

int
posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
            const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    int (*real)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                const posix_spawnattr_t *, char *const[], char *const[]);
    int ends[2];
    if (access(path, X_OK) != 0)
        return errno;
    *(void **)&real = dlsym(RTLD_NEXT, "posix_spawn");
    watch_exec(ends);
    int code = real(pid, path, actions, attributes, argv, envp);
    wait_for_exec(ends);
    return code;
}

int
pcre2_jit_compile_8(void *code, uint32_t options)
{
    (void)code;
    (void)options;
    return -45; /* PCRE2_ERROR_JIT_BADOPTION */
}
