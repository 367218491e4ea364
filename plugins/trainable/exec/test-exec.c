/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trainable/exec: options, and how a program ends. */
#include "test-exec.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

PbxTestHost *
exec_with(const char *options, const char *metrics)
{
    g_autofree char *json = g_strdelimit(g_strdup(options), "'", '"');
    PbxTestHost *host = test_host_new(json);
    test_session_metrics(host, metrics);
    return host;
}

PbxTestHost *
exec_new(const char *more, const char *metrics)
{
    g_autofree char *options = g_strdup_printf("{'command': ['/bin/sh', 'run']%s%s}",
                                               more != NULL ? ", " : "", more != NULL ? more : "");
    return exec_with(options, metrics);
}

void
put_file(PbxTestHost *host, const char *name, const char *content, int mode)
{
    g_autofree char *path = g_build_filename(host->session.dir, name, NULL);
    g_assert_true(g_file_set_contents(path, content, -1, NULL));
    g_assert_cmpint(g_chmod(path, mode), ==, 0);
}

char *
get_file(PbxTestHost *host, const char *name)
{
    g_autofree char *path = g_build_filename(host->session.dir, name, NULL);
    char *content = NULL;
    return g_file_get_contents(path, &content, NULL, NULL) ? content : NULL;
}

pbx_status
sh(PbxTestHost *host, const char *script)
{
    put_file(host, "run", script, 0644);
    return test_run(host);
}

/* ---- Options ---- */

static void
assert_refused(const char *options, const char *expected)
{
    g_autofree char *json = g_strdelimit(g_strdup(options), "'", '"');
    g_autofree char *message = test_host_refusal(json);
    g_assert_nonnull(message);
    if (strstr(message, expected) == NULL)
        g_error("'%s' is not in '%s'", expected, message);
}

static void
options_refused(void)
{
    assert_refused("{}", "command");
    assert_refused("{'command': []}", "command: must not be empty");
    assert_refused("{'command': ['a', '{']}", "command");
    assert_refused("{'command': 'a', 'shel': true}", "did you mean");
    assert_refused("{'command': 'a', 'shell': 1}", "shell");
    assert_refused("{'command': 'a', 'grace_s': -1}", "grace_s");
    assert_refused("{'command': 'a', 'report': 'json'}", "report");
    assert_refused("{'command': 'a', 'metrics': {'loss': '('}}", "metrics.loss");
    assert_refused("{'command': 'a', 'metrics': {'loss': 'loss=.*'}}",
                   "metrics.loss: 'loss=.*' needs a group (...) around the value");
    assert_refused("{'command': 'a', 'metrics': {'loss': 'loss=(?:.*)'}}", "needs a group");
    assert_refused("{'command': 'a', 'report_on': 'x', 'metrics': {'a': '(y)', 'b': '(z)'}}",
                   "report_on: 'x' is none of the names in metrics: a, b");
    assert_refused("{'command': 'a', 'report_on': 'x', 'report': 'exit-status'}",
                   "report_on: without metrics");
    static const char *const names[] = {"",    "/a",  "a/",   "..", "../a", "a/../b",
                                        "a/.", "./a", "a//b", ".",  NULL};
    for (guint i = 0; names[i] != NULL; i++) {
        g_autofree char *options =
            g_strdup_printf("{'command': 'a', 'files': {'%s': ''}}", names[i]);
        g_autofree char *expected = g_strdup_printf(
            "files.%s: a file's name is relative to the trial's directory and stays in it",
            names[i]);
        assert_refused(options, expected);
    }
}

static void
options_taken(void)
{
    static const char *const good[] = {
        "{'command': 'a'}",
        "{'command': 'a', 'files': {'a/b..c/.d': '{trial.id}'}}",
        "{'command': 'a', 'report_on': 'x'}",
        "{'command': 'a', 'report_on': 'x', 'metrics': {'x': '(y)', 'loss': '(z)'}}",
        "{'command': 'a', 'report': 'json-lines', 'report_on': 'x', 'metrics': {'loss': '(z)'}}",
        "{'command': 'a', 'report': 'exit-status', 'grace_s': 1e300}",
    };
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(PbxTestHost) host = exec_with(good[i], "");
        g_assert_nonnull(host);
    }
}

