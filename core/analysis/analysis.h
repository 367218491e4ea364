/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the commands compute from a store: a trial's metric over its results, and the best
 * trial. Tune's scopes and rules, with a true mean; a value that is not finite is never
 * the best.
 */
#pragma once

#include <glib.h>

#include "store/store.h"

#define PBX_ANALYSIS_ERROR (analysis_error_domain())
GQuark analysis_error_domain(void);
enum {
    ANALYSIS_ERROR_NAME, /* no such scope or mode */
};

/* Which value of a trial counts. */
typedef enum {
    SCOPE_LAST,        /* that of its last result */
    SCOPE_ALL,         /* the best of all its results */
    SCOPE_AVG,         /* the mean of all */
    SCOPE_LAST_5_AVG,  /* the mean of the last five, or of as many as there are */
    SCOPE_LAST_10_AVG, /* the mean of the last ten */
} PbxScope;
/* "last", "all", "avg", "last-5-avg", "last-10-avg"; by PbxScope, NULL-ended. */
extern const char *const scope_names[];
gboolean scope_parse(const char *name, PbxScope *scope, GError **error);
/* "min": +1, "max": -1, as the ABI's signs. */
gboolean mode_parse(const char *name, int *sign, GError **error);

#define SERIES_WINDOW 10

/* One metric over the results of a trial, as they come. */
typedef struct {
    guint64 count;
    double last, mean; /* NaN or infinite once a value was */
    double min, max;   /* of the finite feasible ones; NaN: none */
    gint64 last_iteration, min_iteration, max_iteration;
    double window[SERIES_WINDOW]; /* of the last ones, a ring: value i at i % SERIES_WINDOW */
    guint64 last_infeasible;      /* count with the last infeasible one; 0: all keep the
                                     constraints */
} PbxSeries;

void series_init(PbxSeries *series);
void series_add(PbxSeries *series, double value, gint64 iteration, gboolean feasible);
/* NaN where there is no finite one, or where a result that it is from is not feasible; the best of
 * all is the best of the feasible ones. */
double series_value(const PbxSeries *series, PbxScope scope, int sign);
/* training_iteration of that value; -1 for a mean. Of equal ones the first. */
gint64 series_iteration(const PbxSeries *series, PbxScope scope, int sign);

/* The series of a trial; results that a restart repeated count once, as first shown. */
gboolean analysis_series(PbxStore *store, guint64 trial, const char *metric, PbxSeries *series,
                         GError **error);

/* The result with the trial's best value, that of SCOPE_ALL: its seq; 0: it has none. */
gboolean analysis_best_result(PbxStore *store, guint64 trial, const char *metric, int sign,
                              guint64 *seq, GError **error);

/*
 * All numbers that a trial reported and the auto-filled ones, each over its results:
 * {"max": {...}, "min": {...}, "avg": {...}, "last": ..., "last-5-avg": ..., "last-10-avg": ...},
 * where each object has the shape of a result; null where there is no finite value. NULL with
 * error. (transfer full)
 */
JsonNode *analysis_of_trial(PbxStore *store, guint64 trial, GError **error);

/* What a trial reached; NaN: nothing. */
typedef struct {
    guint64 trial;
    double value;        /* by the scope that was asked for */
    double ever;         /* its best one: by SCOPE_ALL */
    gboolean infeasible; /* it has no value only because it does not keep the constraints */
} PbxScore;
/* Of all trials (PbxScore), whatever their states (but for void ones), by their numbers. NULL
 * with error. (transfer full) */
GArray *analysis_scores(PbxStore *store, const char *metric, int sign, PbxScope scope,
                        GError **error);

typedef struct {
    gboolean found; /* FALSE: no trial has a value */
    guint64 trial;  /* the lowest number of those with the best value */
    double value;
    gint64 iteration;     /* of the value; -1: a mean */
    GArray *ties;         /* guint64: the other trials with the same value */
    guint64 n_infeasible; /* trials with values that were left out, since they are not feasible */
} PbxBest;
void best_clear(PbxBest *best);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PbxBest, best_clear)

/* The best trial by a metric, and the one with the best value ever (NULL: not asked for). */
gboolean analysis_best(PbxStore *store, const char *metric, int sign, PbxScope scope, PbxBest *best,
                       PbxBest *ever, GError **error);
/* The same without their iterations (-1), for which all results of a trial are read. */
gboolean analysis_best_trials(PbxStore *store, const char *metric, int sign, PbxScope scope,
                              PbxBest *best, PbxBest *ever, GError **error);
