/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A decider in its slot: made, set up, its state stored. */
#include <string.h>

#include "experiment/inputs-private.h"
#include "experiment/slot-private.h"

/* A blob beyond this is stored only as often as its cost allows (architecture). */
#define LARGE_BLOB (64 * 1024)
#define PERIOD_S   10
#define SHARE      19 /* times as long as saving took: it has a twentieth of the time */

PbxSlot *
slot_alloc(PbxRunner *runner, const PbxPluginUse *use)
{
    PbxSlot *slot = g_new0(PbxSlot, 1);
    slot->use = use;
    slot->runner = runner;
    slot->problem = spec_problem_new(runner->spec, use);
    slot->watched = options_watched(use->options);
    slot->n_watched = slot->watched != NULL ? g_strv_length((char **)slot->watched) : 0;
    slot->watched_values = g_new0(double, slot->n_watched + 1);
    slot->present = g_new0(guint8, slot->n_watched + 1);
    slot->losses = g_new0(double, slot->problem->n_objectives + 1);
    return slot;
}

static void
offer(PbxHost *host, gpointer user)
{
    PbxSlot *slot = user;
    children_offer(host, slot->children);
    if (g_str_equal(slot->use->plugin->desc->kind, "search"))
        observations_offer(host, slot);
}

/* In the driver's own process. */
static gboolean
make_here(PbxRunner *runner, PbxSlot *slot, GError **error)
{
    const PbxPluginUse *use = slot->use;
    PbxInstance *instance =
        instance_new(use->plugin, use->slot, use->options, spec_seed_of(runner->spec, use),
                     runner->clock, runner_log, runner, offer, slot, error);
    if (instance == NULL)
        return FALSE;
    slot->decider = decider_new(instance, runner->warn_ns);
    return TRUE;
}

PbxSlot *
slot_make(PbxRunner *runner, const PbxPluginUse *use, GError **error)
{
    PbxSlot *slot = slot_alloc(runner, use);
    if (spec_use_in_child(use) ? slot_place(runner, slot, error)
                               : slot_wrap(runner, slot, error) && make_here(runner, slot, error))
        return slot;
    slot_free(slot);
    return NULL;
}

static gboolean
is_stateless(PbxSlot *slot, gpointer user)
{
    (void)user;
    return decider_state_version(slot->decider) == 0;
}

/* The inputs of one in a child are stored, however small its state is: asking for that with each
 * commit would cost more than the call. */
static gboolean
keeps_inputs(PbxSlot *slot)
{
    return decider_is_in_child(slot->decider) && !slot_each(slot, is_stateless, NULL);
}

PbxSlot *
slot_new(PbxRunner *runner, const PbxPluginUse *use, PbxCallId setup, GError **error)
{
    PbxSlot *slot = slot_make(runner, use, error);
    if (slot == NULL)
        return NULL;
    PbxCall call = {.id = setup, .problem = slot->problem};
    decider_call(slot->decider, &call, NULL, NULL);
    inputs_watch(runner, slot);
    slot->large = keeps_inputs(slot);
    if (call.status >= 0)
        return slot;
    decider_set_error(slot->decider, &call, error);
    slot_free(slot);
    return NULL;
}

void
slot_free(PbxSlot *slot)
{
    if (slot == NULL)
        return;
    decider_free(slot->decider);
    g_free(slot->asking_all);
    slot_clear_told(slot);
    observing_free(slot->observing);
    children_free(slot->children);
    if (slot->wrapped != NULL)
        g_ptr_array_unref(slot->wrapped);
    g_clear_pointer(&slot->kept, g_bytes_unref);
    if (slot->inputs != NULL)
        g_ptr_array_unref(slot->inputs);
    spec_problem_free(slot->problem);
    g_free(slot->watched_values);
    g_free(slot->present);
    g_free(slot->losses);
    g_free(slot->former);
    g_free(slot);
}

