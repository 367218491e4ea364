/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Draws follow each operator's distribution; points are made valid; grids are counted. Each
 * test draws from a fixed stream, so it gives the same numbers every time. */
#include "space-test.h"

#define DRAWS 20000
/* In standard deviations: a right count is off by more once in 150,000. */
#define TOLERANCE 4.5

static void
draw_many(const char *op, double *values)
{
    g_autofree char *config = g_strdup_printf("{\"p\": %s}", op);
    g_autoptr(TestSpace) test = test_space(config);
    PbxRandom random = test_random(g_str_hash(op));
    for (guint i = 0; i < DRAWS; i++) {
        values[i] = space_draw(test->space, 0, &random);
        double snapped = values[i];
        gboolean altered = TRUE;
        g_assert_true(space_snap(test->space, &snapped, &altered, NULL));
        g_assert_true(snapped == values[i] && !altered); /* a draw is valid */
    }
}

static guint
count_of(const double *values, double low, double high)
{
    guint count = 0;
    for (guint i = 0; i < DRAWS; i++)
        count += values[i] >= low && values[i] < high;
    return count;
}

static void
assert_share(const double *values, double low, double high, double share)
{
    double deviation = sqrt(DRAWS * share * (1 - share));
    double count = count_of(values, low, high);
    if (fabs(count - DRAWS * share) > TOLERANCE * deviation + 0.5)
        g_error("[%g, %g): %g draws, not %g", low, high, count, DRAWS * share);
}

static void
test_uniform(void)
{
    static double values[DRAWS];
    draw_many("{\"$uniform\": [-2, 6]}", values);
    for (guint i = 0; i < 16; i++)
        assert_share(values, -2 + i * 0.5, -2 + (i + 1) * 0.5, 1.0 / 16);
    g_assert_cmpuint(count_of(values, -2, 6), ==, DRAWS);
}

static void
test_uniform_of_any_width(void)
{
    static double values[DRAWS];
    draw_many("{\"$uniform\": [-1.7e308, 1.7e308]}", values);
    assert_share(values, -1.7e308, 0, 0.5);
    assert_share(values, 0, 0.85e308, 0.25);
    g_assert_cmpuint(count_of(values, -1.7e308, 1.7e308), ==, DRAWS);
}

static void
test_loguniform(void)
{
    static double values[DRAWS];
    draw_many("{\"$loguniform\": [1e-10, 1e-1]}", values);
    for (gint i = -10; i < -1; i++)
        assert_share(values, pow(10, i), pow(10, i + 1), 1.0 / 9);
    double low = INFINITY, high = 0;
    for (guint i = 0; i < 1000; i++) {
        low = fmin(low, values[i]);
        high = fmax(high, values[i]);
    }
    g_assert_cmpfloat(fabs(log10(low) + 10), <, 0.1); /* Ray's own test */
    g_assert_cmpfloat(fabs(log10(high) + 1), <, 0.1);
}

static void
test_base_changes_nothing(void)
{
    g_autoptr(TestSpace) plain = test_space("{\"p\": {\"$loguniform\": [1e-5, 1]}}");
    g_autoptr(TestSpace) based = test_space("{\"p\": {\"$loguniform\": [1e-5, 1, 2]}}");
    PbxRandom first = test_random(3), second = test_random(3);
    for (guint i = 0; i < 100; i++)
        g_assert_true(space_draw(plain->space, 0, &first) == space_draw(based->space, 0, &second));
}

static void
test_quniform_values_are_alike(void)
{
    static double values[DRAWS];
    draw_many("{\"$quniform\": [0, 0.9, 0.3]}", values);
    const double want[] = {0, 0.3, 0.6, 0.9};
    for (guint i = 0; i < 4; i++)
        assert_share(values, want[i] - 1e-12, want[i] + 1e-12, 0.25);
}

static void
test_tenths_are_short(void)
{
    static double values[DRAWS];
    draw_many("{\"$quniform\": [0, 1, 0.1]}", values);
    const double want[] = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
    for (guint i = 0; i < 11; i++)
        assert_share(values, want[i], nextafter(want[i], 2), 1.0 / 11);
}

