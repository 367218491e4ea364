/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trials and results as the JSON objects that tables are made from. */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "commands/look-private.h"

GPtrArray *
look_rows_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)json_node_unref);
}

char *
look_time(gint64 ns)
{
    g_autoptr(GDateTime) time =
        ns >= 0 ? g_date_time_new_from_unix_local(ns / G_GINT64_CONSTANT(1000000000)) : NULL;
    return time != NULL ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S") : NULL;
}

void
look_set_text(JsonObject *object, const char *name, const char *text)
{
    if (text != NULL)
        json_object_set_string_member(object, name, text);
    else
        json_object_set_null_member(object, name);
}

void
look_set_int(JsonObject *object, const char *name, gint64 value)
{
    if (value >= 0)
        json_object_set_int_member(object, name, value);
    else
        json_object_set_null_member(object, name);
}

void
look_set_double(JsonObject *object, const char *name, double value)
{
    if (!isnan(value))
        json_object_set_double_member(object, name, value);
    else
        json_object_set_null_member(object, name);
}

void
look_set_metric(JsonObject *object, const char *metric, double value)
{
    if (metric != NULL && !json_object_has_member(object, metric))
        look_set_double(object, metric, value);
}

/* null: there are no constraints. */
static JsonNode *
feasible_node(PbxFeasible feasible)
{
    return feasible == FEASIBLE_NONE
               ? json_node_init_null(json_node_alloc())
               : json_node_init_boolean(json_node_alloc(), feasible == FEASIBLE_YES);
}

static void
set_rung(JsonObject *object, const char *name, guint rung)
{
    look_set_int(object, name, rung != G_MAXUINT32 ? (gint64)rung : -1);
}

static void
set_time(JsonObject *object, const char *name, const char *name_ns, gint64 ns)
{
    g_autofree char *text = look_time(ns);
    look_set_text(object, name, text);
    look_set_int(object, name_ns, ns);
}

/* Where they are broken, they count as none when a result is written out. */
static gboolean
check_fields(const PbxResultRow *result, GError **error)
{
    const char *text = result->fields;
    if (text == NULL || json_text_is_compact(text, strlen(text), DOC_MAX_NESTING))
        return TRUE;
    g_autoptr(JsonNode) node = json_read(text, strlen(text), DOC_MAX_NESTING, error);
    return node != NULL;
}

/* The canonical text of a result, read back. */
static JsonNode *
whole_result(PbxLook *look, const PbxTrialRow *trial, const PbxResultRow *result, GError **error)
{
    g_auto(PbxAttemptRow) attempt = {0};
    if (!store_attempt(look->store, result->trial, result->attempt, &attempt, error))
        return NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    store_result_text(text, trial, &attempt, result, look->id);
    JsonNode *node = check_fields(result, error)
                         ? json_read(text->str, text->len, DOC_MAX_NESTING + 1, error)
                         : NULL;
    if (node == NULL)
        g_prefix_error(
            error, "%s: result %" G_GUINT64_FORMAT " of trial %" G_GUINT64_FORMAT " is damaged: ",
            look->dir, result->n, trial->number);
    return node;
}

static gboolean
set_last_result(JsonObject *object, PbxLook *look, const PbxTrialRow *trial, GError **error)
{
    if (trial->last_seq == 0) {
        json_object_set_null_member(object, "last_result");
        return TRUE;
    }
    g_autoptr(PbxResultRow) result = store_result(look->store, trial->last_seq, error);
    JsonNode *node = result != NULL ? whole_result(look, trial, result, error) : NULL;
    if (node != NULL)
        json_object_set_member(object, "last_result", node);
    return node != NULL;
}

/* The store has no NaN: whether the last value is one, or there is none. */
static gboolean
last_is_nan(PbxLook *look, const PbxTrialRow *trial, gboolean *nan, GError **error)
{
    *nan = FALSE;
    if (!isnan(trial->value) || look->metric == NULL || trial->last_seq == 0)
        return TRUE;
    g_autoptr(PbxResultRow) result = store_result(look->store, trial->last_seq, error);
    if (result == NULL)
        return FALSE;
    const char *text = result->fields;
    g_autoptr(JsonNode) fields =
        text != NULL ? json_read(text, strlen(text), DOC_MAX_NESTING, NULL) : NULL;
    JsonNode *node = fields != NULL ? json_lookup(fields, look->metric) : NULL;
    double value;
    *nan = node != NULL && json_number(node, FALSE, &value) && isnan(value);
    return TRUE;
}

