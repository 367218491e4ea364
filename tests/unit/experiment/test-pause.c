/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a trial comes to be PAUSED, and what becomes of the wish where it fails. */
#include <math.h>

#include "experiment/workers-private.h"
#include "fixture.h"

static const pbx_plugin description = {.kind = "scheduler", .name = "halving"};
static const PbxPlugin plugin = {.desc = &description};
static const pbx_scheduler nothing = {.struct_size = 8}; /* it has no functions */

typedef struct {
    Fixture base;
    PbxWorkerSlot worker;
    PbxTrial *trial; /* RUNNING in it */
} PauseFixture;

/* One for all: the runner only tells it of states. */
static PbxSlot *
slot(void)
{
    static const PbxPluginUse use = {.plugin = &plugin};
    static PbxInstance instance = {.plugin = &plugin, .vtable = &nothing};
    static PbxSlot made = {.use = &use};
    if (made.decider == NULL)
        made.decider = decider_new(&instance, G_MAXINT64);
    return &made;
}

static void
set_up(PauseFixture *f)
{
    fixture_set_up(&f->base, "{}");
    fixture_store(&f->base);
    PbxRunner *runner = &f->base.runner;
    runner->search = runner->scheduler = slot();
    runner->warned_kept = TRUE; /* it has nobody to be told */
    f->trial = fixture_trial(&f->base, "{}");
    f->trial->row.state = PBX_STATE_RUNNING;
    f->trial->row.attempts = f->trial->attempt.attempt = 1;
    f->trial->row.bracket = f->trial->row.rung = PBX_NO_RUNG;
    runner->counts[PBX_STATE_RUNNING] = 1;
    f->worker = (PbxWorkerSlot){.runner = runner, .trial = f->trial, .state = WORKER_BUSY};
    f->trial->worker = &f->worker;
    g_ptr_array_add(runner->workers, &f->worker);
}

static void
tear_down(PauseFixture *f)
{
    limits_end(&f->worker);
    fixture_tear_down(&f->base);
}

static void
assert_state(const PauseFixture *f, guint state, const char *reason)
{
    g_assert_cmpuint(f->trial->row.state, ==, state);
    g_assert_cmpuint(f->base.runner.counts[state], ==, 1);
    g_assert_cmpstr(f->trial->row.reason, ==, reason);
}

/* Its worker has saved it, and is done with it. */
static void
save_and_end(PauseFixture *f)
{
    pause_saved(&f->base.runner, f->trial, TRUE, NULL);
    f->trial->worker = NULL;
    f->worker.trial = NULL;
    g_assert_true(pause_ended(&f->base.runner, f->trial));
}

static void
test_by_the_scheduler(void)
{
    PauseFixture f;
    set_up(&f);
    pause_begin(&f.base.runner, f.trial, 3);
    /* What it does meanwhile comes again. */
    const PbxWorkerMessage next = {.n = 4, .fields_text = (char *)"{}"};
    g_assert_true(pause_holds_back(f.trial, &next));
    assert_state(&f, PBX_STATE_RUNNING, NULL);
    save_and_end(&f);
    assert_state(&f, PBX_STATE_PAUSED, "paused by scheduler/halving");
    g_assert_null(f.trial->behind);
    g_assert_true(f.trial->queue == &f.base.runner.paused);
    g_assert_cmpint(f.trial->attempt.ended_ns, >, 0);
    g_assert_false(pause_is_users(f.trial));
    tear_down(&f);
}

static void
test_by_a_person(void)
{
    PauseFixture f;
    set_up(&f);
    f.trial->row.held = TRUE;
    pause_ask(&f.base.runner, f.trial);
    /* One whose results are awaited goes on with them until then. */
    const PbxWorkerMessage next = {.n = 1};
    g_assert_false(pause_holds_back(f.trial, &next));
    save_and_end(&f);
    assert_state(&f, PBX_STATE_PAUSED, STORE_REASON_PAUSED);
    g_assert_true(f.trial->queue == &f.base.runner.parked);
    f.trial->row.held = FALSE;
    pause_let_go(&f.base.runner, f.trial);
    assert_state(&f, PBX_STATE_PENDING, NULL);
    g_assert_true(f.trial->queue == &f.base.runner.waiting);
    tear_down(&f);
}

