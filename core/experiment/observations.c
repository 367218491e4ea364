/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* observations/1: a search learns from the trials of an earlier experiment, whose store is only
 * read. */
#include <math.h>
#include <string.h>

#include "experiment/slot-private.h"
#include "json/json.h"

/* One that is read. */
typedef struct PbxObserving {
    char *experiment; /* as the plugin names it */
    PbxStore *store;
    GHashTable *left_out; /* reason to a count */
    char *text;           /* the same in words */
    /* The last that was given. */
    PbxTrial *trial;
    PbxView *view;
} PbxObserving;

static void
forget_last(PbxObserving *observing)
{
    g_clear_pointer(&observing->view, view_free);
    g_clear_pointer(&observing->trial, trial_free);
}

void
observing_free(PbxObserving *observing)
{
    if (observing == NULL)
        return;
    forget_last(observing);
    store_close(observing->store);
    g_hash_table_unref(observing->left_out);
    g_free(observing->experiment);
    g_free(observing->text);
    g_free(observing);
}

/* ---- The other experiment ---- */

static PbxObserving *
observe(PbxSlot *slot, const char *experiment, GError **error)
{
    PbxObserving *observing = slot->observing;
    if (observing != NULL && g_str_equal(observing->experiment, experiment))
        return observing;
    g_autofree char *file = g_build_filename(experiment, "experiment.db", NULL);
    if (!g_file_test(file, G_FILE_TEST_EXISTS)) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                    "there is no experiment in %s", experiment);
        return NULL;
    }
    PbxStore *store = store_open(experiment, FALSE, error);
    if (store == NULL)
        return NULL;
    observing_free(observing);
    slot->observing = observing = g_new0(PbxObserving, 1);
    observing->experiment = g_strdup(experiment);
    observing->store = store;
    observing->left_out = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return observing;
}

/* ---- Its trials ---- */

static void leave_out(PbxObserving *observing, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void
leave_out(PbxObserving *observing, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *reason = g_strdup_vprintf(format, args);
    va_end(args);
    const guint n = GPOINTER_TO_UINT(g_hash_table_lookup(observing->left_out, reason));
    g_hash_table_insert(observing->left_out, reason, GUINT_TO_POINTER(n + 1));
}

/* The point of its config. FALSE: it has none here, which was noted. */
static gboolean
find_point(const PbxSlot *slot, PbxObserving *observing, PbxTrialRow *row)
{
    const PbxSpace *space = slot->runner->spec->space;
    const guint n = space_n_dims(space);
    g_autoptr(JsonNode) config =
        row->config != NULL ? json_read(row->config, strlen(row->config), DOC_MAX_NESTING, NULL)
                            : NULL;
    const char *outside = NULL;
    gboolean altered = FALSE;
    g_autofree double *x = g_new(double, n + 1);
    if (config == NULL) {
        leave_out(observing, "without a config");
        return FALSE;
    }
    space_point(space, config, x, &outside);
    if (outside == NULL && space_snap(space, x, &altered, NULL) && !altered) {
        g_free(row->x);
        row->x = g_steal_pointer(&x);
        row->n_dims = n;
        return TRUE;
    }
    for (guint i = 0; outside == NULL && i < n; i++)
        if (altered || (isnan(x[i]) && space_active(space, x, i)))
            outside = space_dims(space)->dims[i]->name;
    if (outside != NULL && json_lookup(config, outside) == NULL)
        leave_out(observing, "without %s", outside);
    else
        leave_out(observing, "with %s outside the space", outside != NULL ? outside : "a value");
    return FALSE;
}

static gboolean
has_ended(const PbxTrialRow *row, PbxObserving *observing)
{
    if (row->end == PBX_END_COMPLETED || row->end == PBX_END_EARLY_STOPPED ||
        row->end == PBX_END_FAILED)
        return TRUE;
    leave_out(observing, row->end == PBX_END_VOID      ? "void"
                         : row->end == PBX_END_STOPPED ? "stopped by a user"
                                                       : "not ended");
    return FALSE;
}

/* The result that it ended with. FALSE: the error is set. */
static gboolean
read_last(PbxObserving *observing, PbxTrial *trial, GError **error)
{
    PbxTrialRow *row = &trial->row;
    if (row->last_seq == 0)
        return TRUE;
    trial->last = store_result(observing->store, row->last_seq, error);
    return trial->last != NULL && store_attempt(observing->store, row->number, trial->last->attempt,
                                                &trial->attempt, error);
}

static gboolean
has_losses(const PbxSlot *slot)
{
    for (guint i = 0; i < slot->problem->n_objectives; i++)
        if (isnan(slot->losses[i]))
            return FALSE;
    return TRUE;
}

/* The trial as the slot sees it. NULL: it is left out, or the error is set. Takes the row. */
static const pbx_outcome *
show(PbxSlot *slot, PbxObserving *observing, PbxTrialRow *taken, GError **error)
{
    PbxTrial *trial = observing->trial = g_new0(PbxTrial, 1);
    trial->row = *taken;
    trial->budget = (double)NAN;
    g_free(taken);
    if (!has_ended(&trial->row, observing) || !find_point(slot, observing, &trial->row) ||
        !read_last(observing, trial, error))
        return NULL;
    slot_clear_told(slot);
    slot->told = end_outcome(slot->runner, trial);
    slot->told.flags = PBX_OUTCOME_FOREIGN;
    slot->told.trial = PBX_NONE;
    slot->told.origin = 0;
    slot->told_view = NULL;
    if (trial->last != NULL) {
        slot->told_view = observing->view = view_new(slot->runner, trial, trial->last);
        slot->told.last = view_for_slot(slot->runner, observing->view, slot);
        slot->seen.trial = PBX_NONE;
    }
    if (trial->row.end == PBX_END_FAILED || (trial->last != NULL && has_losses(slot)))
        return &slot->told;
    leave_out(observing, "without the metric");
    return NULL;
}

const pbx_outcome *
observations_read(PbxSlot *slot, const char *experiment, guint64 *from, GError **error)
{
    g_autoptr(GError) failed = NULL;
    PbxObserving *observing = observe(slot, experiment, error);
    if (observing == NULL)
        return NULL;
    const pbx_outcome *outcome = NULL;
    g_clear_pointer(&observing->text, g_free);
    while (outcome == NULL && failed == NULL) {
        forget_last(observing);
        PbxTrialRow *row = store_trial(observing->store, *from, &failed);
        if (row == NULL)
            break;
        ++*from;
        outcome = show(slot, observing, row, &failed);
    }
    if (failed != NULL) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return NULL;
    }
    return outcome;
}

