/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For tests of searches: points, and checks that hold for each that fills a space evenly. */
#include <math.h>
#include <pegbox/helpers/space.h>
#include <string.h>

#include "host-private.h"

pbx_status
test_suggest(PbxTestHost *host, guint64 ask, double *x)
{
    const pbx_search *search = host->vtable;
    host->suggestion = (pbx_suggestion){.struct_size = sizeof host->suggestion,
                                        .n_dims = host->problem.space->n_dims,
                                        .trial = ask,
                                        .ask = ask,
                                        .x = x};
    for (guint i = 0; i < host->suggestion.n_dims; i++)
        x[i] = 123456;
    return search->suggest(host->self, &host->suggestion, &host->error);
}

PbxTestHost *
test_uniform_host(const char *options, guint n_dims, gint64 num_samples)
{
    PbxTestHost *host = test_host_new(options);
    g_autoptr(GString) config = g_string_new("{");
    for (guint i = 0; i < n_dims; i++)
        g_string_append_printf(config, "%s\"x%04u\": {\"$uniform\": [0, 1]}", i > 0 ? ", " : "", i);
    g_string_append_c(config, '}');
    pbx_status status = test_host_setup(host, config->str, NULL, num_samples);
    g_assert_cmpstr(host->error.message, ==, "");
    g_assert_cmpint(status, ==, PBX_OK);
    return host;
}

/* ---- Even searches ---- */

#define LEAVES                                                                                     \
    "\"b\": {\"$uniform\": [-1, 1]}, \"c\": {\"$quniform\": [0, 0.9, 0.3]}, "                      \
    "\"d\": {\"$loguniform\": [1e-5, 1]}, \"e\": {\"$qloguniform\": [0.1, 10, 0.1]}, "             \
    "\"f\": {\"$randn\": [3, 2]}, \"g\": {\"$qrandn\": [0, 1, 0.5]}, "                             \
    "\"h\": {\"$randint\": [-3, 4]}, \"i\": {\"$qrandint\": [0, 10, 5]}, "                         \
    "\"j\": {\"$lograndint\": [1, 100]}, \"k\": {\"$qlograndint\": [2, 8, 2]}, "                   \
    "\"l\": {\"$choice\": [1, 2, 3]}, \"m\": {\"$choice\": [\"one\"]}"
#define TREE                                                                                       \
    "\"a\": {\"$choice\": [{\"x\": {\"$uniform\": [0, 1]}}, 5, {\"x\": {\"$choice\": [1, "         \
    "{\"y\": {\"$randint\": [9]}}]}}]}"

static PbxTestHost *
host_for(const char *options, const char *config)
{
    PbxTestHost *host = test_host_new(options);
    g_assert_cmpint(test_host_setup(host, config, NULL, 64), ==, PBX_OK);
    return host;
}

static gboolean
is_active(const pbx_space *space, const double *x, guint dim)
{
    const pbx_dim *at = space->dims[dim];
    return pbx_active(at, x) && (at->parent < 0 || is_active(space, x, (guint)at->parent));
}

/* Each value lies in its domain and is there where its branch is taken; none is missed. */
static void
check_domains(const char *options)
{
    g_autoptr(PbxTestHost) host = host_for(options, "{" LEAVES ", " TREE "}");
    const pbx_space *space = host->problem.space;
    guint n = space->n_dims, n_active = 0;
    double x[32], snapped[32], low[32], high[32];
    g_assert_cmpuint(n, ==, 15);
    for (guint i = 0; i < n; i++) {
        low[i] = INFINITY;
        high[i] = -INFINITY;
    }
    for (guint64 ask = 0; ask < 64; ask++) {
        g_autoptr(GError) error = NULL;
        gboolean altered;
        g_assert_cmpint(test_suggest(host, ask, x), ==, PBX_OK);
        memcpy(snapped, x, sizeof x);
        g_assert_true(space_snap(host->space, snapped, &altered, &error));
        g_assert_no_error(error);
        g_assert_false(altered);
        for (guint i = 0; i < n; i++) {
            g_assert_true(isnan(x[i]) == !is_active(space, x, i));
            n_active += !isnan(x[i]);
            low[i] = fmin(low[i], x[i]);
            high[i] = fmax(high[i], x[i]);
        }
    }
    g_assert_cmpuint(n_active, >, 64 * 12);
    for (guint i = 0; i < n; i++) {
        const pbx_dim *dim = space->dims[i];
        if (dim->type == PBX_DIM_CATEGORY)
            g_assert_true(low[i] == 0 && high[i] == dim->n_choices - 1);
        else if (dim->type == PBX_DIM_INT && dim->parent < 0 && dim->high - dim->low <= 10)
            g_assert_true(low[i] == dim->low && high[i] == dim->high);
        g_assert_cmpfloat(low[i], <, high[i]);
    }
}

