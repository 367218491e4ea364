/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the JSON of a config with operators to its tree, dimensions and samples. */
#include <string.h>

#include "space/space-private.h"

/* One step of a path in the config. */
typedef struct Step {
    const struct Step *up;
    const char *key; /* NULL: an index */
    guint index;
} Step;

/* Where a value stands. */
typedef struct {
    const Step *step;
    const char *pointer;
    gint parent; /* the dim that it hangs on, -1: none */
    guint parent_choice;
} Place;

typedef struct {
    PbxSpace *space;
    const PbxDoc *doc;
    PbxSandbox *sandbox;
    PbxProblems *problems;
} Builder;

static SpaceNode *build(Builder *builder, JsonNode *json, const Place *place);

/* ---- Paths ---- */

char *
space_key_display(const char *key)
{
    g_autofree char *pointer = json_pointer_member("", key);
    g_autofree char *display = json_pointer_display(pointer);
    /* A pointer does not tell a key of digits from an index. */
    return display[0] == '[' ? g_strdup(key) : g_steal_pointer(&display);
}

static void
append_path(GString *path, const Step *step, gboolean quote)
{
    if (step == NULL)
        return;
    append_path(path, step->up, quote);
    if (step->key == NULL) {
        g_string_append_printf(path, "[%u]", step->index);
        return;
    }
    if (path->len > 0)
        g_string_append_c(path, '.');
    g_autofree char *quoted = quote ? space_key_display(step->key) : NULL;
    g_string_append(path, quote ? quoted : step->key);
}

static void
append_slashed(GString *path, const Step *step)
{
    if (step == NULL)
        return;
    append_slashed(path, step->up);
    if (path->len > 0)
        g_string_append_c(path, '/');
    if (step->key == NULL)
        g_string_append_printf(path, "%u", step->index);
    else
        g_string_append(path, step->key);
}

/* Tune's: every index and the last key, "layers_0". */
static void
append_tag_key(GString *key, const Step *step, gboolean named)
{
    if (step == NULL)
        return;
    append_tag_key(key, step->up, named || step->key != NULL);
    if (step->key != NULL && named)
        return;
    if (key->len > 0)
        g_string_append_c(key, '_');
    if (step->key == NULL)
        g_string_append_printf(key, "%u", step->index);
    else
        g_string_append(key, step->key);
}

/* ---- Nodes ---- */

static SpaceNode *
node_new(SpaceNodeKind kind, const Place *place)
{
    SpaceNode *node = g_new0(SpaceNode, 1);
    node->kind = kind;
    node->pointer = g_strdup(place->pointer);
    GString *text = g_string_new(NULL);
    append_path(text, place->step, TRUE);
    node->path = g_strdup(text->str);
    g_string_truncate(text, 0);
    append_slashed(text, place->step);
    node->slashed = g_strdup(text->str);
    g_string_truncate(text, 0);
    append_tag_key(text, place->step, FALSE);
    node->tag_key = g_string_free(text, FALSE);
    return node;
}

static SpaceNode *
constant_new(JsonNode *value /* (transfer full) */, const Place *place)
{
    SpaceNode *node = node_new(SPACE_CONSTANT, place);
    node->value = value;
    return node;
}

/* Stands for what has a problem, so that the rest is checked too. */
static SpaceNode *
broken_new(const Place *place)
{
    return constant_new(json_node_new(JSON_NODE_NULL), place);
}

void
space_node_free(SpaceNode *node)
{
    if (node == NULL)
        return;
    g_free(node->pointer);
    g_free(node->path);
    g_free(node->slashed);
    g_free(node->tag_key);
    g_clear_pointer(&node->value, json_node_unref);
    g_clear_pointer(&node->keys, g_ptr_array_unref);
    g_clear_pointer(&node->children, g_ptr_array_unref);
    g_free(node->sorted);
    g_free(node);
}

static GPtrArray *
children_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)space_node_free);
}

/* An object or array without anything that varies becomes one constant. */
static SpaceNode *
fold_constants(SpaceNode *node, const Place *place)
{
    for (guint i = 0; i < node->children->len; i++)
        if (space_child(node, i)->kind != SPACE_CONSTANT)
            return node;
    JsonNode *value;
    if (node->kind == SPACE_OBJECT) {
        g_autoptr(JsonObject) object = json_object_new();
        for (guint i = 0; i < node->children->len; i++)
            json_object_set_member(object, g_ptr_array_index(node->keys, i),
                                   g_steal_pointer(&space_child(node, i)->value));
        value = json_node_init_object(json_node_alloc(), object);
    } else {
        g_autoptr(JsonArray) array = json_array_new();
        for (guint i = 0; i < node->children->len; i++)
            json_array_add_element(array, g_steal_pointer(&space_child(node, i)->value));
        value = json_node_init_array(json_node_alloc(), array);
    }
    space_node_free(node);
    return constant_new(value, place);
}

