/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one JSON writer of the hot path: canonical, compact, shortest doubles. */
#include <math.h>
#include <string.h>

#include "json/json-private.h"

/* 0: as it is; 'u': \u00XX; 'x': part of a longer character; else the letter after a backslash. */
static char
escape_of(guchar c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return c < 0x20 || c == 0x7f ? 'u' : c >= 0x80 ? 'x' : 0;
    }
}

/* Appends the character at p, or U+FFFD for a byte that is none; returns what follows. */
static const char *
put_wide(GString *out, const char *p)
{
    gunichar c = g_utf8_get_char_validated(p, -1);
    if (c == (gunichar)-1 || c == (gunichar)-2) {
        g_string_append(out, "\xef\xbf\xbd");
        return p + 1;
    }
    const char *next = g_utf8_next_char(p);
    g_string_append_len(out, p, next - p);
    return next;
}

void
json_put_string(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    for (const char *p = text; *p != '\0';) {
        const char *run = p;
        char escape = 0;
        while (*p != '\0' && (escape = escape_of((guchar)*p)) == 0)
            p++;
        g_string_append_len(out, run, p - run);
        if (*p == '\0')
            break;
        if (escape == 'x') {
            p = put_wide(out, p);
            continue;
        }
        if (escape == 'u') {
            g_string_append_printf(out, "\\u%04x", (guchar)*p);
        } else {
            g_string_append_c(out, '\\');
            g_string_append_c(out, escape);
        }
        p++;
    }
    g_string_append_c(out, '"');
}

void
json_put_double(GString *out, double value)
{
    char buffer[32];
    if (isnan(value)) {
        g_string_append(out, "\"NaN\"");
    } else if (isinf(value)) {
        g_string_append(out, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    } else {
        json_format_double(value, buffer);
        g_string_append(out, buffer);
    }
}

void
json_put_int(GString *out, gint64 value)
{
    char digits[24];
    char *p = digits + sizeof digits;
    guint64 m = value < 0 ? 0 - (guint64)value : (guint64)value;
    do {
        *--p = (char)('0' + m % 10);
        m /= 10;
    } while (m > 0);
    if (value < 0)
        *--p = '-';
    g_string_append_len(out, p, digits + sizeof digits - p);
}

static void
put_value(GString *out, JsonNode *node)
{
    GType type = json_node_get_value_type(node);
    if (type == G_TYPE_INT64)
        json_put_int(out, json_node_get_int(node));
    else if (type == G_TYPE_DOUBLE)
        json_put_double(out, json_node_get_double(node));
    else if (type == G_TYPE_BOOLEAN)
        g_string_append(out, json_node_get_boolean(node) ? "true" : "false");
    else
        json_put_string(out, json_node_get_string(node));
}

static void
put_object(GString *out, JsonObject *object)
{
    JsonObjectIter iter;
    const char *name = NULL;
    JsonNode *member = NULL;
    gboolean first = TRUE;
    g_string_append_c(out, '{');
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &member)) {
        if (!first)
            g_string_append_c(out, ',');
        first = FALSE;
        json_put_string(out, name);
        g_string_append_c(out, ':');
        json_put_node(out, member);
    }
    g_string_append_c(out, '}');
}

static void
put_array(GString *out, JsonArray *array)
{
    guint n = json_array_get_length(array);
    g_string_append_c(out, '[');
    for (guint i = 0; i < n; i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        json_put_node(out, json_array_get_element(array, i));
    }
    g_string_append_c(out, ']');
}

void
json_put_node(GString *out, JsonNode *node)
{
    switch (json_node_get_node_type(node)) {
    case JSON_NODE_OBJECT:
        put_object(out, json_node_get_object(node));
        break;
    case JSON_NODE_ARRAY:
        put_array(out, json_node_get_array(node));
        break;
    case JSON_NODE_VALUE:
        put_value(out, node);
        break;
    case JSON_NODE_NULL:
        g_string_append(out, "null");
        break;
    }
}

char *
json_to_text(JsonNode *node)
{
    GString *out = g_string_new(NULL);
    json_put_node(out, node);
    return g_string_free(out, FALSE);
}
