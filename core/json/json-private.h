/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of json/ share: places of values, numbers, paths. */
#pragma once

#include "json/json.h"

/* Where a value stands, and its members or items: a tree beside the document's own. */
typedef struct PbxPlace PbxPlace;
struct PbxPlace {
    guint line, column;         /* of the value; 0 with an origin */
    guint key_line, key_column; /* of its key, for duplicates */
    char *origin;               /* takes the place of FILE:LINE:COLUMN; NULL: stands in the text */
    GHashTable *members;        /* char * -> PbxPlace *, or NULL */
    GPtrArray *items;           /* PbxPlace *, or NULL */
};

PbxPlace *place_new(guint line, guint column);
void place_free(PbxPlace *place);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxPlace, place_free)
/* Takes `child`; replaces the one that is there. */
void place_set_member(PbxPlace *place, const char *key, PbxPlace *child);
PbxPlace *place_member(const PbxPlace *place, const char *key);
/* The place at a pointer, or of its nearest ancestor that has one. */
const PbxPlace *place_find(const PbxPlace *root, const char *pointer);

/*
 * Scans a whole text into a tree of places. `plain` is a copy of the text, in which
 * comments are blanked. NULL: it cannot be read, and problems say why; other problems
 * (duplicate keys) are added too.
 */
PbxPlace *json_scan(const PbxDoc *doc, const char *text, gsize length, char *plain,
                    PbxDocFlags flags, PbxProblems *problems);

/* The place where a problem at `pointer` is told: origin, or line and column. */
const char *doc_place(const PbxDoc *doc, const char *pointer, guint *line, guint *column);

/* The places of a document's values. (transfer none) */
PbxPlace *doc_places(const PbxDoc *doc);
/* Exchanges the values and places of two documents; each keeps its name. */
void doc_swap(PbxDoc *a, PbxDoc *b);

/* One step of a pointer: unescapes the token at *pointer (after its '/') and moves on to
 * the next '/' or the end. (transfer full) */
char *json_pointer_token(const char **pointer);
/* Whether a token is an array's index: digits without a leading zero, below G_MAXUINT. */
gboolean json_token_index(const char *token, guint *index);

/* A number's text, without sign of its own grammar checked: m * 10^e where that is exact,
 * else by strtod. `text` need not end after `length`. */
double json_parse_double(const char *text, gsize length);
/* Whether digits (with a '-') fit 64 bits; *value is set where they do. */
gboolean json_parse_int(const char *text, gsize length, gint64 *value);
/* Four hex digits; -1: they are not. */
int json_hex4(const char *text, const char *end);
