/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/lhs: Latin hypercubes. The suggestions are in blocks; a block of n divides each
 * parameter's range into n equal parts and has one point in each of them. The point is a function
 * of the seed and of the ask; the state is only how the asks are divided into blocks, which
 * num_samples says, and that may have grown since.
 */
#include <pegbox/helpers.h>

/* Blocks of one size, up to where the next run begins. */
typedef struct {
    uint64_t first; /* ask */
    uint64_t size;
} Run;

struct pbx_instance {
    pbx_base base;
    uint64_t block;   /* the option; 0: num_samples */
    int64_t n_wanted; /* num_samples */
    uint64_t asked;
    Run *runs; /* the last one has no end */
    size_t n_runs;
    /* Of the problem, made anew in setup. */
    const pbx_space *space;
    const pbx_dim *const **by_name; /* [n_dims]: the k-th coordinate is of the k-th name */
    uint64_t *words;                /* [2 * n_dims] */
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    (void)error;
    self->block = (uint64_t)pbx_integer(host, options, "block");
    return PBX_OK;
}

/* ---- Blocks ---- */

/* Where the first block begins that no ask was in yet. */
static uint64_t
find_unused(const pbx_instance *self)
{
    const Run *last;
    uint64_t n = 1;
    if (self->n_runs == 0)
        return 0;
    last = &self->runs[self->n_runs - 1];
    if (self->asked > last->first)
        n = (self->asked - last->first - 1) / last->size + 1;
    return last->first + n * last->size;
}

/* Where the blocks that were begun give fewer than are wanted now, the rest is a block. */
static int
add_run(pbx_instance *self)
{
    uint64_t first = find_unused(self), size = self->block;
    Run *longer;
    if (size == 0 && self->n_wanted > 0 && (uint64_t)self->n_wanted > first)
        size = (uint64_t)self->n_wanted - first;
    if (self->n_runs == 0 && size == 0)
        size = 1; /* no samples are wanted yet */
    if (size == 0 || (self->n_runs > 0 && self->runs[self->n_runs - 1].size == size))
        return 1;
    longer = (Run *)pbx_realloc(self, self->runs, (self->n_runs + 1) * sizeof(Run));
    if (!longer)
        return 0;
    longer[self->n_runs].first = first;
    longer[self->n_runs++].size = size;
    self->runs = longer;
    return 1;
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    size_t n = problem->space->n_dims;
    if (problem->num_samples < 0 && self->block == 0)
        return pbx_fail(error, PBX_EINVAL, NULL,
                        "needs 'num_samples', or the option 'block', to divide the ranges by");
    pbx_free(self, self->by_name);
    pbx_free(self, self->words);
    self->by_name = (const pbx_dim *const **)pbx_alloc_array(self, n, sizeof(*self->by_name));
    self->words = (uint64_t *)pbx_alloc_array(self, n, 2 * sizeof(uint64_t));
    self->space = problem->space;
    self->n_wanted = problem->num_samples;
    if (!self->by_name || !self->words || !add_run(self))
        return pbx_fail_memory(error);
    pbx_sort_names(self->space, self->by_name);
    return PBX_OK;
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_u64(blob, &self->asked);
    pbx_blob_count(blob, &self->n_runs, sizeof(Run));
    if (pbx_blob_loading(blob)) {
        Run *runs = (Run *)pbx_realloc(self, self->runs, (self->n_runs + 1) * sizeof(Run));
        if (!runs) {
            self->n_runs = 0;
            pbx_blob_fail(blob, PBX_ENOMEM);
            return;
        }
        self->runs = runs;
    }
    for (size_t i = 0; i < self->n_runs; i++) {
        Run *run = &self->runs[i];
        pbx_blob_u64(blob, &run->first);
        pbx_blob_u64(blob, &run->size);
        if (run->size == 0 || (i == 0 ? run->first > 0 : run->first <= run[-1].first))
            pbx_blob_fail(blob, PBX_EINVAL);
    }
    if (self->n_runs == 0)
        pbx_blob_fail(blob, PBX_EINVAL);
    if (pbx_blob_loading(blob) && blob->status == PBX_OK && !add_run(self))
        pbx_blob_fail(blob, PBX_ENOMEM);
}

/* ---- Points ---- */

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    const Run *run = &self->runs[self->n_runs - 1];
    uint64_t n = self->space->n_dims, *orders = self->words, *within = self->words + n, index;
    (void)error;
    while (run->first > suggestion->ask)
        run--;
    index = (suggestion->ask - run->first) % run->size;
    host->random(host, suggestion->ask - index, 0, orders, n);
    host->random(host, suggestion->ask, n, within, n);
    for (uint64_t k = 0; k < n; k++) {
        uint64_t part = pbx_permute(orders[k], run->size, index);
        suggestion->x[self->by_name[k] - self->space->dims] =
            ((double)part + pbx_unit_of_word(within[k])) / (double)run->size;
    }
    pbx_from_cube(self->space, suggestion->x, suggestion->x);
    self->asked = suggestion->ask + 1;
    return PBX_OK;
}

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    if (self->n_runs == 0)
        return PBX_OK;
    return pbx_sink_printf(sink, "A Latin hypercube of %llu points",
                           (unsigned long long)self->runs[self->n_runs - 1].size);
}

static const pbx_option options[] = {
    PBX_OPT_INT("block", "points that divide the ranges among them; default: num_samples", "1.0", 1,
                4503599627370496.0, NULL),
};

PEGBOX_SEARCH("lhs", "1.0", "Latin hypercubes: each part of each range once", "LGPL-2.1-or-later",
              options,
              PBX_CAP_CATEGORY | PBX_CAP_CONDITIONAL | PBX_CAP_UNBOUNDED | PBX_CAP_QUANTUM |
                  PBX_CAP_OBJECTIVES | PBX_CAP_CONSTRAINTS,
              1, init, state, .setup = setup, .suggest = suggest, .object.describe = describe);
