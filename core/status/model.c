/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The model's memory, and what of it travels from a driver to those who look from elsewhere. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "status/status.h"
#include "json/json.h"

/* ---- Trials ---- */

PbxStatusTrial *
status_trial_new(void)
{
    PbxStatusTrial *trial = g_new0(PbxStatusTrial, 1);
    trial->references = 1;
    trial->end = -1;
    trial->iteration = -1;
    trial->value = (double)NAN;
    return trial;
}

PbxStatusTrial *
status_trial_ref(PbxStatusTrial *trial)
{
    trial->references++;
    return trial;
}

void
status_trial_unref(PbxStatusTrial *trial)
{
    if (trial == NULL || --trial->references > 0)
        return;
    g_free(trial->name);
    g_free(trial->host);
    g_clear_pointer(&trial->config, json_node_unref);
    g_clear_pointer(&trial->result, json_node_unref);
    g_free(trial->error);
    g_free(trial->error_file);
    g_free(trial);
}

/* ---- The whole ---- */

static void
resource_free(gpointer data)
{
    PbxStatusResource *resource = data;
    g_free(resource->name);
    g_free(resource);
}

static void
line_free(gpointer data)
{
    PbxStatusLine *line = data;
    g_free(line->label);
    g_free(line->text);
    g_free(line);
}

PbxStatus *
status_new(void)
{
    PbxStatus *status = g_new0(PbxStatus, 1);
    status->left_s = status->ever = (double)NAN;
    status->total = -1;
    status->history = g_array_new(FALSE, FALSE, sizeof(double));
    status->resources = g_ptr_array_new_with_free_func(resource_free);
    status->lines = g_ptr_array_new_with_free_func(line_free);
    status->waits = g_ptr_array_new_with_free_func(line_free);
    for (gsize i = 0; i < G_N_ELEMENTS(status->rows); i++)
        status->rows[i] = g_ptr_array_new_with_free_func((GDestroyNotify)status_trial_unref);
    status->errors = g_ptr_array_new_with_free_func((GDestroyNotify)status_trial_unref);
    return status;
}

void
status_free(PbxStatus *status)
{
    if (status == NULL)
        return;
    g_free(status->name);
    g_free(status->dir);
    g_free(status->state);
    g_free(status->stopping);
    g_strfreev(status->parameters);
    g_free(status->metric);
    g_strfreev(status->further);
    status_trial_unref(status->best);
    g_array_unref(status->history);
    g_ptr_array_unref(status->resources);
    g_ptr_array_unref(status->lines);
    g_ptr_array_unref(status->waits);
    for (gsize i = 0; i < G_N_ELEMENTS(status->rows); i++)
        g_ptr_array_unref(status->rows[i]);
    g_ptr_array_unref(status->errors);
    g_free(status);
}

void
status_add_resource(PbxStatus *status, const char *name, double used, double total, gboolean bytes)
{
    PbxStatusResource *resource = g_new(PbxStatusResource, 1);
    *resource = (PbxStatusResource){g_strdup(name), used, total, bytes};
    g_ptr_array_add(status->resources, resource);
}

void
status_add_line(GPtrArray *lines, const char *label, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "\n", -1);
    for (char **part = parts; *part != NULL; part++) {
        if ((*part)[0] == '\0')
            continue;
        PbxStatusLine *line = g_new(PbxStatusLine, 1);
        *line = (PbxStatusLine){g_strdup(label), g_utf8_make_valid(*part, -1)};
        g_ptr_array_add(lines, line);
    }
}

void
status_read_memory(guint64 *used, guint64 *total)
{
    guint64 all = 0, available = 0;
    char line[256];
    *used = *total = 0;
    FILE *file = fopen("/proc/meminfo", "re");
    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL) {
        if (g_str_has_prefix(line, "MemTotal:"))
            all = g_ascii_strtoull(line + strlen("MemTotal:"), NULL, 10) * 1024;
        else if (g_str_has_prefix(line, "MemAvailable:"))
            available = g_ascii_strtoull(line + strlen("MemAvailable:"), NULL, 10) * 1024;
    }
    fclose(file);
    *total = all;
    *used = all > available ? all - available : 0;
}

/* ---- What a driver tells ---- */

static JsonArray *
lines_array(const GPtrArray *lines)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; i < lines->len; i++) {
        const PbxStatusLine *line = lines->pdata[i];
        JsonObject *object = json_object_new();
        json_object_set_string_member(object, "label", line->label);
        json_object_set_string_member(object, "text", line->text);
        json_array_add_object_element(array, object);
    }
    return array;
}

