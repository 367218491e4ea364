/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names and directories of trials and experiments: harmless, short, and never shared. */
#include <glib/gstdio.h>
#include <string.h>

#include "fixture.h"

#define SPACE "{\"lr\":{\"$uniform\":[0,1]},\"opt\":{\"$choice\":[\"a\",\"b\"]}}"
#define DATE  "_[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{2}-[0-9]{2}-[0-9]{2}"

static PbxTrial *
named(Fixture *f, const char *config)
{
    g_autoptr(GError) error = NULL;
    PbxTrial *trial = fixture_trial(f, config);
    g_assert_true(naming_trial(&f->runner, trial, &error));
    g_assert_no_error(error);
    return trial;
}

static void
assert_matches(const char *text, const char *regex)
{
    g_autofree char *whole = g_strdup_printf("^%s$", regex);
    if (!g_regex_match_simple(whole, text, 0, 0))
        g_error("'%s' does not match %s", text, whole);
}

/* As Tune's, so that what reads its directories reads ours. */
static void
test_usual(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    PbxTrial *trial = named(&f, "{\"lr\":0.25,\"opt\":\"b\"}");
    g_assert_cmpstr(trial->row.id, ==, "ab12c_00000");
    g_assert_cmpstr(trial->row.name, ==, "train_ab12c_00000");
    g_assert_cmpstr(trial->row.tag, ==, "0_lr=0.25,opt=b");
    assert_matches(trial->row.dir, "train_ab12c_00000_0_lr=0.25,opt=b" DATE);
    g_autofree char *dir = g_build_filename(f.dir, trial->row.dir, NULL);
    g_assert_cmpstr(trial->dir, ==, dir);
    g_assert_false(g_file_test(dir, G_FILE_TEST_EXISTS)); /* made when something is written */
    static const char *const fields[] = {"number", "id", "experiment", "tag", "name", "dir"};
    for (gsize i = 0; i < G_N_ELEMENTS(fields); i++)
        g_assert_nonnull(json_lookup(trial->view, fields[i]));
    g_assert_cmpstr(named(&f, "{\"lr\":0.5,\"opt\":\"a\"}")->row.id, ==, "ab12c_00001");
    fixture_tear_down(&f);
    fixture_set_up(&f, "{\"x\":1}");
    g_assert_cmpstr(named(&f, "{\"x\":1}")->row.tag, ==, "0"); /* nothing varies */
    fixture_tear_down(&f);
}

static void
test_templates(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    f.spec.trial_name = fixture_template(&f, "{opt}/{trial.number}");
    f.spec.trial_dirname = fixture_template(&f, "{trial.name} (lr {lr})\n{trial.id}");
    PbxTrial *trial = named(&f, "{\"lr\":0.25,\"opt\":\"b\"}");
    g_assert_cmpstr(trial->row.name, ==, "b_0");
    g_assert_cmpstr(trial->row.dir, ==, "b_0__lr_0.25__ab12c_00000");
    fixture_tear_down(&f);
}

static void
assert_fails(Fixture *f, const char *expected)
{
    g_autoptr(GError) error = NULL;
    PbxTrial *trial = fixture_trial(f, "{\"lr\":0.25,\"opt\":\"b\"}");
    g_assert_false(naming_trial(&f->runner, trial, &error));
    g_assert_cmpstr(error->message, ==, expected);
}

static void
test_bad_templates(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    f.spec.trial_dirname = fixture_template(&f, "{lrr}");
    assert_fails(&f, "trial_dirname: {lrr}: there is no parameter 'lrr'; did you mean 'lr'?");
    f.spec.trial_name = fixture_template(&f, "{opt + 1}");
    g_autoptr(GError) error = NULL;
    g_assert_false(naming_trial(&f.runner, fixture_trial(&f, "{\"opt\":\"b\"}"), &error));
    g_assert_true(g_str_has_prefix(error->message, "trial_name: {opt + 1}: "));
    fixture_tear_down(&f);
}

/* Two trials never get one directory: not one that is planned, nor one that is there. */
static void
test_taken(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    f.spec.trial_dirname = fixture_template(&f, "{opt}");
    g_assert_cmpstr(named(&f, "{\"opt\":\"a\"}")->row.dir, ==, "a");
    g_assert_cmpstr(named(&f, "{\"opt\":\"a\"}")->row.dir, ==, "a_0001");
    g_autofree char *there = g_build_filename(f.dir, "b", NULL);
    g_assert_cmpint(g_mkdir(there, 0755), ==, 0);
    g_assert_cmpstr(named(&f, "{\"opt\":\"b\"}")->row.dir, ==, "b_0002");
    fixture_tear_down(&f);
}

