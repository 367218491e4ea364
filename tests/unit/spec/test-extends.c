/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `extends`: how a file merges over another, chains, circles, places and paths. */
#include <glib/gstdio.h>
#include <string.h>

#include "spec-test.h"

/* Writes a file of the tests' directory. */
static void
write_file(const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(spec_test_dir(), name, NULL);
    g_autofree char *dir = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* The document of file `name` as text; NULL with *told, the tests' directory cut out. */
static char *
document(const char *name, char **sets, char **told)
{
    g_autofree char *file = g_build_filename(spec_test_dir(), name, NULL);
    g_autofree char *dir = g_strconcat(spec_test_dir(), "/", NULL);
    g_autoptr(PbxProblems) problems = problems_new();
    PbxSpecInput input = {.file = file, .sets = sets};
    g_autoptr(PbxDoc) doc = spec_document(&input, problems);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *all = problems_format(problems);
    g_string_assign(text, all);
    g_string_replace(text, dir, "", 0);
    *told = g_strdup(text->str);
    return doc != NULL ? json_to_text(doc_root(doc)) : NULL;
}

static void
test_merge(void)
{
    static const struct {
        const char *base, *over, *merged; /* members */
    } cases[] = {
        {"\"seed\":1,\"name\":\"a\"", "\"seed\":2", "\"seed\":2,\"name\":\"a\""},
        {"\"seed\":1", "\"name\":\"b\"", "\"seed\":1,\"name\":\"b\""},
        {"\"seed\":1,\"name\":\"a\"", "\"seed\":null,\"cwd\":null", "\"name\":\"a\""},
        {"\"config\":{\"a\":{\"b\":1,\"c\":2},\"d\":3}", "\"config\":{\"a\":{\"b\":4,\"c\":null}}",
         "\"config\":{\"a\":{\"b\":4},\"d\":3}"},
        {"\"config\":{\"a\":[1,2]}", "\"config\":{\"a\":[3]}", "\"config\":{\"a\":[3]}"},
        {"\"config\":{\"a\":{\"b\":1}}", "\"config\":{\"a\":{\"$uniform\":[0,1]}}",
         "\"config\":{\"a\":{\"$uniform\":[0,1]}}"},
        {"\"config\":{\"a\":{\"$randn\":[0,1]}}", "\"config\":{\"a\":{\"$uniform\":[0,1]}}",
         "\"config\":{\"a\":{\"$uniform\":[0,1]}}"},
        {"\"config\":{\"a\":{\"$uniform\":[0,1]}}", "\"config\":{\"a\":{\"b\":null}}",
         "\"config\":{\"a\":{\"b\":null}}"},
        {"\"search\":{\"plugin\":\"wide\",\"x\":1}", "\"search\":{\"plugin\":\"narrow\",\"y\":2}",
         "\"search\":{\"plugin\":\"narrow\",\"y\":2}"},
        {"\"search\":{\"plugin\":\"wide\",\"x\":1}", "\"search\":{\"plugin\":\"wide\",\"y\":2}",
         "\"search\":{\"plugin\":\"wide\",\"x\":1,\"y\":2}"},
        {"\"search\":{\"plugin\":\"wide\",\"x\":1}", "\"search\":{\"y\":2}",
         "\"search\":{\"plugin\":\"wide\",\"x\":1,\"y\":2}"},
        {"\"stop\":{\"loss\":1}", "\"stop\":{\"plugin\":\"rule\"}",
         "\"stop\":{\"plugin\":\"rule\"}"},
        {"\"config\":{\"plugin\":\"a\",\"x\":1}", "\"config\":{\"plugin\":\"b\"}",
         "\"config\":{\"plugin\":\"b\",\"x\":1}"},
        {"\"search\":{\"plugin\":\"wide\",\"x\":1}", "\"search\":\"wide\"", "\"search\":\"wide\""},
        {"\"$schema\":\"a\",\"seed\":1", "\"$schema\":\"b\"", "\"$schema\":\"b\",\"seed\":1"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *told = NULL;
        g_autofree char *base = g_strdup_printf("{%s}", cases[i].base);
        g_autofree char *over = g_strdup_printf("{\"extends\":\"base.json\",%s}", cases[i].over);
        g_autofree char *expected = g_strdup_printf("{%s}", cases[i].merged);
        write_file("base.json", base);
        write_file("over.json", over);
        g_autofree char *text = document("over.json", NULL, &told);
        g_assert_cmpstr(told, ==, "");
        g_assert_cmpstr(text, ==, expected);
    }
}

/* A chain over directories: each file's paths mean its own; --set goes over all. */
static void
test_chain(void)
{
    write_file("deep/root.json", "{\"seed\":1,\"name\":\"r\",\"results_dir\":\"out\","
                                 "\"cwd\":\"work\"}");
    write_file("middle.json", "{\"extends\":\"deep/root.json\",\"seed\":2,\"max_failures\":1}");
    write_file("top.json", "{\"max_failures\":2,\"extends\":\"middle.json\"}");
    g_autofree char *told = NULL;
    char *sets[] = {(char *)"seed=3", NULL};
    g_autofree char *text = document("top.json", sets, &told);
    g_autofree char *expected =
        g_strdup_printf("{\"seed\":3,\"name\":\"r\",\"results_dir\":\"%s/deep/out\","
                        "\"cwd\":\"%s/deep/work\",\"max_failures\":2}",
                        spec_test_dir(), spec_test_dir());
    g_assert_cmpstr(told, ==, "");
    g_assert_cmpstr(text, ==, expected);
}

static void
test_bad_chains(void)
{
    static const struct {
        const char *top, *base, *told;
    } cases[] = {
        {"{\"extends\":\"base.json\"}", "{\n\"extends\": \"top.json\"}",
         "base.json:2:12: extends: the files extend one another in a circle: top.json -> base.json "
         "-> top.json\n"},
        {"{\"extends\":\"./top.json\"}", "{}",
         "top.json:1:12: extends: the files extend one another in a circle: top.json -> "
         "./top.json\n"},
        {"{\"extends\":\"absent.json\"}", "{}",
         "top.json:1:12: extends: there is no file absent.json\n"},
        {"{\"extends\":\"\"}", "{}", "top.json:1:12: extends: must not be empty\n"},
        {"{\"extends\":\"base.json\"}", "[]",
         "base.json:1:1: an experiment file is an object, this is an array\n"},
        {"{\"extends\":\"base.json\"}", "{\"seed\":1,}",
         "base.json:1:10: a comma before '}': remove it\n"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *told = NULL;
        write_file("top.json", cases[i].top);
        write_file("base.json", cases[i].base);
        g_autofree char *text = document("top.json", NULL, &told);
        g_assert_null(text);
        g_assert_cmpstr(told, ==, cases[i].told);
    }
}

static void
test_set_comes_too_late(void)
{
    g_autofree char *told = NULL;
    char *sets[] = {(char *)"extends=base.json", NULL};
    write_file("top.json", "{}");
    g_assert_null(document("top.json", sets, &told));
    g_assert_cmpstr(told, ==,
                    "--set extends=base.json: extends: a file says it: it cannot be set\n");
}

/* What is wrong is told in the file where it stands. */
static void
test_places(void)
{
    write_file("base.json",
               "{\"trainable\": \"nothing\",\n \"config\": {\"a\": 1,\n"
               "  \"b\": {\"$unifrm\": [0, 1]}},\n \"seed\": -1,\n \"num_samples\": 0}");
    write_file("top.json", "{\"extends\": \"base.json\",\n \"num_samples\": 2, \"config\":\n"
                           "  {\"a\": {\"$uniform\": [1, 0]}}, \"max_failures\": -2}");
    g_autofree char *file = g_build_filename(spec_test_dir(), "top.json", NULL);
    g_autofree char *base = g_build_filename(spec_test_dir(), "base.json", NULL);
    const char *const places[][2] = {
        {base, ":3:8: config.b: "},
        {base, ":4:10: seed: "},
        {file, ":3:9: config.a: "},
        {file, ":3:48: max_failures: "},
    };
    g_autoptr(PbxProblems) problems = problems_new();
    PbxSpecInput input = {.file = file};
    g_autoptr(PbxSpec) spec = spec_load(&input, spec_test_registry(), problems);
    g_autofree char *told = problems_format(problems);
    g_assert_null(spec);
    g_assert_cmpuint(problems_count(problems), ==, G_N_ELEMENTS(places));
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree char *line = g_strconcat(places[i][0], places[i][1], NULL);
        if (strstr(told, line) == NULL)
            g_error("no line '%s' in:\n%s", line, told);
    }
}

/* What experiment.json holds is whole: it extends nothing. */
static void
test_resolved(void)
{
    write_file("base.json", "{\"trainable\": \"nothing\", \"seed\": 5}");
    write_file("top.json", "{\"extends\": \"base.json\", \"num_samples\": 2}");
    g_autofree char *file = g_build_filename(spec_test_dir(), "top.json", NULL);
    g_autoptr(PbxProblems) problems = problems_new();
    PbxSpecInput input = {.file = file};
    g_autoptr(PbxSpec) spec = spec_load(&input, spec_test_registry(), problems);
    g_assert_nonnull(spec);
    g_autofree char *seed = spec_test_resolved(spec, "seed");
    g_assert_cmpstr(seed, ==, "5");
    g_assert_null(spec_test_resolved(spec, "extends"));
}

int
main(int argc, char **argv)
{
    spec_test_init(&argc, &argv);
    g_test_add_func("/spec/extends/merge", test_merge);
    g_test_add_func("/spec/extends/chain", test_chain);
    g_test_add_func("/spec/extends/bad-chains", test_bad_chains);
    g_test_add_func("/spec/extends/set-comes-too-late", test_set_comes_too_late);
    g_test_add_func("/spec/extends/places", test_places);
    g_test_add_func("/spec/extends/resolved", test_resolved);
    return spec_test_run();
}
