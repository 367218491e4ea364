/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* files/1: what loggers ask for is written whole, in order, and where it belongs. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "checkpoint/checkpoint.h"
#include "experiment/logging-private.h"

/* Directories that are taken away as soon as they are made: as by a worker that found its trial's
 * empty. */
static guint taken_away;

int
mkdir(const char *path, mode_t mode)
{
    int status = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (status == 0 && taken_away > 0) {
        taken_away--;
        rmdir(path);
    }
    return status;
}

typedef struct {
    char *dir;
    PbxLogFiles files;
    PbxHost *host;
    GString *warnings;
} Fixture;

static void
warn(const char *message, gpointer user)
{
    g_string_append_printf(user, "%s\n", message);
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->dir = g_dir_make_tmp("pegbox-files-XXXXXX", NULL);
    fixture->warnings = g_string_new(NULL);
    log_files_init(&fixture->files, warn, fixture->warnings);
    fixture->files.experiment_dir = g_strdup(fixture->dir);
    fixture->host = host_new("loggers[0]", NULL, 1, NULL, NULL, NULL);
    host_add_service(fixture->host, PBX_FILES_ID, &log_files_service, &fixture->files);
    g_autofree char *trial = g_build_filename(fixture->dir, "trial", NULL);
    log_files_trial(&fixture->files, 3, trial);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    (void)data;
    host_free(fixture->host);
    log_files_clear(&fixture->files);
    g_string_free(fixture->warnings, TRUE);
    g_assert_true(checkpoint_remove(fixture->dir, NULL));
    g_free(fixture->dir);
}

static void
append(Fixture *fixture, guint64 trial, const char *name, const char *text)
{
    g_assert_cmpint(
        log_files_service.append(host_abi(fixture->host), trial, name, text, strlen(text)), ==,
        PBX_OK);
}

static void
assert_file(Fixture *fixture, const char *name, const char *expected)
{
    g_autofree char *path = g_build_filename(fixture->dir, name, NULL);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, expected);
}

static void
test_order(Fixture *fixture, gconstpointer data)
{
    (void)data;
    const pbx_host *host = host_abi(fixture->host);
    append(fixture, 3, "result.json", "a\n");
    append(fixture, 3, "result.json", "b\n");
    append(fixture, PBX_NONE, "all.txt", "x");
    g_assert_cmpint(log_files_service.replace(host, 3, "progress.csv", "old", 3), ==, PBX_OK);
    append(fixture, 3, "progress.csv", "er");
    /* Nothing is there before it is performed: not even the trial's directory. */
    g_autofree char *trial = g_build_filename(fixture->dir, "trial", NULL);
    g_assert_false(g_file_test(trial, G_FILE_TEST_EXISTS));
    g_assert_true(log_files_perform(&fixture->files, NULL));
    assert_file(fixture, "trial/result.json", "a\nb\n");
    assert_file(fixture, "trial/progress.csv", "older");
    assert_file(fixture, "all.txt", "x");
    append(fixture, 3, "result.json", "c\n");
    g_assert_true(log_files_perform(&fixture->files, NULL));
    assert_file(fixture, "trial/result.json", "a\nb\nc\n");
}

static pbx_status
gather(void *ctx, const void *bytes, size_t n)
{
    g_string_append_len(ctx, bytes, (gssize)n);
    return PBX_OK;
}

static void
test_read(Fixture *fixture, gconstpointer data)
{
    (void)data;
    const pbx_host *host = host_abi(fixture->host);
    g_autoptr(GString) text = g_string_new(NULL);
    pbx_sink sink = {.ctx = text, .write = gather};
    g_assert_cmpint(log_files_service.read(host, 3, "f", &sink), ==, PBX_ESTATE);
    append(fixture, 3, "f", "one");
    g_assert_true(log_files_perform(&fixture->files, NULL));
    append(fixture, 3, "f", " two");
    g_assert_cmpint(log_files_service.read(host, 3, "f", &sink), ==, PBX_OK);
    g_assert_cmpstr(text->str, ==, "one two");
    log_files_service.replace(host, 3, "f", "new", 3);
    append(fixture, 3, "f", "er");
    g_string_truncate(text, 0);
    g_assert_cmpint(log_files_service.read(host, 3, "f", &sink), ==, PBX_OK);
    g_assert_cmpstr(text->str, ==, "newer");
}

