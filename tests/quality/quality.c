/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quality PLUGIN.so OPTIONS FUNCTION TRIALS[,TRIALS...] SEED: one run of a search, one trial at a
 * time, and the best value after so many trials each, a line "TRIALS BEST"; of a function with
 * several metrics the hypervolume of all points below function_reference.
 * quality --check: the functions at a known point. */
#include <math.h>
#include <pegbox/helpers/hypervolume.h>
#include <stdio.h>
#include <string.h>

#include "functions.h"
#include "host.h"

static void
check(PbxTestHost *host, pbx_status status, const char *what)
{
    if (status != PBX_OK)
        g_error("%s: status %d: %s", what, status, host->error.message);
}

static void
tell(PbxTestHost *host, guint64 trial, const double *x, const double *values)
{
    const pbx_search *search = host->vtable;
    const pbx_result last = {.struct_size = sizeof last,
                             .trial = trial,
                             .iteration = 1,
                             .n_losses = host->problem.n_objectives,
                             .losses = values};
    const pbx_outcome outcome = {.struct_size = sizeof outcome,
                                 .end = PBX_END_COMPLETED,
                                 .n_dims = host->problem.space->n_dims,
                                 .trial = trial,
                                 .x = x,
                                 .last = &last};
    if (search->tell != NULL)
        check(host, search->tell(host->self, &outcome, &host->error), "tell");
}

/* n rows of values: the least, or the hypervolume. */
static double
best_of(const Function *function, const double *values, gsize n)
{
    double best = (double)INFINITY;
    if (function->values == NULL) {
        for (gsize i = 0; i < n; i++)
            best = MIN(best, values[i]);
        return best;
    }
    if (pbx_hypervolume(values, n, FUNCTION_MAX_METRICS, function_reference, &best) != PBX_OK)
        g_error("no memory");
    return best;
}

/* after: the numbers of trials, ascending. */
static void
run(PbxTestHost *host, const Function *function, char **after)
{
    const guint n_values = function->values != NULL ? FUNCTION_MAX_METRICS : 1;
    g_autofree double *x = g_new(double, host->problem.space->n_dims);
    g_autoptr(GArray) values = g_array_new(FALSE, TRUE, n_values * sizeof(double));
    for (; *after != NULL; after++) {
        const guint trials = (guint)g_ascii_strtoull(*after, NULL, 10);
        while (values->len < trials) {
            const guint trial = values->len;
            g_autoptr(GError) error = NULL;
            check(host, test_suggest(host, trial, x), "suggest");
            if (!space_snap(host->space, x, NULL, &error))
                g_error("suggest: %s", error->message);
            g_array_set_size(values, trial + 1);
            double *row = (double *)(void *)values->data + (gsize)trial * n_values;
            if (function->values != NULL)
                function->values(x, row);
            else
                *row = function->value(host->problem.space, x);
            tell(host, trial, x, row);
        }
        printf("%u %.17g\n", trials,
               best_of(function, (const double *)(const void *)values->data, values->len));
    }
}

static void
check_mixcond(void)
{
    static const char *const paths[] = {"opt",   "opt.sgd_lr", "opt.sgd_mom", "layers",
                                        "units", "act",        "drop"};
    static const double x[] = {0, 0.01, 0.5, 5, 64, 0, 0.1};
    pbx_dim dims[G_N_ELEMENTS(paths)] = {{0}};
    const pbx_dim *list[G_N_ELEMENTS(paths)];
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        dims[i].path = paths[i];
        list[i] = &dims[i];
    }
    const pbx_space space = {.n_dims = G_N_ELEMENTS(paths), .dims = list};
    const double value = function_named("mixcond")->value(&space, x);
    if (!(fabs(value - 0.7975) < 1e-12))
        g_error("mixcond is %.17g", value);
}

/* At many points of the front, but for the first parameter at 0. */
static void
check_front(const char *name)
{
    enum { POINTS = 100001 };
    const Function *function = function_named(name);
    g_autofree double *values = g_new(double, 2 * POINTS);
    double x[30] = {0};
    for (int i = 0; i < POINTS; i++) {
        x[0] = i / (POINTS - 1.0);
        function->values(x, values + 2 * (gsize)i);
    }
    const double volume = best_of(function, values, POINTS);
    if (!(fabs(volume - function->minimum) < 1e-4))
        g_error("%s: the front's hypervolume is %.17g", name, volume);
    for (int i = 1; i < 30; i++)
        x[i] = i / 29.0;
    x[0] = 0;
    function->values(x, values);
    if (!(fabs(values[1] - (1 + 9 * 15 / 29.0)) < 1e-12))
        g_error("%s is %.17g", name, values[1]);
}

/* At 0.3 0.7 0.2 ... */
static int
check_functions(void)
{
    static const double x[] = {0.3, 0.7, 0.2, 0.9, 0.4, 0.6, 0.1, 0.8, 0.5, 0.25};
    static const double values[] = {42.542368661686, -0.029000615186461, 137.62, 3.8597285033863,
                                    0.48759286071676};
    for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
        const double value = functions[i].value(NULL, x);
        if (!(fabs(value - values[i]) < 1e-9 * fabs(values[i])))
            g_error("%s is %.17g", functions[i].name, value);
    }
    check_mixcond();
    check_front("zdt1");
    check_front("zdt2");
    check_front("zdt3");
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--check") == 0)
        return check_functions();
    test_host_init(&argc, &argv);
    if (argc != 6)
        g_error("quality PLUGIN.so OPTIONS FUNCTION TRIALS[,TRIALS...] SEED");
    const Function *function = function_named(argv[3]);
    if (function == NULL)
        g_error("there is no function %s", argv[3]);
    g_auto(GStrv) after = g_strsplit(argv[4], ",", -1);
    const guint n = g_strv_length(after);
    const gint64 trials = n > 0 ? g_ascii_strtoll(after[n - 1], NULL, 10) : 0;
    test_host_seed(g_ascii_strtoull(argv[5], NULL, 10));
    g_autoptr(PbxTestHost) host = test_host_new(argv[2]);
    check(host,
          test_host_setup(host, function->config,
                          function->values != NULL ? "one:min two:min" : "loss:min", trials),
          "setup");
    run(host, function, after);
    return 0;
}
