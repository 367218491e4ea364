/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all commands share: errors, options, and finding the experiment that is meant. */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#include "commands/commands.h"
#include "spec/spec.h"
#include "json/json.h"

static void G_GNUC_PRINTF(2, 0) print_line(const char *prefix, const char *format, va_list args)
{
    g_autofree char *message = g_strdup_vprintf(format, args);
    g_autofree char *safe = terminal_safe(message);
    fflush(stdout);
    g_printerr("%s%s\n", prefix, safe);
}

void
command_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line("pegbox: error: ", format, args);
    va_end(args);
}

void
command_warning(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line("pegbox: warning: ", format, args);
    va_end(args);
}

void
command_hint(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line("hint: ", format, args);
    va_end(args);
}

void
command_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *safe = terminal_safe(message);
    g_print("%s\n", safe);
}

void
command_say_json(JsonNode *node)
{
    g_autofree char *text = json_to_text(node);
    command_put(text);
    command_put("\n");
}

/* g_print would put question marks in place of what the locale's charset has not. */
void
command_put(const char *text)
{
    fputs(text, stdout);
}

int
command_problems(const PbxProblems *problems)
{
    g_autofree char *text = problems_format(problems);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    fflush(stdout);
    for (char **line = lines; *line != NULL; line++) {
        if (**line == '\0')
            continue;
        const gboolean placed = g_str_has_prefix(*line, "hint: ") ||
                                g_regex_match_simple("^.*?:[0-9]+:[0-9]+: ", *line, 0, 0);
        g_autofree char *safe = terminal_safe(*line);
        g_printerr("%s%s\n", placed ? "" : "pegbox: error: ", safe);
    }
    return problems_status(problems);
}

/* GOption's own --help would end the process, and its usage is not for every locale. */
static void
print_help(GOptionContext *context, const char *program)
{
    g_set_prgname(program);
    g_autofree char *help = g_option_context_get_help(context, TRUE, NULL);
    g_autoptr(GString) text = g_string_new(help);
    g_string_replace(text, "[OPTION\u2026]", "[OPTIONS]", 1);
    g_print("%s", text->str);
}

/* GOption's message, spelt as ours are. (transfer full) */
static char *
option_error(const char *message)
{
    g_autoptr(GString) text = g_string_new(message);
    g_string_replace(text, "\u201c", "'", 0);
    g_string_replace(text, "\u201d", "'", 0);
    if (text->len > 0)
        text->str[0] = g_ascii_tolower(text->str[0]);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* What begins with "--" and is none of the entries; NULL: all are known. */
static const char *
unknown_option(char **argv, const char *const *names)
{
    for (char **word = argv + 1; *word != NULL && !g_str_equal(*word, "--"); word++) {
        g_auto(GStrv) parts = g_strsplit(*word, "=", 2);
        if (g_str_has_prefix(*word, "--") && !g_strv_contains(names, parts[0] + 2))
            return *word + 2;
    }
    return NULL;
}

/* The option that was meant, or where to read on. */
static void
hint_option(char **argv, const GOptionEntry *entries, const char *program)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const GOptionEntry *entry = entries; entry != NULL && entry->long_name != NULL; entry++)
        g_ptr_array_add(names, (gpointer)entry->long_name);
    g_ptr_array_add(names, (gpointer) "help");
    g_ptr_array_add(names, NULL);
    const char *unknown = unknown_option(argv, (const char *const *)names->pdata);
    g_autofree char *name = unknown != NULL ? g_strndup(unknown, strcspn(unknown, "=")) : NULL;
    const char *meant =
        name != NULL ? json_did_you_mean(name, (const char *const *)names->pdata) : NULL;
    if (meant != NULL)
        command_hint("did you mean --%s?", meant);
    else
        command_hint("`%s --help` lists the options", program);
}

/* GOption leaves the "--" where an option-like word follows it. */
static void
drop_separator(int *argc, char **argv)
{
    int i = 1;
    while (i < *argc && !g_str_equal(argv[i], "--"))
        i++;
    if (i == *argc)
        return;
    for (; i + 1 < *argc; i++)
        argv[i] = argv[i + 1];
    argv[--*argc] = NULL;
}

/* What the words of a usage are, for the end of its help. (transfer full) */
static char *
explain_words(const char *usage)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (strstr(usage, "EXP") != NULL)
        g_string_append_printf(text, "EXP is an experiment's name or directory%s.\n",
                               strstr(usage, "[EXP") != NULL ? "; without it, the newest one" : "");
    if (strstr(usage, "TRIAL") != NULL)
        g_string_append(text, "TRIAL is a trial's number, its id or its name.\n");
    return g_string_free(g_steal_pointer(&text), FALSE);
}

