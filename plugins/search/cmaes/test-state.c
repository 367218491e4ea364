/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the plugin knows of trials: those that run, those that others made, and its stored state. */
#include "test-cmaes.h"

static void
assert_near(PbxTestHost *a, PbxTestHost *b, guint64 number, double most)
{
    double x[TEST_MAX_DIMS], y[TEST_MAX_DIMS];
    const guint n = a->problem.space->n_dims;
    test_ask(a, number, x);
    test_ask(b, number, y);
    for (guint i = 0; i < n; i++) {
        g_assert_cmpint(isnan(x[i]), ==, isnan(y[i]));
        if (!isnan(x[i]))
            g_assert_cmpfloat(fabs(x[i] - y[i]), <=, most);
    }
}

static void
assert_same(PbxTestHost *a, PbxTestHost *b, guint64 number)
{
    assert_near(a, b, number, 0);
}

/* ---- Many at once ---- */

/* However many run, it always has another one. */
static void
test_none_is_proposed_twice(void)
{
    for (gsize mode = 0; mode < N_MODES; mode++) {
        g_autoptr(PbxTestHost) host = test_search_host(modes[mode], TEST_TWO_DIM);
        double x[100][2];
        run(host, 0, 40, 0.2);
        for (guint i = 0; i < 100; i++)
            test_ask(host, 40 + i, x[i]);
        for (guint i = 0; i < 100; i++)
            for (guint k = 0; k < i; k++)
                g_assert_true(x[i][0] != x[k][0] || x[i][1] != x[k][1]);
        for (guint i = 100; i-- > 0;)
            test_tell(host, 40 + i, x[i], test_bowl(host, x[i], 0.2));
        run(host, 140, 200, 0.2);
        g_assert_cmpfloat(run(host, 340, 20, 0.2), <, 0.1);
    }
}

/* Whole values too, as long as there are others. */
static void
test_none_of_a_few_is_proposed_twice(void)
{
    g_autoptr(PbxTestHost) host =
        test_search_host("{}", "{\"a\": {\"$randint\": 4}, \"b\": {\"$choice\": [1, 2, 3, 4, 5]}}");
    gboolean seen[20] = {0};
    double x[2];
    guint again = 0;
    for (guint64 trial = 0; trial < 20; trial++) {
        test_ask(host, trial, x);
        const guint at = (guint)(5 * x[0] + x[1]);
        again += seen[at];
        seen[at] = TRUE;
        if (trial % 3 != 0) /* those run on */
            test_tell(host, trial, x, test_bowl(host, x, 0.2));
    }
    g_assert_cmpuint(again, <=, 1); /* the last one is hard to find by drawing */
    test_ask(host, 20, x);          /* one that was, since all were */
}

/* One that is skipped counts with the loss of the trial that it would have repeated. */
static void
test_duplicates(void)
{
    const double loss = 1;
    const pbx_result of_other = {
        .struct_size = sizeof of_other, .trial = 0, .n_losses = 1, .losses = &loss};
    g_autoptr(PbxTestHost) host = test_search_host("{\"n_startup_trials\": 0}", TEST_TWO_DIM);
    g_autoptr(PbxTestHost) plain = test_search_host("{\"n_startup_trials\": 0}", TEST_TWO_DIM);
    const pbx_search *search = host->vtable;
    double x[2];
    for (guint64 i = 0; i < 9; i++) {
        const pbx_outcome skipped = {.struct_size = sizeof skipped,
                                     .end = PBX_END_DUPLICATE,
                                     .trial = PBX_NONE,
                                     .last = i == 4 ? NULL : &of_other};
        test_ask(host, i, x);
        g_assert_cmpint(search->tell(host->self, &skipped, &host->error), ==, PBX_OK);
    }
    g_autofree char *text = test_description(host);
    g_assert_nonnull(strstr(text, "generation 2: 2 of 6 results"));
    for (guint64 i = 0; i < 9; i++) {
        test_ask(plain, i, x);
        if (i != 4)
            test_tell(plain, i, x, 1);
    }
    assert_same(host, plain, 9);
}

/* ---- What is not its own ---- */

static void
test_enqueued_points(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    double x[2];
    for (guint64 trial = 0; trial < 90; trial += 3) {
        for (guint i = 0; i < 2; i++) {
            test_ask(host, trial + i, x);
            test_tell(host, trial + i, x, test_bowl(host, x, 0.9));
        }
        x[0] = pbx_from_unit(host->problem.space->dims[0], 0.9);
        x[1] = pbx_from_unit(host->problem.space->dims[1], 0.9);
        test_adopt(host, trial + 2, x, PBX_SUGGESTION_ENQUEUED, 0);
        test_tell(host, trial + 2, x, test_bowl(host, x, 0.9));
    }
    g_assert_cmpfloat(run(host, 90, 6, 0.9), <, 0.1);
}

