/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checkpoints of trials in the driver: rows, what is kept, what a run goes on from. */
#include "experiment/checkpoints-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "experiment/workers-private.h"

static void
take_error(PbxRunner *runner, GError *error)
{
    if (error != NULL)
        runner_fail(runner, error);
}

gboolean
checkpoints_wanted(const PbxRunner *runner)
{
    const PbxCheckpointing *checkpoint = &runner->spec->checkpoint;
    return (checkpoint->frequency > 0 || checkpoint->at_end || checkpoint->path != NULL) &&
           spec_can_save(runner->spec) != CAN_SAVE_NEVER;
}

gboolean
checkpoints_at_end(const PbxRunner *runner, const PbxTrial *trial)
{
    return runner->spec->checkpoint.at_end && trial->worker != NULL &&
           trial->worker->state == WORKER_BUSY && trial->failing == NULL;
}

gboolean
checkpoints_source(const PbxTrialRow *row, guint64 *trial)
{
    return row->source != NULL &&
           g_ascii_string_to_unsigned(row->source, 10, 0, G_MAXINT64, trial, NULL);
}

/* ---- Saved ---- */

static gboolean
find_result(const PbxResultRow *row, gpointer user)
{
    PbxResultRow *wanted = user;
    if (row->n != wanted->n)
        return TRUE;
    *wanted = *row;
    wanted->fields = g_strdup(row->fields);
    return FALSE;
}

/* The score of what was saved after result n. */
static double
score_at(PbxRunner *runner, PbxTrial *trial, guint64 n)
{
    const PbxCheckpointing *checkpoint = &runner->spec->checkpoint;
    PbxResultRow found = {.n = n};
    const PbxResultRow *row = trial->last;
    double score = (double)NAN;
    GError *error = NULL;
    if (row == NULL || row->n != n) {
        if (!store_each_result(runner->store, trial->row.number, find_result, &found, &error))
            take_error(runner, error);
        row = found.fields != NULL ? &found : NULL;
    }
    if (row != NULL) {
        g_autoptr(PbxView) view = view_new(runner, trial, row);
        if (!view_number(view, checkpoint->score_attribute, &score))
            score = (double)NAN;
    }
    result_row_clear(&found);
    return score;
}

static void
tell_unranked(PbxRunner *runner, const PbxTrial *trial, const PbxCheckpointRow *row)
{
    const PbxCheckpointing *checkpoint = &runner->spec->checkpoint;
    if (isfinite(row->score) || checkpoint->keep == 0)
        return;
    g_autofree char *line =
        g_strdup_printf("%s of trial %" G_GUINT64_FORMAT
                        " has no finite '%s' to be ranked by: it is kept only while it is the "
                        "newest",
                        row->name, trial->row.number, checkpoint->score_attribute);
    runner_log_trial(runner, trial, PBX_LOG_WARNING, line);
}

static void
checkpoint_event(PbxRunner *runner, guint type, const PbxTrial *trial, guint64 id)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, id);
    runner_event(runner, type, trial, text);
}

void
checkpoints_saved(PbxRunner *runner, PbxTrial *trial, const PbxWorkerMessage *message)
{
    runner_touch(runner);
    if (runner->fatal != NULL)
        return;
    /* What was reported after the end was dropped: there is no later result than the last. */
    guint64 n = MIN(message->n, trial->worker->n_results);
    if (trial->behind != NULL) /* nor is what is held back */
        n = MIN(n, trial->pause_n);
    PbxCheckpointRow row = {
        .id = store_last_checkpoint(runner->store) + 1,
        .trial = trial->row.number,
        .attempt = trial->row.attempts,
        .n = n,
        .step = message->step,
        .iteration = message->iteration,
        .time_total_s = message->time_total_s,
        .timesteps_total = message->timesteps_total,
        .episodes_total = message->episodes_total,
        .name = (char *)message->name,
        .bytes = message->bytes,
        .sha256 = (char *)message->sha256,
        .score = score_at(runner, trial, n),
        .state = CHECKPOINT_KEPT,
        .at_ns = runner_wall(runner),
    };
    GError *error = NULL;
    tell_unranked(runner, trial, &row);
    if (runner->fatal == NULL && !store_put_checkpoint(runner->store, &row, &error))
        runner_fail(runner, error);
    checkpoint_event(runner, PBX_EVENT_CHECKPOINT, trial, row.id);
    checkpoint_event(runner, PBX_EVENT_SAVE, trial, row.id);
    g_array_append_val(runner->saved, trial->row.number);
    if (message->done)
        end_done(runner, trial);
}

