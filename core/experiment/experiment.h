/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running an experiment: the driver. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#include "plugin/plugin.h"
#include "spec/spec.h"
#include "store/store.h"

#define PBX_EXPERIMENT_ERROR (experiment_error_domain())
GQuark experiment_error_domain(void);

enum {
    EXPERIMENT_ERROR_USAGE,  /* it is there already, or cannot be as asked (exit 2) */
    EXPERIMENT_ERROR_PLUGIN, /* a plugin cannot be used (exit 3) */
    EXPERIMENT_ERROR_BROKEN, /* it could not go on (exit 4) */
    EXPERIMENT_ERROR_HOST,   /* what it does itself fails on this host (exit 4) */
    EXPERIMENT_ERROR_STATE,  /* what is asked of it does not fit its state (exit 1) */
};

/* How an experiment ended. */
typedef enum {
    EXPERIMENT_DONE,        /* every trial TERMINATED */
    EXPERIMENT_FAILURES,    /* done, or ended early, with trials in ERROR */
    EXPERIMENT_INTERRUPTED, /* by a signal; state saved */
} PbxExperimentEnd;

/*
 * Runs the experiment of a spec to its end, in this thread's default main context.
 * Trial output, the status block and the final words go to standard output, warnings
 * to standard error. FALSE with error where it could not start or go on.
 */
gboolean experiment_run(PbxSpec *spec, PbxRegistry *registry, PbxExperimentEnd *end,
                        GError **error);
/* Whether what `restore` of a spec names is there. */
gboolean experiment_check_restore(const PbxSpec *spec, GError **error);
/* The archive in an experiment's directory that it was brought into, and its sum. NULL without
 * error: there is none. (transfer full) */
char *experiment_restored(PbxStore *store, const char *dir, char **sha256, GError **error);

/* ---- Going on ---- */

/* An experiment that no driver has, held so that none begins with it meanwhile. */
typedef struct PbxResume PbxResume;

/* Takes the one in an absolute directory. NULL with error: STORE_ERROR_NONE where there is none,
 * PBX_REQUEST_ERROR DRIVEN where a driver lives; what cannot be read is an error as well.
 * (transfer full) */
PbxResume *resume_open(const char *dir, GError **error);
void resume_close(PbxResume *resume);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxResume, resume_close)
/* Its spec as resolved when it was last driven: `stored` of a PbxSpecInput. */
JsonNode *resume_spec(const PbxResume *resume);
/* Whether it can go on with a spec, that is whether only what may change has; what has not is a
 * problem. */
gboolean resume_check(const PbxResume *resume, const PbxSpec *spec, PbxProblems *problems);

typedef struct {
    gboolean errored;         /* each trial in ERROR again, as a new one */
    gboolean reset_scheduler; /* it begins anew: it knows the trials that have not ended; */
    gboolean reset_stoppers;  /* these know nothing of before */
} PbxResumeOptions;

/* Goes on with it, as experiment_run; takes `resume`. */
gboolean experiment_resume(PbxSpec *spec, PbxRegistry *registry, PbxResume *resume,
                           const PbxResumeOptions *options, PbxExperimentEnd *end, GError **error);

/* ---- From other processes ---- */

/*
 * Steers the experiment in an absolute directory: sends a request to its driver and waits for the
 * answer, or where it has none does the same to its store. `request` has "request", its name, and
 * what that one takes:
 *
 *   enqueue  "config", an object: all of a config or a part; gives "trial", "id", "name", "config",
 *            and "waits", true where nothing drives the experiment
 *   stop     "trial" (a number, id or name; none: the whole experiment)
 *   pause    "trial", or the whole experiment: held until unpause; gives the trial's "state"
 *   unpause  the same
 *   void     "trial"; gives "forgotten", false where the search goes on with what it has learnt
 *
 * The answer is an object with "ok" true and what the request gives. NULL with error (its exit
 * status: experiment_error_status). Needs no main loop. (transfer full)
 */
