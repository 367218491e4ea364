/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading what a run goes on from: checkpoints, the states of deciders, and their inputs since. */
#include <string.h>

#include "store/row-private.h"

static guint64
one_number(PbxStore *store, const char *sql)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &s, NULL) != SQLITE_OK)
        return 0;
    const guint64 number = sqlite3_step(s) == SQLITE_ROW ? (guint64)sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    return number;
}

/* ---- Checkpoints ---- */

void
checkpoint_row_clear(PbxCheckpointRow *row)
{
    g_free(row->name);
    g_free(row->sha256);
    memset(row, 0, sizeof *row);
}

void
checkpoint_row_free(PbxCheckpointRow *row)
{
    if (row == NULL)
        return;
    checkpoint_row_clear(row);
    g_free(row);
}

PbxCheckpointRow *
checkpoint_row_copy(const PbxCheckpointRow *row)
{
    PbxCheckpointRow *copy = g_memdup2(row, sizeof *row);
    copy->name = g_strdup(row->name);
    copy->sha256 = g_strdup(row->sha256);
    return copy;
}

/* Texts are borrowed. */
void
row_take_checkpoint(sqlite3_stmt *s, PbxCheckpointRow *row)
{
    *row = (PbxCheckpointRow){
        .id = (guint64)sqlite3_column_int64(s, 0),
        .trial = (guint64)sqlite3_column_int64(s, 1),
        .attempt = (guint)sqlite3_column_int64(s, 2),
        .n = (guint64)sqlite3_column_int64(s, 3),
        .step = row_int(s, 4, -1),
        .iteration = row_int(s, 5, -1),
        .time_total_s = row_double(s, 6),
        .timesteps_total = row_int(s, 7, -1),
        .episodes_total = row_int(s, 8, -1),
        .name = row_text(s, 9),
        .bytes = (guint64)sqlite3_column_int64(s, 10),
        .sha256 = row_text(s, 11),
        .score = row_double(s, 12),
        .state = row_word(s, 13, store_checkpoint_states, CHECKPOINT_DAMAGED),
        .at_ns = row_int(s, 14, -1),
    };
}

/* FALSE with error: it is damaged. */
static gboolean
read_checkpoint(PbxStore *store, sqlite3_stmt *s, PbxCheckpointRow *row, GError **error)
{
    if (!row_check(store, s, 0, STORE_CHECKPOINT_SUMMED, "checkpoint", 1, error))
        return FALSE;
    row_take_checkpoint(s, row);
    return TRUE;
}

/* Of one trial by the index, of all by the rows themselves; how many there are in all by both: rows
 * stay when archives go. */
#define CHECKPOINTS                                                                                \
    "SELECT " STORE_CHECKPOINT_COLUMNS ", in_index, last FROM (SELECT (SELECT count(*) FROM "      \
    "checkpoint INDEXED BY checkpoint_of_trial) AS in_index, (SELECT ifnull(max(id), 0) FROM "     \
    "checkpoint) AS last) LEFT JOIN checkpoint "

static sqlite3_stmt *
prepare_checkpoints(PbxStore *store, guint64 trial, GError **error)
{
    if (trial == G_MAXUINT64)
        return store_statement(store, STATEMENT_CHECKPOINTS,
                               CHECKPOINTS "NOT INDEXED ON TRUE ORDER BY id", error);
    sqlite3_stmt *s = store_statement(store, STATEMENT_CHECKPOINTS_OF_TRIAL,
                                      CHECKPOINTS "INDEXED BY checkpoint_of_trial ON trial = ?1 "
                                                  "ORDER BY id",
                                      error);
    if (s != NULL)
        sqlite3_bind_int64(s, 1, (gint64)trial);
    return s;
}

gboolean
store_each_checkpoint(PbxStore *store, guint64 trial, PbxCheckpointFunc func, gpointer user,
                      GError **error)
{
    sqlite3_stmt *s = prepare_checkpoints(store, trial, error);
    if (s == NULL)
        return FALSE;
    gint64 n = 0, in_index = 0, last = 0;
    gboolean found = TRUE, ok = TRUE, more = TRUE;
    while (more && (ok = row_step(store, s, &found, error)) && found) {
        PbxCheckpointRow row;
        in_index = sqlite3_column_int64(s, STORE_CHECKPOINT_SUMMED + 1);
        last = sqlite3_column_int64(s, STORE_CHECKPOINT_SUMMED + 2);
        if (sqlite3_column_type(s, 0) == SQLITE_NULL)
            break; /* there is none */
        n++;
        if (!(ok = read_checkpoint(store, s, &row, error)))
            break;
        more = func(&row, user);
    }
    store_done(s);
    const gboolean all = trial != G_MAXUINT64 || !more || n == last;
    if (ok && !store->holes && (in_index != last || !all))
        ok = row_set_damaged(store, error, "rows of checkpoints are missing");
    return ok;
}

