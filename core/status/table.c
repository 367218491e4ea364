/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables: columns as wide as they need, and as many as there is room for. */
#include <string.h>

#include "status/status-private.h"
#include "terminal/terminal.h"

#define GAP       2
#define MAX_WHOLE 32 /* of a cell that is not to be cut */

PbxStatusColumn *
column_new(const char *title, gboolean right, guint rank)
{
    PbxStatusColumn *column = g_new0(PbxStatusColumn, 1);
    column->title = g_strdup(title);
    column->right = right;
    column->rank = rank;
    column->cells = g_ptr_array_new_with_free_func(g_free);
    return column;
}

void
column_free(gpointer data)
{
    PbxStatusColumn *column = data;
    g_free(column->title);
    g_ptr_array_unref(column->cells);
    g_free(column);
}

/* Titles and texts give way to the cap, numbers do not. */
static void
set_width(PbxStatusColumn *column, int cap)
{
    int title = terminal_text_width(column->title), cells = 1;
    for (guint i = 0; i < column->cells->len; i++)
        cells = MAX(cells, terminal_text_width(column->cells->pdata[i]));
    if (column->right || column->whole)
        column->width = MIN(MAX(cells, MIN(title, cap)), MAX_WHOLE);
    else
        column->width = MIN(MAX(cells, title), cap);
}

static int
total_width(const GPtrArray *columns, int cap)
{
    int width = 0;
    for (guint i = 0; i < columns->len; i++) {
        PbxStatusColumn *column = columns->pdata[i];
        if (column->hidden)
            continue;
        set_width(column, cap);
        width += column->width + (width > 0 ? GAP : 0);
    }
    return width;
}

/* The one to be hidden next: of the greatest rank the last. */
static PbxStatusColumn *
least_dear(const GPtrArray *columns)
{
    PbxStatusColumn *found = NULL;
    for (guint i = 0; i < columns->len; i++) {
        PbxStatusColumn *column = columns->pdata[i];
        if (!column->hidden && (found == NULL || column->rank >= found->rank))
            found = column;
    }
    return found;
}

guint
columns_fit(GPtrArray *columns, int width)
{
    static const int caps[] = {24, 16, 12, 8};
    for (guint hidden = 0;; hidden++) {
        PbxStatusColumn *next = least_dear(columns);
        if (next == NULL)
            return hidden;
        /* What is dear is cut before it is hidden. */
        gsize n = next->rank > RANK_NAME ? 2 : G_N_ELEMENTS(caps);
        for (gsize i = 0; i < n; i++)
            if (total_width(columns, caps[i]) <= width)
                return hidden;
        if (columns->len - hidden <= 1)
            return hidden;
        next->hidden = TRUE;
    }
}

void
columns_put_row(PbxPen *pen, const GPtrArray *columns, int row, const char *colour)
{
    gboolean first = TRUE;
    for (guint i = 0; i < columns->len; i++) {
        const PbxStatusColumn *column = columns->pdata[i];
        if (column->hidden)
            continue;
        if (!first)
            pen_cell(pen, COLOUR_NONE, "", GAP, FALSE);
        first = FALSE;
        pen_cell(pen, colour, row < 0 ? column->title : column->cells->pdata[row], column->width,
                 column->right);
    }
    pen_end(pen);
}

/* ---- Trials ---- */

static const char *
row_colour(const PbxStatus *status, const PbxStatusTrial *trial)
{
    if (status->best != NULL && status->best->number == trial->number)
        return COLOUR_BOLD;
    return trial->state == PBX_STATE_ERROR       ? COLOUR_RED
           : trial->state == PBX_STATE_RUNNING   ? COLOUR_GREEN
           : trial->state == PBX_STATE_PENDING   ? COLOUR_DIM
           : trial->end == PBX_END_EARLY_STOPPED ? COLOUR_DIM
           : trial->end == PBX_END_VOID          ? COLOUR_DIM
                                                 : COLOUR_NONE;
}

/* "... 5 more trials not shown (2 RUNNING, 3 ERROR)" */
static void
put_more(PbxPen *pen, const PbxStatus *status, const guint shown[PBX_N_STATES], guint hidden)
{
    static const guint by_name[] = {PBX_STATE_ERROR, PBX_STATE_PAUSED, PBX_STATE_PENDING,
                                    PBX_STATE_RUNNING, PBX_STATE_TERMINATED};
    g_autoptr(GString) states = g_string_new(NULL);
    guint64 more = 0;
    for (gsize i = 0; i < G_N_ELEMENTS(by_name); i++) {
        guint64 left = status->counts[by_name[i]] > shown[by_name[i]]
                           ? status->counts[by_name[i]] - shown[by_name[i]]
                           : 0;
        more += left;
        if (left > 0)
            g_string_append_printf(states, "%s%" G_GUINT64_FORMAT " %s",
                                   states->len > 0 ? ", " : "", left,
                                   status_state_word(by_name[i]));
    }
    if (more > 0)
        pen_printf(pen, COLOUR_DIM, "... %" G_GUINT64_FORMAT " more trial%s not shown (%s)", more,
                   more == 1 ? "" : "s", states->str);
    if (hidden > 0)
        pen_printf(pen, COLOUR_DIM, "%s%u more column%s", more > 0 ? "; " : "... ", hidden,
                   hidden == 1 ? "" : "s");
    if (more > 0 || hidden > 0)
        pen_end(pen);
}

void
table_put(PbxPen *pen, const PbxStatus *status, const PbxStatusOptions *options, guint limit)
{
    guint shown[PBX_N_STATES];
    g_autoptr(GPtrArray) trials = trials_shown(status, options, limit, shown);
    if (trials->len == 0)
        return;
    g_autoptr(GPtrArray) columns = trial_columns(status, options, trials);
    guint hidden = columns_fit(columns, pen_left(pen));
    columns_put_row(pen, columns, -1, COLOUR_BOLD);
    for (guint i = 0; i < trials->len; i++)
        columns_put_row(pen, columns, (int)i, row_colour(status, trials->pdata[i]));
    put_more(pen, status, shown, hidden);
}
