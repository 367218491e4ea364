/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugin as its host sees it. */
#include "test-tpe.h"

const char *const modes[N_MODES] = {
    "{}",
    "{\"multivariate\": false}",
    "{\"group\": true}",
    "{\"bandwidth\": \"scott\", \"max_history\": 20}",
    "{\"bandwidth\": \"neighbours-and-prior\", \"max_below\": 0, \"gamma\": 0.3}",
    "{\"split\": \"sqrt\", \"gamma\": 0.7, \"consider_endpoints\": true}",
    "{\"consider_magic_clip\": false}",
};

PbxTestHost *
tpe_for(const char *options, const char *config)
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
    const pbx_search *search = host->vtable;
    pbx_suggestion suggestion = {.struct_size = sizeof suggestion,
                                 .n_dims = host->problem.space->n_dims,
                                 .trial = number,
                                 .ask = number,
                                 .x = x};
    g_autoptr(GError) error = NULL;
    double snapped[MAX_DIMS];
    gboolean altered;
    for (guint i = 0; i < suggestion.n_dims; i++)
        x[i] = 123456;
    g_assert_cmpint(search->suggest(host->self, &suggestion, &host->error), ==, PBX_OK);
    memcpy(snapped, x, suggestion.n_dims * sizeof(double));
    g_assert_true(space_snap(host->space, snapped, &altered, &error));
    g_assert_no_error(error);
    g_assert_false(altered);
    for (guint i = 0; i < suggestion.n_dims; i++)
        g_assert_true(x[i] == snapped[i] || (isnan(x[i]) && isnan(snapped[i])));
}

void
end(PbxTestHost *host, guint64 trial, const double *x, guint32 how, const pbx_result *last)
{
    const pbx_search *search = host->vtable;
    pbx_outcome outcome = *test_outcome(host, trial, how, last);
    outcome.x = x;
    g_assert_cmpint(search->tell(host->self, &outcome, &host->error), ==, PBX_OK);
}

void
tell(PbxTestHost *host, guint64 trial, const double *x, double loss)
{
    char number[32];
    g_autofree char *fields =
        g_strdup_printf("{\"loss\": %s}", g_ascii_dtostr(number, sizeof number, loss));
    end(host, trial, x, PBX_END_COMPLETED, test_result(host, trial, 1, fields));
}

void
adopt(PbxTestHost *host, guint64 trial, double *x, guint32 flags)
{
    const pbx_search *search = host->vtable;
    pbx_suggestion suggestion = {.struct_size = sizeof suggestion,
                                 .flags = flags,
                                 .n_dims = host->problem.space->n_dims,
                                 .trial = trial,
                                 .ask = flags & PBX_SUGGESTION_ENQUEUED ? PBX_NONE : trial,
                                 .x = x};
    g_assert_cmpint(search->adopt(host->self, &suggestion, &host->error), ==, PBX_OK);
}

double
bowl(PbxTestHost *host, const double *x, double middle)
{
    double loss = 0;
    for (guint i = 0; i < host->problem.space->n_dims; i++)
        if (!isnan(x[i]))
            loss += pow(pbx_to_unit(host->problem.space->dims[i], x[i]) - middle, 2);
    return loss;
}

double
run(PbxTestHost *host, guint64 first, guint n, double middle)
{
    double x[MAX_DIMS], sum = 0;
    for (guint64 trial = first; trial < first + n; trial++) {
        ask(host, trial, x);
        tell(host, trial, x, bowl(host, x, middle));
        sum += sqrt(bowl(host, x, middle));
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
        sum += sqrt(bowl(host, x, middle));
    }
    return sum / n;
}

/* ---- It learns ---- */

static void
check_learning(const char *config, guint n, double most)
{
    for (gsize i = 0; i < N_MODES - 1; i++) {
        g_autoptr(PbxTestHost) host = tpe_for(modes[i], config);
        const double before = distance(host, 1000, 100, 0.2);
        run(host, 0, 15, 0.2);
        const double after = run(host, 15, n, 0.2);
        if (!(after < most * before))
            g_error("%s: from %g on average to %g", modes[i], before, after);
    }
}

