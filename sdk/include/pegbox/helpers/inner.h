/* SPDX-License-Identifier: MIT */
/*
 * pegbox/helpers/inner.h: the search that a search wraps, called as the host would call it.
 * What it lacks is answered OK. pbx_inner_take in init.
 */
#ifndef PEGBOX_HELPERS_INNER_H
#define PEGBOX_HELPERS_INNER_H

#include <pegbox/helpers/define.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What of the wrapped search a wrapper that passes everything on can do as well. That one is slow
 * is the host's affair. */
#define PBX_CAPS_OF_INNER                                                                          \
    (PBX_CAP_TOLD_AGAIN | PBX_CAP_NEEDS_METRIC | PBX_CAP_CATEGORY | PBX_CAP_CONDITIONAL |          \
     PBX_CAP_GRID | PBX_CAP_UNBOUNDED | PBX_CAP_QUANTUM | PBX_CAP_OBJECTIVES |                     \
     PBX_CAP_CONSTRAINTS | PBX_CAP_LIMITS_ITSELF | PBX_CAP_OWNS_SAMPLES)

typedef struct pbx_inner {
    const pbx_host *host;
    const pbx_children *service;
    const pbx_child *child;
    const pbx_search *search; /* its vtable: what is NULL there it lacks */
} pbx_inner;

/* Takes the one that a PLUGIN option names. */
static inline pbx_status
pbx_inner_take(pbx_instance *self, const char *option, pbx_inner *inner, pbx_error *error)
{
    const void *service;
    pbx_status status;
    inner->host = pbx_base_of(self)->host;
    status = pbx_need(inner->host, PBX_CHILDREN_ID, &service, error);
    if (status != PBX_OK)
        return status;
    inner->service = (const pbx_children *)service;
    inner->child = inner->service->get(inner->host, option, 0, PBX_SEARCH_ID);
    if (!inner->child)
        return pbx_fail(error, PBX_ENOTSUP, option, "this host gives no search to wrap");
    inner->search = (const pbx_search *)inner->child->vtable;
    return PBX_OK;
}

/* Its problem, which may be altered before pbx_inner_setup. */
static inline pbx_problem *
pbx_inner_problem(const pbx_inner *inner)
{
    return inner->service->problem(inner->host, inner->child);
}

/* `problem` is of pbx_inner_problem. */
static inline pbx_status
pbx_inner_setup(const pbx_inner *inner, const pbx_problem *problem, pbx_error *error)
{
    return inner->search->setup ? inner->search->setup(inner->child->instance, problem, error)
                                : PBX_OK;
}

/* The suggestion as it is given to the inner search, to be altered before pbx_inner_adopt_as. */
static inline pbx_suggestion *
pbx_inner_suggestion(const pbx_inner *inner, const pbx_suggestion *suggestion)
{
    return inner->service->suggestion(inner->host, inner->child, (pbx_suggestion *)suggestion);
}

/* Its answer is in `suggestion`. */
static inline pbx_status
pbx_inner_suggest(const pbx_inner *inner, pbx_suggestion *suggestion, pbx_error *error)
{
    return inner->search->suggest(inner->child->instance, pbx_inner_suggestion(inner, suggestion),
                                  error);
}

/* `given` is of pbx_inner_suggestion. */
static inline pbx_status
pbx_inner_adopt_as(const pbx_inner *inner, const pbx_suggestion *given, pbx_error *error)
{
    return inner->search->adopt ? inner->search->adopt(inner->child->instance, given, error)
                                : PBX_OK;
}

static inline pbx_status
pbx_inner_adopt(const pbx_inner *inner, const pbx_suggestion *suggestion, pbx_error *error)
{
    return pbx_inner_adopt_as(inner, pbx_inner_suggestion(inner, suggestion), error);
}

static inline pbx_status
pbx_inner_state(const pbx_inner *inner, uint64_t trial, uint32_t state, pbx_error *error)
{
    return inner->search->state ? inner->search->state(inner->child->instance, trial, state, error)
                                : PBX_OK;
}

static inline pbx_status
pbx_inner_report(const pbx_inner *inner, const pbx_result *result, pbx_error *error)
{
    if (!inner->search->report)
        return PBX_OK;
    result = inner->service->result(inner->host, inner->child, result);
    if (!result)
        return pbx_fail(error, PBX_EINVAL, NULL, "a result that is not the host's");
    return inner->search->report(inner->child->instance, result, error);
}

/* `given` is of the service's `outcome` or `told`. */
static inline pbx_status
pbx_inner_tell_as(const pbx_inner *inner, const pbx_outcome *given, pbx_error *error)
{
    return inner->search->tell ? inner->search->tell(inner->child->instance, given, error) : PBX_OK;
}

static inline pbx_status
pbx_inner_tell(const pbx_inner *inner, const pbx_outcome *outcome, pbx_error *error)
{
    outcome = inner->service->outcome(inner->host, inner->child, outcome);
    if (!outcome)
        return pbx_fail(error, PBX_EINVAL, NULL, "an outcome that is not the host's");
    return pbx_inner_tell_as(inner, outcome, error);
}

/* -1: unknown. */
static inline pbx_status
pbx_inner_total(const pbx_inner *inner, int64_t *total, pbx_error *error)
{
    *total = -1;
    return inner->search->total ? inner->search->total(inner->child->instance, total, error)
                                : PBX_OK;
}

#ifdef __cplusplus
}
#endif
#endif
