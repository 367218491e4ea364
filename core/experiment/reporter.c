/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a person sees while an experiment runs: on a terminal a block that is redrawn in
 * place, elsewhere a line now and then; trial output and messages go above it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "experiment/reporter-private.h"
#include "terminal/terminal.h"

#define REDRAW_NS      (NS_PER_S / 4) /* calm: at most 4 a second */
#define LINE_NS        (5 * NS_PER_S) /* Tune's max_report_frequency */
#define MAX_LINES_SIZE 65536
#define ERROR_LINES    3 /* kinds of failures, told at the end */

struct PbxReporter {
    PbxRunner *runner;
    gboolean terminal, colour;
    gboolean terminal_err; /* standard error is one too */
    guint drawn;           /* lines of the block that stand on the screen */
    GString *lines;        /* of trials and of pegbox, to be written above the next block */
    gint64 next_ns;
    char *last_line; /* a plain line is not repeated */
};

static void
put(FILE *file, const char *text)
{
    fputs(text, file);
    fflush(file);
}

PbxReporter *
reporter_new(PbxRunner *runner)
{
    PbxReporter *reporter = g_new0(PbxReporter, 1);
    reporter->runner = runner;
    const char *term = g_getenv("TERM");
    reporter->terminal = isatty(STDOUT_FILENO) && term != NULL && !g_str_equal(term, "dumb");
    reporter->terminal_err = isatty(STDERR_FILENO);
    reporter->colour = terminal_colour(STDOUT_FILENO);
    reporter->lines = g_string_new(NULL);
    return reporter;
}

void
reporter_free(PbxReporter *reporter)
{
    if (reporter == NULL)
        return;
    put(stdout, reporter->lines->str);
    g_string_free(reporter->lines, TRUE);
    g_free(reporter->last_line);
    g_free(reporter);
}

/* Lines over what stands on the screen: each takes away what is left of an old one. */
static guint
put_lines(GString *out, const char *text)
{
    guint n = 0;
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1, n++) {
        g_string_append_len(out, text, end - text);
        g_string_append(out, "\033[K\n");
    }
    return n;
}

/* The lines that have come since, and below them the block, in one piece: it never flickers.
 * The screen is not erased as a whole: tmux would keep a copy of it each time. */
static void
draw(PbxReporter *reporter)
{
    g_autoptr(GString) out = g_string_new(NULL);
    if (reporter->drawn > 0)
        g_string_append_printf(out, "\033[%uA\r", reporter->drawn);
    put_lines(out, reporter->lines->str);
    g_string_truncate(reporter->lines, 0);
    g_autoptr(GString) block = g_string_new(NULL);
    /* The last column stays free: some terminals wrap there. */
    status_block(reporter->runner, terminal_width() - 1, terminal_height() - 1, reporter->colour,
                 block);
    reporter->drawn = put_lines(out, block->str);
    g_string_append(out, "\033[J");
    put(stdout, out->str);
}

static void
say_line(PbxReporter *reporter)
{
    g_autoptr(GString) line = g_string_new(NULL);
    status_line(reporter->runner, line);
    if (g_strcmp0(line->str, reporter->last_line) == 0)
        return;
    g_free(reporter->last_line);
    reporter->last_line = g_strdup(line->str);
    g_string_append_c(line, '\n');
    put(stdout, line->str);
}

void
reporter_tick(PbxReporter *reporter)
{
    gint64 now = clock_now(reporter->runner->clock);
    if (now < reporter->next_ns)
        return;
    reporter->next_ns = now + (reporter->terminal ? REDRAW_NS : LINE_NS);
    if (reporter->terminal)
        draw(reporter);
    else
        say_line(reporter);
}

/* Writes a line; where a block stands, above it, with the next one. */
static void
above(PbxReporter *reporter, FILE *file, const char *line)
{
    if (reporter->drawn == 0 || (file == stderr && !reporter->terminal_err)) {
        put(file, line);
        return;
    }
    g_string_append(reporter->lines, line);
    if (reporter->lines->len > MAX_LINES_SIZE)
        draw(reporter);
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
    g_autofree char *line =
        g_strdup_printf("pegbox: %s: %s\n", level >= PBX_LOG_ERROR ? "error" : "warning", safe);
    above(reporter, stderr, line);
}

/* Where no trial got far: what the first one said, if that is more than its failure's line. */
static void
say_first_words(const PbxRunner *runner)
{
    if (runner->any_report || runner->first_words == NULL ||
        strchr(runner->first_words, '\n') == NULL)
        return;
    g_auto(GStrv) lines = g_strsplit(runner->first_words, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        g_autofree char *text = terminal_safe(*line);
        fprintf(stderr, "  %s\n", text);
    }
}

/* Each failed trial in one line, with the end of its stderr, as far as they differ. */
static void
say_failures(PbxReporter *reporter)
{
    const PbxRunner *runner = reporter->runner;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    guint more = 0;
    for (guint i = 0; i < runner->trials->len; i++) {
        const PbxTrial *trial = runner->trials->pdata[i];
        if (trial->row.state != PBX_STATE_ERROR || trial->row.error == NULL)
            continue;
        if (g_hash_table_size(seen) >= ERROR_LINES || !g_hash_table_add(seen, trial->row.error)) {
            more++;
            continue;
        }
        g_autofree char *text = terminal_safe(trial->row.error);
        g_autofree char *name = terminal_safe(trial->row.name);
        fprintf(stderr, "pegbox: trial %s failed: %s\n", name, text);
        if (g_hash_table_size(seen) == 1)
            say_first_words(runner);
    }
    if (more > 0)
        fprintf(stderr, "pegbox: %u more trial%s failed; `pegbox trials` has why\n", more,
                more == 1 ? "" : "s");
    fflush(stderr);
}

void
reporter_finish(PbxReporter *reporter, PbxExperimentEnd end)
{
    if (reporter->terminal) {
        draw(reporter);
        reporter->drawn = 0;
        put(stdout, "\n");
    }
    say_failures(reporter);
    g_autoptr(GString) out = g_string_new(NULL);
    status_summary(reporter->runner, end, out);
    put(stdout, out->str);
}
