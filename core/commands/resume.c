/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox resume: goes on with an experiment that was interrupted, or extends a finished one. */
#include <string.h>
#include <unistd.h>

#include "commands/commands.h"
#include "commands/run-private.h"
#include "plugin/plugin.h"
#include "request/request.h"

#define MAX_CANDIDATES 10

/* ---- Which one ---- */

static const char *
text_member(PbxDoc *doc, const char *key)
{
    JsonNode *node = json_object_get_member(json_node_get_object(doc_root(doc)), key);
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
                   json_node_get_value_type(node) == G_TYPE_STRING
               ? json_node_get_string(node)
               : NULL;
}

/* "a, b, c": the newest first, of those that the file may mean: what it tunes is the same. */
static char *
candidates(const char *results_dir, PbxDoc *doc)
{
    g_autoptr(GPtrArray) names = command_experiments(results_dir);
    g_autoptr(GString) list = g_string_new(NULL);
    JsonNode *config = json_object_get_member(json_node_get_object(doc_root(doc)), "config");
    guint n = 0;
    for (guint i = names->len; i-- > 0 && n < MAX_CANDIDATES;) {
        g_autofree char *dir = g_build_filename(results_dir, names->pdata[i], NULL);
        g_autoptr(PbxStore) store = store_open(dir, FALSE, NULL);
        g_autofree char *text = store != NULL ? store_fact(store, "spec") : NULL;
        g_autoptr(JsonNode) spec =
            text != NULL ? json_read(text, strlen(text), DOC_MAX_NESTING, NULL) : NULL;
        JsonNode *other = spec != NULL && JSON_NODE_HOLDS_OBJECT(spec)
                              ? json_object_get_member(json_node_get_object(spec), "config")
                              : NULL;
        if (other == NULL || (config != NULL && !json_equal(config, other)))
            continue;
        g_string_append_printf(list, "%s%s", n++ > 0 ? ", " : "", (char *)names->pdata[i]);
    }
    return n > 0 ? g_string_free(g_steal_pointer(&list), FALSE) : NULL;
}

static char *
results_dir_of(const PbxSpecInput *input, PbxDoc *doc)
{
    const char *text = text_member(doc, "results_dir");
    g_autofree char *base = spec_base_dir(input);
    return text != NULL ? places_expand(text, base) : spec_default_results_dir();
}

/* Without a name it may be any. */
static char *
without_name(const char *results_dir, PbxDoc *doc, gboolean may_begin, int *status)
{
    g_autofree char *list = candidates(results_dir, doc);
    *status = list == NULL && may_begin ? -1 : EXIT_USAGE;
    if (list != NULL) {
        command_error("--resume needs the name of the experiment: 'name' in the file, or --name");
        command_hint("with this config there are in %s: %s", results_dir, list);
    } else if (!may_begin) {
        command_error("--resume needs the name of the experiment: 'name' in the file, or --name; "
                      "there is none with this config in %s",
                      results_dir);
    }
    return NULL;
}

char *
resume_find(const PbxSpecInput *input, gboolean may_begin, int *status)
{
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(PbxDoc) doc = spec_document(input, problems);
    if (doc == NULL) {
        *status = command_problems(problems);
        return NULL;
    }
    const char *name = text_member(doc, "name");
    g_autofree char *results_dir = results_dir_of(input, doc);
    if (name == NULL)
        return without_name(results_dir, doc, may_begin, status);
    g_autofree char *dir = g_build_filename(results_dir, name, NULL);
    g_autofree char *driver = lock_driver(dir);
    /* One that a driver is about to begin is one. */
    if (driver != NULL || store_has_begun(dir))
        return g_steal_pointer(&dir);
    *status = may_begin ? -1 : EXIT_USAGE;
    if (!may_begin)
        command_error("there is no experiment '%s' in %s to go on with; --resume=auto begins it",
                      name, results_dir);
    return NULL;
}

/* ---- Going on ---- */

gboolean
run_refused(const PbxSpec *spec, const GError *error, PbxProblems *problems)
{
    if (!g_error_matches(error, PBX_PLUGIN_ERROR, PLUGIN_ERROR_OPTIONS))
        return FALSE;
    spec_try_plugins(spec, problems);
    return problems_count(problems) > 0;
}

