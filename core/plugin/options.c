/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plugin's options as a file gives them, against the plugin's own table. */
#include <string.h>

#include "plugin/plugin-private.h"

static void
part_free(OptionPart *part)
{
    g_free(part->key);
    g_clear_pointer(&part->expression, expression_free);
    g_clear_pointer(&part->template, template_free);
    g_clear_pointer(&part->space, space_free);
    g_clear_pointer(&part->child, option_child_free);
    g_free(part);
}

void
options_free(PbxOptions *options)
{
    if (options == NULL)
        return;
    g_clear_pointer(&options->node, json_node_unref);
    g_ptr_array_unref(options->watched);
    g_ptr_array_unref(options->children);
    g_hash_table_unref(options->parts);
    g_ptr_array_unref(options->docs);
    g_free(options->metric);
    g_free(options->mode);
    g_free(options);
}

static PbxOptions *
options_new(const PbxPlugin *plugin)
{
    PbxOptions *options = g_new0(PbxOptions, 1);
    options->plugin = plugin;
    options->node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(options->node, json_object_new());
    options->watched = g_ptr_array_new_with_free_func(g_free);
    options->children = g_ptr_array_new();
    options->parts =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
    options->docs = g_ptr_array_new_with_free_func((GDestroyNotify)doc_free);
    return options;
}

/* ---- The object in the document ---- */

JsonNode *
option_node_at(JsonNode *root, const char *pointer)
{
    g_auto(GStrv) tokens = g_strsplit(pointer, "/", -1);
    JsonNode *node = root;
    for (guint i = 1; tokens[0] != NULL && tokens[i] != NULL && node != NULL; i++) {
        if (JSON_NODE_HOLDS_ARRAY(node)) {
            guint64 index;
            JsonArray *array = json_node_get_array(node);
            gboolean found =
                g_ascii_string_to_unsigned(tokens[i], 10, 0, G_MAXUINT32, &index, NULL) &&
                index < json_array_get_length(array);
            node = found ? json_array_get_element(array, (guint)index) : NULL;
        } else if (JSON_NODE_HOLDS_OBJECT(node)) {
            g_autoptr(GString) key = g_string_new(tokens[i]);
            g_string_replace(key, "~1", "/", 0);
            g_string_replace(key, "~0", "~", 0);
            node = json_object_get_member(json_node_get_object(node), key->str);
        } else {
            node = NULL;
        }
    }
    return node;
}

static const pbx_option *
find_option(const pbx_plugin *desc, const char *name)
{
    for (guint i = 0; i < desc->n_options; i++) {
        const pbx_option *option = plugin_option(desc, i);
        if (g_str_equal(option->name, name))
            return option;
    }
    return NULL;
}

gboolean
plugin_has_option(const PbxPlugin *plugin, const char *name)
{
    return find_option(plugin->desc, name) != NULL;
}

/* ---- The whole check ---- */

/* One run of options_check. */
typedef struct {
    PbxOptions *options;
    const PbxDoc *doc;
    const char *pointer;
    JsonObject *given;       /* NULL: none */
    const char *const *also; /* or NULL */
    const OptionWrap *wrap;  /* or NULL */
    const PbxOptionContext *context;
    PbxProblems *problems;
} Check;

static JsonNode *
given(const Check *c, const char *name)
{
    if (c->wrap != NULL && !g_strv_contains((const char *const *)c->wrap->by->keys, name))
        return NULL;
    if (c->also != NULL && g_strv_contains(c->also, name))
        return NULL;
    return c->given != NULL ? json_object_get_member(c->given, name) : NULL;
}

