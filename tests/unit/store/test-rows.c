/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is written reads back. */
#include <string.h>

#include <pegbox/types.h>

#include "store-fixture.h"

static void
begin(Fixture *fixture)
{
    g_assert_true(store_begin(fixture->store, NULL));
}

static void
commit(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(store_commit(fixture->store, &error));
    g_assert_no_error(error);
}

static void
put_trial(Fixture *fixture, const PbxTrialRow *row)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(store_put_trial(fixture->store, row, &error));
    g_assert_no_error(error);
}

static void
put_result(Fixture *fixture, const PbxResultRow *row)
{
    g_autoptr(GError) error = NULL;
    const PbxAttemptRow attempt = make_attempt(row->trial, row->attempt);
    g_assert_true(store_put_attempt(fixture->store, &attempt, &error));
    g_assert_true(store_put_result(fixture->store, row, &error));
    g_assert_no_error(error);
}

static void
assert_same_trial(const PbxTrialRow *a, const PbxTrialRow *b)
{
    g_assert_cmpuint(a->number, ==, b->number);
    g_assert_cmpstr(a->id, ==, b->id);
    g_assert_cmpstr(a->name, ==, b->name);
    g_assert_cmpstr(a->tag, ==, b->tag);
    g_assert_cmpstr(a->dir, ==, b->dir);
    g_assert_cmpuint(a->state, ==, b->state);
    g_assert_cmpint(a->end, ==, b->end);
    g_assert_cmpstr(a->config, ==, b->config);
    g_assert_cmpmem(a->x, a->n_dims * sizeof(double), b->x, b->n_dims * sizeof(double));
    g_assert_cmpuint(a->ask, ==, b->ask);
    g_assert_cmpuint(a->origin, ==, b->origin);
    g_assert_cmpstr(a->extra, ==, b->extra);
    g_assert_cmpuint(a->attempts, ==, b->attempts);
    g_assert_cmpuint(a->failures, ==, b->failures);
    g_assert_cmpstr(a->reason, ==, b->reason);
    g_assert_cmpstr(a->error, ==, b->error);
    g_assert_cmpint(a->created_ns, ==, b->created_ns);
    g_assert_cmpint(a->started_ns, ==, b->started_ns);
    g_assert_cmpint(a->ended_ns, ==, b->ended_ns);
    g_assert_cmpuint(a->n_results, ==, b->n_results);
    g_assert_cmpint(a->iteration, ==, b->iteration);
    g_assert_cmpmem(&a->time_total_s, sizeof(double), &b->time_total_s, sizeof(double));
    g_assert_true(isnan(a->value) ? isnan(b->value) : a->value == b->value);
    g_assert_true(isnan(a->best) ? isnan(b->best) : a->best == b->best);
    g_assert_cmpuint(a->last_seq, ==, b->last_seq);
    g_assert_cmpuint(a->rung, ==, b->rung);
    g_assert_cmpuint(a->bracket, ==, b->bracket);
    g_assert_cmpint(a->feasible, ==, b->feasible);
    g_assert_cmpuint(a->queued, ==, b->queued);
    g_assert_cmpint(a->held, ==, b->held);
    g_assert_cmpstr(a->source, ==, b->source);
    g_assert_cmpuint(a->replaced_by, ==, b->replaced_by);
}

static void
test_trial(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    PbxTrialRow row = make_trial(7);
    row.value = INFINITY;
    row.ask = 0;
    begin(fixture);
    put_trial(fixture, &row);
    commit(fixture);
    g_autoptr(PbxTrialRow) read = store_trial(fixture->store, 7, NULL);
    g_assert_nonnull(read);
    assert_same_trial(&row, read);
    g_assert_null(store_trial(fixture->store, 8, NULL));
}

static void
test_trial_unknown(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    const PbxTrialRow row = {
        .number = 0,
        .id = "a",
        .end = -1,
        .config = "{}",
        .ask = G_MAXUINT64,
        .created_ns = -1,
        .started_ns = -1,
        .ended_ns = -1,
        .iteration = -1,
        .value = NAN,
        .best = NAN,
        .rung = G_MAXUINT32,
        .bracket = G_MAXUINT32,
    };
    begin(fixture);
    put_trial(fixture, &row);
    commit(fixture);
    g_autoptr(PbxTrialRow) read = store_trial(fixture->store, 0, NULL);
    assert_same_trial(&row, read);
    g_assert_null(read->x);
}

static void
test_trial_replaced(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    PbxTrialRow row = make_trial(0);
    begin(fixture);
    put_trial(fixture, &row);
    row.state = 4;
    row.reason = NULL;
    row.config = "{\"lr\":0.5}";
    put_trial(fixture, &row);
    commit(fixture);
    g_autoptr(PbxTrialRow) read = store_trial(fixture->store, 0, NULL);
    assert_same_trial(&row, read);
    guint64 counts[5];
    g_assert_true(store_counts(fixture->store, counts, NULL));
    const guint64 expected[5] = {0, 0, 0, 0, 1};
    g_assert_cmpmem(counts, sizeof counts, expected, sizeof expected);
}

