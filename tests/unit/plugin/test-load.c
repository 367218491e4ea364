/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding, checking and loading plugins in this process. */
#include <fenv.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

typedef void (*Test)(Fixture *);

static void
run(gconstpointer test)
{
    Fixture fixture;
    fixture_set_up(&fixture);
    ((Test)test)(&fixture);
    fixture_tear_down(&fixture);
}

static void
assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        g_error("'%s' does not contain '%s'", text, part);
}

/* What loading KIND/NAME says. (transfer full) */
static char *
load_error(Fixture *f, const char *kind, const char *name, int code)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(registry_load(f->registry, kind, name, &error));
    g_assert_error(error, PBX_PLUGIN_ERROR, code);
    g_assert_null(strchr(error->message, '\n'));
    return g_strdup(error->message);
}

/* ---- A good one ---- */

static void
loads_a_good_one(Fixture *f)
{
    g_autofree char *path = fixture_install(f, "good", "stopper", "good");
    g_autoptr(GError) error = NULL;
    const PbxPlugin *plugin = registry_load(f->registry, "stopper", "good", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(plugin->path, ==, path);
    g_assert_cmpstr(plugin->desc->version, ==, "1.2.3");
    g_assert_nonnull(plugin_interface(plugin, "stopper/1"));
    g_assert_null(plugin_interface(plugin, "stopper/2"));
    g_assert_cmpuint(plugin_caps(plugin), ==, PBX_CAP_NEEDS_METRIC | PBX_CAP_SLOW);
    g_assert_true(registry_load(f->registry, "stopper", "good", NULL) == plugin);
    g_assert_cmpuint(f->warnings->len, ==, 0);
}

static void
outlives_its_registry(Fixture *f)
{
    g_autofree char *path = fixture_install(f, "good", "stopper", "good");
    g_autoptr(PbxRegistry) other = registry_new(NULL);
    const PbxPlugin *plugin = registry_load(other, "stopper", "good", NULL);
    registry_free(g_steal_pointer(&other));
    g_assert_cmpstr(plugin->desc->name, ==, "good");
}

static void
serves_several_names_from_one_file(Fixture *f)
{
    g_autofree char *path = fixture_install(f, "two", "stopper", "good");
    g_autofree char *link = g_build_filename(f->dir, "stopper", "second.so", NULL);
    g_assert_cmpint(symlink("good.so", link), ==, 0);
    g_assert_cmpstr(registry_load(f->registry, "stopper", "good", NULL)->desc->name, ==, "good");
    g_assert_cmpstr(registry_load(f->registry, "stopper", "second", NULL)->desc->name, ==,
                    "second");
}

static void
loads_a_file_by_its_path(Fixture *f)
{
    g_autofree char *path = fixture_install(f, "two", "elsewhere", "any-name");
    g_assert_cmpstr(registry_load_file(f->registry, path, NULL, NULL, NULL)->desc->name, ==,
                    "good");
    g_assert_cmpstr(registry_load_file(f->registry, path, "stopper", "second", NULL)->desc->name,
                    ==, "second");
    g_autoptr(GError) error = NULL;
    g_assert_null(registry_load_file(f->registry, "/no/such.so", NULL, NULL, &error));
    g_assert_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_NOT_FOUND);
}

/* ---- Names and the search path ---- */

static void
suggests_a_name(Fixture *f)
{
    g_autofree char *path = fixture_install(f, "good", "stopper", "good");
    g_autofree char *near = load_error(f, "stopper", "goood", PLUGIN_ERROR_NOT_FOUND);
    g_assert_cmpstr(near, ==, "there is no stopper 'goood'; did you mean 'good'?");
    g_autofree char *far = load_error(f, "stopper", "zzzzzzzz", PLUGIN_ERROR_NOT_FOUND);
    assert_contains(far, "there is no stopper 'zzzzzzzz'; installed are: ");
    assert_contains(far, "good");
    g_autofree char *kind = load_error(f, "stoper", "good", PLUGIN_ERROR_NOT_FOUND);
    g_assert_cmpstr(kind, ==, "there is no kind 'stoper' of plugin; did you mean 'stopper'?");
}

