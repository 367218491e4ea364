/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing rows, each with its sum. On the driver's hot path. */
#include <string.h>

#include "store/row-private.h"

/* ---- The point of a trial ---- */

/* As little-endian doubles. `copy` must live until the statement has run. */
static void
put_point(PbxRowWriter *row, const double *x, guint n, guint64 **copy)
{
    const guint64 size = (guint64)n * sizeof(double);
    if (n == 0) {
        row_put_text(row, NULL);
        return;
    }
    if (G_BYTE_ORDER == G_LITTLE_ENDIAN) {
        row_put_blob(row, x, size);
        return;
    }
    *copy = g_new(guint64, n);
    memcpy(*copy, x, size);
    for (guint i = 0; i < n; i++)
        (*copy)[i] = GUINT64_TO_LE((*copy)[i]);
    row_put_blob(row, *copy, size);
}

/* ---- Rows ---- */

/* Of STORE_BRIEF_COLUMNS. */
static gint64
brief_sum(const PbxTrialRow *row)
{
    PbxRowSum sum = {0};
    row_sum_int(&sum, (gint64)row->number);
    row_sum_word(&sum, store_state_name(row->state));
    row_sum_word(&sum, store_end_name(row->end));
    row_sum_int(&sum, row->failures);
    row_sum_known_int(&sum, MAX(row->ended_ns, 0), 0);
    row_sum_double(&sum, row->value);
    row_sum_double(&sum, row->best);
    row_sum_known_int(&sum, row_feasible_number(row->feasible), -1);
    return row_sum_end(&sum);
}

