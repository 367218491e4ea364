/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver's loop: what comes in is batched, committed, and only then acted upon. */
#define G_LOG_DOMAIN "pegbox-experiment"

#include <math.h>
#include <signal.h>
#include <unistd.h>

#include <glib-unix.h>

#include "experiment/awaited-private.h"
#include "experiment/checkpoints-private.h"
#include "experiment/judging-private.h"

#define TICK_NS       (NS_PER_S / 4) /* at most 4 redraws a second */
#define BATCH_US      10000          /* the longest that a batch is gathered */
#define CLOSE_GRACE_S 30
#define KILL_GRACE_S  4

/* Threads that outlive their experiment use what it has: it is not freed. */
static gboolean left_behind;

void
runner_leave_thread(void)
{
    left_behind = TRUE;
}

gboolean
experiment_left_threads(void)
{
    return left_behind;
}

GQuark
experiment_error_domain(void)
{
    return g_quark_from_static_string("pbx-experiment-error");
}

double
runner_env(const char *name, double fallback)
{
    const char *text = g_getenv(name);
    if (text == NULL || text[0] == '\0')
        return fallback;
    char *end = NULL;
    double value = g_ascii_strtod(text, &end);
    return *end == '\0' && !isnan(value) ? value : fallback;
}

gint64
runner_wall(const PbxRunner *runner)
{
    return clock_wall(runner->clock);
}

void
runner_name_broken(GError *error)
{
    if (error->domain != PBX_PLUGIN_ERROR)
        return;
    error->domain = PBX_EXPERIMENT_ERROR;
    error->code = EXPERIMENT_ERROR_BROKEN;
}

void
runner_fail(PbxRunner *runner, GError *error)
{
    runner_name_broken(error);
    if (runner->fatal == NULL)
        runner->fatal = error;
    else
        g_error_free(error);
    runner_schedule(runner);
}

void
runner_touch(PbxRunner *runner)
{
    runner_schedule(runner);
    if (runner->fatal != NULL || store_in_transaction(runner->store))
        return;
    GError *error = NULL;
    if (!store_begin(runner->store, &error))
        runner_fail(runner, error);
}

guint64
runner_event(PbxRunner *runner, guint type, const PbxTrial *trial, const char *text)
{
    runner_touch(runner);
    PbxEventRow event = {
        .seq = ++runner->seq,
        .type = type,
        .at_ns = runner_wall(runner),
        .trial = trial != NULL ? trial->row.number : PBX_NONE,
        .attempt = trial != NULL ? trial->row.attempts : 0,
        .text = (char *)text,
    };
    GError *error = NULL;
    if (runner->fatal == NULL && !store_put_event(runner->store, &event, &error))
        runner_fail(runner, error);
    return event.seq;
}

void
runner_stop_all(PbxRunner *runner, const char *reason)
{
    if (runner->stopping)
        return;
    runner->stopping = TRUE;
    runner->stop_reason = g_strdup(reason);
    if (runner->abandoned)
        return;
    GQueue *queues[] = {&runner->waiting, &runner->resting, &runner->paused, &runner->parked};
    for (gsize i = 0; i < G_N_ELEMENTS(queues); i++)
        for (PbxTrial *trial; (trial = g_queue_peek_head(queues[i])) != NULL;) {
            end_trial(runner, trial, PBX_END_STOPPED, reason);
            workers_stop_run(runner, trial, FALSE);
        }
}

/* ---- A turn ---- */

static gboolean
store_dirty(PbxRunner *runner, GError **error)
{
    for (guint i = 0; i < runner->dirty->len; i++) {
        PbxTrial *trial = runner->dirty->pdata[i];
        trial->row_dirty = FALSE;
        if (!store_put_trial(runner->store, &trial->row, error))
            return FALSE;
        if (trial->attempt_dirty && !store_put_attempt(runner->store, &trial->attempt, error))
            return FALSE;
        trial->attempt_dirty = FALSE;
        if (trial->ended && trial->worker == NULL)
            trial_forget(runner, trial);
    }
    g_ptr_array_set_size(runner->dirty, 0);
    return TRUE;
}

