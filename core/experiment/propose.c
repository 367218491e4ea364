/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks the search for trials. */
#include <math.h>

#include "experiment/propose-private.h"

#define STARVED_S    600 /* as Tune: a search that never answers ends the run */
#define AHEAD_A_TURN 32  /* so that the first trials need not wait for the rest */
#define SKIPS_A_TURN 32

/* What came of asking the search. */
typedef enum {
    PROPOSED_NONE, /* not now, or never again */
    PROPOSED_TRIAL,
    PROPOSED_DUPLICATE, /* ask again */
} PbxProposed;

static gboolean
owns_samples(const PbxRunner *runner)
{
    return (decider_caps(runner->search->decider) & PBX_CAP_OWNS_SAMPLES) != 0;
}

static const char *
name_of_search(const PbxRunner *runner)
{
    return spec_use_given(runner->search->use)->plugin->desc->name;
}

/* AGAIN: later. With nothing alive that could change its mind, not for ever. */
static void
not_now(PbxRunner *runner)
{
    gint64 now = clock_now(runner->clock);
    runner->again_ns = now + NS_PER_S;
    gboolean alive = runner->counts[PBX_STATE_PENDING] + runner->counts[PBX_STATE_RUNNING] > 0 ||
                     runner->parked.length > 0;
    if (alive) {
        runner->starved_ns = 0;
    } else if (runner->starved_ns == 0) {
        runner->starved_ns = now;
    } else if (now - runner->starved_ns > STARVED_S * NS_PER_S) {
        runner_fail(runner, g_error_new(PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                                        "search/%s has given no trial for %d s while none runs",
                                        name_of_search(runner), STARVED_S));
    }
}

/* The config of the search's point, which is snapped. NULL: the run cannot go on. */
static JsonNode *
take_config(PbxRunner *runner, pbx_suggestion *suggestion, gboolean *altered)
{
    PbxSpace *space = runner->spec->space;
    g_autoptr(GError) error = NULL;
    if (!space_snap(space, suggestion->x, altered, &error)) {
        runner_fail(runner, g_error_new(PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                                        "search/%s proposed an impossible point: %s",
                                        name_of_search(runner), error->message));
        return NULL;
    }
    /* The trial's number, as long as none was skipped: the one after a duplicate draws anew. */
    PbxRandom random = {.seed = runner->trial_seed,
                        .stream = runner->trials->len + runner->skipped};
    JsonNode *config = space_config(space, suggestion->x, suggestion->extra, runner->spec->resolved,
                                    &random, &error);
    if (config == NULL)
        runner_fail(runner, g_steal_pointer(&error));
    return config;
}

/* The search is told that its point was altered. */
static gboolean
adopt(PbxRunner *runner, pbx_suggestion *suggestion)
{
    suggestion->flags = PBX_SUGGESTION_ALTERED;
    PbxCall call = {.id = CALL_SEARCH_ADOPT, .suggestion = suggestion};
    decider_call(runner->search->decider, &call, NULL, NULL);
    return slot_check(runner, runner->search, &call);
}

gboolean
propose_added(PbxRunner *runner, PbxTrial *trial)
{
    PbxCall add = {.id = CALL_SCHEDULER_ADD,
                   .trial = trial->row.number,
                   .x = trial->row.x,
                   .config = host_json(trial->config),
                   .resources = host_json(runner->spec->resources)};
    decider_call(runner->scheduler->decider, &add, NULL, NULL);
    if (!slot_check(runner, runner->scheduler, &add))
        return FALSE;
    runner_event(runner, PBX_EVENT_ADDED, trial, NULL);
    return TRUE;
}

/* The search's point becomes a trial. Takes config and suggestion->x. */
static gboolean
add_trial(PbxRunner *runner, pbx_suggestion *suggestion, JsonNode *config, gboolean altered)
{
    g_autoptr(GError) error = NULL;
    PbxTrial *trial = trial_new(runner, suggestion->x, config, &error);
    if (trial == NULL) {
        runner_fail(runner, g_steal_pointer(&error));
        return FALSE;
    }
    trial->row.ask = suggestion->ask;
    trial->row.origin = suggestion->origin;
    trial->row.extra = g_strdup(suggestion->extra);
    const gboolean good = (!altered || adopt(runner, suggestion)) && propose_added(runner, trial);
    queue_add(runner, trial);
    return good;
}

