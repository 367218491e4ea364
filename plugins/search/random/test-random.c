/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include <pegbox/helpers.h>

#include "host.h"

static PbxTestHost *
random_for(const char *options, const char *config, gint64 num_samples)
{
    PbxTestHost *host = test_host_new(options);
    pbx_status status = test_host_setup(host, config, NULL, num_samples);
    g_assert_cmpstr(host->error.message, ==, "");
    g_assert_cmpint(status, ==, PBX_OK);
    return host;
}

static pbx_status
suggest(PbxTestHost *host, guint64 ask, double *x)
{
    const pbx_search *search = host->vtable;
    pbx_suggestion suggestion = {.struct_size = sizeof suggestion,
                                 .n_dims = host->problem.space->n_dims,
                                 .trial = ask,
                                 .ask = ask,
                                 .x = x};
    for (guint i = 0; i < suggestion.n_dims; i++)
        x[i] = 123456;
    return search->suggest(host->self, &suggestion, &host->error);
}

/* The config of the n-th suggestion, or NULL when there are no more. */
static char *
config_of(PbxTestHost *host, guint64 ask)
{
    g_autoptr(GError) error = NULL;
    g_autofree double *x = g_new0(double, host->problem.space->n_dims + 1);
    g_autofree double *snapped = g_new0(double, host->problem.space->n_dims + 1);
    gboolean altered;
    PbxRandom random = {.seed = random_seed(1, "sample"), .stream = ask};
    pbx_status status = suggest(host, ask, x);
    if (status == PBX_DONE)
        return NULL;
    g_assert_cmpint(status, ==, PBX_OK);
    memcpy(snapped, x, host->problem.space->n_dims * sizeof(double));
    g_assert_true(space_snap(host->space, snapped, &altered, &error));
    g_assert_no_error(error);
    g_assert_false(altered);
    g_autoptr(JsonNode) config = space_config(host->space, x, NULL, NULL, &random, &error);
    g_assert_no_error(error);
    return json_to_text(config);
}

/* All configs, separated by a space. */
static char *
all_configs(PbxTestHost *host)
{
    const pbx_search *search = host->vtable;
    int64_t total;
    GString *all = g_string_new(NULL);
    guint64 ask = 0;
    for (;; ask++) {
        g_autofree char *config = config_of(host, ask);
        if (config == NULL)
            break;
        g_string_append_printf(all, "%s%s", ask > 0 ? " " : "", config);
    }
    g_assert_cmpint(search->total(host->self, &total, &host->error), ==, PBX_OK);
    g_assert_cmpint(total, ==, (int64_t)ask);
    return g_string_free(all, FALSE);
}

static void
check_all(const char *options, const char *config, gint64 num_samples, const char *expected)
{
    g_autoptr(PbxTestHost) host = random_for(options, config, num_samples);
    g_autofree char *all = all_configs(host);
    g_assert_cmpstr(all, ==, expected);
}

/* ---- Tune's order ---- */

static void
test_first_grid_varies_fastest(void)
{
    check_all("{}",
              "{\"bar\": {\"$grid_search\": [true, false]}, "
              "\"foo\": {\"$grid_search\": [1, 2, 3]}, \"baz\": \"asd\"}",
              1,
              "{\"bar\":true,\"foo\":1,\"baz\":\"asd\"} {\"bar\":false,\"foo\":1,\"baz\":\"asd\"} "
              "{\"bar\":true,\"foo\":2,\"baz\":\"asd\"} {\"bar\":false,\"foo\":2,\"baz\":\"asd\"} "
              "{\"bar\":true,\"foo\":3,\"baz\":\"asd\"} {\"bar\":false,\"foo\":3,\"baz\":\"asd\"}");
}

static void
test_grids_are_sorted_by_path(void)
{
    check_all("{}", "{\"z\": {\"$grid_search\": [1, 2]}, \"a\": {\"$grid_search\": [3, 4]}}", 1,
              "{\"z\":1,\"a\":3} {\"z\":1,\"a\":4} {\"z\":2,\"a\":3} {\"z\":2,\"a\":4}");
}

static void
test_sample_from_sees_the_grid(void)
{
    check_all("{}",
              "{\"x\": {\"$grid_search\": [1, 2]}, \"y\": {\"$sample_from\": \"config.x*100\"}}", 1,
              "{\"x\":1,\"y\":100} {\"x\":2,\"y\":200}");
}

