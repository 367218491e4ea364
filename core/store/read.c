/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading rows. What a callback is given points into SQLite's memory; what is returned is
 * copied. */
#include <math.h>
#include <string.h>

#include "store/store-private.h"

/* ---- Columns; NULL becomes what the header calls unknown ---- */

static char *
text_of(sqlite3_stmt *statement, int column)
{
    return (char *)sqlite3_column_text(statement, column);
}

static gint64
int_of(sqlite3_stmt *statement, int column, gint64 none)
{
    return sqlite3_column_type(statement, column) == SQLITE_NULL
               ? none
               : sqlite3_column_int64(statement, column);
}

static double
double_of(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_type(statement, column) == SQLITE_NULL
               ? NAN
               : sqlite3_column_double(statement, column);
}

static guint
word_of(sqlite3_stmt *statement, int column, const char *const *words, guint none)
{
    const char *text = text_of(statement, column);
    for (guint i = 0; text != NULL && words[i] != NULL; i++) {
        if (strcmp(text, words[i]) == 0)
            return i;
    }
    return none;
}

static PbxFeasible
feasible_of(sqlite3_stmt *statement, int column)
{
    const gint64 number = int_of(statement, column, -1);
    return number < 0 ? FEASIBLE_NONE : number > 0 ? FEASIBLE_YES : FEASIBLE_NO;
}

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

/* Texts are borrowed from the statement, x is owned. */
static void
read_trial(sqlite3_stmt *s, PbxTrialRow *row)
{
    *row = (PbxTrialRow){
        .number = (guint64)sqlite3_column_int64(s, 0),
        .id = text_of(s, 1),
        .name = text_of(s, 2),
        .tag = text_of(s, 3),
        .dir = text_of(s, 4),
        .state = word_of(s, 5, store_states, 0),
        .end = (int)word_of(s, 6, store_ends, G_MAXUINT),
        .config = text_of(s, 7),
        .ask = (guint64)int_of(s, 9, -1),
        .origin = (guint64)int_of(s, 10, 0),
        .extra = text_of(s, 11),
        .attempts = (guint)sqlite3_column_int64(s, 12),
        .failures = (guint)sqlite3_column_int64(s, 13),
        .reason = text_of(s, 14),
        .error = text_of(s, 15),
        .created_ns = int_of(s, 16, -1),
        .started_ns = int_of(s, 17, -1),
        .ended_ns = int_of(s, 18, -1),
        .n_results = (guint64)sqlite3_column_int64(s, 19),
        .iteration = int_of(s, 20, -1),
        .time_total_s = double_of(s, 21),
        .value = double_of(s, 22),
        .best = double_of(s, 23),
        .last_seq = (guint64)int_of(s, 24, 0),
        .rung = (guint)int_of(s, 25, G_MAXUINT32),
        .bracket = (guint)int_of(s, 26, G_MAXUINT32),
        .feasible = feasible_of(s, 27),
    };
    row->x = point_of(s, 8, &row->n_dims);
}

static void
read_result_at(sqlite3_stmt *s, int first, PbxResultRow *row)
{
    *row = (PbxResultRow){
        .seq = (guint64)sqlite3_column_int64(s, first),
        .trial = (guint64)sqlite3_column_int64(s, first + 1),
        .attempt = (guint)sqlite3_column_int64(s, first + 2),
        .n = (guint64)sqlite3_column_int64(s, first + 3),
        .iteration = int_of(s, first + 4, -1),
        .at_ns = int_of(s, first + 5, -1),
        .time_this_iter_s = double_of(s, first + 6),
        .time_total_s = double_of(s, first + 7),
        .timesteps_total = int_of(s, first + 8, -1),
        .episodes_total = int_of(s, first + 9, -1),
        .done = sqlite3_column_int(s, first + 10) != 0,
        .value = double_of(s, first + 11),
        .fields = text_of(s, first + 12),
        .action = word_of(s, first + 13, store_actions, 0),
        .rung = (guint)int_of(s, first + 14, G_MAXUINT32),
        .feasible = feasible_of(s, first + 15),
    };
}

static void
read_result(sqlite3_stmt *s, PbxResultRow *row)
{
    read_result_at(s, 0, row);
}

/* ---- Single values and rows ---- */

/* Steps once. *found: whether there is a row. FALSE with error. */
static gboolean
step(PbxStore *store, sqlite3_stmt *statement, gboolean *found, GError **error)
{
    const int code = sqlite3_step(statement);
    *found = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE || store_fail(store, error);
}

