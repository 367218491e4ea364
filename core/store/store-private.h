/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of store/ share. */
#pragma once

#include <sqlite3.h>
#include <sys/types.h>

#include "store/store.h"

/* "pgbx": tells an experiment.db from any other SQLite file. */
#define STORE_APPLICATION_ID 0x70676278

typedef enum {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_PUT_TRIAL,
    STATEMENT_PUT_ATTEMPT,
    STATEMENT_PUT_RESULT,
    STATEMENT_DECIDE,
    STATEMENT_PUT_EVENT,
    STATEMENT_PUT_BLOB,
    STATEMENT_PUT_FACT,
    STATEMENT_PUT_CURSOR,
    STATEMENT_PUT_FILE,
    STATEMENT_PUT_CHECKPOINT,
    STATEMENT_PUT_INPUT,
    STATEMENT_DROP_INPUTS,
    STATEMENT_DROP_FILES,
    STATEMENT_FACT,
    STATEMENT_BLOB,
    STATEMENT_CURSOR,
    STATEMENT_FILE,
    STATEMENT_FILES,
    STATEMENT_LAST_SEQ,
    STATEMENT_DATA_VERSION,
    STATEMENT_TRIAL,
    STATEMENT_TRIAL_BY_ID,
    STATEMENT_TRIAL_BY_NAME,
    STATEMENT_ATTEMPT,
    STATEMENT_RESULT,
    STATEMENT_EVENTS,
    STATEMENT_RESULTS,
    STATEMENT_N_TRIALS,
    STATEMENT_NEXT_ASK,
    STATEMENT_OLDEST,
    STATEMENT_OF_CONFIG,
    STATEMENT_CHECKPOINT,
    STATEMENT_CHECKPOINTS,
    STATEMENT_CHECKPOINTS_OF_TRIAL,
    STATEMENT_INPUTS,
    N_STATEMENTS
} PbxStatement;

struct PbxStore {
    sqlite3 *db;
    char *path; /* of experiment.db */
    gboolean writable;
    gboolean network;  /* a rollback journal instead of the WAL */
    gboolean holes;    /* rows are missing, and a repair has said so */
    gboolean unsummed; /* an older schema made it: rows of that time have no sum */
    dev_t device;      /* the writer's: which file experiment.db is */
    ino_t inode;
    sqlite3_stmt *statements[N_STATEMENTS]; /* prepared at first use */
};

/* Sets the error to "PATH: what SQLite says"; always FALSE. */
gboolean store_fail(PbxStore *store, GError **error);
/* The statement `which`, whose text is `sql`: prepared once, then reset and unbound by
 * store_done. NULL with error. */
sqlite3_stmt *store_statement(PbxStore *store, PbxStatement which, const char *sql, GError **error);
void store_done(sqlite3_stmt *statement);
/* Runs a statement that gives no rows. */
gboolean store_run(PbxStore *store, sqlite3_stmt *statement, GError **error);
gboolean store_exec(PbxStore *store, const char *sql, GError **error);
/* The number in the one row of a statement. */
gboolean store_read_int(PbxStore *store, const char *sql, int *value, GError **error);

/* A writer notes which file it has opened, for store_check_place. */
/* Removes one that never held an experiment. */
void store_remove_unbegun(const char *dir);
void store_note_place(PbxStore *store);

/* Leaves what a killed driver has left in the log: only a driver, which looks at the log first,
 * brings that into the database. */
void store_close_reader(sqlite3 *db, const char *path);

/* Opened to be written, whatever is in it: it may be damaged, older or none at all. */
PbxStore *store_open_unchecked(const char *dir, GError **error);

/* As store_attempt, but FALSE without error where there is none. */
gboolean store_find_attempt(PbxStore *store, guint64 trial, guint attempt, PbxAttemptRow *row,
                            GError **error);

/* The fact that a store which was made without sums has: the schema that it began with. */
#define STORE_FACT_FIRST_SCHEMA "first_schema"
/* Brings a new or older database to STORE_SCHEMA_VERSION. */
gboolean store_migrate(PbxStore *store, int version, GError **error);

/* The words that the tables hold for the ABI's numbers; NULL-ended. */
extern const char *const store_states[],
    *const store_ends[], *const store_actions[], *const store_events[],
                                                     *const store_checkpoint_states[];

/* Whether statfs's f_type is that of a network file system, where the WAL's shared memory
 * does not work. */
gboolean store_is_network_type(guint64 type);

/* The columns of each table in their order, the sum of the others last, and how many are summed. */
#define STORE_FACT_COLUMNS "key, value, sum"
#define STORE_FACT_SUMMED  2
#define STORE_TRIAL_COLUMNS                                                                        \
    "number, id, name, tag, dir, state, outcome, config, x, ask, origin, extra, attempts, "        \
    "failures, reason, error, created_ns, started_ns, ended_ns, results, iteration, "              \
    "time_total_s, value, best, last_seq, rung, bracket, feasible, queued, held, source, "         \
    "replaced_by, brief_sum, sum"
#define STORE_TRIAL_SUMMED 33
/* What is asked of all trials at once has a sum of its own. */
#define STORE_BRIEF_COLUMNS                                                                        \
    "number, state, outcome, failures, ended_ns, value, best, feasible, brief_sum"
#define STORE_BRIEF_SUMMED 8
#define STORE_ATTEMPT_COLUMNS                                                                      \
    "trial, attempt, hostname, node_ip, pid, start_iteration, start_time_s, start_timesteps, "     \
    "started_ns, ended_ns, error, start_n, start_episodes, checkpoint, sum"
#define STORE_ATTEMPT_SUMMED 14
#define STORE_RESULT_COLUMNS                                                                       \
    "seq, trial, attempt, n, iteration, at_ns, time_this_iter_s, time_total_s, "                   \
    "timesteps_total, episodes_total, done, value, fields, action, rung, feasible, sum"
#define STORE_RESULT_SUMMED   16
#define STORE_EVENT_COLUMNS   "seq, type, at_ns, trial, attempt, text, sum"
#define STORE_EVENT_SUMMED    6
#define STORE_DECIDER_COLUMNS "slot, plugin, version, state_version, state, at_seq, input, sum"
#define STORE_DECIDER_SUMMED  7
#define STORE_CURSOR_COLUMNS  "slot, seq, sum"
#define STORE_CURSOR_SUMMED   2
#define STORE_FILE_COLUMNS    "slot, trial, name, length, sum"
#define STORE_FILE_SUMMED     4
#define STORE_CHECKPOINT_COLUMNS                                                                   \
    "id, trial, attempt, n, step, iteration, time_total_s, timesteps_total, episodes_total, "      \
    "name, bytes, sha256, score, state, at_ns, sum"
#define STORE_CHECKPOINT_SUMMED 15
#define STORE_INPUT_COLUMNS     "number, slot, call, trial, seq, state, why, flags, at_ns, detail, sum"
#define STORE_INPUT_SUMMED      10
