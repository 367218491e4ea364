/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox results: the results of a trial. */
#include <string.h>

#include "commands/look-private.h"

typedef struct {
    PbxLook *look;
    const PbxTrialRow *trial;
    PbxTable *table;
    GPtrArray *fields; /* char *: names that the trainable reported, in the order of their coming */
    GHashTable *checkpoints; /* by n */
    GError *error;
} Reader;

/* Scalars only: a table has no room for more. */
static void
note_fields(Reader *reader, const PbxResultRow *result)
{
    g_autoptr(JsonNode) node =
        json_read(result->fields, strlen(result->fields), DOC_MAX_NESTING, NULL);
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return;
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        if (JSON_NODE_HOLDS_VALUE(value) &&
            !g_ptr_array_find_with_equal_func(reader->fields, name, g_str_equal, NULL))
            g_ptr_array_add(reader->fields, g_strdup(name));
    }
}

static gboolean
add_row(const PbxResultRow *result, gpointer user)
{
    Reader *reader = user;
    JsonNode *row = look_result_row(reader->look, reader->trial, result, &reader->error);
    if (row == NULL)
        return FALSE;
    const char *checkpoint = g_hash_table_lookup(reader->checkpoints, &result->n);
    if (!json_object_has_member(json_node_get_object(row), "checkpoint"))
        look_set_text(json_node_get_object(row), "checkpoint", checkpoint);
    note_fields(reader, result);
    return table_add(reader->table, row);
}

static void
add_once(GPtrArray *names, const char *name)
{
    if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
        g_ptr_array_add(names, (gpointer)name);
}

static int
print_results(PbxLook *look, const PbxTrialRow *trial, const PbxTableOptions *options)
{
    g_autoptr(PbxTable) table = table_new(options);
    if (table == NULL)
        return EXIT_USAGE;
    g_autoptr(GPtrArray) fields = g_ptr_array_new_with_free_func(g_free);
    Reader reader = {.look = look, .trial = trial, .table = table, .fields = fields};
    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) checkpoints = look_checkpoints(look, trial->number, &error);
    if (checkpoints == NULL)
        return look_failed(error);
    reader.checkpoints = checkpoints;
    if (!store_each_result(look->store, trial->number, add_row, &reader, &error))
        return look_failed(error);
    if (reader.error != NULL) {
        error = reader.error;
        return look_failed(error);
    }
    g_autoptr(GPtrArray) columns = g_ptr_array_new();
    add_once(columns, "training_iteration");
    add_once(columns, "time_total_s");
    if (look->metric != NULL)
        add_once(columns, look->metric);
    for (char **name = look->metrics; name != NULL && *name != NULL; name++)
        add_once(columns, *name);
    for (guint i = 0; i < fields->len; i++)
        add_once(columns, fields->pdata[i]);
    if (trial->attempts > 1)
        add_once(columns, "attempt");
    add_once(columns, "action");
    if (g_hash_table_size(checkpoints) > 0)
        add_once(columns, "checkpoint");
    g_ptr_array_add(columns, NULL);
    g_autofree char *empty =
        g_strdup_printf("no results of trial %" G_GUINT64_FORMAT " yet (%s)", trial->number,
                        store_state_name(look_state(look, trial)));
    return table_finish(table, (const char *const *)columns->pdata, empty);
}

int
command_results(int argc, char **argv)
{
    g_auto(PbxTableOptions) options = {0};
    const GOptionEntry entries[] = {TABLE_ENTRIES(options), {NULL}};
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "[EXP] TRIAL", "Lists the results of a trial.",
                       &status))
        return status;
    const char *exp = NULL, *name = NULL;
    g_auto(PbxLook) look = {0};
    if (!command_exp_and_trial(argc, argv, &exp, &name) || !look_open(&look, exp, &status))
        return status;
    g_autoptr(PbxTrialRow) trial = look_trial(&look, name, &status);
    return trial != NULL ? print_results(&look, trial, &options) : status;
}
