/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether experiment.db is still the file that the driver writes: SQLite goes on with one that was
 * deleted, and all of it would be lost with the last descriptor. */
#include <sys/stat.h>

#include "store/store-private.h"

#define RESCUED "experiment-saved.db"

void
store_note_place(PbxStore *store)
{
    struct stat info;
    if (stat(store->path, &info) != 0)
        return;
    store->device = info.st_dev;
    store->inode = info.st_ino;
}

static gboolean
write_copy(PbxStore *store, const char *path)
{
    char *sql = sqlite3_mprintf("VACUUM INTO %Q", path);
    const gboolean ok = store_exec(store, sql, NULL);
    sqlite3_free(sql);
    return ok;
}

gboolean
store_is_in_place(const PbxStore *store)
{
    struct stat info;
    return stat(store->path, &info) == 0 && info.st_dev == store->device &&
           info.st_ino == store->inode;
}

gboolean
store_check_place(PbxStore *store, GError **error)
{
    if (store_is_in_place(store))
        return TRUE;
    const gboolean there = g_file_test(store->path, G_FILE_TEST_EXISTS);
    /* In its old place, so that all commands find it, unless something else stands there. */
    g_autofree char *dir = g_path_get_dirname(store->path);
    g_autofree char *path = there ? g_build_filename(dir, RESCUED, NULL) : g_strdup(store->path);
    if (write_copy(store, path))
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_IO,
                    "%s was removed or replaced while the experiment ran; what was recorded until "
                    "then has been written to %s",
                    store->path, path);
    else
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_IO,
                    "%s was removed, or its directory moved, while the experiment ran: nothing "
                    "more can be recorded",
                    store->path);
    return FALSE;
}
