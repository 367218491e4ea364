/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor of storing results: a bare SQLite loop that inserts rows like those of a store, into
 * tables like those of that store, as fast as one process can.
 *   rows STORE NEW N    prints the seconds
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH       1000 /* rows a transaction */
#define MAX_COLUMNS 32

static sqlite3 *
must_open(const char *path)
{
    sqlite3 *db;
    if (sqlite3_open(path, &db) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(db));
        exit(1);
    }
    return db;
}

static void
must(sqlite3 *db, int code)
{
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW)
        return;
    fprintf(stderr, "%s\n", sqlite3_errmsg(db));
    exit(1);
}

static void
must_exec(sqlite3 *db, const char *sql)
{
    must(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

/* A table that a result has a row in, and such a row. */
typedef struct {
    const char *name;
    int n_columns, seq, n;
    sqlite3_value *row[MAX_COLUMNS];
    sqlite3_stmt *insert;
} table;

/* Makes it in `to`, with its indices, as it is in `from`. */
static void
copy_table(sqlite3 *from, sqlite3 *to, const char *name)
{
    sqlite3_stmt *s;
    must(from, sqlite3_prepare_v2(from,
                                  "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND "
                                  "sql IS NOT NULL ORDER BY type = 'index'",
                                  -1, &s, NULL));
    sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    while (sqlite3_step(s) == SQLITE_ROW)
        must_exec(to, (const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
}

/* Takes the row of the last result. 0: it has none in this table. */
static int
table_open(table *self, sqlite3 *from, sqlite3 *to, const char *name)
{
    char sql[256];
    sqlite3_stmt *s;
    *self = (table){.name = name, .seq = -1, .n = -1};
    snprintf(sql, sizeof sql, "SELECT * FROM %s WHERE seq = (SELECT max(seq) FROM result)", name);
    must(from, sqlite3_prepare_v2(from, sql, -1, &s, NULL));
    if (sqlite3_step(s) != SQLITE_ROW) {
        sqlite3_finalize(s);
        return 0;
    }
    self->n_columns = sqlite3_column_count(s);
    int at = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (?", name);
    for (int i = 0; i < self->n_columns; i++) {
        self->row[i] = sqlite3_value_dup(sqlite3_column_value(s, i));
        if (strcmp(sqlite3_column_name(s, i), "seq") == 0)
            self->seq = i;
        if (strcmp(sqlite3_column_name(s, i), "n") == 0)
            self->n = i;
        if (i > 0)
            at += snprintf(sql + at, sizeof sql - (size_t)at, ", ?");
    }
    snprintf(sql + at, sizeof sql - (size_t)at, ")");
    sqlite3_finalize(s);
    copy_table(from, to, name);
    must(to, sqlite3_prepare_v3(to, sql, -1, SQLITE_PREPARE_PERSISTENT, &self->insert, NULL));
    return 1;
}

static void
table_put(table *self, sqlite3 *to, sqlite3_int64 i)
{
    for (int column = 0; column < self->n_columns; column++) {
        if (column == self->seq || column == self->n)
            sqlite3_bind_int64(self->insert, column + 1, i);
        else
            sqlite3_bind_value(self->insert, column + 1, self->row[column]);
    }
    must(to, sqlite3_step(self->insert));
    sqlite3_reset(self->insert);
}

static double
now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("rows STORE NEW N\n", stderr);
        return 2;
    }
    sqlite3 *from = must_open(argv[1]), *to = must_open(argv[2]);
    must_exec(to, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
                  "PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 16384");
    table tables[2];
    int n_tables = 0;
    n_tables += table_open(&tables[n_tables], from, to, "result");
    n_tables += table_open(&tables[n_tables], from, to, "event");
    sqlite3_int64 n = strtoll(argv[3], NULL, 10);
    double began = now();
    for (sqlite3_int64 i = 1; i <= n; i++) {
        if (i % BATCH == 1)
            must_exec(to, "BEGIN IMMEDIATE");
        for (int j = 0; j < n_tables; j++)
            table_put(&tables[j], to, i);
        if (i % BATCH == 0 || i == n)
            must_exec(to, "COMMIT");
    }
    printf("%.6f\n", now() - began);
    for (int j = 0; j < n_tables; j++)
        sqlite3_finalize(tables[j].insert);
    sqlite3_close(from);
    sqlite3_close(to);
    return 0;
}
