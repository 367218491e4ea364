/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/cmaes: what its files share. README.md names the papers. */
#ifndef CMAES_H
#define CMAES_H

#include <pegbox/helpers.h>

/* ---- Coordinates: axes.c ---- */

/* A parameter of the strategy. Its coordinate is its place in the range, in the logarithm where it
 * is drawn so, from 0 to 1; one without bounds has three standard deviations on both sides there.
 */
typedef struct cmaes_axis {
    const pbx_dim *dim;
    uint32_t at; /* in the space */
    pbx_scale scale;
    int whole; /* its values own cells */
} cmaes_axis;

cmaes_axis cmaes_axis_of(const pbx_dim *dim, uint32_t at);
int cmaes_axis_bounded(const cmaes_axis *axis);
double cmaes_axis_value(const cmaes_axis *axis, double place);
double cmaes_axis_place(const cmaes_axis *axis, double value);
/* The cell that the place lies in: limits that others lie behind, NaN where there are none. */
void cmaes_axis_cell(const cmaes_axis *axis, double place, double *low, double *high);

/* ---- Eigenvectors: eigen.c ---- */

/* Of a symmetric matrix [n][n], which is overwritten: each row of `vectors` is the one of the same
 * value. scratch has 3 n places. 0: it holds what is no number. */
int cmaes_eigen(double *a, size_t n, double *values, double *vectors, double *scratch);

/* ---- The strategy: strategy.c ---- */

typedef struct cmaes_strategy {
    size_t n;       /* coordinates */
    size_t lambda;  /* points of a generation */
    size_t mu;      /* those of them that the mean is made of */
    int separable;  /* the covariance is a diagonal */
    size_t lazy;    /* generations that share their eigenvectors */
    double *weight; /* [lambda] */
    double mueff, c_c, c_1, c_mu, c_sigma, d_sigma, chi;
    /* What it has learnt. */
    uint64_t generation;
    double sigma;
    double *mean, *p_sigma, *p_c; /* [n] */
    double *covariance;           /* [n][n], or [n] */
    double *vectors;              /* [n][n] of the covariance, a row each; separable: none */
    double *length;               /* [n] roots of its eigenvalues */
    double *spread;               /* [n] the margin: 1 but for whole values */
    int broken;                   /* it holds what is no number */
    /* Scratch. */
    double *normal, *rotated, *step, *matrix, *work;
    size_t n_allocated;
} cmaes_strategy;

/* Its constants and its memory; cmaes_start is to follow. */
pbx_status cmaes_strategy_make(pbx_instance *self, cmaes_strategy *strategy, size_t n,
                               size_t lambda, int separable, pbx_error *error);
/* A fresh start; covariance NULL: none, [n][n] else. */
void cmaes_start(cmaes_strategy *strategy, const double *mean, double sigma,
                 const double *covariance);
void cmaes_draw(cmaes_strategy *strategy, pbx_rng *rng, double *place);
/* C^(-1/2) y. Neither may be the other. */
void cmaes_whiten(cmaes_strategy *strategy, const double *y, double *white);
/* A place that was not drawn is brought as near to the mean as one that is. */
void cmaes_clip(cmaes_strategy *strategy, double *place);
/* The places of a generation, best first. */
void cmaes_update(cmaes_strategy *strategy, const double *const *places);
void cmaes_strategy_state(cmaes_strategy *strategy, pbx_blob *blob);
/* Axes whose values are whole keep a chance of another one: margin.c. */
void cmaes_margin(cmaes_strategy *strategy, const cmaes_axis *axes);

/* ---- Restarts: restart.c ---- */

enum { CMAES_NONE, CMAES_IPOP, CMAES_BIPOP };

typedef struct cmaes_restart {
    int rule; /* CMAES_NONE, ... */
    size_t lambda0, factor;
    double sigma0;
    /* What it knows. */
    uint64_t runs;     /* that ended */
    uint64_t enlarged; /* how often the size grew */
    uint32_t is_large; /* of this run */
    uint64_t small_spent, large_spent;
    double sigma; /* at this run's start */
    double *best; /* [span] of the last generations, as a ring */
    double *worst;
    size_t span;
    uint64_t n; /* generations that it was told of */
} cmaes_restart;

/* A run begins with this strategy. */
pbx_status cmaes_restart_begin(pbx_instance *self, cmaes_restart *restart,
                               const cmaes_strategy *strategy, pbx_error *error);
/* A generation ended. Why the run is over; NULL: it is not. */
const char *cmaes_restart_check(cmaes_restart *restart, const cmaes_strategy *strategy, double best,
                                double worst);
