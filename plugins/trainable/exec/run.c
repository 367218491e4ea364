/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One program, from its start to its end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec-private.h"

static pbx_status
start_program(run *now, const command *command, ends *output, pbx_error *error)
{
    pbx_instance *self = now->self;
    int stage = SPAWN_FORK;
    spawn_request request = {.path = command->path,
                             .cwd = command->cwd,
                             .argv = command->argv,
                             .env = command->env,
                             .in = now->has_terminal ? STDIN_FILENO : self->null_fd,
                             .out = output->write[0],
                             .err = output->write[1],
                             .terminal = output->terminal[0] != '\0' ? output->terminal : NULL,
                             .stays = now->has_terminal,
                             .foreground = now->has_terminal && terminal_is_ours(),
                             .handled = self->handled};
    now->pid = spawn_program(&request, &stage);
    if (now->pid < 0) {
        pbx_status status = command_fail(command, stage, errno, error);
        program_cache_clear(&self->cache);
        return status;
    }
    now->pidfd = pidfd_open(now->pid, 0);
    if (now->pidfd < 0) {
        const int code = errno;
        snprintf(error->message, sizeof error->message, "cannot watch the program: %s",
                 strerror(code));
        kill(-now->pid, SIGKILL);
        waitpid(now->pid, NULL, 0);
        return files_status(code);
    }
    self->session->program_started(self->host, now->pid);
    return PBX_OK;
}

static pbx_status
run_command(run *now, const command *command, const char *source, pbx_error *error)
{
    ends output;
    pbx_status status = ends_open(&output, now->self->options.pty, now->has_terminal, error);
    if (status != PBX_OK)
        return status;
    follow_init(&now->follow, now, source);
    terminal_save(&now->modes);
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
    if (now->has_terminal)
        terminal_take(&now->modes);
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
        now->has_terminal = (info->flags & PBX_SESSION_TERMINAL) != 0;
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
