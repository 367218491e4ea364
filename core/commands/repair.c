/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox repair: verifies an experiment's store, archives and log files, and mends what it can. */
#include "store/repair.h"
#include "commands/commands.h"
#include "experiment/experiment.h"

static PbxLoss
worst(const GPtrArray *findings)
{
    PbxLoss loss = LOSS_NONE;
    for (guint i = 0; i < findings->len; i++)
        loss = MAX(loss, ((const PbxFinding *)findings->pdata[i])->loss);
    return loss;
}

static void
say(const GPtrArray *findings)
{
    for (guint i = 0; i < findings->len; i++) {
        const PbxFinding *finding = findings->pdata[i];
        command_say("%s: %s; %s", finding->where, finding->what, finding->then);
    }
}

/* What it all comes to. */
static void
say_end(const GPtrArray *findings, const char *dir, gboolean changes)
{
    if (findings->len == 0)
        command_say("%s is whole", dir);
    else if (!changes)
        command_say("nothing was changed (--dry-run)");
    else if (worst(findings) == LOSS_NONE)
        command_say("%s is whole again", dir);
    else
        command_say("%s is mended, but for what is lost", dir);
}

static void
say_json(const GPtrArray *findings, const char *dir, gboolean changes)
{
    JsonArray *list = json_array_new();
    for (guint i = 0; i < findings->len; i++) {
        const PbxFinding *finding = findings->pdata[i];
        JsonObject *object = json_object_new();
        json_object_set_string_member(object, "where", finding->where);
        json_object_set_string_member(object, "what", finding->what);
        json_object_set_string_member(object, "then", finding->then);
        json_object_set_boolean_member(object, "lost", finding->loss != LOSS_NONE);
        json_array_add_object_element(list, object);
    }
    JsonObject *answer = json_object_new();
    json_object_set_string_member(answer, "experiment", dir);
    json_object_set_boolean_member(answer, "whole", findings->len == 0);
    json_object_set_boolean_member(answer, "lost", worst(findings) != LOSS_NONE);
    json_object_set_boolean_member(answer, "changed", changes && findings->len > 0);
    json_object_set_array_member(answer, "findings", list);
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), answer);
    json_object_unref(answer);
    command_say_json(node);
}

int
command_repair(int argc, char **argv)
{
    gboolean dry_run = FALSE, json = FALSE;
    const GOptionEntry entries[] = {
        {"dry-run", 0, 0, G_OPTION_ARG_NONE, &dry_run, "Tell what is wrong, and change nothing",
         NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one JSON document", NULL},
        G_OPTION_ENTRY_NULL,
    };
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "EXP",
                       "Verifies an experiment's store, checkpoints and log files, and mends what "
                       "can be.\nOne line for each thing: where, what, and what becomes of it.\n"
                       "Exit status: 0 all is there (again), 1 something is lost, 4 beyond help.",
                       &status))
        return status;
    if (argc < 2) {
        command_error("repair needs the name or the directory of an experiment; `pegbox ls` lists "
                      "them");
        return EXIT_USAGE;
    }
    if (!command_at_most(argc, argv, 1))
        return EXIT_USAGE;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func(finding_free);
    g_autofree char *dir = command_find_experiment(argv[1], &error);
    if (dir == NULL) {
        command_error("%s", error->message);
        return experiment_error_status(error);
    }
    const gboolean good = experiment_repair(dir, !dry_run, findings, &error);
    if (json && good)
        say_json(findings, dir, !dry_run);
    else
        say(findings);
    if (good && !json)
        say_end(findings, dir, !dry_run);
    if (good)
        return worst(findings) == LOSS_NONE ? EXIT_DONE : EXIT_TRIAL_FAILED;
    command_error("%s", error->message);
    return experiment_error_status(error);
}
