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
    pbx_objective *objectives;
    const pbx_objective **list;
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
    /* A metric of the plugin's own is the only one that it sees. */
    const guint n = metric == NULL ? 0 : metric == spec->metrics[0] ? spec_n_objectives(spec) : 1;
    problem->objectives = g_new0(pbx_objective, MAX(n, 1));
    problem->list = g_new0(const pbx_objective *, MAX(n, 1));
    for (guint i = 0; i < n; i++) {
        const gboolean own = metric != spec->metrics[0];
        problem->objectives[i] = (pbx_objective){
            .struct_size = sizeof(pbx_objective),
            .sign = own ? sign : spec->signs[i],
            .name = own ? metric : spec->metrics[i],
        };
        problem->list[i] = &problem->objectives[i];
    }
    problem->problem = (pbx_problem){
        .struct_size = sizeof(pbx_problem),
        .n_objectives = n,
        .n_constraints = spec->constraints->len,
        .space = space_dims(spec->space),
        .objectives = problem->list,
        .constraints = (const char *const *)spec->constraint_texts,
        .num_samples = spec->num_samples,
        .max_concurrent = spec->max_concurrent_trials,
        .time_budget_ns = (gint64)(spec->time_budget_s * 1e9),
    };
    return &problem->problem;
}

void
spec_problem_within(pbx_problem *problem, const pbx_problem *wrapper)
{
    problem->num_samples = wrapper->num_samples;
    problem->max_concurrent = wrapper->max_concurrent;
    problem->time_budget_ns = wrapper->time_budget_ns;
}

void
spec_problem_free(pbx_problem *problem)
{
    Problem *whole = (Problem *)problem;
    if (whole == NULL)
        return;
    g_free(whole->objectives);
    g_free(whole->list);
    g_free(whole);
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
    g_autofree char *place = g_strdup(use->pointer);
    JsonNode *node = options_node(use->options);
    gboolean is_index = FALSE;
    /* An option, or what is within it: "points[2]". */
    for (const char *rest = where; rest != NULL && rest[0] != '\0' && node != NULL;) {
        g_autofree char *key = NULL;
        rest = json_path_step(rest, &key, &is_index);
        node = rest != NULL && key != NULL ? json_lookup(node, key) : NULL;
        if (node == NULL)
            break;
        g_autofree char *outer = g_steal_pointer(&place);
        place = json_pointer_member(outer, key);
    }
    return g_steal_pointer(&place);
}

/* A use made an instance, and those that it wraps. */
typedef struct Tried Tried;
struct Tried {
    const PbxSpec *spec;
    const PbxPluginUse *use;
    PbxProblems *problems;
    pbx_problem *problem;
    Tried *wrapper;     /* NULL: nobody wraps it */
    GPtrArray *wrapped; /* Tried* */
    PbxChildren *children;
    PbxInstance *instance;
};

static void
tried_free(Tried *tried)
{
    if (tried == NULL)
        return;
    instance_free(tried->instance);
    children_free(tried->children);
    g_ptr_array_unref(tried->wrapped);
    spec_problem_free(tried->problem);
    g_free(tried);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tried, tried_free)

static pbx_problem *
problem_of_child(gpointer child)
{
    const Tried *tried = child;
    spec_problem_within(tried->problem, tried->wrapper->problem);
    return tried->problem;
}

static void
tell(const Tried *tried, const char *pointer, const GError *error)
{
    problems_add(tried->problems, tried->spec->doc, pointer, "%s", error->message);
    problems_set_status(tried->problems, plugin_error_status(error));
}

/* The setup of an instance; its complaint is told where it belongs. */
static pbx_status
set_up(Tried *tried, const pbx_problem *problem, pbx_error *told)
{
    const pbx_search *vtable = tried->instance->vtable;
    guint before = problems_count(tried->problems);
    if (!PEGBOX_HAS(vtable, pbx_search, setup))
        return PBX_OK;
    pbx_status status = vtable->setup(tried->instance->self, problem, told);
    /* A wrapper passes on what one that it wraps complained of. */
    if (status >= 0 || problems_count(tried->problems) != before)
        return status;
    g_autofree char *place = place_of(tried->spec, tried->use, told->where);
    g_autoptr(GError) error = NULL;
    gboolean refused = status == PBX_EINVAL || status == PBX_ENOTSUP;
    instance_set_error(&error, refused ? PLUGIN_ERROR_OPTIONS : PLUGIN_ERROR_BROKEN,
                       tried->use->plugin, status, told);
    tell(tried, place, error);
    return status;
}

