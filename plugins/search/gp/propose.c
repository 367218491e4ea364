/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/gp: suggestions. Many places are drawn and compared; from the best one, from the best
 * observed one, and from others the more often the better they are, a way up is sought.
 */
#include "model.h"

typedef struct {
    gp_landscape landscape;
    size_t n_candidates, n_peaks;
    double *candidates; /* [n_candidates][n_dims] */
    double *values;     /* [n_candidates] */
    double *keys;       /* [n_candidates] */
    double *peaks;      /* [n_peaks][n_dims] */
    double *heights;    /* [n_peaks] */
    double *x;          /* [n_dims] scratch */
} Proposal;

static int
make(pbx_instance *self, Proposal *proposal)
{
    gp_memory *memory = &proposal->landscape.memory;
    const size_t n = self->rules.n_candidates, n_peaks = self->rules.n_searches;
    proposal->n_candidates = n;
    proposal->candidates = gp_reals(memory, n * self->n_dims);
    proposal->values = gp_reals(memory, n);
    proposal->keys = gp_reals(memory, n);
    proposal->peaks = gp_reals(memory, n_peaks * self->n_dims);
    proposal->heights = gp_reals(memory, n_peaks);
    proposal->x = gp_reals(memory, self->n_dims);
    return proposal->candidates && proposal->values && proposal->keys && proposal->peaks &&
           proposal->heights && proposal->x;
}

static void
draw(pbx_instance *self, Proposal *proposal, pbx_rng *rng)
{
    for (size_t c = 0; c < proposal->n_candidates; c++) {
        double *u = proposal->candidates + c * self->n_dims;
        for (size_t i = 0; i < self->n_dims; i++) {
            u[i] = pbx_rng_uniform(rng);
            if (self->axes[i].is_category)
                u[i] = floor(u[i] * self->axes[i].n_values);
        }
        gp_settle(self->space, u, proposal->x);
    }
    gp_landscape_many(&proposal->landscape, proposal->candidates, proposal->n_candidates,
                      proposal->values);
}

static size_t
largest(const double *values, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (values[i] > values[best])
            best = i;
    return best;
}

static void
climb_from(pbx_instance *self, Proposal *proposal, const double *u, double value)
{
    double *peak = proposal->peaks + proposal->n_peaks * self->n_dims;
    memcpy(peak, u, self->n_dims * sizeof(double));
    proposal->heights[proposal->n_peaks++] = gp_climb(&proposal->landscape, peak, value);
}

/* The best of keys that are values plus Gumbel's noise are a draw without replacement, each with a
 * probability like exp(value). */
static void
climb(pbx_instance *self, Proposal *proposal, pbx_rng *rng)
{
    gp_landscape *landscape = &proposal->landscape;
    const size_t n = proposal->n_candidates;
    for (size_t c = 0; c < n; c++)
        proposal->keys[c] =
            proposal->values[c] - log(-log(pbx_clamp(pbx_rng_uniform(rng), 1e-300, PBX_BELOW_ONE)));
    proposal->keys[largest(proposal->values, n)] = (double)INFINITY;
    for (size_t i = 0; i < self->rules.n_searches && !landscape->cancelled; i++) {
        const size_t c = largest(proposal->keys, n);
        if (i == 1 && landscape->incumbent) {
            climb_from(self, proposal, landscape->incumbent,
                       gp_landscape_at(landscape, landscape->incumbent, NULL));
            continue;
        }
        if (proposal->keys[c] == -(double)INFINITY)
            break;
        proposal->keys[c] = -(double)INFINITY;
        climb_from(self, proposal, proposal->candidates + c * self->n_dims, proposal->values[c]);
    }
}

/* ---- The choice ---- */

static int
is_taken(const pbx_instance *self, const double *u)
{
    return gp_rows_have(self, &self->trials.running, u) ||
           (self->rules.skip_duplicate && gp_rows_have(self, &self->trials.ended, u));
}

/* The best of some places that is not taken; n: all are. Their values are used up. */
static size_t
find_free(const pbx_instance *self, const double *places, double *values, size_t n)
{
    for (size_t tries = 0; tries < n; tries++) {
        const size_t i = largest(values, n);
        if (!is_taken(self, places + i * self->n_dims))
            return i;
        values[i] = -(double)INFINITY;
    }
    return n;
}

static void
choose(pbx_instance *self, Proposal *proposal, double *u, int *known)
{
    const size_t n = proposal->n_candidates, n_peaks = proposal->n_peaks;
    const size_t c = largest(proposal->values, n), peak = largest(proposal->heights, n_peaks);
    const double *best = proposal->candidates + c * self->n_dims;
    size_t free_one;
    if (n_peaks > 0 && proposal->heights[peak] >= proposal->values[c])
        best = proposal->peaks + peak * self->n_dims;
    memcpy(u, best, self->n_dims * sizeof(double));
    *known = !self->rules.skip_duplicate && gp_rows_have(self, &self->trials.ended, u);
    if (!is_taken(self, u))
        return;
    if ((free_one = find_free(self, proposal->peaks, proposal->heights, n_peaks)) < n_peaks)
        memcpy(u, proposal->peaks + free_one * self->n_dims, self->n_dims * sizeof(double));
    else if ((free_one = find_free(self, proposal->candidates, proposal->values, n)) < n)
        memcpy(u, proposal->candidates + free_one * self->n_dims, self->n_dims * sizeof(double));
    else
        *known = 1; /* there seems to be no other point */
}

pbx_status
gp_propose(pbx_instance *self, uint64_t ask, double *u, int *known, pbx_error *error)
{
    pbx_rng rng = pbx_rng_at(self->base.host, ask, 0);
    Proposal proposal;
    pbx_status status;
    memset(&proposal, 0, sizeof proposal);
    status = gp_landscape_make(self, &proposal.landscape, error);
    if (status != PBX_OK)
        return status;
    if (make(self, &proposal)) {
        draw(self, &proposal, &rng);
        climb(self, &proposal, &rng);
        choose(self, &proposal, u, known);
    } else {
        status = pbx_fail_memory(error);
    }
    if (status == PBX_OK && proposal.landscape.cancelled)
        status = pbx_fail(error, PBX_ECANCELLED, NULL, "given up");
    gp_landscape_free(&proposal.landscape);
    return status;
}
