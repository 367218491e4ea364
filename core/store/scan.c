/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the tables of a damaged database as far as SQLite can, and behind what it cannot. */
#include <string.h>

#include "store/salvage-private.h"

char *
salvage_name(sqlite3_stmt *row, const SalvageTable *table)
{
    GString *name = g_string_new(table->table);
    for (int i = table->first; i < table->n_keys; i++) {
        const char *text = row_text(row, i);
        g_string_append_printf(name, "%s%.60s", i == table->first ? " " : "/",
                               text != NULL ? text : "NULL");
    }
    return g_string_free(name, FALSE);
}

/* What the disk fails to do is no damage: with another try the rows may all be there. */
static int
note_failure(Salvage *salvage, int code)
{
    if (salvage->error == NULL && salvage_is_hosts_fault(code))
        store_fail(salvage->from, &salvage->error);
    return code;
}

static sqlite3_stmt *
prepare(Salvage *salvage, const char *sql)
{
    sqlite3_stmt *s = NULL;
    note_failure(salvage, sqlite3_prepare_v2(salvage->from->db, sql, -1, &s, NULL));
    return s;
}

static int
step(Salvage *salvage, sqlite3_stmt *s)
{
    return note_failure(salvage, sqlite3_step(s));
}

static gboolean
take(Salvage *salvage, const SalvageTable *table, sqlite3_stmt *s)
{
    const gboolean whole = row_check(salvage->from, s, table->first, table->n_summed, table->table,
                                     table->n_keys, NULL);
    return table->take(salvage, s, whole);
}

static void
tell_unreadable(Salvage *salvage, const SalvageTable *table)
{
    finding_add(salvage->findings, LOSS_SOME, "experiment.db", "what it held is lost",
                "the table %s cannot be read", table->table);
}

/* Reads rows from *next on, and moves it on behind each. FALSE: one cannot be read, or what is
 * read goes backwards; or all is over. */
static gboolean
read_on(Salvage *salvage, const SalvageTable *table, sqlite3_stmt *s, gint64 *next)
{
    int code;
    gint64 last = G_MININT64;
    sqlite3_reset(s);
    sqlite3_bind_int64(s, 1, *next);
    while ((code = step(salvage, s)) == SQLITE_ROW) {
        const gint64 key = sqlite3_column_int64(s, 0);
        if (key < *next || (table->rowid && key == last))
            return FALSE;
        last = key;
        if (!take(salvage, table, s))
            return FALSE;
        /* Of a key of two parts more rows may have this first one. */
        *next = table->rowid ? key + 1 : key;
        if (key == G_MAXINT64)
            return TRUE;
    }
    if (code != SQLITE_DONE && !table->rowid && last != G_MININT64)
        *next = last + 1;
    return code == SQLITE_DONE;
}

static gboolean
can_start_at(Salvage *salvage, sqlite3_stmt *s, gint64 key)
{
    sqlite3_reset(s);
    sqlite3_bind_int64(s, 1, key);
    const int code = step(salvage, s);
    return code == SQLITE_DONE || (code == SQLITE_ROW && sqlite3_column_int64(s, 0) >= key);
}

/* The first key from `from` on, where reading can go on again: far strides, then halves. */
static gboolean
find_start(Salvage *salvage, sqlite3_stmt *s, gint64 from, gint64 *start)
{
    gint64 bad = from, good = from, stride = 1;
    for (;;) {
        if (good > G_MAXINT64 - stride)
            return FALSE;
        good += stride;
        if (can_start_at(salvage, s, good))
            break;
        bad = good;
        stride = stride <= G_MAXINT64 / 2 ? stride * 2 : G_MAXINT64;
    }
    while (good - bad > 1) {
        const gint64 middle = bad + (good - bad) / 2;
        if (can_start_at(salvage, s, middle))
            good = middle;
        else
            bad = middle;
    }
    *start = good;
    return TRUE;
}

/* to -1: to the end. */
static void
tell_gap(Salvage *salvage, const SalvageTable *table, gint64 from, gint64 to)
{
    if (to < 0 && from == 0) {
        tell_unreadable(salvage, table);
        return;
    }
    g_autofree char *until = to < 0 ? g_strdup("on") : g_strdup_printf("to %" G_GINT64_FORMAT, to);
    finding_add(salvage->findings, LOSS_SOME, "experiment.db",
                to < 0 ? "they are lost" : "what is left of them is lost, those behind are kept",
                "a page of the table %s cannot be read: rows from %" G_GINT64_FORMAT " %s",
                table->table, from, until);
}

gboolean
salvage_scan(Salvage *salvage, const SalvageTable *table)
{
    g_autofree char *key = g_strndup(table->columns, strcspn(table->columns, ","));
    g_autofree char *sql =
        g_strdup_printf("SELECT %s FROM \"%s\" NOT INDEXED WHERE %s >= ?1 ORDER BY %s",
                        table->columns, table->table, key, key);
    sqlite3_stmt *s = prepare(salvage, sql);
    if (s == NULL) {
        tell_unreadable(salvage, table);
        return salvage->error == NULL;
    }
    gint64 next = G_MININT64;
    while (!read_on(salvage, table, s, &next) && salvage->error == NULL) {
        const gint64 from = MAX(next, 0);
        gint64 start = 0;
        const gboolean more = find_start(salvage, s, from, &start);
        if (salvage->error == NULL)
            tell_gap(salvage, table, from, more ? start - 1 : -1);
        if (!more || salvage->error != NULL)
            break;
        next = start;
    }
    sqlite3_finalize(s);
    return salvage->error == NULL;
}

gboolean
salvage_scan_texts(Salvage *salvage, const SalvageTable *table)
{
    g_autofree char *key = g_strndup(table->columns, strcspn(table->columns, ","));
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    int code = SQLITE_ERROR;
    for (int way = 0; way < 2 && code != SQLITE_DONE && salvage->error == NULL; way++) {
        g_autofree char *sql =
            g_strdup_printf("SELECT %s FROM \"%s\" ORDER BY %s %s", table->columns, table->table,
                            key, way == 0 ? "ASC" : "DESC");
        sqlite3_stmt *s = prepare(salvage, sql);
        while (s != NULL && (code = step(salvage, s)) == SQLITE_ROW) {
            g_autofree char *name = salvage_name(s, table);
            if (g_hash_table_add(seen, g_steal_pointer(&name)) && !take(salvage, table, s))
                break;
        }
        sqlite3_finalize(s);
        if (way == 0 && code != SQLITE_DONE && salvage->error == NULL)
            finding_add(salvage->findings, LOSS_SOME, "experiment.db",
                        "what is not told of below is kept", "the table %s cannot be read whole",
                        table->table);
    }
    return salvage->error == NULL;
}
