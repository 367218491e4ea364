/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a config back to its point, and to the values that vary. */
#include <math.h>
#include <string.h>

#include "space/space-private.h"

/* How well a value fits a node; of a choice's branches the best wins, then the first. */
typedef enum {
    FIT_NONE,
    FIT_PARTLY,   /* something is missing */
    FIT_ANYTHING, /* a $sample_from may have made it */
    FIT_MORE,     /* it has members besides */
    FIT_EXACT,
} Fit;

/* ---- Values ---- */

gboolean
space_node_number(JsonNode *node, double *value)
{
    if (!JSON_NODE_HOLDS_VALUE(node))
        return FALSE;
    GType type = json_node_get_value_type(node);
    if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
        return FALSE;
    *value = type == G_TYPE_INT64 ? (double)json_node_get_int(node) : json_node_get_double(node);
    return TRUE;
}

static gboolean
objects_equal(JsonObject *a, JsonObject *b)
{
    if (json_object_get_size(a) != json_object_get_size(b))
        return FALSE;
    JsonObjectIter iter;
    const char *key;
    JsonNode *member;
    json_object_iter_init(&iter, a);
    while (json_object_iter_next(&iter, &key, &member)) {
        JsonNode *other = json_object_get_member(b, key);
        if (other == NULL || !space_values_equal(member, other))
            return FALSE;
    }
    return TRUE;
}

static gboolean
arrays_equal(JsonArray *a, JsonArray *b)
{
    guint n = json_array_get_length(a);
    if (n != json_array_get_length(b))
        return FALSE;
    for (guint i = 0; i < n; i++)
        if (!space_values_equal(json_array_get_element(a, i), json_array_get_element(b, i)))
            return FALSE;
    return TRUE;
}

gboolean
space_values_equal(JsonNode *a, JsonNode *b)
{
    double first, second;
    if (space_node_number(a, &first) && space_node_number(b, &second))
        return first == second;
    if (JSON_NODE_HOLDS_OBJECT(a) && JSON_NODE_HOLDS_OBJECT(b))
        return objects_equal(json_node_get_object(a), json_node_get_object(b));
    if (JSON_NODE_HOLDS_ARRAY(a) && JSON_NODE_HOLDS_ARRAY(b))
        return arrays_equal(json_node_get_array(a), json_node_get_array(b));
    return json_equal(a, b);
}

/* ---- Fitting ---- */

typedef struct {
    const PbxSpace *space;
    JsonNode *config;
} Match;

static Fit fit(const Match *match, const SpaceNode *node, JsonNode *value);

static Fit
fit_number(const Match *match, const SpaceNode *node, JsonNode *value)
{
    const pbx_dim *dim = &space_dim(match->space, node->index)->abi;
    double number;
    return space_node_number(value, &number) && number >= dim->low && number <= dim->high
               ? FIT_EXACT
               : FIT_NONE;
}

/* One that gives just this value is told from one that merely might. */
static Fit
fit_sample(const Match *match, const SpaceNode *node, JsonNode *value)
{
    PbxBinding bindings[] = {{"config", match->config}, {"spec", NULL}};
    g_autoptr(JsonNode) result =
        expression_eval(space_sample(match->space, node->index)->expression, bindings,
                        G_N_ELEMENTS(bindings), NULL, NULL, NULL, NULL);
    return result != NULL && space_values_equal(result, value) ? FIT_EXACT : FIT_ANYTHING;
}

static gint
best_branch(const Match *match, const SpaceNode *node, JsonNode *value, Fit *quality)
{
    gint best = -1;
    *quality = FIT_NONE;
    for (guint i = 0; i < node->children->len && *quality != FIT_EXACT; i++) {
        Fit found = fit(match, space_child(node, i), value);
        if (found > *quality) {
            *quality = found;
            best = (gint)i;
        }
    }
    return best;
}

static Fit
fit_object(const Match *match, const SpaceNode *node, JsonNode *value)
{
    if (!JSON_NODE_HOLDS_OBJECT(value))
        return FIT_NONE;
    JsonObject *object = json_node_get_object(value);
    Fit worst = FIT_EXACT;
    guint present = 0;
    for (guint i = 0; i < node->children->len && worst != FIT_NONE; i++) {
        JsonNode *member = json_object_get_member(object, g_ptr_array_index(node->keys, i));
        present += member != NULL;
        worst = MIN(worst, fit(match, space_child(node, i), member));
    }
    return json_object_get_size(object) > present ? MIN(worst, FIT_MORE) : worst;
}

