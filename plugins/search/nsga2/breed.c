/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/nsga2: children of two parents, parameter by parameter. */
#include "nsga2.h"

#define TRIES 100 /* of points, and then of random ones, before a point comes again */

/* What of a value may be near another: not the index of a choice without an order. */
static int
is_number(const pbx_dim *dim)
{
    return dim->type != PBX_DIM_CATEGORY || (dim->flags & PBX_DIM_ORDERED) != 0;
}

/* ---- Crossover ---- */

/* Simulated binary crossover of u and v of [0, 1]; one of the two children. */
static double
cross_near(const nsga2_rules *rules, double u, double v, pbx_rng *rng)
{
    const double low = fmin(u, v), high = fmax(u, v), extent = high - low;
    const double exponent = 1 / (rules->crossover_eta + 1);
    const double draw = pbx_rng_uniform(rng);
    const int upper = pbx_rng_uniform(rng) < 0.5;
    double beta, alpha, spread;
    if (extent < 1e-14)
        return upper ? high : low;
    beta = 1 + 2 * (upper ? 1 - high : low) / extent;
    alpha = 2 - pow(beta, -(rules->crossover_eta + 1));
    spread =
        draw <= 1 / alpha ? pow(draw * alpha, exponent) : pow(1 / (2 - draw * alpha), exponent);
    return pbx_clamp(0.5 * (low + high + (upper ? spread : -spread) * extent), 0, 1);
}

/* A value of a child whose parents have these, NaN where they have none. */
static double
cross(const pbx_instance *self, const pbx_dim *dim, double one, double other, int two_parents,
      pbx_rng *rng)
{
    const nsga2_rules *rules = &self->rules;
    if (isnan(one) || isnan(other)) {
        if (isnan(one) && isnan(other))
            return pbx_from_unit(dim, pbx_rng_uniform(rng));
        return isnan(one) ? other : one;
    }
    if (!two_parents)
        return one;
    if (rules->crossover != NSGA2_SBX) /* of those that are crossed together it is none */
        return pbx_rng_uniform(rng) < rules->swapping_prob ? other : one;
    if (!is_number(dim) || pbx_rng_uniform(rng) < 1 - rules->use_child_gene_prob)
        return pbx_rng_uniform(rng) < 0.5 ? other : one;
    return one == other ? one
                        : pbx_from_unit(dim, cross_near(rules, pbx_to_unit(dim, one),
                                                        pbx_to_unit(dim, other), rng));
}

/* ---- Mutation ---- */

/* Polynomial mutation of u of [0, 1]. */
static double
change_near(double eta, double u, pbx_rng *rng)
{
    const double draw = pbx_rng_uniform(rng), exponent = 1 / (eta + 1);
    double by;
    if (draw < 0.5)
        by = pow(2 * draw + (1 - 2 * draw) * pow(1 - u, eta + 1), exponent) - 1;
    else
        by = 1 - pow(2 * (1 - draw) + 2 * (draw - 0.5) * pow(u, eta + 1), exponent);
    return pbx_clamp(u + by, 0, 1);
}

/* Where steps are wide a small change is none: then it is the next step. */
static double
next_step(const pbx_dim *dim, double value, int up)
{
    pbx_scale scale = pbx_scale_of(dim);
    const double high = dim->type == PBX_DIM_CATEGORY ? (double)dim->n_choices - 1 : dim->high;
    const double low = dim->type == PBX_DIM_CATEGORY ? 0 : dim->low;
    double next = value + (up ? scale.quantum : -scale.quantum);
    if (dim->type == PBX_DIM_NORMAL)
        return pbx_quantise(next, scale.quantum);
    if (next > high + scale.quantum / 2)
        next = value - scale.quantum;
    if (next < low - scale.quantum / 2)
        next = value + scale.quantum;
    return pbx_scale_value(&scale, pbx_scale_at(&scale, pbx_clamp(next, low, high)));
}

static double
mutate(const nsga2_rules *rules, const pbx_dim *dim, double value, pbx_rng *rng)
{
    pbx_scale scale = pbx_scale_of(dim);
    double u, changed;
    if (!is_number(dim)) {
        const double other = (double)pbx_rng_below(rng, dim->n_choices - 1);
        return other < value ? other : other + 1;
    }
    if (rules->mutation == NSGA2_REDRAW)
        return pbx_from_unit(dim, pbx_rng_uniform(rng));
    u = pbx_to_unit(dim, value);
    changed = change_near(rules->mutation_eta, u, rng);
    if (scale.quantum > 0 && pbx_from_unit(dim, changed) == value)
        return next_step(dim, value, changed > u);
    return pbx_from_unit(dim, changed);
}

/* ---- Parents ---- */

/* Of two that are drawn the one of the lower rank, or with more room; they come first. */
static size_t
choose_parent(const nsga2_population *population, size_t n_parents, pbx_rng *rng)
{
    const size_t i = (size_t)pbx_rng_below(rng, n_parents);
    const size_t j = (size_t)pbx_rng_below(rng, n_parents);
    const nsga2_row *one = &population->rows[i], *other = &population->rows[j];
    if (one->rank != other->rank)
        return one->rank < other->rank ? i : j;
    return one->room >= other->room ? i : j;
}

