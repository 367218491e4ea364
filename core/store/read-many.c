/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading many rows. What a callback is given points into SQLite's memory. That none is missing is
 * seen to as well: the numbers of trials have no gaps, nor have those of an attempt's results. */
#include <pegbox/logger.h>
#include <string.h>

#include "store/row-private.h"
#include "store/status-row.h"

/* How many there are, by another tree than that of the rows. */
#define N_TRIALS "(SELECT count(*) FROM trial INDEXED BY trial_of_state)"

gboolean
store_counts(PbxStore *store, guint64 counts[5], GError **error)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(store->db,
                           "SELECT state, count(*), (SELECT max(number) FROM trial) FROM trial "
                           "GROUP BY state",
                           -1, &s, NULL) != SQLITE_OK)
        return store_fail(store, error);
    guint64 read[5] = {0}, n = 0, last = 0;
    gboolean found = TRUE, ok = TRUE;
    while ((ok = row_step(store, s, &found, error)) && found) {
        const guint state = row_word(s, 0, store_states, G_MAXUINT);
        const guint64 of_state = (guint64)sqlite3_column_int64(s, 1);
        last = (guint64)sqlite3_column_int64(s, 2);
        n += of_state;
        if (state < G_N_ELEMENTS(read))
            read[state] = of_state;
        else if (!(ok = row_set_damaged(store, error, "a trial has the state '%.20s'",
                                        row_text(s, 0))))
            break;
    }
    sqlite3_finalize(s);
    if (ok && n > 0 && n != last + 1)
        ok = row_set_damaged(store, error,
                             "there are %" G_GUINT64_FORMAT
                             " trials, but their numbers go up to %" G_GUINT64_FORMAT,
                             n, last);
    if (ok)
        memcpy(counts, read, sizeof read);
    return ok;
}

/* ---- Trials ---- */

/* Steps to the row with this number; those of trials have no gaps. */
static gboolean
step_to(PbxStore *store, sqlite3_stmt *s, guint64 number, gboolean *found, GError **error)
{
    if (!row_step(store, s, found, error))
        return FALSE;
    return !*found || (guint64)sqlite3_column_int64(s, 0) == number ||
           row_set_damaged(store, error, "there is no trial %" G_GUINT64_FORMAT, number);
}

/* FALSE: no more. */
typedef gboolean (*RowFunc)(sqlite3_stmt *s, gpointer func, gpointer user);

/* Gives each trial to `each`: `n` summed columns, the number first. */
static gboolean
walk_trials(PbxStore *store, const char *columns, int n, RowFunc each, gpointer func, gpointer user,
            GError **error)
{
    g_autofree char *sql =
        g_strdup_printf("SELECT %s, " N_TRIALS " FROM trial ORDER BY number", columns);
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &s, NULL) != SQLITE_OK)
        return store_fail(store, error);
    guint64 seen = 0, there = 0;
    gboolean found = TRUE, ok = TRUE, more = TRUE;
    while (more && (ok = step_to(store, s, seen, &found, error)) && found) {
        there = (guint64)sqlite3_column_int64(s, n + 1);
        seen++;
        if (!(ok = row_check(store, s, 0, n, "trial", 1, error)))
            break;
        more = each == NULL || each(s, func, user);
    }
    sqlite3_finalize(s);
    if (ok && more && seen != there)
        ok = row_set_damaged(store, error,
                             "%" G_GUINT64_FORMAT
                             " trials can be read, but there are %" G_GUINT64_FORMAT,
                             seen, there);
    return ok;
}

static gboolean
give_trial(sqlite3_stmt *s, gpointer func, gpointer user)
{
    PbxTrialRow row;
    row_take_trial(s, &row);
    const gboolean more = ((PbxTrialFunc)func)(&row, user);
    g_free(row.x);
    return more;
}

gboolean
store_each_trial(PbxStore *store, PbxTrialFunc func, gpointer user, GError **error)
{
    return walk_trials(store, STORE_TRIAL_COLUMNS, STORE_TRIAL_SUMMED, give_trial, (gpointer)func,
                       user, error);
}

