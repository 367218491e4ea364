/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugin as its host sees it. */
#include <math.h>
#include <string.h>

#include <pegbox/helpers.h>

#include "test-cfo.h"

/* ---- Calls ---- */

/* It cost so much. loss NaN: without a result. */
static void
end(PbxTestHost *host, guint64 trial, const double *x, guint32 how, double loss, double cost)
{
    const pbx_search *search = host->vtable;
    const guint8 present = 1;
    const pbx_result last = {.struct_size = sizeof last,
                             .trial = trial,
                             .iteration = 1,
                             .n_losses = 1,
                             .losses = &loss,
                             .n_watched = 1,
                             .watched = &cost,
                             .present = &present};
    const pbx_outcome outcome = {.struct_size = sizeof outcome,
                                 .end = how,
                                 .n_dims = host->problem.space->n_dims,
                                 .trial = trial,
                                 .x = x,
                                 .last = isnan(loss) ? NULL : &last};
    g_assert_cmpint(search->tell(host->self, &outcome, &host->error), ==, PBX_OK);
}

/* Trials from `first` on, one after the other: how far they are from the middle, on average. */
static double
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
test_points_come_near_the_good_ones(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    run(host, 0, 100, 0.9);
    g_assert_cmpfloat(run(host, 100, 20, 0.9), <, 0.15);
}

/* The best of many is much better than that of few. */
static void
test_every_operator(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_OPERATORS);
    double x[TEST_MAX_DIMS], early = INFINITY, late = INFINITY;
    for (guint64 trial = 0; trial < 400; trial++) {
        test_ask(host, trial, x);
        const double loss = test_bowl(host, x, 0.2);
        early = trial < 20 ? fmin(early, loss) : early;
        late = fmin(late, loss);
        test_tell(host, trial, x, loss);
    }
    g_assert_cmpfloat(late, <, 0.5 * early);
}

/* Choices too, with no order among them. */
static void
test_choices(void)
{
    g_autoptr(PbxTestHost) host = test_search_host(
        "{}", "{\"a\": {\"$choice\": [\"p\", \"q\", \"r\", \"s\"]}, "
              "\"b\": {\"$choice\": [\"p\", \"q\"]}, \"z\": {\"$uniform\": [0, 1]}}");
    double x[3], best = INFINITY;
    for (guint64 trial = 0; trial < 100; trial++) {
        test_ask(host, trial, x);
        const double loss = (x[0] != 2) + (x[1] != 1) + fabs(x[2] - 0.7);
        best = fmin(best, loss);
        test_tell(host, trial, x, loss);
    }
    g_assert_cmpfloat(best, <, 0.1);
}

static void
test_rosenbrock(void)
{
    g_autoptr(PbxTestHost) host =
        test_search_host("{}", "{\"a\": {\"$uniform\": [-5, 10]}, \"b\": {\"$uniform\": [-5, 10]}, "
                               "\"c\": {\"$uniform\": [-5, 10]}, \"d\": {\"$uniform\": [-5, 10]}, "
                               "\"e\": {\"$uniform\": [-5, 10]}}");
    double x[5], best = INFINITY;
    for (guint64 trial = 0; trial < 5000; trial++) {
        double loss = 0;
        test_ask(host, trial, x);
        for (guint i = 0; i < 4; i++)
            loss += 100 * pow(x[i + 1] - x[i] * x[i], 2) + pow(1 - x[i], 2);
        best = fmin(best, loss);
        test_tell(host, trial, x, loss);
    }
    g_assert_cmpfloat(best, <, 5);
}

/* ---- Costs ---- */

/* It begins at the cheap point, the middle where nothing is said, and nears what costs more in
 * steps. */
