/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the stoppers and the scheduler say of a result, one after the other, and what comes of it.
 */
#include <math.h>
#include <string.h>

#include "experiment/asked-private.h"
#include "experiment/budgets-private.h"
#include "experiment/checkpoints-private.h"
#include "experiment/held-private.h"
#include "experiment/inputs-private.h"
#include "experiment/judging-private.h"
#include "experiment/reporter-private.h"
#include "experiment/steer-private.h"
#include "experiment/workers-private.h"

typedef struct PbxJudging {
    PbxRunner *runner;
    PbxTrial *trial; /* NULL: it does not matter any more */
    PbxResultRow *row;
    PbxView *view; /* while it is asked about */
    guint step;    /* who is asked: a stopper, then the scheduler, then the search */
    gboolean ends, pauses;
    guint end; /* PBX_END_* */
    char *reason;
    gboolean decided;  /* by the scheduler */
    gboolean stored;   /* the row is, and belongs to the trial; the rest of this is as it waits */
    gboolean answered; /* who was asked last */
    gboolean let_go;
    guint64 seq; /* of the result, and */
    char *said;  /* a stopper's reason, in one that was found when the experiment went on */
    GQueue held; /* PbxHeld* */
    PbxRequest *request;
    PbxCall call;
    pbx_verdict verdict;
    pbx_decision decision;
} Judging;

void
judging_free(Judging *judging)
{
    if (judging == NULL)
        return;
    if (!judging->stored)
        result_row_free(judging->row);
    view_free(judging->view);
    held_clear(&judging->held);
    g_free(judging->reason);
    g_free(judging->said);
    g_free(judging);
}

gboolean
judging_is_open(const PbxTrial *trial)
{
    return trial->judging != NULL && !trial->judging->let_go;
}

/* What is of a moment goes through. */
static gboolean
is_in_order(const PbxWorkerMessage *message)
{
    return message->type == WORKER_RESULT || message->type == WORKER_ENDED ||
           message->type == WORKER_SAVING || message->type == WORKER_CHECKPOINT ||
           message->type == WORKER_SAVED || message->type == WORKER_BROKEN;
}

gboolean
judging_holds_back(PbxTrial *trial, const PbxWorkerMessage *message)
{
    if (!judging_is_open(trial) || !is_in_order(message))
        return FALSE;
    held_add(&trial->judging->held, message);
    return TRUE;
}

gboolean
judging_drops(const PbxTrial *trial, const PbxWorkerMessage *message)
{
    return trial->deaf && (message->type == WORKER_RESULT ||
                           (message->type == WORKER_CHECKPOINT && message->n > trial->shown));
}

/* ---- What was said ---- */

static void
judge_end(Judging *judging, guint end, char *reason)
{
    judging->ends = TRUE;
    judging->end = end;
    judging->reason = reason;
}

/* An error about a result fails its trial; EFATAL says that the run cannot go on. */
static void
fail_by_call(PbxRunner *runner, PbxTrial *trial, PbxSlot *slot, PbxCall *call)
{
    g_autoptr(GError) error = NULL;
    decider_set_error(slot->decider, call, &error);
    if (call->status == PBX_EFATAL)
        runner_fail(runner, g_steal_pointer(&error));
    else if (trial->failing == NULL)
        trial->failing = g_strdup(error->message);
}

static void
judge_pause(Judging *judging, const char *name)
{
    PbxTrial *trial = judging->trial;
    if (trial->failing != NULL)
        return;
    if ((decider_caps(judging->runner->scheduler->decider) & PBX_CAP_PAUSES) == 0)
        trial->failing =
            g_strdup_printf("scheduler/%s pauses trials, but does not declare that it does", name);
    else if (trial->asked)
        trial->failing = g_strdup_printf(
            "scheduler/%s pauses trials; one that was asked for cannot be saved", name);
    else
        judging->pauses = TRUE;
}