static void
unknown_key(const Check *c, const char *key)
{
    const pbx_plugin *desc = c->options->plugin->desc;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < desc->n_options; i++)
        g_ptr_array_add(names, (gpointer)plugin_option(desc, i)->name);
    for (guint i = 0; c->also != NULL && c->also[i] != NULL; i++)
        g_ptr_array_add(names, (gpointer)c->also[i]);
    g_ptr_array_add(names, NULL);
    const char *const *known = (const char *const *)names->pdata;
    const char *meant = json_did_you_mean(key, known);
    g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
    g_autofree char *place = json_pointer_member(c->pointer, key);
    if (meant != NULL)
        problems_add(c->problems, c->doc, place, "%s/%s has no option '%s'; did you mean '%s'?",
                     desc->kind, desc->name, key, meant);
    else if (names->len > 1)
        problems_add(c->problems, c->doc, place, "%s/%s has no option '%s'; it has: %s", desc->kind,
                     desc->name, key, list);
    else
        problems_add(c->problems, c->doc, place, "%s/%s has no option '%s'; it has none",
                     desc->kind, desc->name, key);
}

static void
check_keys(const Check *c)
{
    if (c->given == NULL || c->wrap != NULL)
        return;
    JsonObjectIter iter;
    const char *key;
    json_object_iter_init_ordered(&iter, c->given);
    while (json_object_iter_next_ordered(&iter, &key, NULL)) {
        if (g_str_equal(key, "plugin") || find_option(c->options->plugin->desc, key) != NULL ||
            (c->also != NULL && g_strv_contains(c->also, key)))
            continue;
        unknown_key(c, key);
    }
}

/* A value, given or default, becomes part of the options. */
static void
take_value(const Check *c, const pbx_option *option, const PbxDoc *doc, const char *pointer,
           JsonNode *value)
{
    GPtrArray *parts = g_ptr_array_new_with_free_func((GDestroyNotify)part_free);
    g_hash_table_insert(c->options->parts, (gpointer)option->name, parts);
    OptionCheck check = {.option = option,
                         .doc = doc,
                         .context = c->context,
                         .problems = c->problems,
                         .parts = parts,
                         .is_default = doc != c->doc};
    JsonNode *normal = option_check_value(&check, pointer, value);
    if (normal != NULL)
        json_object_set_member(json_node_get_object(c->options->node), option->name, normal);
}

static void
take_fallback(const Check *c, const pbx_option *option)
{
    g_autoptr(JsonNode) value = option_fallback(option, NULL);
    if (value == NULL)
        return;
    const pbx_plugin *desc = c->options->plugin->desc;
    g_autofree char *origin = g_strdup_printf("default of %s/%s", desc->kind, desc->name);
    g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(root, json_object_new());
    json_object_set_member(json_node_get_object(root), option->name, json_node_ref(value));
    PbxDoc *doc = doc_new_for_node(origin, root);
    g_ptr_array_add(c->options->docs, doc);
    g_autofree char *pointer = json_pointer_member("", option->name);
    take_value(c, option, doc, pointer, value);
}

/* metric and mode: the run's or the plugin's, not both. TRUE: there is nothing to take. */
static gboolean
objective_is_elsewhere(const Check *c, const pbx_option *option)
{
    gboolean is_mode = g_str_equal(option->name, "mode");
    JsonNode *value = given(c, option->name);
    if (value == NULL) /* a mode of the plugin's own may be left to its default */
        return !is_mode || given(c, "metric") == NULL || c->context->metric != NULL;
    g_autofree char *place = json_pointer_member(c->pointer, option->name);
    if (c->context->metric != NULL) {
        g_autofree char *shown = json_pointer_display(place);
        problems_add(c->problems, c->doc, place,
                     "the experiment names its metric already, in the top-level 'metric' and "
                     "'mode'; remove those or '%s'",
                     shown);
        return TRUE;
    }
    if (is_mode && given(c, "metric") == NULL) {
        problems_add(c->problems, c->doc, place, "a mode needs a 'metric' beside it");
        return TRUE;
    }
    return FALSE;
}

