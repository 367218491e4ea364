/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The spec as experiment.json holds it, the schema, and defaults.json. */
#include <glib/gstdio.h>
#include <string.h>

#include "spec-test.h"

/* The resolved spec, checked again from elsewhere, resolves to itself. */
static void
assert_stable(const PbxSpec *spec)
{
    g_autoptr(PbxProblems) problems = problems_new();
    g_autofree char *first = spec_print(spec->resolved);
    PbxDoc *doc = doc_parse("experiment.json", first, strlen(first), DOC_PLAIN, problems);
    g_autoptr(PbxSpec) again = spec_check(doc, "/", spec_test_registry(), problems);
    g_autofree char *told = problems_format(problems);
    g_assert_cmpstr(told, ==, "");
    g_autofree char *second = spec_print(again->resolved);
    g_assert_cmpstr(first, ==, second);
    for (guint i = 0; i < spec->stoppers->len; i++) {
        const PbxPluginUse *one = spec->stoppers->pdata[i], *other = again->stoppers->pdata[i];
        g_assert_cmpstr(one->slot, ==, other->slot);
    }
}

static void
test_smallest(void)
{
    g_autoptr(PbxSpec) spec = spec_test_good("\"seed\": 1");
    g_autofree char *text = json_to_text(spec->resolved);
    g_autofree char *expected = g_strdup_printf(
        "{\"trainable\":{\"plugin\":\"nothing\"},\"config\":{},\"num_samples\":1,\"search\":"
        "{\"plugin\":\"wide\"},\"scheduler\":{\"plugin\":\"plain\"},\"stop\":[],\"resources\":"
        "{\"cpu\":1,\"gpu\":0},\"max_concurrent_trials\":0,\"max_failures\":0,\"duplicates\":"
        "\"allow\",\"executor\":{\"plugin\":\"here\"},\"loggers\":[{\"plugin\":\"lines\"}],\"auto_"
        "loggers\":false,"
        "\"results_dir\":\"%s/pegbox_results\",\"log_to_file\":true,\"cwd\":\"%s\",\"seed\":1,"
        "\"durability\":\"normal\"}",
        spec_test_dir(), spec_test_dir());
    g_assert_cmpstr(text, ==, expected);
    assert_stable(spec);
}

static void
test_everything(void)
{
    g_autofree char *told = NULL;
    g_autoptr(PbxSpec) spec = spec_test_check(
        "{\"$schema\": \"s\", \"name\": \"n\", \"trainable\": {\"command\": \"x\", \"password\": "
        "\"secret\", \"image\": \"img/a\"}, \"config\": {\"a\": {\"$grid_search\": [1, 2]}, "
        "\"b\": {\"$uniform\": [0, 1]}}, \"metric\": \"loss\", \"mode\": \"min\", \"num_samples\": "
        "-1, \"search\": {\"plugin\": \"wide\", \"seed\": 9}, \"scheduler\": {\"plugin\": "
        "\"ranker\", \"max_t\": 7}, \"stop\": [{}, {\"x\": 1}, {\"when\": \"true\"}], "
        "\"time_budget_s\": 5, \"resources\": {\"cpu\": 0.25, \"memory\": \"1KiB\"}, "
        "\"max_concurrent_trials\": 2, \"loggers\": [\"other\"], \"max_failures\": 3, "
        "\"limits\": {\"trial_time_s\": 60, \"report_time_s\": 2.5}, "
        "\"fail_fast\": false, \"log_to_file\": [\"o\", \"e\"], \"results_dir\": \"r\", "
        "\"trial_name\": \"{a}\", \"trial_dirname\": \"{trial.name}\", \"cwd\": \"runs/{a}\", "
        "\"env\": {\"E\": \"{b}\"}, \"seed\": 4, \"durability\": \"full\", "
        "\"duplicates\": \"skip\"}",
        &told);
    g_assert_cmpstr(told, ==, "");
    g_autofree char *trainable = spec_test_resolved(spec, "trainable");
    g_autofree char *expected = g_strdup_printf(
        "{\"plugin\":\"shell\",\"command\":[\"x\"],\"source\":\"stdout\",\"password\":\"***\","
        "\"image\":\"%s/img/a\"}",
        spec_test_dir());
    g_assert_cmpstr(trainable, ==, expected);
    g_autofree char *search = spec_test_resolved(spec, "search");
    g_assert_cmpstr(search, ==, "{\"plugin\":\"wide\",\"seed\":9}");
    g_autofree char *scheduler = spec_test_resolved(spec, "scheduler");
    g_assert_cmpstr(scheduler, ==, "{\"plugin\":\"ranker\",\"max_t\":7}");
    g_autofree char *stop = spec_test_resolved(spec, "stop");
    g_assert_cmpstr(stop, ==,
                    "[{\"plugin\":\"bounds\",\"limits\":{\"x\":1}},{\"plugin\":\"rule\",\"rule\":"
                    "\"true\",\"scope\":\"trial\"}]");
    g_autofree char *limits = spec_test_resolved(spec, "limits");
    g_assert_cmpstr(limits, ==, "{\"trial_time_s\":60,\"report_time_s\":2.5}");
    g_assert_cmpfloat(spec->limits.trial_time_s, ==, 60);
    g_assert_cmpfloat(spec->limits.report_time_s, ==, 2.5);
    g_autofree char *duplicates = spec_test_resolved(spec, "duplicates");
    g_assert_cmpstr(duplicates, ==, "\"skip\"");
    g_assert_true(spec->skip_duplicates);
    g_autofree char *cwd = spec_test_resolved(spec, "cwd");
    g_autofree char *runs = g_strdup_printf("\"%s/runs/{a}\"", spec_test_dir());
    g_assert_cmpstr(cwd, ==, runs);
    g_assert_null(spec_test_resolved(spec, "$schema"));
    assert_stable(spec);
}

