/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread for each logger: it reads events from the store behind a cursor, so a slow
 * logger lags, loses nothing and holds nobody.
 */
#include <string.h>

#include "experiment/logging-private.h"

#define BATCH      256
#define CALM_US    (G_USEC_PER_SEC / 50) /* between two looks: what comes meanwhile is one batch */
#define MAX_ERRORS 5                     /* in a row; then the logger is out */
#define RETRY_S    1
#define SLOW_US    G_USEC_PER_SEC /* a call that takes longer gets fewer events */
#define PATIENCE_S 30             /* at the end, for one that takes nothing more */
#define KILLED_S   2              /* the same after a second interrupt */
#define LEAVE_S    1              /* for a thread to see that it is given up */

/* ---- The thread ---- */

static void
say(PbxLogger *logger, int level, const char *message)
{
    runner_log(host_slot(logger->instance->host), level, message, logger->runner);
}

static gboolean
fail_in_loop(gpointer data)
{
    PbxLogger *logger = data;
    const char *name = logger->instance->plugin->desc->name;
    runner_fail(logger->runner, g_error_new(PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                                            "logger/%s failed fatally", name));
    return G_SOURCE_REMOVE;
}

/* One more failure. TRUE: the logger is out. */
static gboolean
count_error(PbxLogger *logger, const char *message)
{
    /* A full disk says the same until it is not full any more. */
    if (logger->errors == 0 || g_strcmp0(logger->said, message) != 0)
        say(logger, PBX_LOG_WARNING, message);
    g_free(logger->said);
    logger->said = g_strdup(message);
    if (++logger->errors < MAX_ERRORS)
        return FALSE;
    say(logger, PBX_LOG_ERROR, "is switched off after 5 errors in a row; the store has everything");
    return TRUE;
}

/* Ended trials need no more room, whether the logger wants to hear of their ends or not. */
static void
forget_ended(PbxLogger *logger, const GArray *ended)
{
    for (guint i = 0; i < ended->len; i++) {
        const guint64 number = g_array_index(ended, guint64, i);
        g_hash_table_remove(logger->trials, &number);
        log_files_forget(&logger->files, number);
        g_array_append_val(logger->over, number);
    }
}

/* Hands events over and writes what was asked for. FALSE: try later, or out. */
static gboolean
deliver(PbxLogger *logger, const GPtrArray *events, guint64 last, gboolean *out)
{
    gsize done = events->len;
    pbx_status status = PBX_OK;
    if (events->len > 0) {
        log_files_mark(&logger->files);
        g_autofree const pbx_event **list = g_new(const pbx_event *, events->len);
        for (guint i = 0; i < events->len; i++)
            list[i] = &((PbxLogEvent *)events->pdata[i])->abi;
        pbx_error error = {"", ""};
        gint64 began = g_get_monotonic_time();
        status = logger->vtable->events(logger->instance->self, list, events->len, &done, &error);
        if (g_get_monotonic_time() - began > SLOW_US)
            logger->batch = MAX(1, logger->batch / 8);
        error.message[sizeof error.message - 1] = '\0';
        if (status < 0) {
            /* The same events come again, and with them what they ask for. */
            log_files_undo(&logger->files);
            *out = status == PBX_EFATAL || count_error(logger, error.message);
            if (status == PBX_EFATAL)
                runner_invoke(logger->runner, fail_in_loop, logger, NULL);
            return FALSE;
        }
    }
    done = MIN(done, events->len);
    guint64 cursor =
        status == PBX_AGAIN && done < events->len
            ? (done > 0 ? ((PbxLogEvent *)events->pdata[done - 1])->abi.seq : logger->cursor)
            : last;
    logger->files.upto = cursor;
    for (;;) {
        g_autoptr(GError) error = NULL;
        if (log_files_perform(&logger->files, &error))
            break;
        if (count_error(logger, error->message)) {
            *out = TRUE;
            return FALSE;
        }
        g_usleep(RETRY_S * G_USEC_PER_SEC);
    }
    logger->errors = 0;
    g_mutex_lock(&logger->runner->logging->lock);
    logger->cursor = cursor;
    g_mutex_unlock(&logger->runner->logging->lock);
    return status != PBX_AGAIN;
}

static gboolean
is_given_up(PbxLogging *logging)
{
    g_mutex_lock(&logging->lock);
    gboolean given_up = logging->given_up;
    g_mutex_unlock(&logging->lock);
    return given_up;
}

