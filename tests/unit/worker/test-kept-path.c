/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* checkpoint.path: what pegbox-worker saves for shell scripts that know nothing of it. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "worker-fixture.h"

#define QUIET ",'out':'/dev/null'"
#define PATH  ",'checkpoint':{'path':'out/model'}"

static gboolean
set_up(Worker *worker, const char *script)
{
    g_autofree char *options =
        g_strdup_printf("{'command':['/bin/sh','-c','%s'],'metrics':{'loss':'loss=(.*)'}}", script);
    return worker_set_up_exec(worker, options, "'loss'");
}

static void
run(Worker *worker, guint attempt, const char *more)
{
    g_autofree char *all = g_strconcat(QUIET, more, NULL);
    worker_run(worker, 1, attempt, all);
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
}

static void
hear_result(Worker *worker, guint attempt, guint n)
{
    g_autoptr(JsonObject) result = hear_type(&worker->talk, "result");
    g_assert_cmpint(message_get_int(result, "n", -1), ==, n);
    say(&worker->talk, "{'type':'answer','trial':1,'attempt':%u,'n':%u}", attempt, n);
}

static void
hear_saving(Worker *worker, gboolean begun)
{
    g_autoptr(JsonObject) saving = hear_type(&worker->talk, "saving");
    g_assert_cmpint(message_get_bool(saving, "begun"), ==, begun);
}

static void
hear_checkpoint(Worker *worker, guint n, const char *name)
{
    hear_saving(worker, TRUE);
    g_autoptr(JsonObject) checkpoint = hear_type(&worker->talk, "checkpoint");
    g_assert_cmpint(message_get_int(checkpoint, "n", -1), ==, n);
    g_assert_cmpstr(message_get_string(checkpoint, "name"), ==, name);
    hear_saving(worker, FALSE);
}

static void
hear_end(Worker *worker, const char *end)
{
    g_autoptr(JsonObject) ended = hear_type(&worker->talk, "ended");
    g_assert_cmpstr(message_get_string(ended, "end"), ==, end);
}

static void
hear_log(Worker *worker, const char *part)
{
    g_autoptr(JsonObject) log = hear_type(&worker->talk, "log");
    const char *text = message_get_string(log, "text");
    g_assert_nonnull(text);
    if (strstr(text, part) == NULL)
        g_error("waited for %s, heard %s", part, text);
}

/* What a file of the trial's directory holds. (transfer full) */
static char *
text_of(Worker *worker, const char *name)
{
    g_autofree char *path = g_build_filename(worker->dir, name, NULL);
    char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return g_strchomp(text);
}

static void
check_archive(Worker *worker, const char *archive, const char *file, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(worker->dir, archive, NULL);
    g_autofree char *dir = g_build_filename(worker->dir, "unpacked", NULL);
    g_autofree char *inner = g_build_filename("unpacked", file, NULL);
    checkpoint_unpack(path, dir, NULL, 0, &error);
    g_assert_no_error(error);
    g_autofree char *found = text_of(worker, inner);
    g_assert_cmpstr(found, ==, text);
    checkpoint_remove(dir, &error);
    g_assert_no_error(error);
}

/* ---- Saved ---- */

static void
test_at_the_end(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!set_up(worker, "mkdir out; echo one > out/model; echo loss=1"))
        return;
    run(worker, 1, PATH);
    hear_result(worker, 1, 1);
    hear_checkpoint(worker, 1, "checkpoint_000001.tar");
    hear_end(worker, "done");
    check_archive(worker, "checkpoint_000001.tar", "model", "one");
}

static void
test_at_a_stop(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!set_up(worker,
                "mkdir -p out/model; echo one > out/model/part; echo loss=1; exec sleep 1000"))
        return;
    run(worker, 1, PATH);
    hear_result(worker, 1, 1);
    say(&worker->talk, "{'type':'stop','trial':1,'attempt':1,'save':true}");
    hear_saving(worker, TRUE);
    g_autoptr(JsonObject) checkpoint = hear_type(&worker->talk, "checkpoint");
    assert_hears(&worker->talk, "{'type':'saved','trial':1,'attempt':1,'ok':true}");
    hear_saving(worker, FALSE);
    hear_end(worker, "stopped");
    check_archive(worker, "checkpoint_000001.tar", "model/part", "one");
}

