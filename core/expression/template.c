/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Templates: texts with {EXPR}, where a parameter's name is its value and all else is Lua. */
#include <string.h>

#include "expression/expression-private.h"
#include "json/json.h"

typedef struct {
    char *text; /* between the braces; or as it stands, where literal */
    gboolean literal;
    gboolean is_path;          /* names, dots and indices alone */
    PbxExpression *expression; /* NULL: no Lua, a name only */
} PbxItem;

struct PbxTemplate {
    PbxSandbox *sandbox;
    GPtrArray *items; /* PbxItem * */
    GPtrArray *names; /* const char *, NULL-ended */
    gboolean is_args;
    guint forms;
};

static void
item_free(gpointer data)
{
    PbxItem *item = data;
    g_free(item->text);
    expression_free(item->expression);
    g_free(item);
}

/* ---- Compiling ---- */

static gboolean
is_name_character(char c)
{
    return g_ascii_isalnum(c) || c == '_' || c == '-' || (guchar)c >= 0x80;
}

/* lr, weight-decay, optimizer.eps, layers[0], eval/loss */
static gboolean
is_path(const char *text)
{
    const char *p = text;
    if (g_ascii_isdigit(*p) || *p == '-')
        return FALSE;
    for (;;) {
        const char *start = p;
        while (is_name_character(*p))
            p++;
        if (p == start)
            return FALSE;
        while (*p == '[') {
            gsize n = strspn(p + 1, "0123456789");
            if (n == 0 || p[n + 1] != ']')
                return FALSE;
            p += n + 2;
        }
        if (*p == '\0')
            return TRUE;
        if (*p != '.' && *p != '/')
            return FALSE;
        p++;
    }
}

/* A key with blanks or other signs, which no Lua expression can be. "config.lr *" is one that
 * went wrong. */
static gboolean
is_loose_name(const char *text)
{
    gboolean member = g_str_has_prefix(text, "config.") || g_str_has_prefix(text, "trial.");
    if (member && strpbrk(text, "*+%^#~") != NULL)
        return FALSE;
    return g_ascii_isalpha(text[0]) && strpbrk(text, "\"'(){}=,;$<>|&\n") == NULL;
}

/* The identifier that a text begins with. (transfer full) */
static char *
first_name(const char *text)
{
    gsize n = 0;
    while (g_ascii_isalnum(text[n]) || text[n] == '_')
        n++;
    return g_strndup(text, n);
}

static gboolean
begins_with(const char *text, const char *name)
{
    gsize n = strlen(name);
    return strncmp(text, name, n) == 0 && (text[n] == '.' || text[n] == '[' || text[n] == '\0');
}

/* Where an {item} ends: its '}', past braces and texts of Lua's. NULL: nowhere. */
static const char *
find_end(const char *text)
{
    guint depth = 0;
    char quote = '\0';
    for (const char *p = text; *p != '\0'; p++) {
        if (quote != '\0') {
            if (*p == '\\' && p[1] != '\0')
                p++;
            else if (*p == quote)
                quote = '\0';
        } else if (*p == '"' || *p == '\'') {
            quote = *p;
        } else if (*p == '{') {
            depth++;
        } else if (*p == '}' && depth-- == 0) {
            return p;
        }
    }
    return NULL;
}

static void
add_literal(PbxTemplate *template, GString *text)
{
    if (text->len == 0)
        return;
    PbxItem *item = g_new0(PbxItem, 1);
    item->literal = TRUE;
    item->text = g_strndup(text->str, text->len);
    g_ptr_array_add(template->items, item);
    g_string_truncate(text, 0);
}

/* Whether a name is one that only a parameter can have. */
static gboolean
names_parameter(PbxTemplate *template, const char *text)
{
    if (begins_with(text, "trial") || begins_with(text, "config"))
        return FALSE;
    g_autofree char *first = first_name(text);
    gsize n = strlen(first);
    return text[n] == '-' || !sandbox_knows(template->sandbox, first);
}

static gboolean
add_item(PbxTemplate *template, const char *inner, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autofree char *text = g_strstrip(g_strdup(inner));
    if (text[0] == '\0') {
        g_set_error_literal(error, PBX_EXPRESSION_ERROR, EXPRESSION_ERROR_SYNTAX,
                            "nothing between { and }; a brace for itself is written {{");
        return FALSE;
    }
    if (g_str_equal(text, "args") || g_str_has_prefix(text, "args:")) {
        g_set_error(error, PBX_EXPRESSION_ERROR, EXPRESSION_ERROR_SYNTAX,
                    "{%.100s} can only stand alone, as an item of a command", text);
        return FALSE;
    }
    PbxItem *item = g_new0(PbxItem, 1);
    item->text = g_steal_pointer(&text);
    item->is_path = is_path(item->text);
    g_ptr_array_add(template->items, item);
    item->expression = expression_compile(template->sandbox, item->text, &problem);
    if (item->expression == NULL && !item->is_path && !is_loose_name(item->text)) {
        g_set_error(error, PBX_EXPRESSION_ERROR, problem->code,
                    "{%.100s}: %s; a brace for itself is written {{", item->text, problem->message);
        return FALSE;
    }
    if (item->expression == NULL || (item->is_path && names_parameter(template, item->text)))
        g_ptr_array_insert(template->names, (gint) template->names->len - 1, item->text);
    return TRUE;
}

