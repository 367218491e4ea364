/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of the status block, of its plain line and of the summary. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiment/reporter-private.h"
#include "terminal/terminal.h"

#define MAX_PARAMETERS 12 /* columns of the table */
#define MIN_CELL       4
#define MAX_CELL       14

/* ---- Values for people ---- */

void
status_put_duration(GString *out, double seconds)
{
    guint64 whole = (guint64)MAX(seconds, 0);
    if (seconds < 60)
        g_string_append_printf(out, "%.1f s", MAX(seconds, 0));
    else if (whole < 3600)
        g_string_append_printf(out, "%02u:%02u", (guint)(whole / 60), (guint)(whole % 60));
    else
        g_string_append_printf(out, "%" G_GUINT64_FORMAT ":%02u:%02u", whole / 3600,
                               (guint)(whole / 60 % 60), (guint)(whole % 60));
}

static char *
number_text(double value)
{
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];
    if (isnan(value))
        return g_strdup("-");
    return g_strdup(g_ascii_formatd(buffer, sizeof buffer, "%.5g", value));
}

/* A config value in few columns: numbers rounded, texts made harmless. */
static char *
value_text(JsonNode *node)
{
    double value;
    if (node == NULL)
        return g_strdup("");
    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_DOUBLE &&
        json_number(node, FALSE, &value))
        return number_text(value);
    g_autofree char *text = template_value_text(node);
    return terminal_safe(text);
}

static const char *
state_word(const PbxTrial *trial)
{
    static const char *const words[] = {"PENDING", "RUNNING", "PAUSED", "TERMINATED", "ERROR"};
    if (trial->row.end == PBX_END_EARLY_STOPPED)
        return "STOPPED";
    return words[trial->row.state];
}

const PbxTrial *
status_best(const PbxRunner *runner)
{
    const PbxTrial *best = NULL;
    if (runner->spec->metrics[0] == NULL)
        return NULL;
    int sign = runner->spec->signs[0];
    for (guint i = 0; i < runner->trials->len; i++) {
        const PbxTrial *trial = runner->trials->pdata[i];
        if (!isfinite(trial->row.value) || trial->row.feasible == FEASIBLE_NO)
            continue;
        if (best == NULL || sign * trial->row.value < sign * best->row.value)
            best = trial;
    }
    return best;
}

static JsonNode *
config_of(const PbxTrial *trial)
{
    if (trial->config != NULL)
        return json_node_ref(trial->config);
    return json_read(trial->row.config, strlen(trial->row.config), DOC_MAX_NESTING, NULL);
}

/* ": lr=0.01, layers[0]=64": what varies. */
static void
put_config(GString *out, const PbxRunner *runner, const PbxTrial *trial)
{
    g_autoptr(JsonNode) config = config_of(trial);
    const char *separator = ": ";
    for (const char *const *path = space_varied(runner->spec->space); *path != NULL; path++) {
        JsonNode *node = json_lookup(config, *path);
        if (node == NULL)
            continue;
        g_autofree char *text = value_text(node);
        g_string_append_printf(out, "%s%s=%s", separator, *path, text);
        separator = ", ";
    }
}

static void
put_counts(GString *out, const PbxRunner *runner)
{
    const guint64 *counts = runner->counts;
    guint64 ended = counts[PBX_STATE_TERMINATED] + counts[PBX_STATE_ERROR];
    g_string_append_printf(out, "%" G_GUINT64_FORMAT, ended);
    if (runner->total >= 0)
        g_string_append_printf(out, "/%" G_GINT64_FORMAT, runner->total);
    g_string_append(out, " trials ended");
    if (counts[PBX_STATE_RUNNING] > 0)
        g_string_append_printf(out, ", %" G_GUINT64_FORMAT " running", counts[PBX_STATE_RUNNING]);
    if (counts[PBX_STATE_ERROR] > 0)
        g_string_append_printf(out, ", %" G_GUINT64_FORMAT " failed", counts[PBX_STATE_ERROR]);
}

static double
elapsed_s(const PbxRunner *runner)
{
    return (double)(clock_now(runner->clock) - runner->started_ns) / (double)NS_PER_S;
}

void
status_line(const PbxRunner *runner, GString *out)
{
    g_autofree char *name = terminal_safe(runner->name);
    g_string_append_printf(out, "%s: ", name);
    put_counts(out, runner);
    const PbxTrial *best = status_best(runner);
    if (best != NULL) {
        g_autofree char *value = number_text(best->row.value);
        g_string_append_printf(out, "; best %s %s (trial %" G_GUINT64_FORMAT,
                               runner->spec->metrics[0], value, best->row.number);
        put_config(out, runner, best);
        g_string_append_c(out, ')');
    }
    if (runner->stopping)
        g_string_append_printf(out, "; stopping: %s", runner->stop_reason);
}

