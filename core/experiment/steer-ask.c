/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The requests `ask` and `tell`, in the driver: such a trial has no worker, and takes no slot. */
#include "experiment/asked-private.h"
#include "experiment/judging-private.h"
#include "experiment/steer-private.h"

/* An answer that the other side turns back into the error; takes it. */
static void
answer_error(PbxRunner *runner, PbxRequest *request, GError *error)
{
    JsonObject *answer = json_object_new();
    json_object_set_string_member(answer, "refused", error->message);
    json_object_set_int_member(answer, "status", experiment_error_status(error));
    g_error_free(error);
    steer_answer(runner, request, answer);
}

void
steer_ask(PbxRunner *runner, PbxRequest *request)
{
    PbxTrial *trial = NULL;
    GError *error = NULL;
    /* One that is ending: whoever asks looks again, when it has ended. */
    const gboolean ending = runner->interrupts > 0 || runner->finished;
    PbxAskOutcome outcome = ending ? ASK_LATER : asked_next(runner, &trial, &error);
    if (outcome != ASK_FAILED)
        steer_give(runner, request, asked_answer(runner, outcome, trial), trial);
    else if (error != NULL)
        answer_error(runner, request, error);
    else
        steer_refuse(request, "the experiment cannot go on: %s", runner->fatal->message);
}

static gboolean
is_true(JsonObject *request, const char *name)
{
    JsonNode *node = json_object_get_member(request, name);
    return node != NULL && json_node_get_value_type(node) == G_TYPE_BOOLEAN &&
           json_node_get_boolean(node);
}

void
steer_tell(PbxRunner *runner, PbxRequest *request)
{
    JsonObject *object = request_object(request);
    GError *error = NULL;
    PbxTrial *trial = steer_trial(runner, object, &error);
    const PbxTelling telling = {
        .trial = steer_text(object, "trial"),
        .result = json_object_get_member(object, "result"),
        .intermediate = is_true(object, "intermediate"),
        .failed = is_true(object, "failed"),
        .reason = steer_text(object, "reason"),
    };
    if (trial != NULL && asked_check(runner, &trial->row, &error) &&
        asked_tell(runner, trial, &telling, &error)) {
        if (judging_is_open(trial))
            judging_answer_later(trial, request);
        else
            steer_answer(runner, request, asked_told(trial));
    } else {
        answer_error(runner, request, error);
    }
}
