/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox best as a listing: the trials that have a value, the best first. */
#include <math.h>

#include "commands/best-private.h"

static int
compare_scores(gconstpointer a, gconstpointer b, gpointer user)
{
    const PbxQuestion *question = user;
    const PbxScore *one = a, *two = b;
    const double difference = question->sign * (one->value - two->value);
    if (difference != 0)
        return difference < 0 ? -1 : 1;
    return one->trial < two->trial ? -1 : 1;
}

/* Those with a value, the best first; of equal ones the lowest number. *n_infeasible: how many
 * were left out for the constraints. */
static GArray *
ranked_scores(PbxLook *look, const PbxQuestion *question, guint64 *n_infeasible, GError **error)
{
    GArray *scores =
        analysis_scores(look->store, question->metric, question->sign, question->scope, error);
    guint n = 0;
    for (guint i = 0; scores != NULL && i < scores->len; i++) {
        const PbxScore score = g_array_index(scores, PbxScore, i);
        *n_infeasible += score.infeasible;
        if (isfinite(score.value))
            g_array_index(scores, PbxScore, n++) = score;
    }
    if (scores != NULL) {
        g_array_set_size(scores, n);
        g_array_sort_with_data(scores, compare_scores, (gpointer)question);
    }
    return scores;
}

static gboolean
add_rows(PbxLook *look, PbxTable *table, const GArray *scores, guint wanted, GError **error)
{
    gboolean more = TRUE;
    for (guint i = 0; more && i < scores->len; i++) {
        const PbxScore *score = &g_array_index(scores, PbxScore, i);
        g_autoptr(GError) failed = NULL;
        g_autoptr(PbxTrialRow) trial = store_trial(look->store, score->trial, &failed);
        JsonNode *row = trial != NULL ? look_trial_row(look, trial, wanted, &failed) : NULL;
        if (failed != NULL) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
        if (row == NULL)
            continue;
        look_set_double(json_node_get_object(row), "score", score->value);
        more = table_add(table, row);
    }
    return TRUE;
}

int
best_table(PbxLook *look, const PbxQuestion *question, const PbxTableOptions *options)
{
    g_autoptr(PbxTable) table = table_new(options);
    if (table == NULL)
        return EXIT_USAGE;
    guint64 n_infeasible = 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) scores = ranked_scores(look, question, &n_infeasible, &error);
    if (scores == NULL || !add_rows(look, table, scores, look_wanted(options), &error))
        return look_failed(error);
    if (scores->len == 0)
        return best_tell_none(look, question->metric, n_infeasible);
    gboolean shown = question->scope == SCOPE_LAST &&
                     g_strcmp0(question->metric, look->metric) == 0; /* as the metric's column */
    g_auto(GStrv) columns = look_trial_columns(look, shown ? NULL : "score");
    return table_finish(table, (const char *const *)columns, "no trial matches");
}
