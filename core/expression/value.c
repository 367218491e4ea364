/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON in Lua and back. Containers are views: userdata that index the node itself when
 * asked, so binding a large document costs nothing. A view borrows its node; none
 * outlives its evaluation, because an expression can store nothing.
 */
#include <lauxlib.h>
#include <math.h>
#include <string.h>

#include "expression/expression-private.h"
#include "json/json.h"

#define VIEW "pegbox.view"

JsonNode *
value_node(lua_State *state, int index)
{
    JsonNode **view = luaL_testudata(state, index, VIEW);
    return view != NULL ? *view : NULL;
}

static void
push_scalar(lua_State *state, JsonNode *node)
{
    GType type = json_node_get_value_type(node);
    if (type == G_TYPE_INT64) {
        lua_pushinteger(state, json_node_get_int(node));
    } else if (type == G_TYPE_DOUBLE) {
        lua_pushnumber(state, json_node_get_double(node));
    } else if (type == G_TYPE_BOOLEAN) {
        lua_pushboolean(state, json_node_get_boolean(node));
    } else {
        double number = 0;
        /* "NaN" and the infinities are numbers that JSON cannot write. */
        if (json_number(node, FALSE, &number))
            lua_pushnumber(state, number);
        else
            lua_pushstring(state, json_node_get_string(node));
    }
}

void
value_push(lua_State *state, JsonNode *node, int path)
{
    if (node == NULL || JSON_NODE_HOLDS_NULL(node)) {
        lua_pushnil(state);
        return;
    }
    if (JSON_NODE_HOLDS_VALUE(node)) {
        push_scalar(state, node);
        return;
    }
    JsonNode **view = lua_newuserdatauv(state, sizeof *view, path != 0 ? 1 : 0);
    *view = node;
    if (path != 0) {
        lua_pushvalue(state, path);
        lua_setiuservalue(state, -2, 1);
    }
    luaL_setmetatable(state, VIEW);
}

/* Asks for what the config lacks; the path is at the top of the stack. */
static JsonNode *
resolve(lua_State *state)
{
    PbxEvaluation *evaluation = sandbox_of(state)->current;
    if (evaluation->missing == NULL || evaluation->failure != NULL)
        return NULL;
    const char *path = lua_tostring(state, -1);
    JsonNode *node = evaluation->missing(path, FALSE, evaluation->user, &evaluation->failure);
    if (evaluation->failure != NULL)
        luaL_error(state, "%s", evaluation->failure->message);
    return node;
}

/* Asks for all that a view under config lacks. FALSE: the evaluation has failed. */
static gboolean
make_whole(lua_State *state, int index)
{
    PbxEvaluation *evaluation = sandbox_of(state)->current;
    JsonNode **view = luaL_testudata(state, index, VIEW);
    if (view == NULL || evaluation->missing == NULL)
        return TRUE;
    if (lua_getiuservalue(state, index, 1) == LUA_TSTRING) {
        JsonNode *node = evaluation->missing(lua_tostring(state, -1), TRUE, evaluation->user,
                                             &evaluation->failure);
        if (node != NULL)
            *view = node;
    }
    lua_pop(state, 1);
    return evaluation->failure == NULL;
}

JsonNode *
value_whole_node(lua_State *state, int index)
{
    if (!make_whole(state, index))
        luaL_error(state, "%s", sandbox_of(state)->current->failure->message);
    return value_node(state, index);
}

static JsonNode *
child(lua_State *state, JsonNode *node)
{
    if (JSON_NODE_HOLDS_OBJECT(node)) {
        if (lua_type(state, 2) != LUA_TSTRING)
            return NULL;
        return json_object_get_member(json_node_get_object(node), lua_tostring(state, 2));
    }
    JsonArray *array = json_node_get_array(node);
    int is_integer = 0;
    lua_Integer index = lua_tointegerx(state, 2, &is_integer);
    if (!is_integer || index < 1 || index > (lua_Integer)json_array_get_length(array))
        return NULL;
    return json_array_get_element(array, (guint)(index - 1));
}

/* Pushes "x.y" or "x[0]" for the key at index 2 of the view at index 1. FALSE: no path. */
static gboolean
push_path(lua_State *state, JsonNode *node)
{
    if (lua_getiuservalue(state, 1, 1) != LUA_TSTRING) {
        lua_pop(state, 1);
        return FALSE;
    }
    const char *above = lua_tostring(state, -1);
    if (JSON_NODE_HOLDS_ARRAY(node) && lua_isinteger(state, 2))
        lua_pushfstring(state, "%s[%I]", above, (LUAI_UACINT)(lua_tointeger(state, 2) - 1));
    else if (lua_type(state, 2) != LUA_TSTRING)
        lua_pushvalue(state, -1);
    else
        lua_pushfstring(state, "%s%s%s", above, above[0] != '\0' ? "." : "",
                        lua_tostring(state, 2));
    lua_remove(state, -2);
    return TRUE;
}

