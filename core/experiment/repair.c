/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An experiment verified and mended: store, archives and log files. All that is read goes into a
 * new store, in DIR/.repair; only where that says anything else than the old one, it takes its
 * place.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "experiment/repair-private.h"

#define WORK ".repair"

static gboolean
fail_errno(GError **error, const char *path, const char *what)
{
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN, "%s cannot be %s: %s", path,
                what, g_strerror(errno));
    return FALSE;
}

/* ---- The new store takes the place of the old one ---- */

/* experiment.db.damaged, experiment.db.damaged_2, ... (transfer full) */
static char *
damaged_name(const char *dir, guint i)
{
    return i == 1 ? g_build_filename(dir, STORE_DAMAGED, NULL)
                  : g_strdup_printf("%s/" STORE_DAMAGED "_%u", dir, i);
}

/* The first of them that is free; *last is the one before it, NULL: there is none. */
static char *
free_name(const char *dir, char **last)
{
    char *path = damaged_name(dir, 1);
    for (guint i = 2; g_file_test(path, G_FILE_TEST_EXISTS); i++) {
        g_free(*last);
        *last = path;
        path = damaged_name(dir, i);
    }
    return path;
}

static gboolean
move_logs(const char *db, const char *to, GError **error)
{
    static const char *const endings[] = {"-wal", "-journal"};
    for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *old = g_strconcat(db, endings[i], NULL);
        g_autofree char *new = g_strconcat(to, endings[i], NULL);
        if (g_rename(old, new) != 0 && errno != ENOENT)
            return fail_errno(error, old, "renamed");
    }
    return TRUE;
}

/* With the log, the damaged one can still be looked at by whoever wants to. */
static gboolean
move_away(const char *db, const char *to, GError **error)
{
    if (g_rename(db, to) != 0)
        return fail_errno(error, db, "renamed");
    g_autofree char *shm = g_strconcat(db, "-shm", NULL);
    g_unlink(shm);
    return move_logs(db, to, error);
}

/* A repair that was killed before the new store had its place: it begins again from the old one. */
static gboolean
move_back(PbxRepair *repair, GError **error)
{
    g_autofree char *db = g_build_filename(repair->dir, "experiment.db", NULL);
    g_autofree char *last = NULL;
    g_autofree char *free = free_name(repair->dir, &last);
    if (g_file_test(db, G_FILE_TEST_EXISTS) || last == NULL)
        return TRUE;
    g_autofree char *name = g_path_get_basename(last);
    if (!repair->changes) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                    "%s: a repair has not come to its end: without --dry-run it begins again with "
                    "%s",
                    repair->dir, name);
        return FALSE;
    }
    if (!move_logs(last, db, error))
        return FALSE;
    return g_rename(last, db) == 0 || fail_errno(error, last, "renamed");
}

static void
sync_path(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

/* While it lasts there is no store: nobody takes half of it for one. */
static gboolean
put_in_place(PbxRepair *repair, GError **error)
{
    g_autofree char *db = g_build_filename(repair->dir, "experiment.db", NULL);
    g_autofree char *made = g_build_filename(repair->work, "new", "experiment.db", NULL);
    g_autofree char *last = NULL;
    g_autofree char *damaged = free_name(repair->dir, &last);
    g_autofree char *log = g_strconcat(made, "-wal", NULL);
    if (g_file_test(log, G_FILE_TEST_EXISTS)) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                    "%s cannot be written whole", made);
        return FALSE;
    }
    sync_path(made);
    if (!move_away(db, damaged, error))
        return FALSE;
    if (g_rename(made, db) != 0)
        return fail_errno(error, made, "renamed");
    sync_path(repair->dir);
    g_autofree char *name = g_path_get_basename(damaged);
    finding_add(repair->findings, LOSS_NONE, "experiment.db", "delete it when all is well",
                "what was damaged is kept as %s", name);
    return TRUE;
}

/* ---- experiment.json ---- */