/* ---- The block ---- */

/* Appends a line cut to the width. */
static void
put_line(GString *out, const char *text, int width)
{
    if (terminal_text_width(text) <= width)
        g_string_append(out, text);
    else
        terminal_put_cell(out, text, width, FALSE);
    g_string_append_c(out, '\n');
}

static void
put_bar(GString *out, const PbxRunner *runner, int width)
{
    guint64 ended = runner->counts[PBX_STATE_TERMINATED] + runner->counts[PBX_STATE_ERROR];
    if (runner->total <= 0 || width < 20)
        return;
    double part = MIN((double)ended / (double)runner->total, 1);
    int cells = MIN(width - 18, 40);
    int full = (int)(part * cells);
    gboolean fine = g_get_charset(NULL);
    g_autoptr(GString) line = g_string_new(NULL);
    for (int i = 0; i < cells; i++)
        g_string_append(line, i < full ? (fine ? "\u2588" : "#") : (fine ? "\u2591" : "."));
    g_string_append_printf(line, " %3.0f %%", part * 100);
    if (ended > 0 && part < 1) {
        g_string_append(line, "  ");
        status_put_duration(line, elapsed_s(runner) * (1 - part) / part);
        g_string_append(line, " left");
    }
    put_line(out, line->str, width);
}

/* The trials that the table shows: what runs, then the latest to have begun. */
static GPtrArray *
rows_for(const PbxRunner *runner, guint limit)
{
    GPtrArray *rows = g_ptr_array_new();
    for (guint i = 0; i < runner->workers->len && rows->len < limit; i++) {
        const PbxWorkerSlot *worker = runner->workers->pdata[i];
        if (worker->trial != NULL && worker->trial->row.state == PBX_STATE_RUNNING)
            g_ptr_array_add(rows, worker->trial);
    }
    for (guint i = runner->trials->len; i-- > 0 && rows->len < limit;) {
        PbxTrial *trial = runner->trials->pdata[i];
        gboolean interrupted = trial->row.state == PBX_STATE_PENDING && trial->row.attempts > 0;
        if (trial->row.state >= PBX_STATE_PAUSED || interrupted)
            g_ptr_array_add(rows, trial);
    }
    return rows;
}

typedef struct {
    const char *title;
    gboolean right;
    int width;
} PbxStatusColumn;

/* The texts of one row, in the order of the columns. (transfer full) */
static char **
row_texts(const PbxRunner *runner, const PbxTrial *trial, const char *const *varied, guint n_varied)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new();
    const PbxTrialRow *row = &trial->row;
    g_autoptr(GString) time = g_string_new(NULL);
    if (row->n_results > 0)
        status_put_duration(time, row->time_total_s);
    g_ptr_array_add(texts, g_strdup_printf("%" G_GUINT64_FORMAT, row->number));
    g_ptr_array_add(texts, g_strdup(state_word(trial)));
    g_ptr_array_add(texts, row->n_results > 0 ? g_strdup_printf("%" G_GINT64_FORMAT, row->iteration)
                                              : g_strdup(""));
    g_ptr_array_add(texts, g_strdup(time->str));
    if (runner->spec->metrics[0] != NULL)
        g_ptr_array_add(texts, row->n_results > 0 ? number_text(row->value) : g_strdup(""));
    g_autoptr(JsonNode) config = config_of(trial);
    for (guint i = 0; i < n_varied; i++)
        g_ptr_array_add(texts, value_text(json_lookup(config, varied[i])));
    g_ptr_array_add(texts, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&texts), FALSE);
}

static const char *
row_colour(const PbxTrial *trial)
{
    return trial->row.state == PBX_STATE_ERROR     ? "\033[31m"
           : trial->row.state == PBX_STATE_RUNNING ? "\033[32m"
                                                   : "";
}

static guint
columns_for(const PbxRunner *runner, const char *const *varied, guint n_varied,
            PbxStatusColumn *columns)
{
    guint n = 0;
    columns[n++] = (PbxStatusColumn){"#", TRUE, 0};
    columns[n++] = (PbxStatusColumn){"status", FALSE, 0};
    columns[n++] = (PbxStatusColumn){"iter", TRUE, 0};
    columns[n++] = (PbxStatusColumn){"time", TRUE, 0};
    if (runner->spec->metrics[0] != NULL)
        columns[n++] = (PbxStatusColumn){runner->spec->metrics[0], TRUE, 0};
    for (guint i = 0; i < n_varied; i++)
        columns[n++] = (PbxStatusColumn){varied[i], FALSE, 0};
    return n;
}

