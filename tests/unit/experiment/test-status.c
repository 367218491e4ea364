/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tally of all trials, the model of the status block, and the summary. */
#include <locale.h>
#include <math.h>
#include <string.h>

#include "fixture.h"

#define SPACE "{\"lr\":{\"$uniform\":[0,1]},\"opt\":{\"$choice\":[\"a\",\"b\"]},\"constant\":7}"

/* A trial that has ended, or runs. */
static PbxTrial *
add_trial(Fixture *f, const char *config, guint state, int end, double value)
{
    PbxTrial *trial = fixture_trial(f, config);
    trial->row.state = state;
    trial->row.end = end;
    trial->row.value = value;
    trial->row.n_results = isnan(value) ? 0 : 3;
    trial->row.iteration = 3;
    trial->row.time_total_s = 75;
    f->runner.counts[state]++;
    return trial;
}

static void
set_up(Fixture *f)
{
    fixture_set_up(f, SPACE);
    f->runner.total = 10;
    add_trial(f, "{\"lr\":0.5,\"opt\":\"a\",\"constant\":7}", PBX_STATE_TERMINATED,
              PBX_END_COMPLETED, 0.25);
    add_trial(f, "{\"lr\":0.123456789,\"opt\":\"b\",\"constant\":7}", PBX_STATE_TERMINATED,
              PBX_END_EARLY_STOPPED, 0.125);
    add_trial(f, "{\"lr\":0.1,\"opt\":\"b\",\"constant\":7}", PBX_STATE_ERROR, PBX_END_FAILED,
              (double)NAN);
    add_trial(f, "{\"lr\":0.2,\"opt\":\"a\",\"constant\":7}", PBX_STATE_RUNNING, -1, 0.5);
}

static void
test_best(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    static char *none[] = {NULL};
    static int signs[] = {-1};
    g_assert_null(status_best(&f.runner));
    add_trial(&f, "{}", PBX_STATE_TERMINATED, PBX_END_COMPLETED, (double)NAN);
    add_trial(&f, "{}", PBX_STATE_TERMINATED, PBX_END_COMPLETED, (double)-INFINITY);
    g_assert_null(status_best(&f.runner)); /* what is no number is never best */
    PbxTrial *first = add_trial(&f, "{}", PBX_STATE_TERMINATED, PBX_END_COMPLETED, 1);
    PbxTrial *high = add_trial(&f, "{}", PBX_STATE_ERROR, PBX_END_FAILED, 2);
    add_trial(&f, "{}", PBX_STATE_TERMINATED, PBX_END_COMPLETED, 1);
    g_assert_true(status_best(&f.runner) == first); /* of equal ones the first */
    f.spec.signs = signs;
    g_assert_true(status_best(&f.runner) == high);
    f.spec.metrics = none;
    g_assert_null(status_best(&f.runner));
    fixture_tear_down(&f);
}

/* ---- The tally ---- */

static PbxTrial *
end(Fixture *f, PbxTrial *trial, guint state, int how, double value)
{
    trial->row.value = value;
    tally_result(f->runner.tally, trial, value);
    f->runner.counts[trial->row.state]--;
    trial->row.state = state;
    trial->row.end = how;
    trial->ended = TRUE;
    f->runner.counts[state]++;
    tally_ended(f->runner.tally, trial);
    return trial;
}

static PbxTrial *
ended(Fixture *f, double value)
{
    PbxTrial *trial = fixture_trial(f, "{\"lr\":0.5,\"opt\":\"a\"}");
    f->runner.counts[PBX_STATE_PENDING]++;
    return end(f, trial, PBX_STATE_TERMINATED, PBX_END_COMPLETED, value);
}

static PbxTrial *
running(Fixture *f, PbxWorkerSlot *worker, double value)
{
    PbxTrial *trial = fixture_trial(f, "{\"lr\":0.5,\"opt\":\"a\"}");
    trial->row.state = PBX_STATE_RUNNING;
    trial->row.attempts = 1;
    trial->row.value = value;
    f->runner.counts[PBX_STATE_RUNNING]++;
    *worker = (PbxWorkerSlot){.trial = trial, .state = WORKER_BUSY};
    g_ptr_array_add(f->runner.workers, worker);
    return trial;
}