static void
test_the_cheap_point(void)
{
    static const char space[] = "{\"layers\": {\"$randint\": [1, 33]}, \"u\": {\"$choice\": "
                                "[\"large\", \"small\", \"middle\"]}, \"x\": {\"$uniform\": "
                                "[0, 1]}}";
    g_autoptr(PbxTestHost) host =
        test_search_host("{\"low_cost_partial_config\": {\"layers\": 1, \"u\": \"small\"}, "
                         "\"cat_hp_cost\": {\"u\": [9, 1, 3]}}",
                         space);
    double x[3], spent = 0;
    test_ask(host, 0, x);
    g_assert_cmpfloat(x[0], ==, 1);
    g_assert_cmpfloat(x[1], ==, 1);
    g_assert_cmpfloat(x[2], ==, 0.5);
    for (guint64 trial = 0; trial < 40; trial++) {
        if (trial > 0)
            test_ask(host, trial, x);
        g_assert_true(trial > 4 || x[1] != 0); /* far from the cheapest */
        test_tell(host, trial, x, fabs(x[0] - 5) / 32 + fabs(x[2] - 0.6));
        spent += x[0];
    }
    g_assert_cmpfloat(spent / 40, <, 9); /* half of what evenly drawn ones cost */
}

/* The resource begins small and grows up to the whole. */
static void
test_resource(void)
{
    g_autoptr(PbxTestHost) host =
        test_search_host("{" RESOURCE ", \"cost_attr\": \"cost\"}", TEST_TWO_DIM);
    double x[2], resource = 0, before = 0;
    guint grown = 0;
    for (guint64 trial = 0; trial < 200; trial++) {
        g_assert_cmpint(test_suggest(host, trial, x), ==, PBX_OK);
        const char *extra = host->suggestion.extra;
        g_assert_true(g_str_has_prefix(extra, "{\"n\": ") && g_str_has_suffix(extra, "}"));
        resource = g_ascii_strtod(extra + strlen("{\"n\": "), NULL);
        g_assert_true(trial > 0 || resource == 10);
        g_assert_cmpfloat(resource, >=, before);
        grown += resource > before;
        before = resource;
        end(host, trial, x, PBX_END_COMPLETED, test_bowl(host, x, 0.3) + 1 / resource, resource);
    }
    g_assert_cmpfloat(resource, ==, 1000);
    g_assert_cmpuint(grown, ==, 5); /* 10, 40, 160, 640, 1000 */
}

/* ---- What tells of nothing good ---- */

static void
test_bad_trials_are_avoided(void)
{
    const double losses[] = {INFINITY, NAN, -100, NAN};
    for (guint i = 0; i < 4; i++) {
        g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
        double x[2];
        guint bad = 0;
        for (guint64 trial = 0; trial < 200; trial++) {
            test_ask(host, trial, x);
            if (x[0] < 0.5) {
                test_tell(host, trial, x, test_bowl(host, x, 0.3));
            } else {
                test_end(host, trial, x, i < 2 ? PBX_END_COMPLETED : PBX_END_FAILED, losses[i]);
                bad += trial >= 150;
            }
        }
        g_assert_cmpuint(bad, <, 10);
    }
}

/* It goes elsewhere where nothing succeeds, and on where all is alike. */
static void
test_nothing_good_at_all(void)
{
    g_autoptr(PbxTestHost) fails = test_search_host("{}", TEST_OPERATORS),
                           same = test_search_host("{}", TEST_OPERATORS);
    double x[TEST_MAX_DIMS];
    for (guint64 trial = 0; trial < 300; trial++) {
        test_ask(fails, trial, x);
        test_end(fails, trial, x, PBX_END_FAILED, NAN);
        test_ask(same, trial, x);
        test_tell(same, trial, x, 7);
    }
    g_autofree char *text = test_description(fails);
    g_assert_false(g_str_has_prefix(text, "CFO: search 1:"));
}

