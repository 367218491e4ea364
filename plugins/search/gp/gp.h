/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/gp: what its files share. The plugin itself keeps the trials; the model is in a module of
 * its own, which is loaded where a space is set up: the libraries behind it take longer to load
 * than all other plugins together. README.md names the papers.
 */
#ifndef GP_H
#define GP_H

#include <pegbox/helpers.h>

/* ---- Options ---- */

enum { GP_LOGEI, GP_EI, GP_PI, GP_UCB };
enum { GP_BELIEVER, GP_MIN, GP_MEAN, GP_MAX };

typedef struct gp_rules {
    size_t n_startup;
    int acquisition; /* GP_LOGEI, ... */
    double kappa, xi;
    double noise; /* NaN: fitted */
    int liar;     /* GP_BELIEVER, ... */
    int use_early_stopped;
    int warp;
    size_t n_candidates, n_searches;
    size_t max_history;
    uint64_t patience; /* 0: without end */
    int skip_duplicate;
} gp_rules;

/* ---- A parameter as the model sees it ---- */

typedef struct gp_axis {
    const pbx_dim *dim;
    int is_category;
    double n_values; /* of whole values and choices; 0: continuous, or without bounds */
} gp_axis;

/* Where a point lies in the model: a number in [0, 1], a choice as its index. What is inactive is
 * in the middle, or a choice of its own, wherever it is inactive. */
void gp_place(const pbx_space *space, const double *x, double *u);
/* The point at a place, whose own place u then is: whole values are in the middle of what they
 * own, and inactive parameters where they belong. */
void gp_settle(const pbx_space *space, double *u, double *x);

/* ---- Trials: trials.c ---- */

enum { GP_COUNTS, GP_LEFT_OUT }; /* in the model, or only known */

typedef struct gp_row {
    uint64_t trial;
    uint32_t kind;
    double loss;        /* +INFINITY: none */
    double *violations; /* [n_constraints] the same; NaN: nobody knows */
    double *u;          /* [n_dims] */
} gp_row;

typedef struct gp_rows {
    gp_row **items;
    size_t n, capacity;
} gp_rows;

typedef struct gp_trials {
    gp_rows ended;   /* in the order in which they ended */
    gp_rows running; /* by number */
    uint64_t told;   /* trials that ended */
    /* The model is fitted to the first so many of those that ended, which is what there was when
     * `told` came to `next_fit` last. So a fit tells of trials alone, not of when it was made. */
    size_t n_fit;
    uint64_t next_fit;
} gp_trials;

pbx_status gp_trials_start(pbx_instance *self, uint64_t trial, const double *x, pbx_error *error);
void gp_trials_cancel(pbx_instance *self, uint64_t trial);
pbx_status gp_trials_end(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error);
void gp_trials_void(pbx_instance *self, uint64_t trial);
/* Whether one of the rows is at this place, or as near as makes no difference. */
int gp_rows_have(const pbx_instance *self, const gp_rows *rows, const double *u);
void gp_trials_state(pbx_instance *self, pbx_blob *blob);

/* ---- The model: the module ---- */

/* What a fit finds: of the loss, or of a constraint. */
typedef struct gp_fit {
    double *weights; /* [n_dims] 1 / lengthscale^2 */
    double scale;
    double noise;
    int warped; /* it is of logarithms */
} gp_fit;

/* What the module's one symbol is. */
#define GP_MODEL_SYMBOL  "gp_model"
#define GP_MODEL_VERSION 1u
typedef struct gp_model_calls {
    uint32_t version;
    uint32_t instance_size; /* of the struct that both were built with */
    /* Makes self->fits of the first n_fit trials. */
    pbx_status (*fit)(pbx_instance *self, pbx_error *error);
    /* The place that the model proposes, for the ask-th suggestion. *known: the best one there is
     * has been tried. */
    pbx_status (*propose)(pbx_instance *self, uint64_t ask, double *u, int *known,
                          pbx_error *error);
} gp_model_calls;

/* Loads it, once a process. NULL: the error says why. */
const gp_model_calls *gp_model_load(pbx_error *error);

struct pbx_instance {
    pbx_base base;
    gp_rules rules;
    gp_trials trials;
    const gp_model_calls *model;
    uint64_t asked;   /* the trial of the last suggestion */
    uint64_t repeats; /* suggestions in a row for which the best place had been tried */
    /* Of the problem. */
    const pbx_space *space;
    size_t n_dims, n_constraints;
    gp_axis *axes;
    double *place; /* [n_dims] scratch */
    gp_fit *fits;  /* [1 + n_constraints] */
    int is_fitted; /* to the first n_fit trials */
};

#endif