static void
test_refused(Fixture *fixture, gconstpointer data)
{
    (void)data;
    const pbx_host *host = host_abi(fixture->host);
    const char *const names[] = {"../out", "a/b", "", ".", ".."};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_cmpint(log_files_service.append(host, 3, names[i], "x", 1), ==, PBX_EINVAL);
    g_assert_cmpint(log_files_service.append(host, 4, "x", "x", 1), ==, PBX_ESTATE);
}

/* Limits the size of files, so that a write fails as on a full disk. */
static void
limit_size(rlim_t size)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = MIN(size, limit.rlim_max);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    signal(SIGXFSZ, SIG_IGN);
}

static void
test_failed_write(Fixture *fixture, gconstpointer data)
{
    (void)data;
    /* What an earlier run of the program left there stays, whatever this one wrote itself. */
    g_autofree char *path = g_build_filename(fixture->dir, "trial", "f", NULL);
    g_autofree char *dir = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(dir, 0777), ==, 0);
    g_assert_true(g_file_set_contents(path, "zero ", -1, NULL));
    append(fixture, 3, "f", "first and second");
    limit_size(10);
    g_autoptr(GError) error = NULL;
    gboolean whole = log_files_perform(&fixture->files, &error);
    limit_size(RLIM_INFINITY);
    g_assert_false(whole);
    g_assert_nonnull(strstr(error->message, path));
    assert_file(fixture, "trial/f", "zero ");
    g_assert_true(log_files_perform(&fixture->files, NULL));
    assert_file(fixture, "trial/f", "zero first and second");
    g_assert_cmpstr(fixture->warnings->str, ==, "");
}

