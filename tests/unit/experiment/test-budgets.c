/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Budgets of rungs: another process knows them as the store has them. */
#include <math.h>

#include "fixture.h"

static void
test_found_again(void)
{
    Fixture f;
    fixture_set_up(&f, "{}");
    fixture_store(&f);
    PbxRunner *runner = &f.runner;
    g_assert_true(isnan(budgets_find(runner, 0, 0)));
    budgets_note(runner, 0, 0, 1);
    budgets_note(runner, 0, 1, 4);
    budgets_note(runner, 1, 0, 0.1);
    budgets_note(runner, PBX_NO_RUNG, 0, 9);
    budgets_note(runner, 0, PBX_NO_RUNG, 7);
    budgets_note(runner, 0, 2, (double)NAN);
    for (int i = 0; i < 2; i++) {
        g_assert_cmpfloat(budgets_find(runner, 0, 0), ==, 1);
        g_assert_cmpfloat(budgets_find(runner, 0, 1), ==, 4);
        g_assert_cmpfloat(budgets_find(runner, 1, 0), ==, 0.1);
        g_assert_cmpfloat(budgets_find(runner, PBX_NO_RUNG, 0), ==, 9);
        g_assert_true(isnan(budgets_find(runner, 1, 1)));
        g_assert_true(isnan(budgets_find(runner, 0, 2)));
        g_assert_true(isnan(budgets_find(runner, 0, PBX_NO_RUNG)));
        budgets_forget(runner);
    }
    /* The last that was said counts. */
    budgets_note(runner, 0, 1, 5);
    budgets_forget(runner);
    g_assert_cmpfloat(budgets_find(runner, 0, 1), ==, 5);
    fixture_tear_down(&f);
}

static void
test_of_a_trial(void)
{
    g_autoptr(GError) error = NULL;
    Fixture f;
    fixture_set_up(&f, "{}");
    fixture_store(&f);
    budgets_note(&f.runner, 1, 2, 16);
    const PbxTrialRow row = {.id = (char *)"ab12c_00000",
                             .name = (char *)"train_ab12c_00000",
                             .dir = (char *)"train_ab12c_00000",
                             .end = -1,
                             .config = (char *)"{}",
                             .value = (double)NAN,
                             .best = (double)NAN,
                             .created_ns = 1,
                             .started_ns = -1,
                             .ended_ns = -1,
                             .iteration = -1,
                             .rung = 2,
                             .bracket = 1};
    g_assert_true(store_put_trial(f.runner.store, &row, &error));
    g_ptr_array_set_size(f.runner.trials, 1);
    budgets_forget(&f.runner);
    PbxTrial *trial = runner_restored(&f.runner, 0, &error);
    g_assert_no_error(error);
    g_assert_cmpfloat(trial->budget, ==, 16);
    trial_free(trial);
    g_ptr_array_set_size(f.runner.trials, 0);
    fixture_tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/experiment/budgets/found-again", test_found_again);
    g_test_add_func("/experiment/budgets/of-a-trial", test_of_a_trial);
    return g_test_run();
}
