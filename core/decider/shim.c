/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a wrapper calls in place of the decider that it wraps: the same functions, each of which
 * goes through decider_call. */
#include "decider/decider-private.h"

static pbx_status
pass_on(pbx_instance *self, PbxCall *call, pbx_error *error)
{
    decider_call((PbxDecider *)self, call, NULL, NULL);
    if (call->status < 0)
        *error = call->error;
    return call->status;
}

/* ---- stopper ---- */

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

/* ---- search ---- */

static pbx_status
search_setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    PbxCall call = {.id = CALL_SEARCH_SETUP, .problem = problem};
    return pass_on(self, &call, error);
}

static pbx_status
search_suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    PbxCall call = {.id = CALL_SEARCH_SUGGEST, .suggestion = suggestion};
    return pass_on(self, &call, error);
}

static pbx_status
search_adopt(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    PbxCall call = {.id = CALL_SEARCH_ADOPT, .suggestion = (pbx_suggestion *)suggestion};
    return pass_on(self, &call, error);
}

static pbx_status
search_state(pbx_instance *self, uint64_t trial, uint32_t state, pbx_error *error)
{
    PbxCall call = {.id = CALL_SEARCH_STATE, .trial = trial, .state = state};
    return pass_on(self, &call, error);
}

static pbx_status
search_report(pbx_instance *self, const pbx_result *result, pbx_error *error)
{
    PbxCall call = {.id = CALL_SEARCH_REPORT, .result = result};
    return pass_on(self, &call, error);
}

static pbx_status
search_tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    PbxCall call = {.id = CALL_SEARCH_TELL, .outcome = outcome};
    return pass_on(self, &call, error);
}

static pbx_status
search_total(pbx_instance *self, int64_t *total, pbx_error *error)
{
    PbxCall call = {.id = CALL_SEARCH_TOTAL, .total = (gint64 *)total};
    return pass_on(self, &call, error);
}

/* ---- What a plugin has of them ---- */

static void
fill_stopper(PbxDecider *decider, pbx_stopper *stopper)
{
    *stopper = (pbx_stopper){
        .struct_size = sizeof *stopper,
        .caps = decider_caps(decider),
        .setup = decider_has(decider, CALL_STOPPER_SETUP) ? stopper_setup : NULL,
        .result = decider_has(decider, CALL_STOPPER_RESULT) ? stopper_result : NULL,
        .end = decider_has(decider, CALL_STOPPER_END) ? stopper_end : NULL,
        .all = decider_has(decider, CALL_STOPPER_ALL) ? stopper_all : NULL,
    };
}

static void
fill_search(PbxDecider *decider, pbx_search *search)
{
    *search = (pbx_search){
        .struct_size = sizeof *search,
        .caps = decider_caps(decider),
        .setup = decider_has(decider, CALL_SEARCH_SETUP) ? search_setup : NULL,
        .suggest = search_suggest,
        .adopt = decider_has(decider, CALL_SEARCH_ADOPT) ? search_adopt : NULL,
        .state = decider_has(decider, CALL_SEARCH_STATE) ? search_state : NULL,
        .report = decider_has(decider, CALL_SEARCH_REPORT) ? search_report : NULL,
        .tell = decider_has(decider, CALL_SEARCH_TELL) ? search_tell : NULL,
        .total = decider_has(decider, CALL_SEARCH_TOTAL) ? search_total : NULL,
    };
}

gconstpointer
decider_shim(PbxDecider *decider, PbxShim *shim)
{
    const char *kind = decider_plugin(decider)->desc->kind;
    shim->self = (pbx_instance *)decider;
    if (g_str_equal(kind, "stopper")) {
        fill_stopper(decider, &shim->of.stopper);
        return &shim->of.stopper;
    }
    if (!g_str_equal(kind, "search"))
        return NULL;
    decider->counted = TRUE;
    fill_search(decider, &shim->of.search);
    return &shim->of.search;
}
