/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The model of what goes on, from the driver's own state. Its cost does not grow with the trials
 * that have ended. */
#include <math.h>
#include <string.h>

#include "experiment/reporter-private.h"
#include "store/status-row.h"

const char *
reporter_metric(const PbxRunner *runner, int *sign)
{
    gboolean own = runner->report->metric != NULL;
    const char *metric = own ? runner->report->metric : runner->spec->metrics[0];
    if (sign != NULL)
        *sign = own ? runner->report->sign : metric != NULL ? runner->spec->signs[0] : 0;
    return metric;
}

/* ---- Rows ---- */

typedef struct {
    PbxRunner *runner;
    PbxStatus *status;
    GHashTable *known; /* guint64* to PbxStatusTrial*: of the last model, and made since */
} PbxStatusMaker;

static PbxStatusTrial *
row_for(PbxStatusMaker *maker, const PbxTrial *trial)
{
    PbxRunner *runner = maker->runner;
    PbxStatusTrial *known = g_hash_table_lookup(maker->known, &trial->row.number);
    if (!status_row_is_new(known, &trial->row))
        return status_trial_ref(known);
    /* Its texts come back for the moment. */
    PbxTrial *shown = runner->trials->pdata[trial->row.number];
    const gboolean forgotten = shown->forgotten;
    trial_recall(runner, shown);
    PbxStatusTrial *made =
        status_row_new(runner->store, runner->id, &shown->row, &shown->attempt, shown->last);
    made->value = tally_value(runner, shown);
    status_known_add(maker->known, made);
    if (forgotten)
        trial_forget(runner, shown);
    return made;
}

static void
add_row(PbxStatusMaker *maker, const PbxTrial *trial, guint limit)
{
    GPtrArray *rows = maker->status->rows[trial->row.state];
    if (rows->len < limit)
        g_ptr_array_add(rows, row_for(maker, trial));
}

static int
compare_numbers(gconstpointer a, gconstpointer b)
{
    const PbxTrialRow *one = &(*(PbxTrial *const *)a)->row, *two = &(*(PbxTrial *const *)b)->row;
    return (one->number > two->number) - (one->number < two->number);
}

static void
add_all(PbxStatusMaker *maker, const GPtrArray *trials, guint state, guint limit)
{
    for (guint i = 0; i < trials->len; i++) {
        const PbxTrial *trial = trials->pdata[i];
        if (state == PBX_N_STATES || trial->row.state == state)
            add_row(maker, trial, limit);
    }
}

/* Those that neither run nor have ended; what waits for another run stands in no queue. */
static void
add_pending(PbxStatusMaker *maker, guint limit)
{
    PbxRunner *runner = maker->runner;
    if (runner->interrupts > 0 || runner->abandoned) {
        add_all(maker, runner->trials, PBX_STATE_PENDING, limit);
        return;
    }
    for (guint i = 0; i < runner->workers->len; i++) {
        const PbxWorkerSlot *worker = runner->workers->pdata[i];
        if (worker->trial != NULL && worker->trial->row.state == PBX_STATE_PENDING)
            add_row(maker, worker->trial, limit);
    }
    const GQueue *queues[] = {&runner->resting, &runner->waiting, &runner->parked};
    guint added = 0;
    for (gsize i = 0; i < G_N_ELEMENTS(queues); i++)
        for (GList *item = queues[i]->head; item != NULL && added < limit; item = item->next)
            if (((PbxTrial *)item->data)->row.state == PBX_STATE_PENDING) {
                add_row(maker, item->data, limit);
                added++;
            }
}

static void
add_rows(PbxStatusMaker *maker, const PbxStatusOptions *options)
{
    PbxRunner *runner = maker->runner;
    guint limit = options->max_progress_rows;
    g_autoptr(GPtrArray) running = g_ptr_array_new();
    for (guint i = 0; i < runner->workers->len; i++) {
        const PbxWorkerSlot *worker = runner->workers->pdata[i];
        if (worker->trial != NULL)
            g_ptr_array_add(running, worker->trial);
    }
    for (guint i = 0; i < runner->asked->len; i++)
        g_ptr_array_add(running, runner->asked->pdata[i]);
    g_ptr_array_sort(running, compare_numbers);
    add_all(maker, running, PBX_STATE_RUNNING, limit);
    add_pending(maker, limit);
    if (runner->counts[PBX_STATE_PAUSED] > 0)
        add_all(maker, runner->trials, PBX_STATE_PAUSED, limit);
    g_autoptr(GPtrArray) terminated = tally_terminated(runner->tally);
    g_autoptr(GPtrArray) errors = tally_errors(runner->tally);
    add_all(maker, terminated, PBX_STATE_TERMINATED, limit);
    add_all(maker, errors, PBX_STATE_ERROR, limit);
}

/* For the last report, which has them all. */
static void
add_every(PbxStatusMaker *maker, const PbxStatusOptions *options)
{
    PbxRunner *runner = maker->runner;
    add_all(maker, runner->trials, PBX_N_STATES, G_MAXUINT);
    for (guint i = runner->trials->len; i-- > 0;) {
        const PbxTrial *trial = runner->trials->pdata[i];
        if (trial->row.failures > 0)
            g_ptr_array_add(maker->status->errors, row_for(maker, trial));
    }
    if (!options->sort_by_metric)
        return;
    /* The best ones first; what is no value stays behind them. */
    g_autoptr(GPtrArray) sorted = tally_terminated(runner->tally);
    GPtrArray *rows = maker->status->rows[PBX_STATE_TERMINATED];
    g_autoptr(GPtrArray) others =
        g_ptr_array_copy(rows, (GCopyFunc)(gpointer)status_trial_ref, NULL);
    g_ptr_array_set_free_func(others, (GDestroyNotify)status_trial_unref);
    g_ptr_array_set_size(rows, 0);
    add_all(maker, sorted, PBX_STATE_TERMINATED, G_MAXUINT);
    g_autoptr(GHashTable) there = g_hash_table_new(g_int64_hash, g_int64_equal);
    for (guint i = 0; i < rows->len; i++)
        status_known_add(there, rows->pdata[i]);
    for (guint i = 0; i < others->len; i++) {
        PbxStatusTrial *trial = others->pdata[i];
        if (!g_hash_table_contains(there, &trial->number))
            g_ptr_array_add(rows, status_trial_ref(trial));
    }
}

