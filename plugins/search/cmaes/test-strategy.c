/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The strategy alone: its constants and updates beside numbers of an independent program, the
 * eigenvectors, and the margin. */
#include "test-cmaes.h"

static pbx_instance *
owner_new(void)
{
    return g_new0(pbx_instance, 1);
}

static void
owner_free(pbx_instance *self)
{
    while (self->base.blocks)
        pbx_free(self, self->base.blocks + 1);
    g_free(self);
}

static cmaes_strategy *
strategy_of(pbx_instance *self, gsize n, gsize lambda, gboolean separable)
{
    pbx_error error;
    g_assert_cmpint(cmaes_strategy_make(self, &self->strategy, n, lambda, separable, &error), ==,
                    PBX_OK);
    return &self->strategy;
}

static void
assert_near(double value, double expected)
{
    g_assert_cmpfloat(fabs(value - expected), <=, 1e-12 * fmax(1, fabs(expected)));
}

/* ---- Constants ---- */

static void
test_constants(void)
{
    static const struct {
        gsize n, lambda, mu;
        double mueff, c_c, c_1, c_mu, c_sigma, d_sigma, chi, weights[12];
    } expected[] = {
        {2,
         6,
         3,
         2.0286114646100617,
         0.6245545390268264,
         0.1548153998964136,
         0.057859085071916304,
         0.44620498737831715,
         1.4462049873783172,
         1.254272742818995,
         {0.6370425712412168, 0.28457025743803294, 0.07838717132075033, -0.28638378259655295,
          -0.7649580940851276, -1.1559817781589212}},
        {5,
         8,
         4,
         2.6001788261131793,
         0.4501995579928079,
         0.047292304159400896,
         0.03816916070385781,
         0.3650883760934854,
         1.3650883760934853,
         2.1285237557247996,
         {0.5299301844787792, 0.2857142857142857, 0.14285714285714282, 0.041498386949792215,
          -0.1672795068098809, -0.45674904775585873, -0.7014920573635213, -0.9134980955117175}},
        {10,
         10,
         5,
         3.1672992814107026,
         0.29499038303562225,
         0.015283824524751714,
         0.02015428276120838,
         0.2844285879463675,
         1.2844285879463675,
         3.0847265651690123,
         {0.45627264690340597, 0.2707530970017852, 0.1622311171586698, 0.08523354710016448,
          0.025509591835974777, -0.08532086250759853, -0.236476601148097, -0.36741365771166457,
          -0.4829083267842344, -0.5862218287788353}},
        {20,
         12,
         6,
         3.729458934303068,
         0.17176721127681213,
         0.004372354435160246,
         0.008191403277354674,
         0.19942801385173584,
         1.199428013851736,
         4.416766652699585,
         {0.40240294281871264, 0.25338908403288657, 0.1662215645554205, 0.10437522524706051,
          0.0564034775763251, 0.017207705769594465, -0.05220808680473586, -0.14627918785763677,
          -0.22925577959217333, -0.30348087019167735, -0.37062563203022225, -0.43192399698144884}},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(expected); i++) {
        pbx_instance *self = owner_new();
        const cmaes_strategy *s = strategy_of(self, expected[i].n, expected[i].lambda, FALSE);
        g_assert_cmpuint(s->mu, ==, expected[i].mu);
        assert_near(s->mueff, expected[i].mueff);
        assert_near(s->c_c, expected[i].c_c);
        assert_near(s->c_1, expected[i].c_1);
        assert_near(s->c_mu, expected[i].c_mu);
        assert_near(s->c_sigma, expected[i].c_sigma);
        assert_near(s->d_sigma, expected[i].d_sigma);
        assert_near(s->chi, expected[i].chi);
        for (gsize k = 0; k < s->lambda; k++)
            assert_near(s->weight[k], expected[i].weights[k]);
        owner_free(self);
    }
}

/* The positive ones add up to 1, whatever the sizes; a diagonal has no negative ones. */
static void
test_weights(void)
{
    for (gsize n = 1; n < 300; n += 1 + n / 3)
        for (gsize lambda = 4; lambda < 3000; lambda += 1 + lambda / 2)
            for (gint separable = 0; separable < 2; separable++) {
                pbx_instance *self = owner_new();
                const cmaes_strategy *s = strategy_of(self, n, lambda, separable);
                double sum = 0;
                for (gsize i = 0; i < lambda; i++) {
                    sum += fmax(0, s->weight[i]);
                    g_assert_true(isfinite(s->weight[i]) && (!separable || s->weight[i] >= 0));
                }
                assert_near(sum, 1);
                g_assert_cmpfloat(s->c_1 + s->c_mu, <, 1);
                g_assert_cmpfloat(s->c_mu, >=, 0);
                owner_free(self);
            }
}

/* ---- Updates ---- */

static double
loss_of(const double *x)
{
    return x[0] * x[0] + 3 * x[1] * x[1];
}

