/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/tpe: suggestions. Trials are split into the good ones (below) and the others (above), a
 * Parzen estimator is made of each, and of candidates that are drawn from the first the one is
 * taken where the ratio of the first to the second is largest, which is where the expected
 * improvement is (Bergstra et al. 2011, section 4.1). A block of parameters after the other, the
 * ones that decide whether others are active before those.
 */
#include "tpe.h"

/* For a point that no other trial has. */
#define MAX_TRIES   32
#define MODEL_TRIES 4

/* ---- Blocks ---- */

/* Whether two parameters are modelled together. */
static int
is_one_block(const pbx_instance *self, const pbx_dim *a, const pbx_dim *b)
{
    if (!self->rules.multivariate || a->parent != b->parent)
        return 0;
    return a->parent < 0 || (self->rules.group && a->parent_choice == b->parent_choice);
}

pbx_status
tpe_blocks_make(pbx_instance *self, pbx_error *error)
{
    const pbx_space *space = self->problem->space;
    uint32_t *next;
    pbx_free(self, self->blocks);
    pbx_free(self, self->block_dims);
    self->blocks = pbx_alloc_array(self, space->n_dims, sizeof(tpe_block));
    self->block_dims = pbx_alloc_array(self, space->n_dims, sizeof(uint32_t));
    if (!self->blocks || !self->block_dims)
        return pbx_fail_memory(error);
    self->n_blocks = 0;
    next = self->block_dims;
    for (uint32_t i = 0; i < space->n_dims; i++) {
        uint32_t *first = next;
        int is_taken = 0;
        for (uint32_t *dim = self->block_dims; dim < next; dim++)
            is_taken |= *dim == i;
        if (is_taken)
            continue;
        for (uint32_t j = i; j < space->n_dims; j++)
            if (j == i || (self->axes[i].kind != TPE_UNFIT && self->axes[j].kind != TPE_UNFIT &&
                           is_one_block(self, space->dims[i], space->dims[j])))
                *next++ = j;
        self->blocks[self->n_blocks].dims = first;
        self->blocks[self->n_blocks++].n = (size_t)(next - first);
    }
    return PBX_OK;
}

/* ---- Sides ---- */

static pbx_status
reserve(pbx_instance *self, pbx_error *error)
{
    tpe_side *sides[] = {&self->below, &self->above, &self->below_here, &self->above_here};
    const size_t n = self->history.capacity;
    if (n <= self->capacity)
        return PBX_OK;
    for (size_t i = 0; i < sizeof(sides) / sizeof(*sides); i++) {
        pbx_free(self, sides[i]->slots);
        pbx_free(self, sides[i]->places);
        pbx_free(self, sides[i]->order);
        sides[i]->slots = pbx_alloc_array(self, n, sizeof(uint32_t));
        sides[i]->places = pbx_alloc_array(self, n, sizeof(double));
        sides[i]->order = pbx_alloc_array(self, n, sizeof(uint32_t));
        if (!sides[i]->slots || !sides[i]->places || !sides[i]->order)
            return pbx_fail_memory(error);
    }
    pbx_free(self, self->side);
    pbx_free(self, self->position);
    self->side = pbx_alloc_array(self, n, sizeof(uint32_t));
    self->position = pbx_alloc_array(self, n, sizeof(uint32_t));
    if (!self->side || !self->position)
        return pbx_fail_memory(error);
    self->capacity = n;
    return PBX_OK;
}

/* All trials of both sides, oldest first. What tells of nothing good is never below. */
static pbx_status
split(pbx_instance *self, pbx_error *error)
{
    tpe_history *history = &self->history;
    size_t n_above = 0, first = history->n_ended;
    pbx_status status = tpe_mark_best(self, tpe_split(&self->rules, history->told), error);
    if (status != PBX_OK)
        return status;
    while (first > 0 && (history->max_history == 0 || n_above < history->max_history))
        n_above += !history->rows[history->time[--first]].marked;
    self->below.n = self->above.n = 0;
    for (size_t i = 0; i < history->n_ended; i++) {
        uint32_t slot = history->time[i];
        if (history->rows[slot].marked)
            self->below.slots[self->below.n++] = slot;
        else if (i >= first)
            self->above.slots[self->above.n++] = slot;
        history->rows[slot].marked = 0;
    }
    for (size_t i = 0; self->rules.constant_liar && i < history->n_running; i++)
        self->above.slots[self->above.n++] = history->running[i];
    return PBX_OK;
}

/* Whether a trial has a value of each parameter of the block; a point that was told may lack one.
 */
static int
has_block(const tpe_history *history, uint32_t slot, const tpe_block *block)
{
    const double *x = history->x + slot * history->n_dims;
    for (size_t i = 0; i < block->n; i++)
        if (isnan(x[block->dims[i]]))
            return 0;
    return 1;
}

/* Of a side those that have the block. */
static void
take_here(pbx_instance *self, const tpe_side *from, tpe_side *here, const tpe_block *block,
          uint32_t side)
{
    here->n = 0;
    for (size_t i = 0; i < from->n; i++) {
        uint32_t slot = from->slots[i];
        if (!has_block(&self->history, slot, block))
            continue;
        self->side[slot] = side;
        self->position[slot] = (uint32_t)here->n;
        here->slots[here->n++] = slot;
    }
}

