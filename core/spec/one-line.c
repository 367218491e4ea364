/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one-line form: a command whose words hold the space, {NAME:OPERATOR(ARGS)}. Each
 * becomes {NAME} in the command and an operator in `config`.
 */
#include <string.h>

#include "spec/spec-private.h"

/* One {NAME:OPERATOR(ARGS)} in a word. */
typedef struct {
    char *name, *operation, *args;
    const char *end; /* behind its '}' */
} Placeholder;

static void
placeholder_clear(Placeholder *found)
{
    g_free(found->name);
    g_free(found->operation);
    g_free(found->args);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Placeholder, placeholder_clear)

/* The ')' that closes what `c` stands in, past strings and nested brackets; NULL: none. */
static const char *
find_close(const char *c)
{
    guint depth = 0;
    gboolean quoted = FALSE;
    for (; *c != '\0'; c++) {
        if (quoted) {
            if (*c == '\\' && c[1] != '\0')
                c++;
            else if (*c == '"')
                quoted = FALSE;
        } else if (*c == '"') {
            quoted = TRUE;
        } else if (strchr("([{", *c) != NULL) {
            depth++;
        } else if (strchr(")]}", *c) != NULL) {
            if (depth == 0)
                return *c == ')' ? c : NULL;
            depth--;
        }
    }
    return NULL;
}

/* "NAME:OPERATOR" before a '(' at `open`, or FALSE: it is an ordinary template. */
static gboolean
split_head(const char *start, const char *open, Placeholder *found)
{
    const char *colon = memchr(start, ':', open - start);
    if (colon == NULL || colon == start)
        return FALSE;
    g_autofree char *name = g_strstrip(g_strndup(start, colon - start));
    g_autofree char *operation = g_strstrip(g_strndup(colon + 1, open - colon - 1));
    if (name[0] == '\0' || g_str_equal(name, "args") || operation[0] == '\0' ||
        strpbrk(name, "\"'()[]{}") != NULL)
        return FALSE;
    for (const char *c = operation; *c != '\0'; c++) {
        if (!g_ascii_isalnum(*c) && *c != '_')
            return FALSE;
    }
    found->name = g_steal_pointer(&name);
    found->operation = g_steal_pointer(&operation);
    return TRUE;
}

static gboolean
is_operator(const char *name)
{
    g_autofree char *full = g_strconcat("$", name, NULL);
    return g_strv_contains(space_operators(), full);
}

/*
 * Reads what begins behind a '{'. TRUE with found->name NULL: an ordinary template. FALSE
 * with error: it means to be a placeholder and is none.
 */
static gboolean
read_placeholder(const char *start, Placeholder *found, GError **error)
{
    const char *open = start + strcspn(start, "({}");
    if (*open == '}' && split_head(start, open, found)) {
        gboolean forgot = is_operator(found->operation);
        if (forgot)
            g_set_error(error, PBX_JSON_ERROR, 0, "write {%s:%s(ARGS)}", found->name,
                        found->operation);
        g_clear_pointer(&found->name, g_free);
        return !forgot;
    }
    if (*open != '(' || !split_head(start, open, found))
        return TRUE;
    const char *close = find_close(open + 1);
    const char *end = close != NULL ? close + 1 + strspn(close + 1, " ") : NULL;
    if (end == NULL || *end != '}') {
        g_set_error(error, PBX_JSON_ERROR, 0, "{%s:%s( has no ')}' that ends it", found->name,
                    found->operation);
        return FALSE;
    }
    found->args = g_strndup(open + 1, close - open - 1);
    found->end = end + 1;
    return TRUE;
}

/* Puts the operator into `config`; its problems have the placeholder as their place. */
static gboolean
define(PbxDoc *doc, const Placeholder *found, GError **error)
{
    g_autoptr(JsonNode) node = space_operator_from_words(found->operation, found->args, error);
    if (node == NULL)
        return FALSE;
    g_auto(GStrv) parts = g_strsplit(found->name, ".", -1);
    g_autofree char *pointer = g_strdup("/config");
    JsonNode *there = json_object_get_member(json_node_get_object(doc_root(doc)), "config");
    for (char **part = parts; *part != NULL; part++) {
        char *longer = json_pointer_member(pointer, *part);
        g_free(pointer);
        pointer = longer;
        there = there != NULL && JSON_NODE_HOLDS_OBJECT(there)
                    ? json_object_get_member(json_node_get_object(there), *part)
                    : NULL;
    }
    if (there != NULL && !json_equal(there, node)) {
        g_set_error(error, PBX_JSON_ERROR, 0, "'%s' is defined twice", found->name);
        return FALSE;
    }
    g_autofree char *path = json_pointer_display(pointer);
    g_autofree char *origin =
        g_strdup_printf("{%s:%s(%s)}", found->name, found->operation, found->args);
    return there != NULL || doc_set(doc, path, node, origin, error);
}

/* One word: its placeholders are defined, and it is left with plain templates. NULL with
 * error. (transfer full) */
static char *
read_word(PbxDoc *doc, const char *word, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);
    for (const char *c = word; *c != '\0';) {
        if (c[0] == '{' && c[1] == '{') {
            g_string_append(out, "{{");
            c += 2;
            continue;
        }
        g_auto(Placeholder) found = {NULL};
        if (*c == '{' && !read_placeholder(c + 1, &found, error))
            return NULL;
        if (found.name == NULL) {
            g_string_append_c(out, *c++);
            continue;
        }
        if (!define(doc, &found, error))
            return NULL;
        g_string_append_printf(out, "{%s}", found.name);
        c = found.end;
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static PbxDoc *
empty_document(const char *plugin)
{
    g_autofree char *current = g_get_current_dir();
    g_autofree char *cwd = template_quote(current);
    JsonObject *trainable = plugin_object(plugin);
    json_object_set_array_member(trainable, "command", json_array_new());
    JsonObject *root = json_object_new();
    json_object_set_object_member(root, "trainable", trainable);
    json_object_set_object_member(root, "config", json_object_new());
    json_object_set_string_member(root, "cwd", cwd);
    g_autoptr(JsonNode) node = object_node(root);
    return doc_new_for_node("command line", node);
}

PbxDoc *
one_line_document(char **words, PbxProblems *problems)
{
    if (words == NULL || words[0] == NULL) {
        problems_add(problems, NULL, "", "the command line has no FILE, and no command after --");
        return NULL;
    }
    g_autoptr(PbxDefaults) defaults = defaults_load(problems);
    if (defaults == NULL)
        return NULL;
    guint before = problems_count(problems);
    g_autoptr(PbxDoc) doc = empty_document(defaults->command);
    JsonObject *trainable =
        json_object_get_object_member(json_node_get_object(doc_root(doc)), "trainable");
    JsonArray *command = json_object_get_array_member(trainable, "command");
    for (guint i = 0; words[i] != NULL; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *word =
            g_utf8_validate(words[i], -1, NULL) ? read_word(doc, words[i], &error) : NULL;
        if (word != NULL)
            json_array_add_string_element(command, word);
        else
            problems_add(problems, NULL, "", "word %u of the command, '%.100s': %s", i + 1,
                         words[i], error != NULL ? error->message : "it is not UTF-8");
    }
    return problems_count(problems) == before ? g_steal_pointer(&doc) : NULL;
}
