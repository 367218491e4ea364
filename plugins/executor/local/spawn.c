/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts one worker without copying the driver's memory (posix_spawn is a vfork). */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "local-private.h"

/* The worker's descriptor of its channel. */
#define CHANNEL_FD 3

static int
add_actions(posix_spawn_file_actions_t *actions, const pbx_launch *launch)
{
    const int append = O_WRONLY | O_CREAT | O_APPEND;
    int code = 0;
    if ((launch->flags & PBX_LAUNCH_TERMINAL) == 0)
        code = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (code == 0 && launch->out != NULL)
        code = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, launch->out, append, 0666);
    if (code == 0 && launch->err != NULL)
        code = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, launch->err, append, 0666);
    /* Onto itself, dup2 in a spawn clears the close-on-exec flag: that is wanted too. */
    if (code == 0 && launch->channel >= 0)
        code = posix_spawn_file_actions_adddup2(actions, launch->channel, CHANNEL_FD);
    if (code == 0 && launch->cwd != NULL)
        code = posix_spawn_file_actions_addchdir_np(actions, launch->cwd);
    return code;
}

/* A session of its own, unless it shares the terminal, so that Ctrl-C there is the driver's
 * alone; and signals as a fresh process has them, whatever the driver ignores or blocks. */
static int
set_attributes(posix_spawnattr_t *attributes, const pbx_launch *launch)
{
    int session = (launch->flags & PBX_LAUNCH_TERMINAL) == 0 ? POSIX_SPAWN_SETSID : 0;
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGTERM);
    sigaddset(&defaults, SIGCHLD);
    sigaddset(&defaults, SIGUSR1);
    sigaddset(&defaults, SIGTTOU);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &defaults);
    return posix_spawnattr_setflags(
        attributes, (short)(session | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
}

int
spawn_worker(const pbx_launch *launch, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0)
        return code;
    code = posix_spawnattr_init(&attributes);
    if (code == 0) {
        code = add_actions(&actions, launch);
        if (code == 0)
            code = set_attributes(&attributes, launch);
        if (code == 0)
            code = posix_spawn(pid, launch->argv[0], &actions, &attributes,
                               (char *const *)launch->argv, (char *const *)launch->env);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return code;
}
