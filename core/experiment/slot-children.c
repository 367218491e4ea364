/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a wrapper wraps: slots of their own, which are called by the wrapper alone. */
#include "experiment/runner-private.h"

static pbx_problem *
problem_of(gpointer child)
{
    return ((PbxSlot *)child)->problem;
}

static const pbx_result *
slot_sees(PbxSlot *slot, PbxView *view)
{
    return view_for_slot((PbxRunner *)view->runner, view, slot);
}

static const pbx_result *
result_of(gpointer child, const pbx_result *result)
{
    PbxSlot *slot = child;
    return result == &slot->wrapper->seen ? slot_sees(slot, slot->wrapper->view) : NULL;
}

static const pbx_outcome *
outcome_of(gpointer child, const pbx_outcome *outcome)
{
    PbxSlot *slot = child;
    if (outcome != &slot->wrapper->told)
        return NULL;
    slot->told = *outcome;
    slot->told_view = slot->wrapper->told_view;
    if (slot->told_view != NULL)
        slot->told.last = slot_sees(slot, slot->told_view);
    return &slot->told;
}

const PbxChildFuncs slot_sees_funcs = {
    .problem = problem_of, .result = result_of, .outcome = outcome_of};

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
        g_ptr_array_add(slot->wrapped, child);
        if (decider_shim(child->decider, &child->shim))
            children_add(slot->children, use->from, decider_slot(child->decider),
                         decider_caps(child->decider), &child->shim.stopper, child->shim.self,
                         child);
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