/* As many columns as fit, the first ones first. */
static guint
fit_columns(PbxStatusColumn *columns, guint n, char ***rows, guint n_rows, int width)
{
    int left = width;
    for (guint i = 0; i < n; i++) {
        int widest = terminal_text_width(columns[i].title);
        for (guint j = 0; j < n_rows; j++)
            widest = MAX(widest, terminal_text_width(rows[j][i]));
        columns[i].width = CLAMP(widest, 1, MAX_CELL);
        if (columns[i].width > left) {
            if (left < MIN_CELL)
                return i;
            columns[i].width = left;
        }
        left -= columns[i].width + 2;
    }
    return n;
}

static void
put_row(GString *out, const PbxStatusColumn *columns, guint n, char **texts)
{
    for (guint i = 0; i < n; i++) {
        if (i > 0)
            g_string_append(out, "  ");
        terminal_put_cell(out, texts != NULL ? texts[i] : columns[i].title, columns[i].width,
                          columns[i].right);
    }
}

static void
put_table(GString *out, const PbxRunner *runner, int width, guint limit, gboolean colour)
{
    const char *const *varied = space_varied(runner->spec->space);
    guint n_varied = MIN(g_strv_length((char **)varied), MAX_PARAMETERS);
    g_autoptr(GPtrArray) trials = rows_for(runner, limit);
    if (trials->len == 0)
        return;
    PbxStatusColumn columns[5 + MAX_PARAMETERS];
    guint n = columns_for(runner, varied, n_varied, columns);
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    for (guint i = 0; i < trials->len; i++)
        g_ptr_array_add(rows, row_texts(runner, trials->pdata[i], varied, n_varied));
    n = fit_columns(columns, n, (char ***)rows->pdata, rows->len, width);
    g_string_append(out, colour ? "\033[1m" : "");
    put_row(out, columns, n, NULL);
    g_string_append(out, colour ? "\033[0m\n" : "\n");
    for (guint i = 0; i < rows->len; i++) {
        const char *start = colour ? row_colour(trials->pdata[i]) : "";
        g_string_append(out, start);
        put_row(out, columns, n, rows->pdata[i]);
        g_string_append(out, start[0] != '\0' ? "\033[0m\n" : "\n");
    }
}

void
status_block(const PbxRunner *runner, int width, int height, gboolean colour, GString *out)
{
    g_autoptr(GString) line = g_string_new(NULL);
    g_autofree char *name = terminal_safe(runner->name);
    g_string_append_printf(line, "%s: ", name);
    put_counts(line, runner);
    g_string_append(line, "  ");
    status_put_duration(line, elapsed_s(runner));
    put_line(out, line->str, width);
    put_bar(out, runner, width);
    const PbxTrial *best = status_best(runner);
    if (best != NULL) {
        g_autofree char *value = number_text(best->row.value);
        g_string_printf(line, "best %s %s", runner->spec->metrics[0], value);
        put_config(line, runner, best);
        put_line(out, line->str, width);
    }
    if (runner->stopping || runner->interrupts > 0) {
        g_string_printf(line, "stopping: %s",
                        runner->stopping ? runner->stop_reason : "interrupted");
        put_line(out, line->str, width);
    }
    int used = 1;
    for (const char *at = out->str; (at = strchr(at, '\n')) != NULL; at++)
        used++;
    if (height - used > 2)
        put_table(out, runner, width, (guint)MIN(height - used - 1, 20), colour);
}

/* ---- The summary ---- */

static void
count_ends(const PbxRunner *runner, guint64 ends[PBX_END_VOID + 1])
{
    for (guint i = 0; i < runner->trials->len; i++) {
        int end = ((const PbxTrial *)runner->trials->pdata[i])->row.end;
        if (end >= 0)
            ends[end]++;
    }
}

/* How EXP is written for the other commands: by name where that is enough. */
static char *
exp_word(const PbxRunner *runner)
{
    const char *results = g_getenv("PEGBOX_RESULT_DIR");
    g_autofree char *usual = results != NULL && results[0] != '\0'
                                 ? g_canonicalize_filename(results, NULL)
                                 : g_build_filename(g_get_home_dir(), "pegbox_results", NULL);
    if (g_str_equal(usual, runner->spec->results_dir))
        return g_shell_quote(runner->name);
    return g_shell_quote(runner->dir);
}

/* How this program is called from here. */
static char *
program_word(void)
{
    const char *program = places_get()->program;
    g_autofree char *found = g_find_program_in_path("pegbox");
    g_autofree char *real = found != NULL ? realpath(found, NULL) : NULL;
    if (g_strcmp0(real, program) == 0)
        return g_shell_quote("pegbox");
    g_autofree char *here = g_get_current_dir();
    gsize length = strlen(here);
    gboolean below = strncmp(program, here, length) == 0 && program[length] == '/';
    return g_shell_quote(below ? program + length + 1 : program);
}

