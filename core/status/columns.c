/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The columns of the table of trials: which there are, and what a trial has in them. */
#include <math.h>
#include <string.h>

#include "status/status-private.h"
#include "terminal/terminal.h"
#include "json/json.h"

/* Tune's names for what programs commonly report. */
static const char *const usual_metrics[][2] = {
    {"mean_accuracy", "acc"},
    {"mean_loss", "loss"},
    {"timesteps_total", "ts"},
    {"episode_reward_mean", "reward"},
};

/* What every result has by itself, and nobody asks for. */
static const char *const automatic[] = {
    "config",
    "date",
    "done",
    "episodes_total",
    "experiment_id",
    "experiment_tag",
    "hostname",
    "iterations_since_restore",
    "node_ip",
    "pid",
    "should_checkpoint",
    "time_since_restore",
    "time_this_iter_s",
    "time_total_s",
    "timestamp",
    "timesteps_since_restore",
    "timesteps_total",
    "training_iteration",
    "trial_id",
    NULL,
};

typedef struct {
    const PbxStatus *status;
    const PbxStatusOptions *options;
    const GPtrArray *trials;
    GPtrArray *columns;
} PbxColumnMaker;

static const PbxStatusTrial *
trial_at(const PbxColumnMaker *maker, guint i)
{
    return maker->trials->pdata[i];
}

static PbxStatusColumn *
add_column(PbxColumnMaker *maker, const char *title, gboolean right, guint rank)
{
    PbxStatusColumn *column = column_new(title, right, rank);
    g_ptr_array_add(maker->columns, column);
    return column;
}

/* ---- What is of pegbox itself ---- */

static void
add_number(PbxColumnMaker *maker)
{
    PbxStatusColumn *column = add_column(maker, "#", TRUE, RANK_NUMBER);
    for (guint i = 0; i < maker->trials->len; i++)
        g_ptr_array_add(column->cells,
                        g_strdup_printf("%" G_GUINT64_FORMAT, trial_at(maker, i)->number));
}

static void
add_name(PbxColumnMaker *maker)
{
    PbxStatusColumn *column = add_column(maker, "trial", FALSE, RANK_NAME);
    column->whole = TRUE;
    for (guint i = 0; i < maker->trials->len; i++)
        g_ptr_array_add(column->cells, terminal_safe(trial_at(maker, i)->name));
}

static void
add_state(PbxColumnMaker *maker)
{
    PbxStatusColumn *column = add_column(maker, "status", FALSE, RANK_STATUS);
    column->whole = TRUE;
    for (guint i = 0; i < maker->trials->len; i++) {
        const PbxStatusTrial *trial = trial_at(maker, i);
        const char *word = trial->end == PBX_END_EARLY_STOPPED ? "STOPPED"
                           : trial->end == PBX_END_VOID        ? "VOID"
                                                               : status_state_word(trial->state);
        g_ptr_array_add(column->cells, g_strdup(word));
    }
}

/* IP:PID as Tune's, but on this machine the PID alone. */
static void
add_place(PbxColumnMaker *maker)
{
    gboolean away = FALSE, any = FALSE;
    for (guint i = 0; i < maker->trials->len; i++) {
        const PbxStatusTrial *trial = trial_at(maker, i);
        any = any || trial->pid > 0;
        away = away || (trial->host != NULL && trial->away);
    }
    if (!any)
        return;
    PbxStatusColumn *column = add_column(maker, away ? "loc" : "pid", !away, RANK_PLACE);
    for (guint i = 0; i < maker->trials->len; i++) {
        const PbxStatusTrial *trial = trial_at(maker, i);
        g_autofree char *host = terminal_safe(trial->host != NULL ? trial->host : "");
        char *cell = trial->pid <= 0 ? g_strdup("")
                     : away          ? g_strdup_printf("%s:%" G_GINT64_FORMAT, host, trial->pid)
                                     : g_strdup_printf("%" G_GINT64_FORMAT, trial->pid);
        g_ptr_array_add(column->cells, cell);
    }
}

/* ---- What the trials are about ---- */

static JsonNode *
looked_up(JsonNode *root, const char *path)
{
    return root != NULL ? json_lookup(root, path) : NULL;
}

/* Whether all cells but the empty ones are numbers: they stand below each other. */
static gboolean
is_number(JsonNode *node)
{
    double value;
    return node == NULL || (JSON_NODE_HOLDS_VALUE(node) && json_number(node, FALSE, &value) &&
                            json_node_get_value_type(node) != G_TYPE_BOOLEAN);
}

static void
add_field(PbxColumnMaker *maker, const char *path, const char *heading, gboolean of_result,
          guint rank)
{
    g_autofree char *title = terminal_safe(heading);
    PbxStatusColumn *column = add_column(maker, title, TRUE, rank);
    for (guint i = 0; i < maker->trials->len; i++) {
        const PbxStatusTrial *trial = trial_at(maker, i);
        JsonNode *node = looked_up(of_result ? trial->result : trial->config, path);
        column->right = column->right && is_number(node);
        g_ptr_array_add(column->cells, of_result
                                           ? status_value_text(node)
                                           : status_parameter_text(maker->status, path, node));
    }
}

static void
add_parameters(PbxColumnMaker *maker)
{
    const GPtrArray *fields = maker->options->parameter_columns;
    for (guint i = 0; fields != NULL && i < fields->len; i++) {
        const PbxStatusField *field = fields->pdata[i];
        add_field(maker, field->path, field->heading, FALSE, RANK_PARAMETER);
    }
    if (fields != NULL)
        return;
    for (char **path = maker->status->parameters; path != NULL && *path != NULL; path++)
        add_field(maker, *path, *path, FALSE, RANK_PARAMETER);
}