static gboolean
set_value(JsonObject *object, PbxLook *look, const PbxTrialRow *trial, GError **error)
{
    gboolean nan = FALSE;
    if (!last_is_nan(look, trial, &nan, error))
        return FALSE;
    const char *const names[] = {"value", look->metric};
    look_set_double(object, "value", trial->value);
    look_set_metric(object, look->metric, trial->value);
    for (gsize i = 0; nan && i < G_N_ELEMENTS(names); i++) {
        if (JSON_NODE_HOLDS_NULL(json_object_get_member(object, names[i])))
            json_object_set_double_member(object, names[i], (double)NAN);
    }
    return TRUE;
}

/* The further ones of several metrics, as the last result has them. */
static gboolean
set_further(JsonObject *object, PbxLook *look, const PbxTrialRow *trial, GError **error)
{
    if (look->metrics == NULL)
        return TRUE;
    g_autoptr(PbxResultRow) result =
        trial->last_seq != 0 ? store_result(look->store, trial->last_seq, error) : NULL;
    if (result == NULL && trial->last_seq != 0)
        return FALSE;
    for (char **name = look->metrics + 1; *name != NULL; name++) {
        double value = (double)NAN;
        if (json_object_has_member(object, *name))
            continue;
        if (result != NULL && store_result_value(result, *name, &value))
            json_object_set_double_member(object, *name, value);
        else
            json_object_set_null_member(object, *name);
    }
    return TRUE;
}

static void
set_config(JsonObject *object, const char *config)
{
    JsonNode *node =
        config != NULL ? json_read(config, strlen(config), DOC_MAX_NESTING, NULL) : NULL;
    if (node != NULL)
        json_object_set_member(object, "config", node);
    else
        json_object_set_null_member(object, "config");
}

static gboolean
set_analysis(JsonObject *object, PbxLook *look, const PbxTrialRow *trial, GError **error)
{
    JsonNode *node = analysis_of_trial(look->store, trial->number, error);
    if (node != NULL)
        json_object_set_member(object, "analysis", node);
    return node != NULL;
}

/* ---- Checkpoints ---- */

typedef struct {
    JsonArray *array;
    const PbxTrialRow *trial;
    const PbxLook *look;
} KeptReader;

char *
look_checkpoint_path(const PbxLook *look, const PbxTrialRow *trial, const PbxCheckpointRow *row)
{
    return g_path_is_absolute(row->name) || trial->dir == NULL
               ? g_strdup(row->name)
               : g_build_filename(look->dir, trial->dir, row->name, NULL);
}

static gboolean
add_kept(const PbxCheckpointRow *row, gpointer user)
{
    KeptReader *reader = user;
    if (row->state != CHECKPOINT_KEPT)
        return TRUE;
    JsonObject *object = json_object_new();
    g_autofree char *path = look_checkpoint_path(reader->look, reader->trial, row);
    look_set_int(object, "step", row->step);
    look_set_int(object, "iteration", row->iteration);
    look_set_double(object, "score", row->score);
    json_object_set_int_member(object, "bytes", (gint64)row->bytes);
    look_set_text(object, "sha256", row->sha256);
    look_set_text(object, "path", path);
    json_array_add_object_element(reader->array, object);
    return TRUE;
}

static gboolean
set_checkpoints(JsonObject *object, PbxLook *look, const PbxTrialRow *trial, GError **error)
{
    KeptReader reader = {.array = json_array_new(), .trial = trial, .look = look};
    json_object_set_array_member(object, "checkpoints", reader.array);
    return store_each_checkpoint(look->store, trial->number, add_kept, &reader, error);
}

static gboolean
add_saved(const PbxCheckpointRow *row, gpointer user)
{
    GHashTable *names = user;
    if (row->state == CHECKPOINT_KEPT)
        g_hash_table_insert(names, g_memdup2(&row->n, sizeof row->n), g_strdup(row->name));
    return TRUE;
}

