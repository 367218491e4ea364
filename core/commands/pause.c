/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox pause and unpause: a person holds an experiment or one trial of it, and lets it go on. */
#include "commands/commands.h"
#include "experiment/experiment.h"

static void
say_trial(JsonObject *answer, const char *name, gboolean hold)
{
    const gint64 trial = json_object_get_int_member(answer, "trial");
    const char *state = json_object_get_string_member(answer, "state");
    if (hold && g_str_equal(state, "RUNNING"))
        command_say("holding trial %" G_GINT64_FORMAT " of %s, which pauses once it is saved",
                    trial, name);
    else if (hold)
        command_say("holding trial %" G_GINT64_FORMAT " of %s, which is %s", trial, name, state);
    else
        command_say("trial %" G_GINT64_FORMAT " of %s may go on", trial, name);
    if (!hold && json_object_get_boolean_member(answer, "experiment_held"))
        command_hint("the experiment is held too: `pegbox unpause %s`", name);
}

static void
say_all(JsonObject *answer, const char *name, gboolean hold)
{
    const gint64 running = json_object_get_int_member(answer, "running");
    if (hold && running > 0)
        command_say("holding %s: what runs pauses once it is saved", name);
    else if (hold)
        command_say("holding %s", name);
    else
        command_say("%s may go on", name);
}

static int
steer(const char *exp, const char *trial, gboolean hold, gboolean json)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = command_find_experiment(exp, &error);
    g_autoptr(JsonObject) request = json_object_new();
    json_object_set_string_member(request, "request", hold ? "pause" : "unpause");
    if (trial != NULL)
        json_object_set_string_member(request, "trial", trial);
    g_autoptr(JsonNode) answer =
        dir != NULL ? experiment_steer(dir, request, COMMAND_STEER_S, &error) : NULL;
    if (answer == NULL) {
        command_error("%s", error->message);
        return experiment_error_status(error);
    }
    JsonObject *object = json_node_get_object(answer);
    g_autofree char *name = g_path_get_basename(dir);
    if (json)
        command_say_json(answer);
    else if (trial != NULL)
        say_trial(object, name, hold);
    else
        say_all(object, name, hold);
    return EXIT_DONE;
}

static int
command(int argc, char **argv, gboolean hold, const char *summary)
{
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print the outcome as JSON", NULL},
        G_OPTION_ENTRY_NULL,
    };
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "[EXP [TRIAL]]", summary, &status))
        return status;
    if (!command_at_most(argc, argv, 2))
        return EXIT_USAGE;
    return steer(argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL, hold, json);
}

int
command_pause(int argc, char **argv)
{
    return command(argc, argv, TRUE,
                   "Holds an experiment, which starts nothing more, or one trial of it. What runs "
                   "is saved\nfirst, and goes on from there with `pegbox unpause`.");
}

int
command_unpause(int argc, char **argv)
{
    return command(argc, argv, FALSE,
                   "Lets what `pegbox pause` holds go on: one trial, or the experiment with all of "
                   "its trials.");
}
