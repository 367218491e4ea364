/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The JSON Schema (draft 2020-12) of the experiment file, installed plugins included. */
#include <string.h>

#include "spec/spec-private.h"

static JsonNode *
parse(const char *text)
{
    return json_read(text, strlen(text), DOC_MAX_NESTING, NULL);
}

static JsonObject *
parse_object(const char *text)
{
    g_autoptr(JsonNode) node = parse(text);
    return json_object_ref(json_node_get_object(node));
}

/* {"anyOf": [...]} around what is put into *items (borrowed). */
static JsonObject *
any_of(JsonArray **items)
{
    JsonObject *object = json_object_new();
    *items = json_array_new();
    json_object_set_array_member(object, "anyOf", *items);
    return object;
}

/* ---- The space ---- */

#define NUMBERS(MIN, MAX)                                                                          \
    "{\"type\":\"array\",\"minItems\":" #MIN ",\"maxItems\":" #MAX                                 \
    ",\"items\":{\"type\":\"number\"}}"
#define NUMBER_OR(MIN, MAX) "{\"anyOf\":[{\"type\":\"number\"}," NUMBERS(MIN, MAX) "]}"
#define VALUES              "{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/value\"}}"

/* Operators that are not here take anything, as far as the schema goes. */
static const struct {
    const char *name, *arguments;
} operator_schemas[] = {
    {"$choice", VALUES},
    {"$grid_search", VALUES},
    {"$lograndint", NUMBERS(2, 3)},
    {"$loguniform", NUMBERS(2, 3)},
    {"$qlograndint", NUMBERS(3, 4)},
    {"$qloguniform", NUMBERS(3, 4)},
    {"$qrandint", NUMBERS(2, 3)},
    {"$qrandn", NUMBERS(3, 3)},
    {"$quniform", NUMBERS(3, 3)},
    {"$randint", NUMBER_OR(1, 2)},
    {"$randn", NUMBER_OR(0, 2)},
    {"$sample_from", "{\"type\":\"string\"}"},
    {"$uniform", NUMBER_OR(1, 2)},
};

static JsonNode *
operator_schema(const char *name)
{
    const char *arguments = "true";
    for (gsize i = 0; i < G_N_ELEMENTS(operator_schemas); i++) {
        if (g_str_equal(operator_schemas[i].name, name))
            arguments = operator_schemas[i].arguments;
    }
    JsonObject *properties = json_object_new();
    json_object_set_member(properties, name, parse(arguments));
    JsonArray *required = json_array_new();
    json_array_add_string_element(required, name);
    JsonObject *object = parse_object("{\"type\":\"object\",\"additionalProperties\":false}");
    json_object_set_object_member(object, "properties", properties);
    json_object_set_array_member(object, "required", required);
    return object_node(object);
}

static void
add_space(JsonObject *defs)
{
    JsonArray *operators = NULL;
    json_object_set_object_member(defs, "operator", any_of(&operators));
    for (const char *const *name = space_operators(); *name != NULL; name++)
        json_array_add_element(operators, operator_schema(*name));
    json_object_set_member(
        defs, "value",
        parse("{\"anyOf\":[{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]},"
              "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/value\"}},"
              "{\"type\":\"object\",\"propertyNames\":{\"pattern\":\"^([^$]|$)\"},"
              "\"additionalProperties\":{\"$ref\":\"#/$defs/value\"}},"
              "{\"$ref\":\"#/$defs/operator\"}]}"));
}

/* ---- Plugins ---- */

/* The options of a plugin; with the key `plugin` required, allowed, or left out. */
static JsonObject *
plugin_schema(JsonNode *plugin, const char *name, gboolean named)
{
    g_autoptr(JsonNode) node = options_schema(plugin);
    JsonObject *object = json_object_ref(json_node_get_object(node));
    JsonNode *there = json_object_get_member(object, "properties");
    JsonObject *properties = there != NULL ? json_node_get_object(there) : json_object_new();
    if (there == NULL)
        json_object_set_object_member(object, "properties", properties);
    JsonObject *constant = json_object_new();
    json_object_set_string_member(constant, "const", name);
    json_object_set_object_member(properties, "plugin", constant);
    if (!named)
        return object;
    there = json_object_get_member(object, "required");
    JsonArray *required =
        there != NULL ? json_array_ref(json_node_get_array(there)) : json_array_new();
    json_array_add_string_element(required, "plugin");
    json_object_set_array_member(object, "required", required);
    return object;
}

