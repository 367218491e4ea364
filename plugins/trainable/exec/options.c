/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options as the program's run needs them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec-private.h"

static pbx_status
refuse(pbx_error *error, const char *where, const char *message)
{
    snprintf(error->where, sizeof error->where, "%s", where);
    snprintf(error->message, sizeof error->message, "%s", message);
    return PBX_EINVAL;
}

static void
read_source(options *self, const char *source)
{
    if (strcmp(source, "stdout") == 0)
        self->source = SOURCE_STDOUT;
    else if (strcmp(source, "stderr") == 0)
        self->source = SOURCE_STDERR;
    else if (strcmp(source, "both") == 0)
        self->source = SOURCE_STDOUT | SOURCE_STDERR;
    else
        self->source = SOURCE_FILE;
}

static pbx_status
read_metrics(options *self, const pbx_host *host, const pbx_json *metrics, pbx_error *error)
{
    size_t n = host->json_length(metrics);
    self->patterns = calloc(n + 1, sizeof(pattern *));
    if (self->patterns == NULL)
        return refuse(error, "metrics", "no memory");
    for (size_t i = 0; i < n; i++) {
        const char *regex = host->json_string(host->json_item(metrics, i), "");
        snprintf(error->message, sizeof error->message, "no memory");
        self->patterns[i] = pattern_new(host->json_key(metrics, i), regex, error);
        if (self->patterns[i] == NULL)
            return PBX_EINVAL;
        self->n_patterns++;
    }
    return PBX_OK;
}

/* A name may not lead out of the trial's directory. */
static int
is_inside(const char *name)
{
    if (name[0] == '\0' || name[0] == '/' || name[strlen(name) - 1] == '/')
        return 0;
    for (const char *part = name; part != NULL; part = strchr(part, '/')) {
        part += part[0] == '/' ? 1 : 0;
        size_t length = strcspn(part, "/");
        if (length == 0 || (length == 1 && part[0] == '.') ||
            (length == 2 && strncmp(part, "..", 2) == 0))
            return 0;
    }
    return 1;
}

static pbx_status
check_files(const options *self, const pbx_host *host, pbx_error *error)
{
    for (size_t i = 0; i < host->json_length(self->files); i++) {
        char where[128];
        snprintf(where, sizeof where, "files.%.100s", host->json_key(self->files, i));
        if (!is_inside(host->json_key(self->files, i)))
            return refuse(error, where,
                          "a file's name is relative to the trial's directory and stays in it");
    }
    return PBX_OK;
}

static int
has_pattern(const options *self, const char *name)
{
    for (size_t i = 0; i < self->n_patterns; i++)
        if (strcmp(pattern_name(self->patterns[i]), name) == 0)
            return 1;
    return 0;
}

/* "loss, epoch", as far as they fit. */
static void
list_patterns(const options *self, char *to, size_t size)
{
    size_t n = 0;
    to[0] = '\0';
    for (size_t i = 0; i < self->n_patterns && n < size; i++) {
        int more = snprintf(to + n, size - n, "%s%.60s", i > 0 ? ", " : "",
                            pattern_name(self->patterns[i]));
        n += more > 0 ? (size_t)more : 0;
    }
}

static pbx_status
check_report_on(const options *self, pbx_error *error)
{
    char names[300], message[500];
    if (self->report_on == NULL || self->json_lines || has_pattern(self, self->report_on))
        return PBX_OK;
    if (self->n_patterns == 0)
        return refuse(error, "report_on",
                      "without metrics, and with \"report\": \"exit-status\", nothing is a report");
    list_patterns(self, names, sizeof names);
    snprintf(message, sizeof message, "'%.100s' is none of the names in metrics: %s",
             self->report_on, names);
    return refuse(error, "report_on", message);
}

pbx_status
options_check_metrics(const options *self, const char *const *metrics, pbx_error *error)
{
    char names[300], message[600];
    if (self->json_lines || self->n_patterns == 0)
        return PBX_OK;
    for (size_t i = 0; metrics != NULL && metrics[i] != NULL; i++) {
        if (has_pattern(self, metrics[i]))
            continue;
        list_patterns(self, names, sizeof names);
        snprintf(message, sizeof message,
                 "there is no regex for the experiment's metric '%.100s', only for: %s", metrics[i],
                 names);
        return refuse(error, "metrics", message);
    }
    return PBX_OK;
}

/* Seconds of PEGBOX_FUNCTION_THREAD_TIMEOUT_S. */
static double
answer_seconds(void)
{
    const char *value = getenv("PEGBOX_FUNCTION_THREAD_TIMEOUT_S");
    double seconds;
    return value != NULL && text_number(value, &seconds) && seconds >= 0 ? seconds : 2;
}

pbx_status
options_read(options *self, const pbx_host *host, const pbx_json *json, pbx_error *error)
{
    const pbx_json *metrics = host->json_member(json, "metrics");
    const char *report = host->json_string(host->json_member(json, "report"), NULL);
    self->shell = host->json_bool(host->json_member(json, "shell"), 0);
    self->pty = host->json_bool(host->json_member(json, "pty"), 0);
    self->grace_s = host->json_real(host->json_member(json, "grace_s"), 10);
    self->answer_s = answer_seconds();
    self->report_on = host->json_string(host->json_member(json, "report_on"), NULL);
    self->files = host->json_member(json, "files");
    read_source(self, host->json_string(host->json_member(json, "source"), "stdout"));
    self->json_lines =
        report != NULL ? strcmp(report, "json-lines") == 0 : host->json_length(metrics) == 0;
    pbx_status status = read_metrics(self, host, metrics, error);
    if (status == PBX_OK)
        status = check_files(self, host, error);
    if (status == PBX_OK)
        status = check_report_on(self, error);
    return status;
}

void
options_clear(options *self)
{
    for (size_t i = 0; i < self->n_patterns; i++)
        pattern_free(self->patterns[i]);
    free(self->patterns);
}
