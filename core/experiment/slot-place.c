/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A decider in a child process: a wrapper with all that it wraps, so that their calls of each other
 * stay there. */
#include "experiment/slot-private.h"

#define LIMIT_S 300 /* for a call, where the file names no other */

/* The slots of a tree, a wrapper before what it wraps, and which of them wraps each. */
typedef struct {
    PbxRunner *runner;
    GPtrArray *slots; /* PbxSlot* */
    GArray *wrappers; /* guint */
    double limit_s;
} Tree;

static void
add(Tree *tree, PbxSlot *slot, guint wrapper)
{
    const guint index = tree->slots->len;
    g_ptr_array_add(tree->slots, slot);
    g_array_append_val(tree->wrappers, wrapper);
    tree->limit_s = MAX(tree->limit_s, slot->use->isolate.limit_s);
    if (slot->use->wrapped->len == 0)
        return;
    slot->wrapped = g_ptr_array_new_with_free_func((GDestroyNotify)slot_free);
    for (guint i = 0; i < slot->use->wrapped->len; i++) {
        PbxSlot *inner = slot_alloc(tree->runner, g_ptr_array_index(slot->use->wrapped, i));
        inner->wrapper = slot;
        inner->runner = tree->runner;
        g_ptr_array_add(slot->wrapped, inner);
        add(tree, inner, index);
    }
}

gboolean
slot_place(PbxRunner *runner, PbxSlot *slot, GError **error)
{
    g_autoptr(GPtrArray) slots = g_ptr_array_new();
    g_autoptr(GArray) wrappers = g_array_new(FALSE, FALSE, sizeof(guint));
    Tree tree = {.runner = runner, .slots = slots, .wrappers = wrappers};
    add(&tree, slot, 0);
    const guint n = slots->len;
    g_autofree PbxPlaced *members = g_new0(PbxPlaced, n);
    g_autofree PbxDecider **deciders = g_new0(PbxDecider *, n);
    for (guint i = 0; i < n; i++) {
        PbxSlot *one = slots->pdata[i];
        members[i] = (PbxPlaced){.plugin = one->use->plugin,
                                 .slot = one->use->slot,
                                 .options = one->use->options,
                                 .seed = spec_seed_of(runner->spec, one->use),
                                 .problem = one->problem,
                                 .wrapper = g_array_index(wrappers, guint, i),
                                 .user = one};
    }
    const double limit_s = tree.limit_s > 0 ? tree.limit_s : LIMIT_S;
    const PbxPlacement placement = {.sees = slot_sees_funcs,
                                    .observe = observations_observe,
                                    .clock = runner->clock,
                                    .log = runner_log,
                                    .log_user = runner,
                                    .base_dir = runner->spec->base_dir,
                                    .limit_ns = (gint64)(limit_s * NS_PER_S),
                                    .warn_ns = runner->warn_ns};
    if (!deciders_new_child(members, n, &placement, deciders, error))
        return FALSE;
    for (guint i = 0; i < n; i++)
        ((PbxSlot *)slots->pdata[i])->decider = deciders[i];
    return TRUE;
}