static void
test_find_trial(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    PbxTrialRow row = make_trial(3);
    begin(fixture);
    put_trial(fixture, &row);
    row.number = 4;
    row.id = "12345678"; /* an id may look like a number */
    row.name = "other";
    put_trial(fixture, &row);
    commit(fixture);
    static const struct {
        const char *text;
        gint64 number;
    } cases[] = {
        {"3", 3},        {"2f1ea_00003", 3}, {"train_2f1ea_00003", 3},
        {"12345678", 4}, {"other", 4},       {"5", -1},
        {"", -1},        {"2f1ea", -1},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(PbxTrialRow) found = store_find_trial(fixture->store, cases[i].text, &error);
        g_assert_no_error(error);
        g_assert_cmpint(found != NULL ? (gint64)found->number : -1, ==, cases[i].number);
    }
}

static gboolean
collect_n(const PbxResultRow *row, gpointer user)
{
    g_string_append_printf(user, "%u/%u ", row->attempt, (guint)row->n);
    return TRUE;
}

static gboolean
stop_at_second(const PbxResultRow *row, gpointer user)
{
    (void)row;
    return ++*(int *)user < 2;
}

static void
test_results(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    PbxResultRow row = make_result(5, 0, 2);
    begin(fixture);
    put_result(fixture, &row);
    row = make_result(6, 1, 1);
    put_result(fixture, &row);
    row = make_result(4, 0, 1);
    put_result(fixture, &row);
    row = make_result(9, 0, 1);
    row.attempt = 2;
    row.value = NAN;
    row.done = TRUE;
    row.action = 2;
    row.rung = 3;
    row.timesteps_total = 100;
    row.episodes_total = 0;
    put_result(fixture, &row);
    commit(fixture);
    g_autoptr(GString) order = g_string_new(NULL);
    g_assert_true(store_each_result(fixture->store, 0, collect_n, order, NULL));
    g_assert_cmpstr(order->str, ==, "1/1 1/2 "); /* what was run again is left out */
    int seen = 0;
    g_assert_true(store_each_result(fixture->store, 0, stop_at_second, &seen, NULL));
    g_assert_cmpint(seen, ==, 2);
    g_autoptr(PbxResultRow) read = store_result(fixture->store, 9, NULL);
    g_assert_nonnull(read);
    g_assert_cmpuint(read->attempt, ==, 2);
    g_assert_true(isnan(read->value));
    g_assert_true(read->done);
    g_assert_cmpuint(read->action, ==, 2);
    g_assert_cmpuint(read->rung, ==, 3);
    g_assert_cmpint(read->feasible, ==, FEASIBLE_YES);
    g_assert_cmpint(read->timesteps_total, ==, 100);
    g_assert_cmpint(read->episodes_total, ==, 0);
    g_assert_cmpstr(read->fields, ==, row.fields);
    g_assert_cmpint(read->at_ns, ==, row.at_ns);
    g_assert_cmpfloat(read->time_this_iter_s, ==, 0.5);
    g_autoptr(GError) error = NULL;
    g_assert_null(store_result(fixture->store, 10, &error));
    g_assert_error(error, PBX_STORE_ERROR, STORE_ERROR_DAMAGED);
    g_assert_nonnull(strstr(error->message, "result 10 is missing"));
}

static void
test_result_twice(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    PbxResultRow row = make_result(1, 0, 1);
    begin(fixture);
    put_result(fixture, &row);
    row.seq = 2;
    g_autoptr(GError) error = NULL;
    g_assert_false(store_put_result(fixture->store, &row, &error));
    g_assert_error(error, PBX_STORE_ERROR, STORE_ERROR_IO);
    g_assert_nonnull(strstr(error->message, "experiment.db: UNIQUE constraint failed"));
    store_rollback(fixture->store);
    g_assert_false(store_in_transaction(fixture->store));
    g_assert_null(store_result(fixture->store, 1, NULL));
}

