/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver's side of a worker: what it says, and what it makes of what a worker says. */
#include <math.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/worker-private.h"

/* A link, and the test in the place of its worker. */
typedef struct {
    PbxWorkerLink *link;
    int fd;
    GMainContext *context;
    GString *seen; /* a line for each message */
    gboolean free_at_once;
    GByteArray *in;
    gsize in_at;
} Peer;

static void
see_restored(Peer *peer, const PbxWorkerMessage *message)
{
    g_string_append_printf(peer->seen, " %" G_GUINT64_FORMAT, message->restored_id);
    for (gsize i = 0; i < message->n_damaged; i++)
        g_string_append_printf(peer->seen, " (%" G_GUINT64_FORMAT ": %s)", message->damaged[i].id,
                               message->damaged[i].text);
}

static void
on_message(PbxWorkerLink *link, const PbxWorkerMessage *message, gpointer user)
{
    static const char *const types[] = {"ready",  "result",     "ended",  "line",
                                        "log",    "pid",        "memory", "restored",
                                        "saving", "checkpoint", "saved",  "broken"};
    Peer *peer = user;
    g_string_append_printf(peer->seen, "%s", types[message->type]);
    if (message->type != WORKER_READY && message->type != WORKER_BROKEN)
        g_string_append_printf(peer->seen, " %" G_GUINT64_FORMAT "/%u", message->trial,
                               message->attempt);
    if (message->type == WORKER_READY)
        g_string_append_printf(peer->seen, " %s %s", message->hostname, message->node_ip);
    if (message->type == WORKER_READY || message->type == WORKER_PID)
        g_string_append_printf(peer->seen, " %" G_GINT64_FORMAT, message->pid);
    if (message->type == WORKER_MEMORY)
        g_string_append_printf(peer->seen, " %" G_GUINT64_FORMAT, message->used);
    if (message->type == WORKER_RESULT)
        g_string_append_printf(peer->seen, " %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT " %g %s%s",
                               message->n, message->iteration, message->time_total_s,
                               message->fields_text, message->done ? " done" : "");
    if (message->type == WORKER_ENDED)
        g_string_append_printf(peer->seen, " %d%s", message->end,
                               message->reusable ? " reusable" : "");
    if (message->type == WORKER_RESTORED)
        see_restored(peer, message);
    if (message->type == WORKER_CHECKPOINT)
        g_string_append_printf(peer->seen,
                               " %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT " %s %" G_GUINT64_FORMAT
                               " %.4s %" G_GINT64_FORMAT " %g %" G_GINT64_FORMAT
                               " %" G_GINT64_FORMAT,
                               message->n, message->step, message->name, message->bytes,
                               message->sha256, message->iteration, message->time_total_s,
                               message->timesteps_total, message->episodes_total);
    if (message->type == WORKER_SAVING)
        g_string_append_printf(peer->seen, " %s", message->saving ? "begins" : "is over");
    if (message->type == WORKER_SAVED)
        g_string_append_printf(peer->seen, " %s", message->ok ? "well" : "not:");
    if (message->type == WORKER_LINE || message->type == WORKER_LOG)
        g_string_append_printf(peer->seen, " %d", message->level);
    if (message->fatal)
        g_string_append(peer->seen, " fatal");
    if (message->text != NULL)
        g_string_append_printf(peer->seen, " %s", message->text);
    g_string_append_c(peer->seen, '\n');
    if (peer->free_at_once) {
        worker_link_free(link);
        peer->link = NULL;
    }
}

