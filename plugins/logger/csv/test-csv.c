/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host.h"

#define TAIL ",training_iteration,trial_id\n"

static void
log_result(PbxTestHost *host, guint64 trial, const char *fields)
{
    const pbx_result *result = test_result(host, trial, 1, fields);
    g_assert_cmpint(test_event(host, PBX_EVENT_RESULT, NULL, result), ==, PBX_OK);
}

static const char *
progress(PbxTestHost *host, guint64 trial)
{
    return test_file(host, trial, "progress.csv");
}

static void
test_flattens_and_leaves_out_the_config(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    log_result(
        host, 0,
        "{\"a\": {\"b\": 1, \"c\": {\"d\": 2.5}}, \"config\": {\"lr\": 1}, \"e\": {\"config\": 3}, "
        "\"empty\": {}}");
    g_assert_cmpstr(progress(host, 0), ==, "a/b,a/c/d,e/config" TAIL "1,2.5,3,1,trial_00000\n");
}

static void
test_values(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    log_result(host, 0,
               "{\"i\": 12345678901234567, \"r\": 0.1, \"w\": 3.0, \"s\": 1e-05, \"n\": null, "
               "\"t\": true, "
               "\"nan\": NaN, \"l\": [1, 2]}");
    g_assert_cmpstr(progress(host, 0), ==,
                    "i,r,w,s,n,t,nan,l" TAIL
                    "12345678901234567,0.1,3.0,1e-05,,true,NaN,\"[1,2]\",1,trial_00000\n");
}

static void
test_quotes(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    log_result(
        host, 0,
        "{\"a,b\": \"x,y\", \"q\": \"say \\\"hi\\\"\", \"l\": \"two\\nlines\", \"p\": \" \"}");
    g_assert_cmpstr(progress(host, 0), ==,
                    "\"a,b\",q,l,p" TAIL
                    "\"x,y\",\"say \"\"hi\"\"\",\"two\nlines\", ,1,trial_00000\n");
}

/* All that canonical JSON escapes, in values and in keys, flat and nested. */
static void
test_escapes(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    log_result(host, 0,
               "{\"t\\tk\": {\"\\u0001\": \"a\\\\b\\u001f\\u007f\\u00e4\"}, \"s\": \"\\t\\b\\f\", "
               "\"o\": [{\"a,\": \"}\\\"\"}], \"e\": \"\", \"b\": {\"x\": {}, \"y\": false}}");
    g_assert_cmpstr(progress(host, 0), ==,
                    "t\tk/\001,s,o,e,b/y" TAIL
                    "a\\b\037\177\303\244,\t\b\f,\"[{\"\"a,\"\":\"\"}\\\"\"\"\"}]\",,false,1,"
                    "trial_00000\n");
}

static void
test_missing_fields_are_empty(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    log_result(host, 0, "{\"a\": 1, \"b\": 2}");
    log_result(host, 0, "{\"b\": 3}");
    log_result(host, 1, "{\"b\": 4}");
    g_assert_cmpstr(progress(host, 0), ==, "a,b" TAIL "1,2,1,trial_00000\n,3,1,trial_00000\n");
    g_assert_cmpstr(progress(host, 1), ==, "b" TAIL "4,1,trial_00001\n");
    g_assert_cmpuint(host->n_replaced, ==, 0);
}

static void
test_new_column_rewrites_the_file(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    log_result(host, 0, "{\"a\": \"x\\ny\"}");
    log_result(host, 0, "{\"a\": \"\\\"\"}");
    log_result(host, 0, "{\"a\": 1, \"z,\": 2, \"y\": 3}");
    g_assert_cmpstr(progress(host, 0), ==,
                    "a,training_iteration,trial_id,\"z,\",y\n"
                    "\"x\ny\",1,trial_00000,,\n"
                    "\"\"\"\",1,trial_00000,,\n"
                    "1,1,trial_00000,2,3\n");
    g_assert_cmpuint(host->n_replaced, ==, 1);
}

/* A new process knows the columns from the file, whose names may be quoted. */
static void
test_goes_on_after_a_resume(void)
{
    g_autoptr(PbxTestHost) first = test_host_new("{}");
    log_result(first, 0, "{\"a\": 1, \"b \\\"c\\\", d\": 2}");
    g_autoptr(PbxTestHost) second = test_host_new("{}");
    g_hash_table_insert(second->files, g_strdup("0/progress.csv"),
                        g_string_new(progress(first, 0)));
    log_result(second, 0, "{\"b \\\"c\\\", d\": 3}");
    g_assert_cmpstr(progress(second, 0), ==,
                    "a,\"b \"\"c\"\", d\"" TAIL "1,2,1,trial_00000\n,3,1,trial_00000\n");
    log_result(second, 0, "{\"e\": 4}");
    g_assert_cmpstr(progress(second, 0), ==,
                    "a,\"b \"\"c\"\", d\",training_iteration,trial_id,e\n1,2,1,trial_00000,\n"
                    ",3,1,trial_00000,\n,,1,trial_00000,4\n");
}

static void
test_forgets_trials_that_ended(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    log_result(host, 0, "{\"a\": 1}");
    const pbx_trial *trial = test_trial(host, 0, "{}");
    g_assert_cmpint(test_event(host, PBX_EVENT_COMPLETE, trial, NULL), ==, PBX_OK);
    g_assert_cmpint(test_event(host, PBX_EVENT_ERROR, trial, NULL), ==, PBX_OK);
    log_result(host, 0, "{\"a\": 2}"); /* a retry */
    g_assert_cmpstr(progress(host, 0), ==, "a" TAIL "1,1,trial_00000\n2,1,trial_00000\n");
}

static void
test_failure_is_told_and_retried(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    const pbx_result *result = test_result(host, 0, 1, "{\"a\": 1}");
    host->refuse = PBX_EIO;
    g_assert_cmpint(test_event(host, PBX_EVENT_RESULT, NULL, result), ==, PBX_EIO);
    g_assert_cmpstr(host->error.where, ==, "progress.csv");
    host->refuse = PBX_OK;
    g_assert_cmpint(test_event(host, PBX_EVENT_RESULT, NULL, result), ==, PBX_OK);
    g_assert_cmpstr(progress(host, 0), ==, "a" TAIL "1,1,trial_00000\n");
}

#define ADD(NAME, FUNCTION) g_test_add_func("/csv/" NAME, FUNCTION)

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    ADD("flattens-and-leaves-out-the-config", test_flattens_and_leaves_out_the_config);
    ADD("values", test_values);
    ADD("quotes", test_quotes);
    ADD("escapes", test_escapes);
    ADD("missing-fields-are-empty", test_missing_fields_are_empty);
    ADD("new-column-rewrites-the-file", test_new_column_rewrites_the_file);
    ADD("goes-on-after-a-resume", test_goes_on_after_a_resume);
    ADD("forgets-trials-that-ended", test_forgets_trials_that_ended);
    ADD("failure-is-told-and-retried", test_failure_is_told_and_retried);
    return g_test_run();
}
