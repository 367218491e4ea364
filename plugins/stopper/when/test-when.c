/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "host.h"

static pbx_status
judge_full(PbxTestHost *host, guint64 trial, const char *fields, pbx_verdict *verdict)
{
    const pbx_stopper *stopper = host->vtable;
    const pbx_result *result = test_result(host, trial, 1, fields);
    *verdict = (pbx_verdict){.struct_size = sizeof *verdict};
    return stopper->result(host->self, result, verdict, &host->error);
}

static gboolean
stops(PbxTestHost *host, guint64 trial, const char *fields)
{
    pbx_verdict verdict;
    g_assert_cmpint(judge_full(host, trial, fields, &verdict), ==, PBX_OK);
    return verdict.stop != 0;
}

static gboolean
stops_all(PbxTestHost *host)
{
    const pbx_stopper *stopper = host->vtable;
    pbx_verdict verdict = {.struct_size = sizeof verdict};
    g_assert_cmpint(stopper->all(host->self, &verdict, &host->error), ==, PBX_OK);
    return verdict.stop != 0;
}

static void
test_stops_where_it_is_true(void)
{
    g_autoptr(PbxTestHost) host =
        test_host_new("{\"expression\": \"result.accuracy / result.training_iteration > 5\"}");
    pbx_verdict verdict;
    g_assert_false(stops(host, 0, "{\"accuracy\": 5}"));
    g_assert_cmpint(judge_full(host, 0, "{\"accuracy\": 6}", &verdict), ==, PBX_OK);
    g_assert_cmpuint(verdict.stop, ==, 1);
    g_assert_cmpstr(verdict.reason, ==, "result.accuracy / result.training_iteration > 5");
    g_assert_false(stops_all(host));
}

static void
test_sees_the_trial(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{\"expression\": \"trial_id == 'trial_00003'\"}");
    g_assert_false(stops(host, 2, "{}"));
    g_assert_true(stops(host, 3, "{}"));
}

static void
test_truth_is_luas(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{\"expression\": \"result.x\"}");
    g_assert_false(stops(host, 0, "{}"));
    g_assert_false(stops(host, 0, "{\"x\": false}"));
    g_assert_true(stops(host, 0, "{\"x\": true}"));
    g_assert_true(stops(host, 0, "{\"x\": 0}"));
    g_assert_true(stops(host, 0, "{\"x\": \"\"}"));
    g_assert_cmpstr(host->log->str, ==, "");
}

static void
test_missing_field_is_said_once(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{\"expression\": \"result.a > 1\"}");
    g_autoptr(PbxTestHost) sum = test_host_new("{\"expression\": \"1 + result.a.b > 1\"}");
    g_assert_false(stops(host, 0, "{}"));
    g_assert_false(stops(host, 0, "{}"));
    g_assert_true(stops(host, 0, "{\"a\": 2}"));
    g_assert_false(stops(sum, 0, "{}"));
    g_assert_false(stops(sum, 0, "{\"a\": {}}"));
    g_assert_true(g_str_has_prefix(host->log->str, "warning: "));
    g_assert_cmpuint(strlen(host->log->str), ==, strcspn(host->log->str, "\n") + 1);
    g_assert_true(g_str_has_prefix(sum->log->str, "warning: "));
}

/* NaN and the infinities are numbers in an expression, though text in a file. */
static void
test_non_finite_values(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{\"expression\": \"result.x > 1\"}");
    g_assert_false(stops(host, 0, "{\"x\": \"NaN\"}"));
    g_assert_false(stops(host, 0, "{\"x\": \"-Infinity\"}"));
    g_assert_true(stops(host, 0, "{\"x\": \"Infinity\"}"));
    g_assert_cmpstr(host->log->str, ==, "");
}

static void
test_other_failures_fail_the_trial(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{\"expression\": \"result.x > 1\"}");
    pbx_verdict verdict;
    g_assert_cmpint(judge_full(host, 0, "{\"x\": \"text\"}", &verdict), ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.where, ==, "expression");
    g_assert_cmpstr(host->error.message, !=, "");
}

static void
test_scope_experiment(void)
{
    g_autoptr(PbxTestHost) host =
        test_host_new("{\"expression\": \"result.x > 1\", \"scope\": \"experiment\"}");
    g_assert_false(stops(host, 0, "{\"x\": 1}"));
    g_assert_false(stops_all(host));
    g_assert_false(stops(host, 0, "{\"x\": 2}")); /* the trial ends as all do */
    g_assert_true(stops_all(host));
    g_bytes_unref(test_host_reload(host));
    g_assert_true(stops_all(host));
}

static void
test_bad_options_are_refused(void)
{
    g_autofree char *none = test_host_refusal("{}");
    g_autofree char *syntax = test_host_refusal("{\"expression\": \"result.x >\"}");
    g_autofree char *scope = test_host_refusal("{\"expression\": \"true\", \"scope\": \"all\"}");
    g_assert_nonnull(none);
    g_assert_nonnull(syntax);
    g_assert_nonnull(scope);
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/when/stops-where-it-is-true", test_stops_where_it_is_true);
    g_test_add_func("/when/sees-the-trial", test_sees_the_trial);
    g_test_add_func("/when/truth-is-luas", test_truth_is_luas);
    g_test_add_func("/when/missing-field-is-said-once", test_missing_field_is_said_once);
    g_test_add_func("/when/non-finite-values", test_non_finite_values);
    g_test_add_func("/when/other-failures-fail-the-trial", test_other_failures_fail_the_trial);
    g_test_add_func("/when/scope-experiment", test_scope_experiment);
    g_test_add_func("/when/bad-options-are-refused", test_bad_options_are_refused);
    return g_test_run();
}
