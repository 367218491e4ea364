/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command table, and the way from "pegbox NAME" to what runs it. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands/commands.h"
#include "plugin/plugin.h"
#include "json/json.h"

/* In the order of doc/commands.md: `pegbox --help` prints it as it stands. */
const PbxCommand pbx_commands[] = {
    {"run", "run an experiment", command_run},
    {"resume", "go on with an experiment, or extend it", command_resume},
    {"top", "show what an experiment does now", command_top},
    {"validate", "check an experiment file", command_validate},
    {"ls", "list experiments", command_ls},
    {"trials", "list the trials of an experiment", command_trials},
    {"results", "list the results of a trial", command_results},
    {"export", "print all results of an experiment", command_export},
    {"best", "show the best trial of an experiment", command_best},
    {"importance", "show which parameters matter", command_importance},
    {"logs", "show a trial's output", command_logs},
    {"stop", "end an experiment or one of its trials", command_stop},
    {"pause", "hold an experiment or one of its trials", command_pause},
    {"unpause", "let what is held go on", command_unpause},
    {"enqueue", "add a config as the next trial", command_enqueue},
    {"void", "take a trial's results out of sight", command_void},
    {"ask", "get the next configuration of an experiment", command_ask},
    {"tell", "tell the result of a trial that was asked for", command_tell},
    {"checkpoint", "pack, unpack, list or verify archives", command_checkpoint},
    {"repair", "verify an experiment, and mend what can be", command_repair},
    {"rm", "delete experiments", command_rm},
    {"plugins", "list the plugins that are installed", command_plugins},
    {"inspect", "show a plugin's options and capabilities", command_inspect},
    {"schema", "print the JSON Schema of the experiment file", command_schema},
    {NULL, NULL, NULL},
};

static void
print_help(void)
{
    g_print("Usage: pegbox COMMAND [OPTIONS] ...\n\n"
            "Tunes the hyperparameters of any program.\n\nCommands:\n");
    for (const PbxCommand *command = pbx_commands; command->name != NULL; command++)
        g_print("  %-10s %s\n", command->name, command->summary);
    g_print("\nBegin with:\n"
            "  pegbox run --metric loss --mode min --num-samples 20 -- \\\n"
            "      python3 train.py --lr '{lr:loguniform(1e-5,1e-1)}'\n\n"
            "`pegbox COMMAND --help` tells more of one, `pegbox --version` the version, "
            "`man pegbox` all.\n");
}

/* As git does: pegbox's own directory first, then PATH. Returns only on failure. */
static void
run_program(const char *name, char **argv)
{
    g_autofree char *program = g_strconcat("pegbox-", name, NULL);
    g_autofree char *own = g_build_filename(places_get()->libexec, program, NULL);
    execv(own, argv);
    if (errno == ENOENT)
        execvp(program, argv);
    if (errno != ENOENT)
        command_error("%s cannot be run: %s", program, g_strerror(errno));
}

static int
unknown_command(const char *name)
{
    const char *names[G_N_ELEMENTS(pbx_commands)];
    for (gsize i = 0; i < G_N_ELEMENTS(pbx_commands); i++)
        names[i] = pbx_commands[i].name;
    const char *meant = json_did_you_mean(name, names);
    if (name[0] == '-')
        command_error("unknown option %s: the command comes first; `pegbox --help` lists them all",
                      name);
    else if (meant != NULL)
        command_error("there is no command '%s'; did you mean '%s'?", name, meant);
    else
        command_error("there is no command '%s', nor a program pegbox-%s; `pegbox --help` lists "
                      "all commands",
                      name, name);
    return EXIT_USAGE;
}

/* A listing that was lost must not look like one that was empty. */
static int
finish_output(int status)
{
    if ((fflush(stdout) == 0 && ferror(stdout) == 0) || status != EXIT_DONE)
        return status;
    command_error("the output cannot be written: %s", g_strerror(errno));
    return EXIT_BROKEN;
}

int
command_main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    if (argc < 2) {
        print_help();
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (g_str_equal(name, "--version")) {
        g_print("pegbox %s\n", PEGBOX_VERSION);
        return EXIT_DONE;
    }
    if (g_str_equal(name, "--help") || g_str_equal(name, "-h")) {
        print_help();
        return EXIT_DONE;
    }
    if (g_str_equal(name, "help")) {
        if (argc == 2) {
            print_help();
            return EXIT_DONE;
        }
        char *words[] = {argv[0], argv[2], (char *)"--help", NULL};
        return command_main(G_N_ELEMENTS(words) - 1, words);
    }
    for (const PbxCommand *command = pbx_commands; command->name != NULL; command++) {
        if (g_str_equal(name, command->name)) {
            g_autofree char *title = g_strconcat("pegbox ", name, NULL);
            argv[1] = title;
            const int status = command->run(argc - 1, argv + 1);
            /* What `run` has to tell is in its files. */
            return command->run == command_run || command->run == command_resume
                       ? status
                       : finish_output(status);
        }
    }
    if (strchr(name, '/') == NULL && name[0] != '-')
        run_program(name, argv + 1);
    return unknown_command(name);
}