static void
test_own_objective_is_kept(void)
{
    g_autoptr(PbxSpec) spec = spec_test_good(
        "\"scheduler\": {\"plugin\": \"ranker\", \"metric\": \"acc\", \"mode\": \"max\"}");
    g_autofree char *scheduler = spec_test_resolved(spec, "scheduler");
    g_assert_cmpstr(scheduler, ==,
                    "{\"plugin\":\"ranker\",\"metric\":\"acc\",\"mode\":\"max\",\"max_t\":100}");
    assert_stable(spec);
}

static void
test_places_with_braces(void)
{
    g_autoptr(PbxProblems) problems = problems_new();
    const char *text = "{\"trainable\": \"nothing\"}";
    PbxDoc *doc = doc_parse("x", text, strlen(text), DOC_PLAIN, problems);
    g_autoptr(PbxSpec) spec = spec_check(doc, "/odd{dir", spec_test_registry(), problems);
    g_autofree char *cwd = template_expand(spec->cwd, &(PbxTemplateContext){0}, NULL);
    g_autofree char *resolved = spec_test_resolved(spec, "cwd");
    g_assert_cmpstr(cwd, ==, "/odd{dir");
    g_assert_cmpstr(resolved, ==, "\"/odd{{dir\"");
    assert_stable(spec);
}

static void
test_print(void)
{
    const char *text = "{\"a\":[1,2.5,\"x\"],\"b\":{},\"c\":[{\"d\":[]},[1]],\"e\":1e-05}";
    g_autoptr(JsonNode) node = json_read(text, strlen(text), 10, NULL);
    g_autofree char *printed = spec_print(node);
    g_assert_cmpstr(printed, ==,
                    "{\n  \"a\": [1, 2.5, \"x\"],\n  \"b\": {},\n  \"c\": [\n    {\n      \"d\": "
                    "[]\n    },\n    [1]\n  ],\n  \"e\": 1e-05\n}\n");
}

/* ---- The schema ---- */

static JsonNode *
at(JsonNode *root, const char *path)
{
    JsonNode *node = json_lookup(root, path);
    if (node == NULL)
        g_test_message("nothing at %s", path);
    g_assert_nonnull(node);
    return node;
}

