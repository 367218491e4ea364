/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values as words of a command line: {args} with its forms, and single values. */
#include <string.h>

#include "expression/expression-private.h"
#include "json/json.h"

#define SHORT_NUMBER 20

static const struct {
    const char *name;
    guint form;
} form_names[] = {
    {"equals", ARGS_EQUALS}, {"words", ARGS_WORDS}, {"flags", ARGS_FLAGS},
    {"no", ARGS_NO},         {"hydra", ARGS_HYDRA},
};

gboolean
args_parse(const char *text, guint *forms, GError **error)
{
    *forms = 0;
    if (text[0] == '\0')
        return TRUE;
    g_auto(GStrv) names = g_strsplit(text + 1, ",", -1);
    for (char **name = names; *name != NULL; name++) {
        gsize i = 0;
        g_strstrip(*name);
        while (i < G_N_ELEMENTS(form_names) && !g_str_equal(form_names[i].name, *name))
            i++;
        if (i == G_N_ELEMENTS(form_names)) {
            g_set_error(
                error, PBX_EXPRESSION_ERROR, EXPRESSION_ERROR_SYNTAX,
                "{args%s}: there is no form '%s'; there are equals, words, flags, no, hydra", text,
                *name);
            return FALSE;
        }
        *forms |= form_names[i].form;
    }
    if (text[1] == '\0') {
        g_set_error(error, PBX_EXPRESSION_ERROR, EXPRESSION_ERROR_SYNTAX,
                    "{args:} needs a form after its colon: equals, words, flags, no, hydra");
        return FALSE;
    }
    return TRUE;
}

/* ---- Single values ---- */

/* "-1e-05" -> "-0.00001"; NULL where that is long. (transfer full) */
static char *
without_exponent(const char *text)
{
    const char *e = strchr(text, 'e');
    if (e == NULL)
        return NULL;
    g_autoptr(GString) digits = g_string_new(NULL);
    for (const char *p = text + 1; p < e; p++) {
        if (*p != '.')
            g_string_append_c(digits, *p);
    }
    gint64 exponent = g_ascii_strtoll(e + 1, NULL, 10);
    if (ABS(exponent) >= SHORT_NUMBER)
        return NULL;
    g_autoptr(GString) out = g_string_new("-");
    if (exponent < 0) {
        g_string_append(out, "0.");
        for (gint64 i = -1; i > exponent; i--)
            g_string_append_c(out, '0');
        g_string_append(out, digits->str);
    } else {
        while ((gint64)digits->len <= exponent)
            g_string_append_c(digits, '0');
        g_string_append_len(out, digits->str, exponent + 1);
        g_string_append_c(out, '.');
        g_string_append(out, digits->str[exponent + 1] != '\0' ? digits->str + exponent + 1 : "0");
    }
    return out->len <= SHORT_NUMBER ? g_string_free(g_steal_pointer(&out), FALSE) : NULL;
}

char *
template_value_text(JsonNode *value)
{
    if (JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_STRING)
        return json_node_dup_string(value);
    g_autofree char *text = json_to_text(value);
    if (text[0] == '-') {
        char *plain = without_exponent(text);
        if (plain != NULL)
            return plain;
    }
    return g_steal_pointer(&text);
}

/* ---- Hydra's grammar ---- */

/* Words that Hydra would read as something else than a text. */
static gboolean
is_hydra_keyword(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "nan", "inf"};
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_ascii_strcasecmp(text, words[i]) == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_hydra_plain(const char *text)
{
    if (!g_ascii_isalpha(text[0]) && text[0] != '_' && text[0] != '/')
        return FALSE;
    for (const char *p = text; *p != '\0'; p++) {
        if (!g_ascii_isalnum(*p) && strchr("_-./", *p) == NULL)
            return FALSE;
    }
    return !is_hydra_keyword(text);
}

/*
 * In single quotes. A backslash is itself there, unless a quote follows its row: then each
 * of the row is doubled. "${" would be an interpolation, which "\${" is not.
 */
static void
append_hydra_quoted(GString *out, const char *text)
{
    g_string_append_c(out, '\'');
    for (const char *p = text; *p != '\0';) {
        gsize row = strspn(p, "\\");
        gboolean escape = p[row] == '\'' || (p[row] == '$' && p[row + 1] == '{');
        for (gsize i = 0; i < (escape || p[row] == '\0' ? 2 * row : row); i++)
            g_string_append_c(out, '\\');
        p += row;
        if (*p == '\0')
            break;
        if (escape)
            g_string_append_c(out, '\\');
        g_string_append_c(out, *p++);
    }
    g_string_append_c(out, '\'');
}

