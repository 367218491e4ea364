/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/gp: Bayesian optimisation with Gaussian processes. This file is the plugin: its options,
 * its calls, its first points, and its state, which is the trials that it keeps and the last fit.
 */
#include "gp.h"

/* For a first point that no other trial has. */
#define MAX_TRIES 32

static const char *const acquisitions[] = {"logei", "ei", "pi", "ucb", NULL};
static const char *const liars[] = {"believer", "min", "mean", "max", NULL};

static const pbx_option options[] = {
    PBX_OPT_INT("n_startup_trials", "trials that cover the space evenly before there is a model",
                "1.0", 1, 1e6, "10"),
    PBX_OPT_ENUM("acq", "what is largest at the point that is proposed", "1.0", acquisitions,
                 "\"logei\""),
    PBX_OPT_REAL("kappa", "ucb: how many standard deviations are added to the mean", "1.0", 0, 1e9,
                 "2.576"),
    PBX_OPT_REAL("xi",
                 "ei and pi: by how much the best loss is to be bettered, in standard "
                 "deviations of all losses",
                 "1.0", 0, 1e9, "0.0"),
    PBX_OPT_REAL("noise",
                 "variance of the noise, as a part of the variance of the losses; default: "
                 "it is estimated",
                 "1.0", 1e-6, 10, NULL),
    PBX_OPT_BOOL("deterministic_objective", "there is no noise", "1.0", "false"),
    PBX_OPT_ENUM("liar",
                 "what a running trial is taken to give: what the model believes, or the "
                 "best, the mean or the worst loss",
                 "1.0", liars, "\"believer\""),
    PBX_OPT_BOOL("use_early_stopped",
                 "trials that were stopped count by their last result; false: "
                 "they do not",
                 "1.0", "true"),
    PBX_OPT_BOOL("warp", "model the logarithm of the losses where that fits better", "1.0", "true"),
    PBX_OPT_INT("n_preliminary_samples", "points that are drawn and compared for each suggestion",
                "1.0", 1, 1e6, "2048"),
    PBX_OPT_INT("n_local_search", "of how many of them a better one nearby is sought", "1.0", 0,
                1000, "10"),
    PBX_OPT_INT("max_history", "trials that the model is made of: the best fifth, and the newest",
                "1.0", 20, 10000, "1000"),
    PBX_OPT_INT("patience",
                "suggestions in a row for which no point was left that had not been tried, before "
                "the search ends; 0: without end",
                "1.0", 0, 1e9, "5"),
    PBX_OPT_BOOL("skip_duplicate", "propose the best point that was not tried", "1.0", "true"),
};

static int
choice_of(const char *const *choices, const char *text)
{
    int i = 0;
    while (choices[i] && strcmp(choices[i], text) != 0)
        i++;
    return i;
}

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options_, pbx_error *error)
{
    gp_rules *rules = &self->rules;
    rules->n_startup = (size_t)pbx_integer(host, options_, "n_startup_trials");
    rules->acquisition = choice_of(acquisitions, pbx_string(host, options_, "acq"));
    rules->kappa = pbx_real(host, options_, "kappa");
    rules->xi = pbx_real(host, options_, "xi");
    rules->noise = pbx_real(host, options_, "noise");
    rules->liar = choice_of(liars, pbx_string(host, options_, "liar"));
    rules->use_early_stopped = pbx_boolean(host, options_, "use_early_stopped");
    rules->warp = pbx_boolean(host, options_, "warp");
    rules->n_candidates = (size_t)pbx_integer(host, options_, "n_preliminary_samples");
    rules->n_searches = (size_t)pbx_integer(host, options_, "n_local_search");
    rules->max_history = (size_t)pbx_integer(host, options_, "max_history");
    rules->patience = (uint64_t)pbx_integer(host, options_, "patience");
    rules->skip_duplicate = pbx_boolean(host, options_, "skip_duplicate");
    if (pbx_boolean(host, options_, "deterministic_objective")) {
        if (!isnan(rules->noise))
            return pbx_fail(error, PBX_EINVAL, "noise", "is 0 with deterministic_objective");
        rules->noise = 1e-6;
    }
    return PBX_OK;
}

