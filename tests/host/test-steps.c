/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Of any search: a parameter with steps has in each suggestion the value that the trial's config
 * has, to the last bit (0.15, and not 3 * 0.05), at random and with what it learnt. Else a trial
 * that is told, or told again at a resume, would be another point than the one proposed.
 */
#include <math.h>
#include <string.h>

#include "host.h"

#define CONFIG                                                                                     \
    "{\"a\": {\"$quniform\": [0, 0.6, 0.05]}, \"b\": {\"$qloguniform\": [0.1, 10, 0.1]}, "         \
    "\"c\": {\"$qrandn\": [0, 1, 0.1]}, \"d\": {\"$quniform\": [-0.9, 0.9, 0.3]}, "                \
    "\"e\": {\"$choice\": [0.1, 0.2, {\"f\": {\"$qrandn\": [0.3, 0.2, 0.05]}}]}}"
#define TRIALS 120
#define N      6

static void
test_steps_are_exact(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    g_assert_cmpint(test_host_setup(host, CONFIG, "loss:min", TRIALS), ==, PBX_OK);
    g_assert_cmpuint(host->problem.space->n_dims, ==, N);
    const pbx_search *search = host->vtable;
    guint n_compared = 0;
    for (guint64 trial = 0; trial < TRIALS; trial++) {
        g_autoptr(GError) error = NULL;
        double x[N], snapped[N], loss = 0;
        g_assert_cmpint(test_suggest(host, trial, x), ==, PBX_OK);
        memcpy(snapped, x, sizeof x);
        g_assert_true(space_snap(host->space, snapped, NULL, &error));
        for (guint i = 0; i < N; i++) {
            if (isnan(x[i]))
                continue;
            g_assert_cmpfloat(x[i], ==, snapped[i]);
            loss += (x[i] - 0.3) * (x[i] - 0.3);
            n_compared++;
        }
        const pbx_result last = {.struct_size = sizeof last,
                                 .trial = trial,
                                 .iteration = 1,
                                 .n_losses = 1,
                                 .losses = &loss};
        pbx_outcome outcome = *test_outcome(host, trial, PBX_END_COMPLETED, &last);
        outcome.x = snapped;
        if (search->tell != NULL)
            g_assert_cmpint(search->tell(host->self, &outcome, &host->error), ==, PBX_OK);
    }
    g_assert_cmpuint(n_compared, >=, 5 * TRIALS);
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/steps/exact", test_steps_are_exact);
    return g_test_run();
}
