/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The vectors are those of Ray Tune's own tests of AsyncHyperBandScheduler. */
#include <math.h>
#include <string.h>

#include <pegbox/helpers.h>

#include "host.h"

enum { C = PBX_ACTION_CONTINUE, S = PBX_ACTION_STOP, END = PBX_ACTION_COMPLETE };

static PbxTestHost *
asha_for(const char *options, const char *objectives)
{
    PbxTestHost *host = test_host_new(options);
    g_assert_cmpint(test_host_setup(host, NULL, objectives, -1), ==, PBX_OK);
    return host;
}

static PbxTestHost *
asha(const char *options)
{
    return asha_for(options, "score:max");
}

static void
add(PbxTestHost *host, guint64 trial)
{
    const pbx_scheduler *scheduler = host->vtable;
    g_assert_cmpint(scheduler->add(host->self, trial, NULL, NULL, NULL, &host->error), ==, PBX_OK);
}

static pbx_decision
decide(PbxTestHost *host, const pbx_result *result)
{
    const pbx_scheduler *scheduler = host->vtable;
    pbx_decision decision = {sizeof decision, C, PBX_NO_RUNG, PBX_NO_RUNG, NAN};
    g_assert_cmpint(scheduler->result(host->self, result, &decision, &host->error), ==, PBX_OK);
    return decision;
}

static char *
fields(double t, double score)
{
    char time[G_ASCII_DTOSTR_BUF_SIZE], value[G_ASCII_DTOSTR_BUF_SIZE];
    g_ascii_dtostr(time, sizeof time, t);
    g_ascii_dtostr(value, sizeof value, score);
    return g_strdup_printf("{\"training_iteration\": %s, \"score\": %s}", time,
                           isfinite(score) ? value : "NaN");
}

static pbx_decision
report_all(PbxTestHost *host, guint64 trial, double t, double score)
{
    g_autofree char *text = fields(t, score);
    return decide(host, test_result(host, trial, 0, text));
}

static guint
report(PbxTestHost *host, guint64 trial, double t, double score)
{
    return report_all(host, trial, t, score).action;
}

static void
end(PbxTestHost *host, guint64 trial, guint32 how, const pbx_result *last)
{
    const pbx_scheduler *scheduler = host->vtable;
    const pbx_outcome *outcome = test_outcome(host, trial, how, last);
    g_assert_cmpint(scheduler->end(host->self, outcome, &host->error), ==, PBX_OK);
}

static void
complete(PbxTestHost *host, guint64 trial, double t, double score)
{
    g_autofree char *text = fields(t, score);
    end(host, trial, PBX_END_COMPLETED, test_result(host, trial, 0, text));
}

/* t1 reports (i, 100i) for i = 0..9, t2 (i, 450) for i = 0..4: all CONTINUE. */
static void
basic(PbxTestHost *host)
{
    add(host, 1);
    add(host, 2);
    for (int i = 0; i < 10; i++)
        g_assert_cmpuint(report(host, 1, i, 100 * i), ==, C);
    for (int i = 0; i < 5; i++)
        g_assert_cmpuint(report(host, 2, i, 450), ==, C);
}

/* ---- Tune's vectors ---- */

static void
test_completed_trial_fills_a_rung(void)
{
    g_autoptr(PbxTestHost) host = asha("{\"max_t\": 10, \"stop_last_trials\": false}");
    basic(host);
    add(host, 3);
    complete(host, 3, 10, 1000);
    g_assert_cmpuint(report(host, 2, 101, 0), ==, C); /* rung 4 has it: for ever on */
    g_autoptr(PbxTestHost) other = asha("{\"max_t\": 10}");
    basic(other);
    add(other, 3);
    complete(other, 3, 10, 1000);
    g_assert_cmpuint(report(other, 2, 101, 0), ==, END);
}

static void
test_grace_period(void)
{
    g_autoptr(PbxTestHost) host = asha("{\"grace_period\": 2.5, \"reduction_factor\": 3}");
    basic(host);
    complete(host, 1, 10, 1000);
    complete(host, 2, 10, 1000);
    add(host, 3);
    g_assert_cmpuint(report(host, 3, 1, 10), ==, C);
    g_assert_cmpuint(report(host, 3, 2, 10), ==, C);
    g_assert_cmpuint(report(host, 3, 3, 10), ==, S);
}

