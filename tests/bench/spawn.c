/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The least that N trials can cost, SLOTS at a time: posix_spawn, reading the output to its
 * end, and wait. Usage: spawn SLOTS N MIB DIR PROGRAM [WORDS...]; MIB of heap are touched first.
 * With a DIR other than "", each trial also makes there what pegbox leaves of one: a directory
 * with two small files. Prints the seconds that it took.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_SLOTS 256

extern char **environ;

static double
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Starts the program; its output can be read from *out. Returns 0 where it began. */
static int
start(char **words, pid_t *pid, int *out)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    int failed = posix_spawnp(pid, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *out = ends[0];
    return failed;
}

static int
make_file(const char *dir, long i, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/trial_%05ld/%s", dir, i, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    ssize_t n = write(fd, "hello\n", 6);
    close(fd);
    return n == 6 ? 0 : -1;
}

static int
make_files(const char *dir, long i)
{
    char path[4096];
    if (dir[0] == '\0')
        return 0;
    snprintf(path, sizeof path, "%s/trial_%05ld", dir, i);
    if (mkdir(path, 0777) != 0)
        return -1;
    return make_file(dir, i, "stdout") != 0 || make_file(dir, i, "params.json") != 0;
}

/* Runs n trials, as many at once as there are slots. Returns 0 where all ended well. */
static int
run_all(long slots, long n, const char *dir, char **words)
{
    struct pollfd ends[MAX_SLOTS];
    pid_t pids[MAX_SLOTS];
    long started = 0, ended = 0;
    for (; started < slots && started < n; started++) {
        ends[started].events = POLLIN;
        if (start(words, &pids[started], &ends[started].fd) != 0)
            return 1;
    }
    const nfds_t used = (nfds_t)started;
    while (ended < n) {
        poll(ends, used, -1);
        for (nfds_t i = 0; i < used; i++) {
            char bytes[4096];
            int status = 0;
            if (ends[i].fd < 0 || ends[i].revents == 0 || read(ends[i].fd, bytes, sizeof bytes) > 0)
                continue;
            close(ends[i].fd);
            ends[i].fd = -1;
            waitpid(pids[i], &status, 0);
            if (status != 0 || make_files(dir, ended) != 0)
                return 1;
            ended++;
            if (started < n && start(words, &pids[i], &ends[i].fd) != 0)
                return 1;
            started++;
        }
    }
    return 0;
}

int
main(int argc, char **argv)
{
    const long slots = argc > 5 ? strtol(argv[1], NULL, 10) : 0;
    if (slots < 1 || slots > MAX_SLOTS) {
        fprintf(stderr, "usage: spawn SLOTS N MIB DIR PROGRAM [WORDS...]\n");
        return 2;
    }
    long n = strtol(argv[2], NULL, 10);
    size_t heap = (size_t)strtoul(argv[3], NULL, 10) << 20;
    char *memory = malloc(heap + 1);
    if (memory == NULL)
        return 1;
    memset(memory, 1, heap + 1);
    double began = now();
    int failed = run_all(slots, n, argv[4], argv + 5);
    printf("%.6f\n", now() - began);
    free(memory);
    return failed;
}
