/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `stop` in all its forms, and `time_budget_s`: each becomes a stopper. */
#include <math.h>
#include <string.h>

#include "spec/spec-private.h"

static gboolean
is_minimised(const PbxSpec *spec, const char *field)
{
    return spec->metrics[0] != NULL && g_str_equal(spec->metrics[0], field) && spec->signs[0] > 0;
}

static gboolean
check_bound(PbxCheck *check, const char *pointer, JsonNode *node)
{
    if (node_is(node, KEY_NUMBER))
        return TRUE;
    wrong_type(check, check->spec->doc, pointer, KEY_NUMBER, node);
    return FALSE;
}

/* {"<=": 0.01} */
static gboolean
check_comparison(PbxCheck *check, const char *pointer, JsonObject *object)
{
    static const char *const names[] = {"<=", ">=", "<", ">", NULL};
    g_autoptr(GList) members = json_object_get_members(object);
    if (members == NULL || members->next != NULL || !g_strv_contains(names, members->data)) {
        problems_add(check->problems, check->spec->doc, pointer,
                     "needs a number, {\"<=\": NUMBER} or {\">=\": NUMBER}");
        return FALSE;
    }
    g_autofree char *inner = json_pointer_member(pointer, members->data);
    return check_bound(check, inner, json_object_get_member(object, members->data));
}

static gboolean
check_threshold(PbxCheck *check, const char *pointer, const char *field, JsonNode *node)
{
    const PbxDoc *doc = check->spec->doc;
    if (field[0] == '\0') {
        problems_add(check->problems, doc, pointer, "a threshold needs the name of a result field");
        return FALSE;
    }
    if (JSON_NODE_HOLDS_OBJECT(node))
        return check_comparison(check, pointer, json_node_get_object(node));
    if (!node_is(node, KEY_NUMBER)) {
        g_autofree char *got = node_shown(node);
        problems_add(check->problems, doc, pointer,
                     "needs a number, {\"<=\": NUMBER} or {\">=\": NUMBER}, got %s", got);
        return FALSE;
    }
    if (!is_minimised(check->spec, field))
        return TRUE;
    g_autofree char *number = json_to_text(node);
    problems_add(check->problems, doc, pointer,
                 "a bare number is reached from below, but '%s' is minimised; write {\"<=\": %s}",
                 field, number);
    return FALSE;
}

/* An object that holds what the file says in short as one option of a plugin. */
static PbxPluginUse *
use_short_form(PbxCheck *check, const char *slot, const PbxShortForm *form, const char *pointer,
               JsonObject *others, JsonNode *value)
{
    JsonObject *object = plugin_object(form->plugin);
    json_object_set_member(object, form->option, value);
    if (others != NULL) {
        g_autoptr(GList) members = json_object_get_members(others);
        for (GList *item = members; item != NULL; item = item->next) {
            if (!g_str_equal(item->data, "when"))
                json_object_set_member(object, item->data,
                                       json_clone(json_object_get_member(others, item->data)));
        }
    }
    PbxDoc *doc = stand_in(check, pointer, object_node(object));
    return use_named(check, slot, "stopper", form->plugin, pointer, doc, pointer);
}

static PbxPluginUse *
check_thresholds(PbxCheck *check, const char *slot, const char *pointer, JsonNode *node)
{
    JsonObject *object = json_node_get_object(node);
    gboolean good = TRUE;
    g_autoptr(GList) members = json_object_get_members(object);
    if (members == NULL)
        return NULL;
    for (GList *item = members; item != NULL; item = item->next) {
        g_autofree char *place = json_pointer_member(pointer, item->data);
        JsonNode *bound = json_object_get_member(object, item->data);
        good = check_threshold(check, place, item->data, bound) && good;
    }
    if (!good)
        return NULL;
    return use_short_form(check, slot, &check->defaults->thresholds, pointer, NULL,
                          json_clone(node));
}

static PbxPluginUse *
check_when(PbxCheck *check, const char *slot, const char *pointer, JsonObject *object)
{
    JsonNode *when = json_object_get_member(object, "when");
    g_autofree char *place = json_pointer_member(pointer, "when");
    /* Compiled here too: a mistake has the place that it has in the file. */
    static const char *const offered[] = {"result", "trial_id", NULL};
    g_autoptr(PbxExpression) compiled = expression_at(check, place, when, offered);
    if (compiled == NULL)
        return NULL;
    return use_short_form(check, slot, &check->defaults->when, pointer, object, json_clone(when));
}

static void
check_one(PbxCheck *check, const char *pointer, JsonNode *node)
{
    PbxSpec *spec = check->spec;
    g_autofree char *slot = g_strdup_printf("stop[%u]", spec->stoppers->len);
    JsonObject *object = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    PbxPluginUse *use = NULL;
    if (object == NULL || json_object_has_member(object, "plugin"))
        use = use_new(check, slot, "stopper", spec->doc, pointer, node);
    else if (json_object_has_member(object, "when"))
        use = check_when(check, slot, pointer, object);
    else
        use = check_thresholds(check, slot, pointer, node);
    if (use != NULL)
        g_ptr_array_add(spec->stoppers, use);
}

static void
check_time_budget(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    JsonNode *node = key_node(check, "time_budget_s");
    if (node == NULL)
        return;
    double seconds = json_node_get_double(node);
    if (!(seconds > 0) || seconds > (double)G_MAXINT64 / 1e9) {
        g_autofree char *number = json_to_text(node);
        problems_add(check->problems, spec->doc, "/time_budget_s",
                     "needs a number of seconds > 0, got %s", number);
        return;
    }
    spec->time_budget_s = seconds;
    PbxPluginUse *use = use_short_form(check, "time_budget_s", &check->defaults->timeout,
                                       "/time_budget_s", NULL, json_clone(node));
    if (use != NULL)
        g_ptr_array_add(spec->stoppers, use);
}

void
stop_check(PbxCheck *check)
{
    JsonNode *node = key_node(check, "stop");
    if (node != NULL && JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);
        for (guint i = 0; i < json_array_get_length(array); i++) {
            g_autofree char *pointer = json_pointer_item("/stop", i);
            check_one(check, pointer, json_array_get_element(array, i));
        }
    } else if (node != NULL) {
        check_one(check, "/stop", node);
    }
    check_time_budget(check);
}
