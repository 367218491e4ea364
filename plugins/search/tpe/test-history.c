/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the plugin knows of trials: those that run, those that others made, and its stored state. */
#include "test-tpe.h"

static void
assert_same(PbxTestHost *a, PbxTestHost *b, guint64 number)
{
    double x[MAX_DIMS], y[MAX_DIMS];
    const guint n = a->problem.space->n_dims;
    ask(a, number, x);
    ask(b, number, y);
    for (guint i = 0; i < n; i++)
        if (!isnan(x[i]) || !isnan(y[i]))
            g_assert_cmpfloat(x[i], ==, y[i]);
}

/* ---- Many at once ---- */

static void
test_none_is_proposed_twice(void)
{
    for (gsize mode = 0; mode < 3; mode++) {
        g_autoptr(PbxTestHost) host = tpe_for(modes[mode], ONE_DIM);
        double x[8], y[1];
        run(host, 0, 40, 0.2);
        for (guint i = 0; i < 8; i++)
            ask(host, 40 + i, &x[i]);
        for (guint i = 0; i < 8; i++)
            for (guint k = 0; k < i; k++)
                g_assert_cmpfloat(fabs(x[i] - x[k]), >, 1e-6);
        ask(host, 48, y);
    }
}

/* Whole values too, as long as there are others. */
static void
test_none_of_a_few_is_proposed_twice(void)
{
    for (gsize mode = 0; mode < 3; mode++) {
        g_autoptr(PbxTestHost) host = tpe_for(
            modes[mode], "{\"a\": {\"$randint\": 4}, \"b\": {\"$choice\": [1, 2, 3, 4, 5]}}");
        gboolean seen[20] = {0};
        double x[2];
        guint again = 0;
        for (guint64 trial = 0; trial < 20; trial++) {
            ask(host, trial, x);
            const guint at = (guint)(5 * x[0] + x[1]);
            again += seen[at];
            seen[at] = TRUE;
            if (trial % 3 != 0) /* those run on */
                tell(host, trial, x, bowl(host, x, 0.2));
        }
        g_assert_cmpuint(again, <=, 1); /* the last one is hard to find by drawing */
        ask(host, 20, x);               /* one that was, since all were */
    }
}

/* What runs is taken for bad: others go elsewhere. */
static void
test_the_liar(void)
{
    double spread[2];
    for (guint lies = 0; lies < 2; lies++) {
        g_autoptr(PbxTestHost) host = tpe_for(lies ? "{}" : "{\"constant_liar\": false}", ONE_DIM);
        double x[20], mean = 0, squares = 0;
        run(host, 0, 60, 0.5);
        for (guint i = 0; i < 20; i++) {
            ask(host, 60 + i, &x[i]);
            mean += x[i] / 20;
        }
        for (guint i = 0; i < 20; i++)
            squares += pow(x[i] - mean, 2);
        spread[lies] = squares;
    }
    g_assert_cmpfloat(spread[1], >, 2 * spread[0]);
}

static void
test_duplicates(void)
{
    g_autoptr(PbxTestHost) skips = tpe_for("{}", TWO_DIM), plain = tpe_for("{}", TWO_DIM);
    const pbx_search *search = skips->vtable;
    const pbx_outcome skipped = {
        .struct_size = sizeof skipped, .end = PBX_END_DUPLICATE, .trial = PBX_NONE};
    double x[2];
    run(skips, 0, 20, 0.2);
    run(plain, 0, 20, 0.2);
    ask(skips, 500, x);
    g_assert_cmpint(search->tell(skips->self, &skipped, &skips->error), ==, PBX_OK);
    for (guint64 i = 0; i < 10; i++)
        assert_same(skips, plain, 20 + i);
}

/* ---- What is not its own ---- */

static void
test_enqueued_and_foreign_points(void)
{
    g_autoptr(PbxTestHost) host = tpe_for("{}", ONE_DIM);
    double x[1];
    for (guint64 trial = 0; trial < 30; trial++) {
        x[0] = ((double)trial + 0.5) / 30;
        if (trial % 2 == 0)
            adopt(host, trial, x, PBX_SUGGESTION_ENQUEUED);
        tell(host, trial % 2 == 0 ? trial : PBX_NONE, x, bowl(host, x, 0.7));
    }
    g_assert_cmpfloat(distance(host, 1000, 40, 0.7), <, 0.2);
}

static void
test_altered_points(void)
{
    g_autoptr(PbxTestHost) altered = tpe_for("{}", ONE_DIM), enqueued = tpe_for("{}", ONE_DIM);
    double x[1] = {0.25}, ignored[1];
    run(altered, 0, 20, 0.2);
    run(enqueued, 0, 20, 0.2);
    ask(altered, 20, ignored);
    adopt(altered, 20, x, PBX_SUGGESTION_ALTERED);
    adopt(enqueued, 20, x, PBX_SUGGESTION_ENQUEUED);
    for (guint64 i = 0; i < 10; i++)
        assert_same(altered, enqueued, 21 + i);
}

