/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* checkpoint, restore and reuse_workers: every message, and what good values mean. */
#include <glib/gstdio.h>
#include <string.h>

#include "spec-test.h"

#define CANNOT "the trainable 'nothing' cannot save its state, which "

/* ---- What is wrong ---- */

static const struct {
    const char *members, *expected;
} wrong[] = {
    {"\"checkpoint\": {\"frequency\": -1}",
     "checkpoint.frequency: needs an integer from 0 to 2147483647, got -1"},
    {"\"checkpoint\": {\"frequency\": 1.5}", "checkpoint.frequency: needs an integer, got 1.5"},
    {"\"checkpoint\": {\"frequency\": 1}",
     "checkpoint.frequency: " CANNOT "'checkpoint.frequency' needs"},
    {"\"checkpoint\": {\"at_end\": true}",
     "checkpoint.at_end: " CANNOT "'checkpoint.at_end' needs"},
    {"\"checkpoint\": {\"at_end\": 1}", "checkpoint.at_end: needs true or false, got 1"},
    {"\"checkpoint\": {\"keep\": 0}",
     "checkpoint.keep: needs an integer from 1 to 2147483647, got 0"},
    {"\"checkpoint\": {\"keep\": \"all\"}", "checkpoint.keep: needs an integer, got \"all\""},
    {"\"checkpoint\": {\"score_attribute\": \"min-\"}",
     "checkpoint.score_attribute: needs a result field, with 'min-' before it where smaller is "
     "better"},
    {"\"checkpoint\": {\"compression\": \"gzip\"}",
     "checkpoint.compression: needs \"none\", \"zstd\" or \"zstd:LEVEL\" with a level from 1 to "
     "19, "
     "got \"gzip\""},
    {"\"checkpoint\": {\"compression\": \"zstd:20\"}",
     "checkpoint.compression: needs \"none\", \"zstd\" or \"zstd:LEVEL\" with a level from 1 to "
     "19, "
     "got \"zstd:20\""},
    {"\"checkpoint\": {\"compression\": 3}", "checkpoint.compression: needs \"none\", \"zstd\" or "
                                             "\"zstd:LEVEL\" with a level from 1 to 19, "
                                             "got 3"},
    {"\"checkpoint\": {\"path\": \"\"}",
     "checkpoint.path: needs a path below the trial's directory, got \"\""},
    {"\"checkpoint\": {\"path\": \"/tmp/x\"}",
     "checkpoint.path: needs a path below the trial's directory, got \"/tmp/x\""},
    {"\"checkpoint\": {\"path\": \"a/../../b\"}",
     "checkpoint.path: needs a path below the trial's directory, got \"a/../../b\""},
    {"\"checkpoint\": {\"path\": \"model\"}",
     "checkpoint.path: is for programs that know nothing of pegbox: the trainable 'nothing' runs "
     "none"},
    {"\"checkpoint\": {\"max_total_bytes\": \"lots\"}",
     "checkpoint.max_total_bytes: needs a number of bytes or a text like \"2GiB\", got \"lots\""},
    {"\"checkpoint\": {\"frequence\": 1}",
     "checkpoint.frequence: there is no such key; did you mean 'frequency'?"},
    {"\"restore\": \"no-such\"",
     "restore: there is no archive or directory 'no-such', and it is no "
     "EXP:TRIAL or EXP:TRIAL@STEP"},
    {"\"restore\": \":3\"", "restore: there is no archive or directory ':3', and it is no "
                            "EXP:TRIAL or EXP:TRIAL@STEP"},
    {"\"restore\": \"old:3@new\"", "restore: there is no archive or directory 'old:3@new', and it "
                                   "is no EXP:TRIAL or EXP:TRIAL@STEP"},
    {"\"restore\": \"old:3\"", "restore: " CANNOT "'restore' needs"},
    {"\"reuse_workers\": true",
     "reuse_workers: the trainable 'nothing' serves one trial a process: it has no 'reset'"},
    {"\"reuse_workers\": 1", "reuse_workers: needs true or false, got 1"},
};

static void
test_wrong(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
        spec_test_bad(wrong[i].members, wrong[i].expected);
    spec_test_bad_text("{\"trainable\": \"program\", \"checkpoint\": {\"path\": \"{no_such}\"}}",
                       "checkpoint.path: {no_such}: there is no parameter 'no_such'");
}

/* ---- What is good ---- */

