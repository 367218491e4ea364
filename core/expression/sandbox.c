/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Lua state: its memory, its limits, the names that an expression finds. */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "expression/expression-private.h"
#include "json/json.h"

#define HOOK_STEPS      1000
#define BYTES_PER_STEP  16
#define NAMES_IN_A_HINT 64

GQuark
expression_error_domain(void)
{
    return g_quark_from_static_string("pegbox-expression-error");
}

PbxSandbox *
sandbox_of(lua_State *state)
{
    PbxSandbox *sandbox = NULL;
    memcpy(&sandbox, lua_getextraspace(state), sizeof sandbox);
    return sandbox;
}

/* Lua's memory. Copying counts as work too, so that no loop of long texts is free. */
static void *
allocate(void *user, void *block, size_t old_size, size_t size)
{
    PbxSandbox *sandbox = user;
    PbxEvaluation *evaluation = sandbox->current;
    gsize held = block != NULL ? old_size : 0;
    if (size == 0) {
        free(block);
        sandbox->used -= held;
        return NULL;
    }
    if (evaluation != NULL && size > held) {
        evaluation->steps += size / BYTES_PER_STEP;
        if (evaluation->steps > EXPRESSION_MAX_STEPS)
            return NULL;
        if (sandbox->used + (size - held) > evaluation->memory_end)
            return NULL;
    }
    void *moved = realloc(block, size);
    if (moved == NULL)
        return size <= held ? block : NULL;
    sandbox->used = sandbox->used + size - held;
    return moved;
}

static gint64
cpu_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (gint64)now.tv_sec * 1000000000 + now.tv_nsec;
}

void
sandbox_charge(lua_State *state, guint64 steps)
{
    PbxEvaluation *evaluation = sandbox_of(state)->current;
    if (evaluation == NULL)
        return;
    evaluation->steps += MIN(steps, EXPRESSION_MAX_STEPS);
    if (evaluation->steps > EXPRESSION_MAX_STEPS) {
        evaluation->limit = "it takes too many steps";
        luaL_error(state, "%s", evaluation->limit);
    }
}

static void
hook(lua_State *state, lua_Debug *debug)
{
    (void)debug;
    PbxEvaluation *evaluation = sandbox_of(state)->current;
    sandbox_charge(state, HOOK_STEPS);
    gint64 now = cpu_now_ns();
    if (evaluation->cpu_end_ns == 0)
        evaluation->cpu_end_ns = now + EXPRESSION_MAX_CPU_S * G_GINT64_CONSTANT(1000000000);
    if (now > evaluation->cpu_end_ns) {
        evaluation->limit = "it takes too long";
        luaL_error(state, "%s", evaluation->limit);
    }
}

/* The binding that has a member of that name: "lr" of `config`. NULL: none. */
static const char *
owner_of(const char *name, const PbxEvaluation *evaluation)
{
    for (gsize i = 0; evaluation != NULL && i < evaluation->n_bindings; i++) {
        JsonNode *value = evaluation->bindings[i].value;
        if (value != NULL && JSON_NODE_HOLDS_OBJECT(value) &&
            json_object_has_member(json_node_get_object(value), name))
            return evaluation->bindings[i].name;
    }
    return NULL;
}

/* The member of `config` that Lua took for a difference: "weight-decay" for `decay`. NULL: none. */
static const char *
difference_of(const char *name, const PbxEvaluation *evaluation)
{
    g_autofree char *end = g_strconcat("-", name, NULL);
    for (gsize i = 0; evaluation != NULL && i < evaluation->n_bindings; i++) {
        JsonNode *value = evaluation->bindings[i].value;
        JsonObjectIter iter;
        const char *key;
        if (value == NULL || !JSON_NODE_HOLDS_OBJECT(value) ||
            !g_str_equal(evaluation->bindings[i].name, "config"))
            continue;
        json_object_iter_init_ordered(&iter, json_node_get_object(value));
        while (json_object_iter_next_ordered(&iter, &key, NULL)) {
            if (g_str_has_suffix(key, end))
                return key;
        }
    }
    return NULL;
}

/* What a name may have meant: a member of a binding, else the best match among the bindings and the
 * library (the first upvalue). */
static void
push_hint(lua_State *state, const char *name, const PbxEvaluation *evaluation)
{
    const char *names[NAMES_IN_A_HINT + 1];
    gsize n = 0;
    const char *owner = owner_of(name, evaluation);
    if (owner != NULL) {
        lua_pushfstring(state, "; did you mean '%s.%s'?", owner, name);
        return;
    }
    const char *difference = difference_of(name, evaluation);
    if (difference != NULL) {
        lua_pushfstring(state, "; did you mean config[\"%s\"]?", difference);
        return;
    }
    for (gsize i = 0; evaluation != NULL && i < evaluation->n_bindings && n < NAMES_IN_A_HINT; i++)
        names[n++] = evaluation->bindings[i].name;
    lua_pushnil(state);
    while (lua_next(state, lua_upvalueindex(1)) != 0) {
        lua_pop(state, 1);
        if (n < NAMES_IN_A_HINT)
            names[n++] = lua_tostring(state, -1);
    }
    names[n] = NULL;
    const char *meant = json_did_you_mean(name, names);
    if (meant != NULL)
        lua_pushfstring(state, "; did you mean '%s'?", meant);
    else
        lua_pushliteral(state, "");
}

