/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An experiment without a driver, opened by those who write to its store. */
#include "experiment/judging-private.h"
#include "experiment/outside-private.h"

#include <string.h>

#include "json/json.h"

#define SLOW_PATIENCE_S 600

void
outside_set_network(GError **error, const char *dir)
{
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                "%s is on a network file system, where only a driver writes the store; it has none",
                dir);
}

PbxOutside *
outside_open(const char *dir, GError **error)
{
    g_autoptr(PbxOutside) outside = g_new0(PbxOutside, 1);
    outside->dir = g_strdup(dir);
    outside->version = -1;
    outside->patience_s = SLOW_PATIENCE_S;
    outside->lock = lock_share(dir, error);
    if (outside->lock == NULL)
        return NULL;
    outside->store = store_open(dir, TRUE, error);
    if (outside->store == NULL)
        return NULL;
    if (!store_on_network(outside->store))
        return g_steal_pointer(&outside);
    outside_set_network(error, dir);
    return NULL;
}

PbxOutside *
outside_new(PbxRunner *runner)
{
    PbxOutside *outside = g_new0(PbxOutside, 1);
    outside->dir = g_strdup(runner->dir);
    outside->version = -1;
    outside->patience_s = SLOW_PATIENCE_S;
    outside->store = runner->store;
    outside->spec = runner->spec;
    outside->runner = runner;
    lock_release(g_steal_pointer(&runner->lock));
    return outside;
}

void
outside_free(PbxOutside *outside)
{
    if (outside == NULL)
        return;
    if (outside->runner != NULL) {
        outside->runner->store = NULL;
        runner_close(outside->runner);
    }
    spec_free(outside->spec);
    registry_free(outside->registry);
    store_close(outside->store);
    lock_release(outside->lock);
    g_free(outside->status);
    g_free(outside->dir);
    g_free(outside);
}

void
outside_rest(PbxOutside *outside)
{
    g_clear_pointer(&outside->lock, lock_release);
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
        outside->spec = spec_check_asked(doc, outside->dir, outside->registry, problems);
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
    PbxRunner *runner = outside->runner =
        runner_new_outside(outside->spec, outside->spec->registry);
    runner->store = outside->store;
    runner->dir = g_strdup(outside->dir);
    runner->name = store_fact(outside->store, "name");
    if (runner->name == NULL)
        runner->name = g_path_get_basename(outside->dir);
    g_free(runner->id);
    runner->id = store_fact(outside->store, "experiment_id");
    runner->started_ns = clock_now(runner->clock);
    return runner;
}

/* ---- What others have changed ---- */

static gboolean
has_none(PbxSlot *slot, gpointer user)
{
    (void)user;
    return slot->wrapper == NULL && decider_state_version(slot->decider) == 0 &&
           (decider_caps(slot->decider) & PBX_CAP_TOLD_AGAIN) == 0;
}

static gboolean
has_state(PbxSlot *slot)
{
    return !slot_each(slot, has_none, NULL);
}

/* Those without a state of their own are as good as new. */
static gboolean
any_has_state(const PbxRunner *runner)
{
    for (guint i = 0; i < runner->stoppers->len; i++)
        if (has_state(runner->stoppers->pdata[i]))
            return TRUE;
    return has_state(runner->search) || has_state(runner->scheduler);
}

/* The deciders as the last commit left them. */
static gboolean
load_deciders(PbxRunner *runner, gboolean killed, GError **error)
{
    if (runner->search != NULL && !any_has_state(runner))
        return TRUE;
    g_clear_pointer(&runner->search, slot_free);
    g_clear_pointer(&runner->scheduler, slot_free);
    g_ptr_array_set_size(runner->stoppers, 0);
    if (!runner_open_deciders(runner, error))
        return FALSE;
    return slots_load(runner, killed, NULL, NULL, error);
}

static gboolean
collect_run(const PbxTrialRow *row, gpointer user)
{
    if (row->state == PBX_STATE_RUNNING && g_strcmp0(row->reason, STORE_REASON_ASKED) != 0)
        g_array_append_val((GArray *)user, row->number);
    return TRUE;
}

/* Trials that a killed driver has left RUNNING wait again. */
static gboolean
recover(PbxOutside *outside, GError **error)
{
    PbxRunner *runner = outside->runner;
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(guint64));
    if (!store_each_trial(runner->store, collect_run, numbers, error))
        return FALSE;
    for (guint i = 0; i < numbers->len; i++) {
        PbxTrial *trial = runner_restored(runner, g_array_index(numbers, guint64, i), error);
        if (trial == NULL)
            return FALSE;
        trial_left(runner, trial);
    }
    outside_set_status(outside, "interrupted");
    return runner_store(runner, error);
}

