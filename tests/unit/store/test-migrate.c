/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stores of older schemas, as the programs of their time wrote them: brought up to date when they
 * are opened, by whoever does, and all of what was in them reads back. */
#include <pegbox/types.h>
#include <sqlite3.h>

#include "store-fixture.h"
#include "store/store-private.h"

static const char schema_1[] = "CREATE TABLE fact ("
                               " key TEXT PRIMARY KEY NOT NULL,"
                               " value TEXT NOT NULL"
                               ") STRICT, WITHOUT ROWID;"
                               "CREATE TABLE trial ("
                               " number INTEGER PRIMARY KEY,"
                               " id TEXT NOT NULL,"
                               " name TEXT,"
                               " tag TEXT,"
                               " dir TEXT,"
                               " state TEXT NOT NULL,"
                               " outcome TEXT,"
                               " config TEXT NOT NULL,"
                               " x BLOB,"
                               " ask INTEGER,"
                               " origin INTEGER,"
                               " extra TEXT,"
                               " attempts INTEGER NOT NULL,"
                               " failures INTEGER NOT NULL,"
                               " reason TEXT,"
                               " error TEXT,"
                               " created_ns INTEGER,"
                               " started_ns INTEGER,"
                               " ended_ns INTEGER,"
                               " results INTEGER NOT NULL,"
                               " iteration INTEGER,"
                               " time_total_s REAL,"
                               " value REAL,"
                               " best REAL,"
                               " last_seq INTEGER,"
                               " rung INTEGER,"
                               " bracket INTEGER"
                               ") STRICT;"
                               "CREATE TABLE attempt ("
                               " trial INTEGER NOT NULL,"
                               " attempt INTEGER NOT NULL,"
                               " hostname TEXT,"
                               " node_ip TEXT,"
                               " pid INTEGER,"
                               " start_iteration INTEGER,"
                               " start_time_s REAL,"
                               " start_timesteps INTEGER,"
                               " started_ns INTEGER,"
                               " ended_ns INTEGER,"
                               " error TEXT,"
                               " PRIMARY KEY (trial, attempt)"
                               ") STRICT, WITHOUT ROWID;"
                               "CREATE TABLE result ("
                               " seq INTEGER PRIMARY KEY,"
                               " trial INTEGER NOT NULL,"
                               " attempt INTEGER NOT NULL,"
                               " n INTEGER NOT NULL,"
                               " iteration INTEGER,"
                               " at_ns INTEGER,"
                               " time_this_iter_s REAL,"
                               " time_total_s REAL,"
                               " timesteps_total INTEGER,"
                               " episodes_total INTEGER,"
                               " done INTEGER NOT NULL,"
                               " value REAL,"
                               " fields TEXT NOT NULL,"
                               " action TEXT NOT NULL,"
                               " rung INTEGER"
                               ") STRICT;"
                               "CREATE UNIQUE INDEX result_of_trial ON result (trial, attempt, n);"
                               "CREATE TABLE event ("
                               " seq INTEGER PRIMARY KEY,"
                               " type TEXT NOT NULL,"
                               " at_ns INTEGER,"
                               " trial INTEGER,"
                               " attempt INTEGER,"
                               " text TEXT"
                               ") STRICT;"
                               "CREATE TABLE decider ("
                               " slot TEXT PRIMARY KEY NOT NULL,"
                               " plugin TEXT NOT NULL,"
                               " version TEXT,"
                               " state_version INTEGER NOT NULL,"
                               " state BLOB NOT NULL"
                               ") STRICT;"
                               "CREATE TABLE cursor ("
                               " slot TEXT PRIMARY KEY NOT NULL,"
                               " seq INTEGER NOT NULL"
                               ") STRICT, WITHOUT ROWID;"
                               "CREATE TABLE file ("
                               " slot TEXT NOT NULL,"
                               " trial INTEGER NOT NULL,"
                               " name TEXT NOT NULL,"
                               " length INTEGER NOT NULL,"
                               " PRIMARY KEY (slot, trial, name)"
                               ") STRICT, WITHOUT ROWID;"
                               "PRAGMA application_id = 1885823608; PRAGMA user_version = 1;";

