/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PEGBOX_SOCKET, with the test in the place of the program: doc/worker-protocol.md. */
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "worker-fixture.h"

static char *
begin(Worker *worker, const char *metrics)
{
    return worker_begin_program(worker, metrics, "");
}

static void
driver_answers(Worker *worker, guint n, gboolean stop)
{
    g_autoptr(JsonObject) result = hear_type(&worker->talk, "result");
    g_assert_cmpint(message_get_int(result, "n", 0), ==, n);
    say(&worker->talk, "{'type':'answer','trial':1,'attempt':1,'n':%u,'stop':%s}", n,
        stop ? "true" : "false");
}

static void
test_bytes(Worker *worker, gconstpointer unused)
{
    /* As they stand in the page. */
    static const char hello[] = "\x1d\0\0\0\0\0\0\0{\"type\":\"hello\",\"protocol\":1}";
    static const char welcome[] =
        "\x3a\0\0\0\0\0\0\0{\"type\":\"welcome\",\"protocol\":1,\"trial\":\"id_1\",\"attempt\":1}";
    static const char report[] = "'\0\0\0\0\0\0\0{\"type\":\"report\",\"fields\":{\"loss\":0.5}}";
    static const char answer[] =
        "1\0\0\0\0\0\0\0{\"type\":\"answer\",\"n\":1,\"stop\":false,\"save\":false}";
    char bytes[128];
    Talk program;
    (void)unused;
    g_autofree char *path = begin(worker, "'loss'");
    if (path == NULL)
        return;
    talk_connect(&program, path);
    say_bytes(&program, hello, sizeof hello - 1);
    g_assert_cmpint(recv(program.fd, bytes, sizeof welcome - 1, MSG_WAITALL), ==,
                    sizeof welcome - 1);
    g_assert_cmpmem(bytes, sizeof welcome - 1, welcome, sizeof welcome - 1);
    say_bytes(&program, report, sizeof report - 1);
    driver_answers(worker, 1, FALSE);
    g_assert_cmpint(recv(program.fd, bytes, sizeof answer - 1, MSG_WAITALL), ==, sizeof answer - 1);
    g_assert_cmpmem(bytes, sizeof answer - 1, answer, sizeof answer - 1);
    talk_close(&program);
}

static void
test_several_connections(Worker *worker, gconstpointer unused)
{
    Talk one, two;
    (void)unused;
    g_autofree char *path = begin(worker, "'loss'");
    if (path == NULL)
        return;
    talk_connect(&one, path);
    talk_connect(&two, path);
    say(&one, PROGRAM_HELLO);
    say(&two, PROGRAM_HELLO);
    assert_hears(&one, PROGRAM_WELCOME);
    assert_hears(&two, PROGRAM_WELCOME);
    say(&two, "{'type':'report','fields':{'loss':1}}");
    driver_answers(worker, 1, FALSE);
    assert_hears(&two, "{'type':'answer','n':1,'stop':false,'save':false}");
    talk_close(&two);
    say(&one, "{'type':'report','fields':{'loss':2}}");
    driver_answers(worker, 2, FALSE);
    assert_hears(&one, "{'type':'answer','n':2,'stop':false,'save':false}");
    talk_close(&one);
}

static void
test_ahead_of_answers(Worker *worker, gconstpointer unused)
{
    Talk program;
    (void)unused;
    g_autofree char *path = begin(worker, "'loss'");
    if (path == NULL)
        return;
    talk_connect(&program, path);
    say(&program, PROGRAM_HELLO);
    say(&program, "{'type':'report','fields':{'loss':1}}");
    say(&program, "{'type':'report','fields':{'loss':NaN}}");
    driver_answers(worker, 1, FALSE);
    g_autoptr(JsonObject) result = hear_type(&worker->talk, "result");
    g_assert_cmpstr(message_get_string(json_object_get_object_member(result, "fields"), "loss"), ==,
                    "NaN");
    say(&worker->talk, "{'type':'answer','trial':1,'attempt':1,'n':2,'stop':false}");
    assert_hears(&program, PROGRAM_WELCOME);
    assert_hears(&program, "{'type':'answer','n':1,'stop':false,'save':false}");
    assert_hears(&program, "{'type':'answer','n':2,'stop':false,'save':false}");
    talk_close(&program);
}

