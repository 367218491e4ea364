/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `reporter`: the options of the status block. What they do is core/status/options.c's. */
#include <string.h>

#include "spec/spec-private.h"

/* An option and what its value needs. */
static const struct {
    const char *name;
    guint types;
    double low; /* of a number */
} reporter_options[] = {
    {"metric_columns", KEY_ARRAY | KEY_OBJECT, 0},
    {"parameter_columns", KEY_ARRAY | KEY_OBJECT, 0},
    {"total_samples", KEY_INT, 1},
    {"max_progress_rows", KEY_INT, 0},
    {"max_error_rows", KEY_INT, 0},
    {"max_report_frequency", KEY_NUMBER, 0},
    {"infer_limit", KEY_INT, 0},
    {"print_intermediate_tables", KEY_BOOL, 0},
    {"metric", KEY_STRING, 0},
    {"mode", KEY_STRING, 0},
    {"sort_by_metric", KEY_BOOL, 0},
};

static void
tell_unknown(PbxCheck *check, const char *pointer, const char *name)
{
    const char *names[G_N_ELEMENTS(reporter_options) + 1] = {NULL};
    for (gsize i = 0; i < G_N_ELEMENTS(reporter_options); i++)
        names[i] = reporter_options[i].name;
    g_autofree char *meant = meant_text(name, names);
    problems_add(check->problems, check->spec->doc, pointer, "there is no such option%s", meant);
}

static void
check_text(PbxCheck *check, const char *pointer, JsonNode *node)
{
    if (!node_is(node, KEY_STRING))
        wrong_type(check, check->spec->doc, pointer, KEY_STRING, node);
    else if (json_node_get_string(node)[0] == '\0')
        problems_add(check->problems, check->spec->doc, pointer, "must not be empty");
}

/* ["loss", "eval/acc"], or {"eval/acc": "accuracy"}. */
static void
check_columns(PbxCheck *check, const char *pointer, JsonNode *node)
{
    if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);
        for (guint i = 0; i < json_array_get_length(array); i++) {
            g_autofree char *item = json_pointer_item(pointer, i);
            check_text(check, item, json_array_get_element(array, i));
        }
        return;
    }
    JsonObject *object = json_node_get_object(node);
    g_autoptr(GList) names = json_object_get_members(object);
    for (GList *item = names; item != NULL; item = item->next) {
        g_autofree char *member = json_pointer_member(pointer, item->data);
        check_text(check, member, json_object_get_member(object, item->data));
    }
}

static void
check_mode(PbxCheck *check, const char *pointer, const char *mode)
{
    static const char *const modes[] = {"min", "max", NULL};
    if (g_strv_contains(modes, mode))
        return;
    g_autofree char *meant = meant_text(mode, modes);
    problems_add(check->problems, check->spec->doc, pointer,
                 "needs \"min\" or \"max\", got \"%s\"%s", mode, meant);
}

static void
check_option(PbxCheck *check, const char *name, JsonNode *node)
{
    g_autofree char *pointer = json_pointer_member("/reporter", name);
    gsize i = 0;
    while (i < G_N_ELEMENTS(reporter_options) && !g_str_equal(reporter_options[i].name, name))
        i++;
    if (i == G_N_ELEMENTS(reporter_options)) {
        tell_unknown(check, pointer, name);
        return;
    }
    guint types = reporter_options[i].types;
    if (!node_is(node, types)) {
        wrong_type(check, check->spec->doc, pointer, types, node);
    } else if ((types & (KEY_INT | KEY_NUMBER)) != 0) {
        double value = json_node_get_double(node);
        if (value < reporter_options[i].low || value > G_MAXINT32) {
            g_autofree char *got = json_to_text(node);
            problems_add(check->problems, check->spec->doc, pointer,
                         "needs a number from %g to %d, got %s", reporter_options[i].low,
                         G_MAXINT32, got);
        }
    } else if ((types & KEY_ARRAY) != 0) {
        check_columns(check, pointer, node);
    } else if (g_str_equal(name, "mode")) {
        check_mode(check, pointer, json_node_get_string(node));
    } else if (g_str_equal(name, "metric")) {
        check_text(check, pointer, node);
    }
}

/* Another metric than the experiment's needs to know which way is better, and the reverse. */
static void
check_objective(PbxCheck *check, JsonObject *object)
{
    const PbxDoc *doc = check->spec->doc;
    gboolean metric = json_object_has_member(object, "metric");
    gboolean mode = json_object_has_member(object, "mode");
    if (metric && !mode)
        problems_add(check->problems, doc, "/reporter/metric",
                     "'metric' needs 'mode': is it to be \"min\" or \"max\"?");
    else if (mode && !metric)
        problems_add(check->problems, doc, "/reporter/mode",
                     "'mode' needs 'metric': which result field is meant?");
    JsonNode *sort = json_object_get_member(object, "sort_by_metric");
    if (sort != NULL && node_is(sort, KEY_BOOL) && json_node_get_boolean(sort) && !metric &&
        check->spec->metrics[0] == NULL)
        problems_add(check->problems, doc, "/reporter/sort_by_metric",
                     "needs a 'metric', of the experiment or of the reporter");
}

void
reporter_check(PbxCheck *check)
{
    JsonNode *node = key_node(check, "reporter");
    if (node == NULL)
        return;
    JsonObject *object = json_node_get_object(node);
    g_autoptr(GList) names = json_object_get_members(object);
    for (GList *item = names; item != NULL; item = item->next)
        check_option(check, item->data, json_object_get_member(object, item->data));
    check_objective(check, object);
}
