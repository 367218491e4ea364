/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one place where a result enters: checked, judged, stored, answered. */
#include <math.h>

#include "experiment/budgets-private.h"
#include "experiment/checkpoints-private.h"
#include "experiment/reporter-private.h"

/* How a result leaves its trial. */
typedef struct {
    gboolean ends, pauses;
    guint end; /* PBX_END_* */
    char *reason;
} PbxJudgement;

static void
judge_end(PbxJudgement *judgement, guint end, char *reason)
{
    judgement->ends = TRUE;
    judgement->end = end;
    judgement->reason = reason;
}

/* The first field that must be there and is not; NULL: all are. */
static const char *
missing_metric(PbxRunner *runner, PbxView *view)
{
    if (g_strcmp0(g_getenv("PEGBOX_DISABLE_STRICT_METRIC_CHECKING"), "1") == 0)
        return NULL;
    double value;
    for (char **name = runner->spec->metrics; *name != NULL; name++)
        if (!view_number(view, *name, &value))
            return *name;
    PbxSlot *slots[] = {runner->search, runner->scheduler};
    for (gsize i = 0; i < G_N_ELEMENTS(slots); i++) {
        for (guint j = 0; j < slots[i]->problem->n_objectives; j++)
            if (!view_number(view, slots[i]->problem->objectives[j]->name, &value))
                return slots[i]->problem->objectives[j]->name;
        for (gsize j = 0; j < slots[i]->n_watched; j++)
            if (slots[i]->watched[j][0] != '\0' && !view_number(view, slots[i]->watched[j], &value))
                return slots[i]->watched[j];
    }
    return NULL;
}

