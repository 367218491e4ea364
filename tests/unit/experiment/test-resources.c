/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many trials fit at once, and the threads that each may start. */
#include <string.h>

#include "fixture.h"

static guint
slots(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(resources_open(&f->runner, &error));
    g_assert_no_error(error);
    return f->runner.slots;
}

static void
test_slots(void)
{
    Fixture f;
    fixture_set_up(&f, "{}");
    guint n = g_get_num_processors();
    g_assert_cmpuint(slots(&f), ==, n);
    g_assert_cmpfloat(f.runner.total_cpu, ==, n);
    f.spec.cpu = 0.1; /* ten of them fit in one, whatever binary fractions say */
    g_assert_cmpuint(slots(&f), ==, 10 * n);
    f.spec.cpu = 0.3;
    g_assert_cmpuint(slots(&f), ==, n * 10000 / 3000);
    f.spec.max_concurrent_trials = 2;
    g_assert_cmpuint(slots(&f), ==, 2);
    f.spec.cpu = n;
    g_assert_cmpuint(slots(&f), ==, 1);
    f.spec.cpu = 0; /* not counted: as many as are allowed */
    f.spec.max_concurrent_trials = 7;
    g_assert_cmpuint(slots(&f), ==, 7);
    f.spec.max_concurrent_trials = 0;
    g_assert_cmpuint(slots(&f), >, 10 * n);
    f.spec.memory = f.runner.total_memory / 2 + 1;
    g_assert_cmpuint(slots(&f), ==, 1);
    fixture_tear_down(&f);
}

static void
test_too_much(void)
{
    Fixture f;
    fixture_set_up(&f, "{}");
    g_autoptr(GError) error = NULL;
    f.spec.cpu = g_get_num_processors() + 0.5;
    g_assert_false(resources_open(&f.runner, &error));
    g_assert_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE);
    g_autofree char *begin = g_strdup_printf("no trial fits: one needs %g CPUs and 0 bytes of "
                                             "memory, this machine has %u and ",
                                             f.spec.cpu, g_get_num_processors());
    g_assert_true(g_str_has_prefix(error->message, begin));
    g_clear_error(&error);
    f.spec.cpu = 1;
    f.spec.memory = G_MAXUINT64;
    g_assert_false(resources_open(&f.runner, &error));
    g_assert_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE);
    fixture_tear_down(&f);
}

static const char *
value_of(const GPtrArray *env, const char *name)
{
    gsize length = strlen(name);
    for (guint i = 0; i < env->len; i++) {
        const char *item = env->pdata[i];
        if (strncmp(item, name, length) == 0 && item[length] == '=')
            return item + length + 1;
    }
    return NULL;
}

/* Each trial as many threads as it has CPUs, where nobody says otherwise. */
static void
test_threads(void)
{
    static const struct {
        double cpu;
        const char *threads;
    } cases[] = {{1, "1"}, {4, "4"}, {2.9, "2"}, {0.5, "1"}, {0, "1"}};
    Fixture f;
    fixture_set_up(&f, "{}");
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GPtrArray) env = g_ptr_array_new_with_free_func(g_free);
        f.spec.cpu = cases[i].cpu;
        resources_environment(&f.runner, env);
        g_assert_cmpuint(env->len, ==, 6);
        g_assert_cmpstr(value_of(env, "OMP_NUM_THREADS"), ==, cases[i].threads);
        g_assert_cmpstr(value_of(env, "NUMEXPR_NUM_THREADS"), ==, cases[i].threads);
    }
    g_autoptr(GPtrArray) env = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(env, g_strdup("OMP_NUM_THREADS=9"));
    g_ptr_array_add(env, g_strdup("MKL_NUM_THREADS_X=9"));
    g_setenv("OPENBLAS_NUM_THREADS", "8", TRUE);
    resources_environment(&f.runner, env);
    g_assert_cmpuint(env->len, ==, 2 + 4);
    g_assert_cmpstr(value_of(env, "OMP_NUM_THREADS"), ==, "9");
    g_assert_cmpstr(value_of(env, "MKL_NUM_THREADS"), ==, "1");
    g_assert_null(value_of(env, "OPENBLAS_NUM_THREADS")); /* inherited */
    fixture_tear_down(&f);
}

int
main(int argc, char **argv)
{
    static const char *const variables[] = {"OMP_NUM_THREADS",        "OPENBLAS_NUM_THREADS",
                                            "MKL_NUM_THREADS",        "BLIS_NUM_THREADS",
                                            "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"};
    for (gsize i = 0; i < G_N_ELEMENTS(variables); i++)
        g_unsetenv(variables[i]);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/experiment/resources/slots", test_slots);
    g_test_add_func("/experiment/resources/too-much", test_too_much);
    g_test_add_func("/experiment/resources/threads", test_threads);
    return g_test_run();
}
