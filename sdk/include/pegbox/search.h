/* SPDX-License-Identifier: MIT */
/* pegbox/search.h: search/1, which proposes configurations. */
#ifndef PEGBOX_SEARCH_H
#define PEGBOX_SEARCH_H

#include <pegbox/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PBX_SEARCH_ID "search/1"

/* Called by the host's decider; any function not marked "must" may be NULL. */
typedef struct pbx_search {
    uint32_t struct_size;
    uint32_t caps; /* PBX_CAP_*, what any instance can do at most */
    pbx_object object;
    /*
     * Once after create, and again on resume, where only num_samples, limits and
     * budget may differ. Pure: `pegbox validate` calls it too. ENOTSUP or EINVAL
     * with error.where = the dim or objective that cannot be handled (exit 2).
     */
    pbx_status (*setup)(pbx_instance *, const pbx_problem *problem, pbx_error *);
    /*
     * Must. Fills suggestion.x (and origin, extra). AGAIN: not now, asked again
     * after the next event or 1 s, and no state has changed. DONE: never again.
     * An error ends the run (exit 4).
     */
    pbx_status (*suggest)(pbx_instance *, pbx_suggestion *suggestion, pbx_error *);
    /* This point runs though it was not proposed so: enqueued, snapped, told again. */
    pbx_status (*adopt)(pbx_instance *, const pbx_suggestion *suggestion, pbx_error *);
    /* A trial is now PENDING, RUNNING or PAUSED; changes only. */
    pbx_status (*state)(pbx_instance *, uint64_t trial, uint32_t state, pbx_error *);
    /* An intermediate result; never the one that ended the trial. NULL: not sent. */
    pbx_status (*report)(pbx_instance *, const pbx_result *result, pbx_error *);
    /*
     * Exactly once a trial, known to the plugin or not; a VOID may follow later, which
     * has no last result: forget what you were told, or answer ENOTSUP. A
     * DUPLICATE comes at once after the suggest (and adopt) of its point, before any
     * other call; the next suggest has the same trial, and the next ask.
     */
    pbx_status (*tell)(pbx_instance *, const pbx_outcome *outcome, pbx_error *);
    /* Trials in all, -1: unknown. Needed with OWNS_SAMPLES. */
    pbx_status (*total)(pbx_instance *, int64_t *total, pbx_error *);
} pbx_search;

#ifdef __cplusplus
}
#endif
#endif
