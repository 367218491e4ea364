/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls of a decider in a child that nobody stands and waits for: the loop does. */
#include <errno.h>
#include <glib-unix.h>
#include <poll.h>

#include "decider/process-private.h"

void
process_attach(PbxProcess *process, GMainContext *context, gint64 patience_us, PbxCallDone failed,
               gpointer user)
{
    g_clear_pointer(&process->context, g_main_context_unref);
    process->context = g_main_context_ref(context);
    process->patience_us = patience_us;
    process->failed = failed;
    process->failed_user = user;
}

gboolean
process_is_attached(const PbxProcess *process)
{
    return process->context != NULL;
}

gboolean
process_is_busy(const PbxProcess *process)
{
    return process->flight != NULL || process->queue.length > 0;
}

/* ---- The channel in the loop ---- */

/* Sends and reads as far as that goes without waiting. */
static void
go_on(PbxProcess *process)
{
    for (;;) {
        if (process_send(process))
            continue;
        if (process->flight == NULL || !process_read(process, FALSE))
            break;
    }
    process_watch(process);
}

static gboolean
on_channel(gint fd, GIOCondition condition, gpointer user)
{
    PbxProcess *process = process_ref(user);
    (void)fd;
    /* Nothing has come: it is the time that is up. */
    if (condition == 0 && process->flight != NULL)
        process_hung(process);
    go_on(process);
    process_unref(process);
    return G_SOURCE_CONTINUE;
}

void
process_unwatch(PbxProcess *process)
{
    if (process->source == NULL)
        return;
    g_source_destroy(process->source);
    g_clear_pointer(&process->source, g_source_unref);
}

void
process_watch(PbxProcess *process)
{
    if (process->context == NULL)
        return;
    /* What has come to its turn meanwhile; each may be the last that the child lives through. */
    while (process_send(process))
        continue;
    if (process->flight != NULL && process->watched == process->n_sent && process->source != NULL)
        return;
    process_unwatch(process);
    if (process->flight == NULL)
        return;
    process->watched = process->n_sent;
    process->source = g_unix_fd_source_new(process->frames.fd, G_IO_IN);
    g_source_set_callback(process->source, G_SOURCE_FUNC(on_channel), process, NULL);
    g_source_set_ready_time(process->source,
                            g_get_monotonic_time() + process->placement.limit_ns / 1000);
    g_source_attach(process->source, process->context);
}

/* ---- Calls ---- */