int
run_ended(gboolean whole, PbxExperimentEnd end, GError *error)
{
    int status = EXIT_DONE;
    if (!whole) {
        command_error("%s", error->message);
        status = experiment_error_status(error);
        g_error_free(error);
    } else if (end != EXPERIMENT_DONE) {
        status = end == EXPERIMENT_INTERRUPTED ? EXIT_INTERRUPTED : EXIT_TRIAL_FAILED;
    }
    if (experiment_left_threads())
        _exit(status);
    return status;
}

static int
failed(const GError *error)
{
    command_error("%s", error->message);
    return experiment_error_status(error);
}

int
resume_in(const char *dir, PbxSpecInput *input, const PbxResumeOptions *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxRegistry) registry = registry_new(&error);
    if (registry == NULL) {
        command_error("%s", error->message);
        return EXIT_USAGE;
    }
    g_autoptr(PbxResume) resume = resume_open(dir, &error);
    if (resume == NULL)
        return failed(error);
    g_autoptr(PbxProblems) problems = problems_new();
    input->stored = resume_spec(resume);
    g_autoptr(PbxSpec) spec = spec_load(input, registry, problems);
    if (spec == NULL || !resume_check(resume, spec, problems))
        return command_problems(problems);
    PbxExperimentEnd end = EXPERIMENT_DONE;
    GError *broken = NULL;
    const gboolean whole =
        experiment_resume(spec, registry, g_steal_pointer(&resume), options, &end, &broken);
    return run_ended(whole, end, broken);
}

/* ---- The command ---- */

/* "scheduler" or "stoppers", once or twice. */
static gboolean
take_resets(char **resets, PbxResumeOptions *options)
{
    for (; resets != NULL && *resets != NULL; resets++) {
        if (g_str_equal(*resets, "scheduler")) {
            options->reset_scheduler = TRUE;
        } else if (g_str_equal(*resets, "stoppers")) {
            options->reset_stoppers = TRUE;
        } else {
            command_error("--reset takes scheduler or stoppers, got '%s'", *resets);
            return FALSE;
        }
    }
    return TRUE;
}

static int
resume(const char *exp, PbxSpecInput *input, const PbxResumeOptions *options)
{
    g_autoptr(GError) error = NULL;
    if (exp != NULL && strstr(exp, "://") != NULL) {
        command_error("%s: an experiment that was synced elsewhere cannot be fetched: this version "
                      "has no syncers",
                      exp);
        return EXIT_USAGE;
    }
    g_autofree char *dir = command_find_experiment(exp, &error);
    return dir != NULL ? resume_in(dir, input, options) : failed(error);
}

int
command_resume(int argc, char **argv)
{
    g_auto(GStrv) sets = NULL;
    g_auto(GStrv) resets = NULL;
    int verbose = -1;
    gboolean errored = FALSE;
    const GOptionEntry entries[] = {
        {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &sets,
         "Change a key of the experiment; VALUE is JSON, else a string", "KEY=VALUE"},
        {"errored", 0, 0, G_OPTION_ARG_NONE, &errored,
         "Run each trial that failed again, as a new one", NULL},
        {"reset", 0, 0, G_OPTION_ARG_STRING_ARRAY, &resets,
         "Let the scheduler, or the stoppers, begin anew", "scheduler|stoppers"},
        {"verbose", 0, 0, G_OPTION_ARG_INT, &verbose,
         "0: only errors, 1: the status, 2: results, plugins' lines, the final table too, 3: all",
         "N"},
        G_OPTION_ENTRY_NULL,
    };
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "[EXP]",
                       "Goes on with an experiment that was interrupted, or extends one that is "
                       "done:\n\n  pegbox resume EXP --set num_samples=200\n\n"
                       "What cannot change: config, metric, mode, constraints, trainable, seed.",
                       &status))
        return status;
    PbxResumeOptions options = {.errored = errored};
    if (!command_at_most(argc, argv, 1) || !take_resets(resets, &options))
        return EXIT_USAGE;
    if (verbose < -1 || verbose > 3) {
        command_error("--verbose needs a number from 0 to 3, got %d", verbose);
        return EXIT_USAGE;
    }
    PbxSpecInput input = {.sets = sets, .verbose = verbose};
    return resume(argc > 1 ? argv[1] : NULL, &input, &options);
}
