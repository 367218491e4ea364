/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What expressions give, what they see, and that nothing of them stays or differs by run. */
#include <locale.h>
#include <string.h>

#include "expression/expression-private.h"
#include "json/json.h"

#define CONFIG                                                                                     \
    "{\"a\":1,\"b\":2.5,\"t\":true,\"n\":null,\"s\":\"text\",\"l\":[10,20,{\"x\":30}],"            \
    "\"o\":{\"z\":1,\"y\":2},\"weight-decay\":0.1,\"inf\":\"Infinity\"}"

/* A sandbox and a config in it. */
typedef struct {
    PbxSandbox *sandbox;
    JsonNode *config;
    PbxRandom random;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    f->sandbox = sandbox_new();
    f->config = json_read(CONFIG, strlen(CONFIG), DOC_MAX_NESTING, NULL);
    g_assert_nonnull(f->config);
    f->random = (PbxRandom){random_seed(7, "test"), 1, 0};
}

static void
tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    json_node_unref(f->config);
    sandbox_free(f->sandbox);
}

/* The value as JSON. (transfer full) */
static char *
value_of(Fixture *f, const char *text)
{
    g_autoptr(GError) error = NULL;
    const PbxBinding binding = {"config", f->config};
    g_autoptr(PbxExpression) expression = expression_compile(f->sandbox, text, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(expression_text(expression), ==, text);
    g_autoptr(JsonNode) node =
        expression_eval(expression, &binding, 1, &f->random, NULL, NULL, &error);
    g_assert_no_error(error);
    return json_to_text(node);
}

static void
assert_values(Fixture *f, const char *const (*cases)[2], gsize n)
{
    for (gsize i = 0; i < n; i++) {
        g_test_message("%s", cases[i][0]);
        g_autofree char *value = value_of(f, cases[i][0]);
        g_assert_cmpstr(value, ==, cases[i][1]);
    }
}

static void
test_results(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const cases[][2] = {
        {"1 + 1", "2"},
        {"1 / 2", "0.5"},
        {"2^53", "9007199254740992.0"},
        {"7 // 2", "3"},
        {"0/0", "\"NaN\""},
        {"1/0", "\"Infinity\""},
        {"-1/0", "\"-Infinity\""},
        {"nil", "null"},
        {"not nil", "true"},
        {"'\xc3\xa9' .. 1", "\"\xc3\xa9"
                            "1\""},
        {"{}", "{}"},
        {"{1, {2, 'x'}}", "[1,[2,\"x\"]]"},
        {"{b = 1, a = {c = 2}}", "{\"a\":{\"c\":2},\"b\":1}"}, /* sorted */
        {"local x = 3; return x * 2", "6"},
        {"if config.t then return 'yes' end return 'no'", "\"yes\""},
    };
    assert_values(f, cases, G_N_ELEMENTS(cases));
}

static void
test_views(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const cases[][2] = {
        {"config.a + config.b", "3.5"},
        {"config.n == nil and config.none == nil", "true"},
        {"config['weight-decay']", "0.1"},
        {"config.l[1] + config.l[3].x", "40"},
        {"config.l[0] == nil and config.l[4] == nil", "true"},
        {"#config.l", "3"},
        {"config.inf > 1e308", "true"},
        {"type(config.l) .. type(config.s) .. type(config.a)", "\"tablestringnumber\""},
        {"config.l", "[10,20,{\"x\":30}]"},
        {"{copy = config.o}", "{\"copy\":{\"z\":1,\"y\":2}}"},
        {"config.o == config.o", "true"},
        {"tostring(config.o)", "\"{\\\"z\\\":1,\\\"y\\\":2}\""},
        {"(function() local t = {} for k, v in pairs(config.o) do t[#t+1] = k .. v end "
         "return table.concat(t, ' ') end)()",
         "\"z1 y2\""}, /* as they stand in the file */
        {"(function() local n = 0 for _, v in ipairs({1, 2, 3}) do n = n + v end return n end)()",
         "6"},
        {"select('#', table.unpack({1, 2}))", "2"},
        {"next(config.o)", "\"z\""},
    };
    assert_values(f, cases, G_N_ELEMENTS(cases));
}

static void
test_library(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const cases[][2] = {
        {"math.max(1, 2) + math.floor(2.9)", "4"},
        {"string.format('%05.1f|%s|%d', 2.25, 'x', 3)", "\"002.2|x|3\""},
        {"('abc'):upper():sub(1, 2)", "\"AB\""},
        {"tonumber('1e3')", "1000.0"},
        {"(function() local t = {3, 1, 2} table.sort(t) return t end)()", "[1,2,3]"},
        {"(function() local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) "
         "return t end)()",
         "[3,2,1]"},
        /* Equal ones stay in their order: Lua's own sort would not keep it. */
        {"(function() local t = {{1,'a'},{0,'b'},{1,'c'},{0,'d'}} "
         "table.sort(t, function(a, b) return a[1] < b[1] end) local s = '' "
         "for _, v in ipairs(t) do s = s .. v[2] end return s end)()",
         "\"bdac\""},
        {"(function() local s = '' for k in pairs({z = 1, a = 2, [2] = 3, [1] = 4}) do s = s .. k "
         "end return s end)()",
         "\"12az\""},
    };
    assert_values(f, cases, G_N_ELEMENTS(cases));
}

/* Nothing leads out of the sandbox: files, processes, code, the clock, the host. */
static void
test_no_way_out(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const names[] = {
        "os",           "io",           "package",     "debug",          "require",
        "load",         "loadstring",   "loadfile",    "dofile",         "print",
        "getmetatable", "setmetatable", "rawget",      "rawset",         "rawequal",
        "rawlen",       "pcall",        "xpcall",      "collectgarbage", "coroutine",
        "utf8",         "_G",           "string.dump", "string.find",    "string.gsub",
        "string.rep",   "math.random",  "table.move",  "string.match",   "math.randomseed",
        "string.gmatch"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strdup_printf("%s == nil", names[i]);
        g_autoptr(PbxExpression) expression = expression_compile(f->sandbox, text, &error);
        g_autoptr(JsonNode) node =
            expression_eval(expression, NULL, 0, &f->random, NULL, NULL, &error);
        g_test_message("%s", names[i]);
        g_assert_true(node == NULL || json_node_get_boolean(node));
    }
    g_autoptr(GError) error = NULL; /* no precompiled code, which could do anything */
    g_assert_null(expression_compile(f->sandbox, "\033Lua", &error));
    g_assert_error(error, PBX_EXPRESSION_ERROR, EXPRESSION_ERROR_SYNTAX);
}

/* One evaluation leaves nothing to the next, whatever it tries. */
static void
test_nothing_stays(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const tries[] = {
        "(function() local _ENV = {x = 5} x = 6 return x end)()",
        "_ENV = {leak = 1}; return leak",
        "math.leak = 1",
        "('x').leak",
        "(function() _ENV.leak = 1 end)()",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(tries); i++) {
        g_autoptr(PbxExpression) expression = expression_compile(f->sandbox, tries[i], NULL);
        for (int again = 0; expression != NULL && again < 2; again++) {
            g_autoptr(JsonNode) node =
                expression_eval(expression, NULL, 0, &f->random, NULL, NULL, NULL);
        }
        g_autofree char *after = value_of(f, "math.leak == nil and config.a");
        g_assert_cmpstr(after, ==, "1");
        g_autoptr(GError) error = NULL;
        g_autoptr(PbxExpression) leak = expression_compile(f->sandbox, "leak", NULL);
        g_assert_null(expression_eval(leak, NULL, 0, NULL, NULL, NULL, &error));
        g_assert_cmpstr(error->message, ==, "unknown name 'leak'");
    }
}

/* Memory that evaluations leave as garbage does not add up to a limit. */
static void
test_memory_comes_back(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    for (int i = 0; i < 50; i++) {
        g_autofree char *value =
            value_of(f, "(function() local t = {} for i = 1, 50000 do t[i] = i end "
                        "return #t end)()");
        g_assert_cmpstr(value, ==, "50000");
    }
    g_assert_cmpuint(f->sandbox->used, <, 4 * EXPRESSION_MAX_MEMORY);
}

static void
test_random_is_its_stream(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *first = value_of(f, "{rand(), randn(), randint(5), randint(-3, 3)}");
    g_autofree char *second = value_of(f, "{rand(), randn(), randint(5), randint(-3, 3)}");
    g_assert_cmpstr(first, !=, second);
    f->random.offset = 0;
    g_autofree char *again = value_of(f, "{rand(), randn(), randint(5), randint(-3, 3)}");
    g_assert_cmpstr(again, ==, first);
    for (int i = 0; i < 200; i++) {
        g_autofree char *inside = value_of(
            f, "(function() local r, i, j = rand(), randint(3), randint(-2, 1) "
               "return r >= 0 and r < 1 and i >= 0 and i <= 2 and j >= -2 and j <= 0 end)()");
        g_assert_cmpstr(inside, ==, "true");
    }
    g_autofree char *whole = value_of(f, "math.type(randint(math.mininteger, math.maxinteger))");
    g_assert_cmpstr(whole, ==, "\"integer\"");
}

static void
test_truth(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    static const struct {
        const char *text;
        gboolean is;
    } cases[] = {
        {"nil", FALSE}, {"false", FALSE}, {"0", TRUE}, {"''", TRUE}, {"config.a > 0", TRUE}};
    const PbxBinding binding = {"config", f->config};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(PbxExpression) expression = expression_compile(f->sandbox, cases[i].text, NULL);
        gboolean value = !cases[i].is;
        g_assert_true(expression_eval_bool(expression, &binding, 1, &value, NULL));
        g_assert_cmpint(value, ==, cases[i].is);
    }
}

