/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports as JSON objects, a line each. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "exec-private.h"

/* How deep a number may hide in an object. */
#define MAX_DEPTH 16

static const pbx_json *
parse_object(const reader *to, const char *line, size_t n)
{
    pbx_error error;
    while (n > 0 && isspace((unsigned char)*line)) {
        line++;
        n--;
    }
    while (n > 0 && isspace((unsigned char)line[n - 1]))
        n--;
    if (n < 2 || line[0] != '{' || line[n - 1] != '}' || memchr(line, '\0', n) != NULL)
        return NULL;
    return to->self->json->parse(to->self->host, line, n, &error);
}

/* A metric by its name: a key as it stands, else a path. */
static const pbx_json *
find(const pbx_host *host, const pbx_json *object, const char *name)
{
    const pbx_json *node = host->json_member(object, name);
    for (const char *at = name; node == NULL && (at = strpbrk(at, "./")) != NULL; at++) {
        char *first = strndup(name, (size_t)(at - name));
        const pbx_json *inner = first != NULL ? host->json_member(object, first) : NULL;
        free(first);
        if (host->json_type(inner) == PBX_JSON_OBJECT)
            node = find(host, inner, at + 1);
    }
    return node;
}

/* The metric's number; *as_text: it is a text that holds one. */
static int
metric_number(const pbx_host *host, const pbx_json *node, double *value, int *as_text)
{
    int32_t type = host->json_type(node);
    *as_text = type == PBX_JSON_STRING;
    if (type == PBX_JSON_STRING)
        return text_number(host->json_string(node, ""), value);
    *value = host->json_real(node, 0);
    return type == PBX_JSON_INT || type == PBX_JSON_REAL || type == PBX_JSON_BOOL;
}

static int
has_number(const pbx_host *host, const pbx_json *node, int depth)
{
    int32_t type = host->json_type(node);
    if (type == PBX_JSON_INT || type == PBX_JSON_REAL)
        return 1;
    if (type != PBX_JSON_OBJECT || depth > MAX_DEPTH)
        return 0;
    for (size_t i = 0; i < host->json_length(node); i++)
        if (has_number(host, host->json_item(node, i), depth + 1))
            return 1;
    return 0;
}

static pbx_status
append(void *ctx, const void *bytes, size_t n)
{
    return text_append(ctx, bytes, n) == 0 ? PBX_OK : PBX_ENOMEM;
}

/* "name":value as in an object, of a node, or of a number where that is NULL. malloc'ed. */
static char *
member_of(const reader *to, const char *name, const pbx_json *node, double number)
{
    const pbx_json_write *json = to->self->json;
    text made = {.bytes = NULL};
    pbx_sink sink = {.ctx = &made, .write = append};
    pbx_json_builder *builder = json->begin(to->self->host, &sink);
    json->object_begin(builder);
    json->key(builder, name);
    if (node != NULL)
        json->node(builder, node);
    else
        json->real(builder, number);
    json->object_end(builder);
    if (json->end(builder) != PBX_OK || made.n < 2) {
        text_clear(&made);
        return NULL;
    }
    memmove(made.bytes, made.bytes + 1, made.n - 2);
    made.bytes[made.n - 2] = '\0';
    return made.bytes;
}

static void
gather(reader *to, const pbx_json *object)
{
    const pbx_host *host = to->self->host;
    for (size_t i = 0; i < host->json_length(object); i++) {
        const char *name = host->json_key(object, i);
        reader_set(to, name, member_of(to, name, host->json_item(object, i), 0));
    }
}

/* Which of the metrics the object has; *texts: some as text, so that it cannot be sent on as it
 * stands. What is there but no number counts as missing. */
static size_t
count_metrics(const reader *to, const pbx_json *object, int *texts)
{
    const pbx_host *host = to->self->host;
    size_t n = 0;
    double value;
    int as_text;
    *texts = 0;
    for (size_t i = 0; i < to->n_metrics; i++) {
        if (metric_number(host, find(host, object, to->info->metrics[i]), &value, &as_text)) {
            n++;
            *texts = *texts || as_text;
        }
    }
    return n;
}

/* The metrics in their own right: found by path, or turned from text to number. */
static void
gather_metrics(reader *to, const pbx_json *object)
{
    const pbx_host *host = to->self->host;
    double value;
    int as_text;
    for (size_t i = 0; i < to->n_metrics; i++) {
        const char *name = to->info->metrics[i];
        const pbx_json *node = find(host, object, name);
        int is_number = metric_number(host, node, &value, &as_text);
        if (is_number && as_text)
            reader_set(to, name, member_of(to, name, NULL, value));
        to->seen[i] = is_number || (to->seen[i] && node == NULL);
    }
}

static int
is_trigger(const reader *to, const pbx_json *object)
{
    const pbx_host *host = to->self->host;
    const char *on = to->self->options.report_on;
    if (on != NULL)
        return find(host, object, on) != NULL;
    return to->n_metrics > 0 || has_number(host, object, 0);
}

int
json_line(reader *to, const char *line, size_t n)
{
    const pbx_json *object = parse_object(to, line, n);
    int texts;
    if (object == NULL)
        return 0;
    int trigger = is_trigger(to, object);
    if (trigger && to->n_fields == 0 && count_metrics(to, object, &texts) == to->n_metrics &&
        !texts) {
        reader_report(to, line);
    } else {
        gather(to, object);
        gather_metrics(to, object);
        if (trigger && reader_is_complete(to))
            reader_report(to, NULL);
    }
    to->self->json->release(to->self->host, object);
    return 1;
}

int
json_line_would_match(reader *to, const char *line, size_t n)
{
    int texts;
    const pbx_json *object = parse_object(to, line, n);
    if (object == NULL)
        return 0;
    int found = count_metrics(to, object, &texts) > 0;
    to->self->json->release(to->self->host, object);
    return found;
}