static const char rows_1[] =
    "INSERT INTO fact VALUES ('name', 'old'), ('status', 'interrupted');"
    "INSERT INTO trial VALUES"
    " (0, 'a1_00000', 'sh_a1_00000', '0_x=1', 'sh_0', 'TERMINATED', 'completed', '{\"x\":1}',"
    "  x'000000000000f03f', 0, 0, NULL, 1, 0, NULL, NULL, 11, 12, 13, 2, 2, 0.5, 4.0, 3.0, 5,"
    "  NULL, NULL),"
    " (1, 'a1_00001', 'sh_a1_00001', '1_x=2', 'sh_1', 'PENDING', NULL, '{\"x\":2}',"
    "  x'0000000000000040', 1, 0, NULL, 0, 0, NULL, NULL, 14, NULL, NULL, 0, NULL, 0.0, NULL,"
    "  NULL, NULL, NULL, NULL);"
    "INSERT INTO attempt VALUES (0, 1, 'node', '192.0.2.1', 99, 0, 0.0, NULL, 12, 13, NULL);"
    "INSERT INTO result VALUES"
    " (4, 0, 1, 1, 1, 12, 0.25, 0.25, NULL, NULL, 0, 3.0, '{\"loss\":3}', 'continue', NULL),"
    " (5, 0, 1, 2, 2, 13, 0.25, 0.5, NULL, NULL, 1, 4.0, '{\"loss\":4}', 'continue', NULL);"
    "INSERT INTO event VALUES (1, 'start', 10, NULL, NULL, NULL), (2, 'added', 11, 0, NULL, NULL),"
    " (4, 'result', 12, 0, 1, NULL), (5, 'result', 13, 0, 1, NULL);"
    "INSERT INTO decider VALUES ('search', 'random', '0.1', 1, x'0102');"
    "INSERT INTO cursor VALUES ('loggers[0]', 4);";

static const char to_schema_2[] = "ALTER TABLE trial ADD COLUMN feasible INTEGER;"
                                  "ALTER TABLE result ADD COLUMN feasible INTEGER;"
                                  "CREATE INDEX IF NOT EXISTS trial_of_state ON trial (state);"
                                  "UPDATE trial SET feasible = 0 WHERE number = 0;"
                                  "PRAGMA user_version = 2;";

/* The store becomes what the SQL makes. */
static void
make(Fixture *fixture, const char *sql, const char *more)
{
    g_clear_pointer(&fixture->store, store_close);
    g_autofree char *path = g_build_filename(fixture->dir, "experiment.db", NULL);
    g_assert_cmpint(g_unlink(path), ==, 0);
    sqlite3 *db = NULL;
    char *why = NULL;
    g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
    g_autofree char *all = g_strconcat(sql, rows_1, more, NULL);
    if (sqlite3_exec(db, all, NULL, NULL, &why) != SQLITE_OK)
        g_error("%s", why);
    sqlite3_close(db);
}

static gboolean
append_result(const PbxResultRow *row, gpointer user)
{
    g_string_append_printf(user, "%u:%g:%s ", (guint)row->seq, row->value, row->fields);
    return TRUE;
}

static void
assert_trials(PbxStore *store, PbxFeasible feasible)
{
    g_autoptr(PbxTrialRow) first = store_trial(store, 0, NULL);
    g_assert_nonnull(first);
    g_assert_cmpstr(first->config, ==, "{\"x\":1}");
    g_assert_cmpfloat(first->x[0], ==, 1);
    g_assert_cmpint(first->feasible, ==, feasible);
    g_assert_cmpuint(first->queued, ==, 0);
    g_assert_false(first->held);
    g_assert_null(first->source);
    g_assert_cmpuint(first->replaced_by, ==, 0);
    guint64 counts[5];
    g_assert_true(store_counts(store, counts, NULL));
    const guint64 expected[5] = {1, 0, 0, 1, 0};
    g_assert_cmpmem(counts, sizeof counts, expected, sizeof expected);
}

