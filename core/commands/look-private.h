/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands share that look at an experiment: opening it, its rows as JSON, and its
 * templates filled in for a trial. */
#pragma once

#include "commands/commands.h"
#include "expression/expression.h"
#include "space/space.h"
#include "store/store.h"
#include "json/json.h"

/* An experiment that is looked at. */
typedef struct {
    char *dir; /* absolute */
    char *name;
    char *id;         /* experiment_id */
    char *metric;     /* NULL: none is named; of several the first */
    int sign;         /* +1 min, -1 max; 0: no metric */
    char **metrics;   /* of several all, NULL-ended; NULL: there are not several */
    int *signs;       /* ... and their signs */
    JsonNode *spec;   /* NULL: there is none, or it cannot be read */
    gboolean running; /* its driver was there when it was opened */
    PbxStore *store;
} PbxLook;

/* EXP as command_find_experiment takes it. FALSE: told, and *status is the command's. */
gboolean look_open(PbxLook *look, const char *exp, int *status);
/* The same for a directory, without a word. */
gboolean look_open_dir(PbxLook *look, const char *dir, GError **error);
void look_clear(PbxLook *look);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PbxLook, look_clear)

/* Tells an error of the store; the command's exit status. */
int look_failed(const GError *error);
/* The trial that TRIAL names. NULL: told, and *status is the command's. (transfer full) */
PbxTrialRow *look_trial(PbxLook *look, const char *trial, int *status);
/* The metric that is asked for: an option over what the experiment says (NULL: not given), and
 * its sign. FALSE: told, also where several are named and none is asked for. *metric is borrowed.
 */
gboolean look_metric(const PbxLook *look, const char *metric_option, const char *mode_option,
                     const char **metric, int *sign);
/* "running", "done", "interrupted", "failed": one whose driver is gone from this host is
 * interrupted. (transfer full) */
char *look_status(PbxLook *look);
/* The trial's state; RUNNING is PENDING where nothing runs any more: its driver was killed. */
int look_state(const PbxLook *look, const PbxTrialRow *trial);

/* ---- Rows, for table_print ---- */

/* What a trial's row has only where it is wanted, as its results must be read for it. */
enum {
    LOOK_LAST_RESULT = 1, /* "last_result", with all auto-filled fields */
    LOOK_ANALYSIS = 2,    /* "analysis", as analysis_of_trial */
    LOOK_CHECKPOINTS = 4, /* "checkpoints" that are kept */
};
/* What the options of a listing want of these. */
guint look_wanted(const PbxTableOptions *options);
/* A trial. NULL with error. (transfer full) */
JsonNode *look_trial_row(PbxLook *look, const PbxTrialRow *trial, guint wanted, GError **error);
/* Whether a trial's row has its metric's last value under this name. */
gboolean look_is_metric_column(const PbxLook *look, const char *name);
/* A result with its auto-filled fields, attempt, n and the decision on it. NULL with error.
 * (transfer full) */
JsonNode *look_result_row(PbxLook *look, const PbxTrialRow *trial, const PbxResultRow *result,
                          GError **error);
/* The names of the checkpoints that a trial has kept, by the `n` of the result before them
 * (guint64). NULL with error. (transfer full) */
GHashTable *look_checkpoints(PbxLook *look, guint64 trial, GError **error);
/* Where the archive of one is. (transfer full) */
char *look_checkpoint_path(const PbxLook *look, const PbxTrialRow *trial,
                           const PbxCheckpointRow *row);
/* The same for `export`, with its trial's number and state; result NULL: of the trial its config
 * alone. NULL with error. (transfer full) */
JsonNode *look_export_row(PbxLook *look, const PbxTrialRow *trial, const PbxResultRow *result,
                          GError **error);
/* "2026-01-31 12:00:00", local; NULL for an unknown time. (transfer full) */
char *look_time(gint64 ns);
/* Sets a member; NULL, a negative number or NaN is null. */
void look_set_text(JsonObject *object, const char *name, const char *text);
void look_set_int(JsonObject *object, const char *name, gint64 value);
void look_set_double(JsonObject *object, const char *name, double value);
/* The metric's value under its own name, where nothing else has it. */
void look_set_metric(JsonObject *object, const char *metric, double value);
/* The array of rows that table_print takes. (transfer full) */
GPtrArray *look_rows_new(void);

/* Paths of the values in objects, each once, in the order of their coming. */
typedef struct {
    GPtrArray *paths;  /* char * */
    GHashTable *known; /* the same, as a set */
} PbxLeaves;
void leaves_init(PbxLeaves *leaves);
void leaves_clear(PbxLeaves *leaves);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PbxLeaves, leaves_clear)
/* Adds those of an object that are new: keys joined by `delimiter`, after `prefix`. */
void leaves_add(PbxLeaves *leaves, JsonNode *object, const char *prefix, const char *delimiter);

/* Whether its spec has `constraints`. */
gboolean look_has_constraints(const PbxLook *look);
/* The usual columns of trials, and `more` (NULL: none) before the metric: of the config what
 * varies. A narrow terminal hides the last ones. (transfer full) */
char **look_trial_columns(PbxLook *look, const char *more);

/* The space of the spec; NULL: it has none that can be read. It lives in *doc and
 * `sandbox`. (transfer full) */
PbxSpace *look_space(PbxLook *look, PbxSandbox *sandbox, PbxDoc **doc);

/* ---- The spec's templates ---- */

/* The command line of a trial: the `command` of its trainable filled in and quoted for a
 * POSIX shell, after its directory and environment. NULL with error. (transfer full) */
char *look_command_line(PbxLook *look, const PbxTrialRow *trial, GError **error);
/* Where its standard output and standard error went, absolute; both the same, or NULL where
 * log_to_file is false. */
gboolean look_log_files(PbxLook *look, const PbxTrialRow *trial, char **out, char **err,
                        GError **error);
