/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one place where a result enters: checked, then judged, stored, and answered. */
#include <math.h>

#include "experiment/judging-private.h"
#include "experiment/reporter-private.h"

/* The first field that must be there and is not; NULL: all are. */
const char *
result_missing(PbxRunner *runner, PbxView *view)
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
char *
result_missing_text(PbxView *view, const char *name, const PbxResultRow *row)
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

void
result_remember(PbxRunner *runner, PbxTrial *trial, PbxView *view, PbxResultRow *row)
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

void
result_store(PbxRunner *runner, const PbxTrial *trial, const PbxResultRow *row, gboolean shown)
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
    const char *missing = result_missing(runner, view);
    return missing != NULL ? result_missing_text(view, missing, row) : NULL;
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
    result_store(runner, trial, row, FALSE);
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
    judging_begin(runner, trial, row);
}
