/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of calls: each decider call described once. */
#pragma once

#include "decider/pack-private.h"

/* One argument: what of a PbxCall it is. */
typedef enum {
    ARG_STRUCT,
    ARG_TRIAL,
    ARG_STATE,
    ARG_WHY,
    ARG_POINT, /* of the problem's dims */
    ARG_JSON,
    ARG_TOTAL, /* answered */
} PbxArgType;
typedef struct {
    PbxArgType type;
    gboolean out; /* a struct that the plugin fills in */
    gsize offset; /* in PbxCall: of a struct, a node */
    const PbxStructInfo *info;
} PbxArg;

#define MAX_ARGS 4

typedef struct {
    const char *name; /* "search.suggest", as logs name it */
    gsize offset;     /* of its function in the kind's vtable */
    gboolean changes; /* a PBX_OK answer may have changed the state */
    gboolean is_setup;
    pbx_status (*invoke)(gconstpointer vtable, pbx_instance *self, PbxCall *call);
    guint n_args;
    PbxArg args[MAX_ARGS];
} PbxCallInfo;

extern const PbxCallInfo call_table[N_CALLS];

/* ---- Calls as bytes ---- */

/* Appends the arguments. n_dims: of the problem. */
void call_pack(GByteArray *out, const PbxCall *call, guint n_dims);
/* Reads them into a call whose id is set. Each is there, and points have as many dims. */
void call_unpack(PbxUnpack *in, PbxCall *call, guint n_dims);
/* The answer: status, error, and what the plugin filled in. */
void call_pack_answer(GByteArray *out, const PbxCall *call);
void call_unpack_answer(PbxUnpack *in, PbxCall *call);
/* A status and what is said of it, where it is an error. */
void status_pack(GByteArray *out, pbx_status status, const pbx_error *error);
pbx_status status_unpack(PbxUnpack *in, pbx_error *error);
