/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What expressions may call. Nothing here reaches outside, keeps anything, or depends on
 * addresses and times: Lua's own pairs, sort and tostring do, so they are replaced.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "expression/expression-private.h"

/* ---- Random numbers ---- */

static PbxRandom *
check_random(lua_State *state, const char *name)
{
    PbxRandom *random = sandbox_of(state)->current->random;
    if (random == NULL)
        luaL_error(state, "%s() cannot be used here", name);
    return random;
}

static int
library_rand(lua_State *state)
{
    lua_pushnumber(state, random_uniform(check_random(state, "rand")));
    return 1;
}

static int
library_randn(lua_State *state)
{
    lua_pushnumber(state, random_normal(check_random(state, "randn")));
    return 1;
}

/* randint(low, high): low..high-1, as Tune's; randint(high): from 0. */
static int
library_randint(lua_State *state)
{
    PbxRandom *random = check_random(state, "randint");
    lua_Integer low = lua_gettop(state) > 1 ? luaL_checkinteger(state, 1) : 0;
    lua_Integer high = luaL_checkinteger(state, lua_gettop(state) > 1 ? 2 : 1);
    if (low >= high)
        return luaL_error(state, "randint(low, high) needs low < high");
    guint64 range = (guint64)high - (guint64)low;
    lua_pushinteger(state, (lua_Integer)((guint64)low + random_below(random, range)));
    return 1;
}

/* ---- Types and texts ---- */

static int
library_type(lua_State *state)
{
    luaL_checkany(state, 1);
    if (value_node(state, 1) != NULL)
        lua_pushliteral(state, "table");
    else
        lua_pushstring(state, luaL_typename(state, 1));
    return 1;
}

/* Addresses would differ from run to run. */
static void
check_text(lua_State *state, int index)
{
    int type = lua_type(state, index);
    if (type == LUA_TTABLE || type == LUA_TFUNCTION)
        luaL_error(state, "a %s has no text", lua_typename(state, type));
}

static int
library_tostring(lua_State *state)
{
    luaL_checkany(state, 1);
    check_text(state, 1);
    luaL_tolstring(state, 1, NULL);
    return 1;
}

/* Lua's own bounds widths and precisions to two digits. */
static int
library_format(lua_State *state)
{
    const char *format = luaL_checkstring(state, 1);
    for (const char *p = strchr(format, '%'); p != NULL; p = strchr(p, '%')) {
        p += 1 + strspn(p + 1, "-+ #0123456789.");
        if (*p == 'p')
            return luaL_error(state, "format knows no %%p here");
        if (*p != '\0')
            p++;
    }
    for (int i = 2; i <= lua_gettop(state); i++)
        check_text(state, i);
    int n = lua_gettop(state);
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    lua_call(state, n, 1);
    return 1;
}

/* ---- Walking tables in an order that is always the same ---- */

/* Pushes the list of a table's or a view's keys: numbers, then texts; other keys are refused. */
static void push_sorted_keys(lua_State *state, int index);

static int
pairs_step(lua_State *state)
{
    lua_Integer at = lua_tointeger(state, lua_upvalueindex(3)) + 1;
    lua_pushinteger(state, at);
    lua_replace(state, lua_upvalueindex(3));
    if (lua_rawgeti(state, lua_upvalueindex(2), at) == LUA_TNIL)
        return 1;
    lua_pushvalue(state, -1);
    lua_gettable(state, lua_upvalueindex(1));
    return 2;
}

static void
check_table(lua_State *state, int index)
{
    if (value_node(state, index) == NULL)
        luaL_checktype(state, index, LUA_TTABLE);
}

static int
library_pairs(lua_State *state)
{
    check_table(state, 1);
    lua_pushvalue(state, 1);
    push_sorted_keys(state, 1);
    lua_pushinteger(state, 0);
    lua_pushcclosure(state, pairs_step, 3);
    return 1;
}

/* next(t): the first pair; next(t, key): the one after it. */
static int
library_next(lua_State *state)
{
    check_table(state, 1);
    lua_settop(state, 2);
    push_sorted_keys(state, 1);
    lua_Integer n = (lua_Integer)lua_rawlen(state, 3);
    lua_Integer at = 1;
    if (!lua_isnil(state, 2)) {
        gboolean found = FALSE;
        for (; at <= n && !found; at++) {
            lua_rawgeti(state, 3, at);
            found = lua_rawequal(state, 2, -1);
            lua_pop(state, 1);
        }
        if (!found)
            return luaL_error(state, "next: the table has no such key");
    }
    if (lua_rawgeti(state, 3, at) == LUA_TNIL)
        return 1;
    lua_pushvalue(state, -1);
    lua_gettable(state, 1);
    return 2;
}