static void
test_attempt(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    PbxAttemptRow row = make_attempt(2, 1);
    begin(fixture);
    g_assert_true(store_put_attempt(fixture->store, &row, NULL));
    row.attempt = 2;
    row.start_iteration = 10;
    row.start_time_s = 50;
    row.start_timesteps = 1000;
    row.error = "killed by signal 9";
    row.start_n = 12;
    row.start_episodes = 5;
    row.checkpoint = 3;
    row.ended_ns = 1700000009000000000;
    g_assert_true(store_put_attempt(fixture->store, &row, NULL));
    commit(fixture);
    g_auto(PbxAttemptRow) read = {0};
    g_autoptr(GError) error = NULL;
    g_assert_false(store_attempt(fixture->store, 2, 3, &read, &error));
    g_assert_error(error, PBX_STORE_ERROR, STORE_ERROR_DAMAGED);
    g_assert_nonnull(strstr(error->message, "attempt 2/3 is missing"));
    g_clear_error(&error);
    g_assert_true(store_attempt(fixture->store, 2, 2, &read, &error));
    g_assert_cmpstr(read.hostname, ==, "node");
    g_assert_cmpstr(read.node_ip, ==, "192.0.2.1");
    g_assert_cmpint(read.pid, ==, 4711);
    g_assert_cmpint(read.start_iteration, ==, 10);
    g_assert_cmpfloat(read.start_time_s, ==, 50);
    g_assert_cmpint(read.start_timesteps, ==, 1000);
    g_assert_cmpint(read.started_ns, ==, row.started_ns);
    g_assert_cmpint(read.ended_ns, ==, row.ended_ns);
    g_assert_cmpstr(read.error, ==, row.error);
    g_assert_cmpuint(read.start_n, ==, 12);
    g_assert_cmpint(read.start_episodes, ==, 5);
    g_assert_cmpuint(read.checkpoint, ==, 3);
}

static gboolean
collect_event(const PbxEventRow *row, const PbxResultRow *result, gpointer user)
{
    g_string_append_printf(user, "%u:%u:%d:%s ", (guint)row->seq, row->type,
                           row->trial == G_MAXUINT64 ? -1 : (int)row->trial,
                           row->text != NULL ? row->text : "-");
    if (result != NULL)
        g_string_append_printf(user, "(%u %d %d %s) ", (guint)result->seq, (int)result->trial,
                               (int)result->n, result->fields);
    return TRUE;
}

