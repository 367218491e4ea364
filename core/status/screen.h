/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A block that is redrawn in place on standard output, and lines that go above it. */
#pragma once

#include <glib.h>

typedef struct PbxScreen PbxScreen;

PbxScreen *screen_new(void);
/* Writes what waits. */
void screen_free(PbxScreen *screen);
/* Draws the lines that wait, and below them the block (whole lines) in the place of the last one,
 * in one piece: it never flickers. Nothing is written where nothing has changed. `columns`: the
 * terminal's now. */
void screen_draw(PbxScreen *screen, const char *block, int columns);
/* A line with its end, to be drawn above. FALSE: no block stands there, the caller writes it. */
gboolean screen_add_line(PbxScreen *screen, const char *line);
/* The last block, which stays; "": it goes. */
void screen_end(PbxScreen *screen, const char *block, int columns);