static gboolean
any_has(const PbxColumnMaker *maker, const char *path)
{
    for (guint i = 0; i < maker->trials->len; i++) {
        JsonNode *node = looked_up(trial_at(maker, i)->result, path);
        if (node != NULL && !JSON_NODE_HOLDS_NULL(node))
            return TRUE;
    }
    return FALSE;
}

/* A value that is not a number is said, and not mistaken for one that is not there. */
static char *
metric_text(const PbxStatusTrial *trial, const char *metric)
{
    double value;
    if (trial->last_seq == 0)
        return g_strdup("");
    JsonNode *node = isnan(trial->value) ? looked_up(trial->result, metric) : NULL;
    if (node != NULL && json_number(node, FALSE, &value) && isnan(value))
        return g_strdup("nan");
    return status_number_text(trial->value);
}

/* The metric: the model has its last value even where the last report lacks it. */
static void
add_metric(PbxColumnMaker *maker, const char *metric)
{
    if (g_strcmp0(metric, maker->status->metric) != 0) {
        if (any_has(maker, metric))
            add_field(maker, metric, metric, TRUE, RANK_METRIC);
        return;
    }
    g_autofree char *title = terminal_safe(metric);
    PbxStatusColumn *column = add_column(maker, title, TRUE, RANK_METRIC);
    for (guint i = 0; i < maker->trials->len; i++) {
        const PbxStatusTrial *trial = trial_at(maker, i);
        g_ptr_array_add(column->cells, metric_text(trial, metric));
    }
}

static void
add_progress(PbxColumnMaker *maker)
{
    PbxStatusColumn *iterations = add_column(maker, "iter", TRUE, RANK_TIME);
    PbxStatusColumn *times = add_column(maker, "time", TRUE, RANK_TIME);
    for (guint i = 0; i < maker->trials->len; i++) {
        const PbxStatusTrial *trial = trial_at(maker, i);
        gboolean any = trial->last_seq != 0;
        g_autoptr(GString) time = g_string_new(NULL);
        if (any)
            status_put_duration(time, trial->time_s, TRUE);
        g_ptr_array_add(iterations->cells,
                        any ? g_strdup_printf("%" G_GINT64_FORMAT, trial->iteration)
                            : g_strdup(""));
        g_ptr_array_add(times->cells, g_strdup(time->str));
    }
}

/* Numbers that the trials report besides, the first few that come. */
static void
add_inferred(PbxColumnMaker *maker, const char *metric)
{
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    guint n = 0;
    if (metric != NULL)
        g_hash_table_add(known, (gpointer)metric);
    for (char **name = maker->status->further; name != NULL && *name != NULL; name++)
        g_hash_table_add(known, *name);
    for (guint i = 0; i < maker->trials->len; i++) {
        JsonNode *result = trial_at(maker, i)->result;
        if (result == NULL || !JSON_NODE_HOLDS_OBJECT(result))
            continue;
        JsonObjectIter iter;
        const char *key;
        JsonNode *node;
        json_object_iter_init_ordered(&iter, json_node_get_object(result));
        while (n < maker->options->infer_limit &&
               json_object_iter_next_ordered(&iter, &key, &node)) {
            double value;
            if (g_strv_contains(automatic, key) || g_hash_table_contains(known, key) ||
                !is_number(node) || !json_number(node, FALSE, &value))
                continue;
            g_hash_table_add(known, (gpointer)key);
            gboolean usual = FALSE;
            for (gsize j = 0; j < G_N_ELEMENTS(usual_metrics); j++)
                usual = usual || g_str_equal(usual_metrics[j][0], key);
            if (usual)
                continue;
            add_field(maker, key, key, TRUE, RANK_OTHER);
            n++;
        }
    }
}

static void
add_metrics(PbxColumnMaker *maker)
{
    const GPtrArray *fields = maker->options->metric_columns;
    const char *metric = status_metric(maker->status, maker->options, NULL);
    for (guint i = 0; fields != NULL && i < fields->len; i++) {
        const PbxStatusField *field = fields->pdata[i];
        if (any_has(maker, field->path))
            add_field(maker, field->path, field->heading, TRUE, RANK_METRIC);
    }
    if (fields != NULL)
        return;
    if (metric != NULL)
        add_metric(maker, metric);
    for (char **name = maker->status->further; name != NULL && *name != NULL; name++)
        if (g_strcmp0(*name, metric) != 0 && any_has(maker, *name))
            add_field(maker, *name, *name, TRUE, RANK_METRIC);
    for (gsize i = 0; i < G_N_ELEMENTS(usual_metrics); i++)
        if (any_has(maker, usual_metrics[i][0]) && g_strcmp0(usual_metrics[i][0], metric) != 0)
            add_field(maker, usual_metrics[i][0], usual_metrics[i][1], TRUE, RANK_METRIC);
    add_progress(maker);
    add_inferred(maker, metric);
}

GPtrArray *
trial_columns(const PbxStatus *status, const PbxStatusOptions *options, const GPtrArray *trials)
{
    PbxColumnMaker maker = {status, options, trials, g_ptr_array_new_with_free_func(column_free)};
    add_number(&maker);
    add_name(&maker);
    add_state(&maker);
    add_place(&maker);
    add_parameters(&maker);
    add_metrics(&maker);
    return maker.columns;
}