static gboolean
store_blobs(PbxRunner *runner, GError **error)
{
    if (!slot_save(runner, runner->search, error) || !slot_save(runner, runner->scheduler, error))
        return FALSE;
    for (guint i = 0; i < runner->stoppers->len; i++)
        if (!slot_save(runner, runner->stoppers->pdata[i], error))
            return FALSE;
    return TRUE;
}

gboolean
runner_store(PbxRunner *runner, GError **error)
{
    return store_blobs(runner, error) && store_dirty(runner, error);
}

/* Everything of this turn, in one transaction. */
static void
commit(PbxRunner *runner)
{
    if (!store_in_transaction(runner->store) || runner->fatal != NULL)
        return;
    GError *error = NULL;
    logging_store(runner, runner->logging);
    reporter_store(runner->reporter, REPORTER_COMMIT);
    if (!runner_store(runner, &error) || !store_commit(runner->store, &error)) {
        runner_fail(runner, error);
        return;
    }
    logging_wake(runner->logging, runner->seq);
}

gboolean
runner_make_durable(PbxRunner *runner)
{
    GError *error = NULL;
    if (store_make_durable(runner->store, &error))
        return TRUE;
    if (g_error_matches(error, PBX_STORE_ERROR, STORE_ERROR_LOST)) {
        runner_fail(runner, error);
        return FALSE;
    }
    runner_log("runner", PBX_LOG_WARNING, error->message, runner);
    g_error_free(error);
    return FALSE;
}

static void
make_durable(PbxRunner *runner)
{
    gint64 now = clock_now(runner->clock);
    if (now - runner->durable_ns < NS_PER_S || store_in_transaction(runner->store) ||
        runner->fatal != NULL)
        return;
    runner->durable_ns = now;
    g_autoptr(GError) error = NULL;
    if (!store_check_place(runner->store, &error))
        runner_fail(runner, g_steal_pointer(&error));
    else
        (void)runner_make_durable(runner);
}

static void
check_finished(PbxRunner *runner)
{
    gboolean no_more = runner->exhausted || runner->stopping || runner->interrupts > 0;
    const guint waiting = runner->waiting.length + runner->resting.length + runner->paused.length +
                          runner->parked.length;
    if (runner->fatal != NULL || runner->interrupts > 1 ||
        (no_more && workers_busy(runner) == 0 && runner->n_judging == 0 &&
         (waiting == 0 || runner->interrupts > 0 || runner->abandoned)))
        runner->finished = TRUE;
}

static gboolean
turn(gpointer data)
{
    PbxRunner *runner = data;
    g_clear_pointer(&runner->turn, g_source_unref);
    gint64 began = clock_now(runner->clock);
    workers_take_posts(runner);
    steer_turn(runner);
    if (runner->fatal == NULL && runner->interrupts == 0) {
        const gboolean waits = !runner_ask_stoppers(runner);
        end_rests(runner);
        if (!runner->stopping && !waits)
            propose_fill(runner);
    }
    commit(runner);
    if (runner->fatal == NULL) {
        workers_act(runner);
        steer_act(runner);
        checkpoints_settle(runner);
    }
    check_finished(runner);
    gint64 took = clock_now(runner->clock) - began;
    if (took > runner->warn_ns) {
        g_autofree char *line =
            g_strdup_printf("a turn of the loop took %.2f s", (double)took / 1e9);
        runner_log("runner", PBX_LOG_WARNING, line, runner);
    }
    return G_SOURCE_REMOVE;
}

void
runner_schedule(PbxRunner *runner)
{
    if (runner->turn != NULL || runner->outside)
        return;
    /* Below the channels' priority: all that has arrived makes one batch. */
    runner->turn = g_idle_source_new();
    g_source_set_priority(runner->turn, G_PRIORITY_DEFAULT + 10);
    g_source_set_callback(runner->turn, turn, runner, NULL);
    g_source_attach(runner->turn, runner->context);
    runner->turn_us = g_get_monotonic_time();
}

void
runner_hurry(PbxRunner *runner)
{
    if (runner->turn != NULL && g_get_monotonic_time() - runner->turn_us > BATCH_US)
        g_source_set_priority(runner->turn, G_PRIORITY_DEFAULT - 10);
}

