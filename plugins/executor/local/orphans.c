/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a killed worker leaves behind becomes a child of the driver, which is a child
 * subreaper. Such a process is known by its session: workers have sessions of their
 * own, and nobody below one can come back into the driver's; what other parts of the
 * driver start stays in it. Where a worker shares the session, its programs have process
 * groups of their own.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "local-private.h"

static int
is_alive_worker(pid_t pid, const pid_t *alive, size_t n_alive)
{
    for (size_t i = 0; i < n_alive; i++)
        if (alive[i] == pid)
            return 1;
    return 0;
}

static int
is_drivers(pid_t pid, int shared)
{
    return getsid(pid) == getsid(0) && (!shared || getpgid(pid) == getpgid(0));
}

static int
end_children_of_thread(const char *thread, const pid_t *alive, size_t n_alive, int shared)
{
    char path[64];
    int pid, left = 0;
    snprintf(path, sizeof path, "/proc/self/task/%.16s/children", thread);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    while (fscanf(file, "%d", &pid) == 1) {
        if (is_alive_worker(pid, alive, n_alive) || is_drivers(pid, shared))
            continue;
        kill(pid, SIGKILL);
        if (waitpid(pid, NULL, WNOHANG) != pid)
            left = 1;
    }
    fclose(file);
    return left;
}

int
orphans_end(const pid_t *alive, size_t n_alive, int shared)
{
    int left = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL)
        return 0;
    struct dirent *entry;
    while ((entry = readdir(tasks)) != NULL)
        if (entry->d_name[0] != '.')
            left |= end_children_of_thread(entry->d_name, alive, n_alive, shared);
    closedir(tasks);
    return left;
}