static int
compare(const void *a, const void *b)
{
    const double x = loss_of(*(const double *const *)a), y = loss_of(*(const double *const *)b);
    return (x > y) - (x < y);
}

static void
test_two_updates(void)
{
    static const double points[6][2] = {
        {0.1, 0.2}, {1.3, -0.9}, {-0.4, 0.3}, {0.6, 0.1}, {0.9, -1.2}, {-0.2, -0.7},
    };
    pbx_instance *self = owner_new();
    cmaes_strategy *s = strategy_of(self, 2, 6, FALSE);
    cmaes_start(s, (const double[]){0.5, -0.25}, 0.8, NULL);
    for (gsize generation = 0; generation < 2; generation++) {
        double moved[6][2];
        const double *sorted[6];
        for (gsize i = 0; i < 6; i++) {
            moved[i][0] = points[i][0] + 0.05 * generation;
            moved[i][1] = points[i][1] + -0.1 * generation;
            sorted[i] = moved[i];
        }
        qsort(sorted, 6, sizeof *sorted, compare);
        cmaes_update(s, sorted);
    }
    assert_near(s->mean[0], 0.04690845694135867);
    assert_near(s->mean[1], 0.12061830861172826);
    assert_near(s->p_sigma[0], -0.5224697298782163);
    assert_near(s->p_sigma[1], 0.2477666765102686);
    assert_near(s->p_c[0], -0.47399266261135403);
    assert_near(s->p_c[1], 0.15688549836551768);
    assert_near(s->sigma, 0.6019334336406589);
    assert_near(s->covariance[0], 0.7803663950754596);
    assert_near(s->covariance[1], 0.07046697902960021);
    assert_near(s->covariance[2], 0.07046697902960022);
    assert_near(s->covariance[3], 0.6291884002258834);
    owner_free(self);
}

/* Along the axes a diagonal is what the full matrix is, but for the constants. */
static void
test_a_diagonal(void)
{
    pbx_instance *self = owner_new();
    cmaes_strategy *s = strategy_of(self, 3, 8, TRUE);
    const double steps[4][3] = {{1, 0.1, 0}, {-1, 0.1, 0}, {1, -0.1, 0}, {-1, -0.1, 0}};
    const double *sorted[8];
    double y[3] = {1, 1, 1}, white[3];
    cmaes_start(s, (const double[]){0, 0, 0}, 1, NULL);
    for (gsize i = 0; i < 8; i++)
        sorted[i] = steps[i % 4];
    for (gsize i = 0; i < 8; i++)
        cmaes_update(s, sorted);
    g_assert_cmpfloat(s->covariance[0], >, 5 * s->covariance[1]);
    g_assert_cmpfloat(s->covariance[1], >, s->covariance[2]);
    cmaes_whiten(s, y, white);
    for (gsize i = 0; i < 3; i++)
        assert_near(white[i], 1 / sqrt(s->covariance[i]));
    owner_free(self);
}

/* ---- Draws ---- */

/* They have the mean and the covariance, and what was not drawn is brought as near. */
static void
test_draws(void)
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    pbx_instance *self = owner_new();
    cmaes_strategy *s = strategy_of(self, 2, 6, FALSE);
    const double covariance[] = {4, 1.5, 1.5, 1};
    double sums[5] = {0}, far[2] = {300, -200}, white[2];
    pbx_rng rng = pbx_rng_at(host->abi, 1, 0);
    enum { N = 20000 };
    cmaes_start(s, (const double[]){1, -2}, 0.5, covariance);
    for (gsize i = 0; i < N; i++) {
        double x[2];
        cmaes_draw(s, &rng, x);
        const double y[] = {(x[0] - 1) / 0.5, (x[1] + 2) / 0.5};
        sums[0] += y[0] / N;
        sums[1] += y[1] / N;
        sums[2] += y[0] * y[0] / N;
        sums[3] += y[0] * y[1] / N;
        sums[4] += y[1] * y[1] / N;
    }
    const double expected[] = {0, 0, 4, 1.5, 1};
    for (gsize i = 0; i < 5; i++)
        g_assert_cmpfloat(fabs(sums[i] - expected[i]), <, 0.1);
    cmaes_clip(s, far);
    const double y[] = {(far[0] - 1) / 0.5, (far[1] + 2) / 0.5};
    cmaes_whiten(s, y, white);
    assert_near(hypot(white[0], white[1]), sqrt(2) + 1);
    owner_free(self);
}

/* ---- Eigenvectors ---- */