static void
test_altered_points(void)
{
    g_autoptr(PbxTestHost) altered = test_search_host("{}", TEST_TWO_DIM),
                           other = test_search_host("{}", TEST_TWO_DIM);
    double x[2] = {0.25, 0.5}, ignored[2];
    run(altered, 0, 20, 0.2);
    run(other, 0, 20, 0.2);
    test_ask(altered, 20, ignored);
    test_adopt(altered, 20, x, PBX_SUGGESTION_ALTERED, 0);
    test_adopt(other, 20, x, PBX_SUGGESTION_ENQUEUED, 0);
    test_tell(altered, 20, x, 0.001);
    test_tell(other, 20, x, 0.001);
    for (guint64 i = 0; i < 10; i++)
        assert_same(altered, other, 21 + i);
}

/* A point that nobody told of before it ended. */
static void
test_unknown_trials(void)
{
    g_autoptr(PbxTestHost) host = test_search_host("{}", TEST_TWO_DIM);
    double x[2] = {0.25, 0.5};
    for (guint64 trial = 0; trial < 100; trial++)
        test_tell(host, trial, x, 1);
    test_ask(host, 100, x);
}

static void
test_void(void)
{
    g_autoptr(PbxTestHost) voided = test_search_host("{}", TEST_OPERATORS),
                           plain = test_search_host("{}", TEST_OPERATORS);
    const pbx_search *search = voided->vtable;
    double x[TEST_MAX_DIMS];
    run(voided, 0, 21, 0.2);
    run(plain, 0, 21, 0.2);
    test_ask(plain, 999, x);
    test_end(plain, 999, x, PBX_END_VOID, NAN); /* void while it runs */
    test_adopt(voided, 500, x, PBX_SUGGESTION_ENQUEUED, 0);
    test_tell(voided, 500, x, -100);
    test_end(voided, 500, x, PBX_END_VOID, NAN);
    for (guint64 i = 0; i < 10; i++)
        assert_same(voided, plain, 22 + i);
    pbx_outcome used = {.struct_size = sizeof used, .end = PBX_END_VOID, .trial = 3, .x = x};
    g_assert_cmpint(search->tell(voided->self, &used, &voided->error), ==, PBX_ENOTSUP);
    g_assert_nonnull(strstr(voided->error.message, "made use of"));
}

/* ---- State ---- */

/* Suggestions are the same after it was saved and loaded, with trials running. */
static void
test_state(void)
{
    for (gsize i = 0; i < N_MODES; i++) {
        g_autoptr(PbxTestHost) saved = test_search_host(modes[i], TEST_OPERATORS);
        g_autoptr(PbxTestHost) plain = test_search_host(modes[i], TEST_OPERATORS);
        g_bytes_unref(test_host_reload(saved));
        for (guint64 first = 0; first < 400; first += 80) {
            double x[TEST_MAX_DIMS];
            run(saved, first, 73, 0.2);
            run(plain, first, 73, 0.2);
            for (guint64 trial = first + 73; trial < first + 80; trial++) {
                assert_same(saved, plain, trial);
                if (trial % 2 == 0) {
                    test_ask(saved, trial, x);
                    test_ask(plain, trial, x);
                    test_end(saved, trial, x, PBX_END_EARLY_STOPPED, 0.5);
                    test_end(plain, trial, x, PBX_END_EARLY_STOPPED, 0.5);
                }
            }
            g_bytes_unref(test_host_reload(saved));
        }
        assert_same(saved, plain, 400);
    }
}

/* Over restarts, whole values that were seen, and its end. */
static void
test_state_over_restarts(void)
{
    g_autoptr(PbxTestHost) saved =
        test_search_host("{\"restart_strategy\": \"bipop\"}", "{\"a\": {\"$randint\": 40}}");
    g_autoptr(PbxTestHost) plain =
        test_search_host("{\"restart_strategy\": \"bipop\"}", "{\"a\": {\"$randint\": 40}}");
    double x[1];
    for (guint64 trial = 0; trial < 1500; trial++) {
        double y[1];
        test_ask(saved, trial, x);
        test_ask(plain, trial, y);
        g_assert_cmpfloat(x[0], ==, y[0]);
        test_tell(saved, trial, x, 1);
        test_tell(plain, trial, y, 1);
        if (trial % 37 == 0)
            g_bytes_unref(test_host_reload(saved));
    }
    g_assert_nonnull(strstr(plain->log->str, "begins again"));
    g_autofree char *text = test_description(saved), *same = test_description(plain);
    g_assert_cmpstr(text, ==, same);
}

