/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A block that is redrawn in place at the end of what a terminal shows, and lines that go above
 * it. The screen is not erased as a whole: tmux would keep a copy of it each time.
 */
#include <stdio.h>
#include <string.h>

#include "status/screen.h"
#include "terminal/terminal.h"

#define MAX_LINES_SIZE 65536 /* of lines that wait for the next redraw */

struct PbxScreen {
    char *drawn;    /* the block that stands there; NULL: none */
    GString *lines; /* to be written above it with the next one */
};

PbxScreen *
screen_new(void)
{
    PbxScreen *screen = g_new0(PbxScreen, 1);
    screen->lines = g_string_new(NULL);
    return screen;
}

static void
put(const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

void
screen_free(PbxScreen *screen)
{
    if (screen == NULL)
        return;
    put(screen->lines->str);
    g_string_free(screen->lines, TRUE);
    g_free(screen->drawn);
    g_free(screen);
}

/* Columns of a line with its colours. */
static int
line_width(const char *line, gsize length)
{
    g_autoptr(GString) plain = g_string_new(NULL);
    for (gsize i = 0; i < length; i++) {
        if (line[i] == '\033')
            while (i < length && line[i] != 'm')
                i++;
        else
            g_string_append_c(plain, line[i]);
    }
    return terminal_text_width(plain->str);
}

/* Rows of the screen that the block takes: where the terminal became narrower since, it has
 * wrapped what was longer. */
static guint
rows_of(const char *block, int columns)
{
    guint rows = 0;
    for (const char *end; (end = strchr(block, '\n')) != NULL; block = end + 1) {
        int width = line_width(block, (gsize)(end - block));
        rows += columns > 0 && width > columns ? (guint)((width + columns - 1) / columns) : 1;
    }
    return rows;
}

/* Lines over what stands on the screen: each takes away what is left of an old one. Not one that
 * fills its row: the cursor still stands on its last character, which would go too. */
static void
put_over(GString *out, const char *text, int columns)
{
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
        int width = line_width(text, (gsize)(end - text));
        gboolean full = columns > 0 && width > 0 && width % columns == 0;
        g_string_append_len(out, text, end - text);
        g_string_append(out, full ? "\n" : "\033[K\n");
    }
}

/* To the first line of the block, from below its last one. */
static void
put_up(const PbxScreen *screen, GString *out, int columns)
{
    guint rows = screen->drawn != NULL ? rows_of(screen->drawn, columns) : 0;
    if (rows > 0)
        g_string_append_printf(out, "\033[%uA\r", rows);
}

void
screen_draw(PbxScreen *screen, const char *block, int columns)
{
    if (screen->lines->len == 0 && g_strcmp0(block, screen->drawn) == 0)
        return;
    g_autoptr(GString) out = g_string_new(NULL);
    put_up(screen, out, columns);
    put_over(out, screen->lines->str, columns);
    put_over(out, block, columns);
    g_string_append(out, "\033[J");
    put(out->str);
    g_string_truncate(screen->lines, 0);
    g_free(screen->drawn);
    screen->drawn = g_strdup(block);
}

gboolean
screen_add_line(PbxScreen *screen, const char *line)
{
    if (screen->drawn == NULL)
        return FALSE;
    g_string_append(screen->lines, line);
    /* A flood of lines takes the block away until it is time to draw it again. */
    if (screen->lines->len > MAX_LINES_SIZE)
        screen_end(screen, "", terminal_width());
    return TRUE;
}

void
screen_end(PbxScreen *screen, const char *block, int columns)
{
    if (screen->drawn == NULL) {
        put(screen->lines->str);
        put(block);
    } else {
        screen_draw(screen, block, columns);
    }
    g_string_truncate(screen->lines, 0);
    g_clear_pointer(&screen->drawn, g_free);
}