GHashTable *
look_checkpoints(PbxLook *look, guint64 trial, GError **error)
{
    g_autoptr(GHashTable) names =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    return store_each_checkpoint(look->store, trial, add_saved, names, error)
               ? g_steal_pointer(&names)
               : NULL;
}

/* ---- Trials ---- */

guint
look_wanted(const PbxTableOptions *options)
{
    return (table_wants(options, "last_result") ? LOOK_LAST_RESULT : 0u) |
           (table_wants(options, "checkpoints") ? LOOK_CHECKPOINTS : 0u) |
           (table_names(options, "analysis") ? LOOK_ANALYSIS : 0u);
}

JsonNode *
look_trial_row(PbxLook *look, const PbxTrialRow *trial, guint wanted, GError **error)
{
    g_autoptr(JsonObject) object = json_object_new();
    g_autofree char *dir =
        trial->dir != NULL ? g_build_filename(look->dir, trial->dir, NULL) : NULL;
    json_object_set_int_member(object, "trial", (gint64)trial->number);
    look_set_text(object, "id", trial->id);
    look_set_text(object, "name", trial->name);
    look_set_text(object, "tag", trial->tag);
    look_set_text(object, "state", store_state_name(look_state(look, trial)));
    look_set_text(object, "outcome", store_end_name(trial->end));
    look_set_int(object, "results", (gint64)trial->n_results);
    look_set_int(object, "iteration", trial->iteration);
    look_set_double(object, "time_total_s", trial->time_total_s);
    look_set_double(object, "best", trial->best);
    json_object_set_member(object, "feasible", feasible_node(trial->feasible));
    set_config(object, trial->config);
    look_set_text(object, "reason", trial->reason);
    look_set_text(object, "error", trial->error);
    json_object_set_int_member(object, "attempts", trial->attempts);
    json_object_set_int_member(object, "failures", trial->failures);
    json_object_set_boolean_member(object, "held", trial->held);
    look_set_text(object, "source", trial->source);
    set_rung(object, "rung", trial->rung);
    set_rung(object, "bracket", trial->bracket);
    set_time(object, "created", "created_ns", trial->created_ns);
    set_time(object, "started", "started_ns", trial->started_ns);
    set_time(object, "ended", "ended_ns", trial->ended_ns);
    look_set_text(object, "dir", dir);
    if (!set_value(object, look, trial, error) || !set_further(object, look, trial, error))
        return NULL;
    if ((wanted & LOOK_LAST_RESULT) != 0 && !set_last_result(object, look, trial, error))
        return NULL;
    if ((wanted & LOOK_CHECKPOINTS) != 0 && !set_checkpoints(object, look, trial, error))
        return NULL;
    if ((wanted & LOOK_ANALYSIS) != 0 && !set_analysis(object, look, trial, error))
        return NULL;
    return json_node_init_object(json_node_alloc(), object);
}

gboolean
look_is_metric_column(const PbxLook *look, const char *name)
{
    if (g_strcmp0(look->metric, name) != 0)
        return FALSE;
    /* Not where a member of its own has that name. */
    PbxLook bare = *look;
    bare.metric = NULL;
    bare.metrics = NULL;
    const PbxTrialRow nothing = {0};
    g_autoptr(JsonNode) row = look_trial_row(&bare, &nothing, 0, NULL);
    return !json_object_has_member(json_node_get_object(row), name);
}

static void
set_absent(JsonObject *object, const char *name, JsonNode *value)
{
    if (json_object_has_member(object, name))
        json_node_unref(value);
    else
        json_object_set_member(object, name, value);
}

static JsonNode *
int_node(gint64 value)
{
    return json_node_init_int(json_node_alloc(), value);
}