static void
assert_whole(PbxStore *store, PbxFeasible feasible)
{
    g_autoptr(GError) error = NULL;
    int version = 0;
    g_assert_true(store_read_int(store, "PRAGMA user_version", &version, NULL));
    g_assert_cmpint(version, ==, STORE_SCHEMA_VERSION);
    assert_trials(store, feasible);
    g_auto(PbxAttemptRow) attempt = {0};
    g_assert_true(store_attempt(store, 0, 1, &attempt, NULL));
    g_assert_cmpint(attempt.pid, ==, 99);
    g_assert_cmpuint(attempt.start_n, ==, 0);
    g_assert_cmpint(attempt.start_episodes, ==, -1);
    g_assert_cmpuint(attempt.checkpoint, ==, 0);
    g_autoptr(GString) results = g_string_new(NULL);
    g_assert_true(store_each_result(store, 0, append_result, results, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(results->str, ==, "4:3:{\"loss\":3} 5:4:{\"loss\":4} ");
    g_auto(PbxBlobFacts) facts = {0};
    g_autoptr(GBytes) blob = store_blob(store, "search", &facts, NULL);
    g_assert_cmpmem(g_bytes_get_data(blob, NULL), g_bytes_get_size(blob), "\1\2", 2);
    g_assert_cmpuint(facts.input, ==, 0);
    g_assert_cmpuint(store_cursor(store, "loggers[0]"), ==, 4);
    g_autofree char *name = store_fact(store, "name");
    g_assert_cmpstr(name, ==, "old");
    g_assert_cmpuint(store_last_checkpoint(store), ==, 0);
    g_assert_cmpuint(store_last_input(store), ==, 0);
}

/* A trial of old goes on: its row is written anew, now with a sum. */
static void
assert_goes_on(PbxStore *store)
{
    g_autoptr(PbxTrialRow) row = store_trial(store, 1, NULL);
    row->state = PBX_STATE_RUNNING;
    row->attempts = 1;
    row->queued = 6;
    g_assert_true(store_begin(store, NULL));
    g_assert_true(store_put_trial(store, row, NULL));
    g_assert_true(store_commit(store, NULL));
    int n = 0;
    g_assert_true(store_read_int(store, "SELECT count(*) FROM trial WHERE sum NOT NULL", &n, NULL));
    g_assert_cmpint(n, ==, 1);
    g_autoptr(PbxTrialRow) again = store_trial(store, 1, NULL);
    g_assert_cmpuint(again->queued, ==, 6);
}

/* Its old rows are read by whoever opens it later, too. */
static void
assert_read_again(const char *dir)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxStore) reader = store_open(dir, FALSE, &error);
    g_assert_no_error(error);
    g_autoptr(PbxTrialRow) row = store_trial(reader, 0, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(row->id, ==, "a1_00000");
}

static void
test_writer(Fixture *fixture, gconstpointer schema)
{
    g_autoptr(GError) error = NULL;
    make(fixture, schema_1, schema);
    fixture->store = store_open(fixture->dir, TRUE, &error);
    g_assert_no_error(error);
    assert_whole(fixture->store, schema == to_schema_2 ? FEASIBLE_NO : FEASIBLE_NONE);
    assert_goes_on(fixture->store);
    assert_read_again(fixture->dir);
}

static void
test_reader(Fixture *fixture, gconstpointer schema)
{
    g_autoptr(GError) error = NULL;
    make(fixture, schema_1, schema);
    fixture->store = store_open(fixture->dir, FALSE, &error);
    g_assert_no_error(error);
    assert_whole(fixture->store, schema == to_schema_2 ? FEASIBLE_NO : FEASIBLE_NONE);
}

/* What has been brought up to date is what a new one is. */
static void
test_same_tables(Fixture *fixture, gconstpointer schema)
{
    static const char sql[] = "SELECT group_concat(t.name || '.' || c.name || ' ' || c.type || ' ' "
                              "|| c.'notnull' || ' ' || c.pk, char(10)) FROM sqlite_schema AS t, "
                              "pragma_table_info(t.name) AS c WHERE t.type IN ('table', 'index')";
    char *tables[2];
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *s = NULL;
        g_assert_cmpint(sqlite3_prepare_v2(fixture->store->db, sql, -1, &s, NULL), ==, SQLITE_OK);
        g_assert_cmpint(sqlite3_step(s), ==, SQLITE_ROW);
        tables[i] = g_strdup((const char *)sqlite3_column_text(s, 0));
        sqlite3_finalize(s);
        make(fixture, schema_1, schema);
        fixture->store = store_open(fixture->dir, TRUE, NULL);
    }
    g_assert_cmpstr(tables[0], ==, tables[1]);
    g_free(tables[0]);
    g_free(tables[1]);
}

#define ADD(PATH, SCHEMA, TEST)                                                                    \
    g_test_add(PATH, Fixture, SCHEMA, fixture_set_up, TEST, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/store/migrate/schema-1-by-a-writer", "", test_writer);
    ADD("/store/migrate/schema-1-by-a-reader", "", test_reader);
    ADD("/store/migrate/schema-1-to-the-same-tables", "", test_same_tables);
    ADD("/store/migrate/schema-2-by-a-writer", to_schema_2, test_writer);
    ADD("/store/migrate/schema-2-by-a-reader", to_schema_2, test_reader);
    ADD("/store/migrate/schema-2-to-the-same-tables", to_schema_2, test_same_tables);
    return g_test_run();
}