/* Whole values end a search soon: the next begins elsewhere. */
static void
test_begins_again(void)
{
    g_autoptr(PbxTestHost) host =
        test_search_host("{}", "{\"a\": {\"$randint\": 20}, \"b\": {\"$randint\": 20}}");
    double x[2], starts[2][2] = {{-1, -1}, {-1, -1}};
    for (guint64 trial = 0; trial < 200; trial++) {
        g_autofree char *text = test_description(host);
        test_ask(host, trial, x);
        if (g_str_has_prefix(text, "CFO: search 2: 0 "))
            memcpy(starts[0], x, sizeof x);
        if (g_str_has_prefix(text, "CFO: search 3: 0 "))
            memcpy(starts[1], x, sizeof x);
        test_tell(host, trial, x, test_bowl(host, x, 0.3));
    }
    g_assert_true(starts[0][0] >= 0 && starts[1][0] >= 0);
    g_assert_true(starts[0][0] != starts[1][0] || starts[0][1] != starts[1][1]);
}

/* ---- Many at once ---- */

/* Not twice the same, and at most twice as many as there are parameters. */
static void
test_many_at_once(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    double x[4][2], y[2];
    run(host, 0, 30, 0.2);
    for (guint i = 0; i < 4; i++)
        test_ask(host, 30 + i, x[i]);
    for (guint i = 0; i < 4; i++)
        for (guint k = 0; k < i; k++)
            g_assert_true(x[i][0] != x[k][0] || x[i][1] != x[k][1]);
    g_bytes_unref(test_host_reload(host));
    g_assert_cmpint(test_suggest(host, 34, y), ==, PBX_AGAIN);
    test_tell(host, 31, x[1], 100);
    g_assert_cmpint(test_suggest(host, 34, y), ==, PBX_OK);
}

static void
test_duplicates(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM),
                           plain = test_search_host("{}", TEST_TWO_DIM);
    const pbx_search *search = host->vtable;
    double x[2], loss;
    for (guint64 i = 0; i < 9; i++) {
        const pbx_result of_other = {
            .struct_size = sizeof of_other, .n_losses = 1, .losses = &loss};
        const pbx_outcome skipped = {.struct_size = sizeof skipped,
                                     .end = PBX_END_DUPLICATE,
                                     .trial = PBX_NONE,
                                     .last = &of_other};
        test_ask(host, i, x);
        loss = test_bowl(host, x, 0.2);
        g_assert_cmpint(search->tell(host->self, &skipped, &host->error), ==, PBX_OK);
    }
    run(plain, 0, 9, 0.2);
    test_assert_same(host, plain, 9);
}

/* ---- What is not its own ---- */

static void
test_enqueued_and_foreign_points(void)
{
    for (guint foreign = 0; foreign < 2; foreign++) {
        g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
        double x[2];
        run(host, 0, 5, 0.95);
        for (guint i = 0; i < 2; i++)
            x[i] = pbx_from_unit(host->problem.space->dims[i], 0.95);
        if (!foreign)
            test_adopt(host, 5, x, PBX_SUGGESTION_ENQUEUED, 0);
        test_tell(host, foreign ? PBX_NONE : 5, x, test_bowl(host, x, 0.95));
        g_assert_cmpfloat(run(host, 6, 10, 0.95), <, 0.2);
    }
}

static void
test_void(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    double x[2];
    run(host, 0, 20, 0.2);
    for (guint i = 0; i < 2; i++)
        x[i] = pbx_from_unit(host->problem.space->dims[i], 0.9);
    test_adopt(host, 20, x, PBX_SUGGESTION_ENQUEUED, 0);
    test_tell(host, 20, x, -100);
    test_end(host, 20, x, PBX_END_VOID, NAN);
    test_adopt(host, 21, x, PBX_SUGGESTION_ENQUEUED, 0); /* void while it runs */
    test_end(host, 21, x, PBX_END_VOID, NAN);
    run(host, 22, 100, 0.2);
    g_assert_cmpfloat(run(host, 122, 20, 0.2), <, 0.4); /* it would stay, at 1 */
}

/* ---- State ---- */

