/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked in a child within a call, as the driver alone has the stores: how a trial ended,
 * and the trials of an earlier experiment. */
#include "decider/process-private.h"

static gboolean
is_within(const PbxProcess *process, guint index, guint outer)
{
    while (index > outer)
        index = process->members[index].wrapper;
    return index == outer;
}

/* As one of them sees it, and then each that it wraps. */
static void
put_views(GByteArray *frame, const PbxProcess *process, guint index, const pbx_outcome *outcome)
{
    const PbxChildFuncs *sees = &process->placement.sees;
    g_autofree const pbx_outcome **views = g_new0(const pbx_outcome *, process->n);
    views[index] = outcome;
    for (guint i = index; i < process->n; i++) {
        const PbxPlaced *member = &process->members[i];
        if (!is_within(process, i, index))
            continue;
        if (i > index)
            views[i] = sees->outcome(member->user, views[member->wrapper]);
        pack_struct(frame, &struct_outcome, views[i], NULL);
    }
}

/* Takes the frame. */
static void
answer(PbxProcess *process, GByteArray *frame)
{
    frame_end(frame);
    const gint64 limit_ms = process->placement.limit_ns / 1000000;
    const gboolean sent = frames_send(&process->frames, frame, (gint)MIN(limit_ms, G_MAXINT));
    g_byte_array_unref(frame);
    if (!sent)
        process_lost_channel(process);
}

gboolean
process_answer_told(PbxProcess *process, PbxUnpack *in)
{
    const guint index = unpack_32(in);
    const guint64 trial = unpack_64(in);
    if (in->broken || index == 0 || index >= process->n || process->flight == NULL)
        return FALSE;
    pbx_error error = {"", ""};
    const pbx_outcome *outcome =
        process->placement.sees.told(process->members[index].user, trial, &error);
    GByteArray *frame = frame_begin(FRAME_TOLD);
    status_pack(frame, outcome != NULL ? PBX_OK : PBX_ESTATE, &error);
    if (outcome != NULL)
        put_views(frame, process, index, outcome);
    answer(process, frame);
    return TRUE;
}

gboolean
process_answer_observed(PbxProcess *process, PbxUnpack *in)
{
    const guint index = unpack_32(in);
    const char *experiment = unpack_text(in), *left_out = NULL;
    guint64 from = unpack_64(in);
    const PbxObserveFunc observe = process->placement.observe;
    if (in->broken || experiment == NULL || index >= process->n || process->flight == NULL ||
        observe == NULL || !g_str_equal(process->members[index].plugin->desc->kind, "search"))
        return FALSE;
    pbx_error error = {"", ""};
    const pbx_outcome *outcome =
        observe(process->members[index].user, experiment, &from, &left_out, &error);
    process->observed = TRUE;
    GByteArray *frame = frame_begin(FRAME_OBSERVED);
    status_pack(frame,
                outcome != NULL            ? PBX_OK
                : error.message[0] != '\0' ? PBX_EIO
                                           : PBX_DONE,
                &error);
    pack_64(frame, from);
    pack_text(frame, left_out);
    if (outcome != NULL)
        put_views(frame, process, index, outcome);
    answer(process, frame);
    return TRUE;
}
