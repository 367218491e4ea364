/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of a worker that wait until its trial's result is judged. */
#include "experiment/held-private.h"
#include "experiment/workers-private.h"

typedef struct {
    PbxWorkerMessage message;
    char *fields, *text, *name, *sha256;
} PbxHeld;

static void
held_free(gpointer data)
{
    PbxHeld *held = data;
    g_free(held->fields);
    g_free(held->text);
    g_free(held->name);
    g_free(held->sha256);
    g_free(held);
}

void
held_add(GQueue *held, const PbxWorkerMessage *message)
{
    PbxHeld *one = g_new0(PbxHeld, 1);
    one->message = *message;
    one->message.fields_text = one->fields = g_strdup(message->fields_text);
    one->message.text = one->text = g_strdup(message->text);
    one->message.name = one->name = g_strdup(message->name);
    one->message.sha256 = one->sha256 = g_strdup(message->sha256);
    g_queue_push_tail(held, one);
}

/* The worker may be rid of its trial by one of them. */
void
held_enter(PbxRunner *runner, PbxTrial *trial, GQueue *held)
{
    PbxWorkerSlot *worker = trial->worker;
    for (PbxHeld *next; (next = g_queue_pop_head(held)) != NULL; held_free(next))
        if (worker != NULL && g_ptr_array_find(runner->workers, worker, NULL))
            worker_message(worker->link, &next->message, worker);
}

void
held_clear(GQueue *held)
{
    g_queue_clear_full(held, held_free);
}
