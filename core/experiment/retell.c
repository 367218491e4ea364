/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A search without a usable state of its own is told all trials again, from the store. */
#include "experiment/runner-private.h"

typedef struct {
    PbxRunner *runner;
    PbxSlot *slot;
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

static gboolean
retell(const PbxTrialRow *row, gpointer user)
{
    Retelling *retelling = user;
    if (!adopt(retelling, row))
        return FALSE;
    if (row->end >= 0)
        return tell(retelling, row);
    PbxCall state = {.id = CALL_SEARCH_STATE, .trial = row->number, .state = row->state};
    return row->state == PBX_STATE_PENDING || call(retelling, &state);
}

gboolean
search_retell(PbxRunner *runner, GError **error)
{
    Retelling retelling = {.runner = runner, .slot = runner->search};
    gboolean read = store_each_trial(runner->store, retell, &retelling, error);
    if (retelling.error == NULL)
        return read;
    if (read)
        g_propagate_error(error, retelling.error);
    else
        g_error_free(retelling.error);
    return FALSE;
}
