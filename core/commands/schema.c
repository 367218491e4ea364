/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox schema: the JSON Schema of the experiment file. */
#include "commands/commands.h"
#include "spec/spec.h"

int
command_schema(int argc, char **argv)
{
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON (it always does)", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    int status = EXIT_DONE;
    if (!command_parse(&argc, &argv, entries, "",
                       "Prints the JSON Schema of the experiment file, with the options of every\n"
                       "plugin that is installed.",
                       &status))
        return status;
    if (argc > 1) {
        command_error("`pegbox schema` takes no words, got '%s'", argv[1]);
        return EXIT_USAGE;
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxRegistry) registry = registry_new(&error);
    if (registry == NULL) {
        command_error("%s", error->message);
        return EXIT_USAGE;
    }
    g_autoptr(JsonNode) schema = spec_schema(registry);
    g_autofree char *text = spec_print(schema);
    command_put(text);
    return EXIT_DONE;
}