static void
test_points_come_near_the_good_ones(void)
{
    check_learning(TWO_DIM, 60, 0.7);
}

static void
test_larger_may_be_better(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    double x[1];
    g_assert_cmpint(test_host_setup(host, ONE_DIM, "score:max", -1), ==, PBX_OK);
    for (guint64 trial = 0; trial < 60; trial++) {
        g_autofree char *fields = NULL;
        char number[32];
        ask(host, trial, x);
        fields = g_strdup_printf("{\"score\": %s}",
                                 g_ascii_dtostr(number, sizeof number, 5 - bowl(host, x, 0.8)));
        end(host, trial, x, PBX_END_COMPLETED, test_result(host, trial, 1, fields));
    }
    g_assert_cmpfloat(distance(host, 1000, 40, 0.8), <, 0.1);
}

static void
test_every_operator(void)
{
    check_learning(OPERATORS, 150, 0.75);
}

/* The good branch is taken, and in it the good values. */
static void
test_branches(void)
{
    for (gsize i = 0; i < 3; i++) {
        g_autoptr(PbxTestHost) host =
            tpe_for(modes[i], "{\"o\": {\"$choice\": [{\"a\": {\"$uniform\": [0, 1]}}, "
                              "{\"b\": {\"$uniform\": [0, 1]}, \"c\": {\"$uniform\": [0, 1]}}]}}");
        double x[4];
        guint good = 0;
        for (guint64 trial = 0; trial < 120; trial++) {
            ask(host, trial, x);
            tell(host, trial, x, x[0] == 0 ? 1 + x[1] : fabs(x[2] - 0.7) + fabs(x[3] - 0.2));
            good += trial >= 80 && x[0] == 1 && fabs(x[2] - 0.7) < 0.25 && fabs(x[3] - 0.2) < 0.25;
        }
        g_assert_cmpuint(good, >, 20);
    }
}

/* Whatever they were told. */
static void
test_startup_is_random(void)
{
    g_autoptr(PbxTestHost) one = tpe_for("{\"n_startup_trials\": 5}", TWO_DIM);
    g_autoptr(PbxTestHost) other = tpe_for("{\"n_startup_trials\": 5}", TWO_DIM);
    double x[2], y[2];
    guint same = 0;
    for (guint64 trial = 0; trial < 15; trial++) {
        ask(one, trial, x);
        ask(other, trial, y);
        same += x[0] == y[0];
        g_assert_true(trial >= 5 || same == trial + 1);
        tell(one, trial, x, bowl(one, x, 0.2));
        tell(other, trial, y, -bowl(other, y, 0.2));
    }
    g_assert_cmpuint(same, <, 10);
}

/* ---- What tells of nothing good ---- */

static void
check_bad_half(guint32 how, const char *fields)
{
    g_autoptr(PbxTestHost) host = tpe_for("{}", ONE_DIM);
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
}

static void
test_nothing_good_at_all(void)
{
    for (gsize i = 0; i < N_MODES; i++) {
        g_autoptr(PbxTestHost) host = tpe_for(modes[i], OPERATORS);
        double x[MAX_DIMS];
        for (guint64 trial = 0; trial < 60; trial++) {
            ask(host, trial, x);
            end(host, trial, x, PBX_END_FAILED, NULL);
        }
    }
}

/* With nothing but bad ones it goes elsewhere. */
static void
test_away_from_bad_ones_alone(void)
{
    g_autoptr(PbxTestHost) host = tpe_for("{}", ONE_DIM);
    double x[1];
    for (guint64 trial = 0; trial < 40; trial++) {
        x[0] = 0.2 + (double)trial / 400;
        end(host, trial, x, PBX_END_FAILED, NULL);
    }
    g_assert_cmpfloat(distance(host, 1000, 40, 0.25), >, 0.3);
}

