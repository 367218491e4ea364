/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An experiment that is there goes on: held, checked, and known again as it was left. */
#include <string.h>

#include "experiment/added-private.h"
#include "experiment/checkpoints-private.h"
#include "experiment/judging-private.h"
#include "experiment/propose-private.h"
#include "store/repair.h"
#include "json/json.h"

#define LOOK_BACK 1000 /* seq: what a retry repeats has no event */
#define MOMENT_NS (NS_PER_S / 10)

/* ---- Held ---- */

static gboolean
read_spec(PbxResume *resume, GError **error)
{
    g_autofree char *text = store_fact(resume->store, "spec");
    resume->spec = text != NULL ? json_read(text, strlen(text), DOC_MAX_NESTING, NULL) : NULL;
    if (resume->spec != NULL && JSON_NODE_HOLDS_OBJECT(resume->spec))
        return TRUE;
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                "%s: its store has no spec that can be read", resume->dir);
    return FALSE;
}

PbxResume *
resume_open(const char *dir, GError **error)
{
    g_autoptr(PbxResume) resume = g_new0(PbxResume, 1);
    resume->dir = g_strdup(dir);
    g_autofree char *store = g_build_filename(dir, "experiment.db", NULL);
    if (!g_file_test(store, G_FILE_TEST_EXISTS) && !store_has_begun(dir)) {
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_NONE,
                    "no experiment in %s: it has no experiment.db", dir);
        return NULL;
    }
    resume->lock = lock_take(dir, error);
    if (resume->lock == NULL)
        return NULL;
    if (!store_check_log(dir, &resume->lost, error))
        return NULL;
    if (!store_has_begun(dir)) {
        g_set_error(error, PBX_STORE_ERROR, STORE_ERROR_NONE,
                    "%s: its driver was killed before the experiment had begun; `pegbox run` "
                    "begins it",
                    dir);
        return NULL;
    }
    resume->store = store_open(dir, TRUE, error);
    if (resume->store == NULL || !read_spec(resume, error))
        return NULL;
    g_autofree char *driver = store_fact(resume->store, "driver");
    g_autofree char *status = store_fact(resume->store, "status");
    resume->killed = driver != NULL && driver[0] != '\0' && g_strcmp0(status, "running") == 0;
    return g_steal_pointer(&resume);
}

void
resume_close(PbxResume *resume)
{
    if (resume == NULL)
        return;
    g_clear_pointer(&resume->spec, json_node_unref);
    store_close(resume->store);
    lock_release(resume->lock);
    g_free(resume->dir);
    g_free(resume);
}

JsonNode *
resume_spec(const PbxResume *resume)
{
    return resume->spec;
}

static gint64
time_fact(PbxStore *store, const char *key, gint64 none)
{
    g_autofree char *text = store_fact(store, key);
    gint64 ns = none;
    if (text != NULL)
        (void)g_ascii_string_to_signed(text, 10, 0, G_MAXINT64 / 2, &ns, NULL);
    return ns;
}

static gboolean
look_at_time(const PbxEventRow *event, const PbxResultRow *result, gpointer user)
{
    (void)result;
    *(gint64 *)user = event->at_ns;
    return TRUE;
}

/* When the last thing happened that is stored, by the driver's clock. Its deciders were called a
 * moment later at most. */
gint64
resume_clock(const PbxResume *resume)
{
    PbxStore *store = resume->store;
    const gint64 began = time_fact(store, RESUME_CLOCK_BEGAN, -1);
    const gint64 said = time_fact(store, RESUME_CLOCK, 0);
    const guint64 last = store_last_seq(store);
    gint64 at_ns = -1;
    if (began < 0 || !store_each_event(store, last > LOOK_BACK ? last - LOOK_BACK : 0, G_MAXUINT,
                                       look_at_time, &at_ns, NULL))
        return said;
    return MAX(said, MIN(at_ns - began, G_MAXINT64 / 2)) + MOMENT_NS;
}

