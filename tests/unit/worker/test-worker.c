/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox-worker as its driver meets it, with a trainable of each form. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "worker-fixture.h"

/* What the program prints is no line for the console. */
#define QUIET ",'out':'/dev/null'"
/* \u0027 in the script is an apostrophe. */
#define SH_AS(REPORT, SCRIPT) "{'command': ['/bin/sh', '-c', '" SCRIPT "'], 'report': '" REPORT "'}"
#define SH(SCRIPT)            SH_AS("json-lines", SCRIPT)

static void
set_up_logistic(Worker *worker, const char *options)
{
    g_autofree char *path =
        g_test_build_filename(G_TEST_BUILT, "tests", "unit", "worker", "logistic.so", NULL);
    worker_set_up(worker, path, "logistic", options, "'loss'");
}

/* A result of the run; what differs each time is left out. */
static void
assert_result(Worker *worker, gint64 n, gint64 iteration, const char *fields)
{
    g_autoptr(JsonObject) result = hear_type(&worker->talk, "result");
    g_autofree char *text =
        g_strdelimit(json_to_text(json_object_get_member(result, "fields")), "\"", '\'');
    g_assert_cmpint(message_get_int(result, "trial", 0), ==, 1);
    g_assert_cmpint(message_get_int(result, "n", 0), ==, n);
    g_assert_cmpint(message_get_int(result, "iteration", 0), ==, iteration);
    g_assert_cmpint(message_get_int(result, "at", 0), >, G_GINT64_CONSTANT(1600000000000000000));
    if (fields != NULL)
        g_assert_cmpstr(text, ==, fields);
}

static void
answer(Worker *worker, guint n, gboolean stop)
{
    say(&worker->talk, "{'type':'answer','trial':1,'attempt':1,'n':%u,'stop':%s}", n,
        stop ? "true" : "false");
}

/* ---- Setup ---- */

static void
test_no_setup(Worker *worker, gconstpointer unused)
{
    (void)unused;
    g_autoptr(JsonObject) hello = hear_type(&worker->talk, "hello");
    say(&worker->talk, "{'type':'run'}");
    assert_hears(&worker->talk,
                 "{'type':'failed','text':'the driver's first message is no setup'}");
    assert_hears(&worker->talk, "the end");
    g_assert_cmpint(worker_wait(worker), ==, 1);
}

static void
test_plugin_missing(Worker *worker, gconstpointer unused)
{
    (void)unused;
    worker_set_up(worker, "/no/such.so", "such", "{}", "");
    g_autoptr(JsonObject) failed = hear_type(&worker->talk, "failed");
    g_assert_nonnull(strstr(message_get_string(failed, "text"), "/no/such.so"));
    assert_hears(&worker->talk, "the end");
    g_assert_cmpint(worker_wait(worker), ==, 1);
}

static void
test_options_refused(Worker *worker, gconstpointer unused)
{
    (void)unused;
    set_up_logistic(worker, "{'epochs': 0}");
    g_autoptr(JsonObject) failed = hear_type(&worker->talk, "failed");
    g_assert_nonnull(strstr(message_get_string(failed, "text"), "epochs"));
    g_assert_cmpint(worker_wait(worker), ==, 1);
}

/* ---- A run ---- */

static void
test_lockstep(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(
            worker,
            SH("echo \\u0027{{\\\"loss\\\": 1}\\u0027; echo \\u0027{{\\\"loss\\\": 2}\\u0027"),
            "'loss'"))
        return;
    worker_run(worker, 1, 1, QUIET ",'iteration':4");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    assert_result(worker, 1, 5, "{'loss':1}");
    /* Others' answers are not this one's. */
    say(&worker->talk, "{'type':'answer','trial':2,'attempt':1,'n':1,'stop':true}");
    say(&worker->talk, "{'type':'answer','trial':1,'attempt':2,'n':1,'stop':true}");
    say(&worker->talk, "{'type':'stop','trial':1,'attempt':9}");
    say(&worker->talk, "{'type':'whatever','trial':1,'attempt':1}");
    answer(worker, 1, FALSE);
    assert_result(worker, 2, 6, "{'loss':2}");
    answer(worker, 2, FALSE);
    assert_hears(&worker->talk,
                 "{'type':'ended','trial':1,'attempt':1,'end':'done','reusable':true}");
    say(&worker->talk, "{'type':'bye'}");
    assert_hears(&worker->talk, "the end");
    g_assert_cmpint(worker_wait(worker), ==, 0);
}