static void
tick(gpointer data)
{
    PbxRunner *runner = data;
    lock_touch(runner->lock);
    steer_tick(runner);
    make_durable(runner);
    reporter_tick(runner->reporter);
    if (!runner->finished)
        runner_schedule(runner);
    clock_at(runner->clock, clock_now(runner->clock) + TICK_NS, tick, runner, &runner->tick);
}

/* ---- Signals ---- */

void
runner_interrupt(PbxRunner *runner, const char *line)
{
    runner->interrupts++;
    if (runner->interrupts == 1 && !runner->finished) {
        reporter_message(runner->reporter, PBX_LOG_WARNING, line);
        judging_let_all_go(runner);
        for (guint i = 0; i < runner->workers->len; i++) {
            PbxWorkerSlot *worker = runner->workers->pdata[i];
            if (worker->trial != NULL && worker->trial->ending < 0)
                workers_stop_run(runner, worker->trial, checkpoints_wanted(runner));
        }
    }
    runner_schedule(runner);
}

static gboolean
interrupted(gpointer data)
{
    PbxRunner *runner = data;
    if (runner->finished)
        reporter_message(runner->reporter, PBX_LOG_WARNING,
                         "interrupted: the experiment is over, its workers are ending; once more "
                         "kills them");
    runner_interrupt(runner, "interrupted: ending the running trials; once more kills them");
    return G_SOURCE_CONTINUE;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};

/* From the first file of an experiment on, a signal is one to end it gracefully. */
static void
hold_signals(sigset_t *before)
{
    sigset_t held;
    sigemptyset(&held);
    for (gsize i = 0; i < G_N_ELEMENTS(signals); i++)
        sigaddset(&held, signals[i]);
    pthread_sigmask(SIG_BLOCK, &held, before);
}

static void
watch_signals(PbxRunner *runner, GSource *sources[G_N_ELEMENTS(signals)])
{
    gboolean disabled = g_strcmp0(g_getenv("PEGBOX_DISABLE_SIGINT_HANDLER"), "1") == 0;
    for (gsize i = 0; i < G_N_ELEMENTS(signals); i++) {
        struct sigaction now;
        sources[i] = NULL;
        sigaction(signals[i], NULL, &now);
        /* One that nohup or a shell has us ignore stays ignored. */
        if (now.sa_handler == SIG_IGN || (signals[i] == SIGINT && disabled))
            continue;
        sources[i] = g_unix_signal_source_new(signals[i]);
        g_source_set_callback(sources[i], interrupted, runner, NULL);
        g_source_attach(sources[i], runner->context);
    }
    signal(SIGPIPE, SIG_IGN);
}

/* ---- The whole run ---- */

/* Where they are not killed yet, a second signal ends the wait. */
static void
wait_for_workers(PbxRunner *runner, double seconds, gboolean killed)
{
    gint64 until = clock_now(runner->clock) + (gint64)(seconds * NS_PER_S);
    while (runner->workers->len > 0 && clock_now(runner->clock) < until &&
           (killed || runner->interrupts < 2))
        g_main_context_iteration(runner->context, TRUE);
}

/* Workers go, loggers drain, the store is whole. */
static void
finish(PbxRunner *runner)
{
    gboolean kill = runner->interrupts > 1 || runner->fatal != NULL;
    workers_close(runner, kill);
    wait_for_workers(runner, kill ? KILL_GRACE_S : CLOSE_GRACE_S, kill);
    if (!kill) {
        workers_close(runner, TRUE);
        wait_for_workers(runner, KILL_GRACE_S, TRUE);
    }
    /* Errors among what deciders are still to be told are errors of the run. One that is
     * interrupted tells it again when it goes on. */
    if (runner->fatal == NULL && runner->interrupts == 0 && runner->asking == NULL &&
        runner->choosing == NULL)
        awaited_settle(runner);
    if (runner->fatal == NULL)
        runner_event(runner, PBX_EVENT_END, NULL, runner->stop_reason);
    commit(runner);
    if (runner->fatal == NULL)
        steer_act(runner);
    checkpoints_settle(runner);
    logging_close(runner->logging);
}

static const char *
status_word(const PbxRunner *runner)
{
    if (runner->fatal != NULL)
        return "failed";
    if (runner->end == EXPERIMENT_INTERRUPTED)
        return "interrupted";
    return runner->counts[PBX_STATE_PENDING] > 0 ? "stopped" : "done";
}

