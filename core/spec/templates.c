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
    problems_add(check->problems, check->spec->doc, pointer, "{%s}: there is no parameter '%s'%s",
                 name, name, meant);
}

static void
check_trial_name(PbxCheck *check, const char *pointer, const char *name, const char *const *hidden)
{
    const PbxDoc *doc = check->spec->doc;
    if (!g_strv_contains(trial_names, name)) {
        g_autofree char *meant = meant_text(name, trial_names);
        problems_add(check->problems, doc, pointer, "{trial.%s}: a trial has no '%s'%s", name, name,
                     meant);
    } else if (hidden != NULL && g_strv_contains(hidden, name)) {
        problems_add(check->problems, doc, pointer,
                     "{trial.%s}: is not known yet where this is used", name);
    }
}

/* Whether all of it could be a dotted path. */
static gboolean
is_path(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (!g_ascii_isalnum(*c) && *c != '_' && *c != '.')
            return FALSE;
    }
    return text[0] != '\0';
}

/* Whether a word of an expression is a parameter's name that Lua does not know. */
static gboolean
is_bare_parameter(const PbxCheck *check, const char *word)
{
    static const char *const offered[] = {"config", "trial", NULL};
    return check->spec->space != NULL && !g_strv_contains(offered, word) &&
           g_hash_table_contains(space_parameters(check->spec->space), word) &&
           !sandbox_knows(check->spec->sandbox, word);
}

/* "lr * 2": alone a parameter is its name, in an expression it is a member of `config`. An
 * expression with names of its own is left alone. */
static void
check_expression(PbxCheck *check, const char *pointer, const char *item)
{
    g_auto(GStrv) words = expression_names(item);
    for (char **word = words; *word != NULL; word++) {
        if (!is_bare_parameter(check, *word))
            continue;
        problems_add(check->problems, check->spec->doc, pointer,
                     "{%s}: in an expression write config.%s for %s", item, *word, *word);
        return;
    }
}

/* What a compiled template does not tell as names: {trial.X}, {config.X}, expressions. */
static void
check_item(PbxCheck *check, const char *pointer, const char *item, const char *const *hidden)
{
    if (!is_path(item))
        check_expression(check, pointer, item);
    else if (g_str_has_prefix(item, "trial."))
        check_trial_name(check, pointer, item + strlen("trial."), hidden);
    else if (g_str_has_prefix(item, "config."))
        check_parameter(check, pointer, item + strlen("config."));
}

static void
check_names(PbxCheck *check, const char *pointer, const char *text, const PbxTemplate *compiled,
            const char *const *hidden)
{
    for (const char *const *name = template_names(compiled); *name != NULL; name++)
        check_parameter(check, pointer, *name);
    for (const char *c = strchr(text, '{'); c != NULL; c = strchr(c, '{')) {
        if (c[1] == '{') {
            c += 2;
            continue;
        }
        gsize length = strcspn(++c, "{}");
        g_autofree char *item = g_strstrip(g_strndup(c, length));
        if (!g_strv_contains(template_names(compiled), item))
            check_item(check, pointer, item, hidden);
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
        check_names(check, pointer, text, compiled, hidden);
    return compiled;
}

/* What does not compile is told by the check of the options. */
static void
check_text(PbxCheck *check, const char *pointer, JsonNode *node, PbxTemplateFlags flags)
{
    if (!node_is(node, KEY_STRING))
        return;
    const char *text = json_node_get_string(node);
    g_autoptr(PbxTemplate) compiled = template_compile(check->spec->sandbox, text, flags, NULL);
    if (compiled != NULL)
        check_names(check, pointer, text, compiled, NULL);
}

static void
check_option(PbxCheck *check, const char *pointer, JsonNode *node, const pbx_option *option)
{
    gboolean list = (option->flags & PBX_OPTION_LIST) != 0;
    if (JSON_NODE_HOLDS_ARRAY(node) && list) {
        JsonArray *array = json_node_get_array(node);
        for (guint i = 0; i < json_array_get_length(array); i++) {
            g_autofree char *item = json_pointer_item(pointer, i);
            check_text(check, item, json_array_get_element(array, i), TEMPLATE_WORDS);
        }
    } else if (JSON_NODE_HOLDS_OBJECT(node) && (option->flags & PBX_OPTION_MAP) != 0) {
        JsonObject *object = json_node_get_object(node);
        g_autoptr(GList) members = json_object_get_members(object);
        for (GList *member = members; member != NULL; member = member->next) {
            g_autofree char *place = json_pointer_member(pointer, member->data);
            check_text(check, place, json_object_get_member(object, member->data), TEMPLATE_PLAIN);
        }
    } else {
        check_text(check, pointer, node, list ? TEMPLATE_WORDS : TEMPLATE_PLAIN);
    }
}

void
templates_check_options(PbxCheck *check, const pbx_plugin *desc, const char *pointer,
                        JsonObject *given)
{
    for (guint i = 0; i < desc->n_options; i++) {
        const pbx_option *option = plugin_option(desc, i);
        JsonNode *node = json_object_get_member(given, option->name);
        if (option->type != PBX_OPTION_TEMPLATE || node == NULL)
            continue;
        g_autofree char *place = json_pointer_member(pointer, option->name);
        check_option(check, place, node, option);
    }
}
