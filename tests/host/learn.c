/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For tests of searches that learn: their trials, and a loss that is easily learnt. */
#include <math.h>
#include <pegbox/helpers.h>
#include <string.h>

#include "host-private.h"

PbxTestHost *
test_search_host(const char *options, const char *config)
{
    PbxTestHost *host = test_host_new(options);
    pbx_status status = test_host_setup(host, config, "loss:min", -1);
    g_assert_cmpstr(host->error.message, ==, "");
    g_assert_cmpint(status, ==, PBX_OK);
    return host;
}

/* ---- Trials ---- */

gboolean
test_ask_or_done(PbxTestHost *host, guint64 number, double *x)
{
    const guint n = host->problem.space->n_dims;
    g_autoptr(GError) error = NULL;
    g_autofree double *snapped = g_new(double, n + 1);
    gboolean altered;
    pbx_status status = test_suggest(host, number, x);
    if (status == PBX_DONE)
        return FALSE;
    g_assert_cmpint(status, ==, PBX_OK);
    memcpy(snapped, x, n * sizeof(double));
    g_assert_true(space_snap(host->space, snapped, &altered, &error));
    g_assert_no_error(error);
    g_assert_false(altered);
    for (guint i = 0; i < n; i++)
        g_assert_cmpint(isnan(x[i]), ==, isnan(snapped[i]));
    return TRUE;
}

void
test_ask(PbxTestHost *host, guint64 number, double *x)
{
    g_assert_true(test_ask_or_done(host, number, x));
}

void
test_end_with(PbxTestHost *host, guint64 trial, const double *x, guint32 how,
              const pbx_result *last)
{
    const pbx_search *search = host->vtable;
    const gboolean foreign = trial == PBX_NONE && how != PBX_END_DUPLICATE;
    const pbx_outcome outcome = {.struct_size = sizeof outcome,
                                 .flags = foreign ? PBX_OUTCOME_FOREIGN : 0,
                                 .end = how,
                                 .n_dims = host->problem.space->n_dims,
                                 .trial = trial,
                                 .x = x,
                                 .last = last,
                                 .budget = (double)NAN};
    g_assert_cmpint(search->tell(host->self, &outcome, &host->error), ==, PBX_OK);
}

void
test_end(PbxTestHost *host, guint64 trial, const double *x, guint32 how, double loss)
{
    const pbx_result last = {
        .struct_size = sizeof last, .trial = trial, .iteration = 1, .n_losses = 1, .losses = &loss};
    test_end_with(host, trial, x, how, isnan(loss) ? NULL : &last);
}

void
test_tell(PbxTestHost *host, guint64 trial, const double *x, double loss)
{
    test_end(host, trial, x, PBX_END_COMPLETED, loss);
}

void
test_adopt(PbxTestHost *host, guint64 trial, double *x, guint32 flags, guint64 origin)
{
    const pbx_search *search = host->vtable;
    pbx_suggestion suggestion = {.struct_size = sizeof suggestion,
                                 .flags = flags,
                                 .n_dims = host->problem.space->n_dims,
                                 .trial = trial,
                                 .ask = flags & PBX_SUGGESTION_ENQUEUED ? PBX_NONE : trial,
                                 .origin = origin,
                                 .x = x};
    g_assert_cmpint(search->adopt(host->self, &suggestion, &host->error), ==, PBX_OK);
}

/* ---- What is seen of it ---- */

double
test_bowl(PbxTestHost *host, const double *x, double middle)
{
    double loss = 0;
    for (guint i = 0; i < host->problem.space->n_dims; i++)
        if (!isnan(x[i]))
            loss += pow(pbx_to_unit(host->problem.space->dims[i], x[i]) - middle, 2);
    return loss;
}

void
test_assert_same(PbxTestHost *a, PbxTestHost *b, guint64 number)
{
    const guint n = a->problem.space->n_dims;
    g_autofree double *x = g_new(double, n + 1), *y = g_new(double, n + 1);
    test_ask(a, number, x);
    test_ask(b, number, y);
    for (guint i = 0; i < n; i++)
        if (!isnan(x[i]) || !isnan(y[i]))
            g_assert_cmpfloat(x[i], ==, y[i]);
}

char *
test_description(PbxTestHost *host)
{
    const pbx_search *search = host->vtable;
    pbx_memory memory = {0};
    pbx_sink sink = pbx_memory_sink(&memory);
    g_assert_cmpint(search->object.describe(host->self, &sink), ==, PBX_OK);
    char *text = g_strdup(memory.bytes);
    pbx_memory_free(&memory);
    return text;
}
