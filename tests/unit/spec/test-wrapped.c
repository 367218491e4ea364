/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plugins that wrap others: what the file says of these, and where. */
#include <string.h>

#include "spec-test.h"

static void
assert_use(const PbxPluginUse *use, guint index, const char *slot, const char *name,
           const char *pointer)
{
    const PbxPluginUse *wrapped = use->wrapped->pdata[index];
    g_assert_cmpstr(wrapped->slot, ==, slot);
    g_assert_cmpstr(wrapped->plugin->desc->name, ==, name);
    g_assert_cmpstr(wrapped->pointer, ==, pointer);
}

static void
test_uses(void)
{
    g_autoptr(PbxSpec) spec = spec_test_good(
        "\"stop\": [{\"plugin\": \"both\", \"parts\": [\"never\", {\"acc\": 1}], \"named\": "
        "{\"left.1\": \"never\", \"right\": {\"plugin\": \"both\", \"parts\": {\"when\": "
        "\"true\"}, \"other\": \"wide\"}}}]");
    const PbxPluginUse *use = spec->stoppers->pdata[0];
    g_assert_cmpuint(use->wrapped->len, ==, 5);
    assert_use(use, 0, "stop[0].parts[0]", "never", "/stop/0/parts/0");
    assert_use(use, 1, "stop[0].parts[1]", "bounds", "/stop/0/parts/1");
    assert_use(use, 2, "stop[0].named.left.1", "never", "/stop/0/named/left.1");
    assert_use(use, 3, "stop[0].named.right", "both", "/stop/0/named/right");
    /* A default has no place of its own. */
    assert_use(use, 4, "stop[0].other", "narrow", "/stop/0");
    const PbxPluginUse *inner = use->wrapped->pdata[3], *bounds = use->wrapped->pdata[1];
    assert_use(inner, 0, "stop[0].named.right.parts[0]", "rule", "/stop/0/named/right/parts");
    assert_use(inner, 1, "stop[0].named.right.other", "wide", "/stop/0/named/right/other");
    g_assert_cmpstr(options_watched(bounds->options)[0], ==, "acc");
    const PbxPluginUse *rule = inner->wrapped->pdata[0];
    g_assert_nonnull(options_expression(rule->options, "rule"));
}

static void
test_resolved_hides_what_is_secret_within(void)
{
    g_autoptr(PbxSpec) spec = spec_test_good(
        "\"metric\": \"a\", \"mode\": \"min\", \"stop\": {\"plugin\": \"both\", \"password\": "
        "\"hush\", \"parts\": [\"never\", {\"plugin\": \"needy\", \"key\": \"hush\"}], "
        "\"named\": {\"a/b\": {\"plugin\": \"both\", \"parts\": {\"plugin\": \"needy\", "
        "\"key\": \"hush\"}}}}");
    g_autofree char *text = spec_test_resolved(spec, "stop");
    g_assert_null(strstr(text, "hush"));
    g_assert_cmpstr(text, ==,
                    "[{\"plugin\":\"both\",\"parts\":[{\"plugin\":\"never\"},{\"key\":\"***\","
                    "\"plugin\":\"needy\"}],\"named\":{\"a/b\":{\"parts\":[{\"key\":\"***\","
                    "\"plugin\":\"needy\"}],\"other\":{\"plugin\":\"narrow\"},\"plugin\":\"both\"}}"
                    ",\"other\":{\"plugin\":\"narrow\"},\"password\":\"***\"}]");
    const PbxPluginUse *use = spec->stoppers->pdata[0], *needy = use->wrapped->pdata[1];
    g_assert_cmpstr(
        json_object_get_string_member(json_node_get_object(options_node(needy->options)), "key"),
        ==, "hush");
}

