/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening: whose file it is, who may read when, and what failures say. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store-fixture.h"
#include "store/store-private.h"

static char *
path_of(Fixture *fixture, const char *name)
{
    return g_build_filename(fixture->dir, name, NULL);
}

static void
put_one(PbxStore *store, guint64 number)
{
    const PbxTrialRow row = make_trial(number);
    g_autoptr(GError) error = NULL;
    store_begin(store, &error);
    g_assert_no_error(error);
    store_put_trial(store, &row, &error);
    g_assert_no_error(error);
    store_commit(store, &error);
    g_assert_no_error(error);
}

static gboolean
has(PbxStore *store, guint64 number)
{
    g_autoptr(PbxTrialRow) row = store_trial(store, number, NULL);
    return row != NULL;
}

/* Runs SQL on the closed store. */
static void
alter(Fixture *fixture, const char *sql)
{
    g_clear_pointer(&fixture->store, store_close);
    g_autofree char *path = path_of(fixture, "experiment.db");
    sqlite3 *db = NULL;
    g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
    sqlite3_close(db);
}

static void
test_exists(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    put_one(fixture->store, 0);
    g_assert_true(store_has_begun(fixture->dir));
    g_assert_null(store_create(fixture->dir, FALSE, &error));
    g_assert_error(error, PBX_STORE_ERROR, STORE_ERROR_EXISTS);
}

/* What a driver leaves that is killed while it makes its store: a file without a byte, without a
 * table, without a fact. */
static void
test_unbegun(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    g_autofree char *path = path_of(fixture, "experiment.db");
    for (int left = 0; left < 3; left++) {
        g_clear_pointer(&fixture->store, store_close);
        if (left < 2)
            g_assert_cmpint(g_unlink(path), ==, 0);
        if (left == 0)
            g_assert_true(g_file_set_contents(path, "", 0, NULL));
        else if (left == 1)
            alter(fixture, "PRAGMA journal_mode = WAL");
        g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
        g_assert_false(store_has_begun(fixture->dir));
        fixture->store = store_create(fixture->dir, left == 1, &error);
        g_assert_no_error(error);
    }
    put_one(fixture->store, 0);
    g_assert_true(store_has_begun(fixture->dir));
}

static void
test_foreign_is_kept(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    static const char *const texts[] = {"This is no database, and longer than a header of one is. "
                                        "It is somebody's notes, and they want to keep them.",
                                        "x"};
    g_autofree char *path = path_of(fixture, "experiment.db");
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_clear_pointer(&fixture->store, store_close);
        g_assert_true(g_file_set_contents(path, texts[i], -1, NULL));
        g_assert_null(store_create(fixture->dir, FALSE, &error));
        g_assert_error(error, PBX_STORE_ERROR, STORE_ERROR_EXISTS);
        g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    }
}

static void
test_none(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(store_open("/nonexistent", FALSE, &error));
    g_assert_error(error, PBX_STORE_ERROR, STORE_ERROR_NONE);
    g_clear_error(&error);
    g_assert_null(store_create("/nonexistent", FALSE, &error));
    g_assert_error(error, PBX_STORE_ERROR, STORE_ERROR_IO);
    g_assert_cmpstr(error->message, ==, "/nonexistent/experiment.db: No such file or directory");
}

static void
assert_refused(Fixture *fixture, gboolean writable, int code, const char *says)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(store_open(fixture->dir, writable, &error));
    g_assert_error(error, PBX_STORE_ERROR, code);
    g_assert_true(g_str_has_prefix(error->message, fixture->dir));
    g_assert_nonnull(strstr(error->message, says));
}

static void
test_foreign(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    alter(fixture, "PRAGMA application_id = 7");
    assert_refused(fixture, FALSE, STORE_ERROR_SCHEMA, "is not a pegbox store");
    assert_refused(fixture, TRUE, STORE_ERROR_SCHEMA, "is not a pegbox store");
    g_autofree char *path = path_of(fixture, "experiment.db");
    g_assert_true(g_file_set_contents(path,
                                      "no database at all, but long enough to be read "
                                      "as the header of one, which has 100 bytes ......",
                                      -1, NULL));
    assert_refused(fixture, FALSE, STORE_ERROR_DAMAGED, "file is not a database");
}