/* ---- Verdicts ---- */

static void
verdict_of_an_exit(void)
{
    assert_reports(NULL, "", "exit 0", "");
    assert_fails(NULL, "", "exit 3", PBX_EIO, "exited with status 3");
    assert_fails(NULL, "", "echo one >&2; echo 'two  ' >&2; echo >&2; exit 1", PBX_EIO,
                 "exited with status 1: two");
    assert_fails(NULL, "", "printf '\\033[31mred\\033[0m\\n' >&2; exit 255", PBX_EIO,
                 "exited with status 255: red");
    /* A report does not excuse it. */
    assert_fails(NULL, "loss", "echo '{\"loss\": 1}'; exit 1", PBX_EIO, "exited with status 1");
}

static void
verdict_of_a_signal(void)
{
    assert_fails(NULL, "", "kill -TERM $$", PBX_EIO, "was killed by SIGTERM (Terminated)");
    assert_fails(NULL, "", "echo why >&2; kill -KILL $$", PBX_EIO,
                 "was killed by SIGKILL (Killed): why");
    assert_fails(NULL, "", "kill -USR2 $$", PBX_EIO,
                 "was killed by signal 12 (User defined signal 2)");
}

static void
verdict_of_a_long_last_line(void)
{
    g_autoptr(PbxTestHost) host = exec_new(NULL, "");
    g_assert_cmpint(sh(host, "for i in 1 2 3 4 5 6 7 8 9; do "
                             "printf 'äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü' >&2; done; exit 1"),
                    ==, PBX_EIO);
    g_assert_true(g_str_has_suffix(host->error.message, "..."));
    g_assert_true(g_utf8_validate(host->error.message, -1, NULL));
}

static void
verdict_of_a_debugger(void)
{
    assert_fails(NULL, "loss", "echo bdb.BdbQuit >&2; exit 1", PBX_EIO,
                 "exited with status 1: bdb.BdbQuit; a debugger needs `pegbox run --local`");
}

static void
verdict_of_silence(void)
{
    assert_fails(NULL, "loss", ":", PBX_EINVAL,
                 "it ended well, but 0 lines seen, none with \"loss\"");
    assert_fails(NULL, "loss", "echo; echo done", PBX_EINVAL,
                 "it ended well, but 1 line seen, none with \"loss\"; the last was: done");
    assert_fails(NULL, "loss", "echo a; echo '{\"los\": 1}'", PBX_EINVAL,
                 "it ended well, but 2 lines seen, none with \"loss\"; the last was: "
                 "{\"los\": 1}");
    assert_fails(NULL, "loss", "echo '{\"loss\": \"low\"}'", PBX_EINVAL,
                 "it ended well, but 1 line seen, none with a number as \"loss\"; the last was: "
                 "{\"loss\": \"low\"}");
    assert_fails(NULL, "loss", "echo 'loss=3'", PBX_EINVAL,
                 "it ended well, but 1 line seen, none with \"loss\"; the last was: loss=3; "
                 "\"metrics\" reads text, by a regex");
    assert_fails("'report': 'exit-status'", "loss", "echo '{\"loss\": 1}'", PBX_EINVAL,
                 "it ended well, but 1 line seen, none with \"loss\"; the last was: "
                 "{\"loss\": 1}");
}

