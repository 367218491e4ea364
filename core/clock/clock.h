/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The clock that all of the runner's times and timers go through: real (GLib's
 * main loop) or virtual (a heap, for `simulate` and tests). Reading it is safe
 * from any thread; timers belong to the loop's thread.
 */
#pragma once

#include <glib.h>

typedef struct PbxClock PbxClock;
typedef struct PbxTimer PbxTimer;

/* context: of the main loop in which timers fire (NULL: the default one). */
PbxClock *clock_new_real(GMainContext *context);
PbxClock *clock_new_virtual(gint64 start_ns);
void clock_free(PbxClock *clock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PbxClock, clock_free)

/* Goes on from clock_now of an earlier one, so that what was stored of its times stays true. Before
 * the first timer is armed; the wall clock is not touched. */
void clock_continue(PbxClock *clock, gint64 from_ns);

/* Lets clock_now stand still at a time, for what is repeated as it was then; -1: it goes on. No
 * other thread reads the clock, and no timer fires, meanwhile. */
void clock_hold(PbxClock *clock, gint64 at_ns);

gboolean clock_is_virtual(const PbxClock *clock);
/* Whether clock_now stays as it is until somebody moves it. */
gboolean clock_is_still(const PbxClock *clock);
/* Monotonic nanoseconds, from 0 at the clock's start. */
gint64 clock_now(const PbxClock *clock);
/* Wall-clock nanoseconds since 1970: the start's wall time + clock_now, so that it never
 * jumps back while a process lives. */
gint64 clock_wall(const PbxClock *clock);

/* Calls `func` once, at `at_ns` of clock_now, or soon after. Owned by the clock until it
 * has fired or was cancelled; *timer (may be NULL) is cleared in both cases. */
void clock_at(PbxClock *clock, gint64 at_ns, void (*func)(gpointer), gpointer data,
              PbxTimer **timer);
void clock_cancel(PbxTimer **timer);
/* Virtual only: moves to the earliest timer and fires it; ties in order of arming. FALSE:
 * there is none. */
gboolean clock_advance(PbxClock *clock);
