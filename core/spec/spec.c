/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A checked spec's memory. */
#include "spec/spec-private.h"

static void
env_free(gpointer data)
{
    PbxEnvTemplate *variable = data;
    g_free(variable->name);
    template_free(variable->value);
    g_free(variable);
}

PbxSpec *
spec_alloc(void)
{
    PbxSpec *spec = g_new0(PbxSpec, 1);
    spec->stoppers = g_ptr_array_new_with_free_func((GDestroyNotify)use_free);
    spec->loggers = g_ptr_array_new_with_free_func((GDestroyNotify)use_free);
    spec->env = g_ptr_array_new_with_free_func(env_free);
    spec->data = g_ptr_array_new_with_free_func(spec_data_free);
    spec->docs = g_ptr_array_new_with_free_func((GDestroyNotify)doc_free);
    spec->constraints = g_ptr_array_new_with_free_func((GDestroyNotify)expression_free);
    spec->constraint_texts = g_new0(char *, 1);
    spec->metrics = g_new0(char *, 1);
    spec->signs = g_new0(int, 1);
    spec->sandbox = sandbox_new();
    spec->num_samples = 1;
    return spec;
}

static void
free_templates(PbxSpec *spec)
{
    if (spec->err != spec->out)
        template_free(spec->err);
    template_free(spec->out);
    template_free(spec->trial_name);
    template_free(spec->trial_dirname);
    template_free(spec->cwd);
    template_free(spec->checkpoint.path);
    g_ptr_array_unref(spec->env);
}

void
spec_free(PbxSpec *spec)
{
    if (spec == NULL)
        return;
    /* Before the sandbox: what was compiled in it. */
    free_templates(spec);
    g_ptr_array_unref(spec->constraints);
    g_ptr_array_unref(spec->data);
    use_free(spec->trainable);
    use_free(spec->search);
    use_free(spec->scheduler);
    use_free(spec->executor);
    g_ptr_array_unref(spec->stoppers);
    g_ptr_array_unref(spec->loggers);
    g_clear_pointer(&spec->space, space_free);
    sandbox_free(spec->sandbox);
    g_free(spec->name);
    g_free(spec->trainable_name);
    g_strfreev(spec->constraint_texts);
    g_strfreev(spec->metrics);
    g_free(spec->signs);
    g_free(spec->base_dir);
    g_free(spec->checkpoint.score_attribute);
    restore_clear(&spec->restore);
    g_free(spec->results_dir);
    g_clear_pointer(&spec->resources, json_node_unref);
    g_clear_pointer(&spec->resolved, json_node_unref);
    g_ptr_array_unref(spec->docs);
    doc_free(spec->doc);
    g_free(spec);
}
