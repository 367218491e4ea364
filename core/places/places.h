/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where pegbox's own files are: from the program's own place, so that a moved tree works. */
#pragma once

#include <glib.h>

typedef struct {
    char *program; /* pegbox itself */
    char *plugins; /* the built-in plugin directory */
    char *data;    /* $datadir/pegbox: defaults.json */
    char *python;  /* the directory that holds pegbox.py */
    char *libexec; /* pegbox-worker, pegbox-archiver.so, pegbox-NAME */
    char *worker;  /* pegbox-worker */
} PbxPlaces;
/* Worked out once, from /proc/self/exe; a build tree is known by its meson-info. */
const PbxPlaces *places_get(void);
/* A path of the user's: ~ and ~/ expanded, else relative to base_dir (NULL: the current
 * directory). (transfer full) */
char *places_expand(const char *path, const char *base_dir);
