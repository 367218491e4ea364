/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A row of a table: bound and read column by column, and its checksum. On the driver's hot path:
 * statements are prepared once, texts are bound without a copy. */
#include <math.h>
#include <string.h>

#include "store/row-private.h"

/* ---- The sum of a row ---- */

#define FACTOR G_GUINT64_CONSTANT(0x9e3779b97f4a7c15) /* 2^64 over the golden ratio: odd */

/* What a column is, and its number, or how many bytes follow. */
typedef enum {
    COLUMN_NULL = 1,
    COLUMN_INT,
    COLUMN_DOUBLE,
    COLUMN_TEXT,
    COLUMN_BLOB,
} ColumnType;

static inline guint64
mix(guint64 state, guint64 word)
{
    state = (state ^ word) * FACTOR;
    return state ^ state >> 32;
}

static inline void
sum_head(PbxRowSum *sum, ColumnType type, guint64 word)
{
    sum->state = mix(sum->state + type, word);
}

void
row_sum_null(PbxRowSum *sum)
{
    sum_head(sum, COLUMN_NULL, 0);
}

void
row_sum_int(PbxRowSum *sum, gint64 value)
{
    sum_head(sum, COLUMN_INT, (guint64)value);
}

void
row_sum_known_int(PbxRowSum *sum, gint64 value, gint64 none)
{
    if (value != none)
        row_sum_int(sum, value);
    else
        row_sum_null(sum);
}

void
row_sum_double(PbxRowSum *sum, double value)
{
    guint64 bits;
    if (isnan(value)) { /* which SQLite stores as NULL */
        row_sum_null(sum);
        return;
    }
    value += 0.0; /* SQLite keeps no negative zero */
    memcpy(&bits, &value, sizeof bits);
    sum_head(sum, COLUMN_DOUBLE, bits);
}

/* Eight at a time; zeros fill the last eight up. */
void
row_sum_bytes(PbxRowSum *sum, gboolean text, gconstpointer bytes, gsize n)
{
    sum_head(sum, text ? COLUMN_TEXT : COLUMN_BLOB, n);
    const guint8 *at = bytes;
    guint64 state = sum->state, word;
    for (; n >= sizeof word; n -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        state = mix(state, GUINT64_FROM_LE(word));
    }
    if (n > 0) {
        word = 0;
        memcpy(&word, at, n);
        state = mix(state, GUINT64_FROM_LE(word));
    }
    sum->state = state;
}

void
row_sum_word(PbxRowSum *sum, const char *word)
{
    if (word != NULL)
        row_sum_bytes(sum, TRUE, word, strlen(word));
    else
        row_sum_null(sum);
}

gint64
row_sum_end(const PbxRowSum *sum)
{
    return (gint64)sum->state;
}

/* ---- Writing ---- */

gboolean
row_begin(PbxRowWriter *row, PbxStore *store, PbxStatement which, const char *sql, GError **error)
{
    row->store = store;
    row->statement = store_statement(store, which, sql, error);
    row->column = 0;
    row->sum = (PbxRowSum){0};
    return row->statement != NULL;
}

static void
put_null(PbxRowWriter *row)
{
    sqlite3_bind_null(row->statement, ++row->column);
    row_sum_null(&row->sum);
}

void
row_put_text(PbxRowWriter *row, const char *text)
{
    if (text == NULL) {
        put_null(row);
        return;
    }
    const gsize n = strlen(text);
    sqlite3_bind_text64(row->statement, ++row->column, text, n, SQLITE_STATIC, SQLITE_UTF8);
    row_sum_bytes(&row->sum, TRUE, text, n);
}

void
row_put_word(PbxRowWriter *row, const char *const *words, guint n_words, guint i)
{
    row_put_text(row, i < n_words ? words[i] : NULL);
}

void
row_put_int(PbxRowWriter *row, gint64 value)
{
    sqlite3_bind_int64(row->statement, ++row->column, value);
    row_sum_int(&row->sum, value);
}

void
row_put_known_int(PbxRowWriter *row, gint64 value, gint64 none)
{
    if (value != none)
        row_put_int(row, value);
    else
        put_null(row);
}

void
row_put_time(PbxRowWriter *row, gint64 ns)
{
    row_put_known_int(row, MAX(ns, 0), 0);
}

void
row_put_rung(PbxRowWriter *row, guint rung)
{
    row_put_known_int(row, rung, G_MAXUINT32);
}

gint64
row_feasible_number(PbxFeasible feasible)
{
    return feasible == FEASIBLE_NONE ? -1 : feasible == FEASIBLE_YES;
}

void
row_put_feasible(PbxRowWriter *row, PbxFeasible feasible)
{
    row_put_known_int(row, row_feasible_number(feasible), -1);
}

