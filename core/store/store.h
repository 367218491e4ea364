/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store, experiment.db: the one source of truth. One writer (the driver) or any
 * number of readers. Everything that happened is here before it is acted upon.
 */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

/* A store belongs to one thread; another thread opens its own. */
typedef struct PbxStore PbxStore;

#define PBX_STORE_ERROR (store_error_domain())
GQuark store_error_domain(void);
enum {
    STORE_ERROR_EXISTS,  /* create: an experiment is already there */
    STORE_ERROR_NONE,    /* open: there is none */
    STORE_ERROR_SCHEMA,  /* newer than this program, or not a store */
    STORE_ERROR_OLDER,   /* written by an older program, and it cannot be brought up to date */
    STORE_ERROR_LOCKED,  /* a driver holds it */
    STORE_ERROR_IO,      /* SQLite says no: disk full, ... */
    STORE_ERROR_LOST,    /* an fsync failed: what was committed may be on the disk or not */
    STORE_ERROR_DAMAGED, /* SQLite cannot read it, or a row has not its sum: `pegbox repair` */
};

#define STORE_SCHEMA_VERSION 3

/* The `reason` of a trial that somebody asked for, while it runs; nothing else has it. */
#define STORE_REASON_ASKED "asked"
/* The same of one that is PAUSED because a person holds it, or the experiment. */
#define STORE_REASON_PAUSED "paused by a user"
/* That of one that somebody ended. */
#define STORE_REASON_USER "stopped by a user"
/* That of one whose trainable is done, and saved, while its worker lives. */
#define STORE_REASON_DONE "done"
/* That of one that ran when its driver ended, while it waits for the next. */
#define STORE_REASON_INTERRUPTED "interrupted"

/* -1 in a gint64, NaN in a double, NULL in a pointer: unknown or none (SQL NULL). */

/* Whether a result keeps the constraints. */
typedef enum {
    FEASIBLE_NONE, /* there are no constraints */
    FEASIBLE_YES,
    FEASIBLE_NO,
} PbxFeasible;

typedef struct {
    guint64 number;
    char *id, *name, *tag, *dir; /* dir: relative to the experiment's */
    guint state;                 /* PBX_STATE_* of pegbox/types.h */
    int end;                     /* PBX_END_*; -1: not ended */
    char *config;                /* canonical JSON text */
    double *x;                   /* [n_dims], stored as a blob of little-endian doubles */
    guint n_dims;
    guint64 ask, origin;
    char *extra;    /* JSON text or NULL */
    guint attempts; /* starts of a worker */
    guint failures;
    char *reason;                            /* why it ended or waits: one line, or NULL */
    char *error;                             /* of the last failure, or NULL */
    gint64 created_ns, started_ns, ended_ns; /* wall clock */
    guint64 n_results;
    gint64 iteration; /* of the last result; -1: none */
    double time_total_s;
    double value;         /* last value of the (first) metric; NaN */
    double best;          /* best value of it so far, in a feasible result; NaN */
    guint64 last_seq;     /* of the last result; 0: none */
    guint rung, bracket;  /* of its last decision; G_MAXUINT32: none */
    PbxFeasible feasible; /* the result that `value` is from; without a metric the last one */
    guint64 queued;       /* `seq` when it last began to wait: those that wait are in this order */
    gboolean held;        /* the user holds it: only the user lets it go on */
    char *source;         /* what it was restored from, or NULL */
    guint64 replaced_by;  /* number of the trial that was made anew in its place; 0: none was */
} PbxTrialRow;
void trial_row_clear(PbxTrialRow *row);
void trial_row_free(PbxTrialRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxTrialRow, trial_row_free)
/* A deep copy. (transfer full) */
PbxTrialRow *trial_row_copy(const PbxTrialRow *row);

/* One start of a worker for a trial: what is the same in all its results. */
typedef struct {
    guint64 trial;
    guint attempt; /* from 1 */
    char *hostname, *node_ip;
    gint64 pid;             /* of the program or worker */
    gint64 start_iteration; /* training_iteration that it started from */
    double start_time_s;    /* time_total_s that it started from */
    gint64 start_timesteps; /* -1: none */
    gint64 started_ns, ended_ns;
    char *error;           /* NULL: it did not fail */
    guint64 start_n;       /* of the checkpoint that it started from; 0: from scratch */
    gint64 start_episodes; /* -1: none */
    guint64 checkpoint;    /* its id; 0: from scratch */
} PbxAttemptRow;
void attempt_row_clear(PbxAttemptRow *row);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PbxAttemptRow, attempt_row_clear)

