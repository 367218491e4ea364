/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The model by itself: numbers that another program made, derivatives, what a posterior is like. */
#include "model.h"
#include "test-gp.h"

#define N_DIMS 3

/* An instance with two numbers and a choice of four, of which nothing but the model is used. */
typedef struct {
    pbx_instance self;
    pbx_host host;
    gp_axis axes[N_DIMS];
    pbx_dim dims[N_DIMS];
    gp_memory memory;
    gboolean is_cancelled;
} Fixture;

static int32_t
cancelled(const pbx_host *host)
{
    return ((Fixture *)host->ctx)->is_cancelled;
}

static void
fixture_init(Fixture *fixture, guint n_dims)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->host.ctx = fixture;
    fixture->host.cancelled = cancelled;
    fixture->self.base.host = &fixture->host;
    fixture->self.n_dims = n_dims;
    fixture->self.axes = fixture->axes;
    for (guint i = 0; i < N_DIMS; i++) {
        const gboolean is_category = i == 2;
        fixture->dims[i] = (pbx_dim){.struct_size = sizeof(pbx_dim),
                                     .type = is_category ? PBX_DIM_CATEGORY : PBX_DIM_REAL,
                                     .parent = -1,
                                     .high = 1,
                                     .n_choices = is_category ? 4 : 0};
        fixture->axes[i] = (gp_axis){&fixture->dims[i], is_category, is_category ? 4 : 0};
    }
    fixture->memory.self = &fixture->self;
}

static void
fixture_clear(Fixture *fixture)
{
    gp_memory_free(&fixture->memory);
    while (fixture->self.base.blocks)
        pbx_free(&fixture->self, fixture->self.base.blocks + 1);
}

static void
assert_near(double value, double expected, double relative)
{
    if (!(fabs(value - expected) <= relative * (fabs(expected) + 1e-300)))
        g_error("%.15g, not %.15g", value, expected);
}

/* ---- Numbers that another program made ---- */

static void
test_log_h(void)
{
    static const double z[] = {-100, -40, -26, -25, -10, -3, -1, 0, 1, 5};
    static const double expected[] = {-5010.12957880025,   -808.2985683566197,  -345.43954672231797,
                                      -319.86146358149614, -55.553122036122346, -7.869686059603018,
                                      -2.4851210257126413, -0.9189385332046727, 0.08002621884930704,
                                      1.6094379231264313};
    for (gsize i = 0; i < G_N_ELEMENTS(z); i++)
        assert_near(gp_log_h(z[i]), expected[i], 1e-10);
    /* Far out it goes on as it began. */
    for (double far = -1e3; far > -1e6; far *= 3)
        assert_near(gp_log_h(far) + far * far / 2 + 0.9189385332046727, -2 * log(-far), 1e-2);
}

static void
test_erfcx(void)
{
    static const double x[] = {0, 0.5, 1, 5, 10, 20, 30, 100};
    static const double expected[] = {1.0,
                                      0.6156903441929258,
                                      0.427583576155807,
                                      0.11070463773306861,
                                      0.05614099274382259,
                                      0.028174348741051323,
                                      0.018795888861416754,
                                      0.005641613782989433};
    for (gsize i = 0; i < G_N_ELEMENTS(x); i++)
        assert_near(gp_erfcx(x[i]), expected[i], 1e-11);
}

static void
test_log_normal_cdf(void)
{
    for (double z = -19.9; z < 8; z += 0.37)
        assert_near(exp(gp_log_normal_cdf(z)), 0.5 * erfc(-z / sqrt(2)), 1e-12);
    for (double z = -21; z > -1e8; z *= 1.7)
        assert_near(gp_log_normal_cdf(z), -z * z / 2 - log(-z) - 0.9189385332046727, 1e-4);
}

static const double known_u[4][2] = {{0.1, 0.2}, {0.4, 0.9}, {0.75, 0.3}, {0.9, 0.8}};
static const double known_y[4] = {1, -0.5, 0.25, -0.75};

