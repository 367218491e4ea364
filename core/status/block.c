/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The block: what an experiment does, line by line. */
#include <math.h>
#include <string.h>

#include "status/status-private.h"
#include "terminal/terminal.h"
#include "json/json.h"

#define LABEL_WIDTH 11
#define BAR_CELLS   40
#define SPARK_CELLS 40
#define MIN_CELLS   4
#define LOW_MEMORY  0.9
#define GIB         1073741824.0
#define MAX_WRAPPED 3  /* lines of one thing */
#define MAX_COMPACT 2  /* ... where there are few */
#define MAX_LINES   3  /* of what a plugin says */
#define BAR_WORDS   28 /* columns behind the bar */

const char *
status_metric(const PbxStatus *status, const PbxStatusOptions *options, int *sign)
{
    if (sign != NULL)
        *sign = options->metric != NULL ? options->sign : status->sign;
    return options->metric != NULL ? options->metric : status->metric;
}

guint64
status_ended(const PbxStatus *status)
{
    return status->counts[PBX_STATE_TERMINATED] + status->counts[PBX_STATE_ERROR];
}

gint64
status_total(const PbxStatus *status, const PbxStatusOptions *options)
{
    return options->total_samples > 0 ? options->total_samples : status->total;
}

static void
put_label(PbxBlock *block, const char *label)
{
    pen_cell(&block->pen, COLOUR_DIM, label, LABEL_WIDTH - 1, FALSE);
    pen_cell(&block->pen, COLOUR_NONE, "", 1, FALSE);
}

/* Items after a label, on further lines where there is no room; the last line is cut. */
static void
put_items(PbxBlock *block, const GPtrArray *items, const char *colour)
{
    PbxPen *pen = &block->pen;
    int line = 1, most = block->compact ? MAX_COMPACT : MAX_WRAPPED;
    for (guint i = 0; i < items->len; i++) {
        gboolean last = i + 1 == items->len;
        g_autofree char *text = g_strconcat(items->pdata[i], last ? "" : ",", NULL);
        int needed = terminal_text_width(text) + 1;
        if (pen->used > LABEL_WIDTH && needed > pen_left(pen) && line < most) {
            pen_end(pen);
            put_label(block, "");
            line++;
        } else if (i > 0 && pen->used > LABEL_WIDTH) {
            pen_put(pen, COLOUR_NONE, " ");
        }
        pen_put(pen, colour, text);
    }
    pen_end(pen);
}

/* ---- Lines ---- */

static const char *
state_colour(const char *state)
{
    return g_str_equal(state, "running") ? COLOUR_GREEN
           : g_str_equal(state, "done")  ? COLOUR_BOLD
                                         : COLOUR_YELLOW;
}

static void
put_title(PbxBlock *block)
{
    PbxPen *pen = &block->pen;
    const PbxStatus *status = block->status;
    g_autofree char *name = terminal_safe(status->name);
    g_autoptr(GString) time = g_string_new(NULL);
    gboolean running = g_str_equal(status->state, "running");
    pen_put(pen, COLOUR_BOLD, name);
    pen_put(pen, COLOUR_NONE, "  ");
    pen_put(pen, state_colour(status->state), status->state);
    if (isfinite(status->elapsed_s)) {
        status_put_duration(time, status->elapsed_s, !running);
        pen_printf(pen, COLOUR_NONE, " %s%s", running ? "for " : "after ", time->str);
    }
    if (status->wall_ns > 0) {
        g_autoptr(GDateTime) now = g_date_time_new_from_unix_local(status->wall_ns / 1000000000);
        g_autofree char *text = now != NULL ? g_date_time_format(now, "%Y-%m-%d %H:%M:%S") : NULL;
        if (text != NULL && pen_left(pen) > (int)strlen(text) + 2)
            pen_printf(pen, COLOUR_DIM, "  %s", text);
    }
    pen_end(pen);
}

static void
put_bar(PbxBlock *block)
{
    static const char *const eighths[] = {"",       "\u258f", "\u258e", "\u258d",
                                          "\u258c", "\u258b", "\u258a", "\u2589"};
    PbxPen *pen = &block->pen;
    const PbxStatus *status = block->status;
    gint64 total = status_total(status, block->options);
    if (total <= 0)
        return;
    gboolean utf8 = pen->style->utf8;
    double part = MIN((double)status_ended(status) / (double)total, 1);
    int cells = CLAMP(pen_left(pen) - BAR_WORDS, 8, BAR_CELLS);
    int parts = (int)(part * cells * (utf8 ? 8 : 1)), full = utf8 ? parts / 8 : parts;
    g_autoptr(GString) done = g_string_new(NULL), rest = g_string_new(NULL);
    for (int i = 0; i < full; i++)
        g_string_append(done, utf8 ? "\u2588" : "#");
    if (utf8 && full < cells)
        g_string_append(done, eighths[parts % 8]);
    for (int i = terminal_text_width(done->str); i < cells; i++)
        g_string_append(rest, utf8 ? "\u2591" : ".");
    pen_put(pen, COLOUR_GREEN, done->str);
    pen_put(pen, COLOUR_DIM, rest->str);
    pen_printf(pen, COLOUR_NONE, " %3.0f %%", floor(part * 100));
    if (isfinite(status->left_s) && part < 1) {
        g_autoptr(GString) left = g_string_new(NULL);
        status_put_duration(left, status->left_s, FALSE);
        pen_printf(pen, COLOUR_NONE, "  %s %s left", status->over_budget ? "at most" : "about",
                   left->str);
    } else if (status->counts[PBX_STATE_RUNNING] > 0 &&
               (gint64)(status_ended(status) + status->counts[PBX_STATE_RUNNING]) >= total) {
        pen_put(pen, COLOUR_NONE, "  the last ones run");
    }
    pen_end(pen);
}

