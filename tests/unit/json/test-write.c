/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Canonical text: shortest doubles, escaped strings, no spaces. */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "json/json.h"

/* Python's repr gives the same. */
static void
test_doubles(void)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1, "1.0"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1 / 3.0, "0.3333333333333333"},
        {1e-4, "0.0001"},
        {1e-5, "1e-05"},
        {-1.25e-7, "-1.25e-07"},
        {0.00012345, "0.00012345"},
        {123456.789, "123456.789"},
        {1e15, "1000000000000000.0"},
        {9999999999999998.0, "9999999999999998.0"},
        {1e16, "1e+16"},
        {1.2345678901234568e17, "1.2345678901234568e+17"},
        {1e22, "1e+22"},
        {1e23, "1e+23"},
        {9.5367431640625e-07, "9.5367431640625e-07"},
        {5e-324, "5e-324"},
        {2.225073858507201e-308, "2.225073858507201e-308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {-DBL_MAX, "-1.7976931348623157e+308"},
        {2251799813685248.5, "2251799813685248.5"},
        {9007199254740993.0, "9007199254740992.0"},
        {2e-44, "2e-44"},
        {7.2057594037927933e16, "7.205759403792794e+16"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        char buffer[32];
        json_format_double(cases[i].value, buffer);
        g_assert_cmpstr(buffer, ==, cases[i].text);
    }
}

/* All kinds of bits: reads back the same, and no fewer digits would. */
static void
test_doubles_read_back(void)
{
    g_autoptr(GRand) source = g_rand_new_with_seed(1);
    for (int i = 0; i < 100000; i++) {
        guint64 bits = (guint64)g_rand_int(source) << 32 | g_rand_int(source);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (i % 3 == 1)
            value = g_rand_double(source);
        if (i % 3 == 2)
            value = round(g_rand_double(source) * 1e6) / 1e6;
        if (!isfinite(value))
            continue;
        char buffer[32], shorter[40];
        json_format_double(value, buffer);
        g_assert_cmpfloat(g_ascii_strtod(buffer, NULL), ==, value);
        g_autoptr(JsonNode) node = json_read(buffer, strlen(buffer), 1, NULL);
        g_assert_cmpfloat(json_node_get_double(node), ==, value);
        int digits = 0;
        for (const char *p = buffer + strspn(buffer, "-0."); *p != '\0' && *p != 'e'; p++)
            digits += g_ascii_isdigit(*p) != 0;
        /* Whole values have a ".0" that is no digit of theirs. */
        if (digits == 17 && strstr(buffer, ".0") == NULL) {
            g_ascii_formatd(shorter, sizeof shorter, "%.16g", value);
            g_assert_cmpfloat(g_ascii_strtod(shorter, NULL), !=, value);
        }
    }
}

static void
test_not_finite(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    json_put_double(out, NAN);
    json_put_double(out, INFINITY);
    json_put_double(out, -INFINITY);
    g_assert_cmpstr(out->str, ==, "\"NaN\"\"Infinity\"\"-Infinity\"");
}

static void
test_strings(void)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"", "\"\""},
        {"abc", "\"abc\""},
        {"\"\\/\b\f\n\r\t", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
        {"\xc3\xa4\xf0\x9f\x98\x80", "\"\xc3\xa4\xf0\x9f\x98\x80\""},
        {"a\xff\xc3", "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* a surrogate in UTF-8 */
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        json_put_string(out, cases[i].text);
        g_assert_cmpstr(out->str, ==, cases[i].json);
    }
}

static void
test_nodes(void)
{
    static const char text[] = "{\"z\":[1,-9223372036854775808,2.5,\"s\",true,false,null,[],{}],"
                               "\"a\":{\"\\n\":0}}";
    g_autoptr(JsonNode) node = json_read(text, sizeof text - 1, 64, NULL);
    g_autofree char *got = json_to_text(node);
    g_assert_cmpstr(got, ==, text);
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/write/doubles-are-shortest", test_doubles);
    g_test_add_func("/json/write/doubles-read-back", test_doubles_read_back);
    g_test_add_func("/json/write/not-finite", test_not_finite);
    g_test_add_func("/json/write/strings", test_strings);
    g_test_add_func("/json/write/nodes-keep-their-order", test_nodes);
    return g_test_run();
}