/* What a program left that failed may be anything. */
static void
test_not_of_a_failure(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!set_up(worker, "mkdir out; echo half > out/model; echo loss=1; exit 3"))
        return;
    run(worker, 1, PATH);
    hear_result(worker, 1, 1);
    hear_end(worker, "failed");
}

static void
test_while_it_runs(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!set_up(worker, "mkdir out; echo one > out/model; echo loss=1; echo loss=2; "
                        "until test -e checkpoint_000002.tar; do sleep 0.05; done; echo loss=3"))
        return;
    run(worker, 1, ",'checkpoint':{'path':'out/model','frequency':2}");
    hear_result(worker, 1, 1);
    hear_result(worker, 1, 2);
    hear_checkpoint(worker, 2, "checkpoint_000002.tar");
    hear_result(worker, 1, 3);
    /* The end counts for the last. */
    hear_checkpoint(worker, 3, "checkpoint_000003.tar");
    hear_end(worker, "done");
}

static void
test_asked(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!set_up(worker, "mkdir out; echo loss=1; until test -e go; do sleep 0.02; done; "
                        "echo one > out/model; echo loss=2; exec sleep 1000"))
        return;
    run(worker, 1, PATH);
    g_autoptr(JsonObject) result = hear_type(&worker->talk, "result");
    say(&worker->talk, "{'type':'answer','trial':1,'attempt':1,'n':1,'save':true}");
    g_autoptr(JsonObject) missing = hear_type(&worker->talk, "saved");
    g_assert_nonnull(strstr(message_get_string(missing, "text"), "nothing stands at"));
    g_autofree char *go = g_build_filename(worker->dir, "go", NULL);
    g_assert_true(g_file_set_contents(go, "", 0, NULL));
    hear_result(worker, 1, 2);
    say(&worker->talk, "{'type':'answer','trial':1,'attempt':1,'n':2,'save':true}");
    hear_saving(worker, TRUE);
    g_autoptr(JsonObject) checkpoint = hear_type(&worker->talk, "checkpoint");
    assert_hears(&worker->talk, "{'type':'saved','trial':1,'attempt':1,'ok':true}");
    hear_saving(worker, FALSE);
    say(&worker->talk, "{'type':'stop','trial':1,'attempt':1}");
    /* The same, of the same result: once is enough. */
    hear_end(worker, "stopped");
}

static void
test_nothing_there(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!set_up(worker, "echo loss=1"))
        return;
    run(worker, 1, ",'checkpoint':{'path':'out/model','frequency':1}");
    hear_result(worker, 1, 1);
    hear_log(worker, "nothing stands at out/model at the end");
    hear_end(worker, "done");
}

/* ---- Put back ---- */

static void
test_put_back(Worker *worker, gconstpointer data)
{
    const gboolean directory = GPOINTER_TO_INT(data);
    /* A second attempt finds what the first had when it was saved, and nothing else. */
    const char *script =
        directory ? "mkdir -p out/model; cat out/model/* > seen 2>&1; "
                    "echo one > out/model/part; echo loss=1"
                  : "mkdir -p out; cat out/model > seen 2>&1; echo one > out/model; echo loss=1";
    if (!set_up(worker, script))
        return;
    run(worker, 1, PATH);
    hear_result(worker, 1, 1);
    hear_checkpoint(worker, 1, "checkpoint_000001.tar");
    hear_end(worker, "done");
    g_autofree char *later =
        g_build_filename(worker->dir, directory ? "out/model/later" : "out/model", NULL);
    g_assert_true(g_file_set_contents(later, "later", -1, NULL));
    g_autofree char *more = g_strdup_printf(
        PATH ",'restore':[{'id':4,'archive':'%s/checkpoint_000001.tar','n':1,'iteration':1}]",
        worker->dir);
    g_autofree char *all = g_strconcat(QUIET, more, NULL);
    worker_run(worker, 1, 2, all);
    assert_hears(&worker->talk, "{'type':'restored','trial':1,'attempt':2,'id':4,'damaged':[]}");
    g_autoptr(JsonObject) pid = hear_type(&worker->talk, "pid");
    hear_result(worker, 2, 2);
    hear_checkpoint(worker, 2, "checkpoint_000002.tar");
    hear_end(worker, "done");
    g_autofree char *seen = text_of(worker, "seen");
    g_assert_cmpstr(seen, ==, "one");
}

