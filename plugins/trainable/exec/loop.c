/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The poll loop of a running program: its output, its reports, the driver, its end. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exec-private.h"

#define FOLLOW_MS 100
/* How often one looks whether the program was stopped by Ctrl-Z. */
#define TERMINAL_MS 100
/* A program that lives this long is worth a message of its own with its pid. */
#define PID_MS 50
/* What a program's children may go on to write after it has ended. */
#define LINGER_NS INT64_C(250000000)

enum { FD_OUT, FD_ERR, FD_PROGRAM, FD_SESSION, FD_PROTOCOL, N_FDS };

static int64_t
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* `seconds` later; an option may say more than a clock can hold. */
static int64_t
later(int64_t at, double seconds)
{
    const double most = 1e9; /* 30 years */
    return at + (int64_t)((seconds < most ? seconds : most) * 1e9);
}

/* To all of the program's processes that have not left its group. */
static void
signal_group(const run *to, int number)
{
    kill(-to->pid, number);
    if (number == SIGTERM)
        kill(-to->pid, SIGCONT); /* one that is stopped would not hear it */
}

static void
begin_stop(run *now, int64_t at)
{
    double wait_s = now->protocol_reports > 0 ? now->self->options.answer_s : 0;
    now->stop = 1;
    now->term_at_ns = later(at, wait_s);
}

/* The time to end begins anew once a checkpoint is made. */
static void
wait_for_save(run *now, int saving)
{
    if ((saving || now->saving) && now->stop && now->term_at_ns != INT64_MAX)
        begin_stop(now, now_ns());
    now->saving = saving;
}

/* Does what is due; milliseconds until the next, -1: nothing is. */
static int
keep_times(run *now)
{
    int64_t at = now_ns();
    if (now->reader.stop && !now->stop)
        begin_stop(now, at);
    if (now->reader.status < 0 && now->kill_at_ns == INT64_MAX)
        now->kill_at_ns = at;
    /* A checkpoint that is being made has its time. */
    if (now->term_at_ns <= at && !now->saving) {
        signal_group(now, SIGTERM);
        now->term_at_ns = INT64_MAX;
        now->kill_at_ns = later(at, now->self->options.grace_s);
    }
    if (now->kill_at_ns <= at) {
        signal_group(now, SIGKILL);
        now->kill_at_ns = INT64_MAX - 1;
    }
    int64_t term_at = now->saving ? INT64_MAX : now->term_at_ns;
    int64_t next = term_at < now->kill_at_ns ? term_at : now->kill_at_ns;
    if (next >= INT64_MAX - 1)
        return -1;
    int64_t ms = (next - at) / 1000000 + 1;
    return ms < 60000 ? (int)ms : 60000;
}

static void
take_answer(run *now)
{
    pbx_answer answer = {.struct_size = sizeof answer};
    pbx_status status = now->self->session->poll(now->self->host, &answer);
    if (status < 0)
        reader_fail(&now->reader, status, "the driver is gone");
    if (answer.stop != 0 && !now->stop)
        begin_stop(now, now_ns());
    wait_for_save(now, answer.saving != 0);
}

static void
take_protocol(run *now)
{
    pbx_error error = {.where = "", .message = ""};
    uint64_t n = now->protocol_reports;
    int64_t begun_ns = now_ns();
    pbx_status status = now->self->session->program_step(now->self->host, &n, &error);
    now->protocol_reports = n;
    if (status < 0)
        reader_fail(&now->reader, status, error.message);
    if (now->term_at_ns < INT64_MAX / 2)
        now->term_at_ns += now_ns() - begun_ns; /* it could not have ended meanwhile */
    take_answer(now);                           /* a report may have been answered by "stop" */
}

/* Ctrl-Z stops the program; then pegbox stops with it, and the shell has the terminal. The next
 * look comes when the shell lets pegbox go on, or at once where nobody stops it. */
static void
suspend(run *now)
{
    terminal_take(&now->modes);
    now->suspended = 1;
    kill(0, SIGTSTP);
}