static void
take_verdict(Judging *judging, PbxSlot *slot)
{
    const pbx_verdict *verdict = &judging->verdict;
    if (judging->call.status < 0)
        fail_by_call(judging->runner, judging->trial, slot, &judging->call);
    else if (verdict->stop && !judging->ends)
        judge_end(
            judging, PBX_END_COMPLETED,
            g_strdup(verdict->reason != NULL ? verdict->reason : decider_slot(slot->decider)));
}

static void
take_decision(Judging *judging, PbxSlot *slot)
{
    PbxTrial *trial = judging->trial;
    const pbx_decision *decision = &judging->decision;
    if (judging->call.status < 0) {
        fail_by_call(judging->runner, trial, slot, &judging->call);
        return;
    }
    judging->decided = TRUE;
    judging->row->action = decision->action;
    judging->row->rung = decision->rung;
    if (decision->rung != PBX_NO_RUNG) {
        trial->row.rung = decision->rung;
        trial->budget = decision->budget;
    }
    if (decision->bracket != PBX_NO_RUNG)
        trial->row.bracket = decision->bracket;
    budgets_note(judging->runner, trial->row.bracket, decision->rung, decision->budget);
    const char *name = slot->use->plugin->desc->name;
    if (decision->action == PBX_ACTION_STOP)
        judge_end(judging, PBX_END_EARLY_STOPPED, g_strdup_printf("stopped early by %s", name));
    else if (decision->action == PBX_ACTION_COMPLETE)
        judge_end(judging, PBX_END_COMPLETED, g_strdup_printf("complete for %s", name));
    else if (decision->action == PBX_ACTION_PAUSE)
        judge_pause(judging, name);
    else if (decision->action != PBX_ACTION_CONTINUE && trial->failing == NULL)
        trial->failing = g_strdup_printf("scheduler/%s decided on an action that there is not: %u",
                                         name, decision->action);
}

/* ---- Asked ---- */

static PbxSlot *
slot_of(const Judging *judging)
{
    const PbxRunner *runner = judging->runner;
    return judging->step < runner->stoppers->len ? runner->stoppers->pdata[judging->step]
                                                 : runner->scheduler;
}

static void
take(Judging *judging)
{
    PbxSlot *slot = slot_of(judging);
    if (slot == judging->runner->scheduler)
        take_decision(judging, slot);
    else
        take_verdict(judging, slot);
}

static void go_on(Judging *judging);

static void
on_answer(PbxDecider *decider, PbxCall *call, gpointer user)
{
    Judging *judging = user;
    PbxRunner *runner = judging->runner;
    PbxSlot *slot = slot_of(judging);
    const gboolean waited = judging->stored;
    const gboolean later = decider_is_attached(decider);
    judging->answered = TRUE;
    if (later)
        inputs_answered(slot, call);
    if (judging->trial == NULL) {
        g_ptr_array_remove(runner->unjudged, judging);
        runner_touch(runner); /* that it was answered is stored */
    } else {
        take(judging);
        if (waited) {
            runner_touch(runner);
            judging->step++;
            go_on(judging);
        }
    }
    if (later)
        inputs_settled(slot);
}

/* What has been said so far is known to who goes on with it. */
static JsonObject *
so_far(const Judging *judging)
{
    JsonObject *detail = json_object_new();
    if (judging->ends)
        json_object_set_int_member(detail, "ends", judging->end);
    if (judging->reason != NULL)
        json_object_set_string_member(detail, "reason", judging->reason);
    return detail;
}

static void
prepare(Judging *judging, PbxSlot *slot)
{
    judging->decision = (pbx_decision){.struct_size = sizeof(pbx_decision),
                                       .action = PBX_ACTION_CONTINUE,
                                       .rung = PBX_NO_RUNG,
                                       .bracket = PBX_NO_RUNG,
                                       .budget = (double)NAN};
    judging->verdict = (pbx_verdict){.struct_size = sizeof(pbx_verdict)};
    judging->call = (PbxCall){.verdict = &judging->verdict};
    if (slot == judging->runner->scheduler)
        judging->call.decision = &judging->decision;
}

