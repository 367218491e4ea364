/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/cfo: FLOW2. From the best point so far, the incumbent, it tries a random direction and
 * then the opposite one. Where many tries brought nothing the step shrinks; a better point becomes
 * the incumbent, and the step grows again.
 */
#include "flow2.h"

#define FIRST_STEP 0.1

/* Proposals without success until the step shrinks; then two more each time. */
static uint64_t
patience(const flow2 *s)
{
    return UINT64_C(1) << (s->n < 9 ? s->n : 9);
}

static double
most_step(const flow2 *s)
{
    return sqrt((double)s->n);
}

/* ---- The start ---- */

pbx_status
flow2_make(pbx_instance *self, flow2 *s, size_t n, pbx_error *error)
{
    s->n = n;
    s->center = pbx_alloc_array(self, n, sizeof(double));
    s->direction = pbx_alloc_array(self, n, sizeof(double));
    return s->center && s->direction ? PBX_OK : pbx_fail_memory(error);
}

static void
settle(flow2 *s, const double *places, double loss, double cost)
{
    memcpy(s->center, places, s->n * sizeof(double));
    s->incumbent++;
    s->best = loss;
    s->cost = cost;
    s->has_direction = 0;
    s->proposed = s->completed = 0;
    s->spent = 0;
}

void
flow2_start(flow2 *s, const double *places, double loss, double cost,
            const flow2_resource *resource)
{
    s->incumbent = 0;
    settle(s, places, loss, cost);
    memset(s->direction, 0, s->n * sizeof(double));
    s->begun = isfinite(loss);
    s->step = FIRST_STEP * sqrt((double)s->n);
    s->resource = isnan(resource->most) ? (double)NAN : resource->least;
    s->asks = s->found = s->last = s->last_but_one = 0;
}

void
flow2_start_anywhere(flow2 *s, const flow2_space *space, const flow2_resource *resource,
                     pbx_rng *rng)
{
    for (size_t i = 0; i < s->n; i++) {
        const double u = pbx_rng_uniform(rng), at = space->start[i];
        s->direction[i] = u;
        if (space->axes[i].unordered) {
            s->direction[i] = space->is_cheap[i] ? at : pbx_from_unit(space->axes[i].dim, u);
        } else if (space->is_cheap[i]) { /* normal, within the bounds */
            const double low = pbx_normal_cdf(-at), high = pbx_normal_cdf(1 - at);
            s->direction[i] = pbx_clamp(at + pbx_normal_inverse(low + u * (high - low)), 0, 1);
        }
    }
    flow2_start(s, s->direction, (double)INFINITY, 0, resource);
}

/* ---- Proposals ---- */

static int
is_full(const flow2 *s, const flow2_resource *resource)
{
    return isnan(resource->most) || s->resource >= resource->most;
}

void
flow2_count_ask(flow2 *s, const flow2_resource *resource)
{
    s->begun = 1;
    s->asks++;
    s->proposed++;
    if (s->proposed < patience(s) || !is_full(s, resource))
        return;
    s->proposed = s->proposed > 2 ? s->proposed - 2 : 0;
    s->last_but_one = s->last > 0 ? s->last : s->found > 0 ? s->found : 1;
    s->last = s->asks + 1;
    s->step *= sqrt((double)s->last_but_one / (double)s->last);
}

/* The incumbent once more, when as much was spent around it as a larger one would cost. */
static int
raise_resource(flow2 *s, const flow2_resource *resource, flow2_trial *trial)
{
    if (is_full(s, resource) || isinf(s->best) || s->completed == 0 ||
        s->spent < s->cost * resource->factor)
        return 0;
    s->resource = fmin(s->resource * resource->factor, resource->most);
    if (resource->most == floor(resource->most))
        s->resource = fmin(ceil(s->resource), resource->most);
    memcpy(trial->places, s->center, s->n * sizeof(double));
    s->spent = 0;
    trial->is_raise = 1;
    return 1;
}

/* A direction that is as likely as any other. */
static void
turn(flow2 *s, pbx_rng *rng)
{
    double squares = 0;
    for (size_t i = 0; i < s->n; i++) {
        s->direction[i] = pbx_rng_normal(rng);
        squares += s->direction[i] * s->direction[i];
    }
    for (size_t i = 0; i < s->n; i++)
        s->direction[i] *= squares > 0 ? s->step / sqrt(squares) : 0;
}

