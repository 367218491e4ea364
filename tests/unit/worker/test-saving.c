/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checkpoints that pegbox-worker makes and restores for trainables in C, of both forms. */
#include <glib/gstdio.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "worker-fixture.h"

#define CONFIG ",'config':{'rate':0.1,'l2':0,'momentum':0.5}"

static void
set_up(Worker *worker, const char *name, const char *options)
{
    g_autofree char *file = g_strconcat(name, ".so", NULL);
    g_autofree char *path =
        g_test_build_filename(G_TEST_BUILT, "tests", "unit", "worker", file, NULL);
    worker_set_up(worker, path, name, options, "'loss'");
    assert_hears(&worker->talk, "{'type':'ready'}");
}

/* Runs attempt `attempt` of trial 1 in lockstep. */
static void
run(Worker *worker, guint attempt, const char *more)
{
    g_autofree char *all = g_strconcat(CONFIG, more, NULL);
    worker_run(worker, 1, attempt, all);
}

static void
hear_result(Worker *worker, guint n)
{
    g_autoptr(JsonObject) result = hear_type(&worker->talk, "result");
    g_assert_cmpint(message_get_int(result, "n", -1), ==, n);
}

static void
answer(Worker *worker, guint attempt, guint n, const char *more)
{
    say(&worker->talk, "{'type':'answer','trial':1,'attempt':%u,'n':%u%s}", attempt, n, more);
}

static void
hear_saving(Worker *worker, gboolean begun)
{
    g_autoptr(JsonObject) saving = hear_type(&worker->talk, "saving");
    g_assert_cmpint(message_get_bool(saving, "begun"), ==, begun);
}

/* What the archive is, and where it counts. */
static void
check_checkpoint(Worker *worker, JsonObject *checkpoint, guint n, const char *name)
{
    g_autoptr(GError) error = NULL;
    PbxArchiveFacts facts;
    g_autofree char *path = g_build_filename(worker->dir, name, NULL);
    g_assert_cmpstr(message_get_string(checkpoint, "name"), ==, name);
    g_assert_cmpint(message_get_int(checkpoint, "n", -1), ==, n);
    checkpoint_verify(path, message_get_string(checkpoint, "sha256"), &facts, &error);
    g_assert_no_error(error);
    g_assert_cmpint(message_get_int(checkpoint, "bytes", -1), ==, facts.bytes);
}

static void
hear_checkpoint(Worker *worker, guint n, const char *name)
{
    hear_saving(worker, TRUE);
    g_autoptr(JsonObject) checkpoint = hear_type(&worker->talk, "checkpoint");
    check_checkpoint(worker, checkpoint, n, name);
    hear_saving(worker, FALSE);
}

static void
hear_end(Worker *worker, const char *end)
{
    g_autoptr(JsonObject) ended = hear_type(&worker->talk, "ended");
    g_assert_cmpstr(message_get_string(ended, "end"), ==, end);
}

static void
hear_restored(Worker *worker, guint id, const char *damaged)
{
    g_autoptr(JsonObject) restored = hear_type(&worker->talk, "restored");
    JsonArray *all = json_object_get_array_member(restored, "damaged");
    g_assert_cmpint(message_get_int(restored, "id", -1), ==, id);
    g_assert_cmpuint(json_array_get_length(all), ==, damaged != NULL ? 1 : 0);
    if (damaged != NULL) {
        const char *text = message_get_string(json_array_get_object_element(all, 0), "text");
        g_assert_nonnull(strstr(text, damaged));
    }
}

/* Names that begin with a dot are what was left behind. */
static guint
count_hidden(Worker *worker)
{
    g_autoptr(GDir) dir = g_dir_open(worker->dir, 0, NULL);
    guint n = 0;
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;)
        n += name[0] == '.';
    return n;
}

/* Makes checkpoint_00000N.tar for each of N results. */
static void
make_checkpoints(Worker *worker, const char *name, guint count)
{
    g_autofree char *options =
        g_strdup_printf(strcmp(name, "logistic") == 0 ? "{'epochs':%u}" : "{'steps':%u}", count);
    set_up(worker, name, options);
    run(worker, 1, ",'checkpoint':{'frequency':1}");
    for (guint n = 1; n <= count; n++) {
        g_autofree char *archive = g_strdup_printf("checkpoint_%06u.tar", n);
        hear_result(worker, n);
        answer(worker, 1, n, "");
        hear_checkpoint(worker, n, archive);
    }
    hear_end(worker, "done");
}

