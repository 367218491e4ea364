/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An experiment without a driver, opened by a command that writes to its store. */
#include "experiment/outside-private.h"

#include <math.h>
#include <string.h>

#include "json/json.h"

PbxOutside *
outside_open(const char *dir, GError **error)
{
    g_autoptr(PbxOutside) outside = g_new0(PbxOutside, 1);
    outside->dir = g_strdup(dir);
    outside->version = -1;
    outside->lock = lock_share(dir, error);
    if (outside->lock == NULL)
        return NULL;
    outside->store = store_open(dir, TRUE, error);
    if (outside->store == NULL)
        return NULL;
    if (store_on_network(outside->store)) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                    "%s is on a network file system, where only a driver writes the store; it has "
                    "none",
                    dir);
        return NULL;
    }
    return g_steal_pointer(&outside);
}

void
outside_free(PbxOutside *outside)
{
    if (outside == NULL)
        return;
    if (outside->runner != NULL) {
        outside->runner->store = NULL;
        outside->runner->lock = NULL;
        runner_close(outside->runner);
    }
    spec_free(outside->spec);
    registry_free(outside->registry);
    store_close(outside->store);
    lock_release(outside->lock);
    g_free(outside->dir);
    g_free(outside);
}

/* ---- The runner ---- */

static gboolean
load_spec(PbxOutside *outside, GError **error)
{
    g_autofree char *text = store_fact(outside->store, "spec");
    g_autoptr(PbxProblems) problems = problems_new();
    outside->registry = registry_new(error);
    if (outside->registry == NULL)
        return FALSE;
    PbxDoc *doc =
        text != NULL ? doc_parse("experiment.json", text, strlen(text), DOC_PLAIN, problems) : NULL;
    if (doc != NULL)
        outside->spec = spec_check(doc, outside->dir, outside->registry, problems);
    if (outside->spec != NULL)
        return TRUE;
    g_autofree char *lines = problems_format(problems);
    lines[strcspn(lines, "\n")] = '\0';
    g_set_error(error, PBX_EXPERIMENT_ERROR,
                problems_status(problems) == 3 ? EXPERIMENT_ERROR_PLUGIN : EXPERIMENT_ERROR_BROKEN,
                "%s: the experiment cannot be read as it was begun: %s", outside->dir,
                text != NULL ? lines : "its store has no spec");
    return FALSE;
}

PbxRunner *
outside_runner(PbxOutside *outside, GError **error)
{
    if (outside->runner != NULL)
        return outside->runner;
    if (outside->spec == NULL && !load_spec(outside, error))
        return NULL;
    PbxRunner *runner = outside->runner = runner_new(outside->spec, outside->registry);
    runner->store = outside->store;
    runner->lock = outside->lock;
    runner->dir = g_strdup(outside->dir);
    runner->name = store_fact(outside->store, "name");
    if (runner->name == NULL)
        runner->name = g_path_get_basename(outside->dir);
    g_free(runner->id);
    runner->id = store_fact(outside->store, "experiment_id");
    runner->started_ns = clock_now(runner->clock);
    return runner;
}

static void
close_deciders(PbxRunner *runner)
{
    g_clear_pointer(&runner->search, slot_free);
    g_clear_pointer(&runner->scheduler, slot_free);
    g_ptr_array_set_size(runner->stoppers, 0);
}

static gboolean
load_deciders(PbxRunner *runner, GError **error)
{
    close_deciders(runner);
    if (!runner_open_deciders(runner, error) || !slot_load(runner->store, runner->search, error) ||
        !slot_load(runner->store, runner->scheduler, error))
        return FALSE;
    for (guint i = 0; i < runner->stoppers->len; i++)
        if (!slot_load(runner->store, runner->stoppers->pdata[i], error))
            return FALSE;
    return TRUE;
}

static void
forget(PbxRunner *runner)
{
    g_ptr_array_set_size(runner->dirty, 0);
    g_ptr_array_set_size(runner->trials, 0);
}

