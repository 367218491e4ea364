/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox best: the best trial of an experiment, or the best ones, and how to run them again. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "commands/best-private.h"
#include "commands/table-private.h"

#define MAX_TIES_SHOWN 8

typedef struct {
    char *scope, *metric, *mode, *trial;
    gboolean command;
    char *checkpoint;
    PbxTableOptions table;
} Options;

static void
options_clear(Options *options)
{
    g_free(options->scope);
    g_free(options->metric);
    g_free(options->mode);
    g_free(options->trial);
    g_free(options->checkpoint);
    table_options_clear(&options->table);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static gboolean
make_question(PbxQuestion *question, const PbxLook *look, const Options *options)
{
    g_autoptr(GError) error = NULL;
    if (!look_metric(look, options->metric, options->mode, &question->metric, &question->sign))
        return FALSE;
    question->scope = SCOPE_LAST;
    if (options->scope == NULL || scope_parse(options->scope, &question->scope, &error))
        return TRUE;
    command_error("%s", error->message);
    return FALSE;
}

/* ---- For people ---- */

static char *
number_text(double value)
{
    g_autoptr(JsonNode) node = json_node_init_double(json_node_alloc(), value);
    return cell_text(node);
}

static void
put_line(const char *label, const char *text)
{
    g_autofree char *safe = terminal_safe(label);
    printf("  %-10s %s\n", safe, text);
}

/* "config" and its leaves, a line each, by the paths that other commands take. */
static void
put_config(JsonNode *node, const char *path, gboolean *labelled)
{
    if (JSON_NODE_HOLDS_OBJECT(node)) {
        JsonObjectIter iter;
        const char *key;
        JsonNode *value;
        json_object_iter_init_ordered(&iter, json_node_get_object(node));
        while (json_object_iter_next_ordered(&iter, &key, &value)) {
            g_autofree char *inner =
                path[0] != '\0' ? g_strdup_printf("%s.%s", path, key) : g_strdup(key);
            put_config(value, inner, labelled);
        }
        return;
    }
    g_autofree char *text = cell_text(node);
    g_autofree char *safe = terminal_safe(path);
    g_autofree char *line = g_strdup_printf("%s = %s", safe, text);
    put_line(*labelled ? "" : "config", line);
    *labelled = TRUE;
}

static void
put_value(const PbxQuestion *question, const PbxBest *best)
{
    g_autofree char *value = number_text(best->value);
    g_autofree char *line =
        best->iteration >= 0
            ? g_strdup_printf("%s (at iteration %" G_GINT64_FORMAT ")", value, best->iteration)
            : g_strdup(value);
    put_line(question->metric, line);
}

static void
put_ties(const PbxBest *best)
{
    if (best->ties->len == 0)
        return;
    g_autoptr(GString) line = g_string_new(best->ties->len == 1 ? "trial " : "trials ");
    for (guint i = 0; i < MIN(best->ties->len, MAX_TIES_SHOWN); i++)
        g_string_append_printf(line, "%s%" G_GUINT64_FORMAT, i > 0 ? ", " : "",
                               g_array_index(best->ties, guint64, i));
    if (best->ties->len > MAX_TIES_SHOWN)
        g_string_append_printf(line, " and %u more", best->ties->len - MAX_TIES_SHOWN);
    put_line("tied with", line->str);
}

static void
put_infeasible(const PbxBest *best)
{
    if (best->n_infeasible == 0)
        return;
    g_autofree char *line = g_strdup_printf("%" G_GUINT64_FORMAT " trial%s that broke a constraint",
                                            best->n_infeasible, best->n_infeasible == 1 ? "" : "s");
    put_line("left out", line);
}

/* The last value decides, but a better one that was left behind should be known. */
static void
put_ever(const PbxQuestion *question, const PbxBest *best, const PbxBest *ever)
{
    if (question->scope != SCOPE_LAST || ever->value == best->value)
        return;
    g_autofree char *value = number_text(ever->value);
    g_autofree char *line = g_strdup_printf("%s in trial %" G_GUINT64_FORMAT
                                            " at iteration %" G_GINT64_FORMAT " (--scope all)",
                                            value, ever->trial, ever->iteration);
    put_line("ever best", line);
}

/* A word for a shell, harmless at a terminal; quoted where it must be. (transfer full) */
static char *
shell_word(const char *word)
{
    g_autofree char *quoted = g_shell_quote(word);
    const gboolean plain = strpbrk(word, " \t\n'\"\\$`*?[]{}()<>&|;!#~") == NULL;
    return terminal_safe(plain ? word : quoted);
}

/* Where to look further. What ran elsewhere has no command, and printed nothing here. */
static void
put_ways(PbxLook *look, const PbxQuestion *question, guint64 trial)
{
    g_autofree char *exp = question->exp != NULL ? shell_word(question->exp) : g_strdup("");
    g_autofree char *metric = shell_word(question->metric);
    const char *gap = question->exp == NULL ? "" : " ";
    const gboolean ran_here = look->spec == NULL || json_lookup(look->spec, "trainable") != NULL;
    const gboolean several = look->metrics != NULL;
    const char *flag = several ? " --metric " : "", *value = several ? metric : "";
    if (ran_here)
        printf("\npegbox best%s%s%s%s --command", gap, exp, flag, value);
    if (best_has_checkpoint(look, trial))
        printf("\npegbox best%s%s%s%s --checkpoint DIR", gap, exp, flag, value);
    printf("\npegbox results%s%s %" G_GUINT64_FORMAT "\n", gap, exp, trial);
    if (ran_here)
        printf("pegbox logs%s%s %" G_GUINT64_FORMAT "\n", gap, exp, trial);
}

static gboolean
print_text(PbxLook *look, const PbxQuestion *question, const PbxBest *best, const PbxBest *ever,
           const PbxTrialRow *trial, GError **error)
{
    g_autofree char *name = terminal_safe(look->name);
    g_autofree char *metric = terminal_safe(question->metric);
    g_autofree char *dir = g_build_filename(look->dir, trial->dir, NULL);
    g_autofree char *safe_dir = terminal_safe(dir);
    g_autofree char *id = terminal_safe(trial->id);
    const gboolean failed = trial->state == PBX_STATE_ERROR;
    g_autofree char *number = g_strdup_printf("%" G_GUINT64_FORMAT " (%s)%s", trial->number, id,
                                              failed ? " (failed)" : "");
    const char *end = store_end_name(trial->end);
    g_autofree char *state = g_strdup_printf("%s%s%s", store_state_name(look_state(look, trial)),
                                             end != NULL ? ", " : "", end != NULL ? end : "");
    g_autoptr(JsonNode) config =
        json_read(trial->config, strlen(trial->config), DOC_MAX_NESTING, error);
    if (config == NULL)
        return FALSE;
    printf("Best of %s by %s (%s, scope %s):\n\n", name, metric, question->sign > 0 ? "min" : "max",
           scope_names[question->scope]);
    put_line("trial", number);
    put_value(question, best);
    put_ties(best);
    put_infeasible(best);
    put_ever(question, best, ever);
    put_line("state", state);
    gboolean labelled = FALSE;
    put_config(config, "", &labelled);
    put_line("directory", safe_dir);
    put_ways(look, question, trial->number);
    return TRUE;
}

/* ---- For programs ---- */

static gboolean
print_json(PbxLook *look, const PbxQuestion *question, const PbxBest *best, const PbxBest *ever,
           const PbxTrialRow *trial, GError **error)
{
    g_autoptr(JsonNode) row = look_trial_row(look, trial, LOOK_LAST_RESULT, error);
    if (row == NULL)
        return FALSE;
    JsonObject *from = json_node_get_object(row);
    g_autoptr(JsonObject) object = json_object_new();
    static const char *const members[] = {"trial",   "id",     "name", "state",
                                          "outcome", "config", "dir",  "last_result"};
    for (gsize i = 0; i < G_N_ELEMENTS(members); i++)
        json_object_set_member(object, members[i], json_object_dup_member(from, members[i]));
    look_set_text(object, "experiment", look->name);
    look_set_text(object, "metric", question->metric);
    look_set_text(object, "mode", question->sign > 0 ? "min" : "max");
    look_set_text(object, "scope", scope_names[question->scope]);
    look_set_double(object, "value", best->value);
    look_set_int(object, "iteration", best->iteration);
    look_set_int(object, "infeasible", (gint64)best->n_infeasible);
    JsonArray *ties = json_array_new();
    for (guint i = 0; i < best->ties->len; i++)
        json_array_add_int_element(ties, (gint64)g_array_index(best->ties, guint64, i));
    json_object_set_array_member(object, "ties", ties);
    JsonObject *ever_best = json_object_new();
    look_set_int(ever_best, "trial", (gint64)ever->trial);
    look_set_double(ever_best, "value", ever->value);
    look_set_int(ever_best, "iteration", ever->iteration);
    json_object_set_object_member(object, "ever_best", ever_best);
    look_set_metric(object, question->metric, best->value);
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
    g_autofree char *text = json_to_text(node);
    printf("%s\n", text);
    return TRUE;
}

static gboolean
print_command(PbxLook *look, const PbxTrialRow *trial, int *status, GError **error)
{
    g_autofree char *line = look_command_line(look, trial, error);
    if (line == NULL) {
        *status = EXIT_USAGE;
        return FALSE;
    }
    printf("%s\n", line);
    return TRUE;
}

/* ---- A metric that is nowhere ---- */

typedef struct {
    PbxStore *store;
    PbxLeaves *fields;
    GError *error;
} FieldReader;

static gboolean
add_last_fields(const PbxTrialRow *row, gpointer user)
{
    FieldReader *reader = user;
    if (row->last_seq == 0)
        return TRUE;
    g_autoptr(PbxResultRow) result = store_result(reader->store, row->last_seq, &reader->error);
    if (result == NULL)
        return FALSE;
    g_autoptr(JsonNode) node =
        json_read(result->fields, strlen(result->fields), DOC_MAX_NESTING, NULL);
    if (node != NULL && JSON_NODE_HOLDS_OBJECT(node))
        leaves_add(reader->fields, node, "", "/");
    return TRUE;
}

/* Fields of results, which it may have been meant to be. */
static gboolean
read_fields(PbxLook *look, PbxLeaves *fields, GError **error)
{
    FieldReader reader = {.store = look->store, .fields = fields};
    const gboolean read = store_each_trial(look->store, add_last_fields, &reader, error);
    if (read && reader.error == NULL)
        return TRUE;
    if (read)
        g_propagate_error(error, reader.error);
    else
        g_clear_error(&reader.error);
    return FALSE;
}

int
best_tell_none(PbxLook *look, const char *metric, guint64 n_infeasible)
{
    if (n_infeasible > 0) {
        command_error("%s has no best trial: none that has a value of '%s' keeps the constraints",
                      look->name, metric);
        return EXIT_TRIAL_FAILED;
    }
    g_auto(PbxLeaves) fields = {0};
    g_autoptr(GError) error = NULL;
    leaves_init(&fields);
    if (!read_fields(look, &fields, &error))
        return look_failed(error);
    command_error("%s has no best trial: none has a finite value of '%s'", look->name, metric);
    /* One that is there, but never finite, is no misspelling. */
    const gboolean known = g_hash_table_contains(fields.known, metric);
    g_ptr_array_add(fields.paths, NULL);
    const char *meant =
        known ? NULL : json_did_you_mean(metric, (const char *const *)fields.paths->pdata);
    if (meant != NULL)
        command_hint("did you mean --metric %s?", meant);
    return EXIT_TRIAL_FAILED;
}

/* Of several metrics: the front, or one trial of it, by its last result. */
static int
answer_several(PbxLook *look, const char *exp, const Options *options)
{
    int status = EXIT_USAGE;
    g_autoptr(GError) error = NULL;
    if (options->mode != NULL || options->scope != NULL) {
        command_error("%s has several metrics, and the Pareto front is that of the last results: "
                      "%s needs --metric NAME",
                      look->name, options->mode != NULL ? "--mode" : "--scope");
        return EXIT_USAGE;
    }
    if (!options->command && options->checkpoint == NULL) {
        if (options->trial == NULL)
            return best_front(look, &options->table);
        command_error("--trial goes with --command or --checkpoint");
        return EXIT_USAGE;
    }
    g_autoptr(PbxTrialRow) trial = best_front_trial(look, options->trial, &status);
    if (trial == NULL)
        return status;
    const PbxQuestion question = {.exp = exp};
    if (options->checkpoint != NULL)
        return best_checkpoint(look, &question, trial, options->checkpoint, options->table.json);
    if (print_command(look, trial, &status, &error))
        return EXIT_DONE;
    command_error("%s", error->message);
    return status;
}

static int
answer(PbxLook *look, const PbxQuestion *question, const Options *options)
{
    g_auto(PbxBest) best = {0}, ever = {0};
    g_autoptr(GError) error = NULL;
    if (!analysis_best(look->store, question->metric, question->sign, question->scope, &best, &ever,
                       &error))
        return look_failed(error);
    if (!best.found)
        return best_tell_none(look, question->metric, best.n_infeasible);
    g_autoptr(PbxTrialRow) trial = store_trial(look->store, best.trial, &error);
    int status = EXIT_BROKEN;
    if (trial != NULL && options->checkpoint != NULL)
        return best_checkpoint(look, question, trial, options->checkpoint, options->table.json);
    if (trial != NULL &&
        (options->command      ? print_command(look, trial, &status, &error)
         : options->table.json ? print_json(look, question, &best, &ever, trial, &error)
                               : print_text(look, question, &best, &ever, trial, &error)))
        return EXIT_DONE;
    command_error("%s", error->message);
    return status;
}

int
command_best(int argc, char **argv)
{
    g_auto(Options) options = {0};
    const GOptionEntry entries[] = {
        {"scope", 0, 0, G_OPTION_ARG_STRING, &options.scope,
         "Which value of a trial counts: last (default), all, avg, last-5-avg, last-10-avg",
         "SCOPE"},
        {"metric", 0, 0, G_OPTION_ARG_STRING, &options.metric, "Another metric, or one of several",
         "NAME"},
        {"mode", 0, 0, G_OPTION_ARG_STRING, &options.mode, "min or max", "MODE"},
        {"trial", 0, 0, G_OPTION_ARG_STRING, &options.trial,
         "With --command or --checkpoint: which trial of a Pareto front", "TRIAL"},
        {"command", 0, 0, G_OPTION_ARG_NONE, &options.command,
         "Print its command line, for a POSIX shell", NULL},
        {"checkpoint", 0, 0, G_OPTION_ARG_FILENAME, &options.checkpoint,
         "Unpack its best checkpoint into DIR, which is made", "DIR"},
        TABLE_ENTRIES(options.table),
        {NULL},
    };
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "[EXP]",
                       "Shows the best trial of an experiment; as a listing, the best ones. Of "
                       "several metrics: the Pareto\nfront.",
                       &status))
        return status;
    g_auto(PbxLook) look = {0};
    PbxQuestion question = {.exp = argc > 1 ? argv[1] : NULL};
    if (!command_at_most(argc, argv, 1) || !look_open(&look, question.exp, &status))
        return status;
    const gboolean several = look.metrics != NULL && options.metric == NULL;
    if (!several && options.trial != NULL) {
        command_error("--trial picks one of a Pareto front, which several metrics have");
        return EXIT_USAGE;
    }
    if (!several && !make_question(&question, &look, &options))
        return EXIT_USAGE;
    const PbxTableOptions *table = &options.table;
    const gboolean listing = table->sort != NULL || table->filter != NULL ||
                             table->columns != NULL || table->format != NULL || table->limit != 0;
    if (options.command && (listing || table->json)) {
        command_error("--command prints one command line: no option of a listing goes with it");
        return EXIT_USAGE;
    }
    if (options.checkpoint != NULL && (listing || options.command)) {
        command_error("--checkpoint unpacks one checkpoint: no other option but --json goes with "
                      "it");
        return EXIT_USAGE;
    }
    if (several)
        return answer_several(&look, question.exp, &options);
    if (listing)
        return best_table(&look, &question, table);
    return answer(&look, &question, &options);
}