static pbx_status
set_up_child(pbx_instance *child, const pbx_problem *problem, pbx_error *error)
{
    return set_up((Tried *)child, problem, error);
}

/* A wrapper is given no more of a child than it may call before a run. */
static const pbx_stopper only_setup = {.struct_size = sizeof only_setup, .setup = set_up_child};
static const pbx_search only_search_setup = {.struct_size = sizeof only_search_setup,
                                             .setup = set_up_child};

static void
add_child(Tried *tried, Tried *child)
{
    const char *kind = child->use->plugin->desc->kind;
    child->wrapper = tried;
    gconstpointer vtable = g_str_equal(kind, "stopper")  ? (gconstpointer)&only_setup
                           : g_str_equal(kind, "search") ? (gconstpointer)&only_search_setup
                                                         : NULL;
    g_ptr_array_add(tried->wrapped, child);
    if (vtable != NULL)
        children_add(tried->children, child->use->from, child->use->slot,
                     instance_caps(child->instance), vtable, (pbx_instance *)child, child);
}

/* As in a run, where it is not read before the search is asked. */
static void
offer(PbxHost *host, gpointer user)
{
    static const pbx_observations observations = {.struct_size = sizeof observations};
    const Tried *tried = user;
    children_offer(host, tried->children);
    if (g_str_equal(tried->use->plugin->desc->kind, "search"))
        host_add_service(host, PBX_OBSERVATIONS_ID, &observations, NULL);
}

static Tried *
tried_new(const PbxSpec *spec, const PbxPluginUse *use, PbxProblems *problems)
{
    static const PbxChildFuncs funcs = {.problem = problem_of_child};
    g_autoptr(Tried) tried = g_new0(Tried, 1);
    g_autoptr(GError) error = NULL;
    gboolean whole = TRUE;
    pbx_error told;
    tried->spec = spec;
    tried->use = use;
    tried->problems = problems;
    tried->problem = spec_problem_new(spec, use);
    tried->wrapped = g_ptr_array_new_with_free_func((GDestroyNotify)tried_free);
    tried->children = use->wrapped->len > 0 ? children_new(&funcs) : NULL;
    for (guint i = 0; i < use->wrapped->len; i++) {
        const PbxPluginUse *inner = g_ptr_array_index(use->wrapped, i);
        Tried *child = tried_new(spec, inner, problems);
        if (child != NULL)
            add_child(tried, child);
        else
            whole = FALSE;
    }
    if (!whole)
        return NULL;
    tried->instance = instance_try(use->plugin, use->slot, use->options, spec_seed_of(spec, use),
                                   NULL, keep_silent, NULL, offer, tried, &told, &error);
    if (tried->instance != NULL)
        return g_steal_pointer(&tried);
    told.where[sizeof told.where - 1] = '\0';
    g_autofree char *place = place_of(spec, use, told.where);
    tell(tried, place, error);
    return NULL;
}

static void
try_one(const PbxSpec *spec, const PbxPluginUse *use, PbxProblems *problems)
{
    guint before = problems_count(problems);
    g_autoptr(Tried) tried = tried_new(spec, use, problems);
    if (tried == NULL)
        return;
    guint32 caps = instance_caps(tried->instance);
    if (use == spec->search && caps != plugin_caps(use->plugin))
        capabilities_check(spec, caps, spec->registry, problems);
    if ((use == spec->search || use == spec->scheduler) && caps != plugin_caps(use->plugin))
        objectives_check(spec, use, caps, problems);
    if (use == spec->scheduler)
        pauses_check(spec, caps, problems);
    pbx_error told = {.where = "", .message = ""};
    if (problems_count(problems) == before)
        (void)set_up(tried, tried->problem, &told);
}

void
spec_try_plugins(const PbxSpec *spec, PbxProblems *problems)
{
    try_one(spec, spec->search, problems);
    try_one(spec, spec->scheduler, problems);
    for (guint i = 0; i < spec->stoppers->len; i++)
        try_one(spec, g_ptr_array_index(spec->stoppers, i), problems);
}