static void
test_window(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(
            worker,
            SH("echo \\u0027{{\\\"loss\\\": 1}\\u0027; echo \\u0027{{\\\"loss\\\": 2}\\u0027"),
            "'loss'"))
        return;
    worker_run(worker, 1, 1, QUIET ",'window':2");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    /* Nothing is answered, and yet it ends. */
    assert_result(worker, 1, 1, NULL);
    assert_result(worker, 2, 2, NULL);
    g_autoptr(JsonObject) ended = hear_type(&worker->talk, "ended");
    g_assert_cmpstr(message_get_string(ended, "end"), ==, "done");
}

static void
test_counts(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(
            worker,
            SH("echo \\u0027{{\\\"timesteps_this_iter\\\": 5, \\\"loss\\\": 1}\\u0027; "
               "echo \\u0027{{\\\"training_iteration\\\": 9, \\\"episodes_total\\\": 3, "
               "\\\"time_total_s\\\": 100.5, \\\"loss\\\": 1}\\u0027; "
               "echo \\u0027{{\\\"timesteps_this_iter\\\": 2, \\\"time_this_iter_s\\\": 2, "
               "\\\"loss\\\": 1}\\u0027"),
            "'loss'"))
        return;
    worker_run(worker, 1, 1, QUIET ",'window':9,'timesteps_total':10,'time_total_s':50.0");
    static const gint64 iterations[] = {1, 9, 10}, timesteps[] = {15, 15, 17},
                        episodes[] = {-1, 3, 3};
    static const double least[] = {50, 100.5, 102.5};
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    for (guint i = 0; i < 3; i++) {
        g_autoptr(JsonObject) result = hear_type(&worker->talk, "result");
        g_assert_cmpint(message_get_int(result, "iteration", 0), ==, iterations[i]);
        g_assert_cmpint(message_get_int(result, "timesteps_total", 0), ==, timesteps[i]);
        g_assert_cmpint(message_get_int(result, "episodes_total", 0), ==, episodes[i]);
        double total = message_get_double(result, "time_total_s", 0);
        g_assert_true(i == 0 ? total > least[0] : total == least[i]);
    }
}

static void
test_stop_by_an_answer(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(worker, SH("echo \\u0027{{\\\"loss\\\": 1}\\u0027; exec sleep 1000"),
                            "'loss'"))
        return;
    worker_run(worker, 1, 1, QUIET);
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    assert_result(worker, 1, 1, NULL);
    answer(worker, 1, TRUE);
    assert_hears(&worker->talk,
                 "{'type':'ended','trial':1,'attempt':1,'end':'stopped','reusable':true}");
    g_assert_cmpint(kill((pid_t)message_get_int(pid, "pid", 0), 0), ==, -1);
}

static void
test_stop_unasked(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(worker, SH("exec sleep 1000"), ""))
        return;
    worker_run(worker, 1, 1, "");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    say(&worker->talk, "{'type':'stop','trial':1,'attempt':1}");
    assert_hears(&worker->talk,
                 "{'type':'ended','trial':1,'attempt':1,'end':'stopped','reusable':true}");
}

static void
test_bye_in_a_run(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(worker, SH("exec sleep 1000"), ""))
        return;
    worker_run(worker, 1, 1, "");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    say(&worker->talk, "{'type':'bye'}");
    g_autoptr(JsonObject) ended = hear_type(&worker->talk, "ended");
    g_assert_cmpstr(message_get_string(ended, "end"), ==, "stopped");
    assert_hears(&worker->talk, "the end");
    g_assert_cmpint(worker_wait(worker), ==, 0);
}

static void
test_failure(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(worker, SH("exit 3"), ""))
        return;
    worker_run(worker, 1, 1, "");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    assert_hears(&worker->talk, "{'type':'ended','trial':1,'attempt':1,'end':'failed',"
                                "'reusable':true,'text':'exited with status 3'}");
}

