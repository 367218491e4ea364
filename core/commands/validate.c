/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox validate: checks an experiment file as `run` would, and starts nothing. */
#include "commands/commands.h"
#include "experiment/experiment.h"
#include "spec/spec.h"

typedef struct {
    char **sets;
    char *name, *results_dir;
    gboolean json;
} Options;

static void
options_clear(Options *options)
{
    g_strfreev(options->sets);
    g_free(options->name);
    g_free(options->results_dir);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static void
print_json(const char *file, const PbxSpec *spec, char **problems)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "file", file);
    json_object_set_boolean_member(object, "ok", spec != NULL);
    JsonArray *lines = json_array_new();
    for (char **line = problems; *line != NULL; line++) {
        if (**line != '\0')
            json_array_add_string_element(lines, *line);
    }
    json_object_set_array_member(object, "problems", lines);
    if (spec != NULL) {
        json_object_set_int_member(object, "trials", spec_total_trials(spec));
        json_object_set_member(object, "spec", json_clone(spec->resolved));
    }
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
    json_object_unref(object);
    g_autofree char *text = spec_print(node);
    command_put(text);
}

static void
print_line(const char *file, const PbxSpec *spec)
{
    gint64 total = spec_total_trials(spec);
    g_autofree char *trials =
        total < 0 ? g_strdup("trials without end")
                  : g_strdup_printf("%" G_GINT64_FORMAT " trial%s", total, total == 1 ? "" : "s");
    guint dims = space_n_dims(spec->space);
    g_autofree char *line =
        g_strdup_printf("%s: ok: %s, %u parameter%s, search %s, scheduler %s", file, trials, dims,
                        dims == 1 ? "" : "s", spec_use_given(spec->search)->plugin->desc->name,
                        spec->scheduler->plugin->desc->name);
    g_autofree char *safe = terminal_safe(line);
    g_print("%s\n", safe);
}

static int
validate(const Options *options, const char *file)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxRegistry) registry = registry_new(&error);
    if (registry == NULL) {
        command_error("%s", error->message);
        return EXIT_USAGE;
    }
    PbxSpecInput input = {
        .file = file,
        .sets = options->sets,
        .name = options->name,
        .results_dir = options->results_dir,
    };
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxSpec) spec = spec_load(&input, registry, problems);
    if (spec != NULL)
        spec_try_plugins(spec, problems);
    if (spec != NULL && !experiment_check_restore(spec, &error))
        problems_add(problems, spec->doc, "/restore", "%s", error->message);
    if (problems_count(problems) > 0)
        g_clear_pointer(&spec, spec_free);
    g_autofree char *text = problems_format(problems);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    const int status = command_problems(problems);
    if (options->json)
        print_json(file, spec, lines);
    else if (spec != NULL)
        print_line(file, spec);
    return status;
}

int
command_validate(int argc, char **argv)
{
    g_auto(Options) options = {NULL};
    const GOptionEntry entries[] = {
        {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.sets,
         "Set a key: search.seed=7 (JSON, else a string)", "KEY=VALUE"},
        {"name", 0, 0, G_OPTION_ARG_STRING, &options.name, "The experiment's name", "NAME"},
        {"results-dir", 0, 0, G_OPTION_ARG_FILENAME, &options.results_dir,
         "Where experiments are kept", "DIR"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print the outcome as JSON", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    int status = EXIT_DONE;
    if (!command_parse(&argc, &argv, entries, "FILE",
                       "Checks an experiment file as `pegbox run` would, and starts nothing.\n"
                       "FILE - reads standard input.",
                       &status))
        return status;
    if (argc != 2) {
        command_error(argc < 2 ? "which file?" : "one file at a time");
        command_hint("`%s --help` shows the usage", argv[0]);
        return EXIT_USAGE;
    }
    return validate(&options, argv[1]);
}
