/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/gp: what the files of the module share. Matrices are stored column by column, of which the
 * lower triangle counts. */
#ifndef GP_MODEL_H
#define GP_MODEL_H

#include "gp.h"

#define GP_LEAST_NOISE 1e-6

/* ---- Memory of one call: memory.c ---- */

typedef struct gp_memory {
    pbx_instance *self;
    void *last; /* of a list */
} gp_memory;

/* n numbers, 0 at first, at an address that is a multiple of 64: what a library's sums come to may
 * depend on that. NULL: out of memory. */
double *gp_reals(gp_memory *memory, size_t n);
void gp_memory_free(gp_memory *memory);
/* Numbers in a column of n, so that columns begin alike too. */
size_t gp_stride(size_t n);

/* ---- Observations: observations.c ---- */

/* Of one output: the loss (output 0) or a constraint. */
typedef struct gp_observations {
    size_t n;
    const double **u; /* [n] where */
    double *y;        /* [n] larger is better (losses), mean 0 and deviation 1 */
    double zero;      /* what 0 is, on that scale */
    /* By which likelihoods on different scales are compared: of y by what was told. */
    double log_derivatives;
} gp_observations;

/* Of the first n_rows trials that ended. Infinite ones are as bad as the worst of the others.
 * warped: losses as logarithms. */
int gp_observe(const pbx_instance *self, gp_memory *memory, size_t n_rows, size_t output,
               int warped, gp_observations *observations);

/* ---- The kernel: kernel.c ---- */

/* Places by which kernels are taken: column j of `z` are the numbers of parameter j, each times
 * sqrt(weight). */
typedef struct gp_points {
    const pbx_instance *self;
    const double *weights; /* [n_dims] */
    double scale;
    size_t n, stride;
    double *root; /* [n_dims] */
    double *z;    /* [n_dims][stride] */
} gp_points;

int gp_points_make(const pbx_instance *self, gp_memory *memory, const double *weights, double scale,
                   const double *const *u, size_t n, gp_points *points);
/* Matern's 5/2 of a squared distance r2, and its derivative by r2; slope may be NULL. */
double gp_matern(double scale, double r2, double *slope);
/* k[i] of a place and each of the points; slope[i] too, unless NULL. */
void gp_kernel(const gp_points *points, const double *u, double *k, double *slope);

/* ---- Factors: factor.c ---- */

/* Cholesky's factor of a matrix whose largest number is about `scale`, in its place. What makes it
 * a little less than positive definite is added to the diagonal. Where it fails the matrix is made
 * again by `fill`. 0: it has no factor. */
int gp_factor(double *matrix, size_t n, size_t stride, double scale,
              void (*fill)(double *matrix, void *user), void *user);
/* factor^-1 of n_columns columns, in their place; gp_solve_back: its transpose's. */
void gp_solve(const double *factor, size_t n, size_t stride, double *columns, size_t n_columns);
void gp_solve_back(const double *factor, size_t n, size_t stride, double *column);
/* The inverse of the matrix, in the factor's place. */
void gp_invert(double *factor, size_t n, size_t stride);

/* ---- The fit: fit.c ---- */

/* Minus the logarithm of the posterior density of the parameters: ln weights, ln scale and, unless
 * it is fixed, ln(noise - GP_LEAST_NOISE). */
typedef struct gp_likelihood {
    pbx_instance *self;
    const gp_observations *observations;
    size_t n_dims, n, stride;
    double noise; /* NaN: it is a parameter */
    double *matrix, *slopes, *alpha, *weights;
    double scale, noise_here; /* where it was evaluated last */
    double log_marginal;
    /* The best so far. */
    double *best;
    double best_value;
    size_t n_parameters;
    int cancelled;
    void *optimizer;
} gp_likelihood;

int gp_likelihood_make(pbx_instance *self, gp_memory *memory, const gp_observations *observations,
                       double noise, gp_likelihood *likelihood);
double gp_likelihood_at(gp_likelihood *likelihood, const double *parameters, double *gradient);
/* Into fit. *value: the logarithm of the posterior density there. */
pbx_status gp_fit_make(pbx_instance *self, const gp_observations *observations, double noise,
                       gp_fit *fit, double *value, pbx_error *error);

/* ---- The posterior: surface.c ---- */

typedef struct gp_surface {
    gp_points points; /* n observations, then open ones */
    size_t n_observed;
    double noise;
    double *factor;
    double *alpha;         /* [n] */
    double *k, *slope, *v; /* [n] scratch */
} gp_surface;

/* open: known places without a number. They are taken to give the lie; NULL: what the model
 * believes. */
int gp_surface_make(const pbx_instance *self, gp_memory *memory, const gp_fit *fit,
                    const gp_observations *observations, const gp_rows *open, const double *lie,
                    gp_surface *surface);
/* Mean and standard deviation at a place; their derivatives, [n_dims] of numbers, unless NULL. */
void gp_surface_at(gp_surface *surface, const double *u, double *mean, double *sd, double *d_mean,
                   double *d_sd);
/* Of n places [n][n_dims]; block has n * stride numbers of scratch. */
void gp_surface_many(const gp_surface *surface, const double *u, size_t n, double *block,
                     double *mean, double *sd);

/* ---- Acquisition: acquisition.c ---- */

double gp_erfcx(double t);
/* ln Phi(z). */
double gp_log_normal_cdf(double z);
/* ln(phi(z) + z Phi(z)). */
double gp_log_h(double z);

/* The functions that are maximised: of a place's mean and deviation, and their derivatives. */
typedef struct gp_acquisition {
    int kind; /* GP_LOGEI, ... */
    double kappa, xi;
    double best;
    int has_best; /* else constraints alone count: nothing feasible is known */
} gp_acquisition;

double gp_acquire(const gp_acquisition *acquisition, double mean, double sd, double *d_mean,
                  double *d_sd);
/* ln of the probability that a constraint is kept. */
double gp_feasible(double zero, double mean, double sd, double *d_mean, double *d_sd);

/* ---- All together: landscape.c ---- */

typedef struct gp_landscape {
    pbx_instance *self;
    gp_memory memory;
    gp_acquisition acquisition;
    size_t n_surfaces;
    gp_surface *surfaces;  /* of the loss, and of each constraint */
    double *zeros;         /* [n_surfaces] */
    double *d_mean, *d_sd; /* [n_dims] scratch */
    double *block;
    double *incumbent; /* the best place, or NULL */
    int cancelled;
} gp_landscape;

pbx_status gp_landscape_make(pbx_instance *self, gp_landscape *landscape, pbx_error *error);
void gp_landscape_free(gp_landscape *landscape);
/* How much is expected of a place, a logarithm but with ucb; its derivative unless NULL. */
double gp_landscape_at(gp_landscape *landscape, const double *u, double *gradient);
/* Of n places. */
void gp_landscape_many(gp_landscape *landscape, const double *u, size_t n, double *values);

/* ---- Climbing: climb.c ---- */

/* Moves the place to a better one nearby, as far up as it goes; its value. */
double gp_climb(gp_landscape *landscape, double *u, double value);

/* ---- Suggestions: propose.c ---- */

pbx_status gp_propose(pbx_instance *self, uint64_t ask, double *u, int *known, pbx_error *error);

#endif
