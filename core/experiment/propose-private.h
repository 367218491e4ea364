/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A search that takes its time, and what came of that. */
#pragma once

#include "experiment/inputs-private.h"

/* From now on the loop waits for a search that lives in a child and is slow. */
void propose_attach(PbxRunner *runner);
/* No suggest is under way any more: a trial may be made by others. */
void propose_settle(PbxRunner *runner);
/* The search is gone, with what was asked of it. */
void propose_leave(PbxRunner *runner);
/* A point of before that is no trial yet is let go. */
void propose_forget(PbxRunner *runner);
