/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session/1 and template/1 for tests of trainables: one trial, its reports kept as text. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "host-private.h"

static PbxTestHost *
host_of(const pbx_host *abi)
{
    return host_service_user(abi, PBX_SESSION_ID);
}

/* ---- Life ---- */

/* A program's environment: the test's own, less what a test run may have set. */
static char **
make_env(void)
{
    char **env = g_get_environ();
    env = g_environ_unsetenv(env, "PYTHONUNBUFFERED");
    return g_environ_setenv(env, "TEST_HOST", "1", TRUE);
}

void
test_session_init(PbxTestHost *host)
{
    PbxTestSession *session = &host->session;
    session->dir = g_dir_make_tmp("pegbox-test-XXXXXX", NULL);
    g_assert_nonnull(session->dir);
    session->reports = g_string_new(NULL);
    session->lines = g_string_new(NULL);
    session->texts = g_ptr_array_new_with_free_func(g_free);
    session->env = make_env();
    session->metrics = g_strsplit("", " ", -1);
    session->parameters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    session->poll_fd = session->program_fd = -1;
    session->cwd = g_strdup(session->dir);
    test_session_config(host, "{}");
}

void
test_session_clear(PbxTestHost *host)
{
    PbxTestSession *session = &host->session;
    g_assert_true(checkpoint_remove(session->dir, NULL));
    g_free(session->dir);
    g_free(session->cwd);
    g_free(session->out);
    g_free(session->err);
    g_string_free(session->reports, TRUE);
    g_string_free(session->lines, TRUE);
    g_ptr_array_unref(session->texts);
    g_strfreev(session->env);
    g_strfreev(session->metrics);
    g_hash_table_unref(session->parameters);
    json_node_unref(session->config);
    json_node_unref(session->view);
}

void
test_session_metrics(PbxTestHost *host, const char *names)
{
    g_strfreev(host->session.metrics);
    host->session.metrics = g_strsplit(names, " ", -1);
}

void
test_session_config(PbxTestHost *host, const char *config)
{
    PbxTestSession *session = &host->session;
    g_autoptr(JsonObject) view = json_object_new();
    g_clear_pointer(&session->config, json_node_unref);
    g_clear_pointer(&session->view, json_node_unref);
    session->config = json_from_string(config, NULL);
    g_assert_nonnull(session->config);
    g_hash_table_remove_all(session->parameters);
    g_autoptr(GList) names = json_object_get_members(json_node_get_object(session->config));
    for (GList *at = names; at != NULL; at = at->next)
        g_hash_table_add(session->parameters, g_strdup(at->data));
    json_object_set_string_member(view, "id", "trial_00000");
    json_object_set_string_member(view, "dir", session->dir);
    session->view = json_node_init_object(json_node_alloc(), view);
}

pbx_status
test_run(PbxTestHost *host)
{
    PbxTestSession *session = &host->session;
    const pbx_trainable *trainable = host->vtable;
    pbx_trial *trial = (pbx_trial *)test_trial(host, 0, "{}");
    g_string_truncate(session->reports, 0);
    g_string_truncate(session->lines, 0);
    session->n_reports = 0;
    session->n_polls = 0;
    session->pid = 0;
    session->stop = FALSE;
    trial->dir = session->dir;
    trial->config = host_json(session->config);
    session->info = (pbx_session_info){.struct_size = sizeof session->info,
                                       .size = 1,
                                       .trial = trial,
                                       .cwd = session->cwd,
                                       .env = (const char *const *)session->env,
                                       .out = session->out,
                                       .err = session->err,
                                       .metric = session->metrics[0],
                                       .metrics = (const char *const *)session->metrics};
    host->error = (pbx_error){.where = "", .message = ""};
    pbx_status status = trainable->run(host->self, &host->error);
    g_ptr_array_set_size(session->texts, 0);
    return status;
}

/* ---- session/1 ---- */

/* A file heard-N in the trial's directory, for programs that wait for it. */
static void
count_report(PbxTestSession *session)
{
    session->n_reports++;
    session->stop = session->stop || session->n_reports == session->stop_after;
    g_autofree char *path =
        g_strdup_printf("%s/heard-%" G_GUINT64_FORMAT, session->dir, session->n_reports);
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
}

static const pbx_session_info *
info(const pbx_host *abi)
{
    return &host_of(abi)->session.info;
}

