/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A decider whose state is large is stored only now and then. What changed it since is: its inputs,
 * by reference, each in the transaction of what it led to. When the experiment goes on they are
 * repeated after the state was loaded, with the clock that they had; the answers are known, but
 * those of calls that were still open. Their order is the order in which the decider is called:
 * what is called because of an answer comes before what was called while that was awaited.
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

/* One that is kept until it is stored, or behind one that is open, or that a state is to know of.
 */
typedef struct {
    PbxInputRow row;
    gboolean open, changed; /* not answered; not stored so */
    char *closed;           /* its detail once it is answered; NULL: that comes with the answer */
} Kept;

static void
kept_free(gpointer data)
{
    Kept *kept = data;
    g_free(kept->row.call);
    g_free(kept->row.detail);
    g_free(kept->closed);
    g_free(kept);
}

static Kept *
kept_at(const PbxSlot *slot, guint i)
{
    return slot->inputs->pdata[i];
}

/* The first one that is open; G_MAXUINT: none. They are answered in their order. */
static guint
first_open(const PbxSlot *slot)
{
    for (guint i = 0; i < slot->inputs->len; i++)
        if (kept_at(slot, i)->open)
            return i;
    return G_MAXUINT;
}

/* Those behind a new one take each other's numbers. */
static void
shift_numbers(PbxSlot *slot, guint from)
{
    for (guint i = from; i < slot->inputs->len; i++) {
        kept_at(slot, i)->row.number =
            i + 1 < slot->inputs->len ? kept_at(slot, i + 1)->row.number : 0;
        kept_at(slot, i)->changed = TRUE;
    }
}

static Kept *
keep(PbxSlot *slot, const PbxCall *call, gint64 at_ns)
{
    Kept *kept = g_new0(Kept, 1);
    kept->changed = TRUE;
    kept->row = (PbxInputRow){.slot = (char *)decider_slot(slot->decider),
                              .call = g_strdup(decider_call_name(call->id)),
                              .trial = call->trial,
                              .state = call->state,
                              .why = call->why,
                              .at_ns = at_ns};
    if (slot->follows < 0) {
        g_ptr_array_add(slot->inputs, kept);
        return kept;
    }
    const guint at = (guint)slot->follows++;
    g_ptr_array_insert(slot->inputs, (int)at, kept);
    shift_numbers(slot, at);
    slot->n_marked += slot->saving != SAVING_NOTHING &&
                      (at < slot->n_marked || (at == slot->n_marked && slot->follows_marked));
    return kept;
}

static void
forget(PbxSlot *slot, guint i)
{
    g_ptr_array_remove_index(slot->inputs, i);
    slot->n_marked -= i < slot->n_marked;
}

static JsonObject *
detail_of(Kept *kept, const PbxCall *call)
{
    JsonObject *detail = json_object_new();
    if (call->suggestion != NULL)
        record_suggestion(&kept->row, detail, call->suggestion);
    else if (call->outcome != NULL)
        record_outcome(&kept->row, detail, call->outcome);
    else if (call->result != NULL)
        record_result(&kept->row, detail, call->result);
    else if (call->choice != NULL)
        record_choice(&kept->row, detail, call->choice);
    return detail;
}

/* ---- Calls that are answered later ---- */

void
inputs_ask(PbxSlot *slot, const PbxCall *call, JsonObject *more)
{
    Kept *kept = keep(slot, call, clock_now(slot->runner->clock));
    g_autoptr(JsonObject) detail = detail_of(kept, call);
    kept->open = TRUE;
    if (call->suggestion != NULL)
        kept->row.seq = slot->runner->seq; /* for who is told again */
    else if (call->choice == NULL)
        kept->closed = text_of(detail);
    json_object_set_boolean_member(detail, INPUT_OPEN, TRUE);
    for (GList *names = more != NULL ? json_object_get_members(more) : NULL; names != NULL;
         names = g_list_delete_link(names, names))
        json_object_set_member(detail, names->data,
                               json_node_copy(json_object_get_member(more, names->data)));
    kept->row.detail = text_of(detail);
    slot->opens_changed = TRUE;
}