/* FALSE: it takes its time. */
static gboolean
ask(Judging *judging, PbxSlot *slot, PbxCallId id)
{
    if (!decider_has(slot->decider, id))
        return TRUE;
    prepare(judging, slot);
    judging->call.id = id;
    judging->call.result = view_for_slot(judging->runner, judging->view, slot);
    judging->answered = FALSE;
    g_autoptr(JsonObject) detail = decider_is_attached(slot->decider) ? so_far(judging) : NULL;
    slot_ask(slot, &judging->call, detail, on_answer, judging);
    return judging->answered;
}

/* One that is done anyway is the trainable's to end. */
static gboolean
goes_on(const Judging *judging)
{
    return !judging->ends && !judging->row->done && judging->trial->failing == NULL;
}

static void
tell_search(Judging *judging)
{
    PbxRunner *runner = judging->runner;
    if (!decider_has(runner->search->decider, CALL_SEARCH_REPORT))
        return;
    PbxCall call = {.id = CALL_SEARCH_REPORT,
                    .result = view_for_slot(runner, judging->view, runner->search)};
    decider_call(runner->search->decider, &call, NULL, NULL);
    if (call.status < 0)
        fail_by_call(runner, judging->trial, runner->search, &call);
}

/* ---- Stored, and acted upon ---- */

/* The result is the trial's last. */
static void
store(Judging *judging)
{
    PbxTrial *trial = judging->trial;
    judging->runner->again_ns = 0;
    result_store(judging->runner, trial, judging->row, TRUE);
    g_clear_pointer(&trial->last, result_row_free);
    trial->last = judging->row;
    judging->stored = TRUE;
}

/* What was said of one that is stored. A stopper's word is kept as if the scheduler had said that
 * the trial is complete, so that whoever goes on with it ends it. */
static void
store_decision(Judging *judging)
{
    PbxResultRow *row = judging->row;
    GError *error = NULL;
    if (judging->ends && row->action == PBX_ACTION_CONTINUE && !row->done)
        row->action = PBX_ACTION_COMPLETE;
    row->done = row->done || judging->ends;
    if (judging->runner->fatal == NULL && !store_decide(judging->runner->store, row, &error))
        runner_fail(judging->runner, error);
}

/* Nobody waits for it, but the trial. */
static void
wait_for_answer(Judging *judging)
{
    PbxRunner *runner = judging->runner;
    PbxTrial *trial = judging->trial;
    if (!judging->stored) {
        result_remember(runner, trial, judging->view, judging->row);
        store(judging);
        trial->judging = judging;
        runner->n_judging++;
        if (trial->worker != NULL)
            limits_hold(trial->worker);
    }
    judging->call.result = NULL;
    g_clear_pointer(&judging->view, view_free);
}

/* It waits no more. What was held back is the caller's. */
static void
leave(PbxRunner *runner, PbxTrial *trial, GQueue *held)
{
    Judging *judging = trial->judging;
    *held = judging->held;
    g_queue_init(&judging->held);
    if (judging->let_go)
        return;
    runner->n_judging--;
    if (trial->worker != NULL)
        limits_release(trial->worker);
}

/* Somebody waits for what is said of a trial that was asked for. */
static void
answer_request(PbxRunner *runner, PbxTrial *trial, PbxRequest *request)
{
    if (request == NULL)
        return;
    asked_settle(runner, trial);
    steer_answer(runner, request, asked_told(trial));
}

static void
store_failing(PbxTrial *trial)
{
    /* So that another driver counts it, if this one does not come to it. */
    g_free(trial->attempt.error);
    trial->attempt.error = g_strdup(trial->failing);
    trial->attempt_dirty = TRUE;
}

