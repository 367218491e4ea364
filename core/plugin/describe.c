/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plugin's descriptor as JSON: what `inspect` prints and the schema is made from. */
#include <math.h>
#include <pegbox/search.h>

#include "plugin/plugin-private.h"

static void
set_text(JsonObject *object, const char *key, const char *value)
{
    if (value != NULL)
        json_object_set_string_member(object, key, value);
}

static JsonArray *
caps_to_json(const PbxPlugin *plugin)
{
    JsonArray *words = json_array_new();
    const PluginKind *kind = plugin_kind(plugin->desc->kind);
    guint32 caps = plugin_caps(plugin);
    for (guint bit = 0; kind->cap_names[bit] != NULL; bit++) {
        if ((caps & (1u << bit)) != 0)
            json_array_add_string_element(words, kind->cap_names[bit]);
    }
    return words;
}

static JsonArray *
interfaces_to_json(const pbx_plugin *desc)
{
    JsonArray *ids = json_array_new();
    for (const pbx_interface *offered = desc->interfaces; offered->id != NULL; offered++)
        json_array_add_string_element(ids, offered->id);
    return ids;
}

/* A bound in the type of its option. */
static void
set_bound(JsonObject *object, const char *key, const pbx_option *option, double bound)
{
    if (!isfinite(bound))
        return;
    if (option->type == PBX_OPTION_INT && fabs(bound) < 9.2e18)
        json_object_set_int_member(object, key, (gint64)bound);
    else
        json_object_set_double_member(object, key, bound);
}

static void
set_range(JsonObject *object, const pbx_option *option)
{
    if (option->type != PBX_OPTION_INT && option->type != PBX_OPTION_REAL)
        return;
    set_bound(object, "min", option, option->min);
    set_bound(object, "max", option, option->max);
    if ((option->flags & PBX_OPTION_MIN_OPEN) != 0 && isfinite(option->min))
        json_object_set_boolean_member(object, "min_open", TRUE);
    if ((option->flags & PBX_OPTION_MAX_OPEN) != 0 && isfinite(option->max))
        json_object_set_boolean_member(object, "max_open", TRUE);
}

static void
set_flags(JsonObject *object, const pbx_option *option)
{
    static const struct {
        guint32 flag;
        const char *name;
    } flags[] = {{PBX_OPTION_REQUIRED, "required"},
                 {PBX_OPTION_LIST, "list"},
                 {PBX_OPTION_MAP, "map"},
                 {PBX_OPTION_SECRET, "secret"},
                 {PBX_OPTION_DEPRECATED, "deprecated"},
                 {PBX_OPTION_OBJECTIVE, "objective"}};
    for (gsize i = 0; i < G_N_ELEMENTS(flags); i++) {
        if ((option->flags & flags[i].flag) != 0)
            json_object_set_boolean_member(object, flags[i].name, TRUE);
    }
}

static JsonNode *
option_to_json(const pbx_option *option)
{
    JsonObject *object = json_object_new();
    const char *type = option_type_name(option->type);
    set_text(object, "name", option->name);
    set_text(object, "type", type != NULL ? type : "unknown");
    set_flags(object, option);
    set_range(object, option);
    if (option->choices != NULL) {
        JsonArray *choices = json_array_new();
        for (guint i = 0; option->choices[i] != NULL; i++)
            json_array_add_string_element(choices, option->choices[i]);
        json_object_set_array_member(object, "choices", choices);
    }
    JsonNode *fallback = option->fallback != NULL ? option_fallback(option, NULL) : NULL;
    if (fallback != NULL)
        json_object_set_member(object, "default", fallback);
    set_text(object, "doc", option->doc);
    set_text(object, "since", option->since);
    JsonNode *node = json_node_alloc();
    json_node_init_object(node, object);
    json_object_unref(object);
    return node;
}

/* The other plugins of the same file. */
static JsonArray *
also_to_json(const PbxPlugin *plugin)
{
    JsonArray *also = json_array_new();
    for (guint i = 0; i < plugin->entry->n_plugins; i++) {
        const pbx_plugin *other = plugin->entry->plugins[i];
        if (other == NULL || other == plugin->desc || other->kind == NULL || other->name == NULL)
            continue;
        g_autofree char *name = g_strdup_printf("%s/%s", other->kind, other->name);
        json_array_add_string_element(also, name);
    }
    return also;
}

JsonNode *
plugin_to_json(const PbxPlugin *plugin)
{
    const pbx_plugin *desc = plugin->desc;
    const pbx_search *vtable = plugin_interface(plugin, plugin_kind_interface(desc->kind));
    g_autofree char *abi = g_strdup_printf("%u.%u", PEGBOX_ABI_MAJOR, plugin->abi_minor);
    JsonObject *object = json_object_new();
    set_text(object, "kind", desc->kind);
    set_text(object, "name", desc->name);
    set_text(object, "version", desc->version);
    set_text(object, "summary", desc->summary);
    set_text(object, "license", desc->license);
    set_text(object, "url", desc->url);
    set_text(object, "abi", abi);
    set_text(object, "path", plugin->path);
    json_object_set_int_member(object, "state_version", vtable->object.state_version);
    json_object_set_array_member(object, "caps", caps_to_json(plugin));
    json_object_set_array_member(object, "interfaces", interfaces_to_json(desc));
    JsonArray *options = json_array_new();
    for (guint i = 0; i < desc->n_options; i++)
        json_array_add_element(options, option_to_json(plugin_option(desc, i)));
    json_object_set_array_member(object, "options", options);
    json_object_set_array_member(object, "also", also_to_json(plugin));
    JsonNode *node = json_node_alloc();
    json_node_init_object(node, object);
    json_object_unref(object);
    return node;
}
