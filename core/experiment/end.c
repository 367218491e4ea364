/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a trial ends, fails, or is tried again. */
#include <math.h>

#include "experiment/checkpoints-private.h"
#include "experiment/judging-private.h"
#include "experiment/reporter-private.h"

#define REST_S     0.1 /* after an attempt without a report, then twice as long */
#define REST_MAX_S 30

pbx_outcome
end_outcome(const PbxRunner *runner, const PbxTrial *trial)
{
    return (pbx_outcome){
        .struct_size = sizeof(pbx_outcome),
        .flags = runner->exhausted ? PBX_OUTCOME_NO_MORE_TRIALS : 0,
        .end = (guint32)trial->row.end,
        .n_dims = trial->row.n_dims,
        .trial = trial->row.number,
        .origin = trial->row.origin,
        .x = trial->row.x,
        .budget = trial->budget,
        .elapsed_s = trial->row.time_total_s,
    };
}

void
end_tell(PbxRunner *runner, PbxSlot *slot, PbxCallId id, PbxTrial *trial, PbxView *last,
         guint32 flags)
{
    pbx_outcome outcome = end_outcome(runner, trial);
    outcome.flags |= flags;
    PbxCall call = slot_tell(slot, id, &outcome, last);
    if (call.status < 0) {
        GError *error = NULL;
        decider_set_error(slot->decider, &call, &error);
        runner_fail(runner, error);
    }
}

void
end_trial(PbxRunner *runner, PbxTrial *trial, guint end, const char *reason)
{
    if (trial->ended)
        return;
    queue_remove(trial);
    pause_forget(runner, trial);
    trial->ended = TRUE;
    asked_over(runner, trial);
    trial->row.end = (int)end;
    trial->row.ended_ns = trial->attempt.ended_ns = runner_wall(runner);
    trial->attempt_dirty = trial->row.attempts > 0;
    g_free(trial->row.reason);
    trial->row.reason = g_strdup(reason);
    trial_touch(runner, trial);

    g_autoptr(PbxView) last = trial->last != NULL ? view_new(runner, trial, trial->last) : NULL;
    end_tell(runner, runner->scheduler, CALL_SCHEDULER_END, trial, last, 0);
    end_tell(runner, runner->search, CALL_SEARCH_TELL, trial, last, 0);
    for (guint i = 0; i < runner->stoppers->len; i++)
        end_tell(runner, runner->stoppers->pdata[i], CALL_STOPPER_END, trial, last, 0);
    gboolean failed = end == PBX_END_FAILED;
    trial_set_state(runner, trial, failed ? PBX_STATE_ERROR : PBX_STATE_TERMINATED,
                    PBX_WHY_STARTED);
    runner_event(runner, failed ? PBX_EVENT_ERROR : PBX_EVENT_COMPLETE, trial, reason);
    checkpoints_ended(runner, trial);
    tally_ended(runner->tally, trial);
    reporter_ended(runner->reporter, trial);
    runner->again_ns = 0;
    if (!failed && end != PBX_END_STOPPED)
        runner->any_report = TRUE;
    judging_cancel(runner, trial);
}

/* ... as this one would. */
static void
end_store_stop(PbxRunner *runner)
{
    GError *error = NULL;
    if (runner->fatal == NULL &&
        !store_put_fact(runner->store, END_STOPPED_BY, runner->stop_reason, &error))
        runner_fail(runner, error);
}

void
end_saved(PbxRunner *runner, PbxTrial *trial, guint end, const char *reason, gboolean told)
{
    if (trial->ended || trial->ending >= 0)
        return;
    if (!checkpoints_at_end(runner, trial)) {
        end_trial(runner, trial, end, reason);
        if (!told)
            workers_stop_run(runner, trial, FALSE);
        return;
    }
    trial->ending = (gint)end;
    g_free(trial->end_reason);
    trial->end_reason = g_strdup(reason);
    /* So that another driver ends it, if this one does not come to it. */
    g_free(trial->row.reason);
    trial->row.reason = g_strdup(reason);
    trial_touch(runner, trial);
    if (runner->stopping && end == PBX_END_STOPPED)
        end_store_stop(runner);
    if (!told)
        workers_stop_run(runner, trial, TRUE);
    judging_cancel(runner, trial);
}

