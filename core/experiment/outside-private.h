/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An experiment without a driver, opened to write to its store: whoever does so holds the lock
 * shared, so that no driver starts, and writes each thing in one transaction, so that several
 * may do so at once.
 */
#pragma once

#include "experiment/runner-private.h"

typedef struct {
    char *dir;     /* absolute */
    PbxLock *lock; /* NULL: it rests */
    PbxStore *store;
    PbxRegistry *registry; /* with outside_runner */
    PbxSpec *spec;         /* the same: as the store has it */
    PbxRunner *runner;     /* the same */
    int version;           /* of the store's data, as the runner has it */
    guint n_before;        /* trials before the change under way */
    char *status;          /* as the store has it, or is to have it: */
    gboolean restating;    /* it changes with the change under way */
    double patience_s;     /* with others whose search, a slow one, thinks */
} PbxOutside;

/* PBX_REQUEST_ERROR DRIVEN where a driver lives; USAGE on a network file system, where only a
 * driver writes. (transfer full) */
PbxOutside *outside_open(const char *dir, GError **error);
/* The same for a runner that has just been created; takes it, its lock and its spec. The registry
 * of the spec stays the caller's. */
PbxOutside *outside_new(PbxRunner *runner);
/* That error about a network file system. */
void outside_set_network(GError **error, const char *dir);
void outside_free(PbxOutside *outside);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxOutside, outside_free)

/*
 * A runner that runs nothing, of the spec as the store has it: names, trials and deciders are as
 * in a driver, the deciders with their stored states; workers, loggers and reporter are not there.
 * Made at the first call. NULL with error. (transfer none)
 */
PbxRunner *outside_runner(PbxOutside *outside, GError **error);

/*
 * One change of the store: outside_begin, the change, outside_end. Between the two nobody else
 * writes, and the runner is as the store is: what others wrote since is read. Its `trials` has a
 * NULL for each that runner_restored has not read; these are valid until outside_end.
 */
gboolean outside_begin(PbxOutside *outside, GError **error);
/* Commits, with what the runner changed, where there is an answer; else rolls back. The answer,
 * NULL with error. */
JsonObject *outside_end(PbxOutside *outside, JsonObject *answer, GError **error);
/* Gives up the lock until the next outside_begin: a driver may start. */
void outside_rest(PbxOutside *outside);
/* The experiment's status from this change on: "running", "done", "stopped". */
void outside_set_status(PbxOutside *outside, const char *status);
/* The same, where it runs and this change was the last: no trial lives, and none will come. */
void outside_mark_over(PbxOutside *outside);
/* The trial that the request's member "trial" names: a number, an id or a name. */
PbxTrial *outside_named(PbxOutside *outside, JsonObject *request, GError **error);
