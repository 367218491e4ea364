/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Deciders: search, scheduler, stoppers. Every call to one goes through
 * decider_call, as a request with a completion, so that where the instance lives is
 * nobody else's affair. Calls are described once, in the table of calls.c.
 */
#pragma once

#include <glib.h>
#include <pegbox/scheduler.h>
#include <pegbox/search.h>
#include <pegbox/stopper.h>

#include "plugin/plugin.h"

typedef struct PbxDecider PbxDecider;

typedef enum {
    CALL_SEARCH_SETUP,
    CALL_SEARCH_SUGGEST,
    CALL_SEARCH_ADOPT,
    CALL_SEARCH_STATE,
    CALL_SEARCH_REPORT,
    CALL_SEARCH_TELL,
    CALL_SEARCH_TOTAL,
    CALL_SCHEDULER_SETUP,
    CALL_SCHEDULER_ADD,
    CALL_SCHEDULER_STATE,
    CALL_SCHEDULER_RESULT,
    CALL_SCHEDULER_END,
    CALL_SCHEDULER_CHOOSE,
    CALL_STOPPER_SETUP,
    CALL_STOPPER_RESULT,
    CALL_STOPPER_END,
    CALL_STOPPER_ALL,
    N_CALLS
} PbxCallId;

/* One request. What a call's function does not take stays zero; all borrowed. */
typedef struct {
    PbxCallId id;
    const pbx_problem *problem;
    pbx_suggestion *suggestion;
    const pbx_result *result;
    const pbx_outcome *outcome;
    pbx_decision *decision;
    pbx_choice *choice;
    pbx_verdict *verdict;
    guint64 trial;
    guint32 state, why;
    const double *x;
    const pbx_json *config, *resources;
    gint64 *total;
    gint64 at_ns; /* the experiment's clock when it was made, where somebody watches */
    /* the answer */
    pbx_status status;
    pbx_error error;
} PbxCall;

typedef void (*PbxCallDone)(PbxDecider *decider, PbxCall *call, gpointer user);

/* Takes the instance. `warn_ns`: a call that takes longer is logged with its name. */
PbxDecider *decider_new(PbxInstance *instance, gint64 warn_ns);
void decider_free(PbxDecider *decider);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxDecider, decider_free)

const char *decider_slot(const PbxDecider *decider);
const PbxPlugin *decider_plugin(const PbxDecider *decider);
/* NULL: it lives in a child process. */
PbxInstance *decider_instance(const PbxDecider *decider);
gboolean decider_is_in_child(const PbxDecider *decider);
/* What this instance can do: PBX_CAP_*. */
guint32 decider_caps(const PbxDecider *decider);
/* Whether the plugin has the call's function. */
gboolean decider_has(const PbxDecider *decider, PbxCallId id);
/*
 * Makes a call. One that the plugin lacks is answered PBX_OK at once. `done` is called
 * when the answer is there: inside decider_call, but for one that is attached to a loop.
 */
void decider_call(PbxDecider *decider, PbxCall *call, PbxCallDone done, gpointer user);
/* "search.suggest". */
const char *decider_call_name(PbxCallId id);
/* Calls `func` behind each call that may have changed the state, but one of an attached decider
 * with a `done`, which knows. */
typedef void (*PbxCallWatch)(PbxDecider *decider, const PbxCall *call, gpointer user);
void decider_watch(PbxDecider *decider, PbxCallWatch func, gpointer user);
/* The error of a call that was answered with a negative status, named. */
void decider_set_error(const PbxDecider *decider, const PbxCall *call, GError **error);

/* ---- Deciders in a child process ---- */

/* One of those that live in a child together: one that the driver calls, then what it wraps, each
 * behind what wraps it. */
typedef struct {
    const PbxPlugin *plugin;
    const char *slot;
    PbxOptions *options; /* of those that are wrapped the wrapper's have them */
    guint64 seed;
    const pbx_problem *problem;
    guint wrapper; /* which of them wraps it; of the first of no use */
    gpointer user; /* what `sees` are called with */
} PbxPlaced;

/* observations/1 for one of them, by its `user`. *left_out is valid until the next, or NULL. NULL:
 * there are no more, or `error` has a message. */
typedef const pbx_outcome *(*PbxObserveFunc)(gpointer user, const char *experiment, guint64 *from,
                                             const char **left_out, pbx_error *error);

