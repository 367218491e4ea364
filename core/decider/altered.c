/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a wrapper alters of a result reaches what its child wraps. */
#include "decider/decider.h"

static gboolean
has_same_objectives(const pbx_problem *one, const pbx_problem *other)
{
    gboolean same = one->n_objectives == other->n_objectives;
    for (guint i = 0; same && i < one->n_objectives; i++)
        same = one->objectives[i]->sign == other->objectives[i]->sign &&
               g_str_equal(one->objectives[i]->name, other->objectives[i]->name);
    return same;
}

void
decider_hand_down(const PbxSeen *wrapper, const pbx_problem *problem, pbx_result *result)
{
    const pbx_result *seen = wrapper->result;
    if (seen->losses != wrapper->losses && has_same_objectives(wrapper->problem, problem))
        result->losses = seen->losses;
    result->n_violations = seen->n_violations;
    result->violations = seen->violations;
    result->trial = seen->trial;
}
