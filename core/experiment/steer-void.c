/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The request `void`: a trial's results are taken out of the search's sight. */
#include "experiment/propose-private.h"
#include "experiment/reporter-private.h"
#include "experiment/steer-private.h"

static gboolean
check_ended(const PbxTrial *trial, GError **error)
{
    if (trial->ended && trial->row.end != PBX_END_VOID)
        return TRUE;
    if (trial->ended)
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "trial %" G_GUINT64_FORMAT " is void already", trial->row.number);
    else
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "trial %" G_GUINT64_FORMAT " has not ended: it is %s; stop it first",
                    trial->row.number, store_state_name(trial->row.state));
    return FALSE;
}

/* FALSE: the search cannot forget it, which `why` says. Its results are not shown again. */
static gboolean
tell_search(PbxRunner *runner, const PbxTrial *trial, GError **why)
{
    pbx_outcome outcome = end_outcome(runner, trial);
    outcome.end = PBX_END_VOID;
    propose_settle(runner); /* so that it answers at once */
    PbxCall call = slot_tell(runner->search, CALL_SEARCH_TELL, &outcome, NULL);
    if (call.status >= 0)
        return TRUE;
    decider_set_error(runner->search->decider, &call, why);
    if (call.status == PBX_EFATAL)
        runner_fail(runner, g_error_copy(*why));
    return FALSE;
}

static JsonObject *
make_void(PbxRunner *runner, PbxTrial *trial)
{
    g_autoptr(GError) why = NULL;
    trial_recall(runner, trial);
    const gboolean forgotten = tell_search(runner, trial, &why);
    if (!forgotten) {
        g_autofree char *line =
            g_strdup_printf("trial %" G_GUINT64_FORMAT " is void, but not forgotten: %s",
                            trial->row.number, why->message);
        runner_log("search", PBX_LOG_WARNING, line, runner);
    }
    trial->row.end = PBX_END_VOID;
    g_free(trial->row.reason);
    trial->row.reason = g_strdup("made void by a user");
    duplicates_remove(runner, trial);
    tally_void(runner->tally, trial);
    trial_touch(runner, trial);
    runner_event(runner, PBX_EVENT_VOID, trial, "by a user");
    runner->again_ns = 0;
    JsonObject *answer = steer_answer_for(trial);
    json_object_set_boolean_member(answer, "forgotten", forgotten);
    return answer;
}

void
steer_void(PbxRunner *runner, PbxRequest *request)
{
    g_autoptr(GError) error = NULL;
    PbxTrial *trial = steer_trial(runner, request_object(request), &error);
    if (trial == NULL || !check_ended(trial, &error))
        request_refuse(request, error->message);
    else
        steer_answer(runner, request, make_void(runner, trial));
}

JsonObject *
steer_void_alone(PbxOutside *outside, JsonObject *request, GError **error)
{
    if (outside_runner(outside, error) == NULL || !outside_begin(outside, error))
        return NULL;
    PbxTrial *trial = outside_named(outside, request, error);
    JsonObject *answer =
        trial != NULL && check_ended(trial, error) ? make_void(outside->runner, trial) : NULL;
    return outside_end(outside, answer, error);
}
