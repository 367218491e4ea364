/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel density estimate by itself. */
#include "bohb.h"
#include "test-bohb.h"

static const bohb_rules the_rules = {
    .min_points = 3, .bandwidth_factor = 3, .min_bandwidth = 1e-3, .n_candidates = 64};

/* An estimate of n points, each with a coordinate for each parameter of the host's space. */
static void
fit(PbxTestHost *host, pbx_instance *owner, bohb_density *density, const double *points, gsize n)
{
    const gsize n_dims = host->problem.space->n_dims;
    pbx_rng rng = pbx_rng_at(host->abi, 3, 0);
    pbx_error error;
    g_assert_cmpint(bohb_density_reserve(owner, density, host->problem.space, n, &error), ==,
                    PBX_OK);
    bohb_density_fit(density, &the_rules, points, n_dims, n, &rng);
}

static void
free_owner(pbx_instance *owner)
{
    while (owner->base.blocks)
        pbx_free(owner, owner->base.blocks + 1);
}

/* By hand: 1.06 sd n^(-1 / (4 + d)). */
static void
test_widths(void)
{
    static const double points[] = {0.1, 0, 0.2, 1,
                                    0.4, 1, 0.7, 2}; /* sds: sqrt(0.0525), sqrt(0.5) */
    g_autoptr(PbxTestHost) host =
        bohb_for("{}", "{\"x\": {\"$uniform\": [0, 1]}, \"c\": {\"$choice\": [1, 2, 3]}}");
    pbx_instance owner = {0};
    bohb_density density = {0};
    const double share = 1.06 * pow(4, -1.0 / 6);
    fit(host, &owner, &density, points, 4);
    g_assert_cmpfloat_with_epsilon(density.width[0], share * sqrt(0.0525), 1e-15);
    g_assert_cmpfloat_with_epsilon(density.width[1], share * sqrt(0.5), 1e-15);
    free_owner(&owner);
}

/* Equal values have the least width, and a category at most what is even. */
static void
test_width_bounds(void)
{
    static const double equal[] = {0.3, 1, 0.3, 1, 0.3, 1}, apart[] = {0.3, 0, 0.3, 1};
    g_autoptr(PbxTestHost) host =
        bohb_for("{}", "{\"x\": {\"$uniform\": [0, 1]}, \"c\": {\"$choice\": [1, 2]}}");
    pbx_instance owner = {0};
    bohb_density density = {0};
    fit(host, &owner, &density, equal, 3);
    g_assert_cmpfloat(density.width[0], ==, 1e-3);
    g_assert_cmpfloat(density.width[1], ==, 1e-3);
    fit(host, &owner, &density, apart, 2);
    g_assert_cmpfloat(density.width[1], <=, 0.5);
    free_owner(&owner);
}

/* By hand: the mean over the points of the products of their kernels. */
static void
test_a_value(void)
{
    static const double points[] = {0.2, 0, 0.6, 2};
    static const double at[] = {0.5, 2};
    g_autoptr(PbxTestHost) host =
        bohb_for("{}", "{\"x\": {\"$uniform\": [0, 1]}, \"c\": {\"$choice\": [1, 2, 3]}}");
    pbx_instance owner = {0};
    bohb_density density = {0};
    const double share = 1.06 * pow(2, -1.0 / 6), h = share * 0.2;
    const double c = fmin(share, 2.0 / 3);
    const double first = exp(-0.5 * pow(0.3 / h, 2)) / (h * sqrt(2 * G_PI)) * c / 2;
    const double second = exp(-0.5 * pow(0.1 / h, 2)) / (h * sqrt(2 * G_PI)) * (1 - c);
    fit(host, &owner, &density, points, 2);
    g_assert_cmpfloat_with_epsilon(exp(bohb_density_log(&density, at)), (first + second) / 2,
                                   1e-12);
    free_owner(&owner);
}

/* Over all numbers and choices it adds up to 1. */
static void
test_adds_up(void)
{
    static const double points[] = {0.2, 0, 0.6, 2, 0.9, 2, 0.1, 1, 0.15, 0};
    g_autoptr(PbxTestHost) host =
        bohb_for("{}", "{\"x\": {\"$uniform\": [0, 1]}, \"c\": {\"$choice\": [1, 2, 3]}}");
    pbx_instance owner = {0};
    bohb_density density = {0};
    double sum = 0;
    fit(host, &owner, &density, points, 5);
    for (guint c = 0; c < 3; c++)
        for (int i = -40000; i < 50000; i++) {
            const double place[] = {(i + 0.5) / 10000, c};
            sum += exp(bohb_density_log(&density, place)) / 10000;
        }
    g_assert_cmpfloat_with_epsilon(sum, 1, 1e-6);
    free_owner(&owner);
}

