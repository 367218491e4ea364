/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tolerant reader of what programs print: straight into json-glib's nodes. */
#include <math.h>
#include <string.h>

#include "json/json-private.h"

typedef struct {
    const char *text, *at, *end;
    guint depth; /* levels that are left */
    GString *scratch;
    GError **error;
} PbxRead;

static JsonNode *read_value(PbxRead *read);

static JsonNode *
fail(PbxRead *read, const char *message)
{
    g_set_error(read->error, PBX_JSON_ERROR, PBX_JSON_ERROR_SYNTAX,
                "%s at character %" G_GSIZE_FORMAT, message, (gsize)(read->at - read->text) + 1);
    return NULL;
}

static void
skip_space(PbxRead *read)
{
    while (read->at < read->end &&
           (*read->at == ' ' || *read->at == '\t' || *read->at == '\n' || *read->at == '\r'))
        read->at++;
}

static gboolean
next_is(PbxRead *read, char c)
{
    if (read->at >= read->end || *read->at != c)
        return FALSE;
    read->at++;
    return TRUE;
}

/* What cannot stand in a C string or is no character becomes U+FFFD. */
static gunichar
read_unicode(PbxRead *read, int code)
{
    gunichar c = (gunichar)code;
    if (c >= 0xd800 && c <= 0xdbff && read->end - read->at >= 6 && read->at[0] == '\\' &&
        read->at[1] == 'u') {
        int low = json_hex4(read->at + 2, read->end);
        if (low >= 0xdc00 && low <= 0xdfff) {
            read->at += 6;
            return 0x10000 + ((c - 0xd800) << 10) + ((gunichar)low - 0xdc00);
        }
    }
    return c == 0 || (c >= 0xd800 && c <= 0xdfff) ? 0xfffd : c;
}

static gboolean
read_escape(PbxRead *read)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (read->at >= read->end)
        return FALSE;
    char c = *read->at++;
    if (c == 'u') {
        int code = json_hex4(read->at, read->end);
        if (code < 0)
            return FALSE;
        read->at += 4;
        g_string_append_unichar(read->scratch, read_unicode(read, code));
        return TRUE;
    }
    const char *letter = c != '\0' ? strchr(letters, c) : NULL;
    if (letter == NULL)
        return FALSE;
    g_string_append_c(read->scratch, meanings[letter - letters]);
    return TRUE;
}

/* A string's text into the scratch buffer; `at` is behind its opening quote. */
static gboolean
read_text(PbxRead *read)
{
    gboolean ascii = TRUE;
    g_string_truncate(read->scratch, 0);
    for (;;) {
        const char *run = read->at;
        while (read->at < read->end && *read->at != '"' && *read->at != '\\') {
            ascii = ascii && *read->at > 0;
            read->at++;
        }
        g_string_append_len(read->scratch, run, read->at - run);
        if (read->at >= read->end) {
            fail(read, "a string without an end");
            return FALSE;
        }
        if (*read->at++ == '"')
            break;
        if (!read_escape(read)) {
            fail(read, "a bad escape");
            return FALSE;
        }
    }
    if (!ascii && !g_utf8_validate_len(read->scratch->str, read->scratch->len, NULL)) {
        g_autofree char *valid = g_utf8_make_valid(read->scratch->str, read->scratch->len);
        g_string_assign(read->scratch, valid);
    }
    return TRUE;
}

static JsonNode *
new_string(const char *text)
{
    return json_node_init_string(json_node_alloc(), text);
}

