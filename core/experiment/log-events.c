/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events as loggers see them, built from the store's rows. */
#include <math.h>
#include <string.h>

#include "experiment/checkpoints-private.h"
#include "experiment/logging-private.h"

void
log_event_free(gpointer data)
{
    PbxLogEvent *event = data;
    if (event->text != NULL)
        g_string_free(event->text, TRUE);
    lazy_json_clear(&event->fields);
    g_free(event->note);
    g_free(event->path);
    g_free(event->sha256);
    g_free(event->location);
    g_free(event);
}

void
log_trial_free(gpointer data)
{
    PbxLogTrial *trial = data;
    trial_row_free(trial->row);
    attempt_row_clear(&trial->attempt);
    g_clear_pointer(&trial->config, json_node_unref);
    g_free(trial->dir);
    g_free(trial->location);
    g_free(trial);
}

/* The checkpoints that it had by then. */
typedef struct {
    gint64 at_ns;
    guint n;
} Count;

static gboolean
count_saved(const PbxCheckpointRow *row, gpointer user)
{
    Count *count = user;
    count->n += row->at_ns <= count->at_ns;
    return TRUE;
}

static PbxLogTrial *
trial_for(PbxLogger *logger, const PbxEventRow *event, GError **error)
{
    const guint64 number = event->trial;
    const guint attempt = event->attempt;
    const gboolean reported = event->type == PBX_EVENT_RESULT;
    PbxLogTrial *trial = g_hash_table_lookup(logger->trials, &number);
    if (trial == NULL) {
        Count count = {.at_ns = event->at_ns};
        PbxTrialRow *row = store_trial(logger->store, number, error);
        if (row == NULL ||
            !store_each_checkpoint(logger->store, number, count_saved, &count, error)) {
            trial_row_free(row);
            return NULL;
        }
        trial = g_new0(PbxLogTrial, 1);
        trial->row = row;
        trial->n_checkpoints = count.n;
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
        g_free(trial->location);
        trial->location = g_strdup_printf(
            "%s:%" G_GINT64_FORMAT, trial->attempt.hostname != NULL ? trial->attempt.hostname : "",
            trial->attempt.pid);
    }
    return trial;
}

static guint
state_after(guint type)
{
    switch (type) {
    case PBX_EVENT_TRIAL_START:
    case PBX_EVENT_RESTORE:
    case PBX_EVENT_RESULT:
    case PBX_EVENT_CHECKPOINT:
    case PBX_EVENT_SAVE:
        return PBX_STATE_RUNNING;
    case PBX_EVENT_PAUSE:
        return PBX_STATE_PAUSED;
    case PBX_EVENT_COMPLETE:
        return PBX_STATE_TERMINATED;
    case PBX_EVENT_ERROR:
        return PBX_STATE_ERROR;
    default:
        return PBX_STATE_PENDING;
    }
}

static guint64
source_of(const PbxLogTrial *trial)
{
    guint64 source = PBX_NONE;
    return checkpoints_source(trial->row, &source) ? source : PBX_NONE;
}

static void
fill_trial(PbxLogEvent *event, const PbxLogTrial *trial, guint type, guint attempt)
{
    event->location = g_strdup(attempt > 0 ? trial->location : "");
    event->trial = (pbx_trial){
        .struct_size = sizeof event->trial,
        .state = state_after(type),
        .attempt = attempt,
        .n_checkpoints = trial->n_checkpoints,
        .trial = trial->row->number,
        .source = source_of(trial),
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
fill_result(const PbxLogger *logger, PbxLogEvent *event, const PbxLogTrial *trial,
            const PbxResultRow *row, GError **error)
{
    if (row == NULL) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                    "result %" G_GUINT64_FORMAT " is not in the store", event->abi.seq);
        return FALSE;
    }
    event->text = g_string_sized_new(512);
    store_result_text(event->text, trial->row, &trial->attempt, row, logger->runner->id);
    event->fields = (PbxLazyJson){.text = event->text->str, .length = event->text->len};
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
        .fields = host_json_lazy(&event->fields),
        .text = event->text->str,
        .text_size = event->text->len,
    };
    event->abi.result = &event->result;
    event->trial.last = &event->result;
    return TRUE;
}