PbxCall
slot_tell(PbxSlot *slot, PbxCallId id, const pbx_outcome *outcome, PbxView *last)
{
    slot->knows_all = FALSE;
    slot->told = *outcome;
    slot->told_view = last;
    if (last != NULL && decider_has(slot->decider, id))
        slot->told.last = view_for_slot((PbxRunner *)last->runner, last, slot);
    PbxCall call = {.id = id, .outcome = &slot->told};
    decider_call(slot->decider, &call, NULL, NULL);
    return call;
}

gboolean
slot_check(PbxRunner *runner, PbxSlot *slot, PbxCall *call)
{
    if (call->status >= 0)
        return TRUE;
    GError *error = NULL;
    decider_set_error(slot->decider, call, &error);
    runner_fail(runner, error);
    return FALSE;
}

void
slot_tell_later(PbxSlot *slot, PbxCallId id, const pbx_outcome *outcome, PbxCall *call,
                PbxCallDone done, gpointer user)
{
    slot->told = *outcome;
    slot->told_view = NULL;
    *call = (PbxCall){.id = id, .outcome = &slot->told};
    slot_ask(slot, call, NULL, done, user);
}

void
slot_ask(PbxSlot *slot, PbxCall *call, JsonObject *more, PbxCallDone done, gpointer user)
{
    slot->knows_all = FALSE;
    if (decider_is_attached(slot->decider) && decider_has(slot->decider, call->id))
        inputs_ask(slot, call, more);
    decider_call(slot->decider, call, done, user);
}

/* ---- State: that of a wrapper and of what it wraps is saved and loaded together ---- */

typedef struct {
    PbxRunner *runner;
    PbxSlot *root;
    gboolean killed, *again;
    gsize largest; /* blob */
    guint64 input; /* the last that the states know of */
    GError **error;
} Moving;

/* Least seconds between two states of a large one: as the variable says, else so that saving takes
 * at most 5 % of the time. */
static gint64
period_ns(gint64 took_ns)
{
    const double least = runner_env("PEGBOX_GLOBAL_CHECKPOINT_S", -1);
    if (least >= 0)
        return (gint64)(MIN(least, 1e9) * NS_PER_S);
    return MAX(PERIOD_S * NS_PER_S, SHARE * took_ns);
}

static gboolean
put_state(Moving *moving, PbxSlot *slot, gconstpointer bytes, gsize n)
{
    const pbx_plugin *plugin = decider_plugin(slot->decider)->desc;
    const PbxBlobFacts facts = {
        .plugin = (char *)plugin->name,
        .version = (char *)plugin->version,
        .state_version = decider_state_version(slot->decider),
        .at_seq = moving->runner->seq,
        .input = moving->input,
    };
    return store_put_blob(moving->runner->store, decider_slot(slot->decider), &facts, bytes, n,
                          moving->error);
}

static gboolean
save_one(PbxSlot *slot, gpointer user)
{
    Moving *moving = user;
    if (!decider_is_dirty(slot->decider))
        return TRUE;
    g_autoptr(GByteArray) blob = g_byte_array_new();
    if (!decider_save(slot->decider, blob, moving->error))
        return FALSE;
    moving->largest = MAX(moving->largest, blob->len);
    return put_state(moving, slot, blob->data, blob->len);
}

static gboolean
touch(PbxSlot *slot, gpointer user)
{
    (void)user;
    decider_touch(slot->decider);
    return TRUE;
}

static gboolean
is_clean(PbxSlot *slot, gpointer user)
{
    (void)user;
    return !decider_is_dirty(slot->decider);
}

/* A call that the wrapper answered as if nothing had changed may have changed what it wraps. */
static gboolean
touch_wrapper(PbxSlot *slot, gpointer user)
{
    (void)user;
    if (slot->wrapper != NULL && !is_clean(slot, NULL))
        decider_touch(slot->wrapper->decider);
    return TRUE;
}

/* ---- ... where nobody stands and waits for it ---- */

