/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plugins as the file uses them: found, loaded, and their options checked. */
#include <string.h>

#include "spec/spec-private.h"

/* What core gives to every search, and to every decider; a plugin that declares such an
 * option itself gets it instead. */
static const char *const search_keys[] = {
    "seed", "max_concurrent", "points_to_evaluate", "evaluated_rewards", "isolate", NULL};
static const char *const decider_keys[] = {"isolate", NULL};
static const char *const no_keys[] = {NULL};

/* ---- Documents that stand in for what the file says in short ---- */

/* `value` in as many containers as the pointer has parts. */
static JsonNode *
nest(char **parts, JsonNode *value)
{
    if (parts[0] == NULL)
        return value;
    JsonNode *inner = nest(parts + 1, value);
    guint64 index = 0;
    JsonNode *outer = json_node_alloc();
    if (g_ascii_string_to_unsigned(parts[0], 10, 0, 65535, &index, NULL)) {
        JsonArray *array = json_array_new();
        for (guint64 i = 0; i < index; i++)
            json_array_add_null_element(array);
        json_array_add_element(array, inner);
        json_node_init(outer, JSON_NODE_ARRAY);
        json_node_take_array(outer, array);
    } else {
        JsonObject *object = json_object_new();
        json_object_set_member(object, parts[0], inner);
        json_node_init(outer, JSON_NODE_OBJECT);
        json_node_take_object(outer, object);
    }
    return outer;
}

/* "FILE:LINE:COLUMN" of a pointer, or what takes its place. */
static char *
place_text(const PbxDoc *doc, const char *pointer)
{
    guint line = 0, column = 0;
    doc_position(doc, pointer, &line, &column);
    if (line > 0)
        return g_strdup_printf("%s:%u:%u", doc_name(doc), line, column);
    g_autoptr(PbxProblems) problems = problems_new();
    problems_add(problems, doc, pointer, "-");
    char *text = problems_format(problems);
    g_autofree char *path = json_pointer_display(pointer);
    g_autofree char *tail = g_strdup_printf(path[0] != '\0' ? ": %s: -\n" : ": %s-\n", path);
    if (g_str_has_suffix(text, tail))
        text[strlen(text) - strlen(tail)] = '\0';
    return text;
}

PbxDoc *
stand_in(PbxCheck *check, const PbxDoc *where, const char *pointer, JsonNode *value)
{
    g_auto(GStrv) parts = g_strsplit(pointer + 1, "/", -1);
    g_autoptr(JsonNode) root = nest(parts, value);
    g_autofree char *place = place_text(where, pointer);
    PbxDoc *doc = doc_new_for_node(place, root);
    g_ptr_array_add(check->spec->docs, doc);
    return doc;
}

JsonNode *
object_node(JsonObject *object)
{
    JsonNode *node = json_node_alloc();
    json_node_init(node, JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    return node;
}

JsonObject *
plugin_object(const char *name)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "plugin", name);
    return object;
}

/* ---- One use of a plugin ---- */

static const char *const *
general_keys(const char *kind)
{
    if (g_str_equal(kind, "search"))
        return search_keys;
    return g_str_equal(kind, "scheduler") || g_str_equal(kind, "stopper") ? decider_keys : no_keys;
}

static gboolean
means_wrapper(const PbxCheck *check, const char *name)
{
    const GPtrArray *wrappers = check->defaults->wrappers;
    for (guint i = 0; i < wrappers->len; i++) {
        const PbxKeyWrapper *by = g_ptr_array_index(wrappers, i);
        if (g_strv_contains((const char *const *)by->keys, name))
            return TRUE;
    }
    return FALSE;
}

/* A general key is `seed`, `isolate`, means a wrapper, or is of a later version. */
static void
check_general_key(PbxCheck *check, const PbxDoc *doc, const char *pointer, const char *name,
                  JsonNode *node)
{
    PbxSpec *spec = check->spec;
    g_autofree char *place = json_pointer_member(pointer, name);
    /* It is read once there is a use. */
    PbxIsolate isolate;
    if (g_str_equal(name, "isolate")) {
        (void)isolate_read(&isolate, doc, place, node, check->problems);
        return;
    }
    if (means_wrapper(check, name))
        return;
    if (!g_str_equal(name, "seed")) {
        problems_add(check->problems, doc, place, "'%s' " NOT_YET, name);
        return;
    }
    if (!node_is(node, KEY_INT)) {
        wrong_type(check, doc, place, KEY_INT, node);
    } else if (json_node_get_int(node) < 0) {
        problems_add(check->problems, doc, place, "needs an integer >= 0, got %" G_GINT64_FORMAT,
                     json_node_get_int(node));
    } else {
        spec->has_search_seed = TRUE;
        spec->search_seed = (guint64)json_node_get_int(node);
    }
}

