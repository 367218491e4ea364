/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The JSON Schema of a plugin's options, from its descriptor as JSON. */
#include <string.h>

#include "plugin/plugin-private.h"

static JsonNode *
object_node(JsonObject *object)
{
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    return node;
}

static JsonNode *
parsed(const char *text)
{
    return json_read(text, strlen(text), DOC_MAX_NESTING, NULL);
}

/* What a value of each type looks like; bounds and choices are added to it. */
static JsonNode *
type_schema(const char *type)
{
    static const struct {
        const char *type, *schema;
    } schemas[] = {
        {"boolean", "{\"type\":\"boolean\"}"},
        {"integer", "{\"type\":\"integer\"}"},
        {"number", "{\"type\":\"number\"}"},
        {"string", "{\"type\":\"string\"}"},
        {"enum", "{}"},
        {"field", "{\"type\":\"string\",\"minLength\":1}"},
        {"field-map",
         "{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":[{\"type\":\"number\"},"
         "{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":1,"
         "\"additionalProperties\":false,\"patternProperties\":{\"^(<=|>=|<|>)$\":"
         "{\"type\":\"number\"}}}]}}"},
        {"space", "{\"type\":\"object\"}"},
        {"expression", "{\"type\":\"string\"}"},
        {"template", "{\"type\":\"string\"}"},
        {"regex", "{\"type\":\"string\",\"format\":\"regex\"}"},
        {"path", "{\"type\":\"string\",\"minLength\":1}"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(schemas); i++) {
        if (g_str_equal(schemas[i].type, type))
            return parsed(schemas[i].schema);
    }
    return parsed("{}");
}

/* A plugin of any of the option's kinds, each of which has a definition in the whole schema. */
static JsonNode *
plugin_schema(JsonObject *option)
{
    JsonArray *kinds = json_object_get_array_member(option, "choices");
    JsonArray *either = json_array_new();
    for (guint i = 0; i < json_array_get_length(kinds); i++) {
        JsonObject *reference = json_object_new();
        g_autofree char *place =
            g_strconcat("#/$defs/", json_array_get_string_element(kinds, i), NULL);
        json_object_set_string_member(reference, "$ref", place);
        json_array_add_object_element(either, reference);
    }
    JsonObject *outer = json_object_new();
    json_object_set_array_member(outer, "anyOf", either);
    return object_node(outer);
}

/* Copies a member under another name, where it is there. */
static void
copy_member(JsonObject *to, const char *to_name, JsonObject *from, const char *from_name)
{
    JsonNode *value = json_object_get_member(from, from_name);
    if (value != NULL)
        json_object_set_member(to, to_name, json_clone(value));
}

static gboolean
flag(JsonObject *option, const char *name)
{
    return json_object_get_boolean_member_with_default(option, name, FALSE);
}

/* A schema of a list (or one item) or map of values. */
static JsonNode *
wrap(JsonObject *option, JsonNode *value)
{
    JsonObject *outer = json_object_new();
    if (flag(option, "list")) {
        JsonObject *list = json_object_new();
        json_object_set_string_member(list, "type", "array");
        json_object_set_member(list, "items", json_clone(value));
        if (flag(option, "required"))
            json_object_set_int_member(list, "minItems", 1);
        JsonArray *either = json_array_new();
        json_array_add_object_element(either, list);
        json_array_add_element(either, value);
        json_object_set_array_member(outer, "anyOf", either);
    } else {
        json_object_set_string_member(outer, "type", "object");
        json_object_set_member(outer, "additionalProperties", value);
    }
    return object_node(outer);
}

static JsonNode *
option_schema(JsonObject *option)
{
    const char *type = json_object_get_string_member_with_default(option, "type", "unknown");
    JsonNode *value = g_str_equal(type, "plugin") ? plugin_schema(option) : type_schema(type);
    JsonObject *inner = json_node_get_object(value);
    copy_member(inner, flag(option, "min_open") ? "exclusiveMinimum" : "minimum", option, "min");
    copy_member(inner, flag(option, "max_open") ? "exclusiveMaximum" : "maximum", option, "max");
    if (g_str_equal(type, "enum"))
        copy_member(inner, "enum", option, "choices");
    if (flag(option, "list") || flag(option, "map"))
        value = wrap(option, value);
    JsonObject *outer = json_node_get_object(value);
    copy_member(outer, "description", option, "doc");
    copy_member(outer, "default", option, "default");
    if (flag(option, "deprecated"))
        json_object_set_boolean_member(outer, "deprecated", TRUE);
    if (flag(option, "secret"))
        json_object_set_boolean_member(outer, "writeOnly", TRUE);
    return value;
}

JsonNode *
options_schema(JsonNode *plugin_json)
{
    JsonArray *options = json_object_get_array_member(json_node_get_object(plugin_json), "options");
    JsonObject *properties = json_object_new();
    JsonArray *required = json_array_new();
    for (guint i = 0; i < json_array_get_length(options); i++) {
        JsonObject *option = json_array_get_object_element(options, i);
        const char *name = json_object_get_string_member(option, "name");
        json_object_set_member(properties, name, option_schema(option));
        if (flag(option, "required"))
            json_array_add_string_element(required, name);
    }
    JsonObject *schema = json_object_new();
    json_object_set_string_member(schema, "type", "object");
    json_object_set_object_member(schema, "properties", properties);
    json_object_set_boolean_member(schema, "additionalProperties", FALSE);
    if (json_array_get_length(required) > 0)
        json_object_set_array_member(schema, "required", required);
    else
        json_array_unref(required);
    return object_node(schema);
}