char *
store_fact(PbxStore *store, const char *key)
{
    sqlite3_stmt *s =
        store_statement(store, STATEMENT_FACT, "SELECT value FROM fact WHERE key = ?", NULL);
    if (s == NULL)
        return NULL;
    sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    char *value = sqlite3_step(s) == SQLITE_ROW ? g_strdup(text_of(s, 0)) : NULL;
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
        store_statement(store, STATEMENT_CURSOR, "SELECT seq FROM cursor WHERE slot = ?", NULL);
    if (s == NULL)
        return 0;
    sqlite3_bind_text(s, 1, slot, -1, SQLITE_STATIC);
    return read_number(s);
}

guint64
store_file(PbxStore *store, const char *slot, guint64 trial, const char *name)
{
    sqlite3_stmt *s =
        store_statement(store, STATEMENT_FILE,
                        "SELECT length FROM file WHERE slot = ? AND trial = ? AND name = ?", NULL);
    if (s == NULL)
        return 0;
    sqlite3_bind_text(s, 1, slot, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, (gint64)trial);
    sqlite3_bind_text(s, 3, name, -1, SQLITE_STATIC);
    return read_number(s);
}

GBytes *
store_blob(PbxStore *store, const char *slot, guint32 *state_version, GError **error)
{
    sqlite3_stmt *s = store_statement(
        store, STATEMENT_BLOB, "SELECT state_version, state FROM decider WHERE slot = ?", error);
    if (s == NULL)
        return NULL;
    sqlite3_bind_text(s, 1, slot, -1, SQLITE_STATIC);
    gboolean found = FALSE;
    GBytes *bytes = NULL;
    if (step(store, s, &found, error) && found) {
        if (state_version != NULL)
            *state_version = (guint32)sqlite3_column_int64(s, 0);
        bytes = g_bytes_new(sqlite3_column_blob(s, 1), (gsize)sqlite3_column_bytes(s, 1));
    }
    store_done(s);
    return bytes;
}

/* The trial that a bound statement finds, or NULL. */
static PbxTrialRow *
take_trial(PbxStore *store, sqlite3_stmt *s, GError **error)
{
    gboolean found = FALSE;
    PbxTrialRow *copy = NULL;
    if (step(store, s, &found, error) && found) {
        PbxTrialRow row;
        read_trial(s, &row);
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
    if (step(store, s, &found, error) && found)
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

gboolean
store_attempt(PbxStore *store, guint64 trial, guint attempt, PbxAttemptRow *row, GError **error)
{
    sqlite3_stmt *s = store_statement(
        store, STATEMENT_ATTEMPT,
        "SELECT " STORE_ATTEMPT_COLUMNS " FROM attempt WHERE trial = ? AND attempt = ?", error);
    if (s == NULL)
        return FALSE;
    sqlite3_bind_int64(s, 1, (gint64)trial);
    sqlite3_bind_int64(s, 2, attempt);
    gboolean found = FALSE;
    if (step(store, s, &found, error) && found)
        *row = (PbxAttemptRow){
            .trial = trial,
            .attempt = attempt,
            .hostname = g_strdup(text_of(s, 2)),
            .node_ip = g_strdup(text_of(s, 3)),
            .pid = int_of(s, 4, -1),
            .start_iteration = int_of(s, 5, -1),
            .start_time_s = double_of(s, 6),
            .start_timesteps = int_of(s, 7, -1),
            .started_ns = int_of(s, 8, -1),
            .ended_ns = int_of(s, 9, -1),
            .error = g_strdup(text_of(s, 10)),
        };
    store_done(s);
    return found;
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
    PbxResultRow *row = NULL;
    if (step(store, s, &found, error) && found) {
        row = g_new0(PbxResultRow, 1);
        read_result(s, row);
        row->fields = g_strdup(row->fields);
    }
    store_done(s);
    return row;
}

gboolean
store_counts(PbxStore *store, guint64 counts[5], GError **error)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(store->db, "SELECT state, count(*) FROM trial GROUP BY state", -1, &s,
                           NULL) != SQLITE_OK)
        return store_fail(store, error);
    guint64 read[5] = {0};
    gboolean found = TRUE, ok = TRUE;
    while ((ok = step(store, s, &found, error)) && found) {
        const guint state = word_of(s, 0, store_states, 0);
        read[state] += (guint64)sqlite3_column_int64(s, 1);
    }
    sqlite3_finalize(s);
    if (ok)
        memcpy(counts, read, sizeof read);
    return ok;
}

/* ---- Many rows ---- */

gboolean
store_each_trial(PbxStore *store, PbxTrialFunc func, gpointer user, GError **error)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(store->db, "SELECT " STORE_TRIAL_COLUMNS " FROM trial ORDER BY number",
                           -1, &s, NULL) != SQLITE_OK)
        return store_fail(store, error);
    gboolean found = TRUE, ok = TRUE, more = TRUE;
    while (more && (ok = step(store, s, &found, error)) && found) {
        PbxTrialRow row;
        read_trial(s, &row);
        more = func(&row, user);
        g_free(row.x);
    }
    sqlite3_finalize(s);
    return ok;
}