static void
test_each_has_an_objective_of_its_own(void)
{
    g_autoptr(PbxSpec) spec = spec_test_good(
        "\"stop\": {\"plugin\": \"both\", \"parts\": [{\"plugin\": \"needy\", \"metric\": \"b\", "
        "\"mode\": \"max\"}]}");
    const PbxPluginUse *use = spec->stoppers->pdata[0], *needy = use->wrapped->pdata[0];
    int sign = 0;
    g_assert_null(spec_use_metric(spec, use, NULL));
    g_assert_cmpstr(spec_use_metric(spec, needy, &sign), ==, "b");
    g_assert_cmpint(sign, ==, -1);
}

/* ---- Wrappers that keys of a search mean ---- */

/* The innermost keeps the place, and each has what the others have not. */
static void
test_keys_of_a_search(void)
{
    g_autoptr(PbxSpec) spec =
        spec_test_good("\"search\": {\"plugin\": \"wide\", \"seed\": 3, \"max_concurrent\": 4, "
                       "\"points_to_evaluate\": [{\"a\": 1}]}");
    const PbxPluginUse *use = spec->search, *first = use->wrapped->pdata[0];
    g_assert_cmpstr(use->slot, ==, "search+around");
    g_assert_cmpstr(use->plugin->desc->name, ==, "around");
    assert_use(use, 0, "search+first", "first", "/search");
    assert_use(first, 0, "search", "wide", "/search");
    g_assert_cmpstr(spec_use_given(use)->slot, ==, "search");
    g_assert_cmpuint(spec_seed_of(spec, use), ==, 3);
    g_autofree char *options = json_to_text(options_node(use->options));
    g_assert_cmpstr(options, ==,
                    "{\"max_concurrent\":4,\"batch\":false,\"inner\":{\"plugin\":\"wide\","
                    "\"points_to_evaluate\":[{\"a\":1}],\"evaluated_rewards\":[]}}");
    g_autoptr(JsonNode) explicit = options_explicit(use->options);
    g_autofree char *text = json_to_text(explicit);
    g_assert_cmpstr(text, ==,
                    "{\"max_concurrent\":4,\"batch\":false,\"inner\":{\"plugin\":\"first\","
                    "\"points_to_evaluate\":[{\"a\":1}],\"evaluated_rewards\":[],\"inner\":"
                    "{\"plugin\":\"wide\"}}}");
    g_autofree char *resolved = spec_test_resolved(spec, "search");
    g_assert_cmpstr(resolved, ==,
                    "{\"plugin\":\"wide\",\"points_to_evaluate\":[{\"a\":1}],"
                    "\"evaluated_rewards\":[],\"max_concurrent\":4,\"seed\":3}");
}

/* What is stored means the same again. */
static void
test_keys_within_a_wrapper(void)
{
    static const char *const texts[] = {
        "{\"plugin\": \"around\", \"max_concurrent\": 2, \"inner\": {\"plugin\": \"wide\", "
        "\"max_concurrent\": 1, \"seed\": 8}}",
        NULL};
    g_autofree char *stored = g_strdup(texts[0]);
    for (guint i = 0; i < 2; i++) {
        g_autofree char *members = g_strconcat("\"seed\": 5, \"search\": ", stored, NULL);
        g_autoptr(PbxSpec) spec = spec_test_good(members);
        const PbxPluginUse *use = spec->search, *inner = use->wrapped->pdata[0];
        g_assert_cmpstr(use->slot, ==, "search");
        assert_use(use, 0, "search.inner+around", "around", "/search/inner");
        assert_use(inner, 0, "search.inner", "wide", "/search/inner");
        g_assert_cmpuint(spec_seed_of(spec, use), ==, 5);
        g_assert_cmpuint(spec_seed_of(spec, inner), ==, 8);
        g_assert_cmpuint(spec_seed_of(spec, inner->wrapped->pdata[0]), ==, 8);
        g_free(stored);
        stored = spec_test_resolved(spec, "search");
        g_assert_cmpstr(stored, ==,
                        "{\"plugin\":\"around\",\"max_concurrent\":2,\"batch\":false,"
                        "\"inner\":{\"plugin\":\"wide\",\"max_concurrent\":1,\"seed\":8}}");
    }
}

