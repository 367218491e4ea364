/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A search that takes its time, and what came of that. */
#pragma once

#include "experiment/inputs-private.h"

/* What was suggested before the last driver was killed, and is no trial yet, becomes one. */
void propose_unused(PbxRunner *runner);
/* One more trial. FALSE: not now, or never again. */
gboolean propose_one(PbxRunner *runner);
/* The search is gone, with what was asked of it. */
void propose_leave(PbxRunner *runner);
/* A point of before that is no trial yet is let go. */
void propose_forget(PbxRunner *runner);
