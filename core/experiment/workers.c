/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The workers: launched through the executor, given trials, ended. */
#include "experiment/checkpoints-private.h"
#include "experiment/judging-private.h"
#include "experiment/workers-private.h"

#define PROGRAM_PATIENCE_S 15 /* a worker that ends a program itself needs as long */

typedef enum { ACTION_LAUNCH, ACTION_RUN, ACTION_ANSWER, ACTION_STOP } PbxActionType;

/* Something that waits for the commit. */
typedef struct PbxAction {
    PbxActionType type;
    PbxWorkerSlot *worker;
    PbxTrial *trial;
    guint attempt; /* of the trial then: another may have begun since */
    guint64 n;
    gboolean stop, save;
} PbxAction;

static PbxAction *
add_action(PbxRunner *runner, PbxAction action)
{
    PbxAction *copy = g_new(PbxAction, 1);
    *copy = action;
    copy->attempt = action.trial != NULL ? action.trial->row.attempts : 0;
    g_ptr_array_add(runner->actions, copy);
    runner_touch(runner);
    return copy;
}

guint
workers_busy(const PbxRunner *runner)
{
    guint busy = 0;
    for (guint i = 0; i < runner->workers->len; i++)
        busy += ((PbxWorkerSlot *)runner->workers->pdata[i])->trial != NULL;
    return busy;
}

/* Takes its trial off a worker that has not begun with it: no attempt is used. */
static PbxTrial *
detach(PbxWorkerSlot *worker)
{
    PbxTrial *trial = worker->trial;
    worker->trial = NULL;
    if (trial != NULL)
        trial->worker = NULL;
    return trial;
}

/* The same for a trial that then waits again, for this run or for another. */
static void
put_back(PbxRunner *runner, PbxWorkerSlot *worker)
{
    PbxTrial *trial = detach(worker);
    if (trial != NULL && !trial->ended)
        queue_return(runner, trial);
}

/* ---- A trial's run ---- */

/* Nothing has come of it yet. */
static void
fail_to_send(PbxRunner *runner, PbxWorkerSlot *worker, const GError *error)
{
    PbxTrial *trial = detach(worker);
    worker->state = WORKER_IDLE;
    if (error->domain == PBX_STORE_ERROR)
        runner_fail(runner, g_error_copy(error));
    else if (g_error_matches(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_HOST))
        end_hindered(runner, trial, error->message);
    else
        end_failed(runner, trial, error->message);
}

/* The run's environment: what the file says, and thread counts. */
static GPtrArray *
run_environment(PbxRunner *runner, PbxTrial *trial, GError **error)
{
    g_autoptr(GPtrArray) env = g_ptr_array_new_with_free_func(g_free);
    PbxTemplateContext context = trial_context(runner, trial);
    for (guint i = 0; i < runner->spec->env->len; i++) {
        const PbxEnvTemplate *variable = runner->spec->env->pdata[i];
        g_autofree char *value = template_expand(variable->value, &context, error);
        if (value == NULL) {
            g_prefix_error(error, "env.%s: ", variable->name);
            return NULL;
        }
        g_ptr_array_add(env, g_strdup_printf("%s=%s", variable->name, value));
    }
    resources_environment(runner, env);
    data_environment(runner, env);
    g_ptr_array_add(env, NULL);
    return g_steal_pointer(&env);
}

/* A text of the run, as a path relative to `base`; NULL without a template. */
static gboolean
run_path(PbxRunner *runner, PbxTrial *trial, PbxTemplate *compiled, const char *base,
         const char *what, char **path, GError **error)
{
    if (compiled == NULL)
        return TRUE;
    PbxTemplateContext context = trial_context(runner, trial);
    g_autofree char *text = template_expand(compiled, &context, error);
    if (text == NULL) {
        g_prefix_error(error, "%s: ", what);
        return FALSE;
    }
    *path = g_canonicalize_filename(text, base);
    return TRUE;
}

