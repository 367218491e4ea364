/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `limits` on a virtual clock: when a worker is killed, and why its trial has failed. */
#include "experiment/workers-private.h"
#include "fixture.h"

typedef struct {
    Fixture base;
    PbxInstance executor;
    PbxWorkerSlot worker;
    PbxTrial *trial;
} LimitsFixture;

static guint n_kills;

static pbx_status
count_stop(pbx_instance *self, const char *name, uint32_t how, pbx_error *error)
{
    (void)self;
    (void)error;
    g_assert_cmpstr(name, ==, "w0");
    g_assert_cmpuint(how, ==, PBX_STOP_KILL);
    n_kills++;
    return PBX_OK;
}

static const pbx_executor executor = {.struct_size = sizeof executor, .stop = count_stop};

static void
set_up(LimitsFixture *f, PbxLimits limits)
{
    *f = (LimitsFixture){.executor = {.vtable = &executor}};
    fixture_set_up(&f->base, "{}");
    f->base.spec.limits = limits;
    f->base.runner.executor = &f->executor;
    f->trial = fixture_trial(&f->base, "{}");
    f->worker = (PbxWorkerSlot){
        .runner = &f->base.runner, .name = (char *)"w0", .trial = f->trial, .state = WORKER_BUSY};
    n_kills = 0;
}

static void
tear_down(LimitsFixture *f)
{
    limits_end(&f->worker);
    fixture_tear_down(&f->base);
}

static void
note_time(gpointer data)
{
    *(gboolean *)data = TRUE;
}

/* Lets time pass up to `seconds` of the clock. */
static void
pass(LimitsFixture *f, double seconds)
{
    PbxClock *clock = f->base.runner.clock;
    gboolean there = FALSE;
    clock_at(clock, (gint64)(seconds * NS_PER_S), note_time, &there, NULL);
    while (!there)
        g_assert_true(clock_advance(clock));
}

static void
assert_killed(const LimitsFixture *f, const char *why)
{
    g_assert_cmpuint(n_kills, ==, why != NULL ? 1 : 0);
    g_assert_cmpstr(f->trial->failing, ==, why);
}

static void
test_trial_time(void)
{
    LimitsFixture f;
    set_up(&f, (PbxLimits){.trial_time_s = 10});
    pass(&f, 3);
    limits_begin(&f.worker);
    pass(&f, 12.9);
    limits_reported(&f.worker);
    assert_killed(&f, NULL);
    pass(&f, 13);
    assert_killed(&f, "ran longer than limits.trial_time_s (10 s)");
    /* It is told once, however long it takes to die. */
    pass(&f, 100);
    assert_killed(&f, "ran longer than limits.trial_time_s (10 s)");
    tear_down(&f);
}

static void
test_report_time(void)
{
    LimitsFixture f;
    set_up(&f, (PbxLimits){.report_time_s = 2.5});
    limits_begin(&f.worker);
    for (int i = 1; i <= 10; i++) {
        pass(&f, i * 2);
        limits_reported(&f.worker);
    }
    pass(&f, 22.4);
    assert_killed(&f, NULL);
    pass(&f, 22.5);
    assert_killed(&f, "reported nothing for longer than limits.report_time_s (2.5 s)");
    tear_down(&f);
}

static void
test_the_earlier_of_both(void)
{
    LimitsFixture f;
    set_up(&f, (PbxLimits){.trial_time_s = 5, .report_time_s = 2});
    limits_begin(&f.worker);
    pass(&f, 1.5);
    limits_reported(&f.worker);
    pass(&f, 3.25);
    limits_reported(&f.worker);
    pass(&f, 4.9);
    assert_killed(&f, NULL);
    pass(&f, 5);
    assert_killed(&f, "ran longer than limits.trial_time_s (5 s)");
    tear_down(&f);
}

static void
test_starts_anew(void)
{
    LimitsFixture f;
    set_up(&f, (PbxLimits){.trial_time_s = 5});
    limits_begin(&f.worker);
    pass(&f, 4);
    limits_end(&f.worker);
    pass(&f, 20);
    assert_killed(&f, NULL);
    limits_begin(&f.worker);
    pass(&f, 24.9);
    assert_killed(&f, NULL);
    pass(&f, 25);
    assert_killed(&f, "ran longer than limits.trial_time_s (5 s)");
    tear_down(&f);
}

/* What ends anyway is not killed. */
static void
test_over(void)
{
    LimitsFixture f;
    set_up(&f, (PbxLimits){.trial_time_s = 5, .memory = 1024});
    limits_begin(&f.worker);
    f.trial->ended = TRUE;
    pass(&f, 6);
    limits_memory(&f.worker, 2048);
    assert_killed(&f, NULL);
    f.trial->ended = FALSE;
    limits_begin(&f.worker);
    f.base.runner.interrupts = 1;
    pass(&f, 12);
    limits_memory(&f.worker, 2048);
    assert_killed(&f, NULL);
    tear_down(&f);
}

/* Nothing else bounds a save. */
static void
test_save_of_what_was_interrupted(void)
{
    LimitsFixture f;
    set_up(&f, (PbxLimits){.report_time_s = 5});
    limits_begin(&f.worker);
    f.base.runner.interrupts = 1;
    f.worker.saving = TRUE;
    pass(&f, 6);
    assert_killed(&f, "reported nothing for longer than limits.report_time_s (5 s)");
    tear_down(&f);
    /* One that was looked at while it did not save yet. */
    set_up(&f, (PbxLimits){.report_time_s = 5});
    limits_begin(&f.worker);
    f.base.runner.interrupts = 1;
    pass(&f, 6);
    f.worker.saving = TRUE;
    limits_saving(&f.worker);
    pass(&f, 10.9);
    assert_killed(&f, NULL);
    pass(&f, 11);
    assert_killed(&f, "reported nothing for longer than limits.report_time_s (5 s)");
    tear_down(&f);
}

static void
test_none(void)
{
    LimitsFixture f;
    set_up(&f, (PbxLimits){.trial_time_s = 0});
    limits_begin(&f.worker);
    pass(&f, 1e9);
    limits_memory(&f.worker, G_MAXINT64);
    assert_killed(&f, NULL);
    tear_down(&f);
}

static void
test_memory(void)
{
    LimitsFixture f;
    set_up(&f, (PbxLimits){.memory = 512 << 20});
    limits_begin(&f.worker);
    limits_memory(&f.worker, 734 << 20);
    assert_killed(&f, "used 734.0 MiB of memory, limits.memory is 512.0 MiB");
    /* Workers say it until they are gone. */
    limits_memory(&f.worker, 735 << 20);
    assert_killed(&f, "used 734.0 MiB of memory, limits.memory is 512.0 MiB");
    tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/experiment/limits/trial-time", test_trial_time);
    g_test_add_func("/experiment/limits/report-time", test_report_time);
    g_test_add_func("/experiment/limits/the-earlier-of-both", test_the_earlier_of_both);
    g_test_add_func("/experiment/limits/starts-anew", test_starts_anew);
    g_test_add_func("/experiment/limits/over", test_over);
    g_test_add_func("/experiment/limits/save-of-what-was-interrupted",
                    test_save_of_what_was_interrupted);
    g_test_add_func("/experiment/limits/none", test_none);
    g_test_add_func("/experiment/limits/memory", test_memory);
    return g_test_run();
}
