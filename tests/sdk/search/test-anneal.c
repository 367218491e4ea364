/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sdk/examples/search/anneal.c: what it accepts, what it ignores, and its state. */
#include <math.h>

#include "host.h"

#define SPACE "{\"x\": {\"$uniform\": [0, 1]}, \"k\": {\"$choice\": [1, 2, 3]}}"

static PbxTestHost *
anneal(const char *options)
{
    PbxTestHost *host = test_host_new(options);
    g_assert_cmpint(test_host_setup(host, SPACE, "loss:min", -1), ==, PBX_OK);
    return host;
}

static void
suggest(PbxTestHost *host, guint64 ask, double x[2])
{
    const pbx_search *search = host->vtable;
    pbx_suggestion suggestion = {
        .struct_size = sizeof suggestion, .n_dims = 2, .trial = ask, .ask = ask, .x = x};
    g_assert_cmpint(search->suggest(host->self, &suggestion, &host->error), ==, PBX_OK);
    g_assert_true(x[0] >= 0 && x[0] < 1 && (x[1] == 0 || x[1] == 1 || x[1] == 2));
}

/* Tells of a trial at (x, 1); fields NULL: it never reported. */
static void
tell(PbxTestHost *host, guint64 trial, double x, guint32 end, const char *fields)
{
    const pbx_search *search = host->vtable;
    double point[2] = {x, 1};
    const pbx_result *last = fields != NULL ? test_result(host, trial, 1, fields) : NULL;
    pbx_outcome outcome = *test_outcome(host, trial, end, last);
    outcome.x = point;
    outcome.n_dims = 2;
    g_assert_cmpint(search->tell(host->self, &outcome, &host->error), ==, PBX_OK);
}

/* Whether the next points lie around one: with a step of 0, all are at it. */
static void
assert_at(PbxTestHost *host, double where)
{
    double x[2];
    suggest(host, 1000, x);
    g_assert_cmpfloat(fabs(x[0] - where), <, 1e-12);
    g_assert_cmpfloat(x[1], ==, 1);
}

static void
test_takes_what_is_better(void)
{
    g_autoptr(PbxTestHost) host = anneal("{\"step\": 0, \"temperature\": 1e-12}");
    tell(host, 0, 0.3, PBX_END_COMPLETED, "{\"loss\": 1}");
    assert_at(host, 0.3);
    tell(host, 1, 0.4, PBX_END_COMPLETED, "{\"loss\": 2}");
    assert_at(host, 0.3);
    tell(host, 2, 0.5, PBX_END_EARLY_STOPPED, "{\"loss\": 0.5}");
    assert_at(host, 0.5);
    g_bytes_unref(test_host_reload(host));
    assert_at(host, 0.5);
    tell(host, 3, 0.6, PBX_END_COMPLETED, "{\"loss\": 0.75}");
    assert_at(host, 0.5);
}

static void
test_takes_what_is_worse_while_it_is_hot(void)
{
    g_autoptr(PbxTestHost) host = anneal("{\"step\": 0, \"temperature\": 1e12}");
    tell(host, 0, 0.3, PBX_END_COMPLETED, "{\"loss\": 1}");
    tell(host, 1, 0.4, PBX_END_COMPLETED, "{\"loss\": 2}");
    assert_at(host, 0.4);
    for (guint64 trial = 2; trial < 2000; trial++)
        tell(host, trial, 0.3, PBX_END_COMPLETED, "{\"loss\": 1}");
    tell(host, 2000, 0.4, PBX_END_COMPLETED, "{\"loss\": 2}");
    assert_at(host, 0.3); /* it has cooled down */
}

static void
test_ignores_what_is_no_loss(void)
{
    g_autoptr(PbxTestHost) host = anneal("{\"step\": 0, \"temperature\": 1e12}");
    tell(host, 0, 0.1, PBX_END_COMPLETED, NULL);
    tell(host, 1, 0.1, PBX_END_FAILED, "{\"loss\": 1}");
    tell(host, 2, 0.1, PBX_END_VOID, "{\"loss\": 1}");
    tell(host, 3, 0.1, PBX_END_COMPLETED, "{\"loss\": \"NaN\"}");
    tell(host, 4, 0.1, PBX_END_COMPLETED, "{\"other\": 1}");
    tell(host, 5, 0.3, PBX_END_COMPLETED, "{\"loss\": 1}");
    tell(host, 6, 0.1, PBX_END_COMPLETED, "{\"loss\": \"-Infinity\"}");
    assert_at(host, 0.3);
}

static void
test_steps_are_short(void)
{
    g_autoptr(PbxTestHost) host = anneal("{\"step\": 0.1}");
    guint same = 0;
    double x[2], low = 1, high = 0;
    tell(host, 0, 0.5, PBX_END_COMPLETED, "{\"loss\": 1}");
    for (guint64 ask = 0; ask < 3000; ask++) {
        suggest(host, ask, x);
        low = MIN(low, x[0]);
        high = MAX(high, x[0]);
        same += x[1] == 1;
    }
    g_assert_true(low >= 0.4 && low < 0.401 && high <= 0.6 && high > 0.599);
    g_assert_true(same > 2750 && same < 2850); /* 1 - 0.1 * 2 / 3 */
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/anneal/takes-what-is-better", test_takes_what_is_better);
    g_test_add_func("/anneal/takes-what-is-worse-while-it-is-hot",
                    test_takes_what_is_worse_while_it_is_hot);
    g_test_add_func("/anneal/ignores-what-is-no-loss", test_ignores_what_is_no_loss);
    g_test_add_func("/anneal/steps-are-short", test_steps_are_short);
    return g_test_run();
}
