/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What dims, choices and parameters are called. */
#include <string.h>

#include "space/space-private.h"

#define LONGEST_LABEL    32
#define LABEL_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-"

/* ---- Labels of choices ---- */

static gboolean
is_label(const char *text)
{
    gsize length = strlen(text);
    return length > 0 && length <= LONGEST_LABEL && strspn(text, LABEL_CHARACTERS) == length;
}

/* The text of a scalar that can be a label, or NULL. */
static char *
scalar_label(JsonNode *value)
{
    if (value == NULL || JSON_NODE_HOLDS_OBJECT(value) || JSON_NODE_HOLDS_ARRAY(value))
        return NULL;
    g_autofree char *text = NULL;
    if (JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_STRING)
        text = json_node_dup_string(value);
    else
        text = json_to_text(value);
    return is_label(text) ? g_steal_pointer(&text) : NULL;
}

/* A constant member of a choice that is an object. */
static JsonNode *
constant_member(const SpaceNode *choice, const char *key)
{
    if (choice->kind == SPACE_CONSTANT)
        return JSON_NODE_HOLDS_OBJECT(choice->value)
                   ? json_object_get_member(json_node_get_object(choice->value), key)
                   : NULL;
    for (guint i = 0; choice->kind == SPACE_OBJECT && i < choice->keys->len; i++)
        if (strcmp(g_ptr_array_index(choice->keys, i), key) == 0)
            return space_child(choice, i)->kind == SPACE_CONSTANT ? space_child(choice, i)->value
                                                                  : NULL;
    return NULL;
}

/* A scalar is its own label; an object's is its "type", "name", or "kind". */
static char *
choice_label(const SpaceNode *choice)
{
    static const char *const telling[] = {"type", "name", "kind"};
    char *label = choice->kind == SPACE_CONSTANT ? scalar_label(choice->value) : NULL;
    for (gsize i = 0; label == NULL && i < G_N_ELEMENTS(telling); i++)
        label = scalar_label(constant_member(choice, telling[i]));
    return label;
}

/* NULL where some choice has none, or two have the same. */
static char **
choice_labels(const SpaceNode *category)
{
    guint n = category->children->len;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_auto(GStrv) labels = g_new0(char *, n + 1);
    for (guint i = 0; i < n; i++) {
        labels[i] = choice_label(space_child(category, i));
        if (labels[i] == NULL || !g_hash_table_add(seen, labels[i]))
            return NULL;
    }
    return g_steal_pointer(&labels);
}

/* ---- Names of dims ---- */

/* Appends the path of `dim` as far as `end`, each branch that it lies in after its choice. */
static void
append_branches(GString *name, const PbxSpace *space, guint dim, gsize *written)
{
    const SpaceDim *self = space_dim(space, dim);
    if (self->abi.parent < 0)
        return;
    guint parent = (guint)self->abi.parent;
    append_branches(name, space, parent, written);
    const SpaceDim *choice = space_dim(space, parent);
    g_string_append(name, choice->node->path + *written);
    *written = strlen(choice->node->path);
    if (choice->labels != NULL)
        g_string_append_printf(name, "[%s]", choice->labels[self->abi.parent_choice]);
    else
        g_string_append_printf(name, "[%u]", self->abi.parent_choice);
}

static char *
name_with_branches(const PbxSpace *space, guint dim)
{
    GString *name = g_string_new(NULL);
    gsize written = 0;
    append_branches(name, space, dim, &written);
    g_string_append(name, space_dim(space, dim)->node->path + written);
    return g_string_free(name, FALSE);
}

static void
name_dims(PbxSpace *space)
{
    g_autoptr(GHashTable) paths = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < space->dims->len; i++) {
        const char *path = space_dim(space, i)->node->path;
        guint count = GPOINTER_TO_UINT(g_hash_table_lookup(paths, path));
        g_hash_table_insert(paths, (gpointer)path, GUINT_TO_POINTER(count + 1));
    }
    for (guint i = 0; i < space->dims->len; i++) {
        SpaceDim *dim = space_dim(space, i);
        gboolean recurs = GPOINTER_TO_UINT(g_hash_table_lookup(paths, dim->node->path)) > 1;
        dim->name = recurs ? name_with_branches(space, i) : g_strdup(dim->node->path);
        /* A key that looks like a branch. */
        for (guint n = 2; g_hash_table_contains(names, dim->name); n++) {
            g_free(dim->name);
            g_autofree char *base = name_with_branches(space, i);
            dim->name = g_strdup_printf("%s#%u", base, n);
        }
        g_hash_table_add(names, dim->name);
        dim->abi.name = dim->name;
    }
}

