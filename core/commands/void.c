/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox void: a trial whose results are wrong counts no more. */
#include "commands/commands.h"
#include "experiment/experiment.h"

static int
make_void(const char *exp, const char *trial)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = command_find_experiment(exp, &error);
    g_autoptr(JsonObject) request = json_object_new();
    json_object_set_string_member(request, "request", "void");
    json_object_set_string_member(request, "trial", trial);
    g_autoptr(JsonNode) answer =
        dir != NULL ? experiment_steer(dir, request, COMMAND_STEER_S, &error) : NULL;
    if (answer == NULL) {
        command_error("%s", error->message);
        return experiment_error_status(error);
    }
    g_autofree char *name = g_path_get_basename(dir);
    const gboolean forgotten = json_object_get_boolean_member_with_default(
        json_node_get_object(answer), "forgotten", TRUE);
    command_say("trial %s of %s is void%s", trial, name,
                forgotten ? "" : ", but its search cannot forget what it has learnt from it");
    return EXIT_DONE;
}

int
command_void(int argc, char **argv)
{
    const GOptionEntry entries[] = {G_OPTION_ENTRY_NULL};
    int status = EXIT_USAGE;
    if (!command_parse(
            &argc, &argv, entries, "EXP TRIAL",
            "Takes the results of an ended trial out of sight: of the search and of best.",
            &status))
        return status;
    if (argc < 3) {
        command_error("void needs an experiment and a trial of it");
        command_hint("`%s --help` shows the usage", argv[0]);
        return EXIT_USAGE;
    }
    if (!command_at_most(argc, argv, 2))
        return EXIT_USAGE;
    return make_void(argv[1], argv[2]);
}
