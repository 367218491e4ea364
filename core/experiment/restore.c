/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trials that were made in another process, as the store has them. */
#include <math.h>
#include <string.h>

#include "experiment/runner-private.h"

PbxTrial *
trial_restore(PbxRunner *runner, PbxTrialRow *taken, GError **error)
{
    PbxTrial *trial = g_new0(PbxTrial, 1);
    PbxTrialRow *row = &trial->row;
    *row = *taken;
    g_free(taken);
    trial->budget = (double)NAN;
    trial->ending = -1;
    trial->ended = row->end >= 0;
    trial->asked =
        row->state == PBX_STATE_RUNNING && g_strcmp0(row->reason, STORE_REASON_ASKED) == 0;
    if (row->dir != NULL)
        trial->dir = g_build_filename(runner->dir, row->dir, NULL);
    trial->attempt = (PbxAttemptRow){.trial = row->number};
    g_autoptr(GError) failed = NULL;
    trial->config = json_read(row->config, strlen(row->config), DOC_MAX_NESTING, &failed);
    if (failed == NULL && row->attempts > 0)
        (void)store_attempt(runner->store, row->number, row->attempts, &trial->attempt, &failed);
    if (failed == NULL && row->last_seq > 0)
        trial->last = store_result(runner->store, row->last_seq, &failed);
    trial->shown = trial->last != NULL ? trial->last->n : 0;
    if (failed == NULL)
        return trial;
    g_propagate_error(error, g_steal_pointer(&failed));
    trial_free(trial);
    return NULL;
}

PbxTrial *
runner_restored(PbxRunner *runner, guint64 number, GError **error)
{
    g_autoptr(GError) failed = NULL;
    GPtrArray *trials = runner->trials;
    if (number < trials->len && trials->pdata[number] != NULL)
        return trials->pdata[number];
    PbxTrialRow *row = number < trials->len ? store_trial(runner->store, number, &failed) : NULL;
    PbxTrial *trial = row != NULL ? trial_restore(runner, row, &failed) : NULL;
    if (trial != NULL) {
        trials->pdata[number] = trial;
        g_array_append_val(runner->restored, number);
        return trial;
    }
    if (failed == NULL)
        g_set_error(&failed, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "no trial '%" G_GUINT64_FORMAT "' in %s", number, runner->name);
    g_propagate_error(error, g_steal_pointer(&failed));
    return NULL;
}

void
runner_forget(PbxRunner *runner, guint n_before)
{
    g_queue_clear(&runner->waiting);
    g_queue_clear(&runner->resting);
    g_queue_clear(&runner->paused);
    g_queue_clear(&runner->parked);
    g_ptr_array_set_size(runner->dirty, 0);
    g_ptr_array_set_size(runner->asked, 0);
    for (guint i = 0; i < runner->restored->len; i++) {
        guint64 number = g_array_index(runner->restored, guint64, i);
        trial_free(runner->trials->pdata[number]);
        runner->trials->pdata[number] = NULL;
    }
    g_array_set_size(runner->restored, 0);
    for (guint i = n_before; i < runner->trials->len; i++) {
        trial_free(runner->trials->pdata[i]);
        runner->trials->pdata[i] = NULL;
    }
}