/* One result: only what differs from report to report. */
typedef struct {
    guint64 seq; /* its event's number */
    guint64 trial;
    guint attempt;
    guint64 n; /* in the trial, from 1 */
    gint64 iteration;
    gint64 at_ns; /* wall clock, on the worker */
    double time_this_iter_s, time_total_s;
    gint64 timesteps_total, episodes_total; /* -1: never reported */
    gboolean done;
    double value; /* of the first metric, NaN: none */
    char *fields; /* canonical JSON object of what the trainable reported */
    guint action; /* PBX_ACTION_*, decided on it */
    guint rung;   /* G_MAXUINT32: none */
    PbxFeasible feasible;
} PbxResultRow;
void result_row_clear(PbxResultRow *row);
void result_row_free(PbxResultRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxResultRow, result_row_free)

/* Something that happened. */
typedef struct {
    guint64 seq;
    guint type;    /* PBX_EVENT_* */
    gint64 at_ns;  /* wall clock */
    guint64 trial; /* G_MAXUINT64: the experiment's */
    guint attempt;
    char *text; /* NULL: nothing */
} PbxEventRow;

typedef enum {
    CHECKPOINT_KEPT,
    CHECKPOINT_DELETED, /* its archive is gone, or goes; rows stay */
    CHECKPOINT_DAMAGED, /* its archive is not what was written, or is missing */
    N_CHECKPOINT_STATES
} PbxCheckpointState;

/* An archive of a trial's state. */
typedef struct {
    guint64 id; /* from 1, never used twice */
    guint64 trial;
    guint attempt;
    guint64 n;   /* of the last result before it; 0: none */
    gint64 step; /* as the trainable gave it; -1: it did not */
    gint64 iteration;
    double time_total_s;
    gint64 timesteps_total, episodes_total; /* -1: never reported */
    char *name;                             /* in the trial's directory, or an absolute path */
    guint64 bytes;                          /* of the archive */
    char *sha256;                           /* of the archive: 64 hex digits */
    double score;                           /* score_attribute then; NaN: none */
    PbxCheckpointState state;
    gint64 at_ns; /* wall clock */
} PbxCheckpointRow;
void checkpoint_row_clear(PbxCheckpointRow *row);
void checkpoint_row_free(PbxCheckpointRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxCheckpointRow, checkpoint_row_free)
PbxCheckpointRow *checkpoint_row_copy(const PbxCheckpointRow *row); /* (transfer full) */

/* A call that changed a decider since its state was stored. What a call does not have is 0. */
typedef struct {
    guint64 number; /* over all slots, ascending */
    char *slot, *call;
    guint64 trial; /* G_MAXUINT64: none */
    guint64 seq;   /* of the result; 0: none */
    guint state, why, flags;
    gint64 at_ns; /* the clock that it saw */
    char *detail; /* JSON text or NULL */
} PbxInputRow;

/* The state_version of a state that there was, and that a repair had to leave out. */
#define STATE_LOST 0

/* What is known of a stored state. */
typedef struct {
    char *plugin, *version;
    guint32 state_version; /* as the plugin has it, from 1; or STATE_LOST */
    guint64 at_seq;        /* the last event that it knows of */
    guint64 input;         /* the last input that it knows of */
} PbxBlobFacts;
void blob_facts_clear(PbxBlobFacts *facts);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PbxBlobFacts, blob_facts_clear)

/* ---- Opening ---- */

/* Makes DIR/experiment.db (DIR exists), in place of one that never held an experiment: DIR's lock
 * is held. full: durability. (transfer full) */
PbxStore *store_create(const char *dir, gboolean full, GError **error);
/* FALSE: there is none, or one that a driver left before it had begun. Where the store alone is
 * gone or empty there is one, which cannot be read. */
gboolean store_has_begun(const char *dir);
/* What `repair` moves a store to; "_2" and so on where that is taken. */
#define STORE_DAMAGED "experiment.db.damaged"
/* Opens one; read-only for everybody but the driver. One that an older program has written is
 * brought up to date first. (transfer full) */
PbxStore *store_open(const char *dir, gboolean writable, GError **error);
/* What its commits wait for from now on: the disk, or not. Outside a transaction; the next to open
 * it goes by the fact `durability`. */
gboolean store_set_durability(PbxStore *store, gboolean full, GError **error);
/* Checkpoints the WAL where it was writable. */
void store_close(PbxStore *store);
/* Whether it lies on a network file system: then it has a rollback journal, and each commit
 * waits for the disk. */
gboolean store_on_network(const PbxStore *store);
/* The same for one that were made in a directory, which need not be there yet. */
gboolean store_would_be_on_network(const char *dir);
/* Whether experiment.db is still the file that was opened to be written. */
gboolean store_is_in_place(const PbxStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxStore, store_close)

/* ---- Writing: all between begin and commit; FALSE: the run cannot go on ---- */

gboolean store_begin(PbxStore *store, GError **error);
gboolean store_commit(PbxStore *store, GError **error);
void store_rollback(PbxStore *store);
gboolean store_in_transaction(const PbxStore *store);
/* Makes what was committed survive a power cut (a passive WAL checkpoint). */
gboolean store_make_durable(PbxStore *store, GError **error);

