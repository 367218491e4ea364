/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The block, drawn from a model: its lines, and that they keep to the screen. */
#include <locale.h>
#include <math.h>
#include <string.h>

#include "status-fixture.h"
#include "terminal/terminal.h"

#define GIB G_GUINT64_CONSTANT(1073741824)

/* Four trials, one in each of the common states; number 1 is the best. */
static PbxStatus *
usual(void)
{
    PbxStatus *status = status_fixture();
    PbxStatusTrial *trial;
    status_fixture_trial(status, 0, PBX_STATE_TERMINATED, "{\"lr\":0.5,\"opt\":\"a\"}",
                         "{\"loss\":0.25}");
    trial = status_fixture_trial(status, 1, PBX_STATE_TERMINATED,
                                 "{\"lr\":0.123456789,\"opt\":\"b\"}", "{\"loss\":0.125}");
    trial->end = PBX_END_EARLY_STOPPED;
    status->best = status_trial_ref(trial);
    status->early_stopped = 1;
    trial = status_fixture_trial(status, 2, PBX_STATE_ERROR, "{\"lr\":0.1,\"opt\":\"b\"}", NULL);
    trial->failures = 2;
    trial->error = g_strdup("exited with status 1: out of\nmemory");
    trial->error_file = g_strdup("train_2/error.txt");
    g_ptr_array_add(status->errors, status_trial_ref(trial));
    status->n_errors = 1;
    status_fixture_trial(status, 3, PBX_STATE_RUNNING, "{\"lr\":0.2,\"opt\":\"a\"}",
                         "{\"loss\":0.5}");
    status_fixture_trial(status, 4, PBX_STATE_PENDING, "{\"lr\":0.3,\"opt\":\"a\"}", NULL);
    return status;
}

static void
test_block(void)
{
    g_autoptr(PbxStatus) status = usual();
    status->left_s = 130;
    status_add_resource(status, "CPUs", 1, 4, FALSE);
    status->memory_used = 3 * GIB;
    status->memory_total = 16 * GIB;
    status_add_line(status->lines, "scheduler", "Using Rungs: num_stopped=1\nRung 3: 4");
    status_add_line(status->lines, "search", "first come");
    status_add_line(status->waits, "waiting", "1 trial: no free CPU (1 run)");
    g_auto(GStrv) lines = status_fixture_draw(status, NULL, 79, 40);
    g_autofree char *text = g_strjoinv("\n", lines);
    g_assert_cmpstr(
        text, ==,
        "exp  running for 01:02\n"
        "████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░  30 %  about 02:10 left\n"
        "trials     3/10 ended: 1 RUNNING, 1 PENDING, 2 TERMINATED (1 stopped early),\n"
        "           1 ERROR\n"
        "best       loss 0.125 by trial 1: lr=0.12346, opt=b\n"
        "in use     1/4 CPUs, memory 3.0/16.0 GiB\n"
        "scheduler  Using Rungs: num_stopped=1\n"
        "           Rung 3: 4\n"
        "search     first come\n"
        "waiting    1 trial: no free CPU (1 run)\n"
        "results    /r/exp\n"
        "\n"
        "#  trial              status       pid       lr  opt   loss  iter   time\n"
        "3  train_ab12c_00003  RUNNING     1003      0.2  a      0.5     3  01:15\n"
        "4  train_ab12c_00004  PENDING               0.3  a\n"
        "0  train_ab12c_00000  TERMINATED  1000      0.5  a     0.25     3  01:15\n"
        "1  train_ab12c_00001  STOPPED     1001  0.12346  b    0.125     3  01:15\n"
        "2  train_ab12c_00002  ERROR       1002      0.1  b\n"
        "\n"
        "failed trial       failures  error                            error file\n"
        "train_ab12c_00002         2  exited with status 1: out of\\n…  train_2/error.txt");
}

static void
test_void(void)
{
    g_autoptr(PbxStatus) status = status_fixture();
    PbxStatusTrial *trial =
        status_fixture_trial(status, 0, PBX_STATE_TERMINATED, "{\"lr\":0.5}", "{\"loss\":0.25}");
    trial->end = PBX_END_VOID;
    g_auto(GStrv) lines = status_fixture_draw(status, NULL, 79, 40);
    const char *row = status_fixture_line(lines, "0  train_ab12c_00000  ");
    g_assert_true(g_str_has_prefix(row, "0  train_ab12c_00000  VOID "));
}

