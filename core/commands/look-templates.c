/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Templates of the spec, filled in for a trial as the run did it. */
#include <string.h>

#include "commands/look-private.h"

/* All that a template of a trial needs. */
typedef struct {
    PbxSandbox *sandbox;
    PbxDoc *doc;
    PbxSpace *space;
    JsonNode *config, *view;
    PbxTemplateContext context;
} TrialTemplates;

static void
templates_clear(TrialTemplates *templates)
{
    g_clear_pointer(&templates->space, space_unref);
    g_clear_pointer(&templates->doc, doc_free);
    g_clear_pointer(&templates->config, json_node_unref);
    g_clear_pointer(&templates->view, json_node_unref);
    g_clear_pointer(&templates->sandbox, sandbox_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TrialTemplates, templates_clear)

PbxSpace *
look_space(PbxLook *look, PbxSandbox *sandbox, PbxDoc **doc)
{
    if (look->spec == NULL)
        return NULL;
    g_autoptr(PbxProblems) problems = problems_new();
    *doc = doc_new_for_node("experiment.json", look->spec);
    return space_new(*doc, "/config", sandbox, problems);
}

/* The names that the run's templates see of a trial. */
static JsonNode *
trial_view(PbxLook *look, const PbxTrialRow *trial)
{
    g_autofree char *dir =
        trial->dir != NULL ? g_build_filename(look->dir, trial->dir, NULL) : NULL;
    g_autoptr(JsonObject) view = json_object_new();
    json_object_set_int_member(view, "number", (gint64)trial->number);
    look_set_text(view, "id", trial->id);
    look_set_text(view, "experiment", look->name);
    look_set_text(view, "tag", trial->tag);
    look_set_text(view, "name", trial->name);
    look_set_text(view, "dir", dir);
    json_object_set_int_member(view, "attempt", trial->attempts);
    return json_node_init_object(json_node_alloc(), view);
}

static gboolean
templates_init(TrialTemplates *templates, PbxLook *look, const PbxTrialRow *trial, GError **error)
{
    const char *config = trial->config != NULL ? trial->config : "{}";
    templates->config = json_read(config, strlen(config), DOC_MAX_NESTING, error);
    if (templates->config == NULL)
        return FALSE;
    templates->sandbox = sandbox_new();
    templates->space = look_space(look, templates->sandbox, &templates->doc);
    templates->view = trial_view(look, trial);
    templates->context = (PbxTemplateContext){
        .config = templates->config,
        .trial = templates->view,
        .parameters = templates->space != NULL ? space_parameters(templates->space) : NULL,
    };
    return TRUE;
}

/* The text at a node, filled in. */
static char *
expand_text(TrialTemplates *templates, JsonNode *node, GError **error)
{
    g_autoptr(PbxTemplate) compiled =
        template_compile(templates->sandbox, json_node_get_string(node), TEMPLATE_PLAIN, error);
    return compiled != NULL ? template_expand(compiled, &templates->context, error) : NULL;
}

static gboolean
is_text(JsonNode *node)
{
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
           json_node_get_value_type(node) == G_TYPE_STRING;
}

/* ---- The command line ---- */

/* Quotes only where a shell would see more than letters: it is read by people too. */
static void
put_word(GString *line, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "@%+=:,./-_";
    if (line->len > 0)
        g_string_append_c(line, ' ');
    /* NAME=VALUE in the first place would set a variable. */
    const gboolean assigns = line->len == 0 && strchr(word, '=') != NULL;
    if (word[0] != '\0' && !assigns && word[strspn(word, plain)] == '\0') {
        g_string_append(line, word);
        return;
    }
    g_autofree char *quoted = g_shell_quote(word);
    g_string_append(line, quoted);
}

static gboolean
expand_words(TrialTemplates *templates, JsonArray *command, GPtrArray *words, GError **error)
{
    for (guint i = 0; i < json_array_get_length(command); i++) {
        JsonNode *node = json_array_get_element(command, i);
        if (!is_text(node))
            continue;
        g_autoptr(PbxTemplate) compiled =
            template_compile(templates->sandbox, json_node_get_string(node), TEMPLATE_WORDS, error);
        if (compiled == NULL || !template_expand_words(compiled, &templates->context, words, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
has_templates(JsonArray *command)
{
    for (guint i = 0; i < json_array_get_length(command); i++) {
        JsonNode *node = json_array_get_element(command, i);
        if (is_text(node) && strchr(json_node_get_string(node), '{') != NULL)
            return TRUE;
    }
    return FALSE;
}

/* A program that is given no value reads its config from the file that PEGBOX_CONFIG names. */
static void
put_config_variable(GString *line, const PbxLook *look, const PbxTrialRow *trial)
{
    g_autofree char *path =
        trial->dir != NULL ? g_build_filename(look->dir, trial->dir, "params.json", NULL) : NULL;
    if (path == NULL || !g_file_test(path, G_FILE_TEST_IS_REGULAR))
        return;
    g_string_append(line, "PEGBOX_CONFIG=");
    g_autoptr(GString) word = g_string_new(NULL);
    put_word(word, path);
    g_string_append(line, word->str);
}

char *
look_command_line(PbxLook *look, const PbxTrialRow *trial, GError **error)
{
    JsonNode *command = look->spec != NULL ? json_lookup(look->spec, "trainable.command") : NULL;
    g_auto(TrialTemplates) templates = {0};
    if (command == NULL || (!JSON_NODE_HOLDS_ARRAY(command) && !is_text(command))) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    "the trainable of %s has no command line", look->name);
        return NULL;
    }
    if (!templates_init(&templates, look, trial, error))
        return NULL;
    if (is_text(command))
        return expand_text(&templates, command, error);
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    if (!expand_words(&templates, json_node_get_array(command), words, error))
        return NULL;
    g_autoptr(GString) line = g_string_new(NULL);
    if (!has_templates(json_node_get_array(command)))
        put_config_variable(line, look, trial);
    for (guint i = 0; i < words->len; i++)
        put_word(line, words->pdata[i]);
    return g_string_free(g_steal_pointer(&line), FALSE);
}

/* ---- Where output went ---- */

static char *
log_file(TrialTemplates *templates, JsonNode *node, const char *dir, GError **error)
{
    g_autofree char *name = expand_text(templates, node, error);
    return name != NULL ? g_canonicalize_filename(name, dir) : NULL;
}

gboolean
look_log_files(PbxLook *look, const PbxTrialRow *trial, char **out, char **err, GError **error)
{
    g_autofree char *dir = g_build_filename(look->dir, trial->dir, NULL);
    JsonNode *node = look->spec != NULL ? json_lookup(look->spec, "log_to_file") : NULL;
    JsonArray *array =
        node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    if (!is_text(node) && (array == NULL || json_array_get_length(array) != 2)) {
        const gboolean off =
            node != NULL && JSON_NODE_HOLDS_VALUE(node) && !json_node_get_boolean(node);
        *out = off ? NULL : g_build_filename(dir, "stdout", NULL);
        *err = off ? NULL : g_build_filename(dir, "stderr", NULL);
        return TRUE;
    }
    g_auto(TrialTemplates) templates = {0};
    if (!templates_init(&templates, look, trial, error))
        return FALSE;
    g_autofree char *first =
        log_file(&templates, array != NULL ? json_array_get_element(array, 0) : node, dir, error);
    if (first == NULL)
        return FALSE;
    g_autofree char *second =
        array != NULL ? log_file(&templates, json_array_get_element(array, 1), dir, error)
                      : g_strdup(first);
    if (second == NULL)
        return FALSE;
    *out = g_steal_pointer(&first);
    *err = g_steal_pointer(&second);
    return TRUE;
}