/* What an attempt left that has no checkpoint belongs to results that are made anew. */
static void
test_anew(Worker *worker, gconstpointer unused)
{
    (void)unused;
    if (!set_up(worker, "test -e out && echo found > seen; mkdir out; echo one > out/model; "
                        "echo loss=1; exit 3"))
        return;
    for (guint attempt = 1; attempt <= 2; attempt++) {
        run(worker, attempt, ",'checkpoint':{'path':'out'}");
        hear_result(worker, attempt, 1);
        hear_end(worker, "failed");
    }
    g_autofree char *seen = g_build_filename(worker->dir, "seen", NULL);
    g_assert_false(g_file_test(seen, G_FILE_TEST_EXISTS));
}

/* ---- Refused ---- */

static void
test_refused(Worker *worker, gconstpointer data)
{
    const char *path = data;
    if (!set_up(worker, "echo loss=1"))
        return;
    g_autofree char *more = g_strdup_printf(QUIET ",'checkpoint':{'path':'%s'}", path);
    worker_run(worker, 1, 1, more);
    g_autoptr(JsonObject) ended = hear_type(&worker->talk, "ended");
    g_assert_cmpstr(message_get_string(ended, "end"), ==, "failed");
    g_assert_true(g_str_has_prefix(message_get_string(ended, "text"), "checkpoint.path: "));
}

/* Neither what it names nor a directory on the way may lead elsewhere. */
static void
test_links(Worker *worker, gconstpointer data)
{
    const char *script = data;
    g_autofree char *all = g_strdup_printf("%s; echo loss=1", script);
    if (!set_up(worker, all))
        return;
    run(worker, 1, PATH);
    hear_result(worker, 1, 1);
    hear_log(worker, "out/model leads through a");
    hear_end(worker, "done");
}

#define ADD(PATH, DATA, FUNC) g_test_add(PATH, Worker, DATA, worker_open, FUNC, worker_close)

int
main(int argc, char **argv)
{
    static const char *const paths[] = {"",         ".",         "..",   "/nonexistent",
                                        "../model", "a/../../b", "a//b", "a/"};
    static const char *const links[] = {"ln -s /nonexistent out",
                                        "mkdir out; ln -s /nonexistent out/model", "echo > out"};
    g_test_init(&argc, &argv, NULL);
    ADD("/kept-path/end", NULL, test_at_the_end);
    ADD("/kept-path/stop", NULL, test_at_a_stop);
    ADD("/kept-path/failure", NULL, test_not_of_a_failure);
    ADD("/kept-path/while-it-runs", NULL, test_while_it_runs);
    ADD("/kept-path/asked", NULL, test_asked);
    ADD("/kept-path/nothing-there", NULL, test_nothing_there);
    ADD("/kept-path/put-back/file", GINT_TO_POINTER(FALSE), test_put_back);
    ADD("/kept-path/put-back/directory", GINT_TO_POINTER(TRUE), test_put_back);
    ADD("/kept-path/anew", NULL, test_anew);
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *path = g_strdup_printf("/kept-path/refused/%u", i);
        ADD(path, paths[i], test_refused);
    }
    for (guint i = 0; i < G_N_ELEMENTS(links); i++) {
        g_autofree char *path = g_strdup_printf("/kept-path/links/%u", i);
        ADD(path, links[i], test_links);
    }
    return g_test_run();
}
