/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a config back to its point, its tag and what varies in it. */
#include "space-test.h"

#define TREE                                                                                       \
    "{\"lr\": {\"$loguniform\": [1e-5, 1]}, \"n\": {\"$qrandint\": [16, 64, 16]},"                 \
    "\"l\": [{\"$choice\": [16, 64]}, {\"$choice\": [16, {\"$uniform\": 1}]}],"                    \
    "\"o\": {\"$choice\": [{\"type\": \"sgd\", \"m\": {\"$uniform\": 1}},"                         \
    "{\"type\": \"sgd\", \"m\": {\"$uniform\": [1, 2]}, \"k\": {\"$choice\": [true, null]}},"      \
    "{\"type\": \"adam\", \"in\": {\"$choice\": [{\"a\": {\"$randint\": 5}}, {\"b\": "             \
    "{\"$randint\": 5}}, \"none\"]}}]},"                                                           \
    "\"s\": {\"$sample_from\": \"config.lr * 2\"}, \"g\": {\"$grid_search\": [{\"z\": "            \
    "{\"$grid_search\": [1, 2]}}, [1, 2], \"z\"]}}"

static void
test_there_and_back(void)
{
    g_autoptr(TestSpace) test = test_space(TREE);
    guint n = space_n_dims(test->space);
    g_assert_cmpuint(n, ==, 14);
    for (guint64 i = 0; i < 500; i++) {
        double x[14], back[14];
        const char *outside = "?";
        PbxRandom random = test_random(i);
        space_draw_point(test->space, &random, i, x);
        g_autoptr(JsonNode) config = space_config(test->space, x, NULL, NULL, &random, NULL);
        space_point(test->space, config, back, &outside);
        g_assert_null(outside);
        for (guint j = 0; j < n; j++)
            g_assert_true(x[j] == back[j] || (isnan(x[j]) && isnan(back[j])));
    }
}

typedef struct {
    const char *space, *config;
    double x[4];
    const char *outside;
} PointCase;

static const PointCase cases[] = {
    {"{\"a\": {\"$uniform\": 2}}", "{\"a\": 1}", {1}, NULL},
    {"{\"a\": {\"$uniform\": 2}}", "{\"a\": 2}", {2}, NULL}, /* Tune takes the end too */
    {"{\"a\": {\"$uniform\": 2}}", "{\"a\": 2.1}", {NAN}, "a"},
    {"{\"a\": {\"$uniform\": 2}}", "{\"a\": \"1\"}", {NAN}, "a"},
    {"{\"a\": {\"$uniform\": 2}}", "{\"a\": true}", {NAN}, "a"},
    {"{\"a\": {\"$uniform\": 2}}", "{}", {NAN}, NULL},
    {"{\"a\": {\"$uniform\": 2}}", "[]", {NAN}, NULL},
    {"{\"a\": {\"$randint\": 9}}", "{\"a\": 3.0}", {3}, NULL},
    {"{\"a\": {\"$randint\": 9}}", "{\"a\": 9}", {NAN}, "a"},
    {"{\"a\": {\"$randn\": []}}", "{\"a\": -90}", {-90}, NULL},
    {"{\"a\": {\"$choice\": [1, \"1\", true, 1]}}", "{\"a\": 1.0}", {0}, NULL},
    {"{\"a\": {\"$choice\": [1, \"1\", true, 1]}}", "{\"a\": \"1\"}", {1}, NULL},
    {"{\"a\": {\"$choice\": [1, \"1\", true, 1]}}", "{\"a\": true}", {2}, NULL},
    {"{\"a\": {\"$choice\": [1, \"1\", true, 1]}}", "{\"a\": 2}", {NAN}, "a"},
    {"{\"a\": {\"$choice\": [[1, {\"b\": 2}], [1]]}}", "{\"a\": [1.0, {\"b\": 2}]}", {0}, NULL},
    {"{\"a\": {\"$choice\": [{\"b\": 1, \"c\": 2}, {\"b\": 1}]}}",
     "{\"a\": {\"b\": 1}}",
     {1},
     NULL},
    {"{\"o\": {\"b\": {\"$uniform\": 1}, \"c\": {\"$uniform\": 1}}, \"d\": {\"$uniform\": 1}}",
     "{\"o\": {\"b\": 3, \"c\": 0.5}, \"d\": 4, \"e\": 5}",
     {NAN, 0.5, NAN},
     "o.b"},
    /* The branch that fits best. */
    {"{\"a\": {\"$choice\": [{\"t\": 1}, {\"t\": 1, \"x\": {\"$uniform\": 1}}]}}",
     "{\"a\": {\"t\": 1, \"x\": 0.5}}",
     {1, 0.5},
     NULL},
    {"{\"a\": {\"$choice\": [{\"t\": 1}, {\"t\": 1, \"x\": {\"$uniform\": 1}}]}}",
     "{\"a\": {\"t\": 1}}",
     {0, NAN},
     NULL},
    {"{\"a\": {\"$choice\": [{\"x\": {\"$uniform\": 1}}, {\"x\": {\"$uniform\": [2, 3]}}]}}",
     "{\"a\": {\"x\": 2.5, \"more\": 1}}",
     {1, NAN, 2.5},
     NULL},
    {"{\"a\": {\"$choice\": [{\"t\": 1, \"x\": {\"$uniform\": 1}, \"y\": 3}, {\"t\": 2, \"x\": "
     "1}]}}",
     "{\"a\": {\"t\": 1}}", /* a part of it */
     {0, NAN},
     NULL},
    {"{\"a\": {\"$choice\": [{\"t\": 1, \"x\": {\"$uniform\": 1}}, {\"t\": 2}]}}",
     "{\"a\": {\"t\": 1, \"x\": 3}}", /* none */
     {NAN, NAN},
     "a"},
    /* What gives the value is told from what might. */
    {"{\"a\": {\"$choice\": [{\"$sample_from\": \"config.b * 2\"}, {\"$sample_from\": \"config.b * "
     "3\"}]}, \"b\": 5}",
     "{\"a\": 15, \"b\": 5}",
     {1},
     NULL},
    {"{\"a\": {\"$choice\": [{\"$sample_from\": \"rand()\"}, 7]}}", "{\"a\": 7}", {1}, NULL},
    {"{\"a\": {\"$choice\": [7, {\"$sample_from\": \"rand()\"}]}}", "{\"a\": 0.1}", {1}, NULL},
};

