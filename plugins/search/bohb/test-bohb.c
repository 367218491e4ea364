/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugin as its host sees it. */
#include "test-bohb.h"

static const char *const modes[] = {
    "{}",
    "{\"random_fraction\": 0, \"max_history\": 20}",
    "{\"top_n_percent\": 40, \"num_samples\": 5, \"max_history\": 0}",
    "{\"min_bandwidth\": 1e-9, \"bandwidth_factor\": 1e9}",
};

PbxTestHost *
bohb_for(const char *options, const char *config)
{
    PbxTestHost *host = test_host_new(options);
    pbx_status status = test_host_setup(host, config, "loss:min", -1);
    g_assert_cmpstr(host->error.message, ==, "");
    g_assert_cmpint(status, ==, PBX_OK);
    return host;
}

/* ---- Calls ---- */

void
ask(PbxTestHost *host, guint64 number, double *x)
{
    g_autoptr(GError) error = NULL;
    double snapped[MAX_DIMS];
    gboolean altered;
    g_assert_cmpint(test_suggest(host, number, x), ==, PBX_OK);
    memcpy(snapped, x, host->problem.space->n_dims * sizeof(double));
    g_assert_true(space_snap(host->space, snapped, &altered, &error));
    g_assert_no_error(error);
    g_assert_false(altered);
    for (guint i = 0; i < host->problem.space->n_dims; i++)
        g_assert_cmpint(isnan(x[i]), ==, isnan(snapped[i]));
}

const pbx_result *
result_at(PbxTestHost *host, guint64 trial, double budget, double loss)
{
    char number[32];
    g_autofree char *fields =
        isnan(loss)
            ? g_strdup("{\"loss\": \"NaN\"}")
            : g_strdup_printf("{\"loss\": %s}", g_ascii_dtostr(number, sizeof number, loss));
    const gint64 iteration = isnan(budget) ? 1 : (gint64)budget;
    pbx_result *result = g_memdup2(test_result(host, trial, iteration, fields), sizeof *result);
    g_ptr_array_add(host->kept, result);
    result->budget = budget;
    result->rung = isnan(budget) ? PBX_NO_RUNG : 0;
    return result;
}

void
report(PbxTestHost *host, guint64 trial, double budget, double loss)
{
    const pbx_search *search = host->vtable;
    g_assert_cmpint(search->report(host->self, result_at(host, trial, budget, loss), &host->error),
                    ==, PBX_OK);
}

void
end(PbxTestHost *host, guint64 trial, const double *x, guint32 how, const pbx_result *last)
{
    const pbx_search *search = host->vtable;
    pbx_outcome outcome = *test_outcome(host, trial, how, last);
    outcome.x = x;
    outcome.budget = last ? last->budget : (double)NAN;
    g_assert_cmpint(search->tell(host->self, &outcome, &host->error), ==, PBX_OK);
}

void
tell(PbxTestHost *host, guint64 trial, const double *x, double loss)
{
    end(host, trial, x, PBX_END_COMPLETED, result_at(host, trial, (double)NAN, loss));
}

double
run(PbxTestHost *host, guint64 first, guint n, double middle)
{
    double x[MAX_DIMS], sum = 0;
    for (guint64 trial = first; trial < first + n; trial++) {
        ask(host, trial, x);
        tell(host, trial, x, test_bowl(host, x, middle));
        sum += sqrt(test_bowl(host, x, middle));
    }
    return sum / n;
}

double
distance(PbxTestHost *host, guint64 first, guint n, double middle)
{
    double x[MAX_DIMS], sum = 0;
    const pbx_search *search = host->vtable;
    for (guint64 trial = first; trial < first + n; trial++) {
        ask(host, trial, x);
        const pbx_outcome skipped = {
            .struct_size = sizeof skipped, .end = PBX_END_DUPLICATE, .trial = PBX_NONE};
        g_assert_cmpint(search->tell(host->self, &skipped, &host->error), ==, PBX_OK);
        sum += sqrt(test_bowl(host, x, middle));
    }
    return sum / n;
}

void
assert_describes(PbxTestHost *host, const char *text)
{
    const pbx_search *search = host->vtable;
    pbx_memory memory = {0};
    pbx_sink sink = pbx_memory_sink(&memory);
    g_assert_cmpint(search->object.describe(host->self, &sink), ==, PBX_OK);
    g_assert_cmpstr(memory.bytes, ==, text);
    pbx_memory_free(&memory);
}

/* ---- It learns ---- */

static void
check_learning(const char *options, const char *config, guint n, double most)
{
    g_autoptr(PbxTestHost) host = bohb_for(options, config);
    const double before = distance(host, 1000, 100, 0.2);
    run(host, 0, 40, 0.2);
    const double after = run(host, 40, n, 0.2);
    if (!(after < most * before))
        g_error("%s: from %g on average to %g", options, before, after);
}

