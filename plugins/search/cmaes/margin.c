/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/cmaes: the margin. Where the strategy becomes narrower than the step from one whole value
 * to the next, it would propose one value for ever: the mean and the spread of such a coordinate
 * are corrected so that each neighbour keeps a chance of a [4, README.md].
 */
#include "cmaes.h"

/* How many standard deviations leave the part p of a normal distribution outside on one side. */
static double
quantile(double p)
{
    return -pbx_normal_inverse(p);
}

/* At a bound there is one neighbour, behind `limit`. */
static void
keep_edge(cmaes_strategy *s, size_t j, double limit, double deviation, double a)
{
    const double away = fabs(s->mean[j] - limit);
    if (0.5 * erfc(away / deviation * 0.7071067811865476) >= a)
        return;
    s->mean[j] = limit + (s->mean[j] < limit ? -1 : 1) * deviation * quantile(a);
}

static void
keep_both(cmaes_strategy *s, size_t j, double low, double high, double root, double a)
{
    const double mean = s->mean[j], deviation = s->sigma * s->spread[j] * root;
    const double below = pbx_normal_cdf((low - mean) / deviation);
    const double above = 0.5 * erfc((high - mean) / deviation * 0.7071067811865476);
    const double middle = 1 - below - above;
    double p_low = fmax(below, a / 2), p_high = fmax(above, a / 2), excess, room, q_low, q_high;
    excess = 1 - p_low - p_high - middle;
    room = p_low + p_high + middle - 1.5 * a;
    if (!(room > 0))
        return;
    p_low += excess * (p_low - a / 2) / room;
    p_high += excess * (p_high - a / 2) / room;
    q_low = quantile(pbx_clamp(p_low, 1e-10, 0.5 - 1e-10));
    q_high = quantile(pbx_clamp(p_high, 1e-10, 0.5 - 1e-10));
    s->spread[j] = (high - low) / ((q_low + q_high) * s->sigma * root);
    s->mean[j] = (low * q_high + high * q_low) / (q_low + q_high);
}

void
cmaes_margin(cmaes_strategy *s, const cmaes_axis *axes)
{
    const double a = 1 / ((double)s->n * (double)s->lambda);
    for (size_t j = 0; j < s->n; j++) {
        const double variance = s->covariance[s->separable ? j : j * s->n + j];
        const double root = sqrt(variance), deviation = s->sigma * s->spread[j] * root;
        double low, high;
        if (!axes[j].whole || !(deviation > 0) || !isfinite(deviation))
            continue;
        cmaes_axis_cell(&axes[j], s->mean[j], &low, &high);
        if (isnan(low) != isnan(high))
            keep_edge(s, j, isnan(low) ? high : low, deviation, a);
        else if (high > low)
            keep_both(s, j, low, high, root, a);
    }
}
