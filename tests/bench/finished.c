/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fills the store of an experiment that has one finished trial with more that are like it.
 *   bench-finished DIR N    makes them N in all */
#include <stdio.h>
#include <stdlib.h>

#include <pegbox/logger.h>

#include "store/store.h"

static void
must(gboolean good, const GError *error)
{
    if (good)
        return;
    fprintf(stderr, "%s\n", error != NULL ? error->message : "it is not there");
    exit(1);
}

static gboolean
put_event(PbxStore *store, const PbxTrialRow *trial, guint type, guint64 seq, GError **error)
{
    const PbxEventRow event = {.seq = seq,
                               .type = type,
                               .at_ns = trial->ended_ns,
                               .trial = trial->number,
                               .attempt = type == PBX_EVENT_ADDED ? 0 : 1};
    return store_put_event(store, &event, error);
}

/* One more: its row, its start, its result, and what happened. */
static gboolean
put_trial(PbxStore *store, PbxTrialRow *trial, PbxAttemptRow *attempt, PbxResultRow *result,
          guint64 number, guint64 *seq, GError **error)
{
    g_autofree char *id = g_strdup_printf("abcde_%05" G_GUINT64_FORMAT, number);
    g_free(trial->id);
    trial->id = g_steal_pointer(&id);
    trial->number = trial->ask = attempt->trial = result->trial = number;
    result->seq = trial->last_seq = *seq + 3;
    trial->value = trial->best = result->value = (double)(number * 7919 % 100003);
    const gboolean good = put_event(store, trial, PBX_EVENT_ADDED, *seq + 1, error) &&
                          put_event(store, trial, PBX_EVENT_TRIAL_START, *seq + 2, error) &&
                          put_event(store, trial, PBX_EVENT_RESULT, *seq + 3, error) &&
                          put_event(store, trial, PBX_EVENT_COMPLETE, *seq + 4, error) &&
                          store_put_trial(store, trial, error) &&
                          store_put_attempt(store, attempt, error) &&
                          store_put_result(store, result, error);
    *seq += 4;
    return good;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    const guint64 n = argc == 3 ? g_ascii_strtoull(argv[2], NULL, 10) : 0;
    g_autoptr(PbxStore) store = n > 0 ? store_open(argv[1], TRUE, &error) : NULL;
    must(store != NULL, error);
    PbxTrialRow *trial = store_trial(store, 0, &error);
    PbxResultRow *result = trial != NULL ? store_result(store, trial->last_seq, &error) : NULL;
    g_auto(PbxAttemptRow) attempt = {0};
    must(result != NULL && store_attempt(store, 0, 1, &attempt, &error), error);
    guint64 seq = store_last_seq(store);
    must(store_begin(store, &error), error);
    for (guint64 i = 1; i < n; i++)
        must(put_trial(store, trial, &attempt, result, i, &seq, &error), error);
    /* Its loggers have seen it all. */
    for (guint i = 0; i < 3; i++) {
        g_autofree char *slot = g_strdup_printf("loggers[%u]", i);
        if (store_cursor(store, slot) > 0)
            must(store_put_cursor(store, slot, seq, &error), error);
    }
    must(store_commit(store, &error), error);
    trial_row_free(trial);
    result_row_free(result);
    return 0;
}
