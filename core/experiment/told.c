/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines about single trials, for --verbose 2 and 3: what one reported, how one ended. */
#include <string.h>

#include "experiment/reporter-private.h"
#include "terminal/terminal.h"

#define MAX_LISTED 100 /* fields of a result */

static void
put_name(GString *out, const PbxTrial *trial)
{
    g_autofree char *name = terminal_safe(trial->row.name != NULL ? trial->row.name : "");
    g_string_append_printf(out, "Trial %s", name);
}

static void
put_value(GString *out, const PbxRunner *runner, JsonNode *fields)
{
    const char *metric = reporter_metric(runner, NULL);
    JsonNode *node = metric != NULL && fields != NULL ? json_lookup(fields, metric) : NULL;
    g_autofree char *value = status_value_text(node);
    g_autofree char *safe = terminal_safe(metric != NULL ? metric : "");
    if (node != NULL)
        g_string_append_printf(out, " reported %s=%s", safe, value);
    else
        g_string_append(out, " reported");
}

static void
put_parameters(GString *out, const PbxRunner *runner, const PbxTrial *trial)
{
    g_autoptr(JsonNode) config = trial_config(runner, trial);
    g_autofree char *text = config != NULL ? json_to_text(config) : g_strdup("{}");
    g_autofree char *safe = terminal_safe(text);
    g_string_append_printf(out, " with parameters=%s.", safe);
}

/* The fields below, as YAML has them. */
static void
put_whole(GString *out, JsonNode *fields)
{
    if (fields == NULL || !JSON_NODE_HOLDS_OBJECT(fields))
        return;
    JsonObjectIter iter;
    const char *key;
    JsonNode *node;
    guint n = 0;
    json_object_iter_init_ordered(&iter, json_node_get_object(fields));
    while (json_object_iter_next_ordered(&iter, &key, &node) && n++ < MAX_LISTED) {
        g_autofree char *text = json_to_text(node);
        g_autofree char *safe = terminal_safe(text);
        g_autofree char *name = terminal_safe(key);
        g_string_append_printf(out, "  %s: %s\n", name, safe);
    }
}

void
told_result(const PbxRunner *runner, const PbxTrial *trial, gboolean whole, gboolean completed,
            GString *out)
{
    g_autoptr(JsonNode) fields = NULL;
    if (trial->last != NULL && whole) {
        g_autoptr(GString) text = g_string_new(NULL);
        store_result_text(text, &trial->row, &trial->attempt, trial->last, runner->id);
        fields = json_read(text->str, text->len, DOC_MAX_NESTING, NULL);
    } else if (trial->last != NULL) {
        fields = json_read(trial->last->fields, strlen(trial->last->fields), DOC_MAX_NESTING, NULL);
    }
    put_name(out, trial);
    if (fields != NULL)
        put_value(out, runner, fields);
    else
        g_string_append(out, " reported nothing");
    put_parameters(out, runner, trial);
    g_string_append(out, completed ? " This trial completed.\n" : "\n");
    if (whole)
        put_whole(out, fields);
}

void
told_failure(const PbxTrial *trial, const char *message, gboolean again, GString *out)
{
    g_autofree char *safe = terminal_safe(message);
    put_name(out, trial);
    g_string_append_printf(out, " failed (failure %u%s): %s\n", trial->row.failures,
                           again ? ", it will be tried again" : "", safe);
}
