/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every number that a trial reported, over its results: Tune's metric_analysis. */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "json/json.h"

/* A field, or an object of fields. */
typedef struct {
    char *key;
    GPtrArray *inner; /* Field*: of an object; NULL until it was one */
    PbxSeries series;
} Field;

static void
field_free(gpointer data)
{
    Field *field = data;
    g_clear_pointer(&field->inner, g_ptr_array_unref);
    g_free(field->key);
    g_free(field);
}

static Field *
field_new(const char *key)
{
    Field *field = g_new0(Field, 1);
    field->key = g_strdup(key);
    series_init(&field->series);
    return field;
}

/* Results have the same fields in the same order as a rule: `hint` is where it should be. */
static Field *
find_field(Field *object, const char *key, guint hint)
{
    if (object->inner == NULL)
        object->inner = g_ptr_array_new_with_free_func(field_free);
    if (hint < object->inner->len && g_str_equal(((Field *)object->inner->pdata[hint])->key, key))
        return object->inner->pdata[hint];
    for (guint i = 0; i < object->inner->len; i++) {
        if (g_str_equal(((Field *)object->inner->pdata[i])->key, key))
            return object->inner->pdata[i];
    }
    g_ptr_array_add(object->inner, field_new(key));
    return object->inner->pdata[object->inner->len - 1];
}

/* A number, also one that is not finite; not a truth value, which is no metric. */
static gboolean
is_number(JsonNode *node, double *value)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) != G_TYPE_BOOLEAN &&
           json_number(node, FALSE, value);
}

static void
add_object(Field *into, JsonObject *object, gint64 iteration)
{
    JsonObjectIter iter;
    const char *key;
    JsonNode *node;
    guint hint = 0;
    json_object_iter_init_ordered(&iter, object);
    for (; json_object_iter_next_ordered(&iter, &key, &node); hint++) {
        double value;
        if (JSON_NODE_HOLDS_OBJECT(node))
            add_object(find_field(into, key, hint), json_node_get_object(node), iteration);
        else if (is_number(node, &value))
            series_add(&find_field(into, key, hint)->series, value, iteration, TRUE);
    }
}

typedef struct {
    Field *fields;
    guint64 shown;
} Reader;

static gboolean
add_result(const PbxResultRow *row, gpointer user)
{
    Reader *reader = user;
    if (row->n <= reader->shown)
        return TRUE;
    reader->shown = row->n;
    g_autoptr(JsonNode) node = json_read(row->fields, strlen(row->fields), DOC_MAX_NESTING, NULL);
    JsonObject *object =
        node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    if (object != NULL)
        add_object(reader->fields, object, row->iteration);
    for (const char *const *name = store_auto_filled; *name != NULL; name++) {
        double value;
        if ((object == NULL || !json_object_has_member(object, *name)) &&
            store_result_value(row, *name, &value))
            series_add(&find_field(reader->fields, *name, G_MAXUINT)->series, value, row->iteration,
                       TRUE);
    }
    return TRUE;
}

/* ---- As JSON ---- */

static const struct {
    const char *name;
    PbxScope scope;
    int sign;
} statistics[] = {
    {"max", SCOPE_ALL, -1},
    {"min", SCOPE_ALL, 1},
    {"avg", SCOPE_AVG, 1},
    {"last", SCOPE_LAST, 1},
    {"last-5-avg", SCOPE_LAST_5_AVG, 1},
    {"last-10-avg", SCOPE_LAST_10_AVG, 1},
};

static JsonNode *
statistic_of(const Field *object, PbxScope scope, int sign)
{
    g_autoptr(JsonObject) values = json_object_new();
    for (guint i = 0; object->inner != NULL && i < object->inner->len; i++) {
        const Field *field = object->inner->pdata[i];
        const double value = series_value(&field->series, scope, sign);
        JsonNode *node = field->inner != NULL ? statistic_of(field, scope, sign)
                         : isnan(value)       ? json_node_init_null(json_node_alloc())
                                              : json_node_init_double(json_node_alloc(), value);
        json_object_set_member(values, field->key, node);
    }
    return json_node_init_object(json_node_alloc(), values);
}

JsonNode *
analysis_of_trial(PbxStore *store, guint64 trial, GError **error)
{
    Field *fields = field_new("");
    Reader reader = {.fields = fields};
    JsonNode *node = NULL;
    if (store_each_result(store, trial, add_result, &reader, error)) {
        g_autoptr(JsonObject) all = json_object_new();
        for (gsize i = 0; i < G_N_ELEMENTS(statistics); i++)
            json_object_set_member(all, statistics[i].name,
                                   statistic_of(fields, statistics[i].scope, statistics[i].sign));
        node = json_node_init_object(json_node_alloc(), all);
    }
    field_free(fields);
    return node;
}
