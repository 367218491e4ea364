/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A host, as the files that make its services see it. */
#pragma once

#include "plugin/plugin-private.h"

struct PbxHost {
    pbx_host abi;
    char *slot;
    PbxOptions *options; /* borrowed */
    PbxClock *clock;     /* borrowed; NULL: the real one */
    PbxSeed seed;
    PbxLogFunc log;
    gpointer log_user;
    GHashTable *services;                     /* id -> HostService* */
    gint cancelled;                           /* atomic */
    gboolean (*ask_cancelled)(gpointer user); /* NULL: nobody is asked */
    gpointer ask_user;
    GMutex parsed_lock;
    GHashTable *parsed;  /* set of JsonNode*, each a reference: of json-write/1's parse */
    JsonNode *evaluated; /* the last answer of expression/1 */
};

/* The JSON reading functions of pbx_host. */
void host_json_init(pbx_host *abi);
extern const pbx_json_write host_json_write;
extern const pbx_expression host_expression;
