/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing rows. On the driver's hot path: statements are prepared once, texts are bound
 * without a copy. */
#include <math.h>
#include <string.h>

#include "store/store-private.h"

/* ---- Binding; what is unknown becomes NULL ---- */

static void
bind_text(sqlite3_stmt *statement, int column, const char *text)
{
    if (text != NULL)
        sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, column);
}

static void
bind_word(sqlite3_stmt *statement, int column, const char *const *words, guint n_words, guint i)
{
    bind_text(statement, column, i < n_words ? words[i] : NULL);
}

/* Binds NULL where the value is `none`. */
static void
bind_int(sqlite3_stmt *statement, int column, gint64 value, gint64 none)
{
    if (value != none)
        sqlite3_bind_int64(statement, column, value);
    else
        sqlite3_bind_null(statement, column);
}

static void
bind_time(sqlite3_stmt *statement, int column, gint64 ns)
{
    bind_int(statement, column, MAX(ns, 0), 0);
}

static void
bind_rung(sqlite3_stmt *statement, int column, guint rung)
{
    bind_int(statement, column, rung, G_MAXUINT32);
}

static void
bind_feasible(sqlite3_stmt *statement, int column, PbxFeasible feasible)
{
    bind_int(statement, column, feasible == FEASIBLE_NONE ? -1 : feasible == FEASIBLE_YES, -1);
}

/* A point as little-endian doubles. `copy` must live until the statement has run. */
static void
bind_point(sqlite3_stmt *statement, int column, const double *x, guint n, guint64 **copy)
{
    const guint64 size = (guint64)n * sizeof(double);
    if (n == 0) {
        sqlite3_bind_null(statement, column);
        return;
    }
    if (G_BYTE_ORDER == G_LITTLE_ENDIAN) {
        sqlite3_bind_blob64(statement, column, x, size, SQLITE_STATIC);
        return;
    }
    *copy = g_new(guint64, n);
    memcpy(*copy, x, size);
    for (guint i = 0; i < n; i++)
        (*copy)[i] = GUINT64_TO_LE((*copy)[i]);
    sqlite3_bind_blob64(statement, column, *copy, size, SQLITE_STATIC);
}

/* ---- Rows ---- */

gboolean
store_put_trial(PbxStore *store, const PbxTrialRow *row, GError **error)
{
    sqlite3_stmt *s =
        store_statement(store, STATEMENT_PUT_TRIAL,
                        "REPLACE INTO trial (" STORE_TRIAL_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, "
                        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        error);
    if (s == NULL)
        return FALSE;
    g_autofree guint64 *copy = NULL;
    sqlite3_bind_int64(s, 1, (gint64)row->number);
    bind_text(s, 2, row->id);
    bind_text(s, 3, row->name);
    bind_text(s, 4, row->tag);
    bind_text(s, 5, row->dir);
    bind_word(s, 6, store_states, 5, row->state);
    bind_word(s, 7, store_ends, 6, (guint)row->end);
    bind_text(s, 8, row->config);
    bind_point(s, 9, row->x, row->n_dims, &copy);
    bind_int(s, 10, (gint64)row->ask, -1);
    sqlite3_bind_int64(s, 11, (gint64)row->origin);
    bind_text(s, 12, row->extra);
    sqlite3_bind_int64(s, 13, row->attempts);
    sqlite3_bind_int64(s, 14, row->failures);
    bind_text(s, 15, row->reason);
    bind_text(s, 16, row->error);
    bind_time(s, 17, row->created_ns);
    bind_time(s, 18, row->started_ns);
    bind_time(s, 19, row->ended_ns);
    sqlite3_bind_int64(s, 20, (gint64)row->n_results);
    bind_int(s, 21, row->iteration, -1);
    sqlite3_bind_double(s, 22, row->time_total_s);
    sqlite3_bind_double(s, 23, row->value);
    sqlite3_bind_double(s, 24, row->best);
    bind_int(s, 25, (gint64)row->last_seq, 0);
    bind_rung(s, 26, row->rung);
    bind_rung(s, 27, row->bracket);
    bind_feasible(s, 28, row->feasible);
    return store_run(store, s, error);
}

gboolean
store_put_attempt(PbxStore *store, const PbxAttemptRow *row, GError **error)
{
    sqlite3_stmt *s = store_statement(store, STATEMENT_PUT_ATTEMPT,
                                      "REPLACE INTO attempt (" STORE_ATTEMPT_COLUMNS
                                      ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                      error);
    if (s == NULL)
        return FALSE;
    sqlite3_bind_int64(s, 1, (gint64)row->trial);
    sqlite3_bind_int64(s, 2, row->attempt);
    bind_text(s, 3, row->hostname);
    bind_text(s, 4, row->node_ip);
    bind_int(s, 5, row->pid, -1);
    bind_int(s, 6, row->start_iteration, -1);
    sqlite3_bind_double(s, 7, row->start_time_s);
    bind_int(s, 8, row->start_timesteps, -1);
    bind_time(s, 9, row->started_ns);
    bind_time(s, 10, row->ended_ns);
    bind_text(s, 11, row->error);
    return store_run(store, s, error);
}

