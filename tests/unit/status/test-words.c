/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values for people: durations, numbers, values of a config, the course of a value. */
#include <locale.h>
#include <math.h>
#include <string.h>

#include "status/status-private.h"
#include "json/json.h"

static void
test_durations(void)
{
    static const struct {
        double seconds;
        const char *fine, *whole;
    } cases[] = {
        {-1, "0.0 s", "0 s"},          {0, "0.0 s", "0 s"},
        {1.54, "1.5 s", "1 s"},        {59.94, "59.9 s", "59 s"},
        {60, "01:00", "01:00"},        {130.9, "02:10", "02:10"},
        {3599, "59:59", "59:59"},      {3600, "1:00:00", "1:00:00"},
        {11045, "3:04:05", "3:04:05"}, {1e6, "277:46:40", "277:46:40"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) fine = g_string_new(NULL), whole = g_string_new(NULL);
        status_put_duration(fine, cases[i].seconds, TRUE);
        status_put_duration(whole, cases[i].seconds, FALSE);
        g_assert_cmpstr(fine->str, ==, cases[i].fine);
        g_assert_cmpstr(whole->str, ==, cases[i].whole);
    }
}

static void
test_values(void)
{
    static const char *const cases[][2] = {
        {"0.123456789", "0.12346"},
        {"1e-05", "1e-05"},
        {"12345678", "12345678"},
        {"true", "true"},
        {"null", "null"},
        {"[1, \"a\"]", "[1,\"a\"]"},
        {"\"plain\"", "plain"},
        {"\"a\\u001b[2Jb\\n\\u202e\"", "a\\x1b[2Jb\\n\\u202e"},
        {"{\"a\": {\"b\": 1}}", "{\"a\":{\"b\":1}}"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonNode) node = json_read(cases[i][0], strlen(cases[i][0]), 100, NULL);
        g_autofree char *text = status_value_text(node);
        g_assert_cmpstr(text, ==, cases[i][1]);
    }
    g_autofree char *none = status_value_text(NULL);
    g_assert_cmpstr(none, ==, "");
    g_autofree char *nan = status_number_text((double)NAN);
    g_assert_cmpstr(nan, ==, "-");
    g_autofree char *zero = status_number_text(0);
    g_assert_cmpstr(zero, ==, "0");
}

/* Of a branch what tells it from the others. */
static void
test_parameters(void)
{
    static const char *const cases[][2] = {
        {"{\"type\":\"sgd\",\"nesterov\":true}", "sgd"},
        {"{\"type\":\"sgd\",\"k\":1,\"nesterov\":true}", "{\"type\":\"sgd\",\"k\":1}"},
        {"{\"nesterov\":true}", "{}"},
        {"{\"deep\":{\"nesterov\":true}}", "{\"nesterov\":true}"},
        {"0.123456789", "0.12346"},
    };
    g_autoptr(PbxStatus) status = status_new();
    status->parameters = g_strsplit("opt opt.nesterov", " ", -1);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonNode) node = json_read(cases[i][0], strlen(cases[i][0]), 100, NULL);
        g_autofree char *text = status_parameter_text(status, "opt", node);
        g_assert_cmpstr(text, ==, cases[i][1]);
    }
}

static void
assert_sparkline(const double *values, guint n, int cells, gboolean utf8, const char *expected)
{
    g_autoptr(GString) out = g_string_new(NULL);
    status_put_sparkline(out, values, n, cells, utf8);
    g_assert_cmpstr(out->str, ==, expected);
}

static void
test_sparkline(void)
{
    const double up[] = {0, 1, 2, 3, 4, 5, 6, 7};
    const double flat[] = {5, 5, 5};
    const double wide[] = {1000000, 1000, 1}; /* by their logarithms */
    assert_sparkline(up, 8, 8, TRUE, "▁▂▃▄▅▆▇█");
    assert_sparkline(up, 8, 8, FALSE, "_.-=+*%#");
    assert_sparkline(up, 8, 4, FALSE, "_-+#"); /* the first and the last are there */
    assert_sparkline(up, 8, 100, FALSE, "_.-=+*%#");
    assert_sparkline(up, 8, 1, FALSE, "_");
    assert_sparkline(flat, 3, 8, FALSE, "___");
    assert_sparkline(wide, 3, 3, FALSE, "#+_");
    assert_sparkline(up, 0, 8, FALSE, "");
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/status/words/durations", test_durations);
    g_test_add_func("/status/words/values", test_values);
    g_test_add_func("/status/words/parameters", test_parameters);
    g_test_add_func("/status/words/sparkline", test_sparkline);
    return g_test_run();
}