/* ---- Dimensions ---- */

static guint
add_dim(Builder *builder, const Place *place, SpaceNode *node, const pbx_dim *abi)
{
    SpaceDim *dim = g_new0(SpaceDim, 1);
    dim->abi = *abi;
    dim->abi.struct_size = sizeof(pbx_dim);
    dim->abi.parent = place->parent;
    dim->abi.parent_choice = place->parent_choice;
    dim->abi.path = node->path;
    dim->node = node;
    g_ptr_array_add(builder->space->dims, dim);
    return builder->space->dims->len - 1;
}

static SpaceNode *
build_number(Builder *builder, const SpaceOperator *op, JsonNode *arguments, const Place *place)
{
    pbx_dim dim = {0};
    g_autofree char *problem = NULL;
    if (!space_operator_read(op, arguments, &dim, &problem)) {
        problems_add(builder->problems, builder->doc, place->pointer, "%s", problem);
        return broken_new(place);
    }
    if (dim.type == PBX_DIM_INT && dim.low == dim.high)
        return constant_new(json_node_init_int(json_node_alloc(), (gint64)dim.low), place);
    SpaceNode *node = node_new(SPACE_NUMBER, place);
    node->index = add_dim(builder, place, node, &dim);
    return node;
}

static gboolean
numbers_ascend(JsonArray *choices)
{
    double last = 0;
    for (guint i = 0; i < json_array_get_length(choices); i++) {
        double value;
        if (!space_node_number(json_array_get_element(choices, i), &value))
            return FALSE;
        if (i > 0 && !(value > last))
            return FALSE;
        last = value;
    }
    return TRUE;
}

/* The values as searches see them: literals unwrapped, subspaces as they were written. */
static void
set_choices(SpaceDim *dim, const SpaceNode *node, JsonArray *written)
{
    g_autoptr(JsonArray) choices = json_array_new();
    for (guint i = 0; i < node->children->len; i++) {
        const SpaceNode *child = space_child(node, i);
        JsonNode *choice =
            child->kind == SPACE_CONSTANT ? child->value : json_array_get_element(written, i);
        json_array_add_element(choices, json_clone(choice));
    }
    if (numbers_ascend(choices))
        dim->abi.flags |= PBX_DIM_ORDERED;
    dim->choices = json_node_init_array(json_node_alloc(), choices);
    dim->abi.choices = (const pbx_json *)dim->choices;
}

/* A grid that a choice may leave out cannot be counted: it is drawn as a choice is. */
static gboolean
is_grid(const Builder *builder, const SpaceOperator *op, const Place *place)
{
    return op->kind == OPERATOR_GRID &&
           (place->parent < 0 ||
            (space_dim(builder->space, (guint)place->parent)->abi.flags & PBX_DIM_GRID) != 0);
}

static SpaceNode *
build_category(Builder *builder, const SpaceOperator *op, JsonNode *arguments, const Place *place)
{
    g_autofree char *operator_pointer = json_pointer_member(place->pointer, op->name);
    JsonArray *items = JSON_NODE_HOLDS_ARRAY(arguments) ? json_node_get_array(arguments) : NULL;
    guint n = items == NULL ? 0 : json_array_get_length(items);
    if (n == 0) {
        g_autofree char *got = space_arguments_text(arguments);
        problems_add(builder->problems, builder->doc, place->pointer, "%s %s, got %s", op->name,
                     items == NULL ? "takes an array of choices" : "needs at least one choice",
                     got);
        return broken_new(place);
    }
    Place inner = *place;
    if (n == 1) {
        g_autofree char *pointer = json_pointer_item(operator_pointer, 0);
        inner.pointer = pointer;
        return build(builder, json_array_get_element(items, 0), &inner);
    }
    pbx_dim abi = {.type = PBX_DIM_CATEGORY, .n_choices = n, .high = n - 1};
    if (is_grid(builder, op, place))
        abi.flags = PBX_DIM_GRID;
    SpaceNode *node = node_new(SPACE_CATEGORY, place);
    node->children = children_new();
    node->index = add_dim(builder, place, node, &abi); /* parents come before their children */
    inner.parent = (gint)node->index;
    for (guint i = 0; i < n; i++) {
        g_autofree char *pointer = json_pointer_item(operator_pointer, i);
        inner.pointer = pointer;
        inner.parent_choice = i;
        g_ptr_array_add(node->children, build(builder, json_array_get_element(items, i), &inner));
    }
    set_choices(space_dim(builder->space, node->index), node, items);
    return node;
}

