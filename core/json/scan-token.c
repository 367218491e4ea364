/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The strict scanner's tokens: strings, numbers, words. */
#include <math.h>
#include <string.h>

#include "json/scan-private.h"

int
json_hex4(const char *text, const char *end)
{
    int value = 0;
    if (end - text < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value(text[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The low half of a pair whose high half was read; 0: there is none. */
static gunichar
low_surrogate(const PbxScan *scan)
{
    if (scan->end - scan->at < 6 || scan->at[0] != '\\' || scan->at[1] != 'u')
        return 0;
    int low = json_hex4(scan->at + 2, scan->end);
    return low >= 0xdc00 && low <= 0xdfff ? (gunichar)low : 0;
}

/* \uXXXX, with `at` behind the u. `mark` is the backslash's. */
static gboolean
scan_unicode(PbxScan *scan, PbxMark mark, GString *out)
{
    int code = json_hex4(scan->at, scan->end);
    if (code < 0)
        return scan_fail(scan, mark, "\\u needs four hexadecimal digits");
    scan->at += 4;
    gunichar c = (gunichar)code;
    gunichar low = c >= 0xd800 && c <= 0xdbff ? low_surrogate(scan) : 0;
    if (low != 0) {
        scan->at += 6;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    } else if (c >= 0xd800 && c <= 0xdfff) {
        scan->unreadable = TRUE;
        problems_add_at(scan->problems, scan->doc, mark.line, mark.column,
                        "\\u%04x is half of a surrogate pair, no character", c);
        c = 0xfffd;
    } else if (c == 0) {
        scan->unreadable = TRUE;
        problems_add_at(scan->problems, scan->doc, mark.line, mark.column,
                        "\\u0000 cannot stand in a string");
        c = 0xfffd;
    }
    g_string_append_unichar(out, c);
    return TRUE;
}

static gboolean
scan_escape(PbxScan *scan, GString *out)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    PbxMark mark = scan_mark(scan);
    scan->at++;
    int c = scan_peek(scan);
    if (c == 'u') {
        scan->at++;
        return scan_unicode(scan, mark, out);
    }
    const char *letter = c > 0 ? strchr(letters, c) : NULL;
    if (letter == NULL) {
        g_autofree char *shown = scan_show(scan);
        return scan_fail(scan, mark, "a backslash before %s: a backslash itself is written \\\\",
                         shown);
    }
    g_string_append_c(out, meanings[letter - letters]);
    scan->at++;
    return TRUE;
}

static gboolean
bad_control(PbxScan *scan, PbxMark start)
{
    int c = scan_peek(scan);
    if (c < 0)
        return scan_fail(scan, start, "this string is not closed: a '\"' is missing");
    if (c == '\n' || c == '\r')
        return scan_fail(scan, start,
                         "this string is not closed on its line: a '\"' is missing, or write "
                         "\\n for a line break");
    if (c == '\t')
        return scan_fail(scan, scan_mark(scan), "a tab in a string: write \\t");
    return scan_fail(scan, scan_mark(scan), "a control character in a string: write \\u%04x", c);
}

gboolean
scan_string(PbxScan *scan, char **value)
{
    PbxMark start = scan_mark(scan);
    g_autoptr(GString) out = g_string_new(NULL);
    scan->at++;
    for (;;) {
        const char *run = scan->at;
        while (scan->at < scan->end && *scan->at != '"' && *scan->at != '\\' &&
               (guchar)*scan->at >= 0x20)
            scan->at++;
        g_string_append_len(out, run, scan->at - run);
        int c = scan_peek(scan);
        if (c == '"')
            break;
        if (c != '\\')
            return bad_control(scan, start);
        if (!scan_escape(scan, out))
            return FALSE;
    }
    scan->at++;
    if (value != NULL)
        *value = g_strdup(out->str);
    return TRUE;
}

static gsize
digits(PbxScan *scan)
{
    const char *start = scan->at;
    while (scan->at < scan->end && g_ascii_isdigit(*scan->at))
        scan->at++;
    return scan->at - start;
}

/* The part after the sign; *integer: neither point nor exponent. */
static gboolean
scan_magnitude(PbxScan *scan, PbxMark mark, gboolean *integer)
{
    int first = scan_peek(scan);
    gsize n = digits(scan);
    if (n == 0 && first == '.')
        return scan_fail(scan, mark, "a number needs a digit before its point: write 0.5, not .5");
    if (n == 0)
        return scan_fail(scan, mark, "a number needs a digit after its '-'");
    if (first == '0' && n > 1)
        return scan_fail(scan, mark, "a number has no leading zeros");
    *integer = TRUE;
    if (scan_peek(scan) == '.') {
        *integer = FALSE;
        scan->at++;
        if (digits(scan) == 0)
            return scan_fail(scan, mark, "a number needs a digit after its point");
    }
    int e = scan_peek(scan);
    if (e == 'e' || e == 'E') {
        *integer = FALSE;
        scan->at++;
        if (scan_peek(scan) == '-' || scan_peek(scan) == '+')
            scan->at++;
        if (digits(scan) == 0)
            return scan_fail(scan, mark, "a number needs a digit in its exponent");
    }
    return TRUE;
}

gboolean
scan_number(PbxScan *scan)
{
    PbxMark mark = scan_mark(scan);
    const char *start = scan->at;
    gboolean integer = FALSE;
    gint64 ignored = 0;
    if (scan_peek(scan) == '-')
        scan->at++;
    if (scan_word_length(scan) > 0 && g_ascii_isalpha(*scan->at))
        return scan_word(scan);
    if (!scan_magnitude(scan, mark, &integer))
        return FALSE;
    if (scan_word_length(scan) > 0)
        return scan_fail(scan, mark, "a number with letters in it: a text needs double quotes");
    gsize length = scan->at - start;
    if (integer ? json_parse_int(start, length, &ignored)
                : isfinite(json_parse_double(start, length)))
        return TRUE;
    scan->unreadable = TRUE;
    int shown = (int)MIN(length, 40);
    problems_add_at(scan->problems, scan->doc, mark.line, mark.column, "%.*s%s does not fit %s",
                    shown, start, length > 40 ? "..." : "", integer ? "64 bits" : "a double");
    return TRUE;
}

gsize
scan_word_length(const PbxScan *scan)
{
    gsize n = 0;
    gsize left = scan->end - scan->at;
    while (n < left && (g_ascii_isalnum(scan->at[n]) || scan->at[n] == '_' || scan->at[n] == '$' ||
                        (guchar)scan->at[n] >= 0x80))
        n++;
    return n;
}

gboolean
scan_word(PbxScan *scan)
{
    static const struct {
        const char *word, *mend;
    } others[] = {
        {"NaN", "write the string \"NaN\""},
        {"nan", "write the string \"NaN\""},
        {"Infinity", "write the string \"Infinity\" or \"-Infinity\""},
        {"inf", "write the string \"Infinity\" or \"-Infinity\""},
        {"True", "write true"},
        {"False", "write false"},
        {"None", "write null"},
        {"nil", "write null"},
        {"undefined", "write null"},
    };
    PbxMark mark = scan_mark(scan);
    gsize n = scan_word_length(scan);
    const char *start = scan->at;
    g_autofree char *word = g_strndup(start, MIN(n, 64));
    gboolean minus = start > scan->text && start[-1] == '-';
    if (!minus &&
        (g_str_equal(word, "true") || g_str_equal(word, "false") || g_str_equal(word, "null"))) {
        scan->at += n;
        return TRUE;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
        if (g_str_equal(word, others[i].word))
            return scan_fail(scan, mark, "%s is not JSON: %s", word, others[i].mend);
    }
    g_autofree char *valid = g_utf8_make_valid(word, -1);
    return scan_fail(scan, mark, "unknown word '%s': a text needs double quotes", valid);
}
