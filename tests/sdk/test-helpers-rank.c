/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox/helpers/rank.h and hypervolume.h: against what follows from their definitions. */
#include <glib.h>
#include <math.h>
#include <pegbox/helpers/hypervolume.h>

#define ROWS 60

/* Few values, so that equal rows and equal objectives come too. */
static void
draw(GRand *generator, double *losses, guint n, guint m, int values)
{
    for (guint i = 0; i < n * m; i++)
        losses[i] = g_rand_int_range(generator, 0, values);
}

/* By their definition, in any order. */
static void
slow_ranks(const double *losses, guint n, guint m, guint32 *rank)
{
    gboolean changed = TRUE;
    memset(rank, 0, n * sizeof *rank);
    while (changed) {
        changed = FALSE;
        for (guint i = 0; i < n; i++)
            for (guint j = 0; j < n; j++)
                if (pbx_dominates(&losses[j * m], &losses[i * m], m) && rank[i] <= rank[j]) {
                    rank[i] = rank[j] + 1;
                    changed = TRUE;
                }
    }
}

static void
test_ranks(void)
{
    g_autoptr(GRand) generator = g_rand_new_with_seed(1);
    for (guint round = 0; round < 200; round++) {
        const guint m = 1 + round % 4, n = (guint)g_rand_int_range(generator, 0, ROWS);
        double losses[ROWS * 4];
        guint32 rank[ROWS], slow[ROWS];
        guint8 front[ROWS];
        draw(generator, losses, n, m, 9);
        if (n > 0 && round % 5 == 0)
            losses[0] = (double)NAN;
        if (n > 1 && round % 7 == 0)
            losses[m] = (double)INFINITY;
        slow_ranks(losses, n, m, slow);
        g_assert_cmpint(pbx_ranks(losses, n, m, rank), ==, PBX_OK);
        g_assert_cmpint(pbx_front(losses, n, m, front), ==, PBX_OK);
        for (guint i = 0; i < n; i++) {
            g_assert_cmpuint(rank[i], ==, slow[i]);
            g_assert_cmpint(front[i], ==, slow[i] == 0);
        }
    }
}

static void
test_constraints_come_first(void)
{
    static const double losses[] = {5, 5, 1, 1, 4, 4, 0, 0, 2, 2, 3, 3};
    static const double violation[] = {0, 2, -1, 1, 2, (double)NAN};
    static const guint32 expected[] = {1, 3, 0, 2, 3, 4};
    guint32 rank[6];
    g_assert_cmpint(pbx_ranks_constrained(losses, violation, 6, 2, rank), ==, PBX_OK);
    for (guint i = 0; i < 6; i++)
        g_assert_cmpuint(rank[i], ==, expected[i]);
    g_assert_cmpint(pbx_ranks_constrained(losses, violation, 0, 2, rank), ==, PBX_OK);
}

static void
test_crowding(void)
{
    static const double front[] = {0, 10, 1, 6, 4, 4, 10, 0};
    guint32 rank[4];
    double room[4];
    g_assert_cmpint(pbx_ranks(front, 4, 2, rank), ==, PBX_OK);
    g_assert_cmpint(pbx_crowding(front, 4, 2, rank, room), ==, PBX_OK);
    g_assert_true(isinf(room[0]) && isinf(room[3]));
    g_assert_cmpfloat_with_epsilon(room[1], 4. / 10 + 6. / 10, 1e-12);
    g_assert_cmpfloat_with_epsilon(room[2], 9. / 10 + 6. / 10, 1e-12);
}

/* ---- Hypervolume ---- */

static double
volume_of(const double *losses, guint n, guint m, const double *reference)
{
    double volume = -1;
    g_assert_cmpint(pbx_hypervolume(losses, n, m, reference, &volume), ==, PBX_OK);
    return volume;
}

