/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trials that were made in another process, as the store has them. */
#include <math.h>
#include <string.h>

#include "experiment/budgets-private.h"
#include "experiment/reporter-private.h"

PbxTrial *
trial_restore(PbxRunner *runner, PbxTrialRow *taken, GError **error)
{
    PbxTrial *trial = g_new0(PbxTrial, 1);
    PbxTrialRow *row = &trial->row;
    *row = *taken;
    g_free(taken);
    trial->budget = budgets_find(runner, row->bracket, row->rung);
    trial->ending = -1;
    trial->ended = row->end >= 0;
    trial->asked =
        row->state == PBX_STATE_RUNNING && g_strcmp0(row->reason, STORE_REASON_ASKED) == 0;
    if (row->dir != NULL)
        trial->dir = g_build_filename(runner->dir, row->dir, NULL);
    trial->attempt = (PbxAttemptRow){.trial = row->number};
    g_autoptr(GError) failed = NULL;
    trial->config = json_read(row->config, strlen(row->config), DOC_MAX_NESTING, &failed);
    if (failed == NULL && row->attempts > 0)
        (void)store_attempt(runner->store, row->number, row->attempts, &trial->attempt, &failed);
    if (failed == NULL && row->last_seq > 0)
        trial->last = store_result(runner->store, row->last_seq, &failed);
    trial->shown = trial->last != NULL ? trial->last->n : 0;
    if (failed == NULL)
        return trial;
    g_propagate_error(error, g_steal_pointer(&failed));
    trial_free(trial);
    return NULL;
}

/* ---- For a driver: all of them ---- */

/* What the callback of one read gathers. */
typedef struct {
    PbxRunner *runner;
    GPtrArray *left, *ended; /* PbxTrial* */
    GError *error;
} PbxRestoring;

/* Of one that has ended no more is needed than of one that ended in this process. */
static PbxTrial *
restore_ended(PbxRunner *runner, const PbxTrialRow *row)
{
    PbxTrial *trial = g_new0(PbxTrial, 1);
    PbxTrialRow short_row = *row;
    trial->ended = TRUE;
    trial->forgotten = runner->configs == NULL; /* whose keys the configs are */
    if (trial->forgotten) {
        short_row.tag = short_row.dir = short_row.config = short_row.extra = NULL;
        short_row.x = NULL;
    }
    g_autofree PbxTrialRow *copy = trial_row_copy(&short_row);
    trial->row = *copy;
    trial->budget = budgets_find(runner, row->bracket, row->rung);
    trial->told = (double)NAN;
    trial->ending = -1;
    trial->attempt = (PbxAttemptRow){.trial = row->number};
    return trial;
}

/* Its run had ended, the pause that was decided before was still to come. */
static gboolean
may_owe_pause(const PbxTrial *trial)
{
    return trial->row.state == PBX_STATE_PENDING && trial->last != NULL &&
           trial->last->action == PBX_ACTION_PAUSE;
}

static void
sort_into_queue(PbxRestoring *restoring, PbxTrial *trial)
{
    PbxRunner *runner = restoring->runner;
    if (trial->ended)
        g_ptr_array_add(restoring->ended, trial);
    else if (trial->asked)
        g_ptr_array_add(runner->asked, trial);
    else if (trial->row.state == PBX_STATE_RUNNING || may_owe_pause(trial))
        g_ptr_array_add(restoring->left, trial);
    else
        queue_return(runner, trial);
}

static gboolean
take_row(const PbxTrialRow *row, gpointer user)
{
    PbxRestoring *restoring = user;
    PbxRunner *runner = restoring->runner;
    /* Of one that a repair has made its directory may be lost too. */
    if (row->number != runner->trials->len || row->name == NULL ||
        (row->dir == NULL && row->end != PBX_END_VOID)) {
        g_set_error(&restoring->error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                    "%s: what its store has of trial %" G_GUINT64_FORMAT " is not whole",
                    runner->dir, row->number);
        return FALSE;
    }
    PbxTrial *trial = row->end >= 0 ? restore_ended(runner, row)
                                    : trial_restore(runner, trial_row_copy(row), &restoring->error);
    if (trial == NULL)
        return FALSE;
    g_ptr_array_add(runner->trials, trial);
    runner->counts[row->state]++;
    runner->any_report = runner->any_report || row->n_results > 0 ||
                         row->end == PBX_END_COMPLETED || row->end == PBX_END_EARLY_STOPPED;
    if (row->end != PBX_END_VOID)
        duplicates_add(runner, trial);
    if (runner->spec->trial_dirname != NULL && row->dir != NULL)
        g_hash_table_add(runner->dirnames, g_strdup(row->dir));
    if (!trial->ended)
        naming_show(runner, trial);
    /* What was interrupted goes on first. */
    if (row->state == PBX_STATE_PENDING && row->attempts > 0 &&
        g_strcmp0(row->reason, STORE_REASON_INTERRUPTED) == 0)
        trial->row.queued = 0;
    sort_into_queue(restoring, trial);
    return runner->fatal == NULL;
}

static int
compare_ends(gconstpointer a, gconstpointer b)
{
    const PbxTrialRow *one = &(*(PbxTrial *const *)a)->row, *two = &(*(PbxTrial *const *)b)->row;
    if (one->ended_ns != two->ended_ns)
        return one->ended_ns < two->ended_ns ? -1 : 1;
    return (one->number > two->number) - (one->number < two->number);
}

