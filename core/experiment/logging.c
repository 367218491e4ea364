/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread for each logger: it reads events from the store behind a cursor, so a slow
 * logger lags, loses nothing and holds nobody.
 */
#include <math.h>
#include <string.h>

#include "experiment/logging-private.h"

#define BATCH      256
#define MAX_ERRORS 5 /* in a row; then the logger is out */
#define RETRY_S    1

/* A trial as its events need it; dropped when it has ended. */
typedef struct {
    PbxTrialRow *row;
    PbxAttemptRow attempt;
    gboolean reported; /* the attempt's row was read after its first result */
    JsonNode *config;
    char *dir;
} PbxLogTrial;

typedef struct {
    PbxRunner *runner;
    PbxInstance *instance;
    const pbx_logger *vtable;
    GThread *thread;
    PbxStore *store; /* this thread's own */
    PbxLogFiles files;
    GHashTable *trials; /* number -> PbxLogTrial* */
    pbx_problem *problem;
    guint errors;
    /* shared, under the logging's lock */
    guint64 cursor, stored_cursor;
    gboolean dead;
} PbxLogger;

struct PbxLogging {
    PbxRunner *runner;
    GMutex lock;
    GCond changed;
    guint64 committed;
    gboolean closing;
    gboolean closed;
    GPtrArray *loggers;
};

/* ---- Building events ---- */

/* One event with all that it points to. */
typedef struct {
    pbx_event abi;
    pbx_trial trial;
    pbx_result result;
    GString *text;
    JsonNode *fields;
    char *note, *location;
    guint64 number;
} PbxLogEvent;

static void
log_event_free(gpointer data)
{
    PbxLogEvent *event = data;
    if (event->text != NULL)
        g_string_free(event->text, TRUE);
    g_clear_pointer(&event->fields, json_node_unref);
    g_free(event->note);
    g_free(event->location);
    g_free(event);
}

static void
log_trial_free(gpointer data)
{
    PbxLogTrial *trial = data;
    trial_row_free(trial->row);
    attempt_row_clear(&trial->attempt);
    g_clear_pointer(&trial->config, json_node_unref);
    g_free(trial->dir);
    g_free(trial);
}

static PbxLogTrial *
trial_for(PbxLogger *logger, guint64 number, guint attempt, gboolean reported, GError **error)
{
    PbxLogTrial *trial = g_hash_table_lookup(logger->trials, &number);
    if (trial == NULL) {
        PbxTrialRow *row = store_trial(logger->store, number, error);
        if (row == NULL)
            return NULL;
        trial = g_new0(PbxLogTrial, 1);
        trial->row = row;
        trial->config = json_read(row->config, strlen(row->config), DOC_MAX_NESTING, NULL);
        trial->dir = g_build_filename(logger->runner->dir, row->dir, NULL);
        g_hash_table_insert(logger->trials, g_memdup2(&number, sizeof number), trial);
        log_files_trial(&logger->files, number, trial->dir);
    }
    /* The pid of a trial's own program is known by its first result only. */
    if (attempt > 0 && (trial->attempt.attempt != attempt || (reported && !trial->reported))) {
        attempt_row_clear(&trial->attempt);
        if (!store_attempt(logger->store, number, attempt, &trial->attempt, error))
            return NULL;
        trial->reported = reported;
    }
    return trial;
}

static guint
state_after(guint type)
{
    switch (type) {
    case PBX_EVENT_TRIAL_START:
    case PBX_EVENT_RESULT:
        return PBX_STATE_RUNNING;
    case PBX_EVENT_COMPLETE:
        return PBX_STATE_TERMINATED;
    case PBX_EVENT_ERROR:
        return PBX_STATE_ERROR;
    default:
        return PBX_STATE_PENDING;
    }
}

static void
fill_trial(PbxLogEvent *event, const PbxLogTrial *trial, guint type, guint attempt)
{
    const char *host = trial->attempt.hostname != NULL ? trial->attempt.hostname : "";
    event->location = attempt > 0
                          ? g_strdup_printf("%s:%" G_GINT64_FORMAT, host, trial->attempt.pid)
                          : g_strdup("");
    event->trial = (pbx_trial){
        .struct_size = sizeof event->trial,
        .state = state_after(type),
        .attempt = attempt,
        .trial = trial->row->number,
        .source = PBX_NONE,
        .id = trial->row->id,
        .name = trial->row->name,
        .tag = trial->row->tag,
        .dir = trial->dir,
        .config = host_json(trial->config),
        .config_text = trial->row->config,
        .location = event->location,
    };
    event->abi.trial = &event->trial;
}