gboolean
resume_check(const PbxResume *resume, const PbxSpec *spec, PbxProblems *problems)
{
    const guint before = problems_count(problems);
    g_autofree char *stored = store_fact(resume->store, "name");
    g_autofree char *name =
        stored != NULL ? g_steal_pointer(&stored) : g_path_get_basename(resume->dir);
    if (spec->name != NULL && !g_str_equal(spec->name, name))
        problems_add(problems, spec->doc, "/name",
                     "cannot change in an experiment that is there: it is \"%s\"", name);
    spec_check_unchanged(spec, resume->spec, problems);
    return problems_count(problems) == before;
}

/* ---- What becomes of the deciders' states ---- */

static JsonNode *
member(JsonNode *object, const char *key)
{
    return object != NULL && JSON_NODE_HOLDS_OBJECT(object)
               ? json_object_get_member(json_node_get_object(object), key)
               : NULL;
}

/* What a resolved spec says of a slot; NULL: there is none. */
static JsonNode *
use_of(JsonNode *spec, const char *slot)
{
    guint64 index = 0;
    if (!g_str_has_prefix(slot, "stop["))
        return member(spec, slot);
    g_autofree char *digits = g_strdup(slot + strlen("stop["));
    digits[strcspn(digits, "]")] = '\0';
    JsonNode *stop = member(spec, "stop");
    if (stop == NULL || !JSON_NODE_HOLDS_ARRAY(stop) ||
        !g_ascii_string_to_unsigned(digits, 10, 0, G_MAXUINT - 1, &index, NULL) ||
        index >= json_array_get_length(json_node_get_array(stop)))
        return NULL;
    return json_array_get_element(json_node_get_array(stop), (guint)index);
}

static gboolean
is_same(JsonNode *one, JsonNode *two)
{
    return one == NULL || two == NULL ? one == two : json_equal(one, two);
}

/* Whether an instance of before looked at the same: what it remembers is of use then, whatever its
 * limits are now. */
static gboolean
looks_at_the_same(const PbxPlugin *plugin, JsonNode *then, JsonNode *now)
{
    if (!is_same(member(then, "plugin"), member(now, "plugin")))
        return FALSE;
    for (guint i = 0; i < plugin->desc->n_options; i++) {
        const pbx_option *option = plugin_option(plugin->desc, i);
        const gboolean looks =
            (option->flags & PBX_OPTION_OBJECTIVE) != 0 || option->type == PBX_OPTION_FIELD ||
            option->type == PBX_OPTION_FIELD_MAP || option->type == PBX_OPTION_EXPRESSION ||
            option->type == PBX_OPTION_PLUGIN;
        if (looks && !is_same(member(then, option->name), member(now, option->name)))
            return FALSE;
    }
    return TRUE;
}

/* Whether each wrapper that keys of the search mean was there before too: one that was not knows
 * nothing of what is. */
static gboolean
is_wrapped_alike(const PbxPluginUse *use, JsonNode *then)
{
    for (; use != spec_use_given(use); use = g_ptr_array_index(use->wrapped, 0)) {
        const PbxPluginUse *inner = g_ptr_array_index(use->wrapped, 0);
        gboolean there = FALSE;
        for (char **key = inner->from->keys; *key != NULL; key++)
            there = there || member(then, *key) != NULL;
        if (!there)
            return FALSE;
    }
    return TRUE;
}

static gboolean
is_same_search(const PbxRunner *runner, const PbxResume *resume)
{
    const PbxPluginUse *use = runner->spec->search;
    JsonNode *then = use_of(resume->spec, "search");
    return is_wrapped_alike(use, then) &&
           looks_at_the_same(spec_use_given(use)->plugin, then,
                             use_of(runner->spec->resolved, "search"));
}

static gboolean
is_of_stop(const PbxSlot *slot)
{
    return g_str_has_prefix(decider_slot(slot->decider), "stop[");
}

/* How well a stopper of now matches one of before; the best first. */
typedef enum {
    MATCH_EQUAL_PLACE,
    MATCH_EQUAL,
    MATCH_PLACE, /* it looks at the same, there */
    MATCH_LOOKS,
    N_MATCHES
} Match;

