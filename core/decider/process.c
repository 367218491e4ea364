/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A child process with deciders, as the driver sees it: requests go to it one after the other, and
 * where it is lost it is started again, from the last states and what has changed them since.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "decider/process-private.h"

#define JOURNAL_MAX (16u * 1024 * 1024) /* bytes; then the states are taken anew */

/* ---- Made and freed ---- */

PbxProcess *
process_ref(PbxProcess *process)
{
    process->refs++;
    return process;
}

void
item_free(PbxItem *item)
{
    g_byte_array_unref(item->frame);
    g_free(item->own);
    g_free(item);
}

PbxItem *
item_new(GByteArray *frame, const char *name, PbxItemTake take, gpointer user)
{
    PbxItem *item = g_new0(PbxItem, 1);
    frame_end(frame);
    item->frame = frame;
    item->name = name;
    item->take = take;
    item->user = user;
    return item;
}

static void
process_close(PbxProcess *process, gboolean at_once)
{
    process_unwatch(process);
    frames_close(&process->frames);
    if (process->pid != 0)
        child_end(process->pid, at_once);
    process->pid = 0;
}

void
process_unref(PbxProcess *process)
{
    if (--process->refs > 0)
        return;
    process_close(process, process->flight != NULL);
    if (process->flight != NULL)
        g_queue_push_head(&process->queue, process->flight);
    g_queue_clear_full(&process->queue, (GDestroyNotify)item_free);
    g_clear_pointer(&process->context, g_main_context_unref);
    for (guint i = 0; i < process->n; i++) {
        g_free((char *)process->members[i].slot);
        if (process->blobs[i] != NULL)
            g_bytes_unref(process->blobs[i]);
    }
    g_byte_array_unref(process->setup);
    if (process->problem != NULL)
        g_byte_array_unref(process->problem);
    g_ptr_array_unref(process->journal);
    arena_free(process->answer);
    arena_free(process->heard);
    g_free((char *)process->placement.base_dir);
    g_free(process->members);
    g_free(process->deciders);
    g_free(process->blobs);
    g_free(process->versions);
    g_free(process->broken);
    g_free(process);
}

gint64
process_now(const PbxProcess *process)
{
    PbxClock *clock = process->placement.clock;
    return clock != NULL ? clock_now(clock) : g_get_monotonic_time() * 1000;
}

void
process_changed(PbxProcess *process)
{
    process->fresh = FALSE;
    for (guint i = 0; i < process->n; i++)
        if (process->deciders[i] != NULL)
            process->deciders[i]->dirty = TRUE;
}

static void
tell(PbxProcess *process, int level, const char *message)
{
    if (process->placement.log != NULL)
        process->placement.log(process->members[0].slot, level, message,
                               process->placement.log_user);
}

/* ---- Lost, and started again ---- */

static void
drop_journal(PbxProcess *process)
{
    g_ptr_array_set_size(process->journal, 0);
    process->journal_size = 0;
}

/* An answer to what is only repeated. */
static gboolean
take_repeated(PbxProcess *process, PbxItem *item, PbxUnpack *in)
{
    (void)process;
    item->status = (pbx_status)unpack_32(in);
    return TRUE;
}

static PbxItem *
repeated(GByteArray *frame, const char *name)
{
    PbxItem *item = g_new0(PbxItem, 1);
    item->frame = g_byte_array_ref(frame);
    item->name = name;
    item->take = take_repeated;
    item->repeats = TRUE;
    return item;
}

static GByteArray *
load_frame(guint index, guint32 version, GBytes *blob)
{
    gsize n;
    gconstpointer bytes = g_bytes_get_data(blob, &n);
    GByteArray *frame = frame_begin(FRAME_LOAD);
    pack_32(frame, index);
    pack_32(frame, version);
    pack_bytes(frame, bytes, n);
    frame_end(frame);
    return frame;
}

/* What brings a new child to where the lost one was comes before all else. */
static void
queue_repeats(PbxProcess *process)
{
    GQueue *queue = &process->queue;
    for (guint i = process->journal->len; i-- > 0;)
        g_queue_push_head(queue, repeated(process->journal->pdata[i], "what is repeated"));
    for (guint i = process->n; i-- > 0;) {
        if (process->blobs[i] == NULL)
            continue;
        g_autoptr(GByteArray) frame = load_frame(i, process->versions[i], process->blobs[i]);
        g_queue_push_head(queue, repeated(frame, "load"));
    }
    if (process->problem != NULL)
        g_queue_push_head(queue, repeated(process->problem, "setup"));
    g_queue_push_head(queue, repeated(process->setup, "create"));
}

