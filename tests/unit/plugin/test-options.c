/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options of an experiment file against a plugin's table: each type, each message. */
#include <math.h>
#include <string.h>

#include "fixture.h"

static const char *const sizes[] = {"small", "medium", "large", NULL};
static const char *const kinds[] = {"scheduler", "stopper", NULL};

#define PLAIN(NAME, TYPE)                                                                          \
    {                                                                                              \
        NAME, "Is " NAME ".", "0.1", TYPE, 0, 0, 0, NULL, NULL                                     \
    }

static const pbx_option rows[] = {
    PLAIN("flag", PBX_OPTION_BOOL),
    {"count", "Counts.", "0.1", PBX_OPTION_INT, 0, 1, 10, "3", NULL},
    {"rate", "A rate.", "0.1", PBX_OPTION_REAL, PBX_OPTION_MIN_OPEN | PBX_OPTION_MAX_OPEN, 0, 1,
     NULL, NULL},
    {"floor", "A floor.", "0.1", PBX_OPTION_REAL, 0, 0.5, INFINITY, NULL, NULL},
    {"roof", "A roof.", "0.1", PBX_OPTION_REAL, PBX_OPTION_MAX_OPEN, -INFINITY, 2, NULL, NULL},
    PLAIN("text", PBX_OPTION_STRING),
    {"size", "A size.", "0.1", PBX_OPTION_ENUM, 0, 0, 0, "\"small\"", sizes},
    {"inner", "A plugin.", "0.1", PBX_OPTION_PLUGIN, 0, 0, 0, NULL, kinds},
    PLAIN("any", PBX_OPTION_JSON),
    PLAIN("field", PBX_OPTION_FIELD),
    PLAIN("bounds", PBX_OPTION_FIELD_MAP),
    PLAIN("space", PBX_OPTION_SPACE),
    PLAIN("when", PBX_OPTION_EXPRESSION),
    PLAIN("title", PBX_OPTION_TEMPLATE),
    PLAIN("match", PBX_OPTION_REGEX),
    PLAIN("file", PBX_OPTION_PATH),
    {"steps", "Steps.", "0.1", PBX_OPTION_INT, PBX_OPTION_LIST, 1, 100, NULL, NULL},
    {"env", "Variables.", "0.1", PBX_OPTION_TEMPLATE, PBX_OPTION_MAP, 0, 0, NULL, NULL},
    {"words", "A command.", "0.1", PBX_OPTION_TEMPLATE, PBX_OPTION_LIST, 0, 0, NULL, NULL},
    {"token", "A secret.", "0.1", PBX_OPTION_INT, PBX_OPTION_SECRET, 0, 9, NULL, NULL},
    {"later", "Of a later type.", "0.1", 99, 0, 0, 0, NULL, NULL},
};
static const pbx_plugin desc = {.struct_size = sizeof desc,
                                .option_size = sizeof(pbx_option),
                                .n_options = G_N_ELEMENTS(rows),
                                .kind = "search",
                                .name = "test",
                                .options = rows};
static const PbxPlugin plugin = {.desc = &desc};

static const pbx_option objective_rows[] = {
    {"metric", "A metric.", "0.1", PBX_OPTION_FIELD, PBX_OPTION_OBJECTIVE, 0, 0, NULL, NULL},
    {"mode", "Its sense.", "0.1", PBX_OPTION_ENUM, PBX_OPTION_OBJECTIVE, 0, 0, "\"min\"",
     (const char *const[]){"min", "max", NULL}},
    {"must", "Says what.", "0.1", PBX_OPTION_INT, PBX_OPTION_REQUIRED, 0, 9, NULL, NULL},
};
static const pbx_plugin objective_desc = {.struct_size = sizeof objective_desc,
                                          .option_size = sizeof(pbx_option),
                                          .n_options = G_N_ELEMENTS(objective_rows),
                                          .kind = "stopper",
                                          .name = "own",
                                          .options = objective_rows};
static const PbxPlugin objective_plugin = {.desc = &objective_desc};
static const pbx_plugin empty_desc = {
    .struct_size = sizeof empty_desc, .kind = "stopper", .name = "bare"};
static const PbxPlugin empty_plugin = {.desc = &empty_desc};

