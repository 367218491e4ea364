/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Canonical texts looked at without a tree. */
#include <string.h>

#include "json/json.h"

static gboolean
is_compact(const char *text)
{
    return json_text_is_compact(text, strlen(text), 3);
}

static void
test_what_may_stand(void)
{
    static const char *const good[] = {
        "{}",
        "[]",
        "{\"a\":1}",
        "{\"a\":[1,-2.5e-07,1e+20,0,0.5],\"b\":{\"c\":null}}",
        "\"\\\"\\\\\\b\\f\\n\\r\\t/\"",
        "\"\xc3\xa4\"",
        "true",
        "false",
        "[[[1]]]",
        "-0.0",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(JsonNode) node = json_read(good[i], strlen(good[i]), 3, NULL);
        g_autofree char *shown = g_strescape(good[i], NULL);
        g_test_message("%s", shown);
        g_assert_true(is_compact(good[i]));
        /* It stands for what would be read. */
        g_autofree char *text = json_to_text(node);
        g_assert_cmpstr(text, ==, good[i]);
    }
}

static void
test_what_may_not(void)
{
    static const char *const bad[] = {
        "",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1",
        "[1,]",
        "[1",
        "[1 ]",
        "{\"a\": 1}",
        " 1",
        "1 ",
        "01",
        "1.",
        ".5",
        "1e",
        "-",
        "+1",
        "NaN",
        "Infinity",
        "-Infinity",
        "nul",
        "truth",
        "{a:1}",
        "\"a",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u0041\"",
        "\"\\/\"",
        "\"\n\"",
        "\"\xff\"",
        "\"\xc3\"",
        "[[[[1]]]]",
        "{\"a\":1}}",
        "{\"a\":1]",
        "[1}",
        "1 2",
        "{\"a\":1}\n",
        "{\"a\",\"b\"}",
        "{\"a\":1:2}",
        "{,}",
        "[,]",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *shown = g_strescape(bad[i], NULL);
        g_test_message("%s", shown);
        g_assert_false(is_compact(bad[i]));
    }
    g_assert_false(json_text_is_compact("\"a\0b\"", 5, 3));
}

static void
assert_member(const char *object, const char *key, const char *expected)
{
    gsize length = 0;
    const char *value = json_text_member(object, key, &length);
    g_autofree char *text = value != NULL ? g_strndup(value, length) : NULL;
    g_assert_cmpstr(text, ==, expected);
}

static void
test_members(void)
{
    const char *object =
        "{\"a\":1,\"ab\":{\"b\":\"}\\\"\",\"c\":[2]},\"eval/loss\":-3.5,\"z\":\"x\"}";
    assert_member(object, "a", "1");
    assert_member(object, "ab", "{\"b\":\"}\\\"\",\"c\":[2]}");
    assert_member(object, "eval/loss", "-3.5");
    assert_member(object, "z", "\"x\"");
    assert_member(object, "b", NULL);
    assert_member(object, "", NULL);
    assert_member("{}", "a", NULL);
    assert_member("[1]", "a", NULL);
    assert_member("{\"a\"", "a", NULL);
}

static void
test_numbers(void)
{
    double value = 0;
    gint64 whole = 0;
    g_assert_true(json_text_number("-2.5,", 4, &value));
    g_assert_cmpfloat(value, ==, -2.5);
    g_assert_true(json_text_number("17", 2, &value));
    g_assert_cmpfloat(value, ==, 17);
    g_assert_false(json_text_number("\"1\"", 3, &value));
    g_assert_false(json_text_number("true", 4, &value));
    g_assert_false(json_text_number("", 0, &value));
    g_assert_true(json_text_int("-9223372036854775808", 20, &whole));
    g_assert_cmpint(whole, ==, G_MININT64);
    g_assert_false(json_text_int("9223372036854775808", 19, &whole));
    g_assert_true(json_text_int("0", 1, &whole));
    g_assert_cmpint(whole, ==, 0);
    g_assert_false(json_text_int("01", 2, &whole));
    g_assert_false(json_text_int("-01", 3, &whole));
    g_assert_false(json_text_int("1.0", 3, &whole));
    g_assert_false(json_text_int("-", 1, &whole));
    g_assert_false(json_text_int("", 0, &whole));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/compact/what-may-stand", test_what_may_stand);
    g_test_add_func("/json/compact/what-may-not", test_what_may_not);
    g_test_add_func("/json/compact/members", test_members);
    g_test_add_func("/json/compact/numbers", test_numbers);
    return g_test_run();
}
