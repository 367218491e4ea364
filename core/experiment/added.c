/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trials that no search proposed: added by hand, or made anew in the place of others. */
#include "experiment/added-private.h"
#include "experiment/checkpoints-private.h"

gboolean
added_adopt(PbxRunner *runner, PbxTrial *trial, GError **error)
{
    pbx_suggestion suggestion = {
        .struct_size = sizeof suggestion,
        .flags = PBX_SUGGESTION_ENQUEUED,
        .n_dims = trial->row.n_dims,
        .trial = trial->row.number,
        .ask = PBX_NONE,
        .x = trial->row.x,
    };
    PbxCall call = {.id = CALL_SEARCH_ADOPT, .suggestion = &suggestion};
    decider_call(runner->search->decider, &call, NULL, NULL);
    if (call.status >= 0)
        return TRUE;
    decider_set_error(runner->search->decider, &call, error);
    return FALSE;
}

void
added_count(PbxRunner *runner)
{
    g_autofree char *count = g_strdup_printf("%" G_GUINT64_FORMAT, ++runner->enqueued);
    GError *error = NULL;
    runner_touch(runner);
    if (runner->fatal == NULL && !store_put_fact(runner->store, "enqueued", count, &error))
        runner_fail(runner, error);
}

/* ---- In the place of others ---- */

/* It goes on from what the other one has saved, or was to go on from. */
static gboolean
take_source(PbxRunner *runner, PbxTrial *trial, const PbxTrial *old, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autoptr(PbxCheckpointRow) newest =
        checkpoints_newest(runner->store, old->row.number, &failed);
    if (failed != NULL) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    trial->row.source = newest != NULL ? g_strdup_printf("%" G_GUINT64_FORMAT, old->row.number)
                                       : g_strdup(old->row.source);
    return TRUE;
}

/* With its config; what it had of the search goes along. */
static PbxTrial *
make_again(PbxRunner *runner, PbxTrial *old, GError **error)
{
    trial_recall(runner, old);
    JsonNode *config = runner->fatal == NULL ? trial_config(runner, old) : NULL;
    if (config == NULL) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                    "the config of trial %" G_GUINT64_FORMAT " cannot be read", old->row.number);
        return NULL;
    }
    duplicates_remove(runner, old);
    double *x = g_memdup2(old->row.x, MAX(old->row.n_dims, 1) * sizeof *x);
    PbxTrial *trial = trial_new(runner, x, config, error);
    if (trial == NULL)
        return NULL;
    trial->row.extra = g_strdup(old->row.extra);
    if (!take_source(runner, trial, old, error))
        return NULL;
    if (!added_adopt(runner, trial, error))
        return NULL;
    added_count(runner);
    if (!propose_added(runner, trial)) {
        g_propagate_error(error, g_steal_pointer(&runner->fatal));
        return NULL;
    }
    old->row.replaced_by = trial->row.number;
    trial_touch(runner, old);
    queue_add(runner, trial);
    return trial;
}

gboolean
added_again(PbxRunner *runner, gboolean (*which)(const PbxTrialRow *row), GError **error)
{
    const guint n = runner->trials->len;
    for (guint i = 0; i < n; i++) {
        PbxTrial *trial = runner->trials->pdata[i];
        if (trial->row.replaced_by != 0 || !which(&trial->row))
            continue;
        if (make_again(runner, trial, error) == NULL)
            return FALSE;
    }
    return TRUE;
}
