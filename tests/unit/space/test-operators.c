/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each operator's exact bounds, and what it says where they are not met. */
#include "space-test.h"

typedef struct {
    const char *json;
    guint type, flags;
    double low, high, quantum, mean, sd;
} Accepted;

static const Accepted accepted[] = {
    {"{\"$uniform\": [-1, 2.5]}", PBX_DIM_REAL, 0, -1, 2.5, 0, 0, 0},
    {"{\"$uniform\": 3}", PBX_DIM_REAL, 0, 0, 3, 0, 0, 0},
    {"{\"$uniform\": [3]}", PBX_DIM_REAL, 0, 0, 3, 0, 0, 0},
    {"{\"$quniform\": [0, 0.9, 0.3]}", PBX_DIM_REAL, 0, 0, 0.9, 0.3, 0, 0},
    {"{\"$loguniform\": [1e-5, 1e-1]}", PBX_DIM_REAL, PBX_DIM_LOG, 1e-5, 1e-1, 0, 0, 0},
    {"{\"$loguniform\": [1e-5, 1e-1, 2]}", PBX_DIM_REAL, PBX_DIM_LOG, 1e-5, 1e-1, 0, 0, 0},
    {"{\"$qloguniform\": [0.5, 8, 0.5]}", PBX_DIM_REAL, PBX_DIM_LOG, 0.5, 8, 0.5, 0, 0},
    {"{\"$qloguniform\": [0.5, 8, 0.5, 10]}", PBX_DIM_REAL, PBX_DIM_LOG, 0.5, 8, 0.5, 0, 0},
    {"{\"$randn\": []}", PBX_DIM_NORMAL, 0, -INFINITY, INFINITY, 0, 0, 1},
    {"{\"$randn\": 4}", PBX_DIM_NORMAL, 0, -INFINITY, INFINITY, 0, 4, 1},
    {"{\"$randn\": [4]}", PBX_DIM_NORMAL, 0, -INFINITY, INFINITY, 0, 4, 1},
    {"{\"$randn\": [-1, 0.5]}", PBX_DIM_NORMAL, 0, -INFINITY, INFINITY, 0, -1, 0.5},
    {"{\"$qrandn\": [10, 2, 0.2]}", PBX_DIM_NORMAL, 0, -INFINITY, INFINITY, 0.2, 10, 2},
    {"{\"$randint\": [2, 10]}", PBX_DIM_INT, 0, 2, 9, 0, 0, 0},
    {"{\"$randint\": 10}", PBX_DIM_INT, 0, 0, 9, 0, 0, 0},
    {"{\"$randint\": [-3.0, 1e1]}", PBX_DIM_INT, 0, -3, 9, 0, 0, 0},
    {"{\"$randint\": [0, 9007199254740992]}", PBX_DIM_INT, 0, 0, 9007199254740991, 0, 0, 0},
    {"{\"$qrandint\": [0, 10, 5]}", PBX_DIM_INT, 0, 0, 10, 5, 0, 0},
    {"{\"$qrandint\": [0, 10]}", PBX_DIM_INT, 0, 0, 10, 0, 0, 0},
    {"{\"$qrandint\": [0, 10, 1]}", PBX_DIM_INT, 0, 0, 10, 0, 0, 0},
    {"{\"$lograndint\": [1, 100]}", PBX_DIM_INT, PBX_DIM_LOG, 1, 99, 0, 0, 0},
    {"{\"$lograndint\": [1, 100, 2.5]}", PBX_DIM_INT, PBX_DIM_LOG, 1, 99, 0, 0, 0},
    {"{\"$qlograndint\": [16, 64, 16]}", PBX_DIM_INT, PBX_DIM_LOG, 16, 64, 16, 0, 0},
    {"{\"$qlograndint\": [1, 8, 1, 10]}", PBX_DIM_INT, PBX_DIM_LOG, 1, 8, 1, 0, 0},
};