static gboolean
commit_last(PbxRunner *runner, GError **error)
{
    if (!store_commit(runner->store, error))
        return FALSE;
    logging_settled(runner->logging);
    return TRUE;
}

/* As closing the store does, which could not tell. */
static gboolean
make_last_durable(PbxRunner *runner, GError **error)
{
    g_autoptr(GError) failed = NULL;
    if (store_make_durable(runner->store, &failed) ||
        !g_error_matches(failed, PBX_STORE_ERROR, STORE_ERROR_LOST))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

static gboolean
store_end(PbxRunner *runner, GError **error)
{
    g_autofree char *now = g_strdup_printf("%" G_GINT64_FORMAT, runner_wall(runner));
    /* Who has kept the store from us for so long has it still. */
    if (g_error_matches(runner->fatal, PBX_STORE_ERROR, STORE_ERROR_LOCKED))
        return TRUE;
    if (store_in_transaction(runner->store))
        store_rollback(runner->store);
    if (!store_begin(runner->store, error))
        return FALSE;
    logging_store(runner, runner->logging);
    reporter_store(runner->reporter, REPORTER_LAST);
    return store_put_fact(runner->store, "status", status_word(runner), error) &&
           store_put_fact(runner->store, "ended_ns", now, error) && commit_last(runner, error) &&
           (runner->fatal != NULL ||
            (store_check_place(runner->store, error) && make_last_durable(runner, error)));
}

/* One that was run again counts no more. */
static gboolean
has_failures(const PbxRunner *runner)
{
    for (guint i = 0; runner->counts[PBX_STATE_ERROR] > 0 && i < runner->trials->len; i++) {
        const PbxTrialRow *row = &((const PbxTrial *)runner->trials->pdata[i])->row;
        if (row->state == PBX_STATE_ERROR && row->replaced_by == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean
drive(PbxSpec *spec, PbxRegistry *registry, PbxResume *resume, PbxExperimentEnd *end,
      GError **error)
{
    sigset_t before;
    GMainContext *context = g_main_context_default();
    hold_signals(&before);
    /* Owned throughout: what another thread posts waits for the loop, and never runs there. */
    g_main_context_acquire(context);
    PbxRunner *runner = runner_open(spec, registry, resume, error);
    GSource *sources[G_N_ELEMENTS(signals)];
    if (runner != NULL)
        watch_signals(runner, sources);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (runner == NULL) {
        g_main_context_release(context);
        return FALSE;
    }
    awaited_attach(runner);
    clock_at(runner->clock, clock_now(runner->clock) + TICK_NS, tick, runner, &runner->tick);
    runner_schedule(runner);
    while (!runner->finished)
        g_main_context_iteration(runner->context, TRUE);
    runner->end = runner->interrupts > 0 ? EXPERIMENT_INTERRUPTED
                  : has_failures(runner) ? EXPERIMENT_FAILURES
                                         : EXPERIMENT_DONE;
    finish(runner);
    if (runner->hindrance != NULL)
        runner_fail(runner, g_steal_pointer(&runner->hindrance));
    GError *failed = NULL;
    if (!store_end(runner, &failed))
        runner_fail(runner, failed);
    for (gsize i = 0; i < G_N_ELEMENTS(signals); i++) {
        if (sources[i] != NULL) {
            g_source_destroy(sources[i]);
            g_source_unref(sources[i]);
        }
    }
    *end = runner->end;
    gboolean whole = runner->fatal == NULL;
    if (whole)
        reporter_finish(runner->reporter, *end);
    else
        g_propagate_error(error, g_steal_pointer(&runner->fatal));
    runner_close(runner);
    g_main_context_release(context);
    return whole;
}

gboolean
experiment_run(PbxSpec *spec, PbxRegistry *registry, PbxExperimentEnd *end, GError **error)
{
    return drive(spec, registry, NULL, end, error);
}

gboolean
experiment_resume(PbxSpec *spec, PbxRegistry *registry, PbxResume *taken,
                  const PbxResumeOptions *options, PbxExperimentEnd *end, GError **error)
{
    g_autoptr(PbxResume) resume = taken;
    resume->options = *options;
    return drive(spec, registry, resume, end, error);
}