static char *
candidate(Worker *worker, guint id, guint n, const char *name)
{
    return g_strdup_printf("{'id':%u,'archive':'%s/%s','n':%u,'iteration':%u,'time_total_s':50.0,"
                           "'timesteps_total':7,'episodes_total':-1}",
                           id, worker->dir, name, n, 10 * n);
}

/* ---- When it saves ---- */

static void
test_frequency(Worker *worker, gconstpointer unused)
{
    (void)unused;
    set_up(worker, "logistic", "{'epochs':5}");
    run(worker, 1, ",'window':9,'checkpoint':{'frequency':2}");
    hear_result(worker, 1);
    hear_result(worker, 2);
    /* A result that is not answered may be lost, and a checkpoint of it is none. */
    answer(worker, 1, 2, "");
    hear_checkpoint(worker, 2, "checkpoint_000002.tar");
    hear_result(worker, 3);
    hear_result(worker, 4);
    answer(worker, 1, 4, "");
    hear_checkpoint(worker, 4, "checkpoint_000004.tar");
    hear_result(worker, 5);
    hear_end(worker, "done");
    g_assert_cmpuint(count_hidden(worker), ==, 0);
}

static void
test_compressed(Worker *worker, gconstpointer unused)
{
    (void)unused;
    set_up(worker, "logistic", "{'epochs':1}");
    run(worker, 1, ",'checkpoint':{'frequency':1,'zstd_level':3}");
    hear_result(worker, 1);
    answer(worker, 1, 1, "");
    hear_checkpoint(worker, 1, "checkpoint_000001.tar.zst");
    hear_end(worker, "done");
}

/* The result that is saved is also the one that ends the trial. */
static void
test_due_where_it_is_stopped(Worker *worker, gconstpointer unused)
{
    (void)unused;
    set_up(worker, "logistic", "{'epochs':5}");
    run(worker, 1, ",'checkpoint':{'frequency':1}");
    hear_result(worker, 1);
    answer(worker, 1, 1, ",'stop':true");
    hear_checkpoint(worker, 1, "checkpoint_000001.tar");
    hear_end(worker, "stopped");
}

/* What was reported past the end counts no more, nor would a checkpoint of it. */
static void
test_none_past_the_end(Worker *worker, gconstpointer unused)
{
    (void)unused;
    set_up(worker, "logistic", "{'epochs':5}");
    run(worker, 1, ",'window':9,'checkpoint':{'frequency':2}");
    hear_result(worker, 1);
    hear_result(worker, 2);
    answer(worker, 1, 1, ",'stop':true");
    hear_end(worker, "stopped");
}

static void
test_asked(Worker *worker, gconstpointer unused)
{
    (void)unused;
    set_up(worker, "logistic", "{'epochs':5}");
    run(worker, 1, "");
    hear_result(worker, 1);
    answer(worker, 1, 1, ",'save':true");
    hear_saving(worker, TRUE);
    g_autoptr(JsonObject) checkpoint = hear_type(&worker->talk, "checkpoint");
    assert_hears(&worker->talk, "{'type':'saved','trial':1,'attempt':1,'ok':true}");
    hear_saving(worker, FALSE);
    hear_result(worker, 2);
    answer(worker, 1, 2, ",'save':true,'stop':true");
    hear_saving(worker, TRUE);
    g_autoptr(JsonObject) second = hear_type(&worker->talk, "checkpoint");
    assert_hears(&worker->talk, "{'type':'saved','trial':1,'attempt':1,'ok':true}");
    hear_saving(worker, FALSE);
    hear_end(worker, "stopped");
}

static void
test_asked_by_a_stop(Worker *worker, gconstpointer unused)
{
    (void)unused;
    set_up(worker, "logistic", "{'epochs':5}");
    run(worker, 1, "");
    hear_result(worker, 1);
    say(&worker->talk, "{'type':'stop','trial':1,'attempt':1,'save':true}");
    hear_saving(worker, TRUE);
    g_autoptr(JsonObject) checkpoint = hear_type(&worker->talk, "checkpoint");
    check_checkpoint(worker, checkpoint, 1, "checkpoint_000001.tar");
    assert_hears(&worker->talk, "{'type':'saved','trial':1,'attempt':1,'ok':true}");
    hear_saving(worker, FALSE);
    hear_end(worker, "stopped");
}

static void
test_at_end(Worker *worker, gconstpointer unused)
{
    (void)unused;
    set_up(worker, "logistic", "{'epochs':2}");
    /* In lockstep, whatever the window: nothing may be reported past the end. */
    run(worker, 1, ",'window':9,'checkpoint':{'at_end':true}");
    hear_result(worker, 1);
    answer(worker, 1, 1, "");
    hear_result(worker, 2);
    answer(worker, 1, 2, "");
    hear_checkpoint(worker, 2, "checkpoint_000002.tar");
    hear_end(worker, "done");
}