JsonNode *
look_result_row(PbxLook *look, const PbxTrialRow *trial, const PbxResultRow *result, GError **error)
{
    JsonNode *node = whole_result(look, trial, result, error);
    if (node == NULL)
        return NULL;
    JsonObject *object = json_node_get_object(node);
    const char *action = store_action_name(result->action);
    set_absent(object, "attempt", int_node(result->attempt));
    set_absent(object, "n", int_node((gint64)result->n));
    set_absent(object, "action", json_node_init_string(json_node_alloc(), action));
    set_absent(object, "rung",
               result->rung != G_MAXUINT32 ? int_node(result->rung)
                                           : json_node_init_null(json_node_alloc()));
    if (result->feasible != FEASIBLE_NONE)
        set_absent(object, "feasible", feasible_node(result->feasible));
    return node;
}

static JsonNode *
trial_without_results(const PbxTrialRow *trial)
{
    g_autoptr(JsonObject) object = json_object_new();
    set_config(object, trial->config);
    look_set_text(object, "trial_id", trial->id);
    return json_node_init_object(json_node_alloc(), object);
}

JsonNode *
look_export_row(PbxLook *look, const PbxTrialRow *trial, const PbxResultRow *result, GError **error)
{
    JsonNode *node =
        result != NULL ? look_result_row(look, trial, result, error) : trial_without_results(trial);
    if (node == NULL)
        return NULL;
    JsonObject *object = json_node_get_object(node);
    set_absent(object, "trial", int_node((gint64)trial->number));
    set_absent(object, "state",
               json_node_init_string(json_node_alloc(), store_state_name(look_state(look, trial))));
    return node;
}

/* ---- Columns ---- */

void
leaves_init(PbxLeaves *leaves)
{
    leaves->paths = g_ptr_array_new_with_free_func(g_free);
    leaves->known = g_hash_table_new(g_str_hash, g_str_equal);
}

void
leaves_clear(PbxLeaves *leaves)
{
    g_hash_table_unref(leaves->known);
    g_ptr_array_unref(leaves->paths);
}

void
leaves_add(PbxLeaves *leaves, JsonNode *object, const char *prefix, const char *delimiter)
{
    JsonObjectIter iter;
    const char *key;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, json_node_get_object(object));
    while (json_object_iter_next_ordered(&iter, &key, &value)) {
        g_autofree char *path = g_strconcat(prefix, key, NULL);
        if (JSON_NODE_HOLDS_OBJECT(value)) {
            g_autofree char *inner = g_strconcat(path, delimiter, NULL);
            leaves_add(leaves, value, inner, delimiter);
        } else if (!g_hash_table_contains(leaves->known, path)) {
            g_hash_table_add(leaves->known, path);
            g_ptr_array_add(leaves->paths, g_steal_pointer(&path));
        }
    }
}

gboolean
look_has_constraints(const PbxLook *look)
{
    JsonNode *node = look->spec != NULL && JSON_NODE_HOLDS_OBJECT(look->spec)
                         ? json_object_get_member(json_node_get_object(look->spec), "constraints")
                         : NULL;
    return node != NULL &&
           (!JSON_NODE_HOLDS_ARRAY(node) || json_array_get_length(json_node_get_array(node)) > 0);
}

char **
look_trial_columns(PbxLook *look, const char *more)
{
    static const char *const first[] = {"trial", "state", "iteration"};
    static const char *const last[] = {"time_total_s", "reason", "id"};
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    for (gsize i = 0; i < G_N_ELEMENTS(first); i++)
        g_strv_builder_add(names, first[i]);
    if (more != NULL)
        g_strv_builder_add(names, more);
    if (look->metrics != NULL)
        g_strv_builder_addv(names, (const char **)look->metrics);
    else if (look->metric != NULL)
        g_strv_builder_add(names, look->metric);
    if (look_has_constraints(look))
        g_strv_builder_add(names, "feasible");
    g_autoptr(PbxSandbox) sandbox = sandbox_new();
    g_autoptr(PbxDoc) doc = NULL;
    g_autoptr(PbxSpace) space = look_space(look, sandbox, &doc);
    for (const char *const *path = space != NULL ? space_varied(space) : NULL;
         path != NULL && *path != NULL; path++) {
        g_autofree char *column = g_strconcat("config.", *path, NULL);
        g_strv_builder_add(names, column);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(last); i++)
        g_strv_builder_add(names, last[i]);
    return g_strv_builder_end(names);
}