static void
test_num_samples_repeats_all(void)
{
    check_all("{}", "{}", 2, "{} {}");
    check_all("{}", "{\"x\": {\"$grid_search\": [1, 2]}}", 2,
              "{\"x\":1} {\"x\":2} {\"x\":1} {\"x\":2}");
}

/* Points within an item come before the next item; the others do not have them. */
static void
test_grid_within_a_grid(void)
{
    check_all(
        "{}",
        "{\"w\": {\"$grid_search\": [0, 1]}, "
        "\"x\": {\"$grid_search\": [{\"a\": {\"$grid_search\": [1, 2]}}, 5]}}",
        1,
        "{\"w\":0,\"x\":{\"a\":1}} {\"w\":0,\"x\":{\"a\":2}} "
        "{\"w\":1,\"x\":{\"a\":1}} {\"w\":1,\"x\":{\"a\":2}} {\"w\":0,\"x\":5} {\"w\":1,\"x\":5}");
}

/* The same as core's own enumeration, which is written apart from this one. */
static void
check_order(const char *config, guint64 size)
{
    g_autoptr(PbxTestHost) host = random_for("{}", config, 1);
    guint64 n = space_grid_size(host->space);
    guint n_dims = host->problem.space->n_dims;
    g_assert_cmpuint(n, ==, size);
    for (guint64 ask = 0; ask < n; ask++) {
        g_autofree double *x = g_new(double, n_dims), *expected = g_new(double, n_dims);
        PbxRandom random = {.seed = random_seed(1, "x")};
        space_draw_point(host->space, &random, ask, expected);
        g_assert_cmpint(suggest(host, ask, x), ==, PBX_OK);
        for (guint i = 0; i < n_dims; i++)
            g_assert_true(isnan(x[i]) ? isnan(expected[i]) : x[i] == expected[i]);
    }
}

#define GRID "{\"$grid_search\": [1, 2]}"

static void
test_order_is_that_of_core(void)
{
    check_order("{\"b\": {\"$grid_search\": [1, {\"c\": {\"$grid_search\": [2, 3]}, \"d\": "
                "{\"$grid_search\": "
                "[4, {\"e\": {\"$grid_search\": [5, 6, 7]}}]}}]}, \"a\": {\"$grid_search\": "
                "[[{\"$grid_search\": "
                "[1, 2]}, {\"$grid_search\": [3, 4]}], 8]}, \"z\": {\"$grid_search\": [9, 10]}}",
                (1 + 2 * (1 + 3)) * (4 + 1) * 2);
    check_order("{\"a-b\": " GRID ", \"a\": {\"c\": " GRID ", \"b\": " GRID "}, \"a.b\": " GRID
                ", \"q\\\"\": " GRID ", \"q\\\"a\": " GRID ", \"a[1]\": " GRID "}",
                1 << 7);
}

/* Paths are compared by elements, and indexes are numbers. */
static void
test_order_of_nested_paths(void)
{
    check_all("{}",
              "{\"a-b\": {\"$grid_search\": [3, 4]}, \"a\": {\"b\": {\"$grid_search\": [1, 2]}}}",
              1,
              "{\"a-b\":3,\"a\":{\"b\":1}} {\"a-b\":3,\"a\":{\"b\":2}} "
              "{\"a-b\":4,\"a\":{\"b\":1}} {\"a-b\":4,\"a\":{\"b\":2}}");
    check_all("{}", "{\"l\": [0, 1, " GRID ", 3, 4, 5, 6, 7, 8, 9, " GRID "]}", 1,
              "{\"l\":[0,1,1,3,4,5,6,7,8,9,1]} {\"l\":[0,1,2,3,4,5,6,7,8,9,1]} "
              "{\"l\":[0,1,1,3,4,5,6,7,8,9,2]} {\"l\":[0,1,2,3,4,5,6,7,8,9,2]}");
}

/* ---- What is random ---- */

static void
test_random_values_are_drawn_for_each_trial(void)
{
    g_autoptr(PbxTestHost) host =
        random_for("{}", "{\"x\": {\"$grid_search\": [1, 2]}, \"u\": {\"$uniform\": [0, 1]}}", 3);
    guint dim = strcmp(host->problem.space->dims[0]->name, "u") == 0 ? 0 : 1;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_double_hash, g_double_equal);
    double x[6][2];
    for (guint64 ask = 0; ask < 6; ask++) {
        g_assert_cmpint(suggest(host, ask, x[ask]), ==, PBX_OK);
        g_assert_true(g_hash_table_add(seen, &x[ask][dim]));
    }
}