static void
check_eigen(gsize n, GRand *rand, double spread)
{
    g_autofree double *a = g_new0(double, n *n), *copy = g_new0(double, n *n);
    g_autofree double *values = g_new0(double, n), *vectors = g_new0(double, n *n);
    g_autofree double *scratch = g_new0(double, 3 * n);
    double largest = 0;
    for (gsize i = 0; i < n; i++)
        for (gsize j = 0; j <= i; j++)
            a[i * n + j] = a[j * n + i] =
                (g_rand_double(rand) - 0.5) * pow(10, -spread * (double)(i + j) / (double)n);
    memcpy(copy, a, n * n * sizeof(double));
    g_assert_true(cmaes_eigen(copy, n, values, vectors, scratch));
    for (gsize i = 0; i < n; i++)
        largest = fmax(largest, fabs(values[i]));
    for (gsize k = 0; k < n; k++)
        for (gsize i = 0; i < n; i++) {
            double product = 0, dot = 0;
            for (gsize j = 0; j < n; j++) {
                product += a[i * n + j] * vectors[k * n + j];
                dot += vectors[i * n + j] * vectors[k * n + j];
            }
            g_assert_cmpfloat(fabs(product - values[k] * vectors[k * n + i]), <=,
                              1e-13 * (double)n * largest);
            g_assert_cmpfloat(fabs(dot - (i == k)), <, 1e-13 * (double)n);
        }
}

static void
test_eigenvectors(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    for (gsize n = 1; n < 60; n += 1 + n / 5)
        for (guint i = 0; i < 5; i++)
            check_eigen(n, rand, 4.0 * i);
    check_eigen(200, rand, 0);
}

/* Zeros, equal values, one block, and no numbers at all. */
static void
test_odd_matrices(void)
{
    double zero[9] = {0}, same[9] = {2, 0, 0, 0, 2, 0, 0, 0, 2},
           block[9] = {1, 0, 0, 0, 0, 3, 0, 3, 0};
    double bad[4] = {1, NAN, NAN, 1}, huge[4] = {INFINITY, 0, 0, 1};
    double values[3], vectors[9], scratch[9];
    g_assert_true(cmaes_eigen(zero, 3, values, vectors, scratch));
    g_assert_cmpfloat(values[0], ==, 0);
    g_assert_true(cmaes_eigen(same, 3, values, vectors, scratch));
    assert_near(values[1], 2);
    g_assert_true(cmaes_eigen(block, 3, values, vectors, scratch));
    assert_near(values[0] * values[1] * values[2], -9);
    g_assert_false(cmaes_eigen(bad, 2, values, vectors, scratch));
    g_assert_false(cmaes_eigen(huge, 2, values, vectors, scratch));
}

/* ---- The margin ---- */

static double
chance_of(const cmaes_strategy *s, double low, double high)
{
    const double deviation = s->sigma * s->spread[0] * sqrt(s->covariance[0]);
    return pbx_normal_cdf((high - s->mean[0]) / deviation) -
           pbx_normal_cdf((low - s->mean[0]) / deviation);
}

/* However narrow it has become, each side of the value has at least half the margin's part. */
static void
test_margin(void)
{
    const pbx_dim dim = {.struct_size = sizeof dim, .type = PBX_DIM_INT, .parent = -1, .high = 9};
    const cmaes_axis axis = cmaes_axis_of(&dim, 0);
    for (gint i = -5; i <= 105; i++) {
        pbx_instance *self = owner_new();
        cmaes_strategy *s = strategy_of(self, 1, 5, FALSE);
        double low, high;
        cmaes_start(s, (const double[]){i / 100.0}, 1e-5, NULL);
        cmaes_axis_cell(&axis, s->mean[0], &low, &high);
        cmaes_margin(s, &axis);
        const double a = 1.0 / 5;
        if (!isnan(low))
            g_assert_cmpfloat(chance_of(s, -INFINITY, low), >=, 0.45 * a);
        if (!isnan(high))
            g_assert_cmpfloat(chance_of(s, high, INFINITY), >=, 0.45 * a);
        g_assert_cmpint(isnan(low), ==, i < 10);
        g_assert_cmpint(isnan(high), ==, i >= 90);
        owner_free(self);
    }
}

/* While it is wide enough, nothing changes but where a bound is near. */
static void
test_margin_of_a_wide_one(void)
{
    const pbx_dim dim = {.struct_size = sizeof dim, .type = PBX_DIM_INT, .parent = -1, .high = 9};
    const cmaes_axis axis = cmaes_axis_of(&dim, 0);
    pbx_instance *self = owner_new();
    cmaes_strategy *s = strategy_of(self, 1, 5, FALSE);
    cmaes_start(s, (const double[]){0.53}, 0.3, NULL);
    cmaes_margin(s, &axis);
    assert_near(s->mean[0], 0.53);
    assert_near(s->spread[0], 1);
    owner_free(self);
}

#define ADD(NAME, FUNCTION) g_test_add_func("/cmaes/strategy/" NAME, FUNCTION)

void
strategy_add_tests(void)
{
    ADD("constants", test_constants);
    ADD("weights", test_weights);
    ADD("two-updates", test_two_updates);
    ADD("a-diagonal", test_a_diagonal);
    ADD("draws", test_draws);
    ADD("eigenvectors", test_eigenvectors);
    ADD("odd-matrices", test_odd_matrices);
    ADD("margin", test_margin);
    ADD("margin-of-a-wide-one", test_margin_of_a_wide_one);
}
