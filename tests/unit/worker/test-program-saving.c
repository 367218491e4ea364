/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checkpoints of programs: over PEGBOX_SOCKET, with the test in the place of the program, and by
 * checkpoint.path for shell scripts that know of nothing. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "worker-fixture.h"

static void
hear_result(Worker *worker, guint n)
{
    g_autoptr(JsonObject) result = hear_type(&worker->talk, "result");
    g_assert_cmpint(message_get_int(result, "n", -1), ==, n);
}

static void
answer(Worker *worker, guint n, const char *more)
{
    say(&worker->talk, "{'type':'answer','trial':1,'attempt':1,'n':%u%s}", n, more);
}

static void
hear_saving(Worker *worker, gboolean begun)
{
    g_autofree char *expected = g_strdup_printf(
        "{'type':'saving','trial':1,'attempt':1,'begun':%s}", begun ? "true" : "false");
    assert_hears(&worker->talk, expected);
}

static JsonObject *
hear_checkpoint(Worker *worker, guint n, const char *name)
{
    g_autoptr(JsonObject) checkpoint = hear_type(&worker->talk, "checkpoint");
    g_assert_cmpint(message_get_int(checkpoint, "n", -1), ==, n);
    g_assert_cmpstr(message_get_string(checkpoint, "name"), ==, name);
    return g_steal_pointer(&checkpoint);
}

/* Its one file has this text. */
static void
check_archive(Worker *worker, const char *archive, const char *file, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(worker->dir, archive, NULL);
    g_autofree char *dir = g_build_filename(worker->dir, "unpacked", NULL);
    g_autofree char *inner = g_build_filename(dir, file, NULL);
    g_autofree char *found = NULL;
    checkpoint_unpack(path, dir, NULL, 0, &error);
    g_assert_no_error(error);
    g_assert_true(g_file_get_contents(inner, &found, NULL, NULL));
    g_assert_cmpstr(found, ==, text);
    checkpoint_remove(dir, &error);
    g_assert_no_error(error);
}

static char *
begin_checkpoint(Talk *program, const char *more)
{
    say(program, "{'type':'checkpoint_begin'%s}", more);
    g_autoptr(JsonObject) told = hear_type(program, "checkpoint_dir");
    g_assert_cmpint(g_file_test(message_get_string(told, "dir"), G_FILE_TEST_IS_DIR), ==, TRUE);
    return g_strdup(message_get_string(told, "dir"));
}

