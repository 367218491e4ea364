/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trials that somebody asks for and tells the results of, as the driver and those without
 * one hand them out. */
#pragma once

#include "experiment/runner-private.h"

/* Begins the trial that comes next for somebody who asks. Not committed yet. ASK_FAILED: the
 * error, or the runner's. */
PbxAskOutcome asked_next(PbxRunner *runner, PbxTrial **trial, GError **error);
/* Whoever asked for it does not have it: it waits again, as the next one. */
void asked_return(PbxRunner *runner, PbxTrial *trial);
/* What is printed of it; {"done": true} at the end, {"later": true} where it is not now; NULL for
 * ASK_FAILED. (transfer full) */
JsonObject *asked_answer(const PbxRunner *runner, PbxAskOutcome outcome, const PbxTrial *trial);
/* What such an answer says. */
PbxAskOutcome asked_outcome(JsonObject *answer);
/* The row of the trial that TRIAL names, that was asked for and not told yet. NULL with error.
 * (transfer full) */
PbxTrialRow *asked_find(PbxRunner *runner, const char *trial, GError **error);
/* Whether a trial was asked for and its end was not told yet. FALSE with error. */
gboolean asked_check(const PbxRunner *runner, const PbxTrialRow *row, GError **error);
/* A result of it, or its failure, enters. Not committed yet. FALSE with error: nothing has. */
gboolean asked_tell(PbxRunner *runner, PbxTrial *trial, const PbxTelling *telling, GError **error);
/* What came of it, once it was judged: at once, or later (judging_is_open). */
void asked_settle(PbxRunner *runner, PbxTrial *trial);
/* What is printed of that. (transfer full) */
JsonObject *asked_told(const PbxTrial *trial);
