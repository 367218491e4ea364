/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `data` of an experiment: values become files of its directory, in NumPy's format where they are
 * arrays of numbers; files are known again by size and time when the experiment goes on.
 */
#include <errno.h>
#include <string.h>

#include <glib/gstdio.h>

#include "experiment/runner-private.h"

#define FACT     "data"
#define MAX_DIMS 32
#define ALIGN    64 /* of the numbers in a file, as NumPy has it */

/* ---- Arrays of numbers ---- */

typedef struct {
    guint n_dims;
    guint shape[MAX_DIMS];
    gboolean real; /* some number is no integer */
} Shape;

/* Whether a node is an array whose items are all alike down to the numbers. */
static gboolean
shape_of(JsonNode *node, guint depth, gboolean first, Shape *shape)
{
    if (!JSON_NODE_HOLDS_ARRAY(node)) {
        if (first)
            shape->n_dims = depth;
        const GType type = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : 0;
        shape->real = shape->real || type == G_TYPE_DOUBLE;
        return depth > 0 && depth == shape->n_dims &&
               (type == G_TYPE_INT64 || type == G_TYPE_DOUBLE);
    }
    JsonArray *array = json_node_get_array(node);
    const guint n = json_array_get_length(array);
    if (depth == MAX_DIMS || (!first && (depth >= shape->n_dims || shape->shape[depth] != n)))
        return FALSE;
    if (first) {
        shape->shape[depth] = n;
        shape->n_dims = depth + 1; /* of one without items */
    }
    for (guint i = 0; i < n; i++)
        if (!shape_of(json_array_get_element(array, i), depth + 1, first && i == 0, shape))
            return FALSE;
    return TRUE;
}

static void
put_numbers(GByteArray *out, JsonNode *node, gboolean real)
{
    if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);
        for (guint i = 0; i < json_array_get_length(array); i++)
            put_numbers(out, json_array_get_element(array, i), real);
        return;
    }
    guint64 word;
    gint64 whole = json_node_get_int(node);
    double number = json_node_get_double(node);
    if (real)
        memcpy(&word, &number, sizeof word);
    else
        memcpy(&word, &whole, sizeof word);
    word = GUINT64_TO_LE(word);
    g_byte_array_append(out, (const guint8 *)&word, sizeof word);
}

/* Version 1.0 of NumPy's .npy: numpy.load reads it, or maps it. */
static GByteArray *
npy_of(JsonNode *node, const Shape *shape)
{
    g_autoptr(GString) header = g_string_new(NULL);
    g_string_append_printf(header, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                           shape->real || shape->shape[shape->n_dims - 1] == 0 ? "<f8" : "<i8");
    for (guint i = 0; i < shape->n_dims; i++)
        g_string_append_printf(header, "%s%u", i > 0 ? ", " : "", shape->shape[i]);
    g_string_append(header, shape->n_dims == 1 ? ",), }" : "), }");
    static const guint8 magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    while ((sizeof magic + 2 + header->len + 1) % ALIGN != 0)
        g_string_append_c(header, ' ');
    g_string_append_c(header, '\n');
    const guint16 length = GUINT16_TO_LE((guint16)header->len);
    GByteArray *out = g_byte_array_new();
    g_byte_array_append(out, magic, sizeof magic);
    g_byte_array_append(out, (const guint8 *)&length, sizeof length);
    g_byte_array_append(out, (const guint8 *)header->str, (guint)header->len);
    put_numbers(out, node, shape->real);
    return out;
}

/* ---- Files ---- */

/* Written whole or not at all, and only where it is not there already. */
static gboolean
write_once(const char *path, const char *bytes, gsize n, GError **error)
{
    g_autofree char *there = NULL;
    gsize length = 0;
    if (g_file_get_contents(path, &there, &length, NULL) && length == n &&
        memcmp(there, bytes, n) == 0)
        return TRUE;
    return g_file_set_contents_full(path, bytes, (gssize)n,
                                    G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                    0666, error);
}

/* The file of a value. NULL with error. (transfer full) */
static char *
write_value(const PbxRunner *runner, const PbxData *data, GError **error)
{
    g_autofree char *dir = g_build_filename(runner->dir, "data", NULL);
    Shape shape = {0};
    const gboolean array = shape_of(data->value, 0, TRUE, &shape);
    g_autofree char *file = g_strconcat(data->name, array ? ".npy" : ".json", NULL);
    g_autofree char *path = g_build_filename(dir, file, NULL);
    if (g_mkdir_with_parents(dir, 0777) != 0) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "the directory %s cannot be made: %s", dir, g_strerror(errno));
        return NULL;
    }
    g_autoptr(GByteArray) npy = array ? npy_of(data->value, &shape) : NULL;
    g_autofree char *text = array ? NULL : json_to_text(data->value);
    const char *bytes = array ? (const char *)npy->data : text;
    if (!write_once(path, bytes, array ? npy->len : strlen(text), error))
        return NULL;
    return g_steal_pointer(&path);
}

