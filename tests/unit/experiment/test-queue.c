/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trials that wait: in what order, and which the scheduler may pick. */
#include "fixture.h"

static PbxTrial *
waiting(Fixture *f, guint64 seq)
{
    PbxTrial *trial = fixture_trial(f, "{}");
    f->runner.seq = seq;
    queue_add(&f->runner, trial);
    return trial;
}

/* "0 2 1": all that may be picked, the oldest first. */
static char *
listed(Fixture *f, gboolean room, guint max)
{
    guint64 trials[16];
    g_autoptr(GString) text = g_string_new(NULL);
    const guint n = queue_list(&f->runner, room, trials, max);
    for (guint i = 0; i < n; i++)
        g_string_append_printf(text, "%s%" G_GUINT64_FORMAT, i > 0 ? " " : "", trials[i]);
    return g_strdup(text->str);
}

static void
assert_listed(Fixture *f, gboolean room, const char *trials)
{
    g_autofree char *text = listed(f, room, 16);
    g_assert_cmpstr(text, ==, trials);
}

static void
set_up(Fixture *f)
{
    fixture_set_up(f, "{}");
    fixture_store(f);
}

static void
test_oldest_first(void)
{
    Fixture f;
    set_up(&f);
    PbxTrial *late = waiting(&f, 30);
    waiting(&f, 10);
    waiting(&f, 20);
    waiting(&f, 20);
    assert_listed(&f, TRUE, "1 2 3 0");
    g_autofree char *two = listed(&f, TRUE, 2);
    g_assert_cmpstr(two, ==, "1 2");
    /* It begins to wait anew: behind all. */
    f.runner.seq = 40;
    queue_add(&f.runner, f.trials->pdata[1]);
    assert_listed(&f, TRUE, "2 3 0 1");
    queue_remove(late);
    g_assert_null(late->queue);
    assert_listed(&f, TRUE, "2 3 1");
    /* It was only looked at: where it was. */
    queue_return(&f.runner, late);
    assert_listed(&f, TRUE, "2 3 0 1");
    fixture_tear_down(&f);
}

/* What ran when its driver ended, then what a person has added and never ran, then the others. */
static void
test_who_comes_first(void)
{
    Fixture f;
    set_up(&f);
    waiting(&f, 1);
    PbxTrial *added = fixture_trial(&f, "{}"), *ran = fixture_trial(&f, "{}");
    f.runner.seq = 5;
    added->row.ask = PBX_NONE;
    queue_add(&f.runner, added);
    ran->row.attempts = 1;
    queue_return(&f.runner, ran); /* queued 0 */
    assert_listed(&f, TRUE, "2 1 0");
    /* Once it has run an added one is as any other. */
    queue_remove(added);
    added->row.attempts = 1;
    queue_add(&f.runner, added);
    assert_listed(&f, TRUE, "2 0 1");
    fixture_tear_down(&f);
}

static void
test_paused_ones(void)
{
    Fixture f;
    set_up(&f);
    waiting(&f, 2);
    PbxTrial *paused = fixture_trial(&f, "{}"), *kept = fixture_trial(&f, "{}");
    paused->row.state = kept->row.state = PBX_STATE_PAUSED;
    kept->kept = TRUE;
    f.runner.seq = 1;
    queue_add(&f.runner, paused);
    f.runner.seq = 3;
    queue_add(&f.runner, kept);
    g_assert_true(queue_is_choice(&f.runner, paused));
    assert_listed(&f, TRUE, "1 0 2");
    /* Without room only one that has its place still. */
    assert_listed(&f, FALSE, "2");
    fixture_tear_down(&f);
}

static void
test_held_ones(void)
{
    Fixture f;
    set_up(&f);
    PbxTrial *held = waiting(&f, 1), *paused = fixture_trial(&f, "{}");
    held->row.held = TRUE;
    queue_return(&f.runner, held);
    paused->row.state = PBX_STATE_PAUSED;
    paused->row.reason = g_strdup(STORE_REASON_PAUSED);
    queue_add(&f.runner, paused);
    g_assert_cmpuint(f.runner.parked.length, ==, 2);
    g_assert_false(queue_is_choice(&f.runner, held));
    assert_listed(&f, TRUE, "");
    held->row.held = FALSE;
    queue_return(&f.runner, held);
    assert_listed(&f, TRUE, "0");
    fixture_tear_down(&f);
}

static void
test_neither_rests_nor_is_over(void)
{
    Fixture f;
    set_up(&f);
    PbxTrial *rests = fixture_trial(&f, "{}"), *over = fixture_trial(&f, "{}"),
             *runs = fixture_trial(&f, "{}");
    queue_rest(&f.runner, rests, 7);
    g_assert_cmpuint(f.runner.resting.length, ==, 1);
    g_assert_cmpint(rests->rests_until_ns, ==, 7);
    over->ended = TRUE;
    queue_add(&f.runner, over);
    runs->row.state = PBX_STATE_RUNNING;
    queue_add(&f.runner, runs);
    g_assert_null(over->queue);
    g_assert_null(runs->queue);
    assert_listed(&f, TRUE, "");
    queue_add(&f.runner, rests);
    g_assert_cmpuint(f.runner.resting.length, ==, 0);
    assert_listed(&f, TRUE, "0");
    fixture_tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/experiment/queue/oldest-first", test_oldest_first);
    g_test_add_func("/experiment/queue/who-comes-first", test_who_comes_first);
    g_test_add_func("/experiment/queue/paused-ones", test_paused_ones);
    g_test_add_func("/experiment/queue/held-ones", test_held_ones);
    g_test_add_func("/experiment/queue/neither-rests-nor-is-over", test_neither_rests_nor_is_over);
    return g_test_run();
}
