/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver's side of a worker: a run and what it may go on from, what is said of checkpoints. */
#include <string.h>

#include "worker/worker-private.h"

#define SHA256_LENGTH 64

/* ---- The run ---- */

static void
put_restore(GString *message, const PbxWorkerRestore *restore)
{
    g_string_append(message, "{\"id\":");
    json_put_int(message, (gint64)restore->id);
    message_string(message, "archive", restore->archive);
    message_string(message, "sha256", restore->sha256);
    message_int(message, "n", (gint64)restore->n);
    message_int(message, "iteration", restore->iteration);
    message_double(message, "time_total_s", restore->time_total_s);
    message_int(message, "timesteps_total", restore->timesteps_total);
    message_int(message, "episodes_total", restore->episodes_total);
    g_string_append_c(message, '}');
}

static void
put_restores(GString *message, const PbxWorkerRun *run)
{
    g_autoptr(GString) list = g_string_new("[");
    for (gsize i = 0; i < run->n_restore; i++) {
        if (i > 0)
            g_string_append_c(list, ',');
        put_restore(list, &run->restore[i]);
    }
    g_string_append_c(list, ']');
    message_text(message, "restore", list->str);
    if (run->restore_must)
        message_bool(message, "restore_must", TRUE);
}

static void
put_saving(GString *message, const PbxWorkerSaving *saving)
{
    g_autoptr(GString) object = g_string_new("{\"frequency\":");
    json_put_int(object, (gint64)saving->frequency);
    message_bool(object, "at_end", saving->at_end);
    message_int(object, "zstd_level", saving->zstd_level);
    message_string(object, "path", saving->path);
    if (saving->used != NULL && saving->used[0] != NULL)
        message_strings(object, "used", saving->used);
    g_string_append_c(object, '}');
    message_text(message, "checkpoint", object->str);
}

GString *
run_message(const PbxWorkerRun *run)
{
    GString *message = message_new("run");
    message_int(message, "trial", (gint64)run->trial);
    message_int(message, "attempt", run->attempt);
    message_string(message, "id", run->id);
    message_string(message, "name", run->name);
    message_string(message, "tag", run->tag);
    message_string(message, "dir", run->dir);
    message_node(message, "config", run->config);
    message_node(message, "resources", run->resources);
    message_strings(message, "env", run->env);
    message_string(message, "cwd", run->cwd);
    message_string(message, "out", run->out);
    message_string(message, "err", run->err);
    message_int(message, "window", (gint64)run->window);
    message_double(message, "window_s", run->window_s);
    message_double(message, "gather_s", run->gather_s);
    if (run->memory_limit > 0)
        message_int(message, "memory_limit", (gint64)run->memory_limit);
    message_int(message, "iteration", run->iteration);
    message_double(message, "time_total_s", run->time_total_s);
    message_int(message, "timesteps_total", run->timesteps_total);
    message_int(message, "episodes_total", run->episodes_total);
    if (run->n_restore > 0)
        put_restores(message, run);
    if (run->saving != NULL)
        put_saving(message, run->saving);
    return message;
}

/* ---- What a worker says ---- */

gboolean
checkpoint_name_is_good(const char *name)
{
    return g_str_has_prefix(name, "checkpoint_") && strchr(name, '/') == NULL &&
           strlen(name) <= 255 &&
           (g_str_has_suffix(name, ".tar") || g_str_has_suffix(name, ".tar.zst"));
}

static gboolean
is_sha256(const char *text)
{
    return strlen(text) == SHA256_LENGTH && strspn(text, "0123456789abcdef") == SHA256_LENGTH;
}

static gboolean
read_checkpoint(JsonObject *object, PbxWorkerMessage *message)
{
    gint64 n = message_get_int(object, "n", -1), bytes = message_get_int(object, "bytes", -1);
    message->type = WORKER_CHECKPOINT;
    message->n = (guint64)n;
    message->bytes = (guint64)bytes;
    message->step = message_get_int(object, "step", 0);
    message->name = message_get_string(object, "name");
    message->sha256 = message_get_string(object, "sha256");
    message->iteration = message_get_int(object, "iteration", 0);
    message->time_total_s = message_get_double(object, "time_total_s", 0);
    message->timesteps_total = message_get_int(object, "timesteps_total", -1);
    message->episodes_total = message_get_int(object, "episodes_total", -1);
    message->done = message_get_bool(object, "done");
    return n >= 0 && bytes >= 0 && message->step >= 0 && message->name != NULL &&
           checkpoint_name_is_good(message->name) && message->sha256 != NULL &&
           is_sha256(message->sha256);
}

static gboolean
read_damaged(JsonObject *object, GArray *damaged)
{
    JsonNode *node = json_object_get_member(object, "damaged");
    if (node == NULL)
        return TRUE;
    if (!JSON_NODE_HOLDS_ARRAY(node))
        return FALSE;
    JsonArray *array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *item = json_array_get_element(array, i);
        JsonObject *one = JSON_NODE_HOLDS_OBJECT(item) ? json_node_get_object(item) : NULL;
        const char *text = one != NULL ? message_get_string(one, "text") : NULL;
        gint64 id = one != NULL ? message_get_int(one, "id", 0) : 0;
        if (text == NULL || id <= 0)
            return FALSE;
        PbxWorkerDamaged entry = {.id = (guint64)id, .text = text};
        g_array_append_val(damaged, entry);
    }
    return TRUE;
}

static gboolean
read_restored(JsonObject *object, PbxWorkerMessage *message, GArray *damaged)
{
    gint64 id = message_get_int(object, "id", -1);
    if (id < 0 || !read_damaged(object, damaged))
        return FALSE;
    message->type = WORKER_RESTORED;
    message->restored_id = (guint64)id;
    message->damaged = (const PbxWorkerDamaged *)(gpointer)damaged->data;
    message->n_damaged = damaged->len;
    return TRUE;
}

int
checkpoint_message_read(JsonObject *object, PbxWorkerMessage *message, GArray *damaged)
{
    if (message_is(object, "checkpoint"))
        return read_checkpoint(object, message) ? 1 : -1;
    if (message_is(object, "restored"))
        return read_restored(object, message, damaged) ? 1 : -1;
    if (message_is(object, "saving")) {
        message->type = WORKER_SAVING;
        message->saving = message_get_bool(object, "begun");
        return 1;
    }
    if (message_is(object, "saved")) {
        message->type = WORKER_SAVED;
        message->ok = message_get_bool(object, "ok");
        return message->ok || message->text != NULL ? 1 : -1;
    }
    return 0;
}
