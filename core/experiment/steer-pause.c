/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The requests `pause` and `unpause`: a person holds a trial, or the whole experiment. */
#include "experiment/checkpoints-private.h"
#include "experiment/steer-private.h"

#define HELD "held" /* a fact: the experiment is */

static gboolean
store_held(PbxRunner *runner, gboolean held)
{
    GError *error = NULL;
    runner->held = held;
    runner_touch(runner);
    if (runner->fatal == NULL && !store_put_fact(runner->store, HELD, held ? "1" : "", &error))
        runner_fail(runner, error);
    return runner->fatal == NULL;
}

void
steer_load_held(PbxRunner *runner)
{
    g_autofree char *held = store_fact(runner->store, HELD);
    runner->held = held != NULL && held[0] != '\0';
}

static gboolean
check_alive(const PbxTrial *trial, gboolean hold, GError **error)
{
    const guint64 number = trial->row.number;
    if (trial->ended || trial->ending >= 0)
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "trial %" G_GUINT64_FORMAT " has ended already, or is about to", number);
    else if (trial->asked)
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "trial %" G_GUINT64_FORMAT " was asked for: whoever runs it can pause it",
                    number);
    else if (!hold && !trial->row.held && !pause_is_users(trial))
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "trial %" G_GUINT64_FORMAT " is not held: it is %s", number,
                    store_state_name(trial->row.state));
    else
        return TRUE;
    return FALSE;
}

/* One that runs is saved first, where that can be; else it runs on. */
static void
pause_running(PbxRunner *runner, PbxTrial *trial)
{
    if (trial->worker == NULL || trial->kept)
        return;
    if (trial->worker->state == WORKER_STARTING) {
        workers_stop_run(runner, trial, FALSE);
        return;
    }
    if (spec_can_save(runner->spec) != CAN_SAVE_NEVER) {
        pause_ask(runner, trial);
        return;
    }
    g_autofree char *line =
        g_strdup_printf("trial %" G_GUINT64_FORMAT " runs on: trainable/%s cannot save its state",
                        trial->row.number, runner->spec->trainable->plugin->desc->name);
    runner_log_trial(runner, trial, PBX_LOG_WARNING, line);
}

static void
hold_trial(PbxRunner *runner, PbxTrial *trial)
{
    trial->row.held = TRUE;
    trial_touch(runner, trial);
    queue_return(runner, trial);
    pause_running(runner, trial);
}

static void
let_go(PbxRunner *runner, PbxTrial *trial)
{
    trial->row.held = FALSE;
    trial_touch(runner, trial);
    pause_unask(trial);
    /* While the experiment is held, what that has paused stays so. */
    if (!runner->held && pause_is_users(trial))
        pause_let_go(runner, trial);
    else if (trial->worker == NULL)
        queue_return(runner, trial);
}

static JsonObject *
answer_for(const PbxRunner *runner, const PbxTrial *trial)
{
    JsonObject *answer = steer_answer_for(trial);
    json_object_set_string_member(answer, "state", store_state_name(trial->row.state));
    json_object_set_boolean_member(answer, "held", trial->row.held);
    json_object_set_boolean_member(answer, "experiment_held", runner->held);
    return answer;
}

static JsonObject *
answer_for_all(const PbxRunner *runner)
{
    JsonObject *answer = json_object_new();
    json_object_set_string_member(answer, "experiment", runner->name);
    json_object_set_boolean_member(answer, "experiment_held", runner->held);
    json_object_set_int_member(answer, "running", (gint64)runner->counts[PBX_STATE_RUNNING]);
    return answer;
}

/* ---- In the driver ---- */

static void
hold_all(PbxRunner *runner)
{
    if (runner->held || !store_held(runner, TRUE))
        return;
    for (guint i = 0; i < runner->workers->len; i++) {
        PbxTrial *trial = ((PbxWorkerSlot *)runner->workers->pdata[i])->trial;
        if (trial != NULL && !trial->ended && trial->ending < 0)
            pause_running(runner, trial);
    }
}

