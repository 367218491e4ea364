/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trainable of the file: its plugin, its templates, and whether its options fit together. */
#include <pegbox/trainable.h>
#include <string.h>

#include "spec/spec-private.h"

static PbxPluginUse *
find_trainable(PbxCheck *check)
{
    const PbxDoc *doc = check->spec->doc;
    JsonNode *node = key_node(check, "trainable");
    if (node == NULL) {
        if (!check->ask && !g_hash_table_contains(check->wrong, "trainable")) {
            problems_add(check->problems, doc, "", "'trainable' is missing");
            problems_hint(check->problems, "\"trainable\": {\"command\": [\"python3\", "
                                           "\"train.py\", \"{args}\"]} tunes a program; "
                                           "`pegbox ask --create` needs none");
        }
        return NULL;
    }
    JsonObject *object = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    if (object != NULL && !json_object_has_member(object, "plugin") &&
        json_object_has_member(object, "command"))
        return use_named(check, "trainable", "trainable", check->defaults->command, "/trainable",
                         doc, "/trainable");
    return use_new(check, "trainable", "trainable", doc, "/trainable", node);
}

/* ---- A command in one text ---- */

/* Whether a blank stands outside of {EXPR}. */
static gboolean
has_words(const char *text)
{
    guint depth = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '{')
            depth++;
        else if (*c == '}' && depth > 0)
            depth--;
        else if (g_ascii_isspace(*c) && depth == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean
declares(const pbx_plugin *desc, const char *name, guint32 type, guint32 flags)
{
    for (guint i = 0; i < desc->n_options; i++) {
        const pbx_option *option = plugin_option(desc, i);
        if (g_str_equal(option->name, name))
            return option->type == type && (option->flags & flags) == flags;
    }
    return FALSE;
}

/* "command": "python3 train.py" would be a program of that name. */
static void
check_command(PbxCheck *check, JsonObject *given)
{
    const pbx_plugin *desc = check->spec->trainable->plugin->desc;
    JsonNode *command = json_object_get_member(given, "command");
    JsonNode *shell = json_object_get_member(given, "shell");
    if (command == NULL || !node_is(command, KEY_STRING) ||
        !has_words(json_node_get_string(command)) ||
        !declares(desc, "command", PBX_OPTION_TEMPLATE, PBX_OPTION_LIST))
        return;
    if (shell != NULL && node_is(shell, KEY_BOOL) && json_node_get_boolean(shell))
        return;
    problems_add(check->problems, check->spec->doc, "/trainable/command",
                 "a command of several words is a list of them, [\"python3\", \"train.py\"]%s",
                 declares(desc, "shell", PBX_OPTION_BOOL, 0)
                     ? "; or a text for the shell, with \"shell\": true beside it"
                     : "");
}

/* ---- What the plugin itself says ---- */

/* A member of the object at `pointer`, by its path ("metrics.loss"), as far as there is one. */
static char *
option_pointer(const PbxDoc *doc, const char *pointer, const char *path)
{
    g_autofree char *display = json_pointer_display(pointer);
    JsonNode *node = json_lookup(doc_root(doc), display);
    g_autofree char *place = g_strdup(pointer);
    while (node != NULL && JSON_NODE_HOLDS_OBJECT(node) && path[0] != '\0') {
        JsonObject *object = json_node_get_object(node);
        /* A name may hold dots itself. */
        const char *dot = json_object_has_member(object, path) ? NULL : strchr(path, '.');
        g_autofree char *name = dot != NULL ? g_strndup(path, dot - path) : g_strdup(path);
        node = json_object_get_member(object, name);
        if (node == NULL)
            break;
        char *longer = json_pointer_member(place, name);
        g_free(place);
        place = longer;
        path = dot != NULL ? dot + 1 : "";
    }
    return g_steal_pointer(&place);
}

static void
ask_plugin(PbxCheck *check)
{
    const PbxPluginUse *use = check->spec->trainable;
    const pbx_trainable *vtable = plugin_interface(use->plugin, PBX_TRAINABLE_ID);
    if (!PEGBOX_HAS(vtable, pbx_trainable, check))
        return;
    g_autoptr(PbxHost) host = host_new(use->slot, use->options, 0, NULL, NULL, NULL);
    pbx_error told = {.where = "", .message = ""};
    pbx_status status = vtable->check(host_abi(host), host_json(options_node(use->options)),
                                      (const char *const *)check->spec->metrics, &told);
    if (status >= 0)
        return;
    g_autoptr(GError) error = NULL;
    gboolean refused = status == PBX_EINVAL || status == PBX_ENOTSUP;
    char where[sizeof told.where];
    g_strlcpy(where, told.where, sizeof where);
    g_autofree char *place = option_pointer(check->spec->doc, use->pointer, where);
    if (!g_str_equal(place, use->pointer))
        told.where[0] = '\0'; /* the place says it */
    instance_set_error(&error, refused ? PLUGIN_ERROR_OPTIONS : PLUGIN_ERROR_BROKEN, use->plugin,
                       status, &told);
    problems_add(check->problems, check->spec->doc, place, "%s", error->message);
    problems_set_status(check->problems, plugin_error_status(error));
}

/* Of a plugin that is there, whether its other options are good or not. */
static void
check_templates(PbxCheck *check, JsonObject *given)
{
    JsonNode *name = json_object_get_member(given, "plugin");
    const char *plugin = name == NULL                ? check->defaults->command
                         : node_is(name, KEY_STRING) ? json_node_get_string(name)
                                                     : NULL;
    const PbxPlugin *found =
        plugin != NULL ? registry_load(check->registry, "trainable", plugin, NULL) : NULL;
    if (found != NULL)
        templates_check_options(check, found->desc, "/trainable", given);
}

void
trainable_check(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    JsonNode *node = key_node(check, "trainable");
    JsonObject *given =
        node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    spec->trainable = find_trainable(check);
    if (given != NULL)
        check_templates(check, given);
    if (spec->trainable == NULL)
        return;
    if (given != NULL)
        check_command(check, given);
    ask_plugin(check);
}
