/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox trials: the trials of an experiment. */
#include <string.h>

#include "commands/look-private.h"

typedef struct {
    PbxLook *look;
    PbxTable *table;
    guint wanted;
    GError *error;
} Reader;

static gboolean
add_row(const PbxTrialRow *trial, gpointer user)
{
    Reader *reader = user;
    JsonNode *row = look_trial_row(reader->look, trial, reader->wanted, &reader->error);
    return row != NULL && table_add(reader->table, row);
}

/* The column of the store that holds what the option sorts by, if there is one. */
static const char *
sorted_column(const PbxLook *look, const char *sort)
{
    const char *column = sort[0] == '-' ? sort + 1 : sort;
    if (g_str_equal(column, "trial"))
        return "number";
    return look_is_metric_column(look, column) ? "value" : column;
}

/* Reads the trials that will be printed, and no more where the store can find them. */
static gboolean
read_trials(Reader *reader, const PbxTableOptions *options, GError **error)
{
    PbxStore *store = reader->look->store;
    if (options->sort == NULL || options->limit <= 0)
        return store_each_trial(store, add_row, reader, error);
    /* A filter or a column that not every trial has may want more rows than it prints. */
    const gboolean all = options->filter != NULL || options->columns != NULL;
    const char *column = sorted_column(reader->look, options->sort);
    if (!store_sorts_by(column))
        return store_each_trial(store, add_row, reader, error);
    table_comes_sorted(reader->table);
    return store_each_trial_by(store, column, options->sort[0] == '-',
                               all ? 0 : (guint)options->limit, add_row, reader, error);
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
    g_autoptr(PbxTable) table = table_new(&options);
    if (table == NULL)
        return EXIT_USAGE;
    Reader reader = {.look = &look, .table = table, .wanted = look_wanted(&options)};
    g_autoptr(GError) error = NULL;
    if (!read_trials(&reader, &options, &error))
        return look_failed(error);
    if (reader.error != NULL) {
        error = reader.error;
        return look_failed(error);
    }
    g_auto(GStrv) columns = look_trial_columns(&look, NULL);
    g_autofree char *empty = g_strdup_printf("no trials in %s yet", look.name);
    return table_finish(table, (const char *const *)columns, empty);
}
