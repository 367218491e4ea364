/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Archives against their rows, and what a killed driver or worker left half done. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "experiment/checkpoints-private.h"
#include "experiment/repair-private.h"

typedef struct {
    PbxRepair *repair;
    GPtrArray *rows;   /* PbxCheckpointRow* */
    GHashTable *known; /* char*: paths of archives that have a row */
    gboolean rows_lost;
} Archives;

static gboolean
keep_row(const PbxCheckpointRow *row, gpointer user)
{
    g_ptr_array_add(user, checkpoint_row_copy(row));
    return TRUE;
}

/* (transfer full); NULL without error: its trial has no directory. */
static char *
archive_path(const PbxRepair *repair, const PbxCheckpointRow *row, GError **error)
{
    if (g_path_is_absolute(row->name))
        return g_strdup(row->name);
    g_autoptr(PbxTrialRow) trial = store_trial(repair->store, row->trial, error);
    if (trial == NULL || trial->dir == NULL || row->name[0] == '\0')
        return NULL;
    return g_build_filename(repair->dir, trial->dir, row->name, NULL);
}

static void
tell_damaged(PbxRepair *repair, const PbxCheckpointRow *row, const char *why)
{
    g_autofree char *where = g_strdup_printf("checkpoint %" G_GUINT64_FORMAT, row->id);
    finding_add(repair->findings, LOSS_SOME, where,
                "nothing is restored from it: its trial goes on from the one before it, or anew",
                "%s", why);
    g_array_append_val(repair->damaged, row->id);
}

/* What the host alone is at fault for (no memory, no more descriptors) damages nothing. */
static gboolean
check_kept(PbxRepair *repair, const PbxCheckpointRow *row, const char *path, GError **error)
{
    g_autoptr(GError) failed = NULL;
    if (path != NULL && checkpoint_verify(path, row->sha256, NULL, &failed))
        return TRUE;
    if (failed != NULL &&
        !g_error_matches(failed, PBX_CHECKPOINT_ERROR, CHECKPOINT_ERROR_DAMAGED) &&
        !g_error_matches(failed, PBX_CHECKPOINT_ERROR, CHECKPOINT_ERROR_REFUSED)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    tell_damaged(repair, row, failed != NULL ? failed->message : "its archive is not there");
    return TRUE;
}

/* One that is deleted may have outlived a power cut. */
static gboolean
check_row(Archives *archives, const PbxCheckpointRow *row, const char *path, GError **error)
{
    PbxRepair *repair = archives->repair;
    if (row->state == CHECKPOINT_KEPT)
        return check_kept(repair, row, path, error);
    if (row->state == CHECKPOINT_DELETED && path != NULL && g_file_test(path, G_FILE_TEST_EXISTS)) {
        if (repair->changes)
            g_unlink(path);
        finding_add(repair->findings, LOSS_NONE, path, "removed",
                    "its checkpoint was deleted, but it is still there");
    }
    return TRUE;
}

/* ---- What has no row ---- */

/* A driver stores the row after its worker has made the archive: was it killed in between, or have
 * the row and what came after it been lost? Only then there are no newer rows. */
static gboolean
is_newest(const Archives *archives, guint64 trial, const char *path)
{
    GStatBuf info;
    if (g_stat(path, &info) != 0)
        return FALSE;
    const gint64 made_ns =
        info.st_mtim.tv_sec * G_GINT64_CONSTANT(1000000000) + info.st_mtim.tv_nsec;
    for (guint i = 0; i < archives->rows->len; i++) {
        const PbxCheckpointRow *row = archives->rows->pdata[i];
        if (row->trial == trial && row->at_ns > made_ns)
            return FALSE;
    }
    return TRUE;
}

/* The work that is in it is not thrown away, but no trial goes on from it: what happened between
 * the trial's last result and it is not known. */
static void
put_aside(PbxRepair *repair, const char *path, PbxLoss loss, const char *why)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *as = NULL;
    const gboolean kept = !repair->changes || checkpoints_put_aside(path, &as, &error);
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *then =
        !kept ? g_strdup(error->message)
              : g_strdup_printf("kept as %s%s: `restore` of an experiment file may name it",
                                as != NULL ? "" : CHECKPOINT_FOUND_PREFIX, as != NULL ? as : name);
    finding_add(repair->findings, loss, path, then, "no checkpoint has this archive, %s", why);
}

