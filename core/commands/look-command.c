/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of a trial, for a POSIX shell: what the run gave its program, from wherever
 * the line is run. */
#include <string.h>

#include "commands/look-templates-private.h"
#include "plugin/plugin.h"
#include "spec/spec.h"

/* ---- Words ---- */

/* Quotes only where a shell would see more than letters: it is read by people too. */
static void
put_quoted(GString *line, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "@%+=:,./-_";
    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        g_string_append(line, word);
        return;
    }
    g_autofree char *quoted = g_shell_quote(word);
    g_string_append(line, quoted);
}

static void
put_program(GString *line, const GPtrArray *words)
{
    for (guint i = 0; i < words->len; i++) {
        const char *word = words->pdata[i];
        if (i > 0)
            g_string_append_c(line, ' ');
        if (i == 0 && strchr(word, '=') != NULL) {
            /* NAME=VALUE in the first place would set a variable. */
            g_autofree char *quoted = g_shell_quote(word);
            g_string_append(line, quoted);
        } else {
            put_quoted(line, word);
        }
    }
}

static gboolean
expand_words(TrialTemplates *templates, JsonNode *node, GPtrArray *words, GError **error)
{
    if (!look_is_text(node))
        return TRUE;
    g_autoptr(PbxTemplate) compiled =
        template_compile(templates->sandbox, json_node_get_string(node), TEMPLATE_WORDS, error);
    return compiled != NULL && template_expand_words(compiled, &templates->context, words, error);
}

/* `command` is a list of words, or one of them; with "shell" the first is a text for /bin/sh. */
static GPtrArray *
command_words(TrialTemplates *templates, JsonNode *trainable, JsonNode *command, GError **error)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(command) ? json_node_get_array(command) : NULL;
    const guint n = array != NULL ? json_array_get_length(array) : 1;
    for (guint i = 0; i < n; i++) {
        JsonNode *node = array != NULL ? json_array_get_element(array, i) : command;
        if (!expand_words(templates, node, words, error))
            return NULL;
    }
    JsonNode *shell = json_lookup(trainable, "shell");
    if (shell != NULL && JSON_NODE_HOLDS_VALUE(shell) && json_node_get_boolean(shell)) {
        g_ptr_array_insert(words, 0, g_strdup("/bin/sh"));
        g_ptr_array_insert(words, 1, g_strdup("-c"));
        if (words->len > 2)
            g_ptr_array_insert(words, 3, g_strdup("sh"));
    }
    return g_steal_pointer(&words);
}

/* ---- Directory and environment ---- */

static gboolean
put_cwd(GString *line, TrialTemplates *templates, const PbxLook *look, GError **error)
{
    JsonNode *node = json_lookup(look->spec, "cwd");
    if (!look_is_text(node))
        return TRUE;
    g_autofree char *text = trial_templates_text(templates, node, error);
    if (text == NULL) {
        g_prefix_error(error, "cwd: ");
        return FALSE;
    }
    g_autofree char *dir = g_canonicalize_filename(text, look->dir);
    g_string_append(line, "cd ");
    put_quoted(line, dir);
    g_string_append(line, " && ");
    return TRUE;
}

/* Whether a shell takes NAME=VALUE as an assignment. */
static gboolean
is_assignable(const char *name)
{
    if (!g_ascii_isalpha(name[0]) && name[0] != '_')
        return FALSE;
    for (const char *c = name; *c != '\0'; c++) {
        if (!g_ascii_isalnum(*c) && *c != '_')
            return FALSE;
    }
    return TRUE;
}

/* NAME=VALUE texts by name, as the experiment file sets them. */
static GHashTable *
file_variables(TrialTemplates *templates, const PbxLook *look, GPtrArray *names, GError **error)
{
    g_autoptr(GHashTable) values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    JsonNode *node = json_lookup(look->spec, "env");
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return g_steal_pointer(&values);
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;
    json_object_iter_init_ordered(&iter, json_node_get_object(node));
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        if (!look_is_text(value))
            continue;
        char *text = trial_templates_text(templates, value, error);
        if (text == NULL) {
            g_prefix_error(error, "env.%s: ", name);
            return NULL;
        }
        g_hash_table_insert(values, g_strdup(name), text);
        g_ptr_array_add(names, g_strdup(name));
    }
    return g_steal_pointer(&values);
}

static void
put_variable(GString *line, const char *name, const char *value)
{
    g_autofree char *whole = g_strconcat(name, "=", value, NULL);
    if (is_assignable(name)) {
        g_string_append_printf(line, "%s=", name);
        if (value[0] != '\0')
            put_quoted(line, value);
    } else {
        put_quoted(line, whole);
    }
    g_string_append_c(line, ' ');
}

