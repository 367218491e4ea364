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

/* Tells what fails at a point, once: each sample of a cycle would tell of the same. */
static void
tell_failure(const SpaceResolver *resolver, gboolean *told, const PbxDoc *doc,
             PbxProblems *problems)
{
    guint failed = (guint)resolver->failed;
    gboolean cycle = resolver->cycle->len > 0;
    if (!told[failed] && (cycle || !needs_spec(resolver->space, failed)))
        problems_add(problems, doc, space_sample(resolver->space, failed)->node->pointer, "%s",
                     resolver->failure->message);
    told[failed] = TRUE;
    for (guint i = 0; i < resolver->cycle->len; i++)
        told[g_array_index(resolver->cycle, guint, i)] = TRUE;
}

static void
check_sample(const PbxSpace *space, guint sample, gboolean *told, const PbxDoc *doc,
             PbxProblems *problems)
{
    PbxRandom random = {random_seed(0, SLOT), sample, 0};
    g_autofree double *x = g_new(double, space->dims->len + 1);
    for (guint i = 0; i < TRIES && !told[sample]; i++) {
        space_draw_point(space, &random, random_next(&random), x);
        force_branch(space, sample, &random, x);
        SpaceResolver resolver;
        gboolean fine = space_resolver_init(&resolver, space, x, NULL, NULL, &random, NULL) &&
                        space_resolve(&resolver, sample);
        if (!fine && resolver.failure != NULL)
            tell_failure(&resolver, told, doc, problems);
        space_resolver_clear(&resolver);
        if (!fine)
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