/* Numbers that two other programs agree on. */
static void
test_hypervolume_vectors(void)
{
    static const double four[] = {4, 4, 4, 4}, five[] = {5, 5, 5, 5};
    static const double line[] = {1, 3, 2, 2, 3, 1};
    static const double dominated[] = {1, 3, 2, 2, 2.5, 2.5};
    static const double three[] = {1, 2, 3, 2, 1, 3, 3, 3, 1};
    static const double many[] = {1, 2, 3, 4, 4, 3, 2, 1, 2, 2, 2, 2.5};
    g_assert_cmpfloat_with_epsilon(volume_of(line, 3, 2, four), 6, 1e-12);
    g_assert_cmpfloat_with_epsilon(volume_of(dominated, 3, 2, four), 5, 1e-12);
    g_assert_cmpfloat_with_epsilon(volume_of(three, 3, 3, four), 10, 1e-12);
    g_assert_cmpfloat_with_epsilon(volume_of(many, 3, 4, five), 82.5, 1e-12);
}

/* Rows are whole numbers: of each unit cube either all or nothing is dominated. */
static double
count_cubes(const double *losses, guint n, guint m, guint side)
{
    guint cubes = 1, count = 0;
    for (guint k = 0; k < m; k++)
        cubes *= side;
    for (guint cube = 0; cube < cubes; cube++) {
        gboolean any = FALSE;
        for (guint i = 0; i < n && !any; i++) {
            guint rest = cube;
            any = TRUE;
            for (guint k = 0; k < m; k++, rest /= side)
                any = any && losses[i * m + k] <= rest % side;
        }
        count += any;
    }
    return count;
}

static void
test_hypervolume_counted(void)
{
    static const double reference[] = {6, 6, 6, 6, 6};
    g_autoptr(GRand) generator = g_rand_new_with_seed(2);
    for (guint round = 0; round < 100; round++) {
        const guint m = 1 + round % 5, n = (guint)g_rand_int_range(generator, 0, 20);
        double losses[20 * 5];
        draw(generator, losses, n, m, 8);
        if (n > 0 && round % 3 == 0)
            losses[0] = (double)INFINITY;
        if (n > 1 && round % 4 == 0)
            losses[m] = (double)NAN;
        g_assert_cmpfloat_with_epsilon(volume_of(losses, n, m, reference),
                                       count_cubes(losses, n, m, 6), 1e-9);
    }
}

/* The same as trying each row each time. */
static void
test_subset_is_greedy(void)
{
    static const double reference[] = {20, 20, 20};
    g_autoptr(GRand) generator = g_rand_new_with_seed(3);
    for (guint round = 0; round < 60; round++) {
        const guint m = 2 + round % 2, n = 15, wanted = round % 18;
        double losses[15 * 3], set[15 * 3];
        gsize chosen[15];
        gboolean taken[15] = {FALSE};
        draw(generator, losses, n, m, 20);
        g_assert_cmpint(pbx_hypervolume_subset(losses, n, m, reference, wanted, chosen), ==,
                        PBX_OK);
        for (guint k = 0; k < MIN(wanted, n); k++) {
            double most = -1;
            guint best = 0;
            for (guint i = 0; i < n; i++) {
                memcpy(&set[k * m], &losses[i * m], m * sizeof(double));
                const double volume = taken[i] ? -1 : volume_of(set, k + 1, m, reference);
                if (volume > most + 1e-9) {
                    most = volume;
                    best = i;
                }
            }
            g_assert_cmpuint(chosen[k], ==, best);
            taken[best] = TRUE;
            memcpy(&set[k * m], &losses[best * m], m * sizeof(double));
        }
    }
}

static void
test_reference(void)
{
    static const double losses[] = {1, -4, 0, 2, -2, 0, (double)INFINITY, (double)NAN, -1};
    double reference[3];
    pbx_reference(losses, 3, 3, reference);
    g_assert_cmpfloat_with_epsilon(reference[0], 2.2, 1e-12);
    g_assert_cmpfloat_with_epsilon(reference[1], -1.8, 1e-12);
    g_assert_cmpfloat(reference[2], ==, 1e-12);
}

#define ADD(NAME, FUNCTION) g_test_add_func("/helpers/rank/" NAME, FUNCTION)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("ranks", test_ranks);
    ADD("constraints-come-first", test_constraints_come_first);
    ADD("crowding", test_crowding);
    ADD("hypervolume-vectors", test_hypervolume_vectors);
    ADD("hypervolume-counted", test_hypervolume_counted);
    ADD("subset-is-greedy", test_subset_is_greedy);
    ADD("reference", test_reference);
    return g_test_run();
}
