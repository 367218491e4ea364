/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The least that N trials can cost: posix_spawn, reading the output to its end,
 * and wait. Usage: spawn N MIB DIR PROGRAM [WORDS...]; MIB of heap are touched first.
 * With a DIR other than "", each trial also makes there what pegbox leaves of one: a
 * directory with two small files. Prints the seconds that it took.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
    snprintf(path, sizeof path, "%s/trial_%05ld", dir, i);
    if (mkdir(path, 0777) != 0)
        return -1;
    return make_file(dir, i, "stdout") != 0 || make_file(dir, i, "params.json") != 0;
}

int
main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: spawn N MIB DIR PROGRAM [WORDS...]\n");
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
        if (run_once(argv + 4) != 0 || (argv[3][0] != '\0' && make_files(argv[3], i) != 0))
            return 1;
    printf("%.6f\n", now() - start);
    free(memory);
    return 0;
}