/* Whether DIR/experiment.db is still the file that was opened. Where it was removed or replaced,
 * what was committed is written anew, beside what is there, and the error says where. */
gboolean store_check_place(PbxStore *store, GError **error);

gboolean store_put_trial(PbxStore *store, const PbxTrialRow *row,
                         GError **error); /* insert or update */
gboolean store_put_attempt(PbxStore *store, const PbxAttemptRow *row, GError **error);
gboolean store_put_result(PbxStore *store, const PbxResultRow *row, GError **error);
/* The same again, with what was decided since. */
gboolean store_decide(PbxStore *store, const PbxResultRow *row, GError **error);
gboolean store_put_event(PbxStore *store, const PbxEventRow *row, GError **error);
/* The state of the decider in `slot`, as its plugin's save wrote it. */
gboolean store_put_blob(PbxStore *store, const char *slot, const PbxBlobFacts *facts,
                        gconstpointer bytes, gsize n, GError **error);
/* A call to the decider in row->slot; row->number is store_last_input + 1. */
gboolean store_put_input(PbxStore *store, const PbxInputRow *row, GError **error);
gboolean store_drop_inputs(PbxStore *store, const char *slot, guint64 upto, GError **error);
/* Insert or update; a new one has store_last_checkpoint + 1 as its id. */
gboolean store_put_checkpoint(PbxStore *store, const PbxCheckpointRow *row, GError **error);
/* Facts of the experiment by key: "experiment_id", "name", "seed", "spec", "status",
 * "metric", "mode", "started_ns", "ended_ns", "driver" ... */
gboolean store_put_fact(PbxStore *store, const char *key, const char *value, GError **error);
/* How far a logger has read, and the length of a file that it wrote (none stores that yet). */
gboolean store_put_cursor(PbxStore *store, const char *slot, guint64 seq, GError **error);
gboolean store_put_file(PbxStore *store, const char *slot, guint64 trial, const char *name,
                        guint64 length, GError **error);

/* ---- Reading ---- */

char *store_fact(PbxStore *store, const char *key); /* (transfer full) or NULL */
guint64 store_last_seq(PbxStore *store);
/* A number that is another one after somebody else has written; -1: it cannot be read. */
int store_data_version(PbxStore *store);
gboolean store_counts(PbxStore *store, guint64 counts[5], GError **error);
guint64 store_n_trials(PbxStore *store); /* which is the next one's number */
guint64 store_next_ask(PbxStore *store); /* behind the last trial's that the search proposed */

/* Calls back for each row in order until FALSE; the row is the callback's to read only. */
typedef gboolean (*PbxTrialFunc)(const PbxTrialRow *row, gpointer user);
typedef gboolean (*PbxResultFunc)(const PbxResultRow *row, gpointer user);
/* result: that of a result's event, else NULL. */
typedef gboolean (*PbxEventFunc)(const PbxEventRow *row, const PbxResultRow *result, gpointer user);
gboolean store_each_trial(PbxStore *store, PbxTrialFunc func, gpointer user, GError **error);
/* The same in the order of a column for which store_sorts_by is TRUE, at most `limit` (0: all):
 * what is missing or not finite comes last, whichever the direction, and of equal ones the lowest
 * number first. */
gboolean store_sorts_by(const char *column);
gboolean store_each_trial_by(PbxStore *store, const char *column, gboolean descending, guint limit,
                             PbxTrialFunc func, gpointer user, GError **error);
/* The metric's last and best value (NaN: none) of all trials but void ones, in order: far
 * cheaper than whole rows. */
typedef struct {
    guint64 trial;
    double value, best;   /* as in PbxTrialRow */
    PbxFeasible feasible; /* ... */
} PbxScoreRow;
typedef gboolean (*PbxScoreFunc)(const PbxScoreRow *row, gpointer user);
gboolean store_each_score(PbxStore *store, PbxScoreFunc func, gpointer user, GError **error);
/* What was run again after a restore is left out. Not from within its own callback. */
gboolean store_each_result(PbxStore *store, guint64 trial, PbxResultFunc func, gpointer user,
                           GError **error);
/* Events with seq > after, at most `limit`. The callback asks for no events itself. */
gboolean store_each_event(PbxStore *store, guint64 after, guint limit, PbxEventFunc func,
                          gpointer user, GError **error);
/* NULL without error: no such row. (transfer full) */
PbxTrialRow *store_trial(PbxStore *store, guint64 number, GError **error);
/* The number of the first trial with exactly this config, canonical JSON. FALSE without error:
 * there is none. Looks at all of them. */
gboolean store_trial_of_config(PbxStore *store, const char *config, guint64 *number,
                               GError **error);