static void
lets_no_name_leave_the_directory(Fixture *f)
{
    g_autofree char *path = fixture_install(f, "good", "stopper", "good");
    g_autofree char *up = load_error(f, "search", "../stopper/good", PLUGIN_ERROR_NOT_FOUND);
    g_autofree char *empty = load_error(f, "stopper", "", PLUGIN_ERROR_NOT_FOUND);
    g_assert_false(registry_has(f->registry, "stopper", "./good"));
    g_assert_true(registry_has(f->registry, "stopper", "good"));
}

static void
takes_the_first_on_the_path(Fixture *f)
{
    Fixture second;
    fixture_set_up(&second);
    g_autofree char *winner = fixture_install(f, "good", "stopper", "good");
    g_autofree char *loser = fixture_install(&second, "good", "stopper", "good");
    g_autofree char *both = g_strdup_printf("%s:%s", f->dir, second.dir);
    g_setenv("PEGBOX_PLUGIN_PATH", both, TRUE);
    g_autoptr(PbxRegistry) registry = registry_new(NULL);
    g_assert_cmpstr(registry_load(registry, "stopper", "good", NULL)->path, ==, winner);
    g_autoptr(GPtrArray) files = registry_files(registry, "stopper");
    guint i = 0;
    while (!g_str_equal(((const PbxPluginFile *)files->pdata[i])->name, "good"))
        i++;
    const PbxPluginFile *first = files->pdata[i], *next = files->pdata[i + 1];
    g_assert_cmpstr(first->path, ==, winner);
    g_assert_null(first->shadowed_by);
    g_assert_cmpstr(next->path, ==, loser);
    g_assert_cmpstr(next->shadowed_by, ==, winner);
    fixture_tear_down(&second);
}

static void
never_falls_back_from_a_bad_first(Fixture *f)
{
    Fixture second;
    fixture_set_up(&second);
    g_autofree char *bad = fixture_write(f, "stopper", "good", "no object");
    g_autofree char *good = fixture_install(&second, "good", "stopper", "good");
    g_autofree char *both = g_strdup_printf("%s:%s", f->dir, second.dir);
    g_setenv("PEGBOX_PLUGIN_PATH", both, TRUE);
    g_autoptr(PbxRegistry) registry = registry_new(NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(registry_load(registry, "stopper", "good", &error));
    g_assert_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN);
    fixture_tear_down(&second);
}

static void
takes_a_dangling_link_for_a_bad_first(Fixture *f)
{
    g_autofree char *path = fixture_write(f, "stopper", "good", "");
    g_assert_cmpint(g_remove(path), ==, 0);
    g_assert_cmpint(symlink("/no/such.so", path), ==, 0);
    g_autofree char *message = load_error(f, "stopper", "good", PLUGIN_ERROR_BROKEN);
    assert_contains(message, "cannot be read");
}

static void
finds_the_user_s_own_directory(Fixture *f)
{
    g_autofree char *major = g_strdup_printf("%u", PEGBOX_ABI_MAJOR);
    Fixture own = {.dir =
                       g_build_filename(g_get_home_dir(), ".local", "lib", "pegbox", major, NULL)};
    g_autofree char *path = fixture_install(&own, "good", "stopper", "mine");
    g_assert_true(registry_has(f->registry, "stopper", "mine"));
    g_assert_cmpint(g_remove(path), ==, 0);
    g_free(own.dir);
}

static void
assert_path_error(const char *value, const char *expected)
{
    g_setenv("PEGBOX_PLUGIN_PATH", value, TRUE);
    g_autoptr(GError) error = NULL;
    g_assert_null(registry_new(&error));
    g_assert_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_PATH);
    g_assert_cmpint(plugin_error_status(error), ==, 2);
    g_assert_cmpstr(error->message, ==, expected);
}

static void
refuses_empty_and_relative_elements(Fixture *f G_GNUC_UNUSED)
{
    assert_path_error("/a::/b", "PEGBOX_PLUGIN_PATH: element 2 is empty; remove the extra colon");
    assert_path_error("/a:", "PEGBOX_PLUGIN_PATH: element 2 is empty; remove the extra colon");
    assert_path_error("/a:plugins",
                      "PEGBOX_PLUGIN_PATH: 'plugins' is a relative path; give an absolute one");
    g_setenv("PEGBOX_PLUGIN_PATH", "", TRUE);
    g_autoptr(PbxRegistry) registry = registry_new(NULL);
    g_assert_nonnull(registry);
}

