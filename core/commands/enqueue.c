/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox enqueue: a config of one's own becomes the next trial. */
#include <stdio.h>
#include <string.h>

#include "commands/commands.h"
#include "experiment/experiment.h"

#define MAX_NESTING 64

/* The words of the config, from standard input where it is "-". (transfer full) */
static char *
config_text(const char *word, GError **error)
{
    if (!g_str_equal(word, "-"))
        return g_strdup(word);
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[4096];
    for (gsize n; (n = fread(buffer, 1, sizeof buffer, stdin)) > 0;) {
        g_string_append_len(text, buffer, (gssize)n);
        if (text->len > COMMAND_STEER_BYTES)
            break;
    }
    if (text->len <= COMMAND_STEER_BYTES)
        return g_string_free(g_steal_pointer(&text), FALSE);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE, "it is too long");
    return NULL;
}

static JsonNode *
read_config(const char *word)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = config_text(word, &error);
    JsonNode *config = text != NULL ? json_read(text, strlen(text), MAX_NESTING, &error) : NULL;
    if (config == NULL)
        command_error("CONFIG: %s", error->message);
    return config;
}

static void
say(const char *dir, JsonNode *answer)
{
    JsonObject *object = json_node_get_object(answer);
    g_autofree char *name = g_path_get_basename(dir);
    command_say(
        "enqueued trial %" G_GINT64_FORMAT " of %s%s",
        json_object_get_int_member_with_default(object, "trial", -1), name,
        json_object_get_boolean_member_with_default(object, "waits", FALSE)
            ? "; the experiment does not run: the trial waits for `pegbox resume`, or for `pegbox "
              "ask` where programs ask for trials"
            : "");
}

static int
enqueue(const char *exp, const char *word, gboolean json)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) config = read_config(word);
    if (config == NULL)
        return EXIT_USAGE;
    g_autofree char *dir = command_find_experiment(exp, &error);
    g_autoptr(JsonObject) request = json_object_new();
    json_object_set_string_member(request, "request", "enqueue");
    json_object_set_member(request, "config", json_node_ref(config));
    g_autoptr(JsonNode) answer =
        dir != NULL ? experiment_steer(dir, request, COMMAND_STEER_S, &error) : NULL;
    if (answer == NULL) {
        command_error("%s", error->message);
        return experiment_error_status(error);
    }
    if (json)
        command_say_json(answer);
    else
        say(dir, answer);
    return EXIT_DONE;
}

int
command_enqueue(int argc, char **argv)
{
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print the trial as JSON", NULL},
        G_OPTION_ENTRY_NULL,
    };
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "EXP CONFIG",
                       "Adds a config, all of one or a part, as the next trial of an experiment.",
                       &status))
        return status;
    if (argc < 3) {
        command_error("enqueue needs an experiment and a config");
        command_hint("pegbox enqueue EXP '{\"lr\": 0.01}'");
        return EXIT_USAGE;
    }
    if (!command_at_most(argc, argv, 2))
        return EXIT_USAGE;
    return enqueue(argv[1], argv[2], json);
}
