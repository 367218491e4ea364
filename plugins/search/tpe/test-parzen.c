/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Parzen estimator against numbers of another implementation, and by what holds of any
 * density. */
#include "test-tpe.h"
#include "tpe.h"

#define TOLERANCE 1e-11

/* Mixtures allocate with an instance; this one has nothing else. */
static pbx_instance *
instance_for_memory(void)
{
    return g_new0(pbx_instance, 1);
}

static const tpe_rules rules_of_vectors = {.prior_weight = 1,
                                           .gamma = 0.1,
                                           .max_below = 25,
                                           .magic_clip = 1,
                                           .bandwidth = TPE_NEIGHBOURS_AND_PRIOR};

static int
compare_places(gconstpointer a, gconstpointer b, gpointer user)
{
    const double *places = user;
    const uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    return places[i] < places[j] ? -1 : places[i] > places[j] ? 1 : (i > j) - (i < j);
}

/* Of observed values, a row of `n` for each of the axes. */
static void
make(pbx_instance *self, tpe_mixture *mixture, const tpe_rules *rules, const tpe_axis *axes,
     gsize n_axes, const double *values, gsize n)
{
    pbx_error error;
    g_assert_cmpint(tpe_mixture_begin(self, mixture, rules, n_axes, n, &error), ==, PBX_OK);
    for (gsize i = 0; i < n_axes; i++) {
        g_autofree double *places = g_new0(double, n + 1);
        g_autofree uint32_t *order = g_new0(uint32_t, n + 1);
        for (gsize k = 0; k < n; k++) {
            places[k] = tpe_axis_place(&axes[i], values[i * n + k]);
            order[k] = (uint32_t)k;
        }
        g_qsort_with_data(order, (int)n, sizeof *order, compare_places, places);
        tpe_mixture_fill(mixture, rules, i, &axes[i], places, order, NULL, NULL);
    }
}

static void
assert_near(double a, double b)
{
    if (!(fabs(a - b) <= TOLERANCE * (1 + fabs(b))))
        g_error("%.17g is not %.17g", a, b);
}

/* ---- Vectors ---- */

typedef struct {
    pbx_dim dim;
    double values[5];
    gsize n;
    double sigma[6]; /* the prior's last; 0: a category */
    gsize n_at;
    double at[5], log_density[5];
    gboolean is_density; /* of whole values: of their places, not their cells' mass */
} Vector;

#define DIM(TYPE, FLAGS, LOW, HIGH, QUANTUM)                                                       \
    {                                                                                              \
        .struct_size = sizeof(pbx_dim), .type = PBX_DIM_##TYPE, .flags = FLAGS, .parent = -1,      \
        .low = LOW, .high = HIGH, .quantum = QUANTUM, .sd = 1                                      \
    }
#define CATEGORY(N)                                                                                \
    {                                                                                              \
        .struct_size = sizeof(pbx_dim), .type = PBX_DIM_CATEGORY, .parent = -1, .n_choices = N     \
    }

