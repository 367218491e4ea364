/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each call is named, where its function is, and which arguments it takes. */
#include "decider/calls-private.h"

#include <string.h>

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

#define IN(FIELD, INFO)                                                                            \
    {                                                                                              \
        .type = ARG_STRUCT, .offset = offsetof(PbxCall, FIELD), .info = &struct_##INFO             \
    }
#define FILLED(FIELD)                                                                              \
    {                                                                                              \
        .type = ARG_STRUCT, .out = TRUE, .offset = offsetof(PbxCall, FIELD),                       \
        .info = &struct_##FIELD                                                                    \
    }
#define JSON(FIELD)                                                                                \
    {                                                                                              \
        .type = ARG_JSON, .offset = offsetof(PbxCall, FIELD)                                       \
    }
#define AS(TYPE)                                                                                   \
    {                                                                                              \
        .type = TYPE                                                                               \
    }
/* N_ARGS, then the arguments in the order of the function's. */
#define CALL(KIND, FUNCTION, CHANGES, N_ARGS, ...)                                                 \
    {                                                                                              \
        .name = #KIND "." #FUNCTION, .offset = offsetof(pbx_##KIND, FUNCTION), .changes = CHANGES, \
        .invoke = KIND##_##FUNCTION, .n_args = N_ARGS, .args = {                                   \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define SETUP(KIND)                                                                                \
    {                                                                                              \
        .name = #KIND ".setup", .offset = offsetof(pbx_##KIND, setup), .is_setup = TRUE,           \
        .invoke = KIND##_setup, .n_args = 1, .args = {                                             \
            IN(problem, problem)                                                                   \
        }                                                                                          \
    }

const PbxCallInfo call_table[N_CALLS] = {
    [CALL_SEARCH_SETUP] = SETUP(search),
    [CALL_SEARCH_SUGGEST] = CALL(search, suggest, TRUE, 1, FILLED(suggestion)),
    [CALL_SEARCH_ADOPT] = CALL(search, adopt, TRUE, 1, IN(suggestion, suggestion)),
    [CALL_SEARCH_STATE] = CALL(search, state, TRUE, 2, AS(ARG_TRIAL), AS(ARG_STATE)),
    [CALL_SEARCH_REPORT] = CALL(search, report, TRUE, 1, IN(result, result)),
    [CALL_SEARCH_TELL] = CALL(search, tell, TRUE, 1, IN(outcome, outcome)),
    [CALL_SEARCH_TOTAL] = CALL(search, total, FALSE, 1, AS(ARG_TOTAL)),
    [CALL_SCHEDULER_SETUP] = SETUP(scheduler),
    [CALL_SCHEDULER_ADD] =
        CALL(scheduler, add, TRUE, 4, AS(ARG_TRIAL), AS(ARG_POINT), JSON(config), JSON(resources)),
    [CALL_SCHEDULER_STATE] =
        CALL(scheduler, state, TRUE, 3, AS(ARG_TRIAL), AS(ARG_STATE), AS(ARG_WHY)),
    [CALL_SCHEDULER_RESULT] =
        CALL(scheduler, result, TRUE, 2, IN(result, result), FILLED(decision)),
    [CALL_SCHEDULER_END] = CALL(scheduler, end, TRUE, 1, IN(outcome, outcome)),
    [CALL_SCHEDULER_CHOOSE] = CALL(scheduler, choose, TRUE, 1, FILLED(choice)),
    [CALL_STOPPER_SETUP] = SETUP(stopper),
    [CALL_STOPPER_RESULT] = CALL(stopper, result, TRUE, 2, IN(result, result), FILLED(verdict)),
    [CALL_STOPPER_END] = CALL(stopper, end, TRUE, 1, IN(outcome, outcome)),
    [CALL_STOPPER_ALL] = CALL(stopper, all, FALSE, 1, FILLED(verdict)),
};

/* ---- Calls as bytes ---- */

static gconstpointer
pointer_of(const PbxCall *call, const PbxArg *arg)
{
    gconstpointer pointer;
    memcpy(&pointer, (const guint8 *)call + arg->offset, sizeof pointer);
    return pointer;
}