typedef struct {
    const char *kind;
    JsonObject *general; /* what core gives to every one: key to schema */
    JsonArray *forms, *names;
} Kind;

/* An option of the plugin's own is that. */
static void
add_general_keys(JsonObject *schema, const Kind *kind)
{
    JsonObject *properties = json_object_get_object_member(schema, "properties");
    g_autoptr(GList) keys = json_object_get_members(kind->general);
    for (GList *key = keys; key != NULL; key = key->next)
        if (!json_object_has_member(properties, key->data))
            json_object_set_member(properties, key->data,
                                   json_clone(json_object_get_member(kind->general, key->data)));
}

static void
add_plugin(const PbxPluginFile *file, JsonNode *plugin, const GError *error G_GNUC_UNUSED,
           gpointer user)
{
    Kind *kind = user;
    if (plugin == NULL)
        return;
    JsonObject *schema = plugin_schema(plugin, file->name, TRUE);
    add_general_keys(schema, kind);
    json_array_add_object_element(kind->forms, schema);
    json_array_add_string_element(kind->names, file->name);
}

/* What a plugin of defaults.json says of itself, or NULL. */
static JsonNode *
probe(PbxRegistry *registry, const char *kind, const char *name)
{
    g_autofree char *path = registry_find(registry, kind, name, NULL);
    return path != NULL ? registry_probe(registry, path, kind, name, NULL) : NULL;
}

/* `isolate` of every decider; of a search `seed` too, and options of the wrappers that keys mean.
 * (transfer full) */
static JsonObject *
general_keys(PbxRegistry *registry, const char *kind, const PbxDefaults *defaults)
{
    JsonObject *general = json_object_new();
    const gboolean is_search = g_str_equal(kind, "search");
    if (is_search || g_str_equal(kind, "scheduler") || g_str_equal(kind, "stopper"))
        json_object_set_member(
            general, "isolate",
            parse("{\"anyOf\":[{\"type\":\"boolean\"},"
                  "{\"type\":\"number\",\"minimum\":0.001,\"maximum\":1000000}]}"));
    if (!is_search)
        return general;
    json_object_set_member(general, "seed", parse("{\"type\":\"integer\",\"minimum\":0}"));
    for (guint i = 0; defaults != NULL && i < defaults->wrappers->len; i++) {
        const PbxKeyWrapper *by = g_ptr_array_index(defaults->wrappers, i);
        g_autoptr(JsonNode) plugin = probe(registry, kind, by->plugin);
        g_autoptr(JsonNode) schema = plugin != NULL ? options_schema(plugin) : NULL;
        JsonObject *properties =
            schema != NULL
                ? json_object_get_object_member(json_node_get_object(schema), "properties")
                : NULL;
        for (char **key = by->keys; properties != NULL && *key != NULL; key++)
            if (json_object_has_member(properties, *key))
                json_object_set_member(general, *key,
                                       json_clone(json_object_get_member(properties, *key)));
    }
    return general;
}

/* #/$defs/KIND: a name or an object, for each plugin that is installed and good. */
static void
add_kind(JsonObject *defs, PbxRegistry *registry, const char *name, const PbxDefaults *defaults)
{
    g_autoptr(JsonObject) general = general_keys(registry, name, defaults);
    Kind kind = {.kind = name, .general = general, .names = json_array_new()};
    json_object_set_object_member(defs, name, any_of(&kind.forms));
    g_autoptr(GPtrArray) files = registry_files(registry, name);
    registry_probe_files(registry, files, add_plugin, &kind);
    JsonObject *string = json_object_new();
    json_object_set_string_member(string, "type", "string");
    if (json_array_get_length(kind.names) > 0)
        json_object_set_array_member(string, "enum", kind.names);
    else
        json_array_unref(kind.names);
    json_array_add_object_element(kind.forms, string);
}

/* A command without `plugin` is the default one's. */
static void
add_trainable(JsonObject *defs, PbxRegistry *registry, const PbxDefaults *defaults)
{
    g_autoptr(JsonNode) plugin =
        defaults != NULL ? probe(registry, "trainable", defaults->command) : NULL;
    if (plugin == NULL)
        return;
    JsonArray *forms =
        json_object_get_array_member(json_object_get_object_member(defs, "trainable"), "anyOf");
    json_array_add_object_element(forms, plugin_schema(plugin, defaults->command, FALSE));
}