void
checkpoints_ended(PbxRunner *runner, const PbxTrial *trial)
{
    const guint64 frequency = runner->spec->checkpoint.frequency;
    if (runner->warned_unsaved || frequency == 0 || runner->outside || runner->fatal != NULL ||
        trial->row.iteration < (gint64)frequency || store_last_checkpoint(runner->store) > 0)
        return;
    g_autofree char *line = g_strdup_printf(
        "checkpoint.frequency is %" G_GUINT64_FORMAT ", but trial %" G_GUINT64_FORMAT
        " was never saved: its program saves by pegbox.checkpoint_dir(), or names what is to be "
        "saved as checkpoint.path",
        frequency, trial->row.number);
    runner_log_trial(runner, trial, PBX_LOG_WARNING, line);
    runner->warned_unsaved = TRUE;
}

/* ---- Restored ---- */

static void
log_damaged(PbxRunner *runner, PbxTrial *trial, const char *name, const char *why)
{
    g_autofree char *line = g_strdup_printf(
        "%s of trial %" G_GUINT64_FORMAT " cannot be restored: %s", name, trial->row.number, why);
    runner_log_trial(runner, trial, PBX_LOG_WARNING, line);
}

static void
mark_damaged(PbxRunner *runner, PbxTrial *trial, guint64 id, const char *why)
{
    GError *error = NULL;
    runner_touch(runner);
    if (id == CHECKPOINT_OF_FILE) {
        log_damaged(runner, trial, "`restore`", why);
        return;
    }
    g_autoptr(PbxCheckpointRow) row = store_checkpoint(runner->store, id, &error);
    if (row != NULL) {
        log_damaged(runner, trial, row->name, why);
        row->state = CHECKPOINT_DAMAGED;
        if (!store_put_checkpoint(runner->store, row, &error))
            runner_fail(runner, g_steal_pointer(&error));
    }
    take_error(runner, error);
}

/* The attempt goes on from its counts. */
static void
begin_at(PbxTrial *trial, guint64 id, const PbxWorkerRestore *from)
{
    PbxAttemptRow *attempt = &trial->attempt;
    attempt->checkpoint = id != CHECKPOINT_OF_FILE ? id : 0;
    attempt->start_n = from->n;
    attempt->start_iteration = from->iteration;
    attempt->start_time_s = from->time_total_s;
    attempt->start_timesteps = from->timesteps_total;
    attempt->start_episodes = from->episodes_total;
    trial->attempt_dirty = TRUE;
    trial->worker->n_results = from->n;
}

static gboolean
begin_at_row(PbxRunner *runner, PbxTrial *trial, guint64 id)
{
    GError *error = NULL;
    g_autoptr(PbxCheckpointRow) row = store_checkpoint(runner->store, id, &error);
    take_error(runner, error);
    if (row == NULL)
        return FALSE;
    const gboolean own = row->trial == trial->row.number;
    const PbxWorkerRestore from = {.n = own ? row->n : 0,
                                   .iteration = row->iteration,
                                   .time_total_s = row->time_total_s,
                                   .timesteps_total = row->timesteps_total,
                                   .episodes_total = row->episodes_total};
    begin_at(trial, id, &from);
    checkpoint_event(runner, PBX_EVENT_RESTORE, trial, id);
    return TRUE;
}