static gboolean
parse(PbxTemplate *template, const char *text, GError **error)
{
    g_autoptr(GString) literal = g_string_new(NULL);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p != '{') {
            g_string_append_c(literal, *p);
            continue;
        }
        if (p[1] == '{') {
            g_string_append_c(literal, *p++);
            continue;
        }
        const char *end = find_end(p + 1);
        if (end == NULL) {
            g_set_error(error, PBX_EXPRESSION_ERROR, EXPRESSION_ERROR_SYNTAX,
                        "'%.40s' has no closing }; a brace for itself is written {{", p);
            return FALSE;
        }
        add_literal(template, literal);
        g_autofree char *inner = g_strndup(p + 1, end - p - 1);
        if (!add_item(template, inner, error))
            return FALSE;
        p = end;
    }
    add_literal(template, literal);
    return TRUE;
}

/* The forms of a text that is {args...} as a whole; NULL: it is not. (transfer full) */
static char *
args_forms(const char *text)
{
    gsize n = strlen(text);
    if (!g_str_has_prefix(text, "{args") || text[n - 1] != '}' || (text[5] != ':' && n != 6))
        return NULL;
    return memchr(text + 1, '{', n - 1) == NULL && strchr(text, '}') == text + n - 1
               ? g_strndup(text + 5, n - 6)
               : NULL;
}

PbxTemplate *
template_compile(PbxSandbox *sandbox, const char *text, PbxTemplateFlags flags, GError **error)
{
    g_autoptr(PbxTemplate) template = g_new0(PbxTemplate, 1);
    template->sandbox = sandbox;
    template->items = g_ptr_array_new_with_free_func(item_free);
    template->names = g_ptr_array_new();
    g_ptr_array_add(template->names, NULL);
    g_autofree char *forms = flags & TEMPLATE_WORDS ? args_forms(text) : NULL;
    template->is_args = forms != NULL;
    if (!(template->is_args ? args_parse(forms, &template->forms, error)
                            : parse(template, text, error)))
        return NULL;
    return g_steal_pointer(&template);
}

void
template_free(PbxTemplate *template)
{
    if (template == NULL)
        return;
    g_ptr_array_unref(template->items);
    g_ptr_array_unref(template->names);
    g_free(template);
}

gboolean
template_is_args(const PbxTemplate *template)
{
    return template->is_args;
}

const char *const *
template_names(const PbxTemplate *template)
{
    return (const char *const *)template->names->pdata;
}

/* ---- Expanding ---- */

static const PbxBinding *
find_more(const PbxTemplateContext *context, const char *name)
{
    for (gsize i = 0; i < context->n_more; i++) {
        if (g_str_equal(context->more[i].name, name))
            return &context->more[i];
    }
    return NULL;
}

/* A name or path of what the place offers, of the trial, then of the config. With an index
 * only of the config: elsewhere [1] is Lua's, the first item. */
static JsonNode *
find(const PbxTemplateContext *context, const char *text)
{
    g_autofree char *key = NULL;
    gboolean is_index = FALSE;
    gboolean indexed = strchr(text, '[') != NULL;
    const char *rest = json_path_step(text, &key, &is_index);
    if (rest != NULL && !indexed) {
        const PbxBinding *binding = find_more(context, key);
        if (binding != NULL && binding->value != NULL)
            return json_lookup(binding->value, rest);
        if (context->trial != NULL && g_str_equal(key, "trial"))
            return json_lookup(context->trial, rest);
    }
    if (context->config == NULL)
        return NULL;
    JsonNode *node = json_lookup(context->config, text);
    if (node == NULL && rest != NULL && !indexed && g_str_equal(key, "config"))
        node = json_lookup(context->config, rest);
    return node;
}

static gboolean
is_parameter(const PbxTemplateContext *context, const char *text)
{
    if (context->parameters == NULL)
        return FALSE;
    if (g_hash_table_contains(context->parameters, text))
        return TRUE;
    return g_str_has_prefix(text, "config.") &&
           g_hash_table_contains(context->parameters, text + strlen("config."));
}

