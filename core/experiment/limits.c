/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The times of `limits`: a trial past one fails, and its worker is killed. */
#include "experiment/workers-private.h"

#define NEVER_NS (G_MAXINT64 / 2)

static gint64
deadline(gint64 since_ns, double seconds)
{
    if (!(seconds > 0) || seconds >= (double)(NEVER_NS / NS_PER_S))
        return NEVER_NS;
    return since_ns + (gint64)(seconds * NS_PER_S);
}

static void
fail(PbxWorkerSlot *worker, const char *what, const char *limit, double seconds)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_ascii_formatd(number, sizeof number, "%.15g", seconds);
    worker->trial->failing = g_strdup_printf("%s limits.%s (%s s)", what, limit, number);
    /* Its descendants die with it: the executor sees to that. */
    worker_stop_process(worker, PBX_STOP_KILL);
}

/* A report only notes its time; the timer finds out that the deadline has moved since. */
static void
look(gpointer data)
{
    PbxWorkerSlot *worker = data;
    const PbxTrial *trial = worker->trial;
    /* What is to end already has the patience of that. */
    if (trial == NULL || trial->ended || trial->failing != NULL || worker->runner->interrupts > 0)
        return;
    const PbxLimits *limits = &worker->runner->spec->limits;
    gint64 now = clock_now(worker->runner->clock);
    gint64 trial_ns = deadline(worker->began_ns, limits->trial_time_s);
    gint64 report_ns = deadline(worker->reported_ns, limits->report_time_s);
    if (trial_ns <= now)
        fail(worker, "ran longer than", "trial_time_s", limits->trial_time_s);
    else if (report_ns <= now)
        fail(worker, "reported nothing for longer than", "report_time_s", limits->report_time_s);
    else if (MIN(trial_ns, report_ns) < NEVER_NS)
        clock_at(worker->runner->clock, MIN(trial_ns, report_ns), look, worker, &worker->limit);
}

void
limits_begin(PbxWorkerSlot *worker)
{
    clock_cancel(&worker->limit);
    worker->began_ns = worker->reported_ns = clock_now(worker->runner->clock);
    look(worker);
}

void
limits_reported(PbxWorkerSlot *worker)
{
    worker->reported_ns = clock_now(worker->runner->clock);
}

void
limits_end(PbxWorkerSlot *worker)
{
    clock_cancel(&worker->limit);
}
