/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each scope takes of a trial's results. */
#include <math.h>

#include "analysis/analysis.h"

static PbxSeries
series_of(const double *values, guint n)
{
    PbxSeries series;
    series_init(&series);
    for (guint i = 0; i < n; i++)
        series_add(&series, values[i], i + 1, TRUE);
    return series;
}
#define SERIES(...)                                                                                \
    series_of((const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

static void
test_scopes(void)
{
    const PbxSeries series = SERIES(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 6);
    g_assert_cmpfloat(series_value(&series, SCOPE_LAST, -1), ==, 6);
    g_assert_cmpfloat(series_value(&series, SCOPE_ALL, -1), ==, 11);
    g_assert_cmpfloat(series_value(&series, SCOPE_ALL, 1), ==, 1);
    g_assert_cmpfloat_with_epsilon(series_value(&series, SCOPE_AVG, 1), 6, 1e-12);
    g_assert_cmpfloat_with_epsilon(series_value(&series, SCOPE_LAST_5_AVG, 1), 8.8, 1e-12);
    g_assert_cmpfloat_with_epsilon(series_value(&series, SCOPE_LAST_10_AVG, 1), 6.9, 1e-12);
    g_assert_cmpint(series_iteration(&series, SCOPE_LAST, 1), ==, 12);
    g_assert_cmpint(series_iteration(&series, SCOPE_ALL, 1), ==, 1);
    g_assert_cmpint(series_iteration(&series, SCOPE_ALL, -1), ==, 11);
    g_assert_cmpint(series_iteration(&series, SCOPE_AVG, -1), ==, -1);
}

static void
test_few(void)
{
    const PbxSeries series = SERIES(2, 4);
    g_assert_cmpfloat(series_value(&series, SCOPE_LAST_5_AVG, 1), ==, 3);
    g_assert_cmpfloat(series_value(&series, SCOPE_LAST_10_AVG, 1), ==, 3);
    PbxSeries none;
    series_init(&none);
    for (PbxScope scope = SCOPE_LAST; scope <= SCOPE_LAST_10_AVG; scope++)
        g_assert_true(isnan(series_value(&none, scope, 1)));
}

/* 1 at iteration 1 and 3 at iteration 4: Tune's running mean gives 1.5. */
static void
test_true_mean(void)
{
    PbxSeries series;
    series_init(&series);
    series_add(&series, 1, 1, TRUE);
    series_add(&series, 3, 4, TRUE);
    g_assert_cmpfloat(series_value(&series, SCOPE_AVG, 1), ==, 2);
}

static void
test_not_finite(void)
{
    const PbxSeries series = SERIES(3, NAN, 5, INFINITY, -INFINITY);
    g_assert_true(isnan(series_value(&series, SCOPE_LAST, 1)));
    g_assert_true(isnan(series_value(&series, SCOPE_AVG, 1)));
    g_assert_true(isnan(series_value(&series, SCOPE_LAST_5_AVG, 1)));
    g_assert_cmpfloat(series_value(&series, SCOPE_ALL, 1), ==, 3);
    g_assert_cmpfloat(series_value(&series, SCOPE_ALL, -1), ==, 5);
    const PbxSeries left = SERIES(NAN, 1, 1, 1, 1, 1);
    g_assert_cmpfloat(series_value(&left, SCOPE_LAST_5_AVG, 1), ==, 1);
    g_assert_true(isnan(series_value(&left, SCOPE_LAST_10_AVG, 1)));
}

/* NaN where what a scope takes has a result that breaks a constraint. */
static void
assert_values(const PbxSeries *series, double last, double all, double avg, double avg_5)
{
    const double expected[] = {last, all, avg, avg_5};
    for (PbxScope scope = SCOPE_LAST; scope <= SCOPE_LAST_5_AVG; scope++) {
        const double value = series_value(series, scope, 1);
        g_assert_true(isnan(expected[scope]) ? isnan(value) : value == expected[scope]);
    }
}

static void
test_constraints(void)
{
    PbxSeries series;
    series_init(&series);
    series_add(&series, 1, 1, FALSE);
    assert_values(&series, NAN, NAN, NAN, NAN);
    series_add(&series, 9, 2, TRUE);
    assert_values(&series, 9, 9, NAN, NAN);
    for (int i = 3; i <= 5; i++)
        series_add(&series, 5, i, TRUE);
    assert_values(&series, 5, 5, NAN, NAN);
    series_add(&series, 6, 6, TRUE);
    assert_values(&series, 6, 5, NAN, 6);
    g_assert_cmpint(series_iteration(&series, SCOPE_ALL, 1), ==, 3);
    series_add(&series, 0, 7, FALSE);
    assert_values(&series, NAN, 5, NAN, NAN);
}

static void
test_first_of_equals(void)
{
    const PbxSeries series = SERIES(2, 1, 1, 2);
    g_assert_cmpint(series_iteration(&series, SCOPE_ALL, 1), ==, 2);
    g_assert_cmpint(series_iteration(&series, SCOPE_ALL, -1), ==, 1);
}

static void
test_names(void)
{
    PbxScope scope = SCOPE_LAST;
    int sign = 0;
    g_autoptr(GError) error = NULL;
    for (guint i = 0; scope_names[i] != NULL; i++) {
        g_assert_true(scope_parse(scope_names[i], &scope, &error));
        g_assert_cmpuint(scope, ==, i);
    }
    g_assert_false(scope_parse("last5-avg", &scope, &error));
    g_assert_cmpstr(error->message, ==,
                    "there is no scope 'last5-avg'; did you mean 'last-5-avg'?");
    g_clear_error(&error);
    g_assert_false(scope_parse("x", &scope, &error));
    g_assert_cmpstr(error->message, ==,
                    "there is no scope 'x'; there are last, all, avg, last-5-avg, last-10-avg");
    g_clear_error(&error);
    g_assert_true(mode_parse("min", &sign, NULL));
    g_assert_cmpint(sign, ==, 1);
    g_assert_true(mode_parse("max", &sign, NULL));
    g_assert_cmpint(sign, ==, -1);
    g_assert_false(mode_parse("maximum", &sign, &error));
    g_assert_error(error, PBX_ANALYSIS_ERROR, ANALYSIS_ERROR_NAME);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/analysis/series/each-scope-takes-its-value", test_scopes);
    g_test_add_func("/analysis/series/a-mean-of-as-many-as-there-are", test_few);
    g_test_add_func("/analysis/series/the-mean-is-true", test_true_mean);
    g_test_add_func("/analysis/series/what-is-not-finite-is-never-best", test_not_finite);
    g_test_add_func("/analysis/series/what-breaks-a-constraint", test_constraints);
    g_test_add_func("/analysis/series/the-first-of-equal-values", test_first_of_equals);
    g_test_add_func("/analysis/series/scopes-and-modes-by-name", test_names);
    return g_test_run();
}
