/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs one trial in the worker: function form or class form, and how it ended. */
#include <string.h>

#include "worker/process-private.h"

static pbx_status
fail(pbx_error *error, const char *message)
{
    error->where[0] = '\0';
    g_strlcpy(error->message, message, sizeof error->message);
    return PBX_EINVAL;
}

gboolean
worker_is_hosts_fault(const GError *error)
{
    return g_error_matches(error, PBX_WORKER_ERROR, WORKER_ERROR_HOST) ||
           g_error_matches(error, PBX_CHECKPOINT_ERROR, CHECKPOINT_ERROR_IO);
}

/* What pegbox itself was to do for the trial. */
static pbx_status
fail_to_begin(pbx_error *error, const GError *failure)
{
    (void)fail(error, failure->message);
    return worker_is_hosts_fault(failure) ? PBX_EFATAL : PBX_EINVAL;
}

/* A new instance in this process, for a trainable that cannot take the next config. */
static pbx_status
renew(PbxWorker *worker, pbx_error *error)
{
    g_autoptr(GError) failure = NULL;
    worker->set_up = worker->worn = FALSE;
    if (!worker_renew(worker, &failure)) {
        worker->worn = TRUE;
        return fail(error, failure->message);
    }
    return PBX_OK;
}

/* ---- Class form ---- */

static pbx_status
set_up_class(PbxWorker *worker, pbx_error *error)
{
    const pbx_trainable *trainable = worker->trainable;
    if (worker->set_up) {
        pbx_status status = trainable->reset != NULL
                                ? trainable->reset(worker->instance->self, error)
                                : PBX_ENOTSUP;
        if (status != PBX_ENOTSUP)
            return status;
        status = renew(worker, error);
        if (status < 0)
            return status;
    }
    worker->set_up = TRUE;
    return trainable->setup != NULL ? trainable->setup(worker->instance->self, error) : PBX_OK;
}

/* FALSE: the instance may be half loaded, and is of no use. */
static gboolean
load_class(PbxWorker *worker)
{
    const pbx_trainable *trainable = worker->trainable;
    pbx_error error = {.where = "", .message = ""};
    if (!PEGBOX_HAS(trainable, pbx_trainable, checkpoint_load)) {
        restoring_refuse(worker, "the trainable cannot load");
        return FALSE;
    }
    pbx_status status =
        trainable->checkpoint_load(worker->instance->self, worker->run->restoring.dir, &error);
    if (status >= 0)
        return TRUE;
    g_autofree char *line = trial_error_line(&error, status);
    restoring_refuse(worker, line);
    return FALSE;
}

static pbx_status
begin_class(PbxWorker *worker, pbx_error *error)
{
    g_autoptr(GError) failure = NULL;
    pbx_status status = set_up_class(worker, error);
    while (status >= 0 && restoring_unpack(worker)) {
        if (load_class(worker)) {
            restoring_accept(worker);
            break;
        }
        status = renew(worker, error);
        if (status >= 0)
            status = set_up_class(worker, error);
    }
    restoring_remove(worker->run);
    if (status >= 0 && !restoring_end(worker, &failure))
        return fail_to_begin(error, failure);
    return status;
}

/* Once the answer is there: the last result may be where the trial ends. */
static pbx_status
save_class(PbxWorker *worker, gboolean done, pbx_error *error)
{
    g_autoptr(GError) failure = NULL;
    PbxRun *run = worker->run;
    run->saving.done = done;
    if (saving_must_settle(run) && !session_settle(worker, &failure))
        return fail(error, failure->message);
    if (!saving_is_wanted(run) && !(done && run->saving.at_end && !run->stop))
        return PBX_OK;
    if (saving_has_made(run))
        saving_is_made(worker);
    else
        saving_save_class(worker);
    return PBX_OK;
}

static pbx_status
run_class(PbxWorker *worker, pbx_error *error)
{
    pbx_status status = begin_class(worker, error);
    while (status == PBX_OK) {
        g_autoptr(GError) failure = NULL;
        guint64 before = worker->run->ahead.n;
        if (!session_listen(worker, FALSE, &failure))
            return fail(error, failure->message);
        if (worker->run->saving.asked)
            (void)save_class(worker, FALSE, error);
        if (worker->run->stop)
            return PBX_ECANCELLED;
        status = worker->trainable->step(worker->instance->self, error);
        if (status == PBX_OK && worker->run->ahead.n == before && !worker->run->stop)
            return fail(error, "step returned without a report");
        /* A step that obeys the stop leaves what is to be saved as one that does not look. */
        const gboolean whole = status >= 0 || (status == PBX_ECANCELLED && worker->run->stop);
        if (whole && save_class(worker, status == PBX_DONE, error) < 0)
            return PBX_EINVAL;
    }
    return status;
}

/* ---- Any form ---- */

static pbx_status
run_function(PbxWorker *worker, pbx_error *error)
{
    g_autoptr(GError) failure = NULL;
    if (restoring_unpack(worker))
        restoring_accept(worker);
    if (!restoring_end(worker, &failure))
        return fail_to_begin(error, failure);
    if (worker->run->info.restored != NULL)
        run_set_environment(worker, worker->run);
    return worker->trainable->run(worker->instance->self, error);
}

