/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking a driver, and who may write an experiment's store. */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define REQUEST_TEST(PATH, FUNCTION)                                                               \
    g_test_add(PATH, Fixture, NULL, fixture_set_up, FUNCTION, fixture_tear_down)

/* ---- The lock ---- */

static void
test_exclusive(Fixture *f, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    g_autofree char *driver = lock_driver(f->dir);
    g_autofree char *own = g_strdup_printf("%s %d", g_get_host_name(), (int)getpid());
    g_autofree char *told =
        g_strdup_printf("%s is being run already, by process %d on %s; `pegbox stop` ends that",
                        f->dir, (int)getpid(), g_get_host_name());
    g_assert_cmpstr(driver, ==, own);
    g_assert_null(lock_take(f->dir, &error));
    g_assert_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_DRIVEN);
    g_assert_cmpstr(error->message, ==, told);
    g_assert_cmpint(request_error_status(error), ==, 2);
    g_clear_error(&error);
    g_assert_null(lock_share(f->dir, &error));
    g_assert_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_DRIVEN);
    g_clear_pointer(&f->lock, lock_release);
    g_assert_null(lock_driver(f->dir));
}

static gpointer
take_lock(gpointer dir)
{
    return lock_take(dir, NULL);
}

static void
test_shared(Fixture *f, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    g_clear_pointer(&f->lock, lock_release);
    PbxLock *one = lock_share(f->dir, &error);
    g_assert_no_error(error);
    PbxLock *two = lock_share(f->dir, &error);
    g_assert_no_error(error);
    g_assert_null(lock_driver(f->dir)); /* those are none */
    GThread *thread = g_thread_new("driver", take_lock, f->dir);
    lock_release(one);
    g_usleep(50000); /* it waits for the other one; where it does not, it has nothing to return */
    lock_release(two);
    f->lock = g_thread_join(thread);
    g_assert_nonnull(f->lock);
}

/* What a killed driver left in the file is nobody's name. */
static void
test_stale_name(Fixture *f, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(f->dir, "experiment.lock", NULL);
    g_clear_pointer(&f->lock, lock_release);
    g_assert_true(g_file_set_contents(path, "elsewhere 1\n", -1, NULL));
    g_assert_null(lock_driver(f->dir));
    f->lock = lock_take(f->dir, &error);
    g_assert_no_error(error);
}

/* ---- Asking ---- */

static void
test_answered(Fixture *f, gconstpointer unused)
{
    (void)unused;
    Client client;
    fixture_open(f);
    client_start(&client, f, "stop", 60);
    fixture_turn_until(f, 1);
    PbxRequest *request = f->taken->pdata[0];
    g_assert_cmpstr(request_name(request), ==, "stop");
    g_assert_cmpstr(json_object_get_string_member(request_object(request), "from"), ==, "client");
    g_assert_cmpint(json_object_get_int_member(request_object(request), "version"), ==, 1);
    JsonObject *answer = json_object_new();
    json_object_set_int_member(answer, "trial", 7);
    g_assert_true(request_answer(request, answer));
    client_wait(&client);
    g_assert_no_error(client.error);
    JsonObject *object = json_node_get_object(client.answer);
    g_assert_true(json_object_get_boolean_member(object, "ok"));
    g_assert_cmpint(json_object_get_int_member(object, "trial"), ==, 7);
    client_clear(&client);
    g_autoptr(GPtrArray) files = fixture_files(f);
    g_assert_cmpint(files->len, ==, 0);
}

static void
test_refused(Fixture *f, gconstpointer unused)
{
    (void)unused;
    Client client;
    fixture_open(f);
    client_start(&client, f, "stop", 60);
    fixture_turn_until(f, 1);
    request_refuse(f->taken->pdata[0], "no such\ntrial");
    client_wait(&client);
    g_assert_error(client.error, PBX_REQUEST_ERROR, REQUEST_ERROR_REFUSED);
    g_assert_cmpstr(client.error->message, ==, "no such trial");
    client_clear(&client);
}

/* Each gets its own answer, in whichever order. */
static void
test_two_at_once(Fixture *f, gconstpointer unused)
{
    (void)unused;
    Client clients[2];
    fixture_open(f);
    client_start(&clients[0], f, "a", 60);
    client_start(&clients[1], f, "b", 60);
    fixture_turn_until(f, 2);
    for (guint i = 2; i-- > 0;) {
        PbxRequest *request = f->taken->pdata[i];
        JsonObject *answer = json_object_new();
        json_object_set_string_member(answer, "to", request_name(request));
        request_answer(request, answer);
    }
    for (guint i = 0; i < 2; i++) {
        client_wait(&clients[i]);
        g_assert_no_error(clients[i].error);
        g_assert_cmpstr(
            json_object_get_string_member(json_node_get_object(clients[i].answer), "to"), ==,
            clients[i].name);
        client_clear(&clients[i]);
    }
}

/* One that is no longer waited for is not wanted, and its answer stays nowhere. */
static void
test_timeout(Fixture *f, gconstpointer unused)
{
    (void)unused;
    Client client;
    fixture_open(f);
    client_start(&client, f, "ask", 0.05);
    client_wait(&client);
    g_assert_error(client.error, PBX_REQUEST_ERROR, REQUEST_ERROR_TIMEOUT);
    client_clear(&client);
    if (f->taken->len > 0)
        g_assert_false(request_answer(f->taken->pdata[0], NULL));
    g_autoptr(GPtrArray) files = fixture_files(f);
    g_assert_cmpint(files->len, ==, 0);
}

