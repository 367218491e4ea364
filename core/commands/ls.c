/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox ls: the experiments of a results directory. */
#include <math.h>
#include <string.h>

#include "commands/look-private.h"
#include "spec/spec.h"

/* What matters most first: a narrow terminal leaves out the last ones. */
static const char *const columns[] = {"name",    "status",     "trials",  "error",
                                      "metric",  "best",       "running", "terminated",
                                      "started", "duration_s", "dir",     NULL};

typedef struct {
    const PbxLook *look;
    guint64 counts[5], all;
    int sign;
    double best;
} Totals;

static gboolean
add_trial(const PbxTrialRow *row, gpointer user)
{
    Totals *totals = user;
    totals->all++;
    totals->counts[look_state(totals->look, row)]++;
    if (row->end != PBX_END_VOID && isfinite(row->best) &&
        (isnan(totals->best) || totals->sign * row->best < totals->sign * totals->best))
        totals->best = row->best;
    return TRUE;
}

static gint64
fact_time(PbxStore *store, const char *key)
{
    g_autofree char *text = store_fact(store, key);
    gint64 ns = -1;
    if (text == NULL || !g_ascii_string_to_signed(text, 10, 0, G_MAXINT64, &ns, NULL))
        return -1;
    return ns;
}

/* In seconds; until now while it runs, unknown where its driver died. */
static double
duration(PbxLook *look, const char *status, gint64 started)
{
    gint64 ended = fact_time(look->store, "ended_ns");
    if (g_strcmp0(status, "running") == 0)
        ended = g_get_real_time() * 1000;
    return started >= 0 && ended >= started ? (double)(ended - started) / 1e9 : (double)NAN;
}

/* Several metrics are an array, as in the experiment file; there is no best value then. */
static void
set_objective(JsonObject *row, const PbxLook *look, double best)
{
    if (look->metrics == NULL) {
        look_set_text(row, "metric", look->metric);
        look_set_text(row, "mode", look->sign == 0 ? NULL : look->sign > 0 ? "min" : "max");
        look_set_double(row, "best", best);
        return;
    }
    JsonArray *metrics = json_array_new(), *modes = json_array_new();
    for (guint i = 0; look->metrics[i] != NULL; i++) {
        json_array_add_string_element(metrics, look->metrics[i]);
        json_array_add_string_element(modes, look->signs[i] > 0 ? "min" : "max");
    }
    json_object_set_array_member(row, "metric", metrics);
    json_object_set_array_member(row, "mode", modes);
    json_object_set_null_member(row, "best");
}

static gboolean
fill_row(JsonObject *row, PbxLook *look, GError **error)
{
    Totals totals = {.look = look, .sign = look->sign, .best = NAN};
    if (!store_each_trial(look->store, add_trial, &totals, error))
        return FALSE;
    g_autofree char *status = look_status(look);
    const gint64 started = fact_time(look->store, "started_ns");
    g_autofree char *started_text = look_time(started);
    look_set_text(row, "status", status);
    look_set_int(row, "trials", (gint64)totals.all);
    for (guint i = 0; i < G_N_ELEMENTS(totals.counts); i++) {
        g_autofree char *state = g_ascii_strdown(store_state_name(i), -1);
        look_set_int(row, state, (gint64)totals.counts[i]);
    }
    set_objective(row, look, totals.best);
    look_set_text(row, "started", started_text);
    look_set_int(row, "started_ns", started);
    look_set_double(row, "duration_s", duration(look, status, started));
    look_set_text(row, "experiment_id", look->id);
    return TRUE;
}

/* One that cannot be read is listed too, and why. */
static JsonNode *
make_row(const char *dir, const char *name)
{
    g_autoptr(JsonObject) row = json_object_new();
    g_autoptr(GError) error = NULL;
    g_auto(PbxLook) look = {0};
    json_object_set_string_member(row, "name", name);
    if (!look_open_dir(&look, dir, &error) || !fill_row(row, &look, &error)) {
        command_error("%s", error->message);
        json_object_set_string_member(row, "status", "unreadable");
    }
    json_object_set_string_member(row, "dir", dir);
    return json_node_init_object(json_node_alloc(), row);
}

static gint64
started_of(JsonNode *row)
{
    JsonNode *node = json_object_get_member(json_node_get_object(row), "started_ns");
    return node != NULL && !JSON_NODE_HOLDS_NULL(node) ? json_node_get_int(node) : -1;
}

static int
compare_started(gconstpointer a, gconstpointer b)
{
    const gint64 one = started_of(*(JsonNode *const *)a), two = started_of(*(JsonNode *const *)b);
    return (one > two) - (one < two);
}

int
command_ls(int argc, char **argv)
{
    g_auto(PbxTableOptions) options = {0};
    const GOptionEntry entries[] = {TABLE_ENTRIES(options), {NULL}};
    int status = EXIT_USAGE;
    if (!command_parse(&argc, &argv, entries, "[DIR]",
                       "Lists the experiments of a results directory, the newest last.", &status))
        return status;
    if (!command_at_most(argc, argv, 1))
        return EXIT_USAGE;
    g_autofree char *results_dir =
        argc > 1 ? g_canonicalize_filename(argv[1], NULL) : spec_default_results_dir();
    if (argc > 1 && !g_file_test(results_dir, G_FILE_TEST_IS_DIR)) {
        command_error("there is no directory %s", argv[1]);
        return EXIT_USAGE;
    }
    g_autoptr(GPtrArray) names = command_experiments(results_dir);
    g_autoptr(GPtrArray) rows = look_rows_new();
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *dir = g_build_filename(results_dir, names->pdata[i], NULL);
        g_ptr_array_add(rows, make_row(dir, names->pdata[i]));
    }
    g_ptr_array_sort(rows, compare_started);
    g_autofree char *empty = g_strdup_printf("no experiments in %s yet", results_dir);
    return table_print(rows, columns, &options, empty);
}
