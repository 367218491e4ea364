/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* children/1 for tests of wrappers: each child an instance of its own, with objectives, results
 * and outcomes as it sees them. */
#include <string.h>

#include "host-private.h"

static pbx_problem *
problem_of(gpointer child)
{
    PbxTestChild *one = child;
    PbxTestHost *host = one->host;
    const char *metric, *mode;
    one->problem = host->problem;
    one->objectives = (const pbx_objective *const *)host->objectives->pdata;
    if (options_objective(one->options, &metric, &mode)) {
        one->own = (pbx_objective){.struct_size = sizeof one->own,
                                   .sign = g_strcmp0(mode, "max") == 0 ? -1 : 1,
                                   .name = metric};
        one->own_list[0] = &one->own;
        one->objectives = one->own_list;
        one->problem.n_objectives = 1;
    }
    one->problem.objectives = one->objectives;
    return &one->problem;
}

static const pbx_result *
result_of(gpointer child, const pbx_result *result)
{
    PbxTestChild *one = child;
    pbx_result *seen = test_keep(one->host, g_memdup2(result, sizeof *result));
    problem_of(one);
    test_fill_result(one->host, seen, one->options, one->objectives, one->problem.n_objectives);
    return seen;
}

static const pbx_outcome *
outcome_of(gpointer child, const pbx_outcome *outcome)
{
    PbxTestChild *one = child;
    pbx_outcome *told = test_keep(one->host, g_memdup2(outcome, sizeof *outcome));
    if (told->last != NULL)
        told->last = result_of(one, told->last);
    return told;
}

static const PbxChildFuncs funcs = {
    .problem = problem_of, .result = result_of, .outcome = outcome_of};

static void
child_free(gpointer data)
{
    PbxTestChild *child = data;
    instance_free(child->instance);
    test_children_clear(&child->inner);
    g_free(child);
}

void
test_children_clear(PbxTestChildren *children)
{
    g_clear_pointer(&children->service, children_free);
    g_clear_pointer(&children->list, g_ptr_array_unref);
}

gboolean
test_children_make(PbxTestHost *host, PbxTestChildren *children, PbxOptions *options,
                   const char *slot, GError **error)
{
    const GPtrArray *from = options_children(options);
    children->list = g_ptr_array_new_with_free_func(child_free);
    if (from->len == 0)
        return TRUE;
    children->service = children_new(&funcs);
    for (guint i = 0; i < from->len; i++) {
        const PbxOptionChild *named = from->pdata[i];
        PbxTestChild *child = g_new0(PbxTestChild, 1);
        g_autofree char *inner = g_strconcat(slot, named->place, NULL);
        child->host = host;
        child->options = named->options;
        g_ptr_array_add(children->list, child);
        if (!test_children_make(host, &child->inner, named->options, inner, error))
            return FALSE;
        child->instance =
            test_instance_new(host, named->plugin, inner, named->options, &child->inner, error);
        if (child->instance == NULL)
            return FALSE;
        children_add(children->service, named, host_slot(child->instance->host),
                     instance_caps(child->instance), child->instance->vtable, child->instance->self,
                     child);
    }
    return TRUE;
}

gboolean
test_children_each(const PbxTestChildren *children,
                   gboolean (*func)(const PbxInstance *instance, gpointer user), gpointer user)
{
    for (guint i = 0; i < children->list->len; i++) {
        const PbxTestChild *child = children->list->pdata[i];
        if (!test_children_each(&child->inner, func, user) || !func(child->instance, user))
            return FALSE;
    }
    return TRUE;
}
