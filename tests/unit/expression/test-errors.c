/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every message of expressions and templates. */
#include <string.h>

#include "expression/expression.h"
#include "json/json.h"

#define CONFIG "{\"a\":1,\"l\":[1,2],\"o\":{\"x\":\"text\"},\"rate\":0.5,\"weight-decay\":1}"

typedef struct {
    const char *text, *expected;
    int code;
} Bad;

static JsonNode *
node_of(const char *text)
{
    JsonNode *node = json_read(text, strlen(text), DOC_MAX_NESTING, NULL);
    g_assert_nonnull(node);
    return node;
}

static void
assert_told(const GError *error, const Bad *bad)
{
    g_assert_nonnull(error);
    g_assert_cmpstr(error->message, ==, bad->expected);
    g_assert_cmpint(error->domain, ==, PBX_EXPRESSION_ERROR);
    g_assert_cmpint(error->code, ==, bad->code);
}

/* ---- Expressions ---- */

static const Bad syntax[] = {
    {"", "the expression is empty"},
    {" ;\n", "the expression is empty"},
    {"config.", "<name> expected at its end"},
    {"1 +", "unexpected symbol at its end"},
    {"(1", "')' expected at its end"},
    {"'text", "unfinished string at its end"},
    {"config.a > 0 && config.a < 2",
     "unexpected symbol near '&'; Lua writes and, or, not, ~= for &&, ||, !, !="},
    {"!config.a", "unexpected symbol near '!'; Lua writes and, or, not, ~= for &&, ||, !, !="},
    {"local x = 1\nreturn x +", "line 2: unexpected symbol at its end"},
};

static void
test_syntax(gconstpointer data)
{
    g_autoptr(PbxSandbox) sandbox = sandbox_new();
    g_autoptr(GError) error = NULL;
    const Bad *bad = data;
    g_assert_null(expression_compile(sandbox, bad->text, &error));
    assert_told(error, bad);
}

#define FAILED EXPRESSION_ERROR_FAILED
#define LIMIT  EXPRESSION_ERROR_LIMIT

static const Bad evaluation[] = {
    {"confg.a", "unknown name 'confg'; did you mean 'config'?", FAILED},
    {"rate > 1", "unknown name 'rate'; did you mean 'config.rate'?", FAILED},
    {"config.weight-decay > 1", "unknown name 'decay'; did you mean config[\"weight-decay\"]?",
     FAILED},
    {"zzzzzzzz", "unknown name 'zzzzzzzz'", FAILED},
    {"os.time()", "unknown name 'os'", FAILED},
    {"x = 1", "'x' cannot be set: write == to compare, or local x = ...", FAILED},
    {"config.none + 1", "attempt to perform arithmetic on a nil value (field 'none')", FAILED},
    {"config.a.b.c", "attempt to index a number value (field 'a')", FAILED},
    {"config.a()", "attempt to call a number value (field 'a')", FAILED},
    {"config.a < config.o.x", "attempt to compare number with string", FAILED},
    {"error('so')", "so", FAILED},
    {"error()", "it raised no text", FAILED},
    {"local c = config; c.a = 2", "this table is read-only", FAILED},
    {"math.pi = 3", "this table is read-only", FAILED},
    {"randint(3, 3)", "randint(low, high) needs low < high", FAILED},
    {"tostring(config.l) .. tostring({})", "a table has no text", FAILED},
    {"tostring(print)", "unknown name 'print'", FAILED},
    {"string.format('%p', 1)", "format knows no %p here", FAILED},
    {"next({}, 1)", "next: the table has no such key", FAILED},
    {"pairs({[true] = 1})", "only numbers and texts as keys can be walked", FAILED},
    {"string.rep('x', 9)", "attempt to call a nil value (field 'rep')", FAILED},
    {"(function() while true do end end)()", "it takes too many steps", LIMIT},
    {"local function f() return f() + 1 end; return f()", "it takes too much memory", LIMIT},
    {"local function f() table.sort({3, 2, 1}, f) end; f()", "it calls itself too deep", LIMIT},
    {"local t = {}; for i = 1, 1e6 do t[i] = {} end", "it takes too much memory", LIMIT},
    {"function() end", "its result is a function: call it", FAILED},
    {"math.sin", "its result is a function: call it", FAILED},
    {"{1, nil, 3}", "its result holds a table that is neither a list from 1 on nor all names",
     FAILED},
    {"{1, x = 2}", "its result holds a table that is neither a list from 1 on nor all names",
     FAILED},
    {"{f = math.sin}", "its result is a function: call it", FAILED},
    {"'\\xff'", "its result holds a text that is not UTF-8", FAILED},
    {"{['a\\0b'] = 1}", "its result holds a text that is not UTF-8", FAILED},
    {"local t = {}; t.t = t; return t", "its result is nested too deep", LIMIT},
    {"local t = {}; for i = 1, 100001 do t[i] = 1 end; return t", "its result is too large", LIMIT},
};

static void
test_evaluation(gconstpointer data)
{
    g_autoptr(PbxSandbox) sandbox = sandbox_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) config = node_of(CONFIG);
    const Bad *bad = data;
    const PbxBinding binding = {"config", config};
    PbxRandom random = {random_seed(0, "test"), 0, 0};
    g_autoptr(PbxExpression) expression = expression_compile(sandbox, bad->text, &error);
    g_assert_no_error(error);
    g_assert_null(expression_eval(expression, &binding, 1, &random, NULL, NULL, &error));
    assert_told(error, bad);
    /* What failed leaves nothing behind. */
    g_clear_error(&error);
    g_autoptr(PbxExpression) next = expression_compile(sandbox, "config.a + #config.l", &error);
    double value = 0;
    g_assert_true(expression_eval_number(next, &binding, 1, &value, &error));
    g_assert_cmpfloat(value, ==, 3);
}

