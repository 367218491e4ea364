/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/cfo: cost-frugal optimisation, a local search from a cheap point, again from elsewhere
 * once it has converged. This file is the plugin: its options, its calls and its state.
 */
#include "flow2.h"

struct pbx_instance {
    pbx_base base;
    /* Options. */
    int has_cost; /* cost_attr */
    const char *resource_attr;
    flow2_resource resource;
    /* Of the problem. */
    const pbx_problem *problem;
    flow2_space space;
    /* What it knows. */
    uint64_t thread; /* the searches that were begun */
    uint64_t asked;  /* the trial of the last suggestion */
    uint64_t source; /* the trial that the incumbent is of */
    flow2 search;
    pbx_map live; /* flow2_trial, of those that have not ended */
    flow2_memory memory;
    /* Scratch. */
    flow2_trial *trial;
    double *x;
    char *extra;
};

static const pbx_option options[] = {
    FLOW2_OPT_CHEAP,
    FLOW2_OPT_COSTS,
    FLOW2_OPT_COST_ATTR,
    PBX_OPT_STRING("resource_attr",
                   "a key of the config that says how much a trial may take of something; begins "
                   "small, and grows; default: none",
                   "1.0", NULL),
    PBX_OPT_REAL_ABOVE("min_resource", "how much at first; default: max_resource / factor^5", "1.0",
                       0, NULL),
    PBX_OPT_REAL_ABOVE("max_resource", "how much at most; default: none, which resource_attr needs",
                       "1.0", 0, NULL),
    PBX_OPT_REAL_ABOVE("reduction_factor", "how many times as much it is when it grows", "1.0", 1,
                       "4"),
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options_, pbx_error *error)
{
    flow2_resource *resource = &self->resource;
    self->has_cost = pbx_string(host, options_, "cost_attr") != NULL;
    self->resource_attr = pbx_string(host, options_, "resource_attr");
    resource->factor = pbx_real(host, options_, "reduction_factor");
    resource->least = pbx_real(host, options_, "min_resource");
    resource->most = pbx_real(host, options_, "max_resource");
    if (!self->resource_attr) {
        if (!isnan(resource->least) || !isnan(resource->most))
            return pbx_fail(error, PBX_EINVAL, "resource_attr",
                            "is needed with min_resource and max_resource");
        return PBX_OK;
    }
    if (isnan(resource->most))
        return pbx_fail(error, PBX_EINVAL, "max_resource", "is needed with resource_attr");
    if (strpbrk(self->resource_attr, "\"\\.") || !*self->resource_attr)
        return pbx_fail(error, PBX_EINVAL, "resource_attr", "is a plain key of the config");
    if (isnan(resource->least)) {
        resource->least = resource->most / pow(resource->factor, 5);
        if (resource->most == floor(resource->most))
            resource->least = fmax(1, floor(resource->least));
    }
    if (resource->least > resource->most)
        return pbx_fail(error, PBX_EINVAL, "min_resource", "is above max_resource");
    self->extra = pbx_alloc(self, strlen(self->resource_attr) + 40);
    return self->extra ? PBX_OK : pbx_fail_memory(error);
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    const size_t n = problem->space->n_dims;
    pbx_status status = flow2_space_read(self, &self->space, problem, error);
    self->problem = problem;
    for (size_t i = 0; i < n && self->resource_attr; i++)
        if (strcmp(problem->space->dims[i]->path, self->resource_attr) == 0)
            return pbx_fail(error, PBX_EINVAL, "resource_attr",
                            "'%s' is a parameter of the search space", self->resource_attr);
    if (status != PBX_OK || self->live.self)
        return status;
    pbx_map_init(&self->live, self, sizeof(flow2_trial) + n * sizeof(double));
    self->trial = pbx_alloc(self, self->live.item_size);
    self->x = pbx_alloc_array(self, n, sizeof(double));
    if (!self->trial || !self->x)
        return pbx_fail_memory(error);
    status = flow2_make(self, &self->search, n, error);
    if (status == PBX_OK)
        status = flow2_memory_make(self, &self->memory, error);
    if (status == PBX_OK)
        flow2_start(&self->search, self->space.start, (double)INFINITY, 0, &self->resource);
    self->thread = 1;
    self->source = PBX_NONE;
    return status;
}