/* ---- Parameters ---- */

static void
add_parameter(GHashTable *parameters, const char *display, const char *raw)
{
    g_hash_table_add(parameters, g_strdup(display));
    g_hash_table_add(parameters, g_strdup(raw));
}

static char *
join_key(const char *path, const char *key)
{
    return *path == '\0' ? g_strdup(key) : g_strconcat(path, ".", key, NULL);
}

/* The paths within a constant. Both with keys quoted and as they are: people write either. */
static void
add_constant(GHashTable *parameters, JsonNode *value, const char *display, const char *raw)
{
    add_parameter(parameters, display, raw);
    if (JSON_NODE_HOLDS_OBJECT(value)) {
        JsonObjectIter iter;
        const char *key;
        JsonNode *member;
        json_object_iter_init(&iter, json_node_get_object(value));
        while (json_object_iter_next(&iter, &key, &member)) {
            g_autofree char *quoted = space_key_display(key);
            g_autofree char *inner_display = join_key(display, quoted);
            g_autofree char *inner_raw = join_key(raw, key);
            add_constant(parameters, member, inner_display, inner_raw);
        }
    } else if (JSON_NODE_HOLDS_ARRAY(value)) {
        JsonArray *array = json_node_get_array(value);
        for (guint i = 0; i < json_array_get_length(array); i++) {
            g_autofree char *inner_display = g_strdup_printf("%s[%u]", display, i);
            g_autofree char *inner_raw = g_strdup_printf("%s[%u]", raw, i);
            add_constant(parameters, json_array_get_element(array, i), inner_display, inner_raw);
        }
    }
}

static void
add_node(GHashTable *parameters, const SpaceNode *node, const char *raw)
{
    if (node->kind == SPACE_CONSTANT) {
        add_constant(parameters, node->value, node->path, raw);
        return;
    }
    if (*raw != '\0')
        add_parameter(parameters, node->path, raw);
    for (guint i = 0; node->children != NULL && i < node->children->len; i++) {
        g_autofree char *inner = NULL;
        if (node->kind == SPACE_OBJECT)
            inner = join_key(raw, g_ptr_array_index(node->keys, i));
        else if (node->kind == SPACE_ARRAY)
            inner = g_strdup_printf("%s[%u]", raw, i);
        add_node(parameters, space_child(node, i), inner != NULL ? inner : raw);
    }
}

/* ---- What varies ---- */

static void
add_varied(GHashTable *paths, const SpaceNode *node)
{
    if (node->kind == SPACE_NUMBER || node->kind == SPACE_CATEGORY || node->kind == SPACE_SAMPLE)
        g_hash_table_add(paths, node->path);
    for (guint i = 0; node->children != NULL && i < node->children->len; i++)
        add_varied(paths, space_child(node, i));
}

static char **
varied_paths(const PbxSpace *space)
{
    g_autoptr(GHashTable) paths = g_hash_table_new(g_str_hash, g_str_equal);
    add_varied(paths, space->root);
    g_autoptr(GList) sorted = g_list_sort(g_hash_table_get_keys(paths), (GCompareFunc)strcmp);
    GPtrArray *varied = g_ptr_array_new();
    for (GList *at = sorted; at != NULL; at = at->next)
        g_ptr_array_add(varied, g_strdup(at->data));
    g_ptr_array_add(varied, NULL);
    return (char **)g_ptr_array_free(varied, FALSE);
}

void
space_name(PbxSpace *space)
{
    for (guint i = 0; i < space->dims->len; i++) {
        SpaceDim *dim = space_dim(space, i);
        if (dim->abi.type == PBX_DIM_CATEGORY)
            dim->labels = choice_labels(dim->node);
    }
    name_dims(space);
    space->parameters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    add_node(space->parameters, space->root, "");
    space->varied = varied_paths(space);
}
