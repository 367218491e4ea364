/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trainable/exec: what is run, where, with which files and environment. */
#include "test-exec.h"

#include <glib/gstdio.h>
#include <linux/close_range.h>
#include <string.h>
#include <unistd.h>

/* ---- Words ---- */

static void
assert_words(const char *options, const char *config, const char *expected)
{
    g_autoptr(PbxTestHost) host = exec_with(options, "");
    test_session_config(host, config);
    put_file(host, "words", "#!/bin/sh\nprintf '<%s>' \"$@\"\n", 0755);
    pbx_status status = test_run(host);
    g_assert_cmpstr(host->error.message, ==, "");
    g_assert_cmpint(status, ==, PBX_OK);
    g_assert_cmpstr(host->session.lines->str, ==, expected);
}

static void
templates_fill_words(void)
{
    assert_words("{'command': ['./words', '{lr}', 'x={trial.id}', '{{', '{config.lr * 2}']}",
                 "{\"lr\": 0.5}", "out <0.5><x=trial_00000><{><1.0>\n");
    assert_words("{'command': ['./words', '{args}']}", "{\"lr\": -0.5, \"opt\": \"a b\"}",
                 "out <--lr=-0.5><--opt><a b>\n");
    /* No shell: nothing is expanded. */
    assert_words("{'command': ['./words', '$HOME *; echo']}", "{}", "out <$HOME *; echo>\n");
}

static void
shell_when_asked_for(void)
{
    g_autoptr(PbxTestHost) host =
        exec_with("{'command': ['echo $0 $2 $1 | tr a b', 'a', 'c d'], 'shell': true}", "");
    g_assert_cmpint(test_run(host), ==, PBX_OK);
    g_assert_cmpstr(host->session.lines->str, ==, "out sh c d b\n");
}

static void
words_that_do_not_come_out(void)
{
    g_autoptr(PbxTestHost) host = exec_with("{'command': ['{program}', 'x']}", "");
    test_session_config(host, "{\"program\": \"\"}");
    g_assert_cmpint(test_run(host), ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.where, ==, "command");
    g_assert_cmpstr(host->error.message, ==, "the program's name came out empty");
    g_autoptr(PbxTestHost) bad = exec_with("{'command': ['x', '{nothing.at.all}']}", "");
    g_assert_cmpint(test_run(bad), ==, PBX_EINVAL);
    g_assert_cmpstr(bad->error.where, ==, "command");
    g_assert_cmpstr(bad->error.message, !=, "");
}

/* ---- Place and environment ---- */

static void
runs_in_cwd(void)
{
    g_autoptr(PbxTestHost) host = exec_with("{'command': ['pwd']}", "");
    g_autofree char *inner = g_build_filename(host->session.dir, "inner", NULL);
    g_autofree char *expected = g_strdup_printf("out %s\n", inner);
    g_assert_cmpint(g_mkdir(inner, 0755), ==, 0);
    g_free(host->session.cwd);
    host->session.cwd = g_strdup(inner);
    g_assert_cmpint(test_run(host), ==, PBX_OK);
    g_assert_cmpstr(host->session.lines->str, ==, expected);
}

static void
environment_is_the_sessions(void)
{
    g_autoptr(PbxTestHost) host = exec_new(NULL, "");
    g_assert_cmpint(sh(host, "echo $TEST_HOST $PYTHONUNBUFFERED"), ==, PBX_OK);
    g_assert_cmpstr(host->session.lines->str, ==, "out 1 1\n");
    host->session.env = g_environ_setenv(host->session.env, "PYTHONUNBUFFERED", "", TRUE);
    g_assert_cmpint(sh(host, "echo \"<$PYTHONUNBUFFERED>\""), ==, PBX_OK);
    g_assert_cmpstr(host->session.lines->str, ==, "out <>\n");
}

static void
standard_input_is_empty(void)
{
    g_autoptr(PbxTestHost) host = exec_new(NULL, "");
    g_assert_cmpint(sh(host, "cat; read line || echo end"), ==, PBX_OK);
    g_assert_cmpstr(host->session.lines->str, ==, "out end\n");
}

static void
descriptors_are_three(void)
{
    /* What this test itself was given is nobody's leak. */
    g_assert_cmpint(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC), ==, 0);
    g_autoptr(PbxTestHost) host = exec_with("{'command': ['ls', '/proc/self/fd']}", "");
    g_assert_cmpint(test_run(host), ==, PBX_OK);
    /* The last is that of ls itself. */
    g_assert_cmpstr(host->session.lines->str, ==, "out 0\nout 1\nout 2\nout 3\n");
}