/* The oldest trial in a state, enqueued ones first; NULL without error: none is. (transfer full) */
PbxTrialRow *store_oldest_trial(PbxStore *store, guint state, GError **error);
/* TRIAL of the commands: a number, an id or a name. (transfer full) */
PbxTrialRow *store_find_trial(PbxStore *store, const char *trial, GError **error);
/* Whoever asks for one knows of it by another row: that there is none is an error too. */
gboolean store_attempt(PbxStore *store, guint64 trial, guint attempt, PbxAttemptRow *row,
                       GError **error);
PbxResultRow *store_result(PbxStore *store, guint64 seq, GError **error);
/* What store_put_blob wrote last for a slot; NULL without error: nothing. facts may be NULL.
 * (transfer full) */
GBytes *store_blob(PbxStore *store, const char *slot, PbxBlobFacts *facts, GError **error);
/* Inputs of a slot with a number > after, in order. */
typedef gboolean (*PbxInputFunc)(const PbxInputRow *row, gpointer user);
gboolean store_each_input(PbxStore *store, const char *slot, guint64 after, PbxInputFunc func,
                          gpointer user, GError **error);
/* The highest number that an input has or had; 0: there was none. */
guint64 store_last_input(PbxStore *store);
/* The checkpoints of a trial (G_MAXUINT64: of all), in the order of their ids. */
typedef gboolean (*PbxCheckpointFunc)(const PbxCheckpointRow *row, gpointer user);
gboolean store_each_checkpoint(PbxStore *store, guint64 trial, PbxCheckpointFunc func,
                               gpointer user, GError **error);
/* NULL without error: no such row. (transfer full) */
PbxCheckpointRow *store_checkpoint(PbxStore *store, guint64 id, GError **error);
guint64 store_last_checkpoint(PbxStore *store); /* the highest id; 0: there is none */
/* How long the archives of all that are kept are together. */
gboolean store_checkpoint_bytes(PbxStore *store, guint64 *bytes, GError **error);
/* What store_put_cursor and store_put_file wrote last; 0: nothing. */
guint64 store_cursor(PbxStore *store, const char *slot);
guint64 store_file(PbxStore *store, const char *slot, guint64 trial, const char *name);
/* All of a slot's files; not from within its own callback. */
typedef gboolean (*PbxFileFunc)(guint64 trial, const char *name, guint64 length, gpointer user);
gboolean store_each_file(PbxStore *store, const char *slot, PbxFileFunc func, gpointer user,
                         GError **error);
/* Those of a trial go; all that is stored of a slot, and of those below it, goes. */
gboolean store_drop_files(PbxStore *store, const char *slot, guint64 trial, GError **error);
gboolean store_drop_slot(PbxStore *store, const char *slot, GError **error);

/* "RUNNING" of a PBX_STATE_*, "early-stopped" of a PBX_END_* (-1: NULL), as the tables have
 * them. */
const char *store_state_name(guint state);
const char *store_end_name(int end);
const char *store_action_name(guint action); /* "stop" of a PBX_ACTION_* */

/* ---- The whole result ---- */

/*
 * Appends the canonical JSON object of a result with its auto-filled fields (Tune's
 * names), in a fixed order: the trainable's fields first, then the others, config and
 * trial_id last. A field that the trainable reported itself wins, but for a `done` of false
 * in the result that ended the trial (result->done). What is unknown is null.
 */
void store_result_text(GString *out, const PbxTrialRow *trial, const PbxAttemptRow *attempt,
                       const PbxResultRow *result, const char *experiment_id);
/* A field that is a number, where the row alone tells. FALSE: look into the whole result. */
gboolean store_result_number(const PbxResultRow *result, const char *name, double *value);
/* The value of a metric in a result: a reported field by its name or path, else one of the
 * auto-filled numbers. FALSE: it lacks it. NaN and infinite where so reported. */
gboolean store_result_value(const PbxResultRow *result, const char *metric, double *value);
/* Auto-filled fields that are numbers and may be asked for as metrics; NULL-ended. */
extern const char *const store_auto_filled[];

/* ---- Several metrics ---- */

/* Those that a spec as resolved names, and their signs. FALSE: one or none. (transfer full) */
gboolean store_objectives(JsonNode *spec, char ***metrics, int **signs);

/* The trials that no other is better than in all metrics at once, by their last results. */
typedef struct {
    GArray *trials;       /* guint64: the best by the first metric first; equal ones by number */
    guint64 n_points;     /* trials with a finite value of each, which keep the constraints */
    guint64 n_infeasible; /* ... and those that do not */
} PbxFront;
void front_clear(PbxFront *front);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PbxFront, front_clear)
/* Of all trials whatever their states, but void ones. metrics: NULL-ended, each with its sign. */
gboolean store_front(PbxStore *store, const char *const *metrics, const int *signs, PbxFront *front,
                     GError **error);