/* The size and step of the next run. */
void cmaes_restart_next(cmaes_restart *restart, const cmaes_strategy *strategy, pbx_rng *rng,
                        size_t *lambda, double *sigma);
void cmaes_restart_state(cmaes_restart *restart, pbx_blob *blob);

/* ---- Categories, and parameters within branches: inner.c ---- */

typedef struct cmaes_inner {
    size_t n;
    uint32_t *dims; /* [n] ascending */
    double *rows;   /* [n_rows][2 + n] loss, trial, then values; oldest first */
    size_t n_rows;
    uint64_t told;
    /* Scratch. */
    size_t *order;
    double *good, *bad, *width;
} cmaes_inner;

pbx_status cmaes_inner_make(pbx_instance *self, pbx_error *error);
/* Fills in those of x that are the sampler's: of so many draws the best one; 0: as their operators
 * say. */
void cmaes_inner_draw(pbx_instance *self, pbx_rng *rng, int n_candidates, double *x);
void cmaes_inner_tell(pbx_instance *self, uint64_t trial, double loss, const double *x);
/* 0: it is not known any more. */
int cmaes_inner_forget(pbx_instance *self, uint64_t trial);
void cmaes_inner_state(pbx_instance *self, pbx_blob *blob);

/* ---- The plugin: cmaes.c, generation.c ---- */

#define CMAES_N_SEEN 512

/* Not a generation's: the point of a user, or of another experiment. */
#define CMAES_NOT_DRAWN UINT64_MAX

/* A trial that has not ended. */
typedef struct cmaes_live {
    uint64_t generation; /* over all runs; 0: it is drawn anywhere; or CMAES_NOT_DRAWN */
    double numbers[];    /* its place, then its point */
} cmaes_live;

/* A point that has a loss. */
typedef struct cmaes_seen {
    uint64_t hash;
    double loss;
} cmaes_seen;

/* A result that waits for the update of its generation. */
typedef struct cmaes_result {
    uint64_t trial;
    double loss;
    int late; /* not drawn in this generation */
    double *place;
} cmaes_result;

struct pbx_instance {
    pbx_base base;
    /* Options. */
    double sigma0;
    uint64_t n_startup;
    size_t popsize; /* 0: by the number of parameters */
    int with_margin, use_early_stopped;
    int separable; /* -1: where there are many parameters */
    /* Of the problem. */
    const pbx_problem *problem;
    cmaes_axis *axes;
    size_t n_axes;
    double *first_mean; /* [n_axes] */
    int all_whole;      /* the strategy has few points to give */
    /* What it knows. */
    uint32_t begun; /* the first run */
    uint32_t warm;  /* it began with what others had found */
    uint32_t done;
    uint64_t generation;   /* over all runs, from 1 */
    uint64_t first_of_run; /* the first generation of this one */
    uint64_t asked;        /* the trial of the last suggestion */
    cmaes_strategy strategy;
    cmaes_restart restart;
    cmaes_inner inner;
    pbx_map live;        /* cmaes_live */
    cmaes_result *queue; /* [lambda] */
    size_t n_queue, n_late, queue_capacity;
    double *foreign; /* [n_foreign][1 + n_axes] loss, place; until it begins */
    size_t n_foreign, foreign_capacity;
    cmaes_seen *seen; /* [CMAES_N_SEEN] points that were told, as a ring; of whole values only */
    uint64_t n_seen;
    /* Scratch. */
    double *place;         /* [n_axes] */
    const double **sorted; /* [lambda] */
};

/* The place of a point. */
void cmaes_place(const pbx_instance *self, const double *x, double *place);

/* The first generation, from what is known by then; done once: generation.c. */
pbx_status cmaes_begin(pbx_instance *self, pbx_error *error);
/* A foreign result that came before it. */
pbx_status cmaes_keep_foreign(pbx_instance *self, double loss, const double *place,
                              pbx_error *error);
/* A result for the next update, which may come of it. */
pbx_status cmaes_take(pbx_instance *self, uint64_t trial, double loss, int late,
                      const double *place, pbx_error *error);
/* A result that was not used yet never was; 0: it is not among these. */
int cmaes_forget(pbx_instance *self, uint64_t trial);
/* The run that a stored state is of, then its results. */
void cmaes_run_state(pbx_instance *self, pbx_blob *blob);

/* A point: suggest.c. What it is known of goes into `live`. */
pbx_status cmaes_suggest(pbx_instance *self, uint64_t ask, double *x, cmaes_live *live,
                         pbx_error *error);
/* A point has that loss; or never had one. */
void cmaes_remember(pbx_instance *self, const double *x, double loss);
void cmaes_unremember(pbx_instance *self, const double *x);

#endif
