/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which plugins stand where the experiment file names none: data, in
 * $datadir/pegbox/defaults.json, over which $XDG_CONFIG_HOME/pegbox/defaults.json goes.
 */
#include <string.h>

#include "spec/spec-private.h"

static const char *const default_keys[] = {"search",  "scheduler", "executor", "command",
                                           "loggers", "wrappers",  "stop",     NULL};
static const char *const stop_keys[] = {"thresholds", "when", "timeout", NULL};

/* A file of defaults; *there is FALSE where it does not exist. */
static PbxDoc *
read_file(const char *path, gboolean *there, PbxProblems *problems)
{
    g_autofree char *text = NULL;
    gsize length = 0;
    g_autoptr(GError) error = NULL;
    *there = TRUE;
    if (!g_file_get_contents(path, &text, &length, &error)) {
        *there = !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
        if (*there)
            problems_add(problems, NULL, "", "%s", error->message);
        return NULL;
    }
    return doc_parse(path, text, length, DOC_PLAIN, problems);
}

static gboolean
check_members(const PbxDoc *doc, const char *pointer, JsonNode *node, const char *const *names,
              PbxProblems *problems)
{
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        problems_add(problems, doc, pointer, "needs an object, this is %s", node_kind(node));
        return FALSE;
    }
    gboolean good = TRUE;
    g_autoptr(GList) members = json_object_get_members(json_node_get_object(node));
    for (GList *item = members; item != NULL; item = item->next) {
        if (g_strv_contains(names, item->data))
            continue;
        g_autofree char *place = json_pointer_member(pointer, item->data);
        g_autofree char *meant = meant_text(item->data, names);
        problems_add(problems, doc, place, "there is no such key%s", meant);
        good = FALSE;
    }
    return good;
}

static gboolean
take_string(const PbxDoc *doc, const char *pointer, JsonObject *object, const char *name,
            char **value, PbxProblems *problems)
{
    JsonNode *node = json_object_get_member(object, name);
    if (node == NULL)
        return TRUE;
    if (!node_is(node, KEY_STRING)) {
        g_autofree char *place = json_pointer_member(pointer, name);
        problems_add(problems, doc, place, "needs a string, this is %s", node_kind(node));
        return FALSE;
    }
    g_free(*value);
    *value = json_node_dup_string(node);
    return TRUE;
}

/* An array of texts, NULL-ended. NULL: told. (transfer full) */
static char **
names_at(const PbxDoc *doc, const char *pointer, JsonNode *node, const char *of,
         PbxProblems *problems)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    gboolean good = node != NULL && JSON_NODE_HOLDS_ARRAY(node);
    JsonArray *array = good ? json_node_get_array(node) : NULL;
    for (guint i = 0; good && i < json_array_get_length(array); i++) {
        JsonNode *item = json_array_get_element(array, i);
        good = node_is(item, KEY_STRING);
        if (good)
            g_strv_builder_add(names, json_node_get_string(item));
    }
    if (good)
        return g_strv_builder_end(names);
    problems_add(problems, doc, pointer, "needs an array of names of %s", of);
    return NULL;
}

static gboolean
take_loggers(PbxDefaults *defaults, const PbxDoc *doc, JsonObject *root, PbxProblems *problems)
{
    JsonNode *node = json_object_get_member(root, "loggers");
    if (node == NULL)
        return TRUE;
    char **names = names_at(doc, "/loggers", node, "loggers", problems);
    if (names == NULL)
        return FALSE;
    g_strfreev(defaults->loggers);
    defaults->loggers = names;
    return TRUE;
}

static gboolean
take_short_form(PbxShortForm *form, const PbxDoc *doc, JsonObject *stop, const char *name,
                PbxProblems *problems)
{
    static const char *const names[] = {"plugin", "option", NULL};
    JsonNode *node = json_object_get_member(stop, name);
    if (node == NULL)
        return TRUE;
    g_autofree char *pointer = json_pointer_member("/stop", name);
    if (!check_members(doc, pointer, node, names, problems))
        return FALSE;
    JsonObject *object = json_node_get_object(node);
    gboolean plugin = take_string(doc, pointer, object, "plugin", &form->plugin, problems);
    return take_string(doc, pointer, object, "option", &form->option, problems) && plugin;
}

static void
key_wrapper_free(gpointer data)
{
    PbxKeyWrapper *by = data;
    g_strfreev(by->keys);
    g_free(by->plugin);
    g_free(by->option);
    g_free(by);
}