/* ---- Calls ---- */

static pbx_status
keep(pbx_instance *self, uint64_t number, pbx_error *error)
{
    flow2_trial *kept = pbx_map_put(&self->live, number);
    if (!kept)
        return pbx_fail_memory(error);
    memcpy(kept, self->trial, self->live.item_size);
    return PBX_OK;
}

/* The search learns of a point, and is followed by another one once it has converged. */
static void
count(pbx_instance *self, uint64_t number, const flow2_trial *trial, double loss, double cost)
{
    if (flow2_tell(&self->search, &self->resource, trial, loss, cost))
        self->source = number;
    if (flow2_has_converged(&self->search, &self->space)) {
        pbx_rng rng = pbx_rng_at(self->base.host, PBX_RNG_ALWAYS, self->thread << 32);
        self->thread++;
        self->source = PBX_NONE;
        flow2_start_anywhere(&self->search, &self->space, &self->resource, &rng);
    }
}

/* What came of this point, the trial's; NULL: nothing is known. */
static const flow2_seen *
find_seen(const pbx_instance *self, const double *x)
{
    return flow2_find(&self->space, &self->memory, x, self->trial->resource);
}

static int
is_under_way(const pbx_instance *self, const double *x)
{
    return !self->trial->is_raise &&
           flow2_is_known(&self->space, &self->search, &self->live, x, self->x);
}

/* Nobody's, as though it was enqueued. */
static void
draw_anywhere(pbx_instance *self, pbx_rng *rng, double *x)
{
    flow2_trial *trial = self->trial;
    memset(trial, 0, self->live.item_size);
    trial->resource = self->search.resource;
    for (size_t i = 0; i < self->space.n; i++) {
        const flow2_axis *axis = &self->space.axes[i];
        const double u = pbx_rng_uniform(rng);
        trial->places[i] = axis->unordered ? pbx_from_unit(axis->dim, u) : u;
    }
    flow2_point(&self->space, trial->places, x);
}

/* Where all is whole, what was tried counts without another trial. With nothing new around, the
 * point is one from anywhere: in the end one that was tried, where no other is left. */
static void
propose(pbx_instance *self, pbx_rng *rng, double *x)
{
    enum { MOST_TRIES = 100, MOST_DRAWS = 200 };
    for (int i = 0; i < MOST_TRIES; i++) {
        const flow2_seen *seen;
        flow2_ask(&self->search, &self->space, &self->resource, rng, self->trial);
        self->trial->thread = self->thread;
        flow2_point(&self->space, self->trial->places, x);
        seen = find_seen(self, x);
        if (!self->space.all_whole || (!seen && !is_under_way(self, x)))
            return;
        if (seen)
            count(self, seen->trial, self->trial, seen->loss, seen->cost);
    }
    for (int i = 0; i < MOST_DRAWS; i++) {
        draw_anywhere(self, rng, x);
        if (!find_seen(self, x) && !is_under_way(self, x))
            return;
    }
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    pbx_rng rng = pbx_rng_at(self->base.host, suggestion->ask, 0);
    size_t open = 0;
    for (size_t i = 0; i < self->live.n; i++) {
        const flow2_trial *trial = pbx_map_item(&self->live, i);
        open += trial->thread == self->thread && trial->incumbent == self->search.incumbent;
    }
    if (open > 0 && open >= 2 * self->space.n)
        return PBX_AGAIN;
    propose(self, &rng, suggestion->x);
    self->asked = suggestion->trial;
    suggestion->origin = self->trial->thread;
    if (self->resource_attr) {
        char number[32];
        snprintf(self->extra, strlen(self->resource_attr) + 40, "{\"%s\": %s}", self->resource_attr,
                 pbx_format_real(self->trial->resource, number));
        suggestion->extra = self->extra;
    }
    return keep(self, suggestion->trial, error);
}

