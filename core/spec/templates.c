/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Templates of the file: compiled, and the names in them known. */
#include <string.h>

#include "spec/spec-private.h"

/* What templates see of a trial. */
static const char *const trial_names[] = {"id",  "number",  "name",       "tag",
                                          "dir", "attempt", "experiment", NULL};

char *
template_quote(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "{", -1);
    return g_strjoinv("{{", parts);
}

/* Whether `name` is an object or array that holds parameters ("layers" of "layers[0]"). */
static gboolean
is_container(GHashTable *parameters, const char *name)
{
    gsize length = strlen(name);
    GHashTableIter iter;
    gpointer key = NULL;
    g_hash_table_iter_init(&iter, parameters);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        const char *path = key;
        if (strncmp(path, name, length) == 0 && (path[length] == '.' || path[length] == '['))
            return TRUE;
    }
    return FALSE;
}

static void
check_parameter(PbxCheck *check, const char *pointer, const char *name)
{
    if (check->spec->space == NULL)
        return;
    GHashTable *parameters = space_parameters(check->spec->space);
    if (g_hash_table_contains(parameters, name) || is_container(parameters, name))
        return;
    g_autofree const char **names = (const char **)g_hash_table_get_keys_as_array(parameters, NULL);
    g_autofree char *meant = meant_text(name, names);
    problems_add(check->problems, check->spec->doc, pointer, "{%s}: there is no parameter `%s`%s",
                 name, name, meant);
}

static void
check_trial_name(PbxCheck *check, const char *pointer, const char *name, const char *const *hidden)
{
    const PbxDoc *doc = check->spec->doc;
    const char *rest = name + strlen("trial.");
    if (!g_strv_contains(trial_names, rest)) {
        g_autofree char *meant = meant_text(rest, trial_names);
        problems_add(check->problems, doc, pointer, "{%s}: a trial has no `%s`%s", name, rest,
                     meant);
    } else if (hidden != NULL && g_strv_contains(hidden, rest)) {
        problems_add(check->problems, doc, pointer, "{%s}: is not known yet where this is used",
                     name);
    }
}

static void
check_names(PbxCheck *check, const char *pointer, const PbxTemplate *compiled,
            const char *const *hidden)
{
    for (const char *const *name = template_names(compiled); *name != NULL; name++) {
        if (g_str_has_prefix(*name, "trial."))
            check_trial_name(check, pointer, *name, hidden);
        else if (g_str_has_prefix(*name, "config."))
            check_parameter(check, pointer, *name + strlen("config."));
        else if (!g_str_equal(*name, "trial") && !g_str_equal(*name, "config"))
            check_parameter(check, pointer, *name);
    }
}

PbxTemplate *
template_at(PbxCheck *check, const char *pointer, const char *text, const char *const *hidden)
{
    g_autoptr(GError) error = NULL;
    PbxTemplate *compiled = template_compile(check->spec->sandbox, text, TEMPLATE_PLAIN, &error);
    if (compiled == NULL)
        problems_add(check->problems, check->spec->doc, pointer, "%s", error->message);
    else
        check_names(check, pointer, compiled, hidden);
    return compiled;
}

static void
check_list(PbxCheck *check, const PbxPluginUse *use, const char *name, const char *pointer)
{
    guint n = options_template_count(use->options, name);
    for (guint i = 0; i < n; i++) {
        g_autofree char *item = json_pointer_item(pointer, i);
        PbxTemplate *compiled = options_template(use->options, name, i, NULL);
        if (compiled != NULL)
            check_names(check, item, compiled, NULL);
    }
}

static void
check_map(PbxCheck *check, const PbxPluginUse *use, const char *name, const char *pointer)
{
    JsonObject *options = json_node_get_object(options_node(use->options));
    JsonNode *node = json_object_get_member(options, name);
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return;
    g_autoptr(GList) members = json_object_get_members(json_node_get_object(node));
    for (GList *member = members; member != NULL; member = member->next) {
        g_autofree char *place = json_pointer_member(pointer, member->data);
        PbxTemplate *compiled = options_template(use->options, name, 0, member->data);
        if (compiled != NULL)
            check_names(check, place, compiled, NULL);
    }
}

void
templates_check_options(PbxCheck *check, const PbxPluginUse *use)
{
    for (guint i = 0; i < use->plugin->desc->n_options; i++) {
        const pbx_option *option = plugin_option(use->plugin->desc, i);
        if (option->type != PBX_OPTION_TEMPLATE)
            continue;
        g_autofree char *pointer = json_pointer_member(use->pointer, option->name);
        PbxTemplate *one = NULL;
        if ((option->flags & PBX_OPTION_LIST) != 0)
            check_list(check, use, option->name, pointer);
        else if ((option->flags & PBX_OPTION_MAP) != 0)
            check_map(check, use, option->name, pointer);
        else if ((one = options_template(use->options, option->name, 0, NULL)) != NULL)
            check_names(check, pointer, one, NULL);
    }
}
