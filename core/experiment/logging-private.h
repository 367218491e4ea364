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

/* The files of one logger; used on its thread. */
typedef struct {
    char *experiment_dir; /* NULL: not made yet */
    GHashTable *dirs;     /* number -> absolute directory of a trial */
    GPtrArray *requests;  /* PbxFileRequest* */
    guint mark;           /* requests of the calls before this one */
    GHashTable *dropped;  /* "TRIAL/NAME" of files that cannot be written: left out */
    void (*warn)(const char *message, gpointer user);
    gpointer warn_user;
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
/* A call begins; what it asked for is taken back where it fails. */
void log_files_mark(PbxLogFiles *files);
void log_files_undo(PbxLogFiles *files);
/* Performs what was asked for. A file that cannot be written is left out; on an error that is
 * not the file's (a full disk) what is left stays for the next try. */
gboolean log_files_perform(PbxLogFiles *files, GError **error);

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
    /* shared, under the logging's lock */
    guint64 cursor, stored_cursor;
    gboolean finished; /* its thread has nothing more to do */
} PbxLogger;

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
