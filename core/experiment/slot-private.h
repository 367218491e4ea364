/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files about slots have of each other. */
#pragma once

#include "experiment/runner-private.h"

/* A slot without an instance yet. */
PbxSlot *slot_alloc(PbxRunner *runner, const PbxPluginUse *use);
/* slot-children.c: what the slots of a tree are shown of what their wrappers are. */
extern const PbxChildFuncs slot_sees_funcs;
/* slot-place.c: gives a slot, and what it wraps, instances in a child process. */
gboolean slot_place(PbxRunner *runner, PbxSlot *slot, GError **error);
/* A slot whose instance is not set up: what a wrapper wraps. */
PbxSlot *slot_make(PbxRunner *runner, const PbxPluginUse *use, GError **error);
/* Makes the slots of what a wrapper's slot wraps, before its own instance. */
gboolean slot_wrap(PbxRunner *runner, PbxSlot *slot, GError **error);
/* observations.c: gives the service to the host of a slot. */
void observations_offer(PbxHost *host, PbxSlot *slot);
void observing_free(struct PbxObserving *observing);
/* The same for one that lives in a child process. */
const pbx_outcome *observations_observe(gpointer user, const char *experiment, guint64 *from,
                                        const char **left_out, pbx_error *error);
/* The next trial as the slot sees it; NULL: none, or the error is set. */
const pbx_outcome *observations_read(PbxSlot *slot, const char *experiment, guint64 *from,
                                     GError **error);
/* Frees the trial of the store that it was told of last. */
void slot_clear_told(PbxSlot *slot);