static gboolean
begin_at_file(PbxRunner *runner, PbxTrial *trial)
{
    GError *error = NULL;
    g_autoptr(PbxRestoreFrom) file = restore_from_load(runner->store, &error);
    take_error(runner, error);
    if (file == NULL)
        return FALSE;
    const PbxWorkerRestore from = {.iteration = file->iteration,
                                   .time_total_s = file->time_total_s,
                                   .timesteps_total = file->timesteps_total,
                                   .episodes_total = file->episodes_total};
    begin_at(trial, CHECKPOINT_OF_FILE, &from);
    g_free(trial->row.source);
    trial->row.source = g_strdup(file->source);
    runner_event(runner, PBX_EVENT_RESTORE, trial, file->source);
    return TRUE;
}

void
checkpoints_restored(PbxRunner *runner, PbxTrial *trial, const PbxWorkerMessage *message)
{
    const guint64 id = message->restored_id;
    runner_touch(runner);
    trial_touch(runner, trial);
    for (gsize i = 0; i < message->n_damaged; i++)
        mark_damaged(runner, trial, message->damaged[i].id, message->damaged[i].text);
    trial->restoring = trial->suspect = 0;
    if (id == 0 || runner->fatal != NULL) {
        trial->worker->n_results = 0;
        if (message->n_damaged > 0 && id == 0)
            runner_log_trial(runner, trial, PBX_LOG_WARNING,
                             "the trial begins anew: none of its checkpoints could be restored");
        return;
    }
    const gboolean known =
        id == CHECKPOINT_OF_FILE ? begin_at_file(runner, trial) : begin_at_row(runner, trial, id);
    if (!known && trial->failing == NULL) {
        trial->failing = g_strdup("its worker restored a checkpoint that it was not given");
        worker_stop_process(trial->worker, PBX_STOP_KILL);
    }
}

void
checkpoints_not_restored(PbxRunner *runner, PbxTrial *trial)
{
    if (trial->restoring == 0)
        return;
    /* A process may die of something else: once says nothing. */
    if (trial->suspect == trial->restoring) {
        mark_damaged(runner, trial, trial->restoring, "its worker died twice over it");
        trial->suspect = 0;
    } else {
        trial->suspect = trial->restoring;
    }
    trial->restoring = 0;
}

/* ---- What a run goes on from ---- */

static gboolean
keep_newest(const PbxCheckpointRow *row, gpointer user)
{
    PbxCheckpointRow **newest = user;
    if (row->state != CHECKPOINT_KEPT)
        return TRUE;
    checkpoint_row_free(*newest);
    *newest = checkpoint_row_copy(row);
    return TRUE;
}

PbxCheckpointRow *
checkpoints_newest(PbxStore *store, guint64 trial, GError **error)
{
    g_autoptr(PbxCheckpointRow) newest = NULL;
    return store_each_checkpoint(store, trial, keep_newest, &newest, error)
               ? g_steal_pointer(&newest)
               : NULL;
}

typedef struct {
    PbxCheckpointPlan *plan;
    gboolean own;
} PlanReader;

static gboolean
read_row(const PbxCheckpointRow *row, gpointer user)
{
    PlanReader *reader = user;
    PbxCheckpointPlan *plan = reader->plan;
    if (reader->own)
        g_ptr_array_add(plan->used, g_strdup(row->name));
    if (row->state == CHECKPOINT_KEPT)
        g_ptr_array_add(plan->rows, checkpoint_row_copy(row));
    return TRUE;
}

char *
checkpoints_archive(PbxStore *store, const char *dir, const PbxCheckpointRow *row, GError **error)
{
    if (g_path_is_absolute(row->name))
        return g_strdup(row->name);
    GError *failed = NULL;
    g_autoptr(PbxTrialRow) trial = store_trial(store, row->trial, &failed);
    if (trial != NULL && trial->dir != NULL)
        return g_build_filename(dir, trial->dir, row->name, NULL);
    if (failed == NULL)
        g_set_error(&failed, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                    "checkpoint %s: its trial has no directory", row->name);
    g_propagate_error(error, failed);
    return NULL;
}

