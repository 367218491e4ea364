/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a wrapper wraps: slots of their own, which are called by the wrapper alone. */
#include "experiment/slot-private.h"

static pbx_problem *
problem_of(gpointer child)
{
    PbxSlot *slot = child;
    spec_problem_within(slot->problem, slot->wrapper->problem);
    return slot->problem;
}

/* ---- Results and outcomes ---- */

static pbx_result *
slot_sees(PbxSlot *slot, PbxView *view)
{
    const PbxSlot *wrapper = slot->wrapper;
    const PbxSeen seen = {wrapper->problem, &wrapper->seen, wrapper->losses};
    (void)view_for_slot((PbxRunner *)view->runner, view, slot);
    decider_hand_down(&seen, slot->problem, &slot->seen);
    return &slot->seen;
}

static pbx_result *
result_of(gpointer child, const pbx_result *result)
{
    PbxSlot *slot = child;
    if (result == &slot->seen)
        return &slot->seen; /* the last of an outcome, as it sees that */
    return result == &slot->wrapper->seen ? slot_sees(slot, slot->wrapper->view) : NULL;
}

static pbx_outcome *
outcome_of(gpointer child, const pbx_outcome *outcome)
{
    PbxSlot *slot = child;
    if (outcome != &slot->wrapper->told)
        return NULL;
    slot_clear_told(slot);
    slot->told = *outcome;
    slot->told_view = slot->wrapper->told_view;
    if (slot->told_view != NULL)
        slot->told.last = slot_sees(slot, slot->told_view);
    return &slot->told;
}

/* ---- What a trial's end was, long after ---- */

void
slot_clear_told(PbxSlot *slot)
{
    if (slot->told_trial == NULL)
        return;
    g_clear_pointer(&slot->told_view, view_free);
    g_clear_pointer(&slot->told_trial, trial_free);
}

/* A copy of the trial as it is now. NULL with error. */
static PbxTrial *
find_ended(PbxRunner *runner, guint64 number, GError **error)
{
    const PbxTrial *known = number < runner->trials->len ? runner->trials->pdata[number] : NULL;
    PbxTrialRow *row = known != NULL && !known->forgotten && known->row.x != NULL
                           ? trial_row_copy(&known->row)
                           : store_trial(runner->store, number, error);
    if (row != NULL && row->end >= 0)
        return trial_restore(runner, row, error);
    trial_row_free(row);
    if (*error == NULL)
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                    "trial %" G_GUINT64_FORMAT " has not ended", number);
    return NULL;
}

/* Whether a wrapper has numbers of trials that are those of the store. */
static gboolean
knows_trials(const PbxSlot *wrapper)
{
    for (const PbxSlot *around = wrapper->wrapper; around != NULL; around = around->wrapper)
        if ((decider_caps(around->decider) & PBX_CAP_RENUMBERS) != 0)
            return FALSE;
    return TRUE;
}

static pbx_outcome *
told_of(gpointer child, guint64 number, pbx_error *error)
{
    PbxSlot *slot = child;
    if (!knows_trials(slot->wrapper)) {
        plugin_set_abi_error(error, "", "its trials have numbers of another search's");
        return NULL;
    }
    PbxRunner *runner = slot->runner;
    g_autoptr(GError) failed = NULL;
    slot_clear_told(slot);
    PbxTrial *trial = find_ended(runner, number, &failed);
    if (trial == NULL) {
        plugin_set_abi_error(error, "", "%s", failed->message);
        return NULL;
    }
    const gboolean shown = trial->last != NULL && trial->row.end != PBX_END_VOID;
    slot->told_trial = trial;
    slot->told_view = shown ? view_new(runner, trial, trial->last) : NULL;
    slot->told = end_outcome(runner, trial);
    if (slot->told_view != NULL)
        slot->told.last = view_for_slot(runner, slot->told_view, slot);
    return &slot->told;
}

static pbx_suggestion *
suggestion_of(gpointer child, pbx_suggestion *suggestion)
{
    PbxSlot *slot = child;
    return decider_offer(slot->decider, slot->wrapper->decider, suggestion);
}

/* ---- The slots ---- */

const PbxChildFuncs slot_sees_funcs = {.problem = problem_of,
                                       .result = result_of,
                                       .outcome = outcome_of,
                                       .suggestion = suggestion_of,
                                       .told = told_of};

gboolean
slot_wrap(PbxRunner *runner, PbxSlot *slot, GError **error)
{
    const GPtrArray *uses = slot->use->wrapped;
    if (uses->len == 0)
        return TRUE;
    slot->wrapped = g_ptr_array_new_with_free_func((GDestroyNotify)slot_free);
    slot->children = children_new(&slot_sees_funcs);
    for (guint i = 0; i < uses->len; i++) {
        const PbxPluginUse *use = g_ptr_array_index(uses, i);
        PbxSlot *child = slot_make(runner, use, error);
        if (child == NULL)
            return FALSE;
        child->wrapper = slot;
        child->runner = runner;
        g_ptr_array_add(slot->wrapped, child);
        gconstpointer vtable = decider_shim(child->decider, &child->shim);
        if (vtable != NULL)
            children_add(slot->children, use->from, decider_slot(child->decider),
                         decider_caps(child->decider), vtable, child->shim.self, child);
    }
    return TRUE;
}

gboolean
slot_each(PbxSlot *slot, gboolean (*func)(PbxSlot *slot, gpointer user), gpointer user)
{
    for (guint i = 0; slot->wrapped != NULL && i < slot->wrapped->len; i++)
        if (!slot_each(slot->wrapped->pdata[i], func, user))
            return FALSE;
    return func(slot, user);
}