/* An option of the plugin's own is that, unless its wrapper is wanted all the same. */
static void
test_keys_that_are_options(void)
{
    g_autoptr(PbxSpec) own = spec_test_good(
        "\"search\": {\"plugin\": \"pointed\", \"points_to_evaluate\": [{\"a\": 1}]}");
    g_assert_cmpstr(own->search->slot, ==, "search");
    g_assert_cmpstr(own->search->plugin->desc->name, ==, "pointed");
    g_autoptr(PbxSpec) both = spec_test_good(
        "\"search\": {\"plugin\": \"pointed\", \"points_to_evaluate\": [{\"a\": 1}], "
        "\"evaluated_rewards\": [2]}");
    g_assert_cmpstr(both->search->slot, ==, "search+first");
    const PbxPluginUse *inner = both->search->wrapped->pdata[0];
    g_autofree char *options = json_to_text(options_node(inner->options));
    g_assert_cmpstr(options, ==, "{\"points_to_evaluate\":[]}");
    g_autofree char *resolved = spec_test_resolved(both, "search");
    g_assert_cmpstr(resolved, ==,
                    "{\"plugin\":\"pointed\",\"points_to_evaluate\":[{\"a\":1}],"
                    "\"evaluated_rewards\":[2]}");
    g_autoptr(PbxSpec) wrapper = spec_test_good(
        "\"search\": {\"plugin\": \"around\", \"max_concurrent\": 2, \"inner\": \"wide\"}");
    g_assert_cmpstr(wrapper->search->slot, ==, "search");
    assert_use(wrapper->search, 0, "search.inner", "wide", "/search/inner");
}

/* ---- In a child process ---- */

/* What is wanted for one that is wrapped holds for the whole, as the calls of each other stay in
 * one process. */
static void
test_isolate(void)
{
    static const struct {
        const char *stored;
        gboolean in_child;
        double limit_s;
    } cases[] = {
        {"{\"plugin\":\"around\",\"max_concurrent\":2,\"batch\":false,\"inner\":"
         "{\"plugin\":\"wide\",\"isolate\":true}}",
         TRUE, 0},
        {"{\"plugin\":\"around\",\"max_concurrent\":2,\"batch\":false,\"inner\":"
         "{\"plugin\":\"wide\",\"max_concurrent\":1,\"seed\":8,\"isolate\":2.5}}",
         TRUE, 2.5},
        {"{\"plugin\":\"around\",\"max_concurrent\":2,\"batch\":false,\"inner\":"
         "{\"plugin\":\"wide\"}}",
         FALSE, 0},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *members = g_strconcat("\"search\": ", cases[i].stored, NULL);
        g_autoptr(PbxSpec) spec = spec_test_good(members);
        const PbxPluginUse *inner = spec->search->wrapped->pdata[0];
        g_assert_cmpint(spec_use_in_child(spec->search), ==, cases[i].in_child);
        g_assert_false(spec->search->isolate.wanted);
        g_assert_cmpint(inner->isolate.wanted, ==, cases[i].in_child);
        g_assert_cmpfloat(inner->isolate.limit_s, ==, cases[i].limit_s);
        g_autofree char *resolved = spec_test_resolved(spec, "search");
        g_assert_cmpstr(resolved, ==, cases[i].stored);
        /* The child has no child of its own. */
        g_autoptr(JsonNode) explicit = options_explicit(spec->search->options);
        g_autofree char *text = json_to_text(explicit);
        g_assert_null(strstr(text, "isolate"));
    }
    g_autoptr(PbxSpec) stops = spec_test_good(
        "\"stop\": {\"plugin\": \"both\", \"parts\": [{\"acc\": 1}, {\"when\": \"true\", "
        "\"isolate\": true}], \"named\": {\"a\": {\"plugin\": \"never\", \"isolate\": false}}}");
    const PbxPluginUse *use = stops->stoppers->pdata[0];
    g_assert_true(spec_use_in_child(use));
    g_assert_true(((const PbxPluginUse *)use->wrapped->pdata[1])->isolate.wanted);
    g_assert_false(((const PbxPluginUse *)use->wrapped->pdata[2])->isolate.wanted);
}

