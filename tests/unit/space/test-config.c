/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a point to its config: values, extra, and $sample_from in whatever order. */
#include "space-test.h"

static const char *const resolved[][2] = {
    /* Tune's vectors. */
    {"{\"x\": 1, \"y\": {\"$sample_from\": \"config.x + 1\"}, \"z\": {\"$sample_from\": \"config.y "
     "+ "
     "1\"}}",
     "{\"x\":1,\"y\":2,\"z\":3}"},
    {"{\"x\": {\"y\": {\"z\": {\"$sample_from\": \"1\"}}}, \"y\": {\"$sample_from\": \"12\"}, "
     "\"z\": "
     "{\"$sample_from\": \"config.x.y.z * 100\"}}",
     "{\"x\":{\"y\":{\"z\":1}},\"y\":12,\"z\":100}"},
    /* Whatever the order of keys; members stand as in the file. */
    {"{\"z\": {\"$sample_from\": \"config.y + 1\"}, \"y\": {\"$sample_from\": \"config.x + 1\"}, "
     "\"x\": 1}",
     "{\"z\":3,\"y\":2,\"x\":1}"},
    {"{\"a\": {\"$sample_from\": \"config.o.p + config.o.q\"}, \"o\": {\"p\": {\"$sample_from\": "
     "\"config.o.q * 2\"}, \"q\": 5}}",
     "{\"a\":15,\"o\":{\"p\":10,\"q\":5}}"},
    /* Items of arrays; Lua counts from 1. */
    {"{\"l\": [16, {\"$sample_from\": \"config.l[1] * 2\"}]}", "{\"l\":[16,32]}"},
    {"{\"l\": [{\"$sample_from\": \"config.l[3]\"}, {\"$sample_from\": \"config.l[1] + 1\"}, 7]}",
     "{\"l\":[7,8,7]}"},
    {"{\"a\": {\"$sample_from\": \"#config.l + config.l[2].x\"}, \"l\": [1, {\"x\": "
     "{\"$sample_from\": "
     "\"4\"}}]}",
     "{\"a\":6,\"l\":[1,{\"x\":4}]}"},
    {"{\"a\": {\"$sample_from\": \"config['b.c'] * 2\"}, \"b.c\": {\"$sample_from\": \"4\"}}",
     "{\"a\":8,\"b.c\":4}"},
    /* Results are what they are. */
    /* Taken as a whole: nothing that waits is left out. */
    {"{\"a\": {\"$sample_from\": \"config.o\"}, \"o\": {\"p\": {\"$sample_from\": \"1\"}, "
     "\"q\": 2}}",
     "{\"a\":{\"p\":1,\"q\":2},\"o\":{\"p\":1,\"q\":2}}"},
    {"{\"a\": {\"$sample_from\": \"tostring(config.o.l)\"}, \"o\": {\"l\": [{\"$sample_from\": "
     "\"config.b\"}]}, \"b\": {\"$sample_from\": \"7\"}}",
     "{\"a\":\"[7]\",\"o\":{\"l\":[7]},\"b\":7}"},
    {"{\"a\": {\"$sample_from\": \"next(config.o)\"}, \"o\": {\"p\": {\"$sample_from\": "
     "\"1\"}, \"q\": 2}}",
     "{\"a\":\"p\",\"o\":{\"p\":1,\"q\":2}}"},
    {"{\"a\": {\"$sample_from\": \"nil\"}}", "{\"a\":null}"},
    {"{\"a\": {\"$sample_from\": \"{['$uniform'] = {0, 1}}\"}}", "{\"a\":{\"$uniform\":[0,1]}}"},
    {"{\"a\": {\"$sample_from\": \"config.b.c\"}, \"b\": {\"$sample_from\": \"{c = 3}\"}}",
     "{\"a\":3,\"b\":{\"c\":3}}"},
    {"{\"a\": {\"$sample_from\": \"config.none == nil\"}, \"b\": null}", "{\"a\":true,\"b\":null}"},
    /* The rest. */
    {"{\"a\": {\"$literal\": {\"$uniform\": [0, 1]}}, \"b\": [1.0, {\"c\": \"d\"}]}",
     "{\"a\":{\"$uniform\":[0,1]},\"b\":[1.0,{\"c\":\"d\"}]}"},
    {"{\"a\": {\"$choice\": [{\"b\": {\"$sample_from\": \"config.c\"}}]}, \"c\": {\"$choice\": "
     "[9]}}",
     "{\"a\":{\"b\":9},\"c\":9}"},
};

