/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox rm: deletes experiments, each with all that is in its directory. */
#include "commands/commands.h"
#include "experiment/experiment.h"

static int
delete_experiment(const char *exp)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = command_find_experiment(exp, &error);
    if (dir != NULL && experiment_remove(dir, &error))
        return EXIT_DONE;
    command_error("%s", error->message);
    return experiment_error_status(error);
}

int
command_rm(int argc, char **argv)
{
    const GOptionEntry entries[] = {G_OPTION_ENTRY_NULL};
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "EXP...",
                       "Deletes experiments, with all that is in their directories.", &status))
        return status;
    if (argc < 2) {
        command_error("rm needs the name or the directory of an experiment; `pegbox ls` lists "
                      "them");
        return EXIT_USAGE;
    }
    status = EXIT_DONE;
    for (int i = 1; i < argc; i++) {
        const int one = delete_experiment(argv[i]);
        status = MAX(status, one);
    }
    return status;
}
