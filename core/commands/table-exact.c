/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows as CSV and as JSON, for programs: every value is exact. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands/commands.h"
#include "commands/table-private.h"
#include "json/json.h"

static void
put_csv(GString *out, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        g_string_append(out, text);
        return;
    }
    g_string_append_c(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            g_string_append_c(out, '"');
        g_string_append_c(out, *text);
    }
    g_string_append_c(out, '"');
}

static void
put_csv_text(GString *out, const char *text, gboolean terminal)
{
    g_autofree char *safe = terminal ? terminal_safe(text) : NULL;
    put_csv(out, terminal ? safe : text);
}

static void
put_csv_value(GString *out, JsonNode *value, gboolean terminal)
{
    if (value == NULL || JSON_NODE_HOLDS_NULL(value))
        return;
    const gboolean string =
        JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_STRING;
    g_autofree char *text = string ? g_strdup(json_node_get_string(value)) : json_to_text(value);
    put_csv_text(out, text, terminal);
}

void
table_put_csv_names(GString *out, const char *const *columns, gboolean terminal)
{
    for (guint i = 0; columns[i] != NULL; i++) {
        g_string_append(out, i > 0 ? "," : "");
        put_csv_text(out, columns[i], terminal);
    }
    g_string_append_c(out, '\n');
}

void
table_put_csv_row(GString *out, JsonNode *row, const char *const *columns, gboolean terminal)
{
    for (guint i = 0; columns[i] != NULL; i++) {
        g_string_append(out, i > 0 ? "," : "");
        put_csv_value(out, json_lookup(row, columns[i]), terminal);
    }
    g_string_append_c(out, '\n');
}

void
table_print_csv(GPtrArray *rows, const char *const *columns)
{
    const gboolean terminal = isatty(STDOUT_FILENO) != 0;
    g_autoptr(GString) out = g_string_new(NULL);
    table_put_csv_names(out, columns, terminal);
    for (guint i = 0; i < rows->len; i++)
        table_put_csv_row(out, rows->pdata[i], columns, terminal);
    fwrite(out->str, 1, out->len, stdout);
}

void
table_print_json(GPtrArray *rows, const char *const *columns)
{
    g_autoptr(GString) out = g_string_new("[");
    for (guint row = 0; row < rows->len; row++) {
        g_string_append(out, row > 0 ? ",\n " : "\n ");
        if (columns == NULL) {
            json_put_node(out, rows->pdata[row]);
            continue;
        }
        for (guint i = 0; columns[i] != NULL; i++) {
            JsonNode *value = json_lookup(rows->pdata[row], columns[i]);
            g_string_append_c(out, i > 0 ? ',' : '{');
            json_put_string(out, columns[i]);
            g_string_append_c(out, ':');
            if (value != NULL)
                json_put_node(out, value);
            else
                g_string_append(out, "null");
        }
        g_string_append_c(out, '}');
    }
    g_string_append(out, rows->len > 0 ? "\n]\n" : "]\n");
    fwrite(out->str, 1, out->len, stdout);
}