static void
test_tally_best(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    PbxWorkerSlot worker;
    g_assert_null(tally_best(f.runner.tally));
    ended(&f, (double)NAN);
    ended(&f, (double)-INFINITY);
    g_assert_null(tally_best(f.runner.tally)); /* what is no number is never best */
    PbxTrial *zero = ended(&f, 0);
    ended(&f, 0.5);
    ended(&f, 0);
    g_assert_true(tally_best(f.runner.tally) == zero); /* exactly 0, and the first of equal ones */
    PbxTrial *alive = running(&f, &worker, -1);
    g_assert_true(tally_best(f.runner.tally) == alive);
    alive->row.value = 1; /* it became worse */
    g_assert_true(tally_best(f.runner.tally) == zero);
    zero->row.value = (double)NAN;
    tally_stale(f.runner.tally);
    g_assert_true(tally_best(f.runner.tally) == f.runner.trials->pdata[4]);
    /* Of equal ones the first, whichever ended first. */
    PbxTrial *lower = fixture_trial(&f, "{}"), *higher = fixture_trial(&f, "{}");
    f.runner.counts[PBX_STATE_PENDING] += 2;
    end(&f, higher, PBX_STATE_TERMINATED, PBX_END_COMPLETED, -3);
    end(&f, lower, PBX_STATE_TERMINATED, PBX_END_COMPLETED, -3);
    g_assert_true(tally_best(f.runner.tally) == lower);
    /* The same as by looking at all. */
    g_assert_true(tally_best(f.runner.tally) == status_best(&f.runner));
    fixture_tear_down(&f);
}

/* The reporter's own metric, the other way round. */
static void
test_tally_metric(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    fixture_report(&f, "{\"metric\":\"accuracy\",\"mode\":\"max\"}");
    PbxTrial *first = ended(&f, 1), *second = ended(&f, 2);
    g_assert_null(tally_best(f.runner.tally));
    first->told = 0.5;
    second->told = 0.75;
    tally_stale(f.runner.tally);
    g_assert_true(tally_best(f.runner.tally) == second);
    fixture_tear_down(&f);
}

static void
assert_numbers(const GPtrArray *trials, const char *expected)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < trials->len; i++)
        g_string_append_printf(text, "%s%u", i > 0 ? " " : "",
                               (guint)((PbxStatusTrial *)trials->pdata[i])->number);
    g_assert_cmpstr(text->str, ==, expected);
}

/* The latest that ended, or the best; never more than the table shows. */
static void
test_tally_rows(void)
{
    static const double values[] = {3, 1, 2, (double)NAN, 1, 5};
    Fixture f;
    fixture_set_up(&f, SPACE);
    fixture_report(&f, "{\"max_progress_rows\":3}");
    for (gsize i = 0; i < G_N_ELEMENTS(values); i++)
        ended(&f, values[i]);
    g_autoptr(PbxStatus) latest = status_of_runner(&f.runner, f.runner.report, NULL, STATUS_ROWS);
    assert_numbers(latest->rows[PBX_STATE_TERMINATED], "5 4 3");
    fixture_tear_down(&f);

    fixture_set_up(&f, SPACE);
    fixture_report(&f, "{\"max_progress_rows\":3,\"sort_by_metric\":true}");
    for (gsize i = 0; i < G_N_ELEMENTS(values); i++)
        ended(&f, values[i]);
    g_autoptr(PbxStatus) sorted = status_of_runner(&f.runner, f.runner.report, NULL, STATUS_ROWS);
    assert_numbers(sorted->rows[PBX_STATE_TERMINATED], "1 4 2");
    g_autoptr(PbxStatus) all = status_of_runner(&f.runner, f.runner.report, NULL, STATUS_ALL);
    assert_numbers(all->rows[PBX_STATE_TERMINATED], "1 4 2 0 3 5");
    fixture_tear_down(&f);
}

/* Trials that failed, tried again or not, the latest first. */
static void
test_tally_failures(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    fixture_report(&f, "{\"max_error_rows\":2}");
    PbxWorkerSlot workers[3];
    for (guint i = 0; i < 3; i++) {
        PbxTrial *trial = running(&f, &workers[i], (double)NAN);
        trial->row.failures = 1;
        trial->row.error = g_strdup("exited");
        trial->row.dir = g_strdup("train_dir");
        tally_failed(f.runner.tally, trial);
    }
    ((PbxTrial *)f.runner.trials->pdata[0])->row.failures = 2;
    tally_failed(f.runner.tally, f.runner.trials->pdata[0]);
    g_autoptr(PbxStatus) status = status_of_runner(&f.runner, f.runner.report, NULL, STATUS_ROWS);
    assert_numbers(status->errors, "2 1");
    g_assert_cmpuint(status->n_errors, ==, 3);
    g_assert_cmpstr(((PbxStatusTrial *)status->errors->pdata[0])->error_file, ==,
                    "train_dir/error.txt");
    fixture_tear_down(&f);
}

