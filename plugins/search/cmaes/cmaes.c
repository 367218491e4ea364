/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/cmaes: the covariance matrix adaptation evolution strategy. This file is the plugin: its
 * options, its calls and its state.
 */
#include "cmaes.h"

/* From so many parameters on the covariance is a diagonal, unless an option says otherwise. */
#define MANY 51

static const char *const rules[] = {"none", "ipop", "bipop", NULL};

static const pbx_option options[] = {
    PBX_OPT_JSON("x0",
                 "where it begins: an object of values by parameter; default: the middle of "
                 "each range",
                 "1.0", NULL),
    PBX_OPT(PBX_OPTION_REAL, PBX_OPTION_MIN_OPEN, "sigma0",
            "the first step, as a part of each range; default: a sixth", "1.0", 0, 1, NULL, NULL),
    PBX_OPT_INT("n_startup_trials", "trials that are drawn at random first", "1.0", 0, 1e9, "1"),
    PBX_OPT_INT("popsize", "trials of a generation, at least 4; 0: by the number of parameters",
                "1.0", 0, 100000, "0"),
    PBX_OPT_ENUM(
        "restart_strategy",
        "what follows a run that converged: the end; a run of more trials a generation; or "
        "by turns one of more and some of few",
        "1.0", rules, "\"ipop\""),
    PBX_OPT_INT("inc_popsize", "how many times the trials of a generation then are", "1.0", 1, 100,
                "2"),
    PBX_OPT_ANY(PBX_OPTION_BOOL, 0, "use_separable_cma",
                "learn a step for each parameter, and not how they depend on each other; default: "
                "from 51 numbers on",
                "1.0", NULL),
    PBX_OPT_BOOL("with_margin", "keep integers and steps from being stuck at one value", "1.0",
                 "true"),
    PBX_OPT_BOOL("use_early_stopped",
                 "learn from the last loss of a trial that a scheduler stopped, too", "1.0",
                 "true"),
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options_, pbx_error *error)
{
    const char *rule = pbx_string(host, options_, "restart_strategy");
    self->sigma0 = pbx_real(host, options_, "sigma0");
    if (isnan(self->sigma0))
        self->sigma0 = 1.0 / 6;
    self->n_startup = (uint64_t)pbx_integer(host, options_, "n_startup_trials");
    self->popsize = (size_t)pbx_integer(host, options_, "popsize");
    self->separable = host->json_bool(host->json_member(options_, "use_separable_cma"), -1);
    self->with_margin = pbx_boolean(host, options_, "with_margin");
    self->use_early_stopped = pbx_boolean(host, options_, "use_early_stopped");
    while (strcmp(rules[self->restart.rule], rule) != 0)
        self->restart.rule++;
    self->restart.factor = (size_t)pbx_integer(host, options_, "inc_popsize");
    self->restart.sigma0 = self->sigma0;
    if (self->popsize > 0 && self->popsize < 4)
        return pbx_fail(error, PBX_EINVAL, "popsize", "needs at least 4, or 0");
    return PBX_OK;
}

/* ---- The problem ---- */

static cmaes_axis *
axis_named(const pbx_instance *self, const char *name)
{
    for (size_t i = 0; i < self->n_axes; i++)
        if (strcmp(self->axes[i].dim->name, name) == 0)
            return &self->axes[i];
    return NULL;
}