static void
test_schema(void)
{
    g_autoptr(JsonNode) schema = spec_schema(spec_test_registry());
    g_autofree char *text = json_to_text(schema);
    g_assert_cmpstr(json_node_get_string(at(schema, "$schema")), ==,
                    "https://json-schema.org/draft/2020-12/schema");
    g_assert_false(json_node_get_boolean(at(schema, "additionalProperties")));
    at(schema, "properties.num_samples.description");
    at(schema, "properties.trainable.$ref");
    at(schema, "$defs.operator.anyOf");
    at(schema, "properties.checkpoint.properties.keep");
    g_assert_null(strstr(text, "\"placement\""));
    /* Each operator and the options of each plugin are there. */
    for (const char *const *name = space_operators(); *name != NULL; name++) {
        g_autofree char *quoted = g_strdup_printf("\"required\":[\"%s\"]", *name);
        g_assert_nonnull(strstr(text, quoted));
    }
    g_assert_nonnull(strstr(text, "{\"const\":\"picky\"}"));
    g_assert_nonnull(strstr(text, "\"max_t\":{\"type\":\"integer\",\"minimum\":1"));
    g_assert_nonnull(strstr(text, "\"required\":[\"when\"]"));
}

/* ---- defaults.json ---- */

static void
assert_defaults_told(const char *text, const char *expected)
{
    g_autofree char *path =
        g_build_filename(spec_test_dir(), "config", "pegbox", "defaults.json", NULL);
    g_autofree char *saved = NULL;
    g_assert_true(g_file_get_contents(path, &saved, NULL, NULL));
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_autofree char *told = NULL;
    g_autoptr(PbxSpec) spec = spec_test_check("{\"trainable\": \"nothing\"}", &told);
    g_assert_true(g_file_set_contents(path, saved, -1, NULL));
    g_assert_null(spec);
    g_assert_true(g_str_has_prefix(told, path));
    if (strstr(told, expected) == NULL)
        g_error("%s gave %s, without %s", text, told, expected);
}

static void
test_bad_defaults(void)
{
    assert_defaults_told("[]", ":1:1: needs an object, this is an array\n");
    assert_defaults_told("{\"serch\": \"x\"}",
                         ":1:11: serch: there is no such key; did you mean 'search'?\n");
    assert_defaults_told("{\"search\": 3}", ":1:12: search: needs a string, this is an integer\n");
    assert_defaults_told("{\"loggers\": [1]}", ": loggers: needs an array of names of loggers\n");
    assert_defaults_told("{\"stop\": {\"whn\": {}}}",
                         ": stop.whn: there is no such key; did you mean 'when'?\n");
    assert_defaults_told("{\"stop\": {\"when\": 3}}",
                         ": stop.when: needs an object, this is an integer\n");
    assert_defaults_told("{\"stop\": {\"when\": {\"plugin\": 3}}}",
                         ": stop.when.plugin: needs a string, this is an integer\n");
    assert_defaults_told("{", ":1:");
    /* Names that nothing has; a logger of the installation's list may be missing. */
    assert_defaults_told("{\"search\": \"wid\", \"loggers\": [\"lines\", \"line\"]}",
                         ":1:12: search: there is no search 'wid'; did you mean 'wide'?\n");
    assert_defaults_told("{\"search\": \"wid\", \"loggers\": [\"lines\", \"line\"]}",
                         ":1:40: loggers[1]: there is no logger 'line'; did you mean 'lines'?\n");
    assert_defaults_told("{\"command\": \"shel\"}", ":1:13: command: there is no trainable 'shel'");
    assert_defaults_told("{\"stop\": {\"when\": {\"plugin\": \"rules\"}}}",
                         ":1:30: stop.when.plugin: there is no stopper 'rules'");
    assert_defaults_told("{\"stop\": {\"when\": {\"option\": \"rul\"}}}",
                         ":1:30: stop.when.option: stopper/when has no option 'rul'\n");
    assert_defaults_told("{\"stop\": {\"timeout\": {\"plugin\": \"clock\"}}}",
                         ":1:22: stop.timeout: stopper/clock has no option 'timeout'\n");
}

int
main(int argc, char **argv)
{
    spec_test_init(&argc, &argv);
    g_test_add_func("/spec/resolved/smallest", test_smallest);
    g_test_add_func("/spec/resolved/everything", test_everything);
    g_test_add_func("/spec/resolved/own-objective-is-kept", test_own_objective_is_kept);
    g_test_add_func("/spec/resolved/places-with-braces", test_places_with_braces);
    g_test_add_func("/spec/resolved/print", test_print);
    g_test_add_func("/spec/schema/holds-operators-and-plugins", test_schema);
    g_test_add_func("/spec/defaults/mistake-is-told", test_bad_defaults);
    return spec_test_run();
}
