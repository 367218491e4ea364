/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "host.h"

#define SPACE                                                                                      \
    "{\"x\": {\"$uniform\": [0, 1]}, \"y\": {\"$choice\": [{\"z\": {\"$uniform\": [5, 6]}}, "      \
    "\"b\"]}}"

static PbxTestHost *
host_of(const char *options)
{
    g_autofree char *text = g_strdup_printf("{%s, \"search\": \"sobol\"}", options);
    return test_host_new(text);
}

static PbxTestHost *
warm(const char *options)
{
    PbxTestHost *host = host_of(options);
    g_assert_cmpint(test_host_setup(host, SPACE, "loss:max", 12), ==, PBX_OK);
    g_free(test_calls(host));
    return host;
}

static void
expect(PbxTestHost *host, const char *expected)
{
    g_autofree char *calls = test_calls(host);
    g_assert_cmpstr(calls, ==, expected);
}

#define POINTS                                                                                     \
    "\"points_to_evaluate\": [{\"x\": 0.25, \"y\": \"b\"}, {\"x\": 0.5}, {\"y\": {\"z\": 5.5}}]"

static void
test_points(void)
{
    g_autoptr(PbxTestHost) host = warm(POINTS);
    double x[3];
    g_assert_cmpint(test_suggest(host, 0, x), ==, PBX_OK);
    g_assert_true(x[0] == 0.25 && x[1] == 1 && isnan(x[2]));
    expect(host, "adopt 0 ask none enqueued 0.25 1 nan\n");
    g_assert_cmpint(test_suggest(host, 1, x), ==, PBX_OK);
    g_assert_cmpfloat(x[0], ==, 0.5);
    g_assert_cmpint(test_suggest(host, 2, x), ==, PBX_OK);
    g_assert_true(x[1] == 0 && x[2] == 5.5);
    g_autofree char *calls = test_calls(host);
    g_assert_nonnull(strstr(calls, "suggest 1 ask 0\nadopt 1 ask 0 altered 0.5 "));
    g_assert_nonnull(strstr(calls, "suggest 2 ask 1\nadopt 2 ask 1 altered "));
    g_assert_cmpint(test_suggest(host, 3, x), ==, PBX_OK);
    expect(host, "suggest 3 ask 2\n");
}

/* What the search says of another branch does not fill the one that is given. */
static void
test_open_parameters_are_filled(void)
{
    for (guint64 seed = 1; seed < 20; seed++) {
        double x[3];
        test_host_seed(seed);
        g_autoptr(PbxTestHost) host =
            warm("\"points_to_evaluate\": [{\"y.z\": 5.25}, {\"y\": {}}]");
        g_assert_cmpint(test_suggest(host, 0, x), ==, PBX_OK);
        g_assert_true(x[0] >= 0 && x[0] < 1 && x[1] == 0 && x[2] == 5.25);
        g_assert_cmpint(test_suggest(host, 1, x), ==, PBX_OK);
        g_assert_true(x[1] == 0 && x[2] >= 5 && x[2] < 6);
    }
    test_host_seed(7);
}

static void
test_rewards(void)
{
    g_autoptr(PbxTestHost) host =
        warm("\"points_to_evaluate\": [{\"x\": 0.25, \"y\": \"b\"}, {\"x\": 0.75, \"y\": \"b\"}, "
             "{\"x\": 0.5, \"y\": \"b\"}], \"evaluated_rewards\": [3, \"NaN\", null]");
    double x[3];
    g_assert_cmpint(test_suggest(host, 0, x), ==, PBX_OK);
    g_assert_cmpfloat(x[0], ==, 0.5);
    expect(host, "tell none completed foreign -3\ntell none completed foreign inf\n"
                 "adopt 0 ask none enqueued 0.5 1 nan\n");
    g_assert_cmpint(test_suggest(host, 1, x), ==, PBX_OK);
    expect(host, "suggest 1 ask 0\n");
}

static void
test_outside(void)
{
    g_autoptr(PbxTestHost) host = warm("\"points_to_evaluate\": [{\"x\": 7}, {\"x\": 1}]");
    double x[3];
    g_assert_cmpstr(host->log->str, ==,
                    "warning: points_to_evaluate[0] is left out: the value of x lies outside the "
                    "space\n");
    g_assert_cmpint(test_suggest(host, 0, x), ==, PBX_OK);
    g_assert_cmpfloat(x[0], ==, 1);
}

static void
test_number_of_samples(void)
{
    g_autoptr(PbxTestHost) host = host_of(POINTS);
    g_assert_cmpint(test_host_setup(host, SPACE, NULL, 12), ==, PBX_OK);
    expect(host, "setup samples 11 concurrent 0\n"); /* one is whole */
    g_assert_cmpint(test_host_setup(host, SPACE, NULL, 1), ==, PBX_OK);
    expect(host, "setup samples 1 concurrent 0\n");
}