static void
test_known_numbers(void)
{
    static const double row[] = {1.31, 0.6468587994235744, 0.47418295656450493, 0.2562143478351983};
    Fixture fixture;
    const double *u[] = {known_u[0], known_u[1], known_u[2], known_u[3]};
    double y[4], weights[] = {4, 1.5}, at[] = {0.5, 0.5}, k[4], mean, sd, gradient[4], many[8 * 4];
    double parameters[] = {log(4), log(1.5), log(1.3), log(0.01 - GP_LEAST_NOISE)};
    memcpy(y, known_y, sizeof y);
    gp_observations observations = {4, u, y, 0, 0};
    gp_fit fit = {weights, 1.3, 0.01};
    gp_rows running = {0};
    gp_surface surface;
    gp_likelihood likelihood;
    fixture_init(&fixture, 2);
    g_assert_true(gp_surface_make(&fixture.self, &fixture.memory, &fit, &observations, &running,
                                  NULL, &surface));
    gp_kernel(&surface.points, known_u[0], k, NULL);
    for (guint i = 0; i < 4; i++)
        assert_near(k[i] + (i == 0 ? 0.01 : 0), row[i], 1e-13);
    gp_surface_at(&surface, at, &mean, &sd, NULL, NULL);
    assert_near(mean, 0.11476631997701003, 1e-12);
    assert_near(sd * sd, 0.16177123324409837 + 1e-12, 1e-12);
    gp_surface_many(&surface, at, 1, many, &mean, &sd);
    assert_near(mean, 0.11476631997701003, 1e-12);
    assert_near(sd * sd, 0.16177123324409837 + 1e-12, 1e-12);
    g_assert_true(
        gp_likelihood_make(&fixture.self, &fixture.memory, &observations, NAN, &likelihood));
    gp_likelihood_at(&likelihood, parameters, gradient);
    assert_near(likelihood.log_marginal, -4.752118344490345, 1e-12);
    fixture_clear(&fixture);
}

/* ---- Observations ---- */

static void
observe(Fixture *fixture, const double *losses, guint n, gboolean warped,
        gp_observations *observations)
{
    gp_row rows[8], *items[8];
    memset(rows, 0, sizeof rows);
    for (guint i = 0; i < n; i++) {
        rows[i].loss = losses[i];
        items[i] = &rows[i];
    }
    fixture->self.trials.ended = (gp_rows){items, n, n};
    g_assert_true(gp_observe(&fixture->self, &fixture->memory, n, 0, warped, observations));
    fixture->self.trials.ended = (gp_rows){NULL, 0, 0};
}

static void
test_observations(void)
{
    static const double losses[] = {3, 0, (double)INFINITY, 1, 0};
    Fixture fixture;
    gp_observations observations;
    fixture_init(&fixture, 2);
    /* One without a number is like the worst: 3 0 3 1 0 and deviation 1.356466. */
    observe(&fixture, losses, 5, FALSE, &observations);
    assert_near(observations.y[0], -(3 - 1.4) / 1.3564659966250536, 1e-12);
    assert_near(observations.y[2], -(3 - 1.4) / 1.3564659966250536, 1e-12);
    assert_near(observations.y[4], 1.4 / 1.3564659966250536, 1e-12);
    assert_near(observations.log_derivatives, -5 * log(1.3564659966250536 / 3), 1e-12);
    /* 0, 1 and 3, whose middle is 1: the logarithms of 1, 2 and 4. */
    static const double three[] = {1, 3, 0};
    observe(&fixture, three, 3, TRUE, &observations);
    const double sd = log(2) * sqrt(2.0 / 3);
    g_assert_cmpfloat(fabs(observations.y[0]), <, 1e-12);
    assert_near(observations.y[1], -log(2) / sd, 1e-12);
    assert_near(observations.y[2], log(2) / sd, 1e-12);
    assert_near(observations.log_derivatives, log(3 * 1.5 * 0.75) - 3 * log(sd), 1e-12);
    /* Most of them are the least: nothing to take the logarithm of. */
    static const double most[] = {0, 0, 0, 1};
    observe(&fixture, most, 4, TRUE, &observations);
    g_assert_cmpfloat(observations.y[3], <, -1.7);
    fixture_clear(&fixture);
}

/* ---- Derivatives ---- */

/* Places and numbers without a pattern. */
static void
scatter(guint n, double u[][N_DIMS], double *y, const double **list)
{
    for (guint i = 0; i < n; i++) {
        u[i][0] = fmod(0.37 + 0.618034 * i, 1);
        u[i][1] = fmod(0.11 + 0.754878 * i, 1);
        u[i][2] = (i * 7) % 4;
        y[i] = sin(7 * u[i][0]) + u[i][1] * u[i][1] - 0.3 * (u[i][2] == 2);
        list[i] = u[i];
    }
}

