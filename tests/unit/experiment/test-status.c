/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of the status block, of its plain line, and of the summary. */
#include <locale.h>
#include <math.h>
#include <string.h>

#include "fixture.h"
#include "terminal/terminal.h"

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
test_durations(void)
{
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{-1, "0.0 s"},     {0, "0.0 s"},       {1.54, "1.5 s"},
                 {60, "01:00"},     {130.9, "02:10"},   {3599, "59:59"},
                 {3600, "1:00:00"}, {11045, "3:04:05"}, {1e6, "277:46:40"}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        status_put_duration(out, cases[i].seconds);
        g_assert_cmpstr(out->str, ==, cases[i].text);
    }
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

static void
test_line(void)
{
    Fixture f;
    set_up(&f);
    g_autoptr(GString) line = g_string_new(NULL);
    status_line(&f.runner, line);
    g_assert_cmpstr(line->str, ==,
                    "exp: 3/10 trials ended, 1 running, 1 failed; best loss 0.125 (trial 1: "
                    "lr=0.12346, opt=b)");
    f.runner.total = -1;
    f.runner.name = (char *)"e\033x";
    f.runner.stopping = TRUE;
    f.runner.stop_reason = (char *)"time budget";
    trial_slim(f.runner.trials->pdata[1]); /* the row has the config still */
    g_string_truncate(line, 0);
    status_line(&f.runner, line);
    g_assert_cmpstr(line->str, ==,
                    "e\\x1bx: 3 trials ended, 1 running, 1 failed; best loss 0.125 (trial 1: "
                    "lr=0.12346, opt=b); stopping: time budget");
    fixture_tear_down(&f);
}

static void
test_block(void)
{
    Fixture f;
    set_up(&f);
    PbxWorkerSlot worker = {.trial = f.runner.trials->pdata[3]};
    g_ptr_array_add(f.runner.workers, &worker);
    g_autoptr(GString) out = g_string_new(NULL);
    status_block(&f.runner, 100, 30, FALSE, out);
    g_auto(GStrv) lines = g_strsplit(out->str, "\n", -1);
    g_assert_cmpstr(lines[0], ==, "exp: 3/10 trials ended, 1 running, 1 failed  0.0 s");
    g_assert_nonnull(strstr(lines[1], "  30 %  0.0 s left"));
    g_assert_cmpstr(lines[2], ==, "best loss 0.125: lr=0.12346, opt=b");
    g_assert_cmpstr(lines[3], ==, "#  status      iter   time   loss  lr       opt");
    g_assert_cmpstr(lines[4], ==, "3  RUNNING        3  01:15    0.5  0.2      a  ");
    g_assert_cmpstr(lines[5], ==, "2  ERROR                           0.1      b  ");
    g_assert_cmpstr(lines[6], ==, "1  STOPPED        3  01:15  0.125  0.12346  b  ");
    g_assert_cmpstr(lines[7], ==, "0  TERMINATED     3  01:15   0.25  0.5      a  ");
    g_assert_cmpstr(lines[8], ==, "");
    g_assert_null(lines[9]);
    fixture_tear_down(&f);
}

/* Redrawing in place counts lines: none may be longer than the screen, nor too many. */
static void
test_block_fits(void)
{
    Fixture f;
    set_up(&f);
    for (int i = 0; i < 100; i++)
        add_trial(&f,
                  "{\"lr\":0.5,\"opt\":\"a\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\\n\\u001b[2J"
                  "ccccccccccccccccc\"}",
                  PBX_STATE_TERMINATED, PBX_END_COMPLETED, 0.01);
    f.runner.interrupts = 1;
    for (int width = 1; width < 120; width += 7) {
        for (int height = 5; height < 60; height += 5) {
            g_autoptr(GString) out = g_string_new(NULL);
            status_block(&f.runner, width, height, FALSE, out);
            g_assert_null(strchr(out->str, '\033'));
            g_auto(GStrv) lines = g_strsplit(out->str, "\n", -1);
            guint n = g_strv_length(lines) - 1; /* behind the last end there is nothing */
            g_assert_cmpstr(lines[n], ==, "");
            g_assert_cmpuint(n, <=, (guint)height);
            for (guint i = 0; i < n; i++)
                g_assert_cmpint(terminal_text_width(lines[i]), <=, width);
        }
    }
    fixture_tear_down(&f);
}

static void
test_colours_end(void)
{
    Fixture f;
    set_up(&f);
    g_autoptr(GString) out = g_string_new(NULL);
    status_block(&f.runner, 100, 30, TRUE, out);
    g_auto(GStrv) lines = g_strsplit(out->str, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        gboolean begins = strchr(*line, '\033') != NULL;
        g_assert_cmpint(begins, ==, g_str_has_suffix(*line, "\033[0m"));
    }
    fixture_tear_down(&f);
}

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
    g_test_add_func("/experiment/status/durations", test_durations);
    g_test_add_func("/experiment/status/best", test_best);
    g_test_add_func("/experiment/status/line", test_line);
    g_test_add_func("/experiment/status/block", test_block);
    g_test_add_func("/experiment/status/block-fits", test_block_fits);
    g_test_add_func("/experiment/status/colours-end", test_colours_end);
    g_test_add_func("/experiment/status/summary", test_summary);
    g_test_add_func("/experiment/status/look-further", test_look_further);
    return g_test_run();
}
