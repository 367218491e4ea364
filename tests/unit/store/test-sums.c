/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A row that is not what was written, or is missing, is an error that names it. */
#include <sqlite3.h>
#include <string.h>

#include "store-fixture.h"
#include "store/status-row.h"
#include "store/store-private.h"

/* Three trials with two results each, and a row in every other table. */
static void
fill(PbxStore *store)
{
    g_assert_true(store_begin(store, NULL));
    g_assert_true(store_put_fact(store, "name", "e", NULL));
    g_assert_true(store_put_cursor(store, "loggers[0]", 3, NULL));
    for (guint64 i = 0; i < 3; i++) {
        PbxTrialRow trial = make_trial(i);
        const PbxAttemptRow attempt = make_attempt(i, 1);
        trial.last_seq = 2 * i + 2;
        g_assert_true(store_put_trial(store, &trial, NULL));
        g_assert_true(store_put_attempt(store, &attempt, NULL));
        for (guint64 n = 1; n <= 2; n++) {
            const PbxResultRow result = make_result(2 * i + n, i, n);
            const PbxEventRow event = {.seq = 2 * i + n, .type = 6, .at_ns = 1, .trial = i};
            g_assert_true(store_put_result(store, &result, NULL));
            g_assert_true(store_put_event(store, &event, NULL));
        }
    }
    const PbxBlobFacts facts = {.plugin = (char *)"random"};
    const PbxCheckpointRow checkpoint = {
        .id = 1, .name = (char *)"checkpoint_000001.tar", .sha256 = (char *)"00"};
    const PbxCheckpointRow next = {
        .id = 2, .trial = 1, .name = (char *)"checkpoint_000001.tar", .sha256 = (char *)"00"};
    const PbxInputRow input = {.number = 1, .slot = (char *)"search", .call = (char *)"add"};
    g_assert_true(store_put_blob(store, "search", &facts, "state", 5, NULL));
    g_assert_true(store_put_checkpoint(store, &checkpoint, NULL));
    g_assert_true(store_put_checkpoint(store, &next, NULL));
    g_assert_true(store_put_input(store, &input, NULL));
    g_assert_true(store_commit(store, NULL));
}

static gboolean
skip_trial(const PbxTrialRow *row, gpointer user)
{
    (void)row, (void)user;
    return TRUE;
}

static gboolean
skip_result(const PbxResultRow *row, gpointer user)
{
    (void)row, (void)user;
    return TRUE;
}

static gboolean
skip_event(const PbxEventRow *row, const PbxResultRow *result, gpointer user)
{
    (void)row, (void)result, (void)user;
    return TRUE;
}

static gboolean
skip_score(const PbxScoreRow *row, gpointer user)
{
    (void)row, (void)user;
    return TRUE;
}

static void
skip_brief(const PbxBriefRow *row, gpointer user)
{
    (void)row, (void)user;
}

static gboolean
skip_checkpoint(const PbxCheckpointRow *row, gpointer user)
{
    (void)row, (void)user;
    return TRUE;
}

static gboolean
skip_input(const PbxInputRow *row, gpointer user)
{
    (void)row, (void)user;
    return TRUE;
}

/* Each way to read a table. */

static gboolean
read_trial(PbxStore *store, GError **error)
{
    g_autoptr(PbxTrialRow) row = store_trial(store, 1, error);
    return row != NULL;
}

static gboolean
read_trial_by_id(PbxStore *store, GError **error)
{
    g_autoptr(PbxTrialRow) row = store_find_trial(store, "train_2f1ea_00003", error);
    return row != NULL;
}

static gboolean
read_trials(PbxStore *store, GError **error)
{
    return store_each_trial(store, skip_trial, NULL, error);
}

static gboolean
read_sorted(PbxStore *store, GError **error)
{
    return store_each_trial_by(store, "value", TRUE, 1, skip_trial, NULL, error);
}

static gboolean
read_by_iteration(PbxStore *store, GError **error)
{
    return store_each_trial_by(store, "iteration", TRUE, 1, skip_trial, NULL, error);
}

static gboolean
read_scores(PbxStore *store, GError **error)
{
    return store_each_score(store, skip_score, NULL, error);
}

static gboolean
read_brief(PbxStore *store, GError **error)
{
    return store_each_brief(store, skip_brief, NULL, error);
}

static gboolean
read_counts(PbxStore *store, GError **error)
{
    guint64 counts[5];
    return store_counts(store, counts, error);
}

