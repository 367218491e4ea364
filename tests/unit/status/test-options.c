/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each option of `reporter`, by what is drawn. */
#include <locale.h>
#include <math.h>
#include <string.h>

#include "status-fixture.h"
#include "json/json.h"

#define RESULT                                                                                     \
    "{\"loss\":0.5,\"mean_accuracy\":0.75,\"eval\":{\"auc\":0.625},\"b\":2,\"text\":\"x\",\"c\":"  \
    "3,"                                                                                           \
    "\"d\":4,\"e\":5,\"flag\":true,\"timesteps_total\":null,\"pid\":7}"
#define CONFIG "{\"lr\":0.25,\"opt\":\"a\",\"deep\":{\"x\":1}}"

static PbxStatus *
one_trial(void)
{
    PbxStatus *status = status_fixture();
    status_fixture_trial(status, 0, PBX_STATE_RUNNING, CONFIG, RESULT);
    return status;
}

static void
assert_columns(const char *reporter, const char *header)
{
    g_autoptr(PbxStatus) status = one_trial();
    g_auto(GStrv) lines = status_fixture_draw(status, reporter, 0, 0);
    g_autofree char *table = status_fixture_table(lines);
    g_auto(GStrv) rows = g_strsplit(table, "\n", -1);
    g_auto(GStrv) words = g_strsplit(rows[0], " ", -1);
    g_autoptr(GString) text = g_string_new(NULL);
    for (char **word = words; *word != NULL; word++)
        if ((*word)[0] != '\0')
            g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "", *word);
    g_assert_cmpstr(text->str, ==, header);
}

static void
test_columns(void)
{
    assert_columns(NULL, "# trial status pid lr opt loss acc iter time b c d");
    assert_columns("{\"infer_limit\":1}", "# trial status pid lr opt loss acc iter time b");
    assert_columns("{\"infer_limit\":0}", "# trial status pid lr opt loss acc iter time");
    /* Those that no trial has are left out. */
    assert_columns("{\"metric_columns\":[\"loss\",\"nowhere\",\"eval.auc\",\"e\"]}",
                   "# trial status pid lr opt loss eval.auc e");
    assert_columns("{\"metric_columns\":{\"eval/auc\":\"AUC\",\"training_iteration\":\"n\"}}",
                   "# trial status pid lr opt AUC");
    assert_columns("{\"metric_columns\":[]}", "# trial status pid lr opt");
    assert_columns("{\"parameter_columns\":[\"deep.x\"],\"metric_columns\":[]}",
                   "# trial status pid deep.x");
    assert_columns("{\"parameter_columns\":{\"lr\":\"rate\"},\"metric_columns\":[]}",
                   "# trial status pid rate");
    assert_columns("{\"metric\":\"c\",\"mode\":\"max\",\"infer_limit\":2}",
                   "# trial status pid lr opt c acc iter time loss b");
}

static void
test_total(void)
{
    g_autoptr(PbxStatus) status = one_trial();
    g_auto(GStrv) said = status_fixture_draw(status, "{\"total_samples\":40}", 79, 40);
    g_assert_true(g_str_has_prefix(status_fixture_line(said, "trials"), "trials     0/40 ended"));
    g_auto(GStrv) usual = status_fixture_draw(status, NULL, 79, 40);
    g_assert_true(g_str_has_prefix(status_fixture_line(usual, "trials"), "trials     0/10 ended"));
}

/* Rows of the table's states, its "more" line, and the rows of the errors. */
static void
test_rows(void)
{
    g_autoptr(PbxStatus) status = status_fixture();
    static const guint states[] = {PBX_STATE_PENDING, PBX_STATE_RUNNING, PBX_STATE_TERMINATED};
    guint64 number = 0;
    for (gsize i = 0; i < G_N_ELEMENTS(states); i++)
        for (guint j = 0; j < 10; j++)
            status_fixture_trial(status, number++, states[i], CONFIG, NULL);
    for (guint j = 0; j < 2; j++) {
        status_fixture_trial(status, number++, PBX_STATE_PAUSED, CONFIG, NULL);
        PbxStatusTrial *failed =
            status_fixture_trial(status, number++, PBX_STATE_ERROR, CONFIG, NULL);
        failed->failures = 1;
        g_ptr_array_add(status->errors, status_trial_ref(failed));
    }
    status->n_errors = 2;
    g_auto(GStrv) lines = status_fixture_draw(
        status, "{\"max_progress_rows\":13,\"max_error_rows\":1,\"metric_columns\":[]}", 99, 0);
    g_autofree char *table = status_fixture_table(lines);
    static const struct {
        const char *word;
        guint n;
    } expected[] = {{"  RUNNING ", 3},
                    {"  PAUSED ", 2},
                    {"  PENDING ", 3},
                    {"  TERMINATED ", 3},
                    {"  ERROR ", 2}};
    for (gsize i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_auto(GStrv) parts = g_strsplit(table, expected[i].word, -1);
        g_assert_cmpuint(g_strv_length(parts) - 1, ==, expected[i].n);
    }
    g_assert_nonnull(strstr(table, "... 21 more trials not shown (7 PENDING, 7 RUNNING, "
                                   "7 TERMINATED)\n"));
    /* In the order of Tune's rows. */
    g_assert_true(strstr(table, "RUNNING") < strstr(table, "PAUSED"));
    g_assert_true(strstr(table, "PAUSED") < strstr(table, "PENDING"));
    g_assert_true(strstr(table, "PENDING") < strstr(table, "TERMINATED"));
    g_assert_true(strstr(table, "TERMINATED") < strstr(table, "ERROR"));
    g_assert_nonnull(status_fixture_line(lines, "failed trial"));
    g_assert_nonnull(status_fixture_line(lines, "... 1 more failed"));
}

