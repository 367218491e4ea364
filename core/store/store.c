/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening and closing experiment.db, transactions, and how SQLite's failures are told. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/row-private.h"

#define BUSY_TIMEOUT_MS 10000 /* told by store_fail */

GQuark
store_error_domain(void)
{
    return g_quark_from_static_string("pbx-store-error");
}

static int
error_code(int sqlite_code)
{
    /* To try again may go well without the bytes: the system has given them up. */
    if (sqlite_code == SQLITE_IOERR_FSYNC || sqlite_code == SQLITE_IOERR_DIR_FSYNC)
        return STORE_ERROR_LOST;
    switch (sqlite_code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return STORE_ERROR_LOCKED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* statements are right, so a table or a column is not there */
        return STORE_ERROR_DAMAGED;
    default:
        return STORE_ERROR_IO;
    }
}

gboolean
store_fail(PbxStore *store, GError **error)
{
    const int extended = sqlite3_extended_errcode(store->db), code = extended & 0xff;
    const int system = sqlite3_system_errno(store->db);
    const char *why = NULL;
    if (system != 0 && (code == SQLITE_CANTOPEN || code == SQLITE_IOERR || code == SQLITE_FULL))
        why = g_strerror(system);
    else if (error_code(code) == STORE_ERROR_LOCKED)
        why = "another process has held it for 10 s";
    if (error_code(code) == STORE_ERROR_DAMAGED)
        return row_set_damaged(store, error, "%s", sqlite3_errmsg(store->db));
    g_set_error(error, PBX_STORE_ERROR, error_code(extended), "%s: %s%s%s%s", store->path,
                sqlite3_errmsg(store->db), why != NULL ? " (" : "", why != NULL ? why : "",
                why != NULL ? ")" : "");
    return FALSE;
}

sqlite3_stmt *
store_statement(PbxStore *store, PbxStatement which, const char *sql, GError **error)
{
    sqlite3_stmt **statement = &store->statements[which];
    if (*statement == NULL && sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                                 statement, NULL) != SQLITE_OK)
        store_fail(store, error);
    return *statement;
}

void
store_done(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

gboolean
store_run(PbxStore *store, sqlite3_stmt *statement, GError **error)
{
    const int code = sqlite3_step(statement);
    const gboolean ok = code == SQLITE_DONE || code == SQLITE_ROW || store_fail(store, error);
    sqlite3_reset(statement);
    return ok;
}

gboolean
store_exec(PbxStore *store, const char *sql, GError **error)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK || store_fail(store, error);
}

/* ---- Transactions ---- */

gboolean
store_begin(PbxStore *store, GError **error)
{
    const char *sql = store->writable ? "BEGIN IMMEDIATE" : "BEGIN";
    sqlite3_stmt *statement = store_statement(store, STATEMENT_BEGIN, sql, error);
    return statement != NULL && store_run(store, statement, error);
}

gboolean
store_commit(PbxStore *store, GError **error)
{
    sqlite3_stmt *statement = store_statement(store, STATEMENT_COMMIT, "COMMIT", error);
    return statement != NULL && store_run(store, statement, error);
}

/* SQLite may have rolled back by itself already, after a full disk for instance. */
void
store_rollback(PbxStore *store)
{
    if (!store_in_transaction(store))
        return;
    sqlite3_stmt *statement = store_statement(store, STATEMENT_ROLLBACK, "ROLLBACK", NULL);
    if (statement != NULL)
        store_run(store, statement, NULL);
}

gboolean
store_in_transaction(const PbxStore *store)
{
    return sqlite3_get_autocommit(store->db) == 0;
}

/* A reader of an old snapshot can keep the checkpoint from coming to the end, and then it
 * may not even have synced the WAL. */
static gboolean
sync_wal(PbxStore *store, GError **error)
{
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
    if (code == SQLITE_OK && file != NULL && file->pMethods != NULL)
        code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    if (code == SQLITE_OK)
        return TRUE;
    int number = 0;
    if (file != NULL && file->pMethods != NULL)
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number);
    g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_LOST, "%s-wal cannot be made durable: %s",
                store->path, number != 0 ? g_strerror(number) : sqlite3_errstr(code));
    return FALSE;
}

