/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/tpe: what its files share. README.md names the papers. */
#ifndef TPE_H
#define TPE_H

#include <pegbox/helpers.h>

/* ---- Options ---- */

enum { TPE_NEIGHBOURS, TPE_NEIGHBOURS_AND_PRIOR, TPE_SCOTT };

typedef struct tpe_rules {
    double prior_weight;
    double gamma;
    int square_root;  /* below is a part of the square root of the trials */
    size_t max_below; /* 0: without bound */
    int magic_clip;
    int endpoints;
    int bandwidth; /* TPE_NEIGHBOURS, ... */
    int multivariate, multivariate_given, group, constant_liar;
    size_t n_startup, n_candidates;
    size_t max_history; /* trials that are above; 0: all */
} tpe_rules;

/* ---- A parameter as the model sees it: parzen.c ---- */

enum {
    TPE_PLAIN,    /* a density on the scale */
    TPE_CELLS,    /* masses of the intervals that the values own there */
    TPE_CATEGORY, /* probabilities of the choices */
    TPE_UNFIT     /* has no width, or more than a double holds: drawn, not modelled */
};

typedef struct tpe_axis {
    const pbx_dim *dim;
    pbx_scale scale;
    int kind;
    double center, width; /* of the prior's kernel; no kernel is wider */
} tpe_axis;

tpe_axis tpe_axis_of(const pbx_dim *dim);
/* Where a value lies on the scale, within its bounds; a category's index. */
double tpe_axis_place(const tpe_axis *axis, double value);

/* ---- The Parzen estimator of a block of parameters: parzen.c ---- */

/* The constant of a kernel's logarithm, remembered for the width that it was made for. */
typedef struct tpe_memo {
    double sigma, constant;
} tpe_memo;

/* Of whole values, where many kernels are the same. */
typedef struct tpe_kernel {
    double mean, inverse, log_sigma;
    double term; /* scratch */
} tpe_kernel;

/* One parameter's part of the kernels. The last kernel is the prior. */
typedef struct tpe_column {
    const tpe_axis *axis;
    double *mean;        /* [n] on the scale; a category's index */
    double *sigma;       /* [n] */
    uint32_t *alike;     /* [n] cells: kernels of one number are the same */
    tpe_kernel *kernels; /* [n_alike] by that number */
    size_t n_alike;
    double hit, miss, prior; /* categories: logarithms of the probabilities */
    double spread;           /* categories: the part of a kernel that is for all choices */
} tpe_column;

/* Weighted kernels: w_1 k_1(x) + ... + w_n k_n(x), each a product over the columns. */
typedef struct tpe_mixture {
    size_t n;         /* kernels, the prior's included */
    size_t n_columns; /* those in use */
    size_t n_plain;   /* of these */
    size_t n_allocated, capacity, n_packed;
    tpe_column *columns;
    double *packed;     /* of the plain columns, as tpe_subtract_squares reads them */
    double *place;      /* [n_columns] scratch, of the plain columns */
    double *weight;     /* [n] add up to 1 */
    double *log_weight; /* [n] */
    double *base;       /* [n] logarithm of the weight and all constants */
    double *sum;        /* [n] scratch */
    double *width;      /* [n] scratch */
    double *sorted;     /* [n] scratch */
} tpe_mixture;

/* How many of n trials are below. */
size_t tpe_split(const tpe_rules *rules, uint64_t n);
/* The weight of the i-th oldest of n observations: the newest 25 have 1. */
double tpe_age_weight(size_t i, size_t n);
/* Widths of the kernels at n sorted places, of a block of n_columns. */
void tpe_bandwidths(const tpe_axis *axis, const tpe_rules *rules, size_t n_columns,
                    const double *sorted, size_t n, double *sigma);

/* A mixture of n observations, oldest first, whose columns are to be filled in. */
pbx_status tpe_mixture_begin(pbx_instance *self, tpe_mixture *mixture, const tpe_rules *rules,
                             size_t n_columns, size_t n, pbx_error *error);
/* Its i-th column: places of the observations, and their order from the smallest place (NULL for
 * a category). memo[slots[k]] is of the k-th observation; NULL: none. */
void tpe_mixture_fill(tpe_mixture *mixture, const tpe_rules *rules, size_t i, const tpe_axis *axis,
                      const double *places, const uint32_t *order, tpe_memo *memo,
                      const uint32_t *slots);
/* Normal numbers, which come in pairs. */
typedef struct tpe_normals {
    pbx_rng *rng;
    double spare;
    int has_spare;
} tpe_normals;
/* One draw: a value for each column. */
void tpe_mixture_draw(const tpe_mixture *mixture, tpe_normals *normals, double *values);
/* The logarithm of its density there (on the scales; of its mass where values are whole). */
double tpe_mixture_log(tpe_mixture *mixture, const double *values);

