/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/bohb: suggestions. Of the largest budget that has enough results a density is made of the
 * good points, and one of the bad ones; of candidates near good points the one is taken where the
 * ratio of the first to the second is largest. A part of the suggestions is drawn at random.
 */
#include "bohb.h"

/* For a point that no other trial has. */
#define MAX_TRIES   32
#define MODEL_TRIES 4

/* ln(1e-32): less is as good as nothing. */
#define FLOOR (-73.682722976)

/* Of candidates in the unit cube the best one. Where no density tells anything, as far from all
 * points, the one nearest to good ones. */
static void
choose(pbx_instance *self, pbx_rng *rng)
{
    double best = 0, best_good = 0;
    for (size_t k = 0; k < self->rules.n_candidates; k++) {
        double *candidate = self->candidate;
        double good, score;
        bohb_density_draw(&self->good, &self->rules, rng, candidate);
        good = bohb_density_log(&self->good, candidate);
        score = fmax(good, FLOOR) - fmax(bohb_density_log(&self->bad, candidate), FLOOR);
        if (k > 0 && (score < best || (score == best && good <= best_good)))
            continue;
        best = score;
        best_good = good;
        self->candidate = self->chosen;
        self->chosen = candidate;
    }
}

/* The point at a place; what is inactive there is dropped. */
static void
point_at(const pbx_space *space, const double *place, double *x)
{
    for (uint32_t i = 0; i < space->n_dims; i++) {
        const pbx_dim *dim = space->dims[i];
        const double value =
            dim->type == PBX_DIM_CATEGORY ? place[i] : pbx_from_unit(dim, place[i]);
        x[i] = pbx_active(dim, x) ? value : (double)NAN;
    }
}

/* As the operators say. */
static void
draw(const pbx_space *space, pbx_rng *rng, double *x)
{
    for (uint32_t i = 0; i < space->n_dims; i++)
        x[i] = pbx_rng_uniform(rng);
    pbx_from_cube(space, x, x);
}

static pbx_status
model(pbx_instance *self, const bohb_budget *budget, const bohb_split *split, pbx_rng *rng,
      pbx_error *error)
{
    const pbx_space *space = self->problem->space;
    const size_t n = self->n_dims;
    const double *places = budget->rows + n;
    pbx_status status = bohb_density_reserve(self, &self->good, space, split->n_good, error);
    if (status == PBX_OK)
        status = bohb_density_reserve(self, &self->bad, space, split->n_bad, error);
    if (status != PBX_OK)
        return status;
    bohb_density_fit(&self->good, &self->rules, places, 2 * n, split->n_good, rng);
    bohb_density_fit(&self->bad, &self->rules, places + split->n_good * 2 * n, 2 * n, split->n_bad,
                     rng);
    return PBX_OK;
}

/* A point that some trial has tells nothing new: another one is made, and where all that the model
 * makes are known, one is drawn. A space may have no other. */
pbx_status
bohb_propose(pbx_instance *self, uint64_t ask, double *x, pbx_error *error)
{
    pbx_rng rng = pbx_rng_at(self->base.host, ask, 0);
    bohb_split split;
    const bohb_budget *budget = bohb_best_budget(self, &split);
    const int by_model = budget && pbx_rng_uniform(&rng) >= self->rules.random_fraction;
    pbx_status status = by_model ? model(self, budget, &split, &rng, error) : PBX_OK;
    for (int tries = 0; status == PBX_OK && tries < MAX_TRIES; tries++) {
        if (by_model && tries < MODEL_TRIES) {
            choose(self, &rng);
            point_at(self->problem->space, self->chosen, x);
        } else {
            draw(self->problem->space, &rng, x);
        }
        if (!bohb_history_has(self, x))
            break;
    }
    return status;
}
