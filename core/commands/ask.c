/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox ask: the next configuration of an experiment, for whoever evaluates it. */
#include "commands/ask-private.h"
#include "commands/run-private.h"

/* Between two looks, where the search says "not now". */
#define LOOK_US     (20 * 1000)
#define LOOK_MAX_US (500 * 1000)

/* For a driver that is busy. */
#define PATIENCE_MIN_S 5
#define PATIENCE_MAX_S 60

#define NO_TIMEOUT G_MAXDOUBLE

typedef struct {
    char **sets;
    char *create, *name, *results_dir;
    double timeout;
} Options;

static void
options_clear(Options *options)
{
    g_strfreev(options->sets);
    g_free(options->create);
    g_free(options->name);
    g_free(options->results_dir);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

int
ask_failed(const GError *error)
{
    command_error("%s", error->message);
    return experiment_error_status(error);
}

void
ask_print(JsonObject *object)
{
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
    command_say_json(node);
}

static int
print_done(void)
{
    g_autoptr(JsonObject) done = json_object_new();
    json_object_set_boolean_member(done, "done", TRUE);
    ask_print(done);
    return EXIT_DONE;
}

static int
too_late(double timeout)
{
    command_error("no configuration within %g s: the search waits for results of trials that were "
                  "asked for",
                  timeout);
    return EXIT_TRIAL_FAILED;
}

/* Asks until there is an answer, or no time is left. */
static int
ask(PbxExperiment *experiment, double timeout)
{
    const gint64 began = g_get_monotonic_time();
    for (gulong pause = LOOK_US;; pause = MIN(2 * pause, LOOK_MAX_US)) {
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonObject) answer = NULL;
        double left = timeout * 1e6 - (double)(g_get_monotonic_time() - began);
        experiment_set_patience(experiment, CLAMP(left / 1e6, PATIENCE_MIN_S, PATIENCE_MAX_S));
        PbxAskOutcome outcome = experiment_ask(experiment, &answer, &error);
        if (outcome == ASK_FAILED)
            return ask_failed(error);
        if (outcome == ASK_DONE)
            return print_done();
        if (outcome == ASK_TRIAL) {
            ask_print(answer);
            return EXIT_DONE;
        }
        left = timeout * 1e6 - (double)(g_get_monotonic_time() - began);
        if (left <= 0)
            return too_late(timeout);
        g_usleep(left < (double)pause ? (gulong)left : pause);
    }
}

static int
create(const Options *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxRegistry) registry = registry_new(&error);
    if (registry == NULL)
        return ask_failed(error);
    const PbxSpecInput input = {
        .file = options->create,
        .sets = options->sets,
        .name = options->name,
        .results_dir = options->results_dir,
        .ask = TRUE,
    };
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxSpec) spec = spec_load(&input, registry, problems);
    if (spec == NULL)
        return command_problems(problems);
    g_autoptr(PbxExperiment) experiment = experiment_create(spec, &error);
    if (experiment == NULL)
        return run_refused(spec, error, problems) ? command_problems(problems) : ask_failed(error);
    (void)g_steal_pointer(&spec);
    return ask(experiment, options->timeout);
}

static int
open_and_ask(const char *exp, double timeout)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = command_find_experiment(exp, &error);
    g_autoptr(PbxExperiment) experiment = dir != NULL ? experiment_open(dir, &error) : NULL;
    return experiment != NULL ? ask(experiment, timeout) : ask_failed(error);
}

int
command_ask(int argc, char **argv)
{
    g_auto(Options) options = {.timeout = NO_TIMEOUT};
    const GOptionEntry entries[] = {
        {"create", 0, 0, G_OPTION_ARG_FILENAME, &options.create,
         "Begin the experiment of FILE (-: standard input)", "FILE"},
        {"timeout", 0, 0, G_OPTION_ARG_DOUBLE, &options.timeout,
         "Wait at most so long for a configuration", "SECONDS"},
        {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.sets,
         "With --create: set a key of the file; VALUE is JSON, else a string", "KEY=VALUE"},
        {"name", 0, 0, G_OPTION_ARG_STRING, &options.name, "With --create: the experiment's name",
         "NAME"},
        {"results-dir", 0, 0, G_OPTION_ARG_FILENAME, &options.results_dir,
         "With --create: where experiments are kept", "DIR"},
        G_OPTION_ENTRY_NULL,
    };
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "[EXP]",
                       "Gives out the next configuration of an experiment, as JSON, for another "
                       "program to evaluate;\n`pegbox tell` takes the result.",
                       &status))
        return status;
    if (!command_at_most(argc, argv, options.create != NULL ? 0 : 1))
        return EXIT_USAGE;
    if (options.create == NULL &&
        (options.sets != NULL || options.name != NULL || options.results_dir != NULL)) {
        command_error("--set, --name and --results-dir go with --create FILE");
        return EXIT_USAGE;
    }
    if (options.timeout != NO_TIMEOUT && !(options.timeout >= 0)) {
        command_error("--timeout needs seconds, 0 or more");
        return EXIT_USAGE;
    }
    return options.create != NULL ? create(&options)
                                  : open_and_ask(argc > 1 ? argv[1] : NULL, options.timeout);
}
