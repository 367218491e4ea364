/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking for trials and telling their results, without a driver. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "checkpoint/checkpoint.h"
#include "experiment/runner-private.h"

static PbxRegistry *registry;

typedef struct {
    char *dir;
    PbxExperiment *experiment;
} Fixture;

/* An experiment of the metric loss, less is better; `keys`: the rest of its file. */
static void
set_up(Fixture *f, const char *keys)
{
    g_autoptr(PbxProblems) problems = problems_new();
    g_autoptr(GError) error = NULL;
    f->dir = g_dir_make_tmp("pegbox-ask-XXXXXX", NULL);
    g_autofree char *text =
        g_strdup_printf("{\"name\":\"e\",\"results_dir\":\"%s\",\"metric\":\"loss\",\"mode\":"
                        "\"min\",\"seed\":1,\"config\":{\"x\":{\"$uniform\":[0,1]}},%s}",
                        f->dir, keys);
    PbxDoc *doc = doc_parse("x.json", text, strlen(text), DOC_PLAIN, problems);
    PbxSpec *spec = spec_check_asked(doc, f->dir, registry, problems);
    g_autofree char *told = problems_format(problems);
    g_assert_cmpstr(told, ==, "");
    f->experiment = experiment_create(spec, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *f)
{
    experiment_close(f->experiment);
    g_assert_true(checkpoint_remove(f->dir, NULL));
    g_free(f->dir);
}

/* The same experiment, as another process would open it. */
static PbxExperiment *
other(const Fixture *f)
{
    g_autofree char *dir = g_build_filename(f->dir, "e", NULL);
    PbxExperiment *experiment = experiment_open(dir, NULL);
    g_assert_nonnull(experiment);
    return experiment;
}

static PbxAskOutcome
ask(PbxExperiment *experiment, gint64 *trial, double *x)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) answer = NULL;
    PbxAskOutcome outcome = experiment_ask(experiment, &answer, &error);
    g_assert_no_error(error);
    g_assert_true((answer != NULL) == (outcome == ASK_TRIAL));
    if (answer != NULL && trial != NULL)
        *trial = json_object_get_int_member(answer, "trial");
    if (answer != NULL && x != NULL)
        *x = json_object_get_double_member(json_object_get_object_member(answer, "config"), "x");
    return outcome;
}

static gint64
asked(PbxExperiment *experiment)
{
    gint64 trial = -1;
    g_assert_cmpint(ask(experiment, &trial, NULL), ==, ASK_TRIAL);
    return trial;
}

/* "STATE" or "STATE stop"; NULL with error. */
static char *
tell_json(PbxExperiment *experiment, const char *trial, const char *json, gboolean intermediate,
          GError **error)
{
    g_autoptr(JsonNode) result =
        json != NULL ? json_read(json, strlen(json), DOC_MAX_NESTING, NULL) : NULL;
    g_assert_true((json != NULL) == (result != NULL));
    const PbxTelling telling = {
        .trial = trial, .result = result, .intermediate = intermediate, .failed = json == NULL};
    g_autoptr(JsonObject) answer = NULL;
    if (!experiment_tell(experiment, &telling, &answer, error))
        return NULL;
    return g_strdup_printf("%s%s", json_object_get_string_member(answer, "state"),
                           json_object_get_boolean_member(answer, "stop") ? " stop" : "");
}

static void
assert_told(PbxExperiment *experiment, gint64 trial, const char *json, gboolean intermediate,
            const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, trial);
    g_autofree char *told = tell_json(experiment, number, json, intermediate, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(told, ==, expected);
}

static void
assert_refused(PbxExperiment *experiment, const char *trial, const char *json, int code,
               const char *message)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *told = tell_json(experiment, trial, json, FALSE, &error);
    g_assert_null(told);
    g_assert_error(error, PBX_EXPERIMENT_ERROR, code);
    g_assert_cmpstr(error->message, ==, message);
}

