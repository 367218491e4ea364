/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the store keeps of a logger: its cursor, its state and the lengths of its files, of one
 * moment. Its thread publishes them, the loop stores them with a commit; when an experiment goes
 * on, files are cut to these lengths and the logger is fed from that cursor.
 */
#include <string.h>

#include "experiment/logging-private.h"

#define STATE_US G_USEC_PER_SEC /* between two snapshots of one that has a state, or flushes */

/* ---- The logger's thread ---- */

static pbx_status
append_bytes(void *ctx, const void *bytes, size_t n)
{
    GByteArray *out = ctx;
    if (n > G_MAXUINT / 2 - out->len)
        return PBX_ENOMEM;
    g_byte_array_append(out, bytes, (guint)n);
    return PBX_OK;
}

static gboolean
has_state(const PbxLogger *logger)
{
    const pbx_object *object = logger->instance->object;
    return object->save != NULL && object->state_version != 0;
}

static void
warn(PbxLogger *logger, const char *what, pbx_error *error)
{
    error->message[sizeof error->message - 1] = '\0';
    host_log(logger->instance->host, PBX_LOG_WARNING, "%s: %s", what, error->message);
}

/* NULL where it has none. FALSE: not this time. */
static gboolean
save_state(PbxLogger *logger, GBytes **blob)
{
    const PbxInstance *instance = logger->instance;
    pbx_error error = {"", ""};
    if (!has_state(logger))
        return TRUE;
    GByteArray *bytes = g_byte_array_new();
    pbx_sink sink = {.ctx = bytes, .write = append_bytes};
    if (instance->object->save(instance->self, &sink, &error) != PBX_OK) {
        warn(logger, "its state cannot be saved", &error);
        g_byte_array_unref(bytes);
        return FALSE;
    }
    *blob = g_byte_array_free_to_bytes(bytes);
    return TRUE;
}

/* All that it consumed is durable, then its state. FALSE: not this time. */
static gboolean
settle(PbxLogger *logger, GBytes **blob)
{
    PbxInstance *instance = logger->instance;
    pbx_error error = {"", ""};
    g_autoptr(GError) io = NULL;
    if (logger->vtable->flush != NULL && logger->vtable->flush(instance->self, &error) < 0) {
        warn(logger, "flush", &error);
        return FALSE;
    }
    if (!log_files_perform(&logger->files, &io))
        return FALSE;
    return save_state(logger, blob);
}

/* A newer length takes the place of one that waits. */
static void
add_lengths(PbxLogger *logger, GPtrArray *changed)
{
    if (logger->lengths == NULL)
        logger->lengths = g_ptr_array_new_with_free_func(log_file_free);
    g_ptr_array_extend_and_steal(logger->lengths, changed);
}

void
logger_publish(PbxLogger *logger, gboolean all)
{
    const gint64 now = g_get_monotonic_time();
    GBytes *blob = NULL;
    const gboolean dear = has_state(logger) || logger->vtable->flush != NULL;
    if (logger->cursor == logger->published ||
        (!all && dear && now - logger->published_us < STATE_US) || (dear && !settle(logger, &blob)))
        return;
    logger->published_us = now;
    GPtrArray *changed = log_files_take_changed(&logger->files);
    PbxLogging *logging = logger->runner->logging;
    g_mutex_lock(&logging->lock);
    logger->published = logger->cursor;
    add_lengths(logger, changed);
    if (logger->ended == NULL)
        logger->ended = g_array_new(FALSE, FALSE, sizeof(guint64));
    if (logger->over->len > 0)
        g_array_append_vals(logger->ended, logger->over->data, logger->over->len);
    if (blob != NULL)
        g_clear_pointer(&logger->blob, g_bytes_unref);
    if (blob != NULL)
        logger->blob = blob;
    const guint64 committed = logger->committed;
    g_mutex_unlock(&logging->lock);
    g_array_set_size(logger->over, 0);
    log_files_let_go(&logger->files, committed);
}

void
logger_clear_published(PbxLogger *logger)
{
    g_clear_pointer(&logger->lengths, g_ptr_array_unref);
    g_clear_pointer(&logger->ended, g_array_unref);
    g_clear_pointer(&logger->blob, g_bytes_unref);
}

/* ---- The loop ---- */

/* What is stored of one logger now. */
typedef struct {
    guint64 cursor;
    GPtrArray *lengths;
    GArray *ended;
    GBytes *blob;
} PbxPublished;

