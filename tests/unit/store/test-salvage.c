/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of a damaged store, and of a damaged log, makes a whole one. */
#include <fcntl.h>
#include <pegbox/logger.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "store-fixture.h"
#include "store/repair.h"
#include "store/store-private.h"

#define PAGE  4096
#define FRAME (PAGE + 24)

static char *
path_of(const char *dir, const char *name)
{
    return g_build_filename(dir, name, NULL);
}

static void
put_fact(PbxStore *store, const char *key, const char *value)
{
    g_assert_true(store_put_fact(store, key, value, NULL));
}

/* n trials with `each` results; the facts that every experiment has. */
static void
fill(PbxStore *store, guint n, guint each)
{
    guint64 seq = 0;
    g_assert_true(store_begin(store, NULL));
    put_fact(store, "experiment_id", "0123");
    put_fact(store, "name", "e");
    put_fact(store, "seed", "1");
    put_fact(store, "metric", "accuracy");
    put_fact(store, "mode", "max");
    put_fact(store, "status", "done");
    put_fact(store, "spec", "{\"metric\":\"accuracy\",\"mode\":\"max\",\"seed\":1}");
    for (guint i = 0; i < n; i++) {
        PbxTrialRow trial = make_trial(i);
        const PbxAttemptRow attempt = make_attempt(i, 1);
        trial.attempts = 1;
        trial.n_results = each;
        trial.last_seq = (guint64)(i + 1) * each;
        g_assert_true(store_put_trial(store, &trial, NULL));
        g_assert_true(store_put_attempt(store, &attempt, NULL));
        for (guint j = 1; j <= each; j++) {
            const PbxResultRow result = make_result(++seq, i, j);
            const PbxEventRow event = {
                .seq = seq, .type = PBX_EVENT_RESULT, .at_ns = 1, .trial = i, .attempt = 1};
            g_assert_true(store_put_result(store, &result, NULL));
            g_assert_true(store_put_event(store, &event, NULL));
        }
    }
    g_assert_true(store_commit(store, NULL));
}

/* "WHERE: WHAT" of all that is found, a line each; NULL: beyond help. (transfer full) */
static char *
salvage(Fixture *fixture, PbxStore **made)
{
    g_clear_pointer(&fixture->store, store_close);
    g_autofree char *new_dir = path_of(fixture->dir, "new");
    g_assert_cmpint(g_mkdir(new_dir, 0700), ==, 0);
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func(finding_free);
    g_autoptr(GError) error = NULL;
    GString *text = NULL;
    if (store_salvage(fixture->dir, new_dir, findings, &error)) {
        text = g_string_new(NULL);
        *made = store_open(new_dir, FALSE, &error);
        g_assert_no_error(error);
    } else {
        g_assert_nonnull(error);
    }
    for (guint i = 0; text != NULL && i < findings->len; i++) {
        const PbxFinding *finding = findings->pdata[i];
        g_string_append_printf(text, "%s: %s\n", finding->where, finding->what);
    }
    return text != NULL ? g_string_free(text, FALSE) : NULL;
}

static void
remove_new(Fixture *fixture, PbxStore *made)
{
    store_close(made);
    g_autofree char *new_dir = path_of(fixture->dir, "new");
    static const char *const endings[] = {"", "-wal", "-shm"};
    for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *path = g_strconcat(new_dir, "/experiment.db", endings[i], NULL);
        g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(new_dir), ==, 0);
}

static void
run(Fixture *fixture, const char *sql)
{
    g_autoptr(GError) error = NULL;
    store_exec(fixture->store, sql, &error);
    g_assert_no_error(error);
}

/* ---- Rows ---- */