/* Numbers are the same in a language that writes 1,5. */
static void
test_locale(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", NULL};
    const char *place = g_getenv("PEGBOX_TEST_LOCPATH");
    guint i = 0;
    if (place != NULL)
        g_setenv("LOCPATH", place, TRUE);
    while (comma[i] != NULL && setlocale(LC_ALL, comma[i]) == NULL)
        i++;
    if (comma[i] == NULL) {
        g_test_skip("no locale with a decimal comma is installed");
        return;
    }
    g_autofree char *value = value_of(f, "1.5 + tonumber('0.25') .. ''");
    g_assert_cmpstr(value, ==, "\"1.75\"");
    g_assert_cmpstr(localeconv()->decimal_point, ==, ","); /* and it was put back */
    setlocale(LC_ALL, "C");
}

/* ---- What config lacks, at first touch ---- */

typedef struct {
    Fixture *fixture;
    GString *asked;
    JsonNode *answer;
    gboolean fails, nested;
} Resolver;

static JsonNode *
resolve(const char *path, gboolean whole, gpointer user, GError **error)
{
    Resolver *resolver = user;
    if (whole)
        return NULL;
    g_string_append_printf(resolver->asked, "%s ", path);
    if (resolver->fails) {
        g_set_error(error, PBX_JSON_ERROR, PBX_JSON_ERROR_PATH, "no %s today", path);
        return NULL;
    }
    if (resolver->nested) {
        g_autoptr(PbxExpression) inner =
            expression_compile(resolver->fixture->sandbox, "1 + 1", NULL);
        g_autoptr(JsonNode) value = expression_eval(inner, NULL, 0, NULL, NULL, NULL, NULL);
        g_assert_cmpint(json_node_get_int(value), ==, 2);
    }
    return resolver->answer;
}

