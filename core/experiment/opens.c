/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Of a decider without a state nothing is repeated but the calls that it has not answered yet: a
 * fact has those. */
#include <string.h>

#include "experiment/inputs-private.h"
#include "json/json.h"

static char *
key_of(const PbxSlot *slot)
{
    return g_strconcat(OPEN_FACT, decider_slot(slot->decider), NULL);
}

gboolean
opens_store(PbxRunner *runner, const PbxSlot *slot, const GPtrArray *rows, GError **error)
{
    g_autofree char *key = key_of(slot);
    g_autoptr(JsonArray) opens = json_array_new();
    for (guint i = 0; i < rows->len; i++) {
        const PbxInputRow *row = rows->pdata[i];
        JsonObject *open = json_object_new();
        json_object_set_string_member(open, "call", row->call);
        json_object_set_int_member(open, "trial", (gint64)row->trial);
        json_object_set_int_member(open, "seq", (gint64)row->seq);
        json_object_set_int_member(open, "state", row->state);
        json_object_set_int_member(open, "flags", row->flags);
        json_object_set_int_member(open, "at_ns", row->at_ns);
        json_object_set_string_member(open, "detail", row->detail);
        json_array_add_object_element(opens, open);
    }
    g_autoptr(JsonNode) node = json_node_init_array(json_node_alloc(), opens);
    g_autofree char *text = rows->len > 0 ? json_to_text(node) : g_strdup("");
    return store_put_fact(runner->store, key, text, error);
}

void
opens_each(PbxRunner *runner, PbxSlot *slot, PbxInputFunc func, gpointer user)
{
    g_autofree char *key = key_of(slot);
    g_autofree char *text = store_fact(runner->store, key);
    g_autoptr(JsonNode) node = text != NULL && text[0] != '\0'
                                   ? json_read(text, strlen(text), DOC_MAX_NESTING, NULL)
                                   : NULL;
    if (node == NULL || !JSON_NODE_HOLDS_ARRAY(node))
        return;
    JsonArray *opens = json_node_get_array(node);
    slot->opens_changed = slot->stored_inputs = TRUE; /* the next commit takes them away */
    for (guint i = 0; i < json_array_get_length(opens); i++) {
        JsonNode *open = json_array_get_element(opens, i);
        if (!JSON_NODE_HOLDS_OBJECT(open))
            continue;
        JsonObject *members = json_node_get_object(open);
        const PbxInputRow row = {
            .slot = (char *)decider_slot(slot->decider),
            .call = (char *)json_object_get_string_member_with_default(members, "call", ""),
            .trial = (guint64)json_object_get_int_member_with_default(members, "trial", -1),
            .seq = (guint64)json_object_get_int_member_with_default(members, "seq", 0),
            .state = (guint)json_object_get_int_member_with_default(members, "state", 0),
            .flags = (guint)json_object_get_int_member_with_default(members, "flags", 0),
            .at_ns = json_object_get_int_member_with_default(members, "at_ns", 0),
            .detail = (char *)json_object_get_string_member_with_default(members, "detail", NULL),
        };
        if (!func(&row, user))
            return;
    }
}
