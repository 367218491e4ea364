/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `duplicates` "skip": a config that has a trial gets no other one, and the search learns it. */
#include "experiment/runner-private.h"

#define MAX_IN_A_ROW 100 /* then the space has, in all likelihood, nothing new */

/* Without a driver trials are in the store alone. */
static const PbxTrial *
find_stored(PbxRunner *runner, const char *config)
{
    GError *error = NULL;
    guint64 number = 0;
    if (!store_trial_of_config(runner->store, config, &number, &error)) {
        if (error != NULL)
            runner_fail(runner, error);
        return NULL;
    }
    const PbxTrial *trial = runner_restored(runner, number, &error);
    if (trial == NULL)
        runner_fail(runner, error);
    return trial;
}

const PbxTrial *
duplicates_find(PbxRunner *runner, JsonNode *config)
{
    if (runner->configs == NULL)
        return NULL;
    g_autofree char *text = json_to_text(config);
    if (runner->outside)
        return find_stored(runner, text);
    return g_hash_table_lookup(runner->configs, text);
}

void
duplicates_add(PbxRunner *runner, PbxTrial *trial)
{
    if (runner->configs != NULL && !runner->outside &&
        !g_hash_table_contains(runner->configs, trial->row.config))
        g_hash_table_insert(runner->configs, trial->row.config, trial);
}

void
duplicates_remove(PbxRunner *runner, const PbxTrial *trial)
{
    if (runner->configs != NULL && g_hash_table_lookup(runner->configs, trial->row.config) == trial)
        g_hash_table_remove(runner->configs, trial->row.config);
}

/* The last result of the earlier trial, as the search sees it; NULL: none yet. An ended trial has
 * it in the store alone. */
static PbxView *
last_view(PbxRunner *runner, const PbxTrial *earlier, GError **error)
{
    const PbxTrialRow *row = &earlier->row;
    if (row->last_seq == 0)
        return NULL;
    g_autoptr(PbxResultRow) result = store_result(runner->store, row->last_seq, error);
    if (result == NULL)
        return NULL;
    g_auto(PbxAttemptRow) attempt = {0};
    if (!store_attempt(runner->store, row->number, result->attempt, &attempt, error))
        return NULL;
    const PbxTrial then = {.row = *row, .attempt = attempt, .budget = earlier->budget};
    PbxView *view = view_new(runner, &then, result);
    view_keep(view);
    return view;
}

static gboolean
tell(PbxRunner *runner, const pbx_suggestion *suggestion, const PbxTrial *earlier)
{
    PbxSlot *search = runner->search;
    GError *error = NULL;
    if (!decider_has(search->decider, CALL_SEARCH_TELL))
        return TRUE;
    g_autoptr(PbxView) last = last_view(runner, earlier, &error);
    if (error != NULL) {
        runner_fail(runner, error);
        return FALSE;
    }
    pbx_outcome outcome = {
        .struct_size = sizeof outcome,
        .end = PBX_END_DUPLICATE,
        .n_dims = (guint32)suggestion->n_dims,
        .trial = PBX_NONE,
        .origin = suggestion->origin,
        .x = suggestion->x,
        .budget = earlier->budget,
    };
    PbxCall call = slot_tell(search, CALL_SEARCH_TELL, &outcome, last);
    if (call.status >= 0)
        return TRUE;
    decider_set_error(search->decider, &call, &error);
    runner_fail(runner, error);
    return FALSE;
}

/* Beside the search's new state: so asks can be counted again from the store. */
static gboolean
store_count(PbxRunner *runner)
{
    g_autofree char *count = g_strdup_printf("%" G_GUINT64_FORMAT, runner->skipped);
    g_autofree char *asks = g_strdup_printf("%" G_GUINT64_FORMAT, runner->asks);
    GError *error = NULL;
    runner_touch(runner);
    if (runner->fatal != NULL)
        return FALSE;
    if (store_put_fact(runner->store, "skipped", count, &error) &&
        store_put_fact(runner->store, "asks", asks, &error))
        return TRUE;
    runner_fail(runner, error);
    return FALSE;
}

gboolean
duplicates_skip(PbxRunner *runner, const pbx_suggestion *suggestion, const PbxTrial *earlier)
{
    runner->skipped++;
    if (!store_count(runner) || !tell(runner, suggestion, earlier))
        return FALSE;
    runner_ask_total(runner);
    if (++runner->skipped_in_a_row < MAX_IN_A_ROW)
        return TRUE;
    g_autofree char *line = g_strdup_printf(
        "the last %d configs were all run before (duplicates: skip): no more trials", MAX_IN_A_ROW);
    runner_log("search", PBX_LOG_WARNING, line, runner);
    propose_exhausted(runner);
    return TRUE;
}
