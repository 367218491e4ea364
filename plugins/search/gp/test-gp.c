/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugin as its host sees it. */
#include "test-gp.h"

double
run(PbxTestHost *host, guint64 first, guint n, double middle)
{
    double x[TEST_MAX_DIMS], least = INFINITY;
    for (guint64 trial = first; trial < first + n; trial++) {
        test_ask(host, trial, x);
        test_tell(host, trial, x, test_bowl(host, x, middle));
        least = MIN(least, test_bowl(host, x, middle));
    }
    return least;
}

/* ---- It learns ---- */

static void
test_every_acquisition(void)
{
    static const char *const options[] = {
        "{" ON "}",
        "{" ON ", \"acq\": \"ei\", \"xi\": 0.01}",
        "{" ON ", \"acq\": \"pi\", \"xi\": 0.1}",
        "{" ON ", \"acq\": \"ucb\"}",
        "{" ON ", \"acq\": \"ucb\", \"kappa\": 1}",
        "{" ON ", \"deterministic_objective\": true}",
        "{" ON ", \"noise\": 0.01}",
        "{" ON ", \"n_local_search\": 0}",
        "{" ON ", \"n_preliminary_samples\": 1}",
        "{" ON ", \"n_startup_trials\": 1}",
        "{" ON ", \"max_history\": 20}",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autoptr(PbxTestHost) host = test_search_host(options[i], TEST_TWO_DIM);
        const double least = run(host, 0, 30, 0.3);
        if (!(least < 2e-3))
            g_error("%s: %g at the least", options[i], least);
    }
}

/* Where losses range over orders of magnitude their logarithms tell more. */
static void
test_warp(void)
{
    double least[2] = {INFINITY, INFINITY};
    for (guint i = 0; i < 2; i++) {
        g_autoptr(PbxTestHost) host =
            test_search_host(i ? "{" ON "}" : "{" ON ", \"warp\": false}",
                             "{\"a\": {\"$uniform\": [0, 1]}, \"b\": {\"$uniform\": [0, 1]}, "
                             "\"c\": {\"$uniform\": [0, 1]}, \"d\": {\"$uniform\": [0, 1]}}");
        double x[4];
        for (guint64 trial = 0; trial < 50; trial++) {
            test_ask(host, trial, x);
            const double loss = exp(20 * test_bowl(host, x, 0.3));
            test_tell(host, trial, x, loss);
            least[i] = MIN(least[i], loss);
        }
    }
    g_assert_cmpfloat(least[1] - 1, <, (least[0] - 1) / 5);
}

static void
test_larger_may_be_better(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{" ON "}");
    double x[1], best = -INFINITY;
    g_assert_cmpint(test_host_setup(host, TEST_ONE_DIM, "score:max", -1), ==, PBX_OK);
    for (guint64 trial = 0; trial < 20; trial++) {
        g_autofree char *fields = NULL;
        char number[64];
        test_ask(host, trial, x);
        fields = g_strdup_printf(
            "{\"score\": %s}", g_ascii_dtostr(number, sizeof number, 5 - test_bowl(host, x, 0.8)));
        test_end_with(host, trial, x, PBX_END_COMPLETED, test_result(host, trial, 1, fields));
        best = MAX(best, 5 - test_bowl(host, x, 0.8));
    }
    g_assert_cmpfloat(best, >, 5 - 1e-4);
}

static void
test_every_operator(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{" ON "}", TEST_OPERATORS);
    const double before = run(host, 0, 10, 0.3);
    const double after = run(host, 10, 40, 0.3);
    g_assert_cmpfloat(after, <, before / 3);
}

