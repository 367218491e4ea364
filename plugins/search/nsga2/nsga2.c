/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search/nsga2: a genetic algorithm for several objectives. This file is the plugin: its options,
 * its calls and its state.
 */
#include "nsga2.h"

static const char *const crossovers[] = {"uniform", "sbx", "blxalpha", "spx", "undx", "vsbx", NULL};
static const char *const mutations[] = {"polynomial", "redraw", NULL};

static const pbx_option options[] = {
    PBX_OPT_INT("population_size", "trials of a generation, and the best ones that breed the next",
                "1.0", 2, 1e6, "50"),
    PBX_OPT_REAL("mutation_prob",
                 "how likely each parameter is changed at random; default: one of them, on average",
                 "1.0", 0, 1, NULL),
    PBX_OPT_ENUM("mutation", "a change is near the value (polynomial), or anywhere (redraw)", "1.0",
                 mutations, "\"polynomial\""),
    PBX_OPT_REAL("mutation_eta", "how near: the larger the nearer", "1.0", 0, 1e6, "20"),
    PBX_OPT_ENUM(
        "crossover",
        "of two parents each parameter is one's or the other's (uniform), or near one of "
        "them, as far as they are from each other (sbx, vsbx), or in the box between them "
        "(blxalpha); of three the child is in their simplex (spx), or normal around two of "
        "them (undx)",
        "1.0", crossovers, "\"uniform\""),
    PBX_OPT_REAL("crossover_prob", "how likely a child has two parents", "1.0", 0, 1, "0.9"),
    PBX_OPT_REAL("swapping_prob", "uniform: how likely a parameter is the second parent's", "1.0",
                 0, 1, "0.5"),
    PBX_OPT_REAL("crossover_eta",
                 "sbx, vsbx: how near a parent, the larger the nearer; default: 2, with several "
                 "metrics 20",
                 "1.0", 0, 1e6, NULL),
    PBX_OPT_REAL("use_child_gene_prob", "sbx, vsbx: how likely a number is not a parent's as it is",
                 "1.0", 0, 1, "0.5"),
    PBX_OPT_REAL("uniform_crossover_prob",
                 "vsbx: how likely a number is of the other one of two children", "1.0", 0, 1,
                 "0.5"),
    PBX_OPT_REAL("alpha", "blxalpha: how far beyond the box, in its extents", "1.0", 0, 1e6, "0.5"),
    PBX_OPT_REAL("epsilon",
                 "spx: how many times as large as the parents' the simplex is; default: "
                 "sqrt(numbers + 2)",
                 "1.0", 0, 1e6, NULL),
    PBX_OPT_REAL("sigma_xi", "undx: the deviation along the line of two parents, in its length",
                 "1.0", 0, 1e6, "0.5"),
    PBX_OPT_REAL("sigma_eta",
                 "undx: the deviation across it, in the third one's distance; default: 0.35 / "
                 "sqrt(numbers)",
                 "1.0", 0, 1e6, NULL),
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options_, pbx_error *error)
{
    nsga2_rules *rules = &self->rules;
    (void)error;
    rules->population_size = (size_t)pbx_integer(host, options_, "population_size");
    rules->mutation_prob = pbx_real(host, options_, "mutation_prob");
    rules->mutation = strcmp(pbx_string(host, options_, "mutation"), "redraw") == 0
                          ? NSGA2_REDRAW
                          : NSGA2_POLYNOMIAL;
    rules->mutation_eta = pbx_real(host, options_, "mutation_eta");
    while (strcmp(pbx_string(host, options_, "crossover"), crossovers[rules->crossover]) != 0)
        rules->crossover++;
    rules->crossover_prob = pbx_real(host, options_, "crossover_prob");
    rules->swapping_prob = pbx_real(host, options_, "swapping_prob");
    rules->crossover_eta = pbx_real(host, options_, "crossover_eta");
    rules->use_child_gene_prob = pbx_real(host, options_, "use_child_gene_prob");
    rules->uniform_crossover_prob = pbx_real(host, options_, "uniform_crossover_prob");
    rules->alpha = pbx_real(host, options_, "alpha");
    rules->epsilon = pbx_real(host, options_, "epsilon");
    rules->sigma_xi = pbx_real(host, options_, "sigma_xi");
    rules->sigma_eta = pbx_real(host, options_, "sigma_eta");
    return PBX_OK;
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    pbx_free(self, self->places);
    self->places = pbx_alloc_array(self, (NSGA2_MAX_PARENTS + 1) * (size_t)problem->space->n_dims,
                                   sizeof(double));
    if (!self->places)
        return pbx_fail_memory(error);
    self->space = problem->space;
    self->population.n_dims = problem->space->n_dims;
    self->population.n_losses = problem->n_objectives;
    if (isnan(self->rules.crossover_eta))
        self->rules.crossover_eta = problem->n_objectives > 1 ? 20 : 2;
    return PBX_OK;
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    nsga2_breed(self, suggestion->ask, suggestion->x);
    suggestion->origin = self->generation;
    self->asked = suggestion->trial;
    self->skipped = 0;
    return nsga2_start(self, suggestion->trial, suggestion->x, error);
}

static pbx_status
adopt(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    return nsga2_start(self, suggestion->trial, suggestion->x, error);
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    if (outcome->end == PBX_END_DUPLICATE) {
        nsga2_remove(self, self->asked);
        self->skipped = 1;
    } else if (outcome->end == PBX_END_VOID) {
        nsga2_remove(self, outcome->trial);
    } else {
        return nsga2_end(self, outcome, error);
    }
    return PBX_OK;
}

static pbx_status
describe(pbx_instance *self, const pbx_sink *sink)
{
    return pbx_sink_printf(
        sink, "NSGA-II: generation %llu%s, %zu of %zu trials have ended",
        (unsigned long long)self->generation, self->generation == 0 ? ", at random" : "",
        nsga2_count(&self->population, NSGA2_MEMBER), self->rules.population_size);
}

static void
state(pbx_instance *self, pbx_blob *blob)
{
    pbx_blob_u64(blob, &self->generation);
    pbx_blob_u64(blob, &self->asked);
    pbx_blob_u32(blob, &self->skipped);
    nsga2_population_state(self, blob);
}

PEGBOX_SEARCH("nsga2", "1.0", "NSGA-II: generations of trials, bred from the best before",
              "LGPL-2.1-or-later", options,
              PBX_CAP_NEEDS_METRIC | PBX_CAP_CATEGORY | PBX_CAP_CONDITIONAL | PBX_CAP_UNBOUNDED |
                  PBX_CAP_QUANTUM | PBX_CAP_OBJECTIVES | PBX_CAP_CONSTRAINTS,
              1, init, state, .setup = setup, .suggest = suggest, .adopt = adopt, .tell = tell,
              .object.describe = describe);
