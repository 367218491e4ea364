/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A result with its auto-filled fields. */
#include <json-glib/json-glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store-fixture.h"

static char *
text_of(const PbxAttemptRow *attempt, const PbxResultRow *result)
{
    const PbxTrialRow trial = make_trial(3);
    GString *out = g_string_new(NULL);
    store_result_text(out, &trial, attempt, result, "0123456789abcdef0123456789abcdef");
    return g_string_free(out, FALSE);
}

/* The result's object, with these fields reported. */
static JsonNode *
object_of(const char *fields, gboolean done)
{
    const PbxAttemptRow attempt = make_attempt(3, 1);
    PbxResultRow result = make_result(1, 3, 4);
    result.fields = (char *)fields;
    result.done = done;
    g_autofree char *text = text_of(&attempt, &result);
    g_autoptr(GError) error = NULL;
    JsonNode *node = json_from_string(text, &error);
    g_assert_no_error(error);
    return node;
}

static void
test_whole(void)
{
    const PbxAttemptRow attempt = make_attempt(3, 1);
    const PbxResultRow result = make_result(1, 3, 4);
    g_autofree char *text = text_of(&attempt, &result);
    g_assert_cmpstr(
        text, ==,
        "{\"accuracy\":0.5,\"loss\":1.25,\"date\":\"2023-11-14_22-13-21\",\"done\":false,"
        "\"episodes_total\":null,\"experiment_id\":\"0123456789abcdef0123456789abcdef\","
        "\"experiment_tag\":\"3_lr=0.25\",\"hostname\":\"node\",\"iterations_since_restore\":4,"
        "\"node_ip\":\"192.0.2.1\",\"pid\":4711,\"time_since_restore\":2.0,"
        "\"time_this_iter_s\":0.5,\"time_total_s\":2.0,\"timestamp\":1700000001,"
        "\"timesteps_since_restore\":0,\"timesteps_total\":null,\"training_iteration\":4,"
        "\"config\":{\"lr\":0.25},\"trial_id\":\"2f1ea_00003\"}");
}

/* Tune: saved at iteration 10 with time_total 50; the next result counts on from there. */
static void
test_restored(void)
{
    PbxAttemptRow attempt = make_attempt(3, 2);
    attempt.start_iteration = 10;
    attempt.start_time_s = 50;
    attempt.start_timesteps = 1000;
    PbxResultRow result = make_result(1, 3, 11);
    result.time_total_s = 50.5;
    result.timesteps_total = 1100;
    result.episodes_total = 0;
    g_autofree char *text = text_of(&attempt, &result);
    g_assert_nonnull(strstr(text, "\"training_iteration\":11,"));
    g_assert_nonnull(strstr(text, "\"iterations_since_restore\":1,"));
    g_assert_nonnull(strstr(text, "\"time_since_restore\":0.5,"));
    g_assert_nonnull(strstr(text, "\"time_total_s\":50.5,"));
    g_assert_nonnull(strstr(text, "\"timesteps_since_restore\":100,"));
    g_assert_nonnull(strstr(text, "\"timesteps_total\":1100,"));
    g_assert_nonnull(strstr(text, "\"episodes_total\":0,"));
}

/* A user's own training_iteration is no count of reports. */
static void
test_own_iteration(void)
{
    const PbxAttemptRow attempt = make_attempt(3, 1);
    PbxResultRow result = make_result(1, 3, 2);
    result.iteration = 200;
    result.fields = "{\"training_iteration\":200}";
    g_autofree char *text = text_of(&attempt, &result);
    g_assert_true(g_str_has_prefix(text, "{\"training_iteration\":200,\"date\""));
    g_assert_nonnull(strstr(text, "\"iterations_since_restore\":2,"));
    g_assert_null(strstr(strstr(text, "training_iteration") + 1, "training_iteration"));
}

/* Tune lets a program say some fields itself; the others are pegbox's. */
static void
test_whose_value_wins(void)
{
    static const char *const names[] = {
        "done",
        "episodes_total",
        "time_this_iter_s",
        "timesteps_total",
        "training_iteration",
        /* not these: */
        "date",
        "experiment_id",
        "experiment_tag",
        "hostname",
        "node_ip",
        "pid",
        "iterations_since_restore",
        "time_total_s",
        "time_since_restore",
        "timestamp",
        "timesteps_since_restore",
        "config",
        "trial_id",
    };
    const gsize n_own = 5;
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *fields =
            g_strdup_printf("{\"%s\":\"mine\",\"a\":[1,{\"x\":2}]}", names[i]);
        g_autoptr(JsonNode) node = object_of(fields, FALSE);
        JsonObject *object = json_node_get_object(node);
        JsonNode *value = json_object_get_member(object, names[i]);
        gboolean mine = json_node_get_value_type(value) == G_TYPE_STRING &&
                        g_str_equal(json_node_get_string(value), "mine");
        g_assert_cmpint(mine, ==, i < n_own);
        g_assert_true(json_object_has_member(object, "a"));
        g_assert_cmpuint(json_object_get_size(object), ==, G_N_ELEMENTS(names) + 1);
    }
}

