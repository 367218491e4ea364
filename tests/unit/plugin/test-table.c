/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a descriptor says of itself is checked whole: texts, interfaces, option table. */
#include <math.h>
#include <pegbox/search.h>
#include <pegbox/stopper.h>
#include <string.h>

#include "plugin/plugin-private.h"

static pbx_status
create(const pbx_host *host G_GNUC_UNUSED, const pbx_json *options G_GNUC_UNUSED,
       pbx_instance **instance G_GNUC_UNUSED, pbx_error *error G_GNUC_UNUSED)
{
    return PBX_OK;
}

static void
destroy(pbx_instance *instance G_GNUC_UNUSED)
{
}

static pbx_stopper vtable;
static pbx_interface interfaces[2];
static pbx_option rows[2];
static pbx_plugin desc;
static const char *warning;

/* A sound one, from which each test breaks a part. */
static void
reset(void)
{
    static const pbx_option row = {"window", "A number.", "0.1", PBX_OPTION_INT, 0, 1,
                                   10,       "3",         NULL};
    vtable = (pbx_stopper){.struct_size = sizeof(pbx_stopper),
                           .object = {.create = create, .destroy = destroy}};
    interfaces[0] = (pbx_interface){PBX_STOPPER_ID, &vtable};
    interfaces[1] = (pbx_interface){NULL, NULL};
    rows[0] = row;
    rows[1] = row;
    rows[1].name = "other";
    desc = (pbx_plugin){.struct_size = sizeof(pbx_plugin),
                        .option_size = sizeof(pbx_option),
                        .n_options = 2,
                        .kind = "stopper",
                        .name = "sound",
                        .version = "1",
                        .summary = "Is sound",
                        .license = "MIT",
                        .options = rows,
                        .interfaces = interfaces};
    warning = NULL;
}

static void
keep_warning(const char *message, gpointer user G_GNUC_UNUSED)
{
    warning = g_intern_string(message);
}

static const pbx_plugin *
find(const char *kind, const char *name, GError **error)
{
    static const pbx_plugin *plugins[] = {&desc};
    const pbx_entry entry = {.n_plugins = 1, .plugins = plugins};
    const PluginWarn warn = {keep_warning, NULL};
    return descriptor_find(&entry, kind, name, "/p.so", &warn, error);
}

static void
assert_broken(const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(find(NULL, NULL, &error));
    g_assert_error(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_BROKEN);
    g_autofree char *whole = g_strconcat("/p.so: ", expected, NULL);
    g_assert_cmpstr(error->message, ==, whole);
    reset();
}

static void
assert_row_broken(const char *expected)
{
    g_autofree char *whole = g_strconcat("its option table is wrong: ", expected, NULL);
    assert_broken(whole);
}

static void
a_sound_one_passes(void)
{
    reset();
    g_autoptr(GError) error = NULL;
    g_assert_true(find("stopper", "sound", &error) == &desc);
    g_assert_no_error(error);
    g_assert_null(warning);
}

static void
texts_are_there(void)
{
    reset();
    desc.struct_size = 8;
    assert_broken("its descriptor says that it is 8 bytes long; use sizeof(pbx_plugin)");
    desc.version = NULL;
    assert_broken("its descriptor has no version");
    desc.summary = "";
    assert_broken("its descriptor has no summary");
    desc.license = NULL;
    assert_broken("its descriptor has no license");
    desc.kind = "astrologer";
    assert_broken("it is of the kind 'astrologer', which this pegbox does not know");
    desc.name = "Not_good";
    assert_broken("it has the name 'Not_good'; use a-z, 0-9 and -");
}

static void
interfaces_fit_the_kind(void)
{
    reset();
    interfaces[0].id = "stopper/9";
    assert_broken("it is a stopper without the interface stopper/1 that this pegbox needs "
                  "(it has: stopper/9)");
    desc.interfaces = NULL;
    assert_broken("it is a stopper without the interface stopper/1 that this pegbox needs "
                  "(it has: none)");
    vtable.struct_size = 8;
    g_autofree char *size = g_strdup_printf(
        "its stopper/1 says that it is 8 bytes long, not %zu; set struct_size by sizeof",
        sizeof(pbx_stopper));
    assert_broken(size);
    vtable.object.create = NULL;
    assert_broken("its interface lacks create");
    vtable.object.destroy = NULL;
    assert_broken("its interface lacks destroy");
    vtable.object.state_version = 2;
    assert_broken("its interface has state_version 2 but lacks save");
}