static void
peer_open(Peer *peer, gconstpointer unused)
{
    static const char *const metrics[] = {"loss", NULL}, *const parameters[] = {"lr", NULL};
    int fds[2];
    (void)unused;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    g_autoptr(JsonNode) options = json_from_string("{\"a\":1}", NULL);
    PbxWorkerSetup setup = {.plugin_path = "/p.so",
                            .plugin_kind = "trainable",
                            .plugin_name = "p",
                            .options = options,
                            .experiment_id = "id",
                            .experiment_name = "name",
                            .experiment_dir = "/dir",
                            .metrics = metrics,
                            .seed = G_MAXUINT64,
                            .parameters = parameters,
                            .base_dir = "/base"};
    peer->context = g_main_context_new();
    peer->seen = g_string_new(NULL);
    peer->in = g_byte_array_new();
    peer->fd = fds[1];
    peer->link = worker_link_new(fds[0], peer->context, &setup, on_message, peer);
}

static void
peer_close(Peer *peer, gconstpointer unused)
{
    (void)unused;
    worker_link_free(peer->link);
    if (peer->fd >= 0)
        close(peer->fd);
    g_main_context_unref(peer->context);
    g_string_free(peer->seen, TRUE);
    g_byte_array_unref(peer->in);
}

static void
turn(Peer *peer)
{
    while (g_main_context_iteration(peer->context, FALSE))
        ;
}

static void
say_bytes(Peer *peer, gconstpointer bytes, gsize n)
{
    g_assert_cmpint(send(peer->fd, bytes, n, MSG_NOSIGNAL), ==, (gssize)n);
    turn(peer);
}

static void
say(Peer *peer, const char *json)
{
    g_autoptr(GByteArray) frame = g_byte_array_new();
    frame_put(frame, json, strlen(json), NULL, 0);
    say_bytes(peer, frame->data, frame->len);
}

/* The JSON of what the link says next. (transfer full) NULL: nothing, or the end. */
static char *
hear(Peer *peer)
{
    turn(peer);
    for (;;) {
        const char *json;
        const guint8 *blob;
        gsize json_length, blob_length, consumed;
        int got = peer->in->len > peer->in_at
                      ? frame_take(peer->in->data + peer->in_at, peer->in->len - peer->in_at, &json,
                                   &json_length, &blob, &blob_length, &consumed, NULL)
                      : 0;
        if (got == 1) {
            peer->in_at += consumed;
            return g_strndup(json, json_length);
        }
        guint8 bytes[4096];
        ssize_t n = recv(peer->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n <= 0)
            return NULL;
        g_byte_array_append(peer->in, bytes, (guint)n);
        turn(peer);
    }
}

static void
assert_hears(Peer *peer, const char *expected)
{
    g_autofree char *json = hear(peer);
    g_assert_cmpstr(json, ==, expected);
}

static void
assert_seen(Peer *peer, const char *expected)
{
    turn(peer);
    g_assert_cmpstr(peer->seen->str, ==, expected);
    g_string_truncate(peer->seen, 0);
}

#define HELLO                                                                                      \
    "{\"type\":\"hello\",\"protocol\":1,\"pid\":42,\"hostname\":\"h\",\"node_ip\":\"1.2.3.4\"}"

static void
greet(Peer *peer)
{
    say(peer, HELLO);
    g_free(hear(peer));
    say(peer, "{\"type\":\"ready\"}");
    assert_seen(peer, "ready h 1.2.3.4 42\n");
}

/* ---- Handshake ---- */

static void
test_setup_follows_hello(Peer *peer, gconstpointer unused)
{
    (void)unused;
    g_assert_null(hear(peer));
    say(peer, HELLO);
    assert_hears(peer,
                 "{\"type\":\"setup\",\"path\":\"/p.so\",\"kind\":\"trainable\",\"name\":\"p\","
                 "\"options\":{\"a\":1},\"experiment_id\":\"id\",\"experiment_name\":\"name\","
                 "\"experiment_dir\":\"/dir\",\"metrics\":[\"loss\"],\"seed\":-1,"
                 "\"parameters\":[\"lr\"],\"base_dir\":\"/base\"}");
    assert_seen(peer, "");
    say(peer, "{\"type\":\"ready\"}");
    assert_seen(peer, "ready h 1.2.3.4 42\n");
}