/* Another one than these, if there is one. */
static size_t
choose_third(const nsga2_population *population, size_t n_parents, size_t first, size_t second,
             pbx_rng *rng)
{
    size_t third = choose_parent(population, n_parents, rng);
    for (int i = 0; i < TRIES && (third == first || third == second); i++)
        third = choose_parent(population, n_parents, rng);
    return third;
}

/* How many parents there are to breed from: what failed is none. */
static size_t
count_parents(const nsga2_population *population)
{
    size_t n = 0;
    while (n < population->n && population->rows[n].kind == NSGA2_PARENT)
        n++;
    for (size_t i = 0; i < n; i++)
        if (!isinf(population->rows[i].penalty))
            return n;
    return 0;
}

/* ---- Numbers that are crossed together ---- */

static int
all_have(const pbx_dim *dim, uint32_t i, const double *const *points, uint32_t n_points)
{
    int have = is_number(dim);
    for (uint32_t k = 0; k < n_points; k++)
        have = have && !isnan(points[k][i]);
    return have;
}

/* A parent's value stays what it is, to the last bit. */
static double
value_at(const pbx_dim *dim, uint32_t i, double place, const double *const *points,
         uint32_t n_points)
{
    for (uint32_t k = 0; k < n_points; k++)
        if (place == pbx_to_unit(dim, points[k][i]))
            return points[k][i];
    return pbx_from_unit(dim, place);
}

static int
is_inside(const double *places, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(places[i] >= 0 && places[i] <= 1))
            return 0;
    return 1;
}

/* The places of the child in numbers that all of these have, in their order: drawn again until all
 * are within the bounds, and in the end cut. */
static const double *
cross_together(const pbx_instance *self, const double *const *points, uint32_t n_points,
               pbx_rng *rng)
{
    const size_t n_dims = self->space->n_dims;
    const double *places[NSGA2_MAX_PARENTS];
    double *child = self->places + NSGA2_MAX_PARENTS * n_dims;
    size_t n = 0;
    for (uint32_t i = 0; i < n_dims; i++) {
        const pbx_dim *dim = self->space->dims[i];
        if (!all_have(dim, i, points, n_points))
            continue;
        for (uint32_t k = 0; k < n_points; k++)
            self->places[k * n_dims + n] = pbx_to_unit(dim, points[k][i]);
        n++;
    }
    for (uint32_t k = 0; k < n_points; k++)
        places[k] = self->places + k * n_dims;
    for (int tries = 0; tries < TRIES; tries++) {
        nsga2_cross(&self->rules, n, places, child, rng);
        if (is_inside(child, n))
            break;
    }
    for (size_t i = 0; i < n; i++)
        child[i] = pbx_clamp(child[i], 0, 1);
    return child;
}

/* ---- Children ---- */

static void
draw(const pbx_instance *self, double *x, pbx_rng *rng)
{
    for (uint32_t i = 0; i < self->space->n_dims; i++)
        x[i] = pbx_rng_uniform(rng);
    pbx_from_cube(self->space, x, x);
}

/* A choice is made before what hangs on it. */
static void
breed(const pbx_instance *self, size_t n_parents, double *x, pbx_rng *rng)
{
    const nsga2_rules *rules = &self->rules;
    const nsga2_population *population = &self->population;
    const uint32_t n_together = nsga2_n_together(rules);
    const size_t first = choose_parent(population, n_parents, rng);
    size_t second = choose_parent(population, n_parents, rng);
    const double *points[NSGA2_MAX_PARENTS], *child = NULL;
    const int two_parents = pbx_rng_uniform(rng) < rules->crossover_prob && n_parents > 1;
    double probability = rules->mutation_prob;
    uint32_t n_active = 0, n_crossed = 0;
    for (int i = 0; i < TRIES && two_parents && second == first; i++)
        second = choose_parent(population, n_parents, rng);
    points[0] = nsga2_point(population, first);
    points[1] = nsga2_point(population, two_parents ? second : first);
    if (two_parents && n_together > 2)
        points[2] =
            nsga2_point(population, choose_third(population, n_parents, first, second, rng));
    if (two_parents && n_together > 0 && n_parents >= n_together)
        child = cross_together(self, points, n_together, rng);
    for (uint32_t i = 0; i < self->space->n_dims; i++)
        n_active += !isnan(points[0][i]);
    if (isnan(probability))
        probability = n_active > 0 ? 1.0 / n_active : 0;
    for (uint32_t i = 0; i < self->space->n_dims; i++) {
        const pbx_dim *dim = self->space->dims[i];
        const int together = child && all_have(dim, i, points, n_together);
        const double place = together ? child[n_crossed++] : (double)NAN;
        x[i] = (double)NAN;
        if (!pbx_active(dim, x))
            continue;
        if (together)
            x[i] = value_at(dim, i, place, points, n_together);
        else
            x[i] = cross(self, dim, points[0][i], points[1][i], two_parents, rng);
        if (pbx_rng_uniform(rng) < probability)
            x[i] = mutate(rules, dim, x[i], rng);
    }
}

void
nsga2_breed(pbx_instance *self, uint64_t ask, double *x)
{
    const nsga2_population *population = &self->population;
    const size_t n_parents = count_parents(population);
    pbx_rng rng = pbx_rng_at(self->base.host, ask, 0);
    int tries = n_parents > 0 && !self->skipped ? 0 : TRIES;
    do {
        if (tries++ < TRIES)
            breed(self, n_parents, x, &rng);
        else
            draw(self, x, &rng);
    } while (tries < 2 * TRIES && nsga2_has_point(population, x));
}