/* What was said is done. */
static void
act(Judging *judging)
{
    PbxRunner *runner = judging->runner;
    PbxTrial *trial = judging->trial;
    const guint64 n = judging->row->n;
    const gboolean over = judging->ends || trial->failing != NULL;
    const gboolean save =
        judging->ends && trial->failing == NULL && checkpoints_at_end(runner, trial);
    if (judging->pauses && !over && trial->worker != NULL)
        pause_begin(runner, trial, n);
    else
        workers_answer(runner, trial, n, over, save);
    if (!judging->ends && trial->failing == NULL)
        reporter_result(runner->reporter, trial);
    if (judging->ends && trial->failing == NULL)
        end_saved(runner, trial, judging->end, judging->reason, TRUE);
}

static void
finish(Judging *judging)
{
    PbxRunner *runner = judging->runner;
    PbxTrial *trial = judging->trial;
    PbxRequest *request = judging->request;
    const gboolean waited = judging->stored;
    GQueue held = G_QUEUE_INIT;
    if (!waited)
        result_remember(runner, trial, judging->view, judging->row);
    if (judging->row->done && !judging->ends)
        judge_end(judging, PBX_END_COMPLETED, NULL);
    if (trial->failing != NULL)
        store_failing(trial);
    if (!waited) {
        judging->row->done = judging->row->done || judging->ends;
        store(judging);
    } else {
        trial_touch(runner, trial);
        store_decision(judging);
        leave(runner, trial, &held);
        trial->judging = NULL;
    }
    act(judging);
    judging_free(judging);
    if (waited) {
        answer_request(runner, trial, request);
        held_enter(runner, trial, &held);
    }
}

static PbxView *
view_of(const Judging *judging)
{
    PbxView *view = view_new(judging->runner, judging->trial, judging->row);
    if (judging->row->done)
        view->abi.flags |= PBX_RESULT_DONE;
    return view;
}

static void
go_on(Judging *judging)
{
    PbxRunner *runner = judging->runner;
    const guint n = runner->stoppers->len;
    if (judging->view == NULL)
        judging->view = view_of(judging);
    /* All of them, as each has its own state, or more than this trial to stop. */
    for (; judging->step < n; judging->step++) {
        if (!ask(judging, runner->stoppers->pdata[judging->step], CALL_STOPPER_RESULT)) {
            wait_for_answer(judging);
            return;
        }
    }
    if (judging->step == n) {
        /* What is abandoned was told to stop at once, and waits for another run then. */
        if (runner->stopping && !runner->abandoned && !judging->ends && !judging->row->done)
            judge_end(judging, PBX_END_STOPPED, g_strdup(runner->stop_reason));
        if (goes_on(judging) && !ask(judging, runner->scheduler, CALL_SCHEDULER_RESULT)) {
            wait_for_answer(judging);
            return;
        }
        judging->step++;
    }
    if (judging->decided) {
        judging->view->abi.rung = judging->decision.rung;
        judging->view->abi.budget = judging->decision.budget;
    }
    if (goes_on(judging))
        tell_search(judging);
    finish(judging);
}

void
judging_begin(PbxRunner *runner, PbxTrial *trial, PbxResultRow *row)
{
    Judging *judging = g_new0(Judging, 1);
    judging->runner = runner;
    judging->trial = trial;
    judging->row = row;
    g_queue_init(&judging->held);
    judging->view = view_new(runner, trial, row);
    const char *missing = result_missing(runner, judging->view);
    if (missing != NULL) {
        trial->failing = result_missing_text(judging->view, missing, row);
        finish(judging);
        return;
    }
    /* A program ends its trial by a field. */
    if (view_is_done(judging->view)) {
        row->done = TRUE;
        judging->view->abi.flags |= PBX_RESULT_DONE;
    }
    go_on(judging);
}

/* ---- Not waited for any more ---- */

void
judging_answer_later(PbxTrial *trial, PbxRequest *request)
{
    trial->judging->request = request;
}

void
judging_cancel(PbxRunner *runner, PbxTrial *trial)
{
    Judging *judging = trial->judging;
    GQueue held;
    if (judging == NULL)
        return;
    PbxRequest *request = g_steal_pointer(&judging->request);
    leave(runner, trial, &held);
    trial->judging = NULL;
    judging->trial = NULL;
    judging->row = NULL;
    g_ptr_array_add(runner->unjudged, judging);
    answer_request(runner, trial, request);
    held_enter(runner, trial, &held);
}

