/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loggers of an experiment that goes on: each is fed from where the one before it was, one that is
 * new from the beginning. */
#include <string.h>

#include "experiment/logging-private.h"

#define N_LATEST 64 /* trials that may have ended within the last moment of a driver */

/* ---- Which one of before it is ---- */

static JsonArray *
loggers_of(JsonNode *spec)
{
    JsonNode *node = json_object_get_member(json_node_get_object(spec), "loggers");
    return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static JsonNode *
plugin_of(JsonNode *use)
{
    return JSON_NODE_HOLDS_OBJECT(use) ? json_object_get_member(json_node_get_object(use), "plugin")
                                       : use;
}

static gboolean
matches(JsonNode *then, JsonNode *now, gboolean whole)
{
    JsonNode *old_plugin = plugin_of(then), *new_plugin = plugin_of(now);
    if (whole || old_plugin == NULL || new_plugin == NULL)
        return json_equal(then, now);
    return json_equal(old_plugin, new_plugin);
}

/* of[i]: the index that logger i had, -1: it is new. First those that are the same, then those of
 * the same plugin. */
static void
match(JsonArray *then, JsonArray *now, int *of, guint n)
{
    const guint n_then = then != NULL ? json_array_get_length(then) : 0;
    g_autofree gboolean *taken = g_new0(gboolean, n_then + 1);
    for (guint i = 0; i < n; i++)
        of[i] = -1;
    for (guint pass = 0; pass < 2; pass++)
        for (guint i = 0; i < n; i++)
            for (guint j = 0; j < n_then && of[i] < 0; j++)
                if (!taken[j] && matches(json_array_get_element(then, j),
                                         json_array_get_element(now, i), pass == 0)) {
                    of[i] = (int)j;
                    taken[j] = TRUE;
                }
}

/* ---- Its files ---- */

static gboolean
note_end(const PbxEventRow *row, const PbxResultRow *result, gpointer user)
{
    PbxLogFiles *files = user;
    (void)result;
    if ((row->type == PBX_EVENT_COMPLETE || row->type == PBX_EVENT_ERROR) && row->trial != PBX_NONE)
        g_hash_table_add(files->unsettled, g_memdup2(&row->trial, sizeof row->trial));
    return TRUE;
}

/* Trials of which it may have written more than its cursor knows. */
static gboolean
find_unsettled(PbxRunner *runner, PbxLogger *logger, GError **error)
{
    PbxLogFiles *files = &logger->files;
    files->resumed = TRUE;
    files->n_before = runner->trials->len;
    for (guint i = 0; i < runner->trials->len; i++) {
        const PbxTrial *trial = runner->trials->pdata[i];
        if (!trial->ended || logger->cursor == 0)
            g_hash_table_add(files->unsettled,
                             g_memdup2(&trial->row.number, sizeof trial->row.number));
    }
    return logger->cursor == 0 ||
           store_each_event(runner->store, logger->cursor, G_MAXUINT, note_end, files, error);
}

typedef struct {
    PbxRunner *runner;
    PbxLogger *logger;
    GError *error;
} PbxLengths;

static char *
directory_of(PbxRunner *runner, guint64 number)
{
    if (number == PBX_NONE)
        return g_strdup(runner->dir);
    const PbxTrial *trial = number < runner->trials->len ? runner->trials->pdata[number] : NULL;
    if (trial != NULL && trial->dir != NULL)
        return g_strdup(trial->dir);
    g_autoptr(PbxTrialRow) row = trial != NULL ? store_trial(runner->store, number, NULL) : NULL;
    return row != NULL && row->dir != NULL ? g_build_filename(runner->dir, row->dir, NULL) : NULL;
}

static gboolean
take_length(guint64 trial, const char *name, guint64 length, gpointer user)
{
    const PbxLengths *lengths = user;
    PbxLogger *logger = lengths->logger;
    PbxLogFiles *files = &logger->files;
    g_autofree char *path = directory_of(lengths->runner, trial);
    if (path == NULL || !log_file_is_name(name))
        return TRUE;
    log_files_restore_kept(path, name, logger->cursor);
    log_files_trial(files, trial, path);
    log_files_expect(files, trial, name, length);
    g_hash_table_add(logger->rows, g_memdup2(&trial, sizeof trial));
    return TRUE;
}

/* What else was kept is of no use. */
static void
purge(PbxRunner *runner, const PbxLogger *logger)
{
    GHashTableIter iter;
    gpointer number;
    g_hash_table_iter_init(&iter, logger->files.unsettled);
    while (logger->cursor > 0 && g_hash_table_iter_next(&iter, &number, NULL)) {
        g_autofree char *dir = directory_of(runner, *(guint64 *)number);
        if (dir != NULL)
            log_files_purge_kept(dir);
    }
    const guint n = runner->trials->len;
    for (guint i = n > N_LATEST ? n - N_LATEST : 0; i < n; i++) {
        g_autofree char *dir = directory_of(runner, i);
        if (dir != NULL)
            log_files_purge_kept(dir);
    }
    log_files_purge_kept(runner->dir);
}

/* ---- Its state ---- */

static gboolean
load_state(PbxRunner *runner, PbxLogger *logger, const char *slot, GError **error)
{
    const PbxInstance *instance = logger->instance;
    g_auto(PbxBlobFacts) facts = {0};
    gsize n = 0;
    g_autoptr(GError) failed = NULL;
    g_autoptr(GBytes) blob = store_blob(runner->store, slot, &facts, &failed);
    if (failed != NULL) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    if (blob == NULL || instance->object->load == NULL)
        return TRUE;
    const void *bytes = g_bytes_get_data(blob, &n);
    pbx_error abi_error = {"", ""};
    const pbx_status status =
        instance->object->load(instance->self, facts.state_version, bytes, n, &abi_error);
    if (status == PBX_OK)
        return TRUE;
    instance_set_error(&failed, PLUGIN_ERROR_BROKEN, instance->plugin, status, &abi_error);
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                "%s: its state cannot be read: %s; --set loggers=[...] without it goes on, and one "
                "that is added later is told everything",
                host_slot(instance->host), failed->message);
    return FALSE;
}

