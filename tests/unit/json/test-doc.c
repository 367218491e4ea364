/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Documents: the place of each value, and values set from outside. */
#include <string.h>

#include "json/json.h"

static PbxDoc *
parse(const char *text)
{
    g_autoptr(PbxProblems) problems = problems_new();
    PbxDoc *doc = doc_parse("exp.json", text, strlen(text), DOC_COMMENTS, problems);
    g_assert_cmpuint(problems_count(problems), ==, 0);
    return doc;
}

static void
assert_place(const PbxDoc *doc, const char *pointer, guint line, guint column)
{
    guint got_line = 99, got_column = 99;
    doc_position(doc, pointer, &got_line, &got_column);
    g_assert_cmpuint(got_line, ==, line);
    g_assert_cmpuint(got_column, ==, column);
}

static void
test_positions(void)
{
    g_autoptr(PbxDoc) doc = parse("{\n  \"config\": {\"lr\": 0.1, \"a/b~\": [10,\n 20]},\n"
                                  "  \"x\": null\n}");
    g_assert_cmpstr(doc_name(doc), ==, "exp.json");
    assert_place(doc, "", 1, 1);
    assert_place(doc, "/config", 2, 13);
    assert_place(doc, "/config/lr", 2, 20);
    assert_place(doc, "/config/a~1b~0", 2, 33);
    assert_place(doc, "/config/a~1b~0/0", 2, 34);
    assert_place(doc, "/config/a~1b~0/1", 3, 2);
    assert_place(doc, "/x", 4, 8);
    /* What is not there has the place of its nearest ancestor. */
    assert_place(doc, "/config/momentum", 2, 13);
    assert_place(doc, "/config/a~1b~0/2/x", 2, 33);
    assert_place(doc, "/config/lr/x", 2, 20);
    assert_place(doc, "/nothing", 1, 1);
}

static void
set(PbxDoc *doc, const char *path, const char *json)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) value = json_read(json, strlen(json), 64, NULL);
    gboolean good = doc_set(doc, path, value, "--set", &error);
    g_assert_no_error(error);
    g_assert_true(good);
}

static void
assert_text(const PbxDoc *doc, const char *want)
{
    g_autofree char *text = json_to_text(doc_root(doc));
    g_assert_cmpstr(text, ==, want);
}

static void
test_set(void)
{
    g_autoptr(PbxDoc) doc = parse("{\"config\":{\"layers\":[1,2],\"a.b\":3}}");
    set(doc, "num_samples", "7");
    set(doc, "search.seed", "1");
    set(doc, "config.layers[1]", "{\"x\":[4]}");
    set(doc, "config.layers[0]", "\"s\"");
    set(doc, "config.layers[1].x[0]", "null");
    set(doc, "config.a.b", "5");
    set(doc, "config.\"c.d\".e", "true");
    assert_text(doc, "{\"config\":{\"layers\":[\"s\",{\"x\":[null]}],\"a.b\":5,"
                     "\"c.d\":{\"e\":true}},\"num_samples\":7,\"search\":{\"seed\":1}}");
}

static void
test_set_replaces_a_subtree(void)
{
    g_autoptr(PbxDoc) doc = parse("{\"config\":{\"lr\":{\"$uniform\":[0,1]}}}");
    g_autoptr(PbxProblems) problems = problems_new();
    set(doc, "config.lr", "{\"$uniform\":[1]}");
    problems_add(problems, doc, "/config/lr/$uniform/0", "bad");
    problems_add(problems, doc, "/config", "worse");
    g_autofree char *told = problems_format(problems);
    g_assert_cmpstr(told, ==, "--set: config.lr.$uniform[0]: bad\nexp.json:1:11: config: worse\n");
    assert_place(doc, "/config/lr", 0, 0);
}

static void
test_set_copies(void)
{
    g_autoptr(PbxDoc) doc = parse("{\"a\":[0]}");
    g_autoptr(JsonNode) value = json_read("{\"k\":[1]}", 9, 64, NULL);
    g_assert_true(doc_set(doc, "b", value, "--set", NULL));
    g_assert_true(doc_set(doc, "a[0]", value, "--set", NULL));
    json_object_set_int_member(json_node_get_object(value), "k", 2);
    assert_text(doc, "{\"a\":[{\"k\":[1]}],\"b\":{\"k\":[1]}}");
}

static void
test_set_errors(void)
{
    static const struct {
        const char *path, *message;
    } cases[] = {
        {"a[2]", "a[2]: there is no item [2]: the array has 2"},
        {"a[2].x", "a[2].x: there is no item [2]: the array has 2"},
        {"a.x", "a.x: there is no item [x]: the array has 2"},
        {"s.seed", "s.seed: there is \"tpe\" where an object with 'seed' would have to be"},
        {"s.a.b", "s.a.b: there is \"tpe\" where an object with 'a' would have to be"},
        {"", ": no path; one looks like search.seed or config.layers[1]"},
        {"a..b", "a..b: no path; one looks like search.seed or config.layers[1]"},
        {"a[1", "a[1: no path; one looks like search.seed or config.layers[1]"},
        {"x.\"y", "x.\"y: no path; one looks like search.seed or config.layers[1]"},
    };
    g_autoptr(JsonNode) value = json_read("1", 1, 64, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(PbxDoc) doc = parse("{\"a\":[1,2],\"s\":\"tpe\"}");
        g_autoptr(GError) error = NULL;
        g_assert_false(doc_set(doc, cases[i].path, value, "--set", &error));
        g_assert_error(error, PBX_JSON_ERROR, PBX_JSON_ERROR_PATH);
        g_assert_cmpstr(error->message, ==, cases[i].message);
        assert_text(doc, "{\"a\":[1,2],\"s\":\"tpe\"}");
    }
}

static void
test_without_a_text(void)
{
    g_autoptr(JsonNode) root = json_read("{\"a\":{}}", 8, 64, NULL);
    g_autoptr(PbxDoc) doc = doc_new_for_node("command line", root);
    g_autoptr(PbxProblems) problems = problems_new();
    problems_add(problems, doc, "/a/b", "bad");
    set(doc, "a.b", "1");
    problems_add(problems, doc, "/a/b", "bad");
    g_autofree char *told = problems_format(problems);
    g_assert_cmpstr(told, ==, "command line: a.b: bad\n--set: a.b: bad\n");
    g_assert_true(doc_root(doc) == root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/doc/positions", test_positions);
    g_test_add_func("/json/doc/set-makes-its-way", test_set);
    g_test_add_func("/json/doc/set-replaces-a-subtree", test_set_replaces_a_subtree);
    g_test_add_func("/json/doc/set-copies-its-value", test_set_copies);
    g_test_add_func("/json/doc/set-errors-change-nothing", test_set_errors);
    g_test_add_func("/json/doc/a-document-without-a-text", test_without_a_text);
    return g_test_run();
}
