/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running an experiment: the driver. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#include "plugin/plugin.h"
#include "spec/spec.h"

#define PBX_EXPERIMENT_ERROR (experiment_error_domain())
GQuark experiment_error_domain(void);

enum {
    EXPERIMENT_ERROR_USAGE,  /* it is there already, or cannot be as asked (exit 2) */
    EXPERIMENT_ERROR_PLUGIN, /* a plugin cannot be used (exit 3) */
    EXPERIMENT_ERROR_BROKEN, /* it could not go on (exit 4) */
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
/*
 * Steers the experiment in an absolute directory: sends a request to its driver and waits for the
 * answer, or where it has none does the same to its store. `request` has "request", its name, and
 * what that one takes:
 *
 *   stop  "trial" (a number, id or name; none: the whole experiment)
 *
 * The answer is an object with "ok" true and what the request gives. NULL with error (its exit
 * status: experiment_error_status). Needs no main loop. (transfer full)
 */
JsonNode *experiment_steer(const char *dir, JsonObject *request, double timeout_s, GError **error);
/* Waits until the experiment in DIR has no driver. */
void experiment_wait(const char *dir);
/* The exit status that an error of running or steering an experiment means. */
int experiment_error_status(const GError *error);

/* Whether a logger that hangs was left behind: its thread uses spec and registry, so that the
 * process is to end by _exit, with nothing freed. */
gboolean experiment_left_threads(void);

/*
 * Deletes an experiment: its absolute directory and all that is in it; symbolic links are
 * removed, never followed. FALSE with error: EXPERIMENT_ERROR_USAGE where a driver lives,
 * EXPERIMENT_ERROR_BROKEN where not all could be deleted.
 */
gboolean experiment_remove(const char *dir, GError **error);
