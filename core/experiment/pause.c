/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trials that pause: saved and without a worker, until they are picked or let go on. */
#include "experiment/checkpoints-private.h"
#include "experiment/judging-private.h"
#include "experiment/workers-private.h"

#define IDLE_PATIENCE_S 2    /* of a search that may yet give a trial */
#define MAX_BEHIND      1000 /* results that come of one that waits to be paused */

gboolean
pause_is_users(const PbxTrial *trial)
{
    return g_strcmp0(trial->row.reason, STORE_REASON_PAUSED) == 0;
}

static void
set_reason(PbxTrial *trial, char *reason /* (transfer full) */)
{
    g_free(trial->row.reason);
    trial->row.reason = reason;
}

static char *
scheduler_text(const PbxRunner *runner)
{
    return g_strdup_printf("paused by scheduler/%s", runner->scheduler->use->plugin->desc->name);
}

/* ---- What came of a trial that is to be paused ---- */

typedef struct {
    PbxWorkerMessage message;
    char *fields;
} Behind;

static void
behind_free(gpointer data)
{
    Behind *behind = data;
    g_free(behind->fields);
    g_free(behind);
}

static void
forget_behind(PbxTrial *trial)
{
    g_clear_pointer(&trial->behind, g_ptr_array_unref);
}

gboolean
pause_holds_back(PbxTrial *trial, const PbxWorkerMessage *message)
{
    if (!trial->kept &&
        (trial->pause == PAUSE_NONE || trial->pause == PAUSE_DUE || trial->pause_by_user))
        return FALSE;
    if (trial->behind == NULL)
        trial->behind = g_ptr_array_new_with_free_func(behind_free);
    if (trial->pause == PAUSE_SAVED || trial->behind->len >= MAX_BEHIND)
        return TRUE; /* it comes again, once the trial goes on from what was saved */
    Behind *behind = g_new0(Behind, 1);
    behind->message = *message;
    behind->message.fields_text = behind->fields = g_strdup(message->fields_text);
    g_ptr_array_add(trial->behind, behind);
    return TRUE;
}

/* ---- Pausing ---- */

void
pause_begin(PbxRunner *runner, PbxTrial *trial, guint64 n)
{
    trial->pause = PAUSE_SAVING;
    trial->pause_by_user = FALSE;
    trial->pause_n = n;
    workers_answer(runner, trial, n, FALSE, TRUE);
}

void
pause_ask(PbxRunner *runner, PbxTrial *trial)
{
    if (trial->pause == PAUSE_SAVING || trial->pause == PAUSE_SAVED)
        return;
    trial->pause = PAUSE_SAVING;
    trial->pause_by_user = TRUE;
    workers_save(runner, trial);
}

void
pause_unask(PbxTrial *trial)
{
    if (trial->pause == PAUSE_SAVING && trial->pause_by_user)
        trial->pause = PAUSE_NONE;
}

/* It has no worker any more: what it goes on from is saved. */
static void
enter_state(PbxRunner *runner, PbxTrial *trial)
{
    const gboolean user = trial->pause_by_user;
    g_autofree char *text = user ? g_strdup(STORE_REASON_PAUSED) : scheduler_text(runner);
    trial->pause = PAUSE_NONE;
    /* What came after the save comes again; only one that keeps its worker has it for later. */
    if (!trial->kept)
        forget_behind(trial);
    set_reason(trial, g_strdup(text));
    trial_set_state(runner, trial, PBX_STATE_PAUSED, user ? PBX_WHY_USER : PBX_WHY_PAUSED);
    runner_event(runner, PBX_EVENT_PAUSE, trial, text);
    if (user && !trial->row.held && !runner->held)
        pause_let_go(runner, trial);
    else
        queue_add(runner, trial);
}

/* Nothing was saved, and nothing is to be lost: it waits where it is. */
static void
keep(PbxRunner *runner, PbxTrial *trial, const char *why)
{
    if (!runner->warned_kept) {
        g_autofree char *line = g_strdup_printf(
            "trial %" G_GUINT64_FORMAT " is to pause, but is not saved (%s): such trials keep "
            "their programs, and their places",
            trial->row.number, why != NULL ? why : "it gave no reason");
        runner_log_trial(runner, trial, PBX_LOG_WARNING, line);
        runner->warned_kept = TRUE;
    }
    trial->kept = TRUE;
    runner->n_kept++;
    limits_hold(trial->worker);
    enter_state(runner, trial);
}

/* A user's wish that cannot be. */
static void
give_up(PbxRunner *runner, PbxTrial *trial, const char *why)
{
    g_autofree char *line =
        g_strdup_printf("trial %" G_GUINT64_FORMAT " runs on, as it cannot be saved: %s",
                        trial->row.number, why != NULL ? why : "it gave no reason");
    runner_log_trial(runner, trial, PBX_LOG_WARNING, line);
    trial->pause = PAUSE_NONE;
}

void
pause_saved(PbxRunner *runner, PbxTrial *trial, gboolean ok, const char *why)
{
    if (trial->pause != PAUSE_SAVING)
        return;
    if (ok) {
        trial->pause = PAUSE_SAVED;
        forget_behind(trial);
        workers_stop_run(runner, trial, FALSE);
    } else if (trial->pause_by_user) {
        give_up(runner, trial, why);
    } else {
        keep(runner, trial, why);
    }
}

gboolean
pause_ended(PbxRunner *runner, PbxTrial *trial)
{
    if (trial->pause != PAUSE_SAVED || trial->ended || trial->failing != NULL)
        return FALSE;
    trial->attempt.ended_ns = runner_wall(runner);
    trial->attempt_dirty = TRUE;
    enter_state(runner, trial);
    return TRUE;
}