static char *
resolved(Resolver *resolver, const char *text, GError **error)
{
    static const char config[] = "{\"a\":1,\"o\":{\"l\":[null,5]}}";
    g_autoptr(JsonNode) node = json_read(config, strlen(config), DOC_MAX_NESTING, NULL);
    const PbxBinding binding = {"config", node};
    g_autoptr(PbxExpression) expression =
        expression_compile(resolver->fixture->sandbox, text, error);
    g_autoptr(JsonNode) value =
        expression_eval(expression, &binding, 1, NULL, resolve, resolver, error);
    return value != NULL ? json_to_text(value) : NULL;
}

static void
test_missing_is_asked_for(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const cases[][2] = {
        {"config.a", ""},
        {"config.x", "x "},
        {"config.o.y", "o.y "},
        {"config.o.l[1]", "o.l[0] "}, /* it stands as null until it has a value */
        {"config.o.l[2] and 4", ""},
        {"config.o.l[3]", "o.l[2] "},
        {"config.a == 1 or config.x", ""}, /* only what is touched */
    };
    g_autoptr(JsonNode) four = json_node_init_int(json_node_alloc(), 4);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) asked = g_string_new(NULL);
        Resolver resolver = {.fixture = f, .asked = asked, .answer = four, .nested = TRUE};
        g_autofree char *value = resolved(&resolver, cases[i][0], NULL);
        g_assert_cmpstr(asked->str, ==, cases[i][1]);
        if (asked->len > 0)
            g_assert_cmpstr(value, ==, "4");
    }
}

