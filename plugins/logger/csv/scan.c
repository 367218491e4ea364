/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scan.h"

/* From behind a quote to behind the closing one. */
static const char *
skip_string(const char *at)
{
    while (*at != '"' && *at != '\0')
        at += *at == '\\' && at[1] != '\0' ? 2 : 1;
    return *at == '"' ? at + 1 : at;
}

/* To the ',' or bracket behind a value. */
static const char *
skip_value(const char *at)
{
    size_t depth = 0;
    for (; *at != '\0'; at++) {
        if (*at == '"')
            at = skip_string(at + 1) - 1;
        else if (*at == '{' || *at == '[')
            depth++;
        else if (depth == 0 && (*at == ',' || *at == '}' || *at == ']'))
            break;
        else if (*at == '}' || *at == ']')
            depth--;
    }
    return at;
}

const char *
scan_member(const char *at, Member *member)
{
    if ((*at != '{' && *at != ',') || at[1] != '"')
        return NULL;
    member->key = at + 2;
    at = skip_string(member->key);
    if (*at != ':')
        return NULL;
    member->key_n = (size_t)(at - member->key) - 1;
    member->value = at + 1;
    at = skip_value(member->value);
    member->value_n = (size_t)(at - member->value);
    return at;
}

static int
hex(char c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : 0;
}

/* Canonical texts spell control characters alone by their number. */
static char
meaning(const char *escape, size_t n, size_t *used)
{
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
    const char *letter;
    *used = 2;
    if (escape[1] == 'u' && n >= 6) {
        *used = 6;
        return (char)(hex(escape[4]) << 4 | hex(escape[5]));
    }
    letter = strchr(letters, escape[1]);
    return letter != NULL ? meant[letter - letters] : escape[1];
}

pbx_status
scan_string(pbx_memory *to, const char *text, size_t n)
{
    pbx_status status = PBX_OK;
    while (n > 0 && status == PBX_OK) {
        const char *escape = (const char *)memchr(text, '\\', n);
        size_t run = escape != NULL ? (size_t)(escape - text) : n, used = 0;
        status = pbx_memory_add(to, text, run);
        text += run;
        n -= run;
        if (escape != NULL && n < 2)
            break;
        if (escape != NULL && status == PBX_OK) {
            char c = meaning(text, n, &used);
            status = pbx_memory_add(to, &c, 1);
            text += used;
            n -= used;
        }
    }
    return status;
}