static gboolean
read_attempt(PbxStore *store, GError **error)
{
    g_auto(PbxAttemptRow) row = {0};
    return store_attempt(store, 1, 1, &row, error);
}

static gboolean
read_result(PbxStore *store, GError **error)
{
    g_autoptr(PbxResultRow) row = store_result(store, 4, error);
    return row != NULL;
}

static gboolean
read_results(PbxStore *store, GError **error)
{
    return store_each_result(store, 1, skip_result, NULL, error);
}

static gboolean
read_events(PbxStore *store, GError **error)
{
    return store_each_event(store, 0, 99, skip_event, NULL, error);
}

static gboolean
read_blob(PbxStore *store, GError **error)
{
    g_autoptr(GBytes) blob = store_blob(store, "search", NULL, error);
    return blob != NULL;
}

static gboolean
read_checkpoint(PbxStore *store, GError **error)
{
    g_autoptr(PbxCheckpointRow) row = store_checkpoint(store, 1, error);
    return row != NULL;
}

static gboolean
read_checkpoints(PbxStore *store, GError **error)
{
    return store_each_checkpoint(store, 0, skip_checkpoint, NULL, error);
}

static gboolean
read_inputs(PbxStore *store, GError **error)
{
    return store_each_input(store, "search", 0, skip_input, NULL, error);
}

static gboolean
read_again(PbxStore *store, GError **error)
{
    g_autofree char *dir = g_path_get_dirname(store->path);
    g_autoptr(PbxStore) reader = store_open(dir, FALSE, error);
    return reader != NULL;
}

static const struct {
    gboolean (*read)(PbxStore *store, GError **error);
    const char *sql, *says;
} damages[] = {
    {read_trial, "UPDATE trial SET value = value + 1", "the row of trial 1 is damaged"},
    {read_trial_by_id, "UPDATE trial SET best = NULL", "the row of trial 0 is damaged"},
    {read_trials, "UPDATE trial SET x = x'00' WHERE number = 2", "the row of trial 2 is damaged"},
    {read_trials, "UPDATE trial SET sum = NULL WHERE number = 1", "the row of trial 1 is damaged"},
    {read_trials, "UPDATE trial SET sum = sum + 1", "the row of trial 0 is damaged"},
    {read_trials, "DELETE FROM trial WHERE number = 1", "there is no trial 1"},
    {read_sorted, "UPDATE trial SET value = 0 WHERE number = 2", "the row of trial 2 is damaged"},
    {read_sorted, "UPDATE trial SET brief_sum = 0", "the row of trial 0 is damaged"},
    {read_by_iteration, "UPDATE trial SET iteration = 0 WHERE number = 2",
     "the row of trial 2 is damaged"},
    {read_scores, "UPDATE trial SET best = 0 WHERE number = 2", "the row of trial 2 is damaged"},
    {read_scores, "DELETE FROM trial WHERE number = 0", "there is no trial 0"},
    {read_brief, "UPDATE trial SET state = 'PAUSED' WHERE number = 1",
     "the row of trial 1 is damaged"},
    {read_counts, "DELETE FROM trial WHERE number = 1",
     "there are 2 trials, but their numbers go up to 2"},
    {read_counts, "UPDATE trial SET state = 'ASLEEP' WHERE number = 1",
     "a trial has the state 'ASLEEP'"},
    {read_attempt, "UPDATE attempt SET pid = 1", "the row of attempt 1/1 is damaged"},
    {read_attempt, "DELETE FROM attempt WHERE trial = 1", "attempt 1/1 is missing"},
    {read_result, "DELETE FROM result WHERE seq = 4", "result 4 is missing"},
    {read_results, "DELETE FROM attempt WHERE trial = 1", "attempt 1/1 is missing"},
    {read_result, "UPDATE result SET fields = '{}'", "the row of result 4 is damaged"},
    {read_results, "UPDATE result SET iteration = 7 WHERE seq = 4",
     "the row of result 4 is damaged"},
    {read_results, "DELETE FROM result WHERE seq = 3",
     "result 1 of trial 1, attempt 1, is missing"},
    {read_results, "DELETE FROM result WHERE seq = 4", "the last result of trial 1 is missing"},
    {read_results, "DELETE FROM result", "the last result of trial 1 is missing"},
    {read_events, "UPDATE event SET trial = 0 WHERE seq = 4", "the row of event 4 is damaged"},
    {read_events, "UPDATE result SET trial = 0, n = 9 WHERE seq = 4",
     "the row of result 4 is damaged"},
    {read_events, "UPDATE result SET sum = NULL WHERE seq = 4", "the row of result 4 is damaged"},
    {read_events, "DELETE FROM result WHERE seq = 4", "result 4 is missing"},
    {read_blob, "UPDATE decider SET state = x'00'", "the row of decider 'search' is damaged"},
    {read_checkpoint, "UPDATE checkpoint SET n = 1", "the row of checkpoint 1 is damaged"},
    {read_checkpoints, "DELETE FROM checkpoint WHERE id = 1", "rows of checkpoints are missing"},
    {read_checkpoints, "UPDATE checkpoint SET sha256 = '01'", "the row of checkpoint 1 is damaged"},
    {read_inputs, "UPDATE input SET call = 'tell'", "the row of input 1 is damaged"},
    {read_again, "UPDATE fact SET value = 'f'", "the row of fact 'name' is damaged"},
    {read_again, "UPDATE cursor SET seq = 4", "the row of cursor 'loggers[0]' is damaged"},
};