static void
test_once_for_a_result(Worker *worker, gconstpointer unused)
{
    (void)unused;
    set_up(worker, "logistic", "{'epochs':1}");
    run(worker, 1, ",'checkpoint':{'frequency':1,'at_end':true}");
    hear_result(worker, 1);
    answer(worker, 1, 1, "");
    hear_checkpoint(worker, 1, "checkpoint_000001.tar");
    hear_end(worker, "done");
}

/* The run goes on, and the reason is told. */
static void
test_it_cannot_be_saved(Worker *worker, gconstpointer unused)
{
    (void)unused;
    set_up(worker, "logistic", "{'epochs':2}");
    g_autofree char *real = worker->dir;
    worker->dir = g_strdup("/dev/null/none");
    run(worker, 1, ",'checkpoint':{'frequency':1}");
    g_free(worker->dir);
    worker->dir = g_steal_pointer(&real);
    hear_result(worker, 1);
    answer(worker, 1, 1, "");
    g_autoptr(JsonObject) log = hear_type(&worker->talk, "log");
    g_assert_nonnull(
        strstr(message_get_string(log, "text"), "no checkpoint was made: cannot make"));
    hear_result(worker, 2);
    answer(worker, 1, 2, ",'save':true");
    g_autoptr(JsonObject) saved = hear_type(&worker->talk, "saved");
    g_assert_false(message_get_bool(saved, "ok"));
    hear_end(worker, "done");
}

/* Time that pegbox takes is no time of a result. */
static void
test_time_to_save(void)
{
    const gint64 second = G_GINT64_CONSTANT(1000000000);
    PbxCounts counts = {.last_ns = 10 * second, .time_total_s = 50};
    counts_advance(&counts, NULL, 11 * second);
    g_assert_cmpfloat(counts.time_total_s, ==, 51);
    counts_skip(&counts, 5 * second);
    counts_advance(&counts, NULL, 18 * second);
    g_assert_cmpfloat(counts.time_this_iter_s, ==, 2);
    g_assert_cmpfloat(counts.time_total_s, ==, 53);
}

/* ---- Names ---- */

static void
test_no_name_twice(Worker *worker, gconstpointer unused)
{
    (void)unused;
    make_checkpoints(worker, "logistic", 1);
    g_autofree char *first = g_build_filename(worker->dir, "checkpoint_000001.tar", NULL);
    run(worker, 2, ",'checkpoint':{'frequency':1}");
    hear_result(worker, 1);
    answer(worker, 2, 1, "");
    hear_checkpoint(worker, 1, "checkpoint_000001_2.tar");
    hear_end(worker, "done");
    /* Nor one that was deleted since, which only the driver knows. */
    g_assert_cmpint(g_unlink(first), ==, 0);
    run(worker, 3,
        ",'checkpoint':{'frequency':1,'used':['checkpoint_000001.tar','checkpoint_000001_2.tar']}");
    hear_result(worker, 1);
    answer(worker, 3, 1, "");
    hear_checkpoint(worker, 1, "checkpoint_000001_3.tar");
    hear_end(worker, "done");
}

static void
test_leftovers_are_removed(Worker *worker, gconstpointer unused)
{
    static const char *const names[] = {".pegbox-save-abcdef", ".pegbox-restored-0"};
    (void)unused;
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *dir = g_build_filename(worker->dir, names[i], "inner", NULL);
        g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
    }
    g_autofree char *half = g_build_filename(worker->dir, ".checkpoint_000001.tar.abcdef", NULL);
    g_assert_true(g_file_set_contents(half, "x", 1, NULL));
    set_up(worker, "logistic", "{'epochs':1}");
    run(worker, 1, "");
    hear_result(worker, 1);
    g_assert_cmpuint(count_hidden(worker), ==, 0);
    answer(worker, 1, 1, "");
    hear_end(worker, "done");
}

/* ---- Restoring ---- */

static void
test_restore(Worker *worker, gconstpointer data)
{
    const char *form = data;
    make_checkpoints(worker, form, 2);
    g_autofree char *one = candidate(worker, 5, 2, "checkpoint_000002.tar");
    g_autofree char *more = g_strdup_printf(",'restore':[%s]", one);
    run(worker, 2, more);
    hear_restored(worker, 5, NULL);
    if (strcmp(form, "logistic") == 0) {
        g_autoptr(JsonObject) result = hear_type(&worker->talk, "result");
        g_assert_cmpint(message_get_int(result, "n", 0), ==, 3);
        g_assert_cmpint(message_get_int(result, "iteration", 0), ==, 21);
        g_assert_cmpint(message_get_int(result, "timesteps_total", 0), ==, 7);
        g_assert_cmpfloat(message_get_double(result, "time_total_s", 0), >, 50);
        answer(worker, 2, 3, "");
    }
    /* The function form has made all its steps. */
    hear_end(worker, "done");
    g_assert_cmpuint(count_hidden(worker), ==, 0);
}

