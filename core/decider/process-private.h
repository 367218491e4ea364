/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the driver has of a child process with deciders. */
#pragma once

#include "decider/decider-private.h"

typedef struct PbxItem PbxItem;
/* Reads an answer. FALSE: it makes no sense. */
typedef gboolean (*PbxItemTake)(PbxProcess *process, PbxItem *item, PbxUnpack *in);

/* The caller of a call that stands and waits for a moment. */
typedef struct {
    PbxCall *call; /* which has the answer then */
    gboolean answered;
} PbxMoment;

/* A request. */
struct PbxItem {
    GByteArray *frame;
    const char *name; /* as messages name it */
    PbxItemTake take;
    gpointer user;
    gboolean repeats; /* a new child is told what the lost one knew; freed when answered */
    gboolean tried;   /* a child was lost over it */
    gboolean answered;
    pbx_status status;
    pbx_error error;
    /* Of one that nobody waits for: called when it is answered, and frees it. */
    void (*finish)(PbxProcess *process, PbxItem *item);
    PbxDecider *decider;
    PbxCall *own; /* what is left of the call, where it is not its caller's any more */
    PbxCallDone done;
    gpointer done_user;
    PbxSaveDone saved;
    PbxMoment *moment; /* NULL: nobody stands there */
    gint64 sent_us;    /* monotonic */
};

struct PbxProcess {
    guint refs;
    PbxPlacement placement;
    guint n; /* that live there, the first of which is called */
    PbxPlaced *members;
    PbxDecider **deciders;
    guint n_dims;
    gboolean saves, has_state; /* some of them write it; or must be told again */
    gboolean ready;            /* all could be made once */
    gboolean observed;         /* some have read what may be another when it is read again */
    char *broken;              /* why it is given up; NULL: it is not */

    pid_t pid; /* 0: none */
    PbxFrames frames;
    GQueue queue;     /* PbxItem* that wait */
    PbxItem *flight;  /* the one that was sent */
    PbxArena *answer; /* what the last one points to */
    PbxArena *heard;  /* the same of what is no answer */

    GMainContext *context; /* NULL: it is not attached */
    gint64 patience_us;    /* how long a caller stands and waits first */
    GSource *source;       /* in there, while something was sent: */
    guint64 watched;       /* this, of */
    guint64 n_sent;        /* all */
    PbxCallDone failed;
    gpointer failed_user;

    /* What a new child is brought to the same state by: */
    GByteArray *setup, *problem; /* frames: who lives there, the first one's setup */
    GBytes **blobs;              /* states; NULL: none yet */
    guint32 *versions;           /* ... and what they were saved under */
    gboolean fresh;              /* they are those of now */
    gboolean renewing;           /* they are asked for, as the journal is long */
    GPtrArray *journal;          /* GByteArray*: calls that have changed them since */
    gsize journal_size;
};

/* A request that is to be answered by `take`. Takes the frame, whose length is set here. */
PbxItem *item_new(GByteArray *frame, const char *name, PbxItemTake take, gpointer user);
void item_free(PbxItem *item);
/* Sees to it that it is answered. */
void process_request(PbxProcess *process, PbxItem *item);
/* Sends what waits, unless something was sent and is not answered. FALSE: there was none. */
gboolean process_send(PbxProcess *process);
/* What the next frame says. FALSE: there is none yet. */
gboolean process_read(PbxProcess *process, gboolean wait);
/* The child has not answered in time. */
void process_hung(PbxProcess *process);
/* The frame of a call; the answer to it, whose call is the item's user; kept for a new child. */
GByteArray *process_call_frame(const PbxProcess *process, const PbxCall *call);
gboolean process_take_call(PbxProcess *process, PbxItem *item, PbxUnpack *in);
void process_keep(PbxProcess *process, const PbxItem *item);
/* The states of all that live there. */
gboolean process_take_states(PbxProcess *process, PbxItem *item, PbxUnpack *in);
/* Whether what is kept is too much. */
gboolean process_keeps_much(const PbxProcess *process);

/* Where they have read what may be another by now, a new child must not have to read it. */
void process_save_observed(PbxProcess *process);
/* It is of no use any more; `how` (transfer full) says why. */
void process_lost(PbxProcess *process, char *how);
/* It has closed its channel. */
void process_lost_channel(PbxProcess *process);

/* process-asked.c: what it asks within a call. FALSE: that makes no sense. */
gboolean process_answer_told(PbxProcess *process, PbxUnpack *in);
gboolean process_answer_observed(PbxProcess *process, PbxUnpack *in);

/* process-loop.c: the loop looks at the channel while something was sent, and only then. */
void process_watch(PbxProcess *process);
void process_unwatch(PbxProcess *process);