static void
check_state(const char *options, const char *config)
{
    g_autoptr(PbxTestHost) saved = test_search_host(options, config),
                           plain = test_search_host(options, config);
    g_bytes_unref(test_host_reload(saved));
    for (guint64 first = 0; first < 400; first += 40) {
        double x[TEST_MAX_DIMS], y[TEST_MAX_DIMS];
        run(saved, first, 37, 0.2);
        run(plain, first, 37, 0.2);
        for (guint64 trial = first + 37; trial < first + 40; trial++) {
            test_ask(saved, trial, x);
            test_ask(plain, trial, y);
            g_bytes_unref(test_host_reload(saved));
            for (guint i = 0; i < saved->problem.space->n_dims; i++)
                g_assert_true(x[i] == y[i] || (isnan(x[i]) && isnan(y[i])));
            end(saved, trial, x, PBX_END_EARLY_STOPPED, 0.5, 2);
            end(plain, trial, y, PBX_END_EARLY_STOPPED, 0.5, 2);
        }
    }
    test_assert_same(saved, plain, 400);
}

static void
test_state(void)
{
    check_state("{}", TEST_OPERATORS);
    check_state("{}", "{\"a\": {\"$randint\": 8}, \"b\": {\"$choice\": [\"p\", \"q\"]}}");
    check_state("{" RESOURCE "}", TEST_TWO_DIM);
}

/* Eight bytes of the state that are changed make it unfit. */
static void
check_damaged(GBytes *state, gsize at, guint8 byte)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    const pbx_search *search = host->vtable;
    gsize n;
    const guint8 *whole = g_bytes_get_data(state, &n);
    g_autofree guint8 *damaged = g_memdup2(whole, n);
    memset(damaged + at, byte, 8);
    g_assert_cmpint(
        search->object.load(host->self, search->object.state_version, damaged, n, &host->error), ==,
        PBX_EINVAL);
}

/* Its own searches are counted from 1 on; 0 is of what nobody proposed. */
static void
test_damaged_state(void)
{
    enum { N = 2, THREAD = 8, SEARCH = 32, COUNTS = SEARCH + 16 * N + 8, NUMBERS = COUNTS + 56 };
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    run(host, 0, 30, 0.2);
    g_autoptr(GBytes) state = test_host_reload(host);
    check_damaged(state, THREAD, 0);
    check_damaged(state, SEARCH, 0xff);       /* a place that is NaN */
    check_damaged(state, COUNTS + 32, 0);     /* the step shrank, but not before */
    check_damaged(state, NUMBERS, 0xff);      /* a loss that is NaN */
    check_damaged(state, NUMBERS + 16, 0xff); /* a step that is NaN */
}

/* Where it has no state, but is told all again, it goes on from the best point. */
static void
test_told_again(void)
{
    g_autoptr(PbxTestHost) before = test_search_host("{}", TEST_TWO_DIM),
                           after = test_search_host("{}", TEST_TWO_DIM);
    double x[2];
    for (guint64 trial = 0; trial < 60; trial++) {
        test_ask(before, trial, x);
        test_tell(before, trial, x, test_bowl(before, x, 0.9));
        test_adopt(after, trial, x, PBX_SUGGESTION_REPLAY, 1);
        test_tell(after, trial, x, test_bowl(after, x, 0.9));
    }
    g_assert_cmpfloat(run(after, 60, 20, 0.9), <, 0.3);
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
    g_autoptr(PbxTestHost) host = test_search_host("{}", config->str);
    double x[TEST_MAX_DIMS], first = 0, best = INFINITY;
    for (guint64 trial = 0; trial < 1000; trial++) {
        test_ask(host, trial, x);
        const double loss = test_bowl(host, x, 0.2);
        first = trial == 0 ? loss : first;
        best = fmin(best, loss);
        test_tell(host, trial, x, loss);
    }
    g_assert_cmpfloat(best, <, 0.95 * first);
}

