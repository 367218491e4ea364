/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* executor/local, with shell scripts in the place of workers. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pegbox/draft/executor.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

/* A test that waits longer than this fails instead of hanging. */
#define PATIENCE_US (60 * G_USEC_PER_SEC)

/* ---- The host's side ---- */

/* Posts come from a thread of the plugin's. */
static GAsyncQueue *posts;

static void
keep_post(const pbx_host *host G_GNUC_UNUSED, const pbx_post *post)
{
    char *text = post->type == PBX_POST_STARTED
                     ? g_strdup_printf("%s started %s", post->name, post->handle)
                     : g_strdup_printf("%s exited %d %d: %s", post->name, post->code, post->signal,
                                       post->why);
    g_async_queue_push(posts, text);
}

static const pbx_events events = {.struct_size = sizeof(pbx_events), .post = keep_post};

/* The next post; (transfer full) */
static char *
next_post(void)
{
    char *text = g_async_queue_timeout_pop(posts, PATIENCE_US);
    g_assert_nonnull(text);
    return text;
}

static void
assert_post(const char *expected)
{
    g_autofree char *text = next_post();
    g_assert_cmpstr(text, ==, expected);
}

static PbxTestHost *
local_new(void)
{
    PbxTestHost *host = test_host_new("{}");
    const pbx_executor *executor = host->vtable;
    g_assert_cmpint(executor->open(host->self, &host->error), ==, PBX_OK);
    return host;
}

static const char *const plain_env[] = {"PATH=/usr/bin:/bin", "A=b", NULL};

static pbx_status
launch(PbxTestHost *host, const char *name, const char *script, pbx_launch *more)
{
    const pbx_executor *executor = host->vtable;
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    pbx_launch start = more != NULL ? *more : (pbx_launch){.channel = -1, .grace_s = 60};
    start.struct_size = sizeof start;
    start.name = name;
    start.argv = argv;
    start.env = plain_env;
    start.cwd = host->session.dir;
    return executor->start(host->self, &start, &host->error);
}

/* Starts it; its pid. */
static pid_t
start(PbxTestHost *host, const char *name, const char *script, pbx_launch *more)
{
    g_assert_cmpint(launch(host, name, script, more), ==, PBX_OK);
    g_autofree char *text = next_post();
    g_autofree char *prefix = g_strdup_printf("%s started ", name);
    g_assert_true(g_str_has_prefix(text, prefix));
    return (pid_t)g_ascii_strtoll(text + strlen(prefix), NULL, 10);
}

static void
stop(PbxTestHost *host, const char *name, guint32 how)
{
    const pbx_executor *executor = host->vtable;
    g_assert_cmpint(executor->stop(host->self, name, how, &host->error), ==, PBX_OK);
}

static char *
read_file(PbxTestHost *host, const char *name)
{
    g_autofree char *path = g_build_filename(host->session.dir, name, NULL);
    char *content = NULL;
    return g_file_get_contents(path, &content, NULL, NULL) ? content : NULL;
}

static void
wait_for_file(PbxTestHost *host, const char *name)
{
    for (gint64 end = g_get_monotonic_time() + PATIENCE_US;;) {
        g_autofree char *content = read_file(host, name);
        if (content != NULL && content[0] != '\0')
            return;
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(5000);
    }
}

/* The pid that a script has written. */
static pid_t
read_pid(PbxTestHost *host, const char *name)
{
    wait_for_file(host, name);
    g_autofree char *content = read_file(host, name);
    return (pid_t)g_ascii_strtoll(content, NULL, 10);
}

/* Not even a zombie is left. */
static void
wait_gone(pid_t pid)
{
    for (gint64 end = g_get_monotonic_time() + PATIENCE_US; kill(pid, 0) == 0;) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(5000);
    }
}

static void
assert_no_children(void)
{
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
    g_assert_cmpint(errno, ==, ECHILD);
}

/* ---- Ends ---- */

static void
test_exit(void)
{
    g_autoptr(PbxTestHost) host = local_new();
    start(host, "w1", "exit 0", NULL);
    assert_post("w1 exited 0 0: exited with status 0");
    start(host, "w2", "exit 7", NULL);
    assert_post("w2 exited 7 0: exited with status 7");
    start(host, "w3", "kill -KILL $$", NULL);
    assert_post("w3 exited -1 9: was killed by signal 9 (Killed)");
    assert_no_children();
}