static gboolean
take_wrapper(PbxKeyWrapper *by, const PbxDoc *doc, const char *pointer, JsonNode *node,
             PbxProblems *problems)
{
    static const char *const names[] = {"keys", "plugin", "option", NULL};
    if (!check_members(doc, pointer, node, names, problems))
        return FALSE;
    JsonObject *object = json_node_get_object(node);
    g_autofree char *place = json_pointer_member(pointer, "keys");
    by->keys = names_at(doc, place, json_object_get_member(object, "keys"), "keys", problems);
    if (by->keys == NULL || !take_string(doc, pointer, object, "plugin", &by->plugin, problems) ||
        !take_string(doc, pointer, object, "option", &by->option, problems))
        return FALSE;
    if (by->plugin != NULL && by->option != NULL)
        return TRUE;
    problems_add(problems, doc, pointer, "needs \"keys\", \"plugin\" and \"option\"");
    return FALSE;
}

static gboolean
take_wrappers(PbxDefaults *defaults, const PbxDoc *doc, JsonObject *root, PbxProblems *problems)
{
    JsonNode *node = json_object_get_member(root, "wrappers");
    if (node == NULL)
        return TRUE;
    if (!JSON_NODE_HOLDS_ARRAY(node)) {
        problems_add(problems, doc, "/wrappers", "needs an array, this is %s", node_kind(node));
        return FALSE;
    }
    g_autoptr(GPtrArray) wrappers = g_ptr_array_new_with_free_func(key_wrapper_free);
    JsonArray *array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        PbxKeyWrapper *by = g_new0(PbxKeyWrapper, 1);
        g_autofree char *pointer = json_pointer_item("/wrappers", i);
        g_ptr_array_add(wrappers, by);
        if (!take_wrapper(by, doc, pointer, json_array_get_element(array, i), problems))
            return FALSE;
    }
    g_clear_pointer(&defaults->wrappers, g_ptr_array_unref);
    defaults->wrappers = g_steal_pointer(&wrappers);
    return TRUE;
}

static gboolean
take_stop(PbxDefaults *defaults, const PbxDoc *doc, JsonObject *root, PbxProblems *problems)
{
    JsonNode *node = json_object_get_member(root, "stop");
    if (node == NULL)
        return TRUE;
    if (!check_members(doc, "/stop", node, stop_keys, problems))
        return FALSE;
    JsonObject *stop = json_node_get_object(node);
    gboolean good = take_short_form(&defaults->thresholds, doc, stop, "thresholds", problems);
    good = take_short_form(&defaults->when, doc, stop, "when", problems) && good;
    return take_short_form(&defaults->timeout, doc, stop, "timeout", problems) && good;
}

/* What the file says goes over what is there. */
static gboolean
take_all(PbxDefaults *defaults, const PbxDoc *doc, PbxProblems *problems)
{
    if (!check_members(doc, "", doc_root(doc), default_keys, problems))
        return FALSE;
    JsonObject *root = json_node_get_object(doc_root(doc));
    gboolean good = take_string(doc, "", root, "search", &defaults->search, problems);
    good = take_string(doc, "", root, "scheduler", &defaults->scheduler, problems) && good;
    good = take_string(doc, "", root, "executor", &defaults->executor, problems) && good;
    good = take_string(doc, "", root, "command", &defaults->command, problems) && good;
    good = take_loggers(defaults, doc, root, problems) && good;
    good = take_wrappers(defaults, doc, root, problems) && good;
    return take_stop(defaults, doc, root, problems) && good;
}

static gboolean
is_complete(const PbxDefaults *defaults)
{
    const char *const texts[] = {
        defaults->search,        defaults->scheduler,         defaults->executor,
        defaults->command,       defaults->thresholds.plugin, defaults->thresholds.option,
        defaults->when.plugin,   defaults->when.option,       defaults->timeout.plugin,
        defaults->timeout.option};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (texts[i] == NULL)
            return FALSE;
    }
    return defaults->loggers != NULL && defaults->wrappers != NULL;
}

PbxDefaults *
defaults_load(PbxProblems *problems)
{
    g_autofree char *installed = g_build_filename(places_get()->data, "defaults.json", NULL);
    g_autofree char *own =
        g_build_filename(g_get_user_config_dir(), "pegbox", "defaults.json", NULL);
    const char *const paths[] = {installed, own};
    g_autoptr(PbxDefaults) defaults = g_new0(PbxDefaults, 1);
    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
        gboolean there = FALSE;
        PbxDoc *doc = read_file(paths[i], &there, problems);
        doc_free(defaults->own);
        defaults->own = doc;
        if (there && (doc == NULL || !take_all(defaults, doc, problems)))
            return NULL;
        if (i == 0)
            defaults->may_be_none = g_strdupv(defaults->loggers);
    }
    if (!is_complete(defaults)) {
        problems_add(problems, NULL, "",
                     "%s is missing or lacks a key: pegbox is not installed as it should be",
                     installed);
        return NULL;
    }
    return g_steal_pointer(&defaults);
}

/* ---- What the user's own file names ---- */

static void
check_plugin(const PbxDoc *doc, const char *pointer, const char *kind, JsonNode *node,
             PbxRegistry *registry, PbxProblems *problems)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path =
        node != NULL ? registry_find(registry, kind, json_node_get_string(node), &error) : NULL;
    if (error != NULL)
        problems_add(problems, doc, pointer, "%s", error->message);
}