gboolean
store_make_durable(PbxStore *store, GError **error)
{
    if (store->network)
        return TRUE;
    int in_wal = 0, copied = 0;
    const int code =
        sqlite3_wal_checkpoint_v2(store->db, "main", SQLITE_CHECKPOINT_PASSIVE, &in_wal, &copied);
    if (code != SQLITE_OK && code != SQLITE_BUSY)
        return store_fail(store, error);
    return copied == in_wal || sync_wal(store, error);
}

/* ---- Opening ---- */

gboolean
store_is_network_type(guint64 type)
{
    /* Lustre, GPFS, BeeGFS and GFS2 are not in the kernel's header. */
    static const guint32 types[] = {
        NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,  SMB2_SUPER_MAGIC, CIFS_SUPER_MAGIC, AFS_SUPER_MAGIC,
        AFS_FS_MAGIC,    CODA_SUPER_MAGIC, CEPH_SUPER_MAGIC, V9FS_MAGIC,       FUSE_SUPER_MAGIC,
        0x0bd00bd0,      0x47504653,       0x19830326,       0x01161970,
    };
    for (gsize i = 0; i < G_N_ELEMENTS(types); i++) {
        if ((guint32)type == types[i])
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_on_network(const char *dir)
{
    struct statfs info;
    return statfs(dir, &info) == 0 && store_is_network_type((guint64)info.f_type);
}

gboolean
store_on_network(const PbxStore *store)
{
    return store->network;
}

gboolean
store_would_be_on_network(const char *dir)
{
    g_autofree char *at = g_canonicalize_filename(dir, NULL);
    while (!g_file_test(at, G_FILE_TEST_EXISTS)) {
        char *parent = g_path_get_dirname(at);
        g_free(at);
        at = parent;
    }
    return is_on_network(at);
}

static PbxStore *
store_new(const char *dir, gboolean writable)
{
    PbxStore *store = g_new0(PbxStore, 1);
    g_autofree char *absolute = g_canonicalize_filename(dir, NULL);
    store->path = g_build_filename(absolute, "experiment.db", NULL);
    store->writable = writable;
    store->network = is_on_network(absolute);
    return store;
}

/* Whether there is nothing in the WAL that reading the database alone would miss. */
static gboolean
wal_is_empty(const char *path)
{
    g_autofree char *wal = g_strconcat(path, "-wal", NULL);
    GStatBuf info;
    return g_stat(wal, &info) != 0 || info.st_size == 0;
}

void
store_close_reader(sqlite3 *db, const char *path)
{
    if (db != NULL && !wal_is_empty(path))
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close_v2(db);
}

void
store_close(PbxStore *store)
{
    if (store == NULL)
        return;
    if (store->writable && store->db != NULL) {
        store_rollback(store);
        store_make_durable(store, NULL);
    }
    for (int i = 0; i < N_STATEMENTS; i++)
        sqlite3_finalize(store->statements[i]);
    if (store->writable)
        sqlite3_close_v2(store->db);
    else
        store_close_reader(store->db, store->path);
    g_free(store->path);
    g_free(store);
}

static gboolean
connect_to(PbxStore *store, const char *path, int flags, GError **error)
{
    if (sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                        NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
        return TRUE;
    }
    if (store->db != NULL)
        return store_fail(store, error);
    g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_IO, "%s: out of memory", store->path);
    return FALSE;
}

gboolean
store_read_int(PbxStore *store, const char *sql, int *value, GError **error)
{
    sqlite3_stmt *statement = NULL;
    gboolean ok = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) == SQLITE_OK &&
                  sqlite3_step(statement) == SQLITE_ROW;
    if (ok)
        *value = sqlite3_column_int(statement, 0);
    else
        store_fail(store, error);
    sqlite3_finalize(statement);
    return ok;
}

static gboolean
check_rows(PbxStore *store, const char *sql, int n_summed, const char *table, GError **error)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &s, NULL) != SQLITE_OK)
        return store_fail(store, error);
    gboolean found = TRUE, ok = TRUE;
    while (ok && (ok = row_step(store, s, &found, error)) && found)
        ok = row_check(store, s, 0, n_summed, table, 1, error);
    sqlite3_finalize(s);
    return ok;
}

