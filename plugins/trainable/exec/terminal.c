/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The user's terminal, lent to a program as a shell lends it: the program's process group is
 * in the foreground, so that what is typed, Ctrl-C and Ctrl-Z too, is the program's. SIGTTOU is
 * blocked in whoever shares the terminal (the worker).
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "exec-private.h"

int
terminal_is_ours(void)
{
    return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

void
terminal_save(struct termios *modes)
{
    memset(modes, 0, sizeof *modes);
    (void)tcgetattr(STDIN_FILENO, modes);
}

void
terminal_take(const struct termios *modes)
{
    if (tcsetpgrp(STDIN_FILENO, getpgrp()) != 0)
        return; /* none, or of another session */
    /* A debugger that was killed leaves it without echo. */
    if (modes->c_cflag != 0)
        tcsetattr(STDIN_FILENO, TCSADRAIN, modes);
}

void
terminal_give(pid_t pid)
{
    tcsetpgrp(STDIN_FILENO, pid);
}

void
terminal_show(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, bytes, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return; /* nobody looks any more */
        bytes += written;
        n -= (size_t)written;
    }
}

void
terminal_follow_size(int from, int to)
{
    struct winsize ours, theirs;
    if (ioctl(from, TIOCGWINSZ, &ours) == 0 && ours.ws_col > 0 &&
        ioctl(to, TIOCGWINSZ, &theirs) == 0 && memcmp(&ours, &theirs, sizeof ours) != 0)
        ioctl(to, TIOCSWINSZ, &ours);
}
