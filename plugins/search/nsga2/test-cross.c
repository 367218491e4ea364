/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Crossovers of all numbers together: where children lie, by many of them. */
#include <math.h>
#include <string.h>

#include "nsga2.h"
#include "test-nsga2.h"

#define N     20000
#define MAX_N 3

/* Children of these parents: their means, variances and covariance, and the outermost ones. */
typedef struct {
    double mean[MAX_N], variance[MAX_N], covariance; /* of the first two */
    double least[MAX_N], most[MAX_N];
    double (*child)[MAX_N]; /* [N] */
} Children;

static void
children_clear(Children *children)
{
    g_free(children->child);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Children, children_clear)

static const nsga2_rules usual = {.crossover_eta = 2,
                                  .alpha = 0.5,
                                  .sigma_xi = 0.5,
                                  .uniform_crossover_prob = 0.5,
                                  .use_child_gene_prob = 0.5,
                                  .epsilon = NAN,
                                  .sigma_eta = NAN};

static Children
cross(const nsga2_rules *rules, size_t n, const double parents[][MAX_N])
{
    g_autoptr(PbxTestHost) host = test_host_new("{}");
    const double *rows[NSGA2_MAX_PARENTS] = {parents[0], parents[1], parents[2]};
    pbx_rng rng = pbx_rng_at(host->abi, 1, 0);
    Children made = {.child = g_malloc0_n(N, sizeof *made.child)};
    for (guint i = 0; i < N; i++) {
        nsga2_cross(rules, n, rows, made.child[i], &rng);
        for (size_t k = 0; k < n; k++) {
            const double x = made.child[i][k];
            made.mean[k] += x / N;
            made.least[k] = i == 0 ? x : fmin(made.least[k], x);
            made.most[k] = i == 0 ? x : fmax(made.most[k], x);
        }
    }
    for (guint i = 0; i < N; i++) {
        double by[MAX_N] = {0};
        for (size_t k = 0; k < n; k++) {
            by[k] = made.child[i][k] - made.mean[k];
            made.variance[k] += by[k] * by[k] / N;
        }
        made.covariance += by[0] * by[1] / N;
    }
    return made;
}

static void
assert_near(double value, double expected, double share)
{
    g_assert_cmpfloat_with_epsilon(value, expected, share * fabs(expected));
}

/* Uniform in the parents' box and half its extent on either side, each number by itself. */
static void
test_blxalpha(void)
{
    static const double parents[3][MAX_N] = {{0.2, 0.8}, {0.4, 0.5}};
    nsga2_rules rules = usual;
    rules.crossover = NSGA2_BLXALPHA;
    g_auto(Children) made = cross(&rules, 2, parents);
    assert_near(made.mean[0], 0.3, 0.02);
    assert_near(made.variance[0], 0.4 * 0.4 / 12, 0.05);
    assert_near(made.variance[1], 0.6 * 0.6 / 12, 0.05);
    g_assert_cmpfloat(made.least[0], >=, 0.1);
    g_assert_cmpfloat(made.most[1], <=, 0.95);
    g_assert_cmpfloat(fabs(made.covariance), <, 5e-4);
    rules.alpha = 0;
    g_auto(Children) inside = cross(&rules, 2, parents);
    g_assert_cmpfloat(inside.least[0], >=, 0.2);
    g_assert_cmpfloat(inside.most[0], <=, 0.4);
}

/* Uniform in the triangle: twice as large with two numbers, else as epsilon says. */
static void
test_spx(void)
{
    static const double parents[3][MAX_N] = {{0.3, 0.3}, {0.6, 0.3}, {0.3, 0.6}};
    nsga2_rules rules = usual;
    rules.crossover = NSGA2_SPX;
    for (double epsilon = 1; epsilon <= 2; epsilon++) {
        rules.epsilon = epsilon == 2 ? (double)NAN : epsilon;
        g_auto(Children) made = cross(&rules, 2, parents);
        const double side = 0.3 * epsilon, low = 0.4 - side / 3;
        assert_near(made.mean[0], 0.4, 0.01);
        assert_near(made.mean[1], 0.4, 0.01);
        assert_near(made.variance[0], side * side / 18, 0.05);
        assert_near(made.variance[1], side * side / 18, 0.05);
        assert_near(made.covariance, -side * side / 36, 0.1);
        for (guint i = 0; i < N; i++) {
            const double *x = made.child[i];
            g_assert_true(x[0] >= low - 1e-12 && x[1] >= low - 1e-12);
            g_assert_cmpfloat(x[0] + x[1], <=, 2 * low + side + 1e-12);
        }
    }
}

/* Normal around the middle of two: along their line by its length, across it by how far the third
 * lies from it. */
