/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `restore` of the file: found wherever it is, and brought into the experiment's directory, so that
 * every trial and every resume begins from the same. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "experiment/checkpoints-private.h"

#define FACT "restore"

void
restore_from_free(PbxRestoreFrom *from)
{
    if (from == NULL)
        return;
    g_free(from->path);
    g_free(from->source);
    g_free(from->file);
    g_free(from->sha256);
    g_free(from);
}

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
refuse(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE, "%s", text);
    return FALSE;
}

/* ---- What is known of it ---- */

static void
from_row(PbxRestoreFrom *from, const PbxCheckpointRow *row)
{
    g_free(from->sha256);
    from->sha256 = g_strdup(row->sha256);
    from->step = row->step;
    from->iteration = row->iteration;
    from->time_total_s = row->time_total_s;
    from->timesteps_total = row->timesteps_total;
    from->episodes_total = row->episodes_total;
}

/* All that a path without a store tells: checkpoint_000010.tar. */
static void
from_name(PbxRestoreFrom *from, const char *path)
{
    g_autofree char *name = g_path_get_basename(path);
    g_autoptr(GMatchInfo) match = NULL;
    g_autoptr(GRegex) regex = g_regex_new("^checkpoint_(\\d{1,18})(_\\d+)?(\\.tar(\\.zst)?)?$",
                                          G_REGEX_DEFAULT, G_REGEX_MATCH_DEFAULT, NULL);
    if (!g_regex_match(regex, name, G_REGEX_MATCH_DEFAULT, &match))
        return;
    g_autofree char *number = g_match_info_fetch(match, 1);
    from->step = from->iteration = (gint64)g_ascii_strtoull(number, NULL, 10);
}

typedef struct {
    const char *dir, *name; /* a trial's directory; an archive in it */
    guint64 trial;
    gint64 step; /* -1: any */
    PbxCheckpointRow *found;
    GString *steps; /* of all that are kept */
} Search;

static gboolean
find_dir(const PbxTrialRow *row, gpointer user)
{
    Search *search = user;
    if (g_strcmp0(row->dir, search->dir) != 0)
        return TRUE;
    search->trial = row->number;
    return FALSE;
}

static gboolean
find_row(const PbxCheckpointRow *row, gpointer user)
{
    Search *search = user;
    if (row->state != CHECKPOINT_KEPT)
        return TRUE;
    if (search->steps != NULL)
        g_string_append_printf(search->steps, "%s%" G_GINT64_FORMAT,
                               search->steps->len > 0 ? ", " : "", row->step);
    if (search->name != NULL ? g_strcmp0(row->name, search->name) != 0
                             : search->step >= 0 && row->step != search->step)
        return TRUE;
    checkpoint_row_free(search->found);
    search->found = checkpoint_row_copy(row);
    return TRUE;
}

/* An archive that lies where an experiment keeps it: what its store has of it. */
static void
from_store_beside(PbxRestoreFrom *from, const char *path)
{
    g_autofree char *trial_dir = g_path_get_dirname(path);
    g_autofree char *dir = g_path_get_dirname(trial_dir);
    g_autofree char *trial_name = g_path_get_basename(trial_dir);
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *db = g_build_filename(dir, "experiment.db", NULL);
    g_autoptr(PbxStore) store =
        g_file_test(db, G_FILE_TEST_IS_REGULAR) ? store_open(dir, FALSE, NULL) : NULL;
    Search search = {.dir = trial_name, .name = name, .trial = PBX_NONE, .step = -1};
    if (store == NULL || !store_each_trial(store, find_dir, &search, NULL) ||
        search.trial == PBX_NONE ||
        !store_each_checkpoint(store, search.trial, find_row, &search, NULL))
        return;
    if (search.found != NULL)
        from_row(from, search.found);
    from->kept = search.found != NULL;
    checkpoint_row_free(search.found);
}

/* A symbolic link says what it is itself, or else what it leads to. */
static void
from_path(PbxRestoreFrom *from, gboolean archive)
{
    g_autofree char *whole = g_canonicalize_filename(from->path, NULL);
    char *target = realpath(from->path, NULL);
    const char *paths[] = {whole, target};
    for (gsize i = 0; archive && i < G_N_ELEMENTS(paths) && !from->kept && paths[i] != NULL; i++)
        from_store_beside(from, paths[i]);
    for (gsize i = 0; i < G_N_ELEMENTS(paths) && from->step < 0 && paths[i] != NULL; i++)
        from_name(from, paths[i]);
    free(target);
}

/* ---- EXP:TRIAL[@STEP] ---- */

typedef struct {
    int sign;
    double loss;
    guint64 trial;
} BestSearch;

static gboolean
look_at_score(const PbxScoreRow *row, gpointer user)
{
    BestSearch *best = user;
    const double loss = best->sign * row->value;
    if (row->feasible != FEASIBLE_NO && isfinite(loss) && !(loss >= best->loss)) {
        best->loss = loss;
        best->trial = row->trial;
    }
    return TRUE;
}

