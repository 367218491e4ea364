/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The strict scanner: what it takes, and each of its messages with its place. */
#include <locale.h>
#include <string.h>

#include "json/json.h"

typedef struct {
    const char *text, *problems;
} PbxCase;

static char *
problems_of(const char *text, gsize length, PbxDocFlags flags)
{
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc = doc_parse("f", text, length, flags, problems);
    if (doc == NULL)
        g_assert_cmpuint(problems_count(problems), >, 0);
    return problems_format(problems);
}

static void
check(const PbxCase *cases, gsize n)
{
    for (gsize i = 0; i < n; i++) {
        g_autofree char *got = problems_of(cases[i].text, strlen(cases[i].text), DOC_COMMENTS);
        g_autofree char *want = g_strconcat(cases[i].problems, "\n", NULL);
        g_assert_cmpstr(got, ==, want);
    }
}

static void
test_good(void)
{
    static const PbxCase cases[] = {
        {"{}", "{}"},
        {" [ ] ", "[]"},
        {"\"x\"", "\"x\""},
        {"[true,false,null]", "[true,false,null]"},
        {"[0,-0,1,-1,10]", "[0,0,1,-1,10]"},
        {"[9223372036854775807,-9223372036854775808]",
         "[9223372036854775807,-9223372036854775808]"},
        {"[0.5,-0.0,1e5,1E+2,1.25e-2]", "[0.5,-0.0,100000.0,100.0,0.0125]"},
        {"[1.7976931348623157e308,5e-324]", "[1.7976931348623157e+308,5e-324]"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {"\"\\u0041\\u00e4\\ud83d\\ude00\"", "\"A\xc3\xa4\xf0\x9f\x98\x80\""},
        {"{\"b\":1,\"a\":{\"b\":2}}", "{\"b\":1,\"a\":{\"b\":2}}"},
        {"{\"\":1}", "{\"\":1}"},
        {"\xef\xbb\xbf[1]", "[1]"},
        {"\r\n\t[1]\r\n", "[1]"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(PbxProblems) problems = problems_new();
        g_autoptr(PbxDoc) doc =
            doc_parse("f", cases[i].text, strlen(cases[i].text), DOC_PLAIN, problems);
        g_autofree char *told = problems_format(problems);
        g_assert_cmpstr(told, ==, "");
        g_autofree char *text = json_to_text(doc_root(doc));
        g_assert_cmpstr(text, ==, cases[i].problems);
    }
}

static void
test_commas_and_brackets(void)
{
    static const PbxCase cases[] = {
        {"{\"a\":1,}", "f:1:7: a comma before '}': remove it"},
        {"[1, 2,\n]", "f:1:6: a comma before ']': remove it"},
        {"{\"a\":1 \"b\":2}", "f:1:8: a comma is missing before this"},
        {"[1 2]", "f:1:4: a comma is missing before this"},
        {"[[1] [2]]", "f:1:6: a comma is missing before this"},
        {"[1,,2]", "f:1:4: expected a value, found ','"},
        {"[,1]", "f:1:2: expected a value, found ','"},
        {"{,}", "f:1:2: expected a key in double quotes, found ','"},
        {"[1;2]", "f:1:3: expected ',' or ']', found ';'"},
        {"{\"a\":1\n", "f:2:1: the '{' of 1:1 is not closed: a '}' is missing"},
        {"[\n [1", "f:2:4: the '[' of 2:2 is not closed: a ']' is missing"},
        {"{\"a\":[1}", "f:1:8: expected ',' or ']' for the '[' of 1:6, found '}'"},
        {"[1]]", "f:1:4: ']' after the end of the document"},
        {"{} {}", "f:1:4: '{' after the end of the document"},
        {"{\"a\" 1}", "f:1:6: expected ':' after the key \"a\", found '1'"},
        {"{\"a\"", "f:1:5: expected ':' after the key \"a\", found the end of the file"},
        {"{\"a\":}", "f:1:6: expected a value, found '}'"},
        {"", "f:1:1: there is no JSON value: the text is empty"},
        {" \n ", "f:1:1: there is no JSON value: the text is empty"},
    };
    check(cases, G_N_ELEMENTS(cases));
}

static void
test_quotes_and_words(void)
{
    static const PbxCase cases[] = {
        {"{'a':1}", "f:1:2: a key stands in double quotes, not in single ones"},
        {"['a']", "f:1:2: a text stands in double quotes, not in single ones"},
        {"{lr:1}", "f:1:2: the key lr needs double quotes: \"lr\""},
        {"{$uniform:[1,2]}", "f:1:2: the key $uniform needs double quotes: \"$uniform\""},
        {"[NaN]", "f:1:2: NaN is not JSON: write the string \"NaN\""},
        {"[-Infinity]",
         "f:1:3: Infinity is not JSON: write the string \"Infinity\" or \"-Infinity\""},
        {"[True]", "f:1:2: True is not JSON: write true"},
        {"[None]", "f:1:2: None is not JSON: write null"},
        {"[adam]", "f:1:2: unknown word 'adam': a text needs double quotes"},
        {"[truely]", "f:1:2: unknown word 'truely': a text needs double quotes"},
        {"[-true]", "f:1:3: unknown word 'true': a text needs double quotes"},
        {"[=]", "f:1:2: expected a value, found '='"},
    };
    check(cases, G_N_ELEMENTS(cases));
}

static void
test_strings(void)
{
    static const PbxCase cases[] = {
        {"[\"abc", "f:1:2: this string is not closed: a '\"' is missing"},
        {"[\"abc\n\"]", "f:1:2: this string is not closed on its line: a '\"' is missing, or "
                        "write \\n for a line break"},
        {"[\"a\tb\"]", "f:1:4: a tab in a string: write \\t"},
        {"[\"\x01\"]", "f:1:3: a control character in a string: write \\u0001"},
        {"[\"C:\\dir\"]", "f:1:5: a backslash before 'd': a backslash itself is written \\\\"},
        {"[\"\\", "f:1:3: a backslash before the end of the file: a backslash itself is "
                  "written \\\\"},
        {"[\"\\u12g4\"]", "f:1:3: \\u needs four hexadecimal digits"},
        {"[\"\\u12", "f:1:3: \\u needs four hexadecimal digits"},
        {"[\"\\ud800\", \"\\udc00\"]", "f:1:3: \\ud800 is half of a surrogate pair, no character\n"
                                       "f:1:13: \\udc00 is half of a surrogate pair, no character"},
        {"[\"\\ud800\\u0041\"]", "f:1:3: \\ud800 is half of a surrogate pair, no character"},
        {"[\"\\u0000\"]", "f:1:3: \\u0000 cannot stand in a string"},
        {"[\"\xff\"]", "f:1:3: the byte 0xff is not UTF-8: save the file as UTF-8"},
    };
    check(cases, G_N_ELEMENTS(cases));
    g_autofree char *nul = problems_of("[1,\0]", 5, DOC_PLAIN);
    g_assert_cmpstr(nul, ==, "f:1:4: a NUL byte: the file is to be JSON in UTF-8\n");
}

static void
test_numbers(void)
{
    static const PbxCase cases[] = {
        {"[01]", "f:1:2: a number has no leading zeros"},
        {"[-01]", "f:1:2: a number has no leading zeros"},
        {"[.5]", "f:1:2: a number needs a digit before its point: write 0.5, not .5"},
        {"[-.5]", "f:1:2: a number needs a digit before its point: write 0.5, not .5"},
        {"[1.]", "f:1:2: a number needs a digit after its point"},
        {"[1e]", "f:1:2: a number needs a digit in its exponent"},
        {"[1e+]", "f:1:2: a number needs a digit in its exponent"},
        {"[+1]", "f:1:2: a number may not begin with '+'"},
        {"[-]", "f:1:2: a number needs a digit after its '-'"},
        {"[0x10]", "f:1:2: a number with letters in it: a text needs double quotes"},
        {"[9223372036854775808]", "f:1:2: 9223372036854775808 does not fit 64 bits"},
        {"[-9223372036854775809]", "f:1:2: -9223372036854775809 does not fit 64 bits"},
        {"[1e400]", "f:1:2: 1e400 does not fit a double"},
        {"[18446744073709551616, 99999999999999999999]",
         "f:1:2: 18446744073709551616 does not fit 64 bits\n"
         "f:1:24: 99999999999999999999 does not fit 64 bits"},
    };
    check(cases, G_N_ELEMENTS(cases));
}

static void
test_duplicates(void)
{
    static const PbxCase cases[] = {
        {"{\"a\":1,\n \"a\":2, \"a\":3}",
         "f:2:2: duplicate key 'a' (first at 1:2)\nf:2:9: duplicate key 'a' (first at 1:2)"},
        {"{\"a\":1,\"\\u0061\":2}", "f:1:8: duplicate key 'a' (first at 1:2)"},
        {"{\"a\":1,\"a\":2", "f:1:8: duplicate key 'a' (first at 1:2)\n"
                             "f:1:13: the '{' of 1:1 is not closed: a '}' is missing"},
    };
    check(cases, G_N_ELEMENTS(cases));
    /* The document is still there for further checks. */
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc = doc_parse("f", "{\"a\":1,\"a\":2}", 13, DOC_PLAIN, problems);
    g_autofree char *text = json_to_text(doc_root(doc));
    g_assert_cmpstr(text, ==, "{\"a\":2}");
    g_assert_cmpint(problems_status(problems), ==, 2);
}

static void
test_comments(void)
{
    static const char text[] = "// one\n{ /* two */ \"a\": \"// no /* no */\", // \"three\"\n"
                               "\"b\": /* * / ** */ 2 /**/ } // four";
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc = doc_parse("f", text, sizeof text - 1, DOC_COMMENTS, problems);
    g_assert_cmpuint(problems_count(problems), ==, 0);
    g_autofree char *got = json_to_text(doc_root(doc));
    g_assert_cmpstr(got, ==, "{\"a\":\"// no /* no */\",\"b\":2}");
    g_autofree char *plain = problems_of("[1] // x", 8, DOC_PLAIN);
    g_assert_cmpstr(plain, ==, "f:1:5: comments are not allowed here\n");
    static const PbxCase cases[] = {
        {"[1] /* x", "f:1:5: this comment is not closed: a '*/' is missing"},
        {"[1] /*/", "f:1:5: this comment is not closed: a '*/' is missing"},
        {"[1] /", "f:1:5: a lone '/'"},
        {"# x\n[1]", "f:1:1: a comment begins with //, not #"},
        {"// x\n/* y\n */ [1,]", "f:3:7: a comma before ']': remove it"},
    };
    check(cases, G_N_ELEMENTS(cases));
}

static void
test_nesting(void)
{
    g_autofree char *deep = g_strnfill(10000, '[');
    g_autofree char *told = problems_of(deep, 10000, DOC_PLAIN);
    g_assert_cmpstr(told, ==, "f:1:513: nested deeper than 512 levels\n");
    memset(deep + 512, ']', 512);
    g_autofree char *good = problems_of(deep, 1024, DOC_PLAIN);
    g_assert_cmpstr(good, ==, "");
    g_autoptr(GString) objects = g_string_new(NULL);
    for (int i = 0; i < 600; i++)
        g_string_append(objects, "{\"a\":");
    g_autofree char *bad = problems_of(objects->str, objects->len, DOC_PLAIN);
    g_assert_cmpstr(bad, ==, "f:1:2561: nested deeper than 512 levels\n");
}

static void
test_columns_count_characters(void)
{
    static const PbxCase cases[] = {
        {"[\"\xc3\xa4\xf0\x9f\x98\x80\", x]",
         "f:1:8: unknown word 'x': a text needs double quotes"},
        {"[\"\xc3\xa4\"\n,\r\n  x]", "f:3:3: unknown word 'x': a text needs double quotes"},
        {"\xef\xbb\xbf[x]", "f:1:2: unknown word 'x': a text needs double quotes"},
        {"[\xe2\x82\xac]", "f:1:2: unknown word '\xe2\x82\xac': a text needs double quotes"},
    };
    check(cases, G_N_ELEMENTS(cases));
}

/* A column is counted on from the last one: a long line is no square of its length. */
static void
test_long_line(void)
{
    g_autoptr(GString) text = g_string_new("[");
    for (int i = 0; i < 200000; i++)
        g_string_append(text, "[],");
    g_string_append(text, "0]");
    g_autofree char *told = problems_of(text->str, text->len, DOC_PLAIN);
    g_assert_cmpstr(told, ==, "");
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/scan/takes-what-is-json", test_good);
    g_test_add_func("/json/scan/commas-and-brackets", test_commas_and_brackets);
    g_test_add_func("/json/scan/quotes-and-words", test_quotes_and_words);
    g_test_add_func("/json/scan/strings", test_strings);
    g_test_add_func("/json/scan/numbers", test_numbers);
    g_test_add_func("/json/scan/duplicate-keys-are-all-told", test_duplicates);
    g_test_add_func("/json/scan/comments-where-allowed", test_comments);
    g_test_add_func("/json/scan/nesting-is-bounded", test_nesting);
    g_test_add_func("/json/scan/columns-count-characters", test_columns_count_characters);
    g_test_add_func("/json/scan/long-line", test_long_line);
    return g_test_run();
}