static void
test_newer(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    alter(fixture, "PRAGMA user_version = 99");
    assert_refused(fixture, FALSE, STORE_ERROR_SCHEMA, "written by a newer pegbox (schema 99");
    assert_refused(fixture, TRUE, STORE_ERROR_SCHEMA, "written by a newer pegbox (schema 99");
}

/* An older store is brought up to date, by readers too. */
static void
test_older(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    alter(fixture, "DROP TABLE fact; DROP TABLE trial; DROP TABLE attempt; DROP TABLE result; "
                   "DROP TABLE event; DROP TABLE decider; DROP TABLE cursor; DROP TABLE file; "
                   "DROP TABLE checkpoint; DROP TABLE input; "
                   "PRAGMA user_version = 0");
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxStore) reader = store_open(fixture->dir, FALSE, &error);
    g_assert_no_error(error);
    fixture->store = store_open(fixture->dir, TRUE, &error);
    g_assert_no_error(error);
    put_one(fixture->store, 1);
    g_assert_true(has(fixture->store, 1));
    g_assert_true(has(reader, 1));
    /* Another one may be first. */
    g_assert_true(store_migrate(fixture->store, 0, &error));
    g_assert_no_error(error);
    g_assert_true(has(reader, 1));
}

static void
test_older_unwritable(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    alter(fixture, "PRAGMA journal_mode = DELETE; PRAGMA user_version = 1");
    g_autofree char *path = path_of(fixture, "experiment.db");
    g_assert_cmpint(g_chmod(path, 0444), ==, 0);
    g_assert_cmpint(g_chmod(fixture->dir, 0555), ==, 0);
    g_autoptr(GError) error = NULL;
    PbxStore *store = geteuid() != 0 ? store_open(fixture->dir, FALSE, &error) : NULL;
    g_assert_cmpint(g_chmod(fixture->dir, 0755), ==, 0);
    if (geteuid() == 0) {
        g_test_skip("root may write everywhere");
        return;
    }
    g_assert_null(store);
    g_assert_error(error, PBX_STORE_ERROR, STORE_ERROR_OLDER);
    g_assert_nonnull(strstr(error->message, "written by an older pegbox (schema 1"));
}

static void
test_reader_beside_writer(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    put_one(fixture->store, 1);
    g_autoptr(GError) error = NULL;
    const PbxTrialRow row = make_trial(2);
    g_assert_true(store_begin(fixture->store, NULL));
    g_assert_true(store_put_trial(fixture->store, &row, NULL));
    g_autoptr(PbxStore) reader = store_open(fixture->dir, FALSE, &error);
    g_assert_no_error(error);
    g_assert_true(has(reader, 1));
    g_assert_false(has(reader, 2));
    g_assert_true(store_commit(fixture->store, NULL));
    g_assert_true(has(reader, 2));
}

/* A reader that holds an old snapshot must not keep commits from the disk. */
static void
test_durable_beside_reader(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    put_one(fixture->store, 1);
    g_autoptr(PbxStore) reader = store_open(fixture->dir, FALSE, NULL);
    g_assert_true(store_begin(reader, NULL));
    g_assert_true(has(reader, 1));
    put_one(fixture->store, 2);
    g_autoptr(GError) error = NULL;
    g_assert_true(store_make_durable(fixture->store, &error));
    g_assert_no_error(error);
    g_assert_false(has(reader, 2));
    store_rollback(reader);
    g_assert_true(has(reader, 2));
}

/* In the place of libc's, for SQLite too. */
static int sync_errno;

int
fdatasync(int fd)
{
    errno = sync_errno;
    return sync_errno != 0 ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
    errno = sync_errno;
    return sync_errno != 0 ? -1 : (int)syscall(SYS_fsync, fd);
}

/* The next one may go well without the bytes: it is no error that may pass. */
static void
assert_lost(PbxStore *store)
{
    g_autoptr(GError) error = NULL;
    put_one(store, 2);
    sync_errno = EIO;
    g_assert_false(store_make_durable(store, &error));
    sync_errno = 0;
    g_assert_error(error, PBX_STORE_ERROR, STORE_ERROR_LOST);
    g_assert_nonnull(strstr(error->message, "experiment.db"));
    g_assert_nonnull(strstr(error->message, g_strerror(EIO)));
}

static void
test_sync_fails(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    assert_lost(fixture->store);
    /* A reader keeps SQLite from what would have synced. */
    put_one(fixture->store, 1);
    g_autoptr(PbxStore) reader = store_open(fixture->dir, FALSE, NULL);
    g_assert_true(store_begin(reader, NULL));
    g_assert_true(has(reader, 1));
    assert_lost(fixture->store);
}