static void
test_damage(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    fill(fixture->store);
    for (gsize i = 0; i < G_N_ELEMENTS(damages); i++) {
        g_autoptr(GError) error = NULL;
        if (!damages[i].read(fixture->store, &error))
            g_error("%" G_GSIZE_FORMAT ": %s", i, error != NULL ? error->message : "nothing");
        g_assert_true(store_begin(fixture->store, NULL));
        g_assert_true(store_exec(fixture->store, damages[i].sql, NULL));
        if (damages[i].read == read_again) /* by another connection */
            g_assert_true(store_commit(fixture->store, NULL));
        g_assert_false(damages[i].read(fixture->store, &error));
        g_assert_error(error, PBX_STORE_ERROR, STORE_ERROR_DAMAGED);
        g_autofree char *expected = g_strdup_printf("%s/experiment.db: %s; `pegbox repair %s` ",
                                                    fixture->dir, damages[i].says, fixture->dir);
        if (!g_str_has_prefix(error->message, expected))
            g_error("%s\nis not\n%s", error->message, expected);
        store_rollback(fixture->store);
        g_assert_true(store_exec(fixture->store,
                                 "UPDATE fact SET value = 'e'; UPDATE cursor SET seq = 3", NULL));
    }
}

/* Rows that were written before there were sums are read as they are: in such a store only. */
static void
test_without_sum(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    fill(fixture->store);
    fixture->store->unsummed = TRUE;
    g_assert_true(store_exec(fixture->store,
                             "UPDATE trial SET sum = NULL, brief_sum = NULL, "
                             "value = 5; UPDATE result SET sum = NULL, "
                             "value = 5; UPDATE attempt SET sum = NULL, pid = 5",
                             NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(damages); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_true(damages[i].read(fixture->store, &error));
    }
}

/* The bytes that doc/store.md gives. */
static void
test_bytes(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_assert_true(store_put_fact(fixture->store, "a", "bcd", NULL));
    g_assert_true(store_put_cursor(fixture->store, "loggers[10]", 3, NULL));
    static const char *const right[] = {
        "SELECT sum = 4709049259762786370 FROM fact",
        "SELECT sum = -7271649049001604378 FROM cursor",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(right); i++) {
        int same = 0;
        g_assert_true(store_read_int(fixture->store, right[i], &same, NULL));
        g_assert_cmpint(same, ==, 1);
    }
    /* Every length and kind of value: what is written is what is read. */
    g_autofree char *large = g_strnfill(5000, 'x');
    PbxTrialRow row = make_trial(0);
    row.time_total_s = -0.0;
    row.value = -INFINITY;
    for (row.n_dims = 0; row.n_dims < 3; row.n_dims++) {
        for (gsize length = 1; length < 600; length += 7) {
            row.error = large + 5000 - length;
            row.reason = length % 2 == 0 ? NULL : (char *)"";
            g_assert_true(store_put_trial(fixture->store, &row, NULL));
            g_autoptr(GError) error = NULL;
            g_autoptr(PbxTrialRow) read = store_trial(fixture->store, 0, &error);
            g_assert_no_error(error);
            g_assert_cmpstr(read->error, ==, row.error);
        }
    }
}

#define ADD(PATH, TEST) g_test_add(PATH, Fixture, NULL, fixture_set_up, TEST, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/store/sums/what-is-damaged-or-missing-is-named", test_damage);
    ADD("/store/sums/rows-without-one-are-read", test_without_sum);
    ADD("/store/sums/are-those-of-the-document", test_bytes);
    return g_test_run();
}