static void
test_void_is_forgotten(void)
{
    g_autoptr(PbxTestHost) voided = tpe_for("{}", TWO_DIM), plain = tpe_for("{}", TWO_DIM);
    double x[2] = {0.9, 0.5};
    run(voided, 0, 20, 0.2);
    run(plain, 0, 20, 0.2);
    adopt(voided, 20, x, PBX_SUGGESTION_ENQUEUED);
    tell(voided, 20, x, -100);
    end(voided, 20, x, PBX_END_VOID, NULL);
    adopt(voided, 21, x, PBX_SUGGESTION_ENQUEUED); /* void while it runs */
    end(voided, 21, x, PBX_END_VOID, NULL);
    for (guint64 i = 0; i < 10; i++)
        assert_same(voided, plain, 22 + i);
}

/* ---- State ---- */

/* Suggestions are the same after it was saved and loaded, with trials running. */
static void
test_state(void)
{
    for (gsize i = 0; i < N_MODES; i++) {
        g_autoptr(PbxTestHost) saved = tpe_for(modes[i], OPERATORS);
        g_autoptr(PbxTestHost) plain = tpe_for(modes[i], OPERATORS);
        g_bytes_unref(test_host_reload(saved));
        for (guint64 first = 0; first < 400; first += 80) {
            double x[MAX_DIMS];
            run(saved, first, 76, 0.2);
            run(plain, first, 76, 0.2);
            for (guint64 trial = first + 76; trial < first + 80; trial++) {
                assert_same(saved, plain, trial);
                if (trial % 2 == 0) {
                    ask(saved, trial, x);
                    ask(plain, trial, x);
                    end(saved, trial, x, PBX_END_EARLY_STOPPED,
                        test_result(saved, trial, 3, "{\"loss\": 0.5}"));
                    end(plain, trial, x, PBX_END_EARLY_STOPPED,
                        test_result(plain, trial, 3, "{\"loss\": 0.5}"));
                }
            }
            g_bytes_unref(test_host_reload(saved));
        }
        assert_same(saved, plain, 400);
    }
}

/* The same where it has no state, but is told all again. */
static void
test_told_again(void)
{
    enum { N = 60, ENDED = 20, OPEN = 26 };
    g_autoptr(PbxTestHost) before = tpe_for("{}", OPERATORS), after = tpe_for("{}", OPERATORS);
    double x[N][MAX_DIMS];
    for (guint64 trial = 0; trial < N; trial++) {
        ask(before, trial, x[trial]);
        adopt(after, trial, x[trial], PBX_SUGGESTION_REPLAY);
        if (trial < ENDED) {
            tell(before, trial, x[trial], bowl(before, x[trial], 0.2));
            tell(after, trial, x[trial], bowl(after, x[trial], 0.2));
        }
    }
    for (guint64 trial = N - 1; trial >= OPEN; trial--) {
        tell(before, trial, x[trial], bowl(before, x[trial], 0.2));
        tell(after, trial, x[trial], bowl(after, x[trial], 0.2));
    }
    for (guint64 i = 0; i < 10; i++)
        assert_same(before, after, N + i);
}

/* What other options have dropped is told again. */
static void
test_state_of_other_options(void)
{
    g_autoptr(PbxTestHost) from = tpe_for("{\"max_history\": 20}", ONE_DIM);
    g_autoptr(PbxTestHost) to = tpe_for("{}", ONE_DIM);
    run(from, 0, 100, 0.2);
    g_assert_cmpint(test_host_load(to, from), ==, PBX_ENOTSUP);
}

/* A long run costs no more room than a short one. */
static void
test_history_is_bounded(void)
{
    g_autoptr(PbxTestHost) host = tpe_for("{\"max_history\": 50}", ONE_DIM);
    run(host, 0, 200, 0.2);
    g_autoptr(GBytes) early = test_host_reload(host);
    run(host, 200, 600, 0.2);
    g_autoptr(GBytes) late = test_host_reload(host);
    g_assert_cmpuint(g_bytes_get_size(late), ==, g_bytes_get_size(early));
    g_assert_cmpfloat(distance(host, 1000, 40, 0.2), <, 0.15);
}

/* What is kept makes the same suggestions as all, until something is dropped. */
static void
test_bounds_change_nothing_before(void)
{
    g_autoptr(PbxTestHost) all = tpe_for("{\"max_history\": 0}", OPERATORS);
    g_autoptr(PbxTestHost) some = tpe_for("{\"max_history\": 90}", OPERATORS);
    for (guint64 trial = 0; trial < 100; trial++) {
        double x[MAX_DIMS];
        assert_same(all, some, trial);
        ask(all, trial, x);
        ask(some, trial, x);
        tell(all, trial, x, bowl(all, x, 0.2));
        tell(some, trial, x, bowl(some, x, 0.2));
    }
}

#define ADD(NAME, FUNCTION) g_test_add_func("/tpe/history/" NAME, FUNCTION)

void
history_add_tests(void)
{
    ADD("none-is-proposed-twice", test_none_is_proposed_twice);
    ADD("none-of-a-few-is-proposed-twice", test_none_of_a_few_is_proposed_twice);
    ADD("the-liar", test_the_liar);
    ADD("duplicates", test_duplicates);
    ADD("enqueued-and-foreign-points", test_enqueued_and_foreign_points);
    ADD("altered-points", test_altered_points);
    ADD("void-is-forgotten", test_void_is_forgotten);
    ADD("state", test_state);
    ADD("told-again", test_told_again);
    ADD("state-of-other-options", test_state_of_other_options);
    ADD("history-is-bounded", test_history_is_bounded);
    ADD("bounds-change-nothing-before", test_bounds_change_nothing_before);
}
