/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether an experiment.db ever held an experiment: a driver that was killed while it made one
 * leaves a file without, which stands in nobody's way. */
#include <glib/gstdio.h>
#include <string.h>

#include "store/store-private.h"

#define LEAST_PAGE 512

static int
read_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int value = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

/* What cannot be read may be anything. The first thing that a driver commits are its facts. */
static gboolean
holds_something(sqlite3 *db)
{
    const int application = read_number(db, "PRAGMA application_id");
    const int tables = read_number(db, "SELECT count(*) FROM sqlite_master");
    if (tables == 0)
        return application != 0 && application != STORE_APPLICATION_ID;
    return application != STORE_APPLICATION_ID ||
           read_number(db, "SELECT EXISTS (SELECT 1 FROM fact WHERE key <> 'durability') OR "
                           "EXISTS (SELECT 1 FROM trial)") != 0;
}

/* Directories that a driver makes before it has begun. */
static gboolean
is_early(const char *name)
{
    return name[0] == '.' || g_str_equal(name, "requests") || g_str_equal(name, "data");
}

/* Without a store: trials' directories, or a store that `repair` has moved away. */
static gboolean
has_remains(const char *dir)
{
    g_autofree char *spec = g_build_filename(dir, "experiment.json", NULL);
    const gboolean named = g_file_test(spec, G_FILE_TEST_EXISTS);
    g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
    for (const char *name; open != NULL && (name = g_dir_read_name(open)) != NULL;) {
        if (g_str_has_prefix(name, STORE_DAMAGED))
            return TRUE;
        g_autofree char *path = g_build_filename(dir, name, NULL);
        if (named && !is_early(name) && g_file_test(path, G_FILE_TEST_IS_DIR))
            return TRUE;
    }
    return FALSE;
}

gboolean
store_has_begun(const char *dir)
{
    g_autofree char *path = g_build_filename(dir, "experiment.db", NULL);
    g_autofree char *wal = g_strconcat(path, "-wal", NULL);
    GStatBuf info;
    if (g_stat(path, &info) != 0)
        return has_remains(dir);
    if (info.st_size == 0)
        return (g_stat(wal, &info) == 0 && info.st_size > 0) || has_remains(dir);
    if (info.st_size < LEAST_PAGE)
        return TRUE; /* SQLite takes any bytes that are so few for none */
    sqlite3 *db = NULL;
    const gboolean begun =
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK || holds_something(db);
    store_close_reader(db, path);
    return begun;
}

void
store_remove_unbegun(const char *dir)
{
    static const char *const names[] = {"experiment.db-journal", "experiment.db-wal",
                                        "experiment.db-shm", "experiment.db"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(dir, names[i], NULL);
        g_unlink(path);
    }
}
