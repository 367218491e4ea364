/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file that builds upon another: the key `extends`. */
#include <stdlib.h>
#include <string.h>

#include "spec/spec-private.h"

/* The text of a top-level key; NULL: absent, or no string. */
static const char *
text_of(const PbxDoc *doc, const char *key)
{
    JsonNode *node = json_object_get_member(json_node_get_object(doc_root(doc)), key);
    return node != NULL && node_is(node, KEY_STRING) ? json_node_get_string(node) : NULL;
}

/* Whether an object is an operator of the search space: {"$uniform": [0, 1]}. */
static gboolean
is_operator(JsonObject *object)
{
    g_autoptr(GList) names = json_object_get_members(object);
    for (GList *item = names; item != NULL; item = item->next) {
        const char *name = item->data;
        if (name[0] == '$')
            return TRUE;
    }
    return FALSE;
}

/* Whether an object names another plugin than the one below it: options of one are not
 * the other's. In config and env a key "plugin" is like any other. */
static gboolean
is_other_plugin(const char *pointer, JsonObject *base, JsonObject *over)
{
    JsonNode *plugin = json_object_get_member(over, "plugin");
    JsonNode *old = json_object_get_member(base, "plugin");
    if (plugin == NULL || g_str_equal(pointer, "/env") || g_str_equal(pointer, "/config") ||
        g_str_has_prefix(pointer, "/config/"))
        return FALSE;
    return old == NULL || !json_equal(plugin, old);
}

static gboolean
replaces(const char *pointer, JsonObject *base, JsonObject *over)
{
    return is_operator(base) || is_operator(over) || is_other_plugin(pointer, base, over);
}

/* ---- Paths ---- */

/* A file without symbolic links where it is there: what tells a circle. (transfer full) */
static char *
real_file(const char *file)
{
    char *real = realpath(file, NULL);
    char *name = real != NULL ? g_strdup(real) : g_canonicalize_filename(file, NULL);
    free(real);
    return name;
}

static char *
directory_of(const char *file)
{
    if (g_str_equal(file, "-"))
        return g_get_current_dir();
    g_autofree char *path = g_canonicalize_filename(file, NULL);
    return g_path_get_dirname(path);
}

/* The name of the file that `file` extends, short where it can be: messages show it. */
static char *
base_name(const char *file, const char *extends)
{
    g_autofree char *directory = g_path_get_dirname(file);
    const gboolean home = extends[0] == '~' && (extends[1] == '/' || extends[1] == '\0');
    if (home || g_path_is_absolute(extends))
        return path_resolve(extends, NULL);
    if (g_str_equal(directory, ".") && extends[0] != '-')
        return g_strdup(extends);
    return g_build_filename(directory, extends, NULL);
}

static void
keep_data_paths(JsonObject *root, const char *from)
{
    JsonNode *node = json_object_get_member(root, "data");
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return;
    JsonObject *data = json_node_get_object(node);
    g_autoptr(GList) names = json_object_get_members(data);
    for (GList *name = names; name != NULL; name = name->next) {
        JsonNode *value = json_object_get_member(data, name->data);
        if (!node_is(value, KEY_STRING) || json_node_get_string(value)[0] == '\0')
            continue;
        g_autofree char *path = path_resolve(json_node_get_string(value), from);
        json_object_set_string_member(data, name->data, path);
    }
}

/* Paths of a file mean its own directory, also when they end up in a file elsewhere. */
static void
keep_paths(PbxDoc *base, const char *file, const char *extending)
{
    g_autofree char *from = directory_of(file);
    g_autofree char *to = directory_of(extending);
    if (g_str_equal(from, to))
        return;
    JsonObject *root = json_node_get_object(doc_root(base));
    const char *results_dir = text_of(base, "results_dir");
    if (results_dir != NULL && results_dir[0] != '\0') {
        g_autofree char *path = path_resolve(results_dir, from);
        json_object_set_string_member(root, "results_dir", path);
    }
    const char *cwd = text_of(base, "cwd");
    if (cwd != NULL && cwd[0] != '\0') {
        g_autofree char *path = cwd_absolute(cwd, from);
        json_object_set_string_member(root, "cwd", path);
    }
    keep_data_paths(root, from);
}

/* ---- The chain ---- */

static gboolean
tell_circle(const PbxDoc *doc, const GPtrArray *files, const char *base, PbxProblems *problems)
{
    g_autofree char *real = real_file(base);
    for (guint first = 0; first < files->len; first++) {
        g_autofree char *other = real_file(g_ptr_array_index(files, first));
        if (!g_str_equal(real, other))
            continue;
        g_autoptr(GString) way = g_string_new(NULL);
        for (guint i = first; i < files->len; i++)
            g_string_append_printf(way, "%s -> ", (char *)g_ptr_array_index(files, i));
        problems_add(problems, doc, "/extends", "the files extend one another in a circle: %s%s",
                     way->str, base);
        return TRUE;
    }
    return FALSE;
}

static PbxDoc *read_chain(GPtrArray *files, PbxProblems *problems);

/* Puts a document over the file that it names. FALSE: told. */
static gboolean
extend(PbxDoc *doc, GPtrArray *files, PbxProblems *problems)
{
    const char *file = g_ptr_array_index(files, files->len - 1);
    const char *extends = text_of(doc, "extends");
    if (extends == NULL)
        return TRUE;
    if (extends[0] == '\0') {
        problems_add(problems, doc, "/extends", "must not be empty");
        return FALSE;
    }
    g_autofree char *name = base_name(file, extends);
    if (tell_circle(doc, files, name, problems))
        return FALSE;
    if (!g_file_test(name, G_FILE_TEST_EXISTS)) {
        problems_add(problems, doc, "/extends", "there is no file %s", name);
        return FALSE;
    }
    g_ptr_array_add(files, g_strdup(name));
    g_autoptr(PbxDoc) base = read_chain(files, problems);
    if (base == NULL)
        return FALSE;
    keep_paths(base, name, file);
    json_object_remove_member(json_node_get_object(doc_root(doc)), "extends");
    doc_merge(doc, base, replaces);
    return TRUE;
}

/* The last of `files`, which are those on the way to it, over what it extends. */
static PbxDoc *
read_chain(GPtrArray *files, PbxProblems *problems)
{
    g_autoptr(PbxDoc) doc = document_read(g_ptr_array_index(files, files->len - 1), problems);
    return doc != NULL && extend(doc, files, problems) ? g_steal_pointer(&doc) : NULL;
}

PbxDoc *
extends_read(const char *file, PbxProblems *problems)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(files, g_strdup(file));
    return read_chain(files, problems);
}

void
extends_refuse(const PbxDoc *doc, PbxProblems *problems)
{
    if (text_of(doc, "extends") != NULL)
        problems_add(problems, doc, "/extends", "a file says it: it cannot be set");
}
