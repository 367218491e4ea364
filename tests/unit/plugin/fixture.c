/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plugin directory of a test's own, filled with objects that were built for it. */
#include "fixture.h"

#include <string.h>

#include "checkpoint/checkpoint.h"

static char *home;

void
fixture_init(int *argc, char ***argv)
{
    home = g_dir_make_tmp("pegbox-home-XXXXXX", NULL);
    g_assert_nonnull(home);
    g_setenv("HOME", home, TRUE);
    g_test_init(argc, argv, NULL);
}

int
fixture_run(void)
{
    int status = g_test_run();
    g_assert_true(checkpoint_remove(home, NULL));
    return status;
}

static void
add_warning(const char *message, gpointer user)
{
    g_ptr_array_add(user, g_strdup(message));
}

void
fixture_set_up(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    fixture->dir = g_dir_make_tmp("pegbox-plugins-XXXXXX", &error);
    g_assert_no_error(error);
    g_setenv("PEGBOX_PLUGIN_PATH", fixture->dir, TRUE);
    fixture->registry = registry_new(&error);
    g_assert_no_error(error);
    fixture->warnings = g_ptr_array_new_with_free_func(g_free);
    registry_on_warning(fixture->registry, add_warning, fixture->warnings);
}

void
fixture_tear_down(Fixture *fixture)
{
    registry_free(fixture->registry);
    g_assert_true(checkpoint_remove(fixture->dir, NULL));
    g_ptr_array_unref(fixture->warnings);
    g_free(fixture->dir);
}

char *
fixture_object(const char *object)
{
    g_autofree char *name = g_strdup_printf("object-%s.so", object);
    return g_test_build_filename(G_TEST_BUILT, "tests", "unit", "plugin", name, NULL);
}

static char *
place(Fixture *fixture, const char *kind, const char *file)
{
    g_autofree char *folder = g_build_filename(fixture->dir, kind, NULL);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    g_autofree char *name = g_strconcat(file, ".so", NULL);
    return g_build_filename(folder, name, NULL);
}

char *
fixture_write(Fixture *fixture, const char *kind, const char *file, const char *contents)
{
    char *path = place(fixture, kind, file);
    g_assert_true(g_file_set_contents(path, contents, -1, NULL));
    return path;
}

char *
fixture_install(Fixture *fixture, const char *object, const char *kind, const char *file)
{
    char *path = place(fixture, kind, file);
    g_autofree char *source = fixture_object(object);
    g_autofree char *bytes = NULL;
    gsize length;
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_get_contents(source, &bytes, &length, &error));
    g_assert_no_error(error);
    g_assert_true(g_file_set_contents_full(path, bytes, (gssize)length, G_FILE_SET_CONTENTS_NONE,
                                           0755, &error));
    return path;
}

void
fixture_assert_broken(Fixture *fixture, const char *object, const char *expected)
{
    g_autofree char *path = fixture_install(fixture, object, "stopper", object);
    g_autoptr(GError) error = NULL;
    g_assert_null(registry_load_file(fixture->registry, path, NULL, NULL, &error));
    g_assert_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN);
    g_assert_cmpint(plugin_error_status(error), ==, 3);
    if (!g_str_has_prefix(error->message, path) || strstr(error->message, expected) == NULL)
        g_error("'%s' does not begin with the path and tell '%s'", error->message, expected);
}