/* The same numbers as of a run that nothing interrupted. */
static void
test_it_goes_on_where_it_was(Worker *worker, gconstpointer data)
{
    const char *form = data;
    g_autofree char *uninterrupted = NULL;
    set_up(worker, form, strcmp(form, "logistic") == 0 ? "{'epochs':3}" : "{'steps':3}");
    for (guint attempt = 1; attempt <= 2; attempt++) {
        g_autofree char *one = candidate(worker, 1, 2, "checkpoint_000002.tar");
        g_autofree char *more = g_strdup_printf(",'checkpoint':{'frequency':2},'restore':[%s]",
                                                attempt == 1 ? "" : one);
        run(worker, attempt, more);
        if (attempt == 2)
            hear_restored(worker, 1, NULL);
        for (guint n = attempt == 1 ? 1 : 3; n <= 3; n++) {
            g_autoptr(JsonObject) result = hear_type(&worker->talk, "result");
            g_autofree char *fields = json_to_text(json_object_get_member(result, "fields"));
            g_assert_cmpint(message_get_int(result, "n", 0), ==, n);
            answer(worker, attempt, n, "");
            if (attempt == 1 && n == 2)
                hear_checkpoint(worker, 2, "checkpoint_000002.tar");
            if (attempt == 1 && n == 3)
                uninterrupted = g_steal_pointer(&fields);
            else if (n == 3)
                g_assert_cmpstr(fields, ==, uninterrupted);
        }
        hear_end(worker, "done");
    }
}

