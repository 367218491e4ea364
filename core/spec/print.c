/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON for people: indented, flat arrays on one line, shortest doubles. */
#include "spec/spec.h"

#define LINE_LENGTH 80

static void print_node(GString *out, JsonNode *node, guint depth);

static void
new_line(GString *out, guint depth)
{
    g_string_append_c(out, '\n');
    for (guint i = 0; i < depth; i++)
        g_string_append(out, "  ");
}

static gboolean
is_flat(JsonArray *array)
{
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *item = json_array_get_element(array, i);
        if (JSON_NODE_HOLDS_OBJECT(item) || JSON_NODE_HOLDS_ARRAY(item))
            return FALSE;
    }
    return TRUE;
}

static gboolean
print_on_one_line(GString *out, JsonArray *array)
{
    gsize start = out->len;
    g_string_append_c(out, '[');
    for (guint i = 0; i < json_array_get_length(array); i++) {
        if (i > 0)
            g_string_append(out, ", ");
        json_put_node(out, json_array_get_element(array, i));
    }
    g_string_append_c(out, ']');
    if (out->len - start <= LINE_LENGTH)
        return TRUE;
    g_string_truncate(out, start);
    return FALSE;
}

static void
print_array(GString *out, JsonArray *array, guint depth)
{
    if (is_flat(array) && print_on_one_line(out, array))
        return;
    g_string_append_c(out, '[');
    for (guint i = 0; i < json_array_get_length(array); i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        new_line(out, depth + 1);
        print_node(out, json_array_get_element(array, i), depth + 1);
    }
    new_line(out, depth);
    g_string_append_c(out, ']');
}

static void
print_object(GString *out, JsonObject *object, guint depth)
{
    g_autoptr(GList) names = json_object_get_members(object);
    if (names == NULL) {
        g_string_append(out, "{}");
        return;
    }
    g_string_append_c(out, '{');
    for (GList *item = names; item != NULL; item = item->next) {
        if (item != names)
            g_string_append_c(out, ',');
        new_line(out, depth + 1);
        json_put_string(out, item->data);
        g_string_append(out, ": ");
        print_node(out, json_object_get_member(object, item->data), depth + 1);
    }
    new_line(out, depth);
    g_string_append_c(out, '}');
}

static void
print_node(GString *out, JsonNode *node, guint depth)
{
    if (JSON_NODE_HOLDS_OBJECT(node))
        print_object(out, json_node_get_object(node), depth);
    else if (JSON_NODE_HOLDS_ARRAY(node))
        print_array(out, json_node_get_array(node), depth);
    else
        json_put_node(out, node);
}

char *
spec_print(JsonNode *root)
{
    GString *out = g_string_new(NULL);
    print_node(out, root, 0);
    g_string_append_c(out, '\n');
    return g_string_free(out, FALSE);
}
