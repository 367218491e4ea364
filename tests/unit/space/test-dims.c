/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a config becomes dimensions: conditions, names, folding, and what is no space. */
#include "space-test.h"

#define OPTIMIZERS                                                                                 \
    "{\"optimizer\": {\"$choice\": ["                                                              \
    "{\"type\": \"sgd\", \"nesterov\": {\"$choice\": [true, false]}, \"lr\": {\"$uniform\": 1}},"  \
    "{\"type\": \"adam\", \"lr\": {\"$loguniform\": [1e-9, 1e-6]}}]}, \"epochs\": 20}"

/* "NAME PARENT CHOICE FLAGS" of each dim. */
static char *
dims_text(const TestSpace *test)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < space_n_dims(test->space); i++) {
        const pbx_dim *dim = test_dim(test, i);
        g_string_append_printf(text, "%s%s", i > 0 ? "; " : "", dim->name);
        if (dim->parent >= 0)
            g_string_append_printf(text, " in %s=%u", test_dim(test, (guint)dim->parent)->name,
                                   dim->parent_choice);
        if ((dim->flags & PBX_DIM_GRID) != 0)
            g_string_append(text, " grid");
        if ((dim->flags & PBX_DIM_ORDERED) != 0)
            g_string_append(text, " ordered");
    }
    return g_string_free(text, FALSE);
}

static const char *const flattened[][2] = {
    {"{}", ""},
    {"{\"a\": 1, \"b\": [1, {\"c\": null}]}", ""},
    {"{\"b\": {\"$uniform\": 1}, \"a\": {\"$randint\": 3}}", "b; a"},
    {"{\"x\": {\"y\": {\"$randn\": []}, \"z\": [1, {\"$randint\": 9}]}}", "x.y; x.z[1]"},
    {"{\"a.b\": {\"$randint\": 9}, \"a\": {\"b\": {\"$randint\": 9}}}", "\"a.b\"; a.b"},
    {"{\"7\": {\"$randint\": 9}}", "7"},
    /* One value is none. */
    {"{\"a\": {\"$randint\": [5, 6]}, \"b\": {\"$choice\": [3]}, \"c\": {\"$lograndint\": [1, 2]}}",
     ""},
    {"{\"g\": {\"$grid_search\": [3]}}", ""},
    {"{\"a\": {\"$choice\": [{\"b\": {\"$uniform\": 1}}]}}", "a.b"},
    {"{\"a\": {\"$choice\": [{\"$choice\": [1, {\"$uniform\": 1}]}]}}", "a; a[1] in a=1"},
    /* Conditions. */
    {OPTIMIZERS, "optimizer; optimizer.nesterov in optimizer=0; "
                 "optimizer[sgd].lr in optimizer=0; optimizer[adam].lr in optimizer=1"},
    {"{\"a\": {\"$choice\": [{\"x\": {\"$uniform\": 1}}, {\"x\": {\"$uniform\": 2}}]}}",
     "a; a[0].x in a=0; a[1].x in a=1"},
    {"{\"a\": {\"$choice\": [{\"type\": \"s\", \"x\": {\"$uniform\": 1}},"
     "{\"type\": \"s\", \"x\": {\"$uniform\": 2}}]}}",
     "a; a[0].x in a=0; a[1].x in a=1"},
    {"{\"a\": {\"$choice\": [{\"name\": \"p\", \"x\": {\"$choice\": [{\"kind\": \"u\", \"y\": "
     "{\"$uniform\": 1}}, {\"kind\": \"v\", \"y\": {\"$uniform\": 1}}]}}, null]}}",
     "a; a.x in a=0; a[p].x[u].y in a.x=0; a[p].x[v].y in a.x=1"},
    {"{\"a\": [{\"$choice\": [{\"x\": {\"$randint\": 3}}, 1]}, {\"$choice\": [{\"x\": "
     "{\"$randint\": 3}}, 1]}]}",
     "a[0]; a[0].x in a[0]=0; a[1]; a[1].x in a[1]=0"},
    /* Flags. */
    {"{\"a\": {\"$choice\": [1, 2.5, 3]}, \"b\": {\"$choice\": [1, 1]}, \"c\": {\"$choice\": [1, "
     "\"2\"]}, \"d\": {\"$choice\": [{\"$literal\": 1}, 2]}, \"e\": {\"$choice\": [false, true]}}",
     "a ordered; b; c; d ordered; e"},
    {"{\"a\": {\"$grid_search\": [2, 1]}}", "a grid"},
    {"{\"a\": {\"$grid_search\": [{\"b\": {\"$grid_search\": [\"x\", \"y\"]}}, 1]}}",
     "a grid; a.b in a=0 grid"},
    /* A grid that a draw may leave out cannot be counted. */
    {"{\"a\": {\"$choice\": [{\"b\": {\"$grid_search\": [\"x\", \"y\"]}}, 1]}}", "a; a.b in a=0"},
    {"{\"a\": {\"$sample_from\": \"1\"}, \"b\": {\"$literal\": {\"$uniform\": [1, 2]}}}", ""},
};