/* ---- Setup ---- */

static gp_axis
axis_of(const pbx_dim *dim)
{
    gp_axis axis = {dim, dim->type == PBX_DIM_CATEGORY, 0};
    const double step = dim->quantum > 0 ? dim->quantum : 1;
    if (axis.is_category)
        axis.n_values = dim->n_choices;
    else if (dim->type != PBX_DIM_NORMAL && (dim->type == PBX_DIM_INT || dim->quantum > 0))
        axis.n_values = floor((dim->high - dim->low) / step + 1e-9) + 1;
    return axis;
}

static pbx_status
make_fits(pbx_instance *self, pbx_error *error)
{
    self->fits = pbx_alloc_array(self, 1 + self->n_constraints, sizeof(gp_fit));
    if (!self->fits)
        return pbx_fail_memory(error);
    for (size_t i = 0; i < 1 + self->n_constraints; i++) {
        self->fits[i].weights = pbx_alloc_array(self, self->n_dims, sizeof(double));
        if (!self->fits[i].weights)
            return pbx_fail_memory(error);
    }
    return PBX_OK;
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    const uint32_t n_dims = problem->space->n_dims;
    self->space = problem->space;
    self->n_dims = n_dims;
    self->n_constraints = problem->n_constraints;
    if (!self->model && !(self->model = gp_model_load(error)))
        return PBX_ENOTSUP;
    pbx_free(self, self->axes);
    pbx_free(self, self->place);
    self->axes = pbx_alloc_array(self, n_dims, sizeof(gp_axis));
    self->place = pbx_alloc_array(self, n_dims, sizeof(double));
    if (!self->axes || !self->place)
        return pbx_fail_memory(error);
    for (uint32_t i = 0; i < n_dims; i++)
        self->axes[i] = axis_of(problem->space->dims[i]);
    return self->fits ? PBX_OK : make_fits(self, error);
}

/* ---- Suggestions ---- */

static int
is_tried(const pbx_instance *self, const double *x)
{
    gp_place(self->space, x, self->place);
    return gp_rows_have(self, &self->trials.ended, self->place) ||
           gp_rows_have(self, &self->trials.running, self->place);
}

/* Of a Latin hypercube of n points: in each coordinate each of n equal parts has one of them. More
 * than n are of more hypercubes. Where it has been tried, as in a small space, one is drawn. */
static void
draw_first(pbx_instance *self, uint64_t ask, double *x)
{
    const uint64_t n = self->rules.n_startup;
    pbx_rng rng = pbx_rng_at(self->base.host, ask, 0);
    for (uint32_t i = 0; i < self->n_dims; i++) {
        uint64_t key;
        self->base.host->random(self->base.host, PBX_RNG_ALWAYS, ask / n * self->n_dims + i, &key,
                                1);
        x[i] = ((double)pbx_permute(key, n, ask % n) + pbx_rng_uniform(&rng)) / (double)n;
    }
    pbx_from_cube(self->space, x, x);
    for (int tries = 0; tries < MAX_TRIES && is_tried(self, x); tries++) {
        for (uint32_t i = 0; i < self->n_dims; i++)
            x[i] = pbx_rng_uniform(&rng);
        pbx_from_cube(self->space, x, x);
    }
}

static pbx_status
propose(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    int known = 0;
    pbx_status status = PBX_OK;
    if (!self->is_fitted)
        status = self->model->fit(self, error);
    if (status != PBX_OK)
        return status;
    self->is_fitted = 1;
    status = self->model->propose(self, suggestion->ask, self->place, &known, error);
    if (status != PBX_OK)
        return status;
    if (known && self->rules.patience > 0 && self->repeats >= self->rules.patience) {
        pbx_log(self->base.host, PBX_LOG_WARNING,
                "%s in %llu suggestions: nothing better is expected; \"patience\": 0 goes on",
                self->rules.skip_duplicate ? "no point is left that was not tried"
                                           : "the best point had been tried",
                (unsigned long long)self->repeats + 1);
        return PBX_DONE;
    }
    self->repeats = known ? self->repeats + 1 : 0;
    gp_settle(self->space, self->place, suggestion->x);
    return PBX_OK;
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    pbx_status status = PBX_OK;
    if (self->n_dims > 0 && self->trials.told >= self->rules.n_startup)
        status = propose(self, suggestion, error);
    else
        draw_first(self, suggestion->ask, suggestion->x);
    if (status != PBX_OK)
        return status;
    self->asked = suggestion->trial;
    /* For who is told again. */
    suggestion->origin = self->repeats;
    return gp_trials_start(self, suggestion->trial, suggestion->x, error);
}

