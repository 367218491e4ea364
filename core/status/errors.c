/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of trials that failed: why, and where the whole of it stands. */
#include "status/status-private.h"
#include "terminal/terminal.h"

#define GAP      2
#define LEAST    20 /* columns of an error's text, so that its file can stand beside it */
#define MAX_NAME 32

typedef struct {
    int name, failures, error, file; /* widths; file 0: it stands below */
} PbxErrorWidths;

static int
widest(int least, const char *text)
{
    g_autofree char *safe = terminal_safe(text != NULL ? text : "");
    return MAX(least, terminal_text_width(safe));
}

static PbxErrorWidths
fit(const PbxStatus *status, guint n, int width)
{
    PbxErrorWidths widths = {(int)sizeof "failed trial" - 1, (int)sizeof "failures" - 1, 5, 10};
    for (guint i = 0; i < n; i++) {
        const PbxStatusTrial *trial = status->errors->pdata[i];
        widths.name = widest(widths.name, trial->name);
        widths.error = widest(widths.error, trial->error);
        widths.file = widest(widths.file, trial->error_file);
    }
    widths.name = MIN(widths.name, MAX_NAME);
    int left = width - widths.name - widths.failures - 2 * GAP;
    int beside = left - widths.file - GAP;
    if (beside >= MIN(widths.error, LEAST)) {
        widths.error = MIN(widths.error, beside);
    } else {
        widths.error = MAX(MIN(widths.error, left), 0);
        widths.file = 0;
    }
    return widths;
}

static void
put_row(PbxPen *pen, const PbxErrorWidths *widths, const char *colour, const char *const texts[4])
{
    const int all[] = {widths->name, widths->failures, widths->error, widths->file};
    for (gsize i = 0; i < G_N_ELEMENTS(all) && all[i] > 0; i++) {
        if (i > 0)
            pen_cell(pen, COLOUR_NONE, "", GAP, FALSE);
        pen_cell(pen, colour, texts[i], all[i], i == 1);
    }
    pen_end(pen);
}

void
errors_put(PbxPen *pen, const PbxStatus *status, guint limit)
{
    guint n = MIN(status->errors->len, limit);
    if (n == 0)
        return;
    PbxErrorWidths widths = fit(status, n, pen_left(pen));
    put_row(pen, &widths, COLOUR_BOLD,
            (const char *const[]){"failed trial", "failures", "error", "error file"});
    for (guint i = 0; i < n; i++) {
        const PbxStatusTrial *trial = status->errors->pdata[i];
        g_autofree char *name = terminal_safe(trial->name);
        g_autofree char *failures = g_strdup_printf("%u", trial->failures);
        g_autofree char *error = terminal_safe(trial->error != NULL ? trial->error : "");
        g_autofree char *file = terminal_safe(trial->error_file != NULL ? trial->error_file : "");
        put_row(pen, &widths, COLOUR_RED, (const char *const[]){name, failures, error, file});
    }
    const PbxStatusTrial *latest = status->errors->pdata[0];
    if (widths.file == 0 && latest->error_file != NULL) {
        g_autofree char *file = terminal_safe(latest->error_file);
        pen_put(pen, COLOUR_NONE, "  ");
        pen_put_end(pen, COLOUR_DIM, file);
        pen_end(pen);
    }
    if (status->n_errors > n) {
        pen_printf(pen, COLOUR_DIM, "... %" G_GUINT64_FORMAT " more failed", status->n_errors - n);
        pen_end(pen);
    }
}