/* Whether there is something to read in time. */
static gboolean
comes_until(const PbxProcess *process, gint64 until_us)
{
    struct pollfd one = {.fd = process->frames.fd, .events = POLLIN};
    int n;
    do {
        const gint64 left_us = MAX(until_us - g_get_monotonic_time(), 0);
        n = poll(&one, 1, (int)((left_us + 999) / 1000));
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

/* Nothing else is asked, so that what is called back is of this call alone. */
static void
wait_a_moment(PbxProcess *process, const PbxMoment *moment)
{
    const gint64 until_us = g_get_monotonic_time() + process->patience_us;
    while (!moment->answered) {
        if (process_send(process))
            continue;
        if (process->flight == NULL || !comes_until(process, until_us))
            return;
        /* What has come may be more than one frame. */
        while (!moment->answered && process->flight != NULL && process_read(process, FALSE))
            continue;
    }
}

static void
add(PbxProcess *process, PbxItem *item, PbxMoment *moment)
{
    const gboolean stands = moment != NULL && process->patience_us > 0 && !process_is_busy(process);
    g_queue_push_tail(&process->queue, item);
    if (stands) {
        item->moment = moment;
        wait_a_moment(process, moment);
        if (!moment->answered)
            item->moment = NULL;
    }
    process_watch(process);
}

static void
take_moment(PbxItem *item)
{
    if (item->moment == NULL)
        return;
    item->moment->answered = TRUE;
    item->moment->call->status = item->status;
    item->moment->call->error = item->error;
}

static void
finish_renewed(PbxProcess *process, PbxItem *item)
{
    process->renewing = FALSE;
    item_free(item);
}

/* A child that is lost is to be started again in a time that a person can wait. */
static void
renew(PbxProcess *process)
{
    if (!process_keeps_much(process) || process->renewing)
        return;
    PbxItem *item = item_new(frame_begin(FRAME_SAVE), "save", process_take_states, NULL);
    item->finish = finish_renewed;
    process->renewing = TRUE;
    add(process, item, NULL);
}

/* What is called by those who wait for it comes before what was called meanwhile. */
static void
finish_started(PbxProcess *process, PbxItem *item)
{
    const PbxCallInfo *info = &call_table[((PbxCall *)item->user)->id];
    PbxCall *call = item->user;
    GQueue meanwhile = process->queue;
    g_queue_init(&process->queue);
    take_moment(item);
    call->status = item->status;
    call->error = item->error;
    if (info->changes && call->status == PBX_OK) {
        process_keep(process, item);
        process_changed(process);
    }
    process_save_observed(process);
    item->done(item->decider, call, item->done_user);
    for (PbxItem *one; (one = g_queue_pop_head(&meanwhile)) != NULL;)
        g_queue_push_tail(&process->queue, one);
    item_free(item);
    renew(process);
}

void
process_start(PbxProcess *process, PbxDecider *decider, PbxCall *call, PbxCallDone done,
              gpointer user)
{
    PbxMoment moment = {.call = call};
    call->at_ns = process_now(process);
    PbxItem *item = item_new(process_call_frame(process, call), call_table[call->id].name,
                             process_take_call, call);
    item->decider = decider;
    item->done = done;
    item->done_user = user;
    item->finish = finish_started;
    add(process, item, &moment);
}

static void
finish_posted(PbxProcess *process, PbxItem *item)
{
    PbxCall *call = item->user;
    take_moment(item);
    call->status = item->status;
    call->error = item->error;
    if (call->status == PBX_OK && call_table[call->id].changes) {
        process->fresh = FALSE; /* the states may have been taken before it */
        process_keep(process, item);
    } else if (call->status < 0 && item->moment == NULL) {
        process->failed(item->decider, call, process->failed_user);
    }
    item_free(item);
    renew(process);
}

void
process_post(PbxProcess *process, PbxDecider *decider, PbxCall *call)
{
    PbxCall *own = g_new0(PbxCall, 1);
    PbxMoment moment = {.call = call};
    call->at_ns = process_now(process);
    *own = (PbxCall){.id = call->id, .trial = call->trial};
    if (call->result != NULL)
        own->trial = call->result->trial;
    else if (call->outcome != NULL)
        own->trial = call->outcome->trial;
    PbxItem *item = item_new(process_call_frame(process, call), call_table[call->id].name,
                             process_take_call, own);
    item->decider = decider;
    item->own = own;
    item->finish = finish_posted;
    call->status = PBX_OK;
    add(process, item, &moment);
    if (call_table[call->id].changes && call->status == PBX_OK)
        decider_changed(decider, call);
}

/* ---- States ---- */

static void
finish_saved(PbxProcess *process, PbxItem *item)
{
    g_autoptr(GError) error = NULL;
    const gint64 took_ns = (g_get_monotonic_time() - item->sent_us) * 1000;
    (void)process;
    if (item->status != PBX_OK)
        instance_set_error(&error, PLUGIN_ERROR_BROKEN, item->decider->plugin, item->status,
                           &item->error);
    item->saved(item->decider, took_ns, error, item->done_user);
    item_free(item);
}

void
process_save_later(PbxProcess *process, PbxDecider *decider, PbxSaveDone done, gpointer user)
{
    PbxItem *item = item_new(frame_begin(FRAME_SAVE), "save", process_take_states, NULL);
    item->decider = decider;
    item->saved = done;
    item->done_user = user;
    item->finish = finish_saved;
    for (guint i = 0; i < process->n; i++)
        process->deciders[i]->dirty = FALSE;
    add(process, item, NULL);
}

GBytes *
process_saved(const PbxProcess *process, const PbxDecider *decider)
{
    return process->blobs[decider->index];
}