static void
test_all_completed(void)
{
    g_autoptr(PbxTestHost) host = asha("{\"max_t\": 10, \"reduction_factor\": 2}");
    basic(host);
    complete(host, 1, 10, 1000);
    complete(host, 2, 10, 1000);
    add(host, 3);
    g_assert_cmpuint(report(host, 3, 1, 260), ==, S); /* 275 */
    g_assert_cmpuint(report(host, 3, 2, 260), ==, S); /* 325 */
}

static void
test_nan_is_left_out_of_cutoffs(void)
{
    g_autoptr(PbxTestHost) host = asha("{\"max_t\": 10, \"reduction_factor\": 2}");
    add(host, 1);
    add(host, 2);
    for (int i = 0; i < 10; i++)
        g_assert_cmpuint(report(host, 1, i, 450), ==, C);
    for (int i = 0; i < 10; i++)
        report(host, 2, i, NAN);
    complete(host, 1, 10, 450);
    complete(host, 2, 10, NAN);
    add(host, 3);
    g_assert_cmpuint(report(host, 3, 1, 260), ==, S);
    g_assert_cmpuint(report(host, 3, 2, 260), ==, S);
}

static void
test_nan_is_stopped_once_there_is_a_cutoff(void)
{
    g_autoptr(PbxTestHost) host = asha("{}");
    for (guint64 i = 0; i < 4; i++)
        add(host, i);
    g_assert_cmpuint(report(host, 0, 1, NAN), ==, C); /* the first at a rung survives */
    g_assert_cmpuint(report(host, 1, 1, -5), ==, C);  /* and left no value */
    g_assert_cmpuint(report(host, 2, 1, NAN), ==, S);
    g_assert_cmpuint(report(host, 3, 1, -5), ==, C);
}

static void
test_max_t_below_every_rung(void)
{
    g_autoptr(PbxTestHost) host = asha("{\"max_t\": 10, \"brackets\": 10}");
    for (guint64 i = 0; i < 10; i++) {
        add(host, i);
        g_assert_cmpuint(report(host, i, 10, -2), ==, END);
    }
}

static void
test_state_goes_on_after_a_resume(void)
{
    g_autoptr(PbxTestHost) host = asha("{\"max_t\": 10, \"reduction_factor\": 2}");
    for (guint64 i = 0; i < 5; i++) {
        add(host, i);
        g_assert_cmpuint(report(host, i, 1, 10), ==, C);
    }
    add(host, 5);
    g_assert_cmpuint(report(host, 5, 1, 5), ==, S);
    add(host, 6);
    g_bytes_unref(test_host_reload(host));
    g_assert_cmpuint(report(host, 6, 1, 4), ==, S);
    add(host, 7);
    g_assert_cmpuint(report(host, 7, 1, 2), ==, S);
    g_assert_cmpuint(report(host, 4, 1, 0), ==, C); /* its entry of before is known */
}

static void
test_last_trials_go_on(void)
{
    g_autoptr(PbxTestHost) host =
        asha("{\"max_t\": 3, \"reduction_factor\": 2, \"stop_last_trials\": false}");
    static const guint expected[] = {C, S, S, S};
    for (guint64 i = 0; i < 4; i++) {
        add(host, i);
        g_assert_cmpuint(report(host, i, 2, 10 - 2 * (double)i), ==, expected[i]);
    }
    g_assert_cmpuint(report(host, 0, 4, 10), ==, C);
    g_assert_cmpuint(report(host, 0, 8, 10), ==, C);
    g_assert_cmpuint(report(host, 0, 14, 1), ==, C);
}

static void
test_cutoffs(void)
{
    static const double values[] = {5, 3, 8, 1, 7, 9, 2, 6};
    static const guint expected[] = {C, S, C, S, C, C, S, S};
    g_autoptr(PbxTestHost) host = asha("{}");
    g_autoptr(PbxTestHost) minimising = asha_for("{}", "score:min");
    for (guint64 i = 0; i < G_N_ELEMENTS(values); i++) {
        add(host, i);
        add(minimising, i);
        g_assert_cmpuint(report(host, i, 1, values[i]), ==, expected[i]);
        g_assert_cmpuint(report(minimising, i, 1, -values[i]), ==, expected[i]);
    }
}

/* The percentiles of the reference, a little above and below each. */
static void
check_percentile(const char *options, const double *values, guint n, double cutoff)
{
    for (int above = 0; above < 2; above++) {
        g_autoptr(PbxTestHost) host = asha(options);
        for (guint64 i = 0; i < n; i++) {
            add(host, i);
            report(host, i, 1, values[i]);
        }
        add(host, n);
        g_assert_cmpuint(report(host, n, 1, cutoff + (above ? 1e-9 : -1e-9)), ==, above ? C : S);
    }
}