/* What is wrong with a field that should be a number. (transfer full) */
static char *
missing_text(PbxView *view, const char *name, const PbxResultRow *row)
{
    JsonNode *node = view_lookup(view, name);
    const char *what = node == NULL                                      ? NULL
                       : JSON_NODE_HOLDS_NULL(node)                      ? "null"
                       : JSON_NODE_HOLDS_OBJECT(node)                    ? "an object"
                       : JSON_NODE_HOLDS_ARRAY(node)                     ? "an array"
                       : json_node_get_value_type(node) == G_TYPE_STRING ? "a text"
                                                                         : "true or false";
    if (what == NULL)
        return g_strdup_printf("result %" G_GUINT64_FORMAT " has no \"%s\"; it reported %s", row->n,
                               name, row->fields);
    return g_strdup_printf("result %" G_GUINT64_FORMAT
                           ": \"%s\" is %s, not a number; it reported %s",
                           row->n, name, what, row->fields);
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
ask_stoppers(PbxRunner *runner, PbxTrial *trial, PbxView *view, PbxJudgement *judgement)
{
    /* All of them, as each has its own state, or more than this trial to stop. */
    for (guint i = 0; i < runner->stoppers->len; i++) {
        PbxSlot *slot = runner->stoppers->pdata[i];
        if (!decider_has(slot->decider, CALL_STOPPER_RESULT))
            continue;
        pbx_verdict verdict = {.struct_size = sizeof verdict};
        PbxCall call = {.id = CALL_STOPPER_RESULT,
                        .result = view_for_slot(runner, view, slot),
                        .verdict = &verdict};
        decider_call(slot->decider, &call, NULL, NULL);
        if (call.status < 0)
            fail_by_call(runner, trial, slot, &call);
        else if (verdict.stop && !judgement->ends)
            judge_end(
                judgement, PBX_END_COMPLETED,
                g_strdup(verdict.reason != NULL ? verdict.reason : decider_slot(slot->decider)));
    }
}

static void
judge_pause(PbxRunner *runner, PbxTrial *trial, const char *name, PbxJudgement *judgement)
{
    if (trial->failing != NULL)
        return;
    if ((decider_caps(runner->scheduler->decider) & PBX_CAP_PAUSES) == 0)
        trial->failing =
            g_strdup_printf("scheduler/%s pauses trials, but does not declare that it does", name);
    else if (trial->worker == NULL)
        trial->failing = g_strdup_printf(
            "scheduler/%s pauses trials; one that was asked for cannot be saved", name);
    else
        judgement->pauses = TRUE;
}

static void
ask_scheduler(PbxRunner *runner, PbxTrial *trial, PbxView *view, PbxResultRow *row,
              PbxJudgement *judgement)
{
    PbxSlot *slot = runner->scheduler;
    if (!decider_has(slot->decider, CALL_SCHEDULER_RESULT))
        return;
    pbx_decision decision = {.struct_size = sizeof decision,
                             .action = PBX_ACTION_CONTINUE,
                             .rung = PBX_NO_RUNG,
                             .bracket = PBX_NO_RUNG,
                             .budget = (double)NAN};
    PbxCall call = {.id = CALL_SCHEDULER_RESULT,
                    .result = view_for_slot(runner, view, slot),
                    .decision = &decision};
    decider_call(slot->decider, &call, NULL, NULL);
    if (call.status < 0) {
        fail_by_call(runner, trial, slot, &call);
        return;
    }
    row->action = decision.action;
    row->rung = view->abi.rung = decision.rung;
    view->abi.budget = decision.budget;
    if (decision.rung != PBX_NO_RUNG) {
        trial->row.rung = decision.rung;
        trial->budget = decision.budget;
    }
    if (decision.bracket != PBX_NO_RUNG)
        trial->row.bracket = decision.bracket;
    budgets_note(runner, trial->row.bracket, decision.rung, decision.budget);
    const char *name = slot->use->plugin->desc->name;
    if (decision.action == PBX_ACTION_STOP)
        judge_end(judgement, PBX_END_EARLY_STOPPED, g_strdup_printf("stopped early by %s", name));
    else if (decision.action == PBX_ACTION_COMPLETE)
        judge_end(judgement, PBX_END_COMPLETED, g_strdup_printf("complete for %s", name));
    else if (decision.action == PBX_ACTION_PAUSE)
        judge_pause(runner, trial, name, judgement);
    else if (decision.action != PBX_ACTION_CONTINUE && trial->failing == NULL)
        trial->failing = g_strdup_printf("scheduler/%s decided on an action that there is not: %u",
                                         name, decision.action);
}

/* Whether the trial goes on, by all who have a say, in Tune's order. */
static PbxJudgement
judge(PbxRunner *runner, PbxTrial *trial, PbxView *view, PbxResultRow *row)
{
    PbxJudgement judgement = {FALSE, FALSE, 0, NULL};
    const char *missing = missing_metric(runner, view);
    if (missing != NULL) {
        trial->failing = missing_text(view, missing, row);
        return judgement;
    }
    /* A program ends its trial by a field. */
    if (view_is_done(view)) {
        row->done = TRUE;
        view->abi.flags |= PBX_RESULT_DONE;
    }
    ask_stoppers(runner, trial, view, &judgement);
    /* What is abandoned was told to stop at once, and waits for another run then. */
    if (runner->stopping && !runner->abandoned && !judgement.ends && !row->done)
        judge_end(&judgement, PBX_END_STOPPED, g_strdup(runner->stop_reason));
    /* One that is done anyway is the trainable's to end. */
    if (!judgement.ends && !row->done && trial->failing == NULL)
        ask_scheduler(runner, trial, view, row, &judgement);
    if (!judgement.ends && !row->done && trial->failing == NULL &&
        decider_has(runner->search->decider, CALL_SEARCH_REPORT)) {
        PbxCall call = {.id = CALL_SEARCH_REPORT,
                        .result = view_for_slot(runner, view, runner->search)};
        decider_call(runner->search->decider, &call, NULL, NULL);
        if (call.status < 0)
            fail_by_call(runner, trial, runner->search, &call);
    }
    return judgement;
}

/* The reporter may be about another metric than the run. */
static void
remember_told(PbxRunner *runner, PbxTrial *trial, PbxView *view, double value)
{
    const char *metric = runner->report->metric;
    if (metric != NULL) {
        value = (double)NAN;
        if (view_number(view, metric, &value))
            trial->told = value;
    }
    if (view->feasible != FEASIBLE_NO)
        tally_result(runner->tally, trial, value);
}

static void
remember(PbxRunner *runner, PbxTrial *trial, PbxView *view, PbxResultRow *row)
{
    PbxTrialRow *trial_row = &trial->row;
    double value = (double)NAN;
    gboolean there =
        runner->spec->metrics[0] != NULL && view_number(view, runner->spec->metrics[0], &value);
    row->value = value;
    row->feasible = view->feasible;
    /* A report without the metric leaves what was said last. */
    if (there)
        trial_row->value = value;
    if (there || runner->spec->metrics[0] == NULL)
        trial_row->feasible = view->feasible;
    if (isfinite(value) && view->feasible != FEASIBLE_NO) {
        int sign = runner->spec->signs[0];
        if (isnan(trial_row->best) || sign * value < sign * trial_row->best)
            trial_row->best = value;
    }
    trial_row->n_results++;
    trial_row->iteration = row->iteration;
    trial_row->time_total_s = row->time_total_s;
    trial_row->last_seq = row->seq;
    trial->shown = row->n;
    remember_told(runner, trial, view, value);
    runner->any_report = runner->any_report || trial->failing == NULL;
    trial_touch(runner, trial);
}

static PbxResultRow *
row_from_message(const PbxTrial *trial, const PbxWorkerMessage *message)
{
    PbxResultRow *row = g_new0(PbxResultRow, 1);
    *row = (PbxResultRow){
        .trial = trial->row.number,
        .attempt = trial->row.attempts,
        .n = message->n,
        .iteration = message->iteration,
        .at_ns = message->at_ns,
        .time_this_iter_s = message->time_this_iter_s,
        .time_total_s = message->time_total_s,
        .timesteps_total = message->timesteps_total,
        .episodes_total = message->episodes_total,
        .done = message->done,
        .value = (double)NAN,
        .fields = g_strdup(message->fields_text),
        .rung = G_MAXUINT32,
    };
    return row;
}

static void
store_row(PbxRunner *runner, const PbxTrial *trial, const PbxResultRow *row, gboolean shown)
{
    GError *error = NULL;
    PbxEventRow event = {.seq = row->seq,
                         .type = PBX_EVENT_RESULT,
                         .at_ns = runner_wall(runner),
                         .trial = trial->row.number,
                         .attempt = row->attempt};
    if (!store_put_result(runner->store, row, &error) ||
        (shown && !store_put_event(runner->store, &event, &error)))
        runner_fail(runner, error);
}

char *
result_refusal(PbxRunner *runner, const PbxTrial *trial, const PbxWorkerMessage *message)
{
    g_autoptr(PbxResultRow) row = row_from_message(trial, message);
    g_autoptr(PbxView) view = view_new(runner, trial, row);
    const char *missing = missing_metric(runner, view);
    return missing != NULL ? missing_text(view, missing, row) : NULL;
}

/* A result that a new attempt repeats: kept, but shown to nobody twice, and no decider judges it.
 */
static void
store_hidden(PbxRunner *runner, PbxTrial *trial, PbxResultRow *row)
{
    g_autoptr(PbxView) view = view_new(runner, trial, row);
    if (runner->spec->metrics[0] == NULL ||
        !view_number(view, runner->spec->metrics[0], &row->value))
        row->value = (double)NAN;
    row->feasible = view->feasible;
    store_row(runner, trial, row, FALSE);
}

/* The answer that was given to it before. */
static void
answer_again(PbxRunner *runner, PbxTrial *trial, guint64 n)
{
    if (runner->stopping && !runner->abandoned)
        end_saved(runner, trial, PBX_END_STOPPED, runner->stop_reason, FALSE);
    else if (!pause_is_due(runner, trial, n))
        workers_answer(runner, trial, n, runner->stopping, FALSE);
}

void
result_enter(PbxRunner *runner, PbxTrial *trial, const PbxWorkerMessage *message)
{
    runner_touch(runner);
    if (runner->fatal != NULL)
        return;
    PbxResultRow *row = row_from_message(trial, message);
    row->seq = ++runner->seq;
    if (row->n <= trial->shown) {
        store_hidden(runner, trial, row);
        answer_again(runner, trial, row->n);
        result_row_free(row);
        return;
    }
    g_autoptr(PbxView) view = view_new(runner, trial, row);
    PbxJudgement judgement = judge(runner, trial, view, row);
    remember(runner, trial, view, row);
    if (row->done && !judgement.ends)
        judge_end(&judgement, PBX_END_COMPLETED, NULL);
    gboolean over = judgement.ends || trial->failing != NULL;
    if (trial->failing != NULL) {
        /* So that another driver counts it, if this one does not come to it. */
        g_free(trial->attempt.error);
        trial->attempt.error = g_strdup(trial->failing);
        trial->attempt_dirty = TRUE;
    }
    row->done = row->done || judgement.ends;
    runner->again_ns = 0;
    store_row(runner, trial, row, TRUE);
    g_clear_pointer(&trial->last, result_row_free);
    trial->last = row;
    const gboolean save =
        judgement.ends && trial->failing == NULL && checkpoints_at_end(runner, trial);
    if (judgement.pauses && !over)
        pause_begin(runner, trial, row->n);
    else
        workers_answer(runner, trial, row->n, over, save);
    if (!judgement.ends && trial->failing == NULL)
        reporter_result(runner->reporter, trial);
    if (judgement.ends && trial->failing == NULL)
        end_saved(runner, trial, judgement.end, judgement.reason, TRUE);
    g_free(judgement.reason);
}
