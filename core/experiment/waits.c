/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why trials do not run: nobody is to guess. */
#include "experiment/reporter-private.h"

#define MAX_RESTING 3 /* trials told one by one */

static void
add(PbxStatus *status, char *text /* (transfer full) */)
{
    status_add_line(status->waits, "waiting", text);
    g_free(text);
}

static const char *
plural(guint64 n)
{
    return n == 1 ? "" : "s";
}

static void
add_resting(const PbxRunner *runner, PbxStatus *status)
{
    gint64 now = clock_now(runner->clock);
    guint n = 0;
    for (GList *item = runner->resting.head; item != NULL && n < MAX_RESTING;
         item = item->next, n++) {
        const PbxTrial *trial = item->data;
        gint64 until = clock_wall(runner->clock) + (trial->rests_until_ns - now);
        g_autoptr(GDateTime) at = g_date_time_new_from_unix_local(until / NS_PER_S);
        g_autofree char *time = at != NULL ? g_date_time_format(at, "%H:%M:%S") : g_strdup("?");
        add(status,
            g_strdup_printf("trial %" G_GUINT64_FORMAT " rests until %s after failure %u: %s",
                            trial->row.number, time, trial->row.failures,
                            trial->row.error != NULL ? trial->row.error : ""));
    }
    if (runner->resting.length > MAX_RESTING)
        add(status,
            g_strdup_printf("%u more rest after failures", runner->resting.length - MAX_RESTING));
}

static void
add_starting(const PbxRunner *runner, PbxStatus *status)
{
    guint n = 0;
    for (guint i = 0; i < runner->workers->len; i++) {
        const PbxWorkerSlot *worker = runner->workers->pdata[i];
        n += worker->trial != NULL && worker->state == WORKER_STARTING;
    }
    if (n > 0)
        add(status, g_strdup_printf("%u trial%s: the worker starts", n, plural(n)));
}

/* What keeps a trial that is ready from a place. */
static void
add_waiting(const PbxRunner *runner, PbxStatus *status)
{
    const PbxSpec *spec = runner->spec;
    guint n = runner->waiting.length, busy = workers_busy(runner);
    if (n == 0)
        return;
    if (busy < runner->slots) {
        const char *name = runner->scheduler->use->plugin->desc->name;
        if (decider_has(runner->scheduler->decider, CALL_SCHEDULER_CHOOSE))
            add(status,
                g_strdup_printf("%u trial%s: scheduler/%s holds them back", n, plural(n), name));
        return;
    }
    guint64 by_cpu = spec->cpu > 0 ? (guint64)(runner->total_cpu / spec->cpu + 1e-9) : G_MAXUINT;
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "%u trial%s: ", n, plural(n));
    if (spec->max_concurrent_trials > 0 && runner->slots == spec->max_concurrent_trials)
        g_string_append_printf(text, "max_concurrent_trials is %u", runner->slots);
    else if (by_cpu <= runner->slots)
        g_string_append_printf(text, "no free CPU (%u run)", busy);
    else
        g_string_append_printf(text, "no free memory of resources.memory (%u run)", busy);
    add(status, g_strdup(text->str));
}

/* What a person has to let go on. */
static void
add_held(const PbxRunner *runner, PbxStatus *status)
{
    const guint n = runner->parked.length;
    if (runner->held)
        add(status, g_strdup_printf("the experiment is held: `pegbox unpause %s`", runner->name));
    else if (n > 0)
        add(status,
            g_strdup_printf("%u trial%s: held, `pegbox unpause %s`", n, plural(n), runner->name));
}

static void
add_paused(const PbxRunner *runner, PbxStatus *status)
{
    const guint n = runner->paused.length;
    if (n > 0 && !runner->held)
        add(status, g_strdup_printf("%u trial%s: paused by scheduler/%s", n, plural(n),
                                    runner->scheduler->use->plugin->desc->name));
}

void
status_add_waits(const PbxRunner *runner, PbxStatus *status)
{
    if (runner->finished)
        return;
    add_resting(runner, status);
    add_starting(runner, status);
    if (runner->stopping || runner->interrupts > 0)
        return;
    add_held(runner, status);
    add_paused(runner, status);
    if (runner->held)
        return;
    add_waiting(runner, status);
    if (runner->again_ns > 0 && runner->waiting.length == 0 && !runner->exhausted &&
        workers_busy(runner) < runner->slots)
        add(status, g_strdup_printf("search/%s gives no further trial now",
                                    spec_use_given(runner->search->use)->plugin->desc->name));
}
