/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trial as the status block shows it, from its rows. */
#pragma once

#include "status/status.h"
#include "store/store.h"

/* attempt, last: where the caller has them, else they are read; store may be NULL. What cannot be
 * read is missing. `value` is the metric's last. (transfer full) */
PbxStatusTrial *status_row_new(PbxStore *store, const char *experiment_id, const PbxTrialRow *row,
                               const PbxAttemptRow *attempt, const PbxResultRow *last);
/* Whether something has happened to the trial since it was made (NULL: it was not). */
gboolean status_row_is_new(const PbxStatusTrial *trial, const PbxTrialRow *row);

/* The trials of a model by number: guint64* to PbxStatusTrial*, both borrowed. `before` may be
 * NULL. (transfer container) */
GHashTable *status_known_new(const PbxStatus *before);
void status_known_add(GHashTable *known, PbxStatusTrial *trial);

typedef struct {
    guint64 trial;
    guint state;
    int end;
    guint failures;
    gint64 ended_ns; /* 0: not yet */
} PbxBriefRow;
typedef void (*PbxBriefFunc)(const PbxBriefRow *row, gpointer user);
/* All trials in order, far cheaper than whole rows. */
gboolean store_each_brief(PbxStore *store, PbxBriefFunc func, gpointer user, GError **error);
