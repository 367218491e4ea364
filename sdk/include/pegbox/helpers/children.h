/* SPDX-License-Identifier: MIT */
/*
 * pegbox/helpers/children.h: the plugins that a stopper wraps, each called as the host
 * would call it. pbx_wrap in init takes all of an option; then `i` counts them.
 */
#ifndef PEGBOX_HELPERS_CHILDREN_H
#define PEGBOX_HELPERS_CHILDREN_H

#include <pegbox/helpers/define.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The children of one PLUGIN option, in its order. */
typedef struct pbx_wrapped {
    const pbx_children *service;
    const pbx_child **children;
    size_t n;
} pbx_wrapped;

/* Takes those of `option`, all of which must have the interface `id`; at least one. */
static inline pbx_status
pbx_wrap(pbx_instance *self, const char *option, const char *id, pbx_wrapped *wrapped,
         pbx_error *error)
{
    const pbx_host *host = pbx_base_of(self)->host;
    const pbx_child *child;
    const void *service;
    pbx_status status = pbx_need(host, PBX_CHILDREN_ID, &service, error);
    if (status != PBX_OK)
        return status;
    wrapped->service = (const pbx_children *)service;
    wrapped->n = 0;
    while ((child = wrapped->service->get(host, option, wrapped->n, id)) != NULL) {
        void *longer =
            pbx_realloc(self, wrapped->children, (wrapped->n + 1) * sizeof(*wrapped->children));
        if (!longer)
            return pbx_fail_memory(error);
        wrapped->children = (const pbx_child **)longer;
        wrapped->children[wrapped->n++] = child;
    }
    if (wrapped->n == 0)
        return pbx_fail(error, PBX_ENOTSUP, option, "this host gives no %s to wrap", id);
    return PBX_OK;
}

/* The vtable of a wrapped stopper: what is NULL there it lacks. */
static inline const pbx_stopper *
pbx_wrapped_stopper(const pbx_wrapped *wrapped, size_t i)
{
    return (const pbx_stopper *)wrapped->children[i]->vtable;
}

/* A stopper's `setup` for child i; OK where it has none, as below. */
static inline pbx_status
pbx_wrapped_setup(pbx_instance *self, const pbx_wrapped *wrapped, size_t i, pbx_error *error)
{
    const pbx_child *child = wrapped->children[i];
    const pbx_stopper *stopper = pbx_wrapped_stopper(wrapped, i);
    if (!stopper->setup)
        return PBX_OK;
    return stopper->setup(child->instance,
                          wrapped->service->problem(pbx_base_of(self)->host, child), error);
}

/* `result` of child i for the result that this call is about. The verdict is preset here. */
static inline pbx_status
pbx_wrapped_result(pbx_instance *self, const pbx_wrapped *wrapped, size_t i,
                   const pbx_result *result, pbx_verdict *verdict, pbx_error *error)
{
    const pbx_child *child = wrapped->children[i];
    const pbx_stopper *stopper = pbx_wrapped_stopper(wrapped, i);
    memset(verdict, 0, sizeof(*verdict));
    verdict->struct_size = (uint32_t)sizeof(*verdict);
    if (!stopper->result)
        return PBX_OK;
    result = wrapped->service->result(pbx_base_of(self)->host, child, result);
    if (!result)
        return pbx_fail(error, PBX_EINVAL, NULL, "a result that is not the host's");
    return stopper->result(child->instance, result, verdict, error);
}

/* `end` of child i, the same. */
static inline pbx_status
pbx_wrapped_end(pbx_instance *self, const pbx_wrapped *wrapped, size_t i,
                const pbx_outcome *outcome, pbx_error *error)
{
    const pbx_child *child = wrapped->children[i];
    const pbx_stopper *stopper = pbx_wrapped_stopper(wrapped, i);
    if (!stopper->end)
        return PBX_OK;
    outcome = wrapped->service->outcome(pbx_base_of(self)->host, child, outcome);
    if (!outcome)
        return pbx_fail(error, PBX_EINVAL, NULL, "an outcome that is not the host's");
    return stopper->end(child->instance, outcome, error);
}

/* `all` of child i. */
static inline pbx_status
pbx_wrapped_all(const pbx_wrapped *wrapped, size_t i, pbx_verdict *verdict, pbx_error *error)
{
    const pbx_stopper *stopper = pbx_wrapped_stopper(wrapped, i);
    memset(verdict, 0, sizeof(*verdict));
    verdict->struct_size = (uint32_t)sizeof(*verdict);
    return stopper->all ? stopper->all(wrapped->children[i]->instance, verdict, error) : PBX_OK;
}

#ifdef __cplusplus
}
#endif
#endif