/* Of Optuna 3.1.0, whose density of continuous parameters was put right (its issue 5109). */
static const Vector vectors[] = {
    {DIM(REAL, 0, 0, 1, 0),
     {0.31, 0.05, 0.9, 0.33, 0.5},
     5,
     {0.26, 0.26, 0.4, 0.17, 0.17, 1},
     5,
     {0, 0.05, 0.32, 0.7, 1},
     {-0.1977021892647014, -0.08112506830788191, 0.3676321444831858, -0.2636383600283323,
      -0.8154044682283665}},
    {DIM(REAL, PBX_DIM_LOG, 1e-5, 1, 0),
     {1e-4, 0.03, 0.5},
     3,
     {3.4538776394910675, 2.8134107167600364, 2.8134107167600364, 11.512925464970229},
     3,
     {1e-5, 1e-3, 1},
     {-2.9606245970601455, -2.551987661831343, -2.3336171848249174}},
    {DIM(INT, 0, 1, 8, 0),
     {1, 3, 3, 8},
     4,
     {2, 2, 1.5, 3.5, 8},
     4,
     {1, 2, 3, 8},
     {-1.9254577973809948, -1.7351214093477256, -1.712633709899361, -2.6857928907031883}},
    {DIM(REAL, 0, 0, 0.6, 0.05),
     {0, 0.15, 0.6},
     3,
     {0.15, 0.15, 0.3, 0.65},
     3,
     {0, 0.3, 0.6},
     {-2.2650912313203113, -2.649920216437013, -2.981239253495732}},
    {DIM(INT, PBX_DIM_LOG, 8, 1024, 1),
     {8, 128, 1000},
     3,
     {2.393989952430774, 2.05572501506252, 2.05572501506252, 4.91705694713669},
     3,
     {8, 64, 1024},
     {-1.8074711662300036, -1.5534561360789916, -1.641362534638073},
     TRUE},
    {CATEGORY(4),
     {0, 2, 2},
     3,
     {0},
     4,
     {0, 1, 2, 3},
     {-1.2685113254635072, -1.8562979903656263, -0.9007865453381898, -1.8562979903656263}},
};

static void
test_vectors(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(vectors); i++) {
        const Vector *vector = &vectors[i];
        pbx_instance *self = instance_for_memory();
        tpe_mixture mixture = {0};
        tpe_axis axis = tpe_axis_of(&vector->dim);
        if (vector->is_density)
            axis.kind = TPE_PLAIN;
        make(self, &mixture, &rules_of_vectors, &axis, 1, vector->values, vector->n);
        g_assert_cmpuint(mixture.n, ==, vector->n + 1);
        for (gsize k = 0; k <= vector->n; k++) {
            assert_near(mixture.weight[k], 1. / ((double)vector->n + 1));
            if (vector->sigma[0] > 0)
                assert_near(mixture.columns[0].sigma[k], vector->sigma[k]);
        }
        for (gsize k = 0; k < vector->n_at; k++)
            assert_near(tpe_mixture_log(&mixture, &vector->at[k]), vector->log_density[k]);
        pbx_instance_free(self);
    }
}

static void
test_multivariate_vector(void)
{
    static const pbx_dim x = DIM(REAL, 0, 0, 1, 0), y = DIM(REAL, 0, -5, 5, 0);
    static const double values[] = {0.31, 0.05, 0.9, 0.33, 0.5, 1, -3, 4, 0.5, 2};
    static const double at[2][2] = {{0.3, 1}, {0.9, -4}};
    const tpe_axis axes[] = {tpe_axis_of(&x), tpe_axis_of(&y)};
    pbx_instance *self = instance_for_memory();
    tpe_mixture mixture = {0};
    tpe_rules rules = rules_of_vectors;
    rules.bandwidth = TPE_SCOTT;
    make(self, &mixture, &rules, axes, 2, values, 5);
    for (gsize k = 0; k < 5; k++) {
        assert_near(mixture.columns[0].sigma[k], 0.15294489826634602);
        assert_near(mixture.columns[1].sigma[k], 1.5294489826634603);
    }
    assert_near(mixture.columns[1].sigma[5], 10);
    assert_near(tpe_mixture_log(&mixture, at[0]), -1.2630163008864583);
    assert_near(tpe_mixture_log(&mixture, at[1]), -4.172142920841803);
    pbx_instance_free(self);
}

static void
test_split(void)
{
    static const guint64 cases[][2] = {{0, 0},  {1, 1},    {10, 1},   {11, 2},   {30, 3},
                                       {31, 4}, {100, 10}, {249, 25}, {251, 25}, {1000, 25}};
    tpe_rules rules = rules_of_vectors;
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpuint(tpe_split(&rules, cases[i][0]), ==, cases[i][1]);
    rules.max_below = 0;
    g_assert_cmpuint(tpe_split(&rules, 1000), ==, 100);
    rules.square_root = 1;
    rules.gamma = 0.25;
    g_assert_cmpuint(tpe_split(&rules, 400), ==, 5);
    g_assert_cmpuint(tpe_split(&rules, 401), ==, 6);
}