static gboolean
is_match(Match match, const PbxSlot *slot, JsonNode *then, JsonNode *now, gboolean same_place)
{
    switch (match) {
    case MATCH_EQUAL_PLACE:
        return same_place && is_same(then, now);
    case MATCH_EQUAL:
        return is_same(then, now);
    case MATCH_PLACE:
        return same_place && looks_at_the_same(slot->use->plugin, then, now);
    default:
        return looks_at_the_same(slot->use->plugin, then, now);
    }
}

/* Rules may have been added before one, or taken away: whose state of before each stopper of `stop`
 * takes, and none takes that of another. */
static void
match_stoppers(PbxRunner *runner, const PbxResume *resume)
{
    JsonNode *before = member(resume->spec, "stop");
    const guint n = before != NULL && JSON_NODE_HOLDS_ARRAY(before)
                        ? json_array_get_length(json_node_get_array(before))
                        : 0;
    g_autofree gboolean *taken = g_new0(gboolean, n + 1);
    for (Match match = 0; match < N_MATCHES; match++) {
        for (guint i = 0; i < runner->stoppers->len; i++) {
            PbxSlot *slot = runner->stoppers->pdata[i];
            JsonNode *now = use_of(runner->spec->resolved, decider_slot(slot->decider));
            if (!is_of_stop(slot))
                continue;
            for (guint j = 0; j < n && slot->former == NULL; j++) {
                JsonNode *then = json_array_get_element(json_node_get_array(before), j);
                if (taken[j] || !is_match(match, slot, then, now, i == j))
                    continue;
                taken[j] = TRUE;
                slot->former = g_strdup_printf("stop[%u]", j);
            }
        }
    }
}

static PbxSlotFate
judge(const PbxRunner *runner, const PbxSlot *slot, gpointer user)
{
    const PbxResume *resume = user;
    if (slot == runner->scheduler)
        return resume->options.reset_scheduler ? SLOT_ANEW : SLOT_LOAD;
    if (slot == runner->search)
        return is_same_search(runner, resume) ? SLOT_LOAD : SLOT_AGAIN;
    /* One of its own key, time_budget_s, is always the same. */
    const gboolean anew =
        resume->options.reset_stoppers || (is_of_stop(slot) && slot->former == NULL);
    return anew ? SLOT_ANEW : SLOT_LOAD;
}

static gboolean
check_scheduler(const PbxRunner *runner, const PbxResume *resume, GError **error)
{
    const PbxPluginUse *use = runner->spec->scheduler;
    JsonNode *then = use_of(resume->spec, use->slot);
    JsonNode *now = use_of(runner->spec->resolved, use->slot);
    if (resume->options.reset_scheduler || looks_at_the_same(use->plugin, then, now))
        return TRUE;
    g_autofree char *old_text = then != NULL ? json_to_text(then) : g_strdup("none");
    g_set_error(error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_USAGE,
                "scheduler: what it knows is of %.200s, and of no use to another one; --reset "
                "scheduler begins anew",
                old_text);
    return FALSE;
}

/* ---- Known again ---- */

static void
tell_lost(PbxRunner *runner, const PbxResume *resume)
{
    if (resume->lost == 0)
        return;
    g_autofree char *line =
        g_strdup_printf("%s/experiment.db-wal is damaged: the newest %" G_GUINT64_FORMAT
                        " commits or more are lost, and what they knew runs again; archives that "
                        "no checkpoint has are kept as " CHECKPOINT_FOUND_PREFIX "*",
                        resume->dir, resume->lost);
    runner_log("store", PBX_LOG_WARNING, line, runner);
    runner->log_damaged = TRUE;
}

static void
take_over(PbxRunner *runner, PbxResume *resume)
{
    runner->store = g_steal_pointer(&resume->store);
    runner->lock = g_steal_pointer(&resume->lock);
    runner->dir = g_strdup(resume->dir);
    runner->name = store_fact(runner->store, "name");
    if (runner->name == NULL)
        runner->name = g_path_get_basename(resume->dir);
    g_autofree char *id = store_fact(runner->store, "experiment_id");
    if (id != NULL) {
        g_free(runner->id);
        runner->id = g_steal_pointer(&id);
    }
    /* It may have been moved. */
    PbxSpec *spec = runner->spec;
    JsonObject *root = json_node_get_object(spec->resolved);
    g_free(spec->results_dir);
    spec->results_dir = g_path_get_dirname(resume->dir);
    json_object_set_string_member(root, "results_dir", spec->results_dir);
}