static pbx_status
run_trainable(PbxWorker *worker, pbx_error *error)
{
    g_autoptr(GError) failure = NULL;
    pbx_status status = worker->worn ? renew(worker, error) : PBX_OK;
    if (status < 0)
        return status;
    if (!run_prepare(worker, worker->run, &failure) ||
        !(worker->program != NULL
              ? program_socket_begin(worker->program, worker->run->config_text, &failure)
              : output_begin(worker->run, &failure)))
        return fail_to_begin(error, failure);
    status =
        worker->trainable->run != NULL ? run_function(worker, error) : run_class(worker, error);
    if (worker->program != NULL)
        program_socket_end(worker->program);
    else
        output_end(worker->run);
    return status;
}

/* Nobody learns anything from a trial that ends well without a word. */
static pbx_status
check_reports(const PbxWorker *worker, pbx_status status, pbx_error *error)
{
    const PbxRun *run = worker->run;
    if (status < 0 || run->stop || run->stopping || run->ahead.n > 0 || worker->metrics[0] == NULL)
        return status;
    g_autofree char *message =
        g_strdup_printf("it ended well, but reported nothing, no \"%s\"", worker->metrics[0]);
    return fail(error, message);
}

/* Another trial may follow in this process. */
static gboolean
is_reusable(const PbxWorker *worker, pbx_status status)
{
    guint32 needed =
        worker->trainable->run != NULL ? PBX_TRAINABLE_MANY_RUNS : PBX_TRAINABLE_RESETS;
    gboolean program = (worker->trainable->caps & PBX_TRAINABLE_PROGRAM) != 0;
    return worker->instance != NULL && (worker->trainable->caps & needed) != 0 &&
           (program || status >= 0 || status == PBX_ECANCELLED);
}

/* One line: where and what; the text of an error is the plugin's and may be anything. */
char *
trial_error_line(pbx_error *error, pbx_status status)
{
    error->where[sizeof error->where - 1] = '\0';
    error->message[sizeof error->message - 1] = '\0';
    g_autofree char *without_text = g_strdup_printf(
        "the trainable failed with %s, and gave no reason", plugin_status_name(status));
    const char *message = error->message[0] != '\0' ? error->message : without_text;
    g_autofree char *text = error->where[0] != '\0'
                                ? g_strdup_printf("%s: %s", error->where, message)
                                : g_strdup(message);
    char *line = g_utf8_make_valid(text, -1);
    for (char *at = line; *at != '\0'; at++)
        if ((guchar)*at < ' ')
            *at = ' ';
    return line;
}

/* What is yet to be saved of a run that is over; nothing is left of what it was restored from. */
static void
end_saving(PbxWorker *worker, pbx_status status)
{
    PbxRun *run = worker->run;
    save_drop(worker, g_steal_pointer(&run->save));
    if (run->kept != NULL && (run->stop || run->stopping || status >= 0) &&
        !channel_is_gone(&worker->channel))
        kept_path_end(worker);
    saving_finish(worker);
    restoring_remove(run);
}

static GString *
ended_message(const PbxWorker *worker, pbx_status status, pbx_error *error)
{
    const PbxRun *run = worker->run;
    gboolean stopped = (run->stop || run->stopping) && (status >= 0 || status == PBX_ECANCELLED);
    gboolean interrupted = worker->terminal && !stopped && status == PBX_ECANCELLED;
    GString *message = message_new("ended");
    message_int(message, "trial", (gint64)run->trial);
    message_int(message, "attempt", run->attempt);
    message_string(message, "end",
                   stopped       ? "stopped"
                   : interrupted ? "interrupted"
                   : status >= 0 ? "done"
                                 : "failed");
    message_bool(message, "reusable", worker->inside || !worker->worn);
    if (status < 0 && !stopped && !interrupted) {
        g_autofree char *line = status == PBX_ECANCELLED && error->message[0] == '\0'
                                    ? g_strdup("the trainable gave up without being asked to stop")
                                    : trial_error_line(error, status);
        message_string(message, "text", line);
        if (status == PBX_EFATAL)
            message_bool(message, "fatal", TRUE);
    }
    return message;
}

/* A worker that is kept for program after program is no part of their trials. */
static void
begin_watch(const PbxWorker *worker, JsonObject *message)
{
    gint64 limit = message_get_int(message, "memory_limit", 0);
    if (limit <= 0)
        return;
    memory_watch(worker->run, (guint64)limit, worker->program == NULL);
    watcher_wake();
}

gboolean
trial_run(PbxWorker *worker, JsonObject *message)
{
    pbx_error error = {.where = "", .message = ""};
    worker->run = run_new(worker, message);
    if (!hold_begin(worker)) {
        g_clear_pointer(&worker->run, run_free);
        return FALSE;
    }
    begin_watch(worker, message);
    pbx_status status = run_trainable(worker, &error);
    memory_unwatch();
    status = worker_data_judge(worker, status, &error);
    status = check_reports(worker, status, &error);
    worker->worn = !is_reusable(worker, status);
    /* In the driver others have children too. */
    if (!worker->inside && !orphans_kill() && worker->instance != NULL)
        host_log(worker->instance->host, PBX_LOG_WARNING,
                 "some processes that the trial left behind would not die");
    end_saving(worker, status);
    if (!channel_is_gone(&worker->channel)) {
        channel_queue(&worker->channel, ended_message(worker, status, &error));
        channel_flush(&worker->channel);
    }
    g_clear_pointer(&worker->run, run_free);
    return !channel_is_gone(&worker->channel);
}