static gboolean
fill_result(PbxLogger *logger, PbxLogEvent *event, const PbxLogTrial *trial, GError **error)
{
    g_autoptr(GError) local = NULL;
    PbxResultRow *row = store_result(logger->store, event->abi.seq, &local);
    if (row == NULL) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                    "result %" G_GUINT64_FORMAT " is not in the store%s%s", event->abi.seq,
                    local != NULL ? ": " : "", local != NULL ? local->message : "");
        return FALSE;
    }
    event->text = g_string_sized_new(512);
    store_result_text(event->text, trial->row, &trial->attempt, row, logger->runner->id);
    event->fields = json_read(event->text->str, event->text->len, DOC_MAX_NESTING, NULL);
    event->result = (pbx_result){
        .struct_size = sizeof event->result,
        .flags = row->done ? PBX_RESULT_DONE : 0,
        .rung = row->rung,
        .trial = row->trial,
        .seq = row->seq,
        .iteration = row->iteration,
        .at_ns = row->at_ns,
        .time_total_s = row->time_total_s,
        .budget = (double)NAN,
        .fields = host_json(event->fields),
        .text = event->text->str,
        .text_size = event->text->len,
    };
    event->abi.result = &event->result;
    event->trial.last = &event->result;
    result_row_free(row);
    return TRUE;
}

/* What the callbacks of one read gather. */
typedef struct {
    PbxLogger *logger;
    GPtrArray *events; /* PbxLogEvent* */
    guint64 last;      /* seq up to which all was seen */
    guint n;           /* rows that were seen, unwanted ones too */
    GError *error;
} PbxGather;

static gboolean
gather(const PbxEventRow *row, gpointer user)
{
    PbxGather *gathered = user;
    PbxLogger *logger = gathered->logger;
    gathered->n++;
    if ((logger->vtable->wanted & PBX_WANTS(row->type)) == 0) {
        gathered->last = row->seq;
        return TRUE;
    }
    PbxLogEvent *event = g_new0(PbxLogEvent, 1);
    event->note = g_strdup(row->text);
    event->number = row->trial;
    event->abi = (pbx_event){.struct_size = sizeof event->abi,
                             .type = row->type,
                             .seq = row->seq,
                             .at_ns = row->at_ns,
                             .text = event->note};
    gboolean whole = TRUE;
    if (row->trial != PBX_NONE) {
        PbxLogTrial *trial = trial_for(logger, row->trial, row->attempt,
                                       row->type == PBX_EVENT_RESULT, &gathered->error);
        whole = trial != NULL;
        if (whole)
            fill_trial(event, trial, row->type, row->attempt);
        if (whole && row->type == PBX_EVENT_RESULT)
            whole = fill_result(logger, event, trial, &gathered->error);
    }
    if (!whole) {
        log_event_free(event);
        return FALSE;
    }
    g_ptr_array_add(gathered->events, event);
    gathered->last = row->seq;
    return TRUE;
}

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
    say(logger, PBX_LOG_WARNING, message);
    if (++logger->errors < MAX_ERRORS)
        return FALSE;
    say(logger, PBX_LOG_ERROR, "is switched off after 5 errors in a row; the store has everything");
    return TRUE;
}

/* Ended trials need no more room. */
static void
forget_ended(PbxLogger *logger, const GPtrArray *events, gsize n)
{
    for (gsize i = 0; i < n; i++) {
        const PbxLogEvent *event = events->pdata[i];
        if (event->abi.type == PBX_EVENT_COMPLETE || event->abi.type == PBX_EVENT_ERROR) {
            guint64 number = event->number;
            g_hash_table_remove(logger->trials, &number);
            log_files_forget(&logger->files, number);
        }
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
        status = logger->vtable->events(logger->instance->self, list, events->len, &done, &error);
        error.message[sizeof error.message - 1] = '\0';
        if (status < 0) {
            /* The same events come again, and with them what they ask for. */
            log_files_undo(&logger->files);
            *out = status == PBX_EFATAL || count_error(logger, error.message);
            if (status == PBX_EFATAL)
                g_main_context_invoke(logger->runner->context, fail_in_loop, logger);
            return FALSE;
        }
    }
    done = MIN(done, events->len);
    guint64 cursor =
        status == PBX_AGAIN && done < events->len
            ? (done > 0 ? ((PbxLogEvent *)events->pdata[done - 1])->abi.seq : logger->cursor)
            : last;
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
    forget_ended(logger, events, done);
    return status != PBX_AGAIN;
}