static void
test_all_alike(void)
{
    for (gsize i = 0; i < N_MODES; i++) {
        g_autoptr(PbxTestHost) host = tpe_for(modes[i], OPERATORS);
        double x[MAX_DIMS];
        for (guint64 trial = 0; trial < 60; trial++) {
            ask(host, trial, x);
            tell(host, trial, x, 7);
        }
    }
}

/* Those that came farther are better; complete ones are better than these, whatever they say. */
static void
test_early_stopped_ones(void)
{
    g_autoptr(PbxTestHost) host =
        tpe_for("{\"max_below\": 2, \"gamma\": 1, \"prior_weight\": 0.01}", ONE_DIM);
    double x[1];
    for (guint64 trial = 0; trial < 40; trial++) {
        x[0] = ((double)trial + 0.5) / 40;
        g_autofree char *fields = g_strdup_printf("{\"loss\": %d}", (int)(100 - trial));
        end(host, trial, x, PBX_END_EARLY_STOPPED,
            test_result(host, trial, trial / 10 == 1 ? 9 : 3, fields));
    }
    g_assert_cmpfloat(distance(host, 1000, 40, 0.475), <, 0.1); /* 18 and 19 */
    for (guint64 trial = 40; trial < 42; trial++) {
        x[0] = 0.9;
        tell(host, trial, x, 1000);
    }
    g_assert_cmpfloat(distance(host, 1000, 40, 0.9), <, 0.1);
}

/* ---- Odd spaces ---- */

static void
test_a_space_of_one_point(void)
{
    g_autoptr(PbxTestHost) host = tpe_for("{}", "{\"x\": 1}");
    double x[1];
    for (guint64 trial = 0; trial < 30; trial++) {
        ask(host, trial, x);
        tell(host, trial, x, 1);
    }
}

static void
test_200_parameters(void)
{
    for (gsize mode = 0; mode < 3; mode++) {
        g_autoptr(GString) config = g_string_new("{");
        for (guint i = 0; i < 200; i++)
            g_string_append_printf(config, "%s\"p%u\": {\"$uniform\": [0, 1]}", i > 0 ? ", " : "",
                                   i);
        g_string_append_c(config, '}');
        g_autoptr(PbxTestHost) host = tpe_for(modes[mode], config->str);
        const double before = distance(host, 1000, 5, 0.2);
        run(host, 0, 60, 0.2);
        g_assert_cmpfloat(distance(host, 1000, 5, 0.2), <, before);
    }
}

static void
test_wide_bounds(void)
{
    g_autoptr(PbxTestHost) host =
        tpe_for("{}", "{\"x\": {\"$uniform\": [-1e308, 1e308]}, \"y\": {\"$uniform\": [0, 1]}, "
                      "\"z\": {\"$randint\": [0, 9007199254740992]}, "
                      "\"w\": {\"$loguniform\": [1e-300, 1e300]}}");
    double x[4];
    for (guint64 trial = 0; trial < 60; trial++) {
        ask(host, trial, x);
        tell(host, trial, x, fabs(x[1] - 0.2));
    }
}

/* ---- Options ---- */

static void
test_options(void)
{
    g_autofree char *group = test_host_refusal("{\"group\": true, \"multivariate\": false}");
    g_autofree char *gamma = test_host_refusal("{\"gamma\": 0}");
    g_autofree char *prior = test_host_refusal("{\"prior_weight\": 0}");
    g_assert_nonnull(strstr(group, "multivariate"));
    g_assert_nonnull(gamma);
    g_assert_nonnull(prior);
}

/* Whether two sets of options are one: in 60 trials, of which always some run, and in what is kept.
 */