static void
test_flattened(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(flattened); i++) {
        g_autoptr(TestSpace) test = test_space(flattened[i][0]);
        g_autofree char *text = dims_text(test);
        g_assert_cmpstr(text, ==, flattened[i][1]);
    }
}

static void
test_choices(void)
{
    g_autoptr(TestSpace) test = test_space("{\"a\": {\"$choice\": [1, \"x\", {\"$literal\": "
                                           "{\"$y\": 1}}, {\"b\": {\"$uniform\": 1}}]}}");
    const pbx_dim *dim = test_dim(test, 0);
    g_assert_cmpuint(dim->n_choices, ==, 4);
    g_autofree char *text = json_to_text((JsonNode *)dim->choices);
    g_assert_cmpstr(text, ==, "[1,\"x\",{\"$y\":1},{\"b\":{\"$uniform\":1}}]");
    g_assert_cmpstr(space_dim_pointer(test->space, 1), ==, "/config/a/$choice/3/b");
}

static void
test_activity(void)
{
    g_autoptr(TestSpace) test = test_space(OPTIMIZERS);
    double sgd[] = {0, 1, 0.5, NAN}, adam[] = {1, 0, 0.5, 1e-8};
    const gboolean want[2][4] = {{TRUE, TRUE, TRUE, FALSE}, {TRUE, FALSE, FALSE, TRUE}};
    for (guint i = 0; i < 4; i++) {
        g_assert_cmpint(space_active(test->space, sgd, i), ==, want[0][i]);
        g_assert_cmpint(space_active(test->space, adam, i), ==, want[1][i]);
    }
}

static void
test_inactive_below_inactive(void)
{
    g_autoptr(TestSpace) test = test_space(
        "{\"a\": {\"$choice\": [{\"b\": {\"$choice\": [{\"c\": {\"$uniform\": 1}}, 2]}}, 3]}}");
    double x[] = {1, 0, 0.5}; /* b is not there, whatever it says */
    g_assert_false(space_active(test->space, x, 2));
}

static void
test_parameters(void)
{
    g_autoptr(TestSpace) test = test_space(
        "{\"a\": 1, \"b.c\": {\"d\": [{\"$uniform\": 1}, {\"e\": null}]}, \"f\": {\"$choice\": "
        "[{\"g\": 1}, {\"h\": {\"$uniform\": 1}}]}, \"i\": {\"$sample_from\": \"1\"}}");
    const char *const want[] = {
        "a",          "b.c", "\"b.c\"", "b.c.d", "b.c.d[0]", "\"b.c\".d[1].e",
        "b.c.d[1].e", "f",   "f.g",     "f.h",   "i"};
    GHashTable *parameters = space_parameters(test->space);
    for (gsize i = 0; i < G_N_ELEMENTS(want); i++)
        if (!g_hash_table_contains(parameters, want[i]))
            g_error("%s is no parameter", want[i]);
    g_assert_false(g_hash_table_contains(parameters, ""));
    g_assert_false(g_hash_table_contains(parameters, "g"));
    g_autofree char *varied = g_strjoinv(" ", (char **)space_varied(test->space));
    g_assert_cmpstr(varied, ==, "\"b.c\".d[0] f f.h i");
}

