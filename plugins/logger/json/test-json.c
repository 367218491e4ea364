/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host.h"

static void
test_result_json_has_a_line_a_result(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    const pbx_result *first = test_result(host, 3, 1, "{\"loss\": 0.5, \"name\": \"a\\nb\"}");
    const pbx_result *second = test_result(host, 3, 2, "{\"loss\": NaN}");
    g_autofree char *expected = g_strconcat(first->text, "\n", second->text, "\n", NULL);
    g_assert_cmpint(test_event(host, PBX_EVENT_RESULT, NULL, first), ==, PBX_OK);
    g_assert_cmpint(test_event(host, PBX_EVENT_RESULT, NULL, second), ==, PBX_OK);
    g_assert_cmpstr(test_file(host, 3, "result.json"), ==, expected);
    g_assert_null(test_file(host, 3, "params.json"));
}

/* As json.dump(config, indent=2, sort_keys=True) of Python does. */
static void
test_params_json_is_sorted_and_indented(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    const pbx_trial *trial = test_trial(host, 0,
                                        "{\"lr\": 1e-05, \"b\": {\"z\": [1, [], {}, {\"k\": "
                                        "null}], \"a\": true}, \"A\": \"\\\"x\"}");
    g_assert_cmpint(test_event(host, PBX_EVENT_TRIAL_START, trial, NULL), ==, PBX_OK);
    g_assert_cmpstr(test_file(host, 0, "params.json"), ==,
                    "{\n"
                    "  \"A\": \"\\\"x\",\n"
                    "  \"b\": {\n"
                    "    \"a\": true,\n"
                    "    \"z\": [\n"
                    "      1,\n"
                    "      [],\n"
                    "      {},\n"
                    "      {\n"
                    "        \"k\": null\n"
                    "      }\n"
                    "    ]\n"
                    "  },\n"
                    "  \"lr\": 1e-05\n"
                    "}\n");
}

static void
test_params_json_is_rewritten_at_each_start(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    test_event(host, PBX_EVENT_TRIAL_START, test_trial(host, 0, "{\"a\": 1}"), NULL);
    test_event(host, PBX_EVENT_TRIAL_START, test_trial(host, 0, "{}"), NULL);
    g_assert_cmpstr(test_file(host, 0, "params.json"), ==, "{}\n");
}

static void
test_failure_is_told_and_retried(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    const pbx_result *result = test_result(host, 0, 1, "{}");
    host->refuse = PBX_EIO;
    g_assert_cmpint(test_event(host, PBX_EVENT_RESULT, NULL, result), ==, PBX_EIO);
    g_assert_cmpstr(host->error.where, ==, "result.json");
    host->refuse = PBX_OK;
    g_assert_cmpint(test_event(host, PBX_EVENT_RESULT, NULL, result), ==, PBX_OK);
    g_assert_cmpuint(strlen(test_file(host, 0, "result.json")), ==, result->text_size + 1);
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/json/result-json-has-a-line-a-result", test_result_json_has_a_line_a_result);
    g_test_add_func("/json/params-json-is-sorted-and-indented",
                    test_params_json_is_sorted_and_indented);
    g_test_add_func("/json/params-json-is-rewritten-at-each-start",
                    test_params_json_is_rewritten_at_each_start);
    g_test_add_func("/json/failure-is-told-and-retried", test_failure_is_told_and_retried);
    return g_test_run();
}