gboolean
store_sorts_by(const char *column)
{
    static const char *const numbers[] = {
        "number",    "attempts", "failures", "created_ns", "started_ns", "ended_ns",     "results",
        "iteration", "value",    "best",     "rung",       "bracket",    "time_total_s", NULL,
    };
    return g_strv_contains(numbers, column);
}

/* Sorts the numbers alone: rows are long, and few of them will be asked for. */
gboolean
store_each_trial_by(PbxStore *store, const char *column, gboolean descending, guint limit,
                    PbxTrialFunc func, gpointer user, GError **error)
{
    /* An infinite value is as good as none. */
    g_autofree char *sql = g_strdup_printf(
        "SELECT number FROM trial ORDER BY iif(abs(%s) < 9e999, %s, NULL) %s NULLS LAST, number "
        "LIMIT %" G_GINT64_FORMAT,
        column, column, descending ? "DESC" : "ASC", limit > 0 ? (gint64)limit : -(gint64)1);
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &s, NULL) != SQLITE_OK)
        return store_fail(store, error);
    gboolean found = TRUE, ok = TRUE, more = TRUE;
    while (more && (ok = step(store, s, &found, error)) && found) {
        g_autoptr(GError) failed = NULL;
        g_autoptr(PbxTrialRow) row =
            store_trial(store, (guint64)sqlite3_column_int64(s, 0), &failed);
        if (failed != NULL) {
            g_propagate_error(error, g_steal_pointer(&failed));
            ok = FALSE;
            break;
        }
        more = row == NULL || func(row, user);
    }
    sqlite3_finalize(s);
    return ok;
}

gboolean
store_each_score(PbxStore *store, PbxScoreFunc func, gpointer user, GError **error)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(store->db,
                           "SELECT number, value, best, feasible FROM trial "
                           "WHERE outcome IS NOT 'void' ORDER BY number",
                           -1, &s, NULL) != SQLITE_OK)
        return store_fail(store, error);
    gboolean found = TRUE, ok = TRUE, more = TRUE;
    while (more && (ok = step(store, s, &found, error)) && found) {
        const PbxScoreRow row = {
            .trial = (guint64)sqlite3_column_int64(s, 0),
            .value = double_of(s, 1),
            .best = double_of(s, 2),
            .feasible = feasible_of(s, 3),
        };
        more = func(&row, user);
    }
    sqlite3_finalize(s);
    return ok;
}

gboolean
store_each_result(PbxStore *store, guint64 trial, PbxResultFunc func, gpointer user, GError **error)
{
    /* Asked for trial after trial: preparing it would take longer than reading. */
    sqlite3_stmt *s = store_statement(
        store, STATEMENT_RESULTS,
        "SELECT " STORE_RESULT_COLUMNS " FROM result WHERE trial = ? ORDER BY attempt, n", error);
    if (s == NULL)
        return FALSE;
    sqlite3_bind_int64(s, 1, (gint64)trial);
    gboolean found = TRUE, ok = TRUE, more = TRUE;
    while (more && (ok = step(store, s, &found, error)) && found) {
        PbxResultRow row;
        read_result(s, &row);
        more = func(&row, user);
    }
    store_done(s);
    return ok;
}

gboolean
store_each_event(PbxStore *store, guint64 after, guint limit, PbxEventFunc func, gpointer user,
                 GError **error)
{
    sqlite3_stmt *s = store_statement(store, STATEMENT_EVENTS,
                                      "SELECT e.seq, type, e.at_ns, e.trial, e.attempt, text, "
                                      "r.* FROM event AS e "
                                      "LEFT JOIN (SELECT " STORE_RESULT_COLUMNS
                                      " FROM result) AS r ON r.seq = e.seq "
                                      "WHERE e.seq > ? ORDER BY e.seq LIMIT ?",
                                      error);
    if (s == NULL)
        return FALSE;
    sqlite3_bind_int64(s, 1, (gint64)after);
    sqlite3_bind_int64(s, 2, limit);
    gboolean found = TRUE, ok = TRUE, more = TRUE;
    while (more && (ok = step(store, s, &found, error)) && found) {
        PbxResultRow result;
        const gboolean has_result = sqlite3_column_type(s, 6) != SQLITE_NULL;
        if (has_result)
            read_result_at(s, 6, &result);
        const PbxEventRow row = {
            .seq = (guint64)sqlite3_column_int64(s, 0),
            .type = word_of(s, 1, store_events, G_MAXUINT),
            .at_ns = int_of(s, 2, -1),
            .trial = (guint64)int_of(s, 3, -1),
            .attempt = (guint)int_of(s, 4, 0),
            .text = text_of(s, 5),
        };
        more = func(&row, has_result ? &result : NULL, user);
    }
    store_done(s);
    return ok;
}
