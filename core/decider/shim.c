/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a wrapper calls in place of the decider that it wraps: the same functions, each of which
 * goes through decider_call. */
#include "decider/calls-private.h"

static pbx_status
pass_on(pbx_instance *self, PbxCall *call, pbx_error *error)
{
    decider_call((PbxDecider *)self, call, NULL, NULL);
    if (call->status < 0)
        *error = call->error;
    return call->status;
}

static pbx_status
stopper_setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    PbxCall call = {.id = CALL_STOPPER_SETUP, .problem = problem};
    return pass_on(self, &call, error);
}

static pbx_status
stopper_result(pbx_instance *self, const pbx_result *result, pbx_verdict *verdict, pbx_error *error)
{
    PbxCall call = {.id = CALL_STOPPER_RESULT, .result = result, .verdict = verdict};
    return pass_on(self, &call, error);
}

static pbx_status
stopper_end(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    PbxCall call = {.id = CALL_STOPPER_END, .outcome = outcome};
    return pass_on(self, &call, error);
}

static pbx_status
stopper_all(pbx_instance *self, pbx_verdict *verdict, pbx_error *error)
{
    PbxCall call = {.id = CALL_STOPPER_ALL, .verdict = verdict};
    return pass_on(self, &call, error);
}

gboolean
decider_shim(PbxDecider *decider, PbxShim *shim)
{
    if (!g_str_equal(decider_plugin(decider)->desc->kind, "stopper"))
        return FALSE;
    shim->self = (pbx_instance *)decider;
    shim->stopper = (pbx_stopper){
        .struct_size = sizeof shim->stopper,
        .caps = decider_caps(decider),
        .setup = decider_has(decider, CALL_STOPPER_SETUP) ? stopper_setup : NULL,
        .result = decider_has(decider, CALL_STOPPER_RESULT) ? stopper_result : NULL,
        .end = decider_has(decider, CALL_STOPPER_END) ? stopper_end : NULL,
        .all = decider_has(decider, CALL_STOPPER_ALL) ? stopper_all : NULL,
    };
    return TRUE;
}
