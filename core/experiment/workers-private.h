/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What workers.c (the runs) and worker-process.c (the processes) share. */
#pragma once

#include "experiment/runner-private.h"

/* Starts the process of a worker, for its trial. Where that fails the run cannot go on. */
void worker_launch(PbxRunner *runner, PbxWorkerSlot *worker);
/* Ends the process: PBX_STOP_*. */
void worker_stop_process(PbxWorkerSlot *worker, guint how);
/* It is ended unless it is done by then; what it needs to save does not count. */
void worker_arm_patience(PbxWorkerSlot *worker, double seconds);
/* limits.c: an attempt begins in it; it has reported; it is over. */
void limits_begin(PbxWorkerSlot *worker);
void limits_reported(PbxWorkerSlot *worker);
void limits_end(PbxWorkerSlot *worker);
/* What ends saves its trial, without a limit so far. */
void limits_saving(PbxWorkerSlot *worker);
/* It stands still; it goes on. */
void limits_hold(PbxWorkerSlot *worker);
void limits_release(PbxWorkerSlot *worker);
/* Its trial uses so many bytes, too many. */
void limits_memory(PbxWorkerSlot *worker, guint64 used);
/* The channel closed, as its last message says. */
void worker_channel_closed(PbxRunner *runner, PbxWorkerSlot *worker,
                           const PbxWorkerMessage *message);
/* What came over a worker's channel. */
void worker_message(PbxWorkerLink *link, const PbxWorkerMessage *message, gpointer user);