static void
test_randn(void)
{
    static double values[DRAWS];
    draw_many("{\"$randn\": [3, 2]}", values);
    assert_share(values, -INFINITY, 1, 0.158655254);
    assert_share(values, 1, 3, 0.341344746);
    assert_share(values, 3, 5, 0.341344746);
    assert_share(values, 7, INFINITY, 0.022750132);
}

static void
test_qrandn(void)
{
    static double values[DRAWS];
    draw_many("{\"$qrandn\": [0, 1, 0.5]}", values);
    for (guint i = 0; i < DRAWS; i++) {
        g_assert_true(values[i] * 2 == rint(values[i] * 2));
        g_assert_false(values[i] == 0 && signbit(values[i]));
    }
    assert_share(values, 0, 0.5, 0.197412651); /* within a quarter of 0 */
}

static void
assert_integers(const char *op, gint low, gint high)
{
    static double values[DRAWS];
    draw_many(op, values);
    for (gint i = low; i <= high; i++)
        assert_share(values, i, i + 1, 1.0 / (high - low + 1));
    g_assert_cmpuint(count_of(values, low, high + 1), ==, DRAWS);
}

static void
test_integers(void)
{
    assert_integers("{\"$randint\": [-2, 8]}", -2, 7);
    assert_integers("{\"$randint\": 3}", 0, 2);
    assert_integers("{\"$qrandint\": [0, 10, 1]}", 0, 10); /* 10 too */
}

static void
test_qrandint_values_are_alike(void)
{
    static double values[DRAWS];
    draw_many("{\"$qrandint\": [0, 10, 5]}", values);
    for (guint i = 0; i < 3; i++)
        assert_share(values, 5 * i, 5 * i + 1, 1.0 / 3);
}

static void
test_lograndint(void)
{
    static double values[DRAWS];
    draw_many("{\"$lograndint\": [1, 100]}", values);
    assert_share(values, 1, 2, 0.15051);
    assert_share(values, 2, 3, log10(1.5) / 2);
    assert_share(values, 10, 100, 0.5);
    assert_share(values, 99, 100, 0.00218);
    g_assert_cmpuint(count_of(values, 1, 100), ==, DRAWS);
}

/* Each value has the mass of its cell [v - q/2, v + q/2]. */
static void
assert_log_cells(const char *op, double low, double high, double q)
{
    static double values[DRAWS];
    draw_many(op, values);
    double whole = log((high + q / 2) / (low - q / 2));
    for (double v = low; v < high + q / 2; v += q)
        assert_share(values, v - q / 4, v + q / 4, log((v + q / 2) / (v - q / 2)) / whole);
}

static void
test_quantised_log_cells(void)
{
    assert_log_cells("{\"$qlograndint\": [16, 64, 16]}", 16, 64, 16);
    assert_log_cells("{\"$qlograndint\": [1, 4, 1]}", 1, 4, 1);
    assert_log_cells("{\"$qloguniform\": [0.5, 2, 0.5]}", 0.5, 2, 0.5);
}

static void
test_choice(void)
{
    static double values[DRAWS];
    draw_many("{\"$choice\": [\"a\", \"b\", \"c\", \"a\"]}", values);
    for (guint i = 0; i < 4; i++)
        assert_share(values, i, i + 1, 0.25);
}

/* ---- Making valid ---- */

typedef struct {
    const char *op;
    double x, want;
    gboolean altered;
} Snap;