static void
test_percentiles(void)
{
    check_percentile("{\"reduction_factor\": 2}", (double[]){2, 4}, 2, 3);
    check_percentile("{\"reduction_factor\": 4}", (double[]){1, 2, 3, 4}, 4, 3.25);
    check_percentile("{\"reduction_factor\": 4}", (double[]){4, 2, 1, 3}, 4, 3.25);
    check_percentile("{\"reduction_factor\": 3}", (double[]){10, 20, 30}, 3, 70. / 3);
    /* Those of the sequence in test_cutoffs. */
    static const double values[] = {5, 3, 8, 1, 7, 9, 2, 6};
    static const double cutoffs[] = {5, 4.5, 6.5, 5.75, 7, 7.75, 7.5};
    for (guint n = 1; n <= G_N_ELEMENTS(cutoffs); n++)
        check_percentile("{}", values, n, cutoffs[n - 1]);
}

/* ---- Rungs and brackets ---- */

/* A trial that reaches all rungs at once, but not max_t, fills them from the highest down. */
static void
test_milestones(void)
{
    static const struct {
        const char *options;
        double top;
        guint n;
        double milestones[6];
    } cases[] = {
        {"{\"max_t\": 100}", 99, 4, {64, 16, 4, 1}},
        {"{\"max_t\": 81.5, \"reduction_factor\": 3}", 81.2, 5, {81, 27, 9, 3, 1}},
        {"{\"max_t\": 10, \"reduction_factor\": 2}", 9.9, 4, {8, 4, 2, 1}},
        {"{\"grace_period\": 2.5, \"reduction_factor\": 3}", 99, 4, {67.5, 22.5, 7.5, 2.5}},
        {"{\"max_t\": 3, \"reduction_factor\": 2}", 2.9, 2, {2, 1}},
        /* The logarithm in doubles: 3 rungs, not 4; 243 has lost its rung. */
        {"{\"max_t\": 1000, \"reduction_factor\": 10}", 999, 3, {100, 10, 1}},
        {"{\"max_t\": 243, \"reduction_factor\": 3}", 242, 5, {81, 27, 9, 3, 1}},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(PbxTestHost) host = asha(cases[i].options);
        add(host, 0);
        for (guint k = 0; k < cases[i].n; k++) {
            pbx_decision decision = report_all(host, 0, cases[i].top, 0);
            g_assert_cmpuint(decision.rung, ==, cases[i].n - 1 - k);
            g_assert_cmpfloat(decision.budget, ==, cases[i].milestones[k]);
            g_assert_cmpuint(decision.bracket, ==, 0);
        }
        g_assert_cmpuint(report_all(host, 0, cases[i].top, 0).rung, ==, PBX_NO_RUNG);
    }
}

static char *
described(PbxTestHost *host)
{
    const pbx_scheduler *scheduler = host->vtable;
    pbx_memory memory = {0};
    pbx_sink sink = pbx_memory_sink(&memory);
    g_assert_cmpint(scheduler->object.describe(host->self, &sink), ==, PBX_OK);
    char *text = g_strdup(memory.bytes);
    pbx_memory_free(&memory);
    return text;
}

