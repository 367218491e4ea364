/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options that name a plugin, with options of its own: those of wrappers. */
#include "plugin/plugin-private.h"

void
option_child_free(PbxOptionChild *child)
{
    if (child == NULL)
        return;
    g_free(child->place);
    g_free(child->pointer);
    g_strfreev(child->keys);
    options_free(child->options);
    g_free(child);
}

/* The name in a value; NULL: it has none. */
static const char *
name_of(JsonNode *value)
{
    JsonNode *node = value;
    if (JSON_NODE_HOLDS_OBJECT(value))
        node = json_object_get_member(json_node_get_object(value), "plugin");
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
                   json_node_get_value_type(node) == G_TYPE_STRING
               ? json_node_get_string(node)
               : NULL;
}

/* The first of the kinds that has such a plugin, else the first. */
static const char *
kind_of(const OptionCheck *check, const char *name)
{
    const char *const *kinds = check->option->choices;
    for (guint i = 0; kinds[i] != NULL; i++)
        if (registry_has(check->context->registry, kinds[i], name))
            return kinds[i];
    return kinds[0];
}

/* The document of a value, or the one that says in full what it says in short. *value is NULL
 * where that is wrong, which was told. */
static const PbxDoc *
in_full(const OptionCheck *check, const char *pointer, JsonNode **value)
{
    const PbxOptionContext *context = check->context;
    gboolean told = FALSE;
    if (context->in_full == NULL || !JSON_NODE_HOLDS_OBJECT(*value) ||
        json_object_has_member(json_node_get_object(*value), "plugin"))
        return check->doc;
    const PbxDoc *doc = context->in_full(context->in_full_user, check->option->choices[0],
                                         check->doc, pointer, *value, &told);
    if (told)
        *value = NULL;
    else if (doc != NULL)
        *value = option_node_at(doc_root(doc), pointer);
    return doc != NULL ? doc : check->doc;
}

static OptionPart *
keep_child(const OptionCheck *check, const char *pointer, const PbxPlugin *plugin,
           PbxOptions *options)
{
    OptionPart *part = g_new0(OptionPart, 1);
    part->child = g_new0(PbxOptionChild, 1);
    part->child->plugin = plugin;
    part->child->options = options;
    part->child->pointer = check->is_default ? NULL : g_strdup(pointer);
    g_ptr_array_add(check->parts, part);
    return part;
}

/* ---- What core gives to every decider ---- */

static JsonNode *
member_of(JsonNode *value, const char *name)
{
    return JSON_NODE_HOLDS_OBJECT(value) ? json_object_get_member(json_node_get_object(value), name)
                                         : NULL;
}

/* `seed`, of a search that has no such option. FALSE: told. */
static gboolean
take_seed(const OptionCheck *check, const PbxDoc *doc, const char *pointer, JsonNode *value,
          gint64 *seed)
{
    JsonNode *node = member_of(value, "seed");
    *seed = -1;
    if (node == NULL)
        return TRUE;
    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64)
        *seed = json_node_get_int(node);
    if (*seed >= 0)
        return TRUE;
    g_autofree char *place = json_pointer_member(pointer, "seed");
    g_autofree char *shown = json_to_text(node);
    problems_add(check->problems, doc, place, "needs an integer >= 0, got %s", shown);
    return FALSE;
}

/* `isolate`, of a decider that has no such option. FALSE: told. */
static gboolean
take_isolate(const OptionCheck *check, const PbxDoc *doc, const char *pointer, JsonNode *value,
             PbxIsolate *isolate)
{
    JsonNode *node = member_of(value, "isolate");
    g_autofree char *place = json_pointer_member(pointer, "isolate");
    return node == NULL || isolate_read(isolate, doc, place, node, check->problems);
}

/* The options of a wrapped plugin, with what core gives beside them. */
static JsonNode *
check_wrapped(const OptionCheck *check, const PbxDoc *doc, const char *pointer, JsonNode *value,
              const PbxPlugin *plugin)
{
    const PbxPlugin *outer = plugin;
    const char *kind = plugin->desc->kind, *also[3] = {NULL};
    const gboolean is_search = g_str_equal(kind, "search");
    gsize n = 0;
    gint64 seed = -1;
    PbxIsolate isolate = {FALSE, 0};
    gboolean good = TRUE;
    if (is_search && !plugin_has_option(plugin, "seed")) {
        also[n++] = "seed";
        good = take_seed(check, doc, pointer, value, &seed);
    }
    if ((is_search || g_str_equal(kind, "scheduler") || g_str_equal(kind, "stopper")) &&
        !plugin_has_option(plugin, "isolate")) {
        also[n++] = "isolate";
        good = take_isolate(check, doc, pointer, value, &isolate) && good;
    }
    PbxOptions *inner =
        is_search
            ? options_check_search(&outer, doc, pointer, also, check->context, check->problems)
            : options_check(plugin, doc, pointer, also, check->context, check->problems);
    if (inner == NULL || !good) {
        options_free(inner);
        return NULL;
    }
    JsonNode *whole = option_flat(inner);
    JsonObject *object = json_node_get_object(whole);
    json_object_set_string_member(object, "plugin", plugin->desc->name);
    if (seed >= 0)
        json_object_set_int_member(object, "seed", seed);
    isolate_put(&isolate, object);
    if (check->parts == NULL) {
        options_free(inner);
        return whole;
    }
    PbxOptionChild *child = keep_child(check, pointer, outer, inner)->child;
    child->has_seed = seed >= 0;
    child->seed = (guint64)MAX(seed, 0);
    child->isolate = isolate;
    return whole;
}

/* A PLUGIN option: the plugin is there, and its own options fit; they are filled in. */
JsonNode *
option_check_plugin(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    const PbxDoc *doc = in_full(check, pointer, &value);
    if (value == NULL)
        return NULL;
    const char *name = name_of(value);
    if (name == NULL) {
        problems_add(check->problems, check->doc, pointer,
                     "needs a plugin: its name, or an object with \"plugin\" and its options");
        return NULL;
    }
    if (check->context->registry == NULL)
        return json_clone(value);
    g_autoptr(GError) error = NULL;
    const PbxPlugin *plugin =
        registry_load(check->context->registry, kind_of(check, name), name, &error);
    if (plugin == NULL) {
        problems_add(check->problems, doc, pointer, "%s", error->message);
        problems_set_status(check->problems, plugin_error_status(error));
        return NULL;
    }
    return check_wrapped(check, doc, pointer, value, plugin);
}
