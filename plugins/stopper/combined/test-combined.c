/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "host.h"

static PbxTestHost *
combined(const char *require, const char *stoppers)
{
    g_autofree char *options =
        g_strdup_printf("{\"require\": \"%s\", \"stoppers\": [%s]}", require, stoppers);
    PbxTestHost *host = test_host_new(options);
    g_assert_cmpint(test_host_setup(host, NULL, "loss:min", -1), ==, PBX_OK);
    return host;
}

static pbx_status
judge_full(PbxTestHost *host, guint64 trial, const char *fields, pbx_verdict *verdict)
{
    const pbx_stopper *stopper = host->vtable;
    const pbx_result *result = test_result(host, trial, 1, fields);
    *verdict = (pbx_verdict){.struct_size = sizeof *verdict};
    return stopper->result(host->self, result, verdict, &host->error);
}

/* The reason, or NULL: it goes on. */
static const char *
judge(PbxTestHost *host, guint64 trial, const char *fields)
{
    pbx_verdict verdict;
    g_assert_cmpint(judge_full(host, trial, fields, &verdict), ==, PBX_OK);
    g_assert_cmpuint(verdict.stop != 0, ==, verdict.reason != NULL);
    return verdict.reason;
}

static pbx_verdict
ask_all(PbxTestHost *host)
{
    const pbx_stopper *stopper = host->vtable;
    pbx_verdict verdict = {.struct_size = sizeof verdict};
    g_assert_cmpint(stopper->all(host->self, &verdict, &host->error), ==, PBX_OK);
    return verdict;
}

#define THREE   "{\"plugin\": \"max-iteration\", \"max_iter\": 3}"
#define AT_ONE  "{\"plugin\": \"threshold\", \"bounds\": {\"loss\": {\"<=\": 1}}}"
#define PLATEAU "{\"plugin\": \"trial-plateau\", \"num_results\": 2, \"grace_period\": 0}"
#define TEN_S   "{\"plugin\": \"timeout\", \"timeout\": 10}"
#define ALIKE   "{\"plugin\": \"experiment-plateau\", \"top\": 2}"

static void
test_any(void)
{
    g_autoptr(PbxTestHost) host = combined("any", THREE ", " AT_ONE);
    g_assert_null(judge(host, 0, "{\"loss\": 5}"));
    g_assert_cmpstr(judge(host, 1, "{\"loss\": 1}"), ==, "loss 1 <= 1");
    g_assert_null(judge(host, 0, "{\"loss\": 5}"));
    g_assert_cmpstr(judge(host, 0, "{\"loss\": 0}"), ==, "3 results"); /* the first that says so */
}

/* Each is shown every result, whatever another has said. */
static void
test_any_shows_all_results_to_each(void)
{
    g_autoptr(PbxTestHost) host = combined("any", AT_ONE ", " THREE);
    g_assert_nonnull(judge(host, 0, "{\"loss\": 0}"));
    g_assert_nonnull(judge(host, 0, "{\"loss\": 0}"));
    g_assert_cmpstr(judge(host, 0, "{\"loss\": 5}"), ==, "3 results");
}

static void
test_all_at_the_same_result(void)
{
    g_autoptr(PbxTestHost) host = combined("all", THREE ", " AT_ONE);
    g_assert_null(judge(host, 0, "{\"loss\": 1}"));
    g_assert_null(judge(host, 0, "{\"loss\": 5}"));
    g_assert_null(judge(host, 0, "{\"loss\": 5}")); /* that it was at 1 before does not count */
    g_assert_cmpstr(judge(host, 0, "{\"loss\": 1}"), ==, "3 results; loss 1 <= 1");
}

/* An experiment's rule holds for each trial, but does not end one by itself. */
static void
test_all_of_both_kinds(void)
{
    g_autoptr(PbxTestHost) host = combined("all", THREE ", " TEN_S);
    for (guint i = 0; i < 4; i++)
        g_assert_null(judge(host, 0, "{}"));
    test_host_advance(host, 10 * TEST_SECOND);
    g_assert_cmpstr(judge(host, 0, "{}"), ==, "3 results; 10 s have passed");
    g_assert_null(judge(host, 1, "{}"));
    g_assert_cmpuint(ask_all(host).stop, ==, 0); /* a trial's rule says nothing of everything */
    g_autoptr(PbxTestHost) never = combined("all", THREE ", \"noop\"");
    for (guint i = 0; i < 5; i++)
        g_assert_null(judge(never, 0, "{}"));
    g_autoptr(PbxTestHost) times = combined("all", TEN_S ", {\"plugin\": \"timeout\", "
                                                         "\"timeout\": 20}");
    test_host_advance(times, 30 * TEST_SECOND);
    g_assert_null(judge(times, 0, "{}")); /* it ends with all, at its next report */
    g_assert_cmpstr(ask_all(times).reason, ==, "10 s have passed; 20 s have passed");
}