/* One check, with what it needs to stay alive. */
typedef struct {
    PbxSandbox *sandbox;
    PbxProblems *problems;
    PbxDoc *doc;
    PbxOptionContext context;
    PbxOptions *options;
} Checked;

static Checked *
checked_new(const char *json)
{
    Checked *c = g_new0(Checked, 1);
    c->sandbox = sandbox_new();
    c->problems = problems_new();
    g_autofree char *text = g_strdup_printf("{\"search\": %s}", json);
    c->doc = doc_parse("x.json", text, strlen(text), DOC_PLAIN, c->problems);
    g_assert_nonnull(c->doc);
    c->context = (PbxOptionContext){.sandbox = c->sandbox, .base_dir = "/base"};
    return c;
}

static void
checked_run(Checked *c, const PbxPlugin *of)
{
    static const char *const also[] = {"max_concurrent", NULL};
    c->options = options_check(of, c->doc, "/search", also, &c->context, c->problems);
}

static Checked *
check(const PbxPlugin *of, const char *json)
{
    Checked *c = checked_new(json);
    checked_run(c, of);
    return c;
}

static void
checked_free(Checked *c)
{
    options_free(c->options);
    doc_free(c->doc);
    problems_free(c->problems);
    sandbox_free(c->sandbox);
    g_free(c);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Checked, checked_free)

/* All problems; of the place only the path is told. (transfer full) */
static char *
told(const Checked *c)
{
    g_autofree char *whole = problems_format(c->problems);
    g_autoptr(GRegex) place = g_regex_new("x\\.json:\\d+:\\d+: ", 0, 0, NULL);
    return g_regex_replace_literal(place, whole, -1, 0, "", 0, NULL);
}

static void
assert_refused(const Checked *c, const char *expected)
{
    g_assert_null(c->options);
    g_autofree char *problems = told(c);
    g_assert_cmpstr(problems, ==, expected);
}

static void
assert_node(const Checked *c, const char *expected)
{
    g_autofree char *problems = told(c);
    g_assert_cmpstr(problems, ==, "");
    g_autofree char *text = json_to_text(options_node(c->options));
    g_assert_cmpstr(text, ==, expected);
}

static void
test_defaults(void)
{
    static const char *const none[] = {"{}", "{\"plugin\": \"test\", \"max_concurrent\": 4}",
                                       "\"test\""};
    for (gsize i = 0; i < G_N_ELEMENTS(none); i++) {
        g_autoptr(Checked) c = check(&plugin, none[i]);
        assert_node(c, "{\"count\":3,\"size\":\"small\"}");
    }
    g_autoptr(Checked) absent = checked_new("{}");
    absent->options = options_check(&plugin, NULL, "", NULL, &absent->context, absent->problems);
    assert_node(absent, "{\"count\":3,\"size\":\"small\"}");
}

static void
test_accepts(void)
{
    static const char *const cases[][2] = {
        {"{\"flag\": false}", "\"flag\":false"},
        {"{\"count\": 1e1}", "\"count\":10"}, /* people write 1e6 */
        {"{\"rate\": 0.5}", "\"rate\":0.5"},
        {"{\"floor\": 1}", "\"floor\":1"},
        {"{\"roof\": -1e300}", "\"roof\":-1e+300"},
        {"{\"text\": \"\"}", "\"text\":\"\""},
        {"{\"size\": \"large\"}", "\"size\":\"large\""},
        {"{\"any\": [null, {}]}", "\"any\":[null,{}]"},
        {"{\"bounds\": {\"a\": 1, \"b\": {\"<=\": 0.5}}}",
         "\"bounds\":{\"a\":1,\"b\":{\"<=\":0.5}}"},
        {"{\"file\": \"x/../y\"}", "\"file\":\"/base/y\""},
        {"{\"steps\": [1, 2.0]}", "\"steps\":[1,2]"},
        {"{\"steps\": 5}", "\"steps\":[5]"}, /* one stands for a list of one */
        {"{\"env\": {\"A\": \"{lr}\"}}", "\"env\":{\"A\":\"{lr}\"}"},
        {"{\"match\": \"a(b)\"}", "\"match\":\"a(b)\""},
        {"{\"later\": {\"x\": 1}}", "\"later\":{\"x\":1}"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Checked) c = check(&plugin, cases[i][0]);
        g_autofree char *problems = told(c);
        g_assert_cmpstr(problems, ==, "");
        g_autofree char *text = json_to_text(options_node(c->options));
        if (strstr(text, cases[i][1]) == NULL)
            g_error("'%s' does not contain '%s'", text, cases[i][1]);
    }
}

