/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `isolate`, which core gives to every search, scheduler and stopper. */
#include "plugin/plugin-private.h"

#define LEAST_S 0.001
#define MOST_S  1e6

gboolean
isolate_read(PbxIsolate *isolate, const PbxDoc *doc, const char *pointer, JsonNode *node,
             PbxProblems *problems)
{
    const GType type =
        JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_INVALID;
    if (type == G_TYPE_BOOLEAN) {
        *isolate = (PbxIsolate){.wanted = json_node_get_boolean(node)};
        return TRUE;
    }
    if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE) {
        g_autofree char *shown = json_to_text(node);
        problems_add(problems, doc, pointer, "needs true or false or a number, got %s", shown);
        return FALSE;
    }
    const double limit_s = json_node_get_double(node);
    if (!(limit_s >= LEAST_S && limit_s <= MOST_S)) {
        problems_add(
            problems, doc, pointer,
            "needs true, false, or the seconds from 0.001 to 1000000 that a call may take");
        return FALSE;
    }
    *isolate = (PbxIsolate){.wanted = TRUE, .limit_s = limit_s};
    return TRUE;
}

void
isolate_put(const PbxIsolate *isolate, JsonObject *object)
{
    if (isolate->wanted && isolate->limit_s > 0)
        json_object_set_double_member(object, "isolate", isolate->limit_s);
    else if (isolate->wanted)
        json_object_set_boolean_member(object, "isolate", TRUE);
}
