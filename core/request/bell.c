/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A FIFO that is rung when there is something new. An inotify watch would tell of it too, but the
 * kernel takes up to 25 ms to close one: more than the rest of a short command.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "request/request-private.h"

/* O_RDWR: nobody is needed at the other end, who would be missed when gone. */
#define FLAGS (O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC)

static int
open_fifo(int folder, const char *name)
{
    struct stat about;
    int fd = openat(folder, name, FLAGS);
    if (fd >= 0 && (fstat(fd, &about) != 0 || !S_ISFIFO(about.st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

int
request_bell_new(int folder, const char *name)
{
    if (unlinkat(folder, name, 0) != 0 && errno != ENOENT)
        return -1;
    if (mkfifoat(folder, name, 0600) != 0)
        return -1;
    int fd = open_fifo(folder, name);
    if (fd >= 0)
        request_give_to_owner(folder, fd);
    return fd;
}

void
request_bell_free(int folder, const char *name, int fd)
{
    if (fd < 0)
        return;
    unlinkat(folder, name, 0);
    close(fd);
}

void
request_bell_ring(int folder, const char *name)
{
    int fd = open_fifo(folder, name);
    if (fd < 0)
        return;
    /* One that is full has been rung. */
    ssize_t n = write(fd, "!", 1);
    (void)n;
    close(fd);
}

void
request_bell_hear(int fd)
{
    char rings[256];
    while (fd >= 0 && read(fd, rings, sizeof rings) > 0)
        continue;
}
