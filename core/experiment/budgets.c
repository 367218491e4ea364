/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The budgets of rungs, as the scheduler names them with its decisions: in the store too, for those
 * who look at a trial's rung in another process. */
#include <math.h>
#include <string.h>

#include "experiment/budgets-private.h"
#include "json/json.h"

/* {"BRACKET/RUNG": budget}; a rung of no bracket is "/RUNG". */
#define FACT "budgets"

static char *
name_of(guint bracket, guint rung)
{
    return bracket != PBX_NO_RUNG ? g_strdup_printf("%u/%u", bracket, rung)
                                  : g_strdup_printf("/%u", rung);
}

static JsonObject *
budgets(PbxRunner *runner)
{
    if (runner->budgets != NULL)
        return json_node_get_object(runner->budgets);
    g_autofree char *text = store_fact(runner->store, FACT);
    g_autoptr(JsonNode) node =
        text != NULL ? json_read(text, strlen(text), DOC_MAX_NESTING, NULL) : NULL;
    if (node != NULL && JSON_NODE_HOLDS_OBJECT(node)) {
        runner->budgets = g_steal_pointer(&node);
    } else {
        g_autoptr(JsonObject) empty = json_object_new();
        runner->budgets = json_node_init_object(json_node_alloc(), empty);
    }
    return json_node_get_object(runner->budgets);
}

double
budgets_find(PbxRunner *runner, guint bracket, guint rung)
{
    double budget = (double)NAN;
    if (rung == PBX_NO_RUNG)
        return budget;
    g_autofree char *name = name_of(bracket, rung);
    JsonNode *node = json_object_get_member(budgets(runner), name);
    if (node != NULL)
        (void)json_number(node, FALSE, &budget);
    return budget;
}

void
budgets_note(PbxRunner *runner, guint bracket, guint rung, double budget)
{
    if (rung == PBX_NO_RUNG || !isfinite(budget) || budgets_find(runner, bracket, rung) == budget)
        return;
    g_autofree char *name = name_of(bracket, rung);
    json_object_set_double_member(budgets(runner), name, budget);
    g_autofree char *text = json_to_text(runner->budgets);
    GError *error = NULL;
    if (!store_put_fact(runner->store, FACT, text, &error))
        runner_fail(runner, error);
}

void
budgets_forget(PbxRunner *runner)
{
    g_clear_pointer(&runner->budgets, json_node_unref);
}