void
end_done(PbxRunner *runner, PbxTrial *trial)
{
    if (trial->ended || trial->ending >= 0)
        return;
    pause_forget(runner, trial);
    trial->ending = PBX_END_COMPLETED;
    g_clear_pointer(&trial->end_reason, g_free);
    g_free(trial->row.reason);
    trial->row.reason = g_strdup(STORE_REASON_DONE);
    trial_touch(runner, trial);
}

/* Whatever came of the save. */
static gboolean
end_ending(PbxRunner *runner, PbxTrial *trial)
{
    if (trial->ending < 0)
        return FALSE;
    g_clear_pointer(&trial->failing, g_free);
    end_trial(runner, trial, (guint)trial->ending, trial->end_reason);
    return TRUE;
}

/* Ends the experiment without its other trials: they stay PENDING, so that it can go on once
 * the mistake is mended. What runs is asked to end now: nobody waits for its next report. */
static void
abandon(PbxRunner *runner, const char *reason)
{
    runner->abandoned = TRUE;
    judging_let_all_go(runner);
    runner_stop_all(runner, reason);
    for (guint i = 0; i < runner->workers->len; i++) {
        PbxWorkerSlot *worker = runner->workers->pdata[i];
        if (worker->trial != NULL && !worker->trial->ended && worker->trial->ending < 0)
            workers_stop_run(runner, worker->trial, checkpoints_wanted(runner));
    }
}

/* Where nothing ever reports, retries do not help. A trial counts once, with its first death. */
static void
count_death(PbxRunner *runner, const PbxTrial *trial)
{
    if (runner->any_report || runner->stopping || trial->asked || trial->row.failures != 1)
        return;
    runner->n_deaths++;
    if (runner->spec->fail_fast == FAIL_FAST_EARLY && runner->n_deaths >= MAX(3, runner->slots)) {
        g_autofree char *reason = g_strdup_printf(
            "the first %s%" G_GUINT64_FORMAT " trials failed before one report",
            runner->spec->max_failures == 0 ? "" : "attempts of ", runner->n_deaths);
        abandon(runner, reason);
    }
}

static void
fail_fast(PbxRunner *runner, const PbxTrial *trial)
{
    if (runner->stopping || runner->spec->fail_fast != FAIL_FAST_ALWAYS)
        return;
    g_autofree char *reason = g_strdup_printf("fail_fast: trial %s failed", trial->row.name);
    abandon(runner, reason);
}

/* ---- Another attempt ---- */

/* One that dies at once must not keep a core busy with its attempts. */
static void
try_again(PbxRunner *runner, PbxTrial *trial, const char *message)
{
    pause_failed(runner, trial);
    runner_event(runner, PBX_EVENT_RETRY, trial, message);
    if (pause_settle(runner, trial))
        return;
    trial_set_state(runner, trial, PBX_STATE_PENDING, PBX_WHY_RETRY);
    if (trial->silent == 0 || trial->row.held) {
        queue_add(runner, trial);
        return;
    }
    double rest_s = MIN(REST_S * exp2(MIN(trial->silent, 20) - 1), REST_MAX_S);
    queue_rest(runner, trial, clock_now(runner->clock) + (gint64)(rest_s * NS_PER_S));
}

/* The tick looks for them often enough. */
void
end_rests(PbxRunner *runner)
{
    gint64 now = clock_now(runner->clock);
    for (GList *item = runner->resting.head, *next; item != NULL; item = next) {
        PbxTrial *trial = item->data;
        next = item->next;
        if (trial->rests_until_ns > now)
            continue;
        queue_add(runner, trial);
    }
}

