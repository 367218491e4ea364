/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The spec as experiment.json holds it: complete, and good to be run again as it is. */
#include <string.h>

#include "spec/spec-private.h"

/* A metric or mode that came from the run is the run's affair: both would be an error. */
static void
drop_objective(const PbxSpec *spec, const PbxPluginUse *use, JsonObject *object)
{
    const pbx_plugin *desc = spec_use_given(use)->plugin->desc;
    if (spec->metrics[0] == NULL)
        return;
    for (guint i = 0; i < desc->n_options; i++) {
        const pbx_option *option = plugin_option(desc, i);
        if ((option->flags & PBX_OPTION_OBJECTIVE) != 0)
            json_object_remove_member(object, option->name);
    }
}

static JsonNode *
use_node(const PbxSpec *spec, const PbxPluginUse *use)
{
    JsonObject *object = plugin_object(use->plugin->desc->name);
    g_autoptr(JsonNode) options = options_public(use->options);
    JsonObject *from = json_node_get_object(options);
    g_autoptr(GList) names = json_object_get_members(from);
    for (GList *item = names; item != NULL; item = item->next)
        json_object_set_member(object, item->data,
                               json_clone(json_object_get_member(from, item->data)));
    drop_objective(spec, use, object);
    if (use == spec->search && spec->has_search_seed)
        json_object_set_int_member(object, "seed", (gint64)spec->search_seed);
    isolate_put(&use->isolate, object);
    return object_node(object);
}

static void
add_uses(JsonObject *root, const PbxSpec *spec, const char *key, const GPtrArray *uses)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; i < uses->len; i++) {
        const PbxPluginUse *use = g_ptr_array_index(uses, i);
        if (!g_str_equal(use->slot, "time_budget_s"))
            json_array_add_element(array, use_node(spec, use));
    }
    json_object_set_array_member(root, key, array);
}

/* What the file says, as it stands there. */
static void
add_given(JsonObject *root, const PbxSpec *spec, const char *key)
{
    JsonObject *given = json_node_get_object(doc_root(spec->doc));
    JsonNode *node = json_object_get_member(given, key);
    if (node != NULL)
        json_object_set_member(root, key, json_clone(node));
}

static void
add_objective(JsonObject *root, const PbxSpec *spec)
{
    if (spec->metrics[0] == NULL)
        return;
    if (spec_n_objectives(spec) == 1) {
        json_object_set_string_member(root, "metric", spec->metrics[0]);
        json_object_set_string_member(root, "mode", spec->signs[0] < 0 ? "max" : "min");
        return;
    }
    JsonArray *metrics = json_array_new(), *modes = json_array_new();
    for (guint i = 0; spec->metrics[i] != NULL; i++) {
        json_array_add_string_element(metrics, spec->metrics[i]);
        json_array_add_string_element(modes, spec->signs[i] < 0 ? "max" : "min");
    }
    json_object_set_array_member(root, "metric", metrics);
    json_object_set_array_member(root, "mode", modes);
}

char *
cwd_absolute(const char *text, const char *base)
{
    if (text[0] == '{' || g_path_is_absolute(text))
        return g_strdup(text);
    gboolean home = text[0] == '~' && (text[1] == '/' || text[1] == '\0');
    g_autofree char *start = template_quote(home ? g_get_home_dir() : base);
    return text[0] == '\0' ? g_steal_pointer(&start)
                           : g_build_filename(start, home ? text + 1 : text, NULL);
}

static void
add_cwd(JsonObject *root, const PbxSpec *spec)
{
    JsonObject *given = json_node_get_object(doc_root(spec->doc));
    JsonNode *node = json_object_get_member(given, "cwd");
    const char *text = node != NULL ? json_node_get_string(node) : "";
    g_autofree char *cwd = cwd_absolute(text, spec->base_dir);
    json_object_set_string_member(root, "cwd", cwd);
}

static void
add_log_to_file(JsonObject *root, const PbxSpec *spec)
{
    add_given(root, spec, "log_to_file");
    if (!json_object_has_member(root, "log_to_file"))
        json_object_set_boolean_member(root, "log_to_file", spec->log_to_file);
}

static void
add_limits(JsonObject *root, const PbxSpec *spec)
{
    json_object_set_member(root, "resources", json_clone(spec->resources));
    json_object_set_int_member(root, "max_concurrent_trials", spec->max_concurrent_trials);
    json_object_set_int_member(root, "max_failures", spec->max_failures);
    if (spec->fail_fast != FAIL_FAST_EARLY)
        json_object_set_boolean_member(root, "fail_fast", spec->fail_fast == FAIL_FAST_ALWAYS);
    add_given(root, spec, "limits");
    json_object_set_string_member(root, "duplicates", spec->skip_duplicates ? "skip" : "allow");
}

/* Files by their absolute paths. */
static void
add_data(JsonObject *root, const PbxSpec *spec)
{
    if (spec->data->len == 0)
        return;
    JsonObject *object = json_object_new();
    for (guint i = 0; i < spec->data->len; i++) {
        const PbxData *data = g_ptr_array_index(spec->data, i);
        if (data->path != NULL)
            json_object_set_string_member(object, data->name, data->path);
        else
            json_object_set_member(object, data->name, json_clone(data->value));
    }
    json_object_set_object_member(root, "data", object);
}

static void
add_places(JsonObject *root, const PbxSpec *spec)
{
    json_object_set_string_member(root, "results_dir", spec->results_dir);
    add_given(root, spec, "trial_name");
    add_given(root, spec, "trial_dirname");
    add_log_to_file(root, spec);
    add_cwd(root, spec);
    add_given(root, spec, "env");
    add_data(root, spec);
    add_given(root, spec, "reporter");
}

static void
add_checkpoints(JsonObject *root, const PbxSpec *spec)
{
    add_given(root, spec, "checkpoint");
    if (spec->restore.kind != RESTORE_NOTHING) {
        g_autofree char *text = restore_text(&spec->restore);
        json_object_set_string_member(root, "restore", text);
    }
    add_given(root, spec, "reuse_workers");
}

JsonNode *
resolved_new(const PbxSpec *spec)
{
    JsonObject *root = json_object_new();
    if (spec->name != NULL)
        json_object_set_string_member(root, "name", spec->name);
    if (spec->trainable != NULL)
        json_object_set_member(root, "trainable", use_node(spec, spec->trainable));
    add_given(root, spec, "config");
    if (!json_object_has_member(root, "config"))
        json_object_set_object_member(root, "config", json_object_new());
    add_objective(root, spec);
    add_given(root, spec, "constraints");
    json_object_set_int_member(root, "num_samples", spec->num_samples);
    json_object_set_member(root, "search", use_node(spec, spec->search));
    json_object_set_member(root, "scheduler", use_node(spec, spec->scheduler));
    add_uses(root, spec, "stop", spec->stoppers);
    add_given(root, spec, "time_budget_s");
    add_limits(root, spec);
    add_checkpoints(root, spec);
    json_object_set_member(root, "executor", use_node(spec, spec->executor));
    add_uses(root, spec, "loggers", spec->loggers);
    json_object_set_boolean_member(root, "auto_loggers", FALSE);
    add_places(root, spec);
    json_object_set_int_member(root, "seed", (gint64)spec->seed);
    json_object_set_string_member(root, "durability", spec->durability_full ? "full" : "normal");
    return object_node(root);
}
