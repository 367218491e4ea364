/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The best trial: Tune's vectors, ties, values that are none. */
#include <glib/gstdio.h>
#include <math.h>

#include "analysis/analysis.h"

typedef struct {
    char *dir;
    PbxStore *store;
    guint64 seq;
    guint64 shown[8]; /* n of the last result of each trial that was not a repetition */
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    fixture->dir = g_dir_make_tmp("pegbox-best-XXXXXX", NULL);
    fixture->store = store_create(fixture->dir, FALSE, NULL);
    g_assert_nonnull(fixture->store);
    g_assert_true(store_begin(fixture->store, NULL));
    g_assert_true(store_put_fact(fixture->store, "metric", "acc", NULL));
    g_assert_true(store_put_fact(fixture->store, "mode", "max", NULL));
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    store_close(fixture->store);
    g_autofree char *path = g_build_filename(fixture->dir, "experiment.db", NULL);
    g_unlink(path);
    g_rmdir(fixture->dir);
    g_free(fixture->dir);
}

static void
add_trial(Fixture *fixture, guint64 number, int end)
{
    const PbxTrialRow row = {
        .number = number, .id = "a", .end = end, .config = "{}", .value = NAN, .best = NAN};
    g_assert_true(store_put_trial(fixture->store, &row, NULL));
}

/* What the driver keeps of a result in its trial's row. */
static void
remember(Fixture *fixture, const PbxResultRow *result)
{
    g_autoptr(PbxTrialRow) row = store_trial(fixture->store, result->trial, NULL);
    double value = result->value;
    if (result->n <= fixture->shown[result->trial])
        return;
    fixture->shown[result->trial] = result->n;
    if (isfinite(value) || store_result_value(result, "acc", &value)) {
        row->value = value;
        row->feasible = result->feasible;
    }
    if (isfinite(value) && result->feasible != FEASIBLE_NO && !(row->best >= value))
        row->best = value;
    g_assert_true(store_put_trial(fixture->store, row, NULL));
}

static void
add_result(Fixture *fixture, guint64 trial, guint attempt, guint64 n, double value,
           const char *fields)
{
    g_autofree char *text =
        fields != NULL ? g_strdup(fields)
        : isfinite(value)
            ? g_strdup_printf("{\"acc\":%d,\"other\":{\"loss\":%d}}", (int)value, -(int)value)
            : g_strdup("{\"acc\":\"NaN\"}");
    const PbxResultRow row = {
        .seq = ++fixture->seq,
        .trial = trial,
        .attempt = attempt,
        .n = n,
        .iteration = (gint64)n,
        .time_total_s = (double)n,
        .timesteps_total = -1,
        .episodes_total = -1,
        .value = value,
        .fields = text,
        .rung = G_MAXUINT32,
    };
    const PbxAttemptRow start = {.trial = row.trial, .attempt = row.attempt, .pid = -1};
    g_assert_true(store_put_attempt(fixture->store, &start, NULL));
    g_assert_true(store_put_result(fixture->store, &row, NULL));
    remember(fixture, &row);
}

