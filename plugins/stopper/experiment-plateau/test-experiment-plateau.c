/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "host.h"

static PbxTestHost *
plateau(const char *options, const char *objectives)
{
    PbxTestHost *host = test_host_new(options);
    g_assert_cmpint(test_host_setup(host, NULL, objectives, -1), ==, PBX_OK);
    return host;
}

static gboolean
stops_all(PbxTestHost *host)
{
    const pbx_stopper *stopper = host->vtable;
    pbx_verdict verdict = {.struct_size = sizeof verdict};
    g_assert_cmpint(stopper->all(host->self, &verdict, &host->error), ==, PBX_OK);
    g_assert_cmpuint(verdict.stop != 0, ==, verdict.reason != NULL);
    g_assert_cmpint(verdict.again_ns, ==, 0);
    return verdict.stop != 0;
}

/* The reason, or NULL: it goes on. The trial stops where everything does. */
static const char *
judge(PbxTestHost *host, guint64 trial, const char *fields)
{
    const pbx_stopper *stopper = host->vtable;
    pbx_verdict verdict = {.struct_size = sizeof verdict};
    const pbx_result *result = test_result(host, trial, 1, fields);
    g_assert_cmpint(stopper->result(host->self, result, &verdict, &host->error), ==, PBX_OK);
    g_assert_cmpuint(verdict.stop != 0, ==, verdict.reason != NULL);
    g_assert_cmpuint(verdict.stop != 0, ==, stops_all(host));
    return verdict.reason;
}

static const char *
judge_loss(PbxTestHost *host, guint64 trial, double loss)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_autofree char *fields = g_strdup_printf(
        "{\"loss\": %s}", isnan(loss) ? "NaN" : g_ascii_dtostr(number, sizeof number, loss));
    return judge(host, trial, fields);
}

static guint
stops_at(const char *options, const double *values, guint n)
{
    g_autoptr(PbxTestHost) host = plateau(options, "loss:min");
    g_assert_false(stops_all(host));
    for (guint i = 0; i < n; i++)
        if (judge_loss(host, i, values[i]) != NULL)
            return i + 1;
    return 0;
}
#define STOPS_AT(OPTIONS, ...)                                                                     \
    stops_at(OPTIONS, (const double[]){__VA_ARGS__}, G_N_ELEMENTS(((const double[]){__VA_ARGS__})))

static void
test_best_values_of_all_results(void)
{
    g_assert_cmpuint(STOPS_AT("{\"top\": 2}", 5, 1, 9, 8, 1), ==, 5); /* 1 and 1 */
    g_assert_cmpuint(STOPS_AT("{\"top\": 2, \"mode\": \"max\"}", 5, 1, 9, 8, 1, 9), ==, 6);
    g_assert_cmpuint(STOPS_AT("{\"top\": 3}", 1, 1, 7, 1), ==, 4);
    g_assert_cmpuint(STOPS_AT("{}", 1, 1, 1, 1, 1, 1, 1, 1, 1), ==, 0); /* ten are needed */
    g_assert_cmpuint(STOPS_AT("{}", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), ==, 10);
}

/* At the std itself it stops, unlike a trial's. */
static void
test_std_is_reached_at_its_bound(void)
{
    g_assert_cmpuint(STOPS_AT("{\"top\": 2, \"std\": 0.5}", 1, 2), ==, 2);
    g_assert_cmpuint(STOPS_AT("{\"top\": 2, \"std\": 0.49}", 1, 2), ==, 0);
    /* Tune's numbers: 0.0100000000000000089 is beyond 0.01 here too. */
    g_assert_cmpuint(STOPS_AT("{\"top\": 4, \"std\": 0.01}", 1, 1.02, 1, 1.02), ==, 0);
    g_assert_cmpuint(STOPS_AT("{\"top\": 4, \"std\": 0.01}", 0.50, 0.51, 0.52, 0.51), ==, 4);
}

static void
test_patience_is_in_a_row(void)
{
    const char *options = "{\"top\": 2, \"patience\": 3}";
    g_assert_cmpuint(STOPS_AT(options, 5, 5, 6, 7), ==, 4);
    g_assert_cmpuint(STOPS_AT(options, 5, 5, 6, 1, 1, 2, 3), ==, 7); /* 5 and 1: from anew */
    g_assert_cmpuint(STOPS_AT("{\"top\": 2, \"patience\": 1}", 5, 5), ==, 2);
    g_assert_cmpuint(STOPS_AT("{\"top\": 2, \"patience\": 0}", 5, 5), ==, 2);
}

static void
test_reason(void)
{
    g_autoptr(PbxTestHost) host = plateau("{\"top\": 2, \"std\": 0.5}", "loss:min");
    g_assert_null(judge_loss(host, 0, 1));
    g_assert_cmpstr(judge_loss(host, 0, 2), ==,
                    "the 2 best values of loss have a std of 0.5 <= 0.5");
}

