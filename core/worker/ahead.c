/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far a run may be ahead of the driver: by so many results, and for so long. */
#include "worker/process-private.h"

#define FIRST_SIZE 16

void
ahead_clear(PbxAhead *ahead)
{
    g_clear_pointer(&ahead->at_ns, g_free);
    ahead->size = 0;
}

/* Result i stands at i % size: a power of two, which what grows must be put in anew for. */
static void
grow(PbxAhead *ahead)
{
    guint64 size = MAX(FIRST_SIZE, 2 * ahead->size);
    gint64 *at_ns = g_new(gint64, size);
    for (guint64 i = ahead->acked + 1; i <= ahead->n; i++)
        at_ns[i % size] = ahead->at_ns[i % ahead->size];
    g_free(ahead->at_ns);
    ahead->at_ns = at_ns;
    ahead->size = size;
}

void
ahead_report(PbxAhead *ahead, gint64 now_ns)
{
    if (ahead->n - ahead->acked >= ahead->size)
        grow(ahead);
    ahead->n++;
    ahead->at_ns[ahead->n % ahead->size] = now_ns;
}

void
ahead_answer(PbxAhead *ahead, guint64 n)
{
    ahead->acked = MAX(ahead->acked, MIN(n, ahead->n));
}

gboolean
ahead_must_wait(const PbxAhead *ahead, gint64 now_ns)
{
    guint64 unanswered = ahead->n - ahead->acked;
    return unanswered > ahead->window ||
           (unanswered > 0 &&
            now_ns - ahead->at_ns[(ahead->acked + 1) % ahead->size] >= ahead->max_ns);
}