static const char *const refused[][2] = {
    {"{\"flag\": 1}", "search.flag: needs true or false, got 1\n"},
    {"{\"count\": 11}", "search.count: needs an integer in [1, 10], got 11\n"},
    {"{\"count\": 1.5}", "search.count: needs an integer in [1, 10], got 1.5\n"},
    {"{\"count\": \"3\"}", "search.count: needs an integer in [1, 10], got \"3\"\n"},
    {"{\"count\": null}", "search.count: needs an integer in [1, 10], got null\n"},
    {"{\"count\": 1e300}", "search.count: needs an integer in [1, 10], got 1e+300\n"},
    {"{\"rate\": 0}", "search.rate: needs a number in (0, 1), got 0\n"},
    {"{\"rate\": 1.0}", "search.rate: needs a number in (0, 1), got 1.0\n"},
    {"{\"rate\": true}", "search.rate: needs a number in (0, 1), got true\n"},
    {"{\"floor\": 0.4}", "search.floor: needs a number >= 0.5, got 0.4\n"},
    {"{\"roof\": 2}", "search.roof: needs a number < 2, got 2\n"},
    {"{\"text\": 5}", "search.text: needs a string, got 5\n"},
    {"{\"size\": 5}", "search.size: needs one of \"small\", \"medium\", \"large\", got 5\n"},
    {"{\"size\": \"lage\"}", "search.size: needs one of \"small\", \"medium\", \"large\", got "
                             "\"lage\"\nhint: did you mean \"large\"?\n"},
    {"{\"inner\": 5}", "search.inner: needs a plugin: its name, or an object with \"plugin\" and "
                       "its options\n"},
    {"{\"inner\": {\"x\": 1}}", "search.inner: needs a plugin: its name, or an object with "
                                "\"plugin\" and its options\n"},
    {"{\"field\": \"\"}", "search.field: needs the name of a result field, got \"\"\n"},
    {"{\"bounds\": 5}", "search.bounds: needs an object of result field to number, got 5\n"},
    {"{\"bounds\": {\"a\": \"1\", \"b\": {\"=\": 1}, \"c\": {}}}",
     "search.bounds.a: needs a number or an object like {\"<=\": 0.1} (<=, >=, < or >), got \"1\"\n"
     "search.bounds.b: needs a number or an object like {\"<=\": 0.1} (<=, >=, < or >), got "
     "{\"=\":1}\n"
     "search.bounds.c: needs a number or an object like {\"<=\": 0.1} (<=, >=, < or >), got {}\n"},
    {"{\"space\": []}", "search.space: needs a search space, got []\n"},
    {"{\"when\": 1}", "search.when: needs an expression, as a string, got 1\n"},
    {"{\"when\": \"1 +\"}", "search.when: unexpected symbol at its end\n"},
    {"{\"title\": 1}", "search.title: needs a string, got 1\n"},
    {"{\"match\": 1}", "search.match: needs a regular expression, as a string, got 1\n"},
    {"{\"file\": \"\"}", "search.file: needs a path, as a string, got \"\"\n"},
    {"{\"steps\": [1, 0, \"x\"]}", "search.steps[1]: needs an integer in [1, 100], got 0\n"
                                   "search.steps[2]: needs an integer in [1, 100], got \"x\"\n"},
    {"{\"env\": [\"a\"]}",
     "search.env: needs an object of name to value, each a string; got [\"a\"]\n"},
    {"{\"env\": {\"A\": 1}}", "search.env.A: needs a string, got 1\n"},
    {"{\"token\": 4711}", "search.token: needs an integer in [0, 9], got something else\n"},
    {"{\"cuont\": 1}", "search.cuont: search/test has no option 'cuont'; did you mean 'count'?\n"},
    {"{\"max_concurent\": 1}", "search.max_concurent: search/test has no option 'max_concurent'; "
                               "did you mean 'max_concurrent'?\n"},
    {"{\"flag\": 1, \"count\": 0}", "search.flag: needs true or false, got 1\n"
                                    "search.count: needs an integer in [1, 10], got 0\n"},
};

