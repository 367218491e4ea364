/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Importance: PED-ANOVA against figures of Optuna 5.0 on the same points, fANOVA where the answer
 * is known. */
#include <math.h>

#include "analysis/importance.h"

#define N_DIMS 6
enum { A, B, L, K, W, Q };

static const pbx_dim all_dims[N_DIMS] = {
    [A] = {.type = PBX_DIM_REAL, .parent = -1, .low = 0, .high = 1, .name = "a"},
    [B] = {.type = PBX_DIM_INT, .parent = -1, .low = 0, .high = 4, .name = "b"},
    [L] = {.type = PBX_DIM_REAL,
           .flags = PBX_DIM_LOG,
           .parent = -1,
           .low = 1e-4,
           .high = 1,
           .name = "l"},
    [K] = {.type = PBX_DIM_CATEGORY, .parent = -1, .n_choices = 3, .name = "k"},
    [W] = {.type = PBX_DIM_INT,
           .flags = PBX_DIM_LOG,
           .parent = -1,
           .low = 8,
           .high = 1024,
           .name = "w"},
    [Q] = {.type = PBX_DIM_REAL, .parent = -1, .low = 0, .high = 0.6, .quantum = 0.05, .name = "q"},
};

/* Dims of all_dims, and room for their points. */
static PbxSamples
make(const guint *which, guint n_dims, guint n, const pbx_dim **dims)
{
    for (guint i = 0; i < n_dims; i++)
        dims[i] = &all_dims[which[i]];
    return (PbxSamples){.n = n,
                        .n_dims = n_dims,
                        .dims = dims,
                        .x = g_new0(double, (gsize)n *n_dims),
                        .losses = g_new0(double, n)};
}

static double
part_of(double value)
{
    return value - floor(value);
}

static double
point_of(guint dim, guint i)
{
    switch (dim) {
    case A:
        return part_of((i + 1) * 0.6180339887498949);
    case B:
        return i * 7 % 5;
    case L:
        return pow(10, -4 + 4 * part_of((i + 1) * 0.7548776662466927));
    case K:
        return (i * 3 + i / 4) % 3;
    case W:
        return 8 + i * 37 % 1017;
    default:
        return 0.05 * (i * 5 % 13);
    }
}

static double
loss_of(guint i)
{
    const double a = point_of(A, i), l = log10(point_of(L, i)), q = point_of(Q, i);
    return (a - 0.3) * (a - 0.3) + 0.05 * point_of(B, i) + 0.2 * (l + 2) * (l + 2) +
           (point_of(K, i) < 0.5 ? 0.3 : 0) + 0.05 * log2(point_of(W, i)) + q * q;
}

static void
fill(PbxSamples *samples, const guint *which)
{
    for (guint i = 0; i < samples->n; i++) {
        for (guint j = 0; j < samples->n_dims; j++)
            samples->x[i * samples->n_dims + j] = point_of(which[j], i);
        samples->losses[i] = loss_of(i);
    }
}

/* Of numbers: Optuna smooths choices otherwise. */
static void
test_figures(void)
{
    static const guint which[] = {A, B, L, W, Q};
    /* Optuna 5.0: PedAnovaImportanceEvaluator(target_quantile=...). */
    static const double at_10[] = {0.08225770830518221, 0.01377777982020105, 0.17495971319725573,
                                   0.5592436277347792, 0.1280433853419219};
    static const double at_25[] = {0.18542680055186542, 0.04679257458893889, 0.1829720785880838,
                                   0.36105986845082544, 0.1662993266245624};
    enum { N = G_N_ELEMENTS(which) };
    const pbx_dim *dims[N];
    double found[N], sums[2] = {0, 0};
    g_auto(PbxSamples) samples = make(which, N, 80, dims);
    fill(&samples, which);
    for (guint i = 0; i < N; i++) {
        sums[0] += at_10[i];
        sums[1] += at_25[i];
    }
    g_assert_cmpuint(ped_anova_n_top(&samples, 0.1), ==, 8);
    importance_ped_anova(&samples, 0.1, found);
    for (guint i = 0; i < N; i++)
        g_assert_cmpfloat_with_epsilon(found[i], at_10[i] / sums[0], 1e-9);
    importance_ped_anova(&samples, 0.25, found);
    for (guint i = 0; i < N; i++)
        g_assert_cmpfloat_with_epsilon(found[i], at_25[i] / sums[1], 1e-9);
}

