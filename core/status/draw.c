/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The block as a whole, within the lines that there are, and its plain line. */
#include <string.h>

#include "status/status-private.h"
#include "terminal/terminal.h"

#define COMPACT      30 /* fewer lines than these are few */
#define ERRORS_SHARE 4  /* of the lines that the tables have: one in so many */

/* The tables share the lines that are left, of which each takes two or three besides its rows. */
static void
put_tables(PbxBlock *block)
{
    const PbxStatusStyle *style = block->pen.style;
    guint rows = style->max_rows, errors = MIN(style->max_errors, block->status->errors->len);
    if (style->height > 0) {
        int left = style->height - block->pen.lines;
        int for_errors =
            errors > 0 && !block->compact ? MIN((int)errors + 4, MAX(left / ERRORS_SHARE, 5)) : 0;
        errors = for_errors > 4 ? (guint)for_errors - 4 : 0;
        rows = MIN(rows, (guint)MAX(left - for_errors - 3, 0));
    }
    if (rows > 0) {
        g_string_append_c(block->pen.out, '\n');
        block->pen.lines++;
        table_put(&block->pen, block->status, block->options, rows);
    }
    if (errors > 0) {
        g_string_append_c(block->pen.out, '\n');
        block->pen.lines++;
        errors_put(&block->pen, block->status, errors);
    }
}

/* What is more than the height goes. */
static void
cut_lines(GString *out, gsize from, int height)
{
    gsize at = from;
    for (int i = 0; i < height; i++) {
        const char *end = strchr(out->str + at, '\n');
        if (end == NULL)
            return;
        at = (gsize)(end - out->str) + 1;
    }
    g_string_truncate(out, at);
}

void
status_draw(const PbxStatus *status, const PbxStatusOptions *options, const PbxStatusStyle *style,
            GString *out)
{
    PbxBlock block = {
        .pen = {.out = out, .style = style},
        .status = status,
        .options = options,
        .compact = style->height > 0 && style->height < COMPACT,
    };
    gsize from = out->len;
    block_put_head(&block);
    if (style->table)
        put_tables(&block);
    if (style->height > 0)
        cut_lines(out, from, style->height);
}

void
status_draw_line(const PbxStatus *status, const PbxStatusOptions *options, GString *out)
{
    gint64 total = status_total(status, options);
    g_autofree char *name = terminal_safe(status->name);
    g_string_append_printf(out, "%s: %" G_GUINT64_FORMAT, name, status_ended(status));
    if (total >= 0)
        g_string_append_printf(out, "/%" G_GINT64_FORMAT, total);
    g_string_append(out, " trials ended");
    if (status->counts[PBX_STATE_RUNNING] > 0)
        g_string_append_printf(out, ", %" G_GUINT64_FORMAT " running",
                               status->counts[PBX_STATE_RUNNING]);
    if (status->counts[PBX_STATE_ERROR] > 0)
        g_string_append_printf(out, ", %" G_GUINT64_FORMAT " failed",
                               status->counts[PBX_STATE_ERROR]);
    const PbxStatusTrial *best = status->best;
    const char *metric = status_metric(status, options, NULL);
    if (best != NULL && metric != NULL) {
        g_autofree char *safe = terminal_safe(metric);
        g_autofree char *value = status_number_text(best->value);
        g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);
        status_add_config(status, best->config, items);
        g_string_append_printf(out, "; best %s %s (trial %" G_GUINT64_FORMAT, safe, value,
                               best->number);
        for (guint i = 0; i < items->len; i++)
            g_string_append_printf(out, "%s%s", i > 0 ? ", " : ": ", (char *)items->pdata[i]);
        g_string_append_c(out, ')');
    }
    if (status->stopping != NULL) {
        g_autofree char *text = terminal_safe(status->stopping);
        g_string_append_printf(out, "; stopping: %s", text);
    } else if (status->counts[PBX_STATE_RUNNING] == 0 && status->waits->len > 0) {
        const PbxStatusLine *line = status->waits->pdata[0];
        g_autofree char *text = terminal_safe(line->text);
        g_string_append_printf(out, "; waiting: %s", text);
    }
}
