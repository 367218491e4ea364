/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The top-level keys: every message, and what good values mean. */
#include <glib/gstdio.h>
#include <string.h>

#include "spec-test.h"

typedef struct {
    const char *members, *expected;
} Bad;

static void
test_bad(gconstpointer data)
{
    const Bad *bad = data;
    spec_test_bad(bad->members, bad->expected);
    g_assert_cmpint(spec_test_status(), ==, 2);
}

static const Bad types[] = {
    {"\"name\": 3", "name: needs a string, got 3"},
    {"\"config\": []", "config: needs an object, got []"},
    {"\"metric\": true", "metric: needs a string or an array, got true"},
    {"\"mode\": null", "mode: needs a string or an array, got null"},
    {"\"num_samples\": \"3\"", "num_samples: needs an integer, got \"3\""},
    {"\"num_samples\": 1.5", "num_samples: needs an integer, got 1.5"},
    {"\"search\": 1", "search: needs a string or an object, got 1"},
    {"\"scheduler\": []", "scheduler: needs a string or an object, got []"},
    {"\"stop\": 3", "stop: needs a string, an array or an object, got 3"},
    {"\"time_budget_s\": \"1h\"", "time_budget_s: needs a number, got \"1h\""},
    {"\"resources\": 2", "resources: needs an object, got 2"},
    {"\"max_concurrent_trials\": {}", "max_concurrent_trials: needs an integer, got {}"},
    {"\"executor\": false", "executor: needs a string or an object, got false"},
    {"\"loggers\": \"lines\"", "loggers: needs an array, got \"lines\""},
    {"\"auto_loggers\": 0", "auto_loggers: needs true or false, got 0"},
    {"\"max_failures\": true", "max_failures: needs an integer, got true"},
    {"\"fail_fast\": \"raise\"", "fail_fast: needs true or false, got \"raise\""},
    {"\"log_to_file\": 1", "log_to_file: needs a string, true or false or an array, got 1"},
    {"\"results_dir\": {}", "results_dir: needs a string, got {}"},
    {"\"trial_name\": 1", "trial_name: needs a string, got 1"},
    {"\"trial_dirname\": 1", "trial_dirname: needs a string, got 1"},
    {"\"cwd\": 1", "cwd: needs a string, got 1"},
    {"\"env\": [\"A=1\"]", "env: needs an object, got [\"A=1\"]"},
    {"\"seed\": \"x\"", "seed: needs an integer, got \"x\""},
    {"\"durability\": true", "durability: needs a string, got true"},
    {"\"constraints\": {}", "constraints: needs a string or an array, got {}"},
    {"\"constraints\": [1]", "constraints[0]: needs a string, got 1"},
    {"\"duplicates\": true", "duplicates: needs a string, got true"},
    {"\"$schema\": 1", "$schema: needs a string, got 1"},
    {"\"checkpoint\": 10", "checkpoint: needs an object, got 10"},
    {"\"workers\": \"two\"", "workers: needs an integer or an object, got \"two\""},
    {"\"metric\": \"a\", \"mode\": \"min\", \"extends\": "
     "[\"an-array-that-is-much-longer-than-what-a-message-shows-of-values-or-so\"]",
     "extends: needs a string, got "
     "[\"an-array-that-is-much-longer-than-what-a-message-shows-of-..."},
};

static const Bad later[] = {
    {"\"sync\": {}", "sync: 'sync' is not supported by this version of pegbox yet"},
    {"\"placement\": {}", "placement: 'placement' is not supported by this version of pegbox yet"},
    {"\"workers\": 2", "workers: 'workers' is not supported by this version of pegbox yet"},
    {"\"launcher\": \"x\"", "launcher: 'launcher' is not supported by this version of pegbox yet"},
    {"\"data\": []", "data: needs an object, got []"},
    {"\"data\": {\"a\": 1}", "data.a: needs a string, an array or an object, got 1"},
    {"\"data\": {\"a\": \"\"}", "data.a: must not be empty: name a file"},
    {"\"data\": {\"\": [1]}", "data.\"\": the name must not be empty"},
    {"\"data\": {\"a.b\": [1], \"A_B\": {}}",
     "data.A_B: programs find 'a.b' in PEGBOX_DATA_A_B, and 'A_B' there too: rename one of them"},
    {"\"resources\": {\"gpu\": 0.5}",
     "resources.gpu: a 'gpu' is not supported by this version of pegbox yet"},
    {"\"resources\": {\"wait_for_gpu\": {}}",
     "resources.wait_for_gpu: 'wait_for_gpu' is not supported by this version of pegbox yet"},
    {"\"resources\": {\"fpga\": 1}",
     "resources.fpga: the resource 'fpga' is not supported by this version of pegbox yet"},
    {"\"resources\": {\"cpus\": 1}",
     "resources.cpus: the resource 'cpus' is not supported by this version of pegbox yet; did you "
     "mean 'cpu'?"},
};

