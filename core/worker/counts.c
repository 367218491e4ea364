/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The auto-filled times and counts of a result: the trainable's own value, else ours. */
#include <math.h>

#include "worker/process-private.h"

static gboolean
number_of(JsonObject *fields, const char *key, double *value)
{
    JsonNode *node = json_object_get_member(fields, key);
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

void
counts_advance(PbxCounts *counts, JsonObject *fields, gint64 now_ns)
{
    double value;
    counts->iteration =
        number_of(fields, "training_iteration", &value) ? (gint64)value : counts->iteration + 1;
    counts->time_this_iter_s = number_of(fields, "time_this_iter_s", &value)
                                   ? value
                                   : (double)(now_ns - counts->last_ns) / 1e9;
    counts->last_ns = now_ns;
    counts->time_total_s = number_of(fields, "time_total_s", &value)
                               ? value
                               : counts->time_total_s + counts->time_this_iter_s;
    advance_total(&counts->timesteps_total, fields, "timesteps_total", "timesteps_this_iter");
    advance_total(&counts->episodes_total, fields, "episodes_total", "episodes_this_iter");
}
