/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox best of several metrics: the Pareto front, a row each; and one trial of it. */
#include <string.h>

#include "commands/best-private.h"

#define MAX_SHOWN 12 /* numbers of trials in a message */

/* FALSE: told, and *status is the command's. */
static gboolean
find_front(PbxLook *look, PbxFront *front, int *status)
{
    g_autoptr(GError) error = NULL;
    if (!store_front(look->store, (const char *const *)look->metrics, look->signs, front, &error)) {
        *status = look_failed(error);
        return FALSE;
    }
    if (front->trials->len > 0)
        return TRUE;
    g_autofree char *names = g_strjoinv(", ", look->metrics);
    command_error(front->n_infeasible > 0
                      ? "%s has no best trial: none that has values of %s keeps the constraints"
                      : "%s has no best trial: none has finite values of %s",
                  look->name, names);
    *status = EXIT_TRIAL_FAILED;
    return FALSE;
}

static gboolean
add_rows(PbxLook *look, PbxTable *table, const PbxFront *front, guint wanted, GError **error)
{
    gboolean more = TRUE;
    for (guint i = 0; more && i < front->trials->len; i++) {
        g_autoptr(PbxTrialRow) trial =
            store_trial(look->store, g_array_index(front->trials, guint64, i), error);
        JsonNode *row = trial != NULL ? look_trial_row(look, trial, wanted, error) : NULL;
        if (row == NULL)
            return FALSE;
        more = table_add(table, row);
    }
    return TRUE;
}

int
best_front(PbxLook *look, const PbxTableOptions *options)
{
    int status = EXIT_USAGE;
    g_auto(PbxFront) front = {0};
    g_autoptr(PbxTable) table = table_new(options);
    g_autoptr(GError) error = NULL;
    if (table == NULL || !find_front(look, &front, &status))
        return status;
    if (!add_rows(look, table, &front, look_wanted(options), &error))
        return look_failed(error);
    g_auto(GStrv) columns = look_trial_columns(look, NULL);
    return table_finish(table, (const char *const *)columns, "no trial matches");
}

/* "3, 17, 20 and 4 more" (transfer full) */
static char *
numbers_text(const PbxFront *front)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < MIN(front->trials->len, MAX_SHOWN); i++)
        g_string_append_printf(text, "%s%" G_GUINT64_FORMAT, i > 0 ? ", " : "",
                               g_array_index(front->trials, guint64, i));
    if (front->trials->len > MAX_SHOWN)
        g_string_append_printf(text, " and %u more", front->trials->len - MAX_SHOWN);
    return g_string_free(text, FALSE);
}

static PbxTrialRow *
tell_which(const PbxLook *look, const PbxFront *front, const PbxTrialRow *asked)
{
    g_autofree char *numbers = numbers_text(front);
    if (asked != NULL)
        command_error("trial %" G_GUINT64_FORMAT " of %s is not on the Pareto front; on it: %s",
                      asked->number, look->name, numbers);
    else
        command_error("%u trials of %s are on the Pareto front: which one? --trial N, of %s",
                      front->trials->len, look->name, numbers);
    return NULL;
}

PbxTrialRow *
best_front_trial(PbxLook *look, const char *trial, int *status)
{
    g_auto(PbxFront) front = {0};
    g_autoptr(GError) error = NULL;
    if (!find_front(look, &front, status))
        return NULL;
    *status = EXIT_USAGE;
    g_autoptr(PbxTrialRow) asked = trial != NULL ? look_trial(look, trial, status) : NULL;
    if (trial != NULL && asked == NULL)
        return NULL;
    if (asked == NULL && front.trials->len > 1)
        return tell_which(look, &front, NULL);
    for (guint i = 0; i < front.trials->len; i++) {
        const guint64 number = g_array_index(front.trials, guint64, i);
        if (asked != NULL && asked->number != number)
            continue;
        PbxTrialRow *row =
            asked != NULL ? g_steal_pointer(&asked) : store_trial(look->store, number, &error);
        if (row == NULL)
            *status = look_failed(error);
        return row;
    }
    return tell_which(look, &front, asked);
}
