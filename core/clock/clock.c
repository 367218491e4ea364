/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Real time by GLib's main loop, virtual time by a heap of timers. */
#include "clock/clock.h"

#include <time.h>

struct PbxTimer {
    PbxClock *clock;
    gint64 at_ns;
    guint64 order; /* of arming: breaks ties, so that virtual runs repeat exactly */
    void (*func)(gpointer);
    gpointer data;
    PbxTimer **slot;      /* the caller's pointer, cleared when the timer is gone */
    GSource *source;      /* real only */
    GSequenceIter *place; /* virtual only */
};

struct PbxClock {
    gboolean is_virtual;
    gint64 start_ns; /* CLOCK_MONOTONIC at the start; real only */
    gint64 start_wall_ns;
    gint64 held_ns;    /* where it stands still; -1: it does not */
    gint64 virtual_ns; /* atomic enough: written by the loop's thread alone */
    guint64 armed;
    GMainContext *context;
    GSequence *timers; /* virtual only, sorted */
    GHashTable *live;  /* real only: timers that have not fired */
};

static gint64
read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (gint64)now.tv_sec * G_GINT64_CONSTANT(1000000000) + now.tv_nsec;
}

PbxClock *
clock_new_real(GMainContext *context)
{
    PbxClock *clock = g_new0(PbxClock, 1);
    clock->start_ns = read_clock(CLOCK_MONOTONIC);
    clock->start_wall_ns = read_clock(CLOCK_REALTIME);
    clock->held_ns = -1;
    clock->context = context != NULL ? g_main_context_ref(context) : NULL;
    clock->live = g_hash_table_new(NULL, NULL);
    return clock;
}

PbxClock *
clock_new_virtual(gint64 start_ns)
{
    PbxClock *clock = g_new0(PbxClock, 1);
    clock->is_virtual = TRUE;
    clock->held_ns = -1;
    clock->start_wall_ns = read_clock(CLOCK_REALTIME) - start_ns;
    clock->virtual_ns = start_ns;
    clock->timers = g_sequence_new(NULL);
    return clock;
}

static void
timer_free(PbxTimer *timer)
{
    if (timer->slot != NULL)
        *timer->slot = NULL;
    if (timer->source != NULL) {
        g_hash_table_remove(timer->clock->live, timer);
        g_source_destroy(timer->source);
        g_source_unref(timer->source);
    }
    if (timer->place != NULL)
        g_sequence_remove(timer->place);
    g_free(timer);
}

void
clock_free(PbxClock *clock)
{
    if (clock == NULL)
        return;
    if (clock->live != NULL) {
        g_autoptr(GList) timers = g_hash_table_get_keys(clock->live);
        for (GList *item = timers; item != NULL; item = item->next)
            timer_free(item->data);
        g_hash_table_unref(clock->live);
    }
    if (clock->timers != NULL) {
        while (g_sequence_get_length(clock->timers) > 0)
            timer_free(g_sequence_get(g_sequence_get_begin_iter(clock->timers)));
        g_sequence_free(clock->timers);
    }
    g_clear_pointer(&clock->context, g_main_context_unref);
    g_free(clock);
}

void
clock_continue(PbxClock *clock, gint64 from_ns)
{
    const gint64 ahead = from_ns - clock_now(clock);
    clock->start_wall_ns -= ahead;
    if (clock->is_virtual)
        clock->virtual_ns += ahead;
    else
        clock->start_ns -= ahead;
}

void
clock_hold(PbxClock *clock, gint64 at_ns)
{
    clock->held_ns = at_ns;
}

gboolean
clock_is_virtual(const PbxClock *clock)
{
    return clock->is_virtual;
}

gboolean
clock_is_still(const PbxClock *clock)
{
    return clock->is_virtual || clock->held_ns >= 0;
}

gint64
clock_now(const PbxClock *clock)
{
    if (clock->held_ns >= 0)
        return clock->held_ns;
    return clock->is_virtual ? clock->virtual_ns : read_clock(CLOCK_MONOTONIC) - clock->start_ns;
}

gint64
clock_wall(const PbxClock *clock)
{
    return clock->start_wall_ns + clock_now(clock);
}

static void
fire(PbxTimer *timer)
{
    void (*func)(gpointer) = timer->func;
    gpointer data = timer->data;
    /* Freed first: func may arm the same slot anew. */
    timer_free(timer);
    func(data);
}

static gboolean
fire_source(gpointer data)
{
    fire(data);
    return G_SOURCE_REMOVE;
}

static gint
compare_timers(gconstpointer a, gconstpointer b, gpointer user)
{
    const PbxTimer *left = a;
    const PbxTimer *right = b;
    (void)user;
    if (left->at_ns != right->at_ns)
        return left->at_ns < right->at_ns ? -1 : 1;
    return left->order < right->order ? -1 : 1;
}

void
clock_at(PbxClock *clock, gint64 at_ns, void (*func)(gpointer), gpointer data, PbxTimer **slot)
{
    PbxTimer *timer = g_new0(PbxTimer, 1);
    *timer = (PbxTimer){.clock = clock,
                        .at_ns = at_ns,
                        .order = clock->armed++,
                        .func = func,
                        .data = data,
                        .slot = slot};
    if (clock->is_virtual) {
        timer->place = g_sequence_insert_sorted(clock->timers, timer, compare_timers, NULL);
    } else {
        /* MAX looks at what it is given twice: time would pass in between. */
        const gint64 left_ns = at_ns - clock_now(clock);
        const gint64 left_ms = (MAX(left_ns, 0) + 999999) / 1000000;
        timer->source = g_timeout_source_new((guint)MIN(left_ms, G_MAXINT));
        g_source_set_callback(timer->source, fire_source, timer, NULL);
        g_source_attach(timer->source, clock->context);
        g_hash_table_add(clock->live, timer);
    }
    if (slot != NULL)
        *slot = timer;
}

void
clock_cancel(PbxTimer **timer)
{
    if (timer != NULL && *timer != NULL)
        timer_free(*timer);
}

gboolean
clock_advance(PbxClock *clock)
{
    if (!clock->is_virtual || g_sequence_get_length(clock->timers) == 0)
        return FALSE;
    PbxTimer *timer = g_sequence_get(g_sequence_get_begin_iter(clock->timers));
    clock->virtual_ns = MAX(clock->virtual_ns, timer->at_ns);
    fire(timer);
    return TRUE;
}