static void
add_errors(PbxStatusMaker *maker, const PbxStatusOptions *options)
{
    g_autoptr(GPtrArray) failed = tally_failures(maker->runner->tally);
    for (guint i = 0; i < MIN(failed->len, options->max_error_rows); i++)
        g_ptr_array_add(maker->status->errors, row_for(maker, failed->pdata[i]));
}

/* ---- The head ---- */

typedef struct {
    PbxStatus *status;
    const char *label;
} Deciders;

static gboolean
add_one_decider(PbxSlot *slot, gpointer user)
{
    const Deciders *deciders = user;
    g_autofree char *text = decider_describe(slot->decider);
    if (text != NULL)
        status_add_line(deciders->status->lines, deciders->label, text);
    return TRUE;
}

/* What it wraps says of itself first. */
static void
add_decider(PbxStatus *status, const char *label, PbxSlot *slot)
{
    Deciders deciders = {status, label};
    if (slot != NULL)
        slot_each(slot, add_one_decider, &deciders);
}

static void
add_resources(const PbxRunner *runner, PbxStatus *status)
{
    const PbxSpec *spec = runner->spec;
    guint busy = workers_busy(runner);
    status_add_resource(status, "CPUs", busy * spec->cpu, runner->total_cpu, FALSE);
    if (spec->memory > 0)
        status_add_resource(status, "GiB asked for", (double)busy * (double)spec->memory,
                            (double)runner->total_memory, TRUE);
    if (spec->max_concurrent_trials > 0)
        status_add_resource(status, "trials at once", busy, runner->slots, FALSE);
    status_read_memory(&status->memory_used, &status->memory_total);
}

static void
add_times(const PbxRunner *runner, const PbxStatusOptions *options, PbxStatus *status)
{
    gint64 total = options->total_samples > 0 ? options->total_samples : runner->total;
    double budget = runner->spec->time_budget_s;
    status->wall_ns = runner_wall(runner);
    status->elapsed_s = (double)(clock_now(runner->clock) - runner->started_ns) / (double)NS_PER_S;
    status->left_s = tally_left_s(runner->tally, total);
    double rest = budget - status->elapsed_s;
    if (budget > 0 && (isnan(status->left_s) || rest < status->left_s)) {
        status->left_s = MAX(rest, 0);
        status->over_budget = TRUE;
    }
}

static const char *
state_of(const PbxRunner *runner)
{
    if (!runner->finished)
        return "running";
    if (runner->interrupts > 0)
        return "interrupted";
    return runner->counts[PBX_STATE_PENDING] > 0 ? "stopped" : "done";
}

static void
add_head(PbxRunner *runner, const PbxStatusOptions *options, PbxStatus *status)
{
    status->name = g_strdup(runner->name);
    status->dir = g_strdup(runner->dir);
    status->state = g_strdup(state_of(runner));
    if (runner->stopping || runner->interrupts > 0)
        status->stopping = g_strdup(runner->stopping ? runner->stop_reason : "interrupted");
    memcpy(status->counts, runner->counts, sizeof status->counts);
    status->early_stopped = tally_early_stopped(runner->tally);
    status->n_errors = tally_n_failed(runner->tally);
    status->total = runner->total;
    status->parameters = g_strdupv((char **)space_varied(runner->spec->space));
    status->metric = g_strdup(runner->spec->metrics[0]);
    status->sign = runner->spec->metrics[0] != NULL ? runner->spec->signs[0] : 0;
    if (spec_n_objectives(runner->spec) > 1)
        status->further = g_strdupv(runner->spec->metrics + 1);
    status->constrained = runner->spec->constraints->len > 0;
    status->ever = tally_ever(runner->tally, &status->ever_trial);
    const GArray *history = tally_history(runner->tally);
    g_array_append_vals(status->history, history->data, history->len);
    if (isfinite(status->ever))
        g_array_append_val(status->history, status->ever);
    add_times(runner, options, status);
    add_resources(runner, status);
    add_decider(status, "scheduler", runner->scheduler);
    add_decider(status, "search", runner->search);
    for (guint i = 0; runner->stoppers != NULL && i < runner->stoppers->len; i++)
        add_decider(status, "stop", runner->stoppers->pdata[i]);
    status_add_waits(runner, status);
}

PbxStatus *
status_of_runner(PbxRunner *runner, const PbxStatusOptions *options, const PbxStatus *before,
                 PbxStatusRows rows)
{
    PbxStatus *status = status_new();
    g_autoptr(GHashTable) known = status_known_new(before);
    PbxStatusMaker maker = {runner, status, known};
    add_head(runner, options, status);
    PbxTrial *best = rows != STATUS_LIVE ? tally_best(runner->tally) : NULL;
    if (best != NULL)
        status->best = row_for(&maker, best);
    if (rows == STATUS_ROWS) {
        add_errors(&maker, options);
        add_rows(&maker, options);
    }
    if (rows == STATUS_ALL)
        add_every(&maker, options);
    return status;
}