/* Reads and delivers until nothing is left. FALSE: try later. */
static gboolean
catch_up(PbxLogger *logger, guint64 until, gboolean *out)
{
    while (logger->cursor < until && !is_given_up(logger->runner->logging)) {
        guint batch = logger->batch;
        g_autoptr(GPtrArray) events = g_ptr_array_new_with_free_func(log_event_free);
        g_autoptr(GArray) ended = g_array_new(FALSE, FALSE, sizeof(guint64));
        PbxGather gathered = {
            .logger = logger, .events = events, .ended = ended, .last = logger->cursor};
        g_autoptr(GError) error = NULL;
        gboolean read = store_each_event(logger->store, logger->cursor, batch, log_events_gather,
                                         &gathered, &error);
        if (!read || gathered.error != NULL) {
            g_autoptr(GError) other = g_steal_pointer(&gathered.error);
            *out = count_error(logger, error != NULL ? error->message : other->message);
            return FALSE;
        }
        /* Not each seq is an event's: what a retry repeats has a result only. */
        if (gathered.n < batch)
            gathered.last = MAX(gathered.last, until);
        if (!deliver(logger, events, gathered.last, out)) {
            logger_publish(logger, FALSE);
            return FALSE;
        }
        forget_ended(logger, ended);
        logger_publish(logger, FALSE);
    }
    return TRUE;
}

static void
flush(PbxLogger *logger)
{
    pbx_error error = {"", ""};
    if (logger->vtable->flush != NULL &&
        logger->vtable->flush(logger->instance->self, &error) < 0) {
        error.message[sizeof error.message - 1] = '\0';
        say(logger, PBX_LOG_WARNING, error.message);
    }
    g_autoptr(GError) io = NULL;
    if (!log_files_perform(&logger->files, &io))
        say(logger, PBX_LOG_WARNING, io->message);
    else
        logger_publish(logger, TRUE);
}

/* The next look is not yet due: waking for each commit would cost more than what is read then.
 * With the lock. */
static void
keep_calm(PbxLogging *logging, gint64 due_us)
{
    while (!logging->closing && g_get_monotonic_time() < due_us)
        g_cond_wait_until(&logging->ends, &logging->lock, due_us);
}

static gpointer
run(gpointer data)
{
    PbxLogger *logger = data;
    PbxLogging *logging = logger->runner->logging;
    gboolean out = FALSE;
    gboolean behind = FALSE;
    gint64 due_us = 0;
    for (;;) {
        g_mutex_lock(&logging->lock);
        while (!logging->closing && (behind || logger->cursor >= logging->committed)) {
            if (!behind) {
                g_cond_wait(&logging->changed, &logging->lock);
            } else if (!g_cond_wait_until(&logging->changed, &logging->lock,
                                          g_get_monotonic_time() + RETRY_S * G_USEC_PER_SEC)) {
                behind = FALSE;
            }
        }
        keep_calm(logging, due_us);
        guint64 until = logging->committed;
        gboolean closing = logging->closing;
        g_mutex_unlock(&logging->lock);
        behind = !catch_up(logger, until, &out);
        due_us = g_get_monotonic_time() + CALM_US;
        /* What failed once is tried once more at the end. */
        if (out || is_given_up(logging) || (closing && (!behind || logger->errors > 1)))
            break;
        if (closing)
            g_usleep(RETRY_S * G_USEC_PER_SEC / 10);
    }
    if (!out && !is_given_up(logging))
        flush(logger);
    g_mutex_lock(&logging->lock);
    logger->finished = TRUE;
    g_mutex_unlock(&logging->lock);
    g_main_context_wakeup(logger->runner->context);
    return NULL;
}

/* ---- Opening and closing ---- */

static void
drop_file(const char *message, gpointer user)
{
    say(user, PBX_LOG_WARNING, message);
}

static void
add_services(PbxHost *host, gpointer user)
{
    host_add_service(host, PBX_FILES_ID, &log_files_service, user);
}

static void
logger_free(gpointer data)
{
    PbxLogger *logger = data;
    instance_free(logger->instance);
    spec_problem_free(logger->problem);
    store_close(logger->store);
    log_files_clear(&logger->files);
    logger_clear_published(logger);
    g_array_unref(logger->over);
    g_hash_table_unref(logger->rows);
    g_hash_table_unref(logger->trials);
    g_free(logger->said);
    g_free(logger);
}

static PbxLogger *
logger_new(PbxRunner *runner, const PbxPluginUse *use, GError **error)
{
    PbxLogger *logger = g_new0(PbxLogger, 1);
    logger->runner = runner;
    logger->batch = BATCH;
    logger->trials = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, log_trial_free);
    logger->rows = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    logger->over = g_array_new(FALSE, FALSE, sizeof(guint64));
    log_files_init(&logger->files, drop_file, logger);
    logger->problem = spec_problem_new(runner->spec, use);
    logger->instance =
        instance_new(use->plugin, use->slot, use->options, runner->spec->seed, runner->clock,
                     runner_log, runner, add_services, &logger->files, error);
    if (logger->instance == NULL) {
        logger_free(logger);
        return NULL;
    }
    logger->vtable = logger->instance->vtable;
    pbx_error abi_error = {"", ""};
    pbx_status status =
        logger->vtable->setup != NULL
            ? logger->vtable->setup(logger->instance->self, logger->problem, &abi_error)
            : PBX_OK;
    if (status < 0) {
        gboolean refused = status == PBX_EINVAL || status == PBX_ENOTSUP;
        instance_set_error(error, refused ? PLUGIN_ERROR_OPTIONS : PLUGIN_ERROR_BROKEN, use->plugin,
                           status, &abi_error);
        logger_free(logger);
        return NULL;
    }
    return logger;
}