static void
assert_fact(Fixture *f, const char *key, const char *expected)
{
    g_autofree char *dir = g_build_filename(f->dir, "e", NULL);
    g_autoptr(PbxStore) store = store_open(dir, FALSE, NULL);
    g_assert_nonnull(store);
    g_autofree char *value = store_fact(store, key);
    g_assert_cmpstr(value, ==, expected);
}

static PbxTrialRow *
row_of(Fixture *f, guint64 trial)
{
    g_autofree char *dir = g_build_filename(f->dir, "e", NULL);
    g_autoptr(PbxStore) store = store_open(dir, FALSE, NULL);
    g_assert_nonnull(store);
    PbxTrialRow *row = store_trial(store, trial, NULL);
    g_assert_nonnull(row);
    return row;
}

static void
test_all(void)
{
    Fixture f;
    set_up(&f, "\"num_samples\":3");
    assert_fact(&f, "status", "running");
    assert_fact(&f, "driver", "");
    for (int i = 0; i < 3; i++)
        g_assert_cmpint(asked(f.experiment), ==, i);
    g_assert_cmpint(ask(f.experiment, NULL, NULL), ==, ASK_DONE);
    assert_told(f.experiment, 1, "0.5", FALSE, "TERMINATED stop");
    assert_told(f.experiment, 0, "{\"loss\":\"NaN\",\"more\":[1]}", FALSE, "TERMINATED stop");
    assert_fact(&f, "status", "running");
    g_autoptr(PbxTrialRow) open = row_of(&f, 2);
    g_assert_cmpuint(open->state, ==, PBX_STATE_RUNNING);
    g_assert_cmpstr(open->reason, ==, "asked");
    g_autofree char *dir = g_build_filename(f.dir, "e", open->dir, NULL);
    g_assert_true(g_file_test(dir, G_FILE_TEST_IS_DIR));
    assert_told(f.experiment, 2, "-1", FALSE, "TERMINATED stop");
    assert_fact(&f, "status", "done");
    g_assert_cmpint(ask(f.experiment, NULL, NULL), ==, ASK_DONE);
    g_autoptr(PbxTrialRow) row = row_of(&f, 1);
    g_assert_cmpint(row->end, ==, PBX_END_COMPLETED);
    g_assert_cmpfloat(row->value, ==, 0.5);
    g_assert_cmpint(row->iteration, ==, 1);
    g_assert_null(row->reason);
    g_autoptr(PbxTrialRow) nan = row_of(&f, 0);
    g_assert_true(isnan(nan->value) && isnan(nan->best));
    tear_down(&f);
}

/* Two that share nothing but the store are given the points of one. */
static void
test_two(void)
{
    Fixture f, g;
    double alone[6], shared[6];
    set_up(&f, "\"num_samples\":6");
    set_up(&g, "\"num_samples\":6");
    PbxExperiment *second = other(&g);
    for (int i = 0; i < 6; i++) {
        gint64 trial = -1;
        g_assert_cmpint(ask(f.experiment, NULL, &alone[i]), ==, ASK_TRIAL);
        g_assert_cmpint(ask(i % 3 == 1 ? second : g.experiment, &trial, &shared[i]), ==, ASK_TRIAL);
        g_assert_cmpint(trial, ==, i);
        g_assert_cmpfloat(alone[i], ==, shared[i]);
        /* Told by the one that was not given it. */
        assert_told(i % 3 == 1 ? g.experiment : second, i, "1", FALSE, "TERMINATED stop");
    }
    g_assert_cmpint(ask(second, NULL, NULL), ==, ASK_DONE);
    assert_fact(&g, "status", "done");
    experiment_close(second);
    tear_down(&f);
    tear_down(&g);
}

