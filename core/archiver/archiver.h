/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A shared object of its own, which alone needs libarchive: what its files share. */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <sys/stat.h>

#include "checkpoint/shared.h"

/* Both ways: a directory in a directory in a directory, each with an open descriptor. */
#define MAX_DEPTH 256
/* Permissions that are packed and restored: setuid and setgid are nothing for data. */
#define MODE_MASK 01777u

/* ---- What the library does; as in checkpoint/checkpoint.h ---- */

gboolean archiver_pack(const char *dir, const char *const *members, const char *archive,
                       const PbxPackOptions *options, PbxArchiveFacts *facts, GError **error);
gboolean archiver_unpack(const char *archive, const char *dir, const char *sha256,
                         guint64 max_bytes, GError **error);
gboolean archiver_verify(const char *archive, const char *sha256, PbxArchiveFacts *facts,
                         GError **error);
gboolean archiver_list(const char *archive, PbxMemberFunc func, gpointer data, GError **error);

/* ---- surroundings.c ---- */

void archiver_watch(const volatile sig_atomic_t *interrupted);
/* FALSE with error once what is watched is not 0. */
gboolean archiver_go_on(GError **error);

/*
 * libarchive goes by the thread's locale, and names are bytes here, whatever the user's is. Packing
 * in "C", in which a name that is not ASCII is written as it is: in a UTF-8 locale it would be
 * brought into Unicode's composed form. Reading in "C.UTF-8", for archives of others whose names
 * are said to be UTF-8.
 */
typedef locale_t PbxLocale;
PbxLocale archiver_locale_enter(const char *name);
void archiver_locale_leave(PbxLocale before);

/* ---- path.c ---- */

/* Why a member of that name cannot be placed inside a directory; NULL: it can. */
const char *path_problem(const char *path);
/* Why a symbolic link at `path` would lead out of it; NULL: it does not. */
const char *path_link_problem(const char *path, const char *target);
/* `name` without "./", doubled and closing slashes. (transfer full) */
char *path_clean(const char *name);

/* ---- output.c: an archive that is being written ---- */

typedef struct PbxOutput PbxOutput;
PbxOutput *output_new(const char *archive, GError **error);
const char *output_name(const PbxOutput *output);
/* FALSE with errno. */
gboolean output_write(PbxOutput *output, const void *bytes, gsize length);
/* Whether a file is the one that is being written. */
gboolean output_is(const PbxOutput *output, const struct stat *info);
/* Makes it durable and gives it its name; sets bytes and sha256. */
gboolean output_finish(PbxOutput *output, PbxArchiveFacts *facts, GError **error);
/* Without output_finish() nothing stays. */
void output_free(PbxOutput *output);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxOutput, output_free)

/* ---- holes.c ---- */

typedef struct {
    guint64 offset, length;
} PbxExtent;
/* The extents that are not holes, in order; none: all of it is. NULL with errno: it cannot be read,
 * or has shrunk (errno 0). (transfer full) */
GArray *holes_find(int fd, guint64 size);

/* ---- tree.c: what is packed, in its order ---- */

typedef struct {
    int parent;       /* the directory that it is in */
    const char *name; /* there */
    const char *path; /* relative to what is packed */
    struct stat info;
} PbxLeaf;
typedef gboolean (*PbxLeafFunc)(const PbxLeaf *leaf, gpointer data, GError **error);
/* Calls for everything in a directory, sorted by path, a directory ("a/") before what is in it. */
gboolean tree_walk(const char *dir, const char *const *members, PbxLeafFunc func, gpointer data,
                   GError **error);

/* ---- source.c: an archive that is being read ---- */

typedef struct PbxSource PbxSource;
/* sha256: what it must sum to, or NULL. max_bytes: of all its files together. strict: members are
 * checked as far as each can be alone. */
PbxSource *source_new(const char *archive, const char *sha256, guint64 max_bytes, gboolean strict,
                      GError **error);
/* Of a member: "ARCHIVE: PATH: WHAT". */
gboolean source_refuse(PbxSource *source, const char *what, GError **error);
gboolean source_next(PbxSource *source, struct archive_entry **entry, GError **error);
/* The next piece of the member's data: *length 0 at its end, *offset then its size. */
gboolean source_data(PbxSource *source, const void **bytes, gsize *length, guint64 *offset,
                     GError **error);
/* Behind the last member: reads what is left, and compares the sum. */
gboolean source_finish(PbxSource *source, PbxArchiveFacts *facts, GError **error);
/* What is wrong with an archive whose sum is known is first of all its sum. */
void source_explain(PbxSource *source, GError **error);
void source_free(PbxSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxSource, source_free)
