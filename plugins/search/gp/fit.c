/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/gp: the kernel's parameters, as the trials make them likely (maximum a posteriori). It
 * always begins at the same places, so that the same trials give the same parameters whenever they
 * are found.
 */
#include <nlopt.h>

#include "model.h"

#define MAX_EVALUATIONS 100
#define TOLERANCE       1e-4
/* Bounds of the logarithms. */
#define MAX_LOG_WEIGHT 8.0
#define MAX_LOG_SCALE  6.0
#define MAX_LOG_NOISE  1.0

/* ---- What is minimised ---- */

int
gp_likelihood_make(pbx_instance *self, gp_memory *memory, const gp_observations *observations,
                   double noise, gp_likelihood *likelihood)
{
    const size_t n = observations->n, stride = gp_stride(n);
    memset(likelihood, 0, sizeof *likelihood);
    likelihood->self = self;
    likelihood->observations = observations;
    likelihood->n_dims = self->n_dims;
    likelihood->n = n;
    likelihood->stride = stride;
    likelihood->noise = noise;
    likelihood->n_parameters = self->n_dims + 1 + (isnan(noise) ? 1 : 0);
    likelihood->matrix = gp_reals(memory, n * stride);
    likelihood->slopes = gp_reals(memory, n * stride);
    likelihood->alpha = gp_reals(memory, stride);
    likelihood->weights = gp_reals(memory, self->n_dims);
    likelihood->best = gp_reals(memory, likelihood->n_parameters);
    likelihood->best_value = (double)INFINITY;
    return likelihood->matrix && likelihood->slopes && likelihood->alpha && likelihood->weights &&
           likelihood->best;
}

static double
squared_difference(const gp_likelihood *likelihood, size_t i, size_t k, size_t dim)
{
    const double *const *u = (const double *const *)likelihood->observations->u;
    const double difference = u[i][dim] - u[k][dim];
    if (likelihood->self->axes[dim].is_category)
        return difference != 0;
    return difference * difference;
}

/* The lower triangle is what is factored; the upper one keeps the kernel's values. */
static void
fill(double *matrix, void *user)
{
    gp_likelihood *likelihood = user;
    const size_t stride = likelihood->stride;
    for (size_t k = 0; k < likelihood->n; k++) {
        for (size_t i = k + 1; i < likelihood->n; i++) {
            double r2 = 0;
            for (size_t j = 0; j < likelihood->n_dims; j++)
                r2 += likelihood->weights[j] * squared_difference(likelihood, i, k, j);
            matrix[k * stride + i] = matrix[i * stride + k] =
                gp_matern(likelihood->scale, r2, &likelihood->slopes[k * stride + i]);
        }
        matrix[k * stride + k] = likelihood->scale + likelihood->noise_here;
    }
}

/* The marginal likelihood's derivatives by the logarithms of weights and scale, and by the noise.
 * The matrix is now K's inverse, in its lower triangle. */
static void
add_gradient(const gp_likelihood *likelihood, double *weights, double *scale, double *noise)
{
    const double *alpha = likelihood->alpha;
    const size_t stride = likelihood->stride;
    for (size_t k = 0; k < likelihood->n; k++) {
        const double *column = likelihood->matrix + k * stride;
        const double own = (alpha[k] * alpha[k] - column[k]) / 2;
        *noise += own;
        *scale += own * likelihood->scale;
        for (size_t i = k + 1; i < likelihood->n; i++) {
            const double both = alpha[i] * alpha[k] - column[i];
            const double slope = both * likelihood->slopes[k * stride + i];
            *scale += both * likelihood->matrix[i * stride + k];
            for (size_t j = 0; j < likelihood->n_dims; j++)
                weights[j] += slope * squared_difference(likelihood, i, k, j);
        }
    }
    for (size_t j = 0; j < likelihood->n_dims; j++)
        weights[j] *= likelihood->weights[j];
}

/* Of y = factor factor' alpha. */
static double
log_marginal(gp_likelihood *likelihood)
{
    const size_t n = likelihood->n, stride = likelihood->stride;
    double sum = -0.5 * (double)n * 1.8378770664093453;
    for (size_t i = 0; i < n; i++)
        likelihood->alpha[i] = likelihood->observations->y[i];
    gp_solve(likelihood->matrix, n, stride, likelihood->alpha, 1);
    for (size_t i = 0; i < n; i++)
        sum -= likelihood->alpha[i] * likelihood->alpha[i] / 2 +
               log(likelihood->matrix[i * stride + i]);
    gp_solve_back(likelihood->matrix, n, stride, likelihood->alpha);
    return sum;
}

/*
 * The prior's logarithm, and its derivatives added. The length scale of a number has a Gamma
 * distribution of mean 1/2 of the range; without it a model of few trials takes what it has not
 * seen yet for flat. A choice's weight is near 1.
 */
static double
log_prior(const gp_likelihood *likelihood, double *gradient)
{
    const size_t n_dims = likelihood->n_dims;
    const double scale = likelihood->scale, noise = likelihood->noise_here;
    double sum = log(scale) - scale;
    for (size_t j = 0; j < n_dims; j++) {
        const double weight = likelihood->weights[j], length = 1 / sqrt(weight);
        if (likelihood->self->axes[j].is_category) {
            sum -= 0.1 * (1 / weight + weight);
            gradient[j] -= 0.1 * (weight - 1 / weight);
        } else {
            sum += 2 * log(length) - 6 * length;
            gradient[j] += 3 * length - 1;
        }
    }
    gradient[n_dims] += 1 - scale;
    if (isnan(likelihood->noise)) {
        sum += 0.1 * log(noise) - 30 * noise;
        gradient[n_dims + 1] += 0.1 / noise - 30;
    }
    return sum;
}

