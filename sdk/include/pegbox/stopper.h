/* SPDX-License-Identifier: MIT */
/* pegbox/stopper.h: stopper/1, which ends a trial or the experiment by a rule. */
#ifndef PEGBOX_STOPPER_H
#define PEGBOX_STOPPER_H

#include <pegbox/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PBX_STOPPER_ID "stopper/1"

/* The answer; preset to stop 0, again_ns 0, reason NULL. */
typedef struct pbx_verdict {
    uint32_t struct_size;
    uint32_t stop;      /* nonzero: stop */
    int64_t again_ns;   /* `all` only: not asked again before this time; 0: each turn */
    const char *reason; /* one line, shown and stored; NULL: none */
} pbx_verdict;

/* Called by the host's decider; any function may be NULL. */
typedef struct pbx_stopper {
    uint32_t struct_size;
    uint32_t caps; /* PBX_CAP_SLOW, TRANSPARENT, NEEDS_METRIC */
    pbx_object object;
    /* As a search's. */
    pbx_status (*setup)(pbx_instance *, const pbx_problem *problem, pbx_error *);
    /* Whether this trial stops here (it then ends COMPLETED). An error fails the trial. */
    pbx_status (*result)(pbx_instance *, const pbx_result *result, pbx_verdict *verdict,
                         pbx_error *);
    /* The trial ended: frees what is kept for it. */
    pbx_status (*end)(pbx_instance *, const pbx_outcome *outcome, pbx_error *);
    /*
     * Whether the whole experiment stops; asked after each turn of the loop, or
     * not before again_ns. Running trials end at their next report.
     */
    pbx_status (*all)(pbx_instance *, pbx_verdict *verdict, pbx_error *);
} pbx_stopper;

#ifdef __cplusplus
}
#endif
#endif