static PbxTrialRow *
best_trial(PbxStore *store, GError **error)
{
    g_autofree char *mode = store_fact(store, "mode");
    BestSearch best = {g_strcmp0(mode, "max") == 0 ? -1 : 1, (double)NAN, PBX_NONE};
    if (!store_each_score(store, look_at_score, &best, error) || best.trial == PBX_NONE)
        return NULL;
    return store_trial(store, best.trial, error);
}

static gboolean
has_several_metrics(PbxStore *store)
{
    g_autofree char *text = store_fact(store, "spec");
    g_autoptr(JsonNode) spec =
        text != NULL ? json_read(text, strlen(text), DOC_MAX_NESTING, NULL) : NULL;
    g_auto(GStrv) metrics = NULL;
    g_autofree int *signs = NULL;
    return store_objectives(spec, &metrics, &signs);
}

static PbxTrialRow *
find_trial(PbxStore *store, const PbxRestore *restore, GError **error)
{
    g_autoptr(GError) failed = NULL;
    if (g_str_equal(restore->trial, "best") && has_several_metrics(store)) {
        refuse(error,
               "%s has several metrics, and no one best trial: name a trial; `pegbox best` shows "
               "the Pareto front",
               restore->path);
        return NULL;
    }
    PbxTrialRow *row = g_str_equal(restore->trial, "best")
                           ? best_trial(store, &failed)
                           : store_find_trial(store, restore->trial, &failed);
    if (failed != NULL)
        g_propagate_error(error, g_steal_pointer(&failed));
    else if (row == NULL)
        refuse(error, "there is no trial '%s' in %s", restore->trial, restore->path);
    return row;
}

static gboolean
from_trial(PbxRestoreFrom *from, const PbxRestore *restore, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autoptr(PbxStore) store = store_open(restore->path, FALSE, &failed);
    if (store == NULL)
        return refuse(error, "%s", failed->message);
    g_autoptr(PbxTrialRow) trial = find_trial(store, restore, error);
    g_autoptr(GString) steps = g_string_new(NULL);
    Search search = {.step = restore->step, .steps = steps};
    if (trial == NULL || !store_each_checkpoint(store, trial->number, find_row, &search, error))
        return FALSE;
    g_autoptr(PbxCheckpointRow) row = search.found;
    if (row == NULL && steps->len == 0)
        return refuse(error, "trial %" G_GUINT64_FORMAT " of %s has no checkpoint", trial->number,
                      restore->path);
    if (row == NULL)
        return refuse(error,
                      "trial %" G_GUINT64_FORMAT " of %s has no checkpoint of step "
                      "%" G_GINT64_FORMAT "; it has %s",
                      trial->number, restore->path, restore->step, steps->str);
    from_row(from, row);
    from->path = g_path_is_absolute(row->name)
                     ? g_strdup(row->name)
                     : g_build_filename(restore->path, trial->dir, row->name, NULL);
    from->kept = !g_path_is_absolute(row->name);
    return TRUE;
}

PbxRestoreFrom *
restore_from_find(const PbxSpec *spec, GError **error)
{
    const PbxRestore *restore = &spec->restore;
    g_autoptr(PbxRestoreFrom) from = g_new0(PbxRestoreFrom, 1);
    from->source = restore_text(restore);
    if (restore->kind == RESTORE_TRIAL)
        return from_trial(from, restore, error) ? g_steal_pointer(&from) : NULL;
    from->path = g_strdup(restore->path);
    if (!g_file_test(from->path, G_FILE_TEST_EXISTS)) {
        refuse(error, "there is no archive or directory %s", from->path);
        return NULL;
    }
    from->step = from->timesteps_total = from->episodes_total = -1;
    from_path(from, restore->kind == RESTORE_ARCHIVE);
    return g_steal_pointer(&from);
}

gboolean
experiment_check_restore(const PbxSpec *spec, GError **error)
{
    if (spec->restore.kind == RESTORE_NOTHING)
        return TRUE;
    g_autoptr(PbxRestoreFrom) from = restore_from_find(spec, error);
    return from != NULL;
}

/* ---- Into the experiment's directory ---- */

/* What an experiment keeps is never written to: another name for it is enough, and stays when the
 * experiment deletes its own. */
static gboolean
take_archive(const PbxRestoreFrom *from, const char *to, GError **error)
{
    g_autoptr(GError) failed = NULL;
    return checkpoint_copy(from->path, to, from->kept, &failed) ||
           refuse(error, "%s cannot be copied: %s", from->path, failed->message);
}

gboolean
restore_from_verify(PbxRestoreFrom *from, GError **error)
{
    PbxArchiveFacts facts;
    g_autoptr(GError) failed = NULL;
    if (g_file_test(from->path, G_FILE_TEST_IS_DIR))
        return TRUE;
    if (!checkpoint_verify(from->path, from->sha256, &facts, &failed))
        return refuse(error, "%s", failed->message);
    g_free(from->sha256);
    from->sha256 = g_strdup(facts.sha256);
    from->bytes = facts.bytes;
    return TRUE;
}

