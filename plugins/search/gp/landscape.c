/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/gp: what is expected of places, the acquisition function: of the loss, and with
 * constraints times the probability that all are kept, as a sum of logarithms.
 */
#include "model.h"

/* Places of gp_landscape_many that are worked on at once. */
#define AT_ONCE ((size_t)128)

static int
is_feasible(const gp_row *row, size_t n_constraints)
{
    for (size_t i = 0; i < n_constraints; i++)
        if (!(row->violations[i] <= 0))
            return 0;
    return 1;
}

/* The best that was observed, of those that keep all constraints. */
static void
find_best(gp_landscape *landscape, const gp_observations *observations)
{
    const pbx_instance *self = landscape->self;
    const gp_rows *ended = &self->trials.ended;
    size_t at = 0;
    for (size_t i = 0; i < ended->n; i++) {
        const gp_row *row = ended->items[i];
        double y;
        if (row->kind != GP_COUNTS)
            continue;
        y = observations->y[at++];
        if (!is_feasible(row, self->n_constraints) ||
            (landscape->acquisition.has_best && y <= landscape->acquisition.best))
            continue;
        landscape->acquisition.best = y;
        landscape->acquisition.has_best = 1;
        landscape->incumbent = row->u;
    }
}

/* What running trials are taken to give, unless it is what the model believes. */
static const double *
lie_of(const pbx_instance *self, const gp_observations *observations, double *lie)
{
    double least = 0, most = 0;
    if (self->rules.liar == GP_BELIEVER)
        return NULL;
    for (size_t i = 0; i < observations->n; i++) {
        least = observations->y[i] < least ? observations->y[i] : least;
        most = observations->y[i] > most ? observations->y[i] : most;
    }
    /* Of losses the least is the best: the largest y, whose mean is 0. */
    *lie = self->rules.liar == GP_MIN ? most : self->rules.liar == GP_MAX ? least : 0;
    return lie;
}

/* Trials of which only the place is known: they run, or what they gave does not count. */
static int
find_open(const pbx_instance *self, gp_memory *memory, gp_rows *open)
{
    const gp_trials *trials = &self->trials;
    open->items = (gp_row **)(void *)gp_reals(memory, trials->ended.n + trials->running.n);
    if (!open->items)
        return 0;
    for (size_t i = 0; i < trials->ended.n; i++)
        if (trials->ended.items[i]->kind == GP_LEFT_OUT)
            open->items[open->n++] = trials->ended.items[i];
    for (size_t i = 0; i < trials->running.n; i++)
        open->items[open->n++] = trials->running.items[i];
    return 1;
}

static int
make(gp_landscape *landscape)
{
    gp_rows open = {NULL, 0, 0};
    pbx_instance *self = landscape->self;
    gp_memory *memory = &landscape->memory;
    size_t stride = gp_stride(self->trials.ended.n + self->trials.running.n);
    landscape->surfaces =
        (gp_surface *)pbx_alloc_array(self, landscape->n_surfaces, sizeof(gp_surface));
    landscape->zeros = gp_reals(memory, landscape->n_surfaces);
    landscape->d_mean = gp_reals(memory, self->n_dims);
    landscape->d_sd = gp_reals(memory, self->n_dims);
    landscape->block = gp_reals(memory, AT_ONCE * (stride + 2));
    if (!landscape->surfaces || !landscape->zeros || !landscape->d_mean || !landscape->d_sd ||
        !landscape->block || !find_open(self, memory, &open))
        return 0;
    for (size_t i = 0; i < landscape->n_surfaces; i++) {
        gp_observations observations;
        double lie;
        const double *told = NULL;
        if (!gp_observe(self, memory, self->trials.ended.n, i, self->fits[i].warped, &observations))
            return 0;
        landscape->zeros[i] = observations.zero;
        if (i == 0) {
            find_best(landscape, &observations);
            told = lie_of(self, &observations, &lie);
        }
        if (!gp_surface_make(self, memory, &self->fits[i], &observations, &open, told,
                             &landscape->surfaces[i]))
            return 0;
    }
    return 1;
}

pbx_status
gp_landscape_make(pbx_instance *self, gp_landscape *landscape, pbx_error *error)
{
    memset(landscape, 0, sizeof *landscape);
    landscape->self = self;
    landscape->memory.self = self;
    landscape->n_surfaces = 1 + self->n_constraints;
    landscape->acquisition.kind = self->rules.acquisition;
    landscape->acquisition.kappa = self->rules.kappa;
    landscape->acquisition.xi = self->rules.xi;
    if (make(landscape))
        return PBX_OK;
    gp_landscape_free(landscape);
    return pbx_fail_memory(error);
}

void
gp_landscape_free(gp_landscape *landscape)
{
    pbx_free(landscape->self, landscape->surfaces);
    landscape->surfaces = NULL;
    gp_memory_free(&landscape->memory);
}

/* Of the i-th output, of which this is known at a place. */
static double
value_of(const gp_landscape *landscape, size_t i, double mean, double sd, double *of_mean,
         double *of_sd)
{
    if (i > 0)
        return gp_feasible(landscape->zeros[i], mean, sd, of_mean, of_sd);
    if (landscape->acquisition.has_best)
        return gp_acquire(&landscape->acquisition, mean, sd, of_mean, of_sd);
    *of_mean = *of_sd = 0;
    return 0;
}

double
gp_landscape_at(gp_landscape *landscape, const double *u, double *gradient)
{
    pbx_instance *self = landscape->self;
    double sum = 0;
    landscape->cancelled |= self->base.host->cancelled(self->base.host) != 0;
    for (size_t j = 0; gradient && j < self->n_dims; j++)
        gradient[j] = 0;
    for (size_t i = 0; i < landscape->n_surfaces; i++) {
        double mean, sd, of_mean, of_sd;
        gp_surface_at(&landscape->surfaces[i], u, &mean, &sd, gradient ? landscape->d_mean : NULL,
                      landscape->d_sd);
        sum += value_of(landscape, i, mean, sd, &of_mean, &of_sd);
        for (size_t j = 0; gradient && j < self->n_dims; j++)
            gradient[j] += of_mean * landscape->d_mean[j] + of_sd * landscape->d_sd[j];
    }
    return sum;
}

void
gp_landscape_many(gp_landscape *landscape, const double *u, size_t n, double *values)
{
    pbx_instance *self = landscape->self;
    for (size_t first = 0; first < n && !landscape->cancelled; first += AT_ONCE) {
        const size_t n_here = n - first < AT_ONCE ? n - first : AT_ONCE;
        double *mean = landscape->block, *sd = mean + AT_ONCE, *block = sd + AT_ONCE;
        landscape->cancelled |= self->base.host->cancelled(self->base.host) != 0;
        for (size_t c = 0; c < n_here; c++)
            values[first + c] = 0;
        for (size_t i = 0; i < landscape->n_surfaces; i++) {
            gp_surface_many(&landscape->surfaces[i], u + first * self->n_dims, n_here, block, mean,
                            sd);
            for (size_t c = 0; c < n_here; c++) {
                double of_mean, of_sd;
                values[first + c] += value_of(landscape, i, mean[c], sd[c], &of_mean, &of_sd);
            }
        }
    }
}
