/* SPDX-License-Identifier: MIT */
/* pegbox/helpers/rng.h: a cursor over the host's random words, and what is drawn with it.
 * Nothing to save. */
#ifndef PEGBOX_HELPERS_RNG_H
#define PEGBOX_HELPERS_RNG_H

#include <math.h>
#include <pegbox/helpers/space.h>
#include <pegbox/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In one call of the plugin: made, used, forgotten. The streams by convention are at
 * pbx_host.random. */
typedef struct pbx_rng {
    const pbx_host *host;
    uint64_t stream;
    uint64_t offset;   /* of the next word that is not in `words` yet */
    uint64_t left;     /* of words */
    uint64_t words[4]; /* fetched ahead, used from the end of the array */
} pbx_rng;

static inline pbx_rng
pbx_rng_at(const pbx_host *host, uint64_t stream, uint64_t offset)
{
    pbx_rng rng;
    rng.host = host;
    rng.stream = stream;
    rng.offset = offset;
    rng.left = 0;
    return rng;
}

/* The stream of what is the same in all calls of an instance: the scrambling of a sequence. */
#define PBX_RNG_ALWAYS UINT64_MAX

/* At the start of the stream of a trial, for all that a search does but suggest. */
static inline pbx_rng
pbx_rng_of_trial(const pbx_host *host, uint64_t trial)
{
    return pbx_rng_at(host, (UINT64_C(1) << 63) + trial, 0);
}

/* The next word: all 64 bits are random. */
static inline uint64_t
pbx_rng_next(pbx_rng *rng)
{
    if (rng->left == 0) {
        rng->host->random(rng->host, rng->stream, rng->offset, rng->words, 4);
        rng->offset += 4;
        rng->left = 4;
    }
    return rng->words[4 - rng->left--];
}

/* A word as a number in [0, 1), a multiple of 2^-53. */
static inline double
pbx_unit_of_word(uint64_t word)
{
    return (double)(word >> 11) * 1.1102230246251565e-16;
}

/* In [0, 1). */
static inline double
pbx_rng_uniform(pbx_rng *rng)
{
    return pbx_unit_of_word(pbx_rng_next(rng));
}

/* Of 0 .. n-1, each as likely as any other; n > 0. */
static inline uint64_t
pbx_rng_below(pbx_rng *rng, uint64_t n)
{
    uint64_t word, surplus = (UINT64_MAX - n + 1) % n; /* 2^64 mod n */
    do
        word = pbx_rng_next(rng);
    while (word < surplus);
    return word % n;
}

/* Standard normal (Box and Muller, 1958): two words a call. */
static inline double
pbx_rng_normal(pbx_rng *rng)
{
    double radius = sqrt(-2 * log(1 - pbx_rng_uniform(rng)));
    return radius * cos(6.283185307179586 * pbx_rng_uniform(rng));
}

/*
 * A value of the dimension near `from`: at most `step`, a part of the whole range, away; a
 * category is any of its choices with the probability `step`, else the same. From NaN it is
 * drawn as the dimension's operator says. Two words a call.
 */
static inline double
pbx_rng_near(pbx_rng *rng, const pbx_dim *dim, double from, double step)
{
    double anywhere = pbx_rng_uniform(rng);
    double by = 2 * pbx_rng_uniform(rng) - 1;
    if (isnan(from))
        return pbx_from_unit(dim, anywhere);
    if (dim->type == PBX_DIM_CATEGORY)
        return fabs(by) < step ? pbx_from_unit(dim, anywhere) : from;
    return pbx_from_unit(dim, pbx_to_unit(dim, from) + step * by);
}

/* A random order of n indexes (Fisher and Yates). */
static inline void
pbx_rng_shuffle(pbx_rng *rng, size_t *indexes, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t other = (size_t)pbx_rng_below(rng, i);
        size_t kept = indexes[i - 1];
        indexes[i - 1] = indexes[other];
        indexes[other] = kept;
    }
}

/* Each bit of the result depends on each of z (the end of SplitMix64; Stafford, 2011). */
static inline uint64_t
pbx_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/*
 * The i-th of a random order of 0 .. n-1, without making the others: the swap-or-not shuffle
 * (Hoang, Morris and Rogaway, 2012). The key, a random word, picks the order. i < n.
 */
static inline uint64_t
pbx_permute(uint64_t key, uint64_t n, uint64_t i)
{
    for (int round = 0; round < 48; round++) {
        uint64_t word = pbx_mix(key += UINT64_C(0x9e3779b97f4a7c15));
        uint64_t turn = word % n;
        uint64_t other = turn >= i ? turn - i : turn + (n - i);
        uint64_t larger = other > i ? other : i;
        if (pbx_mix(word ^ (larger * UINT64_C(0x9e3779b97f4a7c15))) >> 63)
            i = other;
    }
    return i;
}

#ifdef __cplusplus
}
#endif
#endif
