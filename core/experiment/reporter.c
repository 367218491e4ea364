/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a person sees while an experiment runs: on a terminal a block that is redrawn in
 * place, elsewhere a line now and then; trial output and messages go above it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "experiment/reporter-private.h"
#include "status/screen.h"
#include "terminal/terminal.h"

#define REDRAW_NS (NS_PER_S / 4) /* calm: at most 4 a second */
#define STORE_NS  NS_PER_S
#define QUIET_NS  (5 * NS_PER_S) /* ... where nothing but the clock has changed */

struct PbxReporter {
    PbxRunner *runner;
    gboolean terminal, colour;
    gboolean terminal_err; /* standard error is one too */
    /* How much is said: --verbose, and what the reporter's options make of it. */
    gboolean quiet, tables, tells, tells_whole, all_at_end;
    PbxStatus *status; /* as it was shown last; NULL: not yet */
    PbxScreen *screen;
    gint64 next_ns, store_ns; /* when it is redrawn, and stored, next */
    gint64 stored_ns;         /* when it was stored last */
    char *last_line;          /* a plain line is not repeated */
    char *stored;             /* what of it lasts, as the store has it */
};

static void
put(FILE *file, const char *text)
{
    fputs(text, file);
    fflush(file);
}

/* Unset: the table where it can be redrawn, one line now and then where not. */
static void
set_verbosity(PbxReporter *reporter, int verbose)
{
    int tables = reporter->runner->report->tables;
    reporter->quiet = verbose == 0;
    reporter->tells = verbose >= 2;
    reporter->tells_whole = verbose >= 3;
    reporter->all_at_end = verbose >= 2;
    reporter->tables = tables >= 0 ? tables : verbose < 0 ? reporter->terminal : verbose >= 3;
}

PbxReporter *
reporter_new(PbxRunner *runner)
{
    PbxReporter *reporter = g_new0(PbxReporter, 1);
    reporter->runner = runner;
    const char *term = g_getenv("TERM");
    /* With `local`, programs have the terminal for themselves. */
    reporter->terminal =
        isatty(STDOUT_FILENO) && term != NULL && !g_str_equal(term, "dumb") && !runner->spec->local;
    reporter->terminal_err = isatty(STDERR_FILENO);
    reporter->colour = terminal_colour(STDOUT_FILENO);
    reporter->screen = screen_new();
    set_verbosity(reporter, runner->spec->verbose);
    return reporter;
}

void
reporter_free(PbxReporter *reporter)
{
    if (reporter == NULL)
        return;
    screen_free(reporter->screen);
    status_free(reporter->status);
    g_free(reporter->last_line);
    g_free(reporter->stored);
    g_free(reporter);
}

/* ---- The block ---- */

/* On a terminal the last column stays free, as some wrap there, and the last line. */
static PbxStatusStyle
style_of(const PbxReporter *reporter)
{
    const PbxStatusOptions *options = reporter->runner->report;
    gboolean tty = isatty(STDOUT_FILENO), columns = g_getenv("COLUMNS") != NULL;
    return (PbxStatusStyle){
        .width = tty       ? terminal_width() - 1
                 : columns ? terminal_width()
                           : 0,
        .height = reporter->terminal ? terminal_height() - 1 : 0,
        .colour = reporter->colour,
        .utf8 = g_get_charset(NULL),
        .table = reporter->tables,
        .max_rows = options->max_progress_rows,
        .max_errors = options->max_error_rows,
    };
}

static void
refresh(PbxReporter *reporter, PbxStatusRows rows)
{
    PbxStatus *status =
        status_of_runner(reporter->runner, reporter->runner->report, reporter->status, rows);
    status_free(reporter->status);
    reporter->status = status;
}

static void
draw(PbxReporter *reporter)
{
    PbxStatusStyle style = style_of(reporter);
    g_autoptr(GString) block = g_string_new(NULL);
    status_draw(reporter->status, reporter->runner->report, &style, block);
    screen_draw(reporter->screen, block->str, style.width + 1);
}

/* What goes to a pipe: one line, or the block where tables are asked for. */
static void
say(PbxReporter *reporter)
{
    g_autoptr(GString) text = g_string_new(NULL);
    status_draw_line(reporter->status, reporter->runner->report, text);
    if (g_strcmp0(text->str, reporter->last_line) == 0)
        return;
    g_free(reporter->last_line);
    reporter->last_line = g_strdup(text->str);
    g_string_append_c(text, '\n');
    if (reporter->tables) {
        PbxStatusStyle style = style_of(reporter);
        g_string_truncate(text, 0);
        status_draw(reporter->status, reporter->runner->report, &style, text);
        g_string_append_c(text, '\n');
    }
    put(stdout, text->str);
}

void
reporter_tick(PbxReporter *reporter)
{
    gint64 now = clock_now(reporter->runner->clock);
    double seconds = reporter->runner->report->max_report_frequency;
    tally_sample(reporter->runner->tally);
    if (reporter->runner->fatal == NULL)
        reporter_store(reporter, REPORTER_TICK);
    if (reporter->quiet || reporter->runner->spec->local || now < reporter->next_ns)
        return;
    reporter->next_ns =
        now + (reporter->terminal ? REDRAW_NS : MAX((gint64)(seconds * NS_PER_S), REDRAW_NS));
    refresh(reporter, reporter->tables ? STATUS_ROWS : STATUS_HEAD);
    if (reporter->terminal)
        draw(reporter);
    else
        say(reporter);
}

/* ---- Lines ---- */