/* No trial could write its output. */
static void
test_fault_of_the_host(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(worker, SH("echo a"), ""))
        return;
    worker_run(worker, 1, 1, ",'out':'/dev/full'");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    g_autoptr(JsonObject) ended = hear_type(&worker->talk, "ended");
    g_assert_cmpstr(message_get_string(ended, "end"), ==, "failed");
    g_assert_true(message_get_bool(ended, "fatal"));
    /* That is no directory: the user's mistake. */
    worker_run(worker, 1, 2, ",'out':'/dev/null/out'");
    g_autoptr(JsonObject) next_pid = hear_type(&worker->talk, "pid");
    g_autoptr(JsonObject) again = hear_type(&worker->talk, "ended");
    g_assert_cmpstr(message_get_string(again, "end"), ==, "failed");
    g_assert_false(message_get_bool(again, "fatal"));
}

static void
test_late_words(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(worker, SH("exit 0"), ""))
        return;
    /* For a trial that is over. */
    answer(worker, 1, TRUE);
    say(&worker->talk, "{'type':'stop','trial':1,'attempt':1}");
    worker_run(worker, 1, 2, "");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    assert_hears(&worker->talk,
                 "{'type':'ended','trial':1,'attempt':2,'end':'done','reusable':true}");
}

static void
test_environment(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(worker,
                            SH_AS("exit-status", "echo $PEGBOX_TRIAL_ID $A $PWD $PEGBOX_TRIAL_DIR; "
                                                 "cat $PEGBOX_CONFIG"),
                            ""))
        return;
    g_autofree char *first = g_strdup_printf("id_1 b %s %s", worker->dir, worker->dir);
    for (guint i = 1; i <= 2; i++) {
        /* The second is shorter: nothing of the first may be left. */
        worker_run(worker, 1, i,
                   i == 1 ? ",'env':['A=b'],'config':{'x':123456}"
                          : ",'env':['A=b'],'config':{'x':1}");
        g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
        g_autoptr(JsonObject) line = hear_type(&worker->talk, "line");
        g_assert_cmpstr(message_get_string(line, "text"), ==, first);
        g_autoptr(JsonObject) config = hear_type(&worker->talk, "line");
        g_assert_cmpstr(message_get_string(config, "text"), ==,
                        i == 1 ? "{\"x\":123456}" : "{\"x\":1}");
        g_autoptr(JsonObject) ended = hear_type(&worker->talk, "ended");
    }
}

/* ---- Class form ---- */

static void
test_class_form_again(Worker *worker, gconstpointer unused)
{
    (void)unused;
    set_up_logistic(worker, "{'epochs': 3}");
    assert_hears(&worker->talk, "{'type':'ready'}");
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    for (guint attempt = 1; attempt <= 2; attempt++) {
        worker_run(worker, 1, attempt, ",'window':9,'config':{'rate':0.1,'l2':0}");
        for (guint n = 1; n <= 3; n++) {
            g_autoptr(JsonObject) result = hear_type(&worker->talk, "result");
            g_assert_cmpint(message_get_int(result, "n", 0), ==, n);
            if (n == 1)
                *(attempt == 1 ? &first : &second) =
                    json_to_text(json_object_get_member(result, "fields"));
        }
        g_autofree char *ended = g_strdup_printf(
            "{'type':'ended','trial':1,'attempt':%u,'end':'done','reusable':true}", attempt);
        assert_hears(&worker->talk, ended);
    }
    /* reset learns from the start again. */
    g_assert_cmpstr(first, ==, second);
}

static void
test_class_form_stops(Worker *worker, gconstpointer unused)
{
    (void)unused;
    set_up_logistic(worker, "{'epochs': 1000}");
    assert_hears(&worker->talk, "{'type':'ready'}");
    worker_run(worker, 1, 1, ",'config':{'rate':0.1,'l2':0}");
    assert_result(worker, 1, 1, NULL);
    answer(worker, 1, FALSE);
    assert_result(worker, 2, 2, NULL);
    answer(worker, 2, TRUE);
    assert_hears(&worker->talk,
                 "{'type':'ended','trial':1,'attempt':1,'end':'stopped','reusable':true}");
    worker_run(worker, 1, 2, ",'config':{'rate':'x','l2':0}");
    assert_hears(&worker->talk, "{'type':'ended','trial':1,'attempt':2,'end':'failed','reusable':"
                                "false,'text':'config: rate and l2 must be numbers'}");
}

