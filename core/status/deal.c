/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which trials a table shows where it cannot show all. */
#include "status/status-private.h"

/* By name, as Tune deals; the rows themselves stand in another order. */
static const guint by_name[PBX_N_STATES] = {
    PBX_STATE_ERROR, PBX_STATE_PAUSED, PBX_STATE_PENDING, PBX_STATE_RUNNING, PBX_STATE_TERMINATED,
};
static const guint by_row[PBX_N_STATES] = {
    PBX_STATE_RUNNING, PBX_STATE_PAUSED, PBX_STATE_PENDING, PBX_STATE_TERMINATED, PBX_STATE_ERROR,
};

void
status_deal(const guint have[PBX_N_STATES], guint limit, guint rows[PBX_N_STATES])
{
    guint dealt = 0;
    gboolean more = TRUE;
    for (gsize i = 0; i < PBX_N_STATES; i++)
        rows[i] = 0;
    while (more) {
        more = FALSE;
        for (gsize i = 0; i < PBX_N_STATES && dealt < limit; i++) {
            guint state = by_name[i];
            if (rows[state] == have[state])
                continue;
            rows[state]++;
            dealt++;
            more = TRUE;
        }
    }
}

/* Those that have begun stand first. */
static guint
n_begun(const GPtrArray *pending)
{
    guint n = 0;
    while (n < pending->len && ((const PbxStatusTrial *)pending->pdata[n])->attempts > 0)
        n++;
    return n;
}

/* The rows that are left to PENDING trials. */
static void
deal_rest(const guint have[PBX_N_STATES], guint limit, guint rows[PBX_N_STATES])
{
    guint dealt = 0;
    for (gsize i = 0; i < PBX_N_STATES; i++)
        dealt += rows[i];
    while (dealt++ < limit && rows[PBX_STATE_PENDING] < have[PBX_STATE_PENDING])
        rows[PBX_STATE_PENDING]++;
}

static int
compare_numbers(gconstpointer a, gconstpointer b)
{
    const PbxStatusTrial *one = *(PbxStatusTrial *const *)a, *two = *(PbxStatusTrial *const *)b;
    return (one->number > two->number) - (one->number < two->number);
}

GPtrArray *
trials_shown(const PbxStatus *status, const PbxStatusOptions *options, guint limit,
             guint shown[PBX_N_STATES])
{
    guint have[PBX_N_STATES], pending = status->rows[PBX_STATE_PENDING]->len;
    for (gsize i = 0; i < PBX_N_STATES; i++)
        have[i] = status->rows[i]->len;
    /* Where even the usual rows have no room, what has not begun gives way. */
    if (limit < options->max_progress_rows)
        have[PBX_STATE_PENDING] = n_begun(status->rows[PBX_STATE_PENDING]);
    status_deal(have, limit, shown);
    have[PBX_STATE_PENDING] = pending;
    deal_rest(have, limit, shown);
    GPtrArray *trials = g_ptr_array_new();
    for (gsize i = 0; i < PBX_N_STATES; i++) {
        guint state = by_row[i];
        g_autoptr(GPtrArray) some = g_ptr_array_new();
        for (guint j = 0; j < shown[state]; j++)
            g_ptr_array_add(some, status->rows[state]->pdata[j]);
        /* The latest of those that ended, but the oldest of them above. */
        if (state != PBX_STATE_TERMINATED || !options->sort_by_metric)
            g_ptr_array_sort(some, compare_numbers);
        g_ptr_array_extend(trials, some, NULL, NULL);
    }
    return trials;
}