static const Bad values[] = {
    {"\"metrik\": \"loss\"", "metrik: there is no such key; did you mean 'metric'?"},
    {"\"zzzzzz\": 1", "zzzzzz: there is no such key"},
    {"\"name\": \"\"", "name: needs 1 to 255 bytes"},
    {"\"name\": \"..\"", "name: must not be '.' or '..'"},
    {"\"name\": \"-x\"", "name: must not begin with '-': commands would take it for an option"},
    {"\"name\": \"a/b\"", "name: must not contain '/'"},
    {"\"name\": \"a\\nb\"", "name: must not contain control characters or line separators"},
    {"\"metric\": \"loss\"", "metric: 'metric' needs 'mode': is it to be \"min\" or \"max\"?"},
    {"\"mode\": \"min\"", "mode: 'mode' needs 'metric': which result field is meant?"},
    {"\"metric\": \"loss\", \"mode\": \"mim\"",
     "mode: needs \"min\" or \"max\", got \"mim\"; did you mean 'min'?"},
    {"\"metric\": \"loss\", \"mode\": \"best\"", "mode: needs \"min\" or \"max\", got \"best\""},
    {"\"metric\": \"\", \"mode\": \"min\"", "metric: must not be empty"},
    {"\"metric\": [], \"mode\": \"min\"", "metric: must not be empty"},
    {"\"metric\": [1], \"mode\": \"min\"", "metric[0]: needs a string, got 1"},
    {"\"metric\": [\"a\", 1, \"\"], \"mode\": [\"min\", \"max\", \"min\"]",
     "metric[1]: needs a string, got 1\nmetric[2]: must not be empty"},
    {"\"metric\": [\"a\", \"b\"], \"mode\": \"min\"",
     "mode: needs a mode for each metric: 'metric' names 2, 'mode' 1"},
    {"\"metric\": [\"a\", \"b\"], \"mode\": [\"min\", \"mox\"]",
     "mode[1]: needs \"min\" or \"max\", got \"mox\"; did you mean 'max'?"},
    {"\"metric\": [\"a\", \"b\", \"a\"], \"mode\": [\"min\", \"max\", \"min\"]",
     "metric[2]: 'a' is named twice"},
    {"\"metric\": [\"a\", \"b\"], \"mode\": [\"min\", \"max\"], \"stop\": {\"a\": 1}",
     "stop.a: a bare number is reached from below, but 'a' is minimised; write {\"<=\": 1}"},
    {"\"num_samples\": 0", "num_samples: needs an integer >= 1, or -1: without end; got 0"},
    {"\"num_samples\": -2", "num_samples: needs an integer >= -1, got -2"},
    {"\"seed\": -1", "seed: needs an integer >= 0, got -1"},
    {"\"max_failures\": -2", "max_failures: needs an integer >= -1, got -2"},
    {"\"max_concurrent_trials\": -1", "max_concurrent_trials: needs an integer >= 0, got -1"},
    {"\"max_concurrent_trials\": 9999999999",
     "max_concurrent_trials: needs an integer <= 2147483647, got 9999999999"},
    {"\"time_budget_s\": 0", "time_budget_s: needs a number of seconds > 0, got 0"},
    {"\"limits\": {\"trial_time_s\": 0}",
     "limits.trial_time_s: needs a number of seconds > 0, got 0"},
    {"\"limits\": {\"report_time_s\": \"1h\"}", "limits.report_time_s: needs a number, got \"1h\""},
    {"\"limits\": {\"memory\": 0}",
     "limits.memory: needs a number of bytes or a text like \"2GiB\", got 0"},
    {"\"limits\": {\"memory\": \"much\"}",
     "limits.memory: needs a number of bytes or a text like \"2GiB\", got \"much\""},
    {"\"reporter\": {\"max_progress_row\": 5}",
     "reporter.max_progress_row: there is no such option; did you mean 'max_progress_rows'?"},
    {"\"reporter\": {\"max_error_rows\": -1}",
     "reporter.max_error_rows: needs a number from 0 to 2147483647, got -1"},
    {"\"reporter\": {\"total_samples\": 0}",
     "reporter.total_samples: needs a number from 1 to 2147483647, got 0"},
    {"\"reporter\": {\"infer_limit\": 1.5}", "reporter.infer_limit: needs an integer, got 1.5"},
    {"\"reporter\": {\"max_report_frequency\": \"5s\"}",
     "reporter.max_report_frequency: needs a number, got \"5s\""},
    {"\"reporter\": {\"metric_columns\": \"loss\"}",
     "reporter.metric_columns: needs an array or an object, got \"loss\""},
    {"\"reporter\": {\"metric_columns\": [\"loss\", 1]}",
     "reporter.metric_columns[1]: needs a string, got 1"},
    {"\"reporter\": {\"parameter_columns\": {\"lr\": \"\"}}",
     "reporter.parameter_columns.lr: must not be empty"},
    {"\"reporter\": {\"metric\": \"loss\"}",
     "reporter.metric: 'metric' needs 'mode': is it to be \"min\" or \"max\"?"},
    {"\"reporter\": {\"mode\": \"min\"}",
     "reporter.mode: 'mode' needs 'metric': which result field is meant?"},
    {"\"reporter\": {\"metric\": \"loss\", \"mode\": \"maks\"}",
     "reporter.mode: needs \"min\" or \"max\", got \"maks\"; did you mean 'max'?"},
    {"\"reporter\": {\"sort_by_metric\": true}",
     "reporter.sort_by_metric: needs a 'metric', of the experiment or of the reporter"},
    {"\"reporter\": {\"print_intermediate_tables\": 1}",
     "reporter.print_intermediate_tables: needs true or false, got 1"},
    {"\"limits\": {\"report_time\": 5}",
     "limits.report_time: there is no such limit; did you mean 'report_time_s'?"},
    {"\"constraints\": \"mb - 1\"", "constraints: unknown name 'mb'; did you mean 'result.mb'?"},
    {"\"constraints\": \"rand() - result.a\"",
     "constraints: a constraint has no random numbers: 'rand'"},
    {"\"constraints\": \"result.mb <= 100\"", "constraints: needs a number that is to be <= 0, not "
                                              "a comparison; write \"result.mb - 100\""},
    {"\"constraints\": \"result.acc > 0.9\"", "constraints: needs a number that is to be <= 0, not "
                                              "a comparison; write \"0.9 - result.acc\""},
    {"\"constraints\": \"result.a == (2 < 3)\"",
     "constraints: needs a number that is to be <= 0, not a comparison; write \"result.a - ((2 < "
     "3))\""},
    {"\"constraints\": \"result['a<b'] < 1\"", "constraints: needs a number that is to be <= 0, "
                                               "not a comparison; write \"result['a<b'] - 1\""},
    {"\"constraints\": [\"result.a -\", \"result.b\", \"(\"]",
     "constraints[0]: unexpected symbol at its end\n"
     "constraints[2]: unexpected symbol at its end"},
    {"\"durability\": \"ful\"",
     "durability: needs \"normal\" or \"full\", got \"ful\"; did you mean 'full'?"},
    {"\"config\": {\"lr\": {\"$loguniform\": [0, 0.1]}}",
     "config.lr: $loguniform needs 0 < low < high, got [0, 0.1]"},
    {"\"resources\": {\"cpu\": \"1\"}", "resources.cpu: needs a number, got \"1\""},
    {"\"resources\": {\"cpu\": 0}", "resources.cpu: with 0 nothing limits how many trials run at "
                                    "once: set max_concurrent_trials"},
    {"\"resources\": {\"cpu\": -1}", "resources.cpu: needs a number >= 0, got -1"},
    {"\"resources\": {\"cpu\": 0.00005}", "resources.cpu: needs a multiple of 0.0001, got 5e-05"},
    {"\"resources\": {\"gpu\": \"1\"}", "resources.gpu: needs a number, got \"1\""},
    {"\"resources\": {\"gpu\": -1}", "resources.gpu: needs a number >= 0"},
    {"\"resources\": {\"memory\": \"2 gallons\"}",
     "resources.memory: needs a number of bytes or a text like \"2GiB\", got \"2 gallons\""},
    {"\"resources\": {\"memory\": 0}",
     "resources.memory: needs a number of bytes or a text like \"2GiB\", got 0"},
    {"\"results_dir\": \"\"", "results_dir: must not be empty"},
    {"\"trial_name\": \"a/{trial.id}\"", "trial_name: must not contain '/'"},
    {"\"trial_dirname\": \"{trial.id}/x\"", "trial_dirname: must not contain '/'"},
    {"\"trial_dirname\": \"\"", "trial_dirname: must not be empty"},
    {"\"trial_name\": \"{trial.name}\"",
     "trial_name: {trial.name}: is not known yet where this is used"},
    {"\"trial_dirname\": \"{trial.dir}\"",
     "trial_dirname: {trial.dir}: is not known yet where this is used"},
    {"\"trial_name\": \"{trial.nmber}\"",
     "trial_name: {trial.nmber}: a trial has no 'nmber'; did you mean 'number'?"},
    {"\"trial_name\": \"{lrr}\", \"config\": {\"lr\": 1}",
     "trial_name: {lrr}: there is no parameter 'lrr'; did you mean 'lr'?"},
    {"\"trial_name\": \"{lr * 2}\", \"config\": {\"lr\": 1}",
     "trial_name: {lr * 2}: in an expression write config.lr for lr"},
    {"\"cwd\": \"\"", "cwd: must not be empty"},
    {"\"env\": {\"\": \"x\"}", "env.\"\": the name of a variable is not empty and has no '='"},
    {"\"env\": {\"A=B\": \"x\"}", "env.A=B: the name of a variable is not empty and has no '='"},
    {"\"env\": {\"A\": true}", "env.A: needs a string, got true"},
    {"\"env\": {\"A\": 4}", "env.A: needs a string, got 4\nhint: write \"4\""},
    {"\"env\": {\"A\": \"{zz}\"}", "env.A: {zz}: there is no parameter 'zz'"},
    {"\"log_to_file\": [\"a\"]",
     "log_to_file: needs true, false, a file name or two of them, got an array of 1"},
    {"\"log_to_file\": [\"a\", 2]", "log_to_file[1]: needs a string, got 2"},
    {"\"log_to_file\": \"\"", "log_to_file: must not be empty"},
};

