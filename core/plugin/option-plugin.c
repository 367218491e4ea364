/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options that name a plugin, with options of its own: those of wrappers. */
#include "plugin/plugin-private.h"

/* A PLUGIN option: the plugin is there, and its own options fit; they are filled in. */
JsonNode *
option_check_plugin(const OptionCheck *check, const char *pointer, JsonNode *value)
{
    JsonNode *name_node = value;
    if (JSON_NODE_HOLDS_OBJECT(value))
        name_node = json_object_get_member(json_node_get_object(value), "plugin");
    if (name_node == NULL || !JSON_NODE_HOLDS_VALUE(name_node) ||
        json_node_get_value_type(name_node) != G_TYPE_STRING) {
        problems_add(check->problems, check->doc, pointer,
                     "needs a plugin: its name, or an object with \"plugin\" and its options");
        return NULL;
    }
    if (check->context->registry == NULL)
        return json_clone(value);
    const char *name = json_node_get_string(name_node);
    const char *kind = check->option->choices[0];
    for (guint i = 0; check->option->choices[i] != NULL; i++) {
        if (registry_has(check->context->registry, check->option->choices[i], name)) {
            kind = check->option->choices[i];
            break;
        }
    }
    g_autoptr(GError) error = NULL;
    const PbxPlugin *plugin = registry_load(check->context->registry, kind, name, &error);
    if (plugin == NULL) {
        problems_add(check->problems, check->doc, pointer, "%s", error->message);
        problems_set_status(check->problems, plugin_error_status(error));
        return NULL;
    }
    g_autoptr(PbxOptions) inner =
        options_check(plugin, check->doc, pointer, NULL, check->context, check->problems);
    if (inner == NULL)
        return NULL;
    JsonNode *whole = json_clone(inner->node);
    json_object_set_string_member(json_node_get_object(whole), "plugin", name);
    return whole;
}