static void
test_constant_grid_search_keeps_them(void)
{
    g_autoptr(PbxTestHost) host =
        random_for("{\"constant_grid_search\": true}",
                   "{\"x\": {\"$grid_search\": [1, 2, 3]}, \"u\": {\"$uniform\": [0, 1]}}", 2);
    guint dim = strcmp(host->problem.space->dims[0]->name, "u") == 0 ? 0 : 1;
    double x[6][2];
    for (guint64 ask = 0; ask < 6; ask++)
        g_assert_cmpint(suggest(host, ask, x[ask]), ==, PBX_OK);
    g_assert_cmpfloat(x[0][dim], ==, x[1][dim]);
    g_assert_cmpfloat(x[0][dim], ==, x[2][dim]);
    g_assert_cmpfloat(x[3][dim], ==, x[5][dim]);
    g_assert_cmpfloat(x[0][dim], !=, x[3][dim]);
}

#define OPERATORS                                                                                  \
    "{\"a\": {\"$uniform\": [-1, 1]}, \"b\": {\"$quniform\": [0, 0.9, 0.3]}, "                     \
    "\"c\": {\"$loguniform\": [1e-10, 0.1]}, \"d\": {\"$qloguniform\": [0.5, 2, 0.5]}, "           \
    "\"e\": {\"$randn\": [3, 2]}, \"f\": {\"$qrandn\": [0, 1, 0.5]}, \"g\": {\"$randint\": 4}, "   \
    "\"h\": {\"$qrandint\": [0, 10, 5]}, \"i\": {\"$lograndint\": [1, 100]}, "                     \
    "\"j\": {\"$qlograndint\": [2, 8, 2]}, \"k\": {\"$choice\": [\"x\", "                          \
    "{\"type\": \"y\", \"eps\": {\"$loguniform\": [1e-9, 1e-6]}}, [{\"$randint\": 3}, 1]]}}"

static guint
dim_of(PbxTestHost *host, const char *name)
{
    for (guint i = 0; i < host->problem.space->n_dims; i++)
        if (strcmp(host->problem.space->dims[i]->name, name) == 0)
            return i;
    g_assert_not_reached();
}

/* The share of 20,000 draws at or below a value. */
static double
share(PbxTestHost *host, const char *name, double value)
{
    enum { N = 20000 };
    guint below = 0, dim = dim_of(host, name);
    g_autofree double *x = g_new(double, host->problem.space->n_dims);
    for (guint64 ask = 0; ask < N; ask++) {
        g_assert_cmpint(suggest(host, ask, x), ==, PBX_OK);
        below += x[dim] <= value;
    }
    return (double)below / N;
}

#define assert_share(NAME, VALUE, P)                                                               \
    g_assert_cmpfloat(fabs(share(host, NAME, VALUE) - (P)), <, 0.012)

static void
test_distributions(void)
{
    g_autoptr(PbxTestHost) host = random_for("{}", OPERATORS, -1);
    assert_share("a", 0.5, 0.75);
    assert_share("b", 0, 0.25); /* 0, 0.3, 0.6, 0.9 alike, both ends too */
    assert_share("b", 0.7, 0.75);
    assert_share("b", 0.9, 1);
    assert_share("c", 1e-4, 2. / 3);
    assert_share("d", 0.5, log(0.75 / 0.25) / log(2.25 / 0.25));
    assert_share("e", 3, 0.5);
    assert_share("e", 5, 0.841345);
    assert_share("f", -0.5, 0.401294);
    assert_share("g", 0, 0.25);
    assert_share("g", 3, 1);
    assert_share("h", 0, 1. / 3);
    assert_share("h", 5, 2. / 3);
    assert_share("i", 1, 0.15051);
    assert_share("i", 9, 0.5);
    assert_share("i", 99, 1);
    assert_share("j", 2, log(3. / 1) / log(9. / 1));
    assert_share("k", 0, 1. / 3);
}

