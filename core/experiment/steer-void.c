/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The request `void`: a trial's results are taken out of the search's sight. */
#include "experiment/inputs-private.h"
#include "experiment/reporter-private.h"
#include "experiment/steer-private.h"

static gboolean
check_ended(const PbxTrial *trial, GError **error)
{
    if (trial->ended && trial->row.end != PBX_END_VOID && !trial->voiding)
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

/* What the search says of it does not matter but for the answer. */
static JsonObject *
make_void(PbxRunner *runner, PbxTrial *trial, const PbxCall *call)
{
    const gboolean forgotten = call->status >= 0;
    if (!forgotten) {
        g_autoptr(GError) why = NULL;
        decider_set_error(runner->search->decider, call, &why);
        g_autofree char *line =
            g_strdup_printf("trial %" G_GUINT64_FORMAT " is void, but not forgotten: %s",
                            trial->row.number, why->message);
        runner_log("search", PBX_LOG_WARNING, line, runner);
        if (call->status == PBX_EFATAL)
            runner_fail(runner, g_steal_pointer(&why));
    }
    trial_recall(runner, trial);
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

/* Its results are not shown again. */
static pbx_outcome
outcome_of(PbxRunner *runner, PbxTrial *trial)
{
    trial_recall(runner, trial);
    pbx_outcome outcome = end_outcome(runner, trial);
    outcome.end = PBX_END_VOID;
    return outcome;
}

/* ---- In the driver ---- */

/* One that is to be void once the search has been told. */
typedef struct PbxVoiding {
    PbxRunner *runner;
    PbxTrial *trial;
    PbxRequest *request;
    gboolean awaited; /* the loop waits for the search */
    PbxCall call;
} Voiding;

static void
told(PbxDecider *decider, PbxCall *call, gpointer user)
{
    Voiding *of_trial = user;
    g_autofree Voiding *voiding = g_steal_pointer(&of_trial->trial->voiding);
    PbxRunner *runner = voiding->runner;
    (void)decider;
    if (voiding->awaited)
        inputs_answered(runner->search, call);
    steer_answer(runner, voiding->request, make_void(runner, voiding->trial, call));
    if (voiding->awaited)
        inputs_settled(runner->search);
}

void
steer_void(PbxRunner *runner, PbxRequest *request)
{
    g_autoptr(GError) error = NULL;
    PbxSlot *search = runner->search;
    PbxTrial *trial = steer_trial(runner, request_object(request), &error);
    if (trial == NULL || !check_ended(trial, &error)) {
        request_refuse(request, error->message);
        return;
    }
    const pbx_outcome outcome = outcome_of(runner, trial);
    Voiding *voiding = g_new0(Voiding, 1);
    *voiding = (Voiding){.runner = runner, .trial = trial, .request = request};
    voiding->awaited =
        decider_is_attached(search->decider) && decider_has(search->decider, CALL_SEARCH_TELL);
    trial->voiding = voiding;
    slot_tell_later(search, CALL_SEARCH_TELL, &outcome, &voiding->call, told, voiding);
}

/* ---- Without one ---- */

JsonObject *
steer_void_alone(PbxOutside *outside, JsonObject *request, GError **error)
{
    if (outside_runner(outside, error) == NULL || !outside_begin(outside, error))
        return NULL;
    PbxRunner *runner = outside->runner;
    PbxTrial *trial = outside_named(outside, request, error);
    if (trial == NULL || !check_ended(trial, error))
        return outside_end(outside, NULL, error);
    const pbx_outcome outcome = outcome_of(runner, trial);
    PbxCall call = slot_tell(runner->search, CALL_SEARCH_TELL, &outcome, NULL);
    return outside_end(outside, make_void(runner, trial, &call), error);
}
