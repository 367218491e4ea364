/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files share that tell a person what goes on: the tally of all trials, the model of the
 * status block, and the last words. */
#pragma once

#include "experiment/runner-private.h"
#include "status/status.h"

/* ---- tally.c: kept up to date as trials report and end ---- */

PbxTally *tally_new(const PbxRunner *runner, const PbxStatusOptions *options);
void tally_free(PbxTally *tally);
/* What happens may be told to none: NULL. */
/* A value of the reporter's metric was reported. */
void tally_result(PbxTally *tally, const PbxTrial *trial, double value);
/* An attempt of it failed. */
void tally_failed(PbxTally *tally, const PbxTrial *trial);
/* Its state is its last. */
void tally_ended(PbxTally *tally, PbxTrial *trial);
/* The runner's, of trials from before it: `ended` are those that have, in that order. */
gboolean tally_restore(PbxRunner *runner, const GPtrArray *ended, GError **error);
/* What an ended trial is worth has changed: the best is looked for anew, once. */
void tally_stale(PbxTally *tally);
/* An ended trial counts no more. */
void tally_void(PbxTally *tally, PbxTrial *trial);
/* Continues the history; called by the tick. */
void tally_sample(PbxTally *tally);

/* The last value of the reporter's metric; NaN where that cannot be the best. */
double tally_value(const PbxRunner *runner, const PbxTrial *trial);
/* By that value; of equal ones the first trial. Neither is NaN. */
gboolean tally_is_better(const PbxRunner *runner, const PbxTrial *trial, const PbxTrial *other);
/* The trial that is best now, by its last value; NULL: none has one. */
PbxTrial *tally_best(PbxTally *tally);
double tally_left_s(const PbxTally *tally, gint64 total); /* seconds; NaN: unknown */
guint64 tally_early_stopped(const PbxTally *tally);
double tally_ever(const PbxTally *tally, guint64 *trial);
const GArray *tally_history(const PbxTally *tally);
/* PbxTrial*, the latest first, or by the metric: as many as the reporter shows. (transfer
 * container) */
GPtrArray *tally_terminated(const PbxTally *tally);
GPtrArray *tally_errors(const PbxTally *tally);
GPtrArray *tally_failures(const PbxTally *tally);
guint64 tally_n_failed(const PbxTally *tally);

/* ---- status.c: the model of what goes on ---- */

typedef enum {
    STATUS_LIVE, /* what only a driver knows */
    STATUS_HEAD, /* and the best trial, without the tables */
    STATUS_ROWS, /* as many rows as the options say */
    STATUS_ALL,
} PbxStatusRows;

/* `before`: the last one, whose trials are taken over where nothing has happened to them; NULL:
 * none. (transfer full) */
PbxStatus *status_of_runner(PbxRunner *runner, const PbxStatusOptions *options,
                            const PbxStatus *before, PbxStatusRows rows);
/* waits.c: why trials do not run. */
void status_add_waits(const PbxRunner *runner, PbxStatus *status);
/* The metric that the reporter is about: its own or the run's; NULL: none. */
const char *reporter_metric(const PbxRunner *runner, int *sign);

/* ---- summary.c ---- */

/* The trial that is best now, by its last value of the run's metric; NULL: none has one. */
const PbxTrial *status_best(const PbxRunner *runner);
/* The last words: what happened, the best configuration, where to look further. */
void status_summary(const PbxRunner *runner, PbxExperimentEnd end, GString *out);
/* Each kind of failure in one line, with the end of its stderr. */
void status_failures(const PbxRunner *runner, GString *out);

/* ---- told.c: lines about single trials ---- */

/* "Trial T reported loss=5 with parameters={...}.", and below it all fields where `whole`. */
void told_result(const PbxRunner *runner, const PbxTrial *trial, gboolean whole, gboolean completed,
                 GString *out);
void told_failure(const PbxTrial *trial, const char *message, gboolean again, GString *out);