/* Only keys of the top level count, whatever strings look like. */
static void
test_only_top_level(void)
{
    static const char *const cases[] = {
        "{\"info\":{\"pid\":1,\"done\":true}}",
        "{\"list\":[{\"date\":1},\"done\"]}",
        "{\"text\":\"\\\",\\\"pid\\\":1}\"}",
        "{\"text\":\"}\",\"brace{\":\"[\"}",
        "{\"\":0}",
        "{\"pi\":1,\"pids\":2,\"back\\\\\":3}",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonNode) node = object_of(cases[i], FALSE);
        JsonObject *object = json_node_get_object(node);
        g_assert_cmpuint(json_object_get_size(object), ==, 18 + (i == 3 ? 2 : i == 5 ? 3 : 1));
        g_assert_cmpint(json_object_get_int_member(object, "pid"), ==, 4711);
        g_assert_false(json_object_get_boolean_member(object, "done"));
        g_assert_cmpstr(json_object_get_string_member(object, "date"), ==, "2023-11-14_22-13-21");
    }
}

static void
test_empty(void)
{
    static const char *const cases[] = {"{}", "", NULL, "nonsense", "{\"a\"", "{\"a\":[", "{\"a"};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const PbxAttemptRow attempt = make_attempt(3, 1);
        PbxResultRow result = make_result(1, 3, 1);
        result.fields = (char *)cases[i];
        g_autofree char *text = text_of(&attempt, &result);
        g_assert_true(g_str_has_suffix(text, "\"trial_id\":\"2f1ea_00003\"}"));
        g_assert_true(g_str_has_prefix(text, "{\"date\":"));
    }
}

static void
test_done(void)
{
    static const struct {
        const char *fields;
        gboolean done, expected;
    } cases[] = {
        {"{\"a\":1}", TRUE, TRUE},
        {"{\"done\":false,\"a\":1}", TRUE, TRUE}, /* a stopper ended it */
        {"{\"a\":1,\"done\":false}", TRUE, TRUE},
        {"{\"a\":1,\"done\":true}", TRUE, TRUE},
        {"{\"a\":1,\"done\":false}", FALSE, FALSE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonNode) node = object_of(cases[i].fields, cases[i].done);
        JsonObject *object = json_node_get_object(node);
        g_assert_cmpint(json_object_get_boolean_member(object, "done"), ==, cases[i].expected);
        g_assert_cmpint(json_object_get_int_member(object, "a"), ==, 1);
    }
}

static void
test_unknown(void)
{
    const PbxTrialRow trial = {.id = "a"};
    const PbxAttemptRow attempt = {.pid = -1, .start_time_s = NAN};
    const PbxResultRow result = {.n = 1,
                                 .iteration = -1,
                                 .at_ns = 0,
                                 .time_this_iter_s = NAN,
                                 .time_total_s = INFINITY,
                                 .timesteps_total = -1,
                                 .episodes_total = -1};
    g_autoptr(GString) out = g_string_new("before ");
    store_result_text(out, &trial, &attempt, &result, NULL);
    g_assert_true(g_str_has_prefix(out->str, "before {\"date\":\"1970-01-01_00-00-00\","));
    static const char *const nulls[] = {
        "experiment_id",      "experiment_tag",   "hostname",     "node_ip",           "pid",
        "time_since_restore", "time_this_iter_s", "time_total_s", "training_iteration"};
    for (gsize i = 0; i < G_N_ELEMENTS(nulls); i++) {
        g_autofree char *text = g_strdup_printf("\"%s\":null,", nulls[i]);
        g_assert_nonnull(strstr(out->str, text));
    }
}

static void
test_local_time(void)
{
    g_setenv("TZ", "XYZ-5", TRUE);
    tzset();
    const PbxAttemptRow attempt = make_attempt(3, 1);
    PbxResultRow result = make_result(1, 3, 1);
    result.at_ns = 1700000002000000000;
    g_autofree char *text = text_of(&attempt, &result);
    g_assert_nonnull(strstr(text, "\"date\":\"2023-11-15_03-13-22\""));
    g_assert_nonnull(strstr(text, "\"timestamp\":1700000002,"));
    g_setenv("TZ", "UTC", TRUE);
    tzset();
}

int
main(int argc, char **argv)
{
    g_setenv("TZ", "UTC", TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/result-text/has-all-fields-in-a-fixed-order", test_whole);
    g_test_add_func("/store/result-text/counts-on-from-a-checkpoint", test_restored);
    g_test_add_func("/store/result-text/a-reported-iteration-is-kept", test_own_iteration);
    g_test_add_func("/store/result-text/whose-value-wins", test_whose_value_wins);
    g_test_add_func("/store/result-text/only-top-level-keys-count", test_only_top_level);
    g_test_add_func("/store/result-text/takes-no-fields-and-broken-ones", test_empty);
    g_test_add_func("/store/result-text/done-of-the-last-result", test_done);
    g_test_add_func("/store/result-text/what-is-unknown-is-null", test_unknown);
    g_test_add_func("/store/result-text/the-date-is-local", test_local_time);
    return g_test_run();
}
