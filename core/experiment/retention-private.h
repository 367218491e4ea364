/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which checkpoints may go: rules alone, no files and no store. */
#pragma once

#include <glib.h>

/* A kept checkpoint, as the rules see it. */
typedef struct {
    guint64 id; /* ascending as they were saved */
    guint64 trial;
    double score; /* the larger the better; NaN or infinite: it has none */
    guint64 bytes;
    double loss;     /* of its trial, the smaller the better; NaN: none */
    gboolean over;   /* its trial has ended, and is not to be run again */
    gboolean needed; /* some trial is to begin from it, or may have to */
    gboolean goes;   /* the answer */
} PbxKept;

/*
 * Tune's rule for one trial, whose checkpoints are in the order in which they were saved: its
 * newest stays, and the `keep` best (0: all); of equal ones the newer. What has no score is kept as
 * long as it is the newest.
 */
void retention_of_trial(PbxKept *kept, gsize n, guint64 keep);

/*
 * The rule for the whole experiment, whose checkpoints are in the order in which they were saved:
 * until at most max_bytes are left, first those go that are not their trial's newest, the oldest
 * first; then the newest of trials that are over, the worst trial's first. What stays whatever it
 * takes: what is needed, the newest of a trial that is not over, and the best trial's newest.
 * What `goes` already is not counted. The bytes that are left.
 */
guint64 retention_of_all(PbxKept *kept, gsize n, guint64 max_bytes);
