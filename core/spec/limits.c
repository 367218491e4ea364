/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `limits`: the times and the memory past which a trial fails. */
#include "spec/spec-private.h"

static const char *const limit_names[] = {"trial_time_s", "report_time_s", "memory", NULL};

static void
check_seconds(PbxCheck *check, const char *pointer, JsonNode *node, double *seconds)
{
    const PbxDoc *doc = check->spec->doc;
    if (!node_is(node, KEY_NUMBER)) {
        wrong_type(check, doc, pointer, KEY_NUMBER, node);
        return;
    }
    double number = json_node_get_double(node);
    if (number > 0 && number <= (double)G_MAXINT64 / 1e9) {
        *seconds = number;
        return;
    }
    g_autofree char *text = json_to_text(node);
    problems_add(check->problems, doc, pointer, "needs a number of seconds > 0, got %s", text);
}

static void
check_limit(PbxCheck *check, const char *name, JsonNode *node)
{
    g_autofree char *pointer = json_pointer_member("/limits", name);
    if (g_str_equal(name, "trial_time_s")) {
        check_seconds(check, pointer, node, &check->spec->limits.trial_time_s);
    } else if (g_str_equal(name, "report_time_s")) {
        check_seconds(check, pointer, node, &check->spec->limits.report_time_s);
    } else if (g_str_equal(name, "memory")) {
        bytes_check(check, pointer, node, &check->spec->limits.memory);
    } else {
        g_autofree char *meant = meant_text(name, limit_names);
        problems_add(check->problems, check->spec->doc, pointer, "there is no such limit%s", meant);
    }
}

void
limits_check(PbxCheck *check)
{
    JsonNode *node = key_node(check, "limits");
    if (node == NULL)
        return;
    JsonObject *object = json_node_get_object(node);
    g_autoptr(GList) names = json_object_get_members(object);
    for (GList *item = names; item != NULL; item = item->next)
        check_limit(check, item->data, json_object_get_member(object, item->data));
}
