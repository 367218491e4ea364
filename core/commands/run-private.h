/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `run` and `resume` share. */
#pragma once

#include "experiment/experiment.h"
#include "spec/spec.h"

/* Whether a plugin has refused what the file says of it, so that nothing was started: then it is
 * added to `problems` at its place, with what others refuse, as `validate` tells it. */
gboolean run_refused(const PbxSpec *spec, const GError *error, PbxProblems *problems);
/* The exit status of a run that has ended, its error told (freed); does not return where threads
 * were left that use what would be freed. */
int run_ended(gboolean whole, PbxExperimentEnd end, GError *error);
/* Goes on with the experiment in an absolute directory, with the spec that the input gives: that of
 * the experiment where it names no file. */
int resume_in(const char *dir, PbxSpecInput *input, const PbxResumeOptions *options);
/* `run --resume`: finds the experiment of an input that has a file or a command. NULL: *status is
 * what the command returns, -1 where there is none, and none is needed (`may_begin`). (transfer
 * full) */
char *resume_find(const PbxSpecInput *input, gboolean may_begin, int *status);
