/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a point to its config: constants, values, extra, and then $sample_from. */
#include <math.h>
#include <string.h>

#include "space/space-private.h"

#define EXTRA_MAX_NESTING 512
/* Each $sample_from has its own part of the stream, so its numbers do not depend on the others. */
#define WORDS_PER_SAMPLE ((guint64)1 << 32)

/* ---- Constants and values ---- */

static JsonNode *
number_node(const pbx_dim *dim, double value)
{
    JsonNode *node = json_node_alloc();
    return dim->type == PBX_DIM_INT ? json_node_init_int(node, (gint64)value)
                                    : json_node_init_double(node, value);
}

/* values: of the samples; those that are NULL are left out, or null in an array. */
static JsonNode *
assemble(const PbxSpace *space, const SpaceNode *node, const double *x, JsonNode *const *values)
{
    JsonNode *value = NULL;
    switch (node->kind) {
    case SPACE_CONSTANT:
        return json_clone(node->value);
    case SPACE_NUMBER:
        return number_node(&space_dim(space, node->index)->abi, x[node->index]);
    case SPACE_CATEGORY:
        return assemble(space, space_child(node, (guint)x[node->index]), x, values);
    case SPACE_SAMPLE:
        return values[node->index] != NULL ? json_clone(values[node->index]) : NULL;
    case SPACE_OBJECT: {
        g_autoptr(JsonObject) object = json_object_new();
        for (guint i = 0; i < node->children->len; i++)
            if ((value = assemble(space, space_child(node, i), x, values)) != NULL)
                json_object_set_member(object, g_ptr_array_index(node->keys, i), value);
        return json_node_init_object(json_node_alloc(), object);
    }
    case SPACE_ARRAY:
        break;
    }
    g_autoptr(JsonArray) array = json_array_sized_new(node->children->len);
    for (guint i = 0; i < node->children->len; i++) {
        value = assemble(space, space_child(node, i), x, values);
        json_array_add_element(array, value != NULL ? value : json_node_new(JSON_NODE_NULL));
    }
    return json_node_init_array(json_node_alloc(), array);
}

/* Every active dim has a value that assemble can take. */
static gboolean
check_point(const PbxSpace *space, const double *x, GError **error)
{
    for (guint i = 0; i < space->dims->len; i++) {
        const pbx_dim *dim = &space_dim(space, i)->abi;
        gboolean index = x[i] >= 0 && x[i] < dim->n_choices && x[i] == floor(x[i]);
        gboolean integer = fabs(x[i]) <= SPACE_MAX_WHOLE;
        if (space_active(space, x, i) &&
            (!isfinite(x[i]) || (dim->type == PBX_DIM_CATEGORY && !index) ||
             (dim->type == PBX_DIM_INT && !integer))) {
            g_set_error(error, PBX_SPACE_ERROR, SPACE_ERROR_POINT, "%s.%s: %g is no value of it",
                        space->place, dim->name, x[i]);
            return FALSE;
        }
    }
    return TRUE;
}

/* ---- extra ---- */

static const SpaceNode *
child_by_key(const SpaceNode *node, const char *key)
{
    for (guint i = 0; node != NULL && node->kind == SPACE_OBJECT && i < node->keys->len; i++)
        if (strcmp(g_ptr_array_index(node->keys, i), key) == 0)
            return space_child(node, i);
    return NULL;
}

