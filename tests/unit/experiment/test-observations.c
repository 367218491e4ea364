/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trials of an earlier experiment, as a search is told of them: those that say something of
 * this one's space and metric, and why the others are left out. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "experiment/slot-private.h"
#include "fixture.h"

static const char *const watched[] = {"epoch", NULL};
static const pbx_objective objective = {.struct_size = sizeof objective, .sign = -1, .name = "acc"};
static const pbx_objective *objectives[] = {&objective};

typedef struct {
    Fixture base;
    char *earlier; /* its directory */
    guint64 seq;
    pbx_problem problem;
    PbxSlot outer, slot; /* of a wrapper, and what it wraps, which reads */
    double losses[1], values[1];
    guint8 present[1];
} Observing;

static void
set_up(Observing *f)
{
    memset(f, 0, sizeof *f);
    fixture_set_up(&f->base, "{\"x\": {\"$uniform\": [0, 1]}, \"y\": {\"$choice\": [{\"z\": "
                             "{\"$randint\": 10}}, \"b\"]}, \"fixed\": 3}");
    f->base.spec.results_dir = f->base.dir;
    f->earlier = g_build_filename(f->base.dir, "earlier", NULL);
    g_assert_cmpint(g_mkdir(f->earlier, 0700), ==, 0);
    f->problem = (pbx_problem){
        .struct_size = sizeof f->problem, .n_objectives = 1, .objectives = objectives};
    f->slot = (PbxSlot){.runner = &f->base.runner,
                        .problem = &f->problem,
                        .watched = watched,
                        .n_watched = 1,
                        .watched_values = f->values,
                        .present = f->present,
                        .losses = f->losses,
                        .wrapper = &f->outer};
}

static void
tear_down(Observing *f)
{
    slot_clear_told(&f->slot);
    observing_free(f->slot.observing);
    fixture_tear_down(&f->base);
    g_free(f->earlier);
}

/* One of its trials. */
typedef struct {
    const char *config, *fields; /* NULL: none, as it reported nothing */
    int end;                     /* -1: it runs */
    guint state;
} Row;

static void
put_row(Observing *f, PbxStore *store, guint64 number, const Row *row)
{
    g_autoptr(GError) error = NULL;
    double x = 0;
    PbxTrialRow trial = {.number = number,
                         .id = (char *)"id",
                         .name = (char *)"name",
                         .tag = (char *)"tag",
                         .dir = (char *)"dir",
                         .config = (char *)row->config,
                         .state = row->state,
                         .end = row->end,
                         .attempts = 1,
                         .x = &x, /* of another space */
                         .n_dims = 1,
                         .iteration = -1,
                         .rung = G_MAXUINT32,
                         .bracket = G_MAXUINT32,
                         .time_total_s = 8};
    const PbxAttemptRow attempt = {.trial = number, .attempt = 1, .start_timesteps = -1};
    if (row->fields != NULL)
        trial.last_seq = ++f->seq;
    const PbxResultRow result = {.seq = f->seq,
                                 .trial = number,
                                 .attempt = 1,
                                 .n = 5,
                                 .iteration = 5,
                                 .timesteps_total = -1,
                                 .episodes_total = -1,
                                 .rung = G_MAXUINT32,
                                 .fields = (char *)row->fields};
    g_assert_true(store_put_trial(store, &trial, &error));
    g_assert_true(store_put_attempt(store, &attempt, &error));
    g_assert_true(row->fields == NULL || store_put_result(store, &result, &error));
    g_assert_no_error(error);
}

static void
put_rows(Observing *f, const Row *rows, guint n)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxStore) store = store_create(f->earlier, FALSE, &error);
    g_assert_no_error(error);
    g_assert_true(store_begin(store, &error));
    for (guint i = 0; i < n; i++)
        put_row(f, store, i, &rows[i]);
    g_assert_true(store_commit(store, &error));
}

static const pbx_outcome *
next(Observing *f, guint64 *from, const char **left_out)
{
    pbx_error error;
    const pbx_outcome *outcome = observations_observe(&f->slot, f->earlier, from, left_out, &error);
    g_assert_cmpstr(error.message, ==, "");
    return outcome;
}

