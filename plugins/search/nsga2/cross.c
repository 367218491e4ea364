/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/nsga2: crossovers of several parameters together, whose values are places in [0, 1]. A
 * child may lie outside. Optuna's of the same names have the same parents and defaults.
 */
#include "nsga2.h"

uint32_t
nsga2_n_together(const nsga2_rules *rules)
{
    static const uint32_t counts[] = {
        [NSGA2_UNIFORM] = 0, [NSGA2_SBX] = 0,  [NSGA2_BLXALPHA] = 2,
        [NSGA2_SPX] = 3,     [NSGA2_UNDX] = 3, [NSGA2_VSBX] = 2,
    };
    return counts[rules->crossover];
}

/* Blend crossover: anywhere in the box of the parents, widened by `alpha` of its extent on either
 * side (Eshelman and Schaffer, 1993). */
static void
blend(const nsga2_rules *rules, size_t n, const double *const *parents, double *child, pbx_rng *rng)
{
    for (size_t i = 0; i < n; i++) {
        const double low = fmin(parents[0][i], parents[1][i]);
        const double high = fmax(parents[0][i], parents[1][i]);
        const double beyond = rules->alpha * (high - low);
        child[i] = low - beyond + pbx_rng_uniform(rng) * (high - low + 2 * beyond);
    }
}

/* Simplex crossover: uniform in the parents' simplex, `epsilon` times as large around its middle
 * (Tsutsui, Goldberg and Sastry, 2000, equations 1 to 5). */
static void
cross_simplex(const nsga2_rules *rules, size_t n, const double *const *parents, double *child,
              pbx_rng *rng)
{
    const double epsilon = isnan(rules->epsilon) ? sqrt((double)n + 2) : rules->epsilon;
    const double first = pbx_rng_uniform(rng), second = sqrt(pbx_rng_uniform(rng));
    for (size_t i = 0; i < n; i++) {
        const double middle = (parents[0][i] + parents[1][i] + parents[2][i]) / 3;
        double corners[NSGA2_MAX_PARENTS];
        for (size_t k = 0; k < NSGA2_MAX_PARENTS; k++)
            corners[k] = middle + epsilon * (parents[k][i] - middle);
        child[i] =
            corners[2] + second * (corners[1] - corners[2] + first * (corners[0] - corners[1]));
    }
}

/* Unimodal normal distribution crossover: normal around the middle of two parents, along their
 * line as far as they are from each other, and across it as far as the third one lies from it
 * (Kita, Ono and Kobayashi, 1999, section 2). */
static void
cross_normal(const nsga2_rules *rules, size_t n, const double *const *parents, double *child,
             pbx_rng *rng)
{
    const double sigma_eta = isnan(rules->sigma_eta) ? 0.35 / sqrt((double)n) : rules->sigma_eta;
    const double along = rules->sigma_xi * pbx_rng_normal(rng);
    double length = 0, third = 0, dot = 0, across, apart = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = parents[1][i] - parents[0][i], to_third = parents[2][i] - parents[0][i];
        length += d * d;
        third += to_third * to_third;
        dot += d * to_third;
    }
    across = third - (length > 0 ? dot * dot / length : 0);
    across = sqrt(fmax(0, across));
    for (size_t i = 0; i < n; i++) {
        child[i] = sigma_eta * across * pbx_rng_normal(rng);
        apart += child[i] * (parents[1][i] - parents[0][i]);
    }
    for (size_t i = 0; i < n; i++) {
        const double d = parents[1][i] - parents[0][i];
        const double off = length > 0 ? apart / length * d : 0; /* what is not across */
        child[i] += (parents[0][i] + parents[1][i]) / 2 + along * d - off;
    }
}

/* Simulated binary crossover that leaves no gap (Ballester and Carter, 2003, section 3.2): of two
 * children that are mixed with the parents and with each other, one. It lies on the parents' line:
 * beta is what it is as far as from one end, 1 the parent itself. */
static void
cross_vsbx(const nsga2_rules *rules, size_t n, const double *const *parents, double *child,
           pbx_rng *rng)
{
    const int first_way = pbx_rng_uniform(rng) <= 0.5, second_way = pbx_rng_uniform(rng) <= 0.5;
    const int second_child = pbx_rng_uniform(rng) < 0.5;
    for (size_t i = 0; i < n; i++) {
        const double one = parents[0][i], other = parents[1][i];
        const double draw = fmax(2 * pbx_rng_uniform(rng), 1e-10);
        const double beta = pow(1 / draw, 1 / (rules->crossover_eta + 1));
        const double by = 0.5 * (beta - 1) * (one - other);
        const int is_new = pbx_rng_uniform(rng) < rules->use_child_gene_prob;
        const int swapped = pbx_rng_uniform(rng) < rules->uniform_crossover_prob;
        if (!is_new)
            child[i] = second_child != swapped ? other : one;
        else if (second_child != swapped)
            child[i] = second_way ? one - by : other + by;
        else
            child[i] = first_way ? one + by : other - by;
    }
}

void
nsga2_cross(const nsga2_rules *rules, size_t n, const double *const *parents, double *child,
            pbx_rng *rng)
{
    if (rules->crossover == NSGA2_SPX)
        cross_simplex(rules, n, parents, child, rng);
    else if (rules->crossover == NSGA2_UNDX)
        cross_normal(rules, n, parents, child, rng);
    else if (rules->crossover == NSGA2_VSBX)
        cross_vsbx(rules, n, parents, child, rng);
    else
        blend(rules, n, parents, child, rng);
}