gboolean
store_put_result(PbxStore *store, const PbxResultRow *row, GError **error)
{
    sqlite3_stmt *s = store_statement(store, STATEMENT_PUT_RESULT,
                                      "INSERT INTO result (" STORE_RESULT_COLUMNS
                                      ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                      error);
    if (s == NULL)
        return FALSE;
    sqlite3_bind_int64(s, 1, (gint64)row->seq);
    sqlite3_bind_int64(s, 2, (gint64)row->trial);
    sqlite3_bind_int64(s, 3, row->attempt);
    sqlite3_bind_int64(s, 4, (gint64)row->n);
    bind_int(s, 5, row->iteration, -1);
    bind_time(s, 6, row->at_ns);
    sqlite3_bind_double(s, 7, row->time_this_iter_s);
    sqlite3_bind_double(s, 8, row->time_total_s);
    bind_int(s, 9, row->timesteps_total, -1);
    bind_int(s, 10, row->episodes_total, -1);
    sqlite3_bind_int(s, 11, row->done ? 1 : 0);
    sqlite3_bind_double(s, 12, row->value);
    bind_text(s, 13, row->fields);
    bind_word(s, 14, store_actions, 4, row->action);
    bind_rung(s, 15, row->rung);
    bind_feasible(s, 16, row->feasible);
    return store_run(store, s, error);
}

gboolean
store_put_event(PbxStore *store, const PbxEventRow *row, GError **error)
{
    sqlite3_stmt *s = store_statement(
        store, STATEMENT_PUT_EVENT,
        "INSERT INTO event (" STORE_EVENT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?)", error);
    if (s == NULL)
        return FALSE;
    sqlite3_bind_int64(s, 1, (gint64)row->seq);
    bind_word(s, 2, store_events, 18, row->type);
    bind_time(s, 3, row->at_ns);
    bind_int(s, 4, (gint64)row->trial, -1);
    bind_int(s, 5, row->attempt, 0);
    bind_text(s, 6, row->text);
    return store_run(store, s, error);
}

gboolean
store_put_blob(PbxStore *store, const char *slot, const char *plugin, const char *version,
               guint32 state_version, gconstpointer bytes, gsize n, GError **error)
{
    sqlite3_stmt *s = store_statement(store, STATEMENT_PUT_BLOB,
                                      "REPLACE INTO decider (slot, plugin, version, "
                                      "state_version, state) VALUES (?, ?, ?, ?, ?)",
                                      error);
    if (s == NULL)
        return FALSE;
    bind_text(s, 1, slot);
    bind_text(s, 2, plugin);
    bind_text(s, 3, version);
    sqlite3_bind_int64(s, 4, state_version);
    sqlite3_bind_blob64(s, 5, n > 0 ? bytes : "", n, SQLITE_STATIC);
    return store_run(store, s, error);
}

gboolean
store_put_fact(PbxStore *store, const char *key, const char *value, GError **error)
{
    sqlite3_stmt *s = store_statement(store, STATEMENT_PUT_FACT,
                                      "REPLACE INTO fact (key, value) VALUES (?, ?)", error);
    if (s == NULL)
        return FALSE;
    bind_text(s, 1, key);
    bind_text(s, 2, value);
    return store_run(store, s, error);
}

gboolean
store_put_cursor(PbxStore *store, const char *slot, guint64 seq, GError **error)
{
    sqlite3_stmt *s = store_statement(store, STATEMENT_PUT_CURSOR,
                                      "REPLACE INTO cursor (slot, seq) VALUES (?, ?)", error);
    if (s == NULL)
        return FALSE;
    bind_text(s, 1, slot);
    sqlite3_bind_int64(s, 2, (gint64)seq);
    return store_run(store, s, error);
}

gboolean
store_put_file(PbxStore *store, const char *slot, guint64 trial, const char *name, guint64 length,
               GError **error)
{
    sqlite3_stmt *s =
        store_statement(store, STATEMENT_PUT_FILE,
                        "REPLACE INTO file (slot, trial, name, length) VALUES (?, ?, ?, ?)", error);
    if (s == NULL)
        return FALSE;
    bind_text(s, 1, slot);
    sqlite3_bind_int64(s, 2, (gint64)trial);
    bind_text(s, 3, name);
    sqlite3_bind_int64(s, 4, (gint64)length);
    return store_run(store, s, error);
}