/* Objects merge, everything else replaces; what the space itself varies stays its own. */
static gboolean
merge(JsonObject *config, JsonObject *extra, const SpaceNode *node, GError **error)
{
    JsonObjectIter iter;
    const char *key;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, extra);
    while (json_object_iter_next_ordered(&iter, &key, &value)) {
        const SpaceNode *child = child_by_key(node, key);
        JsonNode *present = json_object_get_member(config, key);
        gboolean varies = child != NULL && child->kind != SPACE_CONSTANT;
        gboolean objects =
            JSON_NODE_HOLDS_OBJECT(value) && present != NULL && JSON_NODE_HOLDS_OBJECT(present);
        if (varies && !(objects && child->kind == SPACE_OBJECT)) {
            g_set_error(error, PBX_SPACE_ERROR, SPACE_ERROR_POINT,
                        "the search's extra value for %s would replace a parameter", child->path);
            return FALSE;
        }
        if (!objects)
            json_object_set_member(config, key, json_clone(value));
        else if (!merge(json_node_get_object(present), json_node_get_object(value), child, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
merge_text(const PbxSpace *space, JsonNode *config, const char *extra, GError **error)
{
    if (extra == NULL)
        return TRUE;
    g_autoptr(JsonNode) node = json_read(extra, strlen(extra), EXTRA_MAX_NESTING, error);
    if (node == NULL) {
        g_prefix_error(error, "the search's extra values: ");
        return FALSE;
    }
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        g_set_error(error, PBX_SPACE_ERROR, SPACE_ERROR_POINT,
                    "the search's extra values are no object");
        return FALSE;
    }
    return merge(json_node_get_object(config), json_node_get_object(node), space->root, error);
}

/* ---- $sample_from ---- */

static void
free_node(gpointer node)
{
    json_node_unref(node);
}

gboolean
space_resolver_init(SpaceResolver *resolver, const PbxSpace *space, const double *x,
                    const char *extra, JsonNode *spec, const PbxRandom *random, GError **error)
{
    *resolver = (SpaceResolver){.space = space,
                                .x = x,
                                .extra = extra,
                                .wholes = g_ptr_array_new_with_free_func(free_node),
                                .spec = spec,
                                .random = random,
                                .values = g_new0(JsonNode *, space->samples->len + 1),
                                .stack = g_array_new(FALSE, FALSE, sizeof(guint)),
                                .cycle = g_array_new(FALSE, FALSE, sizeof(guint)),
                                .failed = -1};
    if (!check_point(space, x, error))
        return FALSE;
    resolver->view = assemble(space, space->root, x, resolver->values);
    return merge_text(space, resolver->view, extra, error);
}

void
space_resolver_clear(SpaceResolver *resolver)
{
    for (guint i = 0; i < resolver->space->samples->len; i++)
        g_clear_pointer(&resolver->values[i], json_node_unref);
    g_free(resolver->values);
    g_array_unref(resolver->stack);
    g_array_unref(resolver->cycle);
    g_clear_pointer(&resolver->view, json_node_unref);
    g_ptr_array_unref(resolver->wholes);
    g_clear_error(&resolver->failure);
}

static const char *
sample_path(const SpaceResolver *resolver, guint sample)
{
    return space_sample(resolver->space, sample)->node->path;
}

/* Where `sample` stands among those under evaluation; the stack's length: it does not. */
static guint
stack_position(const SpaceResolver *resolver, guint sample)
{
    guint at = 0;
    while (at < resolver->stack->len && g_array_index(resolver->stack, guint, at) != sample)
        at++;
    return at;
}

static void
fail_cycle(SpaceResolver *resolver, guint sample)
{
    GString *cycle = g_string_new(NULL);
    for (guint i = stack_position(resolver, sample); i < resolver->stack->len; i++) {
        guint member = g_array_index(resolver->stack, guint, i);
        g_array_append_val(resolver->cycle, member);
        g_string_append_printf(cycle, "%s -> ", sample_path(resolver, member));
    }
    g_string_append(cycle, sample_path(resolver, sample));
    resolver->failed = (gint)sample;
    resolver->failure = g_error_new(PBX_SPACE_ERROR, SPACE_ERROR_CYCLE,
                                    "$sample_from needs itself: %s", cycle->str);
    g_string_free(cycle, TRUE);
}

static gboolean
is_below(const char *path, const char *above)
{
    gsize length = strlen(above);
    return length == 0 ||
           (strncmp(path, above, length) == 0 && (path[length] == '.' || path[length] == '['));
}

/* An expression takes an object or array as a whole. */
static JsonNode *
resolve_whole(SpaceResolver *resolver, const char *path, GError **error)
{
    const PbxSpace *space = resolver->space;
    gboolean any = FALSE;
    for (guint i = 0; i < space->samples->len; i++) {
        if (!is_below(space_sample(space, i)->path, path) ||
            !space_sample_active(space, resolver->x, i))
            continue;
        any = TRUE;
        if (!space_resolve(resolver, i)) {
            g_propagate_error(error, g_error_copy(resolver->failure));
            return NULL;
        }
    }
    if (!any)
        return NULL;
    JsonNode *whole = assemble(space, space->root, resolver->x, resolver->values);
    g_ptr_array_add(resolver->wholes, whole);
    if (!merge_text(space, whole, resolver->extra, error))
        return NULL;
    return path[0] != '\0' ? json_lookup(whole, path) : whole;
}

/* An expression touches what the view lacks. */
static JsonNode *
resolve_path(const char *path, gboolean is_whole, gpointer user, GError **error)
{
    SpaceResolver *resolver = user;
    if (is_whole)
        return resolve_whole(resolver, path, error);
    for (guint i = 0; i < resolver->space->samples->len; i++) {
        if (strcmp(space_sample(resolver->space, i)->path, path) != 0 ||
            !space_sample_active(resolver->space, resolver->x, i))
            continue;
        if (space_resolve(resolver, i))
            return resolver->values[i];
        g_propagate_error(error, g_error_copy(resolver->failure));
        return NULL;
    }
    return NULL;
}

gboolean
space_resolve(SpaceResolver *resolver, guint sample)
{
    if (resolver->failure != NULL)
        return FALSE;
    if (resolver->values[sample] != NULL)
        return TRUE;
    if (stack_position(resolver, sample) < resolver->stack->len) {
        fail_cycle(resolver, sample);
        return FALSE;
    }
    g_array_append_val(resolver->stack, sample);
    PbxRandom random = {0};
    if (resolver->random != NULL) {
        random = *resolver->random;
        random.offset += WORDS_PER_SAMPLE * sample;
    }
    PbxBinding bindings[] = {{"config", resolver->view}, {"spec", resolver->spec}};
    g_autoptr(GError) why = NULL;
    JsonNode *value = expression_eval(
        space_sample(resolver->space, sample)->expression, bindings, G_N_ELEMENTS(bindings),
        resolver->random != NULL ? &random : NULL, resolve_path, resolver, &why);
    g_array_set_size(resolver->stack, resolver->stack->len - 1);
    if (resolver->failure != NULL) { /* of one that it needs */
        g_clear_pointer(&value, json_node_unref);
        return FALSE;
    }
    if (value == NULL) {
        resolver->failed = (gint)sample;
        resolver->failure = g_error_new(PBX_SPACE_ERROR, SPACE_ERROR_EXPRESSION,
                                        "$sample_from failed: %s", why->message);
        return FALSE;
    }
    resolver->values[sample] = value;
    return TRUE;
}

static gboolean
resolve_all(SpaceResolver *resolver, GError **error)
{
    const PbxSpace *space = resolver->space;
    for (guint i = 0; i < space->samples->len; i++) {
        if (!space_sample_active(space, resolver->x, i) || space_resolve(resolver, i))
            continue;
        g_propagate_error(error, g_steal_pointer(&resolver->failure));
        g_prefix_error(error, "%s.%s: ", space->place,
                       sample_path(resolver, (guint)resolver->failed));
        return FALSE;
    }
    return TRUE;
}

/* The view with the samples in their places: members stand as in the file. */
static JsonNode *
assemble_all(SpaceResolver *resolver, const char *extra, GError **error)
{
    const PbxSpace *space = resolver->space;
    if (space->samples->len == 0)
        return g_steal_pointer(&resolver->view);
    if (!resolve_all(resolver, error))
        return NULL;
    g_autoptr(JsonNode) config = assemble(space, space->root, resolver->x, resolver->values);
    return merge_text(space, config, extra, error) ? g_steal_pointer(&config) : NULL;
}

JsonNode *
space_config(PbxSpace *space, const double *x, const char *extra, JsonNode *spec,
             const PbxRandom *random, GError **error)
{
    SpaceResolver resolver;
    JsonNode *config = NULL;
    if (space_resolver_init(&resolver, space, x, extra, spec, random, error))
        config = assemble_all(&resolver, extra, error);
    space_resolver_clear(&resolver);
    return config;
}

JsonNode *
space_config_given(const PbxSpace *space, const double *x, JsonNode *given, JsonNode *spec,
                   const PbxRandom *random, GError **error)
{
    SpaceResolver resolver;
    JsonNode *config = NULL;
    if (space_resolver_init(&resolver, space, x, NULL, spec, random, error)) {
        for (guint i = 0; i < space->samples->len; i++) {
            JsonNode *value = json_lookup(given, space_sample(space, i)->node->path);
            if (value != NULL && space_sample_active(space, x, i))
                resolver.values[i] = json_clone(value);
        }
        config = assemble_all(&resolver, NULL, error);
    }
    space_resolver_clear(&resolver);
    return config;
}
