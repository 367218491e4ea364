/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "spec-test.h"

static const char *const plugins[] = {
    "search/wide",      "search/narrow",     "search/picky",      "scheduler/plain",
    "scheduler/ranker", "stopper/bounds",    "stopper/rule",      "stopper/clock",
    "stopper/never",    "stopper/both",      "stopper/needy",     "logger/lines",
    "logger/other",     "trainable/shell",   "trainable/nothing", "executor/here",
    "trainable/saver",  "trainable/program", "scheduler/pauser",  "search/around",
    "search/first",     "search/pointed",
};

static const char defaults[] =
    "{\"search\": \"wide\", \"scheduler\": \"plain\", \"executor\": \"here\","
    " \"command\": \"shell\", \"loggers\": [\"lines\", \"tensorboard\"],"
    " \"wrappers\": [{\"keys\": [\"points_to_evaluate\", \"evaluated_rewards\"],"
    "                 \"plugin\": \"first\", \"option\": \"inner\"},"
    "                {\"keys\": [\"max_concurrent\"], \"plugin\": \"around\","
    "                 \"option\": \"inner\"}],"
    " \"stop\": {\"thresholds\": {\"plugin\": \"bounds\", \"option\": \"limits\"},"
    "            \"when\": {\"plugin\": \"rule\", \"option\": \"rule\"},"
    "            \"timeout\": {\"plugin\": \"clock\", \"option\": \"after\"}}}";

static char *base;
static PbxRegistry *registry;
static int last_status;

static void
make_plugin_dir(const char *dir)
{
    g_autofree char *module =
        g_test_build_filename(G_TEST_BUILT, "tests", "unit", "spec", "spec-test-plugins.so", NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(plugins); i++) {
        g_autofree char *file = g_strconcat(plugins[i], ".so", NULL);
        g_autofree char *path = g_build_filename(dir, file, NULL);
        g_autofree char *kind = g_path_get_dirname(path);
        g_assert_cmpint(g_mkdir_with_parents(kind, 0700), ==, 0);
        g_assert_cmpint(symlink(module, path), ==, 0);
    }
}

void
spec_test_init(int *argc, char ***argv)
{
    g_autoptr(GError) error = NULL;
    g_test_init(argc, argv, NULL);
    base = g_dir_make_tmp("pegbox-spec-XXXXXX", NULL);
    g_autofree char *plugin_dir = g_build_filename(base, "plugins", NULL);
    g_autofree char *config = g_build_filename(base, "config", NULL);
    g_autofree char *own = g_build_filename(config, "pegbox", NULL);
    g_autofree char *file = g_build_filename(own, "defaults.json", NULL);
    make_plugin_dir(plugin_dir);
    g_mkdir_with_parents(own, 0700);
    g_assert_true(g_file_set_contents(file, defaults, -1, NULL));
    g_setenv("PEGBOX_PLUGIN_PATH", plugin_dir, TRUE);
    g_setenv("XDG_CONFIG_HOME", config, TRUE);
    g_setenv("HOME", base, TRUE);
    g_unsetenv("PEGBOX_RESULT_DIR");
    g_unsetenv("PEGBOX_DISABLE_AUTO_CALLBACK_LOGGERS");
    registry = registry_new(&error);
    g_assert_no_error(error);
}

int
spec_test_run(void)
{
    int status = g_test_run();
    registry_free(registry);
    g_assert_true(checkpoint_remove(base, NULL));
    g_free(base);
    return status;
}

PbxRegistry *
spec_test_registry(void)
{
    return registry;
}

const char *
spec_test_dir(void)
{
    return base;
}

PbxSpec *
spec_test_check(const char *text, char **problems)
{
    g_autoptr(PbxProblems) list = problems_new();
    PbxDoc *doc = doc_parse("x.json", text, strlen(text), DOC_COMMENTS, list);
    PbxSpec *spec = doc != NULL ? spec_check(doc, base, registry, list) : NULL;
    if (spec != NULL)
        spec_try_plugins(spec, list);
    if (problems_count(list) > 0)
        g_clear_pointer(&spec, spec_free);
    last_status = problems_status(list);
    *problems = problems_format(list);
    return spec;
}

/* Takes "x.json:L:C: " off the lines. */
static char *
without_places(const char *text)
{
    g_autoptr(GRegex) place =
        g_regex_new("^x\\.json:[1-9][0-9]*:[1-9][0-9]*: ", G_REGEX_MULTILINE, 0, NULL);
    return g_regex_replace_literal(place, text, -1, 0, "", 0, NULL);
}

void
spec_test_bad_text(const char *text, const char *expected)
{
    g_autofree char *told = NULL;
    g_autoptr(PbxSpec) spec = spec_test_check(text, &told);
    g_autofree char *plain = without_places(told);
    g_autofree char *line = g_strconcat(expected, "\n", NULL);
    g_assert_null(spec);
    g_assert_cmpstr(plain, ==, line);
}

void
spec_test_bad(const char *members, const char *expected)
{
    g_autofree char *text = g_strdup_printf("{\"trainable\": \"nothing\", %s}", members);
    spec_test_bad_text(text, expected);
}

PbxSpec *
spec_test_good(const char *members)
{
    g_autofree char *told = NULL;
    g_autofree char *text =
        g_strdup_printf("{\"trainable\": \"nothing\"%s%s}", *members != '\0' ? ", " : "", members);
    PbxSpec *spec = spec_test_check(text, &told);
    g_assert_cmpstr(told, ==, "");
    g_assert_nonnull(spec);
    return spec;
}

int
spec_test_status(void)
{
    return last_status;
}

char *
spec_test_resolved(const PbxSpec *spec, const char *key)
{
    JsonNode *node = json_object_get_member(json_node_get_object(spec->resolved), key);
    return node != NULL ? json_to_text(node) : NULL;
}