static void
test_events(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    static const PbxEventRow rows[] = {
        {.seq = 1, .type = 0, .at_ns = 1, .trial = G_MAXUINT64, .text = NULL},
        {.seq = 2, .type = 3, .at_ns = 1, .trial = 0, .text = NULL},
        {.seq = 3, .type = 14, .at_ns = 1, .trial = 0, .attempt = 1, .text = "why"},
        {.seq = 4, .type = 6, .at_ns = 1, .trial = 7, .attempt = 1, .text = NULL},
        {.seq = 6, .type = 17, .at_ns = 1, .trial = G_MAXUINT64, .text = NULL},
    };
    /* What a retry repeats has no event of its own. */
    PbxResultRow results[] = {make_result(4, 7, 2), make_result(5, 7, 3)};
    results[0].fields = results[1].fields = (char *)"{}";
    g_assert_cmpuint(store_last_seq(fixture->store), ==, 0);
    begin(fixture);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_true(store_put_event(fixture->store, &rows[i], NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(results); i++)
        g_assert_true(store_put_result(fixture->store, &results[i], NULL));
    commit(fixture);
    g_autoptr(GString) text = g_string_new(NULL);
    g_assert_true(store_each_event(fixture->store, 1, 2, collect_event, text, NULL));
    g_assert_cmpstr(text->str, ==, "2:3:0:- 3:14:0:why ");
    g_string_truncate(text, 0);
    g_assert_true(store_each_event(fixture->store, 3, 9, collect_event, text, NULL));
    g_assert_cmpstr(text->str, ==, "4:6:7:- (4 7 2 {}) 6:17:-1:- ");
    g_assert_cmpuint(store_last_seq(fixture->store), ==, 6);
}

static void
test_small_tables(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    begin(fixture);
    g_assert_true(store_put_fact(fixture->store, "status", "running", NULL));
    g_assert_true(store_put_fact(fixture->store, "status", "done", NULL));
    g_assert_true(store_put_cursor(fixture->store, "loggers[0]", 17, NULL));
    g_assert_true(store_put_file(fixture->store, "loggers[0]", 0, "result.json", 100, NULL));
    g_assert_true(store_put_file(fixture->store, "loggers[0]", 0, "result.json", 250, NULL));
    g_assert_true(store_put_file(fixture->store, "loggers[0]", G_MAXUINT64, "all.txt", 9, NULL));
    const PbxBlobFacts random = {(char *)"search/random", (char *)"0.1", 3, 17, 40};
    const PbxBlobFacts none = {.plugin = (char *)"x"};
    g_assert_true(store_put_blob(fixture->store, "search", &random, "a\0b", 3, NULL));
    g_assert_true(store_put_blob(fixture->store, "scheduler", &none, NULL, 0, NULL));
    commit(fixture);
    g_autofree char *status = store_fact(fixture->store, "status");
    g_assert_cmpstr(status, ==, "done");
    g_assert_null(store_fact(fixture->store, "metric"));
    g_assert_cmpuint(store_cursor(fixture->store, "loggers[0]"), ==, 17);
    g_assert_cmpuint(store_cursor(fixture->store, "loggers[1]"), ==, 0);
    g_assert_cmpuint(store_file(fixture->store, "loggers[0]", 0, "result.json"), ==, 250);
    g_assert_cmpuint(store_file(fixture->store, "loggers[0]", G_MAXUINT64, "all.txt"), ==, 9);
    g_assert_cmpuint(store_file(fixture->store, "loggers[0]", 1, "result.json"), ==, 0);
    g_auto(PbxBlobFacts) facts = {0};
    g_autoptr(GBytes) blob = store_blob(fixture->store, "search", &facts, NULL);
    g_assert_cmpmem(g_bytes_get_data(blob, NULL), g_bytes_get_size(blob), "a\0b", 3);
    g_assert_cmpstr(facts.plugin, ==, "search/random");
    g_assert_cmpstr(facts.version, ==, "0.1");
    g_assert_cmpuint(facts.state_version, ==, 3);
    g_assert_cmpuint(facts.at_seq, ==, 17);
    g_assert_cmpuint(facts.input, ==, 40);
    g_autoptr(GBytes) empty = store_blob(fixture->store, "scheduler", NULL, NULL);
    g_assert_cmpuint(g_bytes_get_size(empty), ==, 0);
    g_assert_null(store_blob(fixture->store, "stop[0]", NULL, NULL));
}

static void
test_names(void)
{
    g_assert_cmpstr(store_state_name(0), ==, "PENDING");
    g_assert_cmpstr(store_state_name(4), ==, "ERROR");
    g_assert_null(store_state_name(5));
    g_assert_cmpstr(store_end_name(0), ==, "completed");
    g_assert_cmpstr(store_end_name(5), ==, "void");
    g_assert_null(store_end_name(-1));
    g_assert_cmpstr(store_action_name(2), ==, "stop");
    g_assert_null(store_action_name(4));
}

static gboolean
append_number(const PbxTrialRow *row, gpointer user)
{
    g_string_append_printf(user, "%" G_GUINT64_FORMAT " ", row->number);
    return row->number != 99;
}

static void
assert_order(Fixture *fixture, const char *column, gboolean descending, guint limit,
             const char *expected)
{
    g_autoptr(GString) order = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(store_sorts_by(column));
    g_assert_true(store_each_trial_by(fixture->store, column, descending, limit, append_number,
                                      order, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(order->str, ==, expected);
}

static gboolean
append_score(const PbxScoreRow *row, gpointer user)
{
    g_string_append_printf(user, "%" G_GUINT64_FORMAT ":%g/%g ", row->trial, row->value, row->best);
    return TRUE;
}

static void
test_order(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    const double values[] = {3, NAN, -1, INFINITY, 3, -INFINITY, 0};
    begin(fixture);
    for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
        PbxTrialRow row = make_trial(i);
        row.value = values[i];
        row.best = i;
        row.end = i == 2 ? PBX_END_VOID : PBX_END_COMPLETED;
        put_trial(fixture, &row);
    }
    commit(fixture);
    assert_order(fixture, "value", FALSE, 0, "2 6 0 4 1 3 5 ");
    assert_order(fixture, "value", TRUE, 0, "0 4 6 2 1 3 5 ");
    assert_order(fixture, "value", TRUE, 2, "0 4 ");
    assert_order(fixture, "number", TRUE, 3, "6 5 4 ");
    g_assert_false(store_sorts_by("name"));
    g_assert_false(store_sorts_by("value; DROP TABLE trial"));
    g_autoptr(GString) scores = g_string_new(NULL);
    g_assert_true(store_each_score(fixture->store, append_score, scores, NULL));
    g_assert_cmpstr(scores->str, ==, "0:3/0 1:nan/1 3:inf/3 4:3/4 5:-inf/5 6:0/6 ");
}

#define ADD(PATH, TEST) g_test_add(PATH, Fixture, NULL, fixture_set_up, TEST, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/store/rows/a-trial-reads-back", test_trial);
    ADD("/store/rows/what-is-unknown-stays-unknown", test_trial_unknown);
    ADD("/store/rows/a-trial-is-replaced", test_trial_replaced);
    ADD("/store/rows/a-trial-is-found-by-number-id-or-name", test_find_trial);
    ADD("/store/rows/results-come-in-their-order", test_results);
    ADD("/store/rows/a-result-cannot-come-twice", test_result_twice);
    ADD("/store/rows/an-attempt-reads-back", test_attempt);
    ADD("/store/rows/events-are-read-from-a-cursor", test_events);
    ADD("/store/rows/facts-cursors-files-and-blobs-read-back", test_small_tables);
    ADD("/store/rows/trials-in-the-order-of-a-column", test_order);
    g_test_add_func("/store/rows/numbers-have-names", test_names);
    return g_test_run();
}
