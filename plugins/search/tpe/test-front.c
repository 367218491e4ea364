/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several metrics, and constraints. */
#include "test-tpe.h"

static PbxTestHost *
host_for(const char *options, const char *config, const char *objectives)
{
    PbxTestHost *host = test_host_new(options);
    g_assert_cmpint(test_host_setup(host, config, objectives, -1), ==, PBX_OK);
    return host;
}

/* violation NaN: there are no constraints. */
static void
end_with(PbxTestHost *host, guint64 trial, const double *x, guint32 how, const double *losses,
         double violation)
{
    const pbx_result last = {.struct_size = sizeof last,
                             .n_losses = host->problem.n_objectives,
                             .n_violations = isnan(violation) ? 0 : 1,
                             .trial = trial,
                             .iteration = 1,
                             .losses = losses,
                             .violations = &violation};
    end(host, trial, x, how, &last);
}

static void
tell_both(PbxTestHost *host, guint64 trial, const double *x, double one, double other)
{
    const double losses[] = {one, other};
    end_with(host, trial, x, PBX_END_COMPLETED, losses, (double)NAN);
}

/* How far the next n are from the nearer of two places, on average; none is told of. */
static double
from_either(PbxTestHost *host, guint n, double one, double other)
{
    double x[MAX_DIMS], sum = 0;
    const pbx_search *search = host->vtable;
    const pbx_outcome skipped = {
        .struct_size = sizeof skipped, .end = PBX_END_DUPLICATE, .trial = PBX_NONE};
    for (guint64 number = 1000; number < 1000 + n; number++) {
        ask(host, number, x);
        g_assert_cmpint(search->tell(host->self, &skipped, &host->error), ==, PBX_OK);
        sum += fmin(fabs(x[0] - one), fabs(x[0] - other));
    }
    return sum / n;
}

/* ---- Several metrics ---- */

/* The front is between 0.3 and 0.6, and all of it is good. */
static void
test_front_is_found(void)
{
    static const char *const options[] = {"{}", "{\"multivariate\": true}", "{\"max_below\": 0}",
                                          "{\"max_history\": 20}", "{\"group\": true}"};
    for (gsize i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autoptr(PbxTestHost) host = host_for(options[i], TWO_DIM, "a:min b:max");
        double x[2], late = 0, low = 1, high = 0;
        for (guint64 trial = 0; trial < 200; trial++) {
            ask(host, trial, x);
            const double away = fmax(fmax(0.3 - x[0], x[0] - 0.6), 0);
            tell_both(host, trial, x, bowl(host, x, 0.3), bowl(host, x, 0.6));
            late += trial >= 100 ? away / 100 : 0;
            low = trial >= 100 ? fmin(low, x[0]) : low;
            high = trial >= 100 ? fmax(high, x[0]) : high;
        }
        g_assert_cmpfloat(late, <, 0.05); /* at random 0.145 */
        g_assert_true(low < 0.4 && high > 0.5);
    }
}

/* The first two ranks are good, and nothing else. */
static void
test_ranks_decide(void)
{
    g_autoptr(PbxTestHost) host =
        host_for("{\"max_below\": 0, \"constant_liar\": false}", ONE_DIM, "a:min b:min");
    double x[1];
    for (guint64 trial = 0; trial < 400; trial++) {
        const guint64 block = trial / 20;
        const double rank = block == 4 ? 0 : block == 15 ? 1 : 5 + (double)trial;
        const double along = 0.01 * (double)(trial % 20);
        x[0] = ((double)trial + 0.5) / 400;
        tell_both(host, trial, x, rank + along, rank - along);
    }
    g_assert_cmpfloat(from_either(host, 60, 0.225, 0.775), <, 0.05); /* at random 0.14 */
}

/* A front that does not fit in is thinned out, not cut off. */
static void
test_part_of_a_front(void)
{
    g_autoptr(PbxTestHost) host = host_for(
        "{\"max_below\": 5, \"gamma\": 1, \"prior_weight\": 0.01}", ONE_DIM, "a:min b:min");
    double x[60], low = 1, high = 0;
    for (guint64 trial = 0; trial < 60; trial++) {
        x[trial] = ((double)trial + 0.5) / 60;
        tell_both(host, trial, &x[trial], x[trial], 1 - x[trial]);
    }
    for (guint64 number = 1000; number < 1060; number++) {
        double y[1];
        ask(host, number, y);
        low = fmin(low, y[0]);
        high = fmax(high, y[0]);
    }
    g_assert_true(low < 0.3 && high > 0.7);
}

static void
test_bad_by_one_of_them(void)
{
    static const double values[] = {(double)NAN, (double)INFINITY};
    for (gsize i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autoptr(PbxTestHost) host = host_for("{}", ONE_DIM, "a:min b:min");
        double x[1];
        guint in_bad = 0;
        for (guint64 trial = 0; trial < 120; trial++) {
            ask(host, trial, x);
            if (x[0] < 0.5)
                tell_both(host, trial, x, 1, 1);
            else
                tell_both(host, trial, x, 0, values[i]);
            in_bad += trial >= 60 && x[0] >= 0.5;
        }
        g_assert_cmpuint(in_bad, <, 15);
    }
}