static void
set_pointer(PbxCall *call, const PbxArg *arg, gconstpointer pointer)
{
    memcpy((guint8 *)call + arg->offset, &pointer, sizeof pointer);
}

void
call_pack(GByteArray *out, const PbxCall *call, guint n_dims)
{
    const PbxCallInfo *info = &call_table[call->id];
    for (guint i = 0; i < info->n_args; i++) {
        const PbxArg *arg = &info->args[i];
        switch (arg->type) {
        case ARG_STRUCT:
            pack_struct(out, arg->info, pointer_of(call, arg), NULL);
            break;
        case ARG_TRIAL:
            pack_64(out, call->trial);
            break;
        case ARG_STATE:
            pack_32(out, call->state);
            break;
        case ARG_WHY:
            pack_32(out, call->why);
            break;
        case ARG_POINT:
            pack_words(out, call->x, n_dims);
            break;
        case ARG_JSON:
            pack_json(out, pointer_of(call, arg));
            break;
        case ARG_TOTAL:
            break;
        }
    }
}

void
call_unpack(PbxUnpack *in, PbxCall *call, guint n_dims)
{
    const PbxCallInfo *info = &call_table[call->id];
    gconstpointer given;
    gsize n;
    for (guint i = 0; i < info->n_args; i++) {
        const PbxArg *arg = &info->args[i];
        switch (arg->type) {
        case ARG_STRUCT:
            given = unpack_struct(in, arg->info, NULL);
            in->broken = in->broken || given == NULL;
            set_pointer(call, arg, given);
            break;
        case ARG_TRIAL:
            call->trial = unpack_64(in);
            break;
        case ARG_STATE:
            call->state = unpack_32(in);
            break;
        case ARG_WHY:
            call->why = unpack_32(in);
            break;
        case ARG_POINT:
            call->x = unpack_words(in, &n);
            in->broken = in->broken || (call->x != NULL ? n != n_dims : n_dims > 0);
            break;
        case ARG_JSON:
            set_pointer(call, arg, unpack_json(in));
            break;
        case ARG_TOTAL:
            call->total = arena_alloc(in->arena, sizeof *call->total);
            break;
        }
    }
}

void
status_pack(GByteArray *out, pbx_status status, const pbx_error *error)
{
    pack_32(out, (guint32)status);
    if (status >= 0)
        return;
    pack_text(out, error->where);
    pack_text(out, error->message);
}

pbx_status
status_unpack(PbxUnpack *in, pbx_error *error)
{
    const pbx_status status = (pbx_status)unpack_32(in);
    error->where[0] = error->message[0] = '\0';
    if (status >= 0)
        return status;
    const char *where = unpack_text(in), *message = unpack_text(in);
    g_strlcpy(error->where, where != NULL ? where : "", sizeof error->where);
    g_strlcpy(error->message, message != NULL ? message : "", sizeof error->message);
    return status;
}

void
call_pack_answer(GByteArray *out, const PbxCall *call)
{
    const PbxCallInfo *info = &call_table[call->id];
    status_pack(out, call->status, &call->error);
    for (guint i = 0; call->status >= 0 && i < info->n_args; i++) {
        const PbxArg *arg = &info->args[i];
        if (arg->type == ARG_TOTAL)
            pack_64(out, (guint64)*call->total);
        else if (arg->out)
            pack_out(out, arg->info, pointer_of(call, arg));
    }
}

void
call_unpack_answer(PbxUnpack *in, PbxCall *call)
{
    const PbxCallInfo *info = &call_table[call->id];
    call->status = status_unpack(in, &call->error);
    for (guint i = 0; call->status >= 0 && i < info->n_args; i++) {
        const PbxArg *arg = &info->args[i];
        if (arg->type == ARG_TOTAL)
            *call->total = (gint64)unpack_64(in);
        else if (arg->out)
            unpack_out(in, arg->info, (gpointer)pointer_of(call, arg));
    }
}