/* ---- Loops over all kernels: sums.c ---- */

/* Kernels are worked on by so many at once; what is behind the last is 0 (`sum`: -INFINITY). */
#define TPE_PAD ((size_t)4)

/*
 * sum[i] = base[i] - ((x[k] - mean[i][k]) * scale[i][k])^2 for each column k, for n kernels padded.
 * `packed` has for each TPE_PAD kernels, and each of `stride` columns, their means and scales.
 */
void tpe_subtract_squares(double *sum, const double *base, const double *packed, size_t stride,
                          const double *x, size_t n_columns, size_t n);
/* ln(exp(sum[0]) + ... + exp(sum[n - 1])), n padded. */
double tpe_log_sum(const double *sum, size_t n);

/* ---- Trials: history.c ---- */

enum { TPE_RUNNING, TPE_COMPLETE, TPE_STOPPED, TPE_INFEASIBLE, TPE_BAD };

typedef struct tpe_row {
    uint64_t trial;
    uint64_t number; /* grows with time */
    double loss;     /* of an infeasible one: how much it violates in all */
    double step;
    uint32_t rank;   /* TPE_COMPLETE, ... */
    uint32_t marked; /* scratch */
} tpe_row;

/* Of one parameter. */
typedef struct tpe_track {
    double *place;    /* [capacity] by slot; NaN: inactive */
    tpe_memo *memo;   /* [capacity] */
    uint32_t *sorted; /* [n] slots of rows where it is active, by place, then number */
    size_t n;
} tpe_track;

typedef struct tpe_history {
    size_t n_dims, n_losses, capacity;
    size_t keep;        /* of the best, however old; 0: nothing is ever dropped */
    size_t max_history; /* of the newest */
    uint64_t told;      /* trials that ended, dropped ones too, void ones not */
    uint64_t next_number;
    tpe_row *rows;  /* [capacity] by slot */
    double *x;      /* [capacity][n_dims] */
    double *losses; /* [capacity][n_losses], of several; else NULL */
    tpe_track *tracks;
    uint32_t *time; /* ended ones, oldest first */
    uint32_t *best; /* the same, best first; of several losses complete ones oldest first */
    size_t n_ended;
    uint32_t *running; /* oldest first */
    size_t n_running;
    uint32_t *unused;
    size_t n_unused;
} tpe_history;

/* A trial begins at x, or is altered to it. */
pbx_status tpe_history_start(pbx_instance *self, uint64_t trial, const double *x, pbx_error *error);
/* A running one never was. */
void tpe_history_cancel(pbx_instance *self, uint64_t trial);
/* A trial ends; it need not be known. */
pbx_status tpe_history_end(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error);
/* One that ended never did. */
void tpe_history_void(pbx_instance *self, uint64_t trial);
/* front.c: marks `wanted` trials that ended, the best ones; what is bad is none of them. */
pbx_status tpe_mark_best(pbx_instance *self, size_t wanted, pbx_error *error);
/* Whether a kept or running trial is at this point. */
int tpe_history_has(const pbx_instance *self, const double *x);
/* For save and load. */
void tpe_history_state(pbx_instance *self, pbx_blob *blob);

/* ---- Suggestions: propose.c ---- */

/* Parameters that are active together, and modelled together. */
typedef struct tpe_block {
    const uint32_t *dims; /* ascending */
    size_t n;
} tpe_block;

/* Some trials, oldest first. */
typedef struct tpe_side {
    uint32_t *slots;
    size_t n;
    double *places;  /* scratch: of these */
    uint32_t *order; /* scratch: their order by place */
    size_t n_order;
    tpe_mixture mixture;
} tpe_side;

struct pbx_instance {
    pbx_base base;
    tpe_rules rules;
    tpe_history history;
    const pbx_problem *problem;
    uint64_t asked; /* the trial of the last suggestion */
    /* Of the problem. */
    tpe_axis *axes;
    tpe_block *blocks;
    size_t n_blocks;
    uint32_t *block_dims;
    double *candidate, *chosen; /* [n_dims] scratch */
    /* Scratch of the history's capacity. */
    size_t capacity;
    tpe_side below, above, below_here, above_here;
    uint32_t *side, *position; /* by slot, of the block: 1 below, 2 above; and where there */
};

/* The blocks of a space. */
pbx_status tpe_blocks_make(pbx_instance *self, pbx_error *error);
/* A point for the ask-th suggestion. */
pbx_status tpe_propose(pbx_instance *self, uint64_t ask, double *x, pbx_error *error);

#endif
