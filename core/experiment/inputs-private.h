/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inputs of a decider since its state was stored. */
#pragma once

#include "experiment/runner-private.h"

/* In the detail of a suggest: it was not answered. */
#define INPUT_OPEN "open"

/* From now on, what changes a slot whose state is large is kept for the next commit. */
void inputs_watch(PbxRunner *runner, PbxSlot *slot);
/* A suggest is asked that may be answered much later: what comes meanwhile is kept behind it. */
void inputs_ask(PbxSlot *slot, const pbx_suggestion *suggestion);
/* It is answered; where that was with a point, it has been recorded. */
void inputs_answered(PbxSlot *slot);
/* What is under way is of no matter any more. */
void inputs_forget(PbxSlot *slot);
/* Stores what is kept, in the transaction. */
gboolean inputs_store(PbxRunner *runner, PbxSlot *slot, GError **error);
/* The state is stored with all of them. */
gboolean inputs_drop(PbxRunner *runner, PbxSlot *slot, GError **error);
/* repeat.c: repeats those of `name` with a number > after, with the clock that they had. */
gboolean inputs_repeat(PbxRunner *runner, PbxSlot *slot, const char *name, guint64 after,
                       GError **error);