/* The node at a pointer that was made here or by the document itself. */
static JsonNode *
node_at(const PbxDoc *doc, const char *pointer)
{
    g_autofree char *path = json_pointer_display(pointer);
    return json_lookup(doc_root(doc), path);
}

static void
check_general_keys(PbxCheck *check, const PbxPlugin *plugin, const char *const *also,
                   const PbxDoc *doc, const char *pointer)
{
    JsonNode *node = node_at(doc, pointer);
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return;
    for (const char *const *key = also; *key != NULL; key++) {
        JsonNode *value = json_object_get_member(json_node_get_object(node), *key);
        if (value != NULL && !plugin_has_option(plugin, *key))
            check_general_key(check, doc, pointer, *key, value);
    }
}

/* What may stand for a wrapped plugin in short. */
static PbxDoc *
plugin_in_full(gpointer user, const char *kind, const PbxDoc *doc, const char *pointer,
               JsonNode *value, gboolean *told)
{
    if (!g_str_equal(kind, "stopper"))
        return NULL;
    PbxDoc *full = stop_in_full(user, doc, pointer, json_node_get_object(value));
    *told = full == NULL;
    return full;
}

/* The plugin becomes the outermost of the wrappers that keys of a search mean. */
static PbxOptions *
read_options(PbxCheck *check, const PbxPlugin **used, const char *kind, const PbxDoc *doc,
             const char *pointer)
{
    const PbxSpec *spec = check->spec;
    const PbxPlugin *plugin = *used;
    const char *also[8] = {NULL};
    gsize n = 0;
    for (const char *const *key = general_keys(kind); *key != NULL; key++) {
        if (!plugin_has_option(plugin, *key))
            also[n++] = *key;
    }
    check_general_keys(check, plugin, also, doc, pointer);
    gboolean named = spec->metrics[0] != NULL;
    PbxOptionContext context = {
        .registry = check->registry,
        .in_full = plugin_in_full,
        .in_full_user = check,
        .sandbox = spec->sandbox,
        .metric = spec->metrics[0],
        .mode = named ? (spec->signs[0] < 0 ? "max" : "min") : NULL,
        .base_dir = spec->base_dir,
        .results_dir = spec->results_dir,
        .replaced = check->replaced,
        .is_new = check->is_new,
        .wrappers = check->defaults->wrappers,
    };
    return g_str_equal(kind, "search")
               ? options_check_search(used, doc, pointer, also, &context, check->problems)
               : options_check(plugin, doc, pointer, also, &context, check->problems);
}

/* A decider that ranks needs a metric: the run's or its own. */
static void
check_metric(PbxCheck *check, const PbxPluginUse *use)
{
    const char *kind = use->plugin->desc->kind;
    for (guint i = 0; i < use->wrapped->len; i++)
        check_metric(check, g_ptr_array_index(use->wrapped, i));
    gboolean decides = general_keys(kind) != no_keys;
    if (!decides || (plugin_caps(use->plugin) & PBX_CAP_NEEDS_METRIC) == 0)
        return;
    if (spec_use_metric(check->spec, use, NULL) == NULL &&
        !g_hash_table_contains(check->wrong, "metric") &&
        !g_hash_table_contains(check->wrong, "mode"))
        problems_add(check->problems, check->spec->doc, use->pointer,
                     "the %s '%s' needs 'metric' and 'mode'", kind, use->plugin->desc->name);
}

static PbxPluginUse *
wrapped_by_key(const PbxPluginUse *use)
{
    PbxPluginUse *inner = use->wrapped->len > 0 ? g_ptr_array_index(use->wrapped, 0) : NULL;
    return inner != NULL && inner->from->by_key ? inner : NULL;
}

/* It is that of the wrappers that its keys mean too. */
static void
take_seed(PbxPluginUse *use, guint64 seed)
{
    for (; use != NULL; use = wrapped_by_key(use)) {
        use->has_seed = TRUE;
        use->seed = seed;
    }
}

/* With all that it wraps. `place` is the slot of what keys wrap: the wrappers' are it with their
 * names behind it, "search+limit". */