/* A best value of exactly 0 stays the best; so does a worse last value than the best ever. */
static void
test_best(void)
{
    g_autoptr(PbxStatus) status = usual();
    status->best->value = 0;
    status->ever = -2;
    status->ever_trial = 7;
    g_auto(GStrv) lines = status_fixture_draw(status, NULL, 79, 40);
    g_assert_cmpstr(status_fixture_line(lines, "best"), ==,
                    "best       loss 0 by trial 1: lr=0.12346, opt=b");
    g_assert_nonnull(
        status_fixture_line(lines, "           ever -2, by trial 7 (not its last value)"));
    g_clear_pointer(&status->best, status_trial_unref);
    g_strfreev(lines);
    lines = status_fixture_draw(status, NULL, 79, 40);
    g_assert_cmpstr(status_fixture_line(lines, "best"), ==,
                    "best       no trial has reported loss yet");
    status->constrained = TRUE;
    g_strfreev(lines);
    lines = status_fixture_draw(status, NULL, 79, 40);
    g_assert_cmpstr(status_fixture_line(lines, "best"), ==,
                    "best       no feasible trial has reported loss yet");
    g_clear_pointer(&status->metric, g_free);
    g_strfreev(lines);
    lines = status_fixture_draw(status, NULL, 79, 40);
    g_assert_null(status_fixture_line(lines, "best"));
}

static void
test_memory(void)
{
    g_autoptr(PbxStatus) status = usual();
    status->memory_total = 10 * GIB;
    status->memory_used = 9 * GIB;
    g_auto(GStrv) fine = status_fixture_draw(status, NULL, 79, 40);
    g_assert_cmpstr(status_fixture_line(fine, "in use"), ==, "in use     memory 9.0/10.0 GiB");
    status->memory_used++;
    g_auto(GStrv) low = status_fixture_draw(status, NULL, 79, 40);
    g_assert_cmpstr(status_fixture_line(low, "in use"), ==,
                    "in use     memory 9.0/10.0 GiB LOW MEMORY");
}

static void
test_history(void)
{
    static const double values[] = {4, 3, 2, 1};
    g_autoptr(PbxStatus) status = usual();
    g_array_append_vals(status->history, values, G_N_ELEMENTS(values));
    g_auto(GStrv) lines = status_fixture_draw(status, NULL, 79, 40);
    g_assert_nonnull(status_fixture_line(lines, "           █▆▃▁  4 → 1"));
}

/* In few columns the course alone, or no line at all. */
static void
test_narrow_history(void)
{
    static const double values[] = {0.00044156, 0.00044156, 1.1555e-05, 1.1555e-05};
    g_autoptr(PbxStatus) status = usual();
    g_array_append_vals(status->history, values, G_N_ELEMENTS(values));
    g_auto(GStrv) lines = status_fixture_draw(status, NULL, 39, 40);
    g_assert_nonnull(status_fixture_line(lines, "           ██▁▁"));
    g_auto(GStrv) few = status_fixture_draw(status, NULL, 14, 40);
    for (char **line = few; !g_str_has_prefix(*line, "results"); line++)
        g_assert_cmpstr(*line, !=, "");
}

/* How long the last ones take nobody knows. */
static void
test_last_ones(void)
{
    g_autoptr(PbxStatus) status = usual();
    g_auto(GStrv) many = status_fixture_draw(status, NULL, 79, 40);
    g_assert_true(g_str_has_suffix(many[1], "  30 %"));
    status->total = 4;
    g_auto(GStrv) last = status_fixture_draw(status, NULL, 79, 40);
    g_assert_true(g_str_has_suffix(last[1], "  75 %  the last ones run"));
}

static void
test_stopping(void)
{
    g_autoptr(PbxStatus) status = usual();
    status->stopping = g_strdup("time budget");
    g_auto(GStrv) stopping = status_fixture_draw(status, NULL, 79, 40);
    g_assert_nonnull(status_fixture_line(stopping, "stopping   time budget"));
    g_free(status->state);
    status->state = g_strdup("done");
    g_auto(GStrv) ended = status_fixture_draw(status, NULL, 79, 40);
    g_assert_nonnull(status_fixture_line(ended, "ended by   time budget"));
    /* The first line says it already. */
    g_free(status->state);
    status->state = g_strdup("time budget");
    g_auto(GStrv) once = status_fixture_draw(status, NULL, 79, 40);
    g_assert_null(status_fixture_line(once, "ended by"));
}

static void
test_no_end(void)
{
    g_autoptr(PbxStatus) status = usual();
    status->total = -1;
    g_auto(GStrv) lines = status_fixture_draw(status, NULL, 200, 40);
    g_assert_cmpstr(lines[1], ==,
                    "trials     3 ended, no end set: 1 RUNNING, 1 PENDING, "
                    "2 TERMINATED (1 stopped early), 1 ERROR");
}

