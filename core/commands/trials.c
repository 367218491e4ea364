/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox trials: the trials of an experiment. */
#include "commands/look-private.h"

typedef struct {
    PbxLook *look;
    GPtrArray *rows;
    gboolean last;
    GError *error;
} Reader;

static gboolean
add_row(const PbxTrialRow *trial, gpointer user)
{
    Reader *reader = user;
    JsonNode *row = look_trial_row(reader->look, trial, reader->last, &reader->error);
    if (row != NULL)
        g_ptr_array_add(reader->rows, row);
    return row != NULL;
}

int
command_trials(int argc, char **argv)
{
    g_auto(PbxTableOptions) options = {0};
    const GOptionEntry entries[] = {TABLE_ENTRIES(options), {NULL}};
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "[EXP]", "Lists the trials of an experiment.",
                       &status))
        return status;
    g_auto(PbxLook) look = {0};
    if (!command_at_most(argc, argv, 1) || !look_open(&look, argc > 1 ? argv[1] : NULL, &status))
        return status;
    g_autoptr(GPtrArray) rows = look_rows_new();
    Reader reader = {.look = &look, .rows = rows, .last = table_wants(&options, "last_result")};
    g_autoptr(GError) error = NULL;
    if (!store_each_trial(look.store, add_row, &reader, &error))
        return look_failed(error);
    if (reader.error != NULL) {
        error = reader.error;
        return look_failed(error);
    }
    g_auto(GStrv) columns = look_trial_columns(&look, NULL);
    g_autofree char *empty = g_strdup_printf("no trials in %s yet", look.name);
    return table_print(rows, (const char *const *)columns, &options, empty);
}
