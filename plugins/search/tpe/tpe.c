/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/tpe: the tree-structured Parzen estimator. This file is the plugin: its options, its calls
 * and its state, which is the trials that it keeps.
 */
#include "tpe.h"

static const char *const splits[] = {"linear", "sqrt", NULL};
static const char *const bandwidths[] = {"neighbours", "neighbours-and-prior", "scott", NULL};

static const pbx_option options[] = {
    PBX_OPT_INT("n_startup_trials", "trials that are drawn at random before there is a model",
                "1.0", 0, 1e9, "10"),
    PBX_OPT_INT("n_ei_candidates", "points that are drawn and compared for each suggestion", "1.0",
                1, 1e6, "24"),
    PBX_OPT_BOOL("multivariate",
                 "model all parameters together, not each alone; default: true with one metric",
                 "1.0", NULL),
    PBX_OPT_BOOL("group", "with multivariate: model those of each branch of a choice together too",
                 "1.0", "false"),
    PBX_OPT_BOOL("constant_liar", "take running trials for bad ones, so that others go elsewhere",
                 "1.0", "true"),
    PBX_OPT(PBX_OPTION_REAL, PBX_OPTION_MIN_OPEN, "gamma", "the part of the trials that is good",
            "1.0", 0, 1, "0.1", NULL),
    PBX_OPT_ENUM("split", "gamma is a part of the number of trials, or of its square root", "1.0",
                 splits, "\"linear\""),
    PBX_OPT_INT("max_below", "how many are good at most; 0: any number", "1.0", 0, 1e9, "25"),
    PBX_OPT_INT("max_history", "trials that the model of the others is made of, the newest; 0: all",
                "1.0", 0, 1e9, "500"),
    PBX_OPT_REAL_ABOVE("prior_weight", "the weight of the search space itself beside the trials",
                       "1.0", 0, "1.0"),
    PBX_OPT_ENUM("bandwidth", "how wide the kernels of a number are", "1.0", bandwidths,
                 "\"neighbours\""),
    PBX_OPT_BOOL("consider_magic_clip", "keep kernels from being narrow while there are few", "1.0",
                 "true"),
    PBX_OPT_BOOL("consider_endpoints", "the bounds are neighbours of the outermost kernels", "1.0",
                 "false"),
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
    tpe_rules *rules = &self->rules;
    rules->n_startup = (size_t)pbx_integer(host, options_, "n_startup_trials");
    rules->n_candidates = (size_t)pbx_integer(host, options_, "n_ei_candidates");
    rules->group = pbx_boolean(host, options_, "group");
    rules->multivariate_given = host->json_member(options_, "multivariate") != NULL;
    rules->multivariate = pbx_boolean(host, options_, "multivariate") || !rules->multivariate_given;
    rules->constant_liar = pbx_boolean(host, options_, "constant_liar");
    rules->gamma = pbx_real(host, options_, "gamma");
    rules->square_root = choice_of(splits, pbx_string(host, options_, "split")) == 1;
    rules->max_below = (size_t)pbx_integer(host, options_, "max_below");
    rules->max_history = (size_t)pbx_integer(host, options_, "max_history");
    rules->prior_weight = pbx_real(host, options_, "prior_weight");
    rules->bandwidth = choice_of(bandwidths, pbx_string(host, options_, "bandwidth"));
    rules->magic_clip = pbx_boolean(host, options_, "consider_magic_clip");
    rules->endpoints = pbx_boolean(host, options_, "consider_endpoints");
    if (rules->group && !rules->multivariate)
        return pbx_fail(error, PBX_EINVAL, "group", "needs multivariate");
    return PBX_OK;
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    const tpe_rules *rules = &self->rules;
    tpe_history *history = &self->history;
    const uint32_t n_dims = problem->space->n_dims;
    self->problem = problem;
    if (!rules->multivariate_given)
        self->rules.multivariate = problem->n_objectives < 2 || rules->group;
    history->n_dims = n_dims;
    history->n_losses = problem->n_objectives;
    history->max_history = rules->max_history;
    history->keep = rules->max_history > 0 && rules->max_below > 0 ? rules->max_below + 25 : 0;
    pbx_free(self, self->axes);
    pbx_free(self, self->candidate);
    pbx_free(self, self->chosen);
    self->axes = pbx_alloc_array(self, n_dims, sizeof(tpe_axis));
    self->candidate = pbx_alloc_array(self, n_dims, sizeof(double));
    self->chosen = pbx_alloc_array(self, n_dims, sizeof(double));
    if (!self->axes || !self->candidate || !self->chosen)
        return pbx_fail_memory(error);
    for (uint32_t i = 0; i < n_dims; i++)
        self->axes[i] = tpe_axis_of(problem->space->dims[i]);
    return tpe_blocks_make(self, error);
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    pbx_status status = tpe_propose(self, suggestion->ask, suggestion->x, error);
    self->asked = suggestion->trial;
    return status == PBX_OK ? tpe_history_start(self, suggestion->trial, suggestion->x, error)
                            : status;
}

static pbx_status
adopt(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    return tpe_history_start(self, suggestion->trial, suggestion->x, error);
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    if (outcome->end == PBX_END_DUPLICATE)
        tpe_history_cancel(self, self->asked);
    else if (outcome->end == PBX_END_VOID)
        tpe_history_void(self, outcome->trial);
    else
        return tpe_history_end(self, outcome, error);
    return PBX_OK;
}

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    const unsigned long long told = (unsigned long long)self->history.told;
    const unsigned long long startup = (unsigned long long)self->rules.n_startup;
    if (told < startup)
        return pbx_sink_printf(sink, "TPE: %llu of %llu random trials have ended", told, startup);
    return pbx_sink_printf(sink, "TPE: a model of %llu trials, %zu of them good", told,
                           tpe_split(&self->rules, told));
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_u64(blob, &self->asked);
    tpe_history_state(self, blob);
}

PEGBOX_SEARCH("tpe", "1.0", "Tree-structured Parzen estimator: points like the good ones",
              "LGPL-2.1-or-later", options,
              PBX_CAP_NEEDS_METRIC | PBX_CAP_CATEGORY | PBX_CAP_CONDITIONAL | PBX_CAP_UNBOUNDED |
                  PBX_CAP_QUANTUM | PBX_CAP_OBJECTIVES | PBX_CAP_CONSTRAINTS,
              2, init, state, .setup = setup, .suggest = suggest, .adopt = adopt, .tell = tell,
              .object.describe = describe);