static void
test_points(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(TestSpace) test = test_space(cases[i].space);
        g_autoptr(JsonNode) config = test_json(cases[i].config);
        double x[4];
        const char *outside = "?";
        space_point(test->space, config, x, &outside);
        for (guint j = 0; j < space_n_dims(test->space); j++)
            if (!(x[j] == cases[i].x[j] || (isnan(x[j]) && isnan(cases[i].x[j]))))
                g_error("%s: %s is %g, not %g", cases[i].config, test_dim(test, j)->name, x[j],
                        cases[i].x[j]);
        g_assert_cmpstr(outside, ==, cases[i].outside);
        space_point(test->space, config, x, NULL);
    }
}

static const char *const tags[][3] = {
    /* Tune's vectors, without the counter. */
    {"{\"bar\": {\"$grid_search\": [true, false]}, \"foo\": {\"$grid_search\": [1, 2, 3]}, "
     "\"baz\": "
     "\"asd\"}",
     "{\"bar\": true, \"foo\": 1, \"baz\": \"asd\"}", "bar=True,foo=1"},
    {"{\"foo\": {\"$grid_search\": [1, 2]}, \"bar\": {\"$grid_search\": [true, false]}, \"qux\": "
     "{\"$sample_from\": \"4\"}}",
     "{\"foo\": 1, \"bar\": false, \"qux\": 4}", "bar=False,foo=1,qux=4"},
    {"{\"x\": 1, \"y\": {\"$sample_from\": \"config.x + 1\"}, \"z\": {\"$sample_from\": \"config.y "
     "+ "
     "1\"}}",
     "{\"x\": 1, \"y\": 2, \"z\": 3}", "y=2,z=3"},
    {"{\"a\": 1}", "{\"a\": 1}", ""},
    {"{\"lr\": {\"$uniform\": 1}}", "{\"lr\": 0.00123456}", "lr=0.0012346"},
    {"{\"lr\": {\"$uniform\": 1}}", "{\"lr\": 1e-05}", "lr=1e-05"},
    {"{\"lr\": {\"$uniform\": 1}}", "{\"lr\": 1.0}", "lr=1.0"},
    {"{\"lr\": {\"$uniform\": 1}}", "{\"lr\": 123456.0}", "lr=1.2346e+05"},
    {"{\"lr\": {\"$uniform\": 1}}", "{\"lr\": 1234567}", "lr=1234567"},
    {"{\"l\": [{\"$choice\": [16, 64]}, 1, {\"$choice\": [16, 64]}]}", "{\"l\": [64, 1, 16]}",
     "l_0=64,l_2=16"},
    {"{\"b\": {\"c\": {\"$randint\": 9}}, \"a\": {\"z\": [{\"y\": {\"$randint\": 9}}]}}",
     "{\"b\": {\"c\": 1}, \"a\": {\"z\": [{\"y\": 2}]}}", "0_y=2,c=1"},
    {"{\"s\": {\"$choice\": [\"a/b c\", \"d\"]}}", "{\"s\": \"a/b c\"}", "s=a_b_c"},
    {"{\"s\": {\"$choice\": [\"/~/a: b,\", \"d\"]}}", "{\"s\": \"/~/a: b,\"}", "s=a_b"},
    {"{\"s\": {\"$choice\": [\"a-b_c.d\", \"d\"]}}", "{\"s\": \"a-b_c.d\"}", "s=a-b_c.d"},
    {"{\"s\": {\"$choice\": [\"\xc3\xa9\xc3\xa9\", \"d\"]}}", "{\"s\": \"\xc3\xa9\xc3\xa9\"}",
     "s="},
    {"{\"k=/ey\": {\"$choice\": [1, 2]}}", "{\"k=/ey\": 1}", "k_ey=1"},
    {"{\"s\": {\"$choice\": [null, [1, 2]]}}", "{\"s\": null}", "s=None"},
    {"{\"s\": {\"$choice\": [null, [1, 2]]}}", "{\"s\": [1, 2]}", "s=1_2"},
    {"{\"s\": {\"$choice\": [{\"b\": 1}, {\"c\": 2}]}}", "{\"s\": {\"b\": 1}}", "s=b_1"},
    {"{\"s\": {\"$choice\": [1, {\"$uniform\": 1}]}}", "{\"s\": 0.5}", "s=0.5"},
    {"{\"o\": {\"$choice\": [{\"type\": \"sgd\", \"m\": {\"$uniform\": 1}}, {\"type\": "
     "\"adam\"}]}}",
     "{\"o\": {\"type\": \"sgd\", \"m\": 0.5}}", "o=sgd,m=0.5"},
    {"{\"o\": {\"$choice\": [{\"type\": \"sgd\", \"m\": {\"$uniform\": 1}}, {\"type\": "
     "\"adam\"}]}}",
     "{\"o\": {\"type\": \"adam\"}}", "o=adam"},
    {"{\"o\": {\"$choice\": [{\"b\": 1}, {\"m\": {\"$uniform\": 1}}]}}", "{\"o\": {\"m\": 0.5}}",
     "o=1,m=0.5"},
    {"{\"a\": {\"$uniform\": 1}, \"b\": {\"$uniform\": 1}}", "{\"b\": 0.5}", "b=0.5"},
};

