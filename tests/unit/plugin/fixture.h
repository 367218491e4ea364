/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plugin directory of a test's own, filled with objects that were built for it. */
#pragma once

#include <pegbox/stopper.h>

#include "plugin/plugin-private.h"

typedef struct {
    char *dir; /* absolute; the only element of PEGBOX_PLUGIN_PATH */
    PbxRegistry *registry;
    GPtrArray *warnings; /* char* */
} Fixture;

/* To be called first in main: HOME is a directory without plugins. */
void fixture_init(int *argc, char ***argv);
/* g_test_run(), and no trace is left. */
int fixture_run(void);
void fixture_set_up(Fixture *fixture);
void fixture_tear_down(Fixture *fixture);
/* Copies object-NAME.so to DIR/KIND/FILE.so; its path. (transfer full) */
char *fixture_install(Fixture *fixture, const char *object, const char *kind, const char *file);
/* Writes a file. (transfer full) */
char *fixture_write(Fixture *fixture, const char *kind, const char *file, const char *contents);
/* The built object itself. (transfer full) */
char *fixture_object(const char *object);
/* Installs and loads an object, each at a path of its own, since the dynamic loader knows a
 * path again: the error must name the file and contain `expected`. */
void fixture_assert_broken(Fixture *fixture, const char *object, const char *expected);
