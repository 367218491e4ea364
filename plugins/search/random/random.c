/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/random: independent draws, and complete grids, in the order of Ray Tune's
 * variant generator. The n-th suggestion is a function of n; the only state is how many
 * of them were skipped as duplicates.
 */
#include <pegbox/helpers.h>

struct pbx_instance {
    pbx_base base;
    const pbx_problem *problem;
    int constant_grid_search;
    const pbx_json *points; /* of points_to_evaluate */
    size_t n_points;
    uint64_t skipped; /* suggestions that were duplicates */
    /* What follows is of the problem, made anew in setup. */
    uint32_t *grids; /* dims that are to be visited completely, sorted by path */
    size_t n_grids;
    double *fixed;   /* [n_points + 1][n_dims]: what a point fixes, else NaN; the last row
                        is of samples without a point */
    uint64_t *sizes; /* [n_points + 1]: grid points of such a sample */
    uint64_t *words; /* [n_dims] */
    uint32_t *level; /* [n_grids] */
};

/* Which suggestion of which sample. */
typedef struct {
    uint64_t sample;
    uint64_t point;     /* of its grid */
    uint64_t first_ask; /* of the sample */
} Place;

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    (void)error;
    self->constant_grid_search = pbx_boolean(host, options, "constant_grid_search");
    self->points = host->json_member(options, "points_to_evaluate");
    self->n_points = host->json_length(self->points);
    return PBX_OK;
}

/* ---- The grid: a tree, since a grid's item may hold grids ---- */

static uint64_t
multiply(uint64_t a, uint64_t b)
{
    return a != 0 && b > UINT64_MAX / a ? UINT64_MAX : a * b;
}