static void
write_into(const char *dir, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static gboolean
connect_program(Worker *worker, Talk *program, const char *more)
{
    g_autofree char *path = worker_begin_program(worker, "'loss'", more);
    if (path == NULL)
        return FALSE;
    talk_connect(program, path);
    say(program, PROGRAM_HELLO);
    assert_hears(program, PROGRAM_WELCOME);
    return TRUE;
}

/* ---- PEGBOX_SOCKET ---- */

static void
test_checkpoint(Worker *worker, gconstpointer unused)
{
    Talk program;
    (void)unused;
    if (!connect_program(worker, &program, ""))
        return;
    say(&program, "{'type':'report','fields':{'loss':1}}");
    hear_result(worker, 1);
    answer(worker, 1, "");
    assert_hears(&program, "{'type':'answer','n':1,'stop':false,'save':false}");
    g_autofree char *dir = begin_checkpoint(&program, ",'step':40");
    hear_saving(worker, TRUE);
    write_into(dir, "model", "weights");
    say(&program, "{'type':'checkpoint_end','keep':true}");
    g_autoptr(JsonObject) checkpoint = hear_checkpoint(worker, 1, "checkpoint_000040.tar");
    g_assert_cmpint(message_get_int(checkpoint, "step", 0), ==, 40);
    hear_saving(worker, FALSE);
    assert_hears(&program, "{'type':'checkpoint_done','ok':true}");
    check_archive(worker, "checkpoint_000040.tar", "model", "weights");
    /* Not kept: nothing of it is left. */
    g_autofree char *second = begin_checkpoint(&program, "");
    hear_saving(worker, TRUE);
    say(&program, "{'type':'checkpoint_end','keep':false}");
    hear_saving(worker, FALSE);
    assert_hears(&program, "{'type':'checkpoint_done','ok':true}");
    g_assert_false(g_file_test(second, G_FILE_TEST_EXISTS));
    talk_close(&program);
}

static void
test_it_is_told_to_save(Worker *worker, gconstpointer unused)
{
    Talk program;
    (void)unused;
    if (!connect_program(worker, &program, ",'window':5,'checkpoint':{'frequency':2}"))
        return;
    say(&program, "{'type':'report','fields':{'loss':1}}");
    hear_result(worker, 1);
    assert_hears(&program, "{'type':'answer','n':1,'stop':false,'save':false}");
    say(&program, "{'type':'report','fields':{'loss':1}}");
    hear_result(worker, 2);
    answer(worker, 2, "");
    assert_hears(&program, "{'type':'answer','n':2,'stop':false,'save':true}");
    /* As long as it has made none. */
    say(&program, "{'type':'report','fields':{'loss':1}}");
    hear_result(worker, 3);
    assert_hears(&program, "{'type':'answer','n':3,'stop':false,'save':true}");
    g_autofree char *dir = begin_checkpoint(&program, "");
    hear_saving(worker, TRUE);
    say(&program, "{'type':'checkpoint_end','keep':true}");
    answer(worker, 3, "");
    g_autoptr(JsonObject) checkpoint = hear_checkpoint(worker, 3, "checkpoint_000003.tar");
    hear_saving(worker, FALSE);
    assert_hears(&program, "{'type':'checkpoint_done','ok':true}");
    say(&program, "{'type':'report','fields':{'loss':1,'should_checkpoint':true}}");
    hear_result(worker, 4);
    answer(worker, 4, "");
    assert_hears(&program, "{'type':'answer','n':4,'stop':false,'save':true}");
    talk_close(&program);
}

static void
test_the_driver_asks(Worker *worker, gconstpointer unused)
{
    Talk program;
    (void)unused;
    if (!connect_program(worker, &program, ""))
        return;
    say(&program, "{'type':'report','fields':{'loss':1}}");
    hear_result(worker, 1);
    answer(worker, 1, ",'save':true");
    assert_hears(&program, "{'type':'answer','n':1,'stop':false,'save':true}");
    /* It does not care. */
    say(&program, "{'type':'report','fields':{'loss':1}}");
    hear_result(worker, 2);
    g_autoptr(JsonObject) saved = hear_type(&worker->talk, "saved");
    g_assert_false(message_get_bool(saved, "ok"));
    answer(worker, 2, ",'save':true,'stop':true");
    assert_hears(&program, "{'type':'answer','n':2,'stop':true,'save':true}");
    g_autofree char *dir = begin_checkpoint(&program, "");
    hear_saving(worker, TRUE);
    say(&program, "{'type':'checkpoint_end','keep':true}");
    g_autoptr(JsonObject) checkpoint = hear_checkpoint(worker, 2, "checkpoint_000002.tar");
    assert_hears(&worker->talk, "{'type':'saved','trial':1,'attempt':1,'ok':true}");
    hear_saving(worker, FALSE);
    assert_hears(&program, "{'type':'checkpoint_done','ok':true}");
    talk_close(&program);
}

/* What it has done since its last report must not be in the checkpoint of that. */
static void
test_a_stop_takes_one_more_result(Worker *worker, gconstpointer unused)
{
    Talk program;
    (void)unused;
    if (!connect_program(worker, &program, ""))
        return;
    say(&program, "{'type':'report','fields':{'loss':1}}");
    hear_result(worker, 1);
    answer(worker, 1, "");
    assert_hears(&program, "{'type':'answer','n':1,'stop':false,'save':false}");
    say(&worker->talk, "{'type':'stop','trial':1,'attempt':1,'save':true}");
    say(&program, "{'type':'report','fields':{'loss':2}}");
    hear_result(worker, 2);
    assert_hears(&program, "{'type':'answer','n':2,'stop':true,'save':true}");
    say(&program, "{'type':'report','fields':{'loss':3}}");
    assert_hears(&program, "{'type':'answer','n':2,'stop':true,'save':true}");
    g_autofree char *dir = begin_checkpoint(&program, "");
    hear_saving(worker, TRUE);
    say(&program, "{'type':'checkpoint_end','keep':true}");
    g_autoptr(JsonObject) checkpoint = hear_checkpoint(worker, 2, "checkpoint_000002.tar");
    assert_hears(&worker->talk, "{'type':'saved','trial':1,'attempt':1,'ok':true}");
    hear_saving(worker, FALSE);
    assert_hears(&program, "{'type':'checkpoint_done','ok':true}");
    talk_close(&program);
}

/* It takes longer than a program has to end: it has that time. */
static void
test_a_stop_waits_for_a_save(Worker *worker, gconstpointer unused)
{
    Talk program;
    (void)unused;
    if (!connect_program(worker, &program, ""))
        return;
    say(&program, "{'type':'report','fields':{'loss':1}}");
    hear_result(worker, 1);
    answer(worker, 1, "");
    assert_hears(&program, "{'type':'answer','n':1,'stop':false,'save':false}");
    g_autofree char *dir = begin_checkpoint(&program, "");
    hear_saving(worker, TRUE);
    say(&worker->talk, "{'type':'stop','trial':1,'attempt':1,'save':true}");
    g_usleep(G_USEC_PER_SEC);
    say(&program, "{'type':'checkpoint_end','keep':true}");
    g_autoptr(JsonObject) checkpoint = hear_checkpoint(worker, 1, "checkpoint_000001.tar");
    assert_hears(&worker->talk, "{'type':'saved','trial':1,'attempt':1,'ok':true}");
    hear_saving(worker, FALSE);
    g_autoptr(JsonObject) ended = hear_type(&worker->talk, "ended");
    g_assert_cmpstr(message_get_string(ended, "end"), ==, "stopped");
    talk_close(&program);
}

static void
test_gone_before_its_end(Worker *worker, gconstpointer unused)
{
    Talk program;
    (void)unused;
    if (!connect_program(worker, &program, ""))
        return;
    g_autofree char *dir = begin_checkpoint(&program, "");
    hear_saving(worker, TRUE);
    write_into(dir, "half", "x");
    talk_close(&program);
    hear_saving(worker, FALSE);
    g_assert_false(g_file_test(dir, G_FILE_TEST_EXISTS));
    say(&worker->talk, "{'type':'stop','trial':1,'attempt':1,'save':true}");
    g_autoptr(JsonObject) saved = hear_type(&worker->talk, "saved");
    g_assert_false(message_get_bool(saved, "ok"));
    g_autoptr(JsonObject) ended = hear_type(&worker->talk, "ended");
}

static void
test_two_at_a_time(Worker *worker, gconstpointer unused)
{
    Talk one, two;
    (void)unused;
    g_autofree char *path = worker_begin_program(worker, "'loss'", "");
    if (path == NULL)
        return;
    talk_connect(&one, path);
    talk_connect(&two, path);
    say(&one, PROGRAM_HELLO);
    say(&two, PROGRAM_HELLO);
    assert_hears(&one, PROGRAM_WELCOME);
    assert_hears(&two, PROGRAM_WELCOME);
    g_autofree char *first = begin_checkpoint(&one, "");
    g_autofree char *second = begin_checkpoint(&two, "");
    g_assert_cmpstr(first, !=, second);
    hear_saving(worker, TRUE);
    write_into(first, "model", "first");
    write_into(second, "model", "second");
    say(&two, "{'type':'checkpoint_end','keep':true}");
    g_autoptr(JsonObject) earlier = hear_checkpoint(worker, 0, "checkpoint_000000.tar");
    say(&one, "{'type':'checkpoint_end','keep':true}");
    g_autoptr(JsonObject) later = hear_checkpoint(worker, 0, "checkpoint_000000_2.tar");
    hear_saving(worker, FALSE);
    check_archive(worker, "checkpoint_000000.tar", "model", "second");
    check_archive(worker, "checkpoint_000000_2.tar", "model", "first");
    talk_close(&one);
    talk_close(&two);
}

static void
test_begun_twice(Worker *worker, gconstpointer unused)
{
    Talk program;
    (void)unused;
    if (!connect_program(worker, &program, ""))
        return;
    g_autofree char *dir = begin_checkpoint(&program, "");
    hear_saving(worker, TRUE);
    say(&program, "{'type':'checkpoint_begin'}");
    assert_hears(&program,
                 "{'type':'error','text':'checkpoint_begin comes before the last one's end'}");
    hear_saving(worker, FALSE);
    g_autoptr(JsonObject) ended = hear_type(&worker->talk, "ended");
    g_assert_cmpstr(message_get_string(ended, "end"), ==, "failed");
    g_assert_false(g_file_test(dir, G_FILE_TEST_EXISTS));
    talk_close(&program);
}

/* A program that prints, and knows of no protocol. */
static void
test_it_cannot_be_asked(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!worker_set_up_exec(
            worker,
            "{'command':['/bin/sh','-c','echo \\u0027{{\\\"loss\\\": 1}\\u0027; exec sleep 1000']}",
            "'loss'"))
        return;
    worker_run(worker, 1, 1, ",'out':'/dev/null'");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    hear_result(worker, 1);
    answer(worker, 1, ",'save':true");
    g_autoptr(JsonObject) saved = hear_type(&worker->talk, "saved");
    g_assert_cmpstr(
        message_get_string(saved, "text"), ==,
        "the program does not speak the worker protocol, and checkpoint.path is not set");
}

