/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which names and links stay inside. */
#include "archiver/archiver.h"

static void
test_names(void)
{
    static const char *const good[] = {"a", "a/b", "./a", "a//b/", "...", "a..b/..c", ".", ""};
    static const char *const bad[] = {"/", "/a", "..", "../a", "a/..", "a/../b", "a/./../b"};
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_null(path_problem(good[i]));
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_nonnull(path_problem(bad[i]));
    g_autofree char *longest = g_strnfill(255, 'n'), *longer = g_strnfill(256, 'n');
    g_assert_null(path_problem(longest));
    g_assert_nonnull(path_problem(longer));
    g_autoptr(GString) deep = g_string_new(NULL);
    for (guint i = 0; i < MAX_DEPTH; i++)
        g_string_append(deep, "d/");
    g_assert_null(path_problem(deep->str));
    g_string_append(deep, "d");
    g_assert_nonnull(path_problem(deep->str));
}

static void
test_links(void)
{
    static const char *const good[][2] = {
        {"l", "a"},         {"l", "a/b"},           {"l", "."},   {"a/l", ".."}, {"a/l", "../b"},
        {"a/b/l", "../.."}, {"a/b/l", ".././../c"}, {"l", "..."},
    };
    static const char *const bad[][2] = {
        {"l", ""},         {"l", "/"},       {"l", "/nonexistent/x"}, {"l", ".."},
        {"l", "../a"},     {"a/l", "../.."}, {"a/l", "../../a"},      {"./l", ".."},
        {"a//l", "../.."}, {"l", "a/.."},    {"a/l", "b/../../.."},   {"a/b/l", "../c/.."},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_null(path_link_problem(good[i][0], good[i][1]));
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_nonnull(path_link_problem(bad[i][0], bad[i][1]));
}

static void
test_clean(void)
{
    static const char *const pairs[][2] = {
        {"a", "a"}, {"./a/", "a"}, {"a//b/./c", "a/b/c"}, {".", ""}, {"", ""}, {"./", ""},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autofree char *clean = path_clean(pairs[i][0]);
        g_assert_cmpstr(clean, ==, pairs[i][1]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/archiver/path/names", test_names);
    g_test_add_func("/archiver/path/links", test_links);
    g_test_add_func("/archiver/path/clean", test_clean);
    return g_test_run();
}