static gboolean
restore(PbxRunner *runner, PbxLogger *logger, int before, GError **error)
{
    PbxLengths lengths = {runner, logger, NULL};
    g_autofree char *slot = g_strdup_printf("loggers[%d]", before);
    if (before >= 0) {
        logger->cursor = MIN(store_cursor(runner->store, slot), runner->seq);
        logger->published = logger->stored = logger->committed = logger->cursor;
    }
    return find_unsettled(runner, logger, error) &&
           (logger->cursor == 0 ||
            (store_each_file(runner->store, slot, take_length, &lengths, error) &&
             load_state(runner, logger, slot, error)));
}

/* ---- Its rows, where it has another place now ---- */

static gboolean
put_rows(PbxRunner *runner, PbxLogger *logger, GError **error)
{
    const char *slot = host_slot(logger->instance->host);
    GHashTableIter dirs;
    gpointer number, dir;
    if (!store_put_cursor(runner->store, slot, logger->cursor, error))
        return FALSE;
    g_hash_table_iter_init(&dirs, logger->files.dirs);
    while (g_hash_table_iter_next(&dirs, &number, &dir)) {
        GHashTableIter iter;
        gpointer name, file;
        g_hash_table_iter_init(&iter, ((PbxLogDir *)dir)->files);
        while (g_hash_table_iter_next(&iter, &name, &file))
            if (!store_put_file(runner->store, slot, *(guint64 *)number, name,
                                ((PbxLogFile *)file)->length, error))
                return FALSE;
    }
    return logger->cursor == 0 || logger_store_state(runner, logger, error);
}

static gboolean
move_rows(PbxRunner *runner, PbxLogging *logging, guint n_then, GError **error)
{
    for (guint i = 0; i < MAX(n_then, logging->loggers->len); i++) {
        g_autofree char *slot = g_strdup_printf("loggers[%u]", i);
        if (!store_drop_slot(runner->store, slot, error))
            return FALSE;
    }
    for (guint i = 0; i < logging->loggers->len; i++)
        if (!put_rows(runner, logging->loggers->pdata[i], error))
            return FALSE;
    return TRUE;
}

gboolean
logging_restore(PbxRunner *runner, JsonNode *stored, GError **error)
{
    PbxLogging *logging = runner->logging;
    const guint n = logging->loggers->len;
    JsonArray *then = loggers_of(stored), *now = loggers_of(runner->spec->resolved);
    const guint n_then = then != NULL ? json_array_get_length(then) : 0;
    g_autofree int *of = g_new(int, n + 1);
    gboolean moved = n != n_then;
    match(then, now, of, n);
    for (guint i = 0; i < n; i++) {
        if (!restore(runner, logging->loggers->pdata[i], of[i], error))
            return FALSE;
        moved = moved || of[i] != (int)i;
    }
    for (guint i = 0; i < n; i++)
        purge(runner, logging->loggers->pdata[i]);
    return !moved || move_rows(runner, logging, n_then, error);
}