static void
verdict_of_regexes(void)
{
    assert_fails("'metrics': {'acc': 'acc=(.*)'}", "acc", "echo '{\"acc\": 1}'; echo acc: 1",
                 PBX_EINVAL,
                 "it ended well, but 2 lines seen, none matched the regex of acc, 'acc=(.*)'; the "
                 "last was: acc: 1");
    assert_fails("'metrics': {'acc': 'acc=(.*)'}", "acc", "echo acc=8: loss=3", PBX_EINVAL,
                 "it ended well, but 1 line seen; the regex of acc, 'acc=(.*)', matched \"8: "
                 "loss=3\", which is no number; the last was: acc=8: loss=3");
    assert_fails("'report': 'json-lines', 'metrics': {'acc': 'acc=(.*)'}", "acc", "echo no",
                 PBX_EINVAL,
                 "it ended well, but 1 line seen, none matched the regex of acc, 'acc=(.*)', nor "
                 "had it as JSON; the last was: no");
    /* A text of a field that is no metric is fine, and no excuse for the metric. */
    assert_fails("'metrics': {'acc': 'acc=(.*)', 'by': 'by (.*)'}", "acc", "echo by x", PBX_EINVAL,
                 "it ended well, but 1 line seen, none matched the regex of acc, 'acc=(.*)'; the "
                 "last was: by x");
    assert_fails("'metrics': {'acc': 'acc=(.*)', 'end': '(end)'}, 'report_on': 'end'", "acc",
                 "echo acc=1", PBX_EINVAL,
                 "it ended well, but 1 line seen, and \"end\", which report_on waits for, did not "
                 "come; the last was: acc=1");
    assert_fails("'metrics': {'acc': 'acc=(.*)', 'b': '(b)'}", "loss", "echo acc=1", PBX_EINVAL,
                 "there is no regex for the experiment's metric 'loss', only for: acc, b");
}

static void
verdict_hints(void)
{
    assert_fails(NULL, "loss", "echo '{\"loss\": 1}' >&2", PBX_EINVAL,
                 "it ended well, but 0 lines seen, none with \"loss\"; standard error has it: set "
                 "\"source\": \"stderr\"");
    assert_fails("'source': 'stderr'", "loss", "echo '{\"loss\": 1}'; echo a >&2", PBX_EINVAL,
                 "it ended well, but 1 line seen, none with \"loss\"; the last was: a; standard "
                 "output has it: set \"source\": \"stdout\"");
    assert_fails(
        "'metrics': {'loss': 'loss a (.*)'}", "loss", "printf 'loss\\ra 1\\n'", PBX_EINVAL,
        "it ended well, but 2 lines seen, none matched the regex of loss, 'loss a (.*)'; the last "
        "was: a 1; one would "
        "have matched if it did not hold a \\r, which ends a line");
    g_autoptr(PbxTestHost) host = exec_new("'source': 'log.txt'", "loss");
    g_autofree char *expected =
        g_strdup_printf("it ended well, but 0 lines seen, none with \"loss\"; standard output has "
                        "it: set \"source\": \"stdout\"");
    g_assert_cmpint(sh(host, "echo '{\"loss\": 1}'"), ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.message, ==, expected);
    g_autofree char *nothing = g_strdup_printf(
        "it ended well, but 0 lines seen, none with \"loss\"; nothing was read from %s/log.txt",
        host->session.dir);
    g_assert_cmpint(sh(host, ":"), ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.message, ==, nothing);
}

/* ---- Stopping ---- */

#define FOREVER "while :; do sleep 0.01; done"

static void
stop_by_an_answer(void)
{
    g_autoptr(PbxTestHost) host = exec_new(NULL, "loss");
    host->session.stop_after = 2;
    g_assert_cmpint(sh(host, "i=0; while :; do echo '{\"loss\": 1}'; sleep 0.01; done"), ==,
                    PBX_ECANCELLED);
    g_assert_cmpuint(host->session.n_reports, ==, 2);
    g_assert_cmpstr(host->error.message, ==, "");
}

static void
stop_tells_the_program(void)
{
    g_autoptr(PbxTestHost) host = exec_new(NULL, "loss");
    host->session.stop_after = 1;
    g_assert_cmpint(sh(host, "trap 'echo bye >farewell; exit 7' TERM\n"
                             "echo '{\"loss\": 1}'; " FOREVER),
                    ==, PBX_ECANCELLED);
    g_autofree char *farewell = get_file(host, "farewell");
    g_assert_cmpstr(farewell, ==, "bye\n");
}