static void
signals_are_default(void)
{
    g_autoptr(PbxTestHost) host =
        exec_with("{'command': ['sed', '-n', '/SigBlk/p; /SigCgt/p', '/proc/self/status']}", "");
    g_assert_cmpint(test_run(host), ==, PBX_OK);
    g_assert_cmpstr(host->session.lines->str, ==,
                    "out SigBlk:\t0000000000000000\nout SigCgt:\t0000000000000000\n");
}

static void
leads_a_session(void)
{
    g_autoptr(PbxTestHost) host = exec_new(NULL, "");
    g_assert_cmpint(sh(host, "cut -d' ' -f1,5,6 /proc/$$/stat"), ==, PBX_OK);
    g_autofree char *expected = g_strdup_printf("out %d %d %d\n", (int)host->session.pid,
                                                (int)host->session.pid, (int)host->session.pid);
    g_assert_cmpstr(host->session.lines->str, ==, expected);
}

static void
pty_is_a_terminal(void)
{
    g_autoptr(PbxTestHost) host = exec_new("'pty': true", "loss");
    g_assert_cmpint(sh(host, "test -t 1 && ! test -t 0 && ! test -t 2 && stty size <&1 && "
                             "echo '{\"loss\": 1}'"),
                    ==, PBX_OK);
    g_assert_cmpstr(host->session.lines->str, ==, "out 24 200\nout {\"loss\": 1}\n");
    g_assert_cmpstr(host->session.reports->str, ==, "{\"loss\":1}\n");
}

/* ---- Files ---- */

static void
files_are_filled_in(void)
{
    g_autoptr(PbxTestHost) host =
        exec_new("'files': {'a.ini': 'lr = {lr}\\n', 'deep/er/b': '{trial.id}'}", "");
    test_session_config(host, "{\"lr\": 0.25}");
    g_assert_cmpint(sh(host, "cat a.ini deep/er/b"), ==, PBX_OK);
    g_assert_cmpstr(host->session.lines->str, ==, "out lr = 0.25\nout trial_00000\n");
    /* Again, shorter. */
    test_session_config(host, "{\"lr\": 1}");
    g_assert_cmpint(sh(host, "cat a.ini"), ==, PBX_OK);
    g_assert_cmpstr(host->session.lines->str, ==, "out lr = 1\n");
}

static void
files_that_cannot_be_written(void)
{
    g_autoptr(PbxTestHost) host = exec_new("'files': {'a/b': 'x'}", "");
    g_autofree char *expected =
        g_strdup_printf("cannot write %s/a/b: Not a directory", host->session.dir);
    put_file(host, "a", "", 0644);
    g_assert_cmpint(sh(host, ":"), ==, PBX_EIO);
    g_assert_cmpstr(host->error.where, ==, "files.a/b");
    g_assert_cmpstr(host->error.message, ==, expected);
}

/* ---- Programs that cannot be started ---- */

static gboolean
is_skipped(void)
{
    if (exec_failures_are_told())
        return FALSE;
    g_test_skip("valgrind hides why an exec failed");
    return TRUE;
}

static void
assert_cannot_run(PbxTestHost *host, const char *format)
{
    if (is_skipped())
        return;
    g_autofree char *expected = g_strdelimit(g_strdup(format), "\n", '\n');
    GString *text = g_string_new(expected);
    g_string_replace(text, "DIR", host->session.dir, 0);
    g_assert_cmpint(test_run(host), ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.message, ==, text->str);
    g_assert_cmpint(host->session.pid, ==, 0);
    g_string_free(text, TRUE);
}

static void
set_path(PbxTestHost *host, const char *path)
{
    host->session.env = g_environ_setenv(host->session.env, "PATH", path, TRUE);
}

static void
program_is_not_there(void)
{
    g_autoptr(PbxTestHost) path = exec_with("{'command': ['/no/such', 'x']}", "");
    assert_cannot_run(path, "cannot run '/no/such': No such file or directory (cwd DIR)");
    g_autoptr(PbxTestHost) name = exec_with("{'command': ['no-such', 'x']}", "");
    set_path(name, "/usr/bin::bin");
    assert_cannot_run(name, "cannot run 'no-such': No such file or directory (cwd DIR, PATH "
                            "/usr/bin::bin)");
    g_autoptr(PbxTestHost) words = exec_with("{'command': 'python3 train.py'}", "");
    set_path(words, "/bin");
    assert_cannot_run(
        words, "cannot run 'python3 train.py': No such file or directory (cwd DIR, PATH "
               "/bin); a command of several words is a list, [\"python3\", \"train.py\"], or "
               "\"shell\": true");
}