static pbx_status
read_x0(pbx_instance *self, pbx_error *error)
{
    const pbx_host *host = self->base.host;
    const pbx_json *x0 = host->json_member(self->base.options, "x0");
    for (size_t i = 0; i < self->n_axes; i++)
        self->first_mean[i] = 0.5;
    if (x0 && host->json_type(x0) != PBX_JSON_OBJECT)
        return pbx_fail(error, PBX_EINVAL, "x0", "is an object of values by parameter");
    for (size_t i = 0; i < host->json_length(x0); i++) {
        const char *name = host->json_key(x0, i);
        const double value = host->json_real(host->json_item(x0, i), (double)NAN);
        const cmaes_axis *axis = axis_named(self, name);
        if (!axis)
            return pbx_fail(error, PBX_EINVAL, "x0",
                            "'%s' is no number of the search space outside its branches", name);
        if (!isfinite(value) ||
            (cmaes_axis_bounded(axis) && (value < axis->dim->low || value > axis->dim->high)))
            return pbx_fail(error, PBX_EINVAL, "x0", "'%s' has no such value", name);
        self->first_mean[axis - self->axes] = cmaes_axis_place(axis, value);
    }
    return PBX_OK;
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    const pbx_space *space = problem->space;
    pbx_status status;
    self->problem = problem;
    pbx_free(self, self->axes);
    pbx_free(self, self->first_mean);
    pbx_free(self, self->place);
    self->axes = pbx_alloc_array(self, space->n_dims, sizeof(cmaes_axis));
    self->first_mean = pbx_alloc_array(self, space->n_dims, sizeof(double));
    self->place = pbx_alloc_array(self, space->n_dims, sizeof(double));
    if (!self->seen)
        self->seen = pbx_alloc_array(self, CMAES_N_SEEN, sizeof(cmaes_seen));
    if (!self->axes || !self->first_mean || !self->place || !self->seen)
        return pbx_fail_memory(error);
    self->n_axes = 0;
    self->all_whole = 1;
    for (uint32_t i = 0; i < space->n_dims; i++) {
        if (space->dims[i]->type == PBX_DIM_CATEGORY || space->dims[i]->parent >= 0)
            continue;
        self->axes[self->n_axes] = cmaes_axis_of(space->dims[i], i);
        self->all_whole &= self->axes[self->n_axes++].whole;
    }
    if (self->separable < 0)
        self->separable = self->n_axes >= MANY;
    if (!self->live.self)
        pbx_map_init(&self->live, self,
                     sizeof(cmaes_live) + (self->n_axes + space->n_dims) * sizeof(double));
    status = read_x0(self, error);
    return status == PBX_OK ? cmaes_inner_make(self, error) : status;
}

/* ---- Calls ---- */

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    pbx_status status = cmaes_begin(self, error);
    cmaes_live *live = pbx_alloc(self, self->live.item_size), *kept;
    if (status == PBX_OK && !live)
        status = pbx_fail_memory(error);
    if (status == PBX_OK)
        status = self->done ? PBX_DONE
                            : cmaes_suggest(self, suggestion->ask, suggestion->x, live, error);
    if (status == PBX_OK) {
        kept = pbx_map_put(&self->live, suggestion->trial);
        suggestion->origin = live->generation;
        self->asked = suggestion->trial;
        if (kept)
            memcpy(kept, live, self->live.item_size);
        else
            status = pbx_fail_memory(error);
    }
    pbx_free(self, live);
    return status;
}

static pbx_status
adopt(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    const uint32_t replayed = suggestion->flags & PBX_SUGGESTION_REPLAY;
    const int own = replayed && suggestion->ask != PBX_NONE;
    pbx_status status = cmaes_begin(self, error);
    cmaes_live *live = status == PBX_OK ? pbx_map_put(&self->live, suggestion->trial) : NULL;
    if (!live)
        return status == PBX_OK ? pbx_fail_memory(error) : status;
    live->generation = own ? suggestion->origin : CMAES_NOT_DRAWN;
    cmaes_place(self, suggestion->x, live->numbers);
    memcpy(live->numbers + self->n_axes, suggestion->x,
           self->problem->space->n_dims * sizeof(double));
    return PBX_OK;
}