static const Snap snaps[] = {
    {"{\"$quniform\": [-2, 4, 1]}", 0.5, 0, TRUE}, /* half to even */
    {"{\"$quniform\": [-2, 4, 1]}", 1.5, 2, TRUE},
    {"{\"$quniform\": [-2, 4, 1]}", 2.5, 2, TRUE},
    {"{\"$quniform\": [-2, 4, 1]}", -0.5, 0, TRUE},
    {"{\"$quniform\": [-2, 4, 1]}", 9, 4, TRUE},
    {"{\"$quniform\": [-2, 4, 1]}", INFINITY, 4, TRUE},
    {"{\"$quniform\": [0, 0.9, 0.3]}", 3 * 0.3, 0.9, FALSE},
    {"{\"$quniform\": [0, 1, 0.1]}", 3 * 0.1, 0.3, FALSE},
    {"{\"$quniform\": [0, 1, 0.1]}", 0.31, 0.3, TRUE},
    {"{\"$uniform\": [0, 1]}", 0.25, 0.25, FALSE},
    {"{\"$uniform\": [0, 1]}", -3, 0, TRUE},
    {"{\"$uniform\": [0, 1]}", -1e-17, 0, TRUE},
    {"{\"$uniform\": [0, 1]}", 1, 0x1.fffffffffffffp-1, FALSE}, /* the largest below 1 */
    {"{\"$uniform\": [0, 1]}", 2, 0x1.fffffffffffffp-1, TRUE},
    {"{\"$uniform\": [0, 1]}", -INFINITY, 0, TRUE},
    {"{\"$loguniform\": [1, 10]}", 0.5, 1, TRUE},
    {"{\"$randint\": [0, 10]}", 3, 3, FALSE},
    {"{\"$randint\": [0, 10]}", 3 + 1e-12, 3, FALSE},
    {"{\"$randint\": [0, 10]}", 3.4, 3, TRUE},
    {"{\"$randint\": [0, 10]}", -0.2, 0, TRUE},
    {"{\"$randint\": [0, 10]}", 10, 9, TRUE},
    {"{\"$qrandint\": [0, 10, 5]}", 7.4, 5, TRUE},
    {"{\"$qrandint\": [0, 10, 5]}", 7.6, 10, TRUE},
    {"{\"$lograndint\": [1, 100]}", 0, 1, TRUE},
    {"{\"$qlograndint\": [16, 64, 16]}", 1, 16, TRUE},
    {"{\"$qloguniform\": [0.5, 8, 0.5]}", 1.1, 1, TRUE},
    {"{\"$randn\": []}", -40, -40, FALSE},
    {"{\"$qrandn\": [0, 1, 0.5]}", 1.2, 1, TRUE},
    {"{\"$choice\": [1, 2]}", 1, 1, FALSE},
};

static void
test_snap(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(snaps); i++) {
        g_autofree char *config = g_strdup_printf("{\"p\": %s}", snaps[i].op);
        g_autoptr(TestSpace) test = test_space(config);
        double x = snaps[i].x;
        gboolean altered = !snaps[i].altered;
        g_autoptr(GError) error = NULL;
        g_assert_true(space_snap(test->space, &x, &altered, &error));
        if (x != snaps[i].want || altered != snaps[i].altered || (x == 0 && signbit(x)))
            g_error("%s: %.17g became %.17g, altered %d", snaps[i].op, snaps[i].x, x, altered);
    }
}