/* Every value is one that core takes as it is; what is inactive is NaN. */
static void
test_points_are_valid(void)
{
    g_autoptr(PbxTestHost) host = random_for("{}", OPERATORS, -1);
    for (guint64 ask = 0; ask < 2000; ask++) {
        g_autofree char *config = config_of(host, ask);
        g_assert_nonnull(config);
    }
}

static void
test_the_nth_is_a_function_of_n(void)
{
    g_autoptr(PbxTestHost) forth = random_for("{}", OPERATORS, -1);
    g_autoptr(PbxTestHost) back = random_for("{}", OPERATORS, -1);
    g_auto(GStrv) configs = g_new0(char *, 51);
    for (guint64 ask = 0; ask < 50; ask++)
        configs[ask] = config_of(forth, ask);
    for (guint64 ask = 50; ask-- > 0;) {
        g_autofree char *config = config_of(back, ask);
        g_assert_cmpstr(config, ==, configs[ask]);
    }
}

static void
test_endless(void)
{
    g_autoptr(PbxTestHost) host = random_for("{}", "{\"x\": {\"$grid_search\": [1, 2]}}", -1);
    const pbx_search *search = host->vtable;
    int64_t total;
    g_autofree char *config = config_of(host, G_GUINT64_CONSTANT(1000000000001));
    g_assert_cmpstr(config, ==, "{\"x\":2}");
    g_assert_cmpint(search->total(host->self, &total, &host->error), ==, PBX_OK);
    g_assert_cmpint(total, ==, -1);
}

static void
test_more_samples_on_resume(void)
{
    g_autoptr(PbxTestHost) host = random_for("{}", "{\"u\": {\"$uniform\": [0, 1]}}", 1);
    g_autofree char *before = config_of(host, 0);
    g_assert_null(config_of(host, 1));
    test_host_setup(host, "{\"u\": {\"$uniform\": [0, 1]}}", NULL, 2);
    g_autofree char *after = config_of(host, 0);
    g_autofree char *second = config_of(host, 1);
    g_assert_cmpstr(before, ==, after);
    g_assert_nonnull(second);
}

/* ---- Duplicates ---- */

static void
skip(PbxTestHost *host)
{
    const pbx_search *search = host->vtable;
    const pbx_outcome outcome = {
        .struct_size = sizeof outcome, .end = PBX_END_DUPLICATE, .trial = PBX_NONE};
    g_assert_cmpint(search->tell(host->self, &outcome, &host->error), ==, PBX_OK);
}

static void
assert_total(PbxTestHost *host, gint64 expected)
{
    const pbx_search *search = host->vtable;
    int64_t total = 0;
    g_assert_cmpint(search->total(host->self, &total, &host->error), ==, PBX_OK);
    g_assert_cmpint(total, ==, expected);
}

static gboolean
has_config(PbxTestHost *host, guint64 ask)
{
    g_autofree char *config = config_of(host, ask);
    return config != NULL;
}

/* Each gets another one in its place, also after the state was loaded. */
static void
test_skipped_ones_do_not_count(void)
{
    g_autoptr(PbxTestHost) host = random_for("{}", "{\"u\": {\"$randint\": 3}}", 2);
    g_assert_false(has_config(host, 2));
    skip(host);
    g_assert_true(has_config(host, 2));
    g_assert_false(has_config(host, 3));
    assert_total(host, 2);
    g_bytes_unref(test_host_reload(host));
    g_assert_true(has_config(host, 2));
    g_assert_false(has_config(host, 3));
}

static void
test_ends_of_trials_count_nothing(void)
{
    g_autoptr(PbxTestHost) host = random_for("{}", "{\"u\": {\"$randint\": 3}}", 1);
    const pbx_search *search = host->vtable;
    const pbx_outcome outcome = {
        .struct_size = sizeof outcome, .end = PBX_END_COMPLETED, .trial = 0};
    g_assert_cmpint(search->tell(host->self, &outcome, &host->error), ==, PBX_OK);
    g_assert_false(has_config(host, 1));
}

static void
test_a_grid_ends_with_its_last_point(void)
{
    g_autoptr(PbxTestHost) host = random_for("{}", "{\"x\": {\"$grid_search\": [1, 2]}}", 2);
    skip(host);
    g_assert_true(has_config(host, 3));
    g_assert_false(has_config(host, 4));
    assert_total(host, 3);
}

