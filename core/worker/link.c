/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver's side of a worker: its channel in the main loop, messages in and out. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/worker-private.h"

#define READ_SIZE (64 * 1024)

typedef enum { LINK_AWAITS_HELLO, LINK_AWAITS_READY, LINK_READY, LINK_BROKEN } LinkState;

struct PbxWorkerLink {
    int fd;
    LinkState state;
    guint busy; /* callbacks under way: free waits for them */
    gboolean freed;
    GSource *source;
    GIOCondition watched;
    GByteArray *in, *out;
    gsize in_at;       /* what comes before it was taken */
    GString *fields;   /* of the result that is told */
    GByteArray *setup; /* sent once the worker has said hello */
    PbxWorkerFunc func;
    gpointer user;
    gint64 pid;
    char *hostname, *node_ip;
};

static void
link_destroy(PbxWorkerLink *link)
{
    g_byte_array_unref(link->in);
    g_byte_array_unref(link->out);
    g_byte_array_unref(link->setup);
    g_string_free(link->fields, TRUE);
    g_free(link->hostname);
    g_free(link->node_ip);
    g_free(link);
}

static void
link_close(PbxWorkerLink *link)
{
    link->state = LINK_BROKEN;
    if (link->source != NULL) {
        g_source_destroy(link->source);
        g_clear_pointer(&link->source, g_source_unref);
    }
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
}

static void
link_post(PbxWorkerLink *link, const PbxWorkerMessage *message)
{
    link->func(link, message, link->user);
}

static void
break_off(PbxWorkerLink *link, const char *why, gboolean fatal)
{
    if (link->state == LINK_BROKEN)
        return;
    link_close(link);
    PbxWorkerMessage message = {.type = WORKER_BROKEN, .text = why, .fatal = fatal};
    link_post(link, &message);
}

static void
link_break(PbxWorkerLink *link, const char *why)
{
    break_off(link, why, FALSE);
}

/* ---- Sending ---- */

static void link_watch(PbxWorkerLink *link, GIOCondition condition);

/* Tries to send all; what does not fit waits for the loop. */
static void
link_send(PbxWorkerLink *link)
{
    gsize sent = 0;
    gboolean gone = FALSE;
    while (sent < link->out->len) {
        ssize_t n = send(link->fd, link->out->data + sent, link->out->len - sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            gone = errno != EAGAIN; /* the read side finds out and says so */
            break;
        }
        sent += (gsize)n;
    }
    g_byte_array_remove_range(link->out, 0, gone ? link->out->len : (guint)sent);
    link_watch(link, link->out->len > 0 ? G_IO_IN | G_IO_OUT : G_IO_IN);
}

/* Sent by a flush, or before the loop waits next. */
static void
link_queue(PbxWorkerLink *link, GString *message)
{
    if (link->state == LINK_BROKEN)
        g_string_free(message, TRUE);
    else
        message_put(link->out, message);
}

void
worker_link_flush(PbxWorkerLink *link)
{
    if (link->state != LINK_BROKEN && link->state != LINK_AWAITS_HELLO && link->out->len > 0)
        link_send(link);
}

/* ---- Receiving ---- */

static gboolean
take_hello(PbxWorkerLink *link, JsonObject *object)
{
    gint64 protocol = message_get_int(object, "protocol", 0);
    if (!message_is(object, "hello") || protocol != WORKER_PROTOCOL) {
        g_autofree char *why = g_strdup_printf("the worker speaks protocol %" G_GINT64_FORMAT
                                               ", this driver %d: is pegbox-worker of "
                                               "the same release?",
                                               protocol, WORKER_PROTOCOL);
        link_break(link, why);
        return FALSE;
    }
    link->pid = message_get_int(object, "pid", 0);
    link->hostname = g_strdup(message_get_string(object, "hostname"));
    link->node_ip = g_strdup(message_get_string(object, "node_ip"));
    link->state = LINK_AWAITS_READY;
    /* What was said before waits behind the setup. */
    g_byte_array_prepend(link->out, link->setup->data, link->setup->len);
    link_send(link);
    return TRUE;
}

static gboolean
take_ready(PbxWorkerLink *link, JsonObject *object)
{
    if (message_is(object, "failed")) {
        const char *text = message_get_string(object, "text");
        break_off(link, text != NULL ? text : "the worker could not be set up",
                  message_get_bool(object, "fatal"));
        return FALSE;
    }
    link->state = LINK_READY;
    PbxWorkerMessage message = {.type = WORKER_READY,
                                .pid = link->pid,
                                .hostname = link->hostname != NULL ? link->hostname : "",
                                .node_ip = link->node_ip != NULL ? link->node_ip : ""};
    link_post(link, &message);
    return TRUE;
}