static void
test_unusable_file(Fixture *fixture, gconstpointer data)
{
    (void)data;
    /* A directory and a pipe in the files' places: these are left out, the others are not. */
    g_autofree char *path = g_build_filename(fixture->dir, "trial", "f", NULL);
    g_autofree char *pipe = g_build_filename(fixture->dir, "trial", "p", NULL);
    g_assert_cmpint(g_mkdir_with_parents(path, 0777), ==, 0);
    g_assert_cmpint(mkfifo(pipe, 0666), ==, 0);
    for (int i = 0; i < 2; i++) {
        append(fixture, 3, "f", "x");
        append(fixture, 3, "p", "x");
        append(fixture, 3, "g", "y");
        append(fixture, PBX_NONE, "f", "z");
        g_assert_true(log_files_perform(&fixture->files, NULL));
    }
    assert_file(fixture, "trial/g", "yy");
    assert_file(fixture, "f", "zz");
    g_auto(GStrv) lines = g_strsplit(fixture->warnings->str, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    g_assert_nonnull(strstr(lines[0], path));
    g_assert_nonnull(strstr(lines[1], pipe));
}

static void
test_failed_call(Fixture *fixture, gconstpointer data)
{
    (void)data;
    append(fixture, 3, "f", "kept");
    log_files_mark(&fixture->files);
    append(fixture, 3, "f", " half");
    append(fixture, 3, "g", "half");
    log_files_undo(&fixture->files);
    append(fixture, 3, "f", " whole");
    g_assert_true(log_files_perform(&fixture->files, NULL));
    assert_file(fixture, "trial/f", "kept whole");
    g_autofree char *path = g_build_filename(fixture->dir, "trial", "g", NULL);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void
test_directory_taken_away(Fixture *fixture, gconstpointer data)
{
    (void)data;
    append(fixture, 3, "f", "text");
    taken_away = 3;
    g_assert_true(log_files_perform(&fixture->files, NULL));
    g_assert_cmpuint(taken_away, ==, 0);
    g_assert_cmpstr(fixture->warnings->str, ==, "");
    assert_file(fixture, "trial/f", "text");
}

/* An experiment that was moved away while it ran does not come back as a few log files. */
static void
test_moved_experiment(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autofree char *moved = g_strconcat(fixture->dir, "-moved", NULL);
    append(fixture, 3, "f", "text");
    append(fixture, PBX_NONE, "g", "text");
    g_assert_cmpint(g_rename(fixture->dir, moved), ==, 0);
    g_assert_true(log_files_perform(&fixture->files, NULL));
    g_assert_false(g_file_test(fixture->dir, G_FILE_TEST_EXISTS));
    g_assert_cmpstr(fixture->warnings->str, ==, ""); /* the driver tells it, once */
    g_assert_cmpint(g_rename(moved, fixture->dir), ==, 0);
}

/* A logger that does not want to hear of ends: what is kept of a trial must go all the same. */
static void
test_ends_are_seen(Fixture *fixture, gconstpointer data)
{
    (void)fixture, (void)data;
    const pbx_logger vtable = {.struct_size = sizeof vtable,
                               .wanted = PBX_WANTS(PBX_EVENT_TRIAL_START)};
    PbxLogger logger = {.vtable = &vtable};
    g_autoptr(GPtrArray) events = g_ptr_array_new();
    g_autoptr(GArray) ended = g_array_new(FALSE, FALSE, sizeof(guint64));
    PbxGather gathered = {.logger = &logger, .events = events, .ended = ended};
    const guint types[] = {PBX_EVENT_ADDED, PBX_EVENT_COMPLETE, PBX_EVENT_RESULT, PBX_EVENT_ERROR};
    for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
        const PbxEventRow row = {.seq = i + 1, .type = types[i], .trial = i + 10};
        g_assert_true(log_events_gather(&row, NULL, &gathered));
    }
    g_assert_cmpuint(events->len, ==, 0);
    g_assert_cmpuint(ended->len, ==, 2);
    g_assert_cmpuint(g_array_index(ended, guint64, 0), ==, 11);
    g_assert_cmpuint(g_array_index(ended, guint64, 1), ==, 13);
}

static void
put_file(Fixture *fixture, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(fixture->dir, "trial", name, NULL);
    g_autofree char *dir = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(dir, 0777), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* Of trial 3 the driver that was killed has written more than the store knows. */
static void
resume(Fixture *fixture, gboolean unsettled)
{
    static const guint64 trial = 3;
    fixture->files.resumed = TRUE;
    fixture->files.n_before = 10;
    if (unsettled)
        g_hash_table_add(fixture->files.unsettled, g_memdup2(&trial, sizeof trial));
}

static void
test_resumed_file_is_cut(Fixture *fixture, gconstpointer data)
{
    (void)data;
    put_file(fixture, "known", "one two");
    put_file(fixture, "known.new", "half");
    put_file(fixture, "unknown", "never stored");
    resume(fixture, TRUE);
    log_files_expect(&fixture->files, 3, "known", 3);
    append(fixture, 3, "known", " 2");
    append(fixture, 3, "unknown", "new");
    g_assert_true(log_files_perform(&fixture->files, NULL));
    assert_file(fixture, "trial/known", "one 2");
    assert_file(fixture, "trial/unknown", "new");
    g_autofree char *half = g_build_filename(fixture->dir, "trial", "known.new", NULL);
    g_assert_false(g_file_test(half, G_FILE_TEST_EXISTS));
    g_autoptr(GPtrArray) changed = log_files_take_changed(&fixture->files);
    g_assert_cmpuint(changed->len, ==, 2);
    g_assert_cmpuint(((PbxLogFile *)changed->pdata[0])->length, ==, 5);
    g_assert_cmpuint(((PbxLogFile *)changed->pdata[1])->length, ==, 3);
}

static void
test_what_is_over_is_not_cut(Fixture *fixture, gconstpointer data)
{
    (void)data;
    put_file(fixture, "result.json", "all of it");
    resume(fixture, FALSE);
    append(fixture, 3, "result.json", ", and a word");
    g_assert_true(log_files_perform(&fixture->files, NULL));
    assert_file(fixture, "trial/result.json", "all of it, and a word");
}

static void
test_short_file_is_told(Fixture *fixture, gconstpointer data)
{
    (void)data;
    put_file(fixture, "f", "1");
    resume(fixture, TRUE);
    log_files_expect(&fixture->files, 3, "f", 100);
    append(fixture, 3, "f", "2");
    g_assert_true(log_files_perform(&fixture->files, NULL));
    g_assert_nonnull(strstr(fixture->warnings->str, "is shorter than it was"));
}

static void
replace(Fixture *fixture, const char *text, guint64 upto)
{
    fixture->files.upto = upto;
    g_assert_cmpint(log_files_service.replace(host_abi(fixture->host), 3, "f", text, strlen(text)),
                    ==, PBX_OK);
    g_assert_true(log_files_perform(&fixture->files, NULL));
}

/* The version that the store knows comes back, whatever took its place since. */
static void
test_replaced_file_comes_back(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autofree char *dir = g_build_filename(fixture->dir, "trial", NULL);
    put_file(fixture, "f", "known");
    replace(fixture, "second", 20);
    replace(fixture, "third", 30);
    log_files_restore_kept(dir, "f", 30);
    assert_file(fixture, "trial/f", "third");
    log_files_restore_kept(dir, "f", 20);
    assert_file(fixture, "trial/f", "second");
    log_files_restore_kept(dir, "f", 10);
    assert_file(fixture, "trial/f", "known");
}

static void
test_kept_versions_go(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autofree char *dir = g_build_filename(fixture->dir, "trial", NULL);
    g_autofree char *first = g_build_filename(dir, ".f.20~", NULL);
    g_autofree char *second = g_build_filename(dir, ".f.30~", NULL);
    put_file(fixture, "f", "known");
    replace(fixture, "second", 20);
    replace(fixture, "second", 25); /* nothing has changed */
    replace(fixture, "third", 30);
    g_assert_true(g_file_test(first, G_FILE_TEST_EXISTS));
    log_files_let_go(&fixture->files, 25);
    g_assert_false(g_file_test(first, G_FILE_TEST_EXISTS));
    g_assert_true(g_file_test(second, G_FILE_TEST_EXISTS));
    put_file(fixture, ".profile~", "nobody's");
    log_files_purge_kept(dir);
    g_assert_false(g_file_test(second, G_FILE_TEST_EXISTS));
    assert_file(fixture, "trial/.profile~", "nobody's");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(PATH, TEST) g_test_add(PATH, Fixture, NULL, set_up, TEST, tear_down)
    ADD("/experiment/log-files/written-in-order-with-the-commit", test_order);
    ADD("/experiment/log-files/read-sees-what-waits", test_read);
    ADD("/experiment/log-files/names-that-leave-are-refused", test_refused);
    ADD("/experiment/log-files/failed-write-is-tried-again", test_failed_write);
    ADD("/experiment/log-files/unusable-file-is-left-out", test_unusable_file);
    ADD("/experiment/log-files/failed-call-asks-for-nothing", test_failed_call);
    ADD("/experiment/log-files/directory-taken-away-is-made-again", test_directory_taken_away);
    ADD("/experiment/log-files/moved-experiment-stays-away", test_moved_experiment);
    ADD("/experiment/log-files/ends-of-trials-are-seen", test_ends_are_seen);
    ADD("/experiment/log-files/resumed-file-is-cut", test_resumed_file_is_cut);
    ADD("/experiment/log-files/what-is-over-is-not-cut", test_what_is_over_is_not_cut);
    ADD("/experiment/log-files/short-file-is-told", test_short_file_is_told);
    ADD("/experiment/log-files/replaced-file-comes-back", test_replaced_file_comes_back);
    ADD("/experiment/log-files/kept-versions-go", test_kept_versions_go);
    return g_test_run();
}