void
judging_let_go(PbxRunner *runner, PbxTrial *trial)
{
    GQueue held;
    if (!judging_is_open(trial))
        return;
    PbxRequest *request = g_steal_pointer(&trial->judging->request);
    leave(runner, trial, &held);
    trial->judging->let_go = TRUE;
    trial->deaf = TRUE;
    answer_request(runner, trial, request);
    held_enter(runner, trial, &held);
}

void
judging_let_all_go(PbxRunner *runner)
{
    for (guint i = 0; runner->n_judging > 0 && i < runner->trials->len; i++)
        judging_let_go(runner, runner->trials->pdata[i]);
}

/* ---- When the experiment goes on ---- */

void
judging_found(PbxRunner *runner, PbxSlot *slot, const PbxCall *call, guint64 seq,
              JsonObject *detail)
{
    Judging *judging = g_new0(Judging, 1);
    guint step = 0;
    while (step < runner->stoppers->len && runner->stoppers->pdata[step] != slot)
        step++;
    judging->runner = runner;
    judging->step = step;
    judging->seq = seq;
    judging->stored = judging->let_go = TRUE;
    prepare(judging, slot);
    judging->call.trial = call->result->trial;
    judging->call.status = call->status;
    judging->call.error = call->error;
    judging->decision = *call->decision;
    judging->verdict = *call->verdict;
    judging->verdict.reason = judging->said = g_strdup(call->verdict->reason);
    g_queue_init(&judging->held);
    if (json_object_has_member(detail, "ends"))
        judge_end(judging, (guint)json_object_get_int_member_with_default(detail, "ends", 0),
                  g_strdup(json_object_get_string_member_with_default(detail, "reason", NULL)));
    g_ptr_array_add(runner->unjudged, judging);
}

/* Its trial, where that is as it was left. NULL: it does not matter any more, or the error is set.
 */
static PbxTrial *
trial_of(const Judging *judging, GError **error)
{
    PbxRunner *runner = judging->runner;
    const guint64 number = judging->call.trial;
    if (number >= runner->trials->len)
        return NULL;
    PbxTrial *trial = runner->outside ? runner_restored(runner, number, error)
                                      : (PbxTrial *)runner->trials->pdata[number];
    return trial != NULL && !trial->ended && trial->last != NULL && trial->judging == NULL &&
                   trial->last->seq == judging->seq
               ? trial
               : NULL;
}

/* Takes it. */
static void
resume_one(Judging *judging, PbxTrial *trial, GPtrArray *left)
{
    PbxRunner *runner = judging->runner;
    judging->trial = trial;
    judging->row = trial->last;
    trial->judging = judging;
    take(judging);
    judging->step++;
    go_on(judging);
    g_autofree char *failing = g_steal_pointer(&trial->failing);
    if (trial->ended)
        return;
    /* One that its driver left RUNNING fails with the others that did. */
    if (failing != NULL && trial->row.state != PBX_STATE_RUNNING)
        end_failed(runner, trial, failing);
    else if (trial->last->action == PBX_ACTION_PAUSE && left != NULL &&
             !g_ptr_array_find(left, trial, NULL))
        g_ptr_array_add(left, trial);
}

gboolean
judging_resume(PbxRunner *runner, GPtrArray *left, GError **error)
{
    while (runner->unjudged->len > 0) {
        g_autoptr(GError) failed = NULL;
        Judging *judging = g_ptr_array_steal_index(runner->unjudged, 0);
        PbxTrial *trial = trial_of(judging, &failed);
        if (trial != NULL)
            resume_one(judging, trial, left);
        else
            judging_free(judging);
        if (failed != NULL)
            g_propagate_error(error, g_steal_pointer(&failed));
        if (*error != NULL)
            return FALSE;
    }
    return TRUE;
}
