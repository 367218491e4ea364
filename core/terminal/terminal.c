/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the terminal can take: its width, colour, and texts that cannot steer it. */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "terminal/terminal.h"

/* Marks that reorder or hide what follows them, and other line ends. */
static gboolean
is_treacherous(gunichar c)
{
    return c == 0x061c || c == 0x200b || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

static void
append_escaped(GString *out, gunichar c)
{
    switch (c) {
    case '\n':
        g_string_append(out, "\\n");
        break;
    case '\r':
        g_string_append(out, "\\r");
        break;
    case '\t':
        g_string_append(out, "\\t");
        break;
    default:
        if (c < 0x100)
            g_string_append_printf(out, "\\x%02x", c);
        else if (c < 0x10000)
            g_string_append_printf(out, "\\u%04x", c);
        else
            g_string_append_printf(out, "\\U%08x", c);
    }
}

char *
terminal_safe(const char *text)
{
    GString *out = g_string_new(NULL);
    for (const char *at = text; *at != '\0';) {
        const gunichar c = g_utf8_get_char_validated(at, -1);
        if (c == (gunichar)-1 || c == (gunichar)-2) {
            append_escaped(out, (guchar)*at++);
            continue;
        }
        const char *next = g_utf8_next_char(at);
        if (g_unichar_iscntrl(c) || is_treacherous(c))
            append_escaped(out, c);
        else
            g_string_append_len(out, at, next - at);
        at = next;
    }
    return g_string_free(out, FALSE);
}

/* A whole number from the environment, else what the terminal says, else the usual. */
static int
size_of(const char *variable, gboolean columns, int usual)
{
    const char *text = g_getenv(variable);
    guint64 value = 0;
    if (text != NULL && g_ascii_string_to_unsigned(text, 10, 1, 10000, &value, NULL))
        return (int)value;
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return usual;
    int said = columns ? size.ws_col : size.ws_row;
    return said > 0 ? said : usual;
}

int
terminal_width(void)
{
    return size_of("COLUMNS", TRUE, 80);
}

int
terminal_height(void)
{
    return size_of("LINES", FALSE, 24);
}

static int
character_width(gunichar c)
{
    return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

int
terminal_text_width(const char *text)
{
    int width = 0;
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
        width += character_width(g_utf8_get_char(at));
    return width;
}

void
terminal_put_cell(GString *out, const char *text, int width, gboolean right)
{
    int full = terminal_text_width(text);
    int pad = MAX(width - full, 0);
    if (right)
        g_string_append_printf(out, "%*s", pad, "");
    if (full <= width) {
        g_string_append(out, text);
    } else {
        const char *mark = g_get_charset(NULL) ? "\u2026" : "~";
        int used = 0;
        for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
            gunichar c = g_utf8_get_char(at);
            if (used + character_width(c) > width - 1)
                break;
            used += character_width(c);
            g_string_append_unichar(out, c);
        }
        /* A wide character that did not fit leaves a column. */
        pad = MAX(width - 1 - used, 0);
        if (width > 0)
            g_string_append(out, mark);
    }
    if (!right)
        g_string_append_printf(out, "%*s", pad, "");
}

gboolean
terminal_colour(int fd)
{
    const char *no_color = g_getenv("NO_COLOR");
    const char *term = g_getenv("TERM");
    if (no_color != NULL && no_color[0] != '\0')
        return FALSE;
    if (term == NULL || g_str_equal(term, "dumb"))
        return FALSE;
    return isatty(fd) != 0;
}
