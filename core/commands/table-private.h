/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between table.c, which chooses rows and columns, and table-text.c and table-exact.c, which
 * print them. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

/* A value as people read it: numbers rounded to 6 significant digits, "-" for null, safe
 * for a terminal. NULL: no value. (transfer full) */
char *cell_text(JsonNode *value);
/* Whether it is a number, or a text for one that is not finite. */
gboolean cell_is_number(JsonNode *value);

/* Appends a line of CSV: the names of columns; their exact values in a row, nothing for what
 * is missing or null. terminal: control characters are made harmless. */
void table_put_csv_names(GString *out, const char *const *columns, gboolean terminal);
void table_put_csv_row(GString *out, JsonNode *row, const char *const *columns, gboolean terminal);

/* All rows as CSV; as one JSON array of objects, columns NULL: whole ones. */
void table_print_csv(GPtrArray *rows, const char *const *columns);
void table_print_json(GPtrArray *rows, const char *const *columns);

/* Prints columns[n] of the rows under their names. width: of the terminal; colour: bold
 * heads. */
void table_print_text(GPtrArray *rows, const char *const *columns, int width, gboolean colour);
