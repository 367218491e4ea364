/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How often a search was asked that another one wraps: nobody else counts it. */
#include "decider/decider-private.h"

#include <string.h>

/* Those that were left out before it, as they became no trials, took one of its asks too. */
static guint64
ask_of(const PbxDecider *decider, const PbxDecider *wrapper, const pbx_suggestion *suggestion)
{
    if (suggestion->ask == PBX_NONE)
        return PBX_NONE;
    if ((suggestion->flags & PBX_SUGGESTION_REPLAY) != 0 && suggestion->ask > wrapper->asks)
        return decider->asks + (suggestion->ask - wrapper->asks);
    /* The point that it has just proposed. */
    if ((suggestion->flags & PBX_SUGGESTION_ALTERED) != 0 && decider->asks > 0)
        return decider->asks - 1;
    return decider->asks;
}

pbx_suggestion *
decider_offer(PbxDecider *decider, const PbxDecider *wrapper, pbx_suggestion *suggestion)
{
    decider->offered = *suggestion;
    decider->offered.ask = ask_of(decider, wrapper, suggestion);
    decider->offerer = suggestion;
    return &decider->offered;
}

void
decider_count_asks(PbxDecider *decider, const PbxCall *call)
{
    const pbx_suggestion *suggestion = call->suggestion;
    const gboolean suggested = call->id == CALL_SEARCH_SUGGEST;
    if (suggestion == NULL || suggestion->ask == PBX_NONE ||
        (!suggested && (suggestion->flags & PBX_SUGGESTION_REPLAY) == 0))
        return;
    decider->asks = suggestion->ask + 1;
    if (suggested && suggestion == &decider->offered) {
        decider->offerer->origin = suggestion->origin;
        decider->offerer->extra = suggestion->extra;
    }
}

void
decider_put_asks(const PbxDecider *decider, GByteArray *blob)
{
    const guint64 asks = GUINT64_TO_LE(decider->asks);
    if (decider->counted)
        g_byte_array_append(blob, (const guint8 *)&asks, sizeof asks);
}

gboolean
decider_take_asks(PbxDecider *decider, gconstpointer bytes, gsize *n)
{
    guint64 asks;
    if (!decider->counted)
        return TRUE;
    if (*n < sizeof asks)
        return FALSE;
    *n -= sizeof asks;
    memcpy(&asks, (const guint8 *)bytes + *n, sizeof asks);
    decider->asks = GUINT64_FROM_LE(asks);
    return TRUE;
}