static void
test_stop(Worker *worker, gconstpointer unused)
{
    Talk program;
    (void)unused;
    g_autofree char *path = begin(worker, "'loss'");
    if (path == NULL)
        return;
    talk_connect(&program, path);
    say(&program, PROGRAM_HELLO);
    assert_hears(&program, PROGRAM_WELCOME);
    /* The second is dropped. */
    say(&program, "{'type':'report','fields':{'loss':1}}");
    say(&program, "{'type':'report','fields':{'loss':2}}");
    driver_answers(worker, 1, TRUE);
    assert_hears(&program, "{'type':'answer','n':1,'stop':true,'save':false}");
    assert_hears(&program, "{'type':'answer','n':1,'stop':true,'save':false}");
    assert_hears(&worker->talk,
                 "{'type':'ended','trial':1,'attempt':1,'end':'stopped','reusable':true}");
    assert_hears(&program, "the end");
    talk_close(&program);
}

/* A connection that comes to nothing harms nobody. */
static void
test_harmless(Worker *worker, gconstpointer unused)
{
    Talk silent, half, foreign, good;
    (void)unused;
    g_autofree char *path = begin(worker, "'loss'");
    if (path == NULL)
        return;
    talk_connect(&silent, path);
    talk_connect(&half, path);
    say_bytes(&half, "\x1d\0\0\0\0\0\0\0{\"ty", 12);
    talk_close(&half);
    talk_connect(&foreign, path);
    say(&foreign, "{'type':'hello','protocol':1,'trial':'id_0'}");
    assert_hears(&foreign, "the end");
    talk_connect(&good, path);
    say(&good, PROGRAM_HELLO);
    assert_hears(&good, PROGRAM_WELCOME);
    say(&good, "{'type':'report','more':[],'fields':{'loss':1}}");
    driver_answers(worker, 1, FALSE);
    assert_hears(&good, "{'type':'answer','n':1,'stop':false,'save':false}");
    talk_close(&good);
    talk_close(&foreign);
    talk_close(&silent);
}

/* It has gone when its reports are answered: what it sent counts all the same. */
static void
test_closed_before_the_answer(Worker *worker, gconstpointer unused)
{
    Talk program;
    (void)unused;
    g_autofree char *path = begin(worker, "'loss'");
    if (path == NULL)
        return;
    talk_connect(&program, path);
    say(&program, PROGRAM_HELLO);
    assert_hears(&program, PROGRAM_WELCOME);
    say(&program, "{'type':'report','fields':{'loss':1}}");
    say(&program, "{'type':'report','fields':{'loss':2}}");
    talk_close(&program);
    driver_answers(worker, 1, FALSE);
    driver_answers(worker, 2, FALSE);
    talk_connect(&program, path);
    say(&program, PROGRAM_HELLO);
    assert_hears(&program, PROGRAM_WELCOME);
    talk_close(&program);
}

/* ---- Nonsense: the trial fails, the program is killed ---- */

static void
assert_nonsense(Worker *worker, Talk *program, const char *message)
{
    g_autofree char *error = g_strdup_printf("{'type':'error','text':'%s'}", message);
    g_autofree char *ended = g_strdup_printf("{'type':'ended','trial':1,'attempt':1,'end':'failed',"
                                             "'reusable':true,'text':'nonsense came "
                                             "over PEGBOX_SOCKET: %s'}",
                                             message);
    assert_hears(program, error);
    assert_hears(program, "the end");
    assert_hears(&worker->talk, ended);
    talk_close(program);
}

typedef struct {
    const char *first, *second, *message;
} Nonsense;

static const Nonsense nonsense[] = {
    {"{'type':'report','fields':{}}", NULL, "the first message is no hello"},
    {"{}", NULL, "the first message is no hello"},
    {"{'type':'hello'}", NULL, "hello names a protocol other than 1"},
    {"{'type':'hello','protocol':2}", NULL, "hello names a protocol other than 1"},
    {"{'type':'hello','protocol':'1'}", NULL, "hello names a protocol other than 1"},
    {PROGRAM_HELLO, PROGRAM_HELLO, "a message is no report with fields"},
    {PROGRAM_HELLO, "{'type':'report'}", "a message is no report with fields"},
    {PROGRAM_HELLO, "{'type':'report','fields':[1]}", "a message is no report with fields"},
    {PROGRAM_HELLO, "{'type':'answer','fields':{}}", "a message is no report with fields"},
    {PROGRAM_HELLO, "{'type':'checkpoint_end','keep':true}",
     "checkpoint_end comes without a checkpoint_begin"},
};

