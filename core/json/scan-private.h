/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scanner's state, shared by its structure (scan.c) and its tokens (scan-token.c). */
#pragma once

#include "json/json-private.h"

typedef struct {
    guint line, column;
} PbxMark;

typedef struct {
    const PbxDoc *doc;
    PbxProblems *problems;
    PbxDocFlags flags;
    const char *text, *end;
    const char *at;     /* what is scanned next */
    char *plain;        /* the copy for json-glib */
    const char *marked; /* up to where `mark` has counted */
    PbxMark mark;
    guint depth;
    gboolean unreadable; /* a problem that json-glib cannot be shown */
} PbxScan;

/* Line and column (in characters, from 1) of what is scanned next. Only forward: linear. */
PbxMark scan_mark(PbxScan *scan);
/* The next character's byte, -1 at the end. */
int scan_peek(const PbxScan *scan);
/* The next character for a message: 'x', or "the end of the file". (transfer full) */
char *scan_show(const PbxScan *scan);
/* Adds a syntax problem. Always FALSE. */
gboolean scan_fail(PbxScan *scan, PbxMark mark, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* A string, from its opening quote on; *value (may be NULL) gets its text. */
gboolean scan_string(PbxScan *scan, char **value);
gboolean scan_number(PbxScan *scan);
/* true, false, null; helps with all other words. */
gboolean scan_word(PbxScan *scan);
/* The length of the bare word that stands next. */
gsize scan_word_length(const PbxScan *scan);