/* The places of a parameter on both sides, and their orders, from the one that is kept. */
static void
look(pbx_instance *self, uint32_t dim)
{
    const tpe_track *track = &self->history.tracks[dim];
    tpe_side *sides[] = {&self->below_here, &self->above_here};
    for (size_t k = 0; k < 2; k++) {
        sides[k]->n_order = 0;
        for (size_t i = 0; i < sides[k]->n; i++)
            sides[k]->places[i] = track->place[sides[k]->slots[i]];
    }
    for (size_t i = 0; i < track->n && self->axes[dim].kind != TPE_CATEGORY; i++) {
        uint32_t slot = track->sorted[i];
        if (self->side[slot] != 0) {
            tpe_side *side = sides[self->side[slot] - 1];
            side->order[side->n_order++] = self->position[slot];
        }
    }
}

/* The estimators of a block. */
static pbx_status
model(pbx_instance *self, const tpe_block *block, pbx_error *error)
{
    tpe_side *below = &self->below_here, *above = &self->above_here;
    pbx_status status;
    if (self->history.capacity > 0)
        memset(self->side, 0, self->history.capacity * sizeof(uint32_t));
    take_here(self, &self->below, below, block, 1);
    take_here(self, &self->above, above, block, 2);
    status = tpe_mixture_begin(self, &below->mixture, &self->rules, block->n, below->n, error);
    if (status == PBX_OK)
        status = tpe_mixture_begin(self, &above->mixture, &self->rules, block->n, above->n, error);
    for (size_t i = 0; i < block->n && status == PBX_OK; i++) {
        const tpe_axis *axis = &self->axes[block->dims[i]];
        look(self, block->dims[i]);
        tpe_mixture_fill(&below->mixture, &self->rules, i, axis, below->places, below->order, NULL,
                         below->slots);
        tpe_mixture_fill(&above->mixture, &self->rules, i, axis, above->places, above->order,
                         self->history.tracks[block->dims[i]].memo, above->slots);
    }
    return status;
}

/* ---- A point ---- */

/* Of one parameter of whole values or choices, those that were compared. */
typedef struct {
    double values[64];
    size_t n;
} Compared;

static int
was_compared(Compared *compared, double value)
{
    for (size_t i = 0; i < compared->n; i++)
        if (compared->values[i] == value)
            return 1;
    if (compared->n < sizeof(compared->values) / sizeof(*compared->values))
        compared->values[compared->n++] = value;
    return 0;
}

static void
choose(pbx_instance *self, const tpe_block *block, pbx_rng *rng, double *x)
{
    const int may_recur = block->n == 1 && self->axes[block->dims[0]].kind != TPE_PLAIN;
    tpe_normals normals = {rng, 0, 0};
    Compared compared;
    double best = -(double)INFINITY;
    compared.n = 0;
    for (size_t k = 0; k < self->rules.n_candidates; k++) {
        double *candidate = self->candidate;
        double score;
        tpe_mixture_draw(&self->below_here.mixture, &normals, candidate);
        if (may_recur && was_compared(&compared, candidate[0]))
            continue;
        score = tpe_mixture_log(&self->below_here.mixture, candidate) -
                tpe_mixture_log(&self->above_here.mixture, candidate);
        if (k == 0 || score > best) {
            best = score;
            self->candidate = self->chosen;
            self->chosen = candidate;
        }
    }
    for (size_t i = 0; i < block->n; i++)
        x[block->dims[i]] = self->chosen[i];
}

/* As the operators say. */
static void
draw(const pbx_instance *self, const tpe_block *block, pbx_rng *rng, double *x)
{
    for (size_t i = 0; i < block->n; i++)
        x[block->dims[i]] =
            pbx_from_unit(self->problem->space->dims[block->dims[i]], pbx_rng_uniform(rng));
}

static pbx_status
fill_in(pbx_instance *self, int by_model, pbx_rng *rng, double *x, pbx_error *error)
{
    const pbx_space *space = self->problem->space;
    pbx_status status = PBX_OK;
    for (size_t i = 0; i < self->n_blocks && status == PBX_OK; i++) {
        const tpe_block *block = &self->blocks[i];
        if (!pbx_active(space->dims[block->dims[0]], x)) {
            for (size_t k = 0; k < block->n; k++)
                x[block->dims[k]] = (double)NAN;
            continue;
        }
        if (!by_model || self->axes[block->dims[0]].kind == TPE_UNFIT) {
            draw(self, block, rng, x);
            continue;
        }
        status = model(self, block, error);
        if (status == PBX_OK)
            choose(self, block, rng, x);
    }
    return status;
}

/* A point that some trial has tells nothing new: another one is made, and where all that the model
 * makes are known, one is drawn. A space may have no other. */
pbx_status
tpe_propose(pbx_instance *self, uint64_t ask, double *x, pbx_error *error)
{
    pbx_rng rng = pbx_rng_at(self->base.host, ask, 0);
    const int by_model = self->history.told >= self->rules.n_startup;
    pbx_status status = reserve(self, error);
    if (status != PBX_OK)
        return status;
    if (by_model)
        status = split(self, error);
    for (int tries = 0; status == PBX_OK && tries < MAX_TRIES; tries++) {
        status = fill_in(self, by_model && tries < MODEL_TRIES, &rng, x, error);
        if (status == PBX_OK && !tpe_history_has(self, x))
            break;
    }
    return status;
}
