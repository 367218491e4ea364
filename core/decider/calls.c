/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each call is named, where its function is, and which arguments it takes. */
#include "decider/calls-private.h"

#define INVOKE(NAME, TYPE, FUNCTION, ...)                                                          \
    static pbx_status NAME(gconstpointer vtable, pbx_instance *self, PbxCall *call)                \
    {                                                                                              \
        return ((const TYPE *)vtable)->FUNCTION(self, __VA_ARGS__, &call->error);                  \
    }

INVOKE(search_setup, pbx_search, setup, call->problem)
INVOKE(search_suggest, pbx_search, suggest, call->suggestion)
INVOKE(search_adopt, pbx_search, adopt, call->suggestion)
INVOKE(search_state, pbx_search, state, call->trial, call->state)
INVOKE(search_report, pbx_search, report, call->result)
INVOKE(search_tell, pbx_search, tell, call->outcome)
INVOKE(search_total, pbx_search, total, call->total)
INVOKE(scheduler_setup, pbx_scheduler, setup, call->problem)
INVOKE(scheduler_add, pbx_scheduler, add, call->trial, call->x, call->config, call->resources)
INVOKE(scheduler_state, pbx_scheduler, state, call->trial, call->state, call->why)
INVOKE(scheduler_result, pbx_scheduler, result, call->result, call->decision)
INVOKE(scheduler_end, pbx_scheduler, end, call->outcome)
INVOKE(scheduler_choose, pbx_scheduler, choose, call->choice)
INVOKE(stopper_setup, pbx_stopper, setup, call->problem)
INVOKE(stopper_result, pbx_stopper, result, call->result, call->verdict)
INVOKE(stopper_end, pbx_stopper, end, call->outcome)
INVOKE(stopper_all, pbx_stopper, all, call->verdict)

#define CALL(KIND, FUNCTION, CHANGES)                                                              \
    {                                                                                              \
#KIND "." #FUNCTION, offsetof(pbx_##KIND, FUNCTION), CHANGES, KIND##_##FUNCTION            \
    }

const PbxCallInfo call_table[N_CALLS] = {
    [CALL_SEARCH_SETUP] = CALL(search, setup, FALSE),
    [CALL_SEARCH_SUGGEST] = CALL(search, suggest, TRUE),
    [CALL_SEARCH_ADOPT] = CALL(search, adopt, TRUE),
    [CALL_SEARCH_STATE] = CALL(search, state, TRUE),
    [CALL_SEARCH_REPORT] = CALL(search, report, TRUE),
    [CALL_SEARCH_TELL] = CALL(search, tell, TRUE),
    [CALL_SEARCH_TOTAL] = CALL(search, total, FALSE),
    [CALL_SCHEDULER_SETUP] = CALL(scheduler, setup, FALSE),
    [CALL_SCHEDULER_ADD] = CALL(scheduler, add, TRUE),
    [CALL_SCHEDULER_STATE] = CALL(scheduler, state, TRUE),
    [CALL_SCHEDULER_RESULT] = CALL(scheduler, result, TRUE),
    [CALL_SCHEDULER_END] = CALL(scheduler, end, TRUE),
    [CALL_SCHEDULER_CHOOSE] = CALL(scheduler, choose, TRUE),
    [CALL_STOPPER_SETUP] = CALL(stopper, setup, FALSE),
    [CALL_STOPPER_RESULT] = CALL(stopper, result, TRUE),
    [CALL_STOPPER_END] = CALL(stopper, end, TRUE),
    [CALL_STOPPER_ALL] = CALL(stopper, all, FALSE),
};
