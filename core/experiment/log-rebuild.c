/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A logger run over all that happened, as if nothing had ever disturbed it. */
#include "experiment/logging-private.h"
#include "experiment/repair-private.h"

#define BATCH 256

static void
add_services(PbxHost *host, gpointer user)
{
    host_add_service(host, PBX_FILES_ID, &log_files_service, user);
}

static gboolean
fail(const PbxLogger *logger, pbx_status status, pbx_error *abi_error, GError **error)
{
    instance_set_error(error, PLUGIN_ERROR_BROKEN, logger->instance->plugin, status, abi_error);
    return FALSE;
}

static gboolean
set_up(PbxLogger *logger, const PbxPluginUse *use, GError **error)
{
    const PbxRunner *runner = logger->runner;
    pbx_error abi_error = {"", ""};
    logger->problem = spec_problem_new(runner->spec, use);
    logger->instance =
        instance_new(use->plugin, use->slot, use->options, runner->spec->seed, runner->clock,
                     runner_log, logger->runner, add_services, &logger->files, error);
    if (logger->instance == NULL)
        return FALSE;
    logger->vtable = logger->instance->vtable;
    pbx_status status = PBX_OK;
    if (logger->vtable->setup != NULL)
        status = logger->vtable->setup(logger->instance->self, logger->problem, &abi_error);
    return status >= 0 || fail(logger, status, &abi_error, error);
}

static gboolean
deliver(PbxLogger *logger, const GPtrArray *events, GError **error)
{
    g_autofree const pbx_event **list = g_new(const pbx_event *, events->len + 1);
    for (guint i = 0; i < events->len; i++)
        list[i] = &((PbxLogEvent *)events->pdata[i])->abi;
    for (gsize from = 0; from < events->len;) {
        gsize done = events->len - from;
        pbx_error abi_error = {"", ""};
        log_files_mark(&logger->files);
        const pbx_status status = logger->vtable->events(logger->instance->self, list + from,
                                                         events->len - from, &done, &abi_error);
        abi_error.message[sizeof abi_error.message - 1] = '\0';
        if (status < 0 || (status == PBX_AGAIN && done == 0))
            return fail(logger, status, &abi_error, error);
        from += status == PBX_AGAIN ? done : events->len - from;
    }
    return log_files_perform(&logger->files, error);
}

/* One batch of events. *more: there may be others. */
static gboolean
go_on(PbxLogger *logger, gboolean *more, GError **error)
{
    g_autoptr(GPtrArray) events = g_ptr_array_new_with_free_func(log_event_free);
    g_autoptr(GArray) ended = g_array_new(FALSE, FALSE, sizeof(guint64));
    PbxGather gathered = {
        .logger = logger, .events = events, .ended = ended, .last = logger->cursor};
    if (!store_each_event(logger->store, logger->cursor, BATCH, log_events_gather, &gathered,
                          error)) {
        g_clear_error(&gathered.error);
        return FALSE;
    }
    if (gathered.error != NULL) {
        g_propagate_error(error, gathered.error);
        return FALSE;
    }
    if (!deliver(logger, events, error))
        return FALSE;
    logger->cursor = gathered.last;
    *more = gathered.n == BATCH;
    for (guint i = 0; i < ended->len; i++) {
        const guint64 number = g_array_index(ended, guint64, i);
        g_hash_table_remove(logger->trials, &number);
        log_files_forget(&logger->files, number);
    }
    return TRUE;
}

gboolean
log_rebuild(PbxRunner *runner, const PbxPluginUse *use, const char *store_dir, const char *into,
            GError **error)
{
    PbxLogger logger = {.runner = runner};
    logger.trials = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, log_trial_free);
    log_files_init(&logger.files, NULL, NULL);
    logger.files.experiment_dir = g_strdup(into);
    logger.store = store_open(store_dir, FALSE, error);
    gboolean more = TRUE, good = logger.store != NULL && set_up(&logger, use, error);
    while (good && more)
        good = go_on(&logger, &more, error);
    pbx_error abi_error = {"", ""};
    if (good && logger.vtable->flush != NULL &&
        logger.vtable->flush(logger.instance->self, &abi_error) < 0)
        good = fail(&logger, PBX_EIO, &abi_error, error);
    good = good && log_files_perform(&logger.files, error);
    instance_free(logger.instance);
    spec_problem_free(logger.problem);
    store_close(logger.store);
    log_files_clear(&logger.files);
    g_hash_table_unref(logger.trials);
    return good;
}
