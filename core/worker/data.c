/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `data` names, for trainables in C: each file mapped when it is first asked for, and kept as
 * long as the process. All processes of this host share its pages. The driver has seen each file,
 * so one that cannot be mapped is no fault of the trial that asks for it. */
#include "worker/process-private.h"

void
worker_data_take(PbxWorker *worker, JsonObject *setup)
{
    JsonNode *data = json_object_get_member(setup, "data");
    if (data != NULL && JSON_NODE_HOLDS_OBJECT(data))
        worker->data = json_node_dup_object(data);
    worker->mapped =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_mapped_file_unref);
}

void
worker_data_clear(PbxWorker *worker)
{
    g_clear_pointer(&worker->mapped, g_hash_table_unref);
    g_clear_pointer(&worker->data, json_object_unref);
    g_clear_pointer(&worker->data_failure, g_free);
}

static GMappedFile *
map(PbxWorker *worker, const char *name)
{
    GMappedFile *file = g_hash_table_lookup(worker->mapped, name);
    const char *path = worker->data != NULL && json_object_has_member(worker->data, name)
                           ? json_object_get_string_member_with_default(worker->data, name, NULL)
                           : NULL;
    if (file != NULL || path == NULL)
        return file;
    g_autoptr(GError) error = NULL;
    file = g_mapped_file_new(path, FALSE, &error);
    if (file != NULL) {
        g_hash_table_insert(worker->mapped, g_strdup(name), file);
    } else if (worker->data_failure == NULL) {
        worker->data_failure = g_strdup_printf("data.%s: %s", name, error->message);
        host_log(worker->instance->host, PBX_LOG_WARNING, "%s", worker->data_failure);
    }
    return file;
}

const void *
worker_data(PbxWorker *worker, const char *name, size_t *n)
{
    GMappedFile *file = name != NULL ? map(worker, name) : NULL;
    *n = file != NULL ? g_mapped_file_get_length(file) : 0;
    if (file == NULL)
        return NULL;
    /* An empty file has no mapping, but it is there. */
    const char *bytes = g_mapped_file_get_contents(file);
    return bytes != NULL ? bytes : "";
}

pbx_status
worker_data_judge(PbxWorker *worker, pbx_status status, pbx_error *error)
{
    g_autofree char *failure = g_steal_pointer(&worker->data_failure);
    if (status >= 0 || status == PBX_ECANCELLED || failure == NULL)
        return status;
    error->where[0] = '\0';
    g_strlcpy(error->message, failure, sizeof error->message);
    return PBX_EFATAL;
}
