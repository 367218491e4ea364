/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pen that counts columns as the terminal does, so that no line is ever too long. */
#include <string.h>

#include "status/status-private.h"
#include "terminal/terminal.h"

int
pen_left(const PbxPen *pen)
{
    return pen->style->width > 0 ? MAX(pen->style->width - pen->used, 0) : G_MAXINT / 2;
}

/* A character as it can be shown: in ASCII alone, others are question marks. */
static void
put_character(PbxPen *pen, const char *at, const char *next)
{
    int width = 0;
    if (pen->style->utf8 || (guchar)*at < 0x80) {
        g_string_append_len(pen->out, at, next - at);
        return;
    }
    if (strncmp(at, "\u2026", strlen("\u2026")) == 0) {
        g_string_append_c(pen->out, '~');
        return;
    }
    g_autofree char *one = g_strndup(at, (gsize)(next - at));
    for (width = terminal_text_width(one); width > 0; width--)
        g_string_append_c(pen->out, '?');
}

/* As much of a text as goes into `width` columns, with an ellipsis where that is not all; the
 * columns that it took. */
static int
put_cut(PbxPen *pen, const char *text, int width)
{
    gboolean whole = terminal_text_width(text) <= width;
    int room = whole ? width : width - 1, used = 0;
    for (const char *at = text, *next; *at != '\0'; at = next) {
        next = g_utf8_next_char(at);
        char one[8] = "";
        g_utf8_strncpy(one, at, 1);
        int columns = terminal_text_width(one);
        if (used + columns > room)
            break;
        put_character(pen, at, next);
        used += columns;
    }
    if (!whole && width > 0) {
        g_string_append(pen->out, pen->style->utf8 ? "\u2026" : "~");
        used++;
    }
    return used;
}

void
pen_put(PbxPen *pen, const char *colour, const char *text)
{
    int left = pen_left(pen);
    if (text[0] == '\0' || pen->cut || left == 0)
        return;
    gboolean coloured = pen->style->colour && colour[0] != '\0';
    if (coloured)
        g_string_append(pen->out, colour);
    pen->cut = terminal_text_width(text) > left;
    pen->used += put_cut(pen, text, left);
    if (coloured)
        g_string_append(pen->out, "\033[0m");
}

void
pen_put_end(PbxPen *pen, const char *colour, const char *text)
{
    int left = pen_left(pen), width = terminal_text_width(text);
    if (width > left && left > 1) {
        while (width > left - 1) {
            char one[8] = "";
            g_utf8_strncpy(one, text, 1);
            width -= terminal_text_width(one);
            text = g_utf8_next_char(text);
        }
        pen_put(pen, colour, "\u2026");
    }
    pen_put(pen, colour, text);
}

void
pen_printf(PbxPen *pen, const char *colour, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    pen_put(pen, colour, text);
}

void
pen_cell(PbxPen *pen, const char *colour, const char *text, int width, gboolean right)
{
    int pad = MAX(width - terminal_text_width(text), 0);
    width = MIN(width, pen_left(pen));
    gboolean coloured = pen->style->colour && colour[0] != '\0' && text[0] != '\0';
    if (coloured)
        g_string_append(pen->out, colour);
    if (right)
        g_string_append_printf(pen->out, "%*s", MIN(pad, width), "");
    int used = put_cut(pen, text, right ? width - MIN(pad, width) : width);
    pad = right ? 0 : MAX(width - used, 0);
    if (coloured)
        g_string_append(pen->out, "\033[0m");
    g_string_append_printf(pen->out, "%*s", pad, "");
    pen->used += width;
}

void
pen_end(PbxPen *pen)
{
    /* Blanks at the end would be wrapped where a terminal becomes narrower. */
    while (pen->out->len > 0 && pen->out->str[pen->out->len - 1] == ' ')
        g_string_truncate(pen->out, pen->out->len - 1);
    g_string_append_c(pen->out, '\n');
    pen->used = 0;
    pen->cut = FALSE;
    pen->lines++;
}
