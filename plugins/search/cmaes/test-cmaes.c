/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugin as its host sees it. */
#include "test-cmaes.h"

const char *const modes[N_MODES] = {
    "{}",
    "{\"use_separable_cma\": true}",
    "{\"with_margin\": false}",
    "{\"restart_strategy\": \"bipop\", \"sigma0\": 0.3}",
    "{\"restart_strategy\": \"none\", \"n_startup_trials\": 20}",
    "{\"popsize\": 4, \"inc_popsize\": 3, \"use_early_stopped\": false}",
};

double
run(PbxTestHost *host, guint64 first, guint n, double middle)
{
    double x[TEST_MAX_DIMS], sum = 0;
    for (guint64 trial = first; trial < first + n; trial++) {
        test_ask(host, trial, x);
        test_tell(host, trial, x, test_bowl(host, x, middle));
        sum += sqrt(test_bowl(host, x, middle));
    }
    return sum / n;
}

/* ---- It learns ---- */

static void
check_learning(const char *config, guint n, double most)
{
    for (gsize i = 0; i < N_MODES; i++) {
        g_autoptr(PbxTestHost) host = test_search_host(modes[i], config);
        const double before = run(host, 0, 20, 0.3);
        run(host, 20, n, 0.3);
        const double after = run(host, 20 + n, 20, 0.3);
        if (!(after < most * before))
            g_error("%s: from %g on average to %g", modes[i], before, after);
    }
}

static void
test_points_come_near_the_good_ones(void)
{
    check_learning(TEST_TWO_DIM, 80, 0.2);
}

static void
test_every_operator(void)
{
    check_learning(TEST_OPERATORS, 300, 0.75);
}

static void
test_larger_may_be_better(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    double x[2];
    g_assert_cmpint(test_host_setup(host, TEST_TWO_DIM, "score:max", -1), ==, PBX_OK);
    const pbx_search *search = host->vtable;
    for (guint64 trial = 0; trial < 120; trial++) {
        char number[32];
        test_ask(host, trial, x);
        g_autofree char *fields = g_strdup_printf(
            "{\"score\": %s}", g_ascii_dtostr(number, sizeof number, 5 - test_bowl(host, x, 0.7)));
        pbx_outcome outcome =
            *test_outcome(host, trial, PBX_END_COMPLETED, test_result(host, trial, 1, fields));
        outcome.x = x;
        g_assert_cmpint(search->tell(host->self, &outcome, &host->error), ==, PBX_OK);
    }
    g_assert_cmpfloat(test_bowl(host, x, 0.7), <, 0.01);
}

/* The good branch is taken, and in it the good values; numbers beside it as well. */
static void
test_branches(void)
{
    g_autoptr(PbxTestHost) host = test_search_host(
        "{}", "{\"o\": {\"$choice\": [{\"a\": {\"$uniform\": [0, 1]}}, "
              "{\"b\": {\"$uniform\": [0, 1]}, \"c\": {\"$choice\": [1, 2, 3]}}]}, "
              "\"z\": {\"$uniform\": [0, 1]}}");
    double x[5];
    guint good = 0;
    for (guint64 trial = 0; trial < 160; trial++) {
        test_ask(host, trial, x);
        const double branch = x[0] == 0 ? 1 + x[1] : fabs(x[2] - 0.7) + (x[3] != 2);
        test_tell(host, trial, x, branch + fabs(x[4] - 0.2));
        good += trial >= 120 && x[0] == 1 && fabs(x[2] - 0.7) < 0.25 && x[3] == 2 &&
                fabs(x[4] - 0.2) < 0.1;
    }
    g_assert_cmpuint(good, >, 20);
}

/* ---- How fast: the numbers of the literature ---- */