static void
test_other_protocol(Peer *peer, gconstpointer unused)
{
    (void)unused;
    say(peer, "{\"type\":\"hello\",\"protocol\":2}");
    assert_seen(peer, "broken the worker speaks protocol 2, this driver 1: is pegbox-worker of the "
                      "same release?\n");
    g_assert_null(hear(peer));
}

static void
test_no_hello(Peer *peer, gconstpointer unused)
{
    (void)unused;
    say(peer, "{\"type\":\"result\"}");
    g_assert_true(g_str_has_prefix(peer->seen->str, "broken the worker speaks protocol 0"));
}

static void
test_failed(Peer *peer, gconstpointer unused)
{
    (void)unused;
    say(peer, HELLO);
    say(peer, "{\"type\":\"failed\",\"text\":\"no such plugin\",\"fatal\":true}");
    assert_seen(peer, "broken fatal no such plugin\n");
}

/* ---- What a worker says ---- */

static void
test_messages(Peer *peer, gconstpointer unused)
{
    (void)unused;
    greet(peer);
    say(peer, "{\"type\":\"pid\",\"trial\":3,\"attempt\":2,\"pid\":99}");
    assert_seen(peer, "pid 3/2 99\n");
    say(peer, "{\"type\":\"memory\",\"trial\":3,\"attempt\":2,\"used\":4096}");
    assert_seen(peer, "memory 3/2 4096\n");
    say(peer, "{\"type\":\"result\",\"trial\":3,\"attempt\":2,\"n\":1,\"iteration\":4,"
              "\"time_total_s\":1.5,\"done\":true,\"fields\":{\"loss\":1}}");
    assert_seen(peer, "result 3/2 1 4 1.5 {\"loss\":1} done\n");
    /* As a worker spells it, and with one blank more. */
    for (guint i = 0; i < 2; i++) {
        g_autofree char *json = g_strdup_printf(
            "{\"type\":\"result\",\"trial\":3,\"attempt\":2,\"n\":2,\"iteration\":5,\"at\":1,"
            "\"time_this_iter_s\":0.5,\"time_total_s\":2.0,\"timesteps_total\":-1,"
            "\"episodes_total\":-1,\"done\":false,\"fields\":{\"loss\":%s2}}",
            i == 0 ? "" : " ");
        say(peer, json);
        assert_seen(peer, "result 3/2 2 5 2 {\"loss\":2}\n");
    }
    say(peer, "{\"type\":\"line\",\"trial\":3,\"attempt\":2,\"stderr\":true,\"text\":\"a\"}");
    say(peer, "{\"type\":\"line\",\"trial\":3,\"attempt\":2,\"stderr\":false,\"text\":\"b\"}");
    say(peer, "{\"type\":\"log\",\"trial\":3,\"attempt\":2,\"level\":2,\"text\":\"c\"}");
    assert_seen(peer, "line 3/2 1 a\nline 3/2 0 b\nlog 3/2 2 c\n");
    say(peer, "{\"type\":\"ended\",\"trial\":3,\"attempt\":2,\"end\":\"done\",\"reusable\":true}");
    say(peer, "{\"type\":\"ended\",\"trial\":4,\"attempt\":1,\"end\":\"stopped\"}");
    say(peer, "{\"type\":\"ended\",\"trial\":5,\"attempt\":1,\"end\":\"failed\",\"text\":\"x\"}");
    assert_seen(peer, "ended 3/2 0 reusable\nended 4/1 1\nended 5/1 2 x\n");
    say(peer, "{\"type\":\"ended\",\"trial\":6,\"attempt\":1,\"end\":\"failed\",\"fatal\":true}");
    say(peer, "{\"type\":\"ended\",\"trial\":7,\"attempt\":1,\"end\":\"done\",\"fatal\":true}");
    assert_seen(peer, "ended 6/1 2 fatal\nended 7/1 0\n");
    /* A newer worker may say more. */
    say(peer, "{\"type\":\"beat\"}");
    say(peer, "{\"type\":\"weather\",\"fine\":true}");
    assert_seen(peer, "");
}

