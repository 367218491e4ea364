/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trials that no search proposed. */
#pragma once

#include "experiment/runner-private.h"

/* The search is told of it. FALSE: it takes no such trial. */
gboolean added_adopt(PbxRunner *runner, PbxTrial *trial, GError **error);
/* It is none of num_samples: stored, so that another process knows. */
void added_count(PbxRunner *runner);
/* Each trial for which it is TRUE, and that was not before, is made anew: with the same config, as
 * a new one at the end of the queue. FALSE: the run cannot go on. */
gboolean added_again(PbxRunner *runner, gboolean (*which)(const PbxTrialRow *row), GError **error);
