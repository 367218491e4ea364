/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugin as its host sees it, and what it calls of the search that it wraps. */
#include <math.h>
#include <string.h>

#include <pegbox/helpers.h>

#include "host.h"

#define MIXED                                                                                      \
    "{\"a\": {\"$uniform\": [-1, 1]}, \"b\": {\"$quniform\": [0, 0.9, 0.3]}, "                     \
    "\"e\": {\"$randn\": [3, 2]}, \"i\": {\"$lograndint\": [1, 100]}, \"k\": {\"$choice\": "       \
    "[\"x\", {\"type\": \"y\", \"eps\": {\"$loguniform\": [1e-9, 1e-6]}}, [{\"$randint\": 3}]]}}"

/* ---- Calls ---- */

/* loss NaN: without a result. */
static void
end(PbxTestHost *host, guint64 trial, const double *x, guint32 how, double loss)
{
    const pbx_search *search = host->vtable;
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_autofree char *fields =
        isinf(loss)
            ? g_strdup("{\"loss\": \"Infinity\"}")
            : g_strdup_printf("{\"loss\": %s}", g_ascii_dtostr(number, sizeof number, loss));
    pbx_outcome *outcome = (pbx_outcome *)test_outcome(
        host, trial, how, isnan(loss) ? NULL : test_result(host, trial, 1, fields));
    outcome->x = x;
    g_assert_cmpint(search->tell(host->self, outcome, &host->error), ==, PBX_OK);
}

static void
tell(PbxTestHost *host, guint64 trial, const double *x, double loss)
{
    end(host, trial, x, PBX_END_COMPLETED, loss);
}

/* Trials from `first` on, one after the other: the best loss. */
static double
run(PbxTestHost *host, guint64 first, guint n, double middle)
{
    double x[TEST_MAX_DIMS], best = INFINITY;
    for (guint64 trial = first; trial < first + n; trial++) {
        test_ask(host, trial, x);
        best = fmin(best, test_bowl(host, x, middle));
        tell(host, trial, x, test_bowl(host, x, middle));
    }
    return best;
}

/* ---- It learns ---- */

static void
test_learns(void)
{
    g_autoptr(PbxTestHost) two = test_search_host("{}", TEST_TWO_DIM),
                           mixed = test_search_host("{}", MIXED);
    g_assert_cmpfloat(run(two, 0, 100, 0.9), <, 0.01);
    const double early = run(mixed, 0, 15, 0.2);
    g_assert_cmpfloat(run(mixed, 15, 200, 0.2), <, 0.5 * early);
}

/* With any search as the global one; where that has nothing more, the local ones go on. */
static void
test_other_global_searches(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{\"search\": \"random\"}");
    double x[2], best = INFINITY;
    g_assert_cmpint(test_host_setup(host, TEST_TWO_DIM, "loss:min", 5), ==, PBX_OK);
    for (guint64 trial = 0; trial < 100; trial++) {
        test_ask(host, trial, x);
        best = fmin(best, test_bowl(host, x, 0.9));
        tell(host, trial, x, test_bowl(host, x, 0.9));
    }
    g_assert_cmpfloat(best, <, 0.05);
}

/* It begins at the cheap point; the global search stays near what local ones have seen of cheap
 * parameters. */
static void
test_the_cheap_point(void)
{
    g_autoptr(PbxTestHost) host =
        test_search_host("{\"low_cost_partial_config\": {\"layers\": 1}}",
                         "{\"layers\": {\"$randint\": [1, 101]}, \"x\": {\"$uniform\": [0, 1]}}");
    double x[2], seen = 1;
    for (guint64 trial = 0; trial < 40; trial++) {
        test_ask(host, trial, x);
        g_assert_true(trial > 0 || (x[0] == 1 && x[1] == 0.5));
        g_assert_cmpfloat(x[0], <=, seen + 36); /* 0.1 beyond it, or a step from it */
        seen = fmax(seen, x[0]);
        tell(host, trial, x, fabs(x[0] - 5) / 100 + fabs(x[1] - 0.6));
    }
}

/* ---- What the global search sees ---- */