PbxLogging *
logging_new(PbxRunner *runner, GError **error)
{
    PbxLogging *logging = g_new0(PbxLogging, 1);
    logging->runner = runner;
    g_mutex_init(&logging->lock);
    g_cond_init(&logging->changed);
    g_cond_init(&logging->ends);
    logging->loggers = g_ptr_array_new_with_free_func(logger_free);
    for (guint i = 0; i < runner->spec->loggers->len; i++) {
        PbxLogger *logger = logger_new(runner, runner->spec->loggers->pdata[i], error);
        if (logger == NULL) {
            logging_free(logging);
            return NULL;
        }
        g_ptr_array_add(logging->loggers, logger);
    }
    return logging;
}

gboolean
logging_start(PbxLogging *logging, GError **error)
{
    const PbxRunner *runner = logging->runner;
    logging->committed = runner->seq;
    for (guint i = 0; i < logging->loggers->len; i++) {
        PbxLogger *logger = logging->loggers->pdata[i];
        logger->store = store_open(runner->dir, FALSE, error);
        if (logger->store == NULL)
            return FALSE;
        logger->files.experiment_dir = g_strdup(runner->dir);
    }
    for (guint i = 0; i < logging->loggers->len; i++) {
        PbxLogger *logger = logging->loggers->pdata[i];
        logger->thread = g_thread_new("logger", run, logger);
    }
    logging->started = TRUE;
    return TRUE;
}

/* The first logger whose thread goes on, or NULL; how far all are. */
static PbxLogger *
first_alive(PbxLogging *logging, guint64 *progress)
{
    PbxLogger *alive = NULL;
    *progress = 0;
    g_mutex_lock(&logging->lock);
    for (guint i = 0; i < logging->loggers->len; i++) {
        PbxLogger *logger = logging->loggers->pdata[i];
        *progress += logger->cursor;
        if (alive == NULL && logger->thread != NULL && !logger->finished)
            alive = logger;
    }
    g_mutex_unlock(&logging->lock);
    return alive;
}

/* The loop goes on meanwhile, so that signals are seen. FALSE: a logger takes nothing more. */
static gboolean
wait_for_threads(PbxLogging *logging)
{
    PbxRunner *runner = logging->runner;
    gint64 patience = (gint64)(runner_env("PEGBOX_LOGGER_GRACE_S", PATIENCE_S) * NS_PER_S);
    gint64 began = clock_now(runner->clock), moved = began;
    guint64 seen = 0, progress;
    gboolean told = FALSE;
    for (PbxLogger *alive; (alive = first_alive(logging, &progress)) != NULL;) {
        gint64 now = clock_now(runner->clock);
        if (progress != seen)
            moved = now;
        seen = progress;
        if (now - moved >= patience ||
            (runner->interrupts > 1 && now - began >= KILLED_S * NS_PER_S))
            return FALSE;
        if (!told && now - began >= KILLED_S * NS_PER_S) {
            say(alive, PBX_LOG_WARNING, "the end of the run waits for it; Ctrl-C twice does not");
            told = TRUE;
        }
        g_main_context_iteration(runner->context, TRUE);
    }
    return TRUE;
}

/* Threads that see it end now; the others are left behind. */
static void
give_up(PbxLogging *logging)
{
    PbxRunner *runner = logging->runner;
    guint64 progress;
    g_mutex_lock(&logging->lock);
    logging->given_up = TRUE;
    g_mutex_unlock(&logging->lock);
    PbxLogger *alive = first_alive(logging, &progress);
    if (alive != NULL)
        say(alive, PBX_LOG_WARNING,
            "is given up before it has taken all events; the store has everything");
    gint64 until = clock_now(runner->clock) + LEAVE_S * NS_PER_S;
    while (first_alive(logging, &progress) != NULL && clock_now(runner->clock) < until)
        g_main_context_iteration(runner->context, TRUE);
    if (first_alive(logging, &progress) != NULL)
        runner_leave_thread();
}

void
logging_close(PbxLogging *logging)
{
    if (logging == NULL || logging->closed)
        return;
    g_mutex_lock(&logging->lock);
    logging->closed = logging->closing = TRUE;
    g_cond_broadcast(&logging->changed);
    g_cond_broadcast(&logging->ends);
    g_mutex_unlock(&logging->lock);
    if (!logging->started)
        return;
    if (!wait_for_threads(logging))
        give_up(logging);
    for (guint i = 0; i < logging->loggers->len && !experiment_left_threads(); i++) {
        PbxLogger *logger = logging->loggers->pdata[i];
        if (logger->thread != NULL)
            g_thread_join(g_steal_pointer(&logger->thread));
    }
    /* What they said last. */
    while (g_main_context_iteration(logging->runner->context, FALSE))
        ;
}

void
logging_free(PbxLogging *logging)
{
    if (logging == NULL)
        return;
    logging_close(logging);
    if (experiment_left_threads())
        return;
    g_ptr_array_unref(logging->loggers);
    g_mutex_clear(&logging->lock);
    g_cond_clear(&logging->changed);
    g_cond_clear(&logging->ends);
    g_free(logging);
}
