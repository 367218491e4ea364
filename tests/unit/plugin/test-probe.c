/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A child process looks into a plugin, so that nothing in it can harm this one. */
#include <string.h>

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

static JsonNode *
probe(Fixture *f, const char *object, GError **error)
{
    g_autofree char *path = fixture_install(f, object, "stopper", "good");
    return registry_probe(f->registry, path, "stopper", "good", error);
}

static void
assert_probe_fails(Fixture *f, const char *object, int code, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) plugin = probe(f, object, &error);
    g_assert_null(plugin);
    g_assert_error(error, PBX_PLUGIN_ERROR, code);
    if (!g_str_has_prefix(error->message, f->dir) || strstr(error->message, expected) == NULL)
        g_error("'%s' does not begin with the path and tell '%s'", error->message, expected);
}

static void
tells_what_loading_would(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) plugin = probe(f, "good", &error);
    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(f->dir, "stopper", "good.so", NULL);
    const PbxPlugin *loaded = registry_load_file(f->registry, path, NULL, NULL, NULL);
    g_autoptr(JsonNode) expected = plugin_to_json(loaded);
    g_autofree char *is = json_to_text(plugin), *should = json_to_text(expected);
    g_assert_cmpstr(is, ==, should);
}

static void
survives_what_a_constructor_does(Fixture *f)
{
    assert_probe_fails(f, "aborts", PLUGIN_ERROR_BROKEN,
                       "it crashed while it was loaded (signal 6, Aborted)");
    assert_probe_fails(f, "exits", PLUGIN_ERROR_BROKEN,
                       "it ended the process while it was loaded (exit status 7)");
}

static void
ends_what_hangs(Fixture *f)
{
    probe_set_limit(G_USEC_PER_SEC / 5);
    assert_probe_fails(f, "hangs", PLUGIN_ERROR_BROKEN, "it did not load within ");
    probe_set_limit(0);
}

static void
is_not_confused_by_output(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) plugin = probe(f, "prints", &error);
    g_assert_no_error(error);
    g_assert_nonnull(plugin);
}

static void
hands_on_errors_and_warnings(Fixture *f)
{
    assert_probe_fails(f, "magic", PLUGIN_ERROR_BROKEN, "its entry begins with 0x12345678");
    assert_probe_fails(f, "unresolved", PLUGIN_ERROR_BROKEN, "pegbox_test_is_nowhere");
    g_autoptr(GError) error = NULL;
    g_assert_null(registry_probe(f->registry, "/no/such.so", NULL, NULL, &error));
    g_assert_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_NOT_FOUND);
    g_assert_cmpuint(f->warnings->len, ==, 0);
    g_autoptr(JsonNode) plugin = probe(f, "rounds", NULL);
    g_assert_nonnull(plugin);
    g_assert_cmpuint(f->warnings->len, ==, 1);
}

static void
names_what_else_is_in_the_file(Fixture *f)
{
    g_autoptr(JsonNode) plugin = probe(f, "two", NULL);
    JsonArray *also = json_object_get_array_member(json_node_get_object(plugin), "also");
    g_assert_cmpuint(json_array_get_length(also), ==, 1);
    g_assert_cmpstr(json_array_get_string_element(also, 0), ==, "stopper/second");
}

static void
note_probed(const PbxPluginFile *file, JsonNode *plugin, const GError *error, gpointer user)
{
    g_assert_true((plugin != NULL) != (error != NULL));
    if (error != NULL)
        g_assert_nonnull(strstr(error->message, file->path));
    g_string_append_printf(user, "%s:%s ", file->name,
                           plugin != NULL
                               ? json_object_get_string_member(json_node_get_object(plugin), "name")
                               : "broken");
}

static void
tells_each_of_many(Fixture *f)
{
    const struct {
        const char *object, *name;
    } files[] = {{"aborts", "a"}, {"good", "good"},  {"exits", "h"},
                 {"magic", "m"},  {"two", "second"}, {"aborts", "z"}};
    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = fixture_install(f, files[i].object, "stopper", files[i].name);
    }
    g_autoptr(GPtrArray) found = registry_files(f->registry, "stopper");
    for (guint i = found->len; i-- > 0;) {
        if (!g_str_has_prefix(((PbxPluginFile *)found->pdata[i])->path, f->dir))
            g_ptr_array_remove_index(found, i); /* one of pegbox's own */
    }
    g_autoptr(GString) told = g_string_new(NULL);
    registry_probe_files(f->registry, found, note_probed, told);
    g_assert_cmpstr(told->str, ==, "a:broken good:good h:broken m:broken second:second z:broken ");
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        Test test;
    } tests[] = {
        {"/plugin/probe/as-loaded", tells_what_loading_would},
        {"/plugin/probe/constructor", survives_what_a_constructor_does},
        {"/plugin/probe/hang", ends_what_hangs},
        {"/plugin/probe/output", is_not_confused_by_output},
        {"/plugin/probe/errors-and-warnings", hands_on_errors_and_warnings},
        {"/plugin/probe/several-in-one-file", names_what_else_is_in_the_file},
        {"/plugin/probe/many-files", tells_each_of_many},
    };
    fixture_init(&argc, &argv);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add_data_func(tests[i].path, (gconstpointer)tests[i].test, run);
    return fixture_run();
}