/* Whatever a config holds, the directory stays in the experiment's. */
static void
test_harmless(void)
{
    static const char *const cases[][2] = {
        {"..", ".._"},
        {".", "._"},
        {"../../x", ".._.._x"},
        {"/etc", "_etc"},
        {"a\\u001b[2J", "a_[2J"},
        {"\\u00e9", "\xc3\xa9"},
        {"", "_0006"},
    };
    Fixture f;
    fixture_set_up(&f, SPACE);
    f.spec.trial_dirname = fixture_template(&f, "{opt}");
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *config = g_strdup_printf("{\"opt\":\"%s\"}", cases[i][0]);
        g_assert_cmpstr(named(&f, config)->row.dir, ==, cases[i][1]);
    }
    fixture_tear_down(&f);
}

static void
test_lengths(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    g_autofree char *many = g_strnfill(400, 'v');
    g_autofree char *config = g_strdup_printf("{\"opt\":\"%s\"}", many);
    PbxTrial *trial = named(&f, config);
    assert_matches(trial->row.dir, ".{130}" DATE);
    g_setenv("PEGBOX_MAX_LEN_IDENTIFIER", "20", TRUE);
    assert_matches(named(&f, config)->row.dir, "train_ab12c_00001_1_" DATE);
    g_unsetenv("PEGBOX_MAX_LEN_IDENTIFIER");
    /* Between two characters, never within one. */
    f.spec.trial_dirname = fixture_template(&f, "x{opt}");
    g_autoptr(GString) wide = g_string_new("{\"opt\":\"");
    for (int i = 0; i < 200; i++)
        g_string_append(wide, "\xc3\xa9");
    g_string_append(wide, "\"}");
    const char *dir = named(&f, wide->str)->row.dir;
    g_assert_true(g_utf8_validate(dir, -1, NULL));
    g_assert_cmpuint(strlen(dir), ==, 239);
    fixture_tear_down(&f);
}

static void
make(Fixture *f, const char *experiment, gboolean store)
{
    g_autofree char *dir = g_build_filename(f->dir, experiment, NULL);
    g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
    g_autofree char *file = g_build_filename(dir, "experiment.db", NULL);
    g_assert_true(!store || g_file_set_contents(file, "no blank store", -1, NULL));
}

static void
test_experiment_given(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    f.spec.name = (char *)"mnist";
    g_autoptr(GError) error = NULL;
    g_autofree char *fresh = naming_experiment(f.dir, &f.spec, &error);
    g_assert_cmpstr(fresh, ==, "mnist");
    make(&f, "mnist", FALSE); /* a directory alone is nobody's experiment */
    g_autofree char *still = naming_experiment(f.dir, &f.spec, &error);
    g_assert_cmpstr(still, ==, "mnist");
    make(&f, "mnist", TRUE);
    make(&f, "mnist_2", FALSE);
    g_assert_null(naming_experiment(f.dir, &f.spec, &error));
    g_assert_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE);
    g_autofree char *expected =
        g_strdup_printf("experiment 'mnist' is already in %s: `pegbox resume` goes on with it, "
                        "--name mnist_3 is free; "
                        "`pegbox run --replace` and `pegbox rm` delete what is there",
                        f.dir);
    g_assert_cmpstr(error->message, ==, expected);
    f.spec.replace = TRUE;
    g_autofree char *again = naming_experiment(f.dir, &f.spec, NULL);
    g_assert_cmpstr(again, ==, "mnist");
    fixture_tear_down(&f);
}

static void
test_experiment_made(void)
{
    Fixture f;
    fixture_set_up(&f, SPACE);
    g_autofree char *dated = naming_experiment(f.dir, &f.spec, NULL);
    assert_matches(dated, "train" DATE);
    g_setenv("PEGBOX_DISABLE_DATED_SUBDIR", "1", TRUE);
    g_autofree char *plain = naming_experiment(f.dir, &f.spec, NULL);
    g_assert_cmpstr(plain, ==, "train");
    make(&f, "train", TRUE);
    make(&f, "train_2", FALSE);
    g_autofree char *third = naming_experiment(f.dir, &f.spec, NULL);
    g_assert_cmpstr(third, ==, "train_3");
    f.spec.trainable_name = (char *)"a/b";
    g_autofree char *flat = naming_experiment(f.dir, &f.spec, NULL);
    g_assert_cmpstr(flat, ==, "a_b");
    g_unsetenv("PEGBOX_DISABLE_DATED_SUBDIR");
    fixture_tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/experiment/naming/usual", test_usual);
    g_test_add_func("/experiment/naming/templates", test_templates);
    g_test_add_func("/experiment/naming/bad-templates", test_bad_templates);
    g_test_add_func("/experiment/naming/taken", test_taken);
    g_test_add_func("/experiment/naming/harmless", test_harmless);
    g_test_add_func("/experiment/naming/lengths", test_lengths);
    g_test_add_func("/experiment/naming/experiment-given", test_experiment_given);
    g_test_add_func("/experiment/naming/experiment-made", test_experiment_made);
    return g_test_run();
}
