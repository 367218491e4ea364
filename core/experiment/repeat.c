/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inputs of a decider, repeated after its state was loaded: the same calls with the same arguments
 * and the same clock, whose answers are ignored. */
#include <math.h>
#include <string.h>

#include "experiment/judging-private.h"
#include "experiment/propose-private.h"
#include "json/json.h"

#define MAX_CHOICE 256

typedef struct {
    PbxRunner *runner;
    PbxSlot *slot;
    guint64 counts[PBX_N_STATES]; /* of the runner, as they are now */
    gboolean exhausted;
    GError *error;
} PbxRepeating;

/* One input, with its detail read. */
typedef struct {
    const PbxInputRow *row;
    JsonObject *detail;
} PbxInput;

/* ---- What a detail says ---- */

static JsonArray *
array_at(const PbxInput *input, const char *name)
{
    JsonNode *node = json_object_get_member(input->detail, name);
    return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static guint
length_of(JsonArray *array)
{
    return array != NULL ? json_array_get_length(array) : 0;
}

static double
item(JsonArray *array, guint i)
{
    double value = (double)NAN;
    (void)json_number(json_array_get_element(array, i), FALSE, &value);
    return value;
}

static double
number_at(const PbxInput *input, const char *name)
{
    double value = (double)NAN;
    JsonNode *node = json_object_get_member(input->detail, name);
    if (node != NULL)
        (void)json_number(node, FALSE, &value);
    return value;
}

static gint64
int_at(const PbxInput *input, const char *name, gint64 none)
{
    JsonNode *node = json_object_get_member(input->detail, name);
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
                   json_node_get_value_type(node) == G_TYPE_INT64
               ? json_node_get_int(node)
               : none;
}

/* [n_dims]. (transfer full) */
static double *
point_at(const PbxRunner *runner, const PbxInput *input)
{
    const guint n = space_n_dims(runner->spec->space);
    JsonArray *array = array_at(input, "x");
    double *x = g_new0(double, n + 1);
    for (guint i = 0; i < n; i++)
        x[i] = i < length_of(array) ? item(array, i) : (double)NAN;
    return x;
}

/* As the runner was then. */
static void
take_counts(PbxRepeating *repeating, const PbxInput *input)
{
    JsonArray *counts = array_at(input, "counts");
    PbxRunner *runner = repeating->runner;
    for (guint i = 0; i < PBX_N_STATES && i < length_of(counts); i++)
        runner->counts[i] = (guint64)MAX(item(counts, i), 0);
}

/* ---- Calls ---- */

static gboolean
fail(PbxRepeating *repeating, const PbxInput *input)
{
    if (repeating->error == NULL)
        g_set_error(&repeating->error, PBX_EXPERIMENT_ERROR, EXPERIMENT_ERROR_BROKEN,
                    "input %" G_GUINT64_FORMAT " (%s) cannot be repeated", input->row->number,
                    input->row->call);
    return FALSE;
}

static gboolean
judge(PbxRepeating *repeating, const PbxCall *call)
{
    if (call->status >= 0)
        return TRUE;
    /* What fails a trial has done so then. */
    if (call->id == CALL_SCHEDULER_RESULT || call->id == CALL_SEARCH_REPORT ||
        call->id == CALL_STOPPER_RESULT)
        return TRUE;
    decider_set_error(repeating->slot->decider, call, &repeating->error);
    return FALSE;
}

static gboolean
make(PbxRepeating *repeating, PbxCall *call)
{
    decider_call(repeating->slot->decider, call, NULL, NULL);
    return judge(repeating, call);
}

static PbxTrialRow *
trial_of(PbxRepeating *repeating, const PbxInput *input)
{
    PbxTrialRow *row = store_trial(repeating->runner->store, input->row->trial, &repeating->error);
    if (row == NULL)
        fail(repeating, input);
    return row;
}

/* A result as it was when it was judged. `then` is to stay while the view does. */
static PbxView *
result_view(PbxRepeating *repeating, const PbxInput *input, PbxTrial *then, PbxResultRow *result,
            guint32 flags)
{
    PbxRunner *runner = repeating->runner;
    result->done = (flags & PBX_RESULT_DONE) != 0;
    result->rung = then->row.rung = (guint)int_at(input, "rung", PBX_NO_RUNG);
    runner->exhausted = (flags & PBX_RESULT_NO_MORE_TRIALS) != 0;
    take_counts(repeating, input);
    PbxView *view = view_new(runner, then, result);
    JsonArray *amounts = array_at(input, "free");
    for (guint i = 0; i < G_N_ELEMENTS(view->free_values) && i < length_of(amounts); i++)
        view->free_values[i] = item(amounts, i);
    return view;
}

/* The result that an input names, with its attempt; NULL with the error set. */
static PbxResultRow *
read_result(PbxRepeating *repeating, const PbxInput *input, PbxTrial *then)
{
    PbxStore *store = repeating->runner->store;
    g_autoptr(PbxResultRow) result = store_result(store, input->row->seq, &repeating->error);
    if (result == NULL) {
        fail(repeating, input);
        return NULL;
    }
    return store_attempt(store, result->trial, result->attempt, &then->attempt, &repeating->error)
               ? g_steal_pointer(&result)
               : NULL;
}

static gboolean
repeat_result(PbxRepeating *repeating, PbxCallId id, const PbxInput *input)
{
    g_autoptr(PbxTrialRow) row = trial_of(repeating, input);
    if (row == NULL)
        return FALSE;
    PbxTrial then = {.row = *row, .budget = number_at(input, "budget")};
    g_autoptr(PbxResultRow) result = read_result(repeating, input, &then);
    if (result == NULL)
        return FALSE;
    g_autoptr(PbxView) view = result_view(repeating, input, &then, result, input->row->flags);
    pbx_decision decision = {.struct_size = sizeof decision,
                             .action = PBX_ACTION_CONTINUE,
                             .rung = PBX_NO_RUNG,
                             .bracket = PBX_NO_RUNG,
                             .budget = (double)NAN};
    pbx_verdict verdict = {.struct_size = sizeof verdict};
    PbxCall call = {.id = id,
                    .result = view_for_slot(repeating->runner, view, repeating->slot),
                    .decision = &decision,
                    .verdict = &verdict};
    const gboolean good = make(repeating, &call);
    /* Its answer is not known yet. */
    if (good && json_object_has_member(input->detail, INPUT_OPEN))
        judging_found(repeating->runner, repeating->slot, &call, input->row->seq, input->detail);
    attempt_row_clear(&then.attempt);
    return good;
}

/* A point that was skipped. */
static gboolean
repeat_skipped(PbxRepeating *repeating, PbxCallId id, const PbxInput *input)
{
    PbxRunner *runner = repeating->runner;
    g_autofree double *x = point_at(runner, input);
    PbxTrialRow none = {.rung = PBX_NO_RUNG};
    PbxTrial then = {.row = none, .budget = number_at(input, "budget")};
    g_autoptr(PbxResultRow) result =
        input->row->seq != 0 ? read_result(repeating, input, &then) : NULL;
    if (repeating->error != NULL)
        return FALSE;
    g_autoptr(PbxTrialRow) earlier =
        result != NULL ? store_trial(runner->store, result->trial, &repeating->error) : NULL;
    if (result != NULL && earlier == NULL)
        return fail(repeating, input);
    if (earlier != NULL)
        then.row = *earlier;
    g_autoptr(PbxView) last = result != NULL ? result_view(repeating, input, &then, result,
                                                           (guint32)int_at(input, "last_flags", 0))
                                             : NULL;
    pbx_outcome outcome = {
        .struct_size = sizeof outcome,
        .flags = input->row->flags,
        .end = PBX_END_DUPLICATE,
        .n_dims = space_n_dims(runner->spec->space),
        .trial = PBX_NONE,
        .origin = (guint64)int_at(input, "origin", 0),
        .x = x,
        .budget = then.budget,
    };
    PbxCall call = slot_tell(repeating->slot, id, &outcome, last);
    attempt_row_clear(&then.attempt);
    return judge(repeating, &call);
}

static gboolean
repeat_outcome(PbxRepeating *repeating, PbxCallId id, const PbxInput *input)
{
    PbxRunner *runner = repeating->runner;
    /* Nobody was told that a trial is void which was to become that. */
    if (json_object_has_member(input->detail, INPUT_OPEN))
        return TRUE;
    if (input->row->trial == PBX_NONE)
        return repeat_skipped(repeating, id, input);
    g_autoptr(PbxTrialRow) row = trial_of(repeating, input);
    if (row == NULL)
        return FALSE;
    PbxTrial then = {.row = *row, .budget = number_at(input, "budget")};
    const double elapsed = number_at(input, "elapsed");
    then.row.end = (int)input->row->state;
    then.row.time_total_s = isnan(elapsed) ? 0 : elapsed;
    g_autoptr(PbxResultRow) result =
        input->row->seq != 0 ? read_result(repeating, input, &then) : NULL;
    if (repeating->error != NULL)
        return FALSE;
    g_autoptr(PbxView) last = result != NULL ? result_view(repeating, input, &then, result,
                                                           (guint32)int_at(input, "last_flags", 0))
                                             : NULL;
    runner->exhausted = FALSE;
    end_tell(runner, repeating->slot, id, &then, last, input->row->flags);
    attempt_row_clear(&then.attempt);
    if (runner->fatal != NULL && repeating->error == NULL)
        g_propagate_error(&repeating->error, g_steal_pointer(&runner->fatal));
    return repeating->error == NULL;
}

static gboolean
is_same_point(const double *a, const double *b, guint n)
{
    for (guint i = 0; i < n; i++)
        if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i])))
            return FALSE;
    return TRUE;
}

