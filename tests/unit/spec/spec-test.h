/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the spec's tests share: a plugin directory, and the check of a text. */
#pragma once

#include "spec/spec.h"

/* Sets up g_test, a directory of plugins and a defaults.json that names them. Then
 * g_test_run and cleaning up. */
void spec_test_init(int *argc, char ***argv);
int spec_test_run(void);

/* The registry of all tests, and the directory that files are relative to. */
PbxRegistry *spec_test_registry(void);
const char *spec_test_dir(void);

/* Checks a text as file "x.json"; NULL with *problems (transfer full) set to all lines. */
PbxSpec *spec_test_check(const char *text, char **problems);
/* The same with {"trainable": "nothing", ...}: `members` are the others. Fails the test
 * unless it is good. (transfer full) */
PbxSpec *spec_test_good(const char *members);
/* Fails the test unless exactly `expected` is told of {"trainable": "nothing", ...}; a
 * line's place "x.json:L:C: " is left out of `expected`. */
void spec_test_bad(const char *members, const char *expected);
/* The same of a whole text. */
void spec_test_bad_text(const char *text, const char *expected);
/* The exit status of the check that was bad last. */
int spec_test_status(void);
/* Canonical text of a spec's resolved member. (transfer full) */
char *spec_test_resolved(const PbxSpec *spec, const char *key);
