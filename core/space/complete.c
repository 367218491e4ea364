/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A config that a person asks for, in part or all of it: checked, and what it lacks drawn. */
#include <math.h>
#include <string.h>

#include "space/space-private.h"

/* Values that differ by less, relative to the larger one, are the same. */
#define NOISE 1e-9

static char *
text_of(JsonNode *value)
{
    return value != NULL ? space_arguments_text(value) : g_strdup("nothing");
}

/* ---- Dotted keys ---- */

static gboolean
is_own_key(const PbxSpace *space, const char *key)
{
    for (guint i = 0; space->root->kind == SPACE_OBJECT && i < space->root->keys->len; i++)
        if (strcmp(g_ptr_array_index(space->root->keys, i), key) == 0)
            return TRUE;
    return FALSE;
}

/* {"optimizer.lr": 0.1} as {"optimizer": {"lr": 0.1}}. NULL with error. (transfer full) */
static JsonNode *
unfold(const PbxSpace *space, JsonNode *given, GError **error)
{
    if (!JSON_NODE_HOLDS_OBJECT(given)) {
        g_set_error(error, PBX_SPACE_ERROR, SPACE_ERROR_POINT, "a config is an object, not %s",
                    JSON_NODE_HOLDS_ARRAY(given) ? "an array" : "a single value");
        return NULL;
    }
    g_autoptr(JsonNode) root = json_node_init_object(json_node_alloc(), NULL);
    json_node_take_object(root, json_object_new());
    g_autoptr(PbxDoc) doc = doc_new_for_node("config", root);
    JsonObjectIter iter;
    const char *key;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, json_node_get_object(given));
    while (json_object_iter_next_ordered(&iter, &key, &value)) {
        if (is_own_key(space, key)) {
            json_object_set_member(json_node_get_object(root), key, json_clone(value));
            continue;
        }
        g_autoptr(JsonNode) copy = json_clone(value);
        if (!doc_set(doc, key, copy, "config", error)) {
            g_prefix_error(error, "%s: ", key);
            return NULL;
        }
    }
    return g_steal_pointer(&root);
}

/* ---- Values ---- */

static gboolean
fail_dim(const PbxSpace *space, guint i, JsonNode *given, GError **error)
{
    const SpaceDim *dim = space_dim(space, i);
    g_autofree char *got = text_of(json_lookup(given, dim->abi.path));
    if (dim->abi.type == PBX_DIM_CATEGORY) {
        g_autofree char *choices = space_arguments_text(dim->choices);
        g_set_error(error, PBX_SPACE_ERROR, SPACE_ERROR_POINT, "%s: %s is none of %s",
                    dim->abi.name, got, choices);
    } else {
        char low[32], high[32];
        json_format_double(dim->abi.low, low);
        json_format_double(dim->abi.high, high);
        g_set_error(error, PBX_SPACE_ERROR, SPACE_ERROR_POINT, "%s: %s is no number from %s to %s",
                    dim->abi.name, got, low, high);
    }
    return FALSE;
}

/* The point of what is given; its other active dims are drawn, parents first. */
static gboolean
draw_rest(PbxSpace *space, JsonNode *given, PbxRandom *random, double *x, GError **error)
{
    const char *outside = NULL;
    space_point(space, given, x, &outside);
    for (guint i = 0; i < space->dims->len; i++) {
        if (outside != NULL && strcmp(space_dim(space, i)->abi.name, outside) == 0)
            return fail_dim(space, i, given, error);
        if (space_active(space, x, i) && isnan(x[i]))
            x[i] = space_draw(space, i, random);
    }
    return space_snap(space, x, NULL, error);
}

/* ---- The config against what was asked for ---- */

static gboolean
is_same(JsonNode *asked, JsonNode *got)
{
    double a, b;
    if (space_node_number(asked, &a) && space_node_number(got, &b))
        return fabs(a - b) <= NOISE * fmax(fabs(a), fabs(b));
    return space_values_equal(asked, got);
}

static gboolean check(JsonNode *asked, JsonNode *got, const char *pointer, GError **error);

static gboolean
fail_value(JsonNode *asked, JsonNode *got, const char *pointer, GError **error)
{
    g_autofree char *path = json_pointer_display(pointer);
    g_autofree char *wanted = text_of(asked);
    g_autofree char *there = text_of(got);
    double number;
    const gboolean near =
        got != NULL && space_node_number(asked, &number) && space_node_number(got, &number);
    g_set_error(error, PBX_SPACE_ERROR, SPACE_ERROR_POINT, "%s: %s is not in the space, %s %s",
                path, wanted, near ? "the nearest is" : "which has", there);
    return FALSE;
}

static gboolean
check_object(JsonObject *asked, JsonObject *got, const char *pointer, GError **error)
{
    JsonObjectIter iter;
    const char *key;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, asked);
    while (json_object_iter_next_ordered(&iter, &key, &value)) {
        g_autofree char *inner = json_pointer_member(pointer, key);
        JsonNode *there = json_object_get_member(got, key);
        if (there != NULL) {
            if (!check(value, there, inner, error))
                return FALSE;
            continue;
        }
        g_autofree char *path = json_pointer_display(inner);
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        g_autoptr(GList) members = json_object_get_members(got);
        for (GList *item = members; item != NULL; item = item->next)
            g_ptr_array_add(names, item->data);
        g_ptr_array_add(names, NULL);
        const char *meant = json_did_you_mean(key, (const char *const *)names->pdata);
        g_set_error(error, PBX_SPACE_ERROR, SPACE_ERROR_POINT,
                    "%s: there is no such parameter%s%s%s", path,
                    meant != NULL ? "; did you mean '" : "", meant != NULL ? meant : "",
                    meant != NULL ? "'?" : "");
        return FALSE;
    }
    return TRUE;
}

static gboolean
check_array(JsonArray *asked, JsonArray *got, const char *pointer, GError **error)
{
    for (guint i = 0; i < json_array_get_length(asked); i++) {
        g_autofree char *inner = json_pointer_item(pointer, i);
        JsonNode *value = json_array_get_element(asked, i);
        if (i >= json_array_get_length(got))
            return fail_value(value, NULL, inner, error);
        if (!check(value, json_array_get_element(got, i), inner, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check(JsonNode *asked, JsonNode *got, const char *pointer, GError **error)
{
    if (JSON_NODE_HOLDS_OBJECT(asked) && JSON_NODE_HOLDS_OBJECT(got))
        return check_object(json_node_get_object(asked), json_node_get_object(got), pointer, error);
    if (JSON_NODE_HOLDS_ARRAY(asked) && JSON_NODE_HOLDS_ARRAY(got))
        return check_array(json_node_get_array(asked), json_node_get_array(got), pointer, error);
    return is_same(asked, got) || fail_value(asked, got, pointer, error);
}

JsonNode *
space_complete(PbxSpace *space, JsonNode *given, JsonNode *spec, PbxRandom *draws,
               const PbxRandom *samples, double *x, GError **error)
{
    g_autoptr(JsonNode) whole = unfold(space, given, error);
    if (whole == NULL || !draw_rest(space, whole, draws, x, error))
        return NULL;
    g_autoptr(JsonNode) config = space_config_given(space, x, whole, spec, samples, error);
    if (config == NULL || !check(whole, config, "", error))
        return NULL;
    return g_steal_pointer(&config);
}