static void
test_refusals(void)
{
    Fixture f;
    set_up(&f, "\"num_samples\":2");
    assert_refused(f.experiment, "0", "1", EXPERIMENT_ERROR_USAGE,
                   "no trial '0' in e: it has no trials yet");
    asked(f.experiment);
    assert_refused(f.experiment, "x", "1", EXPERIMENT_ERROR_USAGE,
                   "no trial 'x' in e: it has trials 0 to 0");
    assert_refused(f.experiment, "0", "[1]", EXPERIMENT_ERROR_USAGE,
                   "a result is an object of metrics or a number, got [1]");
    assert_refused(f.experiment, "0", "true", EXPERIMENT_ERROR_USAGE,
                   "a result is an object of metrics or a number, got true");
    assert_refused(f.experiment, "0", "\"low\"", EXPERIMENT_ERROR_USAGE,
                   "a result is an object of metrics or a number, got \"low\"");
    assert_refused(f.experiment, "0", "{\"los\":1}", EXPERIMENT_ERROR_USAGE,
                   "result 1 has no \"loss\"; it reported {\"los\":1}");
    assert_refused(f.experiment, "0", "{\"loss\":null}", EXPERIMENT_ERROR_USAGE,
                   "result 1: \"loss\" is null, not a number; it reported {\"loss\":null}");
    /* Nothing of that was recorded, and it can still be told. */
    g_autoptr(PbxTrialRow) before = row_of(&f, 0);
    g_assert_cmpuint(before->n_results, ==, 0);
    g_assert_cmpuint(before->state, ==, PBX_STATE_RUNNING);
    assert_told(f.experiment, 0, "1", FALSE, "TERMINATED stop");
    assert_refused(f.experiment, "0", "1", EXPERIMENT_ERROR_STATE,
                   "trial 0 of e has ended already (completed): nothing more can be told of it");
    g_assert_cmpint(asked(f.experiment), ==, 1);
    g_setenv("PEGBOX_DISABLE_STRICT_METRIC_CHECKING", "1", TRUE);
    assert_told(f.experiment, 1, "{\"los\":1}", FALSE, "TERMINATED stop");
    g_unsetenv("PEGBOX_DISABLE_STRICT_METRIC_CHECKING");
    tear_down(&f);
}

/* A failed trial is given out again as often as max_failures says. */
static void
test_failures(void)
{
    Fixture f;
    set_up(&f, "\"num_samples\":2,\"max_failures\":1");
    PbxExperiment *second = other(&f);
    asked(f.experiment);
    assert_told(f.experiment, 0, NULL, FALSE, "PENDING stop");
    g_assert_cmpint(asked(second), ==, 0);
    assert_told(second, 0, NULL, FALSE, "ERROR stop");
    g_assert_cmpint(asked(f.experiment), ==, 1);
    g_autoptr(PbxTrialRow) row = row_of(&f, 0);
    g_assert_cmpuint(row->failures, ==, 2);
    g_assert_cmpuint(row->attempts, ==, 2);
    g_assert_cmpstr(row->error, ==, "told as failed");
    experiment_close(second);
    tear_down(&f);
}

/* What stoppers and the scheduler say is the answer; their state goes from one to the other. */
static void
test_intermediate(void)
{
    Fixture f;
    set_up(&f, "\"num_samples\":4,\"stop\":{\"training_iteration\":3},"
               "\"scheduler\":{\"plugin\":\"asha\",\"max_t\":9,\"grace_period\":1,"
               "\"reduction_factor\":2}");
    PbxExperiment *second = other(&f);
    for (int i = 0; i < 3; i++)
        asked(i == 1 ? second : f.experiment);
    assert_told(second, 1, "0.5", TRUE, "RUNNING");
    /* The worse of its rung, as only the other one has seen. */
    assert_told(f.experiment, 0, "1", TRUE, "TERMINATED stop");
    g_autoptr(PbxTrialRow) early = row_of(&f, 0);
    g_assert_cmpint(early->end, ==, PBX_END_EARLY_STOPPED);
    assert_told(second, 1, "0.5", TRUE, "RUNNING");
    assert_told(f.experiment, 1, "0.5", TRUE, "TERMINATED stop");
    g_autoptr(PbxTrialRow) row = row_of(&f, 1);
    g_assert_cmpint(row->end, ==, PBX_END_COMPLETED);
    g_assert_cmpuint(row->n_results, ==, 3);
    g_assert_cmpint(row->iteration, ==, 3);
    experiment_close(second);
    tear_down(&f);
}

