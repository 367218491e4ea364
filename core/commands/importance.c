/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox importance: which parameters matter for a metric. */
#include <math.h>
#include <string.h>

#include "analysis/importance.h"
#include "commands/look-private.h"

#define MIN_SAMPLES      4
#define DEFAULT_QUANTILE 0.1
#define DEFAULT_TREES    64
#define MAX_TREES        10000
/* Fewer make a density of chance. */
#define FEW_TOP 5

typedef struct {
    char *metric, *mode, *scope, *method;
    double quantile;
    int trees;
    gint64 seed;
    gboolean pairs;
    PbxTableOptions table;
    /* What they mean. */
    gboolean fanova;
    PbxScope value;
    int sign;
    const char *name; /* of the metric */
} Options;

static void
options_clear(Options *options)
{
    g_free(options->metric);
    g_free(options->mode);
    g_free(options->scope);
    g_free(options->method);
    table_options_clear(&options->table);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static gboolean
check(Options *options, const PbxLook *look)
{
    g_autoptr(GError) error = NULL;
    const char *method = options->method != NULL ? options->method : "ped-anova";
    options->fanova = g_str_equal(method, "fanova");
    if (!options->fanova && !g_str_equal(method, "ped-anova")) {
        command_error("--method: there is no '%s'; there are ped-anova, fanova", method);
        return FALSE;
    }
    if (options->pairs && !options->fanova) {
        command_error("--pairs needs --method fanova");
        return FALSE;
    }
    if (!(options->quantile > 0 && options->quantile < 1)) {
        command_error("--quantile must be above 0 and below 1");
        return FALSE;
    }
    if (options->trees < 1 || options->trees > MAX_TREES) {
        command_error("--trees must be from 1 to %d", MAX_TREES);
        return FALSE;
    }
    if (options->scope != NULL && !scope_parse(options->scope, &options->value, &error)) {
        command_error("%s", error->message);
        return FALSE;
    }
    return look_metric(look, options->metric, options->mode, &options->name, &options->sign);
}

/* Nothing can be told from these. FALSE: told. */
static gboolean
check_samples(const Options *options, const PbxSamples *samples)
{
    if (samples->n < MIN_SAMPLES)
        command_error("importance needs %d trials that are TERMINATED and have a value of '%s'; "
                      "there %s %u",
                      MIN_SAMPLES, options->name, samples->n == 1 ? "is" : "are", samples->n);
    else if (!samples_differ(samples))
        command_error("all %u trials have the same %s: no parameter matters for it", samples->n,
                      options->name);
    else if (!options->fanova && ped_anova_n_top(samples, options->quantile) == samples->n)
        command_error("all %u trials are among the best: a smaller --quantile, or --method fanova, "
                      "may tell more",
                      samples->n);
    else
        return TRUE;
    return FALSE;
}

/* ---- Rows ---- */

static void
add_row(GPtrArray *rows, const char *name, const char *with, double importance, guint n_trials)
{
    g_autoptr(JsonObject) row = json_object_new();
    json_object_set_string_member(row, "parameter", name);
    if (with != NULL)
        json_object_set_string_member(row, "with", with);
    look_set_double(row, "importance", importance);
    json_object_set_int_member(row, "trials", n_trials);
    g_ptr_array_add(rows, json_node_init_object(json_node_alloc(), row));
}

static int
by_importance(gconstpointer a, gconstpointer b)
{
    JsonObject *one = json_node_get_object(*(JsonNode *const *)a);
    JsonObject *other = json_node_get_object(*(JsonNode *const *)b);
    /* What is not known comes last. */
    const double x = json_object_get_double_member_with_default(one, "importance", -1);
    const double y = json_object_get_double_member_with_default(other, "importance", -1);
    return x != y ? (x < y) - (x > y)
                  : strcmp(json_object_get_string_member(one, "parameter"),
                           json_object_get_string_member(other, "parameter"));
}

static void
add_pairs(GPtrArray *rows, const PbxSamples *samples, const double *pairs)
{
    for (guint i = 0; i < samples->n_dims; i++) {
        for (guint j = i + 1; j < samples->n_dims; j++) {
            if (samples->dims[i]->parent < 0 && samples->dims[j]->parent < 0)
                add_row(rows, samples->dims[i]->name, samples->dims[j]->name,
                        pairs[(gsize)i * samples->n_dims + j], samples->n);
        }
    }
}

static GPtrArray *
make_rows(const Options *options, const PbxSamples *samples)
{
    const guint n = samples->n_dims;
    GPtrArray *rows = look_rows_new();
    g_autofree double *importance = g_new(double, n);
    g_autofree double *pairs = options->pairs ? g_new(double, (gsize)n *n) : NULL;
    if (options->fanova)
        importance_fanova(samples, (guint)options->trees, (guint64)options->seed, importance,
                          pairs);
    else
        importance_ped_anova(samples, options->quantile, importance);
    for (guint i = 0; i < n; i++)
        add_row(rows, samples->dims[i]->name, NULL, importance[i], samples_active(samples, i));
    if (pairs != NULL)
        add_pairs(rows, samples, pairs);
    g_ptr_array_sort(rows, by_importance);
    return rows;
}

/* What people should know of the figures. */
static void
put_note(const Options *options, const PbxSamples *samples)
{
    const char *format = options->table.format;
    if (options->table.json || (format != NULL && !g_str_equal(format, "table")))
        return;
    if (options->fanova) {
        g_print("\nfanova: shares of the variance of %s over %u trials; interactions have the "
                "rest\n",
                options->name, samples->n);
        for (guint i = 0; i < samples->n_dims; i++) {
            if (samples->dims[i]->parent >= 0) {
                g_print("- : only in some trials, which --method ped-anova can assess\n");
                break;
            }
        }
        return;
    }
    const guint n_top = ped_anova_n_top(samples, options->quantile);
    g_print("\nped-anova: what sets the best %u of %u trials by %s apart\n", n_top, samples->n,
            options->name);
    if (n_top < FEW_TOP)
        g_print("Of so few it is a guess: more trials, or a larger --quantile, tell more\n");
}

static int
answer(PbxLook *look, const Options *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PbxSandbox) sandbox = sandbox_new();
    g_autoptr(PbxDoc) doc = NULL;
    g_autoptr(PbxSpace) space = look_space(look, sandbox, &doc);
    g_auto(PbxSamples) samples = {0};
    if (space == NULL) {
        command_error("%s: its search space cannot be read", look->dir);
        return EXIT_BROKEN;
    }
    if (space_n_dims(space) == 0) {
        command_error("%s: no parameter of it varies", look->name);
        return EXIT_TRIAL_FAILED;
    }
    if (!samples_read(&samples, look->store, space, options->name, options->sign, options->value,
                      &error))
        return look_failed(error);
    if (!check_samples(options, &samples))
        return EXIT_TRIAL_FAILED;
    static const char *const columns[] = {"parameter", "importance", "trials", NULL};
    static const char *const with_pairs[] = {"parameter", "with", "importance", "trials", NULL};
    g_autoptr(PbxTable) table = table_new(&options->table);
    if (table == NULL)
        return EXIT_USAGE;
    g_autoptr(GPtrArray) rows = make_rows(options, &samples);
    for (guint i = 0; i < rows->len; i++) {
        if (!table_add(table, json_node_ref(rows->pdata[i])))
            break;
    }
    const int status = table_finish(table, options->pairs ? with_pairs : columns, "");
    if (status == EXIT_DONE)
        put_note(options, &samples);
    return status;
}