static gboolean
give_score(sqlite3_stmt *s, gpointer func, gpointer user)
{
    if (g_strcmp0(row_text(s, 2), "void") == 0)
        return TRUE;
    const PbxScoreRow row = {
        .trial = (guint64)sqlite3_column_int64(s, 0),
        .value = row_double(s, 5),
        .best = row_double(s, 6),
        .feasible = row_feasible(s, 7),
    };
    return ((PbxScoreFunc)func)(&row, user);
}

gboolean
store_each_score(PbxStore *store, PbxScoreFunc func, gpointer user, GError **error)
{
    return walk_trials(store, STORE_BRIEF_COLUMNS, STORE_BRIEF_SUMMED, give_score, (gpointer)func,
                       user, error);
}

static gboolean
give_brief(sqlite3_stmt *s, gpointer func, gpointer user)
{
    const PbxBriefRow row = {
        .trial = (guint64)sqlite3_column_int64(s, 0),
        .state = row_word(s, 1, store_states, 0),
        .end = (int)row_word(s, 2, store_ends, G_MAXUINT),
        .failures = (guint)sqlite3_column_int64(s, 3),
        .ended_ns = sqlite3_column_int64(s, 4),
    };
    ((PbxBriefFunc)func)(&row, user);
    return TRUE;
}