/* A whole point that became no trial is taken back. */
static void
test_duplicates(void)
{
    g_autoptr(PbxTestHost) host = warm(POINTS);
    const pbx_search *search = host->vtable;
    double x[3];
    g_assert_cmpint(test_suggest(host, 0, x), ==, PBX_OK);
    pbx_outcome *outcome = (pbx_outcome *)test_outcome(host, PBX_NONE, PBX_END_DUPLICATE, NULL);
    g_assert_cmpint(search->tell(host->self, outcome, &host->error), ==, PBX_OK);
    expect(host, "adopt 0 ask none enqueued 0.25 1 nan\ntell 0 void nothing\n");
}

static void
test_told_again(void)
{
    g_autoptr(PbxTestHost) host = warm(POINTS);
    const pbx_search *search = host->vtable;
    double x[3] = {0.25, 1, NAN};
    for (guint64 trial = 0; trial < 2; trial++) {
        pbx_suggestion again = {.struct_size = sizeof again,
                                .flags = PBX_SUGGESTION_REPLAY,
                                .n_dims = 3,
                                .trial = trial,
                                .ask = trial,
                                .x = x};
        g_assert_cmpint(search->adopt(host->self, &again, &host->error), ==, PBX_OK);
    }
    expect(host, "adopt 0 ask none replay enqueued 0.25 1 nan\nadopt 1 ask 0 replay 0.25 1 nan\n");
    g_assert_cmpint(test_suggest(host, 2, x), ==, PBX_OK);
    g_assert_cmpfloat(x[2], ==, 5.5);
}

static void
test_state_at_every_point(void)
{
    for (guint64 at = 0; at < 6; at++) {
        g_autoptr(PbxTestHost) whole = warm(POINTS);
        g_autoptr(PbxTestHost) parted = warm(POINTS);
        for (guint64 ask = 0; ask < 6; ask++) {
            double x[3], y[3];
            if (ask == at) {
                g_bytes_unref(test_host_reload(parted));
                g_free(test_calls(parted));
            }
            g_assert_cmpint(test_suggest(whole, ask, x), ==, PBX_OK);
            g_assert_cmpint(test_suggest(parted, ask, y), ==, PBX_OK);
            g_assert_true(x[0] == y[0] && x[1] == y[1]);
            g_autofree char *expected = test_calls(whole);
            expect(parted, expected);
        }
    }
}

static void
test_bad_points_are_refused(void)
{
    static const struct {
        const char *options, *where;
    } rows[] = {
        {"\"points_to_evaluate\": [{\"x\": 0.5}, {\"q\": 1}]", "points_to_evaluate[1]"},
        {"\"points_to_evaluate\": [7]", "points_to_evaluate[0]"},
        {"\"points_to_evaluate\": [{\"x\": 1}], \"evaluated_rewards\": [1]",
         "evaluated_rewards[0]"},
        {"\"points_to_evaluate\": [{\"x\": 1, \"y\": \"b\"}], \"evaluated_rewards\": [\"x\"]",
         "evaluated_rewards[0]"},
        {"\"points_to_evaluate\": [{\"x\": 1, \"y\": \"b\"}], \"evaluated_rewards\": [[1, 2]]",
         "evaluated_rewards[0]"}};
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(PbxTestHost) host = host_of(rows[i].options);
        g_assert_cmpint(test_host_setup(host, SPACE, "loss:min", 5), ==, PBX_EINVAL);
        g_assert_cmpstr(host->error.where, ==, rows[i].where);
    }
    g_autofree char *message =
        test_host_refusal("{\"search\": \"sobol\", \"evaluated_rewards\": [1]}");
    g_assert_nonnull(message);
    g_autoptr(PbxTestHost) unnamed =
        host_of("\"points_to_evaluate\": [{\"x\": 1, \"y\": \"b\"}], \"evaluated_rewards\": [1]");
    g_assert_cmpint(test_host_setup(unnamed, SPACE, NULL, 5), ==, PBX_EINVAL);
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/warm-start/points", test_points);
    g_test_add_func("/warm-start/open-parameters-are-filled", test_open_parameters_are_filled);
    g_test_add_func("/warm-start/rewards", test_rewards);
    g_test_add_func("/warm-start/outside", test_outside);
    g_test_add_func("/warm-start/number-of-samples", test_number_of_samples);
    g_test_add_func("/warm-start/duplicates", test_duplicates);
    g_test_add_func("/warm-start/told-again", test_told_again);
    g_test_add_func("/warm-start/state-at-every-point", test_state_at_every_point);
    g_test_add_func("/warm-start/bad-points-are-refused", test_bad_points_are_refused);
    return g_test_run();
}
