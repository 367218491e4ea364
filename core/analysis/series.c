/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A metric over the results of one trial, and what each scope takes of it. */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "json/json.h"

const char *const scope_names[] = {"last", "all", "avg", "last-5-avg", "last-10-avg", NULL};

GQuark
analysis_error_domain(void)
{
    return g_quark_from_static_string("pbx-analysis-error");
}

static gboolean
parse_name(const char *what, const char *name, const char *const *names, guint *index,
           GError **error)
{
    for (guint i = 0; names[i] != NULL; i++) {
        if (g_str_equal(name, names[i])) {
            *index = i;
            return TRUE;
        }
    }
    g_autofree char *all = g_strjoinv(", ", (char **)names);
    const char *meant = json_did_you_mean(name, names);
    if (meant != NULL)
        g_set_error(error, PBX_ANALYSIS_ERROR, ANALYSIS_ERROR_NAME,
                    "there is no %s '%s'; did you mean '%s'?", what, name, meant);
    else
        g_set_error(error, PBX_ANALYSIS_ERROR, ANALYSIS_ERROR_NAME,
                    "there is no %s '%s'; there are %s", what, name, all);
    return FALSE;
}

gboolean
scope_parse(const char *name, PbxScope *scope, GError **error)
{
    guint index = 0;
    if (!parse_name("scope", name, scope_names, &index, error))
        return FALSE;
    *scope = (PbxScope)index;
    return TRUE;
}

gboolean
mode_parse(const char *name, int *sign, GError **error)
{
    static const char *const modes[] = {"min", "max", NULL};
    guint index = 0;
    if (!parse_name("mode", name, modes, &index, error))
        return FALSE;
    *sign = index == 0 ? 1 : -1;
    return TRUE;
}

void
series_init(PbxSeries *series)
{
    *series = (PbxSeries){
        .last = NAN,
        .mean = NAN,
        .min = NAN,
        .max = NAN,
        .last_iteration = -1,
        .min_iteration = -1,
        .max_iteration = -1,
    };
}

void
series_add(PbxSeries *series, double value, gint64 iteration, gboolean feasible)
{
    series->window[series->count % SERIES_WINDOW] = value;
    series->count++;
    series->last = value;
    series->last_iteration = iteration;
    if (series->count == 1)
        series->mean = value;
    else
        series->mean += (value - series->mean) / (double)series->count;
    if (!feasible)
        series->last_infeasible = series->count;
    if (!isfinite(value) || !feasible)
        return;
    if (!(series->min <= value)) {
        series->min = value;
        series->min_iteration = iteration;
    }
    if (!(series->max >= value)) {
        series->max = value;
        series->max_iteration = iteration;
    }
}

static double
window_mean(const PbxSeries *series, guint n)
{
    const guint64 have = MIN(series->count, n);
    if (have == 0)
        return NAN;
    double sum = 0;
    for (guint64 i = series->count - have; i < series->count; i++)
        sum += series->window[i % SERIES_WINDOW];
    return sum / (double)have;
}

/* Whether the last n results keep the constraints. */
static gboolean
is_feasible(const PbxSeries *series, guint64 n)
{
    return series->last_infeasible == 0 || series->count - series->last_infeasible >= n;
}

double
series_value(const PbxSeries *series, PbxScope scope, int sign)
{
    double value = NAN;
    switch (scope) {
    case SCOPE_LAST:
        value = is_feasible(series, 1) ? series->last : NAN;
        break;
    case SCOPE_ALL:
        value = sign > 0 ? series->min : series->max;
        break;
    case SCOPE_AVG:
        value = is_feasible(series, series->count) ? series->mean : NAN;
        break;
    case SCOPE_LAST_5_AVG:
        value = is_feasible(series, MIN(series->count, 5)) ? window_mean(series, 5) : NAN;
        break;
    case SCOPE_LAST_10_AVG:
        value = is_feasible(series, MIN(series->count, 10)) ? window_mean(series, 10) : NAN;
        break;
    }
    return isfinite(value) ? value : NAN;
}

gint64
series_iteration(const PbxSeries *series, PbxScope scope, int sign)
{
    if (scope == SCOPE_LAST)
        return series->last_iteration;
    if (scope == SCOPE_ALL)
        return sign > 0 ? series->min_iteration : series->max_iteration;
    return -1;
}
