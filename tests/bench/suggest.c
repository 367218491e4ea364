/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* suggest PLUGIN.so OPTIONS TRIALS N OPERATOR: processor milliseconds of one suggest and one tell
 * of a search that has been told of TRIALS trials of 10 parameters, of N in turn, as JSON. */
#include <stdio.h>
#include <time.h>

#include <pegbox/helpers.h>

#include "host.h"

#define N_DIMS 10

static double
processor_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void
check(PbxTestHost *host, pbx_status status)
{
    if (status != PBX_OK)
        g_error("%s", host->error.message);
}

static double
loss_at(PbxTestHost *host, const double *x)
{
    double loss = 0;
    for (guint i = 0; i < N_DIMS; i++) {
        const double at = pbx_to_unit(host->problem.space->dims[i], x[i]);
        loss += (at - 0.3) * (at - 0.3) * (i + 1);
    }
    return loss;
}

static void
tell(PbxTestHost *host, guint64 trial, const double *x)
{
    const double loss = loss_at(host, x);
    const pbx_search *search = host->vtable;
    const pbx_result last = {
        .struct_size = sizeof last, .trial = trial, .iteration = 1, .n_losses = 1, .losses = &loss};
    const pbx_outcome outcome = {.struct_size = sizeof outcome,
                                 .end = PBX_END_COMPLETED,
                                 .n_dims = N_DIMS,
                                 .trial = trial,
                                 .x = x,
                                 .last = &last};
    check(host, search->tell(host->self, &outcome, &host->error));
}

static void
suggest(PbxTestHost *host, guint64 trial, double *x)
{
    const pbx_search *search = host->vtable;
    pbx_suggestion suggestion = {
        .struct_size = sizeof suggestion, .n_dims = N_DIMS, .trial = trial, .ask = trial, .x = x};
    check(host, search->suggest(host->self, &suggestion, &host->error));
}

/* As a search leaves them: most are near the best, the others anywhere. */
static void
preload(PbxTestHost *host, guint64 n)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    double x[N_DIMS];
    for (guint64 trial = 0; trial < n; trial++) {
        for (guint i = 0; i < N_DIMS; i++) {
            const double at = g_rand_double(rand);
            x[i] = pbx_from_unit(host->problem.space->dims[i], trial % 4 == 0 ? at : 0.2 + at / 5);
        }
        tell(host, trial, x);
    }
}

int
main(int argc, char **argv)
{
    test_host_init(&argc, &argv);
    if (argc != 6)
        g_error("suggest PLUGIN.so OPTIONS TRIALS N OPERATOR");
    g_autoptr(PbxTestHost) host = test_host_new(argv[2]);
    g_autoptr(GString) config = g_string_new("{");
    const guint64 n_trials = g_ascii_strtoull(argv[3], NULL, 10);
    const guint64 n = g_ascii_strtoull(argv[4], NULL, 10);
    double x[N_DIMS];
    for (guint i = 0; i < N_DIMS; i++)
        g_string_append_printf(config, "%s\"p%u\": %s", i > 0 ? ", " : "", i, argv[5]);
    g_string_append_c(config, '}');
    check(host, test_host_setup(host, config->str, "loss:min", -1));
    preload(host, n_trials);
    suggest(host, n_trials, x); /* makes what is made once */
    tell(host, n_trials, x);
    double asking = 0, telling = 0;
    for (guint64 trial = n_trials + 1; trial <= n_trials + n; trial++) {
        const double start = processor_ms();
        suggest(host, trial, x);
        const double asked = processor_ms();
        tell(host, trial, x);
        telling += processor_ms() - asked;
        asking += asked - start;
    }
    printf("{\"trials\": %" G_GUINT64_FORMAT ", \"suggest_ms\": %.6f, \"tell_ms\": %.6f}\n",
           n_trials, asking / (double)n, telling / (double)n);
    return 0;
}
