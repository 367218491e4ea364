/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The strict scanner: checks what json-glib lets pass and what would overflow its
 * recursion, keeps the place of each value, and says in one line what is wrong.
 */
#include <string.h>

#include "json/scan-private.h"

static gboolean scan_value(PbxScan *scan, PbxPlace **place);

PbxMark
scan_mark(PbxScan *scan)
{
    for (; scan->marked < scan->at; scan->marked++) {
        if (*scan->marked == '\n') {
            scan->mark.line++;
            scan->mark.column = 1;
        } else if (((guchar)*scan->marked & 0xc0) != 0x80) {
            scan->mark.column++;
        }
    }
    return scan->mark;
}

int
scan_peek(const PbxScan *scan)
{
    return scan->at < scan->end ? (guchar)*scan->at : -1;
}

char *
scan_show(const PbxScan *scan)
{
    if (scan->at >= scan->end)
        return g_strdup("the end of the file");
    gsize n = g_utf8_next_char(scan->at) - scan->at;
    return g_strdup_printf("'%.*s'", (int)n, scan->at);
}

gboolean
scan_fail(PbxScan *scan, PbxMark mark, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    problems_add_at(scan->problems, scan->doc, mark.line, mark.column, "%s", message);
    return FALSE;
}

/* Moves past what is no part of the document, and blanks it in the copy. */
static void
blank(PbxScan *scan, const char *to)
{
    for (; scan->at < to; scan->at++) {
        if (*scan->at != '\n')
            scan->plain[scan->at - scan->text] = ' ';
    }
}

static const char *
find_close(const PbxScan *scan)
{
    for (const char *p = scan->at + 2; p + 1 < scan->end; p++) {
        if (p[0] == '*' && p[1] == '/')
            return p + 2;
    }
    return NULL;
}

static gboolean
skip_comment(PbxScan *scan)
{
    PbxMark mark = scan_mark(scan);
    char kind = scan->end - scan->at > 1 ? scan->at[1] : '\0';
    if (kind != '/' && kind != '*')
        return scan_fail(scan, mark, "a lone '/'");
    if (!(scan->flags & DOC_COMMENTS))
        return scan_fail(scan, mark, "comments are not allowed here");
    const char *to = kind == '*' ? find_close(scan) : memchr(scan->at, '\n', scan->end - scan->at);
    if (to == NULL && kind == '*')
        return scan_fail(scan, mark, "this comment is not closed: a '*/' is missing");
    blank(scan, to != NULL ? to : scan->end);
    return TRUE;
}

static gboolean
skip_space(PbxScan *scan)
{
    for (;;) {
        int c = scan_peek(scan);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            scan->at++;
        else if (c != '/')
            return c != '#' || scan_fail(scan, scan_mark(scan), "a comment begins with //, not #");
        else if (!skip_comment(scan))
            return FALSE;
    }
}

/* What stands where a key should. */
static gboolean
bad_key(PbxScan *scan)
{
    PbxMark mark = scan_mark(scan);
    int c = scan_peek(scan);
    gsize n = scan_word_length(scan);
    if (c == '\'')
        return scan_fail(scan, mark, "a key stands in double quotes, not in single ones");
    if (n > 0 && n <= 64) {
        int length = (int)n;
        return scan_fail(scan, mark, "the key %.*s needs double quotes: \"%.*s\"", length, scan->at,
                         length, scan->at);
    }
    g_autofree char *shown = scan_show(scan);
    return scan_fail(scan, mark, "expected a key in double quotes, found %s", shown);
}