static gboolean
take_result(PbxWorkerLink *link, JsonObject *object, PbxWorkerMessage *message)
{
    JsonNode *fields = json_object_get_member(object, "fields");
    if (fields == NULL || !JSON_NODE_HOLDS_OBJECT(fields))
        return FALSE;
    g_autofree char *text = json_to_text(fields);
    message->type = WORKER_RESULT;
    message->n = (guint64)message_get_int(object, "n", 0);
    message->iteration = message_get_int(object, "iteration", 0);
    message->at_ns = message_get_int(object, "at", 0);
    message->time_this_iter_s = message_get_double(object, "time_this_iter_s", 0);
    message->time_total_s = message_get_double(object, "time_total_s", 0);
    message->timesteps_total = message_get_int(object, "timesteps_total", -1);
    message->episodes_total = message_get_int(object, "episodes_total", -1);
    message->done = message_get_bool(object, "done");
    message->fields_text = text;
    link_post(link, message);
    return TRUE;
}

static gboolean
take_ended(PbxWorkerLink *link, JsonObject *object, PbxWorkerMessage *message)
{
    const char *end = message_get_string(object, "end");
    message->type = WORKER_ENDED;
    if (g_strcmp0(end, "done") == 0)
        message->end = WORKER_DONE;
    else if (g_strcmp0(end, "stopped") == 0)
        message->end = WORKER_STOPPED;
    else if (g_strcmp0(end, "failed") == 0)
        message->end = WORKER_FAILED;
    else if (g_strcmp0(end, "interrupted") == 0)
        message->end = WORKER_INTERRUPTED;
    else
        return FALSE;
    message->reusable = message_get_bool(object, "reusable");
    message->fatal = message->end == WORKER_FAILED && message_get_bool(object, "fatal");
    link_post(link, message);
    return TRUE;
}

/* FALSE: nonsense. */
static gboolean
take_message(PbxWorkerLink *link, JsonObject *object)
{
    PbxWorkerMessage message = {.trial = (guint64)message_get_int(object, "trial", -1),
                                .attempt = (guint)message_get_int(object, "attempt", 0),
                                .text = message_get_string(object, "text")};
    if (message_is(object, "result"))
        return take_result(link, object, &message);
    if (message_is(object, "ended"))
        return take_ended(link, object, &message);
    g_autoptr(GArray) damaged = g_array_new(FALSE, FALSE, sizeof(PbxWorkerDamaged));
    int read = checkpoint_message_read(object, &message, damaged);
    if (read > 0)
        link_post(link, &message);
    if (read != 0)
        return read > 0;
    if (message_is(object, "line")) {
        message.type = WORKER_LINE;
        message.level = message_get_bool(object, "stderr") ? 1 : 0;
        if (message.text == NULL)
            return FALSE;
        link_post(link, &message);
    } else if (message_is(object, "log")) {
        message.type = WORKER_LOG;
        message.level = (int)message_get_int(object, "level", 1);
        if (message.text == NULL)
            return FALSE;
        link_post(link, &message);
    } else if (message_is(object, "pid")) {
        message.type = WORKER_PID;
        message.pid = message_get_int(object, "pid", 0);
        link_post(link, &message);
    } else if (message_is(object, "memory")) {
        message.type = WORKER_MEMORY;
        message.used = (guint64)MAX(message_get_int(object, "used", 0), 0);
        link_post(link, &message);
    }
    /* Beats, and what a newer worker may add, say nothing that must be known. */
    return message_get_string(object, "type") != NULL;
}

/* A result in its usual form. FALSE: what comes next is none, or not yet there. */
static gboolean
take_usual_result(PbxWorkerLink *link)
{
    gsize length, consumed;
    const char *json = frame_peek(link->in, link->in_at, &length, &consumed);
    PbxWorkerMessage message = {0};
    if (link->state != LINK_READY || json == NULL ||
        !result_read(json, length, &message, link->fields))
        return FALSE;
    link->in_at += consumed;
    link_post(link, &message);
    return TRUE;
}

static void
link_take_frames(PbxWorkerLink *link)
{
    while (link->state != LINK_BROKEN && !link->freed) {
        if (take_usual_result(link))
            continue;
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonObject) object = NULL;
        int taken = frame_next(link->in, &link->in_at, &object, &error);
        if (taken == 0)
            return;
        if (taken < 0) {
            link_break(link, error->message);
            return;
        }
        if (message_is(object, "beat"))
            continue;
        if (link->state == LINK_AWAITS_HELLO)
            take_hello(link, object);
        else if (link->state == LINK_AWAITS_READY &&
                 (message_is(object, "ready") || message_is(object, "failed")))
            take_ready(link, object);
        else if (!take_message(link, object))
            link_break(link, "the worker sent a message that makes no sense");
    }
}

/* Reads what is there; FALSE: the end. */
static gboolean
link_receive(PbxWorkerLink *link)
{
    g_byte_array_remove_range(link->in, 0, (guint)link->in_at);
    link->in_at = 0;
    guint old = link->in->len;
    g_byte_array_set_size(link->in, old + READ_SIZE);
    ssize_t n = recv(link->fd, link->in->data + old, READ_SIZE, MSG_DONTWAIT);
    int code = errno;
    g_byte_array_set_size(link->in, old + (n > 0 ? (guint)n : 0));
    return n > 0 || (n < 0 && (code == EAGAIN || code == EINTR));
}