static void
test_missing_fails(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GString) asked = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    Resolver resolver = {.fixture = f, .asked = asked, .fails = TRUE};
    g_assert_null(resolved(&resolver, "config.x == nil", &error));
    g_assert_error(error, PBX_JSON_ERROR, PBX_JSON_ERROR_PATH); /* as it was, not Lua's words */
    g_assert_cmpstr(error->message, ==, "no x today");
    g_clear_error(&error);
    resolver.fails = FALSE; /* and none is nil */
    g_autofree char *value = resolved(&resolver, "config.x == nil", &error);
    g_assert_cmpstr(value, ==, "true");
}

/* An expression that needs itself without end is an error, not a crash. */
static JsonNode *
resolve_endlessly(const char *path G_GNUC_UNUSED, gboolean whole G_GNUC_UNUSED, gpointer user,
                  GError **error)
{
    Fixture *f = user;
    const PbxBinding binding = {"config", f->config};
    g_autoptr(PbxExpression) expression = expression_compile(f->sandbox, "config.x", error);
    if (expression == NULL)
        return NULL;
    g_autoptr(JsonNode) value =
        expression_eval(expression, &binding, 1, NULL, resolve_endlessly, f, error);
    g_assert_null(value);
    return NULL;
}

static void
test_nesting_is_bounded(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(resolve_endlessly("x", FALSE, f, &error));
    g_assert_error(error, PBX_EXPRESSION_ERROR, EXPRESSION_ERROR_LIMIT);
    g_assert_cmpstr(error->message, ==, "too many expressions need each other");
    g_autofree char *after = value_of(f, "config.a");
    g_assert_cmpstr(after, ==, "1");
}

static void
add(const char *path, void (*test)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, NULL, set_up, test, tear_down);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/expression/values/results", test_results);
    add("/expression/values/views", test_views);
    add("/expression/values/library", test_library);
    add("/expression/values/truth", test_truth);
    add("/expression/values/locale", test_locale);
    add("/expression/sandbox/no-way-out", test_no_way_out);
    add("/expression/sandbox/nothing-stays", test_nothing_stays);
    add("/expression/sandbox/memory-comes-back", test_memory_comes_back);
    add("/expression/sandbox/random-is-its-stream", test_random_is_its_stream);
    add("/expression/missing/is-asked-for", test_missing_is_asked_for);
    add("/expression/missing/fails", test_missing_fails);
    add("/expression/missing/nesting-is-bounded", test_nesting_is_bounded);
    return g_test_run();
}