PbxCheckpointRow *
store_checkpoint(PbxStore *store, guint64 id, GError **error)
{
    sqlite3_stmt *s =
        store_statement(store, STATEMENT_CHECKPOINT,
                        "SELECT " STORE_CHECKPOINT_COLUMNS " FROM checkpoint WHERE id = ?", error);
    if (s == NULL)
        return NULL;
    sqlite3_bind_int64(s, 1, (gint64)id);
    gboolean found = FALSE;
    PbxCheckpointRow row, *copy = NULL;
    if (row_step(store, s, &found, error) && found && read_checkpoint(store, s, &row, error))
        copy = checkpoint_row_copy(&row);
    store_done(s);
    return copy;
}

guint64
store_last_checkpoint(PbxStore *store)
{
    return one_number(store, "SELECT ifnull(max(id), 0) FROM checkpoint");
}

static gboolean
add_bytes(const PbxCheckpointRow *row, gpointer user)
{
    if (row->state == CHECKPOINT_KEPT)
        *(guint64 *)user += row->bytes;
    return TRUE;
}

gboolean
store_checkpoint_bytes(PbxStore *store, guint64 *bytes, GError **error)
{
    guint64 sum = 0;
    if (!store_each_checkpoint(store, G_MAXUINT64, add_bytes, &sum, error))
        return FALSE;
    *bytes = sum;
    return TRUE;
}

/* ---- Deciders ---- */

void
blob_facts_clear(PbxBlobFacts *facts)
{
    g_free(facts->plugin);
    g_free(facts->version);
    memset(facts, 0, sizeof *facts);
}

GBytes *
store_blob(PbxStore *store, const char *slot, PbxBlobFacts *facts, GError **error)
{
    sqlite3_stmt *s =
        store_statement(store, STATEMENT_BLOB,
                        "SELECT " STORE_DECIDER_COLUMNS " FROM decider WHERE slot = ?", error);
    if (s == NULL)
        return NULL;
    sqlite3_bind_text(s, 1, slot, -1, SQLITE_STATIC);
    gboolean found = FALSE;
    GBytes *bytes = NULL;
    if (row_step(store, s, &found, error) && found &&
        row_check(store, s, 0, STORE_DECIDER_SUMMED, "decider", 1, error)) {
        if (facts != NULL)
            *facts = (PbxBlobFacts){
                .plugin = g_strdup(row_text(s, 1)),
                .version = g_strdup(row_text(s, 2)),
                .state_version = (guint32)sqlite3_column_int64(s, 3),
                .at_seq = (guint64)row_int(s, 5, 0),
                .input = (guint64)row_int(s, 6, 0),
            };
        bytes = g_bytes_new(sqlite3_column_blob(s, 4), (gsize)sqlite3_column_bytes(s, 4));
    }
    store_done(s);
    return bytes;
}

/* ---- Inputs ---- */

void
row_take_input(sqlite3_stmt *s, PbxInputRow *row)
{
    *row = (PbxInputRow){
        .number = (guint64)sqlite3_column_int64(s, 0),
        .slot = row_text(s, 1),
        .call = row_text(s, 2),
        .trial = (guint64)row_int(s, 3, -1),
        .seq = (guint64)row_int(s, 4, 0),
        .state = (guint)sqlite3_column_int64(s, 5),
        .why = (guint)sqlite3_column_int64(s, 6),
        .flags = (guint)sqlite3_column_int64(s, 7),
        .at_ns = row_int(s, 8, -1),
        .detail = row_text(s, 9),
    };
}

gboolean
store_each_input(PbxStore *store, const char *slot, guint64 after, PbxInputFunc func, gpointer user,
                 GError **error)
{
    sqlite3_stmt *s = store_statement(store, STATEMENT_INPUTS,
                                      "SELECT " STORE_INPUT_COLUMNS
                                      " FROM input WHERE slot = ? AND number > ? ORDER BY number",
                                      error);
    if (s == NULL)
        return FALSE;
    sqlite3_bind_text(s, 1, slot, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, (gint64)after);
    gboolean found = TRUE, ok = TRUE, more = TRUE;
    while (more && (ok = row_step(store, s, &found, error)) && found) {
        if (!(ok = row_check(store, s, 0, STORE_INPUT_SUMMED, "input", 1, error)))
            break;
        PbxInputRow row;
        row_take_input(s, &row);
        more = func(&row, user);
    }
    store_done(s);
    return ok;
}

guint64
store_last_input(PbxStore *store)
{
    return one_number(store, "SELECT max(ifnull((SELECT max(number) FROM input), 0), "
                             "ifnull((SELECT max(input) FROM decider), 0))");
}