/* What is drawn beside a grid goes on. */
static void
test_a_grid_with_draws_goes_on(void)
{
    g_autoptr(PbxTestHost) host =
        random_for("{}", "{\"x\": {\"$grid_search\": [1, 2]}, \"u\": {\"$randint\": 9}}", 1);
    skip(host);
    g_assert_true(has_config(host, 2));
    g_assert_false(has_config(host, 3));
    assert_total(host, 2);
}

/* ---- points_to_evaluate ---- */

static void
test_each_point_replaces_a_sample(void)
{
    g_autoptr(PbxTestHost) host =
        random_for("{\"points_to_evaluate\": [{\"a\": 2, \"b\": 2}, {\"a\": 1}, {\"b\": 2}]}",
                   "{\"a\": {\"$grid_search\": [1, 2]}, \"b\": {\"$randint\": [0, 3]}}", 4);
    g_autofree char *all = all_configs(host);
    g_auto(GStrv) configs = g_strsplit(all, " ", -1);
    g_assert_cmpuint(g_strv_length(configs), ==, 6);
    g_assert_cmpstr(configs[0], ==, "{\"a\":2,\"b\":2}");
    g_assert_true(g_str_has_prefix(configs[1], "{\"a\":1,"));
    g_assert_cmpstr(configs[2], ==, "{\"a\":1,\"b\":2}");
    g_assert_cmpstr(configs[3], ==, "{\"a\":2,\"b\":2}");
    g_assert_true(g_str_has_prefix(configs[4], "{\"a\":1,"));
    g_assert_true(g_str_has_prefix(configs[5], "{\"a\":2,"));
}

static void
test_all_points_are_evaluated(void)
{
    check_all("{\"points_to_evaluate\": [{\"a\": 1}, {\"a\": 2}, {\"a\": 3}]}",
              "{\"a\": {\"$randint\": [0, 10]}}", 1, "{\"a\":1} {\"a\":2} {\"a\":3}");
}

#define TREE                                                                                       \
    "{\"opt\": {\"$choice\": [{\"type\": \"sgd\", \"lr\": {\"$uniform\": [0, 1]}}, "               \
    "{\"type\": \"adam\", \"lr\": {\"$uniform\": [2, 3]}, \"eps\": {\"$uniform\": [0, 1]}}]}, "    \
    "\"layers\": [{\"$randint\": 100}, 7], \"a.b\": {\"$randint\": 100}}"

static void
check_first(const char *points, const char *part)
{
    g_autofree char *options = g_strdup_printf("{\"points_to_evaluate\": %s}", points);
    g_autoptr(PbxTestHost) host = random_for(options, TREE, 1);
    g_autofree char *config = config_of(host, 0);
    if (strstr(config, part) == NULL)
        g_error("%s gave %s, without %s", points, config, part);
}

static void
test_points_take_branches(void)
{
    check_first("[{\"opt\": {\"type\": \"adam\", \"lr\": 2.5, \"eps\": 0.25}}]",
                "\"opt\":{\"type\":\"adam\",\"lr\":2.5,\"eps\":0.25}");
    check_first("[{\"opt\": {\"type\": \"sgd\", \"lr\": 0.5}}]", "{\"type\":\"sgd\",\"lr\":0.5}");
    check_first("[{\"opt\": {\"eps\": 0.5}}]", "\"eps\":0.5}");
    check_first("[{\"opt.eps\": 0.125}]", "\"eps\":0.125}");
    check_first("[{\"opt.eps\": 0.125}]", "\"type\":\"adam\"");
    check_first("[{\"opt\": {\"lr\": 2.5}}]", "\"type\":\"adam\",\"lr\":2.5");
    check_first("[{\"opt.lr\": 2.5, \"opt\": {\"type\": \"adam\"}}]", "\"lr\":2.5");
    check_first("{\"layers\": [42, 7]}", "[42,7]");
    check_first("[{\"layers[0]\": 42}]", "[42,7]");
    check_first("[{\"a.b\": 42}]", "\"a.b\":42");
}

static void
check_refused(const char *points, const char *config, const char *word)
{
    g_autofree char *options = g_strdup_printf("{\"points_to_evaluate\": %s}", points);
    g_autoptr(PbxTestHost) host = test_host_new(options);
    g_assert_cmpint(test_host_setup(host, config, NULL, 1), ==, PBX_EINVAL);
    g_assert_nonnull(strstr(host->error.where, "points_to_evaluate["));
    if (strstr(host->error.message, word) == NULL)
        g_error("%s gave '%s', without '%s'", points, host->error.message, word);
}

