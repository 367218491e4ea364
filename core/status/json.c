/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The model as JSON, for programs. */
#include <math.h>

#include "status/status-private.h"
#include "json/json.h"

static void
set_text(JsonObject *object, const char *name, const char *text)
{
    if (text != NULL)
        json_object_set_string_member(object, name, text);
    else
        json_object_set_null_member(object, name);
}

static void
set_number(JsonObject *object, const char *name, double value)
{
    if (isfinite(value))
        json_object_set_double_member(object, name, value);
    else
        json_object_set_null_member(object, name);
}

static void
set_node(JsonObject *object, const char *name, JsonNode *node)
{
    if (node != NULL)
        json_object_set_member(object, name, json_clone(node));
    else
        json_object_set_null_member(object, name);
}

static JsonObject *
trial_object(const PbxStatusTrial *trial)
{
    JsonObject *object = json_object_new();
    json_object_set_int_member(object, "trial", (gint64)trial->number);
    set_text(object, "name", trial->name);
    set_text(object, "state", status_state_word(trial->state));
    json_object_set_boolean_member(object, "stopped_early", trial->end == PBX_END_EARLY_STOPPED);
    set_text(object, "host", trial->host);
    json_object_set_int_member(object, "pid", trial->pid);
    set_node(object, "config", trial->config);
    set_node(object, "last_result", trial->result);
    json_object_set_int_member(object, "failures", trial->failures);
    set_text(object, "error", trial->error);
    set_text(object, "error_file", trial->error_file);
    return object;
}

static JsonArray *
trials_array(const GPtrArray *trials)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; i < trials->len; i++)
        json_array_add_object_element(array, trial_object(trials->pdata[i]));
    return array;
}

JsonNode *
status_json(const PbxStatus *status)
{
    JsonNode *root = status_live(status);
    JsonObject *object = json_node_get_object(root);
    set_text(object, "name", status->name);
    set_text(object, "dir", status->dir);
    set_text(object, "status", status->state);
    set_text(object, "stopping", status->stopping);
    set_number(object, "elapsed_s", status->elapsed_s);
    set_number(object, "left_s", status->left_s);
    JsonObject *counts = json_object_new();
    for (guint i = 0; i < PBX_N_STATES; i++)
        json_object_set_int_member(counts, status_state_word(i), (gint64)status->counts[i]);
    json_object_set_object_member(object, "counts", counts);
    json_object_set_int_member(object, "stopped_early", (gint64)status->early_stopped);
    set_text(object, "metric", status->metric);
    set_text(object, "mode", status->metric == NULL ? NULL : status->sign > 0 ? "min" : "max");
    if (status->further != NULL) {
        JsonArray *further = json_array_new();
        for (char **name = status->further; *name != NULL; name++)
            json_array_add_string_element(further, *name);
        json_object_set_array_member(object, "further_metrics", further);
    }
    set_number(object, "best_value", status->best != NULL ? status->best->value : (double)NAN);
    if (status->best != NULL)
        json_object_set_object_member(object, "best", trial_object(status->best));
    else
        json_object_set_null_member(object, "best");
    set_number(object, "best_ever", status->ever);
    JsonArray *trials = json_array_new();
    for (guint i = 0; i < PBX_N_STATES; i++)
        for (guint j = 0; j < status->rows[i]->len; j++)
            json_array_add_object_element(trials, trial_object(status->rows[i]->pdata[j]));
    json_object_set_array_member(object, "trials", trials);
    json_object_set_int_member(object, "n_errors", (gint64)status->n_errors);
    json_object_set_array_member(object, "errors", trials_array(status->errors));
    return root;
}
