/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of experiment.db, and the way to them from every older schema. doc/store.md
 * documents them for users: keep it in step. */
#include "store/store-private.h"

#define SUMS_SINCE 3 /* rows of an older schema have none */

const char *const store_states[] = {"PENDING", "RUNNING", "PAUSED", "TERMINATED", "ERROR", NULL};
const char *const store_ends[] = {"completed", "early-stopped", "stopped", "failed",
                                  "duplicate", "void",          NULL};
const char *const store_actions[] = {"continue", "pause", "stop", "complete", NULL};
const char *const store_events[] = {
    "start",      "step-begin", "step-end", "added",   "trial-start", "restore", "result",
    "checkpoint", "save",       "pause",    "exploit", "retry",       "media",   "complete",
    "error",      "void",       "sync",     "end",     NULL,
};
const char *const store_checkpoint_states[] = {"kept", "deleted", "damaged", NULL};

/* What brings schema i to i + 1. Never change one that was released: append. */
static const char *const migrations[STORE_SCHEMA_VERSION] = {
    "CREATE TABLE fact ("
    " key TEXT PRIMARY KEY NOT NULL,"
    " value TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE trial ("
    " number INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL,"
    " name TEXT,"
    " tag TEXT,"
    " dir TEXT,"
    " state TEXT NOT NULL,"
    " outcome TEXT,"
    " config TEXT NOT NULL,"
    " x BLOB,"
    " ask INTEGER,"
    " origin INTEGER,"
    " extra TEXT,"
    " attempts INTEGER NOT NULL,"
    " failures INTEGER NOT NULL,"
    " reason TEXT,"
    " error TEXT,"
    " created_ns INTEGER,"
    " started_ns INTEGER,"
    " ended_ns INTEGER,"
    " results INTEGER NOT NULL,"
    " iteration INTEGER,"
    " time_total_s REAL,"
    " value REAL,"
    " best REAL,"
    " last_seq INTEGER,"
    " rung INTEGER,"
    " bracket INTEGER"
    ") STRICT;"

    "CREATE TABLE attempt ("
    " trial INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL,"
    " hostname TEXT,"
    " node_ip TEXT,"
    " pid INTEGER,"
    " start_iteration INTEGER,"
    " start_time_s REAL,"
    " start_timesteps INTEGER,"
    " started_ns INTEGER,"
    " ended_ns INTEGER,"
    " error TEXT,"
    " PRIMARY KEY (trial, attempt)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE result ("
    " seq INTEGER PRIMARY KEY,"
    " trial INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL,"
    " n INTEGER NOT NULL,"
    " iteration INTEGER,"
    " at_ns INTEGER,"
    " time_this_iter_s REAL,"
    " time_total_s REAL,"
    " timesteps_total INTEGER,"
    " episodes_total INTEGER,"
    " done INTEGER NOT NULL,"
    " value REAL,"
    " fields TEXT NOT NULL,"
    " action TEXT NOT NULL,"
    " rung INTEGER"
    ") STRICT;"
    "CREATE UNIQUE INDEX result_of_trial ON result (trial, attempt, n);"

    "CREATE TABLE event ("
    " seq INTEGER PRIMARY KEY,"
    " type TEXT NOT NULL,"
    " at_ns INTEGER,"
    " trial INTEGER,"
    " attempt INTEGER,"
    " text TEXT"
    ") STRICT;"

    "CREATE TABLE decider ("
    " slot TEXT PRIMARY KEY NOT NULL,"
    " plugin TEXT NOT NULL,"
    " version TEXT,"
    " state_version INTEGER NOT NULL,"
    " state BLOB NOT NULL"
    ") STRICT;"

    "CREATE TABLE cursor ("
    " slot TEXT PRIMARY KEY NOT NULL,"
    " seq INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    /* trial -1: a file of the experiment, since a key cannot be NULL. */
    "CREATE TABLE file ("
    " slot TEXT NOT NULL,"
    " trial INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " length INTEGER NOT NULL,"
    " PRIMARY KEY (slot, trial, name)"
    ") STRICT, WITHOUT ROWID;",

    "ALTER TABLE trial ADD COLUMN feasible INTEGER;"
    "ALTER TABLE result ADD COLUMN feasible INTEGER;"
    /* Counts, and the oldest that waits, without a look at each trial. */
    "CREATE INDEX IF NOT EXISTS trial_of_state ON trial (state);",

    "ALTER TABLE fact ADD COLUMN sum INTEGER;"
    "ALTER TABLE trial ADD COLUMN queued INTEGER;"
    "ALTER TABLE trial ADD COLUMN held INTEGER;"
    "ALTER TABLE trial ADD COLUMN source TEXT;"
    "ALTER TABLE trial ADD COLUMN replaced_by INTEGER;"
    "ALTER TABLE trial ADD COLUMN brief_sum INTEGER;"
    "ALTER TABLE trial ADD COLUMN sum INTEGER;"
    "ALTER TABLE attempt ADD COLUMN start_n INTEGER;"
    "ALTER TABLE attempt ADD COLUMN start_episodes INTEGER;"
    "ALTER TABLE attempt ADD COLUMN checkpoint INTEGER;"
    "ALTER TABLE attempt ADD COLUMN sum INTEGER;"
    "ALTER TABLE result ADD COLUMN sum INTEGER;"
    "ALTER TABLE event ADD COLUMN sum INTEGER;"
    "ALTER TABLE decider ADD COLUMN at_seq INTEGER;"
    "ALTER TABLE decider ADD COLUMN input INTEGER;"
    "ALTER TABLE decider ADD COLUMN sum INTEGER;"
    "ALTER TABLE cursor ADD COLUMN sum INTEGER;"
    "ALTER TABLE file ADD COLUMN sum INTEGER;"

    /* Rows stay when the archive is deleted, so that no number comes twice. */
    "CREATE TABLE checkpoint ("
    " id INTEGER PRIMARY KEY,"
    " trial INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL,"
    " n INTEGER NOT NULL,"
    " step INTEGER,"
    " iteration INTEGER,"
    " time_total_s REAL,"
    " timesteps_total INTEGER,"
    " episodes_total INTEGER,"
    " name TEXT NOT NULL,"
    " bytes INTEGER NOT NULL,"
    " sha256 TEXT NOT NULL,"
    " score REAL,"
    " state TEXT NOT NULL,"
    " at_ns INTEGER,"
    " sum INTEGER"
    ") STRICT;"
    "CREATE INDEX checkpoint_of_trial ON checkpoint (trial);"

    "CREATE TABLE input ("
    " number INTEGER PRIMARY KEY,"
    " slot TEXT NOT NULL,"
    " call TEXT NOT NULL,"
    " trial INTEGER,"
    " seq INTEGER,"
    " state INTEGER NOT NULL,"
    " why INTEGER NOT NULL,"
    " flags INTEGER NOT NULL,"
    " at_ns INTEGER,"
    " detail TEXT,"
    " sum INTEGER"
    ") STRICT;",
};

