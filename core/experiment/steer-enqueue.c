/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The request `enqueue`: a config that a person asks for becomes the next trial. */
#include "experiment/added-private.h"
#include "experiment/steer-private.h"
#include "json/json.h"

static PbxTrial *
make_trial(PbxRunner *runner, JsonNode *given, GError **error)
{
    const PbxSpec *spec = runner->spec;
    const guint64 number = runner->trials->len;
    PbxRandom draws = {.seed = random_seed(spec->seed, "enqueue"), .stream = number};
    const PbxRandom samples = {.seed = runner->trial_seed, .stream = number + runner->skipped};
    g_autofree double *x = g_new(double, space_n_dims(spec->space) + 1);
    g_autoptr(JsonNode) config =
        space_complete(spec->space, given, spec->resolved, &draws, &samples, x, error);
    if (config == NULL)
        return NULL;
    const PbxTrial *earlier = duplicates_find(runner, config);
    if (earlier != NULL) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "trial %" G_GUINT64_FORMAT " has that config, and duplicates are skipped",
                    earlier->row.number);
        return NULL;
    }
    return trial_new(runner, g_steal_pointer(&x), g_steal_pointer(&config), error);
}

static gboolean
check_open(const PbxRunner *runner, GError **error)
{
    if (!runner->finished && runner->interrupts == 0 && !runner->stopping)
        return TRUE;
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                "%s is ending%s%s: it takes no more trials", runner->name,
                runner->stop_reason != NULL ? ", " : "",
                runner->stop_reason != NULL ? runner->stop_reason : "");
    return FALSE;
}

/* NULL: nothing has come of it. Where the run can go on, nothing has changed. */
static PbxTrial *
enqueue(PbxRunner *runner, JsonObject *request, GError **error)
{
    JsonNode *given = json_object_get_member(request, "config");
    if (!check_open(runner, error))
        return NULL;
    if (given == NULL) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "the request needs \"config\", an object");
        return NULL;
    }
    g_autoptr(GError) failed = NULL;
    PbxTrial *trial = make_trial(runner, given, &failed);
    if (trial == NULL) {
        /* Whatever is wrong, a template that fails too, is wrong with the config. */
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE, "%s", failed->message);
        return NULL;
    }
    if (!added_adopt(runner, trial, error)) {
        trial_drop(runner, trial);
        return NULL;
    }
    added_count(runner);
    if (propose_added(runner, trial) && runner->fatal == NULL)
        return trial;
    g_propagate_error(error, g_error_copy(runner->fatal));
    return NULL;
}

static JsonObject *
answer_for(const PbxTrial *trial, gboolean waits)
{
    JsonObject *answer = steer_answer_for(trial);
    json_object_set_member(answer, "config", json_clone(trial->config));
    json_object_set_boolean_member(answer, "waits", waits);
    return answer;
}

void
steer_enqueue(PbxRunner *runner, PbxRequest *request)
{
    g_autoptr(GError) error = NULL;
    if (runner->asking != NULL && check_open(runner, NULL)) {
        steer_defer(runner, request);
        return;
    }
    PbxTrial *trial = enqueue(runner, request_object(request), &error);
    if (trial == NULL) {
        request_refuse(request, error->message);
        return;
    }
    queue_add(runner, trial);
    if (runner->total >= 0)
        runner->total++;
    steer_answer(runner, request, answer_for(trial, FALSE));
}

JsonObject *
steer_enqueue_alone(PbxOutside *outside, JsonObject *request, GError **error)
{
    if (outside_runner(outside, error) == NULL || !outside_begin(outside, error))
        return NULL;
    PbxTrial *trial = enqueue(outside->runner, request, error);
    JsonObject *answer = trial != NULL ? answer_for(trial, TRUE) : NULL;
    return outside_end(outside, answer, error);
}
