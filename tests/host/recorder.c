/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A wrapped search as its wrapper calls it in tests: each call is written down and passed on. */
#include <math.h>
#include <string.h>

#include "host-private.h"

static PbxTestChild *
child_of(pbx_instance *self)
{
    return (PbxTestChild *)self;
}

static const pbx_search *
vtable_of(pbx_instance *self)
{
    return child_of(self)->instance->vtable;
}

static pbx_instance *
inner_of(pbx_instance *self)
{
    return child_of(self)->instance->self;
}

static void note(pbx_instance *self, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void
note(pbx_instance *self, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_string_append_vprintf(child_of(self)->host->calls, format, args);
    va_end(args);
}

static char *
number_text(guint64 number)
{
    return number == PBX_NONE ? g_strdup("none") : g_strdup_printf("%" G_GUINT64_FORMAT, number);
}

static pbx_status
setup(pbx_instance *self, const pbx_problem *problem, pbx_error *error)
{
    const pbx_search *search = vtable_of(self);
    note(self, "setup samples %" G_GINT64_FORMAT " concurrent %" G_GUINT64_FORMAT "\n",
         problem->num_samples, problem->max_concurrent);
    return search->setup != NULL ? search->setup(inner_of(self), problem, error) : PBX_OK;
}

static pbx_status
suggest(pbx_instance *self, pbx_suggestion *suggestion, pbx_error *error)
{
    PbxTestChild *child = child_of(self);
    const pbx_status forced = child->host->answer;
    const pbx_status status =
        forced != PBX_OK ? forced : vtable_of(self)->suggest(inner_of(self), suggestion, error);
    g_autofree char *trial = number_text(suggestion->trial);
    note(self, "suggest %s ask %" G_GUINT64_FORMAT "%s\n", trial, suggestion->ask,
         status == PBX_OK ? "" : ": not");
    if (status != PBX_OK)
        return status;
    *child->asks = suggestion->ask + 1;
    if (suggestion == &child->offered) {
        child->offerer->origin = suggestion->origin;
        child->offerer->extra = suggestion->extra;
    }
    return PBX_OK;
}

static pbx_status
adopt(pbx_instance *self, const pbx_suggestion *suggestion, pbx_error *error)
{
    const pbx_search *search = vtable_of(self);
    g_autofree char *trial = number_text(suggestion->trial), *ask = number_text(suggestion->ask);
    note(self, "adopt %s ask %s%s%s%s", trial, ask,
         suggestion->flags & PBX_SUGGESTION_REPLAY ? " replay" : "",
         suggestion->flags & PBX_SUGGESTION_ENQUEUED ? " enqueued" : "",
         suggestion->flags & PBX_SUGGESTION_ALTERED ? " altered" : "");
    for (guint64 i = 0; i < suggestion->n_dims; i++)
        note(self, " %g", suggestion->x[i]);
    note(self, "\n");
    if ((suggestion->flags & PBX_SUGGESTION_REPLAY) != 0 && suggestion->ask != PBX_NONE)
        *child_of(self)->asks = suggestion->ask + 1;
    return search->adopt != NULL ? search->adopt(inner_of(self), suggestion, error) : PBX_OK;
}

static pbx_status
state(pbx_instance *self, uint64_t trial, uint32_t now, pbx_error *error)
{
    static const char *const names[] = {"pending", "running", "paused"};
    const pbx_search *search = vtable_of(self);
    note(self, "state %" G_GUINT64_FORMAT " %s\n", trial, names[now]);
    return search->state != NULL ? search->state(inner_of(self), trial, now, error) : PBX_OK;
}

static void
note_losses(pbx_instance *self, const pbx_result *result)
{
    for (guint i = 0; result != NULL && i < result->n_losses; i++)
        note(self, " %g", result->losses[i]);
    note(self, result == NULL ? " nothing\n" : "\n");
}

static pbx_status
report(pbx_instance *self, const pbx_result *result, pbx_error *error)
{
    const pbx_search *search = vtable_of(self);
    note(self, "report %" G_GUINT64_FORMAT, result->trial);
    note_losses(self, result);
    return search->report != NULL ? search->report(inner_of(self), result, error) : PBX_OK;
}

static pbx_status
tell(pbx_instance *self, const pbx_outcome *outcome, pbx_error *error)
{
    static const char *const names[] = {"completed", "early",     "stopped",
                                        "failed",    "duplicate", "void"};
    const pbx_search *search = vtable_of(self);
    g_autofree char *trial = number_text(outcome->trial);
    note(self, "tell %s %s%s", trial, names[outcome->end],
         outcome->flags & PBX_OUTCOME_FOREIGN ? " foreign" : "");
    note_losses(self, outcome->last);
    return search->tell != NULL ? search->tell(inner_of(self), outcome, error) : PBX_OK;
}

static pbx_status
total(pbx_instance *self, int64_t *n, pbx_error *error)
{
    const pbx_search *search = vtable_of(self);
    return search->total != NULL ? search->total(inner_of(self), n, error) : PBX_OK;
}

const pbx_search test_recorder = {.struct_size = sizeof test_recorder,
                                  .setup = setup,
                                  .suggest = suggest,
                                  .adopt = adopt,
                                  .state = state,
                                  .report = report,
                                  .tell = tell,
                                  .total = total};

char *
test_calls(PbxTestHost *host)
{
    char *text = g_strdup(host->calls->str);
    g_string_set_size(host->calls, 0);
    return text;
}
