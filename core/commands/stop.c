/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox stop: ends an experiment that runs, or one of its trials. */
#include "commands/commands.h"
#include "experiment/experiment.h"

static int
stop(const char *exp, const char *trial, gboolean no_wait)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = command_find_experiment(exp, &error);
    g_autoptr(JsonObject) request = json_object_new();
    json_object_set_string_member(request, "request", "stop");
    if (trial != NULL)
        json_object_set_string_member(request, "trial", trial);
    g_autoptr(JsonNode) answer =
        dir != NULL ? experiment_steer(dir, request, COMMAND_STEER_S, &error) : NULL;
    if (answer == NULL) {
        command_error("%s", error->message);
        return experiment_error_status(error);
    }
    if (trial == NULL && !no_wait)
        experiment_wait(dir);
    g_autofree char *name = g_path_get_basename(dir);
    if (trial != NULL)
        command_say("stopped trial %s of %s", trial, name);
    else
        command_say("%s %s", no_wait ? "stopping" : "stopped", name);
    return EXIT_DONE;
}

int
command_stop(int argc, char **argv)
{
    gboolean no_wait = FALSE;
    const GOptionEntry entries[] = {
        {"no-wait", 0, 0, G_OPTION_ARG_NONE, &no_wait, "Do not wait until the experiment has ended",
         NULL},
        G_OPTION_ENTRY_NULL,
    };
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "[EXP [TRIAL]]",
                       "Ends an experiment as Ctrl-C does, or one trial of it.", &status))
        return status;
    if (!command_at_most(argc, argv, 2))
        return EXIT_USAGE;
    return stop(argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL, no_wait);
}
