/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clock: virtual time is exact, real timers fire on the loop. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock/clock.h"

/* By how much each look at the time moves it on, as where the process has to wait meanwhile. */
static gint64 step_ns, moved_ns;

int
clock_gettime(clockid_t id, struct timespec *now)
{
    const int code = (int)syscall(SYS_clock_gettime, id, now);
    if (code != 0 || id != CLOCK_MONOTONIC)
        return code;
    moved_ns += step_ns;
    const gint64 at = (gint64)now->tv_sec * 1000000000 + now->tv_nsec + moved_ns;
    now->tv_sec = at / 1000000000;
    now->tv_nsec = at % 1000000000;
    return 0;
}

typedef struct {
    GString *order;
    char letter;
} Mark;

static void
mark(gpointer data)
{
    Mark *self = data;
    g_string_append_c(self->order, self->letter);
}

static void
test_virtual_order(void)
{
    g_autoptr(PbxClock) clock = clock_new_virtual(5);
    g_autoptr(GString) order = g_string_new(NULL);
    Mark a = {order, 'a'}, b = {order, 'b'}, c = {order, 'c'};
    g_assert_cmpint(clock_now(clock), ==, 5);
    clock_at(clock, 30, mark, &c, NULL);
    clock_at(clock, 20, mark, &a, NULL);
    clock_at(clock, 20, mark, &b, NULL);
    g_assert_true(clock_advance(clock));
    g_assert_cmpint(clock_now(clock), ==, 20);
    g_assert_true(clock_advance(clock));
    g_assert_true(clock_advance(clock));
    g_assert_false(clock_advance(clock));
    g_assert_cmpint(clock_now(clock), ==, 30);
    g_assert_cmpstr(order->str, ==, "abc");
}

static void
test_cancel(void)
{
    g_autoptr(PbxClock) clock = clock_new_virtual(0);
    g_autoptr(GString) order = g_string_new(NULL);
    Mark a = {order, 'a'};
    PbxTimer *timer = NULL;
    clock_at(clock, 10, mark, &a, &timer);
    g_assert_nonnull(timer);
    clock_cancel(&timer);
    g_assert_null(timer);
    g_assert_false(clock_advance(clock));
    clock_at(clock, 10, mark, &a, &timer);
    clock_advance(clock);
    g_assert_null(timer);
    g_assert_cmpstr(order->str, ==, "a");
}

static void
quit(gpointer data)
{
    g_main_loop_quit(data);
}

static void
test_real(void)
{
    g_autoptr(PbxClock) clock = clock_new_real(NULL);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    gint64 at = clock_now(clock) + 2000000;
    clock_at(clock, at, quit, loop, NULL);
    g_main_loop_run(loop);
    g_assert_cmpint(clock_now(clock), >=, at);
    g_assert_cmpint(clock_wall(clock), >, G_GINT64_CONSTANT(1600000000000000000));
}

static gboolean
too_late(gpointer data G_GNUC_UNUSED)
{
    g_assert_not_reached();
    return G_SOURCE_REMOVE;
}

/* One that is due before it is armed fires at once. */
static void
test_real_is_late(void)
{
    for (gint64 left_ms = 5; left_ms < 200; left_ms += 10) {
        g_autoptr(PbxClock) clock = clock_new_real(NULL);
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        const gint64 at = clock_now(clock) + left_ms * 1000000;
        const guint guard = g_timeout_add_seconds(60, too_late, NULL);
        step_ns = 30 * 1000000;
        clock_at(clock, at, quit, loop, NULL);
        step_ns = 0;
        g_main_loop_run(loop);
        g_source_remove(guard);
    }
}

static void
test_goes_on(void)
{
    g_autoptr(PbxClock) clock = clock_new_virtual(0);
    const gint64 wall = clock_wall(clock);
    clock_continue(clock, 5000);
    g_assert_cmpint(clock_now(clock), ==, 5000);
    g_assert_cmpint(clock_wall(clock), ==, wall);
    g_autoptr(PbxClock) real = clock_new_real(NULL);
    clock_continue(real, G_GINT64_CONSTANT(1000000000000));
    g_assert_cmpint(clock_now(real), >=, G_GINT64_CONSTANT(1000000000000));
    g_assert_cmpint(clock_now(real), <, G_GINT64_CONSTANT(2000000000000));
}

static void
test_is_held(void)
{
    g_autoptr(PbxClock) clock = clock_new_virtual(7);
    clock_hold(clock, 3);
    g_assert_cmpint(clock_now(clock), ==, 3);
    clock_hold(clock, -1);
    g_assert_cmpint(clock_now(clock), ==, 7);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock/virtual/fires-by-time-then-arming", test_virtual_order);
    g_test_add_func("/clock/virtual/cancelled-never-fires", test_cancel);
    g_test_add_func("/clock/real/fires-on-the-loop", test_real);
    g_test_add_func("/clock/real/fires-though-it-is-late", test_real_is_late);
    g_test_add_func("/clock/goes-on-from-an-earlier-one", test_goes_on);
    g_test_add_func("/clock/stands-still-where-it-is-held", test_is_held);
    return g_test_run();
}
