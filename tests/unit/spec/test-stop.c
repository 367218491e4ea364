/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `stop` in all its forms. */
#include <string.h>

#include "spec-test.h"

typedef struct {
    const char *members, *expected;
} Bad;

static const Bad bad[] = {
    {"\"stop\": {\"acc\": \"0.9\"}",
     "stop.acc: needs a number, {\"<=\": NUMBER} or {\">=\": NUMBER}, got \"0.9\""},
    {"\"stop\": {\"acc\": {}}", "stop.acc: needs a number, {\"<=\": NUMBER} or {\">=\": NUMBER}"},
    {"\"stop\": {\"acc\": {\"==\": 1}}",
     "stop.acc: needs a number, {\"<=\": NUMBER} or {\">=\": NUMBER}"},
    {"\"stop\": {\"acc\": {\"<=\": 1, \">=\": 2}}",
     "stop.acc: needs a number, {\"<=\": NUMBER} or {\">=\": NUMBER}"},
    {"\"stop\": {\"acc\": {\"<=\": \"1\"}}", "stop.acc.<=: needs a number, got \"1\""},
    {"\"stop\": {\"\": 1}", "stop.\"\": a threshold needs the name of a result field"},
    {"\"metric\": \"loss\", \"mode\": \"min\", \"stop\": {\"loss\": 0.01}",
     "stop.loss: a bare number is reached from below, but 'loss' is minimised; write {\"<=\": "
     "0.01}"},
    {"\"stop\": {\"when\": 3}", "stop.when: needs a string, got 3"},
    {"\"stop\": {\"when\": \"true\", \"scope\": \"all\"}",
     "stop.scope: needs one of \"trial\", \"experiment\", got \"all\""},
    {"\"stop\": {\"when\": \"true\", \"scop\": \"trial\"}",
     "stop.scop: stopper/rule has no option 'scop'; did you mean 'scope'?"},
    {"\"stop\": {\"when\": \"accuracy > 1\"}",
     "stop.when: unknown name 'accuracy'; did you mean 'result.accuracy'?"},
    {"\"stop\": {\"when\": \"result.a > 1 and 'b' == resul.b\"}",
     "stop.when: unknown name 'resul'; did you mean 'result'?"},
    {"\"stop\": \"nevr\"", "stop: there is no stopper 'nevr'; did you mean 'never'?"},
    {"\"stop\": [3]", "stop[0]: needs a string or an object, got 3"},
    {"\"stop\": [\"never\", {\"acc\": true}]",
     "stop[1].acc: needs a number, {\"<=\": NUMBER} or {\">=\": NUMBER}, got true"},
    {"\"stop\": {\"plugin\": \"rule\"}", "stop: stopper/rule needs the option 'rule': An option."},
    {"\"stop\": {\"plugin\": \"never\", \"isolate\": \"yes\"}",
     "stop.isolate: needs true or false or a number, got \"yes\""},
};

static void
test_bad(gconstpointer data)
{
    const Bad *one = data;
    spec_test_bad(one->members, one->expected);
    g_assert_cmpint(spec_test_status(), ==, 2);
}

/* What an expression's error says is its parser's affair; its place is ours. */
static void
test_bad_expression(void)
{
    g_autofree char *told = NULL;
    g_autoptr(PbxSpec) spec = spec_test_check(
        "{\"trainable\": \"nothing\",\n \"stop\": {\"when\": \"result.acc >\"}}", &told);
    g_assert_null(spec);
    g_assert_true(g_str_has_prefix(told, "x.json:2:19: stop.when: "));
}

static void
assert_stopper(const PbxSpec *spec, guint index, const char *slot, const char *name,
               const char *options)
{
    const PbxPluginUse *use = spec->stoppers->pdata[index];
    g_autofree char *text = json_to_text(options_node(use->options));
    g_assert_cmpstr(use->slot, ==, slot);
    g_assert_cmpstr(use->plugin->desc->name, ==, name);
    g_assert_cmpstr(text, ==, options);
}

static void
test_thresholds(void)
{
    g_autoptr(PbxSpec) spec = spec_test_good(
        "\"metric\": \"loss\", \"mode\": \"min\", \"stop\": {\"training_iteration\": 20, "
        "\"eval/loss\": 2.5, \"loss\": {\"<=\": 0.01}, \"t\": {\">=\": 3}}");
    g_assert_cmpuint(spec->stoppers->len, ==, 1);
    assert_stopper(
        spec, 0, "stop[0]", "bounds",
        "{\"limits\":{\"training_iteration\":20,\"eval/loss\":2.5,\"loss\":{\"<=\":0.01},"
        "\"t\":{\">=\":3}}}");
    const PbxPluginUse *use = spec->stoppers->pdata[0];
    g_assert_cmpstr(options_watched(use->options)[2], ==, "loss");
}

static void
test_maximised_metric_takes_a_bare_number(void)
{
    g_autoptr(PbxSpec) spec =
        spec_test_good("\"metric\": \"acc\", \"mode\": \"max\", \"stop\": {\"acc\": 0.99}");
    g_assert_cmpuint(spec->stoppers->len, ==, 1);
}

static void
test_all_forms(void)
{
    g_autoptr(PbxSpec) spec = spec_test_good(
        "\"time_budget_s\": 10, \"stop\": [{\"acc\": 1}, \"never\", {\"plugin\": \"rule\", "
        "\"rule\": \"result.a > 1\"}, {\"when\": \"result.b > 2\", \"scope\": \"experiment\"}]");
    g_assert_cmpuint(spec->stoppers->len, ==, 5);
    assert_stopper(spec, 0, "stop[0]", "bounds", "{\"limits\":{\"acc\":1}}");
    assert_stopper(spec, 1, "stop[1]", "never", "{}");
    assert_stopper(spec, 2, "stop[2]", "rule", "{\"rule\":\"result.a > 1\",\"scope\":\"trial\"}");
    assert_stopper(spec, 3, "stop[3]", "rule",
                   "{\"rule\":\"result.b > 2\",\"scope\":\"experiment\"}");
    assert_stopper(spec, 4, "time_budget_s", "clock", "{\"after\":10}");
    g_assert_cmpfloat(spec->time_budget_s, ==, 10);
}

static void
test_nothing_to_reach(void)
{
    g_autoptr(PbxSpec) spec = spec_test_good("\"stop\": {}");
    g_assert_cmpuint(spec->stoppers->len, ==, 0);
}

int
main(int argc, char **argv)
{
    spec_test_init(&argc, &argv);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *path = g_strdup_printf("/spec/stop/mistake-is-told/%02zu", i);
        g_test_add_data_func(path, &bad[i], test_bad);
    }
    g_test_add_func("/spec/stop/bad-expression", test_bad_expression);
    g_test_add_func("/spec/stop/thresholds", test_thresholds);
    g_test_add_func("/spec/stop/maximised-metric-takes-a-bare-number",
                    test_maximised_metric_takes_a_bare_number);
    g_test_add_func("/spec/stop/all-forms", test_all_forms);
    g_test_add_func("/spec/stop/nothing-to-reach", test_nothing_to_reach);
    return spec_test_run();
}