/* The good branch is taken, and in it the good values. */
static void
test_branches(void)
{
    g_autoptr(PbxTestHost) host = test_search_host(
        "{" ON "}", "{\"o\": {\"$choice\": [{\"a\": {\"$uniform\": [0, 1]}}, "
                    "{\"b\": {\"$uniform\": [0, 1]}, \"c\": {\"$choice\": [1, 2, 3]}}]}}");
    double x[4];
    guint good = 0;
    for (guint64 trial = 0; trial < 40; trial++) {
        test_ask(host, trial, x);
        g_assert_cmpint(isnan(x[1]), ==, x[0] == 1);
        g_assert_cmpint(isnan(x[2]) && isnan(x[3]), ==, x[0] == 0);
        test_tell(host, trial, x, x[0] == 0 ? 0.5 + x[1] : fabs(x[2] - 0.7) + (x[3] != 2));
        good += trial >= 20 && x[0] == 1 && fabs(x[2] - 0.7) < 0.2 && x[3] == 2;
    }
    g_assert_cmpuint(good, >, 10);
}

/* Each of so many parts of a range has one of the first points. */
static void
test_startup_is_even(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{\"n_startup_trials\": 8}", TEST_TWO_DIM);
    double x[2];
    for (guint block = 0; block < 2; block++) {
        guint seen[2] = {0, 0};
        for (guint64 number = 8 * block; number < 8 * block + 8; number++) {
            test_ask(host, number, x);
            for (guint i = 0; i < 2; i++)
                seen[i] |= 1u << (guint)(8 * pbx_to_unit(host->problem.space->dims[i], x[i]));
        }
        g_assert_cmpuint(seen[0], ==, 255);
        g_assert_cmpuint(seen[1], ==, 255);
    }
}

/* ---- What tells of nothing good ---- */

static void
check_bad_half(const char *options, guint32 how, const char *fields)
{
    g_autoptr(PbxTestHost) host = test_search_host(options, TEST_ONE_DIM);
    double x[1];
    guint in_bad = 0;
    for (guint64 trial = 0; trial < 40; trial++) {
        test_ask(host, trial, x);
        if (x[0] < 0.5) {
            test_tell(host, trial, x, x[0]);
        } else {
            test_end_with(host, trial, x, how, fields ? test_result(host, trial, 1, fields) : NULL);
            in_bad += trial >= 20;
        }
    }
    g_assert_cmpuint(in_bad, <, 8);
}

static void
test_bad_trials_are_avoided(void)
{
    check_bad_half("{" ON "}", PBX_END_COMPLETED, "{\"loss\": \"NaN\"}");
    check_bad_half("{" ON "}", PBX_END_COMPLETED, "{\"loss\": \"Infinity\"}");
    check_bad_half("{" ON "}", PBX_END_COMPLETED, "{\"loss\": \"-Infinity\"}");
    check_bad_half("{" ON "}", PBX_END_COMPLETED, "{\"other\": 1}");
    check_bad_half("{" ON "}", PBX_END_COMPLETED, NULL);
    check_bad_half("{" ON "}", PBX_END_FAILED, "{\"loss\": -100}");
    check_bad_half("{" ON "}", PBX_END_FAILED, NULL);
    check_bad_half("{" ON "}", PBX_END_EARLY_STOPPED, "{\"loss\": 3}");
}

/* What was stopped before its end promises much: with the option nobody believes it. */
static void
test_early_stopped_ones(void)
{
    for (guint believes = 0; believes < 2; believes++) {
        g_autoptr(PbxTestHost) host = test_search_host(
            believes ? "{" ON "}" : "{" ON ", \"use_early_stopped\": false}", TEST_ONE_DIM);
        double x[1];
        guint in_half = 0;
        for (guint64 trial = 0; trial < 30; trial++) {
            test_ask(host, trial, x);
            if (x[0] < 0.5)
                test_tell(host, trial, x, fabs(x[0] - 0.25));
            else
                test_end_with(host, trial, x, PBX_END_EARLY_STOPPED,
                              test_result(host, trial, 1, "{\"loss\": -9}"));
            in_half += trial >= 10 && x[0] >= 0.5;
        }
        if (believes)
            g_assert_cmpuint(in_half, >, 12);
        else
            g_assert_cmpuint(in_half, <, 12);
    }
}