/* ---- Sorting: a stable merge ---- */

/* Whether the value at the top goes before the one below it; pops both. An order may stand
 * at index 2. */
static gboolean
goes_before(lua_State *state)
{
    sandbox_charge(state, 1);
    gboolean before;
    if (lua_isnoneornil(state, 2)) {
        before = lua_compare(state, -1, -2, LUA_OPLT);
        lua_pop(state, 2);
        return before;
    }
    lua_pushvalue(state, 2);
    lua_insert(state, -3);
    lua_insert(state, -2);
    lua_call(state, 2, 1);
    before = lua_toboolean(state, -1);
    lua_pop(state, 1);
    return before;
}

/* Merges from[low..middle) and from[middle..high) into `to`; both are stack indices. */
static void
merge(lua_State *state, int from, int to, lua_Integer low, lua_Integer middle, lua_Integer high)
{
    lua_Integer left = low, right = middle;
    for (lua_Integer i = low; i < high; i++) {
        gboolean take_right = left == middle;
        if (left < middle && right < high) {
            lua_rawgeti(state, from, left);
            lua_rawgeti(state, from, right);
            take_right = goes_before(state);
        }
        lua_rawgeti(state, from, take_right ? right++ : left++);
        lua_rawseti(state, to, i);
    }
}

/* Sorts items 1..n of the table at index 1, by the function at index 2 (nil: by <). */
static void
sort_items(lua_State *state, lua_Integer n)
{
    lua_createtable(state, (int)MIN(n, G_MAXINT32 / 2), 0);
    int from = 1, to = lua_gettop(state);
    sandbox_charge(state, (guint64)n);
    for (lua_Integer width = 1; width < n; width *= 2) {
        for (lua_Integer low = 1; low <= n; low += 2 * width)
            merge(state, from, to, low, MIN(low + width, n + 1), MIN(low + 2 * width, n + 1));
        int swap = from;
        from = to;
        to = swap;
    }
    for (lua_Integer i = 1; from != 1 && i <= n; i++) {
        lua_rawgeti(state, from, i);
        lua_rawseti(state, 1, i);
    }
    lua_pop(state, 1);
}

static int
library_sort(lua_State *state)
{
    luaL_checktype(state, 1, LUA_TTABLE);
    lua_settop(state, 2);
    if (!lua_isnil(state, 2))
        luaL_checktype(state, 2, LUA_TFUNCTION);
    sort_items(state, (lua_Integer)lua_rawlen(state, 1));
    return 0;
}

static int
key_order(lua_State *state)
{
    gboolean left = lua_type(state, 1) == LUA_TNUMBER;
    gboolean right = lua_type(state, 2) == LUA_TNUMBER;
    lua_pushboolean(state, left != right ? left : lua_compare(state, 1, 2, LUA_OPLT));
    return 1;
}

/* The list of keys at index 1; leaves it there. */
static int
sort_keys(lua_State *state)
{
    lua_settop(state, 1);
    lua_pushcfunction(state, key_order);
    sort_items(state, (lua_Integer)lua_rawlen(state, 1));
    lua_settop(state, 1);
    return 1;
}

static void
push_view_keys(lua_State *state, JsonNode *node)
{
    lua_newtable(state);
    lua_Integer n = 0;
    if (JSON_NODE_HOLDS_ARRAY(node)) {
        lua_Integer length = (lua_Integer)json_array_get_length(json_node_get_array(node));
        sandbox_charge(state, (guint64)length);
        while (n < length) {
            lua_pushinteger(state, ++n);
            lua_rawseti(state, -2, n);
        }
        return;
    }
    JsonObjectIter iter;
    const char *name = NULL;
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &name, NULL)) {
        lua_pushstring(state, name);
        lua_rawseti(state, -2, ++n);
    }
}

static void
push_sorted_keys(lua_State *state, int index)
{
    JsonNode *node = value_whole_node(state, index);
    if (node != NULL) {
        push_view_keys(state, node);
        return;
    }
    lua_pushcfunction(state, sort_keys);
    lua_newtable(state);
    lua_Integer n = 0;
    lua_pushnil(state);
    while (lua_next(state, index) != 0) {
        lua_pop(state, 1);
        if (lua_type(state, -1) != LUA_TNUMBER && lua_type(state, -1) != LUA_TSTRING)
            luaL_error(state, "only numbers and texts as keys can be walked");
        lua_pushvalue(state, -1);
        lua_rawseti(state, -3, ++n);
    }
    sandbox_charge(state, (guint64)n);
    lua_call(state, 1, 1);
}

