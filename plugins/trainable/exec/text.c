/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Growing texts, cleaned lines, numbers in any locale. */
#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec-private.h"

#define ESCAPE '\033'

int
text_append(text *to, const void *bytes, size_t n)
{
    if (to->n + n + 1 > to->size) {
        size_t size = to->size < 256 ? 256 : to->size;
        while (size < to->n + n + 1)
            size *= 2;
        char *grown = realloc(to->bytes, size);
        if (grown == NULL)
            return -1;
        to->bytes = grown;
        to->size = size;
    }
    memcpy(to->bytes + to->n, bytes, n);
    to->n += n;
    to->bytes[to->n] = '\0';
    return 0;
}

int
text_append_string(text *to, const char *string)
{
    return text_append(to, string, strlen(string));
}

void
text_clear(text *to)
{
    free(to->bytes);
    *to = (text){.bytes = NULL};
}

/* The place behind the sequence that begins at line[at], an ESC (ECMA-48). */
static size_t
skip_sequence(const char *line, size_t n, size_t at)
{
    if (++at >= n)
        return n;
    if (line[at] == '[') { /* CSI: parameters, then a final byte */
        for (at++; at < n && !(line[at] >= 0x40 && line[at] <= 0x7e); at++)
            ;
        return at < n ? at + 1 : n;
    }
    if (line[at] == ']') { /* OSC: up to BEL or ESC \ */
        for (at++; at < n && line[at] != '\a'; at++)
            if (line[at] == ESCAPE && at + 1 < n && line[at + 1] == '\\')
                return at + 2;
        return at < n ? at + 1 : n;
    }
    while (at < n && line[at] >= 0x20 && line[at] <= 0x2f)
        at++;
    return at < n ? at + 1 : n;
}

size_t
text_clean(char *line, size_t n)
{
    if (memchr(line, ESCAPE, n) == NULL && memchr(line, '\b', n) == NULL)
        return n;
    size_t to = 0;
    for (size_t at = 0; at < n;) {
        if (line[at] == ESCAPE) {
            at = skip_sequence(line, n, at);
        } else if (line[at] == '\b') {
            /* One character back: over a UTF-8 sequence whole. */
            while (to > 0 && ((unsigned char)line[to - 1] & 0xc0) == 0x80)
                to--;
            to -= to > 0 ? 1 : 0;
            at++;
        } else {
            line[to++] = line[at++];
        }
    }
    line[to] = '\0';
    return to;
}

int
text_number(const char *string, double *value)
{
    static locale_t c_locale;
    if (c_locale == (locale_t)0)
        c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c_locale == (locale_t)0 || strpbrk(string, "xX") != NULL)
        return 0;
    char *end;
    double number = strtod_l(string, &end, c_locale);
    if (end == string)
        return 0;
    while (isspace((unsigned char)*end))
        end++;
    if (*end != '\0')
        return 0;
    *value = number;
    return 1;
}

void
text_last_line(const char *bytes, size_t n, char *line, size_t size)
{
    while (n > 0 && isspace((unsigned char)bytes[n - 1]))
        n--;
    size_t begin = n;
    while (begin > 0 && bytes[begin - 1] != '\n' && bytes[begin - 1] != '\r')
        begin--;
    while (begin < n && isspace((unsigned char)bytes[begin]))
        begin++;
    char copy[2048];
    size_t length = n - begin < sizeof copy - 1 ? n - begin : sizeof copy - 1;
    memcpy(copy, bytes + begin, length);
    copy[length] = '\0';
    length = text_clean(copy, length);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)copy[i] < ' ')
            copy[i] = ' ';
    snprintf(line, size, "%s", copy);
    if (length < size || size < 8)
        return;
    size_t cut = size - 4;
    while (cut > 0 && ((unsigned char)line[cut] & 0xc0) == 0x80)
        cut--; /* no half of a UTF-8 sequence */
    memcpy(line + cut, "...", 4);
}
