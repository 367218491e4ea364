/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table for people: aligned, as wide as the terminal, nothing in it that could steer it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "commands/commands.h"
#include "commands/table-private.h"
#include "terminal/terminal.h"
#include "json/json.h"

#define GAP                2
#define LEAST_TEXT_WIDTH   24
#define SIGNIFICANT_DIGITS "%.6g"

gboolean
cell_is_number(JsonNode *value)
{
    double number;
    if (value == NULL || !JSON_NODE_HOLDS_VALUE(value) ||
        json_node_get_value_type(value) == G_TYPE_BOOLEAN)
        return FALSE;
    return json_number(value, FALSE, &number);
}

char *
cell_text(JsonNode *value)
{
    if (value == NULL || JSON_NODE_HOLDS_NULL(value))
        return g_strdup("-");
    if (JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_DOUBLE) {
        char buffer[G_ASCII_DTOSTR_BUF_SIZE];
        g_ascii_formatd(buffer, sizeof buffer, SIGNIFICANT_DIGITS, json_node_get_double(value));
        return g_strdup(buffer);
    }
    if (JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_STRING)
        return terminal_safe(json_node_get_string(value));
    g_autofree char *text = json_to_text(value);
    return terminal_safe(text);
}

/* ---- Layout ---- */

typedef struct {
    char *name;
    char **cells; /* [n_rows] */
    int natural;  /* width without a limit */
    int width;
    gboolean number;
} Column;

static void
column_init(Column *column, const char *name, GPtrArray *rows)
{
    *column = (Column){.name = terminal_safe(name), .cells = g_new0(char *, rows->len)};
    column->natural = terminal_text_width(column->name);
    guint numbers = 0, others = 0;
    for (guint i = 0; i < rows->len; i++) {
        JsonNode *value = json_lookup(rows->pdata[i], name);
        column->cells[i] = cell_text(value);
        column->natural = MAX(column->natural, terminal_text_width(column->cells[i]));
        if (cell_is_number(value))
            numbers++;
        else if (value != NULL && !JSON_NODE_HOLDS_NULL(value))
            others++;
    }
    column->number = numbers > 0 && others == 0;
}

static void
column_clear(Column *column, guint n_rows)
{
    for (guint i = 0; i < n_rows; i++)
        g_free(column->cells[i]);
    g_free(column->cells);
    g_free(column->name);
}

/* The widest column that may be cut: a number that lost its end would be another one, and half
 * of the line is the first column's, by which a row is named. */
static Column *
widest_text(Column *columns, guint n, int width)
{
    Column *widest = NULL;
    for (guint i = 0; i < n; i++) {
        const int least = i == 0 ? MAX(width / 2, LEAST_TEXT_WIDTH) : LEAST_TEXT_WIDTH;
        if (!columns[i].number && columns[i].width > least &&
            (widest == NULL || columns[i].width >= widest->width))
            widest = &columns[i];
    }
    return widest;
}

static int
total_width(const Column *columns, guint n)
{
    int total = ((int)n - 1) * GAP;
    for (guint i = 0; i < n; i++)
        total += columns[i].width;
    return total;
}

/* Gives the first n columns their widths; FALSE: they do not fit. */
static gboolean
fit(Column *columns, guint n, int width)
{
    for (guint i = 0; i < n; i++)
        columns[i].width = columns[i].natural;
    while (total_width(columns, n) > width) {
        Column *column = widest_text(columns, n, width);
        if (column == NULL)
            return FALSE;
        column->width--;
    }
    return TRUE;
}

static void
put_line(GString *out, const Column *columns, guint n, int row)
{
    for (guint i = 0; i < n; i++) {
        if (i > 0)
            g_string_append_printf(out, "%*s", GAP, "");
        terminal_put_cell(out, row < 0 ? columns[i].name : columns[i].cells[row], columns[i].width,
                          columns[i].number);
    }
    while (out->len > 0 && out->str[out->len - 1] == ' ')
        g_string_truncate(out, out->len - 1);
}

static void
put_lines(GString *out, const Column *columns, guint n, guint n_rows, gboolean colour)
{
    g_string_append(out, colour ? "\033[1m" : "");
    put_line(out, columns, n, -1);
    g_string_append(out, colour ? "\033[0m\n" : "\n");
    for (guint row = 0; row < n_rows; row++) {
        put_line(out, columns, n, (int)row);
        g_string_append_c(out, '\n');
    }
}

static void
put_hidden(GString *out, const Column *columns, guint shown, guint n, int width)
{
    g_autoptr(GString) line = g_string_new("no room for: ");
    for (guint i = shown; i < n; i++)
        g_string_append_printf(line, "%s%s", i > shown ? ", " : "", columns[i].name);
    terminal_put_cell(out, line->str, MIN(width, terminal_text_width(line->str)), FALSE);
    g_string_append_c(out, '\n');
}

void
table_print_text(GPtrArray *rows, const char *const *names, int width, gboolean colour)
{
    const guint n = g_strv_length((char **)names);
    g_autofree Column *columns = g_new0(Column, n);
    for (guint i = 0; i < n; i++)
        column_init(&columns[i], names[i], rows);
    guint shown = n;
    while (shown > 1 && !fit(columns, shown, width))
        shown--;
    if (shown == 1 && !fit(columns, 1, width))
        columns[0].width = width;
    g_autoptr(GString) out = g_string_new(NULL);
    put_lines(out, columns, shown, rows->len, colour);
    if (shown < n)
        put_hidden(out, columns, shown, n, width);
    fwrite(out->str, 1, out->len, stdout);
    for (guint i = 0; i < n; i++)
        column_clear(&columns[i], rows->len);
}