JsonNode *experiment_steer(const char *dir, JsonObject *request, double timeout_s, GError **error);
/* Waits until the experiment in DIR has no driver. */
void experiment_wait(const char *dir);
/* The exit status that an error of running or steering an experiment means. */
int experiment_error_status(const GError *error);

/* Whether a logger that hangs, or a trainable (--local), was left behind: its thread uses spec and
 * registry, so that the process is to end by _exit, with nothing freed. */
gboolean experiment_left_threads(void);

/*
 * Deletes an experiment: its absolute directory and all that is in it; symbolic links are
 * removed, never followed. FALSE with error: EXPERIMENT_ERROR_USAGE where a driver lives,
 * EXPERIMENT_ERROR_BROKEN where not all could be deleted.
 */
gboolean experiment_remove(const char *dir, GError **error);

/*
 * Verifies the experiment in an absolute directory: its store, its checkpoints' archives, its log
 * files. What is wrong is added to `findings` (PbxFinding* of store/repair.h), and mended, unless
 * `changes` is FALSE: then nothing is changed. FALSE with error: it is beyond help, cannot be
 * written, or has a driver (PBX_REQUEST_ERROR DRIVEN).
 */
gboolean experiment_repair(const char *dir, gboolean changes, GPtrArray *findings, GError **error);

/* ---- Driving a search from outside: ask and tell ---- */

/* An experiment that this process asks for trials and tells the results of. One thread's. */
typedef struct PbxExperiment PbxExperiment;

/* Opens the one in an absolute directory; nothing is read before the first ask or tell. NULL with
 * error: STORE_ERROR_NONE. (transfer full) */
PbxExperiment *experiment_open(const char *dir, GError **error);
/*
 * Begins the experiment of a spec (`ask` of its input allows that it has no trainable), without a
 * driver: its trials are asked for. It takes the spec, whose registry is to outlive it. NULL with
 * error, as experiment_run: the spec is the caller's still. (transfer full)
 */
PbxExperiment *experiment_create(PbxSpec *spec, GError **error);
void experiment_close(PbxExperiment *experiment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxExperiment, experiment_close)

/* How long its driver, if it has one, may take to answer: 60 s, unless it is set. */
void experiment_set_patience(PbxExperiment *experiment, double seconds);

typedef enum {
    ASK_FAILED = -1,
    ASK_TRIAL, /* a trial is now RUNNING until its end is told, or it is stopped */
    ASK_LATER, /* the search waits for results: ask again after the next one, or a second */
    ASK_DONE,  /* there are no more */
} PbxAskOutcome;

/*
 * Asks for the next trial. Safe from any number of processes at once, each with an experiment of
 * its own opened: what it gives is committed, and given to nobody else. *answer (transfer full)
 * is set for ASK_TRIAL: {"done": false, "trial", "id", "name", "config", "dir", "attempt",
 * "experiment", "experiment_dir"}. ASK_FAILED with error.
 */
PbxAskOutcome experiment_ask(PbxExperiment *experiment, JsonObject **answer, GError **error);

/* What is told of a trial. Borrowed. */
typedef struct {
    const char *trial;     /* its number, id or name */
    JsonNode *result;      /* an object of metrics; a number is the value of the metric */
    gboolean intermediate; /* the trial goes on after it, unless the answer says stop */
    gboolean failed;       /* instead of a result: the trial failed, ... */
    const char *reason;    /* ... for this reason (NULL: none is told) */
} PbxTelling;

/*
 * Tells a result: the last one, which ends the trial, unless it is intermediate. As safe as
 * experiment_ask. *answer (transfer full): {"trial", "state", "stop"}. FALSE with error, and then
 * nothing was recorded: EXPERIMENT_ERROR_USAGE for a trial that is unknown or a result that
 * cannot be, EXPERIMENT_ERROR_STATE for a trial that has ended or was not asked for.
 */
gboolean experiment_tell(PbxExperiment *experiment, const PbxTelling *telling, JsonObject **answer,
                         GError **error);
