/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plugins in the file: found, their options checked, tried before a run. */
#include <glib/gstdio.h>
#include <string.h>

#include "spec-test.h"

typedef struct {
    const char *members, *expected;
} Bad;

static const Bad bad[] = {
    {"\"search\": \"wide2\"", "search: there is no search 'wide2'; did you mean 'wide'?"},
    {"\"search\": {}", "search: 'plugin' is missing: which search are these options for?"},
    {"\"search\": {\"plugin\": 1}", "search.plugin: needs a string, got 1"},
    {"\"search\": {\"plugin\": \"picky\", \"hwo\": \"fine\"}",
     "search.hwo: search/picky has no option 'hwo'; did you mean 'how'?"},
    {"\"search\": {\"plugin\": \"picky\", \"how\": \"well\"}",
     "search.how: needs one of \"fine\", \"create\", \"broken\", got \"well\""},
    {"\"search\": {\"plugin\": \"picky\", \"how\": \"create\"}",
     "search.how: search/picky: how: does not like this"},
    {"\"search\": \"picky\", \"num_samples\": 13",
     "search: search/picky: 13 is no good number of samples"},
    {"\"search\": \"picky\", \"config\": {\"odd\": {\"$uniform\": [0, 1]}}",
     "config.odd: search/picky: odd: cannot be modelled"},
    {"\"search\": {\"plugin\": \"wide\", \"seed\": -1}",
     "search.seed: needs an integer >= 0, got -1"},
    {"\"search\": {\"plugin\": \"wide\", \"seed\": \"x\"}",
     "search.seed: needs an integer, got \"x\""},
    {"\"search\": {\"plugin\": \"wide\", \"max_concurrent\": 0}",
     "search.max_concurrent: needs an integer >= 1, got 0"},
    {"\"search\": {\"plugin\": \"wide\", \"batch\": true, \"max_concurrent\": 2}",
     "search.batch: search/wide has no option 'batch'; it has: seed, max_concurrent, "
     "points_to_evaluate, evaluated_rewards, isolate"},
    {"\"search\": {\"plugin\": \"around\", \"inner\": \"wide\"}",
     "search: search/around needs the option 'max_concurrent': An option."},
    {"\"search\": {\"plugin\": \"around\", \"max_concurrent\": 1, \"inner\": {\"plugin\": "
     "\"wide\", \"seed\": -2}}",
     "search.inner.seed: needs an integer >= 0, got -2"},
    {"\"search\": {\"plugin\": \"wide\", \"isolate\": 0}",
     "search.isolate: needs true, false, or the seconds from 0.001 to 1000000 that a call may "
     "take"},
    {"\"scheduler\": {\"plugin\": \"plain\", \"isolate\": null}",
     "scheduler.isolate: needs true or false or a number, got null"},
    {"\"scheduler\": \"ranker\"", "scheduler: the scheduler 'ranker' needs 'metric' and 'mode'"},
    {"\"metric\": \"loss\", \"mode\": \"min\", \"scheduler\": {\"plugin\": \"ranker\", "
     "\"max_tt\": 0}",
     "scheduler.max_tt: scheduler/ranker has no option 'max_tt'; did you mean 'max_t'?"},
    {"\"loggers\": [\"lines\", 3]", "loggers[1]: needs a string or an object, got 3"},
    {"\"loggers\": [\"linse\"]", "loggers[0]: there is no logger 'linse'; did you mean 'lines'?"},
    {"\"executor\": \"her\"", "executor: there is no executor 'her'; did you mean 'here'?"},
};

static void
test_bad(gconstpointer data)
{
    const Bad *one = data;
    spec_test_bad(one->members, one->expected);
    g_assert_cmpint(spec_test_status(), ==, 2);
}