double
gp_likelihood_at(gp_likelihood *likelihood, const double *parameters, double *gradient)
{
    const size_t n_dims = likelihood->n_dims, n_parameters = likelihood->n_parameters;
    const int fits_noise = isnan(likelihood->noise);
    const double extra = fits_noise ? exp(parameters[n_dims + 1]) : 0;
    double value, unused = 0;
    for (size_t j = 0; j < n_dims; j++)
        likelihood->weights[j] = exp(parameters[j]);
    likelihood->scale = exp(parameters[n_dims]);
    likelihood->noise_here = fits_noise ? GP_LEAST_NOISE + extra : likelihood->noise;
    for (size_t j = 0; j < n_parameters; j++)
        gradient[j] = 0;
    if (!gp_factor(likelihood->matrix, likelihood->n, likelihood->stride, likelihood->scale, fill,
                   likelihood))
        return 1e10;
    likelihood->log_marginal = value = log_marginal(likelihood);
    gp_invert(likelihood->matrix, likelihood->n, likelihood->stride);
    add_gradient(likelihood, gradient, &gradient[n_dims],
                 fits_noise ? &gradient[n_dims + 1] : &unused);
    value += log_prior(likelihood, gradient);
    if (fits_noise)
        gradient[n_dims + 1] *= extra;
    for (size_t j = 0; j < n_parameters; j++)
        gradient[j] = -gradient[j];
    return -value;
}

/* ---- Its minimum ---- */

static double
evaluate(unsigned n, const double *parameters, double *gradient, void *user)
{
    gp_likelihood *likelihood = user;
    const pbx_host *host = likelihood->self->base.host;
    double unused[256], *into = gradient;
    double value;
    if (!into)
        into = n <= sizeof(unused) / sizeof(*unused) ? unused : likelihood->alpha;
    value = gp_likelihood_at(likelihood, parameters, into);
    if (value < likelihood->best_value) {
        likelihood->best_value = value;
        memcpy(likelihood->best, parameters, n * sizeof(double));
    }
    if (host->cancelled(host)) {
        likelihood->cancelled = 1;
        nlopt_force_stop(likelihood->optimizer);
    }
    return value;
}

static int
minimise(gp_likelihood *likelihood, double *parameters, const double *low, const double *high)
{
    double value;
    nlopt_opt optimizer = nlopt_create(NLOPT_LD_LBFGS, (unsigned)likelihood->n_parameters);
    if (!optimizer)
        return 0;
    likelihood->optimizer = optimizer;
    nlopt_set_min_objective(optimizer, evaluate, likelihood);
    nlopt_set_lower_bounds(optimizer, low);
    nlopt_set_upper_bounds(optimizer, high);
    nlopt_set_ftol_abs(optimizer, TOLERANCE);
    nlopt_set_maxeval(optimizer, MAX_EVALUATIONS);
    /* However it ends, the best that was seen counts. */
    nlopt_optimize(optimizer, parameters, &value);
    nlopt_destroy(optimizer);
    return 1;
}

/* From there. */
static void
begin(const gp_likelihood *likelihood, double log_weight, double *parameters)
{
    for (size_t j = 0; j < likelihood->n_dims; j++)
        parameters[j] = log_weight;
    parameters[likelihood->n_dims] = 0;
    if (isnan(likelihood->noise))
        parameters[likelihood->n_dims + 1] = log(1e-2);
}

static void
take(const gp_likelihood *likelihood, gp_fit *fit)
{
    const double *best = likelihood->best;
    for (size_t j = 0; j < likelihood->n_dims; j++)
        fit->weights[j] = exp(best[j]);
    fit->scale = exp(best[likelihood->n_dims]);
    fit->noise = isnan(likelihood->noise) ? GP_LEAST_NOISE + exp(best[likelihood->n_dims + 1])
                                          : likelihood->noise;
}

pbx_status
gp_fit_make(pbx_instance *self, const gp_observations *observations, double noise, gp_fit *fit,
            double *value, pbx_error *error)
{
    static const double starts[] = {0, 2.5};
    gp_memory memory = {self, NULL};
    gp_likelihood likelihood;
    double *parameters = gp_reals(&memory, self->n_dims + 2);
    double *low = gp_reals(&memory, self->n_dims + 2), *high = gp_reals(&memory, self->n_dims + 2);
    int ok = parameters && low && high &&
             gp_likelihood_make(self, &memory, observations, noise, &likelihood);
    if (ok) {
        for (size_t j = 0; j <= self->n_dims; j++)
            low[j] = -(high[j] = j < self->n_dims ? MAX_LOG_WEIGHT : MAX_LOG_SCALE);
        low[self->n_dims + 1] = log(GP_LEAST_NOISE);
        high[self->n_dims + 1] = MAX_LOG_NOISE;
        begin(&likelihood, 0, likelihood.best);
    }
    for (size_t i = 0; ok && !likelihood.cancelled && i < sizeof(starts) / sizeof(*starts); i++) {
        begin(&likelihood, starts[i], parameters);
        ok = minimise(&likelihood, parameters, low, high);
    }
    if (ok && !likelihood.cancelled) {
        take(&likelihood, fit);
        *value = -likelihood.best_value;
    }
    gp_memory_free(&memory);
    if (!ok)
        return pbx_fail_memory(error);
    return likelihood.cancelled ? pbx_fail(error, PBX_ECANCELLED, NULL, "given up") : PBX_OK;
}