/* The runner as the store is. */
static gboolean
refresh(PbxOutside *outside, GError **error)
{
    PbxRunner *runner = outside->runner;
    const int version = store_data_version(outside->store);
    if (version >= 0 && version == outside->version)
        return TRUE;
    forget(runner);
    if (!store_counts(outside->store, runner->counts, error) || !load_deciders(runner, error))
        return FALSE;
    guint64 n = 0;
    for (guint i = 0; i < PBX_N_STATES; i++)
        n += runner->counts[i];
    g_ptr_array_set_size(runner->trials, (int)MIN(n, G_MAXINT));
    runner->seq = store_last_seq(outside->store);
    outside->version = version;
    return TRUE;
}

gboolean
outside_begin(PbxOutside *outside, GError **error)
{
    if (!store_begin(outside->store, error))
        return FALSE;
    if (outside->runner == NULL || refresh(outside, error))
        return TRUE;
    store_rollback(outside->store);
    outside->version = -1;
    return FALSE;
}

JsonObject *
outside_end(PbxOutside *outside, JsonObject *answer, GError **error)
{
    PbxRunner *runner = outside->runner;
    if (answer != NULL && runner != NULL && runner->fatal != NULL)
        g_propagate_error(error, g_steal_pointer(&runner->fatal));
    else if (answer != NULL && (runner == NULL || runner_store(runner, error)) &&
             store_commit(outside->store, error))
        return answer;
    store_rollback(outside->store);
    outside->version = -1; /* what the runner has is not what the store has */
    if (runner != NULL)
        g_clear_error(&runner->fatal);
    g_clear_pointer(&answer, json_object_unref);
    return NULL;
}

/* ---- Trials ---- */

static void
set_no_trial(const PbxOutside *outside, const char *trial, GError **failed)
{
    if (*failed == NULL)
        g_set_error(failed, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE, "no trial '%s' in %s",
                    trial, outside->runner->name);
}

/* Takes the row. */
static PbxTrial *
trial_of_row(PbxOutside *outside, PbxTrialRow *row, GError **error)
{
    PbxTrial *trial = g_new0(PbxTrial, 1);
    trial->row = *row;
    g_free(row);
    row = &trial->row;
    trial->config = json_read(row->config, strlen(row->config), DOC_MAX_NESTING, NULL);
    if (row->dir != NULL)
        trial->dir = g_build_filename(outside->dir, row->dir, NULL);
    trial->budget = (double)NAN;
    trial->ended = row->end >= 0;
    trial->attempt = (PbxAttemptRow){.trial = row->number};
    g_autoptr(GError) failed = NULL;
    if (row->attempts > 0)
        (void)store_attempt(outside->store, row->number, row->attempts, &trial->attempt, &failed);
    if (failed == NULL && row->last_seq > 0)
        trial->last = store_result(outside->store, row->last_seq, &failed);
    trial->shown = trial->last != NULL ? trial->last->n : 0;
    if (failed != NULL) {
        g_propagate_error(error, g_steal_pointer(&failed));
        g_clear_pointer(&trial, trial_free);
    }
    return trial;
}

PbxTrial *
outside_trial(PbxOutside *outside, guint64 number, GError **error)
{
    GPtrArray *trials = outside->runner->trials;
    g_autoptr(GError) failed = NULL;
    if (number < trials->len && trials->pdata[number] != NULL)
        return trials->pdata[number];
    PbxTrialRow *row = number < trials->len ? store_trial(outside->store, number, &failed) : NULL;
    PbxTrial *trial = row != NULL ? trial_of_row(outside, row, &failed) : NULL;
    if (trial != NULL) {
        trials->pdata[number] = trial;
        return trial;
    }
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);
    set_no_trial(outside, text, &failed);
    g_propagate_error(error, g_steal_pointer(&failed));
    return NULL;
}

PbxTrial *
outside_named(PbxOutside *outside, JsonObject *request, GError **error)
{
    const char *text = json_object_get_string_member_with_default(request, "trial", "");
    g_autoptr(GError) failed = NULL;
    g_autoptr(PbxTrialRow) row = store_find_trial(outside->store, text, &failed);
    if (row != NULL)
        return outside_trial(outside, row->number, error);
    set_no_trial(outside, text, &failed);
    g_propagate_error(error, g_steal_pointer(&failed));
    return NULL;
}
