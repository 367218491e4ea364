/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Workers of a driver that is gone: they end once they notice it, and until then may write to the
 * directories of their trials. */
#include "experiment/runner-private.h"

#define PAUSE_MS 10
#define SAY_MS   1000 /* before that it is not worth a word */
#define LIMIT_MS 30000

/* The first trial that some worker is still at; NULL: none. */
static PbxTrial *
find_held(const GPtrArray *left)
{
    for (guint i = 0; i < left->len; i++) {
        PbxTrial *trial = left->pdata[i];
        if (trial->dir != NULL && worker_holds(trial->dir))
            return trial;
    }
    return NULL;
}

gboolean
predecessors_wait(PbxRunner *runner, const GPtrArray *left, GError **error)
{
    PbxTrial *held = find_held(left);
    for (guint ms = 0; held != NULL && ms < LIMIT_MS; ms += PAUSE_MS) {
        if (ms == SAY_MS)
            runner_log_trial(runner, held, PBX_LOG_WARNING,
                             "a worker that the driver of before has left is still at it: waiting "
                             "until it ends");
        if (ms % 1000 == 0)
            lock_touch(runner->lock);
        g_usleep((gulong)PAUSE_MS * 1000);
        held = find_held(left);
    }
    if (held == NULL)
        return TRUE;
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                "%s: a worker that the driver of before has left does not end; `fuser` on that "
                "directory tells which process it is: end it, and resume again",
                held->dir);
    return FALSE;
}