static void
test_cannot_start(void)
{
    g_autoptr(PbxTestHost) host = local_new();
    const pbx_executor *executor = host->vtable;
    const char *const argv[] = {"/no/such", NULL};
    pbx_launch start = {.struct_size = sizeof start,
                        .channel = -1,
                        .name = "w",
                        .argv = argv,
                        .env = plain_env,
                        .cwd = "/"};
    g_assert_cmpint(executor->start(host->self, &start, &host->error), ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.message, ==, "cannot start /no/such: No such file or directory");
    g_assert_cmpint(g_async_queue_length(posts), ==, 0);
    assert_no_children();
}

static void
test_same_name(void)
{
    g_autoptr(PbxTestHost) host = local_new();
    start(host, "w", "exec sleep 1000", NULL);
    g_assert_cmpint(launch(host, "w", "exit 5", NULL), ==, PBX_OK);
    g_assert_cmpint(g_async_queue_length(posts), ==, 0);
    stop(host, "w", PBX_STOP_KILL);
    assert_post("w exited -1 9: was killed by signal 9 (Killed)");
    /* Once it has gone the name is free. */
    start(host, "w", "exit 5", NULL);
    assert_post("w exited 5 0: exited with status 5");
}

/* ---- Stop ---- */

static void
test_stop_politely(void)
{
    g_autoptr(PbxTestHost) host = local_new();
    start(host, "w", "trap 'exit 3' TERM; echo >ready; while :; do sleep 0.01; done", NULL);
    wait_for_file(host, "ready");
    stop(host, "w", PBX_STOP_TERM);
    stop(host, "w", PBX_STOP_TERM);
    assert_post("w exited 3 0: exited with status 3");
    stop(host, "w", PBX_STOP_TERM);
    stop(host, "nobody", PBX_STOP_KILL);
}

static void
test_stop_in_the_end(void)
{
    g_autoptr(PbxTestHost) host = local_new();
    pbx_launch soon = {.channel = -1, .grace_s = 0.05};
    const char *deaf = "trap '' TERM; echo >ready; while :; do sleep 0.01; done";
    start(host, "w", deaf, &soon);
    wait_for_file(host, "ready");
    stop(host, "w", PBX_STOP_TERM);
    assert_post("w exited -1 9: was killed by signal 9 (Killed)");
    /* KILL waits for nothing, not even after TERM. */
    start(host, "v", deaf, NULL);
    stop(host, "v", PBX_STOP_TERM);
    stop(host, "v", PBX_STOP_KILL);
    g_autofree char *text = next_post();
    g_assert_true(g_str_has_prefix(text, "v exited -1 "));
}

/* ---- What a worker is given ---- */

static void
test_surroundings(void)
{
    g_autoptr(PbxTestHost) host = local_new();
    g_autofree char *out = g_build_filename(host->session.dir, "out", NULL);
    g_autofree char *err = g_build_filename(host->session.dir, "err", NULL);
    pbx_launch to_files = {.channel = -1, .out = out, .err = err};
    pid_t pid = start(host, "w",
                      "pwd; echo $A; cat; echo problem >&2; cut -d' ' -f6 /proc/$$/stat;"
                      "exec sed -n '/SigBlk/p' /proc/self/status",
                      &to_files);
    assert_post("w exited 0 0: exited with status 0");
    g_autofree char *expected =
        g_strdup_printf("%s\nb\n%d\nSigBlk:\t0000000000000000\n", host->session.dir, (int)pid);
    g_autofree char *first = read_file(host, "out");
    g_assert_cmpstr(first, ==, expected);
    start(host, "v", "echo more", &to_files);
    assert_post("v exited 0 0: exited with status 0");
    g_autofree char *second = read_file(host, "out");
    g_autofree char *both = g_strconcat(expected, "more\n", NULL);
    g_assert_cmpstr(second, ==, both);
    g_autofree char *problem = read_file(host, "err");
    g_assert_cmpstr(problem, ==, "problem\n");
}

/* `run --local`: the worker can be given the terminal. */
static void
test_shared_terminal(void)
{
    g_autoptr(PbxTestHost) host = local_new();
    g_autofree char *out = g_build_filename(host->session.dir, "out", NULL);
    pbx_launch shared = {.channel = -1, .out = out, .flags = PBX_LAUNCH_TERMINAL};
    start(host, "w", "cut -d' ' -f5,6 /proc/$$/stat; readlink /proc/$$/fd/0", &shared);
    assert_post("w exited 0 0: exited with status 0");
    g_autofree char *content = read_file(host, "out");
    g_autofree char *input = g_file_read_link("/proc/self/fd/0", NULL);
    g_autofree char *expected =
        g_strdup_printf("%d %d\n%s\n", (int)getpgrp(), (int)getsid(0), input);
    g_assert_cmpstr(content, ==, expected);
    shared.flags = 1u << 31;
    g_assert_cmpint(launch(host, "u", "exit 0", &shared), ==, PBX_ENOTSUP);
}