static void
test_reader_cannot_write(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_autoptr(PbxStore) reader = store_open(fixture->dir, FALSE, NULL);
    g_autoptr(GError) error = NULL;
    g_assert_false(store_put_fact(reader, "a", "b", &error));
    g_assert_error(error, PBX_STORE_ERROR, STORE_ERROR_IO);
}

static void
test_leaves_nothing(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    put_one(fixture->store, 1);
    g_clear_pointer(&fixture->store, store_close);
    PbxStore *reader = store_open(fixture->dir, FALSE, NULL);
    g_assert_true(has(reader, 1));
    store_close(reader);
    g_autofree char *wal = path_of(fixture, "experiment.db-wal");
    g_autofree char *shm = path_of(fixture, "experiment.db-shm");
    g_assert_false(g_file_test(wal, G_FILE_TEST_EXISTS));
    g_assert_false(g_file_test(shm, G_FILE_TEST_EXISTS));
}

static int
run_child(void (*body)(Fixture *fixture), Fixture *fixture)
{
    const pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        body(fixture);
        _exit(0);
    }
    int status = 0;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    return status;
}

static void
write_and_die(Fixture *fixture)
{
    PbxStore *store = store_open(fixture->dir, TRUE, NULL);
    put_one(store, 1);
    const PbxTrialRow row = make_trial(2);
    if (store_begin(store, NULL) && store_put_trial(store, &row, NULL))
        kill(getpid(), SIGKILL);
}

static void
test_killed(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_clear_pointer(&fixture->store, store_close);
    const int status = run_child(write_and_die, fixture);
    g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    g_autoptr(PbxStore) reader = store_open(fixture->dir, FALSE, NULL);
    g_assert_nonnull(reader);
    g_assert_true(has(reader, 1));
    g_assert_false(has(reader, 2));
}

static int
read_one(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxStore) reader = store_open(fixture->dir, FALSE, &error);
    if (reader == NULL)
        return strstr(error->message, "copy the directory") != NULL ? 2 : 1;
    return has(reader, 1) ? 0 : 3;
}

/* By way of another program: valgrind would take what the parent has for leaks of the child. */
static void
leave(int code)
{
    char script[16];
    g_snprintf(script, sizeof script, "exit %d", code);
    execl("/bin/sh", "sh", "-c", script, NULL);
    _exit(127);
}

/* As somebody who may not write the directory; root may write all. */
static void
read_as_nobody(Fixture *fixture)
{
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        leave(77);
    leave(read_one(fixture));
}