static void
test_trainable_is_missing(void)
{
    spec_test_bad_text("{}",
                       "'trainable' is missing\nhint: \"trainable\": {\"command\": "
                       "[\"python3\", \"train.py\", \"{args}\"]} tunes a program; `pegbox ask "
                       "--create` needs none");
}

static void
test_root_is_an_object(void)
{
    spec_test_bad_text("[]", "an experiment file is an object, this is an array");
}

static void
test_machine_is_too_small(void)
{
    g_autofree char *cpu = g_strdup_printf(
        "resources.cpu: a trial needs 100000, but this machine has %u", g_get_num_processors());
    spec_test_bad("\"resources\": {\"cpu\": 100000}", cpu);
    g_autofree char *told = NULL;
    g_autoptr(PbxSpec) spec = spec_test_check(
        "{\"trainable\": \"nothing\", \"resources\": {\"memory\": \"900PiB\"}}", &told);
    g_assert_null(spec);
    g_assert_nonnull(
        strstr(told, "resources.memory: a trial needs \"900PiB\", but this machine has "));
}

static void
test_cwd_is_missing(void)
{
    g_autofree char *expected =
        g_strdup_printf("cwd: there is no directory %s/nowhere", spec_test_dir());
    spec_test_bad("\"cwd\": \"nowhere\"", expected);
}

