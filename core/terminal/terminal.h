/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the terminal can take: its size, colour, and texts that cannot steer it. */
#pragma once

#include <glib.h>

/* A text for a terminal: control characters, escapes and direction marks made visible.
 * (transfer full) */
char *terminal_safe(const char *text);
/* Columns of stdout; 80 where unknown. */
int terminal_width(void);
/* Rows of stdout; 24 where unknown. */
int terminal_height(void);
/* A terminal, and NO_COLOR is unset. */
gboolean terminal_colour(int fd);
/* Columns that a text takes: wide characters two, combining ones none. */
int terminal_text_width(const char *text);
/* Appends a text in exactly `width` columns: cut with an ellipsis, or padded, to the left
 * where `right`. */
void terminal_put_cell(GString *out, const char *text, int width, gboolean right);
