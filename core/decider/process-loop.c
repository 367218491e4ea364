/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls of a decider in a child that nobody stands and waits for: the loop does. */
#include <glib-unix.h>

#include "decider/process-private.h"

void
process_attach(PbxProcess *process, GMainContext *context, PbxCallDone failed, gpointer user)
{
    process->context = g_main_context_ref(context);
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

static void
add(PbxProcess *process, PbxItem *item)
{
    g_queue_push_tail(&process->queue, item);
    process_watch(process);
}

/* What is called by those who wait for it comes before what was called meanwhile. */
static void
finish_started(PbxProcess *process, PbxItem *item)
{
    const PbxCallInfo *info = &call_table[((PbxCall *)item->user)->id];
    PbxCall *call = item->user;
    GQueue meanwhile = process->queue;
    g_queue_init(&process->queue);
    call->status = item->status;
    call->error = item->error;
    if (info->changes && call->status == PBX_OK) {
        process_keep(process, item);
        decider_changed(item->decider, call);
    }
    process_save_observed(process);
    item->done(item->decider, call, item->done_user);
    for (PbxItem *one; (one = g_queue_pop_head(&meanwhile)) != NULL;)
        g_queue_push_tail(&process->queue, one);
    item_free(item);
}

void
process_start(PbxProcess *process, PbxDecider *decider, PbxCall *call, PbxCallDone done,
              gpointer user)
{
    call->at_ns = process_now(process);
    PbxItem *item = item_new(process_call_frame(process, call), call_table[call->id].name,
                             process_take_call, call);
    item->decider = decider;
    item->done = done;
    item->done_user = user;
    item->finish = finish_started;
    add(process, item);
}

static void
finish_posted(PbxProcess *process, PbxItem *item)
{
    PbxCall *call = item->user;
    call->status = item->status;
    call->error = item->error;
    if (call->status == PBX_OK && call_table[call->id].changes)
        process_keep(process, item);
    else if (call->status < 0)
        process->failed(item->decider, call, process->failed_user);
    item_free(item);
}

void
process_post(PbxProcess *process, PbxDecider *decider, PbxCall *call)
{
    PbxCall *own = g_new0(PbxCall, 1);
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
    if (call_table[call->id].changes)
        decider_changed(decider, call);
    add(process, item);
}