static void
check_likelihood(double noise)
{
    static const double at[] = {0.7, -0.4, -1.2, 0.3, -3};
    Fixture fixture;
    double u[12][N_DIMS], y[12], gradient[N_DIMS + 2], unused[N_DIMS + 2];
    const double *list[12];
    gp_likelihood likelihood;
    fixture_init(&fixture, N_DIMS);
    scatter(12, u, y, list);
    gp_observations observations = {12, list, y, 0, 0};
    g_assert_true(
        gp_likelihood_make(&fixture.self, &fixture.memory, &observations, noise, &likelihood));
    gp_likelihood_at(&likelihood, at, gradient);
    for (gsize i = 0; i < likelihood.n_parameters; i++) {
        double one[N_DIMS + 2], other[N_DIMS + 2];
        memcpy(one, at, sizeof one);
        memcpy(other, at, sizeof other);
        one[i] += 1e-5;
        other[i] -= 1e-5;
        const double slope = (gp_likelihood_at(&likelihood, one, unused) -
                              gp_likelihood_at(&likelihood, other, unused)) /
                             2e-5;
        assert_near(gradient[i], slope, 1e-6);
    }
    fixture_clear(&fixture);
}

static void
test_likelihood_gradient(void)
{
    check_likelihood(NAN);
    check_likelihood(1e-3);
}

static void
check_surface_gradient(gp_surface *surface, const double *at)
{
    double mean, sd, d_mean[N_DIMS], d_sd[N_DIMS];
    gp_surface_at(surface, at, &mean, &sd, d_mean, d_sd);
    for (guint i = 0; i < 2; i++) {
        double one[N_DIMS], other[N_DIMS], up[2], down[2];
        memcpy(one, at, sizeof one);
        memcpy(other, at, sizeof other);
        one[i] += 1e-6;
        other[i] -= 1e-6;
        gp_surface_at(surface, one, &up[0], &up[1], NULL, NULL);
        gp_surface_at(surface, other, &down[0], &down[1], NULL, NULL);
        assert_near(d_mean[i], (up[0] - down[0]) / 2e-6, 1e-6);
        assert_near(d_sd[i], (up[1] - down[1]) / 2e-6, 1e-6);
    }
    g_assert_cmpfloat(d_mean[2], ==, 0);
}

static void
test_posterior_gradient(void)
{
    Fixture fixture;
    double u[12][N_DIMS], y[12], weights[] = {5, 0.8, 0.5};
    const double *list[12], at[] = {0.42, 0.77, 2};
    const double more[] = {0.2, 0.6, 1};
    gp_row row = {.u = (double *)more}, *rows[] = {&row};
    gp_rows running = {rows, 1, 1};
    gp_surface surface;
    gp_fit fit = {weights, 0.9, 1e-3};
    double lie = 0.4;
    fixture_init(&fixture, N_DIMS);
    scatter(12, u, y, list);
    gp_observations observations = {12, list, y, 0, 0};
    for (guint i = 0; i < 2; i++) {
        g_assert_true(gp_surface_make(&fixture.self, &fixture.memory, &fit, &observations, &running,
                                      i ? &lie : NULL, &surface));
        check_surface_gradient(&surface, at);
    }
    fixture_clear(&fixture);
}

static void
test_acquisition_gradients(void)
{
    for (int kind = GP_LOGEI; kind <= GP_UCB + 1; kind++)
        for (double mean = -9; mean < 2; mean += 0.5)
            for (double sd = 0.05; sd < 3; sd *= 2) {
                gp_acquisition acquisition = {kind, 2.576, 0.1, 0.7, 1};
                double d_mean, d_sd, unused, values[4];
                const double step = 1e-6 * sd;
#define AT(M, S, A, B)                                                                             \
    (kind > GP_UCB ? gp_feasible(0.7, M, S, A, B) : gp_acquire(&acquisition, M, S, A, B))
                AT(mean, sd, &d_mean, &d_sd);
                values[0] = AT(mean + step, sd, &unused, &unused);
                values[1] = AT(mean - step, sd, &unused, &unused);
                values[2] = AT(mean, sd + step, &unused, &unused);
                values[3] = AT(mean, sd - step, &unused, &unused);
#undef AT
                /* In differences of large numbers digits are lost. */
                const double error = 1e-5 + 1e-15 * fabs(values[0]) / step;
                g_assert_cmpfloat(fabs((values[0] - values[1]) / (2 * step) - d_mean), <,
                                  error * (1 + fabs(d_mean)));
                g_assert_cmpfloat(fabs((values[2] - values[3]) / (2 * step) - d_sd), <,
                                  error * (1 + fabs(d_sd)));
            }
}

/* ---- What a posterior is like ---- */