static void
answer_broken(PbxProcess *process, PbxItem *item)
{
    item->status = PBX_EFATAL;
    item->error.where[0] = '\0';
    g_strlcpy(item->error.message, process->broken, sizeof item->error.message);
    item->answered = TRUE;
    if (item->finish != NULL)
        item->finish(process, item);
    else if (item->repeats)
        item_free(item);
}

/* No more of it: what waits, and whatever comes, is answered so. */
static void
give_up(PbxProcess *process, char *why)
{
    g_free(process->broken);
    process->broken = why;
    process_close(process, TRUE);
    for (PbxItem *item; (item = g_queue_pop_head(&process->queue)) != NULL;)
        answer_broken(process, item);
}

/* The child is gone, or as good as that; `fate` (transfer full) says how. */
void
process_lost(PbxProcess *process, char *how)
{
    g_autofree char *fate = how;
    PbxItem *item = g_steal_pointer(&process->flight);
    process_close(process, TRUE);
    g_queue_push_head(&process->queue, item);
    if (item->tried || item->repeats || !process->ready) {
        const char *when = item->tried     ? ", for the second time"
                           : item->repeats ? ", as it was started again"
                                           : "";
        give_up(process, g_strdup_printf("its child process %s in %s%s", fate, item->name, when));
        return;
    }
    item->tried = TRUE;
    g_autofree char *line = g_strdup_printf(
        "its child process %s in %s, and is started again from its last state", fate, item->name);
    tell(process, PBX_LOG_WARNING, line);
    queue_repeats(process);
}

void
process_lost_channel(PbxProcess *process)
{
    const pid_t pid = process->pid;
    process_unwatch(process);
    frames_close(&process->frames);
    process->pid = 0;
    process_lost(process, child_fate(pid));
}

void
process_hung(PbxProcess *process)
{
    process_lost(process, g_strdup_printf("gave no answer for %g s",
                                          (double)process->placement.limit_ns / 1e9));
}

/* ---- Requests ---- */

static gboolean
start(PbxProcess *process)
{
    const int fd = child_spawn(process->members[0].slot, &process->pid);
    if (fd < 0) {
        g_queue_push_head(&process->queue, g_steal_pointer(&process->flight));
        give_up(process,
                g_strdup_printf("its child process cannot be started: %s", g_strerror(errno)));
        return FALSE;
    }
    const gint64 limit_us = MAX(process->placement.limit_ns / 1000, 1);
    const struct timeval limit = {.tv_sec = limit_us / G_USEC_PER_SEC,
                                  .tv_usec = limit_us % G_USEC_PER_SEC};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    frames_open(&process->frames, fd);
    return TRUE;
}

gboolean
process_send(PbxProcess *process)
{
    if (process->flight != NULL || process->queue.length == 0)
        return FALSE;
    if (process->broken != NULL) {
        give_up(process, g_steal_pointer(&process->broken));
        return FALSE;
    }
    process->n_sent++;
    process->flight = g_queue_pop_head(&process->queue);
    process->flight->sent_us = g_get_monotonic_time();
    if (process->pid == 0 && !start(process))
        return TRUE;
    const gint64 limit_ms = process->placement.limit_ns / 1000000;
    if (!frames_send(&process->frames, process->flight->frame, (gint)MIN(limit_ms, G_MAXINT)))
        process_lost_channel(process);
    return TRUE;
}

static void
take_log(PbxProcess *process, PbxUnpack *in)
{
    const int level = (int)unpack_32(in);
    const char *slot = unpack_text(in), *text = unpack_text(in);
    if (!in->broken && slot != NULL && text != NULL && process->placement.log != NULL)
        process->placement.log(slot, CLAMP(level, PBX_LOG_DEBUG, PBX_LOG_ERROR), text,
                               process->placement.log_user);
}

static void
take_answer(PbxProcess *process, PbxUnpack *in)
{
    PbxItem *item = process->flight;
    in->arena = process->answer;
    if (!item->take(process, item, in) || in->broken) {
        process_lost(process, g_strdup("answered with nonsense"));
        return;
    }
    process->flight = NULL;
    item->answered = TRUE;
    if (item->finish != NULL) {
        item->finish(process, item);
        return;
    }
    if (!item->repeats)
        return;
    if (item->status < 0)
        give_up(process, g_strdup_printf("its child process cannot be brought to where it was: %s "
                                         "answers %s",
                                         item->name, plugin_status_name(item->status)));
    item_free(item);
}

