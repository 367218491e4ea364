/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host.h"

static gboolean
stops(PbxTestHost *host, guint64 trial, gint64 iteration)
{
    const pbx_stopper *stopper = host->vtable;
    pbx_verdict verdict = {.struct_size = sizeof verdict};
    const pbx_result *result = test_result(host, trial, iteration, "{}");
    g_assert_cmpint(stopper->result(host->self, result, &verdict, &host->error), ==, PBX_OK);
    if (verdict.stop)
        g_assert_cmpstr(verdict.reason, ==, "3 results");
    return verdict.stop != 0;
}

static void
test_counts_what_it_was_shown(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{\"max_iter\": 3}");
    g_assert_false(stops(host, 0, 100)); /* whatever training_iteration says */
    g_assert_false(stops(host, 1, 1));
    g_assert_false(stops(host, 0, 101));
    g_bytes_unref(test_host_reload(host));
    g_assert_true(stops(host, 0, 102));
    g_assert_true(stops(host, 0, 103));
    g_assert_false(stops(host, 1, 2));
    g_assert_true(stops(host, 1, 3));
}

static void
test_forgets_trials_that_ended(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{\"max_iter\": 3}");
    const pbx_stopper *stopper = host->vtable;
    g_autoptr(GBytes) empty = test_host_reload(host);
    for (guint64 trial = 100; trial-- > 0;)
        g_assert_false(stops(host, trial, 1));
    for (guint64 trial = 0; trial < 100; trial++)
        g_assert_cmpint(stopper->end(host->self, test_outcome(host, trial, PBX_END_COMPLETED, NULL),
                                     &host->error),
                        ==, PBX_OK);
    g_autoptr(GBytes) after = test_host_reload(host);
    g_assert_true(g_bytes_equal(empty, after));
}

static void
test_bad_options_are_refused(void)
{
    g_autofree char *none = test_host_refusal("{}");
    g_autofree char *zero = test_host_refusal("{\"max_iter\": 0}");
    g_assert_nonnull(none);
    g_assert_nonnull(zero);
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/max-iteration/counts-what-it-was-shown", test_counts_what_it_was_shown);
    g_test_add_func("/max-iteration/forgets-trials-that-ended", test_forgets_trials_that_ended);
    g_test_add_func("/max-iteration/bad-options-are-refused", test_bad_options_are_refused);
    return g_test_run();
}