/* ---- Files that are refused ---- */

static void
refuses_what_is_no_object(Fixture *f)
{
    g_autofree char *text = fixture_write(f, "stopper", "text", "#!/bin/sh\n");
    g_autofree char *message = load_error(f, "stopper", "text", PLUGIN_ERROR_BROKEN);
    assert_contains(message, "not a plugin: it is no shared object (ELF file)");
    g_autofree char *empty = fixture_write(f, "stopper", "empty", "");
    g_autofree char *of_empty = load_error(f, "stopper", "empty", PLUGIN_ERROR_BROKEN);
    assert_contains(of_empty, "it is no shared object (ELF file)");
}

/* The object with one byte of its header changed. */
static char *
error_of_altered(Fixture *f, gsize at, char value)
{
    g_autofree char *path = fixture_install(f, "good", "stopper", "altered");
    g_autofree char *bytes = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
    bytes[at] = value;
    g_assert_true(g_file_set_contents(path, bytes, (gssize)length, NULL));
    return load_error(f, "stopper", "altered", PLUGIN_ERROR_BROKEN);
}

static void
refuses_another_machine_s_object(Fixture *f)
{
    g_autofree char *machine = error_of_altered(f, 18, 0x15);
    assert_contains(machine, "built for another kind of machine");
    g_autofree char *class = error_of_altered(f, 4, 1);
    assert_contains(class, "built for another kind of machine");
    g_autofree char *type = error_of_altered(f, 16, 1);
    assert_contains(type, "it is no shared object; link it with -shared");
}

static void
refuses_a_directory(Fixture *f)
{
    g_autofree char *folder = g_build_filename(f->dir, "stopper", "good.so", NULL);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    g_autofree char *message = load_error(f, "stopper", "good", PLUGIN_ERROR_BROKEN);
    assert_contains(message, "it is not a regular file");
}

static void
refuses_what_everybody_may_write(Fixture *f)
{
    g_autofree char *path = fixture_install(f, "good", "stopper", "good");
    g_autofree char *folder = g_path_get_dirname(path);
    g_assert_cmpint(g_chmod(path, 0777), ==, 0);
    g_autofree char *of_file = load_error(f, "stopper", "good", PLUGIN_ERROR_BROKEN);
    assert_contains(of_file, "unsafe plugin: everybody may write to it; `chmod o-w` it");
    g_assert_cmpint(g_chmod(path, 0775), ==, 0);
    g_assert_cmpint(g_chmod(folder, 0777), ==, 0);
    g_autofree char *of_folder = load_error(f, "stopper", "good", PLUGIN_ERROR_BROKEN);
    assert_contains(of_folder, "unsafe plugin directory: everybody may write to it");
    g_assert_cmpint(g_chmod(folder, 0775), ==, 0);
    g_assert_cmpint(g_chmod(f->dir, 0777), ==, 0);
    g_autofree char *of_dir = load_error(f, "stopper", "good", PLUGIN_ERROR_BROKEN);
    assert_contains(of_dir, "unsafe plugin directory");
    g_assert_cmpint(g_chmod(f->dir, 0775), ==, 0); /* a group may */
    g_assert_nonnull(registry_load(f->registry, "stopper", "good", NULL));
}

static void
looks_behind_links(Fixture *f)
{
    Fixture second;
    fixture_set_up(&second);
    g_autofree char *target = fixture_install(&second, "good", "stopper", "good");
    g_autofree char *folder = g_path_get_dirname(target);
    g_autofree char *link = fixture_write(f, "stopper", "good", "");
    g_assert_cmpint(g_remove(link), ==, 0);
    g_assert_cmpint(symlink(target, link), ==, 0);
    g_assert_cmpint(g_chmod(folder, 0777), ==, 0);
    g_autofree char *message = load_error(f, "stopper", "good", PLUGIN_ERROR_BROKEN);
    assert_contains(message, "unsafe plugin directory");
    fixture_tear_down(&second);
}