gboolean
runner_restore(PbxRunner *runner, GPtrArray *left, GError **error)
{
    g_autoptr(GPtrArray) ended = g_ptr_array_new();
    PbxRestoring restoring = {runner, left, ended, NULL};
    gboolean read = store_each_trial(runner->store, take_row, &restoring, error);
    if (read && runner->fatal != NULL)
        restoring.error = g_steal_pointer(&runner->fatal);
    if (restoring.error != NULL) {
        g_propagate_error(error, restoring.error);
        return FALSE;
    }
    if (!read)
        return FALSE;
    g_ptr_array_sort(ended, compare_ends);
    return tally_restore(runner, ended, error);
}

static guint64
count_fact(PbxStore *store, const char *key)
{
    g_autofree char *text = store_fact(store, key);
    return text != NULL ? g_ascii_strtoull(text, NULL, 10) : 0;
}

void
runner_restore_counts(PbxRunner *runner)
{
    PbxStore *store = runner->store;
    budgets_forget(runner);
    runner->seq = store_last_seq(store);
    runner->n_inputs = store_last_input(store);
    runner->asks = MAX(store_next_ask(store), count_fact(store, "asks"));
    runner->skipped = count_fact(store, "skipped");
    runner->enqueued = count_fact(store, "enqueued");
}

/* How a trial has ended whose end was decided, and committed, but waited for a last save. FALSE: it
 * was not decided. */
static gboolean
find_end(const PbxRunner *runner, PbxTrial *trial, guint *end)
{
    const PbxResultRow *last = trial->last;
    g_autofree char *stopped_by = store_fact(runner->store, END_STOPPED_BY);
    const gboolean stopped =
        trial->row.reason != NULL && (g_str_equal(trial->row.reason, STORE_REASON_USER) ||
                                      g_strcmp0(trial->row.reason, stopped_by) == 0);
    const gboolean by_itself = g_strcmp0(trial->row.reason, STORE_REASON_DONE) == 0;
    const gboolean decided = last != NULL && (last->done || last->action == PBX_ACTION_STOP ||
                                              last->action == PBX_ACTION_COMPLETE);
    if (!stopped && !by_itself && !decided)
        return FALSE;
    *end = stopped                           ? PBX_END_STOPPED
           : by_itself                       ? PBX_END_COMPLETED
           : last->action == PBX_ACTION_STOP ? PBX_END_EARLY_STOPPED
                                             : PBX_END_COMPLETED;
    if (by_itself)
        g_clear_pointer(&trial->row.reason, g_free);
    return TRUE;
}

void
trial_left(PbxRunner *runner, PbxTrial *trial)
{
    guint end = 0;
    /* A result had failed it, and its worker was to end. */
    if (trial->attempt.error != NULL && trial->attempt.ended_ns < 0) {
        g_autofree char *message = g_strdup(trial->attempt.error);
        end_failed(runner, trial, message);
        return;
    }
    if (find_end(runner, trial, &end)) {
        g_autofree char *reason = g_strdup(trial->row.reason);
        end_trial(runner, trial, end, reason);
        return;
    }
    trial->attempt.ended_ns = runner_wall(runner);
    trial->attempt_dirty = TRUE;
    g_free(trial->row.reason);
    trial->row.reason = g_strdup(STORE_REASON_INTERRUPTED);
    trial->row.queued = 0; /* first of all */
    trial_set_state(runner, trial, PBX_STATE_PENDING, PBX_WHY_RETRY);
}

/* ---- Without a driver: one by one ---- */

PbxTrial *
runner_restored(PbxRunner *runner, guint64 number, GError **error)
{
    g_autoptr(GError) failed = NULL;
    GPtrArray *trials = runner->trials;
    if (number < trials->len && trials->pdata[number] != NULL)
        return trials->pdata[number];
    PbxTrialRow *row = number < trials->len ? store_trial(runner->store, number, &failed) : NULL;
    PbxTrial *trial = row != NULL ? trial_restore(runner, row, &failed) : NULL;
    if (trial != NULL) {
        trials->pdata[number] = trial;
        g_array_append_val(runner->restored, number);
        return trial;
    }
    if (failed == NULL)
        g_set_error(&failed, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "no trial '%" G_GUINT64_FORMAT "' in %s", number, runner->name);
    g_propagate_error(error, g_steal_pointer(&failed));
    return NULL;
}

void
runner_forget(PbxRunner *runner, guint n_before)
{
    g_queue_clear(&runner->waiting);
    g_queue_clear(&runner->resting);
    g_queue_clear(&runner->paused);
    g_queue_clear(&runner->parked);
    g_ptr_array_set_size(runner->dirty, 0);
    g_ptr_array_set_size(runner->asked, 0);
    for (guint i = 0; i < runner->restored->len; i++) {
        guint64 number = g_array_index(runner->restored, guint64, i);
        trial_free(runner->trials->pdata[number]);
        runner->trials->pdata[number] = NULL;
    }
    g_array_set_size(runner->restored, 0);
    for (guint i = n_before; i < runner->trials->len; i++) {
        trial_free(runner->trials->pdata[i]);
        runner->trials->pdata[i] = NULL;
    }
}
