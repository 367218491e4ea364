/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trial: made at a point, and the one place where its state changes. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "experiment/judging-private.h"

PbxTrial *
trial_new(PbxRunner *runner, double *x, JsonNode *config, GError **error)
{
    PbxTrial *trial = g_new0(PbxTrial, 1);
    PbxTrialRow *row = &trial->row;
    *row = (PbxTrialRow){
        .number = runner->trials->len,
        .state = PBX_STATE_PENDING,
        .end = -1,
        .config = json_to_text(config),
        .x = x,
        .n_dims = space_n_dims(runner->spec->space),
        .ask = PBX_NONE,
        .created_ns = runner_wall(runner),
        .started_ns = -1,
        .ended_ns = -1,
        .iteration = -1,
        .time_total_s = 0,
        .value = (double)NAN,
        .best = (double)NAN,
        .rung = G_MAXUINT32,
        .bracket = G_MAXUINT32,
    };
    trial->config = config;
    trial->budget = trial->told = (double)NAN;
    trial->ending = -1;
    if (!naming_trial(runner, trial, error)) {
        trial_free(trial);
        return NULL;
    }
    g_ptr_array_add(runner->trials, trial);
    duplicates_add(runner, trial);
    runner->counts[PBX_STATE_PENDING]++;
    trial_touch(runner, trial);
    return trial;
}

void
trial_drop(PbxRunner *runner, PbxTrial *trial)
{
    g_assert(runner->trials->len == trial->row.number + 1);
    duplicates_remove(runner, trial);
    g_ptr_array_remove(runner->dirty, trial);
    runner->counts[trial->row.state]--;
    g_ptr_array_set_size(runner->trials, (int)trial->row.number);
}

void
trial_slim(PbxTrial *trial)
{
    g_clear_pointer(&trial->config, json_node_unref);
    g_clear_pointer(&trial->view, json_node_unref);
    g_clear_pointer(&trial->last, result_row_free);
    g_clear_pointer(&trial->failing, g_free);
    g_clear_pointer(&trial->end_reason, g_free);
    g_clear_pointer(&trial->behind, g_ptr_array_unref);
    g_clear_pointer(&trial->err, g_free);
    g_clear_pointer(&trial->dir, g_free);
    attempt_row_clear(&trial->attempt);
    trial->attempt = (PbxAttemptRow){.trial = trial->row.number};
}

void
trial_forget(PbxRunner *runner, PbxTrial *trial)
{
    PbxTrialRow *row = &trial->row;
    trial_slim(trial);
    if (runner->configs != NULL) /* whose keys the configs are */
        return;
    trial->forgotten = TRUE;
    g_clear_pointer(&row->tag, g_free);
    g_clear_pointer(&row->dir, g_free);
    g_clear_pointer(&row->config, g_free);
    g_clear_pointer(&row->extra, g_free);
    g_clear_pointer(&row->x, g_free);
}

void
trial_recall(PbxRunner *runner, PbxTrial *trial)
{
    if (!trial->forgotten || runner->fatal != NULL)
        return;
    GError *error = NULL;
    PbxTrialRow *row = &trial->row;
    g_autoptr(PbxTrialRow) stored = store_trial(runner->store, row->number, &error);
    if (stored == NULL && error == NULL)
        error =
            g_error_new(PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                        "trial %" G_GUINT64_FORMAT " is not in the store any more", row->number);
    if (stored == NULL) {
        runner_fail(runner, error);
        return;
    }
    trial->forgotten = FALSE;
    row->tag = g_steal_pointer(&stored->tag);
    row->dir = g_steal_pointer(&stored->dir);
    row->config = g_steal_pointer(&stored->config);
    row->extra = g_steal_pointer(&stored->extra);
    row->x = g_steal_pointer(&stored->x);
}

JsonNode *
trial_config(const PbxRunner *runner, const PbxTrial *trial)
{
    const char *text = trial->row.config;
    if (trial->config != NULL)
        return json_node_ref(trial->config);
    g_autoptr(PbxTrialRow) stored =
        text == NULL ? store_trial(runner->store, trial->row.number, NULL) : NULL;
    if (stored != NULL)
        text = stored->config;
    return text != NULL ? json_read(text, strlen(text), DOC_MAX_NESTING, NULL) : NULL;
}

void
trial_free(PbxTrial *trial)
{
    if (trial == NULL)
        return;
    judging_free(trial->judging);
    g_free(trial->voiding);
    trial_slim(trial);
    trial_row_clear(&trial->row);
    g_free(trial);
}

void
trial_touch(PbxRunner *runner, PbxTrial *trial)
{
    runner_touch(runner);
    trial_recall(runner, trial);
    if (!trial->row_dirty)
        g_ptr_array_add(runner->dirty, trial);
    trial->row_dirty = TRUE;
}

void
trial_store_attempt(PbxRunner *runner, PbxTrial *trial)
{
    runner_touch(runner);
    trial->attempt_dirty = FALSE;
    GError *error = NULL;
    if (runner->fatal == NULL && !store_put_attempt(runner->store, &trial->attempt, &error))
        runner_fail(runner, error);
}

/* Programs are told the trial's directory: it is there where anything may be written. */
gboolean
trial_make_directory(const PbxRunner *runner, const PbxTrial *trial, GError **error)
{
    if (!runner->needs_dirs || mkdir(trial->dir, 0777) == 0 || errno == EEXIST)
        return TRUE;
    const int number = errno;
    /* Its name may have too many bytes for this file system: others may fit. */
    g_set_error(error, PBX_EXPERIMENT_ERROR,
                number == ENAMETOOLONG ? EXPERIMENT_ERROR_BROKEN : EXPERIMENT_ERROR_HOST,
                "the directory %s cannot be made: %s", trial->dir, g_strerror(number));
    return FALSE;
}

static void
tell_state(PbxRunner *runner, PbxSlot *slot, PbxCallId id, guint64 trial, guint state, guint why)
{
    PbxCall call = {.id = id, .trial = trial, .state = state, .why = why};
    decider_call(slot->decider, &call, NULL, NULL);
    if (call.status < 0) {
        GError *error = NULL;
        decider_set_error(slot->decider, &call, &error);
        runner_fail(runner, error);
    }
}

void
trial_set_state(PbxRunner *runner, PbxTrial *trial, guint state, guint why)
{
    if (trial->row.state == state)
        return;
    runner->counts[trial->row.state]--;
    runner->counts[state]++;
    trial->row.state = state;
    trial_touch(runner, trial);
    if (state > PBX_STATE_PAUSED)
        return; /* ends are told by end and tell */
    if (state == PBX_STATE_PAUSED)
        runner->again_ns = 0; /* its place is free for what the search held back */
    tell_state(runner, runner->search, CALL_SEARCH_STATE, trial->row.number, state, why);
    tell_state(runner, runner->scheduler, CALL_SCHEDULER_STATE, trial->row.number, state, why);
}

PbxTemplateContext
trial_context(const PbxRunner *runner, const PbxTrial *trial)
{
    return (PbxTemplateContext){
        .config = trial->config,
        .trial = trial->view,
        .parameters = space_parameters(runner->spec->space),
    };
}