/* Reads and delivers until nothing is left. FALSE: try later. */
static gboolean
catch_up(PbxLogger *logger, guint64 until, gboolean *out)
{
    while (logger->cursor < until) {
        g_autoptr(GPtrArray) events = g_ptr_array_new_with_free_func(log_event_free);
        PbxGather gathered = {.logger = logger, .events = events, .last = logger->cursor};
        g_autoptr(GError) error = NULL;
        gboolean read =
            store_each_event(logger->store, logger->cursor, BATCH, gather, &gathered, &error);
        if (!read || gathered.error != NULL) {
            g_autoptr(GError) other = g_steal_pointer(&gathered.error);
            *out = count_error(logger, error != NULL ? error->message : other->message);
            return FALSE;
        }
        /* Not each seq is an event's: what a retry repeats has a result only. */
        if (gathered.n < BATCH)
            gathered.last = MAX(gathered.last, until);
        if (!deliver(logger, events, gathered.last, out))
            return FALSE;
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
}

static gpointer
run(gpointer data)
{
    PbxLogger *logger = data;
    PbxLogging *logging = logger->runner->logging;
    gboolean out = FALSE;
    gboolean behind = FALSE;
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
        guint64 until = logging->committed;
        gboolean closing = logging->closing;
        g_mutex_unlock(&logging->lock);
        behind = !catch_up(logger, until, &out);
        if (out || (closing && (!behind || logger->errors > 0)))
            break;
        if (closing)
            g_usleep(RETRY_S * G_USEC_PER_SEC / 10);
    }
    if (!out)
        flush(logger);
    g_mutex_lock(&logging->lock);
    logger->dead = out;
    g_mutex_unlock(&logging->lock);
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
    if (logger->thread != NULL)
        g_thread_join(logger->thread);
    instance_free(logger->instance);
    spec_problem_free(logger->problem);
    store_close(logger->store);
    log_files_clear(&logger->files);
    g_hash_table_unref(logger->trials);
    g_free(logger);
}

static PbxLogger *
logger_new(PbxRunner *runner, const PbxPluginUse *use, GError **error)
{
    PbxLogger *logger = g_new0(PbxLogger, 1);
    logger->runner = runner;
    logger->trials = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, log_trial_free);
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
    return TRUE;
}

void
logging_wake(PbxLogging *logging, guint64 seq)
{
    if (logging == NULL)
        return;
    g_mutex_lock(&logging->lock);
    logging->committed = seq;
    g_cond_broadcast(&logging->changed);
    g_mutex_unlock(&logging->lock);
}

void
logging_store(PbxRunner *runner, PbxLogging *logging)
{
    for (guint i = 0; logging != NULL && i < logging->loggers->len; i++) {
        PbxLogger *logger = logging->loggers->pdata[i];
        g_mutex_lock(&logging->lock);
        guint64 cursor = logger->cursor;
        g_mutex_unlock(&logging->lock);
        GError *error = NULL;
        if (cursor == logger->stored_cursor)
            continue;
        logger->stored_cursor = cursor;
        if (!store_put_cursor(runner->store, host_slot(logger->instance->host), cursor, &error)) {
            runner_fail(runner, error);
            return;
        }
    }
}

void
logging_close(PbxLogging *logging)
{
    if (logging == NULL || logging->closed)
        return;
    g_mutex_lock(&logging->lock);
    logging->closed = logging->closing = TRUE;
    g_cond_broadcast(&logging->changed);
    g_mutex_unlock(&logging->lock);
    for (guint i = 0; i < logging->loggers->len; i++) {
        PbxLogger *logger = logging->loggers->pdata[i];
        if (logger->thread != NULL)
            g_thread_join(g_steal_pointer(&logger->thread));
    }
}

void
logging_free(PbxLogging *logging)
{
    if (logging == NULL)
        return;
    logging_close(logging);
    g_ptr_array_unref(logging->loggers);
    g_mutex_clear(&logging->lock);
    g_cond_clear(&logging->changed);
    g_free(logging);
}
