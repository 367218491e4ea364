/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "host.h"

static void
test_any_space(void)
{
    test_even_search("{}");
}

static void
test_first_points(void)
{
    static const double expected[6][4] = {
        {0, 0, 0, 0},
        {0.5, 0.3333333333333333, 0.2, 0.14285714285714285},
        {0.25, 0.6666666666666666, 0.4, 0.2857142857142857},
        {0.75, 0.1111111111111111, 0.6000000000000001, 0.42857142857142855},
        {0.125, 0.4444444444444444, 0.8, 0.5714285714285714},
        {0.625, 0.7777777777777777, 0.04, 0.7142857142857142},
    };
    g_autoptr(PbxTestHost) host = test_uniform_host("{\"scramble\": false}", 4, -1);
    for (guint64 ask = 0; ask < 6; ask++) {
        double x[4];
        g_assert_cmpint(test_suggest(host, ask, x), ==, PBX_OK);
        for (guint i = 0; i < 4; i++)
            g_assert_cmpfloat_with_epsilon(x[i], expected[ask][i], 1e-15);
    }
}

/* Any b^m points that follow each other have one in each of b^m parts of the range that counts in
 * b, from a multiple of b^m on. */
static void
test_one_in_each_part(void)
{
    static const guint primes[] = {2, 3, 5, 7, 11, 13};
    for (guint scramble = 0; scramble < 2; scramble++) {
        g_autoptr(PbxTestHost) host =
            test_uniform_host(scramble ? "{}" : "{\"scramble\": false}", 6, -1);
        for (guint i = 0; i < 6; i++) {
            for (guint n = primes[i]; n < 200; n *= primes[i]) {
                g_autofree guint8 *seen = g_new0(guint8, n);
                for (guint64 ask = 5 * n; ask < 6 * n; ask++) {
                    double x[6];
                    g_assert_cmpint(test_suggest(host, ask, x), ==, PBX_OK);
                    /* A value on the edge may be below it by rounding. */
                    g_assert_cmpuint(seen[(guint)(x[i] * n + 1e-9)]++, ==, 0);
                }
            }
        }
    }
}

/* The last coordinates of many too, whose prime is 1223. */
static void
test_two_hundred(void)
{
    enum { PRIME = 1223 };
    g_autoptr(PbxTestHost) host = test_uniform_host("{}", 200, -1);
    guint8 seen[PRIME] = {0};
    double x[200];
    for (guint64 ask = 0; ask < PRIME; ask++) {
        g_assert_cmpint(test_suggest(host, ask, x), ==, PBX_OK);
        g_assert_cmpuint(seen[(guint)(x[199] * PRIME + 1e-9)]++, ==, 0);
    }
}

static void
test_means(void)
{
    g_autoptr(PbxTestHost) host = test_uniform_host("{}", 10, -1);
    g_assert_cmpfloat(test_even_error(host, 256), <, 5e-3);
    g_assert_cmpfloat(test_even_error(host, 4096), <, 3e-4);
}

static double
correlation(const char *options, guint a, guint b)
{
    enum { N = 100 };
    g_autoptr(PbxTestHost) host = test_uniform_host(options, 200, -1);
    double x[200], sum = 0, squares_a = 0, squares_b = 0;
    for (guint64 ask = 0; ask < N; ask++) {
        g_assert_cmpint(test_suggest(host, ask, x), ==, PBX_OK);
        sum += (x[a] - 0.5) * (x[b] - 0.5);
        squares_a += (x[a] - 0.5) * (x[a] - 0.5);
        squares_b += (x[b] - 0.5) * (x[b] - 0.5);
    }
    return sum / sqrt(squares_a * squares_b);
}

/* Large primes that lie together give points on a line, unless they are scrambled. */
static void
test_scrambling_parts_large_primes(void)
{
    g_assert_cmpfloat(correlation("{\"scramble\": false}", 198, 199), >, 0.99);
    for (guint i = 20; i < 199; i += 35)
        g_assert_cmpfloat(fabs(correlation("{}", i, i + 1)), <, 0.4);
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/halton/any-space", test_any_space);
    g_test_add_func("/halton/first-points", test_first_points);
    g_test_add_func("/halton/one-in-each-part", test_one_in_each_part);
    g_test_add_func("/halton/two-hundred", test_two_hundred);
    g_test_add_func("/halton/means", test_means);
    g_test_add_func("/halton/scrambling-parts-large-primes", test_scrambling_parts_large_primes);
    return g_test_run();
}
