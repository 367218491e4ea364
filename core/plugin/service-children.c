/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* children/1: a wrapper finds the plugins that its options name. */
#include "plugin/host-private.h"

typedef struct {
    pbx_child abi; /* first: what the wrapper has of it */
    const PbxOptionChild *from;
    gpointer child;
} Child;

struct PbxChildren {
    PbxChildFuncs funcs;
    GPtrArray *list; /* Child* */
};

PbxChildren *
children_new(const PbxChildFuncs *funcs)
{
    PbxChildren *children = g_new0(PbxChildren, 1);
    children->funcs = *funcs;
    children->list = g_ptr_array_new_with_free_func(g_free);
    return children;
}

void
children_free(PbxChildren *children)
{
    if (children == NULL)
        return;
    g_ptr_array_unref(children->list);
    g_free(children);
}

void
children_add(PbxChildren *children, const PbxOptionChild *from, const char *slot, guint32 caps,
             gconstpointer vtable, pbx_instance *self, gpointer child)
{
    Child *added = g_new0(Child, 1);
    added->abi = (pbx_child){.struct_size = sizeof(pbx_child),
                             .caps = caps,
                             .slot = slot,
                             .name = from->plugin->desc->name,
                             .vtable = vtable,
                             .instance = self};
    added->from = from;
    added->child = child;
    g_ptr_array_add(children->list, added);
}

/* ---- The service ---- */

static const PbxChildren *
children_of(const pbx_host *host)
{
    return host_service_user(host, PBX_CHILDREN_ID);
}

static const pbx_child *
abi_get(const pbx_host *host, const char *option, size_t index, const char *id)
{
    const PbxChildren *children = children_of(host);
    for (guint i = 0; i < children->list->len; i++) {
        const Child *child = children->list->pdata[i];
        if (child->from->index == index && g_strcmp0(child->from->option, option) == 0)
            return g_strcmp0(plugin_kind_interface(child->from->plugin->desc->kind), id) == 0
                       ? &child->abi
                       : NULL;
    }
    return NULL;
}

static pbx_problem *
abi_problem(const pbx_host *host, const pbx_child *child)
{
    return children_of(host)->funcs.problem(((const Child *)child)->child);
}

static pbx_result *
abi_result(const pbx_host *host, const pbx_child *child, const pbx_result *result)
{
    return children_of(host)->funcs.result(((const Child *)child)->child, result);
}

static pbx_outcome *
abi_outcome(const pbx_host *host, const pbx_child *child, const pbx_outcome *outcome)
{
    return children_of(host)->funcs.outcome(((const Child *)child)->child, outcome);
}

static pbx_suggestion *
abi_suggestion(const pbx_host *host, const pbx_child *child, pbx_suggestion *suggestion)
{
    return children_of(host)->funcs.suggestion(((const Child *)child)->child, suggestion);
}

static pbx_outcome *
abi_told(const pbx_host *host, const pbx_child *child, uint64_t trial, pbx_error *error)
{
    return children_of(host)->funcs.told(((const Child *)child)->child, trial, error);
}

static const pbx_children service = {
    .struct_size = sizeof(pbx_children),
    .get = abi_get,
    .problem = abi_problem,
    .result = abi_result,
    .outcome = abi_outcome,
    .suggestion = abi_suggestion,
    .told = abi_told,
};

void
children_offer(PbxHost *host, gpointer children)
{
    if (children != NULL)
        host_add_service(host, PBX_CHILDREN_ID, &service, children);
}