/* ---- The loop ---- */

typedef struct {
    GSource source;
    PbxWorkerLink *link;
    gpointer tag;
} LinkSource;

static gboolean
link_dispatch(GSource *source, GSourceFunc func, gpointer data)
{
    LinkSource *self = (LinkSource *)source;
    PbxWorkerLink *link = self->link;
    GIOCondition condition = g_source_query_unix_fd(source, self->tag);
    (void)func;
    (void)data;
    link->busy++;
    if (condition & G_IO_OUT)
        link_send(link);
    if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR)) {
        if (link_receive(link))
            link_take_frames(link);
        else
            link_break(link, NULL);
    }
    link->busy--;
    if (link->freed && link->busy == 0)
        link_destroy(link);
    return G_SOURCE_CONTINUE;
}

/* Here, and not by asking for G_IO_OUT: each change of what is watched wakes the loop once more. */
static gboolean
link_prepare(GSource *source, int *timeout_ms)
{
    PbxWorkerLink *link = ((LinkSource *)source)->link;
    *timeout_ms = -1;
    if ((link->watched & G_IO_OUT) == 0)
        worker_link_flush(link);
    return FALSE;
}

static GSourceFuncs link_source_funcs = {.prepare = link_prepare, .dispatch = link_dispatch};

static void
link_watch(PbxWorkerLink *link, GIOCondition condition)
{
    if (link->source != NULL && link->watched != condition) {
        g_source_modify_unix_fd(link->source, ((LinkSource *)link->source)->tag, condition);
        link->watched = condition;
    }
}

static GByteArray *
setup_frame(const PbxWorkerSetup *setup)
{
    GByteArray *frame = g_byte_array_new();
    GString *message = message_new("setup");
    message_string(message, "path", setup->plugin_path);
    message_string(message, "kind", setup->plugin_kind);
    message_string(message, "name", setup->plugin_name);
    message_node(message, "options", setup->options);
    message_string(message, "experiment_id", setup->experiment_id);
    message_string(message, "experiment_name", setup->experiment_name);
    message_string(message, "experiment_dir", setup->experiment_dir);
    message_strings(message, "metrics", setup->metrics);
    message_int(message, "seed", (gint64)setup->seed);
    message_strings(message, "parameters", setup->parameters);
    message_string(message, "base_dir", setup->base_dir);
    message_string(message, "program_dir", setup->program_dir);
    if (setup->data != NULL)
        message_node(message, "data", setup->data);
    if (setup->terminal)
        message_bool(message, "terminal", TRUE);
    message_put(frame, message);
    return frame;
}

PbxWorkerLink *
worker_link_new(int fd, GMainContext *context, const PbxWorkerSetup *setup, PbxWorkerFunc func,
                gpointer user)
{
    PbxWorkerLink *link = g_new0(PbxWorkerLink, 1);
    link->fd = fd;
    link->in = g_byte_array_new();
    link->out = g_byte_array_new();
    link->setup = setup_frame(setup);
    link->fields = g_string_new(NULL);
    link->func = func;
    link->user = user;
    link->watched = G_IO_IN;
    link->source = g_source_new(&link_source_funcs, sizeof(LinkSource));
    /* Nobody runs the loop within a callback: else it would be woken for each, to guard that. */
    g_source_set_can_recurse(link->source, TRUE);
    LinkSource *source = (LinkSource *)link->source;
    source->link = link;
    source->tag = g_source_add_unix_fd(link->source, fd, G_IO_IN);
    g_source_attach(link->source, context);
    return link;
}

void
worker_link_free(PbxWorkerLink *link)
{
    if (link == NULL)
        return;
    link_close(link);
    link->freed = TRUE;
    if (link->busy == 0)
        link_destroy(link);
}

/* ---- What the driver says ---- */

void
worker_link_run(PbxWorkerLink *link, const PbxWorkerRun *run)
{
    link_queue(link, run_message(run));
}

static GString *
message_for(const char *type, guint64 trial, guint attempt)
{
    GString *message = message_new(type);
    message_int(message, "trial", (gint64)trial);
    message_int(message, "attempt", attempt);
    return message;
}

void
worker_link_answer(PbxWorkerLink *link, guint64 trial, guint attempt, guint64 n, gboolean stop,
                   gboolean save)
{
    GString *message = message_for("answer", trial, attempt);
    message_int(message, "n", (gint64)n);
    message_bool(message, "stop", stop);
    if (save)
        message_bool(message, "save", TRUE);
    link_queue(link, message);
}

void
worker_link_stop(PbxWorkerLink *link, guint64 trial, guint attempt, gboolean save)
{
    /* A worker that is not ready runs nothing. */
    if (link->state != LINK_READY)
        return;
    GString *message = message_for("stop", trial, attempt);
    if (save)
        message_bool(message, "save", TRUE);
    link_queue(link, message);
}

void
worker_link_bye(PbxWorkerLink *link)
{
    link_queue(link, message_new("bye"));
}