/* Where it has no state, but is told all again, only the last bits differ. */
static void
test_told_again(void)
{
    enum { N = 60, ENDED = 20, OPEN = 26 };
    g_autoptr(PbxTestHost) before = test_search_host("{}", TEST_TWO_DIM),
                           after = test_search_host("{}", TEST_TWO_DIM);
    const pbx_search *search = before->vtable;
    double x[N][2];
    for (guint64 trial = 0; trial < N; trial++) {
        pbx_suggestion suggestion = {.struct_size = sizeof suggestion,
                                     .n_dims = 2,
                                     .trial = trial,
                                     .ask = trial,
                                     .x = x[trial]};
        g_assert_cmpint(search->suggest(before->self, &suggestion, &before->error), ==, PBX_OK);
        test_adopt(after, trial, x[trial], PBX_SUGGESTION_REPLAY, suggestion.origin);
        if (trial < ENDED) {
            test_tell(before, trial, x[trial], test_bowl(before, x[trial], 0.2));
            test_tell(after, trial, x[trial], test_bowl(after, x[trial], 0.2));
        }
    }
    for (guint64 trial = N - 1; trial >= OPEN; trial--) {
        test_tell(before, trial, x[trial], test_bowl(before, x[trial], 0.2));
        test_tell(after, trial, x[trial], test_bowl(after, x[trial], 0.2));
    }
    for (guint64 i = 0; i < 10; i++)
        assert_near(before, after, N + i, 1e-9);
}

static void
test_state_of_other_options(void)
{
    g_autoptr(PbxTestHost) from = test_search_host("{\"use_separable_cma\": true}", TEST_TWO_DIM);
    g_autoptr(PbxTestHost) to = test_search_host("{}", TEST_TWO_DIM);
    run(from, 0, 100, 0.2);
    g_assert_cmpint(test_host_load(to, from), ==, PBX_ENOTSUP);
}

/* Whatever bytes are cut or changed, it is refused, or goes on without harm. */
static void
test_damaged_states(void)
{
    g_autoptr(PbxTestHost) from = test_search_host("{}", TEST_OPERATORS);
    double x[TEST_MAX_DIMS];
    run(from, 0, 60, 0.2);
    for (guint64 trial = 60; trial < 64; trial++)
        test_ask(from, trial, x);
    g_autoptr(GBytes) bytes = test_host_reload(from);
    gsize n;
    const guint8 *whole = g_bytes_get_data(bytes, &n);
    for (gsize at = 0; at < n; at += 1 + at / 300) {
        for (guint how = 0; how < 2; how++) {
            g_autoptr(PbxTestHost) to = test_search_host("{}", TEST_OPERATORS);
            const pbx_search *search = to->vtable;
            g_autofree guint8 *damaged = g_memdup2(whole, n);
            damaged[at] ^= how == 0 ? 0xff : 0x40;
            if (search->object.load(to->self, 1, damaged, how == 0 && at % 2 ? at : n,
                                    &to->error) != PBX_OK)
                continue;
            pbx_suggestion suggestion = {.struct_size = sizeof suggestion,
                                         .n_dims = to->problem.space->n_dims,
                                         .trial = 64,
                                         .ask = 64,
                                         .x = x};
            if (search->suggest(to->self, &suggestion, &to->error) == PBX_OK)
                for (guint64 trial = 60; trial <= 64; trial++)
                    test_tell(to, trial, x, 1);
        }
    }
}

#define ADD(NAME, FUNCTION) g_test_add_func("/cmaes/state/" NAME, FUNCTION)

void
state_add_tests(void)
{
    ADD("none-is-proposed-twice", test_none_is_proposed_twice);
    ADD("none-of-a-few-is-proposed-twice", test_none_of_a_few_is_proposed_twice);
    ADD("duplicates", test_duplicates);
    ADD("enqueued-points", test_enqueued_points);
    ADD("altered-points", test_altered_points);
    ADD("unknown-trials", test_unknown_trials);
    ADD("void", test_void);
    ADD("state", test_state);
    ADD("over-restarts", test_state_over_restarts);
    ADD("told-again", test_told_again);
    ADD("of-other-options", test_state_of_other_options);
    ADD("damaged", test_damaged_states);
}
