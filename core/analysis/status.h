/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The model of the status block from a store: of an experiment that runs elsewhere, or has ended.
 */
#pragma once

#include "status/status.h"
#include "store/store.h"

/* All borrowed. */
typedef struct {
    PbxStore *store;
    const char *name, *dir, *id;
    const char *metric; /* NULL: none is named */
    int sign;
    const char *const *further;    /* metrics beside it; NULL: there are none */
    const char *status;            /* "running", "done" ... */
    gboolean running;              /* its driver is there */
    gboolean here;                 /* ... on this machine */
    JsonNode *spec;                /* NULL: unknown */
    const char *const *parameters; /* that vary */
    const PbxStatusOptions *options;
} PbxStatusSource;

/* `before`: the last one, whose trials are taken over where nothing has happened to them, or NULL.
 * NULL with error. (transfer full) */
PbxStatus *analysis_status(const PbxStatusSource *source, const PbxStatus *before, GError **error);
/* What goes on without anything new in the store: times and memory. */
void analysis_status_tick(const PbxStatusSource *source, PbxStatus *status);
