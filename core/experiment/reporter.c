/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a person sees while an experiment runs, and at its end. */
#include <math.h>
#include <stdio.h>

#include "experiment/runner-private.h"

struct PbxReporter {
    PbxRunner *runner;
    gint64 next_ns;
};

PbxReporter *
reporter_new(PbxRunner *runner)
{
    PbxReporter *reporter = g_new0(PbxReporter, 1);
    reporter->runner = runner;
    return reporter;
}

void
reporter_free(PbxReporter *reporter)
{
    g_free(reporter);
}

void
reporter_tick(PbxReporter *reporter)
{
    gint64 now = clock_now(reporter->runner->clock);
    if (now < reporter->next_ns)
        return;
    reporter->next_ns = now + 5 * NS_PER_S;
    const guint64 *counts = reporter->runner->counts;
    g_print("%" G_GUINT64_FORMAT " pending, %" G_GUINT64_FORMAT " running, %" G_GUINT64_FORMAT
            " terminated, %" G_GUINT64_FORMAT " failed\n",
            counts[PBX_STATE_PENDING], counts[PBX_STATE_RUNNING], counts[PBX_STATE_TERMINATED],
            counts[PBX_STATE_ERROR]);
}

void
reporter_line(PbxReporter *reporter, const PbxTrial *trial, gboolean is_stderr, const char *text)
{
    (void)reporter;
    (void)is_stderr;
    g_print("(%s) %s\n", trial != NULL ? trial->row.name : "-", text);
}

void
reporter_message(PbxReporter *reporter, int level, const char *text)
{
    (void)reporter;
    g_printerr("pegbox: %s: %s\n", level >= PBX_LOG_ERROR ? "error" : "warning", text);
}

void
reporter_finish(PbxReporter *reporter, PbxExperimentEnd end)
{
    (void)end;
    PbxRunner *runner = reporter->runner;
    g_print("%s: %u trials\n", runner->dir, runner->trials->len);
}