static void
test_read_only_directory(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    put_one(fixture->store, 1);
    g_clear_pointer(&fixture->store, store_close);
    g_autofree char *db = path_of(fixture, "experiment.db");
    g_assert_cmpint(g_chmod(db, 0444), ==, 0);
    g_assert_cmpint(g_chmod(fixture->dir, 0555), ==, 0);
    const int status = run_child(read_as_nobody, fixture);
    g_assert_cmpint(g_chmod(fixture->dir, 0755), ==, 0);
    g_assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        g_test_skip("cannot become nobody");
    else
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

/* What a killed driver left in the WAL would be missed. */
static void
test_read_only_with_wal(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_clear_pointer(&fixture->store, store_close);
    run_child(write_and_die, fixture);
    g_autofree char *db = path_of(fixture, "experiment.db");
    g_autofree char *wal = path_of(fixture, "experiment.db-wal");
    g_autofree char *shm = path_of(fixture, "experiment.db-shm");
    g_unlink(shm);
    g_assert_cmpint(g_chmod(db, 0444), ==, 0);
    g_assert_cmpint(g_chmod(wal, 0444), ==, 0);
    g_assert_cmpint(g_chmod(fixture->dir, 0555), ==, 0);
    const int status = run_child(read_as_nobody, fixture);
    g_assert_cmpint(g_chmod(fixture->dir, 0755), ==, 0);
    if (WEXITSTATUS(status) == 77)
        g_test_skip("cannot become nobody");
    else
        g_assert_cmpint(WEXITSTATUS(status), ==, 2);
}

/* A disk that is full, as far as a process can have one. */
static void
write_until_full(Fixture *fixture)
{
    PbxStore *store = store_open(fixture->dir, TRUE, NULL);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {.rlim_cur = 256 * 1024, .rlim_max = 256 * 1024};
    if (store == NULL || setrlimit(RLIMIT_FSIZE, &limit) != 0)
        _exit(1);
    g_autofree char *large = g_strnfill(100000, 'x');
    PbxTrialRow row = make_trial(0);
    row.error = large;
    g_autoptr(GError) error = NULL;
    for (row.number = 0; row.number < 100 && error == NULL; row.number++) {
        if (store_begin(store, &error) && store_put_trial(store, &row, &error))
            store_commit(store, &error);
    }
    if (error == NULL || error->code != STORE_ERROR_IO)
        _exit(2);
    if (!g_str_has_prefix(error->message, fixture->dir))
        _exit(3);
    store_rollback(store);
    _exit(store_in_transaction(store) ? 4 : has(store, 0) ? 0 : 5);
}

static void
test_full(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_clear_pointer(&fixture->store, store_close);
    const int status = run_child(write_until_full, fixture);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static void
assert_synchronous(Fixture *fixture, int level)
{
    int is = -1;
    sqlite3_stmt *statement = NULL;
    sqlite3_prepare_v2(fixture->store->db, "PRAGMA synchronous", -1, &statement, NULL);
    if (sqlite3_step(statement) == SQLITE_ROW)
        is = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    g_assert_cmpint(is, ==, level);
}

static void
test_durability(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    g_clear_pointer(&fixture->store, store_close);
    g_autofree char *path = path_of(fixture, "experiment.db");
    g_unlink(path);
    fixture->store = store_create(fixture->dir, TRUE, &error);
    g_assert_no_error(error);
    for (int i = 0; i < 2; i++) { /* kept when it is opened again */
        assert_synchronous(fixture, 2);
        g_clear_pointer(&fixture->store, store_close);
        fixture->store = store_open(fixture->dir, TRUE, &error);
        g_assert_no_error(error);
    }
    g_assert_true(store_set_durability(fixture->store, FALSE, &error));
    assert_synchronous(fixture, 1);
    g_assert_true(store_set_durability(fixture->store, TRUE, &error));
    assert_synchronous(fixture, 2);
}

static void
test_network(void)
{
    g_assert_true(store_is_network_type(0x6969));     /* NFS */
    g_assert_true(store_is_network_type(0xff534d42)); /* CIFS */
    g_assert_true(store_is_network_type((guint64)(gint32)0xff534d42));
    g_assert_true(store_is_network_type(0x0bd00bd0));  /* Lustre */
    g_assert_false(store_is_network_type(0xef53));     /* ext4 */
    g_assert_false(store_is_network_type(0x01021994)); /* tmpfs */
}

#define ADD(PATH, TEST) g_test_add(PATH, Fixture, NULL, fixture_set_up, TEST, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/store/create/refuses-a-second", test_exists);
    ADD("/store/create/takes-the-place-of-one-that-never-began", test_unbegun);
    ADD("/store/create/keeps-a-foreign-file", test_foreign_is_kept);
    g_test_add_func("/store/open/says-that-there-is-none", test_none);
    ADD("/store/open/refuses-a-foreign-file", test_foreign);
    ADD("/store/open/refuses-a-newer-schema", test_newer);
    ADD("/store/open/migrates-an-older-schema", test_older);
    ADD("/store/open/older-and-unwritable", test_older_unwritable);
    ADD("/store/open/a-reader-works-beside-a-writer", test_reader_beside_writer);
    ADD("/store/open/durable-beside-an-old-snapshot", test_durable_beside_reader);
    ADD("/store/open/sync-fails", test_sync_fails);
    ADD("/store/open/a-reader-cannot-write", test_reader_cannot_write);
    ADD("/store/open/a-reader-leaves-nothing-behind", test_leaves_nothing);
    ADD("/store/open/what-was-committed-survives-kill", test_killed);
    ADD("/store/open/reads-a-read-only-directory", test_read_only_directory);
    ADD("/store/open/says-that-the-wal-cannot-be-read", test_read_only_with_wal);
    ADD("/store/open/a-full-disk-is-an-error-with-the-path", test_full);
    ADD("/store/open/full-durability-is-kept", test_durability);
    g_test_add_func("/store/open/knows-network-file-systems", test_network);
    return g_test_run();
}