gboolean
command_parse(int *argc, char ***argv, const GOptionEntry *entries, const char *usage,
              const char *summary, int *status)
{
    gboolean help = FALSE;
    const GOptionEntry own[] = {
        {"help", 'h', 0, G_OPTION_ARG_NONE, &help, "Show this help", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    g_autofree char *program = g_strdup((*argv)[0]);
    g_autoptr(GOptionContext) context = g_option_context_new(usage);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_set_summary(context, summary);
    g_autofree char *words = explain_words(usage);
    if (words[0] != '\0')
        g_option_context_set_description(context, words);
    if (entries != NULL)
        g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_add_main_entries(context, own, NULL);
    g_autoptr(GError) error = NULL;
    if (!g_option_context_parse(context, argc, argv, &error)) {
        g_autofree char *message = option_error(error->message);
        command_error("%s", message);
        if (g_error_matches(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION))
            hint_option(*argv, entries, program);
        else
            command_hint("`%s --help` lists the options", program);
        *status = EXIT_USAGE;
        return FALSE;
    }
    drop_separator(argc, *argv);
    if (help) {
        print_help(context, program);
        *status = EXIT_DONE;
        return FALSE;
    }
    return TRUE;
}

gboolean
command_at_most(int argc, char **argv, int words)
{
    if (argc - 1 <= words)
        return TRUE;
    command_error("unexpected word '%s'", argv[words + 1]);
    command_hint("`%s --help` shows the usage", argv[0]);
    return FALSE;
}

gboolean
command_exp_and_trial(int argc, char **argv, const char **exp, const char **trial)
{
    if (argc < 2) {
        command_error("which trial? Give its number, id or name");
        command_hint("`%s --help` shows the usage", argv[0]);
        return FALSE;
    }
    if (!command_at_most(argc, argv, 2))
        return FALSE;
    *exp = argc == 3 ? argv[1] : NULL;
    *trial = argv[argc - 1];
    return TRUE;
}

/* One whose store is gone is one too, which cannot be read. */
static gboolean
is_experiment(const char *dir)
{
    g_autofree char *db = g_build_filename(dir, "experiment.db", NULL);
    return g_file_test(db, G_FILE_TEST_EXISTS) ? g_file_test(db, G_FILE_TEST_IS_REGULAR)
                                               : store_has_begun(dir);
}

/* When it was started, as its store says; else when its store was last written. */
static gint64
experiment_time(const char *dir)
{
    g_autoptr(PbxStore) store = store_open(dir, FALSE, NULL);
    g_autofree char *started = store != NULL ? store_fact(store, "started_ns") : NULL;
    gint64 ns = 0;
    if (started != NULL && g_ascii_string_to_signed(started, 10, 0, G_MAXINT64, &ns, NULL))
        return ns;
    g_autofree char *db = g_build_filename(dir, "experiment.db", NULL);
    GStatBuf info;
    return g_stat(db, &info) == 0 ? (gint64)info.st_mtime * G_GINT64_CONSTANT(1000000000) : 0;
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *
command_experiments(const char *results_dir)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(results_dir, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(results_dir, name, NULL);
        if (is_experiment(path))
            g_ptr_array_add(names, g_strdup(name));
    }
    g_ptr_array_sort(names, compare_names);
    return names;
}

static char *
newest_experiment(const char *results_dir, GError **error)
{
    g_autoptr(GPtrArray) names = command_experiments(results_dir);
    g_autofree char *newest = NULL;
    gint64 newest_time = G_MININT64;
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *dir = g_build_filename(results_dir, names->pdata[i], NULL);
        const gint64 time = experiment_time(dir);
        if (time >= newest_time) {
            newest_time = time;
            g_free(newest);
            newest = g_steal_pointer(&dir);
        }
    }
    if (newest == NULL)
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_NONE, "no experiments in %s yet",
                    results_dir);
    return g_steal_pointer(&newest);
}

static void
set_no_such_experiment(GError **error, const char *results_dir, const char *exp)
{
    if (strchr(exp, '/') != NULL) {
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_NONE,
                    "no experiment in %s: it has no experiment.db", exp);
        return;
    }
    g_autoptr(GPtrArray) names = command_experiments(results_dir);
    g_ptr_array_add(names, NULL);
    const char *meant = json_did_you_mean(exp, (const char *const *)names->pdata);
    if (names->len == 1)
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_NONE,
                    "no experiment '%s': no experiments in %s yet", exp, results_dir);
    else if (meant != NULL)
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_NONE,
                    "no experiment '%s' in %s; did you mean '%s'?", exp, results_dir, meant);
    else
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_NONE,
                    "no experiment '%s' in %s; `pegbox ls` lists them", exp, results_dir);
}

char *
command_find_experiment(const char *exp, GError **error)
{
    g_autofree char *results_dir = spec_default_results_dir();
    if (exp == NULL)
        return newest_experiment(results_dir, error);
    if (strchr(exp, '/') == NULL && exp[0] != '\0' && exp[0] != '.') {
        g_autofree char *named = g_build_filename(results_dir, exp, NULL);
        if (is_experiment(named))
            return g_steal_pointer(&named);
    }
    if (exp[0] != '\0' && is_experiment(exp))
        return g_canonicalize_filename(exp, NULL);
    set_no_such_experiment(error, results_dir, exp);
    return NULL;
}
