/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox/helpers/space.h: values and points go to numbers and back. */
#include <glib.h>
#include <pegbox/helpers.h>

#define DIM .struct_size = sizeof(pbx_dim), .parent = -1
static const pbx_dim dims[] = {
    {DIM, .low = -2, .high = 3},
    {DIM, .flags = PBX_DIM_LOG, .low = 1e-10, .high = 0.1},
    {DIM, .low = 0, .high = 0.9, .quantum = 0.3},
    {DIM, .flags = PBX_DIM_LOG, .low = 0.5, .high = 2, .quantum = 0.5},
    {DIM, .type = PBX_DIM_INT, .low = -3, .high = 7},
    {DIM, .type = PBX_DIM_INT, .low = 0, .high = 10, .quantum = 5},
    {DIM, .type = PBX_DIM_INT, .flags = PBX_DIM_LOG, .low = 1, .high = 99},
    {DIM, .type = PBX_DIM_INT, .flags = PBX_DIM_LOG, .low = 2, .high = 8, .quantum = 2},
    {DIM, .type = PBX_DIM_NORMAL, .mean = 3, .sd = 2},
    {DIM, .type = PBX_DIM_NORMAL, .mean = 0, .sd = 1, .quantum = 0.5},
    {DIM, .type = PBX_DIM_CATEGORY, .n_choices = 7},
};

static void
test_there_and_back(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(dims); i++) {
        const pbx_dim *dim = &dims[i];
        gboolean whole =
            dim->quantum > 0 || dim->type == PBX_DIM_INT || dim->type == PBX_DIM_CATEGORY;
        for (double u = 0; u <= 1; u += 1. / 512) {
            double x = pbx_from_unit(dim, u), back = pbx_to_unit(dim, x);
            g_assert_true(isfinite(x) && back >= 0 && back <= 1);
            if (whole)
                g_assert_cmpfloat(pbx_from_unit(dim, back), ==, x);
            else
                g_assert_cmpfloat_with_epsilon(back, u, 1e-9);
        }
        g_assert_true(isnan(pbx_to_unit(dim, (double)NAN)));
    }
}

/* To the last bit what a person would write, however it is come by. */
static void
test_steps_are_exact(void)
{
    static const pbx_dim exact[] = {
        {DIM, .low = 0, .high = 0.6, .quantum = 0.05},
        {DIM, .type = PBX_DIM_NORMAL, .mean = 0.15, .sd = 1e-9, .quantum = 0.05},
        {DIM, .flags = PBX_DIM_LOG, .low = 0.1, .high = 1, .quantum = 0.05},
    };
    for (guint i = 0; i < G_N_ELEMENTS(exact); i++) {
        g_assert_cmpfloat(pbx_from_unit(&exact[i], pbx_to_unit(&exact[i], 0.15)), ==, 0.15);
        g_assert_cmpfloat(pbx_from_unit(&exact[i], pbx_to_unit(&exact[i], 3 * 0.05)), ==, 0.15);
    }
    g_assert_cmpfloat(pbx_quantise(0.31, 0.1), ==, 0.3);
    g_assert_cmpfloat(pbx_quantise(-0.31, 0.1), ==, -0.3);
    g_assert_cmpfloat(pbx_quantise(1.9e17, 2e16), ==, 2e17);
    g_assert_false(signbit(pbx_quantise(-0.01, 0.1)));
}

/* Even places go to all steps alike: a sequence of halves and quarters meets the bounds of the
 * intervals. */
static void
test_steps_are_even(void)
{
    static const pbx_dim four = {DIM, .type = PBX_DIM_INT, .low = 0, .high = 3};
    for (int i = 0; i < 4; i++)
        g_assert_cmpfloat(pbx_from_unit(&four, i / 4.0), ==, i);
}

