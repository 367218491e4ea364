/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search/nsga2: the trials that it keeps, and which of them are parents. */
#include <float.h>

#include "nsga2.h"

/* ---- Rows ---- */

static pbx_status
reserve(pbx_instance *self, pbx_error *error)
{
    nsga2_population *population = &self->population;
    size_t capacity = population->capacity ? 2 * population->capacity : 64;
    double *points, *losses;
    nsga2_row *rows;
    if (population->n < population->capacity)
        return PBX_OK;
    rows = (nsga2_row *)pbx_realloc(self, population->rows, capacity * sizeof(nsga2_row));
    if (!rows)
        return pbx_fail_memory(error);
    population->rows = rows;
    points = (double *)pbx_realloc(self, population->points,
                                   capacity * population->n_dims * sizeof(double));
    if (!points)
        return pbx_fail_memory(error);
    population->points = points;
    losses = (double *)pbx_realloc(self, population->losses,
                                   capacity * population->n_losses * sizeof(double));
    if (!losses)
        return pbx_fail_memory(error);
    population->losses = losses;
    population->capacity = capacity;
    return PBX_OK;
}

static void
move_row(nsga2_population *population, size_t to, size_t from)
{
    const size_t n_losses = population->n_losses;
    population->rows[to] = population->rows[from];
    memmove(nsga2_point(population, to), nsga2_point(population, from),
            population->n_dims * sizeof(double));
    memmove(&population->losses[to * n_losses], &population->losses[from * n_losses],
            n_losses * sizeof(double));
}

static void
drop(nsga2_population *population, size_t i)
{
    for (size_t from = i + 1; from < population->n; from++)
        move_row(population, from - 1, from);
    population->n--;
}

/* PBX_NONE is the number of many. */
static size_t
find(const nsga2_population *population, uint64_t trial)
{
    size_t i = 0;
    while (trial != PBX_NONE && i < population->n && population->rows[i].trial != trial)
        i++;
    return trial == PBX_NONE ? population->n : i;
}

void
nsga2_remove(pbx_instance *self, uint64_t trial)
{
    size_t i = find(&self->population, trial);
    if (i < self->population.n)
        drop(&self->population, i);
}

/* In place of one of the same trial. */
static pbx_status
add(pbx_instance *self, uint64_t trial, uint32_t kind, const double *x, pbx_error *error)
{
    nsga2_population *population = &self->population;
    pbx_status status;
    nsga2_remove(self, trial);
    status = reserve(self, error);
    if (status != PBX_OK)
        return status;
    memset(&population->rows[population->n], 0, sizeof(nsga2_row));
    population->rows[population->n].trial = trial;
    population->rows[population->n].kind = kind;
    memcpy(nsga2_point(population, population->n), x, population->n_dims * sizeof(double));
    for (uint32_t k = 0; k < population->n_losses; k++)
        population->losses[population->n * population->n_losses + k] = 0;
    population->n++;
    return PBX_OK;
}

pbx_status
nsga2_start(pbx_instance *self, uint64_t trial, const double *x, pbx_error *error)
{
    return add(self, trial, NSGA2_RUNNING, x, error);
}

size_t
nsga2_count(const nsga2_population *population, uint32_t kind)
{
    size_t n = 0;
    for (size_t i = 0; i < population->n; i++)
        n += population->rows[i].kind == kind;
    return n;
}

/* ---- Points ---- */

/* A number that stands for a point: two that differ have one in 2^64 cases the same. */
static uint64_t
mark_of(const double *x, uint32_t n)
{
    uint64_t mark = 0, bits;
    for (uint32_t i = 0; i < n; i++) {
        double value = isnan(x[i]) ? (double)NAN : x[i] + 0.0; /* one NaN, one zero */
        memcpy(&bits, &value, sizeof bits);
        mark = pbx_mix(mark + bits + UINT64_C(0x9e3779b97f4a7c15));
    }
    return mark;
}

