/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/cfo: a local search along random directions, FLOW2 (README.md names the paper). It works
 * on places: numbers, and categories whose choices have an order, lie in [0, 1]; another category
 * is the index of its choice.
 */
#ifndef FLOW2_H
#define FLOW2_H

#include <pegbox/helpers.h>

/* ---- The space ---- */

typedef struct flow2_axis {
    const pbx_dim *dim;
    int unordered;
    uint32_t *cheapest; /* [n_choices] the choices by their cost; NULL: as they are */
} flow2_axis;

typedef struct flow2_space {
    size_t n;
    const pbx_space *space;
    flow2_axis *axes;  /* [n] */
    double *start;     /* [n] places of the cheap point; the middle where nothing is said */
    int *is_cheap;     /* [n] something is said */
    double least_step; /* of a search in this space */
    int all_whole;     /* it may have few points */
} flow2_space;

/* Reads the options low_cost_partial_config and cat_hp_cost; `where` of an error is theirs. Again
 * on each setup. */
pbx_status flow2_space_read(pbx_instance *self, flow2_space *space, const pbx_problem *problem,
                            pbx_error *error);
void flow2_point(const flow2_space *space, const double *places, double *x);
/* Those of inactive dimensions stay as they are. */
void flow2_places(const flow2_space *space, const double *x, double *places);

/* Whether `x` is the incumbent's point of the search, or of a trial in `live` (flow2_trial). */
struct flow2;
int flow2_is_known(const flow2_space *space, const struct flow2 *search, const pbx_map *live,
                   const double *x, double *scratch);

/* The last points that were tried; a point of a space that is not all whole is not kept. */
#define FLOW2_N_SEEN 512
typedef struct flow2_seen {
    uint64_t hash;  /* of the point */
    uint64_t trial; /* PBX_NONE: somebody else's */
    double loss, cost;
    double resource; /* that it was tried with; NaN: there is none */
} flow2_seen;

typedef struct flow2_memory {
    flow2_seen *seen; /* [FLOW2_N_SEEN] a ring */
    uint64_t n;
} flow2_memory;

pbx_status flow2_memory_make(pbx_instance *self, flow2_memory *memory, pbx_error *error);
const flow2_seen *flow2_find(const flow2_space *space, const flow2_memory *memory, const double *x,
                             double resource);
/* `what` but for its hash. */
void flow2_remember(const flow2_space *space, flow2_memory *memory, const double *x,
                    const flow2_seen *what);
void flow2_forget(const flow2_space *space, flow2_memory *memory, const double *x);
void flow2_memory_state(flow2_memory *memory, pbx_blob *blob);

/* ---- Options that plugins share ---- */

#define FLOW2_OPT_CHEAP                                                                            \
    PBX_OPT_JSON("low_cost_partial_config",                                                        \
                 "where it begins: an object of values by parameter, which make a trial cheap; "   \
                 "default: the middle of each range",                                              \
                 "1.0", NULL)
#define FLOW2_OPT_COSTS                                                                            \
    PBX_OPT_JSON("cat_hp_cost",                                                                    \
                 "an object of the costs of a choice's items by parameter, which give them an "    \
                 "order; default: none",                                                           \
                 "1.0", NULL)
/* The only FIELD of the table. */
#define FLOW2_OPT_COST_ATTR                                                                        \
    PBX_OPT_FIELD("cost_attr",                                                                     \
                  "the result field that says what a trial cost; default: its time where "         \
                  "time_budget_s is set, else each costs the same",                                \
                  "1.0", NULL)
/* What the trial cost, above 0; has_attr: cost_attr is set. */
double flow2_cost(const pbx_problem *problem, int has_attr, const pbx_outcome *outcome);

/* ---- The search ---- */

/* How much a trial may take of a resource: the same for all searches. Whole where `most` is. */
typedef struct flow2_resource {
    double least, most; /* most NaN: there is none */
    double factor;
} flow2_resource;

typedef struct flow2 {
    size_t n;
    double *center;    /* [n] places of the incumbent */
    double *direction; /* [n] that was tried, to be tried the other way */
    uint32_t has_direction;
    uint32_t begun;     /* the start itself was proposed */
    uint64_t incumbent; /* grows with each; of a trial: the one that it was proposed from */
    double best, cost;  /* of the incumbent; best INFINITY: it has not been evaluated */
    double step, resource;
    uint64_t asks;                /* in all */
    uint64_t found;               /* the ask of the incumbent */
    uint64_t last, last_but_one;  /* asks at which the step shrank; 0: not yet */
    uint64_t proposed, completed; /* from this incumbent; less what made the step shrink */
    double spent;                 /* the costs of those */
} flow2;

/* What is known of a proposal until its trial ends. */
typedef struct flow2_trial {
    uint64_t thread; /* a number of the plugin's; 0: nobody proposed it */
    uint64_t incumbent;
    uint64_t ask; /* of its search */
    double step, resource;
    uint64_t mark;     /* the plugin's own */
    uint64_t is_raise; /* the incumbent once more, with more of the resource */
    double places[];   /* [n] */
} flow2_trial;

pbx_status flow2_make(pbx_instance *self, flow2 *search, size_t n, pbx_error *error);
/* Begins at these places, with a loss (INFINITY: it is to be evaluated first). */
void flow2_start(flow2 *search, const double *places, double loss, double cost,
                 const flow2_resource *resource);
/* A start at random, near the cheap one. */
void flow2_start_anywhere(flow2 *search, const flow2_space *space, const flow2_resource *resource,
                          pbx_rng *rng);
/* Proposes. */
void flow2_ask(flow2 *search, const flow2_space *space, const flow2_resource *resource,
               pbx_rng *rng, flow2_trial *trial);
/* A proposal that was made elsewhere, as by a former process, counts. */
void flow2_count_ask(flow2 *search, const flow2_resource *resource);
/* A trial ended; loss INFINITY: it failed. 1: it is the incumbent now. */
int flow2_tell(flow2 *search, const flow2_resource *resource, const flow2_trial *trial, double loss,
               double cost);
/* Nothing more will come of it. */
int flow2_has_converged(const flow2 *search, const flow2_space *space);
void flow2_state(flow2 *search, pbx_blob *blob);
void flow2_trial_state(flow2_trial *trial, size_t n, pbx_blob *blob);

#endif