/* All in one go, sorted by place, each with its place. */
static void
test_all_in_one_go(void)
{
    g_autofree char *told = NULL;
    g_autoptr(PbxSpec) spec = spec_test_check("{\"num_samples\": 0,\n \"sed\": 1,\n"
                                              " \"config\": {\"a\": {\"$uniform\": [2, 1]}},\n"
                                              " \"search\": \"wife\",\n \"fail_fast\": 1}",
                                              &told);
    g_assert_null(spec);
    g_assert_cmpstr(
        told, ==,
        "x.json:1:1: 'trainable' is missing\n"
        "hint: \"trainable\": {\"command\": [\"python3\", \"train.py\", \"{args}\"]} tunes a "
        "program; `pegbox ask --create` needs none\n"
        "x.json:1:17: num_samples: needs an integer >= 1, or -1: without end; got 0\n"
        "x.json:2:9: sed: there is no such key; did you mean 'seed'?\n"
        "x.json:3:18: config.a: $uniform needs low < high, got [2, 1]\n"
        "x.json:4:12: search: there is no search 'wife'; did you mean 'wide'?\n"
        "x.json:5:15: fail_fast: needs true or false, got 1\n");
}

static void
test_defaults(void)
{
    g_autoptr(PbxSpec) spec = spec_test_good("");
    g_autofree char *results = g_build_filename(spec_test_dir(), "pegbox_results", NULL);
    g_assert_null(spec->name);
    g_assert_null(spec->metrics[0]);
    g_assert_cmpint(spec->num_samples, ==, 1);
    g_assert_cmpfloat(spec->cpu, ==, 1);
    g_assert_cmpuint(spec->memory, ==, 0);
    g_assert_cmpuint(spec->max_concurrent_trials, ==, 0);
    g_assert_cmpint(spec->max_failures, ==, 0);
    g_assert_cmpint(spec->fail_fast, ==, FAIL_FAST_EARLY);
    g_assert_true(spec->log_to_file);
    g_assert_true(spec->out != spec->err);
    g_assert_false(spec->has_seed);
    g_assert_cmpuint(spec->seed, <=, (guint64)G_MAXINT64);
    g_assert_cmpuint(spec->search_seed, ==, spec->seed);
    g_assert_false(spec->durability_full);
    g_assert_cmpstr(spec->results_dir, ==, results);
    g_assert_cmpuint(spec->stoppers->len, ==, 0);
    g_assert_cmpint(spec_total_trials(spec), ==, 1);
}

