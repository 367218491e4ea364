/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names and places: the experiment's, its trials', and where programs run and write. */
#include <string.h>

#include "spec/spec-private.h"

#define MAX_NAME 255

char *
path_resolve(const char *path, const char *base)
{
    return places_expand(path, base);
}

/* ---- The experiment's ---- */

/* What is wrong with a file name, or NULL. */
static const char *
name_fault(const char *name)
{
    if (name[0] == '\0' || strlen(name) > MAX_NAME)
        return "needs 1 to 255 bytes";
    if (g_str_equal(name, ".") || g_str_equal(name, ".."))
        return "must not be '.' or '..'";
    if (name[0] == '-')
        return "must not begin with '-': commands would take it for an option";
    for (const char *at = name; *at != '\0'; at = g_utf8_next_char(at)) {
        const gunichar c = g_utf8_get_char(at);
        if (c == '/')
            return "must not contain '/'";
        if (g_unichar_iscntrl(c) || c == 0x2028 || c == 0x2029)
            return "must not contain control characters or line separators";
    }
    return NULL;
}

static void
check_name(PbxCheck *check)
{
    JsonNode *node = key_node(check, "name");
    if (node == NULL)
        return;
    const char *fault = name_fault(json_node_get_string(node));
    if (fault != NULL)
        problems_add(check->problems, check->spec->doc, "/name", "%s", fault);
    else
        check->spec->name = json_node_dup_string(node);
}

char *
spec_default_results_dir(void)
{
    const char *dir = g_getenv("PEGBOX_RESULT_DIR");
    return places_expand(dir != NULL && dir[0] != '\0' ? dir : "~/pegbox_results", NULL);
}

static gboolean
is_empty(PbxCheck *check, const char *pointer, const char *text)
{
    if (text[0] == '\0')
        problems_add(check->problems, check->spec->doc, pointer, "must not be empty");
    return text[0] == '\0';
}

static void
check_results_dir(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    JsonNode *node = key_node(check, "results_dir");
    if (node == NULL)
        spec->results_dir = spec_default_results_dir();
    else if (!is_empty(check, "/results_dir", json_node_get_string(node)))
        spec->results_dir = path_resolve(json_node_get_string(node), spec->base_dir);
}

/* ---- Templates ---- */

/* Whether the text has a '/' outside of {EXPR}. */
static gboolean
has_slash(const char *text)
{
    guint depth = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '{')
            depth++;
        else if (*c == '}' && depth > 0)
            depth--;
        else if (*c == '/' && depth == 0)
            return TRUE;
    }
    return FALSE;
}

static PbxTemplate *
name_template(PbxCheck *check, const char *key, const char *const *hidden)
{
    JsonNode *node = key_node(check, key);
    if (node == NULL)
        return NULL;
    g_autofree char *pointer = json_pointer_member("", key);
    const char *text = json_node_get_string(node);
    if (is_empty(check, pointer, text))
        return NULL;
    if (has_slash(text)) {
        problems_add(check->problems, check->spec->doc, pointer, "must not contain '/'");
        return NULL;
    }
    return template_at(check, pointer, text, hidden);
}

static void
check_cwd(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    JsonNode *node = key_node(check, "cwd");
    if (node == NULL) {
        g_autofree char *text = template_quote(spec->base_dir);
        spec->cwd = template_compile(spec->sandbox, text, TEMPLATE_PLAIN, NULL);
        return;
    }
    const char *text = json_node_get_string(node);
    if (is_empty(check, "/cwd", text))
        return;
    spec->cwd = template_at(check, "/cwd", text, NULL);
    if (spec->cwd == NULL || strchr(text, '{') != NULL)
        return;
    g_autofree char *path = path_resolve(text, spec->base_dir);
    if (!g_file_test(path, G_FILE_TEST_IS_DIR))
        problems_add(check->problems, spec->doc, "/cwd", "there is no directory %s", path);
}

static void
check_variable(PbxCheck *check, const char *name, JsonNode *node)
{
    PbxSpec *spec = check->spec;
    g_autofree char *pointer = json_pointer_member("/env", name);
    if (name[0] == '\0' || strchr(name, '=') != NULL) {
        problems_add(check->problems, spec->doc, pointer,
                     "the name of a variable is not empty and has no '='");
        return;
    }
    if (!node_is(node, KEY_STRING)) {
        wrong_type(check, spec->doc, pointer, KEY_STRING, node);
        if (node_is(node, KEY_NUMBER)) {
            g_autofree char *text = json_to_text(node);
            problems_hint(check->problems, "write \"%s\"", text);
        }
        return;
    }
    PbxTemplate *value = template_at(check, pointer, json_node_get_string(node), NULL);
    if (value == NULL)
        return;
    PbxEnvTemplate *variable = g_new0(PbxEnvTemplate, 1);
    variable->name = g_strdup(name);
    variable->value = value;
    g_ptr_array_add(spec->env, variable);
}

static void
check_env(PbxCheck *check)
{
    JsonNode *node = key_node(check, "env");
    if (node == NULL)
        return;
    JsonObject *object = json_node_get_object(node);
    g_autoptr(GList) names = json_object_get_members(object);
    for (GList *item = names; item != NULL; item = item->next)
        check_variable(check, item->data, json_object_get_member(object, item->data));
}