static void
refuses_another_user_s(Fixture *f)
{
    if (geteuid() != 0) {
        g_test_skip("only root can give a file away");
        return;
    }
    g_autofree char *path = fixture_install(f, "good", "stopper", "good");
    g_assert_cmpint(chown(path, 12345, (gid_t)-1), ==, 0);
    g_autofree char *message = load_error(f, "stopper", "good", PLUGIN_ERROR_BROKEN);
    assert_contains(message, "belongs to user 12345, and root loads only root's own");
    g_assert_true(safety_check(path, f->dir, TRUE, NULL)); /* the built-in directory is trusted */
}

/* ---- Objects that are refused ---- */

static void
checks_the_entry(Fixture *f)
{
    fixture_assert_broken(f, "magic", "not a plugin: its entry begins with 0x12345678");
    fixture_assert_broken(f, "no-symbol", "it does not export pegbox_plugin_v0");
    fixture_assert_broken(f, "small", "its entry says that it is 8 bytes long");
    fixture_assert_broken(f, "later-major", "it was built for plugin ABI 1.");
    fixture_assert_broken(f, "later-symbol", "it was built for plugin ABI 1, and this pegbox");
    fixture_assert_broken(f, "other-minor", "it was built for plugin ABI 0.99, and this pegbox");
    fixture_assert_broken(f, "flags", "; build both alike");
    fixture_assert_broken(f, "table", "window: the default 11 is not an integer in [1, 10]");
}

static void
checks_symbols_at_once(Fixture *f)
{
    fixture_assert_broken(f, "unresolved",
                          "the plugin cannot be loaded: undefined symbol: pegbox_test_is_nowhere");
}

static void
checks_that_it_holds_what_its_file_says(Fixture *f)
{
    g_autofree char *name = fixture_install(f, "good", "stopper", "other");
    g_autofree char *of_name = load_error(f, "stopper", "other", PLUGIN_ERROR_BROKEN);
    assert_contains(of_name, "it holds stopper/good, not stopper/other");
    g_autofree char *kind = fixture_install(f, "good", "search", "good");
    g_autofree char *of_kind = load_error(f, "search", "good", PLUGIN_ERROR_BROKEN);
    assert_contains(of_kind, "it holds stopper/good, not search/good");
}

static void
keeps_the_floating_point_environment(Fixture *f)
{
    g_autofree char *path = fixture_install(f, "rounds", "stopper", "good");
    g_assert_nonnull(registry_load(f->registry, "stopper", "good", NULL));
    g_assert_cmpint(fegetround(), ==, FE_TONEAREST);
    g_assert_cmpuint(f->warnings->len, ==, 1);
    assert_contains(f->warnings->pdata[0], "build it without -ffast-math");
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        Test test;
    } tests[] = {
        {"/plugin/load/a-good-one", loads_a_good_one},
        {"/plugin/load/outlives-its-registry", outlives_its_registry},
        {"/plugin/load/several-in-one-file", serves_several_names_from_one_file},
        {"/plugin/load/by-path", loads_a_file_by_its_path},
        {"/plugin/find/suggests-a-name", suggests_a_name},
        {"/plugin/find/no-name-leaves-the-directory", lets_no_name_leave_the_directory},
        {"/plugin/find/first-wins", takes_the_first_on_the_path},
        {"/plugin/find/no-fall-back", never_falls_back_from_a_bad_first},
        {"/plugin/find/dangling-link", takes_a_dangling_link_for_a_bad_first},
        {"/plugin/find/own-directory", finds_the_user_s_own_directory},
        {"/plugin/find/path-elements", refuses_empty_and_relative_elements},
        {"/plugin/safety/no-object", refuses_what_is_no_object},
        {"/plugin/safety/another-machine", refuses_another_machine_s_object},
        {"/plugin/safety/directory", refuses_a_directory},
        {"/plugin/safety/world-writable", refuses_what_everybody_may_write},
        {"/plugin/safety/behind-links", looks_behind_links},
        {"/plugin/safety/owner", refuses_another_user_s},
        {"/plugin/load/entry", checks_the_entry},
        {"/plugin/load/symbols", checks_symbols_at_once},
        {"/plugin/load/kind-and-name", checks_that_it_holds_what_its_file_says},
        {"/plugin/load/floating-point", keeps_the_floating_point_environment},
    };
    fixture_init(&argc, &argv);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add_data_func(tests[i].path, (gconstpointer)tests[i].test, run);
    return fixture_run();
}