static void
stop_kills_after_the_grace(void)
{
    g_autoptr(PbxTestHost) host = exec_new("'grace_s': 0.05", "loss");
    host->session.stop_after = 1;
    g_assert_cmpint(sh(host, "trap '' TERM; echo '{\"loss\": 1}'; " FOREVER), ==, PBX_ECANCELLED);
}

static void
stop_reaches_the_group(void)
{
    g_autoptr(PbxTestHost) host = exec_new(NULL, "loss");
    host->session.stop_after = 1;
    g_assert_cmpint(sh(host, "(trap 'echo bye >farewell; exit' TERM; : >ready; " FOREVER ") &\n"
                             "while [ ! -e ready ]; do sleep 0.01; done\n"
                             "trap 'wait; exit' TERM; echo '{\"loss\": 1}'; wait"),
                    ==, PBX_ECANCELLED);
    g_autofree char *farewell = get_file(host, "farewell");
    g_assert_cmpstr(farewell, ==, "bye\n");
}

static void
stop_wakes_a_stopped_program(void)
{
    g_autoptr(PbxTestHost) host = exec_new(NULL, "loss");
    host->session.stop_after = 1;
    g_assert_cmpint(sh(host, "echo '{\"loss\": 1}'; kill -STOP $$; " FOREVER), ==, PBX_ECANCELLED);
}

static void
stop_unasked(void)
{
    int fds[2];
    g_assert_cmpint(pipe(fds), ==, 0);
    g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
    g_autoptr(PbxTestHost) host = exec_new(NULL, "");
    host->session.poll_fd = fds[0];
    host->session.stop_when_polled = TRUE;
    g_assert_cmpint(sh(host, FOREVER), ==, PBX_ECANCELLED);
    close(fds[0]);
    close(fds[1]);
}

static void
driver_gone(void)
{
    int fds[2];
    g_assert_cmpint(pipe(fds), ==, 0);
    close(fds[1]);
    g_autoptr(PbxTestHost) host = exec_new(NULL, "");
    host->session.poll_fd = fds[0];
    host->session.is_gone = TRUE;
    g_assert_cmpint(sh(host, "trap '' TERM; " FOREVER), ==, PBX_ECANCELLED);
    g_assert_cmpstr(host->error.message, ==, "the driver is gone");
    /* Its descriptor is ready for ever: looked at again and again, it would leave no time for the
     * program to end. Once to hear of it, and perhaps once with the pid. */
    g_assert_cmpuint(host->session.n_polls, <=, 2);
    close(fds[0]);
}

/* ---- The protocol, which the session speaks ---- */

static void
protocol_reports_count(void)
{
    int fds[2];
    g_assert_cmpint(pipe2(fds, O_NONBLOCK | O_CLOEXEC), ==, 0);
    g_assert_cmpint(write(fds[1], "ab", 2), ==, 2);
    g_autoptr(PbxTestHost) host = exec_new(NULL, "loss");
    host->session.program_fd = fds[0];
    /* What it prints once it speaks the protocol is no report. */
    g_assert_cmpint(sh(host, "while [ ! -e heard-2 ]; do sleep 0.01; done; echo '{\"loss\": 1}'"),
                    ==, PBX_OK);
    g_assert_cmpuint(host->session.n_reports, ==, 2);
    g_assert_cmpstr(host->session.reports->str, ==, "");
    close(fds[0]);
    close(fds[1]);
}

