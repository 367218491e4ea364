/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one-line form, --set and the other words that go over a file. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "spec-test.h"

/* The document of an input as text; NULL with *told. */
static char *
document(const PbxSpecInput *input, char **told)
{
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc = spec_document(input, problems);
    *told = problems_format(problems);
    return doc != NULL ? json_to_text(doc_root(doc)) : NULL;
}

static char *
member(const char *text, const char *key)
{
    g_autoptr(JsonNode) root = json_read(text, strlen(text), 100, NULL);
    JsonNode *node = json_object_get_member(json_node_get_object(root), key);
    return node != NULL ? json_to_text(node) : NULL;
}

/* Words of a command -> the words and config of its document. */
static void
test_words(void)
{
    static const struct {
        const char *words[6];
        const char *command, *config;
    } good[] = {
        {{"prog", "a b"}, "[\"prog\",\"a b\"]", "{}"},
        {{"p", "--lr", "{lr:loguniform(1e-5,1e-1)}"},
         "[\"p\",\"--lr\",\"{lr}\"]",
         "{\"lr\":{\"$loguniform\":[1e-05,0.1]}}"},
        {{"p", "--opt={opt:choice(adam,sgd)}", "{args}"},
         "[\"p\",\"--opt={opt}\",\"{args}\"]",
         "{\"opt\":{\"$choice\":[\"adam\",\"sgd\"]}}"},
        {{"p", "{a:uniform(0,1)}-{b:randint(3)}"},
         "[\"p\",\"{a}-{b}\"]",
         "{\"a\":{\"$uniform\":[0,1]},\"b\":{\"$randint\":[3]}}"},
        {{"p", "{opt.lr:uniform(0,1)}", "{opt.n:choice(1,2)}"},
         "[\"p\",\"{opt.lr}\",\"{opt.n}\"]",
         "{\"opt\":{\"lr\":{\"$uniform\":[0,1]},\"n\":{\"$choice\":[1,2]}}}"},
        {{"p", "{weight-decay: uniform (0, 1) }"},
         "[\"p\",\"{weight-decay}\"]",
         "{\"weight-decay\":{\"$uniform\":[0,1]}}"},
        {{"p", "{x:choice(\"a)}\",[1,2],{\"k\":3})}"},
         "[\"p\",\"{x}\"]",
         "{\"x\":{\"$choice\":[\"a)}\",[1,2],{\"k\":3}]}}"},
        {{"p", "{{x:uniform(0,1)}", "{lr * 2}", "{args:equals,flags}"},
         "[\"p\",\"{{x:uniform(0,1)}\",\"{lr * 2}\",\"{args:equals,flags}\"]",
         "{}"},
        {{"p", "{x:uniform(0,1)}", "{x:uniform(0,1)}", "{x}"},
         "[\"p\",\"{x}\",\"{x}\",\"{x}\"]",
         "{\"x\":{\"$uniform\":[0,1]}}"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *told = NULL;
        PbxSpecInput input = {.command = (char **)good[i].words};
        g_autofree char *text = document(&input, &told);
        g_assert_cmpstr(told, ==, "");
        g_autofree char *trainable = member(text, "trainable");
        g_autofree char *command = member(trainable, "command");
        g_autofree char *plugin = member(trainable, "plugin");
        g_autofree char *config = member(text, "config");
        g_assert_cmpstr(command, ==, good[i].command);
        g_assert_cmpstr(config, ==, good[i].config);
        g_assert_cmpstr(plugin, ==, "\"shell\"");
    }
}

static void
test_bad_words(void)
{
    static const struct {
        const char *word, *expected;
    } bad[] = {
        {"{lr:loguniform(1e-5}",
         "word 2 of the command, '{lr:loguniform(1e-5}': {lr:loguniform( has no ')}' that ends it"},
        {"{lr:uniform}", "word 2 of the command, '{lr:uniform}': write {lr:uniform(ARGS)}"},
        {"{lr:unifrom(0,1)}", "word 2 of the command, '{lr:unifrom(0,1)}': there is no operator "
                              "'unifrom'; did you mean 'uniform'?"},
        {"{a:uniform(0,1)}{a:uniform(0,2)}",
         "word 2 of the command, '{a:uniform(0,1)}{a:uniform(0,2)}': 'a' is defined twice"},
        {"\xff", "word 2 of the command, '\xff': it is not UTF-8"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *told = NULL;
        char *words[] = {(char *)"p", (char *)bad[i].word, NULL};
        PbxSpecInput input = {.command = words};
        g_autofree char *text = document(&input, &told);
        g_assert_null(text);
        if (bad[i].word[0] != '\xff') {
            g_autofree char *expected = g_strconcat(bad[i].expected, "\n", NULL);
            g_assert_cmpstr(told, ==, expected);
        } else {
            g_assert_nonnull(strstr(told, "it is not UTF-8"));
        }
    }
}

static void
test_no_command(void)
{
    g_autofree char *told = NULL;
    char *words[] = {NULL};
    PbxSpecInput input = {.command = words};
    g_assert_null(document(&input, &told));
    g_assert_cmpstr(told, ==, "the command line has no FILE, and no command after --\n");
}

/* Bounds are checked with the rest; the word is the place. */
static void
test_bad_bounds(void)
{
    g_autoptr(PbxProblems) problems = problems_new();
    char *words[] = {(char *)"p", (char *)"{lr:loguniform(0,1)}", NULL};
    PbxSpecInput input = {.command = words};
    g_autoptr(PbxSpec) spec = spec_load(&input, spec_test_registry(), problems);
    g_autofree char *told = problems_format(problems);
    g_assert_null(spec);
    g_assert_cmpstr(told, ==,
                    "{lr:loguniform(0,1)}: config.lr: $loguniform needs 0 < low < high, got "
                    "[0, 1]\n");
}

static void
test_whole_line(void)
{
    g_autoptr(PbxProblems) problems = problems_new();
    char *words[] = {(char *)"python3", (char *)"train.py", (char *)"{lr:uniform(0,1)}", NULL};
    char *metrics[] = {(char *)"loss", NULL}, *modes[] = {(char *)"min", NULL};
    PbxSpecInput input = {
        .command = words,
        .metrics = metrics,
        .modes = modes,
        .num_samples = "50",
        .name = "mine",
        .fail_fast = TRUE,
    };
    g_autoptr(PbxSpec) spec = spec_load(&input, spec_test_registry(), problems);
    g_autofree char *told = problems_format(problems);
    g_assert_cmpstr(told, ==, "");
    g_autofree char *current = g_get_current_dir();
    g_autofree char *cwd = template_expand(spec->cwd, &(PbxTemplateContext){0}, NULL);
    g_assert_cmpstr(spec->metrics[0], ==, "loss");
    g_assert_cmpint(spec->num_samples, ==, 50);
    g_assert_cmpint(spec->fail_fast, ==, FAIL_FAST_ALWAYS);
    g_assert_cmpstr(spec->name, ==, "mine");
    g_assert_cmpstr(spec->trainable_name, ==, "train");
    g_assert_cmpstr(cwd, ==, current);
}

/* ---- Files, and what goes over them ---- */

static char *
write_file(const char *text)
{
    char *path = g_build_filename(spec_test_dir(), "file.json", NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static void
test_sets(void)
{
    g_autofree char *path = write_file("{\"num_samples\": 1, // so far\n \"config\": {\"a\": 1}}");
    g_autofree char *told = NULL;
    char *sets[] = {(char *)"num_samples=7",
                    (char *)"search.seed=3",
                    (char *)"metric=loss",
                    (char *)"config.a=[1, 2]",
                    (char *)"name={broken",
                    (char *)"cwd=",
                    NULL};
    PbxSpecInput input = {.file = path, .sets = sets};
    g_autofree char *text = document(&input, &told);
    g_assert_cmpstr(told, ==, "");
    g_assert_cmpstr(text, ==,
                    "{\"num_samples\":7,\"config\":{\"a\":[1,2]},\"search\":{\"seed\":3},"
                    "\"metric\":\"loss\",\"name\":\"{broken\",\"cwd\":\"\"}");
}

static void
test_bad_sets(void)
{
    g_autofree char *path = write_file("{\"num_samples\": 1}");
    g_autofree char *told = NULL;
    char *sets[] = {(char *)"metric", (char *)"=3", (char *)"num_samples.x=1", (char *)"name=\xff",
                    NULL};
    PbxSpecInput input = {.file = path, .sets = sets, .num_samples = "many"};
    g_assert_null(document(&input, &told));
    g_assert_nonnull(strstr(told, "--num-samples: needs an integer, got 'many'\n"));
    g_assert_nonnull(strstr(told, "--set metric: write --set KEY=VALUE\n"));
    g_assert_nonnull(strstr(told, "--set =3: write --set KEY=VALUE\n"));
    g_assert_nonnull(strstr(told, "--set num_samples.x=1: num_samples.x: "));
    g_assert_nonnull(strstr(told, ": it is not UTF-8\n"));
}

/* A value that --set gave has --set as its place. */
static void
test_set_is_the_place(void)
{
    g_autofree char *path = write_file("{\"trainable\": \"nothing\"}");
    g_autoptr(PbxProblems) problems = problems_new();
    char *sets[] = {(char *)"num_samples=0", (char *)"stop.acc=no", NULL};
    PbxSpecInput input = {.file = path, .sets = sets};
    g_autoptr(PbxSpec) spec = spec_load(&input, spec_test_registry(), problems);
    g_autofree char *told = problems_format(problems);
    g_assert_null(spec);
    g_assert_nonnull(strstr(told, "--set num_samples=0: num_samples: needs an integer >= 1"));
    g_assert_nonnull(strstr(told, "--set stop.acc=no: stop.acc: needs a number"));
}

static void
test_overrides(void)
{
    g_autofree char *path = write_file("{\"trainable\": \"nothing\", \"name\": \"a\"}");
    g_autoptr(PbxProblems) problems = problems_new();
    PbxSpecInput input = {.file = path, .name = "b", .results_dir = "out"};
    g_autoptr(PbxSpec) spec = spec_load(&input, spec_test_registry(), problems);
    g_autofree char *current = g_get_current_dir();
    g_autofree char *results = g_build_filename(current, "out", NULL);
    g_assert_cmpstr(spec->name, ==, "b");
    g_assert_cmpstr(spec->results_dir, ==, results);
    g_assert_cmpstr(spec->base_dir, ==, spec_test_dir());
}

static void
test_bad_files(void)
{
    g_autofree char *missing = g_build_filename(spec_test_dir(), "absent.json", NULL);
    g_autofree char *told = NULL;
    PbxSpecInput input = {.file = missing};
    g_assert_null(document(&input, &told));
    g_assert_nonnull(strstr(told, "absent.json"));
    g_autofree char *path = write_file("[1]");
    g_autofree char *array = NULL;
    input.file = path;
    g_assert_null(document(&input, &array));
    g_autofree char *expected =
        g_strdup_printf("%s:1:1: an experiment file is an object, this is an array\n", path);
    g_assert_cmpstr(array, ==, expected);
}

/* A duplicate key does not hide what else is wrong. */
static void
test_duplicate_key(void)
{
    g_autofree char *path =
        write_file("{\"trainable\": \"nothing\", \"seed\": 1, \"seed\": 2, \"nam\": 3}");
    g_autoptr(PbxProblems) problems = problems_new();
    PbxSpecInput input = {.file = path};
    g_autoptr(PbxSpec) spec = spec_load(&input, spec_test_registry(), problems);
    g_autofree char *told = problems_format(problems);
    g_assert_null(spec);
    g_assert_cmpuint(problems_count(problems), ==, 2);
    g_assert_nonnull(strstr(told, "nam: there is no such key; did you mean 'name'?"));
}

static void
test_standard_input(void)
{
    g_autofree char *path = write_file("{\"num_samples\": 3");
    int saved = dup(STDIN_FILENO);
    g_assert_nonnull(freopen(path, "r", stdin));
    g_autofree char *told = NULL;
    PbxSpecInput input = {.file = "-"};
    g_assert_null(document(&input, &told));
    g_assert_true(g_str_has_prefix(told, "standard input:1:"));
    g_autofree char *current = g_get_current_dir();
    g_autofree char *base = spec_base_dir(&input);
    g_assert_cmpstr(base, ==, current);
    dup2(saved, STDIN_FILENO);
    close(saved);
}

int
main(int argc, char **argv)
{
    spec_test_init(&argc, &argv);
    g_test_add_func("/spec/one-line/words", test_words);
    g_test_add_func("/spec/one-line/bad-words", test_bad_words);
    g_test_add_func("/spec/one-line/no-command", test_no_command);
    g_test_add_func("/spec/one-line/bad-bounds", test_bad_bounds);
    g_test_add_func("/spec/one-line/whole-line", test_whole_line);
    g_test_add_func("/spec/document/sets", test_sets);
    g_test_add_func("/spec/document/bad-sets", test_bad_sets);
    g_test_add_func("/spec/document/set-is-the-place", test_set_is_the_place);
    g_test_add_func("/spec/document/overrides", test_overrides);
    g_test_add_func("/spec/document/bad-files", test_bad_files);
    g_test_add_func("/spec/document/duplicate-key", test_duplicate_key);
    g_test_add_func("/spec/document/standard-input", test_standard_input);
    return spec_test_run();
}