/* The order of the parameters in the experiment file is without effect. */
static void
check_order(const char *options)
{
    g_autoptr(PbxTestHost) one =
        host_for(options, "{\"a\": {\"$uniform\": [0, 1]}, \"b\": {\"$uniform\": [0, 1]}}");
    g_autoptr(PbxTestHost) other =
        host_for(options, "{\"b\": {\"$uniform\": [0, 1]}, \"a\": {\"$uniform\": [0, 1]}}");
    for (guint64 ask = 0; ask < 20; ask++) {
        double x[2], y[2];
        g_assert_cmpint(test_suggest(one, ask, x), ==, PBX_OK);
        g_assert_cmpint(test_suggest(other, ask, y), ==, PBX_OK);
        g_assert_true(x[0] == y[1] && x[1] == y[0] && x[0] != x[1]);
    }
}

/* A point is a function of seed and ask, in whatever order and by whichever instance. */
static void
check_seed(const char *options)
{
    g_autoptr(PbxTestHost) one = test_uniform_host(options, 3, 64);
    g_autoptr(PbxTestHost) other = test_uniform_host(options, 3, 64);
    test_host_seed(8);
    g_autoptr(PbxTestHost) seeded = test_uniform_host(options, 3, 64);
    test_host_seed(7);
    for (guint64 ask = 64; ask-- > 0;) {
        double x[3], y[3], z[3];
        g_assert_cmpint(test_suggest(one, 63 - ask, x), ==, PBX_OK);
        g_assert_cmpint(test_suggest(other, ask, y), ==, PBX_OK);
        g_assert_cmpint(test_suggest(one, ask, x), ==, PBX_OK);
        g_assert_cmpint(test_suggest(seeded, ask, z), ==, PBX_OK);
        for (guint i = 0; i < 3; i++)
            g_assert_true(x[i] == y[i] && x[i] != z[i]);
    }
}

/* No parameters at all, and many. */
static void
check_sizes(const char *options)
{
    g_autoptr(PbxTestHost) none = test_uniform_host(options, 0, 8);
    g_autoptr(PbxTestHost) many = test_uniform_host(options, 2000, 8);
    g_autofree double *x = g_new(double, 2000);
    for (guint64 ask = 0; ask < 8; ask++) {
        g_assert_cmpint(test_suggest(none, ask, x), ==, PBX_OK);
        g_assert_cmpint(test_suggest(many, ask, x), ==, PBX_OK);
        for (guint i = 0; i < 2000; i++)
            g_assert_true(x[i] >= 0 && x[i] < 1);
    }
    /* setup may come again. */
    const pbx_search *search = many->vtable;
    g_assert_cmpint(search->setup(many->self, &many->problem, &many->error), ==, PBX_OK);
    g_assert_cmpint(test_suggest(many, 0, x), ==, PBX_OK);
}

void
test_even_search(const char *options)
{
    check_domains(options);
    check_order(options);
    check_seed(options);
    check_sizes(options);
}

void
test_even_parts(PbxTestHost *host, guint64 first, guint n)
{
    guint n_dims = host->problem.space->n_dims;
    g_autofree double *x = g_new(double, n_dims);
    g_autofree guint8 *seen = g_new0(guint8, (gsize)n_dims * n);
    for (guint64 ask = first; ask < first + n; ask++) {
        g_assert_cmpint(test_suggest(host, ask, x), ==, PBX_OK);
        for (guint i = 0; i < n_dims; i++) {
            guint part = (guint)(x[i] * n);
            g_assert_cmpuint(part, <, n);
            g_assert_cmpuint(seen[(gsize)i * n + part], ==, 0);
            seen[(gsize)i * n + part] = 1;
        }
    }
}

double
test_even_error(PbxTestHost *host, guint n)
{
    guint n_dims = host->problem.space->n_dims;
    g_autofree double *x = g_new(double, n_dims);
    double sum = 0;
    for (guint64 ask = 0; ask < n; ask++) {
        double product = 1;
        g_assert_cmpint(test_suggest(host, ask, x), ==, PBX_OK);
        for (guint i = 0; i < n_dims; i++)
            product *= 1 + (x[i] - 0.5) / ((i + 1.0) * (i + 1.0));
        sum += product;
    }
    return fabs(sum / n - 1);
}
