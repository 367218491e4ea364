/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/gp: what is expected of a place, from the mean and the deviation there. */
#include "model.h"

#define ROOT_HALF     0.7071067811865476
#define ROOT_HALF_PI  1.2533141373155003
#define HALF_LOG_2_PI 0.9189385332046727
#define LOG_2         0.6931471805599453

double
gp_erfcx(double t)
{
    const double s = 1 / (t * t);
    if (t < 20)
        return exp(t * t) * erfc(t);
    return (1 - s / 2 + 3 * s * s / 4 - 15 * s * s * s / 8 + 105 * s * s * s * s / 16) /
           (t * 1.7724538509055161);
}

double
gp_log_normal_cdf(double z)
{
    if (z > 6)
        return -pbx_normal_cdf(-z);
    if (z > -20)
        return log(erfc(-z * ROOT_HALF)) - LOG_2;
    return log(gp_erfcx(-z * ROOT_HALF)) - LOG_2 - z * z / 2;
}

double
gp_log_h(double z)
{
    if (z > -5)
        return log(exp(-z * z / 2 - HALF_LOG_2_PI) + z * pbx_normal_cdf(z));
    if (z < -1e6)
        return -z * z / 2 - HALF_LOG_2_PI - 2 * log(-z);
    return -z * z / 2 - HALF_LOG_2_PI + log1p(ROOT_HALF_PI * z * gp_erfcx(-z * ROOT_HALF));
}

static double
log_density(double z)
{
    return -z * z / 2 - HALF_LOG_2_PI;
}

static double
expected_improvement(double z, double sd, double *d_mean, double *d_sd)
{
    const double log_h = gp_log_h(z);
    *d_mean = exp(gp_log_normal_cdf(z) - log_h) / sd;
    *d_sd = exp(log_density(z) - log_h) / sd;
    return log(sd) + log_h;
}

static double
log_probability(double z, double sd, double sign, double *d_mean, double *d_sd)
{
    const double log_cdf = gp_log_normal_cdf(z);
    const double slope = exp(log_density(z) - log_cdf) / sd;
    *d_mean = sign * slope;
    *d_sd = -z * slope;
    return log_cdf;
}

double
gp_acquire(const gp_acquisition *acquisition, double mean, double sd, double *d_mean, double *d_sd)
{
    const double xi = acquisition->kind == GP_LOGEI ? 0 : acquisition->xi;
    const double z = (mean - acquisition->best - xi) / sd;
    switch (acquisition->kind) {
    case GP_UCB:
        *d_mean = 1;
        *d_sd = acquisition->kappa;
        return mean + acquisition->kappa * sd;
    case GP_PI:
        return log_probability(z, sd, 1, d_mean, d_sd);
    default:
        return expected_improvement(z, sd, d_mean, d_sd);
    }
}

double
gp_feasible(double zero, double mean, double sd, double *d_mean, double *d_sd)
{
    return log_probability((zero - mean) / sd, sd, -1, d_mean, d_sd);
}
