/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows in memory: freeing, copying, and the words for the ABI's numbers. */
#include <string.h>

#include "store/store-private.h"

void
trial_row_clear(PbxTrialRow *row)
{
    g_free(row->id);
    g_free(row->name);
    g_free(row->tag);
    g_free(row->dir);
    g_free(row->config);
    g_free(row->x);
    g_free(row->extra);
    g_free(row->reason);
    g_free(row->error);
    g_free(row->source);
    memset(row, 0, sizeof *row);
}

void
trial_row_free(PbxTrialRow *row)
{
    if (row == NULL)
        return;
    trial_row_clear(row);
    g_free(row);
}

PbxTrialRow *
trial_row_copy(const PbxTrialRow *row)
{
    PbxTrialRow *copy = g_memdup2(row, sizeof *row);
    copy->id = g_strdup(row->id);
    copy->name = g_strdup(row->name);
    copy->tag = g_strdup(row->tag);
    copy->dir = g_strdup(row->dir);
    copy->config = g_strdup(row->config);
    copy->x = g_memdup2(row->x, row->n_dims * sizeof *row->x);
    copy->extra = g_strdup(row->extra);
    copy->reason = g_strdup(row->reason);
    copy->error = g_strdup(row->error);
    copy->source = g_strdup(row->source);
    return copy;
}

void
attempt_row_clear(PbxAttemptRow *row)
{
    g_free(row->hostname);
    g_free(row->node_ip);
    g_free(row->error);
    memset(row, 0, sizeof *row);
}

void
result_row_clear(PbxResultRow *row)
{
    g_free(row->fields);
    memset(row, 0, sizeof *row);
}

void
result_row_free(PbxResultRow *row)
{
    if (row == NULL)
        return;
    result_row_clear(row);
    g_free(row);
}

static const char *
word_at(const char *const *words, guint i)
{
    return i < g_strv_length((char **)words) ? words[i] : NULL;
}

const char *
store_state_name(guint state)
{
    return word_at(store_states, state);
}

const char *
store_end_name(int end)
{
    return end >= 0 ? word_at(store_ends, (guint)end) : NULL;
}

const char *
store_action_name(guint action)
{
    return word_at(store_actions, action);
}
