/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How near it comes to the least loss of two functions of the literature. With `-m slow` as the
 * README tells it, over 30 seeds, and what a suggestion costs. */
#include <time.h>

#include "test-gp.h"

#define BRANIN "{\"x\": {\"$uniform\": [-5, 10]}, \"y\": {\"$uniform\": [0, 15]}}"
#define SIX                                                                                        \
    "{\"a\": {\"$uniform\": [0, 1]}, \"b\": {\"$uniform\": [0, 1]}, \"c\": {\"$uniform\": [0, "    \
    "1]}, \"d\": {\"$uniform\": [0, 1]}, \"e\": {\"$uniform\": [0, 1]}, \"f\": {\"$uniform\": "    \
    "[0, 1]}}"

/* Less its least value. */
static double
branin(const double *x)
{
    const double b = 5.1 / (4 * G_PI * G_PI), c = 5 / G_PI;
    return pow(x[1] - b * x[0] * x[0] + c * x[0] - 6, 2) + 10 * (1 - 1 / (8 * G_PI)) * cos(x[0]) +
           10 - 0.39788735773;
}

static double
hartmann(const double *x)
{
    static const double alpha[] = {1, 1.2, 3, 3.2};
    static const double a[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                   {0.05, 10, 17, 0.1, 8, 14},
                                   {3, 3.5, 1.7, 10, 17, 8},
                                   {17, 8, 0.05, 10, 0.1, 14}};
    static const double p[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                                   {2329, 4135, 8307, 3736, 1004, 9991},
                                   {2348, 1451, 3522, 2883, 3047, 6650},
                                   {4047, 8828, 8732, 5743, 1091, 381}};
    double sum = 3.32236801;
    for (guint i = 0; i < 4; i++) {
        double square = 0;
        for (guint j = 0; j < 6; j++)
            square += a[i][j] * pow(x[j] - 1e-4 * p[i][j], 2);
        sum -= alpha[i] * exp(-square);
    }
    return sum;
}

/* The least of n trials, one after the other. */
static double
least_of(guint64 seed, const char *config, double (*function)(const double *), guint n)
{
    double x[6], least = INFINITY;
    test_host_seed(seed);
    g_autoptr(PbxTestHost) host = test_search_host("{\"patience\": 0}", config);
    for (guint64 trial = 0; trial < n; trial++) {
        test_ask(host, trial, x);
        test_tell(host, trial, x, function(x));
        least = MIN(least, function(x));
    }
    test_host_seed(7);
    return least;
}

static int
compare(const void *a, const void *b)
{
    const double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

static void
check(const char *config, double (*function)(const double *), guint n, double at_most)
{
    double least[30];
    const guint n_seeds = g_test_slow() ? 30 : 5;
    for (guint seed = 0; seed < n_seeds; seed++)
        least[seed] = least_of(seed, config, function, n);
    qsort(least, n_seeds, sizeof(double), compare);
    g_test_message("after %u trials, %u seeds: %.3g, median %.3g, %.3g", n, n_seeds,
                   least[n_seeds / 4], least[n_seeds / 2], least[n_seeds * 3 / 4]);
    g_assert_cmpfloat(least[n_seeds / 2], <, at_most);
}

static void
test_branin(void)
{
    check(BRANIN, branin, 50, 0.01);
}

static void
test_hartmann(void)
{
    if (g_test_slow())
        check(SIX, hartmann, 100, 0.1);
    else
        check(SIX, hartmann, 60, 0.3);
}

static double
processor_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Told, not judged: no test depends on time. */
static void
test_cost(void)
{
    static const guint sizes[] = {50, 100, 300, 1000};
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(PbxTestHost) host = test_search_host("{\"patience\": 0}", SIX);
        double x[6], fitted, began;
        for (guint64 trial = 0; trial < sizes[i]; trial++) {
            for (guint j = 0; j < 6; j++)
                x[j] = fmod(0.5 + (double)trial * (0.137 + 0.618034 / (j + 1)), 1);
            test_tell(host, trial, x, hartmann(x));
        }
        began = processor_ms();
        test_ask(host, 5000, x);
        fitted = processor_ms();
        for (guint64 number = 5001; number < 5011; number++) {
            test_ask(host, number, x);
            test_end_with(host, number, x, PBX_END_DUPLICATE, NULL);
        }
        g_test_message("at %u trials: %.1f ms a suggestion, %.1f ms more with a fit", sizes[i],
                       (processor_ms() - fitted) / 10,
                       fitted - began - (processor_ms() - fitted) / 10);
    }
}

void
quality_add_tests(void)
{
    /* Under valgrind each of these takes minutes, and shows nothing that the others do not. */
    if (g_getenv("PEGBOX_TEST_VALGRIND") == NULL) {
        g_test_add_func("/gp/quality/branin", test_branin);
        g_test_add_func("/gp/quality/hartmann", test_hartmann);
    }
    if (g_test_slow())
        g_test_add_func("/gp/quality/cost", test_cost);
}