/* Where nothing is drawn there is no generator. */
static void
test_no_generator(void)
{
    static const Bad cases[] = {
        {"rand()", "rand() cannot be used here", FAILED},
        {"randn()", "randn() cannot be used here", FAILED},
        {"randint(3)", "randint() cannot be used here", FAILED},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(PbxSandbox) sandbox = sandbox_new();
        g_autoptr(GError) error = NULL;
        g_autoptr(PbxExpression) expression = expression_compile(sandbox, cases[i].text, NULL);
        g_assert_null(expression_eval(expression, NULL, 0, NULL, NULL, NULL, &error));
        assert_told(error, &cases[i]);
    }
}

static void
test_number(void)
{
    static const Bad cases[] = {
        {"'1'", "it gives a string where a number is needed", FAILED},
        {"nil", "it gives a nil where a number is needed", FAILED},
        {"config", "it gives a table where a number is needed", FAILED},
        {"true", "it gives a boolean where a number is needed", FAILED},
    };
    g_autoptr(JsonNode) config = node_of(CONFIG);
    const PbxBinding binding = {"config", config};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(PbxSandbox) sandbox = sandbox_new();
        g_autoptr(GError) error = NULL;
        double value = 7;
        g_autoptr(PbxExpression) expression = expression_compile(sandbox, cases[i].text, NULL);
        g_assert_false(expression_eval_number(expression, &binding, 1, &value, &error));
        assert_told(error, &cases[i]);
        g_assert_cmpfloat(value, ==, 7);
    }
}

/* ---- Templates ---- */

static const Bad templates[] = {
    {"{}", "nothing between { and }; a brace for itself is written {{"},
    {"x{ }", "nothing between { and }; a brace for itself is written {{"},
    {"{a", "'{a' has no closing }; a brace for itself is written {{"},
    {"a {'}'", "'{'}'' has no closing }; a brace for itself is written {{"},
    {"--x={args}", "{args} can only stand alone, as an item of a command"},
    {"{args:equals} ", "{args:equals} can only stand alone, as an item of a command"},
    {"{args:}", "{args:} needs a form after its colon: equals, words, flags, no, hydra"},
    {"{args:eq}", "{args:eq}: there is no form 'eq'; there are equals, words, flags, no, hydra"},
    {"{1 +}", "{1 +}: unexpected symbol at its end; a brace for itself is written {{"},
    {"{\"loss\": 1}", "{\"loss\": 1}: its end expected near ':'; a brace for itself is written {{"},
};

static void
test_template(gconstpointer data)
{
    g_autoptr(PbxSandbox) sandbox = sandbox_new();
    g_autoptr(GError) error = NULL;
    const Bad *bad = data;
    g_assert_null(template_compile(sandbox, bad->text, TEMPLATE_WORDS, &error));
    assert_told(error, bad);
}

static const Bad expansion[] = {
    {"{ratte}", "{ratte}: there is no parameter 'ratte'; did you mean 'rate'?", FAILED},
    {"{zzzzz}", "{zzzzz}: there is no parameter 'zzzzz'", FAILED},
    {"{trial.numbr}",
     "{trial.numbr}: there is no field of the trial 'numbr'; did you mean 'number'?", FAILED},
    {"{config.ratte}", "{config.ratte}: there is no parameter 'ratte'; did you mean 'rate'?",
     FAILED},
    {"{xyzzy * 2}", "{xyzzy * 2}: unknown name 'xyzzy'", FAILED},
    {"{config.o * 2}", "{config.o * 2}: attempt to perform arithmetic on a table value (field 'o')",
     FAILED},
    {"{args}", "{args} gives words, not one text", FAILED},
};

static void
test_expansion(gconstpointer data)
{
    g_autoptr(PbxSandbox) sandbox = sandbox_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) config = node_of(CONFIG);
    g_autoptr(JsonNode) trial = node_of("{\"number\":3,\"id\":\"x_00003\"}");
    const Bad *bad = data;
    const PbxTemplateContext context = {.config = config, .trial = trial};
    g_autoptr(PbxTemplate) compiled = template_compile(sandbox, bad->text, TEMPLATE_WORDS, &error);
    g_assert_no_error(error);
    g_assert_null(template_expand(compiled, &context, &error));
    assert_told(error, bad);
}

static void
add_all(const char *group, const Bad *list, gsize n, GTestDataFunc test)
{
    for (gsize i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("/expression/errors/%s/%02zu", group, i);
        g_test_add_data_func(path, &list[i], test);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_all("syntax", syntax, G_N_ELEMENTS(syntax), test_syntax);
    add_all("evaluation", evaluation, G_N_ELEMENTS(evaluation), test_evaluation);
    add_all("template", templates, G_N_ELEMENTS(templates), test_template);
    add_all("expansion", expansion, G_N_ELEMENTS(expansion), test_expansion);
    g_test_add_func("/expression/errors/no-generator", test_no_generator);
    g_test_add_func("/expression/errors/no-number", test_number);
    return g_test_run();
}
