/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/bohb: Bayesian optimisation beside a scheduler that gives trials budgets (BOHB). This file
 * is the plugin: its options, its calls and its state.
 */
#include "bohb.h"

static const pbx_option options[] = {
    PBX_OPT_INT("min_points_in_model",
                "results that a budget needs to be modelled, and good and bad ones of it at "
                "least; default: the number of parameters and 1, the least",
                "1.0", 0, 1e9, NULL),
    PBX_OPT_INT("top_n_percent", "the part of a budget's results that is good", "1.0", 1, 99, "15"),
    PBX_OPT_INT("num_samples", "points that are drawn and compared for each suggestion", "1.0", 1,
                1e6, "64"),
    PBX_OPT_REAL("random_fraction", "the part of the suggestions that is drawn at random", "1.0", 0,
                 1, "0.3333333333333333"),
    PBX_OPT_REAL_ABOVE("bandwidth_factor",
                       "how many times as wide as the kernels points are drawn around good ones",
                       "1.0", 0, "3"),
    PBX_OPT_REAL_ABOVE("min_bandwidth", "the least width of a kernel, as a part of the range",
                       "1.0", 0, "0.001"),
    PBX_OPT_INT("max_history",
                "results that are kept of each budget, the newest beside the good ones; 0: all",
                "1.0", 0, 1e9, "500"),
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options_, pbx_error *error)
{
    bohb_rules *rules = &self->rules;
    (void)error;
    self->asked = PBX_NONE;
    self->min_points_given = pbx_integer(host, options_, "min_points_in_model");
    rules->top_percent = (size_t)pbx_integer(host, options_, "top_n_percent");
    rules->n_candidates = (size_t)pbx_integer(host, options_, "num_samples");
    rules->random_fraction = pbx_real(host, options_, "random_fraction");
    rules->bandwidth_factor = pbx_real(host, options_, "bandwidth_factor");
    rules->min_bandwidth = pbx_real(host, options_, "min_bandwidth");
    rules->max_history = (size_t)pbx_integer(host, options_, "max_history");
    return PBX_OK;
}

/* So that a budget that is full has a model. */
static void
settle_rules(pbx_instance *self)
{
    bohb_rules *rules = &self->rules;
    rules->min_points = self->n_dims + 1;
    if ((uint64_t)self->min_points_given > rules->min_points)
        rules->min_points = (size_t)self->min_points_given;
    if (rules->max_history > 0 && rules->max_history < 2 * rules->min_points)
        rules->max_history = 2 * rules->min_points;
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    const size_t n = problem->space->n_dims;
    self->problem = problem;
    if (self->history.live.self)
        return PBX_OK;
    self->n_dims = n;
    settle_rules(self);
    pbx_map_init(&self->history.live, self, sizeof(bohb_trial) + n * sizeof(double));
    self->candidate = pbx_alloc_array(self, n, sizeof(double));
    self->chosen = pbx_alloc_array(self, n, sizeof(double));
    self->row = pbx_alloc_array(self, n, sizeof(double));
    return self->candidate && self->chosen && self->row ? PBX_OK : pbx_fail_memory(error);
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    const uint64_t most = self->problem->max_concurrent;
    pbx_status status;
    if (most > 0 && bohb_history_running(self) >= most)
        return PBX_AGAIN;
    status = bohb_propose(self, suggestion->ask, suggestion->x, error);
    if (status != PBX_OK)
        return status;
    self->asked = suggestion->trial;
    return bohb_history_start(self, suggestion->trial, suggestion->x, 1, error);
}

/* The limit is about what the search proposed. The last suggestion may have become another trial,
 * where its number was taken by one that was enqueued meanwhile. */
static pbx_status
adopt(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    const int is_enqueued = (suggestion->flags & PBX_SUGGESTION_ENQUEUED) != 0;
    if (suggestion->flags & PBX_SUGGESTION_ALTERED) {
        if (suggestion->trial != self->asked)
            pbx_map_remove(&self->history.live, self->asked);
        self->asked = suggestion->trial;
    } else if (is_enqueued && suggestion->trial == self->asked) {
        self->asked = PBX_NONE;
    }
    return bohb_history_start(self, suggestion->trial, suggestion->x, !is_enqueued, error);
}

static pbx_status
state_of_trial(pbx_instance *self, uint64_t number, uint32_t state, pbx_error *error)
{
    bohb_trial *trial = pbx_map_get(&self->history.live, number);
    (void)error;
    if (trial)
        trial->paused = state == PBX_STATE_PAUSED;
    return PBX_OK;
}

static pbx_status
report(pbx_instance *self, const pbx_result *result, pbx_error *error)
{
    const bohb_trial *trial = pbx_map_get(&self->history.live, result->trial);
    if (isnan(result->budget) || !trial || result->n_losses < 1)
        return PBX_OK;
    return bohb_history_add(self, result->budget, result->trial, trial->x, result->losses[0],
                            error);
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    if (outcome->end == PBX_END_DUPLICATE)
        pbx_map_remove(&self->history.live, self->asked);
    else if (outcome->end == PBX_END_VOID)
        bohb_history_forget(self, outcome->trial);
    else
        return bohb_history_end(self, outcome, error);
    return PBX_OK;
}

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    bohb_split split;
    char budget[32];
    const bohb_budget *best = bohb_best_budget(self, &split);
    size_t most = 0;
    if (best && isinf(best->budget))
        return pbx_sink_printf(sink, "BOHB: a model of %zu trials, %zu of them good", best->n,
                               split.n_good);
    if (best)
        return pbx_sink_printf(sink, "BOHB: a model of %zu results at budget %s, %zu of them good",
                               best->n, pbx_format_real(best->budget, budget), split.n_good);
    for (size_t i = 0; i < self->history.n_budgets; i++)
        if (self->history.budgets[i].n > most)
            most = self->history.budgets[i].n;
    return pbx_sink_printf(sink, "BOHB: no model yet; %zu of %zu results at one budget", most,
                           self->rules.min_points + self->n_dims + 1);
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    if (!self->history.live.self) {
        pbx_blob_fail(blob, PBX_ENOTSUP);
        return;
    }
    pbx_blob_u64(blob, &self->asked);
    bohb_history_state(self, blob);
}

PEGBOX_SEARCH("bohb", "1.0",
              "BOHB: points like the good ones at the largest budget with enough results",
              "LGPL-2.1-or-later", options,
              PBX_CAP_NEEDS_METRIC | PBX_CAP_CATEGORY | PBX_CAP_CONDITIONAL | PBX_CAP_UNBOUNDED |
                  PBX_CAP_QUANTUM | PBX_CAP_LIMITS_ITSELF,
              1, init, state, .setup = setup, .suggest = suggest, .adopt = adopt,
              .state = state_of_trial, .report = report, .tell = tell, .object.describe = describe);