static const struct {
    const char *sql, *says;
} damages[] = {
    {"SELECT 1", ""},
    {"UPDATE fact SET value = 'x' WHERE key = 'mode'",
     "fact mode: its row is damaged\nfact mode: it is missing\n"},
    {"DELETE FROM fact WHERE key = 'status'", "fact status: it is missing\n"},
    {"UPDATE result SET iteration = 9 WHERE seq = 5", "result 5: its row is damaged\n"},
    {"DELETE FROM result WHERE seq = 6",
     "trial 1: 1 of its results, from 2 on in attempt 1, are missing\n"
     "result 6: it is missing, but its event is there\n"
     "trial 1: some of its results are missing\n"},
    {"DELETE FROM event WHERE seq = 6",
     "experiment.db: 1 events of results are damaged or missing\n"},
    {"UPDATE event SET type = 'save' WHERE seq = 6",
     "experiment.db: 1 events of results are damaged or missing\n"},
    {"DELETE FROM attempt WHERE trial = 1", "attempt 1/1: it has no row\n"},
    {"UPDATE trial SET best = 0 WHERE number = 1", "trial 1: its row is damaged or missing\n"},
    {"DELETE FROM trial WHERE number = 0", "trial 0: its row is damaged or missing\n"},
};

static gboolean
count_result(const PbxResultRow *row, gpointer user)
{
    (void)row;
    ++*(guint *)user;
    return TRUE;
}

static void
test_rows(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    for (gsize i = 0; i < G_N_ELEMENTS(damages); i++) {
        PbxStore *made = NULL;
        fill(fixture->store, 3, 4);
        run(fixture, damages[i].sql);
        g_autofree char *said = salvage(fixture, &made);
        /* The last one's own line says what became of its trial. */
        const gboolean same = said != NULL && g_str_has_prefix(said, damages[i].says);
        if (!same || (damages[i].says[0] == '\0' && said[0] != '\0'))
            g_error("%s: %s", damages[i].sql, said);
        guint n = 0;
        for (guint64 trial = 0; trial < 3; trial++) {
            g_autoptr(GError) error = NULL;
            g_autoptr(PbxTrialRow) row = store_trial(made, trial, &error);
            g_assert_nonnull(row);
            g_assert_true(store_each_result(made, trial, count_result, &n, &error));
        }
        g_assert_cmpuint(n, >=, 11);
        remove_new(fixture, made);
        g_autofree char *path = path_of(fixture->dir, "experiment.db");
        g_unlink(path);
        fixture->store = store_create(fixture->dir, FALSE, NULL);
    }
}

/* ---- Pages ---- */

/* Pages of the table of results are overwritten: those of the other pages are read. */
static void
test_pages(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    fill(fixture->store, 10, 100);
    int root = 0;
    g_assert_true(store_read_int(
        fixture->store, "SELECT rootpage FROM sqlite_schema WHERE name = 'result'", &root, NULL));
    g_clear_pointer(&fixture->store, store_close);
    g_autofree char *path = path_of(fixture->dir, "experiment.db");
    g_autofree char *bytes = NULL;
    gsize n = 0;
    g_assert_true(g_file_get_contents(path, &bytes, &n, NULL));
    /* The fifth child of the table's root. */
    const guint8 *page = (const guint8 *)bytes + (gsize)(root - 1) * PAGE;
    g_assert_cmpint(page[0], ==, 5);
    const guint at = (guint)page[12 + 8] << 8 | page[12 + 9];
    const guint child = (guint)page[at + 2] << 8 | page[at + 3];
    memset(bytes + (gsize)(child - 1) * PAGE, 0x55, PAGE);
    g_assert_true(g_file_set_contents(path, bytes, (gssize)n, NULL));
    PbxStore *made = NULL;
    g_autofree char *said = salvage(fixture, &made);
    g_assert_nonnull(said);
    g_assert_nonnull(strstr(said, "a page of the table result cannot be read: rows from "));
    guint results = 0;
    for (guint64 trial = 0; trial < 10; trial++) {
        g_autoptr(GError) error = NULL;
        g_assert_true(store_each_result(made, trial, count_result, &results, &error));
        g_assert_no_error(error);
    }
    g_assert_cmpuint(results, >, 900);
    g_assert_cmpuint(results, <, 1000);
    remove_new(fixture, made);
}