static double
sphere(const double *x, guint n)
{
    double sum = 0;
    for (guint i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum;
}

static double
rosenbrock(const double *x, guint n)
{
    double sum = 0;
    for (guint i = 0; i + 1 < n; i++)
        sum += 100 * pow(x[i + 1] - x[i] * x[i], 2) + pow(1 - x[i], 2);
    return sum;
}

/* Trials until the loss is at most that; the limit where it never is. */
static guint
trials_to(double target, double (*loss)(const double *, guint), guint n, guint limit)
{
    g_autoptr(GString) config = g_string_new("{");
    double x[TEST_MAX_DIMS];
    for (guint i = 0; i < n; i++)
        g_string_append_printf(config, "%s\"x%u\": {\"$uniform\": [-5, 10]}", i > 0 ? ", " : "", i);
    g_string_append_c(config, '}');
    g_autoptr(PbxTestHost) host = test_search_host("{}", config->str);
    for (guint trial = 0; trial < limit; trial++) {
        test_ask(host, trial, x);
        const double value = loss(x, n);
        test_tell(host, trial, x, value);
        if (value <= target)
            return trial + 1;
    }
    return limit;
}

static int
compare(const void *a, const void *b)
{
    return *(const guint *)a < *(const guint *)b ? -1 : *(const guint *)a > *(const guint *)b;
}

static guint
median_trials_to(double target, double (*loss)(const double *, guint), guint n)
{
    guint needed[11];
    for (guint i = 0; i < 11; i++) {
        test_host_seed(100 + i);
        needed[i] = trials_to(target, loss, n, 10000);
    }
    test_host_seed(7);
    qsort(needed, 11, sizeof *needed, compare);
    return needed[5];
}

static void
test_rosenbrock(void)
{
    g_assert_cmpuint(median_trials_to(1e-6, rosenbrock, 5), <, 4000);
}

static void
test_sphere(void)
{
    g_assert_cmpuint(median_trials_to(1e-8, sphere, 10), <, 2500);
}

/* Only how losses are ranked counts. */
static void
test_a_steeper_loss_changes_nothing(void)
{
    g_autoptr(PbxTestHost) plain = test_search_host("{}", TEST_TWO_DIM),
                           steep = test_search_host("{}", TEST_TWO_DIM);
    double x[2], y[2];
    for (guint64 trial = 0; trial < 100; trial++) {
        test_ask(plain, trial, x);
        test_ask(steep, trial, y);
        g_assert_cmpfloat(x[0], ==, y[0]);
        g_assert_cmpfloat(x[1], ==, y[1]);
        test_tell(plain, trial, x, test_bowl(plain, x, 0.3));
        test_tell(steep, trial, y, exp(test_bowl(steep, y, 0.3)));
    }
}

/* ---- What tells of nothing good ---- */

static void
check_bad_half(guint32 how, double loss)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    double x[2];
    guint in_bad = 0;
    for (guint64 trial = 0; trial < 200; trial++) {
        test_ask(host, trial, x);
        if (x[0] < 0.5) {
            test_tell(host, trial, x, test_bowl(host, x, 0.4));
        } else {
            test_end(host, trial, x, how, loss);
            in_bad += trial >= 100;
        }
    }
    g_assert_cmpuint(in_bad, <, 15);
}

static void
test_bad_trials_are_avoided(void)
{
    check_bad_half(PBX_END_COMPLETED, INFINITY);
    check_bad_half(PBX_END_COMPLETED, NAN);
    check_bad_half(PBX_END_FAILED, -100);
    check_bad_half(PBX_END_FAILED, NAN);
}

static void
test_nothing_good_at_all(void)
{
    for (gsize i = 0; i < N_MODES; i++) {
        if (i == 4)
            continue; /* it ends, below */
        g_autoptr(PbxTestHost) host = test_search_host(modes[i], TEST_OPERATORS);
        double x[TEST_MAX_DIMS];
        for (guint64 trial = 0; trial < 2000; trial++) {
            test_ask(host, trial, x);
            if (trial % 2 == 0)
                test_tell(host, trial, x, 7);
            else
                test_end(host, trial, x, PBX_END_FAILED, NAN);
        }
    }
}

/* Without restarts a run that has converged is the end; with one it goes elsewhere. */
static void
test_all_alike(void)
{
    g_autoptr(PbxTestHost) once =
        test_search_host("{\"restart_strategy\": \"none\"}", TEST_TWO_DIM);
    g_autoptr(PbxTestHost) again = test_search_host("{}", TEST_TWO_DIM);
    double x[2];
    guint64 trial = 0;
    while (test_suggest(once, trial, x) == PBX_OK) {
        test_tell(once, trial++, x, 7);
        g_assert_cmpuint(trial, <, 2000);
    }
    g_assert_cmpint(test_suggest(once, trial, x), ==, PBX_DONE);
    g_assert_nonnull(strstr(once->log->str, "the losses are all alike"));
    for (guint64 i = 0; i < 2 * trial; i++) {
        test_ask(again, i, x);
        test_tell(again, i, x, 7);
    }
    g_autofree char *text = test_description(again);
    g_assert_true(g_str_has_prefix(text, "CMA-ES: run 2, generation "));
    g_assert_nonnull(strstr(text, " of 12 results")); /* twice 6 */
}