/* The best so far, never worse; it does not grow with the time. */
static void
test_tally_history(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    for (int i = 0; i < 2000; i++) {
        clock_at(f.runner.clock, (gint64)i * NS_PER_S / 4 + 1, (void (*)(gpointer))g_free, NULL,
                 NULL);
        clock_advance(f.runner.clock);
        tally_result(f.runner.tally, fixture_trial(&f, "{}"), i % 2 == 0 ? 3000 - i : 5000);
        tally_sample(f.runner.tally);
    }
    const GArray *history = tally_history(f.runner.tally);
    g_assert_cmpuint(history->len, >, 20);
    g_assert_cmpuint(history->len, <=, 200);
    for (guint i = 1; i < history->len; i++)
        g_assert_cmpfloat(g_array_index(history, double, i), <,
                          g_array_index(history, double, i - 1));
    fixture_tear_down(&f);
}

/* By how fast trials have ended, once as many have as run at a time. */
static void
test_tally_left(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    g_assert_true(isnan(tally_left_s(f.runner.tally, 100)));
    for (int i = 1; i <= 10; i++) {
        clock_at(f.runner.clock, i * NS_PER_S, (void (*)(gpointer))g_free, NULL, NULL);
        clock_advance(f.runner.clock);
        ended(&f, 1);
        if (i == 1)
            g_assert_true(isnan(tally_left_s(f.runner.tally, 100)));
    }
    g_assert_cmpfloat(fabs(tally_left_s(f.runner.tally, 100) - 90), <, 0.01);
    PbxWorkerSlot worker;
    running(&f, &worker, 1);
    g_assert_true(isnan(tally_left_s(f.runner.tally, 11)));
    g_assert_false(isnan(tally_left_s(f.runner.tally, 12)));
    g_assert_true(isnan(tally_left_s(f.runner.tally, -1)));
    g_assert_true(isnan(tally_left_s(f.runner.tally, 10)));
    fixture_tear_down(&f);
}

/* ---- The model ---- */

/* A trial that has ended is looked up once, not with each redraw. */
static void
test_model_keeps_rows(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    PbxWorkerSlot worker;
    ended(&f, 1);
    PbxTrial *alive = running(&f, &worker, 2);
    g_autoptr(PbxStatus) one = status_of_runner(&f.runner, f.runner.report, NULL, STATUS_ROWS);
    alive->row.last_seq = 7;
    g_autoptr(PbxStatus) two = status_of_runner(&f.runner, f.runner.report, one, STATUS_ROWS);
    g_assert_true(one->rows[PBX_STATE_TERMINATED]->pdata[0] ==
                  two->rows[PBX_STATE_TERMINATED]->pdata[0]);
    g_assert_true(one->rows[PBX_STATE_RUNNING]->pdata[0] != two->rows[PBX_STATE_RUNNING]->pdata[0]);
    fixture_tear_down(&f);
}

/* Why trials wait. */
static void
test_model_waits(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    PbxWorkerSlot workers[2];
    f.runner.total_cpu = 2;
    running(&f, &workers[0], 1);
    running(&f, &workers[1], 2);
    g_queue_push_tail(&f.runner.waiting, fixture_trial(&f, "{}"));
    PbxTrial *rests = fixture_trial(&f, "{}");
    rests->row.failures = 3;
    rests->row.error = g_strdup("exited with status 1");
    g_queue_push_tail(&f.runner.resting, rests);
    g_autoptr(PbxStatus) status = status_of_runner(&f.runner, f.runner.report, NULL, STATUS_HEAD);
    g_assert_cmpuint(status->waits->len, ==, 2);
    const PbxStatusLine *rest = status->waits->pdata[0], *wait = status->waits->pdata[1];
    g_assert_true(g_str_has_prefix(rest->text, "trial 3 rests until "));
    g_assert_true(g_str_has_suffix(rest->text, " after failure 3: exited with status 1"));
    g_assert_cmpstr(wait->text, ==, "1 trial: no free CPU (2 run)");
    f.spec.max_concurrent_trials = 2;
    g_autoptr(PbxStatus) at_most = status_of_runner(&f.runner, f.runner.report, NULL, STATUS_HEAD);
    g_assert_cmpstr(((PbxStatusLine *)at_most->waits->pdata[1])->text, ==,
                    "1 trial: max_concurrent_trials is 2");
    workers[0].state = WORKER_STARTING;
    g_autoptr(PbxStatus) starts = status_of_runner(&f.runner, f.runner.report, NULL, STATUS_HEAD);
    g_assert_cmpstr(((PbxStatusLine *)starts->waits->pdata[1])->text, ==,
                    "1 trial: the worker starts");
    fixture_tear_down(&f);
}

/* ---- The summary ---- */