/* _ENV's __index: the bindings, then the library; no other name is known. */
static int
environment_index(lua_State *state)
{
    PbxEvaluation *evaluation = sandbox_of(state)->current;
    const char *name = luaL_checkstring(state, 2);
    for (gsize i = 0; i < evaluation->n_bindings; i++) {
        const PbxBinding *binding = &evaluation->bindings[i];
        if (strcmp(binding->name, name) != 0)
            continue;
        gboolean resolves = evaluation->missing != NULL && strcmp(name, "config") == 0;
        if (resolves)
            lua_pushliteral(state, "");
        value_push(state, binding->value, resolves ? lua_gettop(state) : 0);
        return 1;
    }
    lua_pushvalue(state, 2);
    if (lua_rawget(state, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    push_hint(state, name, evaluation);
    return luaL_error(state, "unknown name '%s'%s", name, lua_tostring(state, -1));
}

static int
environment_newindex(lua_State *state)
{
    const char *name = lua_type(state, 2) == LUA_TSTRING ? lua_tostring(state, 2) : "it";
    return luaL_error(state, "'%s' cannot be set: write == to compare, or local %s = ...", name,
                      name);
}

static int
set_up(lua_State *state)
{
    PbxSandbox *sandbox = sandbox_of(state);
    value_register(state);
    lua_newtable(state); /* _ENV is always empty: each access goes through its metatable */
    lua_newtable(state);
    library_push(state);
    lua_pushvalue(state, -1);
    lua_setfield(state, LUA_REGISTRYINDEX, "pegbox.library");
    lua_pushcclosure(state, environment_index, 1);
    lua_setfield(state, -2, "__index");
    lua_pushcfunction(state, environment_newindex);
    lua_setfield(state, -2, "__newindex");
    lua_setmetatable(state, -2);
    sandbox->environment = luaL_ref(state, LUA_REGISTRYINDEX);
    return 0;
}

PbxSandbox *
sandbox_new(void)
{
    PbxSandbox *sandbox = g_new0(PbxSandbox, 1);
    sandbox->threads = g_ptr_array_new();
    sandbox->state = lua_newstate(allocate, sandbox);
    if (sandbox->state == NULL)
        g_error("out of memory for an expression sandbox");
    memcpy(lua_getextraspace(sandbox->state), &sandbox, sizeof sandbox);
    lua_pushcfunction(sandbox->state, set_up);
    if (lua_pcall(sandbox->state, 0, 0, 0) != LUA_OK)
        g_error("an expression sandbox cannot be set up: %s", lua_tostring(sandbox->state, -1));
    return sandbox;
}

void
sandbox_free(PbxSandbox *sandbox)
{
    if (sandbox == NULL)
        return;
    lua_close(sandbox->state);
    g_ptr_array_unref(sandbox->threads);
    g_free(sandbox);
}

gboolean
sandbox_knows(PbxSandbox *sandbox, const char *name)
{
    static const char *const words[] = {"true", "false", "nil", "not", "function", NULL};
    if (g_strv_contains(words, name))
        return TRUE;
    lua_State *state = sandbox->state;
    lua_getfield(state, LUA_REGISTRYINDEX, "pegbox.library");
    gboolean known = FALSE;
    lua_pushnil(state);
    while (lua_next(state, -2) != 0) {
        lua_pop(state, 1);
        known = known || strcmp(lua_tostring(state, -1), name) == 0;
    }
    lua_pop(state, 1);
    return known;
}

static int
make_thread(lua_State *state)
{
    lua_newthread(state);
    lua_pushvalue(state, -1);
    luaL_ref(state, LUA_REGISTRYINDEX);
    return 1;
}

/* The state of a nesting level: a thread has a C call depth of its own, which Lua bounds. */
static lua_State *
thread_at(PbxSandbox *sandbox, lua_State *outer, guint depth)
{
    if (depth == 0)
        return sandbox->state;
    if (sandbox->threads->len < depth) {
        if (!lua_checkstack(outer, 4))
            return NULL;
        lua_pushcfunction(outer, make_thread);
        lua_State *made = lua_pcall(outer, 0, 1, 0) == LUA_OK ? lua_tothread(outer, -1) : NULL;
        lua_pop(outer, 1);
        if (made == NULL)
            return NULL;
        g_ptr_array_add(sandbox->threads, made);
    }
    return g_ptr_array_index(sandbox->threads, depth - 1);
}

gboolean
sandbox_enter(PbxSandbox *sandbox, PbxEvaluation *evaluation, GError **error)
{
    PbxEvaluation *outer = sandbox->current;
    evaluation->outer = outer;
    evaluation->depth = outer != NULL ? outer->depth + 1 : 0;
    if (evaluation->depth < EXPRESSION_MAX_DEPTH)
        evaluation->state =
            thread_at(sandbox, outer != NULL ? outer->state : sandbox->state, evaluation->depth);
    if (evaluation->state == NULL || !lua_checkstack(evaluation->state, 16)) {
        g_set_error_literal(error, PBX_EXPRESSION_ERROR, EXPRESSION_ERROR_LIMIT,
                            "too many expressions need each other");
        return FALSE;
    }
    evaluation->memory_end = sandbox->used + EXPRESSION_MAX_MEMORY;
    lua_sethook(evaluation->state, hook, LUA_MASKCOUNT, HOOK_STEPS);
    sandbox->current = evaluation;
    return TRUE;
}

void
sandbox_leave(PbxSandbox *sandbox, PbxEvaluation *evaluation)
{
    sandbox->current = evaluation->outer;
    g_clear_error(&evaluation->failure);
    g_clear_pointer(&evaluation->scratch, g_free);
}