static void
test_nothing_good_at_all(void)
{
    static const char *const options[] = {"{" ON "}", "{" ON ", \"acq\": \"ucb\"}",
                                          "{" ON ", \"use_early_stopped\": false}"};
    for (gsize i = 0; i < 2 * G_N_ELEMENTS(options); i++) {
        g_autoptr(PbxTestHost) host =
            test_search_host(options[i / 2], i % 2 ? TEST_OPERATORS : TEST_TWO_DIM);
        double x[TEST_MAX_DIMS];
        for (guint64 trial = 0; trial < 20; trial++) {
            test_ask(host, trial, x);
            test_end_with(host, trial, x, trial % 2 ? PBX_END_FAILED : PBX_END_STOPPED, NULL);
        }
    }
}

static void
test_all_alike(void)
{
    for (guint i = 0; i < 4; i++) {
        g_autoptr(PbxTestHost) host =
            test_search_host("{" ON "}", i % 2 ? TEST_OPERATORS : TEST_TWO_DIM);
        double x[TEST_MAX_DIMS];
        for (guint64 trial = 0; trial < 25; trial++) {
            test_ask(host, trial, x);
            test_tell(host, trial, x, i / 2 ? 0.1 : 0);
        }
    }
}

static void
test_large_numbers(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{" ON "}", TEST_TWO_DIM);
    double x[2], least = INFINITY;
    for (guint64 trial = 0; trial < 30; trial++) {
        test_ask(host, trial, x);
        test_tell(host, trial, x, (test_bowl(host, x, 0.3) - 0.2) * 1.7e308);
        least = MIN(least, test_bowl(host, x, 0.3));
    }
    g_assert_cmpfloat(least, <, 1e-3);
}

/* ---- Odd spaces ---- */

static void
test_a_space_of_one_point(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", "{\"x\": 1}");
    double x[1];
    for (guint64 trial = 0; trial < 30; trial++) {
        test_ask(host, trial, x);
        test_tell(host, trial, x, 1);
    }
}

static void
test_200_parameters(void)
{
    g_autoptr(GString) config = g_string_new("{");
    for (guint i = 0; i < 200; i++)
        g_string_append_printf(config, "%s\"p%u\": {\"$uniform\": [0, 1]}", i > 0 ? ", " : "", i);
    g_string_append_c(config, '}');
    g_autoptr(PbxTestHost) host = test_search_host("{" ON "}", config->str);
    const double before = run(host, 0, 10, 0.3);
    g_assert_cmpfloat(run(host, 10, 15, 0.3), <, before);
}

static void
test_wide_bounds(void)
{
    g_autoptr(PbxTestHost) host = test_search_host(
        "{" ON "}", "{\"x\": {\"$uniform\": [-1e308, 1e308]}, \"y\": {\"$uniform\": [0, "
                    "1]}, \"z\": {\"$randint\": [0, 9007199254740992]}, "
                    "\"w\": {\"$loguniform\": [1e-300, 1e300]}}");
    double x[4], least = INFINITY;
    for (guint64 trial = 0; trial < 30; trial++) {
        test_ask(host, trial, x);
        test_tell(host, trial, x, fabs(x[1] - 0.2));
        least = MIN(least, fabs(x[1] - 0.2));
    }
    g_assert_cmpfloat(least, <, 0.02);
}

/* ---- Nothing twice ---- */

static gboolean
is_same(const double *x, const double *y, guint n)
{
    for (guint i = 0; i < n; i++)
        if (x[i] != y[i])
            return FALSE;
    return TRUE;
}