static void
test_points_that_do_not_fit(void)
{
    check_refused("[{}, {\"nope\": 1}]", "{\"a\": {\"$randint\": 3}}", "nope is no parameter");
    check_refused("[{\"a\": 5}]", "{\"a\": {\"$randint\": 3}}", "the value of a lies outside");
    check_refused("[{\"a\": 1.5}]", "{\"a\": {\"$randint\": 3}}", "the value of a lies outside");
    check_refused("[{\"a\": \"x\"}]", "{\"a\": {\"$choice\": [1, 2]}}", "the value of a lies");
    check_refused("[7]", "{\"a\": {\"$randint\": 3}}", "object of parameters");
    check_refused("[{\"opt\": {\"type\": \"rms\"}}]", TREE, "the value of opt lies outside");
    check_refused("[{\"opt\": {\"type\": \"sgd\"}, \"opt.eps\": 0.5}]", TREE, "opt.eps");
}

#define ADD(NAME, FUNCTION) g_test_add_func("/random/" NAME, FUNCTION)

/* ---- For the status block ---- */

static void
test_describes_itself(void)
{
    static const struct {
        const char *options, *config;
        gint64 num_samples;
        const char *text;
    } cases[] = {
        {"{}", "{\"x\": {\"$uniform\": [0, 1]}}", 20, "Random draws: 20 points"},
        {"{}", "{\"x\": {\"$uniform\": [0, 1]}}", 1, "Random draws: 1 point"},
        {"{}", "{\"x\": {\"$uniform\": [0, 1]}}", -1, "Random draws without end"},
        {"{}", "{\"x\": {\"$grid_search\": [1, 2, 3]}}", 2, "A grid of 3 points, 2 times"},
        {"{}", "{\"x\": {\"$grid_search\": [1, 2]}}", -1, "A grid of 2 points, over and over"},
        {"{\"points_to_evaluate\": [{\"x\": 0.5}]}", "{\"x\": {\"$uniform\": [0, 1]}}", 5,
         "Random draws: 5 points, 1 of them given"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(PbxTestHost) host =
            random_for(cases[i].options, cases[i].config, cases[i].num_samples);
        const pbx_search *search = host->vtable;
        pbx_memory memory = {0};
        pbx_sink sink = pbx_memory_sink(&memory);
        g_assert_cmpint(search->object.describe(host->self, &sink), ==, PBX_OK);
        g_assert_cmpstr((const char *)memory.bytes, ==, cases[i].text);
        pbx_memory_free(&memory);
    }
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    ADD("first-grid-varies-fastest", test_first_grid_varies_fastest);
    ADD("grids-are-sorted-by-path", test_grids_are_sorted_by_path);
    ADD("sample-from-sees-the-grid", test_sample_from_sees_the_grid);
    ADD("num-samples-repeats-all", test_num_samples_repeats_all);
    ADD("grid-within-a-grid", test_grid_within_a_grid);
    ADD("order-is-that-of-core", test_order_is_that_of_core);
    ADD("order-of-nested-paths", test_order_of_nested_paths);
    ADD("random-values-are-drawn-for-each-trial", test_random_values_are_drawn_for_each_trial);
    ADD("constant-grid-search-keeps-them", test_constant_grid_search_keeps_them);
    ADD("distributions", test_distributions);
    ADD("points-are-valid", test_points_are_valid);
    ADD("the-nth-is-a-function-of-n", test_the_nth_is_a_function_of_n);
    ADD("endless", test_endless);
    ADD("more-samples-on-resume", test_more_samples_on_resume);
    ADD("skipped-ones-do-not-count", test_skipped_ones_do_not_count);
    ADD("ends-of-trials-count-nothing", test_ends_of_trials_count_nothing);
    ADD("a-grid-ends-with-its-last-point", test_a_grid_ends_with_its_last_point);
    ADD("a-grid-with-draws-goes-on", test_a_grid_with_draws_goes_on);
    ADD("each-point-replaces-a-sample", test_each_point_replaces_a_sample);
    ADD("all-points-are-evaluated", test_all_points_are_evaluated);
    ADD("points-take-branches", test_points_take_branches);
    ADD("points-that-do-not-fit", test_points_that_do_not_fit);
    ADD("describes-itself", test_describes_itself);
    return g_test_run();
}
