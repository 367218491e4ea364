/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last words: what happened, the best configuration, what failed, where to look further. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiment/reporter-private.h"
#include "terminal/terminal.h"

#define ERROR_LINES 3 /* kinds of failures */

const PbxTrial *
status_best(const PbxRunner *runner)
{
    const PbxTrial *best = NULL;
    if (runner->spec->metrics[0] == NULL)
        return NULL;
    int sign = runner->spec->signs[0];
    for (guint i = 0; i < runner->trials->len; i++) {
        const PbxTrial *trial = runner->trials->pdata[i];
        if (!isfinite(trial->row.value) || trial->row.feasible == FEASIBLE_NO ||
            trial->row.end == PBX_END_VOID)
            continue;
        if (best == NULL || sign * trial->row.value < sign * best->row.value)
            best = trial;
    }
    return best;
}

/* One that was ended while it waited: made ahead of a free slot. */
static gboolean
is_not_run(const PbxTrialRow *row)
{
    return row->attempts == 0 && row->end == PBX_END_STOPPED;
}

static void
count_ends(const PbxRunner *runner, guint64 ends[PBX_END_VOID + 1])
{
    for (guint i = 0; i < runner->trials->len; i++) {
        const PbxTrialRow *row = &((const PbxTrial *)runner->trials->pdata[i])->row;
        if (row->end >= 0 && !is_not_run(row) && row->replaced_by == 0)
            ends[row->end]++;
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

/* So many that it is no chance. */
#define SAME_VALUES 4

/* A program that is not given its parameters reports the same whatever they are. */
static void
put_same_values(GString *out, const PbxRunner *runner, double value, const char *metric)
{
    guint64 n = 0;
    for (guint i = 0; i < runner->trials->len; i++) {
        const PbxTrialRow *row = &((const PbxTrial *)runner->trials->pdata[i])->row;
        if (!isfinite(row->value))
            continue;
        if (row->value != value)
            return;
        n++;
    }
    if (n >= SAME_VALUES)
        g_string_append_printf(out,
                               "All %" G_GUINT64_FORMAT " trials reported the same %s: do the "
                               "parameters reach the program?\n",
                               n, metric);
}

/* Of several metrics: how many trials no other one is better than. */
static gboolean
put_front(GString *out, const PbxRunner *runner)
{
    const char *const *metrics = (const char *const *)runner->spec->metrics;
    g_auto(PbxFront) front = {0};
    g_autoptr(GString) names = g_string_new(NULL);
    for (guint i = 0; metrics[i] != NULL; i++) {
        g_autofree char *name = terminal_safe(metrics[i]);
        g_string_append_printf(names, "%s%s (%s)", i > 0 ? ", " : "", name,
                               runner->spec->signs[i] > 0 ? "min" : "max");
    }
    if (!store_front(runner->store, metrics, runner->spec->signs, &front, NULL))
        return FALSE;
    if (front.trials->len == 0)
        g_string_append_printf(out, "No%s trial reported finite values of %s.\n",
                               runner->spec->constraints->len > 0 ? " feasible" : "", names->str);
    else
        g_string_append_printf(out, "Pareto front of %s: %u of %" G_GUINT64_FORMAT " trials\n",
                               names->str, front.trials->len, front.n_points);
    return front.trials->len > 0;
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
    g_autofree char *value = status_number_text(best->row.value);
    g_autoptr(JsonNode) config = trial_config(runner, best);
    const char *const *varied = space_varied(runner->spec->space);
    g_string_append_printf(out, "Best %s: %s, by trial %" G_GUINT64_FORMAT "%s%s\n", metric, value,
                           best->row.number,
                           best->row.state == PBX_STATE_ERROR ? ", which failed" : "",
                           varied[0] == NULL                    ? ""
                           : best->row.state == PBX_STATE_ERROR ? ", with"
                                                                : " with");
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
    if (varied[0] != NULL)
        put_same_values(out, runner, best->row.value, metric);
}

/* Those that wait for another run, and those that will never run; returns how many of the first
 * have begun. */
static guint64
put_pending(GString *out, const PbxRunner *runner, const char *separator)
{
    guint64 begun = 0, again = 0, not_run = runner->counts[PBX_STATE_PENDING];
    for (guint i = 0; i < runner->trials->len; i++) {
        const PbxTrialRow *row = &((const PbxTrial *)runner->trials->pdata[i])->row;
        begun += row->state == PBX_STATE_PENDING && row->attempts > 0;
        not_run += is_not_run(row) && row->replaced_by == 0;
        again += row->replaced_by != 0;
    }
    not_run -= begun;
    if (begun > 0)
        g_string_append_printf(out, "%s%" G_GUINT64_FORMAT " interrupted", separator, begun);
    if (not_run > 0)
        g_string_append_printf(out, "%s%" G_GUINT64_FORMAT " not run", begun > 0 ? ", " : separator,
                               not_run);
    if (again > 0)
        g_string_append_printf(out, "%s%" G_GUINT64_FORMAT " replaced",
                               begun + not_run > 0 ? ", " : separator, again);
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
    double elapsed = (double)(clock_now(runner->clock) - runner->started_ns) / (double)NS_PER_S;
    status_put_duration(out, elapsed, TRUE);
    const char *separator = ": ";
    for (gsize i = 0; i < G_N_ELEMENTS(ends); i++) {
        if (ends[i] == 0)
            continue;
        g_string_append_printf(out, "%s%" G_GUINT64_FORMAT " %s", separator, ends[i], words[i]);
        separator = ", ";
    }
    if (runner->asked->len > 0) {
        g_string_append_printf(out, "%s%u asked for, and not told yet", separator,
                               runner->asked->len);
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
    const gboolean several = spec_n_objectives(runner->spec) > 1;
    const gboolean any = several ? put_front(out, runner) : status_best(runner) != NULL;
    if (!several)
        put_best(out, runner);
    g_autofree char *exp = exp_word(runner);
    g_autofree char *dir = terminal_safe(runner->dir);
    g_autofree char *program = program_word();
    g_string_append_printf(out, "Results: %s\nLook further: ", dir);
    put_plain_word(out, program);
    g_string_append(out, any ? " best " : " trials ");
    put_plain_word(out, exp);
    g_string_append_c(out, '\n');
    if (end != EXPERIMENT_INTERRUPTED && runner->counts[PBX_STATE_PENDING] == 0)
        return;
    g_string_append(out, "Go on: ");
    put_plain_word(out, program);
    g_string_append(out, " resume ");
    put_plain_word(out, exp);
    g_string_append_c(out, '\n');
}

/* ---- What failed ---- */

/* Where no trial got far: what the first one said, if that is more than its failure's line. */
static void
put_first_words(GString *out, const PbxRunner *runner)
{
    if (runner->any_report || runner->first_words == NULL ||
        strchr(runner->first_words, '\n') == NULL)
        return;
    g_auto(GStrv) lines = g_strsplit(runner->first_words, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        g_autofree char *text = terminal_safe(*line);
        g_string_append_printf(out, "  %s\n", text);
    }
}

void
status_failures(const PbxRunner *runner, GString *out)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    guint more = 0;
    for (guint i = 0; i < runner->trials->len; i++) {
        const PbxTrial *trial = runner->trials->pdata[i];
        if (trial->row.state != PBX_STATE_ERROR || trial->row.error == NULL ||
            trial->row.replaced_by != 0)
            continue;
        if (g_hash_table_size(seen) >= ERROR_LINES || !g_hash_table_add(seen, trial->row.error)) {
            more++;
            continue;
        }
        g_autofree char *text = terminal_safe(trial->row.error);
        g_autofree char *name = terminal_safe(trial->row.name);
        g_string_append_printf(out, "pegbox: trial %s failed: %s\n", name, text);
        if (g_hash_table_size(seen) == 1)
            put_first_words(out, runner);
    }
    if (more > 0)
        g_string_append_printf(out, "pegbox: %u more trial%s failed; `pegbox trials` has why\n",
                               more, more == 1 ? "" : "s");
}
