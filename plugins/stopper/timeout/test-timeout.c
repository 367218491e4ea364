/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host.h"

static pbx_verdict
ask(PbxTestHost *host)
{
    const pbx_stopper *stopper = host->vtable;
    pbx_verdict verdict = {.struct_size = sizeof verdict};
    g_assert_cmpint(stopper->all(host->self, &verdict, &host->error), ==, PBX_OK);
    return verdict;
}

static void
report(PbxTestHost *host)
{
    const pbx_stopper *stopper = host->vtable;
    pbx_verdict verdict = {.struct_size = sizeof verdict};
    const pbx_result *result = test_result(host, 0, 1, "{}");
    g_assert_cmpint(stopper->result(host->self, result, &verdict, &host->error), ==, PBX_OK);
    g_assert_cmpuint(verdict.stop, ==, 0);
}

static void
test_stops_all_when_the_time_is_over(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{\"timeout\": 1.5}");
    pbx_verdict verdict = ask(host);
    g_assert_cmpuint(verdict.stop, ==, 0);
    g_assert_cmpint(verdict.again_ns, ==, 3 * TEST_SECOND / 2);
    test_host_advance(host, verdict.again_ns - 1);
    g_assert_cmpuint(ask(host).stop, ==, 0);
    report(host);
    test_host_advance(host, 1);
    report(host); /* never a trial */
    g_assert_cmpuint(ask(host).stop, ==, 1);
    g_assert_cmpstr(ask(host).reason, ==, "1.5 s have passed");
}

/* The clock stands still while nothing runs; what a process did after its last result counts. */
static void
test_goes_on_after_a_resume(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{\"timeout\": 10}");
    test_host_advance(host, 4 * TEST_SECOND);
    report(host);
    test_host_advance(host, 2 * TEST_SECOND);
    g_bytes_unref(test_host_reload(host));
    g_assert_cmpint(ask(host).again_ns, ==, 10 * TEST_SECOND);
    test_host_advance(host, 3 * TEST_SECOND);
    report(host);
    g_bytes_unref(test_host_reload(host));
    g_assert_cmpint(ask(host).again_ns, ==, 10 * TEST_SECOND);
    test_host_advance(host, 1 * TEST_SECOND);
    g_assert_cmpuint(ask(host).stop, ==, 1);
}

/* A process with a clock of its own has used nothing yet, and what others had used counts. */
static void
test_another_clock(void)
{
    g_autoptr(PbxTestHost) before = test_host_new("{\"timeout\": 10}");
    g_autoptr(PbxTestHost) host = test_host_new("{\"timeout\": 10}");
    test_host_advance(before, 4 * TEST_SECOND);
    report(before);
    test_host_advance(host, 1 * TEST_SECOND);
    g_assert_cmpint(test_host_load(host, before), ==, PBX_OK);
    g_assert_cmpint(ask(host).again_ns, ==, (1 + 6) * TEST_SECOND);
}

static void
test_bad_options_are_refused(void)
{
    g_autofree char *none = test_host_refusal("{}");
    g_autofree char *zero = test_host_refusal("{\"timeout\": 0}");
    g_assert_nonnull(none);
    g_assert_nonnull(zero);
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/timeout/stops-all-when-the-time-is-over",
                    test_stops_all_when_the_time_is_over);
    g_test_add_func("/timeout/goes-on-after-a-resume", test_goes_on_after_a_resume);
    g_test_add_func("/timeout/another-clock", test_another_clock);
    g_test_add_func("/timeout/bad-options-are-refused", test_bad_options_are_refused);
    return g_test_run();
}
