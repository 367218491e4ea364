/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a worker says that is to be heard later. */
#pragma once

#include "experiment/runner-private.h"

void held_add(GQueue *held, const PbxWorkerMessage *message);
/* A trial's is heard now, in its order; a result of it may hold back the rest again. */
void held_enter(PbxRunner *runner, PbxTrial *trial, GQueue *held);
void held_clear(GQueue *held);