static void
put_counts(PbxBlock *block)
{
    static const guint order[] = {PBX_STATE_RUNNING, PBX_STATE_PAUSED, PBX_STATE_PENDING,
                                  PBX_STATE_TERMINATED, PBX_STATE_ERROR};
    const PbxStatus *status = block->status;
    gint64 total = status_total(status, block->options);
    guint64 all = 0;
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);
    for (gsize i = 0; i < G_N_ELEMENTS(order); i++) {
        guint64 n = status->counts[order[i]];
        all += n;
        if (n == 0)
            continue;
        g_autofree char *early =
            order[i] == PBX_STATE_TERMINATED && status->early_stopped > 0
                ? g_strdup_printf(" (%" G_GUINT64_FORMAT " stopped early)", status->early_stopped)
                : g_strdup("");
        g_ptr_array_add(items, g_strdup_printf("%" G_GUINT64_FORMAT " %s%s", n,
                                               status_state_word(order[i]), early));
    }
    put_label(block, "trials");
    pen_printf(&block->pen, COLOUR_BOLD, "%" G_GUINT64_FORMAT, status_ended(status));
    if (total >= 0)
        pen_printf(&block->pen, COLOUR_BOLD, "/%" G_GINT64_FORMAT, total);
    pen_put(&block->pen, COLOUR_NONE, total >= 0 ? " ended: " : " ended, no end set: ");
    put_items(block, items, COLOUR_NONE);
}

void
status_add_config(const PbxStatus *status, JsonNode *config, GPtrArray *items)
{
    for (char **path = status->parameters; path != NULL && *path != NULL; path++) {
        JsonNode *node = config != NULL ? json_lookup(config, *path) : NULL;
        if (node == NULL)
            continue;
        g_autofree char *safe = terminal_safe(*path);
        g_autofree char *text = status_parameter_text(status, *path, node);
        g_ptr_array_add(items, g_strdup_printf("%s=%s", safe, text));
    }
}

static void
put_best(PbxBlock *block)
{
    const PbxStatus *status = block->status;
    const PbxStatusTrial *best = status->best;
    const char *metric = status_metric(status, block->options, NULL);
    if (metric == NULL)
        return;
    put_label(block, "best");
    if (best == NULL) {
        g_autofree char *safe = terminal_safe(metric);
        pen_printf(&block->pen, COLOUR_DIM, "no %strial has reported %s yet",
                   status->constrained ? "feasible " : "", safe);
        pen_end(&block->pen);
        return;
    }
    g_autofree char *safe = terminal_safe(metric);
    g_autofree char *value = status_number_text(best->value);
    pen_printf(&block->pen, COLOUR_BOLD, "%s %s", safe, value);
    pen_printf(&block->pen, COLOUR_NONE, " by trial %" G_GUINT64_FORMAT, best->number);
    if (best->state == PBX_STATE_ERROR)
        pen_put(&block->pen, COLOUR_RED, " (failed)");
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);
    status_add_config(status, best->config, items);
    pen_put(&block->pen, COLOUR_NONE, items->len > 0 ? ": " : "");
    put_items(block, items, COLOUR_NONE);
    if (status->further != NULL && block->options->metric == NULL && !block->compact) {
        put_label(block, "");
        pen_printf(&block->pen, COLOUR_DIM,
                   "by the first of %u metrics; `pegbox best` shows the Pareto front",
                   g_strv_length(status->further) + 1);
        pen_end(&block->pen);
        return;
    }
    if (isfinite(status->ever) && status->ever != best->value && !block->compact) {
        g_autofree char *ever = status_number_text(status->ever);
        put_label(block, "");
        pen_printf(&block->pen, COLOUR_DIM,
                   "ever %s, by trial %" G_GUINT64_FORMAT " (not its last value)", ever,
                   status->ever_trial);
        pen_end(&block->pen);
    }
}