/* A point that was suggested becomes a trial, or is skipped. Takes suggestion->x. */
static PbxProposed
take_point(PbxRunner *runner, pbx_suggestion *suggestion)
{
    gboolean altered = FALSE;
    JsonNode *config = take_config(runner, suggestion, &altered);
    /* Another trial was made meanwhile. */
    altered = altered || suggestion->trial != runner->trials->len;
    suggestion->trial = runner->trials->len;
    if (config == NULL) {
        g_free(suggestion->x);
        return PROPOSED_NONE;
    }
    const PbxTrial *earlier = duplicates_find(runner, config);
    if (earlier == NULL) {
        runner->skipped_in_a_row = 0;
        return add_trial(runner, suggestion, config, altered) ? PROPOSED_TRIAL : PROPOSED_NONE;
    }
    json_node_unref(config);
    const gboolean good =
        (!altered || adopt(runner, suggestion)) && duplicates_skip(runner, suggestion, earlier);
    g_free(suggestion->x);
    return good ? PROPOSED_DUPLICATE : PROPOSED_NONE;
}

void
propose_exhausted(PbxRunner *runner)
{
    runner->exhausted = TRUE;
    runner->total = runner->trials->len;
}

/* What the search has answered. Takes the point. */
static PbxProposed
take_answer(PbxRunner *runner, PbxCall *call)
{
    pbx_suggestion *suggestion = call->suggestion;
    if (call->status == PBX_OK) {
        runner->asks++;
        runner->again_ns = runner->starved_ns = 0;
        return take_point(runner, suggestion);
    }
    g_free(suggestion->x);
    if (call->status == PBX_AGAIN)
        not_now(runner);
    else if (call->status == PBX_DONE)
        propose_exhausted(runner);
    else
        slot_check(runner, runner->search, call);
    return PROPOSED_NONE;
}

/* ---- A suggest that takes its time ---- */

typedef struct PbxAsking {
    PbxCall call;
    pbx_suggestion suggestion;
    PbxProposed *proposed; /* NULL: nobody stands and waits any more */
} Asking;

/* One that was asked for before the end was told is stopped with the rest. */
static void
stop_late(PbxRunner *runner)
{
    if (!runner->stopping || runner->abandoned)
        return;
    PbxTrial *trial = runner->trials->pdata[runner->trials->len - 1];
    end_trial(runner, trial, PBX_END_STOPPED, runner->stop_reason);
}

static void
answered(PbxDecider *decider, PbxCall *call, gpointer user)
{
    PbxRunner *runner = user;
    g_autofree Asking *asking = g_steal_pointer(&runner->asking);
    PbxProposed proposed = PROPOSED_NONE;
    (void)decider;
    inputs_answered(runner->search, call);
    runner_touch(runner);
    if (runner->fatal == NULL)
        proposed = take_answer(runner, call);
    else
        g_free(call->suggestion->x);
    if (proposed == PROPOSED_TRIAL)
        stop_late(runner);
    inputs_settled(runner->search);
    if (asking->proposed != NULL)
        *asking->proposed = proposed;
}

void
propose_forget(PbxRunner *runner)
{
    if (runner->unused == NULL)
        return;
    g_free(runner->unused->x);
    g_free((char *)runner->unused->extra);
    g_clear_pointer(&runner->unused, g_free);
}

void
propose_leave(PbxRunner *runner)
{
    if (runner->asking != NULL)
        g_free(runner->asking->suggestion.x);
    g_clear_pointer(&runner->asking, g_free);
    propose_forget(runner);
}

