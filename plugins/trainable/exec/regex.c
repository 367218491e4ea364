/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Metrics by regular expression: GRegex's syntax, which is PCRE2's. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec-private.h"

struct pattern {
    char *name, *regex;
    pcre2_code *code;
    pcre2_match_data *data;
};

/* Without a group nobody knows what of the match is the value. */
static int
has_group(const pattern *self, const char *regex, pbx_error *error)
{
    uint32_t n = 0;
    pcre2_pattern_info(self->code, PCRE2_INFO_CAPTURECOUNT, &n);
    if (n > 0)
        return 1;
    snprintf(error->where, sizeof error->where, "metrics.%.100s", self->name);
    snprintf(error->message, sizeof error->message,
             "'%.200s' needs a group (...) around the value, as in \"loss=(\\\\S+)\"", regex);
    return 0;
}

pattern *
pattern_new(const char *name, const char *regex, pbx_error *error)
{
    int code;
    PCRE2_SIZE at;
    pattern *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->name = strdup(name);
    self->regex = strdup(regex);
    if (self->name == NULL || self->regex == NULL) {
        pattern_free(self);
        return NULL;
    }
    /* Programs print any bytes: what is no UTF-8 matches nothing, and is no error. */
    self->code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
                               PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &code, &at, NULL);
    if (self->code == NULL) {
        PCRE2_UCHAR why[200];
        pcre2_get_error_message(code, why, sizeof why);
        snprintf(error->where, sizeof error->where, "metrics.%.100s", name);
        snprintf(error->message, sizeof error->message,
                 "bad regular expression at character %zu: %s", (size_t)at + 1, (const char *)why);
    } else if (has_group(self, regex, error)) {
        pcre2_jit_compile(self->code, PCRE2_JIT_COMPLETE);
        self->data = pcre2_match_data_create_from_pattern(self->code, NULL);
    }
    if (self->data == NULL) {
        pattern_free(self);
        return NULL;
    }
    return self;
}

void
pattern_free(pattern *self)
{
    if (self == NULL)
        return;
    pcre2_match_data_free(self->data);
    pcre2_code_free(self->code);
    free(self->name);
    free(self->regex);
    free(self);
}

const char *
pattern_name(const pattern *self)
{
    return self->name;
}

const char *
pattern_regex(const pattern *self)
{
    return self->regex;
}

/* The first group that took part. */
static char *
captured(const pattern *self, const char *line, int n_groups)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(self->data);
    for (int i = 1; i < n_groups; i++)
        if (ends[2 * i] != PCRE2_UNSET)
            return strndup(line + ends[2 * i], ends[2 * i + 1] - ends[2 * i]);
    return NULL;
}

char *
pattern_match(const pattern *self, const char *line, size_t n)
{
    char *last = NULL;
    PCRE2_SIZE at = 0;
    while (at <= n) {
        int n_groups = pcre2_match(self->code, (PCRE2_SPTR)line, n, at, 0, self->data, NULL);
        if (n_groups < 0)
            break;
        char *found = captured(self, line, n_groups);
        if (last == NULL || (found != NULL && found[0] != '\0')) {
            free(last);
            last = found;
        } else {
            free(found); /* an empty match after one with a value says nothing */
        }
        const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(self->data);
        /* An empty match must not be found again for ever. */
        at = ends[1] > at ? ends[1] : at + 1;
        while (at < n && ((unsigned char)line[at] & 0xc0) == 0x80)
            at++;
    }
    return last;
}