static void
test_points_come_near_the_good_ones(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(modes) - 1; i++)
        check_learning(modes[i], TWO_DIM, 60, 0.75);
}

static void
test_larger_may_be_better(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{\"random_fraction\": 0}");
    double x[1];
    g_assert_cmpint(test_host_setup(host, ONE_DIM, "score:max", -1), ==, PBX_OK);
    for (guint64 trial = 0; trial < 60; trial++) {
        g_autofree char *fields = NULL;
        char number[32];
        ask(host, trial, x);
        fields = g_strdup_printf(
            "{\"score\": %s}", g_ascii_dtostr(number, sizeof number, 5 - test_bowl(host, x, 0.8)));
        end(host, trial, x, PBX_END_COMPLETED, test_result(host, trial, 1, fields));
    }
    g_assert_cmpfloat(distance(host, 1000, 40, 0.8), <, 0.1);
}

static void
test_every_operator(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(modes) - 1; i++)
        check_learning(modes[i], OPERATORS, 200, 0.9);
}

/* The good branch is taken, and in it the good values. */
static void
test_branches(void)
{
    g_autoptr(PbxTestHost) host = bohb_for("{}", BRANCHES);
    double x[4];
    guint good = 0;
    for (guint64 trial = 0; trial < 120; trial++) {
        ask(host, trial, x);
        tell(host, trial, x, x[0] == 0 ? 1 + x[1] : fabs(x[2] - 0.7) + fabs(x[3] - 0.2));
        good += trial >= 80 && x[0] == 1 && fabs(x[2] - 0.7) < 0.25 && fabs(x[3] - 0.2) < 0.25;
    }
    g_assert_cmpuint(good, >, 18);
}

/* As long as there is no model, and then a part of them: whatever they were told. */
static guint
count_same(const char *options, guint n)
{
    g_autoptr(PbxTestHost) one = bohb_for(options, TWO_DIM);
    g_autoptr(PbxTestHost) other = bohb_for(options, TWO_DIM);
    double x[2], y[2];
    guint same = 0;
    for (guint64 trial = 0; trial < n; trial++) {
        ask(one, trial, x);
        ask(other, trial, y);
        same += x[0] == y[0];
        tell(one, trial, x, test_bowl(one, x, 0.2));
        tell(other, trial, y, -test_bowl(other, y, 0.2));
    }
    return same;
}

static void
test_random_ones(void)
{
    g_assert_cmpuint(count_same("{}", 6), ==, 6); /* three good and three bad ones */
    g_assert_cmpuint(count_same("{\"random_fraction\": 0}", 106), ==, 6);
    g_assert_cmpuint(count_same("{\"random_fraction\": 1}", 106), ==, 106);
    const guint third = count_same("{}", 306);
    g_assert_true(third > 80 && third < 130);
}

/* ---- What tells of nothing good ---- */

static void
check_bad_half(guint32 how, const char *fields)
{
    g_autoptr(PbxTestHost) host = bohb_for("{\"random_fraction\": 0}", ONE_DIM);
    double x[1];
    guint in_bad = 0;
    for (guint64 trial = 0; trial < 120; trial++) {
        ask(host, trial, x);
        if (x[0] < 0.5) {
            tell(host, trial, x, 1);
        } else {
            end(host, trial, x, how, fields ? test_result(host, trial, 1, fields) : NULL);
            in_bad += trial >= 60;
        }
    }
    g_assert_cmpuint(in_bad, <, 15);
}

static void
test_bad_trials_are_avoided(void)
{
    check_bad_half(PBX_END_COMPLETED, "{\"loss\": \"NaN\"}");
    check_bad_half(PBX_END_COMPLETED, "{\"loss\": \"Infinity\"}");
    check_bad_half(PBX_END_COMPLETED, "{\"loss\": \"-Infinity\"}");
    check_bad_half(PBX_END_COMPLETED, "{\"other\": 1}");
    check_bad_half(PBX_END_COMPLETED, NULL);
    check_bad_half(PBX_END_FAILED, "{\"loss\": -100}");
    check_bad_half(PBX_END_FAILED, NULL);
    check_bad_half(PBX_END_EARLY_STOPPED, "{\"loss\": -100}");
}

static void
test_nothing_good_at_all(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        g_autoptr(PbxTestHost) host = bohb_for(modes[i], OPERATORS);
        double x[MAX_DIMS];
        for (guint64 trial = 0; trial < 60; trial++) {
            ask(host, trial, x);
            end(host, trial, x, PBX_END_FAILED, NULL);
        }
    }
}

static void
test_all_alike(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        g_autoptr(PbxTestHost) host = bohb_for(modes[i], OPERATORS);
        double x[MAX_DIMS];
        for (guint64 trial = 0; trial < 60; trial++) {
            ask(host, trial, x);
            tell(host, trial, x, 7);
        }
    }
}

/* ---- Odd spaces ---- */

