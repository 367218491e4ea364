/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A decider, here or in a child process, as the files of this folder see it. */
#pragma once

#include <sys/types.h>

#include "decider/calls-private.h"

typedef struct PbxProcess PbxProcess;

struct PbxDecider {
    const PbxPlugin *plugin;
    PbxInstance *instance; /* in this process; NULL: in a child */
    PbxProcess *process;   /* the child, which all that live in it share */
    guint index;           /* among those */
    char *slot;            /* in a child */
    char *described;       /* ... what it said last of itself */
    guint32 caps;          /* in a child: of its instance */
    gint64 warn_ns;
    gboolean dirty;
    PbxCallWatch watch; /* NULL: nobody does */
    gpointer watch_user;
    gboolean busy; /* a call is under way: calls of one instance never overlap */
    /* Of a search: */
    gboolean counted;                 /* a wrapper calls it: its asks are part of its state */
    guint64 asks;                     /* that it has answered */
    pbx_suggestion offered, *offerer; /* what it is called with; its wrapper's, that it is of */
};

/* asks.c: behind a call that it has answered OK. */
void decider_count_asks(PbxDecider *decider, const PbxCall *call);
/* Appends the asks to the state of one that is counted; takes them off. FALSE: they are not there.
 */
void decider_put_asks(const PbxDecider *decider, GByteArray *blob);
gboolean decider_take_asks(PbxDecider *decider, gconstpointer bytes, gsize *n);
/* The state of an instance of this process. */
pbx_status decider_load_here(PbxDecider *decider, guint32 version, gconstpointer bytes, gsize n,
                             pbx_error *error);

/* Marks it, and those that live with it, and tells who watches. */
void decider_changed(PbxDecider *decider, const PbxCall *call);
/* One that `process` is to serve. (transfer full) */
PbxDecider *decider_in_child(PbxProcess *process, guint index, const PbxPlugin *plugin,
                             const char *slot, gint64 warn_ns);

/* ---- process.c: the child, as the driver sees it ---- */

PbxProcess *process_ref(PbxProcess *process);
/* The last one ends it. */
void process_unref(PbxProcess *process);
/* A call of the first of those that live there, answered when this returns. */
void process_call(PbxProcess *process, PbxDecider *decider, PbxCall *call);
/* The state of one of them; NULL with error. (transfer full) */
GBytes *process_save(PbxProcess *process, PbxDecider *decider, GError **error);
pbx_status process_load(PbxProcess *process, PbxDecider *decider, guint32 version, GBytes *blob,
                        pbx_error *error);
/* What it says for the status block; NULL: nothing. (transfer full) */
char *process_describe(PbxProcess *process, PbxDecider *decider);
/* Sends a call that is answered later; one whose answer is taken for good. */
void process_start(PbxProcess *process, PbxDecider *decider, PbxCall *call, PbxCallDone done,
                   gpointer user);
void process_post(PbxProcess *process, PbxDecider *decider, PbxCall *call);
void process_attach(PbxProcess *process, GMainContext *context, gint64 patience_us,
                    PbxCallDone failed, gpointer user);
/* Asks for the states of all behind what was asked before; what it has of one. */
void process_save_later(PbxProcess *process, PbxDecider *decider, PbxSaveDone done, gpointer user);
GBytes *process_saved(const PbxProcess *process, const PbxDecider *decider);
gboolean process_is_attached(const PbxProcess *process);
gboolean process_is_busy(const PbxProcess *process);
void process_settle(PbxProcess *process);
gint64 process_now(const PbxProcess *process);
/* A call has changed the states of all that live there. */
void process_changed(PbxProcess *process);

/* ---- channel.c: frames between the driver and a child ---- */

/* What a frame is. */
typedef enum {
    FRAME_SETUP, /* to the child: who lives there */
    FRAME_CALL,
    FRAME_SAVE,
    FRAME_LOAD,
    FRAME_DESCRIBE,
    FRAME_ANSWER, /* from it: to each of these one */
    FRAME_LOG,
    /* From it, within a call; the answer has the same type: */
    FRAME_TOLD,     /* u32 member, u64 trial */
    FRAME_OBSERVED, /* u32 member, text experiment, u64 from */
} PbxFrameType;

/* The head of FRAME_CALL: u32 call, u32 flags, i64 clock. */
#define CALL_STILL    1u                    /* the clock stands still meanwhile */
#define CALL_FLAGS_AT (3 * sizeof(guint32)) /* where the flags are in the frame */

/* A frame that is to be filled: its length comes with frame_end. */
GByteArray *frame_begin(PbxFrameType type);
void frame_end(GByteArray *frame);

typedef enum { CHANNEL_FRAME, CHANNEL_NOTHING, CHANNEL_CLOSED, CHANNEL_BROKEN } PbxChannelRead;
typedef struct {
    int fd;
    guint8 *bytes;
    gsize size, used; /* there is room for; are there */
    gsize taken;      /* of the frame that was read last */
} PbxFrames;
void frames_open(PbxFrames *frames, int fd);
void frames_close(PbxFrames *frames);
/* FALSE: the other end is gone, or takes nothing for wait_ms (-1: as long as it takes). */
gboolean frames_send(PbxFrames *frames, const GByteArray *frame, gint wait_ms);
/* The next frame, valid until the next read; NOTHING: it is not there yet, and `wait` was not
 * asked for, or has lasted as long as the socket allows. */
PbxChannelRead frames_read(PbxFrames *frames, gboolean wait, PbxFrameType *type, PbxUnpack *in);

/* ---- spawn.c: the child as a process ---- */

#define DECIDER_CHILD_FD 3
/* child.c: answers what comes there, until that ends. Its exit status. */
int decider_child_serve(int fd);
/* Its descriptor; -1 with errno. */
int child_spawn(const char *slot, pid_t *pid);
/* Waits until it has ended by itself, or kills it. */
void child_end(pid_t pid, gboolean at_once);
/* What became of one that has closed its channel: "was killed by signal 9 (Killed)". (transfer
 * full) */
char *child_fate(pid_t pid);
