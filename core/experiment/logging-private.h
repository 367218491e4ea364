/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What logging.c (the threads) and log-files.c (files/1) share. */
#pragma once

#include "experiment/runner-private.h"

/* Writes to be done, in order. */
typedef struct {
    guint64 trial;
    char *name;
    gboolean replace;
    GByteArray *bytes;
} PbxFileRequest;

/* How long a file is, as far as the logger's cursor goes. */
typedef struct {
    guint64 trial;
    char *name;
    guint64 length;
    gboolean settled; /* it is that long */
    gboolean changed; /* since log_files_take_changed */
} PbxLogFile;

/* A directory with the files in it that are written. */
typedef struct {
    char *path;        /* absolute */
    GHashTable *files; /* name -> PbxLogFile* */
} PbxLogDir;

/* The files of one logger; used on its thread. */
typedef struct {
    char *experiment_dir; /* NULL: not made yet */
    GHashTable *dirs;     /* number -> PbxLogDir* of a trial, and of the experiment */
    GPtrArray *requests;  /* PbxFileRequest* */
    guint mark;           /* requests of the calls before this one */
    GHashTable *dropped;  /* "TRIAL/NAME" of files that cannot be written: left out */
    void (*warn)(const char *message, gpointer user);
    gpointer warn_user;
    GPtrArray *changed; /* PbxLogFile* */
    guint64 upto;       /* the seq whose files are being written */
    GArray *kept; /* PbxOldVersion: versions that were replaced since the store knew of them */
    /* Of an experiment that went on: */
    gboolean resumed;
    guint64 n_before;      /* trials with a lower number were there already; */
    GHashTable *unsettled; /* of these, guint64*: what may be longer than the cursor knows */
} PbxLogFiles;

extern const pbx_files log_files_service;

/* warn: told once of each file that cannot be written, and is left out from then on. */
void log_files_init(PbxLogFiles *files, void (*warn)(const char *message, gpointer user),
                    gpointer warn_user);
void log_files_clear(PbxLogFiles *files);
/* Where a trial's files go. */
void log_files_trial(PbxLogFiles *files, guint64 trial, const char *dir);
/* Forgets an ended trial's. */
void log_files_forget(PbxLogFiles *files, guint64 trial);
/* The directory of a trial, of the experiment (PBX_NONE); NULL: it is not known. */
PbxLogDir *log_files_dir(PbxLogFiles *files, guint64 trial);
/* A call begins; what it asked for is taken back where it fails. */
void log_files_mark(PbxLogFiles *files);
void log_files_undo(PbxLogFiles *files);
/* Performs what was asked for. A file that cannot be written is left out; on an error that is
 * not the file's (a full disk) what is left stays for the next try. */
gboolean log_files_perform(PbxLogFiles *files, GError **error);

/* ---- log-lengths.c: nothing is doubled or lost by a crash ---- */

/* A version that was replaced: kept until the store has the cursor behind it. */
typedef struct {
    char *path;
    guint64 upto;
} PbxOldVersion;

void log_file_free(gpointer file);
void log_dir_free(gpointer dir);
/* Before a file is read or written for the first time: it becomes what it was at the cursor. */
void log_files_settle(PbxLogFiles *files, guint64 trial, const char *name);
/* It is so long now. */
void log_files_note(PbxLogFiles *files, guint64 trial, const char *name, guint64 length);
/* Whether the file is these bytes already. */
gboolean log_files_is(const char *path, const GByteArray *bytes);
/* Keeps the version that is about to be replaced, where the store may know of it. */
void log_files_keep(PbxLogFiles *files, guint64 trial, const char *name, const char *path);
/* The store has the cursor at `upto`: what was kept until then goes. */
void log_files_let_go(PbxLogFiles *files, guint64 upto);
/* PbxLogFile* (copies): those whose length has changed since it was asked for last. (transfer
 * full) */
GPtrArray *log_files_take_changed(PbxLogFiles *files);
/* The store has it with so much. */
void log_files_expect(PbxLogFiles *files, guint64 trial, const char *name, guint64 length);
/* What a driver that is gone kept of a file comes back, where the cursor is not behind its
 * replacement; what else it kept in the directory goes. */
void log_files_restore_kept(const char *dir, const char *name, guint64 cursor);
void log_files_purge_kept(const char *dir);
/* Whether it is the name of one file, which lies in no other directory. */
gboolean log_file_is_name(const char *name);

/* A trial as its events need it; dropped when it has ended. */
typedef struct {
    PbxTrialRow *row;
    PbxAttemptRow attempt;
    gboolean reported; /* the attempt's row was read after its first result */
    JsonNode *config;
    char *dir, *location;
    guint n_checkpoints; /* that it has saved so far */
} PbxLogTrial;

typedef struct {
    PbxRunner *runner;
    PbxInstance *instance;
    const pbx_logger *vtable;
    GThread *thread;
    PbxStore *store; /* this thread's own */
    PbxLogFiles files;
    GHashTable *trials; /* number -> PbxLogTrial* */
    pbx_problem *problem;
    guint errors; /* in a row */
    char *said;   /* the last of them */
    guint batch;  /* events at a time: fewer for a slow one */
    GArray
        *over; /* guint64: trials that have ended, as far as the cursor goes, and are to be told */
    gint64 published_us; /* when it was published last */
    /* shared, under the logging's lock */
    guint64 cursor;
    gboolean finished; /* its thread has nothing more to do */
    /* What it published last, to be stored with the next commit: of one moment. */
    guint64 published, stored, committed; /* the cursor */
    GPtrArray *lengths;                   /* PbxLogFile* */
    GArray *ended;                        /* guint64: trials that need no lengths any more */
    GBytes *blob;                         /* NULL: it has no state, or none that is new */
    /* the loop's */
    GHashTable *rows; /* guint64*: trials of which the store has lengths */
} PbxLogger;

struct PbxLogging {
    PbxRunner *runner;
    GMutex lock;
    GCond changed; /* there is more, or it closes; */
    GCond ends;    /* it closes */
    guint64 committed;
    gboolean started;
    gboolean closing;
    gboolean given_up; /* threads end as soon as they can */
    gboolean closed;
    GPtrArray *loggers;
};

/* The logger's snapshot is to be stored: with `all`, whenever the last one was. Its thread. */
void logger_publish(PbxLogger *logger, gboolean all);
void logger_clear_published(PbxLogger *logger);
/* Stores the state that a logger has now, before its thread runs; in the transaction. */
gboolean logger_store_state(PbxRunner *runner, PbxLogger *logger, GError **error);

/* One event with all that it points to. */
typedef struct {
    pbx_event abi;
    pbx_trial trial;
    pbx_result result;
    pbx_checkpoint checkpoint;
    char *path, *sha256; /* of the checkpoint */
    GString *text;
    PbxLazyJson fields;
    char *note, *location;
    guint64 number;
} PbxLogEvent;

/* What the callbacks of one read gather. */
typedef struct {
    PbxLogger *logger;
    GPtrArray *events; /* PbxLogEvent* */
    GArray *ended;     /* guint64: trials that have ended by then */
    guint64 last;      /* seq up to which all was seen */
    guint n;           /* rows that were seen, unwanted ones too */
    GError *error;
} PbxGather;

void log_event_free(gpointer event);
void log_trial_free(gpointer trial);
/* A PbxEventFunc; user: a PbxGather. */
gboolean log_events_gather(const PbxEventRow *row, const PbxResultRow *result, gpointer user);