static void
test_resolved(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(resolved); i++) {
        g_autoptr(TestSpace) test = test_space(resolved[i][0]);
        double x = 0;
        g_autofree char *text = test_config_at(test, &x);
        g_assert_cmpstr(text, ==, resolved[i][1]);
    }
}

static void
test_grids_and_samples(void)
{
    g_autoptr(TestSpace) plain = test_space(
        "{\"x\": {\"$grid_search\": [1, 2]}, \"y\": {\"$sample_from\": \"config.x * 100\"}}");
    g_autofree char *first = test_grid_config(plain, 0);
    g_autofree char *second = test_grid_config(plain, 1);
    g_assert_cmpstr(first, ==, "{\"x\":1,\"y\":100}");
    g_assert_cmpstr(second, ==, "{\"x\":2,\"y\":200}");
    g_autoptr(TestSpace) within = test_space(
        "{\"x\": {\"$grid_search\": [{\"$sample_from\": \"config.y * 100\"}, {\"$sample_from\": "
        "\"config.y * 200\"}]}, \"y\": {\"$sample_from\": \"1\"}}");
    g_assert_cmpuint(space_grid_size(within->space), ==, 2);
    g_autofree char *third = test_grid_config(within, 0);
    g_autofree char *fourth = test_grid_config(within, 1);
    g_assert_cmpstr(third, ==, "{\"x\":100,\"y\":1}");
    g_assert_cmpstr(fourth, ==, "{\"x\":200,\"y\":1}");
}

static void
test_values(void)
{
    g_autoptr(TestSpace) test = test_space(
        "{\"i\": {\"$randint\": 9}, \"r\": {\"$uniform\": 9}, \"q\": {\"$quniform\": [0, 9, "
        "3]}, \"c\": {\"$choice\": [\"a\", [{\"k\": {\"$qrandint\": [0, 8, 4]}}, 1.5]]}}");
    double x[] = {3, 3, 3, 1, 8}, y[] = {0, 0.1, 9, 0, NAN};
    g_autofree char *first = test_config_at(test, x);
    g_autofree char *second = test_config_at(test, y);
    g_assert_cmpstr(first, ==, "{\"i\":3,\"r\":3.0,\"q\":3.0,\"c\":[{\"k\":8},1.5]}");
    g_assert_cmpstr(second, ==, "{\"i\":0,\"r\":0.1,\"q\":9.0,\"c\":\"a\"}");
}

static void
test_no_point(void)
{
    g_autoptr(TestSpace) test = test_space("{\"o\": {\"c\": {\"$choice\": [1, 2]}}}");
    const double bad[] = {NAN, 2, -1, 0.5, INFINITY};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(space_config(test->space, &bad[i], NULL, NULL, NULL, &error));
        g_assert_error(error, PBX_SPACE_ERROR, SPACE_ERROR_POINT);
        g_assert_true(g_str_has_prefix(error->message, "config.o.c: "));
    }
}

static void
test_configs_are_independent(void)
{
    g_autoptr(TestSpace) test = test_space("{\"a\": {\"b\": 1}}");
    double x = 0;
    g_autoptr(JsonNode) first = space_config(test->space, &x, NULL, NULL, NULL, NULL);
    json_object_set_int_member(json_object_get_object_member(json_node_get_object(first), "a"), "b",
                               2);
    g_autofree char *second = test_config_at(test, &x);
    g_assert_cmpstr(second, ==, "{\"a\":{\"b\":1}}");
}

/* ---- What cannot be resolved ---- */

