/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far a worker runs ahead of its driver, and for how long it gathers. */
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>

#include "worker-fixture.h"
#include "worker/process-private.h"

#define QUIET ",'out':'/dev/null'"
/* \u0027 in the script is an apostrophe. */
#define REPORT(LOSS)  "echo \\u0027{{\\\"loss\\\": " LOSS "}\\u0027; "
#define SH(SCRIPT)    "{'command': ['/bin/sh', '-c', '" SCRIPT "']}"
#define FOR_EVER      SH("while :; do " REPORT("1") "done")
#define MS            G_GINT64_CONSTANT(1000000)
#define NOTHING_COMES 50 /* ms that are waited for what must not come */

/* ---- Counting ---- */

static void
test_window_is_a_bound(void)
{
    PbxAhead ahead = {.window = 2, .max_ns = G_MAXINT64};
    ahead_report(&ahead, 1);
    ahead_report(&ahead, 2);
    g_assert_false(ahead_must_wait(&ahead, 3));
    ahead_report(&ahead, 3);
    g_assert_true(ahead_must_wait(&ahead, 3));
    ahead_answer(&ahead, 1);
    g_assert_false(ahead_must_wait(&ahead, 3));
    /* What was never said is not answered; an older answer takes nothing back. */
    ahead_answer(&ahead, 99);
    g_assert_cmpuint(ahead.acked, ==, 3);
    ahead_answer(&ahead, 2);
    g_assert_cmpuint(ahead.acked, ==, 3);
    ahead_clear(&ahead);
}

static void
test_lockstep(void)
{
    PbxAhead ahead = {.window = 0, .max_ns = G_MAXINT64};
    g_assert_false(ahead_must_wait(&ahead, 1));
    ahead_report(&ahead, 1);
    g_assert_true(ahead_must_wait(&ahead, 1));
    ahead_answer(&ahead, 1);
    g_assert_false(ahead_must_wait(&ahead, 1));
    ahead_clear(&ahead);
}

/* Through many lengths of the ring and all its growth, the oldest one counts. */
static void
test_age_of_the_oldest(void)
{
    PbxAhead ahead = {.window = 1000, .max_ns = 10 * MS};
    for (gint64 i = 1; i <= 500; i++) {
        ahead_report(&ahead, i * MS);
        gint64 oldest = MAX(1, i - 20 + 1);
        ahead_answer(&ahead, (guint64)oldest - 1);
        g_assert_false(ahead_must_wait(&ahead, oldest * MS + 10 * MS - 1));
        g_assert_true(ahead_must_wait(&ahead, oldest * MS + 10 * MS));
    }
    ahead_answer(&ahead, 500);
    g_assert_false(ahead_must_wait(&ahead, G_MAXINT64));
    ahead_clear(&ahead);
}

/* ---- A real worker ---- */

static void
assert_results(Worker *worker, guint first, guint last)
{
    for (guint n = first; n <= last; n++) {
        g_autoptr(JsonObject) result = hear_type(&worker->talk, "result");
        g_assert_cmpint(message_get_int(result, "n", 0), ==, n);
    }
}

static void
answer(Worker *worker, guint n, gboolean stop)
{
    say(&worker->talk, "{'type':'answer','trial':1,'attempt':1,'n':%u,'stop':%s}", n,
        stop ? "true" : "false");
}

static void
assert_ended(Worker *worker, const char *end)
{
    g_autoptr(JsonObject) ended = hear_type(&worker->talk, "ended");
    g_assert_cmpstr(message_get_string(ended, "end"), ==, end);
}

static void
assert_silent(Worker *worker)
{
    struct pollfd fd = {.fd = worker->talk.fd, .events = POLLIN};
    g_assert_cmpuint(worker->talk.at, ==, worker->talk.in->len);
    g_assert_cmpint(poll(&fd, 1, NOTHING_COMES), ==, 0);
}

