/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox plugins: what is installed, from where, and what hides what. */
#include "commands/commands.h"
#include "plugin/plugin.h"
#include "json/json.h"

static void
warn(const char *message, gpointer user G_GNUC_UNUSED)
{
    command_warning("%s", message);
}

/* The paths that the file hides. */
static JsonArray *
shadows(const GPtrArray *files, const PbxPluginFile *winner)
{
    JsonArray *paths = json_array_new();
    for (guint i = 0; i < files->len; i++) {
        const PbxPluginFile *file = g_ptr_array_index(files, i);
        if (g_strcmp0(file->shadowed_by, winner->path) == 0)
            json_array_add_string_element(paths, file->path);
    }
    return paths;
}

typedef struct {
    const GPtrArray *files;
    GPtrArray *rows;
    gboolean json;
} Lister;

/* A row, or none where the file is broken, which is told. */
static void
add_row(const PbxPluginFile *file, JsonNode *plugin, const GError *error, gpointer user)
{
    Lister *lister = user;
    if (plugin == NULL) {
        command_warning("%s", error->message);
        return;
    }
    JsonObject *facts = json_node_get_object(plugin);
    JsonArray *hidden = shadows(lister->files, file);
    JsonObject *object = json_object_new();
    const char *const texts[] = {"kind", "name", "version", "summary", "path"};
    for (gsize k = 0; k < G_N_ELEMENTS(texts); k++)
        json_object_set_string_member(object, texts[k],
                                      json_object_get_string_member(facts, texts[k]));
    /* For people: nothing in the usual case. */
    if (lister->json || json_array_get_length(hidden) > 0)
        json_object_set_array_member(object, "shadows", hidden);
    else
        json_array_unref(hidden);
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    g_ptr_array_add(lister->rows, node);
}

static gboolean
kind_is_known(const char *kind)
{
    if (kind == NULL || plugin_kind_interface(kind) != NULL)
        return TRUE;
    const char *meant = json_did_you_mean(kind, plugin_kinds);
    g_autofree char *kinds = g_strjoinv(", ", (char **)plugin_kinds);
    if (meant != NULL)
        command_error("there is no kind '%s' of plugin; did you mean '%s'?", kind, meant);
    else
        command_error("there is no kind '%s' of plugin; there are: %s", kind, kinds);
    return FALSE;
}

static int
list(PbxRegistry *registry, const char *kind, gboolean json)
{
    static const char *const columns[] = {"kind", "name", "version", "summary", "path", NULL};
    static const char *const all_columns[] = {"kind", "name",    "version", "summary",
                                              "path", "shadows", NULL};
    g_autoptr(GPtrArray) files = registry_files(registry, kind);
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)json_node_unref);
    gboolean any_hidden = FALSE;
    for (guint i = 0; i < files->len; i++) {
        const PbxPluginFile *file = g_ptr_array_index(files, i);
        any_hidden = any_hidden || file->shadowed_by != NULL;
    }
    Lister lister = {.files = files, .rows = rows, .json = json};
    registry_probe_files(registry, files, add_row, &lister);
    const PbxTableOptions options = {.json = json};
    return table_print(rows, json || any_hidden ? all_columns : columns, &options,
                       "no plugins are installed");
}

int
command_plugins(int argc, char **argv)
{
    gboolean json = FALSE;
    int status;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    if (!command_parse(&argc, &argv, entries, "[KIND]",
                       "Lists the plugins that are installed, or those of one kind.", &status))
        return status;
    if (argc > 2) {
        command_error("too many words: give one kind at most");
        return EXIT_USAGE;
    }
    const char *kind = argc == 2 ? argv[1] : NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxRegistry) registry = registry_new(&error);
    if (registry == NULL) {
        command_error("%s", error->message);
        return plugin_error_status(error);
    }
    registry_on_warning(registry, warn, NULL);
    return kind_is_known(kind) ? list(registry, kind, json) : EXIT_USAGE;
}