static uint64_t
add(uint64_t a, uint64_t b)
{
    return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

/* To be visited completely: not below a choice that may leave it out. */
static int
is_grid(const pbx_space *space, uint32_t dim)
{
    int32_t at = (int32_t)dim;
    for (; at >= 0; at = space->dims[at]->parent)
        if (!(space->dims[at]->flags & PBX_DIM_GRID))
            return 0;
    return 1;
}

static int
is_active(const pbx_space *space, const double *x, uint32_t dim)
{
    const pbx_dim *at = space->dims[dim];
    for (; at->parent >= 0; at = space->dims[at->parent])
        if (!pbx_active(at, x))
            return 0;
    return 1;
}

static uint64_t count_grid(const pbx_instance *self, const double *x, uint32_t dim);

/* Grid points within one item of a grid. */
static uint64_t
count_branch(const pbx_instance *self, const double *x, uint32_t dim, uint32_t choice)
{
    uint64_t n = 1;
    for (size_t i = 0; i < self->n_grids; i++) {
        const pbx_dim *child = self->problem->space->dims[self->grids[i]];
        if (child->parent == (int32_t)dim && child->parent_choice == choice)
            n = multiply(n, count_grid(self, x, self->grids[i]));
    }
    return n;
}

/* Those of a grid and what is in it; where x has fixed the item, of that one. */
static uint64_t
count_grid(const pbx_instance *self, const double *x, uint32_t dim)
{
    uint64_t n = 0;
    if (!isnan(x[dim]))
        return count_branch(self, x, dim, (uint32_t)x[dim]);
    for (uint32_t choice = 0; choice < self->problem->space->dims[dim]->n_choices; choice++)
        n = add(n, count_branch(self, x, dim, choice));
    return n;
}

/* The grid points of a sample in which x is fixed. */
static uint64_t
count_sample(const pbx_instance *self, const double *x)
{
    uint64_t n = 1;
    for (size_t i = 0; i < self->n_grids; i++)
        if (self->problem->space->dims[self->grids[i]]->parent < 0)
            n = multiply(n, count_grid(self, x, self->grids[i]));
    return n;
}

/* The items of n grids of one level from `number`: the first varies fastest, but all
 * points below these items come before the next. What is left counts those. */
static uint64_t
take_level(const pbx_instance *self, size_t n, uint64_t number, double *x)
{
    uint64_t below = 1;
    for (size_t i = n; i-- > 0;) {
        uint32_t dim = self->level[i], choice = 0;
        uint64_t faster = below, inside;
        for (size_t j = 0; j < i; j++)
            faster = multiply(faster, count_grid(self, x, self->level[j]));
        for (;; choice++) {
            inside = count_branch(self, x, dim, choice);
            if (choice + 1 == self->problem->space->dims[dim]->n_choices ||
                number < multiply(faster, inside))
                break;
            number -= multiply(faster, inside);
        }
        below = multiply(below, inside);
        x[dim] = choice;
    }
    return number;
}

static void
take_grid(const pbx_instance *self, uint64_t number, double *x)
{
    size_t n;
    do {
        n = 0;
        for (size_t i = 0; i < self->n_grids; i++)
            if (isnan(x[self->grids[i]]) && is_active(self->problem->space, x, self->grids[i]))
                self->level[n++] = self->grids[i];
        number = take_level(self, n, number, x);
    } while (n > 0);
}

/* ---- Setup ---- */

/* One letter of a path, where the end of an element comes before any letter of it: 0 at
 * the path's end, 1 between elements. Quotes are left out; *quoted is 0 at the start. */
static int
next_letter(const char **at, int *quoted)
{
    while (**at == '"' || (!*quoted && **at == ']'))
        *quoted ^= *(*at)++ == '"';
    if (**at == '\0')
        return 0;
    if (!*quoted && (**at == '.' || **at == '['))
        return ++*at, 1;
    if (*quoted && **at == '\\')
        ++*at;
    return (unsigned char)*(*at)++ + 2;
}

/* Element by element, as Tune orders paths: a.b comes before a-b, [2] before [10]. */
static int
compare_paths(const char *a, const char *b)
{
    int quoted_a = 0, quoted_b = 0, letter_a, letter_b;
    do {
        int is_index = !quoted_a && !quoted_b && *a == '[' && *b == '[';
        letter_a = next_letter(&a, &quoted_a);
        letter_b = next_letter(&b, &quoted_b);
        if (is_index && strcspn(a, "]") != strcspn(b, "]"))
            return strcspn(a, "]") < strcspn(b, "]") ? -1 : 1;
    } while (letter_a == letter_b && letter_a != 0);
    return letter_a - letter_b;
}

static void
find_grids(pbx_instance *self)
{
    const pbx_space *space = self->problem->space;
    self->n_grids = 0;
    for (uint32_t dim = 0; dim < space->n_dims; dim++) {
        size_t at = self->n_grids;
        if (!is_grid(space, dim))
            continue;
        for (; at > 0; at--) {
            if (compare_paths(space->dims[self->grids[at - 1]]->path, space->dims[dim]->path) <= 0)
                break;
            self->grids[at] = self->grids[at - 1];
        }
        self->grids[at] = dim;
        self->n_grids++;
    }
}

static pbx_status
allocate(pbx_instance *self, size_t n_dims, pbx_error *error)
{
    size_t rows = self->n_points + 1;
    pbx_free(self, self->grids);
    pbx_free(self, self->fixed);
    pbx_free(self, self->sizes);
    pbx_free(self, self->words);
    pbx_free(self, self->level);
    self->grids = (uint32_t *)pbx_alloc_array(self, n_dims, sizeof(uint32_t));
    self->level = (uint32_t *)pbx_alloc_array(self, n_dims, sizeof(uint32_t));
    self->words = (uint64_t *)pbx_alloc_array(self, n_dims, sizeof(uint64_t));
    self->sizes = (uint64_t *)pbx_alloc_array(self, rows, sizeof(uint64_t));
    self->fixed = (double *)pbx_alloc_array(self, rows * (n_dims + 1), sizeof(double));
    if (!self->grids || !self->level || !self->words || !self->sizes || !self->fixed)
        return pbx_fail_memory(error);
    return PBX_OK;
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    size_t n_dims = problem->space->n_dims;
    pbx_status status = allocate(self, n_dims, error);
    if (status != PBX_OK)
        return status;
    self->problem = problem;
    find_grids(self);
    for (size_t i = 0; i <= self->n_points; i++) {
        double *row = self->fixed + i * n_dims;
        for (size_t dim = 0; dim < n_dims; dim++)
            row[dim] = NAN;
        if (i < self->n_points)
            status =
                pbx_point_read(host, problem->space, host->json_item(self->points, i), row, error);
        if (status != PBX_OK) {
            snprintf(error->where, sizeof(error->where), "points_to_evaluate[%zu]", i);
            return PBX_EINVAL;
        }
        self->sizes[i] = count_sample(self, row);
    }
    return PBX_OK;
}

/* ---- Suggestions ---- */

/* What was skipped is drawn again, but a grid alone ends with its last point. */
static int
is_finite(const pbx_instance *self)
{
    return self->n_grids > 0 && self->n_grids == self->problem->space->n_dims;
}

/* Suggestions in all; UINT64_MAX: without end. */
static uint64_t
count_all(const pbx_instance *self)
{
    uint64_t n = 0, samples = (uint64_t)self->problem->num_samples;
    if (self->problem->num_samples < 0)
        return UINT64_MAX;
    for (size_t i = 0; i < self->n_points; i++)
        n = add(n, self->sizes[i]);
    if (samples > self->n_points)
        n = add(n, multiply(samples - self->n_points, self->sizes[self->n_points]));
    return n;
}

/* Points come first, each in place of one sample; all of them, even if there are more. */
static void
find_place(const pbx_instance *self, uint64_t ask, Place *place)
{
    uint64_t size = self->sizes[self->n_points];
    uint64_t left = ask;
    for (place->sample = 0; place->sample < self->n_points; place->sample++) {
        size = self->sizes[place->sample];
        if (left < size)
            break;
        left -= size;
        size = self->sizes[self->n_points];
    }
    if (place->sample == self->n_points)
        place->sample += left / size;
    place->point = left % size;
    place->first_ask = ask - place->point;
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    const pbx_space *space = self->problem->space;
    double *x = suggestion->x;
    size_t row;
    Place place;
    (void)error;
    if (suggestion->ask >= add(count_all(self), is_finite(self) ? 0 : self->skipped))
        return PBX_DONE;
    find_place(self, suggestion->ask, &place);
    row = place.sample < self->n_points ? (size_t)place.sample : self->n_points;
    for (uint32_t dim = 0; dim < space->n_dims; dim++)
        x[dim] = self->fixed[row * space->n_dims + dim];
    take_grid(self, place.point, x);
    host->random(host, self->constant_grid_search ? place.first_ask : suggestion->ask, 0,
                 self->words, space->n_dims);
    for (uint32_t dim = 0; dim < space->n_dims; dim++) {
        if (!is_active(space, x, dim))
            x[dim] = NAN;
        else if (isnan(x[dim]))
            x[dim] = pbx_from_unit(space->dims[dim], pbx_unit_of_word(self->words[dim]));
    }
    return PBX_OK;
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    (void)error;
    if (outcome->end == PBX_END_DUPLICATE)
        self->skipped++;
    return PBX_OK;
}

static pbx_status
total(pbx_instance *self, int64_t *n, pbx_error *error)
{
    uint64_t all = count_all(self);
    (void)error;
    if (all > INT64_MAX)
        *n = -1;
    else
        *n = (int64_t)(is_finite(self) ? all - self->skipped : all);
    return PBX_OK;
}

/* "random draws: 200 points", "a grid of 27 points, 3 times" */
static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    pbx_status status;
    unsigned long long size, samples;
    if (self->problem == NULL)
        return PBX_OK;
    size = (unsigned long long)self->sizes[self->n_points];
    samples = (unsigned long long)self->problem->num_samples;
    if (self->n_grids == 0 && self->problem->num_samples < 0)
        status = pbx_sink_printf(sink, "Random draws without end");
    else if (self->n_grids == 0)
        status =
            pbx_sink_printf(sink, "Random draws: %llu point%s", samples, samples == 1 ? "" : "s");
    else if (self->problem->num_samples < 0)
        status = pbx_sink_printf(sink, "A grid of %llu points, over and over", size);
    else
        status = pbx_sink_printf(sink, "A grid of %llu point%s, %llu time%s", size,
                                 size == 1 ? "" : "s", samples, samples == 1 ? "" : "s");
    if (status == PBX_OK && self->n_points > 0)
        status = pbx_sink_printf(sink, ", %zu of them given", self->n_points);
    if (status == PBX_OK && self->skipped > 0)
        status =
            pbx_sink_printf(sink, "; %llu duplicates skipped", (unsigned long long)self->skipped);
    return status;
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_u64(blob, &self->skipped);
}

static const pbx_option options[] = {
    PBX_OPT_ANY(PBX_OPTION_JSON, PBX_OPTION_LIST, "points_to_evaluate",
                "configs, or parts of them, that are evaluated first, each as one of num_samples",
                "1.0", "[]"),
    PBX_OPT_BOOL("constant_grid_search",
                 "whether what is random is drawn once a sample and kept over its grid", "1.0",
                 "false"),
};

PEGBOX_SEARCH("random", "1.0", "Independent random configurations, and complete grids",
              "LGPL-2.1-or-later", options,
              PBX_CAP_CATEGORY | PBX_CAP_CONDITIONAL | PBX_CAP_GRID | PBX_CAP_UNBOUNDED |
                  PBX_CAP_QUANTUM | PBX_CAP_OWNS_SAMPLES | PBX_CAP_OBJECTIVES | PBX_CAP_CONSTRAINTS,
              1, init, state, .setup = setup, .suggest = suggest, .tell = tell, .total = total,
              .object.describe = describe);