/* Without the last line, which tells where to look further. */
static void
assert_summary(Fixture *f, PbxExperimentEnd end, const char *expected)
{
    g_autoptr(GString) out = g_string_new(NULL);
    status_summary(&f->runner, end, out);
    char *results = strstr(out->str, "Results: ");
    g_assert_nonnull(results);
    g_autofree char *rest = g_strdup(results);
    *results = '\0';
    g_assert_cmpstr(out->str, ==, expected);
    g_autofree char *where = g_strdup_printf("Results: %s\n", f->dir);
    g_assert_true(g_str_has_prefix(rest, where));
    g_assert_true(g_str_has_suffix(rest, "\n"));
}

static void
test_summary(void)
{
    Fixture f;
    set_up(&f);
    assert_summary(&f, EXPERIMENT_FAILURES,
                   "4 trials in 0.0 s: 1 completed, 1 stopped early, 1 failed\n"
                   "Best loss: 0.125, by trial 1 with\n"
                   "  lr   0.123456789\n"
                   "  opt  b\n");
    f.runner.stopping = TRUE;
    f.runner.stop_reason = (char *)"the first trials failed";
    f.runner.counts[PBX_STATE_PENDING] = 2;
    assert_summary(&f, EXPERIMENT_INTERRUPTED,
                   "4 trials in 0.0 s: 1 completed, 1 stopped early, 1 failed, 2 not run; "
                   "interrupted\n"
                   "Ended early: the first trials failed\n"
                   "Best loss: 0.125, by trial 1 with\n"
                   "  lr   0.123456789\n"
                   "  opt  b\n");
    fixture_tear_down(&f);
    fixture_set_up(&f, "{\"constant\":7}");
    assert_summary(&f, EXPERIMENT_DONE, "0 trials in 0.0 s\nNo trial reported a finite loss.\n");
    add_trial(&f, "{\"constant\":7}", PBX_STATE_TERMINATED, PBX_END_COMPLETED, 3);
    assert_summary(&f, EXPERIMENT_DONE,
                   "1 trial in 0.0 s: 1 completed\nBest loss: 3, by trial 0\n");
    fixture_tear_down(&f);
}

/* A trial without a worker, which somebody asked for, is one of those that run. */
static void
test_asked(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    PbxTrial *trial = add_trial(&f, "{\"lr\":0.5,\"opt\":\"a\"}", PBX_STATE_RUNNING, -1, 0.5);
    g_ptr_array_add(f.runner.asked, trial);
    g_assert_true(tally_best(f.runner.tally) == trial);
    g_autoptr(PbxStatus) status = status_of_runner(&f.runner, f.runner.report, NULL, STATUS_ROWS);
    g_assert_cmpuint(status->rows[PBX_STATE_RUNNING]->len, ==, 1);
    assert_summary(&f, EXPERIMENT_DONE,
                   "1 trial in 0.0 s: 1 asked for, and not told yet\n"
                   "Best loss: 0.5, by trial 0 with\n"
                   "  lr   0.5\n"
                   "  opt  a\n");
    fixture_tear_down(&f);
}

/* The command that the summary ends with can be pasted: by name where that is enough. */
static void
test_look_further(void)
{
    static const struct {
        const char *name, *results_dir, *word;
    } cases[] = {{"exp", "/r", "exp"}, {"my exp", "/r", "'my exp'"}, {"exp", "/elsewhere", NULL}};
    g_setenv("PEGBOX_RESULT_DIR", "/r", TRUE);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        Fixture f;
        set_up(&f);
        f.runner.name = (char *)cases[i].name;
        f.spec.results_dir = (char *)cases[i].results_dir;
        g_autoptr(GString) out = g_string_new(NULL);
        status_summary(&f.runner, EXPERIMENT_DONE, out);
        g_autofree char *word =
            g_strdup_printf("pegbox best %s\n", cases[i].word != NULL ? cases[i].word : f.dir);
        g_assert_true(g_str_has_suffix(out->str, word));
        fixture_tear_down(&f);
    }
    g_unsetenv("PEGBOX_RESULT_DIR");
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/experiment/status/best", test_best);
    g_test_add_func("/experiment/status/tally-best", test_tally_best);
    g_test_add_func("/experiment/status/tally-metric", test_tally_metric);
    g_test_add_func("/experiment/status/tally-rows", test_tally_rows);
    g_test_add_func("/experiment/status/tally-failures", test_tally_failures);
    g_test_add_func("/experiment/status/tally-history", test_tally_history);
    g_test_add_func("/experiment/status/tally-left", test_tally_left);
    g_test_add_func("/experiment/status/model-keeps-rows", test_model_keeps_rows);
    g_test_add_func("/experiment/status/model-waits", test_model_waits);
    g_test_add_func("/experiment/status/summary", test_summary);
    g_test_add_func("/experiment/status/asked", test_asked);
    g_test_add_func("/experiment/status/look-further", test_look_further);
    return g_test_run();
}
