/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plugin as JSON, and the JSON Schema that is made from it. */
#include <math.h>
#include <string.h>

#include "fixture.h"

static const char *const sizes[] = {"small", "large", NULL};

#define PLAIN(NAME, TYPE)                                                                          \
    {                                                                                              \
        NAME, "D.", "0.1", TYPE, 0, 0, 0, NULL, NULL                                               \
    }

/* A row and its property, without "description". */
static const char *const kinds[] = {"search", "stopper", NULL};
static const struct {
    pbx_option row;
    const char *property;
} cases[] = {
    {PLAIN("a", PBX_OPTION_BOOL), "{\"type\":\"boolean\"}"},
    {{"a", "D.", "0.1", PBX_OPTION_INT, 0, 1, 10, "3", NULL},
     "{\"type\":\"integer\",\"minimum\":1,\"maximum\":10,\"default\":3}"},
    {{"a", "D.", "0.1", PBX_OPTION_INT, 0, -INFINITY, 10, NULL, NULL},
     "{\"type\":\"integer\",\"maximum\":10}"},
    {{"a", "D.", "0.1", PBX_OPTION_REAL, PBX_OPTION_MIN_OPEN, 0, 0.5, NULL, NULL},
     "{\"type\":\"number\",\"exclusiveMinimum\":0.0,\"maximum\":0.5}"},
    {{"a", "D.", "0.1", PBX_OPTION_REAL, PBX_OPTION_MAX_OPEN, 0, 1, NULL, NULL},
     "{\"type\":\"number\",\"minimum\":0.0,\"exclusiveMaximum\":1.0}"},
    {PLAIN("a", PBX_OPTION_STRING), "{\"type\":\"string\"}"},
    {{"a", "D.", "0.1", PBX_OPTION_ENUM, 0, 0, 0, "\"small\"", sizes},
     "{\"enum\":[\"small\",\"large\"],\"default\":\"small\"}"},
    {PLAIN("a", PBX_OPTION_JSON), "{}"},
    {PLAIN("a", PBX_OPTION_FIELD), "{\"type\":\"string\",\"minLength\":1}"},
    {PLAIN("a", PBX_OPTION_SPACE), "{\"type\":\"object\"}"},
    {PLAIN("a", PBX_OPTION_EXPRESSION), "{\"type\":\"string\"}"},
    {PLAIN("a", PBX_OPTION_TEMPLATE), "{\"type\":\"string\"}"},
    {PLAIN("a", PBX_OPTION_REGEX), "{\"type\":\"string\",\"format\":\"regex\"}"},
    {PLAIN("a", PBX_OPTION_PATH), "{\"type\":\"string\",\"minLength\":1}"},
    {PLAIN("a", 99), "{}"},
    {{"a", "D.", "0.1", PBX_OPTION_PLUGIN, 0, 0, 0, NULL, kinds},
     "{\"anyOf\":[{\"$ref\":\"#/$defs/search\"},{\"$ref\":\"#/$defs/stopper\"}]}"},
    {{"a", "D.", "0.1", PBX_OPTION_INT, PBX_OPTION_LIST, 1, 9, NULL, NULL},
     "{\"anyOf\":[{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9}}"
     ",{\"type\":\"integer\",\"minimum\":1,\"maximum\":9}]}"},
    {{"a", "D.", "0.1", PBX_OPTION_STRING, PBX_OPTION_MAP, 0, 0, NULL, NULL},
     "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}"},
    {{"a", "D.", "0.1", PBX_OPTION_STRING, PBX_OPTION_SECRET | PBX_OPTION_DEPRECATED, 0, 0, NULL,
      NULL},
     "{\"type\":\"string\",\"deprecated\":true,\"writeOnly\":true}"},
};

static pbx_status
create(const pbx_host *host G_GNUC_UNUSED, const pbx_json *options G_GNUC_UNUSED,
       pbx_instance **instance G_GNUC_UNUSED, pbx_error *error G_GNUC_UNUSED)
{
    return PBX_OK;
}

/* The schema of a plugin with the one option. */
static JsonNode *
schema_of(const pbx_option *row)
{
    static const pbx_stopper vtable = {.struct_size = sizeof(pbx_stopper),
                                       .object = {.create = create}};
    static const pbx_interface interfaces[] = {{PBX_STOPPER_ID, &vtable}, {NULL, NULL}};
    const pbx_plugin desc = {.kind = "stopper",
                             .name = "test",
                             .option_size = sizeof(pbx_option),
                             .n_options = 1,
                             .options = row,
                             .interfaces = interfaces};
    const pbx_entry entry = {.n_plugins = 0};
    PbxPlugin plugin = {.desc = &desc, .path = (char *)"/p.so", .entry = &entry};
    g_autoptr(JsonNode) json = plugin_to_json(&plugin);
    return options_schema(json);
}

static void
test_each_type(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonNode) schema = schema_of(&cases[i].row);
        JsonNode *property = json_lookup(schema, "properties.a");
        JsonObject *members = json_node_get_object(property);
        g_assert_cmpstr(json_object_get_string_member(members, "description"), ==, "D.");
        json_object_remove_member(members, "description");
        g_autofree char *text = json_to_text(property);
        g_assert_cmpstr(text, ==, cases[i].property);
        g_assert_null(json_lookup(schema, "required"));
    }
}

static void
test_required(void)
{
    const pbx_option row = {"a", "D.", "0.1", PBX_OPTION_INT, PBX_OPTION_REQUIRED, 0,
                            9,   NULL, NULL};
    g_autoptr(JsonNode) schema = schema_of(&row);
    g_autofree char *text = json_to_text(json_lookup(schema, "required"));
    g_assert_cmpstr(text, ==, "[\"a\"]");
    g_assert_false(json_node_get_boolean(json_lookup(schema, "additionalProperties")));
    g_assert_cmpstr(json_node_get_string(json_lookup(schema, "type")), ==, "object");
}

static void
test_descriptor(void)
{
    Fixture f;
    fixture_set_up(&f);
    g_autofree char *path = fixture_install(&f, "two", "stopper", "good");
    const PbxPlugin *plugin = registry_load(f.registry, "stopper", "good", NULL);
    g_autoptr(JsonNode) json = plugin_to_json(plugin);
    g_autofree char *text = json_to_text(json);
    g_autofree char *expected = g_strdup_printf(
        "{\"kind\":\"stopper\",\"name\":\"good\",\"version\":\"1.2.3\",\"summary\":\"Is there to "
        "be loaded\",\"license\":\"MIT\",\"abi\":\"%u.%u\",\"path\":\"%s\",\"state_version\":0,"
        "\"caps\":[\"slow\",\"needs-metric\"],\"interfaces\":[\"stopper/1\"],\"options\":["
        "{\"name\":\"fail\",\"type\":\"integer\",\"min\":-7,\"max\":1,\"default\":0,\"doc\":\"What "
        "create answers.\",\"since\":\"0.1\"},{\"name\":\"window\",\"type\":\"integer\",\"min\":1,"
        "\"max\":10,\"default\":3,\"doc\":\"A number.\",\"since\":\"0.1\"}],\"also\":["
        "\"stopper/second\"]}",
        PEGBOX_ABI_MAJOR, PEGBOX_ABI_MINOR, path);
    g_assert_cmpstr(text, ==, expected);
    fixture_tear_down(&f);
}

int
main(int argc, char **argv)
{
    fixture_init(&argc, &argv);
    g_test_add_func("/plugin/schema/each-type", test_each_type);
    g_test_add_func("/plugin/schema/required", test_required);
    g_test_add_func("/plugin/schema/descriptor", test_descriptor);
    return fixture_run();
}