static const Bad trainables[] = {
    {"{\"trainable\": 1}", "trainable: needs a string or an object, got 1"},
    {"{\"trainable\": {\"files\": {}}}",
     "trainable: 'plugin' is missing: which trainable are these options for?"},
    {"{\"trainable\": {\"command\": [\"x\", \"{lrr}\"]}, \"config\": {\"lr\": 1}}",
     "trainable.command[1]: {lrr}: there is no parameter 'lrr'; did you mean 'lr'?"},
    {"{\"trainable\": {\"command\": [\"x\"], \"files\": {\"a\": \"{trial.idd}\"}}}",
     "trainable.files.a: {trial.idd}: a trial has no 'idd'; did you mean 'id'?"},
    {"{\"trainable\": {\"command\": [\"x\"], \"source\": \"{b}\"}}",
     "trainable.source: {b}: there is no parameter 'b'"},
    {"{\"trainable\": {\"command\": [\"{\", \"{lrr}\", \"{config.lr *}\"], \"files\": {\"a\": "
     "\"{trial.idd}\"}}, \"config\": {\"lr\": 1}}",
     "trainable.command[0]: '{' has no closing }; a brace for itself is written {{\n"
     "trainable.command[1]: {lrr}: there is no parameter 'lrr'; did you mean 'lr'?\n"
     "trainable.command[2]: {config.lr *}: unexpected symbol at its end; a brace for itself is "
     "written {{\n"
     "trainable.files.a: {trial.idd}: a trial has no 'idd'; did you mean 'id'?"},
    {"{\"trainable\": {\"comand\": [\"x\"]}}",
     "trainable: 'plugin' is missing: which trainable are these options for?\nhint: did you mean "
     "'command' by 'comand'?"},
    {"{\"trainable\": {\"command\": \"python3 train.py\"}}",
     "trainable.command: a command of several words is a list of them, [\"python3\", "
     "\"train.py\"]"},
    {"{\"trainable\": {\"command\": \"bad-file\", \"files\": {\"a\": \"\"}}}",
     "trainable.files.a: trainable/shell: does not like this"},
    {"{\"trainable\": {\"command\": \"bad\"}}",
     "trainable: trainable/shell: elsewhere: does not like this"},
    {"{\"trainable\": {\"command\": \"bad-metric\", \"source\": \"x\"}, \"metric\": \"loss\", "
     "\"mode\": \"min\"}",
     "trainable.source: trainable/shell: loss"},
    {"{\"trainable\": {\"command\": [\"x\"], \"comand\": 1}}",
     "trainable.comand: trainable/shell has no option 'comand'; did you mean 'command'?"},
};

static void
test_bad_trainable(gconstpointer data)
{
    const Bad *one = data;
    spec_test_bad_text(one->members, one->expected);
}

/* A plugin that is at fault itself: status 3. */
static void
test_broken_plugin(void)
{
    spec_test_bad("\"search\": {\"plugin\": \"picky\", \"how\": \"broken\"}",
                  "search: search/picky: its library is missing");
    g_assert_cmpint(spec_test_status(), ==, 3);
    spec_test_bad(
        "\"search\": {\"plugin\": \"picky\", \"how\": \"broken\"}, \"stop\": {\"plugin\": "
        "\"never\"}",
        "search: search/picky: its library is missing");
    g_assert_cmpint(spec_test_status(), ==, 3);
}

static void
test_unloadable_plugin(void)
{
    g_autofree char *path = g_build_filename(spec_test_dir(), "plugins/search/torn.so", NULL);
    g_assert_true(g_file_set_contents(path, "no plugin", -1, NULL));
    g_autofree char *told = NULL;
    g_autoptr(PbxSpec) spec =
        spec_test_check("{\"trainable\": \"nothing\", \"search\": \"torn\"}", &told);
    g_assert_null(spec);
    g_assert_cmpint(spec_test_status(), ==, 3);
    g_assert_nonnull(strstr(told, "search: "));
    g_assert_nonnull(strstr(told, "torn.so"));
    g_autofree char *more = NULL;
    g_autoptr(PbxSpec) both = spec_test_check("{\"search\": \"torn\"}", &more);
    g_assert_null(both);
    g_assert_cmpint(spec_test_status(), ==, 2);
    g_remove(path);
}

