/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The problem as each slot sees it, and the trial of the deciders before a run. */
#include <pegbox/scheduler.h>
#include <pegbox/search.h>
#include <pegbox/stopper.h>
#include <string.h>

#include "spec/spec-private.h"

/* A problem and what it points to. */
typedef struct {
    pbx_problem problem; /* first: the one is freed by the other */
    pbx_objective objective;
    const pbx_objective *objectives[1];
} Problem;

const char *
spec_use_metric(const PbxSpec *spec, const PbxPluginUse *use, int *sign)
{
    const char *metric = NULL, *mode = NULL;
    if (use != NULL && options_objective(use->options, &metric, &mode) && metric != NULL) {
        if (sign != NULL)
            *sign = g_strcmp0(mode, "max") == 0 ? -1 : 1;
        return metric;
    }
    if (sign != NULL && spec->metrics[0] != NULL)
        *sign = spec->signs[0];
    return spec->metrics[0];
}

pbx_problem *
spec_problem_new(const PbxSpec *spec, const PbxPluginUse *use)
{
    Problem *problem = g_new0(Problem, 1);
    int sign = 1;
    const char *metric = spec_use_metric(spec, use, &sign);
    problem->objective = (pbx_objective){
        .struct_size = sizeof(pbx_objective),
        .sign = sign,
        .name = metric,
    };
    problem->objectives[0] = &problem->objective;
    problem->problem = (pbx_problem){
        .struct_size = sizeof(pbx_problem),
        .n_objectives = metric != NULL ? 1 : 0,
        .n_constraints = spec->constraints->len,
        .space = space_dims(spec->space),
        .objectives = problem->objectives,
        .constraints = (const char *const *)spec->constraint_texts,
        .num_samples = spec->num_samples,
        .max_concurrent = spec->max_concurrent_trials,
        .time_budget_ns = (gint64)(spec->time_budget_s * 1e9),
    };
    return &problem->problem;
}

void
spec_problem_free(pbx_problem *problem)
{
    g_free(problem);
}

gint64
spec_total_trials(const PbxSpec *spec)
{
    guint64 grid = space_grid_size(spec->space);
    if (spec->num_samples < 0)
        return -1;
    if (grid > (guint64)(G_MAXINT64 / MAX(spec->num_samples, 1)))
        return G_MAXINT64;
    return spec->num_samples * (gint64)grid;
}

/* ---- The trial of the deciders ---- */

/* All deciders begin alike. */
G_STATIC_ASSERT(offsetof(pbx_search, setup) == offsetof(pbx_scheduler, setup));
G_STATIC_ASSERT(offsetof(pbx_search, setup) == offsetof(pbx_stopper, setup));

static void
keep_silent(const char *slot, int level, const char *message, gpointer user)
{
    (void)slot;
    (void)level;
    (void)message;
    (void)user;
}

/* Where a plugin's complaint belongs: a dim, an option, or the plugin. (transfer full) */
static char *
place_of(const PbxSpec *spec, const PbxPluginUse *use, const char *where)
{
    const pbx_space *space = space_dims(spec->space);
    for (guint i = 0; where[0] != '\0' && i < space->n_dims; i++) {
        if (g_str_equal(space->dims[i]->name, where))
            return g_strdup(space_dim_pointer(spec->space, i));
    }
    JsonObject *options = json_node_get_object(options_node(use->options));
    if (where[0] != '\0' && json_object_has_member(options, where))
        return json_pointer_member(use->pointer, where);
    return g_strdup(use->pointer);
}

static void
try_setup(const PbxSpec *spec, const PbxPluginUse *use, const PbxInstance *instance,
          PbxProblems *problems)
{
    const pbx_search *vtable = instance->vtable;
    if (!PEGBOX_HAS(vtable, pbx_search, setup))
        return;
    pbx_problem *problem = spec_problem_new(spec, use);
    pbx_error told = {.where = "", .message = ""};
    pbx_status status = vtable->setup(instance->self, problem, &told);
    spec_problem_free(problem);
    if (status >= 0)
        return;
    g_autofree char *place = place_of(spec, use, told.where);
    g_autoptr(GError) error = NULL;
    gboolean refused = status == PBX_EINVAL || status == PBX_ENOTSUP;
    instance_set_error(&error, refused ? PLUGIN_ERROR_OPTIONS : PLUGIN_ERROR_BROKEN, use->plugin,
                       status, &told);
    problems_add(problems, spec->doc, place, "%s", error->message);
    problems_set_status(problems, plugin_error_status(error));
}

static void
try_one(const PbxSpec *spec, const PbxPluginUse *use, PbxProblems *problems)
{
    g_autoptr(GError) error = NULL;
    gboolean search = use == spec->search;
    g_autoptr(PbxInstance) instance =
        instance_new(use->plugin, use->slot, use->options, search ? spec->search_seed : spec->seed,
                     NULL, keep_silent, NULL, NULL, NULL, &error);
    if (instance == NULL) {
        problems_add(problems, spec->doc, use->pointer, "%s", error->message);
        problems_set_status(problems, plugin_error_status(error));
        return;
    }
    guint before = problems_count(problems);
    guint32 caps = instance_caps(instance);
    if (search && caps != plugin_caps(use->plugin))
        capabilities_check(spec, caps, spec->registry, problems);
    if (use == spec->scheduler)
        pauses_check(spec, caps, problems);
    if (problems_count(problems) == before)
        try_setup(spec, use, instance, problems);
}

void
spec_try_plugins(const PbxSpec *spec, PbxProblems *problems)
{
    try_one(spec, spec->search, problems);
    try_one(spec, spec->scheduler, problems);
    for (guint i = 0; i < spec->stoppers->len; i++)
        try_one(spec, g_ptr_array_index(spec->stoppers, i), problems);
}
