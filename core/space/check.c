/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tries every $sample_from at drawn points, so that a cycle or a slip shows before the start. */
#include <string.h>

#include "space/space-private.h"

/* Points at which each is tried. */
#define TRIES 3
#define SLOT  "space check"

/* Makes the branch that leads to a sample the taken one, and draws what that opens. */
static void
force_branch(const PbxSpace *space, guint sample, PbxRandom *random, double *x)
{
    gint parent = space_sample(space, sample)->parent;
    guint choice = space_sample(space, sample)->parent_choice;
    while (parent >= 0) {
        x[parent] = choice;
        const pbx_dim *dim = &space_dim(space, (guint)parent)->abi;
        choice = dim->parent_choice;
        parent = dim->parent;
    }
    for (guint i = 0; i < space->dims->len; i++)
        if (space_active(space, x, i) && x[i] != x[i])
            x[i] = space_draw(space, i, random);
}

/* `spec` is complete only when the experiment runs, so what needs it is not judged before. */
static gboolean
needs_spec(const PbxSpace *space, guint sample)
{
    return strstr(expression_text(space_sample(space, sample)->expression), "spec") != NULL;
}

/* The sample that fails at a point, or -1. */
static gint
try_point(const PbxSpace *space, guint sample, const double *x, const PbxRandom *random,
          GError **why)
{
    SpaceResolver resolver;
    gint failed = -1;
    if (space_resolver_init(&resolver, space, x, NULL, NULL, random, why) &&
        !space_resolve(&resolver, sample)) {
        failed = resolver.failed;
        *why = g_steal_pointer(&resolver.failure);
    }
    space_resolver_clear(&resolver);
    return failed;
}

static void
check_sample(const PbxSpace *space, guint sample, gboolean *told, const PbxDoc *doc,
             PbxProblems *problems)
{
    PbxRandom random = {random_seed(0, SLOT), sample, 0};
    g_autofree double *x = g_new(double, space->dims->len + 1);
    for (guint i = 0; i < TRIES; i++) {
        space_draw_point(space, &random, random_next(&random), x);
        force_branch(space, sample, &random, x);
        g_autoptr(GError) why = NULL;
        gint failed = try_point(space, sample, x, &random, &why);
        if (failed < 0)
            continue;
        gboolean cycle = g_error_matches(why, PBX_SPACE_ERROR, SPACE_ERROR_CYCLE);
        if (!told[failed] && (cycle || !needs_spec(space, (guint)failed)))
            problems_add(problems, doc, space_sample(space, (guint)failed)->node->pointer, "%s",
                         why->message);
        told[failed] = TRUE;
        return;
    }
}

void
space_check_samples(PbxSpace *space, const PbxDoc *doc, PbxProblems *problems)
{
    g_autofree gboolean *told = g_new0(gboolean, space->samples->len + 1);
    for (guint i = 0; i < space->samples->len; i++)
        check_sample(space, i, told, doc, problems);
}