/* f = k + a / 10: the best third has one choice, the best tenth of all small values of `a` too. */
static void
test_choice_matters(void)
{
    static const guint which[] = {A, K};
    const pbx_dim *dims[2];
    double found[2];
    g_auto(PbxSamples) samples = make(which, 2, 150, dims);
    fill(&samples, which);
    for (guint i = 0; i < samples.n; i++)
        samples.losses[i] = samples.x[i * 2 + 1] + samples.x[i * 2] / 10;
    importance_ped_anova(&samples, 0.33, found);
    g_assert_cmpfloat(found[1], >, 0.98);
    /* That many of one choice say nearly that it is the only one: p = 0.86 of 1/3 before. */
    importance_ped_anova(&samples, 0.1, found);
    g_assert_cmpfloat(found[1], >, 0.3);
}

static void
test_order(void)
{
    static const guint one[N_DIMS] = {A, B, L, K, W, Q}, other[N_DIMS] = {Q, W, K, L, B, A};
    const pbx_dim *dims[N_DIMS], *other_dims[N_DIMS];
    double found[N_DIMS], other_found[N_DIMS];
    g_auto(PbxSamples) samples = make(one, N_DIMS, 80, dims);
    g_auto(PbxSamples) turned = make(other, N_DIMS, 80, other_dims);
    fill(&samples, one);
    fill(&turned, other);
    importance_ped_anova(&samples, 0.1, found);
    importance_ped_anova(&turned, 0.1, other_found);
    for (guint i = 0; i < N_DIMS; i++)
        g_assert_cmpfloat_with_epsilon(found[i], other_found[N_DIMS - 1 - i], 1e-12);
    importance_fanova(&samples, 64, 0, found, NULL);
    importance_fanova(&turned, 64, 0, other_found, NULL);
    for (guint i = 0; i < N_DIMS; i++)
        g_assert_cmpfloat_with_epsilon(found[i], other_found[N_DIMS - 1 - i], 0.05);
}

/* f = a + q / 1000 */
static void
test_one_matters(void)
{
    static const guint which[2] = {A, Q};
    const pbx_dim *dims[2];
    double found[2];
    g_auto(PbxSamples) samples = make(which, 2, 200, dims);
    fill(&samples, which);
    for (guint i = 0; i < samples.n; i++)
        samples.losses[i] = samples.x[i * 2] + samples.x[i * 2 + 1] / 1000;
    importance_ped_anova(&samples, 0.1, found);
    g_assert_cmpfloat(found[0], >, 0.95);
    importance_fanova(&samples, 64, 0, found, NULL);
    g_assert_cmpfloat(found[0], >, 0.95);
    g_assert_cmpfloat(found[1], <, 0.02);
}

/* Of two dims the shares of each and of both are all that there is; the loss is huge. */
static void
test_interaction(void)
{
    static const guint numbers[2] = {A, L}, mixed[2] = {K, A};
    const pbx_dim *dims[2];
    double found[2], pairs[4];
    g_auto(PbxSamples) samples = make(numbers, 2, 300, dims);
    fill(&samples, numbers);
    for (guint i = 0; i < samples.n; i++)
        samples.losses[i] = 1e300 * (samples.x[i * 2] - 0.5) * (log10(samples.x[i * 2 + 1]) + 2);
    importance_fanova(&samples, 16, 0, found, pairs);
    g_assert_cmpfloat_with_epsilon(found[0] + found[1] + pairs[1], 1, 1e-9);
    g_assert_cmpfloat(pairs[1], >, 0.8);
    g_auto(PbxSamples) other = make(mixed, 2, 300, dims);
    fill(&other, mixed);
    for (guint i = 0; i < other.n; i++)
        other.losses[i] = other.x[i * 2] < 0.5 ? other.x[i * 2 + 1] : 1 - other.x[i * 2 + 1];
    importance_fanova(&other, 16, 0, found, pairs);
    g_assert_cmpfloat_with_epsilon(found[0] + found[1] + pairs[1], 1, 1e-9);
    g_assert_cmpfloat(pairs[1], >, 0.7);
    g_assert_cmpfloat(found[1], <, 0.25);
}

