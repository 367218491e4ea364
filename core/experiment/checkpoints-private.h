/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checkpoints of trials in the driver: rows, what is kept, what a run goes on from. */
#pragma once

#include "experiment/runner-private.h"

/* Its id in a run's `restore`: what `restore` of the file names. No row has it. */
#define CHECKPOINT_OF_FILE G_MAXINT64

/* Whether the file asks for checkpoints, so that what is interrupted is saved too. */
gboolean checkpoints_wanted(const PbxRunner *runner);
/* Whether the end of a trial waits until it is saved; it has a worker. */
gboolean checkpoints_at_end(const PbxRunner *runner, const PbxTrial *trial);

/* Its worker has saved it: a row, and events. */
void checkpoints_saved(PbxRunner *runner, PbxTrial *trial, const PbxWorkerMessage *message);
/* It has ended: a file that asks for checkpoints in vain is told so. */
void checkpoints_ended(PbxRunner *runner, const PbxTrial *trial);
/* Its worker says what it goes on from. */
void checkpoints_restored(PbxRunner *runner, PbxTrial *trial, const PbxWorkerMessage *message);
/* Its worker died before it said so: the second time what it was to go on from is given up. */
void checkpoints_not_restored(PbxRunner *runner, PbxTrial *trial);

/* checkpoints-kept.c: of a driver that was killed, archives whose rows say that they go. */
/* and all else that it has left in directories of trials that have ended since (ns since 1970). */
void checkpoints_sweep(PbxRunner *runner, gint64 since_ns);
/* When trials ended last, less what a driver may have been late with. */
gint64 checkpoints_last_end(const PbxRunner *runner);
/* Of a trial that nothing runs for: what was being made, or is unpacked, and archives that its
 * worker or its driver was killed over, before there was a row of them or after that said that
 * they go. */
void checkpoints_remove_leftovers(PbxRunner *runner, const PbxTrial *trial);
/* What an archive is called that no checkpoint has, but that may be of use: nothing deletes it. */
#define CHECKPOINT_FOUND_PREFIX "found_"
/* Gives it such a name, *as. */
gboolean checkpoints_put_aside(const char *path, char **as, GError **error);

/* ---- restore-from.c: `restore` of the file ---- */

/* What it names, as it lies in the experiment's directory. */
typedef struct {
    char *path;   /* where it is found; NULL: it was taken */
    char *source; /* as it is shown */
    char *file;   /* in the experiment's directory */
    char *sha256;
    gboolean kept; /* an experiment keeps it: nobody writes to it */
    guint64 bytes;
    gint64 step, iteration, timesteps_total, episodes_total;
    double time_total_s;
} PbxRestoreFrom;
void restore_from_free(PbxRestoreFrom *from);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxRestoreFrom, restore_from_free)

/* Looks for what a spec names. NULL with error. (transfer full) */
PbxRestoreFrom *restore_from_find(const PbxSpec *spec, GError **error);
/* Whether it is whole; its sum is known then, but a directory's. FALSE with error. */
gboolean restore_from_verify(PbxRestoreFrom *from, GError **error);
/* Brings it into the experiment's directory, which is there, and stores what is known of it, in
 * the transaction. FALSE with error. */
gboolean restore_from_take(PbxRunner *runner, PbxRestoreFrom *from, GError **error);
/* The same for a resumed run, where it names something else than before. */
gboolean restore_from_update(PbxRunner *runner, GError **error);
/* What was taken; NULL without error: nothing. (transfer full) */
PbxRestoreFrom *restore_from_load(PbxStore *store, GError **error);

/* ---- What a run goes on from, and how it saves ---- */

/* What a run is told of both; valid as long as this is. */
typedef struct {
    GPtrArray *rows;     /* PbxCheckpointRow* */
    GPtrArray *archives; /* char* */
    GPtrArray *used;     /* char*, NULL-ended: names that the trial has had */
    GArray *restore;     /* PbxWorkerRestore */
    PbxRestoreFrom *file;
    char *path;
    PbxWorkerSaving saving;
} PbxCheckpointPlan;
void checkpoints_plan_clear(PbxCheckpointPlan *plan);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PbxCheckpointPlan, checkpoints_plan_clear)
/* For the next run of a trial, which is set to go on from the newest. FALSE with error. */
gboolean checkpoints_plan(PbxRunner *runner, PbxTrial *trial, PbxCheckpointPlan *plan,
                          GError **error);

/* An archive's absolute path. (transfer full) */
char *checkpoints_archive(PbxStore *store, const char *dir, const PbxCheckpointRow *row,
                          GError **error);
/* The newest that a trial has kept. NULL without error: none. (transfer full) */
PbxCheckpointRow *checkpoints_newest(PbxStore *store, guint64 trial, GError **error);
/* The number of the trial of this experiment that one was made from, in `source`. */
gboolean checkpoints_source(const PbxTrialRow *row, guint64 *trial);