/* What a wrapper that keys mean stands around. */
static void
take_wrapped(const Check *c, const pbx_option *option)
{
    GPtrArray *parts = g_ptr_array_new_with_free_func((GDestroyNotify)part_free);
    OptionPart *part = g_new0(OptionPart, 1);
    part->child = g_new0(PbxOptionChild, 1);
    part->child->plugin = c->wrap->plugin;
    part->child->options = c->wrap->options;
    part->child->pointer = g_strdup(c->pointer);
    part->child->by_key = TRUE;
    part->child->keys = g_strdupv(c->wrap->by->keys);
    g_ptr_array_add(parts, part);
    g_hash_table_insert(c->options->parts, (gpointer)option->name, parts);
    JsonNode *whole = option_flat(c->wrap->options);
    if (option_wrapped_by_key(c->wrap->options) == NULL)
        json_object_set_string_member(json_node_get_object(whole), "plugin",
                                      c->wrap->plugin->desc->name);
    json_object_set_member(json_node_get_object(c->options->node), option->name, whole);
}

static void
check_option(const Check *c, const pbx_option *option)
{
    JsonNode *value = given(c, option->name);
    gboolean objective = (option->flags & PBX_OPTION_OBJECTIVE) != 0;
    if (c->wrap != NULL && g_str_equal(option->name, c->wrap->by->option)) {
        take_wrapped(c, option);
        return;
    }
    if (objective && objective_is_elsewhere(c, option))
        return;
    if (value != NULL) {
        g_autofree char *place = json_pointer_member(c->pointer, option->name);
        take_value(c, option, c->doc, place, value);
    } else if (option->fallback != NULL) {
        take_fallback(c, option);
    } else if ((option->flags & PBX_OPTION_REQUIRED) != 0 || objective) {
        const pbx_plugin *desc = c->options->plugin->desc;
        problems_add(c->problems, c->doc, c->pointer, "%s/%s needs the option '%s': %s", desc->kind,
                     desc->name, option->name, option->doc);
    }
}

/* ---- What core watches and what is the plugin's own ---- */

static void
watch_texts(GPtrArray *watched, JsonNode *value)
{
    if (JSON_NODE_HOLDS_ARRAY(value)) {
        JsonArray *items = json_node_get_array(value);
        for (guint i = 0; i < json_array_get_length(items); i++)
            watch_texts(watched, json_array_get_element(items, i));
    } else if (JSON_NODE_HOLDS_OBJECT(value)) {
        JsonObjectIter iter;
        JsonNode *member;
        json_object_iter_init_ordered(&iter, json_node_get_object(value));
        while (json_object_iter_next_ordered(&iter, NULL, &member))
            watch_texts(watched, member);
    } else {
        g_ptr_array_add(watched, g_strdup(json_node_get_string(value)));
    }
}

static void
watch_keys(GPtrArray *watched, JsonNode *value)
{
    JsonObjectIter iter;
    const char *key;
    json_object_iter_init_ordered(&iter, json_node_get_object(value));
    while (json_object_iter_next_ordered(&iter, &key, NULL))
        g_ptr_array_add(watched, g_strdup(key));
}

static void
collect_watched(PbxOptions *options)
{
    const pbx_plugin *desc = options->plugin->desc;
    for (guint i = 0; i < desc->n_options; i++) {
        const pbx_option *option = plugin_option(desc, i);
        gboolean field =
            option->type == PBX_OPTION_FIELD && (option->flags & PBX_OPTION_OBJECTIVE) == 0;
        if (!field && option->type != PBX_OPTION_FIELD_MAP)
            continue;
        JsonNode *value = json_object_get_member(json_node_get_object(options->node), option->name);
        if (value == NULL)
            g_ptr_array_add(options->watched, g_strdup(""));
        else if (field)
            watch_texts(options->watched, value);
        else
            watch_keys(options->watched, value);
    }
    g_ptr_array_add(options->watched, NULL);
}