void
inputs_answered(PbxSlot *slot, const PbxCall *call)
{
    const guint i = first_open(slot);
    Kept *kept = kept_at(slot, i);
    const gboolean changes = slot->large && call->status == PBX_OK;
    slot->opens_changed = TRUE;
    slot->n_answering++;
    slot->follows_marked = i < slot->n_marked;
    slot->follows = (gint)i + 1;
    if (!changes && kept->row.number == 0) {
        forget(slot, i);
        slot->follows = (gint)i;
    } else {
        g_autoptr(JsonObject) detail = NULL;
        kept->open = FALSE;
        kept->changed = TRUE;
        g_free(kept->row.detail);
        if (changes && kept->closed != NULL) {
            kept->row.detail = g_steal_pointer(&kept->closed);
        } else if (changes) {
            kept->row.seq = 0;
            detail = detail_of(kept, call);
        } else {
            detail = json_object_new();
            json_object_set_boolean_member(detail, INPUT_NONE, TRUE);
        }
        if (detail != NULL)
            kept->row.detail = text_of(detail);
    }
}

void
inputs_settled(PbxSlot *slot)
{
    /* What an answer within an answer leaves is followed by what the outer one makes. */
    if (--slot->n_answering == 0)
        slot->follows = -1;
}

/* Called behind each other call that may have changed the decider. */
static void
record(PbxDecider *decider, const PbxCall *call, gpointer user)
{
    PbxSlot *slot = user;
    (void)decider;
    if (!slot->large || slot->repeating)
        return;
    Kept *kept = keep(slot, call, call->at_ns);
    g_autoptr(JsonObject) detail = detail_of(kept, call);
    kept->row.detail = text_of(detail);
}

void
inputs_watch(PbxRunner *runner, PbxSlot *slot)
{
    slot->runner = runner;
    slot->inputs = g_ptr_array_new_with_free_func(kept_free);
    slot->follows = -1;
    decider_watch(slot->decider, record, slot);
}

/* ---- Stored ---- */

static gboolean
store_opens(PbxRunner *runner, PbxSlot *slot, GError **error)
{
    if (!slot->opens_changed || (slot->inputs->len == 0 && !slot->stored_inputs))
        return TRUE;
    g_autoptr(GPtrArray) rows = g_ptr_array_new();
    for (guint i = 0; i < slot->inputs->len; i++)
        g_ptr_array_add(rows, &kept_at(slot, i)->row);
    slot->opens_changed = FALSE;
    slot->stored_inputs = rows->len > 0;
    return opens_store(runner, slot, rows, error);
}

gboolean
inputs_store(PbxRunner *runner, PbxSlot *slot, GError **error)
{
    if (!slot->large)
        return store_opens(runner, slot, error);
    for (guint i = 0; i < slot->inputs->len; i++) {
        Kept *kept = kept_at(slot, i);
        if (kept->row.number == 0)
            kept->row.number = ++runner->n_inputs;
        if (kept->changed && !store_put_input(runner->store, &kept->row, error))
            return FALSE;
        kept->changed = FALSE;
    }
    slot->stored_inputs = slot->stored_inputs || slot->inputs->len > 0;
    const guint done =
        slot->saving != SAVING_NOTHING ? 0 : MIN(first_open(slot), slot->inputs->len);
    if (done > 0)
        g_ptr_array_remove_range(slot->inputs, 0, done);
    return TRUE;
}

gboolean
inputs_drop(PbxRunner *runner, PbxSlot *slot, GError **error)
{
    g_ptr_array_set_size(slot->inputs, 0);
    slot->saving = SAVING_NOTHING;
    if (!slot->stored_inputs)
        return TRUE;
    slot->stored_inputs = FALSE;
    return store_drop_inputs(runner->store, decider_slot(slot->decider), runner->n_inputs, error);
}

/* ---- A state that is there later ---- */

void
inputs_mark(PbxSlot *slot)
{
    slot->n_marked = slot->inputs->len;
    slot->marked = slot->runner->n_inputs;
}

guint64
inputs_marked(const PbxSlot *slot)
{
    return slot->n_marked > 0 ? kept_at(slot, slot->n_marked - 1)->row.number : slot->marked;
}

gboolean
inputs_drop_marked(PbxRunner *runner, PbxSlot *slot, GError **error)
{
    const guint64 number = inputs_marked(slot);
    if (slot->n_marked > 0)
        g_ptr_array_remove_range(slot->inputs, 0, slot->n_marked);
    slot->n_marked = 0;
    slot->saving = SAVING_NOTHING;
    return store_drop_inputs(runner->store, decider_slot(slot->decider), number, error);
}
