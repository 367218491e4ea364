/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results as deciders see them: losses and watched fields are made for each slot. */
#include <math.h>

#include "experiment/runner-private.h"

/* A field that a result lacks is nil, which is no number either. Said once a constraint. */
static void
tell_failed(PbxRunner *runner, const PbxTrial *trial, guint i, const char *message)
{
    if (runner->constraints_failed[i])
        return;
    runner->constraints_failed[i] = TRUE;
    g_autofree char *line = g_strdup_printf(
        "trial %s is not feasible where a constraint gives no number (said once): %s: %s",
        trial->row.name, runner->spec->constraint_texts[i], message);
    runner_log("constraints", PBX_LOG_WARNING, line, runner);
}

static void
judge_constraints(PbxRunner *runner, const PbxTrial *trial, PbxView *view)
{
    const GPtrArray *constraints = runner->spec->constraints;
    if (constraints->len == 0)
        return;
    const PbxBinding result = {"result", view->fields};
    view->violations = g_new(double, constraints->len);
    view->feasible = FEASIBLE_YES;
    for (guint i = 0; i < constraints->len; i++) {
        g_autoptr(GError) error = NULL;
        double value = (double)NAN;
        if (!expression_eval_number(constraints->pdata[i], &result, 1, &value, &error))
            tell_failed(runner, trial, i, error->message);
        view->violations[i] = isnan(value) ? (double)INFINITY : value;
        if (view->violations[i] > 0)
            view->feasible = FEASIBLE_NO;
    }
    view->abi.n_violations = constraints->len;
    view->abi.violations = view->violations;
}

/* A node to look things up in; the whole text is parsed once for all slots. */
PbxView *
view_new(PbxRunner *runner, const PbxTrial *trial, const PbxResultRow *row)
{
    PbxView *view = g_new0(PbxView, 1);
    view->text = g_string_sized_new(512);
    store_result_text(view->text, &trial->row, &trial->attempt, row, runner->id);
    view->fields = json_read(view->text->str, view->text->len, DOC_MAX_NESTING, NULL);
    guint busy = workers_busy(runner);
    view->free_names[0] = "cpu";
    view->free_names[1] = "memory";
    view->free_values[0] = MAX(runner->total_cpu - busy * runner->spec->cpu, 0);
    view->free_values[1] =
        (double)runner->total_memory - (double)busy * (double)runner->spec->memory;
    view->free = (pbx_amounts){.struct_size = sizeof view->free,
                               .n = 2,
                               .names = view->free_names,
                               .values = view->free_values};
    view->abi = (pbx_result){
        .struct_size = sizeof view->abi,
        .flags =
            (row->done ? PBX_RESULT_DONE : 0) | (runner->exhausted ? PBX_RESULT_NO_MORE_TRIALS : 0),
        .rung = row->rung,
        .trial = row->trial,
        .seq = row->seq,
        .iteration = row->iteration,
        .at_ns = clock_now(runner->clock),
        .time_total_s = row->time_total_s,
        .budget =
            row->rung != PBX_NO_RUNG && row->rung == trial->row.rung ? trial->budget : (double)NAN,
        .counts = runner->counts,
        .free = &view->free,
        .fields = host_json(view->fields),
        .text = view->text->str,
        .text_size = view->text->len,
    };
    judge_constraints(runner, trial, view);
    return view;
}

void
view_free(PbxView *view)
{
    if (view == NULL)
        return;
    g_string_free(view->text, TRUE);
    g_clear_pointer(&view->fields, json_node_unref);
    g_free(view->violations);
    g_free(view);
}

gboolean
view_number(const PbxView *view, const char *name, double *value)
{
    JsonNode *node = view->fields != NULL ? json_lookup(view->fields, name) : NULL;
    return node != NULL && json_number(node, TRUE, value);
}

gboolean
view_is_true(const PbxView *view, const char *name)
{
    JsonNode *node = view->fields != NULL ? json_lookup(view->fields, name) : NULL;
    return node != NULL && json_node_get_value_type(node) == G_TYPE_BOOLEAN &&
           json_node_get_boolean(node);
}

/* Missing: NaN; NaN or infinite: the worst there is, whatever the mode. */
static double
loss_of(const PbxView *view, const pbx_objective *objective)
{
    double value;
    if (!view_number(view, objective->name, &value))
        return (double)NAN;
    return isfinite(value) ? objective->sign * value : (double)INFINITY;
}

const pbx_result *
view_for_slot(PbxRunner *runner, PbxView *view, PbxSlot *slot)
{
    (void)runner;
    for (guint i = 0; i < slot->problem->n_objectives; i++)
        slot->losses[i] = loss_of(view, slot->problem->objectives[i]);
    for (gsize i = 0; i < slot->n_watched; i++) {
        double value = (double)NAN;
        slot->present[i] =
            slot->watched[i][0] != '\0' && view_number(view, slot->watched[i], &value);
        slot->watched_values[i] = value;
    }
    view->abi.n_losses = slot->problem->n_objectives;
    view->abi.losses = slot->losses;
    view->abi.n_watched = (guint32)slot->n_watched;
    view->abi.watched = slot->watched_values;
    view->abi.present = slot->present;
    return &view->abi;
}
