/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "checkpoint/checkpoint.h"

void
fixture_set_up(Fixture *f, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    f->dir = g_dir_make_tmp("pegbox-request-XXXXXX", NULL);
    f->taken = g_ptr_array_new();
    f->lock = lock_take(f->dir, &error);
    g_assert_no_error(error);
}

void
fixture_tear_down(Fixture *f, gconstpointer unused)
{
    (void)unused;
    requests_close(f->requests, "the test is over");
    lock_release(f->lock);
    g_ptr_array_unref(f->taken);
    g_assert_true(checkpoint_remove(f->dir, NULL));
    g_free(f->dir);
}

static void
take(PbxRequest *request, gpointer user)
{
    Fixture *f = user;
    g_ptr_array_add(f->taken, request);
    if (f->at_once)
        request_answer(request, NULL);
}

static void
count_line(const char *line, gpointer user)
{
    g_assert_null(strchr(line, '\n'));
    ((Fixture *)user)->lines++;
}

void
fixture_open(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    f->requests = requests_open(f->dir, g_main_context_default(), take, count_line, f, &error);
    g_assert_no_error(error);
}

void
fixture_turn_until(Fixture *f, guint taken)
{
    while (f->taken->len < taken)
        g_main_context_iteration(NULL, TRUE);
}

void
fixture_turn_until_files(Fixture *f, guint files)
{
    for (;;) {
        g_autoptr(GPtrArray) names = fixture_files(f);
        if (names->len == files)
            return;
        requests_poll(f->requests); /* not all that is there has rung */
        g_main_context_iteration(NULL, FALSE);
    }
}

GPtrArray *
fixture_files(Fixture *f)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *path = g_build_filename(f->dir, "requests", NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;)
        if (!g_str_has_suffix(name, ".bell"))
            g_ptr_array_add(names, g_strdup(name));
    return names;
}

void
fixture_write(Fixture *f, const char *name, const char *text, gssize length)
{
    g_autofree char *path = g_build_filename(f->dir, "requests", name, NULL);
    g_autofree char *half = g_strconcat(path, ".half", NULL);
    FILE *file = fopen(half, "we");
    g_assert_nonnull(file);
    const gsize n = length < 0 ? strlen(text) : (gsize)length;
    g_assert_cmpint(fwrite(text, 1, n, file), ==, n);
    fclose(file);
    g_assert_cmpint(g_rename(half, path), ==, 0);
    g_autofree char *bell = g_build_filename(f->dir, "requests", ".bell", NULL);
    int fd = open(bell, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    g_assert_cmpint(fd < 0 ? 1 : (int)write(fd, "!", 1), ==, 1);
    if (fd >= 0)
        close(fd);
}

/* ---- Clients ---- */

static gpointer
ask(gpointer data)
{
    Client *client = data;
    g_autoptr(JsonObject) request = json_object_new();
    json_object_set_string_member(request, "request", client->name);
    json_object_set_string_member(request, "from", "client");
    client->answer = request_send(client->f->dir, request, client->timeout_s, &client->error);
    g_atomic_int_set(&client->done, 1);
    g_main_context_wakeup(NULL);
    return NULL;
}

void
client_start(Client *client, Fixture *f, const char *name, double timeout_s)
{
    *client = (Client){.f = f, .name = name, .timeout_s = timeout_s};
    client->thread = g_thread_new("client", ask, client);
}

void
client_wait(Client *client)
{
    while (!g_atomic_int_get(&client->done))
        g_main_context_iteration(NULL, TRUE);
    g_thread_join(g_steal_pointer(&client->thread));
}

void
client_clear(Client *client)
{
    g_clear_pointer(&client->answer, json_node_unref);
    g_clear_error(&client->error);
}