static void
test_bounds(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(accepted); i++) {
        const Accepted *want = &accepted[i];
        g_test_message("%s", want->json);
        g_autofree char *config = g_strdup_printf("{\"p\": %s}", want->json);
        g_autoptr(TestSpace) test = test_space(config);
        g_assert_cmpuint(space_n_dims(test->space), ==, 1);
        const pbx_dim *dim = test_dim(test, 0);
        g_assert_cmpuint(dim->struct_size, ==, sizeof(pbx_dim));
        g_assert_cmpuint(dim->type, ==, want->type);
        g_assert_cmpuint(dim->flags, ==, want->flags);
        g_assert_true(dim->low == want->low && dim->high == want->high);
        g_assert_true(dim->quantum == want->quantum);
        g_assert_true(dim->mean == want->mean && dim->sd == want->sd);
        g_assert_cmpint(dim->parent, ==, -1);
        g_assert_cmpstr(dim->name, ==, "p");
        g_assert_cmpstr(dim->path, ==, "p");
        g_assert_cmpstr(space_dim_pointer(test->space, 0), ==, "/config/p");
    }
}

static const char *const refused[][2] = {
    {"{\"$loguniform\": [0, 0.1]}", "$loguniform needs 0 < low < high, got [0, 0.1]"},
    {"{\"$loguniform\": [-1, 0.1]}", "$loguniform needs 0 < low < high, got [-1, 0.1]"},
    {"{\"$loguniform\": [0.1, 0.1]}", "$loguniform needs 0 < low < high, got [0.1, 0.1]"},
    {"{\"$loguniform\": [0.1, 1, 0]}", "$loguniform needs base > 0, got [0.1, 1, 0]"},
    {"{\"$loguniform\": 5}", "$loguniform takes [low, high], got 5"},
    {"{\"$loguniform\": [5]}", "$loguniform takes [low, high], got [5]"},
    {"{\"$uniform\": [2, 1]}", "$uniform needs low < high, got [2, 1]"},
    {"{\"$uniform\": 0}", "$uniform needs low < high, got 0"},
    {"{\"$uniform\": []}", "$uniform takes [low, high] or one number, got []"},
    {"{\"$uniform\": [1, 2, 3]}", "$uniform takes [low, high] or one number, got [1, 2, 3]"},
    {"{\"$uniform\": [\"1\", 2]}", "$uniform takes [low, high] or one number, got [\"1\", 2]"},
    {"{\"$uniform\": [true, 2]}", "$uniform takes [low, high] or one number, got [true, 2]"},
    {"{\"$uniform\": {\"low\": 1}}", "$uniform takes [low, high] or one number, got {\"low\":1}"},
    {"{\"$uniform\": null}", "$uniform takes [low, high] or one number, got null"},
    {"{\"$quniform\": [0, 1, 0.3]}",
     "$quniform needs low and high to be multiples of q, got [0, 1, 0.3]"},
    {"{\"$quniform\": [0.1, 0.9, 0.3]}",
     "$quniform needs low and high to be multiples of q, got [0.1, 0.9, 0.3]"},
    {"{\"$quniform\": [0, 1, 0]}", "$quniform needs q > 0, got [0, 1, 0]"},
    {"{\"$quniform\": [0, 1, -0.5]}", "$quniform needs q > 0, got [0, 1, -0.5]"},
    {"{\"$quniform\": [1, 0, 0.5]}", "$quniform needs low < high, got [1, 0, 0.5]"},
    {"{\"$quniform\": [0, 1]}", "$quniform takes [low, high, q], got [0, 1]"},
    {"{\"$quniform\": [0, 1, 1e-20]}",
     "$quniform needs at most 2^53 steps of q, got [0, 1, 1e-20]"},
    {"{\"$qloguniform\": [0, 1, 0.5]}", "$qloguniform needs 0 < low < high, got [0, 1, 0.5]"},
    {"{\"$qloguniform\": [0.7, 1, 0.5]}",
     "$qloguniform needs low and high to be multiples of q, got [0.7, 1, 0.5]"},
    {"{\"$qloguniform\": [0.5, 1, 0.5, -2]}", "$qloguniform needs base > 0, got [0.5, 1, 0.5, -2]"},
    {"{\"$randn\": [0, 0]}", "$randn needs sd > 0, got [0, 0]"},
    {"{\"$randn\": [0, -1]}", "$randn needs sd > 0, got [0, -1]"},
    {"{\"$randn\": [0, 1, 2]}", "$randn takes [mean, sd], got [0, 1, 2]"},
    {"{\"$qrandn\": [0, 1]}", "$qrandn takes [mean, sd, q], got [0, 1]"},
    {"{\"$qrandn\": [0, 1, 0]}", "$qrandn needs q > 0, got [0, 1, 0]"},
    {"{\"$qrandn\": [0, 0, 1]}", "$qrandn needs sd > 0, got [0, 0, 1]"},
    {"{\"$randint\": [5, 5]}", "$randint needs low < high, got [5, 5]"},
    {"{\"$randint\": 0}", "$randint needs low < high, got 0"},
    {"{\"$randint\": [0, 2.5]}", "$randint needs whole numbers, got [0, 2.5]"},
    {"{\"$randint\": [0, 9007199254740993]}",
     "$randint needs bounds within 2^53 (9007199254740992), got [0, 9007199254740993]"},
    {"{\"$randint\": [-9007199254740993, 1]}",
     "$randint needs bounds within 2^53 (9007199254740992), got [-9007199254740993, 1]"},
    {"{\"$randint\": [0, 1e17]}",
     "$randint needs bounds within 2^53 (9007199254740992), got [0, 1e+17]"},
    {"{\"$qrandint\": [1, 10, 3]}",
     "$qrandint needs low and high to be multiples of q, got [1, 10, 3]"},
    {"{\"$qrandint\": [0, 10, 2.5]}", "$qrandint needs whole numbers, got [0, 10, 2.5]"},
    {"{\"$qrandint\": [0, 10, 0]}", "$qrandint needs q > 0, got [0, 10, 0]"},
    {"{\"$qrandint\": 10}", "$qrandint takes [low, high] or [low, high, q], got 10"},
    {"{\"$lograndint\": [0, 10]}", "$lograndint needs 0 < low < high, got [0, 10]"},
    {"{\"$lograndint\": [1, 10, -1]}", "$lograndint needs base > 0, got [1, 10, -1]"},
    {"{\"$lograndint\": [1.5, 10]}", "$lograndint needs whole numbers, got [1.5, 10]"},
    {"{\"$qlograndint\": [16, 100, 16]}",
     "$qlograndint needs low and high to be multiples of q, got [16, 100, 16]"},
    {"{\"$choice\": []}", "$choice needs at least one choice, got []"},
    {"{\"$choice\": 5}", "$choice takes an array of choices, got 5"},
    {"{\"$grid_search\": []}", "$grid_search needs at least one choice, got []"},
    {"{\"$grid_search\": {\"a\": 1}}", "$grid_search takes an array of choices, got {\"a\":1}"},
    {"{\"$sample_from\": 5}", "$sample_from takes an expression as a text, got 5"},
    {"{\"$sample_from\": [\"1\"]}", "$sample_from takes an expression as a text, got [\"1\"]"},
};