/* Whoever reads these takes what cannot be read for absent: what is wrong is told here. */
static gboolean
check_small_tables(PbxStore *store, GError **error)
{
    g_autofree char *first = store_fact(store, STORE_FACT_FIRST_SCHEMA);
    store->unsummed = first != NULL;
    if (!check_rows(store, "SELECT " STORE_FACT_COLUMNS " FROM fact", STORE_FACT_SUMMED, "fact",
                    error) ||
        !check_rows(store, "SELECT " STORE_CURSOR_COLUMNS " FROM cursor", STORE_CURSOR_SUMMED,
                    "cursor", error))
        return FALSE;
    g_autofree char *repaired = store_fact(store, "repaired");
    store->holes = repaired != NULL;
    return TRUE;
}

static gboolean
check_schema(PbxStore *store, int *version, GError **error)
{
    int application = 0;
    if (!store_read_int(store, "PRAGMA application_id", &application, error) ||
        !store_read_int(store, "PRAGMA user_version", version, error))
        return FALSE;
    if (application != STORE_APPLICATION_ID) {
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_SCHEMA, "%s is not a pegbox store",
                    store->path);
        return FALSE;
    }
    if (*version > STORE_SCHEMA_VERSION) {
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_SCHEMA,
                    "%s was written by a newer pegbox (schema %d; this one knows up to %d)",
                    store->path, *version, STORE_SCHEMA_VERSION);
        return FALSE;
    }
    if (*version < STORE_SCHEMA_VERSION && !store->writable) {
        g_set_error(
            error, PBX_STORE_ERROR, STORE_ERROR_OLDER,
            "%s was written by an older pegbox (schema %d; this one reads %d), and cannot be "
            "written to bring it up to date",
            store->path, *version, STORE_SCHEMA_VERSION);
        return FALSE;
    }
    return *version < STORE_SCHEMA_VERSION || check_small_tables(store, error);
}

gboolean
store_set_durability(PbxStore *store, gboolean full, GError **error)
{
    return store_exec(store, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                      error);
}

/* The driver makes what it committed durable once a second, so SQLite's own checkpoints,
 * which would hold up a commit, are only for the case that it does not come to that. */
static gboolean
prepare_writer(PbxStore *store, gboolean full, GError **error)
{
    const char *journal =
        store->network ? "PRAGMA journal_mode = TRUNCATE" : "PRAGMA journal_mode = WAL";
    return store_exec(store, journal, error) && store_set_durability(store, full, error) &&
           store_exec(store,
                      "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;"
                      "PRAGMA wal_autocheckpoint = 16384; PRAGMA journal_size_limit = 67108864",
                      error);
}

PbxStore *
store_create(const char *dir, gboolean full, GError **error)
{
    g_autoptr(PbxStore) store = store_new(dir, TRUE);
    if (!store_has_begun(dir))
        store_remove_unbegun(dir);
    const int fd = g_open(store->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
    if (fd < 0) {
        const int saved = errno;
        if (saved == EEXIST)
            g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_EXISTS,
                        "%s: an experiment is already there", dir);
        else
            g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_IO, "%s: %s", store->path,
                        g_strerror(saved));
        return NULL;
    }
    close(fd);
    if (!connect_to(store, store->path, SQLITE_OPEN_READWRITE, error) ||
        !prepare_writer(store, full, error) || !store_migrate(store, 0, error))
        return NULL;
    store_note_place(store);
    if (full &&
        (!store_begin(store, error) || !store_put_fact(store, "durability", "full", error) ||
         !store_commit(store, error)))
        return NULL;
    return g_steal_pointer(&store);
}

static PbxStore *
open_writer(PbxStore *opened, GError **error)
{
    g_autoptr(PbxStore) store = opened;
    int version = 0;
    if (!connect_to(store, store->path, SQLITE_OPEN_READWRITE, error) ||
        !check_schema(store, &version, error) || !store_migrate(store, version, error))
        return NULL;
    g_autofree char *durability = store_fact(store, "durability");
    if (!prepare_writer(store, g_strcmp0(durability, "full") == 0, error))
        return NULL;
    store_note_place(store);
    return g_steal_pointer(&store);
}

/* Where the directory cannot be written SQLite cannot make the shared memory of the WAL;
 * without a WAL the database can be read as it stands. */