int
command_importance(int argc, char **argv)
{
    g_auto(Options) options = {.quantile = DEFAULT_QUANTILE, .trees = DEFAULT_TREES};
    const GOptionEntry entries[] = {
        {"method", 0, 0, G_OPTION_ARG_STRING, &options.method, "ped-anova (default) or fanova",
         "METHOD"},
        {"metric", 0, 0, G_OPTION_ARG_STRING, &options.metric, "Another metric, or one of several",
         "NAME"},
        {"mode", 0, 0, G_OPTION_ARG_STRING, &options.mode, "min or max", "MODE"},
        {"scope", 0, 0, G_OPTION_ARG_STRING, &options.scope,
         "Which value of a trial counts: last (default), all, avg, last-5-avg, last-10-avg",
         "SCOPE"},
        {"quantile", 0, 0, G_OPTION_ARG_DOUBLE, &options.quantile,
         "ped-anova: the share of trials that are the best ones (0.1)", "Q"},
        {"trees", 0, 0, G_OPTION_ARG_INT, &options.trees, "fanova: how many (64)", "N"},
        {"seed", 0, 0, G_OPTION_ARG_INT64, &options.seed, "fanova: of the trees' draws (0)", "N"},
        {"pairs", 0, 0, G_OPTION_ARG_NONE, &options.pairs,
         "fanova: what each two do together as well", NULL},
        TABLE_ENTRIES(options.table),
        {NULL},
    };
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "[EXP]",
                       "Shows how much each parameter has to do with the metric.", &status))
        return status;
    g_auto(PbxLook) look = {0};
    if (!command_at_most(argc, argv, 1) || !look_open(&look, argc > 1 ? argv[1] : NULL, &status))
        return status;
    if (!check(&options, &look))
        return EXIT_USAGE;
    return answer(&look, &options);
}
