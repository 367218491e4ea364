/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `restore` of the file: what is found, and what is taken into the experiment's directory. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "experiment/checkpoints-private.h"
#include "fixture.h"

typedef struct {
    Fixture base;
    char *old; /* an experiment with one trial, which has checkpoints of steps 10 and 20 */
    char *sums[2];
} From;

static const char *const names[] = {"checkpoint_000010.tar", "checkpoint_000020.tar"};

static void
make_archive(From *f, guint i)
{
    g_autoptr(GError) error = NULL;
    PbxArchiveFacts facts;
    g_autofree char *state = g_build_filename(f->base.dir, "state", NULL);
    g_autofree char *file = g_build_filename(state, "count", NULL);
    g_autofree char *archive = g_build_filename(f->old, "trial", names[i], NULL);
    g_autofree char *text = g_strdup_printf("%u", i);
    g_assert_cmpint(g_mkdir_with_parents(state, 0700), ==, 0);
    g_assert_true(g_file_set_contents(file, text, -1, NULL));
    g_assert_true(checkpoint_pack(state, NULL, archive, NULL, &facts, &error));
    g_assert_no_error(error);
    f->sums[i] = g_strdup(facts.sha256);
}

static void
fill_store(From *f, PbxStore *store)
{
    g_autoptr(GError) error = NULL;
    const PbxTrialRow row = {.id = (char *)"ab12c_00000",
                             .name = (char *)"train_ab12c_00000",
                             .dir = (char *)"trial",
                             .end = PBX_END_COMPLETED,
                             .state = PBX_STATE_TERMINATED,
                             .config = (char *)"{}",
                             .value = 0.5,
                             .best = 0.5};
    g_assert_true(store_put_trial(store, &row, &error));
    for (guint i = 0; i < 2; i++) {
        const PbxCheckpointRow checkpoint = {.id = i + 1,
                                             .attempt = 1,
                                             .n = 2 * i,
                                             .step = 10 * (i + 1),
                                             .iteration = 2 * i + 1,
                                             .timesteps_total = 7,
                                             .episodes_total = -1,
                                             .time_total_s = 1.5,
                                             .name = (char *)names[i],
                                             .sha256 = f->sums[i],
                                             .score = (double)NAN};
        g_assert_true(store_put_checkpoint(store, &checkpoint, &error));
    }
    g_assert_no_error(error);
}

static void
set_up(From *f)
{
    g_autoptr(GError) error = NULL;
    fixture_set_up(&f->base, "{}");
    fixture_store(&f->base);
    f->old = g_build_filename(f->base.dir, "old", NULL);
    g_autofree char *trial = g_build_filename(f->old, "trial", NULL);
    g_assert_cmpint(g_mkdir_with_parents(trial, 0700), ==, 0);
    for (guint i = 0; i < 2; i++)
        make_archive(f, i);
    g_autoptr(PbxStore) store = store_create(f->old, FALSE, &error);
    g_assert_no_error(error);
    fill_store(f, store);
}

static void
tear_down(From *f)
{
    for (guint i = 0; i < 2; i++)
        g_free(f->sums[i]);
    g_free(f->old);
    f->base.spec.restore = (PbxRestore){.kind = RESTORE_NOTHING};
    fixture_tear_down(&f->base);
}

static PbxRestoreFrom *
find(From *f, PbxRestoreKind kind, const char *path, const char *trial, gint64 step, GError **error)
{
    f->base.spec.restore = (PbxRestore){kind, (char *)path, (char *)trial, step};
    return restore_from_find(&f->base.spec, error);
}

static void
assert_refused(From *f, const char *trial, gint64 step, const char *message)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(find(f, RESTORE_TRIAL, f->old, trial, step, &error));
    g_assert_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE);
    g_autofree char *whole = g_strdup_printf(message, f->old);
    g_assert_cmpstr(error->message, ==, whole);
}

static void
test_of_a_trial(void)
{
    From f;
    set_up(&f);
    static const char *const words[] = {"0", "best", "ab12c_00000", "train_ab12c_00000"};
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(PbxRestoreFrom) newest = find(&f, RESTORE_TRIAL, f.old, words[i], -1, &error);
        g_assert_no_error(error);
        g_assert_cmpint(newest->step, ==, 20);
        g_assert_cmpint(newest->iteration, ==, 3);
        g_assert_cmpint(newest->timesteps_total, ==, 7);
        g_assert_cmpstr(newest->sha256, ==, f.sums[1]);
        g_autoptr(PbxRestoreFrom) first = find(&f, RESTORE_TRIAL, f.old, words[i], 10, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(first->sha256, ==, f.sums[0]);
        g_assert_true(g_str_has_suffix(first->path, "/old/trial/checkpoint_000010.tar"));
    }
    assert_refused(&f, "0", 15, "trial 0 of %s has no checkpoint of step 15; it has 10, 20");
    assert_refused(&f, "7", -1, "there is no trial '7' in %s");
    tear_down(&f);
}

