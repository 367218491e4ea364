/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of this folder and those of archiver/ share. */
#pragma once

#include <signal.h>
#include <sys/stat.h>

#include "checkpoint/checkpoint.h"

/* ---- error.c ---- */

gboolean checkpoint_fail(GError **error, int code, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* "PLACE: MESSAGE of errno" */
gboolean checkpoint_fail_errno(GError **error, int number, const char *place);

/* ---- temporary.c: names beside the final one ---- */

/* ".NAME.XXXXXX": what the Xs are. */
#define TEMPORARY_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789"
#define TEMPORARY_LENGTH  6
/* The directory of a path, opened, and the path's last part. -1 with error. */
int temporary_open_parent(const char *path, char **base, GError **error);
/* Makes a file or a directory with a name that nothing has; the name (transfer full), and of a
 * file its descriptor. */
int temporary_make_file(int parent, const char *base, char **name);
gboolean temporary_make_dir(int parent, const char *base, mode_t mode, char **name);
/* Gives a file its final name, by a rename that replaces nothing, where the file system has one; a
 * link is the next best. FALSE: errno says why. */
gboolean temporary_take_name(int parent, const char *name, const char *base);

/* ---- archiver.c: libarchive and what it needs is loaded when there is an archive ---- */

/* What pegbox-archiver.so offers, under the name ARCHIVER_SYMBOL; as in checkpoint.h. */
typedef struct {
    guint version; /* ARCHIVER_VERSION */
    gboolean (*pack)(const char *dir, const char *const *members, const char *archive,
                     const PbxPackOptions *options, PbxArchiveFacts *facts, GError **error);
    gboolean (*unpack)(const char *archive, const char *dir, const char *sha256, guint64 max_bytes,
                       GError **error);
    gboolean (*verify)(const char *archive, const char *sha256, PbxArchiveFacts *facts,
                       GError **error);
    gboolean (*list)(const char *archive, PbxMemberFunc func, gpointer data, GError **error);
    /* What is under way ends once it is not 0. */
    void (*watch)(const volatile sig_atomic_t *interrupted);
} PbxArchiver;
/* Grows with every change of the table or of what it takes: an upgrade may have replaced the
 * file under a program that runs. */
#define ARCHIVER_VERSION 1u
#define ARCHIVER_SYMBOL  "pegbox_archiver"