static gboolean
send_run(PbxRunner *runner, PbxWorkerSlot *worker, GError **error)
{
    PbxTrial *trial = worker->trial;
    const PbxSpec *spec = runner->spec;
    g_autofree char *cwd = NULL;
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;
    g_autoptr(GPtrArray) env = run_environment(runner, trial, error);
    if (env == NULL || !trial_make_directory(runner, trial, error) ||
        !run_path(runner, trial, spec->cwd, spec->base_dir, "cwd", &cwd, error))
        return FALSE;
    /* What runs in the driver writes where the driver does. */
    if (!runner->inside &&
        (!run_path(runner, trial, spec->out, trial->dir, "log_to_file", &out, error) ||
         !run_path(runner, trial, spec->err, trial->dir, "log_to_file", &err, error)))
        return FALSE;
    g_auto(PbxCheckpointPlan) plan = {0};
    if (!checkpoints_plan(runner, trial, &plan, error))
        return FALSE;
    g_free(trial->err);
    trial->err = g_strdup(err);
    PbxWorkerRun run = {
        .trial = trial->row.number,
        .attempt = trial->row.attempts,
        .id = trial->row.id,
        .name = trial->row.name,
        .tag = trial->row.tag,
        .dir = trial->dir,
        .config = trial->config,
        .resources = spec->resources,
        .env = (const char *const *)env->pdata,
        .cwd = cwd != NULL ? cwd : spec->base_dir,
        .out = out,
        .err = err,
        .window = runner->window,
        .window_s = runner->window_s,
        .gather_s = runner->gather_s,
        .memory_limit = spec->local ? 0 : spec->limits.memory,
        .iteration = trial->attempt.start_iteration,
        .time_total_s = trial->attempt.start_time_s,
        .timesteps_total = -1,
        .episodes_total = -1,
        .restore = (const PbxWorkerRestore *)plan.restore->data,
        .n_restore = plan.restore->len,
        .restore_must = plan.file != NULL,
        .saving = &plan.saving,
    };
    worker_link_run(worker->link, &run);
    return TRUE;
}

/* The trial's next attempt begins in this worker; it runs with the commit. */
static void
begin_attempt(PbxRunner *runner, PbxWorkerSlot *worker)
{
    PbxTrial *trial = worker->trial;
    gint64 now = runner_wall(runner);
    trial->row.attempts++;
    if (trial->row.started_ns < 0)
        trial->row.started_ns = now;
    g_clear_pointer(&trial->row.reason, g_free); /* why it waited */
    attempt_row_clear(&trial->attempt);
    trial->attempt = (PbxAttemptRow){
        .trial = trial->row.number,
        .attempt = trial->row.attempts,
        .hostname = g_strdup(worker->hostname),
        .node_ip = g_strdup(worker->node_ip),
        .pid = worker->pid,
        .start_timesteps = -1,
        .start_episodes = -1,
        .started_ns = now,
        .ended_ns = -1,
    };
    trial->attempt_dirty = TRUE;
    json_object_set_int_member(json_node_get_object(trial->view), "attempt", trial->row.attempts);
    trial->silent++;
    worker->n_results = 0;
    worker->stopping = worker->saving = FALSE;
    limits_begin(worker);
    worker->state = WORKER_BUSY;
    trial_set_state(runner, trial, PBX_STATE_RUNNING, PBX_WHY_STARTED);
    trial_touch(runner, trial);
    runner_event(runner, PBX_EVENT_TRIAL_START, trial, NULL);
    add_action(runner, (PbxAction){.type = ACTION_RUN, .worker = worker, .trial = trial});
}

static double
stop_patience(const PbxRunner *runner)
{
    return runner_env("PEGBOX_FUNCTION_THREAD_TIMEOUT_S", 2) +
           (runner->runs_programs ? PROGRAM_PATIENCE_S : 0);
}

/* ---- Messages ---- */

static void
release(PbxRunner *runner, PbxWorkerSlot *worker, const PbxWorkerMessage *message)
{
    PbxTrial *trial = worker->trial;
    clock_cancel(&worker->timer);
    limits_end(worker);
    worker->stopping = worker->saving = FALSE;
    worker->trial = NULL;
    if (trial != NULL)
        end_of_run(runner, trial, message);
    if (worker->state == WORKER_BUSY && message->reusable && runner->many_runs &&
        !worker->kill_sent) {
        worker->state = WORKER_IDLE;
    } else if (worker->state != WORKER_LEAVING) {
        worker->state = WORKER_LEAVING;
        worker_link_bye(worker->link);
        worker_arm_patience(worker, stop_patience(runner));
    }
    runner_schedule(runner);
}

static void
ready(PbxRunner *runner, PbxWorkerSlot *worker, const PbxWorkerMessage *message)
{
    clock_cancel(&worker->timer);
    worker->hostname = g_strdup(message->hostname);
    worker->node_ip = g_strdup(message->node_ip);
    worker->pid = message->pid;
    /* One that was told to leave meanwhile is on its way. */
    if (worker->state == WORKER_STARTING)
        worker->state = WORKER_IDLE;
    if (runner->interrupts > 0 || runner->abandoned)
        put_back(runner, worker);
    else if (worker->trial != NULL && runner->stopping)
        end_trial(runner, detach(worker), PBX_END_STOPPED, runner->stop_reason);
    else if (worker->trial != NULL && !worker->trial->ended)
        begin_attempt(runner, worker);
    runner_schedule(runner);
}

/* The store takes no result twice: a trainable that writes to its worker's channel must not end
 * the experiment by that. */
