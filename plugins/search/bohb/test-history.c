/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the plugin knows: results at budgets, trials that run, and its stored state. */
#include "test-bohb.h"

/* No suggestion is random, and models are of few points. */
#define MODEL "{\"random_fraction\": 0}"

/* ---- Budgets ---- */

/* Trials that come as far as this budget, where those near `middle` are good. */
static void
come_to(PbxTestHost *host, guint64 first, guint n, double budget, double middle)
{
    double x[1];
    for (guint64 trial = first; trial < first + n; trial++) {
        x[0] = ((double)(trial - first) + 0.5) / n;
        test_adopt(host, trial, x, PBX_SUGGESTION_ENQUEUED, 0);
        report(host, trial, budget, fabs(x[0] - middle));
    }
}

/* The largest one that has enough results counts, however many others have. */
static void
test_the_largest_budget(void)
{
    g_autoptr(PbxTestHost) host = bohb_for(MODEL, ONE_DIM);
    come_to(host, 0, 40, 3, 0.2);
    assert_describes(host, "BOHB: a model of 40 results at budget 3, 6 of them good");
    g_assert_cmpfloat(distance(host, 1000, 30, 0.2), <, 0.15);
    come_to(host, 100, 20, 9, 0.8);
    assert_describes(host, "BOHB: a model of 20 results at budget 9, 3 of them good");
    g_assert_cmpfloat(distance(host, 1000, 30, 0.8), <, 0.15);
    come_to(host, 200, 40, 1, 0.5);
    g_assert_cmpfloat(distance(host, 1000, 30, 0.8), <, 0.15);
    come_to(host, 300, 3, 27, 0.1);
    assert_describes(host, "BOHB: a model of 20 results at budget 9, 3 of them good");
}

/* A result that no scheduler gave a budget is passed over. */
static void
test_without_a_budget(void)
{
    g_autoptr(PbxTestHost) host = bohb_for(MODEL, ONE_DIM);
    come_to(host, 0, 20, (double)NAN, 0.2);
    assert_describes(host, "BOHB: no model yet; 0 of 4 results at one budget");
}

/* The result with which a scheduler stops a trial is one at that budget. */
static void
test_stopped_at_a_budget(void)
{
    g_autoptr(PbxTestHost) host = bohb_for(MODEL, ONE_DIM);
    double x[1];
    for (guint64 trial = 0; trial < 20; trial++) {
        x[0] = ((double)trial + 0.5) / 20;
        end(host, trial, x, PBX_END_EARLY_STOPPED, result_at(host, trial, 3, fabs(x[0] - 0.3)));
    }
    assert_describes(host, "BOHB: a model of 20 results at budget 3, 3 of them good");
    g_assert_cmpfloat(distance(host, 1000, 30, 0.3), <, 0.15);
}

/* What is stopped between two budgets has told what it has to tell; without one it is bad. */
static void
test_stopped_between_budgets(void)
{
    g_autoptr(PbxTestHost) host = bohb_for(MODEL, ONE_DIM);
    double x[1] = {0.5};
    come_to(host, 0, 20, 3, 0.2);
    end(host, 4, x, PBX_END_STOPPED, result_at(host, 4, (double)NAN, -100));
    for (guint64 trial = 30; trial < 35; trial++)
        end(host, trial, x, PBX_END_STOPPED, result_at(host, trial, (double)NAN, -100));
    assert_describes(host, "BOHB: a model of 20 results at budget 3, 3 of them good");
    for (guint64 trial = 35; trial < 37; trial++)
        tell(host, trial, x, 1);
    assert_describes(host, "BOHB: a model of 7 trials, 2 of them good");
}

/* Complete ones had the largest budget, whatever the last rung was. */
static void
test_complete_ones(void)
{
    g_autoptr(PbxTestHost) host = bohb_for(MODEL, ONE_DIM);
    double x[1];
    come_to(host, 0, 20, 81, 0.2);
    for (guint64 trial = 0; trial < 20; trial++) {
        x[0] = ((double)trial + 0.5) / 20;
        end(host, trial, x, PBX_END_COMPLETED, result_at(host, trial, 81, fabs(x[0] - 0.7)));
    }
    assert_describes(host, "BOHB: a model of 20 trials, 3 of them good");
    g_assert_cmpfloat(distance(host, 1000, 30, 0.7), <, 0.15);
}

/* One that comes again, as after a retry, is one. */
static void
test_a_budget_twice(void)
{
    g_autoptr(PbxTestHost) host = bohb_for(MODEL, ONE_DIM);
    come_to(host, 0, 5, 3, 0.2);
    come_to(host, 0, 5, 3, 0.2);
    assert_describes(host, "BOHB: a model of 5 results at budget 3, 2 of them good");
}

