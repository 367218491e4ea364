/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading rows. What a callback is given points into SQLite's memory; what is returned is
 * copied. */
#include <math.h>
#include <string.h>

#include "store/row-private.h"

/* ---- Columns ---- */

/* (transfer full): a blob need not be aligned. */
static double *
point_of(sqlite3_stmt *statement, int column, guint *n)
{
    const void *blob = sqlite3_column_blob(statement, column);
    *n = (guint)((gsize)sqlite3_column_bytes(statement, column) / sizeof(double));
    if (blob == NULL || *n == 0)
        return NULL;
    double *x = g_new(double, *n);
    memcpy(x, blob, *n * sizeof *x);
    for (guint i = 0; i < *n; i++) {
        guint64 bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits = GUINT64_FROM_LE(bits);
        memcpy(&x[i], &bits, sizeof bits);
    }
    return x;
}

void
row_take_trial(sqlite3_stmt *s, PbxTrialRow *row)
{
    *row = (PbxTrialRow){
        .number = (guint64)sqlite3_column_int64(s, 0),
        .id = row_text(s, 1),
        .name = row_text(s, 2),
        .tag = row_text(s, 3),
        .dir = row_text(s, 4),
        .state = row_word(s, 5, store_states, 0),
        .end = (int)row_word(s, 6, store_ends, G_MAXUINT),
        .config = row_text(s, 7),
        .ask = (guint64)row_int(s, 9, -1),
        .origin = (guint64)row_int(s, 10, 0),
        .extra = row_text(s, 11),
        .attempts = (guint)sqlite3_column_int64(s, 12),
        .failures = (guint)sqlite3_column_int64(s, 13),
        .reason = row_text(s, 14),
        .error = row_text(s, 15),
        .created_ns = row_int(s, 16, -1),
        .started_ns = row_int(s, 17, -1),
        .ended_ns = row_int(s, 18, -1),
        .n_results = (guint64)sqlite3_column_int64(s, 19),
        .iteration = row_int(s, 20, -1),
        .time_total_s = row_double(s, 21),
        .value = row_double(s, 22),
        .best = row_double(s, 23),
        .last_seq = (guint64)row_int(s, 24, 0),
        .rung = (guint)row_int(s, 25, G_MAXUINT32),
        .bracket = (guint)row_int(s, 26, G_MAXUINT32),
        .feasible = row_feasible(s, 27),
        .queued = (guint64)row_int(s, 28, 0),
        .held = row_int(s, 29, 0) != 0,
        .source = row_text(s, 30),
        .replaced_by = (guint64)row_int(s, 31, 0),
    };
    row->x = point_of(s, 8, &row->n_dims);
}

gboolean
row_read_trial(PbxStore *store, sqlite3_stmt *s, PbxTrialRow *row, GError **error)
{
    if (!row_check(store, s, 0, STORE_TRIAL_SUMMED, "trial", 1, error))
        return FALSE;
    row_take_trial(s, row);
    return TRUE;
}

void
row_take_result(sqlite3_stmt *s, int first, PbxResultRow *row)
{
    *row = (PbxResultRow){
        .seq = (guint64)sqlite3_column_int64(s, first),
        .trial = (guint64)sqlite3_column_int64(s, first + 1),
        .attempt = (guint)sqlite3_column_int64(s, first + 2),
        .n = (guint64)sqlite3_column_int64(s, first + 3),
        .iteration = row_int(s, first + 4, -1),
        .at_ns = row_int(s, first + 5, -1),
        .time_this_iter_s = row_double(s, first + 6),
        .time_total_s = row_double(s, first + 7),
        .timesteps_total = row_int(s, first + 8, -1),
        .episodes_total = row_int(s, first + 9, -1),
        .done = sqlite3_column_int(s, first + 10) != 0,
        .value = row_double(s, first + 11),
        .fields = row_text(s, first + 12),
        .action = row_word(s, first + 13, store_actions, 0),
        .rung = (guint)row_int(s, first + 14, G_MAXUINT32),
        .feasible = row_feasible(s, first + 15),
    };
}

gboolean
row_read_result(PbxStore *store, sqlite3_stmt *s, int first, PbxResultRow *row, GError **error)
{
    if (!row_check(store, s, first, STORE_RESULT_SUMMED, "result", 1, error))
        return FALSE;
    row_take_result(s, first, row);
    return TRUE;
}

/* ---- Single values and rows ---- */

char *
store_fact(PbxStore *store, const char *key)
{
    sqlite3_stmt *s = store_statement(
        store, STATEMENT_FACT, "SELECT " STORE_FACT_COLUMNS " FROM fact WHERE key = ?", NULL);
    if (s == NULL)
        return NULL;
    sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    /* Opening has told of those that are damaged. */
    const gboolean whole =
        sqlite3_step(s) == SQLITE_ROW && row_check(store, s, 0, STORE_FACT_SUMMED, "fact", 1, NULL);
    char *value = whole ? g_strdup(row_text(s, 1)) : NULL;
    store_done(s);
    return value;
}

