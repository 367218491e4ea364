/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a search can, against what the space and the metrics ask of it; and a scheduler. */
#include "spec/spec-private.h"

static const struct {
    guint32 cap;
    const char *name; /* as probes tell it */
    const char *what;
    const char *instead; /* of a wrapper that cannot; what those that can have for it */
} needs[] = {
    {PBX_CAP_GRID, "grid", "a $grid_search",
     ": num_samples repeats a grid, points_to_evaluate come before it"},
    {PBX_CAP_CONDITIONAL, "conditional", "a parameter inside a $choice", ""},
    {PBX_CAP_CATEGORY, "category", "a $choice", ""},
    {PBX_CAP_UNBOUNDED, "unbounded", "an operator without bounds", ""},
    {PBX_CAP_QUANTUM, "quantum", "a quantised operator", ""},
};

static gboolean
dim_needs(const pbx_dim *dim, guint32 cap)
{
    gboolean grid = (dim->flags & PBX_DIM_GRID) != 0;
    switch (cap) {
    case PBX_CAP_GRID:
        return grid;
    case PBX_CAP_CONDITIONAL:
        return dim->parent >= 0;
    case PBX_CAP_CATEGORY:
        return dim->type == PBX_DIM_CATEGORY && !grid;
    case PBX_CAP_UNBOUNDED:
        return dim->type == PBX_DIM_NORMAL;
    default:
        return dim->quantum > 0 && !(dim->type == PBX_DIM_INT && dim->quantum <= 1);
    }
}

static gboolean
probe_says(JsonNode *plugin, const char *cap)
{
    JsonNode *caps = json_object_get_member(json_node_get_object(plugin), "caps");
    JsonArray *array =
        caps != NULL && JSON_NODE_HOLDS_ARRAY(caps) ? json_node_get_array(caps) : NULL;
    for (guint i = 0; array != NULL && i < json_array_get_length(array); i++) {
        if (g_strcmp0(json_array_get_string_element(array, i), cap) == 0)
            return TRUE;
    }
    return FALSE;
}

typedef struct {
    const char *cap;
    GString *names;
    guint n;
} Able;

static void
add_able(const PbxPluginFile *file, JsonNode *plugin, const GError *error G_GNUC_UNUSED,
         gpointer user)
{
    Able *able = user;
    if (plugin == NULL || !probe_says(plugin, able->cap) || probe_says(plugin, "transparent"))
        return;
    g_string_append_printf(able->names, "%s'%s'", able->n++ == 0 ? "; " : ", ", file->name);
}

/* "; 'random', 'tpe' can" of what is installed, or "". (transfer full) */
static char *
who_can(PbxRegistry *registry, const char *kind, const char *cap)
{
    g_autoptr(GPtrArray) files = registry_files(registry, kind);
    g_autoptr(GString) text = g_string_new(NULL);
    Able able = {.cap = cap, .names = text};
    registry_probe_files(registry, files, add_able, &able);
    if (able.n > 0)
        g_string_append(text, " can");
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The search that cannot, of it and of what it wraps, all of which must; NULL: all can. `caps` (0:
 * those of its plugin) is what it can itself. */
static const PbxPluginUse *
who_lacks(const PbxPluginUse *use, guint32 caps, guint32 cap)
{
    for (guint i = 0; i < use->wrapped->len; i++) {
        const PbxPluginUse *inner = who_lacks(g_ptr_array_index(use->wrapped, i), 0, cap);
        if (inner != NULL)
            return inner;
    }
    const guint32 own = caps != 0 ? caps : plugin_caps(use->plugin);
    return (own & cap) == 0 ? use : NULL;
}

static void
check_constraints(const PbxSpec *spec, guint32 caps, PbxRegistry *registry, PbxProblems *problems)
{
    const PbxPluginUse *lacks =
        spec->constraints->len > 0 ? who_lacks(spec->search, caps, PBX_CAP_CONSTRAINTS) : NULL;
    if (lacks == NULL)
        return;
    g_autofree char *others = who_can(registry, "search", "constraints");
    problems_add(problems, spec->doc, "/constraints", "the search '%s' cannot take constraints%s",
                 lacks->plugin->desc->name, others);
}

void
objectives_check(const PbxSpec *spec, const PbxPluginUse *use, guint32 caps, PbxProblems *problems)
{
    const pbx_plugin *desc = use->plugin->desc;
    const guint n = spec_n_objectives(spec);
    if (n < 2)
        return;
    if ((caps & PBX_CAP_TRANSPARENT) != 0) {
        for (guint i = 0; i < use->wrapped->len; i++) {
            const PbxPluginUse *inner = use->wrapped->pdata[i];
            objectives_check(spec, inner, plugin_caps(inner->plugin), problems);
        }
        return;
    }
    if ((caps & PBX_CAP_OBJECTIVES) != 0)
        return;
    g_autofree char *others = who_can(spec->registry, desc->kind, "objectives");
    problems_add(problems, spec->doc, "/metric", "the %s '%s' takes one objective, not %u%s",
                 desc->kind, desc->name, n, others);
}

void
capabilities_check(const PbxSpec *spec, guint32 caps, PbxRegistry *registry, PbxProblems *problems)
{
    check_constraints(spec, caps, registry, problems);
    const pbx_space *space = space_dims(spec->space);
    for (gsize i = 0; i < G_N_ELEMENTS(needs); i++) {
        g_autofree char *others = NULL;
        const PbxPluginUse *lacks = who_lacks(spec->search, caps, needs[i].cap);
        for (guint dim = 0; lacks != NULL && dim < space->n_dims; dim++) {
            if (!dim_needs(space->dims[dim], needs[i].cap))
                continue;
            if (others == NULL)
                others = who_can(registry, "search", needs[i].name);
            /* One that can may be within it. */
            const gboolean wraps =
                (plugin_caps(lacks->plugin) & PBX_CAP_TRANSPARENT) != 0 && *others != '\0';
            problems_add(problems, spec->doc, space_dim_pointer(spec->space, dim),
                         "the search '%s' cannot take %s%s%s%s", lacks->plugin->desc->name,
                         needs[i].what, others, wraps ? " by itself" : "",
                         wraps ? needs[i].instead : "");
        }
    }
}