static void
remove_path(PbxRepair *repair, const char *path, const char *what)
{
    g_autoptr(GError) error = NULL;
    const gboolean gone = !repair->changes || checkpoint_remove(path, &error);
    finding_add(repair->findings, LOSS_NONE, path, gone ? "removed" : error->message, "%s", what);
}

static gboolean
look_into(const PbxTrialRow *row, gpointer user)
{
    Archives *archives = user;
    if (row->dir == NULL)
        return TRUE;
    g_autofree char *dir = g_build_filename(archives->repair->dir, row->dir, NULL);
    g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
    for (const char *name; open != NULL && (name = g_dir_read_name(open)) != NULL;) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        if (checkpoint_is_leftover(name))
            remove_path(archives->repair, path, "it was never finished");
        else if (!checkpoint_is_archive(name) || g_hash_table_contains(archives->known, path))
            continue;
        else if (archives->rows_lost)
            put_aside(archives->repair, path, LOSS_SOME, "and rows of checkpoints are lost");
        else if (is_newest(archives, row->number, path) &&
                 checkpoint_verify(path, NULL, NULL, NULL))
            put_aside(archives->repair, path, LOSS_NONE,
                      "which is whole and newer than all that have one");
        else
            remove_path(archives->repair, path, "no checkpoint has this archive");
    }
    return TRUE;
}

/* ---- `restore` of the file ---- */

static void
check_restored(PbxRepair *repair)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *sha256 = NULL;
    g_autofree char *path = experiment_restored(repair->store, repair->dir, &sha256, &error);
    if (error == NULL && (path == NULL || checkpoint_verify(path, sha256, NULL, &error)))
        return;
    g_autofree char *name = path != NULL ? g_path_get_basename(path) : g_strdup("fact restore");
    finding_add(repair->findings, LOSS_SOME, name,
                "a trial that has no checkpoint yet cannot begin; `pegbox resume --set "
                "restore=PATH` takes another one",
                "%s", error->message);
}

/* What a start was killed over. */
static void
look_beside_store(PbxRepair *repair)
{
    g_autoptr(GDir) open = g_dir_open(repair->dir, 0, NULL);
    for (const char *name; open != NULL && (name = g_dir_read_name(open)) != NULL;) {
        g_autofree char *path = g_build_filename(repair->dir, name, NULL);
        if (checkpoint_is_leftover(name))
            remove_path(repair, path, "it was never finished");
    }
}

gboolean
repair_archives(PbxRepair *repair, GError **error)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)checkpoint_row_free);
    g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Archives archives = {.repair = repair, .rows = rows, .known = known};
    if (!store_each_checkpoint(repair->store, G_MAXUINT64, keep_row, rows, error))
        return FALSE;
    archives.rows_lost = rows->len < store_last_checkpoint(repair->store);
    for (guint i = 0; i < rows->len; i++) {
        const PbxCheckpointRow *row = rows->pdata[i];
        g_autoptr(GError) failed = NULL;
        g_autofree char *path = archive_path(repair, row, &failed);
        if (failed != NULL) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
        if (!check_row(&archives, row, path, error))
            return FALSE;
        /* A row whose name is lost may be any archive's. */
        archives.rows_lost = archives.rows_lost || row->name[0] == '\0';
        if (path != NULL)
            g_hash_table_add(known, g_steal_pointer(&path));
    }
    check_restored(repair);
    look_beside_store(repair);
    return store_each_trial(repair->store, look_into, &archives, error);
}