static void
test_refuses(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(Checked) c = check(&plugin, refused[i][0]);
        assert_refused(c, refused[i][1]);
        g_assert_cmpint(problems_status(c->problems), ==, 2);
    }
}

static void
test_unknown_keys(void)
{
    g_autoptr(Checked) far = checked_new("{\"zzzzzzzz\": 1}");
    far->options =
        options_check(&objective_plugin, far->doc, "/search", NULL, &far->context, far->problems);
    assert_refused(far, "search: stopper/own needs the option 'must': Says what.\n"
                        "search.zzzzzzzz: stopper/own has no option 'zzzzzzzz'; it has: metric, "
                        "mode, must\n");
    g_autoptr(Checked) none = checked_new("{\"x\": 1}");
    none->options =
        options_check(&empty_plugin, none->doc, "/search", NULL, &none->context, none->problems);
    assert_refused(none, "search.x: stopper/bare has no option 'x'; it has none\n");
}

static void
test_long_values_are_cut(void)
{
    g_autofree char *many = g_strnfill(300, 'x');
    g_autofree char *json = g_strdup_printf("{\"flag\": \"%s\"}", many);
    g_autoptr(Checked) c = check(&plugin, json);
    g_autofree char *expected =
        g_strdup_printf("search.flag: needs true or false, got \"%.59s...\n", many);
    assert_refused(c, expected);
}

static void
test_objective(void)
{
    g_autoptr(Checked) own = check(&objective_plugin, "{\"metric\": \"loss\", \"must\": 1}");
    assert_node(own, "{\"metric\":\"loss\",\"mode\":\"min\",\"must\":1}");
    const char *metric = NULL, *mode = NULL;
    g_assert_true(options_objective(own->options, &metric, &mode));
    g_assert_cmpstr(metric, ==, "loss");
    g_assert_cmpstr(mode, ==, "min");
    g_assert_cmpuint(g_strv_length((char **)options_watched(own->options)), ==, 0);
    g_autoptr(Checked) runs = check(&objective_plugin, "{\"must\": 1}");
    assert_node(runs, "{\"must\":1}");
    g_assert_false(options_objective(runs->options, NULL, NULL));
    g_autoptr(Checked) lone = check(&objective_plugin, "{\"must\": 1, \"mode\": \"max\"}");
    assert_refused(lone, "search.mode: a mode needs a 'metric' beside it\n");
    g_autoptr(Checked) both = checked_new("{\"must\": 1, \"metric\": \"loss\"}");
    both->context.metric = "accuracy";
    both->context.mode = "max";
    checked_run(both, &objective_plugin);
    assert_refused(both, "search.metric: the experiment names its metric already, in the top-level "
                         "'metric' and 'mode'; remove those or 'search.metric'\n");
}

static void
test_required(void)
{
    g_autoptr(Checked) c = check(&objective_plugin, "{}");
    assert_refused(c, "search: stopper/own needs the option 'must': Says what.\n");
}

static void
test_watched(void)
{
    g_autoptr(Checked) set = check(&plugin, "{\"bounds\": {\"b\": 1, \"a\": 2}, \"field\": \"f\"}");
    g_autofree char *names = g_strjoinv(",", (char **)options_watched(set->options));
    g_assert_cmpstr(names, ==, "f,b,a"); /* in the table's order */
    g_autoptr(Checked) unset = check(&plugin, "{}");
    g_autofree char *holes = g_strjoinv(",", (char **)options_watched(unset->options));
    g_assert_cmpstr(holes, ==, ",");
}

static void
test_secrets_stay_hidden(void)
{
    g_autoptr(Checked) c = check(&plugin, "{\"token\": 7}");
    g_autoptr(JsonNode) public = options_public(c->options);
    g_autofree char *text = json_to_text(public);
    g_assert_cmpstr(text, ==, "{\"count\":3,\"size\":\"small\",\"token\":\"***\"}");
    assert_node(c, "{\"count\":3,\"size\":\"small\",\"token\":7}");
}

