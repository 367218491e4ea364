/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pipes and terminals that a program writes to. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "exec-private.h"

void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int
open_pipe(ends *made, int i)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    made->read[i] = fds[0];
    made->write[i] = fds[1];
    return 0;
}

/* A terminal that changes nothing of what is written, wide enough that nobody wraps lines. */
static int
open_pty(ends *made, int i, char *name, size_t size)
{
    struct termios modes;
    struct winsize window = {.ws_row = 24, .ws_col = 200};
    int fd = made->read[i] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0)
        return -1;
    int code = ptsname_r(fd, name, size);
    if (code != 0) {
        errno = code;
        return -1;
    }
    if (tcgetattr(fd, &modes) == 0) {
        cfmakeraw(&modes);
        modes.c_lflag |= ISIG;
        tcsetattr(fd, TCSANOW, &modes);
    }
    ioctl(fd, TIOCSWINSZ, &window);
    return 0;
}

/* One that nobody's Ctrl-C comes from: the program has the user's terminal for that. */
static int
open_shown(ends *made, int i, int pty)
{
    char name[64];
    int ours = i == 0 ? STDOUT_FILENO : STDERR_FILENO;
    if (!isatty(ours) && !pty)
        return open_pipe(made, i);
    if (open_pty(made, i, name, sizeof name) != 0)
        return -1;
    terminal_follow_size(ours, made->read[i]);
    made->write[i] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return made->write[i] >= 0 ? 0 : -1;
}

void
ends_close(ends *made)
{
    for (int i = 0; i < 2; i++) {
        close_fd(&made->read[i]);
        close_fd(&made->write[i]);
    }
}

pbx_status
ends_open(ends *made, int pty, int shown, pbx_error *error)
{
    int code;
    *made = (ends){.read = {-1, -1}, .write = {-1, -1}};
    if (shown)
        code = open_shown(made, 0, pty);
    else
        code = pty ? open_pty(made, 0, made->terminal, sizeof made->terminal) : open_pipe(made, 0);
    if (code == 0)
        code = shown ? open_shown(made, 1, 0) : open_pipe(made, 1);
    if (code == 0)
        return PBX_OK;
    code = errno;
    snprintf(error->message, sizeof error->message, "cannot make a %s for the program's output: %s",
             pty || shown ? "terminal" : "pipe", strerror(code));
    ends_close(made);
    return files_status(code);
}