static PbxSpec *
good(const char *trainable, const char *members)
{
    g_autofree char *told = NULL;
    g_autofree char *text = g_strdup_printf(
        "{\"trainable\": \"%s\", \"metric\": \"loss\", \"mode\": \"min\", %s}", trainable, members);
    PbxSpec *spec = spec_test_check(text, &told);
    g_assert_cmpstr(told, ==, "");
    return spec;
}

static void
test_defaults(void)
{
    g_autoptr(PbxSpec) spec = good("nothing", "\"checkpoint\": {\"keep\": null}");
    const PbxCheckpointing *checkpoint = &spec->checkpoint;
    g_assert_cmpuint(checkpoint->frequency, ==, 0);
    g_assert_false(checkpoint->at_end);
    g_assert_cmpuint(checkpoint->keep, ==, 0);
    g_assert_cmpstr(checkpoint->score_attribute, ==, "training_iteration");
    g_assert_cmpint(checkpoint->score_sign, ==, 1);
    g_assert_cmpint(checkpoint->zstd_level, ==, 0);
    g_assert_null(checkpoint->path);
    g_assert_cmpuint(checkpoint->max_total_bytes, ==, 0);
    g_assert_cmpint(spec->restore.kind, ==, RESTORE_NOTHING);
    g_assert_cmpint(spec->reuse_workers, ==, REUSE_WHERE_POSSIBLE);
}

static void
test_everything(void)
{
    g_autoptr(PbxSpec) spec =
        good("program", "\"checkpoint\": {\"frequency\": 5, \"at_end\": true, \"keep\": 2, "
                        "\"score_attribute\": \"max-acc\", \"compression\": \"zstd:19\", "
                        "\"path\": \"model/{trial.id}\", \"max_total_bytes\": \"2KiB\"}");
    const PbxCheckpointing *checkpoint = &spec->checkpoint;
    g_assert_cmpuint(checkpoint->frequency, ==, 5);
    g_assert_true(checkpoint->at_end);
    g_assert_cmpuint(checkpoint->keep, ==, 2);
    g_assert_cmpstr(checkpoint->score_attribute, ==, "acc");
    g_assert_cmpint(checkpoint->score_sign, ==, 1);
    g_assert_cmpint(checkpoint->zstd_level, ==, 19);
    g_assert_nonnull(checkpoint->path);
    g_assert_cmpuint(checkpoint->max_total_bytes, ==, 2048);
}

/* Without a prefix the metric is ranked by its mode, all else by the larger value. */
static void
test_scores(void)
{
    static const struct {
        const char *text, *name;
        int sign;
    } scores[] = {
        {"loss", "loss", -1},    {"acc", "acc", 1},         {"min-acc", "acc", -1},
        {"max-loss", "loss", 1}, {"max-min-x", "min-x", 1},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(scores); i++) {
        g_autofree char *members =
            g_strdup_printf("\"checkpoint\": {\"score_attribute\": \"%s\"}", scores[i].text);
        g_autoptr(PbxSpec) spec = good("saver", members);
        g_assert_cmpstr(spec->checkpoint.score_attribute, ==, scores[i].name);
        g_assert_cmpint(spec->checkpoint.score_sign, ==, scores[i].sign);
    }
}

static void
test_compression(void)
{
    static const struct {
        const char *text;
        int level;
    } words[] = {{"none", 0}, {"zstd", 3}, {"zstd:1", 1}};
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autofree char *members =
            g_strdup_printf("\"checkpoint\": {\"compression\": \"%s\"}", words[i].text);
        g_autoptr(PbxSpec) spec = good("saver", members);
        g_assert_cmpint(spec->checkpoint.zstd_level, ==, words[i].level);
    }
}

/* ---- restore ---- */