static void
protocol_stop_waits(void)
{
    int fds[2];
    g_assert_cmpint(pipe2(fds, O_NONBLOCK | O_CLOEXEC), ==, 0);
    g_assert_cmpint(write(fds[1], "a", 1), ==, 1);
    /* It is waited for: the program ends by itself meanwhile. */
    g_setenv("PEGBOX_FUNCTION_THREAD_TIMEOUT_S", "1000", TRUE);
    g_autoptr(PbxTestHost) host = exec_new(NULL, "loss");
    host->session.program_fd = fds[0];
    host->session.stop_after = 1;
    g_assert_cmpint(sh(host, "trap 'echo >termed' TERM; sleep 0.3; exit 0"), ==, PBX_ECANCELLED);
    g_assert_null(get_file(host, "termed"));
    g_setenv("PEGBOX_FUNCTION_THREAD_TIMEOUT_S", "0.05", TRUE);
    g_autoptr(PbxTestHost) other = exec_new(NULL, "loss");
    g_assert_cmpint(write(fds[1], "a", 1), ==, 1);
    other->session.program_fd = fds[0];
    other->session.stop_after = 1;
    g_assert_cmpint(sh(other, FOREVER), ==, PBX_ECANCELLED);
    g_unsetenv("PEGBOX_FUNCTION_THREAD_TIMEOUT_S");
    close(fds[0]);
    close(fds[1]);
}

/* ---- Leaks ---- */

gboolean
exec_failures_are_told(void)
{
    return g_strcmp0(g_getenv("PEGBOX_TEST_VALGRIND"), "1") != 0;
}

static void
nothing_leaks(void)
{
    const pbx_status not_there = exec_failures_are_told() ? PBX_EINVAL : PBX_EIO;
    g_autoptr(PbxTestHost) host = exec_new("'files': {'f': 'x'}", "loss");
    g_autoptr(PbxTestHost) bad = exec_with("{'command': ['/no/such']}", "");
    g_autoptr(PbxTestHost) pty = exec_new("'pty': true", "");
    (void)sh(host, "exit 0");
    guint before = test_count_descriptors();
    for (guint i = 0; i < 20; i++) {
        g_assert_cmpint(sh(host, "echo '{\"loss\": 1}'"), ==, PBX_OK);
        g_assert_cmpint(sh(pty, "exit 1"), ==, PBX_EIO);
        g_assert_cmpint(test_run(bad), ==, not_there);
    }
    /* What stands for a pidfd under valgrind has an end that is closed a little later. */
    for (guint i = 0; i < 500 && test_count_descriptors() > before; i++)
        g_usleep(10000);
    g_assert_cmpuint(test_count_descriptors(), <=, before);
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
    g_assert_cmpint(errno, ==, ECHILD);
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/exec/options/refused", options_refused);
    g_test_add_func("/exec/options/taken", options_taken);
    g_test_add_func("/exec/verdict/exit", verdict_of_an_exit);
    g_test_add_func("/exec/verdict/signal", verdict_of_a_signal);
    g_test_add_func("/exec/verdict/debugger", verdict_of_a_debugger);
    g_test_add_func("/exec/verdict/long-last-line", verdict_of_a_long_last_line);
    g_test_add_func("/exec/verdict/silence", verdict_of_silence);
    g_test_add_func("/exec/verdict/regexes", verdict_of_regexes);
    g_test_add_func("/exec/verdict/hints", verdict_hints);
    g_test_add_func("/exec/stop/by-an-answer", stop_by_an_answer);
    g_test_add_func("/exec/stop/tells-the-program", stop_tells_the_program);
    g_test_add_func("/exec/stop/kills-after-the-grace", stop_kills_after_the_grace);
    g_test_add_func("/exec/stop/reaches-the-group", stop_reaches_the_group);
    g_test_add_func("/exec/stop/wakes-a-stopped-program", stop_wakes_a_stopped_program);
    g_test_add_func("/exec/stop/unasked", stop_unasked);
    g_test_add_func("/exec/stop/driver-gone", driver_gone);
    g_test_add_func("/exec/protocol/reports-count", protocol_reports_count);
    g_test_add_func("/exec/protocol/stop-waits", protocol_stop_waits);
    g_test_add_func("/exec/nothing-leaks", nothing_leaks);
    add_report_tests();
    add_command_tests();
    add_source_tests();
    return g_test_run();
}
