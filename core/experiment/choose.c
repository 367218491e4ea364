/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which trial comes next: the scheduler chooses, or the first that waits does. */
#include <string.h>

#include "experiment/propose-private.h"

#define MAX_CHOICE 256

/* A choose that is asked. */
typedef struct PbxChoosing {
    PbxCall call;
    pbx_choice choice;
    pbx_amounts amounts;
    const char *names[1];
    double values[1];
    guint64 counts[PBX_N_STATES];
    guint64 trials[MAX_CHOICE];
    gboolean room, idle;
    gboolean waits; /* the loop does: things may have changed since */
} Choosing;

static void
take_pick(PbxRunner *runner, const Choosing *choosing)
{
    const guint64 pick = choosing->choice.pick;
    PbxTrial *trial = pick < runner->trials->len ? runner->trials->pdata[pick] : NULL;
    if (trial != NULL && queue_is_choice(runner, trial))
        runner->picked = trial;
    else if (trial == NULL || !choosing->waits)
        runner_fail(runner, g_error_new(PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                                        "scheduler/%s picked trial %" G_GUINT64_FORMAT
                                        ", which does not wait",
                                        runner->scheduler->use->plugin->desc->name, pick));
}

static void
chosen(PbxDecider *decider, PbxCall *call, gpointer user)
{
    PbxRunner *runner = user;
    g_autofree Choosing *choosing = g_steal_pointer(&runner->choosing);
    const gboolean later = decider_is_attached(decider);
    if (later)
        inputs_answered(runner->scheduler, call);
    if (runner->fatal == NULL && slot_check(runner, runner->scheduler, call)) {
        if (call->status == PBX_OK)
            take_pick(runner, choosing);
        else if (choosing->waits && choosing->idle && pause_is_idle(runner))
            pause_idle(runner, choosing->room);
    }
    if (choosing->waits && call->status == PBX_OK)
        runner_touch(runner);
    if (later)
        inputs_settled(runner->scheduler);
}

static void
ask(PbxRunner *runner, gboolean room, gboolean idle)
{
    Choosing *choosing = runner->choosing = g_new0(Choosing, 1);
    choosing->room = room;
    choosing->idle = idle;
    choosing->names[0] = "cpu";
    choosing->values[0] = runner->total_cpu - workers_busy(runner) * runner->spec->cpu;
    choosing->amounts = (pbx_amounts){.struct_size = sizeof choosing->amounts,
                                      .n = 1,
                                      .names = choosing->names,
                                      .values = choosing->values};
    memcpy(choosing->counts, runner->counts, sizeof choosing->counts);
    choosing->choice = (pbx_choice){
        .struct_size = sizeof choosing->choice,
        .flags = (runner->exhausted ? PBX_CHOICE_NO_MORE_TRIALS : 0) | (idle ? PBX_CHOICE_IDLE : 0),
        .n = queue_list(runner, room, choosing->trials, MAX_CHOICE),
        .n_waiting = runner->waiting.length + runner->paused.length,
        .counts = choosing->counts,
        .free = &choosing->amounts,
        .trials = choosing->trials,
        .pick = PBX_NONE,
    };
    choosing->call = (PbxCall){.id = CALL_SCHEDULER_CHOOSE, .choice = &choosing->choice};
    slot_ask(runner->scheduler, &choosing->call, NULL, chosen, runner);
    if (runner->choosing != NULL)
        choosing->waits = TRUE;
}

/* One that does not fit now is none. */
static PbxTrial *
ask_scheduler(PbxRunner *runner, gboolean room, gboolean idle)
{
    if (runner->picked == NULL && runner->choosing == NULL)
        ask(runner, room, idle);
    PbxTrial *trial = g_steal_pointer(&runner->picked);
    if (trial == NULL || !queue_is_choice(runner, trial))
        return NULL;
    return room || trial->kept ? trial : NULL;
}

/* The first PENDING one, then the first PAUSED one. */
static PbxTrial *
first_waiting(const PbxRunner *runner, gboolean room)
{
    if (room && runner->waiting.head != NULL)
        return runner->waiting.head->data;
    for (const GList *item = runner->paused.head; item != NULL; item = item->next)
        if (room || ((const PbxTrial *)item->data)->kept)
            return item->data;
    return NULL;
}

PbxTrial *
propose_next(PbxRunner *runner, gboolean room)
{
    if (runner->held)
        return NULL;
    if (room && runner->waiting.length == 0)
        (void)propose_one(runner);
    if (runner->fatal != NULL || runner->waiting.length + runner->paused.length == 0)
        return NULL;
    const gboolean idle = pause_is_idle(runner);
    PbxTrial *trial = decider_has(runner->scheduler->decider, CALL_SCHEDULER_CHOOSE)
                          ? ask_scheduler(runner, room, idle)
                          : first_waiting(runner, room);
    if (trial != NULL)
        queue_remove(trial);
    else if (idle && runner->fatal == NULL && runner->choosing == NULL)
        pause_idle(runner, room);
    return trial;
}
