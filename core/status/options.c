/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `reporter` of an experiment file that was checked; defaults are Tune's. */
#include "status/status.h"

#define MAX_ROWS         20
#define INFER_LIMIT      3
#define REPORT_FREQUENCY 5 /* seconds */

static void
field_free(gpointer data)
{
    PbxStatusField *field = data;
    g_free(field->path);
    g_free(field->heading);
    g_free(field);
}

static void
add_field(GPtrArray *fields, const char *path, const char *heading)
{
    PbxStatusField *field = g_new(PbxStatusField, 1);
    *field = (PbxStatusField){g_strdup(path), g_strdup(heading)};
    g_ptr_array_add(fields, field);
}

/* A list of paths, or headings by path; NULL: neither. */
static GPtrArray *
fields_new(JsonNode *node)
{
    if (node == NULL || JSON_NODE_HOLDS_VALUE(node) || JSON_NODE_HOLDS_NULL(node))
        return NULL;
    GPtrArray *fields = g_ptr_array_new_with_free_func(field_free);
    if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);
        for (guint i = 0; i < json_array_get_length(array); i++) {
            const char *path = json_array_get_string_element(array, i);
            if (path != NULL)
                add_field(fields, path, path);
        }
        return fields;
    }
    JsonObjectIter iter;
    const char *path;
    JsonNode *heading;
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &path, &heading)) {
        const char *text = json_node_get_string(heading);
        add_field(fields, path, text != NULL ? text : path);
    }
    return fields;
}

static guint
whole(JsonObject *object, const char *name, guint fallback)
{
    gint64 value = json_object_get_int_member_with_default(object, name, fallback);
    return (guint)CLAMP(value, 0, G_MAXINT32);
}

PbxStatusOptions *
status_options_new(JsonNode *reporter)
{
    g_autoptr(JsonObject) object = reporter != NULL && JSON_NODE_HOLDS_OBJECT(reporter)
                                       ? json_object_ref(json_node_get_object(reporter))
                                       : json_object_new();
    PbxStatusOptions *options = g_new(PbxStatusOptions, 1);
    const char *mode = json_object_get_string_member_with_default(object, "mode", "min");
    *options = (PbxStatusOptions){
        .metric_columns = fields_new(json_object_get_member(object, "metric_columns")),
        .parameter_columns = fields_new(json_object_get_member(object, "parameter_columns")),
        .total_samples = whole(object, "total_samples", 0),
        .max_progress_rows = whole(object, "max_progress_rows", MAX_ROWS),
        .max_error_rows = whole(object, "max_error_rows", MAX_ROWS),
        .infer_limit = whole(object, "infer_limit", INFER_LIMIT),
        .max_report_frequency = json_object_get_double_member_with_default(
            object, "max_report_frequency", REPORT_FREQUENCY),
        .tables = -1,
        .metric = g_strdup(json_object_get_string_member_with_default(object, "metric", NULL)),
        .sign = g_strcmp0(mode, "max") == 0 ? -1 : 1,
        .sort_by_metric =
            json_object_get_boolean_member_with_default(object, "sort_by_metric", FALSE),
    };
    if (json_object_has_member(object, "print_intermediate_tables"))
        options->tables =
            json_object_get_boolean_member_with_default(object, "print_intermediate_tables", FALSE);
    return options;
}

void
status_options_free(PbxStatusOptions *options)
{
    if (options == NULL)
        return;
    g_clear_pointer(&options->metric_columns, g_ptr_array_unref);
    g_clear_pointer(&options->parameter_columns, g_ptr_array_unref);
    g_free(options->metric);
    g_free(options);
}