static void
test_rows_one_more(void)
{
    g_autoptr(PbxStatus) status = status_fixture();
    status_fixture_trial(status, 0, PBX_STATE_RUNNING, CONFIG, NULL);
    status->counts[PBX_STATE_RUNNING] = 3;
    g_auto(GStrv) lines = status_fixture_draw(status, "{\"max_progress_rows\":1}", 79, 0);
    g_assert_nonnull(status_fixture_line(lines, "... 2 more trials not shown (2 RUNNING)"));
    /* None at all: no table, no header. */
    g_auto(GStrv) none = status_fixture_draw(status, "{\"max_progress_rows\":0}", 79, 0);
    g_assert_null(status_fixture_line(none, "#"));
}

/* The other metric's value is the model's; the block names it. */
static void
test_metric(void)
{
    g_autoptr(PbxStatus) status = one_trial();
    status->best = status_trial_ref(status->rows[PBX_STATE_RUNNING]->pdata[0]);
    status->best->value = 3;
    g_auto(GStrv) lines =
        status_fixture_draw(status, "{\"metric\":\"c\",\"mode\":\"max\"}", 79, 40);
    g_assert_cmpstr(status_fixture_line(lines, "best"), ==,
                    "best       c 3 by trial 0: lr=0.25, opt=a");
}

/* Without sort_by_metric the rows stand by number, with it as the model has them. */
static void
test_sort(void)
{
    g_autoptr(PbxStatus) status = status_fixture();
    status_fixture_trial(status, 7, PBX_STATE_TERMINATED, CONFIG, "{\"loss\":1}");
    status_fixture_trial(status, 2, PBX_STATE_TERMINATED, CONFIG, "{\"loss\":2}");
    g_auto(GStrv) by_number = status_fixture_draw(status, NULL, 79, 40);
    g_autofree char *one = status_fixture_table(by_number);
    g_assert_true(strstr(one, "\n2  ") < strstr(one, "\n7  "));
    g_auto(GStrv) sorted = status_fixture_draw(status, "{\"sort_by_metric\":true}", 79, 40);
    g_autofree char *two = status_fixture_table(sorted);
    g_assert_true(strstr(two, "\n7  ") < strstr(two, "\n2  "));
}

static void
test_defaults(void)
{
    g_autoptr(PbxStatusOptions) options = status_options_new(NULL);
    g_assert_null(options->metric_columns);
    g_assert_null(options->parameter_columns);
    g_assert_cmpint(options->total_samples, ==, 0);
    g_assert_cmpuint(options->max_progress_rows, ==, 20);
    g_assert_cmpuint(options->max_error_rows, ==, 20);
    g_assert_cmpfloat(options->max_report_frequency, ==, 5);
    g_assert_cmpuint(options->infer_limit, ==, 3);
    g_assert_cmpint(options->tables, ==, -1);
    g_assert_null(options->metric);
    g_assert_false(options->sort_by_metric);
    static const char text[] = "{\"print_intermediate_tables\":false,\"max_report_frequency\":0.5}";
    g_autoptr(JsonNode) node = json_read(text, strlen(text), 10, NULL);
    g_autoptr(PbxStatusOptions) given = status_options_new(node);
    g_assert_cmpint(given->tables, ==, 0);
    g_assert_cmpfloat(given->max_report_frequency, ==, 0.5);
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/status/options/defaults", test_defaults);
    g_test_add_func("/status/options/columns", test_columns);
    g_test_add_func("/status/options/total", test_total);
    g_test_add_func("/status/options/rows", test_rows);
    g_test_add_func("/status/options/rows-one-more", test_rows_one_more);
    g_test_add_func("/status/options/metric", test_metric);
    g_test_add_func("/status/options/sort", test_sort);
    return g_test_run();
}