static gboolean
are_alike(const char *one_options, const char *other_options)
{
    g_autoptr(PbxTestHost) one = tpe_for(one_options, TWO_DIM);
    g_autoptr(PbxTestHost) other = tpe_for(other_options, TWO_DIM);
    double x[60][2], y[2];
    gboolean are_alike = TRUE;
    for (guint64 trial = 0; trial < 60; trial++) {
        ask(one, trial, x[trial]);
        ask(other, trial, y);
        are_alike = are_alike && x[trial][0] == y[0] && x[trial][1] == y[1];
        adopt(other, trial, x[trial], 0);
        if (trial < 5)
            continue;
        tell(one, trial - 5, x[trial - 5], bowl(one, x[trial - 5], 0.3));
        tell(other, trial - 5, x[trial - 5], bowl(one, x[trial - 5], 0.3));
    }
    g_autoptr(GBytes) kept = test_host_reload(one);
    g_autoptr(GBytes) other_kept = test_host_reload(other);
    return are_alike && g_bytes_equal(kept, other_kept);
}

#define HYPEROPT                                                                                   \
    "\"n_startup_trials\": 20, \"multivariate\": false, \"constant_liar\": false, "                \
    "\"gamma\": 0.25, \"split\": \"sqrt\", \"max_history\": 0, "                                   \
    "\"bandwidth\": \"neighbours-and-prior\""

/* What is given counts, be it what the default is without. */
static void
test_hyperopt(void)
{
    static const char *const own[] = {"\"n_startup_trials\": 10",     "\"multivariate\": true",
                                      "\"constant_liar\": true",      "\"gamma\": 0.1",
                                      "\"split\": \"linear\"",        "\"max_history\": 500",
                                      "\"bandwidth\": \"neighbours\""};
    g_autoptr(GString) all = g_string_new("{\"hyperopt\": true");
    g_assert_true(are_alike("{\"hyperopt\": true}", "{" HYPEROPT "}"));
    g_assert_true(are_alike("{\"hyperopt\": true}", "{\"hyperopt\": true, " HYPEROPT "}"));
    for (gsize i = 0; i < G_N_ELEMENTS(own); i++) {
        g_autofree char *one = g_strdup_printf("{\"hyperopt\": true, %s}", own[i]);
        g_assert_false(are_alike("{\"hyperopt\": true}", one));
        g_string_append_printf(all, ", %s", own[i]);
    }
    g_string_append_c(all, '}');
    g_assert_true(are_alike("{}", all->str));
    g_assert_true(are_alike("{\"hyperopt\": false}", "{}"));
}

static void
assert_describes(PbxTestHost *host, const char *text)
{
    const pbx_search *search = host->vtable;
    pbx_memory memory = {0};
    pbx_sink sink = pbx_memory_sink(&memory);
    g_assert_cmpint(search->object.describe(host->self, &sink), ==, PBX_OK);
    g_assert_cmpstr(memory.bytes, ==, text);
    pbx_memory_free(&memory);
}

static void
test_describes_itself(void)
{
    g_autoptr(PbxTestHost) host = tpe_for("{}", ONE_DIM);
    run(host, 0, 3, 0.2);
    assert_describes(host, "TPE: 3 of 10 random trials have ended");
    run(host, 3, 27, 0.2);
    assert_describes(host, "TPE: a model of 30 trials, 3 of them good");
}

#define ADD(NAME, FUNCTION) g_test_add_func("/tpe/" NAME, FUNCTION)

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    parzen_add_tests();
    history_add_tests();
    front_add_tests();
    ADD("points-come-near-the-good-ones", test_points_come_near_the_good_ones);
    ADD("larger-may-be-better", test_larger_may_be_better);
    ADD("every-operator", test_every_operator);
    ADD("branches", test_branches);
    ADD("startup-is-random", test_startup_is_random);
    ADD("bad-trials-are-avoided", test_bad_trials_are_avoided);
    ADD("nothing-good-at-all", test_nothing_good_at_all);
    ADD("away-from-bad-ones-alone", test_away_from_bad_ones_alone);
    ADD("all-alike", test_all_alike);
    ADD("early-stopped-ones", test_early_stopped_ones);
    ADD("a-space-of-one-point", test_a_space_of_one_point);
    ADD("200-parameters", test_200_parameters);
    ADD("wide-bounds", test_wide_bounds);
    ADD("options", test_options);
    ADD("hyperopt", test_hyperopt);
    ADD("describes-itself", test_describes_itself);
    return g_test_run();
}
