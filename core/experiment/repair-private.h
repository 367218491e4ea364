/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of repair share. */
#pragma once

#include "experiment/runner-private.h"
#include "store/repair.h"

typedef struct {
    const char *dir;  /* the experiment's */
    char *work;       /* DIR/.repair */
    gboolean changes; /* else it only looks */
    GPtrArray *findings;
    PbxStore *store;  /* made anew of what can be read */
    GArray *damaged;  /* guint64: checkpoints whose archives are not what was written */
    GPtrArray *files; /* PbxRepairFile* */
} PbxRepair;

/* A log file as it should be. */
typedef struct {
    char *slot; /* of its logger */
    guint64 trial;
    char *name;
    guint64 length;
} PbxRepairFile;

/* Each archive against its row, archives without a row, and what was left half done. */
gboolean repair_archives(PbxRepair *repair, GError **error);

/* What the automatic loggers write of the store's events, against what is there. */
gboolean repair_logs(PbxRepair *repair, GError **error);
/*
 * Runs a logger over all events of a store; its files go into the directory `into`, those of trials
 * into directories of their names there.
 */
gboolean log_rebuild(PbxRunner *runner, const PbxPluginUse *use, const char *store_dir,
                     const char *into, GError **error);
