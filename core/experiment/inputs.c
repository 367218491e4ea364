/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A decider whose state is large is stored only now and then. What changed it since is: its inputs,
 * by reference, each in the transaction of what it led to. When the experiment goes on they are
 * repeated after the state was loaded, with the clock that they had; the answers are known.
 */
#include <math.h>
#include <string.h>

#include "experiment/inputs-private.h"
#include "json/json.h"

/* ---- Recorded ---- */

static void
put_counts(JsonObject *detail, const guint64 *counts)
{
    JsonArray *array = json_array_sized_new(PBX_N_STATES);
    for (guint i = 0; counts != NULL && i < PBX_N_STATES; i++)
        json_array_add_int_element(array, (gint64)counts[i]);
    json_object_set_array_member(detail, "counts", array);
}

/* A number that may be none. */
static void
put_number(JsonObject *detail, const char *name, double value)
{
    if (!isnan(value))
        json_object_set_double_member(detail, name, value);
}

static void
put_amounts(JsonObject *detail, const pbx_amounts *amounts)
{
    JsonArray *array = json_array_new();
    for (guint i = 0; amounts != NULL && i < amounts->n; i++)
        json_array_add_double_element(array, amounts->values[i]);
    json_object_set_array_member(detail, "free", array);
}

static void
put_point(JsonObject *detail, const double *x, guint64 n)
{
    JsonArray *array = json_array_new();
    for (guint64 i = 0; i < n; i++) {
        if (isnan(x[i]))
            json_array_add_null_element(array);
        else
            json_array_add_double_element(array, x[i]);
    }
    json_object_set_array_member(detail, "x", array);
}

static void
record_result(PbxInputRow *row, JsonObject *detail, const pbx_result *result)
{
    row->trial = result->trial;
    row->seq = result->seq;
    row->flags = result->flags;
    if (result->rung != PBX_NO_RUNG)
        json_object_set_int_member(detail, "rung", result->rung);
    put_number(detail, "budget", result->budget);
    put_counts(detail, result->counts);
    put_amounts(detail, result->free);
}

static void
record_outcome(PbxInputRow *row, JsonObject *detail, const pbx_outcome *outcome)
{
    if (outcome->last != NULL)
        record_result(row, detail, outcome->last);
    row->trial = outcome->trial;
    row->flags = outcome->flags;
    row->state = outcome->end;
    put_number(detail, "budget", outcome->budget);
    json_object_set_double_member(detail, "elapsed", outcome->elapsed_s);
    if (outcome->last != NULL)
        json_object_set_int_member(detail, "last_flags", outcome->last->flags);
    if (outcome->trial != PBX_NONE)
        return;
    /* A point that was skipped has no row. */
    put_point(detail, outcome->x, outcome->n_dims);
    json_object_set_int_member(detail, "origin", (gint64)outcome->origin);
}

static void
record_suggestion(PbxInputRow *row, JsonObject *detail, const pbx_suggestion *suggestion)
{
    row->trial = suggestion->trial;
    row->flags = suggestion->flags;
    json_object_set_int_member(detail, "ask", (gint64)suggestion->ask);
    json_object_set_int_member(detail, "origin", (gint64)suggestion->origin);
    if (suggestion->extra != NULL)
        json_object_set_string_member(detail, "extra", suggestion->extra);
    put_point(detail, suggestion->x, suggestion->n_dims);
}

static void
record_choice(PbxInputRow *row, JsonObject *detail, const pbx_choice *choice)
{
    JsonArray *trials = json_array_new();
    row->trial = choice->pick;
    row->flags = choice->flags;
    for (guint i = 0; i < choice->n; i++)
        json_array_add_int_element(trials, (gint64)choice->trials[i]);
    json_object_set_array_member(detail, "trials", trials);
    json_object_set_int_member(detail, "waiting", (gint64)choice->n_waiting);
    put_counts(detail, choice->counts);
    put_amounts(detail, choice->free);
}

static char *
text_of(JsonObject *detail)
{
    if (json_object_get_size(detail) == 0)
        return NULL;
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), detail);
    return json_to_text(node);
}

static void
input_free(gpointer data)
{
    PbxInputRow *row = data;
    g_free(row->call);
    g_free(row->detail);
    g_free(row);
}

/* ---- A suggest that is asked, and answered later ---- */