static void
test_posterior(void)
{
    Fixture fixture;
    double u[8][N_DIMS], y[8], weights[] = {30, 30, 1};
    const double *list[8];
    double mean, sd, far[] = {0.5, 0.5, 3}, of_one, before;
    gp_fit fit = {weights, 1, GP_LEAST_NOISE};
    gp_row row = {.u = far}, *rows[] = {&row};
    gp_rows running = {0};
    gp_surface surface;
    fixture_init(&fixture, N_DIMS);
    scatter(8, u, y, list);
    gp_observations observations = {8, list, y, 0, 0};
    g_assert_true(gp_surface_make(&fixture.self, &fixture.memory, &fit, &observations, &running,
                                  NULL, &surface));
    /* Without noise it goes through the observations. */
    for (guint i = 0; i < 8; i++) {
        gp_surface_at(&surface, u[i], &mean, &sd, NULL, NULL);
        g_assert_cmpfloat(fabs(mean - y[i]), <, 1e-4);
        g_assert_cmpfloat(sd, <, 2e-3);
    }
    /* Away from them less and less is known. */
    memcpy(far, u[0], sizeof far);
    gp_surface_at(&surface, far, &mean, &before, NULL, NULL);
    for (guint i = 0; i < 8; i++) {
        far[0] += 0.01;
        gp_surface_at(&surface, far, &mean, &sd, NULL, NULL);
        g_assert_cmpfloat(sd, >, before);
        before = sd;
    }
    /* A running one is known, and changes no mean. */
    gp_surface_at(&surface, far, &of_one, &before, NULL, NULL);
    running = (gp_rows){rows, 1, 1};
    g_assert_true(gp_surface_make(&fixture.self, &fixture.memory, &fit, &observations, &running,
                                  NULL, &surface));
    gp_surface_at(&surface, far, &mean, &sd, NULL, NULL);
    g_assert_cmpfloat(fabs(mean - of_one), <, 1e-9);
    g_assert_cmpfloat(sd, <, 2e-3);
    fixture_clear(&fixture);
}

/* The same place again and again, and without noise: no factor but with what is added. */
static void
test_equal_places(void)
{
    Fixture fixture;
    double u[] = {0.3, 0.4}, y[30], weights[] = {1, 1}, mean, sd;
    const double *list[30];
    gp_fit fit = {weights, 1, 1e-300};
    gp_rows running = {0};
    gp_surface surface;
    fixture_init(&fixture, 2);
    for (guint i = 0; i < 30; i++) {
        list[i] = u;
        y[i] = i % 2 ? 1 : -1;
    }
    gp_observations observations = {30, list, y, 0, 0};
    g_assert_true(gp_surface_make(&fixture.self, &fixture.memory, &fit, &observations, &running,
                                  NULL, &surface));
    gp_surface_at(&surface, u, &mean, &sd, NULL, NULL);
    g_assert_cmpfloat(fabs(mean), <, 1e-3);
    fixture_clear(&fixture);
}

/* ---- The fit ---- */

/* What matters is found, and what does not; so is noise. */
static void
test_fit(void)
{
    Fixture fixture;
    double u[60][N_DIMS], y[60], weights[N_DIMS];
    const double *list[60];
    gp_fit fit = {.weights = weights};
    pbx_error error;
    double value;
    fixture_init(&fixture, N_DIMS);
    scatter(60, u, y, list);
    for (guint i = 0; i < 60; i++)
        y[i] = sin(6 * u[i][0]) + ((int)(i * 37) % 11 - 5) * 0.02;
    gp_observations observations = {60, list, y, 0, 0};
    g_assert_cmpint(gp_fit_make(&fixture.self, &observations, NAN, &fit, &value, &error), ==,
                    PBX_OK);
    g_assert_cmpfloat(weights[0], >, 20 * weights[1]);
    g_assert_cmpfloat(weights[0], >, 20 * weights[2]);
    g_assert_cmpfloat(fit.noise, >, 1e-3);
    g_assert_cmpfloat(fit.noise, <, 2e-2);
    g_assert_cmpint(gp_fit_make(&fixture.self, &observations, 0.25, &fit, &value, &error), ==,
                    PBX_OK);
    g_assert_cmpfloat(fit.noise, ==, 0.25);
    fixture.is_cancelled = TRUE;
    g_assert_cmpint(gp_fit_make(&fixture.self, &observations, NAN, &fit, &value, &error), ==,
                    PBX_ECANCELLED);
    fixture_clear(&fixture);
    g_assert_null(fixture.self.base.blocks);
}

#define ADD(NAME, FUNCTION) g_test_add_func("/gp/model/" NAME, FUNCTION)

void
model_add_tests(void)
{
    ADD("log-h", test_log_h);
    ADD("erfcx", test_erfcx);
    ADD("log-normal-cdf", test_log_normal_cdf);
    ADD("known-numbers", test_known_numbers);
    ADD("observations", test_observations);
    ADD("likelihood-gradient", test_likelihood_gradient);
    ADD("posterior-gradient", test_posterior_gradient);
    ADD("acquisition-gradients", test_acquisition_gradients);
    ADD("posterior", test_posterior);
    ADD("equal-places", test_equal_places);
    ADD("fit", test_fit);
}
