/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "host.h"

static PbxTestHost *
threshold(const char *bounds)
{
    g_autofree char *options = g_strdup_printf("{\"bounds\": %s}", bounds);
    PbxTestHost *host = test_host_new(options);
    g_assert_cmpint(test_host_setup(host, NULL, NULL, -1), ==, PBX_OK);
    return host;
}

/* The reason, or NULL: it goes on. */
static const char *
judge(PbxTestHost *host, const char *fields)
{
    const pbx_stopper *stopper = host->vtable;
    pbx_verdict verdict = {.struct_size = sizeof verdict};
    g_assert_cmpint(
        stopper->result(host->self, test_result(host, 0, 1, fields), &verdict, &host->error), ==,
        PBX_OK);
    g_assert_cmpuint(verdict.stop != 0, ==, verdict.reason != NULL);
    return verdict.reason;
}

static void
test_at_or_above_a_number(void)
{
    g_autoptr(PbxTestHost) host = threshold("{\"accuracy\": 0.99}");
    g_assert_cmpstr(judge(host, "{\"accuracy\": 0.98}"), ==, NULL);
    g_assert_cmpstr(judge(host, "{\"accuracy\": 0.991}"), ==, "accuracy 0.991 >= 0.99");
    g_assert_cmpstr(judge(host, "{\"accuracy\": 0.99}"), ==, "accuracy 0.99 >= 0.99");
}

static void
test_relations(void)
{
    static const struct {
        const char *relation;
        gboolean below, at, above;
    } cases[] = {{">=", FALSE, TRUE, TRUE},
                 {">", FALSE, FALSE, TRUE},
                 {"<=", TRUE, TRUE, FALSE},
                 {"<", TRUE, FALSE, FALSE}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *bounds = g_strdup_printf("{\"loss\": {\"%s\": 1}}", cases[i].relation);
        g_autofree char *reason = g_strdup_printf("loss 1 %s 1", cases[i].relation);
        g_autoptr(PbxTestHost) host = threshold(bounds);
        g_assert_cmpint(judge(host, "{\"loss\": 0.5}") != NULL, ==, cases[i].below);
        g_assert_cmpint(judge(host, "{\"loss\": 1.5}") != NULL, ==, cases[i].above);
        const char *at = judge(host, "{\"loss\": 1}");
        g_assert_cmpstr(at, ==, cases[i].at ? reason : NULL);
    }
}

static void
test_any_of_several(void)
{
    g_autoptr(PbxTestHost) host =
        threshold("{\"training_iteration\": 20, \"eval/loss\": {\"<=\": 0.01}}");
    g_assert_cmpstr(judge(host, "{\"training_iteration\": 19, \"eval/loss\": 1}"), ==, NULL);
    g_assert_cmpstr(judge(host, "{\"training_iteration\": 1, \"eval\": {\"loss\": 1e-05}}"), ==,
                    "eval/loss 1e-05 <= 0.01");
    g_assert_cmpstr(judge(host, "{\"training_iteration\": 20, \"eval/loss\": 1}"), ==,
                    "training_iteration 20 >= 20");
}

static void
test_missing_key_is_said_once(void)
{
    g_autoptr(PbxTestHost) host = threshold("{\"a\": 1, \"b\": 1}");
    g_assert_cmpstr(judge(host, "{\"a\": 0}"), ==, NULL);
    g_assert_cmpstr(judge(host, "{\"a\": 0}"), ==, NULL);
    g_assert_cmpstr(judge(host, "{\"a\": 1}"), ==, "a 1 >= 1");
    g_assert_cmpstr(host->log->str, ==,
                    "warning: a result has no number b: nothing stops there (said once)\n");
}

static void
test_other_values_are_no_numbers(void)
{
    g_autoptr(PbxTestHost) host = threshold("{\"a\": 1}");
    g_assert_cmpstr(judge(host, "{\"a\": \"high\"}"), ==, NULL);
    g_assert_cmpstr(judge(host, "{\"a\": null}"), ==, NULL);
    g_assert_cmpstr(judge(host, "{\"a\": [5]}"), ==, NULL);
    g_assert_cmpstr(host->log->str, ==,
                    "warning: a result has no number a: nothing stops there (said once)\n");
    g_assert_cmpstr(judge(host, "{\"a\": true}"), ==, "a 1 >= 1"); /* as in Python */
    g_assert_cmpstr(judge(host, "{\"a\": \"2\"}"), ==, "a 2 >= 1");
}

static void
test_non_finite_values_reach_nothing(void)
{
    g_autoptr(PbxTestHost) host = threshold("{\"loss\": {\"<=\": 1}, \"score\": 1}");
    g_assert_cmpstr(judge(host, "{\"loss\": NaN, \"score\": NaN}"), ==, NULL);
    g_assert_cmpstr(judge(host, "{\"loss\": -Infinity, \"score\": Infinity}"), ==, NULL);
    g_assert_cmpstr(host->log->str, ==, "");
}

static void
test_bare_number_on_a_minimised_metric_is_refused(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{\"bounds\": {\"loss\": 0.5}}");
    g_assert_cmpint(test_host_setup(host, NULL, "loss:min", 1), ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.where, ==, "loss");
    g_assert_nonnull(strstr(host->error.message, "{\"<=\": 0.5}"));
    g_assert_cmpint(test_host_setup(host, NULL, "loss:max", 1), ==, PBX_OK);
    g_autoptr(PbxTestHost) meant = test_host_new("{\"bounds\": {\"loss\": {\">=\": 0.5}}}");
    g_assert_cmpint(test_host_setup(meant, NULL, "loss:min", 1), ==, PBX_OK);
}

static void
test_bad_bounds_are_refused(void)
{
    static const char *const bad[] = {"{}",
                                      "{\"bounds\": {\"a\": \"x\"}}",
                                      "{\"bounds\": {\"a\": {\"=\": 1}}}",
                                      "{\"bounds\": {\"a\": {}}}",
                                      "{\"bounds\": {\"a\": {\">\": 5, \"<\": 1}}}",
                                      "{\"bounds\": [1]}"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *message = test_host_refusal(bad[i]);
        g_assert_nonnull(message);
    }
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/threshold/at-or-above-a-number", test_at_or_above_a_number);
    g_test_add_func("/threshold/relations", test_relations);
    g_test_add_func("/threshold/any-of-several", test_any_of_several);
    g_test_add_func("/threshold/missing-key-is-said-once", test_missing_key_is_said_once);
    g_test_add_func("/threshold/other-values-are-no-numbers", test_other_values_are_no_numbers);
    g_test_add_func("/threshold/non-finite-values-reach-nothing",
                    test_non_finite_values_reach_nothing);
    g_test_add_func("/threshold/bare-number-on-a-minimised-metric-is-refused",
                    test_bare_number_on_a_minimised_metric_is_refused);
    g_test_add_func("/threshold/bad-bounds-are-refused", test_bad_bounds_are_refused);
    return g_test_run();
}