static void
sample_free(SpaceSample *sample)
{
    expression_free(sample->expression);
    g_free(sample->path);
    g_free(sample);
}

static SpaceNode *
build_sample(Builder *builder, JsonNode *arguments, const Place *place)
{
    if (!JSON_NODE_HOLDS_VALUE(arguments) || json_node_get_value_type(arguments) != G_TYPE_STRING) {
        g_autofree char *got = space_arguments_text(arguments);
        problems_add(builder->problems, builder->doc, place->pointer,
                     "$sample_from takes an expression as a text, got %s", got);
        return broken_new(place);
    }
    g_autoptr(GError) error = NULL;
    PbxExpression *expression =
        expression_compile(builder->sandbox, json_node_get_string(arguments), &error);
    if (expression == NULL) {
        problems_add(builder->problems, builder->doc, place->pointer, "$sample_from: %s",
                     error->message);
        return broken_new(place);
    }
    SpaceNode *node = node_new(SPACE_SAMPLE, place);
    SpaceSample *sample = g_new0(SpaceSample, 1);
    GString *path = g_string_new(NULL);
    append_path(path, place->step, FALSE);
    *sample = (SpaceSample){.node = node,
                            .expression = expression,
                            .path = g_string_free(path, FALSE),
                            .parent = place->parent,
                            .parent_choice = place->parent_choice};
    node->index = builder->space->samples->len;
    g_ptr_array_add(builder->space->samples, sample);
    return node;
}

/* ---- Objects and arrays ---- */

static SpaceNode *
build_operator(Builder *builder, JsonObject *object, const char *key, const Place *place)
{
    const SpaceOperator *op = space_operator_find(key);
    if (op == NULL) {
        const char *meant = json_did_you_mean(key, space_operators());
        problems_add(builder->problems, builder->doc, place->pointer,
                     meant != NULL ? "there is no operator %s; did you mean %s?"
                                   : "there is no operator %s",
                     key, meant);
        if (meant == NULL)
            problems_hint(builder->problems, "{\"$literal\": {...}} takes an object as it stands");
        return broken_new(place);
    }
    if (json_object_get_size(object) > 1) {
        problems_add(builder->problems, builder->doc, place->pointer,
                     "%s must be the only key of its object", key);
        return broken_new(place);
    }
    JsonNode *arguments = json_object_get_member(object, key);
    switch (op->kind) {
    case OPERATOR_CHOICE:
    case OPERATOR_GRID:
        return build_category(builder, op, arguments, place);
    case OPERATOR_SAMPLE:
        return build_sample(builder, arguments, place);
    case OPERATOR_LITERAL:
        return constant_new(json_clone(arguments), place);
    case OPERATOR_NUMBER:
        break;
    }
    return build_number(builder, op, arguments, place);
}

/* The first member that begins with '$', or NULL. */
static const char *
operator_key(JsonObject *object)
{
    JsonObjectIter iter;
    const char *key;
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &key, NULL))
        if (key[0] == '$')
            return key;
    return NULL;
}

/* "$uniform" in an unquoted here-document is an unset variable. */
static gboolean
lost_its_operator(JsonObject *object)
{
    return json_object_get_size(object) == 1 && json_object_has_member(object, "") &&
           JSON_NODE_HOLDS_ARRAY(json_object_get_member(object, ""));
}

/* {"uniform": [0, 1]}: the operator without its '$', or NULL. */
static const char *
bare_operator(JsonObject *object)
{
    if (json_object_get_size(object) != 1)
        return NULL;
    JsonObjectIter iter;
    const char *key;
    JsonNode *member;
    json_object_iter_init_ordered(&iter, object);
    json_object_iter_next_ordered(&iter, &key, &member);
    g_autofree char *name = g_strconcat("$", key, NULL);
    const SpaceOperator *op = JSON_NODE_HOLDS_ARRAY(member) ? space_operator_find(name) : NULL;
    return op != NULL && op->kind != OPERATOR_LITERAL ? key : NULL;
}

static int
compare_keys(gconstpointer a, gconstpointer b, gpointer keys)
{
    return strcmp(g_ptr_array_index((GPtrArray *)keys, *(const guint *)a),
                  g_ptr_array_index((GPtrArray *)keys, *(const guint *)b));
}

static void
sort_keys(SpaceNode *node)
{
    guint n = node->keys->len;
    node->sorted = g_new(guint, n);
    for (guint i = 0; i < n; i++)
        node->sorted[i] = i;
    g_qsort_with_data(node->sorted, (gint)n, sizeof(guint), compare_keys, node->keys);
}