/* ---- The log ---- */

/* A copy of the store as it is, its log included, in a directory of its own. (transfer full) */
static char *
copy_with_log(Fixture *fixture)
{
    char *dir = g_dir_make_tmp("pegbox-store-XXXXXX", NULL);
    static const char *const names[] = {"experiment.db", "experiment.db-wal"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *from = path_of(fixture->dir, names[i]), *to = path_of(dir, names[i]);
        g_autofree char *bytes = NULL;
        gsize n = 0;
        g_assert_true(g_file_get_contents(from, &bytes, &n, NULL));
        g_assert_true(g_file_set_contents(to, bytes, (gssize)n, NULL));
    }
    return dir;
}

static void
remove_copy(char *dir)
{
    g_autofree char *db = path_of(dir, "experiment.db"), *wal = path_of(dir, "experiment.db-wal");
    g_unlink(db);
    g_unlink(wal);
    g_rmdir(dir);
    g_free(dir);
}

static void
flip(const char *dir, gint64 at)
{
    g_autofree char *path = path_of(dir, "experiment.db-wal");
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    guint8 byte = 0;
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(pread(fd, &byte, 1, at), ==, 1);
    byte ^= 0x10;
    g_assert_cmpint(pwrite(fd, &byte, 1, at), ==, 1);
    close(fd);
}

static PbxWalFacts
read_wal(const char *dir)
{
    PbxWalFacts facts;
    g_autoptr(GError) error = NULL;
    store_read_wal(dir, &facts, &error);
    g_assert_no_error(error);
    return facts;
}

static void
test_log(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    for (guint i = 0; i < 5; i++)
        put_fact(fixture->store, "status", i % 2 == 0 ? "running" : "done");
    char *dir = copy_with_log(fixture);
    const PbxWalFacts whole = read_wal(dir);
    g_assert_cmpuint(whole.frames, >=, 5);
    g_assert_cmpuint(whole.first_bad, ==, whole.frames);
    g_assert_cmpuint(whole.in_db, ==, 0);
    g_assert_cmpuint(whole.last, ==, whole.frames);
    g_assert_cmpuint(whole.lost, ==, 0);
    /* A page of the last but one. */
    const gint64 bad = 32 + (gint64)(whole.frames - 2) * FRAME;
    flip(dir, bad + 24 + 100);
    const PbxWalFacts page = read_wal(dir);
    g_assert_cmpuint(page.first_bad, ==, whole.frames - 2);
    g_assert_cmpuint(page.last, ==, whole.frames - 2);
    g_assert_cmpuint(page.lost, ==, 2);
    flip(dir, bad + 24 + 100);
    /* Its number, its salt and its own sum can be told from the rest. */
    for (gint64 at = 3; at <= 23; at += 5) {
        flip(dir, bad + at);
        const PbxWalFacts mended = read_wal(dir);
        g_assert_cmpuint(mended.first_bad, ==, whole.frames - 2);
        g_assert_cmpuint(mended.last, ==, whole.frames);
        g_assert_cmpuint(mended.lost, ==, 0);
        flip(dir, bad + at);
    }
    remove_copy(dir);
}

/* What is left of the round before is no damage, and loses nothing. */
static void
test_log_of_later_round(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    for (guint i = 0; i < 20; i++)
        put_fact(fixture->store, "status", i % 2 == 0 ? "running" : "done");
    GError *error = NULL;
    store_make_durable(fixture->store, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < 3; i++)
        put_fact(fixture->store, "status", i % 2 == 0 ? "running" : "done");
    char *dir = copy_with_log(fixture);
    g_autofree char *path = path_of(dir, "experiment.db-wal");
    GStatBuf info;
    g_assert_cmpint(g_stat(path, &info), ==, 0);
    const PbxWalFacts facts = read_wal(dir);
    g_assert_cmpuint(facts.frames, >=, 3);
    /* There are more of them than of this round. */
    g_assert_cmpint(info.st_size, >, 32 + (gint64)(2 * facts.frames + 2) * FRAME);
    g_assert_cmpuint(facts.first_bad, ==, facts.frames);
    g_assert_cmpuint(facts.last, ==, facts.frames);
    g_assert_cmpuint(facts.lost, ==, 0);
    remove_copy(dir);
}

