/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One document over another: members merge, and each keeps the place where it stands. */
#include "json/json-private.h"

/* Ties all places of a tree to the file that they are in, as texts. */
static void
name_places(PbxPlace *place, const char *file)
{
    if (place->origin == NULL)
        place->origin = g_strdup_printf("%s:%u:%u", file, place->line, place->column);
    place->line = 0;
    place->column = 0;
    GHashTableIter members;
    gpointer child = NULL;
    if (place->members != NULL) {
        g_hash_table_iter_init(&members, place->members);
        while (g_hash_table_iter_next(&members, NULL, &child))
            name_places(child, file);
    }
    for (guint i = 0; place->items != NULL && i < place->items->len; i++)
        name_places(g_ptr_array_index(place->items, i), file);
}

static void
place_move(PbxPlace *to, const PbxPlace *from)
{
    g_free(to->origin);
    to->origin = g_strdup(from->origin);
    to->line = from->line;
    to->column = from->column;
    to->key_line = from->key_line;
    to->key_column = from->key_column;
}

/* Takes the place of a member out of its parent's. (transfer full) */
static PbxPlace *
place_steal(PbxPlace *place, const char *key)
{
    g_autofree char *stored = NULL;
    PbxPlace *child = NULL;
    if (place->members != NULL)
        g_hash_table_steal_extended(place->members, key, (gpointer *)&stored, (gpointer *)&child);
    return child;
}

/* `into`, and what is known of where its members stand, gets the members of `over`. */
static void
merge_objects(JsonObject *into, PbxPlace *place, JsonObject *over, PbxPlace *over_place,
              const char *pointer, PbxReplaces replaces)
{
    g_autoptr(GList) names = json_object_get_members(over);
    place_move(place, over_place);
    for (GList *item = names; item != NULL; item = item->next) {
        const char *name = item->data;
        JsonNode *node = json_object_get_member(over, name);
        JsonNode *old = json_object_get_member(into, name);
        g_autofree char *inner = json_pointer_member(pointer, name);
        g_autoptr(PbxPlace) child = place_steal(over_place, name);
        PbxPlace *old_child = place_member(place, name);
        if (JSON_NODE_HOLDS_NULL(node)) {
            if (old != NULL)
                json_object_remove_member(into, name);
        } else if (old != NULL && JSON_NODE_HOLDS_OBJECT(old) && JSON_NODE_HOLDS_OBJECT(node) &&
                   child != NULL && old_child != NULL &&
                   !replaces(inner, json_node_get_object(old), json_node_get_object(node))) {
            merge_objects(json_node_get_object(old), old_child, json_node_get_object(node), child,
                          inner, replaces);
        } else {
            json_object_set_member(into, name, json_clone(node));
            if (child != NULL)
                place_set_member(place, name, g_steal_pointer(&child));
        }
    }
}

void
doc_merge(PbxDoc *doc, PbxDoc *base, PbxReplaces replaces)
{
    PbxPlace *base_places = doc_places(base);
    name_places(base_places, doc_name(base));
    merge_objects(json_node_get_object(doc_root(base)), base_places,
                  json_node_get_object(doc_root(doc)), doc_places(doc), "", replaces);
    doc_swap(doc, base);
}
