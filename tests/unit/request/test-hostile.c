/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files in requests/ that are no requests: none blocks, none stays, none is believed. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "fixture.h"

#define HOSTILE_TEST(PATH, FUNCTION)                                                               \
    g_test_add(PATH, Fixture, NULL, fixture_set_up, FUNCTION, fixture_tear_down)

static char *
path_of(Fixture *f, const char *name)
{
    return g_build_filename(f->dir, "requests", name, NULL);
}

/* The error that stands beside a file that was none. */
static void
assert_refused(Fixture *f, const char *answer, const char *says)
{
    g_autofree char *path = path_of(f, answer);
    g_autofree char *text = NULL;
    while (!g_file_get_contents(path, &text, NULL, NULL))
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(g_str_has_prefix(text, "{\"error\":\""));
    if (strstr(text, says) == NULL)
        g_error("%s does not say \"%s\"", text, says);
    g_remove(path);
}

static void
assert_answered(Fixture *f, const char *answer)
{
    g_autofree char *path = path_of(f, answer);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "{\"ok\":true}\n");
    g_remove(path);
}

static void
open_empty(Fixture *f)
{
    fixture_open(f);
    /* What there is from now on is new. */
    while (g_main_context_iteration(NULL, FALSE))
        continue;
}

static void
test_no_json(Fixture *f, gconstpointer unused)
{
    (void)unused;
    open_empty(f);
    fixture_write(f, "torn.json", "{\"request\": \"st", -1);
    assert_refused(f, "torn.answer", "without an end");
    fixture_write(f, "empty.json", "", 0);
    assert_refused(f, "empty.answer", "requests/empty.json");
    fixture_write(f, "binary.json", "\0\377\376{\0", 5);
    assert_refused(f, "binary.answer", "requests/binary.json");
    fixture_write(f, "array.json", "[\"stop\"]", -1);
    assert_refused(f, "array.answer", "it is no object");
    g_autoptr(GString) deep = g_string_new("{\"request\": ");
    for (guint i = 0; i < 10000; i++)
        g_string_append_c(deep, '[');
    fixture_write(f, "deep.json", deep->str, -1);
    assert_refused(f, "deep.answer", "requests/deep.json");
    g_assert_cmpint(f->taken->len, ==, 0);
    g_assert_cmpint(f->lines, ==, 5);
    fixture_turn_until_files(f, 0);
}

static void
test_no_request(Fixture *f, gconstpointer unused)
{
    (void)unused;
    open_empty(f);
    fixture_write(f, "a.json", "{\"stop\": 1}", -1);
    assert_refused(f, "a.answer", "it has no \\\"request\\\"");
    fixture_write(f, "b.json", "{\"request\": \"stop\", \"version\": 2}", -1);
    assert_refused(f, "b.answer", "version 1 only");
    fixture_write(f, "c.json", "{\"request\": \"stop\", \"driver\": \"other 12\"}", -1);
    assert_refused(f, "c.answer", "a driver that has ended");
    g_assert_cmpint(f->taken->len, ==, 0);
    /* Written by hand, it needs no more than its name. */
    fixture_write(f, "d.json", "{\"request\": \"stop\"}", -1);
    fixture_turn_until(f, 1);
    request_answer(f->taken->pdata[0], NULL);
}