static void append_hydra(GString *out, JsonNode *node);

static void
append_hydra_array(GString *out, JsonArray *array)
{
    g_string_append_c(out, '[');
    for (guint i = 0; i < json_array_get_length(array); i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        append_hydra(out, json_array_get_element(array, i));
    }
    g_string_append_c(out, ']');
}

/* Keys know no quotes, but escapes. */
static void
append_hydra_object(GString *out, JsonObject *object)
{
    JsonObjectIter iter;
    const char *name = NULL;
    JsonNode *member = NULL;
    gboolean first = TRUE;
    g_string_append_c(out, '{');
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &member)) {
        if (!first)
            g_string_append_c(out, ',');
        first = FALSE;
        for (const char *p = name; *p != '\0'; p++) {
            if (strchr("\\()[]{}:=, \t", *p) != NULL)
                g_string_append_c(out, '\\');
            g_string_append_c(out, *p);
        }
        g_string_append_c(out, ':');
        append_hydra(out, member);
    }
    g_string_append_c(out, '}');
}

static void
append_hydra(GString *out, JsonNode *node)
{
    if (JSON_NODE_HOLDS_ARRAY(node)) {
        append_hydra_array(out, json_node_get_array(node));
    } else if (JSON_NODE_HOLDS_OBJECT(node)) {
        append_hydra_object(out, json_node_get_object(node));
    } else if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING) {
        const char *text = json_node_get_string(node);
        if (is_hydra_plain(text))
            g_string_append(out, text);
        else
            append_hydra_quoted(out, text);
    } else {
        json_put_node(out, node);
    }
}

/* ---- {args} ---- */

static void
add_option(GPtrArray *words, const char *path, const char *value, gboolean equals)
{
    if (equals || value[0] == '-') {
        g_ptr_array_add(words, g_strdup_printf("--%s=%s", path, value));
        return;
    }
    g_ptr_array_add(words, g_strdup_printf("--%s", path));
    g_ptr_array_add(words, g_strdup(value));
}

static gboolean
is_boolean(JsonNode *node)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN;
}

static void
add_leaf(JsonNode *node, const char *path, guint forms, GPtrArray *words)
{
    if (JSON_NODE_HOLDS_NULL(node))
        return;
    if (forms & ARGS_HYDRA) {
        GString *word = g_string_new(path);
        g_string_append_c(word, '=');
        append_hydra(word, node);
        g_ptr_array_add(words, g_string_free(word, FALSE));
        return;
    }
    if (is_boolean(node) && (forms & (ARGS_FLAGS | ARGS_NO))) {
        if (json_node_get_boolean(node))
            g_ptr_array_add(words, g_strdup_printf("--%s", path));
        else if (forms & ARGS_NO)
            g_ptr_array_add(words, g_strdup_printf("--no-%s", path));
        return;
    }
    if (JSON_NODE_HOLDS_ARRAY(node) && (forms & ARGS_WORDS)) {
        JsonArray *array = json_node_get_array(node);
        g_ptr_array_add(words, g_strdup_printf("--%s", path));
        for (guint i = 0; i < json_array_get_length(array); i++)
            g_ptr_array_add(words, template_value_text(json_array_get_element(array, i)));
        return;
    }
    g_autofree char *value = template_value_text(node);
    add_option(words, path, value, (forms & ARGS_EQUALS) != 0);
}

static void
add_members(JsonNode *node, const char *prefix, guint forms, GPtrArray *words)
{
    JsonObjectIter iter;
    const char *name = NULL;
    JsonNode *member = NULL;
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &name, &member)) {
        g_autofree char *path =
            prefix[0] != '\0' ? g_strconcat(prefix, ".", name, NULL) : g_strdup(name);
        if (JSON_NODE_HOLDS_OBJECT(member))
            add_members(member, path, forms, words);
        else
            add_leaf(member, path, forms, words);
    }
}

void
args_expand(JsonNode *config, guint forms, GPtrArray *words)
{
    if (config != NULL && JSON_NODE_HOLDS_OBJECT(config))
        add_members(config, "", forms, words);
}
