/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The structs that cross to deciders, each described once by its fields, and bytes made from the
 * description: what a call takes, on its way to a child process and back. Both ends are of one
 * build and on one host, so that numbers travel as they stand in memory.
 */
#pragma once

#include "decider/decider.h"

typedef enum {
    PACK_32,
    PACK_64,
    PACK_TEXT,
    PACK_JSON,   /* a pbx_json: its text, parsed on first touch */
    PACK_PARSED, /* a pbx_json that says what the text at `count` says: nothing travels */
    PACK_BYTES,  /* arrays: uint8_t, */
    PACK_WORDS,  /* doubles or uint64_t, */
    PACK_TEXTS,  /* texts, */
    PACK_STRUCT,
    PACK_STRUCTS, /* pointers to structs */
} PbxPackType;

typedef struct PbxStructInfo PbxStructInfo;
typedef struct {
    const char *name;
    gsize offset;
    PbxPackType type;
    gboolean out;     /* what the plugin answers is read from it */
    gsize count;      /* arrays: the offset of the field that has their length, ... */
    guint count_size; /* ... and the size of that; 0: `count` is their length */
    const PbxStructInfo *info;
} PbxField;

struct PbxStructInfo {
    const char *name;
    gsize size;
    const PbxField *fields; /* all but struct_size, which comes first in each */
    gsize n_fields;
};

extern const PbxStructInfo struct_problem, struct_result, struct_suggestion, struct_outcome,
    struct_decision, struct_choice, struct_verdict;
/* All of them, and those within; NULL-ended. */
extern const PbxStructInfo *const struct_table[];

/* ---- Written ---- */

void pack_32(GByteArray *out, guint32 value);
void pack_64(GByteArray *out, guint64 value);
void pack_bytes(GByteArray *out, gconstpointer bytes, gsize n);
/* NULL stays NULL. */
void pack_text(GByteArray *out, const char *text);
void pack_json(GByteArray *out, const pbx_json *json);
void pack_words(GByteArray *out, gconstpointer words, gsize n);
/* base: a struct of the same kind that the reader has; what is the same there does not travel
 * again. NULL: none. */
void pack_struct(GByteArray *out, const PbxStructInfo *info, gconstpointer value,
                 gconstpointer base);
/* What the plugin answers. */
void pack_out(GByteArray *out, const PbxStructInfo *info, gconstpointer value);

/* ---- Read ---- */

/* What was read, until it is cleared. */
typedef struct PbxArena PbxArena;
PbxArena *arena_new(void);
void arena_free(PbxArena *arena);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxArena, arena_free)
void arena_clear(PbxArena *arena);
/* Aligned, zero. */
gpointer arena_alloc(PbxArena *arena, gsize size);

typedef struct {
    const guint8 *at, *end;
    PbxArena *arena;
    gboolean broken; /* it said more than there is; all that is read then is zero */
} PbxUnpack;
guint32 unpack_32(PbxUnpack *in);
guint64 unpack_64(PbxUnpack *in);
/* Points into what is read. */
const guint8 *unpack_bytes(PbxUnpack *in, gsize *n);
char *unpack_text(PbxUnpack *in);
const pbx_json *unpack_json(PbxUnpack *in);
gpointer unpack_words(PbxUnpack *in, gsize *n);
gpointer unpack_struct(PbxUnpack *in, const PbxStructInfo *info, gconstpointer base);
/* Into the struct that was packed to be answered: its arrays stay where they are. */
void unpack_out(PbxUnpack *in, const PbxStructInfo *info, gpointer value);