static void
published_clear(PbxPublished *published)
{
    g_clear_pointer(&published->lengths, g_ptr_array_unref);
    g_clear_pointer(&published->ended, g_array_unref);
    g_clear_pointer(&published->blob, g_bytes_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PbxPublished, published_clear)

/* FALSE: nothing is new. */
static gboolean
take(PbxLogging *logging, PbxLogger *logger, PbxPublished *published)
{
    g_mutex_lock(&logging->lock);
    const gboolean is_new = logger->published != logger->stored;
    if (is_new) {
        logger->stored = logger->published;
        *published =
            (PbxPublished){logger->published, g_steal_pointer(&logger->lengths),
                           g_steal_pointer(&logger->ended), g_steal_pointer(&logger->blob)};
    }
    g_mutex_unlock(&logging->lock);
    return is_new;
}

static gboolean
is_over(const PbxPublished *published, guint64 trial)
{
    for (guint i = 0; published->ended != NULL && i < published->ended->len; i++)
        if (g_array_index(published->ended, guint64, i) == trial)
            return TRUE;
    return FALSE;
}

/* A trial that has ended is written no more: its rows go, or never come. */
static gboolean
store_lengths(PbxRunner *runner, PbxLogger *logger, const PbxPublished *published, GError **error)
{
    const char *slot = host_slot(logger->instance->host);
    for (guint i = 0; published->lengths != NULL && i < published->lengths->len; i++) {
        const PbxLogFile *file = published->lengths->pdata[i];
        if (is_over(published, file->trial))
            continue;
        if (!store_put_file(runner->store, slot, file->trial, file->name, file->length, error))
            return FALSE;
        g_hash_table_add(logger->rows, g_memdup2(&file->trial, sizeof file->trial));
    }
    for (guint i = 0; published->ended != NULL && i < published->ended->len; i++) {
        const guint64 trial = g_array_index(published->ended, guint64, i);
        if (g_hash_table_remove(logger->rows, &trial) &&
            !store_drop_files(runner->store, slot, trial, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
store_state(PbxRunner *runner, PbxLogger *logger, guint64 cursor, GBytes *blob, GError **error)
{
    const PbxInstance *instance = logger->instance;
    const pbx_plugin *plugin = instance->plugin->desc;
    gsize n = 0;
    const void *bytes = g_bytes_get_data(blob, &n);
    const PbxBlobFacts facts = {
        .plugin = (char *)plugin->name,
        .version = (char *)plugin->version,
        .state_version = instance->object->state_version,
        .at_seq = cursor,
    };
    return store_put_blob(runner->store, host_slot(instance->host), &facts, bytes, n, error);
}

static gboolean
store_published(PbxRunner *runner, PbxLogger *logger, const PbxPublished *published, GError **error)
{
    return store_put_cursor(runner->store, host_slot(logger->instance->host), published->cursor,
                            error) &&
           store_lengths(runner, logger, published, error) &&
           (published->blob == NULL ||
            store_state(runner, logger, published->cursor, published->blob, error));
}

gboolean
logger_store_state(PbxRunner *runner, PbxLogger *logger, GError **error)
{
    g_autoptr(GBytes) blob = NULL;
    return !save_state(logger, &blob) || blob == NULL ||
           store_state(runner, logger, logger->cursor, blob, error);
}

void
logging_store(PbxRunner *runner, PbxLogging *logging)
{
    for (guint i = 0; logging != NULL && i < logging->loggers->len; i++) {
        PbxLogger *logger = logging->loggers->pdata[i];
        g_auto(PbxPublished) published = {0};
        GError *error = NULL;
        if (take(logging, logger, &published) &&
            !store_published(runner, logger, &published, &error)) {
            runner_fail(runner, error);
            return;
        }
    }
}

void
logging_wake(PbxLogging *logging, guint64 seq)
{
    if (logging == NULL)
        return;
    g_mutex_lock(&logging->lock);
    logging->committed = seq;
    for (guint i = 0; i < logging->loggers->len; i++) {
        PbxLogger *logger = logging->loggers->pdata[i];
        logger->committed = logger->stored;
    }
    g_cond_broadcast(&logging->changed);
    g_mutex_unlock(&logging->lock);
}

void
logging_settled(PbxLogging *logging)
{
    for (guint i = 0; logging != NULL && logging->closed && !experiment_left_threads() &&
                      i < logging->loggers->len;
         i++) {
        PbxLogger *logger = logging->loggers->pdata[i];
        log_files_let_go(&logger->files, logger->stored);
    }
}
