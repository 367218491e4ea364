/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trials without a worker: somebody asks for them, and tells how they went. */
#include <string.h>

#include "experiment/asked-private.h"
#include "experiment/judging-private.h"

#define RESULT_MAX (8 * 1024 * 1024) /* bytes of JSON */

/* ---- ask ---- */

/* Looked for once: the kernel takes its time to list them. */
static const char *
host_address(void)
{
    static gsize address = 0;
    if (g_once_init_enter(&address))
        g_once_init_leave(&address, (gsize)worker_host_address());
    return (const char *)address;
}

/* Its next attempt begins with whoever asked. */
static gboolean
begin(PbxRunner *runner, PbxTrial *trial, GError **error)
{
    if (!trial_make_directory(runner, trial, error))
        return FALSE;
    gint64 now = runner_wall(runner);
    trial->asked = TRUE;
    g_ptr_array_add(runner->asked, trial);
    trial->row.attempts++;
    if (trial->row.started_ns < 0)
        trial->row.started_ns = now;
    g_free(trial->row.reason);
    trial->row.reason = g_strdup(STORE_REASON_ASKED);
    attempt_row_clear(&trial->attempt);
    trial->attempt = (PbxAttemptRow){
        .trial = trial->row.number,
        .attempt = trial->row.attempts,
        .hostname = g_strdup(g_get_host_name()),
        .node_ip = g_strdup(host_address()),
        .pid = -1,
        .start_timesteps = -1,
        .started_ns = now,
        .ended_ns = -1,
    };
    trial->attempt_dirty = TRUE;
    trial_set_state(runner, trial, PBX_STATE_RUNNING, PBX_WHY_STARTED);
    trial_touch(runner, trial);
    runner_event(runner, PBX_EVENT_TRIAL_START, trial, STORE_REASON_ASKED);
    return TRUE;
}

void
asked_over(PbxRunner *runner, PbxTrial *trial)
{
    if (!trial->asked)
        return;
    trial->asked = FALSE;
    g_ptr_array_remove(runner->asked, trial);
}

PbxAskOutcome
asked_next(PbxRunner *runner, PbxTrial **trial, GError **error)
{
    if (runner->stopping)
        return ASK_DONE;
    *trial = propose_next(runner, TRUE);
    if (runner->fatal != NULL)
        return ASK_FAILED;
    if (*trial != NULL && (*trial)->row.state == PBX_STATE_PAUSED) {
        /* What was saved is for a worker. */
        queue_return(runner, *trial);
        return ASK_LATER;
    }
    if (*trial == NULL)
        return runner->exhausted && runner->choosing == NULL ? ASK_DONE : ASK_LATER;
    if (begin(runner, *trial, error))
        return runner->fatal == NULL ? ASK_TRIAL : ASK_FAILED;
    queue_return(runner, *trial);
    return ASK_FAILED;
}

void
asked_return(PbxRunner *runner, PbxTrial *trial)
{
    if (!trial->asked)
        return;
    asked_over(runner, trial);
    g_clear_pointer(&trial->row.reason, g_free);
    trial->attempt.ended_ns = runner_wall(runner);
    trial->attempt_dirty = TRUE;
    trial_set_state(runner, trial, PBX_STATE_PENDING, PBX_WHY_USER);
    queue_return(runner, trial);
}

PbxAskOutcome
asked_outcome(JsonObject *answer)
{
    if (json_object_has_member(answer, "later"))
        return ASK_LATER;
    return json_object_has_member(answer, "trial") ? ASK_TRIAL : ASK_DONE;
}

JsonObject *
asked_answer(const PbxRunner *runner, PbxAskOutcome outcome, const PbxTrial *trial)
{
    if (outcome == ASK_FAILED)
        return NULL;
    JsonObject *answer = json_object_new();
    json_object_set_boolean_member(answer, outcome == ASK_LATER ? "later" : "done",
                                   outcome != ASK_TRIAL);
    if (outcome != ASK_TRIAL)
        return answer;
    json_object_set_int_member(answer, "trial", (gint64)trial->row.number);
    json_object_set_string_member(answer, "id", trial->row.id);
    json_object_set_string_member(answer, "name", trial->row.name);
    json_object_set_member(answer, "config", json_clone(trial->config));
    json_object_set_string_member(answer, "dir", trial->dir);
    json_object_set_int_member(answer, "attempt", trial->row.attempts);
    json_object_set_string_member(answer, "experiment", runner->name);
    json_object_set_string_member(answer, "experiment_dir", runner->dir);
    return answer;
}