/* Each where it hangs on its wrapper. */
static void
collect_children(PbxOptions *options, const char *pointer)
{
    const pbx_plugin *desc = options->plugin->desc;
    for (guint i = 0; i < desc->n_options; i++) {
        const pbx_option *option = plugin_option(desc, i);
        const GPtrArray *parts = g_hash_table_lookup(options->parts, option->name);
        if (option->type != PBX_OPTION_PLUGIN || parts == NULL)
            continue;
        for (guint j = 0; j < parts->len; j++) {
            const OptionPart *part = g_ptr_array_index(parts, j);
            PbxOptionChild *child = part->child;
            if (child == NULL)
                continue;
            child->option = option->name;
            child->key = part->key;
            child->index = j;
            child->place = (option->flags & PBX_OPTION_LIST) != 0
                               ? g_strdup_printf(".%s[%u]", option->name, j)
                           : part->key != NULL ? g_strdup_printf(".%s.%s", option->name, part->key)
                                               : g_strdup_printf(".%s", option->name);
            if (child->pointer == NULL)
                child->pointer = g_strdup(pointer);
            g_ptr_array_add(options->children, child);
        }
    }
}

/* What it wraps is not freed with it. */
static void
give_back(gpointer name, gpointer parts, gpointer user)
{
    (void)name;
    (void)user;
    for (guint i = 0; i < ((GPtrArray *)parts)->len; i++) {
        const OptionPart *part = g_ptr_array_index((GPtrArray *)parts, i);
        if (part->child != NULL && part->child->by_key)
            part->child->options = NULL;
    }
}

static char *
own_objective(const PbxOptions *options, const char *name)
{
    const pbx_option *option = find_option(options->plugin->desc, name);
    if (option == NULL || (option->flags & PBX_OPTION_OBJECTIVE) == 0)
        return NULL;
    return g_strdup(json_object_get_string_member_with_default(json_node_get_object(options->node),
                                                               name, NULL));
}

PbxOptions *
options_check(const PbxPlugin *plugin, const PbxDoc *doc, const char *pointer,
              const char *const *also, const PbxOptionContext *context, PbxProblems *problems)
{
    return option_check_all(plugin, doc, pointer, also, NULL, context, problems);
}

PbxOptions *
option_check_all(const PbxPlugin *plugin, const PbxDoc *doc, const char *pointer,
                 const char *const *also, const OptionWrap *wrap, const PbxOptionContext *context,
                 PbxProblems *problems)
{
    g_autoptr(PbxOptions) options = options_new(plugin);
    guint before = problems_count(problems);
    JsonNode *node = doc != NULL ? option_node_at(doc_root(doc), pointer) : NULL;
    Check c = {.options = options,
               .doc = doc,
               .pointer = pointer,
               .given =
                   node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL,
               .also = also,
               .wrap = wrap,
               .context = context,
               .problems = problems};
    check_keys(&c);
    for (guint i = 0; i < plugin->desc->n_options; i++)
        check_option(&c, plugin_option(plugin->desc, i));
    if (problems_count(problems) != before) {
        if (wrap != NULL) /* the caller's still */
            g_hash_table_foreach(options->parts, give_back, NULL);
        return NULL;
    }
    collect_watched(options);
    collect_children(options, pointer);
    options->metric = own_objective(options, "metric");
    options->mode = own_objective(options, "mode");
    return g_steal_pointer(&options);
}

/* ---- Reading ---- */

JsonNode *
options_node(const PbxOptions *options)
{
    return options->node;
}

/* Stands for a secret of any shape, a list of them too. */
static JsonNode *
hidden(void)
{
    JsonNode *node = json_node_new(JSON_NODE_VALUE);
    json_node_set_string(node, "***");
    return node;
}

/* The object of a child in those of its wrapper's options. */
static JsonObject *
child_object(JsonObject *members, const PbxOptionChild *child)
{
    if (child->by_key)
        return members;
    JsonNode *node = json_object_get_member(members, child->option);
    if (JSON_NODE_HOLDS_ARRAY(node))
        return json_array_get_object_element(json_node_get_array(node), child->index);
    JsonObject *object = json_node_get_object(node);
    return child->key != NULL ? json_object_get_object_member(object, child->key) : object;
}