static gboolean
is_late(const PbxProcess *process)
{
    const PbxItem *item = process->flight;
    return item != NULL && process->pid != 0 &&
           g_get_monotonic_time() - item->sent_us > process->placement.limit_ns / 1000;
}

gboolean
process_read(PbxProcess *process, gboolean wait)
{
    PbxFrameType type;
    PbxUnpack in = {.arena = process->heard};
    switch (frames_read(&process->frames, wait, &type, &in)) {
    case CHANNEL_NOTHING:
        if (wait)
            process_hung(process);
        return wait;
    case CHANNEL_CLOSED:
        process_lost_channel(process);
        return TRUE;
    case CHANNEL_BROKEN:
        process_lost(process, g_strdup("spoke nonsense"));
        return TRUE;
    case CHANNEL_FRAME:
        break;
    }
    arena_clear(process->heard);
    if (type == FRAME_ANSWER)
        take_answer(process, &in);
    else if (type == FRAME_LOG)
        take_log(process, &in);
    else if (!((type == FRAME_TOLD && process_answer_told(process, &in)) ||
               (type == FRAME_OBSERVED && process_answer_observed(process, &in))))
        process_lost(process, g_strdup("spoke nonsense"));
    /* One that says something all the time hangs as well. */
    if (type != FRAME_ANSWER && is_late(process))
        process_hung(process);
    return TRUE;
}

void
process_request(PbxProcess *process, PbxItem *item)
{
    g_queue_push_tail(&process->queue, item);
    while (!item->answered) {
        (void)process_send(process);
        if (process->flight != NULL)
            (void)process_read(process, TRUE);
    }
    process_watch(process);
}

void
process_settle(PbxProcess *process)
{
    while (process_is_busy(process)) {
        (void)process_send(process);
        if (process->flight != NULL)
            (void)process_read(process, TRUE);
    }
}

/* ---- Calls ---- */

/* What each that is wrapped sees of it. */
static void
pack_views(GByteArray *frame, const PbxProcess *process, const PbxCall *call)
{
    const PbxChildFuncs *sees = &process->placement.sees;
    g_autofree gconstpointer *views = g_new0(gconstpointer, process->n);
    views[0] = call->result != NULL ? (gconstpointer)call->result : call->outcome;
    for (guint i = 1; i < process->n && views[0] != NULL; i++) {
        const PbxPlaced *member = &process->members[i];
        gconstpointer wrappers = views[member->wrapper];
        views[i] = call->result != NULL ? (gconstpointer)sees->result(member->user, wrappers)
                                        : (gconstpointer)sees->outcome(member->user, wrappers);
        pack_struct(frame, call->result != NULL ? &struct_result : &struct_outcome, views[i],
                    views[0]);
    }
}

GByteArray *
process_call_frame(const PbxProcess *process, const PbxCall *call)
{
    GByteArray *frame = frame_begin(FRAME_CALL);
    const PbxClock *clock = process->placement.clock;
    pack_32(frame, call->id);
    pack_32(frame, clock != NULL && clock_is_still(clock) ? CALL_STILL : 0);
    pack_64(frame, (guint64)call->at_ns);
    call_pack(frame, call, process->n_dims);
    pack_views(frame, process, call);
    return frame;
}

gboolean
process_take_call(PbxProcess *process, PbxItem *item, PbxUnpack *in)
{
    PbxCall *call = item->user;
    arena_clear(process->answer);
    call_unpack_answer(in, call);
    item->status = call->status;
    item->error = call->error;
    return TRUE;
}

/* What a new child is told again, with the clock as it was. */
void
process_keep(PbxProcess *process, const PbxItem *item)
{
    GByteArray *frame = item->frame;
    guint32 flags;
    if (!process->has_state)
        return;
    memcpy(&flags, frame->data + CALL_FLAGS_AT, sizeof flags);
    flags |= CALL_STILL;
    memcpy(frame->data + CALL_FLAGS_AT, &flags, sizeof flags);
    g_ptr_array_add(process->journal, g_byte_array_ref(frame));
    process->journal_size += frame->len;
}

gboolean
process_keeps_much(const PbxProcess *process)
{
    return process->journal_size > JOURNAL_MAX && process->saves;
}

static void save_all(PbxProcess *process, pbx_error *error);

