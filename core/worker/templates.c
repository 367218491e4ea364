/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* template/1 in a worker: TEMPLATE options filled in for the current trial. */
#include "expression/expression.h"
#include "worker/process-private.h"

static PbxWorker *
worker_of(const pbx_host *host)
{
    return host_service_user(host, PBX_TEMPLATE_ID);
}

static PbxTemplateContext
context_of(const PbxWorker *worker)
{
    return (PbxTemplateContext){.config = worker->run->config,
                                .trial = worker->run->view,
                                .parameters = worker->parameters};
}

static void
set_error(pbx_error *error, const char *option, const char *key, const char *message)
{
    if (key != NULL)
        g_snprintf(error->where, sizeof error->where, "%s.%s", option, key);
    else
        g_strlcpy(error->where, option, sizeof error->where);
    g_strlcpy(error->message, message, sizeof error->message);
}

static const char *
template_text(const pbx_host *host, const char *option, const char *key, pbx_error *error)
{
    PbxWorker *worker = worker_of(host);
    if (worker->run == NULL) {
        set_error(error, option, key, "templates are filled in only while a trial runs");
        return NULL;
    }
    PbxTemplate *compiled = options_template(worker->options, option, 0, key);
    if (compiled == NULL) {
        set_error(error, option, key, "this template is not set");
        return NULL;
    }
    PbxTemplateContext context = context_of(worker);
    g_autoptr(GError) failure = NULL;
    char *text = template_expand(compiled, &context, &failure);
    if (text == NULL) {
        set_error(error, option, key, failure->message);
        return NULL;
    }
    g_ptr_array_add(worker->run->texts, text);
    return text;
}

static const char *const *
template_words(const pbx_host *host, const char *option, pbx_error *error)
{
    PbxWorker *worker = worker_of(host);
    if (worker->run == NULL) {
        set_error(error, option, NULL, "templates are filled in only while a trial runs");
        return NULL;
    }
    PbxTemplateContext context = context_of(worker);
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    guint n = options_template_count(worker->options, option);
    for (guint i = 0; i < n; i++) {
        g_autoptr(GError) failure = NULL;
        if (!template_expand_words(options_template(worker->options, option, i, NULL), &context,
                                   words, &failure)) {
            set_error(error, option, NULL, failure->message);
            return NULL;
        }
    }
    g_autofree const char **list = g_new0(const char *, words->len + 1);
    for (guint i = 0; i < words->len; i++) {
        list[i] = words->pdata[i];
        g_ptr_array_add(worker->run->texts, words->pdata[i]);
    }
    g_ptr_array_set_free_func(words, NULL);
    g_ptr_array_add(worker->run->texts, list);
    return g_steal_pointer(&list);
}

const pbx_template worker_template = {
    .struct_size = sizeof(pbx_template), .text = template_text, .words = template_words};
