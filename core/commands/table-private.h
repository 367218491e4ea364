/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between table.c, which chooses rows and columns, and table-text.c, which lays them out. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

/* A value as people read it: numbers rounded to 6 significant digits, "-" for null, safe
 * for a terminal. NULL: no value. (transfer full) */
char *cell_text(JsonNode *value);
/* Whether it is a number, or a text for one that is not finite. */
gboolean cell_is_number(JsonNode *value);

/* Appends a value as a cell of CSV, exact; nothing for NULL or null. */
void table_put_csv(GString *out, JsonNode *value);

/* Prints columns[n] of the rows under their names. width: of the terminal; colour: bold
 * heads. */
void table_print_text(GPtrArray *rows, const char *const *columns, int width, gboolean colour);