static gboolean
keep_state(PbxSlot *slot, gpointer user)
{
    GBytes *state = decider_saved(slot->decider);
    (void)user;
    g_clear_pointer(&slot->kept, g_bytes_unref);
    slot->kept = state != NULL ? g_bytes_ref(state) : NULL;
    return TRUE;
}

static void
saved(PbxDecider *decider, gint64 took_ns, const GError *error, gpointer user)
{
    PbxSlot *slot = user;
    PbxRunner *runner = slot->runner;
    (void)decider;
    slot->saved_ns = clock_now(runner->clock) + period_ns(took_ns);
    if (error != NULL) {
        runner_fail(runner, g_error_copy(error));
        return;
    }
    slot_each(slot, keep_state, NULL);
    slot->saving = SAVING_THERE;
    runner_touch(runner);
}

static gboolean
store_kept(PbxSlot *slot, gpointer user)
{
    gsize n;
    g_autoptr(GBytes) state = g_steal_pointer(&slot->kept);
    if (state == NULL)
        return TRUE;
    gconstpointer bytes = g_bytes_get_data(state, &n);
    return put_state(user, slot, bytes, n);
}

/* What it was asked, and the state that is there. */
static gboolean
store_so_far(PbxRunner *runner, PbxSlot *slot, GError **error)
{
    Moving moving = {.runner = runner, .error = error};
    if (!inputs_store(runner, slot, error))
        return FALSE;
    if (slot->saving != SAVING_THERE)
        return TRUE;
    moving.input = inputs_marked(slot);
    return slot_each(slot, store_kept, &moving) && inputs_drop_marked(runner, slot, error);
}

/* What it is asked meanwhile comes behind that. */
static void
save_later(PbxRunner *runner, PbxSlot *slot)
{
    if (slot->saving != SAVING_NOTHING || slot->saved_ns > clock_now(runner->clock) ||
        slot_each(slot, is_clean, NULL))
        return;
    slot_each(slot, touch_wrapper, NULL);
    inputs_mark(slot);
    slot->saving = SAVING_ASKED;
    decider_save_later(slot->decider, saved, slot);
}

gboolean
slot_save(PbxRunner *runner, PbxSlot *slot, GError **error)
{
    Moving moving = {.runner = runner, .root = slot, .error = error};
    const gint64 now = clock_now(runner->clock);
    const gboolean observed = slot->observed && runner->asking == NULL;
    if (observed) {
        /* With no point under way it is busy with what it was told: that is not long. */
        decider_settle(slot->decider);
        slot_each(slot, touch, NULL);
        slot->observed = FALSE;
        runner_schedule(runner); /* it may be asked again */
    }
    if (decider_is_attached(slot->decider)) {
        if (!store_so_far(runner, slot, error))
            return FALSE;
        if (!runner->finished && !observed) {
            save_later(runner, slot);
            return TRUE;
        }
    }
    /* It is left as it is. */
    if (decider_is_busy(slot->decider))
        return TRUE;
    if (slot_each(slot, is_clean, NULL))
        return slot->large || inputs_store(runner, slot, error);
    slot_each(slot, touch_wrapper, NULL);
    /* A large one: not yet again, but before it is left. */
    if (slot->large && !observed && slot->saved_ns > now && !runner->finished && !runner->outside)
        return inputs_store(runner, slot, error);
    moving.input = runner->n_inputs;
    if (!slot_each(slot, save_one, &moving) || !inputs_drop(runner, slot, error))
        return FALSE;
    slot->large = moving.largest > LARGE_BLOB || keeps_inputs(slot);
    const gint64 after = clock_now(runner->clock);
    slot->saved_ns = after + period_ns(after - now);
    return TRUE;
}

/* Under what name the store has the state of a slot. (transfer full) */
static char *
stored_name(const PbxSlot *root, const PbxSlot *slot)
{
    const char *name = decider_slot(slot->decider);
    return root->former != NULL
               ? g_strconcat(root->former, name + strlen(decider_slot(root->decider)), NULL)
               : g_strdup(name);
}

