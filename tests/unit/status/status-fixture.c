/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "status-fixture.h"

#include <math.h>
#include <string.h>

#include "json/json.h"

static JsonNode *
parse(const char *text)
{
    JsonNode *node = text != NULL ? json_read(text, strlen(text), 100, NULL) : NULL;
    g_assert_true(text == NULL || node != NULL);
    return node;
}

PbxStatus *
status_fixture(void)
{
    PbxStatus *status = status_new();
    status->name = g_strdup("exp");
    status->dir = g_strdup("/r/exp");
    status->state = g_strdup("running");
    status->elapsed_s = 62;
    status->total = 10;
    status->parameters = g_strsplit("lr opt", " ", -1);
    status->metric = g_strdup("loss");
    status->sign = 1;
    return status;
}

PbxStatusTrial *
status_fixture_trial(PbxStatus *status, guint64 number, guint state, const char *config,
                     const char *result)
{
    PbxStatusTrial *trial = status_trial_new();
    trial->number = number;
    trial->name = g_strdup_printf("train_ab12c_%05u", (guint)number);
    trial->state = state;
    trial->config = parse(config);
    trial->result = parse(result);
    double value;
    JsonNode *node = trial->result != NULL ? json_lookup(trial->result, "loss") : NULL;
    if (node != NULL && json_number(node, FALSE, &value))
        trial->value = value;
    if (result != NULL) {
        trial->last_seq = number + 1;
        trial->iteration = 3;
        trial->time_s = 75;
    }
    if (state != PBX_STATE_PENDING) {
        trial->attempts = 1;
        trial->host = g_strdup("10.0.0.1");
        trial->pid = 1000 + (gint64)number;
    }
    status->counts[state]++;
    g_ptr_array_add(status->rows[state], trial);
    return trial;
}

char **
status_fixture_draw(const PbxStatus *status, const char *reporter, int width, int height)
{
    g_autoptr(JsonNode) node = parse(reporter);
    g_autoptr(PbxStatusOptions) options = status_options_new(node);
    PbxStatusStyle style = {
        .width = width,
        .height = height,
        .utf8 = TRUE,
        .table = TRUE,
        .max_rows = options->max_progress_rows,
        .max_errors = options->max_error_rows,
    };
    g_autoptr(GString) out = g_string_new(NULL);
    status_draw(status, options, &style, out);
    g_assert_true(g_str_has_suffix(out->str, "\n"));
    g_string_truncate(out, out->len - 1);
    return g_strsplit(out->str, "\n", -1);
}

const char *
status_fixture_line(char **lines, const char *start)
{
    for (char **line = lines; *line != NULL; line++)
        if (g_str_has_prefix(*line, start))
            return *line;
    return NULL;
}

char *
status_fixture_table(char **lines)
{
    g_autoptr(GString) table = g_string_new(NULL);
    gboolean inside = FALSE;
    for (char **line = lines; *line != NULL; line++) {
        inside = inside ? (*line)[0] != '\0' : strstr(*line, "#  ") != NULL;
        if (inside)
            g_string_append_printf(table, "%s\n", *line);
        else if (table->len > 0)
            break;
    }
    return g_strdup(table->str);
}