#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
test_checkpoint_messages(Peer *peer, gconstpointer unused)
{
    (void)unused;
    greet(peer);
    say(peer, "{\"type\":\"restored\",\"trial\":3,\"attempt\":2,\"id\":9}");
    assert_seen(peer, "restored 3/2 9\n");
    say(peer, "{\"type\":\"restored\",\"trial\":3,\"attempt\":2,\"id\":0,\"damaged\":"
              "[{\"id\":9,\"text\":\"torn\"},{\"id\":8,\"text\":\"gone\"}]}");
    assert_seen(peer, "restored 3/2 0 (9: torn) (8: gone)\n");
    say(peer, "{\"type\":\"saving\",\"trial\":3,\"attempt\":2,\"begun\":true}");
    say(peer, "{\"type\":\"checkpoint\",\"trial\":3,\"attempt\":2,\"n\":5,\"step\":10,"
              "\"name\":\"checkpoint_000010.tar.zst\",\"bytes\":512,\"sha256\":\"" SHA256 "\","
              "\"iteration\":7,\"time_total_s\":1.5,\"timesteps_total\":70,\"episodes_total\":-1}");
    say(peer, "{\"type\":\"saving\",\"trial\":3,\"attempt\":2,\"begun\":false}");
    assert_seen(peer, "saving 3/2 begins\n"
                      "checkpoint 3/2 5 10 checkpoint_000010.tar.zst 512 0123 7 1.5 70 -1\n"
                      "saving 3/2 is over\n");
    say(peer, "{\"type\":\"saved\",\"trial\":3,\"attempt\":2,\"ok\":true}");
    say(peer, "{\"type\":\"saved\",\"trial\":3,\"attempt\":2,\"ok\":false,\"text\":\"no room\"}");
    assert_seen(peer, "saved 3/2 well\nsaved 3/2 not: no room\n");
}

static void
test_messages_in_parts(Peer *peer, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    static const char *const messages[] = {HELLO, "{\"type\":\"ready\"}",
                                           "{\"type\":\"log\",\"level\":1,\"text\":\"a\"}",
                                           "{\"type\":\"log\",\"level\":1,\"text\":\"b\"}"};
    for (guint i = 0; i < G_N_ELEMENTS(messages); i++)
        frame_put(bytes, messages[i], strlen(messages[i]), "data", 4);
    for (guint i = 0; i < bytes->len - 1; i++)
        say_bytes(peer, bytes->data + i, 1);
    g_assert_null(strstr(peer->seen->str, " b\n"));
    say_bytes(peer, bytes->data + bytes->len - 1, 1);
    g_assert_true(g_str_has_suffix(peer->seen->str, " b\n"));
    g_assert_true(g_str_has_prefix(peer->seen->str, "ready h 1.2.3.4 42\nlog "));
}

#define CHECKPOINT(N, NAME, SUM)                                                                   \
    "{\"type\":\"checkpoint\",\"trial\":0,\"attempt\":1,\"n\":" N                                  \
    ",\"step\":1,\"bytes\":1,\"name\":\"" NAME "\",\"sha256\":\"" SUM "\"}"