static void
test_undx(void)
{
    static const double parents[3][MAX_N] = {
        {0.2, 0.2, 0.5}, {0.5, 0.6, 0.5}, {0.2, 0.2, 0.7}}; /* 0.5 long, 0.2 off */
    nsga2_rules rules = usual;
    rules.crossover = NSGA2_UNDX;
    g_auto(Children) made = cross(&rules, 3, parents);
    double along = 0, across = 0;
    assert_near(made.mean[0], 0.35, 0.02);
    assert_near(made.mean[1], 0.4, 0.02);
    assert_near(made.mean[2], 0.5, 0.02);
    for (guint i = 0; i < N; i++) {
        const double x = made.child[i][0] - 0.35, y = made.child[i][1] - 0.4;
        along += pow(0.6 * x + 0.8 * y, 2) / N;
        across += pow(0.8 * x - 0.6 * y, 2) / N;
    }
    assert_near(along, 0.25 * 0.25, 0.05);
    assert_near(across, 0.2 * 0.2 * 0.35 * 0.35 / 3, 0.05);
    assert_near(made.variance[2], 0.2 * 0.2 * 0.35 * 0.35 / 3, 0.05);
    rules.sigma_eta = 0;
    g_auto(Children) line = cross(&rules, 3, parents);
    g_assert_cmpfloat(line.variance[2], <, 1e-20);
    /* One number has nothing across; two that are the same have no line. */
    g_auto(Children) one = cross(&rules, 1, parents);
    assert_near(one.variance[0], 0.15 * 0.15, 0.05);
    static const double same[3][MAX_N] = {{0.5, 0.5}, {0.5, 0.5}, {0.5, 0.5}};
    g_auto(Children) still = cross(&rules, 2, same);
    g_assert_true(still.least[0] == 0.5 && still.most[1] == 0.5);
}

static void
test_vsbx(void)
{
    static const double parents[3][MAX_N] = {{0.4, 0.4, 0.4}, {0.6, 0.6, 0.6}};
    nsga2_rules rules = usual;
    rules.crossover = NSGA2_VSBX;
    rules.use_child_gene_prob = 1;
    g_auto(Children) made = cross(&rules, 2, parents);
    guint middle = 0, below = 0, near = 0;
    for (guint i = 0; i < N; i++) {
        const double x = made.child[i][0];
        middle += x > 0.45 && x < 0.55;
        below += x < 0.4;
        near += fabs(x - 0.4) < 0.02 || fabs(x - 0.6) < 0.02;
    }
    /* It leaves no gap; as many lie beyond a parent as before it. */
    g_assert_cmpuint(middle, >, N / 20);
    assert_near(below, N / 4., 0.06);
    g_assert_cmpuint(near, >, N / 2);
    rules.crossover_eta = 1000;
    g_auto(Children) close = cross(&rules, 2, parents);
    assert_near(close.variance[0], 0.01, 0.05);
    /* Parents as they are: each number of either, or all of one. */
    rules.use_child_gene_prob = 0;
    for (guint mixed = 0; mixed < 2; mixed++) {
        guint both = 0, first = 0;
        rules.uniform_crossover_prob = mixed * 0.5;
        g_auto(Children) copies = cross(&rules, 2, parents);
        for (guint i = 0; i < N; i++) {
            const double *x = copies.child[i];
            g_assert_true((x[0] == 0.4 || x[0] == 0.6) && (x[1] == 0.4 || x[1] == 0.6));
            first += x[0] == 0.4;
            both += x[0] == x[1];
        }
        assert_near(first, N / 2., 0.05);
        assert_near(both, mixed ? N / 2. : N, 0.05);
    }
    /* Of two that are the same there is no other child. */
    static const double same[3][MAX_N] = {{0.7, 0.2}, {0.7, 0.2}};
    rules = usual;
    rules.crossover = NSGA2_VSBX;
    g_auto(Children) still = cross(&rules, 2, same);
    g_assert_true(still.least[0] == 0.7 && still.most[1] == 0.2);
}

/* Of all operators, some of them on branches; generations come nearer to what is best. */
static void
test_all_learn(void)
{
    static const char *const crossovers[] = {"blxalpha", "spx", "undx", "vsbx"};
    static const char config[] =
        "{\"a\": {\"$uniform\": [-1, 1]}, \"c\": {\"$loguniform\": [1e-10, 0.1]}, \"e\": "
        "{\"$randn\": [3, 2]}, \"g\": {\"$randint\": 4}, \"j\": {\"$qlograndint\": [2, 8, 2]}, "
        "\"l\": {\"$choice\": [16, 64, 256]}, \"k\": {\"$choice\": [\"x\", {\"eps\": "
        "{\"$loguniform\": [1e-9, 1e-6]}, \"n\": {\"$randint\": 9}}, \"y\"]}}";
    for (gsize i = 0; i < 2 * G_N_ELEMENTS(crossovers); i++) {
        /* Of two there is no third parent. */
        const guint size = i < G_N_ELEMENTS(crossovers) ? 10 : 2;
        g_autofree char *options =
            g_strdup_printf("{\"population_size\": %u, \"mutation_prob\": 0.1, \"crossover\": "
                            "\"%s\"}",
                            size, crossovers[i % G_N_ELEMENTS(crossovers)]);
        g_autoptr(PbxTestHost) host = host_for(options, config, "a:min b:min");
        const double before = run(host, 0, size);
        run(host, 10, 150);
        const double after = run(host, 200, 50);
        if (size > 2 && !(after < 0.7 * before))
            g_error("%s: from %g on average to %g", options, before, after);
    }
}

void
cross_add_tests(void)
{
    g_test_add_func("/nsga2/cross/blxalpha", test_blxalpha);
    g_test_add_func("/nsga2/cross/spx", test_spx);
    g_test_add_func("/nsga2/cross/undx", test_undx);
    g_test_add_func("/nsga2/cross/vsbx", test_vsbx);
    g_test_add_func("/nsga2/cross/all-learn", test_all_learn);
}