static pbx_status
remember(pbx_instance *self, size_t i, pbx_error *error)
{
    nsga2_population *population = &self->population;
    if (!population->past)
        population->past = (uint64_t *)pbx_alloc_array(self, NSGA2_MAX_PAST, sizeof(uint64_t));
    if (!population->past)
        return pbx_fail_memory(error);
    if (population->n_past == NSGA2_MAX_PAST)
        memmove(population->past, population->past + 1, --population->n_past * sizeof(uint64_t));
    population->past[population->n_past++] =
        mark_of(nsga2_point(population, i), population->n_dims);
    return PBX_OK;
}

int
nsga2_has_point(const nsga2_population *population, const double *x)
{
    const uint64_t mark = mark_of(x, population->n_dims);
    for (size_t i = 0; i < population->n_past; i++)
        if (population->past[i] == mark)
            return 1;
    for (size_t i = 0; i < population->n; i++) {
        const double *point = nsga2_point(population, i);
        uint32_t k = 0;
        while (k < population->n_dims && (point[k] == x[k] || (isnan(point[k]) && isnan(x[k]))))
            k++;
        if (k == population->n_dims)
            return 1;
    }
    return 0;
}

/* ---- Generations ---- */

/*
 * Complete ones that keep the constraints have none; those that were stopped follow all at once,
 * as they may have become as good; then those that violate constraints, by how much in all; and
 * last what failed or has not all numbers.
 */
static double
penalty_of(const pbx_outcome *outcome, uint32_t n_losses)
{
    const pbx_result *last = outcome->last;
    double sum = outcome->end == PBX_END_COMPLETED ? 0 : DBL_MIN;
    if (outcome->end == PBX_END_FAILED || !last || last->n_losses < n_losses)
        return (double)INFINITY;
    for (uint32_t k = 0; k < n_losses; k++)
        if (!isfinite(last->losses[k]))
            return (double)INFINITY;
    for (uint32_t k = 0; k < last->n_violations; k++)
        sum += last->violations[k] > 0 ? last->violations[k] : 0;
    return isnan(sum) ? (double)INFINITY : fmin(sum, DBL_MAX);
}

/* What orders rows of a generation: a rank, then the more room the better, then who came first. */
static int
is_before(const nsga2_row *rows, size_t i, size_t j)
{
    if (rows[i].rank != rows[j].rank)
        return rows[i].rank < rows[j].rank;
    if (rows[i].room != rows[j].room)
        return rows[i].room > rows[j].room;
    return i < j;
}

/* Ranks and room of all rows, none of which is running. */
static pbx_status
rank_rows(pbx_instance *self, pbx_error *error)
{
    nsga2_population *population = &self->population;
    const size_t n = population->n, m = population->n_losses;
    double *penalty = (double *)pbx_alloc_array(self, n + 1, sizeof(double));
    double *room = (double *)pbx_alloc_array(self, n + 1, sizeof(double));
    uint32_t *rank = (uint32_t *)pbx_alloc_array(self, n + 1, sizeof(uint32_t));
    pbx_status status = penalty && room && rank ? PBX_OK : PBX_ENOMEM;
    for (size_t i = 0; status == PBX_OK && i < n; i++)
        penalty[i] = population->rows[i].penalty;
    if (status == PBX_OK)
        status = pbx_ranks_constrained(population->losses, penalty, n, m, rank);
    if (status == PBX_OK)
        status = pbx_crowding(population->losses, n, m, rank, room);
    for (size_t i = 0; status == PBX_OK && i < n; i++) {
        population->rows[i].rank = rank[i];
        population->rows[i].room = room[i];
    }
    pbx_free(self, rank);
    pbx_free(self, room);
    pbx_free(self, penalty);
    return status == PBX_OK ? PBX_OK : pbx_fail_memory(error);
}