static void
test_nonsense(Peer *peer, gconstpointer unused)
{
    static const char *const all[] = {
        "{}",
        "{\"type\":1}",
        "{\"type\":\"result\",\"trial\":0,\"attempt\":1}",
        "{\"type\":\"result\",\"trial\":0,\"attempt\":1,\"fields\":[]}",
        "{\"type\":\"ended\",\"trial\":0,\"attempt\":1}",
        "{\"type\":\"ended\",\"trial\":0,\"attempt\":1,\"end\":\"bored\"}",
        "{\"type\":\"line\",\"trial\":0,\"attempt\":1}",
        "{\"type\":\"log\"}",
        CHECKPOINT("-1", "checkpoint_1.tar", SHA256),
        CHECKPOINT("1", "../checkpoint_1.tar", SHA256),
        CHECKPOINT("1", "checkpoint_/../1.tar", SHA256),
        CHECKPOINT("1", "model.tar", SHA256),
        CHECKPOINT("1", "checkpoint_1.zip", SHA256),
        CHECKPOINT("1", "checkpoint_1.tar", "0123"),
        CHECKPOINT("1", "checkpoint_1.tar", "x" SHA256),
        "{\"type\":\"checkpoint\",\"trial\":0,\"attempt\":1}",
        "{\"type\":\"saved\",\"trial\":0,\"attempt\":1,\"ok\":false}",
        "{\"type\":\"restored\",\"trial\":0,\"attempt\":1}",
        "{\"type\":\"restored\",\"trial\":0,\"attempt\":1,\"id\":-1}",
        "{\"type\":\"restored\",\"trial\":0,\"attempt\":1,\"id\":1,\"damaged\":{}}",
        "{\"type\":\"restored\",\"trial\":0,\"attempt\":1,\"id\":1,\"damaged\":[1]}",
        "{\"type\":\"restored\",\"trial\":0,\"attempt\":1,\"id\":1,\"damaged\":[{\"id\":1}]}",
        "{\"type\":\"restored\",\"trial\":0,\"attempt\":1,\"id\":1,\"damaged\":[{\"text\":\"a\"}]}",
    };
    for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
        if (i > 0) {
            peer_close(peer, NULL);
            *peer = (Peer){.fd = -1};
            peer_open(peer, NULL);
        }
        greet(peer);
        say(peer, all[i]);
        assert_seen(peer, "broken the worker sent a message that makes no sense\n");
        /* What comes after it is not even read. */
        g_assert_null(hear(peer));
        worker_link_bye(peer->link);
        worker_link_flush(peer->link);
        assert_seen(peer, "");
    }
    (void)unused;
}

static void
test_no_frames(Peer *peer, gconstpointer unused)
{
    (void)unused;
    say_bytes(peer, "GET / HTTP/1.1\r\n\r\n", 18);
    g_assert_true(g_str_has_prefix(peer->seen->str, "broken a frame of "));
}

static void
test_close(Peer *peer, gconstpointer unused)
{
    (void)unused;
    greet(peer);
    close(peer->fd);
    peer->fd = -1;
    /* Without a reason of its own: how the process ended says more. */
    assert_seen(peer, "broken\n");
    assert_seen(peer, "");
}

static void
test_last_words_before_close(Peer *peer, gconstpointer unused)
{
    (void)unused;
    greet(peer);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    static const char ended[] = "{\"type\":\"ended\",\"trial\":0,\"attempt\":1,\"end\":\"done\"}";
    frame_put(bytes, ended, strlen(ended), NULL, 0);
    g_assert_cmpint(send(peer->fd, bytes->data, bytes->len, 0), ==, (gssize)bytes->len);
    g_assert_cmpint(send(peer->fd, bytes->data, 5, 0), ==, 5);
    close(peer->fd);
    peer->fd = -1;
    assert_seen(peer, "ended 0/1 0\nbroken\n");
}

static void
test_free_in_callback(Peer *peer, gconstpointer unused)
{
    (void)unused;
    greet(peer);
    peer->free_at_once = TRUE;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    static const char log[] = "{\"type\":\"log\",\"text\":\"a\"}";
    frame_put(bytes, log, strlen(log), NULL, 0);
    frame_put(bytes, log, strlen(log), NULL, 0);
    say_bytes(peer, bytes->data, bytes->len);
    g_assert_cmpuint(strlen(peer->seen->str), ==,
                     (gsize)(strchr(peer->seen->str, '\n') - peer->seen->str) + 1);
    g_assert_null(hear(peer));
}