/* An item of an array that waits for its value is null there, since its place must be kept. */
static gboolean
is_missing(JsonNode *node, JsonNode *found)
{
    return found == NULL || (JSON_NODE_HOLDS_ARRAY(node) && JSON_NODE_HOLDS_NULL(found));
}

static int
view_index(lua_State *state)
{
    JsonNode *node = *(JsonNode **)luaL_checkudata(state, 1, VIEW);
    JsonNode *found = child(state, node);
    gboolean has_path = push_path(state, node);
    gboolean is_key = lua_type(state, 2) == LUA_TSTRING || lua_isinteger(state, 2);
    if (has_path && is_key && is_missing(node, found))
        found = resolve(state);
    value_push(state, found, has_path ? lua_gettop(state) : 0);
    return 1;
}

static int
view_newindex(lua_State *state)
{
    return luaL_error(state, "this table is read-only");
}

static int
view_len(lua_State *state)
{
    JsonNode *node = *(JsonNode **)luaL_checkudata(state, 1, VIEW);
    lua_pushinteger(state, JSON_NODE_HOLDS_ARRAY(node)
                               ? (lua_Integer)json_array_get_length(json_node_get_array(node))
                               : 0);
    return 1;
}

static int
view_eq(lua_State *state)
{
    lua_pushboolean(state, value_node(state, 1) == value_node(state, 2));
    return 1;
}

static int
view_tostring(lua_State *state)
{
    PbxEvaluation *evaluation = sandbox_of(state)->current;
    luaL_checkudata(state, 1, VIEW);
    JsonNode *node = value_whole_node(state, 1);
    g_free(evaluation->scratch);
    evaluation->scratch = json_to_text(node);
    lua_pushstring(state, evaluation->scratch);
    return 1;
}

void
value_register(lua_State *state)
{
    static const luaL_Reg functions[] = {
        {"__index", view_index}, {"__newindex", view_newindex}, {"__len", view_len},
        {"__eq", view_eq},       {"__tostring", view_tostring}, {NULL, NULL},
    };
    luaL_newmetatable(state, VIEW);
    luaL_setfuncs(state, functions, 0);
    lua_pushliteral(state, "table"); /* what Lua's own messages call it */
    lua_setfield(state, -2, "__name");
    lua_pop(state, 1);
}

/* ---- To JSON: only calls that cannot raise ---- */

typedef struct {
    lua_State *state;
    guint nodes; /* made so far */
    gsize bytes; /* of texts */
    guint depth;
    GError **error;
} PbxConversion;

static JsonNode *convert(PbxConversion *conversion, int index);

static gpointer
refuse(PbxConversion *conversion, int code, const char *message)
{
    g_set_error_literal(conversion->error, PBX_EXPRESSION_ERROR, code, message);
    return NULL;
}

static gboolean
within_limits(PbxConversion *conversion, guint nodes, gsize bytes)
{
    conversion->nodes += MIN(nodes, EXPRESSION_MAX_NODES);
    conversion->bytes += MIN(bytes, EXPRESSION_MAX_MEMORY);
    return conversion->nodes <= EXPRESSION_MAX_NODES && conversion->bytes <= EXPRESSION_MAX_MEMORY;
}

static gboolean
valid_text(PbxConversion *conversion, int index)
{
    gsize length = 0;
    const char *text = lua_tolstring(conversion->state, index, &length);
    if (!within_limits(conversion, 0, length)) {
        refuse(conversion, EXPRESSION_ERROR_LIMIT, "its result is too large");
        return FALSE;
    }
    if (memchr(text, '\0', length) != NULL || !g_utf8_validate(text, (gssize)length, NULL)) {
        refuse(conversion, EXPRESSION_ERROR_FAILED, "its result holds a text that is not UTF-8");
        return FALSE;
    }
    return TRUE;
}

