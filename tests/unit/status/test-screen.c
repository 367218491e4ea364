/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is written to the terminal to redraw a block in place. */
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "status/screen.h"

static int kept_stdout;

/* What was written to standard output since. (transfer full) */
static char *
written(FILE *file)
{
    char buffer[262144];
    fflush(stdout);
    rewind(file);
    gsize n = fread(buffer, 1, sizeof buffer - 1, file);
    buffer[n] = '\0';
    g_assert_cmpint(ftruncate(fileno(file), 0), ==, 0);
    rewind(file);
    return g_strdup(buffer);
}

static FILE *
capture(void)
{
    FILE *file = tmpfile();
    g_assert_nonnull(file);
    fflush(stdout);
    kept_stdout = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    return file;
}

static void
release(FILE *file)
{
    fflush(stdout);
    dup2(kept_stdout, STDOUT_FILENO);
    close(kept_stdout);
    fclose(file);
}

static void
assert_written(FILE *file, const char *expected)
{
    g_autofree char *text = written(file);
    g_autofree char *shown = g_strescape(text, NULL), *wanted = g_strescape(expected, NULL);
    g_assert_cmpstr(shown, ==, wanted);
}

static void
test_in_place(void)
{
    FILE *file = capture();
    PbxScreen *screen = screen_new();
    g_assert_false(screen_add_line(screen, "the caller's\n")); /* no block stands there */
    screen_draw(screen, "one\ntwo\n", 80);
    assert_written(file, "one\033[K\ntwo\033[K\n\033[J");
    screen_draw(screen, "one\ntwo\n", 80);
    assert_written(file, ""); /* nothing has changed */
    screen_draw(screen, "1\n", 80);
    assert_written(file, "\033[2A\r1\033[K\n\033[J");
    g_assert_true(screen_add_line(screen, "a line\n"));
    assert_written(file, ""); /* with the next one */
    screen_draw(screen, "1\n", 80);
    assert_written(file, "\033[1A\ra line\033[K\n1\033[K\n\033[J");
    screen_end(screen, "last\n", 80);
    assert_written(file, "\033[1A\rlast\033[K\n\033[J");
    g_assert_false(screen_add_line(screen, "the caller's\n"));
    screen_free(screen);
    release(file);
}

/* A terminal that became narrower has wrapped what stood there: colours take no columns. */
static void
test_narrower(void)
{
    FILE *file = capture();
    PbxScreen *screen = screen_new();
    screen_draw(screen, "\033[31m0123456789\033[0m\n漢漢漢\nshort\n", 80);
    g_free(written(file));
    screen_draw(screen, "x\n", 5);
    assert_written(file, "\033[5A\rx\033[K\n\033[J"); /* 2 + 2 + 1 */
    screen_free(screen);
    release(file);
}

/* After the last column many terminals keep the cursor on it until the next character comes. */
static void
test_full_rows(void)
{
    FILE *file = capture();
    PbxScreen *screen = screen_new();
    screen_draw(screen, "x\n", 5);
    g_free(written(file));
    screen_add_line(screen, "01234\n012345\n0123456789\n");
    screen_draw(screen, "x\n", 5);
    assert_written(file, "\033[1A\r01234\n012345\033[K\n0123456789\nx\033[K\n\033[J");
    screen_free(screen);
    release(file);
}

/* A flood brings no further redraws: the block goes, and comes back when it is time. */
static void
test_flood(void)
{
    FILE *file = capture();
    PbxScreen *screen = screen_new();
    g_autofree char *line = g_strnfill(1000, 'x');
    line[999] = '\n';
    screen_draw(screen, "block\n", 80);
    g_free(written(file));
    guint taken = 0;
    while (screen_add_line(screen, line))
        g_assert_cmpuint(++taken, <, 100);
    g_autofree char *text = written(file);
    g_assert_true(g_str_has_prefix(text, "\033[1A\rxxx"));
    g_assert_true(g_str_has_suffix(text, "xxx\033[K\n\033[J"));
    g_assert_null(strstr(text, "block"));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines) - 1, ==, taken);
    screen_draw(screen, "block\n", 80);
    assert_written(file, "block\033[K\n\033[J");
    screen_free(screen);
    release(file);
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/status/screen/in-place", test_in_place);
    g_test_add_func("/status/screen/narrower", test_narrower);
    g_test_add_func("/status/screen/full-rows", test_full_rows);
    g_test_add_func("/status/screen/flood", test_flood);
    return g_test_run();
}