/* One that was not answered when its driver was killed: what it answers now is the next trial. */
static gboolean
repeat_open(PbxRepeating *repeating, const PbxInput *input)
{
    PbxRunner *runner = repeating->runner;
    const guint n = space_n_dims(runner->spec->space);
    /* Without a driver nobody can keep the point. */
    if (runner->outside)
        return TRUE;
    propose_forget(runner);
    pbx_suggestion suggestion = {
        .struct_size = sizeof suggestion,
        .n_dims = n,
        .trial = input->row->trial,
        .ask = (guint64)int_at(input, "ask", -1),
        .x = g_new0(double, n + 1),
    };
    for (guint i = 0; i < n; i++)
        suggestion.x[i] = (double)NAN;
    PbxCall call = {.id = CALL_SEARCH_SUGGEST, .suggestion = &suggestion};
    if (!make(repeating, &call) || call.status != PBX_OK) {
        g_free(suggestion.x);
        return repeating->error == NULL;
    }
    runner->unused = g_memdup2(&suggestion, sizeof suggestion);
    suggestion.extra = runner->unused->extra = g_strdup(suggestion.extra);
    /* What it would have been told at once. A point that cannot be is told where it is taken. */
    gboolean altered = FALSE;
    if (!space_snap(runner->spec->space, suggestion.x, &altered, NULL) || !altered)
        return TRUE;
    suggestion.flags = PBX_SUGGESTION_ALTERED;
    call = (PbxCall){.id = CALL_SEARCH_ADOPT, .suggestion = &suggestion};
    return make(repeating, &call);
}