typedef struct {
    const char *members, *expected;
} Bad;

#define BOTH(PARTS) "\"stop\": {\"plugin\": \"both\", \"parts\": " PARTS "}"
static const Bad bad[] = {
    {BOTH("[\"never\", \"nevr\"]"),
     "stop.parts[1]: there is no stopper 'nevr'; did you mean 'never'?"},
    {BOTH("[3]"),
     "stop.parts[0]: needs a plugin: its name, or an object with \"plugin\" and its options"},
    {BOTH("[{}]"), "stop.parts[0]: an empty object is no stopper"},
    {BOTH("[{\"acc\": \"x\"}]"),
     "stop.parts[0].acc: needs a number, {\"<=\": NUMBER} or {\">=\": NUMBER}, got \"x\""},
    {BOTH("[{\"when\": \"acc > 1\"}]"),
     "stop.parts[0].when: unknown name 'acc'; did you mean 'result.acc'?"},
    {BOTH("[{\"when\": \"true\", \"scop\": 1}]"),
     "stop.parts[0].scop: stopper/rule has no option 'scop'; did you mean 'scope'?"},
    {BOTH("[{\"plugin\": \"rule\"}]"),
     "stop.parts[0]: stopper/rule needs the option 'rule': An option."},
    {BOTH("[{\"plugin\": \"both\", \"parts\": [\"never\", \"needy\"]}]"),
     "stop.parts[0].parts[1]: the stopper 'needy' needs 'metric' and 'mode'"},
    {"\"metric\": \"a\", \"mode\": \"min\", " BOTH("[{\"plugin\": \"needy\", \"metric\": \"b\"}]"),
     "stop.parts[0].metric: the experiment names its metric already, in the top-level 'metric' "
     "and 'mode'; remove those or 'stop.parts[0].metric'"},
    {"\"search\": {\"plugin\": \"around\", \"max_concurrent\": 1, \"inner\": {\"plugin\": "
     "\"wide\", \"isolate\": 0}}",
     "search.inner.isolate: needs true, false, or the seconds from 0.001 to 1000000 that a call "
     "may take"},
    {BOTH("[{\"plugin\": \"never\", \"isolate\": \"x\"}]"),
     "stop.parts[0].isolate: needs true or false or a number, got \"x\""},
    {"\"stop\": {\"plugin\": \"both\", \"other\": {\"x\": 1}}",
     "stop.other: needs a plugin: its name, or an object with \"plugin\" and its options"},
};

static void
test_bad(gconstpointer data)
{
    const Bad *one = data;
    spec_test_bad(one->members, one->expected);
    g_assert_cmpint(spec_test_status(), ==, 2);
}

int
main(int argc, char **argv)
{
    spec_test_init(&argc, &argv);
    g_test_add_func("/spec/wrapped/uses", test_uses);
    g_test_add_func("/spec/wrapped/resolved-hides-what-is-secret-within",
                    test_resolved_hides_what_is_secret_within);
    g_test_add_func("/spec/wrapped/each-has-an-objective-of-its-own",
                    test_each_has_an_objective_of_its_own);
    g_test_add_func("/spec/wrapped/keys-of-a-search", test_keys_of_a_search);
    g_test_add_func("/spec/wrapped/keys-within-a-wrapper", test_keys_within_a_wrapper);
    g_test_add_func("/spec/wrapped/keys-that-are-options", test_keys_that_are_options);
    g_test_add_func("/spec/wrapped/isolate", test_isolate);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *path = g_strdup_printf("/spec/wrapped/mistake-is-told/%02zu", i);
        g_test_add_data_func(path, &bad[i], test_bad);
    }
    return spec_test_run();
}
