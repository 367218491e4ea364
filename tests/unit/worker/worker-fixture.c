/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker-fixture.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"

/* A test that waits longer than this fails instead of hanging. */
#define PATIENCE_S 60

void
talk_open(Talk *talk, int fd)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), ==, 0);
    *talk = (Talk){.fd = fd, .in = g_byte_array_new()};
}

void
talk_close(Talk *talk)
{
    if (talk->fd >= 0)
        close(talk->fd);
    talk->fd = -1;
    g_clear_pointer(&talk->in, g_byte_array_unref);
}

void
say_bytes(Talk *talk, gconstpointer bytes, gsize n)
{
    g_assert_cmpint(send(talk->fd, bytes, n, MSG_NOSIGNAL), ==, (gssize)n);
}

void
say(Talk *talk, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *json = g_strdelimit(g_strdup_vprintf(format, args), "'", '"');
    va_end(args);
    g_autoptr(GByteArray) frame = g_byte_array_new();
    frame_put(frame, json, strlen(json), NULL, 0);
    say_bytes(talk, frame->data, frame->len);
}

JsonObject *
hear(Talk *talk)
{
    for (;;) {
        JsonObject *message = NULL;
        g_autoptr(GError) error = NULL;
        guint8 bytes[4096];
        int got = frame_next(talk->in, &talk->at, &message, &error);
        g_assert_no_error(error);
        if (got == 1)
            return message;
        ssize_t n = recv(talk->fd, bytes, sizeof bytes, 0);
        if (n < 0)
            g_assert_cmpint(errno, ==, ECONNRESET);
        if (n <= 0)
            return NULL;
        g_byte_array_append(talk->in, bytes, (guint)n);
    }
}

static char *
to_text(JsonObject *message)
{
    if (message == NULL)
        return g_strdup("the end");
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), message);
    return g_strdelimit(json_to_text(node), "\"", '\'');
}

JsonObject *
hear_type(Talk *talk, const char *type)
{
    g_autoptr(JsonObject) message = hear(talk);
    g_autofree char *text = to_text(message);
    if (message == NULL || !message_is(message, type))
        g_error("waited for %s, heard %s", type, text);
    return g_steal_pointer(&message);
}

void
assert_hears(Talk *talk, const char *expected)
{
    g_autoptr(JsonObject) message = hear(talk);
    g_autofree char *text = to_text(message);
    g_assert_cmpstr(text, ==, expected);
}

/* ---- The worker ---- */

void
worker_open(Worker *worker, gconstpointer unused)
{
    (void)unused;
    g_autofree char *program = g_test_build_filename(G_TEST_BUILT, "core", "pegbox-worker", NULL);
    char *argv[] = {program, NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];
    worker->dir = g_dir_make_tmp("pegbox-test-XXXXXX", NULL);
    g_assert_nonnull(worker->dir);
    /* A worker that is killed leaves its socket's directory there. */
    g_setenv("XDG_RUNTIME_DIR", worker->dir, TRUE);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 3);
    g_assert_cmpint(posix_spawn(&worker->pid, program, &actions, NULL, argv, environ), ==, 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    talk_open(&worker->talk, ends[0]);
}

void
worker_close(Worker *worker, gconstpointer unused)
{
    (void)unused;
    talk_close(&worker->talk);
    if (worker->pid > 0)
        worker_wait(worker);
    g_assert_true(checkpoint_remove(worker->dir, NULL));
    g_free(worker->dir);
}

int
worker_wait(Worker *worker)
{
    int status;
    g_assert_cmpint(waitpid(worker->pid, &status, 0), ==, worker->pid);
    worker->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void
worker_set_up(Worker *worker, const char *path, const char *name, const char *options,
              const char *metrics)
{
    g_autoptr(JsonObject) hello = hear_type(&worker->talk, "hello");
    g_assert_cmpint(message_get_int(hello, "protocol", 0), ==, 1);
    g_assert_cmpint(message_get_int(hello, "pid", 0), ==, worker->pid);
    g_assert_nonnull(message_get_string(hello, "hostname"));
    g_assert_nonnull(message_get_string(hello, "node_ip"));
    say(&worker->talk,
        "{'type':'setup','path':'%s','kind':'trainable','name':'%s','options':%s,"
        "'experiment_name':'e','metrics':[%s],'seed':7,'parameters':['x'],'base_dir':'/'}",
        path, name, options, metrics);
}

gboolean
worker_set_up_exec(Worker *worker, const char *options, const char *metrics)
{
    g_autofree char *path =
        g_test_build_filename(G_TEST_BUILT, "plugins", "trainable", "exec.so", NULL);
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_test_skip("trainable/exec is not built");
        return FALSE;
    }
    worker_set_up(worker, path, "exec", options, metrics);
    assert_hears(&worker->talk, "{'type':'ready'}");
    return TRUE;
}

void
worker_run(Worker *worker, guint trial, guint attempt, const char *more)
{
    say(&worker->talk,
        "{'type':'run','trial':%u,'attempt':%u,'id':'id_%u','name':'n','tag':'','dir':'%s',"
        "'cwd':'%s'%s}",
        trial, attempt, trial, worker->dir, worker->dir, more);
}

void
talk_connect(Talk *talk, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    talk_open(talk, fd);
}

char *
worker_begin_program(Worker *worker, const char *metrics, const char *more)
{
    if (!worker_set_up_exec(
            worker, "{'command': ['/bin/sh', '-c', 'echo $PEGBOX_SOCKET; exec sleep 1000']}",
            metrics))
        return NULL;
    worker_run(worker, 1, 1, more);
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    g_autoptr(JsonObject) line = hear_type(&worker->talk, "line");
    const char *address = message_get_string(line, "text");
    g_assert_true(g_str_has_prefix(address, "unix:/"));
    return g_strdup(address + strlen("unix:"));
}
