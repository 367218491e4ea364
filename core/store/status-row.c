/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trial as the status block shows it. */
#include <string.h>

#include "store/status-row.h"
#include "store/store-private.h"
#include "json/json.h"

static JsonNode *
parse(const char *text)
{
    return text != NULL ? json_read(text, strlen(text), DOC_MAX_NESTING, NULL) : NULL;
}

/* The last result with all its fields. */
static JsonNode *
whole_result(PbxStore *store, const PbxTrialRow *row, const PbxAttemptRow *attempt,
             const PbxResultRow *last, const char *experiment_id)
{
    g_autoptr(PbxResultRow) stored = NULL;
    if (row->last_seq == 0)
        return NULL;
    if (last == NULL && store != NULL)
        last = stored = store_result(store, row->last_seq, NULL);
    if (last == NULL)
        return NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    store_result_text(text, row, attempt, last, experiment_id);
    return json_read(text->str, text->len, DOC_MAX_NESTING, NULL);
}

PbxStatusTrial *
status_row_new(PbxStore *store, const char *experiment_id, const PbxTrialRow *row,
               const PbxAttemptRow *attempt, const PbxResultRow *last)
{
    PbxStatusTrial *made = status_trial_new();
    g_auto(PbxAttemptRow) stored = {0};
    if (attempt == NULL || attempt->hostname == NULL)
        attempt = &stored;
    if (attempt == &stored && row->attempts > 0 && store != NULL)
        (void)store_attempt(store, row->number, row->attempts, &stored, NULL);
    made->number = row->number;
    made->name = g_strdup(row->name != NULL ? row->name : "");
    made->state = row->state;
    made->end = row->end;
    made->attempts = row->attempts;
    made->failures = row->failures;
    made->last_seq = row->last_seq;
    made->host = g_strdup(attempt->node_ip);
    made->away = g_strcmp0(attempt->hostname, g_get_host_name()) != 0;
    made->pid = row->attempts > 0 ? attempt->pid : 0;
    made->config = parse(row->config);
    made->result = whole_result(store, row, attempt, last, experiment_id);
    made->iteration = row->iteration;
    made->time_s = row->time_total_s;
    made->value = row->value;
    made->error = g_strdup(row->error);
    if (row->error != NULL && row->dir != NULL)
        made->error_file = g_build_filename(row->dir, "error.txt", NULL);
    return made;
}

gboolean
status_row_is_new(const PbxStatusTrial *trial, const PbxTrialRow *row)
{
    return trial == NULL || trial->number != row->number || trial->state != row->state ||
           trial->end != row->end || trial->last_seq != row->last_seq ||
           trial->attempts != row->attempts || trial->failures != row->failures;
}

/* ---- Those of the last model ---- */

static void
know(GHashTable *known, const GPtrArray *trials)
{
    for (guint i = 0; i < trials->len; i++)
        status_known_add(known, trials->pdata[i]);
}

void
status_known_add(GHashTable *known, PbxStatusTrial *trial)
{
    g_hash_table_insert(known, &trial->number, trial);
}

GHashTable *
status_known_new(const PbxStatus *before)
{
    GHashTable *known = g_hash_table_new(g_int64_hash, g_int64_equal);
    if (before == NULL)
        return known;
    for (gsize i = 0; i < PBX_N_STATES; i++)
        know(known, before->rows[i]);
    know(known, before->errors);
    if (before->best != NULL)
        status_known_add(known, before->best);
    return known;
}
