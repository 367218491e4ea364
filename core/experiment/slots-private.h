/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Deciders as the runner holds them, and results as they see them. */
#pragma once

#include "decider/decider.h"
#include "spec/spec.h"
#include "store/store.h"
#include "json/json.h"

typedef struct PbxRunner PbxRunner;
typedef struct PbxTrial PbxTrial;

typedef struct PbxView PbxView;
typedef struct PbxSlot PbxSlot;
/* How far a state is that its decider is to give later. */
typedef enum {
    SAVING_NOTHING,
    SAVING_ASKED,
    SAVING_THERE, /* for the next commit */
} PbxSaving;
struct PbxSlot {
    PbxDecider *decider;
    const PbxPluginUse *use;
    pbx_problem *problem;
    const char *const *watched;
    gsize n_watched;
    double *watched_values; /* of what it is shown */
    guint8 *present;
    double *losses;
    pbx_result seen; /* what it was shown last, of this view */
    PbxView *view;
    pbx_outcome told; /* the same; its last result is of this view, if there is one */
    PbxView *told_view;
    gint64 not_before_ns;            /* stoppers: when `all` is asked again */
    struct PbxAskingAll *asking_all; /* ... it is asked; NULL: it is not */
    gboolean knows_all;              /* ... it has answered, and nothing was asked of it since */
    char *former; /* the slot whose stored state is its own; NULL: it has none, or its own name */
    /* Of one that the runner calls: */
    PbxRunner *runner;
    gboolean large; /* its state is stored now and then, and its inputs with each commit: */
    /* inputs.c: */
    GPtrArray *inputs; /* for the next commit, and behind what is open or a state is to know of */
    gint follows;      /* where what follows an answer comes among them; -1: at their end */
    guint n_answering; /* answers that are being taken, each within the one before */
    gboolean follows_marked;           /* the answer is one that a state is to know of */
    gboolean stored_inputs, repeating; /* some are stored; they are being repeated */
    gboolean opens_changed;            /* other calls are open than were stored */
    PbxSaving saving;
    guint n_marked;  /* of the inputs: what the state will know of; where that is none, all up to */
    guint64 marked;  /* ... this number */
    GBytes *kept;    /* the state that is there; NULL: none */
    gint64 saved_ns; /* large: when the state is stored next */
    gboolean observed;     /* ... at once: what it has read may be another when it is read again */
    PbxSlot *wrapper;      /* NULL: the runner calls it */
    GPtrArray *wrapped;    /* PbxSlot*: what it wraps; NULL: nothing */
    PbxChildren *children; /* the same, as it sees them */
    PbxShim shim;          /* by which its wrapper calls it */
    /* Of a search: */
    struct PbxObserving *observing; /* another experiment that it reads; NULL: none */
    PbxTrial *told_trial; /* of the store, that told_view is of; NULL: it is not its own */
};

PbxSlot *slot_new(PbxRunner *runner, const PbxPluginUse *use, PbxCallId setup, GError **error);
void slot_free(PbxSlot *slot);
/* Stores the blob if it changed. FALSE: the run cannot go on. */
gboolean slot_save(PbxRunner *runner, PbxSlot *slot, GError **error);
/* What becomes of a slot's state when its experiment goes on. */
typedef enum {
    SLOT_LOAD,  /* it is as the store has it */
    SLOT_ANEW,  /* it knows nothing of before, and of what goes on it is told */
    SLOT_AGAIN, /* it is told all of before: a search alone */
} PbxSlotFate;
typedef PbxSlotFate (*PbxSlotJudge)(const PbxRunner *runner, const PbxSlot *slot, gpointer user);
/*
 * Gives new slots the states that the store has of them. `killed`: their last driver did not end by
 * itself, so that a large blob may be older than its trials. A search whose state cannot be used
 * is told all trials again. judge NULL: each is to be loaded.
 */
gboolean slots_load(PbxRunner *runner, gboolean killed, PbxSlotJudge judge, gpointer user,
                    GError **error);

/* Tells a slot of an outcome whose last result is of that view (NULL: none); the call. */
PbxCall slot_tell(PbxSlot *slot, PbxCallId id, const pbx_outcome *outcome, PbxView *last);
/* The same without a last result, and without waiting: `done` is called, now or later, and is to
 * begin with inputs_answered where the loop waits for the slot. The call is to stay until then. */
void slot_tell_later(PbxSlot *slot, PbxCallId id, const pbx_outcome *outcome, PbxCall *call,
                     PbxCallDone done, gpointer user);
/* FALSE: the call has failed, and the run cannot go on. */
gboolean slot_check(PbxRunner *runner, PbxSlot *slot, PbxCall *call);
/* Makes any call in that way. more: see inputs_ask. */
void slot_ask(PbxSlot *slot, PbxCall *call, JsonObject *more, PbxCallDone done, gpointer user);
/* Calls func for all that a slot wraps, then for itself. FALSE: func has said so, and no more. */
gboolean slot_each(PbxSlot *slot, gboolean (*func)(PbxSlot *slot, gpointer user), gpointer user);

/* view.c: a result as slots see it, each its own; valid until the next view of that slot. */
struct PbxView {
    pbx_result abi; /* what is the same for all */
    pbx_amounts free;
    const char *free_names[2];
    double free_values[2];
    double *violations; /* of the constraints: infinite where one could not be evaluated */
    PbxFeasible feasible;
    const PbxRunner *runner;
    const PbxTrial *trial;
    const PbxResultRow *row;
    const char *asked;  /* the number that was asked for last, */
    double answer;      /* this; several ask for the metric */
    GString *text;      /* of the whole result; made once somebody needs it */
    PbxLazyJson fields; /* the same */
};
/* Borrows trial and row, until view_keep. */
PbxView *view_new(PbxRunner *runner, const PbxTrial *trial, const PbxResultRow *row);
/* Trial and row may go from now on. */
void view_keep(PbxView *view);
void view_free(PbxView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxView, view_free)
const pbx_result *view_for_slot(PbxRunner *runner, PbxView *view, PbxSlot *slot);
/* The node of a name or path in the whole result, or NULL. */
JsonNode *view_lookup(PbxView *view, const char *name);
/* A number of the whole result, non-finite as reported; FALSE: missing. */
gboolean view_number(PbxView *view, const char *name, double *value);
/* Whether it says that its trial is done. */
gboolean view_is_done(PbxView *view);