static PbxPluginUse *
use_alloc(const char *place, const PbxPlugin *plugin, PbxOptions *options, const char *pointer)
{
    PbxPluginUse *use = g_new0(PbxPluginUse, 1);
    const GPtrArray *children = options_children(options);
    const gboolean by_key = children->len > 0 && ((PbxOptionChild *)children->pdata[0])->by_key;
    use->slot = by_key ? g_strconcat(place, "+", plugin->desc->name, NULL) : g_strdup(place);
    use->plugin = plugin;
    use->options = options;
    use->pointer = g_strdup(pointer);
    use->wrapped = g_ptr_array_new_with_free_func((GDestroyNotify)use_free);
    for (guint i = 0; i < children->len; i++) {
        const PbxOptionChild *child = g_ptr_array_index(children, i);
        g_autofree char *inner =
            child->by_key ? g_strdup(place) : g_strconcat(use->slot, child->place, NULL);
        PbxPluginUse *wrapped = use_alloc(inner, child->plugin, child->options, child->pointer);
        wrapped->from = child;
        wrapped->isolate = child->isolate;
        g_ptr_array_add(use->wrapped, wrapped);
        if (child->has_seed)
            take_seed(wrapped, child->seed);
    }
    return use;
}

static void
take_isolate(PbxPluginUse *use, const PbxDoc *doc)
{
    JsonNode *node = node_at(doc, use->pointer);
    JsonNode *isolate = node != NULL && JSON_NODE_HOLDS_OBJECT(node)
                            ? json_object_get_member(json_node_get_object(node), "isolate")
                            : NULL;
    g_autoptr(PbxProblems) told = problems_new();
    if (isolate != NULL && !plugin_has_option(spec_use_given(use)->plugin, "isolate"))
        (void)isolate_read(&use->isolate, doc, use->pointer, isolate, told);
}

static gboolean
is_isolated(const PbxPluginUse *use)
{
    gboolean isolated = use->isolate.wanted;
    for (guint i = 0; i < use->wrapped->len && !isolated; i++)
        isolated = is_isolated(g_ptr_array_index(use->wrapped, i));
    return isolated;
}

gboolean
spec_use_is_slow(const PbxPluginUse *use)
{
    gboolean slow = (plugin_caps(use->plugin) & PBX_CAP_SLOW) != 0;
    for (guint i = 0; i < use->wrapped->len && !slow; i++)
        slow = spec_use_is_slow(g_ptr_array_index(use->wrapped, i));
    return slow;
}

gboolean
spec_use_in_child(const PbxPluginUse *use)
{
    return is_isolated(use) || spec_use_is_slow(use);
}

const PbxPluginUse *
spec_use_given(const PbxPluginUse *use)
{
    const PbxPluginUse *inner;
    while ((inner = wrapped_by_key(use)) != NULL)
        use = inner;
    return use;
}

guint64
spec_seed_of(const PbxSpec *spec, const PbxPluginUse *use)
{
    if (use->has_seed)
        return use->seed;
    return g_str_equal(use->plugin->desc->kind, "search") ? spec->search_seed : spec->seed;
}

PbxPluginUse *
use_named(PbxCheck *check, const char *slot, const char *kind, const char *name,
          const char *name_pointer, const PbxDoc *doc, const char *pointer)
{
    g_autoptr(GError) error = NULL;
    const PbxPlugin *plugin = registry_load(check->registry, kind, name, &error);
    if (plugin == NULL) {
        problems_add(check->problems, doc, name_pointer, "%s", error->message);
        problems_set_status(check->problems, plugin_error_status(error));
        return NULL;
    }
    PbxOptions *options = read_options(check, &plugin, kind, doc, pointer);
    if (options == NULL)
        return NULL;
    PbxPluginUse *use = use_alloc(slot, plugin, options, pointer);
    if (general_keys(kind) != no_keys)
        take_isolate(use, doc);
    check_metric(check, use);
    return use;
}

/* "comand" stands where a key could have been that says which plugin is meant. */
static void
hint_misspelt(PbxCheck *check, JsonObject *object, const char *kind)
{
    const char *names[] = {"plugin", g_str_equal(kind, "trainable") ? "command" : NULL, NULL};
    g_autoptr(GList) members = json_object_get_members(object);
    for (GList *member = members; member != NULL; member = member->next) {
        const char *meant = json_did_you_mean(member->data, names);
        if (meant == NULL)
            continue;
        problems_hint(check->problems, "did you mean '%s' by '%s'?", meant,
                      (const char *)member->data);
        return;
    }
}

