/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Randomness as a function of (experiment seed, slot, stream, offset), never a
 * stream with state: Philox4x64-10 (Salmon, Moraes, Dror, Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011). sdk/include/pegbox/plugin.h has the
 * definition that plugins see.
 */
#pragma once

#include <glib.h>

/* The key of one slot. */
typedef struct {
    guint64 key[2];
} PbxSeed;

/* The first 16 bytes of SHA-256(seed as u64 little-endian, slot), as two little-endian words. */
PbxSeed random_seed(guint64 seed, const char *slot);
/* n words of `stream` from word `offset` on. */
void random_at(const PbxSeed *seed, guint64 stream, guint64 offset, guint64 *out, gsize n);
/* What the ids of an experiment's trials begin with: 5 hex digits. (transfer full) */
char *random_id_prefix(guint64 seed);

/* A cursor over one stream, for use within one call. */
typedef struct {
    PbxSeed seed;
    guint64 stream;
    guint64 offset;
} PbxRandom;

guint64 random_next(PbxRandom *random);
double random_uniform(PbxRandom *random);           /* [0, 1), 53 bits */
guint64 random_below(PbxRandom *random, guint64 n); /* 0..n-1 without bias, n > 0 */
double random_normal(PbxRandom *random);            /* Box-Muller, two words a call */