gboolean
store_each_brief(PbxStore *store, PbxBriefFunc func, gpointer user, GError **error)
{
    return walk_trials(store, STORE_BRIEF_COLUMNS, STORE_BRIEF_SUMMED, give_brief, (gpointer)func,
                       user, error);
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

/* Sorts the numbers alone: rows are long, and few of them will be asked for. Of all the sum is
 * checked first: one that is damaged may belong to the few. */
gboolean
store_each_trial_by(PbxStore *store, const char *column, gboolean descending, guint limit,
                    PbxTrialFunc func, gpointer user, GError **error)
{
    static const char *const brief[] = {"number", "failures", "ended_ns", "value", "best", NULL};
    if (g_strv_contains(brief, column)
            ? !walk_trials(store, STORE_BRIEF_COLUMNS, STORE_BRIEF_SUMMED, NULL, NULL, NULL, error)
            : !walk_trials(store, STORE_TRIAL_COLUMNS, STORE_TRIAL_SUMMED, NULL, NULL, NULL, error))
        return FALSE;
    /* An infinite value is as good as none. */
    g_autofree char *sql = g_strdup_printf(
        "SELECT number FROM trial ORDER BY iif(abs(%s) < 9e999, %s, NULL) %s NULLS LAST, number "
        "LIMIT %" G_GINT64_FORMAT,
        column, column, descending ? "DESC" : "ASC", limit > 0 ? (gint64)limit : -(gint64)1);
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &s, NULL) != SQLITE_OK)
        return store_fail(store, error);
    gboolean found = TRUE, ok = TRUE, more = TRUE;
    while (more && (ok = row_step(store, s, &found, error)) && found) {
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

/* ---- Results ---- */

/* Where the reading of a trial's results stands. */
typedef struct {
    PbxStore *store;
    guint64 trial;
    guint attempt;
    guint64 n;
    guint64 shown; /* n of the last one that was not run again */
    gboolean last_seen;
} ResultOrder;

/* FALSE with error: those of an attempt are numbered without a gap. */
static gboolean
check_order(ResultOrder *order, const PbxResultRow *row, guint64 last_seq, GError **error)
{
    guint64 wanted = order->n + 1;
    if (order->store->holes) {
        wanted = row->n;
    } else if (row->attempt != order->attempt) {
        g_auto(PbxAttemptRow) attempt = {0};
        if (!store_attempt(order->store, order->trial, row->attempt, &attempt, error))
            return FALSE;
        wanted = attempt.start_n + 1;
    }
    order->attempt = row->attempt;
    order->n = row->n;
    order->last_seen = order->last_seen || row->seq == last_seq;
    return row->n == wanted ||
           row_set_damaged(order->store, error,
                           "result %" G_GUINT64_FORMAT " of trial %" G_GUINT64_FORMAT
                           ", attempt %u, is missing",
                           wanted, order->trial, row->attempt);
}

gboolean
store_each_result(PbxStore *store, guint64 trial, PbxResultFunc func, gpointer user, GError **error)
{
    /* Asked for trial after trial: preparing it would take longer than reading. */
    sqlite3_stmt *s = store_statement(store, STATEMENT_RESULTS,
                                      "SELECT " STORE_RESULT_COLUMNS
                                      ", t.last_seq FROM (SELECT ifnull(max(last_seq), 0) AS "
                                      "last_seq FROM trial WHERE number = ?1) AS t LEFT JOIN "
                                      "result ON trial = ?1 ORDER BY attempt, n",
                                      error);
    if (s == NULL)
        return FALSE;
    sqlite3_bind_int64(s, 1, (gint64)trial);
    ResultOrder order = {.store = store, .trial = trial};
    guint64 last_seq = 0;
    gboolean found = TRUE, ok = TRUE, more = TRUE;
    while (more && (ok = row_step(store, s, &found, error)) && found) {
        PbxResultRow row;
        last_seq = (guint64)sqlite3_column_int64(s, STORE_RESULT_SUMMED + 1);
        if (sqlite3_column_type(s, 0) == SQLITE_NULL)
            break; /* it has none */
        ok =
            row_read_result(store, s, 0, &row, error) && check_order(&order, &row, last_seq, error);
        if (!ok)
            break;
        more = row.n <= order.shown || func(&row, user);
        order.shown = MAX(order.shown, row.n);
    }
    store_done(s);
    if (ok && more && last_seq > 0 && !order.last_seen)
        ok = row_set_damaged(store, error,
                             "the last result of trial %" G_GUINT64_FORMAT " is missing", trial);
    return ok;
}

/* ---- Events ---- */

void
row_take_event(sqlite3_stmt *s, PbxEventRow *row)
{
    *row = (PbxEventRow){
        .seq = (guint64)sqlite3_column_int64(s, 0),
        .type = row_word(s, 1, store_events, G_MAXUINT),
        .at_ns = row_int(s, 2, -1),
        .trial = (guint64)row_int(s, 3, -1),
        .attempt = (guint)row_int(s, 4, 0),
        .text = row_text(s, 5),
    };
}

gboolean
store_each_event(PbxStore *store, guint64 after, guint limit, PbxEventFunc func, gpointer user,
                 GError **error)
{
    sqlite3_stmt *s = store_statement(
        store, STATEMENT_EVENTS,
        "SELECT e.seq, type, e.at_ns, e.trial, e.attempt, text, e.sum, "
        "r.* FROM event AS e "
        "LEFT JOIN (SELECT " STORE_RESULT_COLUMNS " FROM result) AS r ON r.seq = e.seq "
        "WHERE e.seq > ? ORDER BY e.seq LIMIT ?",
        error);
    if (s == NULL)
        return FALSE;
    sqlite3_bind_int64(s, 1, (gint64)after);
    sqlite3_bind_int64(s, 2, limit);
    const int behind = STORE_EVENT_SUMMED + 1;
    gboolean found = TRUE, ok = TRUE, more = TRUE;
    while (more && (ok = row_step(store, s, &found, error)) && found) {
        PbxResultRow result;
        const gboolean has_result = sqlite3_column_type(s, behind) != SQLITE_NULL;
        ok = row_check(store, s, 0, STORE_EVENT_SUMMED, "event", 1, error) &&
             (!has_result || row_read_result(store, s, behind, &result, error));
        if (!ok)
            break;
        PbxEventRow row;
        row_take_event(s, &row);
        if (row.type == PBX_EVENT_RESULT && !has_result) {
            ok = row_set_damaged(store, error, "result %" G_GUINT64_FORMAT " is missing", row.seq);
            break;
        }
        more = func(&row, has_result ? &result : NULL, user);
    }
    store_done(s);
    return ok;
}
