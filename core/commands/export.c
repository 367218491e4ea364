/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox export: results of an experiment, a line each, as JSON lines or CSV. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analysis/analysis.h"
#include "commands/look-private.h"
#include "commands/table-private.h"

/* Which results of a trial. */
typedef enum { ROWS_ALL, ROWS_LAST, ROWS_BEST } Rows;
static const char *const rows_names[] = {"all", "last", "best", NULL};

/* One reading of all rows; none is kept. */
typedef struct Pass Pass;
struct Pass {
    PbxLook *look;
    Rows rows;
    const char *metric; /* of the best ones */
    int sign;
    void (*take)(Pass *pass, JsonNode *row);
    PbxLeaves *columns;
    GString *line;
    gboolean terminal;
    const PbxTrialRow *trial;
    GError *error;
};

static gboolean
take_row(Pass *pass, const PbxResultRow *result)
{
    g_autoptr(JsonNode) row = look_export_row(pass->look, pass->trial, result, &pass->error);
    if (row == NULL)
        return FALSE;
    JsonObject *object = json_node_get_object(row);
    if (pass->rows != ROWS_ALL && pass->trial->dir != NULL &&
        !json_object_has_member(object, "dir")) {
        g_autofree char *dir = g_build_filename(pass->look->dir, pass->trial->dir, NULL);
        json_object_set_string_member(object, "dir", dir);
    }
    pass->take(pass, row);
    return TRUE;
}

static gboolean
each_result(const PbxResultRow *result, gpointer user)
{
    return take_row(user, result);
}

/* The one result of a trial that is wanted, or a line without one. */
static gboolean
one_result(Pass *pass)
{
    guint64 seq = pass->trial->last_seq;
    if (pass->rows == ROWS_BEST &&
        !analysis_best_result(pass->look->store, pass->trial->number, pass->metric, pass->sign,
                              &seq, &pass->error))
        return FALSE;
    g_autoptr(PbxResultRow) result =
        seq != 0 ? store_result(pass->look->store, seq, &pass->error) : NULL;
    return pass->error == NULL && take_row(pass, result);
}

static gboolean
each_trial(const PbxTrialRow *trial, gpointer user)
{
    Pass *pass = user;
    pass->trial = trial;
    /* One without results has a line too. */
    if (trial->last_seq == 0)
        return take_row(pass, NULL);
    if (pass->rows != ROWS_ALL)
        return one_result(pass);
    g_autoptr(GError) error = NULL;
    if (!store_each_result(pass->look->store, trial->number, each_result, pass, &error) &&
        pass->error == NULL)
        pass->error = g_steal_pointer(&error);
    return pass->error == NULL;
}

static gboolean
read_all(Pass *pass, void (*take)(Pass *, JsonNode *), GError **error)
{
    pass->take = take;
    if (!store_each_trial(pass->look->store, each_trial, pass, error))
        return FALSE;
    if (pass->error == NULL)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&pass->error));
    return FALSE;
}

static void
put_line(Pass *pass)
{
    fwrite(pass->line->str, 1, pass->line->len, stdout);
    g_string_truncate(pass->line, 0);
}

static void
take_json(Pass *pass, JsonNode *row)
{
    json_put_node(pass->line, row);
    g_string_append_c(pass->line, '\n');
    put_line(pass);
}

static void
take_columns(Pass *pass, JsonNode *row)
{
    leaves_add(pass->columns, row, "", ".");
}

static void
take_csv(Pass *pass, JsonNode *row)
{
    table_put_csv_row(pass->line, row, (const char *const *)pass->columns->paths->pdata,
                      pass->terminal);
    put_line(pass);
}

/* The columns are known only after all rows: two passes. */
static gboolean
export_csv(Pass *pass, GError **error)
{
    g_auto(PbxLeaves) columns = {0};
    leaves_init(&columns);
    pass->columns = &columns;
    if (!read_all(pass, take_columns, error))
        return FALSE;
    g_ptr_array_add(columns.paths, NULL);
    pass->terminal = isatty(STDOUT_FILENO) != 0;
    table_put_csv_names(pass->line, (const char *const *)columns.paths->pdata, pass->terminal);
    put_line(pass);
    return read_all(pass, take_csv, error);
}

typedef struct {
    char *format, *rows, *metric, *mode;
} Options;

static void
options_clear(Options *options)
{
    g_free(options->format);
    g_free(options->rows);
    g_free(options->metric);
    g_free(options->mode);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* Which rows are asked for, and by what metric; FALSE: told. */
static gboolean
choose_rows(Pass *pass, const Options *options)
{
    const gboolean best = g_strcmp0(options->rows, "best") == 0;
    for (guint i = 0; options->rows != NULL && rows_names[i] != NULL; i++) {
        if (g_str_equal(options->rows, rows_names[i]))
            pass->rows = (Rows)i;
    }
    if (options->rows != NULL && !g_str_equal(options->rows, rows_names[pass->rows])) {
        command_error("--rows: there is no '%s'; there are all, last, best", options->rows);
        return FALSE;
    }
    if (!best && (options->metric != NULL || options->mode != NULL)) {
        command_error("%s needs --rows best", options->metric != NULL ? "--metric" : "--mode");
        return FALSE;
    }
    return !best ||
           look_metric(pass->look, options->metric, options->mode, &pass->metric, &pass->sign);
}

int
command_export(int argc, char **argv)
{
    g_auto(Options) options = {0};
    const GOptionEntry entries[] = {
        {"format", 0, 0, G_OPTION_ARG_STRING, &options.format, "json (lines, the default) or csv",
         "FORMAT"},
        {"rows", 0, 0, G_OPTION_ARG_STRING, &options.rows,
         "all (results of each trial, the default), last or best (one of each)", "ROWS"},
        {"metric", 0, 0, G_OPTION_ARG_STRING, &options.metric, "With --rows best: another metric",
         "NAME"},
        {"mode", 0, 0, G_OPTION_ARG_STRING, &options.mode, "min or max", "MODE"},
        {NULL},
    };
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "[EXP]",
                       "Prints the results of an experiment, a line each.", &status))
        return status;
    const gboolean csv = g_strcmp0(options.format, "csv") == 0;
    if (options.format != NULL && !csv && !g_str_equal(options.format, "json")) {
        command_error("--format: there is no format '%s'; there are json, csv", options.format);
        return EXIT_USAGE;
    }
    g_auto(PbxLook) look = {0};
    if (!command_at_most(argc, argv, 1) || !look_open(&look, argc > 1 ? argv[1] : NULL, &status))
        return status;
    g_autoptr(GString) line = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    Pass pass = {.look = &look, .line = line};
    if (!choose_rows(&pass, &options))
        return EXIT_USAGE;
    if (csv ? export_csv(&pass, &error) : read_all(&pass, take_json, &error))
        return EXIT_DONE;
    return look_failed(error);
}