/* Waits for a file that the program makes. */
static void
await_file(Worker *worker, const char *name)
{
    g_autofree char *path = g_build_filename(worker->dir, name, NULL);
    for (guint i = 0; !g_file_test(path, G_FILE_TEST_EXISTS); i++) {
        g_assert_cmpuint(i, <, 6000);
        g_usleep(10000);
    }
}

static void
make_file(Worker *worker, const char *name)
{
    g_autofree char *path = g_build_filename(worker->dir, name, NULL);
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
}

static void
test_waits_at_the_window(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(worker, FOR_EVER, "'loss'"))
        return;
    worker_run(worker, 1, 1, QUIET ",'window':3");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    assert_results(worker, 1, 4);
    assert_silent(worker);
    answer(worker, 2, FALSE);
    assert_results(worker, 5, 6);
    assert_silent(worker);
    /* While it waits it hears: nothing comes after a stop. */
    answer(worker, 3, TRUE);
    assert_ended(worker, "stopped");
}

static void
test_waits_for_the_oldest(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(worker, SH(REPORT("1") "sleep 0.3; " REPORT("2") REPORT("3")),
                            "'loss'"))
        return;
    worker_run(worker, 1, 1, QUIET ",'window':1000,'window_s':0.2");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    assert_results(worker, 1, 2);
    assert_silent(worker);
    answer(worker, 2, FALSE);
    assert_results(worker, 3, 3);
    assert_ended(worker, "done");
}

static void
test_stops_while_ahead(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(worker, FOR_EVER, "'loss'"))
        return;
    worker_run(worker, 1, 1, QUIET ",'window':100000000");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    assert_results(worker, 1, 2);
    answer(worker, 1, TRUE);
    for (;;) {
        g_autoptr(JsonObject) message = hear(&worker->talk);
        g_assert_nonnull(message);
        if (message_is(message, "result"))
            continue;
        g_assert_cmpstr(message_get_string(message, "end"), ==, "stopped");
        break;
    }
    assert_silent(worker);
}

static void
test_gathers(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(
            worker,
            SH(REPORT("1") REPORT("2") "touch said; until test -e go; do sleep 0.01; done; "),
            "'loss'"))
        return;
    worker_run(worker, 1, 1, QUIET ",'window':1000,'gather_s':1e6");
    await_file(worker, "said");
    assert_silent(worker);
    make_file(worker, "go");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    assert_results(worker, 1, 2);
    assert_ended(worker, "done");
}

/* What was gathered is sent in time though nothing more is said. */
static void
test_sends_what_it_gathered(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(worker, SH(REPORT("1") "exec sleep 1000"), "'loss'"))
        return;
    worker_run(worker, 1, 1, QUIET ",'window':1000,'gather_s':0.1");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    assert_results(worker, 1, 1);
    answer(worker, 1, TRUE);
    assert_ended(worker, "stopped");
}

static void
test_lockstep_gathers_nothing(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(worker, FOR_EVER, "'loss'"))
        return;
    worker_run(worker, 1, 1, QUIET ",'window':0,'gather_s':1e6");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    for (guint n = 1; n <= 3; n++) {
        assert_results(worker, n, n);
        answer(worker, n, n == 3);
    }
    assert_ended(worker, "stopped");
}

#define ADD(PATH, FUNC) g_test_add(PATH, Worker, NULL, worker_open, FUNC, worker_close)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/ahead/window-is-a-bound", test_window_is_a_bound);
    g_test_add_func("/worker/ahead/lockstep", test_lockstep);
    g_test_add_func("/worker/ahead/age-of-the-oldest", test_age_of_the_oldest);
    ADD("/worker/ahead/waits-at-the-window", test_waits_at_the_window);
    ADD("/worker/ahead/waits-for-the-oldest", test_waits_for_the_oldest);
    ADD("/worker/ahead/stops-while-ahead", test_stops_while_ahead);
    ADD("/worker/ahead/gathers", test_gathers);
    ADD("/worker/ahead/sends-what-it-gathered", test_sends_what_it_gathered);
    ADD("/worker/ahead/lockstep-gathers-nothing", test_lockstep_gathers_nothing);
    return g_test_run();
}