static PbxStore *
open_immutable(PbxStore *opened, GError **error)
{
    g_autoptr(PbxStore) store = opened;
    g_autofree char *file = g_filename_to_uri(store->path, NULL, error);
    if (file == NULL)
        return NULL;
    g_autofree char *uri = g_strconcat(file, "?immutable=1", NULL);
    int version = 0;
    if (!connect_to(store, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, error) ||
        !check_schema(store, &version, error))
        return NULL;
    return g_steal_pointer(&store);
}

/* Not SQLITE_OPEN_READONLY: such a connection would leave the WAL's files behind. */
static PbxStore *
open_reader(PbxStore *opened, GError **error)
{
    g_autoptr(PbxStore) store = opened;
    g_autoptr(GError) first = NULL;
    int version = 0;
    if (connect_to(store, store->path, SQLITE_OPEN_READWRITE, &first) &&
        check_schema(store, &version, &first) &&
        store_exec(store, "PRAGMA query_only = 1; PRAGMA temp_store = MEMORY", &first))
        return g_steal_pointer(&store);
    const int code = store->db != NULL ? sqlite3_errcode(store->db) & 0xff : SQLITE_NOMEM;
    const gboolean unwritable = g_error_matches(first, PBX_STORE_ERROR, STORE_ERROR_IO) &&
                                (code == SQLITE_CANTOPEN || code == SQLITE_READONLY);
    if (!unwritable) {
        g_propagate_error(error, g_steal_pointer(&first));
        return NULL;
    }
    if (!wal_is_empty(store->path)) {
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_IO,
                    "%s: its last writes are in experiment.db-wal, which cannot be read in a "
                    "directory that cannot be written; copy the directory and look there",
                    store->path);
        return NULL;
    }
    sqlite3_close(g_steal_pointer(&store->db));
    return open_immutable(g_steal_pointer(&store), error);
}

PbxStore *
store_open_unchecked(const char *dir, GError **error)
{
    g_autoptr(PbxStore) store = store_new(dir, TRUE);
    if (!connect_to(store, store->path, SQLITE_OPEN_READWRITE, error))
        return NULL;
    return g_steal_pointer(&store);
}

/* FALSE: it may not be written. */
static gboolean
bring_up_to_date(const char *dir)
{
    PbxStore *store = store_new(dir, TRUE);
    if (store->network) {
        store_close(store);
        return FALSE;
    }
    g_autoptr(PbxStore) writer = open_writer(store, NULL);
    return writer != NULL;
}

/* Before SQLite sees it, which takes no bytes for an empty database. */
static gboolean
check_file(const PbxStore *store, const char *dir, GError **error)
{
    g_autofree char *wal = g_strconcat(store->path, "-wal", NULL);
    g_autofree char *damaged = g_build_filename(dir, STORE_DAMAGED, NULL);
    GStatBuf info;
    const gboolean there = g_stat(store->path, &info) == 0 || errno != ENOENT;
    if (there && (info.st_size > 0 || (g_stat(wal, &info) == 0 && info.st_size > 0)))
        return TRUE;
    if (!store_has_begun(dir)) {
        if (!there)
            g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_NONE,
                        "no experiment in %s: it has no experiment.db", dir);
        return there;
    }
    const char *then = g_file_test(damaged, G_FILE_TEST_EXISTS)
                           ? "a repair has not come to its end; `pegbox repair` begins it again"
                           : "there are trials beside it, but what was known of them is gone";
    g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_DAMAGED, "%s is %s: %s", store->path,
                there ? "empty" : "missing", then);
    return FALSE;
}

PbxStore *
store_open(const char *dir, gboolean writable, GError **error)
{
    g_autoptr(PbxStore) store = store_new(dir, writable);
    if (!check_file(store, dir, error))
        return NULL;
    if (writable)
        return open_writer(g_steal_pointer(&store), error);
    g_autoptr(GError) failed = NULL;
    PbxStore *reader = open_reader(g_steal_pointer(&store), &failed);
    if (g_error_matches(failed, PBX_STORE_ERROR, STORE_ERROR_OLDER) && bring_up_to_date(dir))
        return open_reader(store_new(dir, FALSE), error);
    if (failed != NULL)
        g_propagate_error(error, g_steal_pointer(&failed));
    return reader;
}