static gboolean
read_dirname(const PbxTrialRow *row, gpointer user)
{
    if (row->dir != NULL)
        g_hash_table_add(user, g_strdup(row->dir));
    return TRUE;
}

/* Room for all trials, whose numbers are those from 0 on. */
static gboolean
read_numbers(PbxOutside *outside, GError **error)
{
    PbxRunner *runner = outside->runner;
    const guint64 n = store_n_trials(outside->store);
    if (!store_counts(outside->store, runner->counts, error))
        return FALSE;
    if (n > G_MAXINT) {
        g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                    "%s: its store has %" G_GUINT64_FORMAT " trials", outside->dir, n);
        return FALSE;
    }
    g_ptr_array_set_size(runner->trials, (int)n);
    outside->n_before = runner->trials->len;
    return TRUE;
}

/* What the driver counts in memory. */
static gboolean
read_counts(PbxOutside *outside, GError **error)
{
    PbxRunner *runner = outside->runner;
    PbxStore *store = outside->store;
    runner_restore_counts(runner);
    runner->exhausted = FALSE;
    steer_load_held(runner);
    g_free(runner->stop_reason);
    runner->stop_reason = store_fact(store, "stopping");
    /* One that went on has none any more. */
    runner->stopping = runner->stop_reason != NULL && runner->stop_reason[0] != '\0';
    return read_numbers(outside, error) &&
           (runner->spec->trial_dirname == NULL ||
            store_each_trial(store, read_dirname, runner->dirnames, error));
}

/* The runner as the store is. */
static gboolean
refresh(PbxOutside *outside, GError **error)
{
    PbxRunner *runner = outside->runner;
    const int version = store_data_version(outside->store);
    if (version >= 0 && version == outside->version)
        return TRUE;
    g_autofree char *driver = store_fact(outside->store, "driver");
    g_free(outside->status);
    outside->status = store_fact(outside->store, "status");
    /* Nobody drives now, whatever was stored. */
    const gboolean killed =
        driver != NULL && driver[0] != '\0' && g_strcmp0(outside->status, "running") == 0;
    if (!read_counts(outside, error) || !load_deciders(runner, killed, error) ||
        !judging_resume(runner, NULL, error))
        return FALSE;
    runner_ask_total(runner);
    outside->version = version;
    return !killed || recover(outside, error);
}

/* ---- A change ---- */

/* Why the runner cannot go on, where nothing else was said. */
static void
tell_fatal(PbxRunner *runner, GError **error)
{
    if (runner != NULL && runner->fatal != NULL && (error == NULL || *error == NULL))
        g_propagate_error(error, g_steal_pointer(&runner->fatal));
}

static void
roll_back(PbxOutside *outside)
{
    PbxRunner *runner = outside->runner;
    store_rollback(outside->store);
    outside->version = -1; /* what the runner has is not what the store has */
    outside->restating = FALSE;
    if (runner == NULL)
        return;
    g_clear_error(&runner->fatal);
    runner_forget(runner, outside->n_before);
    g_ptr_array_set_size(runner->trials, (int)outside->n_before);
}

/* Its directory may have been deleted, or given to another experiment, while it rested. */
static gboolean
take_lock(PbxOutside *outside, GError **error)
{
    outside->lock = lock_share(outside->dir, error);
    if (outside->lock == NULL || store_is_in_place(outside->store))
        return outside->lock != NULL;
    outside_rest(outside);
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                "%s was deleted or replaced since it was opened", outside->dir);
    return FALSE;
}

