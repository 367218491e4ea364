/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sdk/examples/stopper/patience.c: when it stops, and its state. */
#include "host.h"

static PbxTestHost *
patience(const char *options, const char *objectives)
{
    PbxTestHost *host = test_host_new(options);
    g_assert_cmpint(test_host_setup(host, NULL, objectives, -1), ==, PBX_OK);
    return host;
}

static gboolean
stops(PbxTestHost *host, guint64 trial, const char *fields)
{
    const pbx_stopper *stopper = host->vtable;
    pbx_verdict verdict = {.struct_size = sizeof verdict};
    g_assert_cmpint(
        stopper->result(host->self, test_result(host, trial, 1, fields), &verdict, &host->error),
        ==, PBX_OK);
    g_assert_cmpint(verdict.stop != 0, ==, verdict.reason != NULL);
    return verdict.stop != 0;
}

static void
test_waits_for_a_better_one(void)
{
    g_autoptr(PbxTestHost) host = patience("{\"results\": 2}", "score:max");
    g_assert_false(stops(host, 0, "{\"score\": 5}"));
    g_assert_false(stops(host, 0, "{\"score\": 5}")); /* no better */
    g_assert_false(stops(host, 0, "{\"score\": 6}"));
    g_assert_false(stops(host, 1, "{\"score\": 1}")); /* each trial for itself */
    g_assert_false(stops(host, 0, "{\"score\": 1}"));
    g_bytes_unref(test_host_reload(host));
    g_assert_true(stops(host, 0, "{\"score\": 2}"));
    g_assert_false(stops(host, 1, "{\"score\": 0}"));
    g_assert_true(stops(host, 1, "{\"score\": 0}"));
}

static void
test_min_delta(void)
{
    g_autoptr(PbxTestHost) host = patience("{\"results\": 1, \"min_delta\": 0.5}", "loss:min");
    g_assert_false(stops(host, 0, "{\"loss\": 2}"));
    g_assert_false(stops(host, 0, "{\"loss\": 1}"));
    g_assert_true(stops(host, 0, "{\"loss\": 0.5}"));
}

static void
test_no_number_is_no_better_one(void)
{
    g_autoptr(PbxTestHost) host = patience("{\"results\": 2}", "loss:min");
    g_assert_false(stops(host, 0, "{\"loss\": \"NaN\"}"));
    g_assert_false(stops(host, 0, "{}"));
    g_assert_false(stops(host, 0, "{\"loss\": 1}"));
    g_assert_false(stops(host, 0, "{\"loss\": \"-Infinity\"}"));
    g_assert_true(stops(host, 0, "{}"));
}

static void
test_forgets_trials_that_ended(void)
{
    g_autoptr(PbxTestHost) host = patience("{}", "loss:min");
    const pbx_stopper *stopper = host->vtable;
    g_autoptr(GBytes) empty = test_host_reload(host);
    for (guint64 trial = 0; trial < 100; trial++)
        g_assert_false(stops(host, trial, "{\"loss\": 1}"));
    for (guint64 trial = 0; trial < 100; trial++)
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
    g_test_add_func("/patience/waits-for-a-better-one", test_waits_for_a_better_one);
    g_test_add_func("/patience/min-delta", test_min_delta);
    g_test_add_func("/patience/no-number-is-no-better-one", test_no_number_is_no_better_one);
    g_test_add_func("/patience/forgets-trials-that-ended", test_forgets_trials_that_ended);
    return g_test_run();
}