static JsonNode *
new_double(double value)
{
    if (isfinite(value))
        return json_node_init_double(json_node_alloc(), value);
    return new_string(isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

static gsize
digits(PbxRead *read)
{
    const char *start = read->at;
    while (read->at < read->end && *read->at >= '0' && *read->at <= '9')
        read->at++;
    return read->at - start;
}

/* -Infinity, or a number; the grammar is JSON's. */
static JsonNode *
read_number(PbxRead *read)
{
    const char *start = read->at;
    gboolean integer = TRUE;
    next_is(read, '-');
    if (read->end - read->at >= 8 && memcmp(read->at, "Infinity", 8) == 0) {
        read->at += 8;
        return new_string("-Infinity");
    }
    const char *first = read->at;
    gsize n = digits(read);
    if (n == 0 || (*first == '0' && n > 1))
        return fail(read, "a malformed number");
    if (next_is(read, '.')) {
        integer = FALSE;
        if (digits(read) == 0)
            return fail(read, "a malformed number");
    }
    if (next_is(read, 'e') || next_is(read, 'E')) {
        integer = FALSE;
        if (!next_is(read, '-'))
            next_is(read, '+');
        if (digits(read) == 0)
            return fail(read, "a malformed number");
    }
    gint64 value = 0;
    if (integer && json_parse_int(start, read->at - start, &value))
        return json_node_init_int(json_node_alloc(), value);
    return new_double(json_parse_double(start, read->at - start));
}

static gboolean
word_is(PbxRead *read, const char *word)
{
    gsize n = strlen(word);
    if ((gsize)(read->end - read->at) < n || memcmp(read->at, word, n) != 0)
        return FALSE;
    read->at += n;
    return TRUE;
}

static JsonNode *
read_word(PbxRead *read)
{
    if (word_is(read, "true"))
        return json_node_init_boolean(json_node_alloc(), TRUE);
    if (word_is(read, "false"))
        return json_node_init_boolean(json_node_alloc(), FALSE);
    if (word_is(read, "null"))
        return json_node_init_null(json_node_alloc());
    if (word_is(read, "NaN"))
        return new_string("NaN");
    if (word_is(read, "Infinity"))
        return new_string("Infinity");
    return fail(read, "no JSON value");
}

/* "key": value into the object. */
static gboolean
read_member(PbxRead *read, JsonObject *object)
{
    skip_space(read);
    if (!next_is(read, '"')) {
        fail(read, "expected a key");
        return FALSE;
    }
    if (!read_text(read))
        return FALSE;
    char small[64];
    g_autofree char *large = NULL;
    char *key = small;
    if (read->scratch->len >= sizeof small)
        key = large = g_strdup(read->scratch->str);
    else
        memcpy(small, read->scratch->str, read->scratch->len + 1);
    skip_space(read);
    if (!next_is(read, ':')) {
        fail(read, "expected ':'");
        return FALSE;
    }
    JsonNode *value = read_value(read);
    if (value == NULL)
        return FALSE;
    json_object_set_member(object, key, value);
    return TRUE;
}

static gboolean
read_members(PbxRead *read, JsonObject *object)
{
    skip_space(read);
    if (next_is(read, '}'))
        return TRUE;
    do {
        if (!read_member(read, object))
            return FALSE;
        skip_space(read);
    } while (next_is(read, ','));
    if (next_is(read, '}'))
        return TRUE;
    fail(read, "expected ',' or '}'");
    return FALSE;
}

static gboolean
read_items(PbxRead *read, JsonArray *array)
{
    skip_space(read);
    if (next_is(read, ']'))
        return TRUE;
    do {
        JsonNode *item = read_value(read);
        if (item == NULL)
            return FALSE;
        json_array_add_element(array, item);
        skip_space(read);
    } while (next_is(read, ','));
    if (next_is(read, ']'))
        return TRUE;
    fail(read, "expected ',' or ']'");
    return FALSE;
}

static JsonNode *
read_container(PbxRead *read)
{
    if (read->depth == 0) {
        g_set_error(read->error, PBX_JSON_ERROR, PBX_JSON_ERROR_NESTING,
                    "nested too deep at character %" G_GSIZE_FORMAT,
                    (gsize)(read->at - read->text) + 1);
        return NULL;
    }
    read->depth--;
    JsonNode *node = json_node_alloc();
    gboolean good;
    if (*read->at++ == '{') {
        JsonObject *object = json_object_new();
        json_node_init(node, JSON_NODE_OBJECT);
        json_node_take_object(node, object);
        good = read_members(read, object);
    } else {
        JsonArray *array = json_array_new();
        json_node_init(node, JSON_NODE_ARRAY);
        json_node_take_array(node, array);
        good = read_items(read, array);
    }
    read->depth++;
    if (!good)
        g_clear_pointer(&node, json_node_unref);
    return node;
}

static JsonNode *
read_value(PbxRead *read)
{
    skip_space(read);
    if (read->at >= read->end)
        return fail(read, "the end where a value should be");
    char c = *read->at;
    if (c == '{' || c == '[')
        return read_container(read);
    if (c == '-' || (c >= '0' && c <= '9'))
        return read_number(read);
    if (c != '"')
        return read_word(read);
    read->at++;
    return read_text(read) ? new_string(read->scratch->str) : NULL;
}

JsonNode *
json_read(const char *text, gsize length, guint max_nesting, GError **error)
{
    PbxRead read = {
        .text = text,
        .at = text,
        .end = text + length,
        .depth = MIN(max_nesting, DOC_MAX_NESTING),
        .error = error,
    };
    read.scratch = g_string_sized_new(64);
    g_autoptr(JsonNode) node = read_value(&read);
    g_string_free(read.scratch, TRUE);
    if (node == NULL)
        return NULL;
    skip_space(&read);
    if (read.at < read.end)
        return fail(&read, "text after the value");
    return g_steal_pointer(&node);
}
