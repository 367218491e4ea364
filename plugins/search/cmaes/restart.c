/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/cmaes: when a run has converged or gone astray, and what the next one is like. */
#include "cmaes.h"

/* Runs of more points a generation than this would never end. */
#define MOST_POINTS 100000

pbx_status
cmaes_restart_begin(pbx_instance *self, cmaes_restart *restart, const cmaes_strategy *strategy,
                    pbx_error *error)
{
    const size_t n = strategy->n, lambda = strategy->lambda;
    restart->span = 10 + (30 * n + lambda - 1) / lambda;
    restart->n = 0;
    restart->sigma = strategy->sigma;
    pbx_free(self, restart->best);
    pbx_free(self, restart->worst);
    restart->best = pbx_alloc_array(self, restart->span, sizeof(double));
    restart->worst = pbx_alloc_array(self, restart->span, sizeof(double));
    return restart->best && restart->worst ? PBX_OK : pbx_fail_memory(error);
}

static int
is_flat(const cmaes_restart *restart)
{
    double least = (double)INFINITY, most = -(double)INFINITY;
    if (restart->n < restart->span)
        return 0;
    for (size_t i = 0; i < restart->span; i++) {
        least = fmin(least, restart->best[i]);
        most = fmax(most, restart->worst[i]);
    }
    return least == most || most - least < 1e-12;
}

static int
is_narrow(const cmaes_restart *restart, const cmaes_strategy *s)
{
    const double least = 1e-12 * restart->sigma;
    for (size_t i = 0; i < s->n; i++) {
        const double variance = s->covariance[s->separable ? i : i * s->n + i];
        if (s->sigma * variance >= least || s->sigma * fabs(s->p_c[i]) >= least)
            return 0;
    }
    return 1;
}

/* Whether a step along one axis is too small to change the mean. */
static int
has_no_effect(const cmaes_strategy *s)
{
    const size_t k = (size_t)(s->generation % s->n);
    int changes = 0;
    for (size_t i = 0; i < s->n; i++) {
        const double variance = s->covariance[s->separable ? i : i * s->n + i];
        const double along = s->separable ? i == k : s->vectors[k * s->n + i];
        if (s->mean[i] == s->mean[i] + 0.2 * s->sigma * sqrt(variance))
            return 1;
        changes |= s->mean[i] != s->mean[i] + 0.1 * s->sigma * s->length[k] * along;
    }
    return !changes;
}

const char *
cmaes_restart_check(cmaes_restart *restart, const cmaes_strategy *s, double best, double worst)
{
    double shortest = (double)INFINITY, longest = 0;
    restart->best[restart->n % restart->span] = best;
    restart->worst[restart->n % restart->span] = worst;
    restart->n++;
    for (size_t i = 0; i < s->n; i++) {
        shortest = fmin(shortest, s->length[i]);
        longest = fmax(longest, s->length[i]);
    }
    if (s->broken)
        return "its numbers overflow";
    if (is_flat(restart))
        return "the losses are all alike";
    if (is_narrow(restart, s) || has_no_effect(s))
        return "the steps have no effect";
    if (s->sigma * longest > 1e4 || s->sigma > 1e4 * restart->sigma)
        return "the steps lead nowhere";
    if (longest * longest > 1e14 * shortest * shortest)
        return "the directions differ too much";
    return NULL;
}

static size_t
size_of(double points)
{
    return points < MOST_POINTS ? (size_t)points : MOST_POINTS;
}

void
cmaes_restart_next(cmaes_restart *restart, const cmaes_strategy *strategy, pbx_rng *rng,
                   size_t *lambda, double *sigma)
{
    const double lambda0 = (double)restart->lambda0, factor = (double)restart->factor;
    const uint64_t spent = strategy->generation * strategy->lambda;
    const double u = pbx_rng_uniform(rng), v = pbx_rng_uniform(rng);
    restart->runs++;
    *sigma = restart->sigma0;
    if (restart->is_large)
        restart->large_spent += spent;
    else
        restart->small_spent += spent;
    restart->is_large =
        restart->rule != CMAES_BIPOP || restart->small_spent >= restart->large_spent;
    if (restart->is_large) {
        restart->enlarged++;
        *lambda = size_of(lambda0 * pow(factor, (double)restart->enlarged));
        return;
    }
    *lambda = size_of(lambda0 * pow(pow(factor, (double)restart->enlarged), u * u));
    *sigma *= pow(10, -2 * v);
}

void
cmaes_restart_state(cmaes_restart *restart, pbx_blob *blob)
{
    pbx_blob_u64(blob, &restart->runs);
    pbx_blob_u64(blob, &restart->enlarged);
    pbx_blob_u32(blob, &restart->is_large);
    pbx_blob_u64(blob, &restart->small_spent);
    pbx_blob_u64(blob, &restart->large_spent);
    pbx_blob_real(blob, &restart->sigma);
    pbx_blob_u64(blob, &restart->n);
    pbx_blob_reals(blob, restart->best, restart->span);
    pbx_blob_reals(blob, restart->worst, restart->span);
}
