/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trainable/exec: where lines come from and where they go. */
#include "test-exec.h"

#include <glib/gstdio.h>

#define REPORT(N) "{\\\"loss\\\": " #N "}"

static void
source_streams(void)
{
    const char *script = "echo \"" REPORT(1) "\"; sleep 0.05; echo \"" REPORT(2) "\" >&2";
    assert_reports(NULL, "loss", script, "{'loss':1}\n");
    assert_reports("'source': 'stderr'", "loss", script, "{'loss':2}\n");
    assert_reports("'source': 'both'", "loss", script, "{'loss':1}\n{'loss':2}\n");
}

static void
last_words_are_read(void)
{
    assert_reports(NULL, "loss",
                   "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; "
                   "echo \"" REPORT(1) "\"",
                   "{'loss':1}\n");
}

/* ---- A file ---- */

#define FILE_SOURCE "'source': '{trial.dir}/log'"

/* Until report N was read. */
#define WAIT(N) "while [ ! -e heard-" #N " ]; do sleep 0.01; done; "

static void
file_grows(void)
{
    assert_reports(
        FILE_SOURCE, "loss",
        "echo \"" REPORT(1) "\" >>log; " WAIT(1) "echo \"" REPORT(2) "\" >>log; "
                                                                     "printf '{\"loss\": 3}' >>log",
        "{'loss':1}\n{'loss':2}\n{'loss':3}\n");
    assert_reports("'source': 'log'", "loss", "echo \"" REPORT(1) "\" >log", "{'loss':1}\n");
}

static void
file_is_begun_anew(void)
{
    assert_reports(FILE_SOURCE, "loss",
                   "echo \"" REPORT(1) "     \" >log; " WAIT(1) "echo \"" REPORT(2) "\" >log",
                   "{'loss':1}\n{'loss':2}\n");
}

static void
file_is_replaced(void)
{
    assert_reports(FILE_SOURCE, "loss",
                   "echo \"" REPORT(1) "\" >log; " WAIT(1) "echo \"" REPORT(
                       2) "\" >new; "
                          "mv new log; " WAIT(2) "echo \"" REPORT(3) "\" >>log",
                   "{'loss':1}\n{'loss':2}\n{'loss':3}\n");
}

static void
file_of_an_earlier_run(void)
{
    g_autoptr(PbxTestHost) host = exec_new(FILE_SOURCE, "loss");
    put_file(host, "log", "{\"loss\": 7}\n", 0644);
    g_assert_cmpint(sh(host, "echo \"" REPORT(1) "\" >>log"), ==, PBX_OK);
    g_assert_cmpstr(host->session.reports->str, ==, "{\"loss\":1}\n");
    /* Not touched: nothing is read. */
    g_assert_cmpint(sh(host, ":"), ==, PBX_EINVAL);
    /* Written anew, shorter. */
    g_assert_cmpint(sh(host, "echo \"" REPORT(2) "\" >log"), ==, PBX_OK);
    g_assert_cmpstr(host->session.reports->str, ==, "{\"loss\":2}\n");
    /* Written anew, the same. */
    g_assert_cmpint(sh(host, "echo \"" REPORT(2) "\" >log"), ==, PBX_OK);
    g_assert_cmpstr(host->session.reports->str, ==, "{\"loss\":2}\n");
}

static void
file_that_is_none(void)
{
    g_autoptr(PbxTestHost) host = exec_new("'source': '/'", "loss");
    g_assert_cmpint(sh(host, ":"), ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.message, ==,
                    "it ended well, but 0 lines seen, none with \"loss\"; nothing was read from /");
}

/* ---- Output ---- */

static void
output_goes_to_files(void)
{
    g_autoptr(PbxTestHost) host = exec_new(NULL, "");
    host->session.out = g_build_filename(host->session.dir, "deep", "out", NULL);
    host->session.err = g_build_filename(host->session.dir, "err", NULL);
    g_assert_cmpint(sh(host, "printf 'a\\r\\033[1mb'"), ==, PBX_OK);
    g_assert_cmpint(sh(host, "echo c"), ==, PBX_OK);
    g_autofree char *out = get_file(host, "deep/out");
    g_assert_cmpstr(out, ==, "a\r\033[1mbc\n");
    g_assert_cmpstr(host->session.lines->str, ==, "");
    /* Nothing was printed there: no file. */
    g_assert_null(get_file(host, "err"));
}

static void
output_that_cannot_be_written(void)
{
    g_autoptr(PbxTestHost) host = exec_new(NULL, "");
    host->session.out = g_strdup("/dev/full");
    g_assert_cmpint(sh(host, "trap '' TERM; echo a; while :; do sleep 0.01; done"), ==, PBX_EFATAL);
    g_assert_cmpstr(host->error.message, ==,
                    "cannot write the program's output to /dev/full: No space left on device");
}

static void
output_as_lines(void)
{
    g_autoptr(PbxTestHost) host = exec_new(NULL, "");
    g_assert_cmpint(sh(host, "printf 'a\\000b\\n\\nc'"), ==, PBX_OK);
    g_assert_cmpstr(host->session.lines->str, ==, "out a b\nout \nout c\n");
    g_assert_cmpint(sh(host, "echo d >&2"), ==, PBX_OK);
    g_assert_cmpstr(host->session.lines->str, ==, "err d\n");
}

void
add_source_tests(void)
{
    g_test_add_func("/exec/source/streams", source_streams);
    g_test_add_func("/exec/source/last-words-are-read", last_words_are_read);
    g_test_add_func("/exec/source/file-grows", file_grows);
    g_test_add_func("/exec/source/file-is-begun-anew", file_is_begun_anew);
    g_test_add_func("/exec/source/file-is-replaced", file_is_replaced);
    g_test_add_func("/exec/source/file-of-an-earlier-run", file_of_an_earlier_run);
    g_test_add_func("/exec/source/file-that-is-none", file_that_is_none);
    g_test_add_func("/exec/output/goes-to-files", output_goes_to_files);
    g_test_add_func("/exec/output/cannot-be-written", output_that_cannot_be_written);
    g_test_add_func("/exec/output/as-lines", output_as_lines);
}
