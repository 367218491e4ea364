/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A search without a usable state of its own is told all trials again, in the order in which the
 * store has what happened. */
#include <math.h>
#include <string.h>

#include "experiment/budgets-private.h"
#include "experiment/inputs-private.h"

typedef struct {
    PbxRunner *runner;
    PbxSlot *slot;
    GByteArray *states; /* of each trial, as the search was told */
    PbxInputRow *open;  /* a point that was asked for, and not given; NULL: none, or it is now */
    GError *error;
} Retelling;

static gboolean
call(Retelling *retelling, PbxCall *call)
{
    decider_call(retelling->slot->decider, call, NULL, NULL);
    if (call->status < 0)
        decider_set_error(retelling->slot->decider, call, &retelling->error);
    return call->status >= 0;
}

static gboolean
adopt(Retelling *retelling, const PbxTrialRow *row)
{
    pbx_suggestion suggestion = {
        .struct_size = sizeof suggestion,
        .flags = PBX_SUGGESTION_REPLAY | (row->ask == PBX_NONE ? PBX_SUGGESTION_ENQUEUED : 0),
        .n_dims = row->n_dims,
        .trial = row->number,
        .ask = row->ask,
        .x = row->x,
        .origin = row->origin,
        .extra = row->extra,
    };
    PbxCall again = {.id = CALL_SEARCH_ADOPT, .suggestion = &suggestion};
    return call(retelling, &again);
}

/* Its last result, as it was when the trial ended. */
static gboolean
tell(Retelling *retelling, const PbxTrialRow *row)
{
    PbxRunner *runner = retelling->runner;
    PbxTrial *trial = trial_restore(runner, trial_row_copy(row), &retelling->error);
    if (trial == NULL)
        return FALSE;
    /* What is void is not shown again. */
    const gboolean shown = trial->last != NULL && row->end != PBX_END_VOID;
    g_autoptr(PbxView) last = shown ? view_new(runner, trial, trial->last) : NULL;
    end_tell(runner, retelling->slot, CALL_SEARCH_TELL, trial, last, PBX_OUTCOME_REPLAY);
    trial_free(trial);
    if (runner->fatal != NULL)
        g_propagate_error(&retelling->error, g_steal_pointer(&runner->fatal));
    return retelling->error == NULL;
}

/* A result that did not end its trial. */
static gboolean
report(Retelling *retelling, const PbxTrialRow *row, const PbxResultRow *result)
{
    PbxRunner *runner = retelling->runner;
    if (!decider_has(retelling->slot->decider, CALL_SEARCH_REPORT) || result->done ||
        result->action == PBX_ACTION_STOP || result->action == PBX_ACTION_COMPLETE ||
        row->end == PBX_END_VOID)
        return TRUE;
    PbxTrial then = {.row = *row, .budget = budgets_find(runner, row->bracket, result->rung)};
    then.row.rung = result->rung;
    g_auto(PbxAttemptRow) attempt = {0};
    if (!store_attempt(runner->store, row->number, result->attempt, &attempt, &retelling->error))
        return FALSE;
    then.attempt = attempt;
    g_autoptr(PbxView) view = view_new(runner, &then, result);
    PbxCall again = {.id = CALL_SEARCH_REPORT,
                     .result = view_for_slot(runner, view, retelling->slot)};
    return call(retelling, &again);
}

static gboolean
set_state(Retelling *retelling, guint64 trial, guint state)
{
    PbxCall again = {.id = CALL_SEARCH_STATE, .trial = trial, .state = state};
    retelling->states->data[trial] = (guint8)state;
    return call(retelling, &again);
}

static gboolean
happened(Retelling *retelling, const PbxTrialRow *row, const PbxEventRow *event,
         const PbxResultRow *result)
{
    switch (event->type) {
    case PBX_EVENT_ADDED:
        return adopt(retelling, row);
    case PBX_EVENT_TRIAL_START:
        return set_state(retelling, row->number, PBX_STATE_RUNNING);
    case PBX_EVENT_RETRY:
        return set_state(retelling, row->number, PBX_STATE_PENDING);
    case PBX_EVENT_PAUSE:
        return set_state(retelling, row->number, PBX_STATE_PAUSED);
    case PBX_EVENT_RESULT:
        return result == NULL || report(retelling, row, result);
    case PBX_EVENT_COMPLETE:
    case PBX_EVENT_ERROR:
        /* It is told once, and as void where it became that. */
        return row->end == PBX_END_VOID || tell(retelling, row);
    case PBX_EVENT_VOID:
        return tell(retelling, row);
    default:
        return TRUE;
    }
}

/* What had come before it was asked for is told. */
static gboolean
ask_again(Retelling *retelling)
{
    g_autofree PbxInputRow *open = g_steal_pointer(&retelling->open);
    g_autofree char *detail = open != NULL ? open->detail : NULL;
    return open == NULL ||
           inputs_repeat_open(retelling->runner, retelling->slot, open, &retelling->error);
}

static gboolean
retell(const PbxEventRow *event, const PbxResultRow *result, gpointer user)
{
    Retelling *retelling = user;
    if (retelling->open != NULL && event->seq > retelling->open->seq && !ask_again(retelling))
        return FALSE;
    if (event->trial >= retelling->states->len)
        return TRUE;
    g_autoptr(PbxTrialRow) row =
        store_trial(retelling->runner->store, event->trial, &retelling->error);
    return row != NULL ? happened(retelling, row, event, result) : retelling->error == NULL;
}

/* What an interrupted driver gave up has no event. */
static gboolean
correct(const PbxTrialRow *row, gpointer user)
{
    Retelling *retelling = user;
    return row->end >= 0 || row->state == retelling->states->data[row->number] ||
           set_state(retelling, row->number, row->state);
}

gboolean
search_retell(PbxRunner *runner, GError **error)
{
    const guint n = runner->trials->len;
    g_autoptr(GByteArray) states = g_byte_array_sized_new(n);
    g_byte_array_set_size(states, n);
    if (n > 0) /* an empty array has no data */
        memset(states->data, PBX_STATE_PENDING, n);
    Retelling retelling = {.runner = runner, .slot = runner->search, .states = states};
    retelling.open = inputs_find_open(runner, runner->search, &retelling.error);
    gboolean read = retelling.error == NULL &&
                    store_each_event(runner->store, 0, G_MAXUINT, retell, &retelling, error);
    if (read && retelling.error == NULL && ask_again(&retelling))
        read = store_each_trial(runner->store, correct, &retelling, error);
    if (retelling.open != NULL)
        g_free(retelling.open->detail);
    g_free(retelling.open);
    if (retelling.error == NULL)
        return read;
    if (*error == NULL)
        g_propagate_error(error, retelling.error);
    else
        g_error_free(retelling.error);
    return FALSE;
}
