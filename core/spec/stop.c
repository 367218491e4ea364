/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `stop` in all its forms, and `time_budget_s`: each becomes a stopper. */
#include <math.h>
#include <string.h>

#include "spec/spec-private.h"

static gboolean
is_minimised(const PbxSpec *spec, const char *field)
{
    const int *sign = spec_metric_sign(spec, field);
    return sign != NULL && *sign > 0;
}

static gboolean
check_bound(PbxCheck *check, const PbxDoc *doc, const char *pointer, JsonNode *node)
{
    if (node_is(node, KEY_NUMBER))
        return TRUE;
    wrong_type(check, doc, pointer, KEY_NUMBER, node);
    return FALSE;
}

/* {"<=": 0.01} */
static gboolean
check_comparison(PbxCheck *check, const PbxDoc *doc, const char *pointer, JsonObject *object)
{
    static const char *const names[] = {"<=", ">=", "<", ">", NULL};
    g_autoptr(GList) members = json_object_get_members(object);
    if (members == NULL || members->next != NULL || !g_strv_contains(names, members->data)) {
        problems_add(check->problems, doc, pointer,
                     "needs a number, {\"<=\": NUMBER} or {\">=\": NUMBER}");
        return FALSE;
    }
    g_autofree char *inner = json_pointer_member(pointer, members->data);
    return check_bound(check, doc, inner, json_object_get_member(object, members->data));
}

static gboolean
check_threshold(PbxCheck *check, const PbxDoc *doc, const char *pointer, const char *field,
                JsonNode *node)
{
    if (field[0] == '\0') {
        problems_add(check->problems, doc, pointer, "a threshold needs the name of a result field");
        return FALSE;
    }
    if (JSON_NODE_HOLDS_OBJECT(node))
        return check_comparison(check, doc, pointer, json_node_get_object(node));
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

/* {"plugin": ..., OPTION: value}, and what stands beside it. (transfer full) */
static JsonObject *
short_form_object(const PbxShortForm *form, JsonObject *others, JsonNode *value)
{
    JsonObject *object = plugin_object(form->plugin);
    json_object_set_member(object, form->option, json_clone(value));
    if (others == NULL)
        return object;
    g_autoptr(GList) members = json_object_get_members(others);
    for (GList *item = members; item != NULL; item = item->next)
        if (!g_str_equal(item->data, "when"))
            json_object_set_member(object, item->data,
                                   json_clone(json_object_get_member(others, item->data)));
    return object;
}

static JsonObject *
thresholds_in_full(PbxCheck *check, const PbxDoc *doc, const char *pointer, JsonObject *object)
{
    gboolean good = TRUE;
    g_autoptr(GList) members = json_object_get_members(object);
    for (GList *item = members; item != NULL; item = item->next) {
        g_autofree char *place = json_pointer_member(pointer, item->data);
        JsonNode *bound = json_object_get_member(object, item->data);
        good = check_threshold(check, doc, place, item->data, bound) && good;
    }
    if (!good)
        return NULL;
    g_autoptr(JsonNode) node = object_node(json_object_ref(object));
    return short_form_object(&check->defaults->thresholds, NULL, node);
}

static JsonObject *
when_in_full(PbxCheck *check, const PbxDoc *doc, const char *pointer, JsonObject *object)
{
    JsonNode *when = json_object_get_member(object, "when");
    g_autofree char *place = json_pointer_member(pointer, "when");
    /* Compiled here too: a mistake has the place that it has in the file. */
    static const char *const offered[] = {"result", "trial_id", NULL};
    g_autoptr(PbxExpression) compiled = expression_at(check, doc, place, when, offered);
    return compiled != NULL ? short_form_object(&check->defaults->when, object, when) : NULL;
}

PbxDoc *
stop_in_full(PbxCheck *check, const PbxDoc *doc, const char *pointer, JsonObject *object)
{
    JsonObject *full = NULL;
    if (json_object_get_size(object) == 0)
        problems_add(check->problems, doc, pointer, "an empty object is no stopper");
    else if (json_object_has_member(object, "when"))
        full = when_in_full(check, doc, pointer, object);
    else
        full = thresholds_in_full(check, doc, pointer, object);
    return full != NULL ? stand_in(check, doc, pointer, object_node(full)) : NULL;
}

static void
check_one(PbxCheck *check, const char *pointer, JsonNode *node)
{
    PbxSpec *spec = check->spec;
    const PbxDoc *doc = spec->doc;
    g_autofree char *slot = g_strdup_printf("stop[%u]", spec->stoppers->len);
    JsonObject *object = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    PbxPluginUse *use = NULL;
    if (object == NULL || json_object_has_member(object, "plugin")) {
        use = use_new(check, slot, "stopper", doc, pointer, node);
    } else if (json_object_get_size(object) > 0) {
        const char *name = json_object_has_member(object, "when")
                               ? check->defaults->when.plugin
                               : check->defaults->thresholds.plugin;
        doc = stop_in_full(check, doc, pointer, object);
        if (doc != NULL)
            use = use_named(check, slot, "stopper", name, pointer, doc, pointer);
    }
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
    const PbxShortForm *form = &check->defaults->timeout;
    const PbxDoc *doc = stand_in(check, spec->doc, "/time_budget_s",
                                 object_node(short_form_object(form, NULL, node)));
    PbxPluginUse *use = use_named(check, "time_budget_s", "stopper", form->plugin, "/time_budget_s",
                                  doc, "/time_budget_s");
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
