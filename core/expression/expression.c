/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiling and evaluating expressions, and their errors in one line. */
#include <lauxlib.h>
#include <locale.h>
#include <string.h>

#include "expression/expression-private.h"
#include "json/json.h"

#define CHUNK "=expression"

struct PbxExpression {
    PbxSandbox *sandbox;
    char *text;
    int function; /* reference in the registry */
};

/* Lua reads and writes numbers by the locale; a thread's own one is cheap to set. */
static locale_t
use_c_locale(void)
{
    static gsize once = 0;
    if (g_once_init_enter(&once))
        g_once_init_leave(&once, (gsize)newlocale(LC_ALL_MASK, "C", (locale_t)0));
    return uselocale((locale_t)once);
}

/* "expression:3: message" -> "line 3: message", and no line of a text that has only one. */
static char *
clean_message(const char *message)
{
    GString *out = g_string_new(NULL);
    const char *rest = message;
    if (g_str_has_prefix(rest, "expression:")) {
        guint64 line = g_ascii_strtoull(rest + strlen("expression:"), (char **)&rest, 10);
        rest += strspn(rest, ": ");
        if (line > 1)
            g_string_append_printf(out, "line %" G_GUINT64_FORMAT ": ", line);
    }
    g_string_append(out, rest);
    g_string_replace(out, "\n", " ", 0);
    g_string_replace(out, "near <eof>", "at its end", 0);
    g_string_replace(out, "<eof>", "its end", 0);
    g_autofree char *text = g_string_free(out, FALSE);
    return g_utf8_make_valid(text, -1);
}

/* Whether the text is in the language of somebody else. */
static gboolean
foreign_operator(const char *text)
{
    return strstr(text, "&&") != NULL || strstr(text, "||") != NULL || strchr(text, '!') != NULL;
}

/* From the error value at the top of the stack; text: of the expression. */
static void
set_error(PbxEvaluation *evaluation, int status, const char *text, GError **error)
{
    lua_State *state = evaluation->state;
    if (evaluation->failure != NULL) {
        g_propagate_error(error, g_steal_pointer(&evaluation->failure));
        return;
    }
    const char *message =
        lua_type(state, -1) == LUA_TSTRING ? lua_tostring(state, -1) : "it raised no text";
    if (status == LUA_ERRMEM && evaluation->steps <= EXPRESSION_MAX_STEPS)
        evaluation->limit = "it takes too much memory";
    else if (status == LUA_ERRMEM)
        evaluation->limit = "it takes too many steps";
    else if (evaluation->limit == NULL && strstr(message, "stack overflow") != NULL)
        evaluation->limit = "it calls itself too deep";
    if (evaluation->limit != NULL) {
        g_set_error_literal(error, PBX_EXPRESSION_ERROR, EXPRESSION_ERROR_LIMIT, evaluation->limit);
        return;
    }
    g_autofree char *clean = clean_message(message);
    if (status == LUA_ERRSYNTAX)
        g_set_error(error, PBX_EXPRESSION_ERROR, EXPRESSION_ERROR_SYNTAX, "%s%s", clean,
                    foreign_operator(text) ? "; Lua writes and, or, not, ~= for &&, ||, !, !="
                                           : "");
    else
        g_set_error_literal(error, PBX_EXPRESSION_ERROR, EXPRESSION_ERROR_FAILED, clean);
}

/* ---- Compiling ---- */

/* (text, "return " text) -> reference. Tried as an expression first, then as a body. */
static int
compile(lua_State *state)
{
    const char *body = lua_touserdata(state, 1);
    const char *expression = lua_touserdata(state, 2);
    int *reference = lua_touserdata(state, 3);
    int status = luaL_loadbufferx(state, expression, strlen(expression), CHUNK, "t");
    if (status == LUA_ERRSYNTAX) {
        status = luaL_loadbufferx(state, body, strlen(body), CHUNK, "t");
        /* Which of both it was meant to be decides whose error is told. */
        if (status == LUA_ERRSYNTAX && strstr(body, "return") == NULL)
            lua_pop(state, 1);
    }
    if (status == LUA_OK)
        *reference = luaL_ref(state, LUA_REGISTRYINDEX);
    else if (status == LUA_ERRSYNTAX)
        lua_pushinteger(state, LUA_ERRSYNTAX);
    else
        lua_error(state);
    return status == LUA_OK ? 0 : 2;
}