/* ---- tell ---- */

gboolean
asked_check(const PbxRunner *runner, const PbxTrialRow *row, GError **error)
{
    if (row->end >= 0)
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_STATE,
                    "trial %" G_GUINT64_FORMAT " of %s has ended already (%s): nothing more can be "
                    "told of it",
                    row->number, runner->name, store_end_name(row->end));
    else if (row->state != PBX_STATE_RUNNING || g_strcmp0(row->reason, STORE_REASON_ASKED) != 0)
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_STATE,
                    "trial %" G_GUINT64_FORMAT " of %s is %s and was not asked for: its results "
                    "come from its program",
                    row->number, runner->name, store_state_name(row->state));
    else
        return TRUE;
    return FALSE;
}

PbxTrialRow *
asked_find(PbxRunner *runner, const char *trial, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autoptr(PbxTrialRow) row = store_find_trial(runner->store, trial, &failed);
    if (failed != NULL)
        g_propagate_error(error, g_steal_pointer(&failed));
    else if (row != NULL)
        return asked_check(runner, row, error) ? g_steal_pointer(&row) : NULL;
    else if (runner->trials->len == 0)
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "no trial '%s' in %s: it has no trials yet", trial, runner->name);
    else
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "no trial '%s' in %s: it has trials 0 to %u", trial, runner->name,
                    runner->trials->len - 1);
    return NULL;
}

/* An array: a number for each metric, in their order. NULL with error. (transfer full) */
static JsonNode *
fields_of_array(const PbxRunner *runner, JsonArray *values, GError **error)
{
    char **metrics = runner->spec->metrics;
    const guint n = g_strv_length(metrics);
    double value;
    g_autoptr(JsonObject) fields = json_object_new();
    if (json_array_get_length(values) != n) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "an array has a number for each metric: %s names %u, the array has %u",
                    runner->name, n, json_array_get_length(values));
        return NULL;
    }
    for (guint i = 0; i < n; i++) {
        JsonNode *item = json_array_get_element(values, i);
        if (!JSON_NODE_HOLDS_VALUE(item) || json_node_get_value_type(item) == G_TYPE_BOOLEAN ||
            !json_number(item, FALSE, &value)) {
            g_autofree char *text = json_to_text(item);
            g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                        "the value of \"%s\" is no number: %.200s", metrics[i], text);
            return NULL;
        }
        json_object_set_member(fields, metrics[i], json_clone(item));
    }
    return json_node_init_object(json_node_alloc(), fields);
}

/* RESULT as an object: a bare number is the metric's value, an array has those of several.
 * (transfer full) */
static JsonNode *
result_fields(const PbxRunner *runner, JsonNode *result, GError **error)
{
    double value;
    char **metrics = runner->spec->metrics;
    if (result == NULL) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE, "there is no result");
        return NULL;
    }
    if (JSON_NODE_HOLDS_OBJECT(result))
        return json_clone(result);
    if (JSON_NODE_HOLDS_ARRAY(result) && g_strv_length(metrics) > 1)
        return fields_of_array(runner, json_node_get_array(result), error);
    if (!JSON_NODE_HOLDS_VALUE(result) || json_node_get_value_type(result) == G_TYPE_BOOLEAN ||
        !json_number(result, FALSE, &value)) {
        g_autofree char *text = json_to_text(result);
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "a result is an object of metrics or a number, got %.200s", text);
        return NULL;
    }
    if (g_strv_length(metrics) != 1) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "a bare number needs one metric that it is the value of; %s names %s: tell an "
                    "%s",
                    runner->name, metrics[0] == NULL ? "none" : "several",
                    metrics[0] == NULL ? "object, {\"NAME\": VALUE}"
                                       : "array, a number for each, or an object");
        return NULL;
    }
    JsonObject *fields = json_object_new();
    json_object_set_member(fields, metrics[0], json_clone(result));
    JsonNode *node = json_node_init_object(json_node_alloc(), fields);
    json_object_unref(fields);
    return node;
}