static gboolean
repeat_suggestion(PbxRepeating *repeating, PbxCallId id, const PbxInput *input)
{
    PbxRunner *runner = repeating->runner;
    if (json_object_has_member(input->detail, INPUT_OPEN))
        return repeat_open(repeating, input);
    const guint n = space_n_dims(runner->spec->space);
    g_autofree double *given = point_at(runner, input);
    g_autofree double *x = g_memdup2(given, (n + 1) * sizeof *x);
    JsonNode *extra = json_object_get_member(input->detail, "extra");
    pbx_suggestion suggestion = {
        .struct_size = sizeof suggestion,
        .n_dims = n,
        .trial = input->row->trial,
        .ask = (guint64)int_at(input, "ask", -1),
        .x = x,
    };
    const gboolean asks = id == CALL_SEARCH_SUGGEST;
    for (guint i = 0; asks && i < n; i++)
        x[i] = (double)NAN;
    if (!asks) {
        suggestion.flags = input->row->flags;
        suggestion.origin = (guint64)int_at(input, "origin", 0);
        suggestion.extra =
            extra != NULL && JSON_NODE_HOLDS_VALUE(extra) ? json_node_get_string(extra) : NULL;
    }
    PbxCall call = {.id = id, .suggestion = &suggestion};
    if (!make(repeating, &call))
        return FALSE;
    /* Another point than then: it is told what runs. */
    if (!asks || (call.status == PBX_OK && is_same_point(x, given, n)))
        return TRUE;
    suggestion.flags = PBX_SUGGESTION_ALTERED;
    suggestion.x = given;
    call = (PbxCall){.id = CALL_SEARCH_ADOPT, .suggestion = &suggestion};
    return make(repeating, &call);
}

