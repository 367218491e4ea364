/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The least that N trials can cost: posix_spawn, reading the output to its end,
 * and wait. Usage: spawn N MIB PROGRAM [WORDS...]; MIB of heap are touched first.
 * Prints the seconds that it took.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Runs the program once and reads what it prints. Returns 0 where it ended well. */
static int
run_once(char **words)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    pid_t pid = -1;
    int failed = posix_spawnp(&pid, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    char bytes[4096];
    while (failed == 0 && read(ends[0], bytes, sizeof bytes) > 0)
        continue;
    close(ends[0]);
    int status = -1;
    if (failed == 0)
        waitpid(pid, &status, 0);
    return status;
}

int
main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: spawn N MIB PROGRAM [WORDS...]\n");
        return 2;
    }
    long n = strtol(argv[1], NULL, 10);
    size_t heap = (size_t)strtoul(argv[2], NULL, 10) << 20;
    char *memory = malloc(heap + 1);
    if (memory == NULL)
        return 1;
    memset(memory, 1, heap + 1);
    double start = now();
    for (long i = 0; i < n; i++)
        if (run_once(argv + 3) != 0)
            return 1;
    printf("%.6f\n", now() - start);
    free(memory);
    return 0;
}