static Fit
fit_array(const Match *match, const SpaceNode *node, JsonNode *value)
{
    if (!JSON_NODE_HOLDS_ARRAY(value) ||
        json_array_get_length(json_node_get_array(value)) != node->children->len)
        return FIT_NONE;
    Fit worst = FIT_EXACT;
    for (guint i = 0; i < node->children->len && worst != FIT_NONE; i++)
        worst = MIN(worst, fit(match, space_child(node, i),
                               json_array_get_element(json_node_get_array(value), i)));
    return worst;
}

static Fit
fit(const Match *match, const SpaceNode *node, JsonNode *value)
{
    Fit quality = FIT_NONE;
    if (value == NULL)
        return FIT_PARTLY;
    switch (node->kind) {
    case SPACE_CONSTANT:
        return space_values_equal(node->value, value) ? FIT_EXACT : FIT_NONE;
    case SPACE_NUMBER:
        return fit_number(match, node, value);
    case SPACE_CATEGORY:
        (void)best_branch(match, node, value, &quality);
        return quality;
    case SPACE_SAMPLE:
        return fit_sample(match, node, value);
    case SPACE_OBJECT:
        return fit_object(match, node, value);
    case SPACE_ARRAY:
        break;
    }
    return fit_array(match, node, value);
}

/* ---- Walking what varies ---- */

/* `branch` of a CATEGORY: the index that was taken, -1: none fits. */
typedef void (*Visit)(const SpaceNode *node, JsonNode *value, gint branch, gpointer user);

typedef struct {
    Match match;
    Visit visit;
    gpointer user;
} Walk;

/* Calls visit for each active node that varies, in the order of their paths. value NULL: absent. */
static void
walk(const Walk *self, const SpaceNode *node, JsonNode *value)
{
    if (node->kind == SPACE_CONSTANT)
        return;
    if (node->kind == SPACE_OBJECT) {
        gboolean usable = value != NULL && JSON_NODE_HOLDS_OBJECT(value);
        JsonObject *object = usable ? json_node_get_object(value) : NULL;
        for (guint i = 0; i < node->children->len; i++) {
            const char *key = g_ptr_array_index(node->keys, node->sorted[i]);
            walk(self, space_child(node, node->sorted[i]),
                 usable ? json_object_get_member(object, key) : NULL);
        }
    } else if (node->kind == SPACE_ARRAY) {
        gboolean usable = value != NULL && JSON_NODE_HOLDS_ARRAY(value);
        JsonArray *array = usable ? json_node_get_array(value) : NULL;
        for (guint i = 0; i < node->children->len; i++)
            walk(self, space_child(node, i),
                 usable && i < json_array_get_length(array) ? json_array_get_element(array, i)
                                                            : NULL);
    } else if (node->kind == SPACE_CATEGORY) {
        Fit quality = FIT_NONE;
        gint branch = value == NULL ? -1 : best_branch(&self->match, node, value, &quality);
        self->visit(node, value, branch, self->user);
        if (branch >= 0)
            walk(self, space_child(node, (guint)branch), value);
    } else {
        self->visit(node, value, -1, self->user);
    }
}

static void
walk_config(const PbxSpace *space, JsonNode *config, Visit visit, gpointer user)
{
    Walk self = {{space, config}, visit, user};
    walk(&self, space->root, config);
}

/* ---- The point ---- */

typedef struct {
    const PbxSpace *space;
    double *x;
    guint outside; /* the first dim whose value does not fit */
} Point;

static void
visit_point(const SpaceNode *node, JsonNode *value, gint branch, gpointer user)
{
    Point *point = user;
    if (node->kind == SPACE_SAMPLE || value == NULL)
        return;
    Match match = {point->space, NULL};
    gboolean fits =
        node->kind == SPACE_CATEGORY ? branch >= 0 : fit_number(&match, node, value) != FIT_NONE;
    if (!fits) {
        point->outside = MIN(point->outside, node->index);
        return;
    }
    if (node->kind == SPACE_CATEGORY)
        point->x[node->index] = branch;
    else
        (void)space_node_number(value, &point->x[node->index]);
}