PbxPluginUse *
use_new(PbxCheck *check, const char *slot, const char *kind, const PbxDoc *doc, const char *pointer,
        JsonNode *node)
{
    if (node_is(node, KEY_STRING)) {
        const char *name = json_node_get_string(node);
        return use_named(check, slot, kind, name, pointer, doc, pointer);
    }
    if (!node_is(node, KEY_OBJECT)) {
        wrong_type(check, doc, pointer, KEY_STRING | KEY_OBJECT, node);
        return NULL;
    }
    JsonNode *name = json_object_get_member(json_node_get_object(node), "plugin");
    if (name == NULL) {
        problems_add(check->problems, doc, pointer,
                     "'plugin' is missing: which %s are these options for?", kind);
        hint_misspelt(check, json_node_get_object(node), kind);
        return NULL;
    }
    g_autofree char *name_pointer = json_pointer_member(pointer, "plugin");
    if (!node_is(name, KEY_STRING)) {
        wrong_type(check, doc, name_pointer, KEY_STRING, name);
        return NULL;
    }
    return use_named(check, slot, kind, json_node_get_string(name), name_pointer, doc, pointer);
}

void
use_free(PbxPluginUse *use)
{
    if (use == NULL)
        return;
    g_free(use->slot);
    g_free(use->pointer);
    g_ptr_array_unref(use->wrapped);
    if (use->from == NULL)
        options_free(use->options);
    g_free(use);
}

/* ---- The slots ---- */

static PbxPluginUse *
slot_or_default(PbxCheck *check, const char *kind, const char *name)
{
    g_autofree char *pointer = g_strconcat("/", kind, NULL);
    JsonNode *node = key_node(check, kind);
    if (node != NULL)
        return use_new(check, kind, kind, check->spec->doc, pointer, node);
    if (g_hash_table_contains(check->wrong, kind))
        return NULL;
    return use_named(check, kind, kind, name, pointer, check->spec->doc, pointer);
}

static gboolean
is_used(const GPtrArray *uses, const char *name)
{
    for (guint i = 0; i < uses->len; i++) {
        const PbxPluginUse *use = g_ptr_array_index(uses, i);
        if (g_str_equal(use->plugin->desc->name, name))
            return TRUE;
    }
    return FALSE;
}

static gboolean
wants_auto_loggers(PbxCheck *check)
{
    gboolean wanted = TRUE;
    key_bool(check, "auto_loggers", &wanted);
    return wanted && g_strcmp0(g_getenv("PEGBOX_DISABLE_AUTO_CALLBACK_LOGGERS"), "1") != 0;
}

static void
check_loggers(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    JsonNode *node = key_node(check, "loggers");
    JsonArray *array = node != NULL ? json_node_get_array(node) : NULL;
    guint n = array != NULL ? json_array_get_length(array) : 0;
    for (guint i = 0; i < n; i++) {
        g_autofree char *slot = g_strdup_printf("loggers[%u]", i);
        g_autofree char *pointer = json_pointer_item("/loggers", i);
        PbxPluginUse *use =
            use_new(check, slot, "logger", spec->doc, pointer, json_array_get_element(array, i));
        if (use != NULL)
            g_ptr_array_add(spec->loggers, use);
    }
    if (!wants_auto_loggers(check))
        return;
    for (char **name = check->defaults->loggers; *name != NULL; name++) {
        if (is_used(spec->loggers, *name) || !registry_has(check->registry, "logger", *name))
            continue;
        g_autofree char *slot = g_strdup_printf("loggers[%u]", n);
        g_autofree char *pointer = json_pointer_item("/loggers", n++);
        PbxPluginUse *use = use_named(check, slot, "logger", *name, pointer, spec->doc, pointer);
        if (use != NULL)
            g_ptr_array_add(spec->loggers, use);
    }
}

void
plugins_check(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    trainable_check(check);
    spec->search = slot_or_default(check, "search", check->defaults->search);
    spec->scheduler = slot_or_default(check, "scheduler", check->defaults->scheduler);
    spec->executor = slot_or_default(check, "executor", check->defaults->executor);
    check_loggers(check);
    if (spec->search != NULL && spec->space != NULL)
        capabilities_check(spec, 0, check->registry, check->problems);
    PbxPluginUse *const ranking[] = {spec->search, spec->scheduler};
    for (gsize i = 0; i < G_N_ELEMENTS(ranking); i++)
        if (ranking[i] != NULL)
            objectives_check(spec, ranking[i], plugin_caps(ranking[i]->plugin), check->problems);
}