static JsonNode *
convert_number(lua_State *state, int index)
{
    JsonNode *node = json_node_alloc();
    if (lua_isinteger(state, index))
        return json_node_init_int(node, lua_tointeger(state, index));
    double value = lua_tonumber(state, index);
    if (isfinite(value))
        return json_node_init_double(node, value);
    return json_node_init_string(node, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

/* How a table is to be written: n items of an array, or an object (-1), or not (-2). */
static lua_Integer
table_shape(lua_State *state, int index)
{
    lua_Integer count = 0, largest = 0;
    gboolean names = FALSE, numbers = FALSE, others = FALSE;
    lua_pushnil(state);
    while (lua_next(state, index) != 0) {
        lua_pop(state, 1);
        count++;
        if (lua_type(state, -1) == LUA_TSTRING) {
            names = TRUE;
        } else if (lua_isinteger(state, -1) && lua_tointeger(state, -1) >= 1) {
            numbers = TRUE;
            largest = MAX(largest, lua_tointeger(state, -1));
        } else {
            others = TRUE;
        }
    }
    if (others || (names && numbers) || (numbers && largest != count))
        return -2;
    return numbers ? count : -1;
}

static JsonNode *
convert_array(PbxConversion *conversion, int index, lua_Integer n)
{
    g_autoptr(JsonArray) array = json_array_sized_new((guint)MIN(n, EXPRESSION_MAX_NODES));
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(conversion->state, index, i);
        JsonNode *item = convert(conversion, lua_gettop(conversion->state));
        lua_pop(conversion->state, 1);
        if (item == NULL)
            return NULL;
        json_array_add_element(array, item);
    }
    return json_node_init_array(json_node_alloc(), array);
}

static int
compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Keys sorted: Lua's own order differs from run to run. */
static JsonNode *
convert_object(PbxConversion *conversion, int index)
{
    lua_State *state = conversion->state;
    g_autoptr(GHashTable) members =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)json_node_unref);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    lua_pushnil(state);
    while (lua_next(state, index) != 0) {
        int top = lua_gettop(state);
        JsonNode *member = valid_text(conversion, top - 1) ? convert(conversion, top) : NULL;
        if (member == NULL) {
            lua_pop(state, 2);
            return NULL;
        }
        gpointer name = (gpointer)lua_tostring(state, top - 1); /* lives as the table does */
        g_ptr_array_add(names, name);
        g_hash_table_insert(members, name, member);
        lua_pop(state, 1);
    }
    g_ptr_array_sort(names, compare_texts);
    g_autoptr(JsonObject) object = json_object_new();
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        json_object_set_member(object, name, json_node_ref(g_hash_table_lookup(members, name)));
    }
    return json_node_init_object(json_node_alloc(), object);
}

static JsonNode *
convert_table(PbxConversion *conversion, int index)
{
    if (conversion->depth == DOC_MAX_NESTING / 2 || !lua_checkstack(conversion->state, 4))
        return refuse(conversion, EXPRESSION_ERROR_LIMIT, "its result is nested too deep");
    lua_Integer shape = table_shape(conversion->state, index);
    if (shape == -2)
        return refuse(conversion, EXPRESSION_ERROR_FAILED,
                      "its result holds a table that is neither a list from 1 on nor all names");
    conversion->depth++;
    JsonNode *node =
        shape >= 0 ? convert_array(conversion, index, shape) : convert_object(conversion, index);
    conversion->depth--;
    return node;
}

/* Nodes of a tree, at most the limit. */
static guint
count_nodes(JsonNode *node)
{
    guint count = 1;
    if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);
        for (guint i = 0; i < json_array_get_length(array) && count <= EXPRESSION_MAX_NODES; i++)
            count += count_nodes(json_array_get_element(array, i));
    } else if (JSON_NODE_HOLDS_OBJECT(node)) {
        JsonObjectIter iter;
        JsonNode *member = NULL;
        json_object_iter_init(&iter, json_node_get_object(node));
        while (json_object_iter_next(&iter, NULL, &member) && count <= EXPRESSION_MAX_NODES)
            count += count_nodes(member);
    } else if (json_node_get_value_type(node) == G_TYPE_STRING) {
        count += (guint)MIN(strlen(json_node_get_string(node)) / 64, EXPRESSION_MAX_NODES);
    }
    return count;
}

static JsonNode *
convert_view(PbxConversion *conversion, int index)
{
    if (!lua_checkstack(conversion->state, 4) || !make_whole(conversion->state, index)) {
        PbxEvaluation *evaluation = sandbox_of(conversion->state)->current;
        refuse(conversion, EXPRESSION_ERROR_FAILED,
               evaluation->failure != NULL ? evaluation->failure->message : "no memory");
        g_clear_error(&evaluation->failure);
        return NULL;
    }
    JsonNode *node = value_node(conversion->state, index);
    if (node == NULL)
        return refuse(conversion, EXPRESSION_ERROR_FAILED, "its result holds what is no value");
    if (!within_limits(conversion, count_nodes(node), 0))
        return refuse(conversion, EXPRESSION_ERROR_LIMIT, "its result is too large");
    return json_clone(node);
}

static JsonNode *
convert(PbxConversion *conversion, int index)
{
    lua_State *state = conversion->state;
    if (!within_limits(conversion, 1, 0))
        return refuse(conversion, EXPRESSION_ERROR_LIMIT, "its result is too large");
    switch (lua_type(state, index)) {
    case LUA_TNIL:
        return json_node_init_null(json_node_alloc());
    case LUA_TBOOLEAN:
        return json_node_init_boolean(json_node_alloc(), lua_toboolean(state, index));
    case LUA_TNUMBER:
        return convert_number(state, index);
    case LUA_TSTRING:
        if (!valid_text(conversion, index))
            return NULL;
        return json_node_init_string(json_node_alloc(), lua_tostring(state, index));
    case LUA_TTABLE:
        return convert_table(conversion, index);
    case LUA_TFUNCTION:
        return refuse(conversion, EXPRESSION_ERROR_FAILED, "its result is a function: call it");
    default:
        return convert_view(conversion, index);
    }
}

JsonNode *
value_to_json(lua_State *state, int index, GError **error)
{
    PbxConversion conversion = {.state = state, .error = error};
    return convert(&conversion, lua_absindex(state, index));
}