static void
program_is_not_executable(void)
{
    g_autoptr(PbxTestHost) host = exec_with("{'command': ['./train.py']}", "");
    put_file(host, "train.py", "", 0644);
    assert_cannot_run(host, "cannot run './train.py': Permission denied (cwd DIR); is it "
                            "executable (chmod +x)?");
}

static void
interpreter_is_not_there(void)
{
    g_autoptr(PbxTestHost) host = exec_with("{'command': ['./train.py']}", "");
    put_file(host, "train.py", "#!/no/such/python\n", 0755);
    assert_cannot_run(host, "cannot run './train.py': No such file or directory (cwd DIR); the "
                            "file is there, but not the interpreter that its first line names");
    g_autoptr(PbxTestHost) found = exec_with("{'command': ['train.py', 'x']}", "");
    put_file(found, "train.py", "#!/no/such/python\n", 0755);
    set_path(found, found->session.dir);
    assert_cannot_run(found,
                      "cannot run 'train.py': No such file or directory (cwd DIR, PATH DIR); the "
                      "file is there, but not the interpreter that its first line names");
}

static void
cwd_is_not_there(void)
{
    g_autoptr(PbxTestHost) host = exec_with("{'command': ['true']}", "");
    g_free(host->session.cwd);
    host->session.cwd = g_build_filename(host->session.dir, "gone", NULL);
    assert_cannot_run(host, "cannot run in DIR/gone: No such file or directory");
}

/* ---- Where programs are found ---- */

static void
path_is_searched_in_order(void)
{
    if (is_skipped())
        return;
    g_autoptr(PbxTestHost) host = exec_with("{'command': ['prog']}", "");
    g_autofree char *one = g_build_filename(host->session.dir, "one", NULL);
    g_autofree char *two = g_build_filename(host->session.dir, "two", NULL);
    g_assert_cmpint(g_mkdir(one, 0755) | g_mkdir(two, 0755), ==, 0);
    put_file(host, "two/prog", "#!/bin/sh\necho two\n", 0755);
    put_file(host, "one/prog", "no program", 0644); /* passed over */
    set_path(host, "one:two:/bin");
    g_assert_cmpint(test_run(host), ==, PBX_OK);
    g_assert_cmpstr(host->session.lines->str, ==, "out two\n");
    /* Found once, it is looked for again where it has gone. */
    g_autofree char *gone = g_build_filename(two, "prog", NULL);
    g_assert_cmpint(g_unlink(gone), ==, 0);
    g_assert_cmpint(test_run(host), ==, PBX_EINVAL);
    put_file(host, "one/prog", "#!/bin/sh\necho one\n", 0755);
    g_assert_cmpint(test_run(host), ==, PBX_OK);
    g_assert_cmpstr(host->session.lines->str, ==, "out one\n");
}

static void
script_without_a_first_line(void)
{
    if (is_skipped())
        return;
    g_autoptr(PbxTestHost) host = exec_with("{'command': ['./script', 'a b']}", "");
    put_file(host, "script", "echo \"<$1>\"\n", 0755);
    g_assert_cmpint(test_run(host), ==, PBX_OK);
    g_assert_cmpstr(host->session.lines->str, ==, "out <a b>\n");
}

void
add_command_tests(void)
{
    g_test_add_func("/exec/command/templates-fill-words", templates_fill_words);
    g_test_add_func("/exec/command/shell-when-asked-for", shell_when_asked_for);
    g_test_add_func("/exec/command/words-that-do-not-come-out", words_that_do_not_come_out);
    g_test_add_func("/exec/command/runs-in-cwd", runs_in_cwd);
    g_test_add_func("/exec/command/environment", environment_is_the_sessions);
    g_test_add_func("/exec/command/standard-input-is-empty", standard_input_is_empty);
    g_test_add_func("/exec/command/descriptors-are-three", descriptors_are_three);
    g_test_add_func("/exec/command/signals-are-default", signals_are_default);
    g_test_add_func("/exec/command/leads-a-session", leads_a_session);
    g_test_add_func("/exec/command/pty-is-a-terminal", pty_is_a_terminal);
    g_test_add_func("/exec/files/are-filled-in", files_are_filled_in);
    g_test_add_func("/exec/files/cannot-be-written", files_that_cannot_be_written);
    g_test_add_func("/exec/start/program-is-not-there", program_is_not_there);
    g_test_add_func("/exec/start/program-is-not-executable", program_is_not_executable);
    g_test_add_func("/exec/start/interpreter-is-not-there", interpreter_is_not_there);
    g_test_add_func("/exec/start/cwd-is-not-there", cwd_is_not_there);
    g_test_add_func("/exec/start/path-is-searched-in-order", path_is_searched_in_order);
    g_test_add_func("/exec/start/script-without-a-first-line", script_without_a_first_line);
}