static void
test_other_files(Fixture *f, gconstpointer unused)
{
    (void)unused;
    g_autofree char *outside = g_build_filename(f->dir, "outside.json", NULL);
    open_empty(f);
    g_autofree char *fifo = path_of(f, "fifo.json");
    g_assert_cmpint(mkfifo(fifo, 0666), ==, 0);
    g_autofree char *link = path_of(f, "link.json");
    g_assert_true(g_file_set_contents(outside, "{\"request\": \"stop\"}", -1, NULL));
    g_assert_cmpint(symlink(outside, link), ==, 0);
    g_autofree char *dir = path_of(f, "dir.json");
    g_assert_cmpint(g_mkdir(dir, 0777), ==, 0);
    g_autofree char *huge = path_of(f, "huge.json");
    int fd = open(huge, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    g_assert_cmpint(ftruncate(fd, (off_t)1 << 40), ==, 0);
    close(fd);
    fixture_turn_until_files(f, 0);
    g_assert_cmpint(f->taken->len, ==, 0);
    g_assert_cmpint(f->lines, ==, 4);
    g_assert_true(g_file_test(outside, G_FILE_TEST_EXISTS));
}

static void
test_another_user(Fixture *f, gconstpointer unused)
{
    (void)unused;
    if (geteuid() != 0) {
        g_test_skip("needs root to give a file away");
        return;
    }
    open_empty(f);
    g_autofree char *outside = g_build_filename(f->dir, "x.json", NULL);
    g_autofree char *inside = path_of(f, "x.json");
    g_assert_true(g_file_set_contents(outside, "{\"request\": \"stop\"}", -1, NULL));
    g_assert_cmpint(chown(outside, 65534, 65534), ==, 0);
    g_assert_cmpint(g_rename(outside, inside), ==, 0);
    fixture_turn_until_files(f, 0);
    g_assert_cmpint(f->taken->len, ==, 0);
    g_assert_cmpint(f->lines, ==, 1);
}

/* One that cannot be removed is told once, and keeps nobody from being heard. */
static void
test_stays(Fixture *f, gconstpointer unused)
{
    (void)unused;
    open_empty(f);
    g_autofree char *deep = path_of(f, "full.json/inner");
    g_assert_cmpint(g_mkdir_with_parents(deep, 0777), ==, 0);
    fixture_write(f, "a.json", "{\"request\": \"a\"}", -1);
    fixture_turn_until(f, 1);
    request_answer(f->taken->pdata[0], NULL);
    for (guint i = 0; i < 100; i++)
        requests_poll(f->requests);
    g_assert_cmpint(f->lines, ==, 1);
}

/* Many at once: the loop turns between them, and few lines tell of them. */
static void
test_many(Fixture *f, gconstpointer unused)
{
    (void)unused;
    Client client;
    open_empty(f);
    for (guint i = 0; i < 1000; i++) {
        g_autofree char *name = g_strdup_printf("%u.json", i);
        fixture_write(f, name, "nothing", -1);
    }
    client_start(&client, f, "stop", 60);
    f->at_once = TRUE;
    client_wait(&client);
    g_assert_no_error(client.error);
    client_clear(&client);
    g_assert_cmpint(f->lines, <=, 21);
}

static guint
count_answers(Fixture *f)
{
    g_autoptr(GPtrArray) files = fixture_files(f);
    guint n = 0;
    for (guint i = 0; i < files->len; i++)
        n += g_str_has_suffix(files->pdata[i], ".answer");
    return n;
}

/* Those that wait for an answer are bounded too. */
static void
test_many_open(Fixture *f, gconstpointer unused)
{
    (void)unused;
    open_empty(f);
    for (guint i = 0; i < 1100; i++) {
        g_autofree char *name = g_strdup_printf("%u.json", i);
        fixture_write(f, name, "{\"request\": \"ask\"}", -1);
    }
    /* Each of the others gets an answer. */
    while (count_answers(f) < 1100 - 1024)
        g_main_context_iteration(NULL, f->taken->len < 1024);
    g_assert_cmpint(f->taken->len, ==, 1024);
}

/* What a dead driver or client left. */
static void
test_leftovers(Fixture *f, gconstpointer unused)
{
    (void)unused;
    g_autofree char *dir = g_build_filename(f->dir, "requests", NULL);
    g_autofree char *old = path_of(f, "old.answer");
    g_autofree char *half = path_of(f, ".half.json.tmp");
    const struct timeval times[2] = {{1000, 0}, {1000, 0}};
    g_assert_cmpint(g_mkdir(dir, 0777), ==, 0);
    fixture_write(f, "old.answer", "{}", -1);
    fixture_write(f, ".half.json.tmp", "{", -1);
    fixture_write(f, "new.answer", "{\"ok\":true}", -1);
    g_assert_cmpint(utimes(old, times), ==, 0);
    g_assert_cmpint(utimes(half, times), ==, 0);
    fixture_write(f, "left.json", "{\"request\": \"stop\"}", -1);
    fixture_write(f, "addressed.json", "{\"request\": \"stop\", \"driver\": \"other 12\"}", -1);
    fixture_open(f);
    assert_refused(f, "left.answer", "before this driver began");
    assert_refused(f, "addressed.answer", "a driver that has ended");
    fixture_turn_until_files(f, 1);
    g_assert_cmpint(f->taken->len, ==, 0);
}

/* The folder is taken away while the driver lives: it makes a new one. */
static void
test_folder_goes(Fixture *f, gconstpointer unused)
{
    (void)unused;
    open_empty(f);
    g_autofree char *folder = g_build_filename(f->dir, "requests", NULL);
    g_autofree char *away = g_build_filename(f->dir, "away", NULL);
    for (guint i = 0; i < 2; i++) {
        g_autofree char *bell = path_of(f, ".bell");
        g_assert_cmpint(g_remove(bell), ==, 0);
        g_assert_cmpint(i == 0 ? g_rmdir(folder) : g_rename(folder, away), ==, 0);
        for (guint j = 0; j < 8; j++)
            requests_poll(f->requests);
        fixture_write(f, "a.json", "{\"request\": \"a\"}", -1);
        fixture_turn_until(f, i + 1);
        request_answer(f->taken->pdata[i], NULL);
        fixture_turn_until_files(f, 1);
        assert_answered(f, "a.answer");
    }
}

/* A folder that is none. */
static void
test_folder_is_a_link(Fixture *f, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = g_build_filename(f->dir, "requests", NULL);
    g_assert_cmpint(symlink("/tmp", dir), ==, 0);
    g_assert_null(requests_open(f->dir, g_main_context_default(), NULL, NULL, NULL, &error));
    g_assert_error(error, PBX_REQUEST_ERROR, REQUEST_ERROR_IO);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    HOSTILE_TEST("/request/hostile/no-json", test_no_json);
    HOSTILE_TEST("/request/hostile/no-request", test_no_request);
    HOSTILE_TEST("/request/hostile/other-files", test_other_files);
    HOSTILE_TEST("/request/hostile/another-user", test_another_user);
    HOSTILE_TEST("/request/hostile/stays", test_stays);
    HOSTILE_TEST("/request/hostile/many", test_many);
    HOSTILE_TEST("/request/hostile/many-open", test_many_open);
    HOSTILE_TEST("/request/hostile/leftovers", test_leftovers);
    HOSTILE_TEST("/request/hostile/folder-goes", test_folder_goes);
    HOSTILE_TEST("/request/hostile/folder-is-a-link", test_folder_is_a_link);
    return g_test_run();
}
