/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/bohb: what its files share. README.md names the papers. */
#ifndef BOHB_H
#define BOHB_H

#include <pegbox/helpers.h>

/* ---- Options ---- */

typedef struct bohb_rules {
    size_t min_points; /* of each side, and of a budget that is modelled; above the dimensions */
    size_t top_percent;
    size_t n_candidates;
    double random_fraction;
    double bandwidth_factor;
    double min_bandwidth;
    size_t max_history; /* points that are kept of a budget; 0: all */
} bohb_rules;

/* ---- Densities: density.c ---- */

/* Points in the unit cube, but for categories, which are indexes; each has all dimensions. */
typedef struct bohb_density {
    const pbx_space *space;
    size_t n, capacity; /* points; of them there is room for */
    double *places;     /* [n][n_dims] */
    double *width;      /* [n_dims] of the kernels */
    double *hit, *miss; /* [n_dims] of a category: logarithms of the probabilities */
    double *sum;        /* [n] scratch */
    uint32_t *owners;   /* [n] scratch */
    double constant;    /* what the logarithms of all kernels have in common */
} bohb_density;

/* Where a value lies; NaN where it is inactive. */
double bohb_place(const pbx_dim *dim, double value);
/* For n points at least. */
pbx_status bohb_density_reserve(pbx_instance *self, bohb_density *density, const pbx_space *space,
                                size_t n, pbx_error *error);
/* Of n points, which lie `stride` numbers apart, and may lack dimensions: these are filled in. */
void bohb_density_fit(bohb_density *density, const bohb_rules *rules, const double *points,
                      size_t stride, size_t n, pbx_rng *rng);
/* The logarithm at a place. */
double bohb_density_log(const bohb_density *density, const double *place);
/* A place near one of the points. */
void bohb_density_draw(const bohb_density *density, const bohb_rules *rules, pbx_rng *rng,
                       double *place);

/* ---- What is known: history.c ---- */

typedef struct bohb_point {
    uint64_t trial; /* PBX_NONE: of elsewhere */
    uint64_t number;
    double loss; /* INFINITY: it failed, or came no farther */
} bohb_point;

/* Results of one budget, best first. */
typedef struct bohb_budget {
    double budget; /* INFINITY: of trials that are complete */
    size_t n, capacity;
    bohb_point *points;
    double *rows; /* [n][2][n_dims]: the values, then their places */
} bohb_budget;

/* Of a trial that has not ended. */
typedef struct bohb_trial {
    uint32_t counts; /* the limit is about it */
    uint32_t paused;
    double x[]; /* [n_dims] */
} bohb_trial;

/* What other budgets there are beside these, the smallest are forgotten. */
#define BOHB_MOST_BUDGETS ((size_t)64)

typedef struct bohb_history {
    bohb_budget budgets[BOHB_MOST_BUDGETS]; /* ascending */
    size_t n_budgets;
    uint64_t next_number;
    pbx_map live; /* bohb_trial */
} bohb_history;

/* The good and the bad points of a budget: the first ones, and those behind. */
typedef struct bohb_split {
    size_t n_good, n_bad;
} bohb_split;

/* 0: there are too few for a model. */
int bohb_budget_split(const pbx_instance *self, const bohb_budget *budget, bohb_split *split);
/* The largest budget that has a model; NULL: none. */
const bohb_budget *bohb_best_budget(const pbx_instance *self, bohb_split *split);
pbx_status bohb_history_start(pbx_instance *self, uint64_t trial, const double *x, int counts,
                              pbx_error *error);
/* A result at a budget, in place of the trial's that is there. */
pbx_status bohb_history_add(pbx_instance *self, double budget, uint64_t trial, const double *x,
                            double loss, pbx_error *error);
/* A trial ends. */
pbx_status bohb_history_end(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error);
/* A trial never was. */
void bohb_history_forget(pbx_instance *self, uint64_t trial);
/* Whether a trial that is known has this point. */
int bohb_history_has(const pbx_instance *self, const double *x);
/* Trials that the limit is about. */
uint64_t bohb_history_running(const pbx_instance *self);
void bohb_history_state(pbx_instance *self, pbx_blob *blob);

/* ---- Suggestions: propose.c ---- */

struct pbx_instance {
    pbx_base base;
    bohb_rules rules;
    int64_t min_points_given;
    const pbx_problem *problem;
    size_t n_dims;
    uint64_t asked; /* the trial of the last suggestion */
    bohb_history history;
    bohb_density good, bad;
    double *candidate, *chosen; /* [n_dims] scratch: places */
    double *row;                /* [n_dims] scratch */
};

/* A point for the ask-th suggestion. */
pbx_status bohb_propose(pbx_instance *self, uint64_t ask, double *x, pbx_error *error);

#endif