/* The counts that the attempt's last result left, or its start. */
static PbxCounts
counts_so_far(const PbxTrial *trial)
{
    const PbxResultRow *last = trial->last;
    const PbxAttemptRow *attempt = &trial->attempt;
    if (last == NULL || last->attempt != attempt->attempt)
        return (PbxCounts){
            .iteration = attempt->start_iteration,
            .timesteps_total = attempt->start_timesteps,
            .episodes_total = -1,
            .time_total_s = attempt->start_time_s,
            .last_ns = attempt->started_ns,
        };
    return (PbxCounts){
        .iteration = last->iteration,
        .timesteps_total = last->timesteps_total,
        .episodes_total = last->episodes_total,
        .time_total_s = last->time_total_s,
        .last_ns = last->at_ns,
    };
}

static gboolean
enter(PbxRunner *runner, PbxTrial *trial, const PbxTelling *telling, GError **error)
{
    g_autoptr(JsonNode) fields = result_fields(runner, telling->result, error);
    if (fields == NULL)
        return FALSE;
    g_autofree char *text = json_to_text(fields);
    if (strlen(text) > RESULT_MAX) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "a result of %" G_GSIZE_FORMAT " bytes: at most %d can be told", strlen(text),
                    RESULT_MAX);
        return FALSE;
    }
    PbxCounts counts = counts_so_far(trial);
    /* Another host may have a clock of its own. */
    gint64 now = MAX(runner_wall(runner), counts.last_ns);
    counts_advance(&counts, json_node_get_object(fields), now);
    const PbxWorkerMessage message = {
        .type = WORKER_RESULT,
        .trial = trial->row.number,
        .attempt = trial->row.attempts,
        .n = trial->shown + 1,
        .iteration = counts.iteration,
        .at_ns = now,
        .time_this_iter_s = counts.time_this_iter_s,
        .time_total_s = counts.time_total_s,
        .timesteps_total = counts.timesteps_total,
        .episodes_total = counts.episodes_total,
        .done = !telling->intermediate,
        .fields_text = text,
    };
    g_autofree char *refusal = result_refusal(runner, trial, &message);
    if (refusal != NULL) {
        g_set_error_literal(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE, refusal);
        return FALSE;
    }
    result_enter(runner, trial, &message);
    return TRUE;
}

gboolean
asked_tell(PbxRunner *runner, PbxTrial *trial, const PbxTelling *telling, GError **error)
{
    if (judging_is_open(trial)) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_STATE,
                    "what was told of trial %" G_GUINT64_FORMAT
                    " last is still looked at: tell this once that has been answered",
                    trial->row.number);
        return FALSE;
    }
    if (telling->failed) {
        end_failed(runner, trial, telling->reason != NULL ? telling->reason : "told as failed");
    } else if (!enter(runner, trial, telling, error)) {
        return FALSE;
    }
    if (!judging_is_open(trial))
        asked_settle(runner, trial);
    return TRUE;
}

void
asked_settle(PbxRunner *runner, PbxTrial *trial)
{
    if (trial->failing != NULL) {
        /* A stopper or the scheduler could not cope with what was told. */
        g_autofree char *failing = g_steal_pointer(&trial->failing);
        end_failed(runner, trial, failing);
    }
    if (trial->row.state == PBX_STATE_RUNNING)
        return;
    asked_over(runner, trial);
    if (!trial->ended)
        g_clear_pointer(&trial->row.reason, g_free);
}

JsonObject *
asked_told(const PbxTrial *trial)
{
    JsonObject *answer = json_object_new();
    json_object_set_int_member(answer, "trial", (gint64)trial->row.number);
    json_object_set_string_member(answer, "state", store_state_name(trial->row.state));
    json_object_set_boolean_member(answer, "stop", trial->row.state != PBX_STATE_RUNNING);
    return answer;
}