static double
moved(const flow2_axis *axis, double from, double by, pbx_rng *rng)
{
    const uint32_t n = axis->dim->n_choices;
    double bin, choice;
    if (!axis->unordered)
        return pbx_clamp(from + by, 0, 1);
    /* As though the choice lay in the middle: out of its bin it is another one. */
    bin = floor(pbx_clamp(0.5 + by, 0, PBX_BELOW_ONE) * n);
    if (bin == floor(0.5 * n))
        return from;
    choice = (double)pbx_rng_below(rng, n - 1);
    return choice < from ? choice : choice + 1;
}

void
flow2_ask(flow2 *s, const flow2_space *space, const flow2_resource *resource, pbx_rng *rng,
          flow2_trial *trial)
{
    trial->incumbent = s->incumbent;
    trial->is_raise = 0;
    if (!s->begun) {
        memcpy(trial->places, s->center, s->n * sizeof(double));
    } else if (!raise_resource(s, resource, trial)) {
        const double sign = s->has_direction ? -1 : 1;
        if (!s->has_direction)
            turn(s, rng);
        s->has_direction = !s->has_direction;
        for (size_t i = 0; i < s->n; i++)
            trial->places[i] = moved(&space->axes[i], s->center[i], sign * s->direction[i], rng);
    }
    trial->step = s->step;
    trial->resource = s->resource;
    flow2_count_ask(s, resource);
    trial->ask = s->asks;
}

/* ---- Results ---- */

static void
settle_at(flow2 *s, const flow2_trial *trial, double loss, double cost)
{
    settle(s, trial->places, loss, cost);
    s->found = trial->ask > 0 ? trial->ask : s->asks;
    s->begun = 1;
    if (trial->step > 0)
        s->step = trial->step;
    if (s->last > 0)
        s->step *= sqrt((double)s->last / (double)s->last_but_one);
    s->step = fmin(s->step, most_step(s));
}

int
flow2_tell(flow2 *s, const flow2_resource *resource, const flow2_trial *trial, double loss,
           double cost)
{
    /* What had less of the resource is no measure any more. */
    const int counts = isnan(resource->most) || trial->resource >= s->resource;
    if (trial->is_raise && trial->incumbent == s->incumbent && isfinite(loss)) {
        s->best = loss;
        s->cost = cost;
        return 1;
    }
    if (counts && loss < s->best) {
        settle_at(s, trial, loss, cost);
        return 1;
    }
    if (trial->incumbent == s->incumbent) {
        s->spent += cost;
        s->completed++;
    }
    return 0;
}

int
flow2_has_converged(const flow2 *s, const flow2_space *space)
{
    if (isinf(s->best)) /* nothing here succeeds */
        return s->completed >= 2 * s->n + 1;
    return s->step < space->least_step && s->completed + 2 >= patience(s);
}

/* ---- State ---- */

static void
places_state(double *places, size_t n, pbx_blob *blob)
{
    pbx_blob_reals(blob, places, n);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(places[i]))
            pbx_blob_fail(blob, PBX_EINVAL);
}

void
flow2_state(flow2 *s, pbx_blob *blob)
{
    uint64_t *counts[] = {&s->incumbent,    &s->asks,     &s->found,    &s->last,
                          &s->last_but_one, &s->proposed, &s->completed};
    double *numbers[] = {&s->best, &s->cost, &s->step, &s->resource, &s->spent};
    places_state(s->center, s->n, blob);
    places_state(s->direction, s->n, blob);
    pbx_blob_u32(blob, &s->has_direction);
    pbx_blob_u32(blob, &s->begun);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        pbx_blob_u64(blob, counts[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        pbx_blob_real(blob, numbers[i]);
    if (isnan(s->best) || !(s->step >= 0) || (s->last > 0 && s->last_but_one < 1))
        pbx_blob_fail(blob, PBX_EINVAL);
}

void
flow2_trial_state(flow2_trial *trial, size_t n, pbx_blob *blob)
{
    uint64_t *counts[] = {&trial->thread, &trial->incumbent, &trial->ask, &trial->mark,
                          &trial->is_raise};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        pbx_blob_u64(blob, counts[i]);
    pbx_blob_real(blob, &trial->step);
    pbx_blob_real(blob, &trial->resource);
    places_state(trial->places, n, blob);
}