/* A row without a sum is damaged in all other stores. */
static gboolean
note_unsummed(PbxStore *store, int version, GError **error)
{
    g_autofree char *first = g_strdup_printf("%d", version);
    store->unsummed = version > 0 && version < SUMS_SINCE;
    return !store->unsummed || store_put_fact(store, STORE_FACT_FIRST_SCHEMA, first, error);
}

static gboolean
apply(PbxStore *store, GError **error)
{
    /* Read anew: of several who write without a driver another one may have been first. */
    int version = 0;
    if (!store_read_int(store, "PRAGMA user_version", &version, error))
        return FALSE;
    const int first = version;
    for (; version < STORE_SCHEMA_VERSION; version++)
        if (!store_exec(store, migrations[version], error))
            return FALSE;
    if (!note_unsummed(store, first, error))
        return FALSE;
    g_autofree char *numbers = g_strdup_printf("PRAGMA application_id = %d; "
                                               "PRAGMA user_version = %d",
                                               STORE_APPLICATION_ID, version);
    return store_exec(store, numbers, error);
}

gboolean
store_migrate(PbxStore *store, int version, GError **error)
{
    if (version >= STORE_SCHEMA_VERSION)
        return TRUE;
    if (store_begin(store, error) && apply(store, error) && store_commit(store, error))
        return TRUE;
    store_rollback(store);
    return FALSE;
}