/* A result without the metric is bad. */
static void
test_a_missing_metric(void)
{
    g_autoptr(PbxTestHost) host = bohb_for(MODEL, ONE_DIM);
    const pbx_search *search = host->vtable;
    double x[1] = {0.5};
    for (guint64 trial = 0; trial < 4; trial++) {
        pbx_result result = *test_result(host, trial, 3, "{\"other\": 1}");
        result.budget = 3;
        test_adopt(host, trial, x, 0, 0);
        g_assert_cmpint(search->report(host->self, &result, &host->error), ==, PBX_OK);
    }
    assert_describes(host, "BOHB: no model yet; 4 of 4 results at one budget");
    g_bytes_unref(test_host_reload(host));
}

/* A failed trial is bad where it was, and at the next budget. */
static void
test_failed_ones(void)
{
    g_autoptr(PbxTestHost) host = bohb_for(MODEL, ONE_DIM);
    double x[1];
    come_to(host, 0, 40, 3, 0.2);
    come_to(host, 40, 3, 9, 0.2);
    for (guint64 trial = 0; trial < 20; trial++) { /* those near 0.2 */
        x[0] = ((double)trial + 0.5) / 40;
        end(host, trial, x, PBX_END_FAILED, result_at(host, trial, 3, 0));
    }
    assert_describes(host, "BOHB: a model of 23 results at budget 9, 3 of them good");
    for (guint64 trial = 40; trial < 43; trial++)
        end(host, trial, x, PBX_END_VOID, NULL);
    assert_describes(host, "BOHB: a model of 40 results at budget 3, 6 of them good");
    g_assert_cmpfloat(distance(host, 1000, 30, 0.2), >, 0.25);
}

static void
test_void_ones(void)
{
    g_autoptr(PbxTestHost) host = bohb_for(MODEL, ONE_DIM);
    double x[1] = {0.5};
    come_to(host, 0, 20, 3, 0.2);
    come_to(host, 0, 20, 9, 0.2);
    for (guint64 trial = 0; trial < 10; trial++)
        end(host, trial, x, PBX_END_VOID, NULL);
    assert_describes(host, "BOHB: a model of 10 results at budget 9, 2 of them good");
    for (guint64 trial = 10; trial < 30; trial++)
        end(host, trial, x, PBX_END_VOID, NULL);
    assert_describes(host, "BOHB: no model yet; 0 of 4 results at one budget");
}

/* A scheduler that names a budget with each result costs no more than 64 of them. */
static void
test_very_many_budgets(void)
{
    g_autoptr(PbxTestHost) host = bohb_for(MODEL, ONE_DIM);
    double x[1];
    for (guint64 trial = 0; trial < 5; trial++) {
        x[0] = (double)trial / 5;
        test_adopt(host, trial, x, 0, 0);
        for (guint budget = 1; budget <= 200; budget++)
            report(host, trial, budget, x[0]);
    }
    assert_describes(host, "BOHB: a model of 5 results at budget 200, 2 of them good");
    come_to(host, 50, 20, 1, 0.2);
    assert_describes(host, "BOHB: a model of 5 results at budget 200, 2 of them good");
    GBytes *bytes = test_host_reload(host);
    g_assert_cmpuint(g_bytes_get_size(bytes), <, 20000);
    g_bytes_unref(bytes);
}

/* The good ones stay, and else the newest. */
static void
test_history_is_bounded(void)
{
    g_autoptr(PbxTestHost) host =
        bohb_for("{\"random_fraction\": 0, \"max_history\": 40}", ONE_DIM);
    double x[1];
    for (guint64 trial = 0; trial < 10; trial++) {
        x[0] = 0.2 + (double)trial / 1000;
        tell(host, trial, x, 0);
    }
    for (guint64 trial = 10; trial < 1000; trial++) {
        x[0] = fmod((double)trial * 0.618, 1);
        tell(host, trial, x, 1);
    }
    assert_describes(host, "BOHB: a model of 40 trials, 6 of them good");
    g_assert_cmpfloat(distance(host, 1000, 30, 0.2), <, 0.1);
}

/* What is dropped may come again. */
static void
test_the_oldest_are_dropped(void)
{
    g_autoptr(PbxTestHost) host =
        bohb_for("{\"random_fraction\": 1, \"max_history\": 10}", "{\"x\": {\"$randint\": 20}}");
    double x[1];
    for (guint64 trial = 0; trial < 15; trial++) {
        x[0] = (double)trial;
        tell(host, trial, x, 1);
    }
    for (guint64 trial = 15; trial < 21; trial++) { /* the first two are the good ones */
        ask(host, trial, x);
        g_assert_true((x[0] >= 2 && x[0] <= 6) || x[0] >= 15);
    }
}

