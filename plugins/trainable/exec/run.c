/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One program, from its start to its end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "exec-private.h"

/* Ends of the program's output. */
typedef struct ends {
    int read[2]; /* stdout, stderr */
    int write[2];
    char terminal[64]; /* "": stdout is a pipe */
} ends;

static void
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
open_terminal(ends *made)
{
    struct termios modes;
    struct winsize size = {.ws_row = 24, .ws_col = 200};
    made->read[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (made->read[0] < 0 || grantpt(made->read[0]) != 0 || unlockpt(made->read[0]) != 0)
        return -1;
    int code = ptsname_r(made->read[0], made->terminal, sizeof made->terminal);
    if (code != 0) {
        errno = code;
        return -1;
    }
    if (tcgetattr(made->read[0], &modes) == 0) {
        cfmakeraw(&modes);
        modes.c_lflag |= ISIG;
        tcsetattr(made->read[0], TCSANOW, &modes);
    }
    ioctl(made->read[0], TIOCSWINSZ, &size);
    return 0;
}

static void
ends_close(ends *made)
{
    for (int i = 0; i < 2; i++) {
        close_fd(&made->read[i]);
        close_fd(&made->write[i]);
    }
}

static pbx_status
ends_open(ends *made, int pty, pbx_error *error)
{
    *made = (ends){.read = {-1, -1}, .write = {-1, -1}};
    if ((pty ? open_terminal(made) : open_pipe(made, 0)) == 0 && open_pipe(made, 1) == 0)
        return PBX_OK;
    snprintf(error->message, sizeof error->message, "cannot make a %s for the program's output: %s",
             pty ? "terminal" : "pipe", strerror(errno));
    ends_close(made);
    return PBX_EIO;
}

static pbx_status
start_program(run *now, const command *command, ends *output, pbx_error *error)
{
    pbx_instance *self = now->self;
    int stage = SPAWN_FORK;
    spawn_request request = {.path = command->path,
                             .cwd = command->cwd,
                             .argv = command->argv,
                             .env = command->env,
                             .in = self->null_fd,
                             .out = output->write[0],
                             .err = output->write[1],
                             .terminal = output->terminal[0] != '\0' ? output->terminal : NULL,
                             .handled = self->handled};
    now->pid = spawn_program(&request, &stage);
    if (now->pid < 0) {
        pbx_status status = command_fail(command, stage, errno, error);
        program_cache_clear(&self->cache);
        return status;
    }
    now->pidfd = pidfd_open(now->pid, 0);
    if (now->pidfd < 0) {
        snprintf(error->message, sizeof error->message, "cannot watch the program: %s",
                 strerror(errno));
        kill(-now->pid, SIGKILL);
        waitpid(now->pid, NULL, 0);
        return PBX_EIO;
    }
    self->session->program_started(self->host, now->pid);
    return PBX_OK;
}

static pbx_status
run_command(run *now, const command *command, const char *source, pbx_error *error)
{
    ends output;
    pbx_status status = ends_open(&output, now->self->options.pty, error);
    if (status != PBX_OK)
        return status;
    follow_init(&now->follow, now, source);
    status = start_program(now, command, &output, error);
    if (status != PBX_OK) {
        ends_close(&output);
        follow_end(&now->follow, now);
        return status;
    }
    for (int i = 0; i < 2; i++) {
        close_fd(&output.write[i]);
        stream_init(&now->streams[i], now, output.read[i], i);
    }
    loop_run(now);
    close_fd(&now->pidfd);
    return verdict(now, error);
}

pbx_status
program_run(pbx_instance *self, pbx_error *error)
{
    const pbx_session_info *info = self->session->info(self->host);
    const char *source = NULL;
    command command;
    pbx_status status = files_write(self, info, error);
    if (status != PBX_OK)
        return status;
    if (self->options.source == SOURCE_FILE) {
        source = self->templates->text(self->host, "source", NULL, error);
        if (source == NULL)
            return PBX_EINVAL;
    }
    status = command_make(self, info, &command, error);
    /* It is large: texts of the last output. */
    run *now = calloc(1, sizeof *now);
    if (status == PBX_OK && now != NULL) {
        now->self = self;
        now->info = info;
        now->pidfd = -1;
        now->term_at_ns = now->kill_at_ns = INT64_MAX;
        status = reader_init(&now->reader, self, info, error);
        if (status == PBX_OK)
            status = run_command(now, &command, source, error);
        reader_clear(&now->reader);
        follow_clear(&now->follow);
    } else if (status == PBX_OK) {
        snprintf(error->message, sizeof error->message, "no memory");
        status = PBX_ENOMEM;
    }
    command_clear(&command);
    free(now);
    return status;
}