static void
check_own_loggers(const PbxDefaults *defaults, JsonNode *node, PbxRegistry *registry,
                  PbxProblems *problems)
{
    JsonArray *array = node != NULL ? json_node_get_array(node) : NULL;
    for (guint i = 0; array != NULL && i < json_array_get_length(array); i++) {
        g_autofree char *pointer = json_pointer_item("/loggers", i);
        JsonNode *item = json_array_get_element(array, i);
        if (!g_strv_contains((const char *const *)defaults->may_be_none,
                             json_node_get_string(item)))
            check_plugin(defaults->own, pointer, "logger", item, registry, problems);
    }
}

static void
check_option(const PbxDefaults *defaults, const char *pointer, const PbxShortForm *form,
             PbxRegistry *registry, PbxProblems *problems)
{
    const PbxPlugin *plugin = registry_load(registry, "stopper", form->plugin, NULL);
    if (plugin == NULL)
        return;
    for (guint i = 0; i < plugin->desc->n_options; i++) {
        if (g_str_equal(plugin_option(plugin->desc, i)->name, form->option))
            return;
    }
    problems_add(problems, defaults->own, pointer, "stopper/%s has no option '%s'", form->plugin,
                 form->option);
}

static void
check_own_stop(const PbxDefaults *defaults, JsonObject *stop, PbxRegistry *registry,
               PbxProblems *problems)
{
    const PbxShortForm *forms[] = {&defaults->thresholds, &defaults->when, &defaults->timeout};
    for (gsize i = 0; i < G_N_ELEMENTS(forms); i++) {
        JsonNode *node = json_object_get_member(stop, stop_keys[i]);
        if (node == NULL)
            continue;
        JsonObject *object = json_node_get_object(node);
        g_autofree char *pointer = json_pointer_member("/stop", stop_keys[i]);
        g_autofree char *plugin = json_pointer_member(pointer, "plugin");
        g_autofree char *option = json_pointer_member(pointer, "option");
        check_plugin(defaults->own, plugin, "stopper", json_object_get_member(object, "plugin"),
                     registry, problems);
        check_option(defaults, json_object_has_member(object, "option") ? option : pointer,
                     forms[i], registry, problems);
    }
}

static void
check_own_wrappers(const PbxDefaults *defaults, PbxRegistry *registry, PbxProblems *problems)
{
    JsonNode *own =
        json_object_get_member(json_node_get_object(doc_root(defaults->own)), "wrappers");
    JsonArray *array = own != NULL ? json_node_get_array(own) : NULL;
    for (guint i = 0; array != NULL && i < json_array_get_length(array); i++) {
        g_autofree char *pointer = json_pointer_item("/wrappers", i);
        g_autofree char *plugin = json_pointer_member(pointer, "plugin");
        JsonObject *object = json_array_get_object_element(array, i);
        check_plugin(defaults->own, plugin, "search", json_object_get_member(object, "plugin"),
                     registry, problems);
    }
}

void
defaults_check_own(const PbxDefaults *defaults, PbxRegistry *registry, PbxProblems *problems)
{
    static const char *const kinds[][2] = {{"search", "search"},
                                           {"scheduler", "scheduler"},
                                           {"executor", "executor"},
                                           {"command", "trainable"}};
    if (defaults->own == NULL)
        return;
    JsonObject *root = json_node_get_object(doc_root(defaults->own));
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *pointer = json_pointer_member("", kinds[i][0]);
        check_plugin(defaults->own, pointer, kinds[i][1], json_object_get_member(root, kinds[i][0]),
                     registry, problems);
    }
    check_own_loggers(defaults, json_object_get_member(root, "loggers"), registry, problems);
    check_own_wrappers(defaults, registry, problems);
    JsonNode *stop = json_object_get_member(root, "stop");
    if (stop != NULL)
        check_own_stop(defaults, json_node_get_object(stop), registry, problems);
}

static void
short_form_clear(PbxShortForm *form)
{
    g_free(form->plugin);
    g_free(form->option);
}

void
defaults_free(PbxDefaults *defaults)
{
    if (defaults == NULL)
        return;
    g_free(defaults->search);
    g_free(defaults->scheduler);
    g_free(defaults->executor);
    g_free(defaults->command);
    g_strfreev(defaults->loggers);
    short_form_clear(&defaults->thresholds);
    short_form_clear(&defaults->when);
    short_form_clear(&defaults->timeout);
    g_clear_pointer(&defaults->wrappers, g_ptr_array_unref);
    doc_free(defaults->own);
    g_strfreev(defaults->may_be_none);
    g_free(defaults);
}

char **
spec_auto_loggers(void)
{
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDefaults) defaults = defaults_load(problems);
    return defaults != NULL ? g_strdupv(defaults->may_be_none) : g_new0(char *, 1);
}