static void
let_all_go(PbxRunner *runner)
{
    if (!store_held(runner, FALSE))
        return;
    g_autoptr(GPtrArray) parked = g_ptr_array_new();
    for (GList *item = runner->parked.head; item != NULL; item = item->next)
        g_ptr_array_add(parked, item->data);
    for (guint i = 0; i < runner->workers->len; i++) {
        PbxTrial *trial = ((PbxWorkerSlot *)runner->workers->pdata[i])->trial;
        if (trial != NULL && !trial->ended)
            g_ptr_array_add(parked, trial);
    }
    for (guint i = 0; i < parked->len; i++)
        let_go(runner, parked->pdata[i]);
}

static void
steer(PbxRunner *runner, PbxRequest *request, gboolean hold)
{
    g_autoptr(GError) error = NULL;
    if (runner->finished || runner->interrupts > 0 || runner->stopping) {
        steer_refuse(request, "%s is ending", runner->name);
        return;
    }
    if (!json_object_has_member(request_object(request), "trial")) {
        if (hold)
            hold_all(runner);
        else
            let_all_go(runner);
        steer_answer(runner, request, answer_for_all(runner));
        return;
    }
    PbxTrial *trial = steer_trial(runner, request_object(request), &error);
    if (trial == NULL || !check_alive(trial, hold, &error)) {
        request_refuse(request, error->message);
        return;
    }
    if (hold)
        hold_trial(runner, trial);
    else
        let_go(runner, trial);
    steer_answer(runner, request, answer_for(runner, trial));
}

void
steer_pause(PbxRunner *runner, PbxRequest *request)
{
    steer(runner, request, TRUE);
}

void
steer_unpause(PbxRunner *runner, PbxRequest *request)
{
    steer(runner, request, FALSE);
}

/* ---- Without one ---- */

static gboolean
collect_held(const PbxTrialRow *row, gpointer user)
{
    if (row->end < 0 && (row->held || g_strcmp0(row->reason, STORE_REASON_PAUSED) == 0))
        g_array_append_val((GArray *)user, row->number);
    return TRUE;
}

static JsonObject *
all_alone(PbxOutside *outside, gboolean hold, GError **error)
{
    PbxRunner *runner = outside->runner;
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(guint64));
    if (hold && g_strcmp0(outside->status, "done") == 0) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE, "%s has ended: it is done",
                    runner->name);
        return NULL;
    }
    if (!store_held(runner, hold) ||
        (!hold && !store_each_trial(outside->store, collect_held, numbers, error)))
        return NULL;
    for (guint i = 0; i < numbers->len; i++) {
        PbxTrial *trial = runner_restored(runner, g_array_index(numbers, guint64, i), error);
        if (trial == NULL)
            return NULL;
        let_go(runner, trial);
    }
    return answer_for_all(runner);
}

static JsonObject *
one_alone(PbxOutside *outside, JsonObject *request, gboolean hold, GError **error)
{
    PbxTrial *trial = outside_named(outside, request, error);
    if (trial == NULL || !check_alive(trial, hold, error))
        return NULL;
    if (hold)
        hold_trial(outside->runner, trial);
    else
        let_go(outside->runner, trial);
    return answer_for(outside->runner, trial);
}

static JsonObject *
steer_alone(PbxOutside *outside, JsonObject *request, gboolean hold, GError **error)
{
    if (outside_runner(outside, error) == NULL || !outside_begin(outside, error))
        return NULL;
    JsonObject *answer = json_object_has_member(request, "trial")
                             ? one_alone(outside, request, hold, error)
                             : all_alone(outside, hold, error);
    return outside_end(outside, answer, error);
}

JsonObject *
steer_pause_alone(PbxOutside *outside, JsonObject *request, GError **error)
{
    return steer_alone(outside, request, TRUE, error);
}

JsonObject *
steer_unpause_alone(PbxOutside *outside, JsonObject *request, GError **error)
{
    return steer_alone(outside, request, FALSE, error);
}