static gboolean
repeat_add(PbxRepeating *repeating, const PbxInput *input)
{
    g_autoptr(PbxTrialRow) row = trial_of(repeating, input);
    if (row == NULL)
        return FALSE;
    g_autoptr(JsonNode) config =
        json_read(row->config, strlen(row->config), DOC_MAX_NESTING, &repeating->error);
    if (config == NULL)
        return FALSE;
    PbxCall add = {.id = CALL_SCHEDULER_ADD,
                   .trial = row->number,
                   .x = row->x,
                   .config = host_json(config),
                   .resources = host_json(repeating->runner->spec->resources)};
    return make(repeating, &add);
}

static gboolean
repeat_choice(PbxRepeating *repeating, const PbxInput *input)
{
    guint64 trials[MAX_CHOICE];
    JsonArray *listed = array_at(input, "trials"), *amounts = array_at(input, "free");
    const guint n = MIN(length_of(listed), MAX_CHOICE);
    for (guint i = 0; i < n; i++)
        trials[i] = (guint64)MAX(item(listed, i), 0);
    const char *names[] = {"cpu"};
    double values[] = {length_of(amounts) > 0 ? item(amounts, 0) : 0};
    const pbx_amounts free_amounts = {
        .struct_size = sizeof free_amounts, .n = 1, .names = names, .values = values};
    take_counts(repeating, input);
    pbx_choice choice = {
        .struct_size = sizeof choice,
        .flags = input->row->flags,
        .n = n,
        .n_waiting = (guint64)int_at(input, "waiting", n),
        .counts = repeating->runner->counts,
        .free = &free_amounts,
        .trials = trials,
        .pick = PBX_NONE,
    };
    PbxCall call = {.id = CALL_SCHEDULER_CHOOSE, .choice = &choice};
    PbxRunner *runner = repeating->runner;
    const gboolean open = json_object_has_member(input->detail, INPUT_OPEN);
    /* Without a driver nobody can give it a place. */
    if (open && runner->outside)
        return TRUE;
    if (!make(repeating, &call))
        return FALSE;
    if (open && call.status == PBX_OK && choice.pick < runner->trials->len)
        runner->picked = runner->trials->pdata[choice.pick];
    return TRUE;
}

static gboolean
repeat_state(PbxRepeating *repeating, PbxCallId id, const PbxInput *input)
{
    PbxCall call = {
        .id = id, .trial = input->row->trial, .state = input->row->state, .why = input->row->why};
    return make(repeating, &call);
}