static void
test_channel(void)
{
    g_autoptr(PbxTestHost) host = local_new();
    int ends[2];
    char text[16] = "";
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
    pbx_launch with_channel = {.channel = ends[1]};
    start(host, "w", "echo hello >&3", &with_channel);
    close(ends[1]);
    g_assert_cmpint(recv(ends[0], text, sizeof text, MSG_WAITALL), ==, 6);
    g_assert_cmpstr(text, ==, "hello\n");
    assert_post("w exited 0 0: exited with status 0");
    close(ends[0]);
}

/* ---- Descendants ---- */

#define CHILDREN                                                                                   \
    "trap '' TERM HUP; sleep 1000 & echo $! >same; "                                               \
    "setsid sh -c 'echo $$ >other; exec sleep 1000' & "                                            \
    "(setsid sh -c 'echo $$ >far; sleep 1000; :' &); "

static void
test_descendants_die(void)
{
    static const char *const names[] = {"same", "other", "far"};
    g_autoptr(PbxTestHost) host = local_new();
    pid_t pids[3];
    pid_t worker = start(host, "w", CHILDREN "wait", NULL);
    for (guint i = 0; i < 3; i++)
        pids[i] = read_pid(host, names[i]);
    kill(worker, SIGKILL);
    assert_post("w exited -1 9: was killed by signal 9 (Killed)");
    for (guint i = 0; i < 3; i++)
        wait_gone(pids[i]);
    wait_gone(worker);
}

static void
test_others_live(void)
{
    g_autoptr(PbxTestHost) host = local_new();
    start(host, "w", "exec sleep 1000", NULL);
    pid_t other = start(host, "v", "exec sleep 1000", NULL);
    /* A child that other parts of this process have. */
    char *argv[] = {"sleep", "1000", NULL};
    GPid own;
    g_assert_true(g_spawn_async(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                                NULL, NULL, &own, NULL));
    stop(host, "w", PBX_STOP_KILL);
    assert_post("w exited -1 9: was killed by signal 9 (Killed)");
    g_assert_cmpint(waitpid(own, NULL, WNOHANG), ==, 0);
    g_assert_cmpint(kill(other, 0), ==, 0);
    stop(host, "v", PBX_STOP_KILL);
    assert_post("v exited -1 9: was killed by signal 9 (Killed)");
    g_assert_cmpint(waitpid(own, NULL, WNOHANG), ==, 0);
    kill(own, SIGKILL);
    g_assert_cmpint(waitpid(own, NULL, 0), ==, own);
}

static void
test_destroyed_while_they_run(void)
{
    PbxTestHost *host = local_new();
    pid_t worker = start(host, "w", CHILDREN "wait", NULL);
    pid_t far = read_pid(host, "far");
    test_host_free(host);
    g_assert_cmpint(kill(worker, 0), ==, -1);
    g_assert_cmpint(kill(far, 0), ==, -1);
    assert_no_children();
}

/* ---- Leaks ---- */

static void
test_nothing_leaks(void)
{
    guint before = test_count_descriptors();
    for (guint round = 0; round < 3; round++) {
        g_autoptr(PbxTestHost) host = local_new();
        for (guint i = 0; i < 20; i++) {
            start(host, "w", "exit 0", NULL);
            assert_post("w exited 0 0: exited with status 0");
        }
        assert_no_children();
    }
    /* What stands for a pidfd under valgrind has an end that is closed a little later. */
    for (guint i = 0; i < 500 && test_count_descriptors() > before; i++)
        g_usleep(10000);
    g_assert_cmpuint(test_count_descriptors(), <=, before);
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    posts = g_async_queue_new_full(g_free);
    test_host_add_service(PBX_EVENTS_ID, &events, NULL);
    g_test_add_func("/local/exit", test_exit);
    g_test_add_func("/local/cannot-start", test_cannot_start);
    g_test_add_func("/local/same-name", test_same_name);
    g_test_add_func("/local/stop/politely", test_stop_politely);
    g_test_add_func("/local/stop/in-the-end", test_stop_in_the_end);
    g_test_add_func("/local/surroundings", test_surroundings);
    g_test_add_func("/local/shared-terminal", test_shared_terminal);
    g_test_add_func("/local/channel", test_channel);
    g_test_add_func("/local/descendants/die", test_descendants_die);
    g_test_add_func("/local/descendants/others-live", test_others_live);
    g_test_add_func("/local/descendants/destroyed-while-they-run", test_destroyed_while_they_run);
    g_test_add_func("/local/nothing-leaks", test_nothing_leaks);
    int status = g_test_run();
    g_async_queue_unref(posts);
    return status;
}
