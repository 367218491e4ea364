/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What reporter.c (when and where) and status.c (the words) share. */
#pragma once

#include "experiment/runner-private.h"

/* The trial that is best now, by its last value; NULL: none has one. */
const PbxTrial *status_best(const PbxRunner *runner);
/* The block for a terminal: lines of at most `width` columns, at most `height` of them. */
void status_block(const PbxRunner *runner, int width, int height, gboolean colour, GString *out);
/* One line for a pipe or a log, without its end. */
void status_line(const PbxRunner *runner, GString *out);
/* The last words: what happened, the best configuration, where to look further. */
void status_summary(const PbxRunner *runner, PbxExperimentEnd end, GString *out);
/* "1.5 s", "02:10", "3:04:05". */
void status_put_duration(GString *out, double seconds);