static const char *const unresolved[][2] = {
    {"{\"a\": {\"$sample_from\": \"config.b\"}, \"b\": {\"$sample_from\": \"config.a\"}}",
     "config.a: $sample_from needs itself: a -> b -> a"},
    {"{\"a\": {\"$sample_from\": \"config.a + 1\"}}",
     "config.a: $sample_from needs itself: a -> a"},
    {"{\"z\": {\"$sample_from\": \"config.a\"}, \"a\": {\"$sample_from\": \"config.o.b\"}, \"o\": "
     "{\"b\": {\"$sample_from\": \"config.a\"}}}",
     "config.a: $sample_from needs itself: a -> o.b -> a"},
    {"{\"l\": [{\"$sample_from\": \"config.l[2]\"}, {\"$sample_from\": \"config.l[1]\"}]}",
     "config.l[0]: $sample_from needs itself: l[0] -> l[1] -> l[0]"},
    /* On one branch only. */
    {"{\"o\": {\"$choice\": [0, 1, 2, 3, 4, 5, 6, 7, {\"a\": {\"$sample_from\": "
     "\"config.o.a\"}}]}}",
     "config.o.$choice[8].a: $sample_from needs itself: o.a -> o.a"},
};

static void
test_cycles(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(unresolved); i++) {
        g_autofree char *problem = test_problem(unresolved[i][0]);
        g_assert_cmpstr(problem, ==, unresolved[i][1]);
    }
}

static void
test_failure_has_its_place(void)
{
    g_autofree char *problem = test_problem("{\"a\": {\"$sample_from\": \"config.b\"}, \"b\": "
                                            "{\"$sample_from\": \"config.lr * 2\"}}");
    g_assert_true(g_str_has_prefix(problem, "config.b: $sample_from failed: "));
    g_assert_null(strchr(problem, '\n')); /* told once */
    g_autofree char *branch = test_problem(
        "{\"o\": {\"$choice\": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, {\"a\": {\"$sample_from\": "
        "\"config.lr * 2\"}}]}}");
    g_assert_true(g_str_has_prefix(branch, "config.o.$choice[10].a: $sample_from failed: "));
}

static void
test_spec_is_seen_when_run(void)
{
    g_autoptr(TestSpace) test = test_space("{\"a\": {\"$sample_from\": \"spec.num_samples * 2\"}}");
    g_autoptr(JsonNode) spec = test_json("{\"num_samples\": 21}");
    double x = 0;
    g_autoptr(JsonNode) config = space_config(test->space, &x, NULL, spec, NULL, NULL);
    g_autofree char *text = json_to_text(config);
    g_assert_cmpstr(text, ==, "{\"a\":42}");
    g_autoptr(GError) error = NULL;
    g_assert_null(space_config(test->space, &x, NULL, NULL, NULL, &error));
    g_assert_error(error, PBX_SPACE_ERROR, SPACE_ERROR_EXPRESSION);
    g_assert_true(g_str_has_prefix(error->message, "config.a: $sample_from failed: "));
}

/* ---- Randomness ---- */

static double
member_number(JsonNode *config, const char *key)
{
    return json_object_get_double_member(json_node_get_object(config), key);
}

static void
test_rand_is_keyed(void)
{
    g_autoptr(TestSpace) test =
        test_space("{\"a\": {\"$sample_from\": \"config.b + rand()\"}, \"b\": "
                   "{\"$sample_from\": \"rand()\"}, \"c\": {\"$sample_from\": "
                   "\"rand()\"}}");
    g_autoptr(TestSpace) turned =
        test_space("{\"a\": {\"$sample_from\": \"rand() + config.b\"}, \"b\": {\"$sample_from\": "
                   "\"rand()\"}, \"c\": {\"$sample_from\": \"0 + rand()\"}}");
    double x = 0;
    PbxRandom random = test_random(11), other = test_random(12);
    g_autoptr(JsonNode) one = space_config(test->space, &x, NULL, NULL, &random, NULL);
    g_autoptr(JsonNode) again = space_config(turned->space, &x, NULL, NULL, &random, NULL);
    g_autoptr(JsonNode) two = space_config(test->space, &x, NULL, NULL, &other, NULL);
    g_assert_true(json_equal(one, again)); /* whoever is evaluated first */
    g_assert_true(member_number(one, "b") != member_number(one, "c"));
    g_assert_true(member_number(one, "b") != member_number(two, "b"));
    g_assert_cmpuint(random.offset, ==, 0);
}