static void
test_ends_stay_inside(void)
{
    static const double beyond[] = {-1e300, -1, 0, 1, 2, 1e300};
    for (guint i = 0; i < G_N_ELEMENTS(dims); i++) {
        for (guint k = 0; k < G_N_ELEMENTS(beyond); k++) {
            double x = pbx_from_unit(&dims[i], beyond[k]);
            g_assert_true(isfinite(x));
            if (dims[i].type == PBX_DIM_CATEGORY)
                g_assert_true(x >= 0 && x < dims[i].n_choices);
            else if (dims[i].type != PBX_DIM_NORMAL)
                g_assert_true(x >= dims[i].low && x <= dims[i].high);
        }
    }
    g_assert_cmpfloat(pbx_from_unit(&dims[0], 1), <, 3); /* open */
    g_assert_cmpfloat(pbx_from_unit(&dims[2], 1), ==, 0.9);
    g_assert_cmpfloat(pbx_from_unit(&dims[4], 1), ==, 7);
}

/* The middle of what a whole value owns: v - q/2 to v + q/2, or v to v + 1 in a logarithm. */
static void
test_whole_values_own_an_interval(void)
{
    g_assert_cmpfloat_with_epsilon(pbx_to_unit(&dims[4], -3), 0.5 / 11, 1e-12);
    g_assert_cmpfloat_with_epsilon(pbx_to_unit(&dims[5], 5), 0.5, 1e-12);
    g_assert_cmpfloat_with_epsilon(pbx_to_unit(&dims[6], 1), log(1.5) / log(100), 1e-12);
    g_assert_cmpfloat_with_epsilon(pbx_to_unit(&dims[7], 2), log(2) / log(9), 1e-12);
    g_assert_cmpfloat_with_epsilon(pbx_to_unit(&dims[10], 3), 0.5, 1e-12);
}

static void
test_normal_inverse(void)
{
    g_assert_cmpfloat_with_epsilon(pbx_normal_inverse(0.975), 1.959963984540054, 1e-14);
    g_assert_cmpfloat_with_epsilon(pbx_normal_inverse(0.5), 0, 1e-15);
    g_assert_cmpfloat_with_epsilon(pbx_normal_inverse(1e-300), -37.0471, 1e-4);
    for (double p = 1e-12; p < 1; p *= 1.7) {
        double z = pbx_normal_inverse(p);
        g_assert_cmpfloat_with_epsilon(pbx_normal_cdf(z) / p, 1, 1e-12);
        if (p > 1e-3 && p < 0.5)
            g_assert_cmpfloat_with_epsilon(pbx_normal_inverse(1 - p), -z, 1e-10);
    }
}

static void
test_active(void)
{
    pbx_dim child = dims[0];
    double x[] = {2, 0};
    g_assert_true(pbx_active(&child, x));
    child.parent = 0;
    child.parent_choice = 2;
    g_assert_true(pbx_active(&child, x));
    x[0] = 1;
    g_assert_false(pbx_active(&child, x));
    x[0] = (double)NAN;
    g_assert_false(pbx_active(&child, x));
}

/* ---- The scale ---- */

/* On which the interval that a value owns has the part of [a, b] that it has of [0, 1]. */
static void
test_values_own_their_part_of_the_scale(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(dims); i++) {
        pbx_scale scale = pbx_scale_of(&dims[i]);
        for (double u = 1. / 1024; u < 1; u += 1. / 256) {
            double x = pbx_from_unit(&dims[i], u), from, to;
            double place = pbx_scale_at(&scale, x);
            pbx_scale_cell(&scale, x, &from, &to);
            g_assert_true(from <= place && place <= to && from >= scale.a - 1e-12 &&
                          to <= scale.b + 1e-12);
            g_assert_true((from == to) == (scale.quantum <= 0));
            g_assert_cmpfloat_with_epsilon(pbx_scale_value(&scale, place), x, 1e-12);
            if (from == to)
                continue;
            g_assert_cmpfloat(pbx_scale_value(&scale, from + 1e-9), ==, x);
            g_assert_cmpfloat(pbx_scale_value(&scale, to - 1e-9), ==, x);
        }
        g_assert_true(isnan(pbx_scale_at(&scale, (double)NAN)));
    }
}

