/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A trial's directory is held (flock, shared) as long as a run may write to it. A driver that goes
 * on where another one was killed waits until nobody holds it: the worker of before may not have
 * noticed yet. What the run starts does not hold it, but is ended first.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include "worker/process-private.h"

gboolean
hold_begin(PbxWorker *worker)
{
    PbxRun *run = worker->run;
    /* Where there is none, or no flock, nobody waits. */
    run->hold = open(run->abi_trial.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run->hold >= 0)
        (void)flock(run->hold, LOCK_SH | LOCK_NB);
    /* The next driver may have looked before it was held: then this one's is gone already. */
    struct pollfd channel = {.fd = worker->channel.fd, .events = POLLRDHUP};
    return worker->inside || poll(&channel, 1, 0) <= 0;
}

void
hold_end(PbxRun *run)
{
    if (run->hold >= 0)
        close(run->hold);
}

gboolean
worker_holds(const char *dir)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return FALSE;
    const gboolean held = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}