typedef struct {
    PbxChildFuncs sees;     /* what each wrapped one is shown of what its wrapper is shown */
    PbxObserveFunc observe; /* NULL: there is nothing to be read */
    PbxClock *clock;        /* NULL: the real one */
    PbxLogFunc log;
    gpointer log_user;
    const char *base_dir;
    gint64 limit_ns; /* a call that takes longer hangs */
    gint64 warn_ns;
} PbxPlacement;

/*
 * Starts a child process, makes the instances there, and the deciders for them: deciders[n], each
 * to be freed. Where the child crashes or hangs it is started again from the last states and what
 * changed them since; a second time in one call, and that call, and all that follow, are answered
 * PBX_EFATAL. All is borrowed until the last decider is freed, but for the members themselves.
 */
gboolean deciders_new_child(const PbxPlaced *members, guint n, const PbxPlacement *placement,
                            PbxDecider **deciders, GError **error);

/*
 * From now on nobody stands and waits for its answers longer than patience_us: the loop of
 * `context` does. A call of it with a `done` is answered from there, where it was not within that
 * time: the call is to stay until then, and what is filled in; the rest that it points to may go. A
 * call without an answer but its status is taken for good, and comes after what was asked before;
 * one that is not is told to `failed`, with its id, its trial, status and error. All else waits for
 * its turn. What `done` itself calls comes before what was called meanwhile.
 */
void decider_attach(PbxDecider *decider, GMainContext *context, gint64 patience_us,
                    PbxCallDone failed, gpointer user);
gboolean decider_is_attached(const PbxDecider *decider);
/* Whether something is asked of it; and waits until nothing is. */
gboolean decider_is_busy(const PbxDecider *decider);
void decider_settle(PbxDecider *decider);

/* The child's main, where the first word behind its program's name is this. */
#define DECIDER_CHILD_WORD "decider"
int decider_child_main(void);

/* ---- A decider as the wrapper around it calls it ---- */

typedef struct {
    union {
        pbx_stopper stopper;
        pbx_search search;
    } of;               /* the functions that the plugin has */
    pbx_instance *self; /* what they take */
} PbxShim;
/* The vtable in the shim; NULL: deciders of its kind cannot be wrapped. The decider must outlive
 * the shim. */
gconstpointer decider_shim(PbxDecider *decider, PbxShim *shim);
/* What a wrapper sees of a result, which another one around it may have altered. */
typedef struct {
    const pbx_problem *problem;
    const pbx_result *result;
    const double *losses; /* as they were */
} PbxSeen;
/* Alters in the same way what one sees that it wraps. */
void decider_hand_down(const PbxSeen *wrapper, const pbx_problem *problem, pbx_result *result);
/* The suggestion of its wrapper, a search's, as it is called with it: with its own ask. What it
 * answers is in the wrapper's too. Valid until the next. */
pbx_suggestion *decider_offer(PbxDecider *decider, const PbxDecider *wrapper,
                              pbx_suggestion *suggestion);

/* ---- Its state ---- */

/* Whether a call since the last save or load may have changed the state; that of a stopper is to be
 * saved from the start. */
gboolean decider_is_dirty(const PbxDecider *decider);
/* Its state is to be saved, though no call changed it. */
void decider_touch(PbxDecider *decider);
/* Appends the plugin's blob; FALSE with error. Clears the mark. */
gboolean decider_save(PbxDecider *decider, GByteArray *blob, GError **error);
/*
 * Gives a new instance, after setup, the state that its save wrote once. FALSE with error;
 * *refused: it said ENOTSUP, so that it can only be told again.
 */
gboolean decider_load(PbxDecider *decider, guint32 version, GBytes *blob, gboolean *refused,
                      GError **error);
/*
 * The same of an attached one: what it wrote, and what lives with it, is there once `done` is
 * called, from the loop, and is the state behind all calls before this one. The mark is cleared at
 * once. error: NULL, or why it could not be; took_ns: without the time that it waited for its turn.
 */
typedef void (*PbxSaveDone)(PbxDecider *decider, gint64 took_ns, const GError *error,
                            gpointer user);
void decider_save_later(PbxDecider *decider, PbxSaveDone done, gpointer user);
/* Within `done`; NULL: it has no state. */
GBytes *decider_saved(const PbxDecider *decider);
guint32 decider_state_version(const PbxDecider *decider);
/* What the plugin says for the status block, or NULL. (transfer full) */
char *decider_describe(PbxDecider *decider);