/* The kept one is no more. */
static void
unkeep(PbxRunner *runner, PbxTrial *trial)
{
    if (!trial->kept)
        return;
    queue_remove(trial);
    trial->kept = FALSE;
    runner->n_kept--;
}

void
pause_forget(PbxRunner *runner, PbxTrial *trial)
{
    unkeep(runner, trial);
    forget_behind(trial);
    trial->pause = PAUSE_NONE;
}

void
pause_failed(PbxRunner *runner, PbxTrial *trial)
{
    const gboolean due = trial->pause != PAUSE_NONE && !trial->pause_by_user;
    pause_forget(runner, trial);
    if (due)
        trial->pause = PAUSE_DUE;
}

gboolean
pause_settle(PbxRunner *runner, PbxTrial *trial)
{
    GError *error = NULL;
    if (trial->pause != PAUSE_DUE || runner->fatal != NULL)
        return FALSE;
    g_autoptr(PbxCheckpointRow) newest =
        checkpoints_newest(runner->store, trial->row.number, &error);
    if (error != NULL)
        runner_fail(runner, error);
    if (newest == NULL || newest->n < trial->pause_n)
        return FALSE;
    trial->pause_by_user = FALSE;
    enter_state(runner, trial);
    return TRUE;
}

gboolean
pause_is_due(PbxRunner *runner, PbxTrial *trial, guint64 n)
{
    if (trial->pause != PAUSE_DUE || n < trial->pause_n)
        return FALSE;
    pause_begin(runner, trial, n);
    return TRUE;
}

/* ---- Going on ---- */

/* Both own what they point to: the trial may end over any of them. */
static void
enter_behind(PbxRunner *runner, PbxTrial *trial)
{
    g_autoptr(GPtrArray) behind = g_steal_pointer(&trial->behind);
    for (guint i = 0; behind != NULL && i < behind->len; i++) {
        const Behind *next = behind->pdata[i];
        if (!trial->ended && trial->failing == NULL && !pause_holds_back(trial, &next->message) &&
            !judging_holds_back(trial, &next->message))
            result_enter(runner, trial, &next->message);
    }
}

void
pause_go_on(PbxRunner *runner, PbxTrial *trial)
{
    unkeep(runner, trial);
    limits_release(trial->worker);
    set_reason(trial, NULL);
    trial_set_state(runner, trial, PBX_STATE_RUNNING, PBX_WHY_STARTED);
    workers_answer(runner, trial, trial->pause_n, FALSE, FALSE);
    enter_behind(runner, trial);
}

void
pause_let_go(PbxRunner *runner, PbxTrial *trial)
{
    if (!pause_is_users(trial) || trial->row.state != PBX_STATE_PAUSED)
        return;
    set_reason(trial, NULL);
    trial_set_state(runner, trial, PBX_STATE_PENDING, PBX_WHY_USER);
    queue_add(runner, trial);
}

/* ---- Nothing runs, and nobody picks those that pause ---- */

gboolean
pause_is_idle(const PbxRunner *runner)
{
    return runner->counts[PBX_STATE_RUNNING] == 0 && runner->resting.length == 0 &&
           runner->asking == NULL && runner->choosing == NULL &&
           workers_busy(runner) == runner->n_kept;
}

void
pause_idle(PbxRunner *runner, gboolean room)
{
    const gint64 now = clock_now(runner->clock);
    /* A search that gives nothing now may do so yet, but hardly for want of time. */
    const gboolean may_come =
        !runner->exhausted && room && runner->waiting.length == 0 &&
        (runner->starved_ns == 0 || now - runner->starved_ns < IDLE_PATIENCE_S * NS_PER_S);
    if (runner->paused.length == 0 || may_come)
        return;
    const char *name = runner->scheduler->use->plugin->desc->name;
    g_autofree char *line =
        g_strdup_printf("scheduler/%s has paused %u trials and picks none of them though nothing "
                        "runs: they are stopped",
                        name, runner->paused.length);
    g_autofree char *reason = g_strdup_printf("paused, and not picked again by scheduler/%s", name);
    runner_log("runner", PBX_LOG_WARNING, line, runner);
    for (PbxTrial *trial; (trial = g_queue_peek_head(&runner->paused)) != NULL;) {
        queue_remove(trial);
        end_trial(runner, trial, PBX_END_STOPPED, reason);
        workers_stop_run(runner, trial, FALSE);
    }
}

/* ---- What another driver has left ---- */

typedef struct {
    guint64 trial, last;
    guint n;
    gboolean paused;
} Search;

static gboolean
look_for_pause(const PbxEventRow *event, const PbxResultRow *result, gpointer user)
{
    Search *search = user;
    (void)result;
    search->n++;
    search->last = event->seq;
    search->paused = event->trial == search->trial && event->type == PBX_EVENT_PAUSE;
    return !search->paused;
}

gboolean
pause_restore(PbxRunner *runner, PbxTrial *trial, GError **error)
{
    enum { CHUNK = 1000 };
    const PbxResultRow *last = trial->last;
    if (last == NULL || last->action != PBX_ACTION_PAUSE || trial->ended)
        return TRUE;
    Search search = {.trial = trial->row.number, .last = last->seq};
    do {
        search.n = 0;
        if (!store_each_event(runner->store, search.last, CHUNK, look_for_pause, &search, error))
            return FALSE;
    } while (!search.paused && search.n == CHUNK);
    if (!search.paused) {
        trial->pause = PAUSE_DUE;
        trial->pause_n = last->n;
        (void)pause_settle(runner, trial);
    }
    return TRUE;
}