/* ---- What the driver says ---- */

static void
test_driver_messages(Peer *peer, gconstpointer unused)
{
    static const char *const env[] = {"A=b", NULL};
    (void)unused;
    greet(peer);
    g_autoptr(JsonNode) config = json_from_string("{\"lr\":0.5}", NULL);
    g_autoptr(JsonNode) resources = json_from_string("{\"cpu\":1}", NULL);
    PbxWorkerRun run = {.trial = 7,
                        .attempt = 2,
                        .id = "i",
                        .name = "n",
                        .tag = "",
                        .dir = "/d",
                        .config = config,
                        .resources = resources,
                        .env = env,
                        .cwd = "/c",
                        .err = "/d/err",
                        .window = 3,
                        .window_s = 100,
                        .gather_s = 0.5,
                        .memory_limit = 4096,
                        .iteration = 5,
                        .time_total_s = 1.5,
                        .timesteps_total = -1,
                        .episodes_total = -1};
    worker_link_run(peer->link, &run);
    worker_link_answer(peer->link, 7, 2, 1, FALSE, FALSE);
    worker_link_answer(peer->link, 7, 2, 2, TRUE, FALSE);
    worker_link_answer(peer->link, 7, 2, 2, FALSE, TRUE);
    worker_link_stop(peer->link, 7, 2, FALSE);
    worker_link_stop(peer->link, 7, 2, TRUE);
    worker_link_bye(peer->link);
    worker_link_flush(peer->link);
    assert_hears(
        peer,
        "{\"type\":\"run\",\"trial\":7,\"attempt\":2,\"id\":\"i\",\"name\":\"n\",\"tag\":\"\","
        "\"dir\":\"/d\",\"config\":{\"lr\":0.5},\"resources\":{\"cpu\":1},\"env\":[\"A=b\"],"
        "\"cwd\":\"/c\",\"err\":\"/d/err\",\"window\":3,\"window_s\":100.0,\"gather_s\":0.5,"
        "\"memory_limit\":4096,\"iteration\":5,"
        "\"time_total_s\":1.5,\"timesteps_total\":-1,\"episodes_total\":-1}");
    assert_hears(peer, "{\"type\":\"answer\",\"trial\":7,\"attempt\":2,\"n\":1,\"stop\":false}");
    assert_hears(peer, "{\"type\":\"answer\",\"trial\":7,\"attempt\":2,\"n\":2,\"stop\":true}");
    assert_hears(
        peer,
        "{\"type\":\"answer\",\"trial\":7,\"attempt\":2,\"n\":2,\"stop\":false,\"save\":true}");
    assert_hears(peer, "{\"type\":\"stop\",\"trial\":7,\"attempt\":2}");
    assert_hears(peer, "{\"type\":\"stop\",\"trial\":7,\"attempt\":2,\"save\":true}");
    assert_hears(peer, "{\"type\":\"bye\"}");
    g_assert_null(hear(peer));
}

