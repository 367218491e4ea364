/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A result is judged, however long that takes. */
#pragma once

#include "experiment/runner-private.h"

/*
 * Judges a result: the stoppers, the scheduler, then the search hears of it, each once the one
 * before has answered. It is stored with what they say, or before, where one takes its time: then
 * its trial waits, and nobody else. Takes the row.
 */
void judging_begin(PbxRunner *runner, PbxTrial *trial, PbxResultRow *row);
/* Whether a trial waits for what is said of its last result. */
gboolean judging_is_open(const PbxTrial *trial);
/* ... and keeps what its worker says meanwhile for later. FALSE: it does not, and it is for now. */
gboolean judging_holds_back(PbxTrial *trial, const PbxWorkerMessage *message);
/* Whether a message is of no use any more: what came before it was let go. */
gboolean judging_drops(const PbxTrial *trial, const PbxWorkerMessage *message);
/* The same is answered with what is said of it, once that is so. */
void judging_answer_later(PbxTrial *trial, PbxRequest *request);
/* The trial ends otherwise, and what is said of it does not matter. */
void judging_cancel(PbxRunner *runner, PbxTrial *trial);
/* The run ends: nobody waits, and what was held back is to come again in another run. */
void judging_let_go(PbxRunner *runner, PbxTrial *trial);
void judging_let_all_go(PbxRunner *runner);
void judging_free(struct PbxJudging *judging);

/* ---- result.c ---- */

/* The first field that must be there and is not (NULL: all are); what is wrong with it. (transfer
 * full) */
const char *result_missing(PbxRunner *runner, PbxView *view);
char *result_missing_text(PbxView *view, const char *name, const PbxResultRow *row);
void result_store(PbxRunner *runner, const PbxTrial *trial, const PbxResultRow *row,
                  gboolean shown);

/* The trial has it, as its last that was shown. */
void result_remember(PbxRunner *runner, PbxTrial *trial, PbxView *view, PbxResultRow *row);

/* ---- When the experiment goes on ---- */

/* A decider has answered for a result that was open; `detail` is of its input. */
void judging_found(PbxRunner *runner, PbxSlot *slot, const PbxCall *call, guint64 seq,
                   JsonObject *detail);
/* What was said of such results is done; trials that are to pause are added to `left` (NULL: they
 * are not looked for). FALSE with error. */
gboolean judging_resume(PbxRunner *runner, GPtrArray *left, GError **error);