static JsonArray *
resources_array(const PbxStatus *status)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; i < status->resources->len; i++) {
        const PbxStatusResource *resource = status->resources->pdata[i];
        JsonObject *object = json_object_new();
        json_object_set_string_member(object, "name", resource->name);
        json_object_set_double_member(object, "used", resource->used);
        json_object_set_double_member(object, "total", resource->total);
        json_object_set_boolean_member(object, "bytes", resource->bytes);
        json_array_add_object_element(array, object);
    }
    return array;
}

JsonNode *
status_live(const PbxStatus *status)
{
    g_autoptr(JsonObject) object = json_object_new();
    json_object_set_int_member(object, "total", status->total);
    json_object_set_int_member(object, "at_ns", status->wall_ns);
    if (isfinite(status->left_s))
        json_object_set_double_member(object, "left_s", status->left_s);
    json_object_set_int_member(object, "memory_used", (gint64)status->memory_used);
    json_object_set_int_member(object, "memory_total", (gint64)status->memory_total);
    if (status->stopping != NULL)
        json_object_set_string_member(object, "stopping", status->stopping);
    json_object_set_array_member(object, "resources", resources_array(status));
    json_object_set_array_member(object, "lines", lines_array(status->lines));
    json_object_set_array_member(object, "waits", lines_array(status->waits));
    JsonArray *history = json_array_new();
    for (guint i = 0; i < status->history->len; i++) {
        double value = g_array_index(status->history, double, i);
        if (isfinite(value))
            json_array_add_double_element(history, value);
    }
    json_object_set_array_member(object, "history", history);
    return json_node_init_object(json_node_alloc(), object);
}

/* What another program may have written to the store has any type. */
static const char *
text_at(JsonObject *object, const char *name, const char *fallback)
{
    JsonNode *node = json_object_get_member(object, name);
    gboolean is_text = node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
                       json_node_get_value_type(node) == G_TYPE_STRING;
    return is_text ? json_node_get_string(node) : fallback;
}

static double
number_at(JsonObject *object, const char *name, double fallback)
{
    double value = fallback;
    JsonNode *node = json_object_get_member(object, name);
    if (node == NULL || !json_number(node, FALSE, &value) || !(fabs(value) < 1e18))
        return fallback;
    return value;
}

/* The objects of an array at a key; what is none is passed over. */
static GPtrArray *
objects_at(JsonObject *object, const char *name)
{
    GPtrArray *objects = g_ptr_array_new();
    JsonNode *node = json_object_get_member(object, name);
    if (node == NULL || !JSON_NODE_HOLDS_ARRAY(node))
        return objects;
    JsonArray *array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *item = json_array_get_element(array, i);
        if (JSON_NODE_HOLDS_OBJECT(item))
            g_ptr_array_add(objects, json_node_get_object(item));
    }
    return objects;
}

static void
take_lines(GPtrArray *lines, JsonObject *object, const char *name)
{
    g_autoptr(GPtrArray) items = objects_at(object, name);
    for (guint i = 0; i < items->len; i++)
        status_add_line(lines, text_at(items->pdata[i], "label", ""),
                        text_at(items->pdata[i], "text", ""));
}

static void
take_history(PbxStatus *status, JsonObject *object)
{
    JsonNode *node = json_object_get_member(object, "history");
    if (node == NULL || !JSON_NODE_HOLDS_ARRAY(node))
        return;
    JsonArray *array = json_node_get_array(node);
    g_array_set_size(status->history, 0);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        double value;
        if (json_number(json_array_get_element(array, i), FALSE, &value) && isfinite(value))
            g_array_append_val(status->history, value);
    }
}

void
status_take_live(PbxStatus *status, JsonNode *live)
{
    if (live == NULL || !JSON_NODE_HOLDS_OBJECT(live))
        return;
    JsonObject *object = json_node_get_object(live);
    status->total = (gint64)number_at(object, "total", (double)status->total);
    status->left_s = number_at(object, "left_s", status->left_s);
    status->wall_ns = (gint64)number_at(object, "at_ns", 0);
    status->memory_used = (guint64)MAX(number_at(object, "memory_used", 0), 0);
    status->memory_total = (guint64)MAX(number_at(object, "memory_total", 0), 0);
    g_free(status->stopping);
    status->stopping = g_strdup(text_at(object, "stopping", NULL));
    g_autoptr(GPtrArray) resources = objects_at(object, "resources");
    for (guint i = 0; i < resources->len; i++) {
        JsonObject *item = resources->pdata[i];
        status_add_resource(status, text_at(item, "name", ""), number_at(item, "used", 0),
                            number_at(item, "total", 0), number_at(item, "bytes", 0) != 0);
    }
    take_lines(status->lines, object, "lines");
    take_lines(status->waits, object, "waits");
    take_history(status, object);
}