/* Running ones go to the end, in their order; how many others there are. */
static size_t
part_rows(pbx_instance *self, pbx_error *error)
{
    nsga2_population *population = &self->population;
    size_t n_ended = 0, n = population->n;
    for (size_t i = 0; i < n; i++) {
        if (population->rows[n_ended].kind != NSGA2_RUNNING) {
            n_ended++;
            continue;
        }
        if (reserve(self, error) != PBX_OK)
            return SIZE_MAX;
        move_row(population, population->n++, n_ended);
        drop(population, n_ended);
    }
    return n_ended;
}

/* Parents are the best of the members and of the parents before. */
static pbx_status
next_generation(pbx_instance *self, pbx_error *error)
{
    nsga2_population *population = &self->population;
    size_t n_all = population->n, n_ended = part_rows(self, error), n;
    pbx_status status;
    if (n_ended == SIZE_MAX)
        return PBX_ENOMEM;
    population->n = n_ended;
    status = rank_rows(self, error);
    population->n = n_all;
    if (status != PBX_OK)
        return status;
    for (n = n_ended; n > self->rules.population_size; n--) {
        size_t worst = 0;
        for (size_t i = 1; i < n; i++)
            if (is_before(population->rows, worst, i))
                worst = i;
        status = remember(self, worst, error);
        if (status != PBX_OK)
            return status;
        drop(population, worst);
    }
    for (size_t i = 0; i < n; i++)
        population->rows[i].kind = NSGA2_PARENT;
    self->generation++;
    return PBX_OK;
}

pbx_status
nsga2_end(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    nsga2_population *population = &self->population;
    pbx_status status = add(self, outcome->trial, NSGA2_MEMBER, outcome->x, error);
    nsga2_row *row;
    if (status != PBX_OK)
        return status;
    row = &population->rows[population->n - 1];
    row->penalty = penalty_of(outcome, population->n_losses);
    for (uint32_t k = 0; k < population->n_losses && !isinf(row->penalty); k++)
        population->losses[(population->n - 1) * population->n_losses + k] =
            outcome->last->losses[k];
    if (nsga2_count(population, NSGA2_MEMBER) < self->rules.population_size)
        return PBX_OK;
    return next_generation(self, error);
}

/* ---- State ---- */

void
nsga2_population_state(pbx_instance *self, pbx_blob *blob)
{
    nsga2_population *population = &self->population;
    size_t n = population->n, n_past = population->n_past;
    pbx_error ignored;
    pbx_blob_count(blob, &n, 32 + 8 * ((size_t)population->n_dims + population->n_losses));
    if (pbx_blob_loading(blob))
        population->n = 0;
    for (size_t i = 0; i < n; i++) {
        nsga2_row *row;
        if (pbx_blob_loading(blob)) {
            if (reserve(self, &ignored) != PBX_OK) {
                pbx_blob_fail(blob, PBX_ENOMEM);
                return;
            }
            population->n++;
        }
        row = &population->rows[i];
        pbx_blob_u64(blob, &row->trial);
        pbx_blob_u32(blob, &row->kind);
        pbx_blob_u32(blob, &row->rank);
        pbx_blob_real(blob, &row->penalty);
        pbx_blob_real(blob, &row->room);
        pbx_blob_reals(blob, nsga2_point(population, i), population->n_dims);
        pbx_blob_reals(blob, &population->losses[i * population->n_losses], population->n_losses);
        if (row->kind > NSGA2_PARENT)
            pbx_blob_fail(blob, PBX_EINVAL);
    }
    pbx_blob_count(blob, &n_past, 8);
    if (pbx_blob_loading(blob) && n_past > NSGA2_MAX_PAST) {
        pbx_blob_fail(blob, PBX_EINVAL);
        n_past = 0;
    }
    if (pbx_blob_loading(blob) && !population->past && n_past > 0)
        population->past = (uint64_t *)pbx_alloc_array(self, NSGA2_MAX_PAST, sizeof(uint64_t));
    if (n_past > 0 && !population->past) {
        pbx_blob_fail(blob, PBX_ENOMEM);
        n_past = 0;
    }
    population->n_past = n_past;
    for (size_t i = 0; i < n_past; i++)
        pbx_blob_u64(blob, &population->past[i]);
}