/* The same forest from the same seed, another from another. */
static void
test_seed(void)
{
    static const guint which[2] = {A, L};
    const pbx_dim *dims[2];
    double one[2], again[2], other[2];
    g_auto(PbxSamples) samples = make(which, 2, 60, dims);
    fill(&samples, which);
    importance_fanova(&samples, 4, 1, one, NULL);
    importance_fanova(&samples, 4, 1, again, NULL);
    importance_fanova(&samples, 4, 2, other, NULL);
    g_assert_cmpmem(one, sizeof one, again, sizeof again);
    g_assert_cmpfloat(one[0], !=, other[0]);
}

/* `a` hangs on choice 1 of `k`: only there is it known, and only there does it count. */
static void
test_conditional(void)
{
    const pbx_dim child = {.type = PBX_DIM_REAL,
                           .parent = 0,
                           .parent_choice = 1,
                           .low = 0,
                           .high = 1,
                           .name = "k[1].a"};
    static const guint which[2] = {K, A};
    const pbx_dim *dims[2];
    double found[2], pairs[4];
    g_auto(PbxSamples) samples = make(which, 2, 120, dims);
    dims[1] = &child;
    fill(&samples, which);
    for (guint i = 0; i < samples.n; i++) {
        double *x = samples.x + (gsize)i * 2;
        x[1] = x[0] > 0.5 && x[0] < 1.5 ? x[1] : NAN;
        samples.losses[i] = isnan(x[1]) ? 1 + i / 1000. : x[1];
    }
    g_assert_cmpuint(samples_active(&samples, 1), ==, 40);
    importance_ped_anova(&samples, 0.1, found);
    g_assert_cmpfloat_with_epsilon(found[0] + found[1], 1, 1e-12);
    g_assert_cmpfloat(found[1], >, found[0]);
    g_assert_cmpfloat(found[0], >, 0.02);
    importance_fanova(&samples, 8, 0, found, pairs);
    g_assert_true(isnan(found[1]));
    g_assert_cmpfloat(found[0], >, 0.9);
    /* In none of the best ones it is active. */
    for (guint i = 0; i < samples.n; i++)
        samples.losses[i] = -samples.losses[i];
    importance_ped_anova(&samples, 0.1, found);
    g_assert_cmpfloat_with_epsilon(found[0], 1, 1e-12);
}

static void
test_nothing(void)
{
    static const guint which[2] = {A, K};
    const pbx_dim *dims[2];
    double found[2], pairs[4];
    g_auto(PbxSamples) samples = make(which, 2, 20, dims);
    fill(&samples, which);
    for (guint i = 0; i < samples.n; i++)
        samples.losses[i] = 7;
    g_assert_false(samples_differ(&samples));
    importance_ped_anova(&samples, 0.1, found);
    g_assert_cmpfloat(found[0] + found[1], ==, 0);
    importance_fanova(&samples, 8, 0, found, pairs);
    g_assert_cmpfloat(found[0] + found[1] + pairs[1], ==, 0);
    samples.n = 0;
    g_assert_cmpuint(ped_anova_n_top(&samples, 0.1), ==, 0);
    importance_ped_anova(&samples, 0.1, found);
    importance_fanova(&samples, 8, 0, found, pairs);
    g_assert_cmpfloat(found[0] + found[1], ==, 0);
    /* Two of the best at least, and all that are as good. */
    samples.n = 20;
    for (guint i = 0; i < samples.n; i++)
        samples.losses[i] = i;
    g_assert_cmpuint(ped_anova_n_top(&samples, 0.01), ==, 2);
    samples.losses[2] = samples.losses[3] = 1;
    g_assert_cmpuint(ped_anova_n_top(&samples, 0.01), ==, 4);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/importance/figures", test_figures);
    g_test_add_func("/importance/choice-matters", test_choice_matters);
    g_test_add_func("/importance/order", test_order);
    g_test_add_func("/importance/one-matters", test_one_matters);
    g_test_add_func("/importance/interaction", test_interaction);
    g_test_add_func("/importance/seed", test_seed);
    g_test_add_func("/importance/conditional", test_conditional);
    g_test_add_func("/importance/nothing", test_nothing);
    return g_test_run();
}