static void
write_text(Worker *worker, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(worker->dir, name, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void
test_fall_back(Worker *worker, gconstpointer data)
{
    const char *form = data;
    make_checkpoints(worker, form, 2);
    write_text(worker, "checkpoint_000002.tar", "no archive at all");
    g_autofree char *newest = candidate(worker, 6, 2, "checkpoint_000002.tar");
    g_autofree char *older = candidate(worker, 5, 1, "checkpoint_000001.tar");
    g_autofree char *more =
        g_strdup_printf(",'restore':[%s,%s],'restore_must':true", newest, older);
    run(worker, 2, more);
    hear_restored(worker, 5, "");
    hear_result(worker, 2);
    answer(worker, 2, 2, ",'stop':true");
    hear_end(worker, "stopped");
    g_assert_cmpuint(count_hidden(worker), ==, 0);
}

/* It unpacks, but the trainable does not take it: a fresh instance gets the one before. */
static void
test_load_fails(Worker *worker, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    (void)unused;
    make_checkpoints(worker, "logistic", 1);
    g_autofree char *other = g_build_filename(worker->dir, "other", NULL);
    g_autofree char *archive = g_build_filename(worker->dir, "other.tar", NULL);
    g_assert_cmpint(g_mkdir(other, 0700), ==, 0);
    write_text(worker, "other/learned", "too short");
    checkpoint_pack(other, NULL, archive, NULL, NULL, &error);
    g_assert_no_error(error);
    g_autofree char *newest = candidate(worker, 6, 2, "other.tar");
    g_autofree char *older = candidate(worker, 5, 1, "checkpoint_000001.tar");
    g_autofree char *more = g_strdup_printf(",'restore':[%s,%s]", newest, older);
    run(worker, 2, more);
    hear_restored(worker, 5, "learned: cannot be read");
    hear_result(worker, 2);
    answer(worker, 2, 2, ",'stop':true");
    hear_end(worker, "stopped");
}

static void
test_nothing_to_restore(Worker *worker, gconstpointer data)
{
    const gboolean must = GPOINTER_TO_INT(data);
    set_up(worker, "logistic", "{'epochs':1}");
    g_autofree char *one = candidate(worker, 5, 2, "checkpoint_000002.tar");
    g_autofree char *more =
        g_strdup_printf(",'restore':[%s]%s", one, must ? ",'restore_must':true" : "");
    run(worker, 2, more);
    hear_restored(worker, 0, "checkpoint_000002.tar");
    if (must) {
        g_autoptr(JsonObject) ended = hear_type(&worker->talk, "ended");
        g_assert_cmpstr(message_get_string(ended, "end"), ==, "failed");
        g_assert_true(
            g_str_has_prefix(message_get_string(ended, "text"), "no checkpoint can be restored: "));
        return;
    }
    hear_result(worker, 1);
    answer(worker, 2, 1, "");
    hear_end(worker, "done");
}

/* A directory of the user's, which nobody may write to. */
static void
test_restore_a_directory(Worker *worker, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    (void)unused;
    make_checkpoints(worker, "logistic", 1);
    g_autofree char *archive = g_build_filename(worker->dir, "checkpoint_000001.tar", NULL);
    g_autofree char *dir = g_build_filename(worker->dir, "mine", NULL);
    checkpoint_unpack(archive, dir, NULL, 0, &error);
    g_assert_no_error(error);
    g_autofree char *one = candidate(worker, 1, 0, "mine");
    g_autofree char *more = g_strdup_printf(",'restore':[%s]", one);
    run(worker, 2, more);
    hear_restored(worker, 1, NULL);
    hear_result(worker, 1);
    answer(worker, 2, 1, "");
    hear_end(worker, "done");
    g_assert_cmpuint(count_hidden(worker), ==, 0);
    g_assert_true(g_file_test(dir, G_FILE_TEST_IS_DIR));
}

/* ---- Function form ---- */

static void
test_function_is_told(Worker *worker, gconstpointer unused)
{
    (void)unused;
    set_up(worker, "descent", "{'steps':4}");
    run(worker, 1, ",'window':9,'checkpoint':{'frequency':3}");
    for (guint n = 1; n <= 3; n++)
        hear_result(worker, n);
    answer(worker, 1, 3, ",'stop':true");
    hear_checkpoint(worker, 3, "checkpoint_000003.tar");
    hear_end(worker, "stopped");
    run(worker, 2, "");
    hear_result(worker, 1);
    answer(worker, 2, 1, ",'save':true");
    hear_saving(worker, TRUE);
    g_autoptr(JsonObject) checkpoint = hear_type(&worker->talk, "checkpoint");
    assert_hears(&worker->talk, "{'type':'saved','trial':1,'attempt':2,'ok':true}");
    hear_saving(worker, FALSE);
    hear_result(worker, 2);
}

static void
test_one_that_cannot(Worker *worker, gconstpointer unused)
{
    (void)unused;
    set_up(worker, "misbehave", "{'how':'hang'}");
    run(worker, 1, ",'out':'/dev/null','err':'/dev/null'");
    hear_result(worker, 1);
    answer(worker, 1, 1, ",'save':true");
    assert_hears(&worker->talk, "{'type':'saved','trial':1,'attempt':1,'ok':false,"
                                "'text':'the trainable cannot save'}");
}

#define ADD(PATH, FUNC) g_test_add(PATH, Worker, NULL, worker_open, FUNC, worker_close)
#define ADD_FORMS(PATH, FUNC)                                                                      \
    g_test_add(PATH "/class", Worker, "logistic", worker_open, FUNC, worker_close);                \
    g_test_add(PATH "/function", Worker, "descent", worker_open, FUNC, worker_close)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/saving/frequency", test_frequency);
    ADD("/saving/compressed", test_compressed);
    ADD("/saving/due-where-it-is-stopped", test_due_where_it_is_stopped);
    ADD("/saving/none-past-the-end", test_none_past_the_end);
    ADD("/saving/asked", test_asked);
    ADD("/saving/asked-by-a-stop", test_asked_by_a_stop);
    ADD("/saving/at-end", test_at_end);
    ADD("/saving/once-for-a-result", test_once_for_a_result);
    ADD("/saving/it-cannot-be-saved", test_it_cannot_be_saved);
    g_test_add_func("/saving/time", test_time_to_save);
    ADD("/saving/no-name-twice", test_no_name_twice);
    ADD("/saving/leftovers-are-removed", test_leftovers_are_removed);
    ADD_FORMS("/restoring/restore", test_restore);
    ADD_FORMS("/restoring/it-goes-on-where-it-was", test_it_goes_on_where_it_was);
    ADD_FORMS("/restoring/fall-back", test_fall_back);
    ADD("/restoring/load-fails", test_load_fails);
    g_test_add("/restoring/nothing", Worker, GINT_TO_POINTER(FALSE), worker_open,
               test_nothing_to_restore, worker_close);
    g_test_add("/restoring/nothing-though-it-must", Worker, GINT_TO_POINTER(TRUE), worker_open,
               test_nothing_to_restore, worker_close);
    ADD("/restoring/directory", test_restore_a_directory);
    ADD("/function/told", test_function_is_told);
    ADD("/function/one-that-cannot", test_one_that_cannot);
    return g_test_run();
}
