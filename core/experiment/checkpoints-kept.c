/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* After a commit that has new checkpoints: they are made durable, and what is not kept goes. */
#include "experiment/checkpoints-private.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "experiment/retention-private.h"

/* Kept rows with what the rules look at, in the order of their ids. */
typedef struct {
    const PbxRunner *runner;
    GPtrArray *rows; /* PbxCheckpointRow* */
    GArray *kept;    /* PbxKept */
} Shelf;

static void
shelf_clear(Shelf *shelf)
{
    g_clear_pointer(&shelf->rows, g_ptr_array_unref);
    g_clear_pointer(&shelf->kept, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Shelf, shelf_clear)

static const PbxTrial *
trial_at(const PbxRunner *runner, guint64 number)
{
    return number < runner->trials->len ? runner->trials->pdata[number] : NULL;
}

/* Whether nothing goes on from a trial any more, not even `--resume=errored`. */
static gboolean
is_over(const PbxTrial *trial)
{
    return trial->ended && (trial->row.state != PBX_STATE_ERROR || trial->row.replaced_by != 0);
}

static gboolean
put_on_shelf(const PbxCheckpointRow *row, gpointer user)
{
    Shelf *shelf = user;
    const PbxSpec *spec = shelf->runner->spec;
    const PbxTrial *trial = trial_at(shelf->runner, row->trial);
    if (row->state != CHECKPOINT_KEPT)
        return TRUE;
    const double sign = spec->metrics[0] != NULL ? spec->signs[0] : 1;
    const PbxKept kept = {
        .id = row->id,
        .trial = row->trial,
        .score = spec->checkpoint.score_sign * row->score,
        .bytes = row->bytes,
        .loss = trial != NULL && trial->row.feasible != FEASIBLE_NO ? sign * trial->row.value
                                                                    : (double)NAN,
        .over = trial != NULL && is_over(trial),
    };
    g_ptr_array_add(shelf->rows, checkpoint_row_copy(row));
    g_array_append_val(shelf->kept, kept);
    return TRUE;
}

static gboolean
fill(Shelf *shelf, const PbxRunner *runner, guint64 trial, GError **error)
{
    shelf->runner = runner;
    shelf->rows = g_ptr_array_new_with_free_func((GDestroyNotify)checkpoint_row_free);
    shelf->kept = g_array_new(FALSE, FALSE, sizeof(PbxKept));
    return store_each_checkpoint(runner->store, trial, put_on_shelf, shelf, error);
}

/* Takes what goes off the shelf. */
static void
collect(Shelf *shelf, GPtrArray *gone)
{
    for (guint i = 0; i < shelf->kept->len; i++) {
        if (!g_array_index(shelf->kept, PbxKept, i).goes)
            continue;
        PbxCheckpointRow *row = g_steal_pointer(&shelf->rows->pdata[i]);
        row->state = CHECKPOINT_DELETED;
        g_ptr_array_add(gone, row);
    }
}

static gboolean
collect_of_trial(PbxRunner *runner, guint64 trial, GPtrArray *gone, GError **error)
{
    g_auto(Shelf) shelf = {0};
    if (runner->spec->checkpoint.keep == 0)
        return TRUE;
    if (!fill(&shelf, runner, trial, error))
        return FALSE;
    retention_of_trial((PbxKept *)shelf.kept->data, shelf.kept->len, runner->spec->checkpoint.keep);
    collect(&shelf, gone);
    return TRUE;
}

/* A trial that was made from another one, and has saved nothing itself yet, needs its newest. */
static void
mark_needed(const PbxRunner *runner, Shelf *shelf)
{
    PbxKept *kept = (PbxKept *)shelf->kept->data;
    for (guint i = 0; i < runner->trials->len; i++) {
        const PbxTrial *trial = runner->trials->pdata[i];
        guint64 source = 0;
        if (trial == NULL || trial->ended || !checkpoints_source(&trial->row, &source))
            continue;
        for (guint j = shelf->kept->len; j-- > 0;) {
            if (kept[j].trial == trial->row.number)
                break;
            if (kept[j].trial == source) {
                kept[j].needed = TRUE;
                break;
            }
        }
    }
}

/* What was saved just now stays, though its trial has ended meanwhile. */
static void
mark_saved(Shelf *shelf, const GArray *saved)
{
    PbxKept *kept = (PbxKept *)shelf->kept->data;
    for (guint i = 0; i < saved->len; i++) {
        guint j = shelf->kept->len;
        while (j-- > 0 && kept[j].trial != g_array_index(saved, guint64, i))
            ;
        if (j < shelf->kept->len)
            kept[j].needed = TRUE;
    }
}

static void
warn_over(PbxRunner *runner, guint64 bytes, guint64 max_bytes)
{
    if (runner->warned_bytes || bytes <= max_bytes)
        return;
    g_autofree char *line = g_strdup_printf("the checkpoints take %" G_GUINT64_FORMAT
                                            " bytes, checkpoint.max_total_bytes is "
                                            "%" G_GUINT64_FORMAT ": all of them are still needed",
                                            bytes, max_bytes);
    runner_log("runner", PBX_LOG_WARNING, line, runner);
    runner->warned_bytes = TRUE;
}

static gboolean
is_gone(const GPtrArray *gone, guint64 id)
{
    for (guint i = 0; i < gone->len; i++)
        if (((const PbxCheckpointRow *)gone->pdata[i])->id == id)
            return TRUE;
    return FALSE;
}

/* What the whole experiment must not have any more. */
static gboolean
collect_of_all(PbxRunner *runner, const GArray *saved, GPtrArray *gone, GError **error)
{
    const guint64 max_bytes = runner->spec->checkpoint.max_total_bytes;
    guint64 bytes = 0;
    g_auto(Shelf) shelf = {0};
    if (max_bytes == 0)
        return TRUE;
    if (!store_checkpoint_bytes(runner->store, &bytes, error))
        return FALSE;
    for (guint i = 0; i < gone->len; i++)
        bytes -= ((const PbxCheckpointRow *)gone->pdata[i])->bytes;
    if (bytes <= max_bytes)
        return TRUE;
    if (!fill(&shelf, runner, PBX_NONE, error))
        return FALSE;
    GPtrArray *rows = shelf.rows;
    for (guint i = 0; i < shelf.kept->len; i++)
        if (is_gone(gone, ((const PbxCheckpointRow *)rows->pdata[i])->id))
            g_array_index(shelf.kept, PbxKept, i).goes = TRUE;
    mark_needed(runner, &shelf);
    mark_saved(&shelf, saved);
    bytes = retention_of_all((PbxKept *)shelf.kept->data, shelf.kept->len, max_bytes);
    warn_over(runner, bytes, max_bytes);
    /* Not twice. */
    for (guint i = 0; i < shelf.kept->len; i++) {
        PbxKept *kept = &g_array_index(shelf.kept, PbxKept, i);
        kept->goes = kept->goes && !is_gone(gone, kept->id);
    }
    collect(&shelf, gone);
    return TRUE;
}

/* Their rows say so before they go. */
static gboolean
store_gone(PbxRunner *runner, const GPtrArray *gone, GError **error)
{
    if (!store_begin(runner->store, error))
        return FALSE;
    for (guint i = 0; i < gone->len; i++)
        if (!store_put_checkpoint(runner->store, gone->pdata[i], error))
            return FALSE;
    return store_commit(runner->store, error);
}

static void
delete_archives(PbxRunner *runner, const GPtrArray *gone)
{
    for (guint i = 0; i < gone->len; i++) {
        const PbxCheckpointRow *row = gone->pdata[i];
        g_autoptr(GError) error = NULL;
        g_autofree char *path = checkpoints_archive(runner->store, runner->dir, row, &error);
        if (path != NULL && (unlink(path) == 0 || errno == ENOENT))
            continue;
        g_autofree char *line = g_strdup_printf("the checkpoint %s cannot be deleted: %s",
                                                path != NULL ? path : row->name,
                                                path != NULL ? g_strerror(errno) : error->message);
        runner_log("runner", PBX_LOG_WARNING, line, runner);
    }
}

/* ---- What another driver has left ---- */

#define SWEEP_NS                                                                                   \
    (60 * NS_PER_S) /* a driver ends sooner after a trial's end, or has deleted them               \
                     */

typedef struct {
    PbxRunner *runner;
    GPtrArray *gone;
    gint64 since_ns; /* trials that had ended by then have none */
} Sweep;

static gboolean
sweep_row(const PbxCheckpointRow *row, gpointer user)
{
    Sweep *sweep = user;
    const PbxTrial *trial = trial_at(sweep->runner, row->trial);
    if (row->state == CHECKPOINT_DELETED && trial != NULL && trial->ended &&
        trial->row.ended_ns >= sweep->since_ns)
        g_ptr_array_add(sweep->gone, checkpoint_row_copy(row));
    return TRUE;
}

/* Those of trials that live go with their next attempt. */
gint64
checkpoints_last_end(const PbxRunner *runner)
{
    gint64 since_ns = 0;
    for (guint i = 0; i < runner->trials->len; i++) {
        const PbxTrial *trial = runner->trials->pdata[i];
        since_ns = MAX(since_ns, trial->row.ended_ns - SWEEP_NS);
    }
    return since_ns;
}

void
checkpoints_sweep(PbxRunner *runner, gint64 since_ns)
{
    g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func((GDestroyNotify)checkpoint_row_free);
    Sweep sweep = {.runner = runner, .gone = gone, .since_ns = since_ns};
    GError *error = NULL;
    for (guint i = 0; i < runner->trials->len; i++) {
        const PbxTrial *trial = runner->trials->pdata[i];
        if (trial->ended && trial->row.ended_ns >= since_ns)
            checkpoints_remove_leftovers(runner, trial);
    }
    if (store_last_checkpoint(runner->store) == 0)
        return;
    if (!store_each_checkpoint(runner->store, PBX_NONE, sweep_row, &sweep, &error))
        runner_fail(runner, error);
    else
        delete_archives(runner, gone);
}

/* ---- After a commit ---- */

static gboolean
settle(PbxRunner *runner, const GArray *saved, GError **error)
{
    g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func((GDestroyNotify)checkpoint_row_free);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
    for (guint i = 0; i < saved->len; i++) {
        guint64 *trial = &g_array_index(saved, guint64, i);
        if (g_hash_table_add(seen, trial) && !collect_of_trial(runner, *trial, gone, error))
            return FALSE;
    }
    if (!collect_of_all(runner, saved, gone, error))
        return FALSE;
    if (gone->len == 0)
        return TRUE;
    if (!store_gone(runner, gone, error))
        return FALSE;
    delete_archives(runner, gone);
    return TRUE;
}

void
checkpoints_settle(PbxRunner *runner)
{
    GError *error = NULL;
    if (runner->saved->len == 0 || runner->fatal != NULL || store_in_transaction(runner->store))
        return;
    /* What is older stays until what is newer would survive a power cut. */
    if (!runner_make_durable(runner))
        return;
    g_autoptr(GArray) saved = g_steal_pointer(&runner->saved);
    runner->saved = g_array_new(FALSE, FALSE, sizeof(guint64));
    if (!settle(runner, saved, &error))
        runner_fail(runner, error);
}