static void
test_scale(void)
{
    pbx_scale log_scale = pbx_scale_of(&dims[1]), whole = pbx_scale_of(&dims[4]);
    pbx_scale normal = pbx_scale_of(&dims[9]), category = pbx_scale_of(&dims[10]);
    double from, to;
    g_assert_cmpfloat(log_scale.a, ==, log(1e-10));
    g_assert_cmpfloat(log_scale.b, ==, log(0.1));
    g_assert_cmpfloat(whole.a, ==, -3.5);
    g_assert_cmpfloat(whole.b, ==, 7.5);
    g_assert_cmpfloat(pbx_scale_value(&whole, 100), ==, 7);
    g_assert_cmpfloat(normal.a, ==, -(double)INFINITY);
    pbx_scale_cell(&normal, 0.5, &from, &to);
    g_assert_cmpfloat(from, ==, 0.25);
    g_assert_cmpfloat(to, ==, 0.75);
    g_assert_cmpfloat(category.b, ==, 7);
    g_assert_cmpfloat(pbx_scale_value(&category, 7), ==, 6);
    g_assert_cmpfloat(pbx_scale_value(&category, -1), ==, 0);
}

/* ---- The cube ---- */

static void
test_cube(void)
{
    pbx_dim choice = {DIM, .type = PBX_DIM_CATEGORY, .n_choices = 2};
    pbx_dim first = {DIM, .low = 0, .high = 8}, inner = choice, last = first;
    const pbx_dim *list[] = {&choice, &first, &inner, &last};
    pbx_space space = {.struct_size = sizeof space, .n_dims = 4, .dims = list};
    double u[] = {0.3, 0.25, 0.8, 0.5}, x[4], back[4];
    first.parent = inner.parent = 0;
    inner.parent_choice = 1;
    last.parent = 2;
    pbx_from_cube(&space, u, x);
    g_assert_true(x[0] == 0 && x[1] == 2 && isnan(x[2]) && isnan(x[3]));
    pbx_to_cube(&space, x, back);
    g_assert_true(back[0] == 0.25 && back[1] == 0.25 && isnan(back[2]) && isnan(back[3]));
    u[0] = 0.6;
    u[2] = 0.1;
    pbx_from_cube(&space, u, u); /* in place */
    g_assert_true(u[0] == 1 && isnan(u[1]) && u[2] == 0 && u[3] == 4);
}

/* Also where low and high are farther apart than the largest number. */
static void
test_wide_bounds(void)
{
    const pbx_dim wide = {DIM, .low = -1.5e308, .high = 1.5e308};
    g_assert_cmpfloat(pbx_from_unit(&wide, 0), ==, -1.5e308);
    g_assert_cmpfloat(pbx_from_unit(&wide, 0.5), ==, 0);
    g_assert_cmpfloat_with_epsilon(pbx_from_unit(&wide, 0.75), 0.75e308, 1e295);
    g_assert_cmpfloat_with_epsilon(pbx_to_unit(&wide, 0.75e308), 0.75, 1e-15);
}

static void
test_sort_names(void)
{
    pbx_dim c = {DIM, .name = "c"}, a = {DIM, .name = "a"}, b = {DIM, .name = "b"};
    const pbx_dim *dims_of_file[] = {&c, &a, &b}, *const * list[3];
    pbx_space space = {.struct_size = sizeof space, .n_dims = 3, .dims = dims_of_file};
    pbx_sort_names(&space, list);
    g_assert_true(list[0] - space.dims == 1 && list[1] - space.dims == 2 && *list[2] == &c);
    space.n_dims = 0;
    pbx_sort_names(&space, list);
}

#define ADD(NAME, FUNCTION) g_test_add_func("/helpers/" NAME, FUNCTION)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("unit/there-and-back", test_there_and_back);
    ADD("unit/wide-bounds", test_wide_bounds);
    ADD("unit/steps-are-exact", test_steps_are_exact);
    ADD("unit/steps-are-even", test_steps_are_even);
    ADD("unit/ends-stay-inside", test_ends_stay_inside);
    ADD("unit/whole-values-own-an-interval", test_whole_values_own_an_interval);
    ADD("unit/normal-inverse", test_normal_inverse);
    ADD("unit/active", test_active);
    ADD("scale/values-own-their-part", test_values_own_their_part_of_the_scale);
    ADD("scale/bounds", test_scale);
    ADD("cube", test_cube);
    ADD("sort-names", test_sort_names);
    return g_test_run();
}
