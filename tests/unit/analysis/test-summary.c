/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every number of a trial over its results, and the result with its best value. */
#include <glib/gstdio.h>
#include <math.h>

#include "analysis/analysis.h"
#include "json/json.h"

typedef struct {
    char *dir;
    PbxStore *store;
    guint64 seq;
    guint attempt; /* of the last result */
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    fixture->dir = g_dir_make_tmp("pegbox-summary-XXXXXX", NULL);
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
add(Fixture *fixture, guint attempt, guint64 n, gint64 iteration, const char *fields)
{
    const PbxResultRow row = {
        .seq = ++fixture->seq,
        .trial = 0,
        .attempt = attempt,
        .n = n,
        .iteration = iteration,
        .time_total_s = (double)n / 2,
        .time_this_iter_s = 0.5,
        .timesteps_total = -1,
        .episodes_total = -1,
        .value = NAN,
        .fields = (char *)fields,
        .rung = G_MAXUINT32,
    };
    const PbxAttemptRow start = {.attempt = attempt, .pid = -1, .start_n = n - 1};
    if (fixture->attempt != attempt)
        g_assert_true(store_put_attempt(fixture->store, &start, NULL));
    fixture->attempt = attempt;
    g_assert_true(store_put_result(fixture->store, &row, NULL));
}

static void
assert_statistic(Fixture *fixture, const char *path, const char *expected)
{
    g_autoptr(JsonNode) all = analysis_of_trial(fixture->store, 0, NULL);
    JsonNode *node = json_lookup(all, path);
    g_autofree char *text = node != NULL ? json_to_text(node) : NULL;
    g_assert_cmpstr(text, ==, expected);
}

/* A: 1, 9, 3 in Tune's own example. */
static void
test_tune(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    add(fixture, 1, 1, 1, "{\"acc\":1}");
    add(fixture, 1, 2, 2, "{\"acc\":9}");
    add(fixture, 1, 3, 3, "{\"acc\":3}");
    assert_statistic(fixture, "max.acc", "9.0");
    assert_statistic(fixture, "min.acc", "1.0");
    assert_statistic(fixture, "last.acc", "3.0");
    assert_statistic(fixture, "avg.acc", "4.333333333333333");
    assert_statistic(fixture, "last-5-avg.acc", "4.333333333333333");
    assert_statistic(fixture, "max.training_iteration", "3.0");
    assert_statistic(fixture, "avg.time_total_s", "1.0");
    assert_statistic(fixture, "last.timesteps_total", NULL);
}

static void
test_windows(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    for (guint64 i = 1; i <= 12; i++) {
        g_autofree char *fields = g_strdup_printf("{\"acc\":%u}", (guint)i);
        add(fixture, 1, i, (gint64)i, fields);
    }
    assert_statistic(fixture, "last-5-avg.acc", "10.0");
    assert_statistic(fixture, "last-10-avg.acc", "7.5");
    assert_statistic(fixture, "avg.acc", "6.5");
}

/* Tune's running mean of 1 at iteration 1 and 3 at iteration 4 is 1.5; what a restart repeats
 * would count twice. */
static void
test_true_mean(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    add(fixture, 1, 1, 1, "{\"acc\":1,\"late\":7}");
    add(fixture, 1, 2, 2, "{\"other\":1}");
    add(fixture, 2, 1, 1, "{\"acc\":100}");
    add(fixture, 2, 2, 2, "{\"other\":100}");
    add(fixture, 2, 3, 4, "{\"acc\":3}");
    assert_statistic(fixture, "avg.acc", "2.0");
    assert_statistic(fixture, "max.acc", "3.0");
    assert_statistic(fixture, "last.late", "7.0");
    assert_statistic(fixture, "avg.other", "1.0");
}

static void
test_shapes(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    add(fixture, 1, 1, 1,
        "{\"eval\":{\"loss\":2},\"flat/loss\":5,\"best\":true,\"note\":\"7\",\"list\":[1],"
        "\"acc\":\"NaN\"}");
    add(fixture, 1, 2, 2, "{\"flat/loss\":7,\"eval\":{\"loss\":4,\"max\":1},\"acc\":0}");
    assert_statistic(fixture, "avg",
                     "{\"eval\":{\"loss\":3.0,\"max\":1.0},\"flat/loss\":6.0,\"acc\":null,"
                     "\"training_iteration\":1.5,\"time_total_s\":0.75,\"time_this_iter_s\":0.5}");
    assert_statistic(fixture, "max.acc", "0.0");
    assert_statistic(fixture, "max.eval/loss", "4.0");
    assert_statistic(fixture, "max.flat/loss", "7.0");
}

static void
test_nothing(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    assert_statistic(fixture, "max", "{}");
}

static void
assert_best_result(Fixture *fixture, const char *metric, int sign, guint64 expected)
{
    guint64 seq = 99;
    g_assert_true(analysis_best_result(fixture->store, 0, metric, sign, &seq, NULL));
    g_assert_cmpuint(seq, ==, expected);
}

static void
test_best_result(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    assert_best_result(fixture, "acc", -1, 0);
    add(fixture, 1, 1, 1, "{\"acc\":\"NaN\",\"x\":0}");
    add(fixture, 1, 2, 2, "{\"acc\":2}");
    add(fixture, 1, 3, 3, "{\"acc\":5,\"x\":-1}");
    add(fixture, 1, 4, 4, "{\"acc\":5,\"x\":0}");
    add(fixture, 2, 4, 4, "{\"acc\":50}");
    assert_best_result(fixture, "acc", -1, 3);
    assert_best_result(fixture, "acc", 1, 2);
    assert_best_result(fixture, "x", -1, 1);
    assert_best_result(fixture, "time_total_s", -1, 4);
    assert_best_result(fixture, "nothing", -1, 0);
}

#define ADD(PATH, TEST) g_test_add(PATH, Fixture, NULL, set_up, TEST, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/analysis/summary/tunes-vector", test_tune);
    ADD("/analysis/summary/windows", test_windows);
    ADD("/analysis/summary/the-mean-is-true", test_true_mean);
    ADD("/analysis/summary/nested-flat-and-what-is-no-number", test_shapes);
    ADD("/analysis/summary/without-results", test_nothing);
    ADD("/analysis/summary/best-result", test_best_result);
    return g_test_run();
}