/* How the best value came to be what it is. */
static void
put_history(PbxBlock *block, const char *label)
{
    PbxPen *pen = &block->pen;
    const PbxStatus *status = block->status;
    const double *values = (const double *)(const void *)status->history->data;
    guint n = status->history->len;
    if (n < 2 || values[0] == values[n - 1])
        return;
    g_autofree char *first = status_number_text(values[0]);
    g_autofree char *last = status_number_text(values[n - 1]);
    int words = terminal_text_width(first) + terminal_text_width(last) + 6;
    int room = pen_left(pen) - LABEL_WIDTH;
    /* Where there is no room for both, the course says more than its ends. */
    gboolean ends = room - words >= MIN_CELLS;
    int cells = MIN(ends ? room - words : room, SPARK_CELLS);
    if (cells < MIN_CELLS)
        return;
    g_autoptr(GString) line = g_string_new(NULL);
    status_put_sparkline(line, values, n, cells, pen->style->utf8);
    put_label(block, label);
    pen_put(pen, COLOUR_GREEN, line->str);
    if (ends)
        pen_printf(pen, COLOUR_DIM, "  %s %s %s", first, pen->style->utf8 ? "\u2192" : "->", last);
    pen_end(pen);
}

static void
put_resources(PbxBlock *block)
{
    const PbxStatus *status = block->status;
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < status->resources->len; i++) {
        const PbxStatusResource *resource = status->resources->pdata[i];
        double unit = resource->bytes ? GIB : 1;
        g_autofree char *part = status_number_text(resource->used / unit);
        g_autofree char *whole = status_number_text(resource->total / unit);
        g_autofree char *name = terminal_safe(resource->name);
        g_ptr_array_add(items, g_strdup_printf("%s/%s %s", part, whole, name));
    }
    double used = (double)status->memory_used, total = (double)status->memory_total;
    gboolean low = total > 0 && used / total > LOW_MEMORY;
    if (total > 0) {
        char part[G_ASCII_DTOSTR_BUF_SIZE], whole[G_ASCII_DTOSTR_BUF_SIZE];
        g_ascii_formatd(part, sizeof part, "%.1f", used / GIB);
        g_ascii_formatd(whole, sizeof whole, "%.1f", total / GIB);
        g_ptr_array_add(
            items, g_strdup_printf("memory %s/%s GiB%s", part, whole, low ? " LOW MEMORY" : ""));
    }
    if (items->len == 0)
        return;
    put_label(block, "in use");
    put_items(block, items, low ? COLOUR_RED : COLOUR_NONE);
}

/* What plugins say, or reasons to wait; where there are few lines, of each the first. */
static void
put_lines(PbxBlock *block, const GPtrArray *lines, const char *colour)
{
    guint most = block->compact ? 1 : MAX_LINES, n = 0;
    for (guint i = 0; i < lines->len; i++) {
        const PbxStatusLine *line = lines->pdata[i];
        const PbxStatusLine *before = i > 0 ? lines->pdata[i - 1] : NULL;
        gboolean same = before != NULL && g_str_equal(before->label, line->label);
        n = same ? n + 1 : 1;
        if (n > most)
            continue;
        g_autofree char *label = terminal_safe(line->label);
        g_autofree char *text = terminal_safe(line->text);
        put_label(block, same ? "" : label);
        pen_put(&block->pen, colour, text);
        pen_end(&block->pen);
    }
}

/* The latest of those that failed, where there is no room for a table of them. */
static void
put_failed(PbxBlock *block)
{
    const PbxStatus *status = block->status;
    if (status->errors->len == 0)
        return;
    const PbxStatusTrial *trial = status->errors->pdata[0];
    g_autofree char *error = terminal_safe(trial->error != NULL ? trial->error : "");
    put_label(block, "failed");
    pen_printf(&block->pen, COLOUR_RED,
               "%" G_GUINT64_FORMAT " trial%s, the latest %" G_GUINT64_FORMAT ": %s",
               status->n_errors, status->n_errors == 1 ? "" : "s", trial->number, error);
    pen_end(&block->pen);
}

static void
put_dir(PbxBlock *block)
{
    const char *home = g_get_home_dir();
    gsize length = strlen(home);
    const char *dir = block->status->dir;
    gboolean below = length > 1 && strncmp(dir, home, length) == 0 && dir[length] == '/';
    g_autofree char *text = g_strconcat(below ? "~" : "", below ? dir + length : dir, NULL);
    g_autofree char *safe = terminal_safe(text);
    put_label(block, "results");
    pen_put_end(&block->pen, COLOUR_NONE, safe);
    pen_end(&block->pen);
}

/* Why it is about to end, or has ended before all was done. */
static void
put_stopping(PbxBlock *block)
{
    const PbxStatus *status = block->status;
    if (status->stopping == NULL || g_str_equal(status->stopping, status->state))
        return;
    g_autofree char *text = terminal_safe(status->stopping);
    put_label(block, g_str_equal(status->state, "running") ? "stopping" : "ended by");
    pen_put(&block->pen, COLOUR_YELLOW, text);
    pen_end(&block->pen);
}

/* ---- All of them ---- */

void
block_put_head(PbxBlock *block)
{
    gboolean last = block->pen.style->last;
    put_title(block);
    if (!last)
        put_bar(block);
    put_counts(block);
    if (!last)
        put_best(block);
    put_history(block, last ? "history" : "");
    if (!last)
        put_resources(block);
    put_lines(block, block->status->lines, COLOUR_NONE);
    if (last)
        return;
    put_lines(block, block->status->waits, COLOUR_YELLOW);
    put_stopping(block);
    if (block->compact && block->pen.style->table)
        put_failed(block);
    put_dir(block);
}
