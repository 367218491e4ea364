/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the forms of `pegbox best` share. */
#pragma once

#include <pegbox/types.h>

#include "analysis/analysis.h"
#include "commands/look-private.h"

/* What is asked: options over what the experiment says. */
typedef struct {
    const char *exp;    /* as given; NULL: the newest */
    const char *metric; /* NULL: none, as for one of several trials that are the best */
    int sign;
    PbxScope scope;
} PbxQuestion;

/* Says why there is no best trial; n_infeasible: trials that would have a value. The command's exit
 * status. */
int best_tell_none(PbxLook *look, const char *metric, guint64 n_infeasible);

/* best-table.c: all trials with a finite value, the best first, as `trials` lists them; each
 * row has its value as "score". The command's exit status. */
int best_table(PbxLook *look, const PbxQuestion *question, const PbxTableOptions *options);
/* best-front.c: of several metrics the Pareto front, a row each. The command's exit status. */
int best_front(PbxLook *look, const PbxTableOptions *options);
/* The one of it that `trial` names, or the only one (NULL). NULL: told, and *status is the
 * command's. (transfer full) */
PbxTrialRow *best_front_trial(PbxLook *look, const char *trial, int *status);
/* Unpacks the best checkpoint that a trial has kept (the newest, where no metric is asked for) into
 * a directory, which is made. An exit status. */
int best_checkpoint(PbxLook *look, const PbxQuestion *question, const PbxTrialRow *trial,
                    const char *dir, gboolean json);
/* Whether a trial has kept one. */
gboolean best_has_checkpoint(PbxLook *look, guint64 trial);