static gboolean
is_in_order(PbxTrial *trial, const PbxWorkerMessage *message)
{
    PbxWorkerSlot *worker = trial->worker;
    if (message->n == ++worker->n_results)
        return TRUE;
    trial->failing = g_strdup_printf("its worker sent result %" G_GINT64_FORMAT
                                     " out of order: %" G_GUINT64_FORMAT " was to come",
                                     (gint64)message->n, worker->n_results);
    worker_stop_process(worker, PBX_STOP_KILL);
    return FALSE;
}

static void
enter(PbxRunner *runner, PbxTrial *trial, const PbxWorkerMessage *message)
{
    if (!is_in_order(trial, message))
        return;
    limits_reported(trial->worker);
    if (!pause_holds_back(trial, message))
        result_enter(runner, trial, message);
    if (trial->failing == NULL)
        trial->silent = 0;
}

/* However long that takes: only a person, or one of the limits, ends it. */
static void
saving(PbxRunner *runner, PbxWorkerSlot *worker, gboolean begins)
{
    worker->saving = begins;
    if (!worker->stopping)
        return;
    if (begins) {
        clock_cancel(&worker->timer);
        limits_saving(worker);
        return;
    }
    worker_arm_patience(worker, stop_patience(runner));
}

static void
saved(PbxRunner *runner, PbxTrial *trial, const PbxWorkerMessage *message)
{
    if (trial->ending >= 0 && !message->ok) {
        g_autofree char *line = g_strdup_printf(
            "trial %" G_GUINT64_FORMAT " ends without a checkpoint: %s", trial->row.number,
            message->text != NULL ? message->text : "it gave no reason");
        runner_log_trial(runner, trial, PBX_LOG_WARNING, line);
    }
    pause_saved(runner, trial, message->ok, message->text);
}

void
worker_message(PbxWorkerLink *link, const PbxWorkerMessage *message, gpointer user)
{
    (void)link;
    PbxWorkerSlot *worker = user;
    PbxRunner *runner = worker->runner;
    PbxTrial *trial = worker->trial;
    gboolean current = trial != NULL && message->trial == trial->row.number &&
                       message->attempt == trial->row.attempts;
    runner_hurry(runner);
    if (trial != NULL && (judging_holds_back(trial, message) || judging_drops(trial, message)))
        return;
    switch (message->type) {
    case WORKER_READY:
        ready(runner, worker, message);
        break;
    case WORKER_RESULT:
        /* What follows a stop, or an older attempt says, is dropped. */
        if (current && !trial->ended && trial->failing == NULL && trial->ending < 0)
            enter(runner, trial, message);
        break;
    case WORKER_ENDED:
        if (current)
            release(runner, worker, message);
        break;
    case WORKER_LINE:
        reporter_line(runner->reporter, trial, message->level != 0, message->text);
        break;
    case WORKER_LOG:
        runner_log_trial(runner, trial, message->level, message->text);
        break;
    case WORKER_PID:
        if (current) {
            trial->attempt.pid = message->pid;
            trial->attempt_dirty = TRUE;
            trial_touch(runner, trial);
        }
        break;
    case WORKER_MEMORY:
        if (current)
            limits_memory(worker, message->used);
        break;
    case WORKER_RESTORED:
        if (current)
            checkpoints_restored(runner, trial, message);
        break;
    case WORKER_SAVING:
        if (current)
            saving(runner, worker, message->saving);
        break;
    case WORKER_CHECKPOINT:
        if (current)
            checkpoints_saved(runner, trial, message);
        break;
    case WORKER_SAVED:
        if (current)
            saved(runner, trial, message);
        break;
    case WORKER_BROKEN:
        worker_channel_closed(runner, worker, message);
        break;
    }
}

/* ---- What the runner asks for ---- */

/* Short, as it becomes part of a socket's address. */
#define PROGRAM_DIR "pegbox-%.16s-"

void
workers_sweep(PbxRunner *runner)
{
    g_autofree char *prefix = g_strdup_printf(PROGRAM_DIR, runner->id);
    if (runner->runs_programs)
        program_dirs_remove(prefix);
}

gboolean
workers_assign(PbxRunner *runner, PbxTrial *trial, GError **error)
{
    (void)error;
    for (guint i = 0; i < runner->workers->len; i++) {
        PbxWorkerSlot *worker = runner->workers->pdata[i];
        if (worker->state != WORKER_IDLE)
            continue;
        worker->trial = trial;
        trial->worker = worker;
        begin_attempt(runner, worker);
        return TRUE;
    }
    PbxWorkerSlot *worker = g_new0(PbxWorkerSlot, 1);
    worker->runner = runner;
    worker->name = g_strdup_printf("%s-w%" G_GUINT64_FORMAT, runner->id, runner->n_workers++);
    if (runner->runs_programs)
        worker->program_dir =
            g_strdup_printf(PROGRAM_DIR "%" G_GUINT64_FORMAT, runner->id, runner->n_workers - 1);
    worker->state = WORKER_STARTING;
    worker->trial = trial;
    trial->worker = worker;
    g_ptr_array_add(runner->workers, worker);
    add_action(runner, (PbxAction){.type = ACTION_LAUNCH, .worker = worker});
    return TRUE;
}

