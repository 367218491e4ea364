/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of expression/ share: the sandbox's state, its limits, values, names. */
#pragma once

#include <lua.h>

#include "expression/expression.h"

#define EXPRESSION_MAX_STEPS  10000000          /* instructions, and what library calls weigh */
#define EXPRESSION_MAX_MEMORY (8 * 1024 * 1024) /* bytes that one evaluation may hold */
#define EXPRESSION_MAX_CPU_S  10                /* where single steps are slow: long texts */
#define EXPRESSION_MAX_NODES  100000            /* of a result */
#define EXPRESSION_MAX_DEPTH  500               /* evaluations within evaluations */

/* One evaluation; those that a PbxResolve starts are nested. */
typedef struct PbxEvaluation PbxEvaluation;
struct PbxEvaluation {
    PbxEvaluation *outer;
    guint depth;
    lua_State *state; /* the sandbox's own, or a thread of it when nested */
    const PbxBinding *bindings;
    gsize n_bindings;
    PbxRandom *random;
    PbxResolve missing;
    gpointer user;
    GError *failure;   /* of `missing` */
    const char *limit; /* which one was passed; NULL: none */
    guint64 steps;     /* so far */
    gsize memory_end;  /* `used` may not pass it */
    gint64 cpu_end_ns; /* 0: not looked at yet */
    char *scratch;     /* a text on its way into Lua, which may not return */
};

struct PbxSandbox {
    lua_State *state;
    gsize used;
    PbxEvaluation *current; /* NULL: none runs, nothing is bounded */
    GPtrArray *threads;     /* lua_State *, one a nesting level; anchored in the registry */
    int environment;        /* reference of the _ENV of all expressions */
};

PbxSandbox *sandbox_of(lua_State *state);
/* Begins and ends an evaluation. FALSE with error: nested too deep, or no memory. */
gboolean sandbox_enter(PbxSandbox *sandbox, PbxEvaluation *evaluation, GError **error);
void sandbox_leave(PbxSandbox *sandbox, PbxEvaluation *evaluation);
/* Counts the work of a library call; raises an error in Lua where it is too much. */
void sandbox_charge(lua_State *state, guint64 steps);

/* Pushes the table of all that expressions may call. May raise. */
void library_push(lua_State *state);

/* Makes the metatable of nodes. May raise. */
void value_register(lua_State *state);
/* Pushes a node: scalars as Lua's, containers as read-only views. `path` is the stack index
 * of its path under config where missing keys are resolved, else 0. May raise. */
void value_push(lua_State *state, JsonNode *node, int path);
/* The node of a view at a stack index, or NULL. */
JsonNode *value_node(lua_State *state, int index);
/* The same where the view is used as a whole: nothing is missing in it. May raise. */
JsonNode *value_whole_node(lua_State *state, int index);
/* The value at a stack index as JSON; never raises. NULL with error. (transfer full) */
JsonNode *value_to_json(lua_State *state, int index, GError **error);

/* Which forms an {args} item has. */
typedef enum {
    ARGS_EQUALS = 1,
    ARGS_WORDS = 2,
    ARGS_FLAGS = 4,
    ARGS_NO = 8,
    ARGS_HYDRA = 16,
} PbxArgsForms;

/* "" or ":equals,flags" -> forms. FALSE with error: an unknown one. */
gboolean args_parse(const char *text, guint *forms, GError **error);
/* Appends the words of a config (an object). */
void args_expand(JsonNode *config, guint forms, GPtrArray *words);
