/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Templates of the spec, filled in for a trial as the run did it. */
#include <string.h>

#include "commands/look-templates-private.h"

void
trial_templates_clear(TrialTemplates *templates)
{
    g_clear_pointer(&templates->space, space_free);
    g_clear_pointer(&templates->doc, doc_free);
    g_clear_pointer(&templates->config, json_node_unref);
    g_clear_pointer(&templates->view, json_node_unref);
    g_clear_pointer(&templates->sandbox, sandbox_free);
}

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

gboolean
trial_templates_init(TrialTemplates *templates, PbxLook *look, const PbxTrialRow *trial,
                     GError **error)
{
    const char *config = trial->config != NULL ? trial->config : "{}";
    templates->config = json_read(config, strlen(config), DOC_MAX_NESTING, error);
    if (templates->config == NULL) {
        g_prefix_error(error,
                       "%s: the config of trial %" G_GUINT64_FORMAT " is damaged: ", look->dir,
                       trial->number);
        return FALSE;
    }
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

char *
trial_templates_text(TrialTemplates *templates, JsonNode *node, GError **error)
{
    g_autoptr(PbxTemplate) compiled =
        template_compile(templates->sandbox, json_node_get_string(node), TEMPLATE_PLAIN, error);
    return compiled != NULL ? template_expand(compiled, &templates->context, error) : NULL;
}

gboolean
look_is_text(JsonNode *node)
{
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
           json_node_get_value_type(node) == G_TYPE_STRING;
}

/* ---- Where output went ---- */

static char *
log_file(TrialTemplates *templates, JsonNode *node, const char *dir, GError **error)
{
    g_autofree char *name = trial_templates_text(templates, node, error);
    return name != NULL ? g_canonicalize_filename(name, dir) : NULL;
}

gboolean
look_log_files(PbxLook *look, const PbxTrialRow *trial, char **out, char **err, GError **error)
{
    g_autofree char *dir = g_build_filename(look->dir, trial->dir, NULL);
    JsonNode *node = look->spec != NULL ? json_lookup(look->spec, "log_to_file") : NULL;
    JsonArray *array =
        node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    if (!look_is_text(node) && (array == NULL || json_array_get_length(array) != 2)) {
        const gboolean off =
            node != NULL && JSON_NODE_HOLDS_VALUE(node) && !json_node_get_boolean(node);
        *out = off ? NULL : g_build_filename(dir, "stdout", NULL);
        *err = off ? NULL : g_build_filename(dir, "stderr", NULL);
        return TRUE;
    }
    g_auto(TrialTemplates) templates = {0};
    if (!trial_templates_init(&templates, look, trial, error))
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