/* What stands where a comma or the end of a container should. */
static gboolean
bad_separator(PbxScan *scan, PbxMark open, char opened)
{
    PbxMark mark = scan_mark(scan);
    int c = scan_peek(scan);
    char close = opened == '{' ? '}' : ']';
    if (c < 0)
        return scan_fail(scan, mark, "the '%c' of %u:%u is not closed: a '%c' is missing", opened,
                         open.line, open.column, close);
    if (c == '}' || c == ']')
        return scan_fail(scan, mark, "expected ',' or '%c' for the '%c' of %u:%u, found '%c'",
                         close, opened, open.line, open.column, c);
    if (c == '"' || c == '{' || c == '[' || c == '-' || scan_word_length(scan) > 0)
        return scan_fail(scan, mark, "a comma is missing before this");
    g_autofree char *shown = scan_show(scan);
    return scan_fail(scan, mark, "expected ',' or '%c', found %s", close, shown);
}

/*
 * After a value: moves past a comma, or past the end of the container (*more is FALSE).
 * FALSE where neither is there.
 */
static gboolean
scan_separator(PbxScan *scan, PbxMark open, char opened, gboolean *more)
{
    char close = opened == '{' ? '}' : ']';
    if (!skip_space(scan))
        return FALSE;
    int c = scan_peek(scan);
    *more = c == ',';
    if (c == close) {
        scan->at++;
        return TRUE;
    }
    if (c != ',')
        return bad_separator(scan, open, opened);
    PbxMark comma = scan_mark(scan);
    scan->at++;
    if (!skip_space(scan))
        return FALSE;
    if (scan_peek(scan) == close)
        return scan_fail(scan, comma, "a comma before '%c': remove it", close);
    return TRUE;
}

/* A key for a message; a long one is cut. (transfer full) */
static char *
scan_key_shown(const char *key)
{
    return g_utf8_substring(key, 0, MIN(g_utf8_strlen(key, -1), 64));
}

static gboolean
scan_key(PbxScan *scan, char **key, PbxMark *mark)
{
    *mark = scan_mark(scan);
    if (scan_peek(scan) != '"')
        return bad_key(scan);
    if (!scan_string(scan, key) || !skip_space(scan))
        return FALSE;
    if (scan_peek(scan) != ':') {
        g_autofree char *shown = scan_show(scan);
        g_autofree char *name = scan_key_shown(*key);
        return scan_fail(scan, scan_mark(scan), "expected ':' after the key \"%s\", found %s", name,
                         shown);
    }
    scan->at++;
    return skip_space(scan);
}

static gboolean
scan_member(PbxScan *scan, PbxPlace *object)
{
    g_autofree char *key = NULL;
    g_autoptr(PbxPlace) value = NULL;
    PbxMark mark;
    if (!scan_key(scan, &key, &mark))
        return FALSE;
    const PbxPlace *first = place_member(object, key);
    PbxMark origin = mark;
    if (first != NULL) {
        origin = (PbxMark){first->key_line, first->key_column};
        g_autofree char *shown = scan_key_shown(key);
        problems_add_at(scan->problems, scan->doc, mark.line, mark.column,
                        "duplicate key '%s' (first at %u:%u)", shown, origin.line, origin.column);
    }
    if (!scan_value(scan, &value))
        return FALSE;
    value->key_line = origin.line;
    value->key_column = origin.column;
    place_set_member(object, key, g_steal_pointer(&value));
    return TRUE;
}

static gboolean
scan_object(PbxScan *scan, PbxPlace *place)
{
    PbxMark open = {place->line, place->column};
    gboolean more = TRUE;
    scan->at++;
    if (!skip_space(scan))
        return FALSE;
    if (scan_peek(scan) == '}') {
        scan->at++;
        return TRUE;
    }
    while (more) {
        if (!scan_member(scan, place) || !scan_separator(scan, open, '{', &more))
            return FALSE;
    }
    return TRUE;
}

static gboolean
scan_array(PbxScan *scan, PbxPlace *place)
{
    PbxMark open = {place->line, place->column};
    gboolean more = TRUE;
    scan->at++;
    if (!skip_space(scan))
        return FALSE;
    if (scan_peek(scan) == ']') {
        scan->at++;
        return TRUE;
    }
    place->items = g_ptr_array_new_with_free_func((GDestroyNotify)place_free);
    while (more) {
        PbxPlace *item = NULL;
        if (!scan_value(scan, &item))
            return FALSE;
        g_ptr_array_add(place->items, item);
        if (!scan_separator(scan, open, '[', &more))
            return FALSE;
    }
    return TRUE;
}

