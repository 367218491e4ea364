/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The request `stop`: ends one trial, or the whole experiment. */
#include "experiment/steer-private.h"

static gboolean
check_alive(const PbxTrial *trial, GError **error)
{
    if (!trial->ended)
        return TRUE;
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                "trial %" G_GUINT64_FORMAT " has ended already: it is %s (%s)", trial->row.number,
                store_state_name(trial->row.state), store_end_name(trial->row.end));
    return FALSE;
}

/* ---- In the driver ---- */

static void
stop_all(PbxRunner *runner, PbxRequest *request)
{
    JsonObject *answer = json_object_new();
    json_object_set_string_member(answer, "experiment", runner->name);
    /* Twice is no more than once: only a signal is that impatient. */
    if (runner->interrupts == 0)
        runner_interrupt(runner,
                         "stopped by `pegbox stop`: ending the running trials; Ctrl-C kills them");
    steer_answer(runner, request, answer);
}

void
steer_stop(PbxRunner *runner, PbxRequest *request)
{
    g_autoptr(GError) error = NULL;
    if (!json_object_has_member(request_object(request), "trial")) {
        stop_all(runner, request);
        return;
    }
    PbxTrial *trial = steer_trial(runner, request_object(request), &error);
    if (trial == NULL || !check_alive(trial, &error)) {
        request_refuse(request, error->message);
        return;
    }
    end_saved(runner, trial, PBX_END_STOPPED, STORE_REASON_USER, FALSE);
    steer_answer(runner, request, steer_answer_for(trial));
}

/* ---- Without one ---- */

static gboolean
collect_asked(const PbxTrialRow *row, gpointer user)
{
    /* One that a driver ran waits for it to come back. */
    if (row->state == PBX_STATE_RUNNING && g_strcmp0(row->reason, STORE_REASON_ASKED) == 0)
        g_array_append_val((GArray *)user, row->number);
    return TRUE;
}

static gboolean
end_one(PbxOutside *outside, guint64 number, PbxTrial **ended, GError **error)
{
    PbxTrial *trial = runner_restored(outside->runner, number, error);
    if (trial == NULL || !check_alive(trial, error))
        return FALSE;
    end_trial(outside->runner, trial, PBX_END_STOPPED, STORE_REASON_USER);
    *ended = trial;
    return TRUE;
}

static JsonObject *
stop_asked(PbxOutside *outside, GError **error)
{
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(guint64));
    if (!store_each_trial(outside->store, collect_asked, numbers, error))
        return NULL;
    /* One whose trials are asked for has no driver, and goes on until it is over. */
    const gboolean goes_on = g_strcmp0(outside->status, "running") == 0;
    if (numbers->len == 0 && !goes_on) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "%s does not run: it has no driver, and no trial that was asked for is running",
                    outside->runner->name);
        return NULL;
    }
    PbxTrial *ended = NULL;
    for (guint i = 0; i < numbers->len; i++)
        if (!end_one(outside, g_array_index(numbers, guint64, i), &ended, error))
            return NULL;
    if (goes_on) {
        /* Nobody is given another one. */
        runner_stop_all(outside->runner, STORE_REASON_USER);
        outside_mark_over(outside);
    }
    JsonObject *answer = json_object_new();
    json_object_set_string_member(answer, "experiment", outside->runner->name);
    json_object_set_int_member(answer, "trials", numbers->len);
    return answer;
}

static JsonObject *
stop_named(PbxOutside *outside, JsonObject *request, GError **error)
{
    PbxTrial *trial = outside_named(outside, request, error);
    if (trial == NULL || !end_one(outside, trial->row.number, &trial, error))
        return NULL;
    outside_mark_over(outside);
    return steer_answer_for(trial);
}

JsonObject *
steer_stop_alone(PbxOutside *outside, JsonObject *request, GError **error)
{
    if (outside_runner(outside, error) == NULL || !outside_begin(outside, error))
        return NULL;
    JsonObject *answer = json_object_has_member(request, "trial")
                             ? stop_named(outside, request, error)
                             : stop_asked(outside, error);
    return outside_end(outside, answer, error);
}