static pbx_status
report(const pbx_host *abi, const char *const *names, const double *values, size_t n,
       const char *extra, uint32_t flags G_GNUC_UNUSED, pbx_answer *answer, pbx_error *error)
{
    PbxTestSession *session = &host_of(abi)->session;
    g_autoptr(GError) failure = NULL;
    if (extra == NULL)
        extra = "{}";
    g_autoptr(JsonNode) node = json_read(extra, strlen(extra), DOC_MAX_NESTING, &failure);
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node)) {
        g_strlcpy(error->message, "nonsense", sizeof error->message);
        return PBX_EINVAL;
    }
    for (size_t i = 0; i < n; i++)
        json_object_set_double_member(json_node_get_object(node), names[i], values[i]);
    g_autofree char *text = json_to_text(node);
    g_string_append_printf(session->reports, "%s\n", text);
    count_report(session);
    answer->stop = session->stop;
    return PBX_OK;
}

static pbx_status
poll_answer(const pbx_host *abi, pbx_answer *answer)
{
    PbxTestSession *session = &host_of(abi)->session;
    session->n_polls++;
    if (session->is_gone)
        return PBX_ECANCELLED;
    session->stop = session->stop || session->stop_when_polled;
    answer->stop = session->stop;
    return PBX_OK;
}

static int32_t
poll_fd(const pbx_host *abi)
{
    return host_of(abi)->session.poll_fd;
}

static int32_t
program_fd(const pbx_host *abi)
{
    return host_of(abi)->session.program_fd;
}

/* Each byte that comes is a report. */
static pbx_status
program_step(const pbx_host *abi, uint64_t *n_reports, pbx_error *error G_GNUC_UNUSED)
{
    PbxTestSession *session = &host_of(abi)->session;
    char byte;
    if (read(session->program_fd, &byte, 1) == 1)
        count_report(session);
    else
        session->program_fd = -1;
    *n_reports = session->n_reports;
    return PBX_OK;
}

static void
program_started(const pbx_host *abi, int64_t pid)
{
    host_of(abi)->session.pid = pid;
}

static void
line(const pbx_host *abi, int32_t is_stderr, const char *text)
{
    g_string_append_printf(host_of(abi)->session.lines, "%s %s\n", is_stderr ? "err" : "out", text);
}

const pbx_session test_session = {.struct_size = sizeof(pbx_session),
                                  .info = info,
                                  .report = report,
                                  .poll = poll_answer,
                                  .poll_fd = poll_fd,
                                  .program_fd = program_fd,
                                  .program_step = program_step,
                                  .program_started = program_started,
                                  .line = line};

/* ---- template/1 ---- */

static PbxTemplateContext
context_of(const PbxTestHost *host)
{
    return (PbxTemplateContext){.config = host->session.config,
                                .trial = host->session.view,
                                .parameters = host->session.parameters};
}

static gboolean
set_error(pbx_error *error, const char *option, const char *message)
{
    g_strlcpy(error->where, option, sizeof error->where);
    g_strlcpy(error->message, message, sizeof error->message);
    return FALSE;
}

static const char *
template_text(const pbx_host *abi, const char *option, const char *key, pbx_error *error)
{
    PbxTestHost *host = host_service_user(abi, PBX_TEMPLATE_ID);
    PbxTemplateContext context = context_of(host);
    g_autoptr(GError) failure = NULL;
    char *text =
        template_expand(options_template(host->options, option, 0, key), &context, &failure);
    if (text != NULL)
        g_ptr_array_add(host->session.texts, text);
    else
        set_error(error, option, failure->message);
    return text;
}

static const char *const *
template_words(const pbx_host *abi, const char *option, pbx_error *error)
{
    PbxTestHost *host = host_service_user(abi, PBX_TEMPLATE_ID);
    PbxTemplateContext context = context_of(host);
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < options_template_count(host->options, option); i++) {
        g_autoptr(GError) failure = NULL;
        if (!template_expand_words(options_template(host->options, option, i, NULL), &context,
                                   words, &failure)) {
            set_error(error, option, failure->message);
            return NULL;
        }
    }
    const char **list = g_new0(const char *, words->len + 1);
    for (guint i = 0; i < words->len; i++) {
        list[i] = words->pdata[i];
        g_ptr_array_add(host->session.texts, words->pdata[i]);
    }
    g_ptr_array_set_free_func(words, NULL);
    g_ptr_array_add(host->session.texts, list);
    return list;
}

const pbx_template test_template = {
    .struct_size = sizeof(pbx_template), .text = template_text, .words = template_words};