void
process_call(PbxProcess *process, PbxDecider *decider, PbxCall *call)
{
    const PbxCallInfo *info = &call_table[call->id];
    const gint64 began = g_get_monotonic_time();
    call->at_ns = process_now(process);
    PbxItem *item =
        item_new(process_call_frame(process, call), info->name, process_take_call, call);
    process_request(process, item);
    call->status = item->status;
    call->error = item->error;
    if (info->is_setup && call->status >= 0) {
        g_clear_pointer(&process->problem, g_byte_array_unref);
        process->problem = g_byte_array_ref(item->frame);
    } else if (info->changes && call->status == PBX_OK) {
        process_keep(process, item);
        decider_changed(decider, call);
    }
    item_free(item);
    const gint64 took_ns = (g_get_monotonic_time() - began) * 1000;
    if (took_ns > process->placement.warn_ns) {
        g_autofree char *line =
            g_strdup_printf("%s took %.2f s", info->name, (double)took_ns / 1e9);
        tell(process, PBX_LOG_WARNING, line);
    }
    process_save_observed(process);
    pbx_error error;
    if (process_keeps_much(process) && !process_is_busy(process))
        save_all(process, &error);
}

void
process_save_observed(PbxProcess *process)
{
    pbx_error error;
    if (!process->observed || process_is_busy(process))
        return;
    process->observed = FALSE;
    if (process->saves)
        save_all(process, &error);
}

/* ---- States ---- */

gboolean
process_take_states(PbxProcess *process, PbxItem *item, PbxUnpack *in)
{
    /* What the call before has answered is still looked at. */
    item->status = status_unpack(in, &item->error);
    g_autoptr(GPtrArray) blobs = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    for (guint i = 0; item->status == PBX_OK && i < process->n; i++) {
        gsize n = 0;
        const guint8 *bytes = unpack_bytes(in, &n);
        g_ptr_array_add(blobs, g_bytes_new(bytes, n));
    }
    if (in->broken || item->status != PBX_OK)
        return TRUE;
    for (guint i = 0; i < process->n; i++) {
        const guint32 version = decider_state_version(process->deciders[i]);
        g_clear_pointer(&process->blobs[i], g_bytes_unref);
        process->versions[i] = version;
        if (version != 0)
            process->blobs[i] = g_bytes_ref(blobs->pdata[i]);
    }
    drop_journal(process);
    /* What waits may change them. */
    process->fresh = process->queue.length == 0;
    return TRUE;
}

/* Those of all, as they are taken together. */
static void
save_all(PbxProcess *process, pbx_error *error)
{
    *error = (pbx_error){"", ""};
    if (process->fresh)
        return;
    PbxItem *item = item_new(frame_begin(FRAME_SAVE), "save", process_take_states, NULL);
    process_request(process, item);
    *error = item->error;
    item_free(item);
}

GBytes *
process_save(PbxProcess *process, PbxDecider *decider, GError **error)
{
    pbx_error abi_error;
    save_all(process, &abi_error);
    if (process->fresh && process->blobs[decider->index] != NULL)
        return g_bytes_ref(process->blobs[decider->index]);
    instance_set_error(error, PLUGIN_ERROR_BROKEN, decider->plugin, PBX_EIO, &abi_error);
    return NULL;
}

static gboolean
take_status(PbxProcess *process, PbxItem *item, PbxUnpack *in)
{
    arena_clear(process->answer);
    item->status = status_unpack(in, &item->error);
    return TRUE;
}

pbx_status
process_load(PbxProcess *process, PbxDecider *decider, guint32 version, GBytes *blob,
             pbx_error *error)
{
    PbxItem *item = item_new(load_frame(decider->index, version, blob), "load", take_status, NULL);
    process_request(process, item);
    const pbx_status status = item->status;
    *error = item->error;
    item_free(item);
    if (status == PBX_OK) {
        g_clear_pointer(&process->blobs[decider->index], g_bytes_unref);
        process->blobs[decider->index] = g_bytes_ref(blob);
        process->versions[decider->index] = version;
    }
    return status;
}

static gboolean
take_text(PbxProcess *process, PbxItem *item, PbxUnpack *in)
{
    arena_clear(process->answer);
    const char *text = unpack_text(in);
    if (text != NULL && text[0] != '\0')
        *(char **)item->user = g_utf8_make_valid(text, -1);
    return TRUE;
}

char *
process_describe(PbxProcess *process, PbxDecider *decider)
{
    char *text = NULL;
    /* What it says meanwhile nobody waits for. */
    if (process_is_busy(process))
        return g_strdup(decider->described);
    GByteArray *frame = frame_begin(FRAME_DESCRIBE);
    pack_32(frame, decider->index);
    PbxItem *item = item_new(frame, "describe", take_text, &text);
    process_request(process, item);
    item_free(item);
    g_free(decider->described);
    decider->described = g_strdup(text);
    return text;
}