void
end_failed(PbxRunner *runner, PbxTrial *trial, const char *message)
{
    if (trial->ended || end_ending(runner, trial))
        return;
    trial->row.failures++;
    g_free(trial->row.error);
    trial->row.error = g_strdup(message);
    g_free(trial->attempt.error);
    trial->attempt.error = g_strdup(message);
    trial->attempt.ended_ns = runner_wall(runner);
    trial_touch(runner, trial);
    /* At once: a retry may begin in this very turn, with a row of its own. */
    trial_store_attempt(runner, trial);
    failure_write(runner, trial, message);

    count_death(runner, trial);
    gint64 allowed = runner->spec->max_failures;
    gboolean again = (allowed < 0 || (gint64)trial->row.failures <= allowed) &&
                     (!runner->stopping || runner->hindrance != NULL) && runner->interrupts == 0;
    tally_failed(runner->tally, trial);
    reporter_failed(runner->reporter, trial, message, again);
    if (again) {
        try_again(runner, trial, message);
        return;
    }
    end_trial(runner, trial, PBX_END_FAILED, message);
    fail_fast(runner, trial);
}

void
end_interrupted(PbxRunner *runner, PbxTrial *trial)
{
    trial->attempt.ended_ns = runner_wall(runner);
    trial->attempt_dirty = TRUE;
    g_free(trial->row.reason);
    trial->row.reason = g_strdup(STORE_REASON_INTERRUPTED);
    pause_forget(runner, trial);
    trial_set_state(runner, trial, PBX_STATE_PENDING, PBX_WHY_USER);
}

/* Stopped from outside: kept as it is where a person interrupted the run. */
static void
end_stopped(PbxRunner *runner, PbxTrial *trial)
{
    if (runner->interrupts > 0 || runner->abandoned) {
        end_interrupted(runner, trial);
    } else if (runner->stopping) {
        end_trial(runner, trial, PBX_END_STOPPED, runner->stop_reason);
    } else {
        end_trial(runner, trial, PBX_END_COMPLETED, NULL);
    }
}

void
end_hindered(PbxRunner *runner, PbxTrial *trial, const char *message)
{
    if (trial->ended || end_ending(runner, trial))
        return;
    runner_touch(runner);
    if (!runner->stopping && runner->interrupts == 0) {
        runner->hindrance = g_error_new(PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                                        "trial %" G_GUINT64_FORMAT
                                        " cannot run: %s; once that is mended, resume goes on",
                                        trial->row.number, message);
        abandon(runner, message);
    }
    const gboolean begun = trial->row.state == PBX_STATE_RUNNING || trial->kept;
    if (!begun && (runner->interrupts > 0 || runner->abandoned))
        queue_return(runner, trial);
    else
        end_stopped(runner, trial);
}

void
end_of_run(PbxRunner *runner, PbxTrial *trial, const PbxWorkerMessage *message)
{
    trial->worker = NULL;
    if (trial->ended) {
        if (!trial->row_dirty)
            trial_forget(runner, trial);
        return;
    }
    runner_touch(runner);
    if (end_ending(runner, trial) || pause_ended(runner, trial))
        return;
    if (trial->deaf) {
        end_interrupted(runner, trial);
    } else if (trial->failing != NULL) {
        g_autofree char *failing = g_steal_pointer(&trial->failing);
        end_failed(runner, trial, failing);
    } else if (message->end == WORKER_FAILED && message->fatal) {
        end_hindered(runner, trial, message->text != NULL ? message->text : "its host says no");
    } else if (message->end == WORKER_FAILED && runner->interrupts == 0) {
        end_failed(runner, trial, message->text != NULL ? message->text : "failed");
    } else if (message->end == WORKER_INTERRUPTED) {
        if (runner->interrupts == 0)
            runner_interrupt(runner, "interrupted at the terminal");
        end_interrupted(runner, trial);
    } else if (message->end == WORKER_DONE) {
        end_trial(runner, trial, PBX_END_COMPLETED, NULL);
    } else {
        end_stopped(runner, trial);
    }
}
