/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What belongs to a slot: the files of a logger, and all of one that has gone. */
#include "store/row-private.h"

gboolean
store_each_file(PbxStore *store, const char *slot, PbxFileFunc func, gpointer user, GError **error)
{
    sqlite3_stmt *s = store_statement(
        store, STATEMENT_FILES, "SELECT " STORE_FILE_COLUMNS " FROM file WHERE slot = ?", error);
    if (s == NULL)
        return FALSE;
    sqlite3_bind_text(s, 1, slot, -1, SQLITE_STATIC);
    gboolean found = TRUE, ok = TRUE, more = TRUE;
    while (more && (ok = row_step(store, s, &found, error)) && found) {
        if (!(ok = row_check(store, s, 0, STORE_FILE_SUMMED, "file", 3, error)))
            break;
        more = func((guint64)sqlite3_column_int64(s, 1), row_text(s, 2),
                    (guint64)sqlite3_column_int64(s, 3), user);
    }
    store_done(s);
    return ok;
}

gboolean
store_drop_files(PbxStore *store, const char *slot, guint64 trial, GError **error)
{
    sqlite3_stmt *s = store_statement(store, STATEMENT_DROP_FILES,
                                      "DELETE FROM file WHERE slot = ? AND trial = ?", error);
    if (s == NULL)
        return FALSE;
    sqlite3_bind_text(s, 1, slot, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, (gint64)trial);
    return store_run(store, s, error);
}

gboolean
store_drop_slot(PbxStore *store, const char *slot, GError **error)
{
#define OF_SLOT "slot = ?1 OR substr(slot, 1, length(?1) + 1) = ?1 || '.'"
    static const char *const texts[] = {
        "DELETE FROM file WHERE " OF_SLOT, "DELETE FROM cursor WHERE " OF_SLOT,
        "DELETE FROM decider WHERE " OF_SLOT, "DELETE FROM input WHERE " OF_SLOT};
#undef OF_SLOT
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        sqlite3_stmt *s = NULL;
        if (sqlite3_prepare_v2(store->db, texts[i], -1, &s, NULL) != SQLITE_OK)
            return store_fail(store, error);
        sqlite3_bind_text(s, 1, slot, -1, SQLITE_STATIC);
        const gboolean ok = store_run(store, s, error);
        sqlite3_finalize(s);
        if (!ok)
            return FALSE;
    }
    return TRUE;
}