/* All trials, each once: those that it was asked for, and the others as though they were enqueued.
 */
static void
test_calls_of_the_global_search(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    double x[2];
    guint asked = 0, adopted = 0, told = 0;
    g_free(test_calls(host));
    for (guint64 trial = 0; trial < 60; trial++) {
        test_ask(host, trial, x);
        tell(host, trial, x, test_bowl(host, x, 0.9));
    }
    g_autofree char *calls = test_calls(host);
    g_auto(GStrv) lines = g_strsplit(calls, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        asked += g_str_has_prefix(lines[i], "suggest ");
        adopted += g_str_has_prefix(lines[i], "adopt ");
        told += g_str_has_prefix(lines[i], "tell ");
    }
    g_assert_cmpuint(told, ==, 60);
    g_assert_cmpuint(asked + adopted, ==, 60); /* nothing was out of bounds here */
    g_assert_cmpuint(asked, >, 0);
    g_assert_cmpuint(adopted, >, 0);
    g_assert_true(g_str_has_prefix(calls, "adopt 0")); /* the first point is not its own */
}

/* ---- What tells of nothing good ---- */

static void
test_nothing_good_at_all(void)
{
    g_autoptr(PbxTestHost) fails = test_search_host("{}", MIXED),
                           same = test_search_host("{}", MIXED);
    double x[TEST_MAX_DIMS];
    for (guint64 trial = 0; trial < 100; trial++) {
        test_ask(fails, trial, x);
        end(fails, trial, x, trial % 2 ? PBX_END_FAILED : PBX_END_COMPLETED,
            trial % 2 ? NAN : INFINITY);
        test_ask(same, trial, x);
        tell(same, trial, x, 7);
    }
    g_autofree char *text = test_description(fails);
    g_assert_cmpstr(text, ==, "BlendSearch: 0 local searches beside the global one");
}

/* Local searches come, and go where a better one is near. */
static void
test_local_searches(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    run(host, 0, 1, 0.9);
    g_autofree char *one = test_description(host);
    g_assert_cmpstr(one, ==, "BlendSearch: 1 local search beside the global one");
    run(host, 1, 300, 0.9);
    g_autofree char *many = test_description(host);
    g_assert_cmpuint(g_ascii_strtoull(many + strlen("BlendSearch: "), NULL, 10), <, 10);
}

/* ---- Many at once ---- */

static void
test_many_at_once(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    double x[20][2];
    run(host, 0, 30, 0.2);
    for (guint i = 0; i < 20; i++)
        test_ask(host, 30 + i, x[i]);
    for (guint i = 0; i < 20; i++)
        for (guint k = 0; k < i; k++)
            g_assert_true(x[i][0] != x[k][0] || x[i][1] != x[k][1]);
    for (guint i = 20; i-- > 0;)
        tell(host, 30 + i, x[i], test_bowl(host, x[i], 0.2));
    run(host, 50, 20, 0.2);
}

/* A point that is skipped counts with the loss of the trial that has it. */
static void
test_duplicates(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    double x[2], best = INFINITY;
    for (guint64 i = 0; i < 60; i++) {
        test_ask(host, i, x);
        best = fmin(best, test_bowl(host, x, 0.9));
        end(host, PBX_NONE, x, PBX_END_DUPLICATE, i % 5 ? test_bowl(host, x, 0.9) : NAN);
    }
    g_assert_cmpfloat(best, <, 0.1);
}

/* ---- What is not its own ---- */

static void
test_enqueued_void_and_altered_points(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    double x[2] = {0.9, pow(1e-4, 0.1)}, ignored[2];
    run(host, 0, 20, 0.9);
    test_adopt(host, 20, x, PBX_SUGGESTION_ENQUEUED, 0);
    tell(host, 20, x, test_bowl(host, x, 0.9));
    for (guint64 trial = 21; trial < 41; trial += 2) {
        test_ask(host, trial, ignored);
        test_adopt(host, trial, x, PBX_SUGGESTION_ALTERED, 0);
        test_ask(host, trial + 1, ignored);
        tell(host, trial, x, test_bowl(host, x, 0.9));
        end(host, trial + 1, ignored, PBX_END_VOID, NAN);
        end(host, trial, x, PBX_END_VOID, NAN);
    }
    g_assert_cmpfloat(run(host, 41, 20, 0.9), <, 0.02);
}