void
space_point(const PbxSpace *space, JsonNode *config, double *x, const char **outside)
{
    Point point = {space, x, G_MAXUINT};
    for (guint i = 0; i < space->dims->len; i++)
        x[i] = NAN;
    walk_config(space, config, visit_point, &point);
    if (outside != NULL)
        *outside = point.outside == G_MAXUINT ? NULL : space_dim(space, point.outside)->name;
}

/* ---- evaluated_params ---- */

static void
visit_evaluated(const SpaceNode *node, JsonNode *value, G_GNUC_UNUSED gint branch, gpointer user)
{
    /* A choice and what it took have the same path and the same value. */
    if (value != NULL && !json_object_has_member(user, node->slashed))
        json_object_set_member(user, node->slashed, json_clone(value));
}

JsonNode *
space_evaluated(const PbxSpace *space, JsonNode *config)
{
    g_autoptr(JsonObject) object = json_object_new();
    walk_config(space, config, visit_evaluated, object);
    return json_node_init_object(json_node_alloc(), object);
}

/* ---- The tag ---- */

typedef struct {
    const PbxSpace *space;
    GString *text;
    const char *last; /* path that is in the tag already */
} Tag;

static gboolean
is_tag_character(char c)
{
    return g_ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
}

/* Runs of other characters become one '_', none at the ends. */
static void
append_clean(GString *out, const char *text)
{
    gsize start = out->len;
    for (const char *p = text; *p != '\0'; p++) {
        if (is_tag_character(*p))
            g_string_append_c(out, *p);
        else if (p == text || is_tag_character(p[-1]))
            g_string_append_c(out, '_');
    }
    while (out->len > start && out->str[out->len - 1] == '_')
        g_string_truncate(out, out->len - 1);
    while (out->len > start && out->str[start] == '_')
        g_string_erase(out, (gssize)start, 1);
}

/* As Python writes '{:.5}': five digits, a whole number keeps one decimal. */
static void
append_double(GString *out, double value)
{
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];
    g_ascii_formatd(buffer, sizeof buffer, "%.5g", value);
    g_string_append(out, buffer);
    if (strpbrk(buffer, ".en") == NULL)
        g_string_append(out, ".0");
}

static void
append_value(GString *out, JsonNode *value)
{
    GType type = JSON_NODE_HOLDS_VALUE(value) ? json_node_get_value_type(value) : G_TYPE_INVALID;
    if (type == G_TYPE_DOUBLE) {
        append_double(out, json_node_get_double(value));
    } else if (type == G_TYPE_STRING) {
        append_clean(out, json_node_get_string(value));
    } else if (type == G_TYPE_BOOLEAN) {
        g_string_append(out, json_node_get_boolean(value) ? "True" : "False");
    } else if (JSON_NODE_HOLDS_NULL(value)) {
        g_string_append(out, "None");
    } else {
        g_autofree char *text = json_to_text(value);
        append_clean(out, text);
    }
}

static void
visit_tag(const SpaceNode *node, JsonNode *value, gint branch, gpointer user)
{
    Tag *tag = user;
    if (value == NULL || g_strcmp0(tag->last, node->path) == 0)
        return;
    tag->last = node->path;
    if (tag->text->len > 0)
        g_string_append_c(tag->text, ',');
    append_clean(tag->text, node->tag_key);
    g_string_append_c(tag->text, '=');
    gboolean object = JSON_NODE_HOLDS_OBJECT(value);
    const SpaceDim *dim = branch >= 0 ? space_dim(tag->space, node->index) : NULL;
    /* A branch is told by its label: its parameters follow by themselves. */
    if (object && dim != NULL && dim->labels != NULL)
        append_clean(tag->text, dim->labels[branch]);
    else if (object && dim != NULL && space_child(node, (guint)branch)->kind == SPACE_OBJECT)
        g_string_append_printf(tag->text, "%d", branch);
    else
        append_value(tag->text, value);
}

char *
space_tag(const PbxSpace *space, JsonNode *config)
{
    Tag tag = {space, g_string_new(NULL), NULL};
    walk_config(space, config, visit_tag, &tag);
    return g_string_free(tag.text, FALSE);
}
