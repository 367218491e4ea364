/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Configs that a person asks for, in part or as a whole. */
#include "space-test.h"

#define TREE                                                                                       \
    "{\"lr\": {\"$loguniform\": [1e-5, 1]}, \"n\": {\"$qrandint\": [16, 64, 16]}, \"q\": "         \
    "{\"$quniform\": [0, 1, 0.1]}, \"epochs\": 20, \"l\": [{\"$choice\": [16, 64]}, 3],"           \
    "\"o\": {\"$choice\": [{\"type\": \"sgd\", \"m\": {\"$uniform\": [0.1, 0.9]}},"                \
    "{\"type\": \"adam\", \"eps\": {\"$uniform\": [2, 3]}}]}, \"a.b\": {\"$uniform\": 1},"         \
    "\"s\": {\"$sample_from\": \"config.lr * randn()\"}, \"t\": {\"$sample_from\": "               \
    "\"config.s + 1\"}}"

static char *
complete(const char *given, guint64 stream, GError **error)
{
    g_autoptr(TestSpace) test = test_space(TREE);
    double x[16];
    PbxRandom draws = test_random(stream), samples = test_random(1000);
    g_autoptr(JsonNode) asked = test_json(given);
    g_autoptr(JsonNode) config =
        space_complete(test->space, asked, NULL, &draws, &samples, x, error);
    if (config == NULL)
        return NULL;
    /* The point is the config's own. */
    g_autoptr(JsonNode) back = space_config(test->space, x, NULL, NULL, &samples, NULL);
    g_assert_true(json_equal(json_lookup(back, "lr"), json_lookup(config, "lr")));
    g_assert_true(json_equal(json_lookup(back, "o"), json_lookup(config, "o")));
    return json_to_text(config);
}

static void
test_whole(void)
{
    static const char whole[] =
        "{\"lr\":0.25,\"n\":32,\"q\":0.3,\"epochs\":20,\"l\":[64,3],\"o\":{\"type\":\"adam\","
        "\"eps\":2.5},\"a.b\":0.5,\"s\":7,\"t\":8}";
    g_autoptr(GError) error = NULL;
    g_autofree char *config = complete(whole, 1, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(config, ==, whole);
}

/* What is left out is drawn by the stream alone; what is given is not. */
static void
test_part(void)
{
    static const char *const parts[] = {"{}", "{\"lr\": 0.25}", "{\"o\": {\"type\": \"adam\"}}",
                                        "{\"o.type\": \"adam\"}", "{\"l\": [64]}"};
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *one = complete(parts[i], 1, &error);
        g_assert_no_error(error);
        g_autofree char *same = complete(parts[i], 1, &error);
        g_autofree char *other = complete(parts[i], 2, &error);
        g_assert_cmpstr(one, ==, same);
        g_assert_cmpstr(one, !=, other);
        g_assert_nonnull(strstr(one, i == 1             ? "\"lr\":0.25"
                                     : i >= 2 && i <= 3 ? "\"eps\":2."
                                                        : "{"));
        g_assert_nonnull(strstr(one, i == 4 ? "\"l\":[64,3]" : ",3]"));
    }
}

/* What a $sample_from would compute is taken, and others see it. */
static void
test_sample(void)
{
    g_autofree char *config = complete("{\"s\": 41}", 1, NULL);
    g_assert_nonnull(strstr(config, "\"s\":41,\"t\":42"));
}

static void
test_refused(void)
{
    static const char *const cases[][2] = {
        {"{\"lr\": 2}", "lr: 2 is no number from 1e-05 to 1.0"},
        {"{\"lr\": \"x\"}", "lr: \"x\" is no number from 1e-05 to 1.0"},
        {"{\"n\": 33}", "n: 33 is not in the space, the nearest is 32"},
        {"{\"n\": 32.5}", "n: 32.5 is not in the space, the nearest is 32"},
        {"{\"q\": 0.33}", "q: 0.33 is not in the space, the nearest is 0.3"},
        {"{\"l\": [17]}", "l[0]: 17 is none of [16, 64]"},
        {"{\"l\": [16, 3, 4]}", "l[2]: 4 is not in the space, which has nothing"},
        {"{\"l\": 16}", "l: 16 is not in the space, which has ["},
        {"{\"epochs\": 21}", "epochs: 21 is not in the space, the nearest is 20"},
        {"{\"epochs\": \"many\"}", "epochs: \"many\" is not in the space, which has 20"},
        {"{\"epoch\": 20}", "epoch: there is no such parameter; did you mean 'epochs'?"},
        {"{\"o\": {\"type\": \"rms\"}}", "o: {\"type\":\"rms\"} is none of ["},
        {"{\"o\": {\"type\": \"sgd\", \"eps\": 2.5}}", "o.eps: there is no such parameter"},
        {"{\"x.y\": 1}", "x: there is no such parameter"},
        {"{\"lr.x\": 1}", "lr: "},
        {"[1]", "a config is an object, not an array"},
        {"3", "a config is an object, not a single value"},
        {"{\"lr\": \"NaN\"}", "lr: \"NaN\" is no number"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *config = complete(cases[i][0], 1, &error);
        g_assert_null(config);
        g_assert_error(error, PBX_SPACE_ERROR, SPACE_ERROR_POINT);
        if (!g_str_has_prefix(error->message, cases[i][1]))
            g_error("%s: \"%s\", not \"%s\"", cases[i][0], error->message, cases[i][1]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/space/complete/whole", test_whole);
    g_test_add_func("/space/complete/part", test_part);
    g_test_add_func("/space/complete/sample", test_sample);
    g_test_add_func("/space/complete/refused", test_refused);
    return g_test_run();
}
