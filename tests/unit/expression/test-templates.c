/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Templates: which text a place gets, and the words of {args} in each of its forms. */
#include <string.h>

#include "expression/expression.h"
#include "json/json.h"

#define CONFIG                                                                                     \
    "{\"lr\":0.001,\"weight-decay\":1e-05,\"optimizer\":{\"name\":\"adam\",\"eps\":-1e-08},"       \
    "\"layers\":[64,32],\"eval/loss\":2,\"bs\":128,\"neg\":-1e-05,\"on\":true,\"off\":false,"      \
    "\"none\":null,\"text\":\"a b\",\"trial-x\":7,\"math\":9}"
#define TRIAL "{\"number\":3,\"id\":\"x_00003\",\"dir\":\"/r/x\"}"

typedef struct {
    PbxSandbox *sandbox;
    JsonNode *config, *trial, *extra;
    GHashTable *parameters;
    PbxBinding more;
    PbxTemplateContext context;
} Fixture;

static JsonNode *
node_of(const char *text)
{
    JsonNode *node = json_read(text, strlen(text), DOC_MAX_NESTING, NULL);
    g_assert_nonnull(node);
    return node;
}

static void
set_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    f->sandbox = sandbox_new();
    f->config = node_of(CONFIG);
    f->trial = node_of(TRIAL);
    f->extra = node_of("{\"iteration\":5}");
    f->parameters = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_add(f->parameters, (gpointer) "momentum"); /* of a branch that is not taken */
    g_hash_table_add(f->parameters, (gpointer) "branch.depth");
    f->more = (PbxBinding){"result", f->extra};
    f->context = (PbxTemplateContext){.config = f->config,
                                      .trial = f->trial,
                                      .parameters = f->parameters,
                                      .more = &f->more,
                                      .n_more = 1};
}

static void
tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_hash_table_unref(f->parameters);
    json_node_unref(f->extra);
    json_node_unref(f->trial);
    json_node_unref(f->config);
    sandbox_free(f->sandbox);
}

static void
test_texts(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"plain", "plain"},
        {"--lr={lr}", "--lr=0.001"},
        {"{lr} {bs}", "0.001 128"},
        {"{ lr }", "0.001"},
        {"{weight-decay}", "1e-05"}, /* a name, not a subtraction */
        {"{neg}", "-0.00001"},       /* argparse takes -1e-05 for an option */
        {"{optimizer.eps}", "-0.00000001"},
        {"{optimizer.name}", "adam"},
        {"{optimizer/name}", "adam"},
        {"{config.optimizer.name}", "adam"},
        {"{layers}", "[64,32]"},
        {"{layers[0]}", "64"},        /* as --set and results write it */
        {"{config.layers[1]}", "64"}, /* Lua's */
        {"{#config.layers}", "2"},
        {"{optimizer}", "{\"name\":\"adam\",\"eps\":-1e-08}"},
        {"{eval/loss}", "2"},
        {"{text}", "a b"},
        {"{on} {off}", "true false"},
        {"{none}", "null"},
        {"{config.lr * 2}", "0.002"},
        {"{config.bs // 100 .. 'x'}", "1x"},
        {"{string.format('%.2f', config.lr)}", "0.00"},
        {"{'}'}", "}"},
        {"{({a = 1}).a}", "1"},
        {"{{lr}", "{lr}"},
        {"{{{lr}}", "{0.001}"},
        {"a}b", "a}b"},
        {"{trial.id} {trial.number}", "x_00003 3"},
        {"{trial.number + 1}", "4"},
        {"{trial-x}", "7"},
        {"{math}", "9"}, /* a parameter goes before Lua's name */
        {"{math.pi > 3}", "true"},
        {"{result.iteration}", "5"},
        {"{result.iteration * 2}", "10"},
        /* Parameters that this trial has not. */
        {"[{momentum}]", "[]"},
        {"[{config.momentum}]", "[]"},
        {"[{branch.depth}]", "[]"},
        {"[{config.none}]", "[null]"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_test_message("%s", cases[i][0]);
        g_autoptr(PbxTemplate) compiled =
            template_compile(f->sandbox, cases[i][0], TEMPLATE_PLAIN, &error);
        g_assert_no_error(error);
        g_autofree char *text = template_expand(compiled, &f->context, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(text, ==, cases[i][1]);
    }
}

static void
test_names(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(PbxTemplate) compiled =
        template_compile(f->sandbox,
                         "{lr} {weight-decay} {optimizer.eps} {config.x} {trial.id} {math.pi} "
                         "{1 + 1} {learning rate} {{no}",
                         TEMPLATE_PLAIN, NULL);
    g_autofree char *names = g_strjoinv(",", (char **)template_names(compiled));
    g_assert_cmpstr(names, ==, "lr,weight-decay,optimizer.eps,learning rate");
    g_autoptr(PbxTemplate) none = template_compile(f->sandbox, "x", TEMPLATE_PLAIN, NULL);
    g_assert_null(template_names(none)[0]);
}