/* ---- PEGBOX_CHECKPOINT ---- */

static void
test_environment(Worker *worker, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    (void)unused;
    if (!worker_set_up_exec(worker,
                            "{'command':['/bin/sh','-c','echo =$PEGBOX_CHECKPOINT; test -z "
                            "$PEGBOX_CHECKPOINT || cat $PEGBOX_CHECKPOINT/model'],"
                            "'report':'exit-status'}",
                            ""))
        return;
    g_autofree char *dir = g_build_filename(worker->dir, "mine", NULL);
    g_autofree char *archive = g_build_filename(worker->dir, "mine.tar", NULL);
    g_assert_cmpint(g_mkdir(dir, 0700), ==, 0);
    write_into(dir, "model", "weights\n");
    checkpoint_pack(dir, NULL, archive, NULL, NULL, &error);
    g_assert_no_error(error);
    worker_run(worker, 1, 1, "");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    g_autoptr(JsonObject) line = hear_type(&worker->talk, "line");
    g_assert_cmpstr(message_get_string(line, "text"), ==, "=");
    g_autoptr(JsonObject) ended = hear_type(&worker->talk, "ended");
    g_autofree char *more = g_strdup_printf(",'restore':[{'id':3,'archive':'%s','n':4}]", archive);
    worker_run(worker, 1, 2, more);
    g_autoptr(JsonObject) restored = hear_type(&worker->talk, "restored");
    g_autoptr(JsonObject) second_pid = hear_type(&worker->talk, "pid");
    g_autoptr(JsonObject) second = hear_type(&worker->talk, "line");
    g_autofree char *expected = g_strdup_printf("=%s/.pegbox-restored-0", worker->dir);
    g_assert_cmpstr(message_get_string(second, "text"), ==, expected);
    g_autoptr(JsonObject) content = hear_type(&worker->talk, "line");
    g_assert_cmpstr(message_get_string(content, "text"), ==, "weights");
    g_autoptr(JsonObject) second_ended = hear_type(&worker->talk, "ended");
    g_assert_cmpstr(message_get_string(second_ended, "end"), ==, "done");
}

