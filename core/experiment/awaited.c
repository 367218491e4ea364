/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Deciders in child processes, for which the loop waits: nobody stands there while one thinks, but
 * for the moment that it takes where it is not slow. */
#include "experiment/asked-private.h"
#include "experiment/awaited-private.h"
#include "experiment/judging-private.h"
#include "experiment/workers-private.h"

#define PATIENCE_US 20000 /* with one that is isolated, and answers at once as a rule */

/* Each that has a child. */
static void
each(PbxRunner *runner, void (*func)(PbxRunner *runner, PbxSlot *slot))
{
    func(runner, runner->search);
    func(runner, runner->scheduler);
    for (guint i = 0; i < runner->stoppers->len; i++)
        func(runner, runner->stoppers->pdata[i]);
}

/* One that waits, paused or to be tried again, has no run that could end it. */
static void
fail_trial(PbxRunner *runner, PbxTrial *trial, const char *message)
{
    workers_stop_run(runner, trial, FALSE);
    if (trial->worker != NULL || trial->asked) {
        trial->failing = g_strdup(message);
        if (trial->asked && !judging_is_open(trial))
            asked_settle(runner, trial);
        return;
    }
    if (trial->row.state == PBX_STATE_PAUSED)
        g_clear_pointer(&trial->row.reason, g_free);
    end_failed(runner, trial, message);
    runner_schedule(runner);
}

/* Nobody waited for it. */
static void
failed(PbxDecider *decider, PbxCall *call, gpointer user)
{
    PbxRunner *runner = user;
    GError *error = NULL;
    decider_set_error(decider, call, &error);
    if (call->id != CALL_SEARCH_REPORT || call->status == PBX_EFATAL) {
        runner_fail(runner, error);
        return;
    }
    PbxTrial *trial = runner->trials->pdata[call->trial];
    if (!trial->ended && trial->failing == NULL)
        fail_trial(runner, trial, error->message);
    g_error_free(error);
}

static void
attach(PbxRunner *runner, PbxSlot *slot)
{
    if (decider_is_in_child(slot->decider))
        decider_attach(slot->decider, runner->context,
                       spec_use_is_slow(slot->use) ? 0 : PATIENCE_US, failed, runner);
}

void
awaited_attach(PbxRunner *runner)
{
    each(runner, attach);
}

static void
settle(PbxRunner *runner, PbxSlot *slot)
{
    (void)runner;
    decider_settle(slot->decider);
}

void
awaited_settle(PbxRunner *runner)
{
    each(runner, settle);
}

/* ---- Whether all is to stop ---- */

typedef struct PbxAskingAll {
    PbxSlot *slot;
    PbxCall call;
    pbx_verdict verdict;
    gboolean waits; /* the loop does, with what is to begin */
} AskingAll;

static void
all_answered(PbxDecider *decider, PbxCall *call, gpointer user)
{
    g_autofree AskingAll *all = user;
    PbxSlot *slot = all->slot;
    PbxRunner *runner = slot->runner;
    slot->asking_all = NULL;
    if (slot_check(runner, slot, call) && all->verdict.stop && !runner->stopping)
        runner_stop_all(runner,
                        all->verdict.reason != NULL ? all->verdict.reason : decider_slot(decider));
    else
        slot->not_before_ns = all->verdict.again_ns;
    if (all->waits)
        runner_schedule(runner);
}

/* FALSE: it takes its time. */
static gboolean
ask_all(PbxRunner *runner, PbxSlot *slot)
{
    if (slot->asking_all != NULL)
        return FALSE;
    if (slot->knows_all || !decider_has(slot->decider, CALL_STOPPER_ALL) ||
        clock_now(runner->clock) < slot->not_before_ns)
        return TRUE;
    AskingAll *all = slot->asking_all = g_new0(AskingAll, 1);
    all->slot = slot;
    all->verdict.struct_size = sizeof all->verdict;
    all->call = (PbxCall){.id = CALL_STOPPER_ALL, .verdict = &all->verdict};
    decider_call(slot->decider, &all->call, all_answered, all);
    if (slot->asking_all == NULL)
        return TRUE;
    slot->knows_all = all->waits = TRUE;
    return FALSE;
}

gboolean
runner_ask_stoppers(PbxRunner *runner)
{
    gboolean all = TRUE;
    for (guint i = 0; i < runner->stoppers->len && !runner->stopping; i++)
        all = ask_all(runner, runner->stoppers->pdata[i]) && all;
    /* In this turn all have said so; in the next they are asked again. */
    for (guint i = 0; i < runner->stoppers->len && all; i++)
        ((PbxSlot *)runner->stoppers->pdata[i])->knows_all = FALSE;
    return all;
}