static const struct {
    const char *form, *config, *words;
} args[] = {
    {"{args}", "{\"lr\":0.1,\"name\":\"a b\"}", "--lr 0.1 --name 'a b'"},
    {"{args}", "{\"o\":{\"p\":{\"q\":1}},\"l\":[1,\"x\"]}", "--o.p.q 1 --l '[1,\"x\"]'"},
    {"{args}", "{\"neg\":-2,\"s\":\"-x\"}", "--neg=-2 --s=-x"},
    {"{args}", "{\"neg\":-1e-05}", "--neg=-0.00001"},
    {"{args}", "{\"on\":true,\"off\":false,\"none\":null}", "--on true --off false"},
    {"{args}", "{}", ""},
    {"{args}", "{\"e\":\"\",\"o\":{}}", "--e ''"},
    {"{args:equals}", "{\"lr\":0.1,\"s\":\"a b\"}", "--lr=0.1 '--s=a b'"},
    {"{args:words}", "{\"l\":[1,\"x\"],\"e\":[],\"k\":2}", "--l 1 x --e --k 2"},
    {"{args:flags}", "{\"on\":true,\"off\":false,\"k\":2}", "--on --k 2"},
    {"{args:no}", "{\"on\":true,\"off\":false}", "--on --no-off"},
    {"{args:equals,words, no}", "{\"l\":[1],\"off\":false,\"k\":2}", "--l 1 --no-off --k=2"},
    {"{args:hydra}", "{\"o\":{\"lr\":0.1},\"on\":true,\"k\":\"adam\"}", "o.lr=0.1 on=true k=adam"},
    {"{args:hydra}", "{\"s\":\"a b\",\"n\":\"5\",\"t\":\"True\",\"e\":\"\"}",
     "'s='\\''a b'\\''' 'n='\\''5'\\''' 't='\\''True'\\''' 'e='\\'''\\'''"},
    {"{args:hydra}", "{\"l\":[1,\"x y\",[true]]}", "'l=[1,'\\''x y'\\'',[true]]'"},
    {"{args:hydra}", "{\"l\":[{\"a b\":1,\"c\":\"d\"}]}", "'l=[{a\\ b:1,c:d}]'"},
};

/* Words as a shell would write them. (transfer full) */
static char *
quoted(const GPtrArray *words)
{
    g_autoptr(GString) out = g_string_new(NULL);
    for (guint i = 0; i < words->len; i++) {
        const char *word = words->pdata[i];
        gboolean plain = word[0] != '\0' && strpbrk(word, " '\"\\[") == NULL;
        g_autofree char *text = plain ? g_strdup(word) : g_shell_quote(word);
        g_string_append_printf(out, "%s%s", i > 0 ? " " : "", text);
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static void
test_args(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    for (gsize i = 0; i < G_N_ELEMENTS(args); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonNode) config = node_of(args[i].config);
        const PbxTemplateContext context = {.config = config};
        g_autoptr(PbxTemplate) compiled =
            template_compile(f->sandbox, args[i].form, TEMPLATE_WORDS, &error);
        g_assert_no_error(error);
        g_assert_true(template_is_args(compiled));
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
        g_assert_true(template_expand_words(compiled, &context, words, &error));
        g_autofree char *text = quoted(words);
        g_assert_cmpstr(text, ==, args[i].words);
    }
}

/* A backslash and a quote in Hydra's grammar, byte by byte. */
static void
test_hydra_quotes(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const cases[][2] = {
        {"it's", "s='it\\'s'"},     {"a\\b c", "s='a\\b c'"},   {"a\\'", "s='a\\\\\\''"},
        {"end \\", "s='end \\\\'"}, {"${x} y", "s='\\${x} y'"}, {"a/b_c-1.5", "s=a/b_c-1.5"},
        {"null", "s='null'"},       {"-x", "s='-x'"},
    };
    g_autoptr(PbxTemplate) compiled =
        template_compile(f->sandbox, "{args:hydra}", TEMPLATE_WORDS, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(JsonNode) config = node_of("{}");
        json_object_set_string_member(json_node_get_object(config), "s", cases[i][0]);
        const PbxTemplateContext context = {.config = config};
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
        g_assert_true(template_expand_words(compiled, &context, words, NULL));
        g_assert_cmpuint(words->len, ==, 1);
        g_assert_cmpstr(words->pdata[0], ==, cases[i][1]);
    }
}

/* One word stays one word, whatever is in it; {args} needs an item of its own. */
static void
test_words(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(PbxTemplate) compiled =
        template_compile(f->sandbox, "--t={text}", TEMPLATE_WORDS, NULL);
    g_assert_false(template_is_args(compiled));
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    g_assert_true(template_expand_words(compiled, &f->context, words, NULL));
    g_assert_cmpuint(words->len, ==, 1);
    g_assert_cmpstr(words->pdata[0], ==, "--t=a b");
    g_autoptr(GError) error = NULL;
    g_assert_null(template_compile(f->sandbox, "{args}", TEMPLATE_PLAIN, &error));
    g_assert_cmpstr(error->message, ==, "{args} can only stand alone, as an item of a command");
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
    add("/expression/templates/texts", test_texts);
    add("/expression/templates/names", test_names);
    add("/expression/templates/words", test_words);
    add("/expression/templates/args", test_args);
    add("/expression/templates/hydra-quotes", test_hydra_quotes);
    return g_test_run();
}