static gboolean
repeat(PbxRepeating *repeating, const PbxInput *input)
{
    PbxCallId id = N_CALLS;
    if (json_object_has_member(input->detail, INPUT_NONE))
        return TRUE;
    for (PbxCallId i = 0; i < N_CALLS; i++)
        if (g_strcmp0(decider_call_name(i), input->row->call) == 0)
            id = i;
    switch (id) {
    case CALL_SEARCH_SUGGEST:
    case CALL_SEARCH_ADOPT:
        return repeat_suggestion(repeating, id, input);
    case CALL_SEARCH_STATE:
    case CALL_SCHEDULER_STATE:
        return repeat_state(repeating, id, input);
    case CALL_SEARCH_REPORT:
    case CALL_SCHEDULER_RESULT:
    case CALL_STOPPER_RESULT:
        return repeat_result(repeating, id, input);
    case CALL_SEARCH_TELL:
    case CALL_SCHEDULER_END:
    case CALL_STOPPER_END:
        return repeat_outcome(repeating, id, input);
    case CALL_SCHEDULER_ADD:
        return repeat_add(repeating, input);
    case CALL_SCHEDULER_CHOOSE:
        return repeat_choice(repeating, input);
    default:
        return fail(repeating, input);
    }
}

static gboolean
repeat_row(const PbxInputRow *row, gpointer user)
{
    PbxRepeating *repeating = user;
    PbxRunner *runner = repeating->runner;
    g_autoptr(JsonNode) node =
        row->detail != NULL ? json_read(row->detail, strlen(row->detail), DOC_MAX_NESTING, NULL)
                            : NULL;
    g_autoptr(JsonObject) none = json_object_new();
    const PbxInput input = {
        row, node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : none};
    repeating->slot->stored_inputs = TRUE;
    clock_hold(runner->clock, MAX(row->at_ns, 0));
    const gboolean good = repeat(repeating, &input);
    clock_hold(runner->clock, -1);
    memcpy(runner->counts, repeating->counts, sizeof runner->counts);
    runner->exhausted = repeating->exhausted;
    return good;
}

static gboolean
finish(PbxRepeating *repeating, gboolean read, GError **error)
{
    repeating->slot->repeating = FALSE;
    if (repeating->error == NULL)
        return read;
    g_propagate_prefixed_error(error, g_steal_pointer(&repeating->error),
                               "%s: ", decider_slot(repeating->slot->decider));
    return FALSE;
}

static void
begin(PbxRepeating *repeating, PbxRunner *runner, PbxSlot *slot)
{
    *repeating = (PbxRepeating){.runner = runner, .slot = slot, .exhausted = runner->exhausted};
    memcpy(repeating->counts, runner->counts, sizeof runner->counts);
    slot->repeating = TRUE;
}

gboolean
inputs_repeat(PbxRunner *runner, PbxSlot *slot, const char *name, guint64 after, GError **error)
{
    PbxRepeating repeating;
    begin(&repeating, runner, slot);
    const gboolean read =
        store_each_input(runner->store, name, after, repeat_row, &repeating, error);
    if (read && repeating.error == NULL)
        opens_each(runner, slot, repeat_row, &repeating);
    return finish(&repeating, read, error);
}

/* ---- A point that was asked for, of a search that is told again ---- */

static gboolean
find_open(const PbxInputRow *row, gpointer user)
{
    PbxInputRow *found = user;
    if (!g_str_equal(row->call, decider_call_name(CALL_SEARCH_SUGGEST)))
        return TRUE;
    g_free(found->detail);
    *found = *row;
    found->slot = found->call = NULL;
    found->detail = row->detail != NULL && strstr(row->detail, "\"" INPUT_OPEN "\"") != NULL
                        ? g_strdup(row->detail)
                        : NULL;
    return TRUE;
}

PbxInputRow *
inputs_find_open(PbxRunner *runner, PbxSlot *slot, GError **error)
{
    PbxInputRow found = {0};
    if (!store_each_input(runner->store, decider_slot(slot->decider), 0, find_open, &found, error))
        return NULL;
    opens_each(runner, slot, find_open, &found);
    return found.detail != NULL ? g_memdup2(&found, sizeof found) : NULL;
}

gboolean
inputs_repeat_open(PbxRunner *runner, PbxSlot *slot, const PbxInputRow *open, GError **error)
{
    PbxRepeating repeating;
    PbxInputRow row = *open;
    row.call = (char *)decider_call_name(CALL_SEARCH_SUGGEST);
    begin(&repeating, runner, slot);
    return finish(&repeating, repeat_row(&row, &repeating), error);
}