static void
test_trials(void)
{
    static const Row rows[] = {
        {"{\"x\":0.25,\"y\":\"b\",\"other\":1}", "{\"acc\":0.5,\"epoch\":7}", PBX_END_COMPLETED, 0},
        {"{\"x\":0.5,\"y\":{\"z\":4},\"fixed\":9}", "{\"acc\":\"NaN\"}", PBX_END_EARLY_STOPPED, 0},
        {"{\"x\":1,\"y\":\"b\"}", NULL, PBX_END_FAILED, 0},
    };
    Observing f;
    const char *left_out;
    guint64 from = 0;
    set_up(&f);
    put_rows(&f, rows, G_N_ELEMENTS(rows));
    const pbx_outcome *outcome = next(&f, &from, &left_out);
    g_assert_nonnull(outcome);
    g_assert_cmpuint(from, ==, 1);
    g_assert_cmpuint(outcome->flags, ==, PBX_OUTCOME_FOREIGN);
    g_assert_cmpuint(outcome->trial, ==, PBX_NONE);
    g_assert_cmpuint(outcome->end, ==, PBX_END_COMPLETED);
    g_assert_cmpuint(outcome->n_dims, ==, 3);
    g_assert_true(outcome->x[0] == 0.25 && outcome->x[1] == 1 && isnan(outcome->x[2]));
    g_assert_cmpuint(outcome->last->trial, ==, PBX_NONE);
    g_assert_cmpint(outcome->last->iteration, ==, 5);
    /* By this experiment's metric and the slot's own fields. */
    g_assert_cmpfloat(outcome->last->losses[0], ==, -0.5);
    g_assert_true(outcome->last->watched[0] == 7 && outcome->last->present[0]);
    g_assert_true(f.outer.observed);

    outcome = next(&f, &from, &left_out);
    g_assert_cmpuint(outcome->end, ==, PBX_END_EARLY_STOPPED);
    g_assert_true(outcome->x[0] == 0.5 && outcome->x[1] == 0 && outcome->x[2] == 4);
    g_assert_true(isinf(outcome->last->losses[0]) && !outcome->last->present[0]);
    /* One that failed says something without a result. */
    outcome = next(&f, &from, &left_out);
    g_assert_cmpuint(outcome->end, ==, PBX_END_FAILED);
    g_assert_null(outcome->last);
    g_assert_null(next(&f, &from, &left_out));
    g_assert_cmpuint(from, ==, 3);
    g_assert_null(left_out);
    /* And again from any of them. */
    from = 1;
    outcome = next(&f, &from, &left_out);
    g_assert_cmpfloat(outcome->x[0], ==, 0.5);
    tear_down(&f);
}

static void
test_left_out(void)
{
    static const Row rows[] = {
        {"{\"x\":0.5,\"y\":\"b\"}", "{\"acc\":1}", -1, 1},
        {"{\"x\":0.5,\"y\":\"b\"}", "{\"acc\":1}", PBX_END_VOID, 0},
        {"{\"x\":0.5,\"y\":\"b\"}", "{\"acc\":1}", PBX_END_STOPPED, 0},
        {"{\"x\":1.5,\"y\":\"b\"}", "{\"acc\":1}", PBX_END_COMPLETED, 0},
        {"{\"x\":0.5,\"y\":\"c\"}", "{\"acc\":1}", PBX_END_COMPLETED, 0},
        {"{\"x\":0.5,\"y\":{\"z\":4}}", "{\"acc\":1}", PBX_END_COMPLETED, 0},
        {"{\"y\":\"b\"}", "{\"acc\":1}", PBX_END_COMPLETED, 0},
        {"{\"y\":\"b\"}", "{\"acc\":1}", PBX_END_COMPLETED, 0},
        {"{\"x\":0.5,\"y\":\"b\"}", "{\"loss\":1}", PBX_END_COMPLETED, 0},
        {"{\"x\":0.5,\"y\":\"b\"}", NULL, PBX_END_COMPLETED, 0},
    };
    Observing f;
    const char *left_out = NULL;
    guint64 from = 0;
    set_up(&f);
    put_rows(&f, rows, G_N_ELEMENTS(rows));
    const pbx_outcome *outcome = next(&f, &from, &left_out);
    g_assert_nonnull(outcome);
    g_assert_cmpuint(from, ==, 6);
    g_assert_cmpfloat(outcome->x[2], ==, 4);
    g_assert_null(next(&f, &from, &left_out));
    g_assert_cmpuint(from, ==, G_N_ELEMENTS(rows));
    g_assert_cmpstr(left_out, ==,
                    "1 not ended, 1 stopped by a user, 1 void, 1 with x outside the space, "
                    "1 with y outside the space, 2 without the metric, 2 without x");
    tear_down(&f);
}

/* By its name among the results, too; what cannot be read is an error, and no end. */
static void
test_places(void)
{
    static const Row row = {"{\"x\":0.25,\"y\":\"b\"}", "{\"acc\":1}", PBX_END_COMPLETED, 0};
    Observing f;
    pbx_error error;
    guint64 from = 0;
    const char *left_out = NULL;
    set_up(&f);
    g_assert_null(observations_observe(&f.slot, "/nowhere/earlier", &from, &left_out, &error));
    g_assert_cmpstr(error.where, ==, "experiment");
    g_assert_cmpstr(error.message, ==, "there is no experiment in /nowhere/earlier");
    g_assert_cmpuint(from, ==, 0);
    put_rows(&f, &row, 1);
    g_assert_nonnull(next(&f, &from, &left_out));

    g_autofree char *file = g_build_filename(f.base.dir, "bad", "experiment.db", NULL);
    g_autofree char *dir = g_path_get_dirname(file);
    g_assert_cmpint(g_mkdir(dir, 0700), ==, 0);
    g_assert_true(g_file_set_contents(file, "not a store", -1, NULL));
    g_assert_null(observations_observe(&f.slot, dir, &from, &left_out, &error));
    g_assert_cmpstr(error.message, !=, "");
    tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/experiment/observations/trials", test_trials);
    g_test_add_func("/experiment/observations/left-out", test_left_out);
    g_test_add_func("/experiment/observations/places", test_places);
    return g_test_run();
}