static void
look_after_terminal(run *now)
{
    siginfo_t how = {.si_pid = 0};
    for (int i = FD_OUT; i <= FD_ERR; i++)
        if (now->streams[i].fd >= 0)
            terminal_follow_size(i == FD_OUT ? STDOUT_FILENO : STDERR_FILENO, now->streams[i].fd);
    if (now->suspended && terminal_is_ours()) {
        now->suspended = 0;
        terminal_give(now->pid);
        kill(-now->pid, SIGCONT);
    } else if (!now->suspended && waitid(P_PID, (id_t)now->pid, &how, WSTOPPED | WNOHANG) == 0 &&
               how.si_pid != 0) {
        suspend(now);
    }
}

static void
take_exit(run *now)
{
    siginfo_t how = {.si_pid = 0};
    if (waitid(P_PID, (id_t)now->pid, &how, WEXITED | WNOHANG) == 0 && how.si_pid != 0)
        now->how = how;
}

static int
is_ready(const struct pollfd *fd)
{
    return fd->fd >= 0 && (fd->revents & (POLLIN | POLLHUP | POLLERR)) != 0;
}

static void
fill_fds(const run *now, struct pollfd *fds)
{
    fds[FD_OUT].fd = now->streams[0].fd;
    fds[FD_ERR].fd = now->streams[1].fd;
    fds[FD_PROGRAM].fd = now->pidfd;
    /* Once it has failed it is killed, whatever they say: a driver that is gone would be heard
     * again and again until the program has ended. */
    int has_failed = now->reader.status < 0;
    fds[FD_SESSION].fd = has_failed ? -1 : now->self->session->poll_fd(now->self->host);
    fds[FD_PROTOCOL].fd = has_failed ? -1 : now->self->session->program_fd(now->self->host);
    for (int i = 0; i < N_FDS; i++) {
        fds[i].events = POLLIN;
        fds[i].revents = 0;
    }
}

static int
least(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static void
one_turn(run *now, int *told_pid)
{
    struct pollfd fds[N_FDS];
    int timeout = keep_times(now);
    if (now->follow.path != NULL)
        timeout = least(timeout, FOLLOW_MS);
    if (!*told_pid)
        timeout = least(timeout, PID_MS);
    if (now->has_terminal)
        timeout = least(timeout, TERMINAL_MS);
    fill_fds(now, fds);
    int n = poll(fds, N_FDS, timeout);
    if (n == 0 && now->has_terminal)
        look_after_terminal(now);
    if (n == 0 && !*told_pid) {
        take_answer(now); /* sends what waits, the pid */
        *told_pid = 1;
    }
    if (is_ready(&fds[FD_OUT]))
        stream_read(&now->streams[0]);
    if (is_ready(&fds[FD_ERR]))
        stream_read(&now->streams[1]);
    follow_read(&now->follow, now);
    if (is_ready(&fds[FD_PROTOCOL]))
        take_protocol(now);
    if (is_ready(&fds[FD_SESSION]))
        take_answer(now);
    if (is_ready(&fds[FD_PROGRAM]))
        take_exit(now);
}

/* What is still in the pipes, and what the program's children yet write. */
static void
drain_output(run *now)
{
    int64_t end = now_ns() + LINGER_NS, left = LINGER_NS;
    struct pollfd fds[N_FDS];
    while ((now->streams[0].fd >= 0 || now->streams[1].fd >= 0) && left > 0) {
        fill_fds(now, fds);
        int n = poll(fds, FD_ERR + 1, (int)(left / 1000000));
        if (n == 0 || (n < 0 && errno != EINTR))
            break;
        for (int i = FD_OUT; i <= FD_ERR; i++)
            if (is_ready(&fds[i]))
                stream_read(&now->streams[i]);
        left = end - now_ns();
    }
}

/* What it said over PEGBOX_SOCKET before it ended; a child of it may never end to speak. */
static void
drain_protocol(run *now)
{
    int64_t end = now_ns() + LINGER_NS;
    struct pollfd fds[N_FDS];
    fill_fds(now, fds);
    while (now->reader.status >= 0 && fds[FD_PROTOCOL].fd >= 0 && now_ns() < end &&
           poll(&fds[FD_PROTOCOL], 1, 0) > 0)
        take_protocol(now);
}

void
loop_run(run *now)
{
    int told_pid = 0;
    while (now->how.si_pid == 0)
        one_turn(now, &told_pid);
    drain_protocol(now);
    drain_output(now);
    for (int i = 0; i < 2; i++)
        stream_end(&now->streams[i]);
    follow_end(&now->follow, now);
}