static void
test_nonsense(Worker *worker, gconstpointer data)
{
    const Nonsense *wrong = data;
    Talk program;
    g_autofree char *path = begin(worker, "'loss'");
    if (path == NULL)
        return;
    talk_connect(&program, path);
    say(&program, "%s", wrong->first);
    if (wrong->second != NULL) {
        assert_hears(&program, PROGRAM_WELCOME);
        say(&program, "%s", wrong->second);
    }
    assert_nonsense(worker, &program, wrong->message);
}

static void
test_no_frames(Worker *worker, gconstpointer unused)
{
    Talk program;
    (void)unused;
    g_autofree char *path = begin(worker, "'loss'");
    if (path == NULL)
        return;
    talk_connect(&program, path);
    say_bytes(&program, "{\"loss\": 0.5}\n", 14);
    assert_nonsense(worker, &program,
                    "a frame of 1869357691 bytes of JSON and 975336307 of data: not the worker "
                    "protocol (at most 16777216 together)");
}

/* Answers that nobody reads. */
static void
test_deaf(Worker *worker, gconstpointer unused)
{
    Talk program;
    (void)unused;
    g_autofree char *path = begin(worker, "'loss'");
    if (path == NULL)
        return;
    static const char json[] = "{\"type\":\"report\",\"fields\":{\"loss\":1}}";
    g_autoptr(GByteArray) report = g_byte_array_new();
    frame_put(report, json, strlen(json), NULL, 0);
    talk_connect(&program, path);
    say(&program, PROGRAM_HELLO);
    for (guint n = 1;; n++) {
        /* It may be closed by now. */
        (void)!send(program.fd, report->data, report->len, MSG_NOSIGNAL);
        g_autoptr(JsonObject) message = hear(&worker->talk);
        g_assert_nonnull(message);
        if (message_is(message, "ended")) {
            g_assert_cmpstr(
                message_get_string(message, "text"), ==,
                "nonsense came over PEGBOX_SOCKET: the answers to reports are not read");
            break;
        }
        say(&worker->talk, "{'type':'answer','trial':1,'attempt':1,'n':%u,'stop':false}", n);
    }
    talk_close(&program);
}

/* Nothing of the worker's is left in the file system. */
static void
test_files_are_removed(Worker *worker, gconstpointer unused)
{
    (void)unused;
    g_autofree char *path = begin(worker, "");
    if (path == NULL)
        return;
    g_autofree char *dir = g_path_get_dirname(path);
    g_assert_true(g_file_test(dir, G_FILE_TEST_IS_DIR));
    kill(worker->pid, SIGTERM);
    g_assert_cmpint(worker_wait(worker), ==, 128 + SIGTERM);
    g_assert_false(g_file_test(dir, G_FILE_TEST_EXISTS));
}

#define ADD(PATH, FUNC) g_test_add(PATH, Worker, NULL, worker_open, FUNC, worker_close)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/program-socket/bytes", test_bytes);
    ADD("/program-socket/several-connections", test_several_connections);
    ADD("/program-socket/ahead-of-answers", test_ahead_of_answers);
    ADD("/program-socket/stop", test_stop);
    ADD("/program-socket/harmless", test_harmless);
    ADD("/program-socket/closed-before-the-answer", test_closed_before_the_answer);
    for (guint i = 0; i < G_N_ELEMENTS(nonsense); i++) {
        g_autofree char *path = g_strdup_printf("/program-socket/nonsense/%u", i);
        g_test_add(path, Worker, &nonsense[i], worker_open, test_nonsense, worker_close);
    }
    ADD("/program-socket/no-frames", test_no_frames);
    ADD("/program-socket/deaf", test_deaf);
    ADD("/program-socket/files-are-removed", test_files_are_removed);
    return g_test_run();
}
