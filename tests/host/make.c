/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What plugins are given: results, outcomes, trials and events, from JSON text. */
#include <math.h>
#include <string.h>

#include "host-private.h"

gpointer
test_keep(PbxTestHost *host, gpointer memory)
{
    g_ptr_array_add(host->kept, memory);
    return memory;
}

void
test_text_free(gpointer text)
{
    g_string_free(text, TRUE);
}

static JsonNode *
keep_json(PbxTestHost *host, const char *text)
{
    g_autoptr(GError) error = NULL;
    JsonNode *node = json_read(text, strlen(text), DOC_MAX_NESTING, &error);
    g_assert_no_error(error);
    g_ptr_array_add(host->nodes, node);
    return node;
}

/* ---- Results ---- */

static double
loss_of(JsonNode *fields, const pbx_objective *objective)
{
    JsonNode *node = json_lookup(fields, objective->name);
    double value;
    if (node == NULL || !json_number(node, TRUE, &value))
        return NAN;
    return isfinite(value) ? objective->sign * value : INFINITY;
}

static void
fill_losses(PbxTestHost *host, pbx_result *result, JsonNode *fields,
            const pbx_objective *const *objectives, guint n)
{
    double *losses = test_keep(host, g_new0(double, n + 1));
    for (guint i = 0; i < n; i++)
        losses[i] = loss_of(fields, objectives[i]);
    result->n_losses = n;
    result->losses = losses;
}

static void
fill_watched(PbxTestHost *host, pbx_result *result, JsonNode *fields, const PbxOptions *options)
{
    const char *const *names = options_watched(options);
    guint n = g_strv_length((char **)names);
    double *watched = test_keep(host, g_new0(double, n + 1));
    guint8 *present = test_keep(host, g_new0(guint8, n + 1));
    for (guint i = 0; i < n; i++) {
        JsonNode *node = names[i][0] != '\0' ? json_lookup(fields, names[i]) : NULL;
        watched[i] = NAN;
        present[i] = node != NULL && json_number(node, TRUE, &watched[i]);
    }
    result->n_watched = n;
    result->watched = watched;
    result->present = present;
}

void
test_fill_result(PbxTestHost *host, pbx_result *result, const PbxOptions *options,
                 const pbx_objective *const *objectives, guint n_objectives)
{
    JsonNode *fields = host_json_node(result->fields);
    if (objectives != NULL)
        fill_losses(host, result, fields, objectives, n_objectives);
    fill_watched(host, result, fields, options);
}

const pbx_result *
test_result(PbxTestHost *host, guint64 trial, gint64 iteration, const char *fields)
{
    JsonNode *node = keep_json(host, fields);
    JsonObject *object = json_node_get_object(node);
    pbx_result *result = test_keep(host, g_new0(pbx_result, 1));
    g_autofree char *id = g_strdup_printf("trial_%05" G_GUINT64_FORMAT, trial);
    if (!json_object_has_member(object, "training_iteration"))
        json_object_set_int_member(object, "training_iteration", iteration);
    json_object_set_string_member(object, "trial_id", id);
    *result = (pbx_result){
        .struct_size = sizeof *result,
        .rung = PBX_NO_RUNG,
        .trial = trial,
        .seq = ++host->seq,
        .iteration = iteration,
        .at_ns = clock_now(host->clock),
        .budget = NAN,
        .counts = host->counts,
        .fields = host_json(node),
        .text = test_keep(host, json_to_text(node)),
    };
    result->text_size = strlen(result->text);
    test_fill_result(host, result, host->options,
                     (const pbx_objective *const *)host->objectives->pdata, host->objectives->len);
    return result;
}

const pbx_outcome *
test_outcome(PbxTestHost *host, guint64 trial, guint32 end, const pbx_result *last)
{
    pbx_outcome *outcome = test_keep(host, g_new0(pbx_outcome, 1));
    *outcome = (pbx_outcome){
        .struct_size = sizeof *outcome,
        .end = end,
        .n_dims = host->problem.space != NULL ? host->problem.space->n_dims : 0,
        .trial = trial,
        .last = last,
        .budget = NAN,
    };
    g_ptr_array_add(host->outcomes, outcome);
    return outcome;
}

/* ---- Loggers ---- */

const pbx_trial *
test_trial(PbxTestHost *host, guint64 number, const char *config)
{
    pbx_trial *trial = test_keep(host, g_new0(pbx_trial, 1));
    JsonNode *node = keep_json(host, config);
    *trial = (pbx_trial){
        .struct_size = sizeof *trial,
        .state = PBX_STATE_RUNNING,
        .attempt = 1,
        .trial = number,
        .source = PBX_NONE,
        .id = "id",
        .name = "name",
        .tag = "",
        .dir = "/nowhere",
        .config = host_json(node),
        .config_text = test_keep(host, json_to_text(node)),
        .location = "",
    };
    return trial;
}

pbx_status
test_event(PbxTestHost *host, guint32 type, const pbx_trial *trial, const pbx_result *result)
{
    const pbx_logger *logger = host->vtable;
    pbx_event event = {.struct_size = sizeof event,
                       .type = type,
                       .seq = ++host->seq,
                       .trial = trial,
                       .result = result};
    const pbx_event *list[] = {&event};
    size_t done = 7;
    g_assert_cmpuint(logger->wanted & PBX_WANTS(type), !=, 0);
    pbx_status status = logger->events(host->self, list, 1, &done, &host->error);
    g_assert_cmpuint(done, ==, status == PBX_OK ? 1 : 0);
    return status;
}

/* ---- files/1 ---- */

static PbxTestHost *
host_of(const pbx_host *abi)
{
    return host_service_user(abi, PBX_FILES_ID);
}

static char *
file_key(uint64_t trial, const char *name)
{
    g_assert_null(strchr(name, '/'));
    return g_strdup_printf("%" G_GUINT64_FORMAT "/%s", (guint64)trial, name);
}

static pbx_status
file_append(const pbx_host *abi, uint64_t trial, const char *name, const void *bytes, size_t n)
{
    PbxTestHost *host = host_of(abi);
    char *key = file_key(trial, name);
    GString *text = g_hash_table_lookup(host->files, key);
    if (host->refuse != PBX_OK) {
        g_free(key);
        return host->refuse;
    }
    if (text == NULL) {
        text = g_string_new(NULL);
        g_hash_table_insert(host->files, key, text);
    } else {
        g_free(key);
    }
    g_string_append_len(text, bytes, (gssize)n);
    return PBX_OK;
}

static pbx_status
file_replace(const pbx_host *abi, uint64_t trial, const char *name, const void *bytes, size_t n)
{
    PbxTestHost *host = host_of(abi);
    g_autofree char *key = file_key(trial, name);
    if (host->refuse == PBX_OK) {
        g_hash_table_remove(host->files, key);
        host->n_replaced++;
    }
    return file_append(abi, trial, name, bytes, n);
}

static pbx_status
file_read(const pbx_host *abi, uint64_t trial, const char *name, const pbx_sink *sink)
{
    g_autofree char *key = file_key(trial, name);
    GString *text = g_hash_table_lookup(host_of(abi)->files, key);
    return text != NULL ? sink->write(sink->ctx, text->str, text->len) : PBX_ESTATE;
}

const pbx_files test_files = {sizeof(pbx_files), 0, file_append, file_replace, file_read};

const char *
test_file(PbxTestHost *host, guint64 trial, const char *name)
{
    g_autofree char *key = file_key(trial, name);
    GString *text = g_hash_table_lookup(host->files, key);
    return text != NULL ? text->str : NULL;
}