/* ---- Tables: Lua's own, with their work counted ---- */

static int
call_counted(lua_State *state, guint64 steps)
{
    int n = lua_gettop(state);
    sandbox_charge(state, steps);
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    lua_call(state, n, LUA_MULTRET);
    return lua_gettop(state);
}

/* concat, insert, remove: no more than the items that there are. */
static int
library_whole(lua_State *state)
{
    luaL_checkany(state, 1);
    return call_counted(state, (guint64)MAX(luaL_len(state, 1), 0));
}

static int
library_unpack(lua_State *state)
{
    lua_Integer from = luaL_optinteger(state, 2, 1);
    lua_Integer to = luaL_opt(state, luaL_checkinteger, 3, luaL_len(state, 1));
    return call_counted(state, to > from ? (guint64)to - (guint64)from : 0);
}

/* ---- The whole ---- */

static int
read_only(lua_State *state)
{
    return luaL_error(state, "this table is read-only");
}

/* Replaces the table at the top by an empty one that shows it and cannot be written. */
static void
protect(lua_State *state)
{
    lua_newtable(state);
    lua_createtable(state, 0, 2);
    lua_rotate(state, -3, -1);
    lua_setfield(state, -2, "__index");
    lua_pushcfunction(state, read_only);
    lua_setfield(state, -2, "__newindex");
    lua_setmetatable(state, -2);
}

/* Copies functions of the library at index `from` into the table at the top. */
static void
copy(lua_State *state, int from, const char *const *names)
{
    for (; *names != NULL; names++) {
        lua_getfield(state, from, *names);
        lua_setfield(state, -2, *names);
    }
}

static void
wrap(lua_State *state, int from, const char *name, lua_CFunction function)
{
    lua_getfield(state, from, name);
    lua_pushcclosure(state, function, 1);
    lua_setfield(state, -2, name);
}

static void
push_string(lua_State *state)
{
    static const char *const names[] = {"byte", "char",    "len",   "lower",
                                        "sub",  "reverse", "upper", NULL};
    luaL_requiref(state, LUA_STRLIBNAME, luaopen_string, 0);
    int from = lua_gettop(state);
    lua_newtable(state);
    copy(state, from, names);
    wrap(state, from, "format", library_format);
    /* ("x"):rep(9) goes by the texts' metatable. */
    lua_pushliteral(state, "");
    lua_getmetatable(state, -1);
    lua_pushvalue(state, -3);
    lua_setfield(state, -2, "__index");
    lua_pop(state, 2);
    protect(state);
    lua_remove(state, from);
}

static void
push_table(lua_State *state)
{
    luaL_requiref(state, LUA_TABLIBNAME, luaopen_table, 0);
    int from = lua_gettop(state);
    lua_newtable(state);
    wrap(state, from, "concat", library_whole);
    wrap(state, from, "insert", library_whole);
    wrap(state, from, "remove", library_whole);
    wrap(state, from, "unpack", library_unpack);
    lua_pushcfunction(state, library_sort);
    lua_setfield(state, -2, "sort");
    protect(state);
    lua_remove(state, from);
}

static void
push_math(lua_State *state)
{
    luaL_requiref(state, LUA_MATHLIBNAME, luaopen_math, 0);
    static const char *const generator[] = {"random", "randomseed", NULL};
    for (gsize i = 0; generator[i] != NULL; i++) {
        lua_pushnil(state);
        lua_setfield(state, -2, generator[i]);
    }
    protect(state);
}

void
library_push(lua_State *state)
{
    static const char *const names[] = {"assert", "error", "ipairs", "select", "tonumber", NULL};
    static const luaL_Reg functions[] = {
        {"next", library_next},   {"pairs", library_pairs},
        {"rand", library_rand},   {"randint", library_randint},
        {"randn", library_randn}, {"tostring", library_tostring},
        {"type", library_type},   {NULL, NULL},
    };
    luaL_requiref(state, LUA_GNAME, luaopen_base, 0);
    int from = lua_gettop(state);
    lua_newtable(state);
    copy(state, from, names);
    luaL_setfuncs(state, functions, 0);
    push_math(state);
    lua_setfield(state, -2, "math");
    push_string(state);
    lua_setfield(state, -2, "string");
    push_table(state);
    lua_setfield(state, -2, "table");
    lua_remove(state, from);
}
