/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The published vectors of Philox4x64-10, the key and the layout of a stream, the draws. */
#include <math.h>
#include <string.h>

#include "random/random-private.h"

#define W(x) G_GUINT64_CONSTANT(x)

static void
assert_words(const guint64 *got, const guint64 *want, gsize n)
{
    for (gsize i = 0; i < n; i++)
        g_assert_cmphex(got[i], ==, want[i]);
}

/* Random123's kat_vectors; numpy's Philox gives the same. */
static void
test_vectors(void)
{
    static const struct {
        guint64 counter[4], key[2], want[4];
    } cases[] = {
        {{0, 0, 0, 0},
         {0, 0},
         {W(0x16554d9eca36314c), W(0xdb20fe9d672d0fdc), W(0xd7e772cee186176b),
          W(0x7e68b68aec7ba23b)}},
        {{G_MAXUINT64, G_MAXUINT64, G_MAXUINT64, G_MAXUINT64},
         {G_MAXUINT64, G_MAXUINT64},
         {W(0x87b092c3013fe90b), W(0x438c3c67be8d0224), W(0x9cc7d7c69cd777b6),
          W(0xa09caebf594f0ba0)}},
        {{W(0x243f6a8885a308d3), W(0x13198a2e03707344), W(0xa4093822299f31d0),
          W(0x082efa98ec4e6c89)},
         {W(0x452821e638d01377), W(0xbe5466cf34e90c6c)},
         {W(0xa528f45403e61d95), W(0x38c72dbd566e9788), W(0xa5a1610e72fd18b5),
          W(0x57bd43b5e52b7fe6)}},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint64 out[4];
        random_block(cases[i].counter, cases[i].key, out);
        assert_words(out, cases[i].want, 4);
    }
}

static const guint64 search_stream_5[12] = {
    W(0xc64ef2340d9e22f7), W(0x81d7e2c9f69393d3), W(0x8ef98e003b1f6e5a), W(0xe8bba5baf4b4c821),
    W(0xfd57f0dcaade5cb9), W(0x7147de7274eb54fd), W(0x13924063670c102c), W(0x54c28306f9a4981d),
    W(0x2210bc4d7ef9e546), W(0xb1843c0cab574c1f), W(0xea09b5f8322eaeb9), W(0xf9e9a35b953eb329),
};

/* Computed apart: hashlib's SHA-256 and big integers. */
static void
test_key(void)
{
    PbxSeed seed = random_seed(7, "search");
    g_assert_cmphex(seed.key[0], ==, W(0x57b1847b6cf6262d));
    g_assert_cmphex(seed.key[1], ==, W(0x364228deae649745));
    seed = random_seed(G_MAXUINT64, "search+limit");
    g_assert_cmphex(seed.key[0], ==, W(0xd1f4a039026bd2de));
    g_assert_cmphex(seed.key[1], ==, W(0xb0c5c4ed5e071a01));
}

static void
test_any_window(void)
{
    PbxSeed seed = random_seed(7, "search");
    for (gsize from = 0; from <= 12; from++) {
        for (gsize n = 0; from + n <= 12; n++) {
            guint64 out[13] = {0};
            random_at(&seed, 5, from, out, n);
            assert_words(out, search_stream_5 + from, n);
            g_assert_cmphex(out[n], ==, 0);
        }
    }
}

static void
test_far_offset(void)
{
    static const guint64 want[4] = {W(0x0188a60a6537e4c1), W(0x305f0cbfe1bfba16),
                                    W(0x961a7453a1231908), W(0x34d0dfe0ebd77f1b)};
    PbxSeed seed = random_seed(G_MAXUINT64, "search+limit");
    guint64 out[4];
    random_at(&seed, W(1) << 63, G_MAXUINT64 - 3, out, 4);
    assert_words(out, want, 4);
}

static void
test_cursor(void)
{
    PbxRandom random = {.seed = random_seed(7, "search"), .stream = 5};
    for (gsize i = 0; i < 12; i++)
        g_assert_cmphex(random_next(&random), ==, search_stream_5[i]);
    random.offset = 0;
    g_assert_cmpfloat(random_uniform(&random), ==, (double)(search_stream_5[0] >> 11) * 0x1p-53);
    random_normal(&random);
    g_assert_cmpuint(random.offset, ==, 3);
}

/* Means and variances within 5 standard errors: a fixed seed, so this never flickers. */
static void
test_moments(void)
{
    PbxRandom random = {.seed = random_seed(1, "test")};
    const int n = 100000;
    double sum = 0, normal = 0, squares = 0;
    for (int i = 0; i < n; i++) {
        double u = random_uniform(&random);
        g_assert_true(u >= 0 && u < 1);
        sum += u;
        double z = random_normal(&random);
        normal += z;
        squares += z * z;
    }
    g_assert_cmpfloat_with_epsilon(sum / n, 0.5, 5 * sqrt(1 / 12.0 / n));
    g_assert_cmpfloat_with_epsilon(normal / n, 0, 5 / sqrt(n));
    g_assert_cmpfloat_with_epsilon(squares / n, 1, 5 * sqrt(2.0 / n));
}

static void
test_below(void)
{
    PbxRandom random = {.seed = random_seed(1, "test")};
    guint counts[6] = {0};
    for (int i = 0; i < 60000; i++)
        counts[random_below(&random, 6)]++;
    for (int i = 0; i < 6; i++)
        g_assert_cmpfloat_with_epsilon(counts[i], 10000, 5 * sqrt(60000 * 5 / 36.0));
    g_assert_cmpuint(random_below(&random, 1), ==, 0);
    /* Of 2^63 + 1 values almost half of the words are rejected; none may be out of range. */
    guint64 before = random.offset;
    for (int i = 0; i < 1000; i++)
        g_assert_true(random_below(&random, (W(1) << 63) + 1) <= W(1) << 63);
    g_assert_cmpuint(random.offset - before, >, 1800);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/random/published-vectors", test_vectors);
    g_test_add_func("/random/key-is-sha256", test_key);
    g_test_add_func("/random/any-window-of-a-stream", test_any_window);
    g_test_add_func("/random/far-offset", test_far_offset);
    g_test_add_func("/random/cursor-walks-the-stream", test_cursor);
    g_test_add_func("/random/moments", test_moments);
    g_test_add_func("/random/below-has-no-bias", test_below);
    return g_test_run();
}
