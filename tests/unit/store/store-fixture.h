/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A store in a directory of its own, and rows to put into it. */
#pragma once

#include <glib/gstdio.h>
#include <math.h>

#include "store/store.h"

typedef struct {
    char *dir;
    PbxStore *store;
} Fixture;

static inline void
fixture_set_up(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    fixture->dir = g_dir_make_tmp("pegbox-store-XXXXXX", &error);
    g_assert_no_error(error);
    fixture->store = store_create(fixture->dir, FALSE, &error);
    g_assert_no_error(error);
    g_assert_nonnull(fixture->store);
}

static inline void
fixture_tear_down(Fixture *fixture, gconstpointer unused)
{
    (void)unused;
    store_close(fixture->store);
    static const char *const names[] = {"experiment.db", "experiment.db-wal", "experiment.db-shm",
                                        "experiment.db-journal"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(fixture->dir, names[i], NULL);
        g_unlink(path);
    }
    g_rmdir(fixture->dir);
    g_free(fixture->dir);
}

/* Its texts are literals: not to be cleared. */
static inline PbxTrialRow
make_trial(guint64 number)
{
    static double point[] = {0.25, NAN, 3};
    return (PbxTrialRow){
        .number = number,
        .id = "2f1ea_00003",
        .name = "train_2f1ea_00003",
        .tag = "3_lr=0.25",
        .dir = "train_2f1ea_00003_3_lr=0.25",
        .state = 3,
        .end = 1,
        .config = "{\"lr\":0.25}",
        .x = point,
        .n_dims = 3,
        .ask = number,
        .origin = G_MAXUINT64 - 1,
        .attempts = 2,
        .failures = 1,
        .reason = "stopped by asha",
        .error = "exit status 1",
        .created_ns = 1700000000000000001,
        .started_ns = 1700000001000000000,
        .ended_ns = 1700000002000000000,
        .n_results = 4,
        .iteration = 4,
        .time_total_s = 1.5,
        .value = 0.75,
        .best = 0.875,
        .last_seq = 12,
        .rung = 1,
        .bracket = 0,
        .feasible = FEASIBLE_NO,
        .queued = 5,
        .held = TRUE,
        .source = "earlier:0@7",
        .replaced_by = 9,
    };
}

static inline PbxAttemptRow
make_attempt(guint64 trial, guint attempt)
{
    return (PbxAttemptRow){
        .trial = trial,
        .attempt = attempt,
        .hostname = "node",
        .node_ip = "192.0.2.1",
        .pid = 4711,
        .start_timesteps = -1,
        .started_ns = 1700000001000000000,
        .ended_ns = -1,
    };
}

static inline PbxResultRow
make_result(guint64 seq, guint64 trial, guint64 n)
{
    return (PbxResultRow){
        .seq = seq,
        .trial = trial,
        .attempt = 1,
        .n = n,
        .iteration = (gint64)n,
        .at_ns = 1700000001500000000,
        .time_this_iter_s = 0.5,
        .time_total_s = 0.5 * (double)n,
        .timesteps_total = -1,
        .episodes_total = -1,
        .value = 0.5,
        .fields = "{\"accuracy\":0.5,\"loss\":1.25}",
        .rung = G_MAXUINT32,
        .feasible = FEASIBLE_YES,
    };
}
