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

/* The reason, or NULL: it goes on. */
static const char *
judge(PbxTestHost *host, guint64 trial, const char *fields)
{
    const pbx_stopper *stopper = host->vtable;
    pbx_verdict verdict = {.struct_size = sizeof verdict};
    const pbx_result *result = test_result(host, trial, 1, fields);
    g_assert_cmpint(stopper->result(host->self, result, &verdict, &host->error), ==, PBX_OK);
    g_assert_cmpuint(verdict.stop != 0, ==, verdict.reason != NULL);
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

/* The number of the first value at which trial 0 stops; 0: none of them. */
static guint
stops_at(const char *options, const double *values, guint n)
{
    g_autoptr(PbxTestHost) host = plateau(options, "loss:min");
    for (guint i = 0; i < n; i++)
        if (judge_loss(host, 0, values[i]) != NULL)
            return i + 1;
    return 0;
}
#define STOPS_AT(OPTIONS, ...)                                                                     \
    stops_at(OPTIONS, (const double[]){__VA_ARGS__}, G_N_ELEMENTS(((const double[]){__VA_ARGS__})))

static void
test_numbers_of_tune(void)
{
    g_assert_cmpuint(STOPS_AT("{}", 0.50, 0.51, 0.52, 0.51), ==, 4);
    /* In doubles their std is 0.0100000000000000089, which is not < 0.01. */
    g_assert_cmpuint(STOPS_AT("{}", 1, 1.02, 1, 1.02), ==, 0);
    g_assert_cmpuint(STOPS_AT("{\"std\": 0.01001}", 1, 1.02, 1, 1.02), ==, 4);
}

static void
test_std_is_the_populations_of_the_last_ones(void)
{
    /* 2, 4, 4, 4, 5, 5, 7, 9: 2, where a sample's would be 2.138. */
    g_assert_cmpuint(STOPS_AT("{\"num_results\": 8, \"std\": 2.0000001}", 2, 4, 4, 4, 5, 5, 7, 9),
                     ==, 8);
    g_assert_cmpuint(STOPS_AT("{\"num_results\": 8, \"std\": 2}", 2, 4, 4, 4, 5, 5, 7, 9), ==, 0);
    g_assert_cmpuint(STOPS_AT("{}", 9, 5, 3, 1, 1, 1, 1), ==, 7);
    g_assert_cmpuint(STOPS_AT("{\"num_results\": 2}", 9, 5, 3, 1, 1), ==, 5);
    g_assert_cmpuint(STOPS_AT("{\"num_results\": 1}", 9, 5, 3, 1), ==, 4); /* the grace */
}

static void
test_grace_period_counts_results(void)
{
    g_assert_cmpuint(STOPS_AT("{\"grace_period\": 6}", 1, 1, 1, 1, 1, 1), ==, 6);
    g_assert_cmpuint(STOPS_AT("{\"grace_period\": 0}", 1, 1, 1, 1, 1, 1), ==, 4);
    g_assert_cmpuint(STOPS_AT("{\"grace_period\": 0, \"num_results\": 1}", 1), ==, 1);
}

static void
test_threshold(void)
{
    const char *lower = "{\"num_results\": 2, \"grace_period\": 0, \"metric_threshold\": 0.5}";
    g_assert_cmpuint(STOPS_AT(lower, 0.6, 0.6, 0.6, 0.5, 0.5), ==, 5);
    const char *higher = "{\"num_results\": 2, \"grace_period\": 0, \"metric_threshold\": 0.5, "
                         "\"mode\": \"max\"}";
    g_assert_cmpuint(STOPS_AT(higher, 0.4, 0.4, 0.5, 0.5), ==, 4);
    g_assert_cmpuint(STOPS_AT(higher, 0.4, 0.4), ==, 0);
}

static void
test_each_trial_for_itself(void)
{
    g_autoptr(PbxTestHost) host = plateau("{\"num_results\": 2, \"grace_period\": 2}", "loss:min");
    g_assert_null(judge_loss(host, 0, 1));
    g_assert_null(judge_loss(host, 7, 1));
    g_assert_cmpstr(judge_loss(host, 0, 1), ==, "the last 2 values of loss have a std of 0 < 0.01");
    g_assert_nonnull(judge_loss(host, 7, 1));
}

static void
test_nan_is_no_part_of_the_window(void)
{
    g_autoptr(PbxTestHost) host = plateau("{}", "loss:min");
    g_assert_null(judge_loss(host, 0, 1));
    g_assert_null(judge(host, 0, "{\"loss\": \"NaN\"}"));
    g_assert_null(judge_loss(host, 0, 1));
    g_assert_null(judge(host, 0, "{\"loss\": \"Infinity\"}"));
    g_assert_null(judge_loss(host, 0, 1)); /* the fifth result, but the third value */
    g_assert_null(judge(host, 0, "{\"loss\": \"-Infinity\"}"));
    g_assert_nonnull(judge_loss(host, 0, 1));
    g_assert_null(judge(host, 0, "{\"loss\": \"NaN\"}")); /* it never stops at one */
    g_assert_cmpstr(host->log->str, ==, "");
}

static void
test_missing_value_is_said_once(void)
{
    g_autoptr(PbxTestHost) host = plateau("{\"metric\": \"acc\", \"num_results\": 2}", "loss:min");
    for (guint i = 0; i < 4; i++)
        g_assert_null(judge_loss(host, 0, 1));
    g_assert_null(judge(host, 0, "{\"acc\": 1}"));
    g_assert_nonnull(judge(host, 0, "{\"acc\": 1}")); /* results without it count for the grace */
    g_assert_cmpstr(host->log->str, ==,
                    "warning: a result has no number acc, and is passed over (said once)\n");
}

static void
test_metric_of_its_own(void)
{
    const char *options =
        "{\"metric\": \"eval/acc\", \"num_results\": 2, \"grace_period\": 0, \"std\": 0.5}";
    g_autoptr(PbxTestHost) beside = plateau(options, "loss:min");
    g_assert_null(judge(beside, 0, "{\"loss\": 1, \"eval\": {\"acc\": 1}}"));
    g_assert_null(judge(beside, 0, "{\"loss\": 1, \"eval\": {\"acc\": 2}}"));
    g_assert_nonnull(judge(beside, 0, "{\"loss\": 9, \"eval\": {\"acc\": 2}}"));
    g_autoptr(PbxTestHost) alone = plateau(options, NULL);
    g_assert_null(judge(alone, 0, "{\"eval\": {\"acc\": 1}}"));
    g_assert_nonnull(judge(alone, 0, "{\"eval\": {\"acc\": 1}}"));
}

/* A maximised metric: values are the metric's, not losses. */
static void
test_mode_of_the_experiment(void)
{
    g_autoptr(PbxTestHost) host =
        plateau("{\"num_results\": 1, \"grace_period\": 0, \"metric_threshold\": 0.9}", "acc:max");
    g_assert_null(judge(host, 0, "{\"acc\": 0.8}"));
    g_assert_nonnull(judge(host, 0, "{\"acc\": 0.9}"));
    g_autoptr(PbxTestHost) named =
        plateau("{\"metric\": \"acc\", \"num_results\": 1, \"grace_period\": 0, "
                "\"metric_threshold\": 0.9}",
                "acc:max");
    g_assert_null(judge(named, 0, "{\"acc\": 0.8}"));
    g_assert_nonnull(judge(named, 0, "{\"acc\": 0.95}"));
}

static void
assert_setup_refused(const char *options, const char *objectives, const char *where)
{
    g_autoptr(PbxTestHost) host = test_host_new(options);
    g_assert_cmpint(test_host_setup(host, NULL, objectives, 1), ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.where, ==, where);
}

static void
test_what_does_not_fit_is_refused(void)
{
    static const char *const bad[] = {"{\"std\": 0}",
                                      "{\"std\": -1}",
                                      "{\"num_results\": 0}",
                                      "{\"grace_period\": -1}",
                                      "{\"mode\": \"up\"}",
                                      "{\"metric\": \"\"}",
                                      "{\"metric_threshold\": \"x\"}"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *message = test_host_refusal(bad[i]);
        g_assert_nonnull(message);
    }
    assert_setup_refused("{}", NULL, "metric");
    assert_setup_refused("{\"metric\": \"acc\", \"metric_threshold\": 1}", "loss:min",
                         "metric_threshold");
    assert_setup_refused("{\"metric\": \"acc\", \"metric_threshold\": 1}", NULL,
                         "metric_threshold");
}

/* Wherever it is saved and loaded, it goes on as if nothing had been. */
static void
test_state_at_every_point(void)
{
    static const double values[] = {3, 1, 1.5, 1.01, 1, NAN, 1.005, 1.01, 1, 1.002};
    for (guint at = 0; at <= G_N_ELEMENTS(values); at++) {
        g_autoptr(PbxTestHost) whole = plateau("{}", "loss:min");
        g_autoptr(PbxTestHost) parted = plateau("{}", "loss:min");
        for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
            if (i == at)
                g_bytes_unref(test_host_reload(parted));
            for (guint64 trial = 0; trial < 2; trial++) {
                g_autofree char *expected =
                    g_strdup(judge_loss(whole, trial, values[i] + 1e-3 * i));
                g_assert_cmpstr(judge_loss(parted, trial, values[i] + 1e-3 * i), ==, expected);
                g_assert_cmpint(expected != NULL, ==, i >= 7);
            }
        }
    }
}

