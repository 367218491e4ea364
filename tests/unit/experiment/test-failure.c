/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error.txt, and the end of what a program said on stderr. */
#include <string.h>
#include <sys/stat.h>

#include "fixture.h"

static char *
tail_of(Fixture *f, PbxTrial *trial, const char *text, gssize length, guint lines)
{
    g_free(trial->err);
    trial->err = g_build_filename(f->dir, "stderr", NULL);
    g_assert_true(g_file_set_contents(trial->err, text, length, NULL));
    return failure_tail(trial, lines);
}

static void
test_tail(void)
{
    static const struct {
        const char *text;
        guint lines;
        const char *tail;
    } cases[] = {
        {"", 3, NULL},
        {"\n \n", 3, NULL},
        {"one", 3, "one"},
        {"one\ntwo\nthree\nfour\n", 2, "three\nfour"},
        {"one\ntwo\n\n\n", 1, "two"},
        {"one\n\ntwo", 2, "\ntwo"},
    };
    Fixture f;
    fixture_set_up(&f, "{}");
    PbxTrial *trial = fixture_trial(&f, "{}");
    g_assert_null(failure_tail(trial, 3)); /* it went to the console */
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *tail = tail_of(&f, trial, cases[i].text, -1, cases[i].lines);
        g_assert_cmpstr(tail, ==, cases[i].tail);
    }
    g_autofree char *bytes = tail_of(&f, trial, "a\xff\0b\n", 5, 3);
    g_assert_true(g_utf8_validate(bytes, -1, NULL));
    /* However long the file, or one line of it. */
    g_autofree char *many = g_strnfill(100000, 'x');
    g_autofree char *long_one = tail_of(&f, trial, many, -1, 3);
    g_assert_cmpuint(strlen(long_one), ==, 16 * 1024);
    fixture_tear_down(&f);
}

/* What is no file of the trial's is not read: a FIFO would block, a device never ends. */
static void
test_no_file(void)
{
    Fixture f;
    fixture_set_up(&f, "{}");
    PbxTrial *trial = fixture_trial(&f, "{}");
    trial->err = g_strdup(f.dir);
    g_assert_null(failure_tail(trial, 3));
    g_free(trial->err);
    trial->err = g_strdup("/dev/zero");
    g_assert_null(failure_tail(trial, 3));
    g_free(trial->err);
    trial->err = g_build_filename(f.dir, "none", NULL);
    g_assert_null(failure_tail(trial, 3));
    fixture_tear_down(&f);
}

static void
test_error_txt(void)
{
    Fixture f;
    fixture_set_up(&f, "{}");
    PbxTrial *trial = fixture_trial(&f, "{}");
    trial->dir = g_build_filename(f.dir, "trial", NULL); /* not made yet */
    trial->row.failures = 1;
    failure_write(&f.runner, trial, "exit status 3");
    trial->err = g_build_filename(f.dir, "stderr", NULL);
    g_assert_true(g_file_set_contents(trial->err, "Traceback\nValueError: x\n", -1, NULL));
    trial->row.failures = 2;
    failure_write(&f.runner, trial, "killed by signal 11");
    g_autofree char *path = g_build_filename(trial->dir, "error.txt", NULL);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_autoptr(GRegex) date = g_regex_new("\\d{4}-\\d\\d-\\d\\d_\\d\\d-\\d\\d-\\d\\d", 0, 0, NULL);
    g_autofree char *plain = g_regex_replace_literal(date, text, -1, 0, "DATE", 0, NULL);
    g_assert_cmpstr(plain, ==,
                    "Failure # 1 (occurred at DATE)\nexit status 3\n\n"
                    "Failure # 2 (occurred at DATE)\nkilled by signal 11\n"
                    "Traceback\nValueError: x\n\n");
    fixture_tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/experiment/failure/tail", test_tail);
    g_test_add_func("/experiment/failure/no-file", test_no_file);
    g_test_add_func("/experiment/failure/error-txt", test_error_txt);
    return g_test_run();
}