/* With use_early_stopped false it is as though they had never been. */
static void
test_early_stopped_ones(void)
{
    for (guint use = 0; use < 2; use++) {
        g_autoptr(PbxTestHost) host =
            test_search_host(use ? "{\"n_startup_trials\": 0}"
                                 : "{\"n_startup_trials\": 0, \"use_early_stopped\": false}",
                             TEST_TWO_DIM);
        double x[2];
        for (guint64 trial = 0; trial < 3; trial++) {
            test_ask(host, trial, x);
            test_end(host, trial, x, PBX_END_EARLY_STOPPED, 1);
        }
        g_autofree char *text = test_description(host);
        g_assert_nonnull(strstr(text, use ? ": 3 of 6 results" : ": 0 of 6 results"));
    }
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
test_categories_alone(void)
{
    g_autoptr(PbxTestHost) host = test_search_host(
        "{}", "{\"a\": {\"$choice\": [1, 2, 3, 4, 5]}, \"b\": {\"$choice\": [1, 2, 3, 4, 5]}, "
              "\"c\": {\"$choice\": [1, 2, 3, 4, 5]}, \"d\": {\"$choice\": [1, 2, 3, 4, 5]}}");
    double x[4], early = 0, late = 0;
    for (guint64 trial = 0; trial < 120; trial++) {
        test_ask(host, trial, x);
        const double loss = fabs(x[0] - 3) + fabs(x[1] - 1) + fabs(x[2]) + fabs(x[3] - 4);
        test_tell(host, trial, x, loss);
        early += trial < 10 ? loss / 10 : 0;
        late += trial >= 30 && trial < 60 ? loss / 30 : 0;
    }
    g_assert_cmpfloat(late, <, 0.7 * early);
}

static void
test_200_parameters(void)
{
    for (gsize mode = 0; mode < 2; mode++) {
        g_autoptr(PbxTestHost) host = test_host_new(mode ? "{\"use_separable_cma\": false}" : "{}");
        g_autoptr(GString) config = g_string_new("{");
        for (guint i = 0; i < 200; i++)
            g_string_append_printf(config, "%s\"p%u\": {\"$uniform\": [0, 1]}", i > 0 ? ", " : "",
                                   i);
        g_string_append_c(config, '}');
        g_assert_cmpint(test_host_setup(host, config->str, "loss:min", -1), ==, PBX_OK);
        const double before = run(host, 0, 20, 0.3);
        run(host, 20, 150, 0.3);
        g_assert_cmpfloat(run(host, 170, 20, 0.3), <, before);
    }
}

static void
test_wide_bounds(void)
{
    g_autoptr(PbxTestHost) host = test_search_host(
        "{}", "{\"x\": {\"$uniform\": [-1e308, 1e308]}, \"y\": {\"$uniform\": [0, 1]}, "
              "\"z\": {\"$randint\": [0, 9007199254740992]}, "
              "\"w\": {\"$loguniform\": [1e-300, 1e300]}}");
    double x[4];
    for (guint64 trial = 0; trial < 400; trial++) {
        test_ask(host, trial, x);
        test_tell(host, trial, x, fabs(x[1] - 0.2));
    }
    g_assert_cmpfloat(fabs(x[1] - 0.2), <, 0.05);
}

/* ---- Where it begins ---- */

static void
test_x0_and_sigma0(void)
{
    g_autoptr(PbxTestHost) host = test_search_host(
        "{\"n_startup_trials\": 0, \"sigma0\": 0.001, \"x0\": {\"x\": 0.9, \"y\": 0.001}}",
        TEST_TWO_DIM);
    double x[2];
    for (guint64 trial = 0; trial < 5; trial++) {
        test_ask(host, trial, x);
        g_assert_cmpfloat(fabs(x[0] - 0.9), <, 0.01);
        g_assert_cmpfloat(fabs(log(x[1] / 0.001)), <, 0.1);
    }
}

static void
assert_refuses_x0(const char *x0, const char *why)
{
    g_autofree char *options = g_strdup_printf("{\"x0\": %s}", x0);
    g_autoptr(PbxTestHost) host = test_host_new(options);
    g_assert_cmpint(test_host_setup(host,
                                    "{\"x\": {\"$uniform\": [0, 1]}, \"c\": {\"$choice\": [1, 2]}}",
                                    "loss:min", -1),
                    ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.where, ==, "x0");
    g_assert_nonnull(strstr(host->error.message, why));
}

static void
test_refusals(void)
{
    g_autofree char *few = test_host_refusal("{\"popsize\": 3}");
    g_autofree char *step = test_host_refusal("{\"sigma0\": 0}");
    g_autofree char *rule = test_host_refusal("{\"restart_strategy\": \"apop\"}");
    g_assert_nonnull(strstr(few, "popsize"));
    g_assert_nonnull(step);
    g_assert_nonnull(rule);
    assert_refuses_x0("3", "object");
    assert_refuses_x0("{\"w\": 3}", "'w'");
    assert_refuses_x0("{\"c\": 1}", "'c'");
    assert_refuses_x0("{\"x\": 1.5}", "no such value");
    assert_refuses_x0("{\"x\": \"a\"}", "no such value");
}

/* From enough foreign results it begins where the best are, as wide as these lie apart. */
static void
test_warm_start(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    double x[2];
    for (guint i = 0; i < 400; i++) {
        x[0] = pbx_from_unit(host->problem.space->dims[0], (i % 20 + 0.5) / 20);
        x[1] = pbx_from_unit(host->problem.space->dims[1], (i / 20 + 0.5) / 20);
        test_tell(host, PBX_NONE, x, test_bowl(host, x, 0.8));
    }
    g_bytes_unref(test_host_reload(host));
    g_assert_cmpfloat(run(host, 0, 6, 0.8), <, 0.25);
    g_autoptr(PbxTestHost) cold = test_search_host("{}", TEST_TWO_DIM);
    g_assert_cmpfloat(run(cold, 0, 6, 0.8), >, 0.3);
}

/* A few are results of the first generation, and bad ones of no use at all. */
static void
test_a_few_foreign_results(void)
{
    g_autoptr(PbxTestHost) few = test_search_host("{}", TEST_TWO_DIM),
                           bad = test_search_host("{}", TEST_TWO_DIM);
    double x[2] = {0.7, 0.3};
    for (guint i = 0; i < 2; i++)
        test_tell(few, PBX_NONE, x, 1);
    for (guint i = 0; i < 50; i++)
        test_tell(bad, PBX_NONE, x, INFINITY);
    test_ask(few, 0, x);
    test_ask(bad, 0, x);
    g_autofree char *text = test_description(few);
    g_assert_nonnull(strstr(text, ": 2 of 6 results"));
}

static void
test_describes_itself(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    g_autofree char *before = test_description(host);
    g_assert_cmpstr(before, ==, "CMA-ES: nothing is known yet");
    run(host, 0, 8, 0.2);
    g_autofree char *after = test_description(host);
    g_assert_true(g_str_has_prefix(after, "CMA-ES: run 1, generation 2: 1 of 6 results, step 0.1"));
}

#define ADD(NAME, FUNCTION) g_test_add_func("/cmaes/" NAME, FUNCTION)

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    strategy_add_tests();
    state_add_tests();
    ADD("points-come-near-the-good-ones", test_points_come_near_the_good_ones);
    ADD("every-operator", test_every_operator);
    ADD("larger-may-be-better", test_larger_may_be_better);
    ADD("branches", test_branches);
    ADD("rosenbrock", test_rosenbrock);
    ADD("sphere", test_sphere);
    ADD("a-steeper-loss-changes-nothing", test_a_steeper_loss_changes_nothing);
    ADD("bad-trials-are-avoided", test_bad_trials_are_avoided);
    ADD("nothing-good-at-all", test_nothing_good_at_all);
    ADD("all-alike", test_all_alike);
    ADD("early-stopped-ones", test_early_stopped_ones);
    ADD("a-space-of-one-point", test_a_space_of_one_point);
    ADD("categories-alone", test_categories_alone);
    ADD("200-parameters", test_200_parameters);
    ADD("wide-bounds", test_wide_bounds);
    ADD("x0-and-sigma0", test_x0_and_sigma0);
    ADD("refusals", test_refusals);
    ADD("warm-start", test_warm_start);
    ADD("a-few-foreign-results", test_a_few_foreign_results);
    ADD("describes-itself", test_describes_itself);
    return g_test_run();
}