static void
add(Fixture *fixture, guint64 trial, const double *values, guint n)
{
    add_trial(fixture, trial, 0);
    for (guint i = 0; i < n; i++)
        add_result(fixture, trial, 1, i + 1, values[i], NULL);
}
#define ADD_TRIAL(FIXTURE, TRIAL, ...)                                                             \
    add(FIXTURE, TRIAL, (const double[]){__VA_ARGS__},                                             \
        sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

static void
assert_best(Fixture *fixture, const char *metric, int sign, PbxScope scope, gint64 trial,
            double value)
{
    g_auto(PbxBest) best = {0};
    g_autoptr(GError) error = NULL;
    g_assert_true(analysis_best(fixture->store, metric, sign, scope, &best, NULL, &error));
    g_assert_no_error(error);
    g_assert_cmpint(best.found ? (gint64)best.trial : -1, ==, trial);
    if (trial >= 0)
        g_assert_cmpfloat_with_epsilon(best.value, value, 1e-12);
    /* The same where nobody reads all results for an iteration. */
    g_auto(PbxBest) alone = {0}, ever = {0};
    g_assert_true(analysis_best_trials(fixture->store, metric, sign, scope, &alone, &ever, NULL));
    g_assert_cmpint(alone.found, ==, best.found);
    g_assert_cmpuint(alone.trial, ==, best.trial);
    g_assert_cmpint(alone.iteration, ==, -1);
}

static void
test_tune(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    ADD_TRIAL(fixture, 0, 1, 9, 3);
    ADD_TRIAL(fixture, 1, 5, 5, 4);
    assert_best(fixture, "acc", -1, SCOPE_LAST, 1, 4);
    assert_best(fixture, "acc", -1, SCOPE_ALL, 0, 9);
    assert_best(fixture, "acc", -1, SCOPE_AVG, 1, 14.0 / 3);
    assert_best(fixture, "acc", -1, SCOPE_LAST_5_AVG, 1, 14.0 / 3);
    assert_best(fixture, "acc", -1, SCOPE_LAST_10_AVG, 1, 14.0 / 3);
    assert_best(fixture, "acc", 1, SCOPE_LAST, 0, 3);
    assert_best(fixture, "acc", 1, SCOPE_ALL, 0, 1);
    /* other metrics: nested, with the path's separators; auto-filled */
    assert_best(fixture, "other/loss", 1, SCOPE_ALL, 0, -9);
    assert_best(fixture, "other.loss", 1, SCOPE_LAST, 1, -4);
    assert_best(fixture, "time_total_s", 1, SCOPE_ALL, 0, 1);
    assert_best(fixture, "training_iteration", -1, SCOPE_LAST, 0, 3);
}

static void
test_ties(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    ADD_TRIAL(fixture, 0, 1);
    ADD_TRIAL(fixture, 1, 2);
    ADD_TRIAL(fixture, 2, 2);
    ADD_TRIAL(fixture, 3, 0);
    ADD_TRIAL(fixture, 4, 2);
    g_auto(PbxBest) best = {0};
    g_assert_true(analysis_best(fixture->store, "acc", -1, SCOPE_LAST, &best, NULL, NULL));
    g_assert_cmpuint(best.trial, ==, 1);
    g_assert_cmpuint(best.ties->len, ==, 2);
    g_assert_cmpuint(g_array_index(best.ties, guint64, 0), ==, 2);
    g_assert_cmpuint(g_array_index(best.ties, guint64, 1), ==, 4);
    g_assert_cmpint(best.iteration, ==, 1);
}

static void
test_none(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    assert_best(fixture, "acc", 1, SCOPE_LAST, -1, 0);
    ADD_TRIAL(fixture, 0, NAN);
    ADD_TRIAL(fixture, 1, INFINITY);
    assert_best(fixture, "acc", 1, SCOPE_LAST, -1, 0);
    assert_best(fixture, "acc", -1, SCOPE_ALL, -1, 0);
    /* Tune gives a single trial whatever the metric. */
    assert_best(fixture, "nothing", 1, SCOPE_LAST, -1, 0);
}

/* Only the results that have the metric count. */
static void
test_missing(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    add_trial(fixture, 0, 0);
    add_result(fixture, 0, 1, 1, 4, NULL);
    add_result(fixture, 0, 1, 2, NAN, "{\"loss\":1}");
    add_result(fixture, 0, 1, 3, NAN, "{\"acc\":\"8\"}");
    add_result(fixture, 0, 1, 4, NAN, "{\"acc\":\"text\"}");
    assert_best(fixture, "acc", -1, SCOPE_LAST, 0, 8);
    assert_best(fixture, "acc", -1, SCOPE_AVG, 0, 6);
    assert_best(fixture, "loss", 1, SCOPE_LAST, 0, 1);
}

static void
test_void(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    add_trial(fixture, 0, 5);
    add_result(fixture, 0, 1, 1, 9, NULL);
    ADD_TRIAL(fixture, 1, 1);
    assert_best(fixture, "acc", -1, SCOPE_LAST, 1, 1);
}

/* A second attempt repeats what the first one has shown. */
static void
test_restart(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    add_trial(fixture, 0, 0);
    add_result(fixture, 0, 1, 1, 2, NULL);
    add_result(fixture, 0, 1, 2, 4, NULL);
    add_result(fixture, 0, 2, 1, 100, NULL);
    add_result(fixture, 0, 2, 2, 100, NULL);
    add_result(fixture, 0, 2, 3, 6, NULL);
    assert_best(fixture, "acc", -1, SCOPE_ALL, 0, 6);
    assert_best(fixture, "acc", -1, SCOPE_AVG, 0, 4);
}

static void
add_feasible(Fixture *fixture, guint64 trial, guint64 n, double value, PbxFeasible feasible)
{
    const PbxResultRow row = {.seq = ++fixture->seq,
                              .trial = trial,
                              .attempt = 1,
                              .n = n,
                              .iteration = (gint64)n,
                              .value = value,
                              .fields = "{}",
                              .feasible = feasible};
    const PbxAttemptRow start = {.trial = row.trial, .attempt = row.attempt, .pid = -1};
    g_assert_true(store_put_attempt(fixture->store, &start, NULL));
    g_assert_true(store_put_result(fixture->store, &row, NULL));
    remember(fixture, &row);
}

static void
test_constraints(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    for (guint64 trial = 0; trial < 3; trial++)
        add_trial(fixture, trial, 0);
    add_feasible(fixture, 0, 1, 5, FEASIBLE_YES);
    add_feasible(fixture, 0, 2, 9, FEASIBLE_NO);
    add_feasible(fixture, 1, 1, 7, FEASIBLE_NO);
    add_feasible(fixture, 1, 2, 4, FEASIBLE_YES);
    add_feasible(fixture, 2, 1, 8, FEASIBLE_NO);
    assert_best(fixture, "acc", -1, SCOPE_LAST, 1, 4);
    assert_best(fixture, "acc", -1, SCOPE_ALL, 0, 5);
    assert_best(fixture, "acc", -1, SCOPE_AVG, -1, 0);
    g_auto(PbxBest) best = {0};
    g_assert_true(analysis_best(fixture->store, "acc", -1, SCOPE_LAST, &best, NULL, NULL));
    g_assert_cmpuint(best.n_infeasible, ==, 2);
    best_clear(&best);
    g_assert_true(analysis_best(fixture->store, "acc", -1, SCOPE_ALL, &best, NULL, NULL));
    g_assert_cmpuint(best.n_infeasible, ==, 1);
}

#define ADD(PATH, TEST) g_test_add(PATH, Fixture, NULL, set_up, TEST, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/analysis/best/tunes-vectors", test_tune);
    ADD("/analysis/best/ties-go-to-the-lowest-number", test_ties);
    ADD("/analysis/best/none-without-a-finite-value", test_none);
    ADD("/analysis/best/results-without-the-metric-do-not-count", test_missing);
    ADD("/analysis/best/feasible-results-only", test_constraints);
    ADD("/analysis/best/void-trials-do-not-count", test_void);
    ADD("/analysis/best/repeated-results-count-once", test_restart);
    return g_test_run();
}
