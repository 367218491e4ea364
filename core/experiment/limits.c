/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `limits`: a trial past one fails, and its worker is killed. */
#include "experiment/workers-private.h"

#define NEVER_NS (G_MAXINT64 / 2)

static gint64
deadline(gint64 since_ns, double seconds)
{
    if (!(seconds > 0) || seconds >= (double)(NEVER_NS / NS_PER_S))
        return NEVER_NS;
    return since_ns + (gint64)(seconds * NS_PER_S);
}

/* Takes why. */
static void
fail(PbxWorkerSlot *worker, char *why)
{
    worker->trial->failing = why;
    /* Its descendants die with it: the executor sees to that. */
    worker_stop_process(worker, PBX_STOP_KILL);
}

static void
fail_late(PbxWorkerSlot *worker, const char *what, const char *limit, double seconds)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_ascii_formatd(number, sizeof number, "%.15g", seconds);
    fail(worker, g_strdup_printf("%s limits.%s (%s s)", what, limit, number));
}

/* What is to end already has the patience of that, but while it saves. */
static gboolean
is_over(const PbxWorkerSlot *worker)
{
    const PbxTrial *trial = worker->trial;
    return trial == NULL || trial->ended || trial->failing != NULL ||
           (worker->runner->interrupts > 0 && !worker->saving);
}

/* A report only notes its time; the timer finds out that the deadline has moved since. */
static void
look(gpointer data)
{
    PbxWorkerSlot *worker = data;
    if (is_over(worker))
        return;
    const PbxLimits *limits = &worker->runner->spec->limits;
    gint64 now = clock_now(worker->runner->clock);
    gint64 trial_ns = deadline(worker->began_ns, limits->trial_time_s);
    gint64 report_ns = deadline(worker->reported_ns, limits->report_time_s);
    if (trial_ns <= now)
        fail_late(worker, "ran longer than", "trial_time_s", limits->trial_time_s);
    else if (report_ns <= now)
        fail_late(worker, "reported nothing for longer than", "report_time_s",
                  limits->report_time_s);
    else if (MIN(trial_ns, report_ns) < NEVER_NS)
        clock_at(worker->runner->clock, MIN(trial_ns, report_ns), look, worker, &worker->limit);
}

void
limits_begin(PbxWorkerSlot *worker)
{
    clock_cancel(&worker->limit);
    worker->held_ns = 0;
    if (worker->runner->spec->local)
        return; /* a debugger may hold it */
    worker->began_ns = worker->reported_ns = clock_now(worker->runner->clock);
    look(worker);
}

void
limits_reported(PbxWorkerSlot *worker)
{
    worker->reported_ns = clock_now(worker->runner->clock);
}

void
limits_saving(PbxWorkerSlot *worker)
{
    if (worker->limit != NULL || worker->runner->spec->local)
        return;
    worker->reported_ns = clock_now(worker->runner->clock);
    look(worker);
}

void
limits_hold(PbxWorkerSlot *worker)
{
    clock_cancel(&worker->limit);
    worker->held_ns = clock_now(worker->runner->clock);
}

void
limits_release(PbxWorkerSlot *worker)
{
    const gint64 now = clock_now(worker->runner->clock);
    worker->began_ns += now - worker->held_ns;
    worker->reported_ns = now;
    worker->held_ns = 0;
    if (!worker->runner->spec->local)
        look(worker);
}

void
limits_end(PbxWorkerSlot *worker)
{
    clock_cancel(&worker->limit);
}

/* "734.2 MiB", with a blank that people can search for. */
static char *
size_text(guint64 bytes)
{
    g_autofree char *text = g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);
    g_auto(GStrv) parts = g_strsplit(text, "\302\240", -1);
    return g_strjoinv(" ", parts);
}

void
limits_memory(PbxWorkerSlot *worker, guint64 used)
{
    guint64 limit = worker->runner->spec->limits.memory;
    if (limit == 0 || is_over(worker))
        return;
    g_autofree char *has = size_text(used);
    g_autofree char *may = size_text(limit);
    fail(worker, g_strdup_printf("used %s of memory, limits.memory is %s", has, may));
}