static void
test_refused(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *config = g_strdup_printf("{\"lr\": %s}", refused[i][0]);
        g_autofree char *want = g_strconcat("config.lr: ", refused[i][1], NULL);
        g_autofree char *problem = test_problem(config);
        g_assert_cmpstr(problem, ==, want);
    }
}

static void
test_long_arguments_are_cut(void)
{
    GString *config = g_string_new("{\"a\": {\"$uniform\": [");
    for (guint i = 0; i < 1000; i++)
        g_string_append(config, "1234567,");
    g_string_append(config, "1]}}");
    g_autofree char *problem = test_problem(config->str);
    g_assert_cmpuint(strlen(problem), <, 160);
    g_assert_true(g_str_has_suffix(problem, "..."));
    g_string_free(config, TRUE);
}

static void
test_no_expression_syntax(void)
{
    g_autofree char *problem = test_problem("{\"a\": {\"$sample_from\": \"1 +\"}}");
    g_assert_true(g_str_has_prefix(problem, "config.a: $sample_from: "));
}

static void
test_names_are_sorted(void)
{
    const char *const *names = space_operators();
    guint n = 0;
    for (; names[n] != NULL; n++) {
        g_assert_cmpint(names[n][0], ==, '$');
        g_assert_true(n == 0 || strcmp(names[n - 1], names[n]) < 0);
    }
    g_assert_cmpuint(n, ==, 14);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/space/operators/bounds", test_bounds);
    g_test_add_func("/space/operators/refused", test_refused);
    g_test_add_func("/space/operators/long-arguments-are-cut", test_long_arguments_are_cut);
    g_test_add_func("/space/operators/an-expression-must-compile", test_no_expression_syntax);
    g_test_add_func("/space/operators/names-are-sorted", test_names_are_sorted);
    return g_test_run();
}