/* Writes a line; where a block stands, above it, with the next one. */
static void
above(PbxReporter *reporter, FILE *file, const char *line)
{
    if (file == stderr && !reporter->terminal_err)
        put(file, line);
    else if (!screen_add_line(reporter->screen, line))
        put(file, line);
}

void
reporter_line(PbxReporter *reporter, const PbxTrial *trial, gboolean is_stderr, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_autofree char *safe = terminal_safe(valid);
    g_autofree char *name = terminal_safe(trial != NULL ? trial->row.name : "");
    g_autofree char *line = g_strdup_printf("(%s) %s\n", name, safe);
    above(reporter, is_stderr ? stderr : stdout, line);
}

void
reporter_message(PbxReporter *reporter, int level, const char *text)
{
    g_autofree char *safe = terminal_safe(text);
    g_autofree char *line = g_strdup_printf("pegbox: %s: %s\n", runner_level_name(level), safe);
    above(reporter, stderr, line);
}

/* At most one a trial in max_report_frequency; its end is always told. */
void
reporter_result(PbxReporter *reporter, PbxTrial *trial)
{
    if (reporter == NULL || !reporter->tells)
        return;
    gint64 now = clock_now(reporter->runner->clock);
    double seconds = reporter->runner->report->max_report_frequency;
    if (trial->told_ns > 0 && now - trial->told_ns < (gint64)(seconds * NS_PER_S))
        return;
    trial->told_ns = MAX(now, 1);
    g_autoptr(GString) text = g_string_new(NULL);
    told_result(reporter->runner, trial, reporter->tells_whole, FALSE, text);
    above(reporter, stdout, text->str);
}

void
reporter_ended(PbxReporter *reporter, PbxTrial *trial)
{
    if (reporter == NULL || !reporter->tells || trial->row.state == PBX_STATE_ERROR ||
        trial->row.attempts == 0)
        return;
    g_autoptr(GString) text = g_string_new(NULL);
    told_result(reporter->runner, trial, reporter->tells_whole, TRUE, text);
    above(reporter, stdout, text->str);
}

void
reporter_failed(PbxReporter *reporter, PbxTrial *trial, const char *message, gboolean again)
{
    if (reporter == NULL || !reporter->tells)
        return;
    g_autoptr(GString) text = g_string_new(NULL);
    told_failure(trial, message, again, text);
    above(reporter, stdout, text->str);
}

/* ---- For those who look from elsewhere ---- */

/* What of it would be worth a commit of its own. */
static char *
lasting(JsonNode *live)
{
    static const char *const passing[] = {"at_ns", "left_s", "memory_used", "history"};
    g_autoptr(JsonNode) copy = json_clone(live);
    for (gsize i = 0; i < G_N_ELEMENTS(passing); i++)
        json_object_remove_member(json_node_get_object(copy), passing[i]);
    return json_to_text(copy);
}

void
reporter_store(PbxReporter *reporter, PbxReporterWhen when)
{
    if (reporter == NULL)
        return;
    PbxRunner *runner = reporter->runner;
    gint64 time = clock_now(runner->clock);
    if (when != REPORTER_LAST && time < reporter->store_ns)
        return;
    reporter->store_ns = time + STORE_NS;
    g_autoptr(PbxStatus) status = status_of_runner(runner, runner->report, NULL, STATUS_LIVE);
    g_autoptr(JsonNode) live = status_live(status);
    g_autofree char *key = lasting(live);
    if (when == REPORTER_TICK) {
        if (g_strcmp0(key, reporter->stored) == 0 && time < reporter->stored_ns + QUIET_NS)
            return;
        runner_touch(runner);
    }
    if (!store_in_transaction(runner->store))
        return;
    g_free(reporter->stored);
    reporter->stored = g_steal_pointer(&key);
    reporter->stored_ns = time;
    g_autofree char *text = json_to_text(live);
    g_autoptr(GError) error = NULL;
    /* A view: the run does not depend on it. What is wrong with the store the commit tells. */
    (void)store_put_fact(runner->store, "live", text, &error);
    /* How long it has been driven: where the clock of the next driver goes on. */
    g_autofree char *clock = g_strdup_printf("%" G_GINT64_FORMAT, time);
    if (error == NULL)
        (void)store_put_fact(runner->store, RESUME_CLOCK, clock, &error);
}

/* ---- The end ---- */

void
reporter_finish(PbxReporter *reporter, PbxExperimentEnd end)
{
    PbxStatusStyle style = style_of(reporter);
    g_autoptr(GString) text = g_string_new(NULL);
    style.last = TRUE;
    if (reporter->all_at_end && !reporter->quiet) {
        refresh(reporter, STATUS_ALL);
        style.table = TRUE;
        style.height = 0;
        style.max_rows = style.max_errors = G_MAXUINT;
        status_draw(reporter->status, reporter->runner->report, &style, text);
    } else if (reporter->terminal && !reporter->quiet) {
        refresh(reporter, reporter->tables ? STATUS_ROWS : STATUS_HEAD);
        style.max_errors = 0;
        status_draw(reporter->status, reporter->runner->report, &style, text);
    }
    screen_end(reporter->screen, text->str, style.width + 1);
    if (text->len > 0)
        put(stdout, "\n");
    g_string_truncate(text, 0);
    status_failures(reporter->runner, text);
    put(stderr, text->str);
    if (reporter->quiet)
        return;
    g_string_truncate(text, 0);
    status_summary(reporter->runner, end, text);
    put(stdout, text->str);
}
