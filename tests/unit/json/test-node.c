/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies, equality, and the number that a node holds. */
#include <math.h>
#include <string.h>

#include "json/json.h"

static JsonNode *
read_text(const char *text)
{
    JsonNode *node = json_read(text, strlen(text), 64, NULL);
    g_assert_nonnull(node);
    return node;
}

static void
test_clone(void)
{
    static const char text[] = "{\"z\":[1,{\"y\":[null,true,\"s\",2.5]}],\"a\":{}}";
    g_autoptr(JsonNode) node = read_text(text);
    g_autoptr(JsonNode) copy = json_clone(node);
    g_assert_true(json_equal(node, copy));
    JsonArray *array = json_object_get_array_member(json_node_get_object(copy), "z");
    json_object_set_int_member(json_array_get_object_element(array, 1), "y", 0);
    json_array_add_int_element(array, 3);
    g_autofree char *left = json_to_text(node);
    g_assert_cmpstr(left, ==, text);
    g_autofree char *right = json_to_text(copy);
    g_assert_cmpstr(right, ==, "{\"z\":[1,{\"y\":0},3],\"a\":{}}");
}

static void
test_equal(void)
{
    static const struct {
        const char *a, *b;
        gboolean equal;
    } cases[] = {
        {"1", "1", TRUE},
        {"1", "1.0", FALSE},
        {"1", "\"1\"", FALSE},
        {"1", "true", FALSE},
        {"null", "false", FALSE},
        {"\"a\"", "\"a\"", TRUE},
        {"\"a\"", "\"b\"", FALSE},
        {"0.5", "5e-1", TRUE},
        {"[1,2]", "[1,2]", TRUE},
        {"[1,2]", "[2,1]", FALSE},
        {"[1]", "[1,1]", FALSE},
        {"{\"a\":1,\"b\":[2]}", "{\"b\":[2],\"a\":1}", TRUE},
        {"{\"a\":1}", "{\"a\":2}", FALSE},
        {"{\"a\":1}", "{\"b\":1}", FALSE},
        {"{\"a\":1}", "{\"a\":1,\"b\":1}", FALSE},
        {"{}", "[]", FALSE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonNode) a = read_text(cases[i].a);
        g_autoptr(JsonNode) b = read_text(cases[i].b);
        g_test_message("%s %s", cases[i].a, cases[i].b);
        g_assert_cmpint(json_equal(a, b), ==, cases[i].equal);
        g_assert_cmpint(json_equal(b, a), ==, cases[i].equal);
    }
}

static void
test_number(void)
{
    static const struct {
        const char *json;
        gboolean plain, texts;
        double value;
    } cases[] = {
        {"3", TRUE, TRUE, 3},
        {"-2.5", TRUE, TRUE, -2.5},
        {"true", TRUE, TRUE, 1},
        {"false", TRUE, TRUE, 0},
        {"\"Infinity\"", TRUE, TRUE, INFINITY},
        {"\"-Infinity\"", TRUE, TRUE, -INFINITY},
        {"\"0.25\"", FALSE, TRUE, 0.25},
        {"\" 1e-3\\n\"", FALSE, TRUE, 1e-3},
        {"\"+4\"", FALSE, TRUE, 4},
        {"\"\"", FALSE, FALSE, 0},
        {"\"0x10\"", FALSE, FALSE, 0},
        {"\"inf\"", FALSE, FALSE, 0},
        {"\"1 2\"", FALSE, FALSE, 0},
        {"\"1,5\"", FALSE, FALSE, 0},
        {"\"1e\"", FALSE, FALSE, 0},
        {"\"abc\"", FALSE, FALSE, 0},
        {"null", FALSE, FALSE, 0},
        {"[1]", FALSE, FALSE, 0},
        {"{}", FALSE, FALSE, 0},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        double value = -7;
        g_autoptr(JsonNode) node = read_text(cases[i].json);
        g_test_message("%s", cases[i].json);
        g_assert_cmpint(json_number(node, FALSE, &value), ==, cases[i].plain);
        g_assert_cmpfloat(value, ==, cases[i].plain ? cases[i].value : -7);
        g_assert_cmpint(json_number(node, TRUE, &value), ==, cases[i].texts);
        g_assert_cmpfloat(value, ==, cases[i].texts ? cases[i].value : -7);
    }
    double value = 0;
    g_autoptr(JsonNode) nan = read_text("NaN");
    g_assert_true(json_number(nan, FALSE, &value));
    g_assert_true(isnan(value));
    g_assert_false(json_number(NULL, TRUE, &value));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/node/clone-is-deep", test_clone);
    g_test_add_func("/json/node/equal", test_equal);
    g_test_add_func("/json/node/number", test_number);
    return g_test_run();
}