/* Where trials run elsewhere, the column says where. */
static void
test_places(void)
{
    g_autoptr(PbxStatus) status = usual();
    PbxStatusTrial *trial = status->rows[PBX_STATE_RUNNING]->pdata[0];
    g_free(trial->host);
    trial->host = g_strdup("10.0.0.2");
    trial->away = TRUE;
    g_auto(GStrv) lines = status_fixture_draw(status, NULL, 120, 40);
    g_autofree char *table = status_fixture_table(lines);
    g_assert_nonnull(strstr(table, "  loc  "));
    g_assert_nonnull(strstr(table, "  10.0.0.2:1003  "));
    g_assert_nonnull(strstr(table, "  10.0.0.1:1000  "));
}

/* What does not fit is left out, the dearest columns last; the number is always there. */
static void
test_narrow(void)
{
    g_autoptr(PbxStatus) status = usual();
    g_auto(GStrv) lines = status_fixture_draw(status, NULL, 39, 40);
    g_autofree char *table = status_fixture_table(lines);
    g_assert_cmpstr(table, ==,
                    "#  status           lr  opt   loss\n"
                    "3  RUNNING         0.2  a      0.5\n"
                    "4  PENDING         0.3  a\n"
                    "0  TERMINATED      0.5  a     0.25\n"
                    "1  STOPPED     0.12346  b    0.125\n"
                    "2  ERROR           0.1  b\n"
                    "... 4 more columns\n");
    g_assert_cmpstr(status_fixture_line(lines, "train_ab12c_00002"), ==,
                    "train_ab12c_00002         2  exited wi…");
    g_assert_nonnull(status_fixture_line(lines, "  train_2/error.txt"));
}

/* With few lines the trials keep their room: what matters less goes. */
static void
test_low(void)
{
    g_autoptr(PbxStatus) status = usual();
    status->ever = -2;
    status_add_line(status->lines, "scheduler", "Using Rungs: num_stopped=1\nRung 3: 4");
    g_auto(GStrv) lines = status_fixture_draw(status, NULL, 79, 20);
    g_assert_nonnull(status_fixture_line(lines, "scheduler  Using Rungs: num_stopped=1"));
    g_assert_null(status_fixture_line(lines, "           Rung 3: 4"));
    g_assert_null(status_fixture_line(lines, "           ever"));
    g_assert_null(status_fixture_line(lines, "failed trial"));
    g_assert_cmpstr(status_fixture_line(lines, "failed"), ==,
                    "failed     1 trial, the latest 2: exited with status 1: out of\\nmemory");
    g_autofree char *table = status_fixture_table(lines);
    g_assert_cmpuint(g_strv_length(lines), <=, 20);
    g_assert_nonnull(strstr(table, "\n4  "));
    /* Four rows at most: what has not begun gives way. */
    g_auto(GStrv) lower = status_fixture_draw(status, NULL, 79, 15);
    g_autofree char *four = status_fixture_table(lower);
    g_assert_nonnull(strstr(four, "\n1  "));
    g_assert_null(strstr(four, "\n4  "));
    g_assert_nonnull(strstr(four, "... 1 more trial not shown (1 PENDING)\n"));
}

/* ---- What holds of every block ---- */

/* Redrawing in place counts lines: none may be longer than the screen, nor too many. */
static void
test_fits(void)
{
    g_autoptr(PbxStatus) status = usual();
    for (guint64 i = 10; i < 110; i++)
        status_fixture_trial(status, i, PBX_STATE_TERMINATED,
                             "{\"lr\":0.5,\"opt\":\"a漢漢漢\\n\\u001b[2J\\u202eccccccccc\"}",
                             "{\"loss\":0.01,\"漢漢漢\":3}");
    status_add_line(status->lines, "漢漢漢漢漢漢漢漢漢", "e\033[2J漢漢漢漢漢漢\xff");
    status_add_line(status->waits, "waiting", "1 trial: \033[31mno");
    g_free(status->name);
    status->name = g_strdup("e\033x漢漢漢漢");
    for (int width = 1; width < 140; width += 5) {
        for (int height = 1; height < 60; height += 3) {
            g_auto(GStrv) lines = status_fixture_draw(status, NULL, width, height);
            g_assert_cmpuint(g_strv_length(lines), <=, (guint)height);
            for (char **line = lines; *line != NULL; line++) {
                g_assert_true(g_utf8_validate(*line, -1, NULL));
                g_assert_null(strchr(*line, '\033'));
                g_assert_cmpint(terminal_text_width(*line), <=, width);
                /* Trailing blanks would be wrapped by a narrower terminal. */
                g_assert_false(g_str_has_suffix(*line, " "));
            }
        }
    }
}

