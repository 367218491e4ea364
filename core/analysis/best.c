/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The best trial of a store. */
#include <math.h>
#include <string.h>

#include <pegbox/types.h>

#include "analysis/analysis.h"
#include "json/json.h"

/* An auto-filled field that is a number and may be asked for as a metric. */
static gboolean
auto_filled(const PbxResultRow *result, const char *metric, double *value)
{
    const struct {
        const char *name;
        double value;
        gboolean known;
    } fields[] = {
        {"training_iteration", (double)result->iteration, result->iteration >= 0},
        {"time_total_s", result->time_total_s, isfinite(result->time_total_s)},
        {"time_this_iter_s", result->time_this_iter_s, isfinite(result->time_this_iter_s)},
        {"timesteps_total", (double)result->timesteps_total, result->timesteps_total >= 0},
        {"episodes_total", (double)result->episodes_total, result->episodes_total >= 0},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (fields[i].known && g_str_equal(fields[i].name, metric)) {
            *value = fields[i].value;
            return TRUE;
        }
    }
    return FALSE;
}

gboolean
analysis_value(const PbxResultRow *result, const char *metric, double *value)
{
    g_autoptr(JsonNode) fields =
        result->fields != NULL
            ? json_read(result->fields, strlen(result->fields), DOC_MAX_NESTING, NULL)
            : NULL;
    JsonNode *node = fields != NULL ? json_lookup(fields, metric) : NULL;
    if (node != NULL)
        return json_number(node, TRUE, value);
    return auto_filled(result, metric, value);
}

typedef struct {
    const char *metric;
    gboolean own; /* the experiment's metric, whose value the store holds */
    guint64 shown;
    PbxSeries *series;
} SeriesReader;

static gboolean
read_result(const PbxResultRow *row, gpointer user)
{
    SeriesReader *reader = user;
    if (row->n <= reader->shown)
        return TRUE;
    reader->shown = row->n;
    double value = row->value;
    if ((reader->own && isfinite(value)) || analysis_value(row, reader->metric, &value))
        series_add(reader->series, value, row->iteration, row->feasible != FEASIBLE_NO);
    return TRUE;
}

static gboolean
read_series(PbxStore *store, guint64 trial, const char *metric, gboolean own, PbxSeries *series,
            GError **error)
{
    PbxSeries read;
    series_init(&read);
    SeriesReader reader = {.metric = metric, .own = own, .series = &read};
    if (!store_each_result(store, trial, read_result, &reader, error))
        return FALSE;
    *series = read;
    return TRUE;
}

static gboolean
is_own_metric(PbxStore *store, const char *metric)
{
    g_autofree char *own = store_fact(store, "metric");
    return g_strcmp0(own, metric) == 0;
}

gboolean
analysis_series(PbxStore *store, guint64 trial, const char *metric, PbxSeries *series,
                GError **error)
{
    return read_series(store, trial, metric, is_own_metric(store, metric), series, error);
}

void
best_clear(PbxBest *best)
{
    g_clear_pointer(&best->ties, g_array_unref);
    *best = (PbxBest){0};
}

typedef struct {
    PbxStore *store;
    const char *metric;
    gboolean own;
    int sign;
    PbxScope scope;
    PbxBest *best;
    GError *error;
} BestSearch;

static gboolean
consider_trial(const PbxTrialRow *row, gpointer user)
{
    BestSearch *search = user;
    PbxBest *best = search->best;
    PbxSeries series;
    if (row->end == PBX_END_VOID)
        return TRUE;
    if (!read_series(search->store, row->number, search->metric, search->own, &series,
                     &search->error))
        return FALSE;
    const double value = series_value(&series, search->scope, search->sign);
    if (isnan(value)) {
        best->n_infeasible += series.last_infeasible > 0;
        return TRUE;
    }
    if (best->found && value == best->value) {
        g_array_append_val(best->ties, row->number);
        return TRUE;
    }
    if (best->found && search->sign * value > search->sign * best->value)
        return TRUE;
    best->found = TRUE;
    best->trial = row->number;
    best->value = value;
    best->iteration = series_iteration(&series, search->scope, search->sign);
    g_array_set_size(best->ties, 0);
    return TRUE;
}

gboolean
analysis_best(PbxStore *store, const char *metric, int sign, PbxScope scope, PbxBest *best,
              GError **error)
{
    g_auto(PbxBest) found = {.ties = g_array_new(FALSE, FALSE, sizeof(guint64))};
    BestSearch search = {
        .store = store,
        .metric = metric,
        .own = is_own_metric(store, metric),
        .sign = sign,
        .scope = scope,
        .best = &found,
    };
    if (!store_each_trial(store, consider_trial, &search, error))
        return FALSE;
    if (search.error != NULL) {
        g_propagate_error(error, search.error);
        return FALSE;
    }
    *best = found;
    found = (PbxBest){0};
    return TRUE;
}
