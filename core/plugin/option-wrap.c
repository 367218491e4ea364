/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Searches around a search that are meant by keys beside its options. */
#include "plugin/plugin-private.h"

const PbxOptionChild *
option_wrapped_by_key(const PbxOptions *options)
{
    for (guint i = 0; i < options->children->len; i++) {
        const PbxOptionChild *child = g_ptr_array_index(options->children, i);
        if (child->by_key)
            return child;
    }
    return NULL;
}

JsonNode *
option_flat(const PbxOptions *options)
{
    const PbxOptionChild *inner = option_wrapped_by_key(options);
    if (inner == NULL)
        return json_clone(options->node);
    JsonNode *flat = option_flat(inner->options);
    JsonObject *object = json_node_get_object(flat);
    if (option_wrapped_by_key(inner->options) == NULL)
        json_object_set_string_member(object, "plugin", inner->plugin->desc->name);
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, json_node_get_object(options->node));
    while (json_object_iter_next_ordered(&iter, &name, &value))
        if (inner->keys == NULL || g_strv_contains((const char *const *)inner->keys, name))
            json_object_set_member(object, name, json_clone(value));
    return flat;
}

/* ---- What the keys of an object mean ---- */

/* The key that calls for the wrapper: one that the plugin has not itself. NULL: none does. */
static const char *
calling_key(const PbxKeyWrapper *by, const PbxPlugin *plugin, JsonObject *given)
{
    for (char **key = by->keys; *key != NULL; key++)
        if (json_object_has_member(given, *key) && !plugin_has_option(plugin, *key))
            return *key;
    return NULL;
}

static PbxOptions *
wrap(const PbxKeyWrapper *by, const char *key, const PbxPlugin **plugin, PbxOptions *options,
     const PbxDoc *doc, const char *pointer, const PbxOptionContext *context, PbxProblems *problems)
{
    g_autoptr(GError) error = NULL;
    const PbxPlugin *wrapper =
        registry_load(context->registry, (*plugin)->desc->kind, by->plugin, &error);
    const OptionWrap wrap = {by, *plugin, options};
    PbxOptions *outer = NULL;
    if (wrapper != NULL) {
        outer = option_check_all(wrapper, doc, pointer, NULL, &wrap, context, problems);
    } else {
        g_autofree char *place = json_pointer_member(pointer, key);
        problems_add(problems, doc, place, "%s", error->message);
        problems_set_status(problems, plugin_error_status(error));
    }
    if (outer == NULL)
        options_free(options);
    *plugin = wrapper;
    return outer;
}

PbxOptions *
options_check_search(const PbxPlugin **plugin, const PbxDoc *doc, const char *pointer,
                     const char *const *also, const PbxOptionContext *context,
                     PbxProblems *problems)
{
    const GPtrArray *wrappers = context->wrappers;
    JsonNode *node = doc != NULL ? option_node_at(doc_root(doc), pointer) : NULL;
    JsonObject *given =
        node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    const PbxPlugin *innermost = *plugin;
    g_autoptr(GPtrArray) others = g_ptr_array_new();
    for (guint i = 0; also != NULL && also[i] != NULL; i++)
        g_ptr_array_add(others, (gpointer)also[i]);
    for (guint i = 0; wrappers != NULL && given != NULL && i < wrappers->len; i++) {
        const PbxKeyWrapper *by = g_ptr_array_index(wrappers, i);
        for (char **key = by->keys; calling_key(by, innermost, given) && *key != NULL; key++)
            if (!g_ptr_array_find_with_equal_func(others, *key, g_str_equal, NULL))
                g_ptr_array_add(others, *key);
    }
    g_ptr_array_add(others, NULL);
    PbxOptions *options = option_check_all(
        innermost, doc, pointer, (const char *const *)others->pdata, NULL, context, problems);
    for (guint i = 0; wrappers != NULL && given != NULL && options != NULL && i < wrappers->len;
         i++) {
        const PbxKeyWrapper *by = g_ptr_array_index(wrappers, i);
        const char *key = calling_key(by, innermost, given);
        if (key != NULL)
            options = wrap(by, key, plugin, options, doc, pointer, context, problems);
    }
    return options;
}
