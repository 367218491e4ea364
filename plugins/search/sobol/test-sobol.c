/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "host.h"
#include "sobol.h"

static void
test_any_space(void)
{
    test_even_search("{}");
}

/* As they are without scrambling, in Gray code's order. */
static void
test_first_points(void)
{
    static const double expected[8][6] = {
        {0, 0, 0, 0, 0, 0},
        {0.5, 0.5, 0.5, 0.5, 0.5, 0.5},
        {0.75, 0.25, 0.25, 0.25, 0.75, 0.75},
        {0.25, 0.75, 0.75, 0.75, 0.25, 0.25},
        {0.375, 0.375, 0.625, 0.875, 0.375, 0.125},
        {0.875, 0.875, 0.125, 0.375, 0.875, 0.625},
        {0.625, 0.125, 0.875, 0.625, 0.625, 0.875},
        {0.125, 0.625, 0.375, 0.125, 0.125, 0.375},
    };
    g_autoptr(PbxTestHost) host = test_uniform_host("{\"scramble\": false}", 6, -1);
    for (guint64 ask = 0; ask < 8; ask++) {
        double x[6];
        g_assert_cmpint(test_suggest(host, ask, x), ==, PBX_OK);
        for (guint i = 0; i < 6; i++)
            g_assert_cmpfloat(x[i], ==, expected[ask][i]);
    }
}

/* ---- The table ---- */

static guint
degree_of(guint polynomial)
{
    return g_bit_storage(polynomial) - 1;
}

/* x^n modulo the polynomial. */
static guint
power_of_x(guint polynomial, guint n)
{
    guint power = 1, degree = degree_of(polynomial);
    for (; n > 0; n--) {
        power <<= 1;
        if (power >> degree != 0)
            power ^= polynomial;
    }
    return power;
}

/* x goes through all 2^degree - 1 powers before it is 1 again. */
static gboolean
is_primitive(guint polynomial)
{
    guint all = (1u << degree_of(polynomial)) - 1;
    if (power_of_x(polynomial, all) != 1)
        return FALSE;
    for (guint n = 1; n <= all / 2; n++)
        if (all % n == 0 && power_of_x(polynomial, n) == 1)
            return FALSE;
    return TRUE;
}

/* All primitive polynomials up to the table's degree (there are 480), each once; the numbers are
 * odd, the k-th below 2^k. */
static void
test_table(void)
{
    guint before = 0;
    for (guint i = 0; i < SOBOL_N_TABLE; i++) {
        guint polynomial = sobol_table[i].polynomial, degree = degree_of(polynomial);
        g_assert_cmpuint(polynomial, >, before);
        before = polynomial;
        g_assert_cmpuint(degree, <=, SOBOL_MAX_DEGREE);
        g_assert_true(degree == 1 || is_primitive(polynomial));
        for (guint k = 0; k < SOBOL_MAX_DEGREE; k++) {
            guint number = sobol_table[i].numbers[k];
            g_assert_true(k < degree ? number % 2 == 1 && number >> (k + 1) == 0 : number == 0);
        }
    }
    g_assert_cmpuint(degree_of(before), ==, SOBOL_MAX_DEGREE);
}

/* ---- How even they are ---- */

/* Of 2^m points that follow each other one lies in each of 2^m parts of each range, past the
 * table too, from whichever multiple of 2^m on. */
static void
test_one_in_each_part(void)
{
    g_autoptr(PbxTestHost) plain =
        test_uniform_host("{\"scramble\": false}", SOBOL_N_TABLE + 1, -1);
    g_autoptr(PbxTestHost) scrambled = test_uniform_host("{}", SOBOL_N_TABLE + 30, -1);
    for (guint n = 1; n <= 256; n *= 4) {
        test_even_parts(plain, 0, n);
        test_even_parts(scrambled, 0, n);
        test_even_parts(scrambled, 3 * n, n);
    }
    test_even_parts(scrambled, (G_GUINT64_CONSTANT(1) << 33) + 64, 64);
}

/* The first two coordinates are a (0, m, 2)-net: one point in each box of the size 2^-m, whatever
 * its shape. */
static void
check_boxes(const char *options)
{
    enum { M = 8 };
    g_autoptr(PbxTestHost) host = test_uniform_host(options, 2, -1);
    for (guint wide = 0; wide <= M; wide++) {
        guint8 seen[1 << M] = {0};
        for (guint64 ask = 0; ask < 1 << M; ask++) {
            double x[2];
            g_assert_cmpint(test_suggest(host, ask, x), ==, PBX_OK);
            guint box =
                (guint)(x[0] * (1 << wide)) << (M - wide) | (guint)(x[1] * (1 << (M - wide)));
            g_assert_cmpuint(seen[box]++, ==, 0);
        }
    }
}

static void
test_one_in_each_box(void)
{
    check_boxes("{}");
    check_boxes("{\"scramble\": false}");
}

/* The error of a mean falls about as 1/n; that of random points, 0.3 / sqrt(n), is far larger. */
static void
test_means(void)
{
    g_autoptr(PbxTestHost) host = test_uniform_host("{}", 10, -1);
    g_assert_cmpfloat(test_even_error(host, 256), <, 1e-3);
    g_assert_cmpfloat(test_even_error(host, 4096), <, 5e-5);
}

/* Parameters far from each other in the table, and past its end, go their own ways. */
static void
test_pairs(void)
{
    enum { N = 4096 };
    static const guint pairs[][2] = {{0, 1},     {5, 300},   {0, 481},  {1, 482},
                                     {100, 581}, {481, 482}, {479, 480}};
    g_autoptr(PbxTestHost) host = test_uniform_host("{}", 600, -1);
    g_autofree double *points = g_new(double, N * 600);
    for (guint64 ask = 0; ask < N; ask++)
        g_assert_cmpint(test_suggest(host, ask, points + ask * 600), ==, PBX_OK);
    for (guint pair = 0; pair < G_N_ELEMENTS(pairs); pair++) {
        guint boxes[64] = {0};
        for (guint i = 0; i < N; i++) {
            const double *x = points + (gsize)i * 600;
            boxes[(guint)(x[pairs[pair][0]] * 8) * 8 + (guint)(x[pairs[pair][1]] * 8)]++;
        }
        for (guint i = 0; i < 64; i++)
            g_assert_true(boxes[i] > 30 && boxes[i] < 100);
    }
}

/* ---- What is refused ---- */

static void
test_no_scrambling_of_many(void)
{
    g_autoptr(PbxTestHost) host = test_uniform_host("{\"scramble\": false}", 1, -1);
    g_autoptr(PbxTestHost) many = test_uniform_host("{}", SOBOL_N_TABLE + 2, -1);
    const pbx_search *search = host->vtable;
    g_assert_cmpint(search->setup(host->self, &many->problem, &host->error), ==, PBX_EINVAL);
    g_assert_cmpstr(host->error.where, ==, "scramble");
    g_assert_cmpstr(host->error.message, ==,
                    "cannot be false with more than 481 parameters, and there are 482");
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    g_test_add_func("/sobol/any-space", test_any_space);
    g_test_add_func("/sobol/first-points", test_first_points);
    g_test_add_func("/sobol/table", test_table);
    g_test_add_func("/sobol/one-in-each-part", test_one_in_each_part);
    g_test_add_func("/sobol/one-in-each-box", test_one_in_each_box);
    g_test_add_func("/sobol/means", test_means);
    g_test_add_func("/sobol/pairs", test_pairs);
    g_test_add_func("/sobol/no-scrambling-of-many", test_no_scrambling_of_many);
    return g_test_run();
}