void
inputs_ask(PbxSlot *slot, const pbx_suggestion *suggestion)
{
    if (!slot->large)
        return;
    g_autoptr(JsonObject) detail = json_object_new();
    json_object_set_boolean_member(detail, INPUT_OPEN, TRUE);
    json_object_set_int_member(detail, "ask", (gint64)suggestion->ask);
    PbxInputRow *row = g_new0(PbxInputRow, 1);
    *row = (PbxInputRow){.slot = (char *)decider_slot(slot->decider),
                         .call = g_strdup(decider_call_name(CALL_SEARCH_SUGGEST)),
                         .trial = suggestion->trial,
                         .at_ns = clock_now(slot->runner->clock),
                         .detail = text_of(detail)};
    g_ptr_array_add(slot->inputs, row);
    slot->open = row;
}

void
inputs_forget(PbxSlot *slot)
{
    PbxInputRow *row = g_steal_pointer(&slot->open);
    if (row != NULL && row->number != 0)
        input_free(row);
}

/* Its point takes the place of the open one, which may be stored. */
static void
record_open(PbxSlot *slot, const pbx_suggestion *suggestion)
{
    PbxInputRow *row = g_steal_pointer(&slot->open);
    g_autoptr(JsonObject) detail = json_object_new();
    record_suggestion(row, detail, suggestion);
    g_free(row->detail);
    row->detail = text_of(detail);
    if (row->number != 0)
        g_ptr_array_add(slot->inputs, row);
}

void
inputs_answered(PbxSlot *slot)
{
    PbxInputRow *row = g_steal_pointer(&slot->open);
    if (row != NULL && row->number != 0)
        input_free(row); /* asked once more, it would answer the same */
    else if (row != NULL)
        g_ptr_array_remove(slot->inputs, row);
}

/* Called behind each call that may have changed the decider. */
static void
record(PbxDecider *decider, const PbxCall *call, gpointer user)
{
    PbxSlot *slot = user;
    if (!slot->large || slot->repeating)
        return;
    if (slot->open != NULL && call->id == CALL_SEARCH_SUGGEST) {
        record_open(slot, call->suggestion);
        return;
    }
    PbxInputRow *row = g_new0(PbxInputRow, 1);
    g_autoptr(JsonObject) detail = json_object_new();
    *row = (PbxInputRow){.slot = (char *)decider_slot(decider),
                         .call = g_strdup(decider_call_name(call->id)),
                         .trial = call->trial,
                         .state = call->state,
                         .why = call->why,
                         .at_ns = call->at_ns};
    if (call->suggestion != NULL)
        record_suggestion(row, detail, call->suggestion);
    else if (call->outcome != NULL)
        record_outcome(row, detail, call->outcome);
    else if (call->result != NULL)
        record_result(row, detail, call->result);
    else if (call->choice != NULL)
        record_choice(row, detail, call->choice);
    row->detail = text_of(detail);
    g_ptr_array_add(slot->inputs, row);
}

void
inputs_watch(PbxRunner *runner, PbxSlot *slot)
{
    slot->runner = runner;
    slot->inputs = g_ptr_array_new_with_free_func(input_free);
    decider_watch(slot->decider, record, slot);
}

/* It outlives the commit. */
static void
keep_open(PbxSlot *slot)
{
    PbxInputRow *copy = g_memdup2(slot->open, sizeof *copy);
    copy->call = g_strdup(copy->call);
    copy->detail = g_strdup(copy->detail);
    slot->open = copy;
}

gboolean
inputs_store(PbxRunner *runner, PbxSlot *slot, GError **error)
{
    for (guint i = 0; i < slot->inputs->len; i++) {
        PbxInputRow *row = slot->inputs->pdata[i];
        if (row->number == 0)
            row->number = ++runner->n_inputs;
        if (!store_put_input(runner->store, row, error))
            return FALSE;
    }
    if (slot->open != NULL && g_ptr_array_find(slot->inputs, slot->open, NULL))
        keep_open(slot);
    slot->stored_inputs = slot->stored_inputs || slot->inputs->len > 0;
    g_ptr_array_set_size(slot->inputs, 0);
    return TRUE;
}

gboolean
inputs_drop(PbxRunner *runner, PbxSlot *slot, GError **error)
{
    g_ptr_array_set_size(slot->inputs, 0);
    if (!slot->stored_inputs)
        return TRUE;
    slot->stored_inputs = FALSE;
    return store_drop_inputs(runner->store, decider_slot(slot->decider), runner->n_inputs, error);
}
