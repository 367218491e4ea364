/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results as deciders see them: losses and watched fields are made for each slot. */
#include <math.h>
#include <string.h>

#include "experiment/runner-private.h"

/* Most results are judged by a number or two of their own, and need no more than that. */
static void
make_text(PbxView *view)
{
    if (view->text != NULL)
        return;
    view->text = g_string_sized_new(512);
    store_result_text(view->text, &view->trial->row, &view->trial->attempt, view->row,
                      view->runner->id);
    view->fields = (PbxLazyJson){.text = view->text->str, .length = view->text->len};
    view->abi.fields = host_json_lazy(&view->fields);
    view->abi.text = view->text->str;
    view->abi.text_size = view->text->len;
}

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
    make_text(view);
    const PbxBinding result = {"result", lazy_json_node(&view->fields)};
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

PbxView *
view_new(PbxRunner *runner, const PbxTrial *trial, const PbxResultRow *row)
{
    PbxView *view = g_new0(PbxView, 1);
    view->runner = runner;
    view->trial = trial;
    view->row = row;
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
    };
    judge_constraints(runner, trial, view);
    return view;
}

void
view_keep(PbxView *view)
{
    make_text(view);
    view->trial = NULL;
    view->row = NULL;
}

void
view_free(PbxView *view)
{
    if (view == NULL)
        return;
    lazy_json_clear(&view->fields);
    if (view->text != NULL)
        g_string_free(view->text, TRUE);
    g_free(view->violations);
    g_free(view);
}

JsonNode *
view_lookup(PbxView *view, const char *name)
{
    make_text(view);
    JsonNode *root = lazy_json_node(&view->fields);
    return root != NULL ? json_lookup(root, name) : NULL;
}

static gboolean
find_number(PbxView *view, const char *name, double *value)
{
    if (view->row != NULL && store_result_number(view->row, name, value))
        return TRUE;
    JsonNode *node = view_lookup(view, name);
    return node != NULL && json_number(node, TRUE, value);
}

gboolean
view_number(PbxView *view, const char *name, double *value)
{
    if (view->asked == NULL || !g_str_equal(view->asked, name)) {
        if (!find_number(view, name, &view->answer)) {
            view->asked = NULL;
            return FALSE;
        }
        view->asked = name;
    }
    *value = view->answer;
    return TRUE;
}

gboolean
view_is_done(PbxView *view)
{
    gsize length;
    const char *own = json_text_member(view->row->fields, "done", &length);
    if (own == NULL)
        return view->row->done;
    return view->row->done || (length == 4 && strncmp(own, "true", length) == 0);
}

/* Missing: NaN; NaN or infinite: the worst there is, whatever the mode. */
static double
loss_of(PbxView *view, const pbx_objective *objective)
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
    make_text(view);
    for (guint i = 0; i < slot->problem->n_objectives; i++)
        slot->losses[i] = loss_of(view, slot->problem->objectives[i]);
    for (gsize i = 0; i < slot->n_watched; i++) {
        double value = (double)NAN;
        slot->present[i] =
            slot->watched[i][0] != '\0' && view_number(view, slot->watched[i], &value);
        slot->watched_values[i] = value;
    }
    slot->view = view;
    slot->seen = view->abi;
    slot->seen.n_losses = slot->problem->n_objectives;
    slot->seen.losses = slot->losses;
    slot->seen.n_watched = (guint32)slot->n_watched;
    slot->seen.watched = slot->watched_values;
    slot->seen.present = slot->present;
    return &slot->seen;
}
