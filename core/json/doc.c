/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A document: json-glib's tree beside the tree of its values' places. */
#include <string.h>

#include "json/json-private.h"

struct PbxDoc {
    char *name;
    JsonNode *root;
    PbxPlace *places;
};

PbxPlace *
place_new(guint line, guint column)
{
    PbxPlace *place = g_new0(PbxPlace, 1);
    place->line = line;
    place->column = column;
    return place;
}

void
place_free(PbxPlace *place)
{
    if (place == NULL)
        return;
    g_free(place->origin);
    g_clear_pointer(&place->members, g_hash_table_unref);
    g_clear_pointer(&place->items, g_ptr_array_unref);
    g_free(place);
}

void
place_set_member(PbxPlace *place, const char *key, PbxPlace *child)
{
    if (place->members == NULL)
        place->members =
            g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)place_free);
    g_hash_table_replace(place->members, g_strdup(key), child);
}

PbxPlace *
place_member(const PbxPlace *place, const char *key)
{
    return place->members != NULL ? g_hash_table_lookup(place->members, key) : NULL;
}

static PbxPlace *
place_child(const PbxPlace *place, const char *token)
{
    guint index = 0;
    if (place->items != NULL && json_token_index(token, &index) && index < place->items->len)
        return g_ptr_array_index(place->items, index);
    return place_member(place, token);
}

const PbxPlace *
place_find(const PbxPlace *root, const char *pointer)
{
    const PbxPlace *place = root;
    while (*pointer == '/') {
        pointer++;
        g_autofree char *token = json_pointer_token(&pointer);
        const PbxPlace *child = place_child(place, token);
        if (child == NULL)
            break;
        place = child;
    }
    return place;
}

PbxDoc *
doc_parse(const char *name, const char *text, gsize length, PbxDocFlags flags,
          PbxProblems *problems)
{
    g_autoptr(PbxDoc) doc = g_new0(PbxDoc, 1);
    doc->name = g_strdup(name);
    g_autofree char *plain = g_try_malloc(length + 1);
    if (plain == NULL) {
        problems_add_at(problems, doc, 0, 0, "too large for the memory: %" G_GSIZE_FORMAT " bytes",
                        length);
        return NULL;
    }
    memcpy(plain, text, length);
    plain[length] = '\0';
    doc->places = json_scan(doc, text, length, plain, flags, problems);
    if (doc->places == NULL)
        return NULL;
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) error = NULL;
    if (!json_parser_load_from_data(parser, plain, (gssize)length, &error)) {
        problems_add_at(problems, doc, 0, 0, "%s", error->message);
        return NULL;
    }
    doc->root = json_parser_steal_root(parser);
    return g_steal_pointer(&doc);
}

PbxDoc *
doc_new_for_node(const char *origin, JsonNode *root)
{
    PbxDoc *doc = g_new0(PbxDoc, 1);
    doc->name = g_strdup(origin);
    doc->root = json_node_ref(root);
    doc->places = place_new(0, 0);
    doc->places->origin = g_strdup(origin);
    return doc;
}

void
doc_free(PbxDoc *doc)
{
    if (doc == NULL)
        return;
    g_free(doc->name);
    g_clear_pointer(&doc->root, json_node_unref);
    g_clear_pointer(&doc->places, place_free);
    g_free(doc);
}

JsonNode *
doc_root(const PbxDoc *doc)
{
    return doc->root;
}

const char *
doc_name(const PbxDoc *doc)
{
    return doc->name;
}

PbxPlace *
doc_places(const PbxDoc *doc)
{
    return doc->places;
}

void
doc_swap(PbxDoc *a, PbxDoc *b)
{
    PbxDoc old = *a;
    a->root = b->root;
    a->places = b->places;
    b->root = old.root;
    b->places = old.places;
}

void
doc_position(const PbxDoc *doc, const char *pointer, guint *line, guint *column)
{
    const PbxPlace *place = place_find(doc->places, pointer);
    *line = place->line;
    *column = place->column;
}

const char *
doc_place(const PbxDoc *doc, const char *pointer, guint *line, guint *column)
{
    *line = 0;
    *column = 0;
    if (doc->places == NULL)
        return doc->name;
    const PbxPlace *place = place_find(doc->places, pointer != NULL ? pointer : "");
    if (place->origin != NULL)
        return place->origin;
    *line = place->line;
    *column = place->column;
    return doc->name;
}

/* The child of a container for the way of doc_set; an object makes it where it is missing. */
static JsonNode *
way_child(JsonNode *node, const char *key, const char *path, GError **error)
{
    guint index = 0;
    if (JSON_NODE_HOLDS_OBJECT(node)) {
        JsonObject *object = json_node_get_object(node);
        JsonNode *child = json_object_get_member(object, key);
        if (child == NULL) {
            child = json_node_alloc();
            json_node_init(child, JSON_NODE_OBJECT);
            json_node_take_object(child, json_object_new());
            json_object_set_member(object, key, child);
        }
        return child;
    }
    if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);
        if (json_token_index(key, &index) && index < json_array_get_length(array))
            return json_array_get_element(array, index);
        g_set_error(error, PBX_JSON_ERROR, PBX_JSON_ERROR_PATH,
                    "%s: there is no item [%s]: the array has %u", path, key,
                    json_array_get_length(array));
        return NULL;
    }
    g_autofree char *text = json_to_text(node);
    g_set_error(error, PBX_JSON_ERROR, PBX_JSON_ERROR_PATH,
                "%s: there is %.40s where an object with '%s' would have to be", path, text, key);
    return NULL;
}