static void
test_restore(void)
{
    static const struct {
        const char *text;
        PbxRestoreKind kind;
        const char *path, *trial; /* below the results, or the tests' directory */
        gint64 step;
    } forms[] = {
        {"kept.tar", RESTORE_ARCHIVE, "kept.tar", NULL, 0},
        {"./kept.tar", RESTORE_ARCHIVE, "kept.tar", NULL, 0},
        {"kept", RESTORE_DIRECTORY, "kept", NULL, 0},
        {"old:3", RESTORE_TRIAL, "pegbox_results/old", "3", -1},
        {"old:best", RESTORE_TRIAL, "pegbox_results/old", "best", -1},
        {"a:b:train_ab_00003@20", RESTORE_TRIAL, "pegbox_results/a:b", "train_ab_00003", 20},
        {"./old:3@0", RESTORE_TRIAL, "old", "3", 0},
    };
    g_autofree char *file = g_build_filename(spec_test_dir(), "kept.tar", NULL);
    g_autofree char *dir = g_build_filename(spec_test_dir(), "kept", NULL);
    g_assert_true(g_file_set_contents(file, "x", 1, NULL));
    g_assert_cmpint(g_mkdir(dir, 0700), ==, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autofree char *members = g_strdup_printf("\"restore\": \"%s\"", forms[i].text);
        g_autofree char *path = g_build_filename(spec_test_dir(), forms[i].path, NULL);
        g_autoptr(PbxSpec) spec = good("saver", members);
        g_assert_cmpint(spec->restore.kind, ==, forms[i].kind);
        g_assert_cmpstr(spec->restore.path, ==, path);
        g_assert_cmpstr(spec->restore.trial, ==, forms[i].trial);
        g_assert_cmpint(spec->restore.step, ==, forms[i].step);
        /* As experiment.json has it, it means the same. */
        g_autofree char *text = restore_text(&spec->restore);
        g_autofree char *again = g_strdup_printf("\"restore\": \"%s\"", text);
        g_autoptr(PbxSpec) other = good("saver", again);
        g_assert_cmpint(other->restore.kind, ==, forms[i].kind);
        g_assert_cmpstr(other->restore.path, ==, path);
    }
    g_autofree char *store = g_build_filename(dir, "experiment.db", NULL);
    g_assert_true(g_file_set_contents(store, "x", 1, NULL));
    spec_test_bad_text("{\"trainable\": \"saver\", \"restore\": \"kept\"}",
                       "restore: kept is an experiment: which trial of it? kept:TRIAL");
}

/* ---- What can save, and what can be used again ---- */

static void
test_can_save(void)
{
    static const struct {
        const char *trainable, *members;
        PbxCanSave can;
    } cases[] = {
        {"nothing", "\"seed\": 1", CAN_SAVE_NEVER},
        {"saver", "\"seed\": 1", CAN_SAVE_ALWAYS},
        {"program", "\"checkpoint\": {\"frequency\": 1}", CAN_SAVE_PERHAPS},
        {"program", "\"checkpoint\": {\"path\": \"m\"}", CAN_SAVE_ALWAYS},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(PbxSpec) spec = good(cases[i].trainable, cases[i].members);
        g_assert_cmpint(spec_can_save(spec), ==, cases[i].can);
    }
}

static void
test_reuse(void)
{
    g_autoptr(PbxSpec) spec = good("saver", "\"reuse_workers\": true");
    g_assert_cmpint(spec->reuse_workers, ==, REUSE_ALWAYS);
    g_autoptr(PbxSpec) other = good("nothing", "\"reuse_workers\": false");
    g_assert_cmpint(other->reuse_workers, ==, REUSE_NEVER);
}

static void
test_pauses(void)
{
    spec_test_bad_text("{\"trainable\": \"nothing\", \"scheduler\": \"pauser\"}",
                       "scheduler: the scheduler 'pauser' pauses trials, but the trainable "
                       "'nothing' cannot save its state");
    /* What a program can is known once it runs. */
    g_autoptr(PbxSpec) spec = good("saver", "\"scheduler\": \"pauser\"");
    g_autoptr(PbxSpec) other = good("program", "\"scheduler\": \"pauser\"");
    g_assert_nonnull(spec->scheduler);
    g_assert_nonnull(other->scheduler);
}

int
main(int argc, char **argv)
{
    spec_test_init(&argc, &argv);
    g_test_add_func("/spec/checkpoint/wrong", test_wrong);
    g_test_add_func("/spec/checkpoint/defaults", test_defaults);
    g_test_add_func("/spec/checkpoint/everything", test_everything);
    g_test_add_func("/spec/checkpoint/scores", test_scores);
    g_test_add_func("/spec/checkpoint/compression", test_compression);
    g_test_add_func("/spec/checkpoint/restore", test_restore);
    g_test_add_func("/spec/checkpoint/can-save", test_can_save);
    g_test_add_func("/spec/checkpoint/reuse", test_reuse);
    g_test_add_func("/spec/checkpoint/pauses", test_pauses);
    return spec_test_run();
}