/* The reference's table: milestones of each bracket. */
static void
test_milestones_of_each_bracket(void)
{
    static const struct {
        const char *options;
        const char *brackets;
    } cases[] = {
        {"{\"max_t\": 100, \"brackets\": 3}",
         "\nBracket: Iter 64: 0 | Iter 16: 0 | Iter 4: 0 | Iter 1: 0"
         "\nBracket: Iter 64: 0 | Iter 16: 0 | Iter 4: 0\nBracket: Iter 64: 0 | Iter 16: 0"},
        {"{\"max_t\": 81, \"reduction_factor\": 3, \"brackets\": 3}",
         "\nBracket: Iter 81: 0 | Iter 27: 0 | Iter 9: 0 | Iter 3: 0 | Iter 1: 0"
         "\nBracket: Iter 81: 0 | Iter 27: 0 | Iter 9: 0 | Iter 3: 0"
         "\nBracket: Iter 81: 0 | Iter 27: 0 | Iter 9: 0"},
        {"{\"max_t\": 10, \"reduction_factor\": 2, \"brackets\": 3}",
         "\nBracket: Iter 8: 0 | Iter 4: 0 | Iter 2: 0 | Iter 1: 0"
         "\nBracket: Iter 8: 0 | Iter 4: 0 | Iter 2: 0\nBracket: Iter 8: 0 | Iter 4: 0"},
        {"{\"max_t\": 100, \"grace_period\": 2.5, \"reduction_factor\": 3, \"brackets\": 3}",
         "\nBracket: Iter 67.5: 0 | Iter 22.5: 0 | Iter 7.5: 0 | Iter 2.5: 0"
         "\nBracket: Iter 67.5: 0 | Iter 22.5: 0 | Iter 7.5: 0"
         "\nBracket: Iter 67.5: 0 | Iter 22.5: 0"},
        {"{\"max_t\": 3, \"reduction_factor\": 2, \"brackets\": 3}",
         "\nBracket: Iter 2: 0 | Iter 1: 0\nBracket: Iter 2: 0\nBracket:"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(PbxTestHost) host = asha(cases[i].options);
        g_autofree char *text = described(host);
        g_autofree char *expected =
            g_strconcat("Using AsyncHyperBand: num_stopped=0", cases[i].brackets, NULL);
        g_assert_cmpstr(text, ==, expected);
    }
}

static void
test_describe_counts(void)
{
    g_autoptr(PbxTestHost) host = asha("{\"max_t\": 5}");
    add(host, 0);
    add(host, 1);
    report(host, 0, 1, 5);
    report(host, 0, 4, 5);
    report(host, 1, 1, 4);
    g_autofree char *text = described(host);
    g_assert_cmpstr(text, ==,
                    "Using AsyncHyperBand: num_stopped=1\nBracket: Iter 4: 1 | Iter 1: 2");
}

static guint
count_rungs(PbxTestHost *host, guint64 trial, double top, guint *bracket)
{
    guint n = 0;
    for (;; n++) {
        pbx_decision decision = report_all(host, trial, top, 0);
        *bracket = decision.bracket;
        if (decision.rung == PBX_NO_RUNG)
            return n;
    }
}

static void
check_brackets(const char *options, double top, const guint *sizes, const double *shares, guint n)
{
    enum { TRIALS = 3000 };
    g_autoptr(PbxTestHost) host = asha(options);
    guint counts[4] = {0};
    for (guint64 trial = 0; trial < TRIALS; trial++) {
        guint bracket;
        add(host, trial);
        guint rungs = count_rungs(host, trial, top, &bracket);
        g_assert_cmpuint(bracket, <, n);
        g_assert_cmpuint(rungs, ==, sizes[bracket]);
        counts[bracket]++;
        end(host, trial, PBX_END_STOPPED, NULL);
    }
    for (guint i = 0; i < n; i++)
        g_assert_cmpfloat(fabs((double)counts[i] / TRIALS - shares[i]), <, 0.03);
}

static void
test_brackets(void)
{
    check_brackets("{\"brackets\": 2}", 99, (guint[]){4, 3}, (double[]){0.73106, 0.26894}, 2);
    check_brackets("{\"brackets\": 3}", 99, (guint[]){4, 3, 2},
                   (double[]){0.66524, 0.24473, 0.09003}, 3);
    check_brackets("{\"max_t\": 3, \"reduction_factor\": 2, \"brackets\": 3}", 2.9,
                   (guint[]){2, 1, 0}, (double[]){0.66524, 0.24473, 0.09003}, 3);
}

static void
test_bracket_is_a_function_of_the_trial(void)
{
    g_autoptr(PbxTestHost) a = asha("{\"brackets\": 3}");
    g_autoptr(PbxTestHost) b = asha("{\"brackets\": 3}");
    for (guint64 i = 0; i < 50; i++)
        add(a, i);
    for (guint64 i = 50; i-- > 0;)
        add(b, i);
    for (guint64 i = 0; i < 50; i++)
        g_assert_cmpuint(report_all(a, i, 0, 0).bracket, ==, report_all(b, i, 0, 0).bracket);
}

static void
test_skipped_rungs_are_filled_from_the_top(void)
{
    g_autoptr(PbxTestHost) host = asha("{}");
    add(host, 0);
    g_assert_cmpfloat(report_all(host, 0, 70, 5).budget, ==, 64);
    g_assert_cmpfloat(report_all(host, 0, 71, 1).budget, ==, 16);
    add(host, 1);
    g_assert_cmpuint(report(host, 1, 16, 2), ==, C); /* above the 1 of rung 16 */
    add(host, 2);
    g_assert_cmpuint(report(host, 2, 64, 4), ==, S); /* below the 5 of rung 64 */
}

/* ---- What is no result, and ends ---- */

static void
test_missing_time_or_metric_goes_on(void)
{
    g_autoptr(PbxTestHost) host = asha("{\"time_attr\": \"epoch\"}");
    add(host, 0);
    add(host, 1);
    g_assert_cmpuint(decide(host, test_result(host, 0, 1, "{\"epoch\": 1, \"score\": 5}")).rung, ==,
                     0);
    g_assert_cmpuint(decide(host, test_result(host, 1, 1, "{\"score\": 1}")).action, ==, C);
    g_assert_cmpuint(decide(host, test_result(host, 1, 1, "{\"epoch\": 1}")).action, ==, C);
    g_assert_cmpuint(
        decide(host, test_result(host, 1, 1, "{\"epoch\": \"one\", \"score\": 1}")).action, ==, C);
    g_assert_cmpuint(
        decide(host, test_result(host, 1, 1, "{\"epoch\": \"Infinity\", \"score\": 1}")).action, ==,
        C);
    g_assert_cmpuint(decide(host, test_result(host, 1, 1, "{\"epoch\": 1, \"score\": 1}")).action,
                     ==, S);
}

static void
test_only_completed_trials_leave_their_last_result(void)
{
    static const guint32 ends[] = {PBX_END_STOPPED, PBX_END_FAILED, PBX_END_EARLY_STOPPED};
    g_autoptr(PbxTestHost) host = asha("{}");
    for (guint64 i = 0; i < G_N_ELEMENTS(ends); i++) {
        add(host, i);
        end(host, i, ends[i], test_result(host, i, 1, "{\"score\": 100}"));
    }
    add(host, 8);
    g_assert_cmpuint(report(host, 8, 1, 1), ==, C);
    add(host, 9);
    complete(host, 9, 1, 100);
    add(host, 10);
    g_assert_cmpuint(report(host, 10, 1, 50), ==, S);
}

static void
test_a_result_is_judged_once(void)
{
    g_autoptr(PbxTestHost) host = asha("{}");
    add(host, 0);
    const pbx_result *last = test_result(host, 0, 4, "{\"score\": 100}");
    g_assert_cmpfloat(decide(host, last).budget, ==, 4);
    end(host, 0, PBX_END_COMPLETED, last); /* rung 1 stays empty */
    add(host, 1);
    g_assert_cmpuint(report(host, 1, 1, 1), ==, C);
}

static void
test_early_stopped_value_stays(void)
{
    g_autoptr(PbxTestHost) host = asha("{\"reduction_factor\": 2}");
    for (guint64 i = 0; i < 3; i++)
        add(host, i);
    g_assert_cmpuint(report(host, 0, 1, 10), ==, C);
    g_assert_cmpuint(report(host, 1, 1, 0), ==, S);
    end(host, 1, PBX_END_EARLY_STOPPED, NULL);
    g_assert_cmpuint(report(host, 2, 1, 6), ==, C); /* the cutoff is 5 */
}

/* ---- Several objectives ---- */

static guint
report_two(PbxTestHost *host, guint64 trial, double a, double b)
{
    g_autofree char *text = g_strdup_printf("{\"a\": %d, \"b\": %d}", (int)a, (int)b);
    add(host, trial);
    return decide(host, test_result(host, trial, 1, text)).action;
}

static void
test_two_objectives(void)
{
    g_autoptr(PbxTestHost) host = asha_for("{\"reduction_factor\": 2}", "a:min b:max");
    g_assert_cmpuint(report_two(host, 0, 5, 5), ==, C);
    g_assert_cmpuint(report_two(host, 1, 6, 4), ==, S); /* dominated */
    g_assert_cmpuint(report_two(host, 2, 9, 9), ==, C); /* on the front: an end of it */
    g_assert_cmpuint(report_two(host, 3, 1, 1), ==, C);
    g_assert_cmpuint(report_two(host, 4, 9, 1), ==, S);
    g_bytes_unref(test_host_reload(host));
    g_assert_cmpuint(report_two(host, 5, 9, 0), ==, S);
    g_assert_cmpuint(report_two(host, 6, 0, 9), ==, C); /* better than all */
    add(host, 7);
    g_assert_cmpuint(decide(host, test_result(host, 7, 1, "{\"a\": 1}")).action, ==, C);
    add(host, 8);
    g_assert_cmpuint(decide(host, test_result(host, 8, 1, "{\"a\": 1, \"b\": \"NaN\"}")).action, ==,
                     S);
}

/* ---- Options and state ---- */

static void
check_refused(const char *options, const char *word)
{
    g_autofree char *message = test_host_refusal(options);
    g_assert_nonnull(message);
    g_assert_nonnull(strstr(message, word));
}

static void
test_bad_options(void)
{
    check_refused("{\"max_t\": 0}", "max_t");
    check_refused("{\"max_t\": \"Infinity\"}", "max_t");
    check_refused("{\"max_t\": \"NaN\"}", "max_t");
    check_refused("{\"max_t\": 1e308, \"grace_period\": 1e-308}", "reduction_factor");
    check_refused("{\"grace_period\": 0}", "grace_period");
    check_refused("{\"reduction_factor\": 1}", "reduction_factor");
    check_refused("{\"brackets\": 0}", "brackets");
    check_refused("{\"max_t\": 5, \"grace_period\": 6}", "max_t: 5 is below grace_period, 6");
    check_refused("{\"max_t\": 1e9, \"reduction_factor\": 1.01}", "reduction_factor");
    g_autoptr(PbxTestHost) host = test_host_new("{\"max_t\": 6, \"grace_period\": 6}");
    g_assert_cmpint(test_host_setup(host, NULL, NULL, 1), ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.where, ==, "metric");
}

static void
test_max_t_may_grow_on_resume(void)
{
    g_autoptr(PbxTestHost) host = asha("{\"max_t\": 10, \"brackets\": 2}");
    g_autoptr(PbxTestHost) longer = asha("{\"max_t\": 100, \"brackets\": 2}");
    g_autoptr(PbxTestHost) other = asha("{\"max_t\": 10, \"brackets\": 2, \"grace_period\": 2}");
    add(host, 0);
    report(host, 0, 1, 10);
    g_assert_cmpint(test_host_load(longer, host), ==, PBX_OK);
    g_assert_cmpfloat(report_all(longer, 0, 70, 5).budget, ==, 64);
    g_assert_cmpint(test_host_load(other, host), ==, PBX_ENOTSUP);
    g_assert_cmpint(test_host_load(host, longer), ==, PBX_ENOTSUP);
}

static void
test_the_blob_is_small(void)
{
    g_autoptr(PbxTestHost) host = asha("{}");
    for (guint64 i = 0; i < 6000; i++) {
        add(host, i);
        report(host, i, 1, (double)i);
        end(host, i, PBX_END_COMPLETED, NULL);
    }
    g_autoptr(GBytes) blob = test_host_reload(host);
    g_assert_cmpuint(g_bytes_get_size(blob), <, 64 * 1024);
}

#define ADD(NAME, FUNCTION) g_test_add_func("/asha/" NAME, FUNCTION)

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    ADD("completed-trial-fills-a-rung", test_completed_trial_fills_a_rung);
    ADD("grace-period", test_grace_period);
    ADD("all-completed", test_all_completed);
    ADD("nan-is-left-out-of-cutoffs", test_nan_is_left_out_of_cutoffs);
    ADD("nan-is-stopped-once-there-is-a-cutoff", test_nan_is_stopped_once_there_is_a_cutoff);
    ADD("max-t-below-every-rung", test_max_t_below_every_rung);
    ADD("state-goes-on-after-a-resume", test_state_goes_on_after_a_resume);
    ADD("last-trials-go-on", test_last_trials_go_on);
    ADD("cutoffs", test_cutoffs);
    ADD("percentiles", test_percentiles);
    ADD("milestones", test_milestones);
    ADD("milestones-of-each-bracket", test_milestones_of_each_bracket);
    ADD("describe-counts", test_describe_counts);
    ADD("brackets", test_brackets);
    ADD("bracket-is-a-function-of-the-trial", test_bracket_is_a_function_of_the_trial);
    ADD("skipped-rungs-are-filled-from-the-top", test_skipped_rungs_are_filled_from_the_top);
    ADD("missing-time-or-metric-goes-on", test_missing_time_or_metric_goes_on);
    ADD("only-completed-trials-leave-their-last-result",
        test_only_completed_trials_leave_their_last_result);
    ADD("a-result-is-judged-once", test_a_result_is_judged_once);
    ADD("early-stopped-value-stays", test_early_stopped_value_stays);
    ADD("two-objectives", test_two_objectives);
    ADD("bad-options", test_bad_options);
    ADD("max-t-may-grow-on-resume", test_max_t_may_grow_on_resume);
    ADD("the-blob-is-small", test_the_blob_is_small);
    return g_test_run();
}