static void
test_run_with_checkpoints(Peer *peer, gconstpointer unused)
{
    static const char *const used[] = {"checkpoint_000001.tar", NULL};
    PbxWorkerRestore restore[] = {{.id = 5,
                                   .n = 4,
                                   .archive = "/d/b.tar",
                                   .sha256 = "ff",
                                   .iteration = 4,
                                   .time_total_s = 2.5,
                                   .timesteps_total = 40,
                                   .episodes_total = -1},
                                  {.id = 3, .archive = "/d/a", .timesteps_total = -1}};
    PbxWorkerSaving saving = {
        .frequency = 2, .at_end = TRUE, .zstd_level = 3, .path = "out/model", .used = used};
    (void)unused;
    greet(peer);
    PbxWorkerRun run = {.trial = 7,
                        .attempt = 2,
                        .timesteps_total = -1,
                        .episodes_total = -1,
                        .restore = restore,
                        .n_restore = G_N_ELEMENTS(restore),
                        .restore_must = TRUE,
                        .saving = &saving};
    worker_link_run(peer->link, &run);
    worker_link_flush(peer->link);
    g_autofree char *json = hear(peer);
    g_assert_nonnull(json);
    g_assert_cmpstr(
        strstr(json, ",\"restore\":"), ==,
        ",\"restore\":[{\"id\":5,\"archive\":\"/d/"
        "b.tar\",\"sha256\":\"ff\",\"n\":4,\"iteration\":4,"
        "\"time_total_s\":2.5,\"timesteps_total\":40,\"episodes_total\":-1},"
        "{\"id\":3,\"archive\":\"/d/a\",\"n\":0,\"iteration\":0,\"time_total_s\":0.0,"
        "\"timesteps_total\":-1,\"episodes_total\":0}],\"restore_must\":true,"
        "\"checkpoint\":{\"frequency\":2,\"at_end\":true,\"zstd_level\":3,\"path\":\"out/model\","
        "\"used\":[\"checkpoint_000001.tar\"]}}");
}

/* What is said too early waits for the setup; a stop has nothing to stop yet. */
static void
test_nothing_before_setup(Peer *peer, gconstpointer unused)
{
    (void)unused;
    worker_link_stop(peer->link, 7, 2, FALSE);
    worker_link_bye(peer->link);
    worker_link_flush(peer->link);
    g_assert_null(hear(peer));
    say(peer, HELLO);
    worker_link_stop(peer->link, 7, 2, FALSE);
    g_autofree char *setup = hear(peer);
    g_assert_true(g_str_has_prefix(setup, "{\"type\":\"setup\""));
    assert_hears(peer, "{\"type\":\"bye\"}");
    g_assert_null(hear(peer));
}

/* More than a socket holds waits in the link, and comes whole. */
static void
test_slow_reader(Peer *peer, gconstpointer unused)
{
    (void)unused;
    greet(peer);
    g_autofree char *text = g_strnfill(3 * 1024 * 1024, 'x');
    g_autoptr(JsonNode) config = json_node_alloc();
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "x", text);
    json_node_take_object(json_node_init(config, JSON_NODE_OBJECT), object);
    PbxWorkerRun run = {.trial = 1,
                        .attempt = 1,
                        .id = "",
                        .name = "",
                        .tag = "",
                        .dir = "",
                        .config = config,
                        .env = NULL,
                        .cwd = "/"};
    worker_link_run(peer->link, &run);
    worker_link_bye(peer->link);
    worker_link_flush(peer->link);
    g_autofree char *first = hear(peer);
    g_assert_nonnull(strstr(first, text));
    assert_hears(peer, "{\"type\":\"bye\"}");
}

#define ADD(PATH, FUNC) g_test_add(PATH, Peer, NULL, peer_open, FUNC, peer_close)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/worker/link/setup-follows-hello", test_setup_follows_hello);
    ADD("/worker/link/other-protocol", test_other_protocol);
    ADD("/worker/link/no-hello", test_no_hello);
    ADD("/worker/link/failed", test_failed);
    ADD("/worker/link/messages", test_messages);
    ADD("/worker/link/checkpoint-messages", test_checkpoint_messages);
    ADD("/worker/link/messages-in-parts", test_messages_in_parts);
    ADD("/worker/link/nonsense", test_nonsense);
    ADD("/worker/link/no-frames", test_no_frames);
    ADD("/worker/link/close", test_close);
    ADD("/worker/link/last-words-before-close", test_last_words_before_close);
    ADD("/worker/link/free-in-callback", test_free_in_callback);
    ADD("/worker/link/driver-messages", test_driver_messages);
    ADD("/worker/link/run-with-checkpoints", test_run_with_checkpoints);
    ADD("/worker/link/nothing-before-setup", test_nothing_before_setup);
    ADD("/worker/link/slow-reader", test_slow_reader);
    return g_test_run();
}
