/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON as pegbox reads and writes it: documents with positions for files that
 * people write, a tolerant reader and a canonical writer for the hot path.
 * Trees are json-glib's.
 */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

/* ---- Problems: everything that is wrong with a file, told in one go ---- */

typedef struct PbxProblems PbxProblems;
typedef struct PbxDoc PbxDoc;

PbxProblems *problems_new(void);
void problems_free(PbxProblems *problems);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxProblems, problems_free)

/* Adds a problem at JSON pointer `pointer` (RFC 6901, "" the root) of `doc` (NULL:
 * no place). The message is one line without the place. */
void problems_add(PbxProblems *problems, const PbxDoc *doc, const char *pointer, const char *format,
                  ...) G_GNUC_PRINTF(4, 5);
/* The same, at an explicit line and column (syntax errors). */
void problems_add_at(PbxProblems *problems, const PbxDoc *doc, guint line, guint column,
                     const char *format, ...) G_GNUC_PRINTF(5, 6);
/* A line "hint: ..." that follows the problem added last. */
void problems_hint(PbxProblems *problems, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* An exit status other than 2 for the problem added last (a broken plugin: 3). */
void problems_set_status(PbxProblems *problems, int status);

guint problems_count(const PbxProblems *problems);
/* 0 without problems; 3 where every problem has status 3; else 2. */
int problems_status(const PbxProblems *problems);
/* All, a line each, in the order of their places:
 * "FILE:LINE:COLUMN: path: message\n", control characters escaped. (transfer full) */
char *problems_format(const PbxProblems *problems);

/* The best match for a misspelt name among `names` (NULL-ended), or NULL: Damerau-
 * Levenshtein distance at most 1 + length/4. */
const char *json_did_you_mean(const char *name, const char *const *names);

/* ---- Documents with positions ---- */

typedef enum {
    DOC_PLAIN = 0,
    DOC_COMMENTS = 1, /* // and C comments are white space */
} PbxDocFlags;

#define DOC_MAX_NESTING 512

/*
 * Scans `text` strictly (RFC 8259; duplicate keys, integers beyond 64 bits, bad
 * UTF-8, NUL, lone surrogates, nesting over DOC_MAX_NESTING are problems), then
 * lets json-glib parse it. `name` is what messages call it. NULL, with problems
 * added, where it cannot be read; a document with duplicate keys is returned (the last
 * one holds) so that its other problems can be found as well: problems_count() tells
 * whether it is good. (transfer full)
 */
PbxDoc *doc_parse(const char *name, const char *text, gsize length, PbxDocFlags flags,
                  PbxProblems *problems);
/* A document that stands for no text: `origin` ("--set", "command line") takes the
 * place of FILE:LINE:COLUMN. Takes a reference of root. (transfer full) */
PbxDoc *doc_new_for_node(const char *origin, JsonNode *root);
void doc_free(PbxDoc *doc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxDoc, doc_free)

JsonNode *doc_root(const PbxDoc *doc); /* (transfer none) */
const char *doc_name(const PbxDoc *doc);
/* The place of a pointer's value; that of the nearest ancestor where it has none. */
void doc_position(const PbxDoc *doc, const char *pointer, guint *line, guint *column);
/*
 * Sets the value at a dotted path ("search.seed", "config.layers[1]", "config.lr"),
 * making objects on the way; problems there are told with `origin` in place of a
 * position. FALSE with error where the path leads through a scalar or past an array.
 */
gboolean doc_set(PbxDoc *doc, const char *path, JsonNode *value, const char *origin,
                 GError **error);

/* Whether the object `over` replaces the object `base` at `pointer` rather than merge. */
typedef gboolean (*PbxReplaces)(const char *pointer, JsonObject *base, JsonObject *over);
/*
 * Puts a document over another, both objects: objects merge, null removes, all else
 * replaces. `doc` is the outcome, in which what `base` brought is told as there, with its
 * file, line and column; `base` is of no use any more but to be freed.
 */
void doc_merge(PbxDoc *doc, PbxDoc *base, PbxReplaces replaces);

/* "/config/layers/0" as people write it: "config.layers[0]"; keys with dots are
 * quoted: config."a.b". "" gives "". (transfer full) */
char *json_pointer_display(const char *pointer);
/* pointer + "/" + escaped key; pointer + "/" + index. (transfer full) */
char *json_pointer_member(const char *pointer, const char *key);
char *json_pointer_item(const char *pointer, guint index);

/* ---- Paths into a tree ---- */

/* The node at a dotted path (as json_pointer_display writes it); a key that is spelt
 * exactly like the whole path, or a rest of it, wins over splitting; '/' separates
 * as well ("eval/loss"). NULL: none. (transfer none) */
JsonNode *json_lookup(JsonNode *root, const char *path);
/* The first step of a dotted path: *key gets its text, *is_index whether it stood in
 * brackets. Returns what is left behind the separator ("" at the end), NULL where the
 * path is malformed; *key (transfer full) may be set in both cases. */
const char *json_path_step(const char *path, char **key, gboolean *is_index);

/* ---- Writing ---- */

/* Appends canonical JSON: no spaces, members in their order, shortest doubles that
 * read back the same ("1e-05" as %.17g would: see json_put_double). */
void json_put_node(GString *out, JsonNode *node);
void json_put_string(GString *out, const char *text); /* quoted, escaped, invalid UTF-8 replaced */
/* Shortest text that reads back equal; always with '.', 'e' or a string for the non-
 * finite: "NaN", "Infinity", "-Infinity" with quotes. Whole values get ".0". */
void json_put_double(GString *out, double value);
void json_put_int(GString *out, gint64 value);
char *json_to_text(JsonNode *node); /* (transfer full) */

/* The shortest decimal form of a finite double; at most 32 bytes with the NUL. */
void json_format_double(double value, char buffer[32]);

/* ---- Reading what programs print ---- */

/*
 * Parses one value, tolerantly: Python's NaN, Infinity, -Infinity become those
 * strings; duplicate keys keep the last; integers beyond 64 bits become doubles.
 * What is no character (bad UTF-8, lone surrogates, NUL) becomes U+FFFD. Nesting at
 * most `max_nesting`, and never over DOC_MAX_NESTING. Built without json-glib's parser, for speed.
 * NULL with error. (transfer full)
 */
JsonNode *json_read(const char *text, gsize length, guint max_nesting, GError **error);

/* A number of a node: ints, doubles, booleans (0, 1), the strings for non-finite
 * values, and, where `texts`, strings that hold a number. FALSE: none. */
gboolean json_number(JsonNode *node, gboolean texts, double *value);
/* Structural equality; 1 and 1.0 differ. */
gboolean json_equal(JsonNode *a, JsonNode *b);
/* A deep copy (json-glib's json_node_copy is shallow for containers). (transfer full) */
JsonNode *json_clone(JsonNode *node);

/* ---- Canonical texts, without trees; all but the last are for such as are known to be so ---- */

/* From behind a quote to behind the closing one; stops at a NUL. */
const char *json_skip_string(const char *at);
/* From a value to the ',' or bracket behind it; stops at a NUL. */
const char *json_skip_value(const char *at);
/* The value of an object's own member, its end at *length; NULL: none is spelt so. A key that
 * needs escapes is not found. */
const char *json_text_member(const char *object, const char *key, gsize *length);
/* FALSE: it is no whole number of 64 bits, as JSON spells it. */
gboolean json_text_int(const char *text, gsize length, gint64 *value);
/* FALSE: the value is no JSON number. */
gboolean json_text_number(const char *text, gsize length, double *value);
/* Whether it is one JSON value that may stand as a canonical text: valid, no white space between
 * its parts, no \u. How numbers are spelt and whether a key comes twice is not looked into. */
gboolean json_text_is_compact(const char *text, gsize length, guint max_nesting);

#define PBX_JSON_ERROR (json_error_domain())
GQuark json_error_domain(void);

enum {
    PBX_JSON_ERROR_SYNTAX,  /* no JSON */
    PBX_JSON_ERROR_PATH,    /* a path that leads nowhere */
    PBX_JSON_ERROR_NESTING, /* JSON, as far as it goes, that is nested too deep */
};