/* A worker with one more variable in its environment, NAME=VALUE. */
static void
worker_open_with(Worker *worker, gconstpointer data)
{
    g_auto(GStrv) parts = g_strsplit(data, "=", 2);
    g_setenv(parts[0], parts[1], TRUE);
    worker_open(worker, NULL);
    g_unsetenv(parts[0]);
}

#define ADD_WITH(VARIABLE, PATH, FUNC)                                                             \
    g_test_add(PATH, Worker, VARIABLE, worker_open_with, FUNC, worker_close)
#define ADD(PATH, FUNC) g_test_add(PATH, Worker, NULL, worker_open, FUNC, worker_close)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/program-saving/checkpoint", test_checkpoint);
    ADD("/program-saving/it-is-told", test_it_is_told_to_save);
    ADD_WITH("PEGBOX_FUNCTION_THREAD_TIMEOUT_S=60", "/program-saving/the-driver-asks",
             test_the_driver_asks);
    ADD_WITH("PEGBOX_FUNCTION_THREAD_TIMEOUT_S=60", "/program-saving/a-stop-takes-one-more-result",
             test_a_stop_takes_one_more_result);
    ADD_WITH("PEGBOX_FUNCTION_THREAD_TIMEOUT_S=0.2", "/program-saving/a-stop-waits-for-a-save",
             test_a_stop_waits_for_a_save);
    ADD("/program-saving/gone-before-its-end", test_gone_before_its_end);
    ADD("/program-saving/two-at-a-time", test_two_at_a_time);
    ADD("/program-saving/begun-twice", test_begun_twice);
    ADD("/program-saving/it-cannot-be-asked", test_it_cannot_be_asked);
    ADD_WITH("PEGBOX_CHECKPOINT=/of/the/drivers/own", "/program-saving/environment",
             test_environment);
    return g_test_run();
}
