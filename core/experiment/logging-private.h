/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What logging.c (the threads) and log-files.c (files/1) share. */
#pragma once

#include "experiment/runner-private.h"

/* A file that a logger writes, and what it holds for certain. */
typedef struct {
    guint64 trial;
    char *name;
    guint64 length;   /* bytes that are whole */
    gboolean changed; /* since it was stored */
} PbxLogFile;

/* Writes to be done, in order. */
typedef struct {
    guint64 trial;
    char *name;
    gboolean replace;
    GByteArray *bytes;
} PbxFileRequest;

/* The files of one logger; used on its thread. */
typedef struct {
    char *experiment_dir;
    GHashTable *dirs;    /* number -> absolute directory of a trial */
    GPtrArray *requests; /* PbxFileRequest* */
    GHashTable *files;   /* "TRIAL/NAME" -> PbxLogFile* */
} PbxLogFiles;

extern const pbx_files log_files_service;

void log_files_init(PbxLogFiles *files, const char *experiment_dir);
void log_files_clear(PbxLogFiles *files);
/* Where a trial's files go. */
void log_files_trial(PbxLogFiles *files, guint64 trial, const char *dir);
/* Forgets an ended trial's. */
void log_files_forget(PbxLogFiles *files, guint64 trial);
/* Performs what was asked for. On error what is left stays for the next try. */
gboolean log_files_perform(PbxLogFiles *files, GError **error);