static gboolean
is_about_checkpoint(guint type)
{
    return type == PBX_EVENT_CHECKPOINT || type == PBX_EVENT_SAVE || type == PBX_EVENT_RESTORE;
}

/* What `restore` of the file named; `text` says what that was. */
static gboolean
fill_from_file(PbxLogger *logger, PbxLogEvent *event, GError **error)
{
    g_autoptr(PbxRestoreFrom) from = restore_from_load(logger->store, error);
    if (from == NULL)
        return error == NULL || *error == NULL;
    event->path = g_build_filename(logger->runner->dir, from->file, NULL);
    event->sha256 = g_strdup(from->sha256);
    event->checkpoint = (pbx_checkpoint){
        .struct_size = sizeof event->checkpoint,
        .trial = PBX_NONE,
        .step = from->step,
        .bytes = from->bytes,
        .path = event->path,
        .sha256 = event->sha256,
    };
    event->abi.checkpoint = &event->checkpoint;
    return TRUE;
}

/* The text of such an event is the id of a row. */
static gboolean
fill_checkpoint(PbxLogger *logger, PbxLogEvent *event, const PbxLogTrial *trial, GError **error)
{
    guint64 id = 0;
    if (event->note == NULL ||
        !g_ascii_string_to_unsigned(event->note, 10, 1, G_MAXINT64, &id, NULL))
        return fill_from_file(logger, event, error);
    GError *failed = NULL;
    g_autoptr(PbxCheckpointRow) row = store_checkpoint(logger->store, id, &failed);
    if (failed != NULL)
        g_propagate_error(error, failed);
    if (row == NULL)
        return failed == NULL;
    const gboolean elsewhere = g_path_is_absolute(row->name) || row->trial != trial->row->number;
    event->path = elsewhere ? checkpoints_archive(logger->store, logger->runner->dir, row, error)
                            : g_build_filename(trial->dir, row->name, NULL);
    if (event->path == NULL)
        return FALSE;
    event->sha256 = g_strdup(row->sha256);
    event->checkpoint = (pbx_checkpoint){
        .struct_size = sizeof event->checkpoint,
        .id = row->id,
        .trial = row->trial,
        .step = row->step,
        .bytes = row->bytes,
        .path = event->path,
        .sha256 = event->sha256,
    };
    event->abi.checkpoint = &event->checkpoint;
    event->abi.text = NULL;
    return TRUE;
}

/* Whether anybody wants the event or not. */
static void
count_checkpoint(PbxLogger *logger, guint64 number)
{
    PbxLogTrial *trial = g_hash_table_lookup(logger->trials, &number);
    if (trial != NULL)
        trial->n_checkpoints++;
}

gboolean
log_events_gather(const PbxEventRow *row, const PbxResultRow *result, gpointer user)
{
    PbxGather *gathered = user;
    PbxLogger *logger = gathered->logger;
    gathered->n++;
    if (row->type == PBX_EVENT_CHECKPOINT)
        count_checkpoint(logger, row->trial);
    if (row->type == PBX_EVENT_COMPLETE || row->type == PBX_EVENT_ERROR)
        g_array_append_val(gathered->ended, row->trial);
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
        PbxLogTrial *trial = trial_for(logger, row, &gathered->error);
        whole = trial != NULL;
        if (whole)
            fill_trial(event, trial, row->type, row->attempt);
        if (whole && row->type == PBX_EVENT_RESULT)
            whole = fill_result(logger, event, trial, result, &gathered->error);
        if (whole && is_about_checkpoint(row->type))
            whole = fill_checkpoint(logger, event, trial, &gathered->error);
    }
    if (!whole) {
        log_event_free(event);
        return FALSE;
    }
    g_ptr_array_add(gathered->events, event);
    gathered->last = row->seq;
    return TRUE;
}
