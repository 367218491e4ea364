/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running an experiment: the driver. */
#pragma once

#include <glib.h>

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
/* Whether a logger that hangs was left behind: its thread uses spec and registry, so that the
 * process is to end by _exit, with nothing freed. */
gboolean experiment_left_threads(void);

/*
 * Deletes an experiment: its absolute directory and all that is in it; symbolic links are
 * removed, never followed. FALSE with error: EXPERIMENT_ERROR_USAGE where a driver lives,
 * EXPERIMENT_ERROR_BROKEN where not all could be deleted.
 */
gboolean experiment_remove(const char *dir, GError **error);
