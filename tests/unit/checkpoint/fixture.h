/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A directory with trees and archives of a test's own. */
#pragma once

#include "checkpoint/checkpoint.h"

typedef struct {
    char *dir;
    char *tree;    /* dir/tree, made */
    char *archive; /* dir/a.tar, not there yet */
    char *out;     /* dir/out, not there yet */
} Fixture;

void fixture_set_up(Fixture *f, gconstpointer unused);
/* Also checks that nothing is left beside what the test made. */
void fixture_tear_down(Fixture *f, gconstpointer unused);

#define CHECKPOINT_TEST(PATH, FUNCTION)                                                            \
    g_test_add(PATH, Fixture, NULL, fixture_set_up, FUNCTION, fixture_tear_down)

/* A file below the tree, with the directories above it. */
void fixture_write(Fixture *f, const char *path, const char *bytes, gssize length);
void fixture_mkdir(Fixture *f, const char *path, guint mode);
void fixture_symlink(Fixture *f, const char *target, const char *path);
/* Below the tree: mtime in nanoseconds, of a link itself. */
void fixture_set_mtime(Fixture *f, const char *path, gint64 ns);
char *fixture_path(Fixture *f, const char *path);

/* The tree into the archive, which replaces one; the facts. */
PbxArchiveFacts fixture_pack(Fixture *f);
/* The archive into `out`. */
void fixture_unpack(Fixture *f);
/* Everything that is in a directory and how, a line each. (transfer full) */
char *fixture_describe(const char *dir);
/* Packs, unpacks, and compares. */
void fixture_round_trip(Fixture *f);

/* Whether an error is of a kind and holds a text; frees it. */
void fixture_assert_error(GError **error, int code, const char *text);
/* Whether nothing but these names (a NULL-ended list) is in `dir`. */
void fixture_assert_names(Fixture *f, ...) G_GNUC_NULL_TERMINATED;