static gboolean
load_one(PbxSlot *slot, gpointer user)
{
    Moving *moving = user;
    g_autofree char *name = stored_name(moving->root, slot);
    if (decider_state_version(slot->decider) == 0)
        return TRUE;
    g_auto(PbxBlobFacts) facts = {0};
    g_autoptr(GError) failed = NULL;
    g_autoptr(GBytes) blob = store_blob(moving->runner->store, name, &facts, &failed);
    if (failed != NULL) {
        g_propagate_error(moving->error, g_steal_pointer(&failed));
        return FALSE;
    }
    if (blob == NULL)
        return TRUE; /* nothing has changed it yet */
    if (facts.state_version == STATE_LOST) {
        *moving->again = TRUE;
        g_set_error(moving->error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                    "the state of %s was damaged, and `pegbox repair` has left it out",
                    decider_slot(slot->decider));
        return FALSE;
    }
    moving->largest = MAX(moving->largest, g_bytes_get_size(blob));
    moving->input = MAX(moving->input, facts.input);
    /* A program that kept no inputs has left it. */
    if (moving->killed && g_bytes_get_size(blob) > LARGE_BLOB && facts.at_seq == 0) {
        *moving->again = TRUE;
        g_set_error(moving->error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                    "the driver was killed, and the state of %s that it had stored may be older "
                    "than its trials",
                    decider_slot(slot->decider));
        return FALSE;
    }
    return decider_load(slot->decider, facts.state_version, blob, moving->again, moving->error);
}

static gboolean
has_blob(PbxSlot *slot, gpointer user)
{
    (void)user;
    return (decider_caps(slot->decider) & PBX_CAP_TOLD_AGAIN) == 0 ||
           decider_state_version(slot->decider) != 0;
}

static gboolean
load(PbxRunner *runner, PbxSlot *slot, gboolean killed, gboolean *again, GError **error)
{
    Moving moving = {
        .runner = runner, .root = slot, .killed = killed, .again = again, .error = error};
    *again = (decider_caps(slot->decider) & PBX_CAP_TOLD_AGAIN) != 0;
    /* A wrapper can be told again what it wraps has to be. */
    if (*again && !slot_each(slot, has_blob, NULL))
        return FALSE;
    if (!slot_each(slot, load_one, &moving))
        return FALSE;
    slot->large = moving.largest > LARGE_BLOB || keeps_inputs(slot);
    g_autofree char *name = stored_name(slot, slot);
    return inputs_repeat(runner, slot, name, moving.input, error);
}

/* ---- States of before ---- */

/* A scheduler that knows nothing of before is told what there is. */
static gboolean
introduce(PbxRunner *runner, PbxSlot *scheduler, GError **error)
{
    for (guint i = 0; i < runner->trials->len; i++) {
        PbxTrial *trial = runner->trials->pdata[i];
        if (trial == NULL || trial->ended)
            continue;
        PbxCall add = {.id = CALL_SCHEDULER_ADD,
                       .trial = trial->row.number,
                       .x = trial->row.x,
                       .config = host_json(trial->config),
                       .resources = host_json(runner->spec->resources)};
        decider_call(scheduler->decider, &add, NULL, NULL);
        if (add.status >= 0 && trial->row.state != PBX_STATE_PENDING) {
            add = (PbxCall){.id = CALL_SCHEDULER_STATE,
                            .trial = trial->row.number,
                            .state = trial->row.state,
                            .why = trial->row.state == PBX_STATE_PAUSED ? PBX_WHY_PAUSED
                                                                        : PBX_WHY_STARTED};
            decider_call(scheduler->decider, &add, NULL, NULL);
        }
        if (add.status < 0) {
            decider_set_error(scheduler->decider, &add, error);
            return FALSE;
        }
    }
    return TRUE;
}

