/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines to reports: fields gather until the metric is there. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec-private.h"

pbx_status
reader_init(reader *to, pbx_instance *self, const pbx_session_info *info, pbx_error *error)
{
    *to = (reader){.self = self, .info = info, .error = error};
    if (options_check_metrics(&self->options, info->metrics, error) != PBX_OK)
        return PBX_EINVAL;
    while (info->metrics != NULL && info->metrics[to->n_metrics] != NULL)
        to->n_metrics++;
    to->seen = calloc(to->n_metrics + 1, 1);
    if (to->seen != NULL)
        return PBX_OK;
    snprintf(error->message, sizeof error->message, "no memory");
    return PBX_ENOMEM;
}

static void
forget_fields(reader *of)
{
    for (size_t i = 0; i < of->n_fields; i++) {
        free(of->fields[i].name);
        free(of->fields[i].json);
    }
    of->n_fields = 0;
    memset(of->seen, 0, of->n_metrics);
}

void
reader_clear(reader *gone)
{
    if (gone->seen != NULL)
        forget_fields(gone);
    free(gone->fields);
    free(gone->seen);
}

void
reader_fail(reader *to, pbx_status status, const char *message)
{
    if (to->status < 0)
        return;
    to->status = status;
    to->error->where[0] = '\0';
    snprintf(to->error->message, sizeof to->error->message, "%s", message);
}

static int
grow(reader *to)
{
    if (to->n_fields < to->fields_size)
        return 0;
    size_t size = to->fields_size > 0 ? 2 * to->fields_size : 16;
    field *grown = realloc(to->fields, size * sizeof *grown);
    if (grown == NULL)
        return -1;
    to->fields = grown;
    to->fields_size = size;
    return 0;
}

void
reader_set(reader *to, const char *name, char *json)
{
    for (size_t i = 0; i < to->n_metrics; i++)
        if (strcmp(to->info->metrics[i], name) == 0)
            to->seen[i] = 1;
    for (size_t i = 0; json != NULL && i < to->n_fields; i++) {
        if (strcmp(to->fields[i].name, name) == 0) {
            free(to->fields[i].json);
            to->fields[i].json = json;
            return;
        }
    }
    char *copy = json != NULL && grow(to) == 0 ? strdup(name) : NULL;
    if (copy == NULL) {
        free(json);
        reader_fail(to, PBX_ENOMEM, "no memory for a report");
        return;
    }
    to->fields[to->n_fields++] = (field){copy, json};
}

int
reader_is_complete(const reader *to)
{
    for (size_t i = 0; i < to->n_metrics; i++)
        if (!to->seen[i])
            return 0;
    return 1;
}

static int
join_fields(const reader *from, text *to)
{
    int failed = text_append_string(to, "{");
    for (size_t i = 0; i < from->n_fields && failed == 0; i++)
        failed = (i > 0 && text_append_string(to, ",") != 0) ||
                 text_append_string(to, from->fields[i].json) != 0;
    return failed != 0 || text_append_string(to, "}") != 0 ? -1 : 0;
}

void
reader_report(reader *to, const char *whole)
{
    text joined = {.bytes = NULL};
    pbx_answer answer = {.struct_size = sizeof answer};
    if (to->status < 0 || to->stop)
        return;
    if (whole == NULL && join_fields(to, &joined) != 0) {
        reader_fail(to, PBX_ENOMEM, "no memory for a report");
        text_clear(&joined);
        return;
    }
    pbx_error error = {.where = "", .message = ""};
    const char *extra = whole != NULL ? whole : joined.bytes;
    pbx_status status =
        to->self->session->report(to->self->host, NULL, NULL, 0, extra, 0, &answer, &error);
    if (status < 0)
        reader_fail(to, status, error.message);
    to->n_reports++;
    to->stop = answer.stop != 0;
    forget_fields(to);
    text_clear(&joined);
}

/* ---- Regular expressions ---- */

static pbx_status
append(void *ctx, const void *bytes, size_t n)
{
    return text_append(ctx, bytes, n) == 0 ? PBX_OK : PBX_ENOMEM;
}

/* "name":value, as it stands in an object; malloc'ed. A number where it is one. */
static char *
member_of(const reader *to, const char *name, const char *value)
{
    const pbx_json_write *json = to->self->json;
    text made = {.bytes = NULL};
    pbx_sink sink = {.ctx = &made, .write = append};
    pbx_json_builder *builder = json->begin(to->self->host, &sink);
    char *end;
    double number;
    errno = 0;
    long long whole = strtoll(value, &end, 10);
    json->object_begin(builder);
    json->key(builder, name);
    if (end != value && *end == '\0' && errno == 0)
        json->integer(builder, whole);
    else if (text_number(value, &number))
        json->real(builder, number);
    else
        json->string(builder, value);
    json->object_end(builder);
    if (json->end(builder) != PBX_OK || made.n < 2) {
        text_clear(&made);
        return NULL;
    }
    /* Without its braces. */
    memmove(made.bytes, made.bytes + 1, made.n - 2);
    made.bytes[made.n - 2] = '\0';
    return made.bytes;
}

static int
is_metric(const reader *of, const char *name)
{
    for (size_t i = 0; i < of->n_metrics; i++)
        if (strcmp(of->info->metrics[i], name) == 0)
            return 1;
    return 0;
}

static int
is_unfit(const reader *to, const pattern *by, const char *value)
{
    double number;
    return is_metric(to, pattern_name(by)) && !text_number(value, &number);
}

/* The value that a pattern finds; a metric must be a number. malloc'ed, or NULL. */
static char *
find_value(reader *to, const pattern *by, const char *line, size_t n)
{
    char *value = pattern_match(by, line, n);
    if (value == NULL || !is_unfit(to, by, value))
        return value;
    to->unfit = by;
    text_last_line(value, strlen(value), to->unfit_text, sizeof to->unfit_text);
    free(value);
    return NULL;
}

static void
match_line(reader *to, const char *line, size_t n)
{
    const options *options = &to->self->options;
    int any = 0, on = 0;
    for (size_t i = 0; i < options->n_patterns; i++) {
        const char *name = pattern_name(options->patterns[i]);
        char *value = find_value(to, options->patterns[i], line, n);
        if (value == NULL)
            continue;
        reader_set(to, name, member_of(to, name, value));
        free(value);
        any = 1;
        on = on || (options->report_on != NULL && strcmp(options->report_on, name) == 0);
    }
    if (any && (options->report_on == NULL || on) && reader_is_complete(to))
        reader_report(to, NULL);
}

/* ---- Lines ---- */

static int
is_blank(const char *line, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isspace((unsigned char)line[i]))
            return 0;
    return 1;
}

void
reader_line(reader *to, char *line, size_t n, int cut)
{
    if (is_blank(line, n))
        return;
    to->n_lines++;
    if (to->status < 0 || to->stop)
        return;
    if (to->n_reports == 0)
        text_last_line(line, n, to->last_line, sizeof to->last_line);
    if (to->self->options.json_lines && !cut && json_line(to, line, n))
        return;
    match_line(to, line, n);
}

int
reader_would_match(reader *to, const char *line, size_t n, int cut)
{
    const options *options = &to->self->options;
    if (options->json_lines && !cut && json_line_would_match(to, line, n))
        return 1;
    for (size_t i = 0; i < options->n_patterns; i++) {
        const pattern *by = options->patterns[i];
        char *value = is_metric(to, pattern_name(by)) ? pattern_match(by, line, n) : NULL;
        int fits = value != NULL && !is_unfit(to, by, value);
        free(value);
        if (fits)
            return 1;
    }
    return 0;
}