static void
test_weights(void)
{
    static const double of_30[] = {0.03333333333333333, 0.275, 0.5166666666666667,
                                   0.7583333333333333, 1};
    for (gsize i = 0; i < 25; i++)
        g_assert_cmpfloat(tpe_age_weight(i, 25), ==, 1);
    for (gsize i = 0; i < 30; i++)
        assert_near(tpe_age_weight(i, 30), of_30[MIN(i, 4)]);
    assert_near(tpe_age_weight(0, 26), 1. / 26);
    assert_near(tpe_age_weight(1, 26), 1);
    assert_near(tpe_age_weight(0, 27), 1. / 27);
    assert_near(tpe_age_weight(1, 27), 1);
}

/* ---- Bandwidths ---- */

static void
check_bandwidths(tpe_rules rules, const double *sorted, gsize n, const double *expected)
{
    static const pbx_dim dim = DIM(REAL, 0, 0, 1, 0);
    const tpe_axis axis = tpe_axis_of(&dim);
    double sigma[8];
    tpe_bandwidths(&axis, &rules, 1, sorted, n, sigma);
    for (gsize i = 0; i < n; i++)
        assert_near(sigma[i], expected[i]);
}

static void
test_bandwidths(void)
{
    static const double three[] = {0.05, 0.35, 0.9}, one[] = {0.3}, same[] = {0.4, 0.4, 0.4};
    tpe_rules rules = {.prior_weight = 1, .magic_clip = 1, .bandwidth = TPE_NEIGHBOURS};
    check_bandwidths(rules, three, 3, (double[]){0.3, 0.55, 0.55});
    check_bandwidths(rules, one, 1, (double[]){0.7});
    check_bandwidths(rules, same, 3, (double[]){0.2, 0.2, 0.2}); /* the least of three */
    rules.endpoints = 1;
    check_bandwidths(rules, three, 3, (double[]){0.3, 0.55, 0.55});
    check_bandwidths(rules, same, 3, (double[]){0.4, 0.2, 0.6});
    rules.magic_clip = 0;
    check_bandwidths(rules, same, 3, (double[]){0.4, 1e-12, 0.6});
    rules.bandwidth = TPE_NEIGHBOURS_AND_PRIOR;
    check_bandwidths(rules, one, 1, (double[]){0.3});
    rules.endpoints = 0;
    check_bandwidths(rules, one, 1, (double[]){0.2});
    check_bandwidths(rules, three, 3, (double[]){0.3, 0.3, 0.4});
}

/* ---- What holds of any density ---- */

static const pbx_dim kinds[] = {
    DIM(REAL, 0, -5, 10, 0),
    DIM(REAL, PBX_DIM_LOG, 1e-8, 1e3, 0),
    DIM(REAL, 0, 0, 0.9, 0.3),
    DIM(REAL, PBX_DIM_LOG, 0.5, 4, 0.5),
    DIM(INT, 0, -3, 60, 0),
    DIM(INT, 0, 0, 400, 5),
    DIM(INT, PBX_DIM_LOG, 1, 900, 0),
    DIM(INT, PBX_DIM_LOG, 2, 64, 2),
    DIM(NORMAL, 0, 0, 0, 0),
    DIM(NORMAL, 0, 0, 0, 0.25),
    CATEGORY(5),
};

/* Values of a parameter, drawn as it says but for a third, which are near a bound. */
static void
draw_values(const pbx_dim *dim, GRand *rand, double *values, gsize n)
{
    for (gsize k = 0; k < n; k++) {
        double u = g_rand_double(rand);
        values[k] = pbx_from_unit(dim, k % 3 == 0 ? u / 50 : u);
    }
}