/* As it was when the search proposed it, as far as it is known, or of nobody's. */
static pbx_status
adopt(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    const uint32_t replayed = suggestion->flags & PBX_SUGGESTION_REPLAY;
    const int own = replayed && suggestion->ask != PBX_NONE;
    memset(self->trial, 0, self->live.item_size);
    self->trial->resource = self->search.resource;
    memcpy(self->trial->places, self->search.center, self->space.n * sizeof(double));
    flow2_places(&self->space, suggestion->x, self->trial->places);
    if (own && suggestion->origin == self->thread) {
        self->trial->thread = self->thread;
        self->trial->incumbent = self->search.incumbent;
        self->trial->step = self->search.step;
        flow2_count_ask(&self->search, &self->resource);
        self->trial->ask = self->search.asks;
    }
    return keep(self, suggestion->trial, error);
}

static void
learn(pbx_instance *self, const pbx_outcome *outcome, uint64_t number, const flow2_trial *trial)
{
    const int changed = (outcome->flags & PBX_OUTCOME_RECONFIGURED) != 0;
    flow2_trial *used = self->trial;
    flow2_seen what;
    if (trial) {
        memcpy(used, trial, self->live.item_size);
    } else {
        memset(used, 0, self->live.item_size);
        used->resource = self->search.resource;
        memcpy(used->places, self->search.center, self->space.n * sizeof(double));
    }
    if (changed || !trial)
        flow2_places(&self->space, outcome->x, used->places);
    what = (flow2_seen){.trial = number,
                        .loss = pbx_final_loss(outcome),
                        .cost = flow2_cost(self->problem, self->has_cost, outcome),
                        .resource = used->resource};
    flow2_point(&self->space, used->places, self->x);
    flow2_remember(&self->space, &self->memory, self->x, &what);
    if (used->thread == 0 || used->thread == self->thread) /* else of a search that is over */
        count(self, number, used, what.loss, what.cost);
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    const uint64_t number = outcome->end == PBX_END_DUPLICATE ? self->asked : outcome->trial;
    const flow2_trial *trial = number != PBX_NONE ? pbx_map_get(&self->live, number) : NULL;
    (void)error;
    if (outcome->end == PBX_END_VOID) {
        flow2_forget(&self->space, &self->memory, outcome->x);
        /* Whatever succeeds next takes the incumbent's place. */
        if (!trial && number == self->source) {
            self->search.best = (double)INFINITY;
            self->search.completed = 0;
        }
    } else if (outcome->end != PBX_END_DUPLICATE || (trial && outcome->last)) {
        learn(self, outcome, number, trial);
    }
    if (number != PBX_NONE)
        pbx_map_remove(&self->live, number);
    return PBX_OK;
}

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    char step[32];
    return pbx_sink_printf(sink, "CFO: search %llu: %llu proposals, step %s",
                           (unsigned long long)self->thread, (unsigned long long)self->search.asks,
                           pbx_format_real(self->search.step, step));
}

/* ---- State ---- */

static void
live_state(pbx_blob *blob, void *item)
{
    flow2_trial_state(item, blob->self->space.n, blob);
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    uint64_t n = self->space.n;
    pbx_blob_u64(blob, &n);
    if (n != self->space.n || !self->live.self) {
        pbx_blob_fail(blob, PBX_ENOTSUP);
        return;
    }
    pbx_blob_u64(blob, &self->thread);
    if (self->thread < 1) /* 0 is nobody's */
        pbx_blob_fail(blob, PBX_EINVAL);
    pbx_blob_u64(blob, &self->asked);
    pbx_blob_u64(blob, &self->source);
    flow2_state(&self->search, blob);
    pbx_blob_map(blob, &self->live, live_state);
    flow2_memory_state(&self->memory, blob);
}

PEGBOX_SEARCH("cfo", "1.0",
              "Cost-frugal optimisation: a local search that begins where it is cheap",
              "LGPL-2.1-or-later", options,
              PBX_CAP_NEEDS_METRIC | PBX_CAP_CATEGORY | PBX_CAP_CONDITIONAL | PBX_CAP_UNBOUNDED |
                  PBX_CAP_QUANTUM,
              2, init, state, .setup = setup, .suggest = suggest, .adopt = adopt, .tell = tell,
              .object.describe = describe);
