/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which checkpoints may go. */
#include <math.h>

#include "experiment/retention-private.h"

/* ---- Of one trial ---- */

/* How many come before it: better ones, and newer ones that are as good. */
static guint64
rank(const PbxKept *kept, gsize n, gsize of)
{
    guint64 before = 0;
    for (gsize i = 0; i < n; i++) {
        if (i == of || !isfinite(kept[i].score))
            continue;
        before += kept[i].score > kept[of].score || (kept[i].score == kept[of].score && i > of);
    }
    return before;
}

void
retention_of_trial(PbxKept *kept, gsize n, guint64 keep)
{
    for (gsize i = 0; keep > 0 && i + 1 < n; i++)
        kept[i].goes = !kept[i].needed && (!isfinite(kept[i].score) || rank(kept, n, i) >= keep);
}

/* ---- Of the experiment ---- */

/* Of the newest ones of trials that are over. NaN is worse than all else. */
static int
compare_losses(const PbxKept *a, const PbxKept *b)
{
    if (isnan(a->loss) || isnan(b->loss))
        return isnan(b->loss) - isnan(a->loss);
    return a->loss > b->loss ? -1 : a->loss < b->loss;
}

static int
compare_ages(gconstpointer first, gconstpointer second)
{
    const PbxKept *a = *(const PbxKept *const *)first, *b = *(const PbxKept *const *)second;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* The worst trial's first. */
static int
compare_trials(gconstpointer first, gconstpointer second)
{
    const int order =
        compare_losses(*(const PbxKept *const *)first, *(const PbxKept *const *)second);
    return order != 0 ? order : compare_ages(first, second);
}

/* The trial with the least loss, ended or not; of equal ones the first. */
static guint64
best_trial(const PbxKept *kept, gsize n)
{
    const PbxKept *best = NULL;
    for (gsize i = 0; i < n; i++)
        if (!isnan(kept[i].loss) && (best == NULL || kept[i].loss < best->loss ||
                                     (kept[i].loss == best->loss && kept[i].trial < best->trial)))
            best = &kept[i];
    return best != NULL ? best->trial : G_MAXUINT64;
}

static guint64
drop(GPtrArray *order, guint64 bytes, guint64 max_bytes)
{
    for (guint i = 0; i < order->len && bytes > max_bytes; i++) {
        PbxKept *kept = order->pdata[i];
        kept->goes = TRUE;
        bytes -= kept->bytes;
    }
    return bytes;
}

guint64
retention_of_all(PbxKept *kept, gsize n, guint64 max_bytes)
{
    g_autoptr(GPtrArray) older = g_ptr_array_new();
    g_autoptr(GPtrArray) last = g_ptr_array_new();
    g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
    const guint64 best = best_trial(kept, n);
    guint64 bytes = 0;
    for (gsize i = n; i-- > 0;) {
        if (kept[i].goes)
            continue;
        bytes += kept[i].bytes;
        const gboolean newest = g_hash_table_add(seen, &kept[i].trial);
        if (!kept[i].needed && (!newest || (kept[i].over && kept[i].trial != best)))
            g_ptr_array_add(newest ? last : older, &kept[i]);
    }
    g_ptr_array_sort(older, compare_ages);
    g_ptr_array_sort(last, compare_trials);
    bytes = drop(older, bytes, max_bytes);
    return drop(last, bytes, max_bytes);
}