static void
test_longer_state_keeps_the_newest(void)
{
    g_autoptr(PbxTestHost) longer = plateau("{\"num_results\": 6}", "loss:min");
    g_autoptr(PbxTestHost) shorter = plateau("{\"num_results\": 3}", "loss:min");
    for (guint i = 0; i < 6; i++)
        g_assert_null(judge_loss(longer, 0, i < 4 ? i : 7));
    g_assert_cmpint(test_host_load(shorter, longer), ==, PBX_OK);
    g_assert_nonnull(judge_loss(shorter, 0, 7));
}

static void
test_forgets_trials_that_ended(void)
{
    g_autoptr(PbxTestHost) host = plateau("{}", "loss:min");
    const pbx_stopper *stopper = host->vtable;
    g_autoptr(GBytes) empty = test_host_reload(host);
    for (guint64 trial = 0; trial < 100; trial++)
        g_assert_null(judge_loss(host, trial, 1));
    for (guint64 trial = 0; trial < 101; trial++)
        g_assert_cmpint(stopper->end(host->self, test_outcome(host, trial, PBX_END_COMPLETED, NULL),
                                     &host->error),
                        ==, PBX_OK);
    g_autoptr(GBytes) after = test_host_reload(host);
    g_assert_true(g_bytes_equal(empty, after));
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/trial-plateau/numbers-of-tune", test_numbers_of_tune);
    g_test_add_func("/trial-plateau/std-is-the-populations-of-the-last-ones",
                    test_std_is_the_populations_of_the_last_ones);
    g_test_add_func("/trial-plateau/grace-period-counts-results", test_grace_period_counts_results);
    g_test_add_func("/trial-plateau/threshold", test_threshold);
    g_test_add_func("/trial-plateau/each-trial-for-itself", test_each_trial_for_itself);
    g_test_add_func("/trial-plateau/nan-is-no-part-of-the-window",
                    test_nan_is_no_part_of_the_window);
    g_test_add_func("/trial-plateau/missing-value-is-said-once", test_missing_value_is_said_once);
    g_test_add_func("/trial-plateau/metric-of-its-own", test_metric_of_its_own);
    g_test_add_func("/trial-plateau/mode-of-the-experiment", test_mode_of_the_experiment);
    g_test_add_func("/trial-plateau/what-does-not-fit-is-refused",
                    test_what_does_not_fit_is_refused);
    g_test_add_func("/trial-plateau/state-at-every-point", test_state_at_every_point);
    g_test_add_func("/trial-plateau/longer-state-keeps-the-newest",
                    test_longer_state_keeps_the_newest);
    g_test_add_func("/trial-plateau/forgets-trials-that-ended", test_forgets_trials_that_ended);
    return g_test_run();
}