void
propose_unused(PbxRunner *runner)
{
    g_autofree pbx_suggestion *unused = g_steal_pointer(&runner->unused);
    if (unused == NULL)
        return;
    g_autofree char *extra = (char *)unused->extra;
    PbxCall call = {.id = CALL_SEARCH_SUGGEST, .suggestion = unused};
    (void)take_answer(runner, &call);
}

/* ---- Asked ---- */

static pbx_suggestion
new_suggestion(const PbxRunner *runner)
{
    const guint n_dims = space_n_dims(runner->spec->space);
    pbx_suggestion suggestion = {
        .struct_size = sizeof suggestion,
        .n_dims = n_dims,
        .trial = runner->trials->len,
        .ask = runner->asks,
        .x = g_new0(double, n_dims + 1),
    };
    for (guint i = 0; i < n_dims; i++)
        suggestion.x[i] = (double)NAN;
    return suggestion;
}

/* Whether there may be one more trial. */
static gboolean
may_ask(PbxRunner *runner)
{
    if (runner->exhausted || runner->stopping || runner->interrupts > 0 || runner->fatal != NULL ||
        runner->asking != NULL)
        return FALSE;
    /* What it has read of elsewhere is stored first. */
    if (runner->search->observed && decider_is_attached(runner->search->decider) &&
        store_in_transaction(runner->store))
        return FALSE;
    gint64 wanted = runner->spec->num_samples;
    if (!owns_samples(runner) && wanted >= 0 &&
        runner->trials->len - runner->enqueued >= (guint64)wanted) {
        propose_exhausted(runner);
        return FALSE;
    }
    return runner->again_ns <= clock_now(runner->clock);
}

static PbxProposed
ask_search(PbxRunner *runner)
{
    PbxDecider *search = runner->search->decider;
    if (!may_ask(runner))
        return PROPOSED_NONE;
    pbx_suggestion suggestion = new_suggestion(runner);
    PbxCall call = {.id = CALL_SEARCH_SUGGEST, .suggestion = &suggestion};
    if (!decider_is_attached(search)) {
        decider_call(search, &call, NULL, NULL);
        return take_answer(runner, &call);
    }
    PbxProposed proposed = PROPOSED_NONE;
    Asking *asking = runner->asking = g_new0(Asking, 1);
    asking->suggestion = suggestion;
    asking->call = (PbxCall){.id = CALL_SEARCH_SUGGEST, .suggestion = &asking->suggestion};
    asking->proposed = &proposed;
    slot_ask(runner->search, &asking->call, NULL, answered, runner);
    if (runner->asking == asking)
        asking->proposed = NULL;
    return proposed;
}

gboolean
propose_one(PbxRunner *runner)
{
    for (guint skips = 0; skips < SKIPS_A_TURN; skips++) {
        PbxProposed proposed = ask_search(runner);
        if (proposed != PROPOSED_DUPLICATE)
            return proposed == PROPOSED_TRIAL;
    }
    /* The rest of the loop has its turn first. */
    runner_schedule(runner);
    return FALSE;
}

static guint
ahead(const PbxRunner *runner)
{
    double fallback = owns_samples(runner) ? 1000 : 1;
    double set = runner_env("PEGBOX_MAX_PENDING_TRIALS_PG", fallback);
    return (guint)CLAMP(set < 0 ? fallback : set, 1, 1e6);
}

void
propose_fill(PbxRunner *runner)
{
    while (runner->fatal == NULL && runner->interrupts == 0 && !runner->held) {
        const gboolean room = workers_busy(runner) < runner->slots;
        PbxTrial *trial = room || runner->n_kept > 0 ? propose_next(runner, room) : NULL;
        if (trial == NULL)
            break;
        GError *error = NULL;
        if (trial->kept)
            pause_go_on(runner, trial);
        else if (!workers_assign(runner, trial, &error))
            runner_fail(runner, error);
    }
    if (runner->held)
        return;
    guint limit = ahead(runner);
    for (guint made = 0; runner->waiting.length < limit && propose_one(runner); made++) {
        if (made + 1 == AHEAD_A_TURN) {
            runner_schedule(runner);
            break;
        }
    }
}