static void
test_tags(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(tags); i++) {
        g_autoptr(TestSpace) test = test_space(tags[i][0]);
        g_autoptr(JsonNode) config = test_json(tags[i][1]);
        g_autofree char *tag = space_tag(test->space, config);
        g_assert_cmpstr(tag, ==, tags[i][2]);
    }
}

static const char *const evaluated[][3] = {
    {"{\"x\": {\"y\": {\"z\": {\"$sample_from\": \"1\"}}}, \"y\": {\"$sample_from\": \"12\"}, "
     "\"z\": "
     "{\"$sample_from\": \"config.x.y.z * 100\"}}",
     "{\"x\": {\"y\": {\"z\": 1}}, \"y\": 12, \"z\": 100}", "{\"x/y/z\":1,\"y\":12,\"z\":100}"},
    {"{\"a\": 1}", "{\"a\": 1}", "{}"},
    {"{\"l\": [{\"$choice\": [16, 64]}, 1]}", "{\"l\": [64, 1]}", "{\"l/0\":64}"},
    {"{\"o\": {\"$choice\": [{\"m\": {\"$uniform\": 1}}, {\"n\": {\"$uniform\": 1}}]}, \"s\": "
     "{\"$choice\": [1, {\"$uniform\": 1}]}}",
     "{\"o\": {\"m\": 0.5}, \"s\": 0.25}", "{\"o\":{\"m\":0.5},\"o/m\":0.5,\"s\":0.25}"},
};

static void
test_evaluated(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(evaluated); i++) {
        g_autoptr(TestSpace) test = test_space(evaluated[i][0]);
        g_autoptr(JsonNode) config = test_json(evaluated[i][1]);
        g_autoptr(JsonNode) node = space_evaluated(test->space, config);
        g_autofree char *text = json_to_text(node);
        g_assert_cmpstr(text, ==, evaluated[i][2]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/space/point/there-and-back", test_there_and_back);
    g_test_add_func("/space/point/of-a-config", test_points);
    g_test_add_func("/space/tag/of-a-config", test_tags);
    g_test_add_func("/space/evaluated/of-a-config", test_evaluated);
    return g_test_run();
}
