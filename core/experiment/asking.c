/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ask and tell of a process that is not the driver. */
#include <string.h>

#include "experiment/asked-private.h"
#include "experiment/outside-private.h"

#define PATIENCE_S 60
/* A request has at most 1 MiB. */
#define REQUEST_RESULT_MAX (1024 * 1024 - 8192)
#define ENDING_US          (2 * G_USEC_PER_SEC)

struct PbxExperiment {
    char *dir;
    PbxOutside *outside; /* NULL: before the first change without a driver */
    double patience_s;   /* with a driver */
};

static PbxExperiment *
experiment_new(const char *dir)
{
    PbxExperiment *experiment = g_new0(PbxExperiment, 1);
    experiment->dir = g_strdup(dir);
    experiment->patience_s = PATIENCE_S;
    return experiment;
}

PbxExperiment *
experiment_open(const char *dir, GError **error)
{
    g_autofree char *path = g_build_filename(dir, "experiment.db", NULL);
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_NONE,
                    "no experiment in %s: it has no experiment.db", dir);
        return NULL;
    }
    return experiment_new(dir);
}

PbxExperiment *
experiment_create(PbxSpec *spec, GError **error)
{
    PbxRunner *runner = runner_new_outside(spec, spec->registry);
    const gboolean network = store_would_be_on_network(spec->results_dir);
    if (network)
        outside_set_network(error, spec->results_dir);
    if (network || !runner_open_deciders(runner, error) || !runner_create(runner, error)) {
        runner_close(runner);
        return NULL;
    }
    PbxExperiment *experiment = experiment_new(runner->dir);
    experiment->outside = outside_new(runner);
    return experiment;
}

void
experiment_set_patience(PbxExperiment *experiment, double seconds)
{
    experiment->patience_s = seconds;
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
        queue_return(runner, trial);
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
        outside_mark_over(outside);
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
    runner_ask_stoppers(runner);
    outside_mark_over(outside);
    return asked_told(trial);
}

/* telling NULL: asks. */
static JsonObject *
do_alone(PbxExperiment *experiment, const PbxTelling *telling, GError **error)
{
    if (experiment->outside == NULL)
        experiment->outside = outside_open(experiment->dir, error);
    PbxOutside *outside = experiment->outside;
    if (outside != NULL && experiment->patience_s < PATIENCE_S)
        outside->patience_s = experiment->patience_s;
    if (outside == NULL || outside_runner(outside, error) == NULL || !outside_begin(outside, error))
        return NULL;
    JsonObject *answer = telling != NULL ? tell(outside, telling, error) : ask(outside, error);
    return outside_end(outside, answer, error);
}

/* ---- With one ---- */

static JsonObject *
request_of(const PbxTelling *telling)
{
    JsonObject *request = json_object_new();
    json_object_set_string_member(request, "request", telling != NULL ? "tell" : "ask");
    if (telling == NULL)
        return request;
    json_object_set_string_member(request, "trial", telling->trial);
    json_object_set_boolean_member(request, "intermediate", telling->intermediate);
    json_object_set_boolean_member(request, "failed", telling->failed);
    if (telling->result != NULL)
        json_object_set_member(request, "result", json_clone(telling->result));
    if (telling->reason != NULL)
        json_object_set_string_member(request, "reason", telling->reason);
    return request;
}

static JsonObject *
ask_driver(PbxExperiment *experiment, const PbxTelling *telling, GError **error)
{
    g_autoptr(JsonObject) request = request_of(telling);
    g_autofree char *result =
        telling != NULL && telling->result != NULL ? json_to_text(telling->result) : NULL;
    if (result != NULL && strlen(result) > REQUEST_RESULT_MAX) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "a result of %" G_GSIZE_FORMAT " bytes: at most %d can be told to a driver",
                    strlen(result), REQUEST_RESULT_MAX);
        return NULL;
    }
    g_autoptr(JsonNode) node =
        request_send(experiment->dir, request, experiment->patience_s, error);
    if (node == NULL)
        return NULL;
    JsonObject *answer = json_node_dup_object(node);
    json_object_remove_member(answer, "ok");
    const char *refused = json_object_get_string_member_with_default(answer, "refused", NULL);
    if (refused == NULL)
        return answer;
    const gint64 status = json_object_get_int_member_with_default(answer, "status", 2);
    g_set_error_literal(error, PBX_EXPERIMENT_ERROR,
                        status == 1   ? EXPERIMENT_ERROR_STATE
                        : status == 2 ? EXPERIMENT_ERROR_USAGE
                                      : EXPERIMENT_ERROR_BROKEN,
                        refused);
    json_object_unref(answer);
    return NULL;
}

/* A driver that ends refuses what it has not answered: the next one, or nobody, is to be asked. */
static gboolean
is_ending(PbxExperiment *experiment, const char *driver)
{
    for (gint64 began = g_get_monotonic_time(); g_get_monotonic_time() - began < ENDING_US;) {
        g_autofree char *now = lock_driver(experiment->dir);
        if (g_strcmp0(now, driver) != 0)
            return TRUE;
        g_usleep(10 * 1000);
    }
    return FALSE;
}

/* ---- Either way ---- */

/* Whether the same is to be tried once more: a driver began or ended meanwhile. One that was killed
 * may have done it, and not said so: then a trial that was given out stays open. */
static gboolean
try_again(PbxExperiment *experiment, const char *driver, const GError *error)
{
    if (error->domain != PBX_REQUEST_ERROR)
        return FALSE;
    switch (error->code) {
    case REQUEST_ERROR_DRIVEN:
    case REQUEST_ERROR_NO_DRIVER:
    case REQUEST_ERROR_GONE:
        return TRUE;
    case REQUEST_ERROR_REFUSED:
        return is_ending(experiment, driver);
    default:
        return FALSE;
    }
}

static JsonObject *
change(PbxExperiment *experiment, const PbxTelling *telling, GError **error)
{
    for (guint tries = 0;; tries++) {
        g_autoptr(GError) failed = NULL;
        g_autofree char *driver = lock_driver(experiment->dir);
        JsonObject *answer = driver != NULL ? ask_driver(experiment, telling, &failed)
                                            : do_alone(experiment, telling, &failed);
        if (experiment->outside != NULL)
            outside_rest(experiment->outside);
        if (answer == NULL && tries < 5 && try_again(experiment, driver, failed))
            continue;
        if (answer == NULL)
            g_propagate_error(error, g_steal_pointer(&failed));
        return answer;
    }
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