void
workers_answer(PbxRunner *runner, PbxTrial *trial, guint64 n, gboolean stop, gboolean save)
{
    PbxWorkerSlot *worker = trial->worker;
    if (worker == NULL)
        return;
    /* One answer for all that the batch has of a run. */
    PbxAction *answer = worker->answer;
    if (answer == NULL || answer->trial != trial || answer->attempt != trial->row.attempts)
        answer = worker->answer = add_action(
            runner, (PbxAction){.type = ACTION_ANSWER, .worker = worker, .trial = trial});
    answer->n = n;
    answer->stop = answer->stop || stop;
    answer->save = answer->save || save;
}

void
workers_save(PbxRunner *runner, PbxTrial *trial)
{
    if (trial->worker != NULL)
        workers_answer(runner, trial, trial->worker->n_results, FALSE, TRUE);
}

void
workers_stop_run(PbxRunner *runner, PbxTrial *trial, gboolean save)
{
    if (trial->worker == NULL)
        return;
    /* One that is still starting has nothing to stop. */
    if (trial->worker->state == WORKER_STARTING)
        put_back(runner, trial->worker);
    else
        add_action(runner,
                   (PbxAction){
                       .type = ACTION_STOP, .worker = trial->worker, .trial = trial, .save = save});
}

static void
stop_sent(PbxRunner *runner, PbxWorkerSlot *worker)
{
    worker->stopping = TRUE;
    if (!worker->saving)
        worker_arm_patience(worker, stop_patience(runner));
}

static void
act(PbxRunner *runner, const PbxAction *action)
{
    PbxWorkerSlot *worker = action->worker;
    /* The worker may have gone between the decision and the commit. */
    if (!g_ptr_array_find(runner->workers, worker, NULL))
        return;
    g_autoptr(GError) error = NULL;
    if (action->type == ACTION_LAUNCH) {
        if (worker->trial != NULL)
            worker_launch(runner, worker);
        else
            g_ptr_array_remove(runner->workers, worker);
    } else if (worker->link == NULL || worker->trial != action->trial ||
               action->attempt != action->trial->row.attempts) {
        return;
    } else if (action->type == ACTION_RUN) {
        if (!send_run(runner, worker, &error)) {
            fail_to_send(runner, worker, error);
        } else if (runner->spec->local && runner->runs_programs) {
            /* What it prints comes next, as it is. */
            reporter_line(runner->reporter, action->trial, FALSE, action->trial->row.tag);
        }
    } else if (action->type == ACTION_ANSWER) {
        worker_link_answer(worker->link, action->trial->row.number, action->trial->row.attempts,
                           action->n, action->stop, action->save);
        if (action->stop)
            stop_sent(runner, worker);
    } else {
        worker_link_stop(worker->link, action->trial->row.number, action->trial->row.attempts,
                         action->save);
        stop_sent(runner, worker);
    }
}

void
workers_act(PbxRunner *runner)
{
    g_autoptr(GPtrArray) actions = g_steal_pointer(&runner->actions);
    runner->actions = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < runner->workers->len; i++)
        ((PbxWorkerSlot *)runner->workers->pdata[i])->answer = NULL;
    for (guint i = 0; i < actions->len; i++)
        act(runner, actions->pdata[i]);
    for (guint i = 0; i < runner->workers->len; i++) {
        PbxWorkerSlot *worker = runner->workers->pdata[i];
        if (worker->link != NULL && actions->len > 0)
            worker_link_flush(worker->link);
    }
}

void
workers_close(PbxRunner *runner, gboolean kill)
{
    for (guint i = runner->workers->len; i-- > 0;) {
        PbxWorkerSlot *worker = runner->workers->pdata[i];
        if (worker->link == NULL) {
            /* Never launched. */
            put_back(runner, worker);
            g_ptr_array_remove_index(runner->workers, i);
        } else if (kill) {
            worker_stop_process(worker, PBX_STOP_KILL);
        } else if (worker->state != WORKER_LEAVING) {
            worker->state = WORKER_LEAVING;
            worker_link_bye(worker->link);
            worker_link_flush(worker->link);
            worker_arm_patience(worker, stop_patience(runner));
        }
    }
}