static guint64
read_number(sqlite3_stmt *s)
{
    const guint64 value = sqlite3_step(s) == SQLITE_ROW ? (guint64)sqlite3_column_int64(s, 0) : 0;
    store_done(s);
    return value;
}

/* The last of the summed columns; 0 where the row is damaged. */
static guint64
read_whole_number(PbxStore *store, sqlite3_stmt *s, const char *table, int n_keys, int n_summed)
{
    const gboolean whole =
        sqlite3_step(s) == SQLITE_ROW && row_check(store, s, 0, n_summed, table, n_keys, NULL);
    const guint64 value = whole ? (guint64)sqlite3_column_int64(s, n_summed - 1) : 0;
    store_done(s);
    return value;
}

guint64
store_last_seq(PbxStore *store)
{
    sqlite3_stmt *s = store_statement(store, STATEMENT_LAST_SEQ,
                                      "SELECT max(ifnull((SELECT max(seq) FROM event), 0), "
                                      "ifnull((SELECT max(seq) FROM result), 0))",
                                      NULL);
    return s != NULL ? read_number(s) : 0;
}

int
store_data_version(PbxStore *store)
{
    sqlite3_stmt *s = store_statement(store, STATEMENT_DATA_VERSION, "PRAGMA data_version", NULL);
    const int version = s != NULL && sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int(s, 0) : -1;
    if (s != NULL)
        store_done(s);
    return version;
}

guint64
store_n_trials(PbxStore *store)
{
    sqlite3_stmt *s = store_statement(store, STATEMENT_N_TRIALS,
                                      "SELECT ifnull(max(number) + 1, 0) FROM trial", NULL);
    return s != NULL ? read_number(s) : 0;
}

guint64
store_next_ask(PbxStore *store)
{
    sqlite3_stmt *s = store_statement(store, STATEMENT_NEXT_ASK,
                                      "SELECT ask + 1 FROM trial WHERE ask IS NOT NULL "
                                      "ORDER BY number DESC LIMIT 1",
                                      NULL);
    return s != NULL ? read_number(s) : 0;
}

guint64
store_cursor(PbxStore *store, const char *slot)
{
    sqlite3_stmt *s =
        store_statement(store, STATEMENT_CURSOR,
                        "SELECT " STORE_CURSOR_COLUMNS " FROM cursor WHERE slot = ?", NULL);
    if (s == NULL)
        return 0;
    sqlite3_bind_text(s, 1, slot, -1, SQLITE_STATIC);
    return read_whole_number(store, s, "cursor", 1, STORE_CURSOR_SUMMED);
}

guint64
store_file(PbxStore *store, const char *slot, guint64 trial, const char *name)
{
    sqlite3_stmt *s = store_statement(
        store, STATEMENT_FILE,
        "SELECT " STORE_FILE_COLUMNS " FROM file WHERE slot = ? AND trial = ? AND name = ?", NULL);
    if (s == NULL)
        return 0;
    sqlite3_bind_text(s, 1, slot, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, (gint64)trial);
    sqlite3_bind_text(s, 3, name, -1, SQLITE_STATIC);
    return read_whole_number(store, s, "file", 3, STORE_FILE_SUMMED);
}

/* The trial that a bound statement finds, or NULL. */
static PbxTrialRow *
take_trial(PbxStore *store, sqlite3_stmt *s, GError **error)
{
    gboolean found = FALSE;
    PbxTrialRow *copy = NULL;
    PbxTrialRow row;
    if (row_step(store, s, &found, error) && found && row_read_trial(store, s, &row, error)) {
        copy = trial_row_copy(&row);
        g_free(row.x);
    }
    store_done(s);
    return copy;
}

PbxTrialRow *
store_trial(PbxStore *store, guint64 number, GError **error)
{
    sqlite3_stmt *s =
        store_statement(store, STATEMENT_TRIAL,
                        "SELECT " STORE_TRIAL_COLUMNS " FROM trial WHERE number = ?", error);
    if (s == NULL)
        return NULL;
    sqlite3_bind_int64(s, 1, (gint64)number);
    return take_trial(store, s, error);
}

gboolean
store_trial_of_config(PbxStore *store, const char *config, guint64 *number, GError **error)
{
    sqlite3_stmt *s =
        store_statement(store, STATEMENT_OF_CONFIG,
                        "SELECT number FROM trial WHERE config = ? AND outcome IS NOT 'void' "
                        "ORDER BY number LIMIT 1",
                        error);
    if (s == NULL)
        return FALSE;
    gboolean found = FALSE;
    sqlite3_bind_text(s, 1, config, -1, SQLITE_STATIC);
    if (row_step(store, s, &found, error) && found)
        *number = (guint64)sqlite3_column_int64(s, 0);
    store_done(s);
    return found;
}