static gboolean
scan_container(PbxScan *scan, PbxPlace *place)
{
    if (scan->depth == DOC_MAX_NESTING)
        return scan_fail(scan, scan_mark(scan), "nested deeper than %d levels", DOC_MAX_NESTING);
    scan->depth++;
    gboolean good = *scan->at == '{' ? scan_object(scan, place) : scan_array(scan, place);
    scan->depth--;
    return good;
}

static gboolean
bad_value(PbxScan *scan)
{
    PbxMark mark = scan_mark(scan);
    switch (scan_peek(scan)) {
    case '\'':
        return scan_fail(scan, mark, "a text stands in double quotes, not in single ones");
    case '+':
        return scan_fail(scan, mark, "a number may not begin with '+'");
    case '.':
        return scan_fail(scan, mark, "a number needs a digit before its point: write 0.5, not .5");
    default:
        break;
    }
    g_autofree char *shown = scan_show(scan);
    return scan_fail(scan, mark, "expected a value, found %s", shown);
}

/* *place is set only where the value is good. */
static gboolean
scan_value(PbxScan *scan, PbxPlace **place)
{
    PbxMark mark = scan_mark(scan);
    g_autoptr(PbxPlace) here = place_new(mark.line, mark.column);
    int c = scan_peek(scan);
    gboolean good;
    if (c == '{' || c == '[')
        good = scan_container(scan, here);
    else if (c == '"')
        good = scan_string(scan, NULL);
    else if (c == '-' || (c >= '0' && c <= '9'))
        good = scan_number(scan);
    else if (scan_word_length(scan) > 0)
        good = scan_word(scan);
    else
        good = bad_value(scan);
    if (good)
        *place = g_steal_pointer(&here);
    return good;
}

static gboolean
check_characters(PbxScan *scan)
{
    const char *bad = NULL;
    if (g_utf8_validate_len(scan->text, scan->end - scan->text, &bad))
        return TRUE;
    const char *start = scan->at;
    scan->at = bad;
    PbxMark mark = scan_mark(scan);
    scan->at = start;
    if (*bad == '\0')
        return scan_fail(scan, mark, "a NUL byte: the file is to be JSON in UTF-8");
    return scan_fail(scan, mark, "the byte 0x%02x is not UTF-8: save the file as UTF-8",
                     (guchar)*bad);
}

static gboolean
scan_document(PbxScan *scan, PbxPlace **place)
{
    if (!check_characters(scan))
        return FALSE;
    if (scan->end - scan->at >= 3 && memcmp(scan->at, "\xef\xbb\xbf", 3) == 0) {
        blank(scan, scan->at + 3); /* a byte order mark: no character of the text */
        scan->marked = scan->at;
    }
    if (!skip_space(scan))
        return FALSE;
    if (scan->at == scan->end)
        return scan_fail(scan, (PbxMark){1, 1}, "there is no JSON value: the text is empty");
    if (!scan_value(scan, place) || !skip_space(scan))
        return FALSE;
    if (scan->at < scan->end) {
        g_autofree char *shown = scan_show(scan);
        return scan_fail(scan, scan_mark(scan), "%s after the end of the document", shown);
    }
    return !scan->unreadable;
}

PbxPlace *
json_scan(const PbxDoc *doc, const char *text, gsize length, char *plain, PbxDocFlags flags,
          PbxProblems *problems)
{
    PbxScan scan = {
        .doc = doc,
        .problems = problems,
        .flags = flags,
        .text = text,
        .end = text + length,
        .at = text,
        .plain = plain,
        .marked = text,
        .mark = {1, 1},
    };
    g_autoptr(PbxPlace) place = NULL;
    if (!scan_document(&scan, &place))
        return NULL;
    return g_steal_pointer(&place);
}
