/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts that cannot steer a terminal, and columns as it counts them. */
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "terminal/terminal.h"

static void
test_safe(void)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"plain \xc3\xa9 \xe6\xbc\xa2", "plain \xc3\xa9 \xe6\xbc\xa2"},
        {"a\nb\rc\td", "a\\nb\\rc\\td"},
        {"\033[2J\033]0;x\a", "\\x1b[2J\\x1b]0;x\\x07"},
        {"\x7f", "\\x7f"},
        {"\xc2\x9b"
         "2J",
         "\\x9b2J"}, /* CSI in one character */
        {"\xe2\x80\xae"
         "txt",
         "\\u202etxt"},                                 /* right to left from here */
        {"\xe2\x80\x8b\xef\xbb\xbf", "\\u200b\\ufeff"}, /* no width at all */
        {"\xf3\xa0\x81\xa1", "\\U000e0061"},            /* an invisible tag */
        {"a\xff"
         "b\xe6\xbc",
         "a\\xffb\\xe6\\xbc"},               /* no UTF-8 */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* half a character */
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *safe = terminal_safe(cases[i][0]);
        g_assert_cmpstr(safe, ==, cases[i][1]);
    }
}

static void
test_text_width(void)
{
    g_assert_cmpint(terminal_text_width(""), ==, 0);
    g_assert_cmpint(terminal_text_width("abc"), ==, 3);
    g_assert_cmpint(terminal_text_width("\xe6\xbc\xa2\xe5\xad\x97"), ==, 4); /* wide */
    g_assert_cmpint(terminal_text_width("e\xcc\x81"), ==, 1);                /* combined */
}

static void
test_cells(void)
{
    static const struct {
        const char *text;
        int width;
        gboolean right;
        const char *cell;
    } cases[] = {
        {"ab", 4, FALSE, "ab  "},
        {"ab", 4, TRUE, "  ab"},
        {"abcd", 4, FALSE, "abcd"},
        {"abcde", 4, FALSE, "abc\xe2\x80\xa6"},
        {"abcde", 4, TRUE, "abc\xe2\x80\xa6"},
        {"abc", 1, FALSE, "\xe2\x80\xa6"},
        {"abc", 0, FALSE, ""},
        {"", 2, FALSE, "  "},
        {"\xe6\xbc\xa2\xe5\xad\x97", 4, FALSE, "\xe6\xbc\xa2\xe5\xad\x97"},
        /* Half of a wide character cannot be shown: a blank keeps the column. */
        {"\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2", 4, FALSE, "\xe6\xbc\xa2\xe2\x80\xa6 "},
    };
    const char *charset = NULL;
    if (!g_get_charset(&charset)) {
        g_test_skip("no UTF-8 locale is installed");
        return;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) out = g_string_new("|");
        terminal_put_cell(out, cases[i].text, cases[i].width, cases[i].right);
        g_assert_cmpstr(out->str + 1, ==, cases[i].cell);
        g_assert_cmpint(terminal_text_width(out->str + 1), ==, cases[i].width);
    }
}

static void
test_size(void)
{
    g_setenv("COLUMNS", "123", TRUE);
    g_setenv("LINES", "45", TRUE);
    g_assert_cmpint(terminal_width(), ==, 123);
    g_assert_cmpint(terminal_height(), ==, 45);
    /* What is no size is passed over; there is always one. */
    static const char *const bad[] = {"", "0", "-5", "wide", "99999", "80x"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_setenv("COLUMNS", bad[i], TRUE);
        g_assert_cmpint(terminal_width(), >, 0);
        g_assert_cmpint(terminal_width(), !=, 123);
    }
    g_unsetenv("COLUMNS");
    g_unsetenv("LINES");
}

static void
test_colour(void)
{
    int file = open("/dev/null", O_RDWR | O_CLOEXEC);
    g_setenv("TERM", "xterm", TRUE);
    g_unsetenv("NO_COLOR");
    g_assert_false(terminal_colour(file));
    close(file);
    int main_side = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (main_side < 0 || grantpt(main_side) != 0 || unlockpt(main_side) != 0) {
        g_test_skip("no pseudo terminal can be had");
        return;
    }
    int terminal = open(ptsname(main_side), O_RDWR | O_NOCTTY | O_CLOEXEC);
    g_assert_cmpint(terminal, >=, 0);
    g_assert_true(terminal_colour(terminal));
    g_setenv("NO_COLOR", "", TRUE); /* no-color.org: empty is as unset */
    g_assert_true(terminal_colour(terminal));
    g_setenv("NO_COLOR", "1", TRUE);
    g_assert_false(terminal_colour(terminal));
    g_unsetenv("NO_COLOR");
    g_setenv("TERM", "dumb", TRUE);
    g_assert_false(terminal_colour(terminal));
    g_unsetenv("TERM");
    g_assert_false(terminal_colour(terminal));
    close(terminal);
    close(main_side);
}

int
main(int argc, char **argv)
{
    if (setlocale(LC_ALL, "C.UTF-8") == NULL)
        setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/terminal/safe", test_safe);
    g_test_add_func("/terminal/text-width", test_text_width);
    g_test_add_func("/terminal/cells", test_cells);
    g_test_add_func("/terminal/size", test_size);
    g_test_add_func("/terminal/colour", test_colour);
    return g_test_run();
}
