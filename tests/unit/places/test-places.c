/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox's own files are found from the running program's place, in a moved tree too. */
#include <glib/gstdio.h>
#include <string.h>

#include "places/places.h"

/* This program, run from another place: it prints what it finds. */
static int
print_places(void)
{
    const PbxPlaces *places = places_get();
    g_print("%s\n%s\n%s\n%s\n%s\n%s\n", places->program, places->plugins, places->data,
            places->python, places->libexec, places->worker);
    return 0;
}

static void
build_tree_is_known(void)
{
    const PbxPlaces *places = places_get();
    const char *build = g_test_get_dir(G_TEST_BUILT);
    const struct {
        const char *is, *dir, *name;
    } expected[] = {{places->program, "core", "pegbox"},
                    {places->plugins, "plugins", NULL},
                    {places->data, "core", NULL},
                    {places->python, "sdk", NULL},
                    {places->worker, "core", "pegbox-worker"}};
    for (gsize i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_autofree char *path = g_build_filename(build, expected[i].dir, expected[i].name, NULL);
        g_assert_cmpstr(expected[i].is, ==, path);
    }
}

/* Copies this program to ROOT/SUB/name, with the other directories of an installation. */
static char *
install(const char *root, const char *sub, const char *name)
{
    const char *const dirs[] = {PEGBOX_BINDIR, PEGBOX_LIBEXECDIR, PEGBOX_PLUGINSDIR,
                                PEGBOX_DATADIR};
    for (gsize i = 0; i < G_N_ELEMENTS(dirs); i++) {
        g_autofree char *dir = g_build_filename(root, dirs[i], NULL);
        g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
    }
    char *path = g_build_filename(root, sub, name, NULL);
    g_autofree char *bytes = NULL;
    gsize length;
    g_assert_true(g_file_get_contents("/proc/self/exe", &bytes, &length, NULL));
    g_assert_true(g_file_set_contents_full(path, bytes, (gssize)length, G_FILE_SET_CONTENTS_NONE,
                                           0755, NULL));
    return path;
}

static void
assert_installed(const char *root, const char *program)
{
    char *argv[] = {(char *)program, (char *)"--places", NULL};
    g_autofree char *out = NULL;
    g_autoptr(GError) error = NULL;
    g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL, NULL, &error);
    g_assert_no_error(error);
    g_autofree char *expected =
        g_strdup_printf("%s/" PEGBOX_BINDIR "/pegbox\n%s/" PEGBOX_PLUGINSDIR "\n%s/" PEGBOX_DATADIR
                        "\n%s/" PEGBOX_DATADIR "/python\n%s/" PEGBOX_LIBEXECDIR
                        "\n%s/" PEGBOX_LIBEXECDIR "/pegbox-worker\n",
                        root, root, root, root, root, root);
    g_assert_cmpstr(out, ==, expected);
}

static void
moved_tree_works(void)
{
    if (g_path_is_absolute(PEGBOX_BINDIR) || g_path_is_absolute(PEGBOX_LIBEXECDIR)) {
        g_test_skip("configured with absolute directories");
        return;
    }
    g_autofree char *root = g_dir_make_tmp("pegbox-tree-XXXXXX", NULL);
    g_autofree char *program = install(root, PEGBOX_BINDIR, "pegbox");
    g_autofree char *worker = install(root, PEGBOX_LIBEXECDIR, "pegbox-worker");
    assert_installed(root, program);
    assert_installed(root, worker);
    g_autofree char *moved = g_strconcat(root, "-moved", NULL);
    g_assert_cmpint(g_rename(root, moved), ==, 0);
    g_autofree char *moved_program = g_build_filename(moved, PEGBOX_BINDIR, "pegbox", NULL);
    assert_installed(moved, moved_program);
    char *remove[] = {(char *)"rm", (char *)"-r", moved, NULL};
    g_spawn_sync(NULL, remove, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
}

static void
assert_expands(const char *path, const char *base, const char *expected)
{
    g_autofree char *is = places_expand(path, base);
    g_assert_cmpstr(is, ==, expected);
}

static void
paths_of_the_user_are_expanded(void)
{
    g_autofree char *in_home = g_build_filename(g_get_home_dir(), "x", NULL);
    assert_expands("~/x", "/base", in_home);
    assert_expands("x/y", "/base", "/base/x/y");
    assert_expands("../y", "/base/z", "/base/y");
    assert_expands("/a", "/base", "/a");
    assert_expands("~x", "/base", "/base/~x");
}

int
main(int argc, char **argv)
{
    if (argc == 2 && g_str_equal(argv[1], "--places"))
        return print_places();
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plugin/places/build-tree", build_tree_is_known);
    g_test_add_func("/plugin/places/moved-tree", moved_tree_works);
    g_test_add_func("/plugin/places/expand", paths_of_the_user_are_expanded);
    return g_test_run();
}
