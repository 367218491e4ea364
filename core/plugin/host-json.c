/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How plugins read JSON: pbx_json is a JsonNode that they cannot see into, or, told by its lowest
 * bit, a PbxLazyJson.
 */
#include <math.h>
#include <string.h>

#include "plugin/host-private.h"

const pbx_json *
host_json(JsonNode *node)
{
    return (const pbx_json *)node;
}

const pbx_json *
host_json_lazy(PbxLazyJson *lazy)
{
    return (const pbx_json *)((const char *)lazy + 1);
}

JsonNode *
lazy_json_node(PbxLazyJson *lazy)
{
    if (lazy->node == NULL && lazy->text != NULL)
        lazy->node = json_read(lazy->text, lazy->length, DOC_MAX_NESTING, NULL);
    return lazy->node;
}

void
lazy_json_clear(PbxLazyJson *lazy)
{
    g_clear_pointer(&lazy->node, json_node_unref);
}

JsonNode *
host_json_node(const pbx_json *json)
{
    if (((guintptr)json & 1) != 0)
        return lazy_json_node((PbxLazyJson *)((char *)json - 1));
    return (JsonNode *)json;
}

static GType
value_type(const pbx_json *json)
{
    JsonNode *node = host_json_node(json);
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node)
                                                       : G_TYPE_INVALID;
}

static JsonObject *
as_object(const pbx_json *json)
{
    JsonNode *node = host_json_node(json);
    return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonArray *
as_array(const pbx_json *json)
{
    JsonNode *node = host_json_node(json);
    return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static int32_t
json_type(const pbx_json *json)
{
    if (json == NULL)
        return PBX_JSON_NONE;
    if (as_object(json) != NULL)
        return PBX_JSON_OBJECT;
    if (as_array(json) != NULL)
        return PBX_JSON_ARRAY;
    switch (value_type(json)) {
    case G_TYPE_BOOLEAN:
        return PBX_JSON_BOOL;
    case G_TYPE_INT64:
        return PBX_JSON_INT;
    case G_TYPE_DOUBLE:
        return PBX_JSON_REAL;
    case G_TYPE_STRING:
        return PBX_JSON_STRING;
    default:
        return PBX_JSON_NULL;
    }
}

static const pbx_json *
json_member(const pbx_json *json, const char *key)
{
    JsonObject *object = as_object(json);
    return object != NULL && key != NULL ? host_json(json_object_get_member(object, key)) : NULL;
}

/* The i-th key in order. Walks: objects are small where this is used. */
static const char *
json_key(const pbx_json *json, size_t i)
{
    JsonObject *object = as_object(json);
    if (object == NULL || i >= json_object_get_size(object))
        return NULL;
    JsonObjectIter iter;
    const char *key = NULL;
    json_object_iter_init_ordered(&iter, object);
    for (size_t at = 0; at <= i; at++) {
        if (!json_object_iter_next_ordered(&iter, &key, NULL))
            return NULL;
    }
    return key;
}

static const pbx_json *
json_item(const pbx_json *json, size_t i)
{
    JsonArray *array = as_array(json);
    if (array != NULL)
        return i < json_array_get_length(array) ? host_json(json_array_get_element(array, (guint)i))
                                                : NULL;
    const char *key = json_key(json, i);
    return key != NULL ? json_member(json, key) : NULL;
}

static size_t
json_length(const pbx_json *json)
{
    JsonArray *array = as_array(json);
    if (array != NULL)
        return json_array_get_length(array);
    JsonObject *object = as_object(json);
    return object != NULL ? json_object_get_size(object) : 0;
}

static int32_t
json_bool(const pbx_json *json, int32_t fallback)
{
    return value_type(json) == G_TYPE_BOOLEAN ? json_node_get_boolean(host_json_node(json))
                                              : fallback;
}

/* "NaN" and the infinities are numbers too; true and false are none. */
static double
json_real(const pbx_json *json, double fallback)
{
    double value;
    GType type = value_type(json);
    if (type == G_TYPE_INVALID || type == G_TYPE_BOOLEAN ||
        !json_number(host_json_node(json), FALSE, &value))
        return fallback;
    return value;
}

static int64_t
json_int(const pbx_json *json, int64_t fallback)
{
    GType type = value_type(json);
    if (type == G_TYPE_INT64)
        return json_node_get_int(host_json_node(json));
    if (type != G_TYPE_DOUBLE)
        return fallback;
    double value = json_node_get_double(host_json_node(json));
    return value == trunc(value) && fabs(value) < 9.2e18 ? (int64_t)value : fallback;
}

static const char *
json_string(const pbx_json *json, const char *fallback)
{
    return value_type(json) == G_TYPE_STRING ? json_node_get_string(host_json_node(json))
                                             : fallback;
}

void
host_json_init(pbx_host *abi)
{
    abi->json_type = json_type;
    abi->json_member = json_member;
    abi->json_item = json_item;
    abi->json_length = json_length;
    abi->json_key = json_key;
    abi->json_bool = json_bool;
    abi->json_real = json_real;
    abi->json_int = json_int;
    abi->json_string = json_string;
}