/* What is secret of wrapped plugins too. */
static void
hide_secrets(const PbxOptions *options, JsonObject *members)
{
    const pbx_plugin *desc = options->plugin->desc;
    for (guint i = 0; i < options->children->len; i++) {
        const PbxOptionChild *child = g_ptr_array_index(options->children, i);
        hide_secrets(child->options, child_object(members, child));
    }
    for (guint i = 0; i < desc->n_options; i++) {
        const pbx_option *option = plugin_option(desc, i);
        if ((option->flags & PBX_OPTION_SECRET) != 0 &&
            json_object_has_member(members, option->name))
            json_object_set_member(members, option->name, hidden());
    }
}

JsonNode *
options_public(const PbxOptions *options)
{
    JsonNode *copy = option_flat(options);
    hide_secrets(options, json_node_get_object(copy));
    return copy;
}

JsonNode *
options_explicit(const PbxOptions *options)
{
    JsonNode *copy = json_clone(options->node);
    JsonObject *members = json_node_get_object(copy);
    for (guint i = 0; i < options->children->len; i++) {
        const PbxOptionChild *child = g_ptr_array_index(options->children, i);
        JsonObject *object = child->by_key ? json_object_get_object_member(members, child->option)
                                           : child_object(members, child);
        g_autoptr(JsonNode) whole = options_explicit(child->options);
        g_autoptr(GList) old = json_object_get_members(object);
        for (GList *name = old; name != NULL; name = name->next)
            json_object_remove_member(object, name->data);
        json_object_set_string_member(object, "plugin", child->plugin->desc->name);
        JsonObjectIter iter;
        const char *name;
        JsonNode *value;
        json_object_iter_init_ordered(&iter, json_node_get_object(whole));
        while (json_object_iter_next_ordered(&iter, &name, &value))
            json_object_set_member(object, name, json_clone(value));
    }
    return copy;
}

const GPtrArray *
options_children(const PbxOptions *options)
{
    return options->children;
}

const char *const *
options_watched(const PbxOptions *options)
{
    return (const char *const *)options->watched->pdata;
}

gboolean
options_objective(const PbxOptions *options, const char **metric, const char **mode)
{
    if (metric != NULL)
        *metric = options->metric;
    if (mode != NULL)
        *mode = options->mode;
    return options->metric != NULL;
}

/* The part of an option at an index, or with a key. */
static const OptionPart *
find_part(const PbxOptions *options, const char *name, guint index, const char *key)
{
    const GPtrArray *parts = g_hash_table_lookup(options->parts, name);
    if (parts == NULL)
        return NULL;
    if (key == NULL)
        return index < parts->len ? g_ptr_array_index(parts, index) : NULL;
    for (guint i = 0; i < parts->len; i++) {
        const OptionPart *part = g_ptr_array_index(parts, i);
        if (g_strcmp0(part->key, key) == 0)
            return part;
    }
    return NULL;
}

PbxExpression *
options_expression(const PbxOptions *options, const char *name)
{
    const OptionPart *part = find_part(options, name, 0, NULL);
    return part != NULL ? part->expression : NULL;
}

PbxSpace *
options_space(const PbxOptions *options, const char *name)
{
    const OptionPart *part = find_part(options, name, 0, NULL);
    return part != NULL ? part->space : NULL;
}

PbxTemplate *
options_template(const PbxOptions *options, const char *name, guint index, const char *key)
{
    const OptionPart *part = find_part(options, name, index, key);
    return part != NULL ? part->template : NULL;
}

guint
options_template_count(const PbxOptions *options, const char *name)
{
    const GPtrArray *parts = g_hash_table_lookup(options->parts, name);
    guint n = 0;
    for (guint i = 0; parts != NULL && i < parts->len; i++) {
        const OptionPart *part = g_ptr_array_index(parts, i);
        n += part->template != NULL ? 1 : 0;
    }
    return n;
}