/* The mass below each of the values or steps from low to high, up to 1. */
static double
integrate(tpe_mixture *mixture, const tpe_axis *axis, double until)
{
    const pbx_dim *dim = axis->dim;
    const gboolean is_normal = dim->type == PBX_DIM_NORMAL;
    double sum = 0;
    if (axis->kind == TPE_PLAIN) {
        enum { STEPS = 20000 };
        double low = is_normal ? -12 : axis->scale.a;
        double width = (is_normal ? 24 : axis->width) / STEPS;
        for (guint i = 0; i < STEPS && low + (i + 0.5) * width <= until; i++) {
            double value = pbx_scale_value(&axis->scale, low + (i + 0.5) * width);
            sum += exp(tpe_mixture_log(mixture, &value)) * width;
        }
        return sum;
    }
    double step = axis->kind == TPE_CATEGORY ? 1 : axis->scale.quantum;
    double low = is_normal ? -12 : axis->kind == TPE_CATEGORY ? 0 : dim->low;
    double high = is_normal ? 12 : axis->kind == TPE_CATEGORY ? dim->n_choices - 1 : dim->high;
    for (guint i = 0; low + i * step <= MIN(high + step / 4, until); i++) {
        double value = low + i * step;
        sum += exp(tpe_mixture_log(mixture, &value));
    }
    return sum;
}

static const tpe_rules rules_of_properties[] = {
    {.prior_weight = 1, .magic_clip = 1, .bandwidth = TPE_NEIGHBOURS},
    {.prior_weight = 0.3, .endpoints = 1, .magic_clip = 1, .bandwidth = TPE_NEIGHBOURS_AND_PRIOR},
    {.prior_weight = 2, .magic_clip = 1, .bandwidth = TPE_SCOTT},
};

static void
test_mass_is_one(void)
{
    static const gsize counts[] = {0, 1, 2, 7, 40, 200};
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        for (gsize k = 0; k < G_N_ELEMENTS(counts); k++) {
            const tpe_axis axis = tpe_axis_of(&kinds[i]);
            pbx_instance *self = instance_for_memory();
            tpe_mixture mixture = {0};
            double values[200];
            draw_values(&kinds[i], rand, values, counts[k]);
            make(self, &mixture, &rules_of_properties[k % 3], &axis, 1, values, counts[k]);
            double mass = integrate(&mixture, &axis, INFINITY);
            if (!(fabs(mass - 1) < 2e-4))
                g_error("kind %zu of %zu observations: the mass is %.9g", i, counts[k], mass);
            pbx_instance_free(self);
        }
}

static void
draw_words(const pbx_host *host G_GNUC_UNUSED, uint64_t stream, uint64_t offset, uint64_t *out,
           size_t n)
{
    PbxRandom random = {.seed = random_seed(stream, "test"), .stream = 1};
    random.offset = offset;
    for (size_t i = 0; i < n; i++)
        out[i] = random_next(&random);
}

static void
check_value(const tpe_axis *axis, double value)
{
    const pbx_dim *dim = axis->dim;
    const double quantum = axis->kind == TPE_PLAIN ? 0 : axis->scale.quantum;
    if (dim->type == PBX_DIM_CATEGORY)
        g_assert_true(value >= 0 && value < dim->n_choices && value == rint(value));
    else if (dim->type != PBX_DIM_NORMAL)
        g_assert_true(value >= dim->low && value <= dim->high);
    if (quantum > 0)
        g_assert_cmpfloat(fabs(value / quantum - rint(value / quantum)), <, 1e-9);
}

