/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox run: checks an experiment and runs it. */
#include <signal.h>

#include "commands/commands.h"
#include "commands/run-private.h"
#include "plugin/plugin.h"
#include "spec/spec.h"

#define VERBOSE_UNSET G_MININT

typedef struct {
    char **sets, **metrics, **modes;
    char *name, *results_dir, *num_samples;
    char *resume; /* NULL: a new experiment; "": the one that is there */
    int verbose;
    gboolean fail_fast, replace, local, print_spec;
    char **words; /* after "--" */
} PbxRunOptions;

static void
options_clear(PbxRunOptions *options)
{
    g_strfreev(options->sets);
    g_strfreev(options->words);
    g_free(options->name);
    g_free(options->results_dir);
    g_strfreev(options->metrics);
    g_strfreev(options->modes);
    g_free(options->num_samples);
    g_free(options->resume);
}

/* Cuts argv at "--": what follows is the program of the one-line form. */
static void
take_command(int *argc, char **argv, PbxRunOptions *options)
{
    for (int i = 1; i < *argc; i++) {
        if (!g_str_equal(argv[i], "--"))
            continue;
        options->words = g_strdupv(argv + i + 1);
        *argc = i;
        argv[i] = NULL;
        return;
    }
}

/* `--resume FILE`: the option's value is joined to it, as GLib does not see to. */
static void
mark_resume(char **argv)
{
    static char alone[] = "--resume=";
    for (char **word = argv + 1; *word != NULL; word++)
        if (g_str_equal(*word, "--resume"))
            *word = alone;
}

/* `pegbox run python3 train.py --lr 1`: the options are the program's. */
static void
hint_separator(char **argv, const PbxRunOptions *options)
{
    for (char **word = argv + 1; options->words == NULL && *word != NULL; word++) {
        g_autofree char *program = (*word)[0] != '-' ? g_find_program_in_path(*word) : NULL;
        if (program == NULL)
            continue;
        command_hint("a program to tune stands behind --: pegbox run [OPTIONS] -- %s ...", *word);
        return;
    }
}

static gboolean
says_mode(const PbxRunOptions *options)
{
    for (char **set = options->sets; set != NULL && *set != NULL; set++) {
        if (g_str_has_prefix(*set, "mode="))
            return TRUE;
    }
    return options->modes != NULL;
}

static int
print_spec(const PbxSpecInput *input)
{
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc = spec_document(input, problems);
    if (doc == NULL)
        return command_problems(problems);
    g_autofree char *text = spec_print(doc_root(doc));
    command_put(text);
    return EXIT_DONE;
}

static int
run(const PbxSpecInput *input)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxRegistry) registry = registry_new(&error);
    if (registry == NULL) {
        command_error("%s", error->message);
        return EXIT_USAGE;
    }
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxSpec) spec = spec_load(input, registry, problems);
    if (spec == NULL)
        return command_problems(problems);
    PbxExperimentEnd end = EXPERIMENT_DONE;
    GError *broken = NULL;
    const gboolean whole = experiment_run(spec, registry, &end, &broken);
    if (!whole && run_refused(spec, broken, problems)) {
        g_error_free(broken);
        return command_problems(problems);
    }
    return run_ended(whole, end, broken);
}

/* The experiment that is there; with "auto" a new one where there is none. */
static int
run_again(PbxSpecInput *input, const char *how)
{
    int status = EXIT_USAGE;
    const PbxResumeOptions options = {.errored = g_str_equal(how, "errored")};
    g_autofree char *dir = resume_find(input, g_str_equal(how, "auto"), &status);
    if (dir != NULL)
        return resume_in(dir, input, &options);
    return status < 0 ? run(input) : status;
}

static gboolean
check_resume(const PbxRunOptions *options, const char *file)
{
    static const char *const words[] = {"", "auto", "errored", NULL};
    if (options->resume == NULL)
        return TRUE;
    if (!g_strv_contains(words, options->resume))
        command_error("--resume takes auto or errored, got '%s'", options->resume);
    else if (g_strcmp0(file, "-") == 0)
        command_error("--resume needs a file, and not standard input, which is read once");
    else if (options->replace)
        command_error("--resume goes on with what is there, --replace deletes it: which?");
    else
        return TRUE;
    return FALSE;
}