static void
test_wide_bounds(void)
{
    g_autoptr(PbxTestHost) host = test_search_host(
        "{}", "{\"x\": {\"$uniform\": [-1e308, 1e308]}, \"y\": {\"$uniform\": [0, 1]}, "
              "\"z\": {\"$randint\": [0, 9007199254740992]}, "
              "\"w\": {\"$loguniform\": [1e-300, 1e300]}}");
    double x[4];
    for (guint64 trial = 0; trial < 60; trial++) {
        test_ask(host, trial, x);
        test_tell(host, trial, x, fabs(x[1] - 0.2));
    }
}

/* ---- Options ---- */

static void
assert_refused(const char *options, const char *word)
{
    g_autofree char *text = test_host_refusal(options);
    g_assert_nonnull(text);
    g_assert_nonnull(strstr(text, word));
}

static void
assert_setup_refused(const char *options, const char *where, const char *why)
{
    g_autoptr(PbxTestHost) host = test_host_new(options);
    g_assert_cmpint(test_host_setup(host,
                                    "{\"n\": {\"$uniform\": [0, 1]}, \"c\": {\"$choice\": "
                                    "[\"p\", \"q\"]}}",
                                    "loss:min", -1),
                    ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.where, ==, where);
    g_assert_nonnull(strstr(host->error.message, why));
}

static void
test_refusals(void)
{
    assert_refused("{\"resource_attr\": \"n\"}", "max_resource");
    assert_refused("{\"max_resource\": 10}", "resource_attr");
    assert_refused("{\"resource_attr\": \"n\", \"max_resource\": 1, \"min_resource\": 2}",
                   "min_resource");
    assert_refused("{\"resource_attr\": \"a.b\", \"max_resource\": 1}", "resource_attr");
    assert_setup_refused("{" RESOURCE "}", "resource_attr", "'n' is a parameter");
    assert_setup_refused("{\"low_cost_partial_config\": {\"w\": 1}}", "low_cost_partial_config",
                         "no 'w'");
    assert_setup_refused("{\"low_cost_partial_config\": {\"n\": 2}}", "low_cost_partial_config",
                         "'n' has no such value");
    assert_setup_refused("{\"low_cost_partial_config\": {\"c\": \"r\"}}", "low_cost_partial_config",
                         "'c' has no such value");
    assert_setup_refused("{\"cat_hp_cost\": {\"c\": [1]}}", "cat_hp_cost", "one cost");
    assert_setup_refused("{\"cat_hp_cost\": {\"c\": [1, \"a\"]}}", "cat_hp_cost", "no number");
    assert_setup_refused("{\"cat_hp_cost\": {\"n\": [1, 2]}}", "cat_hp_cost", "'n'");
}

#define ADD(NAME, FUNCTION) g_test_add_func("/cfo/" NAME, FUNCTION)

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    ADD("points-come-near-the-good-ones", test_points_come_near_the_good_ones);
    ADD("every-operator", test_every_operator);
    ADD("choices", test_choices);
    ADD("rosenbrock", test_rosenbrock);
    ADD("the-cheap-point", test_the_cheap_point);
    ADD("resource", test_resource);
    ADD("bad-trials-are-avoided", test_bad_trials_are_avoided);
    ADD("nothing-good-at-all", test_nothing_good_at_all);
    ADD("begins-again", test_begins_again);
    ADD("many-at-once", test_many_at_once);
    ADD("duplicates", test_duplicates);
    ADD("enqueued-and-foreign-points", test_enqueued_and_foreign_points);
    ADD("void", test_void);
    ADD("state", test_state);
    ADD("damaged-state", test_damaged_state);
    ADD("told-again", test_told_again);
    ADD("a-space-of-one-point", test_a_space_of_one_point);
    ADD("200-parameters", test_200_parameters);
    ADD("wide-bounds", test_wide_bounds);
    ADD("refusals", test_refusals);
    memory_add_tests();
    return g_test_run();
}