/* ---- What a file was when the experiment began, and is ---- */

static char *
time_text(gint64 ns)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(ns / NS_PER_S);
    return time != NULL ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S") : g_strdup("?");
}

static void
compare(PbxRunner *runner, const PbxData *data, JsonObject *before, const GStatBuf *now,
        gint64 mtime_ns)
{
    const gint64 size = json_object_get_int_member_with_default(before, "size", -1);
    const gint64 time = json_object_get_int_member_with_default(before, "mtime_ns", -1);
    if (size == (gint64)now->st_size && time == mtime_ns)
        return;
    g_autofree char *then_text = time_text(time), *now_text = time_text(mtime_ns);
    g_autofree char *line =
        g_strdup_printf("%s is not what it was for the trials so far: %" G_GINT64_FORMAT
                        " bytes of %s then, %" G_GINT64_FORMAT " bytes of %s now",
                        data->path, size, then_text, (gint64)now->st_size, now_text);
    g_autofree char *slot = g_strconcat("data.", data->name, NULL);
    runner_log(slot, PBX_LOG_WARNING, line, runner);
}

/* {"size": ..., "mtime_ns": ...} of a file, told where it is not what `before` says (NULL: nothing
 * is known). NULL with error. */
static JsonObject *
identify(PbxRunner *runner, const PbxData *data, JsonObject *before, GError **error)
{
    GStatBuf info;
    if (g_stat(data->path, &info) != 0) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE, "data.%s: %s: %s",
                    data->name, data->path, g_strerror(errno));
        return NULL;
    }
    const gint64 mtime_ns = info.st_mtim.tv_sec * NS_PER_S + info.st_mtim.tv_nsec;
    if (before != NULL)
        compare(runner, data, before, &info, mtime_ns);
    JsonObject *known = json_object_new();
    json_object_set_string_member(known, "path", data->path);
    json_object_set_int_member(known, "size", (gint64)info.st_size);
    json_object_set_int_member(known, "mtime_ns", mtime_ns);
    return known;
}

/* What the store knows, an object; NULL: nothing. (transfer full) */
static JsonObject *
read_fact(PbxRunner *runner)
{
    g_autofree char *text = store_fact(runner->store, FACT);
    g_autoptr(JsonNode) node =
        text != NULL ? json_read(text, strlen(text), DOC_MAX_NESTING, NULL) : NULL;
    return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_dup_object(node) : NULL;
}

gboolean
data_open(PbxRunner *runner, GError **error)
{
    const GPtrArray *all = runner->spec->data;
    if (all->len == 0)
        return TRUE;
    g_autoptr(JsonObject) before = read_fact(runner);
    g_autoptr(JsonObject) paths = json_object_new(), known = json_object_new();
    for (guint i = 0; i < all->len; i++) {
        const PbxData *data = g_ptr_array_index(all, i);
        if (data->path == NULL) {
            g_autofree char *path = write_value(runner, data, error);
            if (path == NULL)
                return FALSE;
            json_object_set_string_member(paths, data->name, path);
            continue;
        }
        JsonNode *node = before != NULL ? json_object_get_member(before, data->name) : NULL;
        JsonObject *one = identify(
            runner, data,
            node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL,
            error);
        if (one == NULL)
            return FALSE;
        json_object_set_object_member(known, data->name, one);
        json_object_set_string_member(paths, data->name, data->path);
    }
    runner->data = json_node_init_object(json_node_alloc(), paths);
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), known);
    g_autofree char *text = json_to_text(node);
    return store_put_fact(runner->store, FACT, text, error);
}

void
data_environment(const PbxRunner *runner, GPtrArray *env)
{
    const GPtrArray *all = runner->spec->data;
    for (guint i = 0; runner->data != NULL && i < all->len; i++) {
        const PbxData *data = g_ptr_array_index(all, i);
        const char *path =
            json_object_get_string_member(json_node_get_object(runner->data), data->name);
        g_ptr_array_add(env, g_strconcat(data->variable, "=", path, NULL));
    }
}
