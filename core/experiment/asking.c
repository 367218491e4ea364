/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ask and tell of a process that is not the driver. */
#include "experiment/asked-private.h"
#include "experiment/outside-private.h"

struct PbxExperiment {
    char *dir;
    PbxOutside *outside; /* NULL: before the first change without a driver */
};

PbxExperiment *
experiment_open(const char *dir, GError **error)
{
    g_autofree char *path = g_build_filename(dir, "experiment.db", NULL);
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_NONE,
                    "no experiment in %s: it has no experiment.db", dir);
        return NULL;
    }
    PbxExperiment *experiment = g_new0(PbxExperiment, 1);
    experiment->dir = g_strdup(dir);
    return experiment;
}

PbxExperiment *
experiment_create(PbxSpec *spec, GError **error)
{
    PbxRunner *runner = runner_new_outside(spec, spec->registry);
    if (!runner_open_deciders(runner, error) || !runner_create(runner, error)) {
        runner_close(runner);
        spec_free(spec);
        return NULL;
    }
    PbxOutside *outside = outside_new(runner, error);
    if (outside == NULL)
        return NULL;
    PbxExperiment *experiment = g_new0(PbxExperiment, 1);
    experiment->dir = g_strdup(outside->dir);
    experiment->outside = outside;
    return experiment;
}

void
experiment_close(PbxExperiment *experiment)
{
    if (experiment == NULL)
        return;
    outside_free(experiment->outside);
    g_free(experiment->dir);
    g_free(experiment);
}

/* ---- Without a driver ---- */

/* Whether no trial lives, and none will come. */
static gboolean
is_over(const PbxRunner *runner)
{
    const guint64 *counts = runner->counts;
    if (counts[PBX_STATE_PENDING] + counts[PBX_STATE_RUNNING] + counts[PBX_STATE_PAUSED] > 0)
        return FALSE;
    return runner->exhausted || runner->stopping ||
           (runner->total >= 0 && runner->trials->len >= (guint64)runner->total);
}

static void
mark_over(PbxOutside *outside)
{
    if (g_strcmp0(outside->status, "running") != 0 || !is_over(outside->runner))
        return;
    runner_event(outside->runner, PBX_EVENT_END, NULL, outside->runner->stop_reason);
    outside_set_status(outside, "done");
}

/* What waits comes first: enqueued, left by a driver, or failed before. */
static gboolean
queue_oldest(PbxRunner *runner, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autoptr(PbxTrialRow) row = NULL;
    if (runner->counts[PBX_STATE_PENDING] > 0)
        row = store_oldest_trial(runner->store, PBX_STATE_PENDING, &failed);
    PbxTrial *trial = row != NULL ? runner_restored(runner, row->number, &failed) : NULL;
    if (trial != NULL)
        g_queue_push_tail(&runner->waiting, trial);
    if (failed != NULL)
        g_propagate_error(error, g_steal_pointer(&failed));
    return row == NULL || trial != NULL;
}

static JsonObject *
ask(PbxOutside *outside, GError **error)
{
    PbxRunner *runner = outside->runner;
    PbxTrial *trial = NULL;
    runner_ask_stoppers(runner);
    if (!runner->stopping && !queue_oldest(runner, error))
        return NULL;
    PbxAskOutcome outcome = asked_next(runner, &trial, error);
    if (outcome == ASK_DONE)
        mark_over(outside);
    else if (outcome == ASK_TRIAL && g_strcmp0(outside->status, "running") != 0)
        outside_set_status(outside, "running");
    if (outcome == ASK_FAILED && *error == NULL && runner->fatal != NULL)
        g_propagate_error(error, g_steal_pointer(&runner->fatal));
    return asked_answer(runner, outcome, trial);
}

static JsonObject *
tell(PbxOutside *outside, const PbxTelling *telling, GError **error)
{
    PbxRunner *runner = outside->runner;
    g_autoptr(PbxTrialRow) row = asked_find(runner, telling->trial, error);
    PbxTrial *trial = row != NULL ? runner_restored(runner, row->number, error) : NULL;
    if (trial == NULL || !asked_tell(runner, trial, telling, error))
        return NULL;
    mark_over(outside);
    return asked_told(trial);
}

/* telling NULL: asks. */
static JsonObject *
do_alone(PbxExperiment *experiment, const PbxTelling *telling, GError **error)
{
    if (experiment->outside == NULL)
        experiment->outside = outside_open(experiment->dir, error);
    PbxOutside *outside = experiment->outside;
    if (outside == NULL || outside_runner(outside, error) == NULL || !outside_begin(outside, error))
        return NULL;
    JsonObject *answer = telling != NULL ? tell(outside, telling, error) : ask(outside, error);
    return outside_end(outside, answer, error);
}

/* ---- Either way ---- */

static JsonObject *
change(PbxExperiment *experiment, const PbxTelling *telling, GError **error)
{
    GError *failed = NULL;
    JsonObject *answer = do_alone(experiment, telling, &failed);
    if (experiment->outside != NULL)
        outside_rest(experiment->outside);
    if (failed != NULL)
        g_propagate_error(error, failed);
    return answer;
}

PbxAskOutcome
experiment_ask(PbxExperiment *experiment, JsonObject **answer, GError **error)
{
    g_autoptr(JsonObject) given = change(experiment, NULL, error);
    *answer = NULL;
    if (given == NULL)
        return ASK_FAILED;
    PbxAskOutcome outcome = asked_outcome(given);
    if (outcome == ASK_TRIAL)
        *answer = g_steal_pointer(&given);
    return outcome;
}

gboolean
experiment_tell(PbxExperiment *experiment, const PbxTelling *telling, JsonObject **answer,
                GError **error)
{
    *answer = change(experiment, telling, error);
    return *answer != NULL;
}