/* What a search cannot take is told by parameter, with the searches that can. */
static void
test_capabilities(void)
{
    static const Bad spaces[] = {
        {"{\"$grid_search\": [1, 2]}", "a $grid_search"},
        {"{\"$choice\": [1, 2]}", "a $choice"},
        {"{\"$randn\": [0, 1]}", "an operator without bounds"},
        {"{\"$quniform\": [0, 1, 0.5]}", "a quantised operator"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(spaces); i++) {
        g_autofree char *members =
            g_strdup_printf("\"search\": \"narrow\", \"config\": {\"a\": %s}", spaces[i].members);
        g_autofree char *told = NULL;
        g_autofree char *text = g_strdup_printf("{\"trainable\": \"nothing\", %s}", members);
        g_autoptr(PbxSpec) spec = spec_test_check(text, &told);
        g_autofree char *expected =
            g_strdup_printf(": config.a: the search 'narrow' cannot take %s; ", spaces[i].expected);
        g_assert_null(spec);
        g_assert_nonnull(strstr(told, expected));
        g_assert_nonnull(strstr(told, "'wide'"));
        g_assert_null(strstr(strstr(told, "; "), "'narrow'"));
        g_assert_true(g_str_has_suffix(told, " can\n"));
        g_assert_cmpint(spec_test_status(), ==, 2);
    }
    g_autoptr(PbxSpec) fine = spec_test_good(
        "\"search\": \"narrow\", \"config\": {\"a\": {\"$uniform\": [0, 1]}, \"b\": 3}");
    g_assert_nonnull(fine);
}

static void
test_conditional_capability(void)
{
    g_autofree char *told = NULL;
    g_autoptr(PbxSpec) spec = spec_test_check(
        "{\"trainable\": \"nothing\", \"search\": \"narrow\", \"config\": {\"a\": {\"$choice\": "
        "[{\"b\": {\"$uniform\": [0, 1]}}, 3]}}}",
        &told);
    g_assert_null(spec);
    g_assert_nonnull(strstr(told, "cannot take a parameter inside a $choice; "));
    g_assert_nonnull(strstr(told, "cannot take a $choice; "));
    g_autofree char *more = NULL;
    g_autoptr(PbxSpec) constrained = spec_test_check(
        "{\"trainable\": \"nothing\", \"search\": \"narrow\", \"constraints\": \"result.a\"}",
        &more);
    g_assert_null(constrained);
    g_assert_nonnull(strstr(more, ": constraints: the search 'narrow' cannot take constraints; "));
    g_assert_nonnull(strstr(more, "'wide'"));
}

/* Each that cannot is told, once. */
static void
test_several_metrics(void)
{
    g_autofree char *told = NULL, *good = NULL;
    g_autoptr(PbxSpec) spec = spec_test_check(
        "{\"trainable\": \"nothing\", \"search\": \"narrow\", \"scheduler\": \"ranker\",\n"
        " \"metric\": [\"a\", \"b\"], \"mode\": [\"min\", \"max\"]}",
        &told);
    g_assert_null(spec);
    g_auto(GStrv) lines = g_strsplit(told, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    g_assert_true(g_str_has_prefix(
        lines[0], "x.json:2:12: metric: the search 'narrow' takes one objective, not 2; "));
    g_assert_true(g_str_has_suffix(lines[0], "'wide' can"));
    g_assert_true(g_str_has_prefix(
        lines[1], "x.json:2:12: metric: the scheduler 'ranker' takes one objective, not 2; "));
    g_assert_true(g_str_has_suffix(lines[1], "'plain' can"));
    g_autoptr(PbxSpec) taken = spec_test_check(
        "{\"trainable\": \"nothing\", \"search\": \"wide\", \"scheduler\": \"plain\", "
        "\"metric\": [\"a\", \"b\"], \"mode\": [\"min\", \"max\"]}",
        &good);
    g_assert_cmpstr(good, ==, "");
    g_assert_cmpuint(spec_n_objectives(taken), ==, 2);
    g_assert_cmpint(*spec_metric_sign(taken, "b"), ==, -1);
    g_assert_null(spec_metric_sign(taken, "c"));
    pbx_problem *problem = spec_problem_new(taken, taken->search);
    g_assert_cmpuint(problem->n_objectives, ==, 2);
    g_assert_cmpstr(problem->objectives[1]->name, ==, "b");
    g_assert_cmpint(problem->objectives[0]->sign, ==, 1);
    g_assert_cmpint(problem->objectives[1]->sign, ==, -1);
    spec_problem_free(problem);
    JsonNode *modes = json_object_get_member(json_node_get_object(taken->resolved), "mode");
    g_autofree char *text = json_to_text(modes);
    g_assert_cmpstr(text, ==, "[\"min\",\"max\"]");
}

static void
test_automatic_loggers(void)
{
    g_autoptr(PbxSpec) alone = spec_test_good("");
    g_assert_cmpuint(alone->loggers->len, ==, 1);
    g_autoptr(PbxSpec) added = spec_test_good("\"loggers\": [\"other\"]");
    g_assert_cmpuint(added->loggers->len, ==, 2);
    const PbxPluginUse *first = added->loggers->pdata[0], *second = added->loggers->pdata[1];
    g_assert_cmpstr(first->slot, ==, "loggers[0]");
    g_assert_cmpstr(first->plugin->desc->name, ==, "other");
    g_assert_cmpstr(second->slot, ==, "loggers[1]");
    g_assert_cmpstr(second->plugin->desc->name, ==, "lines");
    g_autoptr(PbxSpec) own = spec_test_good("\"loggers\": [\"lines\"]");
    g_assert_cmpuint(own->loggers->len, ==, 1);
    g_autoptr(PbxSpec) none = spec_test_good("\"auto_loggers\": false");
    g_assert_cmpuint(none->loggers->len, ==, 0);
    g_setenv("PEGBOX_DISABLE_AUTO_CALLBACK_LOGGERS", "1", TRUE);
    g_autoptr(PbxSpec) variable = spec_test_good("");
    g_assert_cmpuint(variable->loggers->len, ==, 0);
    g_unsetenv("PEGBOX_DISABLE_AUTO_CALLBACK_LOGGERS");
}

/* core's seed for a search, but where the search has an option of that name. */
static void
test_search_seed(void)
{
    g_autoptr(PbxSpec) given =
        spec_test_good("\"seed\": 3, \"search\": {\"plugin\": \"wide\", \"seed\": 7}");
    g_assert_true(given->has_search_seed);
    g_assert_cmpuint(given->search_seed, ==, 7);
    g_assert_cmpuint(given->seed, ==, 3);
    g_autoptr(PbxSpec) own =
        spec_test_good("\"seed\": 3, \"search\": {\"plugin\": \"picky\", \"seed\": 7}");
    g_assert_false(own->has_search_seed);
    g_assert_cmpuint(own->search_seed, ==, 3);
    JsonObject *options = json_node_get_object(options_node(own->search->options));
    g_assert_cmpint(json_object_get_int_member(options, "seed"), ==, 7);
}

/* Losses are made for each slot: from its own metric, or the run's. */
static void
test_problem_of_a_slot(void)
{
    g_autoptr(PbxSpec) spec = spec_test_good(
        "\"scheduler\": {\"plugin\": \"ranker\", \"metric\": \"acc\", \"mode\": \"max\"}, "
        "\"num_samples\": 5, \"time_budget_s\": 2.5, \"max_concurrent_trials\": 2");
    pbx_problem *own = spec_problem_new(spec, spec->scheduler);
    g_assert_cmpuint(own->n_objectives, ==, 1);
    g_assert_cmpstr(own->objectives[0]->name, ==, "acc");
    g_assert_cmpint(own->objectives[0]->sign, ==, -1);
    g_assert_cmpint(own->num_samples, ==, 5);
    g_assert_cmpint(own->time_budget_ns, ==, 2500000000);
    g_assert_cmpuint(own->max_concurrent, ==, 2);
    g_assert_true(own->space == space_dims(spec->space));
    spec_problem_free(own);
    pbx_problem *none = spec_problem_new(spec, spec->search);
    g_assert_cmpuint(none->n_objectives, ==, 0);
    spec_problem_free(none);
}

static void
test_problem_of_the_run(void)
{
    g_autoptr(PbxSpec) spec =
        spec_test_good("\"metric\": \"loss\", \"mode\": \"min\", \"scheduler\": \"ranker\"");
    pbx_problem *problem = spec_problem_new(spec, spec->scheduler);
    g_assert_cmpuint(problem->n_objectives, ==, 1);
    g_assert_cmpstr(problem->objectives[0]->name, ==, "loss");
    g_assert_cmpint(problem->objectives[0]->sign, ==, 1);
    spec_problem_free(problem);
}

static void
test_names_of_commands(void)
{
    static const Bad names[] = {
        {"[\"python3\", \"train.py\", \"{args}\"]", "train"},
        {"[\"python3.11\", \"-u\", \"src/my.train.py\"]", "my.train"},
        {"[\"/usr/bin/env\", \"X=1\", \"bash\", \"run.sh\"]", "run"},
        {"[\"python3\", \"-m\", \"pkg.train\"]", "pkg"},
        {"[\"python3\", \"-c\", \"print(1)\"]", "python3"},
        {"[\"./train\", \"data.csv\"]", "train"},
        {"[\"/opt/a b/.hidden\"]", ".hidden"},
        {"[\"my prog\"]", "my_prog"},
        {"[\"Rscript\", \"fit.R\"]", "fit"},
        {"[\"java\", \"-jar\", \"tool.jar\"]", "tool"},
        {"[\"bash\", \"{script}\"]", "bash"},
        {"[\"{program}\"]", "shell"},
        {"\"echo\"", "echo"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *told = NULL;
        g_autofree char *text =
            g_strdup_printf("{\"trainable\": {\"command\": %s}, \"config\": {\"script\": \"x\", "
                            "\"program\": \"y\"}}",
                            names[i].members);
        g_autoptr(PbxSpec) spec = spec_test_check(text, &told);
        g_assert_cmpstr(told, ==, "");
        g_assert_cmpstr(spec->trainable_name, ==, names[i].expected);
    }
}

static void
test_trainable_by_name(void)
{
    g_autoptr(PbxSpec) spec = spec_test_good("");
    g_assert_cmpstr(spec->trainable_name, ==, "nothing");
    g_assert_cmpstr(spec->trainable->slot, ==, "trainable");
}

int
main(int argc, char **argv)
{
    spec_test_init(&argc, &argv);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *path = g_strdup_printf("/spec/plugins/mistake-is-told/%02zu", i);
        g_test_add_data_func(path, &bad[i], test_bad);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(trainables); i++) {
        g_autofree char *path = g_strdup_printf("/spec/plugins/trainable-mistake-is-told/%02zu", i);
        g_test_add_data_func(path, &trainables[i], test_bad_trainable);
    }
    g_test_add_func("/spec/plugins/broken-one-has-status-3", test_broken_plugin);
    g_test_add_func("/spec/plugins/unloadable-one-has-status-3", test_unloadable_plugin);
    g_test_add_func("/spec/plugins/capabilities", test_capabilities);
    g_test_add_func("/spec/plugins/conditional-capability", test_conditional_capability);
    g_test_add_func("/spec/plugins/several-metrics", test_several_metrics);
    g_test_add_func("/spec/plugins/automatic-loggers", test_automatic_loggers);
    g_test_add_func("/spec/plugins/search-seed", test_search_seed);
    g_test_add_func("/spec/plugins/problem-of-a-slot", test_problem_of_a_slot);
    g_test_add_func("/spec/plugins/problem-of-the-run", test_problem_of_the_run);
    g_test_add_func("/spec/plugins/names-of-commands", test_names_of_commands);
    g_test_add_func("/spec/plugins/trainable-by-name", test_trainable_by_name);
    return spec_test_run();
}