/* The rows of one trial become candidates, the newest first. */
static gboolean
add_rows(PbxRunner *runner, PbxCheckpointPlan *plan, gboolean own, guint from, GError **error)
{
    for (guint i = plan->rows->len; i-- > from;) {
        const PbxCheckpointRow *row = plan->rows->pdata[i];
        char *archive = checkpoints_archive(runner->store, runner->dir, row, error);
        if (archive == NULL)
            return FALSE;
        g_ptr_array_add(plan->archives, archive);
        const PbxWorkerRestore restore = {.id = row->id,
                                          .n = own ? row->n : 0,
                                          .archive = archive,
                                          .sha256 = row->sha256,
                                          .iteration = row->iteration,
                                          .time_total_s = row->time_total_s,
                                          .timesteps_total = row->timesteps_total,
                                          .episodes_total = row->episodes_total};
        g_array_append_val(plan->restore, restore);
    }
    return TRUE;
}

static gboolean
add_trial(PbxRunner *runner, PbxCheckpointPlan *plan, guint64 trial, gboolean own, GError **error)
{
    PlanReader reader = {plan, own};
    const guint from = plan->rows->len;
    return store_each_checkpoint(runner->store, trial, read_row, &reader, error) &&
           add_rows(runner, plan, own, from, error);
}

/* Last, what the file names. */
static gboolean
add_file(PbxRunner *runner, PbxCheckpointPlan *plan, GError **error)
{
    GError *failed = NULL;
    if (runner->spec->restore.kind == RESTORE_NOTHING)
        return TRUE;
    PbxRestoreFrom *file = plan->file = restore_from_load(runner->store, &failed);
    if (failed != NULL)
        g_propagate_error(error, failed);
    if (file == NULL)
        return failed == NULL;
    char *archive = g_build_filename(runner->dir, file->file, NULL);
    g_ptr_array_add(plan->archives, archive);
    const PbxWorkerRestore restore = {.id = CHECKPOINT_OF_FILE,
                                      .archive = archive,
                                      .sha256 = file->sha256,
                                      .iteration = file->iteration,
                                      .time_total_s = file->time_total_s,
                                      .timesteps_total = file->timesteps_total,
                                      .episodes_total = file->episodes_total};
    g_array_append_val(plan->restore, restore);
    return TRUE;
}

/* `checkpoint.path` of this trial, below its directory. */
static gboolean
expand_path(const PbxRunner *runner, const PbxTrial *trial, char **path, GError **error)
{
    PbxTemplate *template = runner->spec->checkpoint.path;
    if (template == NULL)
        return TRUE;
    PbxTemplateContext context = trial_context(runner, trial);
    g_autofree char *text = template_expand(template, &context, error);
    if (text == NULL) {
        g_prefix_error(error, "checkpoint.path: ");
        return FALSE;
    }
    g_autofree char *whole = g_canonicalize_filename(text, trial->dir);
    g_autofree char *base = g_canonicalize_filename(trial->dir, NULL);
    const gsize length = strlen(base);
    if (strncmp(whole, base, length) == 0 && whole[length] == '/' && whole[length + 1] != '\0') {
        *path = g_strdup(whole + length + 1);
        return TRUE;
    }
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                "checkpoint.path: '%s' is not below the trial's directory", text);
    return FALSE;
}

/* ---- What is left over ---- */

gboolean
checkpoints_put_aside(const char *path, char **as, GError **error)
{
    g_autofree char *dir = g_path_get_dirname(path), *name = g_path_get_basename(path);
    g_autofree char *to = g_strdup_printf("%s/" CHECKPOINT_FOUND_PREFIX "%s", dir, name);
    for (guint i = 2; g_file_test(to, G_FILE_TEST_EXISTS); i++) {
        g_free(to);
        to = g_strdup_printf("%s/" CHECKPOINT_FOUND_PREFIX "%u_%s", dir, i, name);
    }
    if (g_rename(path, to) == 0) {
        *as = g_path_get_basename(to);
        return TRUE;
    }
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN, "it cannot be renamed: %s",
                g_strerror(errno));
    return FALSE;
}

