/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inputs of a decider since its state was stored. */
#pragma once

#include "experiment/runner-private.h"

/* In the detail of a call: it was not answered; its answer has changed nothing. */
#define INPUT_OPEN "open"
#define INPUT_NONE "none"
/* A fact, before the slot: the calls of a decider without a state that were not answered. */
#define OPEN_FACT "open "

/* From now on, what changes a slot whose state is large is kept for the next commit. */
void inputs_watch(PbxRunner *runner, PbxSlot *slot);
/* A call is made with a `done`; what comes meanwhile is kept behind it. `more` (NULL: nothing) is
 * what is to be known of it, if it is open when the experiment goes on. */
void inputs_ask(PbxSlot *slot, const PbxCall *call, JsonObject *more);
/* It is answered, the first of those that are not: what is called until inputs_settled follows it.
 */
void inputs_answered(PbxSlot *slot, const PbxCall *call);
void inputs_settled(PbxSlot *slot);
/* Stores what is kept, in the transaction. */
gboolean inputs_store(PbxRunner *runner, PbxSlot *slot, GError **error);
/* The state is stored with all of them. */
gboolean inputs_drop(PbxRunner *runner, PbxSlot *slot, GError **error);
/* What has been called so far is what a state is to know of that comes later; then, the number of
 * the last of it; and it is stored. */
void inputs_mark(PbxSlot *slot);
guint64 inputs_marked(const PbxSlot *slot);
gboolean inputs_drop_marked(PbxRunner *runner, PbxSlot *slot, GError **error);
/* opens.c: stores the calls that a slot without a state has open; those that were stored. */
gboolean opens_store(PbxRunner *runner, const PbxSlot *slot, const GPtrArray *rows, GError **error);
void opens_each(PbxRunner *runner, PbxSlot *slot, PbxInputFunc func, gpointer user);
/* repeat.c: repeats those of `name` with a number > after, with the clock that they had. */
gboolean inputs_repeat(PbxRunner *runner, PbxSlot *slot, const char *name, guint64 after,
                       GError **error);
/* A point of a search that was asked for, and not given; its seq is the last event before. NULL:
 * there is none, or the error is set. (transfer full, with its detail) */
PbxInputRow *inputs_find_open(PbxRunner *runner, PbxSlot *slot, GError **error);
gboolean inputs_repeat_open(PbxRunner *runner, PbxSlot *slot, const PbxInputRow *open,
                            GError **error);
