/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one-line form of operators: loguniform(1e-5,1e-1), choice(adam,sgd). */
#include <string.h>

#include "space/space-private.h"

#define WORDS_MAX_NESTING 64

/* The end of the argument that begins at `text`: the next comma outside quotes and brackets. */
static const char *
argument_end(const char *text)
{
    guint depth = 0;
    gboolean quoted = FALSE;
    const char *at = text;
    for (; *at != '\0'; at++) {
        if (quoted) {
            if (*at == '\\' && at[1] != '\0')
                at++;
            else if (*at == '"')
                quoted = FALSE;
        } else if (*at == '"') {
            quoted = TRUE;
        } else if (*at == '[' || *at == '{') {
            depth++;
        } else if ((*at == ']' || *at == '}') && depth > 0) {
            depth--;
        } else if (*at == ',' && depth == 0) {
            break;
        }
    }
    return at;
}

/* A JSON value, or a bare word as a string. What begins like JSON must be JSON. */
static JsonNode *
argument_value(const char *word, GError **error)
{
    g_autoptr(GError) why = NULL;
    JsonNode *node = json_read(word, strlen(word), WORDS_MAX_NESTING, &why);
    if (node != NULL)
        return node;
    if (strchr("\"[{", word[0]) != NULL) {
        g_set_error(error, PBX_SPACE_ERROR, SPACE_ERROR_OPERATOR, "%.100s is not JSON: %s", word,
                    why->message);
        return NULL;
    }
    return json_node_init_string(json_node_alloc(), word);
}

static JsonArray *
split_arguments(const char *args, GError **error)
{
    g_autoptr(JsonArray) array = json_array_new();
    g_autofree char *stripped = g_strstrip(g_strdup(args));
    for (const char *at = stripped; *stripped != '\0';) {
        const char *end = argument_end(at);
        g_autofree char *word = g_strstrip(g_strndup(at, end - at));
        if (*word == '\0') {
            g_set_error(error, PBX_SPACE_ERROR, SPACE_ERROR_OPERATOR,
                        "an argument of (%s) is empty; an empty text is written \"\"", args);
            return NULL;
        }
        JsonNode *value = argument_value(word, error);
        if (value == NULL)
            return NULL;
        json_array_add_element(array, value);
        if (*end == '\0')
            break;
        at = end + 1;
    }
    return g_steal_pointer(&array);
}

/* An expression is the whole text, commas and all; quotes around it are taken off. */
static JsonNode *
expression_argument(const char *args)
{
    g_autofree char *text = g_strstrip(g_strdup(args));
    if (text[0] == '"' && *argument_end(text) == '\0') {
        g_autoptr(JsonNode) node = json_read(text, strlen(text), WORDS_MAX_NESTING, NULL);
        if (node != NULL && JSON_NODE_HOLDS_VALUE(node))
            return g_steal_pointer(&node);
    }
    return json_node_init_string(json_node_alloc(), text);
}

/* What stands under the operator's key. */
static JsonNode *
operator_arguments(const SpaceOperator *op, const char *args, GError **error)
{
    if (op->kind == OPERATOR_SAMPLE)
        return expression_argument(args);
    g_autoptr(JsonArray) array = split_arguments(args, error);
    if (array == NULL)
        return NULL;
    guint n = json_array_get_length(array);
    JsonNode *first = n > 0 ? json_array_get_element(array, 0) : NULL;
    if (op->kind == OPERATOR_LITERAL) {
        if (n == 1)
            return json_clone(first);
        g_set_error(error, PBX_SPACE_ERROR, SPACE_ERROR_OPERATOR, "literal takes one value, got %u",
                    n);
        return NULL;
    }
    /* choice([16,64]), as in Python, is choice(16,64): one choice would be none. */
    gboolean list = op->kind == OPERATOR_CHOICE || op->kind == OPERATOR_GRID;
    if (list && n == 1 && JSON_NODE_HOLDS_ARRAY(first))
        return json_clone(first);
    return json_node_init_array(json_node_alloc(), array);
}

JsonNode *
space_operator_from_words(const char *name, const char *args, GError **error)
{
    g_autofree char *full = name[0] == '$' ? g_strdup(name) : g_strconcat("$", name, NULL);
    const SpaceOperator *op = space_operator_find(full);
    if (op == NULL) {
        const char *meant = json_did_you_mean(full, space_operators());
        if (meant != NULL)
            g_set_error(error, PBX_SPACE_ERROR, SPACE_ERROR_OPERATOR,
                        "there is no operator '%s'; did you mean '%s'?", name, meant + 1);
        else
            g_set_error(error, PBX_SPACE_ERROR, SPACE_ERROR_OPERATOR, "there is no operator '%s'",
                        name);
        return NULL;
    }
    JsonNode *arguments = operator_arguments(op, args, error);
    if (arguments == NULL)
        return NULL;
    JsonObject *object = json_object_new();
    json_object_set_member(object, op->name, arguments);
    JsonNode *node = json_node_alloc();
    json_node_init_object(node, object);
    json_object_unref(object);
    return node;
}