static gboolean
repair_spec(PbxRepair *repair, GError **error)
{
    g_autofree char *path = g_build_filename(repair->dir, "experiment.json", NULL);
    g_autofree char *stored = store_fact(repair->store, "spec");
    g_autoptr(JsonNode) spec =
        stored != NULL ? json_read(stored, strlen(stored), DOC_MAX_NESTING, NULL) : NULL;
    g_autofree char *there = NULL;
    if (spec == NULL)
        return TRUE;
    g_autofree char *wanted = spec_print(spec);
    if (g_file_get_contents(path, &there, NULL, NULL) && g_str_equal(there, wanted))
        return TRUE;
    finding_add(repair->findings, LOSS_NONE, "experiment.json", "written anew from the store",
                there != NULL ? "it is not what the store says" : "it is missing");
    return !repair->changes || g_file_set_contents(path, wanted, -1, error);
}

/* ---- What the store is to know then ---- */

static gboolean
mark_damaged(PbxStore *store, const GArray *ids, GError **error)
{
    for (guint i = 0; i < ids->len; i++) {
        g_autoptr(PbxCheckpointRow) row =
            store_checkpoint(store, g_array_index(ids, guint64, i), error);
        if (row == NULL)
            return FALSE;
        row->state = CHECKPOINT_DAMAGED;
        if (!store_put_checkpoint(store, row, error))
            return FALSE;
    }
    return TRUE;
}

/* The log files say all that happened until now. */
static gboolean
note_files(PbxStore *store, const GPtrArray *files, GError **error)
{
    const guint64 seq = store_last_seq(store);
    for (guint i = 0; i < files->len; i++) {
        const PbxRepairFile *file = files->pdata[i];
        if (!store_put_file(store, file->slot, file->trial, file->name, file->length, error) ||
            !store_put_cursor(store, file->slot, seq, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
note(PbxRepair *repair, GError **error)
{
    g_autoptr(PbxStore) store = store_open(repair->dir, TRUE, error);
    return store != NULL && store_begin(store, error) &&
           mark_damaged(store, repair->damaged, error) && note_files(store, repair->files, error) &&
           store_commit(store, error) && store_make_durable(store, error);
}

/* ---- All of it ---- */

static gboolean
verify(PbxRepair *repair, GError **error)
{
    g_autofree char *new_dir = g_build_filename(repair->work, "new", NULL);
    if (!checkpoint_remove(repair->work, error) || !move_back(repair, error))
        return FALSE;
    if (g_mkdir(repair->work, 0700) != 0 || g_mkdir(new_dir, 0700) != 0)
        return fail_errno(error, repair->work, "made");
    if (!store_salvage(repair->dir, new_dir, repair->findings, error))
        return FALSE;
    const guint of_store = repair->findings->len;
    repair->store = store_open(new_dir, TRUE, error);
    if (repair->store == NULL || !repair_archives(repair, error) || !repair_spec(repair, error))
        return FALSE;
    const guint before = repair->findings->len;
    if (!repair_logs(repair, error))
        return FALSE;
    const gboolean logs = repair->findings->len > before;
    g_clear_pointer(&repair->store, store_close);
    if (!repair->changes)
        return TRUE;
    return (of_store == 0 || put_in_place(repair, error)) &&
           ((repair->damaged->len == 0 && !logs && of_store == 0) || note(repair, error));
}

static void
file_free(gpointer data)
{
    PbxRepairFile *file = data;
    g_free(file->slot);
    g_free(file->name);
    g_free(file);
}

gboolean
experiment_repair(const char *dir, gboolean changes, GPtrArray *findings, GError **error)
{
    PbxLock *lock = lock_take(dir, error);
    if (lock == NULL)
        return FALSE;
    PbxRepair repair = {
        .dir = dir,
        .work = g_build_filename(dir, WORK, NULL),
        .changes = changes,
        .findings = findings,
        .damaged = g_array_new(FALSE, FALSE, sizeof(guint64)),
        .files = g_ptr_array_new_with_free_func(file_free),
    };
    const gboolean good = verify(&repair, error);
    store_close(repair.store);
    (void)checkpoint_remove(repair.work, NULL);
    g_free(repair.work);
    g_array_unref(repair.damaged);
    g_ptr_array_unref(repair.files);
    lock_release(lock);
    return good;
}