gboolean
store_put_trial(PbxStore *store, const PbxTrialRow *row, GError **error)
{
    PbxRowWriter w;
    if (!row_begin(&w, store, STATEMENT_PUT_TRIAL,
                   "REPLACE INTO trial (" STORE_TRIAL_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
                   "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   error))
        return FALSE;
    g_autofree guint64 *copy = NULL;
    row_put_int(&w, (gint64)row->number);
    row_put_text(&w, row->id);
    row_put_text(&w, row->name);
    row_put_text(&w, row->tag);
    row_put_text(&w, row->dir);
    row_put_word(&w, store_states, 5, row->state);
    row_put_word(&w, store_ends, 6, (guint)row->end);
    row_put_text(&w, row->config);
    put_point(&w, row->x, row->n_dims, &copy);
    row_put_known_int(&w, (gint64)row->ask, -1);
    row_put_int(&w, (gint64)row->origin);
    row_put_text(&w, row->extra);
    row_put_int(&w, row->attempts);
    row_put_int(&w, row->failures);
    row_put_text(&w, row->reason);
    row_put_text(&w, row->error);
    row_put_time(&w, row->created_ns);
    row_put_time(&w, row->started_ns);
    row_put_time(&w, row->ended_ns);
    row_put_int(&w, (gint64)row->n_results);
    row_put_known_int(&w, row->iteration, -1);
    row_put_double(&w, row->time_total_s);
    row_put_double(&w, row->value);
    row_put_double(&w, row->best);
    row_put_known_int(&w, (gint64)row->last_seq, 0);
    row_put_rung(&w, row->rung);
    row_put_rung(&w, row->bracket);
    row_put_feasible(&w, row->feasible);
    row_put_known_int(&w, (gint64)row->queued, 0);
    row_put_known_int(&w, row->held ? 1 : 0, 0);
    row_put_text(&w, row->source);
    row_put_known_int(&w, (gint64)row->replaced_by, 0);
    row_put_int(&w, brief_sum(row));
    return row_end(&w, error);
}

gboolean
store_put_attempt(PbxStore *store, const PbxAttemptRow *row, GError **error)
{
    PbxRowWriter w;
    if (!row_begin(&w, store, STATEMENT_PUT_ATTEMPT,
                   "REPLACE INTO attempt (" STORE_ATTEMPT_COLUMNS
                   ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   error))
        return FALSE;
    row_put_int(&w, (gint64)row->trial);
    row_put_int(&w, row->attempt);
    row_put_text(&w, row->hostname);
    row_put_text(&w, row->node_ip);
    row_put_known_int(&w, row->pid, -1);
    row_put_known_int(&w, row->start_iteration, -1);
    row_put_double(&w, row->start_time_s);
    row_put_known_int(&w, row->start_timesteps, -1);
    row_put_time(&w, row->started_ns);
    row_put_time(&w, row->ended_ns);
    row_put_text(&w, row->error);
    row_put_int(&w, (gint64)row->start_n);
    row_put_known_int(&w, row->start_episodes, -1);
    row_put_known_int(&w, (gint64)row->checkpoint, 0);
    return row_end(&w, error);
}

static void
put_result(PbxRowWriter *w, const PbxResultRow *row)
{
    row_put_int(w, (gint64)row->seq);
    row_put_int(w, (gint64)row->trial);
    row_put_int(w, row->attempt);
    row_put_int(w, (gint64)row->n);
    row_put_known_int(w, row->iteration, -1);
    row_put_time(w, row->at_ns);
    row_put_double(w, row->time_this_iter_s);
    row_put_double(w, row->time_total_s);
    row_put_known_int(w, row->timesteps_total, -1);
    row_put_known_int(w, row->episodes_total, -1);
    row_put_int(w, row->done ? 1 : 0);
    row_put_double(w, row->value);
    row_put_text(w, row->fields);
    row_put_word(w, store_actions, 4, row->action);
    row_put_rung(w, row->rung);
    row_put_feasible(w, row->feasible);
}

gboolean
store_put_result(PbxStore *store, const PbxResultRow *row, GError **error)
{
    PbxRowWriter w;
    if (!row_begin(&w, store, STATEMENT_PUT_RESULT,
                   "INSERT INTO result (" STORE_RESULT_COLUMNS
                   ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   error))
        return FALSE;
    put_result(&w, row);
    return row_end(&w, error);
}

gboolean
store_decide(PbxStore *store, const PbxResultRow *row, GError **error)
{
    PbxRowWriter w;
    if (!row_begin(&w, store, STATEMENT_DECIDE,
                   "REPLACE INTO result (" STORE_RESULT_COLUMNS
                   ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   error))
        return FALSE;
    put_result(&w, row);
    return row_end(&w, error);
}

gboolean
store_put_event(PbxStore *store, const PbxEventRow *row, GError **error)
{
    PbxRowWriter w;
    if (!row_begin(&w, store, STATEMENT_PUT_EVENT,
                   "INSERT INTO event (" STORE_EVENT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)",
                   error))
        return FALSE;
    row_put_int(&w, (gint64)row->seq);
    row_put_word(&w, store_events, 18, row->type);
    row_put_time(&w, row->at_ns);
    row_put_known_int(&w, (gint64)row->trial, -1);
    row_put_known_int(&w, row->attempt, 0);
    row_put_text(&w, row->text);
    return row_end(&w, error);
}

gboolean
store_put_blob(PbxStore *store, const char *slot, const PbxBlobFacts *facts, gconstpointer bytes,
               gsize n, GError **error)
{
    PbxRowWriter w;
    if (!row_begin(&w, store, STATEMENT_PUT_BLOB,
                   "REPLACE INTO decider (" STORE_DECIDER_COLUMNS
                   ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                   error))
        return FALSE;
    row_put_text(&w, slot);
    row_put_text(&w, facts->plugin);
    row_put_text(&w, facts->version);
    row_put_int(&w, facts->state_version);
    row_put_blob(&w, bytes, n);
    row_put_int(&w, (gint64)facts->at_seq);
    row_put_int(&w, (gint64)facts->input);
    return row_end(&w, error);
}

gboolean
store_put_checkpoint(PbxStore *store, const PbxCheckpointRow *row, GError **error)
{
    PbxRowWriter w;
    if (!row_begin(&w, store, STATEMENT_PUT_CHECKPOINT,
                   "REPLACE INTO checkpoint (" STORE_CHECKPOINT_COLUMNS
                   ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   error))
        return FALSE;
    row_put_int(&w, (gint64)row->id);
    row_put_int(&w, (gint64)row->trial);
    row_put_int(&w, row->attempt);
    row_put_int(&w, (gint64)row->n);
    row_put_known_int(&w, row->step, -1);
    row_put_known_int(&w, row->iteration, -1);
    row_put_double(&w, row->time_total_s);
    row_put_known_int(&w, row->timesteps_total, -1);
    row_put_known_int(&w, row->episodes_total, -1);
    row_put_text(&w, row->name);
    row_put_int(&w, (gint64)row->bytes);
    row_put_text(&w, row->sha256);
    row_put_double(&w, row->score);
    row_put_word(&w, store_checkpoint_states, N_CHECKPOINT_STATES, row->state);
    row_put_time(&w, row->at_ns);
    return row_end(&w, error);
}

gboolean
store_put_input(PbxStore *store, const PbxInputRow *row, GError **error)
{
    PbxRowWriter w;
    if (!row_begin(&w, store, STATEMENT_PUT_INPUT,
                   "INSERT OR REPLACE INTO input (" STORE_INPUT_COLUMNS
                   ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   error))
        return FALSE;
    row_put_int(&w, (gint64)row->number);
    row_put_text(&w, row->slot);
    row_put_text(&w, row->call);
    row_put_known_int(&w, (gint64)row->trial, -1);
    row_put_known_int(&w, (gint64)row->seq, 0);
    row_put_int(&w, row->state);
    row_put_int(&w, row->why);
    row_put_int(&w, row->flags);
    row_put_time(&w, row->at_ns);
    row_put_text(&w, row->detail);
    return row_end(&w, error);
}

gboolean
store_drop_inputs(PbxStore *store, const char *slot, guint64 upto, GError **error)
{
    sqlite3_stmt *s = store_statement(store, STATEMENT_DROP_INPUTS,
                                      "DELETE FROM input WHERE slot = ? AND number <= ?", error);
    if (s == NULL)
        return FALSE;
    sqlite3_bind_text(s, 1, slot, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, (gint64)upto);
    return store_run(store, s, error);
}

gboolean
store_put_fact(PbxStore *store, const char *key, const char *value, GError **error)
{
    PbxRowWriter w;
    if (!row_begin(&w, store, STATEMENT_PUT_FACT,
                   "REPLACE INTO fact (" STORE_FACT_COLUMNS ") VALUES (?, ?, ?)", error))
        return FALSE;
    row_put_text(&w, key);
    row_put_text(&w, value);
    return row_end(&w, error);
}

gboolean
store_put_cursor(PbxStore *store, const char *slot, guint64 seq, GError **error)
{
    PbxRowWriter w;
    if (!row_begin(&w, store, STATEMENT_PUT_CURSOR,
                   "REPLACE INTO cursor (" STORE_CURSOR_COLUMNS ") VALUES (?, ?, ?)", error))
        return FALSE;
    row_put_text(&w, slot);
    row_put_int(&w, (gint64)seq);
    return row_end(&w, error);
}

gboolean
store_put_file(PbxStore *store, const char *slot, guint64 trial, const char *name, guint64 length,
               GError **error)
{
    PbxRowWriter w;
    if (!row_begin(&w, store, STATEMENT_PUT_FILE,
                   "REPLACE INTO file (" STORE_FILE_COLUMNS ") VALUES (?, ?, ?, ?, ?)", error))
        return FALSE;
    row_put_text(&w, slot);
    row_put_int(&w, (gint64)trial);
    row_put_text(&w, name);
    row_put_int(&w, (gint64)length);
    return row_end(&w, error);
}
