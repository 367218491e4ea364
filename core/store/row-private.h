/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A row of a table: bound column by column, read column by column, and its checksum. */
#pragma once

#include "store/store-private.h"

/* ---- The sum of a row ---- */

/* Over the row's other columns in their order. Each step is a bijection, so that what is damaged
 * within eight bytes always changes it; a CRC-32 takes several times as long. doc/store.md has the
 * arithmetic. */
typedef struct {
    guint64 state; /* from 0 */
} PbxRowSum;
void row_sum_null(PbxRowSum *sum);
void row_sum_int(PbxRowSum *sum, gint64 value);
void row_sum_known_int(PbxRowSum *sum, gint64 value, gint64 none);
void row_sum_double(PbxRowSum *sum, double value);
void row_sum_word(PbxRowSum *sum, const char *word);
void row_sum_bytes(PbxRowSum *sum, gboolean text, gconstpointer bytes, gsize n);
gint64 row_sum_end(const PbxRowSum *sum);

/* ---- Writing: the columns one after the other, then row_put ---- */

typedef struct {
    PbxStore *store;
    sqlite3_stmt *statement; /* NULL: it could not be prepared */
    int column;              /* bound last */
    PbxRowSum sum;
} PbxRowWriter;
/* FALSE with error. */
gboolean row_begin(PbxRowWriter *row, PbxStore *store, PbxStatement which, const char *sql,
                   GError **error);
void row_put_text(PbxRowWriter *row, const char *text); /* must live until row_end; NULL: NULL */
void row_put_word(PbxRowWriter *row, const char *const *words, guint n_words, guint i);
void row_put_int(PbxRowWriter *row, gint64 value);
void row_put_known_int(PbxRowWriter *row, gint64 value, gint64 none); /* NULL where it is `none` */
void row_put_time(PbxRowWriter *row, gint64 ns);                      /* NULL unless > 0 */
void row_put_rung(PbxRowWriter *row, guint rung);
gint64 row_feasible_number(PbxFeasible feasible); /* -1: NULL */
void row_put_feasible(PbxRowWriter *row, PbxFeasible feasible);
void row_put_double(PbxRowWriter *row, double value);
void row_put_blob(PbxRowWriter *row, gconstpointer bytes, gsize n); /* must live until row_end */
/* Adds the sum and runs the statement. */
gboolean row_end(PbxRowWriter *row, GError **error);

/* ---- Reading ---- */

/* Steps once. *found: whether there is a row. FALSE with error. */
gboolean row_step(PbxStore *store, sqlite3_stmt *statement, gboolean *found, GError **error);
/* Whether the `n` columns from `first` on have the sum that the column behind them holds; only
 * where the store is `unsummed` it need not hold one. Before anything else is read from the row:
 * reading converts. `table` names it in the error, with its first `n_keys` columns. */
gboolean row_check(PbxStore *store, sqlite3_stmt *statement, int first, int n, const char *table,
                   int n_keys, GError **error);
/* STORE_ERROR_DAMAGED: "STORE: WHAT ...; `pegbox repair EXP` ..."; always FALSE. */
gboolean row_set_damaged(PbxStore *store, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* NULL becomes what the header calls unknown. Texts belong to the statement. */
char *row_text(sqlite3_stmt *statement, int column);
gint64 row_int(sqlite3_stmt *statement, int column, gint64 none);
double row_double(sqlite3_stmt *statement, int column);
guint row_word(sqlite3_stmt *statement, int column, const char *const *words, guint none);
PbxFeasible row_feasible(sqlite3_stmt *statement, int column);

/* Whole rows, the columns of STORE_TRIAL_COLUMNS, or of STORE_RESULT_COLUMNS from `first` on. Texts
 * are borrowed from the statement, x is owned. FALSE with error: it is damaged. */
void row_take_trial(sqlite3_stmt *statement, PbxTrialRow *row); /* of one that was checked */
gboolean row_read_trial(PbxStore *store, sqlite3_stmt *statement, PbxTrialRow *row, GError **error);
gboolean row_read_result(PbxStore *store, sqlite3_stmt *statement, int first, PbxResultRow *row,
                         GError **error);
void row_take_checkpoint(sqlite3_stmt *statement, PbxCheckpointRow *row);
void row_take_input(sqlite3_stmt *statement, PbxInputRow *row);
void row_take_event(sqlite3_stmt *statement, PbxEventRow *row);
void row_take_attempt(sqlite3_stmt *statement, PbxAttemptRow *row);
void row_take_result(sqlite3_stmt *statement, int first, PbxResultRow *row);
