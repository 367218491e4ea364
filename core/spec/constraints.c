/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `constraints`, and expressions over results in general. */
#include <string.h>

#include "spec/spec-private.h"

/* A field of the result by its bare name, or a name that nothing has. */
static gboolean
check_names(PbxCheck *check, const PbxDoc *doc, const char *pointer, const char *text,
            const char *const *offered)
{
    g_auto(GStrv) names = expression_names(text);
    for (char **name = names; *name != NULL; name++) {
        if (g_strv_contains(offered, *name) || sandbox_knows(check->spec->sandbox, *name))
            continue;
        const char *meant = json_did_you_mean(*name, offered);
        problems_add(check->problems, doc, pointer, "unknown name '%s'; did you mean '%s%s'?",
                     *name, meant != NULL ? "" : "result.", meant != NULL ? meant : *name);
        return FALSE;
    }
    return TRUE;
}

PbxExpression *
expression_at(PbxCheck *check, const PbxDoc *doc, const char *pointer, JsonNode *node,
              const char *const *offered)
{
    if (!node_is(node, KEY_STRING)) {
        wrong_type(check, doc, pointer, KEY_STRING, node);
        return NULL;
    }
    const char *text = json_node_get_string(node);
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxExpression) compiled = expression_compile(check->spec->sandbox, text, &error);
    if (compiled == NULL) {
        problems_add(check->problems, doc, pointer, "%s", error->message);
        return NULL;
    }
    return check_names(check, doc, pointer, text, offered) ? g_steal_pointer(&compiled) : NULL;
}

/* Past a string that begins here. */
static const char *
skip_string(const char *at)
{
    const char quote = *at++;
    for (; *at != '\0' && *at != quote; at++)
        at += *at == '\\' && at[1] != '\0';
    return *at != '\0' ? at + 1 : at;
}

/* Where a text is one comparison, `result.mb <= 100`: its operator. NULL: it is none, or what it
 * gives is not plain to see. */
static const char *
outer_comparison(const char *text)
{
    const char *found = NULL;
    int depth = 0;
    for (const char *at = text; *at != '\0';) {
        if (g_ascii_isalpha(*at) || *at == '_') {
            const gsize length = strspn(at, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_");
            static const char *const words[] = {"and", "or", "not", "return", "function", NULL};
            g_autofree char *word = g_strndup(at, length);
            if (g_strv_contains(words, word))
                return NULL;
            at += length;
        } else if (*at == '"' || *at == '\'') {
            at = skip_string(at);
        } else if (strncmp(at, "<<", 2) == 0 || strncmp(at, ">>", 2) == 0) {
            at += 2;
        } else {
            depth +=
                (*at == '(' || *at == '[' || *at == '{') - (*at == ')' || *at == ']' || *at == '}');
            const gboolean equality = (*at == '=' || *at == '~') && at[1] == '=';
            if (depth == 0 && found == NULL && (*at == '<' || *at == '>' || equality))
                found = at;
            at += equality ? 2 : 1;
        }
    }
    return found;
}

/* People write what is to hold; it is wanted as a number. */
static gboolean
check_number(PbxCheck *check, const char *pointer, const char *text)
{
    static const char *const random[] = {"rand", "randn", "randint", NULL};
    g_auto(GStrv) names = expression_names(text);
    for (char **name = names; *name != NULL; name++) {
        if (!g_strv_contains(random, *name))
            continue;
        problems_add(check->problems, check->spec->doc, pointer,
                     "a constraint has no random numbers: '%s'", *name);
        return FALSE;
    }
    const char *comparison = outer_comparison(text);
    if (comparison == NULL)
        return TRUE;
    g_autofree char *left = g_strndup(text, (gsize)(comparison - text));
    g_autofree char *right = g_strdup(comparison + strspn(comparison, "<>=~"));
    g_strstrip(left);
    g_strstrip(right);
    const char *more = *comparison == '>' ? right : left;
    const char *less = *comparison == '>' ? left : right;
    const gboolean plain =
        strspn(less, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_.") == strlen(less);
    problems_add(check->problems, check->spec->doc, pointer,
                 "needs a number that is to be <= 0, not a comparison; write \"%s - %s%s%s\"", more,
                 plain ? "" : "(", less, plain ? "" : ")");
    return FALSE;
}

static void
check_one(PbxCheck *check, const char *pointer, JsonNode *node, GStrvBuilder *texts)
{
    static const char *const offered[] = {"result", NULL};
    g_autoptr(PbxExpression) compiled =
        expression_at(check, check->spec->doc, pointer, node, offered);
    if (compiled == NULL || !check_number(check, pointer, json_node_get_string(node)))
        return;
    g_strv_builder_add(texts, json_node_get_string(node));
    g_ptr_array_add(check->spec->constraints, g_steal_pointer(&compiled));
}

void
constraints_check(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    JsonNode *node = key_node(check, "constraints");
    if (node == NULL)
        return;
    g_autoptr(GStrvBuilder) texts = g_strv_builder_new();
    if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);
        for (guint i = 0; i < json_array_get_length(array); i++) {
            g_autofree char *pointer = json_pointer_item("/constraints", i);
            check_one(check, pointer, json_array_get_element(array, i), texts);
        }
    } else {
        check_one(check, "/constraints", node, texts);
    }
    g_strfreev(spec->constraint_texts);
    spec->constraint_texts = g_strv_builder_end(texts);
}