PbxTrialRow *
store_oldest_trial(PbxStore *store, guint state, GError **error)
{
    sqlite3_stmt *s = store_statement(store, STATEMENT_OLDEST,
                                      "SELECT " STORE_TRIAL_COLUMNS " FROM trial WHERE state = ? "
                                      "ORDER BY ask IS NOT NULL, number LIMIT 1",
                                      error);
    if (s == NULL)
        return NULL;
    sqlite3_bind_text(s, 1, store_states[state], -1, SQLITE_STATIC);
    return take_trial(store, s, error);
}

static PbxTrialRow *
trial_by_text(PbxStore *store, PbxStatement which, const char *sql, const char *text,
              GError **error)
{
    sqlite3_stmt *s = store_statement(store, which, sql, error);
    if (s == NULL)
        return NULL;
    sqlite3_bind_text(s, 1, text, -1, SQLITE_STATIC);
    return take_trial(store, s, error);
}

PbxTrialRow *
store_find_trial(PbxStore *store, const char *trial, GError **error)
{
    g_autoptr(GError) failed = NULL;
    PbxTrialRow *row = NULL;
    guint64 number = 0;
    if (g_ascii_string_to_unsigned(trial, 10, 0, G_MAXINT64, &number, NULL))
        row = store_trial(store, number, &failed);
    if (row == NULL && failed == NULL)
        row =
            trial_by_text(store, STATEMENT_TRIAL_BY_ID,
                          "SELECT " STORE_TRIAL_COLUMNS " FROM trial WHERE id = ?", trial, &failed);
    if (row == NULL && failed == NULL)
        row = trial_by_text(store, STATEMENT_TRIAL_BY_NAME,
                            "SELECT " STORE_TRIAL_COLUMNS " FROM trial WHERE name = ? "
                            "ORDER BY number LIMIT 1",
                            trial, &failed);
    if (failed != NULL)
        g_propagate_error(error, g_steal_pointer(&failed));
    return row;
}

/* Texts are borrowed. */
void
row_take_attempt(sqlite3_stmt *s, PbxAttemptRow *row)
{
    *row = (PbxAttemptRow){
        .trial = (guint64)sqlite3_column_int64(s, 0),
        .attempt = (guint)sqlite3_column_int64(s, 1),
        .hostname = row_text(s, 2),
        .node_ip = row_text(s, 3),
        .pid = row_int(s, 4, -1),
        .start_iteration = row_int(s, 5, -1),
        .start_time_s = row_double(s, 6),
        .start_timesteps = row_int(s, 7, -1),
        .started_ns = row_int(s, 8, -1),
        .ended_ns = row_int(s, 9, -1),
        .error = row_text(s, 10),
        .start_n = (guint64)row_int(s, 11, 0),
        .start_episodes = row_int(s, 12, -1),
        .checkpoint = (guint64)row_int(s, 13, 0),
    };
}

gboolean
store_find_attempt(PbxStore *store, guint64 trial, guint attempt, PbxAttemptRow *row,
                   GError **error)
{
    sqlite3_stmt *s = store_statement(
        store, STATEMENT_ATTEMPT,
        "SELECT " STORE_ATTEMPT_COLUMNS " FROM attempt WHERE trial = ? AND attempt = ?", error);
    if (s == NULL)
        return FALSE;
    sqlite3_bind_int64(s, 1, (gint64)trial);
    sqlite3_bind_int64(s, 2, attempt);
    gboolean found = FALSE;
    if (!row_step(store, s, &found, error) ||
        (found && !row_check(store, s, 0, STORE_ATTEMPT_SUMMED, "attempt", 2, error)))
        found = FALSE;
    if (found) {
        row_take_attempt(s, row);
        row->hostname = g_strdup(row->hostname);
        row->node_ip = g_strdup(row->node_ip);
        row->error = g_strdup(row->error);
    }
    store_done(s);
    return found;
}

gboolean
store_attempt(PbxStore *store, guint64 trial, guint attempt, PbxAttemptRow *row, GError **error)
{
    g_autoptr(GError) failed = NULL;
    if (store_find_attempt(store, trial, attempt, row, &failed))
        return TRUE;
    if (failed != NULL)
        g_propagate_error(error, g_steal_pointer(&failed));
    else
        row_set_damaged(store, error, "attempt %" G_GUINT64_FORMAT "/%u is missing", trial,
                        attempt);
    return FALSE;
}

PbxResultRow *
store_result(PbxStore *store, guint64 seq, GError **error)
{
    sqlite3_stmt *s =
        store_statement(store, STATEMENT_RESULT,
                        "SELECT " STORE_RESULT_COLUMNS " FROM result WHERE seq = ?", error);
    if (s == NULL)
        return NULL;
    sqlite3_bind_int64(s, 1, (gint64)seq);
    gboolean found = FALSE;
    PbxResultRow row, *copy = NULL;
    if (!row_step(store, s, &found, error)) {
        store_done(s);
        return NULL;
    }
    if (!found)
        row_set_damaged(store, error, "result %" G_GUINT64_FORMAT " is missing", seq);
    else if (row_read_result(store, s, 0, &row, error)) {
        row.fields = g_strdup(row.fields);
        copy = g_memdup2(&row, sizeof row);
    }
    store_done(s);
    return copy;
}