static void
test_nan_is_none_of_the_values(void)
{
    g_autoptr(PbxTestHost) host = plateau("{\"top\": 2, \"patience\": 2}", "loss:min");
    g_assert_null(judge_loss(host, 0, 1));
    g_assert_null(judge(host, 0, "{\"loss\": \"NaN\"}"));
    g_assert_null(judge(host, 0, "{\"loss\": \"-Infinity\"}"));
    g_assert_null(judge_loss(host, 0, 1));
    g_assert_null(judge(host, 0, "{\"loss\": \"NaN\"}")); /* nor of the results in a row */
    g_assert_nonnull(judge_loss(host, 0, 1));
    g_assert_cmpstr(host->log->str, ==, "");
}

static void
test_missing_value_is_said_once(void)
{
    g_autoptr(PbxTestHost) host = plateau("{\"metric\": \"acc\"}", "loss:min");
    g_assert_null(judge_loss(host, 0, 1));
    g_assert_null(judge_loss(host, 0, 1));
    g_assert_cmpstr(host->log->str, ==,
                    "warning: a result has no number acc, and is passed over (said once)\n");
}

static void
test_metric_and_mode(void)
{
    const char *line = "{\"loss\": 1, \"acc\": %d}";
    /* A metric of its own without a mode: min, as with Tune. */
    g_autoptr(PbxTestHost) own = plateau("{\"metric\": \"acc\", \"top\": 2}", "loss:max");
    static const int values[] = {9, 9, 5, 1, 1};
    for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autofree char *fields = g_strdup_printf(line, values[i]);
        if (i == 0)
            g_assert_null(judge(own, i, fields));
        else
            g_assert_cmpint(judge(own, i, fields) != NULL, ==, i == 1 || i == 4);
    }
    /* The experiment's metric with the experiment's mode, and with another. */
    g_autoptr(PbxTestHost) max = plateau("{\"top\": 2}", "loss:max");
    g_autoptr(PbxTestHost) min = plateau("{\"top\": 2, \"mode\": \"min\"}", "loss:max");
    static const double losses[] = {1, 5, 9, 9};
    for (guint i = 0; i < G_N_ELEMENTS(losses); i++) {
        g_assert_cmpint(judge_loss(max, i, losses[i]) != NULL, ==, i == 3);
        g_assert_null(judge_loss(min, i, losses[i]));
    }
}

static void
test_what_does_not_fit_is_refused(void)
{
    static const char *const bad[] = {"{\"std\": 0}", "{\"top\": 1}", "{\"top\": 2.5}",
                                      "{\"patience\": -1}", "{\"mode\": \"obs\"}"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *message = test_host_refusal(bad[i]);
        g_assert_nonnull(message);
    }
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    g_assert_cmpint(test_host_setup(host, NULL, NULL, 1), ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.where, ==, "metric");
}

static void
test_state_at_every_point(void)
{
    static const double values[] = {3, 1, 2, 1, NAN, 5, 1, 1, 0.5, 0.5, 0.5, 0.5};
    for (guint at = 0; at <= G_N_ELEMENTS(values); at++) {
        const char *options = "{\"top\": 3, \"patience\": 2}";
        g_autoptr(PbxTestHost) whole = plateau(options, "loss:min");
        g_autoptr(PbxTestHost) parted = plateau(options, "loss:min");
        for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
            if (i == at)
                g_bytes_unref(test_host_reload(parted));
            g_assert_cmpint(stops_all(parted), ==, stops_all(whole));
            g_autofree char *expected = g_strdup(judge_loss(whole, i, values[i]));
            g_assert_cmpstr(judge_loss(parted, i, values[i]), ==, expected);
            g_assert_cmpint(expected != NULL, ==, i == 7 || i == 11);
        }
    }
}

static void
test_state_of_another_top_keeps_the_best(void)
{
    g_autoptr(PbxTestHost) more = plateau("{\"top\": 4, \"mode\": \"max\"}", "loss:min");
    g_autoptr(PbxTestHost) less = plateau("{\"top\": 2, \"mode\": \"max\"}", "loss:min");
    static const double values[] = {1, 7, 2, 7};
    for (guint i = 0; i < G_N_ELEMENTS(values); i++)
        g_assert_null(judge_loss(more, i, values[i]));
    g_assert_cmpint(test_host_load(less, more), ==, PBX_OK);
    g_assert_nonnull(judge_loss(less, 0, 3));
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/experiment-plateau/best-values-of-all-results",
                    test_best_values_of_all_results);
    g_test_add_func("/experiment-plateau/std-is-reached-at-its-bound",
                    test_std_is_reached_at_its_bound);
    g_test_add_func("/experiment-plateau/patience-is-in-a-row", test_patience_is_in_a_row);
    g_test_add_func("/experiment-plateau/reason", test_reason);
    g_test_add_func("/experiment-plateau/nan-is-none-of-the-values",
                    test_nan_is_none_of_the_values);
    g_test_add_func("/experiment-plateau/missing-value-is-said-once",
                    test_missing_value_is_said_once);
    g_test_add_func("/experiment-plateau/metric-and-mode", test_metric_and_mode);
    g_test_add_func("/experiment-plateau/what-does-not-fit-is-refused",
                    test_what_does_not_fit_is_refused);
    g_test_add_func("/experiment-plateau/state-at-every-point", test_state_at_every_point);
    g_test_add_func("/experiment-plateau/state-of-another-top-keeps-the-best",
                    test_state_of_another_top_keeps_the_best);
    return g_test_run();
}