/* ---- Ends ---- */

/* The program, its descendants and the worker are this process's to wait for. */
static void
assert_gone(pid_t pid)
{
    while (waitpid(-1, NULL, 0) > 0)
        ;
    g_assert_cmpint(kill(pid, 0), ==, -1);
    g_assert_cmpint(errno, ==, ESRCH);
}

/* Runs a program that would go on for ever, in a session of its own and deaf. */
static pid_t
run_forever(Worker *worker)
{
    g_assert_cmpint(prctl(PR_SET_CHILD_SUBREAPER, 1), ==, 0);
    if (!worker_set_up_exec(worker, SH("trap : TERM; setsid sleep 1000 & exec sleep 1000"), ""))
        return 0;
    worker_run(worker, 1, 1, "");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    return (pid_t)message_get_int(pid, "pid", 0);
}

static void
test_driver_gone(Worker *worker, gconstpointer unused)
{
    (void)unused;
    pid_t pid = run_forever(worker);
    if (pid == 0)
        return;
    close(worker->talk.fd);
    worker->talk.fd = -1;
    g_assert_cmpint(worker_wait(worker), ==, 0);
    assert_gone(pid);
}

static void
test_terminated(Worker *worker, gconstpointer unused)
{
    (void)unused;
    pid_t pid = run_forever(worker);
    if (pid == 0)
        return;
    kill(worker->pid, SIGTERM);
    g_assert_cmpint(worker_wait(worker), ==, 128 + SIGTERM);
    assert_gone(pid);
}

static void
test_killed(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(worker, SH("exec sleep 1000"), ""))
        return;
    g_assert_cmpint(prctl(PR_SET_CHILD_SUBREAPER, 1), ==, 0);
    worker_run(worker, 1, 1, "");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    kill(worker->pid, SIGKILL);
    g_assert_cmpint(worker_wait(worker), ==, -SIGKILL);
    /* The kernel takes the program along. */
    assert_gone((pid_t)message_get_int(pid, "pid", 0));
}

static void
test_nonsense(Worker *worker, gconstpointer unused)
{
    (void)unused;
    pid_t pid = run_forever(worker);
    if (pid == 0)
        return;
    say_bytes(&worker->talk, "GET / HTTP/1.1\r\n", 16);
    g_autoptr(JsonObject) ended = hear_type(&worker->talk, "ended");
    g_assert_cmpstr(message_get_string(ended, "end"), ==, "failed");
    assert_hears(&worker->talk, "the end");
    g_assert_cmpint(worker_wait(worker), ==, 1);
    assert_gone(pid);
}

#define ADD(PATH, FUNC) g_test_add(PATH, Worker, NULL, worker_open, FUNC, worker_close)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/worker/setup/none", test_no_setup);
    ADD("/worker/setup/plugin-missing", test_plugin_missing);
    ADD("/worker/setup/options-refused", test_options_refused);
    ADD("/worker/run/lockstep", test_lockstep);
    ADD("/worker/run/window", test_window);
    ADD("/worker/run/counts", test_counts);
    ADD("/worker/run/stop-by-an-answer", test_stop_by_an_answer);
    ADD("/worker/run/stop-unasked", test_stop_unasked);
    ADD("/worker/run/bye", test_bye_in_a_run);
    ADD("/worker/run/failure", test_failure);
    ADD("/worker/run/fault-of-the-host", test_fault_of_the_host);
    ADD("/worker/run/late-words-do-no-harm", test_late_words);
    ADD("/worker/run/environment", test_environment);
    ADD("/worker/class/again", test_class_form_again);
    ADD("/worker/class/stops", test_class_form_stops);
    ADD("/worker/end/driver-gone", test_driver_gone);
    ADD("/worker/end/terminated", test_terminated);
    ADD("/worker/end/killed", test_killed);
    ADD("/worker/end/nonsense", test_nonsense);
    return g_test_run();
}