static void
check_eight_at_once(const char *options)
{
    g_autoptr(PbxTestHost) host = test_search_host(options, TEST_TWO_DIM);
    double x[64][2], least = INFINITY;
    for (guint number = 0; number < 64; number++) {
        test_ask(host, number, x[number]);
        for (guint earlier = 0; earlier < number; earlier++)
            g_assert_false(is_same(x[earlier], x[number], 2));
        least = MIN(least, test_bowl(host, x[number], 0.3));
        if (number >= 7)
            test_tell(host, number - 7, x[number - 7], test_bowl(host, x[number - 7], 0.3));
    }
    g_assert_cmpfloat(least, <, 1e-2);
}

static void
test_eight_at_once(void)
{
    check_eight_at_once("{" ON "}");
    check_eight_at_once("{" ON ", \"liar\": \"min\"}");
    check_eight_at_once("{" ON ", \"liar\": \"mean\"}");
    check_eight_at_once("{" ON ", \"liar\": \"max\"}");
    check_eight_at_once("{" ON ", \"acq\": \"ucb\"}");
}

/* All points of a small space come, and then the search is done. */
static void
test_a_small_space(void)
{
    g_autoptr(PbxTestHost) host =
        test_search_host("{\"n_startup_trials\": 3, \"deterministic_objective\": true}", TWELVE);
    double x[2];
    guint seen = 0;
    guint64 trial = 0;
    for (; trial < 12; trial++) {
        test_ask(host, trial, x);
        seen |= 1u << (guint)(3 * x[0] + x[1]);
        test_tell(host, trial, x, fabs(x[0] - 2) + x[1]);
    }
    g_assert_cmpuint(seen, ==, 4095);
    for (; trial < 40 && test_ask_or_done(host, trial, x); trial++)
        test_tell(host, trial, x, fabs(x[0] - 2) + x[1]);
    g_assert_cmpuint(trial, <=, 12 + 5);
    g_assert_false(test_ask_or_done(host, trial, x));
    g_assert_nonnull(strstr(host->log->str, "patience"));
}

/* The best point of a plain is found again and again; in a space without end others are left. */
static void
test_a_plain(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{\"n_startup_trials\": 3, \"patience\": 1}",
                                                   "{\"a\": {\"$uniform\": [0, 1]}}");
    double x[1];
    for (guint64 trial = 0; trial < 40; trial++) {
        test_ask(host, trial, x);
        test_tell(host, trial, x, x[0]);
    }
}

static void
test_patience(void)
{
    static const struct {
        const char *options;
        guint from, to;
    } cases[] = {
        {"{\"n_startup_trials\": 3, \"patience\": 2, \"skip_duplicate\": false}", 5, 14},
        {"{\"n_startup_trials\": 3, \"patience\": 0, \"skip_duplicate\": false}", 60, 60},
        {"{\"n_startup_trials\": 3, \"patience\": 0}", 60, 60},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(PbxTestHost) host = test_search_host(cases[i].options, TWELVE);
        double x[2];
        guint64 trial = 0;
        for (; trial < 60 && test_ask_or_done(host, trial, x); trial++)
            test_tell(host, trial, x, fabs(x[0] - 2) + x[1]);
        g_assert_cmpuint(trial, >=, cases[i].from);
        g_assert_cmpuint(trial, <=, cases[i].to);
    }
}

/* ---- Constraints ---- */

/* What is best is forbidden, and half of the space with it. */
static void
check_constraint(const char *options, double start)
{
    static const char *const texts[] = {"result.c"};
    g_autoptr(PbxTestHost) space = test_search_host("{}", TEST_TWO_DIM);
    g_autoptr(PbxTestHost) host = test_host_new(options);
    const pbx_search *search = host->vtable;
    pbx_problem problem = space->problem;
    double x[2], best = INFINITY;
    guint kept = 0;
    problem.n_constraints = 1;
    problem.constraints = texts;
    host->problem = problem;
    g_assert_cmpint(search->setup(host->self, &problem, &host->error), ==, PBX_OK);
    for (guint64 trial = 0; trial < 45; trial++) {
        g_assert_cmpint(test_suggest(host, trial, x), ==, PBX_OK);
        const double loss = x[0], violation = start - x[0];
        pbx_result result = *test_result(space, trial, 1, "{}");
        const double *numbers[] = {&loss, &violation};
        result.n_losses = result.n_violations = 1;
        result.losses = numbers[0];
        result.violations = numbers[1];
        if (trial % 6 == 5)
            test_end_with(host, trial, x, PBX_END_FAILED, NULL);
        else
            test_end_with(host, trial, x, PBX_END_COMPLETED, &result);
        if (violation <= 0)
            best = MIN(best, loss);
        kept += trial >= 20 && violation <= 0;
    }
    g_assert_cmpfloat(best, <, start + 0.02);
    g_assert_cmpuint(kept, >, 8);
}

