/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/cmaes: points. Each draws from the random numbers of its own ask, so that any number of
 * them may be drawn of one generation. */
#include "cmaes.h"

/* A point that is known already is drawn anew: from the model, farther and farther, then anywhere.
 */
enum { N_CANDIDATES = 24, BEST_TRIES = 10, MODEL_TRIES = 60, ALL_TRIES = 160 };

void
cmaes_place(const pbx_instance *self, const double *x, double *place)
{
    for (size_t i = 0; i < self->n_axes; i++) {
        const double value = x[self->axes[i].at];
        place[i] = isnan(value) ? 0.5 : cmaes_axis_place(&self->axes[i], value);
    }
}

/* ---- What was proposed already ---- */

static uint64_t
hash_of(const pbx_instance *self, const double *x)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < self->problem->space->n_dims; i++) {
        const double value = isnan(x[i]) ? -1.5 : x[i] + 0.0; /* one zero, one NaN */
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        hash = pbx_mix(hash ^ bits) + UINT64_C(0x9e3779b97f4a7c15);
    }
    return hash;
}

void
cmaes_remember(pbx_instance *self, const double *x, double loss)
{
    cmaes_seen *seen = &self->seen[self->n_seen % CMAES_N_SEEN];
    if (!self->all_whole)
        return;
    seen->hash = hash_of(self, x);
    seen->loss = loss;
    self->n_seen++;
}

static cmaes_seen *
find_seen(const pbx_instance *self, uint64_t hash)
{
    for (uint64_t i = 0; i < self->n_seen && i < CMAES_N_SEEN; i++)
        if (self->seen[i].hash == hash)
            return &self->seen[i];
    return NULL;
}

void
cmaes_unremember(pbx_instance *self, const double *x)
{
    cmaes_seen *seen = find_seen(self, hash_of(self, x));
    if (seen)
        memset(seen, 0, sizeof *seen);
}

static int
is_running(const pbx_instance *self, uint64_t hash)
{
    for (size_t i = 0; i < self->live.n; i++) {
        const cmaes_live *live = pbx_map_item(&self->live, i);
        if (hash_of(self, live->numbers + self->n_axes) == hash)
            return 1;
    }
    return 0;
}

/* ---- Drawing ---- */

static int
is_inside(const pbx_instance *self, const double *place)
{
    for (size_t i = 0; i < self->n_axes; i++)
        if (cmaes_axis_bounded(&self->axes[i]) && !(place[i] >= 0 && place[i] <= 1))
            return 0;
    return 1;
}

/* Anew until it lies within the bounds; many parameters have many, and each draw costs more. */
static void
draw(pbx_instance *self, pbx_rng *rng, double *place)
{
    const double n = (double)self->n_axes, cost = self->separable ? n : n * n;
    const size_t most = (size_t)fmin(10 * n, fmax(10, 1e6 / cost));
    for (size_t i = 0; i < most; i++) {
        cmaes_draw(&self->strategy, rng, place);
        if (is_inside(self, place))
            return;
    }
    for (size_t i = 0; i < self->n_axes; i++)
        if (cmaes_axis_bounded(&self->axes[i]))
            place[i] = pbx_clamp(place[i], 0, 1);
}

/* The margin spreads whole values farther than the strategy does. */
static void
to_point(const pbx_instance *self, const double *place, double *x)
{
    const cmaes_strategy *strategy = &self->strategy;
    for (size_t i = 0; i < self->n_axes; i++)
        x[self->axes[i].at] = cmaes_axis_value(
            &self->axes[i],
            strategy->mean[i] + strategy->spread[i] * (place[i] - strategy->mean[i]));
}

static void
draw_point(pbx_instance *self, pbx_rng *rng, int n_candidates, double *x, cmaes_live *live)
{
    const pbx_space *space = self->problem->space;
    live->generation = n_candidates > 0 ? self->generation : 0;
    for (size_t i = 0; i < self->n_axes && n_candidates == 0; i++)
        x[self->axes[i].at] = pbx_from_unit(space->dims[self->axes[i].at], pbx_rng_uniform(rng));
    if (n_candidates == 0) {
        cmaes_place(self, x, live->numbers);
    } else if (self->n_axes > 0) {
        draw(self, rng, live->numbers);
        to_point(self, live->numbers, x);
    }
    cmaes_inner_draw(self, rng, n_candidates, x);
}

/* What has a loss counts for its generation without another trial. */
pbx_status
cmaes_suggest(pbx_instance *self, uint64_t ask, double *x, cmaes_live *live, pbx_error *error)
{
    pbx_rng rng = pbx_rng_at(self->base.host, ask, 0);
    const int startup = !self->warm && ask < self->n_startup;
    pbx_status status = PBX_OK;
    for (int tries = 0; tries < ALL_TRIES && status == PBX_OK && !self->done; tries++) {
        const int at_random = startup || (self->all_whole && tries >= MODEL_TRIES);
        const cmaes_seen *seen;
        uint64_t hash;
        draw_point(self, &rng, at_random ? 0 : tries < BEST_TRIES ? N_CANDIDATES : 1, x, live);
        if (!self->all_whole)
            break;
        hash = hash_of(self, x);
        seen = find_seen(self, hash);
        if (!seen && !is_running(self, hash))
            break;
        if (seen && !at_random)
            status = cmaes_take(self, PBX_NONE, seen->loss, 0, live->numbers, error);
    }
    memcpy(live->numbers + self->n_axes, x, self->problem->space->n_dims * sizeof(double));
    return status == PBX_OK && self->done ? PBX_DONE : status;
}
