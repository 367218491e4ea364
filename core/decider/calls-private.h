/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of calls: each decider call described once. */
#pragma once

#include "decider/decider.h"

typedef struct {
    const char *name; /* "search.suggest", as logs name it */
    gsize offset;     /* of its function in the kind's vtable */
    gboolean changes; /* a PBX_OK answer may have changed the state */
    pbx_status (*invoke)(gconstpointer vtable, pbx_instance *self, PbxCall *call);
} PbxCallInfo;

extern const PbxCallInfo call_table[N_CALLS];