/* The way out for one whose state is of no use. */
static void
add_way_out(const PbxRunner *runner, const PbxSlot *slot, GError **error)
{
    const char *what = slot == runner->scheduler ? "scheduler" : "stoppers";
    g_autofree char *message = g_strdup_printf(
        "%s: its state cannot be read: %s; `pegbox resume --reset %s` goes on without it",
        decider_slot(slot->decider), (*error)->message, what);
    g_free((*error)->message);
    (*error)->message = g_steal_pointer(&message);
}

/* Some of a tree may have been loaded before another refused. */
static gboolean
retell(PbxRunner *runner, GError **error)
{
    PbxSlot *search = runner->search;
    if (search->wrapped != NULL) {
        runner->search = slot_new(runner, search->use, CALL_SEARCH_SETUP, error);
        slot_free(search);
    }
    return runner->search != NULL && search_retell(runner, error);
}

typedef struct {
    PbxRunner *runner;
    GError **error;
} Dropping;

/* Those that core has put around a search are not below its name. */
static gboolean
drop_one(PbxSlot *slot, gpointer user)
{
    const Dropping *dropping = user;
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    if (!opens_store(dropping->runner, slot, none, dropping->error))
        return FALSE;
    return store_drop_slot(dropping->runner->store, decider_slot(slot->decider), dropping->error);
}

static gboolean
settle(PbxRunner *runner, PbxSlot *slot, gboolean killed, PbxSlotFate fate, GError **error)
{
    gboolean again = fate == SLOT_AGAIN;
    g_autoptr(GError) failed = NULL;
    Dropping dropping = {runner, error};
    if (fate != SLOT_LOAD && !slot_each(slot, drop_one, &dropping))
        return FALSE;
    if (fate == SLOT_ANEW)
        return slot != runner->scheduler || introduce(runner, slot, error);
    if (fate == SLOT_LOAD && load(runner, slot, killed, &again, &failed))
        return TRUE;
    if (again && slot == runner->search)
        return retell(runner, error);
    if (slot != runner->search)
        add_way_out(runner, slot, &failed);
    runner_name_broken(failed);
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

/* Those that stood elsewhere in the file before, together, as one may have the place of another;
 * then the store has them under their own names. Adds the rest to `slots`. */
static gboolean
load_moved(PbxRunner *runner, gboolean killed, PbxSlotJudge judge, gpointer user, GPtrArray *slots,
           GError **error)
{
    g_autoptr(GPtrArray) moved = g_ptr_array_new();
    for (guint i = 0; i < runner->stoppers->len; i++) {
        PbxSlot *slot = runner->stoppers->pdata[i];
        const gboolean moves = slot->former != NULL &&
                               !g_str_equal(slot->former, decider_slot(slot->decider)) &&
                               judge(runner, slot, user) == SLOT_LOAD;
        g_ptr_array_add(moves ? moved : slots, slot);
        if (moves && !settle(runner, slot, killed, SLOT_LOAD, error))
            return FALSE;
    }
    for (guint i = 0; i < moved->len; i++) {
        PbxSlot *slot = moved->pdata[i];
        slot_each(slot, touch, NULL);
        if (!store_drop_slot(runner->store, slot->former, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
slots_load(PbxRunner *runner, gboolean killed, PbxSlotJudge judge, gpointer user, GError **error)
{
    g_autoptr(GPtrArray) slots = g_ptr_array_new();
    if (!load_moved(runner, killed, judge, user, slots, error))
        return FALSE;
    g_ptr_array_add(slots, runner->scheduler);
    g_ptr_array_add(slots, runner->search);
    for (guint i = 0; i < slots->len; i++) {
        PbxSlot *slot = slots->pdata[i];
        const PbxSlotFate fate = judge != NULL ? judge(runner, slot, user) : SLOT_LOAD;
        if (!settle(runner, slot, killed, fate, error))
            return FALSE;
    }
    return TRUE;
}
