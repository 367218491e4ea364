/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tolerant reader of what programs print. */
#include <string.h>

#include "json/json.h"

static void
test_reads(void)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        {" {\"a\" : [ 1 , 2.0 , \"x\" ] } \n", "{\"a\":[1,2.0,\"x\"]}"},
        {"[NaN, Infinity, -Infinity]", "[\"NaN\",\"Infinity\",\"-Infinity\"]"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"},
        {"[9223372036854775807,9223372036854775808,-9223372036854775808,-9223372036854775809]",
         "[9223372036854775807,9.223372036854776e+18,-9223372036854775808,"
         "-9.223372036854776e+18]"},
        {"[1e400,-1e400]", "[\"Infinity\",\"-Infinity\"]"},
        {"[0,-0,-0.0,1E2]", "[0,0,-0.0,100.0]"},
        {"\"\\u0041\\ud83d\\ude00\\n\\/\"", "\"A\xf0\x9f\x98\x80\\n/\""},
        {"\"\\ud800 \\udc00 \\u0000\"", "\"\xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd\""},
        {"\"a\xff\"", "\"a\xef\xbf\xbd\""},
        {"\"a\tb\"", "\"a\\tb\""},
        {"null", "null"},
        {"true", "true"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonNode) node = json_read(cases[i].text, strlen(cases[i].text), 64, &error);
        g_assert_no_error(error);
        g_autofree char *text = json_to_text(node);
        g_assert_cmpstr(text, ==, cases[i].json);
    }
    g_autoptr(JsonNode) nul = json_read("\"a\0b\"", 5, 64, NULL);
    g_assert_cmpstr(json_node_get_string(nul), ==,
                    "a\xef\xbf\xbd"
                    "b");
}

static void
test_refuses(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "the end where a value should be at character 1"},
        {"epoch 1", "no JSON value at character 1"},
        {"{\"a\":1} x", "text after the value at character 9"},
        {"[1,]", "no JSON value at character 4"},
        {"[1 2]", "expected ',' or ']' at character 4"},
        {"[1", "expected ',' or ']' at character 3"},
        {"{a:1}", "expected a key at character 2"},
        {"{\"a\" 1}", "expected ':' at character 6"},
        {"{\"a\":1", "expected ',' or '}' at character 7"},
        {"\"abc", "a string without an end at character 5"},
        {"\"\\x\"", "a bad escape at character 4"},
        {"\"\\", "a bad escape at character 3"},
        {"01", "a malformed number at character 3"},
        {"1.", "a malformed number at character 3"},
        {"1e", "a malformed number at character 3"},
        {"-", "a malformed number at character 2"},
        {"tru", "no JSON value at character 1"},
        {"nan", "no JSON value at character 1"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(json_read(cases[i].text, strlen(cases[i].text), 64, &error));
        g_assert_error(error, PBX_JSON_ERROR, PBX_JSON_ERROR_SYNTAX);
        g_assert_cmpstr(error->message, ==, cases[i].message);
    }
}

static void
test_nesting(void)
{
    g_autoptr(JsonNode) two = json_read("[[1]]", 5, 2, NULL);
    g_assert_nonnull(two);
    g_assert_null(json_read("[[1]]", 5, 1, NULL));
    g_autofree char *deep = g_strnfill(1000000, '[');
    g_assert_null(json_read(deep, 1000000, G_MAXUINT, NULL));
    g_autofree char *sides = g_strconcat("[[[1],[2]],", "[3]]", NULL);
    g_autoptr(JsonNode) three = json_read(sides, strlen(sides), 3, NULL);
    g_assert_nonnull(three); /* depth, not the number of containers */
}

/* Nothing behind `length` is looked at. */
static void
test_length(void)
{
    g_autoptr(JsonNode) node = json_read("123456", 3, 64, NULL);
    g_assert_cmpint(json_node_get_int(node), ==, 123);
    g_autoptr(JsonNode) real = json_read("1.2345e99", 4, 64, NULL);
    g_assert_cmpfloat(json_node_get_double(real), ==, 1.23);
    for (gsize n = 0; n < 22; n++) {
        g_autofree char *exact = g_memdup2("{\"a\":[1,\"\\u0041\",null]}", n);
        g_assert_null(json_read(exact != NULL ? exact : "", n, 64, NULL));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/read/reads-what-programs-print", test_reads);
    g_test_add_func("/json/read/refuses-what-is-not-json", test_refuses);
    g_test_add_func("/json/read/nesting-is-bounded", test_nesting);
    g_test_add_func("/json/read/keeps-to-its-length", test_length);
    return g_test_run();
}
