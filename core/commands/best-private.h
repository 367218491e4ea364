/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two forms of `pegbox best` share. */
#pragma once

#include <pegbox/types.h>

#include "analysis/analysis.h"
#include "commands/look-private.h"

/* What is asked: options over what the experiment says. */
typedef struct {
    const char *exp; /* as given; NULL: the newest */
    const char *metric;
    int sign;
    PbxScope scope;
} PbxQuestion;

/* Says why there is no best trial; n_infeasible: trials that would have a value. The command's exit
 * status. */
int best_tell_none(PbxLook *look, const char *metric, guint64 n_infeasible);

/* best-table.c: all trials with a finite value, the best first, as `trials` lists them; each
 * row has its value as "score". The command's exit status. */
int best_table(PbxLook *look, const PbxQuestion *question, const PbxTableOptions *options);
/* Unpacks the best checkpoint that a trial has kept into a directory, which is made. An exit
 * status. */
int best_checkpoint(PbxLook *look, const PbxQuestion *question, const PbxTrialRow *trial,
                    const char *dir, gboolean json);