static PbxPlace *
way_place(PbxPlace *place, const char *key, const char *origin)
{
    PbxPlace *child = place_child(place, key);
    if (child == NULL) {
        child = place_new(0, 0);
        child->origin = g_strdup(origin);
        place_set_member(place, key, child);
    }
    return child;
}

/* json-glib has no way to replace an item: those behind it go out and in again. */
static void
replace_item(JsonArray *array, guint index, JsonNode *value)
{
    g_autoptr(GPtrArray) behind = g_ptr_array_new();
    for (guint last = json_array_get_length(array) - 1; last > index; last--) {
        g_ptr_array_add(behind, json_node_ref(json_array_get_element(array, last)));
        json_array_remove_element(array, last);
    }
    json_array_remove_element(array, index);
    json_array_add_element(array, json_clone(value));
    while (behind->len > 0)
        json_array_add_element(array, g_ptr_array_steal_index(behind, behind->len - 1));
}

/* Puts the value into its container, and its origin beside it. */
static gboolean
put_value(JsonNode *node, PbxPlace *place, const char *key, JsonNode *value, const char *origin,
          const char *path, GError **error)
{
    guint index = 0;
    if (JSON_NODE_HOLDS_OBJECT(node)) {
        json_object_set_member(json_node_get_object(node), key, json_clone(value));
    } else {
        if (way_child(node, key, path, error) == NULL)
            return FALSE;
        json_token_index(key, &index);
        replace_item(json_node_get_array(node), index, value);
    }
    PbxPlace *child = place_new(0, 0);
    child->origin = g_strdup(origin);
    if (place->items != NULL && json_token_index(key, &index) && index < place->items->len) {
        place_free(place->items->pdata[index]);
        place->items->pdata[index] = child;
    } else {
        place_set_member(place, key, child);
    }
    return TRUE;
}

/* Whether objects can be made along the rest of a path: nothing is made for half of one. */
static gboolean
can_be_made(const char *rest)
{
    while (rest != NULL && *rest != '\0') {
        g_autofree char *key = NULL;
        gboolean is_index = FALSE;
        rest = json_path_step(rest, &key, &is_index);
    }
    return rest != NULL;
}

static gboolean
has_child(JsonNode *node, const char *key)
{
    return !JSON_NODE_HOLDS_OBJECT(node) || json_object_has_member(json_node_get_object(node), key);
}

/* How many containers stand in one another. */
static guint
nesting_of(JsonNode *node)
{
    guint deepest = 0;
    g_autoptr(GList) inner = NULL;
    if (JSON_NODE_HOLDS_OBJECT(node))
        inner = json_object_get_values(json_node_get_object(node));
    else if (JSON_NODE_HOLDS_ARRAY(node))
        inner = json_array_get_elements(json_node_get_array(node));
    else
        return 0;
    for (GList *item = inner; item != NULL; item = item->next) {
        const guint nesting = nesting_of(item->data);
        deepest = MAX(deepest, nesting);
    }
    return deepest + 1;
}

gboolean
doc_set(PbxDoc *doc, const char *path, JsonNode *value, const char *origin, GError **error)
{
    guint room = DOC_MAX_NESTING - MIN(nesting_of(value), DOC_MAX_NESTING);
    JsonNode *node = doc->root;
    PbxPlace *place = doc->places;
    const char *rest = path;
    for (;;) {
        g_autofree char *key = NULL;
        gboolean is_index = FALSE;
        if (JSON_NODE_HOLDS_OBJECT(node) &&
            json_object_has_member(json_node_get_object(node), rest)) {
            key = g_strdup(rest);
            rest = "";
        } else {
            rest = json_path_step(rest, &key, &is_index);
        }
        if (rest == NULL || (!has_child(node, key) && !can_be_made(rest))) {
            g_set_error(error, PBX_JSON_ERROR, PBX_JSON_ERROR_PATH,
                        "%s: no path; one looks like search.seed or config.layers[1]", path);
            return FALSE;
        }
        if (room-- == 0) {
            g_set_error(error, PBX_JSON_ERROR, PBX_JSON_ERROR_NESTING,
                        "%.40s...: nested deeper than %d levels", path, DOC_MAX_NESTING);
            return FALSE;
        }
        if (*rest == '\0')
            return put_value(node, place, key, value, origin, path, error);
        node = way_child(node, key, path, error);
        if (node == NULL)
            return FALSE;
        place = way_place(place, key, origin);
    }
}