/* A request that went away without an answer is not waited for without end. */
static void
test_taken_away(Fixture *f, gconstpointer unused)
{
    (void)unused;
    Client client;
    g_autofree char *folder = g_build_filename(f->dir, "requests", NULL);
    g_assert_cmpint(g_mkdir(folder, 0777), ==, 0);
    client_start(&client, f, "ask", 0.05);
    g_autoptr(GPtrArray) files = fixture_files(f);
    /* Until it has its final name. */
    while ((files->len == 0 || ((const char *)files->pdata[0])[0] == '.') &&
           g_atomic_int_get(&client.done) == 0) {
        g_ptr_array_unref(files);
        files = fixture_files(f);
    }
    for (guint i = 0; i < files->len; i++) {
        g_autofree char *path = g_build_filename(folder, files->pdata[i], NULL);
        g_remove(path);
    }
    client_wait(&client);
    g_assert_error(client.error, PBX_REQUEST_ERROR, REQUEST_ERROR_TIMEOUT);
    client_clear(&client);
}

/* A driver that is killed may have done what it was asked for. */
static void
test_driver_dies(Fixture *f, gconstpointer unused)
{
    (void)unused;
    Client client;
    int pipe_fds[2];
    char byte;
    g_clear_pointer(&f->lock, lock_release);
    g_autofree char *folder = g_build_filename(f->dir, "requests", NULL);
    g_assert_cmpint(g_mkdir(folder, 0777), ==, 0);
    g_assert_cmpint(pipe(pipe_fds), ==, 0);
    pid_t child = fork();
    if (child == 0) {
        PbxLock *lock = lock_take(f->dir, NULL);
        if (lock == NULL || write(pipe_fds[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    g_assert_cmpint(read(pipe_fds[0], &byte, 1), ==, 1);
    client_start(&client, f, "ask", -1);
    fixture_turn_until_files(f, 1);
    kill(child, SIGKILL);
    client_wait(&client);
    g_assert_error(client.error, PBX_REQUEST_ERROR, REQUEST_ERROR_GONE);
    g_assert_cmpint(request_error_status(client.error), ==, 4);
    client_clear(&client);
    g_autoptr(GPtrArray) files = fixture_files(f);
    g_assert_cmpint(files->len, ==, 0);
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

/* One that ends in good order, and did not see the request, has not. */
static void
test_driver_ends(Fixture *f, gconstpointer unused)
{
    (void)unused;
    Client client;
    fixture_open(f);
    requests_close(g_steal_pointer(&f->requests), "over");
    client_start(&client, f, "ask", -1);
    fixture_turn_until_files(f, 1);
    g_clear_pointer(&f->lock, lock_release);
    client_wait(&client);
    g_assert_error(client.error, PBX_REQUEST_ERROR, REQUEST_ERROR_NO_DRIVER);
    client_clear(&client);
}

static void
test_driver_closes(Fixture *f, gconstpointer unused)
{
    (void)unused;
    Client client;
    fixture_open(f);
    client_start(&client, f, "ask", -1);
    fixture_turn_until(f, 1);
    requests_close(g_steal_pointer(&f->requests), "it is over");
    client_wait(&client);
    g_assert_error(client.error, PBX_REQUEST_ERROR, REQUEST_ERROR_REFUSED);
    g_assert_cmpstr(client.error->message, ==, "it is over");
    client_clear(&client);
}

static void
test_no_driver(Fixture *f, gconstpointer unused)
{
    (void)unused;
    Client client;
    g_clear_pointer(&f->lock, lock_release);
    client_start(&client, f, "ask", -1);
    client_wait(&client);
    g_assert_error(client.error, PBX_REQUEST_ERROR, REQUEST_ERROR_NO_DRIVER);
    client_clear(&client);
}

/* Whoever has read its answer has not given up, though its request may be gone already. */
static void
test_answers_arrive(Fixture *f, gconstpointer unused)
{
    (void)unused;
    fixture_open(f);
    for (guint i = 0; i < 200; i++) {
        Client client;
        client_start(&client, f, "ask", 60);
        fixture_turn_until(f, i + 1);
        g_assert_true(request_answer(f->taken->pdata[i], NULL));
        client_wait(&client);
        g_assert_no_error(client.error);
        client_clear(&client);
    }
}

/* A driver that cannot start lets its lock go again, and never has a folder. */
static void
test_driver_never_began(Fixture *f, gconstpointer unused)
{
    (void)unused;
    Client client;
    client_start(&client, f, "ask", -1);
    /* It looks for the folder meanwhile; where it has not begun yet the outcome is the same. */
    g_usleep(50 * 1000);
    g_clear_pointer(&f->lock, lock_release);
    client_wait(&client);
    g_assert_error(client.error, PBX_REQUEST_ERROR, REQUEST_ERROR_NO_DRIVER);
    client_clear(&client);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    REQUEST_TEST("/request/lock/exclusive", test_exclusive);
    REQUEST_TEST("/request/lock/shared", test_shared);
    REQUEST_TEST("/request/lock/stale-name", test_stale_name);
    REQUEST_TEST("/request/ask/answered", test_answered);
    REQUEST_TEST("/request/ask/refused", test_refused);
    REQUEST_TEST("/request/ask/two-at-once", test_two_at_once);
    REQUEST_TEST("/request/ask/timeout", test_timeout);
    REQUEST_TEST("/request/ask/taken-away", test_taken_away);
    REQUEST_TEST("/request/ask/driver-dies", test_driver_dies);
    REQUEST_TEST("/request/ask/driver-ends", test_driver_ends);
    REQUEST_TEST("/request/ask/driver-closes", test_driver_closes);
    REQUEST_TEST("/request/ask/no-driver", test_no_driver);
    REQUEST_TEST("/request/ask/answers-arrive", test_answers_arrive);
    REQUEST_TEST("/request/ask/driver-never-began", test_driver_never_began);
    return g_test_run();
}
