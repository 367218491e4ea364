/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * While a trainable runs in the worker itself, its stdout and stderr are the trial's
 * files: descriptors, not pipes, so that the last words of a crash are kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/process-private.h"

/* What stdout and stderr were before. */
static int kept[2] = {-1, -1};

/* The file is the user's to name: only some errors are no mistake in that. */
static gboolean
is_hosts_fault(int number)
{
    static const int numbers[] = {ENOSPC, EDQUOT, EROFS, EIO, EMFILE, ENFILE, ENOMEM};
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
        if (number == numbers[i])
            return TRUE;
    return FALSE;
}

static gboolean
redirect(int target, const char *path, GError **error)
{
    g_autofree char *dir = g_path_get_dirname(path);
    const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    int fd = open(path, flags, 0666);
    if (fd < 0 && errno == ENOENT && g_mkdir_with_parents(dir, 0777) == 0)
        fd = open(path, flags, 0666);
    if (fd < 0) {
        const int number = errno;
        g_set_error(error, PBX_WORKER_ERROR,
                    is_hosts_fault(number) ? WORKER_ERROR_HOST : WORKER_ERROR_OUTPUT,
                    "cannot write the trial's output to %s: %s", path, g_strerror(number));
        return FALSE;
    }
    kept[target - 1] = fcntl(target, F_DUPFD_CLOEXEC, WORKER_CHANNEL_FD + 1);
    dup2(fd, target);
    close(fd);
    return TRUE;
}

gboolean
output_begin(const PbxRun *run, GError **error)
{
    if (run->info.out != NULL && !redirect(STDOUT_FILENO, run->info.out, error))
        return FALSE;
    if (run->info.err != NULL && !redirect(STDERR_FILENO, run->info.err, error)) {
        output_end(run);
        return FALSE;
    }
    return TRUE;
}

static void
restore(int target, const char *path)
{
    struct stat facts;
    if (kept[target - 1] < 0)
        return;
    dup2(kept[target - 1], target);
    close(kept[target - 1]);
    kept[target - 1] = -1;
    /* Files and directories appear only where something was written. */
    if (stat(path, &facts) == 0 && facts.st_size == 0) {
        g_autofree char *dir = g_path_get_dirname(path);
        unlink(path);
        rmdir(dir);
    }
}

void
output_end(const PbxRun *run)
{
    fflush(stdout);
    fflush(stderr);
    restore(STDOUT_FILENO, run->info.out);
    restore(STDERR_FILENO, run->info.err);
}
