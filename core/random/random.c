/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Philox4x64-10 and what is drawn from its words. */
#include <math.h>
#include <string.h>

#include "random/random-private.h"

#define ROUNDS       10
#define MULTIPLIER_0 G_GUINT64_CONSTANT(0xd2e7470ee14c6c93)
#define MULTIPLIER_1 G_GUINT64_CONSTANT(0xca5a826395121157)
#define WEYL_0       G_GUINT64_CONSTANT(0x9e3779b97f4a7c15) /* the golden ratio */
#define WEYL_1       G_GUINT64_CONSTANT(0xbb67ae8584caa73b) /* sqrt(3) - 1 */

__extension__ typedef unsigned __int128 PbxWide;

void
random_block(const guint64 counter[4], const guint64 key[2], guint64 out[4])
{
    guint64 c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    guint64 k0 = key[0], k1 = key[1];
    for (int i = 0; i < ROUNDS; i++) {
        PbxWide p0 = (PbxWide)MULTIPLIER_0 * c0;
        PbxWide p1 = (PbxWide)MULTIPLIER_1 * c2;
        c0 = (guint64)(p1 >> 64) ^ c1 ^ k0;
        c1 = (guint64)p1;
        c2 = (guint64)(p0 >> 64) ^ c3 ^ k1;
        c3 = (guint64)p0;
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

PbxSeed
random_seed(guint64 seed, const char *slot)
{
    guint64 little = GUINT64_TO_LE(seed);
    guint8 digest[32];
    gsize size = sizeof digest;
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(checksum, (const guchar *)&little, sizeof little);
    g_checksum_update(checksum, (const guchar *)slot, (gssize)strlen(slot));
    g_checksum_get_digest(checksum, digest, &size);
    PbxSeed key;
    memcpy(key.key, digest, sizeof key.key);
    key.key[0] = GUINT64_FROM_LE(key.key[0]);
    key.key[1] = GUINT64_FROM_LE(key.key[1]);
    return key;
}

void
random_at(const PbxSeed *seed, guint64 stream, guint64 offset, guint64 *out, gsize n)
{
    guint64 counter[4] = {offset / 4, stream, 0, 0};
    guint64 block[4];
    gsize skip = offset % 4;
    while (n > 0) {
        gsize take = MIN(n, 4 - skip);
        random_block(counter, seed->key, block);
        memcpy(out, block + skip, take * sizeof *out);
        out += take;
        n -= take;
        skip = 0;
        counter[0]++;
    }
}

char *
random_id_prefix(guint64 seed)
{
    const PbxSeed ids = random_seed(seed, "id");
    guint64 word;
    random_at(&ids, 0, 0, &word, 1);
    return g_strdup_printf("%05x", (guint)(word & 0xfffff));
}

guint64
random_next(PbxRandom *random)
{
    guint64 word;
    random_at(&random->seed, random->stream, random->offset++, &word, 1);
    return word;
}

double
random_uniform(PbxRandom *random)
{
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

/* Lemire, "Fast random integer generation in an interval", 2019: the high word of a
 * product; low words below 2^64 mod n are drawn again. */
guint64
random_below(PbxRandom *random, guint64 n)
{
    PbxWide product = (PbxWide)random_next(random) * n;
    if ((guint64)product < n) {
        guint64 threshold = (0 - n) % n;
        while ((guint64)product < threshold)
            product = (PbxWide)random_next(random) * n;
    }
    return (guint64)(product >> 64);
}

double
random_normal(PbxRandom *random)
{
    double radius = sqrt(-2 * log(1 - random_uniform(random))); /* 1 - u: never log(0) */
    return radius * cos(2 * G_PI * random_uniform(random));
}