/* ---- As many as are wanted at once ---- */

static void
test_limits_itself(void)
{
    const guint32 paused = PBX_STATE_PAUSED, running = PBX_STATE_RUNNING;
    g_autoptr(PbxTestHost) host = bohb_for("{}", ONE_DIM);
    const pbx_search *search = host->vtable;
    double x[1], enqueued[1] = {0.5};
    host->problem.max_concurrent = 2;
    g_assert_cmpint(search->setup(host->self, &host->problem, &host->error), ==, PBX_OK);
    test_adopt(host, 0, enqueued, PBX_SUGGESTION_ENQUEUED, 0);
    ask(host, 1, x);
    ask(host, 2, x);
    g_assert_cmpint(test_suggest(host, 3, x), ==, PBX_AGAIN);
    /* A paused one frees its place, until it goes on. */
    g_assert_cmpint(search->state(host->self, 1, paused, &host->error), ==, PBX_OK);
    ask(host, 3, x);
    g_assert_cmpint(test_suggest(host, 4, x), ==, PBX_AGAIN);
    g_assert_cmpint(search->state(host->self, 1, running, &host->error), ==, PBX_OK);
    tell(host, 3, x, 1);
    g_assert_cmpint(test_suggest(host, 4, x), ==, PBX_AGAIN);
    g_bytes_unref(test_host_reload(host));
    g_assert_cmpint(test_suggest(host, 4, x), ==, PBX_AGAIN);
    tell(host, 2, x, 1);
    ask(host, 4, x);
}

/* Another trial took its number while it was asked, and is told of first or last. */
static void
test_another_number(void)
{
    g_autoptr(PbxTestHost) host = bohb_for("{}", ONE_DIM);
    const pbx_search *search = host->vtable;
    double x[1], enqueued[1] = {0.5};
    host->problem.max_concurrent = 2;
    g_assert_cmpint(search->setup(host->self, &host->problem, &host->error), ==, PBX_OK);
    ask(host, 0, x);
    test_adopt(host, 0, enqueued, PBX_SUGGESTION_ENQUEUED, 0);
    test_adopt(host, 1, x, PBX_SUGGESTION_ALTERED, 0);
    report(host, 0, 3, 1);
    report(host, 1, 3, 1);
    assert_describes(host, "BOHB: no model yet; 2 of 4 results at one budget");
    ask(host, 2, x);
    test_adopt(host, 3, x, PBX_SUGGESTION_ALTERED, 0);
    tell(host, 3, x, 1);
    ask(host, 4, x);
    g_assert_cmpint(test_suggest(host, 5, x), ==, PBX_AGAIN);
}

/* ---- State ---- */

static void
step(PbxTestHost *host, guint64 number, double *x)
{
    const double loss = number % 11 == 3 ? NAN : 0;
    ask(host, number, x);
    report(host, number, 1, loss + test_bowl(host, x, 0.3));
    if (number % 5 == 4)
        end(host, number, x, PBX_END_FAILED, NULL);
    else if (number % 3 == 0)
        end(host, number, x, PBX_END_EARLY_STOPPED,
            result_at(host, number, 3, test_bowl(host, x, 0.3)));
    else if (number % 7 != 6) /* which run on */
        tell(host, number, x, test_bowl(host, x, 0.3));
}

static void
test_state(void)
{
    static const char *const options[] = {"{}", MODEL, "{\"max_history\": 30}",
                                          "{\"max_history\": 0, \"top_n_percent\": 50}"};
    for (gsize i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autoptr(PbxTestHost) one = bohb_for(options[i], OPERATORS);
        g_autoptr(PbxTestHost) other = bohb_for(options[i], OPERATORS);
        double x[MAX_DIMS] = {0}, y[MAX_DIMS] = {0};
        for (guint64 number = 0; number < 150; number++) {
            step(one, number, x);
            step(other, number, y);
            g_assert_cmpmem(x, sizeof x, y, sizeof y);
            g_bytes_unref(test_host_reload(one));
        }
    }
}

/* What was dropped under other options is told again. */
static void
test_state_of_other_options(void)
{
    g_autoptr(PbxTestHost) one = bohb_for("{}", TWO_DIM);
    g_autoptr(PbxTestHost) other = bohb_for("{\"max_history\": 50}", TWO_DIM);
    g_autoptr(PbxTestHost) space = bohb_for("{}", ONE_DIM);
    g_autoptr(PbxTestHost) candidates = bohb_for("{\"num_samples\": 3}", TWO_DIM);
    run(one, 0, 20, 0.2);
    g_assert_cmpint(test_host_load(other, one), ==, PBX_ENOTSUP);
    g_assert_cmpint(test_host_load(space, one), ==, PBX_ENOTSUP);
    g_assert_cmpint(test_host_load(candidates, one), ==, PBX_OK);
}