int
command_run(int argc, char **argv)
{
    PbxRunOptions options = {.verbose = VERBOSE_UNSET};
    const GOptionEntry entries[] = {
        {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.sets,
         "Set a key of the file; VALUE is JSON, else a string", "KEY=VALUE"},
        {"name", 0, 0, G_OPTION_ARG_STRING, &options.name, "The experiment's name", "NAME"},
        {"results-dir", 0, 0, G_OPTION_ARG_FILENAME, &options.results_dir,
         "Where experiments are kept", "DIR"},
        {"metric", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.metrics,
         "The metric to optimise; several: once for each", "NAME"},
        {"mode", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.modes, "min or max; once a metric",
         "MODE"},
        {"num-samples", 0, 0, G_OPTION_ARG_STRING, &options.num_samples,
         "How many configurations; -1: without end", "N"},
        {"resume", 0, 0, G_OPTION_ARG_STRING, &options.resume,
         "Go on with the experiment of that name; auto: or begin it; errored: failed trials too",
         "auto|errored"},
        {"replace", 0, 0, G_OPTION_ARG_NONE, &options.replace,
         "Delete the experiment of that name first", NULL},
        {"fail-fast", 0, 0, G_OPTION_ARG_NONE, &options.fail_fast, "End at the first failed trial",
         NULL},
        {"local", 0, 0, G_OPTION_ARG_NONE, &options.local,
         "For debuggers: one trial at a time, at the terminal or inside pegbox", NULL},
        {"verbose", 0, 0, G_OPTION_ARG_INT, &options.verbose,
         "0: only errors, 1: the status, 2: results, plugins' lines, the final table too, 3: all",
         "N"},
        {"print-spec", 0, 0, G_OPTION_ARG_NONE, &options.print_spec,
         "Print the experiment file that means the same, and run nothing", NULL},
        G_OPTION_ENTRY_NULL,
    };
    int status = EXIT_USAGE;
    take_command(&argc, argv, &options);
    mark_resume(argv);
    if (!command_parse(&argc, &argv, entries, "FILE | [OPTIONS] -- PROGRAM ARGS",
                       "Runs the experiment of FILE (-: standard input), or tunes a program whose "
                       "words hold {NAME:OPERATOR(ARGS)}:\n\n"
                       "  pegbox run --metric loss --mode min --num-samples 20 -- \\\n"
                       "      python3 train.py --lr '{lr:loguniform(1e-5,1e-1)}'",
                       &status)) {
        if (status == EXIT_USAGE)
            hint_separator(argv, &options);
        options_clear(&options);
        return status;
    }
    PbxSpecInput input = {
        .file = argc > 1 ? argv[1] : NULL,
        .command = options.words,
        .sets = options.sets,
        .metrics = options.metrics,
        .modes = options.modes,
        .num_samples = options.num_samples,
        .name = options.name,
        .results_dir = options.results_dir,
        .fail_fast = options.fail_fast,
        .local = options.local,
        .replace = options.replace,
        .verbose = options.verbose == VERBOSE_UNSET ? -1 : options.verbose,
    };
    if (options.verbose != VERBOSE_UNSET && (options.verbose < 0 || options.verbose > 3)) {
        command_error("--verbose needs a number from 0 to 3, got %d", options.verbose);
    } else if (argc > 2 || (input.file == NULL) == (input.command == NULL)) {
        command_error("run takes one FILE, or a program after --; `pegbox run --help` tells more");
        hint_separator(argv, &options);
    } else if (input.command != NULL && input.metrics != NULL && !says_mode(&options)) {
        command_error("--metric %s needs --mode min or --mode max", input.metrics[0]);
    } else if (check_resume(&options, input.file)) {
        if (input.local)
            signal(SIGTTOU, SIG_IGN); /* a program has the foreground, and lines are yet written */
        status = options.print_spec       ? print_spec(&input)
                 : options.resume != NULL ? run_again(&input, options.resume)
                                          : run(&input);
    }
    options_clear(&options);
    return status;
}