static void
must_functions_are_there(void)
{
    static const pbx_search search = {.struct_size = sizeof(pbx_search),
                                      .object = {.create = create, .destroy = destroy}};
    reset();
    desc.kind = "search";
    interfaces[0] = (pbx_interface){PBX_SEARCH_ID, &search};
    assert_broken("its search/1 lacks suggest");
}

static void
rows_are_described(void)
{
    reset();
    rows[0].name = "Window";
    assert_row_broken("option 0 has the name 'Window'; use a-z, 0-9, _");
    rows[1].name = "plugin";
    assert_row_broken("option 1 has the name 'plugin'; use a-z, 0-9, _");
    rows[1].name = "window";
    assert_row_broken("window: it is there twice");
    rows[0].doc = "";
    assert_row_broken("window: it has no doc");
    rows[0].flags = PBX_OPTION_LIST | PBX_OPTION_MAP;
    assert_row_broken("window: it cannot be LIST and MAP at once");
    rows[0].flags = PBX_OPTION_REQUIRED;
    assert_row_broken("window: it is REQUIRED and has a default");
    rows[0].flags = PBX_OPTION_OBJECTIVE;
    assert_row_broken("window: OBJECTIVE is for options named metric and mode");
    rows[0].type = PBX_OPTION_ENUM;
    assert_row_broken("window: it has no choices");
    desc.option_size = 8;
    assert_row_broken("rows of 8 bytes; use sizeof(pbx_option)");
    desc.n_options = 1000000;
    assert_row_broken("it says that it has 1000000 rows");
}

static void
bounds_and_defaults_fit(void)
{
    reset();
    rows[0].min = 11;
    assert_row_broken("window: min is greater than max");
    rows[0].max = NAN;
    assert_row_broken("window: min is greater than max");
    rows[0].fallback = "11";
    assert_row_broken("window: the default 11 is not an integer in [1, 10]");
    rows[0].flags = PBX_OPTION_MIN_OPEN;
    rows[0].fallback = "1";
    assert_row_broken("window: the default 1 is not an integer in (1, 10]");
    rows[0].flags = PBX_OPTION_LIST;
    rows[0].fallback = "[1, 20]";
    assert_row_broken("window: the default [1, 20] is not an integer in [1, 10]");
    rows[0].fallback = "three";
    g_autoptr(GError) error = NULL;
    g_assert_null(find(NULL, NULL, &error));
    g_assert_true(g_str_has_prefix(
        error->message, "/p.so: its option table is wrong: window: the default is no JSON: "));
}

static void
an_unknown_type_is_a_warning(void)
{
    reset();
    rows[0].type = 99;
    g_assert_nonnull(find("stopper", "sound", NULL));
    g_assert_cmpstr(warning, ==,
                    "/p.so: option window has the type 99, unknown here: its value is not checked");
}

static void
rows_may_be_longer(void)
{
    struct {
        pbx_option row;
        double later;
    } long_rows[2] = {{{"a", "doc", "1", PBX_OPTION_BOOL, 0, 0, 0, NULL, NULL}, 0},
                      {{"b", "doc", "1", PBX_OPTION_BOOL, 0, 0, 0, NULL, NULL}, 0}};
    reset();
    desc.options = &long_rows[0].row;
    desc.option_size = sizeof long_rows[0];
    g_assert_nonnull(find("stopper", "sound", NULL));
    g_assert_cmpstr(plugin_option(&desc, 1)->name, ==, "b");
    reset();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plugin/table/sound", a_sound_one_passes);
    g_test_add_func("/plugin/table/texts", texts_are_there);
    g_test_add_func("/plugin/table/interfaces", interfaces_fit_the_kind);
    g_test_add_func("/plugin/table/must", must_functions_are_there);
    g_test_add_func("/plugin/table/rows", rows_are_described);
    g_test_add_func("/plugin/table/bounds-and-defaults", bounds_and_defaults_fit);
    g_test_add_func("/plugin/table/unknown-type", an_unknown_type_is_a_warning);
    g_test_add_func("/plugin/table/stride", rows_may_be_longer);
    return g_test_run();
}