PbxExpression *
expression_compile(PbxSandbox *sandbox, const char *text, GError **error)
{
    if (text[strspn(text, " \t\r\n;")] == '\0') {
        g_set_error_literal(error, PBX_EXPRESSION_ERROR, EXPRESSION_ERROR_SYNTAX,
                            "the expression is empty");
        return NULL;
    }
    PbxEvaluation evaluation = {0};
    if (!sandbox_enter(sandbox, &evaluation, error))
        return NULL;
    locale_t locale = use_c_locale();
    g_autofree char *expression = g_strconcat("return ", text, NULL);
    lua_State *state = evaluation.state;
    int reference = LUA_NOREF;
    int base = lua_gettop(state);
    lua_pushcfunction(state, compile);
    lua_pushlightuserdata(state, (gpointer)text);
    lua_pushlightuserdata(state, expression);
    lua_pushlightuserdata(state, &reference);
    int status = lua_pcall(state, 3, LUA_MULTRET, 0);
    if (status == LUA_OK && lua_gettop(state) > base) {
        lua_pop(state, 1);
        status = LUA_ERRSYNTAX;
    }
    if (status != LUA_OK)
        set_error(&evaluation, status, text, error);
    lua_settop(state, base);
    uselocale(locale);
    sandbox_leave(sandbox, &evaluation);
    if (status != LUA_OK)
        return NULL;
    PbxExpression *compiled = g_new0(PbxExpression, 1);
    compiled->sandbox = sandbox;
    compiled->text = g_strdup(text);
    compiled->function = reference;
    return compiled;
}

void
expression_free(PbxExpression *expression)
{
    if (expression == NULL)
        return;
    luaL_unref(expression->sandbox->state, LUA_REGISTRYINDEX, expression->function);
    g_free(expression->text);
    g_free(expression);
}

const char *
expression_text(const PbxExpression *expression)
{
    return expression->text;
}

/* ---- Evaluating ---- */

/* Takes the result at the top of the stack. */
typedef gboolean (*PbxTake)(lua_State *state, gpointer result, GError **error);

static gboolean
evaluate(PbxExpression *expression, PbxEvaluation *evaluation, PbxTake take, gpointer result,
         GError **error)
{
    PbxSandbox *sandbox = expression->sandbox;
    if (!sandbox_enter(sandbox, evaluation, error))
        return FALSE;
    locale_t locale = use_c_locale();
    lua_State *state = evaluation->state;
    int base = lua_gettop(state);
    lua_rawgeti(state, LUA_REGISTRYINDEX, expression->function);
    /* A body may have assigned to _ENV; nothing is kept from one evaluation to the next. */
    lua_rawgeti(state, LUA_REGISTRYINDEX, sandbox->environment);
    lua_setupvalue(state, -2, 1);
    int status = lua_pcall(state, 0, 1, 0);
    gboolean good = FALSE;
    if (status == LUA_OK)
        good = take(state, result, error);
    else
        set_error(evaluation, status, expression->text, error);
    lua_settop(state, base);
    uselocale(locale);
    sandbox_leave(sandbox, evaluation);
    return good;
}

static gboolean
take_json(lua_State *state, gpointer result, GError **error)
{
    JsonNode **node = result;
    *node = value_to_json(state, -1, error);
    return *node != NULL;
}

JsonNode *
expression_eval(PbxExpression *expression, const PbxBinding *bindings, gsize n, PbxRandom *random,
                PbxResolve missing, gpointer user, GError **error)
{
    PbxEvaluation evaluation = {
        .bindings = bindings,
        .n_bindings = n,
        .random = random,
        .missing = missing,
        .user = user,
    };
    JsonNode *node = NULL;
    return evaluate(expression, &evaluation, take_json, &node, error) ? node : NULL;
}

static gboolean
take_bool(lua_State *state, gpointer result, GError **error)
{
    (void)error;
    *(gboolean *)result = lua_toboolean(state, -1) != 0;
    return TRUE;
}

gboolean
expression_eval_bool(PbxExpression *expression, const PbxBinding *bindings, gsize n,
                     gboolean *value, GError **error)
{
    PbxEvaluation evaluation = {.bindings = bindings, .n_bindings = n};
    return evaluate(expression, &evaluation, take_bool, value, error);
}

static gboolean
take_number(lua_State *state, gpointer result, GError **error)
{
    if (lua_type(state, -1) == LUA_TNUMBER) {
        *(double *)result = lua_tonumber(state, -1);
        return TRUE;
    }
    const char *name = value_node(state, -1) != NULL ? "table" : luaL_typename(state, -1);
    g_set_error(error, PBX_EXPRESSION_ERROR, EXPRESSION_ERROR_FAILED,
                "it gives a %s where a number is needed", name);
    return FALSE;
}

gboolean
expression_eval_number(PbxExpression *expression, const PbxBinding *bindings, gsize n,
                       double *value, GError **error)
{
    PbxEvaluation evaluation = {.bindings = bindings, .n_bindings = n};
    return evaluate(expression, &evaluation, take_number, value, error);
}