/* Without UTF-8 nothing but ASCII is written. */
static void
test_ascii(void)
{
    static const double values[] = {4, 3, 2, 1};
    g_autoptr(PbxStatus) status = usual();
    g_autoptr(PbxStatusOptions) options = status_options_new(NULL);
    g_array_append_vals(status->history, values, G_N_ELEMENTS(values));
    g_free(status->dir);
    status->dir = g_strdup("/r/漢/e");
    PbxStatusStyle style = {.width = 40, .table = TRUE, .max_rows = 20, .max_errors = 20};
    g_autoptr(GString) out = g_string_new(NULL);
    status_draw(status, options, &style, out);
    for (gsize i = 0; i < out->len; i++)
        g_assert_cmpuint((guchar)out->str[i], <, 0x80);
    g_auto(GStrv) lines = g_strsplit(out->str, "\n", -1);
    g_assert_cmpstr(lines[1], ==, "###.........  30 %");
    g_assert_nonnull(status_fixture_line(lines, "           #*-_  4 -> 1"));
    g_assert_nonnull(status_fixture_line(lines, "results    /r/?\?/e"));
    g_assert_nonnull(status_fixture_line(lines, "train_ab12c_00002         2  exited wit~"));
}

/* Colours change nothing else, and end with the line. */
static void
test_colours(void)
{
    g_autoptr(PbxStatus) status = usual();
    g_autoptr(PbxStatusOptions) options = status_options_new(NULL);
    PbxStatusStyle style = {
        .width = 79, .colour = TRUE, .utf8 = TRUE, .table = TRUE, .max_rows = 20, .max_errors = 20};
    g_autoptr(GString) coloured = g_string_new(NULL), plain = g_string_new(NULL);
    status_draw(status, options, &style, coloured);
    style.colour = FALSE;
    status_draw(status, options, &style, plain);
    g_assert_null(strchr(plain->str, '\033'));
    g_autoptr(GRegex) escapes = g_regex_new("\033\\[[0-9]*m", 0, 0, NULL);
    g_autofree char *bare = g_regex_replace(escapes, coloured->str, -1, 0, "", 0, NULL);
    g_auto(GStrv) lines = g_strsplit(coloured->str, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        const char *last = strrchr(*line, '\033');
        g_assert_true(last == NULL || g_str_has_prefix(last, "\033[0m"));
    }
    g_auto(GStrv) one = g_strsplit(bare, "\n", -1), two = g_strsplit(plain->str, "\n", -1);
    for (gsize i = 0; one[i] != NULL || two[i] != NULL; i++)
        g_assert_cmpstr(g_strchomp(one[i]), ==, two[i]);
}

static void
test_line(void)
{
    g_autoptr(PbxStatus) status = usual();
    g_autoptr(PbxStatusOptions) options = status_options_new(NULL);
    g_autoptr(GString) line = g_string_new(NULL);
    status_draw_line(status, options, line);
    g_assert_cmpstr(line->str, ==,
                    "exp: 3/10 trials ended, 1 running, 1 failed; best loss 0.125 (trial 1: "
                    "lr=0.12346, opt=b)");
    status->total = -1;
    g_free(status->name);
    status->name = g_strdup("e\033x");
    status->stopping = g_strdup("time budget");
    g_string_truncate(line, 0);
    status_draw_line(status, options, line);
    g_assert_cmpstr(line->str, ==,
                    "e\\x1bx: 3 trials ended, 1 running, 1 failed; best loss 0.125 (trial 1: "
                    "lr=0.12346, opt=b); stopping: time budget");
    /* Where nothing runs it says why. */
    g_clear_pointer(&status->stopping, g_free);
    status->counts[PBX_STATE_RUNNING] = 0;
    g_ptr_array_set_size(status->waits, 0);
    status_add_line(status->waits, "waiting", "1 trial: held, `pegbox unpause e`");
    g_string_truncate(line, 0);
    status_draw_line(status, options, line);
    g_assert_true(
        g_str_has_suffix(line->str, "opt=b); waiting: 1 trial: held, `pegbox unpause e`"));
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/status/draw/block", test_block);
    g_test_add_func("/status/draw/void", test_void);
    g_test_add_func("/status/draw/best", test_best);
    g_test_add_func("/status/draw/memory", test_memory);
    g_test_add_func("/status/draw/history", test_history);
    g_test_add_func("/status/draw/narrow-history", test_narrow_history);
    g_test_add_func("/status/draw/last-ones", test_last_ones);
    g_test_add_func("/status/draw/stopping", test_stopping);
    g_test_add_func("/status/draw/no-end", test_no_end);
    g_test_add_func("/status/draw/places", test_places);
    g_test_add_func("/status/draw/narrow", test_narrow);
    g_test_add_func("/status/draw/low", test_low);
    g_test_add_func("/status/draw/fits", test_fits);
    g_test_add_func("/status/draw/ascii", test_ascii);
    g_test_add_func("/status/draw/colours", test_colours);
    g_test_add_func("/status/draw/line", test_line);
    return g_test_run();
}