static void
test_compiled_forms(void)
{
    g_autoptr(Checked) c = check(
        &plugin, "{\"when\": \"1 + 1\", \"space\": {\"x\": {\"$uniform\": [0, 1]}}, "
                 "\"env\": {\"A\": \"{a}\", \"B\": \"{b}\"}, \"words\": [\"w\", \"{args}\"]}");
    g_autofree char *problems = told(c);
    g_assert_cmpstr(problems, ==, "");
    g_assert_cmpstr(expression_text(options_expression(c->options, "when")), ==, "1 + 1");
    g_assert_null(options_expression(c->options, "title"));
    g_assert_cmpuint(space_n_dims(options_space(c->options, "space")), ==, 1);
    g_assert_cmpuint(options_template_count(c->options, "env"), ==, 2);
    PbxTemplate *b = options_template(c->options, "env", 0, "B");
    g_assert_cmpstr(template_names(b)[0], ==, "b");
    g_assert_null(options_template(c->options, "env", 0, "C"));
    g_assert_false(template_is_args(options_template(c->options, "words", 0, NULL)));
    g_assert_true(template_is_args(options_template(c->options, "words", 1, NULL)));
    g_assert_null(options_template(c->options, "words", 2, NULL));
}

static void
test_checking_twice_changes_nothing(void)
{
    g_autoptr(Checked) first =
        check(&plugin, "{\"steps\": 5, \"file\": \"y\", \"count\": 2.0, \"env\": {\"A\": \"a\"}}");
    g_autofree char *text = json_to_text(options_node(first->options));
    g_autoptr(Checked) second = check(&plugin, text);
    assert_node(second, text);
}

/* PLUGIN options: found in any of the kinds, with options of their own. */
static void
test_inner_plugins(void)
{
    Fixture f;
    fixture_set_up(&f);
    g_autofree char *path = fixture_install(&f, "good", "stopper", "good");
    g_autofree char *bad = fixture_write(&f, "stopper", "bad", "no object");
    static const char *const cases[][2] = {
        {"{\"inner\": {\"plugin\": \"good\", \"windo\": 3}}",
         "search.inner.windo: stopper/good has no option 'windo'; did you mean 'window'?\n"},
        {"{\"inner\": {\"plugin\": \"good\", \"window\": 99}}",
         "search.inner.window: needs an integer in [1, 10], got 99\n"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Checked) c = checked_new(cases[i][0]);
        c->context.registry = f.registry;
        checked_run(c, &plugin);
        assert_refused(c, cases[i][1]);
    }
    g_autoptr(Checked) good = checked_new("{\"inner\": \"good\"}");
    good->context.registry = f.registry;
    checked_run(good, &plugin);
    assert_node(good, "{\"count\":3,\"size\":\"small\",\"inner\":{\"fail\":0,\"window\":3,"
                      "\"plugin\":\"good\"}}");
    g_autoptr(Checked) broken = checked_new("{\"inner\": \"bad\"}");
    broken->context.registry = f.registry;
    checked_run(broken, &plugin);
    g_assert_null(broken->options);
    g_assert_cmpint(problems_status(broken->problems), ==, 3);
    g_autoptr(Checked) nowhere = checked_new("{\"inner\": \"nowhere\"}");
    nowhere->context.registry = f.registry;
    checked_run(nowhere, &plugin);
    g_assert_null(nowhere->options);
    g_assert_cmpint(problems_status(nowhere->problems), ==, 2);
    fixture_tear_down(&f);
}

int
main(int argc, char **argv)
{
    fixture_init(&argc, &argv);
    g_test_add_func("/plugin/options/defaults-are-filled-in", test_defaults);
    g_test_add_func("/plugin/options/each-type-accepts", test_accepts);
    g_test_add_func("/plugin/options/each-type-refuses", test_refuses);
    g_test_add_func("/plugin/options/unknown-keys", test_unknown_keys);
    g_test_add_func("/plugin/options/long-values-are-cut", test_long_values_are_cut);
    g_test_add_func("/plugin/options/objective", test_objective);
    g_test_add_func("/plugin/options/required", test_required);
    g_test_add_func("/plugin/options/watched-fields", test_watched);
    g_test_add_func("/plugin/options/secrets-stay-hidden", test_secrets_stay_hidden);
    g_test_add_func("/plugin/options/compiled-forms", test_compiled_forms);
    g_test_add_func("/plugin/options/checking-twice", test_checking_twice_changes_nothing);
    g_test_add_func("/plugin/options/inner-plugins", test_inner_plugins);
    return fixture_run();
}
