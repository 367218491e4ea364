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
    one->problem = one->wrapper != NULL ? one->wrapper->problem : host->problem;
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

/* Losses that a wrapper has altered stay as they are, where they are of the same objectives. */
static pbx_result *
result_of(gpointer child, const pbx_result *result)
{
    PbxTestChild *one = child;
    if (result == one->seen)
        return one->seen;
    one->seen = test_keep(one->host, g_memdup2(result, sizeof *result));
    if (one->objectives == NULL)
        (void)problem_of(one);
    test_fill_result(one->host, one->seen, one->options,
                     one->objectives == one->own_list ? one->objectives : NULL,
                     one->problem.n_objectives);
    return one->seen;
}

static pbx_outcome *
outcome_of(gpointer child, const pbx_outcome *outcome)
{
    PbxTestChild *one = child;
    pbx_outcome *told = test_keep(one->host, g_memdup2(outcome, sizeof *outcome));
    if (told->last != NULL)
        told->last = result_of(one, told->last);
    return told;
}

static pbx_outcome *
told_of(gpointer child, guint64 trial, pbx_error *error)
{
    PbxTestChild *one = child;
    gboolean renumbered =
        one->wrapper != NULL && (instance_caps(one->host->instance) & PBX_CAP_RENUMBERS) != 0;
    for (const PbxTestChild *at = one->wrapper; at != NULL && at->wrapper != NULL; at = at->wrapper)
        renumbered = renumbered || (instance_caps(at->wrapper->instance) & PBX_CAP_RENUMBERS) != 0;
    const GPtrArray *outcomes = one->host->outcomes;
    for (guint i = outcomes->len; i-- > 0 && !renumbered;)
        if (((const pbx_outcome *)outcomes->pdata[i])->trial == trial)
            return outcome_of(child, outcomes->pdata[i]);
    plugin_set_abi_error(error, "", "no such trial");
    return NULL;
}

static pbx_suggestion *
suggestion_of(gpointer child, pbx_suggestion *suggestion)
{
    PbxTestChild *one = child;
    one->offered = *suggestion;
    one->offerer = suggestion;
    if (suggestion->ask != PBX_NONE)
        one->offered.ask =
            *one->asks - ((suggestion->flags & PBX_SUGGESTION_ALTERED) != 0 && *one->asks > 0);
    return &one->offered;
}

static const PbxChildFuncs funcs = {.problem = problem_of,
                                    .result = result_of,
                                    .outcome = outcome_of,
                                    .suggestion = suggestion_of,
                                    .told = told_of};

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

static guint64 *
asks_of(PbxTestHost *host, const char *slot)
{
    guint64 *asks = g_hash_table_lookup(host->asks, slot);
    if (asks == NULL) {
        asks = g_new0(guint64, 1);
        g_hash_table_insert(host->asks, g_strdup(slot), asks);
    }
    return asks;
}

gboolean
test_children_make(PbxTestHost *host, const PbxTestChild *wrapper, PbxTestChildren *children,
                   PbxOptions *options, const char *slot, GError **error)
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
        child->wrapper = wrapper;
        child->asks = asks_of(host, inner);
        child->options = named->options;
        g_ptr_array_add(children->list, child);
        if (!test_children_make(host, child, &child->inner, named->options, inner, error))
            return FALSE;
        child->instance =
            test_instance_new(host, named->plugin, inner, named->options, &child->inner, error);
        if (child->instance == NULL)
            return FALSE;
        if (g_str_equal(named->plugin->desc->kind, "search"))
            children_add(children->service, named, host_slot(child->instance->host),
                         instance_caps(child->instance), &test_recorder, (pbx_instance *)child,
                         child);
        else
            children_add(children->service, named, host_slot(child->instance->host),
                         instance_caps(child->instance), child->instance->vtable,
                         child->instance->self, child);
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
