/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver's side of a worker: whatever comes over its channel, which a trainable can write
 * to, the link says what it was or breaks, once. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/worker.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* What fits into a socket's buffer. */
#define MOST 32768

typedef struct {
    guint n_broken;
} Seen;

static void
on_message(PbxWorkerLink *link, const PbxWorkerMessage *message, gpointer user)
{
    Seen *seen = user;
    (void)link;
    if (seen->n_broken > 0)
        abort(); /* that was to be the last word */
    seen->n_broken += message->type == WORKER_BROKEN;
    if (message->type == WORKER_RESULT &&
        (message->fields_text == NULL || message->fields_text[0] != '{'))
        abort();
    if ((message->type == WORKER_LINE || message->type == WORKER_LOG) && message->text == NULL)
        abort();
    if (message->type == WORKER_CHECKPOINT &&
        (message->name == NULL || strchr(message->name, '/') != NULL || message->sha256 == NULL ||
         message->step < 0))
        abort();
    if (message->type == WORKER_SAVED && !message->ok && message->text == NULL)
        abort();
    for (gsize i = 0; message->type == WORKER_RESTORED && i < message->n_damaged; i++)
        if (message->damaged[i].id == 0 || message->damaged[i].text == NULL)
            abort();
}

static void
put(GByteArray *out, const char *json)
{
    frame_put(out, json, strlen(json), NULL, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char *const none[] = {NULL};
    PbxWorkerSetup setup = {.metrics = none, .parameters = none};
    Seen seen = {0};
    int ends[2];
    if (n == 0 || n > MOST || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return 0;
    g_autoptr(GByteArray) said = g_byte_array_new();
    if (bytes[0] % 4 != 0) {
        put(said, "{\"type\":\"hello\",\"protocol\":1,\"pid\":1}");
        put(said, "{\"type\":\"ready\"}");
    }
    g_byte_array_append(said, bytes + 1, (guint)n - 1);
    GMainContext *context = g_main_context_new();
    PbxWorkerLink *link = worker_link_new(ends[0], context, &setup, on_message, &seen);
    if (send(ends[1], said->data, said->len, MSG_NOSIGNAL) != (ssize_t)said->len)
        abort();
    close(ends[1]);
    while (g_main_context_iteration(context, FALSE))
        ;
    if (seen.n_broken != 1)
        abort(); /* the other end has closed */
    worker_link_free(link);
    g_main_context_unref(context);
    return 0;
}