static void
test_any_of_the_experiment(void)
{
    g_autoptr(PbxTestHost) host =
        combined("any", THREE ", {\"plugin\": \"timeout\", \"timeout\": 20}, " TEN_S);
    pbx_verdict verdict = ask_all(host);
    g_assert_cmpuint(verdict.stop, ==, 0);
    g_assert_cmpint(verdict.again_ns, ==, 10 * TEST_SECOND);
    test_host_advance(host, verdict.again_ns);
    g_assert_cmpstr(ask_all(host).reason, ==, "10 s have passed");
    g_autoptr(PbxTestHost) alike = combined("any", ALIKE ", " TEN_S);
    g_assert_cmpint(ask_all(alike).again_ns, ==, 0); /* results may change it at any time */
    g_assert_null(judge(alike, 0, "{\"loss\": 1}"));
    g_assert_nonnull(judge(alike, 1, "{\"loss\": 1}"));
    g_assert_cmpuint(ask_all(alike).stop, ==, 1);
    g_autoptr(PbxTestHost) trials = combined("any", THREE);
    g_assert_cmpint(ask_all(trials).again_ns, ==, G_MAXINT64);
}

static void
test_all_of_the_experiment(void)
{
    g_autoptr(PbxTestHost) host = combined("all", TEN_S ", " ALIKE);
    g_assert_cmpint(ask_all(host).again_ns, ==, 10 * TEST_SECOND);
    g_assert_null(judge(host, 0, "{\"loss\": 1}"));
    g_assert_null(judge(host, 1, "{\"loss\": 1}"));
    g_assert_cmpuint(ask_all(host).stop, ==, 0);
    test_host_advance(host, 10 * TEST_SECOND);
    g_assert_cmpstr(ask_all(host).reason, ==,
                    "10 s have passed; the 2 best values of loss have a std of 0 <= 0.001");
}

/* Losses and watched fields are each stopper's own. */
static void
test_each_has_its_own_fields(void)
{
    g_autoptr(PbxTestHost) host =
        combined("any", "{\"plugin\": \"threshold\", \"bounds\": {\"a\": 5, \"b\": 7}}, "
                        "{\"plugin\": \"trial-plateau\", \"metric\": \"acc\", \"num_results\": 2, "
                        "\"grace_period\": 0}");
    g_assert_null(judge(host, 0, "{\"a\": 1, \"b\": 1, \"acc\": 3, \"loss\": 1}"));
    g_assert_null(judge(host, 0, "{\"a\": 1, \"b\": 1, \"acc\": 4, \"loss\": 1}"));
    g_assert_cmpstr(judge(host, 0, "{\"a\": 1, \"b\": 1, \"acc\": 4, \"loss\": 1}"), ==,
                    "the last 2 values of acc have a std of 0 < 0.01");
    g_assert_cmpstr(judge(host, 1, "{\"a\": 1, \"b\": 7, \"acc\": 4, \"loss\": 1}"), ==,
                    "b 7 >= 7");
}

#define NESTED                                                                                     \
    "{\"plugin\": \"combined\", \"require\": \"all\", \"stoppers\": [" THREE ", {\"plugin\": "     \
    "\"combined\", \"stoppers\": [" AT_ONE ", " PLATEAU "]}]}, " ALIKE ", \"noop\""

static void
test_nested(void)
{
    g_autoptr(PbxTestHost) host = combined("any", NESTED);
    g_assert_null(judge(host, 0, "{\"loss\": 1}"));
    g_assert_null(judge(host, 0, "{\"loss\": 5}"));
    g_assert_null(judge(host, 0, "{\"loss\": 9}"));
    g_assert_cmpstr(judge(host, 0, "{\"loss\": 9}"), ==,
                    "3 results; the last 2 values of loss have a std of 0 < 0.01");
    g_assert_cmpuint(ask_all(host).stop, ==, 0);
    g_assert_nonnull(judge(host, 1, "{\"loss\": 1}")); /* 1 and 1: alike */
    g_assert_cmpuint(ask_all(host).stop, ==, 1);
}

