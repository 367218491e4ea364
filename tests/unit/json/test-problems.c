/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Problems: their order, their lines, their status; "did you mean". */
#include <string.h>

#include "json/json.h"

static void
test_order(void)
{
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc = doc_parse("f", "{\"a\":1,\n\"b\":[2,3]}", 18, DOC_PLAIN, problems);
    g_assert_nonnull(doc);
    problems_add(problems, doc, "/b/1", "third");
    problems_add(problems, doc, "/b/0", "second %d", 2);
    problems_hint(problems, "a hint for %s", "it");
    problems_add(problems, doc, "/a", "first");
    problems_add(problems, doc, "/a", "first again");
    problems_add(problems, doc, "", "of the whole");
    problems_add_at(problems, doc, 7, 3, "last");
    problems_add(problems, NULL, NULL, "nowhere");
    problems_add(problems, NULL, "/x", "nowhere, with a path");
    g_autofree char *told = problems_format(problems);
    g_assert_cmpstr(told, ==,
                    "f:1:1: of the whole\nf:1:6: a: first\nf:1:6: a: first again\n"
                    "f:2:6: b[0]: second 2\nhint: a hint for it\nf:2:8: b[1]: third\n"
                    "f:7:3: last\nnowhere\nx: nowhere, with a path\n");
}

static void
test_escaped(void)
{
    g_autoptr(PbxProblems) problems = problems_new();
    problems_add(problems, NULL, NULL, "a\nb\tc\rd\x1b[31m\x7f\xc2\x9b \xc3\xa4 \xff");
    problems_hint(problems, "\a");
    g_autofree char *told = problems_format(problems);
    g_assert_cmpstr(told, ==, "a\\nb\\tc\\rd\\x1b[31m\\x7f\\x9b \xc3\xa4 \\xff\nhint: \\x07\n");
}

static void
test_status(void)
{
    g_autoptr(PbxProblems) problems = problems_new();
    problems_hint(problems, "without a problem: nothing happens");
    problems_set_status(problems, 3);
    g_assert_cmpint(problems_status(problems), ==, 0);
    problems_add(problems, NULL, NULL, "a broken plugin");
    problems_set_status(problems, 3);
    g_assert_cmpint(problems_status(problems), ==, 3);
    problems_add(problems, NULL, NULL, "a misspelt key");
    g_assert_cmpint(problems_status(problems), ==, 2);
}

static void
test_did_you_mean(void)
{
    static const char *const names[] = {"metric", "mode", "num_samples", "lr", NULL};
    g_assert_cmpstr(json_did_you_mean("metirc", names), ==, "metric"); /* a swap is one step */
    g_assert_cmpstr(json_did_you_mean("metrics", names), ==, "metric");
    g_assert_cmpstr(json_did_you_mean("nmu_sample", names), ==, "num_samples");
    g_assert_cmpstr(json_did_you_mean("mod", names), ==, "mode");
    g_assert_cmpstr(json_did_you_mean("rl", names), ==, "lr");
    g_assert_null(json_did_you_mean("xy", names)); /* shares nothing */
    g_assert_null(json_did_you_mean("scheduler", names));
    g_assert_null(json_did_you_mean("", names));
    g_autofree char *lengthy = g_strnfill(1000, 'm');
    g_assert_null(json_did_you_mean(lengthy, names));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/problems/in-the-order-of-places", test_order);
    g_test_add_func("/json/problems/control-characters-are-escaped", test_escaped);
    g_test_add_func("/json/problems/status", test_status);
    g_test_add_func("/json/problems/did-you-mean", test_did_you_mean);
    return g_test_run();
}