static void
test_good_values(void)
{
    g_autoptr(PbxSpec) spec = spec_test_good(
        "\"$schema\": \"s.json\", \"name\": \"digits\", \"metric\": [\"loss\"], \"mode\": "
        "[\"max\"], \"num_samples\": 1e1, \"seed\": 9223372036854775807, \"max_failures\": -1, "
        "\"fail_fast\": true, \"durability\": \"full\", \"resources\": {\"cpu\": 0.5, \"gpu\": 0, "
        "\"memory\": \"1.5MiB\"}, \"max_concurrent_trials\": 3, \"log_to_file\": \"log\", "
        "\"config\": {\"a\": {\"$grid_search\": [1, 2, 3]}}, \"trial_name\": \"t{a}{config.a}\"");
    g_assert_cmpstr(spec->name, ==, "digits");
    g_assert_cmpstr(spec->metrics[0], ==, "loss");
    g_assert_cmpint(spec->signs[0], ==, -1);
    g_assert_cmpint(spec->num_samples, ==, 10);
    g_assert_cmpuint(spec->seed, ==, (guint64)G_MAXINT64);
    g_assert_cmpint(spec->max_failures, ==, -1);
    g_assert_cmpint(spec->fail_fast, ==, FAIL_FAST_ALWAYS);
    g_assert_true(spec->durability_full);
    g_assert_cmpfloat(spec->cpu, ==, 0.5);
    g_assert_cmpuint(spec->memory, ==, 1572864);
    g_assert_cmpuint(spec->max_concurrent_trials, ==, 3);
    g_assert_true(spec->out == spec->err);
    g_assert_nonnull(spec->trial_name);
    g_assert_cmpint(spec_total_trials(spec), ==, 30);
}

static void
test_memory_units(void)
{
    static const struct {
        const char *text;
        guint64 bytes;
    } units[] = {{"12345", 12345},     {"\"10\"", 10},        {"\"10B\"", 10},
                 {"\"2K\"", 2000},     {"\"2KiB\"", 2048},    {"\"2 kB\"", 2000},
                 {"\"1MB\"", 1000000}, {"\"0.5MiB\"", 524288}};
    for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
        g_autofree char *members =
            g_strdup_printf("\"resources\": {\"memory\": %s}", units[i].text);
        g_autoptr(PbxSpec) spec = spec_test_good(members);
        g_assert_cmpuint(spec->memory, ==, units[i].bytes);
    }
}