static void
test_state_at_every_point(void)
{
    static const char *const results[] = {"{\"loss\": 9}", "{\"loss\": 5}",   "{\"loss\": 4}",
                                          "{\"loss\": 4}", "{\"loss\": 4.5}", "{\"loss\": 0.5}",
                                          "{\"loss\": 0}", "{\"loss\": 0}"};
    for (guint at = 0; at <= G_N_ELEMENTS(results); at++) {
        g_autoptr(PbxTestHost) whole = combined("any", NESTED);
        g_autoptr(PbxTestHost) parted = combined("any", NESTED);
        guint stops = 0;
        for (guint i = 0; i < G_N_ELEMENTS(results); i++) {
            if (i == at)
                g_bytes_unref(test_host_reload(parted));
            g_autofree char *expected = g_strdup(judge(whole, i % 2, results[i]));
            g_assert_cmpstr(judge(parted, i % 2, results[i]), ==, expected);
            g_assert_cmpuint(ask_all(parted).stop, ==, ask_all(whole).stop);
            stops += expected != NULL;
        }
        g_assert_cmpuint(stops, ==, 5);
    }
}

static void
test_ends_reach_all(void)
{
    g_autoptr(PbxTestHost) host = combined("any", NESTED);
    const pbx_stopper *stopper = host->vtable;
    g_autoptr(GBytes) empty = test_host_reload(host);
    for (guint64 trial = 0; trial < 10; trial++) {
        const pbx_result *last = test_result(host, trial, 1, "{}");
        g_assert_null(judge(host, trial, "{}"));
        g_assert_cmpint(stopper->end(host->self, test_outcome(host, trial, PBX_END_COMPLETED, last),
                                     &host->error),
                        ==, PBX_OK);
    }
    g_autoptr(GBytes) after = test_host_reload(host);
    g_assert_true(g_bytes_equal(empty, after));
}

/* An error of one is the wrapper's, and the others see the result all the same. */
static void
test_errors_are_passed_on(void)
{
    g_autoptr(PbxTestHost) host =
        combined("any", "{\"plugin\": \"when\", \"expression\": \"result.x > 1\"}, " THREE);
    pbx_verdict verdict;
    g_assert_null(judge(host, 0, "{\"x\": 1}"));
    g_assert_cmpint(judge_full(host, 0, "{\"x\": \"text\"}", &verdict), ==, PBX_EINVAL);
    g_assert_cmpuint(verdict.stop, ==, 0);
    g_assert_cmpstr(host->error.where, ==, "expression");
    g_assert_cmpstr(judge(host, 0, "{\"x\": 1}"), ==, "3 results");
}

static void
test_bad_options_are_refused(void)
{
    static const char *const bad[] = {"{}",
                                      "{\"stoppers\": []}",
                                      "{\"stoppers\": [\"no-such\"]}",
                                      "{\"stoppers\": [" THREE "], \"require\": \"some\"}",
                                      "{\"stoppers\": [{\"plugin\": \"max-iteration\"}]}",
                                      "{\"stoppers\": [" THREE ", 3]}"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *message = test_host_refusal(bad[i]);
        g_assert_nonnull(message);
    }
    g_autoptr(PbxTestHost) host = test_host_new("{\"stoppers\": " PLATEAU "}"); /* one alone */
    g_assert_cmpint(test_host_setup(host, NULL, NULL, -1), ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.where, ==, "metric");
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/combined/any", test_any);
    g_test_add_func("/combined/any-shows-all-results-to-each", test_any_shows_all_results_to_each);
    g_test_add_func("/combined/all-at-the-same-result", test_all_at_the_same_result);
    g_test_add_func("/combined/all-of-both-kinds", test_all_of_both_kinds);
    g_test_add_func("/combined/any-of-the-experiment", test_any_of_the_experiment);
    g_test_add_func("/combined/all-of-the-experiment", test_all_of_the_experiment);
    g_test_add_func("/combined/each-has-its-own-fields", test_each_has_its_own_fields);
    g_test_add_func("/combined/nested", test_nested);
    g_test_add_func("/combined/state-at-every-point", test_state_at_every_point);
    g_test_add_func("/combined/ends-reach-all", test_ends_reach_all);
    g_test_add_func("/combined/errors-are-passed-on", test_errors_are_passed_on);
    g_test_add_func("/combined/bad-options-are-refused", test_bad_options_are_refused);
    return g_test_run();
}
