/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox export: all results of an experiment, a line each, as JSON lines or CSV. */
#include <stdio.h>
#include <string.h>

#include "commands/look-private.h"
#include "commands/table-private.h"

typedef struct Export Export;
struct Export {
    PbxLook *look;
    void (*take)(Export *export, JsonNode *row);
    const PbxTrialRow *trial;
    GPtrArray *columns; /* char *, in the order of their coming */
    GHashTable *known;  /* the same, as a set */
    GString *line;
    GError *error;
};

static void
set_absent_text(JsonObject *object, const char *name, const char *text)
{
    if (!json_object_has_member(object, name))
        look_set_text(object, name, text);
}

static gboolean
each_result(const PbxResultRow *result, gpointer user)
{
    Export *export = user;
    const PbxTrialRow *trial = export->trial;
    g_autoptr(JsonNode) row = look_result_row(export->look, trial, result, &export->error);
    if (row == NULL)
        return FALSE;
    JsonObject *object = json_node_get_object(row);
    if (!json_object_has_member(object, "trial"))
        look_set_int(object, "trial", (gint64)trial->number);
    set_absent_text(object, "state", store_state_name(look_state(export->look, trial)));
    export->take(export, row);
    return TRUE;
}

/* One without results has a line too: its trial and config. */
static void
take_bare(Export *export)
{
    g_autoptr(JsonNode) config = json_read(export->trial->config, strlen(export->trial->config),
                                           DOC_MAX_NESTING, &export->error);
    if (config == NULL)
        return;
    JsonObject *object = json_object_new();
    json_object_set_member(object, "config", g_steal_pointer(&config));
    look_set_text(object, "trial_id", export->trial->id);
    look_set_int(object, "trial", (gint64) export->trial->number);
    look_set_text(object, "state", store_state_name(look_state(export->look, export->trial)));
    g_autoptr(JsonNode) row = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(row, object);
    export->take(export, row);
}

static gboolean
each_trial(const PbxTrialRow *trial, gpointer user)
{
    Export *export = user;
    export->trial = trial;
    if (trial->last_seq == 0)
        take_bare(export);
    else
        store_each_result(export->look->store, trial->number, each_result, export, &export->error);
    return export->error == NULL;
}

static gboolean
pass(Export *export, void (*take)(Export *, JsonNode *))
{
    export->take = take;
    g_autoptr(GError) error = NULL;
    if (!store_each_trial(export->look->store, each_trial, export, &error) && export->error == NULL)
        export->error = g_steal_pointer(&error);
    return export->error == NULL;
}

static void
put_line(Export *export)
{
    g_string_append_c(export->line, '\n');
    fwrite(export->line->str, 1, export->line->len, stdout);
    g_string_truncate(export->line, 0);
}

static void
take_json(Export *export, JsonNode *row)
{
    json_put_node(export->line, row);
    put_line(export);
}

static void
note_columns(Export *export, JsonNode *node, const char *prefix)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        g_autofree char *path = g_strconcat(prefix, name, NULL);
        g_autofree char *inner = g_strconcat(path, ".", NULL);
        if (JSON_NODE_HOLDS_OBJECT(value)) {
            note_columns(export, value, inner);
        } else if (!g_hash_table_contains(export->known, path)) {
            g_hash_table_add(export->known, path);
            g_ptr_array_add(export->columns, g_steal_pointer(&path));
        }
    }
}

static void
take_columns(Export *export, JsonNode *row)
{
    note_columns(export, row, "");
}

static void
take_csv(Export *export, JsonNode *row)
{
    for (guint i = 0; i < export->columns->len; i++) {
        g_string_append(export->line, i > 0 ? "," : "");
        table_put_csv(export->line, json_lookup(row, export->columns->pdata[i]));
    }
    put_line(export);
}

/* The columns are known only after all rows: two passes, so that no row is kept. */
static gboolean
export_csv(Export *export)
{
    if (!pass(export, take_columns))
        return FALSE;
    for (guint i = 0; i < export->columns->len; i++) {
        g_autoptr(JsonNode) head = json_node_new(JSON_NODE_VALUE);
        json_node_set_string(head, export->columns->pdata[i]);
        g_string_append(export->line, i > 0 ? "," : "");
        table_put_csv(export->line, head);
    }
    put_line(export);
    return pass(export, take_csv);
}

int
command_export(int argc, char **argv)
{
    g_autofree char *format = NULL;
    const GOptionEntry entries[] = {
        {"format", 0, 0, G_OPTION_ARG_STRING, &format, "json (lines, the default) or csv",
         "FORMAT"},
        {NULL},
    };
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "[EXP]",
                       "Prints all results of an experiment, a line each.", &status))
        return status;
    const gboolean csv = g_strcmp0(format, "csv") == 0;
    if (format != NULL && !csv && !g_str_equal(format, "json")) {
        command_error("--format: there is no format '%s'; there are json, csv", format);
        return EXIT_USAGE;
    }
    g_auto(PbxLook) look = {0};
    if (!command_at_most(argc, argv, 1) || !look_open(&look, argc > 1 ? argv[1] : NULL, &status))
        return status;
    g_autoptr(GPtrArray) columns = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GString) line = g_string_new(NULL);
    Export export = {.look = &look, .columns = columns, .known = known, .line = line};
    if (csv ? export_csv(&export) : pass(&export, take_json))
        return EXIT_DONE;
    g_autoptr(GError) error = export.error;
    return look_failed(error);
}