/* Whether some word depends on the config: a brace that is neither {{ nor {trial.X}. */
static gboolean
text_is_given_values(JsonNode *node)
{
    if (!look_is_text(node))
        return FALSE;
    for (const char *c = strchr(json_node_get_string(node), '{'); c != NULL; c = strchr(c, '{')) {
        if (c[1] != '{' && !g_str_has_prefix(c + 1, "trial."))
            return TRUE;
        c += c[1] == '{' ? 2 : 1;
    }
    return FALSE;
}

static gboolean
is_given_values(JsonNode *command)
{
    if (!JSON_NODE_HOLDS_ARRAY(command))
        return text_is_given_values(command);
    JsonArray *array = json_node_get_array(command);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        if (text_is_given_values(json_array_get_element(array, i)))
            return TRUE;
    }
    return FALSE;
}

/* A program that is given no value reads its config from the file that PEGBOX_CONFIG names;
 * a Python one does so with pegbox.py, which stands before what PYTHONPATH has already. */
static void
put_sdk(GString *line, const PbxLook *look, const PbxTrialRow *trial, const char *python_path)
{
    g_autofree char *path =
        trial->dir != NULL ? g_build_filename(look->dir, trial->dir, "params.json", NULL) : NULL;
    const char *own = places_get()->python;
    if (path == NULL || !g_file_test(path, G_FILE_TEST_IS_REGULAR))
        return;
    put_variable(line, "PEGBOX_CONFIG", path);
    g_string_append(line, "PYTHONPATH=");
    put_quoted(line, own);
    if (python_path == NULL) {
        g_string_append(line, "\"${PYTHONPATH:+:$PYTHONPATH}\" ");
        return;
    }
    g_string_append_c(line, ':');
    put_quoted(line, python_path);
    g_string_append_c(line, ' ');
}

/* Where one of `data` is: the file that is named, or what its value became. (transfer full) */
static char *
data_path(const PbxLook *look, const char *name, JsonNode *node)
{
    static const char *const endings[] = {".npy", ".json"};
    if (look_is_text(node))
        return g_canonicalize_filename(json_node_get_string(node), look->dir);
    for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *file = g_strconcat(name, endings[i], NULL);
        g_autofree char *path = g_build_filename(look->dir, "data", file, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
            return g_steal_pointer(&path);
    }
    return NULL;
}

static void
put_data(GString *line, const PbxLook *look)
{
    JsonNode *data = json_lookup(look->spec, "data");
    if (data == NULL || !JSON_NODE_HOLDS_OBJECT(data))
        return;
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    json_object_iter_init_ordered(&iter, json_node_get_object(data));
    while (json_object_iter_next_ordered(&iter, &name, &node)) {
        g_autofree char *path = data_path(look, name, node);
        g_autofree char *variable = spec_data_variable(name);
        if (path != NULL)
            put_variable(line, variable, path);
    }
}

static gboolean
put_environment(GString *line, TrialTemplates *templates, PbxLook *look, const PbxTrialRow *trial,
                gboolean sdk, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) values = file_variables(templates, look, names, error);
    if (values == NULL)
        return FALSE;
    for (guint i = 0; i < names->len; i++) {
        if (!is_assignable(names->pdata[i])) {
            g_string_append(line, "env ");
            break;
        }
    }
    for (guint i = 0; i < names->len; i++) {
        if (!sdk || !g_str_equal(names->pdata[i], "PYTHONPATH"))
            put_variable(line, names->pdata[i], g_hash_table_lookup(values, names->pdata[i]));
    }
    put_data(line, look);
    if (sdk)
        put_sdk(line, look, trial, g_hash_table_lookup(values, "PYTHONPATH"));
    return TRUE;
}

char *
look_command_line(PbxLook *look, const PbxTrialRow *trial, GError **error)
{
    JsonNode *trainable = look->spec != NULL ? json_lookup(look->spec, "trainable") : NULL;
    JsonNode *command = trainable != NULL ? json_lookup(trainable, "command") : NULL;
    g_auto(TrialTemplates) templates = {0};
    if (command == NULL || (!JSON_NODE_HOLDS_ARRAY(command) && !look_is_text(command))) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    trainable == NULL && look->spec != NULL
                        ? "%s has no trainable: its trials were asked for, and run elsewhere"
                        : "the trainable of %s has no command line",
                    look->name);
        return NULL;
    }
    if (!trial_templates_init(&templates, look, trial, error))
        return NULL;
    g_autoptr(GPtrArray) words = command_words(&templates, trainable, command, error);
    g_autoptr(GString) line = g_string_new(NULL);
    if (words == NULL || !put_cwd(line, &templates, look, error) ||
        !put_environment(line, &templates, look, trial, !is_given_values(command), error))
        return NULL;
    put_program(line, words);
    return g_string_free(g_steal_pointer(&line), FALSE);
}
