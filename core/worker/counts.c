/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The auto-filled times and counts of a result: the trainable's own value, else ours. */
#include <math.h>

#include "worker/process-private.h"

static gboolean
number_of(JsonObject *fields, const char *key, double *value)
{
    JsonNode *node = fields != NULL ? json_object_get_member(fields, key) : NULL;
    return node != NULL && json_number(node, FALSE, value) && isfinite(*value) &&
           fabs(*value) < 9e18;
}

/* The total as reported; else the sum of what each report adds; else unknown still. */
static void
advance_total(gint64 *total, JsonObject *fields, const char *total_key, const char *step_key)
{
    double value;
    if (number_of(fields, total_key, &value))
        *total = (gint64)value;
    else if (number_of(fields, step_key, &value))
        *total = (*total < 0 ? 0 : *total) + (gint64)value;
}

gboolean
counts_reads(const char *name)
{
    static const char *const names[] = {
        "training_iteration",  "time_this_iter_s", "time_total_s",       "timesteps_total",
        "timesteps_this_iter", "episodes_total",   "episodes_this_iter",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_str_equal(names[i], name))
            return TRUE;
    return FALSE;
}

/* The time since the base, not a sum of many: that would gather digits that say nothing. */
static void
advance_times(PbxCounts *counts, JsonObject *fields, gint64 now_ns)
{
    double own_step, own_total;
    if (counts->base_ns == 0) {
        counts->base_s = counts->time_total_s;
        counts->base_ns = counts->last_ns;
    }
    gboolean has_step = number_of(fields, "time_this_iter_s", &own_step);
    gboolean has_total = number_of(fields, "time_total_s", &own_total);
    counts->time_this_iter_s = has_step ? own_step : (double)(now_ns - counts->last_ns) / 1e9;
    counts->last_ns = now_ns;
    if (has_total)
        counts->time_total_s = own_total;
    else if (has_step)
        counts->time_total_s += own_step;
    else
        counts->time_total_s = counts->base_s + (double)(now_ns - counts->base_ns) / 1e9;
    if (has_total || has_step) {
        counts->base_s = counts->time_total_s;
        counts->base_ns = now_ns;
    }
}

void
counts_skip(PbxCounts *counts, gint64 ns)
{
    counts->last_ns += ns;
    if (counts->base_ns != 0)
        counts->base_ns += ns;
}

void
counts_advance(PbxCounts *counts, JsonObject *fields, gint64 now_ns)
{
    double value;
    counts->iteration =
        number_of(fields, "training_iteration", &value) ? (gint64)value : counts->iteration + 1;
    advance_times(counts, fields, now_ns);
    advance_total(&counts->timesteps_total, fields, "timesteps_total", "timesteps_this_iter");
    advance_total(&counts->episodes_total, fields, "episodes_total", "episodes_this_iter");
}
