/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clock: virtual time is exact, real timers fire on the loop. */
#include "clock/clock.h"

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
    g_test_add_func("/clock/goes-on-from-an-earlier-one", test_goes_on);
    g_test_add_func("/clock/stands-still-where-it-is-held", test_is_held);
    return g_test_run();
}