/* What SQLite is not to be let at, and what it would lose. */
static void
test_check_log(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    guint64 lost = 9;
    for (guint i = 0; i < 5; i++)
        put_fact(fixture->store, "status", i % 2 == 0 ? "running" : "done");
    char *dir = copy_with_log(fixture);
    const guint64 frames = read_wal(dir).frames;
    g_assert_true(store_check_log(dir, &lost, NULL));
    g_assert_cmpuint(lost, ==, 0);
    /* As a crash leaves it. */
    const gint64 last = 32 + (gint64)(frames - 1) * FRAME + 24 + 100;
    flip(dir, last);
    g_assert_true(store_check_log(dir, &lost, NULL));
    g_assert_cmpuint(lost, ==, 0);
    flip(dir, last);
    flip(dir, last - 2 * FRAME);
    g_assert_true(store_check_log(dir, &lost, NULL));
    g_assert_cmpuint(lost, ==, 2);
    remove_copy(dir);
    /* Now the database has it all. */
    g_assert_true(store_make_durable(fixture->store, NULL));
    dir = copy_with_log(fixture);
    g_assert_true(store_check_log(dir, &lost, NULL));
    flip(dir, last - 2 * FRAME);
    g_assert_false(store_check_log(dir, &lost, &error));
    g_assert_error(error, PBX_STORE_ERROR, STORE_ERROR_DAMAGED);
    remove_copy(dir);
}

/* The driver was killed when it began a new round: the database has all of the one before. */
static void
test_log_with_torn_header(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    GError *error = NULL;
    guint64 lost = 7;
    for (guint i = 0; i < 5; i++)
        put_fact(fixture->store, "status", i % 2 == 0 ? "running" : "done");
    char *before = copy_with_log(fixture);
    store_make_durable(fixture->store, &error);
    g_assert_no_error(error);
    char *dir = copy_with_log(fixture);
    flip(dir, 14);
    g_assert_true(store_check_log(dir, &lost, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(lost, ==, 0);
    /* Where it has them not, they are lost. */
    flip(before, 14);
    g_assert_true(store_check_log(before, &lost, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(lost, >=, 5);
    remove_copy(dir);
    remove_copy(before);
}

static void
test_no_log(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_clear_pointer(&fixture->store, store_close);
    const PbxWalFacts facts = read_wal(fixture->dir);
    g_assert_cmpuint(facts.frames, ==, 0);
    g_assert_cmpuint(facts.lost, ==, 0);
    /* Shorter than its header, and nonsense. */
    g_autofree char *path = path_of(fixture->dir, "experiment.db-wal");
    g_assert_true(g_file_set_contents(path, "short", -1, NULL));
    g_assert_cmpuint(read_wal(fixture->dir).frames, ==, 0);
    g_autofree char *noise = g_strnfill(3 * FRAME, '\x7f');
    g_assert_true(g_file_set_contents(path, noise, 3 * FRAME, NULL));
    g_assert_cmpuint(read_wal(fixture->dir).last, ==, 0);
}

#define ADD(PATH, TEST) g_test_add(PATH, Fixture, NULL, fixture_set_up, TEST, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/store/salvage/log-of-a-later-round", test_log_of_later_round);
    ADD("/store/salvage/log-with-a-torn-header", test_log_with_torn_header);
    ADD("/store/salvage/rows-that-are-damaged-or-missing", test_rows);
    ADD("/store/salvage/pages-that-cannot-be-read", test_pages);
    ADD("/store/salvage/what-of-a-log-can-be-used", test_log);
    ADD("/store/salvage/what-a-log-has-lost", test_check_log);
    ADD("/store/salvage/no-log-and-one-that-is-none", test_no_log);
    return g_test_run();
}
