/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trials that wait: PENDING ones for a worker, PAUSED ones for the scheduler to pick them, and
 * either for a person. */
#include "experiment/runner-private.h"

/* What a person has added comes before what the search gave, until it has run. */
static gboolean
is_first(const PbxTrial *trial)
{
    return trial->row.ask == PBX_NONE && trial->row.attempts == 0;
}

/* It ran when its driver ended. */
static gboolean
goes_on(const PbxTrial *trial)
{
    return trial->row.queued == 0 && trial->row.attempts > 0;
}

static int
compare(const PbxTrial *a, const PbxTrial *b)
{
    if (goes_on(a) != goes_on(b))
        return goes_on(a) ? -1 : 1;
    if (is_first(a) != is_first(b))
        return is_first(a) ? -1 : 1;
    if (a->row.queued != b->row.queued)
        return a->row.queued < b->row.queued ? -1 : 1;
    return a->row.number < b->row.number ? -1 : a->row.number > b->row.number;
}

/* From the end: most come last. */
static void
insert(GQueue *queue, PbxTrial *trial)
{
    queue_remove(trial);
    GList *item = queue->tail;
    while (item != NULL && compare(trial, item->data) < 0)
        item = item->prev;
    if (item != NULL)
        g_queue_insert_after(queue, item, trial);
    else
        g_queue_push_head(queue, trial);
    trial->queue = queue;
    trial->link = item != NULL ? item->next : queue->head;
}

void
queue_remove(PbxTrial *trial)
{
    if (trial->queue != NULL)
        g_queue_delete_link(trial->queue, trial->link);
    trial->queue = NULL;
    trial->link = NULL;
}

void
queue_return(PbxRunner *runner, PbxTrial *trial)
{
    const gboolean paused = trial->row.state == PBX_STATE_PAUSED;
    if (trial->ended || (trial->row.state != PBX_STATE_PENDING && !paused))
        return;
    if (trial->row.held || (paused && pause_is_users(trial)))
        insert(&runner->parked, trial);
    else
        insert(paused ? &runner->paused : &runner->waiting, trial);
}

void
queue_add(PbxRunner *runner, PbxTrial *trial)
{
    trial->row.queued = runner->seq;
    trial_touch(runner, trial);
    queue_return(runner, trial);
}

void
queue_rest(PbxRunner *runner, PbxTrial *trial, gint64 until_ns)
{
    trial->rests_until_ns = until_ns;
    trial->row.queued = runner->seq;
    insert(&runner->resting, trial);
}

gboolean
queue_is_choice(const PbxRunner *runner, const PbxTrial *trial)
{
    return trial->queue == &runner->waiting || trial->queue == &runner->paused;
}

guint
queue_list(const PbxRunner *runner, gboolean room, guint64 *trials, guint max)
{
    const GList *waiting = room ? runner->waiting.head : NULL, *paused = runner->paused.head;
    guint n = 0;
    while (n < max) {
        /* One that has kept its place fits whatever runs. */
        while (paused != NULL && !room && !((const PbxTrial *)paused->data)->kept)
            paused = paused->next;
        if (waiting == NULL && paused == NULL)
            break;
        const gboolean from_paused =
            waiting == NULL || (paused != NULL && compare(paused->data, waiting->data) < 0);
        const GList **from = from_paused ? &paused : &waiting;
        trials[n++] = ((const PbxTrial *)(*from)->data)->row.number;
        *from = (*from)->next;
    }
    return n;
}