/* The trial with that point ended; live NULL: nobody told of it before. */
static pbx_status
learn(pbx_instance *self, const pbx_outcome *outcome, uint64_t trial, const cmaes_live *live,
      pbx_error *error)
{
    const double *x = live ? live->numbers + self->n_axes : outcome->x;
    const double loss = pbx_final_loss(outcome);
    const uint64_t generation = live ? live->generation : CMAES_NOT_DRAWN;
    const int as_drawn = live && !(outcome->flags & PBX_OUTCOME_RECONFIGURED);
    if (outcome->flags & PBX_OUTCOME_RECONFIGURED)
        x = outcome->x;
    if (outcome->end == PBX_END_EARLY_STOPPED && !self->use_early_stopped)
        return PBX_OK;
    cmaes_inner_tell(self, trial, loss, x);
    cmaes_remember(self, x, loss);
    if (as_drawn)
        memcpy(self->place, live->numbers, self->n_axes * sizeof(double));
    else
        cmaes_place(self, x, self->place);
    if ((outcome->flags & PBX_OUTCOME_FOREIGN) && !self->begun)
        return cmaes_keep_foreign(self, loss, self->place, error);
    if (generation < self->first_of_run)
        return PBX_OK; /* of another run, or of none */
    return cmaes_take(self, trial, loss, !as_drawn || generation != self->generation, self->place,
                      error);
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    const uint64_t trial = outcome->end == PBX_END_DUPLICATE ? self->asked : outcome->trial;
    const cmaes_live *live = trial != PBX_NONE ? pbx_map_get(&self->live, trial) : NULL;
    pbx_status status = PBX_OK;
    if (outcome->end == PBX_END_VOID) {
        cmaes_unremember(self, outcome->x);
        if (!live && !(cmaes_forget(self, trial) & cmaes_inner_forget(self, trial)))
            status = pbx_fail(error, PBX_ENOTSUP, NULL, "its generation has been made use of");
    } else if (outcome->end != PBX_END_DUPLICATE || (live && outcome->last)) {
        if (!(outcome->flags & PBX_OUTCOME_FOREIGN))
            status = cmaes_begin(self, error);
        if (status == PBX_OK)
            status = learn(self, outcome, trial, live, error);
    }
    if (trial != PBX_NONE)
        pbx_map_remove(&self->live, trial);
    return status;
}

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    char step[32];
    if (!self->begun || self->n_axes == 0)
        return pbx_sink_printf(sink, "CMA-ES: nothing is known yet");
    return pbx_sink_printf(
        sink, "CMA-ES: run %llu, generation %llu: %zu of %zu results, step %s of the range",
        (unsigned long long)self->restart.runs + 1,
        (unsigned long long)self->strategy.generation + 1, self->n_queue, self->strategy.lambda,
        pbx_format_real(self->strategy.sigma, step));
}

/* ---- State ---- */

static void
live_state(pbx_blob *blob, void *item)
{
    cmaes_live *live = item;
    const pbx_instance *self = blob->self;
    pbx_blob_u64(blob, &live->generation);
    pbx_blob_reals(blob, live->numbers, self->n_axes + self->problem->space->n_dims);
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    if (!self->problem) {
        pbx_blob_fail(blob, PBX_ESTATE);
        return;
    }
    const uint64_t own[] = {self->n_axes, (uint64_t)self->separable, self->inner.n,
                            self->problem->space->n_dims};
    const size_t n_seen = self->all_whole ? CMAES_N_SEEN : 0;
    size_t n_foreign = self->n_foreign;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        uint64_t saved = own[i];
        pbx_blob_u64(blob, &saved);
        if (blob->status == PBX_OK && saved != own[i])
            pbx_blob_fail(blob, PBX_ENOTSUP);
    }
    pbx_blob_u32(blob, &self->begun);
    pbx_blob_u32(blob, &self->warm);
    pbx_blob_u32(blob, &self->done);
    pbx_blob_u64(blob, &self->generation);
    pbx_blob_u64(blob, &self->first_of_run);
    pbx_blob_u64(blob, &self->asked);
    cmaes_inner_state(self, blob);
    pbx_blob_map(blob, &self->live, live_state);
    pbx_blob_u64(blob, &self->n_seen);
    for (size_t i = 0; i < n_seen; i++) {
        pbx_blob_u64(blob, &self->seen[i].hash);
        pbx_blob_real(blob, &self->seen[i].loss);
        if (isnan(self->seen[i].loss))
            pbx_blob_fail(blob, PBX_EINVAL);
    }
    pbx_blob_count(blob, &n_foreign, 8 * (1 + self->n_axes));
    for (size_t i = 0; i < n_foreign && blob->status == PBX_OK; i++) {
        /* Loading appends what saving reads. */
        double *row = pbx_blob_loading(blob) ? NULL : self->foreign + i * (1 + self->n_axes);
        double loss = row ? row[0] : 0;
        pbx_error error;
        pbx_blob_real(blob, &loss);
        pbx_blob_reals(blob, row ? row + 1 : self->place, self->n_axes);
        if (isnan(loss))
            pbx_blob_fail(blob, PBX_EINVAL);
        else if (!row)
            pbx_blob_fail(blob, cmaes_keep_foreign(self, loss, self->place, &error));
    }
    if (self->begun && blob->status == PBX_OK)
        cmaes_run_state(self, blob);
}

PEGBOX_SEARCH("cmaes", "1.0", "CMA-ES: a normal distribution that moves to where it is better",
              "LGPL-2.1-or-later", options,
              PBX_CAP_NEEDS_METRIC | PBX_CAP_CATEGORY | PBX_CAP_CONDITIONAL | PBX_CAP_UNBOUNDED |
                  PBX_CAP_QUANTUM,
              1, init, state, .setup = setup, .suggest = suggest, .adopt = adopt, .tell = tell,
              .object.describe = describe);