static void
test_snap_refuses(void)
{
    const struct {
        const char *op;
        double x;
        const char *message;
    } bad[] = {
        {"{\"$uniform\": 1}", NAN, "p has no value"},
        {"{\"$choice\": [1, 2]}", NAN, "p has no value"},
        {"{\"$choice\": [1, 2]}", 2, "p: 2 is no index of a choice"},
        {"{\"$choice\": [1, 2]}", -1, "p: -1 is no index of a choice"},
        {"{\"$choice\": [1, 2]}", 0.5, "p: 0.5 is no index of a choice"},
        {"{\"$randn\": []}", INFINITY, "p: inf is not finite"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *config = g_strdup_printf("{\"p\": %s}", bad[i].op);
        g_autoptr(TestSpace) test = test_space(config);
        double x = bad[i].x;
        g_autoptr(GError) error = NULL;
        g_assert_false(space_snap(test->space, &x, NULL, &error));
        g_assert_error(error, PBX_SPACE_ERROR, SPACE_ERROR_POINT);
        g_assert_cmpstr(error->message, ==, bad[i].message);
    }
}

static void
test_snap_clears_inactive(void)
{
    g_autoptr(TestSpace) test = test_space(
        "{\"a\": {\"$choice\": [{\"b\": {\"$uniform\": 1}}, {\"c\": {\"$uniform\": 1}}]}}");
    double x[] = {1, 0.5, 0.25};
    gboolean altered = TRUE;
    g_assert_true(space_snap(test->space, x, &altered, NULL));
    g_assert_true(isnan(x[1]) && x[2] == 0.25 && !altered);
}

/* ---- Points and grids ---- */

static void
test_point_follows_its_branch(void)
{
    g_autoptr(TestSpace) test = test_space(
        "{\"a\": {\"$choice\": [{\"b\": {\"$uniform\": 1}}, {\"c\": {\"$randint\": 5}}]}}");
    PbxRandom random = test_random(5);
    guint first = 0;
    for (guint i = 0; i < 1000; i++) {
        double x[3];
        space_draw_point(test->space, &random, 0, x);
        g_assert_true(isnan(x[1]) == (x[0] != 0) && isnan(x[2]) == (x[0] != 1));
        first += x[0] == 0;
    }
    g_assert_cmpuint(first, >, 420);
    g_assert_cmpuint(first, <, 580);
}

static void
assert_grid(const char *config, const char *const *want, guint n)
{
    g_autoptr(TestSpace) test = test_space(config);
    g_assert_cmpuint(space_grid_size(test->space), ==, n);
    for (guint i = 0; i < 2 * n; i++) { /* and again from the start */
        g_autofree char *text = test_grid_config(test, i);
        g_assert_cmpstr(text, ==, want[i % n]);
    }
}

#define ASSERT_GRID(CONFIG, ...)                                                                   \
    do {                                                                                           \
        static const char *const want_[] = {__VA_ARGS__};                                          \
        assert_grid(CONFIG, want_, G_N_ELEMENTS(want_));                                           \
    } while (0)

static void
test_grid_order(void)
{
    ASSERT_GRID(
        "{\"bar\": {\"$grid_search\": [true, false]}, \"foo\": {\"$grid_search\": [1, 2, 3]},"
        "\"baz\": \"asd\"}",
        "{\"bar\":true,\"foo\":1,\"baz\":\"asd\"}", "{\"bar\":false,\"foo\":1,\"baz\":\"asd\"}",
        "{\"bar\":true,\"foo\":2,\"baz\":\"asd\"}", "{\"bar\":false,\"foo\":2,\"baz\":\"asd\"}",
        "{\"bar\":true,\"foo\":3,\"baz\":\"asd\"}", "{\"bar\":false,\"foo\":3,\"baz\":\"asd\"}");
    /* By path, not by place; indices by number. */
    ASSERT_GRID("{\"b\": {\"$grid_search\": [1, 2]}, \"a\": {\"$grid_search\": [1, 2]}}",
                "{\"b\":1,\"a\":1}", "{\"b\":1,\"a\":2}", "{\"b\":2,\"a\":1}", "{\"b\":2,\"a\":2}");
    ASSERT_GRID("{\"a-b\": {\"$grid_search\": [1, 2]}, \"a\": {\"b\": {\"$grid_search\": [1, 2]}}}",
                "{\"a-b\":1,\"a\":{\"b\":1}}", "{\"a-b\":1,\"a\":{\"b\":2}}",
                "{\"a-b\":2,\"a\":{\"b\":1}}", "{\"a-b\":2,\"a\":{\"b\":2}}");
}

static void
test_grid_in_grid(void)
{
    /* What is within a choice comes before the next choice, also of a faster outer one. */
    ASSERT_GRID("{\"b\": {\"$grid_search\": [{\"x\": {\"$grid_search\": [1, 2]}}, 0]},"
                "\"a\": {\"$grid_search\": [8, 9]}}",
                "{\"b\":{\"x\":1},\"a\":8}", "{\"b\":{\"x\":2},\"a\":8}",
                "{\"b\":{\"x\":1},\"a\":9}", "{\"b\":{\"x\":2},\"a\":9}", "{\"b\":0,\"a\":8}",
                "{\"b\":0,\"a\":9}");
    ASSERT_GRID(
        "{\"a\": {\"$grid_search\": [{\"$grid_search\": [1, {\"$grid_search\": [2, 3]}]}, 4]}}",
        "{\"a\":1}", "{\"a\":2}", "{\"a\":3}", "{\"a\":4}");
    ASSERT_GRID("{\"a\": {\"$grid_search\": [{\"y\": {\"$grid_search\": [1, 2]}, \"x\": "
                "{\"$grid_search\": [3, 4]}}, 5]}}",
                "{\"a\":{\"y\":1,\"x\":3}}", "{\"a\":{\"y\":1,\"x\":4}}",
                "{\"a\":{\"y\":2,\"x\":3}}", "{\"a\":{\"y\":2,\"x\":4}}", "{\"a\":5}");
}

static void
test_grid_redraws_the_rest(void)
{
    g_autoptr(TestSpace) test =
        test_space("{\"g\": {\"$grid_search\": [1, 2]}, \"u\": {\"$uniform\": 1}}");
    PbxRandom random = test_random(9);
    double x[2], again[2];
    space_draw_point(test->space, &random, 0, x);
    space_draw_point(test->space, &random, 1, again);
    g_assert_true(x[0] == 0 && again[0] == 1 && x[1] != again[1]);
}

static void
test_huge_grid(void)
{
    GString *config = g_string_new("{");
    for (guint i = 0; i < 65; i++)
        g_string_append_printf(config, "%s\"p%02u\": {\"$grid_search\": [0, 1]}", i > 0 ? "," : "",
                               i);
    g_string_append_c(config, '}');
    g_autoptr(TestSpace) test = test_space(config->str);
    g_string_free(config, TRUE);
    g_assert_cmpuint(space_grid_size(test->space), ==, G_MAXUINT64);
    double x[65];
    PbxRandom random = test_random(0);
    space_draw_point(test->space, &random, ((guint64)1 << 63) + 5, x);
    for (guint i = 0; i < 65; i++)
        g_assert_true(x[i] == (i == 0 || i == 2 || i == 63));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/space/draw/uniform", test_uniform);
    g_test_add_func("/space/draw/uniform-of-any-width", test_uniform_of_any_width);
    g_test_add_func("/space/draw/loguniform", test_loguniform);
    g_test_add_func("/space/draw/a-base-changes-nothing", test_base_changes_nothing);
    g_test_add_func("/space/draw/quniform-values-are-alike", test_quniform_values_are_alike);
    g_test_add_func("/space/draw/tenths-are-short", test_tenths_are_short);
    g_test_add_func("/space/draw/randn", test_randn);
    g_test_add_func("/space/draw/qrandn", test_qrandn);
    g_test_add_func("/space/draw/integers", test_integers);
    g_test_add_func("/space/draw/qrandint-values-are-alike", test_qrandint_values_are_alike);
    g_test_add_func("/space/draw/lograndint", test_lograndint);
    g_test_add_func("/space/draw/quantised-log-has-its-cells-mass", test_quantised_log_cells);
    g_test_add_func("/space/draw/choice", test_choice);
    g_test_add_func("/space/snap/makes-valid", test_snap);
    g_test_add_func("/space/snap/refuses", test_snap_refuses);
    g_test_add_func("/space/snap/clears-what-is-inactive", test_snap_clears_inactive);
    g_test_add_func("/space/point/follows-its-branch", test_point_follows_its_branch);
    g_test_add_func("/space/grid/order", test_grid_order);
    g_test_add_func("/space/grid/in-a-grid", test_grid_in_grid);
    g_test_add_func("/space/grid/redraws-the-rest", test_grid_redraws_the_rest);
    g_test_add_func("/space/grid/larger-than-can-be-counted", test_huge_grid);
    return g_test_run();
}