/* {"when": EXPR} with the other options of the plugin behind it. */
static JsonObject *
when_schema(PbxRegistry *registry, const PbxDefaults *defaults)
{
    g_autoptr(JsonNode) plugin =
        defaults != NULL ? probe(registry, "stopper", defaults->when.plugin) : NULL;
    if (plugin == NULL)
        return parse_object("{\"type\":\"object\",\"required\":[\"when\"],"
                            "\"properties\":{\"when\":{\"type\":\"string\"}}}");
    JsonObject *schema = plugin_schema(plugin, defaults->when.plugin, FALSE);
    JsonObject *properties = json_object_get_object_member(schema, "properties");
    json_object_remove_member(properties, "plugin");
    json_object_remove_member(properties, defaults->when.option);
    json_object_set_member(properties, "when", parse("{\"type\":\"string\"}"));
    json_object_set_member(schema, "required", parse("[\"when\"]"));
    return schema;
}

/* What means a stopper in short, under `stop` and in wrappers alike. */
static void
add_stop(JsonObject *defs, PbxRegistry *registry, const PbxDefaults *defaults)
{
    JsonArray *forms =
        json_object_get_array_member(json_object_get_object_member(defs, "stopper"), "anyOf");
    json_array_add_object_element(forms, when_schema(registry, defaults));
    json_array_add_element(forms,
                           parse("{\"type\":\"object\","
                                 "\"propertyNames\":{\"minLength\":1,"
                                 "\"not\":{\"enum\":[\"plugin\",\"when\"]}},"
                                 "\"additionalProperties\":{\"anyOf\":[{\"type\":\"number\"},"
                                 "{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":1,"
                                 "\"additionalProperties\":false,\"properties\":{"
                                 "\"<=\":{\"type\":\"number\"},\">=\":{\"type\":\"number\"},"
                                 "\"<\":{\"type\":\"number\"},\">\":{\"type\":\"number\"}}}]}}"));
}

/* ---- The keys ---- */

static const struct {
    const char *name, *schema;
} plugin_keys[] = {
    {"trainable", "{\"$ref\":\"#/$defs/trainable\"}"},
    {"config", "{\"type\":\"object\",\"$ref\":\"#/$defs/value\"}"},
    {"search", "{\"$ref\":\"#/$defs/search\"}"},
    {"scheduler", "{\"$ref\":\"#/$defs/scheduler\"}"},
    {"executor", "{\"$ref\":\"#/$defs/executor\"}"},
    {"loggers", "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/logger\"}}"},
    {"stop", "{\"anyOf\":[{\"$ref\":\"#/$defs/stopper\"},"
             "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/stopper\"}}]}"},
};

static JsonObject *
key_schema(const PbxKey *key)
{
    const char *text = key->schema;
    for (gsize i = 0; text == NULL && i < G_N_ELEMENTS(plugin_keys); i++) {
        if (g_str_equal(plugin_keys[i].name, key->name))
            text = plugin_keys[i].schema;
    }
    JsonObject *schema = parse_object(text);
    json_object_set_string_member(schema, "description", key->doc);
    return schema;
}

JsonNode *
spec_schema(PbxRegistry *registry)
{
    JsonObject *root =
        parse_object("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
                     "\"title\":\"pegbox experiment\",\"type\":\"object\","
                     "\"anyOf\":[{\"required\":[\"trainable\"]},{\"required\":[\"extends\"]}],"
                     "\"additionalProperties\":false}");
    JsonObject *properties = json_object_new();
    for (const PbxKey *key = spec_keys; key->name != NULL; key++) {
        if (!key->later)
            json_object_set_object_member(properties, key->name, key_schema(key));
    }
    json_object_set_object_member(root, "properties", properties);
    JsonObject *defs = json_object_new();
    g_autoptr(PbxProblems) ignored = problems_new();
    g_autoptr(PbxDefaults) defaults = defaults_load(ignored);
    add_space(defs);
    for (const char *const *kind = plugin_kinds; *kind != NULL; kind++)
        add_kind(defs, registry, *kind, defaults);
    add_trainable(defs, registry, defaults);
    add_stop(defs, registry, defaults);
    json_object_set_object_member(root, "$defs", defs);
    return object_node(root);
}
