/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a result says of a metric, and the trials of several metrics that no other is better than.
 */
#include <math.h>
#include <string.h>

#include <pegbox/helpers/rank.h>

#include "store/store.h"
#include "json/json.h"

/* ---- The value of a metric ---- */

const char *const store_auto_filled[] = {
    "training_iteration", "time_total_s",   "time_this_iter_s",
    "timesteps_total",    "episodes_total", NULL,
};

static gboolean
auto_filled(const PbxResultRow *result, const char *metric, double *value)
{
    /* In the order of the names. */
    const double values[] = {
        result->iteration >= 0 ? (double)result->iteration : NAN,
        result->time_total_s,
        result->time_this_iter_s,
        result->timesteps_total >= 0 ? (double)result->timesteps_total : NAN,
        result->episodes_total >= 0 ? (double)result->episodes_total : NAN,
    };
    for (gsize i = 0; i < G_N_ELEMENTS(values); i++) {
        if (isfinite(values[i]) && g_str_equal(store_auto_filled[i], metric)) {
            *value = values[i];
            return TRUE;
        }
    }
    return FALSE;
}

gboolean
store_result_value(const PbxResultRow *result, const char *metric, double *value)
{
    if (store_result_number(result, metric, value))
        return TRUE;
    g_autoptr(JsonNode) fields =
        result->fields != NULL
            ? json_read(result->fields, strlen(result->fields), DOC_MAX_NESTING, NULL)
            : NULL;
    JsonNode *node = fields != NULL ? json_lookup(fields, metric) : NULL;
    if (node != NULL)
        return json_number(node, TRUE, value);
    return auto_filled(result, metric, value);
}

/* ---- The Pareto front ---- */

typedef struct {
    PbxStore *store;
    const char *const *metrics;
    const int *signs;
    guint m;
    GArray *trials; /* guint64 */
    GArray *losses; /* double, m a trial */
    guint64 n_infeasible;
    GError *error;
} FrontReader;

/* By its last result: a value that is not finite is never among the best, whatever the others. */
static gboolean
add_point(const PbxTrialRow *row, gpointer user)
{
    FrontReader *reader = user;
    if (row->last_seq == 0 || row->end == PBX_END_VOID)
        return TRUE;
    g_autoptr(PbxResultRow) result = store_result(reader->store, row->last_seq, &reader->error);
    if (result == NULL)
        return FALSE;
    const guint before = reader->losses->len;
    gboolean finite = TRUE;
    for (guint i = 0; finite && i < reader->m; i++) {
        double value = NAN;
        finite = store_result_value(result, reader->metrics[i], &value) && isfinite(value);
        value *= reader->signs[i];
        g_array_append_val(reader->losses, value);
    }
    const gboolean feasible = result->feasible != FEASIBLE_NO;
    reader->n_infeasible += finite && !feasible;
    if (finite && feasible)
        g_array_append_val(reader->trials, row->number);
    else
        g_array_set_size(reader->losses, before);
    return TRUE;
}

static int
compare_points(gconstpointer a, gconstpointer b, gpointer user)
{
    const FrontReader *reader = user;
    const guint one = *(const guint *)a, two = *(const guint *)b;
    const double *losses = (const double *)(const void *)reader->losses->data;
    return pbx_row_before(losses, reader->m, 0, one, two) ? -1 : 1;
}

static gboolean
choose(const FrontReader *reader, PbxFront *front)
{
    const guint n = reader->trials->len, m = reader->m;
    const double *losses = (const double *)(const void *)reader->losses->data;
    g_autofree guint8 *is_member = g_new(guint8, MAX(n, 1));
    g_autoptr(GArray) order = g_array_new(FALSE, FALSE, sizeof(guint));
    if (pbx_front(losses, n, m, is_member) != PBX_OK)
        return FALSE;
    for (guint i = 0; i < n; i++)
        if (is_member[i])
            g_array_append_val(order, i);
    g_array_sort_with_data(order, compare_points, (gpointer)reader);
    *front = (PbxFront){
        .trials = g_array_new(FALSE, FALSE, sizeof(guint64)),
        .n_points = n,
        .n_infeasible = reader->n_infeasible,
    };
    for (guint i = 0; i < order->len; i++)
        g_array_append_val(front->trials,
                           g_array_index(reader->trials, guint64, g_array_index(order, guint, i)));
    return TRUE;
}

gboolean
store_front(PbxStore *store, const char *const *metrics, const int *signs, PbxFront *front,
            GError **error)
{
    g_autoptr(GArray) trials = g_array_new(FALSE, FALSE, sizeof(guint64));
    g_autoptr(GArray) losses = g_array_new(FALSE, FALSE, sizeof(double));
    FrontReader reader = {
        .store = store,
        .metrics = metrics,
        .signs = signs,
        .m = g_strv_length((char **)metrics),
        .trials = trials,
        .losses = losses,
    };
    const gboolean ok = store_each_trial(store, add_point, &reader, error);
    if (!ok) {
        g_clear_error(&reader.error);
        return FALSE;
    }
    if (reader.error != NULL) {
        g_propagate_error(error, reader.error);
        return FALSE;
    }
    if (choose(&reader, front))
        return TRUE;
    g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_IO, "no memory for the trials");
    return FALSE;
}

void
front_clear(PbxFront *front)
{
    g_clear_pointer(&front->trials, g_array_unref);
    *front = (PbxFront){0};
}

/* ---- Which metrics ---- */

gboolean
store_objectives(JsonNode *spec, char ***metrics, int **signs)
{
    JsonNode *names = spec != NULL ? json_lookup(spec, "metric") : NULL;
    JsonNode *modes = spec != NULL ? json_lookup(spec, "mode") : NULL;
    if (names == NULL || modes == NULL || !JSON_NODE_HOLDS_ARRAY(names) ||
        !JSON_NODE_HOLDS_ARRAY(modes))
        return FALSE;
    JsonArray *from = json_node_get_array(names), *ways = json_node_get_array(modes);
    const guint n = json_array_get_length(from);
    if (n < 2 || json_array_get_length(ways) != n)
        return FALSE;
    g_auto(GStrv) read = g_new0(char *, n + 1);
    g_autofree int *turned = g_new0(int, n);
    for (guint i = 0; i < n; i++) {
        JsonNode *name = json_array_get_element(from, i), *mode = json_array_get_element(ways, i);
        if (!JSON_NODE_HOLDS_VALUE(name) || !JSON_NODE_HOLDS_VALUE(mode) ||
            json_node_get_string(name) == NULL)
            return FALSE;
        read[i] = json_node_dup_string(name);
        turned[i] = g_strcmp0(json_node_get_string(mode), "max") == 0 ? -1 : 1;
    }
    *metrics = g_steal_pointer(&read);
    *signs = g_steal_pointer(&turned);
    return TRUE;
}