/* Those that are damaged stay, for a person to look at. */
static gboolean
note_name(const PbxCheckpointRow *row, gpointer user)
{
    if (row->state != CHECKPOINT_DELETED)
        g_hash_table_add(user, g_strdup(row->name));
    return TRUE;
}

/* Its directory; of one that has ended only the store may know it. NULL without error: it has none.
 * (transfer full) */
static char *
dir_of(PbxRunner *runner, const PbxTrial *trial, GError **error)
{
    if (trial->dir != NULL)
        return g_strdup(trial->dir);
    g_autoptr(PbxTrialRow) row = store_trial(runner->store, trial->row.number, error);
    return row != NULL && row->dir != NULL ? g_build_filename(runner->dir, row->dir, NULL) : NULL;
}

void
checkpoints_remove_leftovers(PbxRunner *runner, const PbxTrial *trial)
{
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GError *error = NULL;
    g_autofree char *path_of_dir = dir_of(runner, trial, &error);
    if (path_of_dir == NULL ||
        !store_each_checkpoint(runner->store, trial->row.number, note_name, names, &error)) {
        take_error(runner, error);
        return;
    }
    checkpoint_remove_leftovers(path_of_dir);
    g_autoptr(GDir) dir = g_dir_open(path_of_dir, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        if (!checkpoint_is_archive(name) || g_hash_table_contains(names, name))
            continue;
        g_autofree char *path = g_build_filename(path_of_dir, name, NULL);
        g_autofree char *as = NULL;
        if (!runner->log_damaged)
            unlink(path);
        else
            (void)checkpoints_put_aside(path, &as, NULL);
    }
}

gboolean
checkpoints_plan(PbxRunner *runner, PbxTrial *trial, PbxCheckpointPlan *plan, GError **error)
{
    const PbxCheckpointing *checkpoint = &runner->spec->checkpoint;
    guint64 source = 0;
    plan->rows = g_ptr_array_new_with_free_func((GDestroyNotify)checkpoint_row_free);
    plan->archives = g_ptr_array_new_with_free_func(g_free);
    plan->used = g_ptr_array_new_with_free_func(g_free);
    plan->restore = g_array_new(FALSE, FALSE, sizeof(PbxWorkerRestore));
    /* The first attempt has nothing of its own. */
    if (trial->row.attempts > 1 && !add_trial(runner, plan, trial->row.number, TRUE, error))
        return FALSE;
    if (trial->row.attempts > 1)
        checkpoints_remove_leftovers(runner, trial);
    if ((checkpoints_source(&trial->row, &source) && source != trial->row.number &&
         !add_trial(runner, plan, source, FALSE, error)) ||
        !add_file(runner, plan, error) || !expand_path(runner, trial, &plan->path, error))
        return FALSE;
    g_ptr_array_add(plan->used, NULL);
    plan->saving = (PbxWorkerSaving){.frequency = checkpoint->frequency,
                                     .at_end = checkpoint->at_end,
                                     .zstd_level = checkpoint->zstd_level,
                                     .path = plan->path,
                                     .used = (const char *const *)plan->used->pdata};
    trial->restoring =
        plan->restore->len > 0 ? g_array_index(plan->restore, PbxWorkerRestore, 0).id : 0;
    return TRUE;
}

void
checkpoints_plan_clear(PbxCheckpointPlan *plan)
{
    g_clear_pointer(&plan->rows, g_ptr_array_unref);
    g_clear_pointer(&plan->archives, g_ptr_array_unref);
    g_clear_pointer(&plan->used, g_ptr_array_unref);
    g_clear_pointer(&plan->restore, g_array_unref);
    g_clear_pointer(&plan->file, restore_from_free);
    g_clear_pointer(&plan->path, g_free);
}