/* ---- The service ---- */

static const char *
left_out_in_words(PbxObserving *observing)
{
    if (observing == NULL || g_hash_table_size(observing->left_out) == 0)
        return NULL;
    if (observing->text != NULL)
        return observing->text;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GList) reasons =
        g_list_sort(g_hash_table_get_keys(observing->left_out), (GCompareFunc)strcmp);
    for (const GList *item = reasons; item != NULL; item = item->next)
        g_string_append_printf(
            text, "%s%u %s", text->len > 0 ? ", " : "",
            GPOINTER_TO_UINT(g_hash_table_lookup(observing->left_out, item->data)),
            (const char *)item->data);
    observing->text = g_string_free(g_steal_pointer(&text), FALSE);
    return observing->text;
}

const pbx_outcome *
observations_observe(gpointer user, const char *experiment, guint64 *from, const char **left_out,
                     pbx_error *error)
{
    PbxSlot *slot = user, *root = slot;
    g_autoptr(GError) failed = NULL;
    error->message[0] = error->where[0] = '\0';
    const pbx_outcome *outcome = observations_read(slot, experiment, from, &failed);
    while (root->wrapper != NULL)
        root = root->wrapper;
    root->observed = TRUE;
    if (left_out != NULL)
        *left_out = left_out_in_words(slot->observing);
    if (failed != NULL)
        plugin_set_abi_error(error, "experiment", "%s", failed->message);
    return outcome;
}

static const pbx_outcome *
abi_read(const pbx_host *host, const char *experiment, uint64_t *from, pbx_error *error)
{
    guint64 next = *from;
    const pbx_outcome *outcome = observations_observe(host_service_user(host, PBX_OBSERVATIONS_ID),
                                                      experiment, &next, NULL, error);
    *from = next;
    return outcome;
}

static const char *
abi_left_out(const pbx_host *host)
{
    const PbxSlot *slot = host_service_user(host, PBX_OBSERVATIONS_ID);
    return left_out_in_words(slot->observing);
}

static const pbx_observations service = {
    .struct_size = sizeof service, .read = abi_read, .left_out = abi_left_out};

void
observations_offer(PbxHost *host, PbxSlot *slot)
{
    host_add_service(host, PBX_OBSERVATIONS_ID, &service, slot);
}