/* Far away too, where no kernel has a density that a double holds. */
static void
test_far_away(void)
{
    static const double points[] = {0.3, 0.3, 0.3}, at[] = {1}, farther[] = {0};
    g_autoptr(PbxTestHost) host = bohb_for("{}", ONE_DIM);
    pbx_instance owner = {0};
    bohb_density density = {0};
    fit(host, &owner, &density, points, 3);
    g_assert_cmpfloat(bohb_density_log(&density, at), <, -1e5);
    g_assert_true(isfinite(bohb_density_log(&density, at)));
    g_assert_cmpfloat(bohb_density_log(&density, at), <, bohb_density_log(&density, farther));
    free_owner(&owner);
}

/* What a point lacks is of one that has it, branch by branch; where none has it, it is anything. */
static void
test_what_is_missing(void)
{
    const double points[] = {0, 0.1, NAN, NAN, 1, NAN, 0.5, 0.6,
                             1, NAN, 0.7, 0.8, 0, 0.3, NAN, NAN};
    const double alone[] = {0, 0.1, NAN, NAN, 0, 0.2, NAN, NAN};
    g_autoptr(PbxTestHost) host = bohb_for("{}", BRANCHES);
    pbx_instance owner = {0};
    bohb_density density = {0};
    pbx_rng rng = pbx_rng_at(host->abi, 3, 0);
    fit(host, &owner, &density, points, 4);
    for (guint i = 0; i < 40; i++) {
        const double *place = density.places + 4 * (gsize)(i % 4);
        if (points[4 * (i % 4)] == 1)
            g_assert_true(place[1] == 0.1 || place[1] == 0.3);
        else
            g_assert_true((place[2] == 0.5 && place[3] == 0.6) ||
                          (place[2] == 0.7 && place[3] == 0.8));
        bohb_density_fit(&density, &the_rules, points, 4, 4, &rng);
    }
    fit(host, &owner, &density, alone, 2);
    for (guint i = 0; i < 8; i++)
        g_assert_true(density.places[i] >= 0 && density.places[i] < 1);
    free_owner(&owner);
}

/* Draws lie around the points, within the bounds, and other choices come as often as the kernel
 * says. */
static void
test_draws(void)
{
    static const double points[] = {0.02, 0, 0.05, 0, 0.98, 0, 0.95, 2};
    g_autoptr(PbxTestHost) host =
        bohb_for("{}", "{\"x\": {\"$uniform\": [0, 1]}, \"c\": {\"$choice\": [1, 2, 3]}}");
    pbx_instance owner = {0};
    bohb_density density = {0};
    pbx_rng rng = pbx_rng_at(host->abi, 4, 0);
    guint n_second = 0;
    fit(host, &owner, &density, points, 4);
    for (guint i = 0; i < 3000; i++) {
        double place[2];
        bohb_density_draw(&density, &the_rules, &rng, place);
        g_assert_true(place[0] >= 0 && place[0] <= 1);
        g_assert_true(place[1] == 0 || place[1] == 1 || place[1] == 2);
        n_second += place[1] == 1;
    }
    g_assert_cmpfloat_with_epsilon(n_second / 3000.0, density.width[1] / 3, 0.05);
    free_owner(&owner);
}

/* As wide as the kernels and the factor say. */
static void
test_spread(void)
{
    static const double points[] = {0.5, 0.5};
    g_autoptr(PbxTestHost) host = bohb_for("{}", ONE_DIM);
    pbx_instance owner = {0};
    bohb_density density = {0};
    pbx_rng rng = pbx_rng_at(host->abi, 4, 0);
    double squares = 0, place;
    fit(host, &owner, &density, points, 2);
    for (guint i = 0; i < 3000; i++) {
        bohb_density_draw(&density, &the_rules, &rng, &place);
        squares += pow(place - 0.5, 2);
    }
    g_assert_cmpfloat_with_epsilon(sqrt(squares / 3000), 3 * 1e-3, 2e-4);
    free_owner(&owner);
}

#define ADD(NAME, FUNCTION) g_test_add_func("/bohb/density/" NAME, FUNCTION)

void
density_add_tests(void)
{
    ADD("widths", test_widths);
    ADD("width-bounds", test_width_bounds);
    ADD("a-value", test_a_value);
    ADD("adds-up", test_adds_up);
    ADD("far-away", test_far_away);
    ADD("what-is-missing", test_what_is_missing);
    ADD("draws", test_draws);
    ADD("spread", test_spread);
}
