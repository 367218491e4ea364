/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Canonical texts without trees, for results that come a hundred thousand a second: whether one
 * is whole, where its values are, what number one holds.
 */
#include <string.h>

#include "json/json-private.h"

/* ---- Skipping, in a text that is known to be canonical ---- */

const char *
json_skip_string(const char *at)
{
    for (;;) {
        while (*at != '"' && *at != '\\' && *at != '\0')
            at++;
        if (*at == '\0')
            return at;
        if (*at == '"')
            return at + 1;
        at += at[1] == '\0' ? 1 : 2;
    }
}

const char *
json_skip_value(const char *at)
{
    guint depth = 0;
    for (;; at++) {
        switch (*at) {
        case '\0':
            return at;
        case '"':
            at = json_skip_string(at + 1) - 1;
            break;
        case '{':
        case '[':
            depth++;
            break;
        case ',':
            if (depth == 0)
                return at;
            break;
        case ']':
        case '}':
            if (depth == 0)
                return at;
            depth--;
            break;
        default:
            break;
        }
    }
}

const char *
json_text_member(const char *object, const char *key, gsize *length)
{
    const gsize n = strlen(key);
    const char *at = object;
    while ((*at == '{' || *at == ',') && at[1] == '"') {
        const char *name = at + 2;
        const char *value = json_skip_string(name);
        if (*value++ != ':')
            return NULL;
        at = json_skip_value(value);
        if ((gsize)(value - name) == n + 2 && memcmp(name, key, n) == 0) {
            *length = (gsize)(at - value);
            return value;
        }
    }
    return NULL;
}

gboolean
json_text_int(const char *text, gsize length, gint64 *value)
{
    const gsize first = length > 0 && text[0] == '-' ? 1 : 0;
    for (gsize i = first; i < length; i++)
        if (!g_ascii_isdigit(text[i]))
            return FALSE;
    const gsize n = length - first;
    return n > 0 && (n == 1 || text[first] != '0') && json_parse_int(text, length, value);
}

gboolean
json_text_number(const char *text, gsize length, double *value)
{
    if (length == 0 || (text[0] != '-' && !g_ascii_isdigit(text[0])))
        return FALSE;
    *value = json_parse_double(text, length);
    return TRUE;
}

/* ---- Checking; each moves *at behind what it has checked ---- */

static gboolean
check_string(const char **at, const char *end, gboolean *ascii)
{
    for (const char *p = *at; p < end; p++) {
        const guchar c = (guchar)*p;
        if (c == '"') {
            *at = p + 1;
            return TRUE;
        }
        *ascii = *ascii && c < 0x80;
        if (c < 0x20)
            return FALSE;
        if (c != '\\')
            continue;
        /* \u may be half a pair: what has any is for the reader that knows all about it. */
        if (++p >= end || *p == '\0' || strchr("\"\\bfnrt", *p) == NULL)
            return FALSE;
    }
    return FALSE;
}

static gboolean
check_digits(const char **at, const char *end)
{
    const char *start = *at;
    while (*at < end && g_ascii_isdigit(**at))
        (*at)++;
    return *at > start;
}

static gboolean
check_number(const char **at, const char *end)
{
    if (**at == '-')
        (*at)++;
    const char *first = *at;
    if (!check_digits(at, end) || (*first == '0' && *at - first > 1))
        return FALSE;
    if (*at < end && **at == '.') {
        (*at)++;
        if (!check_digits(at, end))
            return FALSE;
    }
    if (*at < end && (**at == 'e' || **at == 'E')) {
        (*at)++;
        if (*at < end && (**at == '-' || **at == '+'))
            (*at)++;
        return check_digits(at, end);
    }
    return TRUE;
}

static gboolean
check_word(const char **at, const char *end)
{
    static const char *const words[] = {"true", "false", "null"};
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        const gsize n = strlen(words[i]);
        if ((gsize)(end - *at) >= n && memcmp(*at, words[i], n) == 0) {
            *at += n;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean check_value(const char **at, const char *end, guint depth, gboolean *ascii);

static gboolean
check_member(const char **at, const char *end, guint depth, gboolean object, gboolean *ascii)
{
    if (object) {
        if (*at >= end || *(*at)++ != '"' || !check_string(at, end, ascii) || *at >= end ||
            *(*at)++ != ':')
            return FALSE;
    }
    return check_value(at, end, depth, ascii);
}

static gboolean
check_container(const char **at, const char *end, guint depth, gboolean *ascii)
{
    const gboolean object = *(*at)++ == '{';
    const char close = object ? '}' : ']';
    if (depth == 0 || *at >= end)
        return FALSE;
    if (**at == close) {
        (*at)++;
        return TRUE;
    }
    for (;;) {
        if (!check_member(at, end, depth - 1, object, ascii) || *at >= end)
            return FALSE;
        const char c = *(*at)++;
        if (c == close)
            return TRUE;
        if (c != ',')
            return FALSE;
    }
}

static gboolean
check_value(const char **at, const char *end, guint depth, gboolean *ascii)
{
    if (*at >= end)
        return FALSE;
    switch (**at) {
    case '{':
    case '[':
        return check_container(at, end, depth, ascii);
    case '"':
        (*at)++;
        return check_string(at, end, ascii);
    case 't':
    case 'f':
    case 'n':
        return check_word(at, end);
    default:
        return (**at == '-' || g_ascii_isdigit(**at)) && check_number(at, end);
    }
}

gboolean
json_text_is_compact(const char *text, gsize length, guint max_nesting)
{
    const char *at = text, *end = text + length;
    gboolean ascii = TRUE;
    return check_value(&at, end, max_nesting, &ascii) && at == end &&
           (ascii || g_utf8_validate_len(text, length, NULL));
}