/* ---- State ---- */

static void
test_state(void)
{
    static const char *const options[] = {"{}", "{\"low_cost_partial_config\": {\"i\": 1}}"};
    for (gsize k = 0; k < 2; k++) {
        g_autoptr(PbxTestHost) saved = test_search_host(options[k], MIXED);
        g_autoptr(PbxTestHost) plain = test_search_host(options[k], MIXED);
        g_bytes_unref(test_host_reload(saved));
        for (guint64 first = 0; first < 200; first += 40) {
            double x[TEST_MAX_DIMS];
            run(saved, first, 37, 0.2);
            run(plain, first, 37, 0.2);
            test_ask(saved, first + 37, x);
            test_ask(plain, first + 37, x);
            g_bytes_unref(test_host_reload(saved));
            end(saved, first + 37, x, PBX_END_EARLY_STOPPED, 0.5);
            end(plain, first + 37, x, PBX_END_EARLY_STOPPED, 0.5);
            test_assert_same(saved, plain, first + 38);
            test_assert_same(saved, plain, first + 39);
        }
    }
}

/* Where it has no state, but is told all again, it goes on from the good points. */
static void
test_told_again(void)
{
    g_autoptr(PbxTestHost) before = test_search_host("{}", TEST_TWO_DIM),
                           after = test_search_host("{}", TEST_TWO_DIM);
    const pbx_search *search = before->vtable;
    double x[2];
    for (guint64 trial = 0; trial < 60; trial++) {
        pbx_suggestion suggestion = {
            .struct_size = sizeof suggestion, .n_dims = 2, .trial = trial, .ask = trial, .x = x};
        g_assert_cmpint(search->suggest(before->self, &suggestion, &before->error), ==, PBX_OK);
        tell(before, trial, x, test_bowl(before, x, 0.9));
        test_adopt(after, trial, x, PBX_SUGGESTION_REPLAY, suggestion.origin);
        tell(after, trial, x, test_bowl(after, x, 0.9));
    }
    g_assert_cmpfloat(run(after, 60, 20, 0.9), <, 0.02);
}

/* ---- Odd spaces ---- */

static void
test_odd_spaces(void)
{
    g_autoptr(GString) config = g_string_new("{");
    for (guint i = 0; i < 200; i++)
        g_string_append_printf(config, "%s\"p%u\": {\"$uniform\": [0, 1]}", i > 0 ? ", " : "", i);
    g_string_append_c(config, '}');
    g_autoptr(PbxTestHost) large = test_search_host("{}", config->str);
    g_autoptr(PbxTestHost) point = test_search_host("{}", "{\"x\": 1}");
    g_autoptr(PbxTestHost) few =
        test_search_host("{}", "{\"a\": {\"$randint\": 4}, \"b\": {\"$choice\": [\"p\", \"q\"]}}");
    run(large, 0, 40, 0.2);
    run(few, 0, 60, 0.2);
    for (guint64 trial = 0; trial < 30; trial++) {
        double x[1];
        test_ask(point, trial, x);
        tell(point, trial, x, 1);
    }
}

#define ADD(NAME, FUNCTION) g_test_add_func("/blendsearch/" NAME, FUNCTION)

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    ADD("learns", test_learns);
    ADD("other-global-searches", test_other_global_searches);
    ADD("the-cheap-point", test_the_cheap_point);
    ADD("calls-of-the-global-search", test_calls_of_the_global_search);
    ADD("nothing-good-at-all", test_nothing_good_at_all);
    ADD("local-searches", test_local_searches);
    ADD("many-at-once", test_many_at_once);
    ADD("duplicates", test_duplicates);
    ADD("enqueued-void-and-altered-points", test_enqueued_void_and_altered_points);
    ADD("state", test_state);
    ADD("told-again", test_told_again);
    ADD("odd-spaces", test_odd_spaces);
    return g_test_run();
}