static pbx_status
adopt(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    if (!(suggestion->flags & PBX_SUGGESTION_ENQUEUED))
        self->repeats = suggestion->origin;
    return gp_trials_start(self, suggestion->trial, suggestion->x, error);
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    if (outcome->end == PBX_END_DUPLICATE)
        gp_trials_cancel(self, self->asked);
    else if (outcome->end == PBX_END_VOID)
        gp_trials_void(self, outcome->trial);
    else
        return gp_trials_end(self, outcome, error);
    return PBX_OK;
}

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    const gp_trials *trials = &self->trials;
    if (trials->told < self->rules.n_startup)
        return pbx_sink_printf(sink, "GP: %llu of %zu first trials have ended",
                               (unsigned long long)trials->told, self->rules.n_startup);
    return pbx_sink_printf(sink, "GP: a model of %zu trials", trials->ended.n);
}

/* ---- State ---- */

static void
fit_state(pbx_instance *self, pbx_blob *blob, gp_fit *fit)
{
    uint32_t warped = fit->warped != 0;
    pbx_blob_u32(blob, &warped);
    fit->warped = warped != 0;
    pbx_blob_reals(blob, fit->weights, self->n_dims);
    pbx_blob_real(blob, &fit->scale);
    pbx_blob_real(blob, &fit->noise);
    for (size_t i = 0; i < self->n_dims; i++)
        if (!(fit->weights[i] > 0 && isfinite(fit->weights[i])))
            pbx_blob_fail(blob, PBX_EINVAL);
    if (!(fit->scale > 0 && isfinite(fit->scale) && fit->noise > 0 && isfinite(fit->noise)))
        pbx_blob_fail(blob, PBX_EINVAL);
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    const gp_rules *rules = &self->rules;
    uint64_t own[] = {self->n_dims,       self->n_constraints,
                      rules->max_history, rules->use_early_stopped != 0,
                      rules->warp != 0,   0};
    uint32_t is_fitted = self->is_fitted != 0;
    memcpy(&own[5], &rules->noise, sizeof own[5]);
    /* What was dropped under other options is wanted again, and a fit is of others: told again, all
     * comes. */
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
        uint64_t saved = own[i];
        pbx_blob_u64(blob, &saved);
        if (blob->status == PBX_OK && saved != own[i])
            pbx_blob_fail(blob, PBX_ENOTSUP);
    }
    pbx_blob_u64(blob, &self->asked);
    pbx_blob_u64(blob, &self->repeats);
    pbx_blob_u32(blob, &is_fitted);
    self->is_fitted = is_fitted == 1;
    for (size_t i = 0; is_fitted && blob->status == PBX_OK && i < 1 + self->n_constraints; i++)
        fit_state(self, blob, &self->fits[i]);
    gp_trials_state(self, blob);
}

PEGBOX_SEARCH("gp", "1.0", "Bayesian optimisation with Gaussian processes: few, costly trials",
              "LGPL-2.1-or-later", options,
              PBX_CAP_SLOW | PBX_CAP_NEEDS_METRIC | PBX_CAP_CATEGORY | PBX_CAP_CONDITIONAL |
                  PBX_CAP_UNBOUNDED | PBX_CAP_QUANTUM | PBX_CAP_CONSTRAINTS,
              1, init, state, .setup = setup, .suggest = suggest, .adopt = adopt, .tell = tell,
              .object.describe = describe);
