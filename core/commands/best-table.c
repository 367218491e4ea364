/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox best as a listing: the trials that have a value, the best first. */
#include <math.h>

#include "commands/best-private.h"

typedef struct {
    PbxLook *look;
    const PbxQuestion *question;
    GPtrArray *rows;
    gboolean last;
    guint64 n_infeasible;
    GError *error;
} Reader;

/* NaN: it has none. */
static double
score_of(Reader *reader, const PbxTrialRow *trial)
{
    const PbxQuestion *question = reader->question;
    /* The store has this one at hand. */
    if (question->scope == SCOPE_LAST && g_strcmp0(question->metric, reader->look->metric) == 0) {
        reader->n_infeasible += isfinite(trial->value) && trial->feasible == FEASIBLE_NO;
        return trial->feasible != FEASIBLE_NO ? trial->value : (double)NAN;
    }
    PbxSeries series;
    if (!analysis_series(reader->look->store, trial->number, question->metric, &series,
                         &reader->error))
        return (double)NAN;
    const double value = series_value(&series, question->scope, question->sign);
    reader->n_infeasible += isnan(value) && series.last_infeasible > 0;
    return value;
}

static gboolean
add_row(const PbxTrialRow *trial, gpointer user)
{
    Reader *reader = user;
    double score = score_of(reader, trial);
    if (reader->error != NULL || !isfinite(score) || trial->end == PBX_END_VOID)
        return reader->error == NULL;
    JsonNode *row = look_trial_row(reader->look, trial, reader->last, &reader->error);
    if (row == NULL)
        return FALSE;
    look_set_double(json_node_get_object(row), "score", score);
    g_ptr_array_add(reader->rows, row);
    return TRUE;
}

static double
score_in(gconstpointer row)
{
    JsonNode *node = *(JsonNode *const *)row;
    return json_object_get_double_member(json_node_get_object(node), "score");
}

/* Trials come by their numbers, and the sort is stable: of equal ones the first stays first. */
static int
compare_scores(gconstpointer a, gconstpointer b, gpointer user)
{
    const PbxQuestion *question = user;
    double difference = question->sign * (score_in(a) - score_in(b));
    return difference < 0 ? -1 : difference > 0 ? 1 : 0;
}

int
best_table(PbxLook *look, const PbxQuestion *question, const PbxTableOptions *options)
{
    g_autoptr(GPtrArray) rows = look_rows_new();
    Reader reader = {.look = look,
                     .question = question,
                     .rows = rows,
                     .last = table_wants(options, "last_result")};
    g_autoptr(GError) error = NULL;
    if (!store_each_trial(look->store, add_row, &reader, &error))
        return look_failed(error);
    if (reader.error != NULL) {
        error = reader.error;
        return look_failed(error);
    }
    g_ptr_array_sort_with_data(rows, compare_scores, (gpointer)question);
    gboolean shown = question->scope == SCOPE_LAST &&
                     g_strcmp0(question->metric, look->metric) == 0; /* as the metric's column */
    g_auto(GStrv) columns = look_trial_columns(look, shown ? NULL : "score");
    if (rows->len == 0) {
        best_tell_none(look, question->metric, reader.n_infeasible);
        return EXIT_TRIAL_FAILED;
    }
    return table_print(rows, (const char *const *)columns, options, "no trial matches");
}