static void
add_members(GPtrArray *names, JsonNode *node)
{
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return;
    JsonObjectIter iter;
    const char *name = NULL;
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &name, NULL))
        g_ptr_array_add(names, (gpointer)name);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "there is no parameter 'X'; did you mean 'Y'?" */
static void
set_unknown(const PbxTemplateContext *context, const char *text, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *what = "parameter";
    const char *name = text;
    if (g_str_has_prefix(text, "trial.")) {
        what = "field of the trial";
        name = text + strlen("trial.");
        add_members(names, context->trial);
    } else {
        if (g_str_has_prefix(text, "config."))
            name = text + strlen("config.");
        GHashTableIter iter;
        gpointer key = NULL;
        if (context->parameters != NULL) {
            g_hash_table_iter_init(&iter, context->parameters);
            while (g_hash_table_iter_next(&iter, &key, NULL))
                g_ptr_array_add(names, key);
        }
        add_members(names, context->config);
        for (gsize i = 0; i < context->n_more; i++)
            g_ptr_array_add(names, (gpointer)context->more[i].name);
    }
    g_ptr_array_sort(names, compare_names); /* a hash table's order is no one's */
    g_ptr_array_add(names, NULL);
    const char *meant = json_did_you_mean(name, (const char *const *)names->pdata);
    g_set_error(error, PBX_EXPRESSION_ERROR, EXPRESSION_ERROR_FAILED,
                "{%s}: there is no %s '%s'%s%s%s", text, what, name,
                meant != NULL ? "; did you mean '" : "", meant != NULL ? meant : "",
                meant != NULL ? "'?" : "");
}

/* Whether a path that was not found may still be Lua's, as `math.pi` or `config.layers[1]`. */
static gboolean
may_be_lua(const PbxTemplate *template, const PbxTemplateContext *context, const PbxItem *item)
{
    if (item->expression == NULL)
        return FALSE;
    if (!item->is_path)
        return TRUE;
    g_autofree char *first = first_name(item->text);
    char after = item->text[strlen(first)];
    if (g_str_equal(first, "config") || g_str_equal(first, "trial"))
        return strpbrk(item->text, "[-/") != NULL;
    if (find_more(context, first) != NULL)
        return TRUE;
    return after != '-' && sandbox_knows(template->sandbox, first);
}

static JsonNode *
evaluate(const PbxItem *item, const PbxTemplateContext *context, GError **error)
{
    gsize n = context->n_more + 2;
    g_autofree PbxBinding *bindings = g_new0(PbxBinding, n);
    for (gsize i = 0; i < context->n_more; i++)
        bindings[i] = context->more[i];
    bindings[n - 2] = (PbxBinding){"trial", context->trial};
    bindings[n - 1] = (PbxBinding){"config", context->config};
    JsonNode *node = expression_eval(item->expression, bindings, n, NULL, NULL, NULL, error);
    if (node == NULL)
        g_prefix_error(error, "{%s}: ", item->text);
    return node;
}

static gboolean
expand_item(const PbxTemplate *template, const PbxItem *item, const PbxTemplateContext *context,
            GString *out, GError **error)
{
    if (item->literal) {
        g_string_append(out, item->text);
        return TRUE;
    }
    g_autofree char *text = NULL;
    JsonNode *found = find(context, item->text);
    if (found != NULL) {
        text = template_value_text(found);
    } else if (!is_parameter(context, item->text)) {
        if (!may_be_lua(template, context, item)) {
            set_unknown(context, item->text, error);
            return FALSE;
        }
        g_autoptr(JsonNode) value = evaluate(item, context, error);
        if (value == NULL)
            return FALSE;
        if (!JSON_NODE_HOLDS_NULL(value)) /* nil: of an inactive parameter */
            text = template_value_text(value);
    }
    if (text != NULL)
        g_string_append(out, text);
    return TRUE;
}

char *
template_expand(PbxTemplate *template, const PbxTemplateContext *context, GError **error)
{
    if (template->is_args) {
        g_set_error_literal(error, PBX_EXPRESSION_ERROR, EXPRESSION_ERROR_FAILED,
                            "{args} gives words, not one text");
        return NULL;
    }
    g_autoptr(GString) out = g_string_new(NULL);
    for (guint i = 0; i < template->items->len; i++) {
        if (!expand_item(template, g_ptr_array_index(template->items, i), context, out, error))
            return NULL;
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

gboolean
template_expand_words(PbxTemplate *template, const PbxTemplateContext *context, GPtrArray *words,
                      GError **error)
{
    if (template->is_args) {
        args_expand(context->config, template->forms, words);
        return TRUE;
    }
    char *word = template_expand(template, context, error);
    if (word == NULL)
        return FALSE;
    g_ptr_array_add(words, word);
    return TRUE;
}