/* Complete ones are better than these, whatever they say. */
static void
test_stopped_ones(void)
{
    g_autoptr(PbxTestHost) host = host_for(
        "{\"max_below\": 2, \"gamma\": 1, \"prior_weight\": 0.01}", ONE_DIM, "a:min b:min");
    double x[1];
    const double best[] = {0, 0};
    for (guint64 trial = 0; trial < 30; trial++) {
        x[0] = 0.2 + (double)trial / 1000;
        end_with(host, trial, x, PBX_END_EARLY_STOPPED, best, (double)NAN);
    }
    for (guint64 trial = 30; trial < 32; trial++) {
        x[0] = 0.9;
        tell_both(host, trial, x, 5, 5);
    }
    g_assert_cmpfloat(from_either(host, 40, 0.9, 0.9), <, 0.1);
}

/* ---- Constraints ---- */

/* The least loss breaks a constraint; what breaks it less is better, and what keeps it best. */
static void
test_constraints(void)
{
    g_autoptr(PbxTestHost) host = host_for("{}", ONE_DIM, "loss:min");
    double x[1];
    guint feasible = 0;
    for (guint64 trial = 0; trial < 120; trial++) {
        ask(host, trial, x);
        const double loss = x[0] < 0.6 ? -1 : fabs(x[0] - 0.8);
        end_with(host, trial, x, PBX_END_COMPLETED, &loss, 0.6 - x[0]);
        feasible += trial >= 60 && x[0] >= 0.6;
    }
    g_assert_cmpuint(feasible, >, 50);
}

static void
test_none_is_feasible(void)
{
    g_autoptr(PbxTestHost) host =
        host_for("{\"max_below\": 3, \"gamma\": 1, \"prior_weight\": 0.01}", ONE_DIM, "loss:min");
    double x[1];
    for (guint64 trial = 0; trial < 40; trial++) {
        x[0] = ((double)trial + 0.5) / 40;
        end_with(host, trial, x, PBX_END_COMPLETED, x, 2 - x[0]);
    }
    g_assert_cmpfloat(from_either(host, 40, 0.95, 0.95), <, 0.15);
    /* One that was stopped, and keeps them, is better; one whose constraint has no value is not. */
    x[0] = 0.5;
    end_with(host, 40, x, PBX_END_EARLY_STOPPED, x, -1);
    x[0] = 0.1;
    end_with(host, 41, x, PBX_END_COMPLETED, x, (double)INFINITY);
    for (guint64 trial = 42; trial < 44; trial++) {
        x[0] = 0.5 + 0.01 * (double)(trial - 41);
        end_with(host, trial, x, PBX_END_STOPPED, x, -1);
    }
    g_assert_cmpfloat(from_either(host, 40, 0.5, 0.5), <, 0.15);
}

/* ---- State ---- */

/* Of several, also where some were dropped. */
static void
test_state(void)
{
    const char *options = "{\"max_history\": 20, \"max_below\": 10}";
    g_autoptr(PbxTestHost) saved = host_for(options, OPERATORS, "a:min b:min c:max");
    g_autoptr(PbxTestHost) plain = host_for(options, OPERATORS, "a:min b:min c:max");
    for (guint64 trial = 0; trial < 300; trial++) {
        double x[MAX_DIMS], y[MAX_DIMS];
        ask(saved, trial, x);
        ask(plain, trial, y);
        for (guint i = 0; i < saved->problem.space->n_dims; i++)
            g_assert_true(x[i] == y[i] || (isnan(x[i]) && isnan(y[i])));
        const double losses[] = {bowl(saved, x, 0.2), bowl(saved, x, 0.5), bowl(saved, x, 0.8)};
        const double violation = trial % 7 == 0 ? 1 + (double)trial : -1;
        const guint32 how = trial % 5 == 0 ? PBX_END_EARLY_STOPPED : PBX_END_COMPLETED;
        end_with(saved, trial, x, how, losses, violation);
        end_with(plain, trial, x, how, losses, violation);
        if (trial % 30 == 17)
            g_bytes_unref(test_host_reload(saved));
    }
    g_autoptr(PbxTestHost) one = host_for(options, OPERATORS, "a:min");
    g_assert_cmpint(test_host_load(one, saved), ==, PBX_ENOTSUP);
}

static void
test_void(void)
{
    g_autoptr(PbxTestHost) host = host_for("{\"max_history\": 20}", ONE_DIM, "a:min b:min");
    double x[1];
    for (guint64 trial = 0; trial < 150; trial++) {
        ask(host, trial, x);
        tell_both(host, trial, x, x[0], 1 - x[0]);
    }
    for (guint64 trial = 0; trial < 150; trial++)
        end(host, trial, x, PBX_END_VOID, NULL);
    ask(host, 150, x);
}

#define ADD(NAME, FUNCTION) g_test_add_func("/tpe/front/" NAME, FUNCTION)

void
front_add_tests(void)
{
    ADD("is-found", test_front_is_found);
    ADD("ranks-decide", test_ranks_decide);
    ADD("part-of-a-front", test_part_of_a_front);
    ADD("bad-by-one-of-them", test_bad_by_one_of_them);
    ADD("stopped-ones", test_stopped_ones);
    ADD("constraints", test_constraints);
    ADD("none-is-feasible", test_none_is_feasible);
    ADD("state", test_state);
    ADD("void", test_void);
}
