/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox tell: the result of a trial that was asked for. */
#include <errno.h>
#include <unistd.h>

#include "commands/ask-private.h"

#define STDIN_MAX (16 * 1024 * 1024)

typedef struct {
    gboolean failed, intermediate, json;
    char *reason;
    char *number; /* a RESULT that looks like an option: -0.5 */
} Options;

static void
options_clear(Options *options)
{
    g_free(options->reason);
    g_free(options->number);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* Takes a negative number out of argv, which would be taken for an option. */
static void
take_number(int *argc, char **argv, Options *options)
{
    for (int i = 1; i < *argc && !g_str_equal(argv[i], "--"); i++) {
        const char *word = argv[i];
        if (word[0] != '-' || !(g_ascii_isdigit(word[1]) || word[1] == '.' || word[1] == 'I'))
            continue;
        options->number = g_strdup(word);
        for (; i + 1 < *argc; i++)
            argv[i] = argv[i + 1];
        argv[--*argc] = NULL;
        return;
    }
}

/* All of standard input. NULL: told. (transfer full) */
static GString *
read_input(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[65536];
    for (;;) {
        ssize_t n = read(STDIN_FILENO, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            command_error("standard input: %s", g_strerror(errno));
            return NULL;
        }
        if (n == 0)
            return g_steal_pointer(&text);
        if (text->len + (gsize)n > STDIN_MAX) {
            command_error("RESULT on standard input is over 16 MiB");
            return NULL;
        }
        g_string_append_len(text, buffer, n);
    }
}

/* NULL: told. */
static JsonNode *
read_result(const char *word)
{
    g_autoptr(GString) input = g_str_equal(word, "-") ? read_input() : g_string_new(word);
    if (input == NULL)
        return NULL;
    g_autoptr(GError) error = NULL;
    JsonNode *result = json_read(input->str, input->len, DOC_MAX_NESTING - 1, &error);
    if (g_error_matches(error, PBX_JSON_ERROR, PBX_JSON_ERROR_NESTING)) {
        command_error("RESULT is %s", error->message);
    } else if (result == NULL) {
        command_error("RESULT is no JSON: %s", error->message);
        command_hint("an object of metrics, '{\"loss\": 0.25}', or the metric's number alone");
    }
    return result;
}

static int
tell(const char *exp, const PbxTelling *telling, gboolean print)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = command_find_experiment(exp, &error);
    g_autoptr(PbxExperiment) experiment = dir != NULL ? experiment_open(dir, &error) : NULL;
    g_autoptr(JsonObject) answer = NULL;
    if (experiment == NULL || !experiment_tell(experiment, telling, &answer, &error))
        return ask_failed(error);
    if (print)
        ask_print(answer);
    return EXIT_DONE;
}

int
command_tell(int argc, char **argv)
{
    g_auto(Options) options = {FALSE};
    const GOptionEntry entries[] = {
        {"failed", 0, 0, G_OPTION_ARG_NONE, &options.failed, "The trial failed: there is no RESULT",
         NULL},
        {"reason", 0, 0, G_OPTION_ARG_STRING, &options.reason, "With --failed: why, in one line",
         "TEXT"},
        {"intermediate", 0, 0, G_OPTION_ARG_NONE, &options.intermediate,
         "The trial goes on, unless the answer says \"stop\": true", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print the trial's state as JSON", NULL},
        G_OPTION_ENTRY_NULL,
    };
    int status = EXIT_USAGE;
    take_number(&argc, argv, &options);
    if (!command_parse(&argc, &argv, entries, "[EXP] TRIAL RESULT | [EXP] TRIAL --failed",
                       "Tells the result of a trial that `pegbox ask` gave out: a JSON object of "
                       "metrics, the metric's number\nalone, or - for standard input. It is the "
                       "trial's last, unless --intermediate.",
                       &status))
        return status;
    if (options.failed ? options.intermediate || options.number != NULL : options.reason != NULL) {
        command_error(options.failed ? "--failed takes no RESULT, and no --intermediate"
                                     : "--reason goes with --failed");
        return EXIT_USAGE;
    }
    const int words = argc - 1 + (options.number != NULL);
    const int needed = options.failed ? 1 : 2;
    if (words < needed) {
        command_error(options.failed ? "which trial? Give its number, id or name"
                                     : "tell needs a TRIAL and its RESULT");
        command_hint("`%s --help` shows the usage", argv[0]);
        return EXIT_USAGE;
    }
    if (!command_at_most(argc, argv, needed + 1 - (options.number != NULL)))
        return EXIT_USAGE;
    const int trial = words - needed + 1;
    PbxTelling telling = {
        .trial = argv[trial],
        .intermediate = options.intermediate,
        .failed = options.failed,
        .reason = options.reason,
    };
    g_autoptr(JsonNode) result = NULL;
    if (!options.failed) {
        result = read_result(options.number != NULL ? options.number : argv[trial + 1]);
        if (result == NULL)
            return EXIT_USAGE;
        telling.result = result;
    }
    return tell(trial > 1 ? argv[1] : NULL, &telling, options.json || options.intermediate);
}