static const char *const wrong[][2] = {
    {"5", "config: must be an object of parameters, got 5"},
    {"{\"$uniform\": [0, 1]}",
     "config: $uniform cannot be the whole of it: parameters have names; put it under one"},
    {"{\"a\": {\"$unifrom\": [0, 1]}}",
     "config.a: there is no operator $unifrom; did you mean $uniform?"},
    {"{\"a\": {\"$frobnicate\": 1}}", "config.a: there is no operator $frobnicate\n"
                                      "hint: {\"$literal\": {...}} takes an object as it stands"},
    {"{\"a\": {\"$uniform\": [0, 1], \"b\": 1}}",
     "config.a: $uniform must be the only key of its object"},
    {"{\"a\": {\"b\": 1, \"$foo\": 1}}",
     "config.a: there is no operator $foo\n"
     "hint: {\"$literal\": {...}} takes an object as it stands"},
    {"{\"a\": {\"\": [1e-5, 1e-1]}}",
     "config.a: an empty key stands where an operator's name is expected\n"
     "hint: in an unquoted here-document the shell takes $uniform for a variable; quote its end: "
     "<<'EOF'"},
    {"{\"a\": [1, {\"$choice\": [2, {\"b\": {\"$uniform\": \"x\"}}]}]}",
     "config.a[1].$choice[1].b: $uniform takes [low, high] or one number, got \"x\""},
};

static void
test_wrong(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *problem = test_problem(wrong[i][0]);
        g_assert_cmpstr(problem, ==, wrong[i][1]);
    }
}

static void
test_all_problems_at_once(void)
{
    const char *text = "{\n"
                       "  \"config\": {\n"
                       "    \"lr\": {\"$loguniform\": [0, 0.1]},\n"
                       "    \"n\": [{\"$randint\": [3, 3]}, {\"$choise\": [1]}]\n"
                       "  }\n"
                       "}\n";
    g_autoptr(PbxSandbox) sandbox = sandbox_new();
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc = doc_parse("exp.json", text, strlen(text), DOC_PLAIN, problems);
    g_assert_null(space_new(doc, "/config", sandbox, problems));
    g_autofree char *told = problems_format(problems);
    g_assert_cmpstr(told, ==,
                    "exp.json:3:11: config.lr: $loguniform needs 0 < low < high, got [0, 0.1]\n"
                    "exp.json:4:11: config.n[0]: $randint needs low < high, got [3, 3]\n"
                    "exp.json:4:33: config.n[1]: there is no operator $choise; did you mean "
                    "$choice?\n");
}

static void
test_absent_is_empty(void)
{
    g_autoptr(PbxSandbox) sandbox = sandbox_new();
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc = doc_parse("x", "{}", 2, DOC_PLAIN, problems);
    g_autoptr(PbxSpace) space = space_new(doc, "/config", sandbox, problems);
    g_assert_nonnull(space);
    g_assert_cmpuint(space_n_dims(space), ==, 0);
    g_assert_cmpuint(space_grid_size(space), ==, 1);
}

static void
test_pointer_leads_in(void)
{
    const char *text = "{\"a/b\": [0, {\"c\": {\"x\": {\"$uniform\": 1}}}]}";
    g_autoptr(PbxSandbox) sandbox = sandbox_new();
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc = doc_parse("x", text, strlen(text), DOC_PLAIN, problems);
    g_autoptr(PbxSpace) space = space_new(doc, "/a~1b/1/c", sandbox, problems);
    g_assert_nonnull(space);
    g_assert_cmpuint(space_n_dims(space), ==, 1);
    g_assert_cmpstr(space_dims(space)->dims[0]->name, ==, "x");
    g_assert_cmpstr(space_dim_pointer(space, 0), ==, "/a~1b/1/c/x");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/space/dims/flattened", test_flattened);
    g_test_add_func("/space/dims/choices-are-values", test_choices);
    g_test_add_func("/space/dims/active-on-the-branch-taken", test_activity);
    g_test_add_func("/space/dims/inactive-below-inactive", test_inactive_below_inactive);
    g_test_add_func("/space/dims/parameters-and-varied-paths", test_parameters);
    g_test_add_func("/space/dims/what-is-no-space", test_wrong);
    g_test_add_func("/space/dims/all-problems-at-once", test_all_problems_at_once);
    g_test_add_func("/space/dims/an-absent-space-is-empty", test_absent_is_empty);
    g_test_add_func("/space/dims/a-pointer-leads-in", test_pointer_leads_in);
    return g_test_run();
}