/* ---- log_to_file ---- */

static PbxTemplate *
file_template(PbxCheck *check, const char *pointer, JsonNode *node)
{
    if (!node_is(node, KEY_STRING)) {
        wrong_type(check, check->spec->doc, pointer, KEY_STRING, node);
        return NULL;
    }
    const char *text = json_node_get_string(node);
    return is_empty(check, pointer, text) ? NULL : template_at(check, pointer, text, NULL);
}

static void
check_log_to_file(PbxCheck *check)
{
    PbxSpec *spec = check->spec;
    JsonNode *node = key_node(check, "log_to_file");
    spec->log_to_file = TRUE;
    if (node == NULL || node_is(node, KEY_BOOL)) {
        spec->log_to_file = node == NULL || json_node_get_boolean(node);
        if (spec->log_to_file) {
            spec->out = template_compile(spec->sandbox, "stdout", TEMPLATE_PLAIN, NULL);
            spec->err = template_compile(spec->sandbox, "stderr", TEMPLATE_PLAIN, NULL);
        }
        return;
    }
    if (node_is(node, KEY_STRING)) {
        spec->out = file_template(check, "/log_to_file", node);
        spec->err = spec->out;
        return;
    }
    JsonArray *array = json_node_get_array(node);
    if (json_array_get_length(array) != 2) {
        problems_add(check->problems, spec->doc, "/log_to_file",
                     "needs true, false, a file name or two of them, got an array of %u",
                     json_array_get_length(array));
        return;
    }
    spec->out = file_template(check, "/log_to_file/0", json_array_get_element(array, 0));
    spec->err = file_template(check, "/log_to_file/1", json_array_get_element(array, 1));
}

/* ---- What the trainable is called ---- */

/* The last part of a path, without its ending, fit for a file name. */
static char *
stem(const char *word)
{
    char *name = g_path_get_basename(word);
    char *dot = strrchr(name, '.');
    if (dot != NULL && dot != name)
        *dot = '\0';
    for (char *c = name; *c != '\0'; c++) {
        if (!g_ascii_isalnum(*c) && strchr("_.-", *c) == NULL)
            *c = '_';
    }
    return name;
}

/* Programs that run another file: python3.11 too. */
static gboolean
is_interpreter(const char *word)
{
    static const char *const names[] = {"python", "pypy", "bash",    "sh",   "dash", "zsh",
                                        "ksh",    "env",  "Rscript", "node", "perl", "ruby",
                                        "julia",  "java", "php",     "lua",  "deno", NULL};
    g_autofree char *name = g_path_get_basename(word);
    gsize length = strlen(name);
    while (length > 0 && (g_ascii_isdigit(name[length - 1]) || name[length - 1] == '.'))
        length--;
    name[length] = '\0';
    return g_strv_contains(names, name);
}

/* "python3 -u train.py {args}" -> train. */
static char *
command_name(JsonArray *command)
{
    guint n = json_array_get_length(command);
    const char *named = json_array_get_string_element(command, 0);
    for (guint i = 1; i < n && is_interpreter(named); i++) {
        const char *word = json_array_get_string_element(command, i);
        if (g_str_equal(word, "-c") || g_str_equal(word, "-e"))
            break; /* the next word is code */
        if (word[0] != '-' && strchr(word, '{') == NULL && strchr(word, '=') == NULL)
            named = word;
    }
    return strchr(named, '{') == NULL ? stem(named) : NULL;
}

/* A trainable that runs a command is called as what it runs. */
static void
name_trainable(PbxSpec *spec)
{
    const pbx_plugin *desc = spec->trainable->plugin->desc;
    JsonObject *options = json_node_get_object(options_node(spec->trainable->options));
    for (guint i = 0; i < desc->n_options; i++) {
        const pbx_option *option = plugin_option(desc, i);
        if (!g_str_equal(option->name, "command") || option->type != PBX_OPTION_TEMPLATE ||
            (option->flags & PBX_OPTION_LIST) == 0)
            continue;
        JsonNode *node = json_object_get_member(options, "command");
        if (node != NULL && JSON_NODE_HOLDS_ARRAY(node) &&
            json_array_get_length(json_node_get_array(node)) > 0)
            spec->trainable_name = command_name(json_node_get_array(node));
    }
    if (spec->trainable_name == NULL || spec->trainable_name[0] == '\0') {
        g_free(spec->trainable_name);
        spec->trainable_name = g_strdup(desc->name);
    }
}

void
names_check_experiment(PbxCheck *check)
{
    check_name(check);
    check_results_dir(check);
}

void
names_check(PbxCheck *check)
{
    static const char *const hidden_in_name[] = {"name", "dir", NULL};
    static const char *const hidden_in_dirname[] = {"dir", NULL};
    PbxSpec *spec = check->spec;
    spec->trial_name = name_template(check, "trial_name", hidden_in_name);
    spec->trial_dirname = name_template(check, "trial_dirname", hidden_in_dirname);
    check_cwd(check);
    check_env(check);
    check_log_to_file(check);
    if (spec->trainable != NULL)
        name_trainable(spec);
    else
        spec->trainable_name = g_strdup("ask");
}