static SpaceNode *
build_object(Builder *builder, JsonObject *object, const Place *place)
{
    const char *operator_name = operator_key(object);
    if (operator_name != NULL && place->step != NULL)
        return build_operator(builder, object, operator_name, place);
    if (operator_name != NULL) {
        problems_add(builder->problems, builder->doc, place->pointer,
                     "%s cannot be the whole of it: parameters have names; put it under one",
                     operator_name);
        return broken_new(place);
    }
    if (lost_its_operator(object)) {
        problems_add(builder->problems, builder->doc, place->pointer,
                     "an empty key stands where an operator's name is expected");
        problems_hint(builder->problems, "in an unquoted here-document the shell takes $uniform "
                                         "for a variable; quote its end: <<'EOF'");
        return broken_new(place);
    }
    const char *bare = place->step != NULL ? bare_operator(object) : NULL;
    if (bare != NULL) {
        problems_add(builder->problems, builder->doc, place->pointer,
                     "an operator begins with $: write {\"$%s\": [...]}", bare);
        problems_hint(builder->problems,
                      "{\"$literal\": {\"%s\": [...]}} takes the object as it stands", bare);
        return broken_new(place);
    }
    SpaceNode *node = node_new(SPACE_OBJECT, place);
    node->keys = g_ptr_array_new_with_free_func(g_free);
    node->children = children_new();
    JsonObjectIter iter;
    const char *key;
    JsonNode *member;
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &key, &member)) {
        Step step = {.up = place->step, .key = key};
        g_autofree char *pointer = json_pointer_member(place->pointer, key);
        Place inner = {&step, pointer, place->parent, place->parent_choice};
        g_ptr_array_add(node->keys, g_strdup(key));
        g_ptr_array_add(node->children, build(builder, member, &inner));
    }
    sort_keys(node);
    return place->step == NULL ? node : fold_constants(node, place);
}

static SpaceNode *
build_array(Builder *builder, JsonArray *array, const Place *place)
{
    SpaceNode *node = node_new(SPACE_ARRAY, place);
    node->children = children_new();
    for (guint i = 0; i < json_array_get_length(array); i++) {
        Step step = {.up = place->step, .index = i};
        g_autofree char *pointer = json_pointer_item(place->pointer, i);
        Place inner = {&step, pointer, place->parent, place->parent_choice};
        g_ptr_array_add(node->children, build(builder, json_array_get_element(array, i), &inner));
    }
    return fold_constants(node, place);
}

/* "loguniform(1e-5, 1)", as the one-line form and Tune write it: the operator. NULL: any text. */
static const SpaceOperator *
called_operator(const char *text)
{
    if (g_str_has_prefix(text, "tune."))
        text += strlen("tune.");
    const gsize length = strcspn(text, "(");
    if (text[length] != '(' || !g_str_has_suffix(text, ")"))
        return NULL;
    g_autofree char *name = g_strdup_printf("$%.*s", (int)MIN(length, 100), text);
    return space_operator_find(name);
}

static SpaceNode *
build_text(Builder *builder, JsonNode *json, const Place *place)
{
    const SpaceOperator *op = called_operator(json_node_get_string(json));
    if (op == NULL)
        return constant_new(json_clone(json), place);
    problems_add(builder->problems, builder->doc, place->pointer,
                 "an operator is an object, not a text: write {\"%s\": [...]}", op->name);
    problems_hint(builder->problems, "{\"$literal\": \"...\"} takes the text as it stands");
    return broken_new(place);
}

static SpaceNode *
build(Builder *builder, JsonNode *json, const Place *place)
{
    if (JSON_NODE_HOLDS_OBJECT(json))
        return build_object(builder, json_node_get_object(json), place);
    if (JSON_NODE_HOLDS_ARRAY(json))
        return build_array(builder, json_node_get_array(json), place);
    if (JSON_NODE_HOLDS_VALUE(json) && json_node_get_value_type(json) == G_TYPE_STRING)
        return build_text(builder, json, place);
    return constant_new(json_clone(json), place);
}

SpaceNode *
space_build(PbxSpace *space, JsonNode *json, const char *pointer, const PbxDoc *doc,
            PbxSandbox *sandbox, PbxProblems *problems)
{
    g_ptr_array_set_free_func(space->samples, (GDestroyNotify)sample_free);
    Builder builder = {space, doc, sandbox, problems};
    Place place = {.pointer = pointer, .parent = -1};
    return build(&builder, json, &place);
}