/* Whatever bytes it is given: refused, or taken, and then asked. */
static void
test_damaged_state(void)
{
    g_autoptr(PbxTestHost) host = bohb_for("{}", BRANCHES);
    const pbx_search *search = host->vtable;
    double x[MAX_DIMS];
    guint refused = 0;
    for (guint64 number = 0; number < 30; number++)
        step(host, number, x);
    g_autoptr(GBytes) bytes = test_host_reload(host);
    gsize n;
    const guint8 *whole = g_bytes_get_data(bytes, &n);
    for (gsize at = 0; at < n; at += 3) {
        g_autoptr(PbxTestHost) other = bohb_for("{}", BRANCHES);
        g_autofree guint8 *damaged = g_memdup2(whole, n);
        const gboolean is_cut = at % 2 == 0;
        damaged[at] ^= (guint8)(1 + at % 255);
        const pbx_status status =
            search->object.load(other->self, 1, damaged, is_cut ? at : n, &other->error);
        refused += status != PBX_OK;
        g_assert_true(status == PBX_OK || status == PBX_EINVAL || status == PBX_ENOTSUP);
        if (status == PBX_OK)
            g_assert_cmpint(test_suggest(other, 100, x), ==, PBX_OK);
    }
    g_assert_cmpuint(refused, >, n / 6);
}

/* Who was told of the same trials goes on in the same way, to the last bit. */
static void
test_told_again(void)
{
    g_autoptr(PbxTestHost) one = bohb_for("{}", TWO_DIM);
    g_autoptr(PbxTestHost) other = bohb_for("{}", TWO_DIM);
    double x[80][2], y[2];
    for (guint64 number = 0; number < 80; number++)
        step(one, number, x[number]);
    for (guint64 number = 0; number < 80; number++) {
        const double loss = number % 11 == 3 ? NAN : 0;
        test_adopt(other, number, x[number], PBX_SUGGESTION_REPLAY, 0);
        report(other, number, 1, loss + test_bowl(other, x[number], 0.3));
        if (number % 5 == 4)
            end(other, number, x[number], PBX_END_FAILED, NULL);
        else if (number % 3 == 0)
            end(other, number, x[number], PBX_END_EARLY_STOPPED,
                result_at(other, number, 3, test_bowl(other, x[number], 0.3)));
        else if (number % 7 != 6)
            tell(other, number, x[number], test_bowl(other, x[number], 0.3));
    }
    for (guint64 number = 80; number < 100; number++) {
        ask(one, number, x[0]);
        ask(other, number, y);
        g_assert_cmpmem(x[0], sizeof y, y, sizeof y);
    }
}

/* Results of elsewhere are of complete trials. */
static void
test_foreign_ones(void)
{
    g_autoptr(PbxTestHost) host = bohb_for(MODEL, ONE_DIM);
    double x[1];
    for (guint64 i = 0; i < 20; i++) {
        x[0] = ((double)i + 0.5) / 20;
        tell(host, PBX_NONE, x, fabs(x[0] - 0.7));
    }
    x[0] = 0.7;
    end(host, PBX_NONE, x, PBX_END_FAILED, NULL);
    assert_describes(host, "BOHB: a model of 21 trials, 3 of them good");
    g_assert_cmpfloat(distance(host, 1000, 30, 0.7), <, 0.15);
}

#define ADD(NAME, FUNCTION) g_test_add_func("/bohb/history/" NAME, FUNCTION)

void
history_add_tests(void)
{
    ADD("the-largest-budget", test_the_largest_budget);
    ADD("without-a-budget", test_without_a_budget);
    ADD("stopped-at-a-budget", test_stopped_at_a_budget);
    ADD("stopped-between-budgets", test_stopped_between_budgets);
    ADD("complete-ones", test_complete_ones);
    ADD("a-budget-twice", test_a_budget_twice);
    ADD("a-missing-metric", test_a_missing_metric);
    ADD("failed-ones", test_failed_ones);
    ADD("void-ones", test_void_ones);
    ADD("very-many-budgets", test_very_many_budgets);
    ADD("history-is-bounded", test_history_is_bounded);
    ADD("the-oldest-are-dropped", test_the_oldest_are_dropped);
    ADD("limits-itself", test_limits_itself);
    ADD("another-number", test_another_number);
    ADD("state", test_state);
    ADD("state-of-other-options", test_state_of_other_options);
    ADD("damaged-state", test_damaged_state);
    ADD("told-again", test_told_again);
    ADD("foreign-ones", test_foreign_ones);
}