static gboolean
take_directory(PbxRestoreFrom *from, const char *to, GError **error)
{
    PbxArchiveFacts facts;
    g_autoptr(GError) failed = NULL;
    if (!checkpoint_pack(from->path, NULL, to, NULL, &facts, &failed))
        return refuse(error, "%s", failed->message);
    from->sha256 = g_strdup(facts.sha256);
    from->bytes = facts.bytes;
    return TRUE;
}

static gboolean
store_it(PbxStore *store, const PbxRestoreFrom *from, GError **error)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "source", from->source);
    json_object_set_string_member(object, "file", from->file);
    json_object_set_string_member(object, "sha256", from->sha256);
    json_object_set_int_member(object, "bytes", (gint64)from->bytes);
    json_object_set_int_member(object, "step", from->step);
    json_object_set_int_member(object, "iteration", from->iteration);
    json_object_set_double_member(object, "time_total_s", from->time_total_s);
    json_object_set_int_member(object, "timesteps_total", from->timesteps_total);
    json_object_set_int_member(object, "episodes_total", from->episodes_total);
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    g_autofree char *text = json_to_text(node);
    return store_put_fact(store, FACT, text, error);
}

/* restore.tar, or restore_2.tar where a resumed run names another one. (transfer full) */
static char *
free_name(const PbxRunner *runner, const PbxRestoreFrom *from)
{
    const char *ending = g_str_has_suffix(from->path, ".zst") ? ".tar.zst" : ".tar";
    for (guint i = 1;; i++) {
        g_autofree char *name = i == 1 ? g_strconcat("restore", ending, NULL)
                                       : g_strdup_printf("restore_%u%s", i, ending);
        g_autofree char *path = g_build_filename(runner->dir, name, NULL);
        if (!g_file_test(path, G_FILE_TEST_EXISTS))
            return g_steal_pointer(&name);
    }
}

gboolean
restore_from_take(PbxRunner *runner, PbxRestoreFrom *from, GError **error)
{
    (void)checkpoint_remove_leftovers(runner->dir); /* of a driver that was killed over it */
    from->file = free_name(runner, from);
    g_autofree char *to = g_build_filename(runner->dir, from->file, NULL);
    return (runner->spec->restore.kind == RESTORE_DIRECTORY ? take_directory(from, to, error)
                                                            : take_archive(from, to, error)) &&
           store_it(runner->store, from, error);
}

gboolean
restore_from_update(PbxRunner *runner, GError **error)
{
    const PbxRestore *restore = &runner->spec->restore;
    GError *failed = NULL;
    if (restore->kind == RESTORE_NOTHING)
        return TRUE;
    g_autofree char *source = restore_text(restore);
    g_autoptr(PbxRestoreFrom) taken = restore_from_load(runner->store, &failed);
    if (failed != NULL) {
        g_propagate_error(error, failed);
        return FALSE;
    }
    if (taken != NULL && g_strcmp0(taken->source, source) == 0)
        return TRUE;
    g_autoptr(PbxRestoreFrom) from = restore_from_find(runner->spec, error);
    if (from != NULL && restore_from_verify(from, error) && restore_from_take(runner, from, error))
        return TRUE;
    g_prefix_error(error, "restore: ");
    return FALSE;
}

/* ---- As the store has it ---- */

PbxRestoreFrom *
restore_from_load(PbxStore *store, GError **error)
{
    g_autofree char *text = store_fact(store, FACT);
    if (text == NULL || text[0] == '\0')
        return NULL;
    g_autoptr(JsonNode) node = json_read(text, strlen(text), DOC_MAX_NESTING, error);
    JsonObject *object =
        node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    if (object == NULL)
        return NULL;
    g_autoptr(PbxRestoreFrom) from = g_new0(PbxRestoreFrom, 1);
    from->source = g_strdup(json_object_get_string_member_with_default(object, "source", ""));
    from->file = g_strdup(json_object_get_string_member_with_default(object, "file", ""));
    from->sha256 = g_strdup(json_object_get_string_member_with_default(object, "sha256", NULL));
    from->bytes = (guint64)json_object_get_int_member_with_default(object, "bytes", 0);
    from->step = json_object_get_int_member_with_default(object, "step", -1);
    from->iteration = json_object_get_int_member_with_default(object, "iteration", 0);
    from->time_total_s = json_object_get_double_member_with_default(object, "time_total_s", 0);
    from->timesteps_total = json_object_get_int_member_with_default(object, "timesteps_total", -1);
    from->episodes_total = json_object_get_int_member_with_default(object, "episodes_total", -1);
    return g_steal_pointer(&from);
}

char *
experiment_restored(PbxStore *store, const char *dir, char **sha256, GError **error)
{
    g_autoptr(PbxRestoreFrom) from = restore_from_load(store, error);
    if (from == NULL || from->file[0] == '\0')
        return NULL;
    *sha256 = g_steal_pointer(&from->sha256);
    return g_build_filename(dir, from->file, NULL);
}
