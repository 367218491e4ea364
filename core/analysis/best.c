/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each trial reached, and the best of them. */
#include <math.h>
#include <string.h>

#include <pegbox/types.h>

#include "analysis/analysis.h"
#include "json/json.h"

typedef struct {
    const char *metric;
    gboolean own; /* the experiment's metric, whose value the store holds */
    guint64 shown;
    PbxSeries *series;
} SeriesReader;

static gboolean
value_of(const SeriesReader *reader, const PbxResultRow *row, double *value)
{
    *value = row->value;
    return (reader->own && isfinite(*value)) || store_result_value(row, reader->metric, value);
}

static gboolean
read_result(const PbxResultRow *row, gpointer user)
{
    SeriesReader *reader = user;
    if (row->n <= reader->shown)
        return TRUE;
    reader->shown = row->n;
    double value;
    if (value_of(reader, row, &value))
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

/* Whether it is the metric of the experiment itself; *sign is that metric's. */
static gboolean
is_own_metric(PbxStore *store, const char *metric, int *sign)
{
    g_autofree char *own = store_fact(store, "metric");
    g_autofree char *mode = store_fact(store, "mode");
    *sign = g_strcmp0(mode, "max") == 0 ? -1 : 1;
    return g_strcmp0(own, metric) == 0;
}

gboolean
analysis_series(PbxStore *store, guint64 trial, const char *metric, PbxSeries *series,
                GError **error)
{
    int sign;
    return read_series(store, trial, metric, is_own_metric(store, metric, &sign), series, error);
}

/* ---- The best result of one trial ---- */

typedef struct {
    SeriesReader value;
    int sign;
    double best;
    guint64 seq;
} BestResultReader;

static gboolean
consider_result(const PbxResultRow *row, gpointer user)
{
    BestResultReader *reader = user;
    double value = NAN;
    if (row->n <= reader->value.shown)
        return TRUE;
    reader->value.shown = row->n;
    if (row->feasible != FEASIBLE_NO && value_of(&reader->value, row, &value) && isfinite(value) &&
        !(reader->sign * value >= reader->sign * reader->best)) {
        reader->best = value;
        reader->seq = row->seq;
    }
    return TRUE;
}

gboolean
analysis_best_result(PbxStore *store, guint64 trial, const char *metric, int sign, guint64 *seq,
                     GError **error)
{
    int own_sign;
    BestResultReader reader = {
        .value = {.metric = metric, .own = is_own_metric(store, metric, &own_sign)},
        .sign = sign,
        .best = NAN,
    };
    if (!store_each_result(store, trial, consider_result, &reader, error))
        return FALSE;
    *seq = reader.seq;
    return TRUE;
}

/* ---- Scores ---- */

typedef struct {
    PbxStore *store;
    const char *metric;
    gboolean own;
    int sign;
    PbxScope scope;
    GArray *scores; /* PbxScore */
    GError *error;
} ScoreReader;

static gboolean
add_score(const PbxScoreRow *row, gpointer user)
{
    ScoreReader *reader = user;
    const gboolean last = reader->scope == SCOPE_LAST;
    PbxScore score = {
        .trial = row->trial,
        .value = last ? row->value : row->best,
        .ever = row->best,
    };
    if (row->feasible == FEASIBLE_NO) {
        score.infeasible = last ? isfinite(row->value) : isnan(row->best);
        score.value = last ? (double)NAN : score.value;
    }
    g_array_append_val(reader->scores, score);
    return TRUE;
}

static gboolean
add_trial(const PbxTrialRow *row, gpointer user)
{
    ScoreReader *reader = user;
    PbxSeries series;
    if (row->end == PBX_END_VOID)
        return TRUE;
    if (!read_series(reader->store, row->number, reader->metric, reader->own, &series,
                     &reader->error))
        return FALSE;
    PbxScore score = {
        .trial = row->number,
        .value = series_value(&series, reader->scope, reader->sign),
        .ever = series_value(&series, SCOPE_ALL, reader->sign),
    };
    score.infeasible = isnan(score.value) && series.last_infeasible > 0;
    g_array_append_val(reader->scores, score);
    return TRUE;
}

GArray *
analysis_scores(PbxStore *store, const char *metric, int sign, PbxScope scope, GError **error)
{
    int own_sign;
    g_autoptr(GArray) scores = g_array_new(FALSE, FALSE, sizeof(PbxScore));
    ScoreReader reader = {
        .store = store,
        .metric = metric,
        .own = is_own_metric(store, metric, &own_sign),
        .sign = sign,
        .scope = scope,
        .scores = scores,
    };
    /* Where the store has the values of each trial at hand, no result is read. */
    const gboolean at_hand =
        reader.own && sign == own_sign && (scope == SCOPE_LAST || scope == SCOPE_ALL);
    if (at_hand ? !store_each_score(store, add_score, &reader, error)
                : !store_each_trial(store, add_trial, &reader, error))
        return NULL;
    if (reader.error == NULL)
        return g_steal_pointer(&scores);
    g_propagate_error(error, reader.error);
    return NULL;
}

/* ---- The best ---- */

void
best_clear(PbxBest *best)
{
    g_clear_pointer(&best->ties, g_array_unref);
    *best = (PbxBest){0};
}

/* Trials come by their numbers: of equal ones the first stays. */
static void
consider(PbxBest *best, guint64 trial, double value, int sign)
{
    if (!isfinite(value))
        return;
    if (best->found && value == best->value) {
        g_array_append_val(best->ties, trial);
        return;
    }
    if (best->found && sign * value > sign * best->value)
        return;
    best->found = TRUE;
    best->trial = trial;
    best->value = value;
    g_array_set_size(best->ties, 0);
}

static gboolean
find_iteration(PbxStore *store, const char *metric, int sign, PbxScope scope, PbxBest *best,
               GError **error)
{
    PbxSeries series;
    if (!best->found)
        return TRUE;
    if (!analysis_series(store, best->trial, metric, &series, error))
        return FALSE;
    best->iteration = series_iteration(&series, scope, sign);
    return TRUE;
}

gboolean
analysis_best_trials(PbxStore *store, const char *metric, int sign, PbxScope scope, PbxBest *best,
                     PbxBest *ever, GError **error)
{
    g_autoptr(GArray) scores = analysis_scores(store, metric, sign, scope, error);
    if (scores == NULL)
        return FALSE;
    *best = (PbxBest){.iteration = -1, .ties = g_array_new(FALSE, FALSE, sizeof(guint64))};
    *ever = (PbxBest){.iteration = -1, .ties = g_array_new(FALSE, FALSE, sizeof(guint64))};
    for (guint i = 0; i < scores->len; i++) {
        const PbxScore *score = &g_array_index(scores, PbxScore, i);
        best->n_infeasible += score->infeasible;
        consider(best, score->trial, score->value, sign);
        consider(ever, score->trial, score->ever, sign);
    }
    return TRUE;
}

gboolean
analysis_best(PbxStore *store, const char *metric, int sign, PbxScope scope, PbxBest *best,
              PbxBest *ever, GError **error)
{
    g_auto(PbxBest) by_value = {0}, by_ever = {0};
    if (!analysis_best_trials(store, metric, sign, scope, &by_value, &by_ever, error) ||
        !find_iteration(store, metric, sign, scope, &by_value, error) ||
        (ever != NULL && !find_iteration(store, metric, sign, SCOPE_ALL, &by_ever, error)))
        return FALSE;
    *best = by_value;
    by_value = (PbxBest){0};
    if (ever != NULL) {
        *ever = by_ever;
        by_ever = (PbxBest){0};
    }
    return TRUE;
}