/* Another process holds the store for as long as the search thinks that it has asked. */
static gboolean
begin_store(PbxOutside *outside, GError **error)
{
    const gboolean slow = outside->spec != NULL && spec_use_is_slow(outside->spec->search);
    const gint64 began = g_get_monotonic_time();
    for (;;) {
        g_autoptr(GError) failed = NULL;
        if (store_begin(outside->store, &failed))
            return TRUE;
        const double waited_s = (double)(g_get_monotonic_time() - began) / G_USEC_PER_SEC;
        if (slow && g_error_matches(failed, PBX_STORE_ERROR, STORE_ERROR_LOCKED) &&
            waited_s < outside->patience_s)
            continue;
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
}

gboolean
outside_begin(PbxOutside *outside, GError **error)
{
    PbxRunner *runner = outside->runner;
    if (outside->lock == NULL && !take_lock(outside, error))
        return FALSE;
    if (!begin_store(outside, error))
        return FALSE;
    if (runner == NULL)
        return TRUE;
    outside->n_before = runner->trials->len;
    runner->again_ns = 0;
    if (refresh(outside, error) && runner->fatal == NULL)
        return TRUE;
    tell_fatal(runner, error);
    roll_back(outside);
    return FALSE;
}

void
outside_set_status(PbxOutside *outside, const char *status)
{
    outside->restating = TRUE;
    g_free(outside->status);
    outside->status = g_strdup(status);
}

/* Whether no trial lives, and none will come. What waits when it was stopped is given to nobody. */
static gboolean
is_over(const PbxRunner *runner)
{
    const guint64 *counts = runner->counts;
    if (counts[PBX_STATE_RUNNING] + counts[PBX_STATE_PAUSED] > 0)
        return FALSE;
    if (runner->stopping)
        return TRUE;
    return counts[PBX_STATE_PENDING] == 0 &&
           (runner->exhausted ||
            (runner->total >= 0 && runner->trials->len >= (guint64)runner->total));
}

void
outside_mark_over(PbxOutside *outside)
{
    PbxRunner *runner = outside->runner;
    if (g_strcmp0(outside->status, "running") != 0 || !is_over(runner))
        return;
    runner_event(runner, PBX_EVENT_END, NULL, runner->stop_reason);
    outside_set_status(outside, runner->counts[PBX_STATE_PENDING] > 0 ? "stopped" : "done");
}

/* Facts that a driver keeps in memory, or writes as it ends. */
static gboolean
store_facts(PbxOutside *outside, GError **error)
{
    PbxRunner *runner = outside->runner;
    PbxStore *store = outside->store;
    if (runner->stopping && !store_put_fact(store, "stopping", runner->stop_reason, error))
        return FALSE;
    if (!outside->restating)
        return TRUE;
    const gboolean ended = !g_str_equal(outside->status, "running");
    g_autofree char *now = g_strdup_printf("%" G_GINT64_FORMAT, runner_wall(runner));
    return store_put_fact(store, "status", outside->status, error) &&
           store_put_fact(store, "driver", "", error) &&
           store_put_fact(store, "ended_ns", ended ? now : "", error);
}

static gboolean
commit(PbxOutside *outside, GError **error)
{
    PbxRunner *runner = outside->runner;
    if (runner != NULL && runner->fatal != NULL) {
        g_propagate_error(error, g_steal_pointer(&runner->fatal));
        return FALSE;
    }
    return (runner == NULL || (store_facts(outside, error) && runner_store(runner, error))) &&
           store_commit(outside->store, error);
}

/* As a driver does once a second; closing does it too. */
static void
make_durable(PbxOutside *outside)
{
    PbxRunner *runner = outside->runner;
    g_autoptr(GError) error = NULL;
    if (runner == NULL || clock_now(runner->clock) - runner->durable_ns < NS_PER_S)
        return;
    runner->durable_ns = clock_now(runner->clock);
    if (!store_make_durable(outside->store, &error))
        runner_log("runner", PBX_LOG_WARNING, error->message, runner);
}

JsonObject *
outside_end(PbxOutside *outside, JsonObject *answer, GError **error)
{
    if (answer == NULL || !commit(outside, error)) {
        tell_fatal(outside->runner, error);
        roll_back(outside);
        g_clear_pointer(&answer, json_object_unref);
        return NULL;
    }
    outside->restating = FALSE;
    if (outside->runner != NULL)
        runner_forget(outside->runner, outside->n_before);
    make_durable(outside);
    return answer;
}

/* ---- Trials ---- */

PbxTrial *
outside_named(PbxOutside *outside, JsonObject *request, GError **error)
{
    const char *text = json_object_get_string_member_with_default(request, "trial", "");
    g_autoptr(GError) failed = NULL;
    g_autoptr(PbxTrialRow) row = store_find_trial(outside->store, text, &failed);
    if (row != NULL)
        return runner_restored(outside->runner, row->number, error);
    if (failed == NULL)
        g_set_error(&failed, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE, "no trial '%s' in %s",
                    text, outside->runner->name);
    g_propagate_error(error, g_steal_pointer(&failed));
    return NULL;
}