static void
test_a_space_of_one_point(void)
{
    g_autoptr(PbxTestHost) host = bohb_for("{}", "{\"x\": 1}");
    double x[1];
    for (guint64 trial = 0; trial < 30; trial++) {
        ask(host, trial, x);
        tell(host, trial, x, 1);
    }
}

static void
test_200_parameters(void)
{
    g_autoptr(GString) config = g_string_new("{");
    for (guint i = 0; i < 200; i++)
        g_string_append_printf(config, "%s\"p%u\": {\"$uniform\": [0, 1]}", i > 0 ? ", " : "", i);
    g_string_append_c(config, '}');
    g_autoptr(PbxTestHost) host = bohb_for("{\"num_samples\": 4}", config->str);
    run(host, 0, 410, 0.2);
    assert_describes(host, "BOHB: a model of 410 trials, 201 of them good");
}

static void
test_wide_bounds(void)
{
    g_autoptr(PbxTestHost) host =
        bohb_for("{}", "{\"x\": {\"$uniform\": [-1e308, 1e308]}, \"y\": {\"$uniform\": [0, 1]}, "
                       "\"z\": {\"$randint\": [0, 9007199254740992]}, "
                       "\"w\": {\"$loguniform\": [1e-300, 1e300]}}");
    double x[4];
    for (guint64 trial = 0; trial < 60; trial++) {
        ask(host, trial, x);
        tell(host, trial, x, fabs(x[1] - 0.2));
    }
}

/* All points of a small space come, before one comes again. */
static void
test_nothing_twice(void)
{
    g_autoptr(PbxTestHost) host =
        bohb_for("{}", "{\"a\": {\"$randint\": 4}, \"b\": {\"$choice\": [\"x\", \"y\", \"z\"]}}");
    gboolean seen[12] = {FALSE};
    double x[2];
    for (guint64 trial = 0; trial < 12; trial++) {
        ask(host, trial, x);
        g_assert_false(seen[(guint)(x[0] + 4 * x[1])]);
        seen[(guint)(x[0] + 4 * x[1])] = TRUE;
        if (trial % 2 == 0) /* the others run on */
            tell(host, trial, x, x[0]);
    }
    ask(host, 12, x);
}

static void
test_eight_at_once(void)
{
    g_autoptr(PbxTestHost) host = bohb_for("{\"random_fraction\": 0}", TWO_DIM);
    double x[64][2];
    run(host, 0, 40, 0.2);
    for (guint i = 0; i < 8; i++) {
        ask(host, 40 + i, x[i]);
        for (guint k = 0; k < i; k++)
            g_assert_true(x[i][0] != x[k][0] || x[i][1] != x[k][1]);
    }
}

/* ---- Options ---- */

static void
test_options(void)
{
    static const char *const bad[] = {"{\"top_n_percent\": 0}",   "{\"top_n_percent\": 100}",
                                      "{\"num_samples\": 0}",     "{\"random_fraction\": -1}",
                                      "{\"random_fraction\": 2}", "{\"bandwidth_factor\": 0}",
                                      "{\"min_bandwidth\": 0}"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *message = test_host_refusal(bad[i]);
        g_assert_nonnull(message);
    }
}

/* Fewer points than parameters and one make no model, whatever the option says. */
static void
test_min_points(void)
{
    g_autoptr(PbxTestHost) few = bohb_for("{\"min_points_in_model\": 1}", TWO_DIM);
    g_autoptr(PbxTestHost) many = bohb_for("{\"min_points_in_model\": 10}", TWO_DIM);
    run(few, 0, 5, 0.2);
    assert_describes(few, "BOHB: no model yet; 5 of 6 results at one budget");
    run(few, 5, 1, 0.2);
    assert_describes(few, "BOHB: a model of 6 trials, 3 of them good");
    run(many, 0, 12, 0.2);
    assert_describes(many, "BOHB: no model yet; 12 of 13 results at one budget");
    run(many, 12, 1, 0.2);
    assert_describes(many, "BOHB: a model of 13 trials, 10 of them good");
}

#define ADD(NAME, FUNCTION) g_test_add_func("/bohb/" NAME, FUNCTION)

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    density_add_tests();
    history_add_tests();
    ADD("points-come-near-the-good-ones", test_points_come_near_the_good_ones);
    ADD("larger-may-be-better", test_larger_may_be_better);
    ADD("every-operator", test_every_operator);
    ADD("branches", test_branches);
    ADD("random-ones", test_random_ones);
    ADD("bad-trials-are-avoided", test_bad_trials_are_avoided);
    ADD("nothing-good-at-all", test_nothing_good_at_all);
    ADD("all-alike", test_all_alike);
    ADD("a-space-of-one-point", test_a_space_of_one_point);
    ADD("200-parameters", test_200_parameters);
    ADD("wide-bounds", test_wide_bounds);
    ADD("nothing-twice", test_nothing_twice);
    ADD("eight-at-once", test_eight_at_once);
    ADD("options", test_options);
    ADD("min-points", test_min_points);
    return g_test_run();
}