/* Draws are within the bounds, and as the density says. */
static void
test_draws_follow_the_density(void)
{
    enum { DRAWS = 4000 };
    static const pbx_host host = {.struct_size = sizeof host, .random = draw_words};
    g_autoptr(GRand) rand = g_rand_new_with_seed(6);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const tpe_axis axis = tpe_axis_of(&kinds[i]);
        pbx_instance *self = instance_for_memory();
        tpe_mixture mixture = {0};
        pbx_rng rng = pbx_rng_at(&host, i, 0);
        tpe_normals normals = {&rng, 0, 0};
        double values[12], bound = pbx_from_unit(&kinds[i], 0.4), below = 0;
        draw_values(&kinds[i], rand, values, G_N_ELEMENTS(values));
        make(self, &mixture, &rules_of_properties[0], &axis, 1, values, G_N_ELEMENTS(values));
        for (guint k = 0; k < DRAWS; k++) {
            double value;
            tpe_mixture_draw(&mixture, &normals, &value);
            check_value(&axis, value);
            below += value <= bound;
        }
        double until = axis.kind == TPE_PLAIN ? pbx_scale_at(&axis.scale, bound) : bound;
        double expected = integrate(&mixture, &axis, until);
        if (!(fabs(below / DRAWS - expected) < 0.03))
            g_error("kind %zu: %g of the draws, %g of the mass", i, below / DRAWS, expected);
        pbx_instance_free(self);
    }
}

/* Far from all observations only the prior is left, and nothing overflows. */
static void
test_far_away(void)
{
    static const pbx_dim plain = DIM(REAL, 0, 0, 1, 0), whole = DIM(INT, 0, 0, 100000, 0);
    static const pbx_dim *const dims[] = {&plain, &whole};
    for (gsize i = 0; i < 2; i++) {
        const tpe_axis axis = tpe_axis_of(dims[i]);
        pbx_instance *self = instance_for_memory();
        tpe_mixture mixture = {0};
        const double far = dims[i]->high;
        double values[200] = {0};
        tpe_rules rules = rules_of_properties[0];
        rules.magic_clip = 0;
        make(self, &mixture, &rules, &axis, 1, values, G_N_ELEMENTS(values));
        double all = 0;
        for (gsize k = 0; k < 200; k++)
            all += tpe_age_weight(k, 200);
        double z = (tpe_axis_place(&axis, far) - axis.center) / axis.width;
        double prior = -z * z / 2 - log(2.5066282746310002 * axis.width * 0.38292492254802624);
        g_assert_cmpfloat(fabs(tpe_mixture_log(&mixture, &far) + log(all + 1) - prior), <, 1e-9);
        pbx_instance_free(self);
    }
}

/* ---- Sums ---- */

static void
test_log_sum(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    for (guint round = 0; round < 200; round++) {
        double sum[40], top = -INFINITY, expected = 0;
        const double scale = pow(10, g_rand_double_range(rand, -3, 3));
        for (guint i = 0; i < G_N_ELEMENTS(sum); i++) {
            sum[i] = i > 36 ? -INFINITY : scale * g_rand_double_range(rand, -1, 1);
            top = MAX(top, sum[i]);
        }
        for (guint i = 0; i < G_N_ELEMENTS(sum); i++)
            expected += exp(sum[i] - top);
        assert_near(tpe_log_sum(sum, G_N_ELEMENTS(sum)), top + log(expected));
    }
}

void
parzen_add_tests(void)
{
    g_test_add_func("/tpe/parzen/vectors", test_vectors);
    g_test_add_func("/tpe/parzen/multivariate-vector", test_multivariate_vector);
    g_test_add_func("/tpe/parzen/split", test_split);
    g_test_add_func("/tpe/parzen/weights", test_weights);
    g_test_add_func("/tpe/parzen/bandwidths", test_bandwidths);
    g_test_add_func("/tpe/parzen/mass-is-one", test_mass_is_one);
    g_test_add_func("/tpe/parzen/draws-follow-the-density", test_draws_follow_the_density);
    g_test_add_func("/tpe/parzen/far-away", test_far_away);
    g_test_add_func("/tpe/parzen/log-sum", test_log_sum);
}