/* What ran is next, in its order; it pauses where that was decided. */
static gboolean
take_left(PbxRunner *runner, const GPtrArray *left, GError **error)
{
    for (guint i = 0; i < left->len; i++) {
        PbxTrial *trial = left->pdata[i];
        if (trial->row.state == PBX_STATE_RUNNING)
            trial_left(runner, trial);
        if (!pause_restore(runner, trial, error))
            return FALSE;
        queue_return(runner, trial);
    }
    return TRUE;
}

static gboolean
has_failed(const PbxTrialRow *row)
{
    return row->state == PBX_STATE_ERROR;
}

/* Made ahead of a free slot, and ended with the experiment before it had one. */
static gboolean
has_not_run(const PbxTrialRow *row)
{
    return row->end == PBX_END_STOPPED && row->attempts == 0 &&
           g_strcmp0(row->reason, STORE_REASON_USER) != 0;
}

/* Ended trials stay ended: what is to run after all is made anew. */
static gboolean
make_again(PbxRunner *runner, const PbxResume *resume, GError **error)
{
    if (resume->options.errored && !added_again(runner, has_failed, error))
        return FALSE;
    /* Those only where what ended the experiment does not end it still. */
    runner_ask_stoppers(runner);
    return runner->stopping || runner->fatal != NULL || added_again(runner, has_not_run, error);
}

/* For those who open the store later: it holds for this driver already. */
static gboolean
store_durability(PbxRunner *runner, GError **error)
{
    const gboolean full = runner->spec->durability_full;
    g_autofree char *stored = store_fact(runner->store, "durability");
    return (g_strcmp0(stored, "full") == 0) == full ||
           store_put_fact(runner->store, "durability", full ? "full" : "normal", error);
}

/* Within a transaction: all that changes, or nothing. */
static gboolean
go_on(PbxRunner *runner, PbxResume *resume, GPtrArray *left, GError **error)
{
    match_stoppers(runner, resume);
    if (!data_open(runner, error) || !slots_load(runner, resume->killed, judge, resume, error) ||
        !logging_restore(runner, resume->spec, error))
        return FALSE;
    runner_event(runner, PBX_EVENT_START, NULL, "resumed");
    if (!restore_from_update(runner, error))
        return FALSE;
    if (!judging_resume(runner, left, error))
        return FALSE;
    propose_unused(runner);
    if (!take_left(runner, left, error) || !make_again(runner, resume, error))
        return FALSE;
    if (runner->fatal != NULL) {
        g_propagate_error(error, g_steal_pointer(&runner->fatal));
        return FALSE;
    }
    return store_put_fact(runner->store, "stopping", "", error) &&
           store_put_fact(runner->store, END_STOPPED_BY, "", error) &&
           runner_store_facts(runner, TRUE, error) && store_durability(runner, error) &&
           runner_store(runner, error) && store_commit(runner->store, error) &&
           runner_write_spec(runner, error);
}

gboolean
resume_restore(PbxRunner *runner, PbxResume *resume, GError **error)
{
    g_autoptr(GPtrArray) left = g_ptr_array_new();
    take_over(runner, resume);
    tell_lost(runner, resume);
    runner_restore_counts(runner);
    steer_load_held(runner);
    /* Workers' names are not those of a driver that may have left some. */
    runner->n_workers = runner->seq;
    if (!check_scheduler(runner, resume, error) || !runner_restore(runner, left, error) ||
        !predecessors_wait(runner, left, error) ||
        !store_set_durability(runner->store, runner->spec->durability_full, error) ||
        !store_begin(runner->store, error))
        return FALSE;
    const gint64 since_ns = checkpoints_last_end(runner);
    if (!go_on(runner, resume, left, error)) {
        store_rollback(runner->store);
        return FALSE;
    }
    runner_ask_total(runner);
    if (resume->killed) {
        checkpoints_sweep(runner, since_ns);
        workers_sweep(runner);
    }
    return TRUE;
}
