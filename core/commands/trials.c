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

/* The usual columns: of the config what varies. A narrow terminal hides the last ones.
 * (transfer full) */
static char **
usual_columns(PbxLook *look)
{
    static const char *const first[] = {"trial", "state", "iteration"};
    static const char *const last[] = {"time_total_s", "reason", "id"};
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    for (gsize i = 0; i < G_N_ELEMENTS(first); i++)
        g_strv_builder_add(names, first[i]);
    if (look->metric != NULL)
        g_strv_builder_add(names, look->metric);
    g_autoptr(PbxSandbox) sandbox = sandbox_new();
    g_autoptr(PbxDoc) doc = NULL;
    g_autoptr(PbxSpace) space = look_space(look, sandbox, &doc);
    for (const char *const *path = space != NULL ? space_varied(space) : NULL;
         path != NULL && *path != NULL; path++) {
        g_autofree char *column = g_strconcat("config.", *path, NULL);
        g_strv_builder_add(names, column);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(last); i++)
        g_strv_builder_add(names, last[i]);
    return g_strv_builder_end(names);
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
    g_auto(GStrv) columns = usual_columns(&look);
    g_autofree char *empty = g_strdup_printf("no trials in %s yet", look.name);
    return table_print(rows, (const char *const *)columns, &options, empty);
}
