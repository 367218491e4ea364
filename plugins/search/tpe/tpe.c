/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/tpe: the tree-structured Parzen estimator. This file is the plugin: its options, its calls
 * and its state, which is the trials that it keeps.
 */
#include "tpe.h"

static const char *const splits[] = {"linear", "sqrt", NULL};
static const char *const bandwidths[] = {"neighbours", "neighbours-and-prior", "scott", NULL};

static const pbx_option options[] = {
    PBX_OPT_BOOL("hyperopt",
                 "the defaults of the other options are HyperOpt's; one that is given counts",
                 "1.0", "false"),
    PBX_OPT_INT("n_startup_trials",
                "trials that are drawn at random before there is a model; default: 10, with "
                "hyperopt 20",
                "1.0", 0, 1e9, NULL),
    PBX_OPT_INT("n_ei_candidates", "points that are drawn and compared for each suggestion", "1.0",
                1, 1e6, "24"),
    PBX_OPT_BOOL("multivariate",
                 "model all parameters together, not each alone; default: true with one metric, "
                 "unless hyperopt is",
                 "1.0", NULL),
    PBX_OPT_BOOL("group", "with multivariate: model those of each branch of a choice together too",
                 "1.0", "false"),
    PBX_OPT_BOOL("constant_liar",
                 "take running trials for bad ones, so that others go elsewhere; default: true, "
                 "with hyperopt false",
                 "1.0", NULL),
    PBX_OPT(PBX_OPTION_REAL, PBX_OPTION_MIN_OPEN, "gamma",
            "the part of the trials that is good; default: 0.1, with hyperopt 0.25", "1.0", 0, 1,
            NULL, NULL),
    PBX_OPT_ENUM("split",
                 "gamma is a part of the number of trials, or of its square root; default: linear, "
                 "with hyperopt sqrt",
                 "1.0", splits, NULL),
    PBX_OPT_INT("max_below", "how many are good at most; 0: any number", "1.0", 0, 1e9, "25"),
    PBX_OPT_INT("max_history",
                "trials that the model of the others is made of, the newest; 0: all; default: 500, "
                "with hyperopt 0",
                "1.0", 0, 1e9, NULL),
    PBX_OPT_REAL_ABOVE("prior_weight", "the weight of the search space itself beside the trials",
                       "1.0", 0, "1.0"),
    PBX_OPT_ENUM("bandwidth",
                 "how wide the kernels of a number are; default: neighbours, with hyperopt "
                 "neighbours-and-prior",
                 "1.0", bandwidths, NULL),
    PBX_OPT_BOOL("consider_magic_clip", "keep kernels from being narrow while there are few", "1.0",
                 "true"),
    PBX_OPT_BOOL("consider_endpoints", "the bounds are neighbours of the outermost kernels", "1.0",
                 "false"),
};

static const tpe_rules own_defaults = {
    .gamma = 0.1,
    .bandwidth = TPE_NEIGHBOURS,
    .multivariate = 1,
    .constant_liar = 1,
    .n_startup = 10,
    .max_history = 500,
};
static const tpe_rules hyperopt_defaults = {
    .gamma = 0.25,
    .square_root = 1,
    .bandwidth = TPE_NEIGHBOURS_AND_PRIOR,
    .n_startup = 20,
};

static int
choice_of(const char *const *choices, const char *text, int fallback)
{
    int i = 0;
    while (text && choices[i] && strcmp(choices[i], text) != 0)
        i++;
    return text ? i : fallback;
}

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options_, pbx_error *error)
{
    tpe_rules *rules = &self->rules;
    const int is_hyperopt = pbx_boolean(host, options_, "hyperopt");
    const pbx_json *multivariate = host->json_member(options_, "multivariate");
    const double gamma = pbx_real(host, options_, "gamma");
    *rules = is_hyperopt ? hyperopt_defaults : own_defaults;
    rules->n_startup = (size_t)host->json_int(host->json_member(options_, "n_startup_trials"),
                                              (int64_t)rules->n_startup);
    rules->n_candidates = (size_t)pbx_integer(host, options_, "n_ei_candidates");
    rules->group = pbx_boolean(host, options_, "group");
    rules->multivariate_given = multivariate != NULL || is_hyperopt;
    rules->multivariate = host->json_bool(multivariate, rules->multivariate) != 0;
    rules->constant_liar =
        host->json_bool(host->json_member(options_, "constant_liar"), rules->constant_liar) != 0;
    rules->gamma = isnan(gamma) ? rules->gamma : gamma;
    rules->square_root =
        choice_of(splits, pbx_string(host, options_, "split"), rules->square_root) == 1;
    rules->max_below = (size_t)pbx_integer(host, options_, "max_below");
    rules->max_history = (size_t)host->json_int(host->json_member(options_, "max_history"),
                                                (int64_t)rules->max_history);
    rules->prior_weight = pbx_real(host, options_, "prior_weight");
    rules->bandwidth =
        choice_of(bandwidths, pbx_string(host, options_, "bandwidth"), rules->bandwidth);
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