static void
put_plain_word(GString *out, const char *word)
{
    g_autofree char *quoted = terminal_safe(word);
    /* Quotes only where a shell needs them. */
    gsize length = strlen(quoted);
    gboolean plain = length > 2;
    for (gsize i = 1; i + 1 < length; i++)
        plain = plain && (g_ascii_isalnum(quoted[i]) || strchr("-_./:@%+=,", quoted[i]) != NULL);
    g_string_append_len(out, plain ? quoted + 1 : quoted, (gssize)(plain ? length - 2 : length));
}

static void
put_best(GString *out, const PbxRunner *runner)
{
    const PbxTrial *best = status_best(runner);
    if (runner->spec->metrics[0] == NULL)
        return;
    g_autofree char *metric = terminal_safe(runner->spec->metrics[0]);
    if (best == NULL) {
        g_string_append_printf(out, "No%s trial reported a finite %s.\n",
                               runner->spec->constraints->len > 0 ? " feasible" : "", metric);
        return;
    }
    g_autofree char *value = number_text(best->row.value);
    g_autoptr(JsonNode) config = config_of(best);
    const char *const *varied = space_varied(runner->spec->space);
    g_string_append_printf(out, "Best %s: %s, by trial %" G_GUINT64_FORMAT "%s%s\n", metric, value,
                           best->row.number,
                           best->row.state == PBX_STATE_ERROR ? ", which failed," : "",
                           varied[0] != NULL ? " with" : "");
    int widest = 0;
    for (const char *const *path = varied; *path != NULL; path++) {
        g_autofree char *name = terminal_safe(*path);
        widest = MAX(widest, terminal_text_width(name));
    }
    for (const char *const *path = varied; *path != NULL; path++) {
        JsonNode *node = json_lookup(config, *path);
        if (node == NULL)
            continue;
        g_autofree char *text = template_value_text(node);
        g_autofree char *safe = terminal_safe(text);
        g_autofree char *name = terminal_safe(*path);
        g_string_append(out, "  ");
        terminal_put_cell(out, name, widest, FALSE);
        g_string_append_printf(out, "  %s\n", safe);
    }
}

/* Those that wait for another run; returns how many of them have begun. */
static guint64
put_pending(GString *out, const PbxRunner *runner, const char *separator)
{
    guint64 begun = 0, pending = runner->counts[PBX_STATE_PENDING];
    for (guint i = 0; i < runner->trials->len; i++) {
        const PbxTrialRow *row = &((const PbxTrial *)runner->trials->pdata[i])->row;
        begun += row->state == PBX_STATE_PENDING && row->attempts > 0;
    }
    if (begun > 0)
        g_string_append_printf(out, "%s%" G_GUINT64_FORMAT " interrupted", separator, begun);
    if (pending > begun)
        g_string_append_printf(out, "%s%" G_GUINT64_FORMAT " not run", begun > 0 ? ", " : separator,
                               pending - begun);
    return begun;
}

void
status_summary(const PbxRunner *runner, PbxExperimentEnd end, GString *out)
{
    static const char *const words[] = {"completed", "stopped early", "stopped",
                                        "failed",    "duplicates",    "voided"};
    guint64 ends[PBX_END_VOID + 1] = {0};
    count_ends(runner, ends);
    g_string_append_printf(out, "%u trial%s in ", runner->trials->len,
                           runner->trials->len == 1 ? "" : "s");
    status_put_duration(out, elapsed_s(runner));
    const char *separator = ": ";
    for (gsize i = 0; i < G_N_ELEMENTS(ends); i++) {
        if (ends[i] == 0)
            continue;
        g_string_append_printf(out, "%s%" G_GUINT64_FORMAT " %s", separator, ends[i], words[i]);
        separator = ", ";
    }
    guint64 begun = put_pending(out, runner, separator);
    if (runner->skipped > 0)
        g_string_append_printf(out, "; %" G_GUINT64_FORMAT " duplicate%s skipped", runner->skipped,
                               runner->skipped == 1 ? "" : "s");
    if (end == EXPERIMENT_INTERRUPTED && begun == 0)
        g_string_append(out, "; interrupted");
    g_string_append_c(out, '\n');
    if (runner->stopping) {
        g_autofree char *reason = terminal_safe(runner->stop_reason);
        g_string_append_printf(out, "Ended early: %s\n", reason);
    }
    put_best(out, runner);
    g_autofree char *exp = exp_word(runner);
    g_autofree char *dir = terminal_safe(runner->dir);
    g_autofree char *program = program_word();
    g_string_append_printf(out, "Results: %s\nLook further: ", dir);
    put_plain_word(out, program);
    g_string_append(out, status_best(runner) != NULL ? " best " : " trials ");
    put_plain_word(out, exp);
    g_string_append_c(out, '\n');
}