static void
test_constraints(void)
{
    check_constraint("{" ON "}", 0.5);
    check_constraint("{" ON "}", 0.97); /* none of the first ones keeps it */
    check_constraint("{" ON ", \"acq\": \"pi\", \"xi\": 0.05}", 0.5);
}

/* ---- Options ---- */

static void
test_options(void)
{
    g_autofree char *noise = test_host_refusal("{\"noise\": 0}");
    g_autofree char *both =
        test_host_refusal("{\"noise\": 0.1, \"deterministic_objective\": true}");
    g_autofree char *acq = test_host_refusal("{\"acq\": \"lei\"}");
    g_assert_nonnull(noise);
    g_assert_nonnull(strstr(both, "deterministic_objective"));
    g_assert_nonnull(strstr(acq, "logei"));
}

static void
assert_describes(PbxTestHost *host, const char *text)
{
    g_autofree char *said = test_description(host);
    g_assert_cmpstr(said, ==, text);
}

static void
test_describes_itself(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_ONE_DIM);
    run(host, 0, 3, 0.2);
    assert_describes(host, "GP: 3 of 10 first trials have ended");
    run(host, 3, 9, 0.2);
    assert_describes(host, "GP: a model of 12 trials");
}

static void
test_cancelled(void)
{
    g_autoptr(PbxTestHost) one = test_search_host("{" ON "}", TEST_TWO_DIM);
    g_autoptr(PbxTestHost) other = test_search_host("{" ON "}", TEST_TWO_DIM);
    double x[2], y[2];
    run(one, 0, 12, 0.3);
    run(other, 0, 12, 0.3);
    test_host_cancel(one, TRUE);
    g_assert_cmpint(test_suggest(one, 12, x), ==, PBX_ECANCELLED);
    test_host_cancel(one, FALSE);
    test_ask(one, 12, x);
    test_ask(other, 12, y);
    g_assert_cmpmem(x, sizeof x, y, sizeof y);
}

#define ADD(NAME, FUNCTION) g_test_add_func("/gp/" NAME, FUNCTION)

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    model_add_tests();
    quality_add_tests();
    state_add_tests();
    ADD("every-acquisition", test_every_acquisition);
    ADD("warp", test_warp);
    ADD("larger-may-be-better", test_larger_may_be_better);
    ADD("every-operator", test_every_operator);
    ADD("branches", test_branches);
    ADD("startup-is-even", test_startup_is_even);
    ADD("bad-trials-are-avoided", test_bad_trials_are_avoided);
    ADD("early-stopped-ones", test_early_stopped_ones);
    ADD("nothing-good-at-all", test_nothing_good_at_all);
    ADD("all-alike", test_all_alike);
    ADD("large-numbers", test_large_numbers);
    ADD("a-space-of-one-point", test_a_space_of_one_point);
    ADD("200-parameters", test_200_parameters);
    ADD("wide-bounds", test_wide_bounds);
    ADD("eight-at-once", test_eight_at_once);
    ADD("a-small-space", test_a_small_space);
    ADD("a-plain", test_a_plain);
    ADD("patience", test_patience);
    ADD("constraints", test_constraints);
    ADD("options", test_options);
    ADD("describes-itself", test_describes_itself);
    ADD("cancelled", test_cancelled);
    return g_test_run();
}