/* Too late: it was saved already. It waits for a worker as any other. */
static void
test_taken_back(void)
{
    PauseFixture f;
    set_up(&f);
    pause_ask(&f.base.runner, f.trial);
    pause_unask(f.trial);
    pause_saved(&f.base.runner, f.trial, TRUE, NULL);
    g_assert_false(pause_ended(&f.base.runner, f.trial));
    assert_state(&f, PBX_STATE_RUNNING, NULL);
    pause_ask(&f.base.runner, f.trial);
    pause_saved(&f.base.runner, f.trial, TRUE, NULL);
    pause_unask(f.trial);
    f.trial->worker = NULL;
    g_assert_true(pause_ended(&f.base.runner, f.trial));
    assert_state(&f, PBX_STATE_PENDING, NULL);
    tear_down(&f);
}

static void
test_not_saved(void)
{
    PauseFixture f;
    set_up(&f);
    PbxRunner *runner = &f.base.runner;
    pause_begin(runner, f.trial, 3);
    pause_saved(runner, f.trial, FALSE, "it cannot");
    assert_state(&f, PBX_STATE_PAUSED, "paused by scheduler/halving");
    g_assert_true(f.trial->kept);
    g_assert_cmpuint(runner->n_kept, ==, 1);
    g_assert_true(pause_is_idle(runner));
    queue_remove(f.trial);
    pause_go_on(runner, f.trial);
    assert_state(&f, PBX_STATE_RUNNING, NULL);
    g_assert_false(f.trial->kept);
    g_assert_cmpuint(runner->n_kept, ==, 0);
    g_assert_false(pause_is_idle(runner));
    tear_down(&f);
}

static void
put_checkpoint(PauseFixture *f, guint64 n)
{
    g_autoptr(GError) error = NULL;
    const PbxCheckpointRow row = {.id = n - 1, /* without gaps */
                                  .attempt = 1,
                                  .n = n,
                                  .timesteps_total = -1,
                                  .episodes_total = -1,
                                  .name = (char *)"checkpoint_000001.tar",
                                  .sha256 = (char *)"00",
                                  .score = (double)NAN};
    store_put_checkpoint(f->base.runner.store, &row, &error);
    g_assert_no_error(error);
}

/* It died instead: the scheduler's pause is due where it was decided upon. */
static void
test_failed(void)
{
    PauseFixture f;
    set_up(&f);
    PbxRunner *runner = &f.base.runner;
    pause_begin(runner, f.trial, 3);
    pause_failed(runner, f.trial);
    put_checkpoint(&f, 2);
    g_assert_false(pause_settle(runner, f.trial));
    g_assert_false(pause_is_due(runner, f.trial, 2));
    g_assert_true(pause_is_due(runner, f.trial, 3));
    g_assert_false(pause_is_due(runner, f.trial, 3)); /* once */
    /* What was saved is enough. */
    pause_failed(runner, f.trial);
    put_checkpoint(&f, 3);
    f.trial->worker = NULL;
    g_assert_true(pause_settle(runner, f.trial));
    assert_state(&f, PBX_STATE_PAUSED, "paused by scheduler/halving");
    tear_down(&f);
}

/* A person may say so again. */
static void
test_failed_before_a_persons_pause(void)
{
    PauseFixture f;
    set_up(&f);
    pause_ask(&f.base.runner, f.trial);
    pause_failed(&f.base.runner, f.trial);
    put_checkpoint(&f, 3);
    g_assert_false(pause_settle(&f.base.runner, f.trial));
    g_assert_false(pause_is_due(&f.base.runner, f.trial, 9));
    tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/experiment/pause/by-the-scheduler", test_by_the_scheduler);
    g_test_add_func("/experiment/pause/by-a-person", test_by_a_person);
    g_test_add_func("/experiment/pause/taken-back", test_taken_back);
    g_test_add_func("/experiment/pause/not-saved", test_not_saved);
    g_test_add_func("/experiment/pause/failed", test_failed);
    g_test_add_func("/experiment/pause/failed-before-a-persons-pause",
                    test_failed_before_a_persons_pause);
    return g_test_run();
}