static void
test_an_archive(void)
{
    From f;
    g_autoptr(GError) error = NULL;
    set_up(&f);
    /* Its experiment's store says more than its name. */
    g_autofree char *beside = g_build_filename(f.old, "trial", names[1], NULL);
    g_autoptr(PbxRestoreFrom) known = find(&f, RESTORE_ARCHIVE, beside, NULL, -1, &error);
    g_assert_no_error(error);
    g_assert_cmpint(known->iteration, ==, 3);
    g_assert_cmpstr(known->sha256, ==, f.sums[1]);
    g_autofree char *alone = g_build_filename(f.base.dir, "checkpoint_000012_2.tar.zst", NULL);
    g_assert_cmpint(g_rename(beside, alone), ==, 0);
    g_autoptr(PbxRestoreFrom) by_name = find(&f, RESTORE_ARCHIVE, alone, NULL, -1, &error);
    g_assert_no_error(error);
    g_assert_cmpint(by_name->iteration, ==, 12);
    g_assert_null(by_name->sha256);
    g_assert_null(find(&f, RESTORE_ARCHIVE, beside, NULL, -1, &error));
    g_assert_nonnull(strstr(error->message, "there is no archive or directory "));
    tear_down(&f);
}

/* What its experiment wrote is what is taken, or nothing. */
static void
test_a_damaged_one(void)
{
    From f;
    g_autoptr(GError) error = NULL;
    set_up(&f);
    g_autofree char *path = g_build_filename(f.old, "trial", names[1], NULL);
    g_autofree char *other = g_build_filename(f.old, "trial", names[0], NULL);
    g_autoptr(PbxRestoreFrom) from = find(&f, RESTORE_TRIAL, f.old, "0", -1, &error);
    g_assert_true(restore_from_verify(from, &error));
    g_assert_cmpint(g_rename(other, path), ==, 0);
    g_assert_false(restore_from_verify(from, &error));
    g_assert_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE);
    tear_down(&f);
}

static void
update(From *f)
{
    g_autoptr(GError) error = NULL;
    restore_from_update(&f->base.runner, &error);
    g_assert_no_error(error);
}

static void
assert_taken(From *f, const char *file, const char *count)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxRestoreFrom) taken = restore_from_load(f->base.runner.store, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(taken->file, ==, file);
    g_autofree char *archive = g_build_filename(f->base.dir, file, NULL);
    g_autofree char *dir = g_build_filename(f->base.dir, "unpacked", NULL);
    g_autofree char *inside = g_build_filename(dir, "count", NULL);
    g_autofree char *text = NULL;
    g_assert_true(checkpoint_unpack(archive, dir, taken->sha256, 0, &error));
    g_assert_no_error(error);
    g_assert_true(g_file_get_contents(inside, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, count);
    g_assert_true(checkpoint_remove(dir, NULL));
}

static void
test_what_is_taken(void)
{
    From f;
    set_up(&f);
    g_assert_null(restore_from_load(f.base.runner.store, NULL));
    f.base.spec.restore = (PbxRestore){RESTORE_TRIAL, f.old, (char *)"0", 10};
    update(&f);
    assert_taken(&f, "restore.tar", "0");
    /* Once: the experiment that it is from may be gone. */
    g_autofree char *first = g_build_filename(f.old, "trial", names[0], NULL);
    g_assert_cmpint(g_unlink(first), ==, 0);
    update(&f);
    assert_taken(&f, "restore.tar", "0");
    /* Another one beside it. */
    f.base.spec.restore.step = -1;
    update(&f);
    assert_taken(&f, "restore_2.tar", "1");
    /* A directory, packed. */
    g_autofree char *state = g_build_filename(f.base.dir, "state", NULL);
    f.base.spec.restore = (PbxRestore){.kind = RESTORE_DIRECTORY, .path = state};
    update(&f);
    assert_taken(&f, "restore_3.tar", "1");
    tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/experiment/restore-from/of-a-trial", test_of_a_trial);
    g_test_add_func("/experiment/restore-from/an-archive", test_an_archive);
    g_test_add_func("/experiment/restore-from/a-damaged-one", test_a_damaged_one);
    g_test_add_func("/experiment/restore-from/what-is-taken", test_what_is_taken);
    return g_test_run();
}