/* What a stopper says of the whole experiment holds for all. */
static void
test_stopped(void)
{
    Fixture f;
    set_up(&f, "\"num_samples\":9,\"stop\":{\"when\":\"result.loss < 0\",\"scope\":"
               "\"experiment\"}");
    PbxExperiment *second = other(&f);
    asked(f.experiment);
    asked(second);
    assert_told(f.experiment, 0, "-1", FALSE, "TERMINATED stop");
    g_assert_cmpint(ask(f.experiment, NULL, NULL), ==, ASK_DONE);
    g_assert_cmpint(ask(second, NULL, NULL), ==, ASK_DONE);
    assert_fact(&f, "status", "running");
    assert_told(second, 1, "1", FALSE, "TERMINATED stop");
    g_autoptr(PbxTrialRow) row = row_of(&f, 1);
    g_assert_cmpint(row->end, ==, PBX_END_COMPLETED); /* by itself */
    assert_fact(&f, "status", "done");
    experiment_close(second);
    tear_down(&f);
}

static void
test_replaced(void)
{
    Fixture f;
    set_up(&f, "\"num_samples\":3");
    asked(f.experiment);
    g_autofree char *dir = g_build_filename(f.dir, "e", NULL);
    g_autofree char *moved = g_build_filename(f.dir, "moved", NULL);
    g_autofree char *store = g_build_filename(dir, "experiment.db", NULL);
    g_assert_cmpint(g_rename(dir, moved), ==, 0);
    g_assert_cmpint(g_mkdir(dir, 0755), ==, 0);
    g_assert_true(g_file_set_contents(store, "another", -1, NULL));
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) answer = NULL;
    g_assert_cmpint(experiment_ask(f.experiment, &answer, &error), ==, ASK_FAILED);
    g_assert_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN);
    tear_down(&f);
}

/* Trials that a killed driver left wait again, and come first. */
static void
test_recovered(void)
{
    Fixture f;
    set_up(&f, "\"num_samples\":3");
    for (int i = 0; i < 3; i++)
        asked(f.experiment);
    g_autofree char *dir = g_build_filename(f.dir, "e", NULL);
    {
        g_autoptr(PbxStore) store = store_open(dir, TRUE, NULL);
        g_autoptr(PbxTrialRow) row = store_trial(store, 1, NULL);
        g_clear_pointer(&row->reason, g_free);
        g_assert_true(store_begin(store, NULL) && store_put_trial(store, row, NULL) &&
                      store_put_fact(store, "driver", "nowhere:1", NULL) &&
                      store_commit(store, NULL));
    }
    g_assert_cmpint(asked(f.experiment), ==, 1);
    assert_fact(&f, "driver", "");
    g_autoptr(PbxTrialRow) row = row_of(&f, 1);
    g_assert_cmpuint(row->attempts, ==, 2);
    g_assert_cmpuint(row->failures, ==, 0);
    g_assert_cmpint(ask(f.experiment, NULL, NULL), ==, ASK_DONE);
    tear_down(&f);
}

static void
test_no_experiment(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(experiment_open("/nowhere", &error));
    g_assert_error(error, PBX_STORE_ERROR, STORE_ERROR_NONE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    registry = registry_new(NULL);
    g_assert_nonnull(registry);
    g_test_add_func("/experiment/ask/all", test_all);
    g_test_add_func("/experiment/ask/two", test_two);
    g_test_add_func("/experiment/ask/refusals", test_refusals);
    g_test_add_func("/experiment/ask/failures", test_failures);
    g_test_add_func("/experiment/ask/intermediate", test_intermediate);
    g_test_add_func("/experiment/ask/stopped", test_stopped);
    g_test_add_func("/experiment/ask/replaced", test_replaced);
    g_test_add_func("/experiment/ask/recovered", test_recovered);
    g_test_add_func("/experiment/ask/no-experiment", test_no_experiment);
    int status = g_test_run();
    registry_free(registry);
    return status;
}