static void
test_rand_needs_a_key(void)
{
    g_autoptr(TestSpace) test = test_space("{\"a\": {\"$sample_from\": \"rand()\"}}");
    double x = 0;
    g_autoptr(GError) error = NULL;
    g_assert_null(space_config(test->space, &x, NULL, NULL, NULL, &error));
    g_assert_error(error, PBX_SPACE_ERROR, SPACE_ERROR_EXPRESSION);
}

/* ---- extra ---- */

static void
test_extra(void)
{
    g_autoptr(TestSpace) test = test_space(
        "{\"a\": {\"b\": {\"$uniform\": 1}, \"c\": 2}, \"d\": 3, \"s\": {\"$sample_from\": "
        "\"(config.n or 0) + config.a.c\"}}");
    const char *const merged[][2] = {
        {"{}", "{\"a\":{\"b\":0.5,\"c\":2},\"d\":3,\"s\":2}"},
        {"{\"n\": 7}", "{\"a\":{\"b\":0.5,\"c\":2},\"d\":3,\"s\":9,\"n\":7}"},
        {"{\"a\": {\"c\": 4, \"e\": [1]}}",
         "{\"a\":{\"b\":0.5,\"c\":4,\"e\":[1]},\"d\":3,\"s\":4}"},
        {"{\"d\": {\"e\": 1}}", "{\"a\":{\"b\":0.5,\"c\":2},\"d\":{\"e\":1},\"s\":2}"},
    };
    double x = 0.5;
    for (gsize i = 0; i < G_N_ELEMENTS(merged); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonNode) config =
            space_config(test->space, &x, merged[i][0], NULL, NULL, &error);
        g_assert_no_error(error);
        g_autofree char *text = json_to_text(config);
        g_assert_cmpstr(text, ==, merged[i][1]);
    }
    const char *const refused[] = {"{\"a\": {\"b\": 1}}", "{\"a\": 1}", "{\"s\": 1}", "[]", "{"};
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(space_config(test->space, &x, refused[i], NULL, NULL, &error));
        g_assert_true(g_str_has_prefix(error->message, "the search's extra value"));
    }
}

static void
test_fast(void)
{
    g_autoptr(TestSpace) test = test_space(
        "{\"lr\": {\"$loguniform\": [1e-5, 1]}, \"o\": {\"$choice\": [{\"t\": \"a\", \"x\": "
        "{\"$uniform\": 1}}, {\"t\": \"b\"}]}, \"l\": [{\"$randint\": 9}, 3], \"e\": 20}");
    g_test_timer_start();
    for (guint64 i = 0; i < 20000; i++) {
        double x[4];
        PbxRandom random = test_random(i);
        space_draw_point(test->space, &random, i, x);
        g_autoptr(JsonNode) config = space_config(test->space, x, NULL, NULL, &random, NULL);
        g_assert_nonnull(config);
    }
    double each = g_test_timer_elapsed() / 20000 * 1e6;
    g_test_minimized_result(each, "%.2f microseconds a config", each);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/space/config/resolved", test_resolved);
    g_test_add_func("/space/config/grids-and-samples", test_grids_and_samples);
    g_test_add_func("/space/config/values-have-their-types", test_values);
    g_test_add_func("/space/config/needs-a-point", test_no_point);
    g_test_add_func("/space/config/configs-are-independent", test_configs_are_independent);
    g_test_add_func("/space/config/a-cycle-is-shown", test_cycles);
    g_test_add_func("/space/config/a-failure-has-its-place", test_failure_has_its_place);
    g_test_add_func("/space/config/spec-is-seen-when-run", test_spec_is_seen_when_run);
    g_test_add_func("/space/config/rand-is-keyed", test_rand_is_keyed);
    g_test_add_func("/space/config/rand-needs-a-key", test_rand_needs_a_key);
    g_test_add_func("/space/config/extra-is-merged", test_extra);
    if (g_test_perf())
        g_test_add_func("/space/config/fast", test_fast);
    return g_test_run();
}
