/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quality PLUGIN.so OPTIONS FUNCTION TRIALS SEED: one run of a search, one trial at a time, and the
 * best value after 25, 50, 100, ... trials, a line "TRIALS BEST" each.
 * quality --check: the functions at a known point. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "functions.h"
#include "host.h"

#define FIRST 25

static void
check(PbxTestHost *host, pbx_status status, const char *what)
{
    if (status != PBX_OK)
        g_error("%s: status %d: %s", what, status, host->error.message);
}

static void
tell(PbxTestHost *host, guint64 trial, const double *x, double value)
{
    const pbx_search *search = host->vtable;
    const pbx_result last = {.struct_size = sizeof last,
                             .trial = trial,
                             .iteration = 1,
                             .n_losses = 1,
                             .losses = &value};
    const pbx_outcome outcome = {.struct_size = sizeof outcome,
                                 .end = PBX_END_COMPLETED,
                                 .n_dims = host->problem.space->n_dims,
                                 .trial = trial,
                                 .x = x,
                                 .last = &last};
    if (search->tell != NULL)
        check(host, search->tell(host->self, &outcome, &host->error), "tell");
}

static void
run(PbxTestHost *host, const Function *function, guint64 trials)
{
    g_autofree double *x = g_new(double, host->problem.space->n_dims);
    double best = (double)INFINITY;
    guint64 next = FIRST;
    for (guint64 trial = 0; trial < trials; trial++) {
        g_autoptr(GError) error = NULL;
        check(host, test_suggest(host, trial, x), "suggest");
        if (!space_snap(host->space, x, NULL, &error))
            g_error("suggest: %s", error->message);
        const double value = function->value(host->problem.space, x);
        tell(host, trial, x, value);
        best = MIN(best, value);
        if (trial + 1 == next) {
            printf("%" G_GUINT64_FORMAT " %.17g\n", next, best);
            next *= 2;
        }
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
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--check") == 0)
        return check_functions();
    test_host_init(&argc, &argv);
    if (argc != 6)
        g_error("quality PLUGIN.so OPTIONS FUNCTION TRIALS SEED");
    const Function *function = function_named(argv[3]);
    const guint64 trials = g_ascii_strtoull(argv[4], NULL, 10);
    if (function == NULL)
        g_error("there is no function %s", argv[3]);
    test_host_seed(g_ascii_strtoull(argv[5], NULL, 10));
    g_autoptr(PbxTestHost) host = test_host_new(argv[2]);
    check(host, test_host_setup(host, function->config, "loss:min", (gint64)trials), "setup");
    run(host, function, trials);
    return 0;
}