static void
test_num_samples_without_end(void)
{
    g_autoptr(PbxSpec) spec = spec_test_good("\"num_samples\": -1");
    g_assert_cmpint(spec_total_trials(spec), ==, -1);
}

static void
test_results_dir(void)
{
    g_autoptr(PbxSpec) relative = spec_test_good("\"results_dir\": \"out/x\"");
    g_autofree char *expected = g_build_filename(spec_test_dir(), "out", "x", NULL);
    g_assert_cmpstr(relative->results_dir, ==, expected);
    g_autoptr(PbxSpec) home = spec_test_good("\"results_dir\": \"~/r\"");
    g_autofree char *in_home = g_build_filename(g_get_home_dir(), "r", NULL);
    g_assert_cmpstr(home->results_dir, ==, in_home);
    g_setenv("PEGBOX_RESULT_DIR", "/elsewhere", TRUE);
    g_autoptr(PbxSpec) variable = spec_test_good("");
    g_assert_cmpstr(variable->results_dir, ==, "/elsewhere");
    g_unsetenv("PEGBOX_RESULT_DIR");
}

/* Words that only look like a parameter. */
static void
test_expressions_in_templates(void)
{
    g_autoptr(PbxSpec) spec = spec_test_good(
        "\"config\": {\"lr\": 0.1, \"math\": 1, \"x\": {\"lr\": 2}, \"a lr\": 3}, "
        "\"env\": {\"A\": \"{config.lr * 2}{'lr'}{x.lr}{config.x.lr + 1}{a lr}{math.pi}\", "
        "\"B\": \"{local lr = 2; return lr}{trial.number + 1}{'it\\\\'s lr'}\"}");
    g_assert_cmpuint(spec->env->len, ==, 2);
}

/* A template that names what is not there until a trial runs. */
static void
test_templates(void)
{
    g_autoptr(PbxSpec) spec = spec_test_good(
        "\"config\": {\"layers\": [{\"$choice\": [1, 2]}, 3], \"opt\": {\"lr\": 0.1}, "
        "\"weight-decay\": 1}, \"cwd\": \"{trial.dir}\", \"env\": {\"A\": "
        "\"{opt.lr}{layers}{weight-decay}{trial.name}{config.opt.lr * 2}\"}, \"log_to_file\": "
        "[\"{trial.id}.out\", \"/tmp/{trial.number}\"], \"trial_dirname\": \"{trial.name}{1/2}\"");
    g_assert_cmpuint(spec->env->len, ==, 1);
    const PbxEnvTemplate *variable = spec->env->pdata[0];
    g_assert_cmpstr(variable->name, ==, "A");
    g_assert_true(spec->out != spec->err);
}

static void
add_all(const char *group, const Bad *list, gsize n)
{
    for (gsize i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("/spec/keys/%s/%02zu", group, i);
        g_test_add_data_func(path, &list[i], test_bad);
    }
}

int
main(int argc, char **argv)
{
    spec_test_init(&argc, &argv);
    add_all("wrong-type-is-told", types, G_N_ELEMENTS(types));
    add_all("later-version-is-told", later, G_N_ELEMENTS(later));
    add_all("wrong-value-is-told", values, G_N_ELEMENTS(values));
    g_test_add_func("/spec/keys/trainable-is-missing", test_trainable_is_missing);
    g_test_add_func("/spec/keys/root-is-an-object", test_root_is_an_object);
    g_test_add_func("/spec/keys/machine-is-too-small", test_machine_is_too_small);
    g_test_add_func("/spec/keys/cwd-is-missing", test_cwd_is_missing);
    g_test_add_func("/spec/keys/all-in-one-go", test_all_in_one_go);
    g_test_add_func("/spec/keys/defaults", test_defaults);
    g_test_add_func("/spec/keys/good-values", test_good_values);
    g_test_add_func("/spec/keys/memory-units", test_memory_units);
    g_test_add_func("/spec/keys/num-samples-without-end", test_num_samples_without_end);
    g_test_add_func("/spec/keys/results-dir", test_results_dir);
    g_test_add_func("/spec/keys/templates", test_templates);
    g_test_add_func("/spec/keys/expressions-in-templates", test_expressions_in_templates);
    return spec_test_run();
}
