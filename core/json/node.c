/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole nodes: copies, comparison, the number that one holds. */
#include <math.h>
#include <string.h>

#include "json/json-private.h"

GQuark
json_error_domain(void)
{
    return g_quark_from_static_string("pegbox-json-error");
}

static JsonNode *
clone_object(JsonObject *object)
{
    JsonObject *copy = json_object_new();
    JsonObjectIter iter;
    const char *name = NULL;
    JsonNode *member = NULL;
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &member))
        json_object_set_member(copy, name, json_clone(member));
    JsonNode *node = json_node_alloc();
    json_node_init(node, JSON_NODE_OBJECT);
    json_node_take_object(node, copy);
    return node;
}

static JsonNode *
clone_array(JsonArray *array)
{
    guint n = json_array_get_length(array);
    JsonArray *copy = json_array_sized_new(n);
    for (guint i = 0; i < n; i++)
        json_array_add_element(copy, json_clone(json_array_get_element(array, i)));
    JsonNode *node = json_node_alloc();
    json_node_init(node, JSON_NODE_ARRAY);
    json_node_take_array(node, copy);
    return node;
}

JsonNode *
json_clone(JsonNode *node)
{
    if (JSON_NODE_HOLDS_OBJECT(node))
        return clone_object(json_node_get_object(node));
    if (JSON_NODE_HOLDS_ARRAY(node))
        return clone_array(json_node_get_array(node));
    return json_node_copy(node);
}

static gboolean
equal_objects(JsonObject *a, JsonObject *b)
{
    if (json_object_get_size(a) != json_object_get_size(b))
        return FALSE;
    JsonObjectIter iter;
    const char *name = NULL;
    JsonNode *member = NULL;
    json_object_iter_init(&iter, a);
    while (json_object_iter_next(&iter, &name, &member)) {
        JsonNode *other = json_object_get_member(b, name);
        if (other == NULL || !json_equal(member, other))
            return FALSE;
    }
    return TRUE;
}

static gboolean
equal_arrays(JsonArray *a, JsonArray *b)
{
    guint n = json_array_get_length(a);
    if (json_array_get_length(b) != n)
        return FALSE;
    for (guint i = 0; i < n; i++) {
        if (!json_equal(json_array_get_element(a, i), json_array_get_element(b, i)))
            return FALSE;
    }
    return TRUE;
}

static gboolean
equal_values(JsonNode *a, JsonNode *b)
{
    GType type = json_node_get_value_type(a);
    if (json_node_get_value_type(b) != type)
        return FALSE;
    if (type == G_TYPE_INT64)
        return json_node_get_int(a) == json_node_get_int(b);
    if (type == G_TYPE_DOUBLE)
        return json_node_get_double(a) == json_node_get_double(b);
    if (type == G_TYPE_BOOLEAN)
        return json_node_get_boolean(a) == json_node_get_boolean(b);
    return g_strcmp0(json_node_get_string(a), json_node_get_string(b)) == 0;
}

gboolean
json_equal(JsonNode *a, JsonNode *b)
{
    if (json_node_get_node_type(a) != json_node_get_node_type(b))
        return FALSE;
    switch (json_node_get_node_type(a)) {
    case JSON_NODE_OBJECT:
        return equal_objects(json_node_get_object(a), json_node_get_object(b));
    case JSON_NODE_ARRAY:
        return equal_arrays(json_node_get_array(a), json_node_get_array(b));
    case JSON_NODE_NULL:
        return TRUE;
    default:
        return equal_values(a, b);
    }
}

static gboolean
number_of_text(const char *text, gboolean texts, double *value)
{
    if (g_str_equal(text, "NaN"))
        *value = NAN;
    else if (g_str_equal(text, "Infinity"))
        *value = INFINITY;
    else if (g_str_equal(text, "-Infinity"))
        *value = -INFINITY;
    else if (!texts)
        return FALSE;
    else {
        text += strspn(text, " \t\r\n");
        gsize n = strspn(text, "0123456789+-.eE");
        if (n == 0 || text[n + strspn(text + n, " \t\r\n")] != '\0')
            return FALSE;
        char *end = NULL;
        double number = g_ascii_strtod(text, &end);
        if (end != text + n)
            return FALSE;
        *value = number;
    }
    return TRUE;
}

gboolean
json_number(JsonNode *node, gboolean texts, double *value)
{
    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node))
        return FALSE;
    GType type = json_node_get_value_type(node);
    if (type == G_TYPE_INT64)
        *value = (double)json_node_get_int(node);
    else if (type == G_TYPE_DOUBLE)
        *value = json_node_get_double(node);
    else if (type == G_TYPE_BOOLEAN)
        *value = json_node_get_boolean(node) ? 1 : 0;
    else
        return number_of_text(json_node_get_string(node), texts, value);
    return TRUE;
}
