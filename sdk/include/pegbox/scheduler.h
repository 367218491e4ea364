/* SPDX-License-Identifier: MIT */
/* pegbox/scheduler.h: scheduler/1, which decides from results whether a trial goes on. */
#ifndef PEGBOX_SCHEDULER_H
#define PEGBOX_SCHEDULER_H

#include <pegbox/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PBX_SCHEDULER_ID "scheduler/1"

/* What a trial does after a result. */
enum {
    PBX_ACTION_CONTINUE = 0,
    PBX_ACTION_PAUSE = 1,   /* needs PBX_CAP_PAUSES */
    PBX_ACTION_STOP = 2,    /* ends EARLY_STOPPED */
    PBX_ACTION_COMPLETE = 3 /* it has had all it could get: ends COMPLETED */
};

/* The answer to a result; preset to CONTINUE, no rung, no bracket, budget NaN. */
typedef struct pbx_decision {
    uint32_t struct_size;
    uint32_t action;  /* PBX_ACTION_* */
    uint32_t rung;    /* that the result fills, from 0 (lowest); PBX_NO_RUNG */
    uint32_t bracket; /* of the trial; PBX_NO_RUNG */
    double budget;    /* of the rung, in units of its time attribute; NaN */
} pbx_decision;

/* Flags of a choice. */
enum {
    PBX_CHOICE_NO_MORE_TRIALS = 1, /* the search is exhausted */
    PBX_CHOICE_IDLE = 2            /* nothing runs: pick, act, or be done */
};

/* Which waiting trial gets the free slot; pick is preset to PBX_NONE. */
typedef struct pbx_choice {
    uint32_t struct_size;
    uint32_t flags; /* PBX_CHOICE_* */
    uint32_t n;     /* of trials, at most 256 */
    uint32_t reserved;
    uint64_t n_waiting;     /* PENDING or PAUSED in all */
    const uint64_t *counts; /* [PBX_N_STATES] */
    const pbx_amounts *free;
    const uint64_t *trials; /* PENDING or PAUSED that fit now, oldest first */
    uint64_t pick;          /* out: any waiting trial; PAUSED ones are resumed */
} pbx_choice;

/* Called by the host's decider; any function may be NULL. */
typedef struct pbx_scheduler {
    uint32_t struct_size;
    uint32_t caps; /* PBX_CAP_* */
    pbx_object object;
    /* As a search's: pure, refuses e.g. metrics that it cannot rank. */
    pbx_status (*setup)(pbx_instance *, const pbx_problem *problem, pbx_error *);
    /* A trial was created, at x (n_dims of the problem). */
    pbx_status (*add)(pbx_instance *, uint64_t trial, const double *x, const pbx_json *config,
                      const pbx_json *resources, pbx_error *);
    /* A trial changed its state, for a reason PBX_WHY_*. */
    pbx_status (*state)(pbx_instance *, uint64_t trial, uint32_t state, uint32_t why, pbx_error *);
    /*
     * A result that does not end the trial anyway. An error fails that trial.
     * NULL: always CONTINUE.
     */
    pbx_status (*result)(pbx_instance *, const pbx_result *result, pbx_decision *decision,
                         pbx_error *);
    /* The trial ended; no call names it after this one. */
    pbx_status (*end)(pbx_instance *, const pbx_outcome *outcome, pbx_error *);
    /*
     * Once a free slot, also with n = 0 when IDLE. OK: choice.pick is set; AGAIN:
     * none now, and no state has changed. NULL: the first PENDING trial, then the
     * first PAUSED one.
     */
    pbx_status (*choose)(pbx_instance *, pbx_choice *choice, pbx_error *);
    /* Exactly once for each act of control/1, before its trial's end. `checkpoint`
     * (0: none) and `step` tell what a save made. */
    pbx_status (*acted)(pbx_instance *, uint64_t act, uint64_t trial, uint32_t kind,
                        pbx_status status, uint64_t checkpoint, int64_t step, pbx_error *);
} pbx_scheduler;

#ifdef __cplusplus
}
#endif
#endif
