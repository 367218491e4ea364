/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values for people: durations, numbers, the course of a value. */
#include <math.h>
#include <string.h>

#include "status/status-private.h"
#include "terminal/terminal.h"
#include "json/json.h"

#define LEVELS    8
#define LOG_RATIO 100 /* values that differ by more are shown by their logarithms */

void
status_put_duration(GString *out, double seconds, gboolean fine)
{
    guint64 whole = (guint64)CLAMP(seconds, 0, 1e15);
    char tenths[G_ASCII_DTOSTR_BUF_SIZE];
    if (seconds < 60 && fine)
        g_string_append_printf(out, "%s s",
                               g_ascii_formatd(tenths, sizeof tenths, "%.1f", MAX(seconds, 0)));
    else if (seconds < 60)
        g_string_append_printf(out, "%u s", (guint)whole);
    else if (whole < 3600)
        g_string_append_printf(out, "%02u:%02u", (guint)(whole / 60), (guint)(whole % 60));
    else
        g_string_append_printf(out, "%" G_GUINT64_FORMAT ":%02u:%02u", whole / 3600,
                               (guint)(whole / 60 % 60), (guint)(whole % 60));
}

char *
status_number_text(double value)
{
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];
    if (isnan(value))
        return g_strdup("-");
    return g_strdup(g_ascii_formatd(buffer, sizeof buffer, "%.5g", value));
}

char *
status_value_text(JsonNode *node)
{
    double value;
    if (node == NULL)
        return g_strdup("");
    if (!JSON_NODE_HOLDS_VALUE(node)) {
        g_autofree char *text = json_to_text(node);
        return terminal_safe(text);
    }
    if (json_node_get_value_type(node) == G_TYPE_STRING)
        return terminal_safe(json_node_get_string(node));
    if (json_node_get_value_type(node) == G_TYPE_DOUBLE && json_number(node, FALSE, &value))
        return status_number_text(value);
    return json_to_text(node);
}

char *
status_parameter_text(const PbxStatus *status, const char *path, JsonNode *node)
{
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return status_value_text(node);
    g_autoptr(JsonNode) rest = json_clone(node);
    JsonObject *object = json_node_get_object(rest);
    g_autoptr(GList) names = json_object_get_members(object);
    for (GList *item = names; item != NULL; item = item->next) {
        g_autofree char *inner = g_strconcat(path, ".", item->data, NULL);
        if (status->parameters != NULL &&
            g_strv_contains((const char *const *)status->parameters, inner))
            json_object_remove_member(object, item->data);
    }
    if (json_object_get_size(object) != 1)
        return status_value_text(rest);
    g_autoptr(GList) only = json_object_get_members(object);
    return status_value_text(json_object_get_member(object, only->data));
}

const char *
status_state_word(guint state)
{
    static const char *const words[] = {"PENDING", "RUNNING", "PAUSED", "TERMINATED", "ERROR"};
    return state < G_N_ELEMENTS(words) ? words[state] : "?";
}

/* A value between 0 and 1 of what lies between the least and the greatest. */
static double
share(double value, double low, double high)
{
    if (low > 0 && high / low > LOG_RATIO)
        return log(value / low) / log(high / low);
    return high > low ? (value - low) / (high - low) : 0;
}

void
status_put_sparkline(GString *out, const double *values, guint n_values, int cells, gboolean utf8)
{
    static const char *const fine[LEVELS] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                             "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char *const plain[LEVELS] = {"_", ".", "-", "=", "+", "*", "%", "#"};
    double low = INFINITY, high = -INFINITY;
    for (guint i = 0; i < n_values; i++) {
        low = MIN(low, values[i]);
        high = MAX(high, values[i]);
    }
    cells = MIN(cells, (int)n_values);
    for (int i = 0; i < cells; i++) {
        /* The first cell is the first value, the last one the last. */
        guint at = cells > 1 ? (guint)((guint64)i * (n_values - 1) / (guint)(cells - 1)) : 0;
        int level = (int)(share(values[at], low, high) * (LEVELS - 1) + 0.5);
        g_string_append(out, (utf8 ? fine : plain)[CLAMP(level, 0, LEVELS - 1)]);
    }
}