void
row_put_double(PbxRowWriter *row, double value)
{
    if (isnan(value)) {
        put_null(row);
        return;
    }
    sqlite3_bind_double(row->statement, ++row->column, value);
    row_sum_double(&row->sum, value);
}

void
row_put_blob(PbxRowWriter *row, gconstpointer bytes, gsize n)
{
    sqlite3_bind_blob64(row->statement, ++row->column, n > 0 ? bytes : "", n, SQLITE_STATIC);
    row_sum_bytes(&row->sum, FALSE, bytes, n);
}

gboolean
row_end(PbxRowWriter *row, GError **error)
{
    sqlite3_bind_int64(row->statement, ++row->column, row_sum_end(&row->sum));
    return store_run(row->store, row->statement, error);
}

/* ---- Reading ---- */

gboolean
row_step(PbxStore *store, sqlite3_stmt *statement, gboolean *found, GError **error)
{
    const int code = sqlite3_step(statement);
    *found = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE || store_fail(store, error);
}

gboolean
row_set_damaged(PbxStore *store, GError **error, const char *format, ...)
{
    if (error == NULL)
        return FALSE;
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *dir = g_path_get_dirname(store->path);
    g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_DAMAGED,
                "%s: %s; `pegbox repair %s` tells what is lost and mends what it can", store->path,
                what, dir);
    return FALSE;
}

/* "trial 3", "attempt 3/1", "fact 'seed'" */
static char *
row_name(sqlite3_stmt *statement, int first, const char *table, int n_keys)
{
    GString *name = g_string_new(table);
    for (int i = 0; i < n_keys; i++) {
        const gboolean number = sqlite3_column_type(statement, first + i) == SQLITE_INTEGER;
        const char *text = row_text(statement, first + i);
        g_string_append_printf(name, number ? "%s%s" : "%s'%.60s'", i == 0 ? " " : "/",
                               text != NULL ? text : "");
    }
    return g_string_free(name, FALSE);
}

gboolean
row_check(PbxStore *store, sqlite3_stmt *s, int first, int n, const char *table, int n_keys,
          GError **error)
{
    /* Of a record that has lost its end all is NULL. */
    sqlite3_value *stored = sqlite3_column_value(s, first + n);
    const gboolean has_sum = sqlite3_value_type(stored) != SQLITE_NULL;
    if (!has_sum && store->unsummed)
        return TRUE;
    PbxRowSum sum = {0};
    /* One look at each column: every call that names one looks for it again. Connections have no
     * mutex, so that SQLite's values need no protection. */
    for (int i = first; i < first + n; i++) {
        sqlite3_value *value = sqlite3_column_value(s, i);
        switch (sqlite3_value_type(value)) {
        case SQLITE_INTEGER:
            row_sum_int(&sum, sqlite3_value_int64(value));
            break;
        case SQLITE_FLOAT:
            row_sum_double(&sum, sqlite3_value_double(value));
            break;
        case SQLITE_TEXT: {
            const void *text = sqlite3_value_text(value);
            row_sum_bytes(&sum, TRUE, text, (gsize)sqlite3_value_bytes(value));
            break;
        }
        case SQLITE_BLOB: {
            const void *bytes = sqlite3_value_blob(value);
            row_sum_bytes(&sum, FALSE, bytes, (gsize)sqlite3_value_bytes(value));
            break;
        }
        default:
            row_sum_null(&sum);
            break;
        }
    }
    if (has_sum && row_sum_end(&sum) == sqlite3_value_int64(stored))
        return TRUE;
    g_autofree char *name = row_name(s, first, table, n_keys);
    return row_set_damaged(store, error, "the row of %s is damaged", name);
}

char *
row_text(sqlite3_stmt *statement, int column)
{
    return (char *)sqlite3_column_text(statement, column);
}

gint64
row_int(sqlite3_stmt *statement, int column, gint64 none)
{
    sqlite3_value *value = sqlite3_column_value(statement, column);
    return sqlite3_value_type(value) == SQLITE_NULL ? none : sqlite3_value_int64(value);
}

double
row_double(sqlite3_stmt *statement, int column)
{
    sqlite3_value *value = sqlite3_column_value(statement, column);
    return sqlite3_value_type(value) == SQLITE_NULL ? (double)NAN : sqlite3_value_double(value);
}

guint
row_word(sqlite3_stmt *statement, int column, const char *const *words, guint none)
{
    const char *text = row_text(statement, column);
    for (guint i = 0; text != NULL && words[i] != NULL; i++) {
        if (strcmp(text, words[i]) == 0)
            return i;
    }
    return none;
}

PbxFeasible
row_feasible(sqlite3_stmt *statement, int column)
{
    const gint64 number = row_int(statement, column, -1);
    return number < 0 ? FEASIBLE_NONE : number > 0 ? FEASIBLE_YES : FEASIBLE_NO;
}
